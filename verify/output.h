/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.h - track the files that a run uses, and decide which of them it may write
 *
 * One function decides this for every option and every program that writes a file.  An
 * output must not be a file that is read or driven, nor another output, and it does not
 * replace a file that this program did not write.  Files are identified by device and
 * inode number; files that do not exist yet by folder and name, after links are followed.
 */
#ifndef VFY_OUTPUT_H
#define VFY_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/uio.h>

/* What a run uses a file for. */
enum vfy_file_use {
	VFY_USE_TARGET,		/* a device, an image, or a file of another engine's job */
	VFY_USE_FORMAT,		/* beside an image: IMAGE.format, */
	VFY_USE_STATE,		/* IMAGE.state, */
	VFY_USE_CACHE,		/* IMAGE.cache, the volatile write cache, */
	VFY_USE_STAMP,		/* and IMAGE.stamp, the generations of the plugin stamp */
	VFY_USE_LOG,		/* pi_log */
	VFY_USE_REPORT,
	VFY_USE_FAULT_LOG,
	VFY_USE_BOOK,		/* pi_inject_file */
	VFY_USE_JSON,		/* the result of a scan (--json) */
	VFY_USE_DUMP,		/* a file in the folder of pi_dump */
	VFY_USE_IOLOG,		/* fio's write_iolog */
	VFY_USE_FIO_LOG,	/* fio's write_bw_log, write_lat_log, ... */
	VFY_USE_PRINTED,	/* where the program prints, if that is a file */
	VFY_NR_USES,
};

struct vfy_output {
	enum vfy_file_use	use;
	const char	*path;
	bool		streams;	/* pipes, terminals and /dev/null are allowed too */

	/*
	 * Returns whether the contents of the file @fd, which is not empty, were written by
	 * this program.  NULL: the caller checks this itself.
	 */
	bool		(*ours)(int fd);
};

/*
 * Record that the run uses the file at @path, which need not exist, as @use.  Returns 0 or
 * -ENOMEM.
 */
int vfy_output_note(enum vfy_file_use use, const char *path);

/* The same of an open file, unless it is a pipe, a terminal or another device. */
int vfy_output_note_open(enum vfy_file_use use, int fd);

/* Record an image and the files beside it, or a device, which has no such files. */
int vfy_output_note_target(const char *path);

/*
 * If @path has the name of a file beside an image, return the length of the image's path, else 0.
 * Neither file need exist.
 */
size_t vfy_output_beside(const char *path);

/*
 * Check that the file at @path is not recorded for another use than @use.  Returns 0, or
 * -EINVAL with one line in @why.
 */
int vfy_output_conflict(enum vfy_file_use use, const char *path, char *why);

/*
 * Check whether @o may be written, and record it if so.  Returns 0, or -errno with one line in
 * @why (VFY_WHY_MAX bytes).  No file is changed.
 */
int vfy_output_check(const struct vfy_output *o, char *why);

/* Returns whether both paths lead to the same file. */
bool vfy_output_same(const char *path, const char *other);

/*
 * Set @real to the path, which need not exist, that @path leads to after following links in its
 * last component.  Returns 0 or -ENAMETOOLONG.
 */
int vfy_output_real(const char *path, char real[PATH_MAX]);

/* Returns "pi_log", "pi_report", ... for messages. */
const char *vfy_file_use_name(enum vfy_file_use use);

/*
 * Open an output that was checked, with the @flags of open().  It does not wait for a reader of a
 * FIFO.  Returns a descriptor, or -1 with errno set, whose text is vfy_output_error().
 */
int vfy_output_open(const char *path, int flags);
const char *vfy_output_error(int err);

/*
 * Write @parts to the open output @fd with one call.  Returns as writev() does, but a pipe or
 * socket without a reader is an error, EPIPE, and raises no SIGPIPE.
 */
ssize_t vfy_output_write(int fd, const struct iovec *parts, int nr);

/*
 * Append @parts, one line, to the log @fd, which was opened with O_APPEND and which other jobs may
 * write to.  Returns 0 or -errno; -ENOSPC if there was room for a part of the line only.  That part
 * is removed again, so that the file ends with a whole line.
 */
int vfy_output_line(int fd, const struct iovec *parts, int nr);

/*
 * Returns whether the first line of the file is a JSON object with these two members, and the
 * last line is complete.
 */
bool vfy_output_has_lines(int fd, const char *member, const char *other);

#endif
