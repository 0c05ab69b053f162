// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-commands.c - whatever commands are sent to the embedded controller, each has a valid result, and
 * the image keeps its size and its format
 */
#include "image.h"

enum { BUFFER = 1 << 16 };

static uint8_t *data, *md;

/* A command, mostly one that can succeed. */
static struct nvme_uring_cmd take(struct fuzz_in *in)
{
	static const uint8_t opcodes[] = { 0, 1, 2, 4, 5, 8, 9, 0xc, 0x19, 1, 2, 0x19 };
	const uint8_t opcode = fuzz_take(in, 1), flags = fuzz_take(in, 1);
	struct nvme_uring_cmd cmd = {
		.opcode = opcode & 0x80 ? opcode : opcodes[opcode % sizeof(opcodes)], .nsid = flags & 1 ? 7 : 1,
		.cdw10 = fuzz_take(in, 1), .cdw12 = fuzz_take(in, 4), .cdw13 = fuzz_take(in, 2), .cdw14 = fuzz_take(in, 2),
		.cdw15 = fuzz_take(in, 4), .cdw2 = fuzz_take(in, 1), .cdw3 = fuzz_take(in, 1),
	};

	cmd.cdw11 = flags & 2 ? fuzz_take(in, 4) : cmd.opcode == 9 ? 4 : 0;
	if (!(flags & 4))
		cmd.cdw12 &= 0xfff0000f;
	cmd.data_len = fuzz_take(in, 2);
	cmd.metadata_len = fuzz_take(in, 2);
	cmd.addr = flags & 8 ? 0 : (uintptr_t)(data + BUFFER - cmd.data_len);
	cmd.metadata = flags & 16 ? 0 : (uintptr_t)(md + BUFFER - cmd.metadata_len);
	for (unsigned n = flags >> 5; n && cmd.addr && cmd.data_len; n--) {
		const size_t at = fuzz_take(in, 2) % cmd.data_len;

		data[BUFFER - cmd.data_len + at] = fuzz_take(in, 1);
	}
	return cmd;
}

static void check_image(struct target_ns *ns, const struct ns_format *f)
{
	struct nvme_identify id;
	struct nvme_ns_info info;
	char why[WHY_MAX];
	struct stat st;

	FUZZ_CHECK(!stat("x.img", &st) && st.st_size == (off_t)BLOCKS * (f->lbs + f->ms));
	FUZZ_CHECK(!nvme_identify_all(ns, &id) && !nvme_decode(&id, 1, &info, why));
	FUZZ_CHECK(info.nr_blocks == (uint64_t)st.st_size / (info.layout.data_size + info.layout.md_size));
}

/* The opcodes of admin commands, and formats, that keep the size of the image. */
static int send_admin(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	static const uint8_t opcodes[] = { 6, 2, 9, 10 };

	cmd->opcode = opcodes[cmd->opcode % 4];
	return controller_target.admin(ns, cmd);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct fuzz_in in = { bytes, size };
	const uint8_t first = fuzz_take(&in, 1);
	const struct ns_format *f = &fuzz_formats[first % NR_FORMATS];
	struct target_ns *ns = fuzz_create(f, first & 0x80 ? "volatile@3" : NULL);

	/* The sanitizers see what is written beyond the end. */
	data = calloc(1, BUFFER);
	md = calloc(1, BUFFER);
	FUZZ_CHECK(data && md);
	for (unsigned i = 0; in.left && i < 50; i++) {
		const bool admin = fuzz_take(&in, 1) % 16 == 15;
		struct nvme_uring_cmd cmd = take(&in);
		const int ret = admin ? send_admin(ns, &cmd) : controller_target.io(ns, &cmd);

		FUZZ_CHECK(ret > -4096 && ret <= 0x7fff);
	}
	check_image(ns, f);
	controller_target.close(ns);
	free(data);
	free(md);
}

FUZZ_MAIN("commands", 1000)
