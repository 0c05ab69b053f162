/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump.h - bad blocks into a folder, with their neighbours: pi_dump=DIR
 *
 *	DIR/JOB.THREAD-nsINDEX-lbaN.bin	up to three blocks in the order of their
 *					LBAs, data then metadata of each
 *	DIR/JOB.THREAD-nsINDEX-lbaN.txt	each block decoded; what was found of block N
 */
#ifndef VFY_DUMP_H
#define VFY_DUMP_H

#include "decode.h"

/* Blocks that a job leaves there, at most. */
#define VFY_DUMP_LIMIT 100

/* What one job leaves there. */
struct vfy_dump {
	const char	*dir, *job;	/* the caller's */
	unsigned	thread;
	unsigned	written;	/* blocks */
	uint64_t	left_out;	/* beyond the limit, or could not be written */
	int		err;		/* errno of the first that could not be; 0: all could */
	unsigned	last_ns;	/* the last of them all, */
	uint64_t	last_lba;
	int		last_ret;	/* and what became of it */
};

/* Make @dir where it isn't there.  0, or -errno with one line in @why (VFY_WHY_MAX bytes). */
int vfy_dump_open(struct vfy_dump *d, const char *dir, const char *job, unsigned thread, char *why);

/*
 * Write block @b[1] of namespace @ns_index with its neighbours @b[0] and @b[2]
 * (->data NULL: unknown).  @text is what was found, a line; what else is found of
 * the same block right after it joins it.  0, or -errno; -EDQUOT beyond the limit.
 */
int vfy_dump_block(struct vfy_dump *d, unsigned ns_index, const struct vfy_block b[3],
		   const char *text);

#endif
