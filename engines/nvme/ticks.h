/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ticks.h - the CPU's own clock: cheap enough to be read on the way of an I/O
 *
 * Its rate is not known beforehand.  Who wants nanoseconds keeps a struct
 * ticks_from of some time ago; the longer ago, the better the rate.
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
 * What something takes that is done once an I/O.  Reading the clock twice can take
 * longer than it does, so each of the first times is timed, and one in 16 after that.
 * Whatever interrupts a timed one counts as if it had interrupted 16 of them.
 */
#define TICKS_FIRST	64
#define TICKS_ONE_IN	16

struct ticks_sum {
	uint64_t	first;		/* ticks of the first TICKS_FIRST times */
	uint64_t	sampled;	/* those of the later ones that were timed */
	uint64_t	times;
	uint64_t	from;		/* this one's; 0: not timed */
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

/* The ticks of all times: the later ones took what those took that were timed, on average. */
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

/* How many nanoseconds are @t ticks, at the rate since @from? */
static inline uint64_t ticks_to_ns(const struct ticks_from *from, uint64_t t)
{
	uint64_t since = ticks() - from->ticks;

	return since ? (double)t * (ticks_ns() - from->ns) / since : 0;
}

#endif
