/* SPDX-License-Identifier: GPL-2.0-only */
/* stamp-layout.c - decide what carries the generation: see stamp-layout.h */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "refuse.h"
#include "stamp-layout.h"

/* Generations in fewer bits repeat too soon to be useful. */
enum { LEAST_BITS = 8 };

enum { NO_SHIFT = 64 };

static void use_tag(struct stamp_layout *p, unsigned field, uint64_t mask, unsigned spare)
{
	const unsigned bits = __builtin_popcountll(mask);

	if (p->field || bits < LEAST_BITS)
		return;
	p->field = field;
	p->mask = mask;
	p->shift = __builtin_ctzll(mask);
	if (mask >> p->shift != pi_ones(bits))
		p->shift = NO_SHIFT;
	p->apart = bits >= 24 ? VFY_GEN_MAX : (1u << bits) - spare;
}

static void find_room(struct stamp_layout *p)
{
	const struct pi_layout *l = &p->ns->layout;
	const uint32_t tuple = l->type == PI_NONE ? 0 : l->format->tuple_size;

	if (!p->ns->md_crosses)
		return;
	p->room = l->md_size - tuple;
	p->at = l->type != PI_NONE && l->first ? tuple : 0;
}

/*
 * Returns whether blocks escape with the tags of the options, unless a generation is in the
 * application tag.
 */
static bool always_escapes(const struct vfy_ns *ns)
{
	const struct pi_fields f = { .app = ns->tags.app, .ref = ns->tags.ref };

	return pi_escapes(&ns->layout, &f);
}

int stamp_layout(const struct vfy_ns *ns, struct stamp_layout *p, char *why)
{
	const struct pi_layout *l = &ns->layout;

	*p = (struct stamp_layout){ .ns = ns };
	if (ns->tuples_cross) {
		p->refs = l->type != PI_TYPE3;
		use_tag(p, PI_STORAGE, ns->tags.storage_mask & pi_ones(l->sts), 0);
		use_tag(p, PI_APP, ns->tags.app_mask, 1);
	}
	find_room(p);
	if (!p->field && p->room < STAMP_WORD)
		return refuse(why, EINVAL, "%s: no space for a generation: no transferred tag has %d "
			      "free bits (pi_act, apptag_mask), and there are no %d bytes of metadata beyond the tuple",
			      ns->path, LEAST_BITS, STAMP_WORD);
	if (ns->tuples_cross && p->field != PI_APP && always_escapes(ns))
		return refuse(why, EINVAL, "%s: with this application tag blocks escape all checks, as those "
			      "never written do: give another apptag", ns->path);
	if (!p->field)
		p->apart = VFY_GEN_MAX;
	p->guards = ns->tuples_cross && stamp_has(STAMP_SUMS, p->room);
	return 0;
}

unsigned stamp_owns(const struct stamp_layout *p)
{
	return p->field | (p->refs ? PI_REF : 0) | (p->guards ? PI_GUARD : 0) |
	       (p->room ? VFY_METADATA : 0);
}

/* --- tags --- */

uint64_t stamp_to_tag(const struct stamp_layout *p, uint32_t gen)
{
	uint64_t tag = 0;

	gen %= p->apart;
	if (p->shift != NO_SHIFT)
		return (uint64_t)gen << p->shift;
	for (uint64_t rest = p->mask; rest; rest &= rest - 1, gen >>= 1)
		tag |= gen & 1 ? rest & -rest : 0;
	return tag;
}

/* Returns UINT32_MAX, a generation that never exists, for bits that no generation sets. */
uint32_t stamp_from_tag(const struct stamp_layout *p, uint64_t tag)
{
	uint64_t gen = 0, bit = 1;

	if (p->shift != NO_SHIFT)
		gen = (tag & p->mask) >> p->shift;
	for (uint64_t rest = p->shift == NO_SHIFT ? p->mask : 0; rest; rest &= rest - 1, bit <<= 1)
		gen |= tag & rest & -rest ? bit : 0;
	return gen < p->apart ? gen : UINT32_MAX;
}

/* --- descriptions --- */

static const char *tag_name(const struct stamp_layout *p)
{
	return p->field == PI_STORAGE ? "storage tag" : "application tag";
}

static void describe_carriers(const struct stamp_layout *p, char *text, size_t size)
{
	size_t n = 0;

	if (p->field)
		n = snprintf(text, size, "%u in the %s", p->apart, tag_name(p));
	if (p->room >= STAMP_WORD)
		snprintf(text + n, size - n, "%s%u in stamps of %u bytes", n ? ", " : "",
			 VFY_GEN_MAX, p->room);
	else if (p->room)
		snprintf(text + n, size - n, ", their first %u bytes in the metadata", p->room);
}

/* Returns whether the reference tag distinguishes all LBAs. */
static bool refs_name_all(const struct stamp_layout *p)
{
	const unsigned bits = p->refs ? pi_ref_bits(&p->ns->layout) : 0;

	return bits >= 64 || p->ns->nr_blocks <= 1ULL << bits;
}

static void describe_blindness(const struct stamp_layout *p, char *text, size_t size)
{
	size_t n = snprintf(text, size, "whether a trim or Write Zeroes arrived");

	if (p->room < STAMP_WORD && !p->refs)
		n += snprintf(text + n, size - n, ", where a misdirected write came from (it shows as "
			      "another class, or not at all where generations are the same)");
	else if (p->room < STAMP_WORD && !refs_name_all(p))
		n += snprintf(text + n, size - n, ", where a misdirected write came from");
	if (!stamp_has(STAMP_SUMS, p->room))
		n += snprintf(text + n, size - n, ", torn from damaged data");
	if (p->room < STAMP_WORD)
		snprintf(text + n, size - n, ", a write that is a multiple of %u generations old",
			 p->apart);
}

void stamp_describe(const struct stamp_layout *p, const char *path, char line[STAMP_LINE_MAX])
{
	char carriers[120], blindness[300];

	describe_carriers(p, carriers, sizeof(carriers));
	describe_blindness(p, blindness, sizeof(blindness));
	snprintf(line, STAMP_LINE_MAX, "stamp: %s: generations told apart: %s; 8 bytes per block in %s; "
		 "can't tell: %s", p->ns->path, carriers, path, blindness);
}

void stamp_text(const struct stamp_layout *p, char text[VFY_GEN_TEXT])
{
	const struct pi_layout *l = &p->ns->layout;

	snprintf(text, VFY_GEN_TEXT, "nvmepi generations 3\nblocks %" PRIu64 " of %u+%u\n"
		 "type %u, guard of %u bytes, %s, storage tag of %u bits\n"
		 "generations in %s, bits %" PRIx64 "h; in %u bytes of metadata\n"
		 "of %s\n",
		 p->ns->nr_blocks, l->data_size, l->md_size, l->type,
		 l->type == PI_NONE ? 0 : l->format->guard_size, l->first ? "first" : "last",
		 l->sts, p->field ? tag_name(p) : "no tag", p->mask, p->room, p->ns->identity);
}
