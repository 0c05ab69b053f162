/* SPDX-License-Identifier: GPL-2.0-only */
/* device.c - see device.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "verify/fork-lock.h"
#include "device.h"
#include "target.h"

bool device_sysfs_name(const struct stat *st, char *name, size_t size)
{
	char path[64], link[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/%s/%u:%u", S_ISBLK(st->st_mode) ? "block" : "char",
		 major(st->st_rdev), minor(st->st_rdev));
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	return snprintf(name, size, "%s", strrchr(link, '/') + 1) < (int)size;
}

/* Store the name of the block device of the generic device "ngXnY" in @name. */
static bool block_name(const struct stat *st, char *name, size_t size)
{
	char generic[64];

	return device_sysfs_name(st, generic, sizeof(generic)) && !strncmp(generic, "ng", 2) &&
	       snprintf(name, size, "nvme%s", generic + 2) < (int)size;
}

/*
 * A child that is forked while such a descriptor is open keeps the device open exclusively until
 * it ends.  So a fork waits until no thread of this process has one open.
 */
static pthread_mutex_t exclusive = PTHREAD_MUTEX_INITIALIZER;

VFY_HOLD_ACROSS_FORK(exclusive, 102);

/* Return 1 if the device is open exclusively, 0 if not, -1 if unknown. */
static int is_held(const char *path)
{
	int fd, busy;

	pthread_mutex_lock(&exclusive);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	/* Without such a node the kernel cannot use the format as a disk. */
	busy = fd >= 0 || errno == ENOENT ? 0 : errno == EBUSY ? 1 : -1;
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&exclusive);
	return busy;
}

int device_in_use(const struct stat *st, int generic)
{
	char name[64], path[80];
	int busy;

	if (!block_name(st, name, sizeof(name)))
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", name);
	for (unsigned tries = 0; flock(generic, LOCK_EX | LOCK_NB) && tries < 200; tries++)
		usleep(10000);
	busy = is_held(path);
	flock(generic, LOCK_UN);
	return busy;
}

int ring_in_use(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), used = -1;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		used = device_in_use(&st, fd);
	if (fd >= 0)
		close(fd);
	return used;
}

unsigned long device_queue_attribute(const struct stat *st, const char *attribute,
				     unsigned long otherwise)
{
	char name[64], path[128];
	unsigned long value = otherwise;
	FILE *f;

	if (!block_name(st, name, sizeof(name)))
		return otherwise;
	snprintf(path, sizeof(path), "/sys/block/%s/queue/%s", name, attribute);
	f = fopen(path, "re");
	if (!f)
		return otherwise;
	if (fscanf(f, "%lu", &value) != 1)
		value = otherwise;
	fclose(f);
	return value;
}

bool device_polls_without_data(void)
{
	unsigned version = 0, patch = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &version, &patch) != 2)
		return false;
	return version > 6 || (version == 6 && patch >= 5);
}
