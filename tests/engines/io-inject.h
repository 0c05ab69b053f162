/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-inject.h - an I/O that comes back, as it should or damaged, and what must be
 * told of it
 */
#ifndef IO_DAMAGE_H
#define IO_DAMAGE_H

#include "io-trial.h"

/* Put what must be on the wire there, as a device does, and nothing into fio's buffer. */
static inline void receive(struct trial *t)
{
	if (t->io.bounced)
		memset(t->io.buf, 0xaa, t->user_size);
	memcpy(wire_blocks(t), t->blocks, t->blocks_size);
	memcpy(t->io.md, t->md, wire_md_size(t));
}

/* The buffer fio gets: its data, and in extended ones the metadata as it came. */
static inline void check_received(const struct trial *t)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint8_t *got = (uint8_t *)t->io.buf + i * t->ns.host_block;
		struct oracle_block b = on_wire(t, t->blocks, t->md, i);

		same(t, "data read", b.data, got, t->ns.host_block);
	}
}

static inline void read_init(struct trial *t, const struct oracle_format *f, const struct mode *mode,
		      const struct job_opts *o)
{
	trial_init(t, f, mode, nvme_cmd_read, o);
	make_wire(t, true);
	capture_start(&t->io, &t->cmd);
	check_command(t);
	receive(t);
}

/* Exactly these were told, by the host, of a read. */
static inline void were_told(const struct trial *t, const char *what, struct vfy_mismatch *want, unsigned nr)
{
	char where[200];

	for (unsigned i = 0; i < nr; i++) {
		want[i].path = "ng";
		want[i].command = "read";
		want[i].known = true;
	}
	snprintf(where, sizeof(where), "%s: %s", trial_text(t), what);
	capture_exactly(where, want, nr);
}

static inline void returned(const struct trial *t, const char *what, int want, int got)
{
	UNIT_CHECK(want == got, "%s: %s: returned %d, wanted %d", trial_text(t), what, got, want);
}

/* --- damage --- */

enum damage { DATA, GUARD, APP, STORAGE, REF, BEYOND, DAMAGES };

static const char *const damage_names[] = {
	"data", "guard", "application tag", "storage tag", "reference tag", "metadata"
};

static inline struct oracle_block wire_block(const struct trial *t, uint32_t i)
{
	return on_wire(t, wire_blocks(t), t->io.md, i);
}

static inline struct oracle_tuple tuple_of(const struct trial *t, const struct oracle_block *b)
{
	return oracle_unpack(&t->f, b->md + oracle_tuple_offset(&t->f));
}

static inline void flip_field(const struct trial *t, const struct oracle_block *b, enum oracle_field field)
{
	struct oracle_tuple tuple = tuple_of(t, b);

	tuple.field[field] ^= 1ULL << unit_random_below(oracle_bits(&t->f, field));
	oracle_pack(&t->f, &tuple, b->md + oracle_tuple_offset(&t->f));
}

/* One of the bytes beyond the tuple; the metadata's size when there is none. */
static inline uint32_t byte_beyond(const struct trial *t)
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
static inline bool can_damage(const struct trial *t, enum damage d)
{
	if (d == BEYOND)
		return md_crosses(t) && byte_beyond(t) < t->f.md_size;
	if (!t->f.type || !md_crosses(t))
		return false;
	return d == DATA || (oracle_bits(&t->f, tuple_field[d]) && !(d == REF && t->f.type == 3));
}

/* A record of the tuple of block @i, which has @want instead of what it should have. */
static inline struct vfy_mismatch tuple_record(const struct trial *t, uint32_t i, enum oracle_field field)
{
	static const unsigned fields[] = { PI_GUARD, PI_APP, PI_STORAGE, PI_REF };
	struct oracle_block b = wire_block(t, i);
	struct oracle_tuple want = tags_of(t, i);

	if (field == ORACLE_GUARD)
		want.field[field] = oracle_guard(&t->f, b.data, b.md);
	return (struct vfy_mismatch){
		.lba = t->io.slba + i, .field = fields[field],
		.want = want.field[field], .got = tuple_of(t, &b).field[field],
	};
}

/* Damage one thing in block @i of the wire; what must be told of it goes to @want. */
static inline unsigned damage_block(const struct trial *t, uint32_t i, enum damage d,
			     struct vfy_mismatch *want)
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
	want[0] = (struct vfy_mismatch){
		.lba = t->io.slba + i, .field = VFY_METADATA, .offset = at, .got = b.md[at],
		.want = pattern_byte(t->io.slba + i, at),
	};
	if (!t->f.type || t->f.first)
		return 1;
	want[1] = tuple_record(t, i, ORACLE_GUARD);	/* which covers that byte */
	return 2;
}

/* A format with all there is. */
static const struct oracle_format choice = {
	.data_size = 512, .md_size = 24, .type = 2, .pif = 2, .sts = 16, .first = true,
};

#endif
