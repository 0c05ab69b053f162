// SPDX-License-Identifier: GPL-2.0-only
/* journal.c - see journal.h */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "journal.h"
#include "map.h"
#include "zones.h"

size_t ctl_journal_size(void)
{
	return sizeof(struct ctl_journal) + CTL_JOURNAL_BYTES;
}

/* Without /proc the id is empty, so all boots count as the same. */
struct ctl_boot ctl_this_boot(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	struct ctl_boot boot = { "" };

	if (fd < 0)
		return boot;
	if (read(fd, boot.id, sizeof(boot.id) - 1) < 0)
		boot.id[0] = '\0';
	close(fd);
	return boot;
}

static bool is_this_boot(const struct ctl_boot *boot)
{
	const struct ctl_boot now = ctl_this_boot();

	return !memcmp(boot, &now, sizeof(now));
}

/* --- apply a change; the locks are held --- */

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

/* Punch a hole for whole pages and zero the rest. */
static int free_range(const struct ctl_image *img, uint8_t *p, uint64_t len)
{
	int ret = !len ? 0 : ctl_fallocate(img->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   p - img->data, len);

	if (ret != -EOPNOTSUPP)
		return ret;
	memset(p, 0, len);
	return 0;
}

/* Return true if a block in [@lba, @end) is marked as written. */
static bool any_written(const struct ctl_image *img, uint64_t lba, uint64_t end)
{
	bool set;

	return lba < end && (ctl_map_run(&img->written, lba, end - lba, &set) < end - lba || set);
}

/*
 * Blocks smaller than a page share it, and a page can be freed only if none of its blocks is in
 * use. All blocks of a page are in one stripe, so their lock is held.
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
	/* Clear the marks last: a replay after a kill must find the blocks still marked. */
	ret = free_blocks(img, lba, nr);
	return ret ? ret : ctl_map_fill(img, &img->written, lba, nr, false);
}

/*
 * Write blocks for the first time.  pwrite() reports a full disk as an error, where a store to the
 * mapping would raise a signal.  The data is written last: a block with data in the image counts
 * as written.
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
	/* Remove the marks on failure: they would claim data that does not exist. */
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
 * Idempotent: replaying a partly applied journal gives the same result.  The uncorrectable mark is
 * cleared last, so a block stays uncorrectable until its new content is complete.
 */
int ctl_journal_apply(const struct ctl_image *img, const struct ctl_journal *j)
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

int ctl_journal_apply_to(const struct ctl_image *img, struct ctl_journal *j, enum ctl_change change,
			 uint64_t lba)
{
	j->change = change;
	j->lba = lba;
	j->nr = 1;
	return ctl_journal_apply(img, j);
}

/* --- locks and recovery --- */

void ctl_release_all(struct ctl_image *img, unsigned owner)
{
	for (unsigned i = 0; i < CTL_NR_STRIPES; i++) {
		uint64_t word = atomic_load(&img->locks[i]);

		if (CTL_OWNER(word) && (owner == CTL_ANYONE || CTL_OWNER(word) == owner))
			atomic_store(&img->locks[i], CTL_NEXT(word));
	}
}

bool ctl_sync_is_sound(const struct ctl_image *img)
{
	if (atomic_load(img->journals_used) > CTL_NR_JOURNALS)
		return false;
	for (unsigned i = 0; i < CTL_NR_STRIPES; i++)
		if (CTL_OWNER(atomic_load(&img->locks[i])) > CTL_NR_JOURNALS)
			return false;
	return true;
}

/*
 * Return true if the journal must be replayed: its writer declared it good in this boot, and it
 * fits the image.  The load pairs with the release store of CTL_JOURNAL_GOOD in ctl_change().
 */
static bool is_to_be_repeated(const struct ctl_image *img, const struct ctl_journal *j)
{
	return atomic_load(&j->state) == CTL_JOURNAL_GOOD && is_this_boot(&j->boot) &&
	       j->lba < img->format.nr_blocks && j->nr <= img->format.nr_blocks - j->lba &&
	       (j->change != CTL_WRITE || j->nr <= img->journal_blocks);
}

/* Called for a journal whose writer is dead and that no other process recovers. */
void ctl_recover(struct ctl_image *img, unsigned nr)
{
	struct ctl_journal *j = ctl_journal_at(img, nr);

	if (is_to_be_repeated(img, j))
		ctl_journal_apply(img, j);
	atomic_store(&j->state, CTL_JOURNAL_LOCKING);
	ctl_release_all(img, nr + 1);
	if (img->zones)
		ctl_zones_recover(img, nr + 1);
	atomic_store(&j->state, CTL_JOURNAL_IDLE);
}

void ctl_recover_all(struct ctl_image *img)
{
	for (unsigned i = 0; i < atomic_load(img->journals_used); i++)
		ctl_recover(img, i);
	ctl_release_all(img, CTL_ANYONE);
	if (img->zones)
		ctl_zones_recover(img, CTL_ANYONE);
}
