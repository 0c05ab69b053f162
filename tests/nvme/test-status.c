/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-status.c - the meaning of each status, compared with a table that is written here from the
 * specification
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "engines/nvme/nvme.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

static const struct {
	int			res;
	enum nvme_meaning	meaning;
	unsigned		field;
	int			err;
	const char		*text;
} results[] = {
	{ 0, NVME_GOOD, 0, 0, "Success" },
	{ 0x280, NVME_VERDICT, 0, EIO, "Write Fault (280h)" },
	{ 0x281, NVME_VERDICT, 0, EIO, "Unrecovered Read Error (281h)" },
	{ 0x282, NVME_VERDICT, PI_GUARD, EILSEQ, "End-to-end Guard Check Error (282h)" },
	{ 0x283, NVME_VERDICT, PI_APP, EILSEQ, "End-to-end Application Tag Check Error (283h)" },
	{ 0x284, NVME_VERDICT, PI_REF, EILSEQ, "End-to-end Reference Tag Check Error (284h)" },
	{ 0x285, NVME_VERDICT, 0, EILSEQ, "Compare Failure (285h)" },
	{ 0x286, NVME_VERDICT, 0, EIO, "Access Denied (286h)" },
	{ 0x287, NVME_UNWRITTEN, 0, EIO, "Deallocated or Unwritten Logical Block (287h)" },
	{ 0x288, NVME_VERDICT, PI_STORAGE, EILSEQ, "End-to-End Storage Tag Check Error (288h)" },

	/* Of the block layer, which does not say which check failed, and of a repeated read. */
	{ NVME_ST_BLOCK, NVME_VERDICT, PI_GUARD | PI_APP | PI_REF, EILSEQ, "a check failed (EILSEQ of the block layer)" },
	{ NVME_ST_BLOCK | 0x282, NVME_VERDICT, PI_GUARD, EILSEQ, "End-to-end Guard Check Error (EILSEQ of the block layer)" },
	{ NVME_ST_BLOCK | 0x283, NVME_VERDICT, PI_APP, EILSEQ, NULL },
	{ NVME_ST_BLOCK | 0x284, NVME_VERDICT, PI_REF, EILSEQ, NULL },
	{ -ENODATA, NVME_VERDICT, 0, EIO, "No data available" },
	{ -ENOLINK, NVME_BUSY, 0, EAGAIN, "Link has been severed" },
	{ -EBADE, NVME_REFUSED, 0, EBUSY, "Invalid exchange" },

	{ 0x004, NVME_BUSY, 0, EAGAIN, "Data Transfer Error (004h)" },
	{ 0x005, NVME_BUSY, 0, EAGAIN, "Commands Aborted due to Power Loss Notification (005h)" },
	{ 0x006, NVME_BUSY, 0, EAGAIN, "Internal Error (006h)" },
	{ 0x007, NVME_BUSY, 0, EAGAIN, "Command Abort Requested (007h)" },
	{ 0x008, NVME_BUSY, 0, EAGAIN, "Command Aborted due to SQ Deletion (008h)" },
	{ 0x01b, NVME_BUSY, 0, EAGAIN, "Command Aborted due to Preempt and Abort (01bh)" },
	{ 0x01d, NVME_BUSY, 0, EAGAIN, "Sanitize In Progress (01dh)" },
	{ 0x021, NVME_BUSY, 0, EAGAIN, "Command Interrupted (021h)" },
	{ 0x022, NVME_BUSY, 0, EAGAIN, "Transient Transport Error (022h)" },
	{ 0x024, NVME_BUSY, 0, EAGAIN, "Admin Command Media Not Ready (024h)" },
	{ 0x082, NVME_BUSY, 0, EAGAIN, "Namespace Not Ready (082h)" },
	{ 0x084, NVME_BUSY, 0, EAGAIN, "Format In Progress (084h)" },
	{ 0x300, NVME_BUSY, 0, EAGAIN, "Internal Path Error (300h)" },
	{ 0x301, NVME_BUSY, 0, EAGAIN, "Asymmetric Access Persistent Loss (301h)" },
	{ 0x302, NVME_BUSY, 0, EAGAIN, "Asymmetric Access Inaccessible (302h)" },
	{ 0x303, NVME_BUSY, 0, EAGAIN, "Asymmetric Access Transition (303h)" },
	{ 0x360, NVME_BUSY, 0, EAGAIN, "Controller Pathing Error (360h)" },
	{ 0x370, NVME_BUSY, 0, EAGAIN, "Host Pathing Error (370h)" },
	{ 0x371, NVME_BUSY, 0, EAGAIN, "Command Aborted By Host (371h)" },
	{ -EAGAIN, NVME_BUSY, 0, EAGAIN, "Resource temporarily unavailable" },
	{ -EINTR, NVME_BUSY, 0, EAGAIN, "Interrupted system call" },

	{ 0x020, NVME_REFUSED, 0, EROFS, "Namespace is Write Protected (020h)" },
	{ 0x081, NVME_REFUSED, 0, ENOSPC, "Capacity Exceeded (081h)" },
	{ 0x083, NVME_REFUSED, 0, EBUSY, "Reservation Conflict (083h)" },
	{ 0x182, NVME_REFUSED, 0, EROFS, NULL },

	{ 0x00b, NVME_GONE, 0, ENODEV, "Invalid Namespace or Format (00bh)" },
	{ -ENODEV, NVME_GONE, 0, ENODEV, "No such device" },
	{ -ENXIO, NVME_GONE, 0, ENODEV, "No such device or address" },

	/* Statuses without a row: classified by their type. */
	{ 0x002, NVME_REFUSED, 0, EIO, "Invalid Field in Command (002h)" },
	{ 0x080, NVME_REFUSED, 0, EIO, "LBA Out of Range (080h)" },
	{ 0x181, NVME_REFUSED, 0, EIO, "Invalid Protection Information (181h)" },
	{ 0x183, NVME_REFUSED, 0, EIO, NULL },
	{ 0x1c5, NVME_REFUSED, 0, EIO, NULL },
	{ 0x289, NVME_VERDICT, 0, EIO, NULL },
	{ 0x2c0, NVME_VERDICT, 0, EIO, NULL },	/* vendor specific, media error */
	{ 0x304, NVME_BUSY, 0, EAGAIN, NULL },
	{ 0x372, NVME_BUSY, 0, EAGAIN, NULL },
	{ 0x7c0, NVME_REFUSED, 0, EIO, NULL },
	{ -EINVAL, NVME_REFUSED, 0, EINVAL, "Invalid argument" },
	{ -ENOMEM, NVME_REFUSED, 0, ENOMEM, "Cannot allocate memory" },
};

static void check_result(size_t i, int res)
{
	bool again = results[i].meaning == NVME_BUSY && (res < 0 || !(res & NVME_ST_DNR));

	UNIT_CHECK(nvme_result_meaning(res) == results[i].meaning, "%xh means %d, wanted %d", res,
		   nvme_result_meaning(res), results[i].meaning);
	UNIT_CHECK(nvme_result_errno(res) == results[i].err, "%xh is errno %d, wanted %d", res,
		   nvme_result_errno(res), results[i].err);
	UNIT_CHECK(nvme_status_field(res) == results[i].field, "%xh blames field %x, wanted %x", res,
		   nvme_status_field(res), results[i].field);
	UNIT_CHECK(nvme_result_again(res) == again, "%xh again: %d", res, nvme_result_again(res));
}

/* More and DNR do not change the meaning of a status; DNR only prevents a retry. */
static void meanings(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		check_result(i, results[i].res);
		if (results[i].res <= 0 || results[i].res & NVME_ST_BLOCK)
			continue;
		check_result(i, results[i].res | 0x2000);
		check_result(i, results[i].res | 0x4000);
		check_result(i, results[i].res | 0x6000);
	}
}

/* Every row of the table is tested above, exactly once. */
static void every_row(void)
{
	const struct nvme_status *row;

	for (unsigned i = 0; (row = nvme_status_row(i)); i++) {
		bool tried = false;

		for (size_t j = 0; j < ARRAY_SIZE(results); j++)
			tried |= results[j].res == row->status;
		UNIT_CHECK(tried, "%xh has a row, and no test", row->status);
		for (unsigned j = 0; j < i; j++)
			UNIT_CHECK(nvme_status_row(j)->status != row->status, "%xh has two rows",
				   row->status);
	}
}

static void names(void)
{
	char buf[NVME_STATUS_MAX], dnr[NVME_STATUS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		const char *want = results[i].text;

		if (!want)
			continue;
		nvme_result_name(results[i].res, buf);
		UNIT_CHECK(!strcmp(buf, want), "%xh is '%s', wanted '%s'", results[i].res, buf, want);
		if (results[i].res <= 0 || results[i].res & NVME_ST_BLOCK)
			continue;
		snprintf(dnr, sizeof(dnr), "%.*s, do not retry)", (int)strlen(want) - 1, want);
		nvme_result_name(results[i].res | 0x6000, buf);
		UNIT_CHECK(!strcmp(buf, dnr), "%xh is '%s', wanted '%s'", results[i].res | 0x6000,
			   buf, dnr);
	}
}

/* Every result that a device can return has a name. */
static void names_of_all(void)
{
	char buf[NVME_STATUS_MAX], code[8];

	for (int status = 1; status <= NVME_ST_MASK; status++) {
		snprintf(code, sizeof(code), "(%03xh)", status);
		nvme_result_name(status, buf);
		UNIT_CHECK(strstr(buf, code) > buf + 1 && !strchr(buf, '\n'),
			   "%xh is '%s'", status, buf);
	}
}

/* --- retry --- */

/* A target that returns a list of results one after another. */
static const int *next_answer;
static unsigned asked;

static int answer(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	(void)ns;
	UNIT_CHECK(cmd->opcode == nvme_cmd_read && cmd->data_len == 4096, "another command");
	cmd->data_len = 1;		/* vectored commands modify it */
	asked++;
	return next_answer[1] == INT32_MAX ? *next_answer : *next_answer++;
}

static void execute_again(void)
{
	static const struct {
		int		answers[5];	/* INT32_MAX: repeat the previous one */
		int		want;
		unsigned	asked;
	} rows[] = {
		{ { 0 }, 0, 1 }, { { 0x282 }, 0x282, 1 }, { { 0x287 }, 0x287, 1 },
		{ { 0x002 }, 0x002, 1 }, { { -ENODEV }, -ENODEV, 1 }, { { 0x4082 }, 0x4082, 1 },
		{ { 0x082, 0 }, 0, 2 }, { { 0x302, -EINTR, 0x021, 0x281 }, 0x281, 4 },
		{ { 0x303, 0x4303 }, 0x4303, 2 }, { { 0x082, INT32_MAX }, 0x082, NVME_TRIES },
	};
	static const struct target_ops ops = { .io = answer };
	struct target_ns ns = { .ops = &ops };
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_read, .data_len = 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int res;

		next_answer = rows[i].answers;
		asked = 0;
		res = nvme_execute(&ns, &cmd);
		UNIT_CHECK(res == rows[i].want && asked == rows[i].asked,
			   "row %zu: %xh after %u times, wanted %xh after %u", i, res, asked,
			   rows[i].want, rows[i].asked);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "meanings", meanings },
		{ "every_row", every_row },
		{ "names", names },
		{ "names_of_all", names_of_all },
		{ "execute_again", execute_again },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
