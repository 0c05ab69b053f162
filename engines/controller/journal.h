/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.h - what a writer is about to do, and who finishes it when the writer is killed
 *
 * Each writer has a journal in the state of the image, and names itself in the lock words of
 * the stripes that it changes.  sync.h describes the whole.
 */
#ifndef CTL_JOURNAL_H
#define CTL_JOURNAL_H

#include "types.h"

enum ctl_change {
	CTL_WRITE,		/* the blocks in the journal */
	CTL_DEALLOCATE,
	CTL_SPOIL,		/* Write Uncorrectable */
};

enum ctl_journal_state {
	CTL_JOURNAL_IDLE,	/* holds no locks */
	CTL_JOURNAL_LOCKING,	/* may hold some; nothing was changed, or all of it */
	CTL_JOURNAL_GOOD,	/* holds all it needs; to be repeated */
};

/* A run of the kernel, from its start to its end, in its own words. */
struct ctl_boot {
	char	id[40];
};

/*
 * What a writer puts here before it changes anything is complete for as long as the
 * kernel runs that has it in memory.  Of a kernel that has crashed there are pages of
 * some time each: a journal of another boot is not repeated.
 */
struct ctl_journal {
	_Atomic uint32_t	state;		/* enum ctl_journal_state */
	uint32_t		change;		/* enum ctl_change */
	uint64_t		lba;
	uint64_t		nr;
	struct ctl_boot		boot;
	uint8_t			blocks[] __attribute__((aligned(4096)));
};

static inline struct ctl_journal *ctl_journal_at(const struct ctl_image *img, unsigned nr)
{
	return (struct ctl_journal *)(img->journals + nr * img->journal_stride);
}

/* The boot of the kernel that runs now. */
struct ctl_boot ctl_this_boot(void);

/* Execute the change that @j describes, whose locks are held.  0, or -errno. */
int ctl_journal_apply(const struct ctl_image *img, const struct ctl_journal *j);

/* A lock word: the change count above, the writer (its journal + 1) below. */
#define CTL_OWNER_BITS 16
#define CTL_OWNER(word) ((word) & ((1u << CTL_OWNER_BITS) - 1))
#define CTL_NEXT(word) (((word) >> CTL_OWNER_BITS) + 1) << CTL_OWNER_BITS

/* Release the stripes that the writer @owner (its journal + 1) holds, or CTL_ANYONE. */
enum { CTL_ANYONE = 0 };		/* no journal's owner */
void ctl_release_all(struct ctl_image *img, unsigned owner);

/* Finish what the writer of journal @nr left, which is no more and at which nobody else looks. */
void ctl_recover(struct ctl_image *img, unsigned nr);

/* Could locks and journals be as writers leave them?  A damaged state's need not be. */
bool ctl_sync_is_sound(const struct ctl_image *img);

/* For a first user, alone: finish what killed writers left, and free all locks. */
void ctl_recover_all(struct ctl_image *img);

/* Bytes of the state that a journal takes up. */
size_t ctl_journal_size(void);

#endif
