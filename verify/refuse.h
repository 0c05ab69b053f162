/* SPDX-License-Identifier: GPL-2.0-only */
/* refuse.h - bad input gets one clear line */
#ifndef REFUSE_H
#define REFUSE_H

#include "verify.h"

/* Room for one line that says what, where and what to do instead. */
#define WHY_MAX VFY_WHY_MAX

/* Put the line into @why (WHY_MAX bytes, cut there); returns -@err. */
int refuse(char *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
