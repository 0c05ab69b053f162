/* SPDX-License-Identifier: GPL-2.0-only */
/* say.h - the lines that a job prints for its user */
#ifndef SAY_H
#define SAY_H

#include "session.h"

/* One line, behind the job's name; printf arguments. */
__attribute__((format(printf, 2, 3)))
void session_say(const struct session *s, const char *fmt, ...);

/* At the start: which side checks which fields. */
void session_say_checks(struct session *s);

/*
 * What would be checked where this run wrote is not, where its jobs write different things.  Jobs
 * that are set up later may be of that kind: then it is said at the end.
 */
void session_say_differs(struct session *s);

/* At the end: mismatches, injected damage, what became of the blocks, and the host's costs. */
void session_say_summary(const struct session *s);

/* What nobody did on purpose, as text; an empty one: there is no such finding. */
void session_findings(const struct session *s, bool fio_found, char *text, size_t size);

#endif
