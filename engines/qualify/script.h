/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.h - writes a failed case as a shell script of 'nvme io-passthru' lines
 *
 * It gives the blocks of the command their contents from before the command, sends the command, and
 * shows the expected and the received answer. The model knows the content, so that earlier commands
 * are not needed.
 */
#ifndef QUALIFY_SCRIPT_H
#define QUALIFY_SCRIPT_H

struct lab;
struct lab_finding;
struct nvme_uring_cmd;

/*
 * Returns the script for @x, whose last command is @last: the Read after x->cmd that shows the
 * error, or x->cmd itself. The caller frees it. NULL: no command shows the error, or no memory.
 */
char *script_make(struct lab *l, const struct lab_finding *x, const struct nvme_uring_cmd *last);

#endif
