// SPDX-License-Identifier: GPL-2.0-only
/* identify.c - Identify data of the embedded controller; see io.h */
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include "io.h"

/*
 * The LBA formats on offer, the first eight as other controllers have them.  Each supports all
 * types, placements and transfer modes.
 */
static const struct ns_format lbafs[] = {
	{ .lbs = 512 },
	{ .lbs = 512, .ms = 8 },
	{ .lbs = 512, .ms = 16 },
	{ .lbs = 512, .ms = 64 },
	{ .lbs = 4096 },
	{ .lbs = 4096, .ms = 8 },
	{ .lbs = 4096, .ms = 16 },
	{ .lbs = 4096, .ms = 64 },
	{ .lbs = 4096, .ms = 8, .sts = 16 },
	{ .lbs = 4096, .ms = 16, .pif = 1, .sts = 16 },
	{ .lbs = 4096, .ms = 16, .pif = 1, .sts = 64 },
	{ .lbs = 4096, .ms = 64, .pif = 1, .sts = 16 },
	{ .lbs = 4096, .ms = 16, .pif = 2 },
	{ .lbs = 4096, .ms = 16, .pif = 2, .sts = 48 },
	{ .lbs = 4096, .ms = 64, .pif = 2 },
};
enum { NR_LBAFS = sizeof(lbafs) / sizeof(lbafs[0]) };

static bool alike(const struct ns_format *a, const struct ns_format *b)
{
	return a->lbs == b->lbs && a->ms == b->ms && a->pif == b->pif && a->sts == b->sts;
}

/* An image's format that is not in the list is appended to it. */
unsigned ctl_lbaf_current(const struct ctl_image *img)
{
	unsigned i = 0;

	while (i < NR_LBAFS && !alike(&lbafs[i], &img->format.ns))
		i++;
	return i;
}

bool ctl_lbaf(const struct ctl_image *img, unsigned index, struct ns_format *ns)
{
	if (index < NR_LBAFS)
		*ns = lbafs[index];
	else if (index == ctl_lbaf_current(img))
		*ns = img->format.ns;
	else
		return false;
	return true;
}

/* Strings of Identify are padded with blanks. */
static void put_string(char *to, size_t len, const char *from)
{
	memset(to, ' ', len);
	memcpy(to, from, strnlen(from, len));
}

/* ONCS bits that libnvme does not name yet. */
enum {
	NVMCSA = 1 << 9,	/* Copy writes are as atomic as Write: per block */
	NVMAFC = 1 << 10,	/* Copy is no slower than a read and a write */
};

/* Base: Identify Controller data structure. */
static void identify_ctrl(const struct ctl_image *img, struct nvme_id_ctrl *id)
{
	char serial[21];

	snprintf(serial, sizeof(serial), "%llx-%llx", (unsigned long long)img->dev & 0xffffff,
		 (unsigned long long)img->ino);
	put_string(id->sn, sizeof(id->sn), serial);
	put_string(id->mn, sizeof(id->mn), "nvmepi embedded controller");
	put_string(id->fr, sizeof(id->fr), "1");
	id->mdts = CTL_MDTS;
	id->ver = htole32(0x20000);
	id->ctratt = htole32(NVME_CTRL_CTRATT_ELBAS);
	if (img->handles) {			/* placement is in an endurance group */
		id->ctratt |= htole32(NVME_CTRL_CTRATT_FDPS | NVME_CTRL_CTRATT_ENDURANCE_GROUPS);
		id->endgidmax = htole16(1);
	}
	id->cntrltype = 1;
	id->oacs = htole16(NVME_CTRL_OACS_FORMAT);
	id->frmw = 1 << 1 | 1;			/* one read-only firmware slot */
	id->sqes = 0x66;
	id->cqes = 0x44;
	id->nn = htole32(1);
	id->oncs = htole16(NVME_CTRL_ONCS_COMPARE | NVME_CTRL_ONCS_WRITE_UNCORRECTABLE |
			   NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES |
			   NVME_CTRL_ONCS_VERIFY | NVME_CTRL_ONCS_COPY | NVMCSA | NVMAFC);
	id->vwc = 7;				/* Flush is supported, also for all namespaces */
	id->ocfs = htole16(0xf);		/* Copy Descriptor Formats 0 to 3 */
	snprintf(id->subnqn, sizeof(id->subnqn), "nqn.2014-08.org.nvmexpress:nvmepi:%s", serial);
}

/* Return a locally administered EUI64 from the image's id, or from its inode number without one. */
static void put_eui64(const struct ctl_image *img, uint8_t eui64[8])
{
	const uint64_t id = img->format.id ? img->format.id : img->ino;

	eui64[0] = 0x02;
	for (unsigned i = 0; i < 7; i++)
		eui64[1 + i] = id >> 8 * (6 - i);
}

/* Spec: Identify Namespace data structure. */
static void identify_ns(const struct ctl_image *img, struct nvme_id_ns *id)
{
	const struct pi_layout *l = &img->format.layout;
	const unsigned current = ctl_lbaf_current(img);
	const uint32_t copy = img->journal_blocks < CTL_COPY_BLOCKS ? img->journal_blocks :
			      CTL_COPY_BLOCKS;
	struct ns_format ns;
	unsigned i;

	id->nsze = id->ncap = id->nuse = htole64(img->format.nr_blocks);
	for (i = 0; ctl_lbaf(img, i, &ns); i++) {
		id->lbaf[i].ms = htole16(ns.ms);
		id->lbaf[i].ds = __builtin_ctz(ns.lbs);
	}
	id->nsfeat = NVME_NS_FEAT_DULBE;
	id->nlbaf = i - 1;			/* 0's based */
	id->flbas = (current & 0xf) | (current >> 4 & 3) << 5 | (l->extended ? 1 << 4 : 0);
	id->mc = NVME_NS_MC_EXTENDED | NVME_NS_MC_SEPARATE;
	id->dpc = NVME_NS_DPC_PI_TYPE1 | NVME_NS_DPC_PI_TYPE2 | NVME_NS_DPC_PI_TYPE3 |
		  NVME_NS_DPC_PI_FIRST | NVME_NS_DPC_PI_LAST;
	id->dps = l->type | (l->type != PI_NONE && l->first ? 1 << 3 : 0);
	id->dlfeat = 1 | 1 << 3;		/* reads zeroes; WZ deallocates; guard FFh */
	id->mssrl = htole16(copy);
	id->mcl = htole32(copy);
	id->msrc = CTL_COPY_RANGES - 1;
	id->endgid = htole16(!!img->handles);
	put_eui64(img, id->eui64);
}

/* Spec: I/O Command Set Specific Identify Namespace data structure. */
static void identify_nvm_ns(const struct ctl_image *img, struct nvme_nvm_id_ns *id)
{
	struct ns_format ns;

	id->lbstm = htole64(pi_ones(img->media.sts));
	id->pic = 1 << 0 | 1 << 1 | 1 << 2;	/* STS with 16b; masking; check on reads */
	for (unsigned i = 0; ctl_lbaf(img, i, &ns); i++)
		id->elbaf[i] = htole32(ns.sts | ns.pif << 7);
}

/* Base: Namespace Identification Descriptor: type, length, two reserved bytes, value. */
static void identify_descriptors(const struct ctl_image *img, uint8_t *id)
{
	id[0] = 1;				/* EUI64 */
	id[1] = 8;
	put_eui64(img, id + 4);
	id[12] = 4;				/* CSI */
	id[13] = 1;
	id[16] = img->zones ? NVME_CSI_ZNS : NVME_CSI_NVM;
}

/* Zoned: I/O Command Set Specific Identify Namespace data structure; a limit of all ones is none. */
static void identify_zns_ns(const struct ctl_image *img, struct nvme_zns_id_ns *id)
{
	const struct ns_zones *z = &img->format.zones;

	id->ozcs = htole16(1);			/* reads may cross the end of a zone */
	id->mar = htole32(z->max_active - 1);
	id->mor = htole32(z->max_open - 1);
	id->lbafe[ctl_lbaf_current(img)].zsze = htole64(img->format.zone_blocks);
}

/* Zoned: Identify for the Zoned Namespace Command Set. */
static int identify_zoned(const struct ctl_image *img, unsigned cns, void *page)
{
	struct nvme_zns_id_ctrl *ctrl = page;

	if (cns == NVME_IDENTIFY_CNS_CSI_NS)
		identify_zns_ns(img, page);
	else if (cns == NVME_IDENTIFY_CNS_CSI_CTRL)
		ctrl->zasl = img->format.zones.zasl ? __builtin_ctzll(img->format.zones.zasl / 4096) : 0;
	else
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	return 0;
}

int ctl_identify(const struct ctl_image *img, const struct nvme_uring_cmd *cmd, void *page)
{
	const unsigned cns = cmd->cdw10 & 0xff, csi = cmd->cdw11 >> 24;
	const bool of_ns = cns == NVME_IDENTIFY_CNS_NS || cns == NVME_IDENTIFY_CNS_CSI_NS ||
			   cns == NVME_IDENTIFY_CNS_NS_DESC_LIST;
	uint32_t first = htole32(1);

	memset(page, 0, NVME_IDENTIFY_DATA_SIZE);
	if (of_ns && cmd->nsid != 1)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (cns == NVME_IDENTIFY_CNS_NS_ACTIVE_LIST && cmd->nsid >= NVME_NSID_ALL - 1)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (csi == NVME_CSI_ZNS && img->zones)
		return identify_zoned(img, cns, page);
	if (csi)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	switch (cns) {
	case NVME_IDENTIFY_CNS_NS:
		identify_ns(img, page);
		return 0;
	case NVME_IDENTIFY_CNS_CTRL:
		identify_ctrl(img, page);
		return 0;
	case NVME_IDENTIFY_CNS_NS_ACTIVE_LIST:
		if (cmd->nsid == 0)
			memcpy(page, &first, sizeof(first));
		return 0;
	case NVME_IDENTIFY_CNS_NS_DESC_LIST:
		identify_descriptors(img, page);
		return 0;
	case NVME_IDENTIFY_CNS_CSI_NS:
		identify_nvm_ns(img, page);
		return 0;
	case NVME_IDENTIFY_CNS_CSI_CTRL:
		return 0;	/* VSL, WZSL, WUSL, DMRL, DMRSL, DMSL are 0: only MDTS is a limit */
	default:
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	}
}
