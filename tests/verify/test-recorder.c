/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-recorder.c - counts and log of the mismatches of one job
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "recorder-fixture.h"

/* --- lines of the log --- */

static const struct {
	struct vfy_mismatch	r;
	const char		*members;	/* exactly these, besides time */
} lines[] = {
	{ { .path = "x.img", .command = "read", .lba = 77, .index = 13, .field = PI_GUARD,
	   .known = true,
	    .want = 0x7322, .got = 0x7323, .mask = 0xffff, .side = VFY_HOST },
	  "type=mismatch job=job thread=3 file=x.img lba=77 index=13 opcode=read field=guard "
	  "wanted=0x7322 got=0x7323 mask=0xffff by=host injected=false" },
	{ { .path = "/dev/ng0n1", .command = "write", .lba = UINT64_MAX - 7, .blocks = 8,
	    .field = PI_REF, .side = VFY_DEVICE, .status = "Check Error (284h)" },
	  "type=mismatch job=job thread=3 file=/dev/ng0n1 lba=18446744073709551608 blocks=8 "
	  "index=0 "
	  "opcode=write field=reference_tag by=device status=Check_Error_(284h) injected=false" },
	{ { .path = "x", .command = "read", .field = VFY_METADATA, .offset = 9, .known = true,
	    .want = 0x5a, .mask = 0xff, .side = VFY_PLUGIN, .class = VFY_TORN, .injected = true },
	  "type=mismatch job=job thread=3 file=x lba=0 index=0 opcode=read field=metadata offset=9 "
	  "wanted=0x5a got=0x0 mask=0xff by=plugin class=torn injected=true" },
	{ { .path = "x", .command = "read", .lba = 9, .field = VFY_STAMP, .known = true,
	    .want = UINT64_MAX, .got = 1ULL << 63, .mask = UINT64_MAX, .side = VFY_PLUGIN,
	    .class = VFY_MISDIRECTED, .from = 8 },
	  "type=mismatch job=job thread=3 file=x lba=9 index=0 opcode=read field=stamp "
	  "wanted=0xffffffffffffffff got=0x8000000000000000 mask=0xffffffffffffffff by=plugin "
	  "class=misdirected from_lba=8 injected=false" },
};

/*
 * Format a line's members in their order as "name=value name=value"; spaces in values become
 * underscores.
 */
static void describe(struct json_object *o, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	json_object_object_foreach(o, name, value) {
		if (!strcmp(name, "time"))
			continue;
		n += snprintf(buf + n, size - n, "%s%s=", n ? " " : "", name);
		for (const char *c = json_object_get_string(value); *c && n + 1 < size; c++)
			buf[n++] = *c == ' ' ? '_' : *c;
		buf[n] = '\0';
	}
}

static void check_line(struct json_object *line, void *ctx)
{
	int *nr = ctx, year, month, day, hour, minute, end = 0;
	double second;
	char text[1024];

	describe(line, text, sizeof(text));
	UNIT_CHECK(!strcmp(text, lines[*nr].members), "'%s' instead of '%s'", text,
		   lines[*nr].members);
	sscanf(member(line, "time"), "%4d-%2d-%2dT%2d:%2d:%12lfZ%n", &year, &month, &day, &hour,
	       &minute,
	       &second, &end);
	UNIT_CHECK(end == 30 && year > 2000 && month <= 12 && second < 61, "time '%s'",
		   member(line, "time"));
	(*nr)++;
}

static void log_lines(void)
{
	struct vfy_recorder j = open_judge(opts("log", NULL));
	int nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		vfy_recorder_take(&j, &lines[i].r);
	vfy_recorder_close(&j);
	UNIT_CHECK(each_line("log", check_line, &nr) == (int)ARRAY_SIZE(lines), "%d lines", nr);
	UNIT_CHECK(said.lines == ARRAY_SIZE(lines) && strstr(said.last, "misdirected"),
		   "%u said, last '%s'",
		   said.lines, said.last);
	unlink("log");
}

static void check_injected(struct json_object *line, void *ctx)
{
	char text[256];

	(void)ctx;
	describe(line, text, sizeof(text));
	UNIT_CHECK(!strcmp(text, "type=injected job=job thread=3 was=7"), "'%s'", text);
}

static void log_other_types(void)
{
	struct vfy_recorder j = open_judge(opts("log", NULL));
	struct json_object *fields = json_object_new_object();

	json_object_object_add(fields, "was", json_object_new_int(7));
	vfy_recorder_log(&j, "injected", fields);
	vfy_recorder_close(&j);
	UNIT_CHECK(each_line("log", check_injected, NULL) == 1, "not one line");
	unlink("log");
}

static void check_text(struct json_object *line, void *ctx)
{
	(void)ctx;
	UNIT_CHECK(!strcmp(member(line, "job"), "a?b \xc3\xa9 ?? ??? ???? ??? ???? "
			   "\xf0\x9f\x98\x80 ?"), "job '%s'",
		   member(line, "job"));
	UNIT_CHECK(!strcmp(member(line, "file"), "\"\\\n/"), "file '%s'", member(line, "file"));
}

/*
 * Names can hold any bytes: a lone continuation byte, e acute, overlong slashes, half of a
 * UTF-16 surrogate pair, a value beyond Unicode, an emoji, a truncated character.
 */
static void log_of_any_bytes(void)
{
	struct vfy_recorder_opts o = opts("log", NULL);
	struct vfy_mismatch r = guard_record;
	struct vfy_recorder j;

	o.job = "a\xff""b \xc3\xa9 \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf \xed\xa0\x80 "
		"\xf4\x90\x80\x80 "
		"\xf0\x9f\x98\x80 \xc3";
	r.path = "\"\\\n/";
	j = open_judge(o);
	vfy_recorder_take(&j, &r);
	vfy_recorder_close(&j);
	UNIT_CHECK(each_line("log", check_text, NULL) == 1, "not one line");
	unlink("log");
}

/* --- rate limits --- */

struct tally {
	uint64_t	mismatches, left_out;
};

static void count_line(struct json_object *line, void *ctx)
{
	struct tally *t = ctx;

	if (!strcmp(member(line, "type"), "suppressed"))
		t->left_out += strtoull(member(line, "lines"), NULL, 10);
	else
		t->mismatches++;
}

static void log_rate(void)
{
	enum { RATE = 10, RECORDS = 3000 };
	const struct timespec over_a_second = { .tv_sec = 1, .tv_nsec = 50000000 };
	struct vfy_recorder_opts o = opts("log", NULL);
	struct tally t = { 0 };
	struct vfy_recorder j;

	o.log_rate = RATE;
	o.say_rate = 1;
	j = open_judge(o);
	for (int i = 0; i < 2 * RECORDS; i++) {
		if (i == RECORDS)
			nanosleep(&over_a_second, NULL);
		vfy_recorder_take(&j, &guard_record);
	}
	vfy_recorder_close(&j);
	each_line("log", count_line, &t);
	UNIT_CHECK(j.counts.total == 2 * RECORDS && j.counts.field[2] == 2 * RECORDS,
		   "%" PRIu64 " counted",
		   j.counts.total);
	UNIT_CHECK(t.mismatches == j.log_rate.shown && t.left_out == j.log_rate.suppressed &&
		   t.mismatches + t.left_out == 2 * RECORDS,
		   "%" PRIu64 " lines and %" PRIu64 " left out",
		   t.mismatches, t.left_out);
	UNIT_CHECK(t.mismatches >= 2 * RATE && t.mismatches <= 20 * RATE, "%" PRIu64 " lines",
		   t.mismatches);
	UNIT_CHECK(j.say_rate.shown >= 2 && said.lines >= 4 && strstr(said.last, "more mismatches"),
		   "%u said, last '%s'", said.lines, said.last);
	unlink("log");
}

/* A line that does not fit on the disk ends the log, with one message; counting continues. */
static void log_on_a_full_disk(void)
{
	struct vfy_recorder_opts o = opts("/dev/full", NULL);
	struct vfy_recorder j;

	j = open_judge(o);
	for (int i = 0; i < 3; i++)
		vfy_recorder_take(&j, &guard_record);
	UNIT_CHECK(j.log_fd < 0 && j.counts.total == 3 && said.lines == 4,
		   "log %d, %" PRIu64 " counted, "
		   "%u said", j.log_fd, j.counts.total, said.lines);
	vfy_recorder_close(&j);
	UNIT_CHECK(is_there("/dev/full"), "what was there is removed");
}

/* What fits of a line is removed again, so that a later run can append to the log. */
static void log_of_whole_lines(void)
{
	const struct rlimit ample = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit limit = ample;
	struct vfy_recorder_opts o = opts("log", NULL);
	struct tally t = { 0 };
	struct vfy_recorder j = open_judge(o);
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	vfy_recorder_take(&j, &guard_record);
	UNIT_CHECK(!fstat(j.log_fd, &st) && st.st_size > 0, "nothing is logged");
	limit.rlim_cur = st.st_size + st.st_size / 2;
	setrlimit(RLIMIT_FSIZE, &limit);
	vfy_recorder_take(&j, &guard_record);
	setrlimit(RLIMIT_FSIZE, &ample);
	UNIT_CHECK(j.log_fd < 0 && j.counts.total == 2, "log %d, %" PRIu64 " counted", j.log_fd, j.counts.total);
	vfy_recorder_close(&j);
	j = open_judge(o);
	vfy_recorder_take(&j, &guard_record);
	vfy_recorder_close(&j);
	each_line("log", count_line, &t);
	UNIT_CHECK(t.mismatches == 2, "%" PRIu64 " lines", t.mismatches);
	unlink("log");
}

/* A lock that a killed job left on the log delays a line, and does not lose it. */
static void log_locked(void)
{
	struct vfy_recorder_opts o = opts("log", NULL);
	struct tally t = { 0 };
	struct vfy_recorder j = open_judge(o);
	int other = open("log", O_RDONLY);

	UNIT_CHECK(!flock(other, LOCK_EX), "can't lock");
	vfy_recorder_take(&j, &guard_record);
	UNIT_CHECK(j.log_fd >= 0, "the log is closed");
	vfy_recorder_close(&j);
	close(other);
	each_line("log", count_line, &t);
	UNIT_CHECK(t.mismatches == 1, "%" PRIu64 " lines", t.mismatches);
	unlink("log");
}

/* --- facts --- */

static const char *at(struct json_object *o, const char *group, const char *name)
{
	struct json_object *inner;

	return json_object_object_get_ex(o, group, &inner) ? member(inner, name) : "-";
}

static void facts(void)
{
	struct vfy_recorder j = open_judge(opts(NULL, NULL));
	struct json_object *o, *m;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		vfy_recorder_take(&j, &lines[i].r);
	o = vfy_recorder_facts(&j);
	json_object_object_get_ex(o, "mismatches", &m);
	UNIT_CHECK(!strcmp(member(m, "total"), "4") && !strcmp(member(m, "injected"), "1"),
		   "totals");
	UNIT_CHECK(!strcmp(at(m, "by_field", "guard"), "1") &&
		   !strcmp(at(m, "by_field", "data"), "0") &&
		   !strcmp(at(m, "by_field", "stamp"), "1"), "by field: %s", member(m, "by_field"));
	UNIT_CHECK(!strcmp(at(m, "by_side", "plugin"), "2") &&
		   !strcmp(at(m, "by_side", "host"), "1"),
		   "by side: %s", member(m, "by_side"));
	UNIT_CHECK(!strcmp(at(m, "by_class", "torn"), "1") &&
		   !strcmp(at(m, "by_class", "lost"), "0") &&
		   !strcmp(at(m, "by_class", ""), "-"), "by class: %s", member(m, "by_class"));
	UNIT_CHECK(!strcmp(at(o, "log", "shown"), "0") && !strcmp(at(o, "messages", "shown"), "4"),
		   "shown: %s, %s", member(o, "log"), member(o, "messages"));
	json_object_put(o);
	UNIT_CHECK(!vfy_recorder_report(&j, json_object_new_object()), "no report is no error");
	vfy_recorder_close(&j);
}

/* Feed mismatches of the reference tags of blocks 8 to 23, each @step-th block after the other. */
static void reference_tags(struct vfy_recorder *j, uint64_t (*tag)(uint64_t lba), unsigned step)
{
	struct vfy_mismatch r = guard_record;

	UNIT_CHECK(!vfy_recorder_open(j, &(struct vfy_recorder_opts){ 0 }, (char[VFY_WHY_MAX]){ 0 }), "open");
	for (uint64_t i = 0; i < 16; i++) {
		r.lba = 8 + i * step % 16;
		r.field = PI_REF;
		r.want = r.lba;
		r.got = tag(r.lba);
		vfy_recorder_take(j, &r);
	}
	vfy_recorder_close(j);
}

static uint64_t from_0(uint64_t lba)
{
	return lba % 8;
}

static uint64_t all_1(uint64_t lba)
{
	return lba ? 1 : 0;
}

static uint64_t damaged(uint64_t lba)
{
	return lba == 12 ? 0 : lba ^ 32;
}

static uint64_t counted_on(uint64_t lba)
{
	return lba - 8;
}

static uint64_t too_large(uint64_t lba)
{
	return lba == 16 ? 0x10000 : lba % 8;
}

/* What the hint to the user is made of. */
static void alike(void)
{
	struct vfy_recorder j;

	reference_tags(&j, from_0, 1);
	UNIT_CHECK(j.alike.zeros == 2 && !j.alike.jump && j.alike.differ && !j.alike.fields_differ, "from 0");
	reference_tags(&j, from_0, 5);
	UNIT_CHECK(j.alike.zeros == 2 && !j.alike.jump, "from 0, read in another order");
	reference_tags(&j, counted_on, 1);
	UNIT_CHECK(j.alike.zeros == 1 && !j.alike.jump, "from 0, one command");
	reference_tags(&j, all_1, 1);
	UNIT_CHECK(!j.alike.differ && j.alike.got == 1, "all 1");
	reference_tags(&j, damaged, 1);
	UNIT_CHECK(j.alike.jump && j.alike.differ, "damaged");
	reference_tags(&j, too_large, 1);
	UNIT_CHECK(j.alike.jump, "more than the blocks of a command");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "log_lines", log_lines },
		{ "log_other_types", log_other_types },
		{ "log_of_any_bytes", log_of_any_bytes },
		{ "log_rate", log_rate },
		{ "log_on_a_full_disk", log_on_a_full_disk },
		{ "log_of_whole_lines", log_of_whole_lines },
		{ "log_locked", log_locked },
		{ "facts", facts },
		{ "alike", alike },
	};

	return folder_unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
