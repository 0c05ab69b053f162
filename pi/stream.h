/* SPDX-License-Identifier: MIT */
/*
 * stream.h - copies that are too large for the cache to keep
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>

/*
 * From so many bytes on, stream_copy() is the faster one: an ordinary store
 * reads its line from memory first, and what is copied pushes out of the cache
 * what was copied just before.
 */
#define STREAM_MIN	(16u << 20)

/* As memcpy(), but around the cache where the CPU can. */
void stream_copy(void *to, const void *from, size_t len);

/* Other threads, and devices, see all that was copied before this. */
void stream_end(void);

#endif
