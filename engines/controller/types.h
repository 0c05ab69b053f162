/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.h - an image of the embedded controller: its files, mapped into memory
 *
 * x.img		the blocks: n of data, then n of metadata, raw and sparse
 * x.img.format	its format, readable text (format.h)
 * x.img.state	state that all users of the image share and that outlives them
 * x.img.cache	with ns_cache=volatile: what a power loss undoes (cache.h)
 *
 * The state contains, in this order: a head; the locks of the blocks (sync.h); two maps with one
 * bit for each block; a journal for each writer; the zones, if it has any (zones.h), or what was
 * written to each placement handle (placement.h).
 *
 * written		the block was written.  Otherwise it is deallocated: it reads as
 * 		zeroes with a tuple of ones, and neither is stored in the image,
 * 		because a store in a hole would allocate space.
 * bad		the block was marked by Write Uncorrectable.
 *
 * "written" is exact.  The image alone is not: a file system records holes only in whole pages,
 * and a block of zeroes can be written data.  So the map is stored with the image.  The first user
 * that opens an image compares the map with the image's holes, because another program may have
 * written to it; a block with data that is not marked then counts as written unless it is all zero
 * (for LBA 0 also if its data is zero and its guard is not the guard of zeroes).  x.img.state may
 * therefore be removed while nobody uses the image; this only loses which blocks were written as
 * all zero and which are uncorrectable.
 */
#ifndef CTL_TYPES_H
#define CTL_TYPES_H

#include <stdatomic.h>
#include <string.h>
#include "format.h"

/* Number of consecutive blocks that share a lock.  Each 64-bit word of a map is under one lock. */
#define CTL_STRIPE_BLOCKS 64
#define CTL_NR_STRIPES 4096u

/* Maximum number of concurrent writers, and bytes of blocks in the journal of each. */
#define CTL_NR_JOURNALS 256
#define CTL_JOURNAL_BYTES (640u << 10)

/* A page of a map allocates disk space when its first bit is set. */
#define CTL_MAP_PAGE 4096
#define CTL_MAP_PAGE_BLOCKS (CTL_MAP_PAGE * 8)

struct ctl_map {
	_Atomic uint8_t	*present;	/* one bit for each page of @bits */
	uint64_t	*bits;
	uint64_t	at;		/* offset of @bits in the state file, bytes */
};

struct ctl_head;
struct ctl_cache;
struct ctl_journal;
struct ctl_zones;
struct ctl_handles;

/* Which table of commands an image has. */
enum ctl_command_set { CTL_PLAIN, CTL_ZONED, CTL_PLACED };

/*
 * Host Behavior Support, the 512 bytes of Set Features.  LBAFEE enables formats other than a 16b
 * guard without storage tag; bit n of the two bytes of CDFE enables Copy Descriptor Format n.
 * LBAFEE is set initially here, as Linux sets it.
 */
enum { CTL_LBAFEE = 2, CTL_CDFE = 4, CTL_BEHAVIOR_SIZE = 512 };

/* Deallocated blocks can't be read. */
#define CTL_DULBE (1u << 16)

struct ctl_image {
	struct ctl_image	*next;		/* all images that this process has open */
	unsigned		refs;
	uint64_t		dev, ino;

	struct ctl_format	format;
	struct pi_layout	media;		/* layout in the image: separate metadata */
	uint32_t		journal_blocks;	/* capacity of a journal, blocks */
	uint32_t		chunk_blocks;	/* written through it at a time: cache-sized */
	char			*path;
	bool			writable;	/* this process can write it, asked to or not */
	bool			state_writable;	/* same of x.img.state; else nothing is writable */
	bool			created;	/* by this process; then the state is, too */
	bool			created_state, created_cache;
	atomic_bool		bare;		/* x.img.format does not exist yet */
	atomic_uint		names;		/* counts name changes by this process */
	atomic_uint		names_synced;	/* @names at the last sync of the folder */
	uint8_t			behavior[CTL_BEHAVIOR_SIZE]; /* by Set Features, per process */
	uint32_t		recovery;	/* Error Recovery, the same: CTL_DULBE */
	int			fd;
	uint64_t		size;		/* bytes of x.img, the mapping of @data and @md */
	uint8_t			*data;
	uint8_t			*md;

	int			state_fd;	/* -1: none; a reader uses private memory */
	size_t			state_size;
	struct ctl_head		*head;		/* start of the mapped state; its parts follow */
	_Atomic uint64_t	*locks;
	struct ctl_map		written, bad;
	uint8_t			*journals;
	size_t			journal_stride;
	_Atomic uint32_t	*journals_used;	/* journals below this number have been used */

	enum ctl_command_set	command_set;
	struct ctl_zones	*zones;		/* NULL: the namespace is not zoned */
	struct ctl_handles	*handles;	/* NULL: it has no placement handles */
	struct ctl_cache	*cache;		/* volatile write cache; NULL: none */
};

static inline uint8_t *ctl_data_at(const struct ctl_image *img, uint64_t lba)
{
	return img->data + lba * img->media.data_size;
}

static inline uint8_t *ctl_md_at(const struct ctl_image *img, uint64_t lba)
{
	return img->md + lba * img->media.md_size;
}

/* Return true if all @len bytes are zero. */
static inline bool ctl_is_zero(const void *p, size_t len)
{
	const char *c = p;

	return !len || (!c[0] && !memcmp(c, c + 1, len - 1));
}

#endif
