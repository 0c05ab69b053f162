/* SPDX-License-Identifier: GPL-2.0-only */
/* diff-random.h - random numbers and data, from a seed, for the differential tests */
#ifndef DIFF_RANDOM_H
#define DIFF_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct diff_random {
	uint64_t	state;
};

static inline uint64_t diff_draw(struct diff_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint64_t diff_below(struct diff_random *r, uint64_t n)
{
	return diff_draw(r) % n;
}

static inline bool diff_percent(struct diff_random *r, unsigned percent)
{
	return diff_below(r, 100) < percent;
}

/* Copy parts of a random pool: drawing all bytes would take longer than executing the commands. */
static inline void diff_fill(struct diff_random *r, uint8_t *p, size_t len)
{
	enum { PIECE = 4096, PLACES = 4096 };
	static uint64_t pool[PLACES + PIECE / 8];
	struct diff_random own = { 0 };

	for (size_t i = 0; !pool[0] && i < sizeof(pool) / sizeof(pool[0]); i++)
		pool[sizeof(pool) / sizeof(pool[0]) - 1 - i] = diff_draw(&own);
	for (; len > PIECE; p += PIECE, len -= PIECE)
		memcpy(p, pool + diff_below(r, PLACES), PIECE);
	memcpy(p, pool + diff_below(r, PLACES), len);
}

#endif
