/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zones.h - the zones of an image: the state of each, in x.img.state, and its changes
 *
 * All zones have one lock, as the limits of open and active zones concern all of them.  Its owner
 * moves a write pointer after the blocks were written, and before it was unlocked.  So a block past
 * the write pointer is never written, except for the zone ->pending while its owner writes to it or
 * resets it.  If the owner is killed, whoever finds its lock moves the write pointer of that zone to
 * where its blocks end: each block is written completely or not at all, and in ascending order. A
 * reset deallocates blocks in descending order.
 *
 * Power-up, as on a drive, closes open zones: that is when the first user opens the image.
 *
 * Zoned is the NVMe Zoned Namespace Command Set Specification.
 */
#ifndef CTL_ZONES_H
#define CTL_ZONES_H

#include "types.h"

struct ctl_zone {
	_Atomic uint64_t	wp;
	_Atomic uint64_t	opened;		/* when: a number that rises with each zone */
	_Atomic uint32_t	state;		/* enum nvme_zns_zs */
};

struct ctl_zones {
	_Atomic uint64_t	lock;		/* as those of stripes: journal.h */
	_Atomic uint64_t	opened;		/* the last number that was given */
	_Atomic uint64_t	pending;	/* index + 1 of the zone that changes; 0: none */
	_Atomic uint32_t	resets;		/* it is being reset */
	struct ctl_zone		zone[];
};

static inline uint64_t ctl_zone_start(const struct ctl_image *img, uint64_t i)
{
	return i * img->format.zone_blocks;
}

/* Return the size of the state of @nr zones, bytes. */
size_t ctl_zones_size(uint64_t nr);

/* Make all zones empty. */
void ctl_zones_make(struct ctl_image *img);

/* Close open zones, and move the write pointers of those to which others have written. */
void ctl_zones_power_up(struct ctl_image *img);

/* Finish what the writer @owner (its journal + 1, or CTL_ANYONE) left, and release its lock. */
void ctl_zones_recover(struct ctl_image *img, unsigned owner);

/* The following need the lock. */

/* Move the write pointer of zone @i, and its state with it. */
void ctl_zone_move(struct ctl_image *img, uint64_t i, uint64_t wp);

/* Move it to where the zone's blocks end: only up, unless it is being reset. */
void ctl_zone_settle(struct ctl_image *img, uint64_t i, bool resets);

/* Zone @i changes; ctl_zone_done() ends that. */
void ctl_zone_pend(struct ctl_image *img, uint64_t i, bool resets);
void ctl_zone_done(struct ctl_image *img);

/*
 * Open zone @i, which is not full.  As a controller may, it closes the zone that has been open
 * implicitly for longest if no more zones may be open.  Returns 0, or a status.
 */
int ctl_zone_open(struct ctl_image *img, uint64_t i, bool explicitly);

/* Open all closed zones explicitly, or none of them if they are too many.  Returns 0, or a status. */
int ctl_zones_open_closed(struct ctl_image *img);

#endif
