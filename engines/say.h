/* SPDX-License-Identifier: GPL-2.0-only */
/* say.h - the lines that a job prints for the user */
#ifndef SAY_H
#define SAY_H

#include "session.h"

/* Prints one line that begins with the job's name; printf arguments. */
__attribute__((format(printf, 2, 3)))
void session_say(const struct session *s, const char *fmt, ...);

/* Prints at the start which side checks which fields. */
void session_say_checks(struct session *s);

/*
 * Prints that some checks of blocks that this run wrote are not made, because its jobs write
 * different tags or metadata. Such jobs may be set up later; then it is printed at the end.
 */
void session_say_differs(struct session *s);

/*
 * Prints at the end: mismatches, injected errors, what was checked of the blocks, and the costs of
 * the host.
 */
void session_say_summary(const struct session *s);

/* Formats the findings that were not injected; an empty text means that there are none. */
void session_findings(const struct session *s, bool fio_found, char *text, size_t size);

#endif
