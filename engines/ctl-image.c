// SPDX-License-Identifier: GPL-2.0-only
/* ctl-image.c - see ctl-image.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ctl-image.h"
#include "ctl-sync.h"

bool ctl_is_zero(const void *p, size_t len)
{
	const char *c = p;

	return !len || (!c[0] && !memcmp(c, c + 1, len - 1));
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

/* --- maps --- */

static bool page_present(const struct ctl_map *map, uint64_t lba)
{
	const uint64_t page = lba / CTL_MAP_PAGE_BLOCKS;

	return atomic_load_explicit(&map->present[page / 8], memory_order_relaxed) >> page % 8 & 1;
}

/* The bits of 64 blocks.  A reader may race with a writer: it will read again. */
static uint64_t word_get(const struct ctl_map *map, uint64_t lba)
{
	return page_present(map, lba) ? __atomic_load_n(&map->bits[lba / 64], __ATOMIC_RELAXED) : 0;
}

uint64_t ctl_map_run(const struct ctl_map *map, uint64_t lba, uint64_t nr, bool *set)
{
	uint64_t word = word_get(map, lba) >> lba % 64, run = 64 - lba % 64, flip;

	*set = word & 1;
	flip = *set ? ~0ULL : 0;
	word ^= flip;
	if (word && (uint64_t)__builtin_ctzll(word) < run)
		run = __builtin_ctzll(word);
	else
		for (; run < nr; run += 64) {
			word = word_get(map, lba + run) ^ flip;
			if (word) {
				run += __builtin_ctzll(word);
				break;
			}
		}
	return run < nr ? run : nr;
}

/* Room for the page of a bit to set. */
static int make_page(const struct ctl_image *img, const struct ctl_map *map, uint64_t lba)
{
	const uint64_t page = lba / CTL_MAP_PAGE_BLOCKS;
	int ret = img->state_fd < 0 ? 0 :
		  ctl_reserve(img->state_fd, map->at + page * CTL_MAP_PAGE, CTL_MAP_PAGE);

	if (ret)
		return ret;
	atomic_fetch_or(&map->present[page / 8], 1u << page % 8);
	return 0;
}

int ctl_map_fill(const struct ctl_image *img, const struct ctl_map *map, uint64_t lba, uint64_t nr,
		 bool set)
{
	while (nr) {
		const uint64_t at = lba % 64, n = nr < 64 - at ? nr : 64 - at;
		const uint64_t mask = pi_ones(n) << at, old = word_get(map, lba);
		const uint64_t new = set ? old | mask : old & ~mask;

		if (new != old) {
			int ret = page_present(map, lba) ? 0 : make_page(img, map, lba);

			if (ret)
				return ret;
			__atomic_store_n(&map->bits[lba / 64], new, __ATOMIC_RELAXED);
		}
		lba += n;
		nr -= n;
	}
	return 0;
}

/* --- the state --- */

#define STATE_TITLE "nvmepi image state 1\n"

/* Says whose state it is: of another image or format it is worth nothing. */
struct ctl_head {
	char			title[32];
	uint64_t		size;		/* of the image, bytes */
	uint64_t		nr_blocks;
	struct ns_format	format;
	_Atomic uint32_t	journals_used;
};

static uint64_t page_up(uint64_t n)
{
	return (n + 4095) & ~4095ULL;
}

/* Where everything is in the state, bytes. */
struct layout {
	uint64_t	locks, present;		/* two of each kind of map part: written, bad */
	uint64_t	present_size, bits, bits_size;
	uint64_t	journals, end;
};

/* For an image of @size bytes, in whatever format. */
static struct layout state_layout(uint64_t size)
{
	const uint64_t pages = size / 512 / CTL_MAP_PAGE_BLOCKS + 1;
	struct layout s = { .locks = page_up(sizeof(struct ctl_head)) };

	s.present = s.locks + page_up(CTL_NR_STRIPES * sizeof(uint64_t));
	s.present_size = page_up((pages + 7) / 8);
	s.bits = s.present + 2 * s.present_size;
	s.bits_size = pages * CTL_MAP_PAGE;
	s.journals = s.bits + 2 * s.bits_size;
	s.end = s.journals + CTL_NR_JOURNALS * page_up(ctl_journal_size());
	return s;
}

static struct ctl_map map_at(uint8_t *state, const struct layout *s, unsigned nr)
{
	const uint64_t at = s->bits + nr * s->bits_size;

	return (struct ctl_map) {
		.present = (_Atomic uint8_t *)(state + s->present + nr * s->present_size),
		.bits = (uint64_t *)(state + at),
		.at = at,
	};
}

/* Map the state, or memory of our own in its place. */
static int map_state(struct ctl_image *img, char *why)
{
	const int own = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	const int flags = img->state_fd >= 0 ? MAP_SHARED : own;
	const int prot = img->state_fd >= 0 && !img->state_writable ? PROT_READ :
			 PROT_READ | PROT_WRITE;
	const struct layout s = state_layout(img->size);
	uint8_t *state = mmap(NULL, s.end, prot, flags, img->state_fd, 0);

	if (state == MAP_FAILED)
		return refuse(why, errno, "%s.state: can't be mapped: %s", img->path,
			      strerror(errno));
	img->state_size = s.end;
	img->head = (struct ctl_head *)state;
	img->journals_used = &img->head->journals_used;
	img->locks = (_Atomic uint64_t *)(state + s.locks);
	img->written = map_at(state, &s, 0);
	img->bad = map_at(state, &s, 1);
	img->journals = state + s.journals;
	img->journal_stride = page_up(ctl_journal_size());
	return 0;
}

static bool has_title(const struct ctl_image *img)
{
	return !memcmp(img->head->title, STATE_TITLE, sizeof(STATE_TITLE));
}

static bool state_is_ours(const struct ctl_image *img)
{
	const struct ctl_head *h = img->head;

	return has_title(img) && h->size == img->size &&
	       h->nr_blocks == img->format.nr_blocks &&
	       !memcmp(&h->format, &img->format.ns, sizeof(h->format)) && ctl_sync_is_sound(img);
}

/* An empty state: every block deallocated, no journals. */
static int make_state(struct ctl_image *img)
{
	/* Maps and journals find room when they are first used. */
	const uint64_t needed = state_layout(img->size).bits;
	int ret;

	if (img->state_fd >= 0) {
		if (ftruncate(img->state_fd, 0) || ftruncate(img->state_fd, img->state_size))
			return -errno;
		ret = ctl_reserve(img->state_fd, 0, needed);
		if (ret)
			return ret;
	}
	img->head->size = img->size;
	img->head->nr_blocks = img->format.nr_blocks;
	img->head->format = img->format.ns;
	memcpy(img->head->title, STATE_TITLE, sizeof(STATE_TITLE));
	return 0;
}

/* --- the state against the holes of the image --- */

/* Blocks that have data in the image and aren't known: written, unless all zero. */
static int adopt_run(struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	const struct pi_layout *l = &img->media;
	int ret = 0;

	for (uint64_t i = lba; i < lba + nr && !ret; i++)
		if (!ctl_is_zero(ctl_data_at(img, i), l->data_size) ||
		    !ctl_is_zero(ctl_md_at(img, i), l->md_size))
			ret = ctl_map_fill(img, &img->written, i, 1, true);
	return ret;
}

static int adopt(struct ctl_image *img, uint64_t lba, uint64_t end)
{
	int ret = 0;

	while (lba < end && !ret) {
		bool written;
		uint64_t n = ctl_map_run(&img->written, lba, end - lba, &written);

		if (!written)
			ret = adopt_run(img, lba, n);
		lba += n;
	}
	return ret;
}

/* Blocks that lie in a hole; most often none of them is marked as written. */
static int forget(struct ctl_image *img, uint64_t lba, uint64_t end)
{
	int ret = 0;

	while (lba < end && !ret) {
		bool written;
		uint64_t n = ctl_map_run(&img->written, lba, end - lba, &written);

		if (written)
			ret = ctl_map_fill(img, &img->written, lba, n, false);
		lba += n;
	}
	return ret;
}

/* File systems that don't tell holes have none. */
static uint64_t seek(int fd, uint64_t at, int whence, uint64_t otherwise)
{
	off_t to = lseek(fd, at, whence);

	return to < 0 || (uint64_t)to > otherwise ? otherwise : (uint64_t)to;
}

static int reconcile(struct ctl_image *img)
{
	const uint64_t size = img->media.data_size, end = img->format.nr_blocks * size;
	uint64_t at = 0;
	int ret = 0;

	while (at < end && !ret) {
		const uint64_t data = lseek(img->fd, at, SEEK_DATA) < 0 && errno != ENXIO ? at :
				      seek(img->fd, at, SEEK_DATA, end);
		const uint64_t hole = seek(img->fd, data, SEEK_HOLE, end);

		ret = forget(img, (at + size - 1) / size, data / size);
		if (!ret && data < end)
			ret = adopt(img, data / size, (hole + size - 1) / size);
		at = hole;
	}
	return ret;
}

/* Nothing is looked at before that is clear. */
static bool state_is_whole(const struct ctl_image *img)
{
	struct stat st;

	return img->state_fd >= 0 && !fstat(img->state_fd, &st) &&
	       (uint64_t)st.st_size == img->state_size;
}

/* Has a first user made it, for whatever format? */
static bool state_is_begun(const struct ctl_image *img)
{
	return state_is_whole(img) && has_title(img);
}

static bool state_is_good(const struct ctl_image *img)
{
	return state_is_whole(img) && state_is_ours(img);
}

/* A reader that finds a state it can neither use nor make anew has one to itself. */
static int map_some_state(struct ctl_image *img, char *why)
{
	int ret = map_state(img, why);

	if (ret || img->state_fd < 0 || img->state_writable || state_is_good(img))
		return ret;
	munmap(img->head, img->state_size);
	img->head = NULL;
	close(img->state_fd);
	img->state_fd = -1;
	return map_state(img, why);
}

static int prepare_state(struct ctl_image *img, char *why)
{
	int ret = 0;

	if (!state_is_good(img))
		ret = make_state(img);
	else if (img->writable)
		ctl_recover_all(img);
	if (!ret)
		ret = reconcile(img);
	return ret ? refuse(why, -ret, "%s.state: %s", img->path, strerror(-ret)) : 0;
}

/* --- the users of an image: a shared lock each, exclusive while it is set up --- */

#define USERS_AT ((off_t)1 << 62)

static int users_lock(int fd, int cmd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = USERS_AT, .l_len = 1 };
	int ret;

	do
		ret = fcntl(fd, cmd, &fl);
	while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

/* A job that only reads takes what it can get; *@writable: and what that is. */
static int open_some_way(const char *name, bool write, bool *writable)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	*writable = fd >= 0;
	if (fd < 0 && !write && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd;
}

/*
 * The state opened and locked; *@alone: by nobody else, which who can only read it
 * cannot be.  A first user that fails removes the file again: who waited for that one
 * starts over.
 */
static int open_state(const char *name, bool write, bool *writable, bool *created, bool *alone)
{
	struct stat st;
	int fd, ret;

	for (;;) {
		*writable = *created = true;
		fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno == EEXIST) {
			*created = false;
			fd = open_some_way(name, write, writable);
		}
		if (fd < 0 && errno == ENOENT && !*created)
			continue;
		if (fd < 0)
			return -errno;
		*alone = !users_lock(fd, F_OFD_SETLK, F_WRLCK);
		ret = *alone ? 0 : users_lock(fd, F_OFD_SETLKW, F_RDLCK);
		if (!ret && !fstat(fd, &st) && st.st_nlink)
			return fd;
		close(fd);
		if (ret)
			return ret;
	}
}

/* --- opening --- */

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	return S_ISBLK(mode) ? "a block device" : "not an ordinary file";
}

static void unlink_format(const struct ctl_image *img)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%.*s.format", PATH_MAX - 8, img->path);
	unlink(name);
}

/* File systems that can't promise not to replace a file are asked to rename all the same. */
static int rename_new(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	return errno == EINVAL ? rename(from, to) : -1;
}

/*
 * A new image, all hole.  It is there at once, of its size and with its format, for
 * those who look before they lock.  Nothing is left of it on failure.
 */
static int create_image(struct ctl_image *img, char *why)
{
	const struct pi_layout *l = &img->format.layout;
	char name[PATH_MAX];
	int fd, ret;

	/* The state is locked: who has left a file of that name is no more. */
	if (snprintf(name, sizeof(name), "%s.new-%d", img->path, (int)getpid()) >= (int)sizeof(name))
		return refuse(why, ENAMETOOLONG, "%s: the name is too long", img->path);
	unlink(name);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return refuse(why, errno, "%s: can't be created: %s", img->path, strerror(errno));
	img->size = img->format.nr_blocks * (l->data_size + l->md_size);
	if (ftruncate(fd, img->size))
		ret = refuse(why, errno, "%s: can't be made %llu bytes: %s", img->path,
			     (unsigned long long)img->size, strerror(errno));
	else
		ret = ctl_format_write(&img->format, img->path, why);
	close(fd);
	if (!ret && rename_new(name, img->path)) {
		ret = refuse(why, errno, "%s: can't be created: %s", img->path, strerror(errno));
		unlink_format(img);
	}
	if (ret)
		unlink(name);
	return ret;
}

/* What there is of an image. */
enum found { FOUND_NONE, FOUND_BARE, FOUND_ALL };

/* Learn the format from the file beside the image, or else from @o. */
static int learn(struct ctl_image *img, const struct target_open *o, enum found *found, char *why)
{
	struct stat st;
	int ret;

	*found = FOUND_NONE;
	if (stat(img->path, &st))
		return errno == ENOENT ? ctl_format_new(&img->format, o, why) :
		       refuse(why, errno, "%s: %s", img->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(why, EINVAL,
			      "%s is %s: give an image, or an NVMe generic device, /dev/ngXnY",
			      img->path, kind_of(st.st_mode));
	*found = FOUND_ALL;
	img->size = st.st_size;
	img->dev = st.st_dev;
	img->ino = st.st_ino;
	ret = ctl_format_read(&img->format, img->path, why);
	if (ret == -ENOENT) {
		*found = FOUND_BARE;
		ret = ctl_format_bare(&img->format, o, img->size, why);
	}
	return ret ? ret : ctl_format_check(&img->format, o, img->size, why);
}

/* What follows from the format. */
static void set_geometry(struct ctl_image *img)
{
	img->media = img->format.layout;
	img->media.extended = false;
	img->md = img->data + img->format.nr_blocks * img->media.data_size;
	img->journal_blocks = CTL_JOURNAL_BYTES / (img->media.data_size + img->media.md_size);
	img->chunk_blocks = img->journal_blocks / 10 ? img->journal_blocks / 10 : 1;
}

/* What is written to goes with its state: neither is without the other. */
static int map_image(struct ctl_image *img, const struct target_open *o, char *why)
{
	bool writable;

	img->fd = open_some_way(img->path, o->write, &writable);
	if (img->fd < 0)
		return refuse(why, errno, "%s: can't be opened for %s: %s", img->path,
			      o->write ? "writing" : "reading", strerror(errno));
	img->writable = writable && img->state_writable;
	img->data = mmap(NULL, img->size, img->writable ? PROT_READ | PROT_WRITE : PROT_READ,
			 MAP_SHARED, img->fd, 0);
	if (img->data == MAP_FAILED) {
		img->data = NULL;
		return refuse(why, errno, "%s: can't be mapped: %s", img->path, strerror(errno));
	}
	set_geometry(img);
	return 0;
}

/* What open_locked() has to undo. */
struct undo {
	bool	image, state;
};

/* The state is locked: exclusively when @alone. */
static int open_locked(struct ctl_image *img, const struct target_open *o, bool alone,
		       struct undo *undo, char *why)
{
	enum found found;
	int ret = learn(img, o, &found, why);

	if (!ret && found == FOUND_NONE && !alone)
		return refuse(why, EBUSY, "%s: is gone, but %s.state is in use: end what uses it",
			      img->path, img->path);
	if (!ret && found == FOUND_NONE) {
		ret = create_image(img, why);
		undo->image = !ret;
		ret = ret ? ret : learn(img, o, &found, why);
		undo->state = true;		/* one of another image is worth nothing */
		if (!ret && img->state_fd >= 0 && ftruncate(img->state_fd, 0))
			ret = refuse(why, errno, "%s.state: %s", img->path, strerror(errno));
	}
	ret = ret ? ret : map_image(img, o, why);
	ret = ret ? ret : map_some_state(img, why);
	if (!ret && (alone || img->state_fd < 0))
		ret = prepare_state(img, why);
	else if (!ret && !state_is_begun(img))
		ret = refuse(why, EAGAIN, "%s: others start and fail to use it, again and again",
			     img->path);
	else if (!ret && !state_is_good(img))
		ret = refuse(why, EBUSY, "%s: is in use in another format", img->path);
	img->bare = found == FOUND_BARE;
	return ret;
}

/* Its blocks and format; the state is removed after, by who holds its lock. */
static void unlink_image(const struct ctl_image *img)
{
	unlink(img->path);
	unlink_format(img);
}

static void close_files(struct ctl_image *img)
{
	if (img->data)
		munmap(img->data, img->size);
	if (img->head)
		munmap(img->head, img->state_size);
	if (img->fd >= 0)
		close(img->fd);
	if (img->state_fd >= 0)
		close(img->state_fd);
	img->data = NULL;
	img->head = NULL;
	img->fd = img->state_fd = -1;
}

static int try_files(struct ctl_image *img, const struct target_open *o, char *why)
{
	char name[PATH_MAX];
	struct undo undo = { 0 };
	bool alone = true;
	enum found found;
	int ret = learn(img, o, &found, why);

	if (ret)
		return ret;
	if (snprintf(name, sizeof(name), "%s.state", img->path) >= (int)sizeof(name))
		return refuse(why, ENAMETOOLONG, "%s: the name is too long", img->path);
	ret = open_state(name, o->write, &img->state_writable, &undo.state, &alone);
	if (ret < 0 && (o->write || (ret != -EACCES && ret != -EROFS)))
		return refuse(why, -ret, "%s: %s%s", name, strerror(-ret),
			      ret == -ENOENT ? ": there is no such folder" : "");
	img->state_fd = ret < 0 ? -1 : ret;
	img->state_writable &= ret >= 0;
	ret = open_locked(img, o, alone, &undo, why);
	if (!ret && img->state_fd >= 0 && alone)
		ret = users_lock(img->state_fd, F_OFD_SETLK, F_RDLCK);
	img->created = undo.image;
	img->created_state = undo.state && alone;
	if (ret && undo.image)
		unlink_image(img);
	if (ret && img->created_state)
		unlink(name);
	return ret;
}

/* A first user that was killed leaves the image to those who waited for it; one of them is the next. */
static int open_files(struct ctl_image *img, const struct target_open *o, char *why)
{
	int ret = try_files(img, o, why);

	for (unsigned tries = 0; ret == -EAGAIN && tries < 1000; tries++) {
		close_files(img);
		usleep(1000 + getpid() % 1000);		/* not all of them at once */
		ret = try_files(img, o, why);
	}
	return ret;
}

/* --- the images of this process --- */

static pthread_mutex_t images_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ctl_image *images;

static void free_image(struct ctl_image *img)
{
	close_files(img);
	free(img->path);
	free(img);
}

static struct ctl_image *find(const char *path)
{
	struct ctl_image *img = images;
	struct stat st;

	if (stat(path, &st))
		return NULL;
	while (img && (img->dev != st.st_dev || img->ino != st.st_ino))
		img = img->next;
	return img;
}

static int open_new(const struct target_open *o, struct ctl_image **img, char *why)
{
	struct ctl_image *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	new->fd = new->state_fd = -1;
	/* One name for all three files, whatever links there are. */
	new->path = realpath(o->path, NULL);
	if (!new->path)
		new->path = strdup(o->path);
	ret = new->path ? open_files(new, o, why) :
	      refuse(why, ENOMEM, "%s: out of memory", o->path);
	if (ret) {
		free_image(new);
		return ret;
	}
	new->next = images;
	images = new;
	*img = new;
	return 0;
}

int ctl_image_open(const struct target_open *o, struct ctl_image **img, char *why)
{
	int ret;

	pthread_mutex_lock(&images_lock);
	*img = find(o->path);
	if (!*img)
		ret = open_new(o, img, why);
	else if (o->write && !(*img)->writable)
		ret = refuse(why, EACCES, "%s%s: can't be opened for writing: %s", o->path,
			     (*img)->state_writable ? "" : ".state", strerror(EACCES));
	else
		ret = ctl_format_check(&(*img)->format, o, (*img)->size, why);
	if (!ret)
		(*img)->refs++;
	pthread_mutex_unlock(&images_lock);
	return ret;
}

struct ctl_image *ctl_image_ref(struct ctl_image *img)
{
	pthread_mutex_lock(&images_lock);
	img->refs++;
	pthread_mutex_unlock(&images_lock);
	return img;
}

void ctl_image_close(struct ctl_image *img)
{
	struct ctl_image **link = &images;

	pthread_mutex_lock(&images_lock);
	if (!--img->refs) {
		while (*link != img)
			link = &(*link)->next;
		*link = img->next;
		free_image(img);
	}
	pthread_mutex_unlock(&images_lock);
}

int ctl_image_keep_format(struct ctl_image *img, char *why)
{
	int ret;

	pthread_mutex_lock(&images_lock);
	ret = img->bare ? ctl_format_write(&img->format, img->path, why) : 0;
	img->bare &= ret != 0;
	pthread_mutex_unlock(&images_lock);
	return ret;
}

void ctl_image_discard(struct ctl_image *img)
{
	char name[PATH_MAX];

	pthread_mutex_lock(&images_lock);
	if (img->created_state && img->refs == 1 &&
	    !users_lock(img->state_fd, F_OFD_SETLK, F_WRLCK)) {
		if (img->created)
			unlink_image(img);
		snprintf(name, sizeof(name), "%.*s.state", PATH_MAX - 8, img->path);
		unlink(name);
	}
	pthread_mutex_unlock(&images_lock);
}

/* A hole keeps the size, of which all is mapped. */
static int empty_image(const struct ctl_image *img)
{
	int ret = ctl_fallocate(img->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, img->size);

	if (ret != -EOPNOTSUPP)
		return ret;
	return ftruncate(img->fd, 0) || ftruncate(img->fd, img->size) ? -errno : 0;
}

/*
 * The blocks go once all else is known to succeed, and before their format does:
 * whenever this ends early, the image has one format, and all of its blocks or none.
 */
static int reformat(struct ctl_image *img, const struct ctl_format *f)
{
	char why[WHY_MAX];
	int ret = ctl_format_prepare(f, img->path, why), emptied;

	if (ret)
		return ret;
	ret = empty_image(img);
	if (ret) {
		ctl_format_abandon(img->path);
		reconcile(img);
		return ret;
	}
	ret = ctl_format_commit(img->path, why);
	if (!ret) {
		img->format = *f;
		img->bare = false;
		set_geometry(img);
	}
	emptied = make_state(img);
	return ret ? ret : emptied;
}

int ctl_image_reformat(struct ctl_image *img, const struct ns_format *ns)
{
	char why[WHY_MAX];
	struct ctl_format f = { .ns = *ns };
	int ret = ctl_format_layout(&f, img->path, why);

	if (ret)
		return ret;
	f.nr_blocks = ctl_format_blocks(&f, img->size);
	if (!f.nr_blocks)
		return -ENOSPC;
	pthread_mutex_lock(&images_lock);
	ret = img->refs > 1 || users_lock(img->state_fd, F_OFD_SETLK, F_WRLCK) ? -EBUSY : 0;
	if (!ret) {
		ret = reformat(img, &f);
		users_lock(img->state_fd, F_OFD_SETLK, F_RDLCK);
	}
	pthread_mutex_unlock(&images_lock);
	return ret;
}
