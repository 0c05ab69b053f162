/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-image-damage.c - image-damage changes the bytes it says it changes, in every field of every
 * kind of format, and image-check reports this damage alone
 */
#include "image-fixture.h"

/* A damage that was done to the bytes in memory, and what the tools should print about it. */
struct damage {
	char	done[128];
	char	complaint[256];
	int	bad[ORACLE_FIELDS];
	int	bad_md;
};

static void complain(struct damage *d, const struct img *img, enum oracle_field field,
		     uint64_t want, uint64_t got)
{
	int digits = (oracle_bits(&img->f, field) + 3) / 4;

	append(d->complaint, sizeof(d->complaint), "%s %s wanted %0*" PRIx64 "h got %0*" PRIx64 "h",
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
	snprintf(d->done, sizeof(d->done), "LBA %d %s %0*" PRIx64 "h -> %0*" PRIx64 "h\n", BAD,
		 oracle_names[field], digits, old, digits, old ^ 1);
	complain(d, img, field, old, old ^ 1);
}

static void damage_byte(struct damage *d, const char *name, uint8_t *byte)
{
	snprintf(d->done, sizeof(d->done), "LBA %d %s %02xh -> %02xh\n", BAD, name, *byte,
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
	append(d->complaint, sizeof(d->complaint), "%s md[%u] wanted 5ah got 5bh",
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

	snprintf(done, 256, "LBA 5 app 1234h -> ffffh\n");
	snprintf(complaint, 256, "LBA 5: app wanted 1234h got ffffh");
	if (with_ref) {
		append(done, 256, "LBA 5 ref %0*" PRIx64 "h -> %0*" PRIx64 "h\n", digits, ref,
		       digits, ref | 1);
		append(complaint, 256, "; ref wanted %0*" PRIx64 "h got %0*" PRIx64 "h", digits, ref,
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

	expect(0, "LBA 6 app 1234h -> 4321h\n", "image-damage %s img 6 app=0x4321",
	       clean->options);
	expect(1, "LBA 6: app wanted 1234h got 4321h\n"
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
	/* With sanitizers five of them, which have every type, position and size; see unit_rounds(). */
	const unsigned step = unit_rounds(3 * 3 * 2) < 3 * 3 * 2 ? 4 : 1;

	for (unsigned n = 0; n < 3 * 3 * 2; n += step) {
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

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "images_16b", images_16b },
		{ "images_32b", images_32b },
		{ "images_64b", images_64b },
		{ "unseen", unseen },
	};

	return image_unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
