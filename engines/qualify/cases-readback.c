// SPDX-License-Identifier: GPL-2.0-only
/*
 * cases-readback.c - what a test that writes and reads back would find, for --like=readback; see
 * case.h
 *
 * These cases do not belong to the suite. They represent the usual kind of test, so that the
 * defects it catches can be compared with those of the suite. They do not check the media.
 */
#include "case.h"

static void write_read(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = lab_place(l, nr);
	const unsigned checks = case_checks(l);

	lab_new_tags(l, lba);
	lab_fill(l, nr, c->arg);
	lab_send(l, lab_command(l, nvme_cmd_write, lba, nr, checks | c->arg));
	lab_send(l, lab_command(l, nvme_cmd_read, lba, nr, checks | c->arg));
}

static void run_write_read(struct lab *l, const struct qcase *c)
{
	for (int n = 0; n < 8 && !l->failed; n++)
		case_sizes(l, c, false, write_read);
}

/* A wrong expected application tag must be found. */
static void mismatch(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = lab_place(l, nr);

	lab_new_tags(l, lba);
	lab_fill(l, nr, c->arg);
	lab_send(l, lab_command(l, nvme_cmd_write, lba, nr, c->arg));
	l->tags.app ^= 1 + lab_below(l, 0xffff);
	lab_send(l, lab_command(l, nvme_cmd_read, lba, nr, QM_APP | c->arg));
}

static void run_mismatch(struct lab *l, const struct qcase *c)
{
	for (int n = 0; n < 8 && !l->failed; n++)
		case_sizes(l, c, false, mismatch);
}

static const struct qcase list[] = {
	{ "readback/pass-through", "What is written with all checks reads back with all checks.",
	  "5.3.2", 0, .run = run_write_read },
	{ "readback/pract", "What is written with PRACT reads back with PRACT and all checks.",
	  "5.3.2", NEED_PI, .run = run_write_read, .arg = LAB_PRACT },
	{ "readback/app", "A wrong application tag is found by a Read.", "5.3.3", NEED_PI,
	  .run = run_mismatch },
	{ "readback/app-pract", "A wrong application tag is found by a Read with PRACT.", "5.3.3",
	  NEED_PI, .run = run_mismatch, .arg = LAB_PRACT },
};

const struct qcase_table cases_readback = QCASE_TABLE(list);
