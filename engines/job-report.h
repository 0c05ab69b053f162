/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job-report.h - what a job tells tools: its part of pi_report, and lines of pi_log
 */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "session.h"

/* The job's object in pi_report: what it did, what that took, what was found. */
struct json_object *report_job(const struct session *s);

/* The fields of a log line about a block that was damaged on purpose. */
struct json_object *report_damage(const struct io *io, const struct vfy_injection *d, const char *outcome);

/* Dump the block of @r, as it came, and its neighbours, as they are on media. */
void report_dump(struct session *s, const struct io *io, const struct vfy_mismatch *r, const void *data,
		 const void *md);

#endif
