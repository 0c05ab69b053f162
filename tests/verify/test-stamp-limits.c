/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-stamp-limits.c - the plugin "stamp": its messages and refusals, on a full disk, and with
 * concurrent threads
 */
#include <sys/mount.h>

#include "stamp-bed.h"

/* --- messages and refusals --- */

/* The tag of the option is no generation, so no block carries it. */
static void any_apptag(void)
{
	struct shape s = shapes[0];

	for (int partly = 0; partly <= 1; partly++) {
		char why[VFY_WHY_MAX];

		s.app_mask = partly ? 0x0ff0 : 0xffff;
		set_up(&s);
		bed.ns.tags.app = 0xffff;
		close_both();
		for (unsigned j = 0; j < JOBS; j++)
			UNIT_CHECK(!open_job(j, "", why), "%s", why);
		for (unsigned i = 0; i < 600; i++) {
			write_to(1, 1, 1, 0);
			expect_nothing(1, "all is well");
		}
		tear_down();
	}
}

static void says_what_it_cannot_see(void)
{
	static const struct { int shape; const char *words[4]; } cases[] = {
		{ 0, { "65535 in the application tag", "8 bytes per block", "torn from damaged" } },
		{ 2, { "65535 in the application tag", "where a misdirected write came from" } },
		{ 6, { "16777216 in the storage tag", "torn from damaged" } },
		{ 8, { "65535 in the application tag", "their first 5 bytes" } },
		{ 11, { "65535 in the application tag", "16777216 in stamps of 56 bytes", "trim" } },
		{ 14, { "16777216 in stamps of 8 bytes", "torn from damaged" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_up(&shapes[cases[i].shape]);
		for (int w = 0; w < 4 && cases[i].words[w]; w++)
			UNIT_CHECK(strstr(said, cases[i].words[w]), "'%s' is not in '%s'", cases[i].words[w], said);
		UNIT_CHECK(strchr(said, '\n') == said + strlen(said) / JOBS - 1, "not one line each: '%s'", said);
		tear_down();
	}
	set_up(&shapes[11]);
	UNIT_CHECK(!strstr(said, "torn"), "it says it can't see what it sees: '%s'", said);
	tear_down();
}

static void refused(const char *args, const char *word)
{
	char why[VFY_WHY_MAX] = "";

	vfy_stamp.close(bed.session[0].ctx);
	UNIT_CHECK(open_job(0, args, why) < 0 && strstr(why, word), "'%s': '%s', which has no '%s'", args, why, word);
	UNIT_CHECK(!strchr(why, '\n'), "more than a line: '%s'", why);
	bed.session[0].ctx = NULL;
}

static void refuses(void)
{
	struct vfy_ns two[2];

	set_up(&shapes[0]);
	refused("files=x", "unknown argument 'files=x'");
	tear_down();

	set_up(&shapes[0]);
	refused("file=", "file= needs a path");
	tear_down();

	set_up(&shapes[0]);
	refused("file=/nowhere/x", "/nowhere/x: No such file");
	tear_down();

	set_up(&shapes[0]);
	bed.ns.path = "/dev/null";
	refused("", "/dev/null is a device: name a file");
	tear_down();

	set_up(&shapes[0]);
	bed.ns.tuples_cross = bed.ns.md_crosses = false;	/* PRACT=1 */
	refused("", "no space for a generation");
	tear_down();

	set_up(&shapes[0]);
	bed.ns.tags.app_mask = 0x7f;
	refused("", "no space for a generation");
	tear_down();

	set_up(&shapes[4]);
	bed.ns.tags.app = 0xffff;		/* the storage tag carries the generation */
	refused("", "blocks escape all checks, as those never written do: give another apptag");
	tear_down();

	set_up(&shapes[9]);
	bed.ns.tags.app = 0xffff;
	bed.ns.tags.app_mask = 0;		/* only the stamp carries it */
	refused("", "give another apptag");
	tear_down();

	set_up(&shapes[0]);
	two[0] = two[1] = bed.ns;
	two[1].layout = shapes[9].l;
	two[1].path = "other";
	bed.job.ns = two;
	bed.job.nr_ns = 2;
	refused("", "are of different formats");
	unlink("other.stamp");
	tear_down();
}

/* A file of another namespace or format is refused and not changed. */
static void refused_file(const char *word)
{
	char why[VFY_WHY_MAX] = "";
	struct stat before, after;

	stat(file, &before);
	for (unsigned j = 0; j < JOBS; j++)
		if (bed.session[j].ctx)
			vfy_stamp.close(bed.session[j].ctx);
	bed.session[1].ctx = NULL;
	UNIT_CHECK(open_job(0, "", why) < 0 && strstr(why, word) && strstr(why, file), "'%s', which has no '%s'", why,
		   word);
	bed.session[0].ctx = NULL;
	stat(file, &after);
	UNIT_CHECK(before.st_size == after.st_size, "its size was changed");
}

static void put_in_file(const char *text, off_t at, off_t size)
{
	int fd = open(file, O_WRONLY);

	UNIT_CHECK(fd >= 0 && !ftruncate(fd, size) && pwrite(fd, text, strlen(text), at) >= 0, "%s", strerror(errno));
	close(fd);
}

static void refuses_files(void)
{
	set_up(&shapes[0]);
	bed.ns.nr_blocks++;
	refused_file("blocks 64 of");
	tear_down();

	set_up(&shapes[0]);
	bed.ns.tags.app_mask = 0xfff;
	refused_file("bits ffffh");
	tear_down();

	set_up(&shapes[0]);
	strcpy(bed.ns.identity, "EUI64 0200000000000007");
	refused_file("of ");
	tear_down();

	set_up(&shapes[0]);
	put_in_file("ELF and more", 0, 20);
	refused_file("ELF");
	tear_down();

	set_up(&shapes[0]);
	put_in_file("", 0, 4096 + 8 * BLOCKS - 1);
	refused_file("something else");
	tear_down();

	set_up(&shapes[0]);
	put_in_file("1", strlen("nvmepi generations "), 4096 + 8 * BLOCKS);
	refused_file("nvmepi generations 1");
	tear_down();
}

/* --- on a full disk --- */

/*
 * Disk space is reserved for this many blocks at a time: the first such chunk has space, the
 * next has not.
 */
enum { EDGE = 16384 };

static const char *in_full(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/full%s", folder, name);
	return path;
}

/*
 * Read four blocks before or after the edge, with the contents of @from's buffer.  Returns the
 * number of findings.
 */
static unsigned judge_four(uint64_t lba, const struct vfy_io *from)
{
	struct vfy_io io = io_of(1, 0, 2, lba, 4);

	start_read(1, &io);
	memcpy((void *)io.data, from->data, 4 * block_size());
	judge(1, &io);
	end(1, &io, 0);
	return bed.found;
}

static void whole(const struct vfy_io *io)
{
	start_write(0, io);
	end(0, io, 0);
}

/*
 * A write across the edge is not recorded, so what was known of its blocks is not known any
 * more.
 */
static void write_over_edge(void)
{
	struct vfy_io known = io_of(0, 0, 1, EDGE - 4, 4), over = io_of(0, 1, 1, EDGE - 4, 8);
	struct vfy_io lost = io_of(0, 2, 1, EDGE - 4, 4);

	whole(&known);
	UNIT_CHECK(!judge_four(EDGE - 4, &known), "a good write is found wrong");
	start_write(0, &over);
	UNIT_CHECK(!judge_four(EDGE - 4, &known), "not there yet");
	UNIT_CHECK(!judge_four(EDGE - 4, &over), "there already");
	end(0, &over, 0);
	UNIT_CHECK(!judge_four(EDGE - 4, &over), "it could not be kept, and %u are told wrong", bed.found);
	whole(&known);
	whole(&lost);
	UNIT_CHECK(judge_four(EDGE - 4, &known) == 4 && bed.f[0].class == VFY_LOST, "lost: %u found", bed.found);
}

/*
 * A trim starts when there is no disk space and ends when there is: its end does not end any
 * write.
 */
static void trim_over_edge(void)
{
	struct vfy_io trim = io_of(0, 0, 9, EDGE - 4, 8);
	struct vfy_io slow = io_of(0, 1, 1, EDGE, 4), fast = io_of(0, 2, 1, EDGE, 4);

	vfy_stamp.prepare(bed.session[0].ctx, &trim, NULL);
	UNIT_CHECK(!mount("none", in_full(""), "tmpfs", MS_REMOUNT, "size=1m"), "%s", strerror(errno));
	start_write(0, &slow);
	end(0, &trim, 0);
	whole(&fast);
	UNIT_CHECK(!judge_four(EDGE, &fast), "the one that ended");
	UNIT_CHECK(!judge_four(EDGE, &slow), "the other, which is under way");
	end(0, &slow, 0);
}

static void full_disk(void)
{
	char why[VFY_WHY_MAX], args[120];

	mkdir(in_full(""), 0777);
	if (mount("none", in_full(""), "tmpfs", 0, "size=160k")) {
		unit_skip("needs to mount a small tmpfs");
		rmdir(in_full(""));
		return;
	}
	set_up(&shapes[0]);
	close_both();
	bed.ns.nr_blocks = 2 * EDGE;
	snprintf(args, sizeof(args), "file=%s", in_full("/generations"));
	for (unsigned j = 0; j < JOBS; j++)
		UNIT_CHECK(!open_job(j, args, why), "%s", why);
	write_over_edge();
	trim_over_edge();
	tear_down();
	UNIT_CHECK(!umount(in_full("")) && !rmdir(in_full("")), "%s", strerror(errno));
}

/* --- concurrent jobs --- */

enum { THREADS = 4, ROUNDS = 20000 };

static void *write_much(void *arg)
{
	struct vfy_gens *g = arg;
	unsigned seed = (uintptr_t)&seed >> 4;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t nr = 1 + rand_r(&seed) % MOST, lba = rand_r(&seed) % (BLOCKS - nr + 1);
		uint32_t gen;

		if (rand_r(&seed) % 16) {
			vfy_gens_write(g, lba, nr, &gen);
			vfy_gens_written(g, lba, nr, true);
		} else {
			vfy_gens_change(g, lba, nr);
			vfy_gens_changed(g, lba, nr);
		}
	}
	return NULL;
}

static void threads(void)
{
	char why[VFY_WHY_MAX];
	struct vfy_gens *g;
	pthread_t t[THREADS];
	uint32_t gen;

	unlink(file);
	g = vfy_gens_open(file, "threads\n", BLOCKS, 255, true, why);
	if (!UNIT_CHECK(g, "%s", why))
		return;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, write_much, g);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		uint64_t w;
		struct vfy_gen_state s;

		vfy_gens_write(g, i, 1, &gen);
		vfy_gens_written(g, i, 1, true);
		w = vfy_gens_look(g, i);
		s = vfy_gens_between(g, w, w);
		UNIT_CHECK(s.settled && s.last == gen && !s.span, "block %" PRIu64 " is not settled: %" PRIx64, i, w);
	}
	vfy_gens_close(g);
	unlink(file);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "any_apptag", any_apptag },
		{ "says_what_it_cannot_see", says_what_it_cannot_see },
		{ "refuses", refuses },
		{ "refuses_files", refuses_files },
		{ "full_disk", full_disk },
		{ "threads", threads },
	};

	return bed_main(argc, argv, cases, ARRAY_SIZE(cases));
}
