/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * case.h - the cases of the suite: each is a row of a table
 *
 * A row has the requirement in words and its section in the specification; the formats and
 * controllers to which it applies; and the function that sends its commands, with parameters. It
 * does not say what the commands must return: the model does (model.h).
 */
#ifndef QUALIFY_CASE_H
#define QUALIFY_CASE_H

#include "lab.h"

/* What a case needs of the namespace; case.c has the texts. */
enum case_need {
	NEED_PI		= 1 << 0,	/* protection information */
	NEED_NO_PI	= 1 << 1,
	NEED_TYPE1	= 1 << 2,
	NEED_TYPE2	= 1 << 3,
	NEED_TYPE3	= 1 << 4,
	NEED_COUNTED	= 1 << 5,	/* type 1 or 2 */
	NEED_REF	= 1 << 6,	/* a reference tag */
	NEED_STORAGE	= 1 << 7,	/* a storage tag */
	NEED_STRIP	= 1 << 8,	/* metadata that is the tuple alone */
	NEED_MORE	= 1 << 9,	/* metadata beyond the tuple */
	NEED_MD		= 1 << 10,	/* any metadata */
	NEED_VERIFY	= 1 << 11,	/* commands that the controller reports */
	NEED_COMPARE	= 1 << 12,
	NEED_ZEROES	= 1 << 13,
	NEED_DSM	= 1 << 14,
	NEED_UNCOR	= 1 << 15,
	NEED_COPY	= 1 << 16,
	NEED_FRESH	= 1 << 17,	/* blocks that were never written */
	NEED_MDTS	= 1 << 18,	/* a limit that commands can exceed */
	NEED_IGNORED	= 1 << 19,	/* command dwords for tags that the guard does not use */
	NEED_LAST	= 1 << 20,	/* the last block is in the range */
	NEED_CDFE	= 1 << 21,	/* Copy formats that the host can enable */
	NEED_ZONES	= 1 << 22,	/* a zoned namespace: all other cases need another */
};

struct qcase {
	const char	*name;		/* subject/what */
	const char	*requirement;	/* one sentence */
	const char	*section;	/* of the NVM Command Set Specification 1.2, or Base */
	uint32_t	needs;		/* enum case_need */
	void		(*run)(struct lab *l, const struct qcase *c);
	uint8_t		opcode;
	unsigned	field;		/* enum qm_check or enum case_field */
	unsigned	arg;
};

struct qcase_table {
	const struct qcase	*cases;
	unsigned		nr;
};

#define QCASE_TABLE(list) { list, sizeof(list) / sizeof((list)[0]) }

extern const struct qcase_table cases_first, cases_log, cases_transfer, cases_check, cases_bits, cases_escape,
	cases_tags, cases_state, cases_zeroes, cases_uncor, cases_compare, cases_copy, cases_limit,
	cases_identify, cases_load, cases_race, cases_cut, cases_dulbe, cases_zones, cases_end,
	cases_format, cases_readback;

/* Returns case @i of all tables; NULL after the last one. */
const struct qcase *qcase_at(unsigned i);

/* Returns whether @c is one of --like=readback, which do not belong to the suite. */
bool qcase_is_like(const struct qcase *c);

/* Returns why @c does not apply to @l's namespace, or NULL if it does. */
const char *qcase_skip(const struct lab *l, const struct qcase *c);

/* --- shared by the tables --- */

enum case_field {
	FIELD_DATA = 1 << 4, FIELD_MD = 1 << 5,	/* metadata beyond the tuple */
};

/* Flips @bit, counted within the field, of @field of block @i in @cmd's buffers. */
void case_flip(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t i, unsigned field,
	       unsigned bit);

/* Returns the bits of @field in a block; 0: the format does not have it. */
unsigned case_bits(const struct lab *l, unsigned field);

/* Returns a random bit of @field. */
unsigned case_bit(struct lab *l, unsigned field);

/* Returns all checks that PRCHK and STC can request in this format. */
unsigned case_checks(const struct lab *l);

/*
 * Calls @fn for commands of one, few, many and the largest number of blocks; with @all for every
 * power of two, one less and one more.
 */
typedef void case_size_fn(struct lab *l, const struct qcase *c, uint32_t nr);
void case_sizes(struct lab *l, const struct qcase *c, bool all, case_size_fn *fn);

/* Calls @fn for the first, a middle and the last block of commands of those sizes. */
typedef void case_block_fn(struct lab *l, const struct qcase *c, uint32_t nr, uint32_t i);
void case_blocks(struct lab *l, const struct qcase *c, case_block_fn *fn);

/*
 * Writes @nr blocks with correct tuples at a free place. Returns its LBA; ->tags are the tags of
 * the tuples.
 */
uint64_t case_prepare(struct lab *l, uint32_t nr);

/* Copies each of the @nr blocks at @lba, and all of them, where the controller has Copy. */
void case_copies(struct lab *l, uint64_t lba, uint32_t nr);

/* Sends the command of case @c for those blocks. */
bool case_send(struct lab *l, uint8_t opcode, uint64_t lba, uint32_t nr, unsigned prinfo);

#endif
