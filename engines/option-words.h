/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * option-words.h - parses option values that are words. Values that are not understood are refused:
 * the functions return 0, or -EINVAL with one line in @why (WHY_MAX bytes).
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parses "GUARD,APPTAG,REFTAG,STTAG" in any case, or "none" or "all" alone. @can is the set of PI_*
 * and VFY_METADATA that option @name accepts. "all" is that set with WORDS_ALL, which means: as far
 * as the format has it.
 */
#define WORDS_ALL (1u << 31)
/* The reverse: formats a list, "none" for no check. Returns @buf. */
char *words_of(unsigned checks, char *buf, size_t size);

int words_checks(const char *name, const char *text, unsigned can, unsigned *checks, char *why);

/* Parses all of @text as an integer up to @max, decimal or 0x.... */
int words_number(const char *name, const char *text, uint64_t max, uint64_t *value, char *why);

/*
 * The command that a fio write becomes: one opcode, or a mix by percentage, as in fio's bssplit:
 * "write", "zeroes", "uncor", "verify", "write/80:zeroes/20". Parts without a percentage get equal
 * shares of the rest; the sum is 100. A part with a share of 0 is ignored.
 */
struct words_part {
	uint8_t			opcode;		/* enum nvme_io_opcode */
	uint8_t			percent;
};

struct words_mix {
	unsigned		nr;
	struct words_part	part[4];
};

int words_write_mode(const char *text, struct words_mix *mix, char *why);

#endif
