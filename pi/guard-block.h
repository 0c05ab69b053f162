/* SPDX-License-Identifier: MIT */
/*
 * guard-block.h - one block of a guard job, as the vector kernels process it
 */
#ifndef GUARD_BLOCK_H
#define GUARD_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Always inlined, so that the compiler specialises the function for each constant argument. */
#define TEMPLATE static inline __attribute__((always_inline))

struct block {
	const uint8_t	*data;
	const uint8_t	*md;
	uint8_t		*copy;
	size_t		data_len;
	size_t		len;		/* data plus the metadata that the guard covers, bytes */
	const uint8_t	*reads;		/* to be prefetched together with the first line of data */
	uint8_t		*writes;	/* ... and of the copy */
	bool		copies;
};

/* Copy a few bytes inline: calling memcpy() would cost more than the copy. */
TEMPLATE void move_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
	for (; n >= 8; n -= 8, to += 8, from += 8)
		__builtin_memcpy(to, from, 8);
	for (; n; n--)
		*to++ = *from++;
}

/*
 * Fill the @size bytes at @buf with a block's bytes from @offset on: data up to its end, then
 * metadata, then zeros.  Also copies that data to b.copy if b.copies is set.
 */
TEMPLATE void block_tail(uint8_t *buf, size_t size, struct block b, size_t offset)
{
	size_t data = offset < b.data_len ? b.data_len - offset : 0;
	size_t both = b.len - offset < size ? b.len - offset : size;

	__builtin_memset(buf, 0, size);
	if (data)
		move_bytes(buf, b.data + offset, data);
	if (both > data)
		move_bytes(buf + data, b.md + (offset + data - b.data_len), both - data);
	if (b.copies && data)
		move_bytes(b.copy + offset, buf, data);
}

#endif
