// SPDX-License-Identifier: GPL-2.0-only
/* format-zones.c - see format-zones.h */
#include "io.h"	/* must be first: libnvme replaces a header of the kernel */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "format-zones.h"

const struct ctl_zone_field ctl_zone_fields[CTL_ZONE_FIELDS] = {
	{ "zone_size", offsetof(struct ns_zones, zone_size) },
	{ "zone_capacity", offsetof(struct ns_zones, zone_capacity) },
	{ "max_open", offsetof(struct ns_zones, max_open) },
	{ "max_active", offsetof(struct ns_zones, max_active) },
	{ "zasl", offsetof(struct ns_zones, zasl) },
};

uint64_t *ctl_zone_field(struct ns_zones *zones, unsigned i)
{
	return (uint64_t *)((char *)zones + ctl_zone_fields[i].at);
}

/* Refuse zone options without zones. */
static int check_none(struct ctl_format *f, const char *path, char *why)
{
	for (unsigned i = 0; i < CTL_ZONE_FIELDS; i++)
		if (*ctl_zone_field(&f->zones, i))
			return refuse(why, EINVAL, "%s: ns_%s is for zones: give ns_zone_size as well", path,
				      ctl_zone_fields[i].name);
	f->zone_blocks = f->zone_writable = f->nr_zones = 0;
	return 0;
}

static int check_sizes(const struct ctl_format *f, const char *path, char *why)
{
	const struct ns_zones *z = &f->zones;
	const unsigned block = f->layout.data_size;

	if (z->zone_size % block || z->zone_capacity % block)
		return refuse(why, EINVAL, "%s: no such zones: ns_zone_size=%" PRIu64 " and ns_zone_capacity=%"
			      PRIu64 " must be whole blocks of %u bytes", path, z->zone_size,
			      z->zone_capacity, block);
	if (z->zone_capacity > z->zone_size)
		return refuse(why, EINVAL, "%s: no such zones: ns_zone_capacity=%" PRIu64 " is more than "
			      "ns_zone_size=%" PRIu64, path, z->zone_capacity, z->zone_size);
	if (f->nr_blocks % (z->zone_size / block))
		return refuse(why, EINVAL, "%s: %" PRIu64 " blocks are not a number of zones of %" PRIu64
			      " blocks: give a size= that is a multiple of ns_zone_size=%" PRIu64, path,
			      f->nr_blocks, z->zone_size / block, z->zone_size);
	return 0;
}

static int check_limits(const struct ctl_format *f, const char *path, char *why)
{
	const struct ns_zones *z = &f->zones;

	if (z->max_active && z->max_open > z->max_active)
		return refuse(why, EINVAL, "%s: no such zones: ns_max_open=%" PRIu64 " is more than "
			      "ns_max_active=%" PRIu64, path, z->max_open, z->max_active);
	if (z->max_open > UINT32_MAX - 1 || z->max_active > UINT32_MAX - 1)
		return refuse(why, EINVAL, "%s: no such zones: ns_max_open and ns_max_active have 32 bits", path);
	if (z->zasl & (z->zasl - 1) || (z->zasl && z->zasl < 4096) || z->zasl > CTL_MAX_TRANSFER)
		return refuse(why, EINVAL, "%s: no such zones: ns_zasl=%" PRIu64 ": give a power of two from 4096 "
			      "to %u (MDTS), or 0", path, z->zasl, CTL_MAX_TRANSFER);
	return 0;
}

int ctl_format_zones(struct ctl_format *f, const char *path, char *why)
{
	struct ns_zones *z = &f->zones;
	int ret;

	if (f->ruhs > CTL_HANDLES_MAX)
		return refuse(why, EINVAL, "%s: ns_ruhs=%" PRIu64 ": give a number of placement handles from 1 to %u, "
			      "or 0", path, f->ruhs, CTL_HANDLES_MAX);
	if (f->ruhs && z->zone_size)
		return refuse(why, EINVAL, "%s: ns_ruhs and ns_zone_size: zoned namespaces have no placement handles; "
			      "leave out one of them", path);
	if (!z->zone_size)
		return check_none(f, path, why);
	if (!z->zone_capacity)
		z->zone_capacity = z->zone_size;
	if (!z->max_open)
		z->max_open = z->max_active;
	ret = check_sizes(f, path, why);
	ret = ret ? ret : check_limits(f, path, why);
	if (ret)
		return ret;
	f->zone_blocks = z->zone_size / f->layout.data_size;
	f->zone_writable = z->zone_capacity / f->layout.data_size;
	f->nr_zones = f->nr_blocks / f->zone_blocks;
	return 0;
}

/* The option of @o that zoned images do not have; NULL: none. */
static const char *unsupported(const struct target_open *o)
{
	if (o->fault || o->fault_log)
		return "ns_fault";
	if (o->defect)
		return "ns_defect";
	return o->cache && strcmp(o->cache, "none") ? "ns_cache" : NULL;
}

int ctl_format_zones_check(const struct ctl_format *f, const struct target_open *o, char *why)
{
	struct ns_zones want = o->zones, is = f->zones;

	for (unsigned i = 0; i < CTL_ZONE_FIELDS; i++)
		if (*ctl_zone_field(&want, i) && *ctl_zone_field(&want, i) != *ctl_zone_field(&is, i))
			return refuse(why, EINVAL, "%s: ns_%s=%" PRIu64 " was asked for, the zones of the image have %" PRIu64,
				      o->path, ctl_zone_fields[i].name, *ctl_zone_field(&want, i),
				      *ctl_zone_field(&is, i));
	if (o->ruhs && o->ruhs != f->ruhs)
		return refuse(why, EINVAL, "%s: ns_ruhs=%" PRIu64 " was asked for, the image has %" PRIu64, o->path,
			      o->ruhs, f->ruhs);
	if (f->nr_zones && unsupported(o))
		return refuse(why, EINVAL, "%s: %s is not for zoned images: leave it out", o->path,
			      unsupported(o));
	return 0;
}
