/* SPDX-License-Identifier: GPL-2.0-only */
/* stamp-check.c - check the blocks of a read: see stamp-layout.h */
#include <string.h>
#include "metadata.h"
#include "stamp-layout.h"

/* A block, as it was read. */
struct block {
	const struct stamp_layout	*p;
	uint32_t		index;		/* index in the I/O */
	uint64_t		lba;
	const uint8_t		*data, *md, *stamp;
	struct pi_fields	tuple;
	struct vfy_gen_state	state;		/* what it may hold */
	uint32_t		tag_ago;	/* age of the tag's generation, or VFY_GEN_NEVER */
};

struct found {
	struct vfy_finding	*f;
	unsigned		max, nr;
};

static void add(struct found *out, struct vfy_finding f)
{
	if (out->nr < out->max)
		out->f[out->nr] = f;
	out->nr++;
}

static uint64_t tag_of(const struct block *b)
{
	return (b->p->field == PI_STORAGE ? b->tuple.storage : b->tuple.app) & b->p->mask;
}

static bool fits(const struct block *b, uint32_t ago)
{
	return ago <= b->state.span || (ago == VFY_GEN_NEVER && b->state.behind);
}

/*
 * Classify a block whose content is @ago generations older than the last.  If the content
 * before the last write is unknown, any older content counts as lost.
 */
static enum vfy_class class_of(const struct block *b, uint32_t ago)
{
	if (ago == VFY_GEN_NEVER)
		return VFY_UNCLASSED;
	if (!b->state.settled || !b->state.known_before || ago <= b->state.before)
		return VFY_LOST;
	return VFY_STALE;
}

static struct vfy_finding about_stamp(const struct block *b, enum vfy_class class, uint32_t got)
{
	return (struct vfy_finding){
		.index = b->index, .field = VFY_STAMP, .class = class, .known = true,
		.want = b->state.last, .got = got, .mask = VFY_GEN_MAX - 1,
	};
}

static struct vfy_finding about_tag(const struct block *b, enum vfy_class class)
{
	return (struct vfy_finding){
		.index = b->index, .field = b->p->field, .class = class, .known = true,
		.want = stamp_to_tag(b->p, b->state.last), .got = tag_of(b), .mask = b->p->mask,
	};
}

/* --- LBAs --- */

/*
 * Returns whether @lba was written with generation @gen, as far as its last two generations are
 * recorded.
 */
static bool was_written(const struct stamp_layout *p, uint64_t lba, uint32_t gen, uint32_t apart)
{
	struct vfy_gen_state s;
	uint32_t ago;
	uint64_t w;

	if (lba >= p->ns->nr_blocks)
		return false;
	w = vfy_gens_look(p->gens, lba);
	s = vfy_gens_between(p->gens, w, w);
	ago = vfy_gens_ago(p->gens, &s, gen, apart);
	return w && (ago <= s.before || ago <= s.span);
}

/*
 * Check the reference tag.  It is classified as misdirected only if the LBA in it was written
 * with the same generation.  Returns whether it was so classified.
 */
static bool judge_ref(const struct block *b, struct found *out)
{
	const struct vfy_ns *ns = b->p->ns;
	const uint64_t mask = b->p->refs ? pi_ones(pi_ref_bits(&ns->layout)) : 0;
	struct vfy_finding f = {
		.index = b->index, .field = PI_REF, .known = true, .mask = mask,
		.got = b->tuple.ref,
	};

	if (!b->p->refs)
		return false;
	f.want = pi_ref_at(&ns->layout, &ns->tags, b->lba);
	if (f.got == f.want)
		return false;
	f.from = (b->lba + f.got - f.want) & mask;
	if (b->p->room < STAMP_WORD && ns->nr_blocks - 1 <= mask && b->p->field &&
	    was_written(b->p, f.from, stamp_from_tag(b->p, tag_of(b)), b->p->apart))
		f.class = VFY_MISDIRECTED;
	add(out, f);
	return f.class;
}

/* Returns the LBA that a stamp was written for; @low is its low 32 bits. */
static uint64_t meant_for(const struct block *b, uint32_t gen, uint32_t low)
{
	const uint64_t near = (b->lba & ~(uint64_t)UINT32_MAX) | low;
	uint64_t who;

	if (stamp_has(STAMP_WHO, b->p->room) && stamp_belongs(b->stamp, STAMP_WHO, gen, low, &who))
		return (who & 0xffff) << 32 | low;
	return near < b->p->ns->nr_blocks ? near : low;
}

/* --- by the tag --- */

/*
 * Classify a block by its tag.  If the tag matches no generation but equals the value of the
 * job's option, a job without this plugin wrote the block, and the first write with the plugin
 * was lost.
 */
static enum vfy_class class_by_tag(const struct block *b)
{
	const struct pi_tags *t = &b->p->ns->tags;
	const uint64_t plain = (b->p->field == PI_STORAGE ? t->storage : t->app) & b->p->mask;

	if (b->tag_ago == VFY_GEN_NEVER && !b->state.known_before && tag_of(b) == plain)
		return VFY_LOST;
	return class_of(b, b->tag_ago);
}

static void add_flaw(const struct block *b, uint32_t gen, struct found *out)
{
	struct stamp_flaw flaw;

	stamp_find_flaw(b->stamp, b->p->room, gen, b->lba, &flaw);
	add(out, (struct vfy_finding){
		.index = b->index, .field = VFY_METADATA, .offset = b->p->at + flaw.offset,
		.known = flaw.known, .want = flaw.want, .got = flaw.got, .mask = 0xff,
	});
}

static void judge_tag(const struct block *b, struct found *out)
{
	uint32_t gen;

	if (judge_ref(b, out) || b->state.unknown)
		return;
	if (!fits(b, b->tag_ago)) {
		add(out, about_tag(b, class_by_tag(b)));
		return;
	}
	if (b->tag_ago == VFY_GEN_NEVER)
		return;
	gen = vfy_gens_before(b->p->gens, b->state.last, b->tag_ago);
	if (!stamp_whole(b->stamp, b->p->room, gen, b->lba))
		add_flaw(b, gen, out);
}

/* --- by the stamp --- */

/*
 * There is no valid stamp.  If the tag shows that a write with a stamp reached the block, the
 * stamp is corrupted; otherwise the block still holds data from before the first such write.
 */
static void no_stamp(const struct block *b, struct found *out)
{
	const struct vfy_gen_state *s = &b->state;
	const bool damaged = b->p->field ? b->tag_ago <= s->span : s->known_before;
	const uint32_t ago = b->p->field ? b->tag_ago : 0;
	struct vfy_finding f = about_stamp(b, class_of(b, b->tag_ago), 0);

	if (damaged) {
		add_flaw(b, vfy_gens_before(b->p->gens, s->last, ago), out);
		return;
	}
	if (!s->known_before)
		f.class = VFY_LOST;
	f.known = false;
	add(out, f);
}

/*
 * Check whether a copy of word 0 in the stamp is valid and belongs to another write: the block
 * is then torn.
 */
static bool judge_copies(const struct block *b, uint32_t gen, struct found *out)
{
	uint32_t other, low;

	for (uint32_t i = STAMP_AGAIN; stamp_has(i, b->p->room); i++)
		if (stamp_which(b->stamp, i, &other, &low) && low == (uint32_t)b->lba &&
		    other != gen) {
			add(out, about_stamp(b, VFY_TORN, other));
			return true;
		}
	return false;
}

/*
 * The stamp is a valid one for the block.  Check that the tag and all words of the stamp belong
 * to the same write.
 */
static void judge_parts(const struct block *b, uint32_t gen, struct found *out)
{
	const bool older = b->state.known_before && b->tag_ago <= b->state.before;

	if (b->p->field && stamp_from_tag(b->p, tag_of(b)) != gen % b->p->apart)
		add(out, about_tag(b, older ? VFY_TORN : VFY_UNCLASSED));
	if (!stamp_whole(b->stamp, b->p->room, gen, b->lba) && !judge_copies(b, gen, out))
		add_flaw(b, gen, out);
}

static void judge_stamp(const struct block *b, struct found *out)
{
	struct vfy_finding f;
	uint32_t gen, low, ago;
	bool whole = stamp_which(b->stamp, STAMP_WHICH, &gen, &low);

	f = about_stamp(b, VFY_MISDIRECTED, gen);
	f.from = whole ? meant_for(b, gen, low) : b->lba;
	if (f.from != b->lba) {
		if (!b->state.unknown || was_written(b->p, f.from, gen, VFY_GEN_MAX))
			add(out, f);
		return;
	}
	judge_ref(b, out);
	if (b->state.unknown)
		return;
	if (!whole) {
		no_stamp(b, out);
		return;
	}
	ago = vfy_gens_ago(b->p->gens, &b->state, gen, VFY_GEN_MAX);
	if (fits(b, ago))
		judge_parts(b, gen, out);
	else
		add(out, about_stamp(b, b->p->field && b->tag_ago <= b->state.span ? VFY_TORN :
				     class_of(b, ago), gen));
}

/* --- sums --- */

/*
 * Compare the data's quarters with the sums in the stamp; *@differs is set if any differs.
 * Returns VFY_TORN for what a torn write leaves: two or more adjacent wrong quarters from one
 * end of the data on.  All else is corruption of unknown cause.
 */
static enum vfy_class class_of_data(const struct block *b, bool *differs)
{
	uint32_t gen, low, torn = 1u << 0x3 | 1u << 0x7 | 1u << 0xc | 1u << 0xe | 1u << 0xf;
	unsigned wrong = 0;
	uint64_t sums, is;

	*differs = false;
	if (!stamp_which(b->stamp, STAMP_WHICH, &gen, &low) ||
	    !stamp_belongs(b->stamp, STAMP_SUMS, gen, low, &sums))
		return VFY_UNCLASSED;
	is = stamp_sums(b->data, b->p->ns->layout.data_size) ^ sums;
	for (int i = 0; i < 4; i++)
		wrong |= (is >> 12 * i & 0xfff ? 1u : 0) << i;
	*differs = wrong;
	return torn >> wrong & 1 ? VFY_TORN : VFY_UNCLASSED;
}

/* Without a guard, only the sums detect corrupted data. */
static void judge_sums(const struct block *b, struct found *out)
{
	bool differs;
	enum vfy_class class = class_of_data(b, &differs);

	if (differs)
		add(out, (struct vfy_finding){
			.index = b->index, .field = VFY_DATA, .class = class,
		});
}

/* --- an I/O --- */

static struct block block_at(const struct stamp_layout *p, const struct vfy_io *io,
			     const uint64_t *then, uint32_t i)
{
	const struct pi_layout *l = &p->ns->layout;
	struct block b = {
		.p = p, .index = i, .lba = io->lba + i, .data = io->data + i * io->data_stride,
		.md = io->md + i * io->md_stride, .tag_ago = VFY_GEN_NEVER,
	};

	b.stamp = b.md + p->at;
	b.state = vfy_gens_between(p->gens, then[i], vfy_gens_look(p->gens, b.lba));
	if (p->ns->tuples_cross)
		b.tuple = pi_tuple_get(l, b.md + pi_tuple_offset(l));
	if (p->field)
		b.tag_ago = vfy_gens_ago(p->gens, &b.state, stamp_from_tag(p, tag_of(&b)),
					 p->apart);
	return b;
}

/* Report a block that reads as unwritten or deallocated but should hold a write. */
static void judge_blank(const struct block *b, struct found *out)
{
	const bool stamped = b->p->room >= STAMP_WORD;
	struct vfy_finding f = stamped ? about_stamp(b, VFY_LOST, 0) : about_tag(b, VFY_LOST);

	f.known = !stamped;
	if (!b->state.unknown)
		add(out, f);
}

static bool is_blank(const struct block *b)
{
	const struct pi_layout *l = &b->p->ns->layout;

	if (b->p->ns->tuples_cross)
		return pi_escapes(l, &b->tuple);
	return vfy_blank(l, b->data, b->md, l->md_size);
}

static void judge_block(const struct block *b, struct found *out)
{
	if (is_blank(b)) {
		judge_blank(b, out);
		return;
	}
	if (b->p->room < STAMP_WORD)
		judge_tag(b, out);
	else
		judge_stamp(b, out);
	if (stamp_has(STAMP_SUMS, b->p->room) && !b->p->guards && !b->state.unknown)
		judge_sums(b, out);
}

enum { RUN = 64 };

/* Report wrong guards, and classify those that a torn write explains. */
static void judge_guards(const struct stamp_layout *p, const struct vfy_io *io, const uint64_t *then,
			 struct found *out)
{
	const struct pi_layout *l = &p->ns->layout;
	struct pi_error errs[RUN];

	for (uint64_t at = 0; at < io->nr; at += RUN) {
		const uint32_t n = io->nr - at < RUN ? io->nr - at : RUN;
		const uint8_t *data = io->data + at * io->data_stride;
		const uint8_t *md = l->extended ? NULL : io->md + at * io->md_stride;
		const unsigned bad = pi_verify(l, &p->ns->tags, PI_GUARD, data, md, n, errs, RUN).bad;

		for (unsigned i = 0; i < bad; i++) {
			const struct block b = block_at(p, io, then, at + errs[i].block);
			bool differs;

			add(out, (struct vfy_finding){
				.index = b.index, .field = PI_GUARD, .known = true,
				.want = errs[i].want, .got = errs[i].got,
				.mask = pi_ones(8 * l->format->guard_size),
				.class = class_of_data(&b, &differs),
			});
		}
	}
}

unsigned stamp_judge(const struct stamp_layout *p, const struct vfy_io *io, const uint64_t *then,
		     struct vfy_finding *f, unsigned max)
{
	struct found out = { .f = f, .max = max };

	for (uint32_t i = 0; i < io->nr; i++) {
		const struct block b = block_at(p, io, then, i);

		judge_block(&b, &out);
	}
	if (p->guards && p->ns->host_checks & PI_GUARD)
		judge_guards(p, io, then, &out);
	return out.nr;
}
