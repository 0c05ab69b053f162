/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-io-back.c - what comes back: the blocks that were sent must pass, and after one
 * thing in them is damaged exactly that is told, with its block, its values and who
 * found it
 */
#include "io-inject.h"

static void good_read(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;
	bool looked_at;

	read_init(&t, f, mode, &o);
	looked_at = t.ns.verify || t.ns.verify_md;
	returned(&t, "good blocks", 0, capture_end(&t.io, 0, NULL));
	were_told(&t, "good blocks", NULL, 0);
	UNIT_CHECK(told.checked == (looked_at ? BLOCKS : 0), "%s: %" PRIu64
		   " counted as checked", trial_text(&t), told.checked);
	UNIT_CHECK(looked_at == (md_crosses(&t) > 0), "%s: nothing is checked", trial_text(&t));
	check_received(&t);
	trial_free(&t);
}

static void good_reads_of(const struct oracle_format *f)
{
	each_mode(f, good_read);
}

static void accepts_good_blocks(void)
{
	each_format(good_reads_of);
}

static void one_damage(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	read_init(&t, f, mode, &o);
	for (enum damage d = 0; d < DAMAGES; d++)
		for (size_t n = 0; can_damage(&t, d) && n < ARRAY_SIZE(some_blocks); n++) {
			struct vfy_mismatch want[2];
			unsigned nr;

			receive(&t);
			nr = damage_block(&t, some_blocks[n], d, want);
			returned(&t, damage_names[d], EILSEQ, capture_end(&t.io, 0, NULL));
			were_told(&t, damage_names[d], want, nr);
		}
	trial_free(&t);
}

static void one_damage_of(const struct oracle_format *f)
{
	each_mode(f, one_damage);
}

static void finds_one_damage(void)
{
	each_format(one_damage_of);
}

/* Something in every block: all of it is told. */
static void all_damaged(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;
	struct vfy_mismatch want[2 * BLOCKS];
	unsigned nr = 0;

	read_init(&t, f, mode, &o);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		enum damage d = unit_random_below(DAMAGES);

		if (can_damage(&t, d))
			nr += damage_block(&t, i, d, want + nr);
	}
	returned(&t, "all blocks", nr ? EILSEQ : 0, capture_end(&t.io, 0, NULL));
	were_told(&t, "all blocks", want, nr);
	trial_free(&t);
}

/* Everything in every block, which is the most there is to tell. */
static void all_of_all_damaged(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;
	unsigned wrong = 0;

	read_init(&t, f, mode, &o);
	for (enum damage d = GUARD; d < DAMAGES; d++)
		wrong += can_damage(&t, d);
	for (uint32_t i = 0; i < BLOCKS; i++)
		for (enum damage d = GUARD; d < DAMAGES; d++)
			if (can_damage(&t, d))
				damage_block(&t, i, d, (struct vfy_mismatch[2]){ 0 });
	returned(&t, "all fields", wrong ? EILSEQ : 0, capture_end(&t.io, 0, NULL));
	UNIT_CHECK(told.nr == wrong * BLOCKS, "%s: all fields: %u records, wanted %u",
		   trial_text(&t), told.nr, wrong * BLOCKS);
	trial_free(&t);
}

static void all_damaged_of(const struct oracle_format *f)
{
	each_mode_of_small(f, all_damaged);
	each_mode_of_small(f, all_of_all_damaged);
}

static void finds_all_damage(void)
{
	each_format(all_damaged_of);
}

/* --- blocks that are right although they look wrong --- */

/* Nothing of block @i is left; its tuple says so, as that of an unwritten one does. */
static void unwrite(const struct trial *t, uint32_t i, uint64_t ref)
{
	struct oracle_block b = wire_block(t, i);
	struct oracle_tuple tuple = oracle_all;

	unit_random_fill(b.data, t->f.data_size);
	unit_random_fill(b.md, t->f.md_size);
	tuple.field[ORACLE_GUARD] = unit_random();
	tuple.field[ORACLE_STORAGE] = unit_random();
	tuple.field[ORACLE_REF] = ref;
	oracle_pack(&t->f, &tuple, b.md + oracle_tuple_offset(&t->f));
}

/* Blocks 3 and 4 escape; what follows them is looked at all the same. */
static void escapes(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	read_init(&t, f, mode, &o);
	if (f->type && md_crosses(&t)) {
		uint64_t ref = f->type == 3 ? UINT64_MAX : unit_random();
		struct vfy_mismatch want[2];
		unsigned nr;

		unwrite(&t, 3, ref);
		unwrite(&t, 4, ref);
		returned(&t, "escaped blocks", 0, capture_end(&t.io, 0, NULL));
		were_told(&t, "escaped blocks", NULL, 0);
		nr = damage_block(&t, 5, DATA, want);
		returned(&t, "after escaped blocks", EILSEQ, capture_end(&t.io, 0, NULL));
		were_told(&t, "after escaped blocks", want, nr);
	}
	trial_free(&t);
}

/* FFFFh in the application tag alone is no escape of type 3. */
static void no_escape(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	read_init(&t, f, mode, &o);
	if (f->type == 3 && md_crosses(&t) && oracle_bits(f, ORACLE_REF)) {
		struct oracle_block b = wire_block(&t, 3);
		struct vfy_mismatch want = {
			.lba = t.io.slba + 3, .field = PI_APP, .want = o.apptag, .got = 0xffff
		};
		struct oracle_tuple tuple = tuple_of(&t, &b);

		tuple.field[ORACLE_APP] = 0xffff;
		tuple.field[ORACLE_REF] = UINT64_MAX - 1;
		oracle_pack(f, &tuple, b.md + oracle_tuple_offset(f));
		returned(&t, "half an escape", EILSEQ, capture_end(&t.io, 0, NULL));
		were_told(&t, "half an escape", &want, 1);
	}
	trial_free(&t);
}

static void escapes_of(const struct oracle_format *f)
{
	each_mode_of_small(f, escapes);
	each_mode_of_small(f, no_escape);
}

static void skips_escaped_blocks(void)
{
	each_format(escapes_of);
}

/* As Write Zeroes with PRACT leaves a block: its tuple is right, the rest is zero. */
static struct oracle_block zero_block(const struct trial *t, uint32_t i)
{
	struct oracle_block b = wire_block(t, i);

	memset(b.data, 0, t->f.data_size);
	memset(b.md, 0, md_crosses(t));
	if (t->f.type && md_crosses(t))
		make_tuple(t, &b, i);
	return b;
}

/* The first byte beyond the tuple whose pattern is not 0, of zeroed metadata. */
static struct vfy_mismatch zero_record(const struct trial *t, uint32_t i)
{
	uint64_t lba = t->io.slba + i;
	uint32_t at = t->f.first ? oracle_tuple_size(&t->f) : 0;

	while (!pattern_byte(lba, at))
		at++;
	return (struct vfy_mismatch){
		.lba = lba, .field = VFY_METADATA, .offset = at, .want = pattern_byte(lba, at)
	};
}

static void zeroed(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct oracle_block b;
	struct trial t;

	read_init(&t, f, mode, &o);
	b = zero_block(&t, 3);
	returned(&t, "a zeroed block", 0, capture_end(&t.io, 0, NULL));
	were_told(&t, "a zeroed block", NULL, 0);
	if (can_damage(&t, BEYOND)) {	/* zero metadata of other data was lost */
		struct vfy_mismatch want = zero_record(&t, 3);

		b.data[f->data_size - 1] = 1;
		if (f->type)
			make_tuple(&t, &b, 3);
		returned(&t, "lost metadata", EILSEQ, capture_end(&t.io, 0, NULL));
		were_told(&t, "lost metadata", &want, 1);
	}
	trial_free(&t);
}

static void zeroed_of(const struct oracle_format *f)
{
	each_mode_of_small(f, zeroed);
}

static void accepts_zeroed_blocks(void)
{
	each_format(zeroed_of);
}

/* What one judge hears of several I/Os adds up. */
static void adds_up(void)
{
	static const struct oracle_format f = { .data_size = 512, .md_size = 8, .type = 1 };
	struct io_job job = { .record = capture_remember, .ctx = &told };
	struct job_opts o = random_opts(&f);
	struct vfy_mismatch want[2];
	struct trial t;

	memset(&told, 0, sizeof(told));
	read_init(&t, &f, &plain, &o);
	returned(&t, "the first", 0, io_end(&t.io, 0, &job));
	damage_block(&t, 3, APP, want);
	returned(&t, "the second", EILSEQ, io_end(&t.io, 0, &job));
	damage_block(&t, 4, APP, want);
	returned(&t, "the third", EILSEQ, io_end(&t.io, 0, &job));
	UNIT_CHECK(job.stats.checked == 3 * BLOCKS, "%" PRIu64 " checked", job.stats.checked);
	UNIT_CHECK(told.counts.total == 3, "%" PRIu64 " counted", told.counts.total);
	trial_free(&t);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "accepts_good_blocks", accepts_good_blocks },
		{ "finds_one_damage", finds_one_damage },
		{ "finds_all_damage", finds_all_damage },
		{ "skips_escaped_blocks", skips_escaped_blocks },
		{ "accepts_zeroed_blocks", accepts_zeroed_blocks },
		{ "adds_up", adds_up },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
