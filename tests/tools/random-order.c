/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random-order - send random I/Os at many queue depths and check that every block has a content
 * that the order of the I/Os permits
 *
 * I/Os go through the engine's queue to an image or a device.  The oracle then checks the file of
 * an image, or what unchecked reads of a device return.  An image executes commands in the order
 * in which they were queued, so a block must contain its last change.  A device may execute
 * concurrent commands in any order, so a block may contain any change that had not completed
 * before another change of it was queued.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engines/controller/controller.h"
#include "random-contents.h"

static const char usage[] =
	"Usage: random-order --lbs BYTES --pi TYPE [options] TARGET\n"
	"Send random reads, writes, trims, Write Zeroes, Write Uncorrectable and flushes to TARGET,\n"
	"an image or a device, at depths of 1 to 64, and check what is there in the end.\n"
	"All of its first blocks are lost. An image is made if it is not there.\n\n"
	IMAGE_USAGE
	"  --mset 0|1    separate (0, default) or extended (1) metadata\n"
	"What is done:\n"
	"  --ios N       so many I/Os (default 20000)\n"
	"  --blocks N    on so many blocks (default 256)\n"
	"  --zone N      a new image has zones of so many blocks; they are written and reset\n"
	"  --cache WORD  the image's write cache, as ns_cache\n"
	"  --seed N      another seed, other I/Os (default 1)\n"
	"Exit status: 0 all is right, 1 something is wrong, 2 the check could not be made.\n";

enum { MAX_NS_BLOCKS = 4096, SEGMENT = 5000 };

/* --- I/Os --- */

static uint8_t draw_opcode(struct trial *t)
{
	static const struct { uint8_t opcode; uint16_t oncs; } kinds[] = {
		{ nvme_cmd_write, 0 }, { nvme_cmd_write, 0 }, { nvme_cmd_write, 0 }, { nvme_cmd_read, 0 },
		{ nvme_cmd_read, 0 }, { nvme_cmd_dsm, NVME_CTRL_ONCS_DSM }, { nvme_cmd_dsm, NVME_CTRL_ONCS_DSM },
		{ nvme_cmd_write_zeroes, NVME_CTRL_ONCS_WRITE_ZEROES },
		{ nvme_cmd_write_uncor, NVME_CTRL_ONCS_WRITE_UNCORRECTABLE }, { nvme_cmd_flush, 0 },
	};
	unsigned i;

	do
		i = draw(t, sizeof(kinds) / sizeof(kinds[0]));
	while (kinds[i].oncs & ~t->ns.info.oncs || (kinds[i].opcode == nvme_cmd_flush && draw(t, 8)) ||
	       (t->zone_blocks && (kinds[i].opcode == nvme_cmd_dsm || kinds[i].opcode == nvme_cmd_write_uncor)));
	return kinds[i].opcode;
}

/* Writes and Write Zeroes go to the write pointer of any zone; if that is full, read instead. */
static void place_in_zone(struct trial *t, struct request *r)
{
	const uint64_t zone = draw(t, t->nr_blocks / t->zone_blocks);
	const uint32_t left = t->zone_blocks - t->written[zone];

	if (!changes(r->opcode))
		return;
	if (!left) {
		r->opcode = nvme_cmd_read;
		return;
	}
	r->nr = r->nr < left ? r->nr : left;
	r->lba = zone * t->zone_blocks + t->written[zone];
	t->written[zone] += r->nr;
}

/* Reset a zone; no I/O is in flight. */
static void reset(struct trial *t, uint64_t zone)
{
	enum { RESET = 4 };
	const struct request r = {
		.opcode = nvme_cmd_dsm, .no = ++t->no, .lba = zone * t->zone_blocks, .nr = t->zone_blocks,
	};
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_zns_cmd_mgmt_send, .nsid = t->ns.target->nsid, .cdw10 = r.lba, .cdw13 = RESET,
	};

	change_starts(t, &r);
	change_ends(t, &r);
	if (t->ns.target->ops->io(t->ns.target, &cmd))
		told(t, "a zone can't be reset", r.lba, r.no);
	t->written[zone] = 0;
}

static void ask(struct trial *t, unsigned tag)
{
	struct request *r = &t->request[tag];
	uint8_t *data = t->data + (size_t)tag * MAX_BLOCKS * t->image.format.data_size;

	*r = (struct request){ .out = true, .opcode = draw_opcode(t), .no = ++t->no };
	r->nr = 1 + draw(t, MAX_BLOCKS);
	r->lba = draw(t, t->nr_blocks - r->nr + 1);
	if (r->opcode == nvme_cmd_flush)
		r->nr = 0;
	if (t->zone_blocks)
		place_in_zone(t, r);
	if (changes(r->opcode))
		change_starts(t, r);
	else
		read_starts(t, r);
	for (uint32_t i = 0; i < r->nr && r->opcode == nvme_cmd_write; i++)
		fill(t, &(struct entry){ r->no, r->opcode, false }, r->lba + i,
		     data + i * t->image.format.data_size);
	if (r->opcode == nvme_cmd_flush)
		io_queue_flush(&t->flight, tag, &t->ns);
	else if (r->opcode == nvme_cmd_dsm)
		io_queue_trim(&t->flight, tag, &t->ns, &(struct io_queue_range){ r->lba, r->nr }, 1);
	else
		io_queue_io(&t->flight, tag, &t->ns, r->opcode, r->lba, r->nr, data);
}

static void take(struct trial *t)
{
	int err;
	unsigned tag = io_queue_next(&t->flight, &err);
	struct request *r = &t->request[tag];

	if (!r->out)
		told(t, "an I/O ended twice", r->lba, r->no);
	r->out = false;
	if (r->opcode == nvme_cmd_read) {
		read_ends(t, r, err, t->data + (size_t)tag * MAX_BLOCKS * t->image.format.data_size);
		return;
	}
	change_ends(t, r);
	if (err)
		told(t, io_command_name(r->opcode), r->lba, r->no);
}

static void reap(struct trial *t, unsigned out, unsigned min)
{
	int n = io_queue_reap(&t->flight, min, out, draw(t, 4) == 0, NULL);

	if (n < 0)
		image_die("reaping: %s", strerror(-n));
	while (n--)
		take(t);
}

static unsigned nr_out(const struct trial *t, unsigned depth, unsigned *unused)
{
	unsigned n = 0;

	for (unsigned tag = 0; tag < depth; tag++) {
		n += t->request[tag].out;
		if (!t->request[tag].out)
			*unused = tag;
	}
	return n;
}

static void drain(struct trial *t, unsigned depth)
{
	unsigned unused, out;

	while ((out = nr_out(t, depth, &unused)))
		reap(t, out, 1);
}

static void run(struct trial *t, unsigned depth, uint64_t ios)
{
	unsigned tag = 0, out;

	for (uint64_t end = t->no + ios; t->no < end;) {
		for (unsigned n = 1 + draw(t, depth); n && t->no < end; n--) {
			if (nr_out(t, depth, &tag) == depth)
				break;
			ask(t, tag);
		}
		if (draw(t, 2) && io_queue_commit(&t->flight) < 0)
			image_die("a batch could not be started");
		out = nr_out(t, depth, &tag);
		if (draw(t, 4) || out == depth)
			reap(t, out, draw(t, out) + (out == depth));
		if (t->zone_blocks && !draw(t, 8)) {
			drain(t, depth);
			reset(t, draw(t, t->nr_blocks / t->zone_blocks));
		}
	}
	drain(t, depth);
}

/* --- the final check --- */

/* Read block @lba of the namespace to @data and @md.  Returns false if it is uncorrectable. */
static bool read_block(struct trial *t, uint64_t lba, uint8_t *data, uint8_t *md)
{
	const struct pi_layout *l = &t->ns.info.layout;
	struct nvme_io io = {
		.opcode = nvme_cmd_read, .slba = lba, .nr_blocks = 1, .data = data, .md = md, .tags = t->ns.tags,
	};
	struct nvme_uring_cmd cmd = { 0 };
	int res;

	nvme_build_io(&cmd, &t->ns.info, &io);
	res = t->ns.target->ops->io(t->ns.target, &cmd);
	if (res && (res & NVME_ST_MASK) != 0x281)
		image_die("LBA %" PRIu64 " can't be read: %s", lba, nvme_result_name(res, (char[NVME_STATUS_MAX]){ 0 }));
	if (!res && l->extended)
		memcpy(md, data + l->data_size, l->md_size);
	return !res;
}

static void judge(struct trial *t, uint64_t lba, const uint8_t *data, const uint8_t *md)
{
	const struct block *b = &t->blocks[lba];
	bool has_data = false, has_md = false;

	for (unsigned i = 0; i < b->nr; i++) {
		const bool fits = data_fits(t, &b->entry[i], lba, data), also = md_fits(t, &b->entry[i], lba, md);

		if (fits && also)
			return;
		has_data |= fits;
		has_md |= also;
	}
	if (has_data && has_md && !t->in_order)
		t->nr_mixed++;
	else
		told(t, has_data ? "its metadata is of no change that may be there" :
		     has_md ? "its data is of no change that may be there" :
			      "it is of no change that may be there", lba, b->entry[b->nr - 1].no);
}

static void judge_all(struct trial *t)
{
	const struct oracle_format *f = &t->image.format;
	uint8_t *data = calloc(1, f->data_size + 2 * f->md_size), *md;

	if (!data)
		image_die("no memory for a block");
	md = data + f->data_size + f->md_size;
	for (uint64_t lba = 0; lba < t->nr_blocks; lba++) {
		struct block *b = &t->blocks[lba];
		bool uncor = false;

		t->nr_judged++;
		for (unsigned i = 0; i < b->nr; i++)
			uncor |= b->entry[i].opcode == nvme_cmd_write_uncor;
		if (!read_block(t, lba, data, md)) {
			if (!uncor)
				told(t, "it is uncorrectable", lba, b->entry[b->nr - 1].no);
			continue;
		}
		if (t->in_order) {
			image_read(&t->image, data, f->data_size, image_data_at(&t->image, lba));
			image_read(&t->image, md, f->md_size, image_md_at(&t->image, lba));
		}
		judge(t, lba, data, md);
	}
	free(data);
}

static void ignore_record(void *ctx, const struct vfy_mismatch *r)
{
	(void)ctx, (void)r;
}

static void ignore_issued(struct io_queue *f)
{
	(void)f;
}

/* Run @ios I/Os in a new queue, close the queue, and check all blocks. */
static void segment(struct trial *t, unsigned depth, unsigned max_ranges, uint64_t ios)
{
	const uint64_t bad = t->nr_bad, seed = t->seed;
	char why[WHY_MAX];

	t->flight = (struct io_queue){ .issued = ignore_issued, .job.record = ignore_record };
	if (io_queue_alloc(&t->flight, &t->ns, 1, depth, max_ranges))
		image_die("no memory for a queue");
	if (io_queue_start(&t->flight, (struct target_queue_opts){ .register_ns = draw(t, 2) }, NULL, why))
		image_die("%s", why);
	run(t, depth, ios);
	io_queue_close(&t->flight);
	judge_all(t);
	if (t->nr_bad != bad)
		printf("depth %u, %u ranges, state %" PRIx64 ": %" PRIu64 " findings\n", depth, max_ranges, seed,
		       t->nr_bad - bad);
}

static void run_all(struct trial *t)
{
	static const unsigned depths[] = { 1, 2, 3, 5, 8, 16, 32, MAX_DEPTH };
	static const unsigned ranges[] = { 1, 2, 7, 256 };
	uint64_t each = t->ios / 8 < SEGMENT ? t->ios / 8 + 1 : SEGMENT;

	for (unsigned i = 0; t->no < t->ios; i++) {
		uint64_t left = t->ios - t->no;

		segment(t, depths[i % 8], ranges[(i + i / 8) % 4], left < each ? left : each);
	}
}

/* Write zeroes everywhere, so that the initial content is known. */
static void clear(struct trial *t)
{
	uint8_t *data = calloc(1, t->image.format.data_size + t->image.format.md_size);
	uint8_t *md = calloc(1, t->image.format.md_size + 1);

	for (uint64_t lba = 0; lba < t->nr_blocks; lba++) {
		const struct entry e = { 0, 0, true };
		struct nvme_io io = {
			.opcode = nvme_cmd_write, .slba = lba, .nr_blocks = 1, .data = data, .md = md,
			.tags = t->ns.tags,
		};
		struct nvme_uring_cmd cmd = { 0 };

		fill_md(t, &e, lba, data, t->mset ? data + t->image.format.data_size : md);
		nvme_build_io(&cmd, &t->ns.info, &io);
		if (t->ns.target->ops->io(t->ns.target, &cmd))
			image_die("LBA %" PRIu64 " can't be written", lba);
		t->blocks[lba] = (struct block){ { e }, 1 };
	}
	for (uint64_t zone = 0; t->zone_blocks && zone < t->nr_blocks / t->zone_blocks; zone++)
		t->written[zone] = t->zone_blocks;
	free(data);
	free(md);
}

static void open_target(struct trial *t, const char *path)
{
	const struct oracle_format *f = &t->image.format;
	const struct target_ops *ops = target_of(path);
	const struct job_size sizes[] = { { "--blocks", MAX_BLOCKS * f->data_size, JOB_SIZE_TRANSFER } };
	struct job_opts o = {
		.apptag = APP, .apptag_mask = 0xffff, .storage_check = -1, .buffer = JOB_BUFFER_DATA,
		.reads = true, .writes = true, .trims = !t->zone_blocks, .sizes = sizes, .nr_sizes = 1,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } },
		.open = {
			.write = true, .size = t->nr_blocks * f->data_size, .cache = t->cache,
			.zones = { .zone_size = (uint64_t)t->zone_blocks * f->data_size },
			.format = { f->data_size, f->md_size, t->mset, f->type, f->first, f->pif, f->sts },
		},
	};
	char why[WHY_MAX];

	t->in_order = ops == &controller_target;
	/*
	 * A device may keep parts of overlapping writes, so reads do not check protection
	 * information.
	 */
	o.prchk_given = o.verify_given = !t->in_order;
	if (job_ns_open(ops, path, &o, &t->ns, why))
		image_die("%s", why);
	if (t->ns.info.nr_blocks < t->nr_blocks)
		image_die("%s: it has %" PRIu64 " blocks", path, t->ns.info.nr_blocks);
	if (t->in_order)
		image_open(&t->image, path, false);
}

static const struct option options[] = {
	IMAGE_OPTIONS,
	{ "mset", required_argument, NULL, 'm' },
	{ "ios", required_argument, NULL, 'i' },
	{ "blocks", required_argument, NULL, 'b' },
	{ "seed", required_argument, NULL, 's' },
	{ "zone", required_argument, NULL, 'z' },
	{ "cache", required_argument, NULL, 'c' },
	{ 0 }
};

static void option(struct trial *t, int opt)
{
	switch (opt) {
	case 'm':
		t->mset = image_number("--mset", optarg, 1);
		break;
	case 'i':
		t->ios = image_number("--ios", optarg, UINT32_MAX);
		break;
	case 'b':
		t->nr_blocks = image_number("--blocks", optarg, MAX_NS_BLOCKS);
		break;
	case 'z':
		t->zone_blocks = image_number("--zone", optarg, MAX_NS_BLOCKS);
		break;
	case 'c':
		t->cache = optarg;
		break;
	case 's':
		t->seed = image_number("--seed", optarg, UINT64_MAX);
		break;
	}
}

int main(int argc, char **argv)
{
	struct trial t = { .ios = 20000, .nr_blocks = 256, .seed = 1 };
	uint64_t seed;
	int opt;

	while ((opt = image_getopt(&t.image, argc, argv, options, usage)) != -1)
		option(&t, opt);
	if (argc - optind != 1)
		image_die("one target is needed; see --help");
	if (t.nr_blocks < MAX_BLOCKS)
		image_die("--blocks: at least %d", MAX_BLOCKS);
	if (t.zone_blocks && t.nr_blocks % t.zone_blocks)
		image_die("--zone: --blocks is no multiple of it");
	seed = t.seed;
	t.image.format.extended = t.mset;
	t.blocks = calloc(t.nr_blocks, sizeof(*t.blocks));
	t.written = calloc(t.nr_blocks, sizeof(*t.written));
	t.data = aligned_alloc(4096, (size_t)MAX_DEPTH * MAX_BLOCKS * t.image.format.data_size);
	if (!t.blocks || !t.written || !t.data)
		image_die("out of memory");
	open_target(&t, argv[optind]);
	t.image.format.extended = false;	/* images are always separate */
	clear(&t);
	run_all(&t);
	job_ns_close(&t.ns);
	printf("%s: %" PRIu64 " I/Os, seed %" PRIu64 ": %" PRIu64 " blocks judged, %" PRIu64 " reads, %" PRIu64
	       " wrong, %" PRIu64 " of two changes at once\n", argv[optind], t.no, seed, t.nr_judged, t.nr_reads,
	       t.nr_bad, t.nr_mixed);
	return t.nr_bad ? 1 : 0;
}
