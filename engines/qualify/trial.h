/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trial.h - runs the suite against one defect of the embedded controller: whether it is caught, in
 * which formats, and by which cases
 *
 * A trial is a process of its own, because a defect may end it. No case depends on the name of a
 * defect.
 */
#ifndef QUALIFY_TRIAL_H
#define QUALIFY_TRIAL_H

#include <sys/types.h>
#include "args.h"

enum { TRIAL_CASES = 512, TRIAL_FORMATS = 10 };

/* "lbs=4096,ms=8,...": the formats in which defects are looked for. */
const char *trial_format(unsigned i);

/* In which order they are looked for. */
struct trial_plan {
	uint16_t	cases[TRIAL_CASES];	/* numbers of all cases */
	uint8_t		formats[TRIAL_FORMATS];	/* those that show the defect */
	unsigned	nr_formats;
};

struct trial {
	const char	*name;		/* "fault:KIND" is one of ns_fault, all others of ns_defect */
	const char	*half;		/* "first" or "second"; NULL: neither */
	const char	*excuse;	/* it need not be caught, and is tried with --strict; NULL: it must */
	pid_t		pid;		/* 0: it does not run */
	int		fd;		/* from which its records come */
	bool		done;		/* it was tried to the end */
	bool		broken;		/* the suite could not run */
	bool		crashed;	/* the defect ended the program: caught, but by no case */
	bool		readback;	/* caught by what writes and reads back, too */
	int		format;		/* in which it was caught first; -1: in none */
	uint16_t	cases[TRIAL_CASES]; /* that caught it there; none: Identify contradicts itself */
	unsigned	nr;
	unsigned	tried, caught;	/* formats, by bit */
	int		now;		/* the format that is being tried */
};

/* Returns whether the format @i shows the defect, according to the table of defects. */
bool trial_shows(const struct trial *t, unsigned i);

/*
 * Begin a trial.  It goes through the formats of @p until one catches the defect, or through
 * all with --every-format; and through the cases until one fails, or in that first format through
 * all with --every-case.
 */
void trial_start(const struct args *a, struct trial *t, const struct trial_plan *p);

/* Take what ->fd has.  True: the trial has ended. */
bool trial_take(struct trial *t);

static inline bool trial_caught(const struct trial *t)
{
	return t->format >= 0;
}

/* Formats, by bit, that show the defect, and in which no case failed. */
static inline unsigned trial_missed(const struct trial *t)
{
	return t->tried & ~t->caught;
}

#endif
