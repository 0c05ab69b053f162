/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - a target is opened for a run of the suite, and closed
 *
 * What is wrong with the target ends the program: one line on stderr, exit 2.
 */
#ifndef QUALIFY_SESSION_H
#define QUALIFY_SESSION_H

#include <sys/types.h>
#include "args.h"

/* The name of the process @pid's new image, in memory where that can be; the caller's to free. */
char *session_image(pid_t pid);

/* Open and identify the target of @a, or a new image at @path where @a names none. */
void session_open(const struct args *a, struct lab *l, const char *path);

/*
 * The same, but where Identify contradicts itself so that nothing can be tried: false, with one line
 * in @why.
 */
bool session_try(const struct args *a, struct lab *l, const char *path, char why[WHY_MAX]);

/* Which blocks may be overwritten, into @l. */
void session_range(const struct args *a, struct lab *l);

/* Close the namespace; a new image (@remove) goes with it. */
void session_close(struct lab *l, bool remove);

/* Is this a build whose embedded controller has defects?  They come with defect.h. */
#if __has_include("engines/controller/defect.h")
#define HAVE_DEFECTS 1
#else
#define HAVE_DEFECTS 0
#endif

#endif
