/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - a raw backing image of a namespace, for image-check and image-damage
 *
 * An image of S bytes contains n = S / (data + metadata) blocks: n blocks of data, then n of
 * metadata, for an extended namespace, too.
 *
 * Any error in these functions ends the program: one line on stderr, exit status 2.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "oracle.h"

struct image {
	const char		*path;
	int			fd;
	uint64_t		blocks;		/* number of blocks in the file */
	struct oracle_format	format;
	unsigned		given;		/* options given, one bit each from IMAGE_LBS on */
};

/* Print "PROGRAM: " and the message on stderr, and exit with status 2. */
void image_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Parse all of @arg as a number up to @max; @what names its option in error messages. */
uint64_t image_number(const char *what, const char *arg, uint64_t max);

/* The options that describe the format, and their usage text. */
enum { IMAGE_LBS = 256, IMAGE_MS, IMAGE_PI, IMAGE_PIL, IMAGE_PIF, IMAGE_STS, IMAGE_HELP };

#define IMAGE_OPTIONS							\
	{ "lbs", required_argument, NULL, IMAGE_LBS },			\
	{ "ms", required_argument, NULL, IMAGE_MS },			\
	{ "pi", required_argument, NULL, IMAGE_PI },			\
	{ "pil", required_argument, NULL, IMAGE_PIL },			\
	{ "pif", required_argument, NULL, IMAGE_PIF },			\
	{ "sts", required_argument, NULL, IMAGE_STS },			\
	{ "ns_lbs", required_argument, NULL, IMAGE_LBS },		\
	{ "ns_ms", required_argument, NULL, IMAGE_MS },			\
	{ "ns_pi", required_argument, NULL, IMAGE_PI },			\
	{ "ns_pil", required_argument, NULL, IMAGE_PIL },		\
	{ "ns_pif", required_argument, NULL, IMAGE_PIF },		\
	{ "ns_sts", required_argument, NULL, IMAGE_STS },		\
	{ "help", no_argument, NULL, IMAGE_HELP }

#define IMAGE_USAGE							\
	"Format of the image (values as of QEMU's nvme-ns; also --ns_lbs and so on). Where IMAGE.format\n" \
	"is beside the image it says all of it; else --lbs and --pi are required:\n" \
	"  --lbs BYTES   data a block, a power of two from 512\n"	\
	"  --ms BYTES    metadata a block (default 0)\n"		\
	"  --pi TYPE     protection type, 0 to 3\n"			\
	"  --pil 0|1     the tuple is last (0, default) or first (1) in the metadata\n" \
	"  --pif 0|1|2   guard of 16b (0, default), 32b (1) or 64b (2)\n" \
	"  --sts BITS    storage tag size (default 0)\n"

/*
 * Return the next option of @options that does not describe the format, with its argument in
 * optarg; -1 after the last one.  Format options are stored in @im; --help prints @usage and exits
 * with status 0.
 */
int image_getopt(struct image *im, int argc, char **argv, const struct option *options,
		 const char *usage);

/* Open @path.  Its format comes from IMAGE.format or from the options; both must agree. */
void image_open(struct image *im, const char *path, bool writable);

/* Return the file offset of a block's data or metadata, bytes. */
uint64_t image_data_at(const struct image *im, uint64_t lba);
uint64_t image_md_at(const struct image *im, uint64_t lba);

/* Read or write exactly @len bytes at @offset. */
void image_read(const struct image *im, void *buf, size_t len, uint64_t offset);
void image_write(const struct image *im, const void *buf, size_t len, uint64_t offset);

#endif
