// SPDX-License-Identifier: GPL-2.0-only
/* slots.c - see slots.h */
#include <stdlib.h>
#include "slots.h"

static void put_command(struct lab *l, struct slots *s, unsigned tag, slot_fn *make, const void *arg)
{
	const struct target_ops *ops = l->ns->ops;
	struct slot *slot = &s->slot[tag];

	l->bufs = &slot->bufs;
	l->in = &slot->in;
	slot->cmd = make(l, slot, arg);
	slot->e = qm_expect(&l->model, &slot->cmd);
	lab_poison(l, &slot->cmd);
	*ops->command(s->q, tag) = slot->cmd;
	ops->push(s->q, l->ns, tag, 0, -1);
	l->bufs = &l->own;
	l->in = &l->input;
}

void slots_round(struct lab *l, struct slots *s, slot_fn *make, const void *arg)
{
	struct target_cqe cqes[MAX_SLOTS];

	for (unsigned i = 0; i < s->depth; i++)
		put_command(l, s, i, make, arg);
	for (unsigned done = 0; done < s->depth; ) {
		const int n = l->ns->ops->reap(s->q, cqes, 1, MAX_SLOTS, NULL);

		if (n <= 0) {
			l->broken = true;
			lab_fail(l, NULL, "completions", "reaping fails: %d", n);
			return;
		}
		for (int i = 0; i < n; i++, done++) {
			const struct slot *slot = &s->slot[cqes[i].tag];

			l->cause = NULL;
			lab_judge(l, &slot->cmd, &slot->e, cqes[i].res);
		}
	}
}

static bool make_slots(struct lab *l, struct slots *s, bool same)
{
	const uint32_t cap = l->cap;
	const uint64_t base = lab_place(l, s->depth * SLOT_BLOCKS);
	bool good = true;

	l->cap = SLOT_BLOCKS;
	for (unsigned i = 0; i < s->depth; i++) {
		struct slot *slot = &s->slot[i];

		slot->w = (struct window){ base + (same ? 0 : i) * SLOT_BLOCKS, SLOT_BLOCKS };
		slot->bufs = lab_bufs(l);
		slot->in = lab_bufs(l);
		good &= slot->bufs.data && slot->in.data;
	}
	l->cap = cap;
	return good;
}

bool slots_open(struct lab *l, struct slots *s, unsigned depth, bool same)
{
	const struct target_queue_opts o = {
		.depth = depth, .sqpoll_cpu = -1, .ns = &l->ns, .nr_ns = 1,
	};
	char why[WHY_MAX];

	*s = (struct slots){ .slot = calloc(depth, sizeof(*s->slot)), .depth = depth };
	if (l->near / 2 < depth * SLOT_BLOCKS + 64)
		l->skip = "the range is too small for so many commands at once";
	else if (!s->slot || !make_slots(l, s, same))
		l->skip = "out of memory";
	else if (l->ns->ops->queue_open(&o, &s->q, why))
		lab_fail(l, NULL, "a queue", "%s", why);
	if (s->q)
		return true;
	slots_close(l, s);
	return false;
}

void slots_close(struct lab *l, struct slots *s)
{
	if (s->q)
		l->ns->ops->queue_close(s->q);
	for (unsigned i = 0; s->slot && i < s->depth; i++) {
		lab_bufs_free(&s->slot[i].bufs);
		lab_bufs_free(&s->slot[i].in);
	}
	free(s->slot);
	*s = (struct slots){ 0 };
}
