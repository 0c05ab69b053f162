/* SPDX-License-Identifier: GPL-2.0-only */
/* cut.h - a power loss: what remains of the changes that were in the cache; see cache.h */
#ifndef CTL_CUT_H
#define CTL_CUT_H

#include "cache.h"

/* How many changes of blocks were in the cache, and how many of them are lost. */
struct ctl_cut {
	uint64_t	cached, lost;
};

/*
 * Put blocks back to what the records of @c say.  Called by a first user with the exclusive lock.
 * If it is killed, the next first user repeats it with the same result.  Returns 0, or -errno.
 */
int ctl_cut(struct ctl_image *img, const struct ctl_cache *c, struct ctl_cut *cut);

#endif
