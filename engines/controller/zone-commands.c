// SPDX-License-Identifier: GPL-2.0-only
/* zone-commands.c - commands that write to a zone, and those of zones alone; "Zoned": see zones.h */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "zone-commands.h"
#include "zones.h"

static uint64_t lba_of(const struct nvme_uring_cmd *cmd)
{
	return (uint64_t)cmd->cdw11 << 32 | cmd->cdw10;
}

/* --- writes --- */

/* Zoned: Sequential Write Required zones. */
static int check_write(const struct ctl_image *img, uint64_t i, uint64_t lba, uint64_t nr)
{
	const struct ctl_zone *z = &img->zones->zone[i];

	if (z->state == NVME_ZNS_ZS_FULL)
		return CTL_ST_ZONE_FULL | NVME_ST_DNR;
	if (lba != z->wp)
		return CTL_ST_ZONE_WRITE | NVME_ST_DNR;
	if (lba + nr > ctl_zone_start(img, i) + img->format.zone_writable)
		return CTL_ST_ZONE_BOUNDARY | NVME_ST_DNR;
	return 0;
}

int ctl_zone_begin(struct ctl_port *port, uint64_t *lba, uint64_t nr, bool append)
{
	struct ctl_image *img = port->image;
	const uint64_t i = *lba / img->format.zone_blocks;
	int ret = ctl_in_range(img, *lba, nr);

	ret = ret ? ret : ctl_zones_lock(port);
	if (ret)
		return ret;
	if (append)
		*lba = img->zones->zone[i].wp;
	ret = check_write(img, i, *lba, nr);
	ret = ret ? ret : ctl_zone_open(img, i, false);
	if (ret)
		ctl_zones_unlock(port);
	else
		ctl_zone_pend(img, i, false);
	return ret;
}

void ctl_zone_end(struct ctl_port *port, uint64_t lba, uint64_t nr)
{
	struct ctl_image *img = port->image;
	const uint64_t i = lba / img->format.zone_blocks;

	if (nr == CTL_ZONE_SETTLE)
		ctl_zone_settle(img, i, false);
	else
		ctl_zone_move(img, i, lba + nr);
	ctl_zone_done(img);
	ctl_zones_unlock(port);
}

/* Execute a command that changes blocks from the write pointer on. */
static int write_in_zone(struct ctl_port *port, const struct nvme_uring_cmd *cmd,
			 int (*run)(struct ctl_port *port, const struct nvme_uring_cmd *cmd))
{
	const uint64_t nr = (cmd->cdw12 & 0xffff) + 1;
	uint64_t lba = lba_of(cmd);
	int ret = ctl_zone_begin(port, &lba, nr, false);

	if (ret)
		return ret;
	ret = run(port, cmd);
	ctl_zone_end(port, lba, ret ? CTL_ZONE_SETTLE : nr);
	return ret;
}

int ctl_do_zone_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_range r = ctl_range_of(port->image, cmd);
	int ret = ctl_transfer_allowed(port->image, &r);

	return ret ? ret : write_in_zone(port, cmd, ctl_do_write);
}

int ctl_do_zone_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	return write_in_zone(port, cmd, ctl_do_write_zeroes);
}

int ctl_do_zone_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	return write_in_zone(port, cmd, ctl_do_write_uncorrectable);
}

/* --- Zone Append --- */

#define PIREMAP(cmd) ((cmd)->cdw12 >> 25 & 1)

/* Zoned: Zone Append command, PIREMAP. */
static int check_remap(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	const int wrong = NVME_ST_INVALID_PI | NVME_ST_DNR;

	if (img->media.type == PI_TYPE1 && !PIREMAP(cmd))
		return wrong;
	return img->media.type == PI_TYPE3 && PIREMAP(cmd) ? wrong : 0;
}

static int check_append(const struct ctl_image *img, const struct nvme_uring_cmd *cmd,
			const struct ctl_range *r)
{
	const uint64_t most = img->format.zones.zasl;
	int ret = ctl_transfer_allowed(img, r);

	ret = ret ? ret : ctl_in_range(img, r->lba, r->nr);
	if (!ret && r->lba % img->format.zone_blocks)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!ret && most && (uint64_t)r->nr * img->media.data_size > most)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	return ret ? ret : check_remap(img, cmd);
}

/* Give the tuples in the journal the reference tags of @r, and leave the other fields as they are. */
static void remap(const struct ctl_image *img, const struct ctl_range *r, uint8_t *md)
{
	const struct pi_layout *l = &img->media;

	md += pi_tuple_offset(l);
	for (uint32_t i = 0; i < r->nr; i++, md += l->md_size) {
		struct pi_fields f = pi_tuple_get(l, md);

		f.ref = pi_ref_at(l, &r->tags, i);
		pi_tuple_put(l, md, &f);
	}
}

/*
 * Zoned: Zone Append command, Protection Information.  The host's tuples are checked as the command
 * says, from ILBRT on; on media they are those of the LBAs that the controller has assigned.
 */
static int append(struct ctl_port *port, const struct nvme_uring_cmd *cmd, const struct ctl_range *r,
		  uint64_t lba)
{
	const struct ctl_image *img = port->image;
	const bool remaps = ctl_has_pi(img) && PIREMAP(cmd);
	struct ctl_range to = *r;
	struct ctl_blocks from;
	int ret = ctl_host_blocks(img, cmd, r, &from);

	ret = ret ? ret : ctl_check_written(img, &img->format.layout, r, from.data, from.md);
	to.lba = lba;
	if (remaps)
		to.tags.ref = pi_ref_at(&img->media, &r->tags, lba - r->lba);
	for (uint32_t i = 0, n; i < r->nr && !ret; i += n) {
		const struct ctl_blocks part = ctl_blocks_from(&from, i);
		struct ctl_range chunk;

		n = r->nr - i < img->chunk_blocks ? r->nr - i : img->chunk_blocks;
		chunk = ctl_part_of(img, &to, i, n);
		ctl_stage(port, &chunk, &part);
		if (remaps && !r->pract)
			remap(img, &chunk, ctl_journal_md(port, n));
		ret = ctl_change(port, CTL_WRITE, chunk.lba, n);
	}
	return ret;
}

int ctl_do_zone_append(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_range r = ctl_range_of(port->image, cmd);
	uint64_t lba = r.lba;
	int ret = check_append(port->image, cmd, &r);

	ret = ret ? ret : ctl_zone_begin(port, &lba, r.nr, true);
	if (ret)
		return ret;
	ret = append(port, cmd, &r, lba);
	ctl_zone_end(port, lba, ret ? CTL_ZONE_SETTLE : r.nr);
	port->result = lba;
	return ret;
}

/* --- Zone Management Send --- */

#define IN(state) (1u << NVME_ZNS_ZS_##state)
#define OPEN (IN(IMPL_OPEN) | IN(EXPL_OPEN))
#define ACTIVE (OPEN | IN(CLOSED))

/* Zoned: Zone Send Actions.  The states in which it is allowed, and those that Select All changes. */
static const struct action {
	unsigned	allowed, all;
	uint32_t	to;
} actions[] = {
	[NVME_ZNS_ZSA_CLOSE]	= { ACTIVE, OPEN, NVME_ZNS_ZS_CLOSED },
	[NVME_ZNS_ZSA_FINISH]	= { ACTIVE | IN(EMPTY) | IN(FULL), ACTIVE, NVME_ZNS_ZS_FULL },
	[NVME_ZNS_ZSA_OPEN]	= { ACTIVE | IN(EMPTY), IN(CLOSED), NVME_ZNS_ZS_EXPL_OPEN },
	[NVME_ZNS_ZSA_RESET]	= { ACTIVE | IN(EMPTY) | IN(FULL), ACTIVE | IN(FULL), NVME_ZNS_ZS_EMPTY },
	[NVME_ZNS_ZSA_OFFLINE]	= { IN(OFFLINE), 0, NVME_ZNS_ZS_OFFLINE },
};

/* Deallocate the blocks of a zone, from its end on; chunks begin at stripes, as in write.c. */
static int reset(struct ctl_port *port, uint64_t i)
{
	const uint64_t most = CTL_CHANGE_BLOCKS - CTL_STRIPE_BLOCKS;
	struct ctl_image *img = port->image;
	const uint64_t start = ctl_zone_start(img, i);
	uint64_t end = start + img->format.zone_writable, from;
	int ret = 0;

	ctl_zone_pend(img, i, true);
	for (; end > start && !ret; end = from) {
		from = end - start <= most ? start :
		       (end - most + CTL_STRIPE_BLOCKS - 1) / CTL_STRIPE_BLOCKS * CTL_STRIPE_BLOCKS;
		ret = ctl_change(port, CTL_DEALLOCATE, from, end - from);
	}
	ctl_zone_settle(img, i, true);
	ctl_zone_done(img);
	return ret;
}

static int act(struct ctl_port *port, uint64_t i, uint32_t to)
{
	struct ctl_image *img = port->image;
	struct ctl_zone *z = &img->zones->zone[i];

	if (to == NVME_ZNS_ZS_EXPL_OPEN)
		return ctl_zone_open(img, i, true);
	if (to == NVME_ZNS_ZS_EMPTY && z->state != NVME_ZNS_ZS_EMPTY)
		return reset(port, i);
	z->state = to;
	return 0;
}

static bool is_in(const struct ctl_image *img, uint64_t i, unsigned states)
{
	return states >> img->zones->zone[i].state & 1;
}

static int act_on_all(struct ctl_port *port, const struct action *a)
{
	struct ctl_image *img = port->image;
	int ret = 0;

	if (a->to == NVME_ZNS_ZS_EXPL_OPEN)
		return ctl_zones_open_closed(img);
	for (uint64_t i = 0; i < img->format.nr_zones && !ret; i++)
		if (is_in(img, i, a->all))
			ret = act(port, i, a->to);
	return ret;
}

static int act_on_one(struct ctl_port *port, const struct action *a, uint64_t i)
{
	if (!is_in(port->image, i, a->allowed))
		return CTL_ST_ZONE_TRANSITION | NVME_ST_DNR;
	return act(port, i, a->to);
}

/* CDW13: Zone Send Action [7:0], Select All 8. */
int ctl_do_zone_send(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const unsigned nr = cmd->cdw13 & 0xff;
	const bool all = cmd->cdw13 >> 8 & 1;
	const uint64_t lba = all ? 0 : lba_of(cmd);
	const struct ctl_image *img = port->image;
	int ret = ctl_in_range(img, lba, 1);

	/* There is no Zone Descriptor Extension, and no action without a row. */
	if (!ret && (lba % img->format.zone_blocks || nr >= sizeof(actions) / sizeof(actions[0]) ||
		     !actions[nr].to))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	ret = ret ? ret : ctl_zones_lock(port);
	if (ret)
		return ret;
	ret = all ? act_on_all(port, &actions[nr]) :
	      act_on_one(port, &actions[nr], lba / img->format.zone_blocks);
	ctl_zones_unlock(port);
	return ret;
}

/* --- Zone Management Receive --- */

/* The states that each of the Reporting Options lists. */
static const unsigned reported[] = {
	[NVME_ZNS_ZRAS_REPORT_ALL]		= ~0u,
	[NVME_ZNS_ZRAS_REPORT_EMPTY]		= IN(EMPTY),
	[NVME_ZNS_ZRAS_REPORT_IMPL_OPENED]	= IN(IMPL_OPEN),
	[NVME_ZNS_ZRAS_REPORT_EXPL_OPENED]	= IN(EXPL_OPEN),
	[NVME_ZNS_ZRAS_REPORT_CLOSED]		= IN(CLOSED),
	[NVME_ZNS_ZRAS_REPORT_FULL]		= IN(FULL),
	[NVME_ZNS_ZRAS_REPORT_READ_ONLY]	= IN(READ_ONLY),
	[NVME_ZNS_ZRAS_REPORT_OFFLINE]		= IN(OFFLINE),
};
enum { NR_REPORTED = sizeof(reported) / sizeof(reported[0]) };

/* Zoned: Zone Descriptor data structure. */
static struct nvme_zns_desc describe(const struct ctl_image *img, uint64_t i)
{
	const struct ctl_zone *z = &img->zones->zone[i];
	const uint32_t state = z->state;

	return (struct nvme_zns_desc) {
		.zt = NVME_ZONE_TYPE_SEQWRITE_REQ,
		.zs = state << 4,
		.zcap = htole64(img->format.zone_writable),
		.zslba = htole64(ctl_zone_start(img, i)),
		.wp = htole64(state == NVME_ZNS_ZS_FULL || state == NVME_ZNS_ZS_OFFLINE ? ~0ULL : z->wp),
	};
}

/* Fill a report of @size bytes with the zones from @first on that are in one of @states. */
static void report(const struct ctl_image *img, uint64_t first, unsigned states, bool partial, void *page,
		   size_t size)
{
	struct nvme_zone_report *report = page;
	const uint64_t most = (size - sizeof(*report)) / sizeof(struct nvme_zns_desc);
	uint64_t nr = 0;

	for (uint64_t i = first; i < img->format.nr_zones && !(partial && nr == most); i++) {
		if (!is_in(img, i, states))
			continue;
		if (nr < most)
			report->entries[nr] = describe(img, i);
		nr++;
	}
	report->nr_zones = htole64(nr);
}

static int report_all(struct ctl_port *port, const struct nvme_uring_cmd *cmd, size_t size)
{
	const struct ctl_image *img = port->image;
	const unsigned states = reported[cmd->cdw13 >> 8 & 0xff];
	void *page = malloc(size);
	uint64_t seen;
	int ret = page ? 0 : -ENOMEM;

	while (!ret) {
		ret = ctl_zones_read_begin(port, &seen);
		if (ret)
			break;
		memset(page, 0, size);
		report(img, lba_of(cmd) / img->format.zone_blocks, states, cmd->cdw13 >> 16 & 1, page, size);
		if (ctl_zones_read_end(port, seen))
			break;
	}
	if (!ret)
		memcpy((void *)(uintptr_t)cmd->addr, page, size);
	free(page);
	return ret;
}

/*
 * CDW12: Number of Dwords, 0's based.  CDW13: Zone Receive Action [7:0], Reporting Options [15:8],
 * Partial Report 16.  There is no Zone Descriptor Extension, and so no extended report.
 */
int ctl_do_zone_receive(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const uint64_t size = ((uint64_t)cmd->cdw12 + 1) * 4;
	int ret = ctl_in_range(port->image, lba_of(cmd), 1);

	if (ret)
		return ret;
	if ((cmd->cdw13 & 0xff) != NVME_ZNS_ZRA_REPORT_ZONES || (cmd->cdw13 >> 8 & 0xff) >= NR_REPORTED ||
	    size < sizeof(struct nvme_zone_report) || size > CTL_MAX_TRANSFER || cmd->data_len < size)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	return cmd->addr ? report_all(port, cmd, size) : -EFAULT;
}
