/* SPDX-License-Identifier: GPL-2.0-only */
/* test-inject.c - error injection: the option, and the selection of blocks */
#include "inject-trial.h"

/* --- the option --- */

static const struct {
	const char		*text;
	unsigned		nr;
	struct vfy_inject_rule	first, last;
} good[] = {
	{ "guard", 1, { PI_GUARD, false, 1000, 1 }, { PI_GUARD, false, 1000, 1 } },
	{ "app:bit", 1, { PI_APP, false, 1000, 1 }, { PI_APP, false, 1000, 1 } },
	{ "ref:all/1", 1, { PI_REF, true, 1, 1 }, { PI_REF, true, 1, 1 } },
	{ "storage@0", 1, { PI_STORAGE, false, 1000, 0 }, { PI_STORAGE, false, 1000, 0 } },
	{ "data:all/18446744073709551615@18446744073709551615", 1,
	  { VFY_DATA, true, UINT64_MAX, UINT64_MAX }, { VFY_DATA, true, UINT64_MAX, UINT64_MAX } },
	{ "md/7@8,guard:all@9,data/3", 3, { VFY_METADATA, false, 7, 8 },
	  { VFY_DATA, false, 3, 1 } },
	{ "guard,app,ref,storage,data,md", 6, { PI_GUARD, false, 1000, 1 },
	  { VFY_METADATA, false, 1000, 1 } },
};

static bool same_fault(const struct vfy_inject_rule *a, const struct vfy_inject_rule *b)
{
	return a->field == b->field && a->all == b->all && a->every == b->every &&
	       a->seed == b->seed;
}

static void parse_good(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct vfy_inject in = parsed(good[i].text);

		if (UNIT_CHECK(in.nr == good[i].nr && !in.next, "'%s': %u faults", good[i].text,
			       in.nr))
			UNIT_CHECK(same_fault(&in.fault[0], &good[i].first) &&
				   same_fault(&in.fault[in.nr - 1], &good[i].last), "'%s'",
				   good[i].text);
	}
}

static const struct { const char *text, *says; } bad[] = {
	{ "", "FIELD is" }, { "apptag", "'apptag'" }, { "gua", "FIELD is" },
	{ "guards", "FIELD is" },
	{ "Guard", "FIELD is" }, { "/7", "FIELD is" }, { " guard", "FIELD is" },
	{ "guard:", "bit or all" }, { "guard:bits", "FIELD[" }, { "guard:one", "bit or all" },
	{ "guard/", "1 or more" }, { "guard/0", "1 or more" }, { "guard/-1", "1 or more" },
	{ "guard/x", "1 or more" }, { "guard/ 1", "1 or more" }, { "guard/1k", "FIELD[" },
	{ "guard/18446744073709551616", "1 or more" }, { "guard@", "seed" }, { "guard@x", "seed" },
	{ "guard@99999999999999999999", "seed" }, { "guard@1/7", "FIELD[" },
	{ "guard/7:all", "FIELD[" },
	{ "guard,", "''" }, { ",guard", "''" }, { "guard,,app", "''" },
	{ "guard,app/0,ref", "'app/0'" },
	{ "guard/7,app,guard:all/9", "once" },
};

static void parse_bad(void)
{
	static char endless[5000];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vfy_inject in;
		char why[VFY_WHY_MAX] = "";

		if (UNIT_CHECK(vfy_inject_parse(bad[i].text, &in, why) == -EINVAL, "'%s' is taken",
			       bad[i].text))
			one_line(bad[i].text, why, "pi_inject", bad[i].says);
	}
	memset(endless, 'x', sizeof(endless) - 1);
	UNIT_CHECK(vfy_inject_parse(endless, &(struct vfy_inject){ 0 },
				    (char [VFY_WHY_MAX]){ 0 }) == -EINVAL,
		   "a long word is taken");
}

/* --- which blocks --- */

static void rates(void)
{
	static const uint64_t every[] = { 1, 2, 3, 7, 100, 1000 };
	enum { BLOCKS = 1000000 };
	static struct vfy_injection d[BLOCKS];

	for (size_t e = 0; e < ARRAY_SIZE(every); e++) {
		struct vfy_inject in = { .nr = 1, .fault = { { PI_APP, false, every[e], e } } };
		unsigned runs = BLOCKS / every[e], nr = vfy_inject_draw(&in, BLOCKS, d, BLOCKS);
		double sum = 0, want = (every[e] - 1) / 2.0;

		UNIT_CHECK(nr == runs || nr == runs + 1, "1 in %" PRIu64 ": %u of a million",
			   every[e], nr);
		for (unsigned i = 0; i < nr && i < runs; i++) {
			UNIT_CHECK(d[i].index / every[e] == i,
				   "1 in %" PRIu64 ": block %u is number %u",
				   every[e], d[i].index, i);
			sum += d[i].index % every[e];
		}
		/* The mean is that of a uniform distribution, within 4 standard deviations. */
		UNIT_CHECK((sum / runs - want) * (sum / runs - want) * runs <=
			   16 * (every[e] * every[e] - 1) / 12.0,
			   "1 in %" PRIu64 ": at %f on average", every[e], sum / runs);
	}
}

/* Test large N, and N so large that the first chosen block is beyond any sequence. */
static void rare(void)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct vfy_inject in = {
			.nr = 2,
			.fault = { { PI_APP, false, UINT64_MAX, seed }, { PI_REF, false, 1, 1 } },
		};
		struct vfy_injection d[3];

		UNIT_CHECK(vfy_inject_draw(&in, 3, d, 3) == 3 && d[2].field == PI_REF &&
			   d[2].index == 2,
			   "seed %" PRIu64, seed);
	}
	UNIT_CHECK(!vfy_inject_draw(&(struct vfy_inject){ 0 }, 1000000, NULL, 0),
		   "nothing asked for");
}

static bool in_order(const struct vfy_injection *a, const struct vfy_injection *b)
{
	return a->index < b->index || (a->index == b->index && a->field < b->field);
}

/*
 * I/Os of any size select the same blocks as one large I/O, and the same again until
 * vfy_inject_pass().
 */
static void drawn_in_pieces(void)
{
	enum { BLOCKS = 20000 };
	static struct vfy_injection whole[BLOCKS], piece[BLOCKS], again[BLOCKS];
	struct vfy_inject in = parsed("data/5@3,guard/7,md/2@9,ref/1000"), start = in;
	unsigned nr = vfy_inject_draw(&start, BLOCKS, whole, BLOCKS), seen = 0;

	for (unsigned i = 1; i < nr; i++)
		UNIT_CHECK(in_order(&whole[i - 1], &whole[i]), "damage %u is out of order", i);
	while (in.next < BLOCKS) {
		uint32_t size = 1 + unit_random_below(50);
		unsigned n;

		size = in.next + size > BLOCKS ? BLOCKS - in.next : size;
		n = vfy_inject_draw(&in, size, piece, BLOCKS);
		UNIT_CHECK(vfy_inject_draw(&in, size, again, BLOCKS) == n &&
			   !memcmp(piece, again, n * sizeof(*piece)),
			   "another answer before it passed");
		for (unsigned i = 0; i < n && seen + i < nr; i++)
			UNIT_CHECK(piece[i].index + in.next == whole[seen + i].index &&
				   piece[i].field == whole[seen + i].field, "damage %u differs",
				   seen + i);
		seen += n;
		vfy_inject_pass(&in, size);
	}
	UNIT_CHECK(seen == nr && nr > BLOCKS / 2, "%u instead of %u", seen, nr);
}

static void drawn_to_room(void)
{
	struct vfy_inject in = parsed("data/1,guard/1");
	struct vfy_injection d[5] = { [3] = { .index = 77 } };

	UNIT_CHECK(vfy_inject_draw(&in, 8, d, 3) == 16, "not all are counted");
	UNIT_CHECK(d[0].index == 0 && d[0].field == PI_GUARD && d[1].field == VFY_DATA &&
		   d[2].index == 1 && d[3].index == 77, "blocks %u %u %u %u", d[0].index,
		   d[1].index, d[2].index, d[3].index);
}

/* Different seeds and different fields select different blocks. */
static void drawn_by_seed(void)
{
	static const char *const texts[] = {
		"app/1000@1", "app/1000@2", "ref/1000@1", "app/1000@18446744073709551615",
	};
	struct vfy_injection d[ARRAY_SIZE(texts)][100];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct vfy_inject in = parsed(texts[i]);

		vfy_inject_draw(&in, 100000, d[i], 100);
		for (size_t j = 0; j < i; j++) {
			unsigned same = 0;

			for (int k = 0; k < 100; k++)
				same += d[i][k].index == d[j][k].index;
			UNIT_CHECK(same < 10, "%s and %s: %u of 100 are the same", texts[j],
				   texts[i], same);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "parse_good", parse_good },
		{ "parse_bad", parse_bad },
		{ "rates", rates },
		{ "rare", rare },
		{ "drawn_in_pieces", drawn_in_pieces },
		{ "drawn_to_room", drawn_to_room },
		{ "drawn_by_seed", drawn_by_seed },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
