/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranges.h - a set of LBAs, stored as ranges
 */
#ifndef VFY_RANGES_H
#define VFY_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfy_range {
	uint64_t	first, last;
};

/* A set; all members zero is the empty set. */
struct vfy_ranges {
	struct vfy_range	*range;		/* ascending; they neither touch nor overlap */
	size_t			nr, room;
	uint64_t		blocks;		/* blocks in the set */
	uint64_t		unlisted;	/* of these, blocks without a range */
};

/*
 * Add @lba to the set.  Returns false if it was in the set.  If there are a million ranges, a
 * block that would need another one is counted only, each time it is added.
 */
bool vfy_ranges_add(struct vfy_ranges *s, uint64_t lba);

void vfy_ranges_free(struct vfy_ranges *s);

#endif
