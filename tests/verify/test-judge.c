/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-judge.c - counts, log and report of mismatches: of one job, of many concurrent
 * processes, and of some that are killed
 *
 * Files are created in a temporary folder under TMPDIR (/tmp by default).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "verify/judge.h"
#include "verify/json.h"
#include "verify/run-report.h"
#include "tests/lib/pi-format.h"
#include "tests/lib/folder.h"
#include "tests/lib/unit.h"

static const struct vfy_record guard_record = {
	.path = "x.img", .command = "read", .lba = 77, .index = 13, .field = PI_GUARD,
	.known = true,
	.want = 0x7322, .got = 0x7323, .mask = 0xffff, .side = VFY_HOST,
};

/* --- files --- */

static char *read_file(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return f ? text : NULL;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	UNIT_CHECK(f && fputs(text, f) >= 0 && !fclose(f), "%s can't be written", path);
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

/* Returns NULL if @text is not JSON in UTF-8 from end to end. */
static struct json_object *parse(const char *text)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, strlen(text) + 1);
	json_tokener_free(tok);
	return o;
}

/* Returns member @name as text, or "-" if there is none. */
static const char *member(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_object_get_string(value) : "-";
}

/* Returns the number of jobs in the report at @path; -1: the file is no report. */
static int nr_jobs(const char *path)
{
	const char *text = read_file(path);
	struct json_object *o = text ? parse(text) : NULL, *jobs;
	int nr = -1;

	if (o && json_object_object_get_ex(o, "jobs", &jobs))
		nr = json_object_array_length(jobs);
	json_object_put(o);
	return nr;
}

/* Call @visit for each line of the log, parsed.  Returns the number of lines. */
static int each_line(const char *path, void (*visit)(struct json_object *line, void *ctx),
		     void *ctx)
{
	char *rest = read_file(path), *line;
	int nr = 0;

	UNIT_CHECK(rest && (!*rest || rest[strlen(rest) - 1] == '\n'), "the last line is torn");
	while (rest && (line = strsep(&rest, "\n")) && rest) {
		struct json_object *o = parse(line);

		if (UNIT_CHECK(o, "no JSON: '%s'", line))
			visit(o, ctx);
		json_object_put(o);
		nr++;
	}
	return nr;
}

/* --- a recorder --- */

static char why[VFY_WHY_MAX];

static struct {
	unsigned	lines;
	char		last[512];
} said;

static void say(void *ctx, const char *line)
{
	UNIT_CHECK(ctx == &said, "the context is lost");
	said.lines++;
	snprintf(said.last, sizeof(said.last), "%s", line);
}

static struct vfy_judge_opts opts(const char *log, const char *report)
{
	memset(&said, 0, sizeof(said));
	return (struct vfy_judge_opts){
		.job = "job", .thread = 3, .run = "run 1", .log = log, .report = report, .say = say,
		.ctx = &said,
	};
}

static struct vfy_judge open_judge(struct vfy_judge_opts o)
{
	struct vfy_judge j;

	*why = '\0';
	UNIT_CHECK(!vfy_judge_open(&j, &o, why), "refused: %s", why);
	return j;
}

/* --- lines of the log --- */

static const struct {
	struct vfy_record	r;
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
	struct vfy_judge j = open_judge(opts("log", NULL));
	int nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		vfy_judge_take(&j, &lines[i].r);
	vfy_judge_close(&j);
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
	struct vfy_judge j = open_judge(opts("log", NULL));
	struct json_object *fields = json_object_new_object();

	json_object_object_add(fields, "was", json_object_new_int(7));
	vfy_judge_log(&j, "injected", fields);
	vfy_judge_close(&j);
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
	struct vfy_judge_opts o = opts("log", NULL);
	struct vfy_record r = guard_record;
	struct vfy_judge j;

	o.job = "a\xff""b \xc3\xa9 \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf \xed\xa0\x80 "
		"\xf4\x90\x80\x80 "
		"\xf0\x9f\x98\x80 \xc3";
	r.path = "\"\\\n/";
	j = open_judge(o);
	vfy_judge_take(&j, &r);
	vfy_judge_close(&j);
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
	struct vfy_judge_opts o = opts("log", NULL);
	struct tally t = { 0 };
	struct vfy_judge j;

	o.log_rate = RATE;
	o.say_rate = 1;
	j = open_judge(o);
	for (int i = 0; i < 2 * RECORDS; i++) {
		if (i == RECORDS)
			nanosleep(&over_a_second, NULL);
		vfy_judge_take(&j, &guard_record);
	}
	vfy_judge_close(&j);
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
	struct vfy_judge_opts o = opts("/dev/full", NULL);
	struct vfy_judge j;

	j = open_judge(o);
	for (int i = 0; i < 3; i++)
		vfy_judge_take(&j, &guard_record);
	UNIT_CHECK(j.log_fd < 0 && j.counts.total == 3 && said.lines == 4,
		   "log %d, %" PRIu64 " counted, "
		   "%u said", j.log_fd, j.counts.total, said.lines);
	vfy_judge_close(&j);
	UNIT_CHECK(is_there("/dev/full"), "what was there is removed");
}

/* --- facts --- */

static const char *at(struct json_object *o, const char *group, const char *name)
{
	struct json_object *inner;

	return json_object_object_get_ex(o, group, &inner) ? member(inner, name) : "-";
}

static void facts(void)
{
	struct vfy_judge j = open_judge(opts(NULL, NULL));
	struct json_object *o, *m;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		vfy_judge_take(&j, &lines[i].r);
	o = vfy_judge_facts(&j);
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
	UNIT_CHECK(!vfy_judge_report(&j, json_object_new_object()), "no report is no error");
	vfy_judge_close(&j);
}

/* --- the report --- */

static void add_job(struct vfy_judge *j, const char *name, int want)
{
	struct json_object *job = json_object_new_object();
	int ret;

	json_object_object_add(job, "job", json_object_new_string(name));
	ret = vfy_judge_report(j, job);
	UNIT_CHECK(ret == want, "%s: %d instead of %d", name, ret, want);
}

static void report_of_runs(void)
{
	struct vfy_judge_opts o = opts(NULL, "report");
	struct vfy_judge a, b, other;

	a = open_judge(o);
	UNIT_CHECK(nr_jobs("report") == 0, "%d jobs at the start", nr_jobs("report"));
	b = open_judge(o);
	add_job(&a, "a", 0);
	add_job(&b, "b", 0);
	UNIT_CHECK(nr_jobs("report") == 2, "%d jobs of one run", nr_jobs("report"));
	o.run = "run 2";
	other = open_judge(o);
	UNIT_CHECK(nr_jobs("report") == 0, "%d jobs of another run", nr_jobs("report"));
	add_job(&a, "late", -EBUSY);
	add_job(&other, "other", 0);
	UNIT_CHECK(nr_jobs("report") == 1 && strstr(read_file("report"), "run 2"),
		   "the later run's is gone");
	unlink("report");
	add_job(&other, "again", 0);
	UNIT_CHECK(nr_jobs("report") == 1 && !is_there("report.nvmepi-new"), "not made anew");
	write_file("report", "");
	a = open_judge(o);
	UNIT_CHECK(nr_jobs("report") == 0, "an empty file is not taken");
	write_file("report", "notes");
	add_job(&a, "over notes", -EINVAL);
	UNIT_CHECK(!strcmp(read_file("report"), "notes"), "notes are overwritten");
	unlink("report");
}

static const char *const foreign[] = {
	"notes", " ", "[]", "{}", "{\"version\":1,\"jobs\":[]}",
	"{\"version\":1,\"run\":\"run 1\",\"jobs\":[",
	"{\"version\":2,\"run\":\"run 1\",\"jobs\":[]}", "{\"version\":1,\"run\":7,\"jobs\":[]}",
	"{\"version\":1,\"run\":\"run 1\",\"jobs\":{}}",
	"{\"version\":1,\"run\":\"run 1\",\"jobs\":[]} x",
	"{\"version\":1,\"run\":\"\xff\",\"jobs\":[]}",
};

/* The recorder is refused with one line; no file is changed or left behind. */
static void check_refused(struct vfy_judge_opts o, const char *words)
{
	struct vfy_judge j;

	*why = '\0';
	UNIT_CHECK(vfy_judge_open(&j, &o, why) < 0, "%s is not refused",
		   o.report ? o.report : o.log);
	UNIT_CHECK(strstr(why, words) && !strchr(why, '\n'), "'%s' has no '%s'", why, words);
	UNIT_CHECK(j.log_fd < 0 && !is_there("new-log") && !is_there("report.nvmepi-new"),
		   "something is left behind");
}

static void report_refused(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		write_file("report", foreign[i]);
		check_refused(opts("new-log", "report"), "not overwritten");
		UNIT_CHECK(!strcmp(read_file("report"), foreign[i]), "'%s' is changed", foreign[i]);
	}
	unlink("report");
	check_refused(opts("new-log", "/dev/null"), "not overwritten");
	check_refused(opts("new-log", "."), "can't be written");
	check_refused(opts("new-log", "nowhere/report"), "No such file");
	check_refused(opts("new-log", "new-log"), "uses that file as log");
	check_refused(opts("nowhere/log", "report"), "No such file");
	UNIT_CHECK(!is_there("report"), "a report was begun");
	check_refused(opts(".", NULL), "Is a directory");
	write_file("log", "");
	check_refused(opts("log", "nowhere/report"), "No such file");
	UNIT_CHECK(is_there("log"), "a log that was there is removed");
	unlink("log");
}

/* Root can write to any file, so use another user ID for this test. */
static void report_read_only(void)
{
	uid_t we = geteuid();

	write_file("report", "");
	UNIT_CHECK(!chmod("report", 0444) && !chmod(".", 0777) && (we || !seteuid(65534)), "setup");
	check_refused(opts("new-log", "report"), "Permission denied");
	UNIT_CHECK(!seteuid(we), "can't be root again");
	unlink("report");
}

/* --- many concurrent jobs --- */

enum { PROCESSES = 24, RECORDS = 150 };

static void be_a_job(unsigned number)
{
	struct vfy_judge_opts o = opts("log", "report");
	struct vfy_record r = guard_record;
	struct json_object *job = json_object_new_object();
	struct vfy_judge j;

	o.thread = number;
	if (vfy_judge_open(&j, &o, why)) {
		fprintf(stderr, "test-judge: job %u: %s\n", number, why);
		_exit(2);
	}
	for (r.lba = 0; r.lba < RECORDS; r.lba++)
		vfy_judge_take(&j, &r);
	json_object_object_add(job, "thread", json_object_new_uint64(number));
	_exit(vfy_judge_report(&j, job) ? 3 : 0);
}

/* All lines of each job are in the log, in the job's order. */
static void follow_line(struct json_object *line, void *ctx)
{
	unsigned *next = ctx, thread = strtoul(member(line, "thread"), NULL, 10);

	if (UNIT_CHECK(thread < PROCESSES, "thread %u", thread))
		UNIT_CHECK(strtoul(member(line, "lba"), NULL, 10) == next[thread]++,
			   "thread %u: line %u",
			   thread, next[thread]);
}

/* While the jobs run, a reader always sees a complete report. */
static int wait_and_look(pid_t pid)
{
	int status = 0, seen = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (!is_there("report"))
			continue;
		UNIT_CHECK(nr_jobs("report") >= seen, "a reader sees %d jobs after %d",
			   nr_jobs("report"),
			   seen);
		seen = nr_jobs("report");
	}
	return status;
}

static void many_processes(void)
{
	unsigned next[PROCESSES] = { 0 };
	pid_t pids[PROCESSES];

	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (!pids[i])
			be_a_job(i);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		int status = wait_and_look(pids[i]);

		UNIT_CHECK(!status, "job %u ended with %d", i, status);
	}
	UNIT_CHECK(each_line("log", follow_line, next) == PROCESSES * RECORDS, "lines are missing");
	UNIT_CHECK(nr_jobs("report") == PROCESSES, "%d jobs", nr_jobs("report"));
	unlink("log");
	unlink("report");
}

/* --- killed jobs --- */

static void add_forever(_Atomic unsigned *added)
{
	for (;;) {
		struct json_object *job = json_object_new_object();

		for (int i = 0; i < 40; i++) {
			char name[16];

			snprintf(name, sizeof(name), "member %d", i);
			json_object_object_add(job, name, json_object_new_int(i));
		}
		if (run_report_add("report", "run 1", job))
			_exit(2);
		++*added;
	}
}

static void killed(void)
{
	enum { ROUNDS = 40 };
	_Atomic unsigned *added = mmap(NULL, sizeof(*added), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < ROUNDS; i++) {
		const struct timespec life = { .tv_nsec = 1000 * unit_random_below(20000) };
		pid_t pid;
		int nr;

		if (i % 8 == 0)
			unlink("report");
		*added = is_there("report") ? nr_jobs("report") : 0;
		pid = fork();
		if (!pid)
			add_forever(added);
		nanosleep(&life, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		nr = is_there("report") ? nr_jobs("report") : 0;
		UNIT_CHECK(nr == (int)*added || nr == (int)*added + 1,
			   "round %d: %d jobs, %u were added", i,
			   nr, *added);
	}
	munmap(added, sizeof(*added));
	unlink("report");
	unlink("report.nvmepi-new");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "log_lines", log_lines },
		{ "log_other_types", log_other_types },
		{ "log_of_any_bytes", log_of_any_bytes },
		{ "log_rate", log_rate },
		{ "log_on_a_full_disk", log_on_a_full_disk },
		{ "facts", facts },
		{ "report_of_runs", report_of_runs },
		{ "report_refused", report_refused },
		{ "report_read_only", report_read_only },
		{ "many_processes", many_processes },
		{ "killed", killed },
	};

	return folder_unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
