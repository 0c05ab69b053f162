/* SPDX-License-Identifier: GPL-2.0-only */
/* job-refuse.c - why a job cannot run on a namespace, in one line; see job.h */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "job.h"

int refuse_ns(const struct job_ns *ns, char why[WHY_MAX], const char *fmt, ...)
{
	char format[NVME_FORMAT_MAX];
	va_list ap;
	size_t n;

	/* What is wrong with it has to be there, however long its name is. */
	snprintf(why, WHY_MAX, "%.*s (%s): ", WHY_MAX / 2, ns->path, nvme_format_name(&ns->info, format));
	n = strlen(why);
	va_start(ap, fmt);
	vsnprintf(why + n, WHY_MAX - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}
