// SPDX-License-Identifier: GPL-2.0-only
/* stored-report.c - the JSON report of one format, which is read again; see matrix.h */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "matrix.h"
#include "resume.h"

void matrix_path(const struct args *a, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.json", a->results, name);
}

static uint64_t number_of(struct json_object *o, const char *name)
{
	struct json_object *n;

	return json_object_object_get_ex(o, name, &n) ? json_object_get_uint64(n) : 0;
}

static const char *differs(const struct args *a, const struct lab *l, struct json_object *report)
{
	if (strcmp(matrix_text(report, "only"), a->only ? a->only : ""))
		return "--only";
	if (strcmp(matrix_text(report, "without"), a->without ? a->without : ""))
		return "--without";
	return resume_differs(l, a->seed, report);
}

int matrix_check_reports(const struct args *a, const struct lab *l, char why[WHY_MAX])
{
	DIR *dir = opendir(a->results);
	struct dirent *e;
	int ret = 0;

	while (!ret && dir && (e = readdir(dir))) {
		const char *end = strrchr(e->d_name, '.');
		struct json_object *report = NULL;
		char path[PATH_MAX];
		const char *what;

		if (!end || strcmp(end, ".json"))
			continue;
		snprintf(path, PATH_MAX, "%s/%s", a->results, e->d_name);
		report = json_object_from_file(path);
		what = differs(a, l, report);
		if (report && what)
			ret = refuse(why, EEXIST, "--results=%s: %s is of another run, its %s differs: give "
				     "another folder", a->results, e->d_name, what);
		json_object_put(report);
	}
	if (dir)
		closedir(dir);
	return ret;
}

struct json_object *matrix_report(const struct args *a, const char *name)
{
	struct json_object *o, *stopped_early;
	char path[PATH_MAX];

	matrix_path(a, name, path);
	o = json_object_from_file(path);
	if (o && json_object_object_get_ex(o, "interrupted", &stopped_early) &&
	    !json_object_get_boolean(stopped_early) && number_of(o, "passes") >= a->repeat)
		return o;
	json_object_put(o);
	return NULL;
}

uint64_t matrix_count(struct json_object *report, const char *verdict)
{
	struct json_object *counts;

	return json_object_object_get_ex(report, "counts", &counts) ? number_of(counts, verdict) : 0;
}

const char *matrix_text(struct json_object *o, const char *name)
{
	struct json_object *x;

	return o && json_object_object_get_ex(o, name, &x) ? json_object_get_string(x) : "";
}
