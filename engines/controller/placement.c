// SPDX-License-Identifier: GPL-2.0-only
/* placement.c - writes to placement handles, and the commands of handles; see placement.h */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "placement.h"

/* CDW12: Directive Type [23:20].  CDW13: Directive Specific [31:16]. */
#define DTYPE(cmd) ((cmd)->cdw12 >> 20 & 0xf)
#define DSPEC(cmd) ((cmd)->cdw13 >> 16)
#define DATA_PLACEMENT 2

static uint64_t unit_blocks(const struct ctl_image *img)
{
	return CTL_RECLAIM_UNIT / img->media.data_size;
}

/*
 * Base: Directives, Flexible Data Placement.  Without a directive handle 0 is written.  A placement
 * identifier that there is not is no error: the controller chooses a handle.
 */
static unsigned handle_of(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	return DTYPE(cmd) == DATA_PLACEMENT && DSPEC(cmd) < img->format.ruhs ? DSPEC(cmd) : 0;
}

/* Execute a command that writes @nr blocks, and count them. */
static int write_placed(struct ctl_port *port, const struct nvme_uring_cmd *cmd,
			int (*run)(struct ctl_port *port, const struct nvme_uring_cmd *cmd))
{
	struct ctl_image *img = port->image;
	int ret;

	/* Data Placement is enabled, so any other directive is one that is not. */
	if (DTYPE(cmd) && DTYPE(cmd) != DATA_PLACEMENT)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	ret = run(port, cmd);
	if (!ret)
		img->handles->written[handle_of(img, cmd)] += (cmd->cdw12 & 0xffff) + 1;
	return ret;
}

int ctl_do_placed_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	return write_placed(port, cmd, ctl_do_write);
}

int ctl_do_placed_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	return write_placed(port, cmd, ctl_do_write_zeroes);
}

int ctl_do_placed_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	return write_placed(port, cmd, ctl_do_write_uncorrectable);
}

/* Spec: Reclaim Unit Handle Status Descriptor. */
static struct nvme_fdp_ruh_status_desc describe(const struct ctl_image *img, unsigned i)
{
	return (struct nvme_fdp_ruh_status_desc) {
		.pid = htole16(i), .ruhid = htole16(i),
		.ruamw = htole64(unit_blocks(img) - img->handles->written[i] % unit_blocks(img)),
	};
}

/*
 * CDW10: Management Operation [7:0].  CDW11: Number of Dwords, 0's based; what is beyond the
 * status is zeroes.
 */
int ctl_do_handle_receive(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const uint64_t size = ((uint64_t)cmd->cdw11 + 1) * 4, nr = img->format.ruhs;
	const size_t whole = sizeof(struct nvme_fdp_ruh_status) + nr * sizeof(struct nvme_fdp_ruh_status_desc);
	struct nvme_fdp_ruh_status *status;

	if ((cmd->cdw10 & 0xff) != NVME_IO_MGMT_RECV_RUH_STATUS || size > CTL_MAX_TRANSFER || cmd->data_len < size)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!cmd->addr)
		return -EFAULT;
	status = calloc(1, size > whole ? size : whole);
	if (!status)
		return -ENOMEM;
	status->nruhsd = htole16(nr);
	for (unsigned i = 0; i < nr; i++)
		status->ruhss[i] = describe(img, i);
	memcpy((void *)(uintptr_t)cmd->addr, status, size);
	free(status);
	return 0;
}

/* Let handle @i begin a new reclaim unit, unless its own is empty. */
static void update(struct ctl_image *img, unsigned i)
{
	uint64_t was = img->handles->written[i], blocks = unit_blocks(img);

	while (!atomic_compare_exchange_weak(&img->handles->written[i], &was, (was + blocks - 1) / blocks * blocks))
		;
}

/* CDW10: Management Operation [7:0], number of placement identifiers [31:16], 0's based. */
int ctl_do_handle_send(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	struct ctl_image *img = port->image;
	const unsigned nr = (cmd->cdw10 >> 16) + 1;
	uint16_t pids[CTL_HANDLES_MAX];

	if ((cmd->cdw10 & 0xff) != NVME_IO_MGMT_SEND_RUH_UPDATE || nr > CTL_HANDLES_MAX ||
	    cmd->data_len < nr * sizeof(*pids))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!cmd->addr)
		return -EFAULT;
	memcpy(pids, (void *)(uintptr_t)cmd->addr, nr * sizeof(*pids));
	for (unsigned i = 0; i < nr; i++)
		if (le16toh(pids[i]) >= img->format.ruhs)
			return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	for (unsigned i = 0; i < nr; i++)
		update(img, le16toh(pids[i]));
	return 0;
}
