/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stamp-plan.h - what a format has room for, and the plugin's parts (stamp.h)
 *
 *	stamp.c		what is written, and the plugin's functions
 *	stamp-plan.c	what carries the generation, and what can't be seen so
 *	stamp-judge.c	what came: is it the last write, and if not, which?
 */
#ifndef VFY_STAMP_PLAN_H
#define VFY_STAMP_PLAN_H

#include "generations.h"
#include "stamp-words.h"
#include "verify.h"

struct stamp_plan {
	const struct vfy_ns	*ns;
	struct vfy_gens		*gens;
	unsigned		field;	/* PI_STORAGE or PI_APP: carries the generation; 0: none */
	uint64_t		mask;	/* those of its bits that do */
	unsigned		shift;	/* of its lowest bit, where they are one run; else 64 */
	uint32_t		apart;	/* generations they tell apart */
	uint32_t		at, room;	/* the stamp in the metadata, bytes; 0: none */
	bool			refs;	/* the reference tag tells of LBAs */
	bool			guards;	/* is the guard ours to check? */
};

/* 0, or -EINVAL with a line in @why (VFY_WHY_MAX bytes) where there is no room at all. */
int stamp_plan(const struct vfy_ns *ns, struct stamp_plan *p, char *why);

/* What of a block the plugin looks at itself: PI_* and VFY_METADATA. */
unsigned stamp_owns(const struct stamp_plan *p);

/* One line for the user: what carries generations, kept at @path, and what is not seen. */
#define STAMP_LINE_MAX 600
void stamp_describe(const struct stamp_plan *p, const char *path, char line[STAMP_LINE_MAX]);

/* The text that the file of generations has to have: of which namespace, in which format. */
void stamp_text(const struct stamp_plan *p, char text[VFY_GEN_TEXT]);

/* The tag's bits for a generation, under ->mask; and the generation, modulo ->apart. */
uint64_t stamp_to_tag(const struct stamp_plan *p, uint32_t gen);
uint32_t stamp_from_tag(const struct stamp_plan *p, uint64_t tag);

/*
 * Judge the blocks of a read; @then: what vfy_gens_look() said of them before it.
 * As judge() of struct vfy_plugin.
 */
unsigned stamp_judge(const struct stamp_plan *p, const struct vfy_io *io, const uint64_t *then,
		     struct vfy_finding *f, unsigned max);

#endif
