/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-stamp-runs.c - the plugin "stamp" with several blocks and in several runs, also after a
 * process was killed or the system crashed
 */
#include <sys/wait.h>

#include "stamp-bed.h"

/* --- several blocks, several runs --- */

/* All blocks of a write have the same generation; in a read each block has its own finding. */
static void many_blocks(void)
{
	struct vfy_io io = io_of(0, 0, 1, 0, 4);

	for (int i = 0; i < 3; i++)
		write_to(i, 1, i, 0);
	write_to(2, 1, 2, 0);
	start_write(0, &io);
	memset((void *)(io.data + block_size()), 0, 1);
	apply(&io, 0);
	if (bed.shape->carrier) {
		struct pi_fields first = pi_tuple_get(&bed.shape->l, io.md + pi_tuple_offset(&bed.shape->l));
		struct pi_fields last = pi_tuple_get(&bed.shape->l, io.md + 3 * io.md_stride +
						     pi_tuple_offset(&bed.shape->l));

		UNIT_CHECK(first.app == last.app && first.storage == last.storage,
			   "%s: two generations in a write", shape_name(bed.shape));
	}
	end(0, &io, 0);
	write_to(0, 4, 0, 0);
	read_blocks(0, 8);
	UNIT_CHECK(!bed.found, "%s: %u findings", shape_name(bed.shape), bed.found);
	write_to(1, 1, -1, 0);
	write_to(3, 1, -1, 0);
	read_blocks(0, 4);
	UNIT_CHECK(bed.found == 2 && bed.f[0].index == 1 && bed.f[1].index == 3, "%s: %u findings, at %u and %u",
		   shape_name(bed.shape), bed.found, bed.f[0].index, bed.f[1].index);
	bed.f[1].index = 99;
	io = io_of(1, 0, 2, 0, 4);
	start_read(1, &io);
	memcpy((void *)io.data, media_at(0), 4 * block_size());
	UNIT_CHECK(vfy_stamp.check(bed.session[1].ctx, &io, NULL, bed.f, 1) == 2 || bed.shape->room >= 16,
		   "%s: not all were counted", shape_name(bed.shape));
	UNIT_CHECK(bed.f[1].index == 99, "%s: more than there is room for", shape_name(bed.shape));
}

static void blocks_of_a_write(void)
{
	each_shape(many_blocks);
}

/* A later run knows the generations; after a killed run both generations are valid. */
static void run_again(void)
{
	char why[VFY_WHY_MAX];
	struct vfy_io io = io_of(0, 1, 1, 17, 1);

	write_to(16, 1, 16, 0);
	write_to(16, 1, -1, 0);
	write_to(17, 1, 17, 0);
	write_to(17, 1, 17, 0);
	start_write(0, &io);			/* killed while in flight */
	write_to(18, 1, 18, 0);
	write_to(18, 1, -1, 0x281);		/* a failed write */
	close_both();
	for (unsigned j = 0; j < JOBS; j++)
		UNIT_CHECK(!open_job(j, "", why), "%s: %s", shape_name(bed.shape), why);
	expect(16, VFY_LOST, "in a later run");
	expect_nothing(17, "killed, not done");
	apply(&io, 17);
	expect_nothing(17, "killed, and done");
	expect_nothing(18, "failed");
	write_to(17, 1, 17, 0);
	write_to(17, 1, -1, 0);
	expect(17, VFY_LOST, "settled again");
}

static void later_runs(void)
{
	each_shape(run_again);
}

/* After another command that changes blocks, any contents are valid until the next write. */
static void trim(void)
{
	struct vfy_io io = io_of(0, 1, 9, 2, 4);

	write_to(2, 4, 2, 0);
	vfy_stamp.prepare(bed.session[0].ctx, &io, NULL);
	expect_nothing(2, "under way");
	deallocate(2);
	expect_nothing(2, "done, not ended");
	end(0, &io, 0);
	expect_nothing(2, "ended");
	expect_nothing(3, "without effect");
	write_to(2, 4, -1, 0);
	expect(2, VFY_LOST, "the write after it was lost");
	expect(3, VFY_LOST, "the write after it was lost");
}

static void trims(void)
{
	each_shape(trim);
}

/* Generations wrap, and the application tag is never FFFFh. */
static void come_round(const struct shape *s, unsigned apart)
{
	set_up(s);
	write_to(1, 1, 1, 0);
	for (unsigned i = 0; i < 3 * apart; i++) {
		write_to(1, 1, i % 7 == 3 ? -1 : 1, 0);
		if (i % 7 == 3) {
			if (!expect(1, VFY_LOST, "one was lost"))
				break;
		} else if (!expect_nothing(1, "none was lost")) {
			break;
		}
	}
	tear_down();
}

static void generations_come_round(void)
{
	struct shape s = shapes[0];

	s.app_mask = 0x0ff0;
	come_round(&s, 255);
	s.app_mask = 0x33cc;		/* bits that are not contiguous */
	come_round(&s, 255);
	s = shapes[3];
	s.l.sts = s.storage_bits = 8;
	come_round(&s, 256);
}

/* --- the system crashed --- */

enum { FILE_SIZE = 4096 + 8 * BLOCKS, BOOT_ID = 1024 };		/* offset of the boot ID */

/* Restore the old contents of the file, and set another boot ID in it. */
static void reboot(char *old)
{
	int fd = open(file, O_WRONLY);

	old[BOOT_ID] ^= 1;
	UNIT_CHECK(pwrite(fd, old, FILE_SIZE, 0) == FILE_SIZE, "short");
	close(fd);
}

static char *read_file(void)
{
	char *bytes = allocate(FILE_SIZE);
	int fd = open(file, O_RDONLY);

	UNIT_CHECK(pread(fd, bytes, FILE_SIZE, 0) == FILE_SIZE, "short");
	close(fd);
	return bytes;
}

static void open_again(bool behind, const char *when)
{
	char why[VFY_WHY_MAX];

	*said = '\0';
	for (unsigned j = 0; j < JOBS; j++)
		UNIT_CHECK(!open_job(j, "", why), "%s", why);
	UNIT_CHECK(!strstr(said, "the machine crashed") == !behind, "%s: %s: it says '%s'", when,
		   shape_name(bed.shape), said);
}

/*
 * The system crashed: a generation that the file does not know is no finding until the block is
 * written again.
 */
static void lose_machine(void)
{
	char *old;

	for (int i = 0; i < 300; i++)		/* generations in few bits wrap */
		write_to(1, 2, 1, 0);
	old = read_file();
	write_to(1, 2, 1, 0);
	close_both();
	reboot(old);
	open_again(true, "newer ones are on media");
	expect_nothing(1, "newer than the file knows");
	write_to(1, 1, 1, 0);
	write_to(1, 1, -1, 0);
	expect(1, VFY_LOST, "written since, and lost");
	expect_nothing(2, "the other was not");
	close_both();
	open_again(true, "one was not written since");
	write_to(2, 1, 2, 0);
	close_both();
	open_again(false, "both were written since");
	write_to(2, 1, -1, 0);
	expect(2, VFY_LOST, "as ever");
	free(old);
}

static void behind(void)
{
	struct shape s = shapes[0];

	each_shape(lose_machine);
	s.app_mask = 0xff;
	set_up(&s);
	lose_machine();
	tear_down();
}

static void in_process(void (*run)(unsigned), unsigned arg)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		run(arg);
		_exit(unit_nr_failed > 0);
	}
	UNIT_CHECK(waitpid(pid, &status, 0) == pid && !status, "status %d", status);
}

static void write_and_close(unsigned job)
{
	struct vfy_io io = io_of(job, 0, 1, 1, 1);

	start_write(job, &io);
	end(job, &io, 0);
	vfy_stamp.close(bed.session[job].ctx);
}

static void close_job(unsigned job)
{
	vfy_stamp.close(bed.session[job].ctx);
}

/*
 * As in fio: the main process opens the jobs, which then become processes, and keeps all of
 * them open to its end.
 */
static void one_writes(unsigned writer)
{
	open_again(false, "a new file");
	for (unsigned j = 0; j < JOBS; j++)
		in_process(j == writer ? write_and_close : close_job, j);
}

static void write_and_die(unsigned job)
{
	struct vfy_io io = io_of(job, 0, 1, 1, 1);

	open_again(false, "in order till now");
	start_write(job, &io);
}

static void reboot_as_is(void)
{
	char *bytes = read_file();

	reboot(bytes);
	free(bytes);
}

/* The last process that closes the file leaves it clean, unless it is killed. */
static void ends_in_order(void)
{
	for (unsigned writer = 0; writer < JOBS; writer++) {
		set_up(&shapes[0]);
		close_both();
		in_process(one_writes, writer);
		reboot_as_is();
		open_again(false, writer ? "the writer was the last" : "the writer was the first");
		close_both();
		in_process(write_and_die, 0);
		reboot_as_is();
		open_again(true, "the writer was killed");
		tear_down();
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "blocks_of_a_write", blocks_of_a_write },
		{ "later_runs", later_runs },
		{ "trims", trims },
		{ "generations_come_round", generations_come_round },
		{ "behind", behind },
		{ "ends_in_order", ends_in_order },
	};

	return bed_main(argc, argv, cases, ARRAY_SIZE(cases));
}
