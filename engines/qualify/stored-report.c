// SPDX-License-Identifier: GPL-2.0-only
/* stored-report.c - the JSON report of one format, which is read again; see matrix.h */
#include <stdio.h>
#include "matrix.h"

void matrix_path(const struct args *a, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.json", a->results, name);
}

struct json_object *matrix_report(const struct args *a, const char *name)
{
	struct json_object *o, *seed, *stopped_early;
	char path[PATH_MAX];

	matrix_path(a, name, path);
	o = json_object_from_file(path);
	if (o && json_object_object_get_ex(o, "seed", &seed) &&
	    json_object_object_get_ex(o, "interrupted", &stopped_early) &&
	    json_object_get_uint64(seed) == a->seed && !json_object_get_boolean(stopped_early))
		return o;
	json_object_put(o);
	return NULL;
}

uint64_t matrix_count(struct json_object *report, const char *verdict)
{
	struct json_object *counts, *n;

	return json_object_object_get_ex(report, "counts", &counts) &&
	       json_object_object_get_ex(counts, verdict, &n) ? json_object_get_uint64(n) : 0;
}

const char *matrix_text(struct json_object *o, const char *name)
{
	struct json_object *x;

	return o && json_object_object_get_ex(o, name, &x) ? json_object_get_string(x) : "";
}
