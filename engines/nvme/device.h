/* SPDX-License-Identifier: GPL-2.0-only */
/* device.h - what the kernel knows about a namespace: names of its nodes, users, queue, polling */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include "target.h"

/*
 * Store the kernel's name of a node in @name: "ng0n1" or "nvme0n1".  It is found by the device
 * number, so @st may come from a link to the node.  Returns false if there is no such name.
 */
bool device_sysfs_name(const struct stat *st, char *name, size_t size);

/*
 * Return 1 if the device is mounted or held by another driver, 0 if not, -1 if unknown.  A file
 * system, swap, md or dm lets an exclusive open of the block device fail.  So would the same test
 * of another job; therefore jobs serialise with a lock on the generic device (if there is none, on
 * @fd, a descriptor of the node whose stat() is @st).  If a foreign program holds that lock, the
 * wait ends after two seconds.
 */
int device_in_use(const struct stat *st, int fd);

/* Return a numeric attribute of the block device's queue in sysfs, or @otherwise if unavailable. */
unsigned long device_queue_attribute(const struct stat *st, const char *attribute,
				     unsigned long otherwise);

/* Return true if the kernel has an integrity profile of the block device. */
bool device_integrity(const struct stat *st);

/*
 * Checks that devices of all kinds have in common: options of images, poll queues; and that what
 * will be written, which is open as @fd, is not in use.  Return 0, or -errno with one line in @why.
 */
int device_check_options(const struct target_open *o, const struct stat *st, char why[WHY_MAX]);
int device_check_use(const struct target_open *o, const struct stat *st, int fd, char why[WHY_MAX]);

#endif
