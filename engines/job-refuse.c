/* SPDX-License-Identifier: GPL-2.0-only */
/* job-refuse.c - formats the reason why a job cannot run on a namespace, in one line; see job.h */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pi/guard-kernels.h"
#include "job.h"

int refuse_ns(const struct job_ns *ns, char why[WHY_MAX], const char *fmt, ...)
{
	char format[NVME_FORMAT_MAX];
	va_list ap;
	size_t n;

	/* The name is cut off if it is long, so that the reason always fits. */
	snprintf(why, WHY_MAX, "%.*s (%s): ", WHY_MAX / 2, ns->path, nvme_format_name(&ns->info, format));
	n = strlen(why);
	va_start(ap, fmt);
	vsnprintf(why + n, WHY_MAX - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/*
 * Refuses an unknown guard kernel: the library would ignore it, and another one would be measured.
 */
int job_check_guard(char why[WHY_MAX])
{
	const char *name = getenv("NVMEPI_GUARD");
	char names[WHY_MAX / 2] = "";
	size_t n = 0;

	if (!name || !guard_select(name))
		return 0;
	for (size_t i = 0; i < guard_nr_kernels; i++)
		if (guard_kernels[i].runs())
			n += snprintf(names + n, sizeof(names) - n, "%s%s", n ? " " : "",
				      guard_kernels[i].name);
	return refuse(why, EINVAL, "NVMEPI_GUARD=%.40s: no guard kernel of that name runs here; "
		      "give one of: %s", name, names);
}
