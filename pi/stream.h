/* SPDX-License-Identifier: MIT */
/*
 * stream.h - copies that are too large for the cache to keep
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

/*
 * From so many bytes on, stream_lines() is the faster way: an ordinary store
 * reads its line from memory first, and what is copied pushes out of the cache
 * what was copied just before.
 */
#define STREAM_MIN	(16u << 20)

#define STREAM_LINE	64

/*
 * Copy up to the end of the last line that @len bytes fill, around the cache
 * where the CPU can; returns how many bytes that is.  Less than a line is left to
 * the caller, who may have more to follow it.  Memory waits for no one: meanwhile
 * as many bytes at @next, which will be read soon, are brought into the cache.
 * They need not exist.
 */
size_t stream_lines(void *to, const void *from, size_t len, const void *next);

/* Other threads, and devices, see all that was copied before this. */
void stream_end(void);

#endif
