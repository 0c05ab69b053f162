/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranges.h - a set of LBAs, kept as the ranges they make up
 */
#ifndef VFY_RANGES_H
#define VFY_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfy_range {
	uint64_t	first, last;
};

/* All zero is the empty set. */
struct vfy_ranges {
	struct vfy_range	*range;		/* ascending, neither touching nor overlapping */
	size_t			nr, room;
	uint64_t		blocks;		/* in the set */
	uint64_t		unlisted;	/* of them in no range: there were too many */
};

/*
 * Put @lba into the set; false: it is there.  Beyond a million ranges a block
 * that would need another one is only counted, each time it comes.
 */
bool vfy_ranges_add(struct vfy_ranges *s, uint64_t lba);

void vfy_ranges_free(struct vfy_ranges *s);

#endif
