// SPDX-License-Identifier: GPL-2.0-only
/* defect-field.c - defects: how the fields of a tuple are compared, and what escapes; see defect.h */
#include "defect-parts.h"

/* --- masks: @p replaces, or takes bits of --- */

static void app_mask_and(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->mask.app &= d->p;
}

static void app_mask_or(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->mask.app |= d->p;
}

static void app_mask_xor(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->mask.app ^= d->p;
}

static void app_mask_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->mask.app = __builtin_bswap16(t->mask.app);
}

/* Only the expected tag is masked. */
static void app_mask_one_side(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.app &= t->mask.app;
	t->mask.app = 0xffff;
}

static void app_mask_zero(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (!t->mask.app)
		t->mask.app = d->p;
}

/* The application tag (@p 0) or its mask (@p 1) of the command before. */
static void app_of_last(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const uint32_t cdw15 = t->a->all->last.cdw15;

	if (t->a->all->commands > 1 && d->p)
		t->mask.app = cdw15 >> 16;
	else if (t->a->all->commands > 1)
		t->want.app = cdw15;
}

static void app_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.app = __builtin_bswap16(t->want.app);
}

static void guard_mask(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->mask.guard = d->p;
}

/* The guard's upper half alone is compared. */
static void guard_upper_half(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->mask.guard = UINT64_MAX << 4 * t->l->format->guard_size;
}

static void ref_mask(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->mask.ref &= d->p;
}

/* The highest byte of the tag is not compared. */
static void ref_top_byte(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->mask.ref &= pi_ref_bits(t->l) > 8 ? pi_ones(pi_ref_bits(t->l) - 8) : 0;
}

static void storage_mask(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->mask.storage &= d->p;
}

static void storage_top_bit(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->mask.storage &= pi_ones(t->l->sts) >> 1;
}

static void storage_shifted(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.storage = t->want.storage << d->p & pi_ones(t->l->sts);
}

static void storage_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->l->sts >= 16)
		t->want.storage = __builtin_bswap64(t->want.storage << (64 - t->l->sts));
}

/* --- the reference tag that is expected --- */

static void expect(struct ctl_tuple *t, uint64_t ref)
{
	if (t->l->type != PI_TYPE3)
		t->want.ref = ref & pi_ones(pi_ref_bits(t->l));
}

static void ref_constant(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	expect(t, t->a->r.tags.ref);
}

/* The second block still has the first tag. */
static void ref_late(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	expect(t, t->a->r.tags.ref + (t->i ? t->i - 1 : 0));
}

/* The count of blocks has @p values. */
static void ref_restarts(struct ctl_tuple *t, const struct ctl_defect *d)
{
	expect(t, t->a->r.tags.ref + t->i % d->p);
}

/* Only the low @p bits are counted up, without a carry. */
static void ref_narrow(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const uint64_t low = pi_ones(d->p), ref = t->a->r.tags.ref;

	expect(t, (ref & ~low) | ((ref + t->i) & low));
}

static void ref_of_lba(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	expect(t, t->a->r.lba + t->i);
}

/* Blocks that escape are not counted. */
static void ref_skips_escapes(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const size_t ms = t->l->md_size;
	uint32_t escaped = 0;

	(void)d;
	for (uint32_t back = 1; back <= t->i - t->a->first; back++) {
		const struct pi_fields f = pi_tuple_get(t->l, t->md + t->offset - back * ms);

		escaped += pi_escapes(t->l, &f);
	}
	expect(t, t->a->r.tags.ref + t->i - escaped);
}

/* With type 3 the reference tag is compared when the guard is checked. */
static void ref_of_type_3(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->l->type == PI_TYPE3 && t->checks & PI_GUARD)
		t->checks |= PI_REF;
}

/* --- the guard that is expected --- */

/* A stored guard of @p is good. */
static void guard_passes(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->is.guard == (d->p & pi_ones(8 * t->l->format->guard_size)))
		t->checks &= ~PI_GUARD;
}

static void app_passes(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->is.app == d->p)
		t->checks &= ~PI_APP;
}

/* --- escapes --- */

static void escape_never(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes = false;
}

static void escape_ends(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->a->silent |= t->escapes;
}

/* A tag escapes that is @p in the bits @q. */
static void escape_near(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->escapes |= (t->is.app & d->q) == d->p && t->l->type != PI_TYPE3;
}

static void escape_by_app(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes |= t->is.app == 0xffff;
}

static void escape_needs_ref(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes &= t->is.ref == pi_ones(pi_ref_bits(t->l));
}

static void escape_needs_storage(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes &= t->is.storage == pi_ones(t->l->sts);
}

/* Type 3: the low @p bits of the reference tag decide. */
static void escape_low_ref(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->escapes |= t->is.app == 0xffff && !(~t->is.ref & pi_ones(d->p) & pi_ones(pi_ref_bits(t->l)));
}

static void escape_by_ref(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes |= pi_ref_bits(t->l) && t->is.ref == pi_ones(pi_ref_bits(t->l));
}

/* The bits that LBATM selects are all ones. */
static void escape_masked(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes |= t->mask.app && (t->is.app & t->mask.app) == t->mask.app && t->l->type != PI_TYPE3;
}

static void escape_by_lbat(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->escapes |= t->a->r.tags.app == 0xffff;
}

/* An escaped block still has the checks @p. */
static void escape_keeps(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->escapes) {
		t->escapes = false;
		t->checks &= d->p;
	}
}

/* The block before escaped. */
static void escape_next(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->i > t->a->first) {
		const struct pi_fields f = pi_tuple_get(t->l, t->md - t->l->md_size + t->offset);

		t->escapes |= pi_escapes(t->l, &f);
	}
}

#define ROW(name, what, ops, fn) name, what, ops, AT_CHECK, .block = fn

static const struct ctl_defect rows[] = {
	{ ROW("app-mask-ignored", "LBATM is ignored", OP_CHECKS, app_mask_or), .p = 0xffff },
	{ ROW("app-mask-inverted", "LBATM is inverted", OP_CHECKS, app_mask_xor), .p = 0xffff },
	{ ROW("app-mask-bit-0", "bit 0 of LBATM is taken as 0", OP_CHECKS, app_mask_and), .p = 0xfffe },
	{ ROW("app-mask-bit-7", "bit 7 of LBATM is taken as 0", OP_CHECKS, app_mask_and), .p = 0xff7f },
	{ ROW("app-mask-bit-15", "bit 15 of LBATM is taken as 0", OP_CHECKS, app_mask_and), .p = 0x7fff },
	{ ROW("app-mask-bit-8-set", "bit 8 of LBATM is taken as 1", OP_CHECKS, app_mask_or), .p = 0x0100 },
	{ ROW("app-mask-low-byte", "the upper byte of the application tag is not compared", OP_CHECKS,
	      app_mask_and), .p = 0x00ff },
	{ ROW("app-mask-byte-order", "the bytes of LBATM are swapped", OP_CHECKS, app_mask_swapped) },
	{ ROW("app-mask-one-side", "LBATM masks the expected tag, but not that of the block", OP_CHECKS,
	      app_mask_one_side) },
	{ ROW("app-mask-zero-is-all", "an LBATM of 0 is taken as FFFFh", OP_CHECKS, app_mask_zero),
	  .p = 0xffff },
	{ ROW("app-mask-of-command-before", "LBATM is that of the command before", OP_CHECKS, app_of_last),
	  .p = 1 },
	{ ROW("app-of-command-before", "LBAT is that of the command before", OP_READ | OP_VERIFY,
	      app_of_last), .p = 0 },
	{ ROW("app-byte-order", "the bytes of LBAT are swapped for checks", OP_CHECKS, app_swapped) },
	{ ROW("app-zero-passes", "an application tag of 0 passes each check", OP_CHECKS, app_passes),
	  .p = 0 },
	{ ROW("guard-low-byte", "only the low byte of the guard is compared", OP_CHECKS, guard_mask),
	  .p = 0xff },
	{ ROW("guard-16-bits", "only 16 bits of a longer guard are compared", OP_CHECKS, guard_mask),
	  .p = 0xffff, .on = ON_WIDE_GUARD },
	{ ROW("guard-32-bits", "only 32 bits of a 64b guard are compared", OP_CHECKS, guard_mask),
	  .p = 0xffffffff, .on = ON_GUARD_64 },
	{ ROW("guard-upper-half", "only the upper half of the guard is compared", OP_CHECKS,
	      guard_upper_half) },
	{ ROW("guard-bit-ignored", "bit 5 of the guard is not compared", OP_CHECKS, guard_mask),
	  .p = ~(1ull << 5) },
	{ ROW("guard-zero-passes", "a stored guard of 0 passes each check", OP_CHECKS, guard_passes),
	  .p = 0 },
	{ ROW("guard-ones-passes", "a stored guard of all ones passes each check", OP_CHECKS,
	      guard_passes), .p = UINT64_MAX },
	{ ROW("ref-8-bits", "only 8 bits of the reference tag are compared", OP_CHECKS, ref_mask),
	  .p = 0xff, .on = ON_COUNTED, .min_ref = 9 },
	{ ROW("ref-16-bits", "only 16 bits of the reference tag are compared", OP_CHECKS, ref_mask),
	  .p = 0xffff, .on = ON_COUNTED, .min_ref = 17 },
	{ ROW("ref-32-bits", "only 32 bits of a longer reference tag are compared", OP_CHECKS, ref_mask),
	  .p = 0xffffffff, .on = ON_COUNTED, .min_ref = 33 },
	{ ROW("ref-top-byte", "the highest byte of the reference tag is not compared", OP_CHECKS,
	      ref_top_byte), .on = ON_COUNTED, .min_ref = 9 },
	{ ROW("ref-bit-0", "bit 0 of the reference tag is not compared", OP_CHECKS, ref_mask),
	  .p = ~1ull, .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("ref-constant", "the expected reference tag is the same for all blocks", OP_CHECKS,
	      ref_constant), .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("ref-late", "the expected reference tag rises from the second block on", OP_CHECKS,
	      ref_late), .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("ref-restarts-at-8", "the expected reference tag starts again after 8 blocks", OP_CHECKS,
	      ref_restarts), .p = 8, .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("ref-restarts-at-256", "the expected reference tag starts again after 256 blocks", OP_CHECKS,
	      ref_restarts), .p = 256, .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("ref-carries-8-bits", "the expected reference tag rises without a carry from bit 7",
	      OP_CHECKS, ref_narrow), .p = 8, .on = ON_COUNTED, .min_ref = 9 },
	{ ROW("ref-carries-16-bits", "the expected reference tag rises without a carry from bit 15",
	      OP_CHECKS, ref_narrow), .p = 16, .on = ON_COUNTED, .min_ref = 17 },
	{ ROW("ref-carries-32-bits", "the expected reference tag rises without a carry from bit 31",
	      OP_CHECKS, ref_narrow), .p = 32, .on = ON_COUNTED, .min_ref = 33 },
	{ ROW("ref-of-lba-type-2", "type 2 expects the LBA instead of EILBRT", OP_CHECKS, ref_of_lba),
	  .when = ctl_when_type, .at = PI_TYPE2, .on = ON_TYPE2, .min_ref = 1 },
	{ ROW("ref-skips-escapes", "a block that escapes does not raise the expected reference tag",
	      OP_CHECKS, ref_skips_escapes), .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("ref-of-type-3", "type 3 compares the reference tag when it checks the guard", OP_CHECKS,
	      ref_of_type_3), .on = ON_TYPE3, .min_ref = 1 },
	{ ROW("storage-8-bits", "only 8 bits of the storage tag are compared", OP_CHECKS, storage_mask),
	  .p = 0xff, .min_sts = 9 },
	{ ROW("storage-32-bits", "only 32 bits of the storage tag are compared", OP_CHECKS, storage_mask),
	  .p = 0xffffffff, .min_sts = 33 },
	{ ROW("storage-top-bit", "the highest bit of the storage tag is not compared", OP_CHECKS,
	      storage_top_bit), .min_sts = 1 },
	{ ROW("storage-low-bit", "the lowest bit of the storage tag is not compared", OP_CHECKS,
	      storage_mask), .p = ~1ull, .min_sts = 1 },
	{ ROW("storage-shifted", "the expected storage tag is shifted by one bit", OP_CHECKS,
	      storage_shifted), .p = 1, .min_sts = 1 },
	{ ROW("storage-byte-order", "the bytes of the expected storage tag are swapped", OP_CHECKS,
	      storage_swapped), .min_sts = 1 },
	{ ROW("escape-never", "a tuple that escapes is checked like others", OP_CHECKS, escape_never) },
	{ ROW("escape-ends-command", "a block that escapes ends the checks of the command", OP_CHECKS,
	      escape_ends) },
	{ ROW("escape-type-3-by-app", "type 3 escapes by the application tag alone", OP_CHECKS,
	      escape_by_app), .on = ON_TYPE3, .min_ref = 1 },
	{ ROW("escape-needs-ref", "types 1 and 2 escape only with a reference tag of ones", OP_CHECKS,
	      escape_needs_ref), .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("escape-needs-storage", "a tuple escapes only with a storage tag of ones", OP_CHECKS,
	      escape_needs_storage), .min_sts = 1 },
	{ ROW("escape-fffe", "an application tag of FFFEh escapes, too", OP_CHECKS, escape_near),
	  .p = 0xfffe, .q = 0xfffe },
	{ ROW("escape-upper-byte", "an application tag of FFxxh escapes, too", OP_CHECKS, escape_near),
	  .p = 0xff00, .q = 0xff00 },
	{ ROW("escape-lower-byte", "an application tag of xxFFh escapes, too", OP_CHECKS, escape_near),
	  .p = 0x00ff, .q = 0x00ff },
	{ ROW("escape-zero", "an application tag of 0 escapes, too", OP_CHECKS, escape_near),
	  .p = 0, .q = 0xffff },
	{ ROW("escape-7fff", "an application tag of 7FFFh escapes, too", OP_CHECKS, escape_near),
	  .p = 0x7fff, .q = 0x7fff },
	{ ROW("escape-masked", "a tag escapes if the bits that LBATM selects are ones", OP_CHECKS,
	      escape_masked) },
	{ ROW("escape-by-lbat", "an LBAT of FFFFh turns off the checks of the command", OP_CHECKS,
	      escape_by_lbat) },
	{ ROW("escape-by-ref", "a reference tag of ones escapes by itself", OP_CHECKS, escape_by_ref),
	  .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("escape-low-16-ref", "type 3 escapes by the low 16 bits of the reference tag", OP_CHECKS,
	      escape_low_ref), .p = 16, .on = ON_TYPE3, .min_ref = 17 },
	{ ROW("escape-low-32-ref", "type 3 escapes by the low 32 bits of the reference tag", OP_CHECKS,
	      escape_low_ref), .p = 32, .on = ON_TYPE3, .min_ref = 33 },
	{ ROW("escape-keeps-guard", "a block that escapes still has its guard checked", OP_CHECKS,
	      escape_keeps), .p = PI_GUARD },
	{ ROW("escape-keeps-ref", "a block that escapes still has its reference tag checked", OP_CHECKS,
	      escape_keeps), .p = PI_REF, .on = ON_COUNTED, .min_ref = 1 },
	{ ROW("escape-keeps-storage", "a block that escapes still has its storage tag checked", OP_CHECKS,
	      escape_keeps), .p = PI_STORAGE, .min_sts = 1 },
	{ ROW("escape-not-in-first", "the first block of a command cannot escape", OP_CHECKS,
	      escape_never), .when = ctl_when_first },
	{ ROW("escape-not-in-last", "the last of several blocks cannot escape", OP_CHECKS, escape_never),
	  .when = ctl_when_last },
	{ ROW("escape-not-in-writes", "a block that is written cannot escape", OP_WRITE, escape_never) },
	{ ROW("escape-not-in-verify", "Verify knows no escape", OP_VERIFY, escape_never) },
	{ ROW("escape-takes-next", "the block after one that escapes is not checked", OP_CHECKS,
	      escape_next) },
};

const struct ctl_defect_table ctl_defects_field = { rows, sizeof(rows) / sizeof(rows[0]) };
