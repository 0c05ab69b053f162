// SPDX-License-Identifier: GPL-2.0-only
/* cases-load.c - random commands, one at a time and many at once; see case.h */
#include <string.h>
#include "case.h"
#include "slots.h"

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

static struct nvme_uring_cmd change(struct lab *l, const struct slot *slot, const void *arg)
{
	(void)arg;
	return some_command(l, &slot->w);
}

static struct nvme_uring_cmd watch(struct lab *l, const struct slot *slot, const void *arg)
{
	(void)arg;
	return some_look(l, &slot->w);
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

static void run_depth(struct lab *l, const struct qcase *c)
{
	const bool reads = c->opcode == nvme_cmd_read;
	struct slots s;

	if (!slots_open(l, &s, c->field, reads))
		return;
	if (reads)
		fill_window(l, &s.slot[0].w);
	for (unsigned n = 0; n < c->arg && !l->failed; n++) {
		slots_round(l, &s, reads ? watch : change, NULL);
		for (unsigned i = 0; n % 8 == 7 && i < s.depth && !l->failed; i++)
			lab_look(l, s.slot[i].w.lba, s.slot[i].w.nr);
	}
	slots_close(l, &s);
}

/* --- each check, many at once --- */

enum { DAMAGED_BLOCKS = 4 };

/* A command, and the field that it checks. */
struct damage {
	uint8_t		opcode;
	unsigned	field;
};

/* Fills the buffers of a slot with blocks of which one is damaged; all but Write need them on media. */
static void prepare_damaged(struct lab *l, struct slot *slot, const struct damage *d)
{
	struct nvme_uring_cmd cmd;

	l->bufs = &slot->bufs;
	lab_new_tags(l, slot->w.lba);
	slot->tags = l->tags;
	lab_fill(l, DAMAGED_BLOCKS, false);
	cmd = lab_command(l, nvme_cmd_write, slot->w.lba, DAMAGED_BLOCKS, 0);
	case_flip(l, &cmd, lab_below(l, DAMAGED_BLOCKS), d->field, case_bit(l, d->field));
	if (d->opcode != nvme_cmd_write)
		lab_do(l, &cmd);
	l->bufs = &l->own;
}

static struct nvme_uring_cmd check_damaged(struct lab *l, const struct slot *slot, const void *arg)
{
	const struct damage *d = arg;

	l->tags = slot->tags;
	return lab_command(l, d->opcode, slot->w.lba, DAMAGED_BLOCKS, d->field);
}

/* Each check of each command that has checks finds its error, whatever else is in flight. */
static void run_checks(struct lab *l, const struct qcase *c)
{
	static const uint8_t opcodes[] = { nvme_cmd_write, nvme_cmd_read, nvme_cmd_verify, nvme_cmd_compare };
	struct slots s;

	if (!slots_open(l, &s, c->field, false))
		return;
	for (int n = 0; n < 16 && !l->failed; n++) {
		const struct damage d = { opcodes[n / 4], 1u << n % 4 };

		if (!(case_checks(l) & d.field) || !lab_has(l, d.opcode))
			continue;
		for (unsigned i = 0; i < s.depth; i++)
			prepare_damaged(l, &s.slot[i], &d);
		if (!l->failed)
			slots_round(l, &s, check_damaged, &d);
	}
	slots_close(l, &s);
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
	{ "load/checks-2", "With two commands at once each check finds its error in both.", "5.3.3",
	  NEED_PI, run_checks, .field = 2 },
	{ "load/checks-32", "With thirty-two commands at once each check finds its error in all.", "5.3.3",
	  NEED_PI, run_checks, .field = 32 },
};

const struct qcase_table cases_load = QCASE_TABLE(list);
