// SPDX-License-Identifier: GPL-2.0-only
/* cases-escape.c - tuples that turn off the checks of their block, and no other; see case.h */
#include "case.h"

static void get_tuple(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t i,
		      struct qm_tuple *t)
{
	*t = qm_unpack(&l->f, qm_place(&l->f, cmd, false, i).md);
}

static void put_tuple(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t i,
		      const struct qm_tuple *t)
{
	qm_pack(&l->f, t, qm_place(&l->f, cmd, false, i).md);
}

/* Makes everything in block @i wrong, but the block escapes. */
static void make_escape(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t i)
{
	struct qm_tuple t;

	get_tuple(l, cmd, i, &t);
	t.guard ^= 1 + lab_below(l, 0xffff);
	t.storage ^= 1;
	t.app = 0xffff;
	t.ref = l->f.type == 3 ? qm_ones(qm_ref_bits(&l->f)) : t.ref ^ 1;
	put_tuple(l, cmd, i, &t);
}

/* Writes, reads, verifies and compares the blocks with all checks. */
static void try_all(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t nr)
{
	const unsigned checks = case_checks(l);
	const uint64_t lba = cmd->cdw10 | (uint64_t)cmd->cdw11 << 32;
	struct nvme_uring_cmd compare = lab_command(l, nvme_cmd_compare, lba, nr, checks);

	lab_do(l, cmd);
	lab_store(l, lba, nr);
	if (lab_has(l, nvme_cmd_compare))
		lab_do(l, &compare);
	if (lab_has(l, nvme_cmd_verify))
		case_send(l, nvme_cmd_verify, lba, nr, checks);
	case_send(l, nvme_cmd_read, lba, nr, checks);
	case_send(l, nvme_cmd_read, lba, nr, checks | LAB_PRACT);
}

static struct nvme_uring_cmd start(struct lab *l, uint32_t nr)
{
	const uint64_t lba = lab_place(l, nr);

	lab_new_tags(l, lba);
	lab_fill(l, nr, false);
	return lab_command(l, nvme_cmd_write, lba, nr, case_checks(l));
}

static void escape_one(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const struct nvme_uring_cmd cmd = start(l, nr);

	(void)c;
	make_escape(l, &cmd, i);
	try_all(l, &cmd, nr);
}

static void run_escape(struct lab *l, const struct qcase *c)
{
	case_blocks(l, c, escape_one);
}

/* A wrong block near one that escapes: before it, after it, far from it. */
static void bad_beside(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const uint32_t others[] = { i + 1, i - 1, nr - 1, 0 };

	(void)c;
	for (int n = 0; n < 4 && !l->failed; n++)
		if (others[n] < nr && others[n] != i) {
			const struct nvme_uring_cmd cmd = start(l, nr);
			const unsigned field = n & 1 ? QM_APP : QM_GUARD;

			make_escape(l, &cmd, i);
			case_flip(l, &cmd, others[n], field, case_bit(l, field));
			try_all(l, &cmd, nr);
		}
}

static void run_beside(struct lab *l, const struct qcase *c)
{
	case_blocks(l, c, bad_beside);
}

/* All blocks escape; all but one do. */
static void run_many(struct lab *l, const struct qcase *c)
{
	for (uint32_t nr = 2; nr < 18 && nr <= l->most && !l->failed; nr += 5) {
		const struct nvme_uring_cmd cmd = start(l, nr);
		const uint32_t but = c->arg ? lab_below(l, nr) : nr;

		for (uint32_t i = 0; i < nr; i++)
			if (i != but)
				make_escape(l, &cmd, i);
			else
				case_flip(l, &cmd, i, QM_GUARD, case_bit(l, QM_GUARD));
		try_all(l, &cmd, nr);
	}
}

/* Application tags (@c->field), or for type 3 reference tags, one bit short of all ones. */
static void run_near(struct lab *l, const struct qcase *c)
{
	const unsigned bits = case_bits(l, c->field);

	for (unsigned bit = 0; bit < bits && !l->failed; bit++) {
		const struct nvme_uring_cmd cmd = start(l, 2);
		struct qm_tuple t;

		make_escape(l, &cmd, bit & 1);
		get_tuple(l, &cmd, bit & 1, &t);
		if (c->field == QM_APP)
			t.app ^= 1u << bit;
		else
			t.ref ^= 1ULL << bit;
		put_tuple(l, &cmd, bit & 1, &t);
		try_all(l, &cmd, 2);
	}
}

/* All ones in other fields escape nothing by themselves. */
static void run_other_ones(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (unsigned which = 0; which < 8 && !l->failed; which++) {
		const struct nvme_uring_cmd cmd = start(l, 3);
		struct qm_tuple t;

		get_tuple(l, &cmd, 1, &t);
		t.guard = which & 1 ? ~0ULL : t.guard ^ 1;
		t.storage = which & 2 ? ~0ULL : t.storage;
		t.ref = which & 4 ? ~0ULL : t.ref;
		put_tuple(l, &cmd, 1, &t);
		try_all(l, &cmd, 3);
	}
}

/* Nor do fields of 0. */
static void run_zero(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (unsigned which = 1; which < 16 && !l->failed; which++) {
		const struct nvme_uring_cmd cmd = start(l, 3);
		struct qm_tuple t;

		get_tuple(l, &cmd, 1, &t);
		t.guard = which & 1 ? 0 : t.guard;
		t.storage = which & 2 ? 0 : t.storage;
		t.ref = which & 4 ? 0 : t.ref;
		t.app = which & 8 ? 0 : t.app;
		put_tuple(l, &cmd, 1, &t);
		try_all(l, &cmd, 3);
	}
}

/* An application tag of FFFFh that is expected, and one that is inserted. */
static void run_asked(struct lab *l, const struct qcase *c)
{
	const unsigned checks = case_checks(l);
	uint64_t lba;

	(void)c;
	lba = case_prepare(l, 3);
	l->tags.app = 0xffff;
	case_send(l, nvme_cmd_read, lba, 3, checks);
	case_send(l, nvme_cmd_read, lba, 3, QM_APP);
	lba = lab_place(l, 3);
	lab_new_tags(l, lba);
	l->tags.app = 0xffff;
	if (l->f.type == 3)
		l->tags.ref = qm_ones(qm_ref_bits(&l->f));
	lab_fill(l, 3, true);
	case_send(l, nvme_cmd_write, lba, 3, LAB_PRACT);
	l->tags.app = 0x1234;
	case_send(l, nvme_cmd_read, lba, 3, checks);
	case_send(l, nvme_cmd_read, lba, 3, checks | LAB_PRACT);
}

static const struct qcase list[] = {
	{ "escape/one",
	  "A block whose application tag is FFFFh (type 3: and its reference tag all ones) is not checked at all.",
	  "5.3.3", NEED_PI, .run = run_escape },
	{ "escape/beside", "A block that escapes turns off the checks of no other block.", "5.3.3",
	  NEED_PI, .run = run_beside },
	{ "escape/all", "A command all of whose blocks escape passes.", "5.3.3", NEED_PI,
	  .run = run_many },
	{ "escape/all-but-one", "The one block that does not escape is checked.", "5.3.3", NEED_PI,
	  run_many, .arg = 1 },
	{ "escape/near-app", "An application tag that is FFFFh but for one bit escapes nothing.",
	  "5.3.3", NEED_PI, .run = run_near, .field = QM_APP },
	{ "escape/near-ref",
	  "With type 3, a reference tag that is all ones but for one bit escapes nothing.", "5.3.3",
	  NEED_TYPE3 | NEED_REF, .run = run_near, .field = QM_REF },
	{ "escape/other-ones",
	  "Guards, storage and reference tags of all ones escape nothing by themselves.", "5.3.3",
	  NEED_PI, .run = run_other_ones },
	{ "escape/zero", "Fields of 0 are compared like any other, alone and together.", "5.3.3",
	  NEED_PI, .run = run_zero },
	{ "escape/asked", "FFFFh in LBAT escapes nothing by itself; inserted, it does.", "5.3.3",
	  NEED_PI, .run = run_asked },
};

const struct qcase_table cases_escape = QCASE_TABLE(list);
