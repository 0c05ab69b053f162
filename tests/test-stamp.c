/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-stamp.c - the plugin "stamp" by its own functions: an honest device makes it
 * say nothing, whatever is under way at once; a dishonest one, what became of which
 * block
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../verify/generations.h"
#include "../verify/metadata.h"
#include "../verify/stamp-words.h"
#include "../verify/stamp.h"
#include "formats.h"
#include "unit.h"

enum { BLOCKS = 64, DEPTH = 8, MOST = 8, JOBS = 2 };	/* of the namespace; of an I/O */

/* --- formats, and what each has room for --- */

struct shape {
	struct pi_layout	l;
	unsigned		storage_bits;	/* that are compared */
	uint16_t		app_mask;
	unsigned		carrier;	/* field of the tag, 0: none */
	uint32_t		room;
	bool			refs;
};

#define SHAPE(_data, _md, _type, _pif, _sts, _first, _ext, _carrier, _room) { \
	.l = { .format = &pi_formats[_pif], .type = _type, .data_size = _data, .md_size = _md, \
	       .sts = _sts, .first = _first, .extended = _ext }, \
	.storage_bits = _sts, .app_mask = 0xffff, .carrier = _carrier, .room = _room, \
	.refs = _type == PI_TYPE1 || _type == PI_TYPE2 }

static const struct shape shapes[] = {
	SHAPE(512, 8, PI_TYPE1, 0, 0, false, false, PI_APP, 0),
	SHAPE(4096, 8, PI_TYPE2, 0, 0, true, true, PI_APP, 0),
	SHAPE(4096, 8, PI_TYPE3, 0, 0, false, false, PI_APP, 0),
	SHAPE(4096, 8, PI_TYPE1, 0, 16, false, false, PI_STORAGE, 0),
	SHAPE(4096, 16, PI_TYPE1, 1, 32, false, true, PI_STORAGE, 0),
	SHAPE(4096, 16, PI_TYPE3, 1, 64, true, false, PI_STORAGE, 0),
	SHAPE(4096, 16, PI_TYPE2, 2, 24, false, false, PI_STORAGE, 0),
	SHAPE(4096, 16, PI_TYPE1, 2, 4, false, false, PI_APP, 0),
	SHAPE(512, 13, PI_TYPE1, 0, 0, false, false, PI_APP, 5),
	SHAPE(4096, 16, PI_TYPE1, 0, 0, true, false, PI_APP, 8),
	SHAPE(512, 24, PI_TYPE3, 0, 0, false, false, PI_APP, 16),
	SHAPE(4096, 64, PI_TYPE1, 0, 0, true, true, PI_APP, 56),
	SHAPE(4096, 64, PI_TYPE1, 2, 16, false, false, PI_STORAGE, 48),
	SHAPE(512, 67, PI_TYPE2, 0, 0, false, true, PI_APP, 59),
	SHAPE(4096, 8, PI_NONE, 0, 0, false, false, 0, 8),
	SHAPE(512, 64, PI_NONE, 0, 0, false, true, 0, 64),
};

static const char *shape_name(const struct shape *s)
{
	static char name[80];

	snprintf(name, sizeof(name), "%u+%u type %u %s sts %u%s%s", s->l.data_size, s->l.md_size, s->l.type,
		 s->l.type ? s->l.format->name : "-", s->l.sts, s->l.first ? " first" : "",
		 s->l.extended ? " extended" : "");
	return name;
}

/* --- a job, and a device: blocks in memory --- */

static char folder[] = "test-stamp.XXXXXX";
static char image[64], file[80];
static char said[4000];

static void say(const char *line)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

static const struct vfy_host host = {
	.verify = pi_verify, .tuple_get = pi_tuple_get, .escapes = pi_escapes, .ref_at = pi_ref_at,
	.say = say,
};

struct bed {
	const struct shape	*shape;
	struct vfy_ns		ns;
	struct vfy_job		job;
	struct vfy_session	session[JOBS];
	uint8_t			*media;		/* blocks, data and metadata each */
	uint8_t			*buffer[JOBS][DEPTH];
	struct vfy_finding	f[4 * MOST];
	unsigned		found;
};

static struct bed bed;

static size_t block_size(void)
{
	return bed.shape->l.data_size + bed.shape->l.md_size;
}

static uint8_t *media_at(uint64_t lba)
{
	return bed.media + lba * block_size();
}

/* As a device gives back what nobody wrote. */
static void deallocate(uint64_t lba)
{
	const struct pi_layout *l = &bed.shape->l;

	memset(media_at(lba), 0, block_size());
	if (l->type)
		memset(media_at(lba) + l->data_size + pi_tuple_offset(l), 0xff, l->format->tuple_size);
}

static int open_job(unsigned nr, const char *args, char *why)
{
	memset(&bed.session[nr], 0, sizeof(bed.session[nr]));
	return vfy_stamp.open(&bed.job, args, &bed.session[nr], why);
}

/* A new image, and jobs on it. */
static void set_up(const struct shape *s)
{
	char why[VFY_WHY_MAX] = "";

	memset(&bed, 0, sizeof(bed));
	*said = '\0';
	bed.shape = s;
	bed.ns = (struct vfy_ns){
		.path = image, .nr_blocks = BLOCKS, .layout = s->l,
		.tags = { .app = 0x1234, .app_mask = s->app_mask, .storage_mask = pi_ones(s->storage_bits) },
		.host_checks = PI_GUARD, .tuples_cross = s->l.type, .md_crosses = true,
	};
	bed.job = (struct vfy_job){
		.name = "job name", .thread = 3, .reads = true, .writes = true, .depth = DEPTH,
		.max_blocks = MOST, .ns = &bed.ns, .nr_ns = 1, .host = &host,
	};
	bed.media = allocate(BLOCKS * block_size());
	for (uint64_t i = 0; i < BLOCKS; i++)
		deallocate(i);
	for (int j = 0; j < JOBS; j++)
		for (int i = 0; i < DEPTH; i++)
			bed.buffer[j][i] = allocate(MOST * block_size());
	unlink(file);
	close(open(image, O_CREAT | O_WRONLY, 0666));
	for (unsigned j = 0; j < JOBS; j++)
		UNIT_CHECK(!open_job(j, "", why), "%s: %s", shape_name(s), why);
}

static void tear_down(void)
{
	for (unsigned j = 0; j < JOBS; j++)
		if (bed.session[j].ctx)
			vfy_stamp.close(bed.session[j].ctx);
	for (int j = 0; j < JOBS; j++)
		for (int i = 0; i < DEPTH; i++)
			free(bed.buffer[j][i]);
	free(bed.media);
}

/* Blocks lie in a buffer as they lie on media, data and metadata each. */
static struct vfy_io io_of(unsigned job, unsigned tag, uint8_t opcode, uint64_t lba, uint32_t nr)
{
	return (struct vfy_io){
		.ns = &bed.ns, .tag = tag, .opcode = opcode, .lba = lba, .nr = nr,
		.data = bed.buffer[job][tag], .data_stride = block_size(),
		.md = bed.buffer[job][tag] + bed.shape->l.data_size, .md_stride = block_size(),
	};
}

/* Tuples over the blocks of a write, as the engine lays them. */
static void generate(const struct vfy_io *io, const struct pi_tags *tags)
{
	struct pi_layout l = bed.shape->l;

	if (!l.type)
		return;
	for (uint32_t i = 0; i < io->nr; i++) {
		struct pi_tags t = *tags;

		t.ref = pi_ref_at(&l, &bed.ns.tags, io->lba + i);
		l.extended = false;
		pi_generate(&l, &t, (void *)(io->data + i * io->data_stride), io->md + i * io->md_stride, 1);
	}
}

static void start_write(unsigned job, const struct vfy_io *io)
{
	struct vfy_expect e = { .tags = bed.ns.tags };

	unit_random_fill((void *)io->data, io->nr * block_size());
	vfy_stamp.prepare(bed.session[job].ctx, io, &e);
	generate(io, &e.tags);
}

static void apply(const struct vfy_io *io, uint64_t lba)
{
	memcpy(media_at(lba), io->data, io->nr * block_size());
}

static void end(unsigned job, const struct vfy_io *io, int res)
{
	vfy_stamp.done(bed.session[job].ctx, io, NULL, res);
}

/* A whole write, to where @to says; -1: nowhere. */
static void write_to(uint64_t lba, uint32_t nr, int64_t to, int res)
{
	struct vfy_io io = io_of(0, 0, 1, lba, nr);

	start_write(0, &io);
	if (to >= 0)
		apply(&io, to);
	end(0, &io, res);
}

static void start_read(unsigned job, const struct vfy_io *io)
{
	struct vfy_expect e = { .tags = bed.ns.tags };

	vfy_stamp.prepare(bed.session[job].ctx, io, &e);
	UNIT_CHECK(!bed.shape->carrier || e.free == bed.shape->carrier, "%s: the device is asked for %x",
		   shape_name(bed.shape), e.free);
}

/*
 * The judge takes blocks as they cross: separate metadata in a buffer of its own.
 * For the guard the strides have to be those of the layout.
 */
static void judge(unsigned job, const struct vfy_io *io)
{
	const struct pi_layout *l = &bed.shape->l;
	uint8_t *data = allocate(io->nr * block_size()), *md = allocate(io->nr * l->md_size);
	struct vfy_io wire = *io;

	if (!l->extended) {
		for (uint32_t i = 0; i < io->nr; i++) {
			memcpy(data + i * l->data_size, io->data + i * io->data_stride, l->data_size);
			memcpy(md + i * l->md_size, io->md + i * io->md_stride, l->md_size);
		}
		wire.data = data;
		wire.data_stride = l->data_size;
		wire.md = md;
		wire.md_stride = l->md_size;
	}
	bed.found = vfy_stamp.judge(bed.session[job].ctx, &wire, NULL, bed.f, ARRAY_SIZE(bed.f));
	free(data);
	free(md);
}

static void read_blocks(uint64_t lba, uint32_t nr)
{
	struct vfy_io io = io_of(1, 0, 2, lba, nr);

	start_read(1, &io);
	memcpy((void *)io.data, media_at(lba), nr * block_size());
	judge(1, &io);
	end(1, &io, 0);
}

/* One finding in block @lba, of that class; or none. */
static bool expect(uint64_t lba, enum vfy_class class, const char *when)
{
	read_blocks(lba, 1);
	return UNIT_CHECK(bed.found == 1 && bed.f[0].class == class, "%s: %s: %u findings, field %x, class '%s'",
			  shape_name(bed.shape), when, bed.found, bed.found ? bed.f[0].field : 0,
			  bed.found ? vfy_class_name(bed.f[0].class) : "");
}

static bool expect_nothing(uint64_t lba, const char *when)
{
	read_blocks(lba, 1);
	return UNIT_CHECK(!bed.found, "%s: %s: %u findings, field %x, class '%s'", shape_name(bed.shape), when,
			  bed.found, bed.f[0].field, vfy_class_name(bed.f[0].class));
}

static void each_shape(void (*run)(void))
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		set_up(&shapes[i]);
		run();
		tear_down();
	}
}

/* --- an honest device --- */

enum stage { FREE, STARTED, APPLIED };

struct under_way {
	enum stage	stage;
	struct vfy_io	io;
	bool		fails;
};

/* What the device does with a command, at one moment between its start and its end. */
static void execute(struct under_way *u)
{
	switch (u->io.opcode) {
	case 1:		/* one that fails may have done part of it */
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

/* Whatever is under way at once, fails, or is killed: nothing is found. */
static void honest_device(void)
{
	struct under_way u[JOBS][DEPTH] = { 0 };
	char why[VFY_WHY_MAX];

	for (int i = 0; i < 20000; i++) {
		unsigned job = unit_random_below(JOBS), tag = unit_random_below(DEPTH);

		next_stage(job, tag, &u[job][tag]);
		if (i % 2000)
			continue;
		/* Killed: what is under way ends nowhere, some of it done, some not. */
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

/* The same with few generations, which come round all the time. */
static void nothing_to_find_few_bits(void)
{
	struct shape s = shapes[0];

	s.app_mask = 0x0ff0;
	set_up(&s);
	for (int i = 0; i < 10; i++)
		honest_device();
	tear_down();
}

/* --- a dishonest one --- */

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
	write_to(4, 3, 4, 0);		/* a command's generation is that of its newest block, and one */
	write_to(4, 1, -1, 0);
	expect(4, VFY_LOST, "after a write of several blocks");
}

/* Of a first write: what was there before is anybody's guess. */
static void lose_first(void)
{
	write_to(9, 1, -1, 0);
	expect(9, VFY_LOST, "the first write did not arrive");
	UNIT_CHECK(bed.f[0].field == (bed.shape->room < 8 ? bed.shape->carrier : VFY_STAMP), "%s: field %x",
		   shape_name(bed.shape), bed.f[0].field);
	expect_nothing(10, "never written");
	write_to(11, 1, 11, 0);
	deallocate(11);
	expect(11, VFY_LOST, "deallocated without a word");
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

/* Where from is known by the stamp, or by a reference tag. */
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
	write_to(23, 1, 40, 0);		/* onto one that nobody knows */
	if (seen)
		expect(40, VFY_MISDIRECTED, "onto an unknown block");
	else
		expect_nothing(40, "onto an unknown block");
}

static void misdirected(void)
{
	each_shape(misdirect);
}

/* Half of the data is old: by the sums, or it is just a wrong guard. */
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
			expect_nothing(7, "torn without sums is the engine's guard's");
	}
	write_to(7, 1, 7, 0);
	media_at(7)[1] ^= 1;
	if (bed.shape->room >= 16)
		expect(7, VFY_UNCLASSED, "one bit is not torn");
	free(half);
}

/* Of the metadata, the tuple is new and the rest old, and the other way round. */
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

/* Of each byte beyond the tuple one bit is wrong: so it is found, once, and where. */
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
		UNIT_CHECK(bed.f[0].offset == at + (bed.f[0].known ? i : word), "%s: byte %u is told as %u",
			   shape_name(bed.shape), at + i, bed.f[0].offset);
		UNIT_CHECK(!bed.f[0].known || (bed.f[0].want ^ bed.f[0].got) == 0x10, "%s: byte %u",
			   shape_name(bed.shape), i);
		*byte ^= 0x10;
		expect_nothing(3, "the bit is right again");
	}
}

/* A tag that there never was is damaged, and nothing else. */
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

/* --- several blocks, several runs --- */

/* All blocks of a write have one generation; of a read each has its own finding. */
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
	UNIT_CHECK(vfy_stamp.judge(bed.session[1].ctx, &io, NULL, bed.f, 1) == 2 || bed.shape->room >= 16,
		   "%s: not all were counted", shape_name(bed.shape));
	UNIT_CHECK(bed.f[1].index == 99, "%s: more than there is room for", shape_name(bed.shape));
}

static void blocks_of_a_write(void)
{
	each_shape(many_blocks);
}

/* A later run knows; one that was killed leaves both. */
static void run_again(void)
{
	char why[VFY_WHY_MAX];
	struct vfy_io io = io_of(0, 1, 1, 17, 1);

	write_to(16, 1, 16, 0);
	write_to(16, 1, -1, 0);
	write_to(17, 1, 17, 0);
	write_to(17, 1, 17, 0);
	start_write(0, &io);			/* killed */
	write_to(18, 1, 18, 0);
	write_to(18, 1, -1, 0x281);		/* failed */
	for (unsigned j = 0; j < JOBS; j++)
		vfy_stamp.close(bed.session[j].ctx);
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

/* Whatever changes blocks otherwise: anything may be there until the next write. */
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

/* Generations come round, and the application tag never is FFFFh. */
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
	s.app_mask = 0x33cc;		/* not in one piece */
	come_round(&s, 255);
	s = shapes[3];
	s.l.sts = s.storage_bits = 8;
	come_round(&s, 256);
}

/* --- what it says, and what it refuses --- */

static void says_what_it_cannot_see(void)
{
	static const struct { int shape; const char *words[4]; } cases[] = {
		{ 0, { "65535 in the application tag", "8 bytes a block", "torn from damaged" } },
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
	bed.ns.tuples_cross = bed.ns.md_crosses = false;	/* PRACT */
	refused("", "no room for a generation");
	tear_down();

	set_up(&shapes[0]);
	bed.ns.tags.app_mask = 0x7f;
	refused("", "no room for a generation");
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

/* A file that is of something else stays as it is. */
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
	unlink(image);
	usleep(20000);		/* the clock of file times has to move */
	close(open(image, O_CREAT | O_WRONLY, 0666));
	refused_file("image");
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
	put_in_file("2", strlen("nvmepi generations "), 4096 + 8 * BLOCKS);
	refused_file("nvmepi generations 2");
	tear_down();
}

/* The machine was lost: a generation that the file does not know is no finding. */
static void behind(void)
{
	char why[VFY_WHY_MAX], *old = allocate(4096 + 8 * BLOCKS);
	int fd;

	set_up(&shapes[0]);
	write_to(1, 1, 1, 0);
	fd = open(file, O_RDWR);
	UNIT_CHECK(pread(fd, old, 4096 + 8 * BLOCKS, 0) == 4096 + 8 * BLOCKS, "short");
	write_to(1, 1, 1, 0);
	for (unsigned j = 0; j < JOBS; j++)
		vfy_stamp.close(bed.session[j].ctx);
	old[1024] ^= 1;			/* another start of the machine, and not all was on disk */
	UNIT_CHECK(pwrite(fd, old, 4096 + 8 * BLOCKS, 0) == 4096 + 8 * BLOCKS, "short");
	*said = '\0';
	for (unsigned j = 0; j < JOBS; j++)
		UNIT_CHECK(!open_job(j, "", why), "%s", why);
	UNIT_CHECK(strstr(said, "the machine went down"), "it does not say so: '%s'", said);
	expect_nothing(1, "newer than the file knows");
	tear_down();
	close(fd);
	free(old);
}

/* --- many at once --- */

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
		{ "nothing_to_find", nothing_to_find },
		{ "nothing_to_find_few_bits", nothing_to_find_few_bits },
		{ "lost_and_stale", lost_and_stale },
		{ "misdirected", misdirected },
		{ "torn", torn },
		{ "damaged", damaged },
		{ "blocks_of_a_write", blocks_of_a_write },
		{ "later_runs", later_runs },
		{ "trims", trims },
		{ "generations_come_round", generations_come_round },
		{ "says_what_it_cannot_see", says_what_it_cannot_see },
		{ "refuses", refuses },
		{ "refuses_files", refuses_files },
		{ "behind", behind },
		{ "threads", threads },
	};
	int status;

	if (!mkdtemp(folder)) {
		perror("test-stamp: a folder for its files");
		return 2;
	}
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(file, sizeof(file), "%s.stamp", image);
	status = unit_main(argc, argv, cases, ARRAY_SIZE(cases));
	unlink(file);
	unlink(image);
	rmdir(folder);
	return status;
}
