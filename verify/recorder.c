/* SPDX-License-Identifier: GPL-2.0-only */
/* recorder.c - see recorder.h */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "fork-lock.h"
#include "json.h"
#include "recorder.h"
#include "output.h"
#include "refuse.h"
#include "report-file.h"

/* --- rate limits --- */

static int64_t this_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/*
 * Start a new rate-limit window if @second is another one.  Returns the number of lines
 * suppressed in the previous window.
 */
static uint64_t turn(struct vfy_rate *r, int64_t second)
{
	uint64_t left_out = r->limit && r->lines > r->limit ? r->lines - r->limit : 0;

	if (second == r->second)
		return 0;
	r->second = second;
	r->lines = 0;
	return left_out;
}

/* Count a line.  Returns whether the rate limit allows it. */
static bool pass(struct vfy_rate *r)
{
	bool passes = ++r->lines <= r->limit || !r->limit;

	if (passes)
		r->shown++;
	else
		r->suppressed++;
	return passes;
}

/* --- lines for the user --- */

static void say(const struct vfy_recorder *j, const char *line)
{
	if (j->opts.say)
		j->opts.say(j->opts.ctx, line);
}

static void say_left_out(const struct vfy_recorder *j, uint64_t lines)
{
	char line[64];

	snprintf(line, sizeof(line), "%" PRIu64 " more mismatches in that second", lines);
	if (lines)
		say(j, line);
}

static void say_record(struct vfy_recorder *j, const struct vfy_mismatch *r, int64_t second)
{
	char line[512];

	say_left_out(j, turn(&j->say_rate, second));
	if (pass(&j->say_rate))
		say(j, vfy_mismatch_text(r, line, sizeof(line)));
}

/* --- lines of the log --- */

/*
 * gmtime_r() takes the C library's time zone lock, which a child of fork() can inherit locked:
 * see the lock in report-file.c.
 */
static pthread_mutex_t calendar = PTHREAD_MUTEX_INITIALIZER;
VFY_HOLD_ACROSS_FORK(calendar, 101);

/*
 * Returns the time in RFC 3339 format, UTC.  A JSON number with this many digits would lose its
 * last ones in some readers.
 */
static struct json_object *now_as_text(void)
{
	struct timespec now;
	char date[32], text[48];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&calendar);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	pthread_mutex_unlock(&calendar);
	snprintf(text, sizeof(text), "%s.%09ldZ", date, now.tv_nsec);
	return json_object_new_string(text);
}

/* Close the log after a line that could not be written completely, and tells the user. */
static void end_log(struct vfy_recorder *j, int ret)
{
	char line[512];

	snprintf(line, sizeof(line), "pi_log: %s: %s: no more is logged", j->opts.log, strerror(-ret));
	close(j->log_fd);
	j->log_fd = -1;
	j->log_err = -ret;
	say(j, line);
}

static void write_line(struct vfy_recorder *j, struct json_object *o)
{
	size_t len;
	const char *text = json_object_to_json_string_length(o, JSON_C_TO_STRING_NOSLASHESCAPE,
							     &len);
	const struct iovec line[] = { { (char *)text, len }, { "\n", 1 } };
	const int ret = vfy_output_line(j->log_fd, line, 2);

	if (ret)
		end_log(j, ret);
}

void vfy_recorder_log(struct vfy_recorder *j, const char *type, struct json_object *fields)
{
	struct json_object *line;

	if (j->log_fd >= 0) {
		line = json_object_new_object();
		json_object_object_add(line, "type", json_object_new_string(type));
		json_object_object_add(line, "time", now_as_text());
		json_object_object_add(line, "job", vfy_json_text(j->opts.job));
		json_object_object_add(line, "thread", json_object_new_uint64(j->opts.thread));
		json_object_object_foreach(fields, name, value)
			json_object_object_add(line, name, json_object_get(value));
		write_line(j, line);
		json_object_put(line);
	}
	json_object_put(fields);
}

static void log_left_out(struct vfy_recorder *j, uint64_t lines)
{
	struct json_object *fields;

	if (!lines)
		return;
	fields = json_object_new_object();
	json_object_object_add(fields, "lines", json_object_new_uint64(lines));
	vfy_recorder_log(j, "suppressed", fields);
}

static void log_record(struct vfy_recorder *j, const struct vfy_mismatch *r, int64_t second)
{
	log_left_out(j, turn(&j->log_rate, second));
	if (pass(&j->log_rate))
		vfy_recorder_log(j, "mismatch", vfy_json_mismatch(r));
}

/* --- from open to close --- */

static bool has_log_lines(int fd)
{
	return vfy_output_has_lines(fd, "type", "time");
}

/*
 * Open the log.  *@created is set if this call created the file; the caller then removes it if
 * the job fails to start.
 */
static int open_log(struct vfy_recorder *j, bool *created, char *why)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT;
	const struct vfy_output o = {
		.use = VFY_USE_LOG, .path = j->opts.log, .streams = true, .ours = has_log_lines,
	};
	int ret = vfy_output_check(&o, why);

	if (ret)
		return ret;
	j->log_fd = vfy_output_open(j->opts.log, flags | O_EXCL);
	*created = j->log_fd >= 0;
	if (!*created && errno == EEXIST)	/* it exists, or it is a dangling link */
		j->log_fd = vfy_output_open(j->opts.log, flags);
	if (j->log_fd >= 0)
		return 0;
	return refuse(why, errno, "pi_log: %s: can't be appended to: %s", j->opts.log,
		      vfy_output_error(errno));
}

int vfy_recorder_open(struct vfy_recorder *j, const struct vfy_recorder_opts *o, char why[WHY_MAX])
{
	bool created = false;
	int ret = 0;

	*j = (struct vfy_recorder){
		.opts = *o, .log_fd = -1,
		.log_rate.limit = o->log_rate, .say_rate.limit = o->say_rate,
	};
	if (o->log)
		ret = open_log(j, &created, why);
	if (!ret && o->report)
		ret = report_file_begin(o->report, o->run, why);
	if (!ret)
		return 0;
	if (created)
		unlink(o->log);
	if (j->log_fd >= 0)
		close(j->log_fd);
	j->log_fd = -1;
	return ret;
}

enum { COMMAND_BLOCKS_MAX = 0x10000 };	/* NLB has 16 bits, and is 0's based */

static void compare(struct vfy_alike *a, const struct vfy_mismatch *r)
{
	if (r->injected)
		return;
	a->fields_differ |= !r->known || r->class || (a->nr && a->field != r->field);
	a->differ |= a->nr && a->got != r->got;
	a->jump |= r->got >= COMMAND_BLOCKS_MAX ||
		   (r->got && a->nr && r->lba == a->lba + 1 && r->got != a->got + 1);
	a->zeros += !r->got;
	a->device |= r->side == VFY_DEVICE;
	a->field = r->field;
	a->got = r->got;
	a->lba = r->lba;
	a->nr++;
}

void vfy_recorder_take(struct vfy_recorder *j, const struct vfy_mismatch *r)
{
	int64_t second = this_second();

	vfy_count(&j->counts, r);
	compare(&j->alike, r);
	if (j->log_fd >= 0)
		log_record(j, r, second);
	if (j->opts.say)
		say_record(j, r, second);
}

static struct json_object *rate_facts(const struct vfy_rate *r)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "shown", json_object_new_uint64(r->shown));
	json_object_object_add(o, "suppressed", json_object_new_uint64(r->suppressed));
	return o;
}

struct json_object *vfy_recorder_facts(const struct vfy_recorder *j)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "mismatches", vfy_json_counts(&j->counts));
	json_object_object_add(o, "log", rate_facts(&j->log_rate));
	json_object_object_add(o, "messages", rate_facts(&j->say_rate));
	return o;
}

int vfy_recorder_report(struct vfy_recorder *j, struct json_object *job)
{
	if (j->opts.report)
		return report_file_add(j->opts.report, j->opts.run, job);
	json_object_put(job);
	return 0;
}

void vfy_recorder_end(struct vfy_recorder *j)
{
	say_left_out(j, turn(&j->say_rate, -1));
	log_left_out(j, turn(&j->log_rate, -1));
}

void vfy_recorder_close(struct vfy_recorder *j)
{
	vfy_recorder_end(j);
	if (j->log_fd >= 0)
		close(j->log_fd);
	j->log_fd = -1;
}
