/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image-fixture.h - an image whose bytes are known, for tests of image-check and image-damage
 *
 * The tools are run as programs from $BUILD/tests/tools (BUILD defaults to build).
 */
#ifndef IMAGE_FIXTURE_H
#define IMAGE_FIXTURE_H

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
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

static inline uint8_t *data_of(struct img *img, unsigned lba)
{
	return img->bytes + lba * LBS;
}

static inline uint8_t *md_of(struct img *img, unsigned lba)
{
	return img->bytes + BLOCKS * LBS + lba * img->f.md_size;
}

static inline void save_bytes(const void *bytes, size_t size)
{
	FILE *file = fopen("img", "w");

	if (!file || fwrite(bytes, size, 1, file) != 1 || fclose(file)) {
		perror("test-image: img");
		exit(2);
	}
}

static inline void save(const struct img *img)
{
	save_bytes(img->bytes, img->size);
}

static inline bool file_equals(const struct img *img)
{
	static uint8_t bytes[sizeof(img->bytes) + 1];
	FILE *file = fopen("img", "r");
	size_t len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

	if (file)
		fclose(file);
	return len == img->size && !memcmp(bytes, img->bytes, len);
}

static inline void fill_block(struct img *img, unsigned lba)
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

static inline uint64_t ones(unsigned bits)
{
	return bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static inline void make_img(struct img *img, const struct oracle_format *f)
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

static void append(char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline void append(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + len, size - len, fmt, args);
	va_end(args);
}

/* Change to a new folder for "img".  Returns its name, to remove it at the end. */
static inline const char *enter_scratch(void)
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

/* Run unit_main() in a new folder for "img", and remove the folder afterwards. */
static inline int image_unit_main(int argc, char **argv, const struct unit_case *cases, size_t nr)
{
	const char *dir = enter_scratch();
	int status = unit_main(argc, argv, cases, nr);

	unlink("img");
	if (rmdir(dir))
		fprintf(stderr, "test-image: %s is left behind: %s\n", dir, strerror(errno));
	return status;
}

#endif
