/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * matrix.h - --formats=all: the suite in every format that the controller offers
 *
 * Each format is tried by a process of its own, whose report is a file in --results=FOLDER.
 * What is there by then is not tried again, so a run that was interrupted goes on.  In the end
 * the namespace has its first format again.
 */
#ifndef QUALIFY_MATRIX_H
#define QUALIFY_MATRIX_H

#include "args.h"

/*
 * @l is open and identified, and may be destroyed.  Exit status: 0 all passed, 1 some failed, 2
 * could not run, or not to the end.
 */
int matrix(const struct args *a, struct lab *l);

#endif
