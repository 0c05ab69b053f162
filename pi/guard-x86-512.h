/* SPDX-License-Identifier: MIT */
/*
 * guard-x86-512.h - the vectors of guard-clmul.h in AVX-512 registers
 *
 * Masked loads and stores neither access nor fault on bytes outside the mask.
 */
#include <immintrin.h>

#include "guard-block.h"

#define LANES	4

typedef __m512i vec;

TEMPLATE vec vec_load(const void *p)
{
	return _mm512_loadu_si512(p);
}

TEMPLATE void vec_store(void *p, vec v)
{
	_mm512_storeu_si512(p, v);
}

TEMPLATE vec vec_xor(vec a, vec b)
{
	return _mm512_xor_si512(a, b);
}

TEMPLATE vec vec_xor3(vec a, vec b, vec c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

TEMPLATE vec vec_mul_low(vec a, vec b)
{
	return _mm512_clmulepi64_epi128(a, b, 0x00);
}

TEMPLATE vec vec_mul_high(vec a, vec b)
{
	return _mm512_clmulepi64_epi128(a, b, 0x11);
}

TEMPLATE vec vec_lift(vec v)
{
	return _mm512_bslli_epi128(v, 8);
}

TEMPLATE vec vec_reverse(vec v)
{
	const __m128i order = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8,
					    7, 6, 5, 4, 3, 2, 1, 0);

	return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(order));
}

TEMPLATE vec vec_pair(const uint64_t p[2])
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
}

TEMPLATE vec vec_first(uint64_t word)
{
	return _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)word));
}

/* Transpose pairs of lanes first, then single lanes. */
TEMPLATE void vec_transpose(vec v[LANES])
{
	vec low01 = _mm512_shuffle_i64x2(v[0], v[1], 0x44);
	vec high01 = _mm512_shuffle_i64x2(v[0], v[1], 0xee);
	vec low23 = _mm512_shuffle_i64x2(v[2], v[3], 0x44);
	vec high23 = _mm512_shuffle_i64x2(v[2], v[3], 0xee);

	v[0] = _mm512_shuffle_i64x2(low01, low23, 0x88);
	v[1] = _mm512_shuffle_i64x2(low01, low23, 0xdd);
	v[2] = _mm512_shuffle_i64x2(high01, high23, 0x88);
	v[3] = _mm512_shuffle_i64x2(high01, high23, 0xdd);
}

TEMPLATE vec vec_sum(vec v)
{
	__m256i half = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));

	return _mm512_castsi128_si512(_mm_xor_si128(_mm256_castsi256_si128(half),
						    _mm256_extracti128_si256(half, 1)));
}

TEMPLATE uint64_t vec_word(vec v, int i)
{
	const __m128i low = _mm512_castsi512_si128(v);

	return (uint64_t)low[i];
}

TEMPLATE uint64_t crc32c_word(uint64_t crc, uint64_t word)
{
	return _mm_crc32_u64(crc, word);
}

/* Returns a mask whose low @n bits (0..64) are ones. */
TEMPLATE __mmask64 ones(size_t n)
{
	return _cvtu64_mask64(_bzhi_u64(~0ULL, (unsigned)n));
}

/*
 * Load data up to its end, then metadata.  The base address of the metadata load can lie
 * outside the buffer, so it is computed as an integer.
 */
TEMPLATE vec vec_tail(struct block b, size_t offset)
{
	size_t data = offset < b.data_len ? b.data_len - offset : 0;
	size_t both = b.len - offset < sizeof(vec) ? b.len - offset : sizeof(vec);
	__mmask64 mask = ones(data);
	uintptr_t md = (uintptr_t)b.md + offset - b.data_len;
	vec v = _mm512_maskz_loadu_epi8(mask, b.data + offset);

	if (b.copies)
		_mm512_mask_storeu_epi8(b.copy + offset, mask, v);
	return _mm512_mask_loadu_epi8(v, _kandn_mask64(mask, ones(both)), (const void *)md);
}

#include "guard-clmul.h"
