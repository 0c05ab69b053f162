/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-injected.c - the table of damaged blocks in one process: compared with an array, and full
 */
#include <errno.h>
#include <time.h>

#include "injected-fixture.h"

enum { MILLION = 1000000 };

/* --- one process --- */

static void by_hand(void)
{
	struct vfy_injected *f = book(NULL);

	UNIT_CHECK(vfy_injected_none(f), "a new book has something in it");
	is(f, 0, 0, SOUND);
	set(f, 0, 0, SOUND);
	UNIT_CHECK(vfy_injected_none(f), "forgetting what isn't there counts");
	set(f, 0, 0, DAMAGED(PI_GUARD));
	set(f, UINT64_MAX, UINT64_MAX, UNSETTLED(VFY_METADATA | PI_GUARD));
	UNIT_CHECK(!vfy_injected_none(f), "empty with two in it");
	is(f, 0, 0, DAMAGED(PI_GUARD));
	is(f, UINT64_MAX, UINT64_MAX, UNSETTLED(VFY_METADATA | PI_GUARD));
	is(f, 0, 1, SOUND);
	is(f, 1, 0, SOUND);
	set(f, 0, 0, DAMAGED(PI_REF));
	is(f, 0, 0, DAMAGED(PI_REF));
	set(f, 0, 0, SOUND);
	set(f, 0, 0, SOUND);
	UNIT_CHECK(!vfy_injected_none(f), "the other one is gone");
	set(f, UINT64_MAX, UINT64_MAX, SOUND);
	UNIT_CHECK(vfy_injected_none(f), "something is left");
	vfy_injected_close(f);
}

/*
 * A mark changes exactly those blocks of the range that are in the table, and keeps their
 * @shows.
 */
static void marks(uint64_t lba, uint64_t nr)
{
	struct vfy_injected *f = book(NULL);
	const uint64_t last = lba + nr - 1;

	set(f, 1, lba - 1, DAMAGED(1));
	set(f, 1, lba, DAMAGED(2));
	set(f, 1, last, DAMAGED(3));
	set(f, 1, last + 1, DAMAGED(4));
	set(f, 2, lba, DAMAGED(5));
	vfy_injected_mark(f, 1, lba, nr, VFY_UNSETTLED);
	is(f, 1, lba - 1, DAMAGED(1));
	is(f, 1, lba, UNSETTLED(2));
	is(f, 1, lba + 1, SOUND);
	is(f, 1, last, UNSETTLED(3));
	is(f, 1, last + 1, DAMAGED(4));
	is(f, 2, lba, DAMAGED(5));
	vfy_injected_mark(f, 1, lba, nr, VFY_DAMAGED);
	is(f, 1, last, DAMAGED(3));
	vfy_injected_mark(f, 1, lba, nr, VFY_SOUND);
	is(f, 1, lba - 1, DAMAGED(1));
	is(f, 1, lba, SOUND);
	is(f, 1, last, SOUND);
	is(f, 1, last + 1, DAMAGED(4));
	is(f, 2, lba, DAMAGED(5));
	vfy_injected_close(f);
}

static void mark_ranges(void)
{
	static const uint64_t sizes[] = { 3, 8, 1000, 100000, 131072, 131073, 1 << 22, 1ULL << 40 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		marks(1, sizes[i]);
		marks(0xfffffffe, sizes[i]);
		marks(UINT64_MAX - sizes[i], sizes[i]);
	}
}

/*
 * Compare with an array after random operations, enough of them that slots are reused many
 * times.
 */
static void against_an_array(void)
{
	enum { NS = 3, LBAS = 3000, STEPS = 400000 };
	static struct vfy_injected_block want[NS][LBAS];
	struct vfy_injected *f = book(NULL);

	for (unsigned step = 0; step < unit_rounds(STEPS); step++) {
		uint64_t ns = unit_random_below(NS), lba = unit_random_below(LBAS);
		struct vfy_injected_block b = { unit_random_below(3), 1 + unit_random_below(31) };

		if (b.state == VFY_SOUND)
			b.shows = 0;
		if (unit_random_below(8)) {
			set(f, ns, lba, b);
			want[ns][lba] = b;
		} else {
			uint64_t nr = 1 + unit_random_below(LBAS - lba < 40 ? LBAS - lba : 40);

			vfy_injected_mark(f, ns, lba, nr, b.state);
			for (uint64_t i = lba; i < lba + nr; i++)
				if (want[ns][i].state)
					want[ns][i] = b.state ? (struct vfy_injected_block)
						{ b.state, want[ns][i].shows } : SOUND;
		}
		ns = unit_random_below(NS);
		lba = unit_random_below(LBAS);
		is(f, ns, lba, want[ns][lba]);
	}
	for (uint64_t ns = 0; ns < NS; ns++)
		for (uint64_t lba = 0; lba < LBAS; lba++)
			is(f, ns, lba, want[ns][lba]);
	for (uint64_t ns = 0; ns < NS; ns++)
		vfy_injected_mark(f, ns, 0, UINT64_MAX, VFY_SOUND);
	UNIT_CHECK(vfy_injected_none(f), "something is left");
	vfy_injected_close(f);
}

/* --- full --- */

static void full(void)
{
	struct vfy_injected *f = book(NULL);

	for (uint64_t lba = 0; lba < MILLION; lba++)
		set(f, 1, lba * 7, DAMAGED(1 + lba % 7));
	UNIT_CHECK(vfy_injected_set(f, 1, 1, DAMAGED(PI_APP)) == -ENOSPC, "one more is taken");
	is(f, 1, 1, SOUND);
	for (uint64_t lba = 0; lba < MILLION; lba++)
		is(f, 1, lba * 7, DAMAGED(1 + lba % 7));
	set(f, 1, 7, DAMAGED(PI_REF));				/* existing ones can change */
	UNIT_CHECK(!vfy_injected_set(f, 1, 1, SOUND), "what isn't there can't be forgotten");
	set(f, 1, 7, SOUND);
	set(f, 1, 1, DAMAGED(PI_APP));
	UNIT_CHECK(vfy_injected_set(f, 1, 7, DAMAGED(PI_APP)) == -ENOSPC, "one more is taken");
	vfy_injected_mark(f, 1, 0, 7 * MILLION / 2, VFY_SOUND);
	for (uint64_t lba = 0; lba < MILLION; lba++)
		is(f, 1, lba * 7, lba < MILLION / 2 ? SOUND : DAMAGED(1 + lba % 7));
	vfy_injected_close(f);
}

/* Returns the CPU time of this process, which a busy machine does not change. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Look up blocks that are not in the table.  Returns nanoseconds per look-up. */
static double absent(struct vfy_injected *f)
{
	double from = seconds();

	for (uint64_t lba = 0; lba < MILLION; lba++)
		is(f, 2, lba, SOUND);
	return (seconds() - from) * 1e9 / MILLION;
}

/*
 * Look-ups stay fast if the table is nearly full and more blocks were added and removed than
 * there are slots.
 */
static void long_use(void)
{
	enum { KEPT = MILLION * 9 / 10 };
	struct vfy_injected *f = book(NULL);
	double fresh, worn;

	for (uint64_t lba = 0; lba < KEPT; lba++)
		set(f, 1, lba, DAMAGED(1));
	fresh = absent(f);
	for (uint64_t lba = KEPT; lba < 8 * MILLION; lba++) {
		set(f, 1, lba - KEPT, SOUND);
		set(f, 1, lba, DAMAGED(1));
	}
	worn = absent(f);
	UNIT_CHECK(worn < 8 * fresh + 400, "%.0f ns to look a block up, %.0f when it was new", worn,
		   fresh);
	vfy_injected_close(f);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "by_hand", by_hand },
		{ "mark_ranges", mark_ranges },
		{ "against_an_array", against_an_array },
		{ "full", full },
		{ "long_use", long_use },
	};

	return faults_unit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
