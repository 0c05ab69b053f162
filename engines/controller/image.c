// SPDX-License-Identifier: GPL-2.0-only
/* image.c - see image.h */
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
#include "verify/fork-lock.h"
#include "verify/generations.h"
#include "cache.h"
#include "file.h"
#include "image.h"
#include "state.h"

/* --- opening --- */

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	return S_ISBLK(mode) ? "a block device" : "not a regular file";
}

static void unlink_beside(const struct ctl_image *img, const char *suffix)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%.*s%s", PATH_MAX - 8, img->path, suffix);
	unlink(name);
}

/* Fall back to an ordinary rename() on file systems without RENAME_NOREPLACE. */
static int rename_new(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	return errno == EINVAL ? rename(from, to) : -1;
}

/*
 * Create an image that is one hole.  It appears atomically with its size and format, because other
 * processes look at it before they lock the state.  On failure no file is left.
 */
static int create_image(struct ctl_image *img, char *why)
{
	const struct pi_layout *l = &img->format.layout;
	char name[PATH_MAX];
	int fd, ret;

	/*
	 * The state is locked exclusively, so a file of this name belongs to a process that has
	 * ended.
	 */
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
		unlink_beside(img, ".format");
	}
	if (ret)
		unlink(name);
	return ret;
}

/* Which files of an image exist. */
enum found { FOUND_NONE, FOUND_BARE, FOUND_ALL };

/* Read the format from x.img.format, or else take it from @o. */
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

/* Set the fields that depend on the format. */
static void set_geometry(struct ctl_image *img)
{
	img->media = img->format.layout;
	img->media.extended = false;
	img->md = img->data + img->format.nr_blocks * img->media.data_size;
	img->journal_blocks = CTL_JOURNAL_BYTES / (img->media.data_size + img->media.md_size);
	img->chunk_blocks = img->journal_blocks / 10 ? img->journal_blocks / 10 : 1;
}

/* Map the image.  It is writable only if its state is writable, too. */
static int map_image(struct ctl_image *img, const struct target_open *o, char *why)
{
	bool writable;

	img->fd = ctl_open_some_way(img->path, o->write, &writable);
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

/* What try_files() removes if open_locked() fails. */
struct undo {
	bool	image, state;
};

/* Called with the state locked: exclusively if @alone, else shared. */
static int open_locked(struct ctl_image *img, const struct target_open *o, bool alone,
		       struct undo *undo, char *why)
{
	enum found found;
	int ret = learn(img, o, &found, why);

	/*
	 * The process that was creating the image may just have been killed.  -EAGAIN makes the
	 * caller retry, and one of the waiting processes becomes the first user.
	 */
	if (!ret && found == FOUND_NONE && !alone)
		return refuse(why, EAGAIN, "%s: the image is gone, but %s.state is in use: end the program that uses it",
			      img->path, img->path);
	if (!ret && found == FOUND_NONE) {
		ret = create_image(img, why);
		undo->image = !ret;
		ret = ret ? ret : learn(img, o, &found, why);
		undo->state = true;		/* the state of an earlier image is worthless */
		if (!ret && img->state_fd >= 0 && ftruncate(img->state_fd, 0))
			ret = refuse(why, errno, "%s.state: %s", img->path, strerror(errno));
	}
	ret = ret ? ret : map_image(img, o, why);
	ret = ret ? ret : ctl_state_map(img, why);
	if (!ret && (alone || img->state_fd < 0))
		ret = ctl_state_prepare(img, why);
	else if (!ret && !ctl_state_is_begun(img))
		ret = refuse(why, EAGAIN, "%s: other programs try to use it and fail again and again",
			     img->path);
	else if (!ret && !ctl_state_is_good(img))
		ret = refuse(why, EBUSY, "%s: is in use in another format", img->path);
	ret = ret ? ret : ctl_cache_open(img, o, alone, why);
	img->bare = found == FOUND_BARE;
	return ret;
}

/* Remove the image and its format; the holder of the state's lock removes the state afterwards. */
static void unlink_image(const struct ctl_image *img)
{
	unlink(img->path);
	unlink_beside(img, ".format");
}

static void close_files(struct ctl_image *img)
{
	ctl_cache_close(img);
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
	bool alone = true, create;
	enum found found;
	int ret = learn(img, o, &found, why);

	if (ret)
		return ret;
	if (snprintf(name, sizeof(name), "%s.state", img->path) >= (int)sizeof(name))
		return refuse(why, ENAMETOOLONG, "%s: the name is too long", img->path);
	/*
	 * A user who may not write the image creates no state either: its owner might lack the
	 * permission to use that file.
	 */
	create = o->write || !faccessat(AT_FDCWD, img->path, W_OK, AT_EACCESS);
	ret = ctl_state_open(name, o->write, create, &img->state_writable, &undo.state, &alone);
	if (ret < 0 && (create || ret != -ENOENT) && (o->write || (ret != -EACCES && ret != -EROFS)))
		return refuse(why, -ret, "%s: %s%s", name, strerror(-ret),
			      ret == -ENOENT ? ": there is no such folder" : "");
	img->state_fd = ret < 0 ? -1 : ret;
	img->state_writable &= ret >= 0;
	if (ret >= 0 && img->state_writable && !ctl_state_is_one(ret))
		return refuse(why, EINVAL, "%s: is not the state of an image: it is not overwritten; move it away",
			      name);
	ret = open_locked(img, o, alone, &undo, why);
	/* Who identifies keeps the others waiting: the first of them carries out a cut of power. */
	if (!ret && img->state_fd >= 0 && alone && !o->identifies)
		ret = ctl_state_lock(img->state_fd, F_OFD_SETLK, F_RDLCK);
	img->created = undo.image;
	img->created_state = undo.state && alone;
	if (ret && undo.image)
		unlink_image(img);
	if (ret && img->created_state)
		unlink(name);
	return ret;
}

/* Retry while a first user was killed: one of the waiting processes becomes the first user. */
static int open_files(struct ctl_image *img, const struct target_open *o, char *why)
{
	int ret = try_files(img, o, why);

	for (unsigned tries = 0; ret == -EAGAIN && tries < 1000; tries++) {
		close_files(img);
		usleep(1000 + getpid() % 1000);		/* spread the retries */
		ret = try_files(img, o, why);
	}
	return ret;
}

/* --- the images of this process --- */

static pthread_mutex_t images_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ctl_image *images;

/* A fork waits while an image is being opened, so no child inherits its temporary lock. */
VFY_HOLD_ACROSS_FORK(images_lock, 103);

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
	new->behavior[CTL_LBAFEE] = 1;
	new->names = 1;			/* the creator may not have synced them */
	/* Resolve links, so that the three files always have the same base name. */
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

int ctl_image_open(const struct target_open *o, struct ctl_image **img, bool *created, char *why)
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
	ret = ret ? ret : ctl_cache_check(*img, o, why);
	if (!ret) {
		(*img)->refs++;
		*created = (*img)->created && (*img)->refs == 1;
	}
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
	if (img->bare && !ret)
		img->names++;
	if (!ret)
		img->bare = false;
	pthread_mutex_unlock(&images_lock);
	return ret;
}

void ctl_image_discard(struct ctl_image *img)
{
	pthread_mutex_lock(&images_lock);
	if ((img->created_state || img->created_cache) && img->refs == 1 &&
	    !ctl_state_lock(img->state_fd, F_OFD_SETLK, F_WRLCK)) {
		if (img->created)
			unlink_image(img);
		if (img->created_cache)
			unlink_beside(img, ".cache");
		if (img->created_state)
			unlink_beside(img, ".state");
	}
	pthread_mutex_unlock(&images_lock);
}

/* A file of the user can have a name that is used beside an image. */
static bool is_ours(const char *name, bool (*ours)(int fd))
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const bool is = fd >= 0 && ours(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

static int unlink_all(const struct ctl_image *img, char *why)
{
	static const struct {
		const char	*suffix;
		bool		(*ours)(int fd);	/* NULL: it was checked when the image was opened */
	} files[] = {
		{ "", NULL }, { ".cache", ctl_cache_is_one }, { ".format", NULL },
		{ ".stamp", vfy_gens_is_one }, { ".state", NULL },
	};
	char name[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%.*s%s", PATH_MAX - 8, img->path, files[i].suffix);
		if (files[i].ours && !is_ours(name, files[i].ours))
			continue;
		if (unlink(name) && errno != ENOENT && !ret)
			ret = refuse(why, errno, "%s: can't be removed: %s", name, strerror(errno));
	}
	return ret;
}

int ctl_image_remove(struct ctl_image *img, char *why)
{
	int ret;

	pthread_mutex_lock(&images_lock);
	if (img->state_fd >= 0 && ctl_state_lock(img->state_fd, F_OFD_SETLK, F_WRLCK))
		ret = refuse(why, EBUSY, "%s: is not removed: another program uses it", img->path);
	else
		ret = unlink_all(img, why);
	if (img->state_fd >= 0)
		ctl_state_lock(img->state_fd, F_OFD_SETLK, F_RDLCK);
	pthread_mutex_unlock(&images_lock);
	return ret;
}

/* Punch a hole instead of truncating, because the whole size stays mapped. */
static int empty_image(const struct ctl_image *img)
{
	int ret = ctl_fallocate(img->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, img->size);

	if (ret != -EOPNOTSUPP)
		return ret;
	return ftruncate(img->fd, 0) || ftruncate(img->fd, img->size) ? -errno : 0;
}

/*
 * Discard the blocks after every step that can fail was prepared, and before the new format is
 * committed.  Whenever this is interrupted, also by a power loss, the image has exactly one format
 * and either all of its blocks or none.
 */
static int reformat(struct ctl_image *img, const struct ctl_format *f)
{
	char why[WHY_MAX];
	int ret = ctl_format_prepare(f, img->path, why), emptied;

	if (ret)
		return ret;
	ctl_cache_reset(img);
	ret = empty_image(img);
	if (!ret && fdatasync(img->fd))
		ret = -errno;
	if (ret) {
		ctl_format_abandon(img->path);
		ctl_state_reconcile(img);
		return ret;
	}
	ret = ctl_format_commit(img->path, why);
	if (!ret) {
		img->format = *f;
		img->bare = false;
		set_geometry(img);
	}
	ctl_cache_reset(img);
	emptied = ctl_state_make(img);
	ret = ret ? ret : emptied;
	img->names++;
	return ret ? ret : ctl_image_sync(img);
}

int ctl_image_reformat(struct ctl_image *img, const struct ns_format *ns)
{
	char why[WHY_MAX];
	struct ctl_format f = { .ns = *ns };
	int ret = ctl_format_layout(&f, img->path, why);

	if (ret)
		return ret;
	f.id = img->format.id;
	f.nr_blocks = ctl_format_blocks(&f, img->size);
	if (!f.nr_blocks)
		return -ENOSPC;
	pthread_mutex_lock(&images_lock);
	ret = img->refs > 1 || ctl_state_lock(img->state_fd, F_OFD_SETLK, F_WRLCK) ? -EBUSY : 0;
	if (!ret) {
		ret = reformat(img, &f);
		ctl_state_lock(img->state_fd, F_OFD_SETLK, F_RDLCK);
	}
	pthread_mutex_unlock(&images_lock);
	return ret;
}
