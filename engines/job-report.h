/* SPDX-License-Identifier: GPL-2.0-only */
/* job-report.h - output of a job for other programs: its part of pi_report, and lines of pi_log */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "session.h"

/* Returns the job's object in pi_report: what it did, the costs, and the findings. */
struct json_object *report_job(const struct session *s);

/* Returns the fields of a log line about a block that was damaged on purpose. */
struct json_object *report_damage(const struct io *io, const struct vfy_injection *d, const char *outcome);

/* Dumps the block of @r as it was transferred, and its neighbours as they are on media. */
void report_dump(struct session *s, const struct io *io, const struct vfy_mismatch *r, const void *data,
		 const void *md);

#endif
