/* SPDX-License-Identifier: GPL-2.0-only */
/* file.h - system calls on the files of an image */
#ifndef CTL_FILE_H
#define CTL_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* A job that only reads takes what it can get; *@writable: and what that is.  A descriptor, or -1. */
int ctl_open_some_way(const char *name, bool write, bool *writable);

/* fallocate(), whatever signals there are.  0, or -errno. */
int ctl_fallocate(int fd, int mode, uint64_t at, uint64_t len);

/*
 * Find room now for what is mapped: what has none when it is written to is a signal.
 * File systems that can't promise room are taken at their word.  0, or -errno.
 */
int ctl_reserve(int fd, uint64_t at, uint64_t len);

#endif
