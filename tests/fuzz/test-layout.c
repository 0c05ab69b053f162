// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-layout.c - in any layout, tuples that were made are right, and one changed bit is found; tags
 * become dwords and tags again
 */
#include "pi/pi.h"
#include "fuzz.h"

enum { BLOCKS = 3, DATA_MOST = 4096, MD_MOST = 256 };

static struct pi_layout take_layout(struct fuzz_in *in)
{
	struct pi_layout l = {
		.format = pi_format_of(fuzz_take(in, 1) & 3, fuzz_take(in, 1) & 15, fuzz_take(in, 1) & 1),
		.type = fuzz_take(in, 1) & 3, .data_size = 1u << (fuzz_take(in, 1) & 31),
		.md_size = fuzz_take(in, 2), .sts = fuzz_take(in, 1),
	};
	const uint8_t bits = fuzz_take(in, 1);

	l.first = bits & 1;
	l.extended = bits & 2;
	l.data_size += bits & 0x80;
	return l;
}

static struct pi_tags take_tags(struct fuzz_in *in, const struct pi_layout *l)
{
	struct pi_tags t = { .storage_mask = pi_ones(l->sts) };

	t.ref = fuzz_take(in, 8) & pi_ones(pi_ref_bits(l));
	t.storage = fuzz_take(in, 8) & pi_ones(l->sts);
	t.app = fuzz_take(in, 2);
	t.app_mask = fuzz_take(in, 2);
	return t;
}

static void check_tags(const struct pi_layout *l, const struct pi_tags *t)
{
	const struct pi_dwords d = pi_tags_pack(l, t);
	const struct pi_tags back = pi_tags_unpack(l, &d, t->storage_mask);

	FUZZ_CHECK(back.ref == t->ref && back.storage == t->storage && back.app == t->app);
	FUZZ_CHECK(back.app_mask == t->app_mask);
}

static void check_tuple(const struct pi_layout *l, struct fuzz_in *in)
{
	uint8_t tuple[16], again[16];
	struct pi_fields f;

	for (unsigned i = 0; i < sizeof(tuple); i++)
		tuple[i] = fuzz_take(in, 1);
	memcpy(again, tuple, sizeof(again));
	f = pi_tuple_get(l, tuple);
	pi_tuple_put(l, again, &f);
	FUZZ_CHECK(!memcmp(again, tuple, sizeof(again)));
}

/* Make tuples, check them, change one bit of the data, and check them again. */
static void check_blocks(const struct pi_layout *l, const struct pi_tags *t, struct fuzz_in *in)
{
	static uint8_t data[BLOCKS * (DATA_MOST + MD_MOST)], md[BLOCKS * MD_MOST], out[BLOCKS * DATA_MOST];
	const size_t block = pi_block_size(l), at = fuzz_take(in, 4) % (BLOCKS * l->data_size);
	uint8_t *bit = data + at / l->data_size * block + at % l->data_size;
	uint8_t *m = l->extended ? NULL : md;
	struct pi_error e[2];
	struct pi_verdict v;

	fuzz_patch(in, data, BLOCKS * block);
	pi_generate(l, t, data, m, BLOCKS);
	v = pi_verify(l, t, PI_GUARD | PI_APP | PI_REF | PI_STORAGE, data, m, BLOCKS, e, 2);
	FUZZ_CHECK(!v.bad);
	*bit ^= 1 << at % 8;
	v = pi_verify(l, t, PI_GUARD, data, m, BLOCKS, e, 2);
	FUZZ_CHECK(l->type == PI_NONE || v.escaped || (v.bad == 1 && e[0].block == at / l->data_size &&
						       e[0].field == PI_GUARD));
	if (l->extended)
		FUZZ_CHECK(pi_extract(l, t, PI_GUARD, data, out, BLOCKS, e, 2).bad == v.bad);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	const struct pi_layout l = take_layout(&in);
	struct pi_tags t = { 0 };
	const char *why = NULL;

	if (pi_layout_check(&l, &why)) {
		FUZZ_ONE_LINE(why);
		return;
	}
	if (l.type != PI_NONE) {
		t = take_tags(&in, &l);
		check_tags(&l, &t);
		check_tuple(&l, &in);
	}
	if (l.data_size <= DATA_MOST && l.md_size <= MD_MOST)
		check_blocks(&l, &t, &in);
}

FUZZ_MAIN("layout", 40000)
