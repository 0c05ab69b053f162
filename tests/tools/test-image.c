/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-image.c - image-check with images whose bytes are known; what it and image-damage refuse
 */
#include <fcntl.h>

#include "image-fixture.h"

/* An image typed by hand, independent of the oracle: LBA 1 is correct, LBA 0 is zero. */
static void typed(void)
{
	static const uint8_t md1[24] = {
		0x64, 0x82, 0xd3, 0x67, 0xeb, 0x22, 0xb6, 0x4e, 0x12, 0x34, 0, 0, 0, 0, 0, 1,
		0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5b
	};
	static uint8_t bytes[2 * (4096 + 24)];

	memcpy(bytes + 2 * 4096 + 24, md1, sizeof(md1));
	save_bytes(bytes, sizeof(bytes));
	expect(1, "LBA 0: guard wanted 6482d367eb22b64eh got 0000000000000000h; "
	       "app wanted 1234h got 0000h; md[16] wanted 5ah got 00h and 7 more\n"
	       "bad blocks by field: guard 1, app 1, storage 0, ref 0, md 1\n"
	       "img: 2 blocks: 2 checked, 0 escaped, 0 unwritten, 1 bad\n",
	       "image-check --lbs 4096 --ms 24 --pi 1 --pil 1 --pif 2 --app 0x1234 img");
}

/* LBA 2 has a tuple of zeroes, LBA 3 one of ones; both have zero data. */
static void unwritten(void)
{
	static const struct oracle_format f = { .type = 1, .data_size = LBS, .md_size = 16 };
	struct img img;
	char text[512];

	make_img(&img, &f);
	memset(data_of(&img, 2), 0, LBS);
	memset(md_of(&img, 2), 0, 16);
	memset(data_of(&img, 3), 0, LBS);
	memset(md_of(&img, 3), 0xff, 16);
	save(&img);
	expect(0, "img: 8 blocks: 6 checked, 0 escaped, 2 unwritten, 0 bad\n",
	       "image-check %s %s --allow-unwritten --require 6 img", img.options, img.want);
	expect(1, "6 blocks were written, 7 are required\n"
	       "img: 8 blocks: 6 checked, 0 escaped, 2 unwritten, 0 bad\n",
	       "image-check %s %s --allow-unwritten --require 7 img", img.options, img.want);

	data_of(&img, 2)[LBS - 1] = 1;
	save(&img);
	snprintf(text, sizeof(text),
		 "LBA 2: guard wanted %04" PRIx64 "h got 0000h; app wanted 1234h got 0000h; "
		 "md[0] wanted 5ah got 00h and 7 more\n"
		 "bad blocks by field: guard 1, app 1, storage 0, ref 0, md 1\n"
		 "img: 8 blocks: 7 checked, 0 escaped, 1 unwritten, 1 bad\n",
		 oracle_guard(&f, data_of(&img, 2), md_of(&img, 2)));
	expect(1, text, "image-check %s %s --allow-unwritten img", img.options, img.want);
}

/* With these tags blocks of zeroes are correct, but they still count as not written. */
static void empty(void)
{
	static const uint8_t bytes[8 * 520];

	save_bytes(bytes, sizeof(bytes));
	expect(0, "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check --lbs 512 --ms 8 --pi 3 img");
	expect(1, "0 blocks were written, 1 are required\n"
	       "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check --lbs 512 --ms 8 --pi 3 --require 1 img");
}

static void ranges(void)
{
	static const struct oracle_format f = { .type = 2, .data_size = LBS, .md_size = 8 };
	struct img img;
	char text[256];
	uint64_t guard;

	make_img(&img, &f);
	guard = oracle_guard(&f, data_of(&img, BAD), NULL);
	data_of(&img, BAD)[100] ^= 0x80;
	save(&img);
	expect(0, "img: 5 blocks: 5 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check %s %s --count 5 img", img.options, img.want);
	expect(0, "img: 2 blocks: 2 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check %s %s --first 6 img", img.options, img.want);
	snprintf(text, sizeof(text), "LBA 5: guard wanted %04" PRIx64 "h got %04" PRIx64 "h\n"
		 "bad blocks by field: guard 1, app 0, storage 0, ref 0, md 0\n"
		 "img: 1 blocks: 1 checked, 0 escaped, 0 unwritten, 1 bad\n",
		 oracle_guard(&f, data_of(&img, BAD), NULL), guard);
	expect(1, text, "image-check %s %s --first 5 --count 1 img", img.options, img.want);
}

static void metadata_rules(void)
{
	static const struct oracle_format f = {
		.type = 3, .data_size = LBS, .md_size = 9, .first = true
	};
	struct img img;

	make_img(&img, &f);
	for (unsigned lba = 0; lba < BLOCKS; lba++)
		md_of(&img, lba)[8] = lba == BAD ? 0x80 : 0;
	save(&img);
	expect(1, "LBA 5: md[8] wanted 00h got 80h\n"
	       "bad blocks by field: guard 0, app 0, storage 0, ref 0, md 1\n"
	       "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 1 bad\n",
	       "image-check %s %s --metadata zero img", img.options, img.want);
	expect(0, "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check %s %s --metadata any img", img.options, img.want);
}

/* Without protection information only the pattern can be checked. */
static void unprotected(void)
{
	static const struct oracle_format f = { .data_size = LBS, .md_size = 9 };
	struct img img;

	make_img(&img, &f);
	expect(0, "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check --lbs 512 --ms 9 --pi 0 --require 8 img");
	expect(0, "LBA 5 md 5ah -> 6ah\n", "image-damage --lbs 512 --ms 9 --pi 0 img 5 md^0x30");
	expect(1, "LBA 5: md[0] wanted 5ah got 6ah\n"
	       "bad blocks by field: guard 0, app 0, storage 0, ref 0, md 1\n"
	       "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 1 bad\n",
	       "image-check --lbs 512 --ms 9 --pi 0 img");
}

/* Twenty bad blocks are shown and all are counted; the file ends with an incomplete block. */
static void limit(void)
{
	static const uint8_t bytes[32 * 520 + 519];
	char text[2048] = "";

	for (int lba = 0; lba < 20; lba++)
		append(text, sizeof(text), "LBA %d: app wanted 0001h got 0000h\n", lba);
	append(text, sizeof(text), "and 12 more bad blocks\n"
	       "bad blocks by field: guard 0, app 32, storage 0, ref 0, md 0\n"
	       "img: 32 blocks: 32 checked, 0 escaped, 0 unwritten, 32 bad\n");
	save_bytes(bytes, sizeof(bytes));
	expect(1, text, "image-check --lbs 512 --ms 8 --pi 3 --app 1 img");
}

/* LBA 2^32 + 5 of a sparse image: the reference tag has wrapped, the file offset has not. */
static void large_lbas(void)
{
	static const uint8_t tuple[8] = { 0, 0, 0x12, 0x34, 0, 0, 0, 5 };
	const uint64_t blocks = (1ULL << 32) + 8, lba = (1ULL << 32) + 5;
	int fd = open("img", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (ftruncate(fd, blocks * 520)) {
		close(fd);
		unit_skip("no sparse file of 2.2 TB can be made here");
		return;
	}
	UNIT_CHECK(pwrite(fd, tuple, 8, blocks * 512 + lba * 8) == 8, "cannot write the image");
	close(fd);
	expect(0, "img: 1 blocks: 1 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check --lbs 512 --ms 8 --pi 1 --app 0x1234 --first 4294967301 --count 1 "
	       "--require 1 img");
	expect(0, "LBA 4294967301 ref 00000005h -> 00000004h\n",
	       "image-damage --lbs 512 --ms 8 --pi 1 img 4294967301 ref");
	expect(1, "LBA 4294967301: ref wanted 00000005h got 00000004h\n"
	       "bad blocks by field: guard 0, app 0, storage 0, ref 1, md 0\n"
	       "img: 1 blocks: 1 checked, 0 escaped, 0 unwritten, 1 bad\n",
	       "image-check --lbs 512 --ms 8 --pi 1 --app 0x1234 --first 4294967301 --count 1 img");
	unlink("img");
}

/* Bad arguments are refused in one line, and nothing is written. */
static void refusals(void)
{
	static const struct oracle_format f = { .type = 1, .data_size = LBS, .md_size = 8 };
	static const struct {
		const char	*word;
		const char	*command;
	} bad[] = {
		{ "past the end", "image-damage --lbs 512 --ms 8 --pi 1 img 8 guard" },
		{ "none of", "image-damage --lbs 512 --ms 8 --pi 1 img 5 crc" },
		{ "none of", "image-damage --lbs 512 --ms 8 --pi 1 img 5 ''" },
		{ "has none", "image-damage --lbs 512 --ms 8 --pi 1 img 5 storage" },
		{ "has none", "image-damage --lbs 512 --ms 8 --pi 0 img 5 guard" },
		{ "nothing to escape", "image-damage --lbs 512 --ms 8 --pi 0 img 5 escape" },
		{ "no value", "image-damage --lbs 512 --ms 8 --pi 1 img 5 escape=1" },
		{ "no metadata beyond", "image-damage --lbs 512 --ms 8 --pi 1 img 5 md" },
		{ "does not fit", "image-damage --lbs 512 --ms 8 --pi 1 img 5 app=0x10000" },
		{ "does not fit", "image-damage --lbs 512 --ms 8 --pi 1 img 5 data^0x100" },
		{ "would stay", "image-damage --lbs 512 --ms 8 --pi 1 img 5 app=0x1234" },
		{ "would stay", "image-damage --lbs 512 --ms 8 --pi 1 img 5 app^0" },
		{ "not a number", "image-damage --lbs 512 --ms 8 --pi 1 img 5 app=" },
		{ "not a number", "image-damage --lbs 512 --ms 8 --pi 1 img -- -5 app" },
		{ "not a number", "image-damage --lbs 512 --ms 8 --pi 1 img 5x app" },
		{ "are needed", "image-damage --lbs 512 --ms 8 --pi 1 img 5" },
		{ "are needed", "image-damage --lbs 512 --ms 8 --pi 1 img 5 app ref" },
		{ "hold no block", "image-damage --lbs 8192 --ms 8 --pi 1 img 0 app" },
		{ "No such file", "image-damage --lbs 512 --ms 8 --pi 1 missing 5 app" },
		{ "unrecognized", "image-damage --lba 512 --ms 8 --pi 1 img 5 app" },
		{ "required", "image-damage --lbs 512 --ms 8 img 5 app" },
		{ "required", "image-check --ms 8 --pi 1 img" },
		{ "too small", "image-check --lbs 512 --pi 1 img" },
		{ "too small", "image-check --lbs 512 --ms 8 --pi 1 --pif 2 img" },
		{ "storage tag", "image-check --lbs 512 --ms 16 --pi 1 --pif 1 img" },
		{ "power of two", "image-check --lbs 520 --ms 8 --pi 1 img" },
		{ "power of two", "image-check --lbs 256 --ms 8 --pi 1 img" },
		{ "more than 3", "image-check --lbs 512 --ms 8 --pi 4 img" },
		{ "more than 2", "image-check --lbs 512 --ms 8 --pi 1 --pif 3 img" },
		{ "wider", "image-check --lbs 512 --ms 8 --pi 1 --storage 1 img" },
		{ "wider", "image-check --lbs 512 --ms 8 --pi 1 --ref-seed 0x100000000 img" },
		{ "none of", "image-check --lbs 512 --ms 8 --pi 1 --metadata ones img" },
		{ "past the end", "image-check --lbs 512 --ms 8 --pi 1 --first 8 img" },
		{ "--count", "image-check --lbs 512 --ms 8 --pi 1 --first 7 --count 2 img" },
		{ "--count", "image-check --lbs 512 --ms 8 --pi 1 --count 0 img" },
		{ "nothing to check", "image-check --lbs 512 --pi 0 img" },
		{ "hold no block", "image-check --lbs 8192 --ms 8 --pi 1 img" },
		{ "No such file", "image-check --lbs 512 --ms 8 --pi 1 missing" },
		{ "not a file", "image-check --lbs 512 --ms 8 --pi 1 ." },
		{ "unrecognized", "image-check --lbs 512 --ms 8 --pi 1 --data img" },
		{ "one image", "image-check --lbs 512 --ms 8 --pi 1 img img" },
	};
	struct img img;

	make_img(&img, &f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(bad[i].word, "%s", bad[i].command);
		UNIT_CHECK(file_equals(&img), "%s: wrote to the image", bad[i].command);
	}
}

/* IMAGE.format defines the format; options that contradict it are refused. */
static void format_beside(void)
{
	static const char text[] = "nvmepi image format 1\n# a remark\nblocks 8\nlbs 512\nms 8\nmset 0\n"
				   "pi 1\npil 0\npif 0\nsts 0\n";
	const struct oracle_format f = { .data_size = LBS, .md_size = 8, .type = 1 };
	FILE *file = fopen("img.format", "w");
	struct img img;

	UNIT_CHECK(file && fputs(text, file) >= 0 && !fclose(file), "can't write");
	make_img(&img, &f);
	refused("img.format says 8", "image-damage --lbs 512 --ms 64 --pi 1 img 5 guard");
	refused("img.format says 512", "image-damage --ns_lbs=4096 img 5 guard");
	refused("img.format says 1", "image-check --pi 2 img");
	UNIT_CHECK(file_equals(&img), "wrote to the image");
	ends(0, "", "image-check %s img", img.want);
	ends(0, "", "image-check --ns_lbs=512 --ns_ms=8 %s img", img.want);
	ends(0, "", "image-damage img 5 guard");
	ends(1, "", "image-check %s img", img.want);
	file = fopen("img.format", "w");
	UNIT_CHECK(file && fputs("notes\n", file) >= 0 && !fclose(file), "can't write");
	refused("is no format", "image-damage %s img 5 guard", img.options);
	unlink("img.format");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "typed", typed },
		{ "unwritten", unwritten },
		{ "empty", empty },
		{ "ranges", ranges },
		{ "metadata_rules", metadata_rules },
		{ "unprotected", unprotected },
		{ "limit", limit },
		{ "large_lbas", large_lbas },
		{ "refusals", refusals },
		{ "format_beside", format_beside },
	};

	return image_unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
