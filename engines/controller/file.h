/* SPDX-License-Identifier: GPL-2.0-only */
/* file.h - system calls on the files of an image */
#ifndef CTL_FILE_H
#define CTL_FILE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Open a file for reading and writing, or, unless @write, read-only if permission is missing.
 * *@writable says which.  Returns a descriptor, or -1 with errno set.
 */
int ctl_open_some_way(const char *name, bool write, bool *writable);

/* Call fallocate() and retry after signals.  Returns 0, or -errno. */
int ctl_fallocate(int fd, int mode, uint64_t at, uint64_t len);

/*
 * Reserve disk space for a mapped range: a store to it without space would raise a signal.  A file
 * system that cannot reserve space is assumed to have it.  Returns 0, or -errno.
 */
int ctl_reserve(int fd, uint64_t at, uint64_t len);

#endif
