/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-drives.c - Identify data of different drives: the properties that are decoded from it, and
 * the message for namespaces that are not supported
 *
 * The bytes are written here by their offsets in the specification's figures.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

/* --- a target that answers Identify commands --- */

enum {
	FAILS = -1,		/* used as an offset: the CNS completes with that status */
	NR_CNS = 8, CTRL = 1, NS = 0, DESCRIPTORS = 3, NVM_NS = 5, NVM_CTRL = 6,
};

/* Byte @at of the data of CNS @cns, or @width bytes from there on, little-endian. */
struct byte {
	uint8_t		cns;
	int		at;
	unsigned	width;
	uint64_t	value;
};

static uint8_t pages[NR_CNS][4096];
static int status[NR_CNS];
static unsigned asked;			/* one bit per CNS */
static bool busy_first;			/* the first Identify of each CNS returns a busy status */

/* Of the Zoned Namespace Command Set: zones of 64 blocks, 4 of them open, and a ZASL of 16 KiB. */
static int answer_zoned(unsigned cns, void *page)
{
	struct nvme_zns_id_ns *ns = page;

	if (pages[NVME_IDENTIFY_CNS_NS_DESC_LIST][16] != NVME_CSI_ZNS)
		return 0x4002;
	memset(page, 0, 4096);
	if (cns == NVME_IDENTIFY_CNS_CSI_CTRL)
		*(uint8_t *)page = 2;
	else
		*ns = (struct nvme_zns_id_ns){ .mor = htole32(3), .mar = htole32(~0u), .ozcs = htole16(1),
					       .lbafe[1].zsze = htole64(64) };
	return 0;
}

static int answer(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	const unsigned cns = cmd->cdw10 & 0xff;

	(void)ns;
	if (cmd->opcode != nvme_admin_identify || cns >= NR_CNS)
		return 0x4002;
	if (busy_first && !(asked & 1u << cns)) {
		asked |= 1u << cns;
		return 0x021;			/* Command Interrupted */
	}
	if (cmd->cdw11 >> 24 == NVME_CSI_ZNS)
		return answer_zoned(cns, (void *)(uintptr_t)cmd->addr);
	UNIT_CHECK(!(cmd->cdw11 >> 24), "CNS %02xh is asked of CSI %02xh", cns, cmd->cdw11 >> 24);
	asked |= 1u << cns;
	if (!status[cns])
		memcpy((void *)(uintptr_t)cmd->addr, pages[cns], 4096);
	else
		memset((void *)(uintptr_t)cmd->addr, 0xff, 4096);	/* nothing valid */
	return status[cns];
}

/* A drive of 1000 blocks: format 0 is 512, format 1 is 4096+8 (in use, type 1, last). */
static const struct byte plain[] = {
	{ CTRL, 80, 4, 0x20000 },		/* VER 2.0 */
	{ CTRL, 77, 1, 5 },			/* MDTS */
	{ CTRL, 96, 4, 1 << 15 },		/* CTRATT: ELBAS */
	{ CTRL, 520, 2, 0x1df },		/* ONCS */
	{ NS, 0, 8, 1000 }, { NS, 8, 8, 1000 }, { NS, 16, 8, 1000 },
	{ NS, 25, 1, 1 }, { NS, 26, 1, 1 },	/* NLBAF, FLBAS */
	{ NS, 27, 1, 3 }, { NS, 28, 1, 0x1f }, { NS, 29, 1, 1 },	/* MC, DPC, DPS */
	{ NS, 128, 4, 9 << 16 }, { NS, 132, 4, 12 << 16 | 8 },
	{ DESCRIPTORS, 0, 4, 0x0801 }, { DESCRIPTORS, 4, 8, 0x1122334455667788 },
	{ DESCRIPTORS, 12, 4, 0x0104 },		/* CSI: NVM */
};

static void set(const struct byte *b)
{
	if (b->at == FAILS)
		status[b->cns] = b->value;
	for (unsigned i = 0; b->at != FAILS && i < b->width; i++)
		pages[b->cns][b->at + i] = b->value >> 8 * i;
}

/* Identify the plain drive with @nr bytes replaced by @b.  Returns as nvme_identify_all(). */
static int identify(const struct byte *b, unsigned nr, struct nvme_identify *id)
{
	static const struct target_ops ops = { .admin = answer };
	struct target_ns ns = { .ops = &ops, .nsid = 7 };

	memset(pages, 0, sizeof(pages));
	memset(status, 0, sizeof(status));
	asked = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(plain); i++)
		set(&plain[i]);
	for (unsigned i = 0; i < nr && b[i].width; i++)
		set(&b[i]);
	return nvme_identify_all(&ns, id);
}

enum { MOST = 8 };

/* --- namespaces that are supported --- */

static const struct drive {
	const char		*name;
	struct byte		bytes[MOST];
	uint32_t		data, md, transfer;
	unsigned		lbaf;
	struct nvme_limits	limits;
	uint16_t		oncs;
	uint8_t			csi, dlfeat;
} drives[] = {
	{ "plain", { { 0 } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "MDTS 0", { { CTRL, 77, 1, 0 } }, 4096, 8, 0, 1, { 0 }, 0x1df, 0, 0 },
	{ "MDTS 255", { { CTRL, 77, 1, 255 } }, 4096, 8, 0, 1, { 0 }, 0x1df, 0, 0 },
	{ "LBADS 16", { { NS, 132, 4, 16 << 16 | 8 } }, 65536, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "LBADS 17", { { NS, 132, 4, 17 << 16 | 8 } }, 131072, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "LBADS 20", { { NS, 132, 4, 20 << 16 | 64 } }, 1 << 20, 64, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "metadata of 12", { { NS, 132, 4, 12 << 16 | 12 } }, 4096, 12, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "metadata of 33", { { NS, 132, 4, 9 << 16 | 33 } }, 512, 33, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "format 17 of 18", { { NS, 25, 1, 17 }, { NS, 26, 1, 0x21 }, { NS, 196, 4, 9 << 16 | 16 } },
	  512, 16, 131072, 17, { 0 }, 0x1df, 0, 0 },
	/* 16 formats with common attributes and 4 with individual ones */
	{ "format 17 of 16 and 4", { { NS, 25, 1, 15 }, { NS, 82, 1, 4 }, { NS, 26, 1, 0x21 },
				     { NS, 196, 4, 9 << 16 | 16 } },
	  512, 16, 131072, 17, { 0 }, 0x1df, 0, 0 },
	{ "format 1 of 16, bits 6:5 say nothing", { { NS, 25, 1, 15 }, { NS, 26, 1, 0x21 },
						    { NS, 196, 4, 9 << 16 | 16 } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "format 63 of 1 and 63", { { NS, 25, 1, 0 }, { NS, 82, 1, 63 }, { NS, 26, 1, 0x6f },
				     { NS, 128 + 63 * 4, 4, 12 << 16 | 16 } },
	  4096, 16, 131072, 63, { 0 }, 0x1df, 0, 0 },
	{ "MC without separate", { { NS, 27, 1, 1 }, { NS, 26, 1, 0x11 } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "DPC of nothing", { { NS, 28, 1, 0 } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "thin", { { NS, 8, 8, 10 }, { NS, 16, 8, 3 } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "ONCS of nothing", { { CTRL, 520, 2, 0 } }, 4096, 8, 131072, 1, { 0 }, 0, 0, 0 },
	{ "DLFEAT", { { NS, 33, 1, 0x1a } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0x1a },
	{ "PIC of all bits", { { NVM_NS, 8, 1, 0xff } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "zoned", { { DESCRIPTORS, 16, 1, 2 } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 2, 0 },
	{ "no CSI", { { DESCRIPTORS, 12, 4, 0 } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "no descriptors", { { DESCRIPTORS, FAILS, 1, 0x4002 } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "descriptors that may not be asked for", { { DESCRIPTORS, FAILS, 1, (uint64_t)-EACCES } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "descriptors without an end", { { DESCRIPTORS, 0, 4, 0xff01 }, { DESCRIPTORS, 259, 4, 0xff01 },
					  { DESCRIPTORS, 518, 4, 0x0104 } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },

	/* CNS 06h */
	{ "limits", { { NVM_CTRL, 0, 1, 1 }, { NVM_CTRL, 1, 1, 10 }, { NVM_CTRL, 2, 1, 3 },
		      { NVM_CTRL, 3, 1, 200 }, { NVM_CTRL, 4, 4, 70000 }, { NVM_CTRL, 8, 8, 1ULL << 33 } },
	  4096, 8, 131072, 1, { 8192, 4 << 20, 32768, 200, 70000, 1ULL << 33, false }, 0x1df, 0, 0 },
	{ "limits without limit", { { NVM_CTRL, 0, 1, 255 }, { NVM_CTRL, 1, 1, 50 } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "the widest", { { NVM_CTRL, 0, 1, 49 } },
	  4096, 8, 131072, 1, { .verify = 1ULL << 61 }, 0x1df, 0, 0 },
	{ "MEM", { { CTRL, 96, 4, 1 << 16 } },
	  4096, 8, 131072, 1, { .data_only = true }, 0x1df, 0, 0 },
	{ "no CNS 06h", { { NVM_CTRL, FAILS, 1, 0x4002 } }, 4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	{ "version 1.1 has none", { { CTRL, 80, 4, 0x10100 }, { NVM_CTRL, 0, 1, 3 } },
	  4096, 8, 131072, 1, { 0 }, 0x1df, 0, 0 },
	/* the ONCS bit is clear and the limit is set: the command is supported up to the limit */
	{ "Verify by its limit", { { CTRL, 520, 2, 0 }, { NVM_CTRL, 0, 1, 3 } },
	  4096, 8, 131072, 1, { .verify = 32768 }, 1 << 7, 0, 0 },
	{ "Write Zeroes by its limit", { { CTRL, 520, 2, 0 }, { NVM_CTRL, 1, 1, 3 } },
	  4096, 8, 131072, 1, { .zeroes = 32768 }, 1 << 3, 0, 0 },
	{ "Write Uncorrectable by its limit", { { CTRL, 520, 2, 0 }, { NVM_CTRL, 2, 1, 3 } },
	  4096, 8, 131072, 1, { .uncor = 32768 }, 1 << 1, 0, 0 },
	{ "Dataset Management by its limits", { { CTRL, 520, 2, 0 }, { NVM_CTRL, 3, 1, 1 },
						{ NVM_CTRL, 4, 4, 8 }, { NVM_CTRL, 8, 8, 8 } },
	  4096, 8, 131072, 1, { .ranges = 1, .range_blocks = 8, .trim_blocks = 8 }, 1 << 2, 0, 0 },
	{ "Dataset Management by two of three", { { CTRL, 520, 2, 0 }, { NVM_CTRL, 3, 1, 1 },
						  { NVM_CTRL, 8, 8, 8 } },
	  4096, 8, 131072, 1, { .ranges = 1, .trim_blocks = 8 }, 0, 0, 0 },
};

static void same_limits(const char *name, const struct nvme_limits *a, const struct nvme_limits *b)
{
	UNIT_CHECK(a->verify == b->verify && a->zeroes == b->zeroes && a->uncor == b->uncor,
		   "%s: VSL %" PRIu64 ", WZSL %" PRIu64 ", WUSL %" PRIu64, name, a->verify, a->zeroes,
		   a->uncor);
	UNIT_CHECK(a->ranges == b->ranges && a->range_blocks == b->range_blocks &&
		   a->trim_blocks == b->trim_blocks, "%s: DMRL %u, DMRSL %u, DMSL %" PRIu64, name,
		   a->ranges, a->range_blocks, a->trim_blocks);
	UNIT_CHECK(a->data_only == b->data_only, "%s: MEM %d", name, a->data_only);
}

static void driven(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(drives); i++) {
		const struct drive *d = &drives[i];
		struct nvme_ns_info info;
		struct nvme_identify id;
		char why[WHY_MAX] = "";
		int ret = identify(d->bytes, MOST, &id);

		if (!UNIT_CHECK(!ret, "%s: Identify: %d", d->name, ret) ||
		    !UNIT_CHECK(!nvme_decode(&id, 7, &info, why), "%s: %s", d->name, why))
			continue;
		UNIT_CHECK(info.layout.data_size == d->data && info.layout.md_size == d->md,
			   "%s: %u+%u", d->name, info.layout.data_size, info.layout.md_size);
		UNIT_CHECK(info.max_transfer == d->transfer, "%s: MDTS %u", d->name, info.max_transfer);
		UNIT_CHECK(info.lbaf == d->lbaf, "%s: format %u", d->name, info.lbaf);
		UNIT_CHECK(info.oncs == d->oncs, "%s: ONCS %04xh", d->name, info.oncs);
		UNIT_CHECK(info.csi == d->csi, "%s: CSI %02xh", d->name, info.csi);
		UNIT_CHECK(info.dlfeat == d->dlfeat, "%s: DLFEAT %02xh", d->name, info.dlfeat);
		UNIT_CHECK(info.nr_blocks == 1000, "%s: %" PRIu64 " blocks", d->name, info.nr_blocks);
		same_limits(d->name, &info.limits, &d->limits);
		UNIT_CHECK(d->csi == 2 ? info.zones.blocks == 64 && info.zones.max_open == 4 &&
			   !info.zones.max_active && info.zones.append == 16384 && info.zones.cross :
			   !info.zones.blocks, "%s: zones of %" PRIu64, d->name, info.zones.blocks);
	}
}

/* --- namespaces that are not supported --- */

static void refused(void)
{
	static const struct {
		const char	*name;
		struct byte	bytes[MOST];
		const char	*words;
	} rows[] = {
		{ "Key Value", { { DESCRIPTORS, 16, 1, 1 } }, "Key Value Command Set (CSI 01h)" },
		{ "memory", { { DESCRIPTORS, 16, 1, 3 } }, "Subsystem Local Memory Command Set" },
		{ "of the future", { { DESCRIPTORS, 16, 1, 0x31 } }, "unknown Command Set (CSI 31h)" },
		{ "Key Value, which has no Identify of the NVM Command Set",
		  { { DESCRIPTORS, 16, 1, 1 }, { NS, FAILS, 1, 0x400b } }, "Key Value" },
		{ "no blocks", { { NS, 0, 8, 0 } }, "no blocks" },
		{ "LBADS 0", { { NS, 132, 4, 8 } }, "not available" },
		{ "LBADS 8", { { NS, 132, 4, 8 << 16 | 8 } }, "2^8" },
		{ "LBADS 31", { { NS, 132, 4, 31 << 16 | 8 } }, "2^31" },
		{ "format 2 of 2", { { NS, 26, 1, 2 } }, "LBA format 2 is in use" },
		{ "format 20 of 16 and 4", { { NS, 25, 1, 15 }, { NS, 82, 1, 4 }, { NS, 26, 1, 0x24 } },
		  "LBA format 20 is in use" },
		{ "type 5", { { NS, 29, 1, 5 } }, "type" },
		{ "PIF 3 without QPIFS", { { NVM_NS, 16, 4, 3 << 7 } }, "reserved" },
		{ "QPIF 3", { { NVM_NS, 8, 1, 8 }, { NVM_NS, 16, 4, 3 << 9 | 3 << 7 } }, "reserved" },
		{ "32b without room", { { NVM_NS, 16, 4, 1 << 7 | 16 } }, "metadata is smaller" },
		{ "metadata of 4", { { NS, 132, 4, 12 << 16 | 4 } }, "metadata is smaller" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_ns_info info;
		struct nvme_identify id;
		char why[WHY_MAX] = "";
		int ret = identify(rows[i].bytes, MOST, &id);

		UNIT_CHECK(!ret, "%s: Identify: %d", rows[i].name, ret);
		ret = nvme_decode(&id, 7, &info, why);
		UNIT_CHECK(ret == -EINVAL && strstr(why, rows[i].words) && !strchr(why, '\n'),
			   "%s: %d, '%s', not about '%s'", rows[i].name, ret, why, rows[i].words);
	}
}

/* Check which structures are required, and which are not read from an older controller. */
static void asked_for(void)
{
	static const struct {
		struct byte	bytes[MOST];
		unsigned	asked;
		int		ret;
	} rows[] = {
		{ { { 0 } }, 1 << CTRL | 1 << DESCRIPTORS | 1 << NS | 1 << NVM_NS | 1 << NVM_CTRL, 0 },
		{ { { CTRL, 80, 4, 0x10200 } }, 1 << CTRL | 1 << NS | 1 << NVM_NS | 1 << NVM_CTRL, 0 },
		{ { { CTRL, 80, 4, 0x10100 }, { CTRL, 96, 4, 0 } }, 1 << CTRL | 1 << NS, 0 },
		{ { { CTRL, FAILS, 2, 0x4006 } }, 1 << CTRL, 0x4006 },
		{ { { NS, FAILS, 1, 0x400b } }, 1 << CTRL | 1 << DESCRIPTORS | 1 << NS, 0x400b },
		{ { { NVM_NS, FAILS, 1, 0x4002 } },
		  1 << CTRL | 1 << DESCRIPTORS | 1 << NS | 1 << NVM_NS, 0x4002 },
		{ { { DESCRIPTORS, 16, 1, 1 } }, 1 << CTRL | 1 << DESCRIPTORS, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvme_identify id;
		int ret = identify(rows[i].bytes, MOST, &id);

		UNIT_CHECK(ret == rows[i].ret && asked == rows[i].asked,
			   "row %zu: %xh, asked for %02xh, wanted %xh and %02xh", i, ret, asked,
			   rows[i].ret, rows[i].asked);
	}
}

/* A controller that is busy has said nothing: it is asked again, and what it may have is not left out. */
static void busy(void)
{
	static const struct byte always[] = { { DESCRIPTORS, FAILS, 1, 0x082 } };
	struct nvme_identify id, plain_id;
	int ret;

	identify(NULL, 0, &plain_id);
	busy_first = true;
	ret = identify(NULL, 0, &id);
	busy_first = false;
	UNIT_CHECK(!ret && !memcmp(&id, &plain_id, sizeof(id)), "busy at first: %xh", ret);
	ret = identify(always, 1, &id);
	UNIT_CHECK(ret == 0x082, "always busy with the descriptors: %xh", ret);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "driven", driven },
		{ "refused", refused },
		{ "asked_for", asked_for },
		{ "busy", busy },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
