// SPDX-License-Identifier: GPL-2.0-only
/* read.c - Read, Verify, Compare; "Spec" as in io.h */
#include <string.h>
#include "commands.h"
#include "map.h"

/* Check blocks of the image, all of which are marked as written. */
static int check_media(const struct ctl_image *img, const struct ctl_range *r)
{
	return ctl_check_blocks(img, &img->media, r, ctl_data_at(img, r->lba),
				ctl_md_at(img, r->lba));
}

/* Return an error status if a block of @r is marked by Write Uncorrectable, or DULBE hits it. */
static int readable(const struct ctl_image *img, const struct ctl_range *r)
{
	bool hit;

	if (ctl_map_run(&img->bad, r->lba, r->nr, &hit) < r->nr || hit)
		return CTL_ST_UNRECOVERED;
	if (!(img->recovery & CTL_DULBE))
		return 0;
	if (ctl_map_run(&img->written, r->lba, r->nr, &hit) < r->nr || !hit)
		return CTL_ST_UNWRITTEN;
	return 0;
}

static int check_range(const struct ctl_image *img, const struct ctl_range *r)
{
	bool written;
	int ret = 0;

	for (uint32_t i = 0, n; r->checks && i < r->nr && !ret; i += n) {
		struct ctl_range run;

		n = ctl_map_run(&img->written, r->lba + i, r->nr - i, &written);
		run = ctl_part_of(img, r, i, n);
		if (written)
			ret = check_media(img, &run);
	}
	return ret;
}

/* --- the commands --- */

/* Metadata of a deallocated block: the tuple is all ones, so that its checks are escaped. */
static void blank_md(const struct ctl_image *img, const struct ctl_blocks *to, uint32_t i)
{
	uint8_t *md = to->md + i * to->md_stride;

	memset(md, 0, img->media.md_size);
	if (ctl_has_pi(img))
		memset(md + pi_tuple_offset(&img->media), 0xff, img->media.format->tuple_size);
}

static void put_blank(const struct ctl_image *img, const struct ctl_blocks *to, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		memset(to->data + i * to->data_stride, 0, img->media.data_size);
		if (to->md)
			blank_md(img, to, i);
	}
}

static void put_written(const struct ctl_image *img, const struct ctl_blocks *to, uint64_t lba,
			uint32_t nr)
{
	const struct pi_layout *l = &img->media;

	ctl_copy_blocks(to->data, to->data_stride, ctl_data_at(img, lba), l->data_size,
		    l->data_size, nr);
	if (to->md)
		ctl_copy_blocks(to->md, to->md_stride, ctl_md_at(img, lba), l->md_size, l->md_size, nr);
}

static void put_range(const struct ctl_image *img, const struct ctl_range *r,
		      const struct ctl_blocks *to)
{
	for (uint32_t i = 0, n; i < r->nr; i += n) {
		const struct ctl_blocks part = ctl_blocks_from(to, i);
		bool written;

		n = ctl_map_run(&img->written, r->lba + i, r->nr - i, &written);
		if (written)
			put_written(img, &part, r->lba + i, n);
		else
			put_blank(img, &part, n);
	}
}

static int read_once(const struct ctl_image *img, const struct ctl_range *r,
		     const struct ctl_blocks *to)
{
	int ret = readable(img, r);

	ret = ret ? ret : check_range(img, r);
	if (!ret && to)
		put_range(img, r, to);
	return ret;
}

int ctl_read(struct ctl_port *port, const struct ctl_range *r, const struct ctl_blocks *to)
{
	uint64_t seen;
	int ret;

	do {
		int err = ctl_read_begin(port, r->lba, r->nr, &seen);

		if (err)
			return err;
		ret = read_once(port->image, r, to);
	} while (!ctl_read_end(port, r->lba, r->nr, seen));
	return ret;
}

/* Spec: Read command. */
int ctl_do_read(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = ctl_range_of(img, cmd);
	struct ctl_blocks to;
	int ret = ctl_transfer_allowed(img, &r);

	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	ret = ret ? ret : ctl_host_blocks(img, cmd, &r, &to);
	ret = ret ? ret : ctl_admit(img, &r);
	return ret ? ret : ctl_read(port, &r, &to);
}

/* Blocks per consistent read: a longer one would often be repeated because of concurrent writes. */
#define VERIFY_BLOCKS 1024u

/* Spec: Verify command; a set PRACT bit is an invalid field. */
int ctl_do_verify(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = ctl_range_of(img, cmd);
	int ret = ctl_admit(img, &r);

	if (!ret && r.pract)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	for (uint32_t i = 0; i < r.nr && !ret; i += VERIFY_BLOCKS) {
		const uint32_t n = r.nr - i < VERIFY_BLOCKS ? r.nr - i : VERIFY_BLOCKS;
		const struct ctl_range part = ctl_part_of(img, &r, i, n);

		ret = ctl_read(port, &part, NULL);
	}
	return ret;
}

static bool same_data(const struct ctl_image *img, uint64_t lba, bool written, const uint8_t *data)
{
	const size_t len = img->media.data_size;

	return written ? !memcmp(ctl_data_at(img, lba), data, len) : ctl_is_zero(data, len);
}

/* Compare the metadata outside the tuple; the tuple itself is checked, not compared. */
static bool same_md(const struct ctl_image *img, uint64_t lba, bool written, const uint8_t *md)
{
	const struct pi_layout *l = &img->media;
	const uint8_t *is = ctl_md_at(img, lba);
	const size_t head = ctl_has_pi(img) ? pi_tuple_offset(l) : l->md_size;
	const size_t tail = ctl_has_pi(img) ? head + l->format->tuple_size : l->md_size;

	if (!written)
		return ctl_is_zero(md, head) && ctl_is_zero(md + tail, l->md_size - tail);
	return !memcmp(is, md, head) && !memcmp(is + tail, md + tail, l->md_size - tail);
}

typedef bool same_fn(const struct ctl_image *img, uint64_t lba, bool written, const uint8_t *part);

static bool all_same(const struct ctl_image *img, const struct ctl_range *r, same_fn *same,
		     const uint8_t *part, size_t stride)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		bool written;

		ctl_map_run(&img->written, r->lba + i, 1, &written);
		if (!same(img, r->lba + i, written, part + i * stride))
			return false;
	}
	return true;
}

static int compare_once(const struct ctl_image *img, const struct ctl_range *r,
			const struct ctl_blocks *with)
{
	int ret = readable(img, r);

	if (!ret && !all_same(img, r, same_data, with->data, with->data_stride))
		return NVME_ST_COMPARE;
	ret = ret ? ret : ctl_admit(img, r);
	ret = ret ? ret : check_range(img, r);
	ret = ret ? ret : ctl_check_blocks(img, &img->format.layout, r, with->data, with->md);
	if (!ret && with->md && !all_same(img, r, same_md, with->md, with->md_stride))
		return NVME_ST_COMPARE;
	return ret;
}

/* Spec: Compare command, and Protection Information and Compare. */
int ctl_do_compare(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = ctl_range_of(img, cmd);
	struct ctl_blocks with;
	uint64_t seen;
	int ret = r.pract ? NVME_ST_INVALID_PI | NVME_ST_DNR : ctl_transfer_allowed(img, &r);

	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	ret = ret ? ret : ctl_host_blocks(img, cmd, &r, &with);
	if (ret)
		return ret;
	do {
		int err = ctl_read_begin(port, r.lba, r.nr, &seen);

		if (err)
			return err;
		ret = compare_once(img, &r, &with);
	} while (!ctl_read_end(port, r.lba, r.nr, seen));
	return ret;
}
