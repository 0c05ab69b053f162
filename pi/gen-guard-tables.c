/* SPDX-License-Identifier: MIT */
/*
 * gen-guard-tables.c - write guard-tables.h, the constants of guard-portable.c
 *
 *	cc -o gen-guard-tables gen-guard-tables.c && ./gen-guard-tables > guard-tables.h
 *
 * The slicing algorithm looks up what each byte of a 16-byte slice contributes to the
 * CRC register after all bytes of the slice.  Each such table has 256 entries.  CRC is
 * linear over XOR: an entry is the XOR of the entries of the byte's single bits.
 * Therefore this program writes only eight values per table, and macros of the
 * preprocessor expand them.
 *
 * Row k is for the byte that is followed by k more bytes of the slice; value b is for
 * bit b of the byte.  Values have the byte order of guard-portable.c's register, whose
 * low byte is combined with the next byte of data.  A reflected CRC has this order by
 * definition.  T10-DIF processes the high bit first, so its two bytes are swapped.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SLICES 16	/* bytes per step */

struct crc {
	const char	*name;
	unsigned	bits;
	uint64_t	poly;		/* bit n is the coefficient of x^n */
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

/* Returns x^@e mod P, the CRC's polynomial; bit n is the coefficient of x^n. */
static uint64_t power(const struct crc *crc, unsigned e)
{
	uint64_t top = 1ULL << (crc->bits - 1), v = 1;

	while (e--)
		v = ((v & ~top) << 1) ^ (v & top ? crc->poly : 0);
	return v;
}

/* Returns @v in the byte order of the register; see the top of this file. */
static uint64_t in_register(const struct crc *crc, uint64_t v)
{
	if (crc->reflected)
		return reflect(v, crc->bits);
	return (v & 0xff) << 8 | v >> 8;
}

/*
 * Returns the contribution of one bit: x^(crc_bits + number of bits after it) mod P, because
 * the CRC is (data * x^crc_bits) mod P.
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
