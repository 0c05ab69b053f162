// SPDX-License-Identifier: GPL-2.0-only
/* lab.c - sends commands, and checks their results against the model; see lab.h */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lab.h"
#include "script.h"

/* --- buffers --- */

enum { PAGE = 4096, CANARY = 64, CANARY_BYTE = 0xc7, POISON_BYTE = 0xa5 };

/* Blocks and bytes of a command if the controller has no limit. */
enum { MOST_BLOCKS = 2048, MOST_BYTES = 2 << 20, QUIET_BLOCKS = 32, LEAST_BLOCKS = 256 };

/* Most cases use the first blocks only, which saves memory; some use those around LBA 65536. */
enum { NEAR_BLOCKS = 8192, NEAR_BYTES = 32 << 20, FAR_LBA = 65536, FAR_BLOCKS = 1024 };

struct lab_bufs lab_bufs(const struct lab *l)
{
	const size_t block = (size_t)l->f.data_size + l->f.md_size;
	struct lab_bufs b = {
		.data = aligned_alloc(PAGE, ((l->cap * block + CANARY) / PAGE + 2) * PAGE),
		.md = aligned_alloc(PAGE,
				    ((l->cap * (size_t)l->f.md_size + CANARY) / PAGE + 2) * PAGE),
	};

	if (!b.data || !b.md)
		lab_bufs_free(&b);
	return b;
}

void lab_bufs_free(struct lab_bufs *b)
{
	free(b->data);
	free(b->md);
	*b = (struct lab_bufs){ 0 };
}

static uint64_t near_blocks(const struct lab *l)
{
	const uint64_t nr = l->last - l->first + 1, fit = NEAR_BYTES / l->f.data_size;
	const uint64_t near = fit < NEAR_BLOCKS ? fit : NEAR_BLOCKS;

	return nr < near ? nr : near;
}

static uint32_t most_blocks(const struct lab *l)
{
	const struct qm_format *f = &l->f;
	const uint32_t block = f->data_size + (f->extended && !f->data_only ? f->md_size : 0);
	const uint32_t whole = f->data_size + (f->extended ? f->md_size : 0);
	const uint64_t range = near_blocks(l);
	uint64_t most = MOST_BYTES / block;

	if (f->max_bytes && f->max_bytes / block < most)
		most = f->max_bytes / block;
	if (l->ns->max_transfer && l->ns->max_transfer / whole < most)
		most = l->ns->max_transfer / whole;
	if (most > range / 4)
		most = range / 4;
	return most < MOST_BLOCKS ? most : MOST_BLOCKS;
}

/*
 * Returns the possible contents of blocks before the suite writes them: in a new image none has
 * been written.
 */
static unsigned at_first(const struct lab *l)
{
	return l->fresh ? qm_deallocated(&l->f) : QM_ANY;
}

int lab_start(struct lab *l, char why[WHY_MAX])
{
	const uint64_t nr = l->last - l->first + 1;
	const uint64_t near = near_blocks(l);

	l->most = most_blocks(l);
	if (nr < LEAST_BLOCKS || l->most < 4)
		return refuse(why, EINVAL,
			      "%s: %llu blocks are too few: give %d or more by --range", l->path,
			      (unsigned long long)nr, LEAST_BLOCKS);
	l->cap = l->most + l->most / 32 + 2;	/* with PRACT more blocks may fit into MDTS */
	l->own = lab_bufs(l);
	l->input = lab_bufs(l);
	l->raw = lab_bufs(l);
	l->bufs = &l->own;
	l->in = &l->input;
	if (!l->own.data || !l->input.data || !l->raw.data ||
	    !qm_open(&l->model, &l->f, l->first, nr, at_first(l)))
		return refuse(why, ENOMEM, "%s: out of memory", l->path);
	l->near = near;
	l->nr_quiet = l->zone_blocks ? 0 : near / 16 < QUIET_BLOCKS ? near / 16 : QUIET_BLOCKS;
	l->quiet = l->first + near / 2;
	return 0;
}

void lab_end(struct lab *l)
{
	lab_bufs_free(&l->own);
	lab_bufs_free(&l->input);
	lab_bufs_free(&l->raw);
	qm_close(&l->model);
	free(l->finding.script);
}

/* --- random numbers --- */

uint64_t lab_random(struct lab *l)
{
	uint64_t z = l->rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t lab_below(struct lab *l, uint64_t n)
{
	return lab_random(l) % n;
}

void lab_random_bytes(struct lab *l, void *p, size_t len)
{
	uint8_t *to = p;

	for (; len >= 8; len -= 8, to += 8) {
		const uint64_t r = lab_random(l);

		memcpy(to, &r, 8);
	}
	for (; len; len--)
		*to++ = lab_random(l);
}

/* --- what a command carries --- */

uint64_t lab_place(struct lab *l, uint64_t nr)
{
	uint64_t lba;

	/* Where LBAs have more than 16 bits, one in four is there. */
	if (nr <= FAR_BLOCKS && l->last >= FAR_LBA + FAR_BLOCKS && l->first + l->near <= FAR_LBA - FAR_BLOCKS &&
	    !lab_below(l, 4))
		return FAR_LBA - FAR_BLOCKS + lab_below(l, 2 * FAR_BLOCKS - nr + 1);
	do
		lba = l->first + lab_below(l, l->near - nr + 1);
	while (lba < l->quiet + l->nr_quiet && lba + nr > l->quiet);
	return lba;
}

void lab_new_tags(struct lab *l, uint64_t lba)
{
	const struct qm_format *f = &l->f;
	const uint64_t ones = qm_ones(qm_ref_bits(f));
	uint64_t ref = lab_random(l) & ones;

	if (f->type == 1)
		ref = lba & ones;
	else if (f->type == 3 && ref == ones && ones)
		ref--;
	l->tags = (struct qm_tags) {
		.ref = ref, .storage = lab_random(l) & qm_ones(f->sts),
		.app = lab_below(l, 0xffff), .app_mask = 0xffff,
	};
}

void lab_fill(struct lab *l, uint32_t nr, bool pract)
{
	const struct qm_format *f = &l->f;
	const struct qm_wire w = qm_wire(f, pract);
	const struct nvme_uring_cmd cmd = {
		.addr = (uintptr_t)l->bufs->data, .metadata = (uintptr_t)l->bufs->md,
	};

	lab_random_bytes(l, l->bufs->data, (size_t)nr * w.data);
	lab_random_bytes(l, l->bufs->md, (size_t)nr * w.md);
	for (uint32_t i = 0; f->type && w.crosses && i < nr; i++) {
		const struct qm_place p = qm_place(f, &cmd, pract, i);

		qm_protect(f, &l->tags, i, p.data, p.md);
	}
}

static bool moves_data(uint8_t opcode)
{
	return opcode == nvme_cmd_write || opcode == nvme_cmd_read || opcode == nvme_cmd_compare;
}

struct nvme_uring_cmd lab_command(const struct lab *l, uint8_t opcode, uint64_t lba, uint32_t nr,
				  unsigned prinfo)
{
	const bool pract = prinfo & LAB_PRACT;
	const struct qm_wire w = qm_wire(&l->f, pract);
	const struct lab_bufs *bufs = opcode == nvme_cmd_read ? l->in : l->bufs;
	struct nvme_uring_cmd cmd = {
		.opcode = opcode, .nsid = l->f.nsid,
		.cdw10 = lba, .cdw11 = lba >> 32,
		.cdw12 = (nr - 1) | (prinfo & 7) << 26 | (prinfo & QM_STORAGE ? 1u << 24 : 0) |
			 (pract ? 1u << 29 : 0) | (prinfo & LAB_FUA ? 1u << 30 : 0) |
			 (prinfo & LAB_LR ? 1u << 31 : 0) | (prinfo & LAB_DEAC ? 1u << 25 : 0),
	};

	if (opcode != nvme_cmd_write_uncor && opcode != nvme_cmd_dsm && opcode != nvme_cmd_flush)
		qm_put_tags(&l->f, &l->tags, &cmd);
	if (moves_data(opcode)) {
		cmd.addr = (uintptr_t)bufs->data;
		cmd.data_len = nr * w.data;
		if (w.md) {
			cmd.metadata = (uintptr_t)bufs->md;
			cmd.metadata_len = nr * w.md;
		}
	}
	return cmd;
}

bool lab_has(const struct lab *l, uint8_t opcode)
{
	static const uint16_t bits[256] = {
		[nvme_cmd_write_uncor] = NVME_CTRL_ONCS_WRITE_UNCORRECTABLE,
		[nvme_cmd_compare] = NVME_CTRL_ONCS_COMPARE,
		[nvme_cmd_write_zeroes] = NVME_CTRL_ONCS_WRITE_ZEROES,
		[nvme_cmd_dsm] = NVME_CTRL_ONCS_DSM, [nvme_cmd_verify] = NVME_CTRL_ONCS_VERIFY,
		[nvme_cmd_copy] = NVME_CTRL_ONCS_COPY,
	};

	return !(bits[opcode] & ~l->f.oncs);
}

/* --- findings --- */

const char *lab_opcode_name(uint8_t opcode)
{
	static const char *const names[256] = {
		[nvme_cmd_flush] = "Flush", [nvme_cmd_write] = "Write", [nvme_cmd_read] = "Read",
		[nvme_cmd_write_uncor] = "Write Uncorrectable", [nvme_cmd_compare] = "Compare",
		[nvme_cmd_write_zeroes] = "Write Zeroes", [nvme_cmd_dsm] = "Dataset Management",
		[nvme_cmd_verify] = "Verify", [nvme_cmd_copy] = "Copy",
		[nvme_zns_cmd_append] = "Zone Append",
		[nvme_zns_cmd_mgmt_send] = "Zone Management Send",
		[nvme_zns_cmd_mgmt_recv] = "Zone Management Receive",
	};

	return names[opcode] ? names[opcode] : "a command of unknown opcode";
}

static void describe(const struct lab *l, const struct nvme_uring_cmd *cmd, char text[160])
{
	const struct qm_range r = qm_range(&l->f, cmd);
	int len = snprintf(text, 160, "%s", lab_opcode_name(cmd->opcode));

	if (cmd->opcode == nvme_cmd_flush || cmd->opcode == nvme_cmd_dsm)
		return;
	len += snprintf(text + len, 160 - len, ", LBA %llu", (unsigned long long)r.lba);
	if (cmd->opcode != nvme_cmd_copy)
		len += snprintf(text + len, 160 - len, ", %u block%s", r.nr, r.nr == 1 ? "" : "s");
	snprintf(text + len, 160 - len, "%s%s%s%s%s%s", r.pract ? ", PRACT" : "",
		 r.checks ? ", checks" : "", r.checks & QM_GUARD ? " guard" : "",
		 r.checks & QM_APP ? " app" : "", r.checks & QM_STORAGE ? " storage" : "",
		 r.checks & QM_REF ? " ref" : "");
}

bool lab_fail(struct lab *l, const struct nvme_uring_cmd *cmd, const char *expected,
	      const char *fmt, ...)
{
	struct lab_finding *x = &l->finding;
	va_list ap;

	if (l->failed)
		return false;
	l->failed = true;
	free(x->script);
	*x = (struct lab_finding){ 0 };
	if (cmd) {
		x->cmd = l->cause ? *l->cause : *cmd;
		describe(l, &x->cmd, x->command);
		if (l->cause)
			describe(l, cmd, x->look);
		x->sent = true;
		x->lba = qm_range(&l->f, cmd).lba;
	}
	snprintf(x->expected, sizeof(x->expected), "%s", expected);
	va_start(ap, fmt);
	vsnprintf(x->got, sizeof(x->got), fmt, ap);
	va_end(ap);
	x->script = script_make(l, x, cmd);
	return false;
}

/* --- sending --- */

/* Returns the bytes that a command reads into the host's memory, and *@md those of metadata. */
static size_t read_bytes(const struct lab *l, const struct nvme_uring_cmd *cmd, size_t *md)
{
	const struct qm_range r = qm_range(&l->f, cmd);
	const struct qm_wire w = qm_wire(&l->f, r.pract);

	*md = (size_t)r.nr * w.md;
	return (size_t)r.nr * w.data;
}

void lab_poison(struct lab *l, const struct nvme_uring_cmd *cmd)
{
	size_t md, data = read_bytes(l, cmd, &md);

	if (cmd->opcode != nvme_cmd_read || data > cmd->data_len)
		return;
	memset((void *)(uintptr_t)cmd->addr, POISON_BYTE, data);
	memset((uint8_t *)(uintptr_t)cmd->addr + data, CANARY_BYTE, CANARY);
	if (md) {
		memset((void *)(uintptr_t)cmd->metadata, POISON_BYTE, md);
		memset((uint8_t *)(uintptr_t)cmd->metadata + md, CANARY_BYTE, CANARY);
	}
}

static bool is_canary(uint64_t addr, size_t at)
{
	const uint8_t *p = (const uint8_t *)(uintptr_t)addr + at;

	for (int i = 0; i < CANARY; i++)
		if (p[i] != CANARY_BYTE)
			return false;
	return true;
}

static bool judge_read(struct lab *l, const struct nvme_uring_cmd *cmd)
{
	size_t md, data = read_bytes(l, cmd, &md);
	struct qm_diff d;

	if (!qm_read(&l->model, cmd, &d)) {
		lab_fail(l, cmd, "the contents that earlier commands gave to the blocks", "%s",
			 d.text);
		l->finding.lba = d.lba;
		return false;
	}
	if (!is_canary(cmd->addr, data) || (md && !is_canary(cmd->metadata, md)))
		return lab_fail(l, cmd, "no transfer beyond the blocks that were asked for",
				"host memory after the %s was overwritten",
				is_canary(cmd->addr, data) ? "metadata" : "data");
	return true;
}

bool lab_judge(struct lab *l, const struct nvme_uring_cmd *cmd, const struct qm_expect *e, int res)
{
	char name[QM_NAME_MAX], expected[QM_TEXT_MAX];

	l->commands++;
	l->all_commands++;
	if (res < 0) {
		l->broken = true;
		return lab_fail(l, cmd, "a completion", "%s", qm_status_name(res, name));
	}
	if (!qm_allows(e, res)) {
		qm_expect_text(e, expected);
		return lab_fail(l, cmd, expected, "%s", qm_status_name(res, name));
	}
	if (!res && cmd->opcode == nvme_cmd_read)
		return judge_read(l, cmd);
	qm_done(&l->model, cmd, !res);
	if (!l->model.no_memory)
		return true;
	l->broken = true;
	return lab_fail(l, cmd, "memory", "out of memory");
}

static bool send(struct lab *l, const struct nvme_uring_cmd *cmd)
{
	const struct qm_expect e = qm_expect(&l->model, cmd);
	struct nvme_uring_cmd copy = *cmd;
	int res;

	lab_poison(l, cmd);
	l->status = res = l->ns->ops->io(l->ns, &copy);
	l->cause_good = l->cause ? l->cause_good : !res;
	return lab_judge(l, cmd, &e, res);
}

bool lab_send(struct lab *l, struct nvme_uring_cmd cmd)
{
	l->cause = NULL;
	return !l->failed && send(l, &cmd);
}

/*
 * Returns whether a Read of the block may fail whatever it contains: then it would hide others.
 */
static bool is_alone(const struct lab *l, const struct qm_block *b)
{
	return b->may & QM_UNCOR || (l->f.dulbe && b->may & QM_DEALLOCATED);
}

/* Returns the number of blocks that one Read covers: one block that hides others, or others. */
static uint32_t run_of(const struct lab *l, uint64_t lba, uint64_t nr)
{
	const struct qm_block *b = qm_block(&l->model, lba);
	uint32_t n = 1;

	if (!b || is_alone(l, b))
		return 1;
	while (n < nr && n < l->most && (b = qm_block(&l->model, lba + n)) && !is_alone(l, b))
		n++;
	return n;
}

bool lab_look(struct lab *l, uint64_t lba, uint64_t nr)
{
	const struct qm_tags tags = l->tags;
	struct lab_bufs *const in = l->in;
	bool good = true;

	l->in = &l->raw;
	l->tags = (struct qm_tags){ 0 };
	while (nr && good) {
		const uint32_t n = run_of(l, lba, nr);
		const struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_read, lba, n, 0);

		good = send(l, &cmd);
		lba += n;
		nr -= n;
	}
	l->in = in;
	l->tags = tags;
	return good;
}

/* Reads the blocks that @cmd may change, and one on each side. */
static bool look_around(struct lab *l, uint64_t lba, uint64_t nr)
{
	uint64_t end = lba + nr;

	if (lba < l->first || lba > l->last || end < lba)
		return true;
	lba -= lba > l->first;
	end += end <= l->last;
	return lab_look(l, lba, (end > l->last ? l->last + 1 : end) - lba);
}

static bool look_after(struct lab *l, const struct nvme_uring_cmd *cmd)
{
	const struct qm_range r = qm_range(&l->f, cmd);
	const struct nvme_dsm_range *ranges = (const void *)(uintptr_t)cmd->addr;
	bool good = true;

	switch (cmd->opcode) {
	case nvme_cmd_write:
	case nvme_cmd_write_uncor:
	case nvme_cmd_write_zeroes:
		return look_around(l, r.lba, r.nr);
	case nvme_cmd_copy:
		return look_around(l, r.lba, qm_copy_length(&l->f, cmd));
	case nvme_cmd_dsm:
		for (unsigned i = 0; i <= (cmd->cdw10 & 0xff) && good; i++)
			good = look_around(l, ranges[i].slba, ranges[i].nlb);
		return good;
	default:
		return true;
	}
}

bool lab_do(struct lab *l, const struct nvme_uring_cmd *cmd)
{
	bool good;

	if (l->failed)
		return false;
	l->cause = NULL;
	if (!send(l, cmd))
		return false;
	l->cause = cmd;
	good = look_after(l, cmd);
	l->cause = NULL;
	return good;
}

bool lab_store(struct lab *l, uint64_t lba, uint32_t nr)
{
	const struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_write, lba, nr, 0);

	return lab_do(l, &cmd);
}

bool lab_write(struct lab *l, uint64_t lba, uint32_t nr)
{
	lab_fill(l, nr, false);
	return lab_store(l, lba, nr);
}
