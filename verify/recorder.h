/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recorder.h - record the mismatches of a job: count, log and report them
 *
 * pi_log=FILE	One line of JSON per record, appended by one write(), so that jobs can
 *		share a file and no line is interleaved with another.  The lines per
 *		second are limited; counts stay exact, and the suppressed lines are
 *		counted.
 * pi_report=FILE  One JSON object for the whole run of fio.  Each job adds itself to its
 *		array "jobs" when it ends.  The file is complete JSON at any time.
 */
#ifndef VFY_RECORDER_H
#define VFY_RECORDER_H

#include <json-c/json.h>
#include "mismatch.h"
#include "verify.h"

struct vfy_recorder_opts {
	const char	*job;		/* the job's name */
	unsigned	thread;		/* fio's thread number */
	const char	*run;		/* identifies the run of fio */
	const char	*log, *report;	/* paths; NULL: none */
	unsigned	log_rate;	/* log lines per second; 0: no limit */
	unsigned	say_rate;	/* the same for messages to the user */
	void		(*say)(void *ctx, const char *line);
	void		*ctx;
};

/* A rate limit: lines in the current second, and totals since the start. */
struct vfy_rate {
	unsigned	limit;		/* lines per second; 0: no limit */
	int64_t		second;
	unsigned	lines;
	uint64_t	shown, suppressed;
};

/*
 * Mismatches that were not injected: do all concern one field, and with one value, or with values
 * that count from 0 in each command?
 */
struct vfy_alike {
	uint64_t	nr;
	unsigned	field;
	uint64_t	got, lba;	/* of the last one */
	uint64_t	zeros;		/* how many values are 0 */
	bool		device;		/* the device reported some of them */
	bool		fields_differ;	/* in the field, or a value is not known */
	bool		differ;		/* in the value */
	bool		jump;		/* they do not count from 0 */
};

struct vfy_recorder {
	struct vfy_recorder_opts	opts;	/* strings belong to the caller */
	int			log_fd;	/* -1: no log */
	int			log_err; /* errno with which the log ended too early; 0: it did not */
	struct vfy_rate		log_rate, say_rate;
	struct vfy_counts	counts;
	struct vfy_alike	alike;
};

/*
 * Open the log, and create the report unless another job of the run has done so.  Returns 0, or
 * -errno with one line in @why; files that this call created are then removed.
 */
int vfy_recorder_open(struct vfy_recorder *j, const struct vfy_recorder_opts *o, char why[VFY_WHY_MAX]);

/* Count a record, and write it to the log and to the user as far as the rate limits allow. */
void vfy_recorder_take(struct vfy_recorder *j, const struct vfy_mismatch *r);

/*
 * Write another kind of line to the log, for example an injection: {"type": @type, time, job}
 * and the members of @fields, which is consumed.  This is not subject to the rate limit.
 */
void vfy_recorder_log(struct vfy_recorder *j, const char *type, struct json_object *fields);

/*
 * vfy_recorder_facts() returns the recorder's part of the job's report: "mismatches", "log" and
 * "messages".  The caller adds the rest and passes it to vfy_recorder_report(), which consumes it
 * and returns 0, or -errno if the report could not be written (the caller then informs the
 * user).
 */
struct json_object *vfy_recorder_facts(const struct vfy_recorder *j);
int vfy_recorder_report(struct vfy_recorder *j, struct json_object *job);

/*
 * Write what the rate limits suppressed so far, to the user and to the log: nothing follows.  After
 * it j->log_err is final.  vfy_recorder_close() does the same.
 */
void vfy_recorder_end(struct vfy_recorder *j);
void vfy_recorder_close(struct vfy_recorder *j);

#endif
