/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * defect-cut.h - what a broken controller leaves of its cache when the power is cut; see defect.h
 *
 * The controller that was broken is gone by then, so its flaws are recorded in the cache.
 */
#ifndef CTL_DEFECT_CUT_H
#define CTL_DEFECT_CUT_H

#include "cache.h"

enum ctl_flaw {
	CUT_KEEPS_DATA	= 1 << 0,	/* a lost block gets its old metadata alone */
	CUT_KEEPS_MD	= 1 << 1,	/* ... its old data alone */
	CUT_TEARS	= 1 << 2,	/* ... the second half of its old data alone */
	CUT_KEEPS_TUPLE	= 1 << 3,	/* ... all but its old tuple */
	CUT_NEIGHBOUR	= 1 << 4,	/* the block beside a lost one is gone */
	CUT_DEALLOCATES	= 1 << 5,	/* a lost block is deallocated */
	CUT_OTHER_LBA	= 1 << 6,	/* the old contents get to the block behind the lost one */
	CUT_UNREADABLE	= 1 << 7,	/* a lost block is uncorrectable */
	CUT_TOO_FAR	= 1 << 8,	/* changes that were flushed are lost, too */
};

/* Number of the oldest record that counts. */
uint64_t ctl_defect_cut_from(const struct ctl_cache_head *h);

/* Put a lost block back, wrongly, by means of @j, a journal for one block.  Returns 0, or -errno. */
int ctl_defect_cut(const struct ctl_image *img, uint64_t flaws, const struct ctl_record *r,
		   struct ctl_journal *j);

#endif
