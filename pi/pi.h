/* SPDX-License-Identifier: MIT */
/*
 * pi.h - generate, check, insert and extract NVMe protection information
 *
 * All functions work on memory only: they do no I/O, allocate nothing, log nothing
 * and change no global state, so that any thread may call them.  They need only the
 * C library.
 *
 * "Spec" is the NVM Command Set Specification, section "End-to-end Data
 * Protection".  All values are host-endian; tuples in memory are big-endian.
 *
 * Buffers of nr blocks.  Separate metadata: @data is nr * data_size bytes and @md is
 * nr * md_size bytes.  Extended blocks: @data is nr * (data_size + md_size) bytes and
 * @md is NULL.  Buffers may have any alignment.
 *
 * Type PI_NONE has no tuples: pi_generate() and pi_verify() then do nothing, and
 * pi_insert() and pi_extract() only copy data.  Functions on a single tuple or on tags
 * must not be called for it.
 */
#ifndef PI_H
#define PI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guard.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef NVMEPI_EXPORT		/* libnvmepi is being compiled */
#pragma GCC visibility push(default)
#endif

/* The data protection type of a namespace.  Spec: Identify Namespace, DPS bits 2:0. */
enum pi_type { PI_NONE, PI_TYPE1, PI_TYPE2, PI_TYPE3 };

/*
 * The fields of a tuple, as a bit mask of those to check.  The low three bits have the order of
 * PRCHK (CDW12 bits 28:26).  The storage tag check has a separate bit in CDW12 (STC, bit 24).
 */
enum pi_check {
	PI_REF		= 1 << 0,
	PI_APP		= 1 << 1,
	PI_GUARD	= 1 << 2,
	PI_STORAGE	= 1 << 3,
};

/*
 * A protection information format.  Every tuple is [guard][application tag][storage
 * and reference space], big-endian, without padding; the two sizes below describe all
 * three formats.  Spec: Protection Information Formats.
 *
 *	name	guard	tuple	space	storage tag
 *	16b	2 B	8 B	4 B	0..32 bits
 *	32b	4 B	16 B	10 B	16..64 bits
 *	64b	8 B	16 B	6 B	0..48 bits
 */
struct pi_format {
	const char	*name;
	uint8_t		guard_size;	/* bytes */
	uint8_t		tuple_size;	/* bytes */
	uint8_t		sts_min;	/* storage tag size limits, bits */
	uint8_t		sts_max;
	uint32_t	data_min;	/* smallest data size the specification allows, bytes */
	guard_fn	*guard;
};

/* The formats, indexed by the PIF value of an extended LBA format (0, 1, 2). */
extern const struct pi_format pi_formats[3];

/*
 * Returns the format that an extended LBA format (ELBAF) selects, or NULL for a reserved value.
 * @pif is ELBAF bits 8:7.  If @pif is 3 and the controller supports qualified formats (@qpifs:
 * PIC bit 3), @qpif (ELBAF bits 12:9) selects the format.
 */
const struct pi_format *pi_format_of(unsigned pif, unsigned qpif, bool qpifs);

/*
 * The layout of the blocks of a namespace.  Fill it in, then call pi_layout_check(): all other
 * functions assume a layout that passed this check.
 */
struct pi_layout {
	const struct pi_format	*format;	/* may be NULL if type is PI_NONE */
	enum pi_type		type;
	uint32_t		data_size;	/* bytes of data per block */
	uint32_t		md_size;	/* bytes of metadata per block, 0..65535 */
	uint8_t			sts;		/* storage tag size, bits */
	bool			first;		/* tuple first in metadata (DPS bit 3); else last */
	bool			extended;	/* each block's metadata follows its data */
	bool			ones;		/* unwritten blocks may read as FFh (DLFEAT) */
};

/*
 * Check whether this library supports layout @l.  Returns 0 or -EINVAL.
 *
 * *@why (@why may be NULL) is set to a constant string for the user, or to NULL if there is
 * nothing to say.  With -EINVAL it is the reason.  With 0 it is a remark: the layout works
 * although the specification does not allow it (32b and 64b guards with data below 4096 bytes).
 * Data sizes must be powers of two of at least 512 bytes, because LBADS expresses no others.
 * Spec: Protection Information Formats.
 */
int pi_layout_check(const struct pi_layout *l, const char **why);

/* Returns the distance in bytes between two consecutive blocks in a data buffer. */
static inline size_t pi_block_size(const struct pi_layout *l)
{
	return l->data_size + (l->extended ? l->md_size : 0);
}

/* Returns the offset in bytes of the tuple in a block's metadata. */
static inline uint32_t pi_tuple_offset(const struct pi_layout *l)
{
	return l->first ? 0 : l->md_size - l->format->tuple_size;
}

/*
 * Returns the bits of the storage and reference space: the tuple without guard and application
 * tag.
 */
static inline unsigned pi_space_bits(const struct pi_layout *l)
{
	return 8 * (l->format->tuple_size - l->format->guard_size) - 16;
}

/* Returns the bits of the reference tag: the space without the storage tag. */
static inline unsigned pi_ref_bits(const struct pi_layout *l)
{
	return pi_space_bits(l) - l->sts;
}

/* Returns a value whose low @bits bits (0..64) are ones. */
static inline uint64_t pi_ones(unsigned bits)
{
	return bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
}

/*
 * The tags of one command, by the names of its fields: reference (ILBRT), application (LBAT and
 * LBATM), storage (LBST; its mask, LBSTM, comes from Identify).
 */
struct pi_tags {
	uint64_t	ref;		/* tag of the first block; see pi_ref_at() */
	uint64_t	storage;
	uint64_t	storage_mask;	/* 1 bits are compared */
	uint16_t	app;
	uint16_t	app_mask;	/* 1 bits are compared */
};

/*
 * Returns the reference tag of block @i of a command: first tag + i, modulo the width of the
 * tag.  For type 3 all blocks have the first tag.
 */
static inline uint64_t pi_ref_at(const struct pi_layout *l, const struct pi_tags *t, uint64_t i)
{
	return (t->ref + (l->type == PI_TYPE3 ? 0 : i)) & pi_ones(pi_ref_bits(l));
}

/*
 * The tags as command dwords.  The storage and reference tags are one integer: its bits 79:64
 * are in CDW2, 63:32 in CDW3 and 31:0 in CDW14.  LBATM and LBAT are in CDW15.  Spec: Read
 * command, figures for CDW2, CDW3, CDW14 and CDW15.
 */
struct pi_dwords {
	uint32_t	cdw2, cdw3, cdw14, cdw15;
};

struct pi_dwords pi_tags_pack(const struct pi_layout *l, const struct pi_tags *t);

/* Returns the tags of a command, for a controller.  @storage_mask comes from Identify. */
struct pi_tags pi_tags_unpack(const struct pi_layout *l, const struct pi_dwords *d,
			      uint64_t storage_mask);

/* The fields of a tuple. */
struct pi_fields {
	uint64_t	guard;
	uint64_t	storage;
	uint64_t	ref;
	uint16_t	app;
};

/* Write and read the tuple at @tuple, format->tuple_size bytes. */
void pi_tuple_put(const struct pi_layout *l, void *tuple, const struct pi_fields *f);
struct pi_fields pi_tuple_get(const struct pi_layout *l, const void *tuple);

/*
 * Returns whether these fields disable all checks of their block ("escape"): the application
 * tag is FFFFh and, for type 3, the reference tag is all ones as well.
 */
bool pi_escapes(const struct pi_layout *l, const struct pi_fields *f);

/* A mismatch of one field of one block. */
struct pi_error {
	uint32_t	block;		/* index of the block in the buffer, not an LBA */
	enum pi_check	field;
	uint64_t	want;		/* computed, or from struct pi_tags; masked */
	uint64_t	got;		/* from the tuple; masked */
};

/*
 * The result of a check.  A block either escaped, and then none of its fields was checked, or
 * all its requested fields were checked.  Both counts are exact even if fewer errors were
 * stored.
 */
struct pi_verdict {
	uint32_t	bad;		/* mismatches: one for each wrong field of each block */
	uint32_t	escaped;	/* blocks that were skipped, see pi_escapes() */
};

/*
 * Write @nr tuples with all their fields: guard, application, storage and reference tag.  @data
 * and @md are as described under "Buffers" above.  Other metadata bytes are only read: the
 * guard covers those in front of the tuple, so fill them before this call.  Cannot fail.
 */
void pi_generate(const struct pi_layout *l, const struct pi_tags *t,
		 void *data, void *md, uint32_t nr);

/*
 * Check the fields @checks (a mask of PI_*) of @nr tuples.  @data and @md are as described
 * under "Buffers" above and are not changed.  A block that escapes is skipped and counted, also
 * if none of its fields is wrong.
 *
 * Mismatches are reported in the order of blocks, and within a block in the order guard,
 * application, storage, reference tag.  The first @max of them are stored in @errs, which may
 * be NULL if @max is 0.  The reference tag of type 3 is never checked.  With type PI_NONE no
 * block is wrong and none escapes.
 */
struct pi_verdict pi_verify(const struct pi_layout *l, const struct pi_tags *t, unsigned checks,
			    const void *data, const void *md, uint32_t nr,
			    struct pi_error *errs, unsigned max);

/*
 * Build extended blocks from data, and generate their tuples in the same pass as the copy.
 * @data is @nr * data_size bytes; @ext is @nr * (data_size + md_size) bytes, in which the
 * caller has already filled the metadata outside the tuples.  @data and @ext must not overlap.
 * @l->extended must be set.
 */
void pi_insert(const struct pi_layout *l, const struct pi_tags *t,
	       const void *data, void *ext, uint32_t nr);

/*
 * Copy the data of extended blocks to @data, and check their tuples in the same pass, as
 * pi_verify() does.  Buffers are those of pi_insert().  The data of every block is copied, also
 * if its tuple is wrong.
 */
struct pi_verdict pi_extract(const struct pi_layout *l, const struct pi_tags *t, unsigned checks,
			     const void *ext, void *data, uint32_t nr,
			     struct pi_error *errs, unsigned max);

/*
 * The same four functions for callers that do many commands on one namespace: pi_series_of()
 * precomputes once what all tuples have in common and how they are checked.  @t are the tags of
 * block 0 of the series, and a command starts at block @first of it.  A series that starts at
 * LBA 0 therefore serves all commands.  The members of the struct are private to pi/.
 */
struct pi_series {
	struct pi_layout	layout;
	unsigned		checks;		/* PI_* */
	struct pi_tuple {
		uint64_t	hi, lo;		/* one 128-bit integer; hi is 0 for 8-byte tuples */
	}			shared, mask;	/* tags equal in all blocks; bits to compare */
	struct pi_tuple		escape;		/* bits that are all set in a tuple that escapes */
	uint64_t		ref, ref_step, ref_mask;
	unsigned		guard_shift;	/* of the guard in the first 8 bytes, in bits */
	bool			wide;		/* tuples have 16 bytes, not 8 */
	bool			hides;		/* matching tuples can escape: check for it */
};

struct pi_series pi_series_of(const struct pi_layout *l, const struct pi_tags *t, unsigned checks);

void pi_generate_at(const struct pi_series *s, uint64_t first, void *data, void *md, uint32_t nr);
struct pi_verdict pi_verify_at(const struct pi_series *s, uint64_t first, const void *data,
			       const void *md, uint32_t nr, struct pi_error *errs, unsigned max);
void pi_insert_at(const struct pi_series *s, uint64_t first, const void *data, void *ext, uint32_t nr);
struct pi_verdict pi_extract_at(const struct pi_series *s, uint64_t first, const void *ext,
				void *data, uint32_t nr, struct pi_error *errs, unsigned max);

/*
 * Before a read that will be checked, overwrite each tuple in the buffer with one that is wrong
 * for its block, so that the check finds a block which the controller did not transfer.  @s is
 * pi_poison_of() for the tags that will check the read: the reference tag is the complement of
 * the right one, the application and the storage tag differ from the right ones, and the tuple
 * does not escape.  Only the guard can match the data by chance; if only the guard is checked
 * (type 3), call pi_poisoned_at() as well.  Buffers are as described above; only the tuples are
 * written.  With type PI_NONE nothing is written.
 */
struct pi_series pi_poison_of(const struct pi_layout *l, const struct pi_tags *t);
void pi_poison_at(const struct pi_series *s, uint64_t first, void *data, void *md, uint32_t nr);

/* Returns how many of the @nr tuples are still those that pi_poison_at() stored. */
uint32_t pi_poisoned_at(const struct pi_series *s, uint64_t first, const void *data, const void *md,
			uint32_t nr);

#ifdef NVMEPI_EXPORT
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
