/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen-word.h - what generations.c and gen-file.c share: the file in memory, and what
 * it keeps of a block, in one word, so that it changes as a whole
 *
 *	bits 0..23	the newest generation given out
 *	bits 24..47	another before it
 *	bits 48..57	how many writes and changes are under way
 *	bits 58..63	what is known
 *
 * Zero is a block of which nobody told.
 */
#ifndef VFY_GEN_WORD_H
#define VFY_GEN_WORD_H

#include <stdatomic.h>
#include <stddef.h>
#include "generations.h"

enum { GEN_BOOT_ID = 40 };

struct gen_head {
	char			text[VFY_GEN_TEXT];
	char			boot[GEN_BOOT_ID];	/* since when @dirty has been set */
	_Atomic uint32_t	dirty;		/* not all may be on disk */
	_Atomic uint64_t	under_way;	/* writes and changes, in blocks */
	_Atomic uint64_t	behind;		/* blocks */
};

#define GEN_HEAD_SIZE 4096
#define GEN_CHUNK_BLOCKS (1 << 14)	/* room on disk is reserved for so many */

struct vfy_gens {
	int			fd;
	bool			dirty;		/* it has said so on disk: it changes blocks */
	bool			read_only;	/* what is changed here, others do not see */
	uint32_t		ring;		/* generations are modulo this */
	uint64_t		nr_blocks;
	size_t			size;
	struct gen_head		*head;
	_Atomic uint64_t	*blocks;
	uint8_t			*reserved;	/* by this process: a bit a chunk */
};

#define GEN_BITS	24
#define GEN_MASK	(VFY_GEN_MAX - 1)
#define LAST(w)		((uint32_t)((w) & GEN_MASK))
#define OTHER(w)	((uint32_t)((w) >> GEN_BITS & GEN_MASK))
#define WAY_SHIFT	48
#define WAY_MAX		1023u		/* so many, or more: then it stays */
#define WAY(w)		((uint32_t)((w) >> WAY_SHIFT & WAY_MAX))

#define SETTLED		(1ULL << 58)	/* LAST is there, OTHER was before it */
#define KNOWN		(1ULL << 59)	/* OTHER was there; else it could be anything */
#define AFTER		(1ULL << 60)	/* unsettled, but OTHER is not there any more */
#define SEVERAL		(1ULL << 61)	/* were under way at the same time */
#define CHANGED		(1ULL << 62)	/* by something that is no write: anything */
#define BEHIND		(1ULL << 63)	/* the machine went down: there may be newer ones */

static inline uint64_t gen_with_gens(uint64_t w, uint32_t last, uint32_t other)
{
	w &= ~(((uint64_t)GEN_MASK << GEN_BITS) | GEN_MASK);
	return w | (uint64_t)other << GEN_BITS | last;
}

static inline uint64_t gen_one_more(uint64_t w)
{
	return WAY(w) == WAY_MAX ? w : w + (1ULL << WAY_SHIFT);
}

static inline uint64_t gen_one_less(uint64_t w)
{
	if (WAY(w) && WAY(w) != WAY_MAX)
		w -= 1ULL << WAY_SHIFT;
	return WAY(w) ? w : w & ~SEVERAL;
}

static inline uint64_t gen_starts(uint64_t w)
{
	if (WAY(w))
		return gen_one_more(w | SEVERAL);
	if (w & CHANGED)
		w &= ~(CHANGED | KNOWN | AFTER);
	if (w & SETTLED)
		w = (gen_with_gens(w, LAST(w), LAST(w)) & ~(SETTLED | AFTER)) | KNOWN;
	else if (!(w & (KNOWN | AFTER)))
		w = gen_with_gens(w, LAST(w), LAST(w));
	return gen_one_more(w);
}

static inline uint64_t gen_ends(uint64_t w, bool good)
{
	if (good && !(w & CHANGED))
		w = (w & ~BEHIND) | (w & SEVERAL || WAY(w) != 1 ? AFTER : SETTLED);
	return gen_one_less(w);
}

static inline uint64_t gen_change_starts(uint64_t w)
{
	return gen_one_more((w & ~(SETTLED | KNOWN | AFTER)) | SEVERAL | CHANGED);
}

/* Where no change is told of this one was not either: there was no room. */
static inline uint64_t gen_change_ends(uint64_t w)
{
	return w & CHANGED ? gen_one_less(w) : w;
}

static inline bool gen_unknown(uint64_t w)
{
	return !(w & SETTLED) && (w & CHANGED || !(w & (KNOWN | AFTER)));
}

#endif
