/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash.h - a hash function for 64-bit numbers
 */
#ifndef VFY_HASH_H
#define VFY_HASH_H

#include <stdint.h>

/*
 * Returns a hash of @x: the finalizer of splitmix64 (Steele, Lea, Flood 2014; in the public
 * domain).  It is one-to-one, so different numbers have different hashes; each bit of @x
 * changes about half of the bits of the result.
 */
static inline uint64_t vfy_hash(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

#endif
