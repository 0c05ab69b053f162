/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest.h - which defects of the embedded controller the suite catches
 *
 * The suite runs once for each defect, as a process of its own: a defect may end it.  No case
 * knows a defect by its name.
 */
#ifndef QUALIFY_SELFTEST_H
#define QUALIFY_SELFTEST_H

#include "args.h"

/* Exit status: 0 all are caught, 1 some escaped, 2 could not run. */
int selftest(const struct args *a);

/* Is this a build whose embedded controller has defects?  They come with defect.h. */
#if __has_include("engines/controller/defect.h")
#define HAVE_DEFECTS 1
#else
#define HAVE_DEFECTS 0
#endif

#endif
