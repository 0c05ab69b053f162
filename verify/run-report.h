/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run-report.h - one JSON file to which all jobs of a run add themselves
 *
 *	{ "version": 1, "run": RUN, "jobs": [ ... ] }
 *
 * The file is replaced as a whole, by a rename, so at any time it is good JSON,
 * whoever is killed.  A lock on its folder has one job at a time do so.  A file
 * of another run is replaced by the first job of this one; a file that is no such
 * report, and not empty, never is.
 */
#ifndef VFY_RUN_REPORT_H
#define VFY_RUN_REPORT_H

#include <json-c/json.h>

/*
 * Have a report of @run at @path, with the jobs it has so far.  0, or -errno with
 * one line in @why (VFY_WHY_MAX bytes); then the file is as it was.
 */
int run_report_begin(const char *path, const char *run, char *why);

/*
 * Add @job, which is consumed.  0, or -errno: -EBUSY where it meanwhile is the
 * report of another run, -EINVAL where it is none any more.
 */
int run_report_add(const char *path, const char *run, struct json_object *job);

#endif
