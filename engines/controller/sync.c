// SPDX-License-Identifier: GPL-2.0-only
/* sync.c - see sync.h */
#include <sched.h>
#include "cache.h"
#include "sync.h"
#include "zones.h"

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Spin SPINS times, then yield; check every YIELDS turns whether the writer is dead. */
#define SPINS 128
#define YIELDS 2048

/* Wait until @lock is free.  Returns 0, or -errno. */
static int wait_free(struct ctl_port *port, const _Atomic uint64_t *lock)
{
	uint64_t word;

	for (unsigned turn = 1; CTL_OWNER(word = atomic_load(lock)); turn++) {
		int ret = 0;

		if (turn < SPINS)
			relax();
		else
			sched_yield();
		if (turn % YIELDS == 0)
			ret = ctl_recover_if_dead(port, CTL_OWNER(word) - 1);
		if (ret)
			return ret;
	}
	return 0;
}

/* The stripes of a range.  Several stripes share one lock, lock place(stripe). */
struct stripes {
	uint64_t first, last;
};

static struct stripes stripes_of(uint64_t lba, uint64_t nr)
{
	return (struct stripes){ lba / CTL_STRIPE_BLOCKS, (lba + nr - 1) / CTL_STRIPE_BLOCKS };
}

static unsigned place(uint64_t stripe)
{
	return stripe % CTL_NR_STRIPES;
}

static int lock_one(struct ctl_port *port, _Atomic uint64_t *lock)
{
	uint64_t word = atomic_load_explicit(lock, memory_order_relaxed);

	while (CTL_OWNER(word) || !atomic_compare_exchange_weak(lock, &word, word | (port->nr + 1))) {
		int ret = CTL_OWNER(word) ? wait_free(port, lock) : 0;

		if (ret)
			return ret;
		word = atomic_load_explicit(lock, memory_order_relaxed);
	}
	return 0;
}

static int lock_places(struct ctl_port *port, unsigned from, unsigned to)
{
	int ret = 0;

	for (unsigned i = from; i <= to && !ret; i++)
		ret = lock_one(port, &port->image->locks[i]);
	return ret;
}

/* All writers take locks in ascending order of their index, so they cannot deadlock. */
static int lock_range(struct ctl_port *port, struct stripes s)
{
	int ret;

	if (place(s.first) <= place(s.last))
		return lock_places(port, place(s.first), place(s.last));
	ret = lock_places(port, 0, place(s.last));
	return ret ? ret : lock_places(port, place(s.first), CTL_NR_STRIPES - 1);
}

static void unlock_range(struct ctl_port *port, struct stripes s)
{
	for (uint64_t i = s.first; i <= s.last; i++) {
		_Atomic uint64_t *lock = &port->image->locks[place(i)];
		uint64_t word = atomic_load_explicit(lock, memory_order_relaxed);

		/* Pairs with the acquire load in ctl_read_begin() and the exchange in lock_one(). */
		atomic_store_explicit(lock, CTL_NEXT(word), memory_order_release);
	}
}

int ctl_change(struct ctl_port *port, enum ctl_change change, uint64_t lba, uint64_t nr)
{
	const struct stripes s = stripes_of(lba, nr);
	struct ctl_journal *j = port->journal;
	int ret;

	j->change = change;
	j->lba = lba;
	j->nr = nr;
	atomic_store_explicit(&j->state, CTL_JOURNAL_LOCKING, memory_order_release);
	ret = lock_range(port, s);
	if (ret) {
		ctl_release_all(port->image, port->nr + 1);
	} else {
		if (port->image->cache)
			ctl_cache_keep(port->image, port->nr, change, lba, nr);
		/*
		 * Order the locks before the changes: who sees a changed block sees its lock, too.
		 * Pairs with the acquire fence in ctl_read_end().
		 */
		atomic_thread_fence(memory_order_release);
		/* Publishes the journal's contents; pairs with the load in is_to_be_repeated(). */
		atomic_store_explicit(&j->state, CTL_JOURNAL_GOOD, memory_order_release);
		ret = ctl_journal_apply(port->image, j);
		/* The change is complete before it is no longer replayed. */
		atomic_store_explicit(&j->state, CTL_JOURNAL_LOCKING, memory_order_release);
		unlock_range(port, s);
	}
	atomic_store_explicit(&j->state, CTL_JOURNAL_IDLE, memory_order_release);
	return ret;
}

/*
 * Seqlock readers read blocks while a writer may change them, and discard the result in that case.
 * Hide these reads, between begin and end, from ThreadSanitizer.
 */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#define RACY_READS_BEGIN() AnnotateIgnoreReadsBegin(__FILE__, __LINE__)
#define RACY_READS_END() AnnotateIgnoreReadsEnd(__FILE__, __LINE__)
#else
#define RACY_READS_BEGIN() ((void)0)
#define RACY_READS_END() ((void)0)
#endif

/*
 * Seqlock read side.  Lock words are monotonic, so an unchanged sum means that no stripe changed.
 * The acquire load pairs with the release store in unlock_range(): a free word means that its
 * writer's changes are visible.
 */
int ctl_read_begin(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t *seen)
{
	const struct stripes s = stripes_of(lba, nr);

	*seen = 0;
	for (uint64_t i = s.first; i <= s.last; i++) {
		_Atomic uint64_t *lock = &port->image->locks[place(i)];
		uint64_t word;

		while (CTL_OWNER(word = atomic_load_explicit(lock, memory_order_acquire))) {
			int ret = wait_free(port, lock);

			if (ret)
				return ret;
		}
		*seen += word;
	}
	RACY_READS_BEGIN();
	return 0;
}

bool ctl_read_end(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t seen)
{
	const struct stripes s = stripes_of(lba, nr);

	RACY_READS_END();
	/* Order the reads of blocks before these loads; pairs with the fence in ctl_change(). */
	atomic_thread_fence(memory_order_acquire);
	for (uint64_t i = s.first; i <= s.last; i++)
		seen -= atomic_load_explicit(&port->image->locks[place(i)], memory_order_relaxed);
	return !seen;
}

int ctl_zones_lock(struct ctl_port *port)
{
	return lock_one(port, &port->image->zones->lock);
}

void ctl_zones_unlock(struct ctl_port *port)
{
	_Atomic uint64_t *lock = &port->image->zones->lock;

	atomic_store(lock, CTL_NEXT(atomic_load(lock)));
}

int ctl_zones_read_begin(struct ctl_port *port, uint64_t *seen)
{
	const _Atomic uint64_t *lock = &port->image->zones->lock;

	while (CTL_OWNER(*seen = atomic_load(lock))) {
		int ret = wait_free(port, lock);

		if (ret)
			return ret;
	}
	return 0;
}

bool ctl_zones_read_end(struct ctl_port *port, uint64_t seen)
{
	return atomic_load(&port->image->zones->lock) == seen;
}
