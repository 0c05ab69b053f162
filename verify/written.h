/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * written.h - which blocks did this run of fio write?
 *
 * One map a namespace, a bit a block, in memory that all jobs of a fio share, threads
 * and processes.  A block is in it from the good end of a write on, until a command
 * that changes it in another way (trim, Write Zeroes, Write Uncorrectable) starts.
 * Where commands overlap, so that nobody knows which of them came last, the block
 * stays out.  What the map says is certain, what it does not say is unknown.
 *
 * Nothing here allocates or makes a system call between open and close.
 */
#ifndef VFY_WRITTEN_H
#define VFY_WRITTEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks in a row that share counters, a power of two; the sets of counters. */
enum { VFY_WRITTEN_SHIFT = 10, VFY_WRITTEN_REGIONS = 4096 };

struct vfy_written_region {
	_Atomic uint32_t	entered;	/* blocks */
	_Atomic uint32_t	started, ended;	/* commands that change blocks in another way */
};

/* The members are written.c's, and of the short ways below. */
struct vfy_written {
	struct vfy_written_map		*map;
	const _Atomic uint32_t		*writers;	/* jobs that joined */
	struct vfy_written_region	*region;
	_Atomic uint8_t			*touched;	/* by page of bits: were any set in it ever? */
	_Atomic uint64_t		*bits;
	size_t				size;
};

/*
 * The map of namespace @ns (any number that names it in every job) of @nr_blocks
 * blocks.  NULL with one line in @why (VFY_WHY_MAX bytes) on failure.
 */
struct vfy_written *vfy_written_open(uint64_t ns, uint64_t nr_blocks, char *why);
void vfy_written_close(struct vfy_written *w);

/*
 * A job is going to write blocks of @kind: a number that stands for the tags and
 * metadata that its blocks carry.
 */
void vfy_written_join(struct vfy_written *w, uint64_t kind);

/* Do all who joined write blocks of @kind? */
bool vfy_written_alike(const struct vfy_written *w, uint64_t kind);

/* Did anyone join so far who writes blocks of another kind? */
bool vfy_written_differs(const struct vfy_written *w, uint64_t kind);

/*
 * What is to be kept of the moment at which a read or a write of @nr blocks starts.
 * Most I/Os are within one region: those have a short way.
 */
uint64_t vfy_written_read_starts_far(const struct vfy_written *w, uint64_t lba, uint64_t nr);
uint64_t vfy_written_write_starts_far(const struct vfy_written *w, uint64_t lba, uint64_t nr);

static inline const struct vfy_written_region *vfy_written_region(const struct vfy_written *w,
								  uint64_t lba, uint64_t nr)
{
	uint64_t r = lba >> VFY_WRITTEN_SHIFT;

	return r == (lba + nr - 1) >> VFY_WRITTEN_SHIFT ? &w->region[r % VFY_WRITTEN_REGIONS] : NULL;
}

static inline uint64_t vfy_written_read_starts(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	const struct vfy_written_region *r = vfy_written_region(w, lba, nr);

	return r ? (uint64_t)r->entered + r->started : vfy_written_read_starts_far(w, lba, nr);
}

static inline uint64_t vfy_written_write_starts(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	const struct vfy_written_region *r = vfy_written_region(w, lba, nr);

	return r ? r->started : vfy_written_write_starts_far(w, lba, nr);
}

/* The bits of @nr blocks where they are in one word that was touched: *@bits; else false. */
static inline bool vfy_written_word(const struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t *bits)
{
	const unsigned at = lba % 64;

	if (nr > 64 - at || !w->touched[lba >> (VFY_WRITTEN_SHIFT + 5)])
		return false;
	*bits = (w->bits[lba / 64] >> at) & (~0ULL >> (64 - nr));
	return true;
}

/* A write that started at @then has ended well. */
void vfy_written_put_far(struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then);

static inline void vfy_written_put(struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then)
{
	uint64_t bits;

	if (!vfy_written_word(w, lba, nr, &bits) || bits != ~0ULL >> (64 - nr))
		vfy_written_put_far(w, lba, nr, then);
}

/* A command that changes blocks in another way: before it is sent, and after it has ended. */
void vfy_written_change_starts(struct vfy_written *w, uint64_t lba, uint64_t nr);
void vfy_written_change_ends(struct vfy_written *w, uint64_t lba, uint64_t nr);

/* Is any of the blocks in the map now? */
bool vfy_written_any_far(const struct vfy_written *w, uint64_t lba, uint64_t nr);

static inline bool vfy_written_any(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	uint64_t bits;

	if (!*w->writers)
		return false;
	return vfy_written_word(w, lba, nr, &bits) ? bits : vfy_written_any_far(w, lba, nr);
}

/*
 * Has the block certainly been in it all the time of a read of @nr blocks from @lba
 * on, which started at @then and has ended?  @block is one of them.
 */
bool vfy_written_throughout(const struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then,
			    uint64_t block);

#endif
