/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle.h - reference implementation of protection information, one bit at a time
 *
 * An independent implementation, written from the NVM Command Set Specification (called Spec
 * below; section "End-to-end Data Protection" unless another is named).  Tests compare pi/ and
 * backing images with it.  It shares no code with pi/ and is deliberately simple: a tuple is a
 * string of bits, a CRC is a division.
 *
 * Values are host-endian integers; buffers contain bytes as they are transferred. Formats are not
 * checked here: call oracle_objection() first.
 *
 * struct oracle_format f = { .pif = 0, .type = 1, .data_size = 512, .md_size = 8 };
 * struct oracle_tuple t = { { [ORACLE_APP] = 0x1234, [ORACLE_REF] = lba } };
 *
 * oracle_generate(&f, data, md, &t);
 * assert(oracle_check(&f, data, md, &t, &oracle_all, diffs) == 0);
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The format of a namespace.  @pif is ELBAF's PIF: 0 is the 16b guard, 1 the 32b guard, 2 the 64b
 * guard.  With type 0 there is no tuple: all widths below are 0, and all metadata is the host's.
 */
struct oracle_format {
	unsigned	pif;
	unsigned	type;		/* DPS bits 2:0; 0: no protection */
	uint32_t	data_size;	/* bytes per block */
	uint32_t	md_size;	/* bytes per block */
	unsigned	sts;		/* storage tag size, bits */
	bool		first;		/* the tuple is at the start of the metadata (DPS bit 3) */
	bool		extended;	/* metadata follows the data of each block */
};

/* Return the reason why @f is impossible, or NULL.  Spec: Protection Information Formats. */
const char *oracle_objection(const struct oracle_format *f);

/* The fields of a tuple, in the order of their bytes. */
enum oracle_field { ORACLE_GUARD, ORACLE_APP, ORACLE_STORAGE, ORACLE_REF, ORACLE_FIELDS };

/* The names: "guard", "app", "storage", "ref". */
extern const char *const oracle_names[ORACLE_FIELDS];

/* A value, or a mask, for each field. */
struct oracle_tuple {
	uint64_t	field[ORACLE_FIELDS];
};

/* Return the width of a field in bits; that of the storage or reference tag may be 0. */
unsigned oracle_bits(const struct oracle_format *f, enum oracle_field field);

/* Return the tuple's size, and its offset in the metadata of a block, bytes. */
unsigned oracle_tuple_size(const struct oracle_format *f);
uint32_t oracle_tuple_offset(const struct oracle_format *f);

/*
 * Return the guard CRC of format @pif over @len bytes at @data followed by @more_len bytes at
 * @more, which may be NULL if @more_len is 0.
 */
uint64_t oracle_crc(unsigned pif, const void *data, size_t len, const void *more, size_t more_len);

/*
 * Return the guard of one block: the CRC over @data_size bytes at @data and, if the tuple is last,
 * the metadata before it.  0 for type 0.  Spec: End-to-end Data Protection.
 */
uint64_t oracle_guard(const struct oracle_format *f, const void *data, const void *md);

/*
 * Return the reference tag of the block @n after one whose tag is @first, truncated to the tag's
 * width; it is constant for type 3.  Spec: Control of Protection Information Checking - PRCHK.
 */
uint64_t oracle_ref(const struct oracle_format *f, uint64_t first, uint64_t n);

/* Convert values to the bytes of a tuple, and back.  Excess bits of a value are dropped. */
void oracle_pack(const struct oracle_format *f, const struct oracle_tuple *t, void *tuple);
struct oracle_tuple oracle_unpack(const struct oracle_format *f, const void *tuple);

/*
 * Return true if the tuple disables the checks of its block.  Spec: Control of Protection
 * Information Checking - PRCHK.
 */
bool oracle_escapes(const struct oracle_format *f, const struct oracle_tuple *t);

/*
 * The position of block @i in buffers of many blocks.  If separate, data and metadata are arrays;
 * if extended, @data contains both for each block, and @md is ignored.
 */
struct oracle_block {
	uint8_t	*data;
	uint8_t	*md;
};

struct oracle_block oracle_block(const struct oracle_format *f, void *data, void *md, size_t i);

/*
 * Write the tuple of one block into its metadata: @tags and the computed guard (the guard in @tags
 * is ignored).  The guard may cover other metadata, which must be filled in before.
 */
void oracle_generate(const struct oracle_format *f, const void *data, void *md,
		     const struct oracle_tuple *tags);

/* A field with a wrong value.  Both values are masked. */
struct oracle_diff {
	enum oracle_field	field;
	uint64_t		want;
	uint64_t		got;
};

/* A mask of all bits of all fields. */
extern const struct oracle_tuple oracle_all;

/*
 * Compare the tuple of one block with the computed guard and @tags.  Only bits that are set in
 * @mask are compared: LBATM and LBSTM are such masks, and a field that is not checked has mask 0.
 * Stores the differences in @diffs in the order of fields, and returns their number.
 *
 * This function does not skip blocks that a controller would not check: escaped blocks, and the
 * reference tag of type 3.
 */
unsigned oracle_check(const struct oracle_format *f, const void *data, const void *md,
		      const struct oracle_tuple *tags, const struct oracle_tuple *mask,
		      struct oracle_diff diffs[ORACLE_FIELDS]);

/*
 * Tags in the dwords of a command.  The storage tag and the reference tag are the low bits of an
 * 80-bit number, the storage tag above the reference tag.  CDW2[15:0] is its highest part, then
 * CDW3, then CDW14.  CDW15 is LBATM above LBAT.  Spec: Storage Tag Field and Logical Block
 * Reference Tag Field.
 */
struct oracle_dwords {
	uint32_t	cdw2, cdw3, cdw14, cdw15;
};

struct oracle_dwords oracle_dwords(const struct oracle_format *f, const struct oracle_tuple *tags,
				   uint16_t app_mask);

/* Return the tags of a command's dwords (with guard 0), and store LBATM in *@app_mask. */
struct oracle_tuple oracle_tags(const struct oracle_format *f, const struct oracle_dwords *d,
				uint16_t *app_mask);

#endif
