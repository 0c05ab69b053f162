// SPDX-License-Identifier: GPL-2.0-only
/* trial.c - see trial.h */
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "session.h"
#include "trial.h"

/* A trial that takes longer is taken for one that the defect does not let end. */
enum { SECONDS = 600 };

static const char *const formats[TRIAL_FORMATS] = {
	"lbs=4096,ms=8,pi=1",
	"lbs=4096,ms=24,pi=1,pif=2,sts=40",
	"lbs=512,ms=64,mset=1,pi=2,pil=1",
	"lbs=4096,ms=64,mset=1,pi=2,pif=1,sts=16",
	"lbs=512,ms=16,pi=3,pil=1,pif=2",
	"lbs=512,ms=16,mset=1,pi=3",
	"lbs=16384,ms=64,pi=1,pif=2",
	"lbs=512,ms=8,mset=1,pi=1,sts=16",
	"lbs=4096,ms=16,pi=0",
	"lbs=512,ms=0,pi=0",
};

const char *trial_format(unsigned i)
{
	return i < TRIAL_FORMATS ? formats[i] : NULL;
}

static const char fault[] = "fault:";

static bool is_fault(const struct trial *t)
{
	return !strncmp(t->name, fault, strlen(fault));
}

bool trial_shows(const struct trial *t, unsigned i)
{
#if HAVE_DEFECTS
	struct args a = { .format = NS_FORMAT_ANY };

	args_format(&a, formats[i]);
	return is_fault(t) || ctl_defect_shows(t->name, &a.format);
#else
	(void)t;
	(void)i;
	return true;
#endif
}

/* Removes the image of a process that ended too early. */
static void remove_image(pid_t pid)
{
	char *path = session_image(pid), pattern[300];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s*", path);
	if (!glob(pattern, GLOB_NOSORT, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	free(path);
}

/* --- the child: what it finds goes to the parent as records --- */

struct record {
	enum { BEGIN, FAILED, READBACK, REFUSED, END } what;
	uint16_t	number;		/* of a format or a case */
};

static void tell(int fd, int what, unsigned number)
{
	const struct record x = { what, number };

	if (write(fd, &x, sizeof(x)) == sizeof(x))
		return;
	remove_image(getpid());		/* the parent, which would do it, was killed */
	_exit(2);
}

static unsigned number_of(const struct qcase *c)
{
	unsigned i = 0;

	while (qcase_at(i) != c)
		i++;
	return i;
}

/* Run the suite once, on a new image; failed cases are told as @what.  Returns their number. */
static unsigned run_suite(const struct args *a, const struct run *how, int fd, int what)
{
	char *path = session_image(getpid()), why[WHY_MAX];
	struct lab l = { 0 };
	struct run r = *how;

	r.l = &l;
	if (!session_try(a, &l, path, why)) {
		tell(fd, REFUSED, 0);
		return 1;
	}
	session_range(a, &l);
	if (lab_start(&l, why) || run_cases(&r, why))
		args_die("%s", why);
	for (unsigned i = 0; i < r.nr; i++)
		if (r.results[i].verdict == VERDICT_FAIL)
			tell(fd, what, number_of(r.results[i].c));
	run_free(&r);
	lab_end(&l);
	session_close(&l, true);
	free(path);
	if (r.interrupted || r.counts[VERDICT_ERROR])
		_exit(2);
	return r.counts[VERDICT_FAIL];
}

static void run_trial(const struct args *given, const struct trial *t, const struct trial_plan *p,
		      int fd)
{
	struct args a = *given;
	struct run r = { .seed = a.seed, .repeat = 1, .order = p->cases };
	unsigned found = 0;

	a.strict |= t->excuse != NULL;
	if (is_fault(t))
		a.fault = t->name + strlen(fault);
	else
		a.defect = t->name;
	for (unsigned i = 0; i < p->nr_formats && (a.every_format || !found); i++) {
		a.format = (struct ns_format)NS_FORMAT_ANY;
		args_format(&a, formats[p->formats[i]]);
		tell(fd, BEGIN, p->formats[i]);
		r.like = a.like;
		r.until_failure = !a.every_case || found;
		found += run_suite(&a, &r, fd, FAILED);
		r.like = r.until_failure = true;
		if (found && !a.like)
			run_suite(&a, &r, fd, READBACK);
		tell(fd, END, p->formats[i]);
	}
	_exit(0);
}

/* --- the parent --- */

void trial_start(const struct args *a, struct trial *t, const struct trial_plan *p)
{
	int pipes[2];

	fflush(NULL);
	if (pipe(pipes))
		args_die("--self-test: %s", strerror(errno));
	t->pid = fork();
	if (t->pid < 0)
		args_die("--self-test: %s", strerror(errno));
	if (!t->pid) {
		close(pipes[0]);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		signal(SIGPIPE, SIG_IGN);
		alarm(SECONDS);
		run_trial(a, t, p, pipes[1]);
	}
	close(pipes[1]);
	t->fd = pipes[0];
	t->format = t->now = -1;
}

static void catch(struct trial *t)
{
	t->caught |= 1u << t->now;
	if (t->format < 0)
		t->format = t->now;
}

static void take(struct trial *t, const struct record *x)
{
	switch (x->what) {
	case BEGIN:
		t->now = x->number;
		break;
	case FAILED:
		catch(t);
		if (t->format == t->now && t->nr < TRIAL_CASES)
			t->cases[t->nr++] = x->number;
		break;
	case REFUSED:
		catch(t);
		break;
	case READBACK:
		t->readback = true;
		break;
	case END:
		t->tried |= 1u << x->number;
	}
}

static void end(struct trial *t)
{
	int status = 0;
	bool stopped;

	close(t->fd);
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		;
	stopped = WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM);
	/* With sanitizers a program that the defect ends exits with 1. */
	t->crashed = !stopped && (WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
	t->broken = stopped || (WIFEXITED(status) && WEXITSTATUS(status) > 1);
	t->done = !t->broken;
	if (t->crashed && t->now >= 0)
		catch(t);
	if (t->crashed || t->broken)
		remove_image(t->pid);
	t->pid = 0;
}

bool trial_take(struct trial *t)
{
	struct record x[64];
	const ssize_t len = read(t->fd, x, sizeof(x));

	for (ssize_t i = 0; i < len / (ssize_t)sizeof(x[0]); i++)
		take(t, &x[i]);
	if (len > 0 || (len < 0 && errno == EINTR))
		return false;
	end(t);
	return true;
}
