/* SPDX-License-Identifier: GPL-2.0-only */
/* tool-run.h - run a program of tests/tools and check its output; include it after unit.h */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The build folder; set by the caller. */
static char build[PATH_MAX];

/* Fail with a reason in one line: the newlines of a program's output are replaced. */
static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *fmt, ...)
{
	char why[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	for (char *p = why; *p; p++)
		if (*p == '\n')
			*p = '|';
	unit_fail(__FILE__, __LINE__, "%s", why);
}

/* Run @command and store its output in @out.  Returns the exit status, or -1. */
static int run(const char *command, char *out, size_t len)
{
	char line[8192];
	size_t got = 0, n;
	FILE *pipe;
	int status;

	snprintf(line, sizeof(line), "'%s'/tests/tools/%s 2>&1", build, command);
	pipe = popen(line, "r");
	if (!pipe)
		return -1;
	while ((n = fread(out + got, 1, len - 1 - got, pipe)) > 0)
		got += n;
	out[got] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Check that the command exits with @status and prints exactly @text. */
static void expect(int status, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void expect(int status, const char *text, const char *fmt, ...)
{
	char command[1024], out[4096];
	va_list args;
	int got;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	got = run(command, out, sizeof(out));
	if (got != status || strcmp(out, text))
		fail("%s: wanted %d \"%s\" got %d \"%s\"", command, status, text, got, out);
}

/* Check that the command is refused (status 2) in one line that contains @word. */
static void refused(const char *word, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void refused(const char *word, const char *fmt, ...)
{
	char command[1024], out[4096], *end;
	va_list args;
	int got;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	got = run(command, out, sizeof(out));
	end = strchr(out, '\n');
	if (got != 2 || !strstr(out, word) || !end || end[1])
		fail("%s: wanted 2 and a line with \"%s\" got %d \"%s\"", command, word, got, out);
}

/* Check that the command exits with @status and prints @word; "": prints no warning instead. */
static void ends(int status, const char *word, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void ends(int status, const char *word, const char *fmt, ...)
{
	char command[1024], out[4096];
	va_list args;
	int got;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	got = run(command, out, sizeof(out));
	if (got != status || (*word ? !strstr(out, word) : !!strstr(out, "no check")))
		fail("%s: wanted %d \"%s\" got %d \"%s\"", command, status, word, got, out);
}

#endif
