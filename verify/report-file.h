/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report-file.h - one JSON file to which all jobs of a run of fio add themselves
 *
 *	{ "version": 1, "run": RUN, "jobs": [ ... ] }
 *
 * The file is replaced as a whole by rename(), so that it is complete JSON at any time,
 * even if a process is killed.  A lock on its folder serialises the jobs.  The first job
 * of a run replaces the report of another run.  A file that is not empty and is no such
 * report is never replaced.
 */
#ifndef VFY_RUN_REPORT_H
#define VFY_RUN_REPORT_H

#include <json-c/json.h>

/*
 * Create a report of @run at @path unless it exists.  Returns 0, or -errno with one line in
 * @why (VFY_WHY_MAX bytes); the file is then unchanged.
 */
int report_file_begin(const char *path, const char *run, char *why);

/*
 * Add @job, which is consumed, to the report.  Returns 0 or -errno: -EBUSY if the file has
 * become the report of another run, -EINVAL if it is no longer a report.
 */
int report_file_add(const char *path, const char *run, struct json_object *job);

#endif
