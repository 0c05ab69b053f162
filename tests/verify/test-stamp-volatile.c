// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-stamp-volatile.c - the plugin "stamp" with the argument volatile: which writes count as
 * durable, and what blocks may hold of the others
 */
#include "stamp-bed.h"

enum { KEEP = 4 };

/* Block contents after each write of a block, so that a cut can bring them back. */
static uint8_t *kept[KEEP];

static void keep(unsigned i, uint64_t lba)
{
	memcpy(kept[i], media_at(lba), block_size());
}

static void bring_back(unsigned i, uint64_t lba)
{
	memcpy(media_at(lba), kept[i], block_size());
}

static void write_block(uint64_t lba, bool fua)
{
	struct vfy_io io = io_of(0, 0, 1, lba, 1);

	io.fua = fua;
	start_write(0, &io);
	apply(&io, lba);
	end(0, &io, 0);
}

static struct vfy_io flush_begins(unsigned tag)
{
	struct vfy_io io = { .ns = &bed.ns, .tag = tag, .opcode = 0 };

	vfy_stamp.prepare(bed.session[0].ctx, &io, NULL);
	return io;
}

static void flush(int res)
{
	struct vfy_io io = flush_begins(1);

	end(0, &io, res);
}

static void reopen(const char *args)
{
	char why[VFY_WHY_MAX];

	close_both();
	for (unsigned j = 0; j < JOBS; j++)
		UNIT_CHECK(!open_job(j, args, why), "%s: %s", shape_name(bed.shape), why);
}

/* Three writes to @lba, each kept; the first is durable. */
static void three_writes(uint64_t lba)
{
	write_block(lba, true);
	keep(0, lba);
	write_block(lba, false);
	keep(1, lba);
	write_block(lba, false);
	keep(2, lba);
}

/* Which of the kept contents of @lba are allowed, as a mask. */
static unsigned allowed(uint64_t lba)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < 3; i++) {
		bring_back(i, lba);
		read_blocks(lba, 1);
		mask |= !bed.found << i;
	}
	return mask;
}

static void expect_allowed(uint64_t lba, unsigned want, const char *when)
{
	const unsigned mask = allowed(lba);

	UNIT_CHECK(mask == want, "%s: %s: allowed are %x, not %x", shape_name(bed.shape), when, mask, want);
}

static void by_flush_and_fua(void)
{
	three_writes(1);
	expect_allowed(1, 7, "not flushed");
	three_writes(2);
	flush(0);
	expect_allowed(2, 4, "flushed");
	three_writes(3);
	flush(0x281);
	expect_allowed(3, 7, "a Flush that failed");
	three_writes(4);
	write_block(4, true);
	keep(3, 4);
	expect_allowed(4, 0, "FUA came after");
	bring_back(3, 4);
	expect_nothing(4, "the write with FUA");
}

static void at_once(void)
{
	struct vfy_io io, write;

	/* A write that ends after the Flush began is not flushed. */
	write_block(5, true);
	keep(0, 5);
	write_block(5, false);
	keep(1, 5);
	io = flush_begins(2);
	write_block(5, false);
	keep(2, 5);
	end(0, &io, 0);
	expect_allowed(5, 6, "written while a Flush was in flight");

	/* Of two writes at once any may be the last. */
	write_block(6, true);
	io = io_of(0, 3, 1, 6, 1);
	write = io_of(0, 4, 1, 6, 1);
	start_write(0, &io);
	start_write(0, &write);
	apply(&io, 6);
	keep(0, 6);
	apply(&write, 6);
	keep(1, 6);
	keep(2, 6);
	end(0, &write, 0);
	end(0, &io, 0);
	flush(0);
	expect_allowed(6, 7, "two writes at once");
}

/* A trim and a write; the Flush before them says nothing of them. */
static void after_trim(void)
{
	struct vfy_io io;

	write_block(7, false);
	keep(0, 7);
	io = io_of(0, 5, 9, 7, 1);
	vfy_stamp.prepare(bed.session[0].ctx, &io, NULL);
	end(0, &io, 0);
	write_block(7, false);
	keep(1, 7);
	deallocate(7);
	keep(2, 7);
	expect_allowed(7, 7, "trimmed and written");
	bring_back(1, 7);
	flush(0);
	expect_allowed(7, 2, "trimmed, written and flushed");
}

/* The next run knows it, too, without the argument as well. */
static void in_later_runs(void)
{
	three_writes(8);
	reopen("");
	expect_allowed(8, 7, "not flushed, in a later run");
	reopen("volatile");
	three_writes(8);
	flush(0);
	reopen("");
	expect_allowed(8, 4, "flushed, in a later run");
	three_writes(9);
	expect_allowed(9, 4, "without the argument");
}

static void one_shape(void)
{
	for (unsigned i = 0; i < KEEP; i++)
		kept[i] = allocate(block_size());
	reopen("volatile");
	UNIT_CHECK(bed.session[0].flushes, "%s: is not told of Flush", shape_name(bed.shape));
	by_flush_and_fua();
	at_once();
	after_trim();
	in_later_runs();
	for (unsigned i = 0; i < KEEP; i++)
		free(kept[i]);
}

static void what_counts(void)
{
	each_shape(one_shape);
}

/* More writes than a job remembers: the oldest are never durable, and nothing else happens. */
static void many_writes(void)
{
	for (unsigned i = 0; i < KEEP; i++)
		kept[i] = allocate(block_size());
	reopen("volatile");
	three_writes(1);
	for (unsigned i = 0; i < (1 << 16) + 10; i++) {
		struct vfy_io io = io_of(0, 0, 1, 2 + i % 8, 1);
		struct vfy_expect e = { .tags = bed.ns.tags };

		vfy_stamp.prepare(bed.session[0].ctx, &io, &e);
		end(0, &io, 0);
	}
	flush(0);
	expect_allowed(1, 7, "forgotten");
	three_writes(1);
	flush(0);
	expect_allowed(1, 4, "flushed again");
	for (unsigned i = 0; i < KEEP; i++)
		free(kept[i]);
}

static void too_many(void)
{
	set_up(&shapes[11]);
	many_writes();
	tear_down();
}

static void arguments(void)
{
	static const char *const good[] = { "volatile", "volatile,file=%s", "file=%s", "" };
	char args[200], why[VFY_WHY_MAX];

	set_up(&shapes[11]);
	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(args, sizeof(args), good[i], file);
		reopen(args);
		UNIT_CHECK(bed.session[0].flushes == (i < 2), "'%s': %d", args, bed.session[0].flushes);
	}
	close_both();
	memset(bed.session, 0, sizeof(bed.session));
	UNIT_CHECK(open_job(0, "volatiles", why) == -EINVAL && strstr(why, "volatile, or none"), "%s", why);
	UNIT_CHECK(open_job(0, "volatile,", why) == 0, "%s", why);
	tear_down();
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "what_counts", what_counts }, { "too_many", too_many }, { "arguments", arguments },
	};

	return bed_main(argc, argv, cases, ARRAY_SIZE(cases));
}
