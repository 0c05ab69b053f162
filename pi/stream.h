/* SPDX-License-Identifier: MIT */
/*
 * stream.h - copy data that does not fit into the cache, with non-temporal stores
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Size in bytes from which stream_lines() is faster than memcpy(): an ordinary store first
 * reads its cache line from memory, and a large copy evicts from the cache what it wrote
 * shortly before.
 */
#define STREAM_MIN	(16u << 20)

#define STREAM_LINE	64

/*
 * Copy the bytes up to the last cache line of @to that the @len bytes at @from fill completely,
 * with non-temporal stores if the CPU has them.  Returns the number of bytes copied.  The rest,
 * less than a line, is left to the caller, which may append more data to it.
 *
 * To use the time that the stores wait for memory, the same number of bytes at @next, which
 * will be read soon, is prefetched.  @next need not be valid memory.
 */
size_t stream_lines(void *to, const void *from, size_t len, const void *next);

/*
 * Complete all preceding stream_lines(): other threads and devices that see a later store also
 * see the copied data.
 */
void stream_end(void);

#endif
