/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-trial.h - an I/O in some format, and what must be on the wire, for tests of the
 * way of an I/O between fio's buffer and the command
 */
#ifndef IO_TRIAL_H
#define IO_TRIAL_H

#include <errno.h>
#include <inttypes.h>

#include "engines/io.h"
#include "tests/lib/formats.h"
#include "tests/lib/capture.h"
#include "tests/lib/unit.h"

enum { BLOCKS = 19 };

static const uint32_t some_blocks[] = { 0, 7, 15, 16, BLOCKS - 1 };

/* --- an I/O in some format, and what must be on the wire --- */

struct mode {
	bool		pract;
	enum job_buffer	buffer;
};

struct trial {
	struct oracle_format	f;
	struct mode		mode;
	struct job_opts		o;
	struct job_size		size;
	struct target_ns	target;
	struct job_ns		ns;
	struct io		io;
	struct nvme_uring_cmd	cmd;
	uint8_t			*user;		/* what fio put into its buffer */
	uint8_t			*blocks, *md;	/* what must be on the wire */
	size_t			user_size, blocks_size;
};

static const char *trial_text(const struct trial *t)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s, PRACT %d, %s buffer, opcode %02xh, LBA %" PRIx64 "h",
		 format_text(&t->f), t->mode.pract,
		 t->ns.host_block == t->f.data_size ? "data" : "extended",
		 t->io.opcode, t->io.slba);
	return text;
}

/* Half of them so that the reference tag wraps within the I/O. */
static inline uint64_t random_slba(const struct oracle_format *f)
{
	unsigned bits = oracle_bits(f, ORACLE_REF);

	if (bits && bits < 63 && unit_random() & 1)
		return (1ULL << bits) - 1 - unit_random_below(BLOCKS - 1);
	return unit_random() >> 8;
}

/* No bit of the application tag makes an escape when it is flipped. */
static inline struct job_opts random_opts(const struct oracle_format *f)
{
	return (struct job_opts){
		.storage_check = -1, .apptag = (unit_random() & 0xbffd) | 1, .apptag_mask = 0xffff,
		.apptag_given = true, .remembers = true,
		.ref_given = f->type > 1,
		.ref = f->type > 1 ? unit_random() & pi_ones(oracle_bits(f, ORACLE_REF)) : 0,
		.storage_given = f->type && f->sts,
		.storage = f->type ? unit_random() & pi_ones(f->sts) : 0,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } }, .reads = true, .writes = true,
		.readfua = unit_random() & 1, .writefua = unit_random() & 1,
		.open.format = NS_FORMAT_ANY,
	};
}

static inline bool trial_settle(struct trial *t)
{
	bool data = t->mode.buffer == JOB_BUFFER_DATA;
	char why[WHY_MAX] = "";
	int ret;

	if (!t->f.extended || (t->mode.pract && t->f.md_size == oracle_tuple_size(&t->f)))
		data = true;
	t->size = (struct job_size){
		.option = "bs", .kind = JOB_SIZE_TRANSFER,
		.bytes = BLOCKS * (t->f.data_size + (data ? 0 : t->f.md_size)),
	};
	t->o.pract = t->mode.pract;
	t->o.buffer = data ? JOB_BUFFER_DATA : t->mode.buffer;
	t->o.sizes = &t->size;
	t->o.nr_sizes = 1;
	t->ns = (struct job_ns){ .path = "ng", .info = info_of(&t->f), .target = &t->target };
	t->ns.info.oncs = 0xffff;
	ret = job_configure(&t->ns, &t->o, why);
	t->ns.own_only = 0;			/* as if this run had written every block */
	return UNIT_CHECK(!ret, "%s: %s", format_text(&t->f), why);
}

/* Buffers are exactly as large as was settled, so that a sanitizer sees one byte too many. */
static inline void trial_init(struct trial *t, const struct oracle_format *f, const struct mode *mode,
		       uint8_t opcode, const struct job_opts *o)
{
	*t = (struct trial){ .f = *f, .mode = *mode, .o = *o };
	t->o.compare = opcode == nvme_cmd_compare;
	if (!trial_settle(t))
		exit(1);
	t->user_size = BLOCKS * t->ns.host_block;
	t->user = allocate(t->user_size);
	unit_random_fill(t->user, t->user_size);
	t->io = (struct io){
		.ns = &t->ns, .slba = random_slba(f), .nr_blocks = BLOCKS, .opcode = opcode,
		.buf = memcpy(allocate(t->user_size), t->user, t->user_size),
		.bounce = allocate(t->ns.bounce_size), .md = allocate(t->ns.md_size),
	};
	memset(t->io.bounce, 0xbb, t->ns.bounce_size);
	memset(t->io.md, 0xdd, t->ns.md_size);
}

static inline void trial_free(struct trial *t)
{
	free(t->user);
	free(t->blocks);
	free(t->md);
	free(t->io.buf);
	free(t->io.bounce);
	free(t->io.md);
}

static inline bool pract_counts(const struct trial *t)
{
	return t->mode.pract && t->io.opcode != nvme_cmd_compare;
}

/* Bytes of metadata a block that cross, and whether a tuple is among them. */
static inline uint32_t md_crosses(const struct trial *t)
{
	bool tuple_alone = t->f.type && t->f.md_size == oracle_tuple_size(&t->f);

	return pract_counts(t) && tuple_alone ? 0 : t->f.md_size;
}

static inline uint32_t wire_stride(const struct trial *t)
{
	return t->f.data_size + (t->f.extended ? md_crosses(t) : 0);
}

/* Block @i in buffers as they are on the wire. */
static inline struct oracle_block on_wire(const struct trial *t, void *blocks, void *md, uint32_t i)
{
	uint8_t *data = (uint8_t *)blocks + i * wire_stride(t);

	return (struct oracle_block){
		data, t->f.extended ? data + t->f.data_size : (uint8_t *)md + i * md_crosses(t)
	};
}

static inline uint8_t pattern_byte(uint64_t lba, uint32_t j)
{
	return (lba ^ 0x5a5a5a5a5a5a5a5a) >> (56 - 8 * (j % 8));
}

static inline struct oracle_tuple tags_of(const struct trial *t, uint32_t i)
{
	return (struct oracle_tuple){ {
		[ORACLE_APP] = t->o.apptag, [ORACLE_STORAGE] = t->o.storage,
		[ORACLE_REF] = oracle_ref(&t->f, t->o.ref, t->io.slba + i),
	} };
}

static inline void make_tuple(const struct trial *t, const struct oracle_block *b, uint32_t i)
{
	struct oracle_tuple tags = tags_of(t, i);

	oracle_generate(&t->f, b->data, b->md, &tags);
}

/* What must be on the wire, with its tuples or before they are made. */
static inline void make_wire(struct trial *t, bool tuples)
{
	t->blocks_size = BLOCKS * wire_stride(t);
	t->blocks = allocate(t->blocks_size);
	t->md = allocate(BLOCKS * md_crosses(t));
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct oracle_block b = on_wire(t, t->blocks, t->md, i);

		memcpy(b.data, t->user + i * t->ns.host_block, t->f.data_size);
		for (uint32_t j = 0; j < md_crosses(t); j++)
			b.md[j] = pattern_byte(t->io.slba + i, j);
		if (tuples && t->f.type && md_crosses(t))
			make_tuple(t, &b, i);
	}
}

static inline uint8_t *wire_blocks(const struct trial *t)
{
	return t->io.bounced ? t->io.bounce : t->io.buf;
}

static inline size_t wire_md_size(const struct trial *t)
{
	return t->f.extended ? 0 : BLOCKS * md_crosses(t);
}

/* --- what is sent --- */

/* What only looks at blocks goes by readfua; Write Uncorrectable has no FUA. */
static inline bool wants_fua(const struct trial *t)
{
	switch (t->io.opcode) {
	case nvme_cmd_read:
	case nvme_cmd_compare:
	case nvme_cmd_verify:
		return t->o.readfua;
	case nvme_cmd_write_uncor:
		return false;
	default:
		return t->o.writefua;
	}
}

static inline void check_command(const struct trial *t)
{
	bool sends_md = wire_md_size(t);
	const struct nvme_uring_cmd *c = &t->cmd;
	struct oracle_tuple tags = tags_of(t, 0);
	struct oracle_dwords d = t->f.type ? oracle_dwords(&t->f, &tags, t->o.apptag_mask)
					   : (struct oracle_dwords){ 0 };

	UNIT_CHECK(c->opcode == t->io.opcode && c->nsid == 7, "%s: opcode %02xh, NSID %u",
		   trial_text(t), c->opcode, c->nsid);
	UNIT_CHECK(((uint64_t)c->cdw11 << 32 | c->cdw10) == t->io.slba, "%s: SLBA", trial_text(t));
	UNIT_CHECK((c->cdw12 & 0xffff) == BLOCKS - 1, "%s: NLB", trial_text(t));
	UNIT_CHECK((c->cdw12 >> 29 & 1) == (pract_counts(t) && t->f.type), "%s: PRACT",
		   trial_text(t));
	UNIT_CHECK((c->cdw12 >> 30 & 1) == wants_fua(t), "%s: FUA", trial_text(t));
	UNIT_CHECK(c->addr == (uintptr_t)wire_blocks(t) && c->data_len == t->blocks_size,
		   "%s: data pointer, %u bytes", trial_text(t), c->data_len);
	UNIT_CHECK(c->metadata == (sends_md ? (uintptr_t)t->io.md : 0) &&
		   c->metadata_len == wire_md_size(t), "%s: metadata pointer, %u bytes",
		   trial_text(t), c->metadata_len);
	UNIT_CHECK(c->cdw2 == d.cdw2 && c->cdw3 == d.cdw3 && c->cdw14 == d.cdw14 &&
		   c->cdw15 == d.cdw15, "%s: tags %08x %08x %08x %08x", trial_text(t), c->cdw2,
		   c->cdw3, c->cdw14, c->cdw15);
}

static inline size_t first_difference(const void *a, const void *b, size_t len)
{
	const uint8_t *p = a, *q = b;
	size_t i = 0;

	while (i < len && p[i] == q[i])
		i++;
	return i;
}

static inline void same(const struct trial *t, const char *what, const void *want, const void *got,
		 size_t len)
{
	size_t at = first_difference(want, got, len);

	UNIT_CHECK(at == len, "%s: %s: byte %zu of %zu is %02x, wanted %02x", trial_text(t), what,
		   at, len, ((const uint8_t *)got)[at], ((const uint8_t *)want)[at]);
}

static inline void all_bytes_are(const struct trial *t, const char *what, uint8_t want, const void *buf,
			  size_t len)
{
	const uint8_t *p = buf;
	size_t i = 0;

	while (i < len && p[i] == want)
		i++;
	UNIT_CHECK(i == len, "%s: %s: byte %zu of %zu was written", trial_text(t), what, i, len);
}

static const struct mode plain = { false, JOB_BUFFER_DATA };

static const struct mode modes[] = {
	{ false, JOB_BUFFER_DATA }, { false, JOB_BUFFER_EXTENDED },
	{ true, JOB_BUFFER_DATA }, { true, JOB_BUFFER_EXTENDED },
};

typedef void visit_mode(const struct oracle_format *f, const struct mode *mode);

/* Those of the modes that @f has. */
static inline void each_mode(const struct oracle_format *f, visit_mode *visit)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if ((f->extended || modes[i].buffer == JOB_BUFFER_DATA) &&
		    (f->type || !modes[i].pract))
			visit(f, &modes[i]);
}

/* Where the size of the data makes no difference but to the time it takes. */
static inline void each_mode_of_small(const struct oracle_format *f, visit_mode *visit)
{
	if (f->data_size == 512)
		each_mode(f, visit);
}

#endif
