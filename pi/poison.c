/* SPDX-License-Identifier: MIT */
/* poison.c - tuples that a read has to replace: see pi.h */
#include "tuple.h"

/*
 * Returns an application tag that differs from the right one and is not FFFFh.  It differs in a
 * compared bit if any bit is compared.
 */
static uint16_t wrong_app(const struct pi_tags *t)
{
	for (unsigned bit = 0; bit < APP_BITS; bit++) {
		uint16_t wrong = t->app ^ 1u << bit;

		if (t->app_mask >> bit & 1 && wrong != 0xffff)
			return wrong;
	}
	return t->app == 0 ? 1 : 0;
}

/* The complement of a tag that increases by one per block decreases by one per block. */
struct pi_series pi_poison_of(const struct pi_layout *l, const struct pi_tags *t)
{
	struct pi_series s = pi_series_of(l, t, 0);
	const struct pi_fields wrong = {
		.guard = 0xa5a5a5a5a5a5a5a5, .app = wrong_app(t), .storage = ~t->storage,
	};

	if (l->type == PI_NONE)
		return s;
	s.shared = tuple_pack(l, &wrong);
	s.ref = ~t->ref;
	s.ref_step = -s.ref_step;
	return s;
}

/* Returns the address of the first block's tuple. */
TEMPLATE uint8_t *first_tuple(const struct pi_layout *l, const void *data, const void *md)
{
	const uint8_t *at = l->extended ? (const uint8_t *)data + l->data_size : md;

	return (uint8_t *)at + pi_tuple_offset(l);
}

TEMPLATE size_t tuple_stride(const struct pi_layout *l)
{
	return l->extended ? pi_block_size(l) : l->md_size;
}

void pi_poison_at(const struct pi_series *s, uint64_t first, void *data, void *md, uint32_t nr)
{
	size_t stride;
	uint8_t *tuple;

	if (s->layout.type == PI_NONE)
		return;
	stride = tuple_stride(&s->layout);
	tuple = first_tuple(&s->layout, data, md);
	for (uint32_t i = 0; i < nr; i++, tuple += stride)
		tuple_store(tuple, s->wide, series_tuple(s, s->wide, 0, first + i));
}

uint32_t pi_poisoned_at(const struct pi_series *s, uint64_t first, const void *data, const void *md,
			uint32_t nr)
{
	const uint8_t *tuple;
	uint32_t left = 0;
	size_t stride;

	if (s->layout.type == PI_NONE)
		return 0;
	stride = tuple_stride(&s->layout);
	tuple = first_tuple(&s->layout, data, md);
	for (uint32_t i = 0; i < nr; i++, tuple += stride) {
		struct pi_tuple want = series_tuple(s, s->wide, 0, first + i);
		struct pi_tuple is = tuple_load(tuple, s->wide);

		left += want.hi == is.hi && want.lo == is.lo;
	}
	return left;
}
