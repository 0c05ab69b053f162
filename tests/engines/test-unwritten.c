/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-unwritten.c - what reading a block that holds nothing may give, by DLFEAT: the
 * pattern in the metadata is missed in no such block, and in all others
 *
 * The device is the embedded controller, which says another DLFEAT.
 */
#include <errno.h>
#include <unistd.h>

#include "engines/controller/controller.h"
#include "tests/lib/formats.h"
#include "tests/lib/folder.h"
#include "tests/lib/capture.h"

enum { DATA = 4096, MD = 24, BLOCKS = 4 };

static uint8_t dlfeat;

static int admin(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	int ret = controller_target.admin(ns, cmd);

	if (!ret && cmd->opcode == nvme_admin_identify && (cmd->cdw10 & 0xff) == 0)
		((uint8_t *)(uintptr_t)cmd->addr)[33] = dlfeat;
	return ret;
}

static struct target_ops changed;

static int open_changed(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX])
{
	int ret = controller_target.open(o, ns, why);

	if (!ret)
		(*ns)->ops = &changed;
	return ret;
}

static struct job_ns open_ns(unsigned type)
{
	struct job_size size = { "bs", DATA, JOB_SIZE_TRANSFER };
	struct job_opts o = {
		.storage_check = -1, .apptag = 0x1234, .apptag_mask = 0xffff, .reads = true,
		.verify_given = true, .verify = VFY_METADATA,
		.writes = true, .write_mode = { 1, { { nvme_cmd_write, 100 } } },
		.sizes = &size, .nr_sizes = 1,
		.open = { .write = true, .size = BLOCKS * DATA,
			  .format = { DATA, MD, 0, type, 0, 0, 0 } },
	};
	char why[WHY_MAX] = "";
	struct job_ns ns;

	changed = controller_target;
	changed.open = open_changed;
	changed.admin = admin;
	unlink("img");
	unlink("img.format");
	unlink("img.state");
	if (!UNIT_CHECK(!job_ns_open(&changed, "img", &o, &ns, why), "%s", why))
		exit(1);
	return ns;
}

/* Block 1 is written with bytes of @data and @md, unchecked, and read with all checks. */
static unsigned mismatches(struct job_ns *ns, uint8_t data, uint8_t md, unsigned spoil)
{
	static uint8_t buf[DATA], meta[MD], scratch[DATA + MD];
	struct nvme_uring_cmd cmd = { 0 };
	struct io io = { .ns = ns, .opcode = nvme_cmd_read, .slba = 1, .nr_blocks = 1,
			 .buf = buf, .md = meta };
	int res;

	memset(buf, data, DATA);
	memset(meta, md, MD);
	buf[DATA - 1] ^= spoil;
	nvme_build_io(&cmd, &ns->info, &(struct nvme_io){
		.opcode = nvme_cmd_write, .slba = 1, .nr_blocks = 1, .data = buf, .md = meta,
	});
	UNIT_CHECK(!ns->target->ops->io(ns->target, &cmd), "can't be written");
	memset(&cmd, 0, sizeof(cmd));
	capture_start(&io, &cmd);
	res = ns->target->ops->io(ns->target, &cmd);
	capture_end(&io, res, scratch);
	return told.nr;
}

static void by_dlfeat(void)
{
	static const struct {
		uint8_t	dlfeat;
		bool	ones;		/* is FFh what an unwritten block may read as? */
	} rows[] = {
		{ 0, true }, { 1, false }, { 2, true }, { 0x08, true }, { 0x09, false }, { 0x12, true },
		{ 0x19, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job_ns ns;

		dlfeat = rows[i].dlfeat;
		ns = open_ns(PI_NONE);
		UNIT_CHECK(ns.info.dlfeat == dlfeat, "DLFEAT %02xh is lost", dlfeat);
		UNIT_CHECK(mismatches(&ns, 0, 0, 0) == 0, "DLFEAT %02xh: zeroes", dlfeat);
		UNIT_CHECK(mismatches(&ns, 0, 0, 1) == 1, "DLFEAT %02xh: not all zeroes", dlfeat);
		UNIT_CHECK(mismatches(&ns, 0xff, 0xff, 0) == !rows[i].ones, "DLFEAT %02xh: ones: %u",
			   dlfeat, told.nr);
		UNIT_CHECK(mismatches(&ns, 0xff, 0xff, 1) == 1, "DLFEAT %02xh: not all ones", dlfeat);
		UNIT_CHECK(mismatches(&ns, 0, 0xff, 0) == 1, "DLFEAT %02xh: both", dlfeat);
		UNIT_CHECK(mismatches(&ns, 0xff, 0, 0) == 1, "DLFEAT %02xh: both", dlfeat);
		UNIT_CHECK(mismatches(&ns, 0x55, 0x55, 0) == 1, "DLFEAT %02xh: another byte", dlfeat);
		job_ns_close(&ns);
	}
}

/* A deallocated block's tuple says so itself: FFh without that is no such block. */
static void with_a_tuple(void)
{
	struct job_ns ns;

	dlfeat = 0;
	ns = open_ns(PI_TYPE1);
	UNIT_CHECK(mismatches(&ns, 0xff, 0xff, 0) == 0, "a tuple of ones: %u", told.nr);
	job_ns_close(&ns);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "by_dlfeat", by_dlfeat },
		{ "with_a_tuple", with_a_tuple },
	};

	return folder_unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
