// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-tuple.c - defects of tuples that the controller generates, and defects that affect
 * generating and checking in the same way; see defect.h
 */
#include <string.h>
#include "defect-parts.h"

/* --- the guard --- */

static void guard_is(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.guard = d->p & pi_ones(8 * t->l->format->guard_size);
}

/* XOR the guard with a constant. A wrong CRC seed or a missing final inversion has this effect. */
static void guard_xor(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.guard = (t->want.guard ^ d->p) & pi_ones(8 * t->l->format->guard_size);
}

static uint64_t reversed(uint64_t v, unsigned bits)
{
	uint64_t r = 0;

	for (unsigned i = 0; i < bits; i++)
		r |= (v >> i & 1) << (bits - 1 - i);
	return r;
}

static void guard_reflected(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.guard = reversed(t->want.guard, 8 * t->l->format->guard_size);
}

static void guard_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.guard = __builtin_bswap64(t->want.guard) >> (64 - 8 * t->l->format->guard_size);
}

/* One entry of the CRC table has a wrong bit; only blocks whose CRC uses it get a wrong guard. */
static void guard_entry(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->data[t->l->data_size - 1] == d->p)
		t->want.guard ^= 0x10;
}

/* The guard covers only the first @p bytes of data. */
static void guard_short(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const size_t len = d->p < t->l->data_size ? d->p : t->l->data_size;

	t->want.guard = ctl_act_guard(t->l, t->data, len, t->md, t->offset);
}

/* The guard leaves out the last @p bytes of data. */
static void guard_tail(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size - d->p, t->md, t->offset);
}

static void guard_of_data(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size, NULL, 0);
}

/* The guard covers only the first @p bytes of the metadata before the tuple. */
static void guard_some_md(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size, t->md,
				      d->p < t->offset ? d->p : t->offset);
}

/* If the tuple is first in the metadata, the guard also covers the metadata after it. */
static void guard_md_behind(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const size_t size = t->l->format->tuple_size;

	(void)d;
	if (t->l->first)
		t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size, t->md + size,
					      t->l->md_size - size);
}

/* The guard leaves out the last @p bytes of the metadata before the tuple. */
static void guard_md_less(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size, t->md,
				      t->offset > d->p ? t->offset - d->p : 0);
}

/* Use the guard of the previous block; the first block of a command gets its own. */
static void guard_of_before(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->i > t->a->first)
		t->want.guard = ctl_act_guard(t->l, t->data - t->l->data_size, t->l->data_size,
					      t->md - t->l->md_size, t->offset);
}

/* --- tags --- */

static void app_is(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.app = d->p;
}

static void app_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.app = __builtin_bswap16(t->want.app);
}

static void app_masked(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want.app &= t->a->r.tags.app_mask;
}

static void app_of_last(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->a->all->commands > 1)
		t->want.app = t->a->all->last.cdw15;
}

static void storage_is(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.storage = d->p & pi_ones(t->l->sts);
}

static void storage_and(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.storage &= d->p;
}

static void storage_shifted(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.storage = t->want.storage << d->p & pi_ones(t->l->sts);
}

/* Exchange the storage tag and the reference tag. */
static void space_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const uint64_t storage = t->want.storage;

	(void)d;
	if (t->l->sts) {
		t->want.storage = t->want.ref & pi_ones(t->l->sts);
		t->want.ref = storage & pi_ones(pi_ref_bits(t->l));
	}
}

static void put_ref(struct ctl_tuple *t, uint64_t ref)
{
	t->want.ref = ref & pi_ones(pi_ref_bits(t->l));
}

/* All blocks of a command get the reference tag of the first. */
static void ref_constant(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	put_ref(t, t->a->r.tags.ref);
}

static void ref_plus(struct ctl_tuple *t, const struct ctl_defect *d)
{
	put_ref(t, t->want.ref + d->p);
}

/* The reference tag increases one block late: the second block has that of the first. */
static void ref_late(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->l->type != PI_TYPE3)
		put_ref(t, t->a->r.tags.ref + (t->i ? t->i - 1 : 0));
}

/* The reference tag increases with each block, for every type. */
static void ref_rises(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	put_ref(t, t->a->r.tags.ref + t->i);
}

static void ref_and(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->want.ref &= d->p;
}

/* Only the low @p bits of the reference tag increase: nothing is carried into the others. */
static void ref_narrow(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const uint64_t low = pi_ones(d->p), ref = t->a->r.tags.ref;

	if (t->l->type != PI_TYPE3)
		put_ref(t, (ref & ~low) | ((ref + t->i) & low));
}

static void ref_swapped(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const unsigned bytes = (pi_ref_bits(t->l) + 7) / 8;

	(void)d;
	if (bytes)
		put_ref(t, __builtin_bswap64(t->want.ref) >> (64 - 8 * bytes));
}

static void ref_of_lba(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	put_ref(t, t->a->r.lba + t->i);
}

/* --- the whole tuple --- */

static void keep(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->want = t->is;
}

/* The tuple is at the other end of the metadata. */
static void other_end(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	t->offset = t->l->md_size - t->l->format->tuple_size - t->offset;
	t->is = pi_tuple_get(t->l, t->md + t->offset);
	t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size, t->md,
				      t->l->first ? t->offset : 0);
}

/* After Format NVM the tuple is still where it was before. */
static void old_end(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const struct pi_layout *old = &t->a->all->old;

	if (t->a->all->after_format && old->type != PI_NONE && old->first != t->l->first)
		other_end(t, d);
}

/* After Format NVM the type is still that of before. */
static void old_type(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const struct pi_layout *old = &t->a->all->old;

	(void)d;
	if (!t->a->all->after_format || old->type == PI_NONE)
		return;
	if (t->l->type == PI_TYPE3 && old->type != PI_TYPE3)
		put_ref(t, t->a->r.tags.ref + t->i);
	else if (old->type == PI_TYPE3)
		put_ref(t, t->a->r.tags.ref);
}

static void overwrite_all(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (d->q)
		memset(t->md, d->p, t->offset);
	else
		memset(t->md + t->offset + t->l->format->tuple_size, d->p,
		       t->l->md_size - t->offset - t->l->format->tuple_size);
	t->want.guard = ctl_act_guard(t->l, t->data, t->l->data_size, t->md, t->offset);
}

#define MADE(name, what, fn) name, what, OP_MAKES, AT_MAKE, .block = fn
#define BOTH(name, what, fn) name, what, OP_CHECKS | OP_ZEROES, AT_CHECK | AT_MAKE, .block = fn
#define ZERO(name, what, fn) name, what, OP_ZEROES, AT_MAKE, .block = fn

static const struct ctl_defect rows[] = {
	{ MADE("made-guard-zero", "the guard that PRACT makes is 0", guard_is), .p = 0 },
	{ MADE("made-guard-byte-order", "the guard that PRACT makes is little-endian", guard_swapped) },
	{ MADE("made-guard-of-block-before", "the guard that PRACT makes is that of the block before",
	       guard_of_before) },
	{ MADE("made-guard-once-wrong", "one command in 8 makes a guard with a wrong bit", guard_xor),
	  .p = 1, .when = ctl_when_every, .at = 8 },
	{ MADE("made-guard-without-metadata", "the guard that PRACT makes leaves out the metadata before "
	       "the tuple", guard_of_data), .on = ON_BEFORE },
	{ MADE("made-guard-metadata-behind", "the guard that PRACT makes covers metadata behind the tuple",
	       guard_md_behind), .on = ON_BEHIND },
	{ MADE("made-guard-first-512", "the guard that PRACT makes covers 512 bytes of data", guard_short),
	  .p = 512, .min_lbs = 1024 },
	{ MADE("made-guard-at-depth-wrong", "the guard that PRACT makes is wrong while another command is "
	       "in flight", guard_xor), .p = 0x8001, .when = ctl_when_depth, .at = 2 },
	{ MADE("made-app-zero", "the application tag that PRACT makes is 0", app_is), .p = 0 },
	{ MADE("made-app-byte-order", "the application tag that PRACT makes is little-endian",
	       app_swapped) },
	{ MADE("made-app-masked", "LBATM masks the application tag that PRACT makes", app_masked) },
	{ MADE("made-app-of-command-before", "the application tag that PRACT makes is that of the command "
	       "before", app_of_last) },
	{ MADE("made-app-ones", "the application tag that PRACT makes is FFFFh: such blocks are not checked",
	       app_is), .p = 0xffff },
	{ MADE("made-storage-zero", "the storage tag that PRACT makes is 0", storage_is), .p = 0,
	  .min_sts = 1 },
	{ MADE("made-storage-16-bits", "the storage tag that PRACT makes has only 16 bits", storage_and),
	  .p = 0xffff, .min_sts = 17 },
	{ MADE("made-storage-shifted", "the storage tag that PRACT makes is shifted by one bit",
	       storage_shifted), .p = 1, .min_sts = 1 },
	{ MADE("made-ref-constant", "the reference tag that PRACT makes does not rise", ref_constant),
	  .on = ON_COUNTED, .min_ref = 1 },
	{ MADE("made-ref-plus-one", "the reference tag that PRACT makes is one too high", ref_plus),
	  .p = 1, .min_ref = 1 },
	{ MADE("made-ref-late", "the reference tag that PRACT makes rises from the second block on",
	       ref_late), .on = ON_COUNTED, .min_ref = 1 },
	{ MADE("made-ref-type-3-rises", "the reference tag that PRACT makes rises with type 3",
	       ref_rises), .on = ON_TYPE3, .min_ref = 1 },
	{ MADE("made-ref-16-bits", "the reference tag that PRACT makes has only 16 bits", ref_and),
	  .p = 0xffff, .min_ref = 17 },
	{ MADE("made-ref-32-bits", "the reference tag that PRACT makes has only 32 bits", ref_and),
	  .p = 0xffffffff, .min_ref = 33 },
	{ MADE("made-ref-carries-8-bits", "the reference tag that PRACT makes has no carry from bit 7",
	       ref_narrow), .p = 8, .on = ON_COUNTED, .min_ref = 9 },
	{ MADE("made-ref-carries-16-bits", "the reference tag that PRACT makes has no carry from bit 15",
	       ref_narrow), .p = 16, .on = ON_COUNTED, .min_ref = 17 },
	{ MADE("made-ref-carries-32-bits", "the reference tag that PRACT makes has no carry from bit 31",
	       ref_narrow), .p = 32, .on = ON_COUNTED, .min_ref = 33 },
	{ MADE("made-ref-byte-order", "the reference tag that PRACT makes is little-endian", ref_swapped),
	  .min_ref = 9 },
	{ MADE("made-ref-of-lba-type-2", "the reference tag that PRACT makes with type 2 is the LBA",
	       ref_of_lba), .when = ctl_when_type, .at = PI_TYPE2, .on = ON_TYPE2, .min_ref = 1 },
	{ MADE("made-space-swapped", "PRACT puts the reference tag above the storage tag", space_swapped),
	  .min_sts = 1 },
	{ MADE("made-last-missing", "PRACT makes no tuple for the last of several blocks", keep),
	  .when = ctl_when_last },
	{ MADE("made-64-only", "PRACT makes tuples for 64 blocks only", keep), .when = ctl_when_from,
	  .at = 64 },
	{ MADE("made-fua-missing", "PRACT makes no tuples if FUA is set", keep), .when = ctl_when_flag,
	  .at = 1u << 30 },
	{ MADE("made-not-beside-metadata", "PRACT makes no tuple if there is other metadata", keep),
	  .when = ctl_when_more_metadata, .on = ON_MORE },
	{ MADE("made-at-other-end", "PRACT makes the tuple at the other end of the metadata", other_end),
	  .on = ON_MORE },
	{ MADE("made-clears-before", "PRACT clears the metadata before the tuple", overwrite_all),
	  .p = 0, .q = 1, .on = ON_BEFORE },
	{ MADE("made-clears-behind", "PRACT clears the metadata behind the tuple", overwrite_all),
	  .p = 0, .q = 0, .on = ON_BEHIND },
	{ MADE("made-as-old-format-end", "after Format NVM, PRACT makes tuples at the former end of the "
	       "metadata", old_end), .on = ON_MORE },
	{ MADE("made-as-old-format-type", "after Format NVM, PRACT makes tuples of the former type",
	       old_type) },
	{ ZERO("zeroes-guard-zero", "Write Zeroes makes a guard of 0 for each format", guard_is), .p = 0, .on = ON_WIDE_GUARD },
	{ ZERO("zeroes-guard-of-512", "Write Zeroes makes the guard of 512 zeroes for each format",
	       guard_short), .p = 512, .min_lbs = 1024, .on = ON_WIDE_GUARD },
	{ ZERO("zeroes-guard-without-metadata", "Write Zeroes makes a guard of data alone",
	       guard_of_data), .on = ON_BEFORE | ON_WIDE_GUARD },
	{ ZERO("zeroes-ref-constant", "Write Zeroes makes the same reference tag for all blocks",
	       ref_constant), .on = ON_COUNTED, .min_ref = 1 },
	{ ZERO("zeroes-app-zero", "Write Zeroes makes an application tag of 0", app_is), .p = 0 },
	{ ZERO("zeroes-storage-zero", "Write Zeroes makes a storage tag of 0", storage_is), .p = 0,
	  .min_sts = 1 },
	{ ZERO("zeroes-ref-carries-8-bits", "Write Zeroes makes reference tags without a carry from bit 7",
	       ref_narrow), .p = 8, .on = ON_COUNTED, .min_ref = 9 },
	{ ZERO("zeroes-last-tuple-missing", "Write Zeroes makes no tuple for the last of several blocks",
	       keep), .when = ctl_when_last },
	{ ZERO("zeroes-256-tuples", "Write Zeroes makes 256 tuples only", keep), .when = ctl_when_from,
	  .at = 256 },
	{ BOTH("guard-seed", "the seed of the CRC is wrong, both in generating and in checking", guard_xor),
	  .p = 0x5bad5bad5bad5badull },
	{ BOTH("guard-final-inversion", "the CRC has a wrong final inversion, both in generating and in checking",
	       guard_xor), .p = UINT64_MAX },
	{ BOTH("guard-reflected", "the bits of the CRC are reversed, both in generating and in checking",
	       guard_reflected) },
	{ BOTH("guard-byte-order", "the guard is little-endian, both in generating and in checking", guard_swapped) },
	{ BOTH("guard-table-entry", "an entry of the CRC's table is wrong, both in generating and in checking",
	       guard_entry), .p = 0x5a },
	{ BOTH("guard-first-512", "the guard covers 512 bytes of data, both in generating and in checking",
	       guard_short), .p = 512, .min_lbs = 1024 },
	{ BOTH("guard-first-4096", "the guard covers 4096 bytes of data, both in generating and in checking",
	       guard_short), .p = 4096, .min_lbs = 8192 },
	{ BOTH("guard-misses-last-8", "the guard leaves out the last 8 bytes of data, in making and "
	       "checking", guard_tail), .p = 8 },
	{ BOTH("guard-misses-last-byte", "the guard leaves out the last byte of data, in making and "
	       "checking", guard_tail), .p = 1 },
	{ BOTH("guard-without-metadata", "the guard leaves out the metadata before the tuple, in making and "
	       "checking", guard_of_data), .on = ON_BEFORE },
	{ BOTH("guard-8-of-metadata", "the guard covers 8 bytes of the metadata before the tuple, in making "
	       "and checking", guard_some_md), .p = 8, .on = ON_BEFORE, .min_other = 9 },
	{ BOTH("guard-metadata-less-one", "the guard leaves out the last byte of metadata before the tuple",
	       guard_md_less), .p = 1, .on = ON_BEFORE },
	{ BOTH("guard-metadata-behind", "the guard covers the metadata behind a tuple that is first",
	       guard_md_behind), .on = ON_BEHIND },
	{ BOTH("tuple-at-other-end", "the tuple is taken to be at the other end of the metadata",
	       other_end), .on = ON_MORE },
	{ BOTH("app-little-endian", "the application tag is little-endian, both in generating and in checking",
	       app_swapped) },
	{ BOTH("ref-little-endian", "the reference tag is little-endian, both in generating and in checking",
	       ref_swapped), .min_ref = 9 },
	{ BOTH("ref-one-too-high", "the reference tag is one too high, both in generating and in checking", ref_plus),
	  .p = 1, .min_ref = 1 },
	{ BOTH("ref-never-rises", "the reference tag does not rise, both in generating and in checking", ref_constant),
	  .on = ON_COUNTED, .min_ref = 1 },
	{ BOTH("storage-ref-swapped", "storage and reference tag are exchanged, both in generating and in checking",
	       space_swapped), .min_sts = 1 },
};

const struct ctl_defect_table ctl_defects_tuple = { rows, sizeof(rows) / sizeof(rows[0]) };
