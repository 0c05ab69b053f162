/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plugin.h - finds a verification plugin (verify.h) and keeps its word for it
 *
 * What a plugin returns is looked at here, so that nobody behind this has to
 * mistrust it.
 */
#ifndef VFY_PLUGIN_H
#define VFY_PLUGIN_H

#include "verify.h"

/* One job's use of a plugin. */
struct vfy_use {
	const struct vfy_plugin	*plugin;
	struct vfy_session	session;
	void			*library;	/* of dlopen(), NULL: built in */
	struct vfy_finding	*findings;	/* room for @max of them */
	unsigned		max;
	uint64_t		nonsense;	/* findings and answers that were dropped */
};

/*
 * Open "NAME[,arguments]" or "PATH.so[,arguments]" for @job.  0 with *@use filled
 * in, or -errno with one line in @why.  *@use is zero for the plugin "pi", which
 * is the check that is built in: there is nothing to call.
 */
int vfy_plugin_open(const char *text, const struct vfy_job *job, struct vfy_use *use,
		    char why[VFY_WHY_MAX]);
void vfy_plugin_close(struct vfy_use *use);

/* Is there anything to call? */
static inline bool vfy_plugged(const struct vfy_use *use)
{
	return use->plugin;
}

/* As in struct vfy_plugin; what is left in *@e and returned makes sense. */
void vfy_plugin_prepare(struct vfy_use *use, const struct vfy_io *io, struct vfy_expect *e);
unsigned vfy_plugin_judge(struct vfy_use *use, const struct vfy_io *io, const struct vfy_expect *e);
void vfy_plugin_done(struct vfy_use *use, const struct vfy_io *io, const struct vfy_expect *e, int res);

#endif
