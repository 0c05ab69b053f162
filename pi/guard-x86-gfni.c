/* SPDX-License-Identifier: MIT */
/*
 * guard-x86-gfni.c - the 16b guard with AVX-512 and GFNI
 *
 * For CPUs that have both, for example Intel Ice Lake and AMD Zen 4.  There it is
 * faster than carry-less multiplication for the following reasons.
 *
 * The bytes at one position of a series of vectors (a byte column) form a polynomial
 * that is independent of the other columns.  To multiply such a polynomial by a
 * constant modulo P is to multiply its bits by a matrix, and GF2P8AFFINEQB multiplies
 * every byte of a vector by an 8 x 8 bit matrix.  A remainder has 16 bits.  It is kept
 * as two bytes a and b, which represent a * x^2048 + b, and is folded by four matrix
 * products.  2048 bits are four vectors, so two vectors of data at this distance
 * already are such columns.  Carry-less multiplication needs as many products, but
 * these are cheaper on some CPUs and use another execution unit on others, and the
 * bytes of the data need not be reversed first.
 *
 * A chunk of 512 bytes of data is four such pairs of vectors.  Pairs are folded chunk
 * by chunk; then the four are folded into one, with which guard-clmul.h continues.
 *
 * The method needs the number of registers that AVX-512 has.  With the sixteen of AVX2
 * it is not faster than carry-less multiplication.  Using both units in the loop of a
 * long block saves a fifth of the loop's cycles, but on the Xeon that was measured the
 * clock is then 7 % slower, and blocks in the L2 cache take no less time.
 */
#if defined(__x86_64__)
#include "guard-x86.h"

GUARD_TARGET("avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmul,sse4.2,bmi2,gfni,prfchw")

#include "guard-x86-512.h"

#define CHUNK	(2 * ROW)

struct columns {
	vec a, b;
};

struct matrices {
	vec b_from_b, b_from_a, a_from_b, a_from_a;
};

TEMPLATE struct matrices matrices(const struct guard_matrices *m)
{
	return (struct matrices){
		.b_from_b = _mm512_set1_epi64((long long)m->b_from_b),
		.b_from_a = _mm512_set1_epi64((long long)m->b_from_a),
		.a_from_b = _mm512_set1_epi64((long long)m->a_from_b),
		.a_from_a = _mm512_set1_epi64((long long)m->a_from_a),
	};
}

TEMPLATE vec times(vec bytes, vec matrix)
{
	return _mm512_gf2p8affine_epi64_epi8(bytes, matrix, 0);
}

TEMPLATE struct columns fold_columns(struct columns c, const struct matrices *m,
				     struct columns add)
{
	return (struct columns){
		.a = vec_xor3(times(c.a, m->a_from_a), times(c.b, m->a_from_b), add.a),
		.b = vec_xor3(times(c.a, m->b_from_a), times(c.b, m->b_from_b), add.b),
	};
}

/* Load the eight vectors of a chunk, in memory order, as four pairs. */
TEMPLATE void take_chunk(struct columns c[4], struct block b, size_t offset)
{
	fetch_lines(b, offset, CHUNK);
	_Pragma("GCC unroll 4")
	for (int i = 0; i < 4; i++)
		c[i].a = take_raw(b, offset + i * VEC);
	_Pragma("GCC unroll 4")
	for (int i = 0; i < 4; i++)
		c[i].b = take_raw(b, offset + ROW + i * VEC);
}

TEMPLATE vec fold_chunks(const struct crc *crc, struct block b, bool lone)
{
	const struct matrices by_chunk = matrices(&guard_matrices_8_vectors);
	const struct matrices by_3 = matrices(&guard_matrices_3_vectors);
	const struct matrices by_2 = matrices(&guard_matrices_2_vectors);
	const struct matrices by_1 = matrices(&guard_matrices_1_vector);
	struct columns c[4], next[4], sum;
	size_t o;
	vec v;

	take_chunk(c, b, 0);
	for (o = CHUNK; o + CHUNK <= b.data_len; o += CHUNK) {
		take_chunk(next, b, o);
		_Pragma("GCC unroll 4")
		for (int i = 0; i < 4; i++)
			c[i] = fold_columns(c[i], &by_chunk, next[i]);
	}
	sum = fold_columns(c[0], &by_3, c[3]);
	sum = fold_columns(c[1], &by_2, sum);
	sum = fold_columns(c[2], &by_1, sum);
	v = fold(ordered(crc, sum.a), fold_by(crc, ROW), ordered(crc, sum.b));
	v = fold_vectors(crc, v, b, o);
	return lone ? unpad(v, end_of(crc, VEC)) : v;
}

GUARD_FN(16b, gfni, fold_chunks, CHUNK)

GUARD_TARGET_END
#endif
