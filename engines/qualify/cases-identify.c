// SPDX-License-Identifier: GPL-2.0-only
/* cases-identify.c - tests that Identify data are correct; see case.h */
#include <endian.h>
#include <string.h>
#include "case.h"

enum { FEAT_HOST_BEHAVIOR = 0x16, BEHAVIOR_SIZE = 512, LBAFEE = 2, CDFE = 4 };

/* Copy descriptor formats 2h, 3h and 4h: the host has to enable them. */
enum { COPY_ENABLED = 0x1c };

/* Bits of PIC; figure 118. */
enum { PIC_STORAGE_16B = 1, PIC_MASK_16B = 2 };

/* Checks one value of Identify data. */
static bool must(struct lab *l, bool good, const char *expected, const char *field, uint64_t value)
{
	return good || lab_fail(l, NULL, expected, "%s is %llu", field, (unsigned long long)value);
}

static unsigned index_of(const struct nvme_id_ns *ns)
{
	return (ns->flbas & 0xf) | (ns->flbas >> 5 & 3) << 4;
}

static void run_sizes(struct lab *l, const struct qcase *c)
{
	const struct nvme_id_ns *ns = &l->id.ns;
	const uint64_t nsze = le64toh(ns->nsze), ncap = le64toh(ns->ncap), nuse = le64toh(ns->nuse);

	(void)c;
	must(l, ncap <= nsze, "NCAP is not above NSZE", "NCAP", ncap);
	must(l, nuse <= ncap, "NUSE is not above NCAP", "NUSE", nuse);
	must(l, index_of(ns) <= ns->nlbaf + ns->nulbaf, "FLBAS names a format that NLBAF counts",
	     "FLBAS", ns->flbas);
	must(l, ns->nlbaf + ns->nulbaf < 64, "NLBAF and NULBAF are 64 formats at most", "NLBAF",
	     ns->nlbaf);
}

/*
 * NSZE is the number of existing blocks: the last of them can be read, whatever it contains, and
 * the next one cannot.
 */
static void run_nsze(struct lab *l, const struct qcase *c)
{
	struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_read, l->f.nr_blocks - 1, 1, 0);
	char name[QM_NAME_MAX];
	int res;

	(void)c;
	lab_do(l, &cmd);
	res = l->ns->ops->io(l->ns, &cmd);
	if (res && qm_status(res) == QS_LBA)
		lab_fail(l, &cmd, "the block is there, as NSZE says", "%s",
			 qm_status_name(res, name));
	case_send(l, nvme_cmd_read, l->f.nr_blocks, 1, 0);
}

/* The current format is one that DPC, MC and the limits of its guard allow. */
static void run_format(struct lab *l, const struct qcase *c)
{
	const struct nvme_id_ns *ns = &l->id.ns;
	const struct qm_format *f = &l->f;
	static const unsigned least[] = { 0, 16, 0 }, most[] = { 32, 64, 48 };
	const bool elbas = le32toh(l->id.ctrl.ctratt) & NVME_CTRL_CTRATT_ELBAS;

	(void)c;
	must(l, !f->md_size || ns->mc >> (f->extended ? 0 : 1) & 1,
	     "MC has the way in which metadata is transferred", "MC", ns->mc);
	must(l, f->md_size || !(ns->flbas & 1 << 4),
	     "FLBAS says nothing of metadata where there is none", "FLBAS", ns->flbas);
	if (!f->type)
		return;
	must(l, ns->dpc >> (f->type - 1) & 1, "DPC has the protection type in use", "DPC", ns->dpc);
	must(l, ns->dpc >> (f->first ? 3 : 4) & 1, "DPC has the place of the tuple in use", "DPC",
	     ns->dpc);
	must(l, f->sts >= least[f->pif] && f->sts <= most[f->pif],
	     "STS is within the limits of the guard", "STS", f->sts);
	must(l, f->pif || !f->sts || l->id.nvm.pic & 1,
	     "PIC has storage tags for a 16b guard that has one", "PIC", l->id.nvm.pic);
	must(l, elbas || (!f->pif && !f->sts), "CTRATT.ELBAS is set for an extended format",
	     "CTRATT", le32toh(l->id.ctrl.ctratt));
}

/* Each listed format is valid: sizes, guards, widths. */
static void run_formats(struct lab *l, const struct qcase *c)
{
	const struct nvme_id_ns *ns = &l->id.ns;
	static const unsigned least[] = { 0, 16, 0 }, most[] = { 32, 64, 48 };

	(void)c;
	for (unsigned i = 0; i <= (unsigned)ns->nlbaf + ns->nulbaf && i < 64; i++) {
		const unsigned ds = ns->lbaf[i].ds, elbaf = le32toh(l->id.nvm.elbaf[i]);
		const unsigned pif = elbaf >> 7 & 3, sts = elbaf & 0x7f;

		must(l, !ds || ds >= 9, "LBADS is 0 or 9 at least", "LBADS", ds);
		if (!ds || pif > 2 || !le16toh(ns->lbaf[i].ms) || !elbaf)
			continue;
		must(l, sts >= least[pif] && sts <= most[pif],
		     "STS of each format is within the limits of its guard", "STS", sts);
	}
}

/*
 * Figure 118: guards of 32b and 64b need PIC.16BPISTS; with PIC.16BPISTM set a 16b guard's storage
 * tag is compared whole.
 */
static void run_pic(struct lab *l, const struct qcase *c)
{
	const struct qm_format *f = &l->f;
	bool wide = false;

	(void)c;
	for (unsigned i = 0; i <= (unsigned)l->id.ns.nlbaf + l->id.ns.nulbaf && i < 64; i++)
		wide |= l->id.ns.lbaf[i].ds && le32toh(l->id.nvm.elbaf[i]) >> 7 & 3;
	must(l, !wide || l->id.nvm.pic & PIC_STORAGE_16B,
	     "PIC has storage tags for a 16b guard where there are other guards", "PIC", l->id.nvm.pic);
	must(l, !f->type || f->pif || !f->sts || !(l->id.nvm.pic & PIC_MASK_16B) ||
	     !(~f->storage_mask & qm_ones(f->sts)),
	     "LBSTM has all bits of a 16b guard's storage tag, as PIC says", "LBSTM", f->storage_mask);
}

/* Every optional command in ONCS exists. */
static void run_oncs(struct lab *l, const struct qcase *c)
{
	static const uint8_t opcodes[] = { nvme_cmd_compare, nvme_cmd_verify, nvme_cmd_write_zeroes,
					   nvme_cmd_write_uncor };
	const uint64_t lba = case_prepare(l, 1);

	(void)c;
	for (size_t i = 0; i < sizeof(opcodes) && !l->failed; i++)
		if (lab_has(l, opcodes[i]))
			case_send(l, opcodes[i], lba, 1, 0);
	if (!l->failed)
		lab_write(l, lba, 1);
}

/* What ONCS has beside commands of the NVM Command Set: the Timestamp feature, and reservations. */
static void run_others(struct lab *l, const struct qcase *c)
{
	struct nvme_uring_cmd timestamp = {
		.opcode = nvme_admin_get_features, .cdw10 = 0x0e,
		.addr = (uintptr_t)l->own.data, .data_len = 8,
	};
	struct nvme_uring_cmd report = {
		.opcode = 0x0e, .nsid = l->f.nsid, .cdw10 = 64 / 4 - 1,
		.addr = (uintptr_t)l->own.data, .data_len = 64,
	};
	const uint16_t oncs = le16toh(l->id.ctrl.oncs);
	int res;

	(void)c;
	res = oncs >> 6 & 1 ? l->ns->ops->admin(l->ns, &timestamp) : 0;
	must(l, res <= 0 || qm_status(res) != QS_FIELD, "the Timestamp feature that ONCS has", "its status",
	     res);
	res = oncs >> 5 & 1 ? l->ns->ops->io(l->ns, &report) : 0;
	must(l, res <= 0 || qm_status(res) != QS_OPCODE, "Reservation Report, as ONCS has reservations",
	     "its status", res);
}

/* An optional command that neither ONCS, nor a limit, nor the effects log has, is none. */
static void run_denied(struct lab *l, const struct qcase *c)
{
	static const uint8_t opcodes[] = { nvme_cmd_compare, nvme_cmd_verify, nvme_cmd_write_zeroes,
					   nvme_cmd_write_uncor, nvme_cmd_dsm, nvme_cmd_copy };
	const uint64_t lba = case_prepare(l, 1);
	const struct nvme_dsm_range range = { .nlb = 1, .slba = lba };

	(void)c;
	for (size_t i = 0; i < sizeof(opcodes) && !l->failed; i++) {
		struct nvme_uring_cmd cmd = lab_command(l, opcodes[i], lba, 1, 0);

		if (lab_has(l, opcodes[i]))
			continue;
		if (opcodes[i] == nvme_cmd_dsm || opcodes[i] == nvme_cmd_copy) {
			cmd.cdw10 = opcodes[i] == nvme_cmd_copy ? cmd.cdw10 : 0;
			cmd.cdw11 = cmd.cdw12 = 0;
			memset(l->bufs->data, 0, 64);
			memcpy(l->bufs->data, &range, sizeof(range));
			cmd.addr = (uintptr_t)l->bufs->data;
			cmd.data_len = opcodes[i] == nvme_cmd_copy ? 32 : sizeof(range);
		}
		lab_send(l, cmd);
	}
}

/* 3.3.3.1, CNS 06h: DMRL, DMRSL and DMSL are either all set or all 0. */
static void run_dsm_limits(struct lab *l, const struct qcase *c)
{
	const struct nvme_id_ctrl_nvm *nvm = &l->id.nvm_ctrl;
	const bool any = nvm->dmrl || nvm->dmrsl || nvm->dmsl;
	const bool all = nvm->dmrl && nvm->dmrsl && nvm->dmsl;

	(void)c;
	must(l, any == all, "DMRL, DMRSL and DMSL are all zero or none is", "DMRL", nvm->dmrl);
}

/* Commands without data that exceed the recommendations of CNS 06h may only be slower. */
static void run_large(struct lab *l, const struct qcase *c)
{
	const struct nvme_id_ctrl_nvm *nvm = &l->id.nvm_ctrl;
	const struct {
		uint8_t opcode, limit;
	} limits[] = {
		{ nvme_cmd_verify, nvm->vsl }, { nvme_cmd_write_zeroes, nvm->wzsl },
		{ nvme_cmd_write_uncor, nvm->wusl },
	};

	(void)c;
	for (int i = 0; i < 3 && !l->failed; i++) {
		const uint64_t nr = (4096ULL << limits[i].limit) / l->f.data_size + 1;

		if (!limits[i].limit || limits[i].limit > 16 || !lab_has(l, limits[i].opcode) ||
		    nr > 65536 || nr > l->quiet - l->first)
			continue;
		case_send(l, limits[i].opcode, l->first, nr, 0);
	}
}

static void run_copy(struct lab *l, const struct qcase *c)
{
	const struct qm_format *f = &l->f;

	(void)c;
	if (!lab_has(l, nvme_cmd_copy)) {
		l->skip = "the controller does not report that it supports Copy";
		return;
	}
	must(l, f->copy_range, "MSSRL is not 0 where there is Copy", "MSSRL", f->copy_range);
	must(l, f->copy_blocks >= f->copy_range, "MCL is not below MSSRL", "MCL", f->copy_blocks);
	must(l, le16toh(l->id.ctrl.ocfs) & 1, "OCFS has format 0h where there is Copy", "OCFS",
	     le16toh(l->id.ctrl.ocfs));
}

/* Identify data are the same when they are read again. */
static void run_again(struct lab *l, const struct qcase *c)
{
	struct lab now = { .ns = l->ns, .path = l->path };
	char why[WHY_MAX];

	(void)c;
	if (lab_identify(&now, why)) {
		lab_fail(l, NULL, "Identify succeeds again", "%s", why);
		return;
	}
	/* The utilization of the namespace may change. */
	now.id.ns.nuse = l->id.ns.nuse;
	if (memcmp(&now.id.ctrl, &l->id.ctrl, sizeof(now.id.ctrl)))
		lab_fail(l, NULL, "the same Identify Controller data", "other bytes");
	else if (memcmp(&now.id.ns, &l->id.ns, sizeof(now.id.ns)))
		lab_fail(l, NULL, "the same Identify Namespace data", "other bytes");
	else if (memcmp(&now.id.nvm, &l->id.nvm, sizeof(now.id.nvm)))
		lab_fail(l, NULL, "the same NVM Identify Namespace data", "other bytes");
}

/* --- what the host enables --- */

static int behavior(struct lab *l, uint8_t opcode, uint8_t page[BEHAVIOR_SIZE])
{
	struct nvme_uring_cmd cmd = {
		.opcode = opcode, .cdw10 = FEAT_HOST_BEHAVIOR,
		.addr = (uintptr_t)page, .data_len = BEHAVIOR_SIZE,
	};

	return l->ns->ops->admin(l->ns, &cmd);
}

/*
 * Returns whether a feature may be changed: others may use the controller through the kernel, so it
 * is not changed there.
 */
static bool may_change(struct lab *l, uint8_t page[BEHAVIOR_SIZE])
{
	if (l->ns->fd >= 0)
		l->skip = "on a device the host's settings are not changed: the kernel relies on them";
	else if (behavior(l, nvme_admin_get_features, page))
		l->skip = "the controller has no Host Behavior Support feature";
	return !l->skip;
}

/* 5.5: at most 16 formats while LBAFEE is cleared. */
static void run_list(struct lab *l, const struct qcase *c)
{
	uint8_t page[BEHAVIOR_SIZE] = { 0 }, off[BEHAVIOR_SIZE];
	struct nvme_id_ns ns = { 0 };
	struct nvme_uring_cmd identify = {
		.opcode = nvme_admin_identify, .nsid = l->f.nsid, .cdw10 = NVME_IDENTIFY_CNS_NS,
		.addr = (uintptr_t)&ns, .data_len = sizeof(ns),
	};

	(void)c;
	if (!may_change(l, page))
		return;
	memcpy(off, page, sizeof(off));
	off[LBAFEE] = 0;
	if (!behavior(l, nvme_admin_set_features, off) && !l->ns->ops->admin(l->ns, &identify))
		must(l, ns.nlbaf + ns.nulbaf < 16, "16 LBA formats at most, as LBAFEE is cleared",
		     "NLBAF", ns.nlbaf);
	behavior(l, nvme_admin_set_features, page);
}

/* 3.3: in an extended format that is not enabled nothing can be read or written. */
static void run_lbafee(struct lab *l, const struct qcase *c)
{
	static const uint8_t opcodes[] = { nvme_cmd_read, nvme_cmd_write };
	uint8_t page[BEHAVIOR_SIZE] = { 0 }, off[BEHAVIOR_SIZE];
	const uint64_t lba = case_prepare(l, 2);

	(void)c;
	if (!l->f.pif && !l->f.sts)
		l->skip = "the format can be used without being enabled";
	if (l->skip || !may_change(l, page))
		return;
	memcpy(off, page, sizeof(off));
	off[LBAFEE] = 0;
	behavior(l, nvme_admin_set_features, off);
	for (int i = 0; i < 2; i++) {
		struct nvme_uring_cmd cmd = lab_command(l, opcodes[i], lba, 2, 0);
		const int res = l->ns->ops->io(l->ns, &cmd);

		l->commands++;
		if (!res)
			lab_fail(l, &cmd, "an error, as LBAFEE is cleared",
				 "Successful Completion");
	}
	behavior(l, nvme_admin_set_features, page);
	case_send(l, nvme_cmd_read, lba, 2, 0);
}

/* Copy descriptor formats 2h to 4h, once enabled. */
static void run_cdfe(struct lab *l, const struct qcase *c)
{
	uint8_t page[BEHAVIOR_SIZE] = { 0 }, on[BEHAVIOR_SIZE];
	const uint16_t formats = l->model.f.copy_formats;
	const struct qcase *copy;

	(void)c;
	if (!may_change(l, page))
		return;
	memcpy(on, page, sizeof(on));
	on[CDFE] |= le16toh(l->id.ctrl.ocfs) & COPY_ENABLED;
	if (behavior(l, nvme_admin_set_features, on)) {
		lab_fail(l, NULL, "the formats of OCFS can be enabled", "Set Features fails");
		return;
	}
	l->model.f.copy_formats |= on[CDFE] & COPY_ENABLED;
	l->f.copy_formats = l->model.f.copy_formats;
	for (unsigned i = 0; i < cases_copy.nr; i++) {
		copy = &cases_copy.cases[i];
		if (!strcmp(copy->name, "copy/formats"))
			copy->run(l, copy);
	}
	l->model.f.copy_formats = l->f.copy_formats = formats;
	behavior(l, nvme_admin_set_features, page);
}

/* What Get Features says that the default of Host Behavior Support is; Base, Get Features, SEL. */
static int default_behavior(struct lab *l, uint8_t page[BEHAVIOR_SIZE])
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_get_features, .cdw10 = FEAT_HOST_BEHAVIOR | 1 << 8,
		.addr = (uintptr_t)page, .data_len = BEHAVIOR_SIZE,
	};

	return l->ns->ops->admin(l->ns, &cmd);
}

/* Where ONCS has the Select field, a default is no current value. */
static void run_select(struct lab *l, const struct qcase *c)
{
	uint8_t page[BEHAVIOR_SIZE] = { 0 }, on[BEHAVIOR_SIZE], before[BEHAVIOR_SIZE] = { 0 },
		after[BEHAVIOR_SIZE] = { 0 };

	(void)c;
	if (!(le16toh(l->id.ctrl.oncs) >> 4 & 1))
		l->skip = "the controller does not report that features have default values";
	if (l->skip || !may_change(l, page) || default_behavior(l, before))
		return;
	memcpy(on, page, sizeof(on));
	on[CDFE] ^= le16toh(l->id.ctrl.ocfs) & COPY_ENABLED;
	if (!behavior(l, nvme_admin_set_features, on) && !default_behavior(l, after) &&
	    memcmp(before, after, sizeof(before)))
		lab_fail(l, NULL, "the default value of a feature, which Set Features does not change",
			 "its current value");
	behavior(l, nvme_admin_set_features, page);
}

static const struct qcase list[] = {
	{ "identify/sizes", "NSZE, NCAP, NUSE, NLBAF and FLBAS fit each other.",
	  "4.1.5.1, figure 114", 0, .run = run_sizes },
	{ "identify/nsze", "NSZE is the number of blocks that there are.", "4.1.5.1, figure 114", 0,
	  .run = run_nsze },
	{ "identify/format", "The format in use is one that MC, DPC, STS and ELBAS allow.",
	  "4.1.5.1, 5.3.1", 0, .run = run_format },
	{ "identify/formats", "Every format on the list has possible sizes.",
	  "4.1.5.1, figures 116 and 119", 0, .run = run_formats },
	{ "identify/pic", "PIC and LBSTM fit the guards on the list.", "4.1.5.3, figure 118", NEED_PI,
	  .run = run_pic },
	{ "identify/list", "No more than 16 formats are offered while LBAFEE is cleared.", "5.5", 0,
	  .run = run_list },
	{ "identify/oncs", "Every optional command that ONCS has succeeds.",
	  "Base, Identify Controller, ONCS", 0, .run = run_oncs },
	{ "identify/others", "The Timestamp feature and reservations are there where ONCS has them.",
	  "Base, Identify Controller, ONCS", 0, .run = run_others },
	{ "identify/denied", "An optional command that Identify does not tell of is refused.",
	  "Base, Identify Controller, ONCS", 0, .run = run_denied },
	{ "identify/select", "Where ONCS has the Select field, defaults are not current values.",
	  "Base, Get Features", 0, .run = run_select },
	{ "identify/dsm-limits", "DMRL, DMRSL and DMSL are all there or none is.", "3.3.3.1",
	  NEED_DSM, .run = run_dsm_limits },
	{ "identify/large",
	  "Commands larger than VSL, WZSL and WUSL recommend succeed where ONCS has them.",
	  "3.3.5, 3.3.7, 3.3.8", 0, .run = run_large },
	{ "identify/copy", "MSSRL, MCL and OCFS say that Copy can be used.", "4.1.5.1, 3.3.2",
	  0, .run = run_copy },
	{ "identify/lbafee",
	  "Extended formats that the host has not enabled can't be read or written.", "3.3",
	  NEED_PI, .run = run_lbafee },
	{ "identify/cdfe",
	  "Copy descriptor formats that the host enables work, for the right guard.", "3.3.2",
	  NEED_COPY | NEED_CDFE, .run = run_cdfe },
	{ "identify/again", "Identify says the same after all that was done.", "4.1.5", 0,
	  .run = run_again },
};

const struct qcase_table cases_identify = QCASE_TABLE(list);
