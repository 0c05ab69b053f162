/* SPDX-License-Identifier: MIT */
/*
 * gen-guard-tables.c - write guard-tables.h, the constants of guard-portable.c
 *
 *	cc -o gen-guard-tables gen-guard-tables.c && ./gen-guard-tables > guard-tables.h
 *
 * Slicing looks up what each byte of a word adds to the CRC's register once
 * all bytes after it have gone by.  Such a table has 256 entries, but it is
 * linear: an entry is the sum (exclusive or) of those of the byte's bits.  So
 * eight values say all of it, and the preprocessor adds them up.
 *
 * Row k is for the byte with k bytes after it, value b for its bit b.  Values
 * are as guard-portable.c keeps the register: its low byte meets the next byte of
 * data.  A reflected CRC has it so by itself; for T10-DIF, which takes the high bit
 * first, it means that the two bytes are swapped.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SLICES 16	/* bytes that one step takes */

struct crc {
	const char	*name;
	unsigned	bits;
	uint64_t	poly;		/* its bit n is the coefficient of x^n */
	bool		reflected;
};

static const struct crc crcs[] = {
	{ "16B", 16, 0x8bb7,			false },	/* T10-DIF */
	{ "32B", 32, 0x1edc6f41,		true },		/* CRC-32C */
	{ "64B", 64, 0xad93d23594c93659,	true },		/* CRC-64/NVME */
};

static uint64_t reflect(uint64_t v, unsigned bits)
{
	uint64_t r = 0;

	for (unsigned i = 0; i < bits; i++)
		r |= (v >> i & 1) << (bits - 1 - i);
	return r;
}

/* x^e modulo the CRC's polynomial; bit n is the coefficient of x^n. */
static uint64_t power(const struct crc *crc, unsigned e)
{
	uint64_t top = 1ULL << (crc->bits - 1), v = 1;

	while (e--)
		v = ((v & ~top) << 1) ^ (v & top ? crc->poly : 0);
	return v;
}

/* As the register holds it; see the top of this file. */
static uint64_t in_register(const struct crc *crc, uint64_t v)
{
	if (crc->reflected)
		return reflect(v, crc->bits);
	return (v & 0xff) << 8 | v >> 8;
}

/*
 * A bit adds x^(bits + number of bits after it): the CRC is the remainder of
 * the data times x^bits.
 */
static uint64_t value(const struct crc *crc, unsigned slice, unsigned bit)
{
	unsigned after = 8 * slice + (crc->reflected ? 7 - bit : bit);

	return in_register(crc, power(crc, crc->bits + after));
}

static void print_row(const struct crc *crc, unsigned slice)
{
	printf("\tROW(");
	for (unsigned bit = 0; bit < 8; bit++)
		printf("0x%0*llx%s", (int)crc->bits / 4,
		       (unsigned long long)value(crc, slice, bit),
		       bit == 7 ? ")" : bit == 3 ? ", \\\n\t    " : ", ");
	puts(slice + 1 < SLICES ? ", \\" : "");
}

static void print_table(const struct crc *crc)
{
	printf("\n#define GUARD_%s_TABLE(ROW) \\\n", crc->name);
	for (unsigned slice = 0; slice < SLICES; slice++)
		print_row(crc, slice);
}

int main(void)
{
	puts("/* SPDX-License-Identifier: MIT */\n"
	     "/* Written by gen-guard-tables.c, which says what these are.  Do not edit. */\n"
	     "#ifndef GUARD_TABLES_H\n"
	     "#define GUARD_TABLES_H\n");
	printf("#define GUARD_SLICES %d\n", SLICES);
	for (unsigned i = 0; i < sizeof(crcs) / sizeof(crcs[0]); i++)
		print_table(&crcs[i]);
	puts("\n#endif");
	return 0;
}
