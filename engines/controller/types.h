/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.h - an image of the embedded controller: three files, mapped
 *
 *	x.img		the blocks: n of data, then n of metadata, raw and sparse
 *	x.img.format	its format, to read (format.h)
 *	x.img.state	what all that use it share, while they do and after
 *
 * The state holds, in this order: a head; the locks of the blocks (sync.h);
 * two maps with a bit for each block; and a journal for each writer.
 *
 *	written		the block was written.  Else it is deallocated: it reads as
 *			zeroes with a tuple of ones, and nothing of it is in the image,
 *			where it would take up room as soon as it was looked at.
 *	bad		Write Uncorrectable hit it.
 *
 * "written" is exact, which the image alone is not: a file system knows holes
 * only by the page, and a block of zeroes can be data like any other.  So the
 * map is kept with the image.  It is compared with the holes of the image
 * whenever a first user opens that, because another program may have written to
 * it; a block that is news then counts as written unless it is all zero (LBA 0 also
 * where its data is zero and its guard is not that of zeroes).  So x.img.state may be
 * removed while nobody uses the image: what is lost is which blocks were written as
 * all zero, and which are uncorrectable.
 */
#ifndef CTL_TYPES_H
#define CTL_TYPES_H

#include <stdatomic.h>
#include <string.h>
#include "format.h"

/* Consecutive blocks under one lock: one word of a map is under one lock, too. */
#define CTL_STRIPE_BLOCKS 64
#define CTL_NR_STRIPES 4096u

/* Writers at a time, and bytes of blocks that each has in its journal. */
#define CTL_NR_JOURNALS 256
#define CTL_JOURNAL_BYTES (640u << 10)

/* A page of a map takes up room only once a bit in it was set. */
#define CTL_MAP_PAGE 4096
#define CTL_MAP_PAGE_BLOCKS (CTL_MAP_PAGE * 8)

struct ctl_map {
	_Atomic uint8_t	*present;	/* a bit for each page of @bits */
	uint64_t	*bits;
	uint64_t	at;		/* of @bits in the state, bytes */
};

struct ctl_head;
struct ctl_journal;

/*
 * Host Behavior Support, as Set Features has it: 512 bytes.  LBAFEE says that formats
 * beyond a 16b guard without storage tag may be used, bit n of the two bytes of CDFE
 * that Copy Descriptor Format n may.  Here LBAFEE is set from the start, as Linux sets it.
 */
enum { CTL_LBAFEE = 2, CTL_CDFE = 4, CTL_BEHAVIOR_SIZE = 512 };

struct ctl_image {
	struct ctl_image	*next;		/* all that this process has open */
	unsigned		refs;
	uint64_t		dev, ino;

	struct ctl_format	format;
	struct pi_layout	media;		/* blocks as they lie in the image: separate */
	uint32_t		journal_blocks;	/* that a journal has room for */
	uint32_t		chunk_blocks;	/* that go through it at a time: cache-sized */
	char			*path;
	bool			writable;	/* by this process, whether it wants to or not; */
	bool			state_writable;	/* so is x.img.state, else nothing is */
	bool			created;	/* by this process; then the state was, too */
	bool			created_state;
	atomic_bool		bare;		/* there is no x.img.format yet */
	atomic_uint		names;		/* counts changes of the files' names by this process, */
	atomic_uint		names_synced;	/* and up to which one they are on media */
	uint8_t			behavior[CTL_BEHAVIOR_SIZE]; /* of the controller, in this process */
	int			fd;
	uint64_t		size;		/* bytes of x.img; data, md below are in its map */
	uint8_t			*data;
	uint8_t			*md;

	int			state_fd;	/* -1: a reader's own, where there is none to read */
	size_t			state_size;
	struct ctl_head		*head;		/* the map of the state, and its parts */
	_Atomic uint64_t	*locks;
	struct ctl_map		written, bad;
	uint8_t			*journals;
	size_t			journal_stride;
	_Atomic uint32_t	*journals_used;	/* so many of the first were in use some time */
};

static inline uint8_t *ctl_data_at(const struct ctl_image *img, uint64_t lba)
{
	return img->data + lba * img->media.data_size;
}

static inline uint8_t *ctl_md_at(const struct ctl_image *img, uint64_t lba)
{
	return img->md + lba * img->media.md_size;
}

/* Are all @len bytes zero? */
static inline bool ctl_is_zero(const void *p, size_t len)
{
	const char *c = p;

	return !len || (!c[0] && !memcmp(c, c + 1, len - 1));
}

#endif
