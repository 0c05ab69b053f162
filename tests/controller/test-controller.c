// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-controller.c - commands of the embedded controller, compared with the model (model.h) and
 * with values written by hand
 */
#include <errno.h>
#include <fcntl.h>

#include "tests/lib/controller-image.h"
#include "model.h"

static struct oracle_format oracle_of(const struct ns_format *n)
{
	return (struct oracle_format) {
		.pif = n->pif, .type = n->pi, .data_size = n->lbs, .md_size = n->ms, .sts = n->sts,
		.first = n->pil, .extended = n->mset,
	};
}

/* --- random commands against the model --- */

enum { MODEL_BLOCKS = 300, MAX_BLOCKS = 40, BUF = 1 << 19 };

/* The buffers of one side; the space behind the transferred bytes must not change. */
struct buffers {
	uint8_t data[BUF], md[BUF / 4];
};

static struct buffers *ours, *theirs;

/* Return an LBA; limits are more frequent than in a uniform distribution. */
static uint64_t random_lba(void)
{
	static const uint64_t edges[] = {
		0, 1, 63, 64, MODEL_BLOCKS - 1, MODEL_BLOCKS, UINT64_MAX, UINT64_MAX - 2,
			1ULL << 32,
	};

	return unit_random_below(12) ? unit_random_below(MODEL_BLOCKS) :
	       edges[unit_random_below(ARRAY_SIZE(edges))];
}

/* Return tags that usually match @lba. */
static struct oracle_dwords random_tags(const struct oracle_format *f, uint64_t lba)
{
	struct oracle_tuple t = { {
		[ORACLE_APP] = unit_random_below(8) ? 0x1234 : unit_random(),
		[ORACLE_STORAGE] = unit_random_below(8) ? 0x5a5a5a5a5a5a : unit_random(),
		[ORACLE_REF] = unit_random_below(10) ? oracle_ref(f, lba, 0) : unit_random(),
	} };

	return oracle_dwords(f, &t, unit_random_below(4) ? 0xffff : unit_random());
}

/* Fill the buffers with blocks, most of them correct. */
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
		if (!unit_random_below(40))	/* escapes, or almost */
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

/* Return a command with our buffers; the model executes the same one with its own. */
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
	cmd.cdw12 |= random_prinfo(f) | !unit_random_below(16) << 30 | unit_random_below(2) << 31 |
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
	if (!unit_random_below(200))		/* exceeds MDTS; transfers nothing */
		cmd.cdw12 = (cmd.cdw12 & ~0xffffu) | 0x3fff, cmd.data_len = UINT32_MAX;
	return cmd.opcode == 0x19 ? random_copy(f, cmd) : cmd;
}

/* Prepare a Compare: in half of the cases its buffers contain what is on media. */
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

/* Compare the image byte by byte, except blocks that read as deallocated. */
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

/* Open the namespace, with Copy Descriptor Formats 2h and 3h enabled as given. */
static struct target_ns *open_random(const struct ns_format *f, uint64_t size,
				     unsigned copy_formats)
{
	uint8_t page[512] = { [2] = 1, [4] = copy_formats };
	struct nvme_uring_cmd cmd = {
		.opcode = 9, .cdw10 = 0x16, .addr = (uintptr_t)page, .data_len = sizeof(page),
	};
	struct target_ns *ns = must_open("random.img", f, size);

	UNIT_CHECK(!controller_target.admin(ns, &cmd), "Set Features");
	return ns;
}

enum { STEPS = 1500 };

static void random_commands(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct oracle_format f = oracle_of(&formats[i]);
		const unsigned copy_formats = i % 4 ? 0xc : 0;
		struct target_ns *ns = open_random(&formats[i], MODEL_BLOCKS * formats[i].lbs,
						   copy_formats);
		struct model m;
		bool same = true;

		model_init(&m, &f, MODEL_BLOCKS);
		m.copy_formats = copy_formats;
		for (unsigned s = 0; s < unit_rounds(STEPS) && same; s++) {
			same = step(ns, &m, name_of(&formats[i]), s);
			if (s % 500 == 250) {	/* the next user must find the same content */
				controller_target.close(ns);
				ns = open_random(&any_format, 0, copy_formats);
			}
		}
		controller_target.close(ns);
		check_image("random.img", &m);
		model_free(&m);
		remove_image("random.img");
	}
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

/* Offsets in a tuple with a 64b guard and a storage tag of 24 bits. */
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

/* Write zeroes with a tuple of 11h bytes to LBA 0 and 1, directly into the image. */
static void poke_zeroes(const char *name, uint64_t blocks)
{
	static const uint8_t data[4096];
	int fd = open(in_folder(name), O_RDWR | O_CREAT, 0666);
	uint8_t md[16];

	memset(md, 0x11, sizeof(md));
	for (unsigned lba = 0; lba < 2; lba++)
		UNIT_CHECK(pwrite(fd, data, 4096, lba * 4096) == 4096 &&
			   pwrite(fd, md, 16, blocks * 4096 + lba * 16) == 16,
			   "can't write %s", name);
	UNIT_CHECK(!ftruncate(fd, blocks * (4096 + 16)), "can't size %s", name);
	close(fd);
}

/* Read @lba with a guard check.  Returns the status; @md gets the metadata. */
static int read_zeroes(struct target_ns *ns, uint64_t lba, uint8_t *md)
{
	static uint8_t data[4096];
	struct nvme_uring_cmd cmd = rw(2, lba, 1, data, sizeof(data));

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 16;
	cmd.cdw12 |= PRCHK_GUARD;
	return run(ns, cmd);
}

/*
 * A zero block that was written through the controller and whose guard was damaged on media is a
 * bad block, also at LBA 0, for its writer and for the next user.
 */
static void block_zero(void)
{
	const struct ns_format f = F(4096, 16, 0, 1, 0, 2, 0);
	static uint8_t data[4096], md[16];
	struct target_ns *ns = must_open("zero.img", &f, 1 << 20);

	for (unsigned lba = 0; lba < 2; lba++) {
		struct nvme_uring_cmd cmd = rw(1, lba, 1, data, sizeof(data));
		int ret;

		cmd.cdw12 |= PRACT;
		cmd.cdw14 = lba;
		UNIT_CHECK(!run(ns, cmd), "write");
		ret = read_zeroes(ns, lba, md);
		UNIT_CHECK(!ret, "LBA %u is not damaged: %x", lba, ret);
	}
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			poke_zeroes("zero.img", 256);
		for (unsigned lba = 0; lba < 2; lba++) {
			int ret = read_zeroes(ns, lba, md);

			UNIT_CHECK(ret == MODEL_GUARD, "open %d, LBA %u: %x", i, lba, ret);
		}
		controller_target.close(ns);
		ns = must_open("zero.img", &any_format, 0);
	}
	controller_target.close(ns);
	remove_image("zero.img");
}

/*
 * In an image made elsewhere it is unknown whether zeroes at LBA 0 were written: with a wrong
 * guard they count as deallocated until they are written here.
 */
static void block_zero_elsewhere(void)
{
	const struct ns_format f = F(4096, 16, 0, 1, 0, 2, 0);
	static uint8_t data[4096], md[16];
	struct nvme_uring_cmd cmd = rw(1, 0, 1, data, sizeof(data));
	struct target_ns *ns;
	int ret;

	poke_zeroes("zero.img", 256);
	if (!UNIT_CHECK(!try_open(&ns, "zero.img", &f, 0, true), "open: %s", why))
		return;
	ret = read_zeroes(ns, 0, md);
	UNIT_CHECK(!ret && md[0] == 0xff && md[15] == 0xff, "LBA 0: %x, its tuple is %02x...", ret,
		   md[0]);
	ret = read_zeroes(ns, 1, md);
	UNIT_CHECK(ret == MODEL_GUARD, "LBA 1: %x", ret);
	memset(md, 0x11, sizeof(md));
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = sizeof(md);
	UNIT_CHECK(!run(ns, cmd), "write");
	ret = read_zeroes(ns, 0, md);
	UNIT_CHECK(ret == MODEL_GUARD, "LBA 0, written here: %x", ret);
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

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "random_commands", random_commands },
		{ "damage", damage },
		{ "block_zero", block_zero },
		{ "block_zero_elsewhere", block_zero_elsewhere },
		{ "short_buffers", short_buffers },
	};
	int ret;

	ours = calloc(1, sizeof(*ours));
	theirs = calloc(1, sizeof(*theirs));
	if (!ours || !theirs) {
		perror("test-controller");
		return 2;
	}
	ret = folder_main(argc, argv, cases, ARRAY_SIZE(cases));
	free(ours);
	free(theirs);
	return ret;
}
