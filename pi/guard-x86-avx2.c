/* SPDX-License-Identifier: MIT */
/*
 * guard-x86-avx2.c - the guards with AVX2 and VPCLMULQDQ, 32 bytes per vector
 *
 * For CPUs that have VPCLMULQDQ but not AVX-512, for example AMD Zen 3 and Intel Alder
 * Lake: one instruction multiplies two lanes, twice as many as with PCLMULQDQ.
 */
#if defined(__x86_64__)
#include "guard-x86.h"

GUARD_TARGET("avx2,vpclmulqdq,pclmul,sse4.2,prfchw")

#include "guard-block.h"

#define LANES	2

typedef __m256i vec;

TEMPLATE vec vec_load(const void *p)
{
	return _mm256_loadu_si256(p);
}

TEMPLATE void vec_store(void *p, vec v)
{
	_mm256_storeu_si256(p, v);
}

TEMPLATE vec vec_xor(vec a, vec b)
{
	return _mm256_xor_si256(a, b);
}

TEMPLATE vec vec_xor3(vec a, vec b, vec c)
{
	return vec_xor(vec_xor(a, b), c);
}

TEMPLATE vec vec_mul_low(vec a, vec b)
{
	return _mm256_clmulepi64_epi128(a, b, 0x00);
}

TEMPLATE vec vec_mul_high(vec a, vec b)
{
	return _mm256_clmulepi64_epi128(a, b, 0x11);
}

TEMPLATE vec vec_lift(vec v)
{
	return _mm256_slli_si256(v, 8);
}

TEMPLATE vec vec_pair(const uint64_t p[2])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
}

TEMPLATE vec vec_reverse(vec v)
{
	static const uint64_t order[2] = { 0x08090a0b0c0d0e0f, 0x0001020304050607 };

	return _mm256_shuffle_epi8(v, vec_pair(order));
}

TEMPLATE vec vec_first(uint64_t word)
{
	return _mm256_zextsi128_si256(_mm_cvtsi64_si128((long long)word));
}

TEMPLATE void vec_transpose(vec v[LANES])
{
	vec low = _mm256_permute2x128_si256(v[0], v[1], 0x20);

	v[1] = _mm256_permute2x128_si256(v[0], v[1], 0x31);
	v[0] = low;
}

TEMPLATE vec vec_sum(vec v)
{
	return vec_xor(v, _mm256_permute4x64_epi64(v, 0xee));
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

GUARD_KERNEL(avx2)

GUARD_TARGET_END
#endif
