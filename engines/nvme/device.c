/* SPDX-License-Identifier: GPL-2.0-only */
/* device.c - see device.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "verify/fork-lock.h"
#include "device.h"

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

/* Store the name of the block device of a node in @name: its own, or that of "ngXnY". */
static bool block_name(const struct stat *st, char *name, size_t size)
{
	char generic[64];

	if (S_ISBLK(st->st_mode))
		return device_sysfs_name(st, name, size);
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

/*
 * Return a descriptor of the node that is locked while a device is tested: the generic device, which
 * both doors of a namespace have in common, or @fd if there is none.
 */
static int lock_of(const char *block, int fd)
{
	char path[80];
	int generic;

	if (strncmp(block, "nvme", 4))
		return fd;
	snprintf(path, sizeof(path), "/dev/ng%s", block + 4);
	generic = open(path, O_RDONLY | O_CLOEXEC);
	return generic < 0 ? fd : generic;
}

int device_in_use(const struct stat *st, int fd)
{
	char name[64], path[80];
	int busy, lock = fd;

	if (!block_name(st, name, sizeof(name)))
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (S_ISBLK(st->st_mode))
		lock = lock_of(name, fd);
	for (unsigned tries = 0; flock(lock, LOCK_EX | LOCK_NB) && tries < 200; tries++)
		usleep(10000);
	busy = is_held(path);
	flock(lock, LOCK_UN);
	if (lock != fd)
		close(lock);
	return busy;
}

int target_in_use(const char *path)
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

bool device_integrity(const struct stat *st)
{
	char name[64], path[128], format[32] = "none";
	FILE *f;

	if (!device_sysfs_name(st, name, sizeof(name)))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%s/integrity/format", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%31s", format) != 1)
		format[0] = '\0';
	fclose(f);
	return strcmp(format, "none");
}

int device_check_options(const struct target_open *o, const struct stat *st, char why[WHY_MAX])
{
	if (o->fault || o->fault_log || o->delay_ns || o->defect ||
	    (o->cache && strcmp(o->cache, "none")))
		return refuse(why, EINVAL, "%s: ns_cache, ns_fault, ns_defect and ns_delay are for images: "
			      "only the embedded controller supports them", o->path);
	if (o->zones.zone_size || o->zones.zone_capacity || o->zones.max_open || o->zones.max_active ||
	    o->zones.zasl)
		return refuse(why, EINVAL, "%s: ns_zone_size, ns_zone_capacity, ns_max_open, ns_max_active and "
			      "ns_zasl are for images: leave them out, a drive has its zones", o->path);
	if (o->ruhs)
		return refuse(why, EINVAL, "%s: ns_ruhs is for images: leave it out, a drive has its placement handles",
			      o->path);
	if (o->iopoll && !device_queue_attribute(st, "io_poll", 1))
		return refuse(why, EOPNOTSUPP, "%s has no poll queues: leave out hipri, or load the nvme driver "
			      "with poll_queues=N", o->path);
	return 0;
}

int device_check_use(const struct target_open *o, const struct stat *st, int fd, char why[WHY_MAX])
{
	if (!o->write || o->in_use_ok || device_in_use(st, fd) <= 0)
		return 0;
	return refuse(why, EBUSY, "%s is in use (mounted, or held by another driver): not written; "
		      "unmount it, or give allow_mounted_write=1", o->path);
}
