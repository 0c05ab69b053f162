/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * controller.h - the embedded controller: an NVMe namespace in an ordinary file
 *
 * A target like any other (target.h).  A command runs on the thread that reaps
 * it.  Close a queue before the namespaces that it was used with.
 *
 *	controller.c	the target: namespaces and queues
 *	io.c		the commands	copy.c admin.c identify.c
 *	sync.c		whole blocks for many users, and after a kill
 *	image.c		the files	format.c state.c durable.c
 *	fault.c		what it is told to do wrong
 */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include "engines/nvme/target.h"

extern const struct target_ops controller_target;

#endif
