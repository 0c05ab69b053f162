// SPDX-License-Identifier: GPL-2.0-only
/* cases-format.c - tests what Format NVM changes, and what it must not; see case.h */
#include <endian.h>
#include <string.h>
#include "case.h"
#include "end.h"

/* Base, Format NVM, CDW10: LBAFL 3:0, MSET 4, PI 7:5, PIL 8, LBAFU 13:12. */
static int format(struct lab *l, unsigned type, bool first)
{
	const uint8_t flbas = l->id.ns.flbas;
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_format_nvm,
		.nsid = l->f.nsid,
		.timeout_ms = 600000,
		.cdw10 = (flbas & 0xf) | (flbas >> 4 & 1) << 4 | type << 5 | first << 8 |
			 (flbas >> 5 & 3) << 12,
	};

	l->commands++;
	return l->ns->ops->admin(l->ns, &cmd);
}

/* Resets the model: all blocks are as if they had never been written. */
static bool start_again(struct lab *l)
{
	const struct qm_format f = l->f;

	qm_close(&l->model);
	return qm_open(&l->model, &f, l->first, l->last - l->first + 1, qm_deallocated(&f));
}

/* Formats the namespace, and reads Identify data again. */
static bool reformat(struct lab *l, unsigned type, bool first)
{
	char why[WHY_MAX], name[QM_NAME_MAX];
	const int res = format(l, type, first);

	if (res)
		return lab_fail(l, NULL, "Format NVM for a format that Identify offers succeeds",
				"%s", qm_status_name(res, name));
	if (lab_identify(l, why))
		return lab_fail(l, NULL, "Identify after Format NVM", "%s", why);
	if (l->f.type != type || l->f.first != first)
		return lab_fail(l, NULL,
				"Identify says the type and place that Format NVM asked for",
				"type %u, tuple %s", l->f.type, l->f.first ? "first" : "last");
	return start_again(l) || lab_fail(l, NULL, "memory", "none is left");
}

/*
 * Returns whether the namespace may be formatted: only a new image belongs to this program
 * completely.
 */
static bool may_format(struct lab *l)
{
	if (!l->fresh || l->first || l->last != l->f.nr_blocks - 1)
		l->skip =
			"Format NVM is tested on new images only: it destroys more than the range";
	else if (!(le16toh(l->id.ctrl.oacs) & NVME_CTRL_OACS_FORMAT))
		l->skip = "the controller does not report that it supports Format NVM";
	return !l->skip;
}

/* Makes bad, uncorrectable and zeroed blocks. */
static void make_states(struct lab *l, uint64_t lba)
{
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, lba);
	lab_write(l, lba, 8);
	cmd = lab_command(l, nvme_cmd_write, lba, 8, 0);
	case_flip(l, &cmd, 1, FIELD_DATA, case_bit(l, FIELD_DATA));
	lab_do(l, &cmd);
	if (lab_has(l, nvme_cmd_write_uncor))
		case_send(l, nvme_cmd_write_uncor, lba + 3, 2, 0);
	if (lab_has(l, nvme_cmd_write_zeroes))
		case_send(l, nvme_cmd_write_zeroes, lba + 6, 1, LAB_PRACT);
}

/* Repeats the checks in the new format. */
static void use(struct lab *l, uint64_t lba)
{
	struct nvme_uring_cmd cmd;

	lab_look(l, lba, 8);
	case_send(l, nvme_cmd_read, lba, 8, 0);
	lab_new_tags(l, lba);
	lab_fill(l, 8, true);
	case_send(l, nvme_cmd_write, lba, 8, LAB_PRACT);
	case_send(l, nvme_cmd_read, lba, 8, case_checks(l));
	lab_write(l, lba, 8);
	if (!l->f.type)
		return;
	cmd = lab_command(l, nvme_cmd_write, lba, 8, case_checks(l));
	case_flip(l, &cmd, 5, QM_GUARD, case_bit(l, QM_GUARD));
	lab_do(l, &cmd);
	lab_store(l, lba, 8);
	case_send(l, nvme_cmd_read, lba, 8, QM_GUARD);
	l->tags.ref ^= 1;
	case_send(l, nvme_cmd_read, lba, 8, QM_APP);
	if (qm_ref_bits(&l->f))
		case_send(l, nvme_cmd_read, lba, 8, QM_REF);
}

static void run_same(struct lab *l, const struct qcase *c)
{
	const uint64_t lba = lab_place(l, 8);

	(void)c;
	if (!may_format(l))
		return;
	make_states(l, lba);
	if (!l->failed && reformat(l, l->f.type, l->f.first)) {
		use(l, lba);
		end_quiet(l);
	}
}

/* Formats to each other type and place that is offered, and back. */
static void run_types(struct lab *l, const struct qcase *c)
{
	const unsigned type = l->f.type, offers = l->id.ns.dpc;
	const bool first = l->f.first;
	const uint64_t lba = lab_place(l, 8);

	(void)c;
	if (!may_format(l))
		return;
	for (unsigned i = 0; i < 7 && !l->failed; i++) {
		const unsigned to = i < 6 ? i / 2 + 1 : 0;
		const bool place = i < 6 && i & 1;

		if ((to && !(offers >> (to - 1) & 1 && offers >> (place ? 3 : 4) & 1)) ||
		    (to == type && place == first))
			continue;
		make_states(l, lba);
		if (!l->failed && reformat(l, to, place))
			use(l, lba);
	}
	if (!format(l, type, first) && !l->failed) {
		char why[WHY_MAX];

		if (lab_identify(l, why) || !start_again(l))
			lab_fail(l, NULL, "the first format again", "%s", why);
		use(l, lba);
		end_quiet(l);
	}
}

static const struct qcase list[] = {
	{ "format/same",
	  "After Format NVM no block holds what it did: none is bad or uncorrectable.",
	  "Base, Format NVM", 0, .run = run_same },
	{ "format/types", "After Format NVM for another type or place commands follow the new one.",
	  "Base, Format NVM; 5.3", NEED_PI, .run = run_types },
};

const struct qcase_table cases_format = QCASE_TABLE(list);
