/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mix.h - a number into one that looks like any other
 */
#ifndef VFY_MIX_H
#define VFY_MIX_H

#include <stdint.h>

/*
 * The finalizer of splitmix64 (Steele, Lea, Flood 2014; in the public domain).
 * One-to-one, so different numbers stay different; each bit of @x changes about
 * half of the answer's.
 */
static inline uint64_t vfy_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

#endif
