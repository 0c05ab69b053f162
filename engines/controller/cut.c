// SPDX-License-Identifier: GPL-2.0-only
/* cut.c - see cut.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "verify/hash.h"
#include "cut.h"
#include "defect-cut.h"

/* The records that count, newest first. */
struct records {
	const struct ctl_record	**r;
	size_t			nr;
};

/* The blocks of later FUA commands; what was changed before them is durable. */
struct hardened {
	const struct ctl_record	**r;
	size_t			nr;
};

static int newest_first(const void *a, const void *b)
{
	const struct ctl_record *const *x = a, *const *y = b;

	return (*x)->number < (*y)->number ? 1 : -1;
}

/* A record may be damaged, as any file: one that does not fit the image is none. */
static bool counts(const struct ctl_image *img, const struct ctl_cache_head *h,
		   const struct ctl_record *r)
{
	return r->number >= ctl_defect_cut_from(h) && r->number && r->number < h->next &&
	       r->lba < img->format.nr_blocks && r->durable <= img->format.nr_blocks - r->lba;
}

static int collect(const struct ctl_image *img, const struct ctl_cache *c, struct records *all)
{
	const uint64_t slots = ctl_cache_slots(img);
	uint64_t most = 0;

	for (unsigned w = 0; w < CTL_NR_JOURNALS; w++)
		most += c->head->filled[w] < slots ? c->head->filled[w] : slots;
	all->nr = 0;
	all->r = calloc(most + 1, sizeof(*all->r));
	if (!all->r)
		return -ENOMEM;
	for (unsigned w = 0; w < CTL_NR_JOURNALS; w++)
		for (uint64_t i = 0; i < slots && i < c->head->filled[w]; i++) {
			const struct ctl_record *r = ctl_cache_slot(img, c, w, i);

			if (counts(img, c->head, r))
				all->r[all->nr++] = r;
		}
	qsort(all->r, all->nr, sizeof(*all->r), newest_first);
	return 0;
}

static bool is_hardened(const struct hardened *fua, uint64_t lba)
{
	for (size_t i = 0; i < fua->nr; i++)
		if (lba >= fua->r[i]->lba && lba - fua->r[i]->lba < fua->r[i]->durable)
			return true;
	return false;
}

/*
 * A drive writes its cache in any order.  So each block has a moment of its own, drawn by the seed,
 * at which it was written last: never, at the end, or in between.  Later changes are lost.
 */
static bool is_lost(const struct ctl_cache_head *h, const struct ctl_record *r)
{
	const uint64_t draw = vfy_hash(vfy_hash(h->seed + h->next) ^ r->lba);

	if (draw % 4 < 2)
		return draw % 4;
	return r->number >= h->durable + (draw >> 2) % (h->next - h->durable);
}

/* Put a block back to what it was before a change. */
static int restore(const struct ctl_image *img, struct ctl_journal *j, const struct ctl_record *r)
{
	int ret;

	memcpy(j->blocks, r->block, img->media.data_size + img->media.md_size);
	ret = ctl_journal_apply_to(img, j, r->written ? CTL_WRITE : CTL_DEALLOCATE, r->lba);
	return ret || !r->bad ? ret : ctl_journal_apply_to(img, j, CTL_SPOIL, r->lba);
}

/* Undo what is lost, from the newest to the oldest. */
static int undo(const struct ctl_image *img, const struct ctl_cache *c, const struct records *all,
		struct hardened *fua, struct ctl_cut *cut)
{
	const size_t size = sizeof(struct ctl_journal) + img->media.data_size + img->media.md_size;
	struct ctl_journal *j = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
	int ret = j ? 0 : -ENOMEM;

	for (size_t i = 0; i < all->nr && !ret; i++) {
		const struct ctl_record *r = all->r[i];

		cut->cached += !r->durable;
		if (r->durable) {
			fua->r[fua->nr++] = r;
		} else if (!is_hardened(fua, r->lba) && is_lost(c->head, r)) {
			cut->lost++;
			ret = c->head->flaws ? ctl_defect_cut(img, c->head->flaws, r, j) :
			      restore(img, j, r);
		}
	}
	free(j);
	return ret;
}

int ctl_cut(struct ctl_image *img, const struct ctl_cache *c, struct ctl_cut *cut)
{
	struct records all;
	struct hardened fua = { 0 };
	int ret = collect(img, c, &all);

	*cut = (struct ctl_cut){ 0 };
	if (ret)
		return ret;
	fua.r = calloc(all.nr + 1, sizeof(*fua.r));
	ret = fua.r ? undo(img, c, &all, &fua, cut) : -ENOMEM;
	free(fua.r);
	free(all.r);
	return ret;
}
