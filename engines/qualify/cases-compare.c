// SPDX-License-Identifier: GPL-2.0-only
/* cases-compare.c - tests Compare, and Verify where it differs from Read; see case.h */
#include "case.h"

static void equal(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = case_prepare(l, nr);

	(void)c;
	case_send(l, nvme_cmd_compare, lba, nr, 0);
	case_send(l, nvme_cmd_compare, lba, nr, case_checks(l));
}

static void run_equal(struct lab *l, const struct qcase *c)
{
	case_sizes(l, c, true, equal);
}

/* One bit of the host's blocks differs from the media. */
static void differ(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const uint64_t lba = case_prepare(l, nr);
	const unsigned bits = case_bits(l, c->field);
	const unsigned where[] = { 0, bits - 1, case_bit(l, c->field) };

	for (int n = 0; n < 3 && !l->failed; n++) {
		const struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_compare, lba, nr, c->arg);

		case_flip(l, &cmd, i, c->field, where[n]);
		lab_do(l, &cmd);
		case_flip(l, &cmd, i, c->field, where[n]);
	}
	case_send(l, nvme_cmd_compare, lba, nr, 0);
}

static void run_differ(struct lab *l, const struct qcase *c)
{
	if (!case_bits(l, c->field))
		l->skip = "the format has no such field";
	else
		case_blocks(l, c, differ);
}

/* The tuple is not compared. If checks are requested, the tuples of both sides are checked. */
static void tuple(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	static const unsigned fields[] = { QM_GUARD, QM_APP, QM_STORAGE, QM_REF };
	const uint64_t lba = case_prepare(l, nr);

	for (int n = 0; n < 4 && !l->failed; n++) {
		const struct nvme_uring_cmd plain = lab_command(l, nvme_cmd_compare, lba, nr, 0);
		const struct nvme_uring_cmd checked =
			lab_command(l, nvme_cmd_compare, lba, nr, fields[n] & case_checks(l));
		unsigned bit;

		if (!case_bits(l, fields[n]))
			continue;
		bit = case_bit(l, fields[n]);
		case_flip(l, &plain, i, fields[n], bit);
		if (c->arg) {		/* the damage is on media, not in the host's blocks */
			lab_store(l, lba, nr);
			case_flip(l, &plain, i, fields[n], bit);
		}
		lab_do(l, &plain);
		lab_do(l, &checked);
		if (!c->arg)
			case_flip(l, &plain, i, fields[n], bit);
		lab_store(l, lba, nr);
	}
}

static void run_tuple(struct lab *l, const struct qcase *c)
{
	case_blocks(l, c, tuple);
}

/* Data differs in one block and a tuple is wrong in another: either error may be reported. */
static void run_both(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (int n = 0; n < 10 && !l->failed; n++) {
		const uint32_t nr = 2 + lab_below(l, 6) % (l->most - 1);
		const uint64_t lba = case_prepare(l, nr);
		const struct nvme_uring_cmd cmd =
			lab_command(l, nvme_cmd_compare, lba, nr, QM_GUARD | QM_APP);

		case_flip(l, &cmd, lab_below(l, nr), QM_APP, case_bit(l, QM_APP));
		lab_do(l, &cmd);
		case_flip(l, &cmd, lab_below(l, nr), FIELD_DATA, case_bit(l, FIELD_DATA));
		lab_do(l, &cmd);
	}
}

/* Compare and Verify do not support PRACT. */
static void run_pract(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 4);

	for (unsigned checks = 0; checks < 8 && !l->failed; checks++) {
		if (l->f.type == 3 && checks & QM_REF)
			continue;
		case_send(l, c->opcode, lba, 4, checks | LAB_PRACT);
		case_send(l, c->opcode, lba, 4, checks);
	}
}

/* More blocks than a command may transfer, of which the last or none is wrong. */
static void run_verify_large(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = 2 * l->most + 3;
	struct nvme_uring_cmd cmd;
	struct qm_tags tags;
	uint64_t lba;

	(void)c;
	if (nr > l->quiet - l->first) {
		l->skip = "the range has too few blocks for a command above the transfer limit";
		return;
	}
	lba = lab_place(l, nr);
	lab_new_tags(l, lba);
	tags = l->tags;
	for (uint32_t i = 0, n; i < nr; i += n) {
		n = nr - i < l->most ? nr - i : l->most;
		l->tags.ref = qm_ref_at(&l->f, tags.ref, i);
		lab_write(l, lba + i, n);
	}
	l->tags = tags;
	case_send(l, nvme_cmd_verify, lba, nr, case_checks(l));
	if (!l->f.type)
		return;
	l->tags.ref = qm_ref_at(&l->f, tags.ref, nr - 1);
	lab_fill(l, 1, false);
	cmd = lab_command(l, nvme_cmd_write, lba + nr - 1, 1, 0);
	case_flip(l, &cmd, 0, QM_GUARD, case_bit(l, QM_GUARD));
	lab_do(l, &cmd);
	l->tags = tags;
	case_send(l, nvme_cmd_verify, lba, nr, case_checks(l));
	case_send(l, nvme_cmd_verify, lba, nr - 1, case_checks(l));
	case_send(l, nvme_cmd_verify, lba, nr, 0);
}

/* A bad block that is the last of @nr, all the others are whatever they are. */
static void verify_last(struct lab *l, uint64_t lba, uint32_t nr)
{
	const unsigned field = nr & 1 ? QM_GUARD : QM_APP;
	struct nvme_uring_cmd cmd;
	struct qm_tags tags;

	lab_new_tags(l, lba + nr - 1);
	lab_fill(l, 1, false);
	tags = l->tags;
	cmd = lab_command(l, nvme_cmd_write, lba + nr - 1, 1, 0);
	case_flip(l, &cmd, 0, field, case_bit(l, field));
	lab_do(l, &cmd);
	case_send(l, nvme_cmd_verify, lba, nr, field);
	l->tags = tags;
	lab_write(l, lba + nr - 1, 1);
}

/* On both sides of each power of two, where no other case writes much. */
static void run_verify_far(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = l->first + l->near;

	(void)c;
	if (l->last < lba + 128) {
		l->skip = "the range has too few blocks for a command above the transfer limit";
		return;
	}
	for (uint32_t two = 64; two <= 65536; two *= 2)
		for (uint32_t nr = two - 1; nr <= two + 2 && !l->failed; nr++)
			if (nr <= 65536 && nr <= l->last - lba)
				verify_last(l, lba, nr);
}

/* The largest number of blocks of a command, of which the last one is wrong. */
static void run_verify_all(struct lab *l, const struct qcase *c)
{
	const uint64_t range = l->last - l->first + 1, nr = range < 65536 ? range : 65536;
	const uint64_t lba = l->last + 1 - nr;

	(void)c;
	lab_new_tags(l, lba);
	for (uint64_t i = 0; i < nr; i++)
		if (qm_block(&l->model, lba + i)->may & QM_UNCOR &&
		    !lab_write(l, lba + i, 1))
			return;
	case_send(l, nvme_cmd_verify, lba, nr, 0);
	case_send(l, nvme_cmd_write_uncor, l->last, 1, 0);
	case_send(l, nvme_cmd_verify, lba, nr, 0);
	case_send(l, nvme_cmd_verify, lba, nr - 1, 0);
	lab_new_tags(l, l->last);
	lab_write(l, l->last, 1);
}

static const struct qcase list[] = {
	{ "compare/equal",
	  "Compare of what blocks hold succeeds, in commands of every size, with and without checks.",
	  "3.3.1, 5.3.2.4", NEED_COMPARE, .run = run_equal },
	{ "compare/data", "Compare finds one bit of data that differs, in any block.", "3.3.1",
	  NEED_COMPARE, run_differ, .field = FIELD_DATA },
	{ "compare/data-checked",
	  "Compare finds one bit of data that differs where it also checks.", "3.3.1, 5.3.2.4",
	  NEED_COMPARE | NEED_PI, run_differ, .field = FIELD_DATA, .arg = QM_APP },
	{ "compare/metadata",
	  "Compare finds one bit of metadata beyond the tuple that differs, in any block.", "3.3.1",
	  NEED_COMPARE | NEED_MD, run_differ, .field = FIELD_MD },
	{ "compare/host-tuple",
	  "Compare checks, and does not compare, the tuples that the host sends.", "3.3.1, 5.3.2.4",
	  NEED_COMPARE | NEED_PI, .run = run_tuple },
	{ "compare/media-tuple",
	  "Compare checks, and does not compare, the tuples that are on media.", "3.3.1, 5.3.2.4",
	  NEED_COMPARE | NEED_PI, run_tuple, .arg = 1 },
	{ "compare/both", "Compare reports a difference or a wrong tuple where both are there.",
	  "3.3.1, 5.3.2.4", NEED_COMPARE | NEED_PI, .run = run_both },
	{ "compare/pract", "Compare with PRACT set is refused.", "3.3.1, figure 26",
	  NEED_COMPARE | NEED_PI, run_pract, nvme_cmd_compare, 0, 0 },
	{ "verify/pract", "Verify with PRACT set is refused with Invalid Field in Command.",
	  "3.3.5, figure 61", NEED_VERIFY | NEED_PI, run_pract, nvme_cmd_verify, 0, 0 },
	{ "verify/large",
	  "Verify takes more blocks than commands that move data, and checks all of them.", "3.3.5",
	  NEED_VERIFY, .run = run_verify_large },
	{ "verify/far", "Verify checks blocks on both sides of each power of two.", "3.3.5, 5.3.3",
	  NEED_VERIFY | NEED_PI, .run = run_verify_far },
	{ "verify/all",
	  "Verify takes as many blocks as the command can name, and looks at all of them.",
	  "3.3.5, figure 61", NEED_VERIFY | NEED_UNCOR, .run = run_verify_all },
};

const struct qcase_table cases_compare = QCASE_TABLE(list);
