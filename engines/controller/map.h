/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * map.h - the bitmaps of an image: which blocks are written, which are uncorrectable; see types.h
 */
#ifndef CTL_MAP_H
#define CTL_MAP_H

#include "types.h"

/*
 * Return the length (1..@nr) of the extent of equal bits that starts at @lba; *@set is their
 * value.
 */
uint64_t ctl_map_run(const struct ctl_map *map, uint64_t lba, uint64_t nr, bool *set);

/*
 * Set or clear the bits of @nr blocks.  The caller holds the locks of the blocks.  Returns 0, or
 * -errno if there was no disk space to set all of them; clearing needs none.
 */
int ctl_map_fill(const struct ctl_image *img, const struct ctl_map *map, uint64_t lba, uint64_t nr,
		 bool set);

#endif
