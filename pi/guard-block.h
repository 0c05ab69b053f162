/* SPDX-License-Identifier: MIT */
/*
 * guard-block.h - one block of a job, as the vector kernels see it
 */
#ifndef GUARD_BLOCK_H
#define GUARD_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Compiled anew for every constant argument. */
#define TEMPLATE static inline __attribute__((always_inline))

struct block {
	const uint8_t	*data;
	const uint8_t	*md;
	uint8_t		*copy;
	size_t		data_len;
	size_t		len;		/* with the metadata that the guard covers */
	bool		copies;
};

/* The calls of memcpy() for a few bytes would cost more than they move. */
TEMPLATE void move_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
	for (; n >= 8; n -= 8, to += 8, from += 8)
		__builtin_memcpy(to, from, 8);
	for (; n; n--)
		*to++ = *from++;
}

/*
 * Fill the @size bytes at @buf with bytes @offset and on of a block: data up to
 * its end, then metadata, then zeros.  Copies that data, too.
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
