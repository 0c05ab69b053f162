// SPDX-License-Identifier: GPL-2.0-only
/* selftest.c - see selftest.h */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "selftest.h"
#include "session.h"
#include "trial.h"

enum { MAX_RUNNING = 64 };

/*
 * Trial @i begins when all up to @i - WINDOW have ended, and knows what came of these alone: so
 * the order in which it tries cases does not depend on the number of CPUs, or on chance.
 */
enum { WINDOW = 16 };

struct selftest {
	const struct args *a;
	struct trial	*trials;
	unsigned	nr, begun, told, scored;
	unsigned	caught[TRIAL_CASES];	/* defects, by case, as far as @scored */
	unsigned	shown[TRIAL_FORMATS];	/* the same by format */
	double		start, progress;	/* when it began; when that was told */
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* --- which defects --- */

static void add(struct selftest *s, const char *name)
{
	struct trial t = { .name = name, .format = -1 };

#if HAVE_DEFECTS
	t.half = ctl_defect_half(name);
	t.excuse = ctl_defect_excuse(name);
#endif
	s->trials = reallocarray(s->trials, s->nr + 1, sizeof(*s->trials));
	if (!s->trials)
		args_die("out of memory");
	s->trials[s->nr++] = t;
}

/* Returns all defects, or those of one half: "first" or "second". */
static void add_all(struct selftest *s, const char *half)
{
#if HAVE_DEFECTS
	const char *name, *what;

	for (unsigned i = 0; ctl_defects(i, &name, &what); i++)
		if (!half || !strcmp(ctl_defect_half(name), half))
			add(s, name);
#else
	(void)s;
	(void)half;
#endif
}

static void choose(struct selftest *s)
{
	const char *names = s->a->selftest;
	const bool half = !strcmp(names, "first") || !strcmp(names, "second");
	char *list = half || !strcmp(names, "all") ? NULL : strdup(names);

	if (half || !strcmp(names, "all"))
		add_all(s, half ? names : NULL);
	else if (!list)
		args_die("out of memory");
	for (char *name = list ? strtok(list, ",") : NULL; name; name = strtok(NULL, ","))
		add(s, name);		/* the trials keep the names */
	if (!s->nr)
		args_die("--self-test=%s: there are no such defects", names);
}

/* Leave ->sample of them, in their order. */
static void sample(struct selftest *s)
{
	struct lab chance = { .rng = s->a->seed };
	unsigned kept = 0;

	if (!s->a->sample)
		return;
	for (unsigned i = 0; i < s->nr && kept < s->a->sample; i++)
		if (lab_below(&chance, s->nr - i) < s->a->sample - kept)
			s->trials[kept++] = s->trials[i];
	s->nr = kept;
}

/* --- in which order cases and formats are tried --- */

static void score(struct selftest *s, const struct trial *t)
{
	for (unsigned i = 0; i < t->nr; i++)
		s->caught[t->cases[i]]++;
	if (trial_caught(t))
		s->shown[t->format]++;
}

/* Cases that need a new image come first, those that look back at all others last. */
static int phase(const struct qcase *c)
{
	if (c->needs & NEED_FRESH)
		return 0;
	return strncmp(c->name, "end/", 4) && strncmp(c->name, "format/", 7) ? 1 : 2;
}

/* What has caught most so far goes first; what has caught as much stays in the order it is in. */
static void order_cases(const struct selftest *s, struct trial_plan *p)
{
	const struct qcase *c, *other;

	for (unsigned i = 0; (c = qcase_at(i)); i++) {
		unsigned at = i;

		for (; at; at--) {
			other = qcase_at(p->cases[at - 1]);
			if (phase(other) < phase(c) ||
			    (phase(other) == phase(c) &&
			     s->caught[p->cases[at - 1]] >= s->caught[i]))
				break;
			p->cases[at] = p->cases[at - 1];
		}
		p->cases[at] = i;
	}
}

static void order_formats(const struct selftest *s, const struct trial *t, struct trial_plan *p)
{
	for (unsigned i = 0; i < TRIAL_FORMATS; i++) {
		unsigned at = p->nr_formats;

		if (!trial_shows(t, i))
			continue;
		for (; at && s->shown[p->formats[at - 1]] < s->shown[i]; at--)
			p->formats[at] = p->formats[at - 1];
		p->formats[at] = i;
		p->nr_formats++;
	}
}

static void begin(struct selftest *s)
{
	struct trial *t = &s->trials[s->begun++];
	struct trial_plan p = { .nr_formats = 0 };

	for (; s->scored + WINDOW < s->begun; s->scored++)
		score(s, &s->trials[s->scored]);
	order_cases(s, &p);
	order_formats(s, t, &p);
	trial_start(s->a, t, &p);
}

/* --- what is told while it runs --- */

static unsigned bits(unsigned mask)
{
	return __builtin_popcount(mask);
}

static void tell_caught(const struct args *a, const struct trial *t)
{
	const char *format = trial_format(t->format);

	printf("%-8s %-28s ", t->excuse ? "strict" : "caught", t->name);
	if (t->crashed)
		printf("it ended the program (%s)", format);
	else if (!t->nr)
		printf("by Identify, which contradicts itself (%s)", format);
	else if (a->every_case)
		printf("by %u case%s, first %s (%s)", t->nr, t->nr == 1 ? "" : "s",
		       qcase_at(t->cases[0])->name, format);
	else
		printf("by %s (%s)", qcase_at(t->cases[0])->name, format);
	if (a->every_format)
		printf(", in %u of %u formats", bits(t->caught), bits(t->tried | t->caught));
	if (t->excuse)
		printf("; %s", t->excuse);
	puts("");
	for (unsigned i = 0; !t->excuse && i < TRIAL_FORMATS; i++)
		if (trial_missed(t) >> i & 1)
			printf("missed   %-28s in %s\n", t->name, trial_format(i));
}

static void tell(const struct selftest *s, const struct trial *t)
{
	if (t->broken)
		printf("%-8s %-28s %s\n", stopped ? "unknown" : "error", t->name,
		       stopped ? "interrupted" : "the suite could not run");
	else if (trial_caught(t))
		tell_caught(s->a, t);
	else if (t->excuse)
		printf("excused  %-28s %s\n", t->name, t->excuse);
	else
		printf("escaped  %s\n", t->name);
	fflush(stdout);
}

static void show_progress(struct selftest *s)
{
	const double t = now() - s->start;
	unsigned done = 0, escaped = 0;

	if (s->a->quiet || t - s->progress < 2)
		return;
	s->progress = t;
	for (unsigned i = 0; i < s->begun; i++) {
		done += s->trials[i].done;
		escaped += s->trials[i].done && !s->trials[i].excuse && !trial_caught(&s->trials[i]);
	}
	fprintf(stderr, "nvmepi-qualify: %u of %u defects, %u escaped, %.0f s, about %.0f s to go\n",
		done, s->nr, escaped, t, done ? t / done * (s->nr - done) : 0);
}

/* --- many trials at once --- */

static unsigned nr_cpus(void)
{
	cpu_set_t set;
	unsigned nr = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return nr < MAX_RUNNING ? nr : MAX_RUNNING;
}

static bool may_begin(const struct selftest *s, unsigned running)
{
	return !stopped && s->begun < s->nr && running < nr_cpus() && s->begun < s->told + WINDOW;
}

/* Wait for what the trials that run have to say. */
static void listen(struct selftest *s)
{
	struct pollfd fds[MAX_RUNNING];
	struct trial *of[MAX_RUNNING];
	unsigned nr = 0;

	for (unsigned i = s->told; i < s->begun; i++)
		if (s->trials[i].pid) {
			of[nr] = &s->trials[i];
			fds[nr++] = (struct pollfd){ .fd = s->trials[i].fd, .events = POLLIN };
		}
	if (poll(fds, nr, 1000) <= 0)
		return;
	for (unsigned i = 0; i < nr; i++)
		if (fds[i].revents)
			trial_take(of[i]);
}

static unsigned nr_running(const struct selftest *s)
{
	unsigned nr = 0;

	for (unsigned i = s->told; i < s->begun; i++)
		nr += s->trials[i].pid != 0;
	return nr;
}

static void run_all(struct selftest *s)
{
	unsigned running;

	while ((running = nr_running(s)) || s->told < s->begun || may_begin(s, running)) {
		while (may_begin(s, running)) {
			begin(s);
			running++;
		}
		for (unsigned i = s->told; stopped && i < s->begun; i++)
			if (s->trials[i].pid)
				kill(s->trials[i].pid, SIGTERM);
		listen(s);
		while (s->told < s->begun && !s->trials[s->told].pid)
			tell(s, &s->trials[s->told++]);
		show_progress(s);
	}
}

/* --- what is told in the end --- */

/*
 * Prints how many defects each case catches, and how many only this case; a case that catches none
 * is marked.
 */
static void tell_cases(const struct selftest *s)
{
	const struct qcase *c;

	puts("\ncase                             catches  alone");
	for (unsigned i = 0; (c = qcase_at(i)); i++) {
		unsigned all = 0, alone = 0;

		if (qcase_is_like(c) != s->a->like)
			continue;
		for (unsigned n = 0; n < s->nr; n++)
			for (unsigned k = 0; k < s->trials[n].nr; k++)
				if (s->trials[n].cases[k] == i) {
					all++;
					alone += s->trials[n].nr == 1;
				}
		printf("%-32s %7u %6u%s\n", c->name, all, alone, all ? "" : "  catches nothing");
	}
}

/* Of those of one half, or of all. */
static void tell_share(const struct selftest *s, const char *half)
{
	unsigned all = 0, caught = 0, readback = 0;

	for (unsigned i = 0; i < s->nr; i++) {
		const struct trial *t = &s->trials[i];

		if (!t->done || t->excuse || (half && (!t->half || strcmp(t->half, half))))
			continue;
		all++;
		caught += trial_caught(t);
		readback += t->readback;
	}
	if (!all && half)
		return;
	if (half)
		printf("of the %s half: ", half);
	printf("caught %u of %u", caught, all);
	if (!s->a->like)
		printf("; reading back catches %u of them", readback);
	puts("");
}

static int status_of(const struct selftest *s)
{
	bool escaped = false, broken = false;

	for (unsigned i = 0; i < s->nr; i++) {
		const struct trial *t = &s->trials[i];

		broken |= !t->done;
		escaped |= t->done && !t->excuse && (!trial_caught(t) || trial_missed(t));
	}
	return broken ? 2 : escaped;
}

int selftest(const struct args *a)
{
	const struct sigaction sa = { .sa_handler = stop };
	struct selftest s = { .a = a, .start = now() };
	int status;

	choose(&s);
	sample(&s);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	run_all(&s);
	if (a->every_case)
		tell_cases(&s);
	puts("");
	tell_share(&s, "first");
	tell_share(&s, "second");
	tell_share(&s, NULL);
	if (s.begun < s.nr)
		printf("%u were not tried: interrupted\n", s.nr - s.begun);
	status = status_of(&s);
	free(s.trials);
	return status;
}
