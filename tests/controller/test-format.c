// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-format.c - the formats of the embedded controller: Identify, and Format NVM with every LBA
 * format
 */
#include <errno.h>
#include <sys/stat.h>

#include "tests/lib/controller-image.h"

/* --- Identify --- */

static void identify(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct ns_format *f = &formats[i];
		struct target_ns *ns = must_open("id.img", f, 1000 * f->lbs);
		struct nvme_identify id;
		struct nvme_ns_info info;
		int ret = nvme_identify_all(ns, &id);

		ret = ret ? ret : nvme_decode(&id, 1, &info, why);
		UNIT_CHECK(!ret && !nvme_expect(&info, f, why), "%s: %d %s", name_of(f), ret, why);
		UNIT_CHECK(info.nr_blocks == 1000 && info.max_transfer == 512 << 10,
			   "%s: %llu blocks, %u bytes", name_of(f),
				   (unsigned long long)info.nr_blocks,
			   info.max_transfer);
		controller_target.close(ns);
		remove_image("id.img");
	}
}

static void identify_refusals(void)
{
	struct target_ns *ns = must_open("id.img", &formats[4], 1 << 20);
	uint8_t page[4096];
	struct nvme_uring_cmd cmd = { .opcode = 6, .nsid = 1, .addr = (uintptr_t)page,
				     .data_len = 4096 };
	static const struct { unsigned cdw10, nsid, cdw11; int want; } cases[] = {
		{ 0, 2, 0, 0x400b }, { 0, 0, 0, 0x400b }, { 5, 1, 2u << 24, 0x4002 }, { 0x99, 1, 0,
										       0x4002 },
		{ 5, 3, 0, 0x400b }, { 2, 0, 0, 0 }, { 3, 1, 0, 0 }, { 6, 0, 0, 0 }, { 1, 0, 0, 0 },
		{ 2, 0xfffffffe, 0, 0x400b }, { 2, 0xffffffff, 0, 0x400b }, { 2, 1, 0, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret;

		cmd.cdw10 = cases[i].cdw10;
		cmd.nsid = cases[i].nsid;
		cmd.cdw11 = cases[i].cdw11;
		ret = controller_target.admin(ns, &cmd);
		UNIT_CHECK(ret == cases[i].want, "CNS %x of %u: %x, not %x", cmd.cdw10, cmd.nsid,
			   ret, cases[i].want);
	}
	cmd.opcode = 0x77;
	UNIT_CHECK(controller_target.admin(ns, &cmd) == 0x4001, "unknown admin command");
	controller_target.close(ns);
	remove_image("id.img");
}

/* The bits and identifiers that hosts rely on must be consistent. */
static void identify_agrees(void)
{
	struct target_ns *ns = must_open("id.img", &formats[4], 1 << 20);
	struct nvme_id_ctrl ctrl;
	struct nvme_id_ns id;
	uint8_t list[4096];
	struct nvme_uring_cmd cmd = { .opcode = 6, .nsid = 1, .data_len = 4096 };
	void *const pages[] = { &id, &ctrl, NULL, list };
	unsigned oncs, ocfs;

	for (unsigned cns = 0; cns < ARRAY_SIZE(pages); cns++) {
		cmd.cdw10 = cns;
		cmd.addr = (uintptr_t)pages[cns];
		UNIT_CHECK(!cmd.addr || !controller_target.admin(ns, &cmd), "CNS %02xh", cns);
	}
	oncs = le16toh(ctrl.oncs);
	ocfs = le16toh(ctrl.ocfs);
	UNIT_CHECK(oncs & 1 << 8 && (!(ocfs & 0xc) || oncs & 1 << 9),
		   "3.3.2.2: OCFS %x without NVMCSA, ONCS %x", ocfs, oncs);
	UNIT_CHECK((ctrl.frmw >> 1 & 7) >= 1, "FRMW %x: no slot of firmware", ctrl.frmw);
	UNIT_CHECK(list[0] == 1 && list[1] == 8 && !memcmp(list + 4, id.eui64, 8),
		   "EUI64 is not the same in both places");
	controller_target.close(ns);
	remove_image("id.img");
}

/* --- Format NVM --- */

/* Return the STS of an LBA format from CNS 05h. */
static unsigned has_storage_tag(struct target_ns *ns, unsigned index)
{
	struct nvme_nvm_id_ns id;
	struct nvme_uring_cmd cmd = {
		.opcode = 6, .nsid = 1, .cdw10 = 5, .addr = (uintptr_t)&id, .data_len = 4096,
	};

	UNIT_CHECK(!controller_target.admin(ns, &cmd), "CNS 05h");
	return le32toh(id.elbaf[index]) & 0x7f;
}

static void format_nvm(void)
{
	struct target_ns *ns = must_open("fmt.img", &formats[14], 1 << 20), *second;
	struct nvme_uring_cmd cmd = { .opcode = 0x80, .nsid = 1 };
	const int before = controller_target.admin(ns, &cmd);
	struct nvme_identify id;
	struct nvme_ns_info info;
	int ret;

	UNIT_CHECK(!before, "format: %x", before);
	UNIT_CHECK(!try_open(&second, "fmt.img", &any_format, 0, true), "open: %s", why);
	UNIT_CHECK(controller_target.admin(ns, &cmd) == 0x15, "formats what another has open");
	controller_target.close(second);
	for (unsigned i = 0; i < 15; i++) {
		static uint8_t data[4096], md[64];
		struct nvme_uring_cmd write = rw(1, 3, 1, data, 4096 + 64);

		if (has_storage_tag(ns, i))
			continue;
		cmd.cdw10 = i | 1 << 4;
		UNIT_CHECK(!controller_target.admin(ns, &cmd), "LBA format %u", i);
		UNIT_CHECK(!nvme_identify_all(ns, &id) && !nvme_decode(&id, 1, &info, why),
			   "decode: %s", why);
		UNIT_CHECK(info.lbaf == i, "format %u is %u", i, info.lbaf);
		ret = controller_target.admin(ns, &(struct nvme_uring_cmd){ .opcode = 0x80,
									   .nsid = 1,
			.cdw10 = i | 2 << 5 | 1 << 8 });
		UNIT_CHECK(ret == (info.layout.md_size >= pi_formats[info.pif].tuple_size ? 0 :
				   0x410a),
			   "LBA format %u, type 2: %x", i, ret);
		write.metadata = (uintptr_t)md;
		write.metadata_len = sizeof(md);
		write.addr = (uintptr_t)memset(malloc(8192), 5, 8192);
		UNIT_CHECK(!run(ns, write), "LBA format %u: write", i);
		free((void *)(uintptr_t)write.addr);
		controller_target.close(ns);
		ns = must_open("fmt.img", &any_format, 0);
	}
	cmd.cdw10 = 15;
	UNIT_CHECK(controller_target.admin(ns, &cmd) == 0x410a, "an LBA format that is not");
	cmd.cdw10 = 5 | 4 << 5;
	UNIT_CHECK(controller_target.admin(ns, &cmd) == 0x4002, "type 4");
	cmd.nsid = 2;
	UNIT_CHECK(controller_target.admin(ns, &cmd) == 0x400b, "namespace 2");
	controller_target.close(ns);
	remove_image("fmt.img");
}

/*
 * 4.1.1: Format NVM cannot add or change storage tags; a format that has them can be formatted to
 * itself.  With LBAFEE 0 only formats with a 16b guard and no storage tag are allowed.
 */
static void format_storage_tags(void)
{
	static const struct ns_format with = F(4096, 16, 0, 1, 0, 2, 48);
	static const struct ns_format plain = F(4096, 8, 0, 1, 0, 0, 0);
	uint8_t page[512] = { 0 };
	struct nvme_uring_cmd cmd = { .opcode = 0x80, .nsid = 1 }, set = {
		.opcode = 9, .cdw10 = 0x16, .addr = (uintptr_t)page, .data_len = sizeof(page),
	};
	struct target_ns *ns = must_open("fmt.img", &plain, 1 << 20);
	int ret;

	for (cmd.cdw10 = 0; cmd.cdw10 < 15; cmd.cdw10++) {
		ret = controller_target.admin(ns, &cmd);
		UNIT_CHECK(ret == (has_storage_tag(ns, cmd.cdw10) ? 0x400b : 0), "from none to %u: %x",
			   cmd.cdw10, ret);
	}
	controller_target.close(ns);
	remove_image("fmt.img");
	ns = must_open("fmt.img", &with, 1 << 20);
	cmd.cdw10 = 10 | 1 << 5;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(ret == 0x400b, "from 48 bits to 64: %x", ret);
	cmd.cdw10 = 13 | 1 << 5;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(!ret, "as it is: %x", ret);
	UNIT_CHECK(!controller_target.admin(ns, &set), "LBAFEE 0");
	cmd.cdw10 = 5 | 1 << 5;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(ret == 0x400b, "without LBAFEE, away from a 64b guard: %x", ret);
	controller_target.close(ns);
	remove_image("fmt.img");
	ns = must_open("fmt.img", &plain, 1 << 20);
	UNIT_CHECK(!controller_target.admin(ns, &set), "LBAFEE 0");
	cmd.cdw10 = 12 | 1 << 5;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(ret == 0x400b, "without LBAFEE, to a 64b guard: %x", ret);
	cmd.cdw10 = 5 | 2 << 5;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(!ret, "without LBAFEE, to a 16b guard: %x", ret);
	controller_target.close(ns);
	remove_image("fmt.img");
}

/* If the new format cannot be written, all blocks stay; if it cannot be renamed, all are gone. */
static void format_fails(void)
{
	struct target_ns *ns = must_open("fmt.img", &formats[4], 1 << 20);
	struct nvme_uring_cmd cmd = { .opcode = 0x80, .nsid = 1, .cdw10 = 5 };
	static uint8_t data[512], md[8];
	struct nvme_uring_cmd write = rw(1, 3, 1, data, 512), read = rw(2, 3, 1, data, 512);
	char temporary[64];

	snprintf(temporary, sizeof(temporary), "fmt.img.format.new-%d", getpid());
	write.cdw12 |= PRACT;
	read.metadata = (uintptr_t)md;
	read.metadata_len = sizeof(md);
	memset(data, 5, sizeof(data));
	UNIT_CHECK(!run(ns, write), "write");
	mkdir(in_folder(temporary), 0777);
	UNIT_CHECK(controller_target.admin(ns, &cmd) == -EISDIR, "can't be written, and is");
	memset(data, 0, sizeof(data));
	UNIT_CHECK(!run(ns, read) && data[0] == 5, "a format that could not be written emptied it");
	rmdir(in_folder(temporary));

	unlink(in_folder("fmt.img.format"));
	mkdir(in_folder("fmt.img.format"), 0777);
	UNIT_CHECK(controller_target.admin(ns, &cmd) == -EISDIR, "can't be replaced, and is");
	UNIT_CHECK(!run(ns, read) && !data[0] && md[7] == 0xff, "an emptied block reads %x, %x",
		   data[0], md[7]);
	UNIT_CHECK(access(in_folder(temporary), F_OK), "the new format is left behind");
	rmdir(in_folder("fmt.img.format"));
	UNIT_CHECK(!controller_target.admin(ns, &cmd), "can't be formatted any more");
	controller_target.close(ns);
	remove_image("fmt.img");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "identify", identify },
		{ "identify_refusals", identify_refusals },
		{ "identify_agrees", identify_agrees },
		{ "format_nvm", format_nvm },
		{ "format_storage_tags", format_storage_tags },
		{ "format_fails", format_fails },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
