/* SPDX-License-Identifier: GPL-2.0-only */
/* image.c - see image.h */
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

	/* Flush results that were printed before, so that they precede the error message. */
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
	/* strtoull() accepts signs and blanks; refuse them. */
	if (*arg < '0' || *arg > '9' || *end)
		image_die("%s: '%s' is not a number", what, arg);
	if (errno || value > max)
		image_die("%s: %s is more than %" PRIu64, what, arg, max);
	return value;
}

/* The format options, indexed by IMAGE_*, and the lines of IMAGE.format. */
static const struct known {
	const char	*name;
	uint32_t	max;
	bool		of_tuple;		/* ignored without protection information */
} known[] = {
	{ "lbs", LBS_MAX, false }, { "ms", MS_MAX, false }, { "pi", 3, false },
	{ "pil", 1, true }, { "pif", 2, true }, { "sts", STS_MAX, true },
};
enum { NR_KNOWN = sizeof(known) / sizeof(known[0]) };

static uint32_t get(const struct oracle_format *f, int i)
{
	const uint32_t values[NR_KNOWN] = { f->data_size, f->md_size, f->type, f->first, f->pif, f->sts };

	return values[i];
}

static void set(struct oracle_format *f, int i, uint32_t value)
{
	switch (IMAGE_LBS + i) {
	case IMAGE_LBS: f->data_size = value; break;
	case IMAGE_MS:	f->md_size = value; break;
	case IMAGE_PI:	f->type = value; break;
	case IMAGE_PIL:	f->first = value; break;
	case IMAGE_PIF:	f->pif = value; break;
	case IMAGE_STS:	f->sts = value; break;
	}
}

static bool format_option(struct image *im, int opt)
{
	const int i = opt - IMAGE_LBS;
	char name[16];

	if (i < 0 || i >= NR_KNOWN)
		return false;
	snprintf(name, sizeof(name), "--%s", known[i].name);
	set(&im->format, i, image_number(name, optarg, known[i].max));
	im->given |= 1u << i;
	return true;
}

/* Parse a line NAME NUMBER of IMAGE.format; other names (mset) do not affect the raw image. */
static void take_line(struct oracle_format *f, unsigned *seen, const char *file, const char *line)
{
	char name[16], rest;
	unsigned value;

	if (*line == '#' || *line == '\n')
		return;
	if (sscanf(line, "%15s %u %c", name, &value, &rest) != 2)
		return;
	for (int i = 0; i < NR_KNOWN; i++) {
		if (strcmp(name, known[i].name))
			continue;
		if (value > known[i].max)
			image_die("%s: %s %u is more than %u", file, name, value, known[i].max);
		set(f, i, value);
		*seen |= 1u << i;
	}
}

/* Read IMAGE.format.  Returns false if it does not exist. */
static bool read_format(const char *path, struct oracle_format *f)
{
	static const char title[] = "nvmepi image format ";
	char name[4096], line[256];
	unsigned seen = 0;
	FILE *in;

	snprintf(name, sizeof(name), "%s.format", path);
	in = fopen(name, "r");
	if (!in && errno == ENOENT)
		return false;
	if (!in || !fgets(line, sizeof(line), in) || strncmp(line, title, strlen(title)))
		image_die("%s: %s", name, in ? "is no format of an image" : strerror(errno));
	while (fgets(line, sizeof(line), in))
		take_line(f, &seen, name, line);
	fclose(in);
	if (seen != (1u << NR_KNOWN) - 1)
		image_die("%s: lines are missing", name);
	return true;
}

/* IMAGE.format specifies every field; options must agree with it. */
static void settle_format(struct image *im)
{
	struct oracle_format f = im->format;

	if (!read_format(im->path, &f))
		return;
	for (int i = 0; i < NR_KNOWN; i++)
		if (im->given & 1u << i && get(&im->format, i) != get(&f, i) && (f.type || !known[i].of_tuple))
			image_die("--%s %u: %s.format says %u: leave out what says the format", known[i].name,
				  get(&im->format, i), im->path, get(&f, i));
	im->format = f;
	im->given |= (1u << NR_KNOWN) - 1;
}

static void check_format(const struct image *im)
{
	const struct oracle_format *f = &im->format;
	const char *objection;

	if (!f->data_size || !(im->given & 1u << (IMAGE_PI - IMAGE_LBS)))
		image_die("%s has no %s.format beside it: --lbs and --pi are required; see --help", im->path,
			  im->path);
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
	return -1;
}

void image_open(struct image *im, const char *path, bool writable)
{
	uint64_t block;
	struct stat st;

	im->path = path;
	settle_format(im);
	check_format(im);
	block = im->format.data_size + im->format.md_size;
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
