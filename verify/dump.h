/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump.h - write bad blocks and their neighbours into a folder: pi_dump=DIR
 *
 *	DIR/JOB.THREAD-nsINDEX-lbaN.bin	up to three blocks in the order of their LBAs;
 *					of each, data and then metadata
 *	DIR/JOB.THREAD-nsINDEX-lbaN.txt	each block decoded, and the findings of block N
 */
#ifndef VFY_DUMP_H
#define VFY_DUMP_H

#include "decode.h"

/* The maximum number of blocks that a job writes into the folder. */
#define VFY_DUMP_LIMIT 100

/* What one job has written into the folder. */
struct vfy_dump {
	const char	*dir, *job;	/* the caller's; not copied */
	unsigned	thread;
	unsigned	written;	/* blocks */
	uint64_t	left_out;	/* blocks beyond the limit, or that could not be written */
	int		err;		/* errno of the first failed write; 0: none failed */
	unsigned	last_ns;	/* the block of the last call, */
	uint64_t	last_lba;
	int		last_ret;	/* and its result: 0 or -errno */
};

/*
 * Prepare @d, and create @dir if it does not exist.  Returns 0, or -errno with one line in @why
 * (VFY_WHY_MAX bytes).
 */
int vfy_dump_open(struct vfy_dump *d, const char *dir, const char *job, unsigned thread, char *why);

/*
 * Write block @b[1] of namespace @ns_index with its neighbours @b[0] and @b[2] (->data is NULL
 * if unknown).  @text is the finding, one line; if the next call is for the same block, only
 * its @text is appended to the file.  Returns 0 or -errno; -EDQUOT: the limit is reached.
 */
int vfy_dump_block(struct vfy_dump *d, unsigned ns_index, const struct vfy_block b[3],
		   const char *text);

#endif
