/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-pi.c - generate, verify, insert and extract correct blocks at any address, in
 * every format, type and position of the tuple
 */
#include "pi-sample.h"

/* Compare every byte of data and metadata: only the tuples may be written. */
static void generate(void)
{
	for_all_formats(3, generate_one);
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

/* Poisoning writes only the tuples; all of them are wrong, and none escapes. */
static void poison_one(struct sample *s)
{
	struct sample before = sample_copy(s);
	const struct pi_series all = pi_poison_of(&s->l, &s->tags);

	if (s->f.type == 0)
		return sample_free(&before);
	UNIT_CHECK(!pi_poisoned_at(&all, 0, s->data, s->md, s->nr), "%s: right tuples are poisoned",
		   format_text(&s->f));
	pi_poison_at(&all, 0, s->data, s->md, s->nr);
	UNIT_CHECK(pi_poisoned_at(&all, 0, s->data, s->md, s->nr) == s->nr, "%s: poison is gone",
		   format_text(&s->f));
	for (unsigned f = ORACLE_APP; f < ORACLE_FIELDS; f++) {
		if (!oracle_bits(&s->f, f) || (f == ORACLE_REF && s->f.type == 3))
			continue;
		UNIT_CHECK(pi_verify(&s->l, &s->tags, check_of[f], s->data, s->md, s->nr, NULL, 0).bad == s->nr,
			   "%s: poison passes check %u", format_text(&s->f), check_of[f]);
	}
	for (uint32_t i = 0; i < s->nr; i++)
		memcpy(tuple_of(s, i), tuple_of(&before, i), oracle_tuple_size(&s->f));
	UNIT_CHECK(sample_equal(s, &before), "%s: more than tuples is written", format_text(&s->f));
	sample_free(&before);
}

static void poison(void)
{
	for_all_formats(3, poison_one);
}

/* No application tag, with no mask, leads to a poison tuple that escapes. */
static void poison_never_escapes(void)
{
	static const struct oracle_format f = { .data_size = 512, .md_size = 8, .type = 1 };
	struct pi_layout l = layout_of(&f);
	uint8_t data[512] = { 0 }, md[8];

	for (uint32_t n = 0; n < 1 << 20; n++) {
		struct pi_tags t = { .app = n, .app_mask = n >> 16 ? 1u << (n >> 16) : 0xffff };
		struct pi_series s = pi_poison_of(&l, &t);
		struct pi_fields is;

		pi_poison_at(&s, n, data, md, 1);
		is = pi_tuple_get(&l, md);
		UNIT_CHECK(!pi_escapes(&l, &is) && is.app != t.app, "tag %04xh, mask %04xh: %04xh", t.app,
			   t.app_mask, is.app);
	}
}

/* Buffers and tuples may have any alignment. */
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
					      md + 1 + shift, s.nr, NULL, 0).bad,
				   "%s, shifted by %u: does not verify", format_text(&f), shift);
			free(data);
			free(md);
			sample_free(&s);
		}
	}
}

/*
 * A series that began @before blocks earlier than @s gives the same tuples, also if the
 * reference tag wraps in between, and finds the same wrong one.
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
	UNIT_CHECK(!pi_verify_at(&series, before, s->data, s->md, s->nr, NULL, 0).bad,
		   "%s, %llu blocks on: good ones are not", format_text(&s->f), (unsigned long long)before);
	for (uint32_t i = 0; i < s->nr; i++)
		memset(tuple_of(s, i), 0, oracle_tuple_size(&s->f));
	pi_generate_at(&series, before, s->data, s->md, s->nr);
	UNIT_CHECK(sample_equal(s, &good), "%s, %llu blocks on: generate", format_text(&s->f),
		   (unsigned long long)before);
	tuple_of(s, s->nr - 1)[0] ^= 1;		/* the guard is the first field */
	UNIT_CHECK(pi_verify_at(&series, before, s->data, s->md, s->nr, &err, 1).bad == 1 &&
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

/*
 * Without protection information the data is copied, the metadata is unchanged, and nothing is
 * checked.
 */
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

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "generate", generate },
		{ "insert", insert },
		{ "verify_good", verify_good },
		{ "poison", poison },
		{ "poison_never_escapes", poison_never_escapes },
		{ "alignments", alignments },
		{ "series", series },
		{ "unprotected", unprotected },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
