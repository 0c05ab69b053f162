/* SPDX-License-Identifier: GPL-2.0-only */
/* format-zones.h - the zones of an image's format, for format.c */
#ifndef CTL_FORMAT_ZONES_H
#define CTL_FORMAT_ZONES_H

#include "format.h"

/* The fields of struct ns_zones with their names in options and in the file. */
struct ctl_zone_field {
	const char	*name;
	size_t		at;
};

enum { CTL_ZONE_FIELDS = 5 };

extern const struct ctl_zone_field ctl_zone_fields[CTL_ZONE_FIELDS];

/* Return field @i of @zones. */
uint64_t *ctl_zone_field(struct ns_zones *zones, unsigned i);

/*
 * Fill in what ->zones does not specify, and the fields that follow from it; ->layout, ->nr_blocks
 * and ->ruhs are set.  Returns 0, or -EINVAL with one line in @why if there are no such zones, or
 * placement handles.
 */
int ctl_format_zones(struct ctl_format *f, const char *path, char *why);

/*
 * Check that the image has the zones and placement handles that @o asks for, and that nothing else is asked for that
 * zoned images do not have.  Returns 0, or -EINVAL with one line in @why.
 */
int ctl_format_zones_check(const struct ctl_format *f, const struct target_open *o, char *why);

#endif
