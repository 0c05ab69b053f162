// SPDX-License-Identifier: GPL-2.0-only
/* durable.c - make an image durable: sync its files and the directory entries of their names */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "image.h"

/* Sync one file or folder, given by its name.  Returns 0, or -errno. */
static int sync_name(const char *name)
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

/* Sync x.img.format; an image that was only read so far may have no such file. */
static int sync_format(const struct ctl_image *img)
{
	char name[PATH_MAX];
	int ret;

	if (snprintf(name, sizeof(name), "%s.format", img->path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	ret = sync_name(name);
	return ret == -ENOENT && img->bare ? 0 : ret;
}

/* Sync the folder.  Without permission to read it, sync the whole file system instead. */
static int sync_folder(const struct ctl_image *img)
{
	char name[PATH_MAX];
	const char *slash = strrchr(img->path, '/');
	const int len = slash ? slash - img->path : 0;
	int ret;

	if (!slash)
		strcpy(name, ".");
	else if (snprintf(name, sizeof(name), "%.*s", len ? len : 1, img->path) >=
		 (int)sizeof(name))
		return -ENAMETOOLONG;
	ret = sync_name(name);
	if (ret != -EACCES)
		return ret;
	return syncfs(img->fd) ? -errno : 0;
}

int ctl_image_sync(struct ctl_image *img)
{
	const unsigned names = img->names;
	int ret;

	if (fdatasync(img->fd) || (img->state_fd >= 0 && fdatasync(img->state_fd)))
		return -errno;
	if (img->names_synced == names)
		return 0;
	ret = sync_format(img);
	ret = ret ? ret : sync_folder(img);
	if (!ret)
		img->names_synced = names;
	return ret;
}
