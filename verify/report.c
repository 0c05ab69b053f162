/* SPDX-License-Identifier: GPL-2.0-only */
/* report.c - see report.h */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "report.h"

static const char *const field_names[] = {
	"reference tag", "application tag", "guard", "storage tag", "metadata", "data",
};

#define NR_FIELDS (sizeof(field_names) / sizeof(field_names[0]))

const char *vfy_field_name(unsigned field)
{
	return field_names[__builtin_ctz(field)];
}

char *vfy_record_text(const struct vfy_record *r, char *buf, size_t size)
{
	char what[64], range[24] = "", values[80] = "";

	snprintf(what, sizeof(what), "%s", vfy_field_name(r->field));
	if (r->known && r->field & (VFY_METADATA | VFY_DATA))
		snprintf(what, sizeof(what), "%s byte %u", vfy_field_name(r->field), r->offset);
	if (r->known)
		snprintf(values, sizeof(values), ": wanted %04" PRIx64 "h, got %04" PRIx64 "h",
			 r->want, r->got);
	if (r->blocks > 1)
		snprintf(range, sizeof(range), "-%" PRIu64, r->lba + r->blocks - 1);
	snprintf(buf, size, "%s: %s: LBA %" PRIu64 "%s: %s%s (found by the %s%s%s)", r->path,
		 r->command, r->lba, range, what, values, r->side == VFY_HOST ? "host" : "device",
		 r->side == VFY_HOST ? "" : ": ", r->side == VFY_HOST ? "" : r->status);
	return buf;
}

void vfy_count(struct vfy_counts *c, const struct vfy_record *r)
{
	c->field[__builtin_ctz(r->field)]++;
}

uint64_t vfy_counts_total(const struct vfy_counts *c)
{
	uint64_t total = 0;

	for (size_t i = 0; i < NR_FIELDS; i++)
		total += c->field[i];
	return total;
}

char *vfy_counts_text(const struct vfy_counts *c, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < NR_FIELDS && n < size; i++)
		if (c->field[i])
			n += snprintf(buf + n, size - n, "%s%s %" PRIu64, n ? ", " : "",
				      field_names[i], c->field[i]);
	return buf;
}
