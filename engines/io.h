/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.h - the way of an I/O, between fio's buffer and the command
 *
 *	write:	metadata pattern, then tuples (and the copy into extended blocks)
 *	read:	the check (and the copy back), then the metadata pattern
 *
 * Nothing here knows fio, allocates or makes a system call, but for the second
 * look at blocks after an error (diagnose.c).
 */
#ifndef IO_H
#define IO_H

#include "../verify/report.h"
#include "job.h"

/* One I/O in flight. */
struct io {
	const struct job_ns	*ns;
	uint64_t		slba;
	uint32_t		nr_blocks;	/* a count */
	uint8_t			opcode;		/* enum nvme_io_opcode */
	bool			bounced;	/* the wire's blocks are in @bounce */
	void			*buf;		/* fio's: nr_blocks * ns->host_block bytes */
	void			*bounce;	/* ours, up to ns->bounce_size bytes */
	void			*md;		/* ours, up to ns->md_size bytes */
};

/* Where findings go. */
struct io_judge {
	struct vfy_counts	counts;
	void			*scratch;	/* one block of the largest format, data and metadata */
	void			(*record)(void *ctx, const struct vfy_record *r);
	void			*ctx;
};

/* Will the wire's blocks of @io be in its bounce buffer?  Buffers need not be set. */
bool io_bounces(const struct io *io);

/*
 * Make ready what is written, and fill *@cmd (zeroed).  All of @io is set but
 * for @io->bounced, which is set here.
 */
void io_start(struct io *io, struct nvme_uring_cmd *cmd);

/*
 * Take the result (as in target.h) of @io: check what was read, tell @judge of
 * every mismatch, the device's and the host's.  Returns the errno fio gets, 0
 * when all is well; EILSEQ for any mismatch.
 */
int io_end(struct io *io, int res, struct io_judge *judge);

/* The tags that the blocks from @lba on carry. */
struct pi_tags io_tags(const struct job_ns *ns, uint64_t lba);

/* The command of @io as @opcode on @nr blocks from block @first of it on. */
struct nvme_io io_command(const struct io *io, uint32_t first, uint32_t nr);

/* diagnose.c: list every mismatch in the buffers of @io; returns how many. */
unsigned diagnose_host(const struct io *io, enum vfy_side side, const char *status, unsigned checks,
		       bool metadata, struct io_judge *judge);

/* diagnose.c: find the blocks for which the device failed @io with @status. */
void diagnose_device(const struct io *io, int status, struct io_judge *judge);

#endif
