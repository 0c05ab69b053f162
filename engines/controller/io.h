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

#endif
