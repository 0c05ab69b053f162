/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * generations.h - a file that records which write each block should hold
 *
 * Every write of a block has a generation: a number that is one higher than that of the
 * block's previous write, or a few higher, because all blocks of a command get the same
 * number.  The file holds eight bytes per block and is sparse; all users of the
 * namespace map it.  Its first page describes, as text, the namespace and format.
 *
 * For each block the file says what a read may find:
 *
 *	settled		the last write succeeded: only that write
 *	unsettled	a write is in flight, or failed, or several were in flight at
 *			the same time: any generation from the previous write on
 *	unknown		no write was recorded, or another command changed the block
 *
 * A process that is killed leaves its writes in flight.  The next process that opens the
 * file while no other has it open changes them to unsettled.
 *
 * From the first write or change until the last user has closed it, the file on disk may
 * lack the newest changes ("behind").  If the system crashes then, every recorded block
 * may hold a newer write than the file says, until another write of it succeeds.
 */
#ifndef VFY_GENERATIONS_H
#define VFY_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Generation numbers are modulo the largest multiple of @apart (see vfy_gens_open()) up to this. */
#define VFY_GEN_MAX (1u << 24)

/* Bytes of the text that identifies the namespace and format. */
#define VFY_GEN_TEXT 1024

struct vfy_gens;

/*
 * Open the file at @path, or create it, for @nr_blocks blocks of the namespace and format that
 * @text describes.  A file with another text is refused.  @apart is the number of generations
 * that blocks can distinguish, at most VFY_GEN_MAX.  A caller without @write must record no
 * write or change; it may be a user with read permission only.  Returns NULL on failure, with
 * one line in @why (VFY_WHY_MAX bytes).
 */
struct vfy_gens *vfy_gens_open(const char *path, const char *text, uint64_t nr_blocks,
			       uint32_t apart, bool write, char *why);
void vfy_gens_close(struct vfy_gens *g);

/* Returns whether @fd is such a file, of any version, or an empty one. */
bool vfy_gens_is_one(int fd);

/*
 * Record the start and the end of a write of @nr blocks from @lba on.  *@gen is set to its
 * generation.  Every start that returned true needs an end; @good: the write succeeded.
 * vfy_gens_write() returns false if there is no disk space to record the write: the caller then
 * treats it as another change (vfy_gens_change()).
 */
bool vfy_gens_write(struct vfy_gens *g, uint64_t lba, uint64_t nr, uint32_t *gen);
void vfy_gens_written(struct vfy_gens *g, uint64_t lba, uint64_t nr, bool good);

/*
 * The end of a write that succeeded, but may be in a volatile write cache: the blocks stay
 * unsettled.  Returns whether it was alone, in all blocks, while it was in flight.  If so,
 * vfy_gens_durable() tells later that it has reached media: no generation before @gen is valid
 * any more.
 */
bool vfy_gens_cached(struct vfy_gens *g, uint64_t lba, uint64_t nr);
void vfy_gens_durable(struct vfy_gens *g, uint64_t lba, uint64_t nr, uint32_t gen);

/* Write the file to disk. */
void vfy_gens_sync(struct vfy_gens *g);

/*
 * End all use of the file, except vfy_gens_close(): if this is its last user, write it to disk.
 * Returns 0, or -errno if something of this user could not be recorded or written to disk.
 */
int vfy_gens_end(struct vfy_gens *g);

/* Returns the path of the file. */
const char *vfy_gens_path(const struct vfy_gens *g);

/*
 * Record the start and the end of a command that changes blocks and is no write.  The blocks
 * become unknown.
 */
void vfy_gens_change(struct vfy_gens *g, uint64_t lba, uint64_t nr);
void vfy_gens_changed(struct vfy_gens *g, uint64_t lba, uint64_t nr);

/* Returns a snapshot of a block's word, for vfy_gens_between(). */
uint64_t vfy_gens_look(const struct vfy_gens *g, uint64_t lba);

/* What a read of a block may find. */
struct vfy_gen_state {
	bool		unknown;	/* any contents */
	bool		settled;	/* only @last */
	uint32_t	last;		/* the newest generation */
	uint32_t	span;		/* this many generations before @last are valid too */
	uint32_t	before;		/* the write before @last is at most this many older */
	bool		known_before;	/* false: the contents before @last are unknown */
	bool		behind;		/* generations newer than @last are valid too */
};

/*
 * Returns what a read may find that started after the snapshot @then of the block and ended
 * before the snapshot @now.
 */
struct vfy_gen_state vfy_gens_between(const struct vfy_gens *g, uint64_t then, uint64_t now);

/*
 * Returns how many generations older than @s->last @gen is.  @gen is known modulo @apart
 * (VFY_GEN_MAX: exactly).  VFY_GEN_NEVER: no such generation has been assigned yet.
 */
#define VFY_GEN_NEVER UINT32_MAX
uint32_t vfy_gens_ago(const struct vfy_gens *g, const struct vfy_gen_state *s, uint32_t gen,
		      uint32_t apart);

/* Returns the generation that is @ago older than @gen. */
uint32_t vfy_gens_before(const struct vfy_gens *g, uint32_t gen, uint32_t ago);

/*
 * Returns whether the system crashed while the file was in use, and blocks have not been
 * written since.
 */
bool vfy_gens_behind(const struct vfy_gens *g);

#endif
