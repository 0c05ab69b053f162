/* SPDX-License-Identifier: GPL-2.0-only */
/* run.h - runs the cases one after another, and records their results */
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
	uint64_t		seed;		/* seed of the repetition that failed */
	struct lab_finding	finding;	/* of VERDICT_FAIL and VERDICT_ERROR */
};

struct run {
	struct lab	*l;
	const char	*only;			/* only cases whose name contains this; NULL: all */
	const char	*without;		/* no cases whose name contains this; NULL: all */
	bool		like;			/* only cases of --like=readback */
	uint64_t	seed;
	unsigned	repeat;			/* minimal number of repetitions */
	double		time;			/* minimal time in seconds */
	bool		progress;
	const uint16_t	*order;			/* numbers of all cases; NULL: as in the tables */
	const char	*before;		/* a JSON report, see resume.h; NULL: none */
	bool		until_failure;		/* the first that fails is the last that runs */
	struct result	*results;
	unsigned	nr;
	unsigned	passes;			/* completed repetitions */
	unsigned	counts[NR_VERDICTS];
	double		seconds;
	bool		gone;			/* the drive is no longer there: no further case ran */
	bool		interrupted;
};

/* Returns whether @c is selected. */
bool run_wants(const struct run *r, const struct qcase *c);

/*
 * Runs all selected cases. Returns 0, or -errno with one line in @why if no case could run. SIGINT
 * and SIGTERM stop it after the current case.
 */
int run_cases(struct run *r, char why[WHY_MAX]);
void run_free(struct run *r);

#endif
