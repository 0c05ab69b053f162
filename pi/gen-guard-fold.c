/* SPDX-License-Identifier: MIT */
/*
 * gen-guard-fold.c - write guard-fold.c, the constants of the vector kernels
 *
 *	cc -o gen-guard-fold gen-guard-fold.c && ./gen-guard-fold > guard-fold.c
 *
 * All arithmetic is on polynomials over GF(2) modulo a CRC's polynomial P of degree
 * n.  This file defines each constant; guard-clmul.h and guard-x86-gfni.c describe how
 * the kernels use them.
 *
 * A 128-bit lane holds a polynomial of degree 127 at most, in one of two bit orders.
 * T10-DIF processes the high bit first: after its bytes are reversed, bit i of a lane
 * is the coefficient of x^i.  The reflected CRCs process the low bit first: bit i of a
 * lane is the coefficient of x^(127 - i).
 *
 * The product of two 64-bit words has 127 bits, which are the low bits of a lane.  In
 * the reflected order it therefore reads as the product times x.  To compensate, the
 * constants of the reflected CRCs are divided by x.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard-fold.h"

#define LANE		128	/* bits */
#define VECTOR		512	/* bits in a vector of the GFNI kernel */

struct crc {
	const char	*name;
	unsigned	bits;
	uint64_t	poly;		/* bit n is the coefficient of x^n */
	bool		reflected;
};

static const struct crc crcs[] = {
	{ "16b", 16, 0x8bb7,			false },	/* T10-DIF */
	{ "32b", 32, 0x1edc6f41,		true },		/* CRC-32C */
	{ "64b", 64, 0xad93d23594c93659,	true },		/* CRC-64/NVME */
};

static uint64_t reflect(uint64_t v)
{
	uint64_t r = 0;

	for (unsigned i = 0; i < 64; i++)
		r |= (v >> i & 1) << (63 - i);
	return r;
}

/* Returns x^@e mod P.  @e may be negative: P has the term 1, so x has an inverse. */
static uint64_t power(const struct crc *crc, int e)
{
	uint64_t top = 1ULL << (crc->bits - 1), v = 1;

	for (; e > 0; e--)
		v = (v & ~top) << 1 ^ (v & top ? crc->poly : 0);
	for (; e < 0; e++)
		v = v & 1 ? (v ^ crc->poly) >> 1 | top : v >> 1;
	return v;
}

/* Returns P * x^(64 - n) without its term x^64. */
static uint64_t poly64(const struct crc *crc)
{
	return crc->poly << (64 - crc->bits);
}

/* Returns floor(x^@e / (P * x^(64 - n))), without its term x^64 if it has one. */
static uint64_t quotient(const struct crc *crc, unsigned e)
{
	uint64_t rest = 0, q = 0;

	/* Long division: the dividend is a one followed by @e zeros. */
	for (unsigned i = 0; i <= e; i++) {
		bool high = rest >> 63;

		rest = rest << 1 | !i;
		rest ^= high ? poly64(crc) : 0;
		q = q << 1 | high;
	}
	return q;
}

/*
 * Print the factors of the low and of the high word of a lane that multiply the lane by x^@e
 * mod P, each multiplied by x^@up.
 */
static void print_pair(const struct crc *crc, int e, unsigned up)
{
	uint64_t low, high;

	if (crc->reflected) {
		low = reflect(power(crc, e + 64 - 1) << up);
		high = reflect(power(crc, e - 1) << up);
	} else {
		low = power(crc, e) << up;
		high = power(crc, e + 64) << up;
	}
	printf("\t\t{ 0x%016llx, 0x%016llx },\n", (unsigned long long)low,
	       (unsigned long long)high);
}

static void print_twice(const char *name, uint64_t v)
{
	printf("\t.%s = { 0x%016llx, 0x%016llx },\n", name, (unsigned long long)v,
	       (unsigned long long)v);
}

/*
 * Print the two factors of the division of 128 bits by P * x^(64 - n).  Those of the reflected
 * CRCs are divided by x, as all their constants are.
 */
static void print_division(const struct crc *crc)
{
	uint64_t q = quotient(crc, 128), poly = poly64(crc);

	if (crc->reflected) {
		q = reflect(quotient(crc, 127));
		poly = reflect(poly >> 1 | 1ULL << 63);
	}
	print_twice("quotient", q);
	print_twice("poly", poly);
}

static void print_crc(const struct crc *crc)
{
	printf("\nconst struct guard_fold guard_fold_%s = {\n", crc->name);
	puts("\t.fold = {");
	for (int i = 1; i <= GUARD_DISTANCES; i++)
		print_pair(crc, i * LANE, 0);
	puts("\t},\n\t.unpad = {");
	for (int i = 0; i < GUARD_PADS; i++)
		print_pair(crc, (int)crc->bits - 8 * i, 64 - crc->bits);
	puts("\t},\n\t.ends = {");
	for (int i = GUARD_ENDS - 1; i >= 0; i--)
		print_pair(crc, (int)crc->bits + i * LANE, 64 - crc->bits);
	puts("\t},");
	print_division(crc);
	puts("};");
}

/*
 * GFNI: a column is two bytes, a and b, which represent a * x^2048 + b.  Two vectors of data at
 * a distance of four vectors (2048 bits) form such columns.  Four vectors is the shortest
 * distance at which every remainder of T10-DIF has this form; at a distance of one, two or
 * three vectors the sixteen powers of x are linearly dependent.
 */
#define APART	(4 * VECTOR)

/*
 * Row i starts as the remainder of power i of a column: powers 0..7 are the bits of byte b,
 * 8..15 those of byte a.  Gauss-Jordan elimination turns these remainders into unit vectors,
 * and applied to unit vectors the same steps give the inverse: inverse[i] is the column of the
 * remainder x^i.
 */
static void invert_columns(const struct crc *crc, uint16_t inverse[16])
{
	uint32_t row[16];

	for (int i = 0; i < 16; i++)
		row[i] = (uint32_t)power(crc, i < 8 ? i : APART + i - 8) | 1u << (16 + i);
	for (int bit = 0; bit < 16; bit++) {
		int pivot = bit;

		while (pivot < 16 && !(row[pivot] >> bit & 1))
			pivot++;
		if (pivot == 16)
			abort();	/* linearly dependent */

		uint32_t keep = row[pivot];

		row[pivot] = row[bit];
		row[bit] = keep;
		for (int i = 0; i < 16; i++)
			if (i != bit && (row[i] >> bit & 1))
				row[i] ^= keep;
	}
	for (int i = 0; i < 16; i++)
		inverse[i] = row[i] >> 16;
}

static uint16_t column_of(const uint16_t inverse[16], uint64_t remainder)
{
	uint16_t column = 0;

	for (int i = 0; i < 16; i++)
		column ^= remainder >> i & 1 ? inverse[i] : 0;
	return column;
}

/*
 * Returns the 8 x 8 bit matrix by which a multiplication by x^@e maps byte @from of a column
 * (0: b, 1: a) to byte @to.  It is in the format of GF2P8AFFINEQB: the row of output bit 7 is
 * in the lowest byte, and bit j of a row is for input bit j.
 */
static uint64_t matrix(const struct crc *crc, const uint16_t inverse[16], int e, int from,
		       int to)
{
	uint64_t m = 0;

	for (int in = 0; in < 8; in++) {
		uint16_t column = column_of(inverse, power(crc, e + from * APART + in));

		for (int out = 0; out < 8; out++)
			m |= (uint64_t)(column >> (8 * to + out) & 1) << (8 * (7 - out) + in);
	}
	return m;
}

static void print_matrices(const struct crc *crc, const char *name, int e)
{
	uint16_t inverse[16];

	invert_columns(crc, inverse);
	printf("\nconst struct guard_matrices guard_matrices_%s = {\n", name);
	for (int i = 0; i < 4; i++)
		printf("\t.%c_from_%c = 0x%016llx,\n", i & 2 ? 'a' : 'b', i & 1 ? 'a' : 'b',
		       (unsigned long long)matrix(crc, inverse, e, i & 1, i >> 1));
	puts("};");
}

int main(void)
{
	puts("/* SPDX-License-Identifier: MIT */\n"
	     "/* Written by gen-guard-fold.c, which says what these are.  Do not edit. */\n"
	     "#include \"guard-fold.h\"");
	for (unsigned i = 0; i < sizeof(crcs) / sizeof(crcs[0]); i++)
		print_crc(&crcs[i]);
	print_matrices(&crcs[0], "1_vector", VECTOR);
	print_matrices(&crcs[0], "2_vectors", 2 * VECTOR);
	print_matrices(&crcs[0], "3_vectors", 3 * VECTOR);
	print_matrices(&crcs[0], "8_vectors", 8 * VECTOR);
	return 0;
}
