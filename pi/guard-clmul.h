/* SPDX-License-Identifier: MIT */
/*
 * guard-clmul.h - the three guards by carry-less multiplication: a template
 *
 * A file includes this after it has defined, for one set of instructions, the
 * type vec, LANES of 128 bits, and
 *
 *	vec_load(p), vec_store(p, v)	any alignment
 *	vec_tail(b, offset)		as block_tail() of guard-block.h
 *	vec_xor(a, b), vec_xor3(a, b, c)
 *	vec_mul_low(a, b)		carry-less, of the low words of each lane,
 *	vec_mul_high(a, b)		of the high words
 *	vec_lift(v)			each lane's low word moved to the high word
 *	vec_reverse(v)			the bytes of each lane in reverse order
 *	vec_pair(p)			every lane the two words at @p
 *	vec_first(word)			lane 0's low word, all else zero
 *	vec_transpose(v)		LANES vectors: lane i of v[j] to lane j of v[i]
 *	crc32c_word(crc, word)		the instruction: eight bytes of CRC-32C
 *
 * and gets GUARD_KERNEL(), and run() for a guard_fn with a method of its own.
 *
 * The method.  Lanes are polynomials over GF(2).  To fold a vector by some
 * distance is to multiply it with the power of x for that distance modulo P:
 * what is left is still congruent to the block, and can be added to the data
 * that lies there.  Four vectors fold side by side, because a multiplication
 * takes longer than it occupies its unit.  When one vector of a block is left,
 * LANES blocks are finished together, one in each lane; a block alone is finished
 * in all lanes at once.
 *
 * The last vector is padded with zeros behind the block; the constant that
 * begins the finish divides their power of x out again.  So no length is
 * special.  gen-guard-fold.c has the order of bits, and the constants.
 */
#include <stdbool.h>

#include "guard-block.h"
#include "guard-fold.h"
#include "guard-kernels.h"

#define VEC	(16 * LANES)		/* bytes */
#define ROW	(4 * VEC)

/* A CRC; every function here is compiled for each of them. */
struct crc {
	const struct guard_fold *k;
	unsigned	bits;
	bool		reflected;
	uint64_t	start;		/* in the register first, and added at the end */
	size_t		head;		/* of fold_rows(), bytes */
};

/* Fold all whole vectors of a block's data to one; there is a least length. */
typedef vec fold_fn(const struct crc *crc, struct block b);

/* The constant for @distance bytes, a multiple of a lane. */
TEMPLATE vec fold_by(const struct crc *crc, size_t distance)
{
	return vec_pair(crc->k->fold[distance / 16 - 1]);
}

TEMPLATE vec fold(vec v, vec k, vec add)
{
	return vec_xor3(vec_mul_low(v, k), vec_mul_high(v, k), add);
}

/*
 * Ask for lines of the cache early: to read them, and to own those that will be
 * written, which is what a store waits for.  Addresses behind a buffer do no harm.
 */
TEMPLATE void fetch_ahead(struct block b, size_t offset)
{
	enum { READ_AHEAD = 1024, WRITE_AHEAD = 2048 };

	__builtin_prefetch(b.data + offset + READ_AHEAD);
	if (b.copies)
		__builtin_prefetch(b.copy + offset + WRITE_AHEAD, 1);
}

/* A whole vector of data as it lies in memory. */
TEMPLATE vec take_raw(struct block b, size_t offset)
{
	vec v = vec_load(b.data + offset);

	fetch_ahead(b, offset);
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
	_Pragma("GCC unroll 4")
	for (int i = 0; i < 4; i++)
		acc[i] = fold(acc[i], k, take(crc, b, offset + i * VEC));
}

/* Fold four neighbours into the last of them. */
TEMPLATE vec merge_row(const struct crc *crc, const vec acc[4])
{
	vec v = fold(acc[0], fold_by(crc, 3 * VEC), acc[3]);

	v = fold(acc[1], fold_by(crc, 2 * VEC), v);
	return fold(acc[2], fold_by(crc, VEC), v);
}

/* The whole vectors of data at @offset and on, one after another. */
TEMPLATE vec fold_vectors(const struct crc *crc, vec v, struct block b, size_t offset)
{
	for (; offset + VEC <= b.data_len; offset += VEC)
		v = fold(v, fold_by(crc, VEC), take(crc, b, offset));
	return v;
}

/* The register of CRC-32C after @len bytes, some vectors; they are copied as such. */
TEMPLATE uint64_t crc32c_run(uint64_t reg, struct block b, size_t offset, size_t len)
{
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
 * Row after row.  CRC-32C has an instruction of its own, which runs beside the
 * multiplier: there crc->head bytes ahead of every row go through it, and
 * its register is added to the data that follows, as it is to any data that a
 * CRC goes on with.  Only the first register is not zero to begin with.
 */
TEMPLATE vec fold_rows(const struct crc *crc, struct block b)
{
	const size_t head = crc->head, len = b.data_len;
	const vec k = fold_by(crc, ROW + head);
	uint64_t reg = crc->start;
	size_t o = head;
	vec acc[4];

	if (head)
		reg = crc32c_run(reg, b, 0, head);
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
	return fold_vectors(crc, merge_row(crc, acc), b, o);
}

/* A block of any length as one vector, congruent to it and its padding. */
TEMPLATE vec fold_block(const struct crc *crc, fold_fn *fold_data, size_t min, struct block b)
{
	size_t offset = b.data_len - b.data_len % VEC;
	vec v;

	if (b.data_len >= min) {
		v = fold_data(crc, b);
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

/* Zeros behind a block that make its length that of some vectors, at least one. */
TEMPLATE size_t padding(size_t len)
{
	return len ? -len % VEC : VEC;
}

/*
 * Multiply with x^(bits - padding), which is congruent to the block moved up by the
 * CRC's width and leaves fewer than 128 bits.  P is moved up to 64 bits from here on,
 * so that one code serves all widths.
 */
TEMPLATE vec unpad(vec v, vec k)
{
	return vec_xor(vec_mul_low(v, k), vec_mul_high(v, k));
}

/*
 * Divide what unpad() has left by P.  The quotient is that of Barrett: exact,
 * because polynomials do not carry.
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
	/* The power that poly is lower by has cost it its last term when P has 64 bits. */
	return crc->bits == 64 ? vec_xor(v, vec_lift(q)) : v;
}

/* The guard in the words of one lane. */
TEMPLATE uint64_t guard_in(const struct crc *crc, uint64_t low, uint64_t high)
{
	return crc->reflected ? high ^ crc->start : low >> (64 - crc->bits);
}

/* Finish LANES blocks, each folded to one vector; store the first @nr guards. */
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

/*
 * Finish one block without padding: each lane is brought to the end by a constant
 * of its own, and what is left of them adds up.
 */
TEMPLATE uint64_t finish_one(const struct crc *crc, vec v)
{
	uint64_t lanes[2 * LANES], low = 0, high = 0;

	vec_store(lanes, divide(crc, unpad(v, vec_load(crc->k->ends[GUARD_LANES - LANES]))));
	_Pragma("GCC unroll 4")
	for (int i = 0; i < LANES; i++) {
		low ^= lanes[2 * i];
		high ^= lanes[2 * i + 1];
	}
	return guard_in(crc, low, high);
}

TEMPLATE struct block block_of(const struct guard_job *job, size_t i, bool copy)
{
	return (struct block){
		.data = (const uint8_t *)job->data + i * job->data_stride,
		.md = (const uint8_t *)job->md + (job->md_len ? i * job->md_stride : 0),
		.copy = (uint8_t *)job->copy + (copy ? i * job->copy_stride : 0),
		.data_len = job->data_len,
		.len = job->data_len + job->md_len,
		.copies = copy,
	};
}

/* The usual shape: nothing but whole vectors of data, LANES blocks at a time; then the rest. */
TEMPLATE void run_whole(const struct crc *crc, fold_fn *fold_data, bool copy,
			const struct guard_job *job, uint64_t *guards)
{
	size_t i;

	for (i = 0; i + LANES <= job->nr && LANES > 1; i += LANES) {
		vec v[LANES];

		_Pragma("GCC unroll 4")
		for (int n = 0; n < LANES; n++)
			v[n] = fold_data(crc, block_of(job, i + n, copy));
		finish(crc, v, 0, LANES, guards + i);
	}
	for (; i < job->nr; i++)
		guards[i] = finish_one(crc, fold_data(crc, block_of(job, i, copy)));
}

/* Blocks of any shape. */
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

/* All of a guard_fn.  @fold_data takes data of @min bytes or more. */
TEMPLATE void run(const struct crc *crc, fold_fn *fold_data, size_t min,
		  const struct guard_job *job, uint64_t *guards)
{
	if (job->data_len < min || job->data_len % VEC || job->md_len)
		run_any(crc, fold_data, min, job, guards);
	else if (job->copy)
		run_whole(crc, fold_data, true, job, guards);
	else
		run_whole(crc, fold_data, false, job, guards);
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

#define ROWS_FN(guard, name) \
void guard_##guard##_##name(const struct guard_job *job, uint64_t *guards) \
{ \
	run(&crc_##guard, fold_rows, crc_##guard.head + ROW, job, guards); \
}

/* The three guard_fn of a set of instructions. */
#define GUARD_KERNEL(name) \
ROWS_FN(16b, name) \
ROWS_FN(32b, name) \
ROWS_FN(64b, name)
