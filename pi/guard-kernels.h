/* SPDX-License-Identifier: MIT */
/*
 * guard-kernels.h - the implementations (kernels) of the functions in guard.h: guard.c
 * selects one, and tests compare them with each other
 */
#ifndef GUARD_KERNELS_H
#define GUARD_KERNELS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "guard.h"

struct guard_kernel {
	const char	*name;
	bool		(*runs)(void);	/* true if this CPU and operating system support it */
	guard_fn	*of_16b;
	guard_fn	*of_32b;
	guard_fn	*of_64b;
};

/* The kernels of this architecture, best first.  The last one runs on every CPU. */
extern const struct guard_kernel guard_kernels[];
extern const size_t guard_nr_kernels;

/*
 * How far ahead of their loads and stores the vector kernels prefetch, in bytes;
 * guard_set_ahead() sets it for this CPU, before the first guard is computed.
 * Threads that do so at the same time store the same values.
 */
struct guard_ahead {
	_Atomic size_t	read, write;
};

extern struct guard_ahead guard_ahead;
void guard_set_ahead(void);

/* guard-portable.c */
guard_fn guard_16b_portable, guard_32b_portable, guard_64b_portable;

/* guard-x86-*.c */
guard_fn guard_16b_sse42, guard_32b_sse42, guard_64b_sse42;
guard_fn guard_16b_avx2, guard_32b_avx2, guard_64b_avx2;
guard_fn guard_16b_avx512, guard_32b_avx512, guard_64b_avx512;
guard_fn guard_16b_gfni;

/* guard-arm64*.c */
guard_fn guard_16b_pmull, guard_32b_pmull, guard_64b_pmull;
guard_fn guard_16b_eor3, guard_32b_eor3, guard_64b_eor3;

#endif
