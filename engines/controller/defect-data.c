// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-data.c - defects: blocks on their way between host and media, writes that fail or meet,
 * and blocks that are deallocated; see defect.h
 */
#include <string.h>
#include "defect-parts.h"

static uint8_t *data_of(struct ctl_act *a, uint32_t i)
{
	return a->data + (size_t)i * a->img->media.data_size;
}

static uint8_t *md_of(struct ctl_act *a, uint32_t i)
{
	return a->md + (size_t)i * a->img->media.md_size;
}

/* Offset of the metadata outside the tuple, and its length; all of it without a tuple. */
static uint32_t other_md(const struct ctl_act *a, uint32_t *len)
{
	const struct pi_layout *l = &a->img->media;
	const uint32_t size = ctl_has_pi(a->img) ? l->format->tuple_size : 0;

	*len = l->md_size - size;
	return size && l->first ? size : 0;
}

/* --- metadata --- */

/* Each block has the metadata of the next (@p 1) or of the block before. */
static void md_shifted(struct ctl_act *a, const struct ctl_defect *d)
{
	const size_t ms = a->img->media.md_size, rest = (a->nr - 1) * ms;

	if (d->p)
		memmove(a->md, a->md + ms, rest);
	else
		memmove(a->md + ms, a->md, rest);
}

/* All blocks from block @p on have the metadata of block @q. */
static void md_repeated(struct ctl_act *a, const struct ctl_defect *d)
{
	for (uint32_t i = d->p; i < a->nr; i++)
		memcpy(md_of(a, i), md_of(a, d->q), a->img->media.md_size);
}

/* The metadata outside the tuple is filled with @p. */
static void other_filled(struct ctl_act *a, const struct ctl_defect *d)
{
	uint32_t len, at = other_md(a, &len);

	for (uint32_t i = 0; i < a->nr; i++)
		memset(md_of(a, i) + at, d->p, len);
}

/* The last byte outside the tuple is lost. */
static void other_short(struct ctl_act *a, const struct ctl_defect *d)
{
	uint32_t len, at = other_md(a, &len);

	(void)d;
	for (uint32_t i = 0; i < a->nr && len; i++)
		md_of(a, i)[at + len - 1] = 0;
}

static void other_swapped(struct ctl_act *a, const struct ctl_defect *d)
{
	uint32_t len, at = other_md(a, &len);

	(void)d;
	for (uint32_t i = 0; i < a->nr; i++)
		for (uint32_t k = at; k + 1 < at + len; k += 2) {
			const uint8_t low = md_of(a, i)[k];

			md_of(a, i)[k] = md_of(a, i)[k + 1];
			md_of(a, i)[k + 1] = low;
		}
}

/* The tuple of the last (@p: nr - 1) or of all blocks is cleared. */
static void tuples_cleared(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct pi_layout *l = &a->img->media;

	for (uint32_t i = d->p ? a->nr - 1 : 0; ctl_has_pi(a->img) && i < a->nr; i++)
		memset(md_of(a, i) + pi_tuple_offset(l), 0, l->format->tuple_size);
}

/* --- data --- */

/* The last @p bytes of the last block are zero. */
static void data_tail(struct ctl_act *a, const struct ctl_defect *d)
{
	memset(data_of(a, a->nr) - d->p, 0, d->p);
}

/* Blocks @p and @p + 1 have each other's data. */
static void data_swapped(struct ctl_act *a, const struct ctl_defect *d)
{
	const size_t ds = a->img->media.data_size;
	uint8_t *x = data_of(a, d->p);

	for (size_t k = 0; d->p + 1 < a->nr && k < ds; k++) {
		const uint8_t byte = x[k];

		x[k] = x[k + ds];
		x[k + ds] = byte;
	}
}

/* Block @p of the transfer is that before it. */
static void data_repeated(struct ctl_act *a, const struct ctl_defect *d)
{
	if (d->p < a->nr) {
		memcpy(data_of(a, d->p), data_of(a, d->p - 1), a->img->media.data_size);
		memcpy(md_of(a, d->p), md_of(a, d->p - 1), a->img->media.md_size);
	}
}

/* What is read at a page of 4 KiB after the first is a bit off. */
static void data_bit(struct ctl_act *a, const struct ctl_defect *d)
{
	if ((uint64_t)a->nr * a->img->media.data_size > d->p)
		a->data[d->p] ^= 1;
}

/* --- writes --- */

/* The blocks from block @p on (@q: only the last one) stay as they were. */
static void write_short(struct ctl_act *a, const struct ctl_defect *d)
{
	const uint32_t from = d->q ? a->nr - 1 : d->p;

	if (from < a->nr)
		ctl_act_fetch(a, a->r.lba + from, a->nr - from, data_of(a, from), md_of(a, from));
}

/* The metadata of all blocks (@p 1), or their data, stays as it was. */
static void write_half(struct ctl_act *a, const struct ctl_defect *d)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;

	for (uint32_t i = 0; i < a->nr; i++) {
		uint8_t *const data = a->all->data, *const md = a->all->md;

		ctl_act_fetch(a, a->r.lba + i, 1, data, md);
		if (d->p)
			memcpy(md_of(a, i), md, ms);
		else
			memcpy(data_of(a, i), data, ds);
	}
}

/* Two writes of one block in flight: its second half (@p 0) or its metadata is the first one's. */
static void writes_mix(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct ctl_range *last = &a->all->last_write;
	const bool met = last->nr && a->all->commands - a->all->last_write_at < a->all->last_flight;
	const size_t half = a->img->media.data_size / 2;
	uint8_t *const data = a->all->data, *const md = a->all->md;

	for (uint32_t i = 0; met && i < a->nr; i++) {
		if (a->r.lba + i - last->lba >= last->nr ||
		    ctl_act_fetch(a, a->r.lba + i, 1, data, md))
			continue;
		if (d->p)
			memcpy(md_of(a, i), md, a->img->media.md_size);
		else
			memcpy(data_of(a, i) + half, data + half, half);
	}
}

/* --- writes that fail --- */

static bool is_check(int res)
{
	const int status = res > 0 ? res & NVME_ST_MASK : 0;

	return (status >= NVME_ST_GUARD && status <= NVME_ST_REF) || status == NVME_ST_STORAGE;
}

/* A failed write leaves @p blocks, at most. */
static int fail_leaves(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	const uint32_t nr = d->p < a->nr ? d->p : a->nr;

	if (is_check(res) && a->data)
		ctl_act_store(a, a->r.lba, nr, a->data, a->md);
	return res;
}

/* A failed write leaves its last block. */
static int fail_leaves_last(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)d;
	if (is_check(res) && a->data)
		ctl_act_store(a, a->r.lba + a->nr - 1, 1, data_of(a, a->nr - 1), md_of(a, a->nr - 1));
	return res;
}

/* A failed write leaves its metadata (@p 1) or its data alone, or clears its first block (2). */
static int fail_leaves_part(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	const size_t ds = a->img->media.data_size, ms = a->img->media.md_size;

	if (!is_check(res) || !a->data)
		return res;
	if (d->p == 2) {
		memset(a->data, 0, ds);
		memset(a->md, 0, ms);
		a->nr = 1;
	} else {
		write_half(a, &(struct ctl_defect){ .p = !d->p });
	}
	ctl_act_store(a, a->r.lba, a->nr, a->data, a->md);
	return res;
}

/* A failed write deallocates its blocks. */
static int fail_trims(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_write_zeroes, .nsid = 1,
		.cdw10 = a->cmd.cdw10, .cdw11 = a->cmd.cdw11, .cdw12 = a->cmd.cdw12 & 0xffff };

	(void)d;
	if (is_check(res))
		ctl_act_honest(a, &cmd);
	return res;
}

/* --- blocks that are deallocated --- */

enum hole { DATA, TUPLE, OTHER, GUARD, APP, REF };

/* What part @q of such a block reads as @p. */
static void hole_reads(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct pi_layout *l = &a->img->media;
	uint32_t len, other = other_md(a, &len);

	for (uint32_t i = 0; i < a->nr; i++) {
		uint8_t *tuple = md_of(a, i) + (ctl_has_pi(a->img) ? pi_tuple_offset(l) : 0);
		uint8_t *app = tuple + (ctl_has_pi(a->img) ? l->format->guard_size : 0);

		if (ctl_act_is_written(a, a->r.lba + a->first + i))
			continue;
		if (d->q == DATA)
			memset(data_of(a, i), d->p, l->data_size);
		else if (d->q == OTHER)
			memset(md_of(a, i) + other, d->p, len);
		else if (!ctl_has_pi(a->img))
			continue;
		else if (d->q == TUPLE)
			memset(tuple, d->p, l->format->tuple_size);
		else if (d->q == APP)
			memset(app, d->p, 2);
		else if (d->q == REF)
			memset(app + 2, d->p, l->format->tuple_size - l->format->guard_size - 2);
		else
			memset(tuple, d->p, l->format->guard_size);
	}
}

/* A range with such a block fails with the status @p. */
static int hole_fails(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	for (uint32_t i = 0; !res && i < a->r.nr; i++)
		if (!ctl_act_is_written(a, a->r.lba + i))
			return d->p;
	return res;
}

#define READ(name, what, fn) name, what, OP_READ, AT_DELIVER, .blocks = fn
#define WRITE(name, what, fn) name, what, OP_WRITE, AT_DELIVER, .blocks = fn
#define FAILED(name, what, fn) name, what, OP_WRITE, .command = ctl_act_relax, .result = fn
#define HOLE(name, what, part) name, what, OP_READ | OP_VERIFY, AT_FETCH, .blocks = hole_reads, .q = part

static const struct ctl_defect rows[] = {
	{ READ("read-metadata-of-next", "Read returns the metadata of the next block", md_shifted), .p = 1,
	  .on = ON_MD },
	{ READ("read-metadata-of-before", "Read returns the metadata of the block before", md_shifted),
	  .p = 0, .on = ON_MD },
	{ "media-metadata-of-next", "blocks are read with the metadata of the next block", OP_READ | OP_VERIFY,
	  AT_FETCH, .blocks = md_shifted, .p = 1, .on = ON_MD },
	{ WRITE("write-metadata-of-next", "Write stores the metadata of the next block", md_shifted),
	  .p = 1, .on = ON_MD },
	{ WRITE("write-metadata-of-first", "Write stores the metadata of the first block for all",
		md_repeated), .p = 1, .q = 0, .on = ON_MD },
	{ READ("read-metadata-64-only", "Read repeats the metadata of block 64 for all that follow",
	       md_repeated), .p = 64, .q = 63, .on = ON_MD, .max_lbs = 4096 },
	{ READ("read-other-metadata-zero", "Read returns zeroes for metadata outside the tuple",
	       other_filled), .p = 0, .on = ON_OTHER },
	{ WRITE("write-other-metadata-zero", "Write stores zeroes for metadata outside the tuple",
		other_filled), .p = 0, .on = ON_OTHER },
	{ READ("read-other-metadata-swapped", "Read swaps pairs of bytes of metadata outside the tuple",
	       other_swapped), .on = ON_OTHER },
	{ WRITE("write-other-metadata-short", "Write loses the last byte of metadata outside the tuple",
		other_short), .on = ON_OTHER },
	{ READ("read-pract-strips-tuple", "Read with PRACT clears tuples that it should pass on",
	       tuples_cleared), .when = ctl_when_flag, .at = 1u << 29, .on = ON_MORE },
	{ WRITE("write-last-tuple-lost", "Write stores no tuple for the last of several blocks",
		tuples_cleared), .p = 1, .when = ctl_when_no_flag, .at = 1u << 29, .on = ON_PI },
	{ READ("read-last-8-bytes-lost", "Read does not transfer the last 8 bytes of data", data_tail),
	  .p = 8 },
	{ READ("read-fua-tail-lost", "Read with FUA does not transfer the last 256 bytes of data",
	       data_tail), .p = 256, .when = ctl_when_flag, .at = 1u << 30 },
	{ READ("read-unaligned-tail-lost", "Read into a buffer that does not begin a page loses its last "
	       "bytes", data_tail), .p = 64, .when = ctl_when_unaligned, .at = 4096 },
	{ READ("read-largest-tail-lost", "a Read of the maximum size loses its last bytes", data_tail),
	  .p = 4, .when = ctl_when_nr_most },
	{ READ("read-blocks-swapped", "Read exchanges the data of the second and third block",
	       data_swapped), .p = 1, .when = ctl_when_depth, .at = 2 },
	{ READ("read-block-repeated", "Read returns the 9th block instead of the 10th", data_repeated),
	  .p = 9 },
	{ READ("read-bit-at-64k", "Read returns a wrong bit 64 KiB after its start", data_bit),
	  .p = 65536 },
	{ READ("read-bit-once", "one Read in 32 returns a wrong bit", data_bit), .p = 100,
	  .when = ctl_when_every, .at = 32 },
	{ WRITE("write-last-block-lost", "Write loses the last of 8, 16 and so on blocks", write_short),
	  .q = 1, .when = ctl_when_nr_power, .at = 8 },
	{ WRITE("write-255-blocks", "Write stores 255 blocks, at most", write_short), .p = 255, .max_lbs = 2048 },
	{ WRITE("write-128-blocks", "Write stores 128 blocks, at most", write_short), .p = 128, .max_lbs = 2048 },
	{ WRITE("write-lost-at-depth-8", "Write does nothing while 8 commands are in flight", write_short),
	  .p = 0, .when = ctl_when_depth, .at = 8 },
	{ WRITE("write-lost-at-times", "one Write in 64 does nothing", write_short), .p = 0,
	  .when = ctl_when_every, .at = 64 },
	{ WRITE("write-keeps-metadata", "Write of 3, 5, 7 and so on blocks stores data alone", write_half),
	  .p = 1, .when = ctl_when_nr_odd, .at = 3, .on = ON_MD },
	{ WRITE("write-keeps-data", "Write with LR stores metadata alone", write_half), .p = 0,
	  .when = ctl_when_flag, .at = 1u << 31, .on = ON_MD },
	{ WRITE("writes-mix-halves", "of two Writes in flight to a block, each leaves half of its data",
		writes_mix), .p = 0, .when = ctl_when_depth, .at = 1 },
	{ WRITE("writes-mix-metadata", "of two Writes in flight to a block, one leaves the data, the other "
		"the metadata", writes_mix), .p = 1, .when = ctl_when_depth, .at = 1, .on = ON_MD },
	{ FAILED("failed-write-leaves-first", "a Write that fails a check leaves its first block",
		 fail_leaves), .p = 1, .on = ON_PI },
	{ FAILED("failed-write-leaves-all", "a Write that fails a check leaves all its blocks",
		 fail_leaves), .p = UINT32_MAX, .on = ON_PI },
	{ FAILED("failed-write-leaves-last", "a Write that fails a check leaves its last block",
		 fail_leaves_last), .on = ON_PI },
	{ FAILED("failed-write-leaves-metadata", "a Write that fails a check leaves its metadata",
		 fail_leaves_part), .p = 1, .on = ON_PI },
	{ FAILED("failed-write-leaves-data", "a Write that fails a check leaves its data",
		 fail_leaves_part), .p = 0, .on = ON_PI },
	{ FAILED("failed-write-clears-first", "a Write that fails a check clears its first block",
		 fail_leaves_part), .p = 2, .on = ON_PI },
	{ FAILED("failed-write-deallocates", "a Write that fails a check deallocates its blocks",
		 fail_trims), .on = ON_PI },
	{ HOLE("hole-data-ones", "deallocated blocks read as FFh", DATA), .p = 0xff },
	{ HOLE("hole-tuple-zero", "the tuple of a deallocated block is zero, so that its checks fail",
	       TUPLE), .p = 0, .on = ON_PI },
	{ HOLE("hole-app-zero", "the application tag of a deallocated block is 0", APP), .p = 0,
	  .on = ON_PI },
	{ HOLE("hole-ref-zero", "the reference tag of a deallocated block is 0", REF), .p = 0,
	  .on = ON_PI },
	{ HOLE("hole-guard-zero", "the guard of a deallocated block is 0", GUARD), .p = 0, .on = ON_PI },
	{ HOLE("hole-metadata-ones", "the metadata of a deallocated block beside its tuple reads as FFh",
	       OTHER), .p = 0xff, .on = ON_OTHER },
	{ "hole-read-fails", "Read of a deallocated block fails although DULBE is clear", OP_READ,
	  .result = hole_fails, .p = 0x287 },
	{ "hole-verify-fails", "Verify of a deallocated block fails with a guard error", OP_VERIFY,
	  .result = hole_fails, .p = NVME_ST_GUARD },
};

const struct ctl_defect_table ctl_defects_data = { rows, sizeof(rows) / sizeof(rows[0]) };
