/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.h - the meaning of a command's status: what it says about the blocks, and whether the
 * command may be sent again
 *
 * A result is one as in target.h: 0 good; above 0 the status word of the completion; below 0
 * -errno.  Base: Status Field Definition.  Spec: Status Values.
 */
#ifndef NVME_STATUS_H
#define NVME_STATUS_H

#include <stdbool.h>
#include "target.h"

/* Status codes of protection information: SCT and SC without More and DNR. */
enum nvme_pi_status {
	NVME_ST_INVALID_PI	= 0x181,
	NVME_ST_GUARD		= 0x282,
	NVME_ST_APP		= 0x283,
	NVME_ST_REF		= 0x284,
	NVME_ST_COMPARE		= 0x285,
	NVME_ST_STORAGE		= 0x288,
};

#define NVME_ST_MASK	0x7ff
#define NVME_ST_DNR	0x4000

/*
 * In place of a status word the block layer has EILSEQ: some check of protection information failed.
 * With the code of a status it was found out by asking for that check alone.
 */
#define NVME_ST_BLOCK	0x10000

/* What a result means for the blocks and for the command. */
enum nvme_meaning {
	NVME_GOOD,
	NVME_VERDICT,		/* a block is unreadable, or its content is wrong */
	NVME_UNWRITTEN,		/* a block is deallocated or unwritten; this is no error */
	NVME_BUSY,		/* says nothing about a block; the same command may succeed later */
	NVME_REFUSED,		/* says nothing about a block; the same command will fail again */
	NVME_GONE,		/* says nothing about a block; the namespace no longer exists */
	NVME_NR_MEANINGS,
};

/*
 * A row of the table.  A status without a row is classified by its type: a media error (SCT 2h) is
 * a verdict, a path error (SCT 3h) means that the controller is busy, and any other means that the
 * command was refused.
 */
struct nvme_status {
	int			status;		/* SCT and SC, or -errno */
	enum nvme_meaning	meaning;
	unsigned		field;		/* PI_* whose check failed, 0: none; several: one of them */
	int			err;		/* the errno reported to fio */
};

/* Return row @i, or NULL past the last row. */
const struct nvme_status *nvme_status_row(unsigned i);

enum nvme_meaning nvme_result_meaning(int res);

/* Return true if the same command may succeed a little later: NVME_BUSY with DNR clear. */
bool nvme_result_again(int res);

/*
 * Execute one command synchronously, and repeat it while nvme_result_again() is true: at most
 * NVME_TRIES attempts, with growing pauses of 2.5 s in total.  Returns a result as in target.h.
 */
enum { NVME_TRIES = 9 };
int nvme_execute(struct target_ns *ns, const struct nvme_uring_cmd *cmd);
int nvme_execute_admin(struct target_ns *ns, const struct nvme_uring_cmd *cmd);

/*
 * Return the field (PI_*) whose check failed according to @status, or 0 for any other status.  Of
 * NVME_ST_BLOCK it is one of several, or'ed.
 */
unsigned nvme_status_field(int status);

/*
 * Return the errno reported to fio.  0: good.  EILSEQ: a protection check or a Compare failed; fio
 * continues if continue_on_error= includes verify.  EIO: any other status about a block, or a
 * refused command; fio continues if it includes io.  EAGAIN, ENODEV: the controller is busy or
 * gone; the job ends unless ignore_error= lists them.  Some refused commands have an errno of
 * their own, see the table in status.c.
 */
int nvme_result_errno(int res);

/* Write a name like "Guard Check Error (282h)" or "Invalid argument" to @buf.  Returns @buf. */
#define NVME_STATUS_MAX 128
char *nvme_result_name(int res, char buf[NVME_STATUS_MAX]);

#endif
