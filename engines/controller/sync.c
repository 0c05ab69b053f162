// SPDX-License-Identifier: GPL-2.0-only
/* sync.c - see sync.h */
#include <sched.h>
#include "sync.h"

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Turns of waiting: so many at once, and after so many more ask for the writer. */
#define SPINS 128
#define YIELDS 2048

/* Wait for a stripe to be free.  0, or -errno. */
static int wait_free(struct ctl_port *port, unsigned i)
{
	uint64_t word;

	for (unsigned turn = 1; CTL_OWNER(word = atomic_load(&port->image->locks[i])); turn++) {
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

/* The stripes of a range, by their place in the table, where they may wrap. */
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

static int lock_one(struct ctl_port *port, unsigned i)
{
	_Atomic uint64_t *lock = &port->image->locks[i];
	uint64_t word = atomic_load_explicit(lock, memory_order_relaxed);

	while (CTL_OWNER(word) || !atomic_compare_exchange_weak(lock, &word, word | (port->nr + 1))) {
		int ret = CTL_OWNER(word) ? wait_free(port, i) : 0;

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
		ret = lock_one(port, i);
	return ret;
}

/* In the order of places, everyone: no two wait for each other. */
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
		/* Nobody may see a block change before its lock. */
		atomic_thread_fence(memory_order_release);
		atomic_store_explicit(&j->state, CTL_JOURNAL_GOOD, memory_order_release);
		ret = ctl_journal_apply(port->image, j);
		atomic_store_explicit(&j->state, CTL_JOURNAL_LOCKING, memory_order_release);
		unlock_range(port, s);
	}
	atomic_store_explicit(&j->state, CTL_JOURNAL_IDLE, memory_order_release);
	return ret;
}

/*
 * Blocks are read while somebody may write them, and count only if nobody did: of these reads,
 * between begin and end, ThreadSanitizer is to say nothing.
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

/* Words only ever grow, so their sum stays the same only if each of them does. */
int ctl_read_begin(struct ctl_port *port, uint64_t lba, uint64_t nr, uint64_t *seen)
{
	const struct stripes s = stripes_of(lba, nr);

	*seen = 0;
	for (uint64_t i = s.first; i <= s.last; i++) {
		_Atomic uint64_t *lock = &port->image->locks[place(i)];
		uint64_t word;

		while (CTL_OWNER(word = atomic_load_explicit(lock, memory_order_acquire))) {
			int ret = wait_free(port, place(i));

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
	atomic_thread_fence(memory_order_acquire);
	for (uint64_t i = s.first; i <= s.last; i++)
		seen -= atomic_load_explicit(&port->image->locks[place(i)], memory_order_relaxed);
	return !seen;
}
