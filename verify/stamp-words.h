/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp-words.h - the format of a stamp in the metadata outside the tuple
 *
 * A stamp is as many of these little-endian words of eight bytes as fit:
 *
 *	word	bits 0..47			bits 48..63
 *	0	generation (24), LBA 31:0 (32),	check (8)
 *	1	a sum of each quarter of the data (12 each)	check
 *	2	LBA 47:32, fio's thread number, process number (16 each)	check
 *	3	time: milliseconds since 1970			check
 *	4	the job's name, first six characters		check
 *	5...	word 0 again
 *
 * Remaining bytes, fewer than a word, hold the first bytes of word 0.  The check of word
 * 0 is a hash of its contents.  Every other check is a hash of its word, the word's index,
 * the generation and LBA 31:0, so that words of two writes never form a valid stamp.
 */
#ifndef VFY_STAMP_WORDS_H
#define VFY_STAMP_WORDS_H

#include "verify.h"

enum { STAMP_WORD = 8 };		/* bytes */

/* The index of each word.  Words from STAMP_AGAIN on are equal to word STAMP_WHICH. */
enum { STAMP_WHICH, STAMP_SUMS, STAMP_WHO, STAMP_WHEN, STAMP_JOB, STAMP_AGAIN };

struct stamp {
	uint32_t	gen;		/* below 2^24 */
	uint64_t	lba;
	uint64_t	sums;		/* four quarters, 12 bits each, the first lowest */
	uint16_t	thread, process;
	uint64_t	when;		/* ms */
	uint64_t	job;		/* six characters, the first lowest */
};

/* Returns whether word @word fits into a stamp of @room bytes. */
static inline bool stamp_has(unsigned word, uint32_t room)
{
	return room >= (word + 1) * STAMP_WORD;
}

/* Write the stamp to the @room bytes at @to. */
void stamp_put(const struct stamp *s, void *to, uint32_t room);

/*
 * Read word STAMP_WHICH of the stamp at @from, or its copy at word index @place.  Returns
 * whether it is valid; *@gen and *@lba (the low 32 bits) are set to its contents.
 */
bool stamp_which(const void *from, uint32_t place, uint32_t *gen, uint32_t *lba);

/*
 * Set *@payload to bits 0..47 of word @place.  Returns whether the word belongs to that
 * generation and LBA.
 */
bool stamp_belongs(const void *from, uint32_t place, uint32_t gen, uint64_t lba, uint64_t *payload);

/* The first wrong byte of a stamp. */
struct stamp_flaw {
	uint32_t	offset;		/* in the stamp, bytes */
	bool		known;		/* the byte and its value are known; else it is one of 8 */
	uint8_t		want, got;
};

/*
 * stamp_whole() returns whether all of the stamp at @from belongs to @gen and @lba.  If not,
 * stamp_find_flaw() returns the first wrong byte in *@flaw.
 */
bool stamp_whole(const void *from, uint32_t room, uint32_t gen, uint64_t lba);
void stamp_find_flaw(const void *from, uint32_t room, uint32_t gen, uint64_t lba,
		     struct stamp_flaw *flaw);

/* Returns the sums of the quarters of a block of @size bytes at @data. */
uint64_t stamp_sums(const void *data, size_t size);

#endif
