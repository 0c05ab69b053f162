// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-state.c - x.img.state: damaged, left by a dead writer, read-only, and on a full file system
 *
 * Some cases write to that file directly, at the offsets below.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/lib/controller-image.h"
#include "model.h"

/*
 * Offsets in the state, bytes: the number of used journals; the locks, one word each; and the
 * first journal of an image of 1 MiB, whose maps have two pages each.  A journal has its state (2:
 * good), the change (0: write), first block, number of blocks, boot, blocks.
 */
enum { USED_AT = 76, LOCKS_AT = 4096, JOURNAL_AT = LOCKS_AT + 8 * 4096 + 2 * 4096 + 2 * 4096,
       BOOT_AT = JOURNAL_AT + 24, BLOCKS_AT = JOURNAL_AT + 4096 };

static const struct ns_format small = F(512, 8, 0, 1, 0, 0, 0);

static void poke(const char *name, off_t at, uint64_t value, size_t len)
{
	int fd = open(in_folder(name), O_RDWR);

	UNIT_CHECK(pwrite(fd, &value, len, at) == (ssize_t)len, "%s can't be changed", name);
	close(fd);
}

/* Write a block of @byte with a tuple by the controller. */
static int put(struct target_ns *ns, uint64_t lba, uint8_t byte)
{
	static uint8_t data[512];
	struct nvme_uring_cmd cmd = rw(1, lba, 1, data, 512);

	memset(data, byte, sizeof(data));
	cmd.cdw12 |= PRACT;
	return run(ns, cmd);
}

/* Read a block.  Returns its first byte, plus 256 if it is deallocated; or an error. */
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

/* Values that no writer produces: the state is discarded and made again. */
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

/* The state is damaged while in use: a lock whose owner cannot exist is an error, not a wait. */
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

/* --- a dead writer --- */

/* Leave a good journal for a block of @byte without a tuple, and the lock that belongs to it. */
static void leave_journal(uint64_t lba, uint8_t byte)
{
	poke("x.img.state", JOURNAL_AT, 2, 8);
	poke("x.img.state", JOURNAL_AT + 8, lba, 8);
	poke("x.img.state", JOURNAL_AT + 16, 1, 8);
	poke("x.img.state", BLOCKS_AT, byte, 1);
	poke("x.img.state", LOCKS_AT, 1, 8);
}

/*
 * The good journal of a killed writer is replayed if it is of the same boot: by the first user,
 * and by a user that finds its lock.
 */
static void other_boot(void)
{
	static const struct { bool first, boots; } cases[] = {
		{ true, false }, { true, true }, { false, false }, { false, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_ns *ns = must_open("x.img", &small, 1 << 20), *other;

		UNIT_CHECK(!put(ns, 3, 7), "case %u: write", i);
		if (cases[i].first)
			controller_target.close(ns);
		leave_journal(3, 9);
		if (cases[i].boots)
			poke("x.img.state", BOOT_AT, 0, 8);
		other = must_open("x.img", &any_format, 0);
		UNIT_CHECK(get(other, 3) == (cases[i].boots ? 7 : 9), "case %u: %x", i,
			   get(other, 3));
		UNIT_CHECK(!put(other, 3, 8) && get(other, 3) == 8, "case %u: it is still locked", i);
		controller_target.close(other);
		if (!cases[i].first)
			controller_target.close(ns);
		remove_image("x.img");
	}
}

/* Run a writer with journal 0 and a child that survives it; the child's pid goes to @pid. */
static void write_and_fork(int pid)
{
	struct target_ns *ns = must_open("x.img", &small, 1 << 20);
	struct target_queue_opts o = { .depth = 1, .ns = &ns, .nr_ns = 1 };
	struct target_queue *q;
	pid_t child;

	if (controller_target.queue_open(&o, &q, why))
		_exit(1);
	child = fork();
	if (child && write(pid, &child, sizeof(child)) != sizeof(child))
		_exit(2);
	for (;;)
		pause();
}

/* A waiting process detects that the writer is dead, even if a child of the writer is alive. */
static void has_a_child(void)
{
	int pipes[2], status;
	pid_t writer, child = 0, reader;

	if (!UNIT_CHECK(!pipe(pipes), "no pipe"))
		return;
	fflush(stdout);
	writer = fork();
	if (!writer)
		write_and_fork(pipes[1]);
	close(pipes[1]);
	if (!UNIT_CHECK(read(pipes[0], &child, sizeof(child)) == sizeof(child), "it ended"))
		return;
	kill(writer, SIGKILL);
	waitpid(writer, &status, 0);
	poke("x.img.state", LOCKS_AT, 1, 8);
	reader = fork();
	if (!reader) {
		alarm(10);
		_exit(get(must_open("x.img", &any_format, 0), 3) != DEALLOCATED);
	}
	waitpid(reader, &status, 0);
	UNIT_CHECK(!status, "the reader timed out or read wrong data: %x", status);
	kill(child, SIGKILL);
	close(pipes[0]);
	remove_image("x.img");
}

/* --- readers without write permission --- */

/* Run @reader in a child, as nobody if this is root.  Returns where it failed. */
static int as_nobody(int (*reader)(void))
{
	int status;

	if (!fork()) {
		if (geteuid() == 0 && (chmod(folder, 0755) || setuid(65534)))
			_exit(99);
		_exit(reader());
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Let two processes alternate; false: the other one has ended. */
static int turns[2][2];

static bool wait_turn(int who)
{
	char c;

	return read(turns[who][0], &c, 1) == 1;
}

static bool give_turn(int who)
{
	return write(turns[who][1], "", 1) == 1;
}

/* The reader process of reads_along(); its read of a locked block must wait. */
static int read_along(void)
{
	struct nvme_uring_cmd flush = { .opcode = 0, .nsid = 1 };
	struct target_ns *ns;

	if (!wait_turn(1) || try_open(&ns, "x.img", &any_format, 0, false))
		return 1;
	if (get(ns, 3) != 7 || get(ns, 4) != MODEL_UNREAD || get(ns, 5) != 0)
		return 2;
	if (!give_turn(0) || !wait_turn(1))
		return 99;
	if (get(ns, 3) != 8 || get(ns, 4) != 9 || get(ns, 6) != 10 || get(ns, 7) != DEALLOCATED)
		return 3;
	if (get(ns, 64) != -EIO)		/* its writer is dead, and repair is impossible */
		return 4;
	if (run(ns, flush))
		return 5;
	if (!try_open(&ns, "x.img", &any_format, 0, true) ||
	    !strstr(why, "x.img.state: can't be opened for writing: Permission denied"))
		return 6;
	controller_target.close(ns);
	return 0;
}

/* A reader that opened the image earlier sees what a writer marks and writes later. */
static void reads_along(void)
{
	struct target_ns *ns;
	pid_t pid;
	int status;

	if (!UNIT_CHECK(!pipe(turns[0]) && !pipe(turns[1]), "no pipes"))
		return;
	fflush(stdout);
	pid = fork();		/* before the image is opened, so that it is not inherited */
	if (!pid)
		_exit(as_nobody(read_along));
	close(turns[0][1]);
	ns = must_open("x.img", &small, 1 << 20);
	UNIT_CHECK(!put(ns, 3, 7) && !put(ns, 5, 0) && !run(ns, rw(4, 4, 1, NULL, 0)), "write");
	chmod(in_folder("x.img"), 0666);
	chmod(in_folder("x.img.state"), 0444);
	UNIT_CHECK(give_turn(1) && wait_turn(0), "the reader ended");
	UNIT_CHECK(!put(ns, 3, 8) && !put(ns, 4, 9) && !put(ns, 6, 10), "write again");
	poke("x.img.state", LOCKS_AT + 8, 17, 8);
	give_turn(1);
	waitpid(pid, &status, 0);
	UNIT_CHECK(!status, "step %d fails", WEXITSTATUS(status));
	controller_target.close(ns);
	remove_image("x.img");
}

static int read_only(void)
{
	struct target_ns *ns;

	if (try_open(&ns, "x.img", &any_format, 0, false))
		return 1;
	return get(ns, 3) == 7 && get(ns, 4) == DEALLOCATED ? 0 : 2;
}

/* A reader that finds an invalid state and cannot recreate it can still read the blocks. */
static void reads_without(void)
{
	struct target_ns *ns = must_open("x.img", &small, 1 << 20);

	UNIT_CHECK(!put(ns, 3, 7), "write");
	controller_target.close(ns);
	chmod(in_folder("x.img.state"), 0444);
	poke("x.img.state", 0, 0, 8);
	UNIT_CHECK(!as_nobody(read_only), "damaged: step %d fails", as_nobody(read_only));
	UNIT_CHECK(!truncate(in_folder("x.img.state"), 100) && !as_nobody(read_only),
		   "cut short: step %d fails", as_nobody(read_only));
	chmod(in_folder("x.img.state"), 0);
	UNIT_CHECK(!as_nobody(read_only), "unreadable: step %d fails", as_nobody(read_only));
	remove_image("x.img");
}

/* fio's uid= changes the user between the open of an image and the open of a queue. */
static int change_user(void)
{
	struct target_ns *ns = must_open("x.img", &small, 1 << 20);
	struct target_queue_opts o = { .depth = 1, .ns = &ns, .nr_ns = 1 };
	struct target_queue *q;

	chmod(in_folder("x.img.state"), 0644);
	if (setuid(65534))
		return 1;
	if (controller_target.queue_open(&o, &q, why) != -EACCES)
		return 2;
	return strstr(why, "x.img.state: Permission denied") && !strstr(why, "no room") ? 0 : 3;
}

/* The same, if that user can write the image. */
static int change_user_well(void)
{
	struct target_ns *ns = must_open("x.img", &small, 1 << 20);
	struct target_queue_opts o = { .depth = 1, .ns = &ns, .nr_ns = 1 };
	struct target_queue *q;

	chmod(in_folder("x.img.state"), 0666);
	return setuid(65534) || controller_target.queue_open(&o, &q, why);
}

static void other_user(void)
{
	static int (*const steps[])(void) = { change_user, change_user_well };

	if (geteuid()) {
		unit_skip("only root can become another user");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		int status;

		fflush(stdout);
		if (!fork())
			_exit(steps[i]());
		wait(&status);
		UNIT_CHECK(!status, "%u: step %d fails", i, WEXITSTATUS(status));
	}
	remove_image("x.img");
}

/* --- a small file system --- */

/* Mount a tmpfs as "small"; if that is impossible, skip the case and return false. */
static bool mount_small(const char *size)
{
	mkdir(in_folder("small"), 0777);
	if (!mount("none", in_folder("small"), "tmpfs", 0, size))
		return true;
	unit_skip("needs to mount a small tmpfs");
	return false;
}

/* Allocate all space that is left. */
static void fill_small(void)
{
	static const uint8_t page[4096];
	int fd = open(in_folder("small/ballast"), O_WRONLY | O_CREAT, 0666);

	while (write(fd, page, sizeof(page)) > 0)
		;
	close(fd);
}

/*
 * A write across two pages of the maps, the second of which gets no disk space: the image has
 * space, but its state is on a full file system.
 */
static void half_marked(void)
{
	const uint64_t lba = 32768 - 4;
	static uint8_t data[8 * 512];
	struct nvme_uring_cmd cmd = rw(1, lba, 8, data, sizeof(data));
	struct target_ns *ns;

	if (!mount_small("size=8m"))
		return;
	if (!UNIT_CHECK(!symlink("small/x.img.state", in_folder("x.img.state")), "symlink"))
		return;
	close(open(in_folder("small/x.img.state"), O_RDWR | O_CREAT, 0666));
	ns = must_open("x.img", &small, 65536 * 512);
	UNIT_CHECK(!put(ns, 0, 1) && !run(ns, rw(4, lba + 2, 4, NULL, 0)), "mark");
	fill_small();
	memset(data, 5, sizeof(data));
	cmd.cdw12 |= PRACT;
	UNIT_CHECK(run(ns, cmd) == -ENOSPC, "a write succeeded on the full file system");
	for (unsigned i = 0; i < 8; i++)
		UNIT_CHECK(get(ns, lba + i) == (i >= 2 && i < 6 ? (int)MODEL_UNREAD : DEALLOCATED),
			   "block %u of it: %x", i, get(ns, lba + i));
	unlink(in_folder("small/ballast"));
	UNIT_CHECK(!run(ns, cmd), "the write failed although space was freed");
	for (unsigned i = 0; i < 8; i++)
		UNIT_CHECK(get(ns, lba + i) == 5, "block %u: %x", i, get(ns, lba + i));
	controller_target.close(ns);
	umount(in_folder("small"));
	remove_image("x.img");
}

static void no_action(int sig)
{
	(void)sig;
}

/* In Linux 6.1 fallocate() on tmpfs is interrupted by any signal; this must not fail a write. */
static void interrupted(void)
{
	const struct itimerval often = { { 0, 150 }, { 0, 150 } }, never = { 0 };
	unsigned failed = 0;

	if (!mount_small("size=64m"))
		return;
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = no_action, .sa_flags = SA_RESTART },
		  NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned i = 0; i < 300; i++) {
		struct target_ns *ns;

		if (try_open(&ns, "small/x.img", &small, 1 << 20, true)) {
			failed++;
			continue;
		}
		failed += put(ns, 3, 7) != 0;
		controller_target.close(ns);
		remove_image("small/x.img");
	}
	setitimer(ITIMER_REAL, &never, NULL);
	UNIT_CHECK(!failed, "%u of 300 failed", failed);
	umount(in_folder("small"));
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "damaged", damaged },
		{ "damaged_in_use", damaged_in_use },
		{ "other_boot", other_boot },
		{ "has_a_child", has_a_child },
		{ "reads_along", reads_along },
		{ "reads_without", reads_without },
		{ "other_user", other_user },
		{ "half_marked", half_marked },
		{ "interrupted", interrupted },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
