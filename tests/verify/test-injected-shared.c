/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-injected-shared.c - the table of damaged blocks in several processes, after a process was
 * killed, and in a file, which is opened again or refused
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verify/hash.h"
#include "injected-fixture.h"

/* --- several processes --- */

/* Run @job in @nr concurrent processes; each must exit with 0. */
static void in_processes(unsigned nr, void (*job)(struct vfy_injected *f, unsigned me),
			 struct vfy_injected *f)
{
	int status;

	fflush(stdout);
	for (unsigned i = 0; i < nr; i++)
		if (!fork()) {
			job(f, i);
			_exit(unit_nr_failed ? 1 : 0);
		}
	for (unsigned i = 0; i < nr; i++)
		UNIT_CHECK(wait(&status) > 0 && !status, "a process ended with %x", status);
}

enum { PROCESSES = 4, EACH = 20000 };

static void fill(struct vfy_injected *f, unsigned me)
{
	for (uint64_t i = 0; i < EACH; i++) {
		uint64_t lba = i * PROCESSES + me;

		set(f, 1, lba, DAMAGED(1 + me));
		if (i % 2)
			set(f, 1, lba, SOUND);
	}
}

static void filled_by_processes(struct vfy_injected *f)
{
	in_processes(PROCESSES, fill, f);
	for (uint64_t lba = 0; lba < PROCESSES * EACH; lba++)
		is(f, 1, lba, lba / PROCESSES % 2 ? SOUND : DAMAGED(1 + lba % PROCESSES));
}

static void processes_fill(void)
{
	struct vfy_injected *f = book(NULL);

	filled_by_processes(f);
	vfy_injected_mark(f, 1, 0, PROCESSES * EACH, VFY_SOUND);
	UNIT_CHECK(vfy_injected_none(f), "the count is off");
	vfy_injected_close(f);
}

/*
 * CROWD blocks have the same first slot, so that dropping one relocates the others.  They are
 * dropped and added again one after another; *turn counts.
 */
enum { CROWD = 8, SLOTS = 1 << 21 };

static uint64_t crowd[CROWD];
static _Atomic unsigned *turn;

static void find_crowd(void)
{
	uint64_t lba = 0;

	for (unsigned i = 0; i < CROWD; lba++)
		if (vfy_hash(vfy_hash(1) + lba) % SLOTS == SLOTS - 3)	/* probes wrap */
			crowd[i++] = lba;
}

static void come_and_go(struct vfy_injected *f)
{
	for (unsigned i = 0; i < 300000; i++) {
		uint64_t lba = crowd[(*turn = i) % CROWD];

		set(f, 1, lba, SOUND);
		set(f, 1, lba, DAMAGED(1 + lba % 31));
	}
	*turn = UINT32_MAX;
}

/*
 * All blocks except the one whose turn it is are always found, and no block has a state that
 * was never set.
 */
static void watch(struct vfy_injected *f)
{
	for (unsigned i = 0, before; (before = *turn) < UINT32_MAX; i = (i + 1) % CROWD) {
		struct vfy_injected_block b = vfy_injected_get(f, 1, crowd[i]);
		bool may_be_gone = before % CROWD == i || *turn != before;

		UNIT_CHECK(b.state == VFY_DAMAGED || (may_be_gone && b.state == VFY_SOUND),
			   "number %u is %d while it is the turn of %u", i, b.state, before);
		UNIT_CHECK(b.state == VFY_SOUND || b.shows == 1 + crowd[i] % 31,
			   "number %u shows %x", i, b.shows);
	}
}

static void crowded(struct vfy_injected *f, unsigned me)
{
	if (me)
		watch(f);
	else
		come_and_go(f);
}

static void processes_look(void)
{
	struct vfy_injected *f = book(NULL);

	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	find_crowd();
	for (unsigned i = 0; i < CROWD; i++)
		set(f, 1, crowd[i], DAMAGED(1 + crowd[i] % 31));
	in_processes(2, crowded, f);
	munmap(turn, sizeof(*turn));
	vfy_injected_close(f);
}

/* A lock whose owner was killed is told of by the kernel alone; emulators of user space leave that out. */
static bool robust_locks(void)
{
	void *head;
	size_t size;

	return !syscall(SYS_get_robust_list, 0, &head, &size);
}

static void forever(struct vfy_injected *f, unsigned me)
{
	for (uint64_t i = me;; i++) {
		vfy_injected_set(f, 2, i % 97, i / 97 % 2 ? SOUND : DAMAGED(1));
		vfy_injected_mark(f, 2, 0, 97, i % 3);
	}
}

/*
 * A process is killed at any point, also while it holds the lock: others continue, and no other
 * entry is lost.
 */
static void processes_killed(void)
{
	struct vfy_injected *f;

	if (!robust_locks()) {
		unit_skip("the kernel, or what emulates it, has no robust locks");
		return;
	}
	f = book(NULL);
	for (uint64_t i = 0; i < 1000; i++)
		set(f, 1, i, DAMAGED(1 + i % 31));
	fflush(stdout);
	for (unsigned i = 0; i < 100; i++) {
		pid_t child = fork();

		if (!child)
			forever(f, i);
		usleep(500 + unit_random_below(2000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		set(f, 3, i, DAMAGED(2));
	}
	for (uint64_t i = 0; i < 1000; i++)
		is(f, 1, i, DAMAGED(1 + i % 31));
	for (uint64_t i = 0; i < 100; i++)
		is(f, 3, i, DAMAGED(2));
	vfy_injected_mark(f, 1, 0, 1000, VFY_SOUND);
	filled_by_processes(f);
	vfy_injected_close(f);
}

/* --- a file --- */

static void file_again(void)
{
	const char *path = in_folder("again");
	struct vfy_injected *f;

	for (uint64_t run = 0; run < 5; run++) {
		f = book(path);
		UNIT_CHECK(vfy_injected_none(f) == !run, "run %" PRIu64 " found a wrong count", run);
		for (uint64_t lba = 0; lba < run * 10; lba++)
			is(f, 1, lba, DAMAGED(1 + lba / 10));
		for (uint64_t lba = 0; lba < 10; lba++)
			set(f, 1, run * 10 + lba, DAMAGED(1 + run));
		vfy_injected_close(f);
	}
	f = book(path);
	vfy_injected_mark(f, 1, 0, 50, VFY_SOUND);
	vfy_injected_close(f);
	f = book(path);
	UNIT_CHECK(vfy_injected_none(f), "something is left");
	vfy_injected_close(f);
}

/* Two users of a file share its contents, while both have it open and afterwards. */
static void file_shared(void)
{
	const char *path = in_folder("shared");
	struct vfy_injected *a = book(path), *b = book(path);

	set(a, 1, 1, DAMAGED(1));
	is(b, 1, 1, DAMAGED(1));
	vfy_injected_close(a);
	set(b, 1, 2, DAMAGED(2));
	a = book(path);
	is(a, 1, 2, DAMAGED(2));
	in_processes(PROCESSES, fill, a);
	is(b, 1, 4, SOUND);
	is(b, 1, 8, DAMAGED(1));
	vfy_injected_close(a);
	vfy_injected_close(b);
}

/* After a process died while it held the lock, the file can be opened again. */
static void file_killed(void)
{
	const char *path = in_folder("killed");

	fflush(stdout);
	for (unsigned i = 0; i < 20; i++) {
		struct vfy_injected *f;
		pid_t child = fork();

		if (!child)
			forever(book(path), i);
		usleep(30000 + unit_random_below(10000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		f = book(path);
		set(f, 1, i, DAMAGED(1 + i));
		for (unsigned lba = 0; lba <= i; lba++)
			is(f, 1, lba, DAMAGED(1 + lba));
		vfy_injected_mark(f, 2, 0, 97, VFY_SOUND);
		vfy_injected_mark(f, 1, 0, 1, VFY_SOUND);
		UNIT_CHECK(vfy_injected_none(f) == !i, "the count is off");
		set(f, 1, 0, DAMAGED(1));
		vfy_injected_close(f);
	}
}

/* A process that was killed while it created the file leaves one of the full size, all zero. */
static void file_unfinished(void)
{
	const char *path = in_folder("unfinished");
	struct vfy_injected *f = book(path);
	struct stat st;

	vfy_injected_close(f);
	UNIT_CHECK(!stat(path, &st) && !truncate(path, 0) && !truncate(path, st.st_size), "can't be cleared");
	f = book(path);
	set(f, 1, 7, DAMAGED(1));
	vfy_injected_close(f);
	f = book(path);
	is(f, 1, 7, DAMAGED(1));
	vfy_injected_close(f);
}

/* Returns the offset in the file of the 24-byte entry of @lba, and copies it to @entry. */
static off_t entry_of(const char *path, uint64_t lba, uint8_t entry[24])
{
	static uint8_t all[60 << 20];
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, all, sizeof(all));
	uint8_t *found = len > 0 ? memmem(all, len, &lba, sizeof(lba)) : NULL;

	close(fd);
	if (!UNIT_CHECK(found, "block %" PRIu64 " is not in the file", lba))
		return 0;
	memcpy(entry, found - 16, 24);
	return found - 16 - all;
}

/*
 * After a process was killed while it relocated an entry, which then is in two slots, the entry
 * can still be removed.
 */
static void file_half_moved(void)
{
	const char *path = in_folder("moved");
	struct vfy_injected *f = book(path);
	uint8_t before[24], after[24];
	uint64_t moved;
	off_t at;
	int fd;

	find_crowd();
	for (unsigned i = 0; i < CROWD; i++)
		set(f, 1, crowd[i], DAMAGED(3));
	moved = crowd[CROWD - 1];
	at = entry_of(path, moved, before);
	set(f, 1, crowd[0], SOUND);
	UNIT_CHECK(entry_of(path, moved, after) != at, "it did not move");
	vfy_injected_close(f);
	fd = open(path, O_RDWR);
	UNIT_CHECK(pwrite(fd, before, sizeof(before), at) == sizeof(before), "can't write");
	close(fd);
	f = book(path);
	is(f, 1, moved, DAMAGED(3));
	set(f, 1, moved, SOUND);
	is(f, 1, moved, SOUND);
	for (unsigned i = 1; i < CROWD - 1; i++)
		is(f, 1, crowd[i], DAMAGED(3));
	vfy_injected_mark(f, 1, 0, UINT64_MAX, VFY_SOUND);
	UNIT_CHECK(vfy_injected_none(f), "the count is off");
	vfy_injected_close(f);
}

/* --- refused --- */

static void refused(const char *path, const char *says)
{
	char why[VFY_WHY_MAX] = "";
	struct vfy_injected *f = vfy_injected_open(path, true, why);

	if (!UNIT_CHECK(!f, "%s is taken", path)) {
		vfy_injected_close(f);
		return;
	}
	UNIT_CHECK(!strncmp(why, "pi_inject_file: ", 16) && !strchr(why, '\n') && strstr(why, says),
		   "%s: '%s'", path, why);
}

static void overwrite(const char *path, off_t at, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0666);

	UNIT_CHECK(fd >= 0 && pwrite(fd, text, strlen(text), at) > 0, "%s: can't write", path);
	close(fd);
}

/* Change the byte at @at, or change it back. */
static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	char byte = 0;

	UNIT_CHECK(fd >= 0 && pread(fd, &byte, 1, at) == 1, "%s: can't read", path);
	byte ^= 1;
	UNIT_CHECK(pwrite(fd, &byte, 1, at) == 1, "%s: can't write", path);
	close(fd);
}

static void file_refused(void)
{
	const char *path = in_folder("refused");
	struct stat st;

	refused("/nowhere/x", "No such file");
	refused(folder, "directory");
	overwrite(path, 0, "some text of somebody's\n");
	refused(path, "not a table");
	UNIT_CHECK(!stat(path, &st) && st.st_size == 24, "it was changed");
	unlink(path);
	vfy_injected_close(book(path));
	flip(path, 8);
	refused(path, "another version");
	flip(path, 8);
	vfy_injected_close(book(path));
	flip(path, 0);
	refused(path, "not a table");
	flip(path, 0);
	vfy_injected_close(book(path));
	UNIT_CHECK(!stat(path, &st) && !truncate(path, st.st_size - 1), "can't cut it");
	refused(path, "not a table");
	UNIT_CHECK(!truncate(path, 0), "can't empty it");
	vfy_injected_close(book(path));
}

/* The message has space for a path of the maximum length. */
static void file_long_name(void)
{
	char path[4000], why[VFY_WHY_MAX];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	UNIT_CHECK(!vfy_injected_open(path, true, why) && strstr(why, "too long"), "'%s'", why);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "processes_fill", processes_fill },
		{ "processes_look", processes_look },
		{ "processes_killed", processes_killed },
		{ "file_again", file_again },
		{ "file_shared", file_shared },
		{ "file_killed", file_killed },
		{ "file_unfinished", file_unfinished },
		{ "file_half_moved", file_half_moved },
		{ "file_refused", file_refused },
		{ "file_long_name", file_long_name },
	};

	return faults_unit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
