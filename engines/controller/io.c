// SPDX-License-Identifier: GPL-2.0-only
/* io.c - dispatch of I/O commands, and what all of them have in common; see io.h */
#include <errno.h>
#include "cache.h"
#include "commands.h"
#include "image.h"

/* Write everything to media. */
static int flush(struct ctl_image *img)
{
	const uint64_t now = img->cache ? ctl_cache_now(img) : 0;
	const int ret = ctl_image_sync(img);

	if (!ret && img->cache)
		ctl_cache_commit(img, now);
	return ret;
}

int ctl_fua(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const bool own = cmd->opcode == nvme_cmd_write || cmd->opcode == nvme_cmd_write_zeroes;

	if (!port->image->cache || !own)
		return flush(port->image);
	ctl_cache_harden(port->image, port->nr, (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
			 (cmd->cdw12 & 0xffff) + 1);
	return ctl_image_sync(port->image);
}

static int do_flush(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	(void)cmd;
	return flush(port->image);
}

static const struct command {
	int	(*run)(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
	bool	changes;		/* needs a journal and write permission */
	bool	user_data;		/* accesses user data, so its format must be enabled */
	bool	has_fua;
} commands[][256] = {
	[CTL_PLAIN] = {
		[nvme_cmd_flush]		= { do_flush, false, false, false },
		[nvme_cmd_write]		= { ctl_do_write, true, true, true },
		[nvme_cmd_read]			= { ctl_do_read, false, true, true },
		[nvme_cmd_write_uncor]		= { ctl_do_write_uncorrectable, true, true, false },
		[nvme_cmd_compare]		= { ctl_do_compare, false, true, true },
		[nvme_cmd_write_zeroes]		= { ctl_do_write_zeroes, true, true, true },
		[nvme_cmd_dsm]			= { ctl_do_dsm, true, false, false },
		[nvme_cmd_verify]		= { ctl_do_verify, false, true, true },
		[nvme_cmd_copy]			= { ctl_do_copy, true, true, true },
	},
	[CTL_ZONED] = {
		[nvme_cmd_flush]		= { do_flush, false, false, false },
		[nvme_cmd_write]		= { ctl_do_zone_write, true, true, true },
		[nvme_cmd_read]			= { ctl_do_read, false, true, true },
		[nvme_cmd_write_uncor]		= { ctl_do_zone_write_uncorrectable, true, true, false },
		[nvme_cmd_compare]		= { ctl_do_compare, false, true, true },
		[nvme_cmd_write_zeroes]		= { ctl_do_zone_write_zeroes, true, true, true },
		[nvme_cmd_dsm]			= { ctl_do_dsm, true, false, false },
		[nvme_cmd_verify]		= { ctl_do_verify, false, true, true },
		[nvme_cmd_copy]			= { ctl_do_copy, true, true, true },
		[nvme_zns_cmd_mgmt_send]	= { ctl_do_zone_send, true, false, false },
		[nvme_zns_cmd_mgmt_recv]	= { ctl_do_zone_receive, false, false, false },
		[nvme_zns_cmd_append]		= { ctl_do_zone_append, true, true, true },
	},
	[CTL_PLACED] = {
		[nvme_cmd_flush]		= { do_flush, false, false, false },
		[nvme_cmd_write]		= { ctl_do_placed_write, true, true, true },
		[nvme_cmd_read]			= { ctl_do_read, false, true, true },
		[nvme_cmd_write_uncor]		= { ctl_do_placed_write_uncorrectable, true, true, false },
		[nvme_cmd_compare]		= { ctl_do_compare, false, true, true },
		[nvme_cmd_write_zeroes]		= { ctl_do_placed_write_zeroes, true, true, true },
		[nvme_cmd_dsm]			= { ctl_do_dsm, true, false, false },
		[nvme_cmd_verify]		= { ctl_do_verify, false, true, true },
		[nvme_cmd_copy]			= { ctl_do_copy, true, true, true },
		[nvme_cmd_io_mgmt_recv]		= { ctl_do_handle_receive, false, false, false },
		[nvme_cmd_io_mgmt_send]		= { ctl_do_handle_send, true, false, false },
	},
};

/* Spec: NVM Command Set Commands, LBAFEE. */
static bool is_disabled(const struct ctl_image *img)
{
	return !img->behavior[CTL_LBAFEE] && ctl_has_pi(img) && (img->format.ns.pif || img->media.sts);
}

/* Claim a journal.  The queue has usually done so before, and reported why if it failed. */
static int claim(struct ctl_port *port)
{
	char why[WHY_MAX];

	return ctl_port_claim(port, why);
}

/* Spec: FUA commits blocks to media before they are read and after they are written. */
#define FUA(cmd) ((cmd)->cdw12 >> 30 & 1)

/* Bytes of a command to prefetch; the hardware prefetcher continues after them. */
#define AHEAD 4096u

static inline void fetch(const uint8_t *p, bool to_write)
{
	if (to_write)
		__builtin_prefetch(p, 1, 2);
	else
		__builtin_prefetch(p, 0, 2);
}

static inline void fetch_blocks(const struct ctl_image *img, uint64_t lba, uint64_t nr, bool to_write)
{
	const size_t size = nr * img->media.data_size;

	for (size_t i = 0; i < size && i < AHEAD; i += 64)
		fetch(ctl_data_at(img, lba) + i, to_write);
	if (img->media.md_size)
		fetch(ctl_md_at(img, lba), to_write);
}

void ctl_expect(const struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const uint64_t lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10, nr = (cmd->cdw12 & 0xffff) + 1;

	if (ctl_in_range(port->image, lba, nr))
		return;
	if (cmd->opcode == nvme_cmd_read)
		fetch_blocks(port->image, lba, nr, false);
	if (cmd->opcode == nvme_cmd_write)
		fetch_blocks(port->image, lba, nr, true);
}

int ctl_io(struct ctl_port *port, const struct nvme_uring_cmd *cmd, bool may_write)
{
	const struct command *c = &commands[port->image->command_set][cmd->opcode];
	const bool all = cmd->opcode == nvme_cmd_flush && cmd->nsid == NVME_NSID_ALL;
	const bool fua = c->has_fua && FUA(cmd);
	int ret;

	if (cmd->flags)				/* as in the kernel, which owns FUSE and PSDT */
		return -EINVAL;
	if (cmd->nsid != 1 && !all)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (!c->run)
		return CTL_ST_INVALID_OPCODE | NVME_ST_DNR;
	if (c->user_data && is_disabled(port->image))
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (c->changes && !may_write)
		return -EACCES;
	ret = c->changes ? claim(port) : 0;
	if (!ret && fua && !c->changes)
		ret = ctl_fua(port, cmd);
	ret = ret ? ret : c->run(port, cmd);
	if (!ret && fua && c->changes)
		ret = ctl_fua(port, cmd);
	return ret;
}
