/* SPDX-License-Identifier: GPL-2.0-only */
/* test-nvme.c - commands, compared with bit patterns written by hand from the specification */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>

#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

/* --- transfer sizes --- */

static void check_wire(const struct oracle_format *f)
{
	struct pi_layout l = layout_of(f);

	for (int pract = 0; pract <= 1; pract++) {
		bool stripped = pract && f->type && f->md_size == (f->pif ? 16u : 8u);
		uint32_t md = stripped ? 0 : f->md_size;
		struct nvme_wire w = nvme_wire(&l, pract);

		UNIT_CHECK(w.data == f->data_size + (f->extended ? md : 0), "%s, PRACT %d: data %u",
			   format_text(f), pract, w.data);
		UNIT_CHECK(w.md == (f->extended ? 0 : md), "%s, PRACT %d: metadata %u",
			   format_text(f), pract, w.md);
		UNIT_CHECK(w.pi == (f->type && !stripped), "%s, PRACT %d: tuples cross: %d",
			   format_text(f), pract, w.pi);
	}
}

static void wire(void)
{
	each_format(check_wire);
}

/* --- commands --- */

/* The fields of each command according to the specification. */
static const struct command {
	const char	*name;
	uint8_t		opcode;
	bool		buffers, pract, prchk, fua, deac, directive;
} commands[] = {
	{ "write",		0x01, true,  true,  true,  true,  false, true },
	{ "read",		0x02, true,  true,  true,  true,  false, false },
	{ "write_uncor",	0x04, false, false, false, false, false, true },
	{ "compare",		0x05, true,  false, true,  true,  false, false },
	{ "write_zeroes",	0x08, false, true,  false, true,  true,  true },
	{ "verify",		0x0c, false, false, true,  true,  false, false },
};

/* Return the CDW12 bits of PRCHK and STC. */
static uint32_t check_bits(unsigned checks)
{
	return (checks & PI_REF ? 1u << 26 : 0) | (checks & PI_APP ? 1u << 27 : 0) |
	       (checks & PI_GUARD ? 1u << 28 : 0) | (checks & PI_STORAGE ? 1u << 24 : 0);
}

static struct nvme_uring_cmd wanted(const struct command *c, const struct oracle_format *f,
				    const struct nvme_io *io)
{
	bool stripped = io->pract && c->pract && f->type && f->md_size == oracle_tuple_size(f);
	uint32_t md = stripped ? 0 : f->md_size;
	struct nvme_uring_cmd cmd = {
		.opcode = c->opcode, .nsid = 7, .cdw10 = io->slba & 0xffffffff,
		.cdw11 = io->slba >> 32, .cdw12 = io->nr_blocks - 1,
	};

	if (c->buffers) {
		cmd.addr = (uintptr_t)io->data;
		cmd.data_len = io->nr_blocks * (f->data_size + (f->extended ? md : 0));
	}
	if (c->buffers && md && !f->extended) {
		cmd.metadata = (uintptr_t)io->md;
		cmd.metadata_len = io->nr_blocks * md;
	}
	cmd.cdw12 |= io->fua && c->fua ? 1u << 30 : 0;
	cmd.cdw12 |= io->deac && c->deac ? 1u << 25 : 0;
	if (c->directive) {			/* DTYPE, DSPEC */
		cmd.cdw12 |= (io->directive >> 16 & 3) << 20;
		cmd.cdw13 = (io->directive & 0xffff) << 16;
	}
	if (f->type && (c->pract || c->prchk)) {
		struct oracle_tuple tags = { {
			[ORACLE_APP] = io->tags.app, [ORACLE_STORAGE] = io->tags.storage,
			[ORACLE_REF] = io->tags.ref,
		} };
		struct oracle_dwords d = oracle_dwords(f, &tags, io->tags.app_mask);

		cmd.cdw12 |= io->pract && c->pract ? 1u << 29 : 0;
		cmd.cdw12 |= c->prchk ? check_bits(io->checks) : 0;
		cmd.cdw2 = d.cdw2;
		cmd.cdw3 = d.cdw3;
		cmd.cdw14 = d.cdw14;
		cmd.cdw15 = d.cdw15;
	}
	return cmd;
}

/* Compare two commands as dwords, and name the first one that differs. */
static void same_command(const char *what, const struct oracle_format *f,
			 const struct nvme_uring_cmd *want, const struct nvme_uring_cmd *got)
{
	uint32_t w[sizeof(*want) / 4], g[sizeof(*got) / 4];
	size_t i = 0;

	memcpy(w, want, sizeof(w));
	memcpy(g, got, sizeof(g));
	while (i < ARRAY_SIZE(w) - 1 && w[i] == g[i])
		i++;
	UNIT_CHECK(w[i] == g[i], "%s on %s: dword %zu is %08xh, wanted %08xh", what,
		   f ? format_text(f) : "any", i, g[i], w[i]);
}

/* Return an I/O with all fields random; the tags do not depend on the protection type. */
static struct nvme_io any_io(const struct oracle_format *f, uint8_t opcode)
{
	uint64_t r = unit_random();

	return (struct nvme_io) {
		.opcode = opcode, .pract = r & 1, .fua = r & 2, .deac = r & 4,
		.directive = r & 8 ? NVME_DIRECTIVE(1 + (r >> 16 & 1), r >> 20) : 0, .checks = r >> 3 & 15, .slba = unit_random(),
		.nr_blocks = 1 + unit_random_below(65536 / 64),
		.tags = {
			.ref = unit_random() & pi_ones(oracle_bits(f, ORACLE_REF)),
			.storage = unit_random() & pi_ones(oracle_bits(f, ORACLE_STORAGE)),
			.storage_mask = unit_random(), .app = unit_random(),
			.app_mask = unit_random(),
		},
		.data = (void *)0x111111110000, .md = (void *)0x222222220000,
	};
}

static void build_and_compare(const struct command *c, const struct oracle_format *f,
			      const struct nvme_io *io)
{
	struct nvme_uring_cmd want = wanted(c, f, io), got = { 0 };
	struct nvme_ns_info info = info_of(f);

	nvme_build_io(&got, &info, io);
	same_command(c->name, f, &want, &got);
}

static void build_format(const struct oracle_format *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		for (int n = 0; n < 8; n++) {
			struct nvme_io io = any_io(f, commands[i].opcode);

			build_and_compare(&commands[i], f, &io);
		}
}

static void build_random(void)
{
	each_format(build_format);
}

/* Test every command with every PRACT, set of checks, FUA and DEAC. */
static void build_flags(void)
{
	static const struct oracle_format f = {
		.data_size = 4096, .md_size = 16, .type = 1, .pif = 2, .sts = 8,
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		for (unsigned n = 0; n < 128; n++) {
			struct nvme_io io = any_io(&f, commands[i].opcode);

			io.checks = n & 15;
			io.pract = n >> 4 & 1;
			io.fua = n >> 5 & 1;
			io.deac = n >> 6 & 1;
			build_and_compare(&commands[i], &f, &io);
		}
}

/* Test the maximum of every field; the dwords are written by hand. */
static void build_limits(void)
{
	static const struct oracle_format f = {
		.data_size = 512, .md_size = 16, .type = 2, .pif = 1, .sts = 16,
	};
	struct nvme_ns_info info = info_of(&f);
	struct nvme_uring_cmd got = { 0 };
	struct nvme_io io = {
		.opcode = 0x02, .checks = PI_GUARD | PI_APP | PI_REF | PI_STORAGE, .fua = true,
		.slba = 0xfedcba9876543210, .nr_blocks = 65536,
		.tags = { .ref = UINT64_MAX, .storage = 0xffff, .app = 0xffff, .app_mask = 0xffff },
		.data = (void *)0x1000, .md = (void *)0x2000,
	};
	struct nvme_uring_cmd want = {
		.opcode = 0x02, .nsid = 7, .cdw2 = 0xffff, .cdw3 = 0xffffffff, .metadata = 0x2000,
		.addr = 0x1000, .metadata_len = 65536 * 16, .data_len = 65536 * 512,
		.cdw10 = 0x76543210, .cdw11 = 0xfedcba98, .cdw12 = 0x5d00ffff,
		.cdw14 = 0xffffffff, .cdw15 = 0xffffffff,
	};

	nvme_build_io(&got, &info, &io);
	same_command("the widest read", &f, &want, &got);

	io = (struct nvme_io){ .opcode = 0x0c, .nr_blocks = 1, .pract = true };
	want = (struct nvme_uring_cmd){ .opcode = 0x0c, .nsid = 7 };
	got = (struct nvme_uring_cmd){ 0 };
	nvme_build_io(&got, &info, &io);
	same_command("the smallest verify", &f, &want, &got);
}

static void build_dsm(void)
{
	static const unsigned counts[] = { 1, 2, 255, 256 };
	struct nvme_ns_info info = { .nsid = 0xabc };
	struct nvme_dsm_range *ranges = (void *)0x333333330000;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct nvme_uring_cmd got = { 0 }, want = {
			.opcode = 0x09, .nsid = 0xabc, .addr = (uintptr_t)ranges,
			.data_len = counts[i] * 16, .cdw10 = counts[i] - 1, .cdw11 = 1 << 2,
		};

		nvme_build_dsm(&got, &info, ranges, counts[i]);
		same_command("dataset management", NULL, &want, &got);
	}
}

/* Flush has an opcode and an NSID only, for a protected namespace, too. */
static void build_flush(void)
{
	struct nvme_ns_info info = info_of(&(struct oracle_format){
		.data_size = 4096, .md_size = 64, .extended = true, .type = 2, .first = true, .pif = 2, .sts = 16,
	});
	struct nvme_uring_cmd got = { 0 }, want = { .opcode = 0x00, .nsid = 7 };

	nvme_build_flush(&got, &info);
	same_command("flush", NULL, &want, &got);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "wire", wire },
		{ "build_random", build_random },
		{ "build_flags", build_flags },
		{ "build_limits", build_limits },
		{ "build_dsm", build_dsm },
		{ "build_flush", build_flush },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
