/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random-contents.h - for random-order: what each block may contain, by the I/Os that were queued
 * and those that completed, and what I/Os that complete must return
 */
#ifndef RANDOM_CONTENTS_H
#define RANDOM_CONTENTS_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engines/io-queue.h"
#include "tests/lib/image.h"

enum { MAX_DEPTH = 64, MAX_BLOCKS = 8, APP = 0x1234, SHOWN = 10 };

/* A change that a block may contain. */
struct entry {
	uint64_t	no;		/* number of the I/O, from 1; 0: the initial content */
	uint8_t		opcode;
	bool		ended;
};

/* The possible contents of one block; at most MAX_DEPTH changes are in flight. */
struct block {
	struct entry	entry[MAX_DEPTH + 1];
	unsigned	nr;
};

struct request {
	bool		out;
	uint8_t		opcode;
	uint64_t	lba, no;
	uint32_t	nr;
	bool		known;			/* @want is what a read must return */
	struct entry	want[MAX_BLOCKS];
};

struct trial {
	struct image	image;
	int		mset;
	uint64_t	ios, nr_blocks, seed;
	struct job_ns	ns;
	bool		in_order;		/* commands are executed in order */
	struct io_queue	flight;
	struct block	*blocks;
	struct request	request[MAX_DEPTH];
	uint8_t		*data;			/* MAX_BLOCKS blocks per tag */
	uint64_t	no;			/* number of I/Os queued so far */
	uint32_t	zone_blocks;		/* of a zoned image; 0: no zones */
	uint32_t	*written;		/* by zone: blocks before its write pointer */
	const char	*cache;			/* ns_cache; NULL: none */
	uint64_t	nr_bad, nr_mixed, nr_judged, nr_reads;
};

/* --- the contents of blocks --- */

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t draw(struct trial *t, uint64_t below)
{
	return mixed(t->seed += 0x9e3779b97f4a7c15) % below;
}

static bool is_zeroes(const struct entry *e)
{
	return !e->no || e->opcode == nvme_cmd_write_zeroes || e->opcode == nvme_cmd_dsm;
}

/* Fill @data with what I/O @e writes to block @lba. */
static void fill(const struct trial *t, const struct entry *e, uint64_t lba, uint8_t *data)
{
	const uint32_t size = t->image.format.data_size;

	if (is_zeroes(e)) {
		memset(data, 0, size);
		return;
	}
	for (uint32_t i = 0; i < size / 8; i++) {
		uint64_t word = i ? mixed(e->no << 20 ^ lba << 44 ^ i) : e->no;

		memcpy(data + 8 * i, &word, 8);
	}
}

/* Fill @md with the metadata that I/O @e leaves: a pattern (zeroes for zero data) and the tuple. */
static void fill_md(const struct trial *t, const struct entry *e, uint64_t lba, const uint8_t *data,
		    uint8_t *md)
{
	const struct oracle_format *f = &t->image.format;
	struct oracle_tuple tags = { { [ORACLE_APP] = APP, [ORACLE_REF] = oracle_ref(f, 0, lba) } };

	for (uint32_t j = 0; j < f->md_size; j++)
		md[j] = is_zeroes(e) ? 0 : (lba ^ 0x5a5a5a5a5a5a5a5a) >> (56 - 8 * (j % 8));
	oracle_generate(f, data, md, &tags);
}

static bool all_bytes(const uint8_t *p, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static bool data_fits(const struct trial *t, const struct entry *e, uint64_t lba, const uint8_t *got)
{
	uint8_t want[t->image.format.data_size];

	if (e->opcode == nvme_cmd_write_uncor)
		return false;
	fill(t, e, lba, want);
	return !memcmp(want, got, sizeof(want));
}

/* The tuple of a deallocated block is zeroes in the image file and ones when it is read. */
static bool md_fits(const struct trial *t, const struct entry *e, uint64_t lba, const uint8_t *got)
{
	const struct oracle_format *f = &t->image.format;
	const uint8_t *tuple = got + oracle_tuple_offset(f);
	uint8_t data[f->data_size], want[f->md_size + 1];

	if (e->opcode == nvme_cmd_write_uncor)
		return false;
	if (is_zeroes(e) && (all_bytes(tuple, oracle_tuple_size(f), 0) ||
			     all_bytes(tuple, oracle_tuple_size(f), 0xff)))
		return true;
	fill(t, e, lba, data);
	fill_md(t, e, lba, data, want);
	return !memcmp(want, got, f->md_size);
}

/* --- the table of possible contents --- */

static void told(struct trial *t, const char *what, uint64_t lba, uint64_t no)
{
	if (t->nr_bad++ < SHOWN)
		printf("LBA %" PRIu64 ": %s (I/O %" PRIu64 ", seed and depth as below)\n", lba, what, no);
}

static bool changes(uint8_t opcode)
{
	return opcode != nvme_cmd_read && opcode != nvme_cmd_flush;
}

/* A new change: drop contents whose change has completed; if commands are in order, drop all. */
static void change_starts(struct trial *t, const struct request *r)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		struct block *b = &t->blocks[r->lba + i];
		unsigned left = 0;

		for (unsigned k = 0; k < b->nr && !t->in_order; k++)
			if (!b->entry[k].ended)
				b->entry[left++] = b->entry[k];
		b->entry[left] = (struct entry){ r->no, r->opcode, false };
		b->nr = left + 1;
	}
	/* A read in flight may return the old or the new content. */
	for (unsigned tag = 0; tag < MAX_DEPTH && !t->in_order; tag++) {
		struct request *o = &t->request[tag];

		if (o->out && o->lba < r->lba + r->nr && r->lba < o->lba + o->nr)
			o->known = false;
	}
}

static void change_ends(struct trial *t, const struct request *r)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		struct block *b = &t->blocks[r->lba + i];

		for (unsigned k = 0; k < b->nr; k++)
			b->entry[k].ended |= b->entry[k].no == r->no;
	}
}

static void read_starts(struct trial *t, struct request *r)
{
	r->known = true;
	for (uint32_t i = 0; i < r->nr; i++) {
		const struct block *b = &t->blocks[r->lba + i];

		r->known &= t->in_order || (b->nr == 1 && b->entry[0].ended);
		r->want[i] = b->entry[b->nr - 1];
	}
}

static void read_ends(struct trial *t, const struct request *r, int err, const uint8_t *data)
{
	bool bad = false;

	if (!r->known)
		return;
	t->nr_reads++;
	for (uint32_t i = 0; i < r->nr; i++)
		bad |= r->want[i].opcode == nvme_cmd_write_uncor;
	if (!!err != bad)
		told(t, err ? "a read failed" : "an uncorrectable block was read", r->lba, r->no);
	for (uint32_t i = 0; i < r->nr && !err; i++)
		if (!data_fits(t, &r->want[i], r->lba + i, data + i * t->image.format.data_size))
			told(t, "a read found something else than the last change", r->lba + i, r->no);
}

#endif
