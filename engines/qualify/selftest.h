/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest.h - finds which defects of the embedded controller the suite catches
 *
 * The suite runs once for each defect, in a process of its own, because a defect may end it. No
 * case depends on the name of a defect.
 */
#ifndef QUALIFY_SELFTEST_H
#define QUALIFY_SELFTEST_H

#include "args.h"

/* Returns the exit status: 0 all are caught, 1 some escaped, 2 could not run. */
int selftest(const struct args *a);

#endif
