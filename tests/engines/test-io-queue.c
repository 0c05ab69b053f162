// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-io-queue.c - commands reach the target in the order in which I/Os are asked for;
 * every I/O is issued once and told of once, whatever is asked for at a time, in
 * whatever parts its commands complete
 */
#include "io-queue-bed.h"

static void one_round(unsigned trims_of_8)
{
	const struct timespec now = { 0 };
	unsigned min, max;

	while (bed.out < bed.depth && unit_random() % 8 && !unit_nr_failed)
		ask(unit_random() % 8 < trims_of_8);
	if (unit_random() % 4 == 0)
		UNIT_CHECK(io_queue_commit(&bed.flight) >= 0, "commit");
	if (!bed.out || unit_random() % 3 == 0)
		return;
	min = unit_random() % (bed.out + 1);
	max = min + unit_random() % (bed.depth - min + 1);
	reap(min, max ? max : 1, unit_random() % 8 ? NULL : &now);
}

static void run_bed(unsigned trims_of_8, unsigned rounds)
{
	for (unsigned round = 0; round < rounds && !unit_nr_failed; round++)
		one_round(trims_of_8);
	while (bed.out && !unit_nr_failed)
		reap(1, bed.depth, NULL);
	UNIT_CHECK(!bed.flight.nr_done && !bed.flight.nr_out && !bed.flight.nr_pushed,
		   "%u done, %u out, %u pushed are left", bed.flight.nr_done, bed.flight.nr_out,
		   bed.flight.nr_pushed);
	UNIT_CHECK(bed.nr_pushed == bed.nr_asked, "%u of %u reached the target", bed.nr_pushed, bed.nr_asked);
}

/* As fio jobs might, in all ways at once. */
static void any_way(unsigned trims_of_8)
{
	static const unsigned depths[] = { 1, 2, 13, 64 }, ranges[] = { 1, 2, 7, 256 };

	for (unsigned i = 0; i < ARRAY_SIZE(depths) * ARRAY_SIZE(ranges) * 2 && !unit_nr_failed; i++) {
		const unsigned depth = depths[i / 2 % ARRAY_SIZE(depths)];

		open_bed(i % 2 ? MAX_NS : 1, depth, ranges[i / 2 / ARRAY_SIZE(depths)], unit_random() % 2);
		run_bed(trims_of_8, 10000 / (depth + 8));
		close_bed();
	}
}

static void without_trims(void)
{
	any_way(0);
}

static void with_trims(void)
{
	any_way(3);
}

static void trims_alone(void)
{
	any_way(8);
}

/* A write that was damaged on purpose is sent again: until then nothing passes it on its blocks. */
static void damaged(void)
{
	const struct io_queue_range both = { 0, 2 }, other = { 1, 1 };
	uint8_t got[4096], want[4096];

	memset(want, 2, sizeof(want));
	open_damaging_bed();
	memset(bed.data, 1, 4096);
	memset(bed.data + 4096, 2, 4096);
	UNIT_CHECK(io_queue_io(&bed.flight, 0, &bed.ns[0], nvme_cmd_write, 0, 1, bed.data), "nothing is under way");
	UNIT_CHECK(!io_queue_io(&bed.flight, 1, &bed.ns[0], nvme_cmd_write, 0, 1, bed.data + 4096), "a write passes");
	UNIT_CHECK(!io_queue_io(&bed.flight, 1, &bed.ns[0], nvme_cmd_read, 0, 1, bed.data + 4096), "a read passes");
	UNIT_CHECK(!io_queue_trim(&bed.flight, 1, &bed.ns[0], &both, 1), "a trim passes");
	UNIT_CHECK(io_queue_trim(&bed.flight, 1, &bed.ns[0], &other, 1), "a trim of another block waits");
	reap_all(2);
	UNIT_CHECK(bed.flight.job.stats.rejected == 1, "the damage was not noticed");
	UNIT_CHECK(io_queue_io(&bed.flight, 1, &bed.ns[0], nvme_cmd_write, 0, 1, bed.data + 4096), "a write waits");
	reap_all(1);
	UNIT_CHECK(io_queue_io(&bed.flight, 0, &bed.ns[0], nvme_cmd_read, 0, 1, got), "a read waits");
	reap_all(1);
	UNIT_CHECK(!memcmp(got, want, sizeof(got)), "the first write came last");
	UNIT_CHECK(!bed.flight.apart, "no damage is left, but I/Os do not take the usual path again");
	close_bed();
	vfy_injected_close(bed.flight.job.faults);
}

/* With enough in hand the target starts the batch, and is not asked for more. */
static void in_hand(void)
{
	enum { DEPTH = 13 };

	open_bed(1, DEPTH, 4, false);
	lazy.reap = controller_target.reap;
	for (unsigned i = 0; i < DEPTH; i++)
		ask(false);
	reap(1, 1, NULL);
	UNIT_CHECK(bed.flight.nr_done == DEPTH - 1, "%u are in hand", bed.flight.nr_done);
	lazy.reap = lazy_reap;
	reaps = commits = 0;
	for (unsigned i = 1; i < DEPTH; i++) {
		ask(false);
		reap(1, 1, NULL);
	}
	UNIT_CHECK(!reaps && commits == DEPTH - 1, "%u reaps, %u commits", reaps, commits);
	reap(1, 1, NULL);
	UNIT_CHECK(reaps == 1, "%u reaps when nothing is in hand", reaps);
	while (bed.out && !unit_nr_failed)
		reap(1, 1, NULL);
	close_bed();
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "without_trims", without_trims },
		{ "with_trims", with_trims },
		{ "trims_alone", trims_alone },
		{ "damaged", damaged },
		{ "in_hand", in_hand },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
