/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * written.c - see written.h
 *
 * All maps are in one memfd, which is created when the engine is loaded: with
 * create_serialize=0 jobs are separate processes before they open any file.  The memfd is
 * sparse, and only those pages of a map are read in which a bit was ever set.
 *
 * The blocks of a region share a counter of how often blocks were entered, and each block
 * counts how many changing commands started and ended.  By them a job detects without a lock
 * whether anything happened between two moments: the entered counter is incremented before a
 * bit is set, and the ended counter after bits were cleared.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "refuse.h"
#include "written.h"

enum {
	MAPS = 2048,			/* maximum number per run: two per namespace */
	REGIONS = VFY_WRITTEN_REGIONS,
	REGION_SHIFT = VFY_WRITTEN_SHIFT,
	CHANGES = 1 << 16,		/* counters of changing commands */
	PAGE_SHIFT = REGION_SHIFT + 5,	/* log2 of the blocks whose bits fill a page */
};

/* The map of a namespace, as it is in the memfd; its bits follow. */
struct vfy_written_map {
	_Atomic uint64_t kind;
	_Atomic uint32_t writers;	/* number of jobs that joined */
	_Atomic uint32_t mixed;		/* they write different kinds of blocks */
	_Atomic uint32_t changing;	/* was any block ever changed by a command that is no write? */
	_Atomic uint32_t entered[REGIONS];
	struct vfy_written_changes changes[CHANGES];
	_Atomic uint8_t	touched[];	/* per page of bits: has any been set? */
};

/* The start of the memfd. */
struct index {
	pthread_mutex_t	lock;
	uint32_t	nr;
	uint64_t	end;		/* offset of the next map */
	struct {
		uint64_t ns, nr_blocks, at;
	} map[MAPS];
};

static int file = -1;
static struct index *all;

/* --- open --- */

static uint64_t rounded(uint64_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

__attribute__((constructor)) static void make_file(void)
{
	pthread_mutexattr_t attr;

	file = memfd_create("nvmepi-written", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, rounded(sizeof(*all))))
		return;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (all == MAP_FAILED) {
		all = NULL;
		return;
	}
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&all->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	all->end = rounded(sizeof(*all));
}

static void lock(void)
{
	if (pthread_mutex_lock(&all->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&all->lock);	/* an entry is valid only below ->nr */
}

static uint64_t pages_of(uint64_t nr_blocks)
{
	return (nr_blocks >> PAGE_SHIFT) + 1;
}

static uint64_t head_size(uint64_t nr_blocks)
{
	return rounded(sizeof(struct vfy_written_map) + pages_of(nr_blocks));
}

static uint64_t map_size(uint64_t nr_blocks)
{
	return head_size(nr_blocks) + pages_of(nr_blocks) * (1 << (PAGE_SHIFT - 3));
}

/*
 * Returns the offset of a map in the memfd; creates it if needed.  Returns 0 if there is no
 * space for it.  The caller holds the lock.
 */
static uint64_t place(uint64_t ns, uint64_t nr_blocks)
{
	for (uint32_t i = 0; i < all->nr; i++)
		if (all->map[i].ns == ns && all->map[i].nr_blocks == nr_blocks)
			return all->map[i].at;
	if (all->nr == MAPS || ftruncate(file, all->end + map_size(nr_blocks)))
		return 0;
	all->map[all->nr].ns = ns;
	all->map[all->nr].nr_blocks = nr_blocks;
	all->map[all->nr].at = all->end;
	all->end += rounded(map_size(nr_blocks));
	return all->map[all->nr++].at;
}

struct vfy_written *vfy_written_open(uint64_t ns, uint64_t nr_blocks, char *why)
{
	struct vfy_written *w = calloc(1, sizeof(*w));
	uint64_t at = 0;

	if (all) {
		lock();
		at = place(ns, nr_blocks);
		pthread_mutex_unlock(&all->lock);
	}
	if (!w || !at) {
		free(w);
		refuse(why, ENOMEM, "no memory to share which blocks are written, for %u namespaces "
		       "at most", MAPS / 2);
		return NULL;
	}
	w->size = map_size(nr_blocks);
	w->map = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, at);
	if (w->map == MAP_FAILED) {
		free(w);
		refuse(why, errno, "no memory to share which blocks are written: %s", strerror(errno));
		return NULL;
	}
	w->writers = &w->map->writers;
	w->changing = &w->map->changing;
	w->entered = w->map->entered;
	w->changes = w->map->changes;
	w->touched = w->map->touched;
	w->bits = (void *)((uint8_t *)w->map + head_size(nr_blocks));
	return w;
}

void vfy_written_close(struct vfy_written *w)
{
	if (w)
		munmap(w->map, w->size);
	free(w);
}

void vfy_written_join(struct vfy_written *w, uint64_t kind)
{
	lock();
	if (w->map->writers++ && w->map->kind != kind)
		w->map->mixed = 1;
	w->map->kind = kind;
	pthread_mutex_unlock(&all->lock);
}

bool vfy_written_alike(const struct vfy_written *w, uint64_t kind)
{
	return !w->map->mixed && w->map->kind == kind;
}

bool vfy_written_differs(const struct vfy_written *w, uint64_t kind)
{
	return *w->writers && !vfy_written_alike(w, kind);
}

/* --- counters --- */

static struct vfy_written_changes *changes_of(const struct vfy_written *w, uint64_t lba)
{
	return &w->changes[lba % CHANGES];
}

/* Returns how many counters @nr blocks from @lba on have. */
static uint64_t counters(uint64_t nr)
{
	return nr < CHANGES ? nr : CHANGES;
}

uint64_t vfy_written_write_starts_far(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < counters(nr); i++)
		sum += changes_of(w, lba + i)->started;
	return sum;
}

uint64_t vfy_written_read_starts_far(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	const uint64_t first = lba >> REGION_SHIFT, last = (lba + nr - 1) >> REGION_SHIFT;
	uint64_t sum = vfy_written_write_starts(w, lba, nr);

	for (uint64_t r = first; r <= last && r < first + REGIONS; r++)
		sum += w->entered[r % REGIONS];
	return sum;
}

/* Returns whether a changing command is in flight for any of the blocks. */
static bool is_changing(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	for (uint64_t i = 0; *w->changing && i < counters(nr); i++)
		if (changes_of(w, lba + i)->started != changes_of(w, lba + i)->ended)
			return true;
	return false;
}

/* --- bits --- */

/* Some bits of one word. */
struct part {
	uint64_t	word, mask;
	uint64_t	nr;		/* number of blocks in it */
};

/* Returns the part of a word for the blocks from @lba on, at most @nr. */
static struct part part_at(uint64_t lba, uint64_t nr)
{
	struct part p = { .word = lba / 64, .nr = 64 - lba % 64 };

	if (p.nr > nr)
		p.nr = nr;
	p.mask = (p.nr == 64 ? ~0ULL : (1ULL << p.nr) - 1) << lba % 64;
	return p;
}

/*
 * Returns the number of blocks, at most @nr, up to the end of a page in which no bit was ever
 * set, or 0 if any was.
 */
static uint64_t untouched(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	uint64_t left = (1ULL << PAGE_SHIFT) - (lba & ((1ULL << PAGE_SHIFT) - 1));

	if (w->touched[lba >> PAGE_SHIFT])
		return 0;
	return left < nr ? left : nr;
}

bool vfy_written_any_far(const struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	while (nr) {
		uint64_t n = untouched(w, lba, nr);

		if (!n) {
			struct part p = part_at(lba, nr);

			if (atomic_load_explicit(&w->bits[p.word], memory_order_relaxed) & p.mask)
				return true;
			n = p.nr;
		}
		lba += n;
		nr -= n;
	}
	return false;
}

static void drop(struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	while (nr) {
		uint64_t n = untouched(w, lba, nr);

		if (!n) {
			struct part p = part_at(lba, nr);

			if (w->bits[p.word] & p.mask)
				w->bits[p.word] &= ~p.mask;
			n = p.nr;
		}
		lba += n;
		nr -= n;
	}
}

/* Enter the blocks of a part.  The counter is incremented before the bits are visible. */
static void enter(struct vfy_written *w, uint64_t lba, struct part p)
{
	if (!w->touched[lba >> PAGE_SHIFT])
		w->touched[lba >> PAGE_SHIFT] = 1;
	w->entered[(lba >> REGION_SHIFT) % REGIONS]++;
	w->bits[p.word] |= p.mask;
}

void vfy_written_put_far(struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then)
{
	const uint64_t from = lba, all_blocks = nr;
	bool entered = false;

	if (is_changing(w, lba, nr) || vfy_written_write_starts(w, lba, nr) != then)
		return;
	while (nr) {
		struct part p = part_at(lba, nr);

		if (!w->touched[lba >> PAGE_SHIFT] || (w->bits[p.word] & p.mask) != p.mask) {
			enter(w, lba, p);
			entered = true;
		}
		lba += p.nr;
		nr -= p.nr;
	}
	/* A changing command that started meanwhile may have been executed after the write. */
	if (entered && vfy_written_write_starts(w, from, all_blocks) != then)
		drop(w, from, all_blocks);
}

void vfy_written_change_starts(struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	w->map->changing = 1;
	for (uint64_t i = 0; i < counters(nr); i++)
		changes_of(w, lba + i)->started++;
	drop(w, lba, nr);
}

void vfy_written_change_ends(struct vfy_written *w, uint64_t lba, uint64_t nr)
{
	drop(w, lba, nr);
	for (uint64_t i = 0; i < counters(nr); i++)
		changes_of(w, lba + i)->ended++;
}

bool vfy_written_throughout(const struct vfy_written *w, uint64_t lba, uint64_t nr, uint64_t then,
			    uint64_t block)
{
	return vfy_written_any(w, block, 1) && !is_changing(w, lba, nr) &&
	       vfy_written_read_starts(w, lba, nr) == then;
}
