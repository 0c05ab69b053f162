/* SPDX-License-Identifier: GPL-2.0-only */
/* device.h - what the kernel knows of a namespace's nodes: names, users, queue, polling */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * The other node of the namespace: "nvme0n1" for "ng0n1" and back, by device
 * number, so that links to the node work as well.
 */
bool device_sysfs_name(const struct stat *st, char *name, size_t size);

/*
 * Is the namespace mounted, or held by another driver?  1: yes; 0: no; -1: that can't be
 * told.  An exclusive open of the block device fails while a file system, swap, md or dm
 * holds it, or another job does the same: jobs that start together take turns, by a lock
 * on @generic, a descriptor of the generic device whose stat() is @st.  Another program may
 * hold that lock for good, so the wait for it ends after two seconds.
 */
int device_in_use(const struct stat *st, int generic);

/* A number of the block device's queue in sysfs, @otherwise where it isn't told. */
unsigned long device_queue_attribute(const struct stat *st, const char *attribute,
				     unsigned long otherwise);

/*
 * Can the running kernel poll for commands without data?  Kernels before 6.5 poll by the
 * buffers of the last command, and panic in bio_poll().
 */
bool device_polls_without_data(void);

#endif
