/* SPDX-License-Identifier: MIT */
/*
 * guard-portable.c - the three guards in plain C, by slicing
 *
 * A step takes 16 bytes of a block.  What each of them adds to the register
 * once all 16 have gone by is looked up in a table of its own, so a step is 16
 * loads that need not wait for one another.  A step still waits for the one
 * before it; two blocks side by side fill that time.
 *
 * The register's low byte always meets the next byte of data, for T10-DIF too,
 * which takes the high bit first: its register is kept with its bytes swapped.
 * So one code serves all three, on hosts of either endianness.
 */
#include <stdbool.h>
#include <string.h>

#include "guard-kernels.h"
#include "guard-tables.h"

/*
 * A table's 256 entries from the eight of a byte's single bits: SUMSn lists the
 * sums of @s with every subset of n values, so that the entry for byte v is the
 * sum of the values of v's bits.
 */
#define SUMS1(a, s)			(s), (s) ^ (a)
#define SUMS2(a, b, s)			SUMS1(a, s), SUMS1(a, (s) ^ (b))
#define SUMS3(a, b, c, s)		SUMS2(a, b, s), SUMS2(a, b, (s) ^ (c))
#define SUMS4(a, b, c, d, s)		SUMS3(a, b, c, s), SUMS3(a, b, c, (s) ^ (d))
#define SUMS5(a, b, c, d, e, s)		SUMS4(a, b, c, d, s), SUMS4(a, b, c, d, (s) ^ (e))
#define SUMS6(a, b, c, d, e, f, s)	SUMS5(a, b, c, d, e, s), SUMS5(a, b, c, d, e, (s) ^ (f))
#define SUMS7(a, b, c, d, e, f, g, s) \
	SUMS6(a, b, c, d, e, f, s), SUMS6(a, b, c, d, e, f, (s) ^ (g))
#define ROW(a, b, c, d, e, f, g, h) \
	{ SUMS7(a, b, c, d, e, f, g, 0), SUMS7(a, b, c, d, e, f, g, h) }

/* Row k: for the byte with k bytes after it. */
static const uint16_t table_16b[GUARD_SLICES][256] = { GUARD_16B_TABLE(ROW) };
static const uint32_t table_32b[GUARD_SLICES][256] = { GUARD_32B_TABLE(ROW) };
static const uint64_t table_64b[GUARD_SLICES][256] = { GUARD_64B_TABLE(ROW) };

/*
 * What tells the three apart.  Every function down to run_job() is inlined into
 * its three callers and compiled for one constant struct crc each.
 */
struct crc {
	unsigned	size;		/* bytes */
	uint64_t	start;		/* in the register first, and added at the end */
	bool		swapped;	/* bytes in the register are swapped */
};

#define TEMPLATE static inline __attribute__((always_inline))

TEMPLATE uint64_t entry(const struct crc *crc, unsigned row, unsigned byte)
{
	switch (crc->size) {
	case sizeof(table_16b[0][0]):
		return table_16b[row][byte];
	case sizeof(table_32b[0][0]):
		return table_32b[row][byte];
	default:
		return table_64b[row][byte];
	}
}

/* Eight bytes, of which the last has @row bytes after it. */
TEMPLATE uint64_t add_word(const struct crc *crc, unsigned row, uint64_t word)
{
	return entry(crc, row + 7, word & 0xff) ^
	       entry(crc, row + 6, word >> 8 & 0xff) ^
	       entry(crc, row + 5, word >> 16 & 0xff) ^
	       entry(crc, row + 4, word >> 24 & 0xff) ^
	       entry(crc, row + 3, word >> 32 & 0xff) ^
	       entry(crc, row + 2, word >> 40 & 0xff) ^
	       entry(crc, row + 1, word >> 48 & 0xff) ^
	       entry(crc, row, word >> 56);
}

/* Compilers make one load of this. */
TEMPLATE uint64_t le64_get(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* The register @reg, GUARD_SLICES bytes further on. */
TEMPLATE uint64_t step(const struct crc *crc, uint64_t reg, const uint8_t *p)
{
	return add_word(crc, 8, le64_get(p) ^ reg) ^ add_word(crc, 0, le64_get(p + 8));
}

TEMPLATE uint64_t run(const struct crc *crc, uint64_t reg, const uint8_t *p, size_t len)
{
	for (; len >= GUARD_SLICES; len -= GUARD_SLICES, p += GUARD_SLICES)
		reg = step(crc, reg, p);
	for (; len; len--, p++)
		reg = entry(crc, 0, (reg ^ *p) & 0xff) ^ reg >> 8;
	return reg;
}

/* As run(), for two blocks at once. */
TEMPLATE void run_pair(const struct crc *crc, uint64_t *reg,
		       const uint8_t *p0, const uint8_t *p1, size_t len)
{
	uint64_t reg0 = reg[0], reg1 = reg[1];

	for (; len >= GUARD_SLICES; len -= GUARD_SLICES) {
		reg0 = step(crc, reg0, p0);
		reg1 = step(crc, reg1, p1);
		p0 += GUARD_SLICES;
		p1 += GUARD_SLICES;
	}
	reg[0] = run(crc, reg0, p0, len);
	reg[1] = run(crc, reg1, p1, len);
}

/*
 * Block @i's data, moved first where the job says so.  The guard is then taken
 * from the copy, still in the cache: it is right for what arrived there even if
 * the source changes meanwhile.
 */
TEMPLATE const uint8_t *block_data(const struct guard_job *job, size_t i)
{
	const uint8_t *data = (const uint8_t *)job->data + i * job->data_stride;

	if (!job->copy)
		return data;
	return memcpy((uint8_t *)job->copy + i * job->copy_stride, data, job->data_len);
}

/* Block @i's guard from the register after its data. */
TEMPLATE uint64_t finish(const struct crc *crc, const struct guard_job *job, size_t i,
			 uint64_t reg)
{
	if (job->md_len)
		reg = run(crc, reg, (const uint8_t *)job->md + i * job->md_stride, job->md_len);
	reg ^= crc->start;
	return crc->swapped ? (reg << 8 & 0xff00) | reg >> 8 : reg;
}

TEMPLATE void run_job(const struct crc *crc, const struct guard_job *job, uint64_t *guards)
{
	size_t i;

	for (i = 0; i + 2 <= job->nr; i += 2) {
		uint64_t reg[2] = { crc->start, crc->start };
		const uint8_t *p0 = block_data(job, i), *p1 = block_data(job, i + 1);

		run_pair(crc, reg, p0, p1, job->data_len);
		guards[i] = finish(crc, job, i, reg[0]);
		guards[i + 1] = finish(crc, job, i + 1, reg[1]);
	}
	if (i < job->nr)
		guards[i] = finish(crc, job, i,
				   run(crc, crc->start, block_data(job, i), job->data_len));
}

void guard_16b_portable(const struct guard_job *job, uint64_t *guards)
{
	run_job(&(struct crc){ .size = 2, .swapped = true }, job, guards);
}

void guard_32b_portable(const struct guard_job *job, uint64_t *guards)
{
	run_job(&(struct crc){ .size = 4, .start = 0xffffffff }, job, guards);
}

void guard_64b_portable(const struct guard_job *job, uint64_t *guards)
{
	run_job(&(struct crc){ .size = 8, .start = ~0ULL }, job, guards);
}
