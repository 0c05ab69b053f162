// SPDX-License-Identifier: GPL-2.0-only
/* check.c - the results of checks of protection information; see model.h */
#include "model.h"

/*
 * 5.3.3: returns whether a tuple escapes: an application tag of all ones; for type 3 a reference
 * tag of all ones as well.
 */
static bool escapes(const struct qm_format *f, const struct qm_tuple *t)
{
	if (t->app != 0xffff)
		return false;
	return f->type != 3 || t->ref == qm_ones(qm_ref_bits(f));
}

/* Returns those of the errors of one block that may be reported. */
static uint32_t reported(const struct qm_format *f, uint32_t wrong)
{
	static const enum qm_status order[] = { QS_GUARD, QS_APP, QS_STORAGE, QS_REF };

	for (int i = 0; i < 4 && f->strict; i++)
		if (wrong & QS(order[i]))
			return QS(order[i]);
	return wrong;
}

/*
 * 5.3.3: which of several errors is reported is not specified, so any of them may be. @guard is the
 * correct guard if it is known, or NULL.
 */
uint32_t qm_check_block(const struct qm_format *f, const struct qm_range *r, uint32_t i,
			const uint8_t *data, const uint8_t *md, const uint64_t *guard)
{
	uint32_t wrong = 0;
	struct qm_tuple t;

	if (!f->type || !r->checks)
		return 0;
	t = qm_unpack(f, md);
	if (escapes(f, &t))
		return 0;
	if (r->checks & QM_GUARD && t.guard != (guard ? *guard : qm_guard_of(f, data, md)))
		wrong |= QS(QS_GUARD);
	if (r->checks & QM_APP && (t.app ^ r->tags.app) & r->tags.app_mask)
		wrong |= QS(QS_APP);
	if (r->checks & QM_STORAGE &&
	    (t.storage ^ r->tags.storage) & f->storage_mask & qm_ones(f->sts))
		wrong |= QS(QS_STORAGE);
	if (r->checks & QM_REF && f->type != 3 && t.ref != qm_ref_at(f, r->tags.ref, i))
		wrong |= QS(QS_REF);
	return reported(f, wrong);
}

static uint32_t check_as(struct qm *m, struct qm_block *b, enum qm_may as,
			 const struct qm_range *r, uint32_t i)
{
	const bool guarded = m->f.type && r->checks & QM_GUARD;
	const uint64_t guard = guarded ? qm_content_guard(m, b, as) : 0;
	const uint8_t *bytes = qm_content(m, b, as);

	return qm_check_block(&m->f, r, i, bytes, bytes + m->f.data_size, guarded ? &guard : NULL);
}

/* Returns the errors with which one block may end a command, with QS_OK if it need not. */
static uint32_t check_one(struct qm *m, const struct qm_range *r, uint32_t i)
{
	struct qm_block *b = qm_block(m, r->lba + i);
	uint32_t all = 0;

	if (!b || b->may & QM_ANY)
		return QS(QS_OK) | QM_MEDIA_ERRORS | (m->f.dulbe ? QS(QS_UNWRITTEN) : 0);
	if (b->may & QM_UNCOR)
		all |= QS(QS_UNRECOVERED);
	for (unsigned as = QM_BYTES; as <= QM_BLANK; as <<= 1)
		if (m->f.dulbe && b->may & as & QM_DEALLOCATED) {	/* 3.3.3.2.1 */
			all |= QS(QS_UNWRITTEN);
		} else if (b->may & as) {
			const uint32_t wrong = check_as(m, b, as, r, i);

			all |= wrong ? wrong : QS(QS_OK);
		}
	return all;
}

uint32_t qm_check_media(struct qm *m, const struct qm_range *r)
{
	uint32_t all = 0;
	bool good = true, found = false;	/* @found: an earlier block fails its checks */

	for (uint32_t i = 0; i < r->nr; i++) {
		const uint32_t one = check_one(m, r, i);

		all |= m->f.strict && found ? one & ~QM_TAG_ERRORS : one;
		found |= !(one & QS(QS_OK)) && one & QM_TAG_ERRORS;
		good &= one & QS(QS_OK) ? true : false;
	}
	return (all & ~QS(QS_OK)) | (good ? QS(QS_OK) : 0);
}

/*
 * 5.3.3: type 1 requires the low bits of SLBA. Type 3 should not compare, and a command that
 * requests it may be aborted with Invalid Protection Information.
 */
uint32_t qm_admit(const struct qm_format *f, const struct qm_range *r, bool *may)
{
	*may = false;
	if (!(r->checks & QM_REF))
		return 0;
	if (f->type == 1 && r->tags.ref != (r->lba & qm_ones(qm_ref_bits(f))))
		return QS(QS_PI);
	*may = f->type == 3;
	return f->type == 3 ? QS(QS_PI) : 0;
}
