// SPDX-License-Identifier: GPL-2.0-only
/* cases-transfer.c - tests that data and metadata are transferred unchanged; see case.h */
#include <string.h>
#include "case.h"

/* --- pass through, insert, strip --- */

static void write_read(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = lab_place(l, nr);

	lab_new_tags(l, lba);
	lab_fill(l, nr, c->arg & LAB_PRACT);
	case_send(l, nvme_cmd_write, lba, nr, c->arg);
	case_send(l, nvme_cmd_read, lba, nr, case_checks(l));
}

static void run_write_read(struct lab *l, const struct qcase *c)
{
	case_sizes(l, c, true, write_read);
}

static void strip(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = case_prepare(l, nr);

	(void)c;
	case_send(l, nvme_cmd_read, lba, nr, case_checks(l) | LAB_PRACT);
	case_send(l, nvme_cmd_read, lba, nr, LAB_PRACT);
}

static void run_strip(struct lab *l, const struct qcase *c)
{
	case_sizes(l, c, true, strip);
}

/* The tags would be wrong if they were checked. */
static void insert_unchecked(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = lab_place(l, nr);
	struct nvme_uring_cmd cmd;

	(void)c;
	lab_new_tags(l, lba);
	lab_fill(l, nr, true);
	if (qm_wire(&l->f, true).crosses) {
		cmd = lab_command(l, nvme_cmd_write, lba, nr, LAB_PRACT);
		for (uint32_t i = 0; i < nr; i++)
			case_flip(l, &cmd, i, QM_GUARD, case_bit(l, QM_GUARD));
	}
	l->tags.ref = lab_random(l) & qm_ones(qm_ref_bits(&l->f));	/* does not match SLBA */
	l->tags.app_mask = lab_random(l);
	case_send(l, nvme_cmd_write, lba, nr, LAB_PRACT | QM_ALL);
	case_send(l, nvme_cmd_read, lba, nr, QM_GUARD);
}

static void run_insert_unchecked(struct lab *l, const struct qcase *c)
{
	case_sizes(l, c, false, insert_unchecked);
}

/* --- where buffers are --- */

static void at_offset(struct lab *l, uint32_t offset, uint32_t nr)
{
	struct lab_bufs moved = { l->own.data + offset, l->own.md + (offset & 60) };
	struct lab_bufs in = { l->input.data + offset, l->input.md + (offset & 60) };
	const unsigned checks = case_checks(l);
	uint64_t lba;

	l->bufs = &moved;
	l->in = &in;
	lba = case_prepare(l, nr);
	case_send(l, nvme_cmd_read, lba, nr, checks);
	case_send(l, nvme_cmd_read, lba, nr, checks | LAB_PRACT);
	/* the position of buffers does not prevent checks, either */
	if (l->f.type) {
		const struct nvme_uring_cmd cmd =
			lab_command(l, nvme_cmd_write, lba, nr, QM_GUARD | QM_APP);
		const unsigned field = offset & 4 ? QM_GUARD : QM_APP;

		case_flip(l, &cmd, lab_below(l, nr), field, case_bit(l, field));
		lab_do(l, &cmd);
		lab_store(l, lba, nr);
		case_send(l, nvme_cmd_read, lba, nr, QM_GUARD | QM_APP);
		case_send(l, nvme_cmd_read, lba, nr, QM_GUARD | QM_APP | LAB_PRACT);
	}
	l->bufs = &l->own;
	l->in = &l->input;
}

static void run_offsets(struct lab *l, const struct qcase *c)
{
	const uint32_t room = 2 * (l->f.data_size + (l->f.extended ? l->f.md_size : 0));

	(void)c;
	for (uint32_t offset = 4; offset < 4096 && !l->failed; offset += offset < 64 ? 4 : 60)
		if (offset < room)
			at_offset(l, offset, 1 + lab_below(l, l->most < 9 ? l->most : 9));
}

/* --- bits that change nothing --- */

static void run_flags(struct lab *l, const struct qcase *c)
{
	const unsigned checks = case_checks(l);
	uint64_t lba;

	for (int i = 0; i < 4 && !l->failed; i++) {
		const uint32_t nr = 1 + lab_below(l, l->most < 20 ? l->most : 20);

		lba = lab_place(l, nr);
		lab_new_tags(l, lba);
		lab_fill(l, nr, false);
		case_send(l, nvme_cmd_write, lba, nr, checks | c->arg);
		case_send(l, nvme_cmd_read, lba, nr, checks | c->arg);
		case_send(l, nvme_cmd_read, lba, nr, c->arg);
		if (lab_has(l, nvme_cmd_verify))
			case_send(l, nvme_cmd_verify, lba, nr, checks | c->arg);
		if (lab_has(l, nvme_cmd_write_zeroes))
			case_send(l, nvme_cmd_write_zeroes, lba, nr, LAB_PRACT | c->arg);
		lab_write(l, lba, nr);
	}
}

/* A wrong tuple is found and nothing is written, whatever other flags are set. */
static void run_flags_bad(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = 3;
	const uint64_t lba = case_prepare(l, nr);
	struct nvme_uring_cmd cmd;

	lab_fill(l, nr, false);
	cmd = lab_command(l, nvme_cmd_write, lba, nr, QM_GUARD | c->arg);
	case_flip(l, &cmd, 1, QM_GUARD, case_bit(l, QM_GUARD));
	lab_do(l, &cmd);
	lab_store(l, lba, nr);
	case_send(l, nvme_cmd_read, lba, nr, QM_GUARD | c->arg);
}

static void run_hints(struct lab *l, const struct qcase *c)
{
	static const uint32_t hints[] = { 0x01, 0x06, 0x10, 0x30, 0x40, 0x80, 0xf0 };
	const unsigned checks = case_checks(l);

	(void)c;
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]) && !l->failed; i++) {
		const uint32_t nr = 1 + lab_below(l, 4);
		const uint64_t lba = lab_place(l, nr);
		struct nvme_uring_cmd cmd;

		lab_new_tags(l, lba);
		lab_fill(l, nr, false);
		cmd = lab_command(l, nvme_cmd_write, lba, nr, checks);
		cmd.cdw13 = hints[i];
		lab_do(l, &cmd);
		cmd = lab_command(l, nvme_cmd_read, lba, nr, checks);
		cmd.cdw13 = hints[i];
		lab_do(l, &cmd);
	}
}

/* Random values in the dwords for tags that this guard does not use. */
static void run_ignored(struct lab *l, const struct qcase *c)
{
	const unsigned checks = case_checks(l);
	const uint32_t cdw3 = l->f.pif == 2 ? 0xffff0000 : 0xffffffff;

	(void)c;
	for (int i = 0; i < 8 && !l->failed; i++) {
		const uint32_t nr = 1 + lab_below(l, 4);
		const uint64_t lba = lab_place(l, nr);
		struct nvme_uring_cmd cmd;

		lab_new_tags(l, lba);
		lab_fill(l, nr, i & 1);
		cmd = lab_command(l, nvme_cmd_write, lba, nr, checks | (i & 1 ? LAB_PRACT : 0));
		cmd.cdw2 |= lab_random(l) & 0xffff;
		cmd.cdw3 |= lab_random(l) & cdw3;
		lab_do(l, &cmd);
		cmd = lab_command(l, nvme_cmd_read, lba, nr, checks);
		cmd.cdw2 |= lab_random(l) & 0xffff;
		cmd.cdw3 |= lab_random(l) & cdw3;
		lab_do(l, &cmd);
	}
}

/* --- no protection information --- */

static void run_prinfo_ignored(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (unsigned prinfo = 0; prinfo < 32 && !l->failed; prinfo++) {
		const uint32_t nr = 1 + lab_below(l, 8);
		const uint64_t lba = lab_place(l, nr);

		lab_new_tags(l, lba);
		l->tags.ref = l->tags.storage = lab_random(l);
		lab_fill(l, nr, false);
		case_send(l, nvme_cmd_write, lba, nr, prinfo);
		case_send(l, nvme_cmd_read, lba, nr, prinfo);
		if (lab_has(l, nvme_cmd_compare))
			case_send(l, nvme_cmd_compare, lba, nr, prinfo & QM_ALL);
		if (lab_has(l, nvme_cmd_verify))
			case_send(l, nvme_cmd_verify, lba, nr, prinfo & QM_ALL);
	}
}

static const struct qcase list[] = {
	{ "transfer/pass-through",
	  "With PRACT cleared, data and metadata are written and read as they are, in commands of every size.",
	  "5.3.2.1, 5.3.2.2", 0, .run = run_write_read },
	{ "transfer/pass-through-checked",
	  "A Write whose tuples are right passes all checks and stores them as they are.",
	  "5.3.2.1, 5.3.3", NEED_PI, run_write_read, .arg = QM_ALL & ~QM_REF },
	{ "transfer/pass-through-all-checks",
	  "A Write whose tuples are right passes all checks, the reference tag among them.",
	  "5.3.2.1, 5.3.3", NEED_COUNTED | NEED_REF, run_write_read, .arg = QM_ALL },
	{ "transfer/insert",
	  "With PRACT set and metadata that is the tuple, a Write transfers data alone and the controller appends the tuple.",
	  "5.3.2.1", NEED_STRIP, run_write_read, .arg = LAB_PRACT },
	{ "transfer/insert-more",
	  "With PRACT set and more metadata, a Write transfers all of it and the controller overwrites the tuple alone.",
	  "5.3.2.1", NEED_MORE, run_write_read, .arg = LAB_PRACT },
	{ "transfer/insert-unchecked",
	  "With PRACT set, a Write ignores PRCHK and STC: nothing is checked and ILBRT is not refused.",
	  "5.3.2.1", NEED_PI, .run = run_insert_unchecked },
	{ "transfer/strip",
	  "With PRACT set and metadata that is the tuple, a Read checks and returns data alone.",
	  "5.3.2.2", NEED_STRIP, .run = run_strip },
	{ "transfer/strip-more",
	  "With PRACT set and more metadata, a Read returns all metadata, the tuple unchanged.",
	  "5.3.2.2", NEED_MORE, .run = run_strip },
	{ "transfer/offsets", "Buffers may start at every dword of a page.", "Base, Data Layout", 0,
	  .run = run_offsets },
	{ "transfer/fua", "FUA changes no result.", "3.3.4, 3.3.6", 0, run_flags, .arg = LAB_FUA },
	{ "transfer/lr", "Limited Retry changes no result.", "3.3", 0, run_flags, .arg = LAB_LR },
	{ "transfer/fua-lr", "FUA and Limited Retry together change no result.", "3.3", 0,
	  run_flags, .arg = LAB_FUA | LAB_LR },
	{ "transfer/fua-bad", "FUA and Limited Retry do not keep a check from failing.", "5.3.3",
	  NEED_PI, run_flags_bad, .arg = LAB_FUA | LAB_LR },
	{ "transfer/hints", "Attributes of CDW13 change no result.", "3.3.4, 3.3.6", 0,
	  .run = run_hints },
	{ "transfer/ignored-dwords",
	  "Bits of CDW2 and CDW3 that the guard format does not use are ignored.", "5.3.1.4.1",
	  NEED_IGNORED, .run = run_ignored },
	{ "transfer/no-protection",
	  "Without protection information PRINFO and tags are ignored, and metadata is the host's own.",
	  "5.3.2.1", NEED_NO_PI, .run = run_prinfo_ignored },
};

const struct qcase_table cases_transfer = QCASE_TABLE(list);
