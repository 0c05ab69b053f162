// SPDX-License-Identifier: GPL-2.0-only
/* cases-log.c - what statuses say of the Error Information log, and it of them; see case.h */
#include <endian.h>
#include <string.h>
#include "case.h"

enum { MORE = 0x2000, STATUS = 0x7ff, ENTRIES = 16 };

struct error_log {
	struct nvme_error_log_page	e[ENTRIES];
	bool				there;
};

static struct error_log read_log(struct lab *l)
{
	const unsigned nr = l->id.ctrl.elpe + 1u < ENTRIES ? l->id.ctrl.elpe + 1u : ENTRIES;
	struct error_log log = { 0 };
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_get_log_page, .nsid = NVME_NSID_ALL,
		.addr = (uintptr_t)log.e, .data_len = nr * sizeof(log.e[0]),
		.cdw10 = NVME_LOG_LID_ERROR | (nr * sizeof(log.e[0]) / 4 - 1) << 16,
	};

	log.there = !l->ns->ops->admin(l->ns, &cmd);
	return log;
}

/* The entry of @log that is newer than all of @before, and tells of @status; NULL: none. */
static const struct nvme_error_log_page *entry_of(const struct lab *l, const struct error_log *log,
						  const struct error_log *before, int status)
{
	uint64_t newest = 0;

	for (int i = 0; i < ENTRIES; i++)
		if (le64toh(before->e[i].error_count) > newest)
			newest = le64toh(before->e[i].error_count);
	for (int i = 0; log->there && i < ENTRIES; i++)
		if (le64toh(log->e[i].error_count) > newest &&
		    le32toh(log->e[i].nsid) == l->f.nsid &&
		    (le16toh(log->e[i].status_field) >> 1 & STATUS) == (status & STATUS))
			return &log->e[i];
	return NULL;
}

/*
 * Send a command that fails at block @bad.  Base, Completion Queue Entry: with More there is an
 * entry.  Base, Error Information: it has the first LBA that met the error, if any.
 */
static bool send(struct lab *l, const struct nvme_uring_cmd *cmd, uint64_t bad, unsigned *entries)
{
	const struct error_log before = read_log(l);
	const struct nvme_error_log_page *e;
	struct error_log log;

	if (!lab_send(l, *cmd))
		return false;
	log = read_log(l);
	e = entry_of(l, &log, &before, l->status);
	if (l->status & MORE && !e)
		return lab_fail(l, cmd, "an entry in the Error Information log, as More says",
				log.there ? "no new entry with that status" :
					    "the log can't be read");
	*entries += e != NULL;
	if (e && le64toh(e->lba) != bad)
		return lab_fail(l, cmd, "the LBA of the block in the Error Information log",
				"LBA %llu", (unsigned long long)le64toh(e->lba));
	return true;
}

/* One damaged block in each field, and an uncorrectable one. */
static unsigned try_all(struct lab *l)
{
	static const unsigned fields[] = { QM_GUARD, QM_APP, QM_STORAGE, QM_REF };
	unsigned entries = 0;
	struct nvme_uring_cmd cmd;

	for (int i = 0; i < 4 && !l->failed; i++) {
		const uint64_t lba = case_prepare(l, 4);

		if (!(case_checks(l) & fields[i]))
			continue;
		cmd = lab_command(l, nvme_cmd_write, lba, 4, 0);
		case_flip(l, &cmd, 2, fields[i], case_bit(l, fields[i]));
		lab_do(l, &cmd);
		cmd = lab_command(l, nvme_cmd_read, lba, 4, fields[i]);
		send(l, &cmd, lba + 2, &entries);
	}
	if (lab_has(l, nvme_cmd_write_uncor) && !l->failed) {
		const uint64_t lba = case_prepare(l, 4);

		case_send(l, nvme_cmd_write_uncor, lba + 1, 1, 0);
		cmd = lab_command(l, nvme_cmd_read, lba, 4, 0);
		send(l, &cmd, lba + 1, &entries);
		lab_write(l, lba, 4);
	}
	return entries;
}

static void run_more(struct lab *l, const struct qcase *c)
{
	(void)c;
	try_all(l);
}

static void run_entries(struct lab *l, const struct qcase *c)
{
	(void)c;
	if (!read_log(l).there)
		l->skip = "the controller has no Error Information log page";
	else if (!try_all(l) && !l->failed)
		l->skip = "the controller adds no log entries for these errors";
}

static const struct qcase list[] = {
	{ "log/more", "A status with More set has an entry in the Error Information log.",
	  "Base, Completion Queue Entry", 0, .run = run_more },
	{ "log/entries", "Entries of the Error Information log have the LBA that met the error.",
	  "Base, Error Information", 0, .run = run_entries },
};

const struct qcase_table cases_log = QCASE_TABLE(list);
