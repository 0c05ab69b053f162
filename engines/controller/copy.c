// SPDX-License-Identifier: GPL-2.0-only
/*
 * copy.c - the Copy command
 *
 * The command and its ranges are validated first; if that fails, nothing is copied.  The ranges
 * are then copied one by one: read into the journal, checked as by a Read (PRINFOR and the tags of
 * the range's descriptor), checked or given new tuples as by a Write (PRINFOW and the tags of the
 * command), and written.  If a range fails because of its blocks or its LBAs, the ranges before it
 * stay copied.  Spec: Copy command.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include "commands.h"
#include "zone-commands.h"

/*
 * A Source Range Entry.  Formats 0 and 2 have 32 bits for the storage and reference tags, formats
 * 1 and 3 have all 80, big-endian as in a tuple.  Formats 2 and 3 name a source namespace.
 */
struct source {
	uint32_t		nsid;
	uint64_t		lba;
	uint32_t		nr;
	struct pi_dwords	tags;
};

static const struct descriptor {
	size_t	size, tags_at;
	bool	wide, names_ns;
} descriptors[] = {
	{ 32, 24, false, false },
	{ 40, 26, true, false },
	{ 32, 24, false, true },
	{ 40, 26, true, true },
};

static uint64_t le_get(const uint8_t *p, unsigned len)
{
	uint64_t v = 0;

	while (len--)
		v = v << 8 | p[len];
	return v;
}

static uint32_t be_get(const uint8_t *p, unsigned len)
{
	uint32_t v = 0;

	while (len--)
		v = v << 8 | *p++;
	return v;
}

static struct source source_at(const struct descriptor *d, const struct nvme_uring_cmd *cmd,
			       unsigned i)
{
	const uint8_t *p = (const uint8_t *)(uintptr_t)cmd->addr + i * d->size;
	const uint8_t *tags = p + d->tags_at;
	struct source s = {
		.nsid = d->names_ns ? le_get(p, 4) : cmd->nsid,
		.lba = le_get(p + 8, 8),
		.nr = le_get(p + 16, 2) + 1,
		.tags.cdw15 = le_get(p + d->size - 4, 4),	/* ELBAT, ELBATM */
	};

	if (d->wide) {
		s.tags.cdw2 = be_get(tags, 2);
		s.tags.cdw3 = be_get(tags + 2, 4);
		s.tags.cdw14 = be_get(tags + 6, 4);
	} else {
		s.tags.cdw14 = le_get(tags, 4);
	}
	return s;
}

/* The state of one Copy command. */
struct copy {
	const struct ctl_image	*img;
	const struct nvme_uring_cmd *cmd;
	const struct descriptor	*descriptor;
	unsigned		nr;		/* ranges */
	uint64_t		total;		/* blocks */
	unsigned		prinfo_read;
	struct ctl_range	to;		/* the destination of the next range */
};

/* Formats that name a namespace are supported only if the host has enabled them (CDFE). */
static bool is_supported(const struct ctl_image *img, unsigned format)
{
	if (format >= sizeof(descriptors) / sizeof(descriptors[0]))
		return false;
	return !descriptors[format].names_ns || img->behavior[CTL_CDFE] >> format & 1;
}

static int check_format(struct copy *c)
{
	const unsigned format = c->cmd->cdw12 >> 8 & 0xf;
	const bool wide = c->img->format.ns.pif != 0;

	if (!is_supported(c->img, format))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	c->descriptor = &descriptors[format];
	if (c->img->media.type != PI_NONE && c->descriptor->wide != wide)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	return 0;
}

static int check_limits(struct copy *c)
{
	uint32_t blocks = c->img->journal_blocks;

	blocks = blocks < CTL_COPY_BLOCKS ? blocks : CTL_COPY_BLOCKS;
	if (c->nr > CTL_COPY_RANGES)
		return CTL_ST_SIZE_LIMIT | NVME_ST_DNR;
	if (c->cmd->data_len < c->nr * c->descriptor->size)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!c->cmd->addr)
		return -EFAULT;
	for (unsigned i = 0; i < c->nr; i++)
		c->total += source_at(c->descriptor, c->cmd, i).nr;
	return c->total > blocks ? CTL_ST_SIZE_LIMIT | NVME_ST_DNR : 0;
}

static bool overlap(uint64_t a, uint64_t nr_a, uint64_t b, uint64_t nr_b)
{
	return a < b ? b - a < nr_a : a - b < nr_b;
}

/* Check that no source overlaps the destination, for the formats that forbid an overlap. */
static int check_sources(const struct copy *c)
{
	for (unsigned i = 0; c->descriptor->names_ns && i < c->nr; i++) {
		const struct source s = source_at(c->descriptor, c->cmd, i);

		if (s.nsid != c->cmd->nsid)
			return CTL_ST_INVALID_NS | NVME_ST_DNR;
		if (overlap(s.lba, s.nr, c->to.lba, c->total))
			return CTL_ST_OVERLAP | NVME_ST_DNR;
	}
	return 0;
}

static int check_command(struct copy *c)
{
	int ret = check_format(c);

	ret = ret ? ret : check_limits(c);
	if (!ret && c->img->media.type != PI_NONE && !(c->prinfo_read & CTL_PRACT) != !c->to.pract)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	return ret ? ret : check_sources(c);
}

/* Read and check one source range; its blocks go into the journal. */
static int fetch(struct ctl_port *port, const struct copy *c, const struct source *s)
{
	const struct ctl_image *img = c->img;
	const struct ctl_range from = {
		.lba = s->lba, .nr = s->nr,
		.checks = ctl_checks(img, c->prinfo_read, c->cmd->cdw12 >> 25 & 1),
		.tags = ctl_tags_of(img, &s->tags),
	};
	const struct ctl_blocks blocks = {
		.data = ctl_journal_data(port), .data_stride = img->media.data_size,
		.md = img->media.md_size ? ctl_journal_md(port, s->nr) : NULL,
		.md_stride = img->media.md_size,
	};
	int ret = ctl_admit(img, &from);

	return ret ? ret : ctl_read(port, &from, &blocks);
}

/* Check or generate the tuples of the range in the journal, and write it to its destination. */
static int store(struct ctl_port *port, const struct copy *c)
{
	const struct ctl_image *img = c->img;
	uint8_t *data = ctl_journal_data(port), *md = ctl_journal_md(port, c->to.nr);
	int ret = ctl_check_written(img, &img->media, &c->to, data, md);

	if (c->to.pract)
		pi_generate(&img->media, &c->to.tags, data, md, c->to.nr);
	ret = ret ? ret : ctl_in_range(img, c->to.lba, c->to.nr);
	return ret ? ret : ctl_change(port, CTL_WRITE, c->to.lba, c->to.nr);
}

static int copy_range(struct ctl_port *port, struct copy *c, const struct source *s)
{
	const struct ctl_image *img = c->img;
	int ret;

	c->to.nr = s->nr;
	ret = ctl_in_range(img, s->lba, s->nr);
	ret = ret ? ret : fetch(port, c, s);
	ret = ret ? ret : store(port, c);
	c->to.lba += s->nr;
	if (img->media.type != PI_NONE)
		c->to.tags.ref = pi_ref_at(&img->media, &c->to.tags, s->nr);
	return ret;
}

static int copy_ranges(struct ctl_port *port, struct copy *c)
{
	int ret = 0;

	for (unsigned i = 0; i < c->nr && !ret; i++) {
		const struct source s = source_at(c->descriptor, c->cmd, i);

		ret = copy_range(port, c, &s);
	}
	return ret;
}

/* The destination is at the write pointer of a zone, which moves past all that was copied. */
static int copy_to_zone(struct ctl_port *port, struct copy *c)
{
	uint64_t first = c->to.lba;
	int ret = ctl_zone_begin(port, &first, c->total, false);

	if (ret)
		return ret;
	ret = copy_ranges(port, c);
	ctl_zone_end(port, first, ret ? CTL_ZONE_SETTLE : c->total);
	return ret;
}

int ctl_do_copy(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const unsigned prinfo = cmd->cdw12 >> 26 & 0xf;
	struct copy c = {
		.img = img, .cmd = cmd, .nr = (cmd->cdw12 & 0xff) + 1,
		.prinfo_read = cmd->cdw12 >> 12 & 0xf,
		.to = {
			.lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
			.pract = img->media.type != PI_NONE && prinfo & CTL_PRACT,
			.checks = ctl_checks(img, prinfo, cmd->cdw12 >> 24 & 1),
			.tags = ctl_tags(img, cmd),
		},
	};
	int ret = check_command(&c);

	if (ret)
		return ret;
	return img->zones ? copy_to_zone(port, &c) : copy_ranges(port, &c);
}
