/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp-words.h - what a stamp looks like in the metadata beyond the tuple
 *
 * Words of eight bytes, the low byte first, as many as there is room for:
 *
 *	word	bits 0..47			bits 48..63
 *	0	generation (24), LBA 31:0 (32),	check (8)
 *	1	a sum of each quarter of the data (12 each)	check
 *	2	LBA 47:32, fio's thread number, process number (16 each)	check
 *	3	when: milliseconds since 1970			check
 *	4	the job's name, first six characters		check
 *	5...	word 0 again
 *
 * Bytes that are left are the first of word 0; so is all that fits where there
 * is less room than a word.  Each check is over its word, its place, the
 * generation and LBA 31:0, so that words of two writes never make a stamp.
 */
#ifndef VFY_STAMP_WORDS_H
#define VFY_STAMP_WORDS_H

#include "verify.h"

enum { STAMP_WORD = 8 };		/* bytes */

/* The words by what they hold; those from STAMP_AGAIN on are as STAMP_WHICH. */
enum { STAMP_WHICH, STAMP_SUMS, STAMP_WHO, STAMP_WHEN, STAMP_JOB, STAMP_AGAIN };

struct stamp {
	uint32_t	gen;		/* below 2^24 */
	uint64_t	lba;
	uint64_t	sums;		/* of the four quarters, 12 bits each, the first lowest */
	uint16_t	thread, process;
	uint64_t	when;		/* ms */
	uint64_t	job;		/* six characters, the first lowest */
};

/* Is there room for it in @room bytes? */
static inline bool stamp_has(unsigned word, uint32_t room)
{
	return room >= (word + 1) * STAMP_WORD;
}

/* Fill @room bytes at @to. */
void stamp_put(const struct stamp *s, void *to, uint32_t room);

/*
 * Word STAMP_WHICH of the stamp at @from, or another copy of it, at word @place:
 * is it whole?  Then *@gen and *@lba (its low 32 bits) are what it says.
 */
bool stamp_which(const void *from, uint32_t place, uint32_t *gen, uint32_t *lba);

/* The bits 0..47 of word @place, and whether it belongs to that generation and LBA. */
bool stamp_belongs(const void *from, uint32_t place, uint32_t gen, uint64_t lba, uint64_t *payload);

/* A byte of a stamp that is not as it should be. */
struct stamp_flaw {
	uint32_t	offset;		/* in the stamp */
	bool		known;		/* which byte it is, and what it should be; else one of 8 */
	uint8_t		want, got;
};

/* Is all of the stamp at @from that of @gen and @lba?  And if not, its first flaw. */
bool stamp_whole(const void *from, uint32_t room, uint32_t gen, uint64_t lba);
void stamp_find_flaw(const void *from, uint32_t room, uint32_t gen, uint64_t lba,
		     struct stamp_flaw *flaw);

/* The sums of a block of @size bytes at @data. */
uint64_t stamp_sums(const void *data, size_t size);

#endif
