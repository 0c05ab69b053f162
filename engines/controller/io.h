/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.h - the commands of the embedded controller
 *
 * All return a result as in target.h.  "Spec" is the NVM Command Set
 * Specification, "Base" the NVM Express Base Specification.
 */
#ifndef CTL_IO_H
#define CTL_IO_H

#include "engines/nvme/nvme.h"	/* first: libnvme replaces a header of the kernel */
#include "sync.h"

/* Status words beyond those of enum nvme_pi_status. */
enum ctl_status {
	CTL_ST_INVALID_OPCODE	= 0x001,
	CTL_ST_INVALID_FIELD	= 0x002,
	CTL_ST_INVALID_NS	= 0x00b,
	CTL_ST_DENIED		= 0x015,
	CTL_ST_LBA_RANGE	= 0x080,
	CTL_ST_INVALID_FORMAT	= 0x10a,
	CTL_ST_NOT_SAVEABLE	= 0x10d,
	CTL_ST_SIZE_LIMIT	= 0x183,
	CTL_ST_OVERLAP		= 0x187,
	CTL_ST_UNRECOVERED	= 0x281,
};

/* What Identify says of limits: MDTS, as a power of two of 4096 bytes. */
#define CTL_MDTS 7
#define CTL_MAX_TRANSFER (4096u << CTL_MDTS)

/* Copy: blocks a range and a command, ranges a command; what a journal holds, at most. */
#define CTL_COPY_BLOCKS 128u
#define CTL_COPY_RANGES 128u

/* Execute one I/O command; @may_write: the namespace was opened for it. */
int ctl_io(struct ctl_port *port, const struct nvme_uring_cmd *cmd, bool may_write);

/*
 * @cmd will be executed soon.  Where it is a write, have the cache fetch its place, for
 * which stores would wait: a fourth of the time of random writes (reads gain nothing).
 * A hint, whatever is in @cmd.
 */
void ctl_expect(const struct ctl_port *port, const struct nvme_uring_cmd *cmd);

/* Execute one admin command. */
int ctl_admin(struct ctl_image *img, const struct nvme_uring_cmd *cmd, bool may_write);

/* Fill @page (4096 bytes) as Identify answers @cns. */
int ctl_identify(const struct ctl_image *img, const struct nvme_uring_cmd *cmd, void *page);

/*
 * The LBA formats that Format NVM can choose, by index; false past the last.
 * The one in use is always among them; see ctl_lbaf_current().
 */
bool ctl_lbaf(const struct ctl_image *img, unsigned index, struct ns_format *ns);
unsigned ctl_lbaf_current(const struct ctl_image *img);

/* --- for io.c and copy.c --- */

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

/* Copy. */
int ctl_copy(struct ctl_port *port, const struct nvme_uring_cmd *cmd);

#endif
