/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.h - what the status of a command says: of the blocks it named, and of
 * whether it is worth sending again
 *
 * A result is one as in target.h: 0 good; above 0 the status word of the completion;
 * below 0 -errno.  Base: Status Field Definition.  Spec: Status Values.
 */
#ifndef NVME_STATUS_H
#define NVME_STATUS_H

#include <stdbool.h>
#include "target.h"

/* The status codes that concern protection; SCT and SC without More and DNR. */
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

/* What a result means. */
enum nvme_meaning {
	NVME_GOOD,
	NVME_VERDICT,		/* a block is bad: unreadable, or not what it should be */
	NVME_UNWRITTEN,		/* a block is deallocated or was never written: that is no fault */
	NVME_BUSY,		/* nothing about a block: the same command may work later */
	NVME_REFUSED,		/* nothing about a block: the same command won't work */
	NVME_GONE,		/* nothing about a block: the namespace is not there any more */
	NVME_NR_MEANINGS,
};

/*
 * One row of the table.  A status that has none means what its type means: a media
 * error (SCT 2h) is a verdict, a path error (SCT 3h) says that the controller is busy, and all
 * others that the command was refused.
 */
struct nvme_status {
	int			status;		/* SCT and SC, or -errno */
	enum nvme_meaning	meaning;
	unsigned		field;		/* one of PI_* that a check found wrong, or 0 */
	int			err;		/* the errno that fio gets */
};

/* The @i-th row, NULL past the last. */
const struct nvme_status *nvme_status_row(unsigned i);

enum nvme_meaning nvme_result_meaning(int res);

/* May the same command work a little later?  It is busy, and DNR is clear. */
bool nvme_result_again(int res);

/*
 * Execute one command and wait for it, again as long as nvme_result_again() says so, with
 * a little more time between each and the next: NVME_TRIES times at most, in 2.5 s.  A result.
 */
enum { NVME_TRIES = 9 };
int nvme_execute(struct target_ns *ns, const struct nvme_uring_cmd *cmd);

/* The field a status blames (one of PI_*), 0 when it is no PI check's status. */
unsigned nvme_status_field(int status);

/*
 * The errno fio gets: 0 for good; EILSEQ for a protection check or a miscompare, with
 * which fio goes on where continue_on_error has verify; EIO for any other status about a block
 * and for refused commands, with which it goes on where that has io; EAGAIN and ENODEV for a
 * controller that is busy or gone, which end the job unless ignore_error= names them.
 */
int nvme_result_errno(int res);

/* "Guard Check Error (282h)" or "Invalid argument" in @buf; returns @buf. */
#define NVME_STATUS_MAX 128
char *nvme_result_name(int res, char buf[NVME_STATUS_MAX]);

#endif
