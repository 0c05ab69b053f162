/* SPDX-License-Identifier: GPL-2.0-only */
/* job-limits.c - checks the commands of a job against the limits of the controller; see job.h */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "job.h"

enum { MAX_NLB = 65536 };	/* NLB has 16 bits, 0's based */

/* Commands that are optional, and the limits of those that transfer no data. */
static const struct command {
	uint8_t		opcode;
	uint16_t	oncs;
	const char	*name, *option;
	/* name of the limit; NULL: the command transfers data, see check_transfer() */
	const char	*limit;
	size_t		at;		/* offset of the limit in struct nvme_limits */
} commands[] = {
	{ nvme_cmd_write_zeroes, NVME_CTRL_ONCS_WRITE_ZEROES, "Write Zeroes", "write_mode",
	  "WZSL", offsetof(struct nvme_limits, zeroes) },
	{ nvme_cmd_write_uncor, NVME_CTRL_ONCS_WRITE_UNCORRECTABLE, "Write Uncorrectable", "write_mode",
	  "WUSL", offsetof(struct nvme_limits, uncor) },
	{ nvme_cmd_verify, NVME_CTRL_ONCS_VERIFY, "Verify", "write_mode",
	  "VSL", offsetof(struct nvme_limits, verify) },
	{ nvme_cmd_compare, NVME_CTRL_ONCS_COMPARE, "Compare", "verify_mode", NULL, 0 },
	{ nvme_cmd_dsm, NVME_CTRL_ONCS_DSM, "Dataset Management", "rw=trim", NULL, 0 },
};

enum { NR_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

bool job_uses(const struct job_opts *o, uint8_t opcode)
{
	for (unsigned i = 0; o->writes && i < o->write_mode.nr; i++)
		if (o->write_mode.part[i].opcode == opcode)
			return true;
	return false;
}

bool job_changes(const struct job_opts *o)
{
	return !o->only_verifies && (o->trims || job_uses(o, nvme_cmd_write) ||
				     job_uses(o, nvme_cmd_write_zeroes) || job_uses(o, nvme_cmd_write_uncor));
}

/* Returns whether the job sends this command, in any way. */
static bool sends(const struct job_opts *o, uint8_t opcode)
{
	return opcode == nvme_cmd_compare ? o->compare : opcode == nvme_cmd_dsm ? o->trims :
	       job_uses(o, opcode);
}

int job_check_commands(const struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX])
{
	for (unsigned i = 0; i < NR_COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (sends(o, c->opcode) && !(ns->info.oncs & c->oncs))
			return refuse_ns(ns, why, "%s: the controller has no %s command (neither ONCS "
					 "nor its effects log has it)", c->option, c->name);
	}
	if (o->appends && !ns->info.zones.blocks)
		return refuse_ns(ns, why, "write_mode=zone_append: the namespace has no zones; leave it out");
	return 0;
}

/* --- sizes --- */

struct nvme_wire job_widest_wire(const struct job_ns *ns, const struct job_opts *o)
{
	return o->compare ? nvme_wire(&ns->info.layout, false) : ns->wire;
}

static int check_blocks(const struct job_ns *ns, const struct job_size *s, uint64_t blocks, char *why)
{
	if (blocks <= MAX_NLB)
		return 0;
	return refuse_ns(ns, why, "%s=%" PRIu64 " is %" PRIu64 " blocks, a command takes %u", s->option,
			 s->bytes, blocks, MAX_NLB);
}

/*
 * Checks that @bytes of @s, the data of one command, do not exceed @limit, which is called @name.
 */
static int check_bytes(const struct job_ns *ns, const struct job_size *s, uint64_t bytes, uint64_t limit,
		       const char *name, char *why)
{
	if (!limit || bytes <= limit)
		return 0;
	return refuse_ns(ns, why, "%s=%" PRIu64 " is %" PRIu64 " bytes per command, the limit is %" PRIu64
			 " (%s)", s->option, s->bytes, bytes, limit, name);
}

/* Checks the commands that transfer data: Read, Write, Compare. */
static int check_transfer(struct job_ns *ns, const struct job_opts *o, const struct job_size *s,
			  char *why)
{
	const uint64_t blocks = s->bytes / ns->host_block;
	struct nvme_wire wire = job_widest_wire(ns, o);
	const uint64_t bytes = blocks * wire.data;
	const uint64_t counted = ns->info.limits.data_only ? blocks * ns->info.layout.data_size : bytes;
	int ret;

	ret = check_bytes(ns, s, counted, ns->info.max_transfer, "MDTS", why);
	if (!ret && ns->target)
		ret = check_bytes(ns, s, bytes, ns->target->max_transfer, "the kernel's max_hw_sectors_kb",
				  why);
	if (!ret)
		ret = check_bytes(ns, s, bytes, UINT32_MAX, "a command's length has 32 bits", why);
	if (!ret && o->md_per_io && blocks * wire.md > o->md_per_io)
		ret = refuse_ns(ns, why, "md_per_io_size=%u is too small: %s=%" PRIu64 " has %" PRIu64
				" bytes of metadata; give 0 to have it sized", o->md_per_io, s->option,
				s->bytes, blocks * wire.md);
	if (!ret && wire.md && o->md_per_io > (uint32_t)MAX_NLB * wire.md)
		ret = refuse_ns(ns, why, "md_per_io_size=%u is too large: no command has more than %u bytes of "
				"metadata; give less, or 0 to have it sized", o->md_per_io, (uint32_t)MAX_NLB * wire.md);
	return ret;
}

/* Checks the commands that transfer no data and have their own limits. */
static int check_named(const struct job_ns *ns, const struct job_size *s, const struct command *c,
		       char *why)
{
	const struct nvme_limits *l = &ns->info.limits;
	const struct pi_layout *layout = &ns->info.layout;
	const uint64_t limit = *(const uint64_t *)((const char *)l + c->at);
	const uint64_t block = l->data_only ? layout->data_size : pi_block_size(layout);
	const uint64_t bytes = s->bytes / ns->host_block * block;

	if (!limit || bytes <= limit)
		return 0;
	return refuse_ns(ns, why, "%s=%" PRIu64 " is too much for %s: %" PRIu64 " bytes, the controller's "
			 "limit is %" PRIu64 " (%s)", s->option, s->bytes, c->name, bytes, limit, c->limit);
}

static int check_write(struct job_ns *ns, const struct job_opts *o, const struct job_size *s, char *why)
{
	int ret = 0;

	if (job_uses(o, nvme_cmd_write) || o->fio_verify)
		ret = check_transfer(ns, o, s, why);
	if (!ret && o->appends)
		ret = check_bytes(ns, s, s->bytes / ns->host_block * job_widest_wire(ns, o).data,
				  ns->info.zones.append, "ZASL", why);
	for (unsigned i = 0; i < NR_COMMANDS && !ret; i++)
		if (commands[i].limit && sends(o, commands[i].opcode))
			ret = check_named(ns, s, &commands[i], why);
	return ret;
}

/*
 * Checks the limits of a trim: beyond them the controller may do only a part of it and still return
 * success.
 */
static int check_trim(const struct job_ns *ns, const struct job_opts *o, const struct job_size *s,
		      char *why)
{
	const struct nvme_limits *l = &ns->info.limits;
	const uint64_t blocks = s->bytes / ns->host_block;
	const uint64_t range = l->range_blocks ? l->range_blocks : UINT32_MAX;
	const unsigned ranges = o->ranges ? o->ranges : 1;

	if (l->ranges && ranges > l->ranges)
		return refuse_ns(ns, why, "num_range=%u is too much for Dataset Management: the controller "
				 "accepts %u ranges per command (DMRL)", ranges, l->ranges);
	if (blocks > range)
		return refuse_ns(ns, why, "%s=%" PRIu64 " is too much for Dataset Management: %" PRIu64
				 " blocks, the controller accepts %" PRIu64 " per range (DMRSL)", s->option,
				 s->bytes, blocks, range);
	if (l->trim_blocks && blocks * ranges > l->trim_blocks)
		return refuse_ns(ns, why, "num_range=%u of %s=%" PRIu64 " is too much for Dataset Management: %"
				 PRIu64 " blocks, the controller accepts %" PRIu64 " per command (DMSL)", ranges,
				 s->option, s->bytes, blocks * ranges, l->trim_blocks);
	return 0;
}

int job_check_size(struct job_ns *ns, const struct job_opts *o, const struct job_size *s,
		   char why[WHY_MAX])
{
	const uint64_t blocks = s->bytes / ns->host_block;
	int ret = 0;

	if (s->kind & (JOB_SIZE_TRANSFER | JOB_SIZE_WRITE))
		ret = check_blocks(ns, s, blocks, why);
	if (!ret && s->kind & JOB_SIZE_TRANSFER)
		ret = check_transfer(ns, o, s, why);
	if (!ret && s->kind & JOB_SIZE_WRITE)
		ret = check_write(ns, o, s, why);
	if (!ret && s->kind & JOB_SIZE_TRIM)
		ret = check_trim(ns, o, s, why);
	if (!ret && s->kind & (JOB_SIZE_TRANSFER | JOB_SIZE_WRITE) && blocks > ns->max_blocks)
		ns->max_blocks = blocks;
	return ret;
}
