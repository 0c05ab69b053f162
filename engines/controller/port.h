/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * port.h - a user's way to an image: a queue's, with the journal that its writes go through
 *
 * That a writer is alive is told by the kernel: a port holds a lock on a byte of the state
 * file for as long as its process lives.
 */
#ifndef CTL_PORT_H
#define CTL_PORT_H

#include "journal.h"

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
 * Is the writer of journal @nr gone?  Then finish for it.  0, or -errno: -EIO
 * where the image can only be read, and so not repaired.
 */
int ctl_recover_if_dead(struct ctl_port *port, unsigned nr);

#endif
