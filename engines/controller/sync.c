// SPDX-License-Identifier: GPL-2.0-only
/* sync.c - see sync.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sync.h"

/* --- the journal --- */

enum journal_state {
	IDLE,			/* holds no locks */
	LOCKING,		/* may hold some; nothing was changed, or all of it */
	GOOD,			/* holds all it needs; to be repeated */
};

/* A run of the kernel, from its start to its end, in its own words. */
struct boot {
	char	id[40];
};

/*
 * What a writer puts here before it changes anything is complete for as long as the
 * kernel runs that has it in memory.  Of a kernel that has crashed there are pages of
 * some time each: a journal of another boot is not repeated.
 */
struct ctl_journal {
	_Atomic uint32_t	state;		/* enum journal_state */
	uint32_t		change;		/* enum ctl_change */
	uint64_t		lba;
	uint64_t		nr;
	struct boot		boot;
	uint8_t			blocks[] __attribute__((aligned(4096)));
};

size_t ctl_journal_size(void)
{
	return sizeof(struct ctl_journal) + CTL_JOURNAL_BYTES;
}

static struct ctl_journal *journal_at(const struct ctl_image *img, unsigned nr)
{
	return (struct ctl_journal *)(img->journals + nr * img->journal_stride);
}

/* A system that doesn't say has one boot, as it were. */
static struct boot this_boot(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	struct boot boot = { "" };

	if (fd < 0)
		return boot;
	if (read(fd, boot.id, sizeof(boot.id) - 1) < 0)
		boot.id[0] = '\0';
	close(fd);
	return boot;
}

static bool is_this_boot(const struct boot *boot)
{
	const struct boot now = this_boot();

	return !memcmp(boot, &now, sizeof(now));
}

uint8_t *ctl_journal_data(struct ctl_port *port)
{
	return port->journal->blocks;
}

uint8_t *ctl_journal_md(struct ctl_port *port, uint32_t nr)
{
	return port->journal->blocks + (size_t)nr * port->image->media.data_size;
}

/* --- changes, as a journal has them; the locks are held --- */

static int write_at(int fd, const uint8_t *buf, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, buf, len, at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			buf += n;
			len -= n;
			at += n;
		}
	}
	return 0;
}

/* Give the room back where there are whole pages, zero the rest. */
static int free_range(const struct ctl_image *img, uint8_t *p, uint64_t len)
{
	int ret = !len ? 0 : ctl_fallocate(img->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   p - img->data, len);

	if (ret != -EOPNOTSUPP)
		return ret;
	memset(p, 0, len);
	return 0;
}

/* Does any of the blocks in [@lba, @end) carry data? */
static bool any_written(const struct ctl_image *img, uint64_t lba, uint64_t end)
{
	bool set;

	return lba < end && (ctl_map_run(&img->written, lba, end - lba, &set) < end - lba || set);
}

/*
 * Blocks smaller than a page share it, and a page can only go when none of them
 * is in use.  All blocks of a page have one lock.
 */
static int free_blocks(const struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	const uint64_t share = img->media.data_size < 4096 ? 4096 / img->media.data_size : 1;
	const uint64_t end = lba + nr;
	uint64_t first = lba - lba % share, last = end + (share - end % share) % share;
	int ret;

	if (last > img->format.nr_blocks || any_written(img, end, last))
		last = end;
	if (any_written(img, first, lba))
		first = lba;
	ret = free_range(img, ctl_data_at(img, first), (last - first) * img->media.data_size);
	return ret ? ret : free_range(img, ctl_md_at(img, lba), nr * img->media.md_size);
}

static int deallocate(const struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	int ret;

	if (!any_written(img, lba, lba + nr))
		return 0;
	/* The marks go last: who repeats this must find it to be done. */
	ret = free_blocks(img, lba, nr);
	return ret ? ret : ctl_map_fill(img, &img->written, lba, nr, false);
}

/*
 * The first write to blocks goes by system call, so that a full disk is an error
 * and not a signal.  Data is last: it is data in the image that makes a block.
 */
static int write_first(const struct ctl_image *img, uint64_t lba, uint64_t nr, const uint8_t *data,
		       const uint8_t *md)
{
	const struct pi_layout *l = &img->media;
	int ret = write_at(img->fd, md, nr * l->md_size, ctl_md_at(img, lba) - img->data);

	ret = ret ? ret : write_at(img->fd, data, nr * l->data_size, lba * l->data_size);
	ret = ret ? ret : ctl_map_fill(img, &img->written, lba, nr, true);
	if (!ret)
		return 0;
	/* Marks without blocks would tell of data that is not there. */
	ctl_map_fill(img, &img->written, lba, nr, false);
	free_blocks(img, lba, nr);
	return ret;
}

static int write_blocks(const struct ctl_image *img, uint64_t lba, uint64_t nr,
			const uint8_t *blocks)
{
	const uint8_t *data = blocks, *md = blocks + nr * img->media.data_size;
	int ret = 0;

	while (nr && !ret) {
		bool written;
		uint64_t n = ctl_map_run(&img->written, lba, nr, &written);
		const size_t data_len = n * img->media.data_size, md_len = n * img->media.md_size;

		if (written) {
			memcpy(ctl_data_at(img, lba), data, data_len);
			memcpy(ctl_md_at(img, lba), md, md_len);
		} else {
			ret = write_first(img, lba, n, data, md);
		}
		lba += n;
		nr -= n;
		data += data_len;
		md += md_len;
	}
	return ret;
}

/*
 * Doing it twice, the first time in part, is doing it once.  What was uncorrectable stays
 * so until there is something else.
 */
static int apply(const struct ctl_image *img, const struct ctl_journal *j)
{
	const bool spoil = j->change == CTL_SPOIL;
	bool bad;
	uint64_t n = ctl_map_run(&img->bad, j->lba, j->nr, &bad);
	int ret = 0;

	if (j->change == CTL_WRITE)
		ret = write_blocks(img, j->lba, j->nr, j->blocks);
	if (j->change == CTL_DEALLOCATE)
		ret = deallocate(img, j->lba, j->nr);
	if (!ret && (n < j->nr || bad != spoil))
		ret = ctl_map_fill(img, &img->bad, j->lba, j->nr, spoil);
	return ret;
}

/* --- locks: the change count above, the writer (its journal + 1) below --- */

#define OWNER_BITS 16
#define OWNER(word) ((word) & ((1u << OWNER_BITS) - 1))
#define NEXT(word) (((word) >> OWNER_BITS) + 1) << OWNER_BITS

/* Where a journal's byte lies that is locked in the state file: past all of it. */
#define ALIVE_AT(nr) ((off_t)1 << 61 | (nr))

static int lock_byte(int fd, short type, off_t at)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &fl) ? -errno : 0;
}

enum { ANYONE = 0 };		/* no journal's owner */

static void release_all(struct ctl_image *img, unsigned owner)
{
	for (unsigned i = 0; i < CTL_NR_STRIPES; i++) {
		uint64_t word = atomic_load(&img->locks[i]);

		if (OWNER(word) && (owner == ANYONE || OWNER(word) == owner))
			atomic_store(&img->locks[i], NEXT(word));
	}
}

bool ctl_sync_is_sound(const struct ctl_image *img)
{
	if (atomic_load(img->journals_used) > CTL_NR_JOURNALS)
		return false;
	for (unsigned i = 0; i < CTL_NR_STRIPES; i++)
		if (OWNER(atomic_load(&img->locks[i])) > CTL_NR_JOURNALS)
			return false;
	return true;
}

/* Has a writer declared it good, of this boot, and does it fit the image? */
static bool is_to_be_repeated(const struct ctl_image *img, const struct ctl_journal *j)
{
	return atomic_load(&j->state) == GOOD && is_this_boot(&j->boot) &&
	       j->lba < img->format.nr_blocks && j->nr <= img->format.nr_blocks - j->lba &&
	       (j->change != CTL_WRITE || j->nr <= img->journal_blocks);
}

/* The journal of a writer that is no more, and that nobody else looks at. */
static void recover(struct ctl_image *img, unsigned nr)
{
	struct ctl_journal *j = journal_at(img, nr);

	if (is_to_be_repeated(img, j))
		apply(img, j);
	atomic_store(&j->state, LOCKING);
	release_all(img, nr + 1);
	atomic_store(&j->state, IDLE);
}

void ctl_recover_all(struct ctl_image *img)
{
	for (unsigned i = 0; i < atomic_load(img->journals_used); i++)
		recover(img, i);
	release_all(img, ANYONE);
}

/* All of this process; who opens or closes a descriptor of theirs has the lock. */
static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ctl_port *ports;

/*
 * The kernel drops locks with the last descriptor of an open file, so each port
 * opens the state for itself.
 */
static int port_fd(struct ctl_port *port)
{
	char path[40];
	int ret;

	if (port->fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", port->image->state_fd);
	pthread_mutex_lock(&ports_lock);
	port->fd = open(path, O_RDWR | O_CLOEXEC);
	ret = port->fd < 0 ? -errno : 0;
	pthread_mutex_unlock(&ports_lock);
	return ret;
}

/* Is there a writer at work with journal @nr?  That can be asked with any descriptor. */
static bool is_alive(int fd, unsigned nr)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ALIVE_AT(nr),
			    .l_len = 1 };

	return !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type != F_UNLCK;
}

/*
 * Is the writer of journal @nr gone?  Then finish for it.  0, or -errno: -EIO
 * where the image can only be read, and so not repaired.
 */
static int recover_if_dead(struct ctl_port *port, unsigned nr)
{
	int ret;

	if (nr >= CTL_NR_JOURNALS)		/* damaged since it was opened */
		return -EIO;
	if (!port->image->writable)
		return is_alive(port->image->state_fd, nr) ? 0 : -EIO;
	ret = port_fd(port);
	if (ret)
		return ret;
	ret = lock_byte(port->fd, F_WRLCK, ALIVE_AT(nr));
	if (ret)
		return ret == -EAGAIN || ret == -EACCES ? 0 : ret;
	recover(port->image, nr);
	return lock_byte(port->fd, F_UNLCK, ALIVE_AT(nr));
}

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

	for (unsigned turn = 1; OWNER(word = atomic_load(&port->image->locks[i])); turn++) {
		int ret = 0;

		if (turn < SPINS)
			relax();
		else
			sched_yield();
		if (turn % YIELDS == 0)
			ret = recover_if_dead(port, OWNER(word) - 1);
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

	while (OWNER(word) || !atomic_compare_exchange_weak(lock, &word, word | (port->nr + 1))) {
		int ret = OWNER(word) ? wait_free(port, i) : 0;

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

		atomic_store_explicit(lock, NEXT(word), memory_order_release);
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
	atomic_store_explicit(&j->state, LOCKING, memory_order_release);
	ret = lock_range(port, s);
	if (ret) {
		release_all(port->image, port->nr + 1);
	} else {
		/* Nobody may see a block change before its lock. */
		atomic_thread_fence(memory_order_release);
		atomic_store_explicit(&j->state, GOOD, memory_order_release);
		ret = apply(port->image, j);
		atomic_store_explicit(&j->state, LOCKING, memory_order_release);
		unlock_range(port, s);
	}
	atomic_store_explicit(&j->state, IDLE, memory_order_release);
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

		while (OWNER(word = atomic_load_explicit(lock, memory_order_acquire))) {
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

/* --- ports --- */

static void before_fork(void)
{
	pthread_mutex_lock(&ports_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&ports_lock);
}

/* A child that kept these descriptors would have its parent pass for alive, dead or not. */
static void in_child(void)
{
	for (struct ctl_port *port = ports; port; port = port->next) {
		if (port->fd >= 0)
			close(port->fd);
		port->fd = port->nr = -1;
		port->journal = NULL;
	}
	pthread_mutex_unlock(&ports_lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

struct ctl_port *ctl_port_open(struct ctl_image *img)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ctl_port *port = malloc(sizeof(*port));

	if (!port)
		return NULL;
	pthread_once(&once, watch_forks);
	*port = (struct ctl_port){ .image = ctl_image_ref(img), .fd = -1, .nr = -1 };
	pthread_mutex_lock(&ports_lock);
	port->next = ports;
	ports = port;
	pthread_mutex_unlock(&ports_lock);
	return port;
}

void ctl_port_close(struct ctl_port *port)
{
	struct ctl_port **link = &ports;

	pthread_mutex_lock(&ports_lock);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	if (port->fd >= 0)
		close(port->fd);
	pthread_mutex_unlock(&ports_lock);
	ctl_image_close(port->image);
	free(port);
}

static int reserve_journal(const struct ctl_image *img, unsigned nr)
{
	const uint64_t at = (uint8_t *)journal_at(img, nr) - (uint8_t *)img->head;

	return ctl_reserve(img->state_fd, at, img->journal_stride);
}

static void mark_used(struct ctl_image *img, uint32_t nr)
{
	uint32_t used = atomic_load(img->journals_used);

	while (used <= nr && !atomic_compare_exchange_weak(img->journals_used, &used, nr + 1))
		;
}

/* A journal that no other writer has; the lock on its byte lives as long as port->fd. */
static int find_journal(const struct ctl_port *port)
{
	for (int i = 0; i < CTL_NR_JOURNALS; i++)
		if (!lock_byte(port->fd, F_WRLCK, ALIVE_AT(i)))
			return i;
	return -EUSERS;
}

int ctl_port_claim(struct ctl_port *port, char *why)
{
	struct ctl_image *img = port->image;
	int nr, ret;

	if (port->nr >= 0)
		return 0;
	if (!img->writable)
		return refuse(why, EACCES, "%s: was opened to be read", img->path);
	ret = port_fd(port);
	if (ret)
		return refuse(why, -ret, "%s.state: %s: each writer opens it anew, once fio's uid= and "
			      "gid= hold: let that user write it", img->path, strerror(-ret));
	nr = find_journal(port);
	if (nr < 0)
		return refuse(why, -nr, "%s: no room for another writer: %d have it open", img->path,
			      CTL_NR_JOURNALS);
	ret = reserve_journal(img, nr);
	if (ret)
		return refuse(why, -ret, "%s.state: no room for another writer: %s", img->path,
			      strerror(-ret));
	ret = ctl_image_keep_format(img, why);
	if (ret)
		return ret;
	/* What is said of use may be of another boot, too: it may have locks in any case. */
	recover(img, nr);
	mark_used(img, nr);
	port->nr = nr;
	port->journal = journal_at(img, nr);
	port->journal->boot = this_boot();
	return 0;
}
