// SPDX-License-Identifier: GPL-2.0-only
/* commands.c - see commands.h; "Spec" as in io.h */
#include <errno.h>
#include <string.h>
#include "commands.h"

unsigned ctl_checks(const struct ctl_image *img, unsigned prinfo, bool storage)
{
	if (!ctl_has_pi(img))
		return 0;
	prinfo &= PI_REF | PI_APP | PI_GUARD;
	return prinfo | (storage && img->media.sts ? PI_STORAGE : 0);
}

struct pi_tags ctl_tags_of(const struct ctl_image *img, const struct pi_dwords *d)
{
	if (!ctl_has_pi(img))
		return (struct pi_tags){ 0 };
	return pi_tags_unpack(&img->media, d, pi_ones(img->media.sts));
}

struct pi_tags ctl_tags(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	return ctl_tags_of(img, &(struct pi_dwords) {
		cmd->cdw2, cmd->cdw3, cmd->cdw14, cmd->cdw15,
	});
}

struct ctl_range ctl_range_of(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	const unsigned prinfo = cmd->cdw12 >> 26 & 0xf;

	return (struct ctl_range) {
		.lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
		.nr = (cmd->cdw12 & 0xffff) + 1,
		.pract = ctl_has_pi(img) && prinfo & CTL_PRACT,
		.checks = ctl_checks(img, prinfo, cmd->cdw12 >> 24 & 1),
		.tags = ctl_tags(img, cmd),
	};
}

int ctl_in_range(const struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	if (lba >= img->format.nr_blocks || nr > img->format.nr_blocks - lba)
		return CTL_ST_LBA_RANGE | NVME_ST_DNR;
	return 0;
}

int ctl_admit(const struct ctl_image *img, const struct ctl_range *r)
{
	if (!(r->checks & PI_REF) || !pi_ref_bits(&img->media))
		return 0;
	if (img->media.type == PI_TYPE1 &&
	    r->tags.ref != (r->lba & pi_ones(pi_ref_bits(&img->media))))
		return NVME_ST_INVALID_PI | NVME_ST_DNR;
	return img->media.type == PI_TYPE3 ? NVME_ST_INVALID_PI : 0;
}

/* Return true if metadata is transferred: not with PRACT and metadata that is exactly the tuple. */
static bool md_crosses(const struct ctl_image *img, const struct ctl_range *r)
{
	return img->media.md_size &&
	       !(r->pract && img->media.md_size == img->media.format->tuple_size);
}

static size_t block_on_wire(const struct ctl_image *img, const struct ctl_range *r)
{
	const bool both = img->format.layout.extended && md_crosses(img, r);

	return img->media.data_size + (both ? img->media.md_size : 0);
}

/* Spec: MDTS; Base: Identify Controller. */
int ctl_transfer_allowed(const struct ctl_image *img, const struct ctl_range *r)
{
	const size_t len = r->nr * block_on_wire(img, r);

	return len > CTL_MAX_TRANSFER ? CTL_ST_INVALID_FIELD | NVME_ST_DNR : 0;
}

int ctl_host_blocks(const struct ctl_image *img, const struct nvme_uring_cmd *cmd,
		       const struct ctl_range *r, struct ctl_blocks *b)
{
	const struct pi_layout *l = &img->media;
	const size_t stride = block_on_wire(img, r);
	const bool separate = md_crosses(img, r) && !img->format.layout.extended;

	*b = (struct ctl_blocks){ .data = (uint8_t *)(uintptr_t)cmd->addr, .data_stride = stride };
	if (cmd->data_len < r->nr * stride || (separate && cmd->metadata_len < r->nr * l->md_size))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!cmd->addr || (separate && !cmd->metadata))
		return -EFAULT;
	if (separate)
		b->md = (uint8_t *)(uintptr_t)cmd->metadata;
	else if (stride > l->data_size)
		b->md = b->data + l->data_size;
	b->md_stride = separate ? l->md_size : stride;
	return 0;
}

struct ctl_blocks ctl_blocks_from(const struct ctl_blocks *b, uint32_t i)
{
	struct ctl_blocks from = *b;

	from.data += i * b->data_stride;
	if (b->md)
		from.md += i * b->md_stride;
	return from;
}

void ctl_copy_blocks(uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride,
			size_t len, uint32_t nr)
{
	if (to_stride == len && from_stride == len) {
		memcpy(to, from, nr * len);
		return;
	}
	for (; nr; nr--, to += to_stride, from += from_stride)
		memcpy(to, from, len);
}

struct ctl_range ctl_part_of(const struct ctl_image *img, const struct ctl_range *r, uint32_t i,
				uint32_t nr)
{
	struct ctl_range part = *r;

	part.lba += i;
	part.nr = nr;
	if (ctl_has_pi(img))
		part.tags.ref = pi_ref_at(&img->media, &r->tags, i);
	return part;
}

/* --- checks --- */

static int status_of(enum pi_check field)
{
	switch (field) {
	case PI_GUARD:
		return NVME_ST_GUARD;
	case PI_APP:
		return NVME_ST_APP;
	case PI_STORAGE:
		return NVME_ST_STORAGE;
	default:
		return NVME_ST_REF;
	}
}

int ctl_check_blocks(const struct ctl_image *img, const struct pi_layout *l,
		     const struct ctl_range *r, const uint8_t *data, const uint8_t *md)
{
	struct pi_error err;
	unsigned wrong = 0;

	if (ctl_has_pi(img) && r->checks)
		wrong = pi_verify(l, &r->tags, r->checks, data, md, r->nr, &err, 1).bad;
	return wrong ? status_of(err.field) : 0;
}

/* Spec: Protection Information and Write Commands: with PRACT, PRCHK and STC are ignored. */
int ctl_check_written(const struct ctl_image *img, const struct pi_layout *l,
		      const struct ctl_range *r, const uint8_t *data, const uint8_t *md)
{
	int ret = r->pract ? 0 : ctl_admit(img, r);

	return ret || r->pract ? ret : ctl_check_blocks(img, l, r, data, md);
}
