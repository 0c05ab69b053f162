// SPDX-License-Identifier: GPL-2.0-only
/*
 * cases-cut.c - tests what a power loss leaves of a volatile write cache; see case.h
 *
 * A child writes to an image of its own and is killed, which is a loss of power for the embedded
 * controller. What it does is drawn by a seed, so the parent knows which contents each block may
 * have. jobs/qualify/power-cut.fio tests drives.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "case.h"

enum { LANES = 4, LANE_BLOCKS = 16, BLOCKS = LANES * LANE_BLOCKS, MOST = 8, STEPS = 24 };

/* What a row's commands are: enum, or'ed. */
enum { WITH_FLUSH = 1, WITH_FUA = 2, BUSY = 4 };

/* The contents that a block may have after a power loss: the numbers of writes, the newest last. */
struct history {
	uint32_t	write[STEPS + 2];
	unsigned	nr;
	uint32_t	before;		/* was overwritten durably */
};

struct cut {
	struct lab		*l;
	struct target_open	open;
	struct target_ns	*ns;
	struct target_queue	*q;		/* of the child */
	struct lab		chance;		/* for its random numbers */
	struct history		blocks[BLOCKS];
	uint32_t		writes;		/* so far */
	unsigned		kinds;		/* WITH_FLUSH, ... */
	struct lab_bufs		bufs[LANES];
};

/* One step: a Flush, or commands for some lanes at once. */
struct step {
	bool		flush;
	unsigned	nr;
	struct lane {
		uint8_t		opcode;
		bool		fua;
		uint64_t	lba;
		uint32_t	nr, write;
	} lanes[LANES];
};

/* --- what is written --- */

/* Makes the content of a block: that of write @write. */
static void make_block(const struct cut *c, uint64_t lba, uint32_t write, const struct qm_place *p)
{
	const struct qm_format *f = &c->l->f;
	struct lab random = { .rng = (uint64_t)write << 32 | lba };
	const struct qm_tags tags = {
		.ref = lba & qm_ones(qm_ref_bits(f)), .storage = write & qm_ones(f->sts), .app = 0x5a5a,
	};

	lab_random_bytes(&random, p->data, f->data_size);
	if (p->md)
		lab_random_bytes(&random, p->md, f->md_size);
	if (f->type)
		qm_protect(f, &tags, 0, p->data, p->md);
}

static struct nvme_uring_cmd command_of(struct cut *c, const struct lane *lane, struct lab_bufs *bufs)
{
	struct lab *l = c->l;
	struct lab_bufs *const own = l->bufs, *const in = l->in;
	struct nvme_uring_cmd cmd;

	l->tags = (struct qm_tags){ 0 };
	l->bufs = l->in = bufs;
	cmd = lab_command(l, lane->opcode, lane->lba, lane->nr, lane->fua ? LAB_FUA : 0);
	l->bufs = own;
	l->in = in;
	for (uint32_t i = 0; lane->opcode == nvme_cmd_write && i < lane->nr; i++) {
		const struct qm_place p = qm_place(&l->f, &cmd, false, i);

		make_block(c, lane->lba + i, lane->write, &p);
	}
	return cmd;
}

static void draw_lane(struct cut *c, struct lane *lane, unsigned number)
{
	lane->nr = 1 + lab_below(&c->chance, MOST);
	lane->lba = number * LANE_BLOCKS + lab_below(&c->chance, LANE_BLOCKS - lane->nr + 1);
	lane->fua = c->kinds & WITH_FUA && !lab_below(&c->chance, 3);
	lane->opcode = lane->fua && !lab_below(&c->chance, 4) ? nvme_cmd_read : nvme_cmd_write;
	lane->write = ++c->writes;
}

/* Draws a step: of the child, which sends it, and of the parent, which notes it. */
static void draw(struct cut *c, struct step *s)
{
	const unsigned first = lab_below(&c->chance, LANES);

	*s = (struct step){ .flush = c->kinds & WITH_FLUSH && !lab_below(&c->chance, 5) };
	s->nr = s->flush ? 0 : c->kinds & BUSY ? LANES : 1;
	for (unsigned i = 0; i < s->nr; i++)
		draw_lane(c, &s->lanes[i], (first + i) % LANES);
}

/* --- the child --- */

static bool send(struct cut *c, const struct step *s)
{
	const struct target_ops *ops = c->ns->ops;
	struct nvme_uring_cmd flush = { .opcode = nvme_cmd_flush, .nsid = c->l->f.nsid };
	struct target_cqe cqes[LANES];
	bool good = true;

	if (s->flush)
		return !ops->io(c->ns, &flush);
	for (unsigned i = 0; i < s->nr; i++) {
		*ops->command(c->q, i) = command_of(c, &s->lanes[i], &c->bufs[i]);
		ops->push(c->q, c->ns, i, 0, -1);
	}
	for (int left = s->nr, n; left; left -= n) {
		n = ops->reap(c->q, cqes, 1, left, NULL);
		if (n < 1)
			return false;
		for (int i = 0; i < n; i++)
			good &= !cqes[i].res;
	}
	return good;
}

static void write_until_killed(struct cut *c, unsigned steps)
{
	const struct target_ops *ops = c->l->ns->ops;
	const struct target_queue_opts o = { .depth = LANES, .sqpoll_cpu = -1, .ns = &c->ns, .nr_ns = 1 };
	char why[WHY_MAX];

	if (ops->open(&c->open, &c->ns, why) || ops->queue_open(&o, &c->q, why))
		_exit(2);
	for (unsigned i = 0; i < steps; i++) {
		struct step s;

		draw(c, &s);
		if (!send(c, &s))
			_exit(1);
	}
	raise(SIGKILL);
}

/* --- the parent --- */

static void keep_last(struct history *h)
{
	if (h->nr > 1)
		h->before = h->write[h->nr - 2];
	h->write[0] = h->write[h->nr - 1];
	h->nr = 1;
}

static void note_lane(struct cut *c, const struct lane *lane)
{
	for (uint32_t i = 0; i < lane->nr; i++) {
		struct history *h = &c->blocks[lane->lba + i];

		if (lane->opcode == nvme_cmd_write)
			h->write[h->nr++] = lane->write;
		if (lane->fua)
			keep_last(h);
	}
}

static void note(struct cut *c, const struct step *s)
{
	for (unsigned i = 0; s->flush && i < BLOCKS; i++)
		keep_last(&c->blocks[i]);
	for (unsigned i = 0; i < s->nr; i++)
		note_lane(c, &s->lanes[i]);
}

static bool is_write(struct cut *c, uint64_t lba, uint32_t write, const struct qm_place *is)
{
	const struct qm_format *f = &c->l->f;
	const struct qm_place want = { c->bufs[0].data, f->md_size ? c->bufs[0].md : NULL };

	make_block(c, lba, write, &want);
	return !memcmp(want.data, is->data, f->data_size) &&
	       (!is->md || !memcmp(want.md, is->md, f->md_size));
}

/* The content of a block is one of those that it may have; it has no other then. */
static void judge(struct cut *c, uint64_t lba, const struct qm_place *is)
{
	struct history *h = &c->blocks[lba];

	for (unsigned i = h->nr; i--; )
		if (is_write(c, lba, h->write[i], is)) {
			h->write[0] = h->write[i];
			h->nr = 1;
			return;
		}
	lab_fail(c->l, NULL, "each block as a write left it that no durable one replaced, whole",
		 "LBA %llu: %s", (unsigned long long)lba,
		 is_write(c, lba, h->before, is) ? "older contents: a durable write is lost" :
		 "contents that no write gave to it");
}

static void look(struct cut *c)
{
	struct lab *l = c->l;

	for (uint64_t lba = 0; lba < BLOCKS && !l->failed; lba++) {
		const struct lane one = { .opcode = nvme_cmd_read, .lba = lba, .nr = 1 };
		struct nvme_uring_cmd cmd = command_of(c, &one, &l->raw);
		const struct qm_place p = qm_place(&l->f, &cmd, false, 0);
		const int res = c->ns->ops->io(c->ns, &cmd);
		char name[QM_NAME_MAX];

		if (res)
			lab_fail(l, NULL, "each block can be read after a power loss", "LBA %llu: %s",
				 (unsigned long long)lba, qm_status_name(res, name));
		else
			judge(c, lba, &p);
	}
}

/* Opens the image, as its first user after the child; a new one is filled. Returns false if it fails. */
static bool open_image(struct cut *c)
{
	char why[WHY_MAX];
	int res = 0;

	if (c->l->ns->ops->open(&c->open, &c->ns, why)) {
		c->l->broken = true;
		return lab_fail(c->l, NULL, "an image with a volatile cache", "%s", why);
	}
	for (uint64_t lba = 0; c->ns->created && lba < BLOCKS && !res; lba++) {
		const struct lane one = { .opcode = nvme_cmd_write, .lba = lba, .nr = 1, .write = lba + 1 };
		struct nvme_uring_cmd cmd = command_of(c, &one, &c->bufs[0]);

		res = c->ns->ops->io(c->ns, &cmd);
		c->blocks[lba] = (struct history){ .write = { lba + 1 }, .nr = 1 };
	}
	return !res || lab_fail(c->l, NULL, "Successful Completion", "a Write failed");
}

/* Lets a child write, kills it, and looks at what is left. */
static void cut_once(struct cut *c, uint64_t seed)
{
	struct lab *l = c->l;
	char cache[40];
	unsigned steps;
	int status = 0;
	pid_t child;

	snprintf(cache, sizeof(cache), "volatile@%llu", (unsigned long long)seed);
	c->open.cache = cache;
	c->chance.rng = seed;
	steps = 2 + lab_below(&c->chance, STEPS - 2);
	child = fork();
	if (!child)
		write_until_killed(c, steps);
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) {
		lab_fail(l, NULL, "commands that succeed", "the writer ended before it was killed");
		return;
	}
	for (unsigned i = 0; i < steps; i++) {
		struct step s;

		draw(c, &s);
		note(c, &s);
	}
	if (open_image(c)) {
		look(c);
		c->ns->ops->close(c->ns);
	}
	l->commands += steps;
	l->all_commands += steps;
}

static int extent(const struct target_open *o, const struct pi_layout *layout, uint64_t *blocks,
		  char why[WHY_MAX])
{
	(void)o, (void)layout, (void)why;
	*blocks = BLOCKS;
	return 0;
}

static bool prepare(struct cut *c, char *path)
{
	struct lab *l = c->l;

	if (!l->fresh || l->ns->ops == &ring_target) {
		l->skip = "only a new image is cut off from power: for drives there is jobs/qualify/power-cut.fio";
		return false;
	}
	c->open = l->how;
	c->open.path = path;
	c->open.extent = extent;
	c->open.cache = "volatile";
	c->writes = BLOCKS;
	for (int i = 0; i < LANES; i++) {
		c->bufs[i] = lab_bufs(l);
		if (!c->bufs[i].data)
			l->skip = "out of memory";
	}
	return !l->skip;
}

static void run_cuts(struct lab *l, const struct qcase *c)
{
	struct cut *cut = calloc(1, sizeof(*cut));
	char path[4096], why[WHY_MAX];

	snprintf(path, sizeof(path), "%s-cut", l->path);
	if (!cut)
		l->skip = "out of memory";
	else
		*cut = (struct cut){ .l = l, .kinds = c->field };
	if (cut && prepare(cut, path) && open_image(cut)) {
		cut->ns->ops->close(cut->ns);
		for (unsigned i = 0; i < c->arg && !l->failed; i++)
			cut_once(cut, lab_random(l) >> 1);
		cut->open.cache = NULL;
		if (!l->ns->ops->open(&cut->open, &cut->ns, why)) {
			cut->ns->ops->remove(cut->ns, why);
			cut->ns->ops->close(cut->ns);
		}
	}
	for (int i = 0; cut && i < LANES; i++)
		lab_bufs_free(&cut->bufs[i]);
	free(cut);
}

static const struct qcase list[] = {
	{ "cut/flush",
	  "After a power loss all that was flushed is there, each other block is old or new, and whole.",
	  "Base, Flush; 2.1.4", 0, run_cuts, .field = WITH_FLUSH, .arg = 15 },
	{ "cut/fua", "After a power loss all that was written or read with FUA is there.",
	  "3.3.4, 3.3.6", 0, run_cuts, .field = WITH_FUA, .arg = 15 },
	{ "cut/busy", "The same with four commands in flight.", "Base, Flush; 3.3.6", 0, run_cuts,
	  .field = WITH_FLUSH | WITH_FUA | BUSY, .arg = 15 },
};

const struct qcase_table cases_cut = QCASE_TABLE(list);
