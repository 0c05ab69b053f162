/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - x.img.state, for image.c: how it is opened, mapped, made, and
 * held against the image; what is in it is told of in types.h
 */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include "types.h"

/*
 * The state opened and locked; *@alone: by nobody else, which who can only read it
 * cannot be.  *@created: by this call.  A first user that fails removes the file again:
 * who waited for that one starts over.  @create: where there is none; else that is -ENOENT.
 * A descriptor, or -errno.
 */
int ctl_state_open(const char *name, bool write, bool create, bool *writable, bool *created, bool *alone);

/* All users have a shared lock (F_RDLCK), one alone an exclusive one while it sets up.  0, or -errno. */
int ctl_state_lock(int fd, int cmd, short type);

/*
 * Map the state of @img, or memory of a reader's own in its place, where it finds one
 * that it can neither use nor make anew.  0, or -errno with one line in @why.
 */
int ctl_state_map(struct ctl_image *img, char *why);

/* Did this program write it, of whatever version, or nobody yet?  A crash may have left zeroes. */
bool ctl_state_is_one(int fd);

/* Has a first user made it, for whatever format?  And is it this image's, as it is now? */
bool ctl_state_is_begun(const struct ctl_image *img);
bool ctl_state_is_good(const struct ctl_image *img);

/* For a first user, alone: make it, or finish what killed writers left, and look at the image. */
int ctl_state_prepare(struct ctl_image *img, char *why);

/* The parts of that: an empty state, every block deallocated; and what the image's holes say. */
int ctl_state_make(struct ctl_image *img);
int ctl_state_reconcile(struct ctl_image *img);

#endif
