// SPDX-License-Identifier: GPL-2.0-only
/* cases-limit.c - tests the ends of the namespace, limits, and invalid commands; see case.h */
#include <endian.h>
#include "case.h"

static const uint8_t ranged[] = {
	nvme_cmd_read, nvme_cmd_write, nvme_cmd_compare, nvme_cmd_verify, nvme_cmd_write_zeroes,
	nvme_cmd_write_uncor,
};

/* Returns whether a command is safe: it only reads, or no data of others can be affected. */
static bool is_safe(const struct lab *l, uint8_t opcode)
{
	return l->last == l->f.nr_blocks - 1 || opcode == nvme_cmd_read ||
	       opcode == nvme_cmd_verify || opcode == nvme_cmd_compare;
}

static void at_end(struct lab *l, uint64_t lba, uint32_t nr)
{
	for (size_t i = 0; i < sizeof(ranged) && !l->failed; i++)
		if (lab_has(l, ranged[i]) && is_safe(l, ranged[i])) {
			lab_new_tags(l, lba);
			lab_fill(l, nr, false);
			case_send(l, ranged[i], lba, nr, 0);
			if (ranged[i] != nvme_cmd_write_uncor)
				case_send(l, ranged[i], lba, nr, case_checks(l));
		}
}

/* Blocks after the last one: one of many, all, far away, and where the sum overflows. */
static void run_out(struct lab *l, const struct qcase *c)
{
	const uint64_t end = l->f.nr_blocks;
	const uint32_t many = l->most < 9 ? l->most : 9;

	(void)c;
	at_end(l, end, 1);
	at_end(l, end - 1, 2);
	at_end(l, end - many + 1, many);
	at_end(l, end - 1, l->most);
	at_end(l, end | 1ULL << 32, 1);
	at_end(l, 1ULL << 63, 1);
	at_end(l, UINT64_MAX, 1);
	at_end(l, UINT64_MAX, 2);
	at_end(l, UINT64_MAX - many + 2, many);
	at_end(l, end + (1ULL << 32) - 1, 2);
}

/* The first and the last block work like any other. */
static void run_ends(struct lab *l, const struct qcase *c)
{
	const uint32_t many = l->most < 9 ? l->most : 9;
	const uint64_t lbas[] = { l->first, l->first, l->last, l->last + 1 - many };
	const uint32_t sizes[] = { 1, many, 1, many };

	(void)c;
	for (int i = 0; i < 4 && !l->failed; i++) {
		const uint32_t nr = sizes[i];
		struct nvme_uring_cmd cmd;

		lab_new_tags(l, lbas[i]);
		lab_fill(l, nr, false);
		case_send(l, nvme_cmd_write, lbas[i], nr, case_checks(l));
		case_send(l, nvme_cmd_read, lbas[i], nr, case_checks(l));
		if (!l->f.type)
			continue;
		cmd = lab_command(l, nvme_cmd_write, lbas[i], nr, 0);
		for (uint32_t b = 0; b < l->f.data_size;
		     b++) /* of zeroes: must not be taken for unwritten blocks */
			qm_place(&l->f, &cmd, false, 0).data[b] = 0;
		lab_do(l, &cmd);
		case_send(l, nvme_cmd_read, lbas[i], nr, QM_GUARD);
		case_send(l, nvme_cmd_write, lbas[i], nr, QM_GUARD);
		case_send(l, nvme_cmd_write, lbas[i], nr, LAB_PRACT);
		case_send(l, nvme_cmd_read, lbas[i], nr, QM_GUARD);
	}
}

/* As much as MDTS allows, and one block more. */
static void run_mdts(struct lab *l, const struct qcase *c)
{
	const unsigned prinfos[] = { 0, LAB_PRACT };

	(void)c;
	for (int i = 0; i < 2 && !l->failed; i++) {
		const struct qm_wire w = qm_wire(&l->f, prinfos[i]);
		const uint64_t block = l->f.data_only ? l->f.data_size : w.data;
		const uint32_t most = l->f.max_bytes / block;
		uint64_t lba;

		/* only data is transferred, more than fits into the buffers */
		if (most + 1 > l->cap)
			continue;
		lba = lab_place(l, most + 1);
		lab_new_tags(l, lba);
		lab_fill(l, most + 1, prinfos[i]);
		case_send(l, nvme_cmd_write, lba, most, prinfos[i]);
		case_send(l, nvme_cmd_read, lba, most, prinfos[i]);
		case_send(l, nvme_cmd_write, lba, most + 1, prinfos[i]);
		case_send(l, nvme_cmd_read, lba, most + 1, prinfos[i]);
		if (!prinfos[i] && lab_has(l, nvme_cmd_compare))
			case_send(l, nvme_cmd_compare, lba, most + 1, 0);
	}
}

static void run_opcodes(struct lab *l, const struct qcase *c)
{
	static const uint8_t unknown[] = { 0x03, 0x06, 0x0a, 0x13, 0x2a, 0x55, 0x7e };

	(void)c;
	for (size_t i = 0; i < sizeof(unknown) && !l->failed; i++) {
		struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_read, l->first, 1, 0);

		cmd.opcode = unknown[i];
		cmd.addr = cmd.metadata = 0;
		cmd.data_len = cmd.metadata_len = 0;
		lab_do(l, &cmd);
	}
}

/* Commands for namespaces that do not exist. */
static void run_nsids(struct lab *l, const struct qcase *c)
{
	static const uint32_t nsids[] = { 0, 0xfffffffe, NVME_NSID_ALL };

	(void)c;
	if (l->ns->fd >= 0) {
		l->skip = "the kernel sends commands to the opened namespace only";
		return;
	}
	for (size_t i = 0; i < sizeof(nsids) / sizeof(nsids[0]) && !l->failed; i++)
		for (size_t n = 0; n < sizeof(ranged) && !l->failed; n++) {
			struct nvme_uring_cmd cmd =
				lab_command(l, ranged[n], lab_place(l, 1), 1, 0);

			cmd.nsid = nsids[i];
			lab_do(l, &cmd);
		}
}

/* A refused command transfers and changes nothing, even if checks would fail, too. */
static void run_refused(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = l->f.nr_blocks - 1;
	struct nvme_uring_cmd cmd;

	(void)c;
	lab_new_tags(l, lba);
	lab_fill(l, 2, false);
	cmd = lab_command(l, nvme_cmd_write, lba, 2, QM_GUARD | QM_APP);
	case_flip(l, &cmd, 0, QM_GUARD, case_bit(l, QM_GUARD));
	case_flip(l, &cmd, 1, QM_APP, case_bit(l, QM_APP));
	lab_do(l, &cmd);
	lab_look(l, lba, 1);
}

/* --- what no command here can show: a report says so --- */

static void run_fused(struct lab *l, const struct qcase *c)
{
	(void)c;
	l->skip = "the controller does not report that it supports fused commands";
	if (le16toh(l->id.ctrl.fuses) & 1)
		l->skip = "fused commands cannot be sent through the kernel";
}

/* Base, Identify Controller, SGLS, bits 1:0. */
static void run_sgl(struct lab *l, const struct qcase *c)
{
	(void)c;
	l->skip = "the controller does not report that it supports SGLs";
	if (le32toh(l->id.ctrl.sgls) & 3)
		l->skip = "the kernel chooses between PRP and SGL, a command cannot";
}

static const struct qcase list[] = {
	{ "limit/out-of-range",
	  "Blocks past the last one are refused, whatever command names them and however far they are.",
	  "3.1, figure 17", 0, .run = run_out },
	{ "limit/ends", "The first and the last blocks are blocks like any other.", "5.3.3", 0,
	  .run = run_ends },
	{ "limit/mdts",
	  "Commands that move as much as MDTS says succeed, those that move more are refused.",
	  "Base, Identify Controller, MDTS", NEED_MDTS, .run = run_mdts },
	{ "limit/opcodes", "Reserved opcodes are refused.", "3.3, figure 21", 0,
	  .run = run_opcodes },
	{ "limit/nsid", "Commands for a namespace that there is not are refused.",
	  "Base, Namespace Identifier Usage", 0, .run = run_nsids },
	{ "limit/refused-and-bad",
	  "A command out of range whose blocks are bad as well is refused and changes nothing.",
	  "3.1", NEED_PI | NEED_LAST, .run = run_refused },
	{ "limit/fused",
	  "A fused Compare and Write writes only if the blocks compared are the same.",
	  "Base, Fused Operations", 0, .run = run_fused },
	{ "limit/sgl", "Data and metadata are transferred unchanged by SGLs as by PRPs.",
	  "Base, Scatter Gather List", 0, .run = run_sgl },
};

const struct qcase_table cases_limit = QCASE_TABLE(list);
