/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * block-identify.c - Identify data of a block device that is no NVMe namespace (dm, md): what the
 * kernel says of its integrity profile, in the structures of NVMe
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "block.h"
#include "kernel.h"

/* What FS_IOC_GETLBMD_CAP stores; older headers do not have it. */
struct profile {
	uint32_t	flags;
	uint16_t	interval;	/* bytes of data that a tuple covers */
	uint8_t		size;		/* bytes of metadata */
	uint8_t		opaque_size, opaque_offset;
	uint8_t		tuple_size, tuple_offset;
	uint8_t		guard;		/* GUARD_* */
	uint8_t		app_size, ref_size, storage_size;
	uint8_t		pad;
};

#define GET_PROFILE _IOWR(0x15, 2, struct profile)
enum { HAS_INTEGRITY = 1 << 0, HAS_REF = 1 << 1 };
enum { GUARD_NONE, GUARD_IP, GUARD_CRC16, GUARD_CRC64 = 4 };
enum { PIF_64B = 2, VERSION_1_2 = 0x10200, INVALID_FIELD = 0x4002 };

static struct profile profile_of(const struct block_ns *b)
{
	struct profile p;

	_Static_assert(sizeof(p) == sizeof(b->profile), "one size");
	memcpy(&p, b->profile, sizeof(p));
	return p;
}

int block_read_profile(struct block_ns *b, const char *path, char why[WHY_MAX])
{
	const char *lacks = kernel_lacks(KERNEL_PROFILE);
	struct profile p = { 0 };

	if (lacks)
		return refuse(why, EOPNOTSUPP, "%s is a block device that is no NVMe namespace: %s", path, lacks);
	if (ioctl(b->ns.fd, GET_PROFILE, &p) || !(p.flags & HAS_INTEGRITY))
		return refuse(why, EINVAL, "%s is a block device without integrity profile: it has no protection "
			      "information; give an NVMe namespace, or dm or md on some", path);
	if (p.guard == GUARD_IP || p.interval != 1u << b->shift || p.storage_size)
		return refuse(why, EINVAL, "%s is a block device with an integrity profile that no NVMe format has",
			      path);
	memcpy(b->profile, &p, sizeof(p));
	return 0;
}

static void put_text(char *to, size_t size, const char *text)
{
	memset(to, ' ', size);
	memcpy(to, text, strnlen(text, size));
}

static void put_controller(const struct block_ns *b, struct nvme_id_ctrl *c)
{
	put_text(c->sn, sizeof(c->sn), b->name);
	put_text(c->mn, sizeof(c->mn), "block device");
	put_text(c->fr, sizeof(c->fr), "");
	c->ver = htole32(VERSION_1_2);
	c->ctratt = htole32(NVME_CTRL_CTRATT_ELBAS);
	c->oncs = htole16(b->discards ? NVME_CTRL_ONCS_DSM : 0);
}

static void put_namespace(const struct block_ns *b, struct nvme_id_ns *n)
{
	const struct profile p = profile_of(b);

	n->nsze = n->ncap = n->nuse = htole64(b->nr_blocks);
	n->mc = NVME_NS_MC_SEPARATE;
	n->lbaf[0].ms = htole16(p.size);
	n->lbaf[0].ds = b->shift;
	if (p.guard == GUARD_NONE)
		return;
	n->dps = p.flags & HAS_REF ? NVME_NS_DPS_PI_TYPE1 : NVME_NS_DPS_PI_TYPE3;
	n->dpc = 1 << (n->dps - 1);
	if (!p.tuple_offset && p.size > p.tuple_size)
		n->dps |= NVME_NS_DPS_PI_FIRST;
	n->dpc |= n->dps & NVME_NS_DPS_PI_FIRST ? NVME_NS_DPC_PI_FIRST : NVME_NS_DPC_PI_LAST;
}

static void put_guard(const struct block_ns *b, struct nvme_nvm_id_ns *n)
{
	n->elbaf[0] = htole32(profile_of(b).guard == GUARD_CRC64 ? PIF_64B << 7 : 0);
}

int block_identify(const struct block_ns *b, const struct nvme_uring_cmd *cmd)
{
	void *page = (void *)(uintptr_t)cmd->addr;

	if (cmd->opcode != nvme_admin_identify || cmd->data_len != NVME_IDENTIFY_DATA_SIZE)
		return INVALID_FIELD;
	memset(page, 0, NVME_IDENTIFY_DATA_SIZE);
	switch (cmd->cdw10 & 0xff) {
	case NVME_IDENTIFY_CNS_CTRL:	put_controller(b, page); return 0;
	case NVME_IDENTIFY_CNS_NS:	put_namespace(b, page); return 0;
	case NVME_IDENTIFY_CNS_CSI_NS:	put_guard(b, page); return 0;
	default:			return INVALID_FIELD;
	}
}
