/* SPDX-License-Identifier: MIT */
/*
 * guard-x86-sse42.c - the guards with SSE4.2 and PCLMULQDQ, 16 bytes per vector
 *
 * For CPUs without VPCLMULQDQ, for example Intel Westmere to Cascade Lake and AMD Zen
 * and Zen 2.
 */
#if defined(__x86_64__)
#include "guard-x86.h"

GUARD_TARGET("sse4.2,pclmul")

#include "guard-block.h"

#define LANES	1

typedef __m128i vec;

TEMPLATE vec vec_load(const void *p)
{
	return _mm_loadu_si128(p);
}

TEMPLATE void vec_store(void *p, vec v)
{
	_mm_storeu_si128(p, v);
}

TEMPLATE vec vec_xor(vec a, vec b)
{
	return _mm_xor_si128(a, b);
}

TEMPLATE vec vec_xor3(vec a, vec b, vec c)
{
	return vec_xor(vec_xor(a, b), c);
}

TEMPLATE vec vec_mul_low(vec a, vec b)
{
	return _mm_clmulepi64_si128(a, b, 0x00);
}

TEMPLATE vec vec_mul_high(vec a, vec b)
{
	return _mm_clmulepi64_si128(a, b, 0x11);
}

TEMPLATE vec vec_lift(vec v)
{
	return _mm_slli_si128(v, 8);
}

TEMPLATE vec vec_pair(const uint64_t p[2])
{
	return vec_load(p);
}

TEMPLATE vec vec_reverse(vec v)
{
	static const uint64_t order[2] = { 0x08090a0b0c0d0e0f, 0x0001020304050607 };

	return _mm_shuffle_epi8(v, vec_pair(order));
}

TEMPLATE vec vec_first(uint64_t word)
{
	return _mm_cvtsi64_si128((long long)word);
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
	return (uint64_t)v[i];
}

TEMPLATE vec vec_tail(struct block b, size_t offset)
{
	uint8_t buf[sizeof(vec)];

	block_tail(buf, sizeof(buf), b, offset);
	return vec_load(buf);
}

TEMPLATE uint64_t crc32c_word(uint64_t crc, uint64_t word)
{
	return _mm_crc32_u64(crc, word);
}

#include "guard-clmul.h"

GUARD_KERNEL(sse42)

GUARD_TARGET_END
#endif
