/* SPDX-License-Identifier: GPL-2.0-only */
/* gen-file.c - create, open and close the file of generations.h */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gen-word.h"
#include "output.h"
#include "refuse.h"
#include "verify.h"

static __attribute__((format(printf, 3, 4)))
void *refused(char *why, struct vfy_gens *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	vfy_gens_close(g);
	return NULL;
}

/* Read the boot_id, which identifies this boot of the system; "" if it cannot be read. */
static void read_boot(char boot[GEN_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, GEN_BOOT_ID - 1);

	boot[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/*
 * End the writes and changes that killed processes left in flight.  No other process has the
 * file open.
 */
static void settle_killed(struct vfy_gens *g, uint64_t i)
{
	if (WAY(g->blocks[i]))
		g->blocks[i] &= ~(SEVERAL | (uint64_t)WAY_MAX << WAY_SHIFT);
}

/*
 * Mark a recorded block as BEHIND until its next successful write.  A block without a record
 * is unknown anyway.
 */
static void mark_behind(struct vfy_gens *g, uint64_t i)
{
	if (!g->blocks[i])
		return;
	g->blocks[i] |= BEHIND;
	g->head->behind++;
}

/* Call @what for every block outside the holes of the file. */
static void to_each(struct vfy_gens *g, void (*what)(struct vfy_gens *g, uint64_t i))
{
	off_t at = GEN_HEAD_SIZE, end;

	while ((at = lseek(g->fd, at, SEEK_DATA)) >= 0) {
		const uint64_t first = (at - GEN_HEAD_SIZE) / sizeof(*g->blocks);

		end = lseek(g->fd, at, SEEK_HOLE);
		for (uint64_t i = first; i < (end - GEN_HEAD_SIZE) / sizeof(*g->blocks); i++)
			what(g, i);
		at = end;
	}
}

/* Recover the file.  The caller is its only user. */
static void begin(struct vfy_gens *g)
{
	struct gen_head *h = g->head;
	char boot[GEN_BOOT_ID];

	read_boot(boot);
	if (h->under_way)
		to_each(g, settle_killed);
	h->under_way = 0;
	if (h->dirty && strcmp(h->boot, boot)) {
		h->behind = 0;
		to_each(g, mark_behind);
	}
	strcpy(h->boot, boot);
}

static struct vfy_gens *map(struct vfy_gens *g, const char *path, char *why)
{
	const int flags = g->read_only ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;

	g->head = mmap(NULL, g->size, PROT_READ | PROT_WRITE, flags, g->fd, 0);
	if (g->head == MAP_FAILED) {
		g->head = NULL;
		return refused(why, g, "%s: %s", path, strerror(errno));
	}
	g->blocks = (void *)((uint8_t *)g->head + GEN_HEAD_SIZE);
	return g;
}

static int create(struct vfy_gens *g, const char *text)
{
	int err = 0;

	if (ftruncate(g->fd, g->size) ||
	    (fallocate(g->fd, 0, 0, GEN_HEAD_SIZE) && errno != EOPNOTSUPP) ||
	    pwrite(g->fd, text, strlen(text), 0) < 0)
		err = errno;
	if (err && ftruncate(g->fd, 0))
		err = EIO;
	return -err;
}

/*
 * Returns whether the file starts with @text.  If not, @says is set to its first line that
 * differs.
 */
static bool is_of(const struct vfy_gens *g, off_t size, const char *text, char says[VFY_GEN_TEXT])
{
	ssize_t n = pread(g->fd, says, VFY_GEN_TEXT - 1, 0);
	size_t start = 0;

	says[n > 0 ? n : 0] = '\0';
	if (size == (off_t)g->size && !strcmp(says, text))
		return true;
	for (size_t i = 0; says[i] && says[i] == text[i]; i++)
		if (says[i] == '\n' && says[i + 1])
			start = i + 1;
	memmove(says, says + start, strlen(says + start) + 1);
	says[strcspn(says, "\n")] = '\0';
	return false;
}

bool vfy_gens_is_one(int fd)
{
	static const char title[] = "nvmepi generations ";	/* of any version */
	char start[sizeof(title) - 1];
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	return !st.st_size || (pread(fd, start, sizeof(start), 0) == sizeof(start) &&
			       !memcmp(start, title, sizeof(start)));
}

/* Open the file read-only if it cannot be written and the job changes no blocks. */
static void open_file(struct vfy_gens *g, const char *path, bool write)
{
	int err;

	g->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	err = errno;
	if (g->fd >= 0 || write || (err != EACCES && err != EPERM && err != EROFS))
		return;
	g->fd = open(path, O_RDONLY | O_CLOEXEC);
	g->read_only = g->fd >= 0;
	errno = err;
}

/* Initialise an empty file, or check that the file is for @text; then map it. */
static struct vfy_gens *take(struct vfy_gens *g, const char *path, const char *text, char *why)
{
	char says[VFY_GEN_TEXT];
	struct stat st;
	int ret = fstat(g->fd, &st) ? -errno : 0;

	if (!ret && !st.st_size)
		ret = g->read_only ? -EACCES : create(g, text);
	else if (!ret && !is_of(g, st.st_size, text, says) && !strcmp(says, "nvmepi generations 2"))
		return refused(why, g, "%s: written by an older version, without the name of its namespace: "
			       "remove it, or name another by file=", path);
	else if (!ret && !is_of(g, st.st_size, text, says))
		return refused(why, g, "%s belongs to something else (it says '%.60s'): remove it, or name "
			       "another by file=", path, says);
	return ret ? refused(why, g, "%s: %s", path, strerror(-ret)) : map(g, path, why);
}

struct vfy_gens *vfy_gens_open(const char *path, const char *text, uint64_t nr_blocks,
			       uint32_t apart, bool write, char *why)
{
	const struct vfy_output o = { .use = VFY_USE_STAMP, .path = path };	/* see take() */
	struct vfy_gens *g;
	bool alone;

	if (vfy_output_check(&o, why))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return refused(why, g, "out of memory");
	*g = (struct vfy_gens){
		.fd = -1, .ring = VFY_GEN_MAX / apart * apart, .nr_blocks = nr_blocks,
		.size = GEN_HEAD_SIZE + nr_blocks * sizeof(*g->blocks),
		.reserved = calloc(nr_blocks / GEN_CHUNK_BLOCKS / 8 + 1, 1), .path = strdup(path),
	};
	open_file(g, path, write);
	if (g->fd < 0)
		return refused(why, g, "%s: %s", path, strerror(errno));
	alone = !flock(g->fd, LOCK_EX | LOCK_NB);
	if (!alone)
		flock(g->fd, LOCK_SH);		/* wait for the first user's recovery */
	if (g->read_only)
		flock(g->fd, LOCK_UN);		/* a later writer can be the first user */
	if (!g->reserved || !g->path)
		return refused(why, g, "out of memory");
	if (!take(g, path, text, why))
		return NULL;
	if (alone)
		begin(g);
	if (!g->read_only)
		flock(g->fd, LOCK_SH);
	return g;
}

/*
 * The last user flushes the file to disk, whichever process changed it.  To find out whether it
 * is the last, it upgrades its lock.  All others must release theirs explicitly: closing the
 * file would not release it, because where jobs are processes, fio's main process still has the
 * same open file.  If the last user is killed, the file stays dirty.
 */
static void finish(struct vfy_gens *g)
{
	const bool last = !flock(g->fd, LOCK_EX | LOCK_NB);

	if (!last || !g->head->dirty)
		return;
	vfy_gens_sync(g);
	if (g->err)
		return;
	g->head->dirty = 0;
	vfy_gens_sync(g);
}

int vfy_gens_end(struct vfy_gens *g)
{
	if (!g->ended && !g->read_only)
		finish(g);
	g->ended = true;
	return -g->err;
}

const char *vfy_gens_path(const struct vfy_gens *g)
{
	return g->path;
}

void vfy_gens_close(struct vfy_gens *g)
{
	if (!g)
		return;
	if (g->head) {
		vfy_gens_end(g);
		munmap(g->head, g->size);
	}
	if (g->fd >= 0) {
		flock(g->fd, LOCK_UN);		/* a forked child may have the same open file */
		close(g->fd);
	}
	free(g->reserved);
	free(g->path);
	free(g);
}
