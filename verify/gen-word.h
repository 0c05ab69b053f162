/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen-word.h - what generations.c and gen-file.c share: the mapped file, and the word
 * that it holds for each block
 *
 * The whole state of a block is in one word, so that one atomic store changes it:
 *
 *	bits 0..23	the newest generation assigned (LAST)
 *	bits 24..47	an older generation (OTHER)
 *	bits 48..57	number of writes and changes in flight
 *	bits 58..63	flags: what is known of the block
 *
 * Zero is a block for which nothing has been recorded.
 */
#ifndef VFY_GEN_WORD_H
#define VFY_GEN_WORD_H

#include <stdatomic.h>
#include <stddef.h>
#include "generations.h"

enum { GEN_BOOT_ID = 40 };

struct gen_head {
	char			text[VFY_GEN_TEXT];
	char			boot[GEN_BOOT_ID];	/* the boot during which @dirty was set */
	_Atomic uint32_t	dirty;		/* changes may not be on disk yet */
	_Atomic uint64_t	under_way;	/* writes and changes in flight, in blocks */
	_Atomic uint64_t	behind;		/* blocks with the flag BEHIND */
};

#define GEN_HEAD_SIZE 4096
#define GEN_CHUNK_BLOCKS (1 << 14)	/* blocks per reservation of disk space */

struct vfy_gens {
	int			fd;
	char			*path;
	int			err;		/* of the first thing that could not be recorded */
	bool			ended;		/* vfy_gens_end() was called */
	bool			dirty;		/* this process has set head->dirty, on disk too */
	bool			read_only;	/* private mapping: others do not see changes */
	uint32_t		ring;		/* generation numbers are modulo this */
	uint64_t		nr_blocks;
	size_t			size;
	struct gen_head		*head;
	_Atomic uint64_t	*blocks;
	uint8_t			*reserved;	/* by this process: one bit per chunk */
};

#define GEN_BITS	24
#define GEN_MASK	(VFY_GEN_MAX - 1)
#define LAST(w)		((uint32_t)((w) & GEN_MASK))
#define OTHER(w)	((uint32_t)((w) >> GEN_BITS & GEN_MASK))
#define WAY_SHIFT	48
#define WAY_MAX		1023u		/* the counter saturates here and stays so */
#define WAY(w)		((uint32_t)((w) >> WAY_SHIFT & WAY_MAX))

#define SETTLED		(1ULL << 58)	/* the block holds LAST; before, it held OTHER */
#define KNOWN		(1ULL << 59)	/* OTHER is valid; else older contents are unknown */
#define AFTER		(1ULL << 60)	/* LAST's result is unknown, but OTHER was overwritten */
#define SEVERAL		(1ULL << 61)	/* several writes were in flight at the same time */
#define CHANGED		(1ULL << 62)	/* by a command that is no write: contents unknown */
#define BEHIND		(1ULL << 63)	/* the system crashed: newer generations are valid */

static inline uint64_t gen_with_gens(uint64_t w, uint32_t last, uint32_t other)
{
	w &= ~(((uint64_t)GEN_MASK << GEN_BITS) | GEN_MASK);
	return w | (uint64_t)other << GEN_BITS | last;
}

/* Increment the in-flight counter, which saturates. */
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

/*
 * Returns the word after the start of a write; the caller then sets LAST to the write's
 * generation.  If no other write is in flight and the block was settled, the generation that
 * it holds becomes OTHER.
 */
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

/*
 * Returns the word after the end of a write.  A single successful write settles the block.
 * If several overlapped, their order is unknown: the block holds any generation after OTHER.
 */
static inline uint64_t gen_ends(uint64_t w, bool good)
{
	if (good && !(w & CHANGED))
		w = (w & ~BEHIND) | (w & SEVERAL || WAY(w) != 1 ? AFTER : SETTLED);
	return gen_one_less(w);
}

/* Returns the word after the start of a command that changes the block and is no write. */
static inline uint64_t gen_change_starts(uint64_t w)
{
	return gen_one_more((w & ~(SETTLED | KNOWN | AFTER)) | SEVERAL | CHANGED);
}

/*
 * Returns the word after the end of such a command.  CHANGED is clear if its start was not
 * recorded (no disk space): then its end is ignored.
 */
static inline uint64_t gen_change_ends(uint64_t w)
{
	return w & CHANGED ? gen_one_less(w) : w;
}

/* Returns whether the block can have any contents. */
static inline bool gen_unknown(uint64_t w)
{
	return !(w & SETTLED) && (w & CHANGED || !(w & (KNOWN | AFTER)));
}

#endif
