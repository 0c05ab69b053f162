// SPDX-License-Identifier: GPL-2.0-only
/* cases-state.c - tests blocks that were never written or are deallocated; see case.h */
#include <stdlib.h>
#include <string.h>
#include "case.h"

/* --- deallocating --- */

/* Sends Dataset Management for @nr ranges of @ranges, in ->bufs. */
static bool deallocate(struct lab *l, const struct nvme_dsm_range *ranges, unsigned nr,
		       uint32_t attributes)
{
	struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_dsm, 0, 1, 0);
	struct lab_bufs *const bufs = l->bufs;

	memcpy(bufs->data, ranges, nr * sizeof(*ranges));
	cmd.addr = (uintptr_t)bufs->data;
	cmd.data_len = nr * sizeof(*ranges);
	cmd.cdw10 = nr - 1;
	cmd.cdw11 = attributes;
	cmd.cdw12 = 0;
	return lab_do(l, &cmd);
}

static bool deallocate_one(struct lab *l, uint64_t lba, uint32_t nr)
{
	const struct nvme_dsm_range range = { .nlb = nr, .slba = lba };

	return deallocate(l, &range, 1, NVME_DSMGMT_AD);
}

/* --- blocks without content --- */

/* Reads with every check and both values of PRACT; each answer is the same the second time. */
static void read_all_ways(struct lab *l, uint64_t lba, uint32_t nr)
{
	unsigned checks = 0;

	do {
		lab_new_tags(l, lba);
		case_send(l, nvme_cmd_read, lba, nr, checks);
		case_send(l, nvme_cmd_read, lba, nr, checks | LAB_PRACT);
		if (lab_has(l, nvme_cmd_verify))
			case_send(l, nvme_cmd_verify, lba, nr, checks);
		checks = (checks + 1) & 15;
		if (l->f.type == 3 && checks & QM_REF)
			checks++;
	} while (checks & 15 && !l->failed);
	lab_look(l, lba, nr);
}

/* Compare succeeds with the data that was read, and fails with other data. */
static void compare_as_read(struct lab *l, uint64_t lba, uint32_t nr)
{
	struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_read, lba, nr, 0);

	if (!lab_has(l, nvme_cmd_compare) || !lab_do(l, &cmd))
		return;
	memcpy(l->bufs->data, l->in->data, cmd.data_len);
	memcpy(l->bufs->md, l->in->md, cmd.metadata_len);
	case_send(l, nvme_cmd_compare, lba, nr, 0);
	case_send(l, nvme_cmd_compare, lba, nr, case_checks(l));
	l->bufs->data[l->f.data_size / 2] ^= 4;
	case_send(l, nvme_cmd_compare, lba, nr, 0);
}

static void run_never_written(struct lab *l, const struct qcase *c)
{
	uint64_t lba = l->first;

	(void)c;
	for (int i = 0; i < 3 && !l->failed; i++, lba = lab_place(l, 5)) {
		uint32_t n = 0;

		while (n < 5 && !(qm_block(&l->model, lba + n)->may & ~qm_deallocated(&l->f)))
			n++;
		if (n < 5) {
			l->skip = "all blocks have been written";
			return;
		}
		read_all_ways(l, lba, 5);
		compare_as_read(l, lba, 5);
	}
}

static void run_deallocated(struct lab *l, const struct qcase *c)
{
	static const uint32_t sizes[] = { 1, 2, 9, 33 };

	(void)c;
	for (int i = 0; i < 4 && !l->failed; i++) {
		const uint32_t nr = sizes[i] < l->most ? sizes[i] : l->most;
		const uint64_t lba = case_prepare(l, nr);

		deallocate_one(l, lba, nr);
		read_all_ways(l, lba, nr);
		compare_as_read(l, lba, nr);
		lab_new_tags(l, lba);
		lab_write(l, lba, nr);
		case_send(l, nvme_cmd_read, lba, nr, case_checks(l));
	}
}

/* A damaged block between deallocated ones is found. */
static void run_among(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (uint32_t bad = 0; bad < 8 && !l->failed; bad++) {
		const uint64_t lba = lab_place(l, 8);
		struct nvme_uring_cmd cmd;

		lab_new_tags(l, lba);
		lab_fill(l, 8, false);
		cmd = lab_command(l, nvme_cmd_write, lba, 8, 0);
		if (l->f.type)
			case_flip(l, &cmd, bad, QM_GUARD, case_bit(l, QM_GUARD));
		lab_do(l, &cmd);
		deallocate_one(l, lba + (bad + 1) % 7, 1);
		deallocate_one(l, lba + (bad + 3) % 7, 1);
		case_send(l, nvme_cmd_read, lba, 8, case_checks(l));
		case_send(l, nvme_cmd_read, lba, 8, 0);
		deallocate_one(l, lba, 8);
		case_send(l, nvme_cmd_read, lba, 8, case_checks(l));
	}
}

/* A write into the middle of deallocated blocks. */
static void run_into(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = l->most < 32 ? l->most : 32;
	const uint64_t lba = case_prepare(l, nr);

	(void)c;
	deallocate_one(l, lba, nr);
	for (int i = 0; i < 6 && !l->failed; i++) {
		const uint64_t at = lba + 1 + lab_below(l, nr - 2);

		lab_new_tags(l, at);
		lab_write(l, at, 1);
		case_send(l, nvme_cmd_read, at, 1, case_checks(l));
		lab_look(l, lba, nr);
	}
}

/* --- Dataset Management itself --- */

static void run_ranges(struct lab *l, const struct qcase *c)
{
	struct nvme_dsm_range ranges[256] = { 0 };
	const uint32_t nr = l->most < 512 ? l->most : 512;
	const uint64_t lba = case_prepare(l, nr);
	unsigned n = 0;

	for (uint32_t at = 0; at + 8 < nr && n < 256; at += 2 + lab_below(l, 6)) {
		ranges[n].cattr = c->arg ? lab_random(l) : 0;
		ranges[n].slba = lba + at;
		ranges[n++].nlb = lab_below(l, 3);
	}
	if (n)
		deallocate(l, ranges, n, NVME_DSMGMT_AD | c->arg);
	lab_look(l, lba, nr);
}

/* As many as a command can have, some of them for the same blocks. */
static void run_ranges_most(struct lab *l, const struct qcase *c)
{
	static const unsigned numbers[] = { 63, 64, 65, 128, 129, 255, 256 };
	struct nvme_dsm_range ranges[256] = { 0 };
	const uint32_t nr = l->most < 100 ? l->most : 100;

	(void)c;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && !l->failed; i++) {
		const uint64_t lba = case_prepare(l, nr);

		for (unsigned n = 0; n < numbers[i]; n++)
			ranges[n] = (struct nvme_dsm_range){ .nlb = 1, .slba = lba + n % nr };
		deallocate(l, ranges, numbers[i], NVME_DSMGMT_AD);
	}
}

/* Without Deallocate nothing changes, whatever hints are given. */
static void run_hints(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 8);

	(void)c;
	for (uint32_t attributes = 0; attributes < 4 && !l->failed; attributes++) {
		const struct nvme_dsm_range range = { 0x55aa0733, 8, lba };

		deallocate(l, &range, 1, attributes);
		case_send(l, nvme_cmd_read, lba, 8, case_checks(l));
	}
}

/* Dataset Management and Flush have no PRINFO and no tags: these bits are ignored. */
static void run_stray(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 4);
	const struct nvme_dsm_range range = { .nlb = 4, .slba = lba };

	for (unsigned bit = 24; bit < 32 && !l->failed; bit++) {
		struct nvme_uring_cmd cmd = { .opcode = c->opcode,
					      .nsid = l->f.nsid,
					      .cdw12 = 1u << bit };

		qm_put_tags(&l->f, &l->tags, &cmd);
		if (c->opcode == nvme_cmd_dsm) {
			memcpy(l->bufs->data, &range, sizeof(range));
			cmd.addr = (uintptr_t)l->bufs->data;
			cmd.data_len = sizeof(range);
		}
		lab_do(l, &cmd);
		lab_look(l, lba, 4);
	}
}

static void run_flush(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 4);
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_flush, .nsid = l->f.nsid };

	(void)c;
	lab_do(l, &cmd);
	case_send(l, nvme_cmd_read, lba, 4, case_checks(l));
}

/* Of all namespaces, by NSID FFFFFFFFh. */
static void run_flush_all(struct lab *l, const struct qcase *c)
{
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_flush, .nsid = NVME_NSID_ALL };

	(void)c;
	if (l->ns->fd >= 0)
		l->skip = "the kernel sends commands to the opened namespace only";
	else
		lab_do(l, &cmd);
}

/* Cases that run before all cases that write. */
static const struct qcase first[] = {
	{ "state/never-written",
	  "Blocks that were never written read as DLFEAT says and are not checked, the same each time.",
	  "3.3.3.2.1", NEED_FRESH, .run = run_never_written },
};

const struct qcase_table cases_first = QCASE_TABLE(first);

/* A range that extends beyond the end, alone and among others. */
static void run_out(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 4), end = l->f.nr_blocks;
	const struct nvme_dsm_range ranges[] = {
		{ .nlb = 2, .slba = lba }, { .nlb = 1, .slba = end }, { .nlb = 2, .slba = lba + 2 },
	};
	const struct nvme_dsm_range far = { .nlb = 1, .slba = UINT64_MAX };

	(void)c;
	deallocate(l, &ranges[1], 1, NVME_DSMGMT_AD);
	deallocate(l, &far, 1, NVME_DSMGMT_AD);
	deallocate(l, ranges, 3, NVME_DSMGMT_AD);
	lab_look(l, lba, 4);
}

static const struct qcase list[] = {
	{ "state/deallocated",
	  "Deallocated blocks read as DLFEAT says and are not checked, the same each time; written, they are blocks like any other.",
	  "3.3.3.2.1", NEED_DSM, .run = run_deallocated },
	{ "state/among", "Deallocated blocks turn off the checks of no other block.",
	  "3.3.3.2.1, 5.3.3", NEED_DSM, .run = run_among },
	{ "state/into", "A write among deallocated blocks changes its own alone.", "3.3.3.2.1",
	  NEED_DSM, .run = run_into },
	{ "state/ranges", "Many ranges are deallocated, or left alone, block by block.", "3.3.3",
	  NEED_DSM, .run = run_ranges },
	{ "state/ranges-hints", "Context attributes and other attributes change nothing of that.",
	  "3.3.3.2", NEED_DSM, run_ranges, .arg = 3 },
	{ "state/ranges-most", "As many ranges as a command can have are deallocated.", "3.3.3",
	  NEED_DSM, .run = run_ranges_most },
	{ "state/out-of-range", "Dataset Management of blocks past the last one is refused.",
	  "3.3.3, figure 17", NEED_DSM, .run = run_out },
	{ "state/hints", "Dataset Management without Deallocate changes no block.", "3.3.3",
	  NEED_DSM, .run = run_hints },
	{ "state/stray-dsm", "PRINFO and tags in Dataset Management change nothing.", "3.3.3",
	  NEED_DSM, run_stray, nvme_cmd_dsm, 0, 0 },
	{ "state/stray-flush", "PRINFO and tags in Flush change nothing.", "Base, Flush", 0,
	  run_stray, nvme_cmd_flush, 0, 0 },
	{ "state/flush", "Flush succeeds and changes no block.", "Base, Flush", 0,
	  .run = run_flush },
	{ "state/flush-all", "Flush of all namespaces does what VWC says of it.",
	  "Base, Identify Controller, VWC", 0, .run = run_flush_all },
};

const struct qcase_table cases_state = QCASE_TABLE(list);
