/* SPDX-License-Identifier: MIT */
/*
 * stream.h - copies that are too large for the cache to keep
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * From so many bytes on, stream_copy() is the faster one: an ordinary store
 * reads its line from memory first, and what is copied pushes out of the cache
 * what was copied just before.
 */
#define STREAM_MIN	(16u << 20)

#define STREAM_LINE	64

/*
 * Does a copy of @len bytes to @to write whole lines only?  Others are slower
 * this way than through the cache.
 */
static inline bool stream_fits(const void *to, size_t len)
{
	return ((uintptr_t)to | len) % STREAM_LINE == 0;
}

/* As memcpy(), around the cache where the CPU can; stream_fits(@to, @len). */
void stream_copy(void *to, const void *from, size_t len);

/* Other threads, and devices, see all that was copied before this. */
void stream_end(void);

#endif
