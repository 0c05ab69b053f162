/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plugin.c - a verification plugin to start from: it checks protection information
 * itself, as the built-in check does, and counts what it sees
 *
 *	pi_plugin=./example.so			checks all that pi_verify says
 *	pi_plugin=./example.so,quiet		and says nothing at the end
 *
 * It is built without the rest of the project: the header is enough, because what
 * it needs of the engine it is handed (struct vfy_host).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <verify/verify.h>

/* What this plugin takes upon itself: the engine checks none of it any more. */
#define OWN (PI_GUARD | PI_APP | PI_STORAGE | PI_REF)

/* Mismatches looked at in one go. */
enum { ERRORS = 64 };

/* One job's: open() makes it, every other function gets it. */
struct example {
	const struct vfy_host	*host;
	char			name[64];
	bool			quiet;
	uint64_t		written, read, wrong;	/* blocks, blocks, fields */
	struct pi_series	series[];		/* by namespace: tuples from LBA 0 on */
};

/*
 * Here everything is decided that can be: whoever returns an error leaves one line
 * in @why, and no I/O is done.
 */
static int example_open(const struct vfy_job *job, const char *args, struct vfy_session *s,
			char why[VFY_WHY_MAX])
{
	struct example *x;

	if (*args && strcmp(args, "quiet")) {
		snprintf(why, VFY_WHY_MAX, "unknown argument '%.100s': give quiet, or none", args);
		return -EINVAL;
	}
	x = calloc(1, sizeof(*x) + job->nr_ns * sizeof(x->series[0]));
	if (!x)
		return -ENOMEM;
	for (unsigned i = 0; i < job->nr_ns; i++) {
		const struct vfy_ns *ns = &job->ns[i];

		x->series[i] = job->host->series_of(&ns->layout, &ns->tags, ns->host_checks & OWN);
	}
	x->host = job->host;
	x->quiet = *args;
	snprintf(x->name, sizeof(x->name), "%s", job->name);
	s->ctx = x;
	s->owns = OWN;
	return 0;
}

static void example_close(void *ctx)
{
	struct example *x = ctx;
	char line[200];

	snprintf(line, sizeof(line), "example: %s: %" PRIu64 " blocks written, %" PRIu64 " read, "
		 "%" PRIu64 " fields wrong", x->name, x->written, x->read, x->wrong);
	if (!x->quiet)
		x->host->say(line);
	free(x);
}

/*
 * What blocks carry.  *@e comes as the options say, and this plugin leaves it so;
 * e->tags.app = 0x4711 would have every block of this write carry that tag, and
 * io->md has the metadata, to be filled in a write.  @e is NULL for commands that
 * carry nothing.
 */
static void example_prepare(void *ctx, const struct vfy_io *io, struct vfy_expect *e)
{
	(void)ctx;
	(void)io;
	(void)e;
}

/* The bits of a field that were compared. */
static uint64_t mask_of(const struct pi_layout *l, const struct pi_tags *t, enum pi_check field)
{
	const unsigned bits = field == PI_GUARD ? 8 * l->format->guard_size : 64;

	switch (field) {
	case PI_APP:		return t->app_mask;
	case PI_STORAGE:	return t->storage_mask;
	default:		return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
	}
}

/*
 * The blocks that came, against what was expected: what was asked for in pi_verify
 * and is ours.  If prepare() gave some writes other tags, e->tags would have those, and
 * host->verify() would be the one to call.
 */
static unsigned example_judge(void *ctx, const struct vfy_io *io, const struct vfy_expect *e,
			      struct vfy_finding *f, unsigned max)
{
	struct example *x = ctx;
	const struct pi_layout *l = &io->ns->layout;
	const struct pi_series *s = &x->series[io->ns->index];
	struct pi_error errs[ERRORS];
	unsigned nr, stored;

	x->read += io->nr;
	if (!s->checks)
		return 0;
	nr = x->host->verify_at(s, io->lba, io->data, l->extended ? NULL : io->md, io->nr, errs,
				ERRORS).bad;
	if (!nr)
		return 0;
	stored = nr < ERRORS ? nr : ERRORS;
	stored = stored < max ? stored : max;
	for (unsigned i = 0; i < stored; i++)
		f[i] = (struct vfy_finding){
			.index = errs[i].block, .field = errs[i].field, .known = true,
			.want = errs[i].want, .got = errs[i].got,
			.mask = mask_of(l, &e->tags, errs[i].field),
		};
	x->wrong += nr;
	return stored;
}

/* The command has ended; @e as prepare() left it. */
static void example_done(void *ctx, const struct vfy_io *io, const struct vfy_expect *e, int res)
{
	struct example *x = ctx;

	(void)e;
	if (io->opcode == 0x01 && !res)		/* Write */
		x->written += io->nr;
}

/* The one symbol that the engine looks for. */
const struct vfy_plugin VFY_PLUGIN_SYMBOL = {
	.version	= VFY_PLUGIN_VERSION,
	.size		= sizeof(struct vfy_plugin),
	.name		= "example",
	.help		= "checks protection information itself, and counts; quiet: says nothing",
	.open		= example_open,
	.close		= example_close,
	.prepare	= example_prepare,
	.judge		= example_judge,
	.done		= example_done,
};
