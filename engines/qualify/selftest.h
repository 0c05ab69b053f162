/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest.h - which defects of the embedded controller the suite catches
 *
 * Trials (trial.h) run on all CPUs at once.  Each begins with the cases and formats that have
 * caught most so far, and ends with the first case that fails, unless all are asked for.
 */
#ifndef QUALIFY_SELFTEST_H
#define QUALIFY_SELFTEST_H

#include "args.h"

/*
 * Exit status: 0 all are caught, 1 some escaped, 2 some could not be tried, or it was interrupted.
 */
int selftest(const struct args *a);

#endif
