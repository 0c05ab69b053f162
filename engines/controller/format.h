/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * format.h - the format of an image, and the text file that stores it
 *
 * x.img.format is the file beside x.img.  Its lines are a name and a number; the names are those
 * of the ns_* options.  The image itself is raw and contains only blocks (all data, then all
 * metadata), so another controller can use it unchanged.
 */
#ifndef CTL_FORMAT_H
#define CTL_FORMAT_H

#include "pi/pi.h"
#include "engines/nvme/target.h"

/* Maximum data size of a block in an image, bytes. */
#define CTL_DATA_MAX 65536

/* Maximum number of placement handles. */
#define CTL_HANDLES_MAX 128

struct ctl_format {
	struct ns_format	ns;		/* complete, and accepted by pi_layout_check() */
	struct pi_layout	layout;		/* the same as a layout, as the host sees blocks */
	uint64_t		nr_blocks;
	uint64_t		id;		/* 56 random bits, as in its copies; 0: none */
	struct ns_zones		zones;		/* complete; all 0: it is not zoned */
	uint64_t		ruhs;		/* placement handles; 0: none */
	uint64_t		zone_blocks;	/* from here on: the same in blocks; 0: not zoned */
	uint64_t		zone_writable;	/* capacity of a zone */
	uint64_t		nr_zones;
};

/*
 * Functions that return an int return 0, or -errno with one line in @why (WHY_MAX bytes). @path is
 * the path of the image.
 */

/* Fill in ->layout from ->ns; -EINVAL if no namespace can have this format. */
int ctl_format_layout(struct ctl_format *f, const char *path, char *why);

/*
 * Choose the format of a new image: fields of @o->format that are given, and defaults for the
 * others (4096 bytes of data; metadata as large as the tuple; separate, last, 16b, the smallest
 * storage tag).  The number of blocks comes from @o->extent(), or from @o->size.
 */
int ctl_format_new(struct ctl_format *f, const struct target_open *o, char *why);

/* Take the format of an image without x.img.format from @o, which must specify every field. */
int ctl_format_bare(struct ctl_format *f, const struct target_open *o, uint64_t file_size,
		    char *why);

/* Read or write x.img.format.  Reading returns -ENOENT if it does not exist. */
int ctl_format_read(struct ctl_format *f, const char *path, char *why);
int ctl_format_write(const struct ctl_format *f, const char *path, char *why);

/*
 * Write x.img.format in two steps.  ctl_format_prepare() does all that can fail for lack of
 * permission or space: it writes a durable file under another name.  ctl_format_commit() renames
 * it over the old file, ctl_format_abandon() removes it.
 */
int ctl_format_prepare(const struct ctl_format *f, const char *path, char *why);
int ctl_format_commit(const char *path, char *why);
void ctl_format_abandon(const char *path);

/* Check that an image of @file_size bytes, its format and @o agree. */
int ctl_format_check(const struct ctl_format *f, const struct target_open *o, uint64_t file_size,
		     char *why);

/* Return the number of blocks in an image of @file_size bytes. */
uint64_t ctl_format_blocks(const struct ctl_format *f, uint64_t file_size);

#endif
