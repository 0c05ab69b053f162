/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-io-checks.c - checks that were not asked for, and what the device says
 */
#include "engines/inject.h"
#include "io-inject.h"

/* With each set of checks, each damage is told if and only if it is in the set. */
static void checks_what_is_asked(void)
{
	static const unsigned asked[DAMAGES] = {
		PI_GUARD, PI_GUARD, PI_APP, PI_STORAGE, PI_REF, VFY_METADATA
	};

	for (unsigned set = 0; set < 32; set++) {
		struct job_opts o = random_opts(&choice);
		struct trial t;

		o.verify_given = true;
		o.verify = set;
		read_init(&t, &choice, &plain, &o);
		for (enum damage d = 0; d < DAMAGES; d++) {
			bool found = set & asked[d];
			struct vfy_mismatch want[2];
			unsigned nr;

			receive(&t);
			nr = damage_block(&t, 2, d, want);
			returned(&t, damage_names[d], found ? EILSEQ : 0, capture_end(&t.io, 0, NULL));
			were_told(&t, damage_names[d], want, found ? nr : 0);
			UNIT_CHECK(told.checked == (set ? BLOCKS : 0), "set %xh: %" PRIu64
				   " checked", set, told.checked);
		}
		trial_free(&t);
	}
}

/* Bits outside LBATM and LBSTM may be anything; values are told under the mask. */
static void checks_under_masks(void)
{
	struct job_opts o = random_opts(&choice);
	struct trial t;
	struct oracle_tuple tuple;
	struct oracle_block b;
	struct vfy_mismatch want[2];

	o.apptag = 0x1234;
	o.apptag_mask = 0x0ff0;
	o.storage = 0x5678;
	read_init(&t, &choice, &plain, &o);
	t.io.expect.tags.storage_mask = 0xff;
	b = wire_block(&t, 9);
	tuple = tuple_of(&t, &b);
	tuple.field[ORACLE_APP] = 0xe23b;
	tuple.field[ORACLE_STORAGE] = 0xa978;
	oracle_pack(&choice, &tuple, b.md);
	returned(&t, "outside the masks", 0, capture_end(&t.io, 0, NULL));
	tuple.field[ORACLE_APP] = 0xe33b;
	tuple.field[ORACLE_STORAGE] = 0xa979;
	oracle_pack(&choice, &tuple, b.md);
	want[0] = (struct vfy_mismatch){
		.lba = t.io.slba + 9, .field = PI_APP, .want = 0x0230, .got = 0x0330 };
	want[1] = (struct vfy_mismatch){
		.lba = t.io.slba + 9, .field = PI_STORAGE, .want = 0x78, .got = 0x79 };
	returned(&t, "inside the masks", EILSEQ, capture_end(&t.io, 0, NULL));
	were_told(&t, "inside the masks", want, 2);
	trial_free(&t);
}

/* --- what the device says --- */

/* A result that says nothing of a block is its errno; nothing is looked at. */
static void passes_errors_on(void)
{
	static const struct {
		int res, err;
	} rows[] = {
		{ -EIO, EIO }, { -EAGAIN, EAGAIN }, { 0x287, EIO }, { 0x4181, EIO }, { 0x080, EIO },
	};
	struct job_opts o = random_opts(&choice);
	struct trial t;
	struct vfy_mismatch want[2];

	read_init(&t, &choice, &plain, &o);
	damage_block(&t, 2, DATA, want);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		returned(&t, "a failed read", rows[i].err, capture_end(&t.io, rows[i].res, NULL));
		UNIT_CHECK(!told.nr && !told.checked, "%xh: %u records", rows[i].res,
			   told.nr);
	}
	trial_free(&t);
}

/* Only what was read is checked. */
static void checks_reads_alone(void)
{
	static const uint8_t opcodes[] = {
		nvme_cmd_write, nvme_cmd_compare, nvme_cmd_verify, nvme_cmd_write_zeroes
	};

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct job_opts o = random_opts(&choice);
		struct trial t;

		trial_init(&t, &choice, &plain, opcodes[i], &o);
		capture_start(&t.io, &t.cmd);
		memset(t.io.md, 0, t.ns.md_size);
		returned(&t, "a good command", 0, capture_end(&t.io, 0, NULL));
		UNIT_CHECK(!told.nr && !told.checked, "opcode %02xh: %u records", opcodes[i],
			   told.nr);
		trial_free(&t);
	}
}

/* A record of a write that the device refused; @status in its words. */
static struct vfy_mismatch rejected(struct vfy_mismatch r, const char *status)
{
	r.path = "ng";
	r.command = "write";
	r.side = VFY_DEVICE;
	r.status = status;
	return r;
}

/*
 * A write that the device refuses is searched in the buffers for the field that
 * it names, and for that alone.
 */
static void explains_rejected_writes(void)
{
	static const struct {
		enum damage	d;
		int		status;
		const char	*text;
	} rows[] = {
		{ DATA, 0x4282, "End-to-end Guard Check Error (282h, do not retry)" },
		{ GUARD, 0x0282, "End-to-end Guard Check Error (282h)" },
		{ APP, 0x4283, "End-to-end Application Tag Check Error (283h, do not retry)" },
		{ REF, 0x4284, "End-to-end Reference Tag Check Error (284h, do not retry)" },
		{ STORAGE, 0x4288, "End-to-End Storage Tag Check Error (288h, do not retry)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job_opts o = random_opts(&choice);
		struct trial t;
		struct vfy_mismatch want[2], other[2];

		trial_init(&t, &choice, &plain, nvme_cmd_write, &o);
		capture_start(&t.io, &t.cmd);
		damage_block(&t, 17, rows[i].d, want);
		damage_block(&t, 18, rows[(i + 2) % ARRAY_SIZE(rows)].d, other);
		returned(&t, "a rejected write", EILSEQ, capture_end(&t.io, rows[i].status, NULL));
		want[0].known = true;
		want[0] = rejected(want[0], rows[i].text);
		capture_exactly(trial_text(&t), want, 1);
		trial_free(&t);
	}
}

/* Where nothing is wrong on this side, what the device said is all there is to tell. */
static void tells_rejected_writes(void)
{
	for (int pract = 0; pract <= 1; pract++) {
		struct oracle_format f = choice;
		struct job_opts o = random_opts(&choice);
		struct mode mode = { pract, JOB_BUFFER_DATA };
		struct vfy_mismatch want = { .blocks = BLOCKS, .field = PI_REF };
		struct trial t;

		f.md_size = 16;
		trial_init(&t, &f, &mode, nvme_cmd_write, &o);
		capture_start(&t.io, &t.cmd);
		returned(&t, "a rejected write", EILSEQ, capture_end(&t.io, 0x0284, NULL));
		want.lba = t.io.slba;
		want = rejected(want, "End-to-end Reference Tag Check Error (284h)");
		capture_exactly(trial_text(&t), &want, 1);
		trial_free(&t);
	}
}

/* A damaged block that no reader could be told of is not made: it goes out as it is, and is counted. */
static void spares_what_cannot_be_booked(void)
{
	struct job_opts o = random_opts(&choice);
	struct vfy_injection damage[BLOCKS];
	char why[WHY_MAX] = "";
	struct io_job job = {
		.record = capture_remember, .ctx = &told, .inject_writes = true,
		.faults = vfy_injected_open(NULL, true, why),
	};
	struct trial t;

	trial_init(&t, &choice, &plain, nvme_cmd_write, &o);
	t.io.damage = damage;
	t.io.copy = allocate(BLOCKS * wire_stride(&t));
	t.io.copy_md = allocate(BLOCKS * choice.md_size);
	UNIT_CHECK(job.faults && !vfy_inject_parse("guard/1", &job.inject, why), "%s", why);
	for (uint64_t lba = 0; !vfy_injected_set(job.faults, 1, lba, (struct vfy_injected_block){ VFY_DAMAGED, PI_GUARD }); lba++)
		;
	inject_draw(&t.io, &job);
	UNIT_CHECK(t.io.nr_injections == BLOCKS, "%u blocks are drawn", t.io.nr_injections);
	io_start(&t.io, &job, &t.cmd);
	UNIT_CHECK(!t.io.nr_injections && job.stats.not_damaged == BLOCKS && !job.stats.damaged,
		   "%u damaged, %" PRIu64 " not damaged", t.io.nr_injections, job.stats.not_damaged);
	UNIT_CHECK(t.cmd.addr != (uintptr_t)t.io.copy, "the copy is sent");
	vfy_injected_close(job.faults);
	free(t.io.copy);
	free(t.io.copy_md);
	trial_free(&t);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "checks_what_is_asked", checks_what_is_asked },
		{ "checks_under_masks", checks_under_masks },
		{ "passes_errors_on", passes_errors_on },
		{ "checks_reads_alone", checks_reads_alone },
		{ "explains_rejected_writes", explains_rejected_writes },
		{ "tells_rejected_writes", tells_rejected_writes },
		{ "spares_what_cannot_be_booked", spares_what_cannot_be_booked },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
