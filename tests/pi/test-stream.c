/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-stream.c - pi_insert() and pi_extract() of more data than the cache holds, which
 * use non-temporal stores
 */
#include <stdlib.h>

#include "pi/pi.h"
#include "pi/stream.h"
#include "tests/lib/unit.h"

enum { DATA = 4096, MD = 8, NR = STREAM_MIN / DATA + 5, PAST = 64 };

static const struct pi_layout layout = {
	.format = &pi_formats[0], .type = PI_TYPE1, .data_size = DATA, .md_size = MD,
	.extended = true,
};

static const struct pi_tags tags = { .ref = 7, .app = 1, .app_mask = 0xffff };

enum { MD_MAX = 40 };

static uint8_t *data, *ext, *back;

static void *buffer(size_t size)
{
	void *p = NULL;

	if (posix_memalign(&p, STREAM_LINE, size)) {
		fputs("test-stream: no memory\n", stderr);
		exit(2);
	}
	return p;
}

/* Extract to @to, whose alignment selects the code path.  Exactly the data must be written. */
static unsigned extract(uint8_t *to, struct pi_error *err)
{
	unsigned nr;

	memset(back, 0x5a, (size_t)NR * DATA + 2 * PAST);
	nr = pi_extract(&layout, &tags, PI_GUARD | PI_APP | PI_REF, ext, to, NR, err, 1).bad;
	UNIT_CHECK(to == back || to[-1] == 0x5a, "the byte ahead of the data is written");
	UNIT_CHECK(to[(size_t)NR * DATA] == 0x5a, "the byte behind the data is written");
	return nr;
}

static void moves(void)
{
	struct pi_error err;

	for (size_t at = 0; at <= PAST; at += 8) {
		unsigned nr = extract(back + at, &err);

		UNIT_CHECK(!nr, "%u mismatches, in block %u first, %zu bytes into a line", nr,
			   err.block, at % STREAM_LINE);
		UNIT_CHECK(!memcmp(back + at, data, (size_t)NR * DATA),
			   "other data, %zu bytes into a line", at % STREAM_LINE);
	}
}

static void finds_a_bit(void)
{
	uint8_t *byte = ext + (size_t)(NR - 2) * (DATA + MD) + 77;
	struct pi_error err = { 0 };
	unsigned nr;

	*byte ^= 4;
	nr = extract(back, &err);
	UNIT_CHECK(nr == 1 && err.block == NR - 2 && err.field == PI_GUARD,
		   "%u mismatches, the first in block %u", nr, err.block);
	UNIT_CHECK(back[(size_t)(NR - 2) * DATA + 77] == *byte, "a wrong block's data is kept back");
	*byte ^= 4;
}

/* Insert a few blocks per call, which never exceeds the cache. */
static void insert_slowly(const struct pi_layout *l, uint8_t *to)
{
	struct pi_tags t = tags;

	for (uint32_t i = 0, n; i < NR; i += n) {
		n = NR - i < 7 ? NR - i : 7;
		t.ref = tags.ref + i;
		pi_insert(l, &t, data + (size_t)i * DATA, to + i * pi_block_size(l), n);
	}
}

/* Metadata of the caller in front of and after the tuple is not changed. */
static void inserts(void)
{
	static const uint32_t md_sizes[] = { 8, 16, MD_MAX };
	const size_t size = (size_t)NR * (DATA + MD_MAX);
	uint8_t *fast = buffer(size + 2 * PAST), *slow = buffer(size + 2 * PAST);

	for (size_t i = 0; i < 6; i++) {
		struct pi_layout l = layout;
		size_t at = 1 + 11 * i;

		l.md_size = md_sizes[i % 3];
		l.first = i & 1;
		unit_random_fill(fast, size + 2 * PAST);
		memcpy(slow, fast, size + 2 * PAST);
		insert_slowly(&l, slow + at);
		pi_insert(&l, &tags, data, fast + at, NR);
		UNIT_CHECK(!memcmp(fast, slow, size + 2 * PAST),
			   "other bytes with %u of metadata, tuple %s, %zu into a line", l.md_size,
			   l.first ? "first" : "last", at);
	}
	free(fast);
	free(slow);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "inserts", inserts },
		{ "moves", moves },
		{ "finds_a_bit", finds_a_bit },
	};

	data = buffer((size_t)NR * DATA);
	ext = buffer((size_t)NR * (DATA + MD));
	back = buffer((size_t)NR * DATA + 2 * PAST);
	unit_random_fill(data, (size_t)NR * DATA);
	pi_insert(&layout, &tags, data, ext, NR);
	return unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
