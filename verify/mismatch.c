/* SPDX-License-Identifier: GPL-2.0-only */
/* mismatch.c - see mismatch.h */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "mismatch.h"

static const char *const field_names[VFY_NR_FIELDS] = {
	"reference tag", "application tag", "guard", "storage tag", "metadata", "data", "stamp",
};

static const char *const side_names[VFY_NR_SIDES] = { "host", "device", "plugin" };

static const char *const class_names[VFY_NR_CLASSES] = {
	"", "lost", "stale", "misdirected", "torn", "escaped", "media error",
};

const char *vfy_field_name(unsigned field)
{
	return field_names[__builtin_ctz(field)];
}

const char *vfy_side_name(enum vfy_side side)
{
	return side_names[side];
}

const char *vfy_class_name(enum vfy_class class)
{
	return class_names[class];
}

/* Format the field, such as "guard", "metadata byte 9" or "stamp: misdirected from LBA 8". */
static void put_what(const struct vfy_mismatch *r, char *buf, size_t size)
{
	size_t n = snprintf(buf, size, "%s", vfy_field_name(r->field));

	if (r->known && r->field & (VFY_METADATA | VFY_DATA))
		n += snprintf(buf + n, size - n, " byte %u", r->offset);
	if (r->class)
		n += snprintf(buf + n, size - n, ": %s", vfy_class_name(r->class));
	if (r->class == VFY_MISDIRECTED)
		snprintf(buf + n, size - n, " from LBA %" PRIu64, r->from);
}

/* Format what was wanted and got; of a stamp these are generations. */
static void put_values(const struct vfy_mismatch *r, char *buf, size_t size)
{
	size_t n;

	buf[0] = '\0';
	if (r->known && r->field != VFY_STAMP)
		snprintf(buf, size, ": wanted %04" PRIx64 "h, got %04" PRIx64 "h", r->want, r->got);
	if (!r->known || r->field != VFY_STAMP)
		return;
	n = snprintf(buf, size, ": wanted generation %" PRIu64 ", got generation %" PRIu64, r->want, r->got);
	if (r->class == VFY_MISDIRECTED)
		snprintf(buf + n, size - n, " of LBA %" PRIu64, r->from);
}

char *vfy_mismatch_text(const struct vfy_mismatch *r, char *buf, size_t size)
{
	char what[96], range[24] = "", values[128];

	put_what(r, what, sizeof(what));
	put_values(r, values, sizeof(values));
	if (r->blocks > 1)
		snprintf(range, sizeof(range), "-%" PRIu64, r->lba + r->blocks - 1);
	snprintf(buf, size, "%s: %s: LBA %" PRIu64 "%s: %s%s (%sfound by the %s%s%s)", r->path,
		 r->command, r->lba, range, what, values, r->injected ? "injected; " : "",
		 vfy_side_name(r->side), r->status ? ": " : "", r->status ? r->status : "");
	return buf;
}

void vfy_count(struct vfy_counts *c, const struct vfy_mismatch *r)
{
	c->total++;
	c->injected += r->injected;
	c->field[__builtin_ctz(r->field)]++;
	c->side[r->side]++;
	c->class[r->class]++;
}

char *vfy_counts_text(const struct vfy_counts *c, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < VFY_NR_FIELDS && n < size; i++)
		if (c->field[i])
			n += snprintf(buf + n, size - n, "%s%s %" PRIu64, n ? ", " : "",
				      field_names[i], c->field[i]);
	return buf;
}
