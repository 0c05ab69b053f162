/* SPDX-License-Identifier: MIT */
/*
 * guard-portable.c - the three guards in plain C, by the slicing-by-16 algorithm
 *
 * For CPUs without carry-less multiplication, and for QEMU's TCG, which emulates that
 * slowly.
 *
 * Each step processes 16 bytes of a block: it looks up in one table per byte position
 * what the byte contributes to the register after all 16 bytes.  These 16 loads are
 * independent of each other, but each step depends on the step before.  Two blocks are
 * processed side by side to use the time of that dependency.
 *
 * The register's low byte is always combined with the next byte of data.  T10-DIF
 * processes the high bit first, so its register is kept byte-swapped.  One function
 * thus serves all three guards, on hosts of either endianness.
 */
#include <stdbool.h>
#include <string.h>

#include "guard-kernels.h"
#include "guard-tables.h"

/*
 * Expand the 8 table entries of the bytes with a single bit set to all 256 entries (CRC is
 * linear over XOR): SUMSn(..., s) lists s XORed with every subset of its n values, so that
 * entry v is the XOR of the values of v's bits.
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

/* table[k]: contribution of the byte that is followed by k more bytes of the 16-byte slice. */
static const uint16_t table_16b[GUARD_SLICES][256] = { GUARD_16B_TABLE(ROW) };
static const uint32_t table_32b[GUARD_SLICES][256] = { GUARD_32B_TABLE(ROW) };
static const uint64_t table_64b[GUARD_SLICES][256] = { GUARD_64B_TABLE(ROW) };

/*
 * The parameters of a guard.  Every function down to run_job() is inlined into its three
 * callers, so that it is compiled once for each constant struct crc.
 */
struct crc {
	unsigned	size;		/* bytes */
	uint64_t	start;		/* initial register value, and final XOR */
	bool		swapped;	/* the register is byte-swapped */
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

/* Returns the contribution of the eight bytes of @word; @row bytes follow the last of them. */
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

/* Compilers combine this into one load. */
TEMPLATE uint64_t le64_get(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Advance the register @reg over the next GUARD_SLICES bytes at @p. */
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
 * Returns block @i's data, after copying it if the job asks for a copy.  The guard is then
 * computed from the copy, which is still in the cache.  It is therefore right for the copied
 * bytes even if the source changes meanwhile.
 */
TEMPLATE const uint8_t *block_data(const struct guard_job *job, size_t i)
{
	const uint8_t *data = (const uint8_t *)job->data + i * job->data_stride;

	if (!job->copy)
		return data;
	return memcpy((uint8_t *)job->copy + i * job->copy_stride, data, job->data_len);
}

/* Returns block @i's guard; @reg is the register after the block's data. */
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
