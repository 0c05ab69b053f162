/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metadata.h - what metadata carries beyond the tuple
 *
 * Where a block has more metadata than its tuple, every other byte holds a known
 * pattern, so that nothing unset reaches media and a lost, swapped or stale
 * metadata byte is found.  Byte j of the metadata of a block (the tuple's bytes
 * counted too) is byte j mod 8 of (LBA ^ VFY_MD_KEY), most significant first.
 */
#ifndef VFY_METADATA_H
#define VFY_METADATA_H

#include "../pi/pi.h"

#define VFY_MD_KEY 0x5a5a5a5a5a5a5a5aULL

/* Has a block of @l bytes of metadata beside its tuple? */
bool vfy_md_present(const struct pi_layout *l);

/* The bytes beyond the tuple are one run, before it or after it: offsets in the metadata. */
struct vfy_span {
	uint32_t from, to;
};

struct vfy_span vfy_md_span(const struct pi_layout *l);

/*
 * Fill the metadata of @nr blocks from @lba on, all md_size bytes of each (the
 * tuple is laid over them afterwards).  @md is the first block's metadata, and
 * @stride bytes lie between that of one block and the next.
 */
void vfy_md_fill(const struct pi_layout *l, uint64_t lba, void *md, size_t stride, uint32_t nr);

/*
 * Before a read that will be checked: put into the first bytes beyond the tuple of
 * each of @nr blocks what vfy_md_check() finds, so that metadata which the controller
 * does not transfer is found.  Up to 8 bytes a block are written; the first of them is
 * wrong for every LBA below 2^56.  @md and @stride as above.
 */
void vfy_md_poison(const struct pi_layout *l, void *md, size_t stride, uint32_t nr);

/*
 * Are the @data and the @md_size bytes of metadata at @md of a block as those of one that holds
 * nothing: every byte 00h, or, where there is no tuple that would say so and the namespace may
 * read so, every byte FFh?  Spec: DLFEAT, Deallocated or Unwritten Logical Blocks.
 */
bool vfy_blank(const struct pi_layout *l, const void *data, const void *md, size_t md_size);

/* A metadata byte that is not as it should be. */
struct vfy_md_error {
	uint32_t	block;		/* index in the buffer */
	uint32_t	offset;		/* in the block's metadata */
	uint8_t		want, got;
};

/* What came of a check of nr blocks. */
struct vfy_md_found {
	uint32_t	bad;		/* blocks with a wrong byte */
	uint32_t	blank;		/* blocks that were let pass, not checked */
};

/*
 * Check what vfy_md_fill() wrote, the tuples left out.  @data and @data_stride
 * say where the blocks' data is, to tell the two kinds of block that no write
 * of ours filled and that are right all the same: one whose tuple escapes
 * (deallocated, never written), and one that holds nothing, see vfy_blank().
 * The first wrong byte of the first @max blocks that are wrong is stored in @errs.
 */
struct vfy_md_found vfy_md_check(const struct pi_layout *l, uint64_t lba, const void *data,
				 size_t data_stride, const void *md, size_t stride, uint32_t nr,
				 struct vfy_md_error *errs, unsigned max);

#endif
