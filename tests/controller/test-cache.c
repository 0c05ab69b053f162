// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-cache.c - the volatile write cache of the embedded controller: a child changes blocks and is
 * killed; what the image then contains is what a drive may have after a power loss
 *
 * The contents of a block are its generation, in every byte of the data and of the metadata.
 */
#include "cache-bed.h"

/* A new image; all blocks are generation 1, and durable. */
static void start(const struct ns_format *f)
{
	struct target_ns *ns;

	remove_image("x.img");
	unlink(in_folder("x.img.cache"));
	format = *f;
	ns = open_cached(NULL);
	UNIT_CHECK(!write_blocks(ns, 0, BLOCKS / 2, 1, 0) &&
		   !write_blocks(ns, BLOCKS / 2, BLOCKS / 2, 1, 0), "the first writes fail");
	controller_target.close(ns);
}

static const struct ns_format plain = { 512, 16, 0, 0, 0, 0, 0 };

/* Count what blocks from @lba on contain: [generation], all others are complaints. */
static void count(struct target_ns *ns, uint64_t lba, uint64_t nr, unsigned *of, int most)
{
	memset(of, 0, (most + 1) * sizeof(*of));
	for (uint64_t i = lba; i < lba + nr; i++) {
		const int gen = holds(ns, i);

		if (UNIT_CHECK(gen >= 0 && gen <= most, "%s: LBA %u: %d", name_of(&format), (unsigned)i, gen))
			of[gen]++;
	}
}

/* --- the cases --- */

/* LBA 0..63: 2 and 3 in the cache; 64: 2 in the cache, 3 with FUA; 65..: 2 flushed; 128..: 1. */
static void usual(struct target_ns *ns)
{
	need(write_blocks(ns, 65, 63, 2, 0));
	need(flush(ns));
	need(write_blocks(ns, 0, 64, 2, 0));
	need(write_blocks(ns, 64, 1, 2, 0));
	need(write_blocks(ns, 64, 1, 3, FUA));
	for (unsigned i = 0; i < 64; i += 4)
		need(write_blocks(ns, i, 4, 3, 0));
}

static void some_are_lost(void)
{
	static const struct ns_format all[] = {
		{ 512, 0, 0, 0, 0, 0, 0 }, { 4096, 8, 0, 0, 0, 0, 0 }, { 512, 16, 0, 0, 0, 0, 0 },
		{ 4096, 64, 0, 0, 0, 0, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct target_ns *ns;
		unsigned of[4];

		start(&all[i]);
		cut(usual, "volatile", NULL);
		UNIT_CHECK(exists("x.img.cache"), "there is no x.img.cache");
		ns = open_cached(NULL);
		UNIT_CHECK(strstr(said, "the power was cut: of 130 changes"), "it says '%s'", said);
		UNIT_CHECK(!exists("x.img.cache"), "x.img.cache is still there");
		count(ns, 0, 64, of, 3);
		UNIT_CHECK(of[1] && of[2] && of[3] && !of[0], "left are %u of 1, %u of 2, %u of 3", of[1],
			   of[2], of[3]);
		UNIT_CHECK(holds(ns, 64) == 3, "FUA: %d", holds(ns, 64));
		count(ns, 65, 63, of, 3);
		UNIT_CHECK(of[2] == 63, "flushed: %u are left", of[2]);
		count(ns, 128, 128, of, 3);
		UNIT_CHECK(of[1] == 128, "not touched: %u are left", of[1]);
		controller_target.close(ns);
		ns = open_cached(NULL);
		UNIT_CHECK(!*said, "at the next opening it says '%s'", said);
		controller_target.close(ns);
	}
}

/* Return a picture of what the blocks contain after a cut. */
static const char *picture(const char *cache)
{
	static char text[2][65];
	static unsigned turn;
	char *to = text[turn++ % 2];
	struct target_ns *ns;

	start(&plain);
	cut(usual, cache, NULL);
	ns = open_cached(NULL);
	for (unsigned i = 0; i < 64; i++)
		to[i] = '0' + holds(ns, i);
	controller_target.close(ns);
	return to;
}

static void the_seed_decides(void)
{
	const char *one = picture("volatile@7"), *same = picture("volatile@7"), *other;

	UNIT_CHECK(!strcmp(one, same), "%s, then %s", one, same);
	other = picture("volatile@8");
	UNIT_CHECK(strcmp(same, other), "two seeds: both %s", same);
}

/* The other commands that change blocks; each four blocks, so that some are lost and some are not. */
static void others(struct target_ns *ns)
{
	const uint64_t copy[4] = { 0, 0, 31, 0 }, range[2] = { 32ull << 32, 128 };
	struct nvme_uring_cmd cmd = rw(nvme_cmd_copy, 160, 1, (void *)copy, sizeof(copy));

	need(write_blocks(ns, 0, 32, 9, 0));
	need(flush(ns));
	need(simple(ns, nvme_cmd_write_zeroes, 64, 32, 0));
	need(simple(ns, nvme_cmd_write_uncor, 96, 32, 0));
	need(run(ns, cmd));
	cmd = rw(nvme_cmd_dsm, 0, 1, (void *)range, sizeof(range));
	cmd.cdw10 = 0;
	cmd.cdw11 = NVME_DSMGMT_AD;
	need(run(ns, cmd));
	/* Write over what is deallocated and what is uncorrectable. */
	need(simple(ns, nvme_cmd_write_uncor, 224, 16, FUA));
	need(simple(ns, nvme_cmd_write_zeroes, 240, 16, FUA));
	need(flush(ns));
	need(write_blocks(ns, 224, 32, 2, 0));
	need(simple(ns, nvme_cmd_write_zeroes, 200, 8, FUA));
	need(simple(ns, nvme_cmd_write_uncor, 64, 32, 0));
}

/* Blocks from @lba on are some of them as before, some as after, and none else. */
static void either(struct target_ns *ns, uint64_t lba, uint64_t nr, int before, int after)
{
	unsigned old = 0, new = 0;

	for (uint64_t i = lba; i < lba + nr; i++) {
		const int is = holds(ns, i);

		UNIT_CHECK(is == before || is == after, "LBA %u: %d", (unsigned)i, is);
		old += is == before;
		new += is == after;
	}
	UNIT_CHECK(old && new, "LBA %u: %u as before, %u as after", (unsigned)lba, old, new);
}

static void all_that_changes_is_cached(void)
{
	struct target_ns *ns;

	start(&plain);
	cut(others, "volatile@3", NULL);
	ns = open_cached(NULL);
	either(ns, 224, 16, UNREADABLE, 2);
	either(ns, 240, 16, BLANK, 2);
	for (uint64_t i = 128; i < 160; i++)
		UNIT_CHECK(holds(ns, i) == BLANK, "LBA %u was flushed: %d", (unsigned)i, holds(ns, i));
	for (uint64_t i = 160; i < 192; i++)
		UNIT_CHECK(holds(ns, i) == 9, "LBA %u was flushed: %d", (unsigned)i, holds(ns, i));
	for (uint64_t i = 200; i < 208; i++)
		UNIT_CHECK(holds(ns, i) == BLANK, "LBA %u had FUA: %d", (unsigned)i, holds(ns, i));
	either(ns, 64, 32, BLANK, UNREADABLE);
	controller_target.close(ns);
}

static void trims(struct target_ns *ns)
{
	const uint64_t copy[4] = { 0, 0, 31, 0 }, range[2] = { 32ull << 32, 128 };
	struct nvme_uring_cmd cmd = rw(nvme_cmd_copy, 160, 1, (void *)copy, sizeof(copy));

	need(write_blocks(ns, 0, 32, 9, 0));
	need(flush(ns));
	need(run(ns, cmd));
	cmd = rw(nvme_cmd_dsm, 0, 1, (void *)range, sizeof(range));
	cmd.cdw10 = 0;
	cmd.cdw11 = NVME_DSMGMT_AD;
	need(run(ns, cmd));
}

static void trims_and_copies_are_lost(void)
{
	struct target_ns *ns;

	start(&plain);
	cut(trims, "volatile", NULL);
	ns = open_cached(NULL);
	either(ns, 128, 32, 1, BLANK);
	either(ns, 160, 32, 1, 9);
	controller_target.close(ns);
}

static void three(struct target_ns *ns)
{
	need(write_blocks(ns, 0, 64, 3, 0));
}

/* A good end of the last writer, also after another was killed, writes the cache to media. */
static void a_good_end_loses_nothing(void)
{
	struct target_ns *ns;
	unsigned of[4];

	start(&plain);
	ns = open_cached("volatile");
	need(write_blocks(ns, 64, 64, 2, 0));
	cut(three, "volatile", NULL);
	count(ns, 0, 64, of, 3);
	UNIT_CHECK(of[3] == 64, "one of two was killed: of its blocks %u are there", of[3]);
	controller_target.close(ns);
	ns = open_cached("volatile");
	UNIT_CHECK(!*said, "it says '%s'", said);
	count(ns, 0, 64, of, 3);
	UNIT_CHECK(of[3] == 64, "of the killed writer's blocks %u are there", of[3]);
	count(ns, 64, 64, of, 3);
	UNIT_CHECK(of[2] == 64, "of the other's blocks %u are there", of[2]);
	controller_target.close(ns);
}

static void in_turn(struct target_ns *ns)
{
	for (unsigned gen = 2; gen < 250; gen++)
		for (unsigned i = 0; i < BLOCKS; i += 64)
			need(write_blocks(ns, i, 64, gen, 0));
}

/* The cache is finite: the oldest of what it contains gets to media, the newest can be lost. */
static void old_changes_are_evicted(void)
{
	struct target_ns *ns;
	unsigned of[251], oldest = 0, lost = 0;

	start(&plain);
	cut(in_turn, "volatile", NULL);
	ns = open_cached(NULL);
	count(ns, 0, BLOCKS, of, 250);
	while (!of[oldest])
		oldest++;
	for (unsigned gen = 0; gen < 249; gen++)
		lost += of[gen];
	UNIT_CHECK(oldest > 200 && lost > BLOCKS / 4, "the oldest is %u; %u are not the last", oldest, lost);
	controller_target.close(ns);
}

static void who_shares_it_has_it(void)
{
	struct target_ns *ns, *other = NULL;
	int ret;

	start(&plain);
	ns = open_cached(NULL);
	ret = try_cached(&other, "volatile", NULL);
	UNIT_CHECK(ret == -EBUSY && strstr(why, "is in use without ns_cache=volatile"), "%d: %s", ret, why);
	controller_target.close(ns);
	ns = open_cached("volatile");
	other = open_cached(NULL);
	controller_target.close(other);
	controller_target.close(ns);
	UNIT_CHECK(exists("x.img.cache"), "there is no x.img.cache");
	controller_target.close(open_cached("none"));
	UNIT_CHECK(!exists("x.img.cache"), "x.img.cache is left, but nobody has a cache");
}

static void bad_options(void)
{
	static const char *const bad[] = { "", "volatil", "volatile@", "volatile@x", "volatile@1x",
					   "volatile/2", "volatile@99999999999999999999999" };

	start(&plain);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct target_ns *ns;
		const int ret = try_cached(&ns, bad[i], NULL);

		UNIT_CHECK(ret == -EINVAL && strstr(why, "give none, or volatile"), "'%s': %d: %s", bad[i],
			   ret, why);
		if (!ret)
			controller_target.close(ns);
	}
}

/* Change a byte of x.img.cache. */
static void spoil(off_t at)
{
	const int fd = open(in_folder("x.img.cache"), O_RDWR);
	uint8_t byte = 0;

	UNIT_CHECK(pread(fd, &byte, 1, at) == 1, "x.img.cache can't be read");
	byte ^= 1;
	UNIT_CHECK(pwrite(fd, &byte, 1, at) == 1, "x.img.cache can't be written");
	close(fd);
}

/* Nothing is undone by the records of another boot, of another image, or of another version. */
static void foreign_records_are_dropped(void)
{
	static const off_t places[] = { 19, 32, 72, 80, 88 };

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		struct target_ns *ns;
		unsigned of[4];

		start(&plain);
		cut(three, "volatile", NULL);
		spoil(places[i]);
		ns = open_cached(NULL);
		count(ns, 0, 64, of, 3);
		UNIT_CHECK(of[3] == 64 && !*said, "byte %u: %u are there; it says '%s'", (unsigned)places[i],
			   of[3], said);
		controller_target.close(ns);
	}
}

static void a_cut_after_format(void)
{
	struct nvme_uring_cmd cmd = { .opcode = nvme_admin_format_nvm, .nsid = 1, .cdw10 = 0 };
	struct target_ns *ns;
	pid_t pid;
	int status;

	start(&plain);
	pid = fork();
	if (!pid) {
		need(try_cached(&ns, "volatile", NULL));
		three(ns);
		need(controller_target.admin(ns, &cmd));
		format.ms = 0;
		need(write_blocks(ns, 0, 8, 4, FUA));
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	UNIT_CHECK(WIFSIGNALED(status), "the child ended with %d", WEXITSTATUS(status));
	format.ms = 0;
	ns = open_cached(NULL);
	for (uint64_t i = 0; i < 64; i++)
		UNIT_CHECK(holds(ns, i) == (i < 8 ? 4 : BLANK), "LBA %u: %d", (unsigned)i, holds(ns, i));
	controller_target.close(ns);
}

/* Who only identifies the image neither carries out the cut nor drops it. */
static void identify_leaves_the_cut(void)
{
	struct target_ns *ns;
	unsigned of[4];

	start(&plain);
	cut(three, "volatile", NULL);
	for (unsigned i = 0; i < 2; i++) {
		const struct target_open o = {
			.path = in_folder("x.img"), .format = format, .identifies = true, .say = say,
		};

		*said = '\0';
		UNIT_CHECK(!controller_target.open(&o, &ns, why) && !*said, "%s; it says '%s'", why, said);
		controller_target.close(ns);
		UNIT_CHECK(exists("x.img.cache"), "the cache is gone");
	}
	ns = open_cached(NULL);
	count(ns, 0, 64, of, 3);
	UNIT_CHECK(*said && of[3] < 64, "%u are there; it says '%s'", of[3], said);
	controller_target.close(ns);
}

static void identify_has_vwc(void)
{
	static uint8_t page[4096];
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_identify, .addr = (uintptr_t)page, .data_len = sizeof(page),
		.cdw10 = NVME_IDENTIFY_CNS_CTRL,
	};
	struct target_ns *ns;

	start(&plain);
	ns = open_cached("volatile");
	UNIT_CHECK(!controller_target.admin(ns, &cmd) && ((struct nvme_id_ctrl *)page)->vwc & 1,
		   "VWC is %u", ((struct nvme_id_ctrl *)page)->vwc);
	controller_target.close(ns);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "some_are_lost", some_are_lost },
		{ "the_seed_decides", the_seed_decides },
		{ "all_that_changes_is_cached", all_that_changes_is_cached },
		{ "trims_and_copies_are_lost", trims_and_copies_are_lost },
		{ "a_good_end_loses_nothing", a_good_end_loses_nothing },
		{ "old_changes_are_evicted", old_changes_are_evicted },
		{ "who_shares_it_has_it", who_shares_it_has_it },
		{ "bad_options", bad_options },
		{ "foreign_records_are_dropped", foreign_records_are_dropped },
		{ "a_cut_after_format", a_cut_after_format },
		{ "identify_leaves_the_cut", identify_leaves_the_cut },
		{ "identify_has_vwc", identify_has_vwc },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
