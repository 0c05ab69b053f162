/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-peers.h - what bench-guard measures: the guards and the jobs of pi.h, and their peers
 *
 * ISA-L is loaded at run time, so that bench-guard builds without it.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench-time.h"
#include "pi/guard-kernels.h"
#include "pi/pi.h"

enum { CALL_BLOCKS = 1024 };

static const char *isal_path = "build/deps/isal/libisal.so";

/* What one call works on, which is all data or a window of it. */
struct work {
	struct pi_layout	layout;
	unsigned		guard;	/* 0: 16b, 1: 32b, 2: 64b */
	uint32_t		nr;
	uint32_t		windows;	/* calls that it takes to see all data */
	uint8_t			*data;	/* nr * data_size */
	uint8_t			*md;	/* nr * md_size, separate */
	uint8_t			*ext;	/* nr * (data_size + md_size) */
	uint8_t			*to;	/* nr * data_size */
};

static uint64_t guards[CALL_BLOCKS];

static const struct pi_tags tags = {
	.ref = 1, .app = 0x1234, .app_mask = 0xffff, .storage_mask = ~0ULL,
};

enum { ALL = PI_GUARD | PI_APP | PI_REF };

typedef void work_fn(const struct work *w);

static void our_guard(const struct work *w)
{
	struct guard_job job = {
		.data_len = w->layout.data_size, .data_stride = w->layout.data_size,
	};

	for (uint32_t i = 0; i < w->nr; i += CALL_BLOCKS) {
		job.data = w->data + (size_t)i * w->layout.data_size;
		job.nr = w->nr - i < CALL_BLOCKS ? w->nr - i : CALL_BLOCKS;
		w->layout.format->guard(&job, guards);
	}
}

static void our_generate(const struct work *w)
{
	pi_generate(&w->layout, &tags, w->data, w->md, w->nr);
}

static void our_verify(const struct work *w)
{
	kept = pi_verify(&w->layout, &tags, ALL, w->data, w->md, w->nr, NULL, 0).bad;
}

static void our_insert(const struct work *w)
{
	pi_insert(&w->layout, &tags, w->data, w->ext, w->nr);
}

static void our_extract(const struct work *w)
{
	kept = pi_extract(&w->layout, &tags, ALL, w->ext, w->to, w->nr, NULL, 0).bad;
}

static void copy(const struct work *w)
{
	memcpy(w->to, w->data, (size_t)w->nr * w->layout.data_size);
}

/* ISA-L: one set of functions a class of instructions. */
typedef uint16_t isal_16b_fn(uint16_t start, const unsigned char *p, uint64_t len);
typedef unsigned isal_32b_fn(const unsigned char *p, int len, unsigned start);
typedef uint64_t isal_64b_fn(uint64_t start, const unsigned char *p, uint64_t len);

static struct {
	isal_16b_fn	*crc_16b;
	isal_32b_fn	*crc_32b;
	isal_64b_fn	*crc_64b;
} isal;

static uint64_t isal_crc(unsigned guard, const uint8_t *p, size_t len)
{
	switch (guard) {
	case 0:
		return isal.crc_16b(0, p, len);
	case 1:
		return ~isal.crc_32b(p, (int)len, ~0U);
	default:
		return isal.crc_64b(0, p, len);
	}
}

static void isal_guard(const struct work *w)
{
	for (uint32_t i = 0; i < w->nr; i++)
		guards[i % CALL_BLOCKS] = isal_crc(w->guard, w->data + (size_t)i * w->layout.data_size,
				     w->layout.data_size);
}

/* The least that makes, or checks, tuples of 8 bytes from such a CRC. */
static uint64_t isal_tuple(const struct work *w, uint32_t i)
{
	uint64_t guard = isal_crc(0, w->data + (size_t)i * w->layout.data_size,
				  w->layout.data_size);

	return __builtin_bswap64(guard << 48 | (uint64_t)tags.app << 32 | (uint32_t)(tags.ref + i));
}

static void isal_generate(const struct work *w)
{
	for (uint32_t i = 0; i < w->nr; i++) {
		uint64_t tuple = isal_tuple(w, i);

		memcpy(w->md + 8 * i, &tuple, 8);
	}
}

static void isal_verify(const struct work *w)
{
	unsigned bad = 0;

	for (uint32_t i = 0; i < w->nr; i++) {
		uint64_t tuple = isal_tuple(w, i);

		bad += !!memcmp(w->md + 8 * i, &tuple, 8);
	}
	kept = bad;
}

/* What most programs have; reflected, or T10-DIF's. */
static uint64_t byte_table[3][256];

static void fill_tables(void)
{
	static const uint64_t poly[3] = { 0x8bb7ULL << 48, 0x82f63b78, 0x9a6c9329ac4bc9b5 };

	for (unsigned guard = 0; guard < 3; guard++) {
		for (unsigned i = 0; i < 256; i++) {
			uint64_t v = guard ? i : (uint64_t)i << 56;

			for (int bit = 0; bit < 8; bit++)
				v = guard ? v >> 1 ^ (v & 1 ? poly[guard] : 0) :
					    v << 1 ^ (v >> 63 ? poly[guard] : 0);
			byte_table[guard][i] = v;
		}
	}
}

static uint64_t table_crc(unsigned guard, const uint8_t *p, size_t len)
{
	const uint64_t *table = byte_table[guard];
	uint64_t reg = guard == 0 ? 0 : guard == 1 ? 0xffffffff : ~0ULL;

	if (guard == 0) {
		while (len--)
			reg = table[reg >> 56 ^ *p++] ^ reg << 8;
		return reg >> 48;
	}
	while (len--)
		reg = table[(reg ^ *p++) & 0xff] ^ reg >> 8;
	return guard == 1 ? ~reg & 0xffffffff : ~reg;
}

static void table_guard(const struct work *w)
{
	for (uint32_t i = 0; i < w->nr; i++)
		guards[i % CALL_BLOCKS] = table_crc(w->guard, w->data + (size_t)i * w->layout.data_size,
				      w->layout.data_size);
}

static const struct peer {
	const char	*name;
	work_fn		*run;
} isa_l = { "isa-l", isal_guard }, isa_l_generate = { "isa-l", isal_generate },
  isa_l_verify = { "isa-l", isal_verify }, memory_copy = { "memcpy", copy },
  table = { "byte-table", table_guard };

/* Functions of ISA-L: the names' ends, by guard; NULL: as it chooses. */
struct isal_class {
	const char	*suffix[3];
};

static const struct isal_class isal_best = { { "", "", "" } },
	isal_by16 = { { "_by16_10", "_by16_10", "_by16_10" } },
	isal_avx = { { "_02", "_01", "_by8" } }, isal_sse = { { "_01", "_00", "_by8" } };

static void die(const char *what, const char *which, const char *why)
{
	fprintf(stderr, "bench-guard: %s %s: %s\n", what, which, why);
	exit(2);
}

static void *symbol(void *lib, const char *name, const char *suffix)
{
	char full[64];
	void *p;

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	p = dlsym(lib, full);
	if (!p)
		die("ISA-L lacks", full, "it is too old, or another library");
	return p;
}

/* Returns why not. */
static const char *load_isal(const struct isal_class *class)
{
	static void *lib;

	if (!lib)
		lib = dlopen(isal_path, RTLD_NOW);
	if (!lib)
		return "ISA-L is not there; scripts/dev/install-isal brings it, or --isal=FILE names it";
	isal.crc_16b = (isal_16b_fn *)symbol(lib, "crc16_t10dif", class->suffix[0]);
	isal.crc_32b = (isal_32b_fn *)symbol(lib, "crc32_iscsi", class->suffix[1]);
	isal.crc_64b = (isal_64b_fn *)symbol(lib, "crc64_rocksoft_refl", class->suffix[2]);
	return NULL;
}

#endif
