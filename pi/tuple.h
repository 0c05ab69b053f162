/* SPDX-License-Identifier: MIT */
/*
 * tuple.h - a tuple as an integer, in memory, and in a series: for the sources of pi/ alone
 *
 * A tuple is one big-endian integer of 64 or 128 bits.  Its fields, from the most
 * significant bit down, are guard, application tag, storage tag and reference tag,
 * without gaps.  Formats and storage tag sizes therefore differ in shift counts only,
 * and a whole tuple is compared in one operation.
 */
#ifndef PI_TUPLE_H
#define PI_TUPLE_H

#include <endian.h>
#include <string.h>
#include "pi.h"

enum { APP_BITS = 16 };

/* A tuple as a 128-bit integer of the compiler. */
__extension__ typedef unsigned __int128 wide_int;

static inline struct pi_tuple split(wide_int v)
{
	return (struct pi_tuple){ .hi = v >> 64, .lo = v };
}

static inline uint64_t bits_get(struct pi_tuple t, unsigned at, unsigned bits)
{
	return (((wide_int)t.hi << 64 | t.lo) >> at) & pi_ones(bits);
}

/* Returns the storage and reference space as an integer. */
static inline wide_int space_pack(const struct pi_layout *l, uint64_t storage, uint64_t ref)
{
	const unsigned ref_bits = pi_ref_bits(l);

	return (ref & pi_ones(ref_bits)) | (wide_int)(storage & pi_ones(l->sts)) << ref_bits;
}

static inline struct pi_tuple tuple_pack(const struct pi_layout *l, const struct pi_fields *f)
{
	const unsigned app_at = pi_space_bits(l);
	const uint64_t guard = f->guard & pi_ones(8 * l->format->guard_size);

	return split(space_pack(l, f->storage, f->ref) | (wide_int)f->app << app_at |
		     (wide_int)guard << (app_at + APP_BITS));
}

static inline struct pi_fields tuple_unpack(const struct pi_layout *l, struct pi_tuple t)
{
	return (struct pi_fields) {
		.guard	 = bits_get(t, pi_space_bits(l) + APP_BITS, 8 * l->format->guard_size),
		.app	 = bits_get(t, pi_space_bits(l), APP_BITS),
		.storage = bits_get(t, pi_ref_bits(l), l->sts),
		.ref	 = bits_get(t, 0, pi_ref_bits(l)),
	};
}

static inline uint64_t be64_get(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

/* Returns whether tuples have 16 bytes, not 8. */
static inline bool is_wide(const struct pi_layout *l)
{
	return l->format->tuple_size > 8;
}

static inline void tuple_store(uint8_t *p, bool wide, struct pi_tuple t)
{
	if (wide) {
		be64_put(p, t.hi);
		p += 8;
	}
	be64_put(p, t.lo);
}

static inline struct pi_tuple tuple_load(const uint8_t *p, bool wide)
{
	struct pi_tuple t = { 0 };

	if (wide) {
		t.hi = be64_get(p);
		p += 8;
	}
	t.lo = be64_get(p);
	return t;
}

/*
 * Always inlined.  Functions that take @wide (a copy of s->wide) are specialised by the
 * compiler: once for 8-byte tuples, once for 16-byte tuples.
 */
#define TEMPLATE static inline __attribute__((always_inline))

TEMPLATE struct pi_tuple series_tuple(const struct pi_series *s, bool wide, uint64_t guard, uint64_t i)
{
	struct pi_tuple t = { .lo = s->shared.lo | ((s->ref + i * s->ref_step) & s->ref_mask) };

	if (wide)
		t.hi = s->shared.hi | guard << s->guard_shift;
	else
		t.lo |= guard << s->guard_shift;
	return t;
}

#endif
