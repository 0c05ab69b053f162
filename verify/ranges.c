/* SPDX-License-Identifier: GPL-2.0-only */
/* ranges.c - see ranges.h */
#include <stdlib.h>
#include <string.h>
#include "ranges.h"

#define MAX_RANGES (1u << 20)

/* Returns the index of the first range that ends at @lba - 1 or later. */
static size_t find(const struct vfy_ranges *s, uint64_t lba)
{
	size_t from = 0, to = s->nr;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (lba && s->range[mid].last < lba - 1)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool make_room(struct vfy_ranges *s)
{
	size_t room = s->room ? 2 * s->room : 16;
	struct vfy_range *more;

	if (s->nr < s->room)
		return true;
	more = s->nr < MAX_RANGES ? realloc(s->range, room * sizeof(*more)) : NULL;
	if (!more)
		return false;
	s->range = more;
	s->room = room;
	return true;
}

/* Insert a new range of one block at index @i. */
static void insert(struct vfy_ranges *s, size_t i, uint64_t lba)
{
	if (!make_room(s)) {
		s->unlisted++;
		return;
	}
	memmove(s->range + i + 1, s->range + i, (s->nr - i) * sizeof(*s->range));
	s->range[i] = (struct vfy_range){ lba, lba };
	s->nr++;
}

/* Range @i was extended at its end: merge it with the next if they now touch. */
static void join_next(struct vfy_ranges *s, size_t i)
{
	if (i + 1 == s->nr || s->range[i].last + 1 != s->range[i + 1].first)
		return;
	s->range[i].last = s->range[i + 1].last;
	s->nr--;
	memmove(s->range + i + 1, s->range + i + 2, (s->nr - i - 1) * sizeof(*s->range));
}

bool vfy_ranges_add(struct vfy_ranges *s, uint64_t lba)
{
	size_t i = find(s, lba);
	struct vfy_range *r = i < s->nr ? &s->range[i] : NULL;

	if (r && r->first <= lba && lba <= r->last)
		return false;
	s->blocks++;
	if (r && r->last < lba) {
		r->last = lba;
		join_next(s, i);
	} else if (r && r->first - 1 == lba) {
		r->first = lba;
	} else {
		insert(s, i, lba);
	}
	return true;
}

void vfy_ranges_free(struct vfy_ranges *s)
{
	free(s->range);
	*s = (struct vfy_ranges){ 0 };
}
