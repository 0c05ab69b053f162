/* SPDX-License-Identifier: GPL-2.0-only */
/* generations.c - see generations.h */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "gen-word.h"

/* --- generation numbers, which wrap --- */

/* Returns how many generations @to is newer than @from. */
static uint32_t since(const struct vfy_gens *g, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + g->ring - from;
}

/* Returns whether @a is newer than @b: serial number arithmetic. */
static bool newer(const struct vfy_gens *g, uint32_t a, uint32_t b)
{
	return a != b && since(g, b, a) < g->ring / 2;
}

uint32_t vfy_gens_ago(const struct vfy_gens *g, const struct vfy_gen_state *s, uint32_t gen,
		      uint32_t apart)
{
	uint32_t ago;

	if (gen >= apart || gen >= g->ring)
		return VFY_GEN_NEVER;
	if (apart < g->ring) {
		ago = (s->last % apart + apart - gen % apart) % apart;
		if (s->behind && ago > apart / 2)
			return VFY_GEN_NEVER;
		return ago <= s->last || ago <= s->span || ago <= s->before ? ago : VFY_GEN_NEVER;
	}
	return newer(g, gen, s->last) ? VFY_GEN_NEVER : since(g, gen, s->last);
}

/* --- generations that a read may legally return --- */

uint64_t vfy_gens_look(const struct vfy_gens *g, uint64_t lba)
{
	return atomic_load(&g->blocks[lba]);
}

/*
 * Returns whether a trim or Write Zeroes between the two snapshots could be invisible in the
 * second.  It could only if two writes followed it; the older of these is then OTHER(@now).
 */
static bool may_hide_change(uint64_t then, uint64_t now)
{
	const bool next = OTHER(now) == LAST(then) || OTHER(now) == OTHER(then);

	return then != now && !(now & KNOWN && next);
}

struct vfy_gen_state vfy_gens_between(const struct vfy_gens *g, uint64_t then, uint64_t now)
{
	struct vfy_gen_state s = {
		.unknown = gen_unknown(then) || gen_unknown(now) || may_hide_change(then, now),
		.settled = then == now && now & SETTLED,
		.last = LAST(now),
		.before = since(g, OTHER(now), LAST(now)),
		.known_before = now & KNOWN,
		.behind = (then | now) & BEHIND,
	};

	/* span: the number of generations from the oldest that the first snapshot allows on. */
	if (!(then & SETTLED))
		s.span = since(g, OTHER(then), s.last) - !!(then & AFTER);
	else if (then != now)
		s.span = since(g, LAST(then), s.last);
	return s;
}

/* --- writes --- */

/* Keep errno as the reason why something could not be recorded. */
static void failed(struct vfy_gens *g)
{
	if (!g->err)
		g->err = errno;
}

void vfy_gens_sync(struct vfy_gens *g)
{
	if (fdatasync(g->fd))
		failed(g);
}

/*
 * Before the first change, set the dirty flag on disk: from now on the file on disk may lack
 * the newest changes.
 */
static void make_dirty(struct vfy_gens *g)
{
	if (g->dirty)
		return;
	g->dirty = true;
	g->head->dirty = 1;
	vfy_gens_sync(g);
}

/* Returns whether this process has reserved disk space for the block's word. */
static bool has_room(const struct vfy_gens *g, uint64_t lba)
{
	const uint64_t c = lba / GEN_CHUNK_BLOCKS;

	return g->reserved[c / 8] & 1 << c % 8;
}

/*
 * Reserve disk space for the words of the blocks, so that its lack is an error here and not
 * SIGBUS at a later access.  Returns false if some could not be reserved.
 */
static bool reserve(struct vfy_gens *g, uint64_t lba, uint64_t nr)
{
	bool all = true;

	for (uint64_t c = lba / GEN_CHUNK_BLOCKS; c <= (lba + nr - 1) / GEN_CHUNK_BLOCKS; c++) {
		const off_t at = GEN_HEAD_SIZE + (off_t)c * GEN_CHUNK_BLOCKS * sizeof(*g->blocks);
		const off_t left = g->size - at, len = GEN_CHUNK_BLOCKS * sizeof(*g->blocks);

		if (has_room(g, c * GEN_CHUNK_BLOCKS))
			continue;
		if (fallocate(g->fd, 0, at, left < len ? left : len) && errno != EOPNOTSUPP) {
			failed(g);
			all = false;
		} else {
			g->reserved[c / 8] |= 1 << c % 8;
		}
	}
	return all;
}

/* Returns a generation that is newer than those of all blocks. */
static uint32_t next_of(const struct vfy_gens *g, uint64_t lba, uint64_t nr)
{
	uint32_t last = LAST(vfy_gens_look(g, lba));

	for (uint64_t i = 1; i < nr; i++) {
		uint32_t other = LAST(vfy_gens_look(g, lba + i));

		if (newer(g, other, last))
			last = other;
	}
	return last + 1 < g->ring ? last + 1 : 0;
}

/*
 * A saturated counter is never decremented.  Keep head->under_way above zero, so that the next
 * first user resets it.
 */
static void note_full(struct vfy_gens *g, uint64_t w)
{
	if (WAY(w) == WAY_MAX)
		atomic_fetch_add(&g->head->under_way, 1);
}

/*
 * Set a block's newest generation to @gen; with @first, also record the start of a write.
 * Returns false if another write has set an equal or a newer generation; with @force it is set
 * anyway.
 */
static bool give(struct vfy_gens *g, uint64_t lba, uint32_t gen, bool first, bool force)
{
	uint64_t w = vfy_gens_look(g, lba), new;

	do {
		if (!force && !newer(g, gen, LAST(w)))
			return false;
		new = first ? gen_starts(w) : w;
		new = gen_with_gens(new, gen, OTHER(new));
	} while (!atomic_compare_exchange_weak(&g->blocks[lba], &w, new));
	if (first)
		note_full(g, new);
	return true;
}

/*
 * All blocks of a write get the same generation.  If another write sets a newer one meanwhile,
 * start again with a higher one.  Generation numbers wrap: after millions of writes three
 * blocks can be cyclically ordered, so that no number is newer than all three.  After TRIES
 * attempts any number is used.
 */
enum { TRIES = 64 };

bool vfy_gens_write(struct vfy_gens *g, uint64_t lba, uint64_t nr, uint32_t *gen)
{
	uint64_t started = 0, i = 0;

	if (!reserve(g, lba, nr))
		return false;
	make_dirty(g);
	atomic_fetch_add(&g->head->under_way, nr);
	for (unsigned try = 0; i < nr; try++) {
		*gen = next_of(g, lba, nr);
		for (i = 0; i < nr && give(g, lba + i, *gen, i >= started, try >= TRIES); i++)
			started = i >= started ? i + 1 : started;
	}
	return true;
}

/* Atomically replace a block's word w by @made(w). */
static void make(struct vfy_gens *g, uint64_t lba, uint64_t (*made)(uint64_t word))
{
	uint64_t w = vfy_gens_look(g, lba), new;

	do {
		new = made(w);
	} while (new != w && !atomic_compare_exchange_weak(&g->blocks[lba], &w, new));
	if (WAY(new) > WAY(w))
		note_full(g, new);
	if (w & ~new & BEHIND)
		atomic_fetch_sub(&g->head->behind, 1);
}

static uint64_t ends_well(uint64_t word)
{
	return gen_ends(word, true);
}

static uint64_t ends_badly(uint64_t word)
{
	return gen_ends(word, false);
}

void vfy_gens_written(struct vfy_gens *g, uint64_t lba, uint64_t nr, bool good)
{
	for (uint64_t i = 0; i < nr; i++)
		make(g, lba + i, good ? ends_well : ends_badly);
	atomic_fetch_sub(&g->head->under_way, nr);
}

bool vfy_gens_cached(struct vfy_gens *g, uint64_t lba, uint64_t nr)
{
	bool alone = true;

	for (uint64_t i = lba; i < lba + nr; i++)
		alone &= !(vfy_gens_look(g, i) & (SEVERAL | CHANGED));
	vfy_gens_written(g, lba, nr, false);
	return alone;
}

/*
 * Returns the word of a block in which the write of generation @gen has reached media.  If older
 * contents are unknown, there may have been another change since that write.
 */
static uint64_t gets_durable(const struct vfy_gens *g, uint64_t w, uint32_t gen)
{
	if (w & (CHANGED | SETTLED))
		return w;
	if (LAST(w) == gen)
		return (w & ~BEHIND) | SETTLED;
	if (!(w & KNOWN) || !newer(g, LAST(w), gen) || !newer(g, gen, OTHER(w)))
		return w;
	return gen_with_gens(w, LAST(w), gen) & ~AFTER;
}

void vfy_gens_durable(struct vfy_gens *g, uint64_t lba, uint64_t nr, uint32_t gen)
{
	for (uint64_t i = lba; i < lba + nr; i++) {
		uint64_t w = vfy_gens_look(g, i), new;

		do {
			new = gets_durable(g, w, gen);
		} while (new != w && !atomic_compare_exchange_weak(&g->blocks[i], &w, new));
		if (w & ~new & BEHIND)
			atomic_fetch_sub(&g->head->behind, 1);
	}
}

/*
 * Returns whether a block's word can be read.  In a hole of the file it is zero, but reading it
 * can raise SIGBUS on a full tmpfs.
 */
static bool has_word(const struct vfy_gens *g, uint64_t lba)
{
	const off_t at = GEN_HEAD_SIZE + (off_t)lba * sizeof(*g->blocks);

	return has_room(g, lba) || lseek(g->fd, at, SEEK_DATA) == at;
}

/*
 * If there is no disk space, update only blocks that already have a word that is not zero.  All
 * others are unknown anyway, so for them neither the start nor the end of a change is recorded.
 */
void vfy_gens_change(struct vfy_gens *g, uint64_t lba, uint64_t nr)
{
	reserve(g, lba, nr);
	make_dirty(g);
	atomic_fetch_add(&g->head->under_way, nr);
	for (uint64_t i = lba; i < lba + nr; i++)
		if (has_room(g, i) || (has_word(g, i) && vfy_gens_look(g, i)))
			make(g, i, gen_change_starts);
}

void vfy_gens_changed(struct vfy_gens *g, uint64_t lba, uint64_t nr)
{
	for (uint64_t i = lba; i < lba + nr; i++)
		if (has_word(g, i))
			make(g, i, gen_change_ends);
	atomic_fetch_sub(&g->head->under_way, nr);
}

uint32_t vfy_gens_before(const struct vfy_gens *g, uint32_t gen, uint32_t ago)
{
	return since(g, ago, gen);
}

bool vfy_gens_behind(const struct vfy_gens *g)
{
	return g->head->behind;
}
