/* SPDX-License-Identifier: GPL-2.0-only */
/* refuse.c - see refuse.h */
#include <stdarg.h>
#include <stdio.h>
#include "refuse.h"

int refuse(char *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return -err;
}
