/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff-known.h - known differences between QEMU's controller and the specification
 *
 * Each entry has a command that shows the difference, as text and as code.  --known sends these
 * commands, so entries that are no longer true are noticed.  For random commands a difference is
 * accepted if an entry matches it; the affected blocks are then written again on both sides.
 */
#ifndef DIFF_KNOWN_H
#define DIFF_KNOWN_H

#include "diff-command.h"

enum diff_side { SIDE_QEMU, SIDE_OWN, SIDES };

/* The result of a command on both sides. */
struct diff_outcome {
	int	status[SIDES];
	bool	same_media;		/* the blocks that it may have changed are equal */
	uint8_t	byte[SIDES];		/* the first byte read that differs */
	bool	deallocated;		/* a block was deallocated before */
};

/* Return the status as used in the table: SC and SCT. */
static int diff_code(int status)
{
	return status < 0 ? status : status & NVME_ST_MASK;
}

static int diff_qemu(const struct diff_outcome *o)
{
	return diff_code(o->status[SIDE_QEMU]);
}

static int diff_own(const struct diff_outcome *o)
{
	return diff_code(o->status[SIDE_OWN]);
}

static bool diff_both_good(const struct diff_outcome *o)
{
	return !o->status[SIDE_QEMU] && !o->status[SIDE_OWN];
}

static bool diff_is_compare(const struct diff_command *c)
{
	return c->cmd.opcode == nvme_cmd_compare;
}

static bool diff_is_check(int code)
{
	return code == NVME_ST_GUARD || code == NVME_ST_APP || code == NVME_ST_REF;
}

/* Return true if there is metadata outside the tuple. */
static bool diff_more_md(const struct nvme_ns_info *info)
{
	return info->layout.md_size > info->layout.format->tuple_size;
}

static bool diff_small_blocks(const struct nvme_ns_info *info)
{
	return info->layout.data_size < 4096;
}

/* --- conditions on the format --- */

static bool diff_any(const struct nvme_ns_info *info)
{
	(void)info;
	return true;
}

static bool diff_type2(const struct nvme_ns_info *info)
{
	return info->layout.type == PI_TYPE2;
}

static bool diff_not_type2(const struct nvme_ns_info *info)
{
	return info->layout.type != PI_TYPE2;
}

static bool diff_type1_of_64b(const struct nvme_ns_info *info)
{
	return info->layout.type == PI_TYPE1 && info->pif;
}

/* In these formats the guard of a zero block is not the guard of 4096 zero bytes. */
static bool diff_other_zeroes(const struct nvme_ns_info *info)
{
	return info->pif && (info->layout.data_size != 4096 || pi_tuple_offset(&info->layout));
}

static bool diff_last_of_more(const struct nvme_ns_info *info)
{
	return diff_more_md(info) && !info->layout.first;
}

/* --- what a command checks --- */

/* Blocks whose tuples a command checks, and the reference tag of the first one. */
struct diff_part {
	uint64_t	lba;
	uint64_t	nr;
	uint64_t	ref;
};

static uint64_t diff_get_ref(const struct nvme_ns_info *info, const struct pi_dwords *d)
{
	return pi_tags_unpack(&info->layout, d, 0).ref;
}

/* Decode what diff_put_source() wrote. */
static struct diff_part diff_get_source(const struct nvme_ns_info *info, const uint8_t *p)
{
	struct pi_dwords d = { 0 };
	uint64_t lba, low;
	uint16_t nlb;

	memcpy(&lba, p + 8, 8);
	memcpy(&nlb, p + 16, 2);
	if (info->pif) {
		memcpy(&low, p + 28, 8);
		d.cdw3 = be64toh(low) >> 32;
		d.cdw14 = be64toh(low);
	} else {
		memcpy(&d.cdw14, p + 24, 4);
		d.cdw14 = le32toh(d.cdw14);
	}
	return (struct diff_part){ le64toh(lba), le16toh(nlb) + 1u, diff_get_ref(info, &d) };
}

typedef bool diff_part_fn(const struct nvme_ns_info *info, const struct diff_part *part);

/* Return true if @has is true for a part of a command; for Copy, a source or the destination. */
static bool diff_any_part(const struct diff_command *c, diff_part_fn *has)
{
	const struct pi_dwords d = { c->cmd.cdw2, c->cmd.cdw3, c->cmd.cdw14, c->cmd.cdw15 };
	const unsigned size = c->info->pif ? 40 : 32;
	const struct diff_range r = diff_get_range(&c->cmd);
	struct diff_part part = { r.lba, r.nr, diff_get_ref(c->info, &d) };

	if (c->cmd.opcode != nvme_cmd_copy)
		return has(c->info, &part);
	part.nr = c->changes[0].nr;
	if (has(c->info, &part))
		return true;
	for (unsigned i = 0; i < c->cmd.data_len / size; i++) {
		part = diff_get_source(c->info, c->data + i * size);
		if (has(c->info, &part))
			return true;
	}
	return false;
}

/* --- LBA 0 --- */

static bool diff_starts_at_0(const struct nvme_ns_info *info, const struct diff_part *part)
{
	(void)info;
	return !part->lba;
}

static bool diff_is_block0(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_own(o) == NVME_ST_GUARD && diff_qemu(o) != NVME_ST_GUARD &&
	       diff_any_part(c, diff_starts_at_0);
}

static void diff_show_block0(struct diff_command *c)
{
	const struct pi_tags tags = diff_tags(c->info, c->seed, 0);
	struct diff_random r = { c->seed };

	diff_start(c, nvme_cmd_write);
	diff_set_range(&c->cmd, 0, 1);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= PI_GUARD << 26;
	diff_buffer_sizes(c, 1);
	diff_fill_blocks(&r, c, 0, 1);
	c->data[100] ^= 1;
	c->data[101] |= 1;
	diff_change(c, 0, 1);
}

/* --- the width of the reference tag --- */

static bool diff_part_wraps(const struct nvme_ns_info *info, const struct diff_part *part)
{
	return part->ref + part->nr - 1 > pi_ones(pi_ref_bits(&info->layout));
}

/*
 * QEMU's Copy has one status for all failed checks (see diff_is_copy_status()); and if it fails at
 * an earlier range than it should, it copies less.
 */
static bool diff_is_wrap(const struct diff_command *c, const struct diff_outcome *o)
{
	const int status = c->cmd.opcode == nvme_cmd_copy ? 0x006 : NVME_ST_REF;

	return c->info->layout.type == PI_TYPE2 && diff_qemu(o) == status &&
	       (diff_own(o) != NVME_ST_REF || !o->same_media) && diff_any_part(c, diff_part_wraps);
}

/* Write two correct blocks whose reference tags are all ones and zero. */
static void diff_show_wrap(struct diff_command *c)
{
	const struct pi_tags tags = {
		.ref = pi_ones(pi_ref_bits(&c->info->layout)), .app = 1, .app_mask = 0xffff,
	};
	struct diff_random r = { c->seed };

	diff_start(c, nvme_cmd_write);
	diff_set_range(&c->cmd, 0, 2);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= PI_REF << 26;
	diff_buffer_sizes(c, 2);
	diff_fill_blocks(&r, c, 0, 2);
	pi_generate(&c->info->layout, &tags, c->data, c->md, 2);
	diff_change(c, 0, 2);
}

/* --- PRACT --- */

/*
 * Does QEMU refuse the reference tag check of a Write or Copy with PRACT?  Its Copy does so when
 * it processes a range, and has one status for all errors (see diff_is_copy_status()).
 */
static bool diff_is_pract(const struct diff_command *c, const struct diff_outcome *o)
{
	const struct pi_dwords d = { c->cmd.cdw2, c->cmd.cdw3, c->cmd.cdw14, c->cmd.cdw15 };
	const struct pi_layout *l = &c->info->layout;
	const uint64_t slba = diff_get_range(&c->cmd).lba & pi_ones(pi_ref_bits(l));

	if (!DIFF_PRACT(&c->cmd) || !(DIFF_PRCHK(&c->cmd) & PI_REF) || l->type == PI_TYPE2 ||
	    (l->type == PI_TYPE1 && diff_get_ref(c->info, &d) == slba))
		return false;
	if (c->cmd.opcode == nvme_cmd_write)
		return diff_qemu(o) == NVME_ST_INVALID_PI && diff_own(o) != NVME_ST_INVALID_PI;
	return c->cmd.opcode == nvme_cmd_copy && diff_qemu(o) == 0x006;
}

/* Type 3 does not allow this check; for type 1 the tag is not equal to the SLBA. */
static void diff_show_pract(struct diff_command *c)
{
	const struct pi_tags tags = { .ref = 9, .app = 1, .app_mask = 0xffff };
	struct diff_random r = { c->seed };

	diff_start(c, nvme_cmd_write);
	diff_set_range(&c->cmd, 0, 1);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= PI_REF << 26 | 1u << 29;
	diff_buffer_sizes(c, 1);
	diff_fill(&r, c->data, c->cmd.data_len);
	diff_change(c, 0, 1);
}

/* --- Write Zeroes --- */

static bool diff_is_zeroes(const struct diff_command *c, const struct diff_outcome *o, bool pract)
{
	return c->cmd.opcode == nvme_cmd_write_zeroes && !!DIFF_PRACT(&c->cmd) == pract &&
	       diff_both_good(o) && !o->same_media;
}

/* The tuple is all ones. */
static bool diff_is_zeroes_hole(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_zeroes(c, o, true) && o->byte[SIDE_QEMU] == 0xff;
}

static bool diff_is_zeroes_guard(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_zeroes(c, o, true);
}

static bool diff_is_zeroes_md(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_zeroes(c, o, false);
}

static void diff_show_zeroes(struct diff_command *c, uint64_t lba, bool pract)
{
	const struct pi_tags tags = diff_tags(c->info, c->seed, lba);

	diff_start(c, nvme_cmd_write_zeroes);
	diff_set_range(&c->cmd, lba, 8);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= (uint32_t)pract << 29;
	diff_change(c, lba, 8);
}

/* The blocks from LBA 16 on were never written. */
static void diff_show_zeroes_hole(struct diff_command *c)
{
	diff_show_zeroes(c, 16, true);
}

static void diff_show_zeroes_guard(struct diff_command *c)
{
	diff_show_zeroes(c, 0, true);
}

static void diff_show_zeroes_md(struct diff_command *c)
{
	diff_show_zeroes(c, 0, false);
}

/* --- Dataset Management --- */

/* Return true if a range does not begin and end at a page boundary of QEMU's file. */
static bool diff_has_part_page(const struct diff_command *c)
{
	const uint32_t size = c->info->layout.data_size;

	for (unsigned i = 0; i < c->nr_changes; i++)
		if (c->changes[i].lba * size % 4096 || c->changes[i].nr * size % 4096)
			return true;
	return false;
}

static bool diff_is_part_page(const struct diff_command *c, const struct diff_outcome *o)
{
	const bool dsm = c->cmd.opcode == nvme_cmd_dsm && diff_both_good(o);

	return (dsm || diff_is_zeroes(c, o, false)) && !o->same_media && diff_has_part_page(c);
}

static void diff_show_dsm(struct diff_command *c, uint64_t lba, uint32_t nr)
{
	diff_start(c, nvme_cmd_dsm);
	*(struct nvme_dsm_range *)c->data = (struct nvme_dsm_range){ 0, htole32(nr), htole64(lba) };
	c->cmd.cdw11 = NVME_DSMGMT_AD;
	c->cmd.data_len = sizeof(struct nvme_dsm_range);
	diff_change(c, lba, nr);
}

static void diff_show_part_page(struct diff_command *c)
{
	diff_show_dsm(c, 1, 1);
}

static bool diff_is_dsm_range(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_dsm && !o->status[SIDE_QEMU] && diff_own(o) == 0x80;
}

static void diff_show_dsm_range(struct diff_command *c)
{
	diff_show_dsm(c, c->info->nr_blocks - 1, 2);
}

/* --- Compare --- */

static bool diff_is_compare_tuple(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_compare(c) && diff_qemu(o) == NVME_ST_COMPARE &&
	       (!o->status[SIDE_OWN] || diff_is_check(diff_own(o)));
}

static bool diff_is_compare_dnr(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_compare(c) && diff_own(o) == NVME_ST_COMPARE &&
	       o->status[SIDE_QEMU] == (o->status[SIDE_OWN] | NVME_ST_DNR);
}

static bool diff_is_compare_md(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_compare(c) && diff_more_md(c->info) && !c->info->layout.first &&
	       !o->status[SIDE_QEMU] && (diff_own(o) == NVME_ST_COMPARE ||
					 diff_own(o) == NVME_ST_GUARD);
}

static bool diff_is_compare_deallocated(const struct diff_command *c, const struct diff_outcome *o)
{
	return diff_is_compare(c) && o->deallocated && diff_is_check(diff_qemu(o)) &&
	       diff_qemu(o) != diff_own(o);
}

static void diff_show_compare(struct diff_command *c, uint64_t lba, unsigned prchk)
{
	const struct pi_tags tags = diff_tags(c->info, c->seed, lba);

	diff_start(c, nvme_cmd_compare);
	diff_set_range(&c->cmd, lba, 1);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= prchk << 26;
	diff_buffer_sizes(c, 1);
}

/* Compare with LBA 8, which --known wrote before, but with one byte of metadata changed. */
static void diff_show_compare_byte(struct diff_command *c, uint32_t byte)
{
	diff_show_compare(c, 8, 0);
	c->with_media = c->damage_byte = true;
	c->md_byte = byte;
}

static void diff_show_compare_tuple(struct diff_command *c)
{
	diff_show_compare_byte(c, pi_tuple_offset(&c->info->layout));
}

static void diff_show_compare_md(struct diff_command *c)
{
	diff_show_compare_byte(c, 0);
}

/* LBA 8 is not all zero. */
static void diff_show_compare_dnr(struct diff_command *c)
{
	diff_show_compare(c, 8, 0);
	memset(c->data, 0, DIFF_BUFFER);
	memset(c->md, 0, DIFF_BUFFER);
}

/* LBA 16 was never written. */
static void diff_show_compare_deallocated(struct diff_command *c)
{
	diff_show_compare(c, 16, PI_APP | PI_GUARD);
	memset(c->data, 0, DIFF_BUFFER);
	memset(c->md, 0, DIFF_BUFFER);
	memset(diff_md_at(c, 0) + pi_tuple_offset(&c->info->layout), 0xff,
	       c->info->layout.format->tuple_size);
}

/* --- Verify --- */

/* The status is the only sign: no LBA that exists has more than 32 bits. */
static bool diff_is_verify_tag(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_verify && diff_type1_of_64b(c->info) &&
	       DIFF_PRCHK(&c->cmd) & PI_REF && (c->cmd.cdw11 || c->cmd.cdw3) &&
	       (diff_qemu(o) == NVME_ST_INVALID_PI) !=
	       (diff_own(o) == NVME_ST_INVALID_PI);
}

static void diff_show_verify_tag(struct diff_command *c)
{
	const uint64_t lba = 1ULL << 32;
	const struct pi_tags tags = diff_tags(c->info, c->seed, lba);

	diff_start(c, nvme_cmd_verify);
	diff_set_range(&c->cmd, lba, 1);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= PI_REF << 26;
}

static bool diff_is_verify_pract(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_verify && DIFF_PRACT(&c->cmd) &&
	       diff_qemu(o) == NVME_ST_INVALID_PI && diff_own(o) == 0x002;
}

static void diff_show_verify(struct diff_command *c, uint32_t nr, bool pract)
{
	const struct pi_tags tags = diff_tags(c->info, c->seed, 0);

	diff_start(c, nvme_cmd_verify);
	diff_set_range(&c->cmd, 0, nr);
	diff_set_tags(c, &tags);
	c->cmd.cdw12 |= (uint32_t)pract << 29;
}

static void diff_show_verify_pract(struct diff_command *c)
{
	diff_show_verify(c, 1, true);
}

static bool diff_is_verify_size(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_verify && diff_qemu(o) == 0x002 && diff_own(o) != 0x002 &&
	       diff_get_range(&c->cmd).nr * pi_block_size(&c->info->layout) > DIFF_BYTES;
}

static void diff_show_verify_size(struct diff_command *c)
{
	diff_show_verify(c, DIFF_BYTES / c->info->layout.data_size + 1, false);
}

/* --- other commands --- */

static bool diff_is_uncorrectable(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_write_uncor && diff_qemu(o) == 0x001;
}

static void diff_show_uncorrectable(struct diff_command *c)
{
	diff_start(c, nvme_cmd_write_uncor);
	diff_set_range(&c->cmd, 0, 1);
	diff_change(c, 0, 1);
}

static bool diff_is_copy_format(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_copy && diff_qemu(o) == 0x10a && diff_own(o) == 0x00b;
}

static bool diff_is_copy_sum(const struct diff_command *c, const struct diff_outcome *o)
{
	return c->cmd.opcode == nvme_cmd_copy && diff_own(o) == 0x183;
}

/* Both sides have copied the ranges before the one that fails, so the media is equal. */
static bool diff_is_copy_status(const struct diff_command *c, const struct diff_outcome *o)
{
	const int own = diff_own(o);

	return c->cmd.opcode == nvme_cmd_copy && diff_qemu(o) == 0x006 && o->same_media &&
	       (diff_is_check(own) || own == NVME_ST_INVALID_PI || own == 0x080);
}

/* The destination is one block past the end. */
static void diff_show_copy_status(struct diff_command *c)
{
	const struct diff_copy copy = diff_copy_of(c->info, 1);
	const struct diff_range from = { 0, 1 };
	const struct pi_tags tags = diff_tags(c->info, c->seed, 0);

	diff_start(c, nvme_cmd_copy);
	diff_put_source(c->info, &copy, c->data, &from, &tags);
	diff_set_range(&c->cmd, c->info->nr_blocks, 1);
	c->cmd.cdw12 = copy.format << 8;
	c->cmd.data_len = copy.size;
	diff_change(c, c->info->nr_blocks, 1);
}

/* Use the descriptor format for the other guard width. */
static void diff_show_copy_format(struct diff_command *c)
{
	struct diff_copy copy = diff_copy_of(c->info, 1);
	const struct diff_range from = { 0, 1 };
	const struct pi_tags tags = diff_tags(c->info, c->seed, 0);

	copy.format = !copy.format;
	copy.size = copy.format ? 40 : 32;
	diff_start(c, nvme_cmd_copy);
	diff_put_source(c->info, &copy, c->data, &from, &tags);
	diff_set_range(&c->cmd, 100, 1);
	c->cmd.cdw12 = copy.format << 8;
	c->cmd.data_len = copy.size;
	diff_change(c, 100, 1);
}

/* Two ranges with the maximum number of blocks of one range, which is also that of all together. */
static void diff_show_copy_sum(struct diff_command *c)
{
	const struct diff_copy copy = diff_copy_of(c->info, 2);
	const struct diff_range from = { 0, DIFF_BLOCKS };
	const struct pi_tags tags = diff_tags(c->info, c->seed, 0);

	diff_start(c, nvme_cmd_copy);
	for (unsigned i = 0; i < 2; i++)
		diff_put_source(c->info, &copy, c->data + i * copy.size, &from, &tags);
	c->cmd.cdw12 = 1 | copy.format << 8;
	c->cmd.data_len = 2 * copy.size;
	diff_change(c, 0, 2 * DIFF_BLOCKS);
}

/* --- the table --- */

static const struct diff_known {
	const char	*name;
	const char	*what;			/* what QEMU does, and what is required */
	bool		(*can)(const struct nvme_ns_info *info);	/* in this format */
	bool		(*is)(const struct diff_command *c, const struct diff_outcome *o);
	void		(*show)(struct diff_command *c);	/* makes the command */
	const char	*unless;		/* why it may be absent; NULL: it must occur */
} diff_table[] = {
	{ "copy-status",
	  "Copy ends with Internal Error when a check fails or its destination is out of range; "
	  "the status must say which check failed",
	  diff_any, diff_is_copy_status, diff_show_copy_status, NULL },
	{ "block-0-guard",
	  "a wrong guard of LBA 0 is accepted; the command must end with End-to-end Guard Check "
	  "Error",
	  diff_any, diff_is_block0, diff_show_block0, NULL },
	{ "reference-tag-wrap",
	  "an expected reference tag counts beyond its width; it must wrap",
	  diff_type2, diff_is_wrap, diff_show_wrap, NULL },
	{ "pract-checks",
	  "Write and Copy with PRACT=1 are refused for the reference tag check that PRCHK names; "
	  "with PRACT=1 PRCHK must be ignored",
	  diff_not_type2, diff_is_pract, diff_show_pract, NULL },
	{ "write-zeroes-deallocates",
	  "if the file system reports preallocated space as a hole, blocks zeroed with PRACT=1 are "
	  "read as deallocated; their tuples must be the generated ones",
	  diff_any, diff_is_zeroes_hole, diff_show_zeroes_hole, "not on this file system" },
	{ "write-zeroes-guard",
	  "PRACT=1 puts the guard of 4096 zero bytes into blocks of any size, even if the guard also "
	  "covers metadata; it must be the guard of that block",
	  diff_other_zeroes, diff_is_zeroes_guard, diff_show_zeroes_guard, NULL },
	{ "deallocate-part-of-page",
	  "blocks that share a page of the file with others do not become deallocated, and keep "
	  "their tuples",
	  diff_small_blocks, diff_is_part_page, diff_show_part_page, NULL },
	{ "write-zeroes-metadata",
	  "PRACT=0 leaves the metadata as it was; a deallocated block's reads as zeroes (DLFEAT)",
	  diff_more_md, diff_is_zeroes_md, diff_show_zeroes_md, NULL },
	{ "dsm-out-of-range",
	  "Dataset Management ignores ranges beyond the end; it must end with LBA Out of Range",
	  diff_any, diff_is_dsm_range, diff_show_dsm_range, NULL },
	{ "compare-tuple",
	  "Compare compares tuples; they must be checked, not compared",
	  diff_any, diff_is_compare_tuple, diff_show_compare_tuple, NULL },
	{ "compare-metadata",
	  "Compare ignores metadata before a tuple; it must be compared",
	  diff_last_of_more, diff_is_compare_md, diff_show_compare_md, NULL },
	{ "compare-deallocated",
	  "Compare checks the tuple of a deallocated block; that escapes all checks",
	  diff_any, diff_is_compare_deallocated, diff_show_compare_deallocated, NULL },
	{ "compare-do-not-retry",
	  "Compare Failure comes with Do Not Retry; both are allowed",
	  diff_any, diff_is_compare_dnr, diff_show_compare_dnr, "not in this version" },
	{ "verify-reference-tag",
	  "Verify compares 32 bits of ILBRT with the SLBA; with 64b guards the reference tag has 48 bits",
	  diff_type1_of_64b, diff_is_verify_tag, diff_show_verify_tag, NULL },
	{ "verify-pract",
	  "Verify with PRACT=1 ends with Invalid Protection Information; it must be Invalid Field "
	  "in Command",
	  diff_any, diff_is_verify_pract, diff_show_verify_pract, NULL },
	{ "verify-size",
	  "VSL is a limit although ONCS has Verify; it is then a size beyond which Verify may be "
	  "slow",
	  diff_any, diff_is_verify_size, diff_show_verify_size, NULL },
	{ "write-uncorrectable",
	  "there is no Write Uncorrectable; it is optional",
	  diff_any, diff_is_uncorrectable, diff_show_uncorrectable, NULL },
	{ "copy-format",
	  "Copy with a descriptor of the other guard's width ends with Invalid Format; it must be "
	  "Invalid Namespace or Format",
	  diff_any, diff_is_copy_format, diff_show_copy_format, NULL },
	{ "copy-length",
	  "Copy checks the length of each range only when it processes it, and never the sum (MCL); "
	  "too many blocks must be refused before any is copied",
	  diff_any, diff_is_copy_sum, diff_show_copy_sum, NULL },
};
enum { DIFF_KNOWN = sizeof(diff_table) / sizeof(diff_table[0]) };

#endif
