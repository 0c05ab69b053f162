/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sync.h - concurrent access to an image: readers see whole blocks, and a write is complete even
 * if its process is killed
 *
 * Readers use a seqlock and take no lock.  Each stripe of blocks has a lock word that contains a
 * change counter and the current writer.  A reader loads the words before and after it reads, and
 * repeats the read if they differ.  So readers do not slow each other down, neither threads nor
 * processes.
 *
 * Writers use a write-ahead log.  A writer puts the change into its own journal, locks the
 * stripes, declares the journal good, and applies it.  All of this is shared memory of a file, so
 * it survives if the process is killed at any instruction: whoever finds the lock of a dead writer
 * replays its journal if that is good (replaying is idempotent) and releases its locks.  The
 * kernel tells whether a writer is alive: a writer holds a lock on a byte of the state file as
 * long as it lives.  After a crash of the kernel itself journals are discarded, because it is
 * unknown which of their pages reached the disk.
 *
 * In the steady state none of this needs a system call.  Only the first write to a block does, so
 * that the file system reserves space while it can still report an error.
 */
#ifndef CTL_SYNC_H
#define CTL_SYNC_H

#include "port.h"

/*
 * Apply a change to @nr blocks (at most CTL_CHANGE_BLOCKS) from @lba on, atomically for readers
 * and if the process is killed.  CTL_WRITE takes the blocks from the journal.  Returns 0, or
 * -errno (-ENOSPC: some of the blocks were not written).
 */
#define CTL_CHANGE_BLOCKS (CTL_NR_STRIPES / 2 * CTL_STRIPE_BLOCKS)
int ctl_change(struct ctl_port *port, enum ctl_change change, uint64_t lba, uint64_t nr);

/*
 * Seqlock read side: ctl_read_begin() waits for writers and stores the counters in *@seen; it
 * returns 0, or -errno.  Data read in between is valid only if ctl_read_end() returns true;
 * otherwise repeat the read.
 */
int ctl_read_begin(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t *seen);
bool ctl_read_end(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t seen);

/*
 * The same for the zones of @port's image, which have one lock.  Its owner may change blocks as
 * well; who changes blocks never waits for it.
 */
int ctl_zones_lock(struct ctl_port *port);
void ctl_zones_unlock(struct ctl_port *port);
int ctl_zones_read_begin(struct ctl_port *port, uint64_t *seen);
bool ctl_zones_read_end(struct ctl_port *port, uint64_t seen);

#endif
