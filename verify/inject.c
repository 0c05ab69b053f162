/* SPDX-License-Identifier: GPL-2.0-only */
/* inject.c - see inject.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "inject.h"
#include "metadata.h"
#include "hash.h"
#include "refuse.h"


static const struct {
	const char	*word;
	unsigned	field;
} words[] = {
	{ "guard", PI_GUARD }, { "app", PI_APP }, { "ref", PI_REF }, { "storage", PI_STORAGE },
	{ "data", VFY_DATA }, { "md", VFY_METADATA },
};

#define NR_WORDS (sizeof(words) / sizeof(words[0]))

static const char *word_of(unsigned field)
{
	size_t i = 0;

	while (words[i].field != field)
		i++;
	return words[i].word;
}

/* --- the option --- */

/* Returns the text after @word if @text begins with it; else NULL. */
static const char *after(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) ? NULL : text + len;
}

/*
 * Parse a decimal number.  Returns the text after it, or NULL if there is no number or it does
 * not fit.
 */
static const char *number(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;			/* strtoull() accepts a sign and spaces */
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

static const char *parse_field(const char *text, struct vfy_inject_rule *f)
{
	for (size_t i = 0; i < NR_WORDS; i++) {
		const char *rest = after(text, words[i].word);

		if (rest && (!*rest || strchr(":/@,", *rest))) {
			f->field = words[i].field;
			return rest;
		}
	}
	return NULL;
}

/*
 * Parse one FIELD[:bit|:all][/N][@SEED].  Returns the text after it, or NULL with *@wrong set
 * to the reason.
 */
static const char *parse_fault(const char *text, struct vfy_inject_rule *f, const char **wrong)
{
	const char *rest = parse_field(text, f);

	*wrong = "FIELD is guard, app, ref, storage, data or md";
	if (rest && *rest == ':') {
		*wrong = "after ':' comes bit or all";
		f->all = after(rest, ":all");
		rest = after(rest, f->all ? ":all" : ":bit");
	}
	if (rest && *rest == '/') {
		*wrong = "after '/' comes a number, 1 or more: one block in so many";
		rest = number(rest + 1, &f->every);
		rest = f->every ? rest : NULL;
	}
	if (rest && *rest == '@') {
		*wrong = "after '@' comes a seed, a number";
		rest = number(rest + 1, &f->seed);
	}
	if (rest && *rest && *rest != ',') {
		*wrong = "it is FIELD[:bit|:all][/N][@SEED]";
		rest = NULL;
	}
	return rest;
}

static const struct vfy_inject_rule *find(const struct vfy_inject *in, unsigned field)
{
	for (unsigned i = 0; i < in->nr; i++)
		if (in->fault[i].field == field)
			return &in->fault[i];
	return NULL;
}

int vfy_inject_parse(const char *text, struct vfy_inject *in, char *why)
{
	*in = (struct vfy_inject){ 0 };
	for (const char *rest = NULL; !rest || *rest; text = rest + 1) {
		struct vfy_inject_rule f = { .every = 1000, .seed = 1 };
		const char *wrong;

		rest = parse_fault(text, &f, &wrong);
		if (rest && find(in, f.field)) {
			wrong = "each field once";
			rest = NULL;
		}
		if (!rest)
			return refuse(why, EINVAL, "pi_inject: '%.*s': %s", (int)strcspn(text, ","), text,
				      wrong);
		in->fault[in->nr++] = f;
	}
	return 0;
}

/* --- which fields can be corrupted --- */

/* Returns the bits of a tuple's field that are checked. */
static uint64_t checked_bits(const struct pi_layout *l, const struct pi_tags *t, unsigned field)
{
	switch (field) {
	case PI_GUARD:
		return pi_ones(8 * l->format->guard_size);
	case PI_APP:
		return t->app_mask;
	case PI_STORAGE:
		return t->storage_mask & pi_ones(l->sts);
	default:
		return pi_ones(pi_ref_bits(l));
	}
}

/*
 * Returns whether only one bit of the application tag is checked and flipping it makes the
 * block escape.
 */
static bool only_escapes(const struct pi_layout *l, const struct pi_tags *t)
{
	struct pi_fields f = { .app = t->app ^ t->app_mask, .ref = t->ref };

	return !(t->app_mask & (t->app_mask - 1)) && pi_escapes(l, &f);
}

/* Returns why no error in this field of blocks of @l could be detected, or NULL if one can. */
static const char *objection(unsigned field, const struct pi_layout *l, const struct pi_tags *t,
			     bool tuples, bool md)
{
	struct pi_fields f = { .app = t->app, .ref = t->ref };

	if (l->type != PI_NONE && pi_escapes(l, &f))
		return "with this application tag blocks escape all checks: give another apptag";
	if (field == VFY_METADATA) {
		if (!vfy_md_present(l))
			return "this format has no metadata beyond the tuple";
		return md ? NULL : "no metadata crosses the interface: give pi_act=0";
	}
	if (l->type == PI_NONE)
		return "this namespace has no protection information: no check would detect it";
	if (!tuples)
		return "no tuples of the host cross the interface: give pi_act=0";
	if (field == VFY_DATA)
		return NULL;
	if (field == PI_STORAGE && !l->sts)
		return "this format has no storage tag";
	if (field == PI_REF && l->type == PI_TYPE3)
		return "the reference tag of type 3 is not checked";
	if (!checked_bits(l, t, field))
		return "no bit of it is checked";
	if (field == PI_APP && only_escapes(l, t))
		return "the one bit that is checked would make blocks escape: give another apptag";
	return NULL;
}

int vfy_inject_check(const struct vfy_inject *in, const struct pi_layout *l,
		     const struct pi_tags *tags, bool tuples, bool md, char *why)
{
	for (unsigned i = 0; i < in->nr; i++) {
		const char *text = objection(in->fault[i].field, l, tags, tuples, md);

		if (text)
			return refuse(why, EINVAL, "pi_inject=%s: %s", word_of(in->fault[i].field), text);
	}
	return 0;
}

/* --- which blocks --- */

/*
 * Returns a pseudo-random number for @n that depends on the FIELD item.  @use selects
 * independent numbers for the choice of the block and of the bit.
 */
enum use { THE_BLOCK, THE_BIT };

static uint64_t chance(const struct vfy_inject_rule *f, enum use use, uint64_t n)
{
	return vfy_hash(vfy_hash(vfy_hash(f->seed) + 2 * f->field + use) + n);
}

/*
 * One block of each group of @every consecutive blocks is chosen.  Returns the sequence number
 * of the first chosen block from @place on.
 */
static uint64_t next_damaged(const struct vfy_inject_rule *f, uint64_t place)
{
	uint64_t run = place / f->every;
	uint64_t at = run * f->every + chance(f, THE_BLOCK, run) % f->every;

	if (at >= place)
		return at;
	run++;
	return run * f->every + chance(f, THE_BLOCK, run) % f->every;
}

/*
 * Returns the index of the item whose block is first; for the same block, the one whose field
 * is first.
 */
static unsigned earliest(const struct vfy_inject *in, const uint64_t *at)
{
	unsigned first = 0;

	for (unsigned i = 1; i < in->nr; i++)
		if (at[i] < at[first] ||
		    (at[i] == at[first] && in->fault[i].field < in->fault[first].field))
			first = i;
	return first;
}

unsigned vfy_inject_draw(const struct vfy_inject *in, uint32_t nr, struct vfy_injection *d,
			 unsigned max)
{
	uint64_t at[VFY_MAX_FAULTS];
	unsigned found = 0;

	for (unsigned i = 0; i < in->nr; i++)
		at[i] = next_damaged(&in->fault[i], in->next);
	while (in->nr) {
		unsigned i = earliest(in, at);
		uint64_t index = at[i] - in->next;

		if (index >= nr)
			break;
		if (found < max)
			d[found] = (struct vfy_injection){
				.index = index, .field = in->fault[i].field,
			};
		found++;
		at[i] = next_damaged(&in->fault[i], at[i] + 1);
	}
	return found;
}

void vfy_inject_pass(struct vfy_inject *in, uint32_t nr)
{
	in->next += nr;
}

/* --- the corruption --- */

/* A block, and the bits of it that may be flipped. */
struct victim {
	const struct pi_layout	*l;
	const struct pi_tags	*tags;
	uint64_t		lba;
	uint8_t			*data, *md;
	unsigned		field;
	uint8_t			*bytes;		/* data or metadata outside the tuple, or NULL */
	uint64_t		mask;		/* the bits of the tuple's field */
	uint64_t		nr_bits;
};

static struct victim victim_of(const struct pi_layout *l, const struct pi_tags *tags, uint64_t lba,
			       void *data, void *md, unsigned field)
{
	struct victim v = {
		.l = l, .tags = tags, .lba = lba, .data = data, .md = md, .field = field,
	};

	if (field == VFY_DATA) {
		v.bytes = data;
		v.nr_bits = 8ULL * l->data_size;
	} else if (field == VFY_METADATA) {
		struct vfy_span s = vfy_md_span(l);

		v.bytes = v.md + s.from;
		v.nr_bits = 8ULL * (s.to - s.from);
	} else {
		v.mask = checked_bits(l, tags, field);
		v.nr_bits = __builtin_popcountll(v.mask);
	}
	return v;
}

static uint64_t value(const struct pi_fields *f, unsigned field)
{
	switch (field) {
	case PI_GUARD:		return f->guard;
	case PI_APP:		return f->app;
	case PI_STORAGE:	return f->storage;
	default:		return f->ref;
	}
}

static void *tuple_of(const struct victim *v)
{
	return v->md + pi_tuple_offset(v->l);
}

static void flip_in_tuple(const struct victim *v, uint64_t bits)
{
	struct pi_fields f = pi_tuple_get(v->l, tuple_of(v));

	f.guard ^= v->field == PI_GUARD ? bits : 0;
	f.app ^= v->field == PI_APP ? bits : 0;
	f.storage ^= v->field == PI_STORAGE ? bits : 0;
	f.ref ^= v->field == PI_REF ? bits : 0;
	pi_tuple_put(v->l, tuple_of(v), &f);
}

static void flip_bit(const struct victim *v, uint64_t n)
{
	uint64_t mask = v->mask;

	if (v->bytes) {
		v->bytes[n / 8] ^= 1 << n % 8;
		return;
	}
	while (n--)
		mask &= mask - 1;
	flip_in_tuple(v, mask & -mask);
}

static void flip_all(const struct victim *v)
{
	if (!v->bytes)
		flip_in_tuple(v, v->mask);
	else
		for (uint64_t i = 0; i < v->nr_bits / 8; i++)
			v->bytes[i] ^= 0xff;
}

/*
 * Returns the offset, in the data or metadata, of the byte that is reported for the flipped
 * bits.
 */
static uint32_t offset_of(const struct victim *v, bool all, uint64_t bit)
{
	uint32_t base = v->field == VFY_METADATA ? vfy_md_span(v->l).from : 0;

	return v->bytes ? base + (all ? 0 : bit / 8) : 0;
}

static uint64_t value_now(const struct victim *v, uint32_t offset)
{
	struct pi_fields f;

	if (v->field == VFY_DATA)
		return v->data[offset];
	if (v->field == VFY_METADATA)
		return v->md[offset];
	f = pi_tuple_get(v->l, tuple_of(v));
	return value(&f, v->field);
}

/* Returns the fields in which a full check, or Compare for data, detects an error in this field. */
static unsigned consequence(const struct victim *v)
{
	bool covered = v->tags && v->l->type != PI_NONE && !v->l->first;

	if (v->field == VFY_DATA)
		return PI_GUARD | VFY_DATA;
	return v->field | (v->field == VFY_METADATA && covered ? PI_GUARD : 0);
}

/*
 * Returns the fields of the tuple that a check finds wrong.  The tuple is checked as if
 * metadata were separate, because @data and @md point to its block alone.
 */
static unsigned wrong_in_tuple(const struct victim *v)
{
	struct pi_layout apart = *v->l;
	struct pi_error errs[4];
	unsigned nr, wrong = 0;

	if (!v->tags || v->l->type == PI_NONE)
		return 0;
	apart.extended = false;
	nr = pi_verify(&apart, v->tags, PI_GUARD | PI_APP | PI_STORAGE | PI_REF, v->data, v->md, 1,
		       errs, 4).bad;
	for (unsigned i = 0; i < nr; i++)
		wrong |= errs[i].field;
	return wrong;
}

/*
 * Returns whether the check finds the metadata outside the tuple wrong.  Metadata that a plugin
 * filled is always wrong for it.
 */
static bool wrong_metadata(const struct victim *v)
{
	return vfy_md_check(v->l, v->lba, v->data, 0, v->md, 0, 1, NULL, 0).bad;
}

/*
 * Returns whether a check detects the error.  A second error in a block can cancel the first
 * one or make its guard correct again; flipped bits can make the tuple escape or the metadata
 * look unwritten.
 */
static bool seen(const struct victim *v, unsigned consequence)
{
	if (consequence & VFY_METADATA && !wrong_metadata(v))
		return false;
	consequence &= ~(VFY_METADATA | VFY_DATA);
	return (wrong_in_tuple(v) & consequence) == consequence;
}

/*
 * Flip bits according to candidate number @way: one bit, starting with @bit; or with @all, all
 * bits (@way 0), then all but one.  The same call again undoes it.
 */
static void flip(const struct victim *v, bool all, uint64_t bit, uint64_t way)
{
	if (all)
		flip_all(v);
	if (!all || way)
		flip_bit(v, (bit + way) % v->nr_bits);
}

/* Flip according to candidate @way, and undo it if no check detects it. */
static void try(const struct victim *v, bool all, uint64_t bit, uint64_t way, struct vfy_injection *d)
{
	unsigned shows = consequence(v);

	d->offset = offset_of(v, all, (bit + way) % v->nr_bits);
	d->was = value_now(v, d->offset);
	flip(v, all, bit, way);
	if (seen(v, shows))
		d->shows = shows;
	else
		flip(v, all, bit, way);
	d->is = value_now(v, d->offset);
}

static bool escapes(const struct victim *v)
{
	struct pi_fields f;

	if (!v->tags || v->l->type == PI_NONE)
		return false;
	f = pi_tuple_get(v->l, tuple_of(v));
	return pi_escapes(v->l, &f);
}

void vfy_inject_damage(const struct vfy_inject *in, const struct pi_layout *l,
		       const struct pi_tags *tags, uint64_t lba, uint64_t place, void *data,
		       void *md, struct vfy_injection *d)
{
	const struct vfy_inject_rule *f = find(in, d->field);
	struct victim v = victim_of(l, tags, lba, data, md, d->field);
	uint64_t bit;

	d->shows = 0;
	if (!v.nr_bits || escapes(&v))
		return;
	bit = chance(f, THE_BIT, place) % v.nr_bits;
	for (uint64_t way = 0; way < v.nr_bits && way <= 64 && !d->shows; way++)
		try(&v, f->all, bit, way, d);
}
