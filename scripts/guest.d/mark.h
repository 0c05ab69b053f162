/* SPDX-License-Identifier: GPL-2.0-only */
/* mark.h - an instruction without effect that no compiler generates: 'nopl 0x6970766e(%rax)' */
#ifndef MARK_H
#define MARK_H

#define MARK 0x0f, 0x1f, 0x80, 'n', 'v', 'p', 'i'

#endif
