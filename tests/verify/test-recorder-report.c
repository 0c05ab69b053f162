/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-recorder-report.c - the report of mismatches: of several runs, of many concurrent processes,
 * and of some that are killed
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "verify/report-file.h"
#include "recorder-fixture.h"

/* --- the report --- */

static void add_job(struct vfy_recorder *j, const char *name, int want)
{
	struct json_object *job = json_object_new_object();
	int ret;

	json_object_object_add(job, "job", json_object_new_string(name));
	ret = vfy_recorder_report(j, job);
	UNIT_CHECK(ret == want, "%s: %d instead of %d", name, ret, want);
}

static void report_of_runs(void)
{
	struct vfy_recorder_opts o = opts(NULL, "report");
	struct vfy_recorder a, b, other;

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
	write_file("report", "{\"version\":1,\"run\":\"run 0\",\"jobs\":[{}]}");
	a = open_judge(o);
	UNIT_CHECK(nr_jobs("report") == 0, "a report of version 1 is not replaced");
	write_file("report", "notes");
	add_job(&a, "over notes", -EINVAL);
	UNIT_CHECK(!strcmp(read_file("report"), "notes"), "notes are overwritten");
	unlink("report");
}

static const char *const foreign[] = {
	"notes", " ", "[]", "{}", "{\"version\":1,\"jobs\":[]}",
	"{\"version\":1,\"run\":\"run 1\",\"jobs\":[",
	"{\"version\":3,\"run\":\"run 1\",\"jobs\":[]}", "{\"version\":1,\"run\":7,\"jobs\":[]}",
	"{\"version\":1,\"run\":\"run 1\",\"jobs\":{}}",
	"{\"version\":1,\"run\":\"run 1\",\"jobs\":[]} x",
	"{\"version\":1,\"run\":\"\xff\",\"jobs\":[]}",
};

/* The recorder is refused with one line; no file is changed or left behind. */
static void check_refused(struct vfy_recorder_opts o, const char *words)
{
	struct vfy_recorder j;

	*why = '\0';
	UNIT_CHECK(vfy_recorder_open(&j, &o, why) < 0, "%s is not refused",
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
	check_refused(opts("new-log", "new-log"), "uses that file as pi_log");
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
	struct vfy_recorder_opts o = opts("log", "report");
	struct vfy_mismatch r = guard_record;
	struct json_object *job = json_object_new_object();
	struct vfy_recorder j;

	o.thread = number;
	if (vfy_recorder_open(&j, &o, why)) {
		fprintf(stderr, "test-judge: job %u: %s\n", number, why);
		_exit(2);
	}
	for (r.lba = 0; r.lba < RECORDS; r.lba++)
		vfy_recorder_take(&j, &r);
	json_object_object_add(job, "thread", json_object_new_uint64(number));
	_exit(vfy_recorder_report(&j, job) ? 3 : 0);
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
		if (report_file_add("report", "run 1", job))
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
		{ "report_of_runs", report_of_runs },
		{ "report_refused", report_refused },
		{ "report_read_only", report_read_only },
		{ "many_processes", many_processes },
		{ "killed", killed },
	};

	return folder_unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
