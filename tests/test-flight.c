// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-flight.c - every I/O is issued once and told of once, whatever is asked for at
 * a time, in whatever parts its commands complete
 *
 * The target is the embedded controller, behind one that lets some commands complete
 * later: between as many as are waited for and all of them, by chance.
 */
#include <errno.h>

#include "../engines/flight.h"
#include "ctl-image.h"

enum { DEPTH = 13, BLOCKS = 64, RANGES = 4, ROUNDS = 20000 };

static struct target_ops lazy;
static unsigned reaps, commits;

static int lazy_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		     const struct timespec *timeout)
{
	unsigned least = timeout ? 0 : min, most = least + unit_random() % (max - least + 1);
	int n;

	reaps++;
	if (!UNIT_CHECK(min <= max, "%u of at most %u are waited for", min, max))
		return -EIO;
	n = controller_target.reap(q, cqes, min, most, timeout);
	return UNIT_CHECK(n >= (int)least, "%u are waited for, which will be for ever", min) ? n : -EIO;
}

static int counted_commit(struct target_queue *q)
{
	commits++;
	return controller_target.commit(q);
}

/* An I/O, from being asked for to being told of. */
enum state { FREE, ASKED, ISSUED };

static struct bed {
	struct flight	flight;
	struct job_ns	ns;
	enum state	state[DEPTH];
	bool		trim[DEPTH];
	bool		beyond[DEPTH];		/* the end of the namespace: it fails */
	unsigned	out;
	uint8_t		*data;
} bed;

static void issued(struct flight *f)
{
	for (unsigned i = 0; i < f->nr_pushed; i++) {
		unsigned tag = f->pushed[i];

		UNIT_CHECK(bed.state[tag] == ASKED, "tag %u is issued in state %d", tag, bed.state[tag]);
		bed.state[tag] = ISSUED;
	}
}

static void ignore(void *ctx, const struct vfy_record *r)
{
	(void)ctx;
	(void)r;
}

static void open_bed(void)
{
	const struct job_size sizes[] = { { "bs", 4096, JOB_SIZE_TRANSFER } };
	const struct job_opts o = {
		.apptag_mask = 0xffff, .storage_check = -1, .reads = true, .writes = true, .trims = true,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } }, .sizes = sizes, .nr_sizes = 1,
		.open = { .write = true, .size = BLOCKS * 4096, .format = { 4096, 8, 0, 1, 0, 0, 0 } },
	};

	memset(&bed, 0, sizeof(bed));
	bed.flight.issued = issued;
	bed.flight.job.record = ignore;
	bed.data = malloc(DEPTH * 4096);
	UNIT_CHECK(!job_ns_open(&controller_target, in_folder("flight.img"), &o, &bed.ns, why), "%s", why);
	lazy = controller_target;
	lazy.reap = lazy_reap;
	lazy.commit = counted_commit;
	bed.ns.target->ops = &lazy;
	UNIT_CHECK(!flight_alloc(&bed.flight, &bed.ns, 1, DEPTH, RANGES), "memory");
	UNIT_CHECK(!flight_start(&bed.flight, (struct target_queue_opts){ 0 }, NULL, why), "%s", why);
}

static void close_bed(void)
{
	flight_close(&bed.flight);
	job_ns_close(&bed.ns);
	free(bed.data);
	remove_image("flight.img");
}

static unsigned free_tag(void)
{
	unsigned tag = unit_random() % DEPTH;

	while (bed.state[tag] != FREE)
		tag = (tag + 1) % DEPTH;
	return tag;
}

/* Ask for one: a trim if @trim, else a read, a write or a flush. */
static void ask(bool trim)
{
	const unsigned tag = free_tag(), what = unit_random() % 8;
	const uint64_t lba = unit_random() % BLOCKS + (what == 7 ? BLOCKS : 0);
	const struct flight_range range = { lba, 1 };

	bed.state[tag] = ASKED;
	bed.trim[tag] = trim;
	bed.beyond[tag] = lba >= BLOCKS && (trim || what);
	bed.out++;
	if (trim)
		flight_trim(&bed.flight, tag, &bed.ns, &range, 1);
	else if (!what)
		flight_flush(&bed.flight, tag, &bed.ns);
	else
		flight_io(&bed.flight, tag, &bed.ns, what & 1 ? nvme_cmd_write : nvme_cmd_read, lba, 1,
			  bed.data + tag * 4096);
}

static void take(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		int err;
		unsigned tag = flight_next(&bed.flight, &err);

		UNIT_CHECK(tag < DEPTH && bed.state[tag] == ISSUED, "tag %u is told of in state %d", tag,
			   bed.state[tag]);
		/* Of trims that share a command all fail where one does. */
		UNIT_CHECK(bed.beyond[tag] ? err : !err || bed.trim[tag], "tag %u ends with %d", tag, err);
		bed.state[tag] = FREE;
		bed.out--;
	}
}

static void reap(unsigned min, unsigned max, const struct timespec *timeout)
{
	int n = flight_reap(&bed.flight, min, max, unit_random() % 4 == 0, timeout);

	if (UNIT_CHECK(n <= (int)max && n >= (timeout ? 0 : (int)min), "%d of %u to %u", n, min, max))
		take(n);
}

/* As a fio job might, in all ways at once. */
static void any_way(unsigned trims_of_8)
{
	const struct timespec now = { 0 };

	open_bed();
	for (unsigned round = 0; round < ROUNDS && !unit_nr_failed; round++) {
		unsigned min, max;

		while (bed.out < DEPTH && unit_random() % 4)
			ask(unit_random() % 8 < trims_of_8);
		if (unit_random() % 4 == 0)
			UNIT_CHECK(flight_commit(&bed.flight) >= 0, "commit");
		if (!bed.out || unit_random() % 3 == 0)
			continue;
		min = unit_random() % (bed.out + 1);
		max = min + unit_random() % (DEPTH - min + 1);
		reap(min, max ? max : 1, unit_random() % 8 ? NULL : &now);
	}
	while (bed.out && !unit_nr_failed)
		reap(1, DEPTH, NULL);
	UNIT_CHECK(!bed.flight.nr_done && !bed.flight.nr_out && !bed.flight.nr_pushed,
		   "%u done, %u out, %u pushed are left", bed.flight.nr_done, bed.flight.nr_out,
		   bed.flight.nr_pushed);
	close_bed();
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

/* With enough in hand the target starts the batch, and is not asked for more. */
static void in_hand(void)
{
	open_bed();
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
		{ "in_hand", in_hand },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
