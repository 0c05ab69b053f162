/* SPDX-License-Identifier: MIT */
/*
 * guard-fold.h - the constants of the vector kernels; gen-guard-fold.c writes
 * them and says what they are
 *
 * They are in a file of their own so that a compiler does not know them: it
 * would otherwise store some halves and put them together in the inner loops.
 */
#ifndef GUARD_FOLD_H
#define GUARD_FOLD_H

#include <stdint.h>

#define GUARD_DISTANCES	20	/* of a fold, in lanes of 16 bytes */
#define GUARD_LANES	4	/* of the largest vector; smaller ones use the last */
#define GUARD_PADS	65	/* bytes of padding behind a block: 0..64 */

/* Pairs are for the low and the high word of a lane. */
struct guard_fold {
	uint64_t	fold[GUARD_DISTANCES][2];	/* [i]: by i + 1 lanes */
	uint64_t	unpad[GUARD_PADS][2];	/* [i]: to the CRC's width, less i bytes */
	uint64_t	ends[GUARD_LANES][2];	/* unpad[0], from each lane of a vector to its end */
	uint64_t	quotient[2];		/* the same twice */
	uint64_t	poly[2];
};

extern const struct guard_fold guard_fold_16b, guard_fold_32b, guard_fold_64b;

/* From a byte of a column to a byte of it: see guard-x86-gfni.c. */
struct guard_matrices {
	uint64_t	b_from_b, b_from_a, a_from_b, a_from_a;
};

extern const struct guard_matrices guard_matrices_1_vector, guard_matrices_2_vectors,
				   guard_matrices_3_vectors, guard_matrices_8_vectors;

#endif
