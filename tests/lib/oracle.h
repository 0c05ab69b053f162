/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle.h - what protection information must be, computed one bit at a time
 *
 * A second implementation, written from the NVM Command Set Specification
 * (section "End-to-end Data Protection" unless named, called Spec below) to
 * hold pi/ and backing images against.  It shares nothing with pi/, and it is
 * plain on purpose: a tuple is a string of bits, a CRC is a division.
 *
 * Values are host-endian integers; buffers hold bytes as they cross the wire.
 * Formats are not checked here: ask oracle_objection() first.
 *
 *	struct oracle_format f = { .pif = 0, .type = 1, .data_size = 512, .md_size = 8 };
 *	struct oracle_tuple t = { { [ORACLE_APP] = 0x1234, [ORACLE_REF] = lba } };
 *
 *	oracle_generate(&f, data, md, &t);
 *	assert(oracle_check(&f, data, md, &t, &oracle_all, diffs) == 0);
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How a namespace is formatted.  @pif is ELBAF's PIF: 0 is the 16b guard, 1
 * the 32b guard, 2 the 64b guard.  With type 0 there is no tuple: every width
 * below is then 0, and all metadata is the host's own.
 */
struct oracle_format {
	unsigned	pif;
	unsigned	type;		/* DPS bits 2:0; 0 is no protection */
	uint32_t	data_size;	/* bytes a block */
	uint32_t	md_size;	/* bytes a block */
	unsigned	sts;		/* storage tag size, bits */
	bool		first;		/* the tuple leads the metadata (DPS bit 3) */
	bool		extended;	/* metadata follows the data of each block */
};

/* Why @f cannot be, in words; NULL when it can.  Spec: Protection Information Formats. */
const char *oracle_objection(const struct oracle_format *f);

/* The fields of a tuple, in the order in which it holds them. */
enum oracle_field { ORACLE_GUARD, ORACLE_APP, ORACLE_STORAGE, ORACLE_REF, ORACLE_FIELDS };

/* "guard", "app", "storage", "ref". */
extern const char *const oracle_names[ORACLE_FIELDS];

/* A value for each field, or a mask for each. */
struct oracle_tuple {
	uint64_t	field[ORACLE_FIELDS];
};

/* Widths in bits; the storage or the reference tag may have none. */
unsigned oracle_bits(const struct oracle_format *f, enum oracle_field field);

/* Bytes of a tuple, and where it starts in a block's metadata. */
unsigned oracle_tuple_size(const struct oracle_format *f);
uint32_t oracle_tuple_offset(const struct oracle_format *f);

/*
 * The guard CRC of @pif over @len bytes at @data and on over @more_len bytes
 * at @more, which may be NULL when that is 0.
 */
uint64_t oracle_crc(unsigned pif, const void *data, size_t len, const void *more, size_t more_len);

/*
 * The guard of one block: @data_size bytes at @data, then the metadata ahead
 * of a tuple that comes last.  0 with type 0.  Spec: End-to-end Data Protection.
 */
uint64_t oracle_guard(const struct oracle_format *f, const void *data, const void *md);

/*
 * Reference tag of a block @n places after one that has @first, at the tag's
 * own width; type 3 does not count.  Spec: Control of Protection Information
 * Checking - PRCHK.
 */
uint64_t oracle_ref(const struct oracle_format *f, uint64_t first, uint64_t n);

/* Values as the bytes of a tuple, and back.  Excess bits of a value are dropped. */
void oracle_pack(const struct oracle_format *f, const struct oracle_tuple *t, void *tuple);
struct oracle_tuple oracle_unpack(const struct oracle_format *f, const void *tuple);

/*
 * Does such a tuple turn off the checks of its block?  Spec: Control of
 * Protection Information Checking - PRCHK.
 */
bool oracle_escapes(const struct oracle_format *f, const struct oracle_tuple *t);

/*
 * Where block @i is in buffers of many: separate, both are arrays; extended,
 * @data holds blocks of data and metadata, and @md is not looked at.
 */
struct oracle_block {
	uint8_t	*data;
	uint8_t	*md;
};

struct oracle_block oracle_block(const struct oracle_format *f, void *data, void *md, size_t i);

/*
 * Write the tuple of one block into its metadata: @tags, and the guard (that of
 * @tags is ignored).  The guard may cover other metadata, so fill it in first.
 */
void oracle_generate(const struct oracle_format *f, const void *data, void *md,
		     const struct oracle_tuple *tags);

/* One field that differs.  Both values are masked. */
struct oracle_diff {
	enum oracle_field	field;
	uint64_t		want;
	uint64_t		got;
};

/* Every bit of every field. */
extern const struct oracle_tuple oracle_all;

/*
 * Compare the tuple of one block with what it should be: the computed guard,
 * and @tags.  Only the bits set in @mask count, so LBATM and LBSTM are masks,
 * and a field that is not checked has mask 0.  What differs goes to @diffs in
 * the order of fields, and their number is returned.
 *
 * This compares; whether a block is exempt is a question apart.  A controller
 * would skip blocks that escape, and the reference tag of type 3.
 */
unsigned oracle_check(const struct oracle_format *f, const void *data, const void *md,
		      const struct oracle_tuple *tags, const struct oracle_tuple *mask,
		      struct oracle_diff diffs[ORACLE_FIELDS]);

/*
 * Tags as a command carries them.  Storage and reference tag are the low end
 * of one number of 80 bits, the storage tag above: CDW2[15:0] is its highest
 * part, then CDW3, then CDW14; CDW15 is LBATM above LBAT.  Spec: Storage Tag
 * Field and Logical Block Reference Tag Field.
 */
struct oracle_dwords {
	uint32_t	cdw2, cdw3, cdw14, cdw15;
};

struct oracle_dwords oracle_dwords(const struct oracle_format *f, const struct oracle_tuple *tags,
				   uint16_t app_mask);

/* The reverse: the tags (guard 0), and LBATM to *@app_mask. */
struct oracle_tuple oracle_tags(const struct oracle_format *f, const struct oracle_dwords *d,
				uint16_t *app_mask);

#endif
