/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.h - takes a job's findings: counts them, logs them, reports them
 *
 * pi_log=FILE	one line of JSON a record, appended in one write(), so that jobs
 *		share a file and no line is ever torn.  No more than so many a
 *		second; counts stay exact, and say how many were left out.
 * pi_report=FILE  one JSON object for the whole run of fio, whose "jobs" each job
 *		adds itself to at its end.  The file is good JSON at any time.
 */
#ifndef VFY_JUDGE_H
#define VFY_JUDGE_H

#include <json-c/json.h>
#include "report.h"
#include "verify.h"

struct vfy_judge_opts {
	const char	*job;		/* name */
	unsigned	thread;		/* fio's number of it */
	const char	*run;		/* the same for all jobs of one fio, of no other */
	const char	*log, *report;	/* paths, NULL: none */
	unsigned	log_rate;	/* lines a second; 0: all */
	unsigned	say_rate;	/* of lines for the user */
	void		(*say)(void *ctx, const char *line);
	void		*ctx;
};

/* Lines in the current second, and those left out since the start. */
struct vfy_rate {
	unsigned	limit;		/* 0: none */
	int64_t		second;
	unsigned	lines;
	uint64_t	shown, suppressed;
};

/* Mismatches that nobody made: are all of one field, with one value? */
struct vfy_alike {
	uint64_t	nr;
	unsigned	field;
	uint64_t	got;
	bool		device;		/* the device found some of them */
	bool		differ;
};

struct vfy_judge {
	struct vfy_judge_opts	opts;	/* strings are the caller's */
	int			log_fd;	/* -1: none */
	struct vfy_rate		log_rate, say_rate;
	struct vfy_counts	counts;
	struct vfy_alike	alike;
};

/*
 * Open the log, begin the report (unless another job of the run has).  0, or
 * -errno with one line in @why; nothing is left behind then.
 */
int vfy_judge_open(struct vfy_judge *j, const struct vfy_judge_opts *o, char why[VFY_WHY_MAX]);

/* Take one record: count it, and log and say it as far as the rates allow. */
void vfy_judge_take(struct vfy_judge *j, const struct vfy_record *r);

/*
 * Any other line of the log, such as an injection: {"type": @type, time, job}
 * and what is in @fields, which is consumed.  Not limited by the rate.
 */
void vfy_judge_log(struct vfy_judge *j, const char *type, struct json_object *fields);

/*
 * "mismatches", "log" and what else the judge knows, for the job's report;
 * the caller adds the rest and hands it to vfy_judge_report(), which consumes it.
 * 0, or -errno: the report could not be written (the caller tells).
 */
struct json_object *vfy_judge_facts(const struct vfy_judge *j);
int vfy_judge_report(struct vfy_judge *j, struct json_object *job);

void vfy_judge_close(struct vfy_judge *j);

#endif
