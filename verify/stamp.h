/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp.h - the plugin "stamp": finds what protection information cannot
 *
 * A write that is lost, stale, misdirected or torn leaves valid protection
 * information behind.  So every write of a block has a generation, one more than
 * the write before, and a file remembers them (generations.h).  It is carried
 *
 *	in the storage tag	its compared bits, where those are eight or more
 *	or the application tag	its bits under apptag_mask; FFFFh is left out
 *	and in a stamp		metadata beyond the tuple (stamp-words.h)
 *
 * A tag of b bits tells 2^b generations apart (the application tag one less), a
 * stamp 2^24; older ones come round again.
 *
 * All blocks of a write have one generation, so the device can check the tag.  On
 * reads it is not asked to: whatever reads while somebody writes may find either,
 * and a device's refusal would not say which write a block is from.  The host looks
 * at it here, at the reference tag (types 1 and 2), and at the guard where the stamp
 * has sums of the data's quarters.
 *
 * Arguments: file=PATH, where generations are kept.  By default IMAGE.stamp; a
 * device needs one named, because its own name may be another's tomorrow.
 */
#ifndef VFY_STAMP_H
#define VFY_STAMP_H

#include "verify.h"

extern const struct vfy_plugin vfy_stamp;

#endif
