// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-cache.c - defects: Flush, FUA, and what a power loss leaves of a volatile write cache;
 * see defect.h
 */
#include <pthread.h>
#include "cache.h"
#include "defect-cut.h"
#include "defect-parts.h"
#include "image.h"

static bool has_fua(const struct ctl_act *a)
{
	return a->cmd.cdw12 >> 30 & 1;
}

static int flush_until(const struct ctl_act *a, uint64_t until)
{
	const int ret = ctl_image_sync(a->port->image);

	if (!ret)
		ctl_cache_commit(a->img, until);
	return ret;
}

static int does_nothing(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return a->img->cache ? 0 : CTL_GO_ON;
}

/* What was written since the last Write of this job began is not flushed. */
static int forgets_last(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	if (!a->img->cache)
		return CTL_GO_ON;
	if (a->op == OP_FLUSH)
		return flush_until(a, a->all->cache_mark);
	a->all->cache_mark = ctl_cache_now(a->img);
	return CTL_GO_ON;
}

/* A Flush does what the Flush before should have done. */
static int is_late(struct ctl_act *a, const struct ctl_defect *d)
{
	uint64_t before;

	(void)d;
	if (!a->img->cache)
		return CTL_GO_ON;
	before = a->all->cache_mark;
	a->all->cache_mark = ctl_cache_now(a->img);
	return flush_until(a, before);
}

/* Every other Flush does nothing. */
static int is_lazy(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return a->img->cache && a->all->cache_mark++ % 2 ? 0 : CTL_GO_ON;
}

/* At most @p blocks are flushed, the oldest. */
static int flushes_few(struct ctl_act *a, const struct ctl_defect *d)
{
	uint64_t until;

	if (!a->img->cache)
		return CTL_GO_ON;
	until = atomic_load(&a->img->cache->head->durable) + d->p;
	return flush_until(a, until < ctl_cache_now(a->img) ? until : ctl_cache_now(a->img));
}

/* FUA is ignored in commands of more than @p blocks. */
static int ignores_fua(struct ctl_act *a, const struct ctl_defect *d)
{
	if (a->r.nr > d->p)
		a->cmd.cdw12 &= ~(1u << 30);
	return CTL_GO_ON;
}

/* FUA writes all blocks but the last @p to media. */
static int fua_stops_early(struct ctl_act *a, const struct ctl_defect *d)
{
	struct nvme_uring_cmd cmd = a->cmd;
	int ret;

	if (!has_fua(a) || !a->img->cache)
		return CTL_GO_ON;
	cmd.cdw12 &= ~(1u << 30);
	ret = ctl_act_honest(a, &cmd);
	if (!ret && a->r.nr > d->p)
		ctl_cache_harden(a->img, a->port->nr, a->r.lba, a->r.nr - d->p);
	return ret;
}

/* Record in the cache the defect @p of the next power loss. */
static int cuts_badly(struct ctl_act *a, const struct ctl_defect *d)
{
	if (a->img->cache)
		atomic_fetch_or(&a->img->cache->head->flaws, d->p);
	return CTL_GO_ON;
}

#define FLUSH(_name, _what, _command) .name = _name, .what = _what, .ops = OP_FLUSH, .command = _command
#define FUA(_name, _what, _command) .name = _name, .what = _what, .ops = OP_WRITE, .command = _command
#define CUT(_name, _what, _flaw) \
	.name = _name, .what = _what, .ops = OP_WRITE, .command = cuts_badly, .p = _flaw

static const struct ctl_defect rows[] = {
	{ FLUSH("flush-does-nothing", "Flush writes nothing to media", does_nothing) },
	{ FLUSH("flush-every-other", "every other Flush writes nothing to media", is_lazy) },
	{ "flush-forgets-last", "Flush leaves what the last Write before it wrote", OP_FLUSH | OP_WRITE,
	  .command = forgets_last },
	{ FLUSH("flush-is-late", "Flush writes what was there at the Flush before", is_late) },
	{ FLUSH("flush-only-eight", "Flush writes no more than eight blocks", flushes_few), .p = 8 },
	{ FUA("fua-ignored", "Write ignores FUA", ignores_fua), .p = 0 },
	{ FUA("fua-ignored-in-runs", "Write of more than one block ignores FUA", ignores_fua), .p = 1 },
	{ FUA("fua-ignored-when-busy", "Write ignores FUA while other commands are in flight", ignores_fua),
	  .p = 0, .when = ctl_when_depth, .at = 2 },
	{ FUA("fua-not-last-block", "Write with FUA leaves its last block in the cache", fua_stops_early),
	  .p = 1 },
	{ CUT("cut-loses-metadata", "a cut leaves new data with the old metadata", CUT_KEEPS_DATA), .on = ON_MD },
	{ CUT("cut-loses-data", "a cut leaves old data with the new metadata", CUT_KEEPS_MD), .on = ON_MD },
	{ CUT("cut-tears-block", "a cut leaves half of the new data", CUT_TEARS) },
	{ CUT("cut-keeps-tuple", "a cut leaves the new tuple beside the old data and metadata",
	      CUT_KEEPS_TUPLE), .on = ON_PI },
	{ CUT("cut-loses-neighbour", "a cut deallocates the other block of a pair, too", CUT_NEIGHBOUR) },
	{ CUT("cut-deallocates", "a cut leaves a block deallocated that was written before",
	      CUT_DEALLOCATES) },
	{ CUT("cut-misplaces", "a cut puts the old contents of a block into the next one", CUT_OTHER_LBA) },
	{ CUT("cut-unreadable", "a cut leaves a block that can't be read", CUT_UNREADABLE) },
	{ CUT("cut-too-far", "a cut loses changes that were flushed, too", CUT_TOO_FAR) },
};

const struct ctl_defect_table ctl_defects_cache = { rows, sizeof(rows) / sizeof(rows[0]) };
