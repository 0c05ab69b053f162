/* SPDX-License-Identifier: MIT */
/*
 * stream.c - see stream.h
 */
#include <string.h>

#include "stream.h"

#if defined(__x86_64__)
#include <emmintrin.h>

static void stream_line(uint8_t *to, const uint8_t *from)
{
	for (size_t i = 0; i < STREAM_LINE; i += sizeof(__m128i))
		_mm_stream_si128((__m128i *)(to + i), _mm_loadu_si128((const __m128i *)(from + i)));
}

void stream_end(void)
{
	_mm_sfence();
}
#else
static void stream_line(uint8_t *to, const uint8_t *from)
{
	memcpy(to, from, STREAM_LINE);
}

void stream_end(void)
{
}
#endif

size_t stream_lines(void *to, const void *from, size_t len, const void *next)
{
	size_t i = -(uintptr_t)to % STREAM_LINE;

	if (i > len)
		i = len;
	memcpy(to, from, i);
	for (; i + STREAM_LINE <= len; i += STREAM_LINE) {
		__builtin_prefetch((const uint8_t *)next + i, 0, 2);
		stream_line((uint8_t *)to + i, (const uint8_t *)from + i);
	}
	return i;
}
