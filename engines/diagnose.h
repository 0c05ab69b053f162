/* SPDX-License-Identifier: GPL-2.0-only */
/* diagnose.h - after an error: which blocks, which fields, wanted and got */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include "blocks.h"

/* Tell of every mismatch of @checks in the buffers of @io; returns how many. */
unsigned diagnose_host(const struct io *io, enum vfy_side side, const char *status, unsigned checks,
		       struct io_job *job);

/* Find the blocks for which the device failed @io with @status. */
void diagnose_device(const struct io *io, int status, struct io_job *job);

/* Find the blocks that the device could not read or write, as io_is_media_error() has it. */
void diagnose_media(const struct io *io, int status, struct io_job *job);

/*
 * The device failed with @status a trim or Flush of @nr blocks from @lba on: tell of it where that
 * is a verdict about them.  It is never sent again.
 */
void diagnose_dataless(const struct job_ns *ns, uint8_t opcode, uint64_t lba, uint64_t nr, int status,
		       struct io_job *job);

/* Tell of what the plugin found: the first @nr of its findings. */
void diagnose_plugin(const struct io *io, unsigned nr, struct io_job *job);

#endif
