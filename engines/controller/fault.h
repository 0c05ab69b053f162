/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h - deliberate faults of the embedded controller
 *
 * ns_fault=KIND[/N][@SEED]
 *
 * One write in N (default 1000), selected by SEED (default 1), goes wrong but completes
 * successfully; a command of more than about 64 KiB counts as several writes.  KIND is
 *
 * lost		nothing is written
 * stale		nothing is written, now or by later writes to these blocks, until
 * 		this job ends
 * misdirected	the blocks are written to other LBAs, with unchanged metadata
 * torn		one block gets its new metadata, but only the first half of its
 * 		new data
 *
 * ns_fault_log=FILE records each fault just before it happens, one line of JSON per extent of
 * blocks: {"kind":"misdirected","lba":8,"nr":4,"other":99}.  After the file can't be written any
 * more there are no more faults, and one line says so.
 *
 * ns_delay=NS
 *
 * Every command takes NS nanoseconds longer.  The thread that executes the command, fio's own,
 * waits actively.  So the delay slows the target as a slower drive would and appears in the
 * completion latency, but also in fio's CPU time.  It is not part of the engine's measurements of
 * host work.
 */
#ifndef CTL_FAULT_H
#define CTL_FAULT_H

#include "sync.h"

/*
 * Open the faults that @o asks for; *@f is NULL if there are none.  If their log can't be written
 * later, *@err is set to the errno.  Returns 0, or -errno with one line in @why (WHY_MAX bytes).
 */
int ctl_fault_open(const struct target_open *o, int *err, struct ctl_fault **f, char *why);
void ctl_fault_close(struct ctl_fault *f);

/* Wait for the delay of ns_delay.  Called after each command. */
void ctl_fault_wait(const struct ctl_fault *f);

/* Write the blocks in the journal, with a fault if it is time for one.  Replaces ctl_change(). */
int ctl_fault_write(struct ctl_port *port, uint64_t lba, uint32_t nr);

#endif
