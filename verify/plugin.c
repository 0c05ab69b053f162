/* SPDX-License-Identifier: GPL-2.0-only */
/* plugin.c - see plugin.h */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plugin.h"
#include "refuse.h"
#include "stamp.h"

#define TEXT(x) #x
#define NAME_OF(x) TEXT(x)

/* Findings that an I/O may have per block; more are dropped. */
enum { FINDINGS_A_BLOCK = 4 };

static const struct vfy_plugin *const built_in[] = { &vfy_stamp };

#define NR_BUILT_IN (sizeof(built_in) / sizeof(built_in[0]))

/* --- load a plugin --- */

static const struct vfy_plugin *find_built_in(const char *name)
{
	for (size_t i = 0; i < NR_BUILT_IN; i++)
		if (!strcmp(built_in[i]->name, name))
			return built_in[i];
	return NULL;
}

static bool is_path(const char *name)
{
	size_t n = strlen(name);

	return strchr(name, '/') || (n > 3 && !strcmp(name + n - 3, ".so"));
}

/*
 * A name without a slash is a file in the current folder; dlopen() alone would search the
 * system's library folders.
 */
static int load(const char *name, struct vfy_use *use, char *why)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "./", name);
	use->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!use->library)
		return refuse(why, ENOENT, "pi_plugin: %s", dlerror());
	use->plugin = dlsym(use->library, NAME_OF(VFY_PLUGIN_SYMBOL));
	if (!use->plugin)
		return refuse(why, EINVAL, "pi_plugin=%s: it has no symbol %s, so it is no verification plugin",
			       name, NAME_OF(VFY_PLUGIN_SYMBOL));
	return 0;
}

static int check_version(const char *name, const struct vfy_plugin *p, char *why)
{
	if (p->version != VFY_PLUGIN_VERSION || p->size != sizeof(*p))
		return refuse(why, EPROTO, "pi_plugin=%s: it was built for version %u of the plugin interface "
			       "(%u bytes), this is version %u (%zu bytes): build it again", name,
			       p->version, p->size, VFY_PLUGIN_VERSION, sizeof(*p));
	if (!p->open || !p->close)
		return refuse(why, EINVAL, "pi_plugin=%s: it has no open() or no close()", name);
	return 0;
}

static int find(const char *name, struct vfy_use *use, char *why)
{
	int ret;

	use->plugin = find_built_in(name);
	if (use->plugin)
		return 0;
	if (!is_path(name))
		return refuse(why, EINVAL, "pi_plugin: unknown plugin '%s': give pi, stamp, or a path that ends in .so",
			       name);
	ret = load(name, use, why);
	return ret ? ret : check_version(name, use->plugin, why);
}

static int start(const char *name, const char *args, const struct vfy_job *job, struct vfy_use *use,
		 char *why)
{
	char line[WHY_MAX] = "";
	int ret;

	use->max = FINDINGS_A_BLOCK * job->max_blocks + FINDINGS_A_BLOCK;
	use->findings = calloc(use->max, sizeof(*use->findings));
	if (!use->findings)
		return refuse(why, ENOMEM, "pi_plugin=%s: out of memory", name);
	ret = use->plugin->open(job, args, &use->session, line);
	if (!ret)
		return 0;
	line[sizeof(line) - 1] = '\0';
	return refuse(why, ret < 0 ? -ret : EINVAL, "pi_plugin=%.64s: %.180s", name,
		       *line ? line : strerror(ret < 0 ? -ret : EINVAL));
}

static void drop(struct vfy_use *use)
{
	free(use->findings);
	if (use->library)
		dlclose(use->library);
	*use = (struct vfy_use){ 0 };
}

int vfy_plugin_open(const char *text, const struct vfy_job *job, struct vfy_use *use,
		    char why[WHY_MAX])
{
	const char *comma = strchr(text, ',');
	char *name = strndup(text, comma ? (size_t)(comma - text) : strlen(text));
	int ret;

	*use = (struct vfy_use){ 0 };
	if (!name)
		return refuse(why, ENOMEM, "pi_plugin: out of memory");
	if (!strcmp(name, "pi"))
		ret = comma ? refuse(why, EINVAL, "pi_plugin=pi takes no arguments") : 0;
	else
		ret = find(name, use, why);
	if (!ret && use->plugin)
		ret = start(name, comma ? comma + 1 : "", job, use, why);
	if (ret)
		drop(use);
	free(name);
	return ret;
}

void vfy_plugin_close(struct vfy_use *use)
{
	if (use->plugin)
		use->plugin->close(use->session.ctx);
	drop(use);
}

/* --- call it, and validate what it returns --- */

enum { TAGS = PI_APP | PI_REF | PI_STORAGE };

/* Returns the tags that a plugin may set per block: none without protection information. */
static unsigned tags_of(const struct vfy_ns *ns)
{
	return ns->layout.type == PI_NONE ? 0 : TAGS;
}

void vfy_plugin_prepare(struct vfy_use *use, const struct vfy_io *io, struct vfy_expect *e)
{
	struct vfy_block_tags *block = e ? e->block : NULL;

	if (!use->plugin->prepare)
		return;
	use->plugin->prepare(use->session.ctx, io, e);
	if (!e || (e->block == block && !e->each && !e->free))
		return;
	use->nonsense += e->block != block || e->each & ~tags_of(io->ns) || e->free & ~(TAGS | PI_GUARD);
	e->block = block;
	e->each &= tags_of(io->ns);
	e->free &= TAGS | PI_GUARD;
}

static bool makes_sense(const struct vfy_finding *f, const struct vfy_io *io)
{
	return f->index < io->nr && f->field && !(f->field & (f->field - 1)) &&
	       f->field < 1u << VFY_NR_FIELDS && (unsigned)f->class < VFY_NR_CLASSES;
}

unsigned vfy_plugin_check(struct vfy_use *use, const struct vfy_io *io, const struct vfy_expect *e)
{
	unsigned found, kept = 0;

	if (!use->plugin->check)
		return 0;
	found = use->plugin->check(use->session.ctx, io, e, use->findings, use->max);
	if (found > use->max) {
		use->nonsense += found - use->max;
		found = use->max;
	}
	for (unsigned i = 0; i < found; i++) {
		if (makes_sense(&use->findings[i], io))
			use->findings[kept++] = use->findings[i];
		else
			use->nonsense++;
	}
	return kept;
}

void vfy_plugin_done(struct vfy_use *use, const struct vfy_io *io, const struct vfy_expect *e, int res)
{
	if (use->plugin->done)
		use->plugin->done(use->session.ctx, io, e, res);
}

int vfy_plugin_end(struct vfy_use *use, char why[WHY_MAX])
{
	int ret;

	if (!use->plugin || !use->plugin->end)
		return 0;
	why[0] = '\0';
	ret = use->plugin->end(use->session.ctx, why);
	why[WHY_MAX - 1] = '\0';
	if (ret && !*why)
		snprintf(why, WHY_MAX, "%s", strerror(ret < 0 ? -ret : EIO));
	return ret > 0 ? -EIO : ret;
}
