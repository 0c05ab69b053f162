/* SPDX-License-Identifier: GPL-2.0-only */
/* test-oracle.c - compare the oracle with values that were published or calculated by hand */
#include <inttypes.h>

#include "tests/lib/oracle.h"
#include "tests/lib/unit.h"

/* The row of the table that is being tested, for messages. */
static char row[80];

static void equal(const char *what, uint64_t want, uint64_t got)
{
	UNIT_CHECK(want == got, "%s%s: wanted 0x%" PRIx64 " got 0x%" PRIx64, row, what, want, got);
}

/* Published guards of @len bytes: the first is @start, each next byte is greater by @step. */
static const struct {
	unsigned	pif;
	size_t		len;
	uint8_t		start;
	int		step;
	uint64_t	crc;
} published[] = {
	/* SBC, CRC test cases. */
	{ 0, 32, 0x00, 0, 0x0000 },
	{ 0, 32, 0xff, 0, 0xa293 },
	{ 0, 32, 0x00, 1, 0x0224 },
	{ 0, 32, 0xff, -1, 0xa0b7 },
	/* NVM Command Set Specification, 32b CRC Test Cases. */
	{ 1, 4096, 0x00, 0, 0x98f94189 },
	{ 1, 4096, 0xff, 0, 0x25c1fe13 },
	{ 1, 4096, 0x00, 1, 0x9c71fe32 },
	{ 1, 4096, 0xff, -1, 0x214941a8 },
	/* The same, 64b CRC Test Cases. */
	{ 2, 4096, 0x00, 0, 0x6482d367eb22b64e },
	{ 2, 4096, 0xff, 0, 0xc0ddba7302eca3ac },
	{ 2, 4096, 0x00, 1, 0x3e729f5f6750449c },
	{ 2, 4096, 0xff, -1, 0x9a2df64b8e9e517e },
};

static void check_values(void)
{
	static const uint64_t checks[] = { 0xd0db, 0xe3069283, 0xae8b14860a799888 };
	static const char digits[] = "123456789";

	for (unsigned pif = 0; pif < 3; pif++)
		for (size_t cut = 0; cut <= 9; cut++)
			equal("CRC of \"123456789\" in two parts", checks[pif],
			      oracle_crc(pif, digits, cut, digits + cut, 9 - cut));
}

static void published_blocks(void)
{
	uint8_t buf[4096];

	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		for (size_t j = 0; j < published[i].len; j++)
			buf[j] = published[i].start + j * published[i].step;
		snprintf(row, sizeof(row), "%zu bytes from %02xh by %d, ", published[i].len,
			 published[i].start, published[i].step);
		equal("CRC", published[i].crc,
		      oracle_crc(published[i].pif, buf, published[i].len, NULL, 0));
	}
	*row = '\0';
}

/*
 * Tuples and dwords calculated by hand.  The guard covers only the bytes "123456789", so it is the
 * published check value of the CRC.
 */
static const struct {
	const char		*name;
	struct oracle_format	f;
	struct oracle_tuple	tags;
	uint8_t			tuple[16];
	struct oracle_dwords	dwords;
} by_hand[] = {
	{ "16b", { .pif = 0, .type = 1, .data_size = 9, .md_size = 8 },
	  { { 0, 0x1234, 0, 0x00c0ffee } },
	  { 0xd0, 0xdb, 0x12, 0x34, 0x00, 0xc0, 0xff, 0xee }, { 0, 0, 0x00c0ffee, 0x5a5a1234 } },
	{ "16b, storage tag of 12 bits",
	  { .pif = 0, .type = 2, .data_size = 9, .md_size = 8, .sts = 12 },
	  { { 0, 0x1234, 0xabc, 0x70001 } },
	  { 0xd0, 0xdb, 0x12, 0x34, 0xab, 0xc7, 0x00, 0x01 }, { 0, 0, 0xabc70001, 0x5a5a1234 } },
	{ "16b, no reference tag",
	  { .pif = 0, .type = 3, .data_size = 9, .md_size = 8, .sts = 32 },
	  { { 0, 0x1234, 0xdeadbeef, 0 } },
	  { 0xd0, 0xdb, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef }, { 0, 0, 0xdeadbeef, 0x5a5a1234 } },
	{ "16b, last of 13",
	  { .pif = 0, .type = 1, .data_size = 4, .md_size = 13 },
	  { { 0, 0xbeef, 0, 7 } },
	  { 0xd0, 0xdb, 0xbe, 0xef, 0, 0, 0, 7 }, { 0, 0, 7, 0x5a5abeef } },
	{ "16b, first of 13",
	  { .pif = 0, .type = 1, .data_size = 9, .md_size = 13, .first = true },
	  { { 0, 0xbeef, 0, 7 } },
	  { 0xd0, 0xdb, 0xbe, 0xef, 0, 0, 0, 7 }, { 0, 0, 7, 0x5a5abeef } },
	{ "32b, storage tag of 32 bits",
	  { .pif = 1, .type = 1, .data_size = 9, .md_size = 16, .sts = 32 },
	  { { 0, 0x1234, 0xcafebabe, 0x010203040506 } },
	  { 0xe3, 0x06, 0x92, 0x83, 0x12, 0x34, 0xca, 0xfe, 0xba, 0xbe, 1, 2, 3, 4, 5, 6 },
	  { 0xcafe, 0xbabe0102, 0x03040506, 0x5a5a1234 } },
	{ "32b, storage tag of 20 bits",
	  { .pif = 1, .type = 1, .data_size = 9, .md_size = 16, .sts = 20 },
	  { { 0, 0x1234, 0xabcde, 0x123456789abcdef } },
	  { 0xe3, 0x06, 0x92, 0x83, 0x12, 0x34, 0xab, 0xcd, 0xe1, 0x23, 0x45, 0x67, 0x89, 0xab,
	    0xcd, 0xef },
	  { 0xabcd, 0xe1234567, 0x89abcdef, 0x5a5a1234 } },
	{ "32b, storage tag of 64 bits",
	  { .pif = 1, .type = 1, .data_size = 9, .md_size = 16, .sts = 64 },
	  { { 0, 0x1234, 0x1122334455667788, 0x99aa } },
	  { 0xe3, 0x06, 0x92, 0x83, 0x12, 0x34, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	    0x99, 0xaa },
	  { 0x1122, 0x33445566, 0x778899aa, 0x5a5a1234 } },
	{ "64b", { .pif = 2, .type = 1, .data_size = 9, .md_size = 16 },
	  { { 0, 0x1234, 0, 0x0000c0ffee01 } },
	  { 0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88, 0x12, 0x34, 0x00, 0x00, 0xc0, 0xff,
	    0xee, 0x01 },
	  { 0, 0, 0xc0ffee01, 0x5a5a1234 } },
	{ "64b, storage tag of 18 bits",
	  { .pif = 2, .type = 1, .data_size = 9, .md_size = 16, .sts = 18 },
	  { { 0, 0x1234, 0x2aaab, 0x12345678 } },
	  { 0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88, 0x12, 0x34, 0xaa, 0xaa, 0xd2, 0x34,
	    0x56, 0x78 },
	  { 0, 0xaaaa, 0xd2345678, 0x5a5a1234 } },
};

static void same_tags(const struct oracle_tuple *want, const struct oracle_tuple *got)
{
	for (int field = ORACLE_APP; field < ORACLE_FIELDS; field++)
		equal(oracle_names[field], want->field[field], got->field[field]);
}

static void one_dwords(size_t i)
{
	const struct oracle_dwords *want = &by_hand[i].dwords;
	struct oracle_dwords got = oracle_dwords(&by_hand[i].f, &by_hand[i].tags, 0x5a5a);
	struct oracle_tuple tags;
	uint16_t app_mask;

	equal("CDW2", want->cdw2, got.cdw2);
	equal("CDW3", want->cdw3, got.cdw3);
	equal("CDW14", want->cdw14, got.cdw14);
	equal("CDW15", want->cdw15, got.cdw15);
	tags = oracle_tags(&by_hand[i].f, want, &app_mask);
	same_tags(&by_hand[i].tags, &tags);
	equal("application tag mask", 0x5a5a, app_mask);
}

static void one_tuple(size_t i)
{
	const struct oracle_format *f = &by_hand[i].f;
	struct oracle_diff diffs[ORACLE_FIELDS];
	uint8_t buf[9 + 16] = "123456789";
	uint8_t *md = buf + f->data_size, *tuple = md + oracle_tuple_offset(f);
	struct oracle_tuple got;

	UNIT_CHECK(!oracle_objection(f), "%srefused: %s", row, oracle_objection(f));
	oracle_generate(f, buf, md, &by_hand[i].tags);
	for (unsigned j = 0; j < oracle_tuple_size(f); j++)
		equal("a byte of the tuple", by_hand[i].tuple[j], tuple[j]);
	equal("mismatches", 0, oracle_check(f, buf, md, &by_hand[i].tags, &oracle_all, diffs));
	got = oracle_unpack(f, by_hand[i].tuple);
	same_tags(&by_hand[i].tags, &got);
}

static void each_by_hand(void (*one)(size_t i))
{
	for (size_t i = 0; i < sizeof(by_hand) / sizeof(by_hand[0]); i++) {
		snprintf(row, sizeof(row), "%s, ", by_hand[i].name);
		one(i);
	}
	*row = '\0';
}

static void tuples(void)
{
	each_by_hand(one_tuple);
}

/* A controller ignores bits of the dwords that its format does not use. */
static void dwords(void)
{
	static const struct oracle_format f = { .type = 1, .data_size = 512, .md_size = 8 };
	struct oracle_dwords d = { 0xffffffff, 0xffffffff, 7, 0 };
	uint16_t app_mask;

	each_by_hand(one_dwords);
	equal("reference tag under unused bits", 7,
	      oracle_tags(&f, &d, &app_mask).field[ORACLE_REF]);
	equal("storage tag under unused bits", 0,
	      oracle_tags(&f, &d, &app_mask).field[ORACLE_STORAGE]);
}

/* All fields are wrong, so each must be reported; masks must hide the bits that they exclude. */
static void mismatches(void)
{
	static const struct oracle_format f = {
		.pif = 1, .type = 2, .data_size = 9, .md_size = 16, .sts = 32
	};
	struct oracle_tuple tags = { { 0, 0x1234, 0xcafebabe, 5 } };
	struct oracle_tuple mask = { { 0, 0xff00, 0x0000ffff, 0 } };
	struct oracle_diff d[ORACLE_FIELDS];
	uint8_t data[] = "123456789", md[16];

	oracle_generate(&f, data, md, &tags);
	data[8] ^= 1;
	tags = (struct oracle_tuple){ { 0, 0x1334, 0xcafebabf, 6 } };
	equal("mismatches", 4, oracle_check(&f, data, md, &tags, &oracle_all, d));
	for (int i = 0; i < ORACLE_FIELDS; i++)
		equal("order of mismatches", i, d[i].field);
	equal("guard got", 0xe3069283, d[ORACLE_GUARD].got);
	equal("guard wanted", oracle_crc(1, "123456788", 9, NULL, 0), d[ORACLE_GUARD].want);
	equal("reference tag wanted", 6, d[ORACLE_REF].want);
	equal("reference tag got", 5, d[ORACLE_REF].got);

	equal("mismatches under a mask", 2, oracle_check(&f, data, md, &tags, &mask, d));
	equal("masked application tag wanted", 0x1300, d[0].want);
	equal("masked application tag got", 0x1200, d[0].got);
	equal("masked storage tag wanted", 0xbabf, d[1].want);
	equal("masked storage tag got", 0xbabe, d[1].got);
}

static void reference_tags(void)
{
	struct oracle_format f = { .type = 1, .data_size = 512, .md_size = 16 };

	equal("16b: last before the wrap", 0xffffffff, oracle_ref(&f, 0, 0x1ffffffff));
	equal("16b: wrapped", 0, oracle_ref(&f, 0xffffffff, 1));
	f.sts = 31;
	equal("16b, one bit", 1, oracle_ref(&f, 0, 3));
	f.sts = 32;
	equal("16b, no bits", 0, oracle_ref(&f, 0, 3));
	f.pif = 1;
	f.sts = 16;
	equal("32b, 64 bits", 1, oracle_ref(&f, UINT64_MAX, 2));
	f.pif = 2;
	f.type = 2;
	f.sts = 0;
	equal("64b", 1, oracle_ref(&f, 0xffffffffffff, 2));
	f.type = 3;
	equal("type 3", 0xfffffffffffe, oracle_ref(&f, 0xfffffffffffe, 7));
}

static void escapes(void)
{
	struct oracle_tuple app = { { 0, 0xffff, 0, 7 } }, both = { { 0, 0xffff, 0, 0xffffffff } };
	struct oracle_tuple ref = { { 0, 0xfffe, 0, 0xffffffff } };
	struct oracle_format f = { .data_size = 512, .md_size = 8 };

	for (f.type = 0; f.type <= 3; f.type++) {
		equal("application tag alone", f.type == 1 || f.type == 2,
		      oracle_escapes(&f, &app));
		equal("application and reference tag", f.type != 0, oracle_escapes(&f, &both));
		equal("reference tag alone", false, oracle_escapes(&f, &ref));
	}
	f.type = 3;
	f.sts = 32;
	app.field[ORACLE_REF] = 0;
	equal("type 3 without a reference tag", true, oracle_escapes(&f, &app));
}

static void objections(void)
{
	static const struct {
		struct oracle_format	f;
		bool			good;
	} cases[] = {
		{ { .pif = 0, .type = 1, .data_size = 512, .md_size = 8 }, true },
		{ { .pif = 0, .type = 1, .data_size = 512, .md_size = 7 }, false },
		{ { .pif = 0, .type = 4, .data_size = 512, .md_size = 8 }, false },
		{ { .pif = 0, .type = 1, .data_size = 0, .md_size = 8 }, false },
		{ { .pif = 0, .type = 1, .data_size = 512, .md_size = 8, .sts = 32 }, true },
		{ { .pif = 0, .type = 1, .data_size = 512, .md_size = 8, .sts = 33 }, false },
		{ { .pif = 1, .type = 1, .data_size = 4096, .md_size = 16, .sts = 15 }, false },
		{ { .pif = 1, .type = 1, .data_size = 4096, .md_size = 16, .sts = 16 }, true },
		{ { .pif = 1, .type = 1, .data_size = 4096, .md_size = 16, .sts = 65 }, false },
		{ { .pif = 2, .type = 1, .data_size = 4096, .md_size = 16, .sts = 48 }, true },
		{ { .pif = 2, .type = 1, .data_size = 4096, .md_size = 16, .sts = 49 }, false },
		{ { .pif = 2, .type = 1, .data_size = 4096, .md_size = 15 }, false },
		{ { .pif = 3, .type = 1, .data_size = 4096, .md_size = 16 }, false },
		{ { .pif = 0, .type = 0, .data_size = 512, .md_size = 0 }, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		UNIT_CHECK(!oracle_objection(&cases[i].f) == cases[i].good, "row %zu was %s", i,
			   cases[i].good ? "refused" : "not refused");
}

static void blocks(void)
{
	struct oracle_format f = { .type = 1, .data_size = 512, .md_size = 8 };
	uint8_t data[3 * 520], md[3 * 8];
	struct oracle_block b = oracle_block(&f, data, md, 2);

	equal("separate data", 2 * 512, b.data - data);
	equal("separate metadata", 2 * 8, b.md - md);
	f.extended = true;
	b = oracle_block(&f, data, NULL, 2);
	equal("extended data", 2 * 520, b.data - data);
	equal("extended metadata", 2 * 520 + 512, b.md - data);
}

static const struct unit_case cases[] = {
	{ "check_values", check_values },
	{ "published_blocks", published_blocks },
	{ "tuples", tuples },
	{ "dwords", dwords },
	{ "mismatches", mismatches },
	{ "reference_tags", reference_tags },
	{ "escapes", escapes },
	{ "objections", objections },
	{ "blocks", blocks },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
