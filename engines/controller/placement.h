/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * placement.h - the placement handles of an image, as Flexible Data Placement has them: how much
 * was written to the reclaim unit of each, in x.img.state
 *
 * There is one reclaim group, so that a placement identifier is the number of a handle, and every
 * handle has a reclaim unit handle of its own. Data Placement is the only directive, and it is
 * always enabled. Where blocks are in the image does not depend on their handle: the controller
 * counts, and reports what is left of a reclaim unit.
 */
#ifndef CTL_PLACEMENT_H
#define CTL_PLACEMENT_H

#include "types.h"

/* Bytes of data in a reclaim unit. */
#define CTL_RECLAIM_UNIT (96u << 20)

struct ctl_handles {
	/* blocks; after an update it begins with a whole number of reclaim units */
	_Atomic uint64_t	written[CTL_HANDLES_MAX];
};

#endif
