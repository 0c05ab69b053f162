/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.h - a failed case as a shell script of 'nvme io-passthru' lines
 *
 * The blocks that the command meets are made what they were, then it is sent, and the answer
 * is shown beside the one that was expected.  The model says what the blocks held, so the
 * commands that led there are not needed.
 */
#ifndef QUALIFY_SCRIPT_H
#define QUALIFY_SCRIPT_H

struct lab;
struct lab_finding;

/* The script for @x, to be freed by the caller; NULL where no command shows it, or there is no
 * memory. */
char *script_make(struct lab *l, const struct lab_finding *x);

#endif
