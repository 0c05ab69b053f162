// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-controller.c - the embedded controller against the plain model of one
 * (ctl-model.h), and what happens to its files
 *
 * Images are made in a folder of their own under TMPDIR (/tmp by default).
 */
#include "../engines/nvme.h"
#include "../engines/controller.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl-model.h"
#include "unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { ANY = -1 };

static char folder[PATH_MAX];
static char why[TARGET_WHY_MAX];

/* A file of the test's folder; good until the fourth call from here. */
static const char *in_folder(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	if (snprintf(path, PATH_MAX, "%.3900s/%s", folder, name) < 0)
		abort();
	return path;
}

static void remove_image(const char *name)
{
	char path[PATH_MAX];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%.200s%s", name, (const char *[]){ "", ".format",
										".state" }[i]);
		unlink(in_folder(path));
	}
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

/* --- formats --- */

#define F(lbs, ms, mset, pi, pil, pif, sts) { lbs, ms, mset, pi, pil, pif, sts }

static const struct ns_format formats[] = {
	F(512, 0, 0, 0, 0, 0, 0),	F(4096, 0, 0, 0, 0, 0, 0),
	F(512, 8, 0, 0, 0, 0, 0),	F(4096, 64, 1, 0, 0, 0, 0),
	F(512, 8, 0, 1, 0, 0, 0),	F(512, 8, 1, 1, 1, 0, 0),
	F(512, 8, 0, 2, 0, 0, 0),	F(512, 8, 1, 3, 0, 0, 0),
	F(512, 16, 0, 1, 0, 0, 0),	F(512, 16, 1, 1, 1, 0, 0),
	F(512, 64, 1, 2, 0, 0, 0),	F(512, 64, 0, 3, 1, 0, 0),
	F(512, 8, 0, 1, 0, 0, 16),	F(512, 8, 1, 2, 0, 0, 32),
	F(512, 12, 0, 3, 0, 0, 8),	F(4096, 8, 0, 1, 0, 0, 0),
	F(4096, 8, 1, 2, 1, 0, 0),	F(4096, 16, 0, 1, 0, 2, 0),
	F(4096, 16, 1, 2, 1, 2, 16),	F(4096, 64, 0, 3, 0, 2, 0),
	F(512, 16, 0, 1, 0, 2, 0),	F(512, 16, 1, 1, 1, 2, 48),
	F(512, 24, 0, 2, 0, 2, 24),	F(512, 64, 1, 3, 1, 2, 0),
	F(4096, 16, 0, 1, 0, 1, 16),	F(512, 16, 1, 1, 1, 1, 64),
	F(512, 32, 0, 2, 0, 1, 40),	F(512, 64, 1, 3, 0, 1, 16),
	F(1024, 9, 0, 1, 0, 0, 0),	F(2048, 128, 1, 1, 0, 0, 31),
};

static struct oracle_format oracle_of(const struct ns_format *n)
{
	return (struct oracle_format) {
		.pif = n->pif, .type = n->pi, .data_size = n->lbs, .md_size = n->ms, .sts = n->sts,
		.first = n->pil, .extended = n->mset,
	};
}

/* Good until the next call. */
static const char *name_of(const struct ns_format *n)
{
	static char text[100];

	snprintf(text, sizeof(text), "%d+%d %s type %d %s pif %d sts %d", n->lbs, n->ms,
		 n->mset ? "extended" : "separate", n->pi, n->pil ? "first" : "last", n->pif,
			 n->sts);
	return text;
}

/* --- shorthands --- */

static int try_open(struct target_ns **ns, const char *name, const struct ns_format *f,
		    uint64_t size, bool write)
{
	const struct target_open o = { .path = in_folder(name), .write = write, .format = *f,
				      .size = size };

	*why = '\0';
	return controller_target.open(&o, ns, why);
}

static const struct ns_format any_format = NS_FORMAT_ANY;

/* Open or create for writing; an image that can't be had ends the program. */
static struct target_ns *must_open(const char *name, const struct ns_format *f, uint64_t size)
{
	struct target_ns *ns;
	int ret = try_open(&ns, name, f, size, true);

	if (!ret)
		return ns;
	printf("not ok open: %s (%d)\n", why, ret);
	exit(1);
}

static struct nvme_uring_cmd rw(uint8_t opcode, uint64_t lba, uint32_t nr, void *data, size_t len)
{
	return (struct nvme_uring_cmd) {
		.opcode = opcode, .nsid = 1, .addr = (uintptr_t)data, .data_len = len,
		.cdw10 = lba, .cdw11 = lba >> 32, .cdw12 = nr - 1,
	};
}

static int run(struct target_ns *ns, struct nvme_uring_cmd cmd)
{
	return controller_target.io(ns, &cmd);
}

#define PRACT (1u << 29)
#define PRCHK_GUARD (1u << 28)
#define PRCHK_APP (1u << 27)
#define PRCHK_REF (1u << 26)
#define STC (1u << 24)

/* Does an open fail, for the reason that has @words in it, and leave nothing new? */
static bool refused(int ret, const char *words)
{
	return ret < 0 && strstr(why, words) && !strchr(why, '\n');
}

/* --- random commands against the model --- */

enum { MODEL_BLOCKS = 300, MAX_BLOCKS = 40, BUF = 1 << 19 };

/* The buffers of one side, with room behind that must stay as it is. */
struct buffers {
	uint8_t data[BUF], md[BUF / 4];
};

static struct buffers *ours, *theirs;

/* Values that meet limits more often than chance would have them. */
static uint64_t random_lba(void)
{
	static const uint64_t edges[] = {
		0, 1, 63, 64, MODEL_BLOCKS - 1, MODEL_BLOCKS, UINT64_MAX, UINT64_MAX - 2,
			1ULL << 32,
	};

	return unit_random_below(12) ? unit_random_below(MODEL_BLOCKS) :
	       edges[unit_random_below(ARRAY_SIZE(edges))];
}

/* Tags that fit @lba, most often. */
static struct oracle_dwords random_tags(const struct oracle_format *f, uint64_t lba)
{
	struct oracle_tuple t = { {
		[ORACLE_APP] = unit_random_below(8) ? 0x1234 : unit_random(),
		[ORACLE_STORAGE] = unit_random_below(8) ? 0x5a5a5a5a5a5a : unit_random(),
		[ORACLE_REF] = unit_random_below(10) ? oracle_ref(f, lba, 0) : unit_random(),
	} };

	return oracle_dwords(f, &t, unit_random_below(4) ? 0xffff : unit_random());
}

/* Blocks as they would be written, one in four with a fault of some kind. */
static void fill_blocks(const struct oracle_format *f, struct buffers *b, uint32_t nr, uint64_t lba,
			const struct oracle_dwords *d)
{
	uint16_t mask;
	struct oracle_tuple t = oracle_tags(f, d, &mask), tags = t;
	const bool zero = !unit_random_below(6);

	for (uint32_t i = 0; i < nr; i++) {
		struct oracle_block at = oracle_block(f, b->data, b->md, i);

		memset(at.data, zero ? 0 : lba + i, f->data_size);
		memset(at.md, unit_random_below(3) ? 0x77 : 0, f->md_size);
		if (!unit_random_below(20) || !f->type)
			continue;
		tags.field[ORACLE_REF] = oracle_ref(f, t.field[ORACLE_REF], i);
		oracle_generate(f, at.data, at.md, &tags);
		if (!unit_random_below(40))	/* escapes, or nearly */
			memset(at.md + oracle_tuple_offset(f), 0xff, oracle_tuple_size(f));
		if (!unit_random_below(40))
			at.md[unit_random_below(f->md_size)] ^= 1 << unit_random_below(8);
	}
}

static uint32_t random_prinfo(const struct oracle_format *f)
{
	uint32_t prinfo = 0;

	if (unit_random_below(2))
		prinfo |= unit_random_below(f->type == 3 ? 2 : 4) * 2 << 26;
	if (unit_random_below(3) && f->type != 3)
		prinfo |= PRCHK_REF;
	if (!unit_random_below(3))
		prinfo |= PRACT;
	if (unit_random_below(2))
		prinfo |= STC;
	return prinfo;
}

static void random_ranges(struct buffers *b, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		uint64_t lba = unit_random_below(40) ? unit_random_below(MODEL_BLOCKS) :
			random_lba();
		uint32_t len = unit_random_below(MAX_BLOCKS);

		if (lba < MODEL_BLOCKS && lba + len > MODEL_BLOCKS && unit_random_below(20))
			len = MODEL_BLOCKS - lba;
		memcpy(b->data + 16 * i + 4, &len, 4);
		memcpy(b->data + 16 * i + 8, &lba, 8);
	}
}

static void random_sources(const struct oracle_format *f, struct buffers *b, unsigned nr,
			   unsigned format)
{
	const unsigned size = format & 1 ? 40 : 32;

	memset(b->data, 0, (size_t)nr * size);
	for (unsigned i = 0; i < nr; i++) {
		const uint64_t lba = unit_random_below(30) ? unit_random_below(MODEL_BLOCKS - 8) :
			random_lba();
		const struct oracle_dwords d = random_tags(f, lba);
		const uint16_t nlb = unit_random_below(30) ? unit_random_below(6) :
			unit_random_below(200);
		uint8_t *p = b->data + i * size;

		p[0] = format < 2 ? 0 : !unit_random_below(20) ? 7 : 1;
		memcpy(p + 8, &lba, 8);
		memcpy(p + 16, &nlb, 2);
		memcpy(p + size - 4, &d.cdw15, 4);
		if (format & 1)
			for (int k = 0; k < 10; k++)
				p[26 + k] = k < 2 ? d.cdw2 >> (8 - 8 * k) : k < 6 ?
					d.cdw3 >> (40 - 8 * k) :
					    d.cdw14 >> (72 - 8 * k);
		else
			memcpy(p + 24, &d.cdw14, 4);
	}
}

static struct nvme_uring_cmd random_copy(const struct oracle_format *f, struct nvme_uring_cmd cmd)
{
	const unsigned nr = 1 + unit_random_below(unit_random_below(20) ? 4 : 140);
	const unsigned format = unit_random_below(10) ? (f->pif != 0) + 2 * unit_random_below(2) :
				unit_random_below(8);
	uint32_t prinfo = random_prinfo(f);

	random_sources(f, ours, nr, format);
	cmd.cdw12 = (nr - 1) | format << 8 | (prinfo & ~(STC | PRACT)) | (unit_random_below(2) ?
									  STC : 0) |
		    (random_prinfo(f) >> 26 & 7) << 12 | unit_random_below(2) << 25;
	if (unit_random_below(2))
		cmd.cdw12 |= unit_random_below(20) ? PRACT | 8 << 12 : PRACT;
	cmd.data_len = nr * 40;
	return cmd;
}

/* A command with buffers on our side; the same is then done with theirs. */
static struct nvme_uring_cmd random_command(const struct oracle_format *f)
{
	static const uint8_t opcodes[] = {
		1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 5, 5, 8, 9, 0xc, 0x19, 0x19, 0, 0x42,
	};
	const uint64_t lba = random_lba();
	const struct oracle_dwords d = random_tags(f, lba);
	const uint32_t nr = 1 + unit_random_below(unit_random_below(50) ? 6 : MAX_BLOCKS);
	struct nvme_uring_cmd cmd = rw(opcodes[unit_random_below(ARRAY_SIZE(opcodes))], lba, nr,
				       ours->data, nr * (f->data_size + f->md_size));

	cmd.metadata = (uintptr_t)ours->md;
	cmd.metadata_len = nr * f->md_size;
	cmd.cdw2 = d.cdw2;
	cmd.cdw3 = d.cdw3;
	cmd.cdw14 = d.cdw14;
	cmd.cdw15 = d.cdw15;
	fill_blocks(f, ours, nr, lba, &d);
	cmd.cdw12 |= random_prinfo(f) | unit_random_below(2) << 30 | unit_random_below(2) << 31 |
		     unit_random_below(2) << 25 | unit_random_below(16) << 16;
	if (cmd.opcode == 4 && unit_random_below(3))
		cmd.opcode = 8;
	if (cmd.opcode == 5)
		cmd.cdw12 &= unit_random_below(10) ? ~PRACT : ~0u;
	if (cmd.opcode == 8 && unit_random_below(8))
		cmd.cdw12 &= ~(PRCHK_GUARD | PRCHK_APP | PRCHK_REF | STC);
	if (cmd.opcode == 9) {
		cmd.cdw10 = unit_random_below(4);
		cmd.cdw11 = unit_random_below(8) ? 4 : 0;
		cmd.data_len = 64;
		random_ranges(ours, cmd.cdw10 + 1);
	}
	if (!unit_random_below(60))
		cmd.nsid = unit_random_below(2) ? 2 : UINT32_MAX;
	if (!unit_random_below(200))		/* past MDTS; nothing is moved then */
		cmd.cdw12 = (cmd.cdw12 & ~0xffffu) | 0x3fff, cmd.data_len = UINT32_MAX;
	return cmd.opcode == 0x19 ? random_copy(f, cmd) : cmd;
}

/* Compares, half the time, with what is there. */
static void read_first(struct target_ns *ns, const struct nvme_uring_cmd *cmd)
{
	struct nvme_uring_cmd read = *cmd;

	if (cmd->opcode != 5 || !unit_random_below(2) || cmd->data_len > BUF)
		return;
	read.opcode = 2;
	read.cdw12 &= 0xffff;
	controller_target.io(ns, &read);
}

static bool step(struct target_ns *ns, struct model *m, const char *format, unsigned i)
{
	struct nvme_uring_cmd cmd = random_command(&m->f), same;
	int got, want;

	read_first(ns, &cmd);
	memcpy(theirs, ours, sizeof(*theirs));
	same = cmd;
	same.addr = (uintptr_t)theirs->data;
	same.metadata = (uintptr_t)theirs->md;
	got = controller_target.io(ns, &cmd);
	want = model_execute(m, &same);
	return UNIT_CHECK(got == want,
			  "%s: command %u, opcode %02x lba %llx cdw12 %08x: %03x, not %03x", format, i,
			  cmd.opcode, (unsigned long long)cmd.cdw11 << 32 | cmd.cdw10, cmd.cdw12,
			  got, want) &&
	       UNIT_CHECK(!memcmp(ours, theirs, sizeof(*ours)),
			  "%s: command %u, opcode %02x lba %x cdw12 %08x: the host's buffers differ",
			  format, i, cmd.opcode, cmd.cdw10, cmd.cdw12);
}

/* The image, byte for byte, but for what reads as deallocated anyway. */
static void check_image(const char *name, const struct model *m)
{
	const size_t ds = m->f.data_size, ms = m->f.md_size;
	uint8_t data[4096], md[256];
	int fd = open(in_folder(name), O_RDONLY);

	for (uint64_t lba = 0; lba < m->nr_blocks; lba++) {
		ssize_t n = pread(fd, data, ds, lba * ds);

		n += pread(fd, md, ms, m->nr_blocks * ds + lba * ms);
		if (!UNIT_CHECK(n == (ssize_t)(ds + ms), "%s: short at LBA %llu", name,
				(unsigned long long)lba))
			break;
		if (!UNIT_CHECK(!memcmp(data, m->data + lba * ds, ds) && !memcmp(md,
										 m->md + lba * ms,
										 ms),
				"%s: the image is not as it should be at LBA %llu", name,
				(unsigned long long)lba))
			break;
	}
	close(fd);
}

enum { STEPS = 1500 };

static void random_commands(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct oracle_format f = oracle_of(&formats[i]);
		struct target_ns *ns = must_open("random.img", &formats[i],
						 MODEL_BLOCKS * formats[i].lbs);
		struct model m;
		bool same = true;

		model_init(&m, &f, MODEL_BLOCKS);
		for (unsigned s = 0; s < STEPS && same; s++) {
			same = step(ns, &m, name_of(&formats[i]), s);
			if (s % 500 == 250) {	/* and what was, is still so for the next user */
				controller_target.close(ns);
				ns = must_open("random.img", &any_format, 0);
			}
		}
		controller_target.close(ns);
		check_image("random.img", &m);
		model_free(&m);
		remove_image("random.img");
	}
}

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

/* --- damage on media --- */

static void flip(const char *name, uint64_t at)
{
	int fd = open(in_folder(name), O_RDWR);
	uint8_t byte;

	if (pread(fd, &byte, 1, at) == 1) {
		byte ^= 0x10;
		UNIT_CHECK(pwrite(fd, &byte, 1, at) == 1, "cannot damage %s", name);
	}
	close(fd);
}

/* Where a field of a tuple of the 64b guard with a storage tag of 24 bits begins. */
static const struct { const char *field; unsigned at; uint32_t check; int status; } fields[] = {
	{ "guard", 0, PRCHK_GUARD, MODEL_GUARD }, { "application", 8, PRCHK_APP, MODEL_APP },
	{ "storage", 10, STC, MODEL_STORAGE }, { "reference", 13, PRCHK_REF, MODEL_REF },
};

static void damage(void)
{
	const struct ns_format f = F(4096, 24, 0, 1, 0, 2, 24);
	const uint64_t blocks = 64, lba = 9, all = PRCHK_GUARD | PRCHK_APP | PRCHK_REF | STC;
	const struct oracle_format of = oracle_of(&f);
	static uint8_t data[16 * 4096], md[16 * 24];
	struct target_ns *ns = must_open("damage.img", &f, blocks * 4096);
	const uint64_t tuple = blocks * 4096 + (lba + 3) * 24 + 8;

	for (int i = -1; i < (int)ARRAY_SIZE(fields); i++) {
		struct nvme_uring_cmd cmd = rw(1, lba, 16, data, sizeof(data));
		struct oracle_tuple t = { { [ORACLE_APP] = 0x77, [ORACLE_STORAGE] = 5,
					   [ORACLE_REF] = lba } };
		const struct oracle_dwords d = oracle_dwords(&of, &t, 0xffff);
		const uint64_t at = i < 0 ? (lba + 3) * 4096 + 99 : tuple + fields[i].at;

		cmd.metadata = (uintptr_t)md;
		cmd.metadata_len = sizeof(md);
		cmd.cdw2 = d.cdw2, cmd.cdw3 = d.cdw3, cmd.cdw14 = d.cdw14, cmd.cdw15 = d.cdw15;
		cmd.cdw12 |= PRACT | all;
		memset(data, 0x3c, sizeof(data));
		UNIT_CHECK(!run(ns, cmd), "write");
		cmd.opcode = 2;
		UNIT_CHECK(!run(ns, cmd), "read back");
		flip("damage.img", at);
		cmd.cdw12 = 15 | (i < 0 ? PRCHK_GUARD : fields[i].check);
		UNIT_CHECK(run(ns, cmd) == (i < 0 ? (int)MODEL_GUARD : fields[i].status), "%s: %x",
			   i < 0 ? "data" : fields[i].field, run(ns, cmd));
		cmd.cdw12 = 15 | (all & ~(i < 0 ? PRCHK_GUARD : fields[i].check));
		UNIT_CHECK(!run(ns, cmd), "%s, not checked: %x", i < 0 ? "data" : fields[i].field,
			   run(ns, cmd));
		flip("damage.img", at);
	}
	controller_target.close(ns);
	remove_image("damage.img");
}

/* LBA 0 with data of zeroes forgives its guard, and any other block does not. */
static void block_zero(void)
{
	const struct ns_format f = F(4096, 16, 0, 1, 0, 2, 0);
	static uint8_t data[4096], md[16];
	struct target_ns *ns = must_open("zero.img", &f, 1 << 20);

	for (unsigned lba = 0; lba < 2; lba++) {
		struct nvme_uring_cmd cmd = rw(1, lba, 1, data, sizeof(data));
		int ret;

		cmd.metadata = (uintptr_t)md;
		cmd.metadata_len = sizeof(md);
		memset(data, 0, sizeof(data));
		memset(md, 0x11, sizeof(md));
		UNIT_CHECK(!run(ns, cmd), "write");
		cmd.cdw12 |= PRCHK_GUARD;
		UNIT_CHECK(run(ns, cmd) == MODEL_GUARD, "a wrong guard is written");
		cmd.opcode = 2;
		ret = run(ns, cmd);
		UNIT_CHECK(ret == (lba ? (int)MODEL_GUARD : 0), "LBA %u: %x", lba, ret);
		UNIT_CHECK(lba || (md[0] == 0xff && md[15] == 0xff), "LBA 0: its tuple is %02x...",
			   md[0]);
	}
	controller_target.close(ns);
	remove_image("zero.img");
}

/* --- buffers --- */

static void short_buffers(void)
{
	struct target_ns *ns = must_open("short.img", &formats[4], 1 << 20);
	static uint8_t data[8 * 512], md[64];
	struct nvme_uring_cmd cmd = rw(1, 0, 8, data, sizeof(data));

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 63;
	UNIT_CHECK(run(ns, cmd) == MODEL_FIELD, "metadata a byte too short: %x", run(ns, cmd));
	cmd.metadata_len = 64;
	cmd.data_len--;
	UNIT_CHECK(run(ns, cmd) == MODEL_FIELD, "data a byte too short: %x", run(ns, cmd));
	cmd.data_len++;
	cmd.metadata = 0;
	UNIT_CHECK(run(ns, cmd) == -EFAULT, "no metadata: %d", run(ns, cmd));
	cmd.flags = 1;
	UNIT_CHECK(run(ns, cmd) == -EINVAL, "fused: %d", run(ns, cmd));
	controller_target.close(ns);
	remove_image("short.img");
}

/* --- files --- */

static void write_file(const char *name, const char *text)
{
	FILE *out = fopen(in_folder(name), "w");

	fputs(text, out);
	fclose(out);
}

#define TITLE "nvmepi image format 1\n"
#define LINES "blocks 256\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 0\nsts 0\n"

static void sidecar(void)
{
	static const struct { const char *text, *words; } cases[] = {
		{ "", "line 1" }, { "MZ\x90", "line 1" },
		{ "nvmepi image format 2\n", "newer" },
		{ TITLE "blocks 256\n", "missing" },
		{ TITLE LINES "sts 0\n", "line 10" }, { TITLE LINES "colour 3\n", "line 10" },
		{ TITLE "blocks 256\nlbs 4k\n", "line 3" },
		{ TITLE "blocks 256\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 1\nsts 0\n",
		  "smaller than the tuple" },
		{ TITLE "blocks 255\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 0\nsts 0\n",
		  "hold 256 blocks" },
		{ TITLE "blocks 256\nlbs 4096\nms 16\nmset 0\npi 1\npil 0\npif 0\nsts 0\n",
		  "hold 255 blocks" },
	};
	struct target_ns *ns;

	write_file("side.img", "");
	UNIT_CHECK(!truncate(in_folder("side.img"), 256 * 4104), "truncate");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		write_file("side.img.format", cases[i].text);
		UNIT_CHECK(refused(try_open(&ns, "side.img", &any_format, 0, true), cases[i].words),
			   "case %u: \"%s\"", i, why);
		UNIT_CHECK(access(in_folder("side.img.state"), F_OK), "case %u left a state", i);
	}
	write_file("side.img.format", TITLE "# a remark\n\n" LINES);
	ns = must_open("side.img", &any_format, 0);
	controller_target.close(ns);
	UNIT_CHECK(!truncate(in_folder("side.img"), 256 * 4104 - 1), "truncate");
	UNIT_CHECK(refused(try_open(&ns, "side.img", &any_format, 0, true), "cut short"), "\"%s\"",
		   why);
	remove_image("side.img");
}

static void refusals(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0), other = F(512, ANY, ANY, ANY, ANY,
									ANY, ANY),
			       none = F(4096, 4, 0, 1, 0, 0, 0), type = F(4096, 8, 0, 4, 0, 0, 0),
			       guard = F(4096, 8, 0, 1, 0, 3, 0);
	struct target_ns *ns;

	mkdir(in_folder("folder"), 0777);
	UNIT_CHECK(refused(try_open(&ns, "folder", &f, 1 << 20, true), "is a folder"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "nowhere/x.img", &f, 1 << 20, true), "no such folder"),
		   "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 0, true), "given size="), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &any_format, 1 << 20, true), "ns_lbs="), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 1 << 20, false), "that writes"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 5000, true), "size=5000"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 1ULL << 63, true), "size="), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &none, 1 << 20, true), "smaller"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &type, 1 << 20, true), "type"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &guard, 1 << 20, true), "ns_pif=3"), "\"%s\"",
		   why);
	UNIT_CHECK(access(in_folder("x.img"), F_OK) && access(in_folder("x.img.format"), F_OK) &&
		   access(in_folder("x.img.state"), F_OK), "a refused image left files");
	ns = must_open("x.img", &f, 1 << 20);
	controller_target.close(ns);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &other, 0, true), "ns_lbs=512"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 2 << 20, true), "size=2097152"), "\"%s\"",
		   why);
	remove_image("x.img");
}

/* A job that only reads may not write, whatever the file allows. */
static void read_only(void)
{
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);
	static uint8_t data[512];
	struct target_ns *ns = must_open("ro.img", &f, 1 << 20);

	controller_target.close(ns);
	UNIT_CHECK(!try_open(&ns, "ro.img", &any_format, 0, false), "open: %s", why);
	UNIT_CHECK(run(ns, rw(1, 0, 1, data, 512)) == -EACCES, "a write is done");
	UNIT_CHECK(!run(ns, rw(2, 0, 1, data, 512)), "a read is not");
	controller_target.close(ns);
	remove_image("ro.img");
}

/* Permissions bind those who are not root; the child is nobody. */
static void no_permission(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[512], md[8];
	struct nvme_uring_cmd cmd = rw(1, 3, 1, data, 512);
	struct target_ns *ns = must_open("perm.img", &f, 1 << 20);
	int status;

	memset(data, 9, sizeof(data));
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	UNIT_CHECK(!run(ns, cmd), "write");
	controller_target.close(ns);
	chmod(in_folder("perm.img"), 0444);
	chmod(in_folder("perm.img.state"), 0400);
	if (!fork()) {
		bool bad;

		if (geteuid() == 0 && (chmod(folder, 0755) || setuid(65534)))
			_exit(9);
		if (!refused(try_open(&ns, "perm.img", &any_format, 0, true), "ermission denied"))
			_exit(1);
		if (try_open(&ns, "perm.img", &any_format, 0, false))
			_exit(2);
		data[0] = 0;
		cmd.opcode = 2;
		bad = run(ns, cmd) || data[0] != 9;
		cmd.cdw10 = 4;
		_exit(bad || run(ns, cmd) || data[0] || md[0] != 0xff ? 3 : 0);
	}
	wait(&status);
	UNIT_CHECK(status == 0, "step %d fails", WEXITSTATUS(status));
	remove_image("perm.img");
}

static void names(void)
{
	static const char *const all[] = { "a:b.img", "with blank.img", ".img", "-x",
					  "\xc3\xa4.img" };
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct target_ns *ns = must_open(all[i], &f, 1 << 20);

		controller_target.close(ns);
		UNIT_CHECK(!access(in_folder(all[i]), R_OK), "\"%s\" is not there", all[i]);
		remove_image(all[i]);
	}
}

/* An image of another controller: opened in a format that is told, and not before. */
static void bare_image(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, ANY), part = F(4096, 8, 0, 1, ANY, ANY,
									 ANY);
	const struct oracle_format of = { .type = 1, .data_size = 4096, .md_size = 8 };
	const struct oracle_tuple t = { { [ORACLE_APP] = 7, [ORACLE_REF] = 5 } };
	static uint8_t data[4096], md[8];
	struct nvme_uring_cmd cmd = rw(2, 5, 1, data, 4096);
	struct target_ns *ns;
	int fd = open(in_folder("bare.img"), O_RDWR | O_CREAT, 0666);

	memset(data, 0x42, sizeof(data));
	oracle_generate(&of, data, md, &t);
	UNIT_CHECK(!ftruncate(fd, 100 * 4104) && pwrite(fd, data, 4096, 5 * 4096) == 4096 &&
		   pwrite(fd, md, 8, 100 * 4096 + 5 * 8) == 8, "can't make an image");
	UNIT_CHECK(refused(try_open(&ns, "bare.img", &any_format, 0, true), "ns_lbs"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "bare.img", &part, 0, true), "ns_pil"), "\"%s\"", why);
	UNIT_CHECK(!try_open(&ns, "bare.img", &f, 0, false), "\"%s\"", why);
	UNIT_CHECK(access(in_folder("bare.img.format"), F_OK), "a reader wrote a format");
	memset(md, 0, 8);
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	cmd.cdw12 |= PRCHK_GUARD | PRCHK_APP | PRCHK_REF;
	cmd.cdw14 = 5;
	cmd.cdw15 = 0xffff0007;
	UNIT_CHECK(!run(ns, cmd) && md[7] == 5, "read: %x", run(ns, cmd));
	controller_target.close(ns);

	/* The other controller goes on: a block less, and one more. */
	UNIT_CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * 4096, 4096) &&
		   pwrite(fd, data, 4096, 6 * 4096) == 4096, "can't change it");
	close(fd);
	UNIT_CHECK(!try_open(&ns, "bare.img", &f, 0, true), "\"%s\"", why);
	UNIT_CHECK(!access(in_folder("bare.img.format"), F_OK), "a writer wrote no format");
	UNIT_CHECK(!run(ns, cmd) && md[7] == 0xff && !data[0], "deallocated: %x, %02x", run(ns,
											    cmd),
											    md[7]);
	cmd.cdw10 = cmd.cdw14 = 6;
	UNIT_CHECK(run(ns, cmd) == MODEL_GUARD, "without a tuple: %x", run(ns, cmd));
	controller_target.close(ns);
	remove_image("bare.img");
}

/* What a reader sees of one block: 0 zeroes and ones, 1 zeroes, 2 an error. */
static int look(struct target_ns *ns, uint64_t lba)
{
	static uint8_t data[512], md[8];
	struct nvme_uring_cmd cmd = rw(2, lba, 1, data, 512);

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	return run(ns, cmd) == MODEL_UNREAD ? 2 : md[7] == 0xff ? 0 : 1;
}

/* Which blocks are deallocated is exact: across opens, and next to others in a page. */
static void deallocated(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[512], md[8];
	struct target_ns *ns = must_open("holes.img", &f, 1 << 20);
	struct nvme_uring_cmd cmd = rw(1, 2, 1, data, 512);

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	UNIT_CHECK(!run(ns, cmd), "write");
	UNIT_CHECK(!run(ns, rw(4, 4, 1, NULL, 0)), "spoil");
	for (int i = 0; i < 3; i++) {
		UNIT_CHECK(look(ns, 1) == 0 && look(ns, 2) == 1 && look(ns, 3) == 0,
			   "open %d: %d %d %d", i,
			   look(ns, 1), look(ns, 2), look(ns, 3));
		UNIT_CHECK(look(ns, 4) == 2, "open %d: the uncorrectable block reads", i);
		controller_target.close(ns);
		ns = must_open("holes.img", &any_format, 0);
	}
	controller_target.close(ns);
	unlink(in_folder("holes.img.state"));	/* now nobody knows of zeroes that were written */
	ns = must_open("holes.img", &any_format, 0);
	UNIT_CHECK(look(ns, 2) == 0 && look(ns, 4) == 0, "without a state: %d %d", look(ns, 2),
		   look(ns, 4));
	controller_target.close(ns);
	remove_image("holes.img");
}

/* Deallocating gives room back: the last small block of a page takes it along. */
static void gives_back(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[1024 * 512];
	struct target_ns *ns = must_open("room.img", &f, 1 << 20);
	struct nvme_uring_cmd cmd = rw(1, 0, 1024, data, sizeof(data));
	struct stat before, after;

	cmd.cdw12 |= PRACT;
	memset(data, 1, sizeof(data));
	UNIT_CHECK(!run(ns, cmd), "write");
	stat(in_folder("room.img"), &before);
	for (unsigned i = 0; i < 1024; i++) {
		const uint64_t range[2] = { (uint64_t)1 << 32, i };
		struct nvme_uring_cmd dsm = rw(9, 0, 1, (void *)range, 16);

		dsm.cdw11 = 4;
		UNIT_CHECK(!run(ns, dsm), "deallocate %u", i);
	}
	stat(in_folder("room.img"), &after);
	UNIT_CHECK(before.st_blocks >= 1024 && after.st_blocks <= 16, "%lld sectors, %lld after",
		   (long long)before.st_blocks, (long long)after.st_blocks);
	controller_target.close(ns);
	remove_image("room.img");
}

/* Far LBAs: the image is sparse, and so is what is kept about it. */
static void far_away(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[512], md[8];
	const uint64_t lba = (1ULL << 32) + 5;
	struct nvme_uring_cmd cmd = rw(1, lba, 1, data, 512);
	struct target_ns *ns;
	struct stat st;
	int ret = try_open(&ns, "far.img", &f, (lba + 10) * 512, true);

	if (ret == -EFBIG) {
		unit_skip("the file system has no files of 2 TiB");
		return;
	}
	UNIT_CHECK(!ret, "%s", why);
	memset(data, 3, sizeof(data));
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	cmd.cdw12 |= PRACT | PRCHK_REF;
	cmd.cdw14 = 5;
	UNIT_CHECK(!run(ns, cmd), "write: %x", run(ns, cmd));
	controller_target.close(ns);
	ns = must_open("far.img", &any_format, 0);
	cmd.opcode = 2;
	cmd.cdw12 = PRCHK_REF | PRCHK_GUARD;
	UNIT_CHECK(!run(ns, cmd) && md[7] == 5, "read: %x", run(ns, cmd));
	cmd.cdw14 = 6;
	UNIT_CHECK(run(ns, cmd) == MODEL_PI_DNR, "another reference tag: %x", run(ns, cmd));
	stat(in_folder("far.img.state"), &st);
	UNIT_CHECK(st.st_blocks < 16384, "the state takes %lld sectors", (long long)st.st_blocks);
	controller_target.close(ns);
	remove_image("far.img");
}

/* A full disk is an error of the write that meets it, and of no other. */
static void full_disk(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0);
	static uint8_t data[4096];
	struct target_ns *ns;
	unsigned done = 0;
	int ret = 0;

	mkdir(in_folder("small"), 0777);
	if (mount("none", in_folder("small"), "tmpfs", 0, "size=4m")) {
		unit_skip("needs to mount a small tmpfs");
		return;
	}
	ns = must_open("small/x.img", &f, 64 << 20);
	for (uint64_t lba = 0; lba < 4096 && !ret; lba++) {
		struct nvme_uring_cmd cmd = rw(1, lba * 3, 1, data, 4096);

		memset(data, lba | 1, sizeof(data));
		cmd.cdw12 |= PRACT | PRCHK_REF;
		cmd.cdw14 = lba * 3;
		ret = run(ns, cmd);
		done += !ret;
	}
	UNIT_CHECK(ret == -ENOSPC && done > 100, "%d after %u blocks", ret, done);
	for (uint64_t lba = 0; lba < 3 * (done + 10); lba++) {
		struct nvme_uring_cmd cmd = rw(2, lba, 1, data, 4096);

		cmd.cdw12 |= PRACT | PRCHK_REF | PRCHK_GUARD;
		cmd.cdw14 = lba;
		ret = run(ns, cmd);
		if (!UNIT_CHECK(!ret && data[7] == (lba % 3 ||
						    lba / 3 >= done ? 0 : (uint8_t)(lba / 3 | 1)),
				"LBA %u of %u written ones: %x, %02x", (unsigned)lba, done, ret,
					data[7]))
			break;
	}
	controller_target.close(ns);
	UNIT_CHECK(refused(try_open(&ns, "small/y.img", &f, 64 << 20, true), "No space"), "\"%s\"",
		   why);
	umount(in_folder("small"));
}

/* --- Format NVM --- */

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

/* --- the queue --- */

static void queue(void)
{
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);
	struct target_ns *ns = must_open("q.img", &f, 1 << 20), *two = must_open("q2.img", &f,
										 1 << 20);
	struct target_queue_opts o = { .depth = 5, .ns = &ns, .nr_ns = 1 };
	struct target_cqe cqes[8];
	struct target_queue *q;
	uint8_t data[5][512];
	int ret = controller_target.queue_open(&o, &q, why);

	UNIT_CHECK(!ret, "%s", why);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 5; i++) {
			struct target_io io = { .ns = i & 1 ? two : ns, .tag = i, .ns_index = -1 };
			struct nvme_uring_cmd *cmd = controller_target.slot(q, &io);

			memset(data[i], round + i, 512);
			*cmd = rw(1, i == 4 ? 5000 : i, 1, data[i], 512);
			controller_target.push(q);
		}
		UNIT_CHECK(!controller_target.slot(q, &(struct target_io){ .ns = ns }),
			   "a sixth of five");
		if (round & 1)
			controller_target.commit(q);	/* else reap() begins it */
		ret = controller_target.reap(q, cqes, 1, 2, NULL);
		ret += controller_target.reap(q, cqes + 2, 1, 6, NULL);
		UNIT_CHECK(ret == 5, "%d of 5", ret);
		for (unsigned i = 0; i < 5; i++)
			UNIT_CHECK(cqes[i].tag == i &&
				   cqes[i].res == (i == 4 ? (int)MODEL_RANGE : 0),
				   "tag %u: %x", cqes[i].tag, cqes[i].res);
		memset(data, 0, sizeof(data));
		UNIT_CHECK(!run(two, rw(2, 1, 1, data, 512)) && data[0][9] == round + 1,
			   "the other image");
	}
	controller_target.queue_close(q);
	controller_target.close(ns);
	controller_target.close(two);
	remove_image("q.img");
	remove_image("q2.img");
}

/* --- many at once --- */

/*
 * Everyone writes everywhere and reads everywhere: each block one byte all over,
 * tuples by the controller.  A block is torn when it is not one byte, or does not
 * fit its tuple.
 */
enum { SHARED_BLOCKS = 200, WORKERS = 4, SHARED_SECONDS = 2, SHARED_MAX = 24 };

static const struct ns_format shared_format = F(4096, 64, 1, 1, 0, 0, 0);

struct worker {
	unsigned	seed;
	unsigned	torn, failed, done;
};

static void check_shared(struct worker *w, const uint8_t *data, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		const uint8_t *block = data + i * (4096 + 64);

		w->torn += memcmp(block, block + 1, 4095) != 0;
	}
}

static void *work(void *arg)
{
	const struct timespec *now = &(struct timespec){ 0 };
	struct worker *w = arg;
	uint8_t *data = malloc(SHARED_MAX * (4096 + 64));
	struct target_ns *ns = must_open("shared.img", &shared_format, SHARED_BLOCKS * 4096);
	time_t end = time(NULL) + SHARED_SECONDS;
	struct target_queue_opts o = { .depth = 1 };
	struct target_queue *q;
	struct target_cqe cqe;

	if (controller_target.queue_open(&o, &q, why))
		exit(1);
	for (; time(NULL) <= end; w->done++) {
		const uint32_t nr = 1 + rand_r(&w->seed) % SHARED_MAX;
		const uint64_t lba = rand_r(&w->seed) % (SHARED_BLOCKS - nr + 1);
		const bool write = rand_r(&w->seed) % 2;
		struct nvme_uring_cmd *cmd = controller_target.slot(q,
								    &(struct target_io){ .ns =
											ns });

		*cmd = rw(write ? 1 : 2, lba, nr, data, nr * (4096 + 64));
		cmd->cdw12 |= (write ? PRACT : PRCHK_GUARD) | PRCHK_REF;
		cmd->cdw14 = lba;
		if (write)
			memset(data, rand_r(&w->seed), nr * (4096 + 64));
		controller_target.push(q);
		controller_target.commit(q);
		controller_target.reap(q, &cqe, 1, 1, now);
		w->failed += cqe.res != 0;
		if (!write)
			check_shared(w, data, nr);
	}
	controller_target.queue_close(q);
	controller_target.close(ns);
	free(data);
	return NULL;
}

static void check_worker(const struct worker *w, const char *kind, unsigned i)
{
	UNIT_CHECK(!w->torn && !w->failed && w->done, "%s %u: %u torn, %u failed of %u", kind, i,
		   w->torn, w->failed, w->done);
}

static void threads(void)
{
	struct worker workers[WORKERS] = { 0 };
	pthread_t ids[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].seed = i;
		pthread_create(&ids[i], NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(ids[i], NULL);
		check_worker(&workers[i], "thread", i);
	}
	remove_image("shared.img");
}

static void processes(void)
{
	struct worker *workers = mmap(NULL, sizeof(*workers) * WORKERS, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].seed = i;
		if (!fork()) {
			work(&workers[i]);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < WORKERS; i++)
		wait(NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		check_worker(&workers[i], "process", i);
	munmap(workers, sizeof(*workers) * WORKERS);
	remove_image("shared.img");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "random_commands", random_commands }, { "identify", identify },
		{ "identify_refusals", identify_refusals }, { "damage", damage },
		{ "block_zero", block_zero }, { "short_buffers", short_buffers }, { "sidecar",
										   sidecar },
		{ "refusals", refusals }, { "read_only", read_only }, { "no_permission",
								       no_permission },
		{ "names", names }, { "bare_image", bare_image }, { "deallocated", deallocated },
		{ "gives_back", gives_back }, { "far_away", far_away }, { "full_disk", full_disk },
		{ "format_nvm", format_nvm }, { "queue", queue }, { "threads", threads },
		{ "processes", processes },
	};
	const char *tmp = getenv("TMPDIR");
	int ret;

	snprintf(folder, sizeof(folder), "%.3800s/nvmepi-controller.XXXXXX", tmp ? tmp : "/tmp");
	ours = calloc(1, sizeof(*ours));
	theirs = calloc(1, sizeof(*theirs));
	if (!ours || !theirs || !mkdtemp(folder)) {
		perror("test-controller");
		return 2;
	}
	ret = unit_main(argc, argv, cases, ARRAY_SIZE(cases));
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(ours);
	free(theirs);
	return ret;
}
