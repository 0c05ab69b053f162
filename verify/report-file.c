/* SPDX-License-Identifier: GPL-2.0-only */
/* report-file.c - see report-file.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fork-lock.h"
#include "output.h"
#include "refuse.h"
#include "report-file.h"
#include "verify.h"

enum { OLDEST = 1, VERSION = 2, LARGEST = 1 << 30 };

/* --- the lock --- */

/*
 * The C library and json-c lock the locale while they parse JSON, and do not release this lock
 * in a child of fork().  Therefore no thread may fork while another one parses a report.
 */
static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER;
VFY_HOLD_ACROSS_FORK(parsing, 101);

/*
 * Lock the folder of the report: unlike the report, it is not replaced.  Returns a descriptor
 * for unlock_folder(), or -errno.
 */
static int lock_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd, ret;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		ret = flock(fd, LOCK_EX);
	while (ret && errno == EINTR);
	if (!ret) {
		pthread_mutex_lock(&parsing);
		return fd;
	}
	ret = -errno;
	close(fd);
	return ret;
}

/*
 * Release the lock explicitly: closing the descriptor would not release it if a child that was
 * forked meanwhile has a copy.
 */
static void unlock_folder(int fd)
{
	if (fd < 0)
		return;
	pthread_mutex_unlock(&parsing);
	flock(fd, LOCK_UN);
	close(fd);
}

/* --- read the report --- */

static bool is_report(struct json_object *o)
{
	struct json_object *version, *run, *jobs;

	return json_object_object_get_ex(o, "version", &version) &&
	       json_object_object_get_ex(o, "run", &run) &&
	       json_object_object_get_ex(o, "jobs", &jobs) &&
	       json_object_is_type(version, json_type_int) &&
	       json_object_get_int(version) >= OLDEST && json_object_get_int(version) <= VERSION &&
	       json_object_is_type(run, json_type_string) &&
	       json_object_is_type(jobs, json_type_array);
}

static bool is_of_run(struct json_object *report, const char *run)
{
	return !strcmp(json_object_get_string(json_object_object_get(report, "run")), run);
}

/* Returns NULL if the text is not exactly one complete report. */
static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, len);
	json_tokener_free(tok);
	if (o && !is_report(o)) {
		json_object_put(o);
		o = NULL;
	}
	return o;
}

static int read_open(int fd, struct json_object **report)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (!st.st_size)
		return 0;
	if (st.st_size >= LARGEST)
		return -EFBIG;
	text = malloc(st.st_size);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, st.st_size);
	*report = n == st.st_size ? parse(text, n) : NULL;
	free(text);
	return *report ? 0 : -EINVAL;
}

/*
 * Read the report; *@report is NULL if there is none yet.  Returns 0 or -errno; -EINVAL: the
 * file is no report.
 */
static int read_report(const char *path, struct json_object **report)
{
	/* Open for writing as well: a file that its owner made read-only must not be replaced. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret;

	*report = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = read_open(fd, report);
	close(fd);
	return ret;
}

/* --- write the report --- */

static struct json_object *new_report(const char *run)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "version", json_object_new_int(VERSION));
	json_object_object_add(o, "run", json_object_new_string(run));
	json_object_object_add(o, "jobs", json_object_new_array());
	return o;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int ret = f ? 0 : -errno;

	if (f && (fprintf(f, "%s\n", text) < 0 || fflush(f)))
		ret = -errno;
	if (f ? fclose(f) : fd < 0 ? 0 : close(fd))
		ret = ret ? ret : -errno;
	return ret;
}

/*
 * Replace the report by rename().  The name of the temporary file is fixed, so that one left
 * by a killed job is reused.
 */
static int replace(const char *path, struct json_object *report)
{
	const char *text = json_object_to_json_string_ext(report, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	char new[PATH_MAX], why[WHY_MAX];
	int ret;

	if (snprintf(new, sizeof(new), "%s.nvmepi-new", path) >= (int)sizeof(new))
		return -ENAMETOOLONG;
	if (vfy_output_conflict(VFY_USE_REPORT, new, why))
		return -EBUSY;
	ret = write_file(new, text);
	if (!ret && rename(new, path))
		ret = -errno;
	if (ret)
		unlink(new);
	return ret;
}

static int begin_locked(const char *path, const char *run)
{
	struct json_object *report;
	int ret = read_report(path, &report);

	if (ret || (report && is_of_run(report, run))) {
		json_object_put(report);
		return ret;
	}
	json_object_put(report);
	report = new_report(run);
	ret = replace(path, report);
	json_object_put(report);
	return ret;
}

int report_file_begin(const char *path, const char *run, char *why)
{
	const struct vfy_output o = { .use = VFY_USE_REPORT, .path = path };
	char real[PATH_MAX];
	int ret = vfy_output_check(&o, why), lock;

	if (ret)
		return ret;
	ret = vfy_output_real(path, real);
	lock = ret ? ret : lock_folder(real);
	ret = lock < 0 ? lock : begin_locked(real, run);
	unlock_folder(lock);
	if (ret == -EINVAL)
		return refuse(why, EINVAL, "pi_report: %s: the existing file is not the report of a run, or was cut: "
			      "it is not overwritten; remove it, or give another name", path);
	return ret ? refuse(why, -ret, "pi_report: %s: can't be written: %s", path, strerror(-ret)) : 0;
}

static int add_locked(const char *path, const char *run, struct json_object *job)
{
	struct json_object *report;
	int ret = read_report(path, &report);

	if (!ret && !report)
		report = new_report(run);	/* the file was removed */
	if (!ret && !is_of_run(report, run))
		ret = -EBUSY;
	if (!ret) {
		json_object_array_add(json_object_object_get(report, "jobs"), json_object_get(job));
		ret = replace(path, report);
	}
	json_object_put(report);
	return ret;
}

int report_file_add(const char *path, const char *run, struct json_object *job)
{
	char real[PATH_MAX];
	int ret = vfy_output_real(path, real);
	int lock = ret ? ret : lock_folder(real);

	ret = lock < 0 ? lock : add_locked(real, run, job);

	unlock_folder(lock);
	json_object_put(job);
	return ret;
}
