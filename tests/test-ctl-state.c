// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-ctl-state.c - what all users of an image share, x.img.state: damaged, left by a
 * dead writer, open to be read only, and without room
 *
 * Some cases write to that file themselves, at the places that ctl-image.h tells of.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl-image.h"
#include "ctl-model.h"

/* In the state, bytes: how many journals were in use; the locks, a word each. */
enum { USED_AT = 76, LOCKS_AT = 4096 };

static const struct ns_format small = F(512, 8, 0, 1, 0, 0, 0);

static void poke(const char *name, off_t at, uint64_t value, size_t len)
{
	int fd = open(in_folder(name), O_RDWR);

	UNIT_CHECK(pwrite(fd, &value, len, at) == (ssize_t)len, "%s can't be changed", name);
	close(fd);
}

/* A block of @byte, with a tuple by the controller. */
static int put(struct target_ns *ns, uint64_t lba, uint8_t byte)
{
	static uint8_t data[512];
	struct nvme_uring_cmd cmd = rw(1, lba, 1, data, 512);

	memset(data, byte, sizeof(data));
	cmd.cdw12 |= PRACT;
	return run(ns, cmd);
}

/* What a block reads as: its first byte, with 256 added where it is deallocated; or an error. */
static int get(struct target_ns *ns, uint64_t lba)
{
	static uint8_t data[512], md[8];
	struct nvme_uring_cmd cmd = rw(2, lba, 1, data, 512);
	int ret;

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	ret = run(ns, cmd);
	return ret ? ret : data[0] | (md[7] == 0xff ? 256 : 0);
}

enum { DEALLOCATED = 256 };

/* --- damage --- */

/* Numbers that no writer leaves there: the state is another, and nothing goes by them. */
static void damaged(void)
{
	static const struct { off_t at; uint64_t value; size_t len; } cases[] = {
		{ USED_AT, 257, 4 }, { USED_AT, UINT32_MAX, 4 }, { LOCKS_AT, 257, 8 },
		{ LOCKS_AT + 8 * 4095, 0xffff, 8 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_ns *ns = must_open("x.img", &small, 1 << 20);

		UNIT_CHECK(!put(ns, 3, 7) && !run(ns, rw(4, 5, 1, NULL, 0)), "case %u: write", i);
		controller_target.close(ns);
		poke("x.img.state", cases[i].at, cases[i].value, cases[i].len);
		ns = must_open("x.img", &any_format, 0);
		UNIT_CHECK(get(ns, 3) == 7 && get(ns, 5) == DEALLOCATED, "case %u: %x, %x", i,
			   get(ns, 3), get(ns, 5));
		UNIT_CHECK(!put(ns, 3, 8) && get(ns, 3) == 8, "case %u: write again", i);
		controller_target.close(ns);
		remove_image("x.img");
	}
}

/* Damaged while it is in use: who waits for such a lock has no one to wait for. */
static void damaged_in_use(void)
{
	struct target_ns *ns = must_open("x.img", &small, 1 << 20);

	poke("x.img.state", LOCKS_AT, 1000, 8);
	UNIT_CHECK(get(ns, 3) == -EIO && put(ns, 3, 1) == -EIO, "%x, %x", get(ns, 3),
		   put(ns, 3, 1));
	UNIT_CHECK(get(ns, 64) == DEALLOCATED, "next to it: %x", get(ns, 64));
	controller_target.close(ns);
	remove_image("x.img");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "damaged", damaged },
		{ "damaged_in_use", damaged_in_use },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
