// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-job-files.c - whatever is in the file of the generations, of the injected damage, or in a report,
 * it is used or refused in one line
 */
#include "verify/generations.h"
#include "verify/injected.h"
#include "verify/report-file.h"
#include "verify/verify.h"
#include "fuzz.h"

enum { BLOCKS = 1000 };
static const char text[] = "nvmepi generations 3\nfuzz\n";
static char why[VFY_WHY_MAX];

static void use_generations(struct vfy_gens *g)
{
	uint32_t gen = 0;

	for (uint64_t lba = 0; lba < 40; lba++) {
		const uint64_t word = vfy_gens_look(g, lba);
		const struct vfy_gen_state s = vfy_gens_between(g, word, word);

		FUZZ_CHECK(s.unknown || s.last < VFY_GEN_MAX);
		vfy_gens_ago(g, &s, gen, VFY_GEN_MAX);
	}
	if (vfy_gens_write(g, 3, 4, &gen)) {
		FUZZ_CHECK(gen < VFY_GEN_MAX);
		vfy_gens_written(g, 3, 4, true);
	}
	vfy_gens_change(g, 5, 4);
	vfy_gens_changed(g, 5, 4);
}

static void generations(struct fuzz_in *in)
{
	uint32_t gen;
	struct vfy_gens *g;

	unlink("x.stamp");
	g = vfy_gens_open("x.stamp", text, BLOCKS, 256, true, why);
	FUZZ_CHECK(g);
	FUZZ_CHECK(vfy_gens_write(g, 3, 4, &gen));
	vfy_gens_close(g);
	fuzz_damage_file(in, "x.stamp");
	*why = '\0';
	g = vfy_gens_open("x.stamp", text, BLOCKS, 256, true, why);
	if (!g) {
		FUZZ_ONE_LINE(why);
		return;
	}
	use_generations(g);
	vfy_gens_close(g);
}

static void injected(struct fuzz_in *in)
{
	struct vfy_injected *f;

	unlink("x.inject");
	f = vfy_injected_open("x.inject", true, why);
	FUZZ_CHECK(f);
	FUZZ_CHECK(!vfy_injected_set(f, 1, 7, (struct vfy_injected_block){ VFY_DAMAGED, PI_GUARD }));
	vfy_injected_close(f);
	fuzz_damage_file(in, "x.inject");
	*why = '\0';
	f = vfy_injected_open("x.inject", true, why);
	if (!f) {
		FUZZ_ONE_LINE(why);
		return;
	}
	for (uint64_t lba = 0; lba < 20; lba++)
		FUZZ_CHECK(vfy_injected_get(f, 1, lba).state <= VFY_UNSETTLED);
	vfy_injected_set(f, 1, 9, (struct vfy_injected_block){ VFY_DAMAGED, PI_REF });
	vfy_injected_mark(f, 1, 0, 20, VFY_SOUND);
	vfy_injected_close(f);
}

/* A file that is no report is not replaced. */
static void report(struct fuzz_in *in)
{
	struct stat before, after;
	int ret;

	fuzz_file("x.json", in->at, in->left);
	FUZZ_CHECK(!stat("x.json", &before));
	*why = '\0';
	ret = report_file_begin("x.json", "run", why);
	FUZZ_CHECK(!stat("x.json", &after));
	if (ret) {
		FUZZ_ONE_LINE(why);
		FUZZ_CHECK(before.st_ino == after.st_ino && before.st_size == after.st_size);
	} else {
		FUZZ_CHECK(!report_file_add("x.json", "run", json_object_new_object()));
	}
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static void (*const parts[])(struct fuzz_in *in) = { generations, injected, report };
	struct fuzz_in in = { data, size };
	const unsigned which = fuzz_take(&in, 1) % 3;

	fuzz_enter();
	parts[which](&in);
}

FUZZ_MAIN("job-files", 500)
