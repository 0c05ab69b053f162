/* SPDX-License-Identifier: MIT */
/*
 * stream.c - copies that are too large for the cache to keep
 */
#include <stdint.h>
#include <string.h>

#include "stream.h"

#if defined(__x86_64__)
#include <emmintrin.h>

enum { LINE = 64 };

/* Only whole lines go straight to memory. */
static void stream_line(uint8_t *to, const uint8_t *from)
{
	for (size_t i = 0; i < LINE; i += 16)
		_mm_stream_si128((__m128i *)(to + i),
				 _mm_loadu_si128((const __m128i *)(from + i)));
}

void stream_copy(void *to, const void *from, size_t len)
{
	size_t head = -(uintptr_t)to % LINE, o;

	if (head > len)
		head = len;
	memcpy(to, from, head);
	for (o = head; o + LINE <= len; o += LINE)
		stream_line((uint8_t *)to + o, (const uint8_t *)from + o);
	memcpy((uint8_t *)to + o, (const uint8_t *)from + o, len - o);
}

void stream_end(void)
{
	_mm_sfence();
}
#else
void stream_copy(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

void stream_end(void)
{
}
#endif
