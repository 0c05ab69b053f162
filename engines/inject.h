/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.h - injected errors (pi_inject): blocks are damaged in a copy, and the result is checked
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "blocks.h"

/*
 * Returns whether some I/Os will be damaged. If not, none of the functions below has to be called,
 * except that nr_injections must be 0.
 */
static inline bool inject_wanted(const struct io_job *job)
{
	return job->inject_reads || job->inject_writes;
}

/* Draws the blocks of @io that will be damaged, and advances the position in the job's sequence. */
void inject_draw(struct io *io, struct io_job *job);

/*
 * inject_write() damages a copy of the blocks and makes *@command send that; inject_read() damages
 * blocks that were read.
 */
void inject_write(struct io *io, struct nvme_io *command, struct io_job *job);
void inject_read(struct io *io, struct io_job *job);

/*
 * Checks the answer to a damaged write. After a rejection the undamaged blocks are sent, and *@res
 * becomes the result of that. Returns the errno for fio; 0 if the I/O continues.
 */
int inject_complete(struct io *io, int *res, struct io_job *job);

/* Returns whether this mismatch of block @index of @io was injected. */
bool inject_explains(const struct io *io, uint32_t index, unsigned field, struct io_job *job);

#endif
