// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-model.c - the model of nvmepi-qualify against examples of the specification, worked
 * out by hand, and its tuples against the oracle's
 */
#include <stdlib.h>
#include "engines/qualify/model.h"
#include "engines/qualify/guard.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

enum { BLOCKS = 32 };

/* Room for commands of up to BLOCKS blocks. */
static uint8_t data[BLOCKS * (4096 + 64)], md[BLOCKS * 64];

static struct qm_format format(unsigned type, unsigned pif, unsigned sts)
{
	return (struct qm_format){
		.nsid = 1,
		.data_size = 512,
		.md_size = pif ? 16 : 8,
		.type = type,
		.pif = pif,
		.sts = sts,
		.storage_mask = ~0ULL,
		.nr_blocks = BLOCKS,
		.drb = 1,
		.oncs = 0xffff,
	};
}

static struct nvme_uring_cmd command(const struct qm_format *f, uint8_t opcode, uint64_t lba,
				     uint32_t nr, uint32_t flags)
{
	const struct qm_wire w = qm_wire(f, flags >> 29 & 1);

	return (struct nvme_uring_cmd) {
		.opcode = opcode, .nsid = 1, .cdw10 = lba, .cdw12 = (nr - 1) | flags,
		.addr = (uintptr_t)data, .data_len = nr * w.data,
		.metadata = (uintptr_t)md, .metadata_len = nr * w.md,
	};
}

#define PRACT	(1u << 29)
#define GUARD	(1u << 28)
#define APP	(1u << 27)
#define REF	(1u << 26)
#define STC	(1u << 24)

/* Blocks in the buffers that are right for @tags. */
static void fill(const struct qm_format *f, const struct nvme_uring_cmd *cmd,
		 const struct qm_tags *tags)
{
	const struct qm_range r = qm_range(f, cmd);

	unit_random_fill(data, sizeof(data));
	unit_random_fill(md, sizeof(md));
	for (uint32_t i = 0; i < r.nr; i++) {
		const struct qm_place p = qm_place(f, cmd, r.pract, i);

		if (p.md)
			qm_protect(f, tags, i, p.data, p.md);
	}
}

static bool is_expected(struct qm *m, const struct nvme_uring_cmd *cmd, uint32_t want,
			const char *what)
{
	const struct qm_expect e = qm_expect(m, cmd);
	char text[QM_TEXT_MAX];

	qm_expect_text(&e, text);
	return UNIT_CHECK(e.allowed == want, "%s: may return %s (%x, not %x)", what, text,
			  e.allowed, want);
}

static void start(struct qm *m, const struct qm_format *f, unsigned may)
{
	if (!qm_open(m, f, 0, BLOCKS, may))
		exit(2);
}

/* --- guards --- */

/* Figures 150 and 155, and the check value of CRC-16/T10-DIF. */
static void guards(void)
{
	static const struct {
		unsigned pif;
		int kind;		/* bytes of 00h, FFh, counting up, counting down */
		uint64_t guard;
	} known[] = {
		{ 1, 0, 0x98f94189 },	      { 1, 1, 0x25c1fe13 },
		{ 1, 2, 0x9c71fe32 },	      { 1, 3, 0x214941a8 },
		{ 2, 0, 0x6482d367eb22b64e }, { 2, 1, 0xc0ddba7302eca3ac },
		{ 2, 2, 0x3e729f5f6750449c }, { 2, 3, 0x9a2df64b8e9e517e },
	};
	uint8_t block[4096];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		for (size_t b = 0; b < sizeof(block); b++)
			block[b] = known[i].kind == 0	? 0
				   : known[i].kind == 1 ? 0xff
				   : known[i].kind == 2 ? b
							: ~b;
		UNIT_CHECK(qm_guard(known[i].pif, block, 4096, NULL, 0) == known[i].guard,
			   "PIF %u, bytes of kind %d: %llx", known[i].pif, known[i].kind,
			   (unsigned long long)qm_guard(known[i].pif, block, 4096, NULL, 0));
	}
	UNIT_CHECK(qm_guard(0, "12345", 5, "6789", 4) == 0xd0db, "16b of 123456789 is %llx",
		   (unsigned long long)qm_guard(0, "12345", 5, "6789", 4));
}

/* Every format: the tuple is byte for byte the oracle's. */
static void one_format(const struct oracle_format *o)
{
	const struct qm_format f = {
		.data_size = o->data_size,
		.md_size = o->md_size,
		.type = o->type,
		.pif = o->pif,
		.sts = o->sts,
		.first = o->first,
		.extended = o->extended,
	};
	struct oracle_tuple t = { { 0 } };
	struct qm_tags tags;
	uint8_t other[64];

	if (!o->type)
		return;
	unit_random_fill(data, o->data_size);
	unit_random_fill(md, 64);
	memcpy(other, md, 64);
	tags = (struct qm_tags){ .ref = unit_random() & qm_ones(qm_ref_bits(&f)),
				 .storage = unit_random() & qm_ones(f.sts), .app = unit_random() };
	t.field[ORACLE_APP] = tags.app;
	t.field[ORACLE_STORAGE] = tags.storage;
	t.field[ORACLE_REF] = qm_ref_at(&f, tags.ref, 3);
	oracle_generate(o, data, other, &t);
	qm_protect(&f, &tags, 3, data, md);
	UNIT_CHECK(!memcmp(md, other, o->md_size),
		   "type %u, PIF %u, STS %u, %u+%u: another tuple than the oracle's", o->type,
		   o->pif, o->sts, o->data_size, o->md_size);
	UNIT_CHECK(qm_ref_at(&f, tags.ref, 3) == oracle_ref(o, tags.ref, 3),
		   "another reference tag");
}

static void tuples(void)
{
	each_format(one_format);
}

/* --- figures 160 to 165: tags in command dwords --- */

static void dwords(void)
{
	const struct qm_format f16 = format(1, 0, 0), f32 = format(1, 1, 32),
			       f64 = format(1, 2, 18);
	const struct nvme_uring_cmd cmd = {
		.cdw2 = 0xaaaa1111, .cdw3 = 0x22223333, .cdw14 = 0xc4445555, .cdw15 = 0x0ff01234,
		.cdw12 = STC | PRACT | REF | 7,
	};
	struct qm_range r = qm_range(&f16, &cmd);
	struct nvme_uring_cmd back = { 0 };

	UNIT_CHECK(r.tags.ref == 0xc4445555 && !r.tags.storage, "16b: ILBRT is CDW14, not %llx",
		   (unsigned long long)r.tags.ref);
	UNIT_CHECK(r.tags.app == 0x1234 && r.tags.app_mask == 0x0ff0, "CDW15 is LBATM, LBAT");
	UNIT_CHECK(r.nr == 8 && r.pract && r.checks == QM_REF, "PRINFO, or NLB: %u %u", r.nr,
		   r.checks);
	r = qm_range(&f32, &cmd);
	UNIT_CHECK(r.tags.storage == 0x11112222 && r.tags.ref == 0x3333c4445555,
		   "32b, STS 32: %llx %llx", (unsigned long long)r.tags.storage,
		   (unsigned long long)r.tags.ref);
	UNIT_CHECK(r.checks == (QM_REF | QM_STORAGE), "STC counts where there is a storage tag");
	qm_put_tags(&f32, &r.tags, &back);
	UNIT_CHECK(back.cdw2 == 0x1111 && back.cdw3 == cmd.cdw3 && back.cdw14 == cmd.cdw14,
		   "back into dwords");
	r = qm_range(&f64, &cmd);
	UNIT_CHECK(r.tags.storage == (0x3333 << 2 | 3) && r.tags.ref == 0x4445555,
		   "64b, STS 18: %llx %llx", (unsigned long long)r.tags.storage,
		   (unsigned long long)r.tags.ref);
}

/* 5.3.3: all ones is followed by 0; type 3 does not count. */
static void wraps(void)
{
	const struct qm_format f = format(2, 0, 20), f3 = format(3, 0, 20), wide = format(1, 1, 16);

	UNIT_CHECK(qm_ref_at(&f, 0xffe, 1) == 0xfff && qm_ref_at(&f, 0xffe, 2) == 0, "12 bits");
	UNIT_CHECK(qm_ref_at(&f3, 0xffe, 2) == 0xffe, "type 3");
	UNIT_CHECK(qm_ref_at(&wide, ~0ULL, 1) == 0, "64 bits");
}

/* --- what commands may return --- */

/* A write of right blocks passes; a wrong field is its status where it is checked, and only then.
 */
static void checks(void)
{
	const struct qm_format f = format(1, 0, 16);
	const struct qm_tags tags = {
		.ref = 5, .storage = 0xbeef, .app = 0x1234, .app_mask = 0xffff
	};
	struct nvme_uring_cmd cmd = command(&f, nvme_cmd_write, 5, 3, GUARD | APP | REF | STC);
	struct qm m;

	start(&m, &f, QM_ANY);
	qm_put_tags(&f, &tags, &cmd);
	fill(&f, &cmd, &tags);
	is_expected(&m, &cmd, QS(QS_OK), "right blocks");
	md[8] ^= 1;
	is_expected(&m, &cmd, QS(QS_GUARD), "guard of block 1");
	md[16 + 3] ^= 1;
	is_expected(&m, &cmd, QS(QS_GUARD) | QS(QS_APP), "and the application tag of block 2");
	md[8] ^= 1;
	is_expected(&m, &cmd, QS(QS_APP), "that alone");
	cmd.cdw15 &= ~(1u << 16);
	is_expected(&m, &cmd, QS(QS_OK), "its bit masked");
	md[4] ^= 0x80;
	is_expected(&m, &cmd, QS(QS_STORAGE), "storage tag of block 0");
	cmd.cdw12 &= ~STC;
	is_expected(&m, &cmd, QS(QS_OK), "without STC");
	md[7] ^= 1;
	is_expected(&m, &cmd, QS(QS_REF), "reference tag of block 0");
	cmd.cdw12 |= PRACT;
	is_expected(&m, &cmd, QS(QS_OK), "PRACT checks nothing");
	qm_close(&m);
}

/* 5.3.3: FFFFh in the application tag; for type 3 all ones in the reference tag, too. */
static void escapes(void)
{
	for (unsigned type = 1; type <= 3; type++) {
		const struct qm_format f = format(type, 0, 0);
		const struct qm_tags tags = { .ref = 5, .app = 0x1234, .app_mask = 0xffff };
		struct nvme_uring_cmd cmd = command(&f, nvme_cmd_write, 5, 2, GUARD | APP);
		struct qm m;

		start(&m, &f, QM_ANY);
		qm_put_tags(&f, &tags, &cmd);
		fill(&f, &cmd, &tags);
		memset(md, 0xff, 4);
		is_expected(&m, &cmd, type == 3 ? QS(QS_GUARD) | QS(QS_APP) : QS(QS_OK),
			    "application tag");
		memset(md + 4, 0xff, 4);
		is_expected(&m, &cmd, QS(QS_OK), "both tags");
		md[8] ^= 1;
		is_expected(&m, &cmd, QS(QS_GUARD), "the next block");
		qm_close(&m);
	}
}

static void reference_tags(void)
{
	const struct qm_format f1 = format(1, 0, 0), f2 = format(2, 0, 0), f3 = format(3, 0, 0);
	const struct qm_tags other = { .ref = 9, .app_mask = 0xffff };
	struct nvme_uring_cmd cmd = command(&f1, nvme_cmd_write, 5, 2, REF);
	struct qm m;

	fill(&f1, &cmd, &other);
	qm_put_tags(&f1, &other, &cmd);
	start(&m, &f1, QM_ANY);
	is_expected(&m, &cmd, QS(QS_PI), "type 1: ILBRT is not SLBA");
	cmd.cdw12 |= PRACT;
	is_expected(&m, &cmd, QS(QS_OK), "type 1 with PRACT");
	cmd.cdw12 &= ~PRACT;
	qm_close(&m);
	start(&m, &f2, QM_ANY);
	is_expected(&m, &cmd, QS(QS_OK), "type 2: any seed");
	qm_close(&m);
	start(&m, &f3, QM_ANY);
	is_expected(&m, &cmd, QS(QS_OK) | QS(QS_PI), "type 3: not compared, or refused");
	qm_close(&m);
}

static void limits(void)
{
	struct qm_format f = format(0, 0, 0);
	struct nvme_uring_cmd cmd = command(&f, nvme_cmd_read, BLOCKS - 1, 1, 0);
	struct qm m;

	f.max_bytes = 4 * 512;
	start(&m, &f, QM_ZEROES);
	is_expected(&m, &cmd, QS(QS_OK), "the last block");
	cmd.cdw12 = 1;
	is_expected(&m, &cmd, QS(QS_LBA), "one past it");
	cmd.cdw12 = 4;
	is_expected(&m, &cmd, QS(QS_LBA) | QS(QS_FIELD), "and past MDTS");
	cmd.cdw10 = 0;
	is_expected(&m, &cmd, QS(QS_FIELD), "past MDTS alone");
	cmd.opcode = nvme_cmd_verify;
	is_expected(&m, &cmd, QS(QS_OK), "Verify moves nothing");
	cmd.cdw11 = 0x80000000;
	is_expected(&m, &cmd, QS(QS_LBA), "far away");
	cmd.opcode = 0x7e;
	is_expected(&m, &cmd, QS(QS_OPCODE), "a reserved opcode");
	qm_close(&m);
}

/* --- what blocks may hold --- */

static bool reads_as(struct qm *m, uint64_t lba, int fill_byte, int tuple_byte)
{
	const struct nvme_uring_cmd cmd = command(&m->f, nvme_cmd_read, lba, 1, 0);
	struct qm_diff d;

	memset(data, fill_byte, 512);
	memset(md, tuple_byte, 8);
	return qm_read(m, &cmd, &d);
}

/* 3.3.3.2.1: what a deallocated block reads as is settled by the first Read. */
static void deallocated(void)
{
	struct qm_format f = format(1, 0, 0);
	struct nvme_uring_cmd cmd;
	struct qm m;

	f.drb = 0;
	start(&m, &f, QM_ZEROES | QM_FFS);
	cmd = command(&f, nvme_cmd_read, 3, 1, GUARD | APP | REF);
	cmd.cdw14 = 3;
	is_expected(&m, &cmd, QS(QS_OK), "it is not checked");
	UNIT_CHECK(!reads_as(&m, 3, 0, 0), "a tuple of zeroes is none of a deallocated block");
	UNIT_CHECK(reads_as(&m, 3, 0xff, 0xff), "bytes of FFh");
	UNIT_CHECK(!reads_as(&m, 3, 0, 0xff), "zeroes, after bytes of FFh");
	UNIT_CHECK(reads_as(&m, 4, 0, 0xff), "zeroes in another block");
	m.f.dulbe = true;
	is_expected(&m, &cmd, QS(QS_UNWRITTEN), "with DULBE it can't be read");
	m.blocks[3].may = QM_ANY;
	is_expected(&m, &cmd, QS(QS_OK) | QM_MEDIA_ERRORS | QS(QS_UNWRITTEN),
		    "it may be deallocated");
	qm_close(&m);
	f.drb = 1;
	f.gds = true;
	start(&m, &f, QM_ZEROES);
	UNIT_CHECK(!reads_as(&m, 3, 0, 0xff), "with GDS the guard is that of the data");
	qm_close(&m);
}

/* 3.3.8: a tuple of zeroes, one that is generated, or a deallocated block. */
static void zeroes(void)
{
	const struct qm_format f = format(1, 0, 0);
	struct nvme_uring_cmd cmd = command(&f, nvme_cmd_write_zeroes, 3, 2, 0);
	struct qm m;

	start(&m, &f, QM_ANY);
	qm_done(&m, &cmd, true);
	UNIT_CHECK(qm_block(&m, 3)->may == (QM_BLANK | QM_ZEROES), "may be %x",
		   qm_block(&m, 3)->may);
	UNIT_CHECK(reads_as(&m, 3, 0, 0) && !reads_as(&m, 3, 0, 0xff),
		   "a tuple of zeroes, then nothing else");
	UNIT_CHECK(reads_as(&m, 4, 0, 0xff) && !reads_as(&m, 4, 0, 0),
		   "deallocated, then nothing else");
	cmd.cdw12 |= GUARD;
	is_expected(&m, &cmd, QS(QS_PI) | QS(QS_FIELD), "PRCHK is refused");
	cmd.cdw12 = PRACT | 1;
	cmd.cdw14 = 3;
	cmd.cdw15 = 0x1234;
	qm_done(&m, &cmd, true);
	UNIT_CHECK(!memcmp(qm_block(&m, 4)->bytes + 512, "\0\0\x12\x34\0\0\0\4", 8),
		   "the tuple of LBA 4");
	qm_close(&m);
}

/* Base, VWC.FB: of all namespaces. */
static void flush_all(void)
{
	static const uint32_t allowed[] = { QS(QS_OK) | QS(QS_NS), 0, QS(QS_NS), QS(QS_OK) };
	struct qm_format f = format(1, 0, 0);
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_flush, .nsid = NVME_NSID_ALL };
	struct qm m;

	for (f.flush_all = 0; f.flush_all < 4; f.flush_all += f.flush_all ? 1 : 2) {
		start(&m, &f, QM_ZEROES);
		is_expected(&m, &cmd, allowed[f.flush_all], "as VWC says");
		qm_close(&m);
	}
}

static void uncorrectable(void)
{
	const struct qm_format f = format(1, 0, 0);
	struct nvme_uring_cmd cmd = command(&f, nvme_cmd_write_uncor, 3, 1, 0);
	struct qm m;

	start(&m, &f, QM_ZEROES);
	qm_done(&m, &cmd, true);
	cmd = command(&f, nvme_cmd_read, 2, 3, 0);
	is_expected(&m, &cmd, QS(QS_UNRECOVERED), "a Read of it and its neighbours");
	cmd = command(&f, nvme_cmd_write, 3, 1, 0);
	qm_done(&m, &cmd, false);
	cmd = command(&f, nvme_cmd_read, 3, 1, 0);
	is_expected(&m, &cmd, QS(QS_UNRECOVERED), "after a Write that failed");
	cmd = command(&f, nvme_cmd_write, 3, 1, 0);
	qm_done(&m, &cmd, true);
	cmd = command(&f, nvme_cmd_read, 3, 1, 0);
	is_expected(&m, &cmd, QS(QS_OK), "written");
	qm_close(&m);
}

/* 3.3.2.5: what a Copy that failed leaves is the old or the new. */
static void copies(void)
{
	struct qm_format f = format(0, 0, 0);
	uint8_t source[32] = { [8] = 1, [16] = 1 };	/* LBA 1, 2 blocks */
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_copy, .nsid = 1, .cdw10 = 10, .addr = (uintptr_t)source,
		.data_len = sizeof(source),
	};
	struct qm m;

	f.md_size = 0;
	f.copy_formats = 1;
	f.copy_range = f.copy_blocks = 2;
	f.copy_ranges = 1;
	start(&m, &f, QM_ZEROES);
	memset(data, 0x5a, 512);
	qm_set(&m, 1, data, NULL);
	is_expected(&m, &cmd, QS(QS_OK), "a Copy");
	qm_done(&m, &cmd, false);
	UNIT_CHECK(qm_block(&m, 10)->may == (QM_ZEROES | QM_OTHER), "after a failure: %x",
		   qm_block(&m, 10)->may);
	qm_done(&m, &cmd, true);
	UNIT_CHECK(qm_block(&m, 10)->may == QM_BYTES && qm_block(&m, 10)->bytes[511] == 0x5a,
		   "after success");
	UNIT_CHECK(qm_block(&m, 11)->may == (QM_BYTES | QM_ZEROES), "of a deallocated block");
	source[16] = 2;
	is_expected(&m, &cmd, QS(QS_SIZE), "three blocks");
	cmd.cdw12 = 1 << 8;
	is_expected(&m, &cmd, QS(QS_FIELD), "a format that there is not");
	qm_close(&m);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "guards", guards },
		{ "tuples", tuples },
		{ "dwords", dwords },
		{ "wraps", wraps },
		{ "checks", checks },
		{ "escapes", escapes },
		{ "reference_tags", reference_tags },
		{ "limits", limits },
		{ "deallocated", deallocated },
		{ "zeroes", zeroes },
		{ "uncorrectable", uncorrectable },
		{ "flush_all", flush_all },
		{ "copies", copies },
	};

	return unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
