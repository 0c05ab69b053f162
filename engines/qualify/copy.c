// SPDX-License-Identifier: GPL-2.0-only
/* copy.c - what Copy may return, and what it leaves on media; see model.h */
#include <stdlib.h>
#include <string.h>
#include "model.h"

static unsigned format_of(const struct nvme_uring_cmd *cmd)
{
	return cmd->cdw12 >> 8 & 0xf;
}

static unsigned nr_sources(const struct nvme_uring_cmd *cmd)
{
	return (cmd->cdw12 & 0xff) + 1;
}

/* Returns the destination as a range; ->nr is the sum of all sources. */
static struct qm_range destination(const struct qm_format *f, const struct nvme_uring_cmd *cmd)
{
	struct qm_range r = qm_range(f, cmd);

	r.nr = 0;
	for (unsigned i = 0; i < nr_sources(cmd); i++)
		r.nr += qm_source(f, cmd, i).range.nr;
	return r;
}

static bool out_of_range(const struct qm_format *f, const struct qm_range *r)
{
	return r->lba >= f->nr_blocks || r->nr > f->nr_blocks - r->lba;
}

static bool overlap(const struct qm_range *a, const struct qm_range *b)
{
	return a->lba < b->lba ? b->lba - a->lba < a->nr : a->lba - b->lba < b->nr;
}

/* 4h copies from a namespace of memory: no block of this one can be its source. */
enum { MEMORY_FORMAT = 4 };

/*
 * 3.3.2: checks the descriptor format, which depends on the guard; and figure 39, the namespace
 * that is named.
 */
static uint32_t check_format(const struct qm_format *f, const struct nvme_uring_cmd *cmd)
{
	const unsigned format = format_of(cmd);
	uint32_t wrong = 0;

	if (!(f->copy_formats >> format & 1))
		return QS(QS_FIELD);
	if (format == MEMORY_FORMAT)
		return f->type ? QS(QS_NS) : QS(QS_NS) | QS(QS_FIELD) | QS(QS_INCOMPATIBLE);
	if (!qm_source_size(format))
		return QS(QS_FIELD);
	if (f->type && (format & 1) != (f->pif != 0))
		wrong |= QS(QS_NS);
	for (unsigned i = 0; i < nr_sources(cmd); i++)
		if (qm_source(f, cmd, i).nsid != f->nsid)
			wrong |= QS(QS_NS) | QS(QS_FIELD) | QS(QS_INCOMPATIBLE);
	return wrong;
}

/* 3.3.2: checks MSRC, MSSRL, MCL, and that the ranges are in the namespace. */
static uint32_t check_limits(const struct qm_format *f, const struct nvme_uring_cmd *cmd,
			     const struct qm_range *to)
{
	uint32_t wrong = 0;

	if (nr_sources(cmd) > f->copy_ranges || to->nr > f->copy_blocks)
		wrong |= QS(QS_SIZE);
	if (out_of_range(f, to))
		wrong |= QS(QS_LBA);
	for (unsigned i = 0; i < nr_sources(cmd); i++) {
		const struct qm_range from = qm_source(f, cmd, i).range;

		if (from.nr > f->copy_range)
			wrong |= QS(QS_SIZE);
		if (out_of_range(f, &from))
			wrong |= QS(QS_LBA);
		if (format_of(cmd) & 2 && overlap(&from, to))
			wrong |= QS(QS_OVERLAP);
	}
	return wrong;
}

/* 5.3.2.5.1, and 5.3.3 for the tags of all ranges: checks PRINFO. */
static uint32_t check_prinfo(const struct qm_format *f, const struct nvme_uring_cmd *cmd,
			     const struct qm_range *to, bool *may)
{
	struct qm_range write = *to;
	uint32_t wrong, soft;
	bool one;

	if (write.pract)
		write.checks = 0;
	soft = qm_admit(f, &write, may);
	wrong = *may ? 0 : soft;
	for (unsigned i = 0; i < nr_sources(cmd); i++) {
		const struct qm_range from = qm_source(f, cmd, i).range;
		const uint32_t admit = qm_admit(f, &from, &one);

		if (from.pract != to->pract)
			wrong |= QS(QS_FIELD);
		*may |= one;
		if (!one)
			wrong |= admit;
	}
	return wrong;
}

/*
 * 5.3.2.5: blocks that are copied unchanged are checked with the command's own tags, as in a Write.
 */
static uint32_t check_written(struct qm *m, const struct qm_range *from, const struct qm_range *to,
			      uint32_t done)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < from->nr && !to->pract; i++) {
		struct qm_block *b = qm_block(m, from->lba + i);

		for (unsigned as = QM_BYTES; b && as <= QM_BLANK; as <<= 1) {
			const uint8_t *bytes = b->may & as ? qm_content(m, b, as) : NULL;

			if (bytes)
				all |= qm_check_block(&m->f, to, done + i, bytes,
						      bytes + m->f.data_size, NULL);
		}
	}
	return all;
}

struct qm_expect qm_expect_copy(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const struct qm_format *f = &m->f;
	uint32_t wrong = check_format(f, cmd), done = 0;
	struct qm_expect e = { .allowed = QS(QS_OK) };
	struct qm_range to;

	if (format_of(cmd) == MEMORY_FORMAT || (wrong & QS(QS_FIELD) && !(wrong & QS(QS_NS))))
		return (struct qm_expect){ .allowed = wrong };
	to = destination(f, cmd);
	wrong |= check_limits(f, cmd, &to) | check_prinfo(f, cmd, &to, &e.any_dnr);
	if (wrong)
		return (struct qm_expect){ .allowed = wrong };
	for (unsigned i = 0; i < nr_sources(cmd); i++) {
		const struct qm_range from = qm_source(f, cmd, i).range;
		const uint32_t read = qm_check_media(m, &from);
		const uint32_t write = check_written(m, &from, &to, done);

		if (!(read & QS(QS_OK)) || write)
			e.allowed &= ~QS(QS_OK);
		e.allowed |= (read & ~QS(QS_OK)) | write;
		done += from.nr;
	}
	if (e.any_dnr)
		e.allowed |= QS(QS_PI);
	return e;
}

/* --- effects --- */

/*
 * Returns what a copy of @from leaves: its content in @bytes, and other contents that are possible;
 * QM_ANY: unknown.
 */
static unsigned copied(struct qm *m, const struct qm_block *from, uint8_t *bytes)
{
	const unsigned may = from ? from->may : QM_ANY;

	if (may & (may - 1) || may & (QM_UNCOR | QM_ANY))
		return QM_ANY;
	memcpy(bytes, qm_content(m, from, may), (size_t)m->f.data_size + m->f.md_size);
	/* A deallocated block may be copied as such. */
	return QM_BYTES | (may & (QM_ZEROES | QM_FFS));
}

static void keep_old(struct qm_block *b, unsigned may, uint8_t **bytes)
{
	uint8_t *old = b->other;

	if (b->may & QM_OTHER || may & QM_ANY) {
		b->may = QM_ANY;
		return;
	}
	b->other = *bytes;
	*bytes = old;
	b->may |= QM_OTHER | (may & ~QM_BYTES);
}

static void copy_block(struct qm *m, uint64_t from, const struct qm_range *to, uint32_t i,
		       bool good)
{
	const struct qm_format *f = &m->f;
	struct qm_block *b = qm_block(m, to->lba + i);
	uint8_t *bytes = malloc((size_t)f->data_size + f->md_size);
	unsigned may;

	if (b && !bytes) {
		b->may = QM_ANY;
		m->no_memory = true;
	}
	if (!b || !bytes) {
		free(bytes);
		return;
	}
	may = copied(m, qm_block(m, from), bytes);
	if (to->pract && may & QM_BYTES)
		qm_protect(f, &to->tags, i, bytes, bytes + f->data_size);
	if (!good) {
		keep_old(b, may, &bytes);
	} else if (may & QM_ANY) {
		b->may = QM_ANY;
	} else {
		qm_set(m, to->lba + i, bytes, bytes + f->data_size);
		b->may |= may;
	}
	free(bytes);
}

/*
 * 3.3.2.5: a Copy that fails may have copied a part, or all; but most controllers check first. 3.3.2: if blocks of the destination are
 * sources as well, they may have the content of any of them.
 */
void qm_done_copy(struct qm *m, const struct nvme_uring_cmd *cmd, bool good)
{
	const struct qm_format *f = &m->f;
	struct qm_range to;
	bool mixed = false;
	uint32_t done = 0;

	if (check_format(f, cmd))
		return;
	to = destination(f, cmd);
	if (!good && f->strict && nr_sources(cmd) == 1)
		return;
	for (unsigned i = 0; i < nr_sources(cmd); i++) {
		const struct qm_range from = qm_source(f, cmd, i).range;

		mixed |= overlap(&from, &to);
	}
	for (unsigned i = 0; i < nr_sources(cmd); i++) {
		const struct qm_range from = qm_source(f, cmd, i).range;

		for (uint32_t j = 0; j < from.nr; j++, done++) {
			struct qm_block *b = qm_block(m, to.lba + done);

			if (mixed && b)
				b->may = QM_ANY;
			else if (b)
				copy_block(m, from.lba + j, &to, done, good);
		}
	}
}
