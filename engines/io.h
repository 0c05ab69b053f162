/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.h - the path of an I/O, between fio's buffer and the command
 *
 *   write: metadata pattern, the plugin's tags, then tuples (and the copy into extended
 *          blocks), then injected errors, in a copy
 *   read:  the check of tuples (and the copy back), of the metadata pattern, by the plugin
 *
 * This file does not depend on fio, allocates no memory and makes no system calls, except for the
 * second access to blocks after an error (diagnose.c) and for injection (inject.c).
 */
#ifndef IO_H
#define IO_H

#include "blocks.h"

/*
 * Returns whether the blocks will be transferred from or to the bounce buffer of @io. Its buffers
 * need not be set.
 */
bool io_bounces(const struct io *io);

/*
 * Prepares the blocks and fills *@cmd. Before the call the namespace, tag, LBA, opcode and buffers
 * of @io are set, and the injections that inject_draw() drew.
 */
void io_start(struct io *io, struct io_job *job, struct nvme_uring_cmd *cmd);

/*
 * Handles the result @res (as in target.h) of @io: checks the blocks that were read, and reports
 * every mismatch that the device, the host or the plugin found to @job. Returns the errno for fio:
 * 0, or EILSEQ for any mismatch.
 */
int io_end(struct io *io, int res, struct io_job *job);

/* The same, by the fast path where it can be: no block on media is damaged on purpose. */
int io_end_clean(struct io *io, int res, struct io_job *job);

/* The same, never by the fast path. */
int io_end_whole(struct io *io, int res, struct io_job *job);

/*
 * Called before and after a command other than those above that changes @nr blocks from @lba on,
 * for example a trim.
 */
void io_change_starts(const struct job_ns *ns, unsigned tag, uint8_t opcode, uint64_t lba, uint64_t nr,
		      struct io_job *job);
void io_change_ends(const struct job_ns *ns, unsigned tag, uint8_t opcode, uint64_t lba, uint64_t nr,
		    int res, struct io_job *job);

#endif
