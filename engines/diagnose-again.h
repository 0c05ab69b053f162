/* SPDX-License-Identifier: GPL-2.0-only */
/* diagnose-again.h - single blocks that are accessed again after an I/O, synchronously */
#ifndef DIAGNOSE_AGAIN_H
#define DIAGNOSE_AGAIN_H

#include "blocks.h"

/* Returns the block in the scratch memory, in the layout that is transferred with PRACT=0. */
struct io_blocks diagnose_scratch(const struct io *io, const struct io_job *job);

/* Executes a command. Returns its result, as in target.h. */
int diagnose_execute(const struct job_ns *ns, const struct nvme_io *io);

/* Reads block @lba without checks into the scratch memory. Returns the result, as in target.h. */
int diagnose_read_again(const struct io *io, uint64_t lba, struct io_job *job);

/*
 * Reads block @lba again. Returns those of @fields, which are PI_* and VFY_METADATA, that agree with
 * @tags: 0 if the block can't be read.
 */
unsigned diagnose_sound_again(const struct io *io, uint64_t lba, const struct pi_tags *tags, unsigned fields,
			      struct io_job *job);

#endif
