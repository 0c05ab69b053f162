/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-pi.c - generate, verify, insert and extract against the bitwise
 * implementation in oracle.c, in every format, type and place of the tuple
 *
 * Blocks are built by the oracle.  Then one thing is damaged, and exactly that
 * block, field, wanted and found value must come back.
 */
#include <stdlib.h>

#include "pi-format.h"
#include "unit.h"

enum { ALL_CHECKS = PI_GUARD | PI_APP | PI_STORAGE | PI_REF };

/* One of PI_* for each field of the oracle. */
static const enum pi_check check_of[ORACLE_FIELDS] = {
	[ORACLE_GUARD] = PI_GUARD, [ORACLE_APP] = PI_APP,
	[ORACLE_STORAGE] = PI_STORAGE, [ORACLE_REF] = PI_REF,
};

static void *allocate(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p) {
		perror("test-pi: malloc");
		exit(2);
	}
	return p;
}

/*
 * Blocks of one format with right tuples.  Buffers are exactly as large as they
 * must be, so that a sanitizer sees one byte too many.
 */
struct sample {
	struct oracle_format	f;
	struct pi_layout	l;
	struct pi_tags		tags;
	uint32_t		nr;
	uint8_t			*data;
	uint8_t			*md;		/* NULL: extended */
	size_t			data_bytes;
	size_t			md_bytes;
};

/* Random tags, but for two zeroes in the application tag: one flip is no escape. */
static struct pi_tags random_tags(const struct oracle_format *f)
{
	return (struct pi_tags) {
		.ref		= unit_random(),
		.storage	= unit_random() & pi_ones(f->sts),
		.storage_mask	= ~0ULL,
		.app		= (unit_random() & 0xbffd) | 1,
		.app_mask	= 0xffff,
	};
}

/* What the tuple of block @i must hold besides the guard. */
static struct oracle_tuple tags_at(const struct sample *s, uint32_t i)
{
	return (struct oracle_tuple) { {
		[ORACLE_APP]	 = s->tags.app,
		[ORACLE_STORAGE] = s->tags.storage,
		[ORACLE_REF]	 = oracle_ref(&s->f, s->tags.ref, i),
	} };
}

static struct oracle_block block_at(const struct sample *s, uint32_t i)
{
	return oracle_block(&s->f, s->data, s->md, i);
}

static uint8_t *tuple_of(const struct sample *s, uint32_t i)
{
	return block_at(s, i).md + oracle_tuple_offset(&s->f);
}

static uint64_t guard_of(const struct sample *s, uint32_t i)
{
	struct oracle_block b = block_at(s, i);

	return oracle_guard(&s->f, b.data, b.md);
}

static void sample_generate(const struct sample *s)
{
	for (uint32_t i = 0; s->f.type && i < s->nr; i++) {
		struct oracle_block b = block_at(s, i);
		struct oracle_tuple tags = tags_at(s, i);

		oracle_generate(&s->f, b.data, b.md, &tags);
	}
}

static struct sample sample_new(const struct oracle_format *f, uint32_t nr)
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

static void sample_free(struct sample *s)
{
	free(s->data);
	free(s->md);
}

static struct sample sample_copy(const struct sample *s)
{
	struct sample c = *s;

	c.data = memcpy(allocate(s->data_bytes), s->data, s->data_bytes);
	if (s->md)
		c.md = memcpy(allocate(s->md_bytes), s->md, s->md_bytes);
	return c;
}

static bool sample_equal(const struct sample *a, const struct sample *b)
{
	return !memcmp(a->data, b->data, a->data_bytes) &&
	       (!a->md || !memcmp(a->md, b->md, a->md_bytes));
}

/* Every STS worth a look: the limits, their neighbours, an odd one in between. */
static size_t sts_values(unsigned pif, unsigned sts[5])
{
	unsigned min = pi_formats[pif].sts_min, max = pi_formats[pif].sts_max;

	sts[0] = min;
	sts[1] = min + 1;
	sts[2] = (min + max) / 2 | 1;
	sts[3] = max - 1;
	sts[4] = max;
	return 5;
}

/* @n of all formats under test; false past the last. */
static bool format_at(size_t n, struct oracle_format *f)
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
static void for_all_formats(uint32_t nr, void (*check)(struct sample *s))
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

static bool same_error(const struct pi_error *a, const struct pi_error *b)
{
	return a->block == b->block && a->field == b->field && a->want == b->want &&
	       a->got == b->got;
}

/* Is what came back the @nr errors at @want? */
static void check_errors(const struct sample *s, const char *what, const struct pi_error *want,
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

/* The data of extended blocks, as pi_extract() must deliver it. */
static bool data_is(const struct sample *s, const uint8_t *data)
{
	for (uint32_t i = 0; i < s->nr; i++)
		if (memcmp(block_at(s, i).data, data + (size_t)i * s->f.data_size, s->f.data_size))
			return false;
	return true;
}

static void expect_extract(const struct sample *s, unsigned checks, const char *what,
			   const struct pi_error *want, unsigned nr)
{
	uint8_t *data = allocate((size_t)s->nr * s->f.data_size);
	struct sample before = sample_copy(s);
	struct pi_error got[8];
	unsigned nr_got = pi_extract(&s->l, &s->tags, checks, s->data, data, s->nr, got,
				     ARRAY_SIZE(got));

	check_errors(s, what, want, nr, got, nr_got);
	UNIT_CHECK(data_is(s, data), "%s, %s: extracted data", format_text(&s->f), what);
	UNIT_CHECK(sample_equal(s, &before), "%s, %s: extract wrote to its source",
		   format_text(&s->f), what);
	sample_free(&before);
	free(data);
}

/* Checking @s must find exactly the @nr (0..8) errors at @want. */
static void expect(const struct sample *s, unsigned checks, const char *what,
		   const struct pi_error *want, unsigned nr)
{
	struct pi_error got[8];
	unsigned nr_got = pi_verify(&s->l, &s->tags, checks, s->data, s->md, s->nr, got,
				    ARRAY_SIZE(got));

	check_errors(s, what, want, nr, got, nr_got);
	if (s->f.extended)
		expect_extract(s, checks, what, want, nr);
}

static void expect_one(const struct sample *s, unsigned checks, const char *what,
		       struct pi_error want)
{
	expect(s, checks, what, &want, 1);
}

static void expect_none(const struct sample *s, unsigned checks, const char *what)
{
	expect(s, checks, what, NULL, 0);
}

static void generate_one(struct sample *s)
{
	struct sample mine = sample_copy(s);

	for (uint32_t i = 0; i < s->nr; i++)
		unit_random_fill(tuple_of(&mine, i), oracle_tuple_size(&s->f));
	pi_generate(&s->l, &s->tags, mine.data, mine.md, s->nr);
	UNIT_CHECK(sample_equal(s, &mine), "%s: not as the oracle has it", format_text(&s->f));
	sample_free(&mine);
}

/* Every byte of data and metadata, so nothing but the tuples is written. */
static void generate(void)
{
	for_all_formats(3, generate_one);
}

static void insert_one(struct sample *s)
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

static void insert(void)
{
	for_all_formats(3, insert_one);
}

static void verify_good_one(struct sample *s)
{
	struct sample before = sample_copy(s);

	for (unsigned checks = 0; checks <= ALL_CHECKS; checks++)
		expect_none(s, checks, "undamaged");
	UNIT_CHECK(sample_equal(s, &before), "%s: verify wrote", format_text(&s->f));
	sample_free(&before);
}

static void verify_good(void)
{
	for_all_formats(3, verify_good_one);
}

/* Flip bit @bit of a field of block @i's tuple; what was there goes to *@want. */
static uint64_t flip_field(const struct sample *s, uint32_t i, enum oracle_field field,
			   unsigned bit, uint64_t *want)
{
	struct oracle_tuple t = oracle_unpack(&s->f, tuple_of(s, i));

	*want = t.field[field];
	t.field[field] ^= 1ULL << bit;
	oracle_pack(&s->f, &t, tuple_of(s, i));
	return t.field[field];
}

/* A damaged field is found by its own check, and by no other. */
static void damage_field(struct sample *s, enum oracle_field field)
{
	unsigned check = check_of[field], bits = oracle_bits(&s->f, field);
	struct pi_error e = { .block = unit_random_below(s->nr), .field = check };
	unsigned bit;

	if (!bits)
		return;
	bit = unit_random_below(bits);
	e.got = flip_field(s, e.block, field, bit, &e.want);
	if (field == ORACLE_REF && s->f.type == 3) {
		expect_none(s, ALL_CHECKS, "reference tag, of type 3");
	} else {
		expect_one(s, ALL_CHECKS, oracle_names[field], e);
		expect_one(s, check, oracle_names[field], e);
	}
	expect_none(s, ALL_CHECKS & ~check, oracle_names[field]);
	flip_field(s, e.block, field, bit, &e.want);
}

static void damage_tuple_one(struct sample *s)
{
	for (enum oracle_field field = ORACLE_GUARD; field < ORACLE_FIELDS; field++)
		damage_field(s, field);
}

static void damage_tuple(void)
{
	for_all_formats(3, damage_tuple_one);
}

/* Bits outside LBATM and LBSTM are not compared; those inside are. */
static void damage_masked(struct sample *s, enum oracle_field field)
{
	struct pi_tags tags = s->tags;
	unsigned bits = oracle_bits(&s->f, field), bit;
	struct pi_error e = { .block = 1, .field = check_of[field] };
	uint64_t mask;

	if (!bits)
		return;
	bit = unit_random_below(bits);
	e.got = flip_field(s, 1, field, bit, &e.want);
	mask = ~(1ULL << bit);
	s->tags.app_mask = mask;
	s->tags.storage_mask = mask;
	expect_none(s, ALL_CHECKS, "masked out");

	s->tags.app_mask = ~mask;
	s->tags.storage_mask = ~mask;
	e.want &= ~mask;
	e.got &= ~mask;
	expect_one(s, ALL_CHECKS, "alone in the mask", e);
	s->tags = tags;
	flip_field(s, 1, field, bit, &e.want);
}

static void masks_one(struct sample *s)
{
	damage_masked(s, ORACLE_APP);
	damage_masked(s, ORACLE_STORAGE);
}

static void masks(void)
{
	for_all_formats(2, masks_one);
}

/* What the guard covers: all data, and metadata ahead of the tuple, not behind it. */
static void flip_covered(struct sample *s, uint8_t *byte, uint32_t block, const char *what)
{
	struct pi_error e = { .block = block, .field = PI_GUARD, .got = guard_of(s, block) };
	uint8_t bit = 1 << unit_random_below(8);

	*byte ^= bit;
	e.want = guard_of(s, block);
	expect_one(s, ALL_CHECKS, what, e);
	expect_one(s, PI_GUARD, what, e);
	expect_none(s, ALL_CHECKS & ~PI_GUARD, what);
	*byte ^= bit;
}

static void damage_covered_one(struct sample *s)
{
	uint32_t i = unit_random_below(s->nr), ahead = oracle_tuple_offset(&s->f);
	struct oracle_block b = block_at(s, i);
	uint32_t behind = s->f.md_size - ahead - oracle_tuple_size(&s->f);
	uint8_t *byte;

	flip_covered(s, b.data + unit_random_below(s->f.data_size), i, "data");
	flip_covered(s, b.data + s->f.data_size - 1, i, "last byte of data");
	if (ahead)
		flip_covered(s, b.md + unit_random_below(ahead), i, "metadata ahead of the tuple");
	if (behind) {
		byte = b.md + s->f.md_size - 1 - unit_random_below(behind);
		*byte ^= 0xff;
		expect_none(s, ALL_CHECKS, "metadata behind the tuple");
		*byte ^= 0xff;
	}
}

static void damage_covered(void)
{
	for_all_formats(3, damage_covered_one);
}

/* Write @app and @ref into block @i's tuple, and leave the rest of it. */
static void set_tags(const struct sample *s, uint32_t i, uint16_t app, uint64_t ref)
{
	struct oracle_tuple t = oracle_unpack(&s->f, tuple_of(s, i));

	t.field[ORACLE_APP] = app;
	t.field[ORACLE_REF] = ref;
	oracle_pack(&s->f, &t, tuple_of(s, i));
}

/* A block that escapes is wrong in everything, and so silent, by itself. */
static void escapes_one(struct sample *s)
{
	struct pi_error e[2] = {
		{ .block = 0, .field = PI_GUARD, .got = guard_of(s, 0) },
		{ .block = 2, .field = PI_GUARD, .got = guard_of(s, 2) },
	};
	uint64_t ones = pi_ones(oracle_bits(&s->f, ORACLE_REF));

	block_at(s, 1).data[7] ^= 0x10;
	memset(tuple_of(s, 1), 0xa5, oracle_tuple_size(&s->f));
	set_tags(s, 1, 0xffff, s->f.type == 3 ? ones : 5);
	for (unsigned checks = 0; checks <= ALL_CHECKS; checks++)
		expect_none(s, checks, "escaped");

	s->tags.app_mask = 0;
	expect_none(s, ALL_CHECKS, "escaped, application tag masked out");
	s->tags.app_mask = 0xffff;

	block_at(s, 2).data[100] ^= 1;
	e[1].want = guard_of(s, 2);
	expect(s, ALL_CHECKS, "damaged behind an escaped block", e + 1, 1);
	block_at(s, 0).data[200] ^= 1;
	e[0].want = guard_of(s, 0);
	expect(s, ALL_CHECKS, "damaged on both sides of an escaped block", e, 2);
}

static void escapes(void)
{
	for_all_formats(3, escapes_one);
}

/* Type 3 escapes with both tags all ones, not with one of them. */
static void escapes_type3_one(struct sample *s)
{
	uint64_t ones = pi_ones(oracle_bits(&s->f, ORACLE_REF));
	struct pi_error app = { 1, PI_APP, s->tags.app, 0xffff };

	if (s->f.type != 3 || !ones)
		return;
	set_tags(s, 1, 0xffff, ones - 1);
	expect_one(s, ALL_CHECKS, "application tag alone", app);
	set_tags(s, 1, s->tags.app ^ 4, ones);
	app.got = s->tags.app ^ 4;
	expect_one(s, ALL_CHECKS, "reference tag alone", app);
}

static void escapes_type3(void)
{
	for_all_formats(2, escapes_type3_one);
}

/* Reference tags wrap at their own width; those of type 3 stay. */
static void wrap_one(struct sample *s)
{
	uint64_t ones = pi_ones(oracle_bits(&s->f, ORACLE_REF));
	uint64_t want[4] = { ones - 1, ones, 0, 1 };

	if (s->f.data_size != 512)
		return;
	s->tags.ref = ones - 1;
	pi_generate(&s->l, &s->tags, s->data, s->md, s->nr);
	for (uint32_t i = 0; i < s->nr; i++) {
		uint64_t ref = s->f.type == 3 ? ones - 1 : want[i];
		struct oracle_tuple t = oracle_unpack(&s->f, tuple_of(s, i));
		struct pi_fields f = pi_tuple_get(&s->l, tuple_of(s, i));

		ref &= ones;
		UNIT_CHECK(t.field[ORACLE_REF] == ref && f.ref == ref &&
			   pi_ref_at(&s->l, &s->tags, i) == ref,
			   "%s: block %u has %llx, not %llx", format_text(&s->f), i,
			   (unsigned long long)t.field[ORACLE_REF], (unsigned long long)ref);
	}
	expect_none(s, ALL_CHECKS, "wrapped");
	s->tags.ref ^= ones & 0x10;
	if (ones >= 0x10 && s->f.type != 3)
		UNIT_CHECK(pi_verify(&s->l, &s->tags, PI_REF, s->data, s->md, s->nr, NULL, 0) ==
			   s->nr, "%s: wrong first tag passes", format_text(&s->f));
}

static void wrap(void)
{
	for_all_formats(4, wrap_one);
}

/* Everything wrong in all of more blocks than one guard call takes. */
static struct sample all_wrong(const struct oracle_format *f, uint32_t nr, struct pi_error *want)
{
	struct sample s = sample_new(f, nr);
	size_t n = 0;

	for (uint32_t i = 0; i < nr; i++) {
		for (enum oracle_field field = ORACLE_GUARD; field < ORACLE_FIELDS; field++) {
			uint64_t ones = pi_ones(oracle_bits(f, field));
			struct oracle_tuple t = oracle_unpack(f, tuple_of(&s, i));

			if (ones && (field != ORACLE_REF || f->type != 3))
				want[n++] = (struct pi_error){ i, check_of[field], t.field[field],
							       t.field[field] ^ ones };
			t.field[field] ^= ones;
			oracle_pack(f, &t, tuple_of(&s, i));
		}
	}
	return s;
}

static void check_list(const struct oracle_format *f, unsigned per_block)
{
	enum { NR = 70, MAX = 4 * NR };
	static const unsigned lens[] = { 0, 1, 5, 127, 128, 129, MAX };
	struct pi_error want[MAX], got[MAX + 1];
	const struct pi_error untouched = { 0x5afe, PI_APP, 0x5afe, 0x5afe };
	struct sample s = all_wrong(f, NR, want);

	for (size_t n = 0; n < ARRAY_SIZE(lens); n++) {
		unsigned max = lens[n], count, kept;

		for (unsigned i = 0; i <= MAX; i++)
			got[i] = untouched;
		count = pi_verify(&s.l, &s.tags, ALL_CHECKS, s.data, s.md, NR,
				  max ? got : NULL, max);
		UNIT_CHECK(count == NR * per_block, "%s, list of %u: count %u", format_text(f), max,
			   count);
		kept = max < count ? max : count;
		check_errors(&s, "list", want, kept, got, kept);
		UNIT_CHECK(same_error(&got[kept], &untouched), "%s: wrote past a list of %u",
			   format_text(f), max);
	}
	sample_free(&s);
}

/* The count is of all mismatches, the list is their beginning, in order. */
static void lists(void)
{
	check_list(&(struct oracle_format){ 0, 1, 512, 8, 0, false, false }, 3);
	check_list(&(struct oracle_format){ 0, 2, 512, 16, 12, true, true }, 4);
	check_list(&(struct oracle_format){ 0, 1, 512, 8, 32, false, false }, 3);
	check_list(&(struct oracle_format){ 1, 1, 512, 16, 33, false, true }, 4);
	check_list(&(struct oracle_format){ 2, 3, 512, 64, 16, false, false }, 3);
	check_list(&(struct oracle_format){ 2, 3, 512, 64, 0, false, false }, 2);
}

/* Any number of blocks, and damage in any of them. */
static void check_count(const struct oracle_format *f, uint32_t nr)
{
	struct sample s = sample_new(f, nr);

	generate_one(&s);
	insert_one(&s);
	expect_none(&s, ALL_CHECKS, "any number");
	if (nr)
		flip_covered(&s, block_at(&s, nr - 1).data, nr - 1, "the last block");
	if (nr)
		damage_tuple_one(&s);
	sample_free(&s);
}

static void counts(void)
{
	for (unsigned pif = 0; pif < 3; pif++)
		for (int extended = 0; extended < 2; extended++)
			for (uint32_t nr = 0; nr <= 100; nr++)
				check_count(&(struct oracle_format){
					    pif, 1, 512, 24, pi_formats[pif].sts_min,
					    false, extended }, nr);
}

static void no_buffers(void)
{
	struct oracle_format f = { 0, 1, 512, 8, 0, false, false };
	struct pi_layout l = layout_of(&f);
	struct pi_tags t = random_tags(&f);

	pi_generate(&l, &t, NULL, NULL, 0);
	UNIT_CHECK(pi_verify(&l, &t, ALL_CHECKS, NULL, NULL, 0, NULL, 0) == 0,
		   "no block has a mismatch");
}

/* Buffers and tuples may lie anywhere. */
static void alignments(void)
{
	struct oracle_format f = { 2, 1, 512, 17, 5, false, false };

	for (unsigned pif = 0; pif < 3; pif++) {
		for (unsigned shift = 0; shift < 16; shift++) {
			struct sample s;
			uint8_t *data, *md;

			f.pif = pif;
			f.sts = pi_formats[pif].sts_min + 5;
			s = sample_new(&f, 5);
			data = allocate(s.data_bytes + shift);
			md = allocate(s.md_bytes + 1 + shift);
			memcpy(data + shift, s.data, s.data_bytes);
			memcpy(md + 1 + shift, s.md, s.md_bytes);
			for (uint32_t i = 0; i < s.nr; i++)
				memset(md + 1 + shift + i * f.md_size + oracle_tuple_offset(&f), 0,
				       oracle_tuple_size(&f));
			pi_generate(&s.l, &s.tags, data + shift, md + 1 + shift, s.nr);
			UNIT_CHECK(!memcmp(md + 1 + shift, s.md, s.md_bytes),
				   "%s, shifted by %u", format_text(&f), shift);
			UNIT_CHECK(!pi_verify(&s.l, &s.tags, ALL_CHECKS, data + shift,
					      md + 1 + shift, s.nr, NULL, 0),
				   "%s, shifted by %u: does not verify", format_text(&f), shift);
			free(data);
			free(md);
			sample_free(&s);
		}
	}
}

/*
 * A series that began @before blocks ahead of @s has the same tuples, also where
 * the reference tag wraps on the way, and finds the same one that is not right.
 */
static void check_series(struct sample *s, uint64_t before)
{
	struct pi_tags tags = s->tags;
	struct pi_series series;
	struct sample good = sample_copy(s);
	struct pi_error err;

	tags.ref = (oracle_ref(&s->f, s->tags.ref, 0) - (s->l.type == PI_TYPE3 ? 0 : before)) &
		   pi_ones(pi_ref_bits(&s->l));
	series = pi_series_of(&s->l, &tags, ALL_CHECKS);
	UNIT_CHECK(!pi_verify_at(&series, before, s->data, s->md, s->nr, NULL, 0),
		   "%s, %llu blocks on: good ones are not", format_text(&s->f), (unsigned long long)before);
	for (uint32_t i = 0; i < s->nr; i++)
		memset(tuple_of(s, i), 0, oracle_tuple_size(&s->f));
	pi_generate_at(&series, before, s->data, s->md, s->nr);
	UNIT_CHECK(sample_equal(s, &good), "%s, %llu blocks on: generate", format_text(&s->f),
		   (unsigned long long)before);
	tuple_of(s, s->nr - 1)[0] ^= 1;		/* the guard comes first */
	UNIT_CHECK(pi_verify_at(&series, before, s->data, s->md, s->nr, &err, 1) == 1 &&
		   err.block == s->nr - 1 && err.field == PI_GUARD,
		   "%s, %llu blocks on: a wrong guard", format_text(&s->f), (unsigned long long)before);
	sample_free(&good);
}

static void series_one(struct sample *s)
{
	check_series(s, 0);
	tuple_of(s, s->nr - 1)[0] ^= 1;
	check_series(s, 1 + unit_random() % (1ULL << 40));
}

static void series(void)
{
	for_all_formats(5, series_one);
}

/* Without protection data moves, metadata stays, and nothing is checked. */
static void check_unprotected(const struct oracle_format *f)
{
	struct sample s = sample_new(f, 5), before = sample_copy(&s);
	uint8_t *data = allocate(5 * f->data_size);

	UNIT_CHECK(pi_layout_check(&s.l, NULL) == 0, "%s: refused", format_text(f));
	pi_generate(&s.l, &s.tags, s.data, s.md, s.nr);
	UNIT_CHECK(sample_equal(&s, &before), "%s: generate wrote", format_text(f));
	expect_none(&s, ALL_CHECKS, "unprotected");
	if (f->extended) {
		unit_random_fill(data, 5 * f->data_size);
		pi_insert(&s.l, &s.tags, data, s.data, s.nr);
		UNIT_CHECK(data_is(&s, data), "%s: insert", format_text(f));
		for (uint32_t i = 0; i < s.nr; i++)
			UNIT_CHECK(!memcmp(block_at(&s, i).md, block_at(&before, i).md, f->md_size),
				   "%s: insert wrote metadata", format_text(f));
	}
	free(data);
	sample_free(&before);
	sample_free(&s);
}

static void unprotected(void)
{
	static const uint32_t md_sizes[] = { 0, 3, 8, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(md_sizes); i++)
		for (int extended = 0; extended < 2; extended++)
			check_unprotected(&(struct oracle_format){
					  .data_size = 512, .md_size = md_sizes[i],
					  .extended = extended });
}

static const struct unit_case cases[] = {
	{ "generate", generate },
	{ "insert", insert },
	{ "verify_good", verify_good },
	{ "damage_tuple", damage_tuple },
	{ "damage_covered", damage_covered },
	{ "masks", masks },
	{ "escapes", escapes },
	{ "escapes_type3", escapes_type3 },
	{ "wrap", wrap },
	{ "lists", lists },
	{ "counts", counts },
	{ "no_buffers", no_buffers },
	{ "alignments", alignments },
	{ "series", series },
	{ "unprotected", unprotected },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
