/* SPDX-License-Identifier: GPL-2.0-only */
/* map.h - a bit for each block of an image: written, or uncorrectable; see types.h */
#ifndef CTL_MAP_H
#define CTL_MAP_H

#include "types.h"

/*
 * How many of @nr blocks from @lba on (at least one, at most @nr) are alike in
 * the map, and whether they are set.
 */
uint64_t ctl_map_run(const struct ctl_map *map, uint64_t lba, uint64_t nr, bool *set);

/*
 * Set or clear the bits of @nr blocks, whose locks are held.  0, or -errno where there was
 * no room to set all of them; clearing needs none.
 */
int ctl_map_fill(const struct ctl_image *img, const struct ctl_map *map, uint64_t lba, uint64_t nr,
		 bool set);

#endif
