/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp.h - the plugin "stamp": detects errors that protection information cannot
 *
 * A write that is lost, stale, misdirected or torn leaves valid protection information.
 * Therefore this plugin gives every write of a block a generation, which is higher than
 * that of the block's previous write, and records it in a file (generations.h).  The
 * generation is carried
 *
 *	in the storage tag	its compared bits, if there are eight or more,
 *	or the application tag	its bits under apptag_mask; FFFFh is never used,
 *	and in a stamp		metadata outside the tuple (stamp-words.h)
 *
 * A tag of b bits distinguishes 2^b generations (the application tag one fewer), a stamp
 * 2^24; then the numbers repeat.
 *
 * All blocks of a write have the same generation, so the device can check the tag of a
 * write.  It does not check the tag of reads: a read concurrent with a write may find
 * either generation, and an error of the device would not say which write a block holds.
 * The host checks it here, and also the reference tag (types 1 and 2) and, if the stamp
 * has sums of the data's quarters, the guard.
 *
 * With the argument volatile a write may be in a volatile write cache when it ends.  A block then
 * may hold any write from the last one on that was flushed (by this job) or had FUA; after a cut of
 * power, too.
 *
 * Arguments: [volatile,]file=PATH, the file of generations.  The default is IMAGE.stamp.  A device
 * needs an explicit path, because its name may belong to another device after a restart.
 */
#ifndef VFY_STAMP_H
#define VFY_STAMP_H

#include "verify.h"

extern const struct vfy_plugin vfy_stamp;

#endif
