/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decode.h - a block as text, for people: its tuple field by field, beside what
 * should be there
 */
#ifndef VFY_DECODE_H
#define VFY_DECODE_H

#include <stdio.h>
#include "report.h"

/* A block as it came, and what it should carry. */
struct vfy_block {
	const struct pi_layout	*layout;
	const char		*format;	/* its name */
	uint64_t		lba;
	const void		*data;		/* data_size bytes */
	const void		*md;		/* md_size bytes, tuple and all; NULL: none */
	struct pi_tags		tags;		/* this block's own */
	unsigned		known;		/* PI_*, VFY_METADATA: what of it is known */
};

/*
 * Write the block to @to, some lines; returns the fields that are wrong (PI_* and
 * VFY_METADATA).  The guard is always known; of a block that escapes nothing is
 * wrong.
 */
unsigned vfy_decode(FILE *to, const struct vfy_block *b);

#endif
