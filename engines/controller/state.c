/* SPDX-License-Identifier: GPL-2.0-only */
/* state.c - see state.h */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "journal.h"
#include "map.h"
#include "placement.h"
#include "state.h"
#include "zones.h"

/* --- the state file --- */

#define STATE_TITLE "nvmepi image state 1\n"

/* The head identifies the image; a state of another image or format is discarded. */
struct ctl_head {
	char			title[32];
	uint64_t		size;		/* of the image, bytes */
	uint64_t		nr_blocks;
	struct ns_format	format;
	_Atomic uint32_t	journals_used;
	uint64_t		id;		/* of the image; 0: it has none */
	struct ns_zones		zones;
	uint64_t		ruhs;
};

static uint64_t page_up(uint64_t n)
{
	return (n + 4095) & ~4095ULL;
}

/* Offsets of the parts of the state file, bytes. */
struct layout {
	uint64_t	locks, present;		/* two of each map part: written, bad */
	uint64_t	present_size, bits, bits_size;
	uint64_t	journals, zones, handles, end;
};

/*
 * Return the layout for an image; it fits any format of that image, as the numbers of zones and
 * placement handles cannot change.
 */
static struct layout state_layout(const struct ctl_image *img)
{
	const uint64_t pages = img->size / 512 / CTL_MAP_PAGE_BLOCKS + 1;
	struct layout s = { .locks = page_up(sizeof(struct ctl_head)) };

	s.present = s.locks + page_up(CTL_NR_STRIPES * sizeof(uint64_t));
	s.present_size = page_up((pages + 7) / 8);
	s.bits = s.present + 2 * s.present_size;
	s.bits_size = pages * CTL_MAP_PAGE;
	s.journals = s.bits + 2 * s.bits_size;
	s.zones = s.journals + CTL_NR_JOURNALS * page_up(ctl_journal_size());
	s.handles = s.zones + (img->format.nr_zones ? page_up(ctl_zones_size(img->format.nr_zones)) : 0);
	s.end = s.handles + (img->format.ruhs ? page_up(sizeof(struct ctl_handles)) : 0);
	return s;
}

static struct ctl_map map_at(uint8_t *state, const struct layout *s, unsigned nr)
{
	const uint64_t at = s->bits + nr * s->bits_size;

	return (struct ctl_map) {
		.present = (_Atomic uint8_t *)(state + s->present + nr * s->present_size),
		.bits = (uint64_t *)(state + at),
		.at = at,
	};
}

/* Map the state file, or anonymous memory in its place. */
static int map_state(struct ctl_image *img, char *why)
{
	const int own = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	const int flags = img->state_fd >= 0 ? MAP_SHARED : own;
	const int prot = img->state_fd >= 0 && !img->state_writable ? PROT_READ :
			 PROT_READ | PROT_WRITE;
	const struct layout s = state_layout(img);
	uint8_t *state = mmap(NULL, s.end, prot, flags, img->state_fd, 0);

	if (state == MAP_FAILED)
		return refuse(why, errno, "%s.state: can't be mapped: %s", img->path,
			      strerror(errno));
	img->state_size = s.end;
	img->head = (struct ctl_head *)state;
	img->journals_used = &img->head->journals_used;
	img->locks = (_Atomic uint64_t *)(state + s.locks);
	img->written = map_at(state, &s, 0);
	img->bad = map_at(state, &s, 1);
	img->journals = state + s.journals;
	img->journal_stride = page_up(ctl_journal_size());
	img->zones = img->format.nr_zones ? (struct ctl_zones *)(state + s.zones) : NULL;
	img->handles = img->format.ruhs ? (struct ctl_handles *)(state + s.handles) : NULL;
	img->command_set = img->zones ? CTL_ZONED : img->handles ? CTL_PLACED : CTL_PLAIN;
	return 0;
}

static bool has_title(const struct ctl_image *img)
{
	return !memcmp(img->head->title, STATE_TITLE, sizeof(STATE_TITLE));
}

static bool state_is_ours(const struct ctl_image *img)
{
	const struct ctl_head *h = img->head;

	return has_title(img) && h->size == img->size && (!h->id || h->id == img->format.id) &&
	       h->nr_blocks == img->format.nr_blocks &&
	       !memcmp(&h->format, &img->format.ns, sizeof(h->format)) &&
	       !memcmp(&h->zones, &img->format.zones, sizeof(h->zones)) && h->ruhs == img->format.ruhs &&
	       ctl_sync_is_sound(img);
}

/* Make an empty state: every block is deallocated and there are no journals. */
int ctl_state_make(struct ctl_image *img)
{
	/* Space for map pages and journals is reserved when they are first used. */
	const struct layout s = state_layout(img);
	int ret;

	if (img->state_fd >= 0) {
		if (ftruncate(img->state_fd, 0) || ftruncate(img->state_fd, img->state_size))
			return -errno;
		ret = ctl_reserve(img->state_fd, 0, s.bits);
		if (!ret && s.end > s.zones)
			ret = ctl_reserve(img->state_fd, s.zones, s.end - s.zones);
		if (ret)
			return ret;
	}
	img->head->size = img->size;
	img->head->nr_blocks = img->format.nr_blocks;
	img->head->format = img->format.ns;
	img->head->id = img->format.id;
	img->head->zones = img->format.zones;
	img->head->ruhs = img->format.ruhs;
	if (img->zones)
		ctl_zones_make(img);
	memcpy(img->head->title, STATE_TITLE, sizeof(STATE_TITLE));
	return 0;
}

/* --- reconcile the state with the holes of the image --- */

/* Process the extent of @nr blocks from @lba on.  Returns 0, or -errno. */
typedef int run_fn(struct ctl_image *img, uint64_t lba, uint64_t nr);

/* Call @act for every maximal extent in [@lba, @end) whose "written" bits equal @marked. */
static int each_run(struct ctl_image *img, uint64_t lba, uint64_t end, bool marked, run_fn *act)
{
	int ret = 0;

	while (lba < end && !ret) {
		bool written;
		uint64_t n = ctl_map_run(&img->written, lba, end - lba, &written);

		if (written == marked)
			ret = act(img, lba, n);
		lba += n;
	}
	return ret;
}

/*
 * The first page of a file is often allocated without a write to LBA 0 (by qemu-img create, for
 * example).  In an image made elsewhere, a block of zero data with the wrong guard there counts as
 * deallocated, as it does for QEMU.
 */
static bool is_stale(const struct ctl_image *img, uint64_t lba)
{
	const struct pi_layout *l = &img->media;
	const struct pi_tags none = { 0 };
	struct pi_error err;

	return !lba && l->type != PI_NONE && ctl_is_zero(ctl_data_at(img, 0), l->data_size) &&
	       pi_verify(l, &none, PI_GUARD, ctl_data_at(img, 0), ctl_md_at(img, 0), 1, &err, 1).bad;
}

/* Return true if an unmarked block contains data, so that another program must have written it. */
static bool looks_written(const struct ctl_image *img, uint64_t lba)
{
	const struct pi_layout *l = &img->media;

	if (ctl_is_zero(ctl_data_at(img, lba), l->data_size) &&
	    ctl_is_zero(ctl_md_at(img, lba), l->md_size))
		return false;
	return !is_stale(img, lba);
}

static int adopt(struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	int ret = 0;

	for (uint64_t i = lba; i < lba + nr && !ret; i++)
		if (looks_written(img, i))
			ret = ctl_map_fill(img, &img->written, i, 1, true);
	return ret;
}

/* Mark blocks in a hole as deallocated; usually none of them is marked as written. */
static int forget(struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	return ctl_map_fill(img, &img->written, lba, nr, false);
}

/* Call lseek(); return @otherwise if it fails or if SEEK_DATA and SEEK_HOLE are not supported. */
static uint64_t seek(int fd, uint64_t at, int whence, uint64_t otherwise)
{
	off_t to = lseek(fd, at, whence);

	return to < 0 || (uint64_t)to > otherwise ? otherwise : (uint64_t)to;
}

int ctl_state_reconcile(struct ctl_image *img)
{
	const uint64_t size = img->media.data_size, end = img->format.nr_blocks * size;
	uint64_t at = 0;
	int ret = 0;

	while (at < end && !ret) {
		const uint64_t data = lseek(img->fd, at, SEEK_DATA) < 0 && errno != ENXIO ? at :
				      seek(img->fd, at, SEEK_DATA, end);
		const uint64_t hole = seek(img->fd, data, SEEK_HOLE, end);

		ret = each_run(img, (at + size - 1) / size, data / size, true, forget);
		if (!ret && data < end)
			ret = each_run(img, data / size, (hole + size - 1) / size, false, adopt);
		at = hole;
	}
	return ret;
}

/* Check the file size; nothing in the mapping may be read before. */
static bool state_is_whole(const struct ctl_image *img)
{
	struct stat st;

	return img->state_fd >= 0 && !fstat(img->state_fd, &st) &&
	       (uint64_t)st.st_size == img->state_size;
}

bool ctl_state_is_one(int fd)
{
	char start[sizeof(STATE_TITLE) - 3] = "";	/* without the version */
	struct stat st;

	if (fstat(fd, &st) || !st.st_size)
		return true;
	if (!S_ISREG(st.st_mode) || pread(fd, start, sizeof(start), 0) < 0)
		return false;
	return !memcmp(start, STATE_TITLE, sizeof(start)) || ctl_is_zero(start, sizeof(start));
}

bool ctl_state_is_begun(const struct ctl_image *img)
{
	return state_is_whole(img) && has_title(img);
}

bool ctl_state_is_good(const struct ctl_image *img)
{
	return state_is_whole(img) && state_is_ours(img);
}

int ctl_state_map(struct ctl_image *img, char *why)
{
	int ret = map_state(img, why);

	if (ret || img->state_fd < 0 || img->state_writable || ctl_state_is_good(img))
		return ret;
	munmap(img->head, img->state_size);
	img->head = NULL;
	close(img->state_fd);
	img->state_fd = -1;
	return map_state(img, why);
}

int ctl_state_prepare(struct ctl_image *img, char *why)
{
	int ret = 0;

	if (!ctl_state_is_good(img))
		ret = ctl_state_make(img);
	else if (img->writable)
		ctl_recover_all(img);
	if (!ret)
		ret = ctl_state_reconcile(img);
	if (!ret && img->zones)
		ctl_zones_power_up(img);
	return ret ? refuse(why, -ret, "%s.state: %s", img->path, strerror(-ret)) : 0;
}

/* --- the users of an image: each has a shared lock, exclusive during set-up --- */

#define USERS_AT ((off_t)1 << 62)

int ctl_state_lock(int fd, int cmd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = USERS_AT, .l_len = 1 };
	int ret;

	do
		ret = fcntl(fd, cmd, &fl);
	while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

int ctl_state_open(const char *name, bool write, bool create, bool *writable, bool *created, bool *alone)
{
	struct stat st;
	int fd, ret;

	for (;;) {
		*writable = *created = true;
		fd = create ? open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
		if (!create || (fd < 0 && errno == EEXIST)) {
			*created = false;
			fd = ctl_open_some_way(name, write, writable);
		}
		if (fd < 0 && errno == ENOENT && !*created && create)
			continue;
		if (fd < 0)
			return -errno;
		*alone = !ctl_state_lock(fd, F_OFD_SETLK, F_WRLCK);
		ret = *alone ? 0 : ctl_state_lock(fd, F_OFD_SETLKW, F_RDLCK);
		if (!ret && !fstat(fd, &st) && st.st_nlink)
			return fd;
		close(fd);
		if (ret)
			return ret;
	}
}
