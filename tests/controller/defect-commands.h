/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * defect-commands.h - commands at random for two controllers in lockstep, the honest one and a
 * broken one: as a test of protection would send them, with what firmware trips over
 */
#ifndef DEFECT_COMMANDS_H
#define DEFECT_COMMANDS_H

#include <endian.h>
#include "tests/lib/controller-image.h"

enum { MOST = 33, SLOT = 96 << 10, ROOM = MOST * SLOT, LISTS = 40 * 256 };

/* The formats that are tried, and the reference tag of LBA 0 with type 2 or 3. */
static const struct shape {
	struct ns_format	f;
	uint64_t		ref;
	uint32_t		blocks;
} shapes[] = {
	{ F(512, 8, 0, 1, 0, 0, 0), 0, 66000 },
	{ F(4096, 64, 1, 2, 0, 0, 0), 0xfff0, 1100 },
	{ F(4096, 16, 0, 2, 0, 2, 48), 0x10, 1100 },
	{ F(512, 64, 1, 2, 1, 2, 16), 0xfffffff0, 66000 },
	{ F(4096, 16, 0, 1, 0, 1, 16), 0, 1100 },
	{ F(4096, 64, 0, 3, 0, 1, 40), 0x8765432100, 1100 },
	{ F(512, 64, 0, 1, 0, 2, 0), 0, 66000 },
	{ F(4096, 16, 1, 3, 0, 2, 0), 0x123456789a, 1100 },
	{ F(512, 16, 0, 2, 1, 0, 8), 0xfffff0, 66000 },
	{ F(4096, 16, 0, 0, 0, 0, 0), 0, 1100 },
	{ F(512, 8, 1, 3, 0, 0, 0), 0x80000000, 66000 },
	{ F(4096, 16, 0, 2, 0, 2, 8), 0xfffffff0, 1100 },
	{ F(16384, 64, 0, 1, 0, 2, 16), 0, 600 },
};

/* One side: the same command with buffers of its own. */
struct side {
	struct target_ns	*ns;
	struct target_queue	*q;
	uint8_t			*data, *md;	/* ROOM bytes */
	int			res[MOST];
};

static struct side good, bad;
static uint8_t lists[MOST][LISTS];		/* ranges of Copy and Dataset Management */
static const struct shape *shape;
static struct pi_layout layout;			/* as the host sees blocks */

static inline bool chance(unsigned percent)
{
	return unit_random_below(100) < percent;
}

#define PICK(table) (table)[unit_random_below(ARRAY_SIZE(table))]

static inline struct pi_layout layout_of_format(const struct ns_format *f)
{
	return (struct pi_layout) {
		.format = f->pi ? &pi_formats[f->pif] : NULL, .type = f->pi, .data_size = f->lbs,
		.md_size = f->ms, .sts = f->pi ? f->sts : 0, .first = f->pil, .extended = f->mset,
	};
}

/* The tags that all blocks have, but for damage. */
static inline struct pi_tags tags_of(uint64_t lba)
{
	struct pi_tags t = {
		.app = 0x1234, .app_mask = 0xffff, .storage = 0xa5b6c7d8e9f01324, .storage_mask = UINT64_MAX,
		.ref = layout.type == PI_TYPE1 ? lba : shape->ref,
	};

	t.storage &= pi_ones(layout.sts);
	if (layout.type == PI_TYPE2)
		t.ref += lba;
	t.ref &= pi_ones(pi_ref_bits(&layout));
	return t;
}

static inline void put_tags(struct nvme_uring_cmd *cmd, const struct pi_tags *t)
{
	const struct pi_dwords d = pi_tags_pack(&layout, t);

	cmd->cdw2 = d.cdw2;
	cmd->cdw3 = d.cdw3;
	cmd->cdw14 = d.cdw14;
	cmd->cdw15 = d.cdw15;
}

/* Tags for a command: the right ones, seldom others; and masks. */
static inline struct pi_tags some_tags(uint64_t lba)
{
	static const uint16_t masks[] = {
		0xffff, 0xffff, 0xffff, 0, 0x00ff, 0xff00, 0x0f0f, 0x7fff, 0xfffe, 0xfeff, 0xff7f, 0x1234, 1,
	};
	static const uint16_t apps[] = { 0xffff, 0, 0x3412, 0x1235, 0xff34 };
	struct pi_tags t = tags_of(lba);

	t.app_mask = PICK(masks);
	if (chance(4))
		t.app = PICK(apps);
	if (chance(5))
		t.ref = (t.ref ^ 1ull << unit_random_below(48)) & pi_ones(pi_ref_bits(&layout));
	if (chance(5) && layout.sts)
		t.storage ^= 1ull << unit_random_below(layout.sts);
	return t;
}

/* --- blocks of the host --- */

/* Change one field of one tuple. */
static inline void damage(struct pi_fields *f)
{
	static const uint16_t apps[] = {
		0xffff, 0xffff, 0xffff, 0xfffe, 0xff34, 0x12ff, 0x7fff, 0, 0x1235, 0x9234, 0x1334, 0x12b4, 0x1034,
	};
	static const uint64_t values[] = { 0, UINT64_MAX };
	const unsigned bits = pi_ref_bits(&layout), guard = 8 * layout.format->guard_size;

	if (chance(30))
		f->app = PICK(apps);
	if (chance(30))
		f->guard = (chance(30) ? PICK(values) : f->guard ^ 1ull << unit_random_below(guard)) &
			   pi_ones(guard);
	if (bits && chance(20))
		f->ref ^= 1ull << unit_random_below(bits);
	if (bits && chance(20))
		f->ref = chance(50) ? pi_ones(bits) : f->ref | pi_ones(bits > 32 && chance(50) ? 32 : 16);
	f->ref &= pi_ones(bits);
	if (layout.sts && chance(20))
		f->storage = chance(70) ? f->storage ^ 1ull << unit_random_below(layout.sts) :
			     pi_ones(layout.sts);
}

static inline void fill(uint8_t *data, uint8_t *md, uint64_t lba, uint32_t nr, bool tuples)
{
	const size_t size = pi_block_size(&layout);
	const struct pi_tags t = layout.type ? tags_of(lba) : (struct pi_tags){ 0 };
	static const uint32_t few[] = { 0, 0, 1, 2, 8, 9, 64, 127, 128, 256 };

	for (size_t i = 0; i < (nr * size + 7) / 8; i++)
		((uint64_t *)data)[i] = unit_random() & (chance(50) ? UINT64_MAX : 0);
	for (uint32_t i = 0; i < nr; i++)
		data[i * size + layout.data_size - 1] = chance(20) ? 0x5a : unit_random();
	unit_random_fill(md, layout.extended ? 0 : (size_t)nr * layout.md_size);
	if (!tuples)
		return;
	pi_generate(&layout, &t, data, layout.extended ? NULL : md, nr);
	for (unsigned n = chance(50) ? 1 + unit_random_below(2) : 0; n; n--) {
		const uint32_t at = chance(60) ? PICK(few) : chance(30) ? nr - 1 : unit_random_below(nr);
		const uint32_t i = at < nr ? at : nr - 1;
		uint8_t *tuple = (layout.extended ? data + i * size + layout.data_size :
				  md + (size_t)i * layout.md_size) + pi_tuple_offset(&layout);
		struct pi_fields f = pi_tuple_get(&layout, tuple);

		damage(&f);
		pi_tuple_put(&layout, tuple, &f);
	}
}

/* --- commands --- */

static inline uint32_t some_number(bool many)
{
	static const uint32_t few[] = { 1, 1, 1, 2, 2, 3, 4, 5, 8, 10, 16 };
	static const uint32_t more[] = { 20, 64, 65, 96, 127, 128, 129, 130, 256, 257, 260, 300 };
	const uint32_t most = (512 << 10) / layout.data_size;
	const uint32_t limits[] = { most, most - 1, most + 1, most * 7 / 8, 1025, 4097, 8192 + 5, 65536 };

	if (!many || chance(70))
		return PICK(few);
	return chance(70) ? PICK(more) : limits[unit_random_below(chance(90) ? 4 : 8)];
}

static inline uint64_t some_lba(uint32_t nr)
{
	const uint32_t blocks = shape->blocks;
	static const uint64_t far[] = { 1ull << 32, (1ull << 32) + 8, UINT64_MAX, UINT64_MAX - 2 };

	if (chance(75))
		return unit_random_below(48);
	if (chance(8))
		return PICK(far);
	if (chance(50))
		return blocks - (nr < blocks ? nr : blocks) + (chance(70) ? 0 : unit_random_below(4));
	return blocks > 65600 ? 65530 + unit_random_below(16) : unit_random_below(400);
}

static inline uint32_t some_checks(void)
{
	uint32_t w = chance(30) ? 7u << 26 : chance(30) ? 0 : (uint32_t)unit_random_below(8) << 26;

	if (layout.type == PI_TYPE3 && chance(90))
		w &= ~PRCHK_REF;
	return w | (chance(60) ? STC : 0);
}

static inline void make_dsm(struct nvme_uring_cmd *cmd, uint8_t *list)
{
	static const unsigned many[] = { 1, 1, 2, 3, 65, 256 };
	const unsigned nr = PICK(many);
	struct nvme_dsm_range *r = (struct nvme_dsm_range *)list;

	for (unsigned i = 0; i < nr; i++)
		r[i] = (struct nvme_dsm_range) {
			.slba = htole64(unit_random_below(chance(2) ? 200000 : 60)),
			.nlb = htole32(unit_random_below(6)),
		};
	cmd->cdw10 = nr - 1;
	cmd->cdw11 = chance(80) ? 4 : 0;
	cmd->cdw12 = chance(10) ? 15u << 26 : 0;
	cmd->addr = (uintptr_t)list;
	cmd->data_len = nr * sizeof(*r);
}

/* A range of Copy with tags for its source. */
static inline uint64_t put_source(uint8_t *p, unsigned format, uint32_t nr)
{
	const uint64_t lba = chance(2) ? 65990 : unit_random_below(60), le = htole64(lba);
	const uint16_t nlb = htole16(nr - 1);
	const struct pi_tags t = layout.type ? some_tags(lba) : (struct pi_tags){ 0 };
	const struct pi_dwords d = layout.type ? pi_tags_pack(&layout, &t) : (struct pi_dwords){ 0 };
	const uint32_t space[] = { htobe32(d.cdw3), htobe32(d.cdw14) }, w15 = htole32(d.cdw15);
	const uint32_t w14 = htole32(d.cdw14), nsid = htole32(1);
	const uint16_t w2 = htobe16(d.cdw2);

	memset(p, 0, format & 1 ? 40 : 32);
	memcpy(p, &nsid, format > 1 ? 4 : 0);
	memcpy(p + 8, &le, 8);
	memcpy(p + 16, &nlb, 2);
	if (format & 1) {
		memcpy(p + 26, &w2, 2);
		memcpy(p + 28, space, 8);
	} else {
		memcpy(p + 24, &w14, 4);
	}
	memcpy(p + (format & 1 ? 36 : 28), &w15, 4);
	return lba;
}

static inline void make_copy(struct nvme_uring_cmd *cmd, uint8_t *list)
{
	static const unsigned many[] = { 1, 1, 2, 3, 3, 17, 128, 129 };
	const unsigned nr = PICK(many), fits = shape->f.pi && shape->f.pif ? 1 : 0;
	const unsigned format = chance(90) ? fits : unit_random_below(4), size = format & 1 ? 40 : 32;
	const uint32_t each = nr > 3 ? 1 : chance(15) ? 128 / nr + chance(30) : 1 + unit_random_below(6);
	const uint32_t pract = chance(40) ? PRACT | 1u << 15 : chance(5) ? PRACT : 0;
	uint64_t from = 0;
	struct pi_tags t;

	for (unsigned i = 0; i < nr; i++) {
		const uint64_t lba = put_source(list + i * size, format, each);

		from = i ? from : lba;
	}
	cmd->addr = (uintptr_t)list;
	cmd->data_len = nr * size;
	cmd->cdw10 = 100 + unit_random_below(100);
	cmd->cdw12 = (nr - 1) | format << 8 | (some_checks() >> 26 & 7) << 12 | some_checks() | pract |
		     (chance(50) ? 1u << 25 : 0);
	if (layout.type == PI_TYPE1 && chance(60))
		cmd->cdw12 &= ~(pract ? 0 : PRCHK_REF);
	if (!layout.type)
		return;
	t = some_tags(layout.type == PI_TYPE1 ? cmd->cdw10 : from);
	put_tags(cmd, &t);
}

/* Make a command that moves no data long, so that it reaches from blocks that nobody damages. */
static inline void lengthen(struct nvme_uring_cmd *cmd)
{
	static const uint32_t numbers[] = { 1025, 4097, 8197, 65536, 65536 };
	const uint32_t nr = PICK(numbers), lba = 64 + unit_random_below(300);

	cmd->cdw10 = nr < shape->blocks && shape->blocks - nr < lba ? shape->blocks - nr : lba;
	cmd->cdw11 = 0;
	cmd->cdw12 = (cmd->cdw12 & ~0xffffu) | (nr - 1);
	if (layout.type) {
		const struct pi_tags t = tags_of(cmd->cdw10);

		put_tags(cmd, &t);
	}
}

static inline struct nvme_uring_cmd some_command(unsigned slot, bool many)
{
	static const uint8_t opcodes[] = {
		1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 12, 12, 12, 5, 5, 5, 8, 8, 4, 9, 0x19, 0x19, 0, 0x7e,
	};
	struct nvme_uring_cmd cmd = { .opcode = PICK(opcodes), .nsid = chance(1) ? 2 : 1 };
	const uint32_t nr = some_number(many);
	const uint64_t lba = some_lba(nr);

	if (cmd.opcode == 9)
		make_dsm(&cmd, lists[slot]);
	else if (cmd.opcode == 0x19)
		make_copy(&cmd, lists[slot]);
	if (cmd.opcode == 9 || cmd.opcode == 0x19)
		return cmd;
	cmd.cdw10 = lba;
	cmd.cdw11 = lba >> 32;
	cmd.cdw12 = (nr - 1) | (cmd.opcode == 8 && chance(90) ? 0 : some_checks()) |
		    (chance(5) ? 1u << 30 : 0) | (chance(5) ? 1u << 31 : 0) |
		    (chance(cmd.opcode == 5 || cmd.opcode == 12 ? 5 : 30) ? PRACT : 0);
	if (cmd.opcode == 8 && chance(30))
		cmd.cdw12 |= 1u << 25;
	if (cmd.opcode == 0)
		cmd.nsid = chance(50) ? 1 : UINT32_MAX;
	if (layout.type) {
		const struct pi_tags t = some_tags(lba);

		put_tags(&cmd, &t);
	}
	if ((cmd.opcode == 12 || cmd.opcode == 8) && many && chance(8))
		lengthen(&cmd);
	return cmd;
}

static inline bool has_buffers(const struct nvme_uring_cmd *cmd)
{
	return cmd->opcode == 1 || cmd->opcode == 2 || cmd->opcode == 5;
}

#endif
