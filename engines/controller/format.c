// SPDX-License-Identifier: GPL-2.0-only
/* format.c - see format.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "format.h"
#include "format-zones.h"

#define FORMAT_TITLE "nvmepi image format"
/* Version 1 has no id, 2 no zones, 3 no ruhs; they are still read, and written where they suffice. */
#define FORMAT_VERSION 4

/* The fields of struct ns_format with their names in options and in the file. */
static const struct field {
	const char	*name;
	size_t		at;
	int		most;
	bool		of_tuple;	/* ignored without protection information */
} fields[] = {
	{ "lbs", offsetof(struct ns_format, lbs), CTL_DATA_MAX, false },
	{ "ms", offsetof(struct ns_format, ms), 65535, false },
	{ "mset", offsetof(struct ns_format, mset), 1, false },
	{ "pi", offsetof(struct ns_format, pi), PI_TYPE3, false },
	{ "pil", offsetof(struct ns_format, pil), 1, true },
	{ "pif", offsetof(struct ns_format, pif), 2, true },
	{ "sts", offsetof(struct ns_format, sts), 64, true },
};
enum { NR_FIELDS = sizeof(fields) / sizeof(fields[0]) };

static int get(const struct ns_format *ns, const struct field *f)
{
	int v;

	memcpy(&v, (const char *)ns + f->at, sizeof(v));
	return v;
}

static void set(struct ns_format *ns, const struct field *f, int v)
{
	memcpy((char *)ns + f->at, &v, sizeof(v));
}

uint64_t ctl_format_blocks(const struct ctl_format *f, uint64_t file_size)
{
	return file_size / (f->layout.data_size + f->layout.md_size);
}

/* Refuse values that the narrower fields of struct pi_layout would truncate. */
static int check_limits(const struct ns_format *ns, const char *path, char *why)
{
	for (int i = 0; i < NR_FIELDS; i++)
		if (get(ns, &fields[i]) > fields[i].most)
			return refuse(why, EINVAL, "%s: no such format: ns_%s=%d, at most %d", path,
				      fields[i].name, get(ns, &fields[i]), fields[i].most);
	return 0;
}

int ctl_format_layout(struct ctl_format *f, const char *path, char *why)
{
	const struct ns_format *ns = &f->ns;
	int ret = check_limits(ns, path, why);
	const char *fault;

	if (ret)
		return ret;
	f->layout = (struct pi_layout) {
		.format = pi_format_of(ns->pif, 0, false),
		.type = ns->pi, .data_size = ns->lbs, .md_size = ns->ms, .sts = ns->sts,
		.first = ns->pil, .extended = ns->mset,
	};
	if (pi_layout_check(&f->layout, &fault))
		return refuse(why, EINVAL, "%s: no such format: %s", path, fault);
	return 0;
}

static void set_default(int *v, int value)
{
	if (*v < 0)
		*v = value;
}

static bool says_nothing(const struct ns_format *ns)
{
	for (int i = 0; i < NR_FIELDS; i++)
		if (get(ns, &fields[i]) >= 0)
			return false;
	return true;
}

static int refuse_none(const struct target_open *o, char *why)
{
	if (!o->size && !o->extent)		/* whoever asks would never create one */
		return refuse(why, ENOENT, "%s: no such image, and no device: is the name right?", o->path);
	return refuse(why, ENOENT, "%s: no such image; a job that writes creates it, given size= and a "
		      "format (such as ns_lbs=4096 ns_ms=8 ns_pi=1)", o->path);
}

/* Return a random id for an image and its copies: 56 bits, so that it fits into an EUI64. */
static uint64_t new_id(void)
{
	uint64_t id = 0;

	if (getrandom(&id, 7, 0) != 7)
		return 0;		/* the inode number is then used instead */
	return id;
}

static int count_blocks(struct ctl_format *f, const struct target_open *o, char *why)
{
	if (o->extent)
		return o->extent(o, &f->layout, &f->nr_blocks, why);
	f->nr_blocks = o->size / f->ns.lbs;
	if (o->size % f->ns.lbs)
		return refuse(why, EINVAL, "%s: size=%llu is not a number of blocks of %d bytes",
			      o->path, (unsigned long long)o->size, f->ns.lbs);
	return 0;
}

int ctl_format_new(struct ctl_format *f, const struct target_open *o, char *why)
{
	struct ns_format *ns = &f->ns;
	const struct pi_format *guard;
	int ret;

	if (!o->write || (!o->size && !o->extent) || says_nothing(&o->format))
		return refuse_none(o, why);
	*ns = o->format;
	set_default(&ns->pif, 0);
	set_default(&ns->pi, 0);
	guard = pi_format_of(ns->pif, 0, false);
	set_default(&ns->lbs, 4096);
	set_default(&ns->ms, ns->pi && guard ? guard->tuple_size : 0);
	set_default(&ns->mset, 0);
	set_default(&ns->pil, 0);
	set_default(&ns->sts, guard ? guard->sts_min : 0);
	ret = ctl_format_layout(f, o->path, why);
	if (ret)
		return ret;
	ret = count_blocks(f, o, why);
	if (ret)
		return ret;
	if (!f->nr_blocks)
		return refuse_none(o, why);
	f->zones = o->zones;
	f->ruhs = o->ruhs;
	ret = ctl_format_zones(f, o->path, why);
	ret = ret ? ret : ctl_format_zones_check(f, o, why);
	if (ret)
		return ret;
	f->id = new_id();
	if (f->nr_blocks > (uint64_t)INT64_MAX / (ns->lbs + ns->ms))
		return refuse(why, EFBIG, "%s: size=: %llu blocks are more than a file can hold", o->path,
			      (unsigned long long)f->nr_blocks);
	return 0;
}

/* Return the name of the first required field that is not given, or NULL. */
static const char *missing(const struct ns_format *ns)
{
	if (ns->lbs < 0)
		return "lbs";
	if (ns->ms < 0)
		return "ms";
	if (ns->ms && ns->mset < 0)
		return "mset";
	if (ns->ms && ns->pi < 0)
		return "pi";
	if (ns->pi > 0 && ns->pil < 0)
		return "pil";
	return ns->pi > 0 && ns->pif < 0 ? "pif" : NULL;
}

int ctl_format_bare(struct ctl_format *f, const struct target_open *o, uint64_t file_size,
		    char *why)
{
	const char *name = missing(&o->format);
	const struct pi_format *guard;
	int ret;

	if (name)
		return refuse(why, EINVAL,
			      "%s has no %s.format beside it: give its whole format by ns_* "
			      "options (ns_%s is missing)", o->path, o->path, name);
	f->ns = o->format;
	set_default(&f->ns.mset, 0);
	set_default(&f->ns.pi, 0);
	set_default(&f->ns.pil, 0);
	set_default(&f->ns.pif, 0);
	guard = pi_format_of(f->ns.pif, 0, false);
	set_default(&f->ns.sts, guard ? guard->sts_min : 0);
	ret = ctl_format_layout(f, o->path, why);
	if (ret)
		return ret;
	f->nr_blocks = ctl_format_blocks(f, file_size);
	f->zones = o->zones;
	f->ruhs = o->ruhs;
	return ctl_format_zones(f, o->path, why);
}

/* --- the file beside the image --- */

static int format_path(const char *path, char out[PATH_MAX], char *why)
{
	if (snprintf(out, PATH_MAX, "%s.format", path) >= PATH_MAX)
		return refuse(why, ENAMETOOLONG, "%s: the name is too long", path);
	return 0;
}

/* The name contains the process id, so that concurrent writers use different files. */
static int temporary_path(const char *path, char out[PATH_MAX], char *why)
{
	if (snprintf(out, PATH_MAX, "%s.format.new-%d", path, (int)getpid()) >= PATH_MAX)
		return refuse(why, ENAMETOOLONG, "%s: the name is too long", path);
	return 0;
}

/*
 * Parse a line "NAME NUMBER".  @seen has one bit for each name that was found. Returns false if
 * the line is malformed, unknown or a duplicate.
 */
/* Lines that are not fields of struct ns_format have the numbers after those. */
enum { LINE_BLOCKS = NR_FIELDS, LINE_ID, LINE_ZONES, LINE_RUHS = LINE_ZONES + CTL_ZONE_FIELDS, NR_LINES };

/* The number of lines of each version. */
static const int nr_lines[FORMAT_VERSION + 1] = { 0, LINE_ID, LINE_ZONES, LINE_RUHS, NR_LINES };

/* Return the number of the line @name, or -1. */
static int line_of(const char *name)
{
	for (int i = 0; i < NR_FIELDS; i++)
		if (!strcmp(name, fields[i].name))
			return i;
	for (int i = 0; i < CTL_ZONE_FIELDS; i++)
		if (!strcmp(name, ctl_zone_fields[i].name))
			return LINE_ZONES + i;
	if (!strcmp(name, "ruhs"))
		return LINE_RUHS;
	return !strcmp(name, "blocks") ? LINE_BLOCKS : !strcmp(name, "id") ? LINE_ID : -1;
}

static bool parse_line(struct ctl_format *f, const char *line, unsigned *seen)
{
	unsigned long long v;
	char name[16], rest;
	int i;

	if (sscanf(line, "%15s %llu %c", name, &v, &rest) != 2)
		return false;
	i = line_of(name);
	if (i < 0 || *seen & 1u << i || (i < NR_FIELDS && v > 1 << 20))
		return false;
	*seen |= 1u << i;
	if (i < NR_FIELDS)
		set(&f->ns, &fields[i], v);
	else if (i == LINE_BLOCKS)
		f->nr_blocks = v;
	else if (i == LINE_ID)
		f->id = v;
	else if (i == LINE_RUHS)
		f->ruhs = v;
	else
		*ctl_zone_field(&f->zones, i - LINE_ZONES) = v;
	return true;
}

static int parse(struct ctl_format *f, FILE *in, const char *name, char *why)
{
	unsigned version, seen = 0, nr = 1;
	char line[256];

	if (!fgets(line, sizeof(line), in) || sscanf(line, FORMAT_TITLE " %u", &version) != 1)
		return refuse(why, EINVAL,
			      "%s: line 1 is not \"" FORMAT_TITLE " %d\": damaged, or another "
			      "program's", name, FORMAT_VERSION);
	if (!version || version > FORMAT_VERSION)
		return refuse(why, EINVAL, "%s: version %u, this program knows %d: use a newer one",
			      name, version, FORMAT_VERSION);
	while (fgets(line, sizeof(line), in)) {
		nr++;
		if (line[0] != '#' && line[0] != '\n' && !parse_line(f, line, &seen))
			return refuse(why, EINVAL,
				      "%s: line %u is damaged: restore it, or remove the file and "
				      "give all ns_* options", name, nr);
	}
	if (seen != (1u << nr_lines[version]) - 1)
		return refuse(why, EINVAL,
			      "%s: lines are missing: restore it, or remove the file and give all "
			      "ns_* options", name);
	return 0;
}

/* Do not wait for the writer of a FIFO. */
static FILE *open_to_read(const char *name)
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? NULL : fdopen(fd, "r");
}

int ctl_format_read(struct ctl_format *f, const char *path, char *why)
{
	char name[PATH_MAX];
	int ret = format_path(path, name, why);
	FILE *in;

	if (ret)
		return ret;
	in = open_to_read(name);
	if (!in)
		return refuse(why, errno, "%s: %s", name, strerror(errno));
	f->id = 0;
	f->zones = (struct ns_zones){ 0 };
	f->ruhs = 0;
	ret = parse(f, in, name, why);
	fclose(in);
	ret = ret ? ret : ctl_format_layout(f, name, why);
	return ret ? ret : ctl_format_zones(f, name, why);
}

static int version_of(const struct ctl_format *f)
{
	if (f->ruhs)
		return 4;
	return f->nr_zones ? 3 : f->id ? 2 : 1;
}

static void print(const struct ctl_format *f, FILE *out)
{
	struct ns_zones zones = f->zones;
	const int version = version_of(f);

	fprintf(out, FORMAT_TITLE " %d\n", version);
	fputs("# How the image beside this file is laid out: all data, then all metadata, raw.\n"
	      "# Bytes a block of data (lbs) and metadata (ms); mset 1: extended; pi: type;\n"
	      "# pil 1: tuple first; pif 0: 16b guard, 1: 32b, 2: 64b; sts: storage tag, bits.\n",
		      out);
	fprintf(out, "blocks %llu\n", (unsigned long long)f->nr_blocks);
	if (version >= 2)
		fprintf(out, "id %llu\n", (unsigned long long)f->id);
	for (int i = 0; i < NR_FIELDS; i++)
		fprintf(out, "%s %d\n", fields[i].name, get(&f->ns, &fields[i]));
	for (unsigned i = 0; i < CTL_ZONE_FIELDS && version >= 3; i++)
		fprintf(out, "%s %llu\n", ctl_zone_fields[i].name,
			(unsigned long long)*ctl_zone_field(&zones, i));
	if (version >= 4)
		fprintf(out, "ruhs %llu\n", (unsigned long long)f->ruhs);
}

/* Refuse to overwrite a file that is not an image format; an orphaned format may be replaced. */
static int check_replaced(const char *path, char *why)
{
	char name[PATH_MAX], line[256] = "";
	int ret = format_path(path, name, why);
	FILE *old = ret ? NULL : open_to_read(name);

	if (!old)
		return ret || errno == ENOENT ? ret : refuse(why, errno, "%s: %s", name, strerror(errno));
	if (fgets(line, sizeof(line), old) && strncmp(line, FORMAT_TITLE, strlen(FORMAT_TITLE)))
		ret = refuse(why, EINVAL, "%s: is not the format of an image: it is not overwritten; move it away",
			     name);
	fclose(old);
	return ret;
}

int ctl_format_prepare(const struct ctl_format *f, const char *path, char *why)
{
	char temporary[PATH_MAX];
	int ret = temporary_path(path, temporary, why);
	FILE *out;

	ret = ret ? ret : check_replaced(path, why);
	if (ret)
		return ret;
	out = fopen(temporary, "we");
	if (!out)
		return refuse(why, errno, "%s: %s", temporary, strerror(errno));
	print(f, out);
	ret = ferror(out) ? -EIO : 0;
	if (!ret && (fflush(out) || fsync(fileno(out))))	/* durable before the rename */
		ret = -errno;
	if (fclose(out))
		ret = -errno;
	if (!ret)
		return 0;
	unlink(temporary);
	return refuse(why, -ret, "%s: %s", temporary, strerror(-ret));
}

int ctl_format_commit(const char *path, char *why)
{
	char name[PATH_MAX], temporary[PATH_MAX];
	int ret = temporary_path(path, temporary, why);

	ret = ret ? ret : format_path(path, name, why);
	if (ret || !rename(temporary, name))
		return ret;
	ret = refuse(why, errno, "%s: %s", name, strerror(errno));
	unlink(temporary);
	return ret;
}

void ctl_format_abandon(const char *path)
{
	char temporary[PATH_MAX], why[WHY_MAX];

	if (!temporary_path(path, temporary, why))
		unlink(temporary);
}

int ctl_format_write(const struct ctl_format *f, const char *path, char *why)
{
	int ret = ctl_format_prepare(f, path, why);

	return ret ? ret : ctl_format_commit(path, why);
}

static int check_wanted(const struct ctl_format *f, const struct target_open *o, char *why)
{
	for (int i = 0; i < NR_FIELDS; i++) {
		int want = get(&o->format, &fields[i]), is = get(&f->ns, &fields[i]);

		if (fields[i].of_tuple && f->ns.pi == PI_NONE)
			continue;
		if (want >= 0 && want != is)
			return refuse(why, EINVAL, "%s: ns_%s=%d was asked for, the image has %d",
				      o->path, fields[i].name, want, is);
	}
	return 0;
}

int ctl_format_check(const struct ctl_format *f, const struct target_open *o, uint64_t file_size,
		     char *why)
{
	uint64_t holds = ctl_format_blocks(f, file_size);
	int ret = check_wanted(f, o, why);

	ret = ret ? ret : ctl_format_zones_check(f, o, why);
	if (ret)
		return ret;
	if (holds != f->nr_blocks || !holds)
		return refuse(why, EINVAL,
			      "%s: %llu bytes hold %llu blocks of %u + %u bytes, its format says "
			      "%llu: the image was cut short, or this is not its format", o->path,
			      (unsigned long long)file_size, (unsigned long long)holds,
			      f->layout.data_size, f->layout.md_size,
			      (unsigned long long)f->nr_blocks);
	if (o->size > f->nr_blocks * f->layout.data_size)
		return refuse(why, EINVAL, "%s: size=%llu, the image holds %llu bytes of data",
			      o->path, (unsigned long long)o->size,
			      (unsigned long long)f->nr_blocks * f->layout.data_size);
	return 0;
}
