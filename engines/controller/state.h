/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - the file x.img.state, for image.c: open, map, create and reconcile it with the image;
 * types.h describes its contents
 */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include "types.h"

/*
 * Open and lock the state file.  *@alone: the lock is exclusive, so there is no other user; a
 * descriptor that can only read never gets that.  *@created: this call created the file.  @create
 * says whether to do so if it does not exist; otherwise that is -ENOENT.  A first user that fails
 * removes the file; processes that waited for its lock then start again with a new one. Returns a
 * descriptor, or -errno.
 */
int ctl_state_open(const char *name, bool write, bool create, bool *writable, bool *created, bool *alone);

/*
 * Lock the byte of the users: F_RDLCK for a user, F_WRLCK for one that sets the image up alone,
 * F_UNLCK.  @cmd is F_OFD_SETLK or F_OFD_SETLKW.  Returns 0, or -errno.
 */
int ctl_state_lock(int fd, int cmd, short type);

/*
 * Map the state of @img.  A reader that can neither use nor recreate the file gets private memory
 * instead.  Returns 0, or -errno with one line in @why.
 */
int ctl_state_map(struct ctl_image *img, char *why);

/*
 * Return true if the file is empty or was written by this program, in any version.  After a crash
 * it may begin with zeroes, which are accepted, too.
 */
bool ctl_state_is_one(int fd);

/*
 * Return true if a first user has initialised the state, for any format; and if it is valid for
 * this image in its current format.
 */
bool ctl_state_is_begun(const struct ctl_image *img);
bool ctl_state_is_good(const struct ctl_image *img);

/*
 * Create the state, or recover what killed writers left; then reconcile it with the image.  Called
 * by a first user with the exclusive lock.  Returns 0, or -errno with one line in @why.
 */
int ctl_state_prepare(struct ctl_image *img, char *why);

/*
 * The steps of ctl_state_prepare(): create an empty state with all blocks deallocated; update it
 * from the holes of the image.  They return 0, or -errno.
 */
int ctl_state_make(struct ctl_image *img);
int ctl_state_reconcile(struct ctl_image *img);

#endif
