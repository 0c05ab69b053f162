/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cache-bed.h - an image with a volatile write cache, the commands that change its blocks, and a child
 * that is killed: for test-cache.c
 */
#ifndef CACHE_BED_H
#define CACHE_BED_H

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/lib/controller-image.h"

enum { BLOCKS = 256, MOST_MD = 64, MOST_DATA = 4096 };

static struct ns_format format;		/* of the image, separate metadata */
static char said[WHY_MAX];

static void say(const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

static int try_cached(struct target_ns **ns, const char *cache, const char *defect)
{
	const struct target_open o = {
		.path = in_folder("x.img"), .write = true, .format = format, .cache = cache,
		.defect = defect, .size = (uint64_t)BLOCKS * format.lbs, .say = say,
	};

	*why = *said = '\0';
	return controller_target.open(&o, ns, why);
}

static struct target_ns *open_cached(const char *cache)
{
	struct target_ns *ns;
	int ret = try_cached(&ns, cache, NULL);

	if (!ret)
		return ns;
	printf("not ok open: %s (%d)\n", why, ret);
	exit(1);
}

static bool exists(const char *name)
{
	return !access(in_folder(name), F_OK);
}

/* --- commands --- */

enum { FUA = 1 << 30 };

static int write_blocks(struct target_ns *ns, uint64_t lba, uint32_t nr, uint8_t gen, uint32_t bits)
{
	static uint8_t data[BLOCKS * MOST_DATA], md[BLOCKS * MOST_MD];
	struct nvme_uring_cmd cmd = rw(nvme_cmd_write, lba, nr, data, (size_t)nr * format.lbs);

	memset(data, gen, (size_t)nr * format.lbs);
	memset(md, gen, (size_t)nr * format.ms);
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = nr * format.ms;
	cmd.cdw12 |= bits;
	return run(ns, cmd);
}

static int simple(struct target_ns *ns, uint8_t opcode, uint64_t lba, uint32_t nr, uint32_t bits)
{
	struct nvme_uring_cmd cmd = rw(opcode, lba, nr, NULL, 0);

	cmd.cdw12 |= bits;
	return run(ns, cmd);
}

static int flush(struct target_ns *ns)
{
	return run(ns, (struct nvme_uring_cmd){ .opcode = nvme_cmd_flush, .nsid = 1 });
}

/* What a block contains: a generation, or one of these. */
enum { BLANK = -1, UNREADABLE = -2, TORN = -3, FAILS = -4 };

static int holds(struct target_ns *ns, uint64_t lba)
{
	uint8_t data[MOST_DATA], md[MOST_MD];
	struct nvme_uring_cmd cmd = rw(nvme_cmd_read, lba, 1, data, format.lbs);
	int ret;

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = format.ms;
	ret = run(ns, cmd);
	if (ret)
		return (ret & 0x7ff) == 0x281 ? UNREADABLE : FAILS;
	if (memcmp(data, data + 1, format.lbs - 1))
		return TORN;
	if (format.ms && !data[0] && md[format.ms - 1] == (format.pi ? 0xff : 0))
		return BLANK;
	if (!format.ms)
		return data[0] ? data[0] : BLANK;
	return memcmp(md, md + 1, format.ms - 1) || md[0] != data[0] ? TORN : data[0];
}

/* --- a child that is killed --- */

typedef void steps_fn(struct target_ns *ns);

static void need(int ret)
{
	if (ret)
		_exit(3);
}

/* Run the steps in a child with a cache, and kill it. */
static void cut(steps_fn *steps, const char *cache, const char *defect)
{
	const pid_t pid = fork();
	struct target_ns *ns;
	int status;

	if (!pid) {
		need(try_cached(&ns, cache, defect));
		steps(ns);
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	UNIT_CHECK(WIFSIGNALED(status), "the child ended with %d", WEXITSTATUS(status));
}

#endif
