/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * controller.h - the embedded controller: an NVMe namespace in an ordinary file
 *
 * It implements the target interface of target.h.  A command is executed by the thread that reaps
 * it.  Close a queue before the namespaces that it was used with.
 *
 * controller.c	the target: namespaces and queues
 * io.c		I/O commands: commands.c read.c write.c copy.c zone-commands.c
 * zones.c	zones: their state, what moves it, and after a kill
 * admin.c		admin commands: identify.c
 * fault.c		deliberate faults
 * defect.c		a broken controller instead: defect-engine.c and tables (defect.h)
 * sync.c		concurrent users, and recovery after a kill: port.c journal.c
 * image.c		the files: format.c state.c map.c file.c durable.c
 * cache.c		a volatile write cache: cut.c
 */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include "engines/nvme/target.h"

extern const struct target_ops controller_target;

#endif
