// SPDX-License-Identifier: GPL-2.0-only
/* test-identify.c - any Identify data is decoded to a layout that works, or refused in one line */
#include "engines/nvme/nvme.h"
#include "fuzz.h"

/* A namespace with each guard format, type 1; the input changes it. */
static void begin(struct nvme_identify *id)
{
	memset(id, 0, sizeof(*id));
	id->ns.nsze = 1000;
	id->ns.nlbaf = 3;
	id->ns.dps = 1;
	id->ns.dpc = 0x1f;
	id->ns.mc = 3;
	for (unsigned i = 0; i < 4; i++) {
		id->ns.lbaf[i] = (struct nvme_lbaf){ .ms = i ? 16 * i : 8, .ds = i & 1 ? 12 : 9 };
		id->nvm.elbaf[i] = (i % 3) << 7 | (i % 3 ? 16 : 0);
	}
}

/* Commands for blocks at the end of the namespace. */
static void build(const struct nvme_ns_info *info, struct fuzz_in *in)
{
	static uint8_t data[8];
	const struct nvme_io io = {
		.opcode = fuzz_take(in, 1), .pract = fuzz_take(in, 1) & 1, .checks = fuzz_take(in, 1) & 15,
		.slba = info->nr_blocks - 1, .nr_blocks = 1 + fuzz_take(in, 2), .data = data, .md = data,
		.tags = { .ref = fuzz_take(in, 8), .storage = fuzz_take(in, 8) },
	};
	const struct nvme_wire wire = nvme_wire(&info->layout, io.pract);
	struct nvme_uring_cmd cmd;

	nvme_build_io(&cmd, info, &io);
	FUZZ_CHECK(cmd.nsid == info->nsid && (cmd.cdw12 & 0xffff) == io.nr_blocks - 1);
	FUZZ_CHECK(wire.data >= info->layout.data_size && wire.data + wire.md <=
		   info->layout.data_size + info->layout.md_size);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct nvme_identify id;
	struct nvme_ns_info info;
	char why[WHY_MAX] = "", name[NVME_FORMAT_MAX];
	const struct ns_format want = { 4096, 8, 0, 1, 0, 0, 0 };

	begin(&id);
	fuzz_patch(&in, &id, sizeof(id));
	FUZZ_CHECK(nvme_nr_lbafs(&id.ns) - 1 < 64);
	if (nvme_decode(&id, 1, &info, why)) {
		FUZZ_ONE_LINE(why);
		return;
	}
	FUZZ_CHECK(!pi_layout_check(&info.layout, NULL) && info.lbaf < 64);
	FUZZ_CHECK(!memchr(info.model, '\n', strlen(info.model)) && strlen(info.serial) < sizeof(info.serial));
	FUZZ_CHECK(strlen(nvme_format_name(&info, name)) < NVME_FORMAT_MAX);
	if (nvme_expect(&info, &want, why))
		FUZZ_ONE_LINE(why);
	in = (struct fuzz_in){ data, size };
	build(&info, &in);
}

FUZZ_MAIN("identify", 60000)
