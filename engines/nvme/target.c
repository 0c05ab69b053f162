/* SPDX-License-Identifier: GPL-2.0-only */
/* target.c - see target.h */
#include <string.h>
#include <sys/stat.h>
#include "engines/controller/controller.h"

const struct target_ops *target_of(const char *path)
{
	struct stat st;

	if (!stat(path, &st))
		return S_ISBLK(st.st_mode) ? &block_target : S_ISCHR(st.st_mode) ? &ring_target :
		       &controller_target;
	return !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9) ? &ring_target :
	       &controller_target;
}
