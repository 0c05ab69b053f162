/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image-damage - change one field of one block in a backing image
 *
 * No other field or block changes, so the next reader of the block finds exactly one error.
 */
#include "tests/lib/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: image-damage [options] IMAGE LBA FIELD[=VALUE|^MASK]\n"
	"Damage one field of one block in a raw backing image, and print it before and after. Of a\n"
	"block that escapes all checks, as one that was never written does, it says so.\n\n"
	IMAGE_USAGE
	"FIELD is one of\n"
	"  data      the first byte of the block's data\n"
	"  md        the first byte of its metadata that is not the tuple's\n"
	"  guard, app, storage, ref\n"
	"  escape    the application tag becomes FFFFh, with type 3 the reference tag all ones\n"
	"FIELD=VALUE stores the value, FIELD^MASK flips the bits of the mask; FIELD alone flips\n"
	"the lowest bit.\n"
	"exit status: 0 done, 2 refused and nothing was written.\n";

/* How to change a value. */
struct change {
	bool		store;
	uint64_t	value;		/* to store; otherwise the bits to flip */
};

struct job {
	struct image	image;
	uint64_t	lba;
	const char	*field;
	char		op;		/* '=', '^' or none */
	struct change	change;
};

/* Return the changed value of @old, which is @bits wide. */
static uint64_t changed(const struct job *job, const char *name, uint64_t old, unsigned bits)
{
	const struct change *c = &job->change;

	if (bits < 64 && c->value >> bits)
		image_die("%s: %" PRIx64 "h does not fit in %u bits", name, c->value, bits);
	if (c->store ? c->value == old : !c->value)
		image_die("LBA %" PRIu64 " %s is %" PRIx64 "h and would stay so", job->lba, name,
			  old);
	return c->store ? c->value : old ^ c->value;
}

static void show(const struct job *job, const char *name, unsigned bits, uint64_t old,
		 uint64_t new)
{
	int digits = (bits + 3) / 4;

	printf("LBA %" PRIu64 " %s %0*" PRIx64 "h -> %0*" PRIx64 "h\n", job->lba, name, digits,
	       old, digits, new);
}

static void damage_byte(const struct job *job, uint64_t offset)
{
	uint8_t old, new;

	image_read(&job->image, &old, 1, offset);
	new = changed(job, job->field, old, 8);
	image_write(&job->image, &new, 1, offset);
	show(job, job->field, 8, old, new);
}

static void damage_data(const struct job *job)
{
	damage_byte(job, image_data_at(&job->image, job->lba));
}

static void damage_md(const struct job *job)
{
	const struct oracle_format *f = &job->image.format;

	if (f->md_size == oracle_tuple_size(f))
		image_die("md: this format has no metadata beyond the tuple");
	damage_byte(job, image_md_at(&job->image, job->lba) +
		    (f->first ? oracle_tuple_size(f) : 0));
}

static uint64_t tuple_at(const struct job *job)
{
	return image_md_at(&job->image, job->lba) + oracle_tuple_offset(&job->image.format);
}

static struct oracle_tuple read_tuple(const struct job *job)
{
	const struct oracle_format *f = &job->image.format;
	uint8_t bytes[16];

	image_read(&job->image, bytes, oracle_tuple_size(f), tuple_at(job));
	return oracle_unpack(f, bytes);
}

static void write_tuple(const struct job *job, const struct oracle_tuple *t)
{
	const struct oracle_format *f = &job->image.format;
	uint8_t bytes[16];

	oracle_pack(f, t, bytes);
	image_write(&job->image, bytes, oracle_tuple_size(f), tuple_at(job));
}

static void damage_tag(const struct job *job, enum oracle_field field)
{
	unsigned bits = oracle_bits(&job->image.format, field);
	struct oracle_tuple t = read_tuple(job);
	uint64_t old = t.field[field];

	if (!bits)
		image_die("%s: this format has none", oracle_names[field]);
	t.field[field] = changed(job, oracle_names[field], old, bits);
	write_tuple(job, &t);
	show(job, oracle_names[field], bits, old, t.field[field]);
}

static void escape(const struct job *job)
{
	const struct oracle_format *f = &job->image.format;
	struct oracle_tuple old = read_tuple(job), new = old;

	if (job->op)
		image_die("escape takes no value");
	if (!f->type)
		image_die("escape: without protection there is nothing to escape from");
	if (oracle_escapes(f, &old))
		image_die("LBA %" PRIu64 " escapes already", job->lba);
	new.field[ORACLE_APP] = UINT16_MAX;
	if (f->type == 3)
		new.field[ORACLE_REF] = UINT64_MAX;
	write_tuple(job, &new);
	new = read_tuple(job);
	for (int field = 0; field < ORACLE_FIELDS; field++)
		if (new.field[field] != old.field[field])
			show(job, oracle_names[field], oracle_bits(f, field), old.field[field],
			     new.field[field]);
}

static void damage(const struct job *job)
{
	static const struct {
		const char	*name;
		void		(*damage)(const struct job *job);
	} others[] = { { "data", damage_data }, { "md", damage_md }, { "escape", escape } };

	for (int field = 0; field < ORACLE_FIELDS; field++) {
		if (!strcmp(job->field, oracle_names[field])) {
			damage_tag(job, field);
			return;
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strcmp(job->field, others[i].name)) {
			others[i].damage(job);
			return;
		}
	}
	image_die("field '%s' is none of data, md, guard, app, storage, ref, escape", job->field);
}

/* Split FIELD, FIELD=VALUE or FIELD^MASK; @arg is truncated to FIELD. */
static void parse_field(struct job *job, char *arg)
{
	char *op = arg + strcspn(arg, "=^");

	job->field = arg;
	job->op = *op;
	job->change = (struct change){ .value = 1 };
	if (!*op)
		return;
	*op = '\0';
	job->change.store = job->op == '=';
	job->change.value = image_number(arg, op + 1, UINT64_MAX);
}

static bool is_zero(const struct job *job, uint64_t offset, uint32_t len)
{
	uint8_t byte;

	for (uint32_t i = 0; i < len; i++) {
		image_read(&job->image, &byte, 1, offset + i);
		if (byte)
			return false;
	}
	return true;
}

/* Warn if no check will detect the change; called before the block is changed. */
static void warn(const struct job *job)
{
	const struct oracle_format *f = &job->image.format;
	struct oracle_tuple tuple = { 0 };

	if (is_zero(job, image_data_at(&job->image, job->lba), f->data_size) &&
	    is_zero(job, image_md_at(&job->image, job->lba), f->md_size)) {
		fprintf(stderr, "image-damage: LBA %" PRIu64 " holds nothing but zeroes: it was never written, "
			"or deallocated, so it escapes, and no check will see this; write it first\n", job->lba);
		return;
	}
	if (f->type)
		tuple = read_tuple(job);
	if (f->type && oracle_escapes(f, &tuple) && strcmp(job->field, oracle_names[ORACLE_APP]))
		fprintf(stderr, "image-damage: LBA %" PRIu64 " escapes all checks by its application tag: no check "
			"will see this\n", job->lba);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { IMAGE_OPTIONS, { 0 } };
	struct job job = { 0 };

	image_getopt(&job.image, argc, argv, options, usage);
	if (argc - optind != 3)
		image_die("an image, an LBA and a field are needed; see --help");
	job.lba = image_number("LBA", argv[optind + 1], UINT64_MAX);
	parse_field(&job, argv[optind + 2]);
	image_open(&job.image, argv[optind], true);
	if (job.lba >= job.image.blocks)
		image_die("%s: LBA %" PRIu64 " is past the end; it holds %" PRIu64 " blocks",
			  argv[optind], job.lba, job.image.blocks);
	if (strcmp(job.field, "escape"))
		warn(&job);
	damage(&job);
	return 0;
}
