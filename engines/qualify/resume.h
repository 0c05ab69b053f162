/* SPDX-License-Identifier: GPL-2.0-only */
/* resume.h - what an interrupted run of the same suite knew by then */
#ifndef QUALIFY_RESUME_H
#define QUALIFY_RESUME_H

#include <json-c/json.h>
#include "run.h"

/*
 * Returns NULL if a JSON report is of the same drive, firmware, kernel, suite and seed as a run on
 * @l, or a word for what differs.
 */
const char *resume_differs(const struct lab *l, uint64_t seed, struct json_object *report);

/*
 * Take the cases over that passed or were skipped, by the JSON report in @path, if it is one of the
 * same drive, firmware, format, kernel, suite and seed.  They are not run again.
 */
void resume_load(struct run *r, const char *path);

#endif
