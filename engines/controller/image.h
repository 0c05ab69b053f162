/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - an image of the embedded controller: opened, created, removed, made durable,
 * and given another format; types.h describes its files
 */
#ifndef CTL_IMAGE_H
#define CTL_IMAGE_H

#include "types.h"

/*
 * Open or create what @o describes; images are shared in a process.  0, or
 * -errno with one line in @why, and then nothing was created or written.
 */
int ctl_image_open(const struct target_open *o, struct ctl_image **img, char *why);
struct ctl_image *ctl_image_ref(struct ctl_image *img);
void ctl_image_close(struct ctl_image *img);

/*
 * Before the first write: an image that came without x.img.format gets it now, and not
 * for a job that is refused.  0, or -errno with one line in @why.
 */
int ctl_image_keep_format(struct ctl_image *img, char *why);

/* Remove the files that ctl_image_open() created, if nobody but the caller uses them. */
void ctl_image_discard(struct ctl_image *img);

/*
 * What was written to the image by now, by whomever, is on media: blocks, state, format,
 * and the names by which they are found.  0, or -errno.
 */
int ctl_image_sync(struct ctl_image *img);

/*
 * Remove the image and the files beside it, as fio's unlink= does when a job ends: who has it
 * open in this run goes on with what is no more there for others.  0, or -errno with one line
 * in @why: another program uses it, and nothing was removed.
 */
int ctl_image_remove(struct ctl_image *img, char *why);

/*
 * Give the image another format: every block is deallocated.  -EBUSY while
 * anyone but the caller uses it, with its one reference.
 */
int ctl_image_reformat(struct ctl_image *img, const struct ns_format *ns);

#endif
