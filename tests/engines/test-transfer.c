/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-transfer.c - a read that ends well although its target moved nothing, or only a
 * part: every block that did not come is found, whatever was in the buffers before
 *
 * What was there is the worst case: the very blocks that the read should bring.
 */
#include "io-inject.h"

/* A read into buffers that hold the right blocks already. */
static bool stale_init(struct trial *t, const struct oracle_format *f, const struct mode *mode,
		       const struct job_opts *o)
{
	trial_init(t, f, mode, nvme_cmd_read, o);
	make_wire(t, true);
	t->io.bounced = wire_stride(t) != t->ns.host_block;
	receive(t);
	capture_start(&t->io, &t->cmd);
	return md_crosses(t);
}

static void arrive(struct trial *t, uint32_t i)
{
	struct oracle_block from = on_wire(t, t->blocks, t->md, i), to = wire_block(t, i);

	memcpy(to.data, from.data, t->f.data_size);
	memcpy(to.md, from.md, md_crosses(t));
}

/* Exactly the blocks of which @missing has the bit were told of, each once. */
static void missing_told(const struct trial *t, const char *what, uint32_t missing)
{
	uint32_t found = 0;

	for (unsigned i = 0; i < told.nr; i++) {
		const struct vfy_mismatch *r = &told.r[i];
		const uint32_t bit = 1u << (r->lba - t->io.slba);

		UNIT_CHECK(!(found & bit), "%s: %s: LBA %" PRIx64 "h is told of twice", trial_text(t), what,
			   r->lba);
		UNIT_CHECK(r->side == VFY_HOST, "%s: %s: found by side %d", trial_text(t), what, r->side);
		if (t->f.type)
			UNIT_CHECK(r->status && !strcmp(r->status, "the tuple was not transferred"),
				   "%s: %s: '%s'", trial_text(t), what, r->status ? r->status : "");
		else
			UNIT_CHECK(r->field == VFY_METADATA, "%s: %s: field %x", trial_text(t), what, r->field);
		found |= bit;
	}
	UNIT_CHECK(found == missing, "%s: %s: blocks %x were told of, %x are missing", trial_text(t), what,
		   found, missing);
}

static void nothing_came(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	if (stale_init(&t, f, mode, &o)) {
		returned(&t, "nothing came", EILSEQ, capture_end(&t.io, 0, NULL));
		missing_told(&t, "nothing came", (1u << BLOCKS) - 1);
	}
	trial_free(&t);
}

/* The first blocks, the last ones, or any. */
static void a_part_came(const struct oracle_format *f, const struct mode *mode)
{
	const uint32_t all = (1u << BLOCKS) - 1;
	const uint32_t parts[] = { all >> 9, all << 9 & all, 1, all & ~1u, unit_random() & all };

	for (size_t n = 0; n < ARRAY_SIZE(parts); n++) {
		struct job_opts o = random_opts(f);
		struct trial t;

		if (stale_init(&t, f, mode, &o)) {
			for (uint32_t i = 0; i < BLOCKS; i++)
				if (parts[n] >> i & 1)
					arrive(&t, i);
			returned(&t, "a part came", parts[n] == all ? 0 : EILSEQ, capture_end(&t.io, 0, NULL));
			missing_told(&t, "a part came", all & ~parts[n]);
		}
		trial_free(&t);
	}
}

/* The metadata beyond the tuples alone stays away. */
static void metadata_stayed_away(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	if (stale_init(&t, f, mode, &o) && t.ns.verify_md && f->type) {
		for (uint32_t i = 0; i < BLOCKS; i++) {
			struct oracle_block from = on_wire(&t, t.blocks, t.md, i), to = wire_block(&t, i);
			uint32_t at = oracle_tuple_offset(f);

			memcpy(to.md + at, from.md + at, oracle_tuple_size(f));
		}
		returned(&t, "metadata stayed away", EILSEQ, capture_end(&t.io, 0, NULL));
		UNIT_CHECK(told.counts.field[__builtin_ctz(VFY_METADATA)] == BLOCKS,
			   "%s: %u of %u blocks are told of", trial_text(&t),
			   (unsigned)told.counts.field[__builtin_ctz(VFY_METADATA)], BLOCKS);
	}
	trial_free(&t);
}

static void parts_of(const struct oracle_format *f)
{
	each_mode(f, nothing_came);
	each_mode_of_small(f, a_part_came);
	each_mode_of_small(f, metadata_stayed_away);
}

static void what_stayed_away(void)
{
	each_format(parts_of);
}

/* Every set of checks finds it, the reference tag of type 3 apart, which nobody checks. */
static void by_each_check(const struct oracle_format *f)
{
	static const unsigned checks[] = { PI_GUARD, PI_APP, PI_REF, PI_STORAGE };

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct job_opts o = random_opts(f);
		struct trial t;

		if (!f->type || (checks[i] == PI_REF && (f->type == 3 || !oracle_bits(f, ORACLE_REF))) ||
		    (checks[i] == PI_STORAGE && !f->sts))
			continue;
		o.verify_given = true;
		o.verify = checks[i];
		if (stale_init(&t, f, &plain, &o)) {
			returned(&t, "one check", EILSEQ, capture_end(&t.io, 0, NULL));
			missing_told(&t, "one check", (1u << BLOCKS) - 1);
		}
		trial_free(&t);
	}
}

static void each_check(void)
{
	each_format(by_each_check);
}

/* Data for which the guard that was put there beforehand is the right one, by chance. */
static void make_fitting(const struct trial *t, uint8_t *data)
{
	uint64_t want = oracle_unpack(&t->f, (uint8_t *)t->io.md).field[ORACLE_GUARD];

	do
		unit_random_fill(data, t->f.data_size);
	while (oracle_guard(&t->f, data, t->io.md) != want);
}

/* Data came, its tuple did not; the guard alone is checked, and fits. */
static void guard_fits(void)
{
	static const struct oracle_format f = { .data_size = 512, .md_size = 8, .type = 3 };
	struct job_opts o = random_opts(&f);
	struct trial t;

	o.verify_given = true;
	o.verify = PI_GUARD;
	stale_init(&t, &f, &plain, &o);
	for (uint32_t i = 1; i < BLOCKS; i++)
		arrive(&t, i);
	make_fitting(&t, t.io.buf);
	returned(&t, "a guard that fits", EILSEQ, capture_end(&t.io, 0, NULL));
	missing_told(&t, "a guard that fits", 1);
	trial_free(&t);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "what_stayed_away", what_stayed_away },
		{ "each_check", each_check },
		{ "guard_fits", guard_fits },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
