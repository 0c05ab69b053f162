/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * defect.h - the embedded controller, broken on purpose: ns_defect=NAME[,NAME...]
 *
 * A defect is one mistake such as firmware has had: a mask that is ignored, a counter that wraps
 * too early, a limit that is off by one.  With ns_defect=, commands come here instead of io.c and
 * admin.c.  A defect changes the command before the honest code executes it, changes what comes
 * back, or takes part in the execution by defect-engine.c, which checks and makes tuples block by
 * block.  The honest code knows nothing of it.
 *
 * defect.c		the option, and the way of a command
 * defect-engine.c	Read, Write, Compare, Verify and Write Zeroes, open to defects
 * defect-when.c	for which commands and blocks a defect holds
 * defect-shows.c	on which formats a defect can be seen
 * defect-check.c	tables of defects: what is checked; defect-field.c: how fields are compared
 * defect-tuple.c	... tuples that the controller makes
 * defect-data.c	... blocks on their way, failed writes, deallocated blocks
 * defect-command.c	... limits, PRINFO that is refused, statuses
 * defect-media.c	... Write Zeroes, Write Uncorrectable, Dataset Management
 * defect-copy.c	... Copy
 * defect-identify.c	... Identify
 * defect-cache.c	... Flush, FUA, and what a power loss leaves: defect-cut.c
 *
 * The rows of each table belong in turn to the first and to the second half of all defects.
 * target.h declares ctl_defects(), which lists them.
 */
#ifndef CTL_DEFECT_H
#define CTL_DEFECT_H

#include "port.h"

struct ctl_defects;

/*
 * Open the defects that @o asks for; *@all is NULL if there are none.  Returns 0, or -EINVAL with
 * one line in @why (WHY_MAX bytes) for an unknown name.
 */
int ctl_defects_open(const struct target_open *o, struct ctl_defects **all, char *why);
void ctl_defects_close(struct ctl_defects *all);

/*
 * Execute one command with the defects @all.  They replace ctl_io() and ctl_admin(), and return a
 * result as these do.  @flight is the number of commands in flight in the queue, with this one.
 */
int ctl_defects_io(struct ctl_defects *all, struct ctl_port *port, const struct nvme_uring_cmd *cmd,
		   bool may_write, unsigned flight);
int ctl_defects_admin(struct ctl_defects *all, struct ctl_image *img,
		      struct nvme_uring_cmd *cmd, bool may_write);

#endif
