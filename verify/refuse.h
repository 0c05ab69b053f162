/* SPDX-License-Identifier: GPL-2.0-only */
/* refuse.h - bad input gets one clear line */
#ifndef REFUSE_H
#define REFUSE_H

/* Room for one line that says what, where and what to do instead. */
#define TARGET_WHY_MAX 400

/* Put the line into @why (TARGET_WHY_MAX bytes, cut there); returns -@err. */
int refuse(char *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
