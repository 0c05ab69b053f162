/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-io-send.c - what is sent, byte for byte against blocks that the oracle made
 */
#include "io-trial.h"

static void send_one(const struct oracle_format *f, const struct mode *mode, uint8_t opcode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	trial_init(&t, f, mode, opcode, &o);
	make_wire(&t, !pract_counts(&t));
	capture_start(&t.io, &t.cmd);
	UNIT_CHECK(t.io.bounced == (wire_stride(&t) != t.ns.host_block), "%s: bounced: %d",
		   trial_text(&t), t.io.bounced);
	check_command(&t);
	same(&t, "blocks", t.blocks, wire_blocks(&t), t.blocks_size);
	same(&t, "metadata", t.md, t.io.md, wire_md_size(&t));
	if (t.io.bounced || !f->extended || !md_crosses(&t))
		same(&t, "fio's buffer", t.user, t.io.buf, t.user_size);
	trial_free(&t);
}

static void send_write(const struct oracle_format *f, const struct mode *mode)
{
	send_one(f, mode, nvme_cmd_write);
}

static void send_compare(const struct oracle_format *f, const struct mode *mode)
{
	send_one(f, mode, nvme_cmd_compare);
}

static void writes_of(const struct oracle_format *f)
{
	each_mode(f, send_write);
}

static void compares_of(const struct oracle_format *f)
{
	each_mode(f, send_compare);
}

static void sends_writes(void)
{
	each_format(writes_of);
}

static void sends_compares(void)
{
	each_format(compares_of);
}

/* A command that moves no blocks leaves every buffer as it was. */
static void touches_nothing(const struct oracle_format *f, const struct mode *mode)
{
	static const uint8_t opcodes[] = {
		nvme_cmd_verify, nvme_cmd_write_zeroes, nvme_cmd_write_uncor
	};

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct job_opts o = random_opts(f);
		struct trial t;

		trial_init(&t, f, mode, opcodes[i], &o);
		capture_start(&t.io, &t.cmd);
		UNIT_CHECK((t.cmd.cdw12 >> 30 & 1) == wants_fua(&t), "%s: FUA", trial_text(&t));
		same(&t, "fio's buffer", t.user, t.io.buf, t.user_size);
		all_bytes_are(&t, "bounce buffer", 0xbb, t.io.bounce, t.ns.bounce_size);
		all_bytes_are(&t, "metadata buffer", 0xdd, t.io.md, t.ns.md_size);
		trial_free(&t);
	}
}

static void others_of(const struct oracle_format *f)
{
	each_mode_of_small(f, touches_nothing);
}

static void sends_no_blocks(void)
{
	each_format(others_of);
}

/* So does a read that nobody will check. */
static void touches_none_unchecked(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct trial t;

	o.verify_given = true;
	trial_init(&t, f, mode, nvme_cmd_read, &o);
	capture_start(&t.io, &t.cmd);
	same(&t, "fio's buffer", t.user, t.io.buf, t.user_size);
	all_bytes_are(&t, "bounce buffer", 0xbb, t.io.bounce, t.ns.bounce_size);
	all_bytes_are(&t, "metadata buffer", 0xdd, t.io.md, t.ns.md_size);
	trial_free(&t);
}

static void unchecked_of(const struct oracle_format *f)
{
	each_mode_of_small(f, touches_none_unchecked);
}

static void reads_unchecked(void)
{
	each_format(unchecked_of);
}

/* Parts of an I/O, as the search for bad blocks asks for them after an error. */
static void parts_of(const struct oracle_format *f, const struct mode *mode)
{
	struct job_opts o = random_opts(f);
	struct nvme_io c;
	struct trial t;
	uint64_t ref;

	trial_init(&t, f, mode, nvme_cmd_read, &o);
	ref = oracle_ref(f, o.ref, t.io.slba + 5);
	capture_start(&t.io, &t.cmd);
	capture_end(&t.io, -EIO, NULL);
	c = io_command(&t.io, 5, 3);
	UNIT_CHECK(c.slba == t.io.slba + 5 && c.nr_blocks == 3, "%s: blocks", trial_text(&t));
	UNIT_CHECK(!f->type || c.tags.ref == ref, "%s: reference tag %" PRIx64 "h, wanted %" PRIx64
		   "h", trial_text(&t), c.tags.ref, ref);
	UNIT_CHECK(c.data == wire_blocks(&t) + 5 * wire_stride(&t), "%s: data", trial_text(&t));
	if (!f->extended)
		UNIT_CHECK(c.md == (md_crosses(&t) ? (uint8_t *)t.io.md + 5 * md_crosses(&t) : NULL),
			   "%s: metadata", trial_text(&t));
	trial_free(&t);
}

static void all_parts_of(const struct oracle_format *f)
{
	each_mode_of_small(f, parts_of);
}

static void sends_parts(void)
{
	each_format(all_parts_of);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "sends_writes", sends_writes },
		{ "sends_compares", sends_compares },
		{ "sends_no_blocks", sends_no_blocks },
		{ "reads_unchecked", reads_unchecked },
		{ "sends_parts", sends_parts },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
