// SPDX-License-Identifier: GPL-2.0-only
/* defect-shows.c - on which formats a defect can be seen; see defect-parts.h */
#include "defect-parts.h"

static unsigned tuple_size(const struct ns_format *f)
{
	return !f->pi ? 0 : f->pif ? 16 : 8;
}

/* 16b: 32 bits of storage and reference tag; 32b: 80; 64b: 48. */
static unsigned ref_bits(const struct ns_format *f)
{
	static const unsigned space[] = { 32, 80, 48 };

	return f->pi ? space[f->pif] - f->sts : 0;
}

/* The ON_* that hold. */
static unsigned kinds(const struct ns_format *f)
{
	const unsigned other = f->ms - tuple_size(f);
	const struct {
		unsigned	on;
		bool		holds;
	} all[] = {
		{ ON_PI, f->pi }, { ON_NO_PI, !f->pi }, { ON_TYPE1, f->pi == 1 },
		{ ON_TYPE2, f->pi == 2 }, { ON_TYPE3, f->pi == 3 },
		{ ON_COUNTED, f->pi == 1 || f->pi == 2 }, { ON_GUARD_16, f->pi && !f->pif },
		{ ON_GUARD_64, f->pi && f->pif == 2 }, { ON_WIDE_GUARD, f->pi && f->pif },
		{ ON_FIRST, f->pi && f->pil }, { ON_LAST, f->pi && !f->pil },
		{ ON_ELBAF, f->pi && (f->pif || f->sts) }, { ON_NO_STORAGE, !f->sts }, { ON_MD, f->ms }, { ON_OTHER, other },
		{ ON_MORE, f->pi && other }, { ON_BEFORE, f->pi && other && !f->pil },
		{ ON_BEHIND, f->pi && other && f->pil }, { ON_EXTENDED, f->ms && f->mset },
		{ ON_SEPARATE, f->ms && !f->mset },
	};
	unsigned on = 0;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		on |= all[i].holds ? all[i].on : 0;
	return on;
}

bool ctl_defect_is_on(const struct ctl_defect *d, const struct ns_format *f)
{
	const bool pi = d->block || d->min_ref || d->min_sts;
	const unsigned lbs = f->lbs, other = f->ms - tuple_size(f);

	return !((d->on | (pi ? ON_PI : 0)) & ~kinds(f)) && ref_bits(f) >= d->min_ref &&
	       (unsigned)(f->pi ? f->sts : 0) >= d->min_sts && lbs >= d->min_lbs &&
	       other >= d->min_other &&
	       (!d->max_lbs || lbs <= d->max_lbs);
}
