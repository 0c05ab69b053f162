/* SPDX-License-Identifier: GPL-2.0-only */
/* block.h - shared by block.c and block-identify.c: an open block device */
#ifndef NVME_BLOCK_H
#define NVME_BLOCK_H

#include "target.h"

struct block_ns {
	struct target_ns	ns;
	unsigned		shift;		/* logarithm of the bytes of a block */
	bool			nvme;		/* Identify and the like are asked of the drive */
	uint8_t			profile[16];	/* if not: what the kernel says, see block-identify.c */
	bool			discards;
	uint64_t		nr_blocks;
	char			name[21];	/* that of dm, or of the kernel; at most 20 bytes */
};

/*
 * Ask the kernel how the metadata of the device at @path, which is open, is laid out.  Returns 0, or
 * -errno with one line in @why if it has no integrity profile, or one that no NVMe format has.
 */
int block_read_profile(struct block_ns *b, const char *path, char why[WHY_MAX]);

/* Answer an Identify command about a device that is no NVMe namespace; a result as in target.h. */
int block_identify(const struct block_ns *b, const struct nvme_uring_cmd *cmd);

#endif
