/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * port.h - a port: one user's (usually a queue's) handle of an image, with its own journal
 *
 * A port holds a lock on a byte of the state file as long as its process lives.  Other processes
 * ask the kernel for that lock to find out whether the writer is alive.
 */
#ifndef CTL_PORT_H
#define CTL_PORT_H

#include "journal.h"

/*
 * A handle of one image for one queue.  After fork(), the child's ports have to claim a new
 * journal.
 */
struct ctl_port {
	struct ctl_port		*next;		/* list of this process's ports */
	struct ctl_image	*image;
	int			fd;		/* of the state, for this port; -1: not open */
	int			nr;		/* number of its journal; -1: none yet */
	struct ctl_journal	*journal;
	struct ctl_fault	*fault;		/* faults of its user; NULL: none (fault.h) */
	struct ctl_defects	*defects;	/* the same: defect.h */
	bool			misbehaves;	/* there is a fault, a delay or a defect */
	uint64_t		result;		/* DW0 and 1 of the completion of a Zone Append */
};

/* Return a new port, or NULL if out of memory. */
struct ctl_port *ctl_port_open(struct ctl_image *img);
void ctl_port_close(struct ctl_port *port);

/*
 * Claim a journal, which every change and Copy needs; does nothing if the port has one. Returns 0,
 * or -errno with one line in @why.
 */
int ctl_port_claim(struct ctl_port *port, char *why);

/* Does any port of any process have a journal of @img, which has a state file? */
bool ctl_port_any_alive(const struct ctl_image *img);

/* Return where the journal stores the data and the metadata of @nr (1..journal_blocks) blocks. */
uint8_t *ctl_journal_data(struct ctl_port *port);
uint8_t *ctl_journal_md(struct ctl_port *port, uint32_t nr);

/*
 * Recover journal @nr if its writer is dead.  Returns 0, or -errno: -EIO if the image is read-only
 * and therefore cannot be repaired.
 */
int ctl_recover_if_dead(struct ctl_port *port, unsigned nr);

#endif
