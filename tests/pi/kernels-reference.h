/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernels-reference.h - guards by long division, and blocks in memory between inaccessible pages,
 * for test-kernels
 */
#ifndef KERNELS_REFERENCE_H
#define KERNELS_REFERENCE_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pi/guard-kernels.h"

enum { MAX_LEN = 4200, MAX_NR = 40, MAX_MD = 300, GUARDS = 3 };

static const char *const guard_names[GUARDS] = { "16b", "32b", "64b" };

/*
 * The parameters of the CRCs; the register is combined with the low or the high bit of a byte
 * first.
 */
static const struct crc {
	uint64_t	poly;
	bool		high_first;
	uint64_t	start;		/* initial register value, and final XOR */
} crcs[GUARDS] = {
	{ 0x8bb7000000000000, true, 0 },
	{ 0x82f63b78, false, 0xffffffff },
	{ 0x9a6c9329ac4bc9b5, false, ~0ULL },
};

/* Returns pseudo-random numbers, the same in every run. */
static uint64_t next_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static size_t below(size_t n)
{
	return (next_random() >> 20) % n;
}

static uint64_t shift_byte(const struct crc *crc, uint64_t reg, uint8_t byte)
{
	reg ^= crc->high_first ? (uint64_t)byte << 56 : byte;
	for (int bit = 0; bit < 8; bit++) {
		if (crc->high_first)
			reg = reg << 1 ^ (reg >> 63 ? crc->poly : 0);
		else
			reg = reg >> 1 ^ (reg & 1 ? crc->poly : 0);
	}
	return reg;
}

static uint64_t divide(const struct crc *crc, uint64_t reg, const uint8_t *p, size_t len)
{
	while (len--)
		reg = shift_byte(crc, reg, *p++);
	return reg;
}

static uint64_t finish(const struct crc *crc, uint64_t reg)
{
	return crc->high_first ? reg >> 48 : reg ^ crc->start;
}

/* As divide(), but a byte at a time, for many blocks.  Its table is computed bit by bit. */
static uint64_t divide_quickly(unsigned guard, uint64_t reg, const uint8_t *p, size_t len)
{
	static uint64_t table[GUARDS][256];
	const struct crc *crc = &crcs[guard];

	if (!table[guard][1])
		for (int i = 0; i < 256; i++)
			table[guard][i] = shift_byte(crc, 0, (uint8_t)i);
	for (; len; len--, p++)
		reg = crc->high_first ? table[guard][reg >> 56 ^ *p] ^ reg << 8 :
					table[guard][(reg ^ *p) & 0xff] ^ reg >> 8;
	return reg;
}

/* Memory between two inaccessible pages. */
struct arena {
	uint8_t	*start;
	size_t	size;
};

static struct arena data_arena, md_arena, copy_arena;

static void arena_init(struct arena *a, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	a->size = (size + page - 1) / page * page;
	p = mmap(NULL, a->size + 2 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) ||
	    mprotect(p + page + a->size, page, PROT_NONE)) {
		fprintf(stderr, "test-kernels: memory with guard pages: %s\n", strerror(errno));
		exit(2);
	}
	a->start = p + page;
	for (size_t i = 0; i < a->size; i++)
		a->start[i] = (uint8_t)next_random();
}

/* Returns @size bytes at the start or at the end of the arena. */
static uint8_t *place(const struct arena *a, size_t size, bool at_end)
{
	return at_end ? a->start + a->size - size : a->start;
}

struct shape {
	size_t	len, stride;
	size_t	md_len, md_stride;
	size_t	nr;
	size_t	copy_stride;
	bool	copy;
	bool	at_end;
};

static size_t span(size_t nr, size_t stride, size_t len)
{
	return nr ? (nr - 1) * stride + len : 0;
}

static struct guard_job job_of(const struct shape *s)
{
	struct guard_job job = {
		.data_len = s->len, .data_stride = s->stride, .nr = s->nr,
		.data = place(&data_arena, span(s->nr, s->stride, s->len), s->at_end),
	};

	if (s->md_len) {
		job.md = place(&md_arena, span(s->nr, s->md_stride, s->md_len), s->at_end);
		job.md_len = s->md_len;
		job.md_stride = s->md_stride;
	}
	if (s->copy) {
		job.copy = place(&copy_arena, span(s->nr, s->copy_stride, s->len), s->at_end);
		job.copy_stride = s->copy_stride;
	}
	return job;
}

static uint64_t expected(const struct guard_job *job, unsigned guard, size_t i)
{
	const struct crc *crc = &crcs[guard];
	uint64_t reg = crc->high_first ? crc->start << 48 : crc->start;

	reg = divide(crc, reg, (const uint8_t *)job->data + i * job->data_stride, job->data_len);
	if (job->md_len)
		reg = divide(crc, reg, (const uint8_t *)job->md + i * job->md_stride,
			     job->md_len);
	return finish(crc, reg);
}

/*
 * Returns whether the data was copied and nothing around it changed.  Both areas held 5Ah
 * before.
 */
static bool copied(const struct guard_job *job)
{
	const uint8_t *p = copy_arena.start, *end = p + copy_arena.size;

	for (size_t i = 0; i < job->nr; i++) {
		uint8_t *to = (uint8_t *)job->copy + i * job->copy_stride;

		for (; p < to; p++)
			if (*p != 0x5a)
				return false;
		if (memcmp(to, (const uint8_t *)job->data + i * job->data_stride, job->data_len))
			return false;
		p = to + job->data_len;
	}
	for (; p < end; p++)
		if (*p != 0x5a)
			return false;
	return true;
}

#endif
