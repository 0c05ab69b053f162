// SPDX-License-Identifier: GPL-2.0-only
/* cases-race.c - tests threads whose commands access the same blocks; see case.h */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "case.h"

/* A thread that sends @cmds in turn, @times commands in total. */
struct racer {
	struct lab		*l;
	pthread_t		thread;
	bool			started;
	struct nvme_uring_cmd	cmds[2];
	unsigned		times;
	/* called after each command; NULL: nothing */
	void			(*look)(struct racer *r);
	struct race		*race;
	int			res;		/* the first result that was not 0 */
	int			wrong;		/* block with neither content; -1: none, -2: torn */
};

/* Two contents of the same blocks. */
struct race {
	uint32_t		nr;
	uint64_t		lba;
	struct lab_bufs		a, b, in;
	bool			whole;		/* a Read may return only one of them */
};

static int send(struct racer *r, struct target_queue *q, unsigned i)
{
	const struct target_ops *ops = r->l->ns->ops;
	struct target_cqe cqe = { 0 };
	int n;

	*ops->command(q, 0) = r->cmds[i & 1];
	ops->push(q, r->l->ns, 0, 0, -1);
	n = ops->reap(q, &cqe, 1, 1, NULL);
	return n == 1 ? cqe.res : n < 0 ? n : -5;
}

static void *run(void *arg)
{
	struct racer *r = arg;
	const struct target_queue_opts o = {
		.depth = 1, .sqpoll_cpu = -1, .ns = &r->l->ns, .nr_ns = 1,
	};
	struct target_queue *q;
	char why[WHY_MAX];

	if (r->l->ns->ops->queue_open(&o, &q, why)) {
		r->res = -5;
		return NULL;
	}
	for (unsigned i = 0; i < r->times && !r->res && r->wrong == -1; i++) {
		r->res = send(r, q, i);
		if (r->look && !r->res)
			r->look(r);
	}
	r->l->ns->ops->queue_close(q);
	return NULL;
}

static bool same(const struct lab *l, const struct lab_bufs *x, const struct lab_bufs *y,
		 uint32_t i)
{
	const struct qm_wire w = qm_wire(&l->f, false);

	return !memcmp(x->data + (size_t)i * w.data, y->data + (size_t)i * w.data, w.data) &&
	       !memcmp(x->md + (size_t)i * w.md, y->md + (size_t)i * w.md, w.md);
}

/* Each block has one of both contents; if writes are atomic, all blocks have the same. */
static void look(struct racer *r)
{
	const struct race *race = r->race;
	uint32_t as = 0, bs = 0;

	for (uint32_t i = 0; i < race->nr; i++) {
		const bool a = same(r->l, &race->in, &race->a, i);

		if (!a && !same(r->l, &race->in, &race->b, i)) {
			r->wrong = i;
			return;
		}
		as += a;
		bs += !a;
	}
	if (race->whole && as && bs)
		r->wrong = -2;
}

/* Base, and 2.1.4: returns AWUN, or NAWUN if the namespace has its own; these are 0's based. */
static uint32_t atomic_blocks(const struct lab *l)
{
	const struct nvme_id_ns *ns = &l->id.ns;
	uint32_t blocks = le16toh(l->id.ctrl.awun) + 1;

	if (ns->nsfeat & NVME_NS_FEAT_NATOMIC && ns->nawun)
		blocks = le16toh(ns->nawun) + 1;
	return ns->nabsn ? 1 : blocks;
}

static bool open_race(struct lab *l, struct race *race, uint32_t nr)
{
	struct lab_bufs *const bufs = l->bufs;

	*race = (struct race){ .nr = nr, .lba = lab_place(l, nr), .whole = nr <= atomic_blocks(l) };
	race->a = lab_bufs(l);
	race->b = lab_bufs(l);
	race->in = lab_bufs(l);
	if (!race->a.data || !race->b.data || !race->in.data) {
		l->skip = "out of memory";
		return false;
	}
	lab_new_tags(l, race->lba);
	l->bufs = &race->a;
	lab_write(l, race->lba, nr);
	l->bufs = &race->b;
	lab_fill(l, nr, false);
	l->bufs = bufs;
	return !l->failed;
}

static struct nvme_uring_cmd command(struct lab *l, struct race *race, struct lab_bufs *b,
				     uint8_t opcode)
{
	struct lab_bufs *const bufs = l->bufs, *const in = l->in;
	struct nvme_uring_cmd cmd;

	l->bufs = l->in = b;
	cmd = lab_command(l, opcode, race->lba, race->nr, case_checks(l));
	l->bufs = bufs;
	l->in = in;
	return cmd;
}

static void start(struct racer *racers, int nr)
{
	for (int i = 0; i < nr; i++)
		racers[i].started = !pthread_create(&racers[i].thread, NULL, run, &racers[i]);
	for (int i = 0; i < nr; i++)
		if (racers[i].started)
			pthread_join(racers[i].thread, NULL);
}

/* Checks the result of one thread. */
static void judge(struct lab *l, const struct racer *r)
{
	char name[QM_NAME_MAX];

	l->commands += r->times;
	l->all_commands += r->times;
	if (r->res)
		lab_fail(l, &r->cmds[0], "Successful Completion", "%s",
			 qm_status_name(r->res, name));
	else if (r->wrong == -2)
		lab_fail(l, &r->cmds[0], "all blocks of one write, as AWUN says",
			 "some of one, some of another");
	else if (r->wrong >= 0)
		lab_fail(l, &r->cmds[0], "each block as one of both writes left it",
			 "block %d is neither", r->wrong);
}

/* The blocks have the content of one of both writers; stores in the model which. */
static void settle(struct lab *l, struct race *race)
{
	const struct nvme_uring_cmd cmd = command(l, race, &race->in, nvme_cmd_read);
	struct racer r = { .l = l, .race = race, .wrong = -1, .cmds = { cmd } };

	for (uint32_t i = 0; i < race->nr; i++)
		qm_block(&l->model, race->lba + i)->may = QM_ANY;
	if (l->failed || !lab_do(l, &cmd))
		return;
	race->whole = false;
	look(&r);
	judge(l, &r);
}

static void close_race(struct race *race)
{
	lab_bufs_free(&race->a);
	lab_bufs_free(&race->b);
	lab_bufs_free(&race->in);
}

static void run_race(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = c->field < l->most ? c->field : l->most;
	struct race race;
	struct racer racers[2];

	if (open_race(l, &race, nr)) {
		const struct nvme_uring_cmd a = command(l, &race, &race.a, nvme_cmd_write);
		const struct nvme_uring_cmd b = command(l, &race, &race.b, nvme_cmd_write);
		const struct nvme_uring_cmd read = command(l, &race, &race.in, nvme_cmd_read);

		racers[0] = (struct racer){
			.l = l, .race = &race, .wrong = -1, .times = c->arg, .cmds = { a, b }
		};
		racers[1] = (struct racer){
			.l = l, .race = &race, .wrong = -1, .times = c->arg, .cmds = { b, b }
		};
		if (c->opcode == nvme_cmd_read) {
			racers[1].cmds[0] = racers[1].cmds[1] = read;
			racers[1].look = look;
		}
		start(racers, 2);
		judge(l, &racers[0]);
		judge(l, &racers[1]);
		settle(l, &race);
	}
	close_race(&race);
}

enum { DEPTH = 8 };

/* Writes of both contents in turn, all in flight at once; the first result that is not 0. */
static int send_all(struct lab *l, struct target_queue *q, const struct nvme_uring_cmd cmds[2])
{
	const struct target_ops *ops = l->ns->ops;
	struct target_cqe cqes[DEPTH];
	int res = 0;

	for (unsigned tag = 0; tag < DEPTH; tag++) {
		*ops->command(q, tag) = cmds[tag & 1];
		ops->push(q, l->ns, tag, 0, -1);
	}
	for (int left = DEPTH, n; left; left -= n) {
		n = ops->reap(q, cqes, 1, left, NULL);
		if (n < 1)
			return n ? n : -EIO;
		for (int i = 0; i < n && !res; i++)
			res = cqes[i].res;
	}
	return res;
}

/* Two contents written through one queue. */
static void run_queue(struct lab *l, const struct qcase *c)
{
	const struct target_queue_opts o = {
		.depth = DEPTH, .sqpoll_cpu = -1, .ns = &l->ns, .nr_ns = 1,
	};
	struct target_queue *q = NULL;
	char why[WHY_MAX];
	struct race race;

	if (open_race(l, &race, c->field) && l->ns->ops->queue_open(&o, &q, why))
		l->skip = "no queue of 8 commands can be opened";
	for (unsigned i = 0; q && i < c->arg && !l->failed; i++) {
		struct racer r = {
			.l = l, .race = &race, .wrong = -1, .times = DEPTH,
			.cmds = { command(l, &race, &race.a, nvme_cmd_write),
				  command(l, &race, &race.b, nvme_cmd_write) },
		};

		r.res = send_all(l, q, r.cmds);
		judge(l, &r);
		settle(l, &race);
	}
	if (q)
		l->ns->ops->queue_close(q);
	close_race(&race);
}

static const struct qcase list[] = {
	{ "race/writers-1", "Two writers of one block leave the block of one of them.", "2.1.4", 0,
	  run_race, nvme_cmd_write, 1, 300 },
	{ "race/writers-8",
	  "Two writers of the same blocks leave each block of one of them, whole.", "2.1.4", 0,
	  run_race, nvme_cmd_write, 8, 200 },
	{ "race/queue-1", "Writes of one block in one queue leave the block of one of them.", "2.1.4",
	  0, run_queue, nvme_cmd_write, 1, 20 },
	{ "race/queue-4",
	  "Writes of the same blocks in one queue leave each block of one of them, whole.", "2.1.4",
	  0, run_queue, nvme_cmd_write, 4, 20 },
	{ "race/read-1",
	  "A Read beside Writes of the block sees one of both contents, with a tuple that fits.",
	  "2.1.4, 5.3", 0, run_race, nvme_cmd_read, 1, 300 },
	{ "race/read-8",
	  "A Read beside Writes of the same blocks sees one of both in each block, and in all where AWUN says so.",
	  "2.1.4, 5.3", 0, run_race, nvme_cmd_read, 8, 200 },
	{ "race/read-33", "The same of larger commands.", "2.1.4, 5.3", 0, run_race, nvme_cmd_read,
	  33, 60 },
};

const struct qcase_table cases_race = QCASE_TABLE(list);
