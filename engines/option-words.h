/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * option-words.h - option values that are words, to numbers.  What is not understood is
 * refused: 0, or -EINVAL with one line in @why (WHY_MAX bytes).
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * "GUARD,APPTAG,REFTAG,STTAG" in any case, empty items allowed; "none" and
 * "all" alone.  @can is the set of PI_* and VFY_METADATA that option @name
 * takes; "all" is that and WORDS_ALL: as far as the format has it.
 */
#define WORDS_ALL (1u << 31)
/* The reverse, as a list; "none" for no check.  Returns @buf. */
char *words_of(unsigned checks, char *buf, size_t size);

int words_checks(const char *name, const char *text, unsigned can, unsigned *checks, char *why);

/* A whole number up to @max, decimal or 0x..., all of @text. */
int words_number(const char *name, const char *text, uint64_t max, uint64_t *value, char *why);

/*
 * What a fio write becomes: one opcode, or a mix of them by percentage, as in
 * fio's bssplit: "write", "zeroes", "uncor", "verify", "write/80:zeroes/20".
 * Without percentages the rest is shared out evenly; they add up to 100.  A part
 * with a share of 0 is left out.
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
