// SPDX-License-Identifier: GPL-2.0-only
/* cases-zeroes.c - tests Write Zeroes; see case.h */
#include "case.h"

/* Reads the blocks with each check. */
static void read_back(struct lab *l, uint64_t lba, uint32_t nr)
{
	unsigned checks = 0;

	do {
		case_send(l, nvme_cmd_read, lba, nr, checks);
		case_send(l, nvme_cmd_read, lba, nr, checks | LAB_PRACT);
		if (lab_has(l, nvme_cmd_verify))
			case_send(l, nvme_cmd_verify, lba, nr, checks);
		checks++;
		if (l->f.type == 3 && checks & QM_REF)
			checks++;
	} while (checks < 16 && !l->failed);
}

static void zero(struct lab *l, const struct qcase *c, uint32_t nr)
{
	const uint64_t lba = case_prepare(l, nr);

	lab_new_tags(l, lba);
	case_send(l, nvme_cmd_write_zeroes, lba, nr, c->arg);
	if (nr < 32)
		read_back(l, lba, nr);
	else
		case_send(l, nvme_cmd_read, lba, nr, case_checks(l));
}

static void run_zeroes(struct lab *l, const struct qcase *c)
{
	case_sizes(l, c, c->arg & LAB_PRACT, zero);
}

/* A written block after zeroes, and zeroes in the middle of written blocks. */
static void run_middle(struct lab *l, const struct qcase *c)
{
	for (int i = 0; i < 8 && !l->failed; i++) {
		const uint32_t nr = 3 + lab_below(l, 14) % (l->most - 2);
		const uint64_t lba = case_prepare(l, nr);
		const struct qm_tags tags = l->tags;

		l->tags.ref = qm_ref_at(&l->f, tags.ref, 1);
		case_send(l, nvme_cmd_write_zeroes, lba + 1, nr - 2, c->arg);
		l->tags = tags;
		case_send(l, nvme_cmd_read, lba, nr, case_checks(l));
		case_send(l, nvme_cmd_read, lba, nr, 0);
		l->tags.ref = qm_ref_at(&l->f, tags.ref, 1);
		lab_write(l, lba + 1, 1);
		lab_look(l, lba, nr);
	}
}

/* PRCHK and STC must be 0. */
static void run_checks(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = case_prepare(l, 4);

	for (unsigned checks = 1; checks < 16 && !l->failed; checks++) {
		case_send(l, nvme_cmd_write_zeroes, lba, 4, checks | c->arg);
		case_send(l, nvme_cmd_read, lba, 4, 0);
		lab_write(l, lba, 4);
	}
}

/* More blocks than a command with data may have: no data is transferred. */
static void run_large(struct lab *l, const struct qcase *c)
{
	const uint64_t range = l->last - l->first + 1;
	uint64_t nr = l->quiet - l->first;

	if (nr > 65536)
		nr = 65536;
	if (nr < l->most + 1 || range < 8) {
		l->skip = "the range has too few blocks for a command above the transfer limit";
		return;
	}
	lab_new_tags(l, l->first);
	case_send(l, nvme_cmd_write_zeroes, l->first, nr, c->arg);
	if (lab_has(l, nvme_cmd_verify))
		case_send(l, nvme_cmd_verify, l->first, nr, 0);
}

/* Blocks on both sides of where a count may end too early. */
static void mark(struct lab *l, uint64_t lba, uint32_t nr, void (*fn)(struct lab *, uint64_t))
{
	for (uint32_t two = 1024; two <= nr && !l->failed; two *= 2)
		for (uint32_t i = two - 2; i <= two + 1 && i < nr; i++)
			fn(l, lba + i);
	fn(l, lba + nr - 1);
}

static void write_one(struct lab *l, uint64_t lba)
{
	lab_new_tags(l, lba);
	lab_write(l, lba, 1);
}

static void look_one(struct lab *l, uint64_t lba)
{
	lab_look(l, lba, 1);
}

/* As many blocks as there are, up to 65536, where no other case writes. */
static void run_most(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = l->first + l->near;
	const uint64_t nr = l->last - lba < 65536 ? l->last - lba : 65536;

	if (l->last < lba || nr < 2 * l->most) {
		l->skip = "the range has too few blocks for a command above the transfer limit";
		return;
	}
	mark(l, lba, nr, write_one);
	write_one(l, lba + nr);
	lab_new_tags(l, lba);
	lab_send(l, lab_command(l, nvme_cmd_write_zeroes, lba, nr, c->arg));
	mark(l, lba, nr, look_one);
	look_one(l, lba + nr);
}

/* Write Zeroes to damaged, deallocated and zeroed blocks. */
static void run_over(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = lab_place(l, 6);
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, lba);
	lab_fill(l, 6, false);
	cmd = lab_command(l, nvme_cmd_write, lba, 6, 0);
	for (uint32_t i = 0; l->f.type && i < 6; i++)
		case_flip(l, &cmd, i, QM_GUARD, case_bit(l, QM_GUARD));
	lab_do(l, &cmd);
	for (int i = 0; i < 3; i++) {
		lab_new_tags(l, lba);
		case_send(l, nvme_cmd_write_zeroes, lba, 6, c->arg);
		read_back(l, lba, 6);
	}
}

#define ZEROES(what, text, args) \
	{ "zeroes/" what, \
	  "Write Zeroes " text \
	  " leaves zeroes, with the tuple that PRINFO asks for, or deallocated blocks where those read as zeroes.", \
	  "3.3.8", \
	  NEED_ZEROES, \
	  run_zeroes, \
	  .arg = (args) }, \
		{ "zeroes/" what "-middle", \
		  "Write Zeroes " text " changes its own blocks alone.", \
		  "3.3.8", \
		  NEED_ZEROES, \
		  run_middle, \
		  .arg = (args) }, \
		{ "zeroes/" what "-over", \
		  "Write Zeroes " text " replaces whatever a block held.", \
		  "3.3.8", \
		  NEED_ZEROES, \
		  run_over, \
		  .arg = (args) }, \
	{ \
		"zeroes/" what "-large", \
			"Write Zeroes " text " takes more blocks than commands that move data.", \
			"3.3.8", NEED_ZEROES, run_large, .arg = (args) \
	}

static const struct qcase list[] = {
	ZEROES("plain", "without PRACT", 0),
	ZEROES("pract", "with PRACT", LAB_PRACT),
	ZEROES("deac", "with DEAC", LAB_DEAC),
	ZEROES("pract-deac", "with PRACT and DEAC", LAB_PRACT | LAB_DEAC),
	{ "zeroes/most", "Write Zeroes zeroes as many blocks as NLB says.", "3.3.8", NEED_ZEROES,
	  .run = run_most },
	{ "zeroes/checks", "Write Zeroes with PRCHK or STC set is refused and changes nothing.",
	  "3.3.8, figure 82", NEED_ZEROES, .run = run_checks },
	{ "zeroes/checks-pract",
	  "Write Zeroes with PRACT and PRCHK or STC set is refused and changes nothing.",
	  "3.3.8, figure 82", NEED_ZEROES, run_checks, .arg = LAB_PRACT },
};

const struct qcase_table cases_zeroes = QCASE_TABLE(list);
