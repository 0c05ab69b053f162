/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faults.h - which blocks on media are damaged on purpose
 *
 * One book for all jobs of a fio, threads and processes: shared memory, anonymous
 * or a file that a later run opens again.  While it is empty, as it is where
 * nobody injects, asking costs one load.
 */
#ifndef VFY_FAULTS_H
#define VFY_FAULTS_H

#include <stdatomic.h>
#include "report.h"

/* Its members are faults.c's; @used is how many blocks are in the book. */
struct vfy_faults {
	const _Atomic uint64_t	*used;
	struct book		*book;
	int			fd;	/* -1: no file */
};

/* What is known of a block. */
enum vfy_fault_state {
	VFY_SOUND,		/* nothing was done to it */
	VFY_DAMAGED,		/* @shows is what a full check finds wrong */
	VFY_UNSETTLED,		/* a write is under way, or ended in an error: either may be there */
};

struct vfy_fault_block {
	enum vfy_fault_state	state;
	unsigned		shows;	/* as in struct vfy_damage */
};

/*
 * @path: a file, made if it isn't there; NULL: memory of this process and those it
 * forks.  NULL with one line in @why (VFY_WHY_MAX bytes) on failure.
 */
struct vfy_faults *vfy_faults_open(const char *path, char *why);
void vfy_faults_close(struct vfy_faults *f);

/* Are there none?  Asked for every I/O. */
static inline bool vfy_faults_none(const struct vfy_faults *f)
{
	return !atomic_load_explicit(f->used, memory_order_relaxed);
}

/* Block @lba of namespace @ns (any number that names it in every job). */
struct vfy_fault_block vfy_faults_get(struct vfy_faults *f, uint64_t ns, uint64_t lba);

/* VFY_SOUND forgets it.  0, or -ENOSPC: the book is full (a million blocks). */
int vfy_faults_set(struct vfy_faults *f, uint64_t ns, uint64_t lba, struct vfy_fault_block b);

/*
 * Every block of @nr from @lba on that is in the book becomes @state; those that
 * are not stay out of it.
 */
void vfy_faults_mark(struct vfy_faults *f, uint64_t ns, uint64_t lba, uint64_t nr,
		     enum vfy_fault_state state);

#endif
