/* SPDX-License-Identifier: GPL-2.0-only */
/* capture.h - capture the mismatch records of an I/O and compare them with the expected ones */
#ifndef TOLD_H
#define TOLD_H

#include <inttypes.h>
#include <stdlib.h>

#include "engines/io.h"
#include "unit.h"

enum { TOLD_MOST = 128 };

static struct {
	struct vfy_mismatch	r[TOLD_MOST];
	char			status[TOLD_MOST][NVME_STATUS_MAX];
	unsigned		nr;
	struct vfy_counts	counts;
	uint64_t		checked;	/* number of blocks */
} told;

static inline void capture_remember(void *ctx, const struct vfy_mismatch *r)
{
	UNIT_CHECK(ctx == &told, "the context is lost");
	vfy_count(&told.counts, r);
	if (told.nr == TOLD_MOST)
		return;
	told.r[told.nr] = *r;
	if (r->status) {		/* copy it: the string is in a buffer of the caller */
		snprintf(told.status[told.nr], NVME_STATUS_MAX, "%s", r->status);
		told.r[told.nr].status = told.status[told.nr];
	}
	told.nr++;
}

/* Complete @io with result @res and capture its records; @scratch is as in struct io_job. */
static inline int capture_end(struct io *io, int res, void *scratch)
{
	struct io_job job = { .record = capture_remember, .ctx = &told, .scratch = scratch };
	int ret;

	memset(&told, 0, sizeof(told));
	ret = io_end(io, res, &job);
	told.checked = job.stats.checked;
	return ret;
}

/* Start @io with a job that has no special options. */
static inline void capture_start(struct io *io, struct nvme_uring_cmd *cmd)
{
	struct io_job job = { .record = capture_remember, .ctx = &told };

	io_start(io, &job, cmd);
}

static inline int capture_order(const void *a, const void *b)
{
	const struct vfy_mismatch *p = a, *q = b;

	if (p->lba != q->lba)
		return p->lba < q->lba ? -1 : 1;
	return (int)p->field - (int)q->field;
}

/* Check that exactly @want was recorded, in any order, and counted.  @where is for messages. */
static inline void capture_exactly(const char *where, struct vfy_mismatch *want, unsigned nr)
{
	char wanted[256], got[256];

	if (nr)
		qsort(want, nr, sizeof(*want), capture_order);
	qsort(told.r, told.nr, sizeof(*told.r), capture_order);
	UNIT_CHECK(told.nr == nr, "%s: %u records, wanted %u", where, told.nr, nr);
	for (unsigned i = 0; i < nr && i < told.nr; i++) {
		vfy_mismatch_text(&want[i], wanted, sizeof(wanted));
		vfy_mismatch_text(&told.r[i], got, sizeof(got));
		UNIT_CHECK(!strcmp(got, wanted), "%s: '%s' instead of '%s'", where, got, wanted);
	}
	UNIT_CHECK(told.counts.total == nr, "%s: %" PRIu64 " counted", where, told.counts.total);
}

#endif
