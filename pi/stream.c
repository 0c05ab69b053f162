/* SPDX-License-Identifier: MIT */
/*
 * stream.c - copies that are too large for the cache to keep
 */
#include <string.h>

#include "stream.h"

#if defined(__x86_64__)
#include <emmintrin.h>

void stream_copy(void *to, const void *from, size_t len)
{
	__m128i *t = to;
	const __m128i *f = from;

	for (size_t i = 0; i < len / sizeof(*t); i++)
		_mm_stream_si128(t + i, _mm_loadu_si128(f + i));
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
