// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-media.c - defects: Write Zeroes, Verify, Compare, Write Uncorrectable and Dataset
 * Management; see defect.h
 */
#include <endian.h>
#include <string.h>
#include "defect-parts.h"

#define NLB(nr) (((nr) - 1) & 0xffff)

/* Execute another command, on @nr blocks from @lba on. */
static int also(struct ctl_act *a, uint8_t opcode, uint64_t lba, uint32_t nr)
{
	const struct nvme_uring_cmd cmd = {
		.opcode = opcode, .nsid = 1, .cdw10 = lba, .cdw11 = lba >> 32, .cdw12 = NLB(nr),
	};

	return ctl_act_honest(a, &cmd);
}

static int does_nothing(struct ctl_act *a, const struct ctl_defect *d)
{
	const int ret = ctl_in_range(a->img, a->r.lba, a->r.nr);

	(void)d;
	return ret || (a->op == OP_ZEROES && a->r.checks) ? CTL_GO_ON : 0;
}

/* Reduce NLB: to one block less (@p 0), or to at most @p blocks. */
static int fewer_blocks(struct ctl_act *a, const struct ctl_defect *d)
{
	uint32_t nr = d->p ? d->p : a->r.nr - 1;

	if (ctl_in_range(a->img, a->r.lba, a->r.nr) || !nr || nr >= a->r.nr)
		return CTL_GO_ON;
	a->cmd.cdw12 = (a->cmd.cdw12 & ~0xffffu) | NLB(nr);
	return CTL_GO_ON;
}

static int set_bits(struct ctl_act *a, const struct ctl_defect *d)
{
	a->cmd.cdw12 |= d->p;
	return CTL_GO_ON;
}

static int clear_bits(struct ctl_act *a, const struct ctl_defect *d)
{
	a->cmd.cdw12 &= ~d->p;
	return CTL_GO_ON;
}

/* Zero the data (bit 0 of @p) and the metadata (bit 1) of each block of the command. */
static int zero_part(struct ctl_act *a, const struct ctl_defect *d)
{
	uint8_t *const data = a->all->data, *const md = a->all->md;
	int ret = ctl_in_range(a->img, a->r.lba, a->r.nr);

	if (ret || a->r.checks || a->r.pract)
		return CTL_GO_ON;
	for (uint32_t i = 0; i < a->r.nr && !ret; i++) {
		ret = ctl_act_fetch(a, a->r.lba + i, 1, data, md);
		if (ret)
			memset(md, 0xff, a->img->media.md_size);
		if (d->p & 1)
			memset(data, 0, a->img->media.data_size);
		if (d->p & 2)
			memset(md, 0, a->img->media.md_size);
		ret = ctl_act_store(a, a->r.lba + i, 1, data, md);
	}
	return ret;
}

/* --- Verify and Compare --- */

static int never_fails(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)a, (void)d;
	return res > 0 && res >> 8 == 2 ? 0 : res;
}

static int uncorrectable_passes(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)a;
	return res > 0 && (res & NVME_ST_MASK) == CTL_ST_UNRECOVERED ? (int)d->p : res;
}

/* Only the data of the first @p blocks (@q 0), or the first @q bytes of each block, are compared. */
static void compare_less(struct ctl_act *a, const struct ctl_defect *d)
{
	const size_t ds = a->img->media.data_size;

	for (uint32_t i = d->p; i < a->nr; i++)
		if (d->q < ds)
			memcpy(a->data + i * ds + d->q, a->media + i * ds + d->q, ds - d->q);
}

/* Metadata outside the tuple is not compared. */
static void compare_no_md(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct pi_layout *l = &a->img->media;
	const uint32_t at = ctl_has_pi(a->img) ? pi_tuple_offset(l) : 0;
	const uint32_t size = ctl_has_pi(a->img) ? l->format->tuple_size : 0;

	(void)d;
	for (uint32_t i = 0; i < a->nr; i++) {
		uint8_t tuple[16], *md = a->media_md + (size_t)i * l->md_size;

		memcpy(tuple, md + at, size);
		memcpy(md, a->md + (size_t)i * l->md_size, l->md_size);
		memcpy(md + at, tuple, size);
	}
}

/* Compare the tuples, too; the specification says that tuples are checked, not compared. */
static void compare_tuples(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	if (ctl_has_pi(a->img) && memcmp(a->md, a->media_md, a->nr * a->img->media.md_size))
		a->data[0] = ~a->media[0];
}

/* --- Write Uncorrectable --- */

/* Mark one block too many: after the range (@p 1) or before it (@p 0). */
static int marks_neighbour(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	const uint64_t lba = d->p ? a->r.lba + a->r.nr : a->r.lba - 1;

	if (!res && !ctl_in_range(a->img, lba, 1))
		also(a, nvme_cmd_write_uncor, lba, 1);
	return res;
}

/* Make the command's blocks readable again, with zeroes as data. */
static int clears_marks(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	uint8_t *const data = a->all->data, *const md = a->all->md;

	(void)d;
	if (res <= 0 || (res & NVME_ST_MASK) != CTL_ST_UNRECOVERED)
		return res;
	memset(data, 0, sizeof(a->all->data));
	memset(md, 0xff, sizeof(a->all->md));
	for (uint32_t i = 0; i < a->r.nr; i++)
		if (ctl_act_is_bad(a, a->r.lba + i))
			ctl_act_store(a, a->r.lba + i, 1, data, md);
	return res;
}

/* Uncorrectable blocks stay uncorrectable after a write, from block @p of the command on. */
static int marks_stay(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct ctl_range r = a->r;
	uint8_t *const bad = a->all->data;
	int ret = ctl_in_range(a->img, r.lba, r.nr);

	if (ret)
		return CTL_GO_ON;
	for (uint32_t i = 0; i < r.nr; i++)
		bad[i] = ctl_act_is_bad(a, r.lba + i);
	ret = ctl_act_honest(a, &a->cmd);
	for (uint32_t i = d->p; i < r.nr && !ret; i++)
		if (bad[i])
			also(a, nvme_cmd_write_uncor, r.lba + i, 1);
	return ret;
}

/* Write Uncorrectable acts as Write Zeroes. */
static int zeroes_instead(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct ctl_range r = a->r;

	(void)d;
	if (ctl_in_range(a->img, r.lba, r.nr))
		return CTL_GO_ON;
	return also(a, nvme_cmd_write_zeroes, r.lba, r.nr);
}

/* --- Dataset Management --- */

/* Returns a copy of the command's ranges, which the caller may change; NULL if there are none. */
static struct nvme_dsm_range *ranges_of(struct ctl_act *a, unsigned *nr)
{
	*nr = (a->cmd.cdw10 & 0xff) + 1;
	if (!a->cmd.addr || a->cmd.data_len < *nr * sizeof(struct nvme_dsm_range))
		return NULL;
	memcpy(a->buf, (void *)(uintptr_t)a->cmd.addr, *nr * sizeof(struct nvme_dsm_range));
	a->cmd.addr = (uintptr_t)a->buf;
	return (struct nvme_dsm_range *)a->buf;
}

/* Extend each range by @p blocks at its end and @q blocks at its start. */
static int dsm_longer(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	struct nvme_dsm_range *r = ranges_of(a, &nr);

	for (unsigned i = 0; r && i < nr; i++) {
		const uint64_t lba = le64toh(r[i].slba), len = le32toh(r[i].nlb);

		if (len && lba >= d->q && !ctl_in_range(a->img, lba - d->q, len + d->p + d->q)) {
			r[i].slba = htole64(lba - d->q);
			r[i].nlb = htole32(len + d->p + d->q);
		}
	}
	return CTL_GO_ON;
}

static int dsm_without_attribute(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	a->cmd.cdw11 |= NVME_DSMGMT_AD;
	return CTL_GO_ON;
}

/* The last block of each range (@p 1: of each range but the first) keeps its metadata. */
static int dsm_keeps_md(struct ctl_act *a, const struct ctl_defect *d)
{
	uint8_t *const data = a->all->data, *const md = a->all->md;
	unsigned nr;
	const struct nvme_dsm_range *r = ranges_of(a, &nr);
	int ret = ctl_act_honest(a, &a->cmd);

	if (ret || !r || !(a->cmd.cdw11 & NVME_DSMGMT_AD))
		return ret;
	memset(data, 0, sizeof(a->all->data));
	memset(md, 0x5a, sizeof(a->all->md));
	for (unsigned i = d->p; i < nr; i++)
		if (r[i].nlb)
			ctl_act_store(a, le64toh(r[i].slba) + le32toh(r[i].nlb) - 1, 1, data, md);
	return ret;
}

/* Ranges past the end of the namespace are cut, not refused. */
static int dsm_unchecked(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	struct nvme_dsm_range *r = ranges_of(a, &nr);

	for (unsigned i = d->p; r && i < nr; i++)
		if (ctl_in_range(a->img, le64toh(r[i].slba), le32toh(r[i].nlb)))
			r[i] = (struct nvme_dsm_range){ 0 };
	return CTL_GO_ON;
}

/* More than @p ranges are refused. */
static int dsm_ranges(struct ctl_act *a, const struct ctl_defect *d)
{
	return (a->cmd.cdw10 & 0xff) + 1 > d->p ? CTL_ST_INVALID_FIELD | NVME_ST_DNR : CTL_GO_ON;
}

/* A length of 0 is taken as one block (@p 1), or refused. */
static int dsm_empty(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	struct nvme_dsm_range *r = ranges_of(a, &nr);

	for (unsigned i = 0; r && i < nr; i++)
		if (!r[i].nlb && !d->p)
			return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
		else if (!r[i].nlb)
			r[i].nlb = htole32(1);
	return CTL_GO_ON;
}

#define WRITES (OP_WRITE | OP_ZEROES)
#define PRACT (1u << 29)
#define COMPARED(fn) OP_COMPARE, AT_FETCH, .blocks = fn

static const struct ctl_defect rows[] = {
	{ "zeroes-does-nothing", "Write Zeroes without PRACT does nothing", OP_ZEROES,
	  .command = does_nothing, .when = ctl_when_no_flag, .at = PRACT, .on = ON_PI },
	{ "zeroes-one-less", "Write Zeroes leaves out the last of several blocks", OP_ZEROES,
	  .command = fewer_blocks, .on = ON_PI },
	{ "zeroes-first-only", "Write Zeroes zeroes only the first block", OP_ZEROES,
	  .command = fewer_blocks, .p = 1, .on = ON_PI },
	{ "zeroes-4096-only", "Write Zeroes zeroes at most 4096 blocks", OP_ZEROES,
	  .command = fewer_blocks, .p = 4096, .on = ON_PI },
	{ "zeroes-pract-ignored", "Write Zeroes ignores PRACT and makes no tuples", OP_ZEROES,
	  .command = clear_bits, .p = PRACT, .on = ON_PI, .excuse = "3.3.8 allows the controller to deallocate in any Write Zeroes" },
	{ "zeroes-pract-always", "Write Zeroes makes tuples without PRACT", OP_ZEROES, .command = set_bits,
	  .p = PRACT, .on = ON_PI },
	{ "zeroes-deac-drops-pract", "Write Zeroes with DEAC ignores PRACT", OP_ZEROES,
	  .command = clear_bits, .p = PRACT, .when = ctl_when_flag, .at = 1u << 25, .on = ON_PI,
	  .excuse = "3.3.8 allows the controller to deallocate in any Write Zeroes" },
	{ "zeroes-data-only", "Write Zeroes leaves the metadata as it was", OP_ZEROES,
	  .command = zero_part, .p = 1, .on = ON_PI },
	{ "zeroes-metadata-only", "Write Zeroes leaves the data as it was", OP_ZEROES,
	  .command = zero_part, .p = 2, .on = ON_PI },
	{ "zeroes-tuple-zero", "Write Zeroes without PRACT leaves tuples of zero, whose checks fail",
	  OP_ZEROES, .command = zero_part, .p = 3, .on = ON_PI },
	{ "verify-never-fails", "Verify reports no error of media", OP_VERIFY, .result = never_fails },
	{ "verify-first-only", "Verify looks at the first block only", OP_VERIFY, .command = fewer_blocks,
	  .p = 1 },
	{ "verify-one-less", "Verify leaves out the last of several blocks", OP_VERIFY,
	  .command = fewer_blocks },
	{ "verify-1024-only", "Verify looks at 1024 blocks, at most", OP_VERIFY, .command = fewer_blocks,
	  .p = 1024 },
	{ "verify-ignores-uncorrectable", "Verify passes over uncorrectable blocks", OP_VERIFY,
	  .result = uncorrectable_passes, .p = 0 },
	{ "verify-does-nothing", "Verify always succeeds, within the namespace", OP_VERIFY,
	  .command = does_nothing },
	{ "compare-always-equal", "Compare compares no data", COMPARED(compare_less) },
	{ "compare-first-512", "Compare compares 512 bytes of each block", COMPARED(compare_less),
	  .q = 512, .min_lbs = 1024 },
	{ "compare-not-last-byte", "Compare leaves out the last byte of blocks of 4096 bytes",
	  COMPARED(compare_less), .q = 4095, .min_lbs = 4096 },
	{ "compare-first-block", "Compare compares the first block only", COMPARED(compare_less),
	  .p = 1 },
	{ "compare-8-blocks", "Compare compares 8 blocks, at most", COMPARED(compare_less),
	  .p = 8 },
	{ "compare-without-metadata", "Compare ignores the metadata outside the tuple",
	  COMPARED(compare_no_md), .on = ON_OTHER },
	{ "compare-with-tuple", "Compare compares the tuple, which is only to be checked",
	  COMPARED(compare_tuples), .on = ON_PI },
	{ "compare-uncorrectable-differs", "Compare of an uncorrectable block is a Compare Failure",
	  OP_COMPARE, .result = uncorrectable_passes, .p = NVME_ST_COMPARE },
	{ "uncor-does-nothing", "Write Uncorrectable marks nothing", OP_UNCOR, .command = does_nothing },
	{ "uncor-first-only", "Write Uncorrectable marks the first block only", OP_UNCOR,
	  .command = fewer_blocks, .p = 1 },
	{ "uncor-one-less", "Write Uncorrectable leaves out the last of several blocks", OP_UNCOR,
	  .command = fewer_blocks },
	{ "uncor-hits-next", "Write Uncorrectable marks the block behind the range, too", OP_UNCOR,
	  .result = marks_neighbour, .p = 1 },
	{ "uncor-hits-before", "Write Uncorrectable marks the block before the range, too", OP_UNCOR,
	  .result = marks_neighbour, .p = 0 },
	{ "uncor-zeroes", "Write Uncorrectable deallocates the blocks instead", OP_UNCOR,
	  .command = zeroes_instead },
	{ "uncor-cleared-by-read", "the first Read of an uncorrectable block makes it readable", OP_READ,
	  .result = clears_marks },
	{ "uncor-cleared-by-verify", "Verify makes uncorrectable blocks readable", OP_VERIFY,
	  .result = clears_marks },
	{ "uncor-stays-after-write", "Write does not make uncorrectable blocks readable", OP_WRITE,
	  .command = marks_stay },
	{ "uncor-stays-after-zeroes", "Write Zeroes does not make uncorrectable blocks readable",
	  OP_ZEROES, .command = marks_stay },
	{ "uncor-first-cleared", "Write makes only the first uncorrectable block readable", WRITES,
	  .command = marks_stay, .p = 1 },
	{ "uncor-read-succeeds", "Read of an uncorrectable block succeeds and transfers nothing", OP_READ,
	  .result = uncorrectable_passes, .p = 0 },
	{ "dsm-hits-next", "Dataset Management deallocates one block too many", OP_DSM,
	  .command = dsm_longer, .p = 1 },
	{ "dsm-hits-before", "Dataset Management deallocates the block before a range, too", OP_DSM,
	  .command = dsm_longer, .q = 1 },
	{ "dsm-without-attribute", "Dataset Management deallocates although the attribute is clear",
	  OP_DSM, .command = dsm_without_attribute },
	{ "dsm-last-tuple-wrong", "Dataset Management leaves an old tuple at the last block of each range",
	  OP_DSM, .command = dsm_keeps_md, .on = ON_PI },
	{ "dsm-later-tuple-wrong", "Dataset Management leaves an old tuple in ranges after the first",
	  OP_DSM, .command = dsm_keeps_md, .p = 1, .on = ON_PI },
	{ "dsm-range-unchecked", "Dataset Management ignores a range past the end instead of refusing it",
	  OP_DSM, .command = dsm_unchecked, .on = ON_PI },
	{ "dsm-later-unchecked", "Dataset Management checks the first range only", OP_DSM,
	  .command = dsm_unchecked, .p = 1, .on = ON_PI },
	{ "dsm-many-refused", "Dataset Management refuses more than 64 ranges", OP_DSM,
	  .command = dsm_ranges, .p = 64 },
	{ "dsm-256-refused", "Dataset Management refuses 256 ranges", OP_DSM, .command = dsm_ranges,
	  .p = 255 },
	{ "dsm-empty-is-one", "Dataset Management takes a length of 0 as one block", OP_DSM,
	  .command = dsm_empty, .p = 1 },
	{ "dsm-empty-refused", "Dataset Management refuses a length of 0", OP_DSM, .command = dsm_empty,
	  .p = 0 },
};

const struct ctl_defect_table ctl_defects_media = { rows, sizeof(rows) / sizeof(rows[0]) };
