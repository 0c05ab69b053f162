/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.h - the way of an I/O, between fio's buffer and the command
 *
 *	write:	metadata pattern, the plugin's word, then tuples (and the copy into
 *		extended blocks), then damage on purpose, in a copy
 *	read:	the check (and the copy back), the metadata pattern, the plugin
 *
 * Nothing here knows fio, allocates or makes a system call, but for the second
 * look at blocks after an error (diagnose.c), and what is done on purpose
 * (inject.c).
 */
#ifndef IO_H
#define IO_H

#include "blocks.h"

/* Will the wire's blocks of @io be in its bounce buffer?  Buffers need not be set. */
bool io_bounces(const struct io *io);

/*
 * Make ready what is written, and fill *@cmd.  What is known of @io is
 * set: its namespace, tag, place, opcode and buffers, and what inject_draw() drew.
 */
void io_start(struct io *io, struct io_job *job, struct nvme_uring_cmd *cmd);

/*
 * Take the result (as in target.h) of @io: check what was read, tell @job of
 * every mismatch, the device's, the host's and the plugin's.  Returns the errno
 * fio gets, 0 when all is well; EILSEQ for any mismatch.
 */
int io_end(struct io *io, int res, struct io_job *job);

/*
 * A command that is none of the above changes @nr blocks from @lba on, as trims
 * do: before, and after it.
 */
void io_change_starts(const struct job_ns *ns, unsigned tag, uint8_t opcode, uint64_t lba, uint64_t nr,
		      struct io_job *job);
void io_change_ends(const struct job_ns *ns, unsigned tag, uint8_t opcode, uint64_t lba, uint64_t nr,
		    int res, struct io_job *job);

#endif
