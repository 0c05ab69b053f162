/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * written.h - a map of the blocks that this run of fio has written
 *
 * There is one map per namespace, with one bit per block, in memory that all jobs of
 * fio share, threads and processes.  A block enters the map when a write of it has
 * succeeded, and leaves it when a command that changes it in another way (trim, Write
 * Zeroes, Write Uncorrectable) starts.  If such commands overlap with the write, so that
 * their order is unknown, the block stays out.  A block in the map was certainly written;
 * nothing is known of a block outside it.
 *
 * Between open and close no function here allocates memory or makes a system call.
 */
#ifndef VFY_WRITTEN_H
#define VFY_WRITTEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A region is 2^VFY_WRITTEN_SHIFT consecutive blocks, which share a counter of how often blocks
 * were entered.  Regions whose numbers are equal modulo VFY_WRITTEN_REGIONS share it too.
 */
enum { VFY_WRITTEN_SHIFT = 10, VFY_WRITTEN_REGIONS = 4096 };

/* Commands that are no writes but change a block, and those whose LBAs are equal modulo a power of two. */
struct vfy_written_changes {
	_Atomic uint32_t	started, ended;
};

/* The members are private to written.c and to the inline fast paths below. */
struct vfy_written {
	struct vfy_written_map		*map;
	const _Atomic uint32_t		*writers;	/* number of jobs that joined */
	const _Atomic uint32_t		*changing;	/* was any block ever changed so? */
	_Atomic uint32_t		*entered;	/* by region */
	struct vfy_written_changes	*changes;
	_Atomic uint8_t			*touched;	/* per page of bits: has any been set? */
	_Atomic uint64_t		*bits;
	size_t				size;
};

/*
 * Open the map of namespace @ns (a number that identifies it in all jobs), which has @nr_blocks
 * blocks.  Returns NULL on failure, with one line in @why (VFY_WHY_MAX bytes).
 */
struct vfy_written *vfy_written_open(uint64_t ns, uint64_t nr_blocks, char *why);
void vfy_written_close(struct vfy_written *w);

/*
 * Announce a job that will write blocks of @kind, a number that identifies the tags and
 * metadata of its blocks.
 */
void vfy_written_join(struct vfy_written *w, uint64_t kind);

/* Returns whether all jobs that joined write blocks of @kind. */
bool vfy_written_alike(const struct vfy_written *w, uint64_t kind);

/* Returns whether a job has joined that writes blocks of another kind. */
bool vfy_written_differs(const struct vfy_written *w, uint64_t kind);

/*
 * Return a snapshot of the counters at the start of a read or write of @nr blocks, to be passed
 * to vfy_written_throughout() or vfy_written_put().  There is an inline fast path for runs in
 * which all changes are writes, and for I/Os within one region.
 */
uint64_t vfy_written_read_starts_far(const struct vfy_written *w, uint64_t lba, uint64_t nr);
uint64_t vfy_written_write_starts_far(const struct vfy_written *w, uint64_t lba, uint64_t nr);

static inline uint64_t vfy_written_read_starts(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	uint64_t r = lba >> VFY_WRITTEN_SHIFT;

	return !*w->changing && r == (lba + nr - 1) >> VFY_WRITTEN_SHIFT ? w->entered[r % VFY_WRITTEN_REGIONS] :
	       vfy_written_read_starts_far(w, lba, nr);
}

static inline uint64_t vfy_written_write_starts(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	return *w->changing ? vfy_written_write_starts_far(w, lba, nr) : 0;
}

/*
 * Set *@bits to the bits of the blocks, if they are in one word and its page was touched.
 * Otherwise returns false.
 */
static inline bool vfy_written_word(const struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t *bits)
{
	const unsigned at = lba % 64;

	if (nr > 64 - at || !w->touched[lba >> (VFY_WRITTEN_SHIFT + 5)])
		return false;
	*bits = (w->bits[lba / 64] >> at) & (~0ULL >> (64 - nr));
	return true;
}

/* Enter the blocks of a write that succeeded; @then is the snapshot from its start. */
void vfy_written_put_far(struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then);

static inline void vfy_written_put(struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then)
{
	uint64_t bits;

	if (!vfy_written_word(w, lba, nr, &bits) || bits != ~0ULL >> (64 - nr))
		vfy_written_put_far(w, lba, nr, then);
}

/*
 * Call these before a command that changes blocks and is no write is sent, and after it has
 * ended.
 */
void vfy_written_change_starts(struct vfy_written *w, uint64_t lba, uint64_t nr);
void vfy_written_change_ends(struct vfy_written *w, uint64_t lba, uint64_t nr);

/* Returns whether any of the blocks is in the map. */
bool vfy_written_any_far(const struct vfy_written *w, uint64_t lba, uint64_t nr);

static inline bool vfy_written_any(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	uint64_t bits;

	if (!*w->writers)
		return false;
	return vfy_written_word(w, lba, nr, &bits) ? bits : vfy_written_any_far(w, lba, nr);
}

/*
 * Returns whether @block was certainly in the map during a whole read of @nr blocks from @lba
 * on, which started at snapshot @then and has ended.  @block is one of them.
 */
bool vfy_written_throughout(const struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then,
			    uint64_t block);

#endif
