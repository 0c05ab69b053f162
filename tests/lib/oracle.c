/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle.c - see oracle.h
 *
 * Every multi-bit value is a string of bits, most significant first, as the specification draws
 * it. Simplicity is more important than speed.
 */
#include "oracle.h"

#include <string.h>

/*
 * A CRC by the parameters of the Rocksoft model.  A reflected CRC takes the bits of each byte, and
 * returns those of the remainder, in reverse order.
 */
struct crc {
	unsigned	width;
	uint64_t	poly;
	uint64_t	init;
	bool		reflected;
	uint64_t	xorout;
};

/*
 * Indexed by PIF.  Spec: 16b, 32b and 64b Guard Protection Information.  The check value that the
 * specification prints for the 64b parameters matches neither them nor the 64b CRC Test Cases that
 * follow it; the test cases are correct.
 */
static const struct crc crcs[] = {
	{ 16, 0x8bb7, 0, false, 0 },
	{ 32, 0x1edc6f41, 0xffffffff, true, 0xffffffff },
	{ 64, 0xad93d23594c93659, 0xffffffffffffffff, true, 0xffffffffffffffff },
};

/* Indexed by PIF: bits of the storage and reference space, and limits of the storage tag's size. */
static const struct space {
	unsigned	bits;
	unsigned	sts_min;
	unsigned	sts_max;
} spaces[] = {
	{ 32, 0, 32 },
	{ 80, 16, 64 },
	{ 48, 0, 48 },
};

const char *const oracle_names[ORACLE_FIELDS] = { "guard", "app", "storage", "ref" };

const struct oracle_tuple oracle_all = {
	{ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }
};

static uint64_t ones(unsigned bits)
{
	return bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

/* Store the low @bits of @value as the bits from @pos on of the string @s. */
static void put_bits(uint8_t *s, unsigned pos, unsigned bits, uint64_t value)
{
	for (unsigned i = 0; i < bits; i++) {
		unsigned at = pos + i;
		uint8_t bit = 0x80 >> (at % 8);

		if (value >> (bits - 1 - i) & 1)
			s[at / 8] |= bit;
		else
			s[at / 8] &= ~bit;
	}
}

static uint64_t get_bits(const uint8_t *s, unsigned pos, unsigned bits)
{
	uint64_t value = 0;

	for (unsigned at = pos; at < pos + bits; at++)
		value = value << 1 | (s[at / 8] >> (7 - at % 8) & 1);
	return value;
}

static uint64_t reversed(uint64_t value, unsigned bits)
{
	uint64_t r = 0;

	for (unsigned i = 0; i < bits; i++)
		r |= (value >> i & 1) << (bits - 1 - i);
	return r;
}

/*
 * Long division by the polynomial.  The register is aligned to the top of 64 bits, so one loop
 * handles all widths: the bit shifted out is always bit 63.
 */
static uint64_t divide(const struct crc *c, uint64_t reg, const uint8_t *p, size_t len)
{
	uint64_t poly = c->poly << (64 - c->width);

	for (size_t i = 0; i < len; i++) {
		uint64_t byte = c->reflected ? reversed(p[i], 8) : p[i];

		reg ^= byte << 56;
		for (int bit = 0; bit < 8; bit++)
			reg = reg << 1 ^ (reg >> 63 ? poly : 0);
	}
	return reg;
}

uint64_t oracle_crc(unsigned pif, const void *data, size_t len, const void *more, size_t more_len)
{
	const struct crc *c = &crcs[pif];
	uint64_t reg = c->init << (64 - c->width);

	reg = divide(c, reg, data, len);
	reg = divide(c, reg, more, more_len);
	reg >>= 64 - c->width;
	return (c->reflected ? reversed(reg, c->width) : reg) ^ c->xorout;
}

/* Spec: Storage Tag and Logical Block Reference Tag from Storage and Reference Space. */
unsigned oracle_bits(const struct oracle_format *f, enum oracle_field field)
{
	const unsigned widths[ORACLE_FIELDS] = {
		[ORACLE_GUARD]		= crcs[f->pif].width,
		[ORACLE_APP]		= 16,
		[ORACLE_STORAGE]	= f->sts,
		[ORACLE_REF]		= spaces[f->pif].bits - f->sts,
	};

	return f->type ? widths[field] : 0;
}

unsigned oracle_tuple_size(const struct oracle_format *f)
{
	unsigned bits = 0;

	for (int field = 0; field < ORACLE_FIELDS; field++)
		bits += oracle_bits(f, field);
	return bits / 8;
}

/* Spec: End-to-end Data Protection (the tuple is the first or the last bytes of the metadata). */
uint32_t oracle_tuple_offset(const struct oracle_format *f)
{
	return f->first ? 0 : f->md_size - oracle_tuple_size(f);
}

const char *oracle_objection(const struct oracle_format *f)
{
	if (f->type > 3)
		return "protection types are 0 to 3";
	if (f->pif > 2)
		return "protection information formats are 0 (16b), 1 (32b) and 2 (64b)";
	if (!f->data_size)
		return "a block needs data";
	if (!f->type)
		return NULL;
	if (f->sts < spaces[f->pif].sts_min)
		return "the storage tag is too small for the guard (32b: 16 bits)";
	if (f->sts > spaces[f->pif].sts_max)
		return "the storage tag is too large for the guard (16b: 32, 32b: 64, 64b: 48)";
	if (f->md_size < oracle_tuple_size(f))
		return "the metadata is too small for a tuple (16b: 8 bytes, 32b and 64b: 16)";
	return NULL;
}

uint64_t oracle_guard(const struct oracle_format *f, const void *data, const void *md)
{
	return f->type ? oracle_crc(f->pif, data, f->data_size, md, oracle_tuple_offset(f)) : 0;
}

uint64_t oracle_ref(const struct oracle_format *f, uint64_t first, uint64_t n)
{
	return (f->type == 3 ? first : first + n) & ones(oracle_bits(f, ORACLE_REF));
}

/* Spec: 16b, 32b and 64b Guard Protection Information Format (the figures). */
void oracle_pack(const struct oracle_format *f, const struct oracle_tuple *t, void *tuple)
{
	unsigned pos = 0;

	for (int field = 0; field < ORACLE_FIELDS; field++) {
		put_bits(tuple, pos, oracle_bits(f, field), t->field[field]);
		pos += oracle_bits(f, field);
	}
}

struct oracle_tuple oracle_unpack(const struct oracle_format *f, const void *tuple)
{
	struct oracle_tuple t;
	unsigned pos = 0;

	for (int field = 0; field < ORACLE_FIELDS; field++) {
		t.field[field] = get_bits(tuple, pos, oracle_bits(f, field));
		pos += oracle_bits(f, field);
	}
	return t;
}

/* A reference tag of width 0 is not defined by the specification; it is ignored here. */
bool oracle_escapes(const struct oracle_format *f, const struct oracle_tuple *t)
{
	if (!f->type || t->field[ORACLE_APP] != 0xffff)
		return false;
	return f->type != 3 || t->field[ORACLE_REF] == ones(oracle_bits(f, ORACLE_REF));
}

/* Spec: Metadata Handling (contiguous with the data, or a separate buffer). */
struct oracle_block oracle_block(const struct oracle_format *f, void *data, void *md, size_t i)
{
	uint8_t *d = data, *m = md;

	if (!f->extended)
		return (struct oracle_block){ d + i * f->data_size, m + i * f->md_size };
	d += i * ((size_t)f->data_size + f->md_size);
	return (struct oracle_block){ d, d + f->data_size };
}

void oracle_generate(const struct oracle_format *f, const void *data, void *md,
		     const struct oracle_tuple *tags)
{
	struct oracle_tuple t = *tags;

	t.field[ORACLE_GUARD] = oracle_guard(f, data, md);
	oracle_pack(f, &t, (uint8_t *)md + oracle_tuple_offset(f));
}

unsigned oracle_check(const struct oracle_format *f, const void *data, const void *md,
		      const struct oracle_tuple *tags, const struct oracle_tuple *mask,
		      struct oracle_diff diffs[ORACLE_FIELDS])
{
	struct oracle_tuple got = oracle_unpack(f, (const uint8_t *)md + oracle_tuple_offset(f));
	struct oracle_tuple want = *tags;
	unsigned n = 0;

	want.field[ORACLE_GUARD] = oracle_guard(f, data, md);
	for (int field = 0; field < ORACLE_FIELDS; field++) {
		uint64_t m = mask->field[field] & ones(oracle_bits(f, field));
		uint64_t w = want.field[field] & m, g = got.field[field] & m;

		if (w != g)
			diffs[n++] = (struct oracle_diff){ field, w, g };
	}
	return n;
}

/* The 80 bits start with CDW2[15:0], so the reference tag ends where CDW14 ends. */
struct oracle_dwords oracle_dwords(const struct oracle_format *f, const struct oracle_tuple *tags,
				   uint16_t app_mask)
{
	unsigned sts = oracle_bits(f, ORACLE_STORAGE), ref = oracle_bits(f, ORACLE_REF);
	uint64_t app = tags->field[ORACLE_APP] & 0xffff;
	uint8_t space[10] = { 0 };

	put_bits(space, 80 - ref - sts, sts, tags->field[ORACLE_STORAGE]);
	put_bits(space, 80 - ref, ref, tags->field[ORACLE_REF]);
	return (struct oracle_dwords){
		.cdw2	= get_bits(space, 0, 16),
		.cdw3	= get_bits(space, 16, 32),
		.cdw14	= get_bits(space, 48, 32),
		.cdw15	= (uint32_t)app_mask << 16 | app,
	};
}

struct oracle_tuple oracle_tags(const struct oracle_format *f, const struct oracle_dwords *d,
				uint16_t *app_mask)
{
	unsigned sts = oracle_bits(f, ORACLE_STORAGE), ref = oracle_bits(f, ORACLE_REF);
	uint8_t space[10];

	put_bits(space, 0, 16, d->cdw2);
	put_bits(space, 16, 32, d->cdw3);
	put_bits(space, 48, 32, d->cdw14);
	*app_mask = d->cdw15 >> 16;
	return (struct oracle_tuple){
		.field = {
			[ORACLE_APP]		= d->cdw15 & 0xffff,
			[ORACLE_STORAGE]	= get_bits(space, 80 - ref - sts, sts),
			[ORACLE_REF]		= get_bits(space, 80 - ref, ref),
		},
	};
}
