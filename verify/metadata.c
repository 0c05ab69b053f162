/* SPDX-License-Identifier: GPL-2.0-only */
/* metadata.c - see metadata.h */
#include <endian.h>
#include <string.h>
#include "metadata.h"

static uint32_t tuple_size(const struct pi_layout *l)
{
	return l->type == PI_NONE ? 0 : l->format->tuple_size;
}

bool vfy_md_present(const struct pi_layout *l)
{
	return l->md_size > tuple_size(l);
}

/* Returns the pattern of one block: eight bytes in memory order. */
static uint64_t pattern(uint64_t lba)
{
	return htobe64(lba ^ VFY_MD_KEY);
}

static void fill_block(uint8_t *md, uint32_t size, uint64_t word)
{
	uint32_t j = 0;

	for (; j + sizeof(word) <= size; j += sizeof(word))
		memcpy(md + j, &word, sizeof(word));
	memcpy(md + j, &word, size - j);
}

void vfy_md_fill(const struct pi_layout *l, uint64_t lba, void *md, size_t stride, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		fill_block((uint8_t *)md + i * stride, l->md_size, pattern(lba + i));
}

struct vfy_span vfy_md_span(const struct pi_layout *l)
{
	if (l->type != PI_NONE && l->first)
		return (struct vfy_span){ tuple_size(l), l->md_size };
	return (struct vfy_span){ 0, l->md_size - tuple_size(l) };
}

/*
 * Neither 00h nor FFh, which deallocated blocks may hold, nor the first byte of the pattern
 * below LBA 2^56.
 */
enum { POISON = 0x99 };

void vfy_md_poison(const struct pi_layout *l, void *md, size_t stride, uint32_t nr)
{
	const struct vfy_span s = vfy_md_span(l);
	const uint32_t len = s.to - s.from < sizeof(uint64_t) ? s.to - s.from : sizeof(uint64_t);

	for (uint32_t i = 0; i < nr; i++)
		memset((uint8_t *)md + i * stride + s.from, POISON, len);
}

/*
 * Returns the offset of the first byte of the span that differs from the pattern, or the end of
 * the span.
 */
static uint32_t first_difference(const uint8_t *md, struct vfy_span s, uint64_t word)
{
	const uint8_t *want = (const uint8_t *)&word;
	uint32_t j = s.from;

	while (j % sizeof(word) == 0 && j + sizeof(word) <= s.to && !memcmp(md + j, want, sizeof(word)))
		j += sizeof(word);
	while (j < s.to && md[j] == want[j % sizeof(word)])
		j++;
	return j;
}

static bool all_are(uint8_t byte, const uint8_t *p, size_t len)
{
	return !len || (*p == byte && !memcmp(p, p + 1, len - 1));
}

bool vfy_blank(const struct pi_layout *l, const void *data, const void *md, size_t md_size)
{
	const uint8_t byte = l->type == PI_NONE && l->ones && *(const uint8_t *)data ? 0xff : 0;

	return all_are(byte, md, md_size) && all_are(byte, data, l->data_size);
}

static bool unwritten(const struct pi_layout *l, const uint8_t *data, const uint8_t *md,
		      struct vfy_span s)
{
	if (l->type != PI_NONE) {
		struct pi_fields f = pi_tuple_get(l, md + pi_tuple_offset(l));

		if (pi_escapes(l, &f))
			return true;
	}
	return vfy_blank(l, data, md + s.from, s.to - s.from);
}

struct vfy_md_found vfy_md_check(const struct pi_layout *l, uint64_t lba, const void *data,
				 size_t data_stride, const void *md, size_t stride, uint32_t nr,
				 struct vfy_md_error *errs, unsigned max)
{
	const struct vfy_span s = vfy_md_span(l);
	struct vfy_md_found found = { 0 };

	for (uint32_t i = 0; i < nr; i++) {
		const uint8_t *m = (const uint8_t *)md + i * stride;
		uint64_t word = pattern(lba + i);
		uint32_t j = first_difference(m, s, word);

		if (j == s.to)
			continue;
		if (unwritten(l, (const uint8_t *)data + i * data_stride, m, s)) {
			found.blank++;
			continue;
		}
		if (found.bad < max)
			errs[found.bad] = (struct vfy_md_error){
				.block = i, .offset = j, .got = m[j],
				.want = ((const uint8_t *)&word)[j % sizeof(word)],
			};
		found.bad++;
	}
	return found;
}
