/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * generations.h - a file that knows which write each block should be from
 *
 * Every write of a block has a generation, one more than the one before (or a few
 * more: all blocks of a command get the same).  They are kept in a file that all
 * who use the namespace map: eight bytes a block, and sparse.  Its first page
 * says, as text, what it is of.
 *
 * Of a block the file says what may be found there:
 *
 *	settled		the last write ended well: that one, and no other
 *	unsettled	one is under way, or did not end well, or several were under
 *			way at once: anything from the one before on
 *	unknown		nobody told of a write, or something else changed the block
 *
 * Whoever is killed leaves its writes under way.  The next first user makes them
 * what they are by then, unsettled.
 *
 * From the first write or change on until the last user has closed it, the file may
 * be behind on disk.  If the machine goes down then, every block it knows of may hold
 * a newer write than it says, until one more of that block has ended well.
 */
#ifndef VFY_GENERATIONS_H
#define VFY_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Generations are counted modulo the largest multiple of those told apart up to this. */
#define VFY_GEN_MAX (1u << 24)

/* Bytes of the text that says what the file is of. */
#define VFY_GEN_TEXT 1024

struct vfy_gens;

/*
 * Open or create the file at @path for @nr_blocks blocks of what @text says; a
 * file with another text is refused.  @apart: how many generations the blocks
 * tell apart, up to VFY_GEN_MAX.  Who does not @write tells of no write and no change, and may
 * be a user who can only read the file.  NULL with one line in @why (VFY_WHY_MAX bytes).
 */
struct vfy_gens *vfy_gens_open(const char *path, const char *text, uint64_t nr_blocks,
			       uint32_t apart, bool write, char *why);
void vfy_gens_close(struct vfy_gens *g);

/*
 * A write of @nr blocks from @lba on starts, and *@gen is its generation; it has
 * to end.  False: there is no room on disk to keep it, and it is but something else
 * that changes blocks.
 */
bool vfy_gens_write(struct vfy_gens *g, uint64_t lba, uint64_t nr, uint32_t *gen);
void vfy_gens_written(struct vfy_gens *g, uint64_t lba, uint64_t nr, bool good);

/* Something else that changes blocks starts, and ends: they become unknown, or stay so. */
void vfy_gens_change(struct vfy_gens *g, uint64_t lba, uint64_t nr);
void vfy_gens_changed(struct vfy_gens *g, uint64_t lba, uint64_t nr);

/* What the file says of a block now, to be handed to vfy_gens_between(). */
uint64_t vfy_gens_look(const struct vfy_gens *g, uint64_t lba);

/* What may be found in a block. */
struct vfy_gen_state {
	bool		unknown;	/* anything */
	bool		settled;	/* @last alone */
	uint32_t	last;		/* generation: the newest */
	uint32_t	span;		/* so many before @last are right as well */
	uint32_t	before;		/* the write before @last was at most so many before it */
	bool		known_before;	/* false: nobody knows what that was */
	bool		behind;		/* newer ones than @last are right as well */
};

/*
 * What a read may find that began when a look at the block was @then and ended
 * when it was @now.
 */
struct vfy_gen_state vfy_gens_between(const struct vfy_gens *g, uint64_t then, uint64_t now);

/*
 * How many generations before @s->last is @gen, which is known modulo @apart
 * (VFY_GEN_MAX: as it is)?  VFY_GEN_NEVER: there was none such yet.
 */
#define VFY_GEN_NEVER UINT32_MAX
uint32_t vfy_gens_ago(const struct vfy_gens *g, const struct vfy_gen_state *s, uint32_t gen,
		      uint32_t apart);

/* The generation that is @ago before @gen. */
uint32_t vfy_gens_before(const struct vfy_gens *g, uint32_t gen, uint32_t ago);

/* Was the machine lost while somebody wrote, and are there blocks not written since? */
bool vfy_gens_behind(const struct vfy_gens *g);

#endif
