/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan-faulty.c - nvmepi-scan with a target whose answers can be changed
 *
 * This is the whole program; its target is the embedded controller behind a filter. Two
 * environment variables, comma-separated lists, and a number control the filter:
 *
 * FAULTY_ANSWERS	LBA:STATUS or LBA:STATUS:TIMES.  A command that includes the block
 * 		completes with STATUS (hexadecimal; below 0: -errno), at most TIMES
 * 		times (default: always).
 * FAULTY_IDENTIFY	CNS:BYTE:VALUE, hexadecimal.  Identify of CNS returns VALUE in that
 * 		byte; if BYTE is "status", it completes with that status.
 * FAULTY_ZONES	BLOCKS of a zone: a read that crosses the end of one ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engines/nvme/nvme.h"
#include "engines/controller/controller.h"

enum { MOST = 64, MAX_DEPTH = 4096 };

static struct answer {
	uint64_t	lba;
	int		status;
	_Atomic long	times;
} answers[MOST];
static unsigned nr_answers;

/* The result that replaces a tag's; thread-local, because a queue belongs to one thread. */
static _Thread_local int instead[MAX_DEPTH];

static void bad_variable(const char *name)
{
	fprintf(stderr, "scan-faulty: %s is not understood\n", name);
	exit(2);
}

static void read_answers(void)
{
	const char *text = getenv("FAULTY_ANSWERS");
	char *end;

	for (nr_answers = 0; text && *text && nr_answers < MOST; text = *end ? end + 1 : end) {
		struct answer *a = &answers[nr_answers++];

		a->lba = strtoull(text, &end, 10);
		if (*end != ':')
			bad_variable("FAULTY_ANSWERS");
		a->status = end[1] == '-' ? strtol(end + 1, &end, 10) : strtol(end + 1, &end, 16);
		a->times = *end == ':' ? strtol(end + 1, &end, 10) : INT32_MAX;
	}
}

static int answer_of(const struct nvme_uring_cmd *cmd)
{
	uint64_t lba = cmd->cdw10 | (uint64_t)cmd->cdw11 << 32;
	uint64_t nr = (cmd->cdw12 & 0xffff) + 1;
	const char *zones = getenv("FAULTY_ZONES");
	const uint64_t zone = zones ? strtoull(zones, NULL, 10) : 0;

	if (zone && cmd->opcode == nvme_cmd_read && lba / zone != (lba + nr - 1) / zone)
		_exit(3);
	for (unsigned i = 0; i < nr_answers; i++)
		if (answers[i].lba >= lba && answers[i].lba - lba < nr && answers[i].times-- > 0)
			return answers[i].status;
	return 0;
}

static int faulty_io(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	int answer = answer_of(cmd);

	return answer ? answer : controller_target.io(ns, cmd);
}

static void faulty_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index,
			int buf_index)
{
	instead[tag] = answer_of(controller_target.command(q, tag));
	controller_target.push(q, ns, tag, ns_index, buf_index);
}

static int faulty_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		       const struct timespec *timeout)
{
	int n = controller_target.reap(q, cqes, min, max, timeout);

	for (int i = 0; i < n; i++)
		if (instead[cqes[i].tag])
			cqes[i].res = instead[cqes[i].tag];
	return n;
}

static int faulty_admin(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	const char *text = getenv("FAULTY_IDENTIFY");
	int ret = controller_target.admin(ns, cmd);
	char *end;

	for (; text && *text && cmd->opcode == nvme_admin_identify; text = *end ? end + 1 : end) {
		unsigned cns = strtoul(text, &end, 16), byte = 0, value;
		bool whole = !strncmp(end, ":status:", 8);

		if (whole)
			end += 7;
		else if (*end == ':')
			byte = strtoul(end + 1, &end, 16);
		if (*end != ':' || byte >= NVME_IDENTIFY_DATA_SIZE)
			bad_variable("FAULTY_IDENTIFY");
		value = strtoul(end + 1, &end, 16);
		if (cns == (cmd->cdw10 & 0xff) && whole)
			ret = value;
		else if (cns == (cmd->cdw10 & 0xff) && !ret)
			((uint8_t *)(uintptr_t)cmd->addr)[byte] = value;
	}
	return ret;
}

static struct target_ops faulty_target;

static int faulty_open(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX])
{
	int ret = controller_target.open(o, ns, why);

	if (!ret)
		(*ns)->ops = &faulty_target;
	return ret;
}

/* Replaces the function of engines/nvme/target.c. */
const struct target_ops *target_of(const char *path)
{
	(void)path;
	read_answers();
	faulty_target = controller_target;
	faulty_target.open = faulty_open;
	faulty_target.admin = faulty_admin;
	faulty_target.io = faulty_io;
	faulty_target.push = faulty_push;
	faulty_target.reap = faulty_reap;
	return &faulty_target;
}
