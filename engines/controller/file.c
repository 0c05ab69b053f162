/* SPDX-License-Identifier: GPL-2.0-only */
/* file.c - see file.h */
#include <errno.h>
#include <fcntl.h>
#include "file.h"

int ctl_open_some_way(const char *name, bool write, bool *writable)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	*writable = fd >= 0;
	if (fd < 0 && !write && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd;
}

int ctl_fallocate(int fd, int mode, uint64_t at, uint64_t len)
{
	int ret;

	do
		ret = fallocate(fd, mode, at, len);
	while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

int ctl_reserve(int fd, uint64_t at, uint64_t len)
{
	int ret = ctl_fallocate(fd, 0, at, len);

	return ret == -EOPNOTSUPP ? 0 : ret;
}
