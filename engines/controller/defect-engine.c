// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-engine.c - the commands with data, written out so that defects can take part; without a
 * defect the results are those of read.c and write.c; see defect-parts.h
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "defect-parts.h"
#include "image.h"
#include "map.h"

/*
 * Blocks of a Verify or Write Zeroes that are in memory at a time: as many as read.c looks at, which
 * decides what is reported of an uncorrectable block behind one that fails a check.
 */
#define PIECE 1024u

/* --- for the tables --- */

int ctl_act_honest(struct ctl_act *a, const struct nvme_uring_cmd *cmd)
{
	return ctl_io(a->port, cmd, a->may_write);
}

int ctl_act_fetch(struct ctl_act *a, uint64_t lba, uint32_t nr, uint8_t *data, uint8_t *md)
{
	const struct pi_layout *l = &a->img->media;
	const struct ctl_blocks to = {
		.data = data, .data_stride = l->data_size,
		.md = l->md_size ? md : NULL, .md_stride = l->md_size,
	};

	return ctl_read(a->port, &(struct ctl_range){ .lba = lba, .nr = nr }, &to);
}

int ctl_act_store(struct ctl_act *a, uint64_t lba, uint32_t nr, const uint8_t *data,
		  const uint8_t *md)
{
	const struct ctl_image *img = a->img;
	const size_t ds = img->media.data_size, ms = img->media.md_size;
	char why[WHY_MAX];
	int ret = a->may_write ? ctl_port_claim(a->port, why) : -EACCES;

	for (uint32_t i = 0, n; i < nr && !ret; i += n) {
		n = nr - i < img->chunk_blocks ? nr - i : img->chunk_blocks;
		memcpy(ctl_journal_data(a->port), data + i * ds, n * ds);
		memcpy(ctl_journal_md(a->port, n), md + i * ms, n * ms);
		ret = ctl_change(a->port, CTL_WRITE, lba + i, n);
	}
	return ret;
}

uint64_t ctl_act_guard(const struct pi_layout *l, const void *data, size_t len, const void *md,
		       size_t md_len)
{
	const struct guard_job job = {
		.data = data, .data_len = len, .data_stride = len,
		.md = md, .md_len = md_len, .md_stride = md_len, .nr = 1,
	};
	uint64_t guard;

	l->format->guard(&job, &guard);
	return guard;
}

int ctl_act_relax(struct ctl_act *a, const struct ctl_defect *d)
{
	a->lax |= d->p | NEEDS_ENGINE;
	return CTL_GO_ON;
}

static bool is_marked(const struct ctl_map *map, uint64_t lba)
{
	bool set;

	ctl_map_run(map, lba, 1, &set);
	return set;
}

bool ctl_act_is_bad(const struct ctl_act *a, uint64_t lba)
{
	return is_marked(&a->img->bad, lba);
}

bool ctl_act_is_written(const struct ctl_act *a, uint64_t lba)
{
	return is_marked(&a->img->written, lba);
}

/* --- defects take part --- */

static void tell_block(struct ctl_tuple *t, unsigned stage)
{
	for (unsigned i = 0; i < t->a->all->nr; i++) {
		const struct ctl_defect *d = t->a->all->active[i];

		if (d->block && d->stages & stage && ctl_defect_holds(t->a, d, t->i))
			d->block(t, d);
	}
}

static void tell_blocks(struct ctl_act *a, unsigned stage)
{
	for (unsigned i = 0; i < a->all->nr; i++) {
		const struct ctl_defect *d = a->all->active[i];

		if (d->blocks && d->stages & stage && ctl_defect_holds(a, d, CTL_WHOLE))
			d->blocks(a, d);
	}
}

/* --- tuples --- */

/* Block @i of the command, with what its tuple should be. */
static struct ctl_tuple tuple_of(struct ctl_act *a, uint32_t i, const uint8_t *data, uint8_t *md)
{
	const struct pi_layout *l = &a->img->media;
	const struct pi_tags *tags = &a->r.tags;
	const uint32_t offset = pi_tuple_offset(l);
	struct ctl_tuple t = {
		.a = a, .l = l, .i = i, .data = data, .md = md, .offset = offset,
		.is = pi_tuple_get(l, md + offset),
		.want = {
			.guard = ctl_act_guard(l, data, l->data_size, md, offset),
			.app = tags->app, .storage = tags->storage, .ref = pi_ref_at(l, tags, i),
		},
		.mask = { UINT64_MAX, tags->storage_mask, pi_ones(pi_ref_bits(l)), tags->app_mask },
		.checks = a->r.checks & ~(l->type == PI_TYPE3 || !pi_ref_bits(l) ? PI_REF : 0u),
		.order = "gasr",
	};

	t.escapes = pi_escapes(l, &t.is);
	return t;
}

/* Check one field; returns the status of its failure, or 0. */
static int check_field(const struct ctl_tuple *t, char field)
{
	switch (field) {
	case 'g':
		return t->checks & PI_GUARD && (t->is.guard ^ t->want.guard) & t->mask.guard ?
		       NVME_ST_GUARD : 0;
	case 'a':
		return t->checks & PI_APP && (t->is.app ^ t->want.app) & t->mask.app ? NVME_ST_APP : 0;
	case 's':
		return t->checks & PI_STORAGE && (t->is.storage ^ t->want.storage) & t->mask.storage ?
		       NVME_ST_STORAGE : 0;
	default:
		return t->checks & PI_REF && (t->is.ref ^ t->want.ref) & t->mask.ref ? NVME_ST_REF : 0;
	}
}

static int judge(struct ctl_act *a, const uint8_t *data, uint8_t *md, bool host)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;
	int ret = 0;

	for (uint32_t i = 0; ctl_has_pi(a->img) && i < a->nr && !ret && !a->silent; i++) {
		struct ctl_tuple t = tuple_of(a, a->first + i, data + i * ds, md + i * ms);

		t.host = host;
		tell_block(&t, AT_CHECK);
		for (const char *field = t.order; *field && !ret && !t.escapes; field++)
			ret = check_field(&t, *field);
	}
	return ret;
}

static void make(struct ctl_act *a)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;

	for (uint32_t i = 0; i < a->nr; i++) {
		struct ctl_tuple t = tuple_of(a, a->first + i, a->data + i * ds, a->md + i * ms);

		t.making = true;
		tell_block(&t, AT_MAKE);
		pi_tuple_put(t.l, t.md + t.offset, &t.want);
	}
}

/* --- the commands --- */

static int admit(struct ctl_act *a)
{
	return a->lax & LAX_ADMIT ? 0 : ctl_admit(a->img, &a->r);
}

/* Check limits, and locate the host's buffers. */
static int begin(struct ctl_act *a, struct ctl_blocks *host)
{
	int ret = a->lax & LAX_MDTS ? 0 : ctl_transfer_allowed(a->img, &a->r);

	ret = ret ? ret : ctl_in_range(a->img, a->r.lba, a->r.nr);
	return ret ? ret : ctl_host_blocks(a->img, &a->cmd, &a->r, host);
}

static void transfer(struct ctl_act *a, const struct ctl_blocks *host, bool in)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;

	if (in)
		ctl_copy_blocks(a->data, ds, host->data, host->data_stride, ds, a->nr);
	else
		ctl_copy_blocks(host->data, host->data_stride, a->data, ds, ds, a->nr);
	if (host->md && in)
		ctl_copy_blocks(a->md, ms, host->md, host->md_stride, ms, a->nr);
	else if (host->md)
		ctl_copy_blocks(host->md, host->md_stride, a->md, ms, ms, a->nr);
}

static int run_read(struct ctl_act *a)
{
	struct ctl_blocks host;
	int ret = begin(a, &host);

	ret = ret ? ret : admit(a);
	ret = ret ? ret : ctl_act_fetch(a, a->r.lba, a->nr, a->data, a->md);
	if (ret)
		return ret;
	tell_blocks(a, AT_FETCH);
	ret = judge(a, a->data, a->md, false);
	if (ret)
		return ret;
	tell_blocks(a, AT_DELIVER);
	transfer(a, &host, false);
	return 0;
}

static int run_write(struct ctl_act *a)
{
	const bool checks = !a->r.pract || a->lax & CHECKS_MADE;
	struct ctl_blocks host;
	int ret = begin(a, &host);

	if (ret)
		return ret;
	transfer(a, &host, true);
	tell_blocks(a, AT_FETCH);
	ret = checks ? admit(a) : 0;
	ret = ret || !checks ? ret : judge(a, a->data, a->md, true);
	if (ret)
		return ret;
	if (a->r.pract)
		make(a);
	tell_blocks(a, AT_DELIVER);
	return ctl_act_store(a, a->r.lba, a->nr, a->data, a->md);
}

/* Compare the metadata outside the tuple. */
static bool same_md(const struct ctl_act *a, const uint8_t *x, const uint8_t *y)
{
	const struct pi_layout *l = &a->img->media;
	const size_t head = ctl_has_pi(a->img) ? pi_tuple_offset(l) : l->md_size;
	const size_t tail = ctl_has_pi(a->img) ? head + l->format->tuple_size : l->md_size;

	return !memcmp(x, y, head) && !memcmp(x + tail, y + tail, l->md_size - tail);
}

static int run_compare(struct ctl_act *a)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;
	struct ctl_blocks host;
	int ret = a->r.pract && !(a->lax & LAX_PRACT) ? NVME_ST_INVALID_PI | NVME_ST_DNR : begin(a, &host);

	ret = ret ? ret : ctl_act_fetch(a, a->r.lba, a->nr, a->media, a->media_md);
	if (ret)
		return ret;
	transfer(a, &host, true);
	tell_blocks(a, AT_FETCH);
	if (memcmp(a->data, a->media, a->nr * ds))
		return NVME_ST_COMPARE;
	ret = admit(a);
	ret = ret ? ret : judge(a, a->media, a->media_md, false);
	ret = ret || !host.md ? ret : judge(a, a->data, a->md, true);
	for (uint32_t i = 0; host.md && i < a->nr && !ret; i++)
		ret = same_md(a, a->md + i * ms, a->media_md + i * ms) ? 0 : NVME_ST_COMPARE;
	return ret;
}

static int run_verify(struct ctl_act *a)
{
	int ret = admit(a);

	if (!ret && a->r.pract && !(a->lax & LAX_PRACT))
		ret = CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	ret = ret ? ret : ctl_in_range(a->img, a->r.lba, a->r.nr);
	for (; a->first < a->r.nr && !ret; a->first += a->nr) {
		a->nr = a->r.nr - a->first < PIECE ? a->r.nr - a->first : PIECE;
		ret = ctl_act_fetch(a, a->r.lba + a->first, a->nr, a->data, a->md);
		if (ret)
			break;
		tell_blocks(a, AT_FETCH);
		ret = judge(a, a->data, a->md, false);
	}
	return ret;
}

static int run_zeroes(struct ctl_act *a)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;
	int ret = ctl_in_range(a->img, a->r.lba, a->r.nr);

	if (a->lax & LAX_PRCHK) {
		a->cmd.cdw12 &= ~(7u << 26 | 1u << 24);
		a->r.checks = 0;
	}
	if (ret || !a->r.pract || a->r.checks)
		return ctl_act_honest(a, &a->cmd);
	for (; a->first < a->r.nr && !ret; a->first += a->nr) {
		a->nr = a->r.nr - a->first < PIECE ? a->r.nr - a->first : PIECE;
		memset(a->data, 0, a->nr * ds);
		memset(a->md, 0, a->nr * ms);
		make(a);
		tell_blocks(a, AT_DELIVER);
		ret = ctl_act_store(a, a->r.lba + a->first, a->nr, a->data, a->md);
	}
	return ret;
}

static const struct {
	unsigned	op;
	int		(*run)(struct ctl_act *a);
} runs[] = {
	{ OP_READ, run_read }, { OP_WRITE, run_write }, { OP_COMPARE, run_compare },
	{ OP_VERIFY, run_verify }, { OP_ZEROES, run_zeroes },
};

/* Does the engine execute this command?  A command that is refused at once is left to io.c. */
static bool by_engine(const struct ctl_act *a)
{
	const struct ctl_image *img = a->img;
	const bool disabled = !img->behavior[CTL_LBAFEE] && ctl_has_pi(img) &&
			      (img->format.ns.pif || img->media.sts);
	bool wanted = a->lax;

	if (a->cmd.flags || a->cmd.nsid != 1 || disabled)
		return false;
	if (a->op & OP_MAKES && !a->may_write)
		return false;
	for (unsigned i = 0; i < a->all->nr; i++)
		wanted |= a->all->active[i]->ops & a->op &&
			  (a->all->active[i]->block || a->all->active[i]->blocks);
	return wanted;
}

/* Allocate the buffers; ctl_defects_io() frees them.  Blocks have some bytes after their last. */
static bool allocate(struct ctl_act *a)
{
	const bool pieces = a->op & (OP_VERIFY | OP_ZEROES);
	const uint32_t n = pieces && a->r.nr > PIECE ? PIECE : a->r.nr;
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;

	a->nr = n;
	a->data = calloc(n, ds);
	a->md = calloc(n, ms + 16);
	a->media = a->op == OP_COMPARE ? calloc(n, ds) : NULL;
	a->media_md = a->op == OP_COMPARE ? calloc(n, ms + 16) : NULL;
	return a->data && a->md && (a->op != OP_COMPARE || (a->media && a->media_md));
}

int ctl_act_run(struct ctl_act *a)
{
	unsigned i = 0;
	int ret;

	a->r = ctl_range_of(a->img, &a->cmd);
	while (i < sizeof(runs) / sizeof(runs[0]) && runs[i].op != a->op)
		i++;
	if (i == sizeof(runs) / sizeof(runs[0]) || !by_engine(a))
		return ctl_act_honest(a, &a->cmd);
	if (!allocate(a))
		return -ENOMEM;
	ret = runs[i].run(a);
	if (!ret && a->cmd.cdw12 >> 30 & 1)		/* FUA */
		ret = ctl_fua(a->port, &a->cmd);
	return ret;
}
