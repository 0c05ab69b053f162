// SPDX-License-Identifier: GPL-2.0-only
/* cases-tags.c - tests reference tags: the expected values, and how they count; see case.h */
#include "case.h"

static const uint8_t checking[] = { nvme_cmd_read, nvme_cmd_write, nvme_cmd_verify,
				    nvme_cmd_compare };

/* --- type 1 --- */

/* An ILBRT that does not match SLBA is refused by all commands if the reference tag is checked. */
static void run_mismatch(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 2);
	const uint64_t right = l->tags.ref;
	const unsigned bits = qm_ref_bits(&l->f);

	(void)c;
	for (unsigned bit = 0; bit < bits && bit < 64 && !l->failed; bit++)
		for (size_t i = 0; i < sizeof(checking) && !l->failed; i++) {
			l->tags.ref = right ^ 1ULL << bit;
			if (!lab_has(l, checking[i]))
				continue;
			case_send(l, checking[i], lba, 2, QM_REF | (lab_below(l, 8) << 1));
			case_send(l, checking[i], lba, 2, 0);
		}
}

/* If it is not checked, any ILBRT is accepted, and PRACT inserts it. */
static void run_unasked(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (int i = 0; i < 8 && !l->failed; i++) {
		const uint32_t nr = 1 + lab_below(l, 5);
		const uint64_t lba = lab_place(l, nr);

		lab_new_tags(l, lba);
		l->tags.ref = lab_random(l) & qm_ones(qm_ref_bits(&l->f));
		lab_fill(l, nr, true);
		case_send(l, nvme_cmd_write, lba, nr, LAB_PRACT);
		case_send(l, nvme_cmd_read, lba, nr, QM_GUARD | QM_APP);
		l->tags.ref = lba & qm_ones(qm_ref_bits(&l->f));
		case_send(l, nvme_cmd_read, lba, nr, QM_REF);
	}
}

/* Tuples with the tags of other LBAs: one block too far, or too few. */
static void run_shifted(struct lab *l, const struct qcase *c)
{
	const uint64_t ones = qm_ones(qm_ref_bits(&l->f));
	static const int shifts[] = { 1, -1, 2, 8, -8 };

	(void)c;
	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]) && !l->failed; i++) {
		const uint64_t lba = lab_place(l, 4);
		uint64_t right;

		lab_new_tags(l, lba);
		right = l->tags.ref;
		l->tags.ref = (right + shifts[i]) & ones;
		lab_fill(l, 4, false);
		l->tags.ref = right;
		case_send(l, nvme_cmd_write, lba, 4, QM_REF);
		lab_store(l, lba, 4);
		case_send(l, nvme_cmd_read, lba, 4, QM_REF);
		case_send(l, nvme_cmd_read, lba, 4, QM_REF | LAB_PRACT);
	}
}

/* The tags count across a command, so any part of what it wrote can be read. */
static void run_parts(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = l->most < 16 ? l->most : 16;
	const uint64_t lba = case_prepare(l, nr);
	const struct qm_tags all = l->tags;

	(void)c;
	for (uint32_t i = 0; i < nr && !l->failed; i++) {
		l->tags.ref = qm_ref_at(&l->f, all.ref, i);
		case_send(l, nvme_cmd_read, lba + i, 1 + lab_below(l, nr - i), case_checks(l));
		/* with the first block's tag the others are wrong */
		if (i && l->f.type == 2) {
			l->tags.ref = all.ref;
			case_send(l, nvme_cmd_read, lba + i, 1, QM_REF);
		}
	}
}

/* --- type 2 --- */

/* Initial tags near the end of the tag's width: it continues with 0. */
static void run_wrap(struct lab *l, const struct qcase *c)
{
	const uint64_t ones = qm_ones(qm_ref_bits(&l->f));
	const uint32_t nr = l->most < 12 ? l->most : 12;

	(void)c;
	for (uint32_t before = 0; before < nr && !l->failed; before += 1 + before) {
		const uint64_t lba = lab_place(l, nr);

		lab_new_tags(l, lba);
		l->tags.ref = (ones - before) & ones;
		lab_fill(l, nr, true);
		case_send(l, nvme_cmd_write, lba, nr, LAB_PRACT);
		case_send(l, nvme_cmd_read, lba, nr, case_checks(l));
		lab_fill(l, nr, false);
		case_send(l, nvme_cmd_write, lba, nr, case_checks(l));
		case_send(l, nvme_cmd_read, lba, nr, case_checks(l) | LAB_PRACT);
	}
}

/* Initial tags on both sides of the powers of two within the tag. */
static void run_carry(struct lab *l, const struct qcase *c)
{
	const unsigned bits = qm_ref_bits(&l->f);

	(void)c;
	for (unsigned bit = 7; bit < bits && bit < 64 && !l->failed; bit += bit == 7  ? 1
									    : bit & 1 ? 1
										      : 7) {
		const uint64_t lba = lab_place(l, 6);

		lab_new_tags(l, lba);
		l->tags.ref = ((1ULL << bit) - 3) & qm_ones(bits);
		lab_fill(l, 6, true);
		case_send(l, nvme_cmd_write, lba, 6, LAB_PRACT);
		case_send(l, nvme_cmd_read, lba, 6, case_checks(l));
	}
}

/* Type 1: LBAs whose low bits, within the width of the tag, wrap in the middle of a command. */
static void run_wrap_lba(struct lab *l, const struct qcase *c)
{
	const unsigned bits = qm_ref_bits(&l->f);
	const uint64_t turn = bits < 63 ? ((l->first >> bits) + 1) << bits : ~0ULL;

	(void)c;
	if (turn + 4 > l->last || turn < l->first + 4 ||
	    (turn - 4 < l->quiet + l->nr_quiet && turn + 4 > l->quiet)) {
		l->skip = "the reference tag is too wide to wrap within the range";
		return;
	}
	for (int before = 1; before < 4 && !l->failed; before++) {
		lab_new_tags(l, turn - before);
		lab_fill(l, 6, true);
		case_send(l, nvme_cmd_write, turn - before, 6, LAB_PRACT);
		case_send(l, nvme_cmd_read, turn - before, 6, case_checks(l));
		lab_fill(l, 6, false);
		case_send(l, nvme_cmd_write, turn - before, 6, case_checks(l));
	}
}

/* --- type 3 --- */

/* The reference tag is not compared; a command that requests that may be refused. */
static void run_type3(struct lab *l, const struct qcase *c)
{
	const uint64_t ones = qm_ones(qm_ref_bits(&l->f));

	(void)c;
	for (int n = 0; n < 4 && !l->failed; n++) {
		const uint64_t lba = case_prepare(l, 3);

		l->tags.ref = (l->tags.ref ^ (n & 1 ? 1 : 0)) & ones;
		for (size_t i = 0; i < sizeof(checking) && !l->failed; i++)
			if (lab_has(l, checking[i])) {
				case_send(l, checking[i], lba, 3, QM_REF);
				case_send(l, checking[i], lba, 3, QM_REF | QM_GUARD | QM_APP);
				case_send(l, checking[i], lba, 3, QM_GUARD | QM_APP);
			}
	}
}

/* LBAs on both sides of powers of two, as far as they are in the range. */
static void run_powers(struct lab *l, const struct qcase *c)
{
	unsigned tried = 0;

	(void)c;
	for (unsigned bit = 3; bit < 48 && !l->failed; bit++) {
		const uint64_t lba = (1ULL << bit) - 4;

		if (lba < l->first || lba + 8 > l->last ||
		    (lba < l->quiet + l->nr_quiet && lba + 8 > l->quiet))
			continue;
		tried++;
		lab_new_tags(l, lba);
		lab_fill(l, 8, true);
		case_send(l, nvme_cmd_write, lba, 8, LAB_PRACT);
		case_send(l, nvme_cmd_read, lba, 8, case_checks(l));
		lab_fill(l, 8, false);
		case_send(l, nvme_cmd_write, lba, 8, case_checks(l));
		case_send(l, nvme_cmd_read, lba, 8, case_checks(l) | LAB_PRACT);
	}
	if (!tried)
		l->skip = "no power of two is in the range";
}

static const struct qcase list[] = {
	{ "tags/type1-mismatch",
	  "With type 1 a command that checks the reference tag is refused unless ILBRT is the low bits of SLBA.",
	  "5.3.3", NEED_TYPE1 | NEED_REF, .run = run_mismatch },
	{ "tags/unasked",
	  "Where the reference tag is not checked any ILBRT is taken, and inserted, rising as the type says.",
	  "5.3.2.1, 5.3.3", NEED_PI | NEED_REF, .run = run_unasked },
	{ "tags/shifted", "Blocks with the reference tags of other LBAs are found.", "5.3.3",
	  NEED_COUNTED | NEED_REF, .run = run_shifted },
	{ "tags/parts",
	  "Any part of what a command wrote is read with the tags that its blocks got.", "5.3.3",
	  NEED_PI, .run = run_parts },
	{ "tags/type2-wrap", "A reference tag of all ones is followed by 0.", "5.3.3",
	  NEED_TYPE2 | NEED_REF, .run = run_wrap },
	{ "tags/type2-carry", "Reference tags carry over all bits of their width.", "5.3.3",
	  NEED_TYPE2 | NEED_REF, .run = run_carry },
	{ "tags/type1-wrap",
	  "With type 1 the reference tag starts again where the low bits of the LBA do.", "5.3.3",
	  NEED_TYPE1 | NEED_REF, .run = run_wrap_lba },
	{ "tags/powers", "Commands cross the powers of two of LBAs, tags and all.", "5.3.3", 0,
	  .run = run_powers },
	{ "tags/type3",
	  "With type 3 the reference tag is not compared; a command that asks for it may be refused with Invalid Protection Information alone.",
	  "5.3.3", NEED_TYPE3 | NEED_REF, .run = run_type3 },
};

const struct qcase_table cases_tags = QCASE_TABLE(list);
