// SPDX-License-Identifier: GPL-2.0-only
/* run.c - see run.h */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "end.h"
#include "resume.h"
#include "run.h"

const char *const verdict_names[NR_VERDICTS] = {
	[VERDICT_PASS] = "pass", [VERDICT_FAIL] = "fail", [VERDICT_SKIP] = "skip",
	[VERDICT_ERROR] = "error", [VERDICT_NOT_RUN] = "not run",
};

/* --- time and signals --- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static volatile sig_atomic_t stopped;

/* A second signal ends the program, in case a command does not return. */
static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static const char *running;		/* name of the current case */

/* The embedded controller is part of this process: its errors may crash it. */
static void died(int sig)
{
	static const char text[] = "nvmepi-qualify: a signal ended the program during the case ";
	ssize_t ret = write(STDERR_FILENO, text, sizeof(text) - 1);

	if (running)
		ret += write(STDERR_FILENO, running, strlen(running));
	ret += write(STDERR_FILENO, "\n", 1);
	(void)ret;
	raise(sig);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = stop, .sa_flags = SA_RESTART | SA_RESETHAND };
	struct sigaction end = { .sa_handler = died, .sa_flags = SA_RESETHAND | SA_NODEFER }, old;
	const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	for (int i = 0; i < 3; i++)
		if (!sigaction(deadly[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(deadly[i], &end, NULL);
}

/* --- one case --- */

bool run_wants(const struct run *r, const struct qcase *c)
{
	return qcase_is_like(c) == r->like && (!r->only || strstr(c->name, r->only)) &&
	       (!r->without || !strstr(c->name, r->without));
}

/* Returns a seed that does not depend on which other cases run. */
static uint64_t seed_of(uint64_t seed, const char *name)
{
	uint64_t h = seed ^ 0xcbf29ce484222325;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3;
	return h;
}

/* After a failure the content of blocks is unknown. */
static void forget(struct lab *l)
{
	for (uint64_t i = 0; i < l->model.nr; i++)
		l->model.blocks[i].may = QM_ANY;
}

static enum verdict verdict_of(const struct lab *l)
{
	if (l->failed)
		return l->broken ? VERDICT_ERROR : VERDICT_FAIL;
	return l->skip ? VERDICT_SKIP : VERDICT_PASS;
}

/* Records a result; a later repetition does not hide an earlier failure. */
static void note(struct run *r, struct result *x, uint64_t seed, double seconds)
{
	struct lab *l = r->l;
	const enum verdict v = verdict_of(l);

	x->commands += l->commands;
	x->seconds += seconds;
	if (x->verdict == VERDICT_FAIL || x->verdict == VERDICT_ERROR)
		return;
	x->verdict = v;
	x->why = l->skip;
	if (v == VERDICT_FAIL || v == VERDICT_ERROR) {
		x->finding = l->finding;
		l->finding.script = NULL;
		x->seed = seed;
	}
}

/* Returns whether the result of a read says that there is no namespace any more. */
static bool says_gone(int res)
{
	return res == -ENODEV || res == -ENXIO || (res > 0 && qm_status(res) == QS_NS);
}

/*
 * If the drive is gone, what the case found says nothing about it: that is an error, and no failure.
 * Only a drive is asked, as the embedded controller may have to count its commands.
 */
static void look_for_drive(struct run *r)
{
	struct lab *l = r->l;
	char name[QM_NAME_MAX];
	struct nvme_uring_cmd cmd;
	int res;

	if (!l->commands || l->ns->ops != &ring_target)
		return;
	l->in = &l->raw;
	cmd = lab_command(l, nvme_cmd_read, l->first, 1, 0);
	res = l->ns->ops->io(l->ns, &cmd);
	if (!says_gone(res))
		return;
	r->gone = true;
	l->failed = false;
	lab_fail(l, NULL, "a drive", "the drive, or the namespace, is gone: %s",
		 qm_status_name(res, name));
	l->broken = true;
}

static void run_one(struct run *r, struct result *x, uint64_t seed)
{
	struct lab *l = r->l;
	const double start = now();

	running = x->c->name;
	l->failed = l->broken = false;
	l->cause = NULL;
	l->commands = 0;
	l->bufs = &l->own;
	l->in = &l->input;
	l->rng = seed_of(seed, x->c->name);
	l->skip = qcase_skip(l, x->c);
	if (!l->skip)
		x->c->run(l, x->c);
	look_for_drive(r);
	note(r, x, seed, now() - start);
	if (l->failed)
		forget(l);
}

/* Returns whether a case failed and the run ends at the first failure. */
static bool found_enough(const struct run *r, const struct result *x)
{
	return r->until_failure && (x->verdict == VERDICT_FAIL || x->verdict == VERDICT_ERROR);
}

/* --- all cases --- */

static void show_progress(const struct run *r, unsigned done, double start, double *shown)
{
	const double t = now();
	unsigned failed = 0;

	if (!r->progress || t - *shown < 2)
		return;
	*shown = t;
	for (unsigned i = 0; i < r->nr; i++)
		failed += r->results[i].verdict == VERDICT_FAIL;
	fprintf(stderr, "nvmepi-qualify: %u of %u cases, %u failed, %.0f s, about %.0f s to go\n",
		done, r->nr, failed, t - start, (t - start) / (done ? done : 1) * (r->nr - done));
}

static bool more(const struct run *r, double start)
{
	return !stopped && !r->gone && (r->passes < r->repeat || now() - start < r->time);
}

static void run_all(struct run *r)
{
	const double start = now();
	double shown = start;

	while (more(r, start)) {
		for (unsigned i = 0; i < r->nr && !stopped && !r->gone; i++) {
			if (!r->results[i].kept)
				run_one(r, &r->results[i], r->seed + r->passes);
			if (found_enough(r, &r->results[i]))
				return;
			show_progress(r, i + 1, start, &shown);
		}
		r->passes += !stopped && !r->gone;
	}
	r->interrupted = stopped || r->gone;
	r->seconds = now() - start;
}

static void count(struct run *r)
{
	for (unsigned i = 0; i < r->nr; i++)
		r->counts[r->results[i].verdict]++;
}

int run_cases(struct run *r, char why[WHY_MAX])
{
	const struct qcase *c;
	unsigned nr = 0;
	int ret;

	while (qcase_at(nr))
		nr++;
	r->results = calloc(nr, sizeof(*r->results));
	if (!r->results)
		return refuse(why, ENOMEM, "out of memory");
	for (unsigned i = 0; (c = qcase_at(r->order && i < nr ? r->order[i] : i)); i++)
		if (run_wants(r, c))
			r->results[r->nr++] = (struct result){ .c = c, .verdict = VERDICT_NOT_RUN };
	if (!r->nr)
		return refuse(why, EINVAL, "--only=%s: no case has that in its name (see --list)",
			      r->only);
	if (r->before)
		resume_load(r, r->before);
	catch_signals();
	r->l->rng = r->seed;
	ret = end_prepare(r->l, why);
	if (!ret && r->l->broken)
		ret = refuse(why, EIO, "%s: a first Write could not be sent: %s", r->l->path,
			     r->l->finding.got);
	if (!ret)
		run_all(r);
	count(r);
	end_free();
	return ret;
}

void run_free(struct run *r)
{
	for (unsigned i = 0; i < r->nr; i++) {
		free(r->results[i].finding.script);
		free(r->results[i].kept_why);
	}
	free(r->results);
}
