/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h - the embedded controller told to misbehave
 *
 *	ns_fault=KIND[/N][@SEED]
 *
 * One write in N (default 1000), drawn by SEED (default 1), goes wrong and is
 * acknowledged all the same; a command of more than about 64 KiB is several
 * writes.  KIND is
 *
 *	lost		nothing changes
 *	stale		nothing changes, and the blocks take no later write either, as
 *			long as this job lives
 *	misdirected	the blocks go to other LBAs, with their metadata as it came
 *	torn		of one block only the first half of its data is new, its
 *			metadata is
 *
 * What was done is told in ns_fault_log=FILE, a line of JSON a run of blocks, as
 * soon as it is done: {"kind":"misdirected","lba":8,"nr":4,"other":99}.
 *
 *	ns_delay=NS
 *
 * Every command takes so much longer.  The wait is spun away where the command is
 * executed, in fio's own thread: it slows the target as a slower drive would, and
 * shows as completion latency, but also as CPU time of fio's.  It is in none of
 * the engine's own numbers of what the host does.
 */
#ifndef CTL_FAULT_H
#define CTL_FAULT_H

#include "sync.h"

/*
 * What @o asks for; *@f is NULL where that is nothing.  0, or -errno with one
 * line in @why (WHY_MAX bytes).
 */
int ctl_fault_open(const struct target_open *o, struct ctl_fault **f, char *why);
void ctl_fault_close(struct ctl_fault *f);

/* After a command. */
void ctl_fault_wait(const struct ctl_fault *f);

/* In the place of ctl_change(), for a write of the blocks in the journal. */
int ctl_fault_write(struct ctl_port *port, uint64_t lba, uint32_t nr);

#endif
