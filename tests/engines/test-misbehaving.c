/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-misbehaving.c - what the engine says of a target that misbehaves below it: one
 * table, a row for each way
 *
 * The target is the embedded controller, with something in front of it that completes
 * a command without executing it, executes half of it or another one, completes it
 * twice, late, in another order, or with any status.  Buffers hold the right blocks
 * from a read before, which is the worst case.
 */
#include <endian.h>
#include <errno.h>

#include "engines/io-queue.h"
#include "tests/lib/controller-image.h"
#include "tests/lib/capture.h"

enum { DEPTH = 8, BLOCKS = 8, IOS = 16, SIZE = IOS * BLOCKS * 4096 };

enum way { HONEST, NOTHING, HALF, OTHER_BLOCKS, TWICE, LATE, OTHER_ORDER, STATUS };

static struct bad {
	enum way	way;
	unsigned	tag;		/* whose command it is */
	int		status;		/* STATUS */
	bool		swallowed;	/* ->tag is not pushed; it completes on the next reap */
	struct target_cqe late;
	bool		is_late;
} bad;

static struct target_ops misbehaving;

/* Keep the first half of the blocks of @cmd. */
static void halve(struct nvme_uring_cmd *cmd)
{
	cmd->cdw12 = (cmd->cdw12 & ~0xffffu) | (BLOCKS / 2 - 1);
	cmd->data_len /= 2;
	cmd->metadata_len /= 2;
}

/* The blocks behind those that were asked for, unchecked. */
static void redirect(struct nvme_uring_cmd *cmd)
{
	cmd->cdw10 = (cmd->cdw10 + BLOCKS) % (IOS * BLOCKS);
	cmd->cdw12 &= 0xffff;
}

static void bad_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index, int buf_index)
{
	struct nvme_uring_cmd *cmd = controller_target.command(q, tag);

	if (tag == bad.tag && (bad.way == NOTHING || bad.way == STATUS)) {
		bad.swallowed = true;
		return;
	}
	if (tag == bad.tag && bad.way == HALF)
		halve(cmd);
	if (tag == bad.tag && bad.way == OTHER_BLOCKS)
		redirect(cmd);
	controller_target.push(q, ns, tag, ns_index, buf_index);
}

/* The last of @n completions is kept for later, if there are others. */
static int keep_one(struct target_cqe *cqes, int n)
{
	if (n > 1 && !bad.is_late) {
		bad.late = cqes[--n];
		bad.is_late = true;
	} else if (bad.is_late && !n) {
		cqes[n++] = bad.late;
		bad.is_late = false;
	}
	return n;
}

static void reverse(struct target_cqe *cqes, int n)
{
	for (int i = 0; i < n / 2; i++) {
		struct target_cqe c = cqes[i];

		cqes[i] = cqes[n - 1 - i];
		cqes[n - 1 - i] = c;
	}
}

static int bad_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		    const struct timespec *timeout)
{
	/* Room for one that nobody waits for. */
	int n = controller_target.reap(q, cqes, min, max - (bad.way == TWICE), timeout);

	if (bad.swallowed) {
		cqes[n++] = (struct target_cqe){ bad.tag, bad.way == STATUS ? bad.status : 0 };
		bad.swallowed = false;
	}
	if (bad.way == TWICE && n)
		cqes[n++] = cqes[0];
	if (bad.way == LATE)
		n = keep_one(cqes, n);
	if (bad.way == OTHER_ORDER)
		reverse(cqes, n);
	return n;
}

/* --- a job on it --- */

static struct bed {
	struct io_queue	flight;
	struct job_ns	ns;
	uint8_t		*buffers;	/* one a tag */
	unsigned	generation;
} bed;

static void ignore(struct io_queue *f)
{
	(void)f;
}

static void open_bed(const struct ns_format *format)
{
	const struct job_size size = { "bs", BLOCKS * 4096, JOB_SIZE_TRANSFER };
	const struct job_opts o = {
		.apptag_given = true, .remembers = true,
		.apptag = 0x1234, .apptag_mask = 0xffff, .storage_check = -1, .reads = true, .writes = true,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } }, .sizes = &size, .nr_sizes = 1,
		.open = { .write = true, .size = SIZE, .format = *format },
	};

	memset(&bed, 0, sizeof(bed));
	memset(&bad, 0, sizeof(bad));
	bed.flight.issued = ignore;
	bed.flight.job.record = capture_remember;
	bed.flight.job.ctx = &told;
	bed.buffers = calloc(DEPTH, BLOCKS * 4096);
	if (job_ns_open(&controller_target, in_folder("bad.img"), &o, &bed.ns, why)) {
		printf("not ok open: %s\n", why);
		exit(1);
	}
	bed.ns.own_only = 0;		/* as if this run had written every block */
	misbehaving = controller_target;
	misbehaving.push = bad_push;
	misbehaving.reap = bad_reap;
	bed.ns.target->ops = &misbehaving;
	UNIT_CHECK(!io_queue_alloc(&bed.flight, &bed.ns, 1, DEPTH, 1), "memory");
	UNIT_CHECK(!io_queue_start(&bed.flight, (struct target_queue_opts){ 0 }, NULL, why), "%s", why);
}

static void close_bed(void)
{
	io_queue_close(&bed.flight);
	job_ns_close(&bed.ns);
	free(bed.buffers);
	remove_image("bad.img");
}

static uint8_t *buffer(unsigned tag)
{
	return bed.buffers + tag * BLOCKS * 4096;
}

/* What block @lba holds after the @generation-th write of all. */
static void fill(uint8_t *block, uint64_t lba, unsigned generation)
{
	for (unsigned i = 0; i < 4096 / 8; i++)
		((uint64_t *)(void *)block)[i] = htole64(lba << 32 | generation << 16 | i);
}

/* I/O @i of the image, under tag @i. */
static void ask(uint8_t opcode, unsigned i)
{
	const struct io_queue_range blocks = { i * BLOCKS, BLOCKS };

	if (opcode == nvme_cmd_flush)
		io_queue_flush(&bed.flight, i, &bed.ns);
	else if (opcode == nvme_cmd_dsm)
		io_queue_trim(&bed.flight, i, &bed.ns, &blocks, 1);
	else
		io_queue_io(&bed.flight, i, &bed.ns, opcode, i * BLOCKS, BLOCKS, buffer(i));
}

/* Until all I/Os have ended, or the queue fails: what that says; each one's errno. */
static int end_all(int err[DEPTH])
{
	unsigned left = DEPTH;

	for (unsigned i = 0; i < DEPTH; i++)
		err[i] = -1;
	while (left) {
		int n = io_queue_reap(&bed.flight, 1, DEPTH, false, NULL);

		if (n < 0)
			return n;
		for (int i = 0; i < n; i++, left--) {
			int e;
			unsigned tag = io_queue_next(&bed.flight, &e);

			UNIT_CHECK(err[tag] == -1, "tag %u ends twice", tag);
			err[tag] = e;
		}
	}
	return 0;
}

/* All I/Os of @opcode at once, one of them as @way says. */
static int run_all(uint8_t opcode, enum way way, int status, int err[DEPTH])
{
	memset(&told, 0, sizeof(told));
	bad = (struct bad){ .way = way, .tag = unit_random_below(DEPTH), .status = status };
	for (unsigned i = 0; i < DEPTH; i++)
		ask(opcode, i);
	return end_all(err);
}

static void write_all(void)
{
	int err[DEPTH];

	bed.generation++;
	for (unsigned i = 0; i < IOS; i++) {
		const unsigned tag = i % DEPTH;

		for (unsigned b = 0; b < BLOCKS; b++)
			fill(buffer(tag) + b * 4096, i * BLOCKS + b, bed.generation);
		io_queue_io(&bed.flight, tag, &bed.ns, nvme_cmd_write, i * BLOCKS, BLOCKS, buffer(tag));
		if (tag == DEPTH - 1)
			UNIT_CHECK(!end_all(err), "writes");
	}
}

static bool buffer_is_right(unsigned tag)
{
	uint8_t block[4096];

	for (unsigned b = 0; b < BLOCKS; b++) {
		fill(block, tag * BLOCKS + b, bed.generation);
		if (memcmp(buffer(tag) + b * 4096, block, 4096))
			return false;
	}
	return true;
}

/* --- the table --- */

static const struct row {
	const char	*name;
	uint8_t		opcode;
	enum way	way;
	int		type;		/* of protection; -1: each */
	int		queue;		/* what reaping ends with */
	int		err;		/* of the command that is the target's victim */
	unsigned	records;	/* of its blocks */
	unsigned	field;
	const char	*says;		/* in the record; "": nothing besides the field */
} rows[] = {
	{ "an honest read", nvme_cmd_read, HONEST, -1, 0, 0, 0, 0, "" },

	{ "a read that moves nothing, type 1", nvme_cmd_read, NOTHING, 1, 0, EILSEQ, BLOCKS, PI_GUARD,
	  "the tuple was not transferred" },
	{ "a read that moves nothing, type 2", nvme_cmd_read, NOTHING, 2, 0, EILSEQ, BLOCKS, PI_GUARD,
	  "the tuple was not transferred" },
	{ "a read that moves nothing, type 3", nvme_cmd_read, NOTHING, 3, 0, EILSEQ, BLOCKS, PI_GUARD,
	  "the tuple was not transferred" },
	{ "a read that moves nothing, no protection", nvme_cmd_read, NOTHING, 0, 0, EILSEQ, BLOCKS,
	  VFY_METADATA, "" },

	{ "a read that moves half, type 1", nvme_cmd_read, HALF, 1, 0, EILSEQ, BLOCKS / 2, PI_GUARD,
	  "the tuple was not transferred" },
	{ "a read that moves half, type 3", nvme_cmd_read, HALF, 3, 0, EILSEQ, BLOCKS / 2, PI_GUARD,
	  "the tuple was not transferred" },

	{ "a read of other blocks, type 1", nvme_cmd_read, OTHER_BLOCKS, 1, 0, EILSEQ, BLOCKS, PI_REF, "" },
	{ "a read of other blocks, type 2", nvme_cmd_read, OTHER_BLOCKS, 2, 0, EILSEQ, BLOCKS, PI_REF, "" },
	/* A tuple of type 3 does not say whose it is: metadata beyond it does, or pi_plugin=stamp. */
	{ "a read of other blocks, type 3", nvme_cmd_read, OTHER_BLOCKS, 3, 0, 0, 0, 0, "" },
	{ "a read of other blocks, no protection", nvme_cmd_read, OTHER_BLOCKS, 0, 0, EILSEQ, BLOCKS,
	  VFY_METADATA, "" },

	{ "a completion that comes twice", nvme_cmd_read, TWICE, -1, -EPROTO, 0, 0, 0, "" },
	{ "a completion that comes late", nvme_cmd_read, LATE, -1, 0, 0, 0, 0, "" },
	{ "completions in another order", nvme_cmd_read, OTHER_ORDER, -1, 0, 0, 0, 0, "" },

	/* What was there before is right as it is: verify= or pi_plugin=stamp tell, on the next read. */
	{ "a write that is acknowledged and not done", nvme_cmd_write, NOTHING, -1, 0, 0, 0, 0, "" },
	{ "a write of which half is done", nvme_cmd_write, HALF, -1, 0, 0, 0, 0, "" },
	{ "a write's completion that comes twice", nvme_cmd_write, TWICE, -1, -EPROTO, 0, 0, 0, "" },
	/* Types 1 and 2: the reference tag tells whose block it is, on the next read. */
	{ "a write to other blocks", nvme_cmd_write, OTHER_BLOCKS, -1, 0, 0, 0, 0, "" },
};

/* The pattern beyond the tuple says whose block it is, too. */
static bool pattern_tells(const struct row *row)
{
	return bed.ns.verify_md && row->opcode == nvme_cmd_read && row->way == OTHER_BLOCKS;
}

static void check_records(const struct row *row, const char *where)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < told.nr; i++) {
		const struct vfy_mismatch *r = &told.r[i];

		UNIT_CHECK(r->lba / BLOCKS == bad.tag, "%s: %s: LBA %u is another I/O's", where, row->name,
			   (unsigned)r->lba);
		if (pattern_tells(row) && r->field == VFY_METADATA && row->type > 0)
			continue;
		UNIT_CHECK(r->field == row->field && r->side == VFY_HOST, "%s: %s: field %x, side %d", where,
			   row->name, r->field, r->side);
		UNIT_CHECK(!strcmp(r->status ? r->status : "", row->says), "%s: %s: says '%s'", where,
			   row->name, r->status ? r->status : "");
		nr++;
	}
	UNIT_CHECK(nr == row->records, "%s: %s: %u records, wanted %u", where, row->name, nr, row->records);
}

static int errno_of(const struct row *row)
{
	return pattern_tells(row) ? EILSEQ : row->err;
}

static void try_row(const struct row *row, const struct ns_format *format)
{
	const char *where = name_of(format);
	int err[DEPTH], queue;

	open_bed(format);
	write_all();
	UNIT_CHECK(!run_all(nvme_cmd_read, HONEST, 0, err), "the read before");
	queue = run_all(row->opcode, row->way, 0, err);
	UNIT_CHECK(queue == row->queue, "%s: %s: reaping ends with %d, wanted %d", where, row->name, queue,
		   row->queue);
	check_records(row, where);
	for (unsigned i = 0; i < DEPTH && !queue; i++) {
		const int want = i == bad.tag ? errno_of(row) : 0;

		UNIT_CHECK(err[i] == want, "%s: %s: I/O %u ends with %d, wanted %d", where, row->name, i,
			   err[i], want);
		if (row->way != OTHER_BLOCKS || i != bad.tag)
			UNIT_CHECK(buffer_is_right(i), "%s: %s: I/O %u brought other data", where, row->name, i);
	}
	close_bed();
}

/* Metadata of a block, for each way of laying it out. */
static const struct ns_format bases[] = {
	{ 4096, 8, 0, 1, 0, 0, 0 }, { 4096, 8, 1, 1, 1, 0, 0 }, { 4096, 64, 0, 1, 0, 0, 0 },
	{ 4096, 16, 1, 1, 0, 2, 0 }, { 4096, 24, 0, 1, 1, 1, 16 },
};

static void table(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t b = 0; b < ARRAY_SIZE(bases); b++)
			for (int type = 0; type < 4; type++) {
				struct ns_format f = bases[b];

				if (rows[i].type >= 0 && rows[i].type != type)
					continue;
				f.pi = type;
				if (!type)
					f.pil = f.pif = f.sts = 0;
				try_row(&rows[i], &f);
			}
}

static unsigned gone;		/* results that told of a namespace that no longer exists */

static void see_gone(void *ctx, const struct job_ns *ns, int res)
{
	UNIT_CHECK(ctx == &told && ns && res == bad.status, "result %d is told of", res);
	gone++;
}

/*
 * Any status at all: the I/O fails with the errno that belongs to it, none of its blocks counts
 * as checked, and none is blamed but by a status that is a verdict on one.  Where the target
 * has no more to say about them, the I/O is told of as a whole.
 */
static void statuses(void)
{
	static const struct ns_format format = { 4096, 8, 0, 1, 0, 0, 0 };
	int err[DEPTH];

	open_bed(&format);
	write_all();
	bed.flight.job.lost = see_gone;
	for (int status = 1; status <= NVME_ST_MASK; status++) {
		const int word = status | (status & 1 ? NVME_ST_DNR : 0);
		const uint64_t checked = bed.flight.job.stats.checked;
		const bool verdict = nvme_result_meaning(word) == NVME_VERDICT;

		UNIT_CHECK(!run_all(nvme_cmd_read, STATUS, word, err), "status %03xh: the queue fails", word);
		UNIT_CHECK(err[bad.tag] == nvme_result_errno(word) && err[bad.tag], "status %03xh: errno %d", word,
			   err[bad.tag]);
		UNIT_CHECK(told.nr == verdict, "status %03xh: %u records", word, told.nr);
		if (!verdict)
			UNIT_CHECK(bed.flight.job.stats.checked - checked == (DEPTH - 1) * BLOCKS,
				   "status %03xh: %u blocks checked", word,
				   (unsigned)(bed.flight.job.stats.checked - checked));
		UNIT_CHECK(!run_all(nvme_cmd_write, STATUS, word, err) && err[bad.tag] == nvme_result_errno(word),
			   "status %03xh of a write: errno %d", word, err[bad.tag]);
		UNIT_CHECK(told.nr == verdict, "status %03xh of a write: %u records", word, told.nr);
		UNIT_CHECK(gone == 2 * (nvme_result_meaning(word) == NVME_GONE),
			   "status %03xh: gone %u times", word, gone);
		gone = 0;
	}
	bed.flight.job.lost = NULL;
	close_bed();
}

static unsigned seen;		/* status words that were told of */

static void see_status(void *ctx, int status)
{
	UNIT_CHECK(ctx == &told && status == bad.status, "status %03xh is told of", status);
	seen++;
}

/* A command that moves nothing: a verdict is told of for all of its blocks. */
static void try_dataless(uint8_t opcode, int word)
{
	const bool verdict = nvme_result_meaning(word) == NVME_VERDICT;
	const struct vfy_mismatch *r = &told.r[0];
	uint64_t lba = 0, nr = IOS * BLOCKS;
	int err[DEPTH];

	seen = gone = 0;
	bed.flight.job.status = see_status;
	bed.flight.job.lost = see_gone;
	UNIT_CHECK(!run_all(opcode, STATUS, word, err) && err[bad.tag] == nvme_result_errno(word),
		   "status %03xh of opcode %02xh: errno %d", word, opcode, err[bad.tag]);
	bed.flight.job.status = NULL;
	bed.flight.job.lost = NULL;
	UNIT_CHECK(gone == (nvme_result_meaning(word) == NVME_GONE),
		   "status %03xh of opcode %02xh: gone %u times", word, opcode, gone);
	if (opcode == nvme_cmd_dsm) {
		lba = bad.tag * BLOCKS;
		nr = BLOCKS;
	}
	UNIT_CHECK(seen == 1 && told.nr == verdict, "status %03xh of opcode %02xh: told of %u times, %u records",
		   word, opcode, seen, told.nr);
	if (verdict)
		UNIT_CHECK(r->lba == lba && r->blocks == nr && r->side == VFY_DEVICE &&
			   r->class == VFY_MEDIA_ERROR, "status %03xh of opcode %02xh: LBA %u, %u blocks", word,
			   opcode, (unsigned)r->lba, (unsigned)r->blocks);
}

/* Of a trim or Flush, too, any status at all. */
static void statuses_dataless(void)
{
	static const struct ns_format format = { 4096, 8, 0, 1, 0, 0, 0 };

	open_bed(&format);
	for (int status = 1; status <= NVME_ST_MASK; status++) {
		try_dataless(nvme_cmd_dsm, status);
		try_dataless(nvme_cmd_flush, status);
	}
	close_bed();
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "table", table },
		{ "statuses", statuses },
		{ "statuses of trims and flushes", statuses_dataless },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
