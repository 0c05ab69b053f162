/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-nvme.c - Identify bytes to a layout, an I/O to a command, a status word to
 * its name: held against bytes and bits written out here from the specification
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>

#include "formats.h"
#include "unit.h"

/* --- Identify --- */

/* A controller, and a namespace of 1000 blocks of 512 bytes without protection. */
static struct nvme_identify plain_identify(void)
{
	struct nvme_identify id;

	memset(&id, 0, sizeof(id));
	id.ns.nsze = htole64(1000);
	id.ns.nlbaf = 63;
	for (unsigned i = 0; i < 64; i++)
		id.ns.lbaf[i] = (struct nvme_lbaf){ .ms = htole16(16 + i), .ds = 12 };
	id.ns.lbaf[0] = (struct nvme_lbaf){ .ds = 9 };
	return id;
}

/* Decode @id, which must work; the zeroed answer otherwise. */
static struct nvme_ns_info decoded(const struct nvme_identify *id)
{
	struct nvme_ns_info info;
	char why[WHY_MAX] = "";
	int ret = nvme_decode(id, 7, &info, why);

	if (!UNIT_CHECK(!ret, "returned %d: %s", ret, why))
		memset(&info, 0, sizeof(info));
	return info;
}

/* Decode @id, which must be refused in one line that has @words in it. */
static void refused(const struct nvme_identify *id, const char *words)
{
	struct nvme_ns_info info;
	char why[WHY_MAX] = "";
	int ret = nvme_decode(id, 7, &info, why);

	UNIT_CHECK(ret == -EINVAL, "returned %d, wanted a refusal about '%s'", ret, words);
	UNIT_CHECK(strstr(why, words) && !strchr(why, '\n'), "refused with '%s', not about '%s'",
		   why, words);
}

static void decode_namespace(void)
{
	struct nvme_identify id = plain_identify();
	struct nvme_ns_info info;

	id.ns.nsze = htole64(0x123456789abc);
	id.ctrl.oncs = htole16(0x015f);
	info = decoded(&id);
	UNIT_CHECK(info.nsid == 7, "NSID %u", info.nsid);
	UNIT_CHECK(info.nr_blocks == 0x123456789abc, "%" PRIx64 "h blocks", info.nr_blocks);
	UNIT_CHECK(info.oncs == 0x015f, "ONCS %04xh", info.oncs);
	UNIT_CHECK(info.lbaf == 0, "LBA format %u", info.lbaf);
	UNIT_CHECK(info.layout.data_size == 512 && info.layout.md_size == 0, "%u+%u",
		   info.layout.data_size, info.layout.md_size);
	UNIT_CHECK(info.layout.type == PI_NONE && !info.layout.format, "type %d", info.layout.type);
	UNIT_CHECK(!info.remark, "remark '%s'", info.remark);
}

/* A command that the effects log has is there, whatever ONCS says; no other bit of it counts. */
static void decode_commands(void)
{
	static const struct {
		uint8_t		opcode;
		uint16_t	oncs;
	} rows[] = {
		{ 0x05, 1 << 0 }, { 0x04, 1 << 1 }, { 0x09, 1 << 2 }, { 0x08, 1 << 3 },
		{ 0x0c, 1 << 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_identify id = plain_identify();

		id.effects.iocs[rows[i].opcode] = htole32(0xfffffffe);
		UNIT_CHECK(decoded(&id).oncs == 0, "opcode %02xh without CSUPP: ONCS %04xh",
			   rows[i].opcode, decoded(&id).oncs);
		id.effects.iocs[rows[i].opcode] = htole32(1);
		UNIT_CHECK(decoded(&id).oncs == rows[i].oncs, "opcode %02xh: ONCS %04xh",
			   rows[i].opcode, decoded(&id).oncs);
		id.ctrl.oncs = htole16(0x40);
		UNIT_CHECK(decoded(&id).oncs == (rows[i].oncs | 0x40), "opcode %02xh: ONCS %04xh",
			   rows[i].opcode, decoded(&id).oncs);
	}
}

static void decode_strings(void)
{
	static const struct {
		const char *raw, *want;
	} models[] = {
		{ "0123456789012345678901234567890123456789",
		  "0123456789012345678901234567890123456789" },
		{ "QEMU NVMe Ctrl                          ", "QEMU NVMe Ctrl" },
		{ "short\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		  "short" },
		{ "                                        ", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		struct nvme_identify id = plain_identify();
		struct nvme_ns_info info;

		memcpy(id.ctrl.mn, models[i].raw, 40);
		memcpy(id.ctrl.sn, "serial of twenty byt", 20);
		memcpy(id.ctrl.fr, "1.0     ", 8);
		info = decoded(&id);
		UNIT_CHECK(!strcmp(info.model, models[i].want), "model '%s', wanted '%s'",
			   info.model, models[i].want);
		UNIT_CHECK(!strcmp(info.serial, "serial of twenty byt"),
			   "serial '%s'", info.serial);
		UNIT_CHECK(!strcmp(info.firmware, "1.0"), "firmware '%s'", info.firmware);
	}
}

static void decode_mdts(void)
{
	static const struct {
		uint8_t		mdts;
		uint32_t	bytes;
	} rows[] = {
		{ 0, 0 }, { 1, 8192 }, { 5, 131072 }, { 7, 524288 }, { 19, 0x80000000 },
		{ 20, 0 }, { 255, 0 },	/* 4 GiB and more: no limit to a 32-bit length */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_identify id = plain_identify();
		struct nvme_ns_info info;

		id.ctrl.mdts = rows[i].mdts;
		info = decoded(&id);
		UNIT_CHECK(info.max_transfer == rows[i].bytes, "MDTS %u is %u bytes, wanted %u",
			   rows[i].mdts, info.max_transfer, rows[i].bytes);
	}
}

/* Every format of the namespace has metadata of 16 bytes and its index. */
static void decode_flbas(void)
{
	static const struct {
		uint8_t	flbas, nlbaf, index;
		bool	extended;
	} rows[] = {
		{ 0x01, 15, 1, false }, { 0x0f, 15, 15, false }, { 0x13, 15, 3, true },
		{ 0x63, 15, 3, false }, { 0x73, 15, 3, true },	/* of 16, bits 6:5 say nothing */
		{ 0x21, 17, 17, false }, { 0x20, 16, 16, false },
		{ 0x41, 63, 33, false }, { 0x7f, 63, 63, true }, { 0x6f, 63, 63, false },
		{ 0x8f, 63, 15, false },			/* bit 7 is reserved */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_identify id = plain_identify();
		struct nvme_ns_info info;

		id.ns.flbas = rows[i].flbas;
		id.ns.nlbaf = rows[i].nlbaf;
		info = decoded(&id);
		UNIT_CHECK(info.lbaf == rows[i].index, "FLBAS %02xh of %u formats is %u, wanted %u",
			   rows[i].flbas, rows[i].nlbaf + 1, info.lbaf, rows[i].index);
		UNIT_CHECK(info.layout.md_size == 16u + rows[i].index,
			   "FLBAS %02xh: metadata of %u", rows[i].flbas, info.layout.md_size);
		UNIT_CHECK(info.layout.data_size == 4096, "FLBAS %02xh: data of %u", rows[i].flbas,
			   info.layout.data_size);
		UNIT_CHECK(info.layout.extended == rows[i].extended, "FLBAS %02xh: extended is %d",
			   rows[i].flbas, info.layout.extended);
	}
}

/* FLBAS bit 4 says nothing of a format that has no metadata. */
static void decode_no_metadata(void)
{
	struct nvme_identify id = plain_identify();

	id.ns.flbas = 0x10;
	UNIT_CHECK(!decoded(&id).layout.extended, "extended by no metadata");
}

static void decode_dps(void)
{
	for (unsigned dps = 0; dps < 16; dps++) {
		struct nvme_identify id = plain_identify();
		struct nvme_ns_info info;

		id.ns.flbas = 1;
		id.ns.dps = dps;
		if ((dps & 7) > 3) {
			refused(&id, "type");
			continue;
		}
		info = decoded(&id);
		UNIT_CHECK(info.layout.type == (dps & 7), "DPS %xh is type %d", dps,
			   info.layout.type);
		UNIT_CHECK(info.layout.first == !!(dps & 8), "DPS %xh is %s", dps,
			   info.layout.first ? "first" : "last");
		UNIT_CHECK(info.layout.format == ((dps & 7) ? &pi_formats[0] : NULL),
			   "DPS %xh has the wrong guard format", dps);
	}
}

/* Protected namespaces in format 5, whose ELBAF, PIC and LBSTM are as told. */
static struct nvme_identify elbaf_identify(uint32_t elbaf, uint8_t pic)
{
	struct nvme_identify id = plain_identify();

	id.ctrl.ctratt = htole32(1 << 15);		/* ELBAS */
	id.ns.flbas = 5;
	id.ns.dps = 1;
	id.nvm.pic = pic;
	id.nvm.lbstm = htole64(0x0123456789abcdef);
	for (unsigned i = 0; i < 64; i++)		/* to be seen if looked at */
		id.nvm.elbaf[i] = htole32(0xffffffff);
	id.nvm.elbaf[5] = htole32(elbaf);
	return id;
}

static uint32_t elbaf(unsigned qpif, unsigned pif, unsigned sts)
{
	return qpif << 9 | pif << 7 | sts;
}

enum { QPIFS = 0x08 };		/* PIC bit 3 */

static void decode_elbaf(void)
{
	static const struct {
		unsigned	qpif, pif, sts;
		uint8_t		pic;
		int		want;		/* index of pi_formats, -1: refused */
	} rows[] = {
		{ 0, 0, 0, 0, 0 }, { 0, 0, 32, 0, 0 }, { 0, 1, 16, 0, 1 }, { 0, 1, 64, 0, 1 },
		{ 0, 2, 0, 0, 2 }, { 0, 2, 48, 0, 2 },
		{ 2, 0, 0, 0, 0 }, { 15, 1, 16, QPIFS, 1 },	/* QPIF counts with PIF 3 alone */
		{ 0, 3, 7, QPIFS, 0 }, { 1, 3, 40, QPIFS, 1 }, { 2, 3, 3, QPIFS, 2 },
		{ 3, 3, 0, QPIFS, -1 }, { 15, 3, 0, QPIFS, -1 },
		{ 0, 3, 0, 0, -1 }, { 2, 3, 0, 0, -1 }, { 2, 3, 0, (uint8_t)~QPIFS, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t e = elbaf(rows[i].qpif, rows[i].pif, rows[i].sts);
		struct nvme_identify id = elbaf_identify(e, rows[i].pic);
		struct nvme_ns_info info;

		if (rows[i].want < 0) {
			refused(&id, "reserved");
			continue;
		}
		info = decoded(&id);
		UNIT_CHECK(info.layout.format == &pi_formats[rows[i].want] &&
			   info.pif == rows[i].want, "ELBAF %08xh, PIC %02xh is guard format %u", e,
			   rows[i].pic, info.pif);
		UNIT_CHECK(info.layout.sts == rows[i].sts, "ELBAF %08xh: STS %u, wanted %u", e,
			   info.layout.sts, rows[i].sts);
		UNIT_CHECK(info.storage_mask == 0x0123456789abcdef, "LBSTM %" PRIx64 "h",
			   info.storage_mask);
	}
}

/* Without ELBAS that page is not there to be asked for: 16b, no storage tag. */
static void decode_without_elbas(void)
{
	struct nvme_identify id = elbaf_identify(elbaf(0, 2, 13), 0);
	struct nvme_ns_info info;

	id.ctrl.ctratt = htole32(~(1u << 15));
	info = decoded(&id);
	UNIT_CHECK(info.layout.format == &pi_formats[0] && info.pif == 0, "guard format %u",
		   info.pif);
	UNIT_CHECK(!info.layout.sts && !info.storage_mask, "STS %u", info.layout.sts);
}

/* What ELBAF says of a format matters only where protection is on. */
static void decode_elbaf_unprotected(void)
{
	struct nvme_identify id = elbaf_identify(elbaf(15, 3, 127), QPIFS);
	struct nvme_ns_info info;

	id.ns.dps = 0;
	info = decoded(&id);
	UNIT_CHECK(!info.layout.format && !info.layout.sts && !info.pif, "STS %u", info.layout.sts);
}

static void decode_refusals(void)
{
	static const struct {
		uint32_t	elbaf;
		uint16_t	ms;
		uint8_t		ds;
		uint8_t		dps;
		const char	*words;
	} rows[] = {
		{ 0, 8, 0, 0, "data size" }, { 0, 8, 8, 0, "2^8" }, { 0, 8, 31, 0, "2^31" },
		{ 0, 7, 9, 1, "metadata is smaller" }, { 0, 0, 9, 1, "metadata is smaller" },
		{ 1 << 7 | 16, 15, 12, 1, "metadata is smaller" },
		{ 2 << 7, 15, 12, 1, "metadata is smaller" },
		{ 33, 8, 9, 1, "storage tag" }, { 1 << 7 | 15, 16, 12, 1, "storage tag" },
		{ 1 << 7 | 65, 16, 12, 1, "storage tag" },
		{ 2 << 7 | 49, 16, 12, 1, "storage tag" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_identify id = elbaf_identify(rows[i].elbaf, 0);

		id.ns.lbaf[5] = (struct nvme_lbaf){ .ms = htole16(rows[i].ms), .ds = rows[i].ds };
		id.ns.dps = rows[i].dps;
		refused(&id, rows[i].words);
		refused(&id, "LBA format 5");
	}
}

static void decode_inactive(void)
{
	struct nvme_identify id = plain_identify();

	id.ns.nsze = 0;
	refused(&id, "namespace 7 ");
	refused(&id, "not active");
}

/* The widest of every field there can be. */
static void decode_limits(void)
{
	struct nvme_identify id = elbaf_identify(elbaf(0, 1, 64), 0);

	id.ns.lbaf[5] = (struct nvme_lbaf){ .ms = htole16(65535), .ds = 30 };
	UNIT_CHECK(decoded(&id).layout.md_size == 65535, "metadata of 65535 bytes is lost");
	UNIT_CHECK(decoded(&id).layout.data_size == 1 << 30, "data of 2^30 bytes is lost");
}

/* What works although the specification wants it otherwise is remarked on. */
static void decode_remark(void)
{
	struct nvme_identify id = elbaf_identify(elbaf(0, 2, 0), 0);
	struct nvme_ns_info info;

	info = decoded(&id);
	UNIT_CHECK(!info.remark, "remark on 4096 bytes: %s", info.remark);
	id.ns.lbaf[5].ds = 9;
	info = decoded(&id);
	UNIT_CHECK(info.remark && strstr(info.remark, "4096"), "remark on 512 bytes: %s",
		   info.remark ? info.remark : "none");
}

static void format_names(void)
{
	static const struct {
		struct oracle_format	f;
		const char		*want;
	} rows[] = {
		{ { .data_size = 512 }, "512+0, no PI" },
		{ { .data_size = 512, .md_size = 8 }, "512+8 separate, no PI" },
		{ { .data_size = 4096, .md_size = 8, .type = 1 },
		  "4096+8 separate, 16b type 1 last" },
		{ { .data_size = 4096, .md_size = 65535, .type = 3, .pif = 1, .sts = 64,
		    .extended = true, .first = true },
		  "4096+65535 extended, 32b type 3 first, STS 64" },
	};
	char buf[NVME_FORMAT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_ns_info info = info_of(&rows[i].f);

		nvme_format_name(&info, buf);
		UNIT_CHECK(!strcmp(buf, rows[i].want), "'%s', wanted '%s'", buf, rows[i].want);
	}
}

/* --- the format a job expects --- */

/* 4096+64, extended, type 2, first, 64b, STS 16: each field unlike its neighbours. */
static struct nvme_ns_info expected_info(void)
{
	static const struct oracle_format f = {
		.data_size = 4096, .md_size = 64, .extended = true, .type = 2, .first = true,
		.pif = 2, .sts = 16,
	};

	return info_of(&f);
}

static const struct ns_format right = { 4096, 64, 1, 2, 1, 2, 16 };

static const struct {
	const char	*name;
	size_t		at;	/* in struct ns_format */
	int		wrong;
	const char	*text;
} expectations[] = {
	{ "ns_lbs", offsetof(struct ns_format, lbs), 512, "ns_lbs=512, but it is 4096" },
	{ "ns_ms", offsetof(struct ns_format, ms), 0, "ns_ms=0, but it is 64" },
	{ "ns_mset", offsetof(struct ns_format, mset), 0, "ns_mset=0, but it is 1" },
	{ "ns_pi", offsetof(struct ns_format, pi), 0, "ns_pi=0, but it is 2" },
	{ "ns_pil", offsetof(struct ns_format, pil), 0, "ns_pil=0, but it is 1" },
	{ "ns_pif", offsetof(struct ns_format, pif), 0, "ns_pif=0, but it is 2" },
	{ "ns_sts", offsetof(struct ns_format, sts), 0, "ns_sts=0, but it is 16" },
};

static int *field_of(struct ns_format *f, size_t i)
{
	return (int *)((char *)f + expectations[i].at);
}

static void expect_agrees(void)
{
	struct nvme_ns_info info = expected_info();
	struct ns_format any = NS_FORMAT_ANY, all = right, one;
	char why[WHY_MAX] = "";

	UNIT_CHECK(!nvme_expect(&info, &any, why), "no opinion is refused: %s", why);
	UNIT_CHECK(!nvme_expect(&info, &right, why), "the right format is refused: %s", why);
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
		one = any;
		*field_of(&one, i) = *field_of(&all, i);
		UNIT_CHECK(!nvme_expect(&info, &one, why), "right %s is refused: %s",
			   expectations[i].name, why);
	}
}

/* Every set of wrong fields: those are named, and no others. */
static void expect_names_each(void)
{
	struct nvme_ns_info info = expected_info();

	for (unsigned set = 1; set < 1u << ARRAY_SIZE(expectations); set++) {
		struct ns_format want = right;
		char why[WHY_MAX] = "";

		for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
			if (set >> i & 1)
				*field_of(&want, i) = expectations[i].wrong;
		UNIT_CHECK(nvme_expect(&info, &want, why) == -EINVAL, "set %02xh passes", set);
		for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
			UNIT_CHECK(!strstr(why, expectations[i].text) == !(set >> i & 1),
				   "set %02xh, %s: '%s'", set, expectations[i].name, why);
	}
}

/* The longest line there can be stays one, within its buffer. */
static void expect_fits(void)
{
	struct nvme_ns_info info = expected_info();
	struct ns_format want;
	char why[WHY_MAX] = "";

	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
		*field_of(&want, i) = INT32_MAX;
	UNIT_CHECK(nvme_expect(&info, &want, why) == -EINVAL, "passes");
	UNIT_CHECK(strstr(why, "ns_sts=2147483647, but it is 16"), "'%s'", why);
}

/* --- what crosses the interface --- */

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

/* What the specification gives each command, by its opcode. */
static const struct command {
	const char	*name;
	uint8_t		opcode;
	bool		buffers, pract, prchk, fua, deac;
} commands[] = {
	{ "write",		0x01, true,  true,  true,  true,  false },
	{ "read",		0x02, true,  true,  true,  true,  false },
	{ "write_uncor",	0x04, false, false, false, false, false },
	{ "compare",		0x05, true,  false, true,  true,  false },
	{ "write_zeroes",	0x08, false, true,  false, true,  true  },
	{ "verify",		0x0c, false, false, true,  true,  false },
};

/* CDW12 bits of PRCHK and STC. */
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

/* Both as dwords: the first of them that differs is named. */
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

/* All of struct nvme_io; type 3 and the others alike, since a command tells tags as they are. */
static struct nvme_io any_io(const struct oracle_format *f, uint8_t opcode)
{
	uint64_t r = unit_random();

	return (struct nvme_io) {
		.opcode = opcode, .pract = r & 1, .fua = r & 2, .deac = r & 4,
		.checks = r >> 3 & 15, .slba = unit_random(),
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

/* Every PRACT with every set of checks, FUA and DEAC, of every command. */
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

/* The limits of every field, with dwords written out. */
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

/* A protected namespace's Flush has an opcode, an NSID, and nothing more. */
static void build_flush(void)
{
	struct nvme_ns_info info = expected_info();
	struct nvme_uring_cmd got = { 0 }, want = { .opcode = 0x00, .nsid = 7 };

	nvme_build_flush(&got, &info);
	same_command("flush", NULL, &want, &got);
}

/* --- results --- */

static const struct {
	int		res;
	unsigned	field;
	int		err;
	const char	*text;
} results[] = {
	{ 0, 0, 0, "Success" },
	{ 0x181, 0, EIO, "Invalid Protection Information (181h)" },
	{ 0x4181, 0, EIO, "Invalid Protection Information (181h, do not retry)" },
	{ 0x281, 0, EIO, "Unrecovered Read Error (281h)" },
	{ 0x282, PI_GUARD, EILSEQ, "End-to-end Guard Check Error (282h)" },
	{ 0x4282, PI_GUARD, EILSEQ, "End-to-end Guard Check Error (282h, do not retry)" },
	{ 0x2282, PI_GUARD, EILSEQ, "End-to-end Guard Check Error (282h)" },	/* More */
	{ 0x283, PI_APP, EILSEQ, "End-to-end Application Tag Check Error (283h)" },
	{ 0x284, PI_REF, EILSEQ, "End-to-end Reference Tag Check Error (284h)" },
	{ 0x285, 0, EILSEQ, "Compare Failure (285h)" },
	{ 0x4285, 0, EILSEQ, "Compare Failure (285h, do not retry)" },
	{ 0x287, 0, EIO, "Deallocated or Unwritten Logical Block (287h)" },
	{ 0x288, PI_STORAGE, EILSEQ, "End-to-End Storage Tag Check Error (288h)" },
	{ 0x080, 0, EIO, "LBA Out of Range (080h)" },
	{ 0x082, 0, EIO, NULL },		/* SC 82h of another type is no guard error */
	{ 0x182, 0, EIO, NULL },
	{ 0x4002, 0, EIO, "Invalid Field in Command (002h, do not retry)" },
	{ -EINVAL, 0, EINVAL, "Invalid argument" },
	{ -ENOMEM, 0, ENOMEM, "Cannot allocate memory" },
};

static void result_names(void)
{
	char buf[NVME_STATUS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		const char *want = results[i].text;

		nvme_result_name(results[i].res, buf);
		UNIT_CHECK(!want || !strcmp(buf, want), "%xh is '%s', wanted '%s'", results[i].res,
			   buf, want);
	}
}

/* Whatever a device answers, there are words for it. */
static void result_names_all(void)
{
	char buf[NVME_STATUS_MAX], code[8];

	for (int status = 1; status <= NVME_ST_MASK; status++) {
		snprintf(code, sizeof(code), "(%03xh)", status);
		nvme_result_name(status, buf);
		UNIT_CHECK(strstr(buf, code) > buf + 1 && !strchr(buf, '\n'),
			   "%xh is '%s'", status, buf);
	}
}

static void result_errnos(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		UNIT_CHECK(nvme_result_errno(results[i].res) == results[i].err,
			   "%xh is errno %d, wanted %d", results[i].res,
			   nvme_result_errno(results[i].res), results[i].err);
		if (results[i].res > 0)
			UNIT_CHECK(nvme_status_field(results[i].res) == results[i].field,
				   "%xh blames field %x, wanted %x", results[i].res,
				   nvme_status_field(results[i].res), results[i].field);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "decode_namespace", decode_namespace },
		{ "decode_commands", decode_commands },
		{ "decode_strings", decode_strings },
		{ "decode_mdts", decode_mdts },
		{ "decode_flbas", decode_flbas },
		{ "decode_no_metadata", decode_no_metadata },
		{ "decode_dps", decode_dps },
		{ "decode_elbaf", decode_elbaf },
		{ "decode_without_elbas", decode_without_elbas },
		{ "decode_elbaf_unprotected", decode_elbaf_unprotected },
		{ "decode_refusals", decode_refusals },
		{ "decode_inactive", decode_inactive },
		{ "decode_limits", decode_limits },
		{ "decode_remark", decode_remark },
		{ "format_names", format_names },
		{ "expect_agrees", expect_agrees },
		{ "expect_names_each", expect_names_each },
		{ "expect_fits", expect_fits },
		{ "wire", wire },
		{ "build_random", build_random },
		{ "build_flags", build_flags },
		{ "build_limits", build_limits },
		{ "build_dsm", build_dsm },
		{ "build_flush", build_flush },
		{ "result_names", result_names },
		{ "result_names_all", result_names_all },
		{ "result_errnos", result_errnos },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
