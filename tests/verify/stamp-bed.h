/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp-bed.h - test fixture for the plugin "stamp": calls its functions for jobs on a
 * device that is simulated by blocks in memory
 */
#ifndef STAMP_BED_H
#define STAMP_BED_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "verify/generations.h"
#include "verify/metadata.h"
#include "verify/stamp-words.h"
#include "verify/stamp.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

enum { BLOCKS = 64, DEPTH = 8, MOST = 8, JOBS = 2 };	/* MOST: maximum blocks per I/O */

/* --- formats, and what carries the generation in each --- */

struct shape {
	struct pi_layout	l;
	unsigned		storage_bits;	/* compared bits */
	uint16_t		app_mask;
	unsigned		carrier;	/* field of the tag with the generation; 0: none */
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

/* --- jobs, and the simulated device --- */

static char folder[] = "test-stamp.XXXXXX";
static char image[64], file[80];
static char said[4000];

static inline void say(const char *line)
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
	uint8_t			*media;		/* per block: data, then metadata */
	uint8_t			*buffer[JOBS][DEPTH];
	struct vfy_finding	f[4 * MOST];
	unsigned		found;
};

static struct bed bed;

static inline size_t block_size(void)
{
	return bed.shape->l.data_size + bed.shape->l.md_size;
}

static inline uint8_t *media_at(uint64_t lba)
{
	return bed.media + lba * block_size();
}

/* Fill a block as a device returns an unwritten (deallocated) one. */
static inline void deallocate(uint64_t lba)
{
	const struct pi_layout *l = &bed.shape->l;

	memset(media_at(lba), 0, block_size());
	if (l->type)
		memset(media_at(lba) + l->data_size + pi_tuple_offset(l), 0xff, l->format->tuple_size);
}

static inline int open_job(unsigned nr, const char *args, char *why)
{
	memset(&bed.session[nr], 0, sizeof(bed.session[nr]));
	return vfy_stamp.open(&bed.job, args, &bed.session[nr], why);
}

/* Create a new image and open jobs on it. */
static inline void set_up(const struct shape *s)
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

static inline void tear_down(void)
{
	for (unsigned j = 0; j < JOBS; j++)
		if (bed.session[j].ctx)
			vfy_stamp.close(bed.session[j].ctx);
	for (int j = 0; j < JOBS; j++)
		for (int i = 0; i < DEPTH; i++)
			free(bed.buffer[j][i]);
	free(bed.media);
}

static inline void close_both(void)
{
	for (unsigned j = 0; j < JOBS; j++)
		vfy_stamp.close(bed.session[j].ctx);
}

/* Returns an I/O whose buffer has the layout of the media: data, then metadata, of each block. */
static inline struct vfy_io io_of(unsigned job, unsigned tag, uint8_t opcode, uint64_t lba, uint32_t nr)
{
	return (struct vfy_io){
		.ns = &bed.ns, .tag = tag, .opcode = opcode, .lba = lba, .nr = nr,
		.data = bed.buffer[job][tag], .data_stride = block_size(),
		.md = bed.buffer[job][tag] + bed.shape->l.data_size, .md_stride = block_size(),
	};
}

/* Generate the tuples of a write, as the engine does. */
static inline void generate(const struct vfy_io *io, const struct pi_tags *tags)
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

static inline void start_write(unsigned job, const struct vfy_io *io)
{
	struct vfy_expect e = { .tags = bed.ns.tags };

	unit_random_fill((void *)io->data, io->nr * block_size());
	vfy_stamp.prepare(bed.session[job].ctx, io, &e);
	generate(io, &e.tags);
}

static inline void apply(const struct vfy_io *io, uint64_t lba)
{
	memcpy(media_at(lba), io->data, io->nr * block_size());
}

static inline void end(unsigned job, const struct vfy_io *io, int res)
{
	vfy_stamp.done(bed.session[job].ctx, io, NULL, res);
}

/*
 * Write @nr blocks at @lba.  They are stored at LBA @to (another LBA: a misdirected write), or
 * nowhere if @to is -1 (a lost write).
 */
static inline void write_to(uint64_t lba, uint32_t nr, int64_t to, int res)
{
	struct vfy_io io = io_of(0, 0, 1, lba, nr);

	start_write(0, &io);
	if (to >= 0)
		apply(&io, to);
	end(0, &io, res);
}

static inline void start_read(unsigned job, const struct vfy_io *io)
{
	struct vfy_expect e = { .tags = bed.ns.tags };

	vfy_stamp.prepare(bed.session[job].ctx, io, &e);
	UNIT_CHECK(!bed.shape->carrier || e.free == bed.shape->carrier, "%s: the device is asked for %x",
		   shape_name(bed.shape), e.free);
}

/*
 * Copy the blocks to the layout in which they are transferred, and call the plugin's check():
 * separate metadata needs a buffer of its own, and the computation of guards requires the
 * strides of the layout.
 */
static inline void judge(unsigned job, const struct vfy_io *io)
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
	bed.found = vfy_stamp.check(bed.session[job].ctx, &wire, NULL, bed.f, ARRAY_SIZE(bed.f));
	free(data);
	free(md);
}

static inline void read_blocks(uint64_t lba, uint32_t nr)
{
	struct vfy_io io = io_of(1, 0, 2, lba, nr);

	start_read(1, &io);
	memcpy((void *)io.data, media_at(lba), nr * block_size());
	judge(1, &io);
	end(1, &io, 0);
}

/*
 * expect() asserts that a read of block @lba gives one finding of that class; expect_nothing()
 * asserts that it gives none.
 */
static inline bool expect(uint64_t lba, enum vfy_class class, const char *when)
{
	read_blocks(lba, 1);
	return UNIT_CHECK(bed.found == 1 && bed.f[0].class == class, "%s: %s: %u findings, field %x, class '%s'",
			  shape_name(bed.shape), when, bed.found, bed.found ? bed.f[0].field : 0,
			  bed.found ? vfy_class_name(bed.f[0].class) : "");
}

static inline bool expect_nothing(uint64_t lba, const char *when)
{
	read_blocks(lba, 1);
	return UNIT_CHECK(!bed.found, "%s: %s: %u findings, field %x, class '%s'", shape_name(bed.shape), when,
			  bed.found, bed.f[0].field, vfy_class_name(bed.f[0].class));
}

static inline void each_shape(void (*run)(void))
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		set_up(&shapes[i]);
		run();
		tear_down();
	}
}

/* Run unit_main() with a folder for the image and its files. */
static inline int bed_main(int argc, char **argv, const struct unit_case *cases, size_t nr)
{
	int status;

	if (!mkdtemp(folder)) {
		perror("a folder for the image's files");
		return 2;
	}
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(file, sizeof(file), "%s.stamp", image);
	status = unit_main(argc, argv, cases, nr);
	unlink(file);
	unlink(image);
	rmdir(folder);
	return status;
}

#endif
