/* SPDX-License-Identifier: GPL-2.0-only */
/* map.c - see map.h */
#include "file.h"
#include "map.h"

static bool page_present(const struct ctl_map *map, uint64_t lba)
{
	const uint64_t page = lba / CTL_MAP_PAGE_BLOCKS;

	return atomic_load_explicit(&map->present[page / 8], memory_order_relaxed) >> page % 8 & 1;
}

/* Return the bits of 64 blocks.  It may race with a writer; the seqlock makes the reader retry. */
static uint64_t word_get(const struct ctl_map *map, uint64_t lba)
{
	return page_present(map, lba) ? __atomic_load_n(&map->bits[lba / 64], __ATOMIC_RELAXED) : 0;
}

uint64_t ctl_map_run(const struct ctl_map *map, uint64_t lba, uint64_t nr, bool *set)
{
	uint64_t word = word_get(map, lba) >> lba % 64, run = 64 - lba % 64, flip;

	*set = word & 1;
	flip = *set ? ~0ULL : 0;
	word ^= flip;
	if (word && (uint64_t)__builtin_ctzll(word) < run)
		run = __builtin_ctzll(word);
	else
		for (; run < nr; run += 64) {
			word = word_get(map, lba + run) ^ flip;
			if (word) {
				run += __builtin_ctzll(word);
				break;
			}
		}
	return run < nr ? run : nr;
}

/* Reserve disk space for the map page of a bit that will be set. */
static int make_page(const struct ctl_image *img, const struct ctl_map *map, uint64_t lba)
{
	const uint64_t page = lba / CTL_MAP_PAGE_BLOCKS;
	int ret = img->state_fd < 0 ? 0 :
		  ctl_reserve(img->state_fd, map->at + page * CTL_MAP_PAGE, CTL_MAP_PAGE);

	if (ret)
		return ret;
	atomic_fetch_or(&map->present[page / 8], 1u << page % 8);
	return 0;
}

int ctl_map_fill(const struct ctl_image *img, const struct ctl_map *map, uint64_t lba, uint64_t nr,
		 bool set)
{
	while (nr) {
		const uint64_t at = lba % 64, n = nr < 64 - at ? nr : 64 - at;
		const uint64_t mask = pi_ones(n) << at, old = word_get(map, lba);
		const uint64_t new = set ? old | mask : old & ~mask;

		if (new != old) {
			int ret = page_present(map, lba) ? 0 : make_page(img, map, lba);

			if (ret)
				return ret;
			__atomic_store_n(&map->bits[lba / 64], new, __ATOMIC_RELAXED);
		}
		lba += n;
		nr -= n;
	}
	return 0;
}
