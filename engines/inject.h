/* SPDX-License-Identifier: GPL-2.0-only */
/* inject.h - damage on purpose (pi_inject): blocks damaged in a copy, and what must come of it */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "blocks.h"

/* Will some I/Os be damaged?  Else none of this need be called, but nr_injections is 0. */
static inline bool inject_wanted(const struct io_job *job)
{
	return job->inject_reads || job->inject_writes;
}

/* Which blocks of @io are to be damaged?  Goes on in the job's sequence. */
void inject_draw(struct io *io, struct io_job *job);

/* Damage a copy of what is sent, and have *@command send that; or what was read. */
void inject_write(struct io *io, struct nvme_io *command, struct io_job *job);
void inject_read(struct io *io, struct io_job *job);

/*
 * Judge the answer to a damaged write.  *@res becomes that of the undamaged one
 * where that was sent after a rejection.  Returns the errno fio gets; 0: go on.
 */
int inject_settle(struct io *io, int *res, struct io_job *job);

/* Is this mismatch of block @index of @io one that was made? */
bool inject_explains(const struct io *io, uint32_t index, unsigned field, struct io_job *job);

#endif
