// SPDX-License-Identifier: GPL-2.0-only
/* cases-dulbe.c - tests the error for deallocated blocks, which the host enables; see case.h */
#include <string.h>
#include "case.h"

/* Feature Error Recovery; 4.1.3.2. */
enum { FEAT_RECOVERY = 5, DULBE = 1 << 16 };

/* NSFEAT.DAE. Figure 114. */
enum { NSFEAT_DULBE = 1 << 2 };

/* Gets or sets the feature: *@value. Returns a result as in target.h. */
static int recovery(struct lab *l, uint8_t opcode, uint32_t *value)
{
	struct nvme_uring_cmd cmd = {
		.opcode = opcode, .nsid = l->f.nsid, .cdw10 = FEAT_RECOVERY, .cdw11 = *value,
	};
	const int res = l->ns->ops->admin(l->ns, &cmd);

	if (!res && opcode == nvme_admin_get_features)
		*value = cmd.rsvd2;
	l->commands++;
	return res;
}

static bool set(struct lab *l, uint32_t value)
{
	char name[QM_NAME_MAX];
	const int res = recovery(l, nvme_admin_set_features, &value);

	if (res)
		return lab_fail(l, NULL, "Error Recovery can be set, as NSFEAT has DULBE", "%s",
				qm_status_name(res, name));
	l->f.dulbe = l->model.f.dulbe = value & DULBE;
	return true;
}

/* Sends @opcode for @nr blocks from block @i of those at @lba; a Compare has their contents. */
static void try(struct lab *l, uint8_t opcode, uint64_t lba, uint32_t i, uint32_t nr)
{
	const struct qm_tags tags = l->tags;
	struct nvme_uring_cmd cmd;

	l->tags.ref = qm_ref_at(&l->f, l->tags.ref, i);
	cmd = lab_command(l, opcode, lba + i, nr, case_checks(l));
	for (uint32_t n = 0; opcode == nvme_cmd_compare && n < nr; n++) {
		const struct qm_block *b = qm_block(&l->model, lba + i + n);
		const struct qm_place p = qm_place(&l->f, &cmd, false, n);

		memcpy(p.data, b->bytes, l->f.data_size);
		if (p.md)
			memcpy(p.md, b->bytes + l->f.data_size, l->f.md_size);
	}
	lab_do(l, &cmd);
	l->tags = tags;
}

static void deallocate(struct lab *l, uint64_t lba, uint32_t nr)
{
	const struct nvme_dsm_range range = { .nlb = nr, .slba = lba };
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_dsm, .nsid = l->f.nsid, .cdw11 = NVME_DSMGMT_AD,
		.addr = (uintptr_t)l->bufs->data, .data_len = sizeof(range),
	};

	memcpy(l->bufs->data, &range, sizeof(range));
	lab_do(l, &cmd);
}

/* Two of eight blocks are deallocated: in the middle, at an end, or not in a command. */
static void look(struct lab *l, const struct qcase *c, uint64_t lba)
{
	static const uint8_t opcodes[] = { nvme_cmd_read, nvme_cmd_verify, nvme_cmd_compare };
	static const struct {
		uint32_t i, nr;
	} parts[] = { { 0, 8 }, { 0, 3 }, { 0, 4 }, { 3, 1 }, { 3, 2 }, { 4, 4 }, { 5, 3 } };

	if (c->opcode == nvme_cmd_copy) {
		case_copies(l, lba, 8);
		return;
	}
	for (size_t op = 0; op < sizeof(opcodes); op++)
		for (size_t n = 0; n < sizeof(parts) / sizeof(parts[0]); n++)
			if (lab_has(l, opcodes[op]))
				try(l, opcodes[op], lba, parts[n].i, parts[n].nr);
}

static void run(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 8);
	const struct qm_tags tags = l->tags;
	uint32_t before = 0;

	if (!(l->id.ns.nsfeat & NSFEAT_DULBE)) {
		l->skip = "the namespace has no error for deallocated blocks";
		return;
	}
	deallocate(l, lba + 3, 2);
	if (recovery(l, nvme_admin_get_features, &before)) {
		lab_fail(l, NULL, "Get Features of Error Recovery", "an error");
		return;
	}
	if (!set(l, before | DULBE))
		return;
	look(l, c, lba);
	lab_new_tags(l, lba + 3);
	lab_write(l, lba + 3, 1);
	l->tags = tags;
	look(l, c, lba);
	set(l, before & ~DULBE);
	l->tags = tags;
	look(l, c, lba);
	if (before & DULBE)
		set(l, before);
}

static const struct qcase list[] = {
	{ "state/dulbe",
	  "With DULBE set Read, Verify and Compare of a deallocated block are aborted, and those "
	  "of others are not.", "3.3.3.2.1, 4.1.3.2", NEED_DSM, .run = run },
	{ "copy/dulbe", "With DULBE set a Copy from a deallocated block is aborted.",
	  "3.3.3.2.1, 4.1.3.2", NEED_DSM | NEED_COPY, .run = run, .opcode = nvme_cmd_copy },
};

const struct qcase_table cases_dulbe = QCASE_TABLE(list);
