/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp-layout.h - which fields of a format carry the generation, and the parts of the
 * plugin (stamp.h)
 *
 *	stamp.c		what is written, and the plugin's functions
 *	stamp-layout.c	what carries the generation, and what therefore is not detected
 *	stamp-check.c	checks of blocks that were read: do they hold the last write, and
 *			if not, which?
 */
#ifndef VFY_STAMP_PLAN_H
#define VFY_STAMP_PLAN_H

#include "generations.h"
#include "stamp-words.h"
#include "verify.h"

struct stamp_layout {
	const struct vfy_ns	*ns;
	struct vfy_gens		*gens;
	unsigned		field;	/* tag with the generation, PI_STORAGE or PI_APP; 0: none */
	uint64_t		mask;	/* the bits of the tag that carry it */
	unsigned		shift;	/* of the lowest bit if they are contiguous; else 64 */
	uint32_t		apart;	/* number of distinct generations in the tag */
	uint32_t		at, room;	/* offset and size of the stamp in the metadata */
	bool			refs;	/* the reference tag depends on the LBA */
	bool			guards;	/* the plugin checks the guard, not the engine */
};

/*
 * Fill in *@p for @ns.  Returns 0, or -EINVAL with one line in @why (VFY_WHY_MAX bytes) if
 * nothing can carry a generation.
 */
int stamp_layout(const struct vfy_ns *ns, struct stamp_layout *p, char *why);

/* Returns the fields that the plugin checks instead of the engine: PI_* and VFY_METADATA. */
unsigned stamp_owns(const struct stamp_layout *p);

/*
 * Format one line for the user: what carries the generations, that they are stored at @path,
 * and what is not detected.
 */
#define STAMP_LINE_MAX 600
void stamp_describe(const struct stamp_layout *p, const char *path, char line[STAMP_LINE_MAX]);

/* Format the text that the file of generations must have: the namespace and its format. */
void stamp_text(const struct stamp_layout *p, char text[VFY_GEN_TEXT]);

/*
 * stamp_to_tag() returns the tag's bits under ->mask for a generation.  stamp_from_tag()
 * returns the generation in a tag, modulo ->apart.
 */
uint64_t stamp_to_tag(const struct stamp_layout *p, uint32_t gen);
uint32_t stamp_from_tag(const struct stamp_layout *p, uint64_t tag);

/*
 * Check the blocks of a read, as check() of struct vfy_plugin.  @then[i] is the snapshot of
 * block i that vfy_gens_look() returned before the read.
 */
unsigned stamp_judge(const struct stamp_layout *p, const struct vfy_io *io, const uint64_t *then,
		     struct vfy_finding *f, unsigned max);

#endif
