// SPDX-License-Identifier: GPL-2.0-only
/* port.c - see port.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cache.h"
#include "file.h"
#include "image.h"
#include "port.h"

/* Offset of the byte in the state file that is locked while journal @nr is in use; past its end. */
#define ALIVE_AT(nr) ((off_t)1 << 61 | (nr))

static int lock_byte(int fd, short type, off_t at)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &fl) ? -errno : 0;
}

/* The ports of this process.  Held while a descriptor of a port is opened or closed. */
static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ctl_port *ports;

/*
 * Open the state file for this port alone: the kernel releases a lock with the last descriptor of
 * an open file description, so each port needs its own.  Returns 0, or -errno.
 */
static int port_fd(struct ctl_port *port)
{
	char path[40];
	int ret;

	if (port->fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", port->image->state_fd);
	pthread_mutex_lock(&ports_lock);
	port->fd = open(path, O_RDWR | O_CLOEXEC);
	ret = port->fd < 0 ? -errno : 0;
	pthread_mutex_unlock(&ports_lock);
	return ret;
}

/* Is a writer with journal @nr alive?  Any descriptor of the state file can be used to ask. */
static bool is_alive(int fd, unsigned nr)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ALIVE_AT(nr),
			    .l_len = 1 };

	return !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type != F_UNLCK;
}

bool ctl_port_any_alive(const struct ctl_image *img)
{
	bool alive = false;

	for (unsigned i = 0; i < CTL_NR_JOURNALS && !alive; i++)
		alive = is_alive(img->state_fd, i);
	return alive;
}

int ctl_recover_if_dead(struct ctl_port *port, unsigned nr)
{
	int ret;

	if (nr >= CTL_NR_JOURNALS)		/* the state was damaged after it was opened */
		return -EIO;
	if (!port->image->writable)
		return is_alive(port->image->state_fd, nr) ? 0 : -EIO;
	ret = port_fd(port);
	if (ret)
		return ret;
	ret = lock_byte(port->fd, F_WRLCK, ALIVE_AT(nr));
	if (ret)
		return ret == -EAGAIN || ret == -EACCES ? 0 : ret;
	ctl_recover(port->image, nr);
	return lock_byte(port->fd, F_UNLCK, ALIVE_AT(nr));
}

uint8_t *ctl_journal_data(struct ctl_port *port)
{
	return port->journal->blocks;
}

uint8_t *ctl_journal_md(struct ctl_port *port, uint32_t nr)
{
	return port->journal->blocks + (size_t)nr * port->image->media.data_size;
}

static void before_fork(void)
{
	pthread_mutex_lock(&ports_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&ports_lock);
}

/*
 * Close the inherited descriptors in the child; otherwise their locks would make a dead parent
 * look alive.
 */
static void in_child(void)
{
	for (struct ctl_port *port = ports; port; port = port->next) {
		if (port->fd >= 0)
			close(port->fd);
		port->fd = port->nr = -1;
		port->journal = NULL;
	}
	pthread_mutex_unlock(&ports_lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

struct ctl_port *ctl_port_open(struct ctl_image *img)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ctl_port *port = malloc(sizeof(*port));

	if (!port)
		return NULL;
	pthread_once(&once, watch_forks);
	*port = (struct ctl_port){ .image = ctl_image_ref(img), .fd = -1, .nr = -1 };
	pthread_mutex_lock(&ports_lock);
	port->next = ports;
	ports = port;
	pthread_mutex_unlock(&ports_lock);
	return port;
}

void ctl_port_close(struct ctl_port *port)
{
	struct ctl_port **link = &ports;

	pthread_mutex_lock(&ports_lock);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	if (port->fd >= 0)
		close(port->fd);
	pthread_mutex_unlock(&ports_lock);
	ctl_image_close(port->image);
	free(port);
}

static int reserve_journal(const struct ctl_image *img, unsigned nr)
{
	const uint64_t at = (uint8_t *)ctl_journal_at(img, nr) - (uint8_t *)img->head;

	return ctl_reserve(img->state_fd, at, img->journal_stride);
}

static void mark_used(struct ctl_image *img, uint32_t nr)
{
	uint32_t used = atomic_load(img->journals_used);

	while (used <= nr && !atomic_compare_exchange_weak(img->journals_used, &used, nr + 1))
		;
}

/* Return a journal that no other writer uses; the lock on its byte lives as long as port->fd. */
static int find_journal(const struct ctl_port *port)
{
	for (int i = 0; i < CTL_NR_JOURNALS; i++)
		if (!lock_byte(port->fd, F_WRLCK, ALIVE_AT(i)))
			return i;
	return -EUSERS;
}

int ctl_port_claim(struct ctl_port *port, char *why)
{
	struct ctl_image *img = port->image;
	int nr, ret;

	if (port->nr >= 0)
		return 0;
	if (!img->writable)
		return refuse(why, EACCES, "%s: is open for reading only", img->path);
	ret = port_fd(port);
	if (ret)
		return refuse(why, -ret, "%s.state: %s: each writer opens it after fio has set uid= "
			      "and gid=: let that user write it", img->path, strerror(-ret));
	nr = find_journal(port);
	if (nr < 0)
		return refuse(why, -nr, "%s: no more writers are possible: %d have it open", img->path,
			      CTL_NR_JOURNALS);
	ret = reserve_journal(img, nr);
	if (!ret && img->cache)
		ret = ctl_cache_reserve(img, nr);
	if (ret)
		return refuse(why, -ret, "%s.state: no space for another writer: %s", img->path,
			      strerror(-ret));
	ret = ctl_image_keep_format(img, why);
	if (ret)
		return ret;
	/*
	 * Recover the journal even if the head says that it was never used: after a kernel crash
	 * the head may be older than the locks.
	 */
	ctl_recover(img, nr);
	mark_used(img, nr);
	port->nr = nr;
	port->journal = ctl_journal_at(img, nr);
	port->journal->boot = ctl_this_boot();
	return 0;
}
