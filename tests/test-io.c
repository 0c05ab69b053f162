/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-io.c - the way of an I/O between fio's buffer and the command
 *
 * What is sent is compared byte for byte with blocks that the oracle made.  What
 * comes back is the same blocks: they must pass, and after one thing in them is
 * damaged exactly that is told, with its block, its values and who found it.
 */
#include <errno.h>
#include <inttypes.h>

#include "../engines/io.h"
#include "formats.h"
#include "told.h"
#include "unit.h"

/* So many that the list of errors is made in more than one run. */
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
static uint64_t random_slba(const struct oracle_format *f)
{
	unsigned bits = oracle_bits(f, ORACLE_REF);

	if (bits && bits < 63 && unit_random() & 1)
		return (1ULL << bits) - 1 - unit_random_below(BLOCKS - 1);
	return unit_random() >> 8;
}

/* No bit of the application tag makes an escape when it is flipped. */
static struct job_opts random_opts(const struct oracle_format *f)
{
	return (struct job_opts){
		.storage_check = -1, .apptag = (unit_random() & 0xbffd) | 1, .apptag_mask = 0xffff,
		.ref_given = f->type > 1,
		.ref = f->type > 1 ? unit_random() & pi_ones(oracle_bits(f, ORACLE_REF)) : 0,
		.storage_given = f->type && f->sts,
		.storage = f->type ? unit_random() & pi_ones(f->sts) : 0,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } }, .reads = true, .writes = true,
		.readfua = unit_random() & 1, .writefua = unit_random() & 1,
		.open.format = NS_FORMAT_ANY,
	};
}

static bool trial_settle(struct trial *t)
{
	bool data = t->mode.buffer == JOB_BUFFER_DATA;
	char why[WHY_MAX] = "";
	int ret;

	if (!t->f.extended || (t->mode.pract && t->f.md_size == oracle_tuple_size(&t->f)))
		data = true;
	t->size = (struct job_size){
		.option = "bs", .bytes = BLOCKS * (t->f.data_size + (data ? 0 : t->f.md_size)),
	};
	t->o.pract = t->mode.pract;
	t->o.buffer = t->mode.buffer;
	t->o.sizes = &t->size;
	t->o.nr_sizes = 1;
	t->ns = (struct job_ns){ .path = "ng", .info = info_of(&t->f), .target = &t->target };
	t->ns.info.oncs = 0xffff;
	ret = job_settle(&t->ns, &t->o, why);
	return UNIT_CHECK(!ret, "%s: %s", format_text(&t->f), why);
}

/* Buffers are exactly as large as was settled, so that a sanitizer sees one byte too many. */
static void trial_init(struct trial *t, const struct oracle_format *f, const struct mode *mode,
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

static void trial_free(struct trial *t)
{
	free(t->user);
	free(t->blocks);
	free(t->md);
	free(t->io.buf);
	free(t->io.bounce);
	free(t->io.md);
}

static bool pract_counts(const struct trial *t)
{
	return t->mode.pract && t->io.opcode != nvme_cmd_compare;
}

/* Bytes of metadata a block that cross, and whether a tuple is among them. */
static uint32_t md_crosses(const struct trial *t)
{
	bool tuple_alone = t->f.type && t->f.md_size == oracle_tuple_size(&t->f);

	return pract_counts(t) && tuple_alone ? 0 : t->f.md_size;
}

static uint32_t wire_stride(const struct trial *t)
{
	return t->f.data_size + (t->f.extended ? md_crosses(t) : 0);
}

/* Block @i in buffers as they are on the wire. */
static struct oracle_block on_wire(const struct trial *t, void *blocks, void *md, uint32_t i)
{
	uint8_t *data = (uint8_t *)blocks + i * wire_stride(t);

	return (struct oracle_block){
		data, t->f.extended ? data + t->f.data_size : (uint8_t *)md + i * md_crosses(t)
	};
}

static uint8_t pattern_byte(uint64_t lba, uint32_t j)
{
	return (lba ^ 0x5a5a5a5a5a5a5a5a) >> (56 - 8 * (j % 8));
}

static struct oracle_tuple tags_of(const struct trial *t, uint32_t i)
{
	return (struct oracle_tuple){ {
		[ORACLE_APP] = t->o.apptag, [ORACLE_STORAGE] = t->o.storage,
		[ORACLE_REF] = oracle_ref(&t->f, t->o.ref, t->io.slba + i),
	} };
}

static void make_tuple(const struct trial *t, const struct oracle_block *b, uint32_t i)
{
	struct oracle_tuple tags = tags_of(t, i);

	oracle_generate(&t->f, b->data, b->md, &tags);
}

/* What must be on the wire, with its tuples or before they are made. */
static void make_wire(struct trial *t, bool tuples)
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

static uint8_t *wire_blocks(const struct trial *t)
{
	return t->io.bounced ? t->io.bounce : t->io.buf;
}

static size_t wire_md_size(const struct trial *t)
{
	return t->f.extended ? 0 : BLOCKS * md_crosses(t);
}

/* --- what is sent --- */

static void check_command(const struct trial *t)
{
	bool fua = t->io.opcode == nvme_cmd_read ? t->o.readfua : t->o.writefua;
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
	UNIT_CHECK((c->cdw12 >> 30 & 1) == fua, "%s: FUA", trial_text(t));
	UNIT_CHECK(c->addr == (uintptr_t)wire_blocks(t) && c->data_len == t->blocks_size,
		   "%s: data pointer, %u bytes", trial_text(t), c->data_len);
	UNIT_CHECK(c->metadata == (sends_md ? (uintptr_t)t->io.md : 0) &&
		   c->metadata_len == wire_md_size(t), "%s: metadata pointer, %u bytes",
		   trial_text(t), c->metadata_len);
	UNIT_CHECK(c->cdw2 == d.cdw2 && c->cdw3 == d.cdw3 && c->cdw14 == d.cdw14 &&
		   c->cdw15 == d.cdw15, "%s: tags %08x %08x %08x %08x", trial_text(t), c->cdw2,
		   c->cdw3, c->cdw14, c->cdw15);
}

static size_t first_difference(const void *a, const void *b, size_t len)
{
	const uint8_t *p = a, *q = b;
	size_t i = 0;

	while (i < len && p[i] == q[i])
		i++;
	return i;
}

static void same(const struct trial *t, const char *what, const void *want, const void *got,
		 size_t len)
{
	size_t at = first_difference(want, got, len);

	UNIT_CHECK(at == len, "%s: %s: byte %zu of %zu is %02x, wanted %02x", trial_text(t), what,
		   at, len, ((const uint8_t *)got)[at], ((const uint8_t *)want)[at]);
}

static void all_bytes_are(const struct trial *t, const char *what, uint8_t want, const void *buf,
			  size_t len)
{
	const uint8_t *p = buf;
	size_t i = 0;

	while (i < len && p[i] == want)
		i++;
	UNIT_CHECK(i == len, "%s: %s: byte %zu of %zu was written", trial_text(t), what, i, len);
}

static void send_one(const struct oracle_format *f, const struct mode *mode, uint8_t opcode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	trial_init(&t, f, mode, opcode, &o);
	make_wire(&t, !pract_counts(&t));
	told_start(&t.io, &t.cmd);
	UNIT_CHECK(t.io.bounced == (wire_stride(&t) != t.ns.host_block), "%s: bounced: %d",
		   trial_text(&t), t.io.bounced);
	check_command(&t);
	same(&t, "blocks", t.blocks, wire_blocks(&t), t.blocks_size);
	same(&t, "metadata", t.md, t.io.md, wire_md_size(&t));
	if (t.io.bounced || !f->extended || !md_crosses(&t))
		same(&t, "fio's buffer", t.user, t.io.buf, t.user_size);
	trial_free(&t);
}

static const struct mode plain = { false, JOB_BUFFER_DATA };

static const struct mode modes[] = {
	{ false, JOB_BUFFER_DATA }, { false, JOB_BUFFER_EXTENDED },
	{ true, JOB_BUFFER_DATA }, { true, JOB_BUFFER_EXTENDED },
};

typedef void visit_mode(const struct oracle_format *f, const struct mode *mode);

/* Those of the modes that @f has. */
static void each_mode(const struct oracle_format *f, visit_mode *visit)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if ((f->extended || modes[i].buffer == JOB_BUFFER_DATA) &&
		    (f->type || !modes[i].pract))
			visit(f, &modes[i]);
}

/* Where the size of the data makes no difference but to the time it takes. */
static void each_mode_of_small(const struct oracle_format *f, visit_mode *visit)
{
	if (f->data_size == 512)
		each_mode(f, visit);
}

static void send_write(const struct oracle_format *f, const struct mode *mode)
{
	send_one(f, mode, nvme_cmd_write);
}

static void send_compare(const struct oracle_format *f, const struct mode *mode)
{
	send_one(f, mode, nvme_cmd_compare);
}

static void writes_of(const struct oracle_format *f)
{
	each_mode(f, send_write);
}

static void compares_of(const struct oracle_format *f)
{
	each_mode(f, send_compare);
}

static void sends_writes(void)
{
	each_format(writes_of);
}

static void sends_compares(void)
{
	each_format(compares_of);
}

/* A command that sends no blocks leaves every buffer as it was. */
static void touches_nothing(const struct oracle_format *f, const struct mode *mode)
{
	static const uint8_t opcodes[] = {
		nvme_cmd_read, nvme_cmd_verify, nvme_cmd_write_zeroes, nvme_cmd_write_uncor
	};

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct job_opts o = random_opts(f);
		struct trial t;

		trial_init(&t, f, mode, opcodes[i], &o);
		told_start(&t.io, &t.cmd);
		same(&t, "fio's buffer", t.user, t.io.buf, t.user_size);
		all_bytes_are(&t, "bounce buffer", 0xbb, t.io.bounce, t.ns.bounce_size);
		all_bytes_are(&t, "metadata buffer", 0xdd, t.io.md, t.ns.md_size);
		trial_free(&t);
	}
}

static void others_of(const struct oracle_format *f)
{
	each_mode_of_small(f, touches_nothing);
}

static void sends_no_blocks(void)
{
	each_format(others_of);
}

/* Parts of an I/O, as the search for bad blocks asks for them after an error. */
static void parts_of(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct nvme_io c;
	struct trial t;
	uint64_t ref;

	trial_init(&t, f, mode, nvme_cmd_read, &o);
	ref = oracle_ref(f, o.ref, t.io.slba + 5);
	told_start(&t.io, &t.cmd);
	told_end(&t.io, 0x281, NULL);
	c = io_command(&t.io, 5, 3);
	UNIT_CHECK(c.slba == t.io.slba + 5 && c.nr_blocks == 3, "%s: blocks", trial_text(&t));
	UNIT_CHECK(!f->type || c.tags.ref == ref, "%s: reference tag %" PRIx64 "h, wanted %" PRIx64
		   "h", trial_text(&t), c.tags.ref, ref);
	UNIT_CHECK(c.data == wire_blocks(&t) + 5 * wire_stride(&t), "%s: data", trial_text(&t));
	if (!f->extended)
		UNIT_CHECK(c.md == (md_crosses(&t) ? (uint8_t *)t.io.md + 5 * md_crosses(&t) : NULL),
			   "%s: metadata", trial_text(&t));
	trial_free(&t);
}

static void all_parts_of(const struct oracle_format *f)
{
	each_mode_of_small(f, parts_of);
}

static void sends_parts(void)
{
	each_format(all_parts_of);
}

/* --- what comes back --- */

/* Put what must be on the wire there, as a device does, and nothing into fio's buffer. */
static void receive(struct trial *t)
{
	if (t->io.bounced)
		memset(t->io.buf, 0xaa, t->user_size);
	memcpy(wire_blocks(t), t->blocks, t->blocks_size);
	memcpy(t->io.md, t->md, wire_md_size(t));
}

/* The buffer fio gets: its data, and in extended ones the metadata as it came. */
static void check_received(const struct trial *t)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint8_t *got = (uint8_t *)t->io.buf + i * t->ns.host_block;
		struct oracle_block b = on_wire(t, t->blocks, t->md, i);

		same(t, "data read", b.data, got, t->ns.host_block);
	}
}

static void read_init(struct trial *t, const struct oracle_format *f, const struct mode *mode,
		      const struct job_opts *o)
{
	trial_init(t, f, mode, nvme_cmd_read, o);
	make_wire(t, true);
	told_start(&t->io, &t->cmd);
	check_command(t);
	receive(t);
}

/* Exactly these were told, by the host, of a read. */
static void were_told(const struct trial *t, const char *what, struct vfy_record *want, unsigned nr)
{
	char where[200];

	for (unsigned i = 0; i < nr; i++) {
		want[i].path = "ng";
		want[i].command = "read";
		want[i].known = true;
	}
	snprintf(where, sizeof(where), "%s: %s", trial_text(t), what);
	told_exactly(where, want, nr);
}

static void returned(const struct trial *t, const char *what, int want, int got)
{
	UNIT_CHECK(want == got, "%s: %s: returned %d, wanted %d", trial_text(t), what, got, want);
}

static void good_read(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;
	bool looked_at;

	read_init(&t, f, mode, &o);
	looked_at = t.ns.verify || t.ns.verify_md;
	returned(&t, "good blocks", 0, told_end(&t.io, 0, NULL));
	were_told(&t, "good blocks", NULL, 0);
	UNIT_CHECK(told.checked == (looked_at ? BLOCKS : 0), "%s: %" PRIu64
		   " counted as checked", trial_text(&t), told.checked);
	UNIT_CHECK(looked_at == (md_crosses(&t) > 0), "%s: nothing is checked", trial_text(&t));
	check_received(&t);
	trial_free(&t);
}

static void good_reads_of(const struct oracle_format *f)
{
	each_mode(f, good_read);
}

static void accepts_good_blocks(void)
{
	each_format(good_reads_of);
}

/* --- damage --- */

enum damage { DATA, GUARD, APP, STORAGE, REF, BEYOND, DAMAGES };

static const char *const damage_names[] = {
	"data", "guard", "application tag", "storage tag", "reference tag", "metadata"
};

static struct oracle_block wire_block(const struct trial *t, uint32_t i)
{
	return on_wire(t, wire_blocks(t), t->io.md, i);
}

static struct oracle_tuple tuple_of(const struct trial *t, const struct oracle_block *b)
{
	return oracle_unpack(&t->f, b->md + oracle_tuple_offset(&t->f));
}

static void flip_field(const struct trial *t, const struct oracle_block *b, enum oracle_field field)
{
	struct oracle_tuple tuple = tuple_of(t, b);

	tuple.field[field] ^= 1ULL << unit_random_below(oracle_bits(&t->f, field));
	oracle_pack(&t->f, &tuple, b->md + oracle_tuple_offset(&t->f));
}

/* One of the bytes beyond the tuple; the metadata's size when there is none. */
static uint32_t byte_beyond(const struct trial *t)
{
	uint32_t tuple = oracle_tuple_size(&t->f), at;

	if (t->f.md_size == tuple)
		return t->f.md_size;
	at = unit_random_below(t->f.md_size - tuple);
	return t->f.first ? tuple + at : at;
}

static const enum oracle_field tuple_field[] = {
	[GUARD] = ORACLE_GUARD, [APP] = ORACLE_APP, [STORAGE] = ORACLE_STORAGE, [REF] = ORACLE_REF,
};

/* Is there such a thing in a block, and does it make a difference? */
static bool can_damage(const struct trial *t, enum damage d)
{
	if (d == BEYOND)
		return md_crosses(t) && byte_beyond(t) < t->f.md_size;
	if (!t->f.type || !md_crosses(t))
		return false;
	return d == DATA || (oracle_bits(&t->f, tuple_field[d]) && !(d == REF && t->f.type == 3));
}

/* A record of the tuple of block @i, which has @want instead of what it should have. */
static struct vfy_record tuple_record(const struct trial *t, uint32_t i, enum oracle_field field)
{
	static const unsigned fields[] = { PI_GUARD, PI_APP, PI_STORAGE, PI_REF };
	struct oracle_block b = wire_block(t, i);
	struct oracle_tuple want = tags_of(t, i);

	if (field == ORACLE_GUARD)
		want.field[field] = oracle_guard(&t->f, b.data, b.md);
	return (struct vfy_record){
		.lba = t->io.slba + i, .field = fields[field],
		.want = want.field[field], .got = tuple_of(t, &b).field[field],
	};
}

/* Damage one thing in block @i of the wire; what must be told of it goes to @want. */
static unsigned damage_block(const struct trial *t, uint32_t i, enum damage d,
			     struct vfy_record *want)
{
	struct oracle_block b = wire_block(t, i);
	uint32_t at;

	if (d == DATA) {
		b.data[unit_random_below(t->f.data_size)] ^= 1 << unit_random_below(8);
		want[0] = tuple_record(t, i, ORACLE_GUARD);
		return 1;
	}
	if (d != BEYOND) {
		flip_field(t, &b, tuple_field[d]);
		want[0] = tuple_record(t, i, tuple_field[d]);
		return 1;
	}
	at = byte_beyond(t);
	b.md[at] ^= 1 << unit_random_below(8);
	want[0] = (struct vfy_record){
		.lba = t->io.slba + i, .field = VFY_METADATA, .offset = at, .got = b.md[at],
		.want = pattern_byte(t->io.slba + i, at),
	};
	if (!t->f.type || t->f.first)
		return 1;
	want[1] = tuple_record(t, i, ORACLE_GUARD);	/* which covers that byte */
	return 2;
}

static void one_damage(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	read_init(&t, f, mode, &o);
	for (enum damage d = 0; d < DAMAGES; d++)
		for (size_t n = 0; can_damage(&t, d) && n < ARRAY_SIZE(some_blocks); n++) {
			struct vfy_record want[2];
			unsigned nr;

			receive(&t);
			nr = damage_block(&t, some_blocks[n], d, want);
			returned(&t, damage_names[d], EILSEQ, told_end(&t.io, 0, NULL));
			were_told(&t, damage_names[d], want, nr);
		}
	trial_free(&t);
}

static void one_damage_of(const struct oracle_format *f)
{
	each_mode(f, one_damage);
}

static void finds_one_damage(void)
{
	each_format(one_damage_of);
}

/* Something in every block: all of it is told. */
static void all_damaged(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;
	struct vfy_record want[2 * BLOCKS];
	unsigned nr = 0;

	read_init(&t, f, mode, &o);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		enum damage d = unit_random_below(DAMAGES);

		if (can_damage(&t, d))
			nr += damage_block(&t, i, d, want + nr);
	}
	returned(&t, "all blocks", nr ? EILSEQ : 0, told_end(&t.io, 0, NULL));
	were_told(&t, "all blocks", want, nr);
	trial_free(&t);
}

/* Everything in every block, which is the most there is to tell. */
static void all_of_all_damaged(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;
	unsigned wrong = 0;

	read_init(&t, f, mode, &o);
	for (enum damage d = GUARD; d < DAMAGES; d++)
		wrong += can_damage(&t, d);
	for (uint32_t i = 0; i < BLOCKS; i++)
		for (enum damage d = GUARD; d < DAMAGES; d++)
			if (can_damage(&t, d))
				damage_block(&t, i, d, (struct vfy_record[2]){ 0 });
	returned(&t, "all fields", wrong ? EILSEQ : 0, told_end(&t.io, 0, NULL));
	UNIT_CHECK(told.nr == wrong * BLOCKS, "%s: all fields: %u records, wanted %u",
		   trial_text(&t), told.nr, wrong * BLOCKS);
	trial_free(&t);
}

static void all_damaged_of(const struct oracle_format *f)
{
	each_mode_of_small(f, all_damaged);
	each_mode_of_small(f, all_of_all_damaged);
}

static void finds_all_damage(void)
{
	each_format(all_damaged_of);
}

/* --- blocks that are right although they look wrong --- */

/* Nothing of block @i is left; its tuple says so, as that of an unwritten one does. */
static void unwrite(const struct trial *t, uint32_t i, uint64_t ref)
{
	struct oracle_block b = wire_block(t, i);
	struct oracle_tuple tuple = oracle_all;

	unit_random_fill(b.data, t->f.data_size);
	unit_random_fill(b.md, t->f.md_size);
	tuple.field[ORACLE_GUARD] = unit_random();
	tuple.field[ORACLE_STORAGE] = unit_random();
	tuple.field[ORACLE_REF] = ref;
	oracle_pack(&t->f, &tuple, b.md + oracle_tuple_offset(&t->f));
}

/* Blocks 3 and 4 escape; what follows them is looked at all the same. */
static void escapes(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	read_init(&t, f, mode, &o);
	if (f->type && md_crosses(&t)) {
		uint64_t ref = f->type == 3 ? UINT64_MAX : unit_random();
		struct vfy_record want[2];
		unsigned nr;

		unwrite(&t, 3, ref);
		unwrite(&t, 4, ref);
		returned(&t, "escaped blocks", 0, told_end(&t.io, 0, NULL));
		were_told(&t, "escaped blocks", NULL, 0);
		nr = damage_block(&t, 5, DATA, want);
		returned(&t, "after escaped blocks", EILSEQ, told_end(&t.io, 0, NULL));
		were_told(&t, "after escaped blocks", want, nr);
	}
	trial_free(&t);
}

/* FFFFh in the application tag alone is no escape of type 3. */
static void no_escape(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	read_init(&t, f, mode, &o);
	if (f->type == 3 && md_crosses(&t) && oracle_bits(f, ORACLE_REF)) {
		struct oracle_block b = wire_block(&t, 3);
		struct vfy_record want = {
			.lba = t.io.slba + 3, .field = PI_APP, .want = o.apptag, .got = 0xffff
		};
		struct oracle_tuple tuple = tuple_of(&t, &b);

		tuple.field[ORACLE_APP] = 0xffff;
		tuple.field[ORACLE_REF] = UINT64_MAX - 1;
		oracle_pack(f, &tuple, b.md + oracle_tuple_offset(f));
		returned(&t, "half an escape", EILSEQ, told_end(&t.io, 0, NULL));
		were_told(&t, "half an escape", &want, 1);
	}
	trial_free(&t);
}

static void escapes_of(const struct oracle_format *f)
{
	each_mode_of_small(f, escapes);
	each_mode_of_small(f, no_escape);
}

static void skips_escaped_blocks(void)
{
	each_format(escapes_of);
}

/* As Write Zeroes with PRACT leaves a block: its tuple is right, the rest is zero. */
static struct oracle_block zero_block(const struct trial *t, uint32_t i)
{
	struct oracle_block b = wire_block(t, i);

	memset(b.data, 0, t->f.data_size);
	memset(b.md, 0, md_crosses(t));
	if (t->f.type && md_crosses(t))
		make_tuple(t, &b, i);
	return b;
}

/* The first byte beyond the tuple whose pattern is not 0, of zeroed metadata. */
static struct vfy_record zero_record(const struct trial *t, uint32_t i)
{
	uint64_t lba = t->io.slba + i;
	uint32_t at = t->f.first ? oracle_tuple_size(&t->f) : 0;

	while (!pattern_byte(lba, at))
		at++;
	return (struct vfy_record){
		.lba = lba, .field = VFY_METADATA, .offset = at, .want = pattern_byte(lba, at)
	};
}

static void zeroed(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct oracle_block b;
	struct trial t;

	read_init(&t, f, mode, &o);
	b = zero_block(&t, 3);
	returned(&t, "a zeroed block", 0, told_end(&t.io, 0, NULL));
	were_told(&t, "a zeroed block", NULL, 0);
	if (can_damage(&t, BEYOND)) {	/* zero metadata of other data was lost */
		struct vfy_record want = zero_record(&t, 3);

		b.data[f->data_size - 1] = 1;
		if (f->type)
			make_tuple(&t, &b, 3);
		returned(&t, "lost metadata", EILSEQ, told_end(&t.io, 0, NULL));
		were_told(&t, "lost metadata", &want, 1);
	}
	trial_free(&t);
}

static void zeroed_of(const struct oracle_format *f)
{
	each_mode_of_small(f, zeroed);
}

static void accepts_zeroed_blocks(void)
{
	each_format(zeroed_of);
}

/* What one judge hears of several I/Os adds up. */
static void adds_up(void)
{
	static const struct oracle_format f = { .data_size = 512, .md_size = 8, .type = 1 };
	struct io_job job = { .record = told_remember, .ctx = &told };
	struct job_opts o = random_opts(&f);
	struct vfy_record want[2];
	struct trial t;

	memset(&told, 0, sizeof(told));
	read_init(&t, &f, &plain, &o);
	returned(&t, "the first", 0, io_end(&t.io, 0, &job));
	damage_block(&t, 3, APP, want);
	returned(&t, "the second", EILSEQ, io_end(&t.io, 0, &job));
	damage_block(&t, 4, APP, want);
	returned(&t, "the third", EILSEQ, io_end(&t.io, 0, &job));
	UNIT_CHECK(job.stats.checked == 3 * BLOCKS, "%" PRIu64 " checked", job.stats.checked);
	UNIT_CHECK(told.counts.total == 3, "%" PRIu64 " counted", told.counts.total);
	trial_free(&t);
}

/* --- checks that were not asked for --- */

static const struct oracle_format choice = {
	.data_size = 512, .md_size = 24, .type = 2, .pif = 2, .sts = 16, .first = true,
};

/* With each set of checks, each damage is told if and only if it is in the set. */
static void checks_what_is_asked(void)
{
	static const unsigned asked[DAMAGES] = {
		PI_GUARD, PI_GUARD, PI_APP, PI_STORAGE, PI_REF, VFY_METADATA
	};

	for (unsigned set = 0; set < 32; set++) {
		struct job_opts o = random_opts(&choice);
		struct trial t;

		o.verify_given = true;
		o.verify = set;
		read_init(&t, &choice, &plain, &o);
		for (enum damage d = 0; d < DAMAGES; d++) {
			bool found = set & asked[d];
			struct vfy_record want[2];
			unsigned nr;

			receive(&t);
			nr = damage_block(&t, 2, d, want);
			returned(&t, damage_names[d], found ? EILSEQ : 0, told_end(&t.io, 0, NULL));
			were_told(&t, damage_names[d], want, found ? nr : 0);
			UNIT_CHECK(told.checked == (set ? BLOCKS : 0), "set %xh: %" PRIu64
				   " checked", set, told.checked);
		}
		trial_free(&t);
	}
}

/* Bits outside LBATM and LBSTM may be anything; values are told under the mask. */
static void checks_under_masks(void)
{
	struct job_opts o = random_opts(&choice);
	struct trial t;
	struct oracle_tuple tuple;
	struct oracle_block b;
	struct vfy_record want[2];

	o.apptag = 0x1234;
	o.apptag_mask = 0x0ff0;
	o.storage = 0x5678;
	read_init(&t, &choice, &plain, &o);
	t.io.expect.tags.storage_mask = 0xff;
	b = wire_block(&t, 9);
	tuple = tuple_of(&t, &b);
	tuple.field[ORACLE_APP] = 0xe23b;
	tuple.field[ORACLE_STORAGE] = 0xa978;
	oracle_pack(&choice, &tuple, b.md);
	returned(&t, "outside the masks", 0, told_end(&t.io, 0, NULL));
	tuple.field[ORACLE_APP] = 0xe33b;
	tuple.field[ORACLE_STORAGE] = 0xa979;
	oracle_pack(&choice, &tuple, b.md);
	want[0] = (struct vfy_record){
		.lba = t.io.slba + 9, .field = PI_APP, .want = 0x0230, .got = 0x0330 };
	want[1] = (struct vfy_record){
		.lba = t.io.slba + 9, .field = PI_STORAGE, .want = 0x78, .got = 0x79 };
	returned(&t, "inside the masks", EILSEQ, told_end(&t.io, 0, NULL));
	were_told(&t, "inside the masks", want, 2);
	trial_free(&t);
}

/* --- what the device says --- */

/* A result that is no mismatch is its errno; nothing is looked at. */
static void passes_errors_on(void)
{
	static const struct {
		int res, err;
	} rows[] = {
		{ -EIO, EIO }, { -EAGAIN, EAGAIN }, { 0x281, EIO }, { 0x4181, EIO }, { 0x080, EIO },
	};
	struct job_opts o = random_opts(&choice);
	struct trial t;
	struct vfy_record want[2];

	read_init(&t, &choice, &plain, &o);
	damage_block(&t, 2, DATA, want);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		returned(&t, "a failed read", rows[i].err, told_end(&t.io, rows[i].res, NULL));
		UNIT_CHECK(!told.nr && !told.checked, "%xh: %u records", rows[i].res,
			   told.nr);
	}
	trial_free(&t);
}

/* Only what was read is checked. */
static void checks_reads_alone(void)
{
	static const uint8_t opcodes[] = {
		nvme_cmd_write, nvme_cmd_compare, nvme_cmd_verify, nvme_cmd_write_zeroes
	};

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct job_opts o = random_opts(&choice);
		struct trial t;

		trial_init(&t, &choice, &plain, opcodes[i], &o);
		told_start(&t.io, &t.cmd);
		memset(t.io.md, 0, t.ns.md_size);
		returned(&t, "a good command", 0, told_end(&t.io, 0, NULL));
		UNIT_CHECK(!told.nr && !told.checked, "opcode %02xh: %u records", opcodes[i],
			   told.nr);
		trial_free(&t);
	}
}

/* A record of a write that the device refused; @status in its words. */
static struct vfy_record rejected(struct vfy_record r, const char *status)
{
	r.path = "ng";
	r.command = "write";
	r.side = VFY_DEVICE;
	r.status = status;
	return r;
}

/*
 * A write that the device refuses is searched in the buffers for the field that
 * it names, and for that alone.
 */
static void explains_rejected_writes(void)
{
	static const struct {
		enum damage	d;
		int		status;
		const char	*text;
	} rows[] = {
		{ DATA, 0x4282, "End-to-end Guard Check Error (282h, do not retry)" },
		{ GUARD, 0x0282, "End-to-end Guard Check Error (282h)" },
		{ APP, 0x4283, "End-to-end Application Tag Check Error (283h, do not retry)" },
		{ REF, 0x4284, "End-to-end Reference Tag Check Error (284h, do not retry)" },
		{ STORAGE, 0x4288, "End-to-End Storage Tag Check Error (288h, do not retry)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job_opts o = random_opts(&choice);
		struct trial t;
		struct vfy_record want[2], other[2];

		trial_init(&t, &choice, &plain, nvme_cmd_write, &o);
		told_start(&t.io, &t.cmd);
		damage_block(&t, 17, rows[i].d, want);
		damage_block(&t, 18, rows[(i + 2) % ARRAY_SIZE(rows)].d, other);
		returned(&t, "a rejected write", EILSEQ, told_end(&t.io, rows[i].status, NULL));
		want[0].known = true;
		want[0] = rejected(want[0], rows[i].text);
		told_exactly(trial_text(&t), want, 1);
		trial_free(&t);
	}
}

/* Where nothing is wrong on this side, what the device said is all there is to tell. */
static void tells_rejected_writes(void)
{
	for (int pract = 0; pract <= 1; pract++) {
		struct oracle_format f = choice;
		struct job_opts o = random_opts(&choice);
		struct mode mode = { pract, JOB_BUFFER_DATA };
		struct vfy_record want = { .blocks = BLOCKS, .field = PI_REF };
		struct trial t;

		f.md_size = 16;
		trial_init(&t, &f, &mode, nvme_cmd_write, &o);
		told_start(&t.io, &t.cmd);
		returned(&t, "a rejected write", EILSEQ, told_end(&t.io, 0x0284, NULL));
		want.lba = t.io.slba;
		want = rejected(want, "End-to-end Reference Tag Check Error (284h)");
		told_exactly(trial_text(&t), &want, 1);
		trial_free(&t);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "sends_writes", sends_writes },
		{ "sends_compares", sends_compares },
		{ "sends_no_blocks", sends_no_blocks },
		{ "sends_parts", sends_parts },
		{ "accepts_good_blocks", accepts_good_blocks },
		{ "finds_one_damage", finds_one_damage },
		{ "finds_all_damage", finds_all_damage },
		{ "skips_escaped_blocks", skips_escaped_blocks },
		{ "accepts_zeroed_blocks", accepts_zeroed_blocks },
		{ "adds_up", adds_up },
		{ "checks_what_is_asked", checks_what_is_asked },
		{ "checks_under_masks", checks_under_masks },
		{ "passes_errors_on", passes_errors_on },
		{ "checks_reads_alone", checks_reads_alone },
		{ "explains_rejected_writes", explains_rejected_writes },
		{ "tells_rejected_writes", tells_rejected_writes },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
