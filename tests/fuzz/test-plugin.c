// SPDX-License-Identifier: GPL-2.0-only
/* test-plugin.c - whatever a plugin returns, the engine sees valid answers, and counts the others */
#include "verify/plugin.h"
#include "fuzz.h"

enum { MOST = 8, BLOCKS = 4 };

/* Everything that the plugin answers comes from the input. */
static struct fuzz_in answers;
static struct vfy_block_tags other[BLOCKS];

static int on_open(const struct vfy_job *job, const char *args, struct vfy_session *s, char why[VFY_WHY_MAX])
{
	(void)job;
	(void)args;
	(void)s;
	(void)why;
	return 0;
}

static void on_close(void *ctx)
{
	(void)ctx;
}

static void on_prepare(void *ctx, const struct vfy_io *io, struct vfy_expect *e)
{
	const unsigned what = fuzz_take(&answers, 1);

	(void)ctx;
	(void)io;
	if (!e)
		return;
	if (what & 1)
		e->block = what & 2 ? NULL : other;
	e->each = fuzz_take(&answers, 4);
	e->free = fuzz_take(&answers, 4);
	if (what & 4)
		e->each &= 15;
	if (what & 8)
		e->free &= 15;
}

static unsigned on_check(void *ctx, const struct vfy_io *io, const struct vfy_expect *e, struct vfy_finding *f,
			 unsigned max)
{
	const unsigned claims = fuzz_take(&answers, 4) >> (fuzz_take(&answers, 1) & 31);

	(void)ctx;
	(void)io;
	(void)e;
	for (unsigned i = 0; i < max; i++)
		f[i] = (struct vfy_finding){
			.index = fuzz_take(&answers, 4) >> (fuzz_take(&answers, 1) & 31),
			.field = fuzz_take(&answers, 4) >> (fuzz_take(&answers, 1) & 31),
			.class = (enum vfy_class)(fuzz_take(&answers, 4) >> (fuzz_take(&answers, 1) & 31)),
			.offset = fuzz_take(&answers, 4),
		};
	return claims;
}

static const struct vfy_plugin plugin = {
	.version = VFY_PLUGIN_VERSION, .size = sizeof(plugin), .name = "fuzz", .help = "fuzz", .open = on_open,
	.close = on_close, .prepare = on_prepare, .check = on_check,
};

static void prepare(struct vfy_use *use, const struct vfy_io *io)
{
	struct vfy_block_tags block[BLOCKS];
	struct vfy_expect e = { .block = block };
	const unsigned mine = io->ns->layout.type == PI_NONE ? 0 : PI_APP | PI_REF | PI_STORAGE;

	vfy_plugin_prepare(use, io, &e);
	FUZZ_CHECK(e.block == block);
	FUZZ_CHECK(!(e.each & ~mine) && !(e.free & ~(PI_APP | PI_REF | PI_STORAGE | PI_GUARD)));
	vfy_plugin_prepare(use, io, NULL);
}

static void check(struct vfy_use *use, const struct vfy_io *io)
{
	const unsigned kept = vfy_plugin_check(use, io, NULL);

	FUZZ_CHECK(kept <= use->max);
	for (unsigned i = 0; i < kept; i++) {
		const struct vfy_finding *f = &use->findings[i];

		FUZZ_CHECK(f->index < io->nr && f->field < 1u << VFY_NR_FIELDS);
		FUZZ_CHECK(__builtin_popcount(f->field) == 1 && *vfy_field_name(f->field));
		FUZZ_CHECK((unsigned)f->class < VFY_NR_CLASSES && vfy_class_name(f->class));
	}
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static struct vfy_finding findings[MOST];
	struct vfy_use use = { .plugin = &plugin, .findings = findings, .max = MOST };
	struct vfy_ns ns = { .path = "x", .nr_blocks = 100, .layout = { .format = &pi_formats[0], .data_size = 512 } };
	struct vfy_io io = { .ns = &ns, .opcode = 2, .nr = BLOCKS };

	answers = (struct fuzz_in){ data, size };
	ns.layout.type = fuzz_take(&answers, 1) & 3;
	prepare(&use, &io);
	check(&use, &io);
	vfy_plugin_done(&use, &io, NULL, 0);
}

FUZZ_MAIN("plugin", 100000)
