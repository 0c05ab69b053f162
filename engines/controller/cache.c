// SPDX-License-Identifier: GPL-2.0-only
/* cache.c - see cache.h */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cache.h"
#include "cut.h"
#include "file.h"
#include "map.h"

#define CACHE_TITLE "nvmepi image cache 1\n"
#define FILE_BYTES (CTL_CACHE_HEAD + (size_t)CTL_NR_JOURNALS * CTL_RING_BYTES)

/* --- records --- */

uint64_t ctl_cache_now(const struct ctl_image *img)
{
	return atomic_load(&img->cache->head->next);
}

void ctl_cache_commit(const struct ctl_image *img, uint64_t until)
{
	_Atomic uint64_t *durable = &img->cache->head->durable;
	uint64_t now = atomic_load(durable);

	while (now < until && !atomic_compare_exchange_weak(durable, &now, until))
		;
}

/* Take the next slot of a ring.  What it contained is evicted, and so is all that is older. */
static struct ctl_record *take(const struct ctl_image *img, unsigned writer)
{
	struct ctl_cache_head *h = img->cache->head;
	struct ctl_record *r = ctl_cache_slot(img, img->cache, writer, h->filled[writer]);

	if (h->filled[writer] >= ctl_cache_slots(img) && r->number)
		ctl_cache_commit(img, r->number + 1);
	atomic_store(&r->number, 0);
	h->filled[writer]++;
	return r;
}

/* A record without a number does not count, so a writer that is killed leaves none that is half. */
static void number(const struct ctl_image *img, struct ctl_record *r)
{
	atomic_store(&r->number, atomic_fetch_add(&img->cache->head->next, 1));
}

static bool has(const struct ctl_map *map, uint64_t lba)
{
	bool set;

	ctl_map_run(map, lba, 1, &set);
	return set;
}

static void keep_block(const struct ctl_image *img, unsigned writer, uint64_t lba, bool written,
		       bool bad)
{
	struct ctl_record *r = take(img, writer);

	r->lba = lba;
	r->durable = 0;
	r->written = written;
	r->bad = bad;
	if (written) {
		memcpy(r->block, ctl_data_at(img, lba), img->media.data_size);
		memcpy(r->block + img->media.data_size, ctl_md_at(img, lba), img->media.md_size);
	}
	number(img, r);
}

void ctl_cache_keep(const struct ctl_image *img, unsigned writer, enum ctl_change change,
		    uint64_t lba, uint64_t nr)
{
	for (uint64_t end = lba + nr; lba < end; lba++) {
		const bool written = has(&img->written, lba), bad = has(&img->bad, lba);
		const bool same = (change == CTL_DEALLOCATE && !written && !bad) ||
				  (change == CTL_SPOIL && bad);

		if (!same)
			keep_block(img, writer, lba, written, bad);
	}
}

void ctl_cache_harden(const struct ctl_image *img, unsigned writer, uint64_t lba, uint64_t nr)
{
	struct ctl_record *r = take(img, writer);

	r->lba = lba;
	r->durable = nr;
	number(img, r);
}

/* --- the file --- */

int ctl_cache_reserve(const struct ctl_image *img, unsigned writer)
{
	return ctl_reserve(img->cache->fd, CTL_CACHE_HEAD + (uint64_t)writer * CTL_RING_BYTES, CTL_RING_BYTES);
}

/* The head is for the image as it is now, and for no blocks. */
static void begin(const struct ctl_image *img, struct ctl_cache_head *h)
{
	for (unsigned i = 0; i < CTL_NR_JOURNALS; i++)
		atomic_store(&h->filled[i], 0);
	if (!h->next)
		h->next = 1;
	atomic_store(&h->durable, h->next);
	h->size = img->size;
	h->nr_blocks = img->format.nr_blocks;
	h->format = img->format.ns;
	h->boot = ctl_this_boot();
	memcpy(h->title, CACHE_TITLE, sizeof(CACHE_TITLE));
}

void ctl_cache_reset(const struct ctl_image *img)
{
	if (img->cache)
		begin(img, img->cache->head);
}

/* Is this the cache of the image, in its format, since the machine started? */
static bool is_good(const struct ctl_image *img, const struct ctl_cache_head *h)
{
	const struct ctl_boot boot = ctl_this_boot();

	return !memcmp(h->title, CACHE_TITLE, sizeof(CACHE_TITLE)) && h->size == img->size &&
	       h->nr_blocks == img->format.nr_blocks && !memcmp(&h->boot, &boot, sizeof(boot)) &&
	       !memcmp(&h->format, &img->format.ns, sizeof(h->format)) && h->durable <= h->next;
}

static int name_of(const struct ctl_image *img, char *name, char *why)
{
	if (snprintf(name, PATH_MAX, "%s.cache", img->path) >= PATH_MAX)
		return refuse(why, ENAMETOOLONG, "%s: the name is too long", img->path);
	return 0;
}

static void unmap(struct ctl_cache *c)
{
	if (c->head)
		munmap(c->head, FILE_BYTES);
	close(c->fd);
	free(c);
}

bool ctl_cache_is_one(int fd)
{
	char start[sizeof(CACHE_TITLE) - 3] = "";	/* without the version */
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	if (!st.st_size)
		return true;
	if (pread(fd, start, sizeof(start), 0) < 0)
		return false;
	return !memcmp(start, CACHE_TITLE, sizeof(start)) ||
	       (st.st_size == (off_t)FILE_BYTES && ctl_is_zero(start, sizeof(start)));
}

/* Refuse to map or to remove a file that only has the name of a cache. */
static int check_file(const char *name, char *why)
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : refuse(why, errno, "%s: %s", name, strerror(errno));
	if (!ctl_cache_is_one(fd))
		ret = refuse(why, EINVAL, "%s: is not the cache of an image: it is not overwritten; move it away",
			     name);
	close(fd);
	return ret;
}

/* Map the file @name, or @create it.  NULL: there is none (*@err 0), or *@err says why. */
static struct ctl_cache *map_file(const char *name, bool create, int *err)
{
	struct ctl_cache *c = malloc(sizeof(*c));
	struct stat st;

	*err = c ? 0 : ENOMEM;
	if (!c)
		return NULL;
	*c = (struct ctl_cache){ .fd = open(name, O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0), 0666) };
	if (c->fd < 0) {
		*err = errno == ENOENT ? 0 : errno;
		free(c);
		return NULL;
	}
	if (create && (ftruncate(c->fd, FILE_BYTES) || ctl_reserve(c->fd, 0, CTL_CACHE_HEAD)))
		*err = errno ? errno : ENOSPC;
	else if (fstat(c->fd, &st) || st.st_size != (off_t)FILE_BYTES)
		*err = EINVAL;
	else
		c->head = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, c->fd, 0);
	if (c->head == MAP_FAILED)
		*err = errno;
	if (!*err)
		return c;
	c->head = NULL;
	unmap(c);
	return NULL;
}

/* Parse "volatile[@SEED]"; NULL and "none": no cache. */
static int parse(const char *text, bool *on, uint64_t *seed, char *why)
{
	const size_t len = strlen("volatile");
	char *end = NULL;

	*seed = 1;
	*on = text && strcmp(text, "none");
	if (!*on || !strcmp(text, "volatile"))
		return 0;
	errno = 0;
	if (!strncmp(text, "volatile@", len + 1) && text[len + 1] >= '0' && text[len + 1] <= '9')
		*seed = strtoull(text + len + 1, &end, 10);
	if (end == text + strlen(text) && !errno)
		return 0;
	return refuse(why, EINVAL, "ns_cache=%s: give none, or volatile, then @SEED, if need be", text);
}

/* Called by a first user: cut the power if the last user did not end well, and remove the file. */
static int recover(struct ctl_image *img, const struct target_open *o, const char *name, char *why)
{
	struct ctl_cut cut = { 0 };
	char line[WHY_MAX];
	int err;
	struct ctl_cache *c = map_file(name, false, &err);

	if (!c && !err)
		return 0;
	if (!c && err != EINVAL)
		return refuse(why, err, "%s: %s", name, strerror(err));
	if (c && is_good(img, c->head) && c->head->durable < c->head->next)
		err = -ctl_cut(img, c, &cut);
	else
		err = 0;
	if (c)
		unmap(c);
	if (err || unlink(name))
		return refuse(why, err ? err : errno, "%s: %s", name, strerror(err ? err : errno));
	snprintf(line, sizeof(line), "%.200s: the power was cut: of %" PRIu64 " changes of blocks in its cache, "
		 "%" PRIu64 " are lost", o->path, cut.cached, cut.lost);
	if (cut.cached && o->say)
		o->say(line);
	return 0;
}

int ctl_cache_open(struct ctl_image *img, const struct target_open *o, bool alone, char *why)
{
	char name[PATH_MAX];
	uint64_t seed;
	bool on;
	int err, ret = parse(o->cache, &on, &seed, why);

	ret = ret ? ret : name_of(img, name, why);
	if (ret || !img->writable)
		return ret;
	ret = check_file(name, why);
	if (ret || (alone && o->identifies))
		return ret;
	if (alone)
		ret = recover(img, o, name, why);
	if (ret || (alone && !on))
		return ret;
	img->cache = map_file(name, alone, &err);
	if (!img->cache && err)
		return refuse(why, err, "%s: %s", name, strerror(err));
	if (img->cache && alone) {
		img->created_cache = true;
		img->cache->head->seed = seed;
		begin(img, img->cache->head);
	}
	if (!img->cache && on)
		return refuse(why, EAGAIN, "%s: is in use without ns_cache=volatile", img->path);
	return 0;
}

int ctl_cache_check(const struct ctl_image *img, const struct target_open *o, char *why)
{
	uint64_t seed;
	bool on;
	int ret = parse(o->cache, &on, &seed, why);

	if (!ret && on && !img->cache)
		ret = refuse(why, EBUSY, "%s: is in use without ns_cache=volatile", img->path);
	return ret;
}

void ctl_cache_close(struct ctl_image *img)
{
	if (img->cache)
		unmap(img->cache);
	img->cache = NULL;
}
