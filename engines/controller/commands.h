/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands.h - what the I/O commands of the embedded controller share
 *
 * commands.c	ranges, tags, buffers and checks
 * read.c		Read, Verify, Compare
 * write.c		Write, Write Zeroes, Write Uncorrectable, Dataset Management
 * copy.c		Copy
 * placement.c	I/O Management Send and Receive, and writes to a placement handle
 * zone-commands.c	Zone Append, Zone Management Send and Receive, and writes to a zone
 *
 * Functions that execute or check a command return a result as in target.h.
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "io.h"

/* Blocks in memory; part i of a block starts i strides after the first.  @md NULL: no metadata. */
struct ctl_blocks {
	uint8_t	*data;
	size_t	data_stride;
	uint8_t	*md;
	size_t	md_stride;
};

/* A range of blocks with its PRINFO and tags. */
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

/* Return @b without its first @i blocks. */
struct ctl_blocks ctl_blocks_from(const struct ctl_blocks *b, uint32_t i);

/* Copy @nr parts of blocks of @len bytes each; strides in bytes. */
void ctl_copy_blocks(uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride,
		     size_t len, uint32_t nr);

/* Decode the LBA range, PRINFO and tags of @cmd: a Read, Write or similar command. */
struct ctl_range ctl_range_of(const struct ctl_image *img, const struct nvme_uring_cmd *cmd);

/* Return the part of @r that starts at its block @i and has @nr blocks. */
struct ctl_range ctl_part_of(const struct ctl_image *img, const struct ctl_range *r, uint32_t i,
			     uint32_t nr);

/* Check that the transfer of @r is within MDTS. */
int ctl_transfer_allowed(const struct ctl_image *img, const struct ctl_range *r);

/*
 * Locate the data and metadata buffers of @cmd.  They must be large enough for @r.  (A drive would
 * access the memory after a buffer that is too short; here that is an error.)
 */
int ctl_host_blocks(const struct ctl_image *img, const struct nvme_uring_cmd *cmd,
		    const struct ctl_range *r, struct ctl_blocks *b);

/*
 * ctl_checks() returns the PI_* to check, from the PRINFO bits and STC (@storage).  ctl_tags()
 * decodes the tags of a command, ctl_tags_of() those of other dwords, such as a Copy descriptor's.
 */
unsigned ctl_checks(const struct ctl_image *img, unsigned prinfo, bool storage);
struct pi_tags ctl_tags(const struct ctl_image *img, const struct nvme_uring_cmd *cmd);
struct pi_tags ctl_tags_of(const struct ctl_image *img, const struct pi_dwords *d);

/* PRACT in the four bits of PRINFO (PRACT, PRCHK), which all commands have. */
#define CTL_PRACT 8

int ctl_in_range(const struct ctl_image *img, uint64_t lba, uint64_t nr);

/*
 * Check that the reference tag of @r is valid for its checks and type. Spec: Control of Protection
 * Information Checking - PRCHK.
 */
int ctl_admit(const struct ctl_image *img, const struct ctl_range *r);

/* Check the blocks of @r in the image.  If all are good and @to is not NULL, copy them to @to. */
int ctl_read(struct ctl_port *port, const struct ctl_range *r, const struct ctl_blocks *to);

/* Check blocks in memory with layout @l: those of a host buffer, of the journal or of the image. */
int ctl_check_blocks(const struct ctl_image *img, const struct pi_layout *l,
		     const struct ctl_range *r, const uint8_t *data, const uint8_t *md);

/* Check the blocks and tags of a write; with PRACT nothing is checked, as tuples are generated. */
int ctl_check_written(const struct ctl_image *img, const struct pi_layout *l,
		      const struct ctl_range *r, const uint8_t *data, const uint8_t *md);

/* Put the blocks of the part @r of a write into the journal. */
void ctl_stage(struct ctl_port *port, const struct ctl_range *r, const struct ctl_blocks *from);

int ctl_do_read(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_verify(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_compare(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_dsm(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_copy(struct ctl_port *port, const struct nvme_uring_cmd *cmd);

/* The same commands where they write to a zone, and those of the Zoned Namespace Command Set. */
int ctl_do_zone_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_zone_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_zone_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_zone_append(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_zone_send(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_zone_receive(struct ctl_port *port, const struct nvme_uring_cmd *cmd);

/* The same where there are placement handles: I/O Management Receive, I/O Management Send. */
int ctl_do_placed_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_placed_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_placed_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_handle_receive(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
int ctl_do_handle_send(struct ctl_port *port, const struct nvme_uring_cmd *cmd);

#endif
