/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.h - damage one named field of one block in so many, repeatably
 *
 *	pi_inject=FIELD[:bit|:all][/N][@SEED][,...]
 *
 * FIELD is guard, app, ref, storage, data or md (metadata beyond the tuple); one
 * bit of it is flipped, or all.  One block in N (default 1000), drawn by SEED
 * (default 1) and the block's place in the job's sequence of blocks: exactly one
 * of each N in a row.  All of data or md is all its bytes, and the first stands for
 * them.  A bit that no check looks at (outside a mask), that would make the tuple
 * escape, or hide other damage, is not chosen; "all" leaves out one if it must.
 */
#ifndef VFY_INJECT_H
#define VFY_INJECT_H

#include "report.h"

/* One FIELD of the option. */
struct vfy_fault {
	unsigned	field;		/* PI_*, VFY_DATA or VFY_METADATA */
	bool		all;		/* bits; else one */
	uint64_t	every;		/* N */
	uint64_t	seed;
};

#define VFY_MAX_FAULTS 8

struct vfy_inject {
	struct vfy_fault	fault[VFY_MAX_FAULTS];
	unsigned		nr;		/* 0: no injection */
	uint64_t		next;		/* place of the next block in the sequence */
};

/* 0, or -EINVAL with one line in @why (VFY_WHY_MAX bytes) that begins with "pi_inject". */
int vfy_inject_parse(const char *text, struct vfy_inject *in, char *why);

/*
 * Can @l's blocks be damaged so?  @tags: what they carry; @tuples, @md: do tuples,
 * does other metadata cross?  0, or -EINVAL with one line in @why.
 */
int vfy_inject_check(const struct vfy_inject *in, const struct pi_layout *l,
		     const struct pi_tags *tags, bool tuples, bool md, char *why);

/* What was done to a block. */
struct vfy_damage {
	uint32_t	index;		/* in the I/O */
	unsigned	field;
	uint32_t	offset;		/* of the byte, for VFY_DATA and VFY_METADATA */
	uint64_t	was, is;	/* of the field, or the byte */
	unsigned	shows;		/* PI_* and VFY_METADATA that a full check then finds wrong, and
					   VFY_DATA, which Compare does; 0: nothing would, and
					   nothing was done */
};

/*
 * Which of the next @nr blocks are to be damaged?  How many; the first @max of
 * them in @d, by index and field, nothing else yet.  Draws again for the same
 * blocks until vfy_inject_pass(), so an I/O may be put off.
 */
unsigned vfy_inject_draw(const struct vfy_inject *in, uint32_t nr, struct vfy_damage *d,
			 unsigned max);
void vfy_inject_pass(struct vfy_inject *in, uint32_t nr);

/*
 * Damage the block @lba that @d names: @data is its data_size bytes, @md its
 * md_size bytes of metadata (tuple and all; NULL: none), @tags what it carries
 * (NULL: its tuple does not cross), @place its place in the sequence.  Fills in the
 * rest of *@d.  A block whose tuple escapes, as one never written does, is left as
 * it is.
 */
void vfy_inject_damage(const struct vfy_inject *in, const struct pi_layout *l,
		       const struct pi_tags *tags, uint64_t lba, uint64_t place, void *data,
		       void *md, struct vfy_damage *d);

#endif
