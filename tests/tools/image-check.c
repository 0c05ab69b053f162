/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image-check - check every block of a backing image
 *
 * It reads the image instead of the namespace and compares with the oracle, so the result does not
 * depend on a driver, a controller or this project's library.
 */
#include "tests/lib/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: image-check [options] IMAGE\n"
	"Check protection information and metadata of the blocks in a raw backing image.\n\n"
	IMAGE_USAGE
	"What every block should carry:\n"
	"  --app TAG          application tag (default 0)\n"
	"  --storage TAG      storage tag (default 0)\n"
	"  --ref-seed TAG     reference tag of LBA 0 (default 0); it rises by one a block and\n"
	"                     wraps at its width; with type 3 every block has this one\n"
	"  --metadata RULE    bytes beyond the tuple: pattern (default), zero, or any; byte j\n"
	"                     of the pattern is byte j mod 8 of LBA xor 5a5a5a5a5a5a5a5ah,\n"
	"                     big-endian, j from the start of the metadata\n"
	"Which blocks:\n"
	"  --first LBA        start here (default 0)\n"
	"  --count N          so many (default all that follow)\n"
	"  --allow-escaped    pass over blocks whose tags turn checking off\n"
	"  --allow-unwritten  pass over blocks with zero data and a tuple of zeroes or ones\n"
	"  --require N        fail unless N blocks that were written have been compared\n"
	"  --show N           list so many bad blocks (default 20); all are counted\n"
	"exit status: 0 all is right, 1 something is wrong, 2 the check could not be made.\n";

enum md_rule { MD_PATTERN, MD_ZERO, MD_ANY };

struct job {
	struct image		image;
	struct oracle_tuple	tags;		/* of LBA 0 */
	enum md_rule		md_rule;
	uint64_t		first;
	uint64_t		count;
	uint64_t		require;
	uint64_t		show;
	bool			allow_escaped;
	bool			allow_unwritten;
};

struct tally {
	uint64_t	checked;
	uint64_t	written;		/* checked blocks with content */
	uint64_t	escaped;
	uint64_t	unwritten;
	uint64_t	bad;
	uint64_t	fields[ORACLE_FIELDS];	/* number of bad blocks by field */
	uint64_t	md;
};

/* Differences in a block's metadata outside the tuple. */
struct md_diff {
	uint32_t	number;
	uint32_t	at;			/* offset of the first one */
	uint8_t		want;
	uint8_t		got;
};

static bool all_bytes(const uint8_t *p, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static bool looks_unwritten(const struct oracle_format *f, const struct oracle_block *b)
{
	const uint8_t *tuple = b->md + oracle_tuple_offset(f);
	unsigned size = oracle_tuple_size(f);

	return all_bytes(b->data, f->data_size, 0) &&
		(all_bytes(tuple, size, 0) || all_bytes(tuple, size, 0xff));
}

static bool escapes(const struct oracle_format *f, const struct oracle_block *b)
{
	struct oracle_tuple t = oracle_unpack(f, b->md + oracle_tuple_offset(f));

	return oracle_escapes(f, &t);
}

static uint8_t md_byte(enum md_rule rule, uint64_t lba, uint32_t j)
{
	uint64_t pattern = lba ^ 0x5a5a5a5a5a5a5a5a;

	return rule == MD_ZERO ? 0 : pattern >> (56 - 8 * (j % 8));
}

static struct md_diff check_md(const struct job *job, uint64_t lba, const uint8_t *md)
{
	const struct oracle_format *f = &job->image.format;
	uint32_t tuple = oracle_tuple_offset(f);
	struct md_diff diff = { 0 };

	for (uint32_t j = 0; j < f->md_size && job->md_rule != MD_ANY; j++) {
		uint8_t want = md_byte(job->md_rule, lba, j);

		if (j >= tuple && j < tuple + oracle_tuple_size(f))
			continue;
		if (md[j] != want && !diff.number++) {
			diff.at = j;
			diff.want = want;
			diff.got = md[j];
		}
	}
	return diff;
}

static void show(const struct oracle_format *f, uint64_t lba, const struct oracle_diff *diffs,
		 unsigned nr, const struct md_diff *md)
{
	const char *sep = ":";

	printf("LBA %" PRIu64, lba);
	for (unsigned i = 0; i < nr; i++) {
		int digits = (oracle_bits(f, diffs[i].field) + 3) / 4;

		printf("%s %s wanted %0*" PRIx64 "h got %0*" PRIx64 "h", sep,
		       oracle_names[diffs[i].field], digits, diffs[i].want, digits, diffs[i].got);
		sep = ";";
	}
	if (md->number)
		printf("%s md[%u] wanted %02xh got %02xh", sep, md->at, md->want, md->got);
	if (md->number > 1)
		printf(" and %u more", md->number - 1);
	putchar('\n');
}

static void compare(const struct job *job, uint64_t lba, const struct oracle_block *b,
		    struct tally *tally)
{
	const struct oracle_format *f = &job->image.format;
	struct oracle_diff diffs[ORACLE_FIELDS];
	struct oracle_tuple want = job->tags;
	struct md_diff md = check_md(job, lba, b->md);
	unsigned nr;

	want.field[ORACLE_REF] = oracle_ref(f, want.field[ORACLE_REF], lba);
	nr = oracle_check(f, b->data, b->md, &want, &oracle_all, diffs);
	if (!nr && !md.number)
		return;
	for (unsigned i = 0; i < nr; i++)
		tally->fields[diffs[i].field]++;
	tally->md += md.number != 0;
	if (tally->bad++ < job->show)
		show(f, lba, diffs, nr, &md);
}

static void judge(const struct job *job, uint64_t lba, const struct oracle_block *b,
		  struct tally *tally)
{
	bool unwritten = looks_unwritten(&job->image.format, b);

	if (unwritten && job->allow_unwritten) {
		tally->unwritten++;
	} else if (job->allow_escaped && escapes(&job->image.format, b)) {
		tally->escaped++;
	} else {
		tally->checked++;
		tally->written += !unwritten;
		compare(job, lba, b, tally);
	}
}

static struct tally check(const struct job *job)
{
	const struct oracle_format *f = &job->image.format;
	uint8_t *buf = malloc((size_t)f->data_size + f->md_size);
	struct oracle_block b = { .data = buf };
	struct tally tally = { 0 };

	if (!buf)
		image_die("no memory for a block");
	b.md = buf + f->data_size;
	for (uint64_t lba = job->first; lba < job->first + job->count; lba++) {
		image_read(&job->image, b.data, f->data_size, image_data_at(&job->image, lba));
		image_read(&job->image, b.md, f->md_size, image_md_at(&job->image, lba));
		judge(job, lba, &b, &tally);
	}
	free(buf);
	return tally;
}

static bool report(const struct job *job, const struct tally *t)
{
	bool enough = t->written >= job->require;

	if (t->bad > job->show)
		printf("and %" PRIu64 " more bad blocks\n", t->bad - job->show);
	if (t->bad) {
		printf("bad blocks by field:");
		for (int i = 0; i < ORACLE_FIELDS; i++)
			printf(" %s %" PRIu64 ",", oracle_names[i], t->fields[i]);
		printf(" md %" PRIu64 "\n", t->md);
	}
	if (!enough)
		printf("%" PRIu64 " blocks were written, %" PRIu64 " are required\n", t->written,
		       job->require);
	printf("%s: %" PRIu64 " blocks: %" PRIu64 " checked, %" PRIu64 " escaped, %" PRIu64
	       " unwritten, %" PRIu64 " bad\n", job->image.path, job->count, t->checked,
	       t->escaped, t->unwritten, t->bad);
	return !t->bad && enough;
}

static enum md_rule md_rule(const char *word)
{
	static const char *const words[] = { "pattern", "zero", "any" };

	for (int i = MD_PATTERN; i <= MD_ANY; i++)
		if (!strcmp(word, words[i]))
			return i;
	image_die("--metadata: '%s' is none of pattern, zero, any", word);
}

static const struct option options[] = {
	IMAGE_OPTIONS,
	{ "app", required_argument, NULL, 'a' },
	{ "storage", required_argument, NULL, 's' },
	{ "ref-seed", required_argument, NULL, 'r' },
	{ "metadata", required_argument, NULL, 'm' },
	{ "first", required_argument, NULL, 'f' },
	{ "count", required_argument, NULL, 'c' },
	{ "require", required_argument, NULL, 'n' },
	{ "show", required_argument, NULL, 'w' },
	{ "allow-escaped", no_argument, NULL, 'e' },
	{ "allow-unwritten", no_argument, NULL, 'u' },
	{ 0 }
};

static void option(struct job *job, int opt)
{
	switch (opt) {
	case 'a':
		job->tags.field[ORACLE_APP] = image_number("--app", optarg, UINT16_MAX);
		break;
	case 's':
		job->tags.field[ORACLE_STORAGE] = image_number("--storage", optarg, UINT64_MAX);
		break;
	case 'r':
		job->tags.field[ORACLE_REF] = image_number("--ref-seed", optarg, UINT64_MAX);
		break;
	case 'm':
		job->md_rule = md_rule(optarg);
		break;
	case 'f':
		job->first = image_number("--first", optarg, UINT64_MAX);
		break;
	case 'c':
		job->count = image_number("--count", optarg, UINT64_MAX);
		break;
	case 'n':
		job->require = image_number("--require", optarg, UINT64_MAX);
		break;
	case 'w':
		job->show = image_number("--show", optarg, UINT64_MAX);
		break;
	case 'e':
		job->allow_escaped = true;
		break;
	case 'u':
		job->allow_unwritten = true;
		break;
	}
}

/* A tag that is too wide for its field can never match, or would match only in part. */
static void check_tags(const struct job *job)
{
	const struct oracle_format *f = &job->image.format;

	for (int field = ORACLE_APP; field < ORACLE_FIELDS; field++) {
		unsigned bits = oracle_bits(f, field);

		if (bits < 64 && job->tags.field[field] >> bits)
			image_die("%s tag %" PRIx64 "h is wider than its %u bits in this format",
				  oracle_names[field], job->tags.field[field], bits);
	}
}

static void check_range(struct job *job)
{
	uint64_t blocks = job->image.blocks;

	if (job->first >= blocks)
		image_die("%s: LBA %" PRIu64 " is past the end; it holds %" PRIu64 " blocks",
			  job->image.path, job->first, blocks);
	if (job->count == UINT64_MAX)
		job->count = blocks - job->first;
	if (!job->count || job->count > blocks - job->first)
		image_die("%s: --count %" PRIu64 ": 1 to %" PRIu64 " blocks are there from LBA %"
			  PRIu64, job->image.path, job->count, blocks - job->first, job->first);
}

int main(int argc, char **argv)
{
	struct job job = { .count = UINT64_MAX, .show = 20 };
	struct tally tally;
	int opt;

	while ((opt = image_getopt(&job.image, argc, argv, options, usage)) != -1)
		option(&job, opt);
	if (argc - optind != 1)
		image_die("one image is needed; see --help");
	image_open(&job.image, argv[optind], false);
	if (!job.image.format.md_size)
		image_die("--ms 0: blocks without metadata have nothing to check");
	check_tags(&job);
	check_range(&job);
	tally = check(&job);
	return report(&job, &tally) ? 0 : 1;
}
