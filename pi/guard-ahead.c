/* SPDX-License-Identifier: MIT */
/* guard-ahead.c - how far ahead the vector kernels prefetch: see guard-kernels.h */
#include "guard-kernels.h"

struct guard_ahead guard_ahead = { 1024, 2048 };

/*
 * The prefetchers of AMD's CPUs do better alone: on Zen 4, prefetches for loads cost a third of the
 * speed from memory, and those for stores a tenth.  0: each line just before it is used.
 */
void guard_set_ahead(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_is("amd")) {
		atomic_store_explicit(&guard_ahead.read, 0, memory_order_relaxed);
		atomic_store_explicit(&guard_ahead.write, 0, memory_order_relaxed);
	}
#endif
}
