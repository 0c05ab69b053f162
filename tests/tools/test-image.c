/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-image.c - image-check and image-damage with images whose bytes are known
 *
 * The tools are run as programs from $BUILD/tests/tools (BUILD defaults to build).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/oracle.h"
#include "tests/lib/unit.h"
#include "tests/lib/tool-run.h"

/* Blocks of most images and their data size; BAD is the LBA that is damaged. */
enum { BLOCKS = 8, LBS = 512, BAD = 5, APP = 0x1234 };


struct img {
	struct oracle_format	f;
	struct oracle_tuple	tags;			/* of LBA 0 */
	uint8_t			bytes[BLOCKS * (LBS + 64)];
	size_t			size;
	char			options[160];		/* of both tools: the format */
	char			want[160];		/* more options of image-check */
};

static uint8_t *data_of(struct img *img, unsigned lba)
{
	return img->bytes + lba * LBS;
}

static uint8_t *md_of(struct img *img, unsigned lba)
{
	return img->bytes + BLOCKS * LBS + lba * img->f.md_size;
}

static void save_bytes(const void *bytes, size_t size)
{
	FILE *file = fopen("img", "w");

	if (!file || fwrite(bytes, size, 1, file) != 1 || fclose(file)) {
		perror("test-image: img");
		exit(2);
	}
}

static void save(const struct img *img)
{
	save_bytes(img->bytes, img->size);
}

static bool file_equals(const struct img *img)
{
	static uint8_t bytes[sizeof(img->bytes) + 1];
	FILE *file = fopen("img", "r");
	size_t len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

	if (file)
		fclose(file);
	return len == img->size && !memcmp(bytes, img->bytes, len);
}

static void fill_block(struct img *img, unsigned lba)
{
	uint8_t *data = data_of(img, lba), *md = md_of(img, lba);
	struct oracle_tuple tags = img->tags;

	for (unsigned j = 0; j < LBS; j++)
		data[j] = 1 + lba * 31 + j * 7;
	/* LBAs here are small, so the pattern is 5ah except for the last of each eight bytes. */
	for (unsigned j = 0; j < img->f.md_size; j++)
		md[j] = j % 8 == 7 ? 0x5a ^ lba : 0x5a;
	tags.field[ORACLE_REF] = oracle_ref(&img->f, tags.field[ORACLE_REF], lba);
	oracle_generate(&img->f, data, md, &tags);
}

static uint64_t ones(unsigned bits)
{
	return bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static void make_img(struct img *img, const struct oracle_format *f)
{
	unsigned storage = oracle_bits(f, ORACLE_STORAGE), ref = oracle_bits(f, ORACLE_REF);

	*img = (struct img){ .f = *f, .size = BLOCKS * (LBS + f->md_size) };
	img->tags.field[ORACLE_APP] = APP;
	if (storage)
		img->tags.field[ORACLE_STORAGE] = 0xfedcba9876543210 >> (64 - storage);
	/* All ones except the lowest bit, so that types 1 and 2 wrap within the image. */
	img->tags.field[ORACLE_REF] = ones(ref) & ~1ULL;
	for (unsigned lba = 0; lba < BLOCKS; lba++)
		fill_block(img, lba);
	save(img);
	snprintf(img->options, sizeof(img->options),
		 "--lbs %u --ms %u --pi %u --pil %u --pif %u --sts %u", LBS, f->md_size, f->type,
		 f->first, f->pif, f->sts);
	snprintf(img->want, sizeof(img->want),
		 "--app %#x --storage %#" PRIx64 " --ref-seed %#" PRIx64, APP,
		 img->tags.field[ORACLE_STORAGE], img->tags.field[ORACLE_REF]);
}

/* A damage that was done to the bytes in memory, and what the tools should print about it. */
struct damage {
	char	done[128];
	char	complaint[256];
	int	bad[ORACLE_FIELDS];
	int	bad_md;
};

static void append(char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + len, size - len, fmt, args);
	va_end(args);
}

static void complain(struct damage *d, const struct img *img, enum oracle_field field,
		     uint64_t want, uint64_t got)
{
	int digits = (oracle_bits(&img->f, field) + 3) / 4;

	append(d->complaint, sizeof(d->complaint), "%s %s wanted 0x%0*" PRIx64 " got 0x%0*" PRIx64,
	       *d->complaint ? ";" : "", oracle_names[field], digits, want, digits, got);
	d->bad[field] = 1;
}

/* The lowest bit of a tag is the last bit of that field in the tuple. */
static void damage_tag(struct damage *d, struct img *img, enum oracle_field field)
{
	uint8_t *tuple = md_of(img, BAD) + oracle_tuple_offset(&img->f);
	int bits = oracle_bits(&img->f, field), digits = (bits + 3) / 4;
	uint64_t old = oracle_unpack(&img->f, tuple).field[field];
	unsigned last = 0;

	for (int i = 0; i <= (int)field; i++)
		last += oracle_bits(&img->f, i);
	tuple[(last - 1) / 8] ^= 0x80 >> ((last - 1) % 8);
	snprintf(d->done, sizeof(d->done), "LBA %d %s 0x%0*" PRIx64 " -> 0x%0*" PRIx64 "\n", BAD,
		 oracle_names[field], digits, old, digits, old ^ 1);
	complain(d, img, field, old, old ^ 1);
}

static void damage_byte(struct damage *d, const char *name, uint8_t *byte)
{
	snprintf(d->done, sizeof(d->done), "LBA %d %s 0x%02x -> 0x%02x\n", BAD, name, *byte,
		 *byte ^ 1);
	*byte ^= 1;
}

/* The old guard is wrong after data or metadata that it covers was changed. */
static void complain_guard(struct damage *d, struct img *img)
{
	uint8_t *md = md_of(img, BAD), *tuple = md + oracle_tuple_offset(&img->f);

	complain(d, img, ORACLE_GUARD, oracle_guard(&img->f, data_of(img, BAD), md),
		 oracle_unpack(&img->f, tuple).field[ORACLE_GUARD]);
}

static void damage_data(struct damage *d, struct img *img)
{
	damage_byte(d, "data", data_of(img, BAD));
	complain_guard(d, img);
}

static void damage_md(struct damage *d, struct img *img)
{
	unsigned at = img->f.first ? oracle_tuple_size(&img->f) : 0;

	damage_byte(d, "md", md_of(img, BAD) + at);
	if (!img->f.first)
		complain_guard(d, img);
	append(d->complaint, sizeof(d->complaint), "%s md[%u] wanted 0x5a got 0x5b",
	       *d->complaint ? ";" : "", at);
	d->bad_md = 1;
}

static void expect_clean(const struct img *img)
{
	expect(0, "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 0 bad\n",
	       "image-check %s %s --require 8 img", img->options, img->want);
}

/* Damage the file with the tool.  File and memory must be equal, and only this may be reported. */
static void expect_damage(const struct img *img, const char *field, const struct damage *d)
{
	char text[1024];

	expect(0, d->done, "image-damage %s img %d %s", img->options, BAD, field);
	UNIT_CHECK(file_equals(img), "%s: other bytes than that field's have changed, or none",
		   field);
	snprintf(text, sizeof(text),
		 "LBA %d:%s\nbad blocks by field: guard %d, app %d, storage %d, ref %d, md %d\n"
		 "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 1 bad\n", BAD, d->complaint,
		 d->bad[ORACLE_GUARD], d->bad[ORACLE_APP], d->bad[ORACLE_STORAGE],
		 d->bad[ORACLE_REF], d->bad_md);
	expect(1, text, "image-check %s %s img", img->options, img->want);
}

static void damage_tags(const struct img *clean)
{
	const struct oracle_format *f = &clean->f;

	for (int field = 0; field < ORACLE_FIELDS; field++) {
		struct img img = *clean;
		struct damage d = { 0 };

		save(clean);
		if (!oracle_bits(f, field)) {
			refused(oracle_names[field], "image-damage %s img %d %s", img.options, BAD,
				oracle_names[field]);
			continue;
		}
		damage_tag(&d, &img, field);
		expect_damage(&img, oracle_names[field], &d);
	}
}

static void damage_bytes(const struct img *clean)
{
	struct img img = *clean;
	struct damage d = { 0 };

	save(clean);
	damage_data(&d, &img);
	expect_damage(&img, "data", &d);

	save(clean);
	if (clean->f.md_size == oracle_tuple_size(&clean->f)) {
		refused("md", "image-damage %s img %d md", img.options, BAD);
		return;
	}
	img = *clean;
	d = (struct damage){ 0 };
	damage_md(&d, &img);
	expect_damage(&img, "md", &d);
}

/* The text the tool must print when LBA 5 is made to escape, and the errors that block then has. */
static void escape_texts(const struct img *img, char done[256], char complaint[256])
{
	int digits = (oracle_bits(&img->f, ORACLE_REF) + 3) / 4;
	uint64_t ref = img->tags.field[ORACLE_REF];
	bool with_ref = img->f.type == 3 && digits;

	snprintf(done, 256, "LBA 5 app 0x1234 -> 0xffff\n");
	snprintf(complaint, 256, "LBA 5: app wanted 0x1234 got 0xffff");
	if (with_ref) {
		append(done, 256, "LBA 5 ref 0x%0*" PRIx64 " -> 0x%0*" PRIx64 "\n", digits, ref,
		       digits, ref | 1);
		append(complaint, 256, "; ref wanted 0x%0*" PRIx64 " got 0x%0*" PRIx64, digits, ref,
		       digits, ref | 1);
	}
	append(complaint, 256, "\nbad blocks by field: guard 0, app 1, storage 0, ref %d, md 0\n"
	       "img: 8 blocks: 8 checked, 0 escaped, 0 unwritten, 1 bad\n", with_ref);
}

/* LBA 5 escapes and LBA 6 is damaged: the first may be ignored, the second must be found. */
static void escape_one(const struct img *clean)
{
	char done[256], complaint[256];

	save(clean);
	escape_texts(clean, done, complaint);
	expect(0, done, "image-damage %s img 5 escape", clean->options);
	refused("already", "image-damage %s img 5 escape", clean->options);
	expect(1, complaint, "image-check %s %s img", clean->options, clean->want);
	expect(0, "img: 8 blocks: 7 checked, 1 escaped, 0 unwritten, 0 bad\n",
	       "image-check %s %s --allow-escaped img", clean->options, clean->want);

	expect(0, "LBA 6 app 0x1234 -> 0x4321\n", "image-damage %s img 6 app=0x4321",
	       clean->options);
	expect(1, "LBA 6: app wanted 0x1234 got 0x4321\n"
	       "bad blocks by field: guard 0, app 1, storage 0, ref 0, md 0\n"
	       "img: 8 blocks: 7 checked, 1 escaped, 0 unwritten, 1 bad\n",
	       "image-check %s %s --allow-escaped img", clean->options, clean->want);
}

/* Test one guard with three types, both tuple positions, and three sizes of metadata and STS. */
static void damage_images(unsigned pif)
{
	static const unsigned tuple[3] = { 8, 16, 16 }, more[3] = { 0, 8, 13 };
	static const unsigned sts[3][3] = { { 0, 12, 32 }, { 16, 20, 64 }, { 0, 18, 48 } };
	struct img img;

	for (unsigned n = 0; n < 3 * 3 * 2; n++) {
		struct oracle_format f = {
			.pif = pif, .type = 1 + n / 3 % 3, .first = n / 9, .data_size = LBS,
			.md_size = tuple[pif] + more[n % 3], .sts = sts[pif][n % 3],
		};

		make_img(&img, &f);
		expect_clean(&img);
		damage_tags(&img);
		damage_bytes(&img);
		escape_one(&img);
	}
}

static void images_16b(void)
{
	damage_images(0);
}

static void images_32b(void)
{
	damage_images(1);
}

static void images_64b(void)
{
	damage_images(2);
}

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
	expect(1, "LBA 0: guard wanted 0x6482d367eb22b64e got 0x0000000000000000; "
	       "app wanted 0x1234 got 0x0000; md[16] wanted 0x5a got 0x00 and 7 more\n"
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
		 "LBA 2: guard wanted 0x%04" PRIx64 " got 0x0000; app wanted 0x1234 got 0x0000; "
		 "md[0] wanted 0x5a got 0x00 and 7 more\n"
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
	snprintf(text, sizeof(text), "LBA 5: guard wanted 0x%04" PRIx64 " got 0x%04" PRIx64 "\n"
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
	expect(1, "LBA 5: md[8] wanted 0x00 got 0x80\n"
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
	expect(0, "LBA 5 md 0x5a -> 0x6a\n", "image-damage --lbs 512 --ms 9 --pi 0 img 5 md^0x30");
	expect(1, "LBA 5: md[0] wanted 0x5a got 0x6a\n"
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
		append(text, sizeof(text), "LBA %d: app wanted 0x0001 got 0x0000\n", lba);
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
	expect(0, "LBA 4294967301 ref 0x00000005 -> 0x00000004\n",
	       "image-damage --lbs 512 --ms 8 --pi 1 img 4294967301 ref");
	expect(1, "LBA 4294967301: ref wanted 0x00000005 got 0x00000004\n"
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

/* The tool warns about damage that no check can detect. */
static void unseen(void)
{
	const struct oracle_format f = { .data_size = LBS, .md_size = 8, .type = 1 };
	struct img img;

	make_img(&img, &f);
	memset(data_of(&img, 3), 0, LBS);
	memset(md_of(&img, 3), 0, 8);
	save(&img);
	ends(0, "no check will see this", "image-damage %s img 3 guard", img.options);
	make_img(&img, &f);
	ends(0, "", "image-damage %s img 4 escape", img.options);
	ends(0, "no check will see this", "image-damage %s img 4 data", img.options);
	ends(0, "", "image-damage %s img 5 data", img.options);
}

/* Change to a new folder for "img".  Returns its name, to remove it at the end. */
static const char *enter_scratch(void)
{
	static char dir[] = P_tmpdir "/test-image.XXXXXX";
	const char *b = getenv("BUILD");

	if (!realpath(b ? b : "build", build)) {
		fprintf(stderr, "test-image: BUILD: %s: %s\n", b ? b : "build", strerror(errno));
		exit(2);
	}
	if (!mkdtemp(dir) || chdir(dir)) {
		fprintf(stderr, "test-image: %s: %s\n", dir, strerror(errno));
		exit(2);
	}
	return dir;
}

static const struct unit_case cases[] = {
	{ "typed", typed },
	{ "images_16b", images_16b },
	{ "images_32b", images_32b },
	{ "images_64b", images_64b },
	{ "unwritten", unwritten },
	{ "empty", empty },
	{ "ranges", ranges },
	{ "metadata_rules", metadata_rules },
	{ "unprotected", unprotected },
	{ "limit", limit },
	{ "large_lbas", large_lbas },
	{ "refusals", refusals },
	{ "format_beside", format_beside },
	{ "unseen", unseen },
};

int main(int argc, char **argv)
{
	const char *dir = enter_scratch();
	int status = unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));

	unlink("img");
	if (rmdir(dir))
		fprintf(stderr, "test-image: %s is left behind: %s\n", dir, strerror(errno));
	return status;
}
