/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands.h - what the I/O commands of the embedded controller have in common
 *
 *	commands.c	ranges, tags, buffers and checks
 *	read.c		Read, Verify, Compare
 *	write.c		Write, Write Zeroes, Write Uncorrectable, Dataset Management
 *	copy.c		Copy
 *
 * Functions that execute a command or check one return a result as in target.h.
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "io.h"

/* Blocks in memory: block i's parts are i strides on; @md NULL: none there. */
struct ctl_blocks {
	uint8_t	*data;
	size_t	data_stride;
	uint8_t	*md;
	size_t	md_stride;
};

/* A range of blocks with the PRINFO and tags that go with it. */
struct ctl_range {
	uint64_t	lba;
	uint32_t	nr;
	bool		pract;
	unsigned	checks;		/* PI_* */
	struct pi_tags	tags;
};

static inline bool ctl_has_pi(const struct ctl_image *img)
{
	return img->media.type != PI_NONE;
}

/* The blocks from block @i on. */
struct ctl_blocks ctl_blocks_from(const struct ctl_blocks *b, uint32_t i);

/* Copy @nr parts of blocks, of @len bytes each, that are strides apart. */
void ctl_copy_blocks(uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride,
		     size_t len, uint32_t nr);

/* The range that @cmd names, as Read, Write and their like have it. */
struct ctl_range ctl_range_of(const struct ctl_image *img, const struct nvme_uring_cmd *cmd);

/* The part of @r from its block @i on, @nr blocks. */
struct ctl_range ctl_part_of(const struct ctl_image *img, const struct ctl_range *r, uint32_t i,
			     uint32_t nr);

/* Is @r within MDTS? */
int ctl_transfer_allowed(const struct ctl_image *img, const struct ctl_range *r);

/*
 * Find the buffers of @cmd, which must be large enough for @r.  (A drive would go on into
 * whatever comes behind a short one; here that is an error.)
 */
int ctl_host_blocks(const struct ctl_image *img, const struct nvme_uring_cmd *cmd,
		    const struct ctl_range *r, struct ctl_blocks *b);

/* What is to be checked, of PRINFO and STC; the tags of a command, or of other dwords. */
unsigned ctl_checks(const struct ctl_image *img, unsigned prinfo, bool storage);
struct pi_tags ctl_tags(const struct ctl_image *img, const struct nvme_uring_cmd *cmd);
struct pi_tags ctl_tags_of(const struct ctl_image *img, const struct pi_dwords *d);

/* PRINFO (PRACT, PRCHK) as four bits, as all commands have it. */
#define CTL_PRACT 8

int ctl_in_range(const struct ctl_image *img, uint64_t lba, uint64_t nr);

/* May a command be that checks such tags? Spec: Control of Protection Information Checking - PRCHK. */
int ctl_admit(const struct ctl_image *img, const struct ctl_range *r);

/* Check @r's blocks and, if @to is not NULL and all is well, put them there. */
int ctl_read(struct ctl_port *port, const struct ctl_range *r, const struct ctl_blocks *to);

/* Check blocks in memory, the host's or the image's, where they are as @l has them. */
int ctl_check_blocks(const struct ctl_image *img, const struct pi_layout *l,
		     const struct ctl_range *r, const uint8_t *data, const uint8_t *md);

/* What is written of a command: admitted and checked, unless PRACT has its tuples made anew. */
int ctl_check_written(const struct ctl_image *img, const struct pi_layout *l,
		      const struct ctl_range *r, const uint8_t *data, const uint8_t *md);

/* The commands. */
int ctl_do_read(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_verify(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_compare(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_dsm(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_copy(struct ctl_port *port, const struct nvme_uring_cmd *cmd);

#endif
