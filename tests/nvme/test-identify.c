/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-identify.c - decode Identify data to a layout, and compare a layout with the one that a job
 * expects; the bytes are written here from the specification
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>

#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

/* --- Identify --- */

/* Return a controller with an unprotected namespace of 1000 blocks of 512 bytes. */
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

/* Decode @id, which must succeed; after a failure the result is all zero. */
static struct nvme_ns_info decoded(const struct nvme_identify *id)
{
	struct nvme_ns_info info;
	char why[WHY_MAX] = "";
	int ret = nvme_decode(id, 7, &info, why);

	if (!UNIT_CHECK(!ret, "returned %d: %s", ret, why))
		memset(&info, 0, sizeof(info));
	return info;
}

/* Require that decoding @id is refused in one line that contains @words. */
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

/* A command in the effects log is supported whatever ONCS says; only the bit CSUPP counts. */
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
		{ "\x1b[2Jred\n\x9b\x7f                             ", "?[2Jred???" },
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
		{ 20, 0 }, { 255, 0 },	/* 4 GiB and more: no limit for a 32-bit length */
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

/* Each format of the namespace has 16 bytes of metadata plus its index. */
static void decode_flbas(void)
{
	static const struct {
		uint8_t	flbas, nlbaf, index;
		bool	extended;
	} rows[] = {
		{ 0x01, 15, 1, false }, { 0x0f, 15, 15, false }, { 0x13, 15, 3, true },
		{ 0x63, 15, 3, false }, { 0x73, 15, 3, true },	/* of 16: bits 6:5 are ignored */
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

/* FLBAS bit 4 is ignored for a format without metadata. */
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

/* Return a protected namespace in format 5 with the given ELBAF and PIC. */
static struct nvme_identify elbaf_identify(uint32_t elbaf, uint8_t pic)
{
	struct nvme_identify id = plain_identify();

	id.ctrl.ctratt = htole32(1 << 15);		/* ELBAS */
	id.ns.flbas = 5;
	id.ns.dps = 1;
	id.nvm.pic = pic;
	id.nvm.lbstm = htole64(0x0123456789abcdef);
	for (unsigned i = 0; i < 64; i++)		/* must not be used */
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
		int		want;		/* index in pi_formats; -1: refused */
	} rows[] = {
		{ 0, 0, 0, 0, 0 }, { 0, 0, 32, 0, 0 }, { 0, 1, 16, 0, 1 }, { 0, 1, 64, 0, 1 },
		{ 0, 2, 0, 0, 2 }, { 0, 2, 48, 0, 2 },
		{ 2, 0, 0, 0, 0 }, { 15, 1, 16, QPIFS, 1 },	/* QPIF is used with PIF 3 only */
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

/* Without ELBAS the structure does not exist and is ignored: 16b guard, no storage tag. */
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

/* ELBAF is ignored without protection information. */
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

/* The maximum of every field. */
static void decode_limits(void)
{
	struct nvme_identify id = elbaf_identify(elbaf(0, 1, 64), 0);

	id.ns.lbaf[5] = (struct nvme_lbaf){ .ms = htole16(65535), .ds = 30 };
	UNIT_CHECK(decoded(&id).layout.md_size == 65535, "metadata of 65535 bytes is lost");
	UNIT_CHECK(decoded(&id).layout.data_size == 1 << 30, "data of 2^30 bytes is lost");
}

/* A format that works but violates the specification results in a remark. */
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

/* 4096+64, extended, type 2, first, 64b, STS 16: each field differs from its neighbours. */
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

/* Fields of the tuple are ignored without protection information. */
static void expect_of_no_tuple(void)
{
	const struct oracle_format f = { .data_size = 4096, .md_size = 64 };
	struct nvme_ns_info info = info_of(&f);
	struct ns_format want = { 4096, 64, 0, 0, 1, 2, 16 };
	char why[WHY_MAX] = "";

	UNIT_CHECK(!nvme_expect(&info, &want, why), "%s", why);
	want.pi = 1;
	UNIT_CHECK(nvme_expect(&info, &want, why) == -EINVAL &&
		   !strcmp(why, "ns_pi=1, but it is 0"), "'%s'", why);
}

/* For every set of wrong fields, exactly these are named. */
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

/* The longest possible message fits into its buffer and is one line. */
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
		{ "expect_of_no_tuple", expect_of_no_tuple },
		{ "expect_names_each", expect_names_each },
		{ "expect_fits", expect_fits },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
