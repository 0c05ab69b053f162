/* SPDX-License-Identifier: MIT */
/*
 * guard-fold.h - the constants of the vector kernels; gen-guard-fold.c computes and
 * documents them
 *
 * Their values are in another file, so that the compiler cannot see them.  It would
 * otherwise store single words of some pairs and combine them in the inner loops.
 */
#ifndef GUARD_FOLD_H
#define GUARD_FOLD_H

#include <stdint.h>

#define GUARD_DISTANCES	20	/* fold distances, in lanes of 16 bytes */
#define GUARD_ENDS	32	/* lanes at the end of a block: eight of the largest vectors */
#define GUARD_PADS	65	/* bytes of padding after a block: 0..64 */

/* Each pair holds the factors of the low and of the high word of a lane. */
struct guard_fold {
	uint64_t	fold[GUARD_DISTANCES][2];	/* [i]: fold by i + 1 lanes */
	uint64_t	unpad[GUARD_PADS][2];	/* [i]: by x^(crc_bits - 8 * i) */
	uint64_t	ends[GUARD_ENDS][2];	/* unpad[0] folded from lane i to the last */
	uint64_t	quotient[2];		/* the factor of the division, in both words */
	uint64_t	poly[2];
};

extern const struct guard_fold guard_fold_16b, guard_fold_32b, guard_fold_64b;

/* 8 x 8 bit matrices that map a byte of a column to a byte of a column: see guard-x86-gfni.c. */
struct guard_matrices {
	uint64_t	b_from_b, b_from_a, a_from_b, a_from_a;
};

extern const struct guard_matrices guard_matrices_1_vector, guard_matrices_2_vectors,
				   guard_matrices_3_vectors, guard_matrices_8_vectors;

#endif
