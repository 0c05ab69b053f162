// SPDX-License-Identifier: GPL-2.0-only
/* identify.c - decodes Identify data; see lab.h */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "lab.h"

/* CAP.MPSMIN is not accessible here; all controllers that Linux supports have pages of 4 KiB. */
#define MIN_PAGE 4096u

enum { CTRATT_MEM = 1 << 16, FEAT_HOST_BEHAVIOR = 0x16, BEHAVIOR_SIZE = 512, CDFE = 4 };

static int identify(struct lab *l, unsigned cns, uint32_t nsid, void *page)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_identify, .nsid = nsid, .cdw10 = cns,
		.addr = (uintptr_t)page, .data_len = NVME_IDENTIFY_DATA_SIZE,
	};

	return l->ns->ops->admin(l->ns, &cmd);
}

/*
 * Strings of Identify are padded with blanks. They have ASCII characters 20h to 7Eh; any other, which
 * could control a terminal, becomes a question mark.
 */
static void put_string(char *to, size_t size, const char *from)
{
	for (size_t i = 0; i < size - 1; i++)
		to[i] = !from[i] || (from[i] >= ' ' && from[i] <= '~') ? from[i] : '?';
	to[size - 1] = 0;
	for (size_t n = strlen(to); n && to[n - 1] == ' '; n--)
		to[n - 1] = 0;
}

/*
 * Base, Commands Supported and Effects: some controllers have commands that ONCS does not report.
 */
static bool in_effects(struct lab *l, uint8_t opcode)
{
	static struct nvme_cmd_effects_log log;
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_get_log_page, .nsid = NVME_NSID_ALL,
		.addr = (uintptr_t)&log, .data_len = sizeof(log),
		.cdw10 = NVME_LOG_LID_CMD_EFFECTS | (sizeof(log) / 4 - 1) << 16,
	};

	if (!(l->id.ctrl.lpa & NVME_CTRL_LPA_CMD_EFFECTS) || l->ns->ops->admin(l->ns, &cmd))
		return false;
	return le32toh(log.iocs[opcode]) & NVME_CMD_EFFECTS_CSUPP;
}

/*
 * Returns a limit of CNS 06h in bytes; 0 if there is none, or if it is only a recommendation
 * because ONCS has the command.
 */
static uint64_t hard_limit(const struct lab *l, uint16_t bit, uint8_t limit)
{
	return le16toh(l->id.ctrl.oncs) & bit || !limit || limit > 32 ? 0 : (uint64_t)MIN_PAGE << limit;
}

/* 3.3.5, 3.3.7, 3.3.8: a limit without the bit in ONCS means that the command exists. */
static void decode_commands(struct lab *l)
{
	const struct nvme_id_ctrl_nvm *nvm = &l->id.nvm_ctrl;
	const struct {
		uint16_t	bit;
		uint8_t		opcode, limit;
		uint64_t	*max;
	} commands[] = {
		{ NVME_CTRL_ONCS_VERIFY, nvme_cmd_verify, nvm->vsl, &l->f.verify_max },
		{ NVME_CTRL_ONCS_WRITE_ZEROES, nvme_cmd_write_zeroes, nvm->wzsl, &l->f.zeroes_max },
		{ NVME_CTRL_ONCS_WRITE_UNCORRECTABLE, nvme_cmd_write_uncor, nvm->wusl, &l->f.uncor_max },
	};

	l->f.oncs = le16toh(l->id.ctrl.oncs);
	l->f.dsm_ranges = nvm->dmrl;
	for (int i = 0; i < 3; i++) {
		*commands[i].max = hard_limit(l, commands[i].bit, commands[i].limit);
		if (*commands[i].max || in_effects(l, commands[i].opcode))
			l->f.oncs |= commands[i].bit;
	}
}

/* 3.3.2: Copy descriptor formats 2h and 3h are usable only if the host has enabled them. */
static uint16_t enabled_formats(struct lab *l)
{
	uint8_t page[BEHAVIOR_SIZE] = { 0 };
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_get_features, .cdw10 = FEAT_HOST_BEHAVIOR,
		.addr = (uintptr_t)page, .data_len = sizeof(page),
	};

	if (l->ns->ops->admin(l->ns, &cmd))
		memset(page, 0, sizeof(page));
	return le16toh(l->id.ctrl.ocfs) & (3 | (page[CDFE] & 0xc));
}

/* 4.1.5.1, figure 114, and 4.1.5.3, figure 118. */
static void decode_ns(struct lab *l)
{
	const struct nvme_id_ns *ns = &l->id.ns;
	const unsigned index = (ns->flbas & 0xf) | (ns->flbas >> 5 & 3) << 4;
	const uint32_t elbaf = le32toh(l->id.nvm.elbaf[index]);
	struct qm_format *f = &l->f;

	f->nsid = l->ns->nsid;
	f->data_size =
		ns->lbaf[index].ds >= 9 && ns->lbaf[index].ds < 32 ? 1u << ns->lbaf[index].ds : 0;
	f->md_size = le16toh(ns->lbaf[index].ms);
	f->extended = f->md_size && ns->flbas & 1 << 4;
	f->type = ns->dps & 7;
	f->first = f->type && ns->dps & 1 << 3;
	f->pif = f->type ? elbaf >> 7 & 3 : 0;
	if (f->pif == 3)			/* qualified: QPIF has the guard format */
		f->pif = elbaf >> 9 & 0xf;
	f->sts = f->type ? elbaf & 0x7f : 0;
	f->storage_mask = le64toh(l->id.nvm.lbstm);
	f->nr_blocks = le64toh(ns->nsze);
	f->drb = ns->dlfeat & 7;
	f->gds = ns->dlfeat >> 4 & 1;
	f->copy_range = le16toh(ns->mssrl);
	f->copy_blocks = le32toh(ns->mcl);
	f->copy_ranges = ns->msrc + 1;
	f->copy_stcr = l->id.nvm.pic >> 2 & 1;
}

static void decode_ctrl(struct lab *l)
{
	const struct nvme_id_ctrl *ctrl = &l->id.ctrl;

	put_string(l->id.model, sizeof(l->id.model), ctrl->mn);
	put_string(l->id.serial, sizeof(l->id.serial), ctrl->sn);
	put_string(l->id.firmware, sizeof(l->id.firmware), ctrl->fr);
	l->id.version = le32toh(ctrl->ver);
	l->f.max_bytes = ctrl->mdts && ctrl->mdts < 20 ? (uint64_t)MIN_PAGE << ctrl->mdts : 0;
	l->f.flush_all = ctrl->vwc >> 1 & 3;
	l->f.data_only = le32toh(ctrl->ctratt) & CTRATT_MEM;
	decode_commands(l);
	l->f.copy_formats = enabled_formats(l);
}

/* Returns the blocks of a zone; 0: the namespace is not zoned. */
static uint64_t zone_blocks(const struct lab *l)
{
	const unsigned flbas = l->id.ns.flbas;
	struct nvme_zns_id_ns page;
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_identify, .nsid = l->ns->nsid, .addr = (uintptr_t)&page,
		.data_len = sizeof(page), .cdw10 = NVME_IDENTIFY_CNS_CSI_NS, .cdw11 = NVME_CSI_ZNS << 24,
	};

	if (l->ns->ops->admin(l->ns, &cmd))
		return 0;
	return le64toh(page.lbafe[(flbas & 0xf) | (flbas >> 5 & 3) << 4].zsze);
}

static int check_format(const struct lab *l, char *why)
{
	const struct qm_format *f = &l->f;

	if (!f->data_size || !f->nr_blocks)
		return refuse(
			why, EINVAL,
			"%s: Identify says blocks of %u bytes, %llu of them: nothing can be tried",
			l->path, f->data_size, (unsigned long long)f->nr_blocks);
	if (f->type > 3 || f->pif > 2)
		return refuse(why, EINVAL, "%s: protection type %u with PIF %u is unknown", l->path,
			      f->type, f->pif);
	if (f->type && f->md_size < qm_tuple_size(f))
		return refuse(
			why, EINVAL,
			"%s: Identify says metadata of %u bytes, which hold no protection information of %u",
			l->path, f->md_size, qm_tuple_size(f));
	return 0;
}

int lab_identify(struct lab *l, char why[WHY_MAX])
{
	char name[QM_NAME_MAX];
	int res = identify(l, NVME_IDENTIFY_CNS_CTRL, 0, &l->id.ctrl);

	if (!res)
		res = identify(l, NVME_IDENTIFY_CNS_NS, l->ns->nsid, &l->id.ns);
	if (!res && le32toh(l->id.ctrl.ctratt) & NVME_CTRL_CTRATT_ELBAS)
		res = identify(l, NVME_IDENTIFY_CNS_CSI_NS, l->ns->nsid, &l->id.nvm);
	if (res)
		return refuse(why, EIO, "%s: Identify failed: %s", l->path,
			      qm_status_name(res, name));
	if (identify(l, NVME_IDENTIFY_CNS_CSI_CTRL, 0, &l->id.nvm_ctrl))
		memset(&l->id.nvm_ctrl, 0, sizeof(l->id.nvm_ctrl));
	l->zone_blocks = zone_blocks(l);
	decode_ctrl(l);
	decode_ns(l);
	return check_format(l, why);
}

char *lab_format_name(const struct qm_format *f, char buf[80])
{
	static const char *const guards[] = { "16b", "32b", "64b" };
	int len = snprintf(buf, 80, "%u+%u%s", f->data_size, f->md_size,
			   !f->md_size ? "" : f->extended ? " extended" : " separate");

	if (!f->type)
		snprintf(buf + len, 80 - len, ", no protection information");
	else if (f->sts)
		snprintf(buf + len, 80 - len, ", %s type %u %s, STS %u", guards[f->pif], f->type,
			 f->first ? "first" : "last", f->sts);
	else
		snprintf(buf + len, 80 - len, ", %s type %u %s", guards[f->pif], f->type,
			 f->first ? "first" : "last");
	return buf;
}
