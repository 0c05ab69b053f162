/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * injected.h - a table of the blocks on media that contain injected errors
 *
 * All jobs of a fio run, threads and processes, share one table.  It is in shared
 * memory, which is anonymous or a file that a later run can open again.  While the
 * table is empty, as in runs without injection, a query costs one load.
 */
#ifndef VFY_FAULTS_H
#define VFY_FAULTS_H

#include <stdatomic.h>
#include "mismatch.h"

/* The members are private to injected.c.  @used counts the blocks in the table. */
struct vfy_injected {
	const _Atomic uint64_t	*used;
	struct injected_table		*table;
	int			fd;	/* -1: anonymous memory */
	bool			read_only;
};

/* The state of a block. */
enum vfy_injected_state {
	VFY_SOUND,		/* it is not in the table */
	VFY_DAMAGED,		/* a full check finds the fields @shows wrong */
	VFY_UNSETTLED,		/* a write is in flight or failed: damaged or not */
};

struct vfy_injected_block {
	enum vfy_injected_state	state;
	unsigned		shows;	/* fields: see struct vfy_injection */
};

/*
 * Open the table in the file @path, which is created if needed, or, if @path is NULL, in memory
 * of this process and the processes it forks.  Without @write the caller only asks for states,
 * so a file that can't be written is opened all the same.  Returns NULL on failure, with one line
 * in @why (VFY_WHY_MAX bytes).
 */
struct vfy_injected *vfy_injected_open(const char *path, bool write, char *why);
void vfy_injected_close(struct vfy_injected *f);

/* Returns whether the table is empty.  This is called for every I/O. */
static inline bool vfy_injected_none(const struct vfy_injected *f)
{
	return !atomic_load_explicit(f->used, memory_order_relaxed);
}

/* Returns the state of block @lba of namespace @ns (a number that identifies it in all jobs). */
struct vfy_injected_block vfy_injected_get(struct vfy_injected *f, uint64_t ns, uint64_t lba);

/*
 * Set the state of a block; VFY_SOUND removes it.  Returns 0, or -ENOSPC if the table is full
 * (a million blocks).
 */
int vfy_injected_set(struct vfy_injected *f, uint64_t ns, uint64_t lba, struct vfy_injected_block b);

/*
 * Set the state of those of the @nr blocks from @lba on that are in the table.  Others are not
 * added.
 */
void vfy_injected_mark(struct vfy_injected *f, uint64_t ns, uint64_t lba, uint64_t nr,
		     enum vfy_injected_state state);

#endif
