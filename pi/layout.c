/* SPDX-License-Identifier: MIT */
/* layout.c - formats, layouts, tags of commands, and single tuples: see pi.h */
#include <errno.h>
#include "tuple.h"

const struct pi_format pi_formats[3] = {
	{ "16b", 2,  8,  0, 32,  512, guard_16b },
	{ "32b", 4, 16, 16, 64, 4096, guard_32b },
	{ "64b", 8, 16,  0, 48, 4096, guard_64b },
};

const struct pi_format *pi_format_of(unsigned pif, unsigned qpif, bool qpifs)
{
	unsigned i = pif == 3 && qpifs ? qpif : pif;

	return i < sizeof(pi_formats) / sizeof(pi_formats[0]) ? &pi_formats[i] : NULL;
}

/* Returns why the layout is not supported, or NULL if it is. */
static const char *layout_fault(const struct pi_layout *l)
{
	if (l->type > PI_TYPE3)
		return "protection type is not 0, 1, 2 or 3";
	if (l->data_size < 512 || l->data_size & (l->data_size - 1))
		return "data size is not a power of two of 512 bytes or more";
	if (l->md_size > 65535)
		return "metadata size is above 65535 bytes, the most a format can have";
	if (l->type == PI_NONE)
		return NULL;
	if (!l->format)
		return "a protection type is set, but the guard format is a reserved one";
	if (l->md_size < l->format->tuple_size)
		return "metadata is smaller than the tuple (16b guards: 8 bytes; 32b, 64b: 16)";
	if (l->sts < l->format->sts_min || l->sts > l->format->sts_max)
		return "storage tag size is not what the guard format allows "
		       "(16b: 0..32 bits; 32b: 16..64; 64b: 0..48)";
	return NULL;
}

int pi_layout_check(const struct pi_layout *l, const char **why)
{
	const char *fault = layout_fault(l), *remark = NULL;

	if (!fault && l->type != PI_NONE && l->data_size < l->format->data_min)
		remark = "the specification requires at least 4096 bytes of data for 32b and 64b guards; this works nevertheless";
	if (why)
		*why = fault ? fault : remark;
	return fault ? -EINVAL : 0;
}

struct pi_dwords pi_tags_pack(const struct pi_layout *l, const struct pi_tags *t)
{
	struct pi_tuple space = split(space_pack(l, t->storage, t->ref));

	return (struct pi_dwords) {
		.cdw2	= space.hi,
		.cdw3	= space.lo >> 32,
		.cdw14	= space.lo,
		.cdw15	= (uint32_t)t->app_mask << 16 | t->app,
	};
}

struct pi_tags pi_tags_unpack(const struct pi_layout *l, const struct pi_dwords *d,
			      uint64_t storage_mask)
{
	struct pi_tuple space = { .hi = d->cdw2, .lo = (uint64_t)d->cdw3 << 32 | d->cdw14 };

	return (struct pi_tags) {
		.ref		= bits_get(space, 0, pi_ref_bits(l)),
		.storage	= bits_get(space, pi_ref_bits(l), l->sts),
		.storage_mask	= storage_mask,
		.app		= d->cdw15,
		.app_mask	= d->cdw15 >> 16,
	};
}

void pi_tuple_put(const struct pi_layout *l, void *tuple, const struct pi_fields *f)
{
	tuple_store(tuple, is_wide(l), tuple_pack(l, f));
}

struct pi_fields pi_tuple_get(const struct pi_layout *l, const void *tuple)
{
	return tuple_unpack(l, tuple_load(tuple, is_wide(l)));
}

bool pi_escapes(const struct pi_layout *l, const struct pi_fields *f)
{
	return f->app == 0xffff &&
	       (l->type != PI_TYPE3 || f->ref == pi_ones(pi_ref_bits(l)));
}
