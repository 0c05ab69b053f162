/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-pi-layout.c - compare formats, layouts, tuples and command dwords of pi/ with the
 * oracle, for every storage tag size, and with values computed by hand
 */
#include <errno.h>

#include "tests/lib/pi-format.h"
#include "tests/lib/unit.h"

#define for_each_sts(pif, sts) \
	for (unsigned pif = 0; pif < 3; pif++) \
		for (unsigned sts = pi_formats[pif].sts_min; sts <= pi_formats[pif].sts_max; sts++)

/* Returns tags with random bits above the width of each field. */
static struct pi_tags noisy_tags(void)
{
	return (struct pi_tags){ unit_random(), unit_random(), unit_random(), unit_random(),
				 unit_random() };
}

static void check_dwords(const struct oracle_format *f)
{
	struct pi_layout l = layout_of(f);
	struct pi_tags t = noisy_tags(), back;
	struct pi_dwords d = pi_tags_pack(&l, &t);
	struct oracle_tuple o = { { [ORACLE_APP] = t.app, [ORACLE_STORAGE] = t.storage,
				    [ORACLE_REF] = t.ref } };
	struct oracle_dwords want = oracle_dwords(f, &o, t.app_mask);

	UNIT_CHECK(d.cdw2 == want.cdw2 && d.cdw3 == want.cdw3 && d.cdw14 == want.cdw14 &&
		   d.cdw15 == want.cdw15, "pif %u sts %u: %x %x %x %x, not %x %x %x %x", f->pif,
		   f->sts, d.cdw2, d.cdw3, d.cdw14, d.cdw15,
		   want.cdw2, want.cdw3, want.cdw14, want.cdw15);

	/* bits above the space are ignored */
	d.cdw2 |= 0xa5a50000;
	if (f->pif == 0)
		d.cdw3 = 0x12345678;
	back = pi_tags_unpack(&l, &d, t.storage_mask);
	UNIT_CHECK(back.ref == (t.ref & pi_ones(oracle_bits(f, ORACLE_REF))) &&
		   back.storage == (t.storage & pi_ones(f->sts)) &&
		   back.app == t.app && back.app_mask == t.app_mask &&
		   back.storage_mask == t.storage_mask, "pif %u sts %u: unpacked %llx %llx %x %x",
		   f->pif, f->sts, (unsigned long long)back.ref,
		   (unsigned long long)back.storage, back.app, back.app_mask);
}

static void dwords_all(void)
{
	for_each_sts(pif, sts)
		check_dwords(&(struct oracle_format){ pif, 1, 4096, 16, sts, 0, 0 });
}

static void dwords_by_hand(void)
{
	static const struct {
		unsigned		pif, sts;
		uint64_t		storage, ref;
		struct pi_dwords	want;
	} rows[] = {
		{ 0,  0, 0, 0x12345678, { 0, 0, 0x12345678, 0xff0f1234 } },
		{ 0, 16, 0xabcd, 0x1234, { 0, 0, 0xabcd1234, 0xff0f1234 } },
		{ 0, 32, 0xabcdef01, 0, { 0, 0, 0xabcdef01, 0xff0f1234 } },
		{ 1, 16, 0xabcd, 0x1122334455667788,
			{ 0xabcd, 0x11223344, 0x55667788, 0xff0f1234 } },
		{ 1, 64, 0x1122334455667788, 0x99aa,
			{ 0x1122, 0x33445566, 0x778899aa, 0xff0f1234 } },
		{ 2,  0, 0, 0xabcd11223344, { 0, 0xabcd, 0x11223344, 0xff0f1234 } },
		{ 2, 20, 0xabcde, 0x1223344, { 0, 0xabcd, 0xe1223344, 0xff0f1234 } },
		{ 2, 48, 0xabcd11223344, 0, { 0, 0xabcd, 0x11223344, 0xff0f1234 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pi_layout l = { .format = &pi_formats[rows[i].pif], .type = PI_TYPE1,
				       .sts = rows[i].sts };
		struct pi_tags t = { .storage = rows[i].storage, .ref = rows[i].ref,
				     .app = 0x1234, .app_mask = 0xff0f };
		struct pi_dwords d = pi_tags_pack(&l, &t);

		UNIT_CHECK(!memcmp(&d, &rows[i].want, sizeof(d)), "row %zu: %x %x %x %x", i,
			   d.cdw2, d.cdw3, d.cdw14, d.cdw15);
	}
}

static void check_tuple(const struct oracle_format *f)
{
	struct pi_layout l = layout_of(f);
	struct pi_fields in = { unit_random(), unit_random(), unit_random(), unit_random() }, out;
	struct oracle_tuple o = { { [ORACLE_GUARD] = in.guard, [ORACLE_APP] = in.app,
				    [ORACLE_STORAGE] = in.storage, [ORACLE_REF] = in.ref } };
	uint8_t mine[17], theirs[17];

	memset(mine, 0x5a, sizeof(mine));
	memset(theirs, 0x5a, sizeof(theirs));
	pi_tuple_put(&l, mine, &in);
	oracle_pack(f, &o, theirs);
	UNIT_CHECK(!memcmp(mine, theirs, sizeof(mine)), "pif %u sts %u: packed", f->pif, f->sts);

	unit_random_fill(mine, sizeof(mine));
	o = oracle_unpack(f, mine);
	out = pi_tuple_get(&l, mine);
	UNIT_CHECK(out.guard == o.field[ORACLE_GUARD] && out.app == o.field[ORACLE_APP] &&
		   out.storage == o.field[ORACLE_STORAGE] && out.ref == o.field[ORACLE_REF],
		   "pif %u sts %u: unpacked %llx %x %llx %llx", f->pif, f->sts,
		   (unsigned long long)out.guard, out.app, (unsigned long long)out.storage,
		   (unsigned long long)out.ref);
	UNIT_CHECK(pi_ref_bits(&l) == oracle_bits(f, ORACLE_REF), "pif %u sts %u: %u bits of it",
		   f->pif, f->sts, pi_ref_bits(&l));
}

static void tuples_all(void)
{
	for_each_sts(pif, sts)
		check_tuple(&(struct oracle_format){ pif, 1, 4096, 16, sts, 0, 0 });
}

static void tuples_by_hand(void)
{
	static const struct {
		unsigned		pif, sts;
		struct pi_fields	fields;
		uint8_t			want[17];
	} rows[] = {
		{ 0, 8, { 0xd0db, 0x5a, 0xabcdef, 0x1234 },
		  "\xd0\xdb\x12\x34\x5a\xab\xcd\xef" },
		{ 1, 24, { 0xe3069283, 0xa1b2c3, 0x11223344556677, 0x1234 },
		  "\xe3\x06\x92\x83\x12\x34\xa1\xb2\xc3\x11\x22\x33\x44\x55\x66\x77" },
		{ 1, 64, { 0xe3069283, 0x1122334455667788, 0x99aa, 0x1234 },
		  "\xe3\x06\x92\x83\x12\x34\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa" },
		{ 2, 0, { 0xae8b14860a799888, 0, 0x010203040506, 0xffff },
		  "\xae\x8b\x14\x86\x0a\x79\x98\x88\xff\xff\x01\x02\x03\x04\x05\x06" },
		{ 2, 12, { 0xae8b14860a799888, 0xabc, 0x123456789, 0xffff },
		  "\xae\x8b\x14\x86\x0a\x79\x98\x88\xff\xff\xab\xc1\x23\x45\x67\x89" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pi_layout l = { .format = &pi_formats[rows[i].pif], .type = PI_TYPE1,
				       .sts = rows[i].sts };
		uint8_t tuple[17] = { 0 };
		struct pi_fields back;

		pi_tuple_put(&l, tuple, &rows[i].fields);
		UNIT_CHECK(!memcmp(tuple, rows[i].want, sizeof(tuple)), "row %zu: packed", i);
		back = pi_tuple_get(&l, rows[i].want);
		UNIT_CHECK(back.guard == rows[i].fields.guard && back.app == rows[i].fields.app &&
			   back.storage == rows[i].fields.storage && back.ref == rows[i].fields.ref,
			   "row %zu: unpacked", i);
	}
}

/* PIF selects a format, or refers to QPIF if formats can be qualified. */
static void formats(void)
{
	for (unsigned pif = 0; pif < 4; pif++)
		for (unsigned qpif = 0; qpif < 16; qpif++)
			for (int qpifs = 0; qpifs < 2; qpifs++) {
				const struct pi_format *want = NULL, *got;

				if (pif < 3)
					want = &pi_formats[pif];
				else if (qpifs && qpif < 3)
					want = &pi_formats[qpif];
				got = pi_format_of(pif, qpif, qpifs);
				UNIT_CHECK(got == want, "PIF %u QPIF %u QPIFS %d: %s", pif, qpif,
					   qpifs, got ? got->name : "none");
			}
	UNIT_CHECK(!pi_format_of(~0U, 0, true) && !pi_format_of(4, 0, true), "PIF past 3");
}

/* Each refusal names its reason. */
static void refusals(void)
{
	static const struct pi_format *const f16 = &pi_formats[0], *const f32 = &pi_formats[1],
				      *const f64 = &pi_formats[2];
	const struct {
		struct pi_layout	l;
		int			ret;
		const char		*word;	/* NULL: no message */
	} rows[] = {
		{ { f16, PI_TYPE1, 512, 8, 0, false, false, false }, 0, NULL },
		{ { f16, PI_TYPE1, 512, 8, 32, false, false, false }, 0, NULL },
		{ { f32, PI_TYPE2, 4096, 16, 16, false, false, false }, 0, NULL },
		{ { f64, PI_TYPE3, 4096, 16, 48, true, true, false }, 0, NULL },
		{ { f16, PI_TYPE1, 65536, 65535, 0, false, false, false }, 0, NULL },
		{ { NULL, PI_NONE, 512, 0, 0, false, false, false }, 0, NULL },
		{ { NULL, PI_NONE, 4096, 64, 0, false, true, false }, 0, NULL },
		{ { f64, PI_TYPE1, 512, 16, 0, false, false, false }, 0, "specification" },
		{ { f32, PI_TYPE1, 2048, 16, 16, false, false, false }, 0, "specification" },
		{ { f16, 4, 512, 8, 0, false, false, false }, -EINVAL, "protection type" },
		{ { f16, PI_TYPE1, 0, 8, 0, false, false, false }, -EINVAL, "data size" },
		{ { f16, PI_TYPE1, 256, 8, 0, false, false, false }, -EINVAL, "data size" },
		{ { f16, PI_TYPE1, 520, 8, 0, false, false, false }, -EINVAL, "data size" },
		{ { NULL, PI_NONE, 4104, 8, 0, false, false, false }, -EINVAL, "data size" },
		{ { f16, PI_TYPE1, 512, 65536, 0, false, false, false }, -EINVAL, "metadata size" },
		{ { NULL, PI_TYPE1, 512, 8, 0, false, false, false }, -EINVAL, "guard format" },
		{ { f16, PI_TYPE1, 512, 7, 0, false, false, false }, -EINVAL, "smaller than the tuple" },
		{ { f16, PI_TYPE1, 512, 0, 0, false, false, false }, -EINVAL, "smaller than the tuple" },
		{ { f32, PI_TYPE1, 4096, 15, 16, true, false, false }, -EINVAL, "smaller than the tuple" },
		{ { f64, PI_TYPE1, 4096, 8, 0, false, false, false }, -EINVAL, "smaller than the tuple" },
		{ { f16, PI_TYPE1, 512, 8, 33, false, false, false }, -EINVAL, "storage tag size" },
		{ { f32, PI_TYPE1, 4096, 16, 15, false, false, false }, -EINVAL, "storage tag size" },
		{ { f32, PI_TYPE1, 4096, 16, 65, false, false, false }, -EINVAL, "storage tag size" },
		{ { f64, PI_TYPE1, 4096, 16, 49, false, false, false }, -EINVAL, "storage tag size" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = "unset";
		int ret = pi_layout_check(&rows[i].l, &why);

		UNIT_CHECK(ret == rows[i].ret, "row %zu: returns %d", i, ret);
		UNIT_CHECK(rows[i].word ? why && strstr(why, rows[i].word) : !why,
			   "row %zu: says \"%s\"", i, why ? why : "");
		UNIT_CHECK(pi_layout_check(&rows[i].l, NULL) == ret, "row %zu: without words", i);
	}
}

/* For possible data sizes, the layouts that the oracle rejects are refused. */
static void refusals_agree(void)
{
	static const uint32_t data_sizes[] = { 512, 1024, 4096, 65536 };
	static const uint32_t md_sizes[] = { 0, 7, 8, 9, 15, 16, 17, 64, 65535 };

	for (unsigned n = 0; n < 3 * 4 * 80 * ARRAY_SIZE(data_sizes) * ARRAY_SIZE(md_sizes); n++) {
		struct oracle_format f = {
			.pif = n % 3, .type = n / 3 % 4, .sts = n / 12 % 80,
			.data_size = data_sizes[n / 960 % ARRAY_SIZE(data_sizes)],
			.md_size = md_sizes[n / 960 / ARRAY_SIZE(data_sizes)],
		};
		struct pi_layout l = layout_of(&f);
		const char *why, *objection = oracle_objection(&f);
		int ret = pi_layout_check(&l, &why);

		UNIT_CHECK(!ret == !objection, "%s: \"%s\", oracle: \"%s\"", format_text(&f),
			   why ? why : "", objection ? objection : "");
	}
}

static void check_escapes(const struct oracle_format *f)
{
	struct pi_layout l = layout_of(f);
	uint64_t ones = pi_ones(oracle_bits(f, ORACLE_REF));

	for (int n = 0; n < 4; n++) {
		struct oracle_tuple t = { { [ORACLE_APP] = n & 1 ? 0xffff : 0xfffe,
					    [ORACLE_REF] = n & 2 ? ones : ones >> 1 } };
		struct pi_fields p = { .app = t.field[ORACLE_APP], .ref = t.field[ORACLE_REF] };

		UNIT_CHECK(pi_escapes(&l, &p) == oracle_escapes(f, &t),
			   "%s: app %x ref %llx", format_text(f), p.app,
			   (unsigned long long)p.ref);
	}
}

/* Test all-ones and other application tags with all-ones and other reference tags. */
static void escapes(void)
{
	for (unsigned type = 1; type <= 3; type++)
		for_each_sts(pif, sts)
			check_escapes(&(struct oracle_format){ pif, type, 4096, 16, sts, 0, 0 });
}

/* Test blocks far from the first: @i is a full 64-bit number. */
static void ref_at(void)
{
	struct pi_layout l = { .format = &pi_formats[2], .type = PI_TYPE2, .sts = 8 };
	struct pi_tags t = { .ref = 0xfff0000000000005 };
	uint64_t got = pi_ref_at(&l, &t, 0x8123456789);

	UNIT_CHECK(got == 0x812345678e, "40 bits, type 2: %llx", (unsigned long long)got);
	got = pi_ref_at(&l, &t, 0xfffffffffb);
	UNIT_CHECK(got == 0, "40 bits, type 2, wrapped: %llx", (unsigned long long)got);
	l.type = PI_TYPE3;
	got = pi_ref_at(&l, &t, 0x8123456789);
	UNIT_CHECK(got == 5, "40 bits, type 3: %llx", (unsigned long long)got);
}

static const struct unit_case cases[] = {
	{ "formats", formats },
	{ "refusals", refusals },
	{ "refusals_agree", refusals_agree },
	{ "dwords_by_hand", dwords_by_hand },
	{ "dwords_all", dwords_all },
	{ "tuples_by_hand", tuples_by_hand },
	{ "tuples_all", tuples_all },
	{ "escapes", escapes },
	{ "ref_at", ref_at },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
