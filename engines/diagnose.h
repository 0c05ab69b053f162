/* SPDX-License-Identifier: GPL-2.0-only */
/* diagnose.h - after an error, finds the blocks and fields, and the values wanted and got */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include "blocks.h"

/* Reports every mismatch of @checks in the buffers of @io. Returns their number. */
unsigned diagnose_host(const struct io *io, enum vfy_side side, const char *status, unsigned checks,
		       struct io_job *job);

/* Finds the blocks for which the device failed @io with @status. */
void diagnose_device(const struct io *io, int status, struct io_job *job);

/* Finds the blocks that the device could not read or write; see io_is_media_error(). */
void diagnose_media(const struct io *io, int status, struct io_job *job);

/*
 * The device failed with @status a trim or Flush of @nr blocks from @lba on: tell of it where that
 * is a verdict about them.  It is never sent again.
 */
void diagnose_dataless(const struct job_ns *ns, uint8_t opcode, uint64_t lba, uint64_t nr, int status,
		       struct io_job *job);

/* Reports the first @nr findings of the plugin. */
void diagnose_plugin(const struct io *io, unsigned nr, struct io_job *job);

#endif
