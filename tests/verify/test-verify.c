/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-verify.c - the metadata pattern, byte by byte according to its definition, and the
 * lines that report mismatches
 */
#include <inttypes.h>

#include "verify/metadata.h"
#include "verify/mismatch.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

/* --- the pattern --- */

/* The pattern of one LBA, computed by hand: 0123456789abcdefh with each byte XORed with 5ah. */
static const uint64_t lba = 0x0123456789abcdef;
static const uint8_t pattern[8] = { 0x5b, 0x79, 0x1f, 0x3d, 0xd3, 0xf1, 0x97, 0xb5 };

static uint8_t pattern_byte(uint64_t at, uint32_t j)
{
	return (at ^ 0x5a5a5a5a5a5a5a5a) >> (56 - 8 * (j % 8));
}

static void pattern_by_hand(void)
{
	struct pi_layout l = { .data_size = 512, .md_size = 19 };
	uint8_t md[19];

	vfy_md_fill(&l, lba, md, sizeof(md), 1);
	for (size_t j = 0; j < sizeof(md); j++)
		UNIT_CHECK(md[j] == pattern[j % 8], "byte %zu is %02x, wanted %02x", j, md[j],
			   pattern[j % 8]);
}

/*
 * For any size and stride, each block has the pattern of its LBA, and no byte outside is
 * written.
 */
static void pattern_of_blocks(void)
{
	enum { BLOCKS = 5, MOST = 67, GAP = 13 };
	uint8_t buf[BLOCKS * (MOST + GAP)];

	for (uint32_t size = 0; size <= MOST; size++) {
		struct pi_layout l = { .data_size = 512, .md_size = size };
		size_t stride = size + GAP;

		memset(buf, 0xcc, sizeof(buf));
		vfy_md_fill(&l, UINT64_MAX - 2, buf, stride, BLOCKS);	/* the LBA wraps */
		for (size_t at = 0; at < BLOCKS * stride; at++) {
			uint32_t j = at % stride;
			uint64_t block = UINT64_MAX - 2 + at / stride;
			uint8_t want = j < size ? pattern_byte(block, j) : 0xcc;

			UNIT_CHECK(buf[at] == want,
				   "%u bytes: byte %u of block %zu is %02x, wanted %02x", size, j,
				   at / stride, buf[at], want);
		}
	}
}

/* A wrong byte is reported, with its values, if and only if it is outside the tuple. */
static void check_bytes(const struct oracle_format *f, const uint8_t *data, uint8_t *md)
{
	struct pi_layout l = layout_of(f);
	uint32_t tuple = oracle_tuple_size(f), from = f->type && f->first ? tuple : 0;
	uint32_t to = from + f->md_size - tuple;

	for (uint32_t j = 0; j < f->md_size; j++) {
		uint8_t want = pattern_byte(lba, j);
		struct vfy_md_error e;
		unsigned bad;

		md[j] ^= 0x10;
		bad = vfy_md_check(&l, lba, data, f->data_size, md, f->md_size, 1, &e, 1).bad;
		UNIT_CHECK(bad == (j >= from && j < to), "%s: byte %u: %u", format_text(f), j, bad);
		UNIT_CHECK(!bad || (!e.block && e.offset == j && e.want == want &&
				    e.got == (want ^ 0x10)), "%s: byte %u is told as %u: %02x %02x",
			   format_text(f), j, e.offset, e.want, e.got);
		md[j] ^= 0x10;
	}
}

static void check_span(const struct oracle_format *f)
{
	uint8_t *data = allocate(f->data_size), *md = allocate(f->md_size);
	struct pi_layout l = layout_of(f);

	UNIT_CHECK(vfy_md_present(&l) == (f->md_size > oracle_tuple_size(f)), "%s: present",
		   format_text(f));
	memset(data, 1, f->data_size);
	vfy_md_fill(&l, lba, md, f->md_size, 1);
	check_bytes(f, data, md);
	free(data);
	free(md);
}

static void pattern_outside_tuple(void)
{
	each_format(check_span);
}

/* Every bad block is counted; the first @max are stored, and nothing is written after them. */
static void pattern_counts(void)
{
	enum { BLOCKS = 6 };
	struct pi_layout l = { .data_size = 512, .md_size = 8 };
	uint8_t data[BLOCKS * 512], md[BLOCKS * 8];
	struct vfy_md_error e[3] = { [2] = { .block = 99 } };

	memset(data, 1, sizeof(data));
	vfy_md_fill(&l, lba, md, 8, BLOCKS);
	for (int i = 1; i < BLOCKS; i += 2)
		md[8 * i + i] ^= 1;
	UNIT_CHECK(vfy_md_check(&l, lba, data, 512, md, 8, BLOCKS, e, 2).bad == 3,
		   "not all were counted");
	UNIT_CHECK(e[0].block == 1 && e[0].offset == 1 && e[1].block == 3 && e[1].offset == 3,
		   "blocks %u and %u", e[0].block, e[1].block);
	UNIT_CHECK(e[2].block == 99, "more were stored than there was room for");
	UNIT_CHECK(vfy_md_check(&l, lba, data, 512, md, 8, BLOCKS, NULL, 0).bad == 3, "without room");
}

/* --- the lines --- */

static const struct {
	struct vfy_mismatch	r;
	const char		*want;
} lines[] = {
	{ { .path = "/dev/ng0n1", .command = "read", .lba = 7, .field = PI_GUARD, .known = true,
	    .want = 0x1a2b, .side = VFY_HOST },
	  "/dev/ng0n1: read: LBA 7: guard: wanted 1a2bh, got 0000h (found by the host)" },
	{ { .path = "a", .command = "read", .lba = UINT64_MAX, .field = PI_GUARD, .known = true,
	    .want = UINT64_MAX, .got = 0xfedcba9876543210, .side = VFY_HOST },
	  "a: read: LBA 18446744073709551615: guard: wanted ffffffffffffffffh, "
	  "got fedcba9876543210h (found by the host)" },
	{ { .path = "a", .command = "compare", .lba = 1, .field = PI_APP, .known = true,
	    .want = 0x1234, .got = 0x1235, .side = VFY_DEVICE, .status = "Some Error (283h)" },
	  "a: compare: LBA 1: application tag: wanted 1234h, got 1235h "
	  "(found by the device: Some Error (283h))" },
	{ { .path = "a", .command = "read", .lba = 1, .field = PI_REF, .known = true, .want = 1,
	    .got = 2 },
	  "a: read: LBA 1: reference tag: wanted 0001h, got 0002h (found by the host)" },
	{ { .path = "a", .command = "read", .lba = 1, .field = PI_STORAGE, .known = true,
	    .want = 0x12345 },
	  "a: read: LBA 1: storage tag: wanted 12345h, got 0000h (found by the host)" },
	{ { .path = "a", .command = "read", .lba = 1, .field = VFY_METADATA, .offset = 13,
	    .known = true, .want = 0x5a, .got = 0xff },
	  "a: read: LBA 1: metadata byte 13: wanted 005ah, got 00ffh (found by the host)" },
	{ { .path = "a", .command = "compare", .lba = 1, .field = VFY_DATA, .offset = 511,
	    .known = true, .want = 1, .got = 2, .side = VFY_DEVICE,
	    .status = "Compare Failure (285h)" },
	  "a: compare: LBA 1: data byte 511: wanted 0001h, got 0002h "
	  "(found by the device: Compare Failure (285h))" },
	{ { .path = "a", .command = "write", .lba = 8, .blocks = 8, .field = PI_GUARD,
	    .side = VFY_DEVICE, .status = "E (282h)" },
	  "a: write: LBA 8-15: guard (found by the device: E (282h))" },
	{ { .path = "a", .command = "write", .lba = 8, .blocks = 2, .field = PI_GUARD,
	    .side = VFY_DEVICE, .status = "E (282h)" },
	  "a: write: LBA 8-9: guard (found by the device: E (282h))" },
	{ { .path = "a", .command = "compare", .lba = 8, .blocks = 1, .field = VFY_DATA,
	    .side = VFY_DEVICE, .status = "E (285h)" },
	  "a: compare: LBA 8: data (found by the device: E (285h))" },	/* no byte is known */
	{ { .path = "a", .command = "read", .lba = 9, .field = VFY_STAMP, .known = true, .want = 3,
	    .got = 2, .side = VFY_PLUGIN, .class = VFY_MISDIRECTED, .from = 8 },
	  "a: read: LBA 9: stamp: misdirected from LBA 8: wanted generation 3, got generation 2 of LBA 8 "
	  "(found by the plugin)" },
	{ { .path = "a", .command = "read", .lba = 9, .field = VFY_STAMP, .known = true, .want = 30,
	    .got = 29, .side = VFY_PLUGIN, .class = VFY_LOST },
	  "a: read: LBA 9: stamp: lost: wanted generation 30, got generation 29 (found by the plugin)" },
	{ { .path = "a", .command = "read", .lba = 9, .field = PI_GUARD, .known = true, .want = 3,
	    .got = 2, .injected = true },
	  "a: read: LBA 9: guard: wanted 0003h, got 0002h (injected; found by the host)" },
};

static void record_lines(void)
{
	char buf[256];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		vfy_mismatch_text(&lines[i].r, buf, sizeof(buf));
		UNIT_CHECK(!strcmp(buf, lines[i].want), "'%s', wanted '%s'", buf, lines[i].want);
	}
}

static void record_lines_cut(void)
{
	const char *want = lines[0].want;
	char buf[100];

	for (size_t size = 1; size < sizeof(buf); size++) {
		memset(buf, 'x', sizeof(buf));
		vfy_mismatch_text(&lines[0].r, buf, size);
		UNIT_CHECK(strlen(buf) == (size <= strlen(want) ? size - 1 : strlen(want)) &&
			   !strncmp(buf, want, strlen(buf)), "cut at %zu: '%s'", size, buf);
	}
}

static void counts(void)
{
	static const unsigned fields[] = {
		PI_GUARD, PI_REF, PI_GUARD, VFY_DATA, VFY_METADATA, PI_GUARD
	};
	struct vfy_counts c = { 0 };
	char buf[200];

	UNIT_CHECK(!*vfy_counts_text(&c, buf, sizeof(buf)), "none is '%s'", buf);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		vfy_count(&c, &(struct vfy_mismatch){ .field = fields[i] });
	UNIT_CHECK(c.total == ARRAY_SIZE(fields), "total %" PRIu64, c.total);
	vfy_counts_text(&c, buf, sizeof(buf));
	UNIT_CHECK(!strcmp(buf, "reference tag 1, guard 3, metadata 1, data 1"), "'%s'", buf);
	for (size_t size = 1; size < 40; size++) {
		vfy_counts_text(&c, buf, size);
		UNIT_CHECK(strlen(buf) == size - 1, "cut at %zu: '%s'", size, buf);
	}
}

static void field_names(void)
{
	static const char *const names[] = {
		"reference tag", "application tag", "guard", "storage tag", "metadata", "data",
		"stamp"
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		UNIT_CHECK(!strcmp(vfy_field_name(1 << i), names[i]), "%xh is '%s'", 1 << i,
			   vfy_field_name(1 << i));
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "pattern_by_hand", pattern_by_hand },
		{ "pattern_of_blocks", pattern_of_blocks },
		{ "pattern_outside_tuple", pattern_outside_tuple },
		{ "pattern_counts", pattern_counts },
		{ "record_lines", record_lines },
		{ "record_lines_cut", record_lines_cut },
		{ "counts", counts },
		{ "field_names", field_names },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
