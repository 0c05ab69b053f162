/* SPDX-License-Identifier: MIT */
/*
 * guard-clmul.h - the three guards by carry-less multiplication: a template
 *
 * A file includes this after it has defined, for one instruction set, the type vec
 * of LANES lanes of 128 bits, and
 *
 *	vec_load(p), vec_store(p, v)	any alignment
 *	vec_tail(b, offset)		as block_tail() of guard-block.h
 *	vec_xor(a, b), vec_xor3(a, b, c)
 *	vec_mul_low(a, b)		carry-less product of the low words of each lane
 *	vec_mul_high(a, b)		the same of the high words
 *	vec_lift(v)			move each lane's low word to its high word
 *	vec_reverse(v)			reverse the bytes of each lane
 *	vec_pair(p)			the two words at @p in every lane
 *	vec_first(word)			lane 0's low word is @word, all else is zero
 *	vec_transpose(v)		LANES vectors: lane i of v[j] to lane j of v[i]
 *	vec_sum(v)			lane 0 is the XOR of all lanes
 *	vec_word(v, i)			word i (0: low, 1: high) of lane 0
 *	crc32c_word(crc, word)		the CRC-32C instruction for eight bytes
 *
 * The template defines GUARD_KERNEL(), and run() for a guard_fn with its own method.
 *
 * The method is that of Gopal et al., "Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ Instruction", Intel, 2009.  Data are polynomials over GF(2), and P is
 * the CRC's polynomial of degree n (16, 32 or 64).
 *
 * Fold: move a lane L = H * x^64 + L0 by d bits, that is, add to the data d bits
 * further on
 *
 *	L * x^d  ==  H * (x^(d + 64) mod P) + L0 * (x^d mod P)	(mod P)
 *
 * The sum is still congruent to the block.  Four vectors are folded side by side,
 * because the latency of a multiplication is longer than its issue interval.  When one
 * vector per block is left, LANES blocks are finished together, one in each lane.  A
 * single block is finished from its four vectors: each of their lanes is multiplied by
 * its own power of x, which moves it to the end of the block, and the sum is divided.
 *
 * Finish: the CRC of block B is (B * x^n) mod P.  The block is zero-padded to a whole
 * number of vectors, so what is left is R == B * x^(8 * pad).  unpad() computes
 * R * x^(n - 8 * pad), which cancels the padding, so that every length takes the same
 * code.  divide() reduces this product modulo P.
 *
 * gen-guard-fold.c describes the bit order, and defines the constants.
 */
#include <stdbool.h>

#include "guard-block.h"
#include "guard-fold.h"
#include "guard-kernels.h"

#define VEC	(16 * LANES)		/* bytes */
#define ROW	(4 * VEC)

/* The parameters of a CRC.  Every function here is compiled once for each of them. */
struct crc {
	const struct guard_fold *k;
	unsigned	bits;
	bool		reflected;
	uint64_t	start;		/* initial register value, and final XOR */
	size_t		head;		/* bytes per row for crc32c_word(): see fold_rows() */
};

/*
 * Fold all whole vectors of a block's data into one.  The data has a minimum length.  With
 * @lone, the data is the whole block, and the result is multiplied by x^n as unpad() does it.
 */
typedef vec fold_fn(const struct crc *crc, struct block b, bool lone);

/* Returns the constant that folds by @distance bytes, a multiple of a lane. */
TEMPLATE vec fold_by(const struct crc *crc, size_t distance)
{
	return vec_pair(crc->k->fold[distance / 16 - 1]);
}

TEMPLATE vec fold(vec v, vec k, vec add)
{
	return vec_xor3(vec_mul_low(v, k), vec_mul_high(v, k), add);
}

/*
 * Multiply by x^(n - 8 * pad) mod P: this appends the n zero bits of the CRC and cancels the
 * padding.  The result has fewer than 128 bits.  The constants are multiplied by x^(64 - n), so
 * that below this function P has degree 64 for all CRCs and one code serves them all.
 */
TEMPLATE vec unpad(vec v, vec k)
{
	return vec_xor(vec_mul_low(v, k), vec_mul_high(v, k));
}

/*
 * Returns the constant of unpad() for a vector that is @left bytes before the end of a block: it
 * also moves each lane there.
 */
TEMPLATE vec end_of(const struct crc *crc, size_t left)
{
	return vec_load(crc->k->ends[GUARD_ENDS - left / 16]);
}

/*
 * Prefetch cache lines: those to be read, and with ownership those to be written, because
 * stores wait for ownership.  Addresses beyond the end of a buffer do no harm.
 */
TEMPLATE void fetch_ahead(struct block b, size_t offset)
{
	__builtin_prefetch(b.reads + offset);
	if (b.copies)
		__builtin_prefetch(b.writes + offset, 1);
}

/* Prefetch as above for the @len bytes at @offset. */
TEMPLATE void fetch_lines(struct block b, size_t offset, size_t len)
{
	_Pragma("GCC unroll 8")
	for (size_t i = 0; i < len; i += 64)
		fetch_ahead(b, offset + i);
}

/* Returns a whole vector of data in memory order, and copies it if requested. */
TEMPLATE vec take_raw(struct block b, size_t offset)
{
	vec v = vec_load(b.data + offset);

	if (b.copies)
		vec_store(b.copy + offset, v);
	return v;
}

TEMPLATE vec ordered(const struct crc *crc, vec v)
{
	return crc->reflected ? v : vec_reverse(v);
}

TEMPLATE vec take(const struct crc *crc, struct block b, size_t offset)
{
	return ordered(crc, take_raw(b, offset));
}

TEMPLATE void fold_row(const struct crc *crc, vec acc[4], vec k, struct block b, size_t offset)
{
	fetch_lines(b, offset, ROW);
	_Pragma("GCC unroll 4")
	for (int i = 0; i < 4; i++)
		acc[i] = fold(acc[i], k, take(crc, b, offset + i * VEC));
}

/* Fold four consecutive vectors into the last of them. */
TEMPLATE vec merge_row(const struct crc *crc, const vec acc[4])
{
	vec v = fold(acc[0], fold_by(crc, 3 * VEC), acc[3]);

	v = fold(acc[1], fold_by(crc, 2 * VEC), v);
	return fold(acc[2], fold_by(crc, VEC), v);
}

/*
 * Do the same for a block that ends with these four vectors, which are @left bytes before its end,
 * and with whole vectors of data; the result is multiplied by x^n.  No product waits for another.
 */
TEMPLATE vec end_block(const struct crc *crc, const vec acc[4], struct block b, size_t left)
{
	vec v = unpad(acc[0], end_of(crc, left));

	_Pragma("GCC unroll 3")
	for (int i = 1; i < 4; i++)
		v = fold(acc[i], end_of(crc, left - i * VEC), v);
	for (left -= ROW; left; left -= VEC)
		v = fold(take(crc, b, b.data_len - left), end_of(crc, left), v);
	return v;
}

/* Fold the whole vectors of data from @offset on into @v, one after another. */
TEMPLATE vec fold_vectors(const struct crc *crc, vec v, struct block b, size_t offset)
{
	for (; offset + VEC <= b.data_len; offset += VEC)
		v = fold(v, fold_by(crc, VEC), take(crc, b, offset));
	return v;
}

/*
 * Returns the CRC-32C register after @len bytes, a multiple of a vector.  The copy is done by
 * vectors.
 */
TEMPLATE uint64_t crc32c_run(uint64_t reg, struct block b, size_t offset, size_t len)
{
	fetch_lines(b, offset, len);
	if (b.copies) {
		_Pragma("GCC unroll 4")
		for (size_t i = 0; i < len; i += VEC)
			take_raw(b, offset + i);
	}
	_Pragma("GCC unroll 8")
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word;

		__builtin_memcpy(&word, b.data + offset + i, 8);
		reg = crc32c_word(reg, word);
	}
	return reg;
}

/*
 * Fold the data row by row.
 *
 * CRC-32C has an instruction that uses another execution unit than the multiplication.  The
 * first crc->head bytes of every row are processed by it, and the resulting register is XORed
 * into the data that follows, as the register of a CRC always is.  Only the first row starts
 * with a register that is not zero.
 */
TEMPLATE vec fold_rows(const struct crc *crc, struct block b, bool lone)
{
	const size_t head = crc->head, len = b.data_len;
	const vec k = fold_by(crc, ROW + head);
	uint64_t reg = crc->start;
	size_t o = head;
	vec acc[4];

	if (head)
		reg = crc32c_run(reg, b, 0, head);
	fetch_lines(b, o, ROW);
	_Pragma("GCC unroll 4")
	for (int i = 0; i < 4; i++)
		acc[i] = take(crc, b, o + i * VEC);
	if (crc->start)
		acc[0] = vec_xor(acc[0], vec_first(reg));
	for (o += ROW; o + head + ROW <= len; o += ROW) {
		if (head)
			reg = crc32c_run(0, b, o, head);
		o += head;
		fold_row(crc, acc, k, b, o);
		if (head)
			acc[0] = vec_xor(acc[0], vec_first(reg));
	}
	if (lone)
		return end_block(crc, acc, b, len - o + ROW);
	if (head && o + ROW <= len) {
		fold_row(crc, acc, fold_by(crc, ROW), b, o);
		o += ROW;
	}
	return fold_vectors(crc, merge_row(crc, acc), b, o);
}

/* Fold a block of any length into one vector, congruent to the zero-padded block. */
TEMPLATE vec fold_block(const struct crc *crc, fold_fn *fold_data, size_t min, struct block b)
{
	size_t offset = b.data_len - b.data_len % VEC;
	vec v;

	if (b.data_len >= min) {
		v = fold_data(crc, b, false);
	} else {
		v = offset ? take(crc, b, 0) : ordered(crc, vec_tail(b, 0));
		if (crc->start)
			v = vec_xor(v, vec_first(crc->start));
		v = fold_vectors(crc, v, b, VEC);
		offset = offset ? offset : VEC;
	}
	for (; offset < b.len; offset += VEC)
		v = fold(v, fold_by(crc, VEC), ordered(crc, vec_tail(b, offset)));
	return v;
}

/*
 * Returns the bytes of zero padding that extend a block to a whole number of vectors, at least
 * one.
 */
TEMPLATE size_t padding(size_t len)
{
	return len ? -len % VEC : VEC;
}

/*
 * Returns v mod P in one word of each lane, by Barrett reduction:
 *
 *	q = floor(floor(v / x^64) * floor(x^128 / P) / x^64)
 *	v mod P = v + q * P
 *
 * q is exact, because polynomials over GF(2) have no carries.
 */
TEMPLATE vec divide(const struct crc *crc, vec v)
{
	const vec quotient = vec_pair(crc->k->quotient), poly = vec_pair(crc->k->poly);
	vec q;

	if (!crc->reflected) {
		q = vec_xor(vec_mul_high(v, quotient), v);
		return vec_xor(vec_mul_high(q, poly), v);
	}
	q = vec_mul_low(v, quotient);
	v = vec_xor(v, vec_mul_low(q, poly));
	/*
	 * The constant poly is P divided by x.  For a 64-bit CRC this loses the last term of
	 * P; add its contribution, q moved up by one word.
	 */
	return crc->bits == 64 ? vec_xor(v, vec_lift(q)) : v;
}

/* Returns the guard from the two words of a lane after divide(). */
TEMPLATE uint64_t guard_in(const struct crc *crc, uint64_t low, uint64_t high)
{
	return crc->reflected ? high ^ crc->start : low >> (64 - crc->bits);
}

/* Finish LANES blocks that are each folded into one vector, and store the first @nr guards. */
TEMPLATE void finish(const struct crc *crc, vec v[LANES], size_t pad, size_t nr,
		     uint64_t *guards)
{
	uint64_t lanes[2 * LANES];
	vec sum;

	vec_transpose(v);
	sum = v[LANES - 1];
	_Pragma("GCC unroll 4")
	for (int i = 0; i < LANES - 1; i++)
		sum = fold(v[i], fold_by(crc, 16 * (LANES - 1 - i)), sum);
	vec_store(lanes, divide(crc, unpad(sum, vec_pair(crc->k->unpad[pad]))));
	for (size_t i = 0; i < nr; i++)
		guards[i] = guard_in(crc, lanes[2 * i], lanes[2 * i + 1]);
}

/* Returns the guard of a block that is whole vectors of data. */
TEMPLATE uint64_t lone(const struct crc *crc, fold_fn *fold_data, struct block b)
{
	vec v = divide(crc, vec_sum(fold_data(crc, b, true)));

	return guard_in(crc, vec_word(v, 0), vec_word(v, 1));
}

/* Metadata and a copy may be NULL, and adding to that, even 0, is undefined: integers are added. */
TEMPLATE struct block block_of(const struct guard_job *job, size_t i, bool copy)
{
	const uint8_t *data = (const uint8_t *)job->data + i * job->data_stride;
	const uintptr_t to = (uintptr_t)job->copy + (copy ? i * job->copy_stride : 0);

	return (struct block){
		.data = data,
		.md = (const uint8_t *)((uintptr_t)job->md + (job->md_len ? i * job->md_stride : 0)),
		.copy = (uint8_t *)to,
		.reads = data + atomic_load_explicit(&guard_ahead.read, memory_order_relaxed),
		.writes = (uint8_t *)(to + atomic_load_explicit(&guard_ahead.write, memory_order_relaxed)),
		.data_len = job->data_len,
		.len = job->data_len + job->md_len,
		.copies = copy,
	};
}

/*
 * Fast path for blocks that are whole vectors of data, without metadata: LANES blocks at a
 * time, then the remaining ones.
 */
TEMPLATE void run_whole(const struct crc *crc, fold_fn *fold_data, bool copy,
			const struct guard_job *job, uint64_t *guards)
{
	size_t i;

	for (i = 0; i + LANES <= job->nr && LANES > 1; i += LANES) {
		vec v[LANES];

		_Pragma("GCC unroll 4")
		for (int n = 0; n < LANES; n++)
			v[n] = fold_data(crc, block_of(job, i + n, copy), false);
		finish(crc, v, 0, LANES, guards + i);
	}
	for (; i < job->nr; i++)
		guards[i] = lone(crc, fold_data, block_of(job, i, copy));
}

/* Slow path for blocks of any length, with or without metadata. */
TEMPLATE void run_any(const struct crc *crc, fold_fn *fold_data, size_t min,
		      const struct guard_job *job, uint64_t *guards)
{
	size_t pad = padding(job->data_len + job->md_len);

	for (size_t i = 0; i < job->nr; i += LANES) {
		size_t nr = job->nr - i < LANES ? job->nr - i : LANES;
		vec v[LANES] = { 0 };

		for (size_t n = 0; n < nr; n++)
			v[n] = fold_block(crc, fold_data, min, block_of(job, i + n, job->copy));
		finish(crc, v, pad, nr, guards + i);
	}
}

static const struct crc crc_16b = {
	.k = &guard_fold_16b, .bits = 16,
};

static const struct crc crc_32b = {
	.k = &guard_fold_32b, .bits = 32, .reflected = true, .start = 0xffffffff, .head = 64,
};

static const struct crc crc_64b = {
	.k = &guard_fold_64b, .bits = 64, .reflected = true, .start = ~0ULL,
};

/*
 * Define a guard_fn.  @fold_data requires at least @min bytes of data.  One block in a call is the
 * commonest I/O: nothing but its guard is computed in the function itself.
 */
#define GUARD_FN(guard, name, fold_data, min) \
static __attribute__((noinline)) void any_##guard(const struct guard_job *job, uint64_t *guards) \
{ \
	run_any(&crc_##guard, fold_data, min, job, guards); \
} \
static __attribute__((noinline)) void copy_##guard(const struct guard_job *job, uint64_t *guards) \
{ \
	run_whole(&crc_##guard, fold_data, true, job, guards); \
} \
static __attribute__((noinline)) void batch_##guard(const struct guard_job *job, uint64_t *guards) \
{ \
	run_whole(&crc_##guard, fold_data, false, job, guards); \
} \
void guard_##guard##_##name(const struct guard_job *job, uint64_t *guards) \
{ \
	if (job->data_len < (min) || job->data_len % VEC || job->md_len) \
		any_##guard(job, guards); \
	else if (job->copy) \
		copy_##guard(job, guards); \
	else if (job->nr == 1) \
		*guards = lone(&crc_##guard, fold_data, block_of(job, 0, false)); \
	else \
		batch_##guard(job, guards); \
}

/* Define the three guard_fn of an instruction set. */
#define GUARD_KERNEL(name) \
GUARD_FN(16b, name, fold_rows, crc_16b.head + ROW) \
GUARD_FN(32b, name, fold_rows, crc_32b.head + ROW) \
GUARD_FN(64b, name, fold_rows, crc_64b.head + ROW)
