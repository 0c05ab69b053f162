/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-stamp.c - with a correct device the plugin "stamp" finds nothing, whatever I/Os
 * are concurrent; with a faulty one it finds what happened to each block
 */
#include "stamp-bed.h"

/* --- a correct device --- */

enum stage { FREE, STARTED, APPLIED };

struct under_way {
	enum stage	stage;
	struct vfy_io	io;
	bool		fails;
};

/* Execute a command on the device, at one moment between its start and its end. */
static void execute(struct under_way *u)
{
	switch (u->io.opcode) {
	case 1:		/* a failed one may have been executed in part */
		if (u->fails)
			u->io.nr = unit_random_below(u->io.nr + 1);
		apply(&u->io, u->io.lba);
		break;
	case 2:
		memcpy((void *)u->io.data, media_at(u->io.lba), u->io.nr * block_size());
		break;
	default:
		for (uint64_t i = 0; i < u->io.nr; i++)
			deallocate(u->io.lba + i);
	}
}

static void next_stage(unsigned job, unsigned tag, struct under_way *u)
{
	static const uint8_t opcodes[] = { 1, 1, 1, 2, 2, 2, 2, 9 };
	uint32_t nr = 1 + unit_random_below(MOST);

	switch (u->stage++) {
	case FREE:
		u->io = io_of(job, tag, opcodes[unit_random_below(8)], unit_random_below(BLOCKS - nr + 1), nr);
		u->fails = unit_random_below(8) == 0;
		if (u->io.opcode == 1)
			start_write(job, &u->io);
		else if (u->io.opcode == 2)
			start_read(job, &u->io);
		else
			vfy_stamp.prepare(bed.session[job].ctx, &u->io, NULL);
		break;
	case STARTED:
		nr = u->io.nr;
		execute(u);
		u->io.nr = nr;
		break;
	case APPLIED:
		if (u->io.opcode == 2 && !u->fails) {
			judge(job, &u->io);
			UNIT_CHECK(!bed.found, "%s: LBA %" PRIu64 "+%u: %u findings, field %x class '%s' "
				   "want %" PRIx64 " got %" PRIx64, shape_name(bed.shape), u->io.lba,
				   bed.f[0].index, bed.found, bed.f[0].field,
				   vfy_class_name(bed.f[0].class), bed.f[0].want, bed.f[0].got);
		}
		end(job, &u->io, u->fails ? 0x281 : 0);
		u->stage = FREE;
	}
}

/* Nothing is found, whatever commands are concurrent, fail, or are killed. */
static void honest_device(void)
{
	struct under_way u[JOBS][DEPTH] = { 0 };
	char why[VFY_WHY_MAX];

	for (int i = 0; i < 20000; i++) {
		unsigned job = unit_random_below(JOBS), tag = unit_random_below(DEPTH);

		next_stage(job, tag, &u[job][tag]);
		if (i % 2000)
			continue;
		/* Killed: commands in flight never end; some of them were executed, some not. */
		memset(u, 0, sizeof(u));
		for (unsigned j = 0; j < JOBS; j++)
			vfy_stamp.close(bed.session[j].ctx);
		for (unsigned j = 0; j < JOBS; j++)
			UNIT_CHECK(!open_job(j, "", why), "%s", why);
	}
}

static void nothing_to_find(void)
{
	each_shape(honest_device);
}

/* The same with few generations, which wrap often. */
static void nothing_to_find_few_bits(void)
{
	struct shape s = shapes[0];

	s.app_mask = 0x0ff0;
	set_up(&s);
	for (int i = 0; i < 10; i++)
		honest_device();
	tear_down();
}

/* --- a faulty device --- */

static void lose(void)
{
	write_to(5, 1, 5, 0);
	write_to(5, 1, 5, 0);
	expect_nothing(5, "two writes");
	write_to(5, 1, -1, 0);
	expect(5, VFY_LOST, "the last did not arrive");
	write_to(5, 1, -1, 0);
	expect(5, VFY_STALE, "the last two did not arrive");
	write_to(5, 1, 5, 0);
	expect_nothing(5, "it was written again");
	write_to(4, 3, 4, 0);		/* generation of the newest block, + 1 */
	write_to(4, 1, -1, 0);
	expect(4, VFY_LOST, "after a write of several blocks");
}

/* The first write of a block is lost: the contents before it are unknown. */
static void lose_first(void)
{
	write_to(9, 1, -1, 0);
	expect(9, VFY_LOST, "the first write was lost");
	UNIT_CHECK(bed.f[0].field == (bed.shape->room < 8 ? bed.shape->carrier : VFY_STAMP), "%s: field %x",
		   shape_name(bed.shape), bed.f[0].field);
	expect_nothing(10, "never written");
	write_to(11, 1, 11, 0);
	deallocate(11);
	expect(11, VFY_LOST, "deallocated by something that did not tell the plugin");
}

static void lose_over_other(void)
{
	struct vfy_io io = io_of(0, 0, 1, 12, 1);

	unit_random_fill((void *)io.data, block_size());
	vfy_md_fill(&bed.shape->l, 12, io.md, io.md_stride, 1);
	generate(&io, &bed.ns.tags);
	apply(&io, 12);
	expect_nothing(12, "written without the plugin");
	write_to(12, 1, -1, 0);
	expect(12, VFY_LOST, "the first with it did not arrive");
}

static void lost_and_stale(void)
{
	each_shape(lose);
	each_shape(lose_first);
	each_shape(lose_over_other);
}

/* The LBA of a misdirected write is known from the stamp or from a reference tag. */
static void misdirect(void)
{
	const bool seen = bed.shape->room >= 8 || bed.shape->refs;

	write_to(20, 4, 20, 0);
	write_to(30, 2, 30, 0);
	write_to(22, 1, 31, 0);
	expect(22, VFY_LOST, "it went elsewhere");
	if (seen) {
		expect(31, VFY_MISDIRECTED, "it came from elsewhere");
		UNIT_CHECK(bed.f[0].from == 22, "%s: from %" PRIu64, shape_name(bed.shape), bed.f[0].from);
	} else {
		read_blocks(31, 1);
		UNIT_CHECK(bed.found == 1, "%s: %u findings", shape_name(bed.shape), bed.found);
	}
	write_to(23, 1, 40, 0);		/* onto an unknown block */
	if (seen)
		expect(40, VFY_MISDIRECTED, "onto an unknown block");
	else
		expect_nothing(40, "onto an unknown block");
}

static void misdirected(void)
{
	each_shape(misdirect);
}

/* Half of the data is old: the sums show it as torn; without sums only the guard is wrong. */
static void tear_data(void)
{
	const struct pi_layout *l = &bed.shape->l;
	uint8_t *half = allocate(l->data_size / 2);
	enum vfy_class class = bed.shape->room >= 16 ? VFY_TORN : VFY_UNCLASSED;

	for (int second = 0; second <= 1; second++) {
		write_to(7, 1, 7, 0);
		memcpy(half, media_at(7) + second * l->data_size / 2, l->data_size / 2);
		write_to(7, 1, 7, 0);
		memcpy(media_at(7) + second * l->data_size / 2, half, l->data_size / 2);
		if (bed.shape->room >= 16)
			expect(7, class, second ? "the second half is old" : "the first half is old");
		else
			expect_nothing(7, "without checksums a torn block is left to the guard check of the engine");
	}
	write_to(7, 1, 7, 0);
	media_at(7)[1] ^= 1;
	if (bed.shape->room >= 16)
		expect(7, VFY_UNCLASSED, "one wrong bit must not be classified as torn");
	free(half);
}

/* The tuple is new and the other metadata is old, and the reverse. */
static void tear_metadata(void)
{
	const struct pi_layout *l = &bed.shape->l;
	uint8_t *old = allocate(block_size()), *now = allocate(block_size());
	uint8_t *md;

	if (!bed.shape->carrier || bed.shape->room < 8)
		goto out;
	write_to(8, 1, 8, 0);
	memcpy(old, media_at(8), block_size());
	write_to(8, 1, 8, 0);
	memcpy(now, media_at(8), block_size());
	bed.ns.host_checks = 0;
	md = media_at(8) + l->data_size;
	memcpy(md + pi_tuple_offset(l), old + l->data_size + pi_tuple_offset(l), l->format->tuple_size);
	expect(8, VFY_TORN, "the tuple is old");
	memcpy(md, old + l->data_size, l->md_size);
	memcpy(md + pi_tuple_offset(l), now + l->data_size + pi_tuple_offset(l), l->format->tuple_size);
	expect(8, VFY_TORN, "all but the tuple is old");
	if (stamp_has(STAMP_AGAIN, bed.shape->room)) {
		const size_t last = l->data_size + (l->first ? l->format->tuple_size : 0) +
				    (bed.shape->room / STAMP_WORD - 1) * STAMP_WORD;

		memcpy(media_at(8), now, block_size());
		memcpy(media_at(8) + last, old + last, STAMP_WORD);
		expect(8, VFY_TORN, "the stamp's last word is old");
	}
out:
	free(old);
	free(now);
}

static void torn(void)
{
	each_shape(tear_data);
	each_shape(tear_metadata);
}

/* One flipped bit in any byte outside the tuple gives one finding, with the byte's offset. */
static void damage_metadata(void)
{
	const struct pi_layout *l = &bed.shape->l;
	const uint32_t at = l->type && l->first ? l->format->tuple_size : 0;

	write_to(3, 1, 3, 0);
	write_to(3, 1, 3, 0);
	bed.ns.host_checks = 0;
	for (uint32_t i = 0; i < bed.shape->room; i++) {
		uint8_t *byte = media_at(3) + l->data_size + at + i;
		uint32_t word = i / 8 * 8;

		*byte ^= 0x10;
		expect(3, VFY_UNCLASSED, "a bit of the metadata");
		UNIT_CHECK(bed.f[0].field == VFY_METADATA, "%s: field %x", shape_name(bed.shape), bed.f[0].field);
		UNIT_CHECK(bed.f[0].offset == at + (bed.f[0].known ? i : word),
			   "%s: byte %u is reported as byte %u", shape_name(bed.shape), at + i, bed.f[0].offset);
		UNIT_CHECK(!bed.f[0].known || (bed.f[0].want ^ bed.f[0].got) == 0x10, "%s: byte %u",
			   shape_name(bed.shape), i);
		*byte ^= 0x10;
		expect_nothing(3, "the bit is right again");
	}
}

/* A tag that no write had is reported as a wrong tag, without a class. */
static void damage_tags(void)
{
	const struct pi_layout *l = &bed.shape->l;
	struct pi_fields f;
	uint8_t *tuple = media_at(3) + l->data_size + (l->type ? pi_tuple_offset(l) : 0);

	if (!bed.shape->carrier)
		return;
	write_to(3, 1, 3, 0);
	bed.ns.host_checks = 0;
	f = pi_tuple_get(l, tuple);
	f.app ^= bed.shape->carrier == PI_APP ? 0x4000 : 0;
	f.storage ^= bed.shape->carrier == PI_STORAGE ? 0x40 : 0;
	pi_tuple_put(l, tuple, &f);
	expect(3, VFY_UNCLASSED, "a bit of the tag");
	UNIT_CHECK(bed.f[0].field == bed.shape->carrier, "%s: field %x", shape_name(bed.shape), bed.f[0].field);
	f.app = bed.shape->carrier == PI_APP ? 1 : f.app;
	f.storage = bed.shape->carrier == PI_STORAGE ? 1 : f.storage;
	f.ref ^= bed.shape->refs;
	pi_tuple_put(l, tuple, &f);
	if (bed.shape->refs) {
		expect(3, VFY_UNCLASSED, "a bit of the reference tag, of a block that nobody wrote");
		UNIT_CHECK(bed.f[0].field == PI_REF, "%s: field %x", shape_name(bed.shape), bed.f[0].field);
	}
}

static void damaged(void)
{
	each_shape(damage_metadata);
	each_shape(damage_tags);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "nothing_to_find", nothing_to_find },
		{ "nothing_to_find_few_bits", nothing_to_find_few_bits },
		{ "lost_and_stale", lost_and_stale },
		{ "misdirected", misdirected },
		{ "torn", torn },
		{ "damaged", damaged },
	};

	return bed_main(argc, argv, cases, ARRAY_SIZE(cases));
}
