/* SPDX-License-Identifier: GPL-2.0-only */
/* diagnose-list.h - shared by diagnose.c and diagnose-device.c: mismatches of single blocks */
#ifndef DIAGNOSE_LIST_H
#define DIAGNOSE_LIST_H

#include "diagnose.h"

enum { DIAGNOSE_RUN = 16 };

/* A few consecutive blocks whose tags one command can carry. */
struct diagnose_run {
	uint32_t		first, nr;	/* indices in the I/O */
	struct pi_tags		tags;
	struct io_blocks	at;
	unsigned		found[DIAGNOSE_RUN];	/* fields that were reported, by block */
};

/*
 * Returns a mismatch of block 0 of @io, found by @side; @status as in struct vfy_mismatch, or NULL.
 */
struct vfy_mismatch diagnose_record(const struct io *io, enum vfy_side side, const char *status);

/* Returns the bits of @field that are compared. */
uint64_t diagnose_mask(const struct io *io, unsigned field);

/* Reports @r about block @index of @io, whose content is at @b. */
void diagnose_tell(const struct io *io, struct io_job *job, struct vfy_mismatch *r, uint32_t index,
		   struct io_blocks b);

/* Reports a finding of the plugin in the same way. */
void diagnose_tell_finding(const struct io *io, const struct vfy_finding *f, uint32_t index,
			   struct io_blocks b, struct io_job *job);

/* Reports every field of @run's blocks that @checks finds wrong. Returns their number. */
unsigned diagnose_list(const struct io *io, struct diagnose_run *run, const struct vfy_mismatch *template,
		       unsigned checks, struct io_job *job);

/*
 * Injected errors must be present: reports those that @checks does not find. Returns their number.
 */
unsigned diagnose_list_gone(const struct io *io, struct diagnose_run *run, unsigned checks,
			    struct io_job *job);

#endif
