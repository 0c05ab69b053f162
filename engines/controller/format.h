/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * format.h - the format of an image, and the readable file that keeps it
 *
 * Beside x.img lies x.img.format: lines of a name and a number, the names those
 * of the ns_* options.  The image itself is raw, and nothing but blocks: all
 * data, then all metadata, so another controller can take it as it is.
 */
#ifndef CTL_FORMAT_H
#define CTL_FORMAT_H

#include "pi/pi.h"
#include "engines/nvme/target.h"

/* The largest data size of a block that an image can have, bytes. */
#define CTL_DATA_MAX 65536

struct ctl_format {
	struct ns_format	ns;		/* complete, and it passed pi_layout_check() */
	struct pi_layout	layout;		/* the same, as the host sees blocks */
	uint64_t		nr_blocks;
	uint64_t		id;		/* 56 bits, random, of it and its copies; 0: none */
};

/*
 * Every function returns 0, or -errno with one line in @why (WHY_MAX
 * bytes) where it has one.  @path is the image's.
 */

/* Fill in ->layout from ->ns; -EINVAL when no namespace can be so. */
int ctl_format_layout(struct ctl_format *f, const char *path, char *why);

/*
 * The format of a new image: what @o says, the rest by default (4096 bytes of
 * data; metadata as large as the tuple; separate, last, 16b, the smallest
 * storage tag), with as many blocks as @o->extent() says, or @o->size has data for.
 */
int ctl_format_new(struct ctl_format *f, const struct target_open *o, char *why);

/*
 * The format of an image of @file_size bytes that came without a file beside
 * it: @o must say all of it.
 */
int ctl_format_bare(struct ctl_format *f, const struct target_open *o, uint64_t file_size,
		    char *why);

/* Read and write the file beside the image; reading: -ENOENT when there is none. */
int ctl_format_read(struct ctl_format *f, const char *path, char *why);
int ctl_format_write(const struct ctl_format *f, const char *path, char *why);

/*
 * The same in two steps: a file under another name has all that can fail for want of
 * leave or room, on media; it then takes the old one's place at once, or is removed.
 */
int ctl_format_prepare(const struct ctl_format *f, const char *path, char *why);
int ctl_format_commit(const char *path, char *why);
void ctl_format_abandon(const char *path);

/* Do an image of @file_size bytes, its format and @o agree? */
int ctl_format_check(const struct ctl_format *f, const struct target_open *o, uint64_t file_size,
		     char *why);

/* Blocks in an image of so many bytes. */
uint64_t ctl_format_blocks(const struct ctl_format *f, uint64_t file_size);

#endif
