// SPDX-License-Identifier: GPL-2.0-only
/* write.c - Write, and all other commands that change blocks except Copy; "Spec" as in io.h */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include "commands.h"
#include "fault.h"

void ctl_stage(struct ctl_port *port, const struct ctl_range *r, const struct ctl_blocks *from)
{
	const struct pi_layout *l = &port->image->media;
	uint8_t *data = ctl_journal_data(port), *md = ctl_journal_md(port, r->nr);

	ctl_copy_blocks(data, l->data_size, from->data, from->data_stride, l->data_size, r->nr);
	if (from->md)
		ctl_copy_blocks(md, l->md_size, from->md, from->md_stride, l->md_size, r->nr);
	if (r->pract)
		pi_generate(l, &r->tags, data, md, r->nr);
}

static int write_chunk(struct ctl_port *port, const struct ctl_range *r,
		       const struct ctl_blocks *from)
{
	ctl_stage(port, r, from);
	if (port->fault)
		return ctl_fault_write(port, r->lba, r->nr);
	return ctl_change(port, CTL_WRITE, r->lba, r->nr);
}

/* Spec: Write command.  A failed check leaves all blocks unchanged. */
int ctl_do_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = ctl_range_of(img, cmd);
	struct ctl_blocks from;
	int ret = ctl_transfer_allowed(img, &r);

	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	ret = ret ? ret : ctl_host_blocks(img, cmd, &r, &from);
	ret = ret ? ret : ctl_check_written(img, &img->format.layout, &r, from.data, from.md);
	for (uint32_t i = 0, n; i < r.nr && !ret; i += n) {
		const struct ctl_blocks part = ctl_blocks_from(&from, i);
		struct ctl_range chunk;

		n = r.nr - i < img->chunk_blocks ? r.nr - i : img->chunk_blocks;
		chunk = ctl_part_of(img, &r, i, n);
		ret = write_chunk(port, &chunk, &part);
	}
	return ret;
}

static int change_all(struct ctl_port *port, enum ctl_change change, uint64_t lba, uint64_t nr)
{
	int ret = 0;

	while (nr && !ret) {
		/* Chunks end at stripe boundaries, so they never split a page of small blocks. */
		const uint64_t limit = CTL_CHANGE_BLOCKS - lba % CTL_STRIPE_BLOCKS;
		const uint64_t n = nr < limit ? nr : limit;

		ret = ctl_change(port, change, lba, n);
		lba += n;
		nr -= n;
	}
	return ret;
}

/* Write data and metadata of zeroes with generated tuples. */
static int write_zeroes(struct ctl_port *port, const struct ctl_range *r)
{
	const struct ctl_image *img = port->image;
	const size_t block = img->media.data_size + img->media.md_size;
	uint8_t *data = ctl_journal_data(port);
	int ret = 0;

	for (uint32_t i = 0, n; i < r->nr && !ret; i += n) {
		struct ctl_range chunk;

		n = r->nr - i < img->chunk_blocks ? r->nr - i : img->chunk_blocks;
		chunk = ctl_part_of(img, r, i, n);
		memset(data, 0, n * block);
		pi_generate(&img->media, &chunk.tags, data, ctl_journal_md(port, n), n);
		ret = ctl_change(port, CTL_WRITE, chunk.lba, n);
	}
	return ret;
}

/*
 * Spec: Write Zeroes command.  No tuples are transferred, so nothing can be checked.  Without
 * PRACT the result is a deallocated block, with or without DEAC.
 */
int ctl_do_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = ctl_range_of(img, cmd);
	int ret = ctl_in_range(img, r.lba, r.nr);

	if (!ret && r.checks)
		return NVME_ST_INVALID_PI | NVME_ST_DNR;
	if (ret)
		return ret;
	return r.pract ? write_zeroes(port, &r) : change_all(port, CTL_DEALLOCATE, r.lba, r.nr);
}

/* Spec: Write Uncorrectable command. */
int ctl_do_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_range r = ctl_range_of(port->image, cmd);
	int ret = ctl_in_range(port->image, r.lba, r.nr);

	return ret ? ret : change_all(port, CTL_SPOIL, r.lba, r.nr);
}

/* Spec: Dataset Management command.  Only the attribute Deallocate has an effect. */
int ctl_do_dsm(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const unsigned nr = (cmd->cdw10 & 0xff) + 1;
	struct nvme_dsm_range ranges[256];
	int ret = 0;

	if (cmd->data_len < nr * sizeof(*ranges))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!cmd->addr)
		return -EFAULT;
	memcpy(ranges, (void *)(uintptr_t)cmd->addr, nr * sizeof(*ranges));
	for (unsigned i = 0; i < nr && !ret; i++)
		ret = ctl_in_range(port->image, le64toh(ranges[i].slba), le32toh(ranges[i].nlb));
	for (unsigned i = 0; i < nr && !ret && cmd->cdw11 & NVME_DSMGMT_AD; i++)
		ret = change_all(port, CTL_DEALLOCATE, le64toh(ranges[i].slba),
				 le32toh(ranges[i].nlb));
	return ret;
}
