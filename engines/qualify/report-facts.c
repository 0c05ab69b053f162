// SPDX-License-Identifier: GPL-2.0-only
/* report-facts.c - what every report says of the target; see report.h */
#include <string.h>
#include "report.h"

void report_facts(const struct report *r, struct report_fact facts[REPORT_FACTS])
{
	const struct report_fact all[REPORT_FACTS] = {
		{ "target", r->target }, { "kind", r->kind }, { "model", r->model },
		{ "serial", r->serial }, { "firmware", r->firmware }, { "format", r->format },
		{ "kernel", r->kernel }, { "suite", r->suite },
	};

	memcpy(facts, all, sizeof(all));
}
