/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unit.h - a CUnit test program as a table of cases
 *
 * static void adds_up(void)
 * {
 * 	UNIT_CHECK(1 + 1 == 2, "1 + 1 is %d", 1 + 1);
 * }
 *
 * int main(int argc, char **argv)
 * {
 * 	static const struct unit_case cases[] = { { "adds_up", adds_up } };
 *
 * 	return unit_main(argc, argv, cases, 1);
 * }
 *
 * Each case prints one line: "ok NAME", "not ok NAME: reason" or "skip NAME: reason". Exit status:
 * 0 all good, 1 a case failed, 77 all were skipped, 2 could not run. Arguments name the cases to
 * run; without them all run.
 */
#ifndef UNIT_H
#define UNIT_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>

struct unit_case {
	const char	*name;
	void		(*run)(void);
};

/* Why the running case cannot be executed here; "": it can. */
static char unit_skipped[200];
static unsigned unit_nr_skipped;

/* Number of failed checks of the running case. */
static unsigned unit_nr_failed;

/*
 * Check @cond and return it.  If it is false, the case fails but continues.  The printf arguments
 * are the reason: what was tried and what the result was.
 */
#define UNIT_CHECK(cond, ...) \
	((cond) ? unit_pass() : unit_fail(__FILE__, __LINE__, __VA_ARGS__))

static inline bool unit_pass(void)
{
	return CU_assertImplementation(CU_TRUE, 0, "", "", "", CU_FALSE);
}

__attribute__((format(printf, 3, 4)))
static inline bool unit_fail(const char *file, unsigned line, const char *fmt, ...)
{
	char why[400];
	va_list args;

	/* CUnit keeps every message in a list; the first one is sufficient. */
	if (unit_nr_failed++)
		return false;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return CU_assertImplementation(CU_FALSE, line, why, file, "", CU_FALSE);
}

/* Mark the case as impossible to run here; it should return after this. */
static inline void unit_skip(const char *why)
{
	snprintf(unit_skipped, sizeof(unit_skipped), "%s", why);
}

/* Return a random number; the sequence is the same in every run, so failures are reproducible. */
static inline uint64_t unit_random(void)
{
	static uint64_t state;
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Return a random number in 0..@n - 1. */
static inline uint64_t unit_random_below(uint64_t n)
{
	return unit_random() % n;
}

/*
 * Returns how often a case repeats what differs each time: @rounds times, but one in four of them with
 * sanitizers, which make it slow, unless TESTS_ALL is set in the environment.
 */
static inline unsigned unit_rounds(unsigned rounds)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return getenv("TESTS_ALL") ? rounds : (rounds + 3) / 4;
#else
	return rounds;
#endif
}

static inline void unit_random_fill(void *buf, size_t len)
{
	for (uint8_t *p = buf; len; len--)
		*p++ = unit_random() >> 56;
}

static void unit_report(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord first)
{
	(void)suite;
	if (first) {
		printf("not ok %s: %s:%u: %s", test->pName, first->strFileName,
		       first->uiLineNumber, first->strCondition);
		printf(unit_nr_failed > 1 ? " (and %u more)\n" : "\n", unit_nr_failed - 1);
	} else if (*unit_skipped) {
		printf("skip %s: %s\n", test->pName, unit_skipped);
		unit_nr_skipped++;
	} else {
		printf("ok %s\n", test->pName);
	}
	fflush(stdout);
	*unit_skipped = 0;
	unit_nr_failed = 0;
}

/* Print the name of the case that caused a fatal signal, and exit. */
static void unit_died(int sig)
{
	char line[200];
	int len = snprintf(line, sizeof(line), "not ok %s: died of signal %d\n",
			   CU_get_current_test()->pName, sig);

	_exit(write(STDOUT_FILENO, line, len) == len ? 1 : 2);
}

/* Do not replace a sanitizer's handler, whose report is more detailed. */
static void unit_catch(int sig)
{
	struct sigaction old;

	if (!sigaction(sig, NULL, &old) && old.sa_handler == SIG_DFL)
		signal(sig, unit_died);
}

static bool unit_named(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

/* Add the cases that the arguments name to @suite.  Returns their number, or -1. */
static int unit_add(CU_pSuite suite, int argc, char **argv,
		    const struct unit_case *cases, size_t nr)
{
	int added = 0;

	for (size_t i = 0; i < nr; i++) {
		if (!unit_named(argc, argv, cases[i].name))
			continue;
		if (!CU_add_test(suite, cases[i].name, cases[i].run))
			return -1;
		added++;
	}
	return added;
}

static int unit_usage(const char *program, const struct unit_case *cases, size_t nr)
{
	printf("usage: %s [CASE...]\ncases:", program);
	for (size_t i = 0; i < nr; i++)
		printf(" %s", cases[i].name);
	puts("\nexits 0 all good, 1 any failed, 77 all skipped, 2 could not run");
	return 0;
}

static int unit_main(int argc, char **argv, const struct unit_case *cases, size_t nr)
{
	CU_pSuite suite;
	unsigned failed;
	int added;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return unit_usage(argv[0], cases, nr);
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    !(suite = CU_add_suite(argv[0], NULL, NULL)) ||
	    (added = unit_add(suite, argc, argv, cases, nr)) < 0) {
		fprintf(stderr, "%s: CUnit: %s\n", argv[0], CU_get_error_msg());
		return 2;
	}
	if (argc > 1 && added != argc - 1) {
		fprintf(stderr, "%s: no such case, or one named twice; see --help\n", argv[0]);
		return 2;
	}
	CU_set_test_complete_handler(unit_report);
	unit_catch(SIGSEGV);
	unit_catch(SIGBUS);
	CU_run_all_tests();
	failed = CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	if (failed)
		return 1;
	return unit_nr_skipped == (unsigned)added ? 77 : 0;
}

#endif
