// SPDX-License-Identifier: GPL-2.0-only
/* cases-uncor.c - tests Write Uncorrectable, and what makes blocks readable again; see case.h */
#include <string.h>
#include "case.h"

/* Sends every command that reads, with and without checks. */
static void read_all(struct lab *l, uint64_t lba, uint32_t nr)
{
	static const uint8_t opcodes[] = { nvme_cmd_read, nvme_cmd_verify, nvme_cmd_compare };

	for (size_t i = 0; i < sizeof(opcodes) && !l->failed; i++)
		if (lab_has(l, opcodes[i])) {
			case_send(l, opcodes[i], lba, nr, 0);
			case_send(l, opcodes[i], lba, nr, case_checks(l));
			if (opcodes[i] == nvme_cmd_read)
				case_send(l, opcodes[i], lba, nr, case_checks(l) | LAB_PRACT);
		}
}

static void one_block(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const uint64_t lba = case_prepare(l, nr);

	(void)c;
	case_send(l, nvme_cmd_write_uncor, lba + i, 1, 0);
	read_all(l, lba, nr);
	if (i)
		case_send(l, nvme_cmd_read, lba, i, case_checks(l));
	lab_write(l, lba, nr);
	read_all(l, lba, nr);
}

static void run_one(struct lab *l, const struct qcase *c)
{
	case_blocks(l, c, one_block);
}

static void mark(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = case_prepare(l, nr);

	(void)c;
	case_send(l, nvme_cmd_write_uncor, lba, nr, 0);
	read_all(l, lba, nr);
	/* Half of the blocks become readable again. */
	lab_write(l, lba, (nr + 1) / 2);
	read_all(l, lba, nr);
	lab_write(l, lba, nr);
	read_all(l, lba, nr);
}

static void run_sizes(struct lab *l, const struct qcase *c)
{
	case_sizes(l, c, false, mark);
}

/*
 * Each kind of write makes blocks readable again: Write with and without PRACT and checks, and
 * Write Zeroes.
 */
static void run_heal(struct lab *l, const struct qcase *c)
{
	static const struct {
		uint8_t opcode;
		unsigned prinfo;
	} ways[] = {
		{ nvme_cmd_write, 0 },
		{ nvme_cmd_write, LAB_PRACT },
		{ nvme_cmd_write, QM_GUARD | QM_APP },
		{ nvme_cmd_write_zeroes, 0 },
		{ nvme_cmd_write_zeroes, LAB_PRACT },
		{ nvme_cmd_write_zeroes, LAB_DEAC },
	};

	(void)c;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && !l->failed; i++) {
		const uint64_t lba = case_prepare(l, 3);

		if (!lab_has(l, ways[i].opcode))
			continue;
		case_send(l, nvme_cmd_write_uncor, lba, 3, 0);
		lab_fill(l, 3, ways[i].prinfo & LAB_PRACT);
		case_send(l, ways[i].opcode, lba, 3, ways[i].prinfo);
		case_send(l, nvme_cmd_read, lba, 3, QM_GUARD);
		case_send(l, nvme_cmd_read, lba, 3, 0);
		lab_write(l, lba, 3);
	}
}

/* After a Write that fails its checks the blocks are still uncorrectable. */
static void run_no_heal(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 3);
	struct nvme_uring_cmd cmd;

	(void)c;
	case_send(l, nvme_cmd_write_uncor, lba + 1, 1, 0);
	lab_fill(l, 3, false);
	cmd = lab_command(l, nvme_cmd_write, lba, 3, QM_GUARD);
	case_flip(l, &cmd, 2, QM_GUARD, case_bit(l, QM_GUARD));
	lab_do(l, &cmd);
	read_all(l, lba, 3);
	lab_write(l, lba, 3);
}

/* Write Uncorrectable has no PRINFO and no tags. */
static void run_stray(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (unsigned bit = 24; bit < 32 && !l->failed; bit++) {
		const uint64_t lba = case_prepare(l, 3);
		struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_write_uncor, lba + 1, 1, 0);

		cmd.cdw12 |= 1u << bit;
		qm_put_tags(&l->f, &l->tags, &cmd);
		lab_do(l, &cmd);
		lab_look(l, lba, 3);
		lab_write(l, lba, 3);
	}
}

/* Other blocks are still checked after a command met an uncorrectable one. */
static void run_after(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (int n = 0; n < 4 && !l->failed; n++) {
		const uint64_t lba = case_prepare(l, 6);
		struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_write, lba, 6, 0);

		case_flip(l, &cmd, 4, QM_GUARD, case_bit(l, QM_GUARD));
		lab_do(l, &cmd);
		case_send(l, nvme_cmd_write_uncor, lba + 1, 1, 0);
		case_send(l, nvme_cmd_read, lba, 3, case_checks(l));
		case_send(l, nvme_cmd_read, lba + 4, 1, QM_GUARD);
		case_send(l, nvme_cmd_write, lba, 6, QM_GUARD);
		case_send(l, nvme_cmd_read, lba, 6, case_checks(l));
		lab_write(l, lba, 6);
	}
}

static const struct qcase list[] = {
	{ "uncor/one",
	  "A block that was made uncorrectable ends every command that reads it, and no other, with Unrecovered Read Error.",
	  "3.3.7", NEED_UNCOR, .run = run_one },
	{ "uncor/sizes",
	  "Write Uncorrectable takes commands of every size, and writing some of the blocks makes those readable.",
	  "3.3.7", NEED_UNCOR, .run = run_sizes },
	{ "uncor/heal", "Every kind of write makes uncorrectable blocks readable.", "3.3.7, 3.3.8",
	  NEED_UNCOR, .run = run_heal },
	{ "uncor/no-heal", "A Write that fails its checks makes nothing readable.",
	  "3.3.7, 5.3.2.1", NEED_UNCOR | NEED_PI, .run = run_no_heal },
	{ "uncor/stray", "PRINFO and tags in Write Uncorrectable change nothing.", "3.3.7",
	  NEED_UNCOR, .run = run_stray },
	{ "uncor/after", "Other blocks are checked as before after an uncorrectable one was met.",
	  "3.3.7, 5.3.3", NEED_UNCOR | NEED_PI, .run = run_after },
};

const struct qcase_table cases_uncor = QCASE_TABLE(list);
