/* SPDX-License-Identifier: GPL-2.0-only */
/* device.h - what the kernel knows about a namespace: names of its nodes, users, queue, polling */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Store the kernel's name of a node in @name: "ng0n1" or "nvme0n1".  It is found by the device
 * number, so @st may come from a link to the node.  Returns false if there is no such name.
 */
bool device_sysfs_name(const struct stat *st, char *name, size_t size);

/*
 * Return 1 if the namespace is mounted or held by another driver, 0 if not, -1 if unknown.  A file
 * system, swap, md or dm lets an exclusive open of the block device fail.  So would the same test
 * of another job; therefore jobs serialise with a lock on @generic, a descriptor of the generic
 * device whose stat() is @st.  If a foreign program holds that lock, the wait ends after two
 * seconds.
 */
int device_in_use(const struct stat *st, int generic);

/* Return a numeric attribute of the block device's queue in sysfs, or @otherwise if unavailable. */
unsigned long device_queue_attribute(const struct stat *st, const char *attribute,
				     unsigned long otherwise);

/*
 * Return true if the running kernel can poll for commands without data.  Kernels before 6.5 use
 * the buffers of the last command for that, and panic in bio_poll().
 */
bool device_polls_without_data(void);

#endif
