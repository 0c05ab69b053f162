/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pi-sample.h - sample blocks of a format, built by the bitwise implementation in
 * oracle.c, and checks of which errors must be found in them
 */
#ifndef PI_SAMPLE_H
#define PI_SAMPLE_H

#include <stdlib.h>

#include "tests/lib/pi-format.h"
#include "tests/lib/unit.h"

enum { ALL_CHECKS = PI_GUARD | PI_APP | PI_STORAGE | PI_REF };

/* The PI_* value of each field of the oracle. */
static const enum pi_check check_of[ORACLE_FIELDS] = {
	[ORACLE_GUARD] = PI_GUARD, [ORACLE_APP] = PI_APP,
	[ORACLE_STORAGE] = PI_STORAGE, [ORACLE_REF] = PI_REF,
};

static inline void *allocate(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p) {
		perror("test-pi: malloc");
		exit(2);
	}
	return p;
}

/*
 * Blocks of one format with correct tuples.  Buffers have exactly the needed size, so that a
 * sanitizer reports an access of one byte beyond.
 */
struct sample {
	struct oracle_format	f;
	struct pi_layout	l;
	struct pi_tags		tags;
	uint32_t		nr;
	uint8_t			*data;
	uint8_t			*md;		/* NULL for extended blocks */
	size_t			data_bytes;
	size_t			md_bytes;
};

/*
 * Returns random tags.  Two bits of the application tag are zero, so that one flipped bit
 * cannot make a tuple escape.
 */
static inline struct pi_tags random_tags(const struct oracle_format *f)
{
	return (struct pi_tags) {
		.ref		= unit_random(),
		.storage	= unit_random() & pi_ones(f->sts),
		.storage_mask	= ~0ULL,
		.app		= (unit_random() & 0xbffd) | 1,
		.app_mask	= 0xffff,
	};
}

/* Returns what the tuple of block @i must hold except the guard. */
static inline struct oracle_tuple tags_at(const struct sample *s, uint32_t i)
{
	return (struct oracle_tuple) { {
		[ORACLE_APP]	 = s->tags.app,
		[ORACLE_STORAGE] = s->tags.storage,
		[ORACLE_REF]	 = oracle_ref(&s->f, s->tags.ref, i),
	} };
}

static inline struct oracle_block block_at(const struct sample *s, uint32_t i)
{
	return oracle_block(&s->f, s->data, s->md, i);
}

static inline uint8_t *tuple_of(const struct sample *s, uint32_t i)
{
	return block_at(s, i).md + oracle_tuple_offset(&s->f);
}

static inline uint64_t guard_of(const struct sample *s, uint32_t i)
{
	struct oracle_block b = block_at(s, i);

	return oracle_guard(&s->f, b.data, b.md);
}

static inline void sample_generate(const struct sample *s)
{
	for (uint32_t i = 0; s->f.type && i < s->nr; i++) {
		struct oracle_block b = block_at(s, i);
		struct oracle_tuple tags = tags_at(s, i);

		oracle_generate(&s->f, b.data, b.md, &tags);
	}
}

static inline struct sample sample_new(const struct oracle_format *f, uint32_t nr)
{
	struct sample s = { .f = *f, .l = layout_of(f), .tags = random_tags(f), .nr = nr };

	s.data_bytes = nr * pi_block_size(&s.l);
	s.data = allocate(s.data_bytes);
	unit_random_fill(s.data, s.data_bytes);
	if (!f->extended) {
		s.md_bytes = (size_t)nr * f->md_size;
		s.md = allocate(s.md_bytes);
		unit_random_fill(s.md, s.md_bytes);
	}
	sample_generate(&s);
	return s;
}

static inline void sample_free(struct sample *s)
{
	free(s->data);
	free(s->md);
}

static inline struct sample sample_copy(const struct sample *s)
{
	struct sample c = *s;

	c.data = memcpy(allocate(s->data_bytes), s->data, s->data_bytes);
	if (s->md)
		c.md = memcpy(allocate(s->md_bytes), s->md, s->md_bytes);
	return c;
}

static inline bool sample_equal(const struct sample *a, const struct sample *b)
{
	return !memcmp(a->data, b->data, a->data_bytes) &&
	       (!a->md || !memcmp(a->md, b->md, a->md_bytes));
}

/*
 * Returns the storage tag sizes to test: the limits, their neighbours, and an odd value in
 * between.
 */
static inline size_t sts_values(unsigned pif, unsigned sts[5])
{
	unsigned min = pi_formats[pif].sts_min, max = pi_formats[pif].sts_max;

	sts[0] = min;
	sts[1] = min + 1;
	sts[2] = (min + max) / 2 | 1;
	sts[3] = max - 1;
	sts[4] = max;
	return 5;
}

/* Set *@f to format number @n of those under test.  Returns false after the last. */
static inline bool format_at(size_t n, struct oracle_format *f)
{
	static const uint32_t md_sizes[] = { 8, 9, 12, 16, 17, 24, 64, 128 };
	unsigned sts[5];
	size_t nr_sts;

	f->first = n % 2;
	n /= 2;
	f->extended = n % 2;
	n /= 2;
	f->data_size = n % 2 ? 4096 : 512;
	n /= 2;
	f->type = 1 + n % 3;
	n /= 3;
	f->md_size = md_sizes[n % ARRAY_SIZE(md_sizes)];
	n /= ARRAY_SIZE(md_sizes);
	f->pif = n % 3;
	nr_sts = sts_values(f->pif, sts);
	n /= 3;
	if (n >= nr_sts)
		return false;
	f->sts = sts[n];
	return true;
}

/* Run @check over a sample of @nr blocks in every format. */
static inline void for_all_formats(uint32_t nr, void (*check)(struct sample *s))
{
	struct oracle_format f;

	for (size_t n = 0; format_at(n, &f); n++) {
		struct sample s;

		if (f.md_size < pi_formats[f.pif].tuple_size)
			continue;
		s = sample_new(&f, nr);
		check(&s);
		sample_free(&s);
	}
}

static inline bool same_error(const struct pi_error *a, const struct pi_error *b)
{
	return a->block == b->block && a->field == b->field && a->want == b->want &&
	       a->got == b->got;
}

/* Assert that the reported errors are the @nr errors at @want. */
static inline void check_errors(const struct sample *s, const char *what, const struct pi_error *want,
			 unsigned nr, const struct pi_error *got, unsigned nr_got)
{
	if (!UNIT_CHECK(nr == nr_got, "%s, %s: %u mismatches, not %u", format_text(&s->f), what,
			nr_got, nr))
		return;
	for (unsigned i = 0; i < nr; i++)
		UNIT_CHECK(same_error(&want[i], &got[i]),
			   "%s, %s: block %u field %u want %llx got %llx, not %u %u %llx %llx",
			   format_text(&s->f), what, got[i].block, got[i].field,
			   (unsigned long long)got[i].want, (unsigned long long)got[i].got,
			   want[i].block, want[i].field, (unsigned long long)want[i].want,
			   (unsigned long long)want[i].got);
}

/* Assert that every block that escapes is counted, whatever fields are checked. */
static inline void check_escaped(const struct sample *s, const char *what, unsigned checks, uint32_t got)
{
	uint32_t want = 0;

	for (uint32_t i = 0; i < s->nr; i++) {
		struct oracle_tuple t = oracle_unpack(&s->f, tuple_of(s, i));

		want += oracle_escapes(&s->f, &t);
	}
	UNIT_CHECK(got == want, "%s, %s, checks %xh: %u blocks escaped, not %u", format_text(&s->f), what,
		   checks, got, want);
}

/*
 * Returns whether @data is the data of the sample's extended blocks, as pi_extract() must
 * deliver it.
 */
static inline bool data_is(const struct sample *s, const uint8_t *data)
{
	for (uint32_t i = 0; i < s->nr; i++)
		if (memcmp(block_at(s, i).data, data + (size_t)i * s->f.data_size, s->f.data_size))
			return false;
	return true;
}

static inline void expect_extract(const struct sample *s, unsigned checks, const char *what,
			   const struct pi_error *want, unsigned nr)
{
	uint8_t *data = allocate((size_t)s->nr * s->f.data_size);
	struct sample before = sample_copy(s);
	struct pi_error got[8];
	struct pi_verdict v = pi_extract(&s->l, &s->tags, checks, s->data, data, s->nr, got,
					 ARRAY_SIZE(got));

	check_errors(s, what, want, nr, got, v.bad);
	check_escaped(s, what, checks, v.escaped);
	UNIT_CHECK(data_is(s, data), "%s, %s: extracted data", format_text(&s->f), what);
	UNIT_CHECK(sample_equal(s, &before), "%s, %s: extract wrote to its source",
		   format_text(&s->f), what);
	sample_free(&before);
	free(data);
}

/* Assert that a check of @s finds exactly the @nr (0..8) errors at @want. */
static inline void expect(const struct sample *s, unsigned checks, const char *what,
		   const struct pi_error *want, unsigned nr)
{
	struct pi_error got[8];
	struct pi_verdict v = pi_verify(&s->l, &s->tags, checks, s->data, s->md, s->nr, got,
					ARRAY_SIZE(got));

	check_errors(s, what, want, nr, got, v.bad);
	check_escaped(s, what, checks, v.escaped);
	if (s->f.extended)
		expect_extract(s, checks, what, want, nr);
}

static inline void expect_one(const struct sample *s, unsigned checks, const char *what,
		       struct pi_error want)
{
	expect(s, checks, what, &want, 1);
}

static inline void expect_none(const struct sample *s, unsigned checks, const char *what)
{
	expect(s, checks, what, NULL, 0);
}

static inline void generate_one(struct sample *s)
{
	struct sample mine = sample_copy(s);

	for (uint32_t i = 0; i < s->nr; i++)
		unit_random_fill(tuple_of(&mine, i), oracle_tuple_size(&s->f));
	pi_generate(&s->l, &s->tags, mine.data, mine.md, s->nr);
	UNIT_CHECK(sample_equal(s, &mine), "%s: not as the oracle has it", format_text(&s->f));
	sample_free(&mine);
}

static inline void insert_one(struct sample *s)
{
	struct sample mine = sample_copy(s);
	uint8_t *data;

	if (s->f.extended) {
		data = allocate((size_t)s->nr * s->f.data_size);
		for (uint32_t i = 0; i < s->nr; i++) {
			memcpy(data + (size_t)i * s->f.data_size, block_at(s, i).data,
			       s->f.data_size);
			unit_random_fill(block_at(&mine, i).data, s->f.data_size);
			unit_random_fill(tuple_of(&mine, i), oracle_tuple_size(&s->f));
		}
		pi_insert(&s->l, &s->tags, data, mine.data, s->nr);
		UNIT_CHECK(sample_equal(s, &mine), "%s: not as the oracle has it",
			   format_text(&s->f));
		free(data);
	}
	sample_free(&mine);
}

#endif
