/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-written.c - the map of the blocks that this run wrote: compared with an array of
 * flags, with overlapping commands, and shared between processes
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verify/refuse.h"
#include "verify/written.h"
#include "tests/lib/pi-format.h"
#include "tests/lib/unit.h"

enum { BLOCKS = 100000, MOST = 3000 };

static uint64_t next_ns = 1;

static struct vfy_written *map_of(uint64_t ns, uint64_t nr)
{
	char why[WHY_MAX] = "";
	struct vfy_written *w = vfy_written_open(ns, nr, why);

	if (!UNIT_CHECK(w, "%s", why))
		exit(1);
	return w;
}

static struct vfy_written *new_map(void)
{
	struct vfy_written *w = map_of(next_ns++, BLOCKS);

	vfy_written_join(w, 1);
	return w;
}

static void put(struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	vfy_written_put(w, lba, nr, vfy_written_write_starts(w, lba, nr));
}

static void change(struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	vfy_written_change_starts(w, lba, nr);
	vfy_written_change_ends(w, lba, nr);
}

/*
 * Returns whether the block is in the map during a read of this block alone, without concurrent
 * commands.
 */
static bool has(struct vfy_written *w, uint64_t lba)
{
	return vfy_written_throughout(w, lba, 1, vfy_written_read_starts(w, lba, 1), lba);
}

/* Returns short and long ranges, within and across words, regions and pages of bits. */
static uint64_t random_range(uint64_t *lba)
{
	uint64_t nr = 1 + unit_random_below(unit_random() & 1 ? 8 : MOST);

	*lba = unit_random_below(BLOCKS - nr);
	return nr;
}

static void follows_a_list(void)
{
	static bool flags[BLOCKS];
	struct vfy_written *w = new_map();
	uint64_t lba, nr;

	for (unsigned round = 0; round < 400; round++) {
		bool any = false, write = unit_random() & 1;

		nr = random_range(&lba);
		if (write)
			put(w, lba, nr);
		else
			change(w, lba, nr);
		memset(flags + lba, write, nr);
		nr = random_range(&lba);
		for (uint64_t i = lba; i < lba + nr; i++)
			any |= flags[i];
		if (!UNIT_CHECK(vfy_written_any(w, lba, nr) == any, "round %u: any of %" PRIu64 "+%" PRIu64
				" is %d", round, lba, nr, !any))
			break;
	}
	for (uint64_t i = 0; i < BLOCKS; i++)
		if (!UNIT_CHECK(has(w, i) == flags[i], "block %" PRIu64 " is %d", i, !flags[i]))
			break;
	vfy_written_close(w);
}

/* If a write and another change of a block overlap, their order is unknown. */
static void overlaps(void)
{
	struct vfy_written *w = new_map();
	uint64_t then = vfy_written_write_starts(w, 70, 2);

	change(w, 71, 1);
	vfy_written_put(w, 70, 2, then);
	UNIT_CHECK(!has(w, 70) && !has(w, 71), "a change within a write");
	vfy_written_change_starts(w, 71, 1);
	put(w, 70, 4);
	UNIT_CHECK(!has(w, 71), "a write within a change, before that has ended");
	vfy_written_change_ends(w, 71, 1);
	UNIT_CHECK(!has(w, 71), "a write within a change");
	put(w, 1000, 100);			/* across regions */
	UNIT_CHECK(has(w, 1000) && has(w, 1099), "a write across regions");
	then = vfy_written_write_starts(w, 1100, 1000);
	change(w, 2060, 1);
	vfy_written_put(w, 1100, 1000, then);
	UNIT_CHECK(!vfy_written_any(w, 1100, 1000), "a change within a write across regions");
	for (unsigned nr = 1; nr < 200; nr += 66) {	/* in a word, and across words */
		vfy_written_change_starts(w, 3000 - 1, 1);
		vfy_written_change_starts(w, 3000 + nr, 1);
		put(w, 3000, nr);
		vfy_written_change_ends(w, 3000 - 1, 1);
		vfy_written_change_ends(w, 3000 + nr, 1);
		UNIT_CHECK(has(w, 3000) && has(w, 3000 + nr - 1), "%u blocks between changes", nr);
		change(w, 3000, nr);
	}
	vfy_written_close(w);
}

/* A block that was entered or changed during a read may not have been in the map for all of it. */
static void reads(void)
{
	struct vfy_written *w = new_map();
	uint64_t then = vfy_written_read_starts(w, 5, 10);

	put(w, 7, 1);
	UNIT_CHECK(!vfy_written_throughout(w, 5, 10, then, 7), "written while it was read");
	then = vfy_written_read_starts(w, 5, 10);
	put(w, 7, 1);
	UNIT_CHECK(vfy_written_throughout(w, 5, 10, then, 7), "written again while it was read");
	UNIT_CHECK(!vfy_written_throughout(w, 5, 10, then, 8), "never written");
	change(w, 7, 1);
	put(w, 7, 1);
	UNIT_CHECK(!vfy_written_throughout(w, 5, 10, then, 7), "changed and written while it was read");
	then = vfy_written_read_starts(w, 1000, 100);
	put(w, 1050, 1);
	UNIT_CHECK(!vfy_written_throughout(w, 1000, 100, then, 1050), "across regions");
	vfy_written_close(w);
}

static void kinds(void)
{
	struct vfy_written *w = new_map();

	UNIT_CHECK(vfy_written_alike(w, 1) && !vfy_written_alike(w, 2), "one kind");
	vfy_written_join(w, 1);
	UNIT_CHECK(vfy_written_alike(w, 1), "the same kind again");
	vfy_written_join(w, 2);
	UNIT_CHECK(!vfy_written_alike(w, 1) && !vfy_written_alike(w, 2), "two kinds");
	vfy_written_close(w);
}

/*
 * A process that opens the map of a namespace after it was forked shares it.  Another namespace
 * has its own map.
 */
static void shared(void)
{
	const uint64_t ns = next_ns++;
	struct vfy_written *w, *other;
	int status = 1;
	pid_t child = fork();

	if (!child) {
		w = map_of(ns, 1ULL << 36);
		vfy_written_join(w, 1);
		put(w, (1ULL << 36) - 3, 2);
		_exit(0);
	}
	waitpid(child, &status, 0);
	w = map_of(ns, 1ULL << 36);
	other = map_of(next_ns++, 1ULL << 36);
	vfy_written_join(other, 1);
	UNIT_CHECK(!status && has(w, (1ULL << 36) - 2), "what another process wrote is unknown");
	UNIT_CHECK(!has(w, (1ULL << 36) - 1), "more is known than was written");
	UNIT_CHECK(!has(other, (1ULL << 36) - 2), "another namespace has it, too");
	change(w, 0, 1ULL << 36);		/* only touched pages are read */
	UNIT_CHECK(!vfy_written_any(w, 0, 1ULL << 36), "not all were dropped");
	vfy_written_close(w);
	vfy_written_close(other);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "follows_a_list", follows_a_list },
		{ "overlaps", overlaps },
		{ "reads", reads },
		{ "kinds", kinds },
		{ "shared", shared },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
