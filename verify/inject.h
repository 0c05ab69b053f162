/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.h - corrupt one named field of one block in N, repeatably
 *
 *	pi_inject=FIELD[:bit|:all][/N][@SEED][,...]
 *
 * FIELD is guard, app, ref, storage, data or md (metadata outside the tuple).  One bit
 * of it is flipped (:bit, the default), or all bits (:all).  The blocks of the job are
 * numbered in sequence; of each N consecutive blocks (default 1000) exactly one is
 * chosen, by SEED (default 1).  With data:all and md:all all bytes are inverted, and
 * the first one is reported.
 *
 * Bits are skipped if the corruption could not be detected: bits outside a mask, bits
 * whose flip would make the tuple escape (application tag FFFFh), and bits that would
 * cancel another injected error.  With ':all' at most one bit is left unflipped for this
 * reason.
 */
#ifndef VFY_INJECT_H
#define VFY_INJECT_H

#include "mismatch.h"

/* One FIELD item of the option. */
struct vfy_inject_rule {
	unsigned	field;		/* PI_*, VFY_DATA or VFY_METADATA */
	bool		all;		/* flip all bits; else one */
	uint64_t	every;		/* N */
	uint64_t	seed;
};

#define VFY_MAX_FAULTS 8

struct vfy_inject {
	struct vfy_inject_rule	fault[VFY_MAX_FAULTS];
	unsigned		nr;		/* 0: no injection */
	uint64_t		next;		/* sequence number of the next block */
};

/*
 * Parse the option.  Returns 0, or -EINVAL with one line in @why (VFY_WHY_MAX bytes) that
 * begins with "pi_inject".
 */
int vfy_inject_parse(const char *text, struct vfy_inject *in, char *why);

/*
 * Check whether these errors can be injected into blocks of layout @l with tags @tags.
 * @tuples, @md: whether tuples and other metadata are transferred.  Returns 0, or -EINVAL with
 * one line in @why.
 */
int vfy_inject_check(const struct vfy_inject *in, const struct pi_layout *l,
		     const struct pi_tags *tags, bool tuples, bool md, char *why);

/* One injected error. */
struct vfy_injection {
	uint32_t	index;		/* index of the block in the I/O */
	unsigned	field;
	uint32_t	offset;		/* of the byte, if VFY_DATA or VFY_METADATA */
	uint64_t	was, is;	/* value of the field, or of the byte */
	unsigned	shows;		/* fields in which a full check (or Compare, for
					   VFY_DATA) detects the error; 0: undetectable,
					   therefore nothing was injected */
};

/*
 * Returns the number of errors to inject into the next @nr blocks, and stores the first @max of
 * them in @d, with index and field only.  The position advances in vfy_inject_pass() alone, so
 * an I/O that fio requeues gets the same selection again.
 */
unsigned vfy_inject_draw(const struct vfy_inject *in, uint32_t nr, struct vfy_injection *d,
			 unsigned max);
void vfy_inject_pass(struct vfy_inject *in, uint32_t nr);

/*
 * Inject the error @d into block @lba.  @data is its data_size bytes; @md is its md_size bytes
 * of metadata with the tuple (NULL: none); @tags are its tags (NULL: its tuple is not
 * transferred); @place is its sequence number.  Fills in the other members of *@d.  A block
 * whose tuple escapes, for example an unwritten one, is not changed.
 */
void vfy_inject_damage(const struct vfy_inject *in, const struct pi_layout *l,
		       const struct pi_tags *tags, uint64_t lba, uint64_t place, void *data,
		       void *md, struct vfy_injection *d);

#endif
