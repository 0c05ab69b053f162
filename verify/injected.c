/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * injected.c - see injected.h
 *
 * The table is a hash table with open addressing and backward shift deletion, in shared
 * memory.  One atomic store of its word publishes, updates or deletes an entry.  An entry
 * is relocated by publishing the new slot before the old one is deleted.  Readers
 * therefore need no lock, and a process that is killed at any point leaves at worst one
 * entry in two slots, which repair() corrects.  Writers take a robust mutex.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "injected.h"
#include "hash.h"
#include "output.h"
#include "refuse.h"


enum {
	BLOCKS = 1000000,		/* maximum number of blocks, */
	SLOTS = 1 << 21,		/* and of slots: load factor below 1/2, probes are short */
	VERSION = 1,
};

/* The text "nvmfault" as a number: a file from a host of the other endianness has another value. */
static const uint64_t MAGIC = 0x746c7561666d766e;

/*
 * A slot's word.  Bits 7:0 are the state: EMPTY ends a probe, GONE holds no block but does not
 * end a probe, all others are of enum vfy_injected_state.  Bits 15:8 are @shows.  The bits above
 * count changes, so that a reader detects that the key was changed meanwhile (a seqlock).
 */
#define EMPTY	0
#define GONE	0xff
#define NEXT(word, state, shows) \
	(((word) | 0xffff) + 1 + ((uint64_t)(shows) << 8 | (uint64_t)(state)))
#define STATE(word) ((word) & 0xff)
#define SHOWS(word) ((word) >> 8 & 0xff)

struct slot {
	_Atomic uint64_t	word, ns, lba;
};

/* The shared memory, and the format of the file. */
struct injected_table {
	uint64_t		magic;
	uint32_t		version;
	uint32_t		size;		/* sizeof(struct injected_table) */
	_Atomic uint64_t	used;		/* slots in use */
	_Atomic uint64_t	moves;		/* relocations of entries */
	pthread_mutex_t		lock;		/* serialises writers */
	struct slot		slot[SLOTS];
};

/* --- look up --- */

/* Returns the slot at which the probe for a block starts. */
static size_t home(uint64_t ns, uint64_t lba)
{
	return vfy_hash(vfy_hash(ns) + lba) % SLOTS;
}

static size_t next(size_t i)
{
	return (i + 1) % SLOTS;
}

static bool in_use(uint64_t word)
{
	return STATE(word) != EMPTY && STATE(word) != GONE;
}

static bool holds(const struct slot *s, uint64_t ns, uint64_t lba)
{
	return atomic_load_explicit(&s->ns, memory_order_relaxed) == ns &&
	       atomic_load_explicit(&s->lba, memory_order_relaxed) == lba;
}

/*
 * Returns a consistent snapshot of a slot's word and of whether its key is the block's.
 * Seqlock read side: pairs with the release stores and the release fence in put_block().
 */
static uint64_t look(const struct slot *s, uint64_t ns, uint64_t lba, bool *here)
{
	uint64_t word = atomic_load_explicit(&s->word, memory_order_acquire), before;

	do {
		before = word;
		*here = in_use(word) && holds(s, ns, lba);
		atomic_thread_fence(memory_order_acquire);
		word = atomic_load_explicit(&s->word, memory_order_relaxed);
	} while (word != before);
	return word;
}

/* Returns the word of the block's slot, or a word that is not in_use() if it has none. */
static uint64_t search(const struct injected_table *b, uint64_t ns, uint64_t lba)
{
	for (size_t i = home(ns, lba), n = 0; n < SLOTS; n++, i = next(i)) {
		bool here;
		uint64_t word = look(&b->slot[i], ns, lba, &here);

		if (here || STATE(word) == EMPTY)
			return word;
	}
	return EMPTY;
}

struct vfy_injected_block vfy_injected_get(struct vfy_injected *f, uint64_t ns, uint64_t lba)
{
	uint64_t word, moves;

	do {				/* may have been relocated to a passed slot */
		moves = atomic_load_explicit(&f->table->moves, memory_order_acquire);
		word = search(f->table, ns, lba);
		atomic_thread_fence(memory_order_acquire);
	} while (!in_use(word) &&
		 moves != atomic_load_explicit(&f->table->moves, memory_order_relaxed));
	if (!in_use(word))
		return (struct vfy_injected_block){ .state = VFY_SOUND };
	return (struct vfy_injected_block){ .state = STATE(word), .shows = SHOWS(word) };
}

/* --- change, with the lock --- */

static uint64_t word_of(const struct slot *s)
{
	return atomic_load_explicit(&s->word, memory_order_relaxed);
}

/* Publish an entry.  The release pairs with the acquire load in look(). */
static void put(struct slot *s, unsigned state, unsigned shows)
{
	atomic_store_explicit(&s->word, NEXT(word_of(s), state, shows), memory_order_release);
}

/*
 * Seqlock write side: the word is GONE while the key changes.  The fence orders this store
 * before those of the key; together they pair with the acquire operations in look().
 */
static void put_block(struct slot *s, uint64_t ns, uint64_t lba, unsigned state, unsigned shows)
{
	put(s, GONE, 0);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&s->ns, ns, memory_order_relaxed);
	atomic_store_explicit(&s->lba, lba, memory_order_relaxed);
	put(s, state, shows);
}

/*
 * Returns the block's slot, or NULL if it has none; *@room is then a slot for it, or NULL if
 * the table is full.
 */
static struct slot *find(struct injected_table *b, uint64_t ns, uint64_t lba, struct slot **room)
{
	*room = NULL;
	for (size_t i = home(ns, lba), n = 0; n < SLOTS; n++, i = next(i)) {
		struct slot *s = &b->slot[i];

		if (in_use(word_of(s)) && holds(s, ns, lba))
			return s;
		if (!in_use(word_of(s)) && !*room)
			*room = s;
		if (STATE(word_of(s)) == EMPTY)
			break;
	}
	return NULL;
}

/* Returns whether the probe for the entry in slot @i visits slot @at first. */
static bool leads_by(const struct injected_table *b, size_t at, size_t i)
{
	size_t from = home(b->slot[i].ns, b->slot[i].lba);

	return (at - from) % SLOTS < (i - from) % SLOTS;
}

static void move(struct injected_table *b, size_t from, size_t to)
{
	const struct slot *s = &b->slot[from];

	put_block(&b->slot[to], s->ns, s->lba, STATE(word_of(s)), SHOWS(word_of(s)));
	/* A reader that finds the old slot GONE then sees this increment in vfy_injected_get(). */
	atomic_fetch_add_explicit(&b->moves, 1, memory_order_release);
	put(&b->slot[from], GONE, 0);
}

/*
 * Turn a slot that is GONE into EMPTY, after moving entries back whose probes pass it (backward
 * shift).  No slot stays GONE, so that probes stay short.
 */
static void close_up(struct injected_table *b, size_t hole)
{
	for (size_t i = next(hole); STATE(word_of(&b->slot[i])) != EMPTY; i = next(i))
		if (in_use(word_of(&b->slot[i])) && leads_by(b, hole, i)) {
			move(b, i, hole);
			hole = i;
		}
	put(&b->slot[hole], EMPTY, 0);
}

static void drop(struct injected_table *b, struct slot *s)
{
	put(s, GONE, 0);
	atomic_fetch_sub_explicit(&b->used, 1, memory_order_relaxed);
	close_up(b, s - b->slot);
}

static int add(struct injected_table *b, struct slot *s, uint64_t ns, uint64_t lba,
	       struct vfy_injected_block blk)
{
	if (!s || atomic_load_explicit(&b->used, memory_order_relaxed) >= BLOCKS)
		return -ENOSPC;
	atomic_fetch_add_explicit(&b->used, 1, memory_order_relaxed);
	put_block(s, ns, lba, blk.state, blk.shows);
	return 0;
}

/*
 * Repair the table after a process was killed while it changed it: remove the second copy of a
 * relocated entry, correct the count, and turn GONE slots into EMPTY.
 */
static void repair(struct injected_table *b)
{
	uint64_t used = 0;
	struct slot *room;

	for (struct slot *s = b->slot; s < b->slot + SLOTS; s++) {
		if (in_use(word_of(s)) && find(b, s->ns, s->lba, &room) != s)
			put(s, GONE, 0);
		used += in_use(word_of(s));
	}
	atomic_store_explicit(&b->used, used, memory_order_relaxed);
	for (size_t i = SLOTS; i--;)
		if (STATE(word_of(&b->slot[i])) == GONE)
			close_up(b, i);
}

static void lock(struct injected_table *b)
{
	if (pthread_mutex_lock(&b->lock) != EOWNERDEAD)
		return;
	repair(b);
	pthread_mutex_consistent(&b->lock);
}

int vfy_injected_set(struct vfy_injected *f, uint64_t ns, uint64_t lba, struct vfy_injected_block blk)
{
	struct slot *room, *s;
	int err = 0;

	lock(f->table);
	s = find(f->table, ns, lba, &room);
	if (s && blk.state == VFY_SOUND)
		drop(f->table, s);
	else if (s)
		put(s, blk.state, blk.shows);
	else if (blk.state != VFY_SOUND)
		err = add(f->table, room, ns, lba, blk);
	pthread_mutex_unlock(&f->table->lock);
	return err;
}

static void mark(struct injected_table *b, struct slot *s, enum vfy_injected_state state)
{
	if (state == VFY_SOUND)
		drop(b, s);
	else
		put(s, state, SHOWS(word_of(s)));
}

static bool in_range(const struct slot *s, uint64_t ns, uint64_t lba, uint64_t nr)
{
	return in_use(word_of(s)) && s->ns == ns && s->lba >= lba && s->lba - lba < nr;
}

static void mark_blocks(struct injected_table *b, uint64_t ns, uint64_t lba, uint64_t nr,
			enum vfy_injected_state state)
{
	for (uint64_t i = 0; i < nr; i++) {
		struct slot *room, *s = find(b, ns, lba + i, &room);

		if (s)
			mark(b, s, state);
	}
}

/* Mark by visiting all slots, for ranges that have more blocks than there are slots. */
static void mark_slots(struct injected_table *b, uint64_t ns, uint64_t lba, uint64_t nr,
		       enum vfy_injected_state state)
{
	for (struct slot *s = b->slot; s < b->slot + SLOTS; s++)
		while (in_range(s, ns, lba, nr)) {
			mark(b, s, state);
			if (state != VFY_SOUND)
				break;		/* a drop may have moved another entry here */
		}
}

void vfy_injected_mark(struct vfy_injected *f, uint64_t ns, uint64_t lba, uint64_t nr,
		     enum vfy_injected_state state)
{
	struct injected_table *b = f->table;

	if (vfy_injected_none(f))
		return;
	lock(b);
	if (nr > SLOTS / 16)
		mark_slots(b, ns, lba, nr, state);
	else
		mark_blocks(b, ns, lba, nr, state);
	pthread_mutex_unlock(&b->lock);
}

/* --- open --- */

static int init_lock(struct injected_table *b)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return err;
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	err = pthread_mutex_init(&b->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return err;
}

static bool is_table(const struct injected_table *b)
{
	return b->magic == MAGIC && b->version == VERSION && b->size == sizeof(*b);
}

/*
 * Initialise or check the mapped table.  The process that opens the file first creates it, or
 * recovers what an earlier run left; the state of its mutex is then meaningless.  For later
 * processes the table is ready.  Returns what is wrong, or NULL.
 */
static const char *take_over(struct injected_table *b, bool first, bool fresh)
{
	/* The process that created the file was killed before it stored the magic, which comes last. */
	fresh |= first && !b->magic && (!b->version || b->version == VERSION) && !b->used;
	if (!fresh && !is_table(b))
		return b->magic == MAGIC ? "is of another version" : "is not a table of injected blocks";
	if (!first)
		return NULL;
	if (init_lock(b))
		return "can't hold a lock";
	if (!fresh)
		repair(b);
	b->version = VERSION;
	b->size = sizeof(*b);
	b->magic = MAGIC;
	return NULL;
}

static const char *map(struct vfy_injected *f, bool first, bool fresh)
{
	const int flags = MAP_SHARED | MAP_NORESERVE | (f->fd < 0 ? MAP_ANONYMOUS : 0);
	const int prot = f->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
	const char *wrong;

	f->table = mmap(NULL, sizeof(*f->table), prot, flags, f->fd, 0);
	if (f->table == MAP_FAILED)
		return strerror(errno);
	wrong = take_over(f->table, first, fresh);
	if (wrong)
		munmap(f->table, sizeof(*f->table));
	return wrong;
}

/*
 * Allocate disk space for the whole file: otherwise an access to the mapping raises SIGBUS on a
 * full disk.  File systems without fallocate() cannot promise space.
 */
static const char *reserve(int fd)
{
	int ret;

	do
		ret = fallocate(fd, 0, 0, sizeof(struct injected_table));
	while (ret && errno == EINTR);
	return ret && errno != EOPNOTSUPP ? strerror(errno) : NULL;
}

/*
 * Map the file.  If no other process has it open, an exclusive lock keeps others out until it
 * is mapped.
 */
static const char *map_locked(struct vfy_injected *f)
{
	bool first = !flock(f->fd, LOCK_EX | LOCK_NB);
	const char *wrong;
	struct stat st;
	bool fresh;

	if (!first && flock(f->fd, LOCK_SH))
		return strerror(errno);
	if (fstat(f->fd, &st))
		return strerror(errno);
	fresh = first && !st.st_size;
	if (!fresh && st.st_size != sizeof(struct injected_table))
		return "is not a table of injected blocks";
	if (fresh && ftruncate(f->fd, sizeof(struct injected_table)))
		return strerror(errno);
	wrong = reserve(f->fd);
	wrong = wrong ? wrong : map(f, first, fresh);
	if (wrong && fresh && ftruncate(f->fd, 0))
		return strerror(errno);
	return wrong;
}

/*
 * Open and map a file that this user can't write.  No lock is taken: the next writer has to see
 * that it is the first, and to recover the table.
 */
static const char *map_to_read(struct vfy_injected *f, const char *path)
{
	const char *wrong = NULL;
	struct stat st;

	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return strerror(errno);
	f->read_only = true;
	if (fstat(f->fd, &st))
		wrong = strerror(errno);
	else if (st.st_size != sizeof(struct injected_table))
		wrong = "is not a table of injected blocks";
	wrong = wrong ? wrong : map(f, false, false);
	if (wrong)
		close(f->fd);
	return wrong;
}

/* Open and map the file.  It is locked shared as long as any process has it open. */
static const char *map_file(struct vfy_injected *f, const char *path, bool write)
{
	const char *wrong;
	bool created;

	f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	created = f->fd >= 0;
	if (f->fd < 0 && errno == EEXIST)
		f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (f->fd < 0 && !write && (errno == EACCES || errno == EPERM || errno == EROFS))
		return map_to_read(f, path);
	if (f->fd < 0)
		return strerror(errno);
	wrong = map_locked(f);
	if (wrong && created)
		unlink(path);
	/* Unlock explicitly: a child that was forked meanwhile has the same open file. */
	flock(f->fd, wrong ? LOCK_UN : LOCK_SH);
	if (wrong)
		close(f->fd);
	return wrong;
}

struct vfy_injected *vfy_injected_open(const char *path, bool write, char *why)
{
	/* No .ours: map_locked() checks the contents. */
	const struct vfy_output o = { .use = VFY_USE_BOOK, .path = path };
	struct vfy_injected *f;
	const char *wrong = "out of memory";

	if (path && vfy_output_check(&o, why))
		return NULL;
	f = malloc(sizeof(*f));
	if (f) {
		*f = (struct vfy_injected){ .fd = -1 };
		wrong = path ? map_file(f, path, write) : map(f, true, true);
	}
	if (!wrong) {
		f->used = &f->table->used;
		return f;
	}
	refuse(why, EINVAL, "pi_inject_file: %.150s: %s", path ? path : "memory", wrong);
	free(f);
	return NULL;
}

void vfy_injected_close(struct vfy_injected *f)
{
	munmap(f->table, sizeof(*f->table));
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}
