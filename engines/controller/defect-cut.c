// SPDX-License-Identifier: GPL-2.0-only
/* defect-cut.c - see defect-cut.h */
#include <string.h>
#include "defect-cut.h"
#include "map.h"

uint64_t ctl_defect_cut_from(const struct ctl_cache_head *h)
{
	return h->flaws & CUT_TOO_FAR ? 1 : h->durable;
}

/* Copy into @block the parts that a defect leaves as they are on media. */
static void keep_parts(const struct ctl_image *img, uint64_t flaws, uint64_t lba, uint8_t *block)
{
	const struct pi_layout *l = &img->media;
	const uint8_t *data = ctl_data_at(img, lba), *md = ctl_md_at(img, lba);
	const uint32_t at = l->type == PI_NONE ? 0 : pi_tuple_offset(l);

	if (flaws & CUT_KEEPS_DATA)
		memcpy(block, data, l->data_size);
	if (flaws & CUT_TEARS)
		memcpy(block, data, l->data_size / 2);
	if (flaws & (CUT_KEEPS_MD | CUT_TEARS))
		memcpy(block + l->data_size, md, l->md_size);
	if (flaws & CUT_KEEPS_TUPLE && l->type != PI_NONE)
		memcpy(block + l->data_size + at, md + at, l->format->tuple_size);
}

int ctl_defect_cut(const struct ctl_image *img, uint64_t flaws, const struct ctl_record *r,
		   struct ctl_journal *j)
{
	const uint64_t beside = r->lba ^ 1, behind = r->lba + 1;
	const bool last = behind == img->format.nr_blocks;
	int ret;

	memcpy(j->blocks, r->block, img->media.data_size + img->media.md_size);
	if (r->written)
		keep_parts(img, flaws, r->lba, j->blocks);
	if (flaws & CUT_UNREADABLE)
		return ctl_journal_apply_to(img, j, CTL_SPOIL, r->lba);
	if (flaws & CUT_OTHER_LBA && r->written)
		return ctl_journal_apply_to(img, j, CTL_WRITE, last ? 0 : behind);
	ret = ctl_journal_apply_to(img, j, r->written && !(flaws & CUT_DEALLOCATES) ? CTL_WRITE : CTL_DEALLOCATE,
		     r->lba);
	if (!ret && flaws & CUT_NEIGHBOUR && beside < img->format.nr_blocks)
		ret = ctl_journal_apply_to(img, j, CTL_DEALLOCATE, beside);
	return ret;
}
