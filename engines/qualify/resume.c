// SPDX-License-Identifier: GPL-2.0-only
/* resume.c - see resume.h */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"
#include "resume.h"

/* The text of @name in @o, "" without one. */
static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *x;
	const char *text = json_object_object_get_ex(o, name, &x) ? json_object_get_string(x) : NULL;

	return text ? text : "";
}

static uint64_t number_of(struct json_object *o, const char *name)
{
	struct json_object *x;

	return json_object_object_get_ex(o, name, &x) ? json_object_get_uint64(x) : 0;
}

const char *resume_differs(const struct lab *l, uint64_t seed, struct json_object *report)
{
	char kernel[REPORT_KERNEL], suite[REPORT_SUITE];
	struct json_object *target = NULL;
	const struct {
		const char *name, *value;
	} same[] = { { "serial", l->id.serial }, { "firmware", l->id.firmware },
		     { "kernel", report_kernel(kernel) }, { "suite", report_suite(suite) } };

	json_object_object_get_ex(report, "target", &target);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (!target || strcmp(text_of(target, same[i].name), same[i].value))
			return same[i].name;
	return number_of(report, "seed") == seed ? NULL : "seed";
}

/* Returns whether it is a report of the same cases and target. */
static bool is_same(const struct run *r, struct json_object *report)
{
	struct json_object *target;
	char format[80];

	return !resume_differs(r->l, r->seed, report) &&
	       json_object_object_get_ex(report, "target", &target) &&
	       !strcmp(text_of(target, "format"), lab_format_name(&r->l->f, format));
}

static void take_over(struct run *r, struct json_object *c)
{
	const char *verdict = text_of(c, "verdict");
	const bool passed = !strcmp(verdict, "pass"), skipped = !strcmp(verdict, "skip");

	for (unsigned i = 0; i < r->nr && (passed || skipped); i++) {
		struct result *x = &r->results[i];

		if (strcmp(x->c->name, text_of(c, "name")))
			continue;
		x->kept = true;
		x->verdict = passed ? VERDICT_PASS : VERDICT_SKIP;
		x->why = x->kept_why = skipped ? strdup(text_of(c, "reason")) : NULL;
		x->commands = number_of(c, "commands");
		r->l->all_commands += x->commands;
	}
}

void resume_load(struct run *r, const char *path)
{
	struct json_object *report = json_object_from_file(path), *cases;

	if (report && is_same(r, report) && json_object_object_get_ex(report, "cases", &cases) &&
	    json_object_is_type(cases, json_type_array))
		for (size_t i = 0; i < json_object_array_length(cases); i++)
			take_over(r, json_object_array_get_idx(cases, i));
	json_object_put(report);
}
