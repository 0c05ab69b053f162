// SPDX-License-Identifier: GPL-2.0-only
/* tuple.c - protection information, and how commands carry it; see model.h */
#include <string.h>
#include "guard.h"
#include "model.h"

/* 5.3.1: bytes of the guard, bits of the storage and reference space. */
static const struct {
	unsigned guard, space;
} formats[3] = { { 2, 32 }, { 4, 80 }, { 8, 48 } };

typedef unsigned __int128 space_t;

uint64_t qm_ones(unsigned bits)
{
	return bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
}

unsigned qm_guard_bytes(const struct qm_format *f)
{
	return formats[f->pif].guard;
}

unsigned qm_tuple_size(const struct qm_format *f)
{
	return f->type ? formats[f->pif].guard + 2 + formats[f->pif].space / 8 : 0;
}

unsigned qm_tuple_offset(const struct qm_format *f)
{
	return f->first ? 0 : f->md_size - qm_tuple_size(f);
}

unsigned qm_ref_bits(const struct qm_format *f)
{
	return f->type ? formats[f->pif].space - f->sts : 0;
}

/* 5.3.3: a computed reference tag of all ones is followed by 0; type 3 does not count. */
uint64_t qm_ref_at(const struct qm_format *f, uint64_t first, uint64_t i)
{
	return (first + (f->type == 3 ? 0 : i)) & qm_ones(qm_ref_bits(f));
}

/* 5.3.1.4: the storage tag is the high STS bits of the space, the reference tag the rest. */
static space_t join(const struct qm_format *f, uint64_t storage, uint64_t ref)
{
	return (space_t)(storage & qm_ones(f->sts)) << qm_ref_bits(f) |
	       (ref & qm_ones(qm_ref_bits(f)));
}

static void split(const struct qm_format *f, space_t space, uint64_t *storage, uint64_t *ref)
{
	*storage = (uint64_t)(space >> qm_ref_bits(f)) & qm_ones(f->sts);
	*ref = (uint64_t)space & qm_ones(qm_ref_bits(f));
}

static space_t get(const uint8_t *p, unsigned len)
{
	space_t value = 0;

	for (; len; len--)
		value = value << 8 | *p++;
	return value;
}

static void put(uint8_t *p, unsigned len, space_t value)
{
	while (len--) {
		p[len] = value;
		value >>= 8;
	}
}

struct qm_tuple qm_unpack(const struct qm_format *f, const uint8_t *md)
{
	const uint8_t *p = md + qm_tuple_offset(f);
	const unsigned guard = formats[f->pif].guard;
	struct qm_tuple t = { .guard = get(p, guard), .app = get(p + guard, 2) };

	split(f, get(p + guard + 2, formats[f->pif].space / 8), &t.storage, &t.ref);
	return t;
}

void qm_pack(const struct qm_format *f, const struct qm_tuple *t, uint8_t *md)
{
	const unsigned guard = formats[f->pif].guard;
	uint8_t *p = md + qm_tuple_offset(f);

	put(p, guard, t->guard);
	put(p + guard, 2, t->app);
	put(p + guard + 2, formats[f->pif].space / 8, join(f, t->storage, t->ref));
}

/* 5.3: the guard of a tuple at the end also covers the metadata before it. */
uint64_t qm_guard_of(const struct qm_format *f, const uint8_t *data, const uint8_t *md)
{
	return qm_guard(f->pif, data, f->data_size, md, f->first ? 0 : qm_tuple_offset(f));
}

void qm_protect(const struct qm_format *f, const struct qm_tags *tags, uint64_t i,
		const uint8_t *data, uint8_t *md)
{
	const struct qm_tuple t = {
		.guard = qm_guard_of(f, data, md), .app = tags->app, .storage = tags->storage,
		.ref = qm_ref_at(f, tags->ref, i),
	};

	qm_pack(f, &t, md);
}

/* --- command dwords --- */

/* 5.3.3.2: with PRACT no metadata is transferred if it is the tuple alone. */
struct qm_wire qm_wire(const struct qm_format *f, bool pract)
{
	const bool crosses = f->md_size && !(f->type && pract && f->md_size == qm_tuple_size(f));

	return (struct qm_wire) {
		.data = f->data_size + (crosses && f->extended ? f->md_size : 0),
		.md = crosses && !f->extended ? f->md_size : 0,
		.crosses = crosses,
	};
}

struct qm_place qm_place(const struct qm_format *f, const struct nvme_uring_cmd *cmd, bool pract,
			 uint32_t i)
{
	const struct qm_wire w = qm_wire(f, pract);
	struct qm_place p = { .data = (uint8_t *)(uintptr_t)cmd->addr + (size_t)i * w.data };

	if (w.md)
		p.md = (uint8_t *)(uintptr_t)cmd->metadata + (size_t)i * w.md;
	else if (w.crosses)
		p.md = p.data + f->data_size;
	return p;
}

/* Figure 158: bits 79:64 are in CDW2, 63:32 in CDW3, 31:0 in CDW14; excess bits are ignored. */
static struct qm_tags unpack_tags(const struct qm_format *f, uint32_t cdw2, uint32_t cdw3,
				  uint32_t cdw14, uint32_t cdw15)
{
	space_t space = (space_t)(cdw2 & 0xffff) << 64 | (space_t)cdw3 << 32 | cdw14;
	struct qm_tags t = { .app = cdw15, .app_mask = cdw15 >> 16 };

	if (!f->type)
		return t;
	space &= ((space_t)1 << formats[f->pif].space) - 1;
	split(f, space, &t.storage, &t.ref);
	return t;
}

void qm_put_tags(const struct qm_format *f, const struct qm_tags *t, struct nvme_uring_cmd *cmd)
{
	const space_t space = f->type ? join(f, t->storage, t->ref) : 0;

	cmd->cdw2 = (cmd->cdw2 & 0xffff0000) | (uint16_t)(space >> 64);
	cmd->cdw3 = space >> 32;
	cmd->cdw14 = space;
	cmd->cdw15 = (uint32_t)t->app_mask << 16 | t->app;
}

/* Figure 11: PRACT 29, guard 28, application tag 27, reference tag 26; figure 12: STC 24. */
struct qm_range qm_range(const struct qm_format *f, const struct nvme_uring_cmd *cmd)
{
	struct qm_range r = {
		.lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
		.nr = (cmd->cdw12 & 0xffff) + 1,
		.tags = unpack_tags(f, cmd->cdw2, cmd->cdw3, cmd->cdw14, cmd->cdw15),
	};

	if (!f->type)
		return r;
	r.pract = cmd->cdw12 >> 29 & 1;
	r.checks = cmd->cdw12 >> 26 & 7;
	if (f->sts && cmd->cdw12 >> 24 & 1)
		r.checks |= QM_STORAGE;
	if (!qm_ref_bits(f))
		r.checks &= ~QM_REF;
	return r;
}

/* --- Copy's source range entries, figures 39 and 40 --- */

static const struct {
	unsigned size, tags;
	bool wide, snsid;
} descriptors[4] = {
	{ 32, 24, false, false }, { 40, 26, true, false },
	{ 32, 24, false, true }, { 40, 26, true, true },
};

unsigned qm_source_size(unsigned format)
{
	return format < 4 ? descriptors[format].size : 0;
}

static uint64_t get_le(const uint8_t *p, unsigned len)
{
	uint64_t value = 0;

	while (len--)
		value = value << 8 | p[len];
	return value;
}

/*
 * The tags of formats 0h and 2h are one field of 4 bytes, little-endian as all fields are.
 * Those of 1h and 3h are 10 bytes in the order of a tuple, as Linux and nvme-cli send them.
 */
struct qm_source qm_source(const struct qm_format *f, const struct nvme_uring_cmd *cmd, unsigned i)
{
	const unsigned format = cmd->cdw12 >> 8 & 0xf;
	const uint8_t *p = (const uint8_t *)(uintptr_t)cmd->addr + i * descriptors[format].size;
	const uint8_t *tags = p + descriptors[format].tags;
	const unsigned len = descriptors[format].wide ? 10 : 4;
	const uint32_t app = get_le(tags + len, 4);
	struct qm_source s = { .nsid = descriptors[format].snsid ? get_le(p, 4) : cmd->nsid };

	s.range.lba = get_le(p + 8, 8);
	s.range.nr = get_le(p + 16, 2) + 1;
	if (descriptors[format].wide)
		s.range.tags =
			unpack_tags(f, get(tags, 2), get(tags + 2, 4), get(tags + 6, 4), app);
	else
		s.range.tags = unpack_tags(f, 0, 0, get_le(tags, 4), app);
	if (!f->type)
		return s;
	s.range.pract = cmd->cdw12 >> 15 & 1;
	s.range.checks = cmd->cdw12 >> 12 & 7;
	if (f->sts && f->copy_stcr && cmd->cdw12 >> 25 & 1)
		s.range.checks |= QM_STORAGE;
	if (!qm_ref_bits(f))
		s.range.checks &= ~QM_REF;
	return s;
}

uint64_t qm_copy_length(const struct qm_format *f, const struct nvme_uring_cmd *cmd)
{
	uint64_t nr = 0;

	if (!qm_source_size(cmd->cdw12 >> 8 & 0xf))
		return 1;
	for (unsigned i = 0; i <= (cmd->cdw12 & 0xff); i++)
		nr += qm_source(f, cmd, i).range.nr;
	return nr;
}
