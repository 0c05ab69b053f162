/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-queue-bed.h - a flight whose I/Os are asked for by chance, on a target that writes down what is
 * pushed and a plugin that writes down what it is told of: both in the order of asking
 *
 * The target is the embedded controller, behind one that lets some commands complete later:
 * between as many as are waited for and all of them, by chance.
 */
#ifndef FLIGHT_BED_H
#define FLIGHT_BED_H

#include <endian.h>
#include <errno.h>

#include "engines/io-queue.h"
#include "tests/lib/controller-image.h"

enum { MAX_DEPTH = 64, BLOCKS = 64, MAX_NS = 3, RANGES_AN_IO = 5, LIST = 1024 };

static struct target_ops lazy;
static unsigned reaps, commits;

/* Blocks of which something is asked; an I/O is one, or as many as a trim has ranges. */
struct part {
	uint8_t		opcode;
	unsigned	ns;
	uint64_t	lba;
	uint32_t	nr;
};

/* An I/O, from being asked for to being told of. */
enum state { FREE, ASKED, ISSUED };

static struct bed {
	struct io_queue	flight;
	struct job_ns	ns[MAX_NS];
	unsigned	nr_ns, depth, max_ranges;
	enum state	state[MAX_DEPTH];
	bool		pushed[MAX_DEPTH];	/* as a command, or as a part of a trim's */
	bool		fails[MAX_DEPTH];
	unsigned	out;
	bool		bad[MAX_NS][BLOCKS];	/* uncorrectable */
	uint8_t		*data;

	/* The last LIST parts in the order of asking; which are on the target, and told to the plugin. */
	struct part	asked[LIST];
	unsigned	nr_asked, nr_pushed, nr_prepared;
} bed;

static inline const char *text(const struct part *p)
{
	static char lines[2][80];
	static unsigned next;
	char *line = lines[next++ % 2];

	snprintf(line, sizeof(lines[0]), "opcode %02xh, namespace %u, LBA %u, %u blocks", p->opcode, p->ns,
		 (unsigned)p->lba, p->nr);
	return line;
}

static inline bool equal(const struct part *a, const struct part *b)
{
	return a->opcode == b->opcode && a->ns == b->ns && a->lba == b->lba && a->nr == b->nr;
}

/* What comes next at @what must be the next that was asked for, of which @*nr have been there. */
static inline void is_next(const char *what, unsigned *nr, struct part p)
{
	const struct part *want = &bed.asked[*nr % LIST];

	if (UNIT_CHECK(*nr < bed.nr_asked, "%s: %s comes a second time", what, text(&p)))
		UNIT_CHECK(equal(want, &p), "%s: %s comes before %s", what, text(&p), text(want));
	++*nr;
}

/* --- the target --- */

static inline int lazy_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
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

static inline int counted_commit(struct target_queue *q)
{
	commits++;
	return controller_target.commit(q);
}

static inline bool any_bad(const struct part *p)
{
	for (uint32_t i = 0; i < p->nr; i++)
		if (bed.bad[p->ns][p->lba + i])
			return true;
	return false;
}

/* Whether the command of one part fails; of one that does not, what it leaves. */
static inline bool execute(const struct part *p)
{
	if (p->opcode == nvme_cmd_flush)
		return false;
	if (p->lba + p->nr > BLOCKS)
		return true;
	if (p->opcode == nvme_cmd_read)
		return any_bad(p);
	memset(&bed.bad[p->ns][p->lba], p->opcode == nvme_cmd_write_uncor, p->nr);
	return false;
}

/* Trims that share a command fail together. */
static inline bool execute_trims(const struct part *parts, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (parts[i].lba + parts[i].nr > BLOCKS)
			return true;
	for (unsigned i = 0; i < nr; i++)
		execute(&parts[i]);
	return false;
}

static inline unsigned parts_of(const struct nvme_uring_cmd *cmd, unsigned ns, struct part *parts)
{
	const struct nvme_dsm_range *r = (void *)(uintptr_t)cmd->addr;
	const unsigned nr = cmd->opcode == nvme_cmd_dsm ? cmd->cdw10 + 1 : 1;

	parts[0] = (struct part){ .opcode = cmd->opcode, .ns = ns };
	if (cmd->opcode != nvme_cmd_flush) {
		parts[0].lba = cmd->cdw10;
		parts[0].nr = (cmd->cdw12 & 0xffff) + 1;
	}
	for (unsigned i = 0; i < nr && cmd->opcode == nvme_cmd_dsm; i++)
		parts[i] = (struct part){ cmd->opcode, ns, le64toh(r[i].slba), le32toh(r[i].nlb) };
	return nr;
}

static inline void recording_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index,
				  int buf_index)
{
	const struct nvme_uring_cmd *cmd = controller_target.command(q, tag);
	struct part parts[256];
	const unsigned nr = parts_of(cmd, ns_index, parts);
	bool fails;

	UNIT_CHECK(bed.ns[ns_index].target == ns, "namespace %d is another", ns_index);
	UNIT_CHECK(nr == 1 || nr <= bed.max_ranges, "%u ranges in a command", nr);
	for (unsigned i = 0; i < nr; i++)
		is_next("target", &bed.nr_pushed, parts[i]);
	fails = cmd->opcode == nvme_cmd_dsm ? execute_trims(parts, nr) : execute(parts);
	for (const struct io_queue_slot *s = &bed.flight.slots[tag]; s; s = s->next) {
		UNIT_CHECK(!bed.pushed[s->io.tag], "tag %u is pushed twice", s->io.tag);
		bed.pushed[s->io.tag] = true;
		bed.fails[s->io.tag] = fails;
	}
	controller_target.push(q, ns, tag, ns_index, buf_index);
}

/* --- the plugin --- */

/* It is not told of a Flush. */
static inline void recording_prepare(void *ctx, const struct vfy_io *io, struct vfy_expect *e)
{
	(void)ctx, (void)e;
	while (bed.nr_prepared < bed.nr_asked && bed.asked[bed.nr_prepared % LIST].opcode == nvme_cmd_flush)
		bed.nr_prepared++;
	is_next("plugin", &bed.nr_prepared, (struct part){ io->opcode, io->ns->index, io->lba, io->nr });
}

static const struct vfy_plugin recorder = {
	.version = VFY_PLUGIN_VERSION, .size = sizeof(recorder), .name = "recorder",
	.prepare = recording_prepare,
};

/* --- asking --- */

static inline void issued(struct io_queue *f)
{
	for (unsigned i = 0; i < f->nr_pushed; i++) {
		unsigned tag = f->pushed[i];

		UNIT_CHECK(bed.state[tag] == ASKED, "tag %u is issued in state %d", tag, bed.state[tag]);
		UNIT_CHECK(bed.pushed[tag], "tag %u is issued, and was not pushed", tag);
		bed.state[tag] = ISSUED;
	}
}

static inline void ignore(void *ctx, const struct vfy_mismatch *r)
{
	(void)ctx;
	(void)r;
}

static inline void open_namespace(unsigned i)
{
	const struct job_size sizes[] = { { "bs", 4096, JOB_SIZE_TRANSFER } };
	const struct job_opts o = {
		.apptag_mask = 0xffff, .storage_check = -1, .reads = true, .writes = true, .trims = true,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } }, .sizes = sizes, .nr_sizes = 1,
		.open = { .write = true, .size = BLOCKS * 4096, .format = { 4096, 8, 0, 1, 0, 0, 0 } },
	};
	char name[40];

	snprintf(name, sizeof(name), "flight%u.img", i);
	UNIT_CHECK(!job_ns_open(&controller_target, in_folder(name), &o, &bed.ns[i], why), "%s", why);
	bed.ns[i].index = bed.ns[i].seen.index = i;
	bed.ns[i].target->ops = &lazy;
}

static inline void ignore_issued(struct io_queue *f)
{
	(void)f;
}

static inline void note(void *ctx, const struct io *io, const struct vfy_injection *d, const char *outcome)
{
	(void)ctx, (void)io, (void)d, (void)outcome;
}

static bool injects;

static inline void open_bed(unsigned nr_ns, unsigned depth, unsigned max_ranges, bool plugged)
{
	memset(&bed, 0, sizeof(bed));
	bed.nr_ns = nr_ns;
	bed.depth = depth;
	bed.max_ranges = max_ranges;
	bed.flight.issued = issued;
	bed.flight.job.record = ignore;
	bed.flight.job.plugin.plugin = plugged ? &recorder : NULL;
	bed.data = calloc(depth, 4096);
	if (injects) {
		UNIT_CHECK(!vfy_inject_parse("guard/1", &bed.flight.job.inject, why), "%s", why);
		bed.flight.job.inject_writes = true;
		bed.flight.job.injected = note;
		bed.flight.job.faults = vfy_injected_open(NULL, true, why);
		bed.flight.issued = ignore_issued;
	}
	lazy = controller_target;
	lazy.reap = lazy_reap;
	lazy.commit = counted_commit;
	lazy.push = recording_push;
	for (unsigned i = 0; i < nr_ns; i++) {
		open_namespace(i);
		if (plugged || injects)		/* as a job's session has it */
			bed.ns[i].fast_reads = bed.ns[i].fast_writes = false;
	}
	UNIT_CHECK(!io_queue_alloc(&bed.flight, bed.ns, nr_ns, depth, max_ranges), "memory");
	UNIT_CHECK(!io_queue_start(&bed.flight, (struct target_queue_opts){ 0 }, NULL, why), "%s", why);
}

/* Every write is damaged, which the target notices. */
static inline void open_damaging_bed(void)
{
	injects = true;
	open_bed(1, 4, 4, false);
	injects = false;
	lazy = controller_target;
}

static inline void reap_all(unsigned nr)
{
	int err;

	for (unsigned left = nr; left && !unit_nr_failed; left--) {
		UNIT_CHECK(io_queue_reap(&bed.flight, 1, 1, false, NULL) == 1, "nothing ends");
		io_queue_next(&bed.flight, &err);
		UNIT_CHECK(!err, "it ends with %d", err);
	}
}

static inline void close_bed(void)
{
	io_queue_close(&bed.flight);
	for (unsigned i = 0; i < bed.nr_ns; i++) {
		char name[40];

		job_ns_close(&bed.ns[i]);
		snprintf(name, sizeof(name), "flight%u.img", i);
		remove_image(name);
	}
	free(bed.data);
}

static inline unsigned free_tag(void)
{
	unsigned tag = unit_random() % bed.depth;

	while (bed.state[tag] != FREE)
		tag = (tag + 1) % bed.depth;
	return tag;
}

static inline uint64_t random_lba(void)
{
	return unit_random() % BLOCKS + (unit_random() % 16 ? 0 : BLOCKS);	/* some fail */
}

static inline void add(uint8_t opcode, unsigned ns, uint64_t lba, uint32_t nr)
{
	bed.asked[bed.nr_asked++ % LIST] = (struct part){ opcode, ns, lba, nr };
}

static inline void ask_trim(unsigned tag, unsigned ns)
{
	const unsigned most = bed.max_ranges < RANGES_AN_IO ? bed.max_ranges : RANGES_AN_IO;
	unsigned nr = unit_random() % 4 ? 1 : 1 + unit_random() % most;
	struct io_queue_range ranges[RANGES_AN_IO];

	for (unsigned i = 0; i < nr; i++) {
		ranges[i] = (struct io_queue_range){ random_lba(), 1 + unit_random() % 3 };
		add(nvme_cmd_dsm, ns, ranges[i].slba, ranges[i].nr_blocks);
	}
	io_queue_trim(&bed.flight, tag, &bed.ns[ns], ranges, nr);
}

/*
 * Is all that was asked for on the target?  Only trims that may still get company need not be:
 * the last ones, of one namespace, less than a command takes.
 */
static inline void is_pushed(void)
{
	const unsigned left = bed.nr_asked - bed.nr_pushed;

	UNIT_CHECK(left < bed.max_ranges || !left, "%u parts wait, %u fit a command", left, bed.max_ranges);
	for (unsigned i = bed.nr_pushed; i < bed.nr_asked && !unit_nr_failed; i++) {
		const struct part *p = &bed.asked[i % LIST], *last = &bed.asked[(bed.nr_asked - 1) % LIST];

		UNIT_CHECK(p->opcode == nvme_cmd_dsm && p->ns == last->ns, "%s waits, with %s asked for",
			   text(p), text(last));
	}
}

static inline uint8_t other_opcode(void)
{
	static const uint8_t opcodes[] = {
		nvme_cmd_flush, nvme_cmd_write, nvme_cmd_write, nvme_cmd_write, nvme_cmd_read,
		nvme_cmd_read, nvme_cmd_write_zeroes, nvme_cmd_write_uncor,
	};

	return opcodes[unit_random() % ARRAY_SIZE(opcodes)];
}

static inline void ask(bool trim)
{
	const unsigned tag = free_tag(), ns = unit_random() % bed.nr_ns;
	const uint8_t opcode = other_opcode();
	const uint64_t lba = random_lba();

	bed.state[tag] = ASKED;
	bed.pushed[tag] = false;
	bed.out++;
	if (trim) {
		ask_trim(tag, ns);
	} else if (opcode == nvme_cmd_flush) {
		add(opcode, ns, 0, 0);
		io_queue_flush(&bed.flight, tag, &bed.ns[ns]);
	} else {
		add(opcode, ns, lba, 1);
		io_queue_io(&bed.flight, tag, &bed.ns[ns], opcode, lba, 1, bed.data + tag * 4096);
	}
	is_pushed();
}

static inline void take(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		int err;
		unsigned tag = io_queue_next(&bed.flight, &err);

		UNIT_CHECK(tag < bed.depth && bed.state[tag] == ISSUED, "tag %u is told of in state %d", tag,
			   bed.state[tag]);
		UNIT_CHECK(bed.fails[tag] == !!err, "tag %u ends with %d", tag, err);
		bed.state[tag] = FREE;
		bed.out--;
	}
}

static inline void reap(unsigned min, unsigned max, const struct timespec *timeout)
{
	int n = io_queue_reap(&bed.flight, min, max, unit_random() % 4 == 0, timeout);

	if (UNIT_CHECK(n <= (int)max && n >= (timeout ? 0 : (int)min), "%d of %u to %u", n, min, max))
		take(n);
}

#endif
