/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.h - writes a failed case as a shell script of 'nvme io-passthru' lines
 *
 * It gives the blocks of the command their content from before the command, sends the command, and
 * shows the expected and the received answer. The model knows the content, so that earlier commands
 * are not needed.
 */
#ifndef QUALIFY_SCRIPT_H
#define QUALIFY_SCRIPT_H

struct lab;
struct lab_finding;

/*
 * Returns the script for @x, which the caller frees; NULL if no command demonstrates the error, or
 * if out of memory.
 */
char *script_make(struct lab *l, const struct lab_finding *x);

#endif
