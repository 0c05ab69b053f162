/* SPDX-License-Identifier: GPL-2.0-only */
/* identify.c - read and decode the Identify data of a namespace and its controller; see nvme.h */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "nvme.h"

/* The unit of MDTS is CAP.MPSMIN; Linux supports only controllers whose minimum is 4 KiB. */
#define MIN_PAGE 4096u

enum { VERSION_1_2 = 0x10200, VERSION_1_3 = 0x10300, CTRATT_MEM = 1 << 16 };

static int identify_set(struct target_ns *ns, unsigned cns, unsigned csi, uint32_t nsid, void *page)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_identify,
		.nsid = nsid,
		.addr = (uintptr_t)page,
		.data_len = NVME_IDENTIFY_DATA_SIZE,
		.cdw10 = cns,
		.cdw11 = csi << 24,
	};

	return nvme_execute_admin(ns, &cmd);
}

static int identify(struct target_ns *ns, unsigned cns, uint32_t nsid, void *page)
{
	return identify_set(ns, cns, NVME_CSI_NVM, nsid, page);
}

/*
 * For a structure that the controller may lack: on failure @page is all zero, and that is no
 * error.  A controller that is still busy has not said whether it has the structure.
 */
static int or_empty(int ret, void *page, size_t size)
{
	if (ret && nvme_result_meaning(ret) != NVME_BUSY) {
		memset(page, 0, size);
		ret = 0;
	}
	return ret;
}

static int identify_optional(struct target_ns *ns, unsigned cns, uint32_t nsid, void *page)
{
	return or_empty(identify(ns, cns, nsid, page), page, NVME_IDENTIFY_DATA_SIZE);
}

/* Some controllers announce the log but do not have it. */
static int read_effects(struct target_ns *ns, struct nvme_identify *id)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_get_log_page,
		.nsid = NVME_NSID_ALL,
		.addr = (uintptr_t)&id->effects,
		.data_len = sizeof(id->effects),
		.cdw10 = NVME_LOG_LID_CMD_EFFECTS | (sizeof(id->effects) / 4 - 1) << 16,
	};

	return or_empty(nvme_execute_admin(ns, &cmd), &id->effects, sizeof(id->effects));
}

static bool has_elbas(const struct nvme_id_ctrl *ctrl)
{
	return le32toh(ctrl->ctratt) & NVME_CTRL_CTRATT_ELBAS;
}

/*
 * Return the namespace's I/O command set.  Each descriptor of @list is a type, a length, two
 * reserved bytes and the value.  Without a descriptor it is the NVM Command Set. Base: Namespace
 * Identification Descriptor.
 */
static unsigned command_set(const uint8_t *list)
{
	for (size_t i = 0; i + 4 < NVME_IDENTIFY_DATA_SIZE && list[i + 1]; i += 4 + list[i + 1])
		if (list[i] == NVME_NIDT_CSI)
			return list[i + 4];
	return NVME_CSI_NVM;
}

static bool can_be_driven(unsigned csi)
{
	return csi == NVME_CSI_NVM || csi == NVME_CSI_ZNS;
}

static int identify_zoned(struct target_ns *ns, struct nvme_identify *id)
{
	int ret;

	if (command_set(id->descriptors) != NVME_CSI_ZNS)
		return 0;
	ret = identify_set(ns, NVME_IDENTIFY_CNS_CSI_NS, NVME_CSI_ZNS, ns->nsid, &id->zns);
	return ret ? ret : identify_set(ns, NVME_IDENTIFY_CNS_CSI_CTRL, NVME_CSI_ZNS, 0, &id->zns_ctrl);
}

int nvme_identify_all(struct target_ns *ns, struct nvme_identify *id)
{
	uint32_t version;
	int ret;

	memset(id, 0, sizeof(*id));
	ret = identify(ns, NVME_IDENTIFY_CNS_CTRL, 0, &id->ctrl);
	if (ret)
		return ret;
	version = le32toh(id->ctrl.ver);
	if (version >= VERSION_1_3)
		ret = identify_optional(ns, NVME_IDENTIFY_CNS_NS_DESC_LIST, ns->nsid, id->descriptors);
	if (ret || !can_be_driven(command_set(id->descriptors)))
		return ret;
	ret = identify(ns, NVME_IDENTIFY_CNS_NS, ns->nsid, &id->ns);
	if (!ret && has_elbas(&id->ctrl))
		ret = identify(ns, NVME_IDENTIFY_CNS_CSI_NS, ns->nsid, &id->nvm);
	if (!ret && version >= VERSION_1_2)
		ret = identify_optional(ns, NVME_IDENTIFY_CNS_CSI_CTRL, 0, &id->nvm_ctrl);
	ret = ret ? ret : identify_zoned(ns, id);
	if (!ret && id->ctrl.lpa & NVME_CTRL_LPA_CMD_EFFECTS)
		ret = read_effects(ns, id);
	return ret;
}

/*
 * Identify strings are padded with blanks and are not terminated.  They have ASCII characters 20h to
 * 7Eh; any other, which could control a terminal, becomes a question mark.
 */
static void copy_string(char *to, const char *from, size_t len)
{
	while (len && (from[len - 1] == ' ' || !from[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		to[i] = !from[i] || (from[i] >= ' ' && from[i] <= '~') ? from[i] : '?';
	to[len] = '\0';
}

unsigned nvme_nr_lbafs(const struct nvme_id_ns *ns)
{
	unsigned nr = ns->nlbaf + 1 + ns->nulbaf;	/* only NLBAF is 0's based */

	return nr < 64 ? nr : 64;
}

/* FLBAS bits 6:5 extend the index only if there are more than 16 formats. */
static unsigned lbaf_index(const struct nvme_id_ns *ns)
{
	unsigned i = ns->flbas & NVME_NS_FLBAS_LOWER_MASK;

	if (nvme_nr_lbafs(ns) > 16)
		i |= (ns->flbas & NVME_NS_FLBAS_HIGHER_MASK) >> 1;
	return i;
}

/* Return 2^@exponent pages in bytes, or 0 (no limit) for exponent 0 and for 4 EiB and more. */
static uint64_t pages(uint8_t exponent)
{
	return exponent && exponent < 50 ? (uint64_t)MIN_PAGE << exponent : 0;
}

static struct nvme_limits decode_limits(const struct nvme_identify *id)
{
	const struct nvme_id_ctrl_nvm *n = &id->nvm_ctrl;

	return (struct nvme_limits){
		.verify = pages(n->vsl), .zeroes = pages(n->wzsl), .uncor = pages(n->wusl),
		.ranges = n->dmrl, .range_blocks = le32toh(n->dmrsl), .trim_blocks = le64toh(n->dmsl),
		.data_only = le32toh(id->ctrl.ctratt) & CTRATT_MEM,
	};
}

/*
 * Return ONCS plus the commands that the effects log adds.  A controller also supports a command
 * whose ONCS bit is clear if it reports limits for that command.
 */
static uint16_t optional_commands(const struct nvme_identify *id, const struct nvme_limits *l)
{
	const struct {
		uint8_t		opcode;
		uint16_t	oncs;
		bool		limited;
	} optional[] = {
		{ nvme_cmd_compare,	 NVME_CTRL_ONCS_COMPARE,	     false },
		{ nvme_cmd_write_uncor,	 NVME_CTRL_ONCS_WRITE_UNCORRECTABLE, l->uncor },
		{ nvme_cmd_dsm,		 NVME_CTRL_ONCS_DSM,
		  l->ranges && l->range_blocks && l->trim_blocks },
		{ nvme_cmd_write_zeroes, NVME_CTRL_ONCS_WRITE_ZEROES,	     l->zeroes },
		{ nvme_cmd_verify,	 NVME_CTRL_ONCS_VERIFY,		     l->verify },
	};
	uint16_t oncs = le16toh(id->ctrl.oncs);

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (optional[i].limited ||
		    le32toh(id->effects.iocs[optional[i].opcode]) & NVME_CMD_EFFECTS_CSUPP)
			oncs |= optional[i].oncs;
	return oncs;
}

/* ELBAF: STS bits 6:0, PIF 8:7, QPIF 12:9. */
static const struct pi_format *decode_elbaf(uint32_t elbaf, uint8_t pic, uint8_t *sts)
{
	*sts = elbaf & NVME_NVM_ELBAF_STS_MASK;
	return pi_format_of((elbaf & NVME_NVM_ELBAF_PIF_MASK) >> 7, elbaf >> 9 & 0xf, pic & 1 << 3);
}

/* Decode the fields that do not depend on the namespace's format. */
static void decode_controller(const struct nvme_identify *id, struct nvme_ns_info *info)
{
	info->limits = decode_limits(id);
	info->oncs = optional_commands(id, &info->limits);
	info->max_transfer = id->ctrl.mdts < 20 ? pages(id->ctrl.mdts) : 0;
	copy_string(info->model, id->ctrl.mn, sizeof(id->ctrl.mn));
	copy_string(info->serial, id->ctrl.sn, sizeof(id->ctrl.sn));
	copy_string(info->firmware, id->ctrl.fr, sizeof(id->ctrl.fr));
	memcpy(info->eui64, id->ns.eui64, sizeof(info->eui64));
	memcpy(info->nguid, id->ns.nguid, sizeof(info->nguid));
}

static int refuse_command_set(unsigned csi, uint32_t nsid, char *why)
{
	static const char *const names[] = { "NVM", "Key Value", "Zoned Namespace",
					     "Subsystem Local Memory", "Computational Programs" };

	return refuse(why, EINVAL, "namespace %u is of the %s Command Set (CSI %02xh), which is not "
		      "supported: give a namespace of the NVM Command Set", nsid,
		      csi < sizeof(names) / sizeof(names[0]) ? names[csi] : "unknown", csi);
}

/* Check that the namespace is active and that its LBA format @i is usable. */
static int check_namespace(const struct nvme_id_ns *ns, unsigned i, uint32_t nsid, char *why)
{
	if (!ns->nsze)
		return refuse(why, EINVAL, "namespace %u has no blocks: it is not active, or the path to "
			      "it is not (asymmetric access)", nsid);
	if (i >= nvme_nr_lbafs(ns))
		return refuse(why, EINVAL, "LBA format %u is in use (FLBAS), and there are %u formats: "
			      "Identify contradicts itself", i, nvme_nr_lbafs(ns));
	if (!ns->lbaf[i].ds)
		return refuse(why, EINVAL, "LBA format %u has no data size: the format is not available", i);
	if (ns->lbaf[i].ds < 9 || ns->lbaf[i].ds > 30)
		return refuse(why, EINVAL, "LBA format %u has a data size of 2^%u bytes: not one of "
			      "512 bytes to 1 GiB", i, ns->lbaf[i].ds);
	return 0;
}

static int decode_guard(const struct nvme_identify *id, unsigned i, struct nvme_ns_info *info, char *why)
{
	struct pi_layout *l = &info->layout;

	l->format = &pi_formats[0];
	if (has_elbas(&id->ctrl)) {
		l->format = decode_elbaf(le32toh(id->nvm.elbaf[i]), id->nvm.pic, &l->sts);
		info->storage_mask = le64toh(id->nvm.lbstm);
	}
	if (!l->format)
		return refuse(why, EINVAL, "LBA format %u has a guard format that is reserved "
			      "(ELBAF %08xh)", i, le32toh(id->nvm.elbaf[i]));
	info->pif = l->format - pi_formats;
	return 0;
}

/* Zoned: limits of all ones are none, and zero here. */
static void decode_zones(const struct nvme_identify *id, struct nvme_ns_info *info)
{
	if (info->csi != NVME_CSI_ZNS)
		return;
	info->zones = (struct nvme_zones) {
		.blocks = le64toh(id->zns.lbafe[info->lbaf].zsze),
		.max_open = le32toh(id->zns.mor) + 1,
		.max_active = le32toh(id->zns.mar) + 1,
		.append = id->zns_ctrl.zasl ? MIN_PAGE << id->zns_ctrl.zasl : 0,
		.cross = le16toh(id->zns.ozcs) & 1,
	};
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
		.csi = command_set(id->descriptors),
		.dlfeat = ns->dlfeat,
	};
	decode_controller(id, info);
	decode_zones(id, info);
	if (!can_be_driven(info->csi))
		return refuse_command_set(info->csi, nsid, why);
	if (check_namespace(ns, i, nsid, why))
		return -EINVAL;
	l->data_size = 1u << ns->lbaf[i].ds;
	l->md_size = le16toh(ns->lbaf[i].ms);
	l->extended = l->md_size && ns->flbas & NVME_NS_FLBAS_META_EXT;
	l->type = ns->dps & NVME_NS_DPS_PI_MASK;
	l->first = ns->dps & NVME_NS_DPS_PI_FIRST;
	l->ones = (ns->dlfeat & NVME_READS_MASK) != NVME_READS_ZEROES;
	if (l->type != PI_NONE && decode_guard(id, i, info, why))
		return -EINVAL;
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
