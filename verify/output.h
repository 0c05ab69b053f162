/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.h - which files a run uses, and which of them an output may be written to
 *
 * One function decides that for every option and every program that writes a file: an
 * output is never a file that is read or driven, nor another output, and it does not
 * replace what this program did not write.  Files are told apart by device and inode, and
 * those that are not there yet by their folder and name, with links followed.
 */
#ifndef VFY_OUTPUT_H
#define VFY_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

/* What a run uses a file for. */
enum vfy_file_use {
	VFY_USE_TARGET,		/* a namespace, an image, or a file that another engine's job uses */
	VFY_USE_FORMAT,		/* beside an image: its format, */
	VFY_USE_STATE,		/* which blocks were written, */
	VFY_USE_STAMP,		/* and the generations that the plugin stamp keeps */
	VFY_USE_LOG,		/* pi_log */
	VFY_USE_REPORT,
	VFY_USE_FAULT_LOG,
	VFY_USE_BOOK,		/* pi_inject_file */
	VFY_USE_JSON,		/* result of a scan */
	VFY_USE_DUMP,		/* a block in the folder of pi_dump */
	VFY_USE_IOLOG,		/* fio's write_iolog */
	VFY_NR_USES,
};

struct vfy_output {
	enum vfy_file_use	use;
	const char	*path;
	bool		streams;	/* it can go to a pipe, a terminal and /dev/null as well */

	/* Is what the open file @fd holds, at least a byte, this program's?  NULL: the caller looks. */
	bool		(*ours)(int fd);
};

/* Remember that the run uses the file at @path so, there or not there yet.  0, or -ENOMEM. */
int vfy_output_note(enum vfy_file_use use, const char *path);

/* The same of an image and of the files beside it; a device has none. */
int vfy_output_note_target(const char *path);

/* Is the file at @path noted for another use than @use?  0, or -EINVAL with one line in @why. */
int vfy_output_conflict(enum vfy_file_use use, const char *path, char *why);

/*
 * May @o be written?  If so it is noted.  0, or -errno with one line in @why (VFY_WHY_MAX
 * bytes); neither changes any file.
 */
int vfy_output_check(const struct vfy_output *o, char *why);

/* Do both lead to one file? */
bool vfy_output_same(const char *path, const char *other);

/* The file that links at the end of @path lead to, there or not there yet.  0, or -ENAMETOOLONG. */
int vfy_output_real(const char *path, char real[PATH_MAX]);

/* "log", "report", ...: for messages. */
const char *vfy_file_use_name(enum vfy_file_use use);

/* Is the first line of the file an object of JSON with these members, and its last one complete? */
bool vfy_output_has_lines(int fd, const char *member, const char *other);

#endif
