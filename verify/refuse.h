/* SPDX-License-Identifier: GPL-2.0-only */
/* refuse.h - write the one-line message with which bad input is refused */
#ifndef REFUSE_H
#define REFUSE_H

#include "verify.h"

/* Bytes of a line that says what is wrong, where, and what to do. */
#define WHY_MAX VFY_WHY_MAX

/* Format the line into @why (WHY_MAX bytes, truncated to this).  Returns -@err. */
int refuse(char *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
