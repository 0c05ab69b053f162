/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.h - the write-ahead log of a writer, and its recovery when the writer is killed
 *
 * Each writer has a journal in the state of the image, and enters its number in the lock words of
 * the stripes that it changes.  sync.h describes the protocol.
 */
#ifndef CTL_JOURNAL_H
#define CTL_JOURNAL_H

#include "types.h"

enum ctl_change {
	CTL_WRITE,		/* write the blocks in the journal */
	CTL_DEALLOCATE,
	CTL_SPOIL,		/* Write Uncorrectable */
};

enum ctl_journal_state {
	CTL_JOURNAL_IDLE,	/* holds no locks */
	CTL_JOURNAL_LOCKING,	/* may hold locks; nothing or everything was changed */
	CTL_JOURNAL_GOOD,	/* holds all locks it needs; must be replayed */
};

/* Identifies a boot: the kernel's boot_id, a UUID as text. */
struct ctl_boot {
	char	id[40];
};

/*
 * A change that a writer has logged.  It is complete only while the kernel runs that has its pages
 * in memory.  After a kernel crash the pages on disk are of different times, so a journal of
 * another boot is not replayed.
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

/* Return the boot of the running kernel. */
struct ctl_boot ctl_this_boot(void);

/* Apply the change of @j.  The caller holds its locks.  Returns 0, or -errno. */
int ctl_journal_apply(const struct ctl_image *img, const struct ctl_journal *j);

/* Make @j, whose ->blocks are set, a change of block @lba, and apply it.  Returns 0, or -errno. */
int ctl_journal_apply_to(const struct ctl_image *img, struct ctl_journal *j, enum ctl_change change,
			 uint64_t lba);

/* A lock word: a change counter in the upper bits, the owner (its journal + 1) in the lower 16. */
#define CTL_OWNER_BITS 16
#define CTL_OWNER(word) ((word) & ((1u << CTL_OWNER_BITS) - 1))
#define CTL_NEXT(word) (((word) >> CTL_OWNER_BITS) + 1) << CTL_OWNER_BITS

/* Release all stripes of the writer @owner (its journal + 1), or of all writers (CTL_ANYONE). */
enum { CTL_ANYONE = 0 };		/* is not the owner number of any journal */
void ctl_release_all(struct ctl_image *img, unsigned owner);

/*
 * Replay journal @nr if it is good, and release its locks.  Its writer must be dead, and nobody
 * else may recover it concurrently.
 */
void ctl_recover(struct ctl_image *img, unsigned nr);

/* Return true if all locks and journals are in a state that writers can leave behind. */
bool ctl_sync_is_sound(const struct ctl_image *img);

/* Recover all journals and release all locks.  Called by a first user with the exclusive lock. */
void ctl_recover_all(struct ctl_image *img);

/* Return the size of a journal in the state, bytes. */
size_t ctl_journal_size(void);

#endif
