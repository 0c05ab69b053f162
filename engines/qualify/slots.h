/* SPDX-License-Identifier: GPL-2.0-only */
/* slots.h - many commands in flight at once, each with buffers and blocks of its own */
#ifndef QUALIFY_SLOTS_H
#define QUALIFY_SLOTS_H

#include "lab.h"

enum { SLOT_BLOCKS = 24, MAX_SLOTS = 64 };

/* Blocks that only one sequence of commands uses. */
struct window {
	uint64_t	lba;
	uint32_t	nr;
};

struct slot {
	struct lab_bufs		bufs, in;
	struct window		w;
	struct qm_tags		tags;		/* for the user of the slot */
	struct nvme_uring_cmd	cmd;
	struct qm_expect	e;
};

struct slots {
	struct slot		*slot;
	unsigned		depth;
	struct target_queue	*q;
};

/*
 * Opens a queue of @depth commands, each slot with SLOT_BLOCKS blocks of its own, or @same for all.
 * Returns false if that is not possible: the case is skipped, or has failed.
 */
bool slots_open(struct lab *l, struct slots *s, unsigned depth, bool same);
void slots_close(struct lab *l, struct slots *s);

/*
 * Makes a command for each slot by @make, with ->bufs and ->in those of the slot, sends all of them
 * at once, and checks their results.
 */
typedef struct nvme_uring_cmd slot_fn(struct lab *l, const struct slot *slot, const void *arg);
void slots_round(struct lab *l, struct slots *s, slot_fn *make, const void *arg);

#endif
