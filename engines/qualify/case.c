// SPDX-License-Identifier: GPL-2.0-only
/* case.c - which cases apply, and functions that the tables of cases share; see case.h */
#include <endian.h>
#include <string.h>
#include "case.h"

bool qcase_is_like(const struct qcase *c)
{
	return !strncmp(c->name, "readback/", strlen("readback/"));
}

/* --- what a case needs --- */

static bool has_pi(const struct lab *l) { return l->f.type; }
static bool has_no_pi(const struct lab *l) { return !l->f.type; }
static bool is_type1(const struct lab *l) { return l->f.type == 1; }
static bool is_type2(const struct lab *l) { return l->f.type == 2; }
static bool is_type3(const struct lab *l) { return l->f.type == 3; }
static bool is_counted(const struct lab *l) { return l->f.type == 1 || l->f.type == 2; }
static bool has_ref(const struct lab *l) { return qm_ref_bits(&l->f); }
static bool has_storage(const struct lab *l) { return l->f.type && l->f.sts; }
static bool strips(const struct lab *l)
{
	return l->f.type && l->f.md_size == qm_tuple_size(&l->f);
}
static bool has_more(const struct lab *l)
{
	return l->f.type && l->f.md_size > qm_tuple_size(&l->f);
}
static bool has_md(const struct lab *l) { return l->f.md_size; }
static bool has_verify(const struct lab *l) { return lab_has(l, nvme_cmd_verify); }
static bool has_compare(const struct lab *l) { return lab_has(l, nvme_cmd_compare); }
static bool has_zeroes(const struct lab *l) { return lab_has(l, nvme_cmd_write_zeroes); }
static bool has_dsm(const struct lab *l) { return lab_has(l, nvme_cmd_dsm); }
static bool has_uncor(const struct lab *l) { return lab_has(l, nvme_cmd_write_uncor); }
static bool has_copy(const struct lab *l)
{
	return lab_has(l, nvme_cmd_copy) &&
	       l->f.copy_formats >> (l->f.type && l->f.pif ? 1 : 0) & 1;
}
static bool is_fresh(const struct lab *l) { return l->fresh; }
static bool has_mdts(const struct lab *l)
{
	const uint32_t wire = qm_wire(&l->f, false).data;

	return l->f.max_bytes && l->f.max_bytes / wire <= l->most &&
	       (!l->ns->max_transfer || l->ns->max_transfer > l->f.max_bytes + 2 * wire);
}
static bool has_ignored(const struct lab *l) { return l->f.type && l->f.pif != 1; }
static bool has_last(const struct lab *l) { return l->last == l->f.nr_blocks - 1; }
static bool has_cdfe(const struct lab *l)
{
	return le16toh(l->id.ctrl.ocfs) >> 2 & 3;
}
static bool has_zones(const struct lab *l) { return l->zone_blocks; }

static const struct {
	bool		(*has)(const struct lab *l);
	const char	*otherwise;
} needs[] = {
	{ has_pi, "the namespace has no protection information" },
	{ has_no_pi, "the namespace has protection information" },
	{ is_type1, "the protection type is not 1" },
	{ is_type2, "the protection type is not 2" },
	{ is_type3, "the protection type is not 3" },
	{ is_counted, "the protection type is neither 1 nor 2" },
	{ has_ref, "the format has no reference tag" },
	{ has_storage, "the format has no storage tag" },
	{ strips, "the metadata is not the tuple alone" },
	{ has_more, "there is no metadata beyond the tuple" },
	{ has_md, "the format has no metadata" },
	{ has_verify, "the controller does not report that it supports Verify" },
	{ has_compare, "the controller does not report that it supports Compare" },
	{ has_zeroes, "the controller does not report that it supports Write Zeroes" },
	{ has_dsm, "the controller does not report that it supports Dataset Management" },
	{ has_uncor, "the controller does not report that it supports Write Uncorrectable" },
	{ has_copy,
	  "the controller does not report that it supports Copy with the descriptor format of this guard" },
	{ is_fresh, "only in a new image it is known which blocks were never written" },
	{ has_mdts, "no command can reach the MDTS limit here" },
	{ has_ignored, "the tags of this guard use all bits of CDW2, CDW3 and CDW14" },
	{ has_last, "the last block of the namespace is not in the range" },
	{ has_cdfe, "the controller has no Copy descriptor format that needs enabling" },
	{ has_zones, "the namespace is not zoned" },
};

const char *qcase_skip(const struct lab *l, const struct qcase *c)
{
	if (has_zones(l) && !(c->needs & NEED_ZONES))
		return "the namespace is zoned, and the case writes anywhere";
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (c->needs >> i & 1 && !needs[i].has(l))
			return needs[i].otherwise;
	return NULL;
}

/* --- damage --- */

unsigned case_bits(const struct lab *l, unsigned field)
{
	const struct qm_format *f = &l->f;

	switch (field) {
	case QM_GUARD:
		return f->type ? 8 * qm_guard_bytes(f) : 0;
	case QM_APP:
		return f->type ? 16 : 0;
	case QM_STORAGE:
		return f->type ? f->sts : 0;
	case QM_REF:
		return qm_ref_bits(f) < 64 ? qm_ref_bits(f) : 64;
	case FIELD_DATA:
		return 8 * f->data_size;
	default:
		return 8 * (f->md_size - qm_tuple_size(f));
	}
}

unsigned case_bit(struct lab *l, unsigned field)
{
	return lab_below(l, case_bits(l, field));
}

static void flip_tuple(const struct qm_format *f, uint8_t *md, unsigned field, unsigned bit)
{
	struct qm_tuple t = qm_unpack(f, md);

	if (field == QM_GUARD)
		t.guard ^= 1ULL << bit;
	else if (field == QM_APP)
		t.app ^= 1u << bit;
	else if (field == QM_STORAGE)
		t.storage ^= 1ULL << bit;
	else
		t.ref ^= 1ULL << bit;
	qm_pack(f, &t, md);
}

void case_flip(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t i, unsigned field,
	       unsigned bit)
{
	const struct qm_format *f = &l->f;
	const struct qm_place p = qm_place(f, cmd, qm_range(f, cmd).pract, i);
	uint32_t at = bit / 8;

	if (field == FIELD_DATA) {
		p.data[at] ^= 1u << bit % 8;
	} else if (field == FIELD_MD) {
		if (f->type && at >= qm_tuple_offset(f))
			at += qm_tuple_size(f);
		p.md[at] ^= 1u << bit % 8;
	} else {
		flip_tuple(f, p.md, field, bit);
	}
}

unsigned case_checks(const struct lab *l)
{
	if (!l->f.type)
		return 0;
	return QM_GUARD | QM_APP | (l->f.sts ? QM_STORAGE : 0) |
	       (l->f.type != 3 && qm_ref_bits(&l->f) ? QM_REF : 0);
}

/* --- sizes --- */

void case_sizes(struct lab *l, const struct qcase *c, bool all, case_size_fn *fn)
{
	static const uint32_t some[] = { 1, 2, 3, 8, 17 };

	for (size_t i = 0; !all && i < sizeof(some) / sizeof(some[0]); i++)
		if (some[i] < l->most && !l->failed)
			fn(l, c, some[i]);
	for (uint32_t two = 1; all && two <= l->most; two *= 2)
		for (uint32_t nr = two > 2 ? two - 1 : two; nr <= two + (two > 1); nr++)
			if (nr < l->most && !l->failed)
				fn(l, c, nr);
	if (!l->failed)
		fn(l, c, l->most);
}

static case_block_fn *visit;

static void visit_blocks(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint32_t blocks[] = { 0, nr - 1, nr > 2 ? 1 + (uint32_t)lab_below(l, nr - 2) : 0 };

	for (int i = 0; i < 3 && (i < 1 || blocks[i]) && !l->failed; i++)
		visit(l, c, nr, blocks[i]);
}

void case_blocks(struct lab *l, const struct qcase *c, case_block_fn *fn)
{
	visit = fn;
	case_sizes(l, c, false, visit_blocks);
}

uint64_t case_prepare(struct lab *l, uint32_t nr)
{
	const uint64_t lba = lab_place(l, nr);

	lab_new_tags(l, lba);
	lab_write(l, lba, nr);
	return lba;
}

bool case_send(struct lab *l, uint8_t opcode, uint64_t lba, uint32_t nr, unsigned prinfo)
{
	const struct nvme_uring_cmd cmd = lab_command(l, opcode, lba, nr, prinfo);

	return lab_do(l, &cmd);
}
