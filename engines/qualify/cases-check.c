// SPDX-License-Identifier: GPL-2.0-only
/* cases-check.c - tests what PRCHK and STC check; see case.h */
#include "case.h"

/* Returns the next combination of the four checks that has a meaning. */
static unsigned next_checks(const struct lab *l, unsigned checks)
{
	const unsigned can = QM_GUARD | QM_APP | QM_REF | (l->f.sts ? QM_STORAGE : 0);

	return ((checks | ~can) + 1) & can;
}

/*
 * Returns whether a combination is tested. For large commands, which are slow: the field's own
 * check, all others, all, and none.
 */
static bool is_tried(const struct lab *l, const struct qcase *c, uint32_t nr, unsigned checks)
{
	const unsigned all = case_checks(l), own = c->field & QM_ALL ? c->field : QM_GUARD;

	return nr < l->most || checks == own || checks == all || checks == (all & ~own) || !checks;
}

/* A block whose field is damaged: @cmd writes it, among others. */
static struct nvme_uring_cmd damaged(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const uint64_t lba = lab_place(l, nr);
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, lba);
	lab_fill(l, nr, false);
	cmd = lab_command(l, nvme_cmd_write, lba, nr, 0);
	case_flip(l, &cmd, i, c->field, case_bit(l, c->field));
	return cmd;
}

/* With all combinations of checks. */
static void try_checks(struct lab *l, const struct qcase *c, uint8_t opcode, uint64_t lba,
		       uint32_t nr)
{
	unsigned checks = 0;

	do {
		if (is_tried(l, c, nr, checks))
			case_send(l, opcode, lba, nr, checks | c->arg);
		checks = next_checks(l, checks);
	} while (checks && !l->failed);
}

/* --- writes --- */

static void write_damaged(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const struct nvme_uring_cmd cmd = damaged(l, c, nr, i);

	try_checks(l, c, nvme_cmd_write, qm_range(&l->f, &cmd).lba, nr);
}

static void run_write(struct lab *l, const struct qcase *c)
{
	if (!case_bits(l, c->field))
		l->skip = "the format has no such field";
	else
		case_blocks(l, c, write_damaged);
}

/* --- commands that read media --- */

static void read_damaged(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const struct nvme_uring_cmd cmd = damaged(l, c, nr, i);

	lab_do(l, &cmd);
	try_checks(l, c, c->opcode, qm_range(&l->f, &cmd).lba, nr);
}

static void run_read(struct lab *l, const struct qcase *c)
{
	if (!case_bits(l, c->field))
		l->skip = "the format has no such field";
	else
		case_blocks(l, c, read_damaged);
}

/* --- several errors in one command --- */

static void damage_some(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t i)
{
	static const unsigned fields[] = { QM_GUARD, QM_APP, QM_STORAGE, QM_REF };
	const unsigned which = 1 + lab_below(l, 15);

	for (int n = 0; n < 4; n++)
		if (which >> n & 1 && case_bits(l, fields[n]))
			case_flip(l, cmd, i, fields[n], case_bit(l, fields[n]));
}

/* Several errors in one block, or in several blocks of a command. */
static void run_several(struct lab *l, const struct qcase *c)
{
	for (int n = 0; n < 60 && !l->failed; n++) {
		const uint32_t nr = 1 + lab_below(l, l->most < 24 ? l->most : 24);
		const uint64_t lba = lab_place(l, nr);
		const unsigned checks = lab_below(l, 16) & case_checks(l);
		struct nvme_uring_cmd cmd;

		lab_new_tags(l, lba);
		lab_fill(l, nr, false);
		cmd = lab_command(l, nvme_cmd_write, lba, nr,
				  c->opcode == nvme_cmd_write ? checks : 0);
		for (unsigned i = 0; i < 1 + c->arg; i++)
			damage_some(l, &cmd, lab_below(l, nr));
		lab_do(l, &cmd);
		if (c->opcode != nvme_cmd_write)
			case_send(l, c->opcode, lba, nr, checks);
	}
}

/* Blocks before and after the bad one stay unchanged. */
static void keep_old(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i)
{
	const uint64_t lba = case_prepare(l, nr);
	struct nvme_uring_cmd cmd;

	lab_fill(l, nr, false);
	cmd = lab_command(l, nvme_cmd_write, lba, nr, QM_ALL & case_checks(l));
	case_flip(l, &cmd, i, c->field, case_bit(l, c->field));
	lab_do(l, &cmd);
	case_send(l, nvme_cmd_read, lba, nr, 0);
}

static void run_keep_old(struct lab *l, const struct qcase *c)
{
	case_blocks(l, c, keep_old);
}

/* A bad block on both sides of each power of two, in commands of the most blocks. */
static void run_positions(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = l->most;
	const uint64_t lba = lab_place(l, nr);

	(void)c;
	for (uint32_t two = 2; two < nr && !l->failed; two *= 2)
		for (uint32_t i = two - 1; i <= two + 1 && i < nr && !l->failed; i++) {
			const unsigned field = i & 1 ? QM_GUARD : QM_APP;
			struct nvme_uring_cmd cmd;

			lab_new_tags(l, lba);
			lab_fill(l, i + 2 < nr ? i + 2 : nr, false);
			cmd = lab_command(l, nvme_cmd_write, lba, i + 2 < nr ? i + 2 : nr, field);
			case_flip(l, &cmd, i, field, case_bit(l, field));
			lab_do(l, &cmd);
			lab_store(l, lba, i + 2 < nr ? i + 2 : nr);
			case_send(l, nvme_cmd_read, lba, i + 2 < nr ? i + 2 : nr, field);
			if (lab_has(l, nvme_cmd_verify))
				case_send(l, nvme_cmd_verify, lba, i + 1, field);
		}
}

/* A command after a failed one is executed as before. */
static void run_after_error(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = 4;

	(void)c;
	for (int n = 0; n < 8 && !l->failed; n++) {
		const uint64_t lba = case_prepare(l, nr);
		struct nvme_uring_cmd cmd;

		cmd = lab_command(l, nvme_cmd_write, lba, nr, QM_GUARD);
		case_flip(l, &cmd, n % nr, QM_GUARD, case_bit(l, QM_GUARD));
		lab_do(l, &cmd);
		case_flip(l, &cmd, n % nr, FIELD_DATA, case_bit(l, FIELD_DATA));
		lab_do(l, &cmd);
		lab_write(l, lba, nr);
		case_send(l, nvme_cmd_write, lba, nr, case_checks(l));
		case_send(l, nvme_cmd_read, lba, nr, case_checks(l));
		lab_store(l, lba, nr);
	}
}

/*
 * Sends one command of each kind, good or bad, which must not prevent the checks of the next one.
 */
static void send_before(struct lab *l, unsigned kind, uint64_t lba)
{
	static const uint8_t opcodes[] = { nvme_cmd_flush,	 nvme_cmd_read,	   nvme_cmd_write,
					   nvme_cmd_verify,	 nvme_cmd_compare,
					   nvme_cmd_write_zeroes, nvme_cmd_write_uncor };
	const uint8_t opcode = opcodes[kind / 3];
	struct nvme_uring_cmd cmd = lab_command(l, opcode, lba, 2, kind % 3 ? QM_APP : 0);

	if (!lab_has(l, opcode))
		return;
	if (opcode == nvme_cmd_flush)
		cmd = (struct nvme_uring_cmd){ .opcode = opcode, .nsid = l->f.nsid };
	else if (kind % 3 == 2)		/* out of range */
		cmd.cdw11 = 1u << 31;
	lab_send(l, cmd);
}

static void run_after_each(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (unsigned kind = 0; kind < 21 && !l->failed; kind++) {
		const uint64_t lba = lab_place(l, 7), other = lba + 5;
		struct nvme_uring_cmd cmd;

		lab_new_tags(l, other);
		lab_write(l, other, 2);
		send_before(l, kind, other);
		lab_new_tags(l, lba);
		lab_fill(l, 4, false);
		cmd = lab_command(l, nvme_cmd_write, lba, 4, QM_GUARD | QM_APP);
		case_flip(l, &cmd, kind % 4, QM_GUARD, case_bit(l, QM_GUARD));
		lab_send(l, cmd);
		lab_send(l, lab_command(l, nvme_cmd_write, lba, 4, 0));
		send_before(l, kind, other);
		lab_send(l, lab_command(l, nvme_cmd_read, lba, 4, QM_GUARD));
		lab_look(l, lba, 7);
		lab_new_tags(l, other);
		lab_write(l, other, 2);
	}
}

#define WRITE(what, text, need, which) \
	{ \
		"check/write-" what, \
			"A Write finds " text \
			" when the check of that field is set, in any block, and then only; it then changes nothing.", \
			"5.3.2.1, 5.3.3", NEED_PI | (need), run_write, nvme_cmd_write, which, 0 \
	}
#define READ(what, text, need, which) \
	{ "check/read-" what, \
	  "A Read finds " text \
	  " when the check of that field is set, in any block, and then only.", \
	  "5.3.2.2, 5.3.3", \
	  NEED_PI | (need), \
	  run_read, \
	  nvme_cmd_read, \
	  which, \
	  0 }, \
		{ "check/read-pract-" what, \
		  "A Read with PRACT set finds " text " in the same way.", \
		  "5.3.2.2, 5.3.3", \
		  NEED_PI | (need), \
		  run_read, \
		  nvme_cmd_read, \
		  which, \
		  LAB_PRACT }, \
	{ \
		"check/verify-" what, \
			"Verify finds " text " when the check of that field is set.", \
			"3.3.5, 5.3.3", NEED_PI | NEED_VERIFY | (need), run_read, nvme_cmd_verify, \
			which, 0 \
	}

static const struct qcase list[] = {
	WRITE("guard", "a wrong guard", 0, QM_GUARD),
	WRITE("app", "a wrong application tag", 0, QM_APP),
	WRITE("storage", "a wrong storage tag", NEED_STORAGE, QM_STORAGE),
	WRITE("ref", "a wrong reference tag", NEED_REF, QM_REF),
	WRITE("data", "data that the guard does not fit", 0, FIELD_DATA),
	WRITE("metadata",
	      "metadata that the guard covers and does not fit, when it is ahead of the tuple,",
	      NEED_MORE, FIELD_MD),
	READ("guard", "a wrong guard", 0, QM_GUARD),
	READ("app", "a wrong application tag", 0, QM_APP),
	READ("storage", "a wrong storage tag", NEED_STORAGE, QM_STORAGE),
	READ("ref", "a wrong reference tag", NEED_REF, QM_REF),
	READ("data", "data that the guard does not fit", 0, FIELD_DATA),
	READ("metadata",
	     "metadata that the guard covers and does not fit, when it is ahead of the tuple,",
	     NEED_MORE, FIELD_MD),
	{ "check/write-several",
	  "Of several errors in one block a Write reports one that is there and is checked.",
	  "5.3.2.1, 5.3.3", NEED_PI, run_several, nvme_cmd_write, 0, 0 },
	{ "check/write-blocks",
	  "Of errors in several blocks a Write reports one that is there and is checked.",
	  "5.3.2.1, 5.3.3", NEED_PI, run_several, nvme_cmd_write, 0, 3 },
	{ "check/read-several",
	  "Of several errors in one block a Read reports one that is there and is checked.",
	  "5.3.2.2, 5.3.3", NEED_PI, run_several, nvme_cmd_read, 0, 0 },
	{ "check/read-blocks",
	  "Of errors in several blocks a Read reports one that is there and is checked.",
	  "5.3.2.2, 5.3.3", NEED_PI, run_several, nvme_cmd_read, 0, 3 },
	{ "check/failed-write",
	  "A Write that fails a check changes no block, neither ahead of the bad one nor behind it.",
	  "5.3.2.1", NEED_PI, run_keep_old, nvme_cmd_write, QM_GUARD, 0 },
	{ "check/positions", "A bad block is found in every place of a command, on both sides of powers of two.",
	  "5.3.3", NEED_PI, run_positions, 0, 0, 0 },
	{ "check/after-each", "No command, good or refused, keeps the next one from being checked.",
	  "5.3.2", NEED_PI, run_after_each, 0, 0, 0 },
	{ "check/after-error", "A command that failed leaves nothing behind that changes the next.",
	  "5.3.2", NEED_PI, run_after_error, 0, 0, 0 },
};

const struct qcase_table cases_check = QCASE_TABLE(list);
