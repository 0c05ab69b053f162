/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.c - options, sizes and bytes of a raw backing image
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LBS_MIN = 512, LBS_MAX = 1 << 20, MS_MAX = 65535, STS_MAX = 64 };

void image_die(const char *fmt, ...)
{
	va_list args;

	/* Results that were already printed belong ahead of the complaint. */
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

uint64_t image_number(const char *what, const char *arg, uint64_t max)
{
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(arg, &end, 0);
	/* strtoull() takes a sign and blanks, which no number here has. */
	if (*arg < '0' || *arg > '9' || *end)
		image_die("%s: '%s' is not a number", what, arg);
	if (errno || value > max)
		image_die("%s: %s is more than %" PRIu64, what, arg, max);
	return value;
}

static bool format_option(struct image *im, int opt)
{
	struct oracle_format *f = &im->format;

	switch (opt) {
	case IMAGE_LBS:
		f->data_size = image_number("--lbs", optarg, LBS_MAX);
		return true;
	case IMAGE_MS:
		f->md_size = image_number("--ms", optarg, MS_MAX);
		return true;
	case IMAGE_PI:
		f->type = image_number("--pi", optarg, 3);
		im->typed = true;
		return true;
	case IMAGE_PIL:
		f->first = image_number("--pil", optarg, 1);
		return true;
	case IMAGE_PIF:
		f->pif = image_number("--pif", optarg, 2);
		return true;
	case IMAGE_STS:
		f->sts = image_number("--sts", optarg, STS_MAX);
		return true;
	}
	return false;
}

static void check_format(const struct image *im)
{
	const struct oracle_format *f = &im->format;
	const char *objection;

	if (!f->data_size || !im->typed)
		image_die("--lbs and --pi are required; see --help");
	if (f->data_size < LBS_MIN || f->data_size & (f->data_size - 1))
		image_die("--lbs: %u is not a power of two from %d", f->data_size, LBS_MIN);
	objection = oracle_objection(f);
	if (objection)
		image_die("no such format: %s", objection);
}

int image_getopt(struct image *im, int argc, char **argv, const struct option *options,
		 const char *usage)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == '?')
			exit(2);
		if (opt == IMAGE_HELP) {
			fputs(usage, stdout);
			exit(0);
		}
		if (!format_option(im, opt))
			return opt;
	}
	check_format(im);
	return -1;
}

void image_open(struct image *im, const char *path, bool writable)
{
	uint64_t block = im->format.data_size + im->format.md_size;
	struct stat st;

	im->path = path;
	im->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (im->fd < 0 || fstat(im->fd, &st))
		image_die("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		image_die("%s: not a file", path);
	im->blocks = st.st_size / block;
	if (!im->blocks)
		image_die("%s: %jd bytes hold no block of %" PRIu64, path, (intmax_t)st.st_size,
			  block);
}

uint64_t image_data_at(const struct image *im, uint64_t lba)
{
	return lba * im->format.data_size;
}

uint64_t image_md_at(const struct image *im, uint64_t lba)
{
	return im->blocks * im->format.data_size + lba * im->format.md_size;
}

void image_read(const struct image *im, void *buf, size_t len, uint64_t offset)
{
	ssize_t got = pread(im->fd, buf, len, offset);

	if (got < 0)
		image_die("%s: reading at %" PRIu64 ": %s", im->path, offset, strerror(errno));
	if ((size_t)got != len)
		image_die("%s: ends at %" PRIu64, im->path, offset + got);
}

void image_write(const struct image *im, const void *buf, size_t len, uint64_t offset)
{
	ssize_t put = pwrite(im->fd, buf, len, offset);

	if (put < 0)
		image_die("%s: writing at %" PRIu64 ": %s", im->path, offset, strerror(errno));
	if ((size_t)put != len)
		image_die("%s: wrote %zd of %zu bytes at %" PRIu64, im->path, put, len, offset);
}
