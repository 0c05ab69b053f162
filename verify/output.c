/* SPDX-License-Identifier: GPL-2.0-only */
/* output.c - see output.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <json-c/json.h>
#include "fork-lock.h"
#include "output.h"
#include "refuse.h"

static const char *const names[VFY_NR_USES] = {
	[VFY_USE_TARGET]	= "the image or device of a job",
	[VFY_USE_FORMAT]	= "the format of an image",
	[VFY_USE_STATE]		= "the state of an image",
	[VFY_USE_CACHE]		= "the write cache of an image",
	[VFY_USE_STAMP]		= "stamp file",
	[VFY_USE_LOG]		= "pi_log",
	[VFY_USE_REPORT]	= "pi_report",
	[VFY_USE_FAULT_LOG]	= "ns_fault_log",
	[VFY_USE_BOOK]		= "pi_inject_file",
	[VFY_USE_JSON]		= "--json",
	[VFY_USE_DUMP]		= "pi_dump",
	[VFY_USE_IOLOG]		= "write_iolog",
	[VFY_USE_FIO_LOG]	= "a log of fio",
	[VFY_USE_PRINTED]	= "what the program prints",
};

const char *vfy_file_use_name(enum vfy_file_use use)
{
	return names[use];
}

/* --- identify the file of a path --- */

/* The identity of a file: folder and name, and device and inode if it exists. */
struct place {
	dev_t	folder_dev, dev;
	ino_t	folder, ino;
	bool	in_folder, there;
	char	name[NAME_MAX + 1];
};

enum { MAX_LINKS = 40 };	/* the limit of Linux */

/* Follow links in the last component of the path; stat() follows those in the others. */
static void follow(char path[PATH_MAX])
{
	for (int i = 0; i < MAX_LINKS; i++) {
		char link[PATH_MAX];
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		char *slash = strrchr(path, '/');
		size_t ahead = slash && link[0] != '/' ? slash + 1 - path : 0;

		if (n <= 0 || ahead + n >= PATH_MAX)
			return;
		memcpy(path + ahead, link, n);
		path[ahead + n] = '\0';
	}
}

int vfy_output_real(const char *path, char real[PATH_MAX])
{
	if (snprintf(real, PATH_MAX, "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	follow(real);
	return 0;
}

static struct place place_of(const char *path)
{
	struct place p = { .there = false };
	char text[PATH_MAX], *slash;
	struct stat st;

	if (!stat(path, &st)) {
		p.there = true;
		p.dev = st.st_dev;
		p.ino = st.st_ino;
	}
	if (vfy_output_real(path, text))
		return p;
	slash = strrchr(text, '/');
	snprintf(p.name, sizeof(p.name), "%.*s", NAME_MAX, slash ? slash + 1 : text);
	if (slash)
		slash[slash == text] = '\0';	/* keep "/" */
	if (!stat(slash ? text : ".", &st)) {
		p.in_folder = true;
		p.folder_dev = st.st_dev;
		p.folder = st.st_ino;
	}
	return p;
}

static bool same_name(const struct place *a, const struct place *b)
{
	return a->in_folder && b->in_folder && a->folder_dev == b->folder_dev &&
	       a->folder == b->folder && !strcmp(a->name, b->name);
}

static bool same_file(const struct place *a, const struct place *b)
{
	return a->there && b->there && a->dev == b->dev && a->ino == b->ino;
}

bool vfy_output_same(const char *path, const char *other)
{
	const struct place a = place_of(path), b = place_of(other);

	return same_name(&a, &b) || same_file(&a, &b);
}

/* --- the files of the run --- */

struct used {
	enum vfy_file_use	use;
	char		*path;
	struct place	place;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
VFY_HOLD_ACROSS_FORK(lock, 101);

static struct used *files;
static size_t nr_files, room;

/*
 * Returns whether @p is the file of @u.  The inode number of a removed file can be reused by
 * another file, so @u's path is resolved again.
 */
static bool is_used(const struct used *u, const struct place *p)
{
	struct place now;

	if (same_name(&u->place, p))
		return true;
	if (!same_file(&u->place, p))
		return false;
	now = place_of(u->path);
	return same_file(&now, p);
}

static int note(enum vfy_file_use use, const char *path, const struct place *p)
{
	struct used *more = files;
	char *copy;

	for (size_t i = 0; i < nr_files; i++)
		if (files[i].use == use && !strcmp(files[i].path, path)) {
			files[i].place = *p;
			return 0;
		}
	if (nr_files == room)
		more = realloc(files, (2 * room + 16) * sizeof(*files));
	if (!more)
		return -ENOMEM;
	if (nr_files == room)
		room = 2 * room + 16;
	files = more;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	files[nr_files++] = (struct used){ .use = use, .path = copy, .place = *p };
	return 0;
}

int vfy_output_note(enum vfy_file_use use, const char *path)
{
	const struct place p = place_of(path);
	int ret;

	pthread_mutex_lock(&lock);
	ret = note(use, path, &p);
	pthread_mutex_unlock(&lock);
	return ret;
}

int vfy_output_note_open(enum vfy_file_use use, int fd)
{
	char link[40], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return 0;
	path[n] = '\0';
	return vfy_output_note(use, path);
}

static const struct {
	enum vfy_file_use	use;
	const char	*suffix;
} beside[] = {
	{ VFY_USE_FORMAT, ".format" }, { VFY_USE_STATE, ".state" }, { VFY_USE_CACHE, ".cache" },
	{ VFY_USE_STAMP, ".stamp" },
};

enum { NR_BESIDE = sizeof(beside) / sizeof(beside[0]) };

size_t vfy_output_beside(const char *path)
{
	const size_t len = strlen(path);

	for (size_t i = 0; i < NR_BESIDE; i++) {
		const size_t end = strlen(beside[i].suffix);

		if (len > end && !strcmp(path + len - end, beside[i].suffix))
			return len - end;
	}
	return 0;
}

int vfy_output_note_target(const char *path)
{
	int ret = vfy_output_note(VFY_USE_TARGET, path);
	char name[PATH_MAX];
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return ret;
	for (size_t i = 0; i < NR_BESIDE && !ret; i++)
		if (snprintf(name, sizeof(name), "%s%s", path, beside[i].suffix) < (int)sizeof(name))
			ret = vfy_output_note(beside[i].use, name);
	return ret;
}

/* Of the two the output is at fault, whichever of them was there first. */
static int refuse_both(enum vfy_file_use use, const char *path, const struct used *u, char *why)
{
	const bool is_output = u->use > VFY_USE_CACHE;
	const char *beside = use == VFY_USE_TARGET ? "" : names[use];

	if (use == VFY_USE_TARGET && is_output)
		return refuse(why, EINVAL, "%s: %.150s: this run uses that file as %s (%.100s); give another name",
			      names[u->use], u->path, names[use], path);
	return refuse(why, EINVAL, "%s%s%.150s: this run uses that file as %s (%.100s); give another name",
		      beside, *beside ? ": " : "", path, names[u->use], u->path);
}

/*
 * Returns whether the path is a descriptor that the shell opened for the program; the user
 * decides what is in it.
 */
static bool is_own_descriptor(const char *path)
{
	return !strcmp(path, "/dev/stdout") || !strcmp(path, "/dev/stderr") ||
	       !strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/proc/self/fd/", 14);
}

static int conflict(enum vfy_file_use use, const char *path, const struct place *p, char *why)
{
	for (size_t i = 0; i < nr_files; i++) {
		const struct used *u = &files[i];

		if (u->use == use || (u->use == VFY_USE_PRINTED && is_own_descriptor(path)))
			continue;
		if (is_used(u, p))
			return refuse_both(use, path, u, why);
	}
	return 0;
}

int vfy_output_conflict(enum vfy_file_use use, const char *path, char *why)
{
	const struct place p = place_of(path);
	int ret;

	pthread_mutex_lock(&lock);
	ret = conflict(use, path, &p, why);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* --- the existing file --- */

/* Returns whether it is /dev/null, /dev/full, a console or a terminal. */
static bool takes_text(dev_t device)
{
	const unsigned major = major(device), minor = minor(device);

	return (major == 1 && (minor == 3 || minor == 7)) || major == 4 || major == 5 ||
	       (major >= 136 && major <= 143);
}

static int check_kind(const struct vfy_output *o, const struct stat *st, char *why)
{
	const mode_t mode = st->st_mode;

	if (S_ISREG(mode) || (o->streams && (S_ISFIFO(mode) || S_ISSOCK(mode))) ||
	    (o->streams && S_ISCHR(mode) && takes_text(st->st_rdev)))
		return 0;
	if (S_ISDIR(mode))
		return refuse(why, EISDIR, "%s: %.250s: can't be written: %s", names[o->use], o->path,
			      strerror(EISDIR));
	return refuse(why, EINVAL, "%s: %.250s: is %s: it is not overwritten; give another name",
		      names[o->use], o->path,
		      S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "not a regular file");
}

static int check_contents(const struct vfy_output *o, char *why)
{
	int fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool ours;

	if (fd < 0)
		return refuse(why, errno, "%s: %.250s: can't be read, to see whether it may be written: %s",
			      names[o->use], o->path, strerror(errno));
	ours = o->ours(fd);
	close(fd);
	return ours ? 0 : refuse(why, EINVAL, "%s: %.200s: the existing file was not written by this program, or was "
				 "cut: it is not overwritten; remove it, or give another name",
				 names[o->use], o->path);
}

static int check_file(const struct vfy_output *o, char *why)
{
	struct stat st;
	int ret;

	if (stat(o->path, &st))
		return errno == ENOENT ? 0 : refuse(why, errno, "%s: %.250s: %s", names[o->use], o->path,
						    strerror(errno));
	ret = check_kind(o, &st, why);
	if (ret || !S_ISREG(st.st_mode) || !st.st_size || !o->ours ||
	    (o->streams && is_own_descriptor(o->path)))
		return ret;
	return check_contents(o, why);
}

int vfy_output_check(const struct vfy_output *o, char *why)
{
	const struct place p = place_of(o->path);
	int ret;

	pthread_mutex_lock(&lock);
	ret = conflict(o->use, o->path, &p, why);
	if (!ret)
		ret = check_file(o, why);
	if (!ret && note(o->use, o->path, &p))
		ret = refuse(why, ENOMEM, "%s: %.250s: out of memory", names[o->use], o->path);
	pthread_mutex_unlock(&lock);
	return ret;
}

int vfy_output_open(const char *path, int flags)
{
	const int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0666);

	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

const char *vfy_output_error(int err)
{
	return err == ENXIO ? "nobody reads it" : strerror(err);
}

ssize_t vfy_output_write(int fd, const struct iovec *parts, int nr)
{
	const struct timespec now = { 0 };
	sigset_t pipe, before, pending;
	ssize_t written;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	written = writev(fd, parts, nr);
	err = errno;
	if (written < 0 && err == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return written;
}

/* --- lines of a log --- */

/*
 * Lock the file, which other jobs append to as well.  A job that was killed may have left it locked,
 * as fio's main process has the same open file: after a tenth of a second go on without.  Returns whether the
 * file is locked.
 */
static bool lock_file(int fd)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 };

	for (int i = 0; i < 1000; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* Remove the @len bytes that this process has just written at the end of the locked file. */
static void take_back(int fd, off_t len)
{
	const off_t end = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	/* If that fails, too, the cut line stays, and vfy_output_has_lines() finds it. */
	if (end < len || fstat(fd, &st) || st.st_size != end || ftruncate(fd, end - len))
		return;
}

int vfy_output_line(int fd, const struct iovec *parts, int nr)
{
	const bool locked = lock_file(fd);
	ssize_t len = 0, written;
	int err;

	for (int i = 0; i < nr; i++)
		len += parts[i].iov_len;
	written = vfy_output_write(fd, parts, nr);
	err = written < 0 ? errno : written < len ? ENOSPC : 0;
	if (locked && err && written > 0)
		take_back(fd, written);
	if (locked)
		flock(fd, LOCK_UN);
	return -err;
}

/* --- lines of JSON --- */

enum { LONGEST_LINE = 1 << 16 };

static bool has_members(const char *line, const char *member, const char *other)
{
	struct json_object *o = json_tokener_parse(line);
	bool has = json_object_object_get_ex(o, member, NULL) && json_object_object_get_ex(o, other, NULL);

	json_object_put(o);
	return has;
}

/*
 * Returns whether the file ends with a newline.  Another process may be writing a line, of
 * which only a part is visible: wait up to a second for it.
 */
static bool ends_with_newline(int fd)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < 100; i++) {
		const off_t size = lseek(fd, 0, SEEK_END);
		char last;

		if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last == '\n')
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool vfy_output_has_lines(int fd, const char *member, const char *other)
{
	char *line = malloc(LONGEST_LINE + 1);
	ssize_t n = -1;
	bool good = false;

	if (line && ends_with_newline(fd))
		n = pread(fd, line, LONGEST_LINE, 0);
	if (n > 0 && line[0] == '{') {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		good = has_members(line, member, other);
	}
	free(line);
	return good;
}
