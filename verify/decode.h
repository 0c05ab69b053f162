/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decode.h - print a block as text: each field of its tuple beside the expected value
 */
#ifndef VFY_DECODE_H
#define VFY_DECODE_H

#include <stdio.h>
#include "mismatch.h"

/* A block as it was read, and what is expected of it. */
struct vfy_block {
	const struct pi_layout	*layout;
	const char		*format;	/* its name, printed */
	uint64_t		lba;
	const void		*data;		/* data_size bytes */
	const void		*md;		/* md_size bytes, with the tuple; NULL: none */
	struct pi_tags		tags;		/* expected tags of this block */
	unsigned		known;		/* PI_*, VFY_METADATA: fields with a known value */
};

/*
 * Print the block to @to, several lines.  Returns the fields that are wrong (PI_* and
 * VFY_METADATA).  The guard is always compared; a block that escapes has no wrong fields.
 */
unsigned vfy_decode(FILE *to, const struct vfy_block *b);

#endif
