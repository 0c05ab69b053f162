/* SPDX-License-Identifier: GPL-2.0-only */
/* stamp-words.c - see stamp-words.h */
#include <endian.h>
#include <string.h>
#include "hash.h"
#include "stamp-words.h"

#define KEY		0x7374616d702e6d64ULL
#define PAYLOAD		((1ULL << 48) - 1)

static uint64_t which_payload(uint32_t gen, uint64_t lba)
{
	return gen | (lba & UINT32_MAX) << 24;
}

static uint64_t which_word(uint32_t gen, uint64_t lba)
{
	const uint64_t payload = which_payload(gen, lba);

	return payload | vfy_hash(payload ^ KEY) << 56;
}

static uint64_t other_word(uint32_t gen, uint64_t lba, unsigned place, uint64_t payload)
{
	const uint64_t write = vfy_hash(which_payload(gen, lba) ^ KEY) + place;

	return payload | vfy_hash(payload ^ write) << 48;
}

static uint64_t word_at(const void *from, uint32_t place)
{
	uint64_t w;

	memcpy(&w, (const uint8_t *)from + place * STAMP_WORD, sizeof(w));
	return le64toh(w);
}

static void put_word(void *to, uint32_t place, uint64_t w)
{
	w = htole64(w);
	memcpy((uint8_t *)to + place * STAMP_WORD, &w, sizeof(w));
}

void stamp_put(const struct stamp *s, void *to, uint32_t room)
{
	const uint64_t payload[STAMP_AGAIN] = {
		[STAMP_SUMS] = s->sums,
		[STAMP_WHO] = (s->lba >> 32 & 0xffff) | (uint64_t)s->thread << 16 |
			      (uint64_t)s->process << 32,
		[STAMP_WHEN] = s->when & PAYLOAD,
		[STAMP_JOB] = s->job & PAYLOAD,
	};
	const uint64_t which = which_word(s->gen, s->lba), left = htole64(which);
	const uint32_t words = room / STAMP_WORD;

	for (uint32_t i = 0; i < words; i++)
		put_word(to, i, i == STAMP_WHICH || i >= STAMP_AGAIN ? which :
			 other_word(s->gen, s->lba, i, payload[i]));
	memcpy((uint8_t *)to + words * STAMP_WORD, &left, room % STAMP_WORD);
}

bool stamp_which(const void *from, uint32_t place, uint32_t *gen, uint32_t *lba)
{
	const uint64_t w = word_at(from, place);

	*gen = w & 0xffffff;
	*lba = w >> 24;
	return w == which_word(*gen, *lba);
}

bool stamp_belongs(const void *from, uint32_t place, uint32_t gen, uint64_t lba, uint64_t *payload)
{
	const uint64_t w = word_at(from, place);

	*payload = w & PAYLOAD;
	return w == other_word(gen, lba, place, *payload);
}

/*
 * Returns whether the word at index @place equals STAMP_WHICH.  This includes the bytes after
 * the last whole word.
 */
static bool says_which(uint32_t place, uint32_t room)
{
	return place == STAMP_WHICH || place >= STAMP_AGAIN || place == room / STAMP_WORD;
}

bool stamp_whole(const void *from, uint32_t room, uint32_t gen, uint64_t lba)
{
	const uint64_t which = which_word(gen, lba), left = htole64(which);
	const uint32_t words = room / STAMP_WORD;
	uint64_t payload;

	for (uint32_t i = 0; i < words; i++)
		if (says_which(i, room) ? word_at(from, i) != which :
		    !stamp_belongs(from, i, gen, lba, &payload))
			return false;
	return !memcmp((const uint8_t *)from + words * STAMP_WORD, &left, room % STAMP_WORD);
}

void stamp_find_flaw(const void *from, uint32_t room, uint32_t gen, uint64_t lba,
		     struct stamp_flaw *flaw)
{
	const uint64_t which = htole64(which_word(gen, lba));
	uint64_t payload;

	*flaw = (struct stamp_flaw){ 0 };
	for (uint32_t i = 0; i < room; i++) {
		const uint8_t want = ((const uint8_t *)&which)[i % STAMP_WORD];
		const uint8_t got = ((const uint8_t *)from)[i];
		const bool known = says_which(i / STAMP_WORD, room);

		if (known ? got == want : stamp_belongs(from, i / STAMP_WORD, gen, lba, &payload))
			continue;
		*flaw = (struct stamp_flaw){ i, known, want, got };
		return;
	}
}

uint64_t stamp_sums(const void *data, size_t size)
{
	const struct guard_job quarters = {
		.data = data, .data_len = size / 4, .data_stride = size / 4, .nr = 4,
	};
	uint64_t guards[4], sums = 0;

	guard_64b(&quarters, guards);
	for (int i = 0; i < 4; i++)
		sums |= (guards[i] & 0xfff) << 12 * i;
	return sums;
}
