/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * end.h - blocks that must not change while the suite runs: those outside the range, and some
 * inside
 */
#ifndef QUALIFY_END_H
#define QUALIFY_END_H

#include "lab.h"

/*
 * Called before the first case: writes the quiet blocks, and records what is outside the range (all
 * blocks, or a sample if there are many). Returns 0, or -errno with one line in @why.
 */
int end_prepare(struct lab *l, char why[WHY_MAX]);
/* Writes the quiet blocks again after the namespace was formatted. */
void end_quiet(struct lab *l);
void end_free(void);

#endif
