/* SPDX-License-Identifier: GPL-2.0-only */
/* placement.c - the command that reports placement handles; see nvme.h */
#include "nvme.h"

int nvme_handle_status(struct target_ns *ns, struct nvme_fdp_ruh_status *status, uint32_t size)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_io_mgmt_recv,
		.nsid = ns->nsid,
		.addr = (uintptr_t)status,
		.data_len = size,
		.cdw10 = NVME_IO_MGMT_RECV_RUH_STATUS,
		.cdw11 = size / 4 - 1,			/* 0's based */
	};

	return ns->ops->io(ns, &cmd);
}
