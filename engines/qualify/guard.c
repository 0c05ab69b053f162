// SPDX-License-Identifier: GPL-2.0-only
/* guard.c - see guard.h */
#include <endian.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include "guard.h"

/* Polynomials as the specification writes them: the highest power first. */
static const struct crc {
	unsigned	bits;
	uint64_t	poly;
	/* bit 0 of a byte is processed first; the register is inverted at start and end */
	bool reflected;
} crcs[3] = {
	{ 16, 0x8bb7, false },
	{ 32, 0x1edc6f41, true },
	{ 64, 0xad93d23594c93659, true },
};

/* The register after a byte and so many of zero. */
enum { AT_ONCE = 8 };
static uint64_t tables[3][AT_ONCE][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t reflect(uint64_t value, unsigned bits)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < bits; i++)
		out |= (value >> i & 1) << (bits - 1 - i);
	return out;
}

/* Returns the register after one byte, processed bit by bit. */
static uint64_t divide_byte(const struct crc *c, unsigned byte)
{
	const uint64_t top = 1ULL << (c->bits - 1), poly = reflect(c->poly, c->bits);
	uint64_t reg = c->reflected ? byte : (uint64_t)byte << (c->bits - 8);

	for (int i = 0; i < 8; i++) {
		if (c->reflected)
			reg = reg & 1 ? reg >> 1 ^ poly : reg >> 1;
		else
			reg = reg & top ? reg << 1 ^ c->poly : reg << 1;
	}
	return c->bits == 64 ? reg : reg & ((1ULL << c->bits) - 1);
}

/* The register after a byte of zero. */
static uint64_t shift(unsigned pif, uint64_t reg)
{
	const uint64_t *table = tables[pif][0];

	return crcs[pif].reflected ? reg >> 8 ^ table[reg & 0xff] :
				     (reg << 8 ^ table[reg >> 8 & 0xff]) & 0xffff;
}

static void fill_tables(void)
{
	for (int pif = 0; pif < 3; pif++)
		for (unsigned byte = 0; byte < 256; byte++)
			tables[pif][0][byte] = divide_byte(&crcs[pif], byte);
	for (int pif = 0; pif < 3; pif++)
		for (int n = 1; n < AT_ONCE; n++)
			for (unsigned byte = 0; byte < 256; byte++)
				tables[pif][n][byte] = shift(pif, tables[pif][n - 1][byte]);
}

/* Eight bytes: the register is shifted out, and each byte has as many behind it as its table. */
static uint64_t add_eight(unsigned pif, uint64_t reg, const uint8_t *p)
{
	uint64_t (*const table)[256] = tables[pif];
	uint64_t v, sum = 0;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v) ^ (crcs[pif].reflected ? reg : reg >> 8 | (reg & 0xff) << 8);
#pragma GCC unroll 8
	for (int n = 0; n < AT_ONCE; n++)
		sum ^= table[AT_ONCE - 1 - n][v >> 8 * n & 0xff];
	return sum;
}

static uint64_t add(unsigned pif, uint64_t reg, const uint8_t *p, size_t len)
{
	for (; len >= AT_ONCE; len -= AT_ONCE, p += AT_ONCE)
		reg = add_eight(pif, reg, p);
	for (; len; len--, p++)
		reg = shift(pif, reg ^ (crcs[pif].reflected ? *p : (uint64_t)*p << 8));
	return reg;
}

uint64_t qm_guard(unsigned pif, const void *data, size_t len, const void *more, size_t more_len)
{
	const struct crc *c = &crcs[pif];
	const uint64_t ones = c->bits == 64 ? ~0ULL : (1ULL << c->bits) - 1;
	uint64_t reg = c->reflected ? ones : 0;

	pthread_once(&once, fill_tables);
	reg = add(pif, reg, data, len);
	reg = add(pif, reg, more, more_len);
	return c->reflected ? reg ^ ones : reg;
}
