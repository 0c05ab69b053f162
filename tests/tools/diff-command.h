/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff-command.h - make a random command for a namespace from a seed and a number
 *
 * Command N of a seed does not depend on the commands before it, so any of them can be removed
 * when a sequence is reduced.  Blocks on media should carry known tags (diff_tags()); commands and
 * buffers use the same tags, except that a fixed share of them has one error each.
 */
#ifndef DIFF_COMMAND_H
#define DIFF_COMMAND_H

#include "diff-random.h"
#include "engines/nvme/nvme.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Size of a host's data or metadata buffer, bytes. */
#define DIFF_BUFFER (1u << 20)

/* Maximum blocks and bytes of a command, unless it is made too long on purpose. */
#define DIFF_BLOCKS 128u
#define DIFF_BYTES (512u << 10)

/* Maximum descriptors of a Copy or a Dataset Management command. */
#define DIFF_RANGES 256u

struct diff_range {
	uint64_t	lba;
	uint64_t	nr;
};

struct diff_command {
	const struct nvme_ns_info *info;
	uint64_t		seed;
	struct nvme_uring_cmd	cmd;		/* addresses are set for each side */
	uint8_t			*data, *md;	/* the host's, DIFF_BUFFER bytes each */
	bool			with_media;	/* Compare with what is on media, */
	bool			damage_byte;	/* with byte @md_byte of metadata changed, */
	uint32_t		md_byte;
	struct diff_random	damage;		/* or with a random error in one of four */
	bool			too_long;	/* NLB is larger than the buffers */
	struct diff_range	changes[DIFF_RANGES]; /* blocks that it may change */
	unsigned		nr_changes;
};

/* --- parts of commands --- */

/* Return the tags that blocks from @lba on should carry. */
static struct pi_tags diff_tags(const struct nvme_ns_info *info, uint64_t seed, uint64_t lba)
{
	struct diff_random r = { seed };
	const uint64_t mask = info->layout.type ? pi_ones(pi_ref_bits(&info->layout)) : 0;
	const uint16_t app = diff_below(&r, 0xfffe);
	uint64_t base = diff_draw(&r);

	if (diff_percent(&r, 25))
		base = mask - info->nr_blocks / 2;	/* type 2: wraps within the namespace */
	if (info->layout.type == PI_TYPE1)
		base = 0;
	return (struct pi_tags) {
		.ref = (info->layout.type == PI_TYPE3 ? base : base + lba) & mask,
		.app = app, .app_mask = 0xffff,
	};
}

static uint32_t diff_most_blocks(const struct nvme_ns_info *info)
{
	const uint32_t most = DIFF_BYTES / pi_block_size(&info->layout);

	return most < DIFF_BLOCKS ? most : DIFF_BLOCKS;
}

static uint32_t diff_number(struct diff_random *r, uint32_t most)
{
	const unsigned kind = diff_below(r, 100);

	if (kind < 75)
		most = most < 4 ? most : 4;
	else if (kind < 96)
		most = most < 16 ? most : 16;
	return 1 + diff_below(r, most);
}

/* Prefer the first and the last LBA; sometimes exceed the end or wrap around. */
static uint64_t diff_lba(struct diff_random *r, const struct nvme_ns_info *info, uint64_t nr)
{
	const uint64_t last = info->nr_blocks - nr;
	const unsigned kind = diff_below(r, 200);

	if (kind < 14)
		return 0;
	if (kind < 28)
		return last;
	if (kind < 32)
		return last + 1 + diff_below(r, nr);
	if (kind < 34)
		return UINT64_MAX - diff_below(r, nr + 1);
	return kind < 35 ? diff_draw(r) : diff_below(r, last + 1);
}

static unsigned diff_prchk(struct diff_random *r, const struct nvme_ns_info *info)
{
	unsigned prchk = diff_below(r, 8);

	if (info->layout.type == PI_TYPE3 && !diff_percent(r, 10))
		prchk &= ~PI_REF;
	return prchk;
}

static uint16_t diff_mask(struct diff_random *r)
{
	return diff_percent(r, 70) ? 0xffff : diff_percent(r, 30) ? 0 : diff_draw(r);
}

/* Return the tags of a command for blocks from @lba on; one in twenty has an error in one field. */
static struct pi_tags diff_command_tags(struct diff_random *r, const struct diff_command *c,
					uint64_t lba)
{
	struct pi_tags t = diff_tags(c->info, c->seed, lba);
	const unsigned kind = diff_below(r, 40);

	t.app_mask = diff_mask(r);
	if (kind == 0)
		t.app ^= 1 << diff_below(r, 16);
	else if (kind == 1)
		t.ref ^= 1ULL << diff_below(r, pi_ref_bits(&c->info->layout));
	return t;
}

static void diff_set_tags(struct diff_command *c, const struct pi_tags *t)
{
	const struct pi_dwords d = pi_tags_pack(&c->info->layout, t);

	c->cmd.cdw2 = d.cdw2;
	c->cmd.cdw3 = d.cdw3;
	c->cmd.cdw14 = d.cdw14;
	c->cmd.cdw15 = d.cdw15;
}

static void diff_set_range(struct nvme_uring_cmd *cmd, uint64_t lba, uint32_t nr)
{
	cmd->cdw10 = lba;
	cmd->cdw11 = lba >> 32;
	cmd->cdw12 |= (nr - 1) & 0xffff;
}

static struct diff_range diff_get_range(const struct nvme_uring_cmd *cmd)
{
	return (struct diff_range) {
		.lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
		.nr = (cmd->cdw12 & 0xffff) + 1,
	};
}

#define DIFF_PRACT(cmd) ((cmd)->cdw12 >> 29 & 1)
#define DIFF_PRCHK(cmd) ((cmd)->cdw12 >> 26 & 7)

/* --- buffers --- */

/* Return the metadata of block @i in the host's buffers; all of it must be transferred. */
static uint8_t *diff_md_at(struct diff_command *c, uint32_t i)
{
	const struct pi_layout *l = &c->info->layout;

	if (l->extended)
		return c->data + i * pi_block_size(l) + l->data_size;
	return c->md + (size_t)i * l->md_size;
}

/* Change one field or byte of one of @nr blocks. */
static void diff_damage(struct diff_random *r, struct diff_command *c, uint32_t nr)
{
	const struct pi_layout *l = &c->info->layout;
	const uint32_t i = diff_below(r, nr);
	uint8_t *md = diff_md_at(c, i), *tuple = md + pi_tuple_offset(l);
	struct pi_fields f = pi_tuple_get(l, tuple);

	switch (diff_below(r, 8)) {
	case 0:
		f.guard ^= 1ULL << diff_below(r, 8 * l->format->guard_size);
		break;
	case 1:
		f.app ^= 1 << diff_below(r, 16);
		break;
	case 2:
		f.ref ^= 1ULL << diff_below(r, pi_ref_bits(l));
		break;
	case 3:			/* escapes with all types */
		f.ref = pi_ones(pi_ref_bits(l));
		/* fall through */
	case 4:			/* escapes with types 1 and 2 */
		f.app = 0xffff;
		f.guard = diff_draw(r);
		break;
	case 5:			/* this byte may belong to the tuple */
		md[diff_below(r, l->md_size)] ^= 1;
		return;
	default:
		c->data[i * pi_block_size(l) + diff_below(r, l->data_size)] ^= 1;
		return;
	}
	pi_tuple_put(l, tuple, &f);
}

/* Fill the buffers with correct blocks, some with zero data.  All metadata must be transferred. */
static void diff_fill_blocks(struct diff_random *r, struct diff_command *c, uint64_t lba,
			     uint32_t nr)
{
	const struct pi_layout *l = &c->info->layout;
	const struct pi_tags tags = diff_tags(c->info, c->seed, lba);

	for (uint32_t i = 0; i < nr; i++) {
		uint8_t *data = c->data + i * pi_block_size(l);

		if (diff_percent(r, 8))
			memset(data, 0, l->data_size);
		else
			diff_fill(r, data, l->data_size);
		diff_fill(r, diff_md_at(c, i), l->md_size);
	}
	pi_generate(l, &tags, c->data, c->md, nr);
}

/* Fill the buffers of a Write with the parts of blocks that are transferred. */
static void diff_write_buffers(struct diff_random *r, struct diff_command *c, uint32_t nr)
{
	const struct nvme_wire wire = nvme_wire(&c->info->layout, DIFF_PRACT(&c->cmd));

	if (wire.pi) {
		diff_fill_blocks(r, c, diff_get_range(&c->cmd).lba, nr);
		if (diff_percent(r, 12))
			diff_damage(r, c, nr);
	} else if (diff_percent(r, 8)) {
		memset(c->data, 0, c->cmd.data_len);
	} else {
		diff_fill(r, c->data, c->cmd.data_len);
	}
}

static void diff_buffer_sizes(struct diff_command *c, uint32_t nr)
{
	const struct nvme_wire wire = nvme_wire(&c->info->layout, DIFF_PRACT(&c->cmd));

	c->cmd.data_len = nr * wire.data;
	c->cmd.metadata_len = nr * wire.md;
}

/* --- the commands --- */

typedef void diff_make_fn(struct diff_random *r, struct diff_command *c);

/* Set the SLBA, NLB, PRINFO and tags that most commands have.  Returns the number of blocks. */
static uint32_t diff_common(struct diff_random *r, struct diff_command *c, unsigned pract_percent)
{
	const uint32_t nr = diff_number(r, diff_most_blocks(c->info));
	const uint64_t lba = diff_lba(r, c->info, nr);
	const struct pi_tags tags = diff_command_tags(r, c, lba);

	diff_set_range(&c->cmd, lba, nr);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= diff_prchk(r, c->info) << 26;
	c->cmd.cdw12 |= (uint32_t)diff_percent(r, pract_percent) << 29;
	c->cmd.cdw12 |= (uint32_t)diff_percent(r, 5) << 30 | (uint32_t)diff_percent(r, 5) << 31;
	return nr;
}

static void diff_change(struct diff_command *c, uint64_t lba, uint64_t nr)
{
	c->changes[c->nr_changes++] = (struct diff_range){ lba, nr };
}

/*
 * Sometimes ask for more blocks than MDTS or VSL allows.  The buffer then has only one block,
 * because the controller must refuse the command before it accesses the buffer.
 */
static bool diff_too_long(struct diff_random *r, struct diff_command *c)
{
	const uint32_t limit = DIFF_BYTES / c->info->layout.data_size;

	c->too_long = diff_percent(r, 1);
	if (c->too_long) {
		c->cmd.cdw12 |= 0xffff;
		c->cmd.cdw12 -= diff_below(r, 0xffff - limit);
	}
	return c->too_long;
}

static void diff_make_read(struct diff_random *r, struct diff_command *c)
{
	uint32_t nr = diff_common(r, c, 35);

	if (diff_too_long(r, c))
		nr = 1;
	diff_buffer_sizes(c, nr);
	memset(c->data, 0xa5, c->cmd.data_len);
	memset(c->md, 0xa5, c->cmd.metadata_len);
}

static void diff_make_write(struct diff_random *r, struct diff_command *c)
{
	uint32_t nr = diff_common(r, c, 35);
	const uint64_t lba = diff_get_range(&c->cmd).lba;

	diff_change(c, lba, nr);
	if (diff_too_long(r, c))
		nr = 1;
	diff_buffer_sizes(c, nr);
	diff_write_buffers(r, c, nr);
}

static void diff_make_verify(struct diff_random *r, struct diff_command *c)
{
	diff_common(r, c, 3);
	diff_too_long(r, c);
}

static void diff_make_compare(struct diff_random *r, struct diff_command *c)
{
	uint32_t nr = diff_common(r, c, 0);

	c->with_media = true;
	c->damage = *r;
	if (diff_too_long(r, c)) {
		c->with_media = false;
		nr = 1;
	}
	diff_buffer_sizes(c, nr);
	c->cmd.cdw12 |= (uint32_t)diff_percent(r, 3) << 29;
}

static void diff_make_flush(struct diff_random *r, struct diff_command *c)
{
	(void)r;
	(void)c;
}

/*
 * Extend the range to whole 4 KiB pages in most cases: what happens to a part of a page depends on
 * QEMU's file system.
 */
static void diff_align(struct diff_random *r, const struct nvme_ns_info *info, uint64_t *lba,
			      uint64_t *nr)
{
	const uint64_t page = info->layout.data_size < 4096 ? 4096 / info->layout.data_size : 1;

	if (*lba < info->nr_blocks && diff_percent(r, 95)) {
		*lba -= *lba % page;
		*nr += page - 1 - (*nr - 1) % page;
	}
}

static void diff_make_zeroes(struct diff_random *r, struct diff_command *c)
{
	uint64_t nr = diff_common(r, c, 35);
	uint64_t lba = diff_get_range(&c->cmd).lba;
	struct pi_tags tags;

	if (!DIFF_PRACT(&c->cmd))
		diff_align(r, c->info, &lba, &nr);
	tags = diff_command_tags(r, c, lba);
	c->cmd.cdw12 &= ~0xffffu;
	diff_set_range(&c->cmd, lba, nr);
	diff_set_tags(c, &tags);
	if (!diff_percent(r, 10))
		c->cmd.cdw12 &= ~(7u << 26);
	c->cmd.cdw12 |= (uint32_t)diff_percent(r, 50) << 25;	/* DEAC */
	diff_change(c, lba, nr);
}

static void diff_make_uncorrectable(struct diff_random *r, struct diff_command *c)
{
	const uint32_t nr = diff_number(r, diff_most_blocks(c->info));
	const uint64_t lba = diff_lba(r, c->info, nr);

	diff_set_range(&c->cmd, lba, nr);
	diff_change(c, lba, nr);
}

static void diff_make_dsm(struct diff_random *r, struct diff_command *c)
{
	const unsigned nr_ranges = 1 + diff_below(r, diff_percent(r, 2) ? DIFF_RANGES : 4);
	struct nvme_dsm_range *ranges = (void *)c->data;

	for (unsigned i = 0; i < nr_ranges; i++) {
		uint64_t nr = diff_percent(r, 3) ? 0 : diff_number(r, DIFF_BLOCKS);
		uint64_t lba = diff_below(r, c->info->nr_blocks - nr + 1);

		if (diff_percent(r, 2))
			lba = diff_lba(r, c->info, nr ? nr : 1);
		diff_align(r, c->info, &lba, &nr);
		ranges[i] = (struct nvme_dsm_range){ 0, htole32(nr), htole64(lba) };
		diff_change(c, lba, nr);
	}
	c->cmd.cdw10 = nr_ranges - 1;
	c->cmd.cdw11 = diff_below(r, 4) | (diff_percent(r, 92) ? NVME_DSMGMT_AD : 0);
	c->cmd.data_len = nr_ranges * sizeof(*ranges);
}

/* --- Copy --- */

struct diff_copy {
	unsigned	format, nr;
	size_t		size;		/* size of a descriptor, bytes */
};

/* Return a Copy of @nr ranges, in the descriptor format that the namespace's guard requires. */
static struct diff_copy diff_copy_of(const struct nvme_ns_info *info, unsigned nr)
{
	return (struct diff_copy) {
		.format = info->pif != 0, .nr = nr, .size = info->pif ? 40 : 32,
	};
}

/* Write a Source Range Entry; tags are little-endian in formats 0 and 2, big-endian in 1 and 3. */
static void diff_put_source(const struct nvme_ns_info *info, const struct diff_copy *copy,
			    uint8_t *p, const struct diff_range *from,
			    const struct pi_tags *t)
{
	const struct pi_dwords d = pi_tags_pack(&info->layout, t);
	const uint64_t lba = htole64(from->lba);
	const uint32_t cdw15 = htole32(d.cdw15), cdw14 = htole32(d.cdw14);
	const uint32_t nsid = htole32(info->nsid);
	const uint16_t nlb = htole16(from->nr - 1), high = htobe16(d.cdw2);
	const uint64_t low = htobe64((uint64_t)d.cdw3 << 32 | d.cdw14);

	memset(p, 0, copy->size);
	if (copy->format >= 2)
		memcpy(p, &nsid, 4);
	memcpy(p + 8, &lba, 8);
	memcpy(p + 16, &nlb, 2);
	if (copy->format & 1) {
		memcpy(p + 26, &high, 2);
		memcpy(p + 28, &low, 8);
	} else {
		memcpy(p + 24, &cdw14, 4);
	}
	memcpy(p + copy->size - 4, &cdw15, 4);
}

/* Make at most one error in a Copy: the specification does not say which of two is reported. */
enum diff_copy_fault {
	COPY_GOOD, COPY_FORMAT, COPY_RANGES, COPY_LENGTH, COPY_SUM, COPY_PRACT, COPY_FAULTS
};

static void diff_make_copy(struct diff_random *r, struct diff_command *c)
{
	const enum diff_copy_fault fault = diff_percent(r, 8) ? diff_below(r, COPY_FAULTS) : 0;
	const bool pract = diff_percent(r, 80);
	struct diff_copy copy = diff_copy_of(c->info, 1 + diff_below(r, 4));
	uint64_t total = 0, to;
	struct pi_tags tags;

	if (fault == COPY_FORMAT)
		copy.format = diff_percent(r, 50) ? !copy.format : 4 + diff_below(r, 12);
	if (fault == COPY_RANGES)
		copy.nr = 129 + diff_below(r, 128);
	copy.size = copy.format & 1 ? 40 : 32;
	for (unsigned i = 0; i < copy.nr; i++) {
		struct diff_range from = { .nr = diff_number(r, 16) };

		if (fault == COPY_LENGTH && i == copy.nr - 1)
			from.nr = DIFF_BLOCKS + 1 + diff_below(r, 50);
		if (fault == COPY_SUM)
			from.nr = DIFF_BLOCKS - i;
		from.lba = diff_below(r, c->info->nr_blocks - from.nr + 1);
		if (diff_percent(r, 1))
			from.lba = diff_lba(r, c->info, from.nr);
		tags = diff_command_tags(r, c, from.lba);
		diff_put_source(c->info, &copy, c->data + i * copy.size, &from, &tags);
		total += from.nr;
	}
	to = diff_lba(r, c->info, total < c->info->nr_blocks ? total : c->info->nr_blocks);
	tags = diff_command_tags(r, c, to);
	diff_set_range(&c->cmd, to, 1);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 = (copy.nr - 1) | copy.format << 8;
	c->cmd.cdw12 |= diff_prchk(r, c->info) << 12 | (uint32_t)pract << 15;
	c->cmd.cdw12 |= diff_prchk(r, c->info) << 26;
	c->cmd.cdw12 |= (uint32_t)(pract ^ (fault == COPY_PRACT)) << 29;
	if (!pract && c->info->layout.type == PI_TYPE1 && !diff_percent(r, 10))
		c->cmd.cdw12 &= ~(1u << 26);	/* copied tuples keep the tags of their old LBAs */
	c->cmd.data_len = copy.nr * copy.size;
	diff_change(c, to, total);
}

/* --- the table of commands --- */

static const struct diff_kind {
	uint8_t		opcode;
	const char	*name;
	unsigned	weight;
	diff_make_fn	*make;
} diff_kinds[] = {
	{ nvme_cmd_read,	 "read",		34, diff_make_read },
	{ nvme_cmd_write,	 "write",		34, diff_make_write },
	{ nvme_cmd_verify,	 "verify",		9,  diff_make_verify },
	{ nvme_cmd_compare,	 "compare",		8,  diff_make_compare },
	{ nvme_cmd_copy,	 "copy",		7,  diff_make_copy },
	{ nvme_cmd_write_zeroes, "write_zeroes",	4,  diff_make_zeroes },
	{ nvme_cmd_dsm,		 "dsm",			2,  diff_make_dsm },
	{ nvme_cmd_write_uncor,	 "write_uncorrectable", 1,  diff_make_uncorrectable },
	{ nvme_cmd_flush,	 "flush",		1,  diff_make_flush },
};
enum { DIFF_KINDS = sizeof(diff_kinds) / sizeof(diff_kinds[0]) };

static const struct diff_kind *diff_kind_of(const struct nvme_uring_cmd *cmd)
{
	unsigned i = 0;

	while (diff_kinds[i].opcode != cmd->opcode)
		i++;
	return &diff_kinds[i];
}

static void diff_start(struct diff_command *c, uint8_t opcode)
{
	*c = (struct diff_command) {
		.info = c->info, .seed = c->seed, .data = c->data, .md = c->md,
	};
	c->cmd.opcode = opcode;
	c->cmd.nsid = c->info->nsid;
}

/* Make command @number of the seed.  The caller sets @c's info, seed and buffers. */
static void diff_make(struct diff_command *c, uint64_t number)
{
	struct diff_random r = { c->seed ^ number * 0xd1342543de82ef95 };
	unsigned at, i = 0;

	diff_draw(&r);
	for (at = diff_below(&r, 100); at >= diff_kinds[i].weight; i++)
		at -= diff_kinds[i].weight;
	diff_start(c, diff_kinds[i].opcode);
	diff_kinds[i].make(&r, c);
}

#endif
