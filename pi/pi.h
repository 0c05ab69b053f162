/* SPDX-License-Identifier: MIT */
/*
 * pi.h - NVMe protection information: generate it, check it, move it
 *
 * Pure functions over memory: no I/O, no allocation, no logging, no globals
 * that change; safe from any thread.  Only the C library is needed.
 *
 * "Spec" is the NVM Command Set Specification, section "End-to-end Data
 * Protection".  Values are host-endian; pi.c alone knows that tuples are
 * big-endian.
 *
 * Buffers.  Separate: @data is nr * data_size bytes, @md is nr * md_size.
 * Extended: @data is nr * (data_size + md_size) bytes, and @md is NULL.
 * Any alignment will do.
 *
 * Type PI_NONE has no tuples: there pi_generate() and pi_verify() do nothing,
 * pi_insert() and pi_extract() only move data, and what deals with one tuple or
 * with tags is not to be called.
 */
#ifndef PI_H
#define PI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guard.h"

/* Namespace data protection type.  Spec: Identify Namespace, DPS bits 2:0. */
enum pi_type { PI_NONE, PI_TYPE1, PI_TYPE2, PI_TYPE3 };

/*
 * What to check.  The low three are PRCHK as in CDW12 bits 28:26; the storage
 * tag has a bit of its own there (STC, bit 24).
 */
enum pi_check {
	PI_REF		= 1 << 0,
	PI_APP		= 1 << 1,
	PI_GUARD	= 1 << 2,
	PI_STORAGE	= 1 << 3,
};

/*
 * A guard format.  Every tuple is [guard][application tag][storage and
 * reference space], big-endian, no padding; two sizes describe all three.
 *
 *	name	guard	tuple	space	storage tag
 *	16b	2	8	4 B	0..32 bits
 *	32b	4	16	10 B	16..64 bits
 *	64b	8	16	6 B	0..48 bits
 */
struct pi_format {
	const char	*name;
	uint8_t		guard_size;	/* bytes */
	uint8_t		tuple_size;	/* bytes */
	uint8_t		sts_min;	/* storage tag size limits, bits */
	uint8_t		sts_max;
	uint32_t	data_min;	/* smallest data size the spec allows, bytes */
	guard_fn	*guard;
};

/* Indexed by the PIF value of an extended LBA format (0, 1, 2). */
extern const struct pi_format pi_formats[3];

/*
 * The format that an extended LBA format names.  @pif is ELBAF bits 8:7; 3
 * means "see @qpif" (bits 12:9), where the controller qualifies formats
 * (@qpifs: PIC bit 3).  Returns NULL for a reserved value.
 */
const struct pi_format *pi_format_of(unsigned pif, unsigned qpif, bool qpifs);

/*
 * How one namespace lays out blocks.  Fill it in, then pi_layout_check() it.
 * Every other function assumes a layout that passed.
 */
struct pi_layout {
	const struct pi_format	*format;	/* NULL when type is PI_NONE */
	enum pi_type		type;
	uint32_t		data_size;	/* bytes of data a block */
	uint32_t		md_size;	/* bytes of metadata a block, 0..65535 */
	uint8_t			sts;		/* storage tag size, bits */
	bool			first;		/* tuple leads the metadata (DPS bit 3) */
	bool			extended;	/* metadata follows data in one buffer */
	bool			ones;		/* a block never written may read as bytes of FFh */
};

/*
 * Can this library work on @l?  Returns 0, or -EINVAL with *@why a constant
 * string fit to show a user.  Data sizes are powers of two from 512 up, which is
 * what LBADS can say.  Some layouts work although the specification does not
 * allow them (guards of 32b and 64b on small blocks): then the answer is 0, and
 * *@why says what the specification says; otherwise it is NULL.  @why may be
 * NULL.  Spec: Protection Information Formats.
 */
int pi_layout_check(const struct pi_layout *l, const char **why);

/* Bytes from one block to the next in a data buffer of this layout. */
static inline size_t pi_block_size(const struct pi_layout *l)
{
	return l->data_size + (l->extended ? l->md_size : 0);
}

/* Offset of the tuple in a block's metadata, bytes. */
static inline uint32_t pi_tuple_offset(const struct pi_layout *l)
{
	return l->first ? 0 : l->md_size - l->format->tuple_size;
}

/* Width of the storage and reference space, bits: what guard and application tag leave. */
static inline unsigned pi_space_bits(const struct pi_layout *l)
{
	return 8 * (l->format->tuple_size - l->format->guard_size) - 16;
}

/* Width of the reference tag, bits: what the storage tag leaves. */
static inline unsigned pi_ref_bits(const struct pi_layout *l)
{
	return pi_space_bits(l) - l->sts;
}

/* A value of so many ones, 0..64. */
static inline uint64_t pi_ones(unsigned bits)
{
	return bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
}

/*
 * The tags one command carries, by the names of its fields: reference (ILBRT),
 * application (LBAT, LBATM), storage (LBST, and LBSTM of Identify).
 */
struct pi_tags {
	uint64_t	ref;		/* of the first block; see pi_ref_at() */
	uint64_t	storage;
	uint64_t	storage_mask;	/* 1 bits are compared */
	uint16_t	app;
	uint16_t	app_mask;	/* 1 bits are compared */
};

/*
 * Reference tag of block @i of a command: first + i, at the tag's own width;
 * for type 3 the same in every block.
 */
static inline uint64_t pi_ref_at(const struct pi_layout *l, const struct pi_tags *t, uint64_t i)
{
	return (t->ref + (l->type == PI_TYPE3 ? 0 : i)) & pi_ones(pi_ref_bits(l));
}

/*
 * The tags as command dwords.  The storage and reference tags are one integer:
 * bits 79:64 in CDW2, 63:32 in CDW3, 31:0 in CDW14; LBATM and LBAT are CDW15.
 * Spec: Read command, figures for CDW2, CDW3, CDW14 and CDW15.
 */
struct pi_dwords {
	uint32_t	cdw2, cdw3, cdw14, cdw15;
};

struct pi_dwords pi_tags_pack(const struct pi_layout *l, const struct pi_tags *t);

/* The reverse, for a controller; @storage_mask comes from Identify. */
struct pi_tags pi_tags_unpack(const struct pi_layout *l, const struct pi_dwords *d,
			      uint64_t storage_mask);

/* A tuple's fields, unpacked. */
struct pi_fields {
	uint64_t	guard;
	uint64_t	storage;
	uint64_t	ref;
	uint16_t	app;
};

/* To and from the tuple_size bytes at @tuple. */
void pi_tuple_put(const struct pi_layout *l, void *tuple, const struct pi_fields *f);
struct pi_fields pi_tuple_get(const struct pi_layout *l, const void *tuple);

/*
 * Do these fields turn off every check of their block?  Application tag FFFFh;
 * for type 3 an all-ones reference tag besides.
 */
bool pi_escapes(const struct pi_layout *l, const struct pi_fields *f);

/* One field of one block that is not as it should be. */
struct pi_error {
	uint32_t	block;		/* index in the buffer, not an LBA */
	enum pi_check	field;
	uint64_t	want;		/* computed, or from struct pi_tags; masked */
	uint64_t	got;		/* from the tuple; masked */
};

/*
 * What came of a check: how many mismatches there are, one for each wrong field of
 * each block; and how many blocks escaped, of which nothing was checked.  What is
 * left of the blocks was checked.  Both are exact, however few errors are stored.
 */
struct pi_verdict {
	uint32_t	bad;		/* mismatches */
	uint32_t	escaped;	/* blocks, as pi_escapes() says */
};

/*
 * Write @nr tuples: guard, application, storage and reference tag, all of
 * them.  Other metadata bytes are only read (the guard covers those ahead of
 * the tuple), so fill them first.  Buffers as above.  Cannot fail.
 */
void pi_generate(const struct pi_layout *l, const struct pi_tags *t,
		 void *data, void *md, uint32_t nr);

/*
 * Check @nr tuples for the fields in @checks (PI_* or'ed); buffers as above,
 * unchanged.  A block that escapes is skipped, it alone, and counted, also where no
 * check would have found anything in it.
 *
 * Mismatches are in the order of blocks and in a block guard, application,
 * storage, reference.  The first @max of them are stored in @errs (may be NULL when
 * @max is 0).  The reference tag of type 3 is never checked.  With type PI_NONE
 * nothing is bad, and nothing escapes.
 */
struct pi_verdict pi_verify(const struct pi_layout *l, const struct pi_tags *t, unsigned checks,
			    const void *data, const void *md, uint32_t nr,
			    struct pi_error *errs, unsigned max);

/*
 * Insert: as pi_generate() on extended blocks, in one pass with the copy that
 * builds them.  @data is @nr * data_size bytes; @ext is @nr * (data_size +
 * md_size), its metadata beyond the tuples already filled.  They may not
 * overlap.  @l->extended must be set.
 */
void pi_insert(const struct pi_layout *l, const struct pi_tags *t,
	       const void *data, void *ext, uint32_t nr);

/*
 * Extract: the way back, with pi_verify()'s check and answer.  The data of
 * every block is copied, of wrong ones too.
 */
struct pi_verdict pi_extract(const struct pi_layout *l, const struct pi_tags *t, unsigned checks,
			     const void *ext, void *data, uint32_t nr,
			     struct pi_error *errs, unsigned max);

/*
 * The same four for those who do many commands on one namespace: what their tuples
 * have in common, and how they are checked, is worked out once.  @t are the tags of
 * block 0 of the series, a command starts at its block @first, so a series that
 * starts at LBA 0 serves all commands.  The members are pi.c's.
 */
struct pi_series {
	struct pi_layout	layout;
	unsigned		checks;		/* PI_* */
	struct pi_tuple {
		uint64_t	hi, lo;		/* as one integer; hi is 0 for tuples of 8 bytes */
	}			shared, mask;	/* tags that stay the same; the bits to compare */
	struct pi_tuple		escape;		/* bits that are all ones in a tuple that escapes */
	uint64_t		ref, ref_step, ref_mask;
	unsigned		guard_shift;	/* bits, in a tuple's first 8 bytes */
	bool			wide;		/* tuples of 16 bytes, not 8 */
	bool			hides;		/* a tuple can agree in all compared bits, and escape */
};

struct pi_series pi_series_of(const struct pi_layout *l, const struct pi_tags *t, unsigned checks);

void pi_generate_at(const struct pi_series *s, uint64_t first, void *data, void *md, uint32_t nr);
struct pi_verdict pi_verify_at(const struct pi_series *s, uint64_t first, const void *data,
			       const void *md, uint32_t nr, struct pi_error *errs, unsigned max);
void pi_insert_at(const struct pi_series *s, uint64_t first, const void *data, void *ext, uint32_t nr);
struct pi_verdict pi_extract_at(const struct pi_series *s, uint64_t first, const void *ext,
				void *data, uint32_t nr, struct pi_error *errs, unsigned max);

/*
 * Before a read that will be checked: store in the place of each tuple one that is
 * wrong for its block, so that a block which the controller does not transfer is
 * found.  @s is pi_poison_of() the tags of the series that will check the read: the
 * reference tag is the complement of the right one, the application and the storage
 * tag differ from the right ones, and the tuple does not turn off the checks.  Only
 * the guard can fit the data by chance: where checks are for the guard alone (type 3),
 * ask pi_poisoned_at() as well.  Buffers as above; nothing but the tuples is written.
 * Type PI_NONE: nothing is done.
 */
struct pi_series pi_poison_of(const struct pi_layout *l, const struct pi_tags *t);
void pi_poison_at(const struct pi_series *s, uint64_t first, void *data, void *md, uint32_t nr);

/* How many of the @nr tuples are still those that pi_poison_at() stored. */
uint32_t pi_poisoned_at(const struct pi_series *s, uint64_t first, const void *data, const void *md,
			uint32_t nr);

#endif
