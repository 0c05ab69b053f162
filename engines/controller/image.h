/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - open, create, remove, sync and reformat an image of the embedded controller; types.h
 * describes its files
 */
#ifndef CTL_IMAGE_H
#define CTL_IMAGE_H

#include "types.h"

/*
 * Open or create the image of @o; the images of a process are shared between its jobs.  Returns 0
 * with *@created set, whether this call created it, or -errno with one line in @why; on failure
 * nothing was created or written.
 */
int ctl_image_open(const struct target_open *o, struct ctl_image **img, bool *created, char *why);
struct ctl_image *ctl_image_ref(struct ctl_image *img);
void ctl_image_close(struct ctl_image *img);

/*
 * Create x.img.format if the image does not have it.  Called before the first write, so that a job
 * that is refused creates no file.  Returns 0, or -errno with one line in @why.
 */
int ctl_image_keep_format(struct ctl_image *img, char *why);

/* Remove the files that ctl_image_open() created, unless another user has the image open. */
void ctl_image_discard(struct ctl_image *img);

/*
 * Make everything durable that anyone has written to the image so far: blocks, state, format, and
 * the directory entries of the files.  Returns 0, or -errno.
 */
int ctl_image_sync(struct ctl_image *img);

/*
 * Remove the image and its other files, as fio's unlink= does when a job ends.  Jobs of this
 * process that have it open can still use it.  Returns 0, or -errno with one line in @why: -EBUSY
 * if another program uses the image, in which case nothing was removed.
 */
int ctl_image_remove(struct ctl_image *img, char *why);

/*
 * Change the format of the image; all blocks become deallocated.  Returns 0, or -errno: -EBUSY if
 * there is any user or reference except the caller's.
 */
int ctl_image_reformat(struct ctl_image *img, const struct ns_format *ns);

#endif
