// SPDX-License-Identifier: GPL-2.0-only
/* model.c - the blocks of the namespace, and statuses; see model.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

/* --- blocks --- */

void qm_close(struct qm *m)
{
	for (uint64_t i = 0; m->blocks && i < m->nr; i++) {
		free(m->blocks[i].bytes);
		free(m->blocks[i].other);
	}
	free(m->blocks);
	free(m->scratch);
	free(m->constant);
	*m = (struct qm){ 0 };
}

struct qm_block *qm_block(const struct qm *m, uint64_t lba)
{
	return lba - m->first < m->nr ? &m->blocks[lba - m->first] : NULL;
}

unsigned qm_deallocated(const struct qm_format *f)
{
	return f->drb == 1 ? QM_ZEROES : f->drb == 2 ? QM_FFS : QM_ZEROES | QM_FFS;
}

/* QM_ZEROES, QM_FFS, QM_BLANK: 0, 1, 2. */
static int number_of(enum qm_may as)
{
	return as == QM_ZEROES ? 0 : as == QM_FFS ? 1 : 2;
}

static uint8_t *constant_of(const struct qm *m, int number)
{
	return m->constant + number * ((size_t)m->f.data_size + m->f.md_size);
}

/*
 * 3.3.3.2.1: a deallocated block has FFh in each byte of its tags, so nothing is checked. Its guard
 * is FFh, too, or is correct for the data that is read, as DLFEAT.GDS says.
 */
static void fill_constant(struct qm *m, int number)
{
	const struct qm_format *f = &m->f;
	uint8_t *data = constant_of(m, number), *md = data + f->data_size;
	struct qm_tuple t = { ~0ULL, ~0ULL, ~0ULL, 0xffff };

	memset(data, number == 1 ? 0xff : 0, (size_t)f->data_size + f->md_size);
	if (!f->type)
		return;
	m->guards[number] = qm_guard_of(f, data, md);
	if (f->gds)
		t.guard = m->guards[number];
	if (number < 2)
		qm_pack(f, &t, md);
}

const uint8_t *qm_content(const struct qm *m, const struct qm_block *b, enum qm_may as)
{
	switch (as) {
	case QM_BYTES:
		return b->bytes;
	case QM_OTHER:
		return b->other;
	default:
		return constant_of(m, number_of(as));
	}
}

uint64_t qm_content_guard(const struct qm *m, struct qm_block *b, enum qm_may as)
{
	const uint8_t *bytes = qm_content(m, b, as);
	uint64_t guard;

	if (as > QM_OTHER)
		return m->guards[number_of(as)];
	if (as == QM_BYTES && b->guarded)
		return b->guard;
	guard = qm_guard_of(&m->f, bytes, bytes + m->f.data_size);
	if (as == QM_BYTES) {
		b->guard = guard;
		b->guarded = true;
	}
	return guard;
}

bool qm_open(struct qm *m, const struct qm_format *f, uint64_t first, uint64_t nr, unsigned may)
{
	*m = (struct qm){ .f = *f, .first = first, .nr = nr };
	m->blocks = calloc(nr, sizeof(*m->blocks));
	m->scratch = malloc((size_t)f->data_size + f->md_size);
	m->constant = malloc(3 * ((size_t)f->data_size + f->md_size));
	for (uint64_t i = 0; m->blocks && i < nr; i++)
		m->blocks[i].may = may;
	for (int i = 0; m->constant && i < 3; i++)
		fill_constant(m, i);
	if (m->blocks && m->scratch && m->constant)
		return true;
	qm_close(m);
	return false;
}

void qm_set(struct qm *m, uint64_t lba, const uint8_t *data, const uint8_t *md)
{
	const struct qm_format *f = &m->f;
	struct qm_block *b = qm_block(m, lba);

	if (!b)
		return;
	if (!b->bytes)
		b->bytes = malloc((size_t)f->data_size + f->md_size);
	b->guarded = false;
	b->may = b->bytes ? QM_BYTES : QM_ANY;
	m->no_memory |= !b->bytes;
	if (!b->bytes)
		return;
	memcpy(b->bytes, data, f->data_size);
	if (f->md_size)
		memcpy(b->bytes + f->data_size, md, f->md_size);
}

/* --- statuses --- */

static const struct {
	int		word;
	bool		dnr;		/* the same command cannot succeed later */
	const char	*name;
} statuses[QS_NR] = {
	[QS_OK]			= { 0x000, false, "Successful Completion" },
	[QS_OPCODE]		= { 0x001, true, "Invalid Command Opcode" },
	[QS_FIELD]		= { 0x002, true, "Invalid Field in Command" },
	[QS_NS]			= { 0x00b, true, "Invalid Namespace or Format" },
	[QS_LBA]		= { 0x080, true, "LBA Out of Range" },
	[QS_PI]			= { 0x181, true, "Invalid Protection Information" },
	[QS_SIZE]		= { 0x183, true, "Command Size Limit Exceeded" },
	[QS_INCOMPATIBLE]	= { 0x185, true, "Incompatible Namespace or Format" },
	[QS_OVERLAP]		= { 0x187, true, "Overlapping I/O Range" },
	[QS_UNRECOVERED]	= { 0x281, false, "Unrecovered Read Error" },
	[QS_GUARD]		= { 0x282, false, "End-to-end Guard Check Error" },
	[QS_APP]		= { 0x283, false, "End-to-end Application Tag Check Error" },
	[QS_REF]		= { 0x284, false, "End-to-end Reference Tag Check Error" },
	[QS_COMPARE]		= { 0x285, false, "Compare Failure" },
	[QS_UNWRITTEN]		= { 0x287, false, "Deallocated or Unwritten Logical Block" },
	[QS_STORAGE]		= { 0x288, false, "End-to-end Storage Tag Check Error" },
	[QS_ZONE_BOUNDARY]	= { 0x1b8, false, "Zone Boundary Error" },
	[QS_ZONE_FULL]		= { 0x1b9, false, "Zone Is Full" },
	[QS_ZONE_WRITE]		= { 0x1bc, false, "Zone Invalid Write" },
};

#define CODE 0x7ff		/* SCT and SC of a status word */
#define DNR 0x4000

enum qm_status qm_status(int word)
{
	int s = 0;

	while (s < QS_NR && statuses[s].word != (word & CODE))
		s++;
	return s;
}

int qm_status_word(enum qm_status s)
{
	return statuses[s].word;
}

char *qm_status_name(int word, char buf[QM_NAME_MAX])
{
	const enum qm_status s = qm_status(word);

	if (word < 0)
		snprintf(buf, QM_NAME_MAX, "not sent: %s", strerror(-word));
	else if (!word)
		snprintf(buf, QM_NAME_MAX, "%s", statuses[QS_OK].name);
	else
		snprintf(buf, QM_NAME_MAX, "%s (%03xh%s)", s < QS_NR ? statuses[s].name : "status",
			 word & CODE, word & DNR ? ", DNR" : "");
	return buf;
}

/*
 * Base, Completion Queue Entry: DNR means that the same command is expected to fail again, which is
 * true for every error in the command itself.
 */
bool qm_allows(const struct qm_expect *e, int word)
{
	const enum qm_status s = word < 0 ? QS_NR : qm_status(word);

	if (s == QS_NR || !(e->allowed & QS(s)))
		return false;
	return e->any_dnr || !statuses[s].dnr || word & DNR;
}

void qm_expect_text(const struct qm_expect *e, char buf[QM_TEXT_MAX])
{
	int len = 0;

	buf[0] = 0;
	for (int s = 0; s < QS_NR; s++) {
		char name[QM_NAME_MAX];
		const bool dnr = statuses[s].dnr && !e->any_dnr;

		if (e->allowed & QS(s) && len < QM_TEXT_MAX - 1)
			len += snprintf(buf + len, QM_TEXT_MAX - len, "%s%s", len ? " or " : "",
					qm_status_name(statuses[s].word | (dnr ? DNR : 0), name));
	}
}
