/* SPDX-License-Identifier: MIT */
/*
 * guard-arm64.h - the vectors of guard-clmul.h in AArch64's NEON registers
 *
 * For little-endian kernels only: the low bytes of words are first in memory.
 */
#include <arm_acle.h>
#include <arm_neon.h>

#include "guard-block.h"

#define LANES	1

typedef uint8x16_t vec;

TEMPLATE vec vec_load(const void *p)
{
	return vld1q_u8(p);
}

TEMPLATE void vec_store(void *p, vec v)
{
	vst1q_u8(p, v);
}

TEMPLATE vec vec_xor(vec a, vec b)
{
	return veorq_u8(a, b);
}

TEMPLATE vec vec_xor3(vec a, vec b, vec c)
{
#if defined(__ARM_FEATURE_SHA3)
	return veor3q_u8(a, b, c);
#else
	return vec_xor(vec_xor(a, b), c);
#endif
}

TEMPLATE vec vec_mul_low(vec a, vec b)
{
	return vreinterpretq_u8_p128(vmull_p64(vgetq_lane_p64(vreinterpretq_p64_u8(a), 0),
					       vgetq_lane_p64(vreinterpretq_p64_u8(b), 0)));
}

TEMPLATE vec vec_mul_high(vec a, vec b)
{
	return vreinterpretq_u8_p128(vmull_high_p64(vreinterpretq_p64_u8(a),
						    vreinterpretq_p64_u8(b)));
}

TEMPLATE vec vec_lift(vec v)
{
	return vextq_u8(vdupq_n_u8(0), v, 8);
}

TEMPLATE vec vec_pair(const uint64_t p[2])
{
	return vreinterpretq_u8_u64(vld1q_u64(p));
}

TEMPLATE vec vec_reverse(vec v)
{
	v = vrev64q_u8(v);
	return vextq_u8(v, v, 8);
}

TEMPLATE vec vec_first(uint64_t word)
{
	return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(word), vcreate_u64(0)));
}

TEMPLATE void vec_transpose(vec v[LANES])
{
	(void)v;
}

TEMPLATE vec vec_sum(vec v)
{
	return v;
}

TEMPLATE uint64_t vec_word(vec v, int i)
{
	uint64x2_t words = vreinterpretq_u64_u8(v);

	return i ? vgetq_lane_u64(words, 1) : vgetq_lane_u64(words, 0);
}

TEMPLATE vec vec_tail(struct block b, size_t offset)
{
	uint8_t buf[sizeof(vec)];

	block_tail(buf, sizeof(buf), b, offset);
	return vec_load(buf);
}

TEMPLATE uint64_t crc32c_word(uint64_t crc, uint64_t word)
{
	return __crc32cd((uint32_t)crc, word);
}

#include "guard-clmul.h"
