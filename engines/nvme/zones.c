/* SPDX-License-Identifier: GPL-2.0-only */
/* zones.c - the commands that manage zones; see nvme.h */
#include "nvme.h"

int nvme_report_zones(struct target_ns *ns, uint64_t slba, struct nvme_zone_report *report, uint32_t size)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_zns_cmd_mgmt_recv,
		.nsid = ns->nsid,
		.addr = (uintptr_t)report,
		.data_len = size,
		.cdw10 = slba,
		.cdw11 = slba >> 32,
		.cdw12 = size / 4 - 1,			/* 0's based */
		.cdw13 = NVME_ZNS_ZRA_REPORT_ZONES | 1 << 16,	/* partial */
	};

	return ns->ops->io(ns, &cmd);
}

int nvme_send_zone(struct target_ns *ns, uint64_t slba, unsigned action)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_zns_cmd_mgmt_send,
		.nsid = ns->nsid,
		.cdw10 = slba,
		.cdw11 = slba >> 32,
		.cdw13 = action,
	};

	return ns->ops->io(ns, &cmd);
}
