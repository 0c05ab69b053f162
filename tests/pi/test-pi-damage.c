/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-pi-damage.c - corrupt one thing: exactly that block, field, expected and found
 * value must be reported, or nothing if the block escapes
 */
#include "pi-sample.h"

/* Flip bit @bit of a field of block @i's tuple; *@want is set to the value before. */
static uint64_t flip_field(const struct sample *s, uint32_t i, enum oracle_field field,
			   unsigned bit, uint64_t *want)
{
	struct oracle_tuple t = oracle_unpack(&s->f, tuple_of(s, i));

	*want = t.field[field];
	t.field[field] ^= 1ULL << bit;
	oracle_pack(&s->f, &t, tuple_of(s, i));
	return t.field[field];
}

/* A corrupted field is found by its own check, and by no other. */
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

/* The guard covers all data and the metadata in front of the tuple, but not that after it. */
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

/* Set the application and reference tag of block @i's tuple; leave its other fields. */
static void set_tags(const struct sample *s, uint32_t i, uint16_t app, uint64_t ref)
{
	struct oracle_tuple t = oracle_unpack(&s->f, tuple_of(s, i));

	t.field[ORACLE_APP] = app;
	t.field[ORACLE_REF] = ref;
	oracle_pack(&s->f, &t, tuple_of(s, i));
}

/* No error is reported for a block that escapes, although all its fields are wrong. */
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

/* A block that escapes is counted, also if all compared fields match. */
static void escapes_unseen_one(struct sample *s)
{
	uint64_t ones = pi_ones(oracle_bits(&s->f, ORACLE_REF));
	uint16_t app = s->tags.app;

	for (uint32_t i = 0; i < s->nr; i += 2)
		set_tags(s, i, 0xffff, s->f.type == 3 ? ones : oracle_ref(&s->f, s->tags.ref, i));
	expect_none(s, PI_GUARD, "right, the application tag not compared");
	expect_none(s, PI_GUARD | PI_REF, "right, the application tag not compared");
	s->tags.app_mask = 0;
	expect_none(s, ALL_CHECKS, "right, the application tag masked out");
	s->tags.app_mask = 0x000f;
	s->tags.app = 0x123f;
	for (uint32_t i = 1; i < s->nr; i += 2)
		set_tags(s, i, 0xfe0f, s->f.type == 3 ? s->tags.ref : oracle_ref(&s->f, s->tags.ref, i));
	expect_none(s, ALL_CHECKS, "right under the mask");
	s->tags.app_mask = 0xffff;
	s->tags.app = app;
}

static void escapes_unseen(void)
{
	for_all_formats(67, escapes_unseen_one);
}

static void escapes(void)
{
	for_all_formats(3, escapes_one);
}

/* A type 3 block escapes if both tags are all ones, not if only one is. */
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

/* Reference tags wrap at their own width; those of type 3 are constant. */
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
		UNIT_CHECK(pi_verify(&s->l, &s->tags, PI_REF, s->data, s->md, s->nr, NULL, 0).bad ==
			   s->nr, "%s: wrong first tag passes", format_text(&s->f));
}

static void wrap(void)
{
	for_all_formats(4, wrap_one);
}

/*
 * Returns a sample of more blocks than one guard call processes, with all fields of all blocks
 * wrong.
 */
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
				  max ? got : NULL, max).bad;
		UNIT_CHECK(count == NR * per_block, "%s, list of %u: count %u", format_text(f), max,
			   count);
		kept = max < count ? max : count;
		check_errors(&s, "list", want, kept, got, kept);
		UNIT_CHECK(same_error(&got[kept], &untouched), "%s: wrote past a list of %u",
			   format_text(f), max);
	}
	sample_free(&s);
}

/* The count includes all mismatches; the list holds the first of them, in order. */
static void lists(void)
{
	check_list(&(struct oracle_format){ 0, 1, 512, 8, 0, false, false }, 3);
	check_list(&(struct oracle_format){ 0, 2, 512, 16, 12, true, true }, 4);
	check_list(&(struct oracle_format){ 0, 1, 512, 8, 32, false, false }, 3);
	check_list(&(struct oracle_format){ 1, 1, 512, 16, 33, false, true }, 4);
	check_list(&(struct oracle_format){ 2, 3, 512, 64, 16, false, false }, 3);
	check_list(&(struct oracle_format){ 2, 3, 512, 64, 0, false, false }, 2);
}

/* Test any number of blocks, with an error in any of them. */
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
	UNIT_CHECK(pi_verify(&l, &t, ALL_CHECKS, NULL, NULL, 0, NULL, 0).bad == 0,
		   "no block has a mismatch");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "damage_tuple", damage_tuple },
		{ "damage_covered", damage_covered },
		{ "masks", masks },
		{ "escapes", escapes },
		{ "escapes_unseen", escapes_unseen },
		{ "escapes_type3", escapes_type3 },
		{ "wrap", wrap },
		{ "lists", lists },
		{ "counts", counts },
		{ "no_buffers", no_buffers },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
