/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.h - the commands of the embedded controller
 *
 * All functions return a result as in target.h unless they say otherwise.  "Spec" is the NVM
 * Command Set Specification, "Base" the NVM Express Base Specification.
 */
#ifndef CTL_IO_H
#define CTL_IO_H

#include "engines/nvme/nvme.h"	/* must be first: libnvme replaces a header of the kernel */
#include "sync.h"

/* Status codes that are not in enum nvme_pi_status: SCT and SC. */
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
	CTL_ST_ZONE_BOUNDARY	= 0x1b8,
	CTL_ST_ZONE_FULL	= 0x1b9,
	CTL_ST_ZONE_WRITE	= 0x1bc,
	CTL_ST_ZONE_ACTIVE	= 0x1bd,
	CTL_ST_ZONE_OPEN	= 0x1be,
	CTL_ST_ZONE_TRANSITION	= 0x1bf,
	CTL_ST_UNRECOVERED	= 0x281,
	CTL_ST_UNWRITTEN	= 0x287,
};

/* MDTS as Identify reports it: a power of two of 4096 bytes. */
#define CTL_MDTS 7
#define CTL_MAX_TRANSFER (4096u << CTL_MDTS)

/* Limits of Copy: blocks per range and command (or a journal's capacity), ranges per command. */
#define CTL_COPY_BLOCKS 128u
#define CTL_COPY_RANGES 128u

/* Execute one I/O command.  @may_write: the namespace was opened for writing. */
int ctl_io(struct ctl_port *port, const struct nvme_uring_cmd *cmd, bool may_write);

/*
 * Do what FUA asks for: after a command that changed blocks, before one that looks at them.  With a
 * volatile write cache a Write or Write Zeroes makes only its own blocks durable.
 */
int ctl_fua(struct ctl_port *port, const struct nvme_uring_cmd *cmd);

/*
 * Prefetch the blocks of a read or write that will be executed soon, because its loads or stores
 * would wait for memory.  It saves a fifth to a quarter of the time of 4 KiB random reads and writes
 * of an image larger than the cache.  A hint only: any @cmd is allowed.
 */
void ctl_expect(const struct ctl_port *port, const struct nvme_uring_cmd *cmd);

/*
 * Execute one admin command; dword 0 of its completion goes to @cmd->rsvd2.
 * @may_write: the namespace was opened for writing.
 */
int ctl_admin(struct ctl_image *img, struct nvme_uring_cmd *cmd, bool may_write);

/* Fill @page (4096 bytes) with the data structure of an Identify command. */
int ctl_identify(const struct ctl_image *img, const struct nvme_uring_cmd *cmd, void *page);

/*
 * ctl_lbaf() stores LBA format @index, as Format NVM can choose it, in *@ns; it returns false past
 * the last one.  The format in use is always in the list, at ctl_lbaf_current().
 */
bool ctl_lbaf(const struct ctl_image *img, unsigned index, struct ns_format *ns);
unsigned ctl_lbaf_current(const struct ctl_image *img);

#endif
