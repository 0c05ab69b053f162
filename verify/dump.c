/* SPDX-License-Identifier: GPL-2.0-only */
/* dump.c - see dump.h */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dump.h"
#include "output.h"
#include "refuse.h"

int vfy_dump_open(struct vfy_dump *d, const char *dir, const char *job, unsigned thread, char *why)
{
	struct stat st;
	int err = 0, ret = vfy_output_conflict(VFY_USE_DUMP, dir, why);

	if (ret)
		return ret;
	*d = (struct vfy_dump){ .dir = dir, .job = job, .thread = thread };
	if (mkdir(dir, 0777) && errno != EEXIST)
		err = errno;
	else if (stat(dir, &st))
		err = errno;
	else if (!S_ISDIR(st.st_mode))
		err = ENOTDIR;
	else if (access(dir, W_OK | X_OK))
		err = errno;
	return err ? refuse(why, err, "pi_dump: folder %s: %s", dir, strerror(err)) : 0;
}

static bool starts_as_text(int fd)
{
	char text[4];

	return pread(fd, text, sizeof(text), 0) == sizeof(text) && !memcmp(text, "LBA ", sizeof(text));
}

/*
 * Build a file's path from the job's name, in which slashes are replaced.  Returns 0 or
 * -ENAMETOOLONG.
 */
static int name_file(const struct vfy_dump *d, unsigned ns_index, uint64_t lba, const char *kind,
		     char path[PATH_MAX])
{
	char job[NAME_MAX - 64];

	snprintf(job, sizeof(job), "%s", d->job);
	for (char *c = strchr(job, '/'); c; c = strchr(c, '/'))
		*c = '_';
	return snprintf(path, PATH_MAX, "%s/%s.%u-ns%u-lba%" PRIu64 ".%s", d->dir, job, d->thread, ns_index,
			lba, kind) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/*
 * Check whether the files of a block may be written.  Raw bytes do not show which program
 * wrote them, so a .bin file is replaced only if there is a .txt file of this program beside
 * it.
 */
static int may_write(const struct vfy_dump *d, unsigned ns_index, uint64_t lba)
{
	char text[PATH_MAX], raw[PATH_MAX], why[WHY_MAX];
	const struct vfy_output o = { .use = VFY_USE_DUMP, .path = text, .ours = starts_as_text };
	int ret = name_file(d, ns_index, lba, "txt", text);

	ret = ret ? ret : name_file(d, ns_index, lba, "bin", raw);
	ret = ret ? ret : vfy_output_conflict(o.use, raw, why);
	if (!ret && access(text, F_OK) && !access(raw, F_OK))
		ret = -EEXIST;
	ret = ret ? ret : vfy_output_check(&o, why);
	return ret == -EINVAL ? -EEXIST : ret;
}

/* Returns NULL with errno set on failure. */
static FILE *open_file(const struct vfy_dump *d, unsigned ns_index, uint64_t lba, const char *kind,
		       int flags)
{
	char path[PATH_MAX];
	int ret = name_file(d, ns_index, lba, kind, path), fd;

	if (ret) {
		errno = -ret;
		return NULL;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, 0666);
	return fd < 0 ? NULL : fdopen(fd, flags & O_APPEND ? "a" : "w");
}

static int close_file(FILE *f)
{
	bool bad = ferror(f);
	int err = EIO;

	if (bad || fflush(f)) {
		err = errno ? errno : EIO;
		bad = true;
	}
	return fclose(f) || bad ? -err : 0;
}

static int write_raw(const struct vfy_dump *d, unsigned ns_index, const struct vfy_block b[3])
{
	FILE *f = open_file(d, ns_index, b[1].lba, "bin", O_TRUNC);

	if (!f)
		return -errno;
	for (int i = 0; i < 3; i++) {
		if (!b[i].data)
			continue;
		fwrite(b[i].data, 1, b[i].layout->data_size, f);
		if (b[i].md)
			fwrite(b[i].md, 1, b[i].layout->md_size, f);
	}
	return close_file(f);
}

static int write_text(const struct vfy_dump *d, unsigned ns_index, const struct vfy_block b[3],
		      const char *text)
{
	FILE *f = open_file(d, ns_index, b[1].lba, "txt", O_TRUNC);

	if (!f)
		return -errno;
	for (int i = 0; i < 3; i++) {
		if (b[i].data)
			vfy_decode(f, &b[i]);
		fputs(b[i].data ? "\n" : "", f);
	}
	fprintf(f, "%s\n", text);
	return close_file(f);
}

static int append_text(const struct vfy_dump *d, unsigned ns_index, uint64_t lba, const char *text)
{
	FILE *f = open_file(d, ns_index, lba, "txt", O_APPEND);

	if (!f)
		return -errno;
	fprintf(f, "%s\n", text);
	return close_file(f);
}

/* Write both files of a block; on failure, neither is left. */
static int write_block(const struct vfy_dump *d, unsigned ns_index, const struct vfy_block b[3],
		       const char *text)
{
	int ret = may_write(d, ns_index, b[1].lba);
	char path[PATH_MAX];

	if (ret)
		return ret;
	ret = write_text(d, ns_index, b, text);
	ret = ret ? ret : write_raw(d, ns_index, b);
	if (ret && !name_file(d, ns_index, b[1].lba, "bin", path))
		unlink(path);
	if (ret && !name_file(d, ns_index, b[1].lba, "txt", path))
		unlink(path);
	return ret;
}

int vfy_dump_block(struct vfy_dump *d, unsigned ns_index, const struct vfy_block b[3],
		   const char *text)
{
	bool known = d->written + d->left_out && d->last_ns == ns_index && d->last_lba == b[1].lba;
	int ret;

	if (known)
		return d->last_ret ? d->last_ret : append_text(d, ns_index, b[1].lba, text);
	ret = d->written == VFY_DUMP_LIMIT ? -EDQUOT : write_block(d, ns_index, b, text);
	if (ret && d->written != VFY_DUMP_LIMIT && !d->err)
		d->err = -ret;
	d->written += !ret;
	d->left_out += !!ret;
	d->last_ns = ns_index;
	d->last_lba = b[1].lba;
	d->last_ret = ret;
	return ret;
}
