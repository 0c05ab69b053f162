/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-say.h - the engine's lines, by fio's ways of saying them
 *
 * A part of fio.c: included there once, behind fio's headers.
 */
#ifndef FIO_SAY_H
#define FIO_SAY_H

#include <limits.h>
#include <stdarg.h>

static int complain(const char *why)
{
	log_err("nvmepi: %s\n", why);
	return 1;
}

static void say(const char *line)
{
	log_err("nvmepi: %s\n", line);
}

/*
 * Prints a line that informs where fio prints its own notes. If that is standard output with JSON
 * or terse lines for a program, the line goes to standard error. The output is flushed, because a
 * job's process ends without flushing.
 */
static void inform(const char *line)
{
	if (f_out == stdout && !(output_format & FIO_OUTPUT_NORMAL))
		log_err("nvmepi: %s\n", line);
	else
		log_info("nvmepi: %s\n", line);
	log_info_flush();
}

static __attribute__((format(printf, 1, 2))) void inform_as(const char *fmt, ...)
{
	char line[WHY_MAX + PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	inform(line);
}

#endif
