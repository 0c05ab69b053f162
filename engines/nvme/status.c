/* SPDX-License-Identifier: GPL-2.0-only */
/* status.c - see status.h */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "nvme.h"

static const struct nvme_status table[] = {
	/* Statuses about blocks.  Spec: Media and Data Integrity Errors. */
	{ 0x280,		NVME_VERDICT,	0,		EIO },	/* Write Fault */
	{ 0x281,		NVME_VERDICT,	0,		EIO },	/* Unrecovered Read Error */
	{ NVME_ST_GUARD,	NVME_VERDICT,	PI_GUARD,	EILSEQ },
	{ NVME_ST_APP,		NVME_VERDICT,	PI_APP,		EILSEQ },
	{ NVME_ST_REF,		NVME_VERDICT,	PI_REF,		EILSEQ },
	{ NVME_ST_COMPARE,	NVME_VERDICT,	0,		EILSEQ },
	{ 0x286,		NVME_VERDICT,	0,		EIO },	/* Access Denied */
	{ 0x287,		NVME_UNWRITTEN,	0,		EIO },	/* Deallocated or Unwritten */
	{ NVME_ST_STORAGE,	NVME_VERDICT,	PI_STORAGE,	EILSEQ },
	/* What the block layer has instead of these: blk_status_t, as errno. */
	{ NVME_ST_BLOCK,	NVME_VERDICT,	PI_GUARD | PI_APP | PI_REF, EILSEQ },
	{ -ENODATA,		NVME_VERDICT,	0,		EIO },	/* Write Fault, Unrecovered Read Error */

	/* Temporary conditions: the same command may succeed later. */
	{ 0x004,		NVME_BUSY,	0,		EAGAIN }, /* Data Transfer Error */
	{ 0x005,		NVME_BUSY,	0,		EAGAIN }, /* Aborted, Power Loss */
	{ 0x006,		NVME_BUSY,	0,		EAGAIN }, /* Internal Error */
	{ 0x007,		NVME_BUSY,	0,		EAGAIN }, /* Abort Requested */
	{ 0x008,		NVME_BUSY,	0,		EAGAIN }, /* Aborted, SQ Deletion */
	{ 0x01b,		NVME_BUSY,	0,		EAGAIN }, /* Aborted, Preempt */
	{ 0x01d,		NVME_BUSY,	0,		EAGAIN }, /* Sanitize In Progress */
	{ 0x021,		NVME_BUSY,	0,		EAGAIN }, /* Command Interrupted */
	{ 0x022,		NVME_BUSY,	0,		EAGAIN }, /* Transient Transport Error */
	{ 0x024,		NVME_BUSY,	0,		EAGAIN }, /* Media Not Ready */
	{ 0x082,		NVME_BUSY,	0,		EAGAIN }, /* Namespace Not Ready */
	{ 0x084,		NVME_BUSY,	0,		EAGAIN }, /* Format In Progress */
	{ 0x300,		NVME_BUSY,	0,		EAGAIN }, /* Internal Path Error */
	{ 0x301,		NVME_BUSY,	0,		EAGAIN }, /* ANA Persistent Loss */
	{ 0x302,		NVME_BUSY,	0,		EAGAIN }, /* ANA Inaccessible */
	{ 0x303,		NVME_BUSY,	0,		EAGAIN }, /* ANA Transition */
	{ 0x360,		NVME_BUSY,	0,		EAGAIN }, /* Controller Pathing Error */
	{ 0x370,		NVME_BUSY,	0,		EAGAIN }, /* Host Pathing Error */
	{ 0x371,		NVME_BUSY,	0,		EAGAIN }, /* Aborted By Host */
	{ -EAGAIN,		NVME_BUSY,	0,		EAGAIN },
	{ -EINTR,		NVME_BUSY,	0,		EAGAIN }, /* cancelled by a reset */
	{ -ENOLINK,		NVME_BUSY,	0,		EAGAIN }, /* block layer: a path error */

	/* The namespace cannot or will not execute this command. */
	{ 0x020,		NVME_REFUSED,	0,		EROFS }, /* Write Protected */
	{ 0x081,		NVME_REFUSED,	0,		ENOSPC }, /* Capacity Exceeded */
	{ 0x083,		NVME_REFUSED,	0,		EBUSY }, /* Reservation Conflict */
	{ 0x182,		NVME_REFUSED,	0,		EROFS }, /* Read Only Range */
	{ -EBADE,		NVME_REFUSED,	0,		EBUSY }, /* block layer: Reservation Conflict */

	/* The namespace existed when it was identified and is gone now. */
	{ 0x00b,		NVME_GONE,	0,		ENODEV }, /* Invalid Namespace */
	{ -ENODEV,		NVME_GONE,	0,		ENODEV },
	{ -ENXIO,		NVME_GONE,	0,		ENODEV },
};

enum { NR_ROWS = sizeof(table) / sizeof(table[0]) };

const struct nvme_status *nvme_status_row(unsigned i)
{
	return i < NR_ROWS ? &table[i] : NULL;
}

/* Return the meaning of a status without a row, by its status code type. */
static struct nvme_status of_type(int code)
{
	switch (code >> 8) {
	case 2:
		return (struct nvme_status){ code, NVME_VERDICT, 0, EIO };
	case 3:
		return (struct nvme_status){ code, NVME_BUSY, 0, EAGAIN };
	default:
		return (struct nvme_status){ code, NVME_REFUSED, 0, EIO };
	}
}

/* Return the row for @res, which must not be 0. */
static struct nvme_status look_up(int res)
{
	int code = res < 0 || res == NVME_ST_BLOCK ? res : res & NVME_ST_MASK;

	for (unsigned i = 0; i < NR_ROWS; i++)
		if (table[i].status == code)
			return table[i];
	return res < 0 ? (struct nvme_status){ res, NVME_REFUSED, 0, -res } : of_type(code);
}

enum nvme_meaning nvme_result_meaning(int res)
{
	return res ? look_up(res).meaning : NVME_GOOD;
}

bool nvme_result_again(int res)
{
	return nvme_result_meaning(res) == NVME_BUSY && (res < 0 || !(res & NVME_ST_DNR));
}

static int execute(struct target_ns *ns, const struct nvme_uring_cmd *cmd,
		   int (*once)(struct target_ns *ns, struct nvme_uring_cmd *cmd))
{
	struct nvme_uring_cmd again;
	int res;

	for (unsigned i = 0; i < NVME_TRIES; i++) {
		if (i)
			usleep(5000u << i);
		again = *cmd;		/* a target may modify the command */
		res = once(ns, &again);
		if (!nvme_result_again(res))
			break;
	}
	return res;
}

int nvme_execute(struct target_ns *ns, const struct nvme_uring_cmd *cmd)
{
	return execute(ns, cmd, ns->ops->io);
}

int nvme_execute_admin(struct target_ns *ns, const struct nvme_uring_cmd *cmd)
{
	return execute(ns, cmd, ns->ops->admin);
}

unsigned nvme_status_field(int status)
{
	return status > 0 ? look_up(status).field : 0;
}

int nvme_result_errno(int res)
{
	return res ? look_up(res).err : 0;
}

char *nvme_result_name(int res, char buf[NVME_STATUS_MAX])
{
	const char *text = res <= 0 ? strerror(-res) : nvme_status_to_string(res & NVME_ST_MASK, false);

	if (res == NVME_ST_BLOCK)
		snprintf(buf, NVME_STATUS_MAX, "a check failed (EILSEQ of the block layer)");
	else if (res & NVME_ST_BLOCK && res > 0)
		snprintf(buf, NVME_STATUS_MAX, "%.*s (EILSEQ of the block layer)", (int)strcspn(text, ":"), text);
	else if (res <= 0)
		snprintf(buf, NVME_STATUS_MAX, "%s", text);
	else	/* libnvme returns "Name: explanation"; the name is the specification's term */
		snprintf(buf, NVME_STATUS_MAX, "%.*s (%03xh%s)", (int)strcspn(text, ":"), text,
			 res & NVME_ST_MASK, res & NVME_ST_DNR ? ", do not retry" : "");
	return buf;
}
