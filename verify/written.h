/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * written.h - which blocks did this run of fio write?
 *
 * One map a namespace, a bit a block, in memory that all jobs of a fio share, threads
 * and processes.  A block is in it from the good end of a write on, until a command
 * that changes it in another way (trim, Write Zeroes, Write Uncorrectable) starts.
 * Where commands overlap, so that nobody knows which of them came last, the block
 * stays out.  What the map says is certain, what it does not say is unknown.
 *
 * Nothing here allocates or makes a system call between open and close.
 */
#ifndef VFY_WRITTEN_H
#define VFY_WRITTEN_H

#include <stdbool.h>
#include <stdint.h>

struct vfy_written;

/*
 * The map of namespace @ns (any number that names it in every job) of @nr_blocks
 * blocks.  NULL with one line in @why (VFY_WHY_MAX bytes) on failure.
 */
struct vfy_written *vfy_written_open(uint64_t ns, uint64_t nr_blocks, char *why);
void vfy_written_close(struct vfy_written *w);

/*
 * A job is going to write blocks of @kind: a number that stands for the tags and
 * metadata that its blocks carry.
 */
void vfy_written_join(struct vfy_written *w, uint64_t kind);

/* Do all who joined write blocks of @kind? */
bool vfy_written_alike(const struct vfy_written *w, uint64_t kind);

/* What is to be kept of the moment at which a read or a write of @nr blocks starts. */
uint64_t vfy_written_read_starts(const struct vfy_written *w, uint64_t lba, uint64_t nr);
uint64_t vfy_written_write_starts(const struct vfy_written *w, uint64_t lba, uint64_t nr);

/* A write that started at @then has ended well. */
void vfy_written_put(struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then);

/* A command that changes blocks in another way: before it is sent, and after it has ended. */
void vfy_written_change_starts(struct vfy_written *w, uint64_t lba, uint64_t nr);
void vfy_written_change_ends(struct vfy_written *w, uint64_t lba, uint64_t nr);

/* Is any of the blocks in the map now? */
bool vfy_written_any(const struct vfy_written *w, uint64_t lba, uint64_t nr);

/*
 * Has the block certainly been in it all the time of a read of @nr blocks from @lba
 * on, which started at @then and has ended?  @block is one of them.
 */
bool vfy_written_throughout(const struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then,
			    uint64_t block);

#endif
