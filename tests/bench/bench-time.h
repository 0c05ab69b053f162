/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-time.h - time and cycles of this thread, and the median of repeats
 */
#ifndef BENCH_TIME_H
#define BENCH_TIME_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static volatile uint64_t kept;		/* so that no result goes unused */

/* Of this thread: what other programs take on a busy machine does not count. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Cycles a second: a multiplication takes three, and waits for the last one. */
static double frequency(void)
{
	enum { STEPS = 300000 };
	uint64_t v = 3;
	double t = now();

	for (int i = 0; i < STEPS; i++) {
		v *= v;
		__asm__ volatile("" : "+r"(v));
	}
	kept = v;
	return 3.0 * STEPS / (now() - t);
}

/* Code for narrow registers is slow as long as the high halves of wide ones are in use. */
static void leave_wide_registers(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper");
#endif
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), ascending);
	return v[n / 2];
}

#endif
