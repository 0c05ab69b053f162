/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * controller.h - the embedded controller: an NVMe namespace in an ordinary file
 *
 * A target like any other (target.h).  A command runs on the thread that reaps
 * it.  Close a queue before the namespaces that it was used with.
 *
 *	controller.c	the target: namespaces and queues
 *	ctl-io.c	the commands	ctl-copy.c ctl-admin.c ctl-identify.c
 *	ctl-sync.c	whole blocks for many users, and after a kill
 *	ctl-image.c	the files	ctl-format.c ctl-state.c ctl-durable.c
 *	ctl-fault.c	what it is told to do wrong
 */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include "target.h"

extern const struct target_ops controller_target;

#endif
