/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plugin.h - load a verification plugin (verify.h), call it, and validate what it returns
 *
 * Callers of these functions can rely on the returned values.
 */
#ifndef VFY_PLUGIN_H
#define VFY_PLUGIN_H

#include "verify.h"

/* A job's instance of a plugin. */
struct vfy_use {
	const struct vfy_plugin	*plugin;
	struct vfy_session	session;
	void			*library;	/* from dlopen(); NULL: built-in plugin */
	struct vfy_finding	*findings;	/* buffer for @max findings */
	unsigned		max;
	uint64_t		nonsense;	/* invalid findings and answers (dropped) */
};

/*
 * Open "NAME[,arguments]" or "PATH.so[,arguments]" for @job.  Returns 0 with *@use filled in,
 * or -errno with one line in @why.  *@use is zero for the plugin "pi": this is the built-in
 * check, and there is nothing to call.
 */
int vfy_plugin_open(const char *text, const struct vfy_job *job, struct vfy_use *use,
		    char why[VFY_WHY_MAX]);
void vfy_plugin_close(struct vfy_use *use);

/* Returns whether there is a plugin to call. */
static inline bool vfy_plugged(const struct vfy_use *use)
{
	return use->plugin;
}

/* Returns whether there is a plugin that checks blocks. */
static inline bool vfy_plugin_checks(const struct vfy_use *use)
{
	return use->plugin && use->plugin->check;
}

/*
 * Call the functions of struct vfy_plugin.  On return *@e and the findings in use->findings are
 * valid.
 */
void vfy_plugin_prepare(struct vfy_use *use, const struct vfy_io *io, struct vfy_expect *e);
unsigned vfy_plugin_check(struct vfy_use *use, const struct vfy_io *io, const struct vfy_expect *e);
void vfy_plugin_done(struct vfy_use *use, const struct vfy_io *io, const struct vfy_expect *e, int res);

/* End the job.  Returns 0, or -errno with one line in @why. */
int vfy_plugin_end(struct vfy_use *use, char why[VFY_WHY_MAX]);

#endif
