/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-faults.c - the table of damaged blocks: compared with an array, full, in several
 * processes, after a process was killed, and opened again
 *
 * Files are created in a temporary folder under TMPDIR (/tmp by default).
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "verify/faults.h"
#include "verify/verify.h"
#include "verify/mix.h"
#include "tests/lib/unit.h"

#define DAMAGED(what)	((struct vfy_fault_block){ VFY_DAMAGED, what })
#define UNSETTLED(what)	((struct vfy_fault_block){ VFY_UNSETTLED, what })
#define SOUND		((struct vfy_fault_block){ VFY_SOUND, 0 })

enum { MILLION = 1000000 };

static char folder[4000];

static const char *in_folder(const char *name)
{
	static char path[sizeof(folder) + 100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static struct vfy_faults *book(const char *path)
{
	char why[VFY_WHY_MAX] = "";
	struct vfy_faults *f = vfy_faults_open(path, why);

	if (!f) {
		printf("not ok %s: %s\n", CU_get_current_test()->pName, why);
		exit(1);
	}
	return f;
}

static void is(struct vfy_faults *f, uint64_t ns, uint64_t lba, struct vfy_fault_block want)
{
	struct vfy_fault_block got = vfy_faults_get(f, ns, lba);

	UNIT_CHECK(got.state == want.state && got.shows == want.shows,
		   "block %" PRIu64 ":%" PRIu64 " is %d %x, wanted %d %x", ns, lba, got.state,
		   got.shows, want.state, want.shows);
}

static void set(struct vfy_faults *f, uint64_t ns, uint64_t lba, struct vfy_fault_block b)
{
	int err = vfy_faults_set(f, ns, lba, b);

	UNIT_CHECK(!err, "block %" PRIu64 ":%" PRIu64 ": %d", ns, lba, err);
}

/* --- one process --- */

static void by_hand(void)
{
	struct vfy_faults *f = book(NULL);

	UNIT_CHECK(vfy_faults_none(f), "a new book has something in it");
	is(f, 0, 0, SOUND);
	set(f, 0, 0, SOUND);
	UNIT_CHECK(vfy_faults_none(f), "forgetting what isn't there counts");
	set(f, 0, 0, DAMAGED(PI_GUARD));
	set(f, UINT64_MAX, UINT64_MAX, UNSETTLED(VFY_METADATA | PI_GUARD));
	UNIT_CHECK(!vfy_faults_none(f), "empty with two in it");
	is(f, 0, 0, DAMAGED(PI_GUARD));
	is(f, UINT64_MAX, UINT64_MAX, UNSETTLED(VFY_METADATA | PI_GUARD));
	is(f, 0, 1, SOUND);
	is(f, 1, 0, SOUND);
	set(f, 0, 0, DAMAGED(PI_REF));
	is(f, 0, 0, DAMAGED(PI_REF));
	set(f, 0, 0, SOUND);
	set(f, 0, 0, SOUND);
	UNIT_CHECK(!vfy_faults_none(f), "the other one is gone");
	set(f, UINT64_MAX, UINT64_MAX, SOUND);
	UNIT_CHECK(vfy_faults_none(f), "something is left");
	vfy_faults_close(f);
}

/*
 * A mark changes exactly those blocks of the range that are in the table, and keeps their
 * @shows.
 */
static void marks(uint64_t lba, uint64_t nr)
{
	struct vfy_faults *f = book(NULL);
	const uint64_t last = lba + nr - 1;

	set(f, 1, lba - 1, DAMAGED(1));
	set(f, 1, lba, DAMAGED(2));
	set(f, 1, last, DAMAGED(3));
	set(f, 1, last + 1, DAMAGED(4));
	set(f, 2, lba, DAMAGED(5));
	vfy_faults_mark(f, 1, lba, nr, VFY_UNSETTLED);
	is(f, 1, lba - 1, DAMAGED(1));
	is(f, 1, lba, UNSETTLED(2));
	is(f, 1, lba + 1, SOUND);
	is(f, 1, last, UNSETTLED(3));
	is(f, 1, last + 1, DAMAGED(4));
	is(f, 2, lba, DAMAGED(5));
	vfy_faults_mark(f, 1, lba, nr, VFY_DAMAGED);
	is(f, 1, last, DAMAGED(3));
	vfy_faults_mark(f, 1, lba, nr, VFY_SOUND);
	is(f, 1, lba - 1, DAMAGED(1));
	is(f, 1, lba, SOUND);
	is(f, 1, last, SOUND);
	is(f, 1, last + 1, DAMAGED(4));
	is(f, 2, lba, DAMAGED(5));
	vfy_faults_close(f);
}

static void mark_ranges(void)
{
	static const uint64_t sizes[] = { 3, 8, 1000, 100000, 131072, 131073, 1 << 22, 1ULL << 40 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		marks(1, sizes[i]);
		marks(0xfffffffe, sizes[i]);
		marks(UINT64_MAX - sizes[i], sizes[i]);
	}
}

/*
 * Compare with an array after random operations, enough of them that slots are reused many
 * times.
 */
static void against_an_array(void)
{
	enum { NS = 3, LBAS = 3000, STEPS = 400000 };
	static struct vfy_fault_block want[NS][LBAS];
	struct vfy_faults *f = book(NULL);

	for (int step = 0; step < STEPS; step++) {
		uint64_t ns = unit_random_below(NS), lba = unit_random_below(LBAS);
		struct vfy_fault_block b = { unit_random_below(3), 1 + unit_random_below(31) };

		if (b.state == VFY_SOUND)
			b.shows = 0;
		if (unit_random_below(8)) {
			set(f, ns, lba, b);
			want[ns][lba] = b;
		} else {
			uint64_t nr = 1 + unit_random_below(LBAS - lba < 40 ? LBAS - lba : 40);

			vfy_faults_mark(f, ns, lba, nr, b.state);
			for (uint64_t i = lba; i < lba + nr; i++)
				if (want[ns][i].state)
					want[ns][i] = b.state ? (struct vfy_fault_block)
						{ b.state, want[ns][i].shows } : SOUND;
		}
		ns = unit_random_below(NS);
		lba = unit_random_below(LBAS);
		is(f, ns, lba, want[ns][lba]);
	}
	for (uint64_t ns = 0; ns < NS; ns++)
		for (uint64_t lba = 0; lba < LBAS; lba++)
			is(f, ns, lba, want[ns][lba]);
	for (uint64_t ns = 0; ns < NS; ns++)
		vfy_faults_mark(f, ns, 0, UINT64_MAX, VFY_SOUND);
	UNIT_CHECK(vfy_faults_none(f), "something is left");
	vfy_faults_close(f);
}

/* --- full --- */

static void full(void)
{
	struct vfy_faults *f = book(NULL);

	for (uint64_t lba = 0; lba < MILLION; lba++)
		set(f, 1, lba * 7, DAMAGED(1 + lba % 7));
	UNIT_CHECK(vfy_faults_set(f, 1, 1, DAMAGED(PI_APP)) == -ENOSPC, "one more is taken");
	is(f, 1, 1, SOUND);
	for (uint64_t lba = 0; lba < MILLION; lba++)
		is(f, 1, lba * 7, DAMAGED(1 + lba % 7));
	set(f, 1, 7, DAMAGED(PI_REF));				/* existing ones can change */
	UNIT_CHECK(!vfy_faults_set(f, 1, 1, SOUND), "what isn't there can't be forgotten");
	set(f, 1, 7, SOUND);
	set(f, 1, 1, DAMAGED(PI_APP));
	UNIT_CHECK(vfy_faults_set(f, 1, 7, DAMAGED(PI_APP)) == -ENOSPC, "one more is taken");
	vfy_faults_mark(f, 1, 0, 7 * MILLION / 2, VFY_SOUND);
	for (uint64_t lba = 0; lba < MILLION; lba++)
		is(f, 1, lba * 7, lba < MILLION / 2 ? SOUND : DAMAGED(1 + lba % 7));
	vfy_faults_close(f);
}

/* Returns the CPU time of this process, which a busy machine does not change. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Look up blocks that are not in the table.  Returns nanoseconds per look-up. */
static double absent(struct vfy_faults *f)
{
	double from = seconds();

	for (uint64_t lba = 0; lba < MILLION; lba++)
		is(f, 2, lba, SOUND);
	return (seconds() - from) * 1e9 / MILLION;
}

/*
 * Look-ups stay fast if the table is nearly full and more blocks were added and removed than
 * there are slots.
 */
static void long_use(void)
{
	enum { KEPT = MILLION * 9 / 10 };
	struct vfy_faults *f = book(NULL);
	double fresh, worn;

	for (uint64_t lba = 0; lba < KEPT; lba++)
		set(f, 1, lba, DAMAGED(1));
	fresh = absent(f);
	for (uint64_t lba = KEPT; lba < 8 * MILLION; lba++) {
		set(f, 1, lba - KEPT, SOUND);
		set(f, 1, lba, DAMAGED(1));
	}
	worn = absent(f);
	UNIT_CHECK(worn < 8 * fresh + 400, "%.0f ns to look a block up, %.0f when it was new", worn,
		   fresh);
	vfy_faults_close(f);
}

/* --- several processes --- */

/* Run @job in @nr concurrent processes; each must exit with 0. */
static void in_processes(unsigned nr, void (*job)(struct vfy_faults *f, unsigned me),
			 struct vfy_faults *f)
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

static void fill(struct vfy_faults *f, unsigned me)
{
	for (uint64_t i = 0; i < EACH; i++) {
		uint64_t lba = i * PROCESSES + me;

		set(f, 1, lba, DAMAGED(1 + me));
		if (i % 2)
			set(f, 1, lba, SOUND);
	}
}

static void filled_by_processes(struct vfy_faults *f)
{
	in_processes(PROCESSES, fill, f);
	for (uint64_t lba = 0; lba < PROCESSES * EACH; lba++)
		is(f, 1, lba, lba / PROCESSES % 2 ? SOUND : DAMAGED(1 + lba % PROCESSES));
}

static void processes_fill(void)
{
	struct vfy_faults *f = book(NULL);

	filled_by_processes(f);
	vfy_faults_mark(f, 1, 0, PROCESSES * EACH, VFY_SOUND);
	UNIT_CHECK(vfy_faults_none(f), "the count is off");
	vfy_faults_close(f);
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
		if (vfy_mix(vfy_mix(1) + lba) % SLOTS == SLOTS - 3)	/* probes wrap */
			crowd[i++] = lba;
}

static void come_and_go(struct vfy_faults *f)
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
static void watch(struct vfy_faults *f)
{
	for (unsigned i = 0, before; (before = *turn) < UINT32_MAX; i = (i + 1) % CROWD) {
		struct vfy_fault_block b = vfy_faults_get(f, 1, crowd[i]);
		bool may_be_gone = before % CROWD == i || *turn != before;

		UNIT_CHECK(b.state == VFY_DAMAGED || (may_be_gone && b.state == VFY_SOUND),
			   "number %u is %d while it is the turn of %u", i, b.state, before);
		UNIT_CHECK(b.state == VFY_SOUND || b.shows == 1 + crowd[i] % 31,
			   "number %u shows %x", i, b.shows);
	}
}

static void crowded(struct vfy_faults *f, unsigned me)
{
	if (me)
		watch(f);
	else
		come_and_go(f);
}

static void processes_look(void)
{
	struct vfy_faults *f = book(NULL);

	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	find_crowd();
	for (unsigned i = 0; i < CROWD; i++)
		set(f, 1, crowd[i], DAMAGED(1 + crowd[i] % 31));
	in_processes(2, crowded, f);
	munmap(turn, sizeof(*turn));
	vfy_faults_close(f);
}

static void forever(struct vfy_faults *f, unsigned me)
{
	for (uint64_t i = me;; i++) {
		vfy_faults_set(f, 2, i % 97, i / 97 % 2 ? SOUND : DAMAGED(1));
		vfy_faults_mark(f, 2, 0, 97, i % 3);
	}
}

/*
 * A process is killed at any point, also while it holds the lock: others continue, and no other
 * entry is lost.
 */
static void processes_killed(void)
{
	struct vfy_faults *f = book(NULL);

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
	vfy_faults_mark(f, 1, 0, 1000, VFY_SOUND);
	filled_by_processes(f);
	vfy_faults_close(f);
}

/* --- a file --- */

static void file_again(void)
{
	const char *path = in_folder("again");
	struct vfy_faults *f;

	for (uint64_t run = 0; run < 5; run++) {
		f = book(path);
		UNIT_CHECK(vfy_faults_none(f) == !run, "run %" PRIu64 " found a wrong count", run);
		for (uint64_t lba = 0; lba < run * 10; lba++)
			is(f, 1, lba, DAMAGED(1 + lba / 10));
		for (uint64_t lba = 0; lba < 10; lba++)
			set(f, 1, run * 10 + lba, DAMAGED(1 + run));
		vfy_faults_close(f);
	}
	f = book(path);
	vfy_faults_mark(f, 1, 0, 50, VFY_SOUND);
	vfy_faults_close(f);
	f = book(path);
	UNIT_CHECK(vfy_faults_none(f), "something is left");
	vfy_faults_close(f);
}

/* Two users of a file share its contents, while both have it open and afterwards. */
static void file_shared(void)
{
	const char *path = in_folder("shared");
	struct vfy_faults *a = book(path), *b = book(path);

	set(a, 1, 1, DAMAGED(1));
	is(b, 1, 1, DAMAGED(1));
	vfy_faults_close(a);
	set(b, 1, 2, DAMAGED(2));
	a = book(path);
	is(a, 1, 2, DAMAGED(2));
	in_processes(PROCESSES, fill, a);
	is(b, 1, 4, SOUND);
	is(b, 1, 8, DAMAGED(1));
	vfy_faults_close(a);
	vfy_faults_close(b);
}

/* After a process died while it held the lock, the file can be opened again. */
static void file_killed(void)
{
	const char *path = in_folder("killed");

	fflush(stdout);
	for (unsigned i = 0; i < 20; i++) {
		struct vfy_faults *f;
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
		vfy_faults_mark(f, 2, 0, 97, VFY_SOUND);
		vfy_faults_mark(f, 1, 0, 1, VFY_SOUND);
		UNIT_CHECK(vfy_faults_none(f) == !i, "the count is off");
		set(f, 1, 0, DAMAGED(1));
		vfy_faults_close(f);
	}
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
	struct vfy_faults *f = book(path);
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
	vfy_faults_close(f);
	fd = open(path, O_RDWR);
	UNIT_CHECK(pwrite(fd, before, sizeof(before), at) == sizeof(before), "can't write");
	close(fd);
	f = book(path);
	is(f, 1, moved, DAMAGED(3));
	set(f, 1, moved, SOUND);
	is(f, 1, moved, SOUND);
	for (unsigned i = 1; i < CROWD - 1; i++)
		is(f, 1, crowd[i], DAMAGED(3));
	vfy_faults_mark(f, 1, 0, UINT64_MAX, VFY_SOUND);
	UNIT_CHECK(vfy_faults_none(f), "the count is off");
	vfy_faults_close(f);
}

/* --- refused --- */

static void refused(const char *path, const char *says)
{
	char why[VFY_WHY_MAX] = "";
	struct vfy_faults *f = vfy_faults_open(path, why);

	if (!UNIT_CHECK(!f, "%s is taken", path)) {
		vfy_faults_close(f);
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

static void file_refused(void)
{
	const char *path = in_folder("refused");
	struct stat st;

	refused("/nowhere/x", "No such file");
	refused(folder, "directory");
	overwrite(path, 0, "some text of somebody's\n");
	refused(path, "not a book");
	UNIT_CHECK(!stat(path, &st) && st.st_size == 24, "it was changed");
	unlink(path);
	vfy_faults_close(book(path));
	overwrite(path, 8, "\002");
	refused(path, "another version");
	overwrite(path, 8, "\001");
	vfy_faults_close(book(path));
	overwrite(path, 0, "x");
	refused(path, "not a book");
	overwrite(path, 0, "n");
	vfy_faults_close(book(path));
	UNIT_CHECK(!stat(path, &st) && !truncate(path, st.st_size - 1), "can't cut it");
	refused(path, "not a book");
	UNIT_CHECK(!truncate(path, 0), "can't empty it");
	vfy_faults_close(book(path));
}

/* The message has space for a path of the maximum length. */
static void file_long_name(void)
{
	char path[4000], why[VFY_WHY_MAX];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	UNIT_CHECK(!vfy_faults_open(path, why) && strstr(why, "too long"), "'%s'", why);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "by_hand", by_hand },
		{ "mark_ranges", mark_ranges },
		{ "against_an_array", against_an_array },
		{ "full", full },
		{ "long_use", long_use },
		{ "processes_fill", processes_fill },
		{ "processes_look", processes_look },
		{ "processes_killed", processes_killed },
		{ "file_again", file_again },
		{ "file_shared", file_shared },
		{ "file_killed", file_killed },
		{ "file_half_moved", file_half_moved },
		{ "file_refused", file_refused },
		{ "file_long_name", file_long_name },
	};
	const char *tmp = getenv("TMPDIR");
	int status;

	snprintf(folder, sizeof(folder), "%.3800s/test-faults.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		return 2;
	}
	status = unit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}
