/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sync.h - many users of one image: whole blocks for readers, whole writes
 * after a kill
 *
 * Readers take no lock.  Each stripe of blocks has a word that counts its
 * changes and names the writer at work; who reads looks at the words before and
 * after, and reads again if they moved.  So readers cost each other nothing, in
 * threads and in processes.
 *
 * Writers put what they are about to do into a journal of their own, lock the
 * stripes, declare the journal good, and do it.  All of it is shared memory of
 * a file, so it outlives a process that is killed at any instruction: who meets
 * the lock of a dead writer repeats its journal if that was good, which does no
 * harm where it was half done, and takes its locks away.  That a writer is dead
 * is told by the kernel: it holds a lock on a byte of the state file for as long
 * as it lives.  Where the kernel itself went down, journals are dropped: nothing
 * says which of their pages got to the disk.
 *
 * In steady state none of this is a system call.  The first write to a block
 * is one, to have the file system find room where it can still refuse.
 */
#ifndef CTL_SYNC_H
#define CTL_SYNC_H

#include "port.h"

/*
 * Make a change to @nr blocks from @lba on: all of it or nothing, for readers
 * and after a kill.  CTL_WRITE takes the blocks from the journal.  At most
 * CTL_CHANGE_BLOCKS.  0, or -errno (-ENOSPC: of some blocks nothing was written).
 */
#define CTL_CHANGE_BLOCKS (CTL_NR_STRIPES / 2 * CTL_STRIPE_BLOCKS)
int ctl_change(struct ctl_port *port, enum ctl_change change, uint64_t lba, uint64_t nr);

/*
 * What is read between begin (0, or -errno) and end counts if end says so; else
 * do it again.
 */
int ctl_read_begin(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t *seen);
bool ctl_read_end(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t seen);

#endif
