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

#include "image.h"

enum ctl_change {
	CTL_WRITE,		/* the blocks in the journal */
	CTL_DEALLOCATE,
	CTL_SPOIL,		/* Write Uncorrectable */
};

/* A queue's, or another single user's, way to one image.  A child of fork() starts anew. */
struct ctl_port {
	struct ctl_port		*next;		/* all of this process */
	struct ctl_image	*image;
	int			fd;		/* the state, opened for this port; -1: not yet */
	int			nr;		/* its journal; -1: none yet */
	struct ctl_journal	*journal;
	struct ctl_fault	*fault;		/* its user's; NULL: none (fault.h) */
};

/* NULL: out of memory. */
struct ctl_port *ctl_port_open(struct ctl_image *img);
void ctl_port_close(struct ctl_port *port);

/* Have a journal, as every change and Copy needs.  0, or -errno with one line in @why. */
int ctl_port_claim(struct ctl_port *port, char *why);

/* The journal's room for @nr blocks (at most image->journal_blocks): data, metadata. */
uint8_t *ctl_journal_data(struct ctl_port *port);
uint8_t *ctl_journal_md(struct ctl_port *port, uint32_t nr);

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

/* Could locks and journals be as writers leave them?  A damaged state's need not be. */
bool ctl_sync_is_sound(const struct ctl_image *img);

/* For a first user, alone: finish what killed writers left, and free all locks. */
void ctl_recover_all(struct ctl_image *img);

/* Bytes of the state that a journal takes up. */
size_t ctl_journal_size(void);

#endif
