/* SPDX-License-Identifier: GPL-2.0-only */
/* test-ranges.c - sets of LBAs as ranges, compared with an array of flags */
#include <inttypes.h>

#include "verify/ranges.h"
#include "tests/lib/pi-format.h"
#include "tests/lib/unit.h"

enum { LBAS = 200 };

/* Assert that the ranges are those of @flags, in order, and that no two can be merged. */
static void check_set(const struct vfy_ranges *s, const bool *flags, unsigned round)
{
	uint64_t blocks = 0;
	size_t i = 0;

	for (unsigned lba = 0; lba < LBAS; lba++) {
		bool begins = flags[lba] && (!lba || !flags[lba - 1]);
		bool ends = flags[lba] && (lba == LBAS - 1 || !flags[lba + 1]);

		blocks += flags[lba];
		if (begins && !UNIT_CHECK(i < s->nr && s->range[i].first == lba,
					  "round %u: no range from %u",
					  round, lba))
			return;
		if (ends && !UNIT_CHECK(s->range[i++].last == lba, "round %u: none up to %u",
					round, lba))
			return;
	}
	UNIT_CHECK(i == s->nr && blocks == s->blocks && !s->unlisted,
		   "round %u: %zu ranges, %" PRIu64
		   " blocks", round, s->nr, s->blocks);
}

static void random_sets(void)
{
	for (unsigned round = 0; round < 300; round++) {
		struct vfy_ranges s = { 0 };
		bool flags[LBAS] = { false };
		unsigned nr = unit_random_below(2 * LBAS);

		for (unsigned i = 0; i < nr; i++) {
			uint64_t lba = unit_random_below(LBAS);

			UNIT_CHECK(vfy_ranges_add(&s, lba) == !flags[lba], "round %u: LBA %" PRIu64
				   " is new or not", round, lba);
			flags[lba] = true;
			check_set(&s, flags, round);
		}
		vfy_ranges_free(&s);
		UNIT_CHECK(!s.nr && !s.range && !s.blocks, "not empty when freed");
	}
}

/* Test the highest LBA, and one far below it. */
static void the_ends(void)
{
	static const uint64_t order[] = { UINT64_MAX, 0, UINT64_MAX - 1, 1, UINT64_MAX };
	struct vfy_ranges s = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		UNIT_CHECK(vfy_ranges_add(&s, order[i]) == (i < 4), "number %zu", i);
	UNIT_CHECK(s.nr == 2 && s.range[0].first == 0 && s.range[0].last == 1 &&
		   s.range[1].first == UINT64_MAX - 1 && s.range[1].last == UINT64_MAX,
		   "%zu ranges", s.nr);
	vfy_ranges_free(&s);
}

/* Beyond a million ranges, blocks are still counted and still extend ranges. */
static void too_many(void)
{
	const uint64_t most = 1 << 20;
	struct vfy_ranges s = { 0 };

	for (uint64_t i = 0; i < most + 5; i++)
		UNIT_CHECK(vfy_ranges_add(&s, 3 * i), "block %" PRIu64 " is not new", i);
	UNIT_CHECK(vfy_ranges_add(&s, 1), "a block that joins a range is not new");
	UNIT_CHECK(s.nr == most && s.unlisted == 5 && s.blocks == most + 6, "%zu ranges, %" PRIu64
		   " unlisted, %" PRIu64 " blocks", s.nr, s.unlisted, s.blocks);
	UNIT_CHECK(s.range[0].last == 1, "it did not join");
	vfy_ranges_free(&s);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "random_sets", random_sets },
		{ "the_ends", the_ends },
		{ "too_many", too_many },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
