/* SPDX-License-Identifier: GPL-2.0-only */
/* nvme.c - see nvme.h */
#include "nvme.h"

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

/* The fields that a command has in addition to SLBA and NLB. */
enum {
	HAS_BUFFERS	= 1 << 0,
	HAS_PRACT	= 1 << 1,
	HAS_PRCHK	= 1 << 2,
	HAS_FUA		= 1 << 3,
	HAS_DEAC	= 1 << 4,
	HAS_DIRECTIVE	= 1 << 5,
};

/*
 * Compare and Verify require PRACT to be clear, and Write Zeroes checks nothing; the controller
 * refuses a command that sets such a bit.
 */
static const uint8_t has[256] = {
	[nvme_cmd_read]		= HAS_BUFFERS | HAS_PRACT | HAS_PRCHK | HAS_FUA,
	[nvme_cmd_write]	= HAS_BUFFERS | HAS_PRACT | HAS_PRCHK | HAS_FUA | HAS_DIRECTIVE,
	[nvme_cmd_compare]	= HAS_BUFFERS | HAS_PRCHK | HAS_FUA,
	[nvme_cmd_verify]	= HAS_PRCHK | HAS_FUA,
	[nvme_cmd_write_zeroes]	= HAS_PRACT | HAS_FUA | HAS_DEAC | HAS_DIRECTIVE,
	[nvme_cmd_write_uncor]	= HAS_DIRECTIVE,
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

struct nvme_template nvme_template(const struct nvme_ns_info *info, const struct nvme_io *io)
{
	const struct pi_layout *l = &info->layout;
	unsigned can = has[io->opcode];
	struct nvme_template k = {
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
	if (can & HAS_DIRECTIVE)
		nvme_direct(&k.cmd, io->directive);
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

#define PIREMAP (1u << 25)
#define PRCHK_REF (1u << 26)

struct nvme_template nvme_append_template(const struct nvme_ns_info *info, const struct nvme_io *io)
{
	const struct pi_layout *l = &info->layout;
	struct nvme_template k = nvme_template(info, io);

	k.cmd.opcode = nvme_zns_cmd_append;
	k.cmd.cdw12 &= ~PRCHK_REF;
	k.checks &= ~PI_REF;
	k.zone_blocks = info->zones.blocks;
	if (l->type == PI_TYPE1 || l->type == PI_TYPE2) {
		k.cmd.cdw12 |= PIREMAP;
		k.ref_mask = pi_ones(pi_ref_bits(l));
	}
	return k;
}

void nvme_to_append(struct nvme_uring_cmd *cmd, const struct nvme_template *k, const struct nvme_io *io)
{
	const uint64_t start = io->slba - io->slba % k->zone_blocks;
	const uint64_t ref = (io->tags.ref - (io->slba - start)) & k->ref_mask;

	cmd->cdw10 = start;
	cmd->cdw11 = start >> 32;
	if (!k->ref_mask)
		return;
	cmd->cdw3 = k->cmd.cdw3 | ref >> 32;
	cmd->cdw14 = k->cmd.cdw14 | ref;
}

void nvme_build_io(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		   const struct nvme_io *io)
{
	struct nvme_template k = nvme_template(info, io);

	nvme_fill(cmd, &k, io);
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
