/* SPDX-License-Identifier: GPL-2.0-only */
/* end.h - blocks that must not change while the suite runs: those outside the range, and some in it
 */
#ifndef QUALIFY_END_H
#define QUALIFY_END_H

#include "lab.h"

/*
 * Before the first case: write the quiet blocks, and remember what is outside the range
 * (all of it, or many blocks over all of it where there are more).  0, or -errno with one
 * line in @why.
 */
int end_prepare(struct lab *l, char why[WHY_MAX]);
/* The quiet blocks are written, once more where the namespace was formatted. */
void end_quiet(struct lab *l);
void end_free(void);

#endif
