/* SPDX-License-Identifier: GPL-2.0-only */
/* nvme.c - see nvme.h */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "nvme.h"

/* MDTS counts pages of CAP.MPSMIN; every controller Linux drives has 4 KiB. */
#define MIN_PAGE 4096u

static int identify(struct target_ns *ns, unsigned cns, uint32_t nsid, void *page)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_identify,
		.nsid = nsid,
		.addr = (uintptr_t)page,
		.data_len = NVME_IDENTIFY_DATA_SIZE,
		.cdw10 = cns,
	};

	return ns->ops->admin(ns, &cmd);
}

/* Not all controllers that announce it have it: failing leaves it empty. */
static void read_effects(struct target_ns *ns, struct nvme_identify *id)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_get_log_page,
		.nsid = NVME_NSID_ALL,
		.addr = (uintptr_t)&id->effects,
		.data_len = sizeof(id->effects),
		.cdw10 = NVME_LOG_LID_CMD_EFFECTS | (sizeof(id->effects) / 4 - 1) << 16,
	};

	if (ns->ops->admin(ns, &cmd))
		memset(&id->effects, 0, sizeof(id->effects));
}

static bool has_elbas(const struct nvme_id_ctrl *ctrl)
{
	return le32toh(ctrl->ctratt) & NVME_CTRL_CTRATT_ELBAS;
}

int nvme_identify_all(struct target_ns *ns, struct nvme_identify *id)
{
	int ret;

	memset(id, 0, sizeof(*id));
	ret = identify(ns, NVME_IDENTIFY_CNS_CTRL, 0, &id->ctrl);
	if (!ret)
		ret = identify(ns, NVME_IDENTIFY_CNS_NS, ns->nsid, &id->ns);
	if (!ret && has_elbas(&id->ctrl))
		ret = identify(ns, NVME_IDENTIFY_CNS_CSI_NS, ns->nsid, &id->nvm);
	if (!ret && id->ctrl.lpa & NVME_CTRL_LPA_CMD_EFFECTS)
		read_effects(ns, id);
	return ret;
}

/* Identify strings are padded with blanks and not terminated. */
static void copy_string(char *to, const char *from, size_t len)
{
	while (len && (from[len - 1] == ' ' || !from[len - 1]))
		len--;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* FLBAS bits 6:5 extend the index only where there are more than 16 formats. */
static unsigned lbaf_index(const struct nvme_id_ns *ns)
{
	unsigned i = ns->flbas & NVME_NS_FLBAS_LOWER_MASK;

	if (ns->nlbaf >= 16)
		i |= (ns->flbas & NVME_NS_FLBAS_HIGHER_MASK) >> 1;
	return i;
}

/* ONCS, and what the effects log adds to it. */
static uint16_t optional_commands(const struct nvme_identify *id)
{
	static const struct {
		uint8_t		opcode;
		uint16_t	oncs;
	} optional[] = {
		{ nvme_cmd_compare,	 NVME_CTRL_ONCS_COMPARE },
		{ nvme_cmd_write_uncor,	 NVME_CTRL_ONCS_WRITE_UNCORRECTABLE },
		{ nvme_cmd_dsm,		 NVME_CTRL_ONCS_DSM },
		{ nvme_cmd_write_zeroes, NVME_CTRL_ONCS_WRITE_ZEROES },
		{ nvme_cmd_verify,	 NVME_CTRL_ONCS_VERIFY },
	};
	uint16_t oncs = le16toh(id->ctrl.oncs);

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (le32toh(id->effects.iocs[optional[i].opcode]) & NVME_CMD_EFFECTS_CSUPP)
			oncs |= optional[i].oncs;
	return oncs;
}

/* ELBAF: STS bits 6:0, PIF 8:7, QPIF 12:9. */
static const struct pi_format *decode_elbaf(uint32_t elbaf, uint8_t pic, uint8_t *sts)
{
	*sts = elbaf & NVME_NVM_ELBAF_STS_MASK;
	return pi_format_of((elbaf & NVME_NVM_ELBAF_PIF_MASK) >> 7, elbaf >> 9 & 0xf, pic & 1 << 3);
}

int nvme_decode(const struct nvme_identify *id, uint32_t nsid, struct nvme_ns_info *info,
		char why[WHY_MAX])
{
	const struct nvme_id_ns *ns = &id->ns;
	struct pi_layout *l = &info->layout;
	unsigned i = lbaf_index(ns);
	const char *words;

	*info = (struct nvme_ns_info) {
		.nsid = nsid,
		.nr_blocks = le64toh(ns->nsze),
		.lbaf = i,
		.oncs = optional_commands(id),
		.max_transfer = id->ctrl.mdts && id->ctrl.mdts < 20 ? MIN_PAGE << id->ctrl.mdts : 0,
	};
	copy_string(info->model, id->ctrl.mn, sizeof(id->ctrl.mn));
	copy_string(info->serial, id->ctrl.sn, sizeof(id->ctrl.sn));
	copy_string(info->firmware, id->ctrl.fr, sizeof(id->ctrl.fr));

	if (!info->nr_blocks)
		return refuse(why, EINVAL, "namespace %u has no blocks: it is not active", nsid);
	if (ns->lbaf[i].ds < 9 || ns->lbaf[i].ds > 30)
		return refuse(why, EINVAL, "LBA format %u has a data size of 2^%u bytes: not one of 512 or more",
			      i, ns->lbaf[i].ds);
	l->data_size = 1u << ns->lbaf[i].ds;
	l->md_size = le16toh(ns->lbaf[i].ms);
	l->extended = l->md_size && ns->flbas & NVME_NS_FLBAS_META_EXT;
	l->type = ns->dps & NVME_NS_DPS_PI_MASK;
	l->first = ns->dps & NVME_NS_DPS_PI_FIRST;

	if (l->type != PI_NONE) {
		l->format = &pi_formats[0];
		if (has_elbas(&id->ctrl)) {
			l->format = decode_elbaf(le32toh(id->nvm.elbaf[i]), id->nvm.pic, &l->sts);
			info->storage_mask = le64toh(id->nvm.lbstm);
		}
		if (!l->format)
			return refuse(why, EINVAL, "LBA format %u has a guard format that is reserved "
				      "(ELBAF %08xh)", i, le32toh(id->nvm.elbaf[i]));
		info->pif = l->format - pi_formats;
	}
	if (pi_layout_check(l, &words))
		return refuse(why, EINVAL, "LBA format %u: %s", i, words);
	info->remark = words;
	return 0;
}

int nvme_expect(const struct nvme_ns_info *info, const struct ns_format *want,
		char why[WHY_MAX])
{
	const struct pi_layout *l = &info->layout;
	const struct {
		const char *name;
		int want, have;
		bool matters;
	} fields[] = {
		{ "ns_lbs", want->lbs, l->data_size, true },
		{ "ns_ms", want->ms, l->md_size, true },
		{ "ns_mset", want->mset, l->extended, true },
		{ "ns_pi", want->pi, l->type, true },
		{ "ns_pil", want->pil, l->first, l->type != PI_NONE },
		{ "ns_pif", want->pif, info->pif, l->type != PI_NONE },
		{ "ns_sts", want->sts, l->sts, l->type != PI_NONE },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].matters && fields[i].want >= 0 && fields[i].want != fields[i].have &&
		    n < WHY_MAX)
			n += snprintf(why + n, WHY_MAX - n, "%s%s=%d, but it is %d",
				      n ? "; " : "", fields[i].name, fields[i].want,
				      fields[i].have);
	return n ? -EINVAL : 0;
}

char *nvme_format_name(const struct nvme_ns_info *info, char buf[NVME_FORMAT_MAX])
{
	const struct pi_layout *l = &info->layout;
	int n = snprintf(buf, NVME_FORMAT_MAX, "%u+%u", l->data_size, l->md_size);

	if (l->md_size)
		n += snprintf(buf + n, NVME_FORMAT_MAX - n, " %s",
			      l->extended ? "extended" : "separate");
	if (l->type == PI_NONE)
		snprintf(buf + n, NVME_FORMAT_MAX - n, ", no PI");
	else
		n += snprintf(buf + n, NVME_FORMAT_MAX - n, ", %s type %d %s", l->format->name,
			      l->type, l->first ? "first" : "last");
	if (l->sts)
		snprintf(buf + n, NVME_FORMAT_MAX - n, ", STS %u", l->sts);
	return buf;
}

struct nvme_wire nvme_wire(const struct pi_layout *l, bool pract)
{
	bool stripped = pract && l->type != PI_NONE && l->md_size == l->format->tuple_size;
	uint32_t md = stripped ? 0 : l->md_size;

	return (struct nvme_wire) {
		.data = l->data_size + (l->extended ? md : 0),
		.md = l->extended ? 0 : md,
		.pi = l->type != PI_NONE && !stripped,
	};
}

/* What each command has besides SLBA and NLB. */
enum {
	HAS_BUFFERS	= 1 << 0,
	HAS_PRACT	= 1 << 1,
	HAS_PRCHK	= 1 << 2,
	HAS_FUA		= 1 << 3,
	HAS_DEAC	= 1 << 4,
};

/*
 * PRACT of Compare and Verify shall be cleared, and Write Zeroes has nothing to
 * check; setting them has the command refused.
 */
static const uint8_t has[256] = {
	[nvme_cmd_read]		= HAS_BUFFERS | HAS_PRACT | HAS_PRCHK | HAS_FUA,
	[nvme_cmd_write]	= HAS_BUFFERS | HAS_PRACT | HAS_PRCHK | HAS_FUA,
	[nvme_cmd_compare]	= HAS_BUFFERS | HAS_PRCHK | HAS_FUA,
	[nvme_cmd_verify]	= HAS_PRCHK | HAS_FUA,
	[nvme_cmd_write_zeroes]	= HAS_PRACT | HAS_FUA | HAS_DEAC,
	[nvme_cmd_write_uncor]	= 0,
};

static void set_tags(struct nvme_uring_cmd *cmd, const struct pi_layout *l, const struct pi_tags *t)
{
	struct pi_tags same = *t;
	struct pi_dwords d;

	same.ref = 0;
	d = pi_tags_pack(l, &same);
	cmd->cdw2 = d.cdw2;
	cmd->cdw3 = d.cdw3;
	cmd->cdw14 = d.cdw14;
	cmd->cdw15 = d.cdw15;
}

struct nvme_kind nvme_kind(const struct nvme_ns_info *info, const struct nvme_io *io)
{
	const struct pi_layout *l = &info->layout;
	unsigned can = has[io->opcode];
	struct nvme_kind k = {
		.cmd = { .opcode = io->opcode, .nsid = info->nsid },
		.checks = io->checks,
		.tagged = can & (HAS_PRACT | HAS_PRCHK) && l->type != PI_NONE,
	};

	if (can & HAS_BUFFERS)
		k.wire = nvme_wire(l, io->pract && can & HAS_PRACT);
	if (can & HAS_FUA)
		k.cmd.cdw12 |= (uint32_t)io->fua << 30;
	if (can & HAS_DEAC)
		k.cmd.cdw12 |= (uint32_t)io->deac << 25;
	if (k.tagged && can & HAS_PRACT)
		k.cmd.cdw12 |= (uint32_t)io->pract << 29;
	if (k.tagged && can & HAS_PRCHK) {
		k.cmd.cdw12 |= (io->checks & (PI_GUARD | PI_APP | PI_REF)) << 26;
		k.cmd.cdw12 |= (uint32_t)!!(io->checks & PI_STORAGE) << 24;
	}
	if (k.tagged)
		set_tags(&k.cmd, l, &io->tags);
	return k;
}

void nvme_build_io(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		   const struct nvme_io *io)
{
	struct nvme_kind k = nvme_kind(info, io);

	nvme_place(cmd, &k, io);
}

void nvme_build_dsm(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		    struct nvme_dsm_range *ranges, unsigned nr)
{
	*cmd = (struct nvme_uring_cmd){
		.opcode = nvme_cmd_dsm, .nsid = info->nsid,
		.addr = (uintptr_t)ranges, .data_len = nr * sizeof(*ranges),
		.cdw10 = nr - 1,		/* NR is 0's based */
		.cdw11 = NVME_DSMGMT_AD,
	};
}

void nvme_build_flush(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info)
{
	*cmd = (struct nvme_uring_cmd){ .opcode = nvme_cmd_flush, .nsid = info->nsid };
}
