// SPDX-License-Identifier: GPL-2.0-only
/* effect.c - what commands leave on media, and whether a Read agrees with it; see model.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

/* --- what was read --- */

static bool same_block(const struct qm_format *f, const struct qm_place *p, const uint8_t *bytes)
{
	return !memcmp(p->data, bytes, f->data_size) &&
	       (!p->md || !memcmp(p->md, bytes + f->data_size, f->md_size));
}

static const char *part_of(const struct qm_format *f, uint32_t offset)
{
	const uint32_t at = f->data_size + (f->type ? qm_tuple_offset(f) : 0);

	if (offset < f->data_size)
		return "data";
	if (!f->type || offset < at || offset >= at + qm_tuple_size(f))
		return "metadata";
	if (offset < at + qm_guard_bytes(f))
		return "guard";
	return offset < at + qm_guard_bytes(f) + 2 ? "application tag"
						   : "storage and reference tag";
}

static void put_hex(char text[64], const uint8_t *p, uint32_t len)
{
	int n = 0;

	for (uint32_t i = 0; i < len && i < 20; i++)
		n += snprintf(text + n, 64 - n, "%s%02x", i ? " " : "", p[i]);
}

static uint8_t byte_of(const struct qm_format *f, const struct qm_place *p, uint32_t offset)
{
	return offset < f->data_size ? p->data[offset] : p->md[offset - f->data_size];
}

static uint32_t first_difference(const struct qm_format *f, const struct qm_place *p,
				 const uint8_t *bytes)
{
	const uint32_t size = f->data_size + (p->md ? f->md_size : 0);
	uint32_t at = 0;

	while (at < size - 1 && byte_of(f, p, at) == bytes[at])
		at++;
	return at;
}

/* Describes @p where it first differs from @bytes. */
static void describe(const struct qm_format *f, const struct qm_place *p, const uint8_t *bytes,
		     struct qm_diff *d)
{
	const uint32_t size = f->data_size + (p->md ? f->md_size : 0);
	const uint32_t at = first_difference(f, p, bytes);
	uint8_t got[8];
	uint32_t end;

	d->offset = at;
	d->part = part_of(f, at);
	for (end = at; end < size && end < at + 8 && part_of(f, end) == d->part; end++)
		got[end - at] = byte_of(f, p, end);
	put_hex(d->want, bytes + at, end - at);
	put_hex(d->got, got, end - at);
}

/* Returns the allowed content that is most similar to @p. */
static enum qm_may most_like(struct qm *m, const struct qm_block *b, const struct qm_place *p)
{
	uint32_t best = 0;
	enum qm_may like = 0;

	for (unsigned as = QM_BYTES; as <= QM_BLANK; as <<= 1)
		if (b->may & as) {
			const uint32_t at = first_difference(&m->f, p, qm_content(m, b, as));

			if (!like || at > best) {
				like = as;
				best = at;
			}
		}
	return like;
}

/* Returns the content as text. */
static const char *name_of(enum qm_may as)
{
	return as == QM_ZEROES ? "deallocated, zeroes" :
	       as == QM_FFS    ? "deallocated, bytes of FFh" :
	       as == QM_BLANK  ? "zeroes" :
				 "as written";
}

static void explain(struct qm *m, const struct qm_block *b, const struct qm_place *p,
		    struct qm_diff *d)
{
	const enum qm_may as = most_like(m, b, p);
	const bool others = b->may & (b->may - 1);

	if (!as) {
		d->part = "state";
		snprintf(d->text, sizeof(d->text),
			 "LBA %llu (index %u in the Read) was read, but is uncorrectable",
			 (unsigned long long)d->lba, d->index);
		return;
	}
	describe(&m->f, p, qm_content(m, b, as), d);
	snprintf(d->text, sizeof(d->text),
		 "LBA %llu (index %u in the Read), %s at byte %u of the block: expected %s (%s%s), got %s",
		 (unsigned long long)d->lba, d->index, d->part, d->offset, d->want, name_of(as),
		 others ? "; other contents that are allowed differ earlier" : "", d->got);
}

/* Narrows the allowed contents of @b to what was read. Returns false if it is none of them. */
static bool narrow(struct qm *m, struct qm_block *b, const struct qm_place *p)
{
	uint8_t may = 0;

	for (unsigned as = QM_BYTES; as <= QM_BLANK; as <<= 1)
		if (b->may & as && !(m->f.dulbe && as & QM_DEALLOCATED) &&
		    same_block(&m->f, p, qm_content(m, b, as)))
			may |= as;
	if (may)
		b->may = may;
	return may || b->may & QM_ANY;
}

bool qm_read(struct qm *m, const struct nvme_uring_cmd *cmd, struct qm_diff *d)
{
	const struct qm_range r = qm_range(&m->f, cmd);

	for (uint32_t i = 0; i < r.nr; i++) {
		const struct qm_place p = qm_place(&m->f, cmd, r.pract, i);
		struct qm_block *b = qm_block(m, r.lba + i);

		if (!b || narrow(m, b, &p))
			continue;
		*d = (struct qm_diff){ .lba = r.lba + i, .index = i };
		explain(m, b, &p, d);
		return false;
	}
	return true;
}

/* --- what was changed --- */

static void write_block(struct qm *m, const struct qm_range *r, uint32_t i, const uint8_t *data,
			const uint8_t *md)
{
	const struct qm_format *f = &m->f;
	struct qm_block *b = qm_block(m, r->lba + i);

	if (!b)
		return;
	if (!md && f->md_size) {
		memset(m->scratch, 0, f->md_size);
		md = m->scratch;
	}
	qm_set(m, r->lba + i, data, md);
	if (r->pract && b->bytes)
		qm_protect(f, &r->tags, i, b->bytes, b->bytes + f->data_size);
}

static void done_write(struct qm *m, const struct nvme_uring_cmd *cmd, bool good)
{
	const struct qm_range r = qm_range(&m->f, cmd);

	for (uint32_t i = 0; good && i < r.nr; i++) {
		const struct qm_place p = qm_place(&m->f, cmd, r.pract, i);

		write_block(m, &r, i, p.data, p.md);
	}
}

/*
 * 3.3.8: zeroes, with a tuple of zeroes or, with PRACT, one that is generated; or, where
 * deallocated blocks read as zeroes, a deallocated block, whatever DEAC says; but most controllers
 * generate what PRACT asks for.
 */
static void done_zeroes(struct qm *m, const struct nvme_uring_cmd *cmd, bool good)
{
	const struct qm_range r = qm_range(&m->f, cmd);
	const bool makes = r.pract && m->f.type;
	uint8_t *zeroes = good ? calloc(1, (size_t)m->f.data_size + m->f.md_size) : NULL;

	for (uint32_t i = 0; zeroes && i < r.nr; i++) {
		struct qm_block *b = qm_block(m, r.lba + i);

		if (makes)
			write_block(m, &r, i, zeroes, zeroes + m->f.data_size);
		else if (b)
			b->may = QM_BLANK;
		if (b && m->f.drb == 1 && !(m->f.strict && makes))
			b->may |= QM_ZEROES;
	}
	free(zeroes);
}

static void done_uncorrectable(struct qm *m, const struct nvme_uring_cmd *cmd, bool good)
{
	const struct qm_range r = qm_range(&m->f, cmd);

	for (uint32_t i = 0; good && i < r.nr; i++) {
		struct qm_block *b = qm_block(m, r.lba + i);

		if (b)
			b->may = QM_UNCOR;
	}
}

/* 3.3.3: each block may be deallocated, or remain unchanged. */
static void done_dsm(struct qm *m, const struct nvme_uring_cmd *cmd, bool good)
{
	const struct nvme_dsm_range *ranges = (const void *)(uintptr_t)cmd->addr;

	(void)good;
	for (unsigned i = 0; cmd->cdw11 & NVME_DSMGMT_AD && i <= (cmd->cdw10 & 0xff); i++)
		for (uint32_t j = 0; j < ranges[i].nlb && ranges[i].slba + j < m->first + m->nr;
		     j++) {
			struct qm_block *b = qm_block(m, ranges[i].slba + j);

			if (b)
				b->may |= qm_deallocated(&m->f);
		}
}

void qm_done(struct qm *m, const struct nvme_uring_cmd *cmd, bool good)
{
	switch (cmd->opcode) {
	case nvme_cmd_write:
		done_write(m, cmd, good);
		break;
	case nvme_cmd_write_zeroes:
		done_zeroes(m, cmd, good);
		break;
	case nvme_cmd_write_uncor:
		done_uncorrectable(m, cmd, good);
		break;
	case nvme_cmd_dsm:
		done_dsm(m, cmd, good);
		break;
	case nvme_cmd_copy:
		qm_done_copy(m, cmd, good);
		break;
	}
}
