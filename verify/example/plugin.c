/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plugin.c - an example of a verification plugin: it checks protection information
 * itself, as the built-in check does, and counts blocks and errors
 *
 *	pi_plugin=./example.so			check all fields that pi_verify selects
 *	pi_plugin=./example.so,quiet		the same, but print nothing at the end
 *
 * It is built with only the header: the functions of the engine that it needs are
 * passed to it (struct vfy_host).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <verify/verify.h>

/* The fields that this plugin checks instead of the engine. */
#define OWN (PI_GUARD | PI_APP | PI_STORAGE | PI_REF)

/* As in enum nvme_io_opcode of libnvme. */
enum { OPCODE_WRITE = 0x01 };

/* Maximum number of mismatches that are reported per call. */
enum { ERRORS = 64 };

/* The data of one job: open() returns it in s->ctx, and every other function receives it. */
struct example {
	const struct vfy_host	*host;
	char			name[64];
	bool			quiet;
	uint64_t		written, read, wrong;	/* blocks; blocks; fields */
	struct pi_series	series[];		/* per namespace; block 0 is LBA 0 */
};

/*
 * Check the arguments and prepare everything here.  An error is returned with one line in @why;
 * the job then does no I/O.
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

/* Returns the bits of a field that were compared. */
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
 * Check the blocks of a read: those fields that pi_verify selects and this plugin checks.  If there
 * were a prepare() that sets other tags, e->tags would have them, and host->verify() would have to
 * be called instead.
 */
static unsigned example_check(void *ctx, const struct vfy_io *io, const struct vfy_expect *e,
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

/* The command has ended; *@e has the tags of the command. */
static void example_done(void *ctx, const struct vfy_io *io, const struct vfy_expect *e, int res)
{
	struct example *x = ctx;

	(void)e;
	if (io->opcode == OPCODE_WRITE && !res)
		x->written += io->nr;
}

/* The symbol that the engine looks up. */
const struct vfy_plugin VFY_PLUGIN_SYMBOL = {
	.version	= VFY_PLUGIN_VERSION,
	.size		= sizeof(struct vfy_plugin),
	.name		= "example",
	.help		= "checks protection information itself, and counts; quiet: says nothing",
	.open		= example_open,
	.close		= example_close,
	/* No .prepare: blocks have the tags of the options. nvmepi-plugin(3) shows one that sets others. */
	.check		= example_check,
	.done		= example_done,
};
