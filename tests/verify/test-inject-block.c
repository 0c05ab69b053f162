/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-inject-block.c - inject errors into a block: a check finds exactly the reported
 * fields
 */
#include "inject-trial.h"

#define ALL_PI (PI_GUARD | PI_APP | PI_STORAGE | PI_REF)

static const unsigned fields[] = { PI_REF, PI_APP, PI_GUARD, PI_STORAGE, VFY_METADATA, VFY_DATA };

/* --- a block --- */

struct block {
	const struct oracle_format	*f;
	struct pi_layout		l;
	struct pi_tags			tags;
	uint64_t			lba;
	uint8_t				data[4096], md[64];
};

static void make(struct block *b)
{
	struct pi_layout apart = b->l;

	apart.extended = false;
	vfy_md_fill(&b->l, b->lba, b->md, sizeof(b->md), 1);
	if (b->l.type)
		pi_generate(&apart, &b->tags, b->data, b->md, 1);
}

static struct block sound(const struct oracle_format *f)
{
	struct block b = {
		.f = f, .l = layout_of(f), .lba = unit_random(),
		.tags = { .app = 0x1234, .app_mask = 0xffff, .storage_mask = UINT64_MAX },
	};

	b.tags.ref = f->type ? unit_random() & pi_ones(pi_ref_bits(&b.l)) : 0;
	b.tags.storage = unit_random() & pi_ones(f->sts);
	unit_random_fill(b.data, f->data_size);
	make(&b);
	return b;
}

/* The result of a full check of a block. */
struct found {
	unsigned		fields;
	struct pi_error		pi[4];
	unsigned		nr;
	struct vfy_md_error	md;
};

static struct found look(const struct block *b)
{
	struct pi_layout apart = b->l;
	struct found f = { 0 };

	apart.extended = false;
	f.nr = pi_verify(&apart, &b->tags, ALL_PI, b->data, b->md, 1, f.pi, 4).bad;
	for (unsigned i = 0; i < f.nr; i++)
		f.fields |= f.pi[i].field;
	if (vfy_md_present(&b->l) &&
	    vfy_md_check(&b->l, b->lba, b->data, 0, b->md, 0, 1, &f.md, 1).bad)
		f.fields |= VFY_METADATA;
	return f;
}

static void damage(struct block *b, const struct vfy_inject *in, uint64_t place,
		   struct vfy_injection *d)
{
	vfy_inject_damage(in, &b->l, b->l.type ? &b->tags : NULL, b->lba, place, b->data, b->md,
			  d);
}

static unsigned field_bits(const struct block *b, unsigned field)
{
	switch (field) {
	case PI_GUARD:		return oracle_bits(b->f, ORACLE_GUARD);
	case PI_APP:		return 16;
	case PI_STORAGE:	return oracle_bits(b->f, ORACLE_STORAGE);
	case PI_REF:		return oracle_bits(b->f, ORACLE_REF);
	case VFY_DATA:		return 8 * b->f->data_size;
	default:		return 8 * (b->f->md_size - oracle_tuple_size(b->f));
	}
}

/* Returns whether an error in this field can be detected by a check. */
static bool possible(const struct block *b, unsigned field)
{
	if (field == VFY_METADATA)
		return field_bits(b, field);
	return b->f->type && field_bits(b, field) && !(field == PI_REF && b->f->type == 3);
}

static unsigned shown(const struct block *b, unsigned field)
{
	if (field == VFY_DATA)
		return PI_GUARD | VFY_DATA;
	if (field == VFY_METADATA && b->f->type && !b->f->first)
		return VFY_METADATA | PI_GUARD;
	return field;
}

/* Returns the fields that a check detects: all but VFY_DATA, which only Compare does. */
static unsigned checked(unsigned shows)
{
	return shows & ~VFY_DATA;
}

static unsigned differing(const uint8_t *a, const uint8_t *b, size_t len)
{
	unsigned bits = 0;

	while (len--)
		bits += __builtin_popcount(*a++ ^ *b++);
	return bits;
}

/* Returns how many bits of a field differ.  The oracle locates the fields of the tuple. */
static unsigned changed(const struct block *a, const struct block *b, unsigned field)
{
	static const enum oracle_field of[] = {
		[PI_GUARD] = ORACLE_GUARD, [PI_APP] = ORACLE_APP, [PI_STORAGE] = ORACLE_STORAGE,
		[PI_REF] = ORACLE_REF,
	};
	uint32_t at = oracle_tuple_offset(a->f), size = oracle_tuple_size(a->f);
	struct oracle_tuple x, y;

	if (field == VFY_DATA)
		return differing(a->data, b->data, sizeof(a->data));
	if (field == VFY_METADATA)
		return differing(a->md, b->md, at) +
		       differing(a->md + at + size, b->md + at + size, sizeof(a->md) - at - size);
	if (!a->f->type)
		return 0;
	x = oracle_unpack(a->f, a->md + at);
	y = oracle_unpack(a->f, b->md + at);
	return __builtin_popcountll(x.field[of[field]] ^ y.field[of[field]]);
}

/* Returns whether the mismatch that the check reports has the values of the injected error. */
static bool told(const struct found *f, const struct vfy_injection *d, const struct block *was,
		 const struct block *is)
{
	if (d->field == VFY_METADATA)
		return f->md.offset == d->offset && f->md.want == d->was && f->md.got == d->is;
	if (d->field == VFY_DATA)
		return was->data[d->offset] == d->was && is->data[d->offset] == d->is &&
		       d->was != d->is;
	return f->nr == 1 && f->pi[0].field == d->field && f->pi[0].want == d->was &&
	       f->pi[0].got == d->is && !d->offset;
}

static void damage_one(const struct block *was, unsigned field, bool all, uint64_t place)
{
	struct vfy_inject in = { .nr = 1, .fault = { { field, all, 1, unit_random() } } };
	struct block is = *was, again = *was;
	struct vfy_injection d = { .field = field }, d2 = d;
	struct found f;

	damage(&is, &in, place, &d);
	damage(&again, &in, place, &d2);
	UNIT_CHECK(!memcmp(&is, &again, sizeof(is)) && d.was == d2.was && d.is == d2.is,
		   "%s: %s is not repeated", format_text(was->f), vfy_field_name(field));
	f = look(&is);
	UNIT_CHECK(d.shows == shown(was, field) && f.fields == checked(d.shows),
		   "%s: %s shows %x, wanted %x, found %x", format_text(was->f),
		   vfy_field_name(field), d.shows, shown(was, field), f.fields);
	UNIT_CHECK(told(&f, &d, was, &is), "%s: %s was %" PRIx64 ", is %" PRIx64 ", at %u",
		   format_text(was->f), vfy_field_name(field), d.was, d.is, d.offset);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		unsigned bits = changed(was, &is, fields[i]);
		unsigned want = fields[i] != field ? 0 : all ? field_bits(was, field) : 1;

		UNIT_CHECK(bits == want, "%s: %s: %u bits of %s changed, wanted %u",
			   format_text(was->f),
			   vfy_field_name(field), bits, vfy_field_name(fields[i]), want);
	}
}

static void check_one(const struct block *b, unsigned field)
{
	struct vfy_inject in = { .nr = 1, .fault = { { field, false, 1, 1 } } };
	char why[VFY_WHY_MAX] = "";
	bool can = !vfy_inject_check(&in, &b->l, &b->tags, b->l.type, b->l.md_size, why);

	UNIT_CHECK(can == possible(b, field), "%s: %s: '%s'", format_text(b->f),
		   vfy_field_name(field), why);
	if (!can)
		one_line(format_text(b->f), why, "pi_inject=", ": ");
}

static void damage_format(const struct oracle_format *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct block b = sound(f);

		check_one(&b, fields[i]);
		for (int all = 0; all <= 1 && possible(&b, fields[i]); all++)
			for (int n = 0; n < 4; n++) {
				b = sound(f);
				damage_one(&b, fields[i], all, unit_random());
			}
	}
}

static void every_field_of_every_format(void)
{
	each_format(damage_format);
}

/* --- several errors in one block --- */

/*
 * Errors are injected into all fields, in the order in which they are drawn: all of them are
 * detected, and no other field is wrong.
 */
static void damage_all_fields(const struct oracle_format *f)
{
	struct vfy_inject in = { .nr = ARRAY_SIZE(fields) };
	struct block b = sound(f);
	unsigned shows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		in.fault[i] = (struct vfy_inject_rule){ fields[i], unit_random() & 1, 1, unit_random() };
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct vfy_injection d = { .field = fields[i] };

		if (!possible(&b, fields[i]))
			continue;
		damage(&b, &in, 0, &d);
		shows |= d.shows;
	}
	UNIT_CHECK(look(&b).fields == checked(shows), "%s: %x shows, found %x", format_text(f), shows,
		   look(&b).fields);
}

static void every_field_of_one_block(void)
{
	each_format(damage_all_fields);
}

/* The same error is injected again and again: bits that were flipped are not flipped back. */
static void damage_again(const struct oracle_format *f)
{
	for (size_t i = 0; i < 2 * ARRAY_SIZE(fields); i++) {
		unsigned field = fields[i / 2];
		struct vfy_inject in = { .nr = 1, .fault = { { field, i % 2, 1, unit_random() } } };
		struct block b = sound(f);
		bool can = possible(&b, field) && field_bits(&b, field) > 1;

		for (unsigned n = 0; n < 6 && can; n++) {
			struct vfy_injection d = { .field = field };

			damage(&b, &in, n / 2, &d);
			UNIT_CHECK(d.shows == shown(&b, field) && look(&b).fields == checked(d.shows),
				   "%s: %s: found %x after so many: %u", format_text(f),
				   vfy_field_name(field), look(&b).fields, n + 1);
		}
	}
}

static void again_and_again(void)
{
	each_format(damage_again);
}

/* --- bits that must not be chosen --- */

struct odd {
	const char	*name;
	unsigned	field;
	struct oracle_format f;
	uint16_t	app, app_mask;
	uint64_t	ref, storage_mask;
	const char	*refused;		/* part of the message; NULL: not refused */
	uint64_t	never;			/* bits of the field that must never be flipped */
};

#define F16(t, s)	{ .type = t, .data_size = 512, .md_size = 16, .sts = s }
#define F64(t, s)	{ .pif = 2, .type = t, .data_size = 512, .md_size = 16, .sts = s }
#define NO_PI		{ .data_size = 512, .md_size = 16 }

static const struct odd odds[] = {
	{ "masked app", PI_APP, F16(1, 0), 0x1234, 0x0ff0, 0, 0, NULL, 0xf00f },
	{ "no app", PI_APP, F16(1, 0), 0x1234, 0, 0, 0, "no bit", 0 },
	{ "app next to the escape", PI_APP, F16(1, 0), 0xfffe, 0xffff, 0, 0, NULL, 1 },
	{ "the opposite of the escape", PI_APP, F16(1, 0), 0, 0xffff, 0, 0, NULL, 0 },
	{ "app of type 2 next to the escape", PI_APP, F16(2, 0), 0x7fff, 0xffff, 0, 0, NULL,
	  0x8000 },
	{ "only the bit that escapes", PI_APP, F16(1, 0), 0xfffe, 0x0001, 0, 0, "escape", 0 },
	{ "one bit that doesn't", PI_APP, F16(1, 0), 0xfffd, 0x0001, 0, 0, NULL, 0xfffe },
	{ "type 3, app next to the escape", PI_APP, F16(3, 0), 0xfffe, 0x0001, 0xffffffff, 0,
	  "escape", 0 },
	{ "type 3, app FFFFh is no escape", PI_APP, F16(3, 0), 0xfffe, 0x0001, 7, 0, NULL, 0xfffe },
	{ "type 3, guard with app FFFFh", PI_GUARD, F16(3, 0), 0xffff, 0xffff, 7, 0, NULL, 0 },
	{ "type 3 escapes", PI_GUARD, F16(3, 0), 0xffff, 0xffff, 0xffffffff, 0, "escape", 0 },
	{ "escapes", PI_GUARD, F16(1, 0), 0xffff, 0xffff, 0, 0, "escape", 0 },
	{ "escapes, data", VFY_DATA, F16(2, 0), 0xffff, 0xffff, 0, 0, "escape", 0 },
	{ "escapes, metadata", VFY_METADATA, F16(2, 0), 0xffff, 0xffff, 0, 0, "escape", 0 },
	{ "storage, masked", PI_STORAGE, F64(1, 24), 1, 0xffff, 0, 0xf000f0, NULL, 0x0fff0f },
	{ "storage, masked beyond it", PI_STORAGE, F64(1, 24), 1, 0xffff, 0, 0xff000000,
	  "no bit", 0 },
	{ "no storage tag", PI_STORAGE, F64(1, 0), 1, 0xffff, 0, UINT64_MAX, "no storage tag", 0 },
	{ "no reference tag", PI_REF, F16(1, 32), 1, 0xffff, 0, UINT64_MAX, "no bit", 0 },
	{ "reference tag of type 3", PI_REF, F16(3, 0), 1, 0xffff, 0, 0, "type 3", 0 },
	{ "one bit of reference tag", PI_REF, F16(1, 31), 1, 0xffff, 0, 0, NULL, 0 },
	{ "nothing would show it", VFY_DATA, NO_PI, 1, 0xffff, 0, 0, "no protection", 0 },
	{ "no tuple", PI_GUARD, NO_PI, 1, 0xffff, 0, 0, "no protection", 0 },
	{ "metadata without a tuple", VFY_METADATA, NO_PI, 0xffff, 0xffff, 0, 0, NULL, 0 },
	{ "metadata is the tuple", VFY_METADATA, { .type = 1, .data_size = 512, .md_size = 8 },
	  1, 0xffff, 0, 0, "no metadata beyond", 0 },
};

static struct block odd_block(const struct odd *o)
{
	struct block b = sound(&o->f);

	b.tags = (struct pi_tags){
		.app = o->app, .app_mask = o->app_mask, .ref = o->ref, .storage = 0x5a5a5a,
		.storage_mask = o->storage_mask,
	};
	make(&b);
	return b;
}

/* After many injections every allowed bit has been flipped, and no other. */
static void damage_odd(const struct odd *o, bool all)
{
	struct vfy_inject in = { .nr = 1, .fault = { { o->field, all, 1, 5 } } };
	uint64_t flipped = 0;

	for (uint64_t place = 0; place < 2000; place++) {
		struct block was = odd_block(o), b = was;
		struct vfy_injection d = { .field = o->field };

		damage(&b, &in, place, &d);
		flipped |= d.was ^ d.is;
		UNIT_CHECK(d.shows == shown(&was, o->field) && look(&b).fields == checked(d.shows),
			   "%s: at %" PRIu64 " %" PRIx64 " became %" PRIx64 ", found %x", o->name,
			   place, d.was, d.is, look(&b).fields);
		UNIT_CHECK(changed(&was, &b, o->field) == 1 || all, "%s: more than a bit", o->name);
	}
	UNIT_CHECK(!(flipped & o->never), "%s: bits %" PRIx64 " are flipped", o->name, flipped);
	if (o->field == PI_APP || o->field == PI_STORAGE)
		UNIT_CHECK(flipped == (~o->never & (o->field == PI_APP ? 0xffff : 0xffffff)),
			   "%s: bits %" PRIx64 " were all that were flipped", o->name, flipped);
}

static void odd_tags(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(odds); i++) {
		const struct odd *o = &odds[i];
		struct vfy_inject in = { .nr = 1, .fault = { { o->field, false, 1, 1 } } };
		struct block b = odd_block(o);
		char why[VFY_WHY_MAX] = "";
		int err = vfy_inject_check(&in, &b.l, &b.tags, b.l.type, true, why);

		UNIT_CHECK(err == (o->refused ? -EINVAL : 0), "%s: %d '%s'", o->name, err, why);
		if (o->refused)
			one_line(o->name, why, "pi_inject=", o->refused);
		else
			damage_odd(o, false);
	}
}

/* All bits are flipped, except one if the block would escape or the error be undetectable. */
static void all_but_one(void)
{
	static const struct odd cases[] = {
		{ "app 0", PI_APP, F16(1, 0), 0, 0xffff, 0, 0, NULL, 0 },
		{ "app f0h under f0fh", PI_APP, F16(2, 0), 0xf0f0, 0x0f0f, 0, 0, NULL, 0xf0f0 },
		{ "masked storage", PI_STORAGE, F64(1, 24), 1, 0xffff, 0, 0xf000f0, NULL,
		  0x0fff0f },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		damage_odd(&cases[i], true);
}

/* With PRACT=1 the host's metadata is not transferred, or its tuple is not. */
static void pract(void)
{
	struct oracle_format f = F16(1, 0);
	struct block b = sound(&f);
	char why[VFY_WHY_MAX] = "";

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct vfy_inject in = { .nr = 1, .fault = { { fields[i], false, 1, 1 } } };
		int err = vfy_inject_check(&in, &b.l, &b.tags, false, true, why);

		UNIT_CHECK(err == (fields[i] == VFY_METADATA ? 0 : -EINVAL), "%s: %d",
			   vfy_field_name(fields[i]), err);
		err = vfy_inject_check(&in, &b.l, &b.tags, false, false, why);
		UNIT_CHECK(err == -EINVAL, "%s: %d", vfy_field_name(fields[i]), err);
		one_line("pract", why, "pi_inject=", "pi_act=0");
	}
}

/* The device later inserts a tuple with a guard that is correct for the corrupted metadata. */
static void pract_metadata(void)
{
	struct oracle_format f = F16(1, 0);
	struct vfy_inject in = parsed("md/1");

	for (uint64_t place = 0; place < 100; place++) {
		struct block b = sound(&f), was = b;
		struct vfy_injection d = { .field = VFY_METADATA };

		vfy_inject_damage(&in, &b.l, NULL, b.lba, place, b.data, b.md, &d);
		UNIT_CHECK(d.shows == VFY_METADATA && changed(&was, &b, VFY_METADATA) == 1,
			   "shows %x", d.shows);
	}
}

/* An unwritten block is not changed, and no flipped bit makes a block look unwritten. */
static void escaped_block(void)
{
	struct oracle_format f = F64(2, 24);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct vfy_inject in = { .nr = 1, .fault = { { fields[i], true, 1, 1 } } };
		struct block b = sound(&f), was;
		struct vfy_injection d = { .field = fields[i], .shows = 99 };

		f.md_size = 24;
		memset(b.md, 0xff, sizeof(b.md));
		was = b;
		damage(&b, &in, 3, &d);
		UNIT_CHECK(!d.shows && d.was == d.is && !memcmp(&b, &was, sizeof(b)),
			   "%s: shows %x", vfy_field_name(fields[i]), d.shows);
	}
}

/*
 * The data is zero and one metadata bit outside the tuple is set: without it the block would
 * look zeroed.
 */
static void seems_zeroed(void)
{
	static const struct odd_byte { uint32_t size; uint8_t byte; bool all; } cases[] = {
		{ 9, 0x01, false }, { 9, 0x80, false }, { 9, 0xff, true }, { 10, 0x80, false },
	};

	for (uint64_t n = 0; n < 1000; n++) {
		const struct odd_byte *o = &cases[n % 4];
		struct oracle_format f = { .type = 1, .data_size = 512, .md_size = o->size };
		struct vfy_inject in = { .nr = 1, .fault = { { VFY_METADATA, o->all, 1, 1 } } };
		struct vfy_injection d = { .field = VFY_METADATA };
		struct block b = sound(&f);
		struct found found;

		b.lba = ((uint64_t)o->byte << 56 | 0x5a000000000000) ^ 0x5a00000000000000;
		memset(b.data, 0, sizeof(b.data));
		make(&b);
		UNIT_CHECK(b.md[0] == o->byte && (f.md_size == 9 || !b.md[1]) && !look(&b).fields,
			   "the case is another");
		damage(&b, &in, n, &d);
		found = look(&b);
		UNIT_CHECK(d.shows == (VFY_METADATA | PI_GUARD) && found.fields == d.shows &&
			   found.md.offset == d.offset && found.md.want == d.was &&
			   found.md.got == d.is,
			   "%02xh: byte %u is %02xh, was %02" PRIx64 "h", o->byte, d.offset,
			   b.md[0], d.was);
	}
}

/* A plugin can set any tags, so there may be no bit to flip. */
static void nothing_to_flip(void)
{
	struct oracle_format f = F16(1, 0);
	struct vfy_inject in = parsed("app/1");
	struct vfy_injection d = { .field = PI_APP, .shows = 99 };
	struct block b = sound(&f), was;

	b.tags.app_mask = 0;
	was = b;
	damage(&b, &in, 0, &d);
	UNIT_CHECK(!d.shows && d.was == d.is && !memcmp(&b, &was, sizeof(b)), "shows %x", d.shows);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "every_field_of_every_format", every_field_of_every_format },
		{ "every_field_of_one_block", every_field_of_one_block },
		{ "again_and_again", again_and_again },
		{ "odd_tags", odd_tags },
		{ "all_but_one", all_but_one },
		{ "pract", pract },
		{ "pract_metadata", pract_metadata },
		{ "escaped_block", escaped_block },
		{ "seems_zeroed", seems_zeroed },
		{ "nothing_to_flip", nothing_to_flip },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
