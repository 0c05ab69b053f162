// SPDX-License-Identifier: GPL-2.0-only
/* zones.c - see zones.h */
#include "io.h"	/* must be first: libnvme replaces a header of the kernel */
#include "map.h"
#include "zones.h"

size_t ctl_zones_size(uint64_t nr)
{
	return sizeof(struct ctl_zones) + nr * sizeof(struct ctl_zone);
}

void ctl_zones_make(struct ctl_image *img)
{
	for (uint64_t i = 0; i < img->format.nr_zones; i++) {
		img->zones->zone[i].wp = ctl_zone_start(img, i);
		img->zones->zone[i].state = NVME_ZNS_ZS_EMPTY;
	}
}

static bool is_open(uint32_t state)
{
	return state == NVME_ZNS_ZS_IMPL_OPEN || state == NVME_ZNS_ZS_EXPL_OPEN;
}

/* --- write pointers --- */

/* Return the end of the last set bit in [@lba, @end), or @lba if there is none. */
static uint64_t end_of(const struct ctl_map *map, uint64_t lba, uint64_t end)
{
	uint64_t last = lba;

	while (lba < end) {
		bool set;
		const uint64_t n = ctl_map_run(map, lba, end - lba, &set);

		lba += n;
		if (set)
			last = lba;
	}
	return last;
}

void ctl_zone_move(struct ctl_image *img, uint64_t i, uint64_t wp)
{
	const uint64_t start = ctl_zone_start(img, i);
	struct ctl_zone *z = &img->zones->zone[i];

	z->wp = wp;
	if (wp == start + img->format.zone_writable)
		z->state = NVME_ZNS_ZS_FULL;
	else if (wp > start && z->state == NVME_ZNS_ZS_EMPTY)
		z->state = NVME_ZNS_ZS_CLOSED;
}

void ctl_zone_settle(struct ctl_image *img, uint64_t i, bool resets)
{
	const uint64_t start = ctl_zone_start(img, i), end = start + img->format.zone_writable;
	const uint64_t written = end_of(&img->written, start, end), bad = end_of(&img->bad, start, end);
	const uint64_t last = written > bad ? written : bad;
	struct ctl_zone *z = &img->zones->zone[i];

	if (resets && last == start)
		z->state = NVME_ZNS_ZS_EMPTY;
	else if (resets && z->state == NVME_ZNS_ZS_FULL)
		z->state = NVME_ZNS_ZS_CLOSED;
	if (resets || last > z->wp)
		ctl_zone_move(img, i, last);
}

void ctl_zone_pend(struct ctl_image *img, uint64_t i, bool resets)
{
	img->zones->resets = resets;
	img->zones->pending = i + 1;
}

void ctl_zone_done(struct ctl_image *img)
{
	img->zones->pending = 0;
}

/* --- after a kill, and at power-up --- */

void ctl_zones_recover(struct ctl_image *img, unsigned owner)
{
	struct ctl_zones *zones = img->zones;
	const uint64_t word = zones->lock, pending = zones->pending;

	if (!CTL_OWNER(word) || (owner != CTL_ANYONE && CTL_OWNER(word) != owner))
		return;
	if (pending && pending <= img->format.nr_zones)
		ctl_zone_settle(img, pending - 1, zones->resets);
	ctl_zone_done(img);
	zones->lock = CTL_NEXT(word);
}

void ctl_zones_power_up(struct ctl_image *img)
{
	for (uint64_t i = 0; i < img->format.nr_zones; i++) {
		struct ctl_zone *z = &img->zones->zone[i];

		if (is_open(z->state) || z->state == NVME_ZNS_ZS_CLOSED)
			z->state = z->wp == ctl_zone_start(img, i) ? NVME_ZNS_ZS_EMPTY :
				   NVME_ZNS_ZS_CLOSED;
		ctl_zone_settle(img, i, false);
	}
}

/* --- open zones --- */

/* How many zones are in which state, and the one that has been open implicitly for longest. */
struct use {
	uint64_t	explicitly, open, closed, oldest;
	bool		can_close;		/* there is an ->oldest */
};

static struct use count(const struct ctl_image *img)
{
	const struct ctl_zone *zone = img->zones->zone;
	struct use u = { 0 };

	for (uint64_t i = 0; i < img->format.nr_zones; i++) {
		u.open += is_open(zone[i].state);
		u.explicitly += zone[i].state == NVME_ZNS_ZS_EXPL_OPEN;
		u.closed += zone[i].state == NVME_ZNS_ZS_CLOSED;
		if (zone[i].state != NVME_ZNS_ZS_IMPL_OPEN)
			continue;
		if (!u.can_close || zone[i].opened < zone[u.oldest].opened)
			u.oldest = i;
		u.can_close = true;
	}
	return u;
}

/* Zoned: Zone Resources.  Returns 0 if zone @i, in @state, can be opened, or a status. */
static int take_resources(struct ctl_image *img, uint32_t state)
{
	const struct ns_zones *limits = &img->format.zones;
	struct use u;

	if (!limits->max_open && !limits->max_active)
		return 0;
	u = count(img);
	if (limits->max_open && u.open >= limits->max_open && u.can_close) {
		img->zones->zone[u.oldest].state = NVME_ZNS_ZS_CLOSED;
		u.open--;
		u.closed++;
	}
	if (limits->max_active && state == NVME_ZNS_ZS_EMPTY && u.open + u.closed >= limits->max_active)
		return CTL_ST_ZONE_ACTIVE | NVME_ST_DNR;
	if (limits->max_open && u.open >= limits->max_open)
		return CTL_ST_ZONE_OPEN | NVME_ST_DNR;
	return 0;
}

static void set_open(struct ctl_image *img, uint64_t i, bool explicitly)
{
	struct ctl_zone *z = &img->zones->zone[i];

	z->opened = ++img->zones->opened;
	z->state = explicitly ? NVME_ZNS_ZS_EXPL_OPEN : NVME_ZNS_ZS_IMPL_OPEN;
}

int ctl_zone_open(struct ctl_image *img, uint64_t i, bool explicitly)
{
	struct ctl_zone *z = &img->zones->zone[i];
	int ret = is_open(z->state) ? 0 : take_resources(img, z->state);

	if (ret || z->state == NVME_ZNS_ZS_EXPL_OPEN || (!explicitly && is_open(z->state)))
		return ret;
	set_open(img, i, explicitly);
	return 0;
}

int ctl_zones_open_closed(struct ctl_image *img)
{
	const uint64_t most = img->format.zones.max_open;
	struct use u = count(img);

	if (most && u.explicitly + u.closed > most)
		return CTL_ST_ZONE_OPEN | NVME_ST_DNR;
	for (uint64_t i = 0; i < img->format.nr_zones; i++)
		if (img->zones->zone[i].state == NVME_ZNS_ZS_CLOSED)
			set_open(img, i, true);
	for (u = count(img); most && u.open > most; u = count(img))
		img->zones->zone[u.oldest].state = NVME_ZNS_ZS_CLOSED;
	return 0;
}
