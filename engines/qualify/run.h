/* SPDX-License-Identifier: GPL-2.0-only */
/* run.h - the cases, one after another, and what came of each */
#ifndef QUALIFY_RUN_H
#define QUALIFY_RUN_H

#include "case.h"

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_SKIP,
	VERDICT_ERROR,
	VERDICT_NOT_RUN,
	NR_VERDICTS
};

/* "pass", "fail", ... */
extern const char *const verdict_names[NR_VERDICTS];

struct result {
	const struct qcase	*c;
	enum verdict		verdict;
	const char		*why;		/* why it was skipped; constant, or */
	char			*kept_why;	/* that of a report */
	bool			kept;		/* it is known from a report, and does not run */
	uint64_t		commands;
	double			seconds;
	uint64_t		seed;		/* of the repetition that failed */
	struct lab_finding	finding;	/* of VERDICT_FAIL and VERDICT_ERROR */
};

struct run {
	struct lab	*l;
	const char	*only;			/* cases whose name has this in it; NULL: all */
	bool		like;			/* those of --like=readback alone */
	uint64_t	seed;
	unsigned	repeat;			/* at least; */
	double		time;			/* and so long, seconds */
	bool		progress;
	const uint16_t	*order;			/* numbers of all cases; NULL: as in the tables */
	const char	*before;		/* a JSON report, see resume.h; NULL: none */
	bool		until_failure;		/* the first that fails is the last that runs */
	struct result	*results;
	unsigned	nr;
	unsigned	passes;			/* repetitions that were completed */
	unsigned	counts[NR_VERDICTS];
	double		seconds;
	bool		interrupted;
};

/* Is @c one of those asked for? */
bool run_wants(const struct run *r, const struct qcase *c);

/*
 * Run them all.  0, or -errno with one line in @why where nothing could be tried.
 * SIGINT and SIGTERM end it after the case that is running.
 */
int run_cases(struct run *r, char why[WHY_MAX]);
void run_free(struct run *r);

#endif
