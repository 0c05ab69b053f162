/* SPDX-License-Identifier: GPL-2.0-only */
/* show.c - see scan.h; progress goes to stderr, all other text goes to stdout */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "verify/json.h"
#include "scan.h"

const char *scan_field_name(unsigned field)
{
	return field == VFY_DATA ? "unrecovered" : vfy_field_name(field);
}

static unsigned host_checks(const struct scan *s)
{
	return s->ns.verify | (s->ns.verify_md ? VFY_METADATA : 0);
}

/* Write a size like "1.5 GiB" to @buf.  Returns @buf. */
static char *bytes_text(double bytes, char buf[32])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
	unsigned i = 0;

	while (bytes >= 1024 && i < 5) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, 32, i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
	return buf;
}

/* Return the data bytes of @blocks blocks. */
static double bytes_of(const struct scan *s, uint64_t blocks)
{
	return (double)blocks * s->ns.info.layout.data_size;
}

/* --- while the scan runs --- */

static void put_fields(const char *who, unsigned fields)
{
	const char *between = "";

	printf("%s: ", who);
	for (unsigned bit = 0; bit < VFY_NR_FIELDS; bit++) {
		if (!(fields & 1u << bit))
			continue;
		printf("%s%s", between, vfy_field_name(1u << bit));
		between = ", ";
	}
	puts(fields ? "" : "nothing");
}

void scan_show_start(const struct scan *s)
{
	char format[NVME_FORMAT_MAX];

	if (!s->text)
		return;
	printf("%s: %s, %" PRIu64 " blocks (%s)\n", s->ns.path,
	       nvme_format_name(&s->ns.info, format),
	       s->ns.info.nr_blocks, s->ns.target->ops->name);
	put_fields("checked by the host", host_checks(s));
	put_fields("checked by the device", s->ns.prchk_read);
	if (*s->ns.remark)
		puts(s->ns.remark);
	fflush(stdout);
}

/* Erase the progress line on a terminal before permanent text is printed. */
static void clear_progress(const struct scan *s)
{
	if (s->progress && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

void scan_show_finding(const struct scan *s, const struct vfy_mismatch *r)
{
	char line[512];

	if (!s->text)
		return;
	clear_progress(s);
	puts(vfy_mismatch_text(r, line, sizeof(line)));
	fflush(stdout);
}

/* Write a time like "1:02:03" to @buf.  Returns @buf. */
static char *time_text(double seconds, char buf[32])
{
	unsigned long t = seconds + 0.5;

	snprintf(buf, 32, "%lu:%02lu:%02lu", t / 3600, t / 60 % 60, t % 60);
	return buf;
}

/* On a terminal, update one line; otherwise print a line every few seconds. */
void scan_show_progress(struct scan *s, double seconds)
{
	const double every = isatty(STDERR_FILENO) ? 0.2 : 5;
	uint64_t all = s->end - s->first, done = s->done;
	char so_far[32], whole[32], speed[32], left[32];

	if (!s->progress || !done || seconds - s->shown < every)
		return;
	s->shown = seconds;
	clear_progress(s);
	fprintf(stderr, "%5.1f%%  %s of %s, %s/s, %" PRIu64 " bad, %s left%s", 100.0 * done / all,
		bytes_text(bytes_of(s, done), so_far), bytes_text(bytes_of(s, all), whole),
		bytes_text(bytes_of(s, done) / seconds, speed), s->bad.blocks,
		time_text(seconds / done * (all - done), left), isatty(STDERR_FILENO) ? "" : "\n");
}

/* --- after the scan --- */

/* Return the number of blocks that were checked: neither escaped nor unreadable. */
static uint64_t checked(const struct scan *s)
{
	uint64_t not = s->escaped + s->field[__builtin_ctz(VFY_DATA)].blocks;

	return (host_checks(s) || s->ns.prchk_read) && s->done > not ? s->done - not : 0;
}

static void put_ranges(const struct scan *s, const char *name, const struct vfy_ranges *set)
{
	size_t shown = set->nr < s->list ? set->nr : s->list;

	if (!set->blocks)
		return;
	printf("  %-16s %" PRIu64, name, set->blocks);
	for (size_t i = 0; i < shown; i++) {
		printf("%s%" PRIu64, i ? ", " : ": LBA ", set->range[i].first);
		if (set->range[i].last > set->range[i].first)
			printf("-%" PRIu64, set->range[i].last);
	}
	if (shown && shown < set->nr)
		printf(", %zu more ranges", set->nr - shown);
	if (shown && set->unlisted)
		printf(", and %" PRIu64 " blocks more", set->unlisted);
	putchar('\n');
}

void scan_show_summary(const struct scan *s)
{
	uint64_t done = s->done;
	char size[32], speed[32];

	clear_progress(s);
	if (!s->text)
		return;
	if (s->recorder.counts.total > json_object_array_length(s->findings))
		printf("... and %" PRIu64 " findings more\n",
		       s->recorder.counts.total - json_object_array_length(s->findings));
	printf("%" PRIu64 " blocks (%s) in %.2f s, %s/s: %" PRIu64 " checked, %" PRIu64 " bad, %" PRIu64
	       " escaped (deallocated, or never written)\n", done,
	       bytes_text(bytes_of(s, done), size),
	       s->seconds, bytes_text(s->seconds ? bytes_of(s, done) / s->seconds : 0, speed),
	       checked(s), s->bad.blocks, s->escaped);
	for (unsigned bit = 0; bit < VFY_NR_FIELDS; bit++)
		put_ranges(s, scan_field_name(1u << bit), &s->field[bit]);
}

/* --- JSON --- */

static void add_number(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

static void add_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, vfy_json_text(text));
}

static struct json_object *range(uint64_t first, uint64_t last)
{
	struct json_object *pair = json_object_new_array_ext(2);

	json_object_array_add(pair, json_object_new_uint64(first));
	json_object_array_add(pair, json_object_new_uint64(last));
	return pair;
}

static struct json_object *bad_set(const struct vfy_ranges *set)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < set->nr; i++)
		json_object_array_add(list, range(set->range[i].first, set->range[i].last));
	add_number(o, "blocks", set->blocks);
	json_object_object_add(o, "ranges", list);
	add_number(o, "unlisted", set->unlisted);
	return o;
}

/* Return an object with the bad blocks of each field that has any. */
static struct json_object *bad_blocks(const struct scan *s)
{
	struct json_object *o = json_object_new_object();

	for (unsigned bit = 0; bit < VFY_NR_FIELDS; bit++) {
		const struct vfy_ranges *set = &s->field[bit];

		if (set->blocks)
			json_object_object_add(o, scan_field_name(1u << bit), bad_set(set));
	}
	return o;
}

static struct json_object *checks(const struct scan *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "host", vfy_json_fields(host_checks(s)));
	json_object_object_add(o, "device", vfy_json_fields(s->ns.prchk_read));
	return o;
}

struct json_object *scan_json(const struct scan *s)
{
	struct json_object *o = json_object_new_object();
	char format[NVME_FORMAT_MAX];
	uint64_t next = scan_next(s);

	add_number(o, "version", 1);
	add_text(o, "target", s->ns.target->ops->name);
	add_text(o, "path", s->ns.path);
	add_text(o, "format", nvme_format_name(&s->ns.info, format));
	add_text(o, "model", s->ns.info.model);
	add_text(o, "serial", s->ns.info.serial);
	add_text(o, "firmware", s->ns.info.firmware);
	json_object_object_add(o, "checks", checks(s));
	json_object_object_add(o, "range", range(s->first, s->end - 1));
	json_object_object_add(o, "complete", json_object_new_boolean(next == s->end));
	json_object_object_add(o, "next", next == s->end ? NULL : json_object_new_uint64(next));
	add_number(o, "scanned", s->done);
	add_number(o, "checked", checked(s));
	add_number(o, "bad", s->bad.blocks);
	add_number(o, "escaped", s->escaped);
	json_object_object_add(o, "bad_blocks", bad_blocks(s));
	json_object_object_add(o, "mismatches", vfy_json_counts(&s->recorder.counts));
	json_object_object_add(o, "findings", json_object_get(s->findings));
	json_object_object_add(o, "seconds", json_object_new_double(s->seconds));
	return o;
}
