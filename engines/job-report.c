/* SPDX-License-Identifier: GPL-2.0-only */
/* job-report.c - see job-report.h */
#include <stdio.h>
#include <stdlib.h>
#include "verify/json.h"
#include "job-report.h"

static void add_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, vfy_json_text(value));
}

static void add_count(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

/* Adds a ratio with one decimal place: the clock is not more precise. */
static void add_ratio(struct json_object *o, const char *key, double of, uint64_t to)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f", to ? of / to : 0);
	json_object_object_add(o, key, json_object_new_double_s(to ? of / to : 0, text));
}

static struct json_object *files(const struct session *s)
{
	struct json_object *list = json_object_new_array();
	char format[NVME_FORMAT_MAX];

	for (unsigned i = 0; i < s->nr_ns; i++) {
		const struct job_ns *ns = &s->ns[i];
		struct json_object *o = json_object_new_object();

		add_text(o, "path", ns->path);
		add_text(o, "format", nvme_format_name(&ns->info, format));
		add_text(o, "model", ns->info.model);
		add_text(o, "serial", ns->info.serial);
		add_text(o, "firmware", ns->info.firmware);
		add_count(o, "blocks", ns->info.nr_blocks);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *options(const struct session *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "pi_act", json_object_new_boolean(s->ns[0].pract));
	json_object_object_add(o, "pi_chk", vfy_json_fields(s->ns[0].prchk));
	json_object_object_add(o, "pi_chk_in_reads", vfy_json_fields(s->ns[0].prchk_read));
	json_object_object_add(o, "pi_verify", vfy_json_fields(s->seen[0].host_checks));
	json_object_object_add(o, "pi_verify_where_written", vfy_json_fields(s->ns[0].own_only));
	return o;
}

/* Adds a sum, and an object with those of its parts that are not 0. */
static void add_parts(struct json_object *o, const char *key, const uint64_t *n, const char *const *names,
		      unsigned nr)
{
	struct json_object *parts = json_object_new_object();
	char by[32];
	uint64_t sum = 0;

	for (unsigned i = 0; i < nr; i++) {
		sum += n[i];
		if (n[i])
			add_count(parts, names[i], n[i]);
	}
	snprintf(by, sizeof(by), "%s_by", key);
	add_count(o, key, sum);
	json_object_object_add(o, by, parts);
}

static struct json_object *blocks(const struct io_stats *st)
{
	static const char *const rules[] = {
		"application_tag_ffff", "application_and_reference_tag_all_ones",
	};
	static const char *const reasons[IO_NR_UNCHECKED] = {
		[IO_NOT_ASKED] = "pi_verify_none", [IO_PRACT] = "pi_act", [IO_NO_PI] = "no_protection",
		[IO_FAILED] = "read_failed", [IO_PLUGIN] = "plugin", [IO_NOT_OURS] = "not_written_by_run",
		[IO_BLANK] = "blank",
	};
	struct json_object *o = json_object_new_object(), *device = json_object_new_object();

	add_count(o, "generated", st->written[IO_BY_HOST]);
	add_count(o, "generated_by_device", st->written[IO_BY_DEVICE]);
	add_count(o, "written_without_tuples", st->written[IO_WITHOUT]);
	add_count(o, "deallocated", st->changed[IO_DEALLOCATED]);
	add_count(o, "zeroed", st->changed[IO_ZEROED]);
	add_count(o, "made_uncorrectable", st->changed[IO_UNCORRECTABLE]);
	add_count(o, "read", io_blocks_read(st));
	add_count(o, "checked", st->checked);
	add_parts(o, "escaped", st->escaped, rules, 2);
	add_parts(o, "not_checked", st->unchecked, reasons, IO_NR_UNCHECKED);
	add_count(device, "asked", st->asked);
	json_object_object_add(o, "device", device);
	return o;
}

static struct json_object *times(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;
	uint64_t generate = ticks_to_ns(&s->from, ticks_of_all(&st->generating));
	uint64_t check = ticks_to_ns(&s->from, ticks_of_all(&st->checking));
	struct json_object *o = json_object_new_object();

	add_count(o, "generate", generate);
	add_count(o, "check", check);
	add_ratio(o, "generate_per_block", generate, st->written[IO_BY_HOST]);
	add_ratio(o, "check_per_block", check, io_looked_at(st));
	add_ratio(o, "generate_per_io", generate, st->ios);
	add_ratio(o, "check_per_io", check, st->ios);
	return o;
}

static struct json_object *damaged(const struct io_stats *st)
{
	struct json_object *o = json_object_new_object();

	add_count(o, "damaged", st->damaged);
	add_count(o, "rejected", st->rejected);
	add_count(o, "accepted", st->accepted);
	add_count(o, "unexpected", st->unexpected);
	add_count(o, "not_damaged", st->not_damaged);
	return o;
}

static struct json_object *statuses(const struct session *s)
{
	struct json_object *o = json_object_new_object();
	char name[NVME_STATUS_MAX];

	for (unsigned i = 0; i < s->nr_status; i++)
		add_count(o, nvme_result_name(s->status[i].status, name), s->status[i].count);
	return o;
}

struct json_object *report_job(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;
	struct json_object *o = json_object_new_object();
	struct json_object *facts = vfy_recorder_facts(&s->recorder);

	add_text(o, "job", s->opts.job);
	add_count(o, "thread", s->opts.thread);
	add_text(o, "engine", VERSION_TEXT);
	add_text(o, "target", s->ns[0].target->ops->name);
	add_text(o, "plugin", s->opts.plugin ? s->opts.plugin : "pi");
	json_object_object_add(o, "files", files(s));
	json_object_object_add(o, "options", options(s));
	add_count(o, "ios", st->ios);
	json_object_object_add(o, "blocks", blocks(st));
	json_object_object_add(o, "time_ns", times(s));
	json_object_object_add(o, "injected", damaged(st));
	json_object_object_add(o, "device_status", statuses(s));
	json_object_object_foreach(facts, key, value)
		json_object_object_add(o, key, json_object_get(value));
	json_object_put(facts);
	return o;
}

struct json_object *report_damage(const struct io *io, const struct vfy_injection *d, const char *outcome)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "file", io->ns->path);
	add_count(o, "lba", io->slba + d->index);
	add_count(o, "index", d->index);
	add_text(o, "opcode", io_command_name(io->opcode));
	add_text(o, "field", vfy_field_name(d->field));
	if (d->field & (VFY_DATA | VFY_METADATA))
		add_count(o, "offset", d->offset);
	json_object_object_add(o, "was", vfy_json_hex(d->was));
	json_object_object_add(o, "is", vfy_json_hex(d->is));
	add_text(o, "outcome", outcome);
	return o;
}

/* --- dumps --- */

/* Returns a neighbour of the bad block: from the buffers of the I/O, or else from the media. */
static struct vfy_block neighbour(const struct io *io, const struct vfy_block *bad, uint64_t lba,
				  uint8_t *memory)
{
	const struct job_ns *ns = io->ns;
	struct vfy_block b = *bad;
	struct nvme_io read = {
		.opcode = nvme_cmd_read, .slba = lba, .nr_blocks = 1, .data = memory,
		.md = memory + ns->info.layout.data_size,
	};
	struct nvme_uring_cmd cmd = { 0 };

	b.lba = lba;
	b.data = NULL;
	/* also if @lba wrapped: LBA 0 has no block before it */
	if (lba >= ns->info.nr_blocks)
		return b;
	nvme_build_io(&cmd, &ns->info, &read);
	if (ns->target->ops->io(ns->target, &cmd))
		return b;
	b.data = memory;
	b.md = ns->info.layout.md_size ? read.md : NULL;
	b.tags = io_tags(ns, lba);
	return b;
}

void report_dump(struct session *s, const struct io *io, const struct vfy_mismatch *r, const void *data,
		 const void *md)
{
	const struct pi_layout *l = &io->ns->info.layout;
	size_t size = l->data_size + l->md_size;
	uint8_t *memory = malloc(2 * size);
	char format[NVME_FORMAT_MAX], text[512];
	struct vfy_block bad = {
		.layout = l, .format = nvme_format_name(&io->ns->info, format), .lba = r->lba,
		.data = data, .md = md,
		.known = io->ns->seen.host_checks | io->ns->seen.device_checks,
	};

	if (!memory)
		return;
	io_run(io, r->index, &bad.tags);
	vfy_dump_block(&s->dump, io->ns->index, (struct vfy_block[]){
		neighbour(io, &bad, r->lba - 1, memory), bad,
		neighbour(io, &bad, r->lba + 1, memory + size),
	}, vfy_mismatch_text(r, text, sizeof(text)));
	free(memory);
}
