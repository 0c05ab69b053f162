/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cache.h - the volatile write cache of an image: ns_cache=volatile[@SEED]
 *
 * A drive with such a cache completes a write before it is on media, and loses it, or not, when the
 * power goes.  Here the image itself always contains the newest blocks, so nothing else has to know
 * of the cache to read, and every user of the image sees the same.  What could still be lost is in
 * x.img.cache: a record of each block as it was before each change.  A Flush makes the records
 * obsolete; a command with FUA those of its own blocks; a full ring the oldest records of all.
 *
 * The power is cut when the last writer is killed: when the first user of the image finds records
 * that are not obsolete.  It then decides for each block how many of its last changes are lost, in
 * no order, by the seed, and puts the block back, whole (cut.c).  While any writer is alive, or if
 * the last one closes the image, nothing is lost.  x.img.cache exists from the first open with
 * ns_cache=volatile until a first user opens the image without.
 *
 * Each writer has a ring of records of its own, by the number of its journal, so writers never
 * share one.  All records are numbered in one order; those of a block are in the order of its
 * changes, because its lock is held while one is made (sync.c).  All of this is shared memory of a
 * file.  A machine that goes down loses what a machine loses, and records of another boot are
 * discarded.
 */
#ifndef CTL_CACHE_H
#define CTL_CACHE_H

#include "journal.h"

#define CTL_CACHE_HEAD 4096u
#define CTL_RING_BYTES (2u << 20)

/* A record, followed by the block: its data, then its metadata. */
struct ctl_record {
	_Atomic uint64_t	number;		/* from 1; 0: none */
	uint64_t		lba;
	uint64_t		durable;	/* a FUA instead: blocks from @lba on that are durable */
	bool			written, bad;	/* the block was; else it has no contents here */
	uint8_t			block[];
};

struct ctl_cache_head {
	char			title[32];
	struct ctl_boot		boot;
	uint64_t		size;		/* of the image, bytes */
	uint64_t		nr_blocks;
	struct ns_format	format;
	uint64_t		seed;
	_Atomic uint64_t	next;		/* number of the next record */
	_Atomic uint64_t	durable;	/* records below this number are obsolete */
	_Atomic uint64_t	flaws;		/* what goes wrong in a cut: defect-cut.h */
	_Atomic uint64_t	filled[CTL_NR_JOURNALS]; /* records that each ring ever got */
};

/* The mapped x.img.cache. */
struct ctl_cache {
	int			fd;
	struct ctl_cache_head	*head;		/* the rings follow */
};

static inline size_t ctl_cache_slot_size(const struct ctl_image *img)
{
	return (sizeof(struct ctl_record) + img->media.data_size + img->media.md_size + 63) & ~(size_t)63;
}

/* Number of slots of a ring. */
static inline uint64_t ctl_cache_slots(const struct ctl_image *img)
{
	return CTL_RING_BYTES / ctl_cache_slot_size(img);
}

/* Return slot @i, modulo their number, of ring @writer. */
static inline struct ctl_record *ctl_cache_slot(const struct ctl_image *img, const struct ctl_cache *c,
						unsigned writer, uint64_t i)
{
	uint8_t *ring = (uint8_t *)c->head + CTL_CACHE_HEAD + (size_t)writer * CTL_RING_BYTES;

	return (struct ctl_record *)(ring + i % ctl_cache_slots(img) * ctl_cache_slot_size(img));
}

/*
 * Open the cache of @img, which is mapped: the mode is @o->cache.  @alone: this is the first user,
 * with the exclusive lock.  It cuts the power if it has to, and says so by @o->say.  Returns 0, or
 * -errno with one line in @why: -EAGAIN if others use the image without a cache.
 */
int ctl_cache_open(struct ctl_image *img, const struct target_open *o, bool alone, char *why);
void ctl_cache_close(struct ctl_image *img);

/* Check that @img, which this process has open, has the cache that @o asks for; as ctl_cache_open(). */
int ctl_cache_check(const struct ctl_image *img, const struct target_open *o, char *why);

/* Is the file @fd the cache of an image, of any version, or one that was just created? */
bool ctl_cache_is_one(int fd);

/* Reserve disk space for the ring of @writer.  Returns 0, or -errno. */
int ctl_cache_reserve(const struct ctl_image *img, unsigned writer);

/* Record blocks before the change @change of @writer, which holds their locks. */
void ctl_cache_keep(const struct ctl_image *img, unsigned writer, enum ctl_change change,
		    uint64_t lba, uint64_t nr);

/* What @writer has completed in these blocks is durable: a FUA. */
void ctl_cache_harden(const struct ctl_image *img, unsigned writer, uint64_t lba, uint64_t nr);

/*
 * ctl_cache_now() returns the number of the next record.  All changes with lower numbers become
 * durable by ctl_cache_commit(): a Flush that began at that time.
 */
uint64_t ctl_cache_now(const struct ctl_image *img);
void ctl_cache_commit(const struct ctl_image *img, uint64_t until);

/* All records are gone, if there is a cache: before, and after, the format changes. */
void ctl_cache_reset(const struct ctl_image *img);

#endif
