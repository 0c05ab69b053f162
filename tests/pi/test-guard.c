/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-guard.c - compare the three guards of every kernel with a bitwise division, for
 * all shapes of a guard_job
 *
 * Buffers lie between inaccessible pages.  Memory that must not be written is compared
 * afterwards.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "pi/guard-kernels.h"
#include "tests/lib/unit.h"

/* A CRC by its published parameters; @poly has the bit order of the register. */
struct crc {
	const char	*name;
	unsigned	bits;
	bool		reflected;
	uint64_t	poly;
	uint64_t	ones;		/* initial register value, and final XOR */
	uint64_t	check;		/* CRC of "123456789" */
};

static const struct crc t10dif = { "T10-DIF", 16, false, 0x8bb7, 0, 0xd0db };
static const struct crc crc32c = { "CRC-32C", 32, true, 0x82f63b78, 0xffffffff, 0xe3069283 };
static const struct crc crc64 = { "CRC-64/NVME", 64, true, 0x9a6c9329ac4bc9b5,
				  0xffffffffffffffff, 0xae8b14860a799888 };

static const struct guard {
	const char		*name;
	guard_fn		*fn;
	const struct crc	*crc;
} guards[] = {
	{ "16b", guard_16b, &t10dif },
	{ "32b", guard_32b, &crc32c },
	{ "64b", guard_64b, &crc64 },
};

enum { NR_GUARDS = sizeof(guards) / sizeof(guards[0]) };

/* Iterate over every guard of every kernel that this CPU supports. */
#define for_each_guard(g) \
	for (size_t k = 0; k < guard_nr_kernels; k++) \
		if (!guard_select(guard_kernels[k].name)) \
			for (const struct guard *g = guards; g < guards + NR_GUARDS; g++)

/* Returns a text such as "16b by avx2", valid until the next call. */
static const char *name_of(const struct guard *g)
{
	static char name[60];

	snprintf(name, sizeof(name), "%s by %s", g->name, guard_selected());
	return name;
}

static uint64_t divide_bit(const struct crc *crc, uint64_t reg)
{
	uint64_t top = 1ULL << (crc->bits - 1);

	if (crc->reflected)
		return reg >> 1 ^ (reg & 1 ? crc->poly : 0);
	return (reg & ~top) << 1 ^ (reg & top ? crc->poly : 0);
}

static uint64_t divide(const struct crc *crc, uint64_t reg, const uint8_t *p, size_t len)
{
	for (; len; len--, p++) {
		reg ^= crc->reflected ? *p : (uint64_t)*p << (crc->bits - 8);
		for (int bit = 0; bit < 8; bit++)
			reg = divide_bit(crc, reg);
	}
	return reg;
}

static uint64_t want_guard(const struct crc *crc, const uint8_t *data, size_t len,
			   const uint8_t *md, size_t md_len)
{
	return crc->ones ^ divide(crc, divide(crc, crc->ones, data, len), md, md_len);
}

static uint64_t guard_of(const struct guard *g, const void *data, size_t len)
{
	uint64_t guard;

	g->fn(&(struct guard_job){ .data = data, .data_len = len, .nr = 1 }, &guard);
	return guard;
}

/* An area between two inaccessible pages. */
struct arena {
	uint8_t	*start;
	size_t	size;
};

static struct arena arena_new(size_t size)
{
	size_t page = 4096;
	uint8_t *p;

	size = (size + page - 1) / page * page;
	p = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + page, size, PROT_READ | PROT_WRITE)) {
		perror("test-guard: mmap");
		exit(2);
	}
	return (struct arena){ p + page, size };
}

/*
 * Returns @len bytes that end @shift bytes before the end of the area, or start @shift bytes
 * after its start.
 */
static uint8_t *arena_place(const struct arena *a, size_t len, size_t shift, bool at_end)
{
	return at_end ? a->start + a->size - shift - len : a->start + shift;
}

enum {
	MAX_NR = 40, MAX_LEN = 4200, MAX_MD = 72, MAX_GAP = 72, MAX_SHIFT = 64,
	ARENA = MAX_NR * (MAX_LEN + MAX_MD + MAX_GAP) + MAX_SHIFT,
};

/* Where the metadata is: in a buffer of its own, after each block's data, or after each copy. */
enum md_place { MD_APART, MD_BEHIND_DATA, MD_BEHIND_COPY, MD_PLACES };

/* A guard_job without its addresses.  A gap is the stride minus the length. */
struct shape {
	size_t		nr;
	size_t		len;
	size_t		gap;
	size_t		md_len;
	size_t		md_gap;
	size_t		copy_gap;
	size_t		shift;
	enum md_place	md_place;
	bool		copy;
	bool		at_end;
};

static struct arena data_area, md_area, copy_area;
static uint8_t *data_saved, *md_saved, *copy_want;

static void areas_new(void)
{
	data_area = arena_new(ARENA);
	md_area = arena_new(ARENA);
	copy_area = arena_new(ARENA);
	data_saved = malloc(data_area.size);
	md_saved = malloc(md_area.size);
	copy_want = malloc(copy_area.size);
	if (!data_saved || !md_saved || !copy_want) {
		perror("test-guard: malloc");
		exit(2);
	}
	unit_random_fill(data_area.start, data_area.size);
	unit_random_fill(md_area.start, md_area.size);
	unit_random_fill(copy_area.start, copy_area.size);
	memcpy(data_saved, data_area.start, data_area.size);
	memcpy(md_saved, md_area.start, md_area.size);
}

/* Returns the bytes from the start of the first to the end of the last of @nr items at @stride. */
static size_t extent(size_t nr, size_t stride, size_t gap)
{
	return nr ? nr * stride - gap : 0;
}

static struct guard_job shape_job(const struct shape *s)
{
	size_t behind_data = s->md_place == MD_BEHIND_DATA ? s->md_len : 0;
	size_t behind_copy = s->md_place == MD_BEHIND_COPY ? s->md_len : 0;
	struct guard_job job = {
		.data_len	= s->len,
		.data_stride	= s->len + behind_data + s->gap,
		.md_len		= s->md_len,
		.md_stride	= s->md_len + s->md_gap,
		.copy_stride	= s->len + behind_copy + s->copy_gap,
		.nr		= s->nr,
	};

	job.data = arena_place(&data_area, extent(s->nr, job.data_stride, s->gap),
			       s->shift, s->at_end);
	if (s->copy)
		job.copy = arena_place(&copy_area, extent(s->nr, job.copy_stride, s->copy_gap),
				       s->shift, s->at_end);
	if (s->md_place == MD_APART) {
		job.md = arena_place(&md_area, extent(s->nr, job.md_stride, s->md_gap),
				     s->shift, s->at_end);
	} else if (behind_data) {
		job.md = (const uint8_t *)job.data + s->len;
		job.md_stride = job.data_stride;
	} else if (behind_copy) {
		job.md = (const uint8_t *)job.copy + s->len;
		job.md_stride = job.copy_stride;
	}
	return job;
}

static const uint8_t *block_data(const struct guard_job *job, size_t i)
{
	return (const uint8_t *)job->data + i * job->data_stride;
}

static const uint8_t *block_md(const struct guard_job *job, size_t i)
{
	return job->md_len ? (const uint8_t *)job->md + i * job->md_stride : NULL;
}

/* Compute the expected contents of the copy's area: the current ones plus the copies. */
static void expect_copies(const struct guard_job *job)
{
	memcpy(copy_want, copy_area.start, copy_area.size);
	for (size_t i = 0; job->copy && i < job->nr; i++)
		memcpy(copy_want + ((uint8_t *)job->copy - copy_area.start) + i * job->copy_stride,
		       block_data(job, i), job->data_len);
}

static void check_shape(const struct guard *g, const struct shape *s)
{
	const uint64_t untouched = 0x5afe5afe5afe5afe;
	struct guard_job job = shape_job(s);
	uint64_t got[MAX_NR + 1], want;
	char what[200];

	snprintf(what, sizeof(what),
		 "%s: %zu of %zu+%zu bytes (gap %zu %zu %zu, md at %d, shift %zu, copy %d, end %d)",
		 name_of(g), s->nr, s->len, s->md_len, s->gap, s->md_gap, s->copy_gap,
		 s->md_place, s->shift, s->copy, s->at_end);
	for (size_t i = 0; i <= MAX_NR; i++)
		got[i] = untouched;
	expect_copies(&job);

	g->fn(&job, got);

	for (size_t i = 0; i < s->nr; i++) {
		want = want_guard(g->crc, block_data(&job, i), s->len,
				  block_md(&job, i), s->md_len);
		UNIT_CHECK(got[i] == want, "%s: block %zu is %llx, not %llx", what, i,
			   (unsigned long long)got[i], (unsigned long long)want);
	}
	UNIT_CHECK(got[s->nr] == untouched, "%s: wrote a guard too many", what);
	UNIT_CHECK(!memcmp(copy_want, copy_area.start, copy_area.size),
		   "%s: copies, or bytes around them, are wrong", what);
	UNIT_CHECK(!memcmp(data_saved, data_area.start, data_area.size) &&
		   !memcmp(md_saved, md_area.start, md_area.size),
		   "%s: the source was written to", what);
}

/* Check published values, for the kernels and for the bitwise division. */
static void check_values(void)
{
	static const char digits[] = "123456789";

	for_each_guard(g) {
		uint64_t got = guard_of(g, digits, 9);

		UNIT_CHECK(got == g->crc->check, "%s of \"123456789\" is %llx", name_of(g),
			   (unsigned long long)got);
		got = want_guard(g->crc, (const uint8_t *)digits, 9, NULL, 0);
		UNIT_CHECK(got == g->crc->check, "bitwise %s of \"123456789\" is %llx",
			   g->crc->name, (unsigned long long)got);
	}
}

/* Spec: NVM Command Set Specification, 64b CRC and 32b CRC test cases, 4096 bytes each. */
static void published_blocks(void)
{
	static const struct {
		uint8_t		first;
		int		step;
		uint32_t	crc32c;
		uint64_t	crc64;
	} rows[] = {
		{ 0x00,  0, 0x98f94189, 0x6482d367eb22b64e },
		{ 0xff,  0, 0x25c1fe13, 0xc0ddba7302eca3ac },
		{ 0x00,  1, 0x9c71fe32, 0x3e729f5f6750449c },
		{ 0xff, -1, 0x214941a8, 0x9a2df64b8e9e517e },
	};
	uint8_t block[4096];

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = rows[r].first + (int)i * rows[r].step;
		for_each_guard(g) {
			uint64_t got = guard_of(g, block, sizeof(block));
			uint64_t want = g->crc == &crc32c ? rows[r].crc32c : rows[r].crc64;

			if (g->crc == &t10dif)
				continue;
			UNIT_CHECK(got == want, "%s of pattern %zu is %llx", name_of(g), r,
				   (unsigned long long)got);
		}
	}
}

static void no_blocks(void)
{
	uint64_t guard = 1;

	for_each_guard(g) {
		g->fn(&(struct guard_job){ .data_len = 512, .md_len = 8 }, &guard);
		UNIT_CHECK(guard == 1, "%s wrote a guard of no block", name_of(g));
	}
}

static void lengths(void)
{
	for_each_guard(g)
		for (size_t len = 0; len <= 600; len++)
			for (size_t nr = 1; nr <= 9; nr += 4)
				check_shape(g, &(struct shape){ .nr = nr, .len = len,
								.at_end = len % 2 });
}

static void long_lengths(void)
{
	for_each_guard(g)
		for (size_t len = 4080; len <= 4120; len++)
			check_shape(g, &(struct shape){ .nr = 3, .len = len, .copy = len % 2,
							.at_end = true });
}

static void counts(void)
{
	static const size_t lens[] = { 1, 100, 512, 520 };

	for_each_guard(g)
		for (size_t nr = 0; nr <= MAX_NR; nr++)
			for (int i = 0; i < 4; i++)
				check_shape(g, &(struct shape){ .nr = nr, .len = lens[i],
								.md_len = nr % 3 * 8,
								.copy = nr % 2, .at_end = i % 2 });
}

static void strides(void)
{
	for_each_guard(g)
		for (size_t gap = 0; gap <= MAX_GAP; gap++)
			check_shape(g, &(struct shape){ .nr = 9, .len = 512, .gap = gap,
							.md_len = 8, .md_gap = MAX_GAP - gap,
							.copy = gap % 2, .copy_gap = gap / 2,
							.at_end = gap % 3 });
}

static void alignments(void)
{
	for_each_guard(g)
		for (size_t shift = 0; shift < MAX_SHIFT; shift++)
			for (int end = 0; end < 2; end++)
				check_shape(g, &(struct shape){ .nr = 9, .len = 512, .md_len = 13,
								.shift = shift, .copy = true,
								.at_end = end });
}

static void metadata(void)
{
	static const size_t lens[] = { 0, 13, 512, 520 };

	for_each_guard(g)
		for (size_t md_len = 0; md_len <= MAX_MD; md_len++)
			for (int i = 0; i < 4; i++)
				for (int place = 0; place < MD_PLACES; place++)
					check_shape(g, &(struct shape){
						.nr = 9, .len = lens[i], .md_len = md_len,
						.md_place = place, .md_gap = 3, .gap = 16,
						.copy_gap = 8, .at_end = true,
						.copy = place == MD_BEHIND_COPY });
}

/* If the guard covers no metadata, the metadata address is not used. */
static void metadata_unused(void)
{
	uint8_t block[512] = { 1 };
	uint64_t guard;

	for_each_guard(g) {
		g->fn(&(struct guard_job){ .data = block, .data_len = sizeof(block), .nr = 1,
					   .md = data_area.start - 1 }, &guard);
		UNIT_CHECK(guard == guard_of(g, block, sizeof(block)), "%s: %llx", name_of(g),
			   (unsigned long long)guard);
	}
}

/* Copy into the layout that pi_insert() builds: each block's metadata follows its data. */
static void copies(void)
{
	for_each_guard(g)
		for (size_t len = 0; len <= 600; len += 7)
			for (size_t nr = 1; nr <= 17; nr += 8)
				check_shape(g, &(struct shape){ .nr = nr, .len = len, .md_len = 8,
								.md_place = MD_BEHIND_COPY,
								.copy_gap = len % 9, .copy = true,
								.shift = len % 64,
								.at_end = nr % 2 });
}

static void random_shapes(void)
{
	for (int i = 0; i < 200; i++) {
		struct shape s = {
			.nr		= unit_random_below(MAX_NR + 1),
			.len		= unit_random_below(i % 10 ? 601 : MAX_LEN + 1),
			.gap		= unit_random_below(MAX_GAP + 1),
			.md_len		= unit_random_below(MAX_MD + 1),
			.md_gap		= unit_random_below(MAX_GAP + 1),
			.copy_gap	= unit_random_below(MAX_GAP + 1),
			.shift		= unit_random_below(MAX_SHIFT),
			.md_place	= unit_random_below(MD_PLACES),
			.copy		= unit_random_below(2),
			.at_end		= unit_random_below(2),
		};

		s.copy |= s.md_place == MD_BEHIND_COPY;
		for_each_guard(g)
			check_shape(g, &s);
	}
}

/* A flipped bit changes the guard of its own block only, to the value of the bitwise division. */
static void check_flip(const struct guard *g, uint8_t *blocks, size_t len, size_t bit)
{
	struct guard_job job = { .data = blocks, .data_len = len - 8, .data_stride = len,
				 .md = blocks + len - 8, .md_len = 8, .md_stride = len, .nr = 3 };
	uint64_t before[3], after[3];

	g->fn(&job, before);
	blocks[len + bit / 8] ^= 1 << bit % 8;
	g->fn(&job, after);
	UNIT_CHECK(before[0] == after[0] && before[2] == after[2],
		   "%s: bit %zu of block 1 changed another block's guard", name_of(g), bit);
	UNIT_CHECK(before[1] != after[1] &&
		   after[1] == want_guard(g->crc, blocks + len, len, NULL, 0),
		   "%s: bit %zu of block 1: guard %llx, before %llx", name_of(g), bit,
		   (unsigned long long)after[1], (unsigned long long)before[1]);
	blocks[len + bit / 8] ^= 1 << bit % 8;
}

static void flips(void)
{
	enum { LEN = 520 };
	uint8_t blocks[3 * LEN];

	unit_random_fill(blocks, sizeof(blocks));
	for_each_guard(g)
		for (size_t bit = 0; bit < 8 * LEN; bit++)
			check_flip(g, blocks, LEN, bit);
}

static const struct unit_case cases[] = {
	{ "check_values", check_values },
	{ "published_blocks", published_blocks },
	{ "no_blocks", no_blocks },
	{ "lengths", lengths },
	{ "long_lengths", long_lengths },
	{ "counts", counts },
	{ "strides", strides },
	{ "alignments", alignments },
	{ "metadata", metadata },
	{ "metadata_unused", metadata_unused },
	{ "copies", copies },
	{ "random_shapes", random_shapes },
	{ "flips", flips },
};

int main(int argc, char **argv)
{
	areas_new();
	return unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
