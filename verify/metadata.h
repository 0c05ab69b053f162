/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metadata.h - the contents of metadata outside the tuple
 *
 * If a block has more metadata than its tuple, every other byte holds a known pattern.
 * Thus no uninitialised memory reaches media, and a lost, swapped or stale metadata byte
 * is found.  Byte j of a block's metadata (the tuple's bytes included in j) is byte
 * j mod 8 of (LBA ^ VFY_MD_KEY), most significant byte first.
 */
#ifndef VFY_METADATA_H
#define VFY_METADATA_H

#include "../pi/pi.h"

#define VFY_MD_KEY 0x5a5a5a5a5a5a5a5aULL

/* Returns whether blocks of @l have metadata outside their tuple. */
bool vfy_md_present(const struct pi_layout *l);

/* The bytes outside the tuple, before or after it: byte offsets in the metadata, @to exclusive. */
struct vfy_span {
	uint32_t from, to;
};

struct vfy_span vfy_md_span(const struct pi_layout *l);

/*
 * Fill the metadata of @nr blocks from @lba on, all md_size bytes of each; tuples are written
 * over the pattern afterwards.  @md is the first block's metadata, and @stride the bytes from
 * the metadata of one block to that of the next.
 */
void vfy_md_fill(const struct pi_layout *l, uint64_t lba, void *md, size_t stride, uint32_t nr);

/*
 * Before a read that will be checked, overwrite the first bytes outside the tuple of each of
 * @nr blocks with a value that vfy_md_check() finds wrong, so that metadata which the
 * controller does not transfer is detected.  Up to 8 bytes per block are written; the first of
 * them is wrong for every LBA below 2^56.  @md and @stride are as above.
 */
void vfy_md_poison(const struct pi_layout *l, void *md, size_t stride, uint32_t nr);

/*
 * Returns whether a block is blank: its @data (data_size bytes) and the @md_size bytes of its
 * metadata at @md are all 00h or, if it has no tuple and the namespace may return so, all FFh.
 * Spec: DLFEAT, Deallocated or Unwritten Logical Blocks.
 */
bool vfy_blank(const struct pi_layout *l, const void *data, const void *md, size_t md_size);

/* A metadata byte that differs from the pattern. */
struct vfy_md_error {
	uint32_t	block;		/* index of the block in the buffer */
	uint32_t	offset;		/* in the block's metadata, bytes */
	uint8_t		want, got;
};

/* The result of a check. */
struct vfy_md_found {
	uint32_t	bad;		/* blocks with a wrong byte */
	uint32_t	blank;		/* blocks accepted without a check */
};

/*
 * Check the pattern that vfy_md_fill() wrote, except in the tuples.  @data and @data_stride
 * (bytes) locate the blocks' data, to recognise the two kinds of blocks that are correct
 * although this program did not write them: a block whose tuple escapes (deallocated or
 * unwritten), and a blank block, see vfy_blank().  For each of the first @max wrong blocks, the
 * first wrong byte is stored in @errs.
 */
struct vfy_md_found vfy_md_check(const struct pi_layout *l, uint64_t lba, const void *data,
				 size_t data_stride, const void *md, size_t stride, uint32_t nr,
				 struct vfy_md_error *errs, unsigned max);

#endif
