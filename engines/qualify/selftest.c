// SPDX-License-Identifier: GPL-2.0-only
/* selftest.c - see selftest.h */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "selftest.h"

/* Formats in which a defect is looked for, one after another until it is caught. */
static const char *const formats[] = {
	"lbs=4096,ms=8,pi=1",
	"lbs=4096,ms=64,mset=1,pi=2,pif=1,sts=16",
	"lbs=512,ms=16,pi=3,pil=1,pif=2",
	"lbs=4096,ms=24,pi=1,pif=2,sts=40",
	"lbs=512,ms=64,mset=1,pi=2,pil=1",
	"lbs=512,ms=16,mset=1,pi=3",
	"lbs=16384,ms=64,pi=1,pif=2", "lbs=4096,ms=16,pi=0",
};

enum { MAX_CASES = 512, NR_FORMATS = sizeof(formats) / sizeof(formats[0]) };

struct defect {
	const char	*name, *half;
	const char	*format;	/* in which it was caught; NULL: it was not */
	bool		crashed;	/* it ended the program: caught, but by no case */
	bool		broken;		/* the suite could not run */
	uint16_t	cases[MAX_CASES]; /* that caught it */
	unsigned	nr;
};

extern char **environ;

/* --- one run of the suite --- */

static int number_of(const char *name)
{
	const struct qcase *c;

	for (unsigned i = 0; (c = qcase_at(i)); i++)
		if (!strcmp(c->name, name))
			return i;
	return -1;
}

/* The cases that a TAP report says failed. */
static void read_tap(FILE *in, struct defect *d)
{
	char line[1024], name[80];

	while (fgets(line, sizeof(line), in)) {
		const int i = sscanf(line, "not ok %*u - %79s", name) == 1 ? number_of(name) : -1;

		if (i >= 0 && d->nr < MAX_CASES)
			d->cases[d->nr++] = i;
	}
}

/* Run this program with @argv, its report read into @d.  Its status as waitpid() has it, or -1. */
static int run_suite(char *const argv[], struct defect *d)
{
	posix_spawn_file_actions_t actions;
	int pipes[2], status = -1;
	FILE *in = NULL;
	pid_t pid;

	if (pipe(pipes))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 0, 0);
	posix_spawn_file_actions_addclose(&actions, pipes[0]);
	if (!posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ)) {
		close(pipes[1]);
		in = fdopen(pipes[0], "r");
		if (in)
			read_tap(in, d);
		waitpid(pid, &status, 0);
	} else {
		close(pipes[1]);
	}
	if (in)
		fclose(in);
	else
		close(pipes[0]);
	posix_spawn_file_actions_destroy(&actions);
	return status;
}

/* "fault:KIND" is one of ns_fault, everything else one of ns_defect. */
static void try_format(const struct args *a, struct defect *d, const char *format)
{
	static const char fault[] = "fault:";
	const bool is_fault = !strncmp(d->name, fault, strlen(fault));
	char words[200], bad[200], seed[40];
	char *argv[] = { "nvmepi-qualify", "--quiet", "--output=tap", words, bad, seed,
			 a->strict ? "--strict" : "--quiet", a->like ? "--like=readback" : NULL,
			 NULL };
	int status;

	snprintf(words, sizeof(words), "--format=%s", format);
	snprintf(bad, sizeof(bad), is_fault ? "--ns_fault=%s" : "--ns_defect=%s",
		 d->name + (is_fault ? strlen(fault) : 0));
	snprintf(seed, sizeof(seed), "--seed=%llu", (unsigned long long)a->seed);
	status = run_suite(argv, d);
	d->crashed = status != -1 && WIFSIGNALED(status);
	d->broken = status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) > 1);
	if (d->nr || d->crashed)
		d->format = format;
}

static void try_defect(const struct args *a, struct defect *d)
{
	for (int i = 0; i < NR_FORMATS && !d->format && !d->broken; i++)
		try_format(a, d, formats[i]);
}

/* --- what came of it --- */

static void tell(const struct defect *d)
{
	if (d->broken)
		printf("error    %-28s the suite could not run\n", d->name);
	else if (d->crashed)
		printf("caught   %-28s it ended the program (%s)\n", d->name, d->format);
	else if (d->format)
		printf("caught   %-28s by %u case%s, first %s (%s)\n", d->name, d->nr,
		       d->nr == 1 ? "" : "s", qcase_at(d->cases[0])->name, d->format);
	else
		printf("escaped  %s\n", d->name);
	fflush(stdout);
}

/* How many defects each case catches, and how many it alone; a case that catches none is
 * questioned. */
static void tell_cases(const struct defect *defects, unsigned nr, bool like)
{
	const struct qcase *c;

	puts("\ncase                             catches  alone");
	for (unsigned i = 0; (c = qcase_at(i)); i++) {
		unsigned all = 0, alone = 0;

		if (qcase_is_like(c) != like)
			continue;
		for (unsigned n = 0; n < nr; n++)
			for (unsigned k = 0; k < defects[n].nr; k++)
				if (defects[n].cases[k] == i) {
					all++;
					alone += defects[n].nr == 1;
				}
		printf("%-32s %7u %6u%s\n", c->name, all, alone, all ? "" : "  catches nothing");
	}
}

static struct defect *add(struct defect *defects, unsigned *nr, const char *name, const char *half)
{
	defects = reallocarray(defects, *nr + 1, sizeof(*defects));
	if (!defects)
		args_die("out of memory");
	defects[(*nr)++] = (struct defect){ .name = name, .half = half };
	return defects;
}

#if HAVE_DEFECTS
/* All, or those of one half: "first" or "second". */
static struct defect *all_defects(const char *half, unsigned *nr)
{
	struct defect *defects = NULL;
	const char *name, *what;

	for (unsigned i = 0; ctl_defects(i, &name, &what); i++) {
		const char *of = ctl_defect_half(name);

		if (!half || (of && !strcmp(of, half)))
			defects = add(defects, nr, name, of);
	}
	return defects;
}
#else
static struct defect *all_defects(const char *half, unsigned *nr)
{
	(void)half;
	*nr = 0;
	return NULL;
}
#endif

static struct defect *choose(const char *names, unsigned *nr)
{
	const bool half = !strcmp(names, "first") || !strcmp(names, "second");
	struct defect *defects = NULL;
	char *copy = strdup(names);

	*nr = 0;
	if (half || !strcmp(names, "all"))
		return all_defects(half ? names : NULL, nr);
	for (char *name = copy ? strtok(copy, ",") : NULL; name; name = strtok(NULL, ","))
		defects = add(defects, nr, name, NULL);
	return defects;
}

static void tell_half(const struct defect *defects, unsigned nr, const char *half)
{
	unsigned all = 0, caught = 0;

	for (unsigned i = 0; i < nr; i++)
		if (defects[i].half && !strcmp(defects[i].half, half)) {
			all++;
			caught += defects[i].format != NULL;
		}
	if (all)
		printf("of the %s half: caught %u of %u\n", half, caught, all);
}

int selftest(const struct args *a)
{
	unsigned nr, caught = 0, broken = 0;
	struct defect *defects = choose(a->selftest, &nr);

	if (!nr)
		args_die("--self-test=%s: there are no such defects", a->selftest);
	for (unsigned i = 0; i < nr; i++) {
		try_defect(a, &defects[i]);
		caught += defects[i].format != NULL;
		broken += defects[i].broken;
		tell(&defects[i]);
	}
	tell_cases(defects, nr, a->like);
	puts("");
	tell_half(defects, nr, "first");
	tell_half(defects, nr, "second");
	printf("caught %u of %u\n", caught, nr);
	free(defects);
	return broken ? 2 : caught < nr ? 1 : 0;
}
