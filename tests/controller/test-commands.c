// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-commands.c - rules of the NVM Command Set Specification for the commands of the embedded
 * controller
 *
 * Each case names the section that it tests.
 */
#include <endian.h>

#include "tests/lib/controller-image.h"
#include "model.h"

enum { BLOCKS = 256 };

/* A source range of Copy. */
struct source {
	uint64_t	lba;
	uint32_t	nr;
	uint32_t	nsid;
	uint16_t	options;
};

static uint8_t data[128 * 4096], md[128 * 64];

static struct target_ns *make(const struct ns_format *f)
{
	return must_open("x.img", f, (uint64_t)BLOCKS * f->lbs);
}

static void unmake(struct target_ns *ns)
{
	controller_target.close(ns);
	remove_image("x.img");
}

/* Fill the buffers with @nr blocks from @lba on: data derived from the LBA, and correct tuples. */
static struct nvme_uring_cmd blocks(const struct ns_format *f, uint8_t opcode, uint64_t lba,
				    uint32_t nr)
{
	struct nvme_uring_cmd cmd = rw(opcode, lba, nr, data, sizeof(data));

	for (uint32_t i = 0; i < nr; i++)
		memset(data + i * f->lbs, lba + i + 1, f->lbs);
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = sizeof(md);
	cmd.cdw14 = lba;
	return cmd;
}

static void write_blocks(struct target_ns *ns, const struct ns_format *f, uint64_t lba, uint32_t nr)
{
	struct nvme_uring_cmd cmd = blocks(f, 1, lba, nr);

	cmd.cdw12 |= PRACT;
	UNIT_CHECK(!run(ns, cmd), "write of LBA %llu", (unsigned long long)lba);
}

/* Return the first data byte of @lba, or -1 if it cannot be read. */
static int byte_of(struct target_ns *ns, uint64_t lba)
{
	struct nvme_uring_cmd cmd = rw(2, lba, 1, data, sizeof(data));

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = sizeof(md);
	return run(ns, cmd) ? -1 : data[0];
}

/* --- PRACT --- */

/* 5.3.2.1: a write with PRACT=1 ignores PRCHK and STC; with PRACT=0 they are checked. */
static void writes_with_pract(void)
{
	static const struct ns_format rows[] = {
		F(4096, 8, 0, 1, 0, 0, 0), F(4096, 16, 0, 1, 0, 0, 0), F(4096, 16, 0, 2, 0, 2, 16),
		F(4096, 8, 0, 3, 0, 0, 0), F(4096, 64, 0, 3, 0, 2, 16),
	};
	const uint32_t all = PRCHK_GUARD | PRCHK_APP | PRCHK_REF | STC;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ns_format *f = &rows[i];
		struct target_ns *ns = make(f);
		struct nvme_uring_cmd cmd = blocks(f, 1, 8, 4);
		const int without = f->pi == 3 ? MODEL_PI : f->pi == 1 ? MODEL_PI_DNR : MODEL_GUARD;
		int ret;

		cmd.cdw14 = 77;			/* differs from the SLBA */
		cmd.cdw12 |= all;
		ret = run(ns, cmd);
		UNIT_CHECK(ret == without, "%s: PRACT=0 is %x, not %x", name_of(f), ret, without);
		UNIT_CHECK(byte_of(ns, 8) == 0, "%s: a refused write has written", name_of(f));
		cmd = blocks(f, 1, 8, 4);
		cmd.cdw14 = 77;
		cmd.cdw12 |= all | PRACT;
		ret = run(ns, cmd);
		UNIT_CHECK(!ret, "%s: PRACT=1 is %x", name_of(f), ret);
		UNIT_CHECK(byte_of(ns, 8) == 9, "%s: PRACT=1 has not written", name_of(f));
		unmake(ns);
	}
}

/* 3.3.5: Verify with PRACT is an invalid field; for Compare no special status is defined. */
static void looks_with_pract(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0), none = F(4096, 8, 0, 0, 0, 0, 0);
	struct target_ns *ns = make(&f);
	struct nvme_uring_cmd cmd = blocks(&f, 12, 8, 1);
	int ret;

	cmd.cdw12 |= PRACT;
	ret = run(ns, cmd);
	UNIT_CHECK(ret == MODEL_FIELD, "Verify: %x", ret);
	cmd.opcode = 5;
	ret = run(ns, cmd);
	UNIT_CHECK(ret == MODEL_PI_DNR, "Compare: %x", ret);
	unmake(ns);
	ns = make(&none);
	cmd.opcode = 12;
	ret = run(ns, cmd);
	UNIT_CHECK(!ret, "Verify, without protection information: %x", ret);
	unmake(ns);
}

/* 5.3.3: if the storage tag leaves no bits, type 3 has no reference tag whose check is refused. */
static void no_reference_tag(void)
{
	const struct ns_format f = F(4096, 8, 0, 3, 0, 0, 32);
	struct target_ns *ns = make(&f);
	struct nvme_uring_cmd cmd = blocks(&f, 2, 8, 1);
	int ret;

	write_blocks(ns, &f, 8, 1);
	cmd.cdw12 |= PRCHK_GUARD | PRCHK_REF;
	ret = run(ns, cmd);
	UNIT_CHECK(!ret, "read: %x", ret);
	unmake(ns);
}

/* --- limits --- */

/*
 * 4.1.5.4: CNS 06h reports no limits for commands without data transfer, so commands of any size
 * and a Dataset Management command of 256 ranges are executed completely.
 */
static void no_limits(void)
{
	static const uint8_t opcodes[] = { 4, 8, 12 };
	static const uint8_t none[16];
	const struct ns_format f = F(512, 8, 1, 1, 0, 0, 0);
	struct target_ns *ns = must_open("x.img", &f, 65536ULL * 512);
	struct nvme_uring_cmd cmd = {
		.opcode = 6, .cdw10 = 6, .addr = (uintptr_t)data, .data_len = 4096,
	};
	uint32_t *range = (uint32_t *)data;
	int ret = controller_target.admin(ns, &cmd);

	UNIT_CHECK(!ret && !memcmp(data, none, sizeof(none)),
		   "CNS 06h: %x, %02x %02x %02x %02x", ret, data[0], data[1], data[2], data[3]);
	for (unsigned i = 0; i < sizeof(opcodes); i++) {
		ret = run(ns, rw(opcodes[i], 0, 65536, NULL, 0));
		UNIT_CHECK(!ret, "opcode %02x, 65536 blocks: %x", opcodes[i], ret);
	}
	cmd = rw(1, 65535, 1, data, 520);
	cmd.cdw12 |= PRACT;
	UNIT_CHECK(!run(ns, cmd) && !run(ns, rw(4, 65535, 1, NULL, 0)), "spoil the last block");
	memset(data, 0, 4096);
	for (unsigned i = 0; i < 256; i++) {
		range[4 * i + 1] = htole32(i < 255 ? 1 : 65536);
		range[4 * i + 2] = htole32(i < 255 ? i : 0);
	}
	cmd = rw(9, 255, 1, data, 4096);
	cmd.cdw11 = 4;
	ret = run(ns, cmd);
	UNIT_CHECK(!ret && !run(ns, rw(2, 65535, 1, data, 520)), "the last range is left out: %x",
		   ret);
	unmake(ns);
}

/* --- Copy --- */

static int copy(struct target_ns *ns, unsigned format, uint64_t to, unsigned nr,
		const struct source *s, uint32_t cdw12)
{
	const unsigned size = format & 1 ? 40 : 32;
	struct nvme_uring_cmd cmd = rw(0x19, to, 1, data, sizeof(data));

	memset(data, 0, (size_t)nr * size);
	for (unsigned i = 0; i < nr; i++) {
		const uint64_t lba = htole64(s[i].lba);
		const uint32_t nsid = htole32(s[i].nsid);
		const uint16_t nlb = htole16(s[i].nr - 1), options = htole16(s[i].options);
		uint8_t *p = data + i * size;

		memcpy(p, &nsid, 4);
		memcpy(p + 8, &lba, 8);
		memcpy(p + 16, &nlb, 2);
		memcpy(p + 22, &options, 2);
	}
	cmd.cdw14 = to;
	cmd.cdw12 = (nr - 1) | format << 8 | cdw12;
	return run(ns, cmd);
}

/* Base, Host Behavior Support: 512 bytes, LBAFEE at 2, CDFE at 4. */
static int behave(struct target_ns *ns, uint8_t opcode, uint8_t *page)
{
	struct nvme_uring_cmd cmd = {
		.opcode = opcode, .cdw10 = 0x16, .addr = (uintptr_t)page, .data_len = 512,
	};

	return controller_target.admin(ns, &cmd);
}

static void enable(struct target_ns *ns, uint16_t formats_enabled)
{
	uint8_t page[512] = { [2] = 1, [4] = formats_enabled, [5] = formats_enabled >> 8 };
	int ret = behave(ns, 9, page);

	UNIT_CHECK(!ret, "Set Features: %x", ret);
}

/* 3.3.2: the descriptor formats for each guard, after they were enabled. */
static void copy_formats(void)
{
	static const struct {
		struct ns_format f;
		int		want[6];	/* by descriptor format */
	} rows[] = {
		{ F(4096, 8, 0, 1, 0, 0, 0),
		  { 0, MODEL_NS, 0, MODEL_NS, MODEL_FIELD, MODEL_FIELD } },
		{ F(4096, 16, 0, 1, 0, 1, 16),
		  { MODEL_NS, 0, MODEL_NS, 0, MODEL_FIELD, MODEL_FIELD } },
		{ F(4096, 16, 0, 1, 0, 2, 0),
		  { MODEL_NS, 0, MODEL_NS, 0, MODEL_FIELD, MODEL_FIELD } },
		{ F(4096, 0, 0, 0, 0, 0, 0), { 0, 0, 0, 0, MODEL_FIELD, MODEL_FIELD } },
		{ F(4096, 16, 0, 0, 0, 0, 0), { 0, 0, 0, 0, MODEL_FIELD, MODEL_FIELD } },
	};
	const struct source from = { 8, 4, 1, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned format = 0; format < 6; format++) {
			struct target_ns *ns = make(&rows[i].f);
			int ret;

			write_blocks(ns, &rows[i].f, 8, 4);
			ret = copy(ns, format, 100, 1, &from, 0);
			UNIT_CHECK(ret == (format < 2 ? rows[i].want[format] : (int)MODEL_FIELD),
				   "%s, format %u not enabled: %x", name_of(&rows[i].f), format,
				   ret);
			enable(ns, 1 << 2 | 1 << 3);
			ret = copy(ns, format, 100, 1, &from, 0);
			UNIT_CHECK(ret == rows[i].want[format], "%s, format %u: %x",
				   name_of(&rows[i].f), format, ret);
			UNIT_CHECK(byte_of(ns, 103) == (ret ? 0 : 12),
				   "%s, format %u: LBA 103 is %d",
				   name_of(&rows[i].f), format, byte_of(ns, 103));
			unmake(ns);
		}
}

/*
 * 3.3.2: with formats 2h and 3h no source may overlap the destination; if one does, nothing is
 * copied. With 0h and 1h it may.
 */
static void copy_overlap(void)
{
	static const struct { struct source from[2]; int want; } rows[] = {
		{ { { 100, 8, 1, 0 }, { 0, 8, 1, 0 } }, MODEL_OVERLAP },
		{ { { 0, 8, 1, 0 }, { 100, 8, 1, 0 } }, MODEL_OVERLAP },
		{ { { 100, 8, 1, 0 }, { 8, 8, 1, 0 } }, MODEL_OVERLAP },
		{ { { 100, 8, 1, 0 }, { 15, 8, 1, 0 } }, MODEL_OVERLAP },
		{ { { 100, 8, 1, 0 }, { 16, 8, 1, 0 } }, 0 },
		{ { { 100, 8, 1, 0 }, { 100, 8, 1, 0 } }, 0 },
	};
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0);

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct target_ns *ns = make(&f);
		int ret;

		write_blocks(ns, &f, 0, 32);
		write_blocks(ns, &f, 100, 8);
		enable(ns, 1 << 2);
		ret = copy(ns, 2, 0, 2, rows[i].from, PRACT | 8 << 12);
		UNIT_CHECK(ret == rows[i].want, "row %u: %x", i, ret);
		for (unsigned lba = 0; ret && lba < 32; lba++)
			UNIT_CHECK(byte_of(ns, lba) == (int)lba + 1,
				   "row %u: LBA %u was copied to", i, lba);
		ret = copy(ns, 0, 0, 2, rows[i].from, PRACT | 8 << 12);
		UNIT_CHECK(!ret, "row %u, format 0h: %x", i, ret);
		unmake(ns);
	}
}

/* 3.3.2: an invalid source namespace in any range is refused before anything is copied. */
static void copy_namespaces(void)
{
	static const uint32_t none[] = { 0, 2, UINT32_MAX };
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0);
	struct target_ns *ns = make(&f);

	write_blocks(ns, &f, 0, 32);
	enable(ns, 1 << 2);
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
		const struct source from[] = { { 0, 4, 1, 0 }, { 8, 4, none[i], 0 } };
		int ret = copy(ns, 2, 100, 2, from, PRACT | 8 << 12);

		UNIT_CHECK(ret == MODEL_NS, "namespace %u: %x", none[i], ret);
		UNIT_CHECK(byte_of(ns, 100) == 0, "namespace %u: something was copied", none[i]);
	}
	unmake(ns);
}

/* 3.3.2.1, 3.3.2.3: PRACT must be equal in both portions; every copy is a fast copy. */
static void copy_options(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0), none = F(4096, 8, 0, 0, 0, 0, 0);
	const struct source from = { 0, 4, 1, 1 << 15 };
	struct target_ns *ns = make(&f);
	int ret;

	write_blocks(ns, &f, 0, 32);
	for (unsigned n = 0; n < 4; n++) {
		ret = copy(ns, 0, 100, 1, &from, (n & 1 ? PRACT : 0) | (n & 2 ? 8 << 12 : 0));
		UNIT_CHECK(ret == (n == 1 || n == 2 ? (int)MODEL_FIELD : 0), "PRACT %u: %x", n,
			   ret);
	}
	enable(ns, 1 << 2);
	ret = copy(ns, 2, 120, 1, &from, 0);
	UNIT_CHECK(!ret && byte_of(ns, 120) == 1, "Fast Copy Only: %x", ret);
	unmake(ns);
	ns = make(&none);
	ret = copy(ns, 0, 100, 1, &from, PRACT);
	UNIT_CHECK(!ret, "without protection information PRACT is ignored: %x", ret);
	unmake(ns);
}

/* With PRACT the write portion of a Copy ignores PRCHK and STC, as a Write does. */
static void copy_with_pract(void)
{
	const struct source from = { 0, 4, 1, 0 };

	for (int type = 1; type <= 3; type++) {
		const struct ns_format f = F(4096, 8, 0, type, 0, 0, 0);
		struct target_ns *ns = make(&f);
		struct nvme_uring_cmd cmd = rw(0x19, 100, 1, data, sizeof(data));
		int ret;

		write_blocks(ns, &f, 0, 4);
		ret = copy(ns, 0, 100, 1, &from, PRACT | 8 << 12 | PRCHK_REF);
		UNIT_CHECK(!ret, "type %d: %x", type, ret);
		cmd.cdw12 = PRACT | 8 << 12 | PRCHK_REF;
		cmd.cdw14 = 5;			/* differs from the SDLBA */
		ret = run(ns, cmd);
		UNIT_CHECK(!ret, "type %d, another reference tag: %x", type, ret);
		unmake(ns);
	}
}

/* --- Host Behavior Support --- */

/* Base: Get returns what was Set; initially extended formats are enabled, 2h and 3h are not. */
static void host_behavior(void)
{
	const struct ns_format f = F(4096, 16, 0, 1, 0, 2, 0), plain = F(4096, 8, 0, 1, 0, 0, 0);
	struct target_ns *ns = make(&f);
	uint8_t page[512], set[512] = { [2] = 1, [4] = 0xc };
	int ret = behave(ns, 10, page);

	UNIT_CHECK(!ret && page[2] == 1 && !page[4] && !page[5],
		   "at the start: %x, LBAFEE %u, CDFE %02x%02x", ret, page[2], page[5], page[4]);
	UNIT_CHECK(!behave(ns, 9, set) && !behave(ns, 10, page) && !memcmp(page, set, 512),
		   "what was set is not got");
	set[4] = 0x10;
	ret = behave(ns, 9, set);
	UNIT_CHECK(ret == MODEL_FIELD, "format 4h, which is not supported: %x", ret);
	set[4] = 0, set[2] = 2;
	ret = behave(ns, 9, set);
	UNIT_CHECK(ret == MODEL_FIELD, "LBAFEE 2: %x", ret);
	set[2] = 0;
	ret = behave(ns, 9, set);
	UNIT_CHECK(!ret, "LBAFEE 0: %x", ret);
	ret = run(ns, blocks(&f, 2, 0, 1));
	UNIT_CHECK(ret == MODEL_NS, "3.3: I/O to a 64b guard without LBAFEE: %x", ret);
	set[2] = 1;
	ret = behave(ns, 9, set);
	ret = ret ? ret : run(ns, blocks(&f, 2, 0, 1));
	UNIT_CHECK(!ret, "and with it: %x", ret);
	unmake(ns);
	ns = make(&plain);
	set[2] = 0;
	ret = behave(ns, 9, set);
	ret = ret ? ret : run(ns, blocks(&plain, 2, 0, 1));
	UNIT_CHECK(!ret, "a 16b guard does not need it: %x", ret);
	unmake(ns);
}

static void feature_refusals(void)
{
	struct target_ns *ns = make(&formats[4]);
	uint8_t page[512] = { 0 };
	struct nvme_uring_cmd cmd = {
		.opcode = 10, .cdw10 = 7, .addr = (uintptr_t)page, .data_len = sizeof(page),
	};
	int ret = controller_target.admin(ns, &cmd);

	UNIT_CHECK(ret == MODEL_FIELD, "Get Features of one that is not there: %x", ret);
	cmd.opcode = 9;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(ret == MODEL_FIELD, "Set Features of one that is not there: %x", ret);
	cmd.cdw10 = 0x16 | 1u << 31;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(ret == 0x410d, "a feature that can't be saved, saved: %x", ret);
	cmd.cdw10 = 0x16;
	cmd.data_len = 511;
	ret = controller_target.admin(ns, &cmd);
	UNIT_CHECK(ret < 0, "a short buffer: %x", ret);
	unmake(ns);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "writes_with_pract", writes_with_pract },
		{ "looks_with_pract", looks_with_pract },
		{ "no_reference_tag", no_reference_tag },
		{ "no_limits", no_limits },
		{ "copy_formats", copy_formats },
		{ "copy_overlap", copy_overlap },
		{ "copy_namespaces", copy_namespaces },
		{ "copy_options", copy_options },
		{ "copy_with_pract", copy_with_pract },
		{ "host_behavior", host_behavior },
		{ "feature_refusals", feature_refusals },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
