/* SPDX-License-Identifier: GPL-2.0-only */
/* resume.h - what an interrupted run of the same suite knew by then */
#ifndef QUALIFY_RESUME_H
#define QUALIFY_RESUME_H

#include "run.h"

/*
 * Take the cases over that passed or were skipped, by the JSON report in @path, if it is one of the
 * same target, format and seed.  They are not run again.
 */
void resume_load(struct run *r, const char *path);

#endif
