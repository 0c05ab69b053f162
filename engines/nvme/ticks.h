/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ticks.h - the CPU's cycle counter, cheap enough to be read for every I/O
 *
 * Its frequency is unknown at the start.  To convert ticks to nanoseconds, keep a struct
 * ticks_from of an earlier moment; the longer ago it was taken, the more accurate is the rate.
 */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>
#include <time.h>

static inline uint64_t ticks_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
	return t;
#else
	return ticks_ns();
#endif
}

/*
 * The time of a step that runs once per I/O.  Reading the counter twice may take longer than the
 * step itself, so only the first TICKS_FIRST runs and one in TICKS_ONE_IN later runs are timed.
 * An interrupt within a sampled run is therefore counted 16 times.
 */
#define TICKS_FIRST	64
#define TICKS_ONE_IN	16

struct ticks_sum {
	uint64_t	first;		/* ticks of the first TICKS_FIRST runs */
	uint64_t	sampled;	/* ticks of the later runs that were timed */
	uint64_t	times;
	uint64_t	from;		/* start of the current run; 0: it is not timed */
};

static inline void ticks_begin(struct ticks_sum *s)
{
	s->from = s->times < TICKS_FIRST || s->times % TICKS_ONE_IN == 0 ? ticks() : 0;
}

static inline void ticks_end(struct ticks_sum *s)
{
	if (s->from)
		*(s->times < TICKS_FIRST ? &s->first : &s->sampled) += ticks() - s->from;
	s->times++;
}

/* Return the estimated ticks of all runs: untimed runs count as the average of the timed ones. */
static inline uint64_t ticks_of_all(const struct ticks_sum *s)
{
	uint64_t later = s->times > TICKS_FIRST ? s->times - TICKS_FIRST : 0;
	uint64_t timed = (later + TICKS_ONE_IN - 1) / TICKS_ONE_IN;

	return s->first + (timed ? (double)s->sampled * later / timed : 0);
}

struct ticks_from {
	uint64_t ticks, ns;
};

static inline struct ticks_from ticks_start(void)
{
	return (struct ticks_from){ ticks(), ticks_ns() };
}

/* Convert @t ticks to nanoseconds, at the average rate since @from. */
static inline uint64_t ticks_to_ns(const struct ticks_from *from, uint64_t t)
{
	uint64_t since = ticks() - from->ticks;

	return since ? (double)t * (ticks_ns() - from->ns) / since : 0;
}

#endif
