// SPDX-License-Identifier: GPL-2.0-only
/* cases-load.c - random commands, one at a time and many at once; see case.h */
#include <stdlib.h>
#include <string.h>
#include "case.h"

enum { SLOT_BLOCKS = 24 };

/* Blocks that only one sequence of commands uses. */
struct window {
	uint64_t	lba;
	uint32_t	nr;
};

/* --- a random command --- */

static uint32_t some_blocks(struct lab *l, uint32_t limit)
{
	const uint32_t most = limit < l->most ? limit : l->most;

	return 1 + lab_below(l, lab_below(l, 4) ? (most < 6 ? most : 6) : most);
}

/* Returns random checks, mostly with a meaning in the format. */
static unsigned some_checks(struct lab *l)
{
	const unsigned checks = lab_below(l, 16);

	return lab_below(l, 16) ? checks & case_checks(l) : checks;
}

/* Sets the tags of the blocks at @lba, if they are known; sometimes others. */
static void tags_of(struct lab *l, uint64_t lba)
{
	const struct qm_block *b = qm_block(&l->model, lba);
	struct qm_tuple t;

	lab_new_tags(l, lba);
	if (!l->f.type || !b || b->may != QM_BYTES || !lab_below(l, 12))
		return;
	t = qm_unpack(&l->f, b->bytes + l->f.data_size);
	l->tags.app = t.app;
	l->tags.storage = t.storage;
	if (l->f.type != 1 || !lab_below(l, 12))
		l->tags.ref = t.ref;
	if (!lab_below(l, 4))
		l->tags.app_mask = lab_random(l);
}

static void damage(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t nr)
{
	static const unsigned fields[] = { QM_GUARD, QM_APP,	 QM_STORAGE,
					   QM_REF,   FIELD_DATA, FIELD_MD };
	const unsigned field = fields[lab_below(l, 6)];
	const uint32_t i = lab_below(l, nr);
	const struct qm_place p = qm_place(&l->f, cmd, qm_range(&l->f, cmd).pract, i);

	if (!case_bits(l, field) || (field != FIELD_DATA && !p.md))
		return;
	if (field == QM_APP && l->f.type && !lab_below(l, 3)) {
		struct qm_tuple t = qm_unpack(&l->f, p.md);

		t.app = 0xffff;
		t.ref = lab_below(l, 2) ? ~0ULL : t.ref;
		qm_pack(&l->f, &t, p.md);
	} else {
		case_flip(l, cmd, i, field, case_bit(l, field));
	}
}

static struct nvme_uring_cmd some_write(struct lab *l, const struct window *w)
{
	const uint32_t nr = some_blocks(l, w->nr);
	const uint64_t lba = w->lba + lab_below(l, w->nr - nr + 1);
	const unsigned pract = lab_below(l, 4) ? 0 : LAB_PRACT;
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, lba);
	lab_fill(l, nr, pract);
	cmd = lab_command(l, nvme_cmd_write, lba, nr, some_checks(l) | pract);
	if (!lab_below(l, 3))
		damage(l, &cmd, nr);
	return cmd;
}

static struct nvme_uring_cmd some_read(struct lab *l, const struct window *w, uint8_t opcode)
{
	const uint32_t nr = some_blocks(l, w->nr);
	const uint64_t lba = w->lba + lab_below(l, w->nr - nr + 1);
	const unsigned pract = opcode == nvme_cmd_read && !lab_below(l, 3) ? LAB_PRACT : 0;

	tags_of(l, lba);
	return lab_command(l, opcode, lba, nr, some_checks(l) | pract);
}

/*
 * Returns a Compare with the content of the blocks, as far as it is known; sometimes with a
 * difference.
 */
static struct nvme_uring_cmd some_compare(struct lab *l, const struct window *w)
{
	const struct nvme_uring_cmd cmd = some_read(l, w, nvme_cmd_compare);
	const struct qm_range r = qm_range(&l->f, &cmd);

	lab_random_bytes(l, l->bufs->data, cmd.data_len);
	lab_random_bytes(l, l->bufs->md, cmd.metadata_len);
	for (uint32_t i = 0; i < r.nr; i++) {
		const struct qm_block *b = qm_block(&l->model, r.lba + i);
		const struct qm_place p = qm_place(&l->f, &cmd, false, i);

		if (!b || !(b->may & QM_BYTES))
			continue;
		memcpy(p.data, b->bytes, l->f.data_size);
		if (p.md)
			memcpy(p.md, b->bytes + l->f.data_size, l->f.md_size);
	}
	if (!lab_below(l, 4))
		damage(l, &cmd, r.nr);
	return cmd;
}

static struct nvme_uring_cmd some_dsm(struct lab *l, const struct window *w)
{
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_dsm,
				      .nsid = l->f.nsid,
				      .cdw11 = NVME_DSMGMT_AD };
	struct nvme_dsm_range range = { .nlb = 1 + lab_below(l, 4) };

	range.slba = w->lba + lab_below(l, w->nr - range.nlb + 1);
	memcpy(l->bufs->data, &range, sizeof(range));
	cmd.addr = (uintptr_t)l->bufs->data;
	cmd.data_len = sizeof(range);
	return cmd;
}

static struct nvme_uring_cmd some_command(struct lab *l, const struct window *w)
{
	static const struct {
		uint8_t		opcode;
		unsigned	percent;
	} mix[] = {
		{ nvme_cmd_write, 40 },	     { nvme_cmd_read, 30 },	   { nvme_cmd_compare, 8 },
		{ nvme_cmd_verify, 8 },	     { nvme_cmd_write_zeroes, 6 }, { nvme_cmd_dsm, 4 },
		{ nvme_cmd_write_uncor, 4 },
	};
	unsigned draw = lab_below(l, 100), i = 0;

	while (draw >= mix[i].percent)
		draw -= mix[i++].percent;
	if (!lab_has(l, mix[i].opcode))
		i = 1;
	switch (mix[i].opcode) {
	case nvme_cmd_write:
		return some_write(l, w);
	case nvme_cmd_compare:
		return some_compare(l, w);
	case nvme_cmd_dsm:
		return some_dsm(l, w);
	case nvme_cmd_write_zeroes:
		lab_new_tags(l, w->lba);
		return lab_command(l, nvme_cmd_write_zeroes, w->lba + lab_below(l, w->nr - 3),
				   1 + lab_below(l, 3), lab_below(l, 2) ? LAB_PRACT : LAB_DEAC);
	case nvme_cmd_write_uncor:
		return lab_command(l, nvme_cmd_write_uncor, w->lba + lab_below(l, w->nr - 1), 1, 0);
	default:
		return some_read(l, w, mix[i].opcode);
	}
}

/* Returns a random command that changes nothing. */
static struct nvme_uring_cmd some_look(struct lab *l, const struct window *w)
{
	static const uint8_t opcodes[] = { nvme_cmd_read, nvme_cmd_read, nvme_cmd_verify, nvme_cmd_compare };
	const uint8_t opcode = opcodes[lab_below(l, 4)];

	if (!lab_has(l, opcode))
		return some_read(l, w, nvme_cmd_read);
	return opcode == nvme_cmd_compare ? some_compare(l, w) : some_read(l, w, opcode);
}

/* --- one at a time --- */

static void run_mix(struct lab *l, const struct qcase *c)
{
	for (unsigned n = 0; n < c->arg && !l->failed; n++) {
		const struct window w = { n % 50 ? l->quiet - SLOT_BLOCKS - 1
						 : lab_place(l, SLOT_BLOCKS),
					  SLOT_BLOCKS };
		const struct nvme_uring_cmd cmd = some_command(l, &w);

		lab_do(l, &cmd);
	}
}

/* --- many at once --- */

struct slot {
	struct lab_bufs		bufs, in;
	struct window		w;
	struct nvme_uring_cmd	cmd;
	struct qm_expect	e;
};

static void put_command(struct lab *l, struct target_queue *q, struct slot *s, unsigned tag,
			bool reads)
{
	const struct target_ops *ops = l->ns->ops;

	l->bufs = &s->bufs;
	l->in = &s->in;
	s->cmd = reads ? some_look(l, &s->w) : some_command(l, &s->w);
	s->e = qm_expect(&l->model, &s->cmd);
	lab_poison(l, &s->cmd);
	*ops->command(q, tag) = s->cmd;
	ops->push(q, l->ns, tag, 0, -1);
	l->bufs = &l->own;
	l->in = &l->input;
}

/* Sends the commands of all slots at the same time; each slot has its own blocks. */
static void run_round(struct lab *l, struct target_queue *q, struct slot *slots, unsigned depth,
		      bool reads)
{
	struct target_cqe cqes[64];

	for (unsigned i = 0; i < depth; i++)
		put_command(l, q, &slots[i], i, reads);
	for (unsigned done = 0; done < depth; ) {
		const int n = l->ns->ops->reap(q, cqes, 1, 64, NULL);

		if (n <= 0) {
			l->broken = true;
			lab_fail(l, NULL, "completions", "reaping fails: %d", n);
			return;
		}
		for (int i = 0; i < n; i++, done++) {
			struct slot *s = &slots[cqes[i].tag];

			l->cause = NULL;
			lab_judge(l, &s->cmd, &s->e, cqes[i].res);
		}
	}
}

/* Fills blocks that all readers share with contents of all kinds. */
static void fill_window(struct lab *l, const struct window *w)
{
	lab_new_tags(l, w->lba);
	lab_write(l, w->lba, w->nr);
	for (int n = 0; n < 60 && !l->failed; n++) {
		const struct nvme_uring_cmd cmd = some_command(l, w);

		lab_do(l, &cmd);
	}
}

static void run_slots(struct lab *l, struct target_queue *q, struct slot *slots,
		      const struct qcase *c)
{
	const unsigned depth = c->field;
	const bool reads = c->opcode == nvme_cmd_read;

	if (reads)
		fill_window(l, &slots[0].w);
	for (unsigned n = 0; n < c->arg && !l->failed; n++) {
		run_round(l, q, slots, depth, reads);
		for (unsigned i = 0; n % 8 == 7 && i < depth && !l->failed; i++)
			lab_look(l, slots[i].w.lba, slots[i].w.nr);
	}
}

static bool make_slots(struct lab *l, struct slot *slots, unsigned depth, bool same)
{
	const uint32_t cap = l->cap;
	const uint64_t base = lab_place(l, depth * SLOT_BLOCKS);
	bool good = true;

	l->cap = SLOT_BLOCKS;
	for (unsigned i = 0; i < depth; i++) {
		slots[i].w = (struct window){ base + (same ? 0 : i) * SLOT_BLOCKS, SLOT_BLOCKS };
		slots[i].bufs = lab_bufs(l);
		slots[i].in = lab_bufs(l);
		good &= slots[i].bufs.data && slots[i].in.data;
	}
	l->cap = cap;
	return good;
}

static void run_depth(struct lab *l, const struct qcase *c)
{
	const struct target_queue_opts o = {
		.depth = c->field, .sqpoll_cpu = -1, .ns = &l->ns, .nr_ns = 1,
	};
	struct slot *slots = calloc(c->field, sizeof(*slots));
	struct target_queue *q = NULL;
	char why[WHY_MAX];

	if (l->near / 2 < c->field * SLOT_BLOCKS + 64)
		l->skip = "the range is too small for so many commands at once";
	else if (!slots || !make_slots(l, slots, c->field, c->opcode == nvme_cmd_read))
		l->skip = "out of memory";
	else if (l->ns->ops->queue_open(&o, &q, why))
		lab_fail(l, NULL, "a queue", "%s", why);
	else
		run_slots(l, q, slots, c);
	if (q)
		l->ns->ops->queue_close(q);
	for (unsigned i = 0; slots && i < c->field; i++) {
		lab_bufs_free(&slots[i].bufs);
		lab_bufs_free(&slots[i].in);
	}
	free(slots);
}

static const struct qcase list[] = {
	{ "load/mix",
	  "Commands drawn by chance, one at a time, do what each of them is specified to do.",
	  "3.3, 5.3", 0, run_mix, .arg = 2500 },
	{ "load/depth-2", "Two commands at once do what each does alone.", "3.3, 5.3", 0, run_depth,
	  .field = 2, .arg = 80 },
	{ "load/depth-16", "Sixteen commands at once do what each does alone.", "3.3, 5.3", 0,
	  run_depth, .field = 16, .arg = 40 },
	{ "load/depth-32", "Thirty-two commands at once do what each does alone.", "3.3, 5.3", 0,
	  run_depth, .field = 32, .arg = 24 },
	{ "load/readers", "Reads, Verifies and Compares of the same blocks at once do what each does alone.",
	  "3.3, 5.3", 0, run_depth, nvme_cmd_read, 32, 24 },
};

const struct qcase_table cases_load = QCASE_TABLE(list);
