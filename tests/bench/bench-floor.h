/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-floor.h - the fewest cycles that a case can take on this CPU: the measured throughput of
 * the instructions that the kernels are made of, and of loads and copies from where the data is
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include "bench-peers.h"

/* Cycles of an instruction, by the width of its registers: 16, 32, 64 bytes; 0: not measured. */
enum { WIDTHS = 3, FLOOR_TRIES = 31, FLOOR_STEPS = 4000 };

static struct floor {
	bool	measured;
	double	product[WIDTHS];	/* carry-less */
	double	affine;			/* GFNI, 64 bytes */
	double	crc32;			/* 8 bytes */
} unit;

struct bound {
	double		cycles;		/* of a block; 0: unknown */
	const char	*resource;
};

#if defined(__x86_64__)
/* Eight chains in eight registers, so that the throughput is seen and not the latency. */
#define EIGHT(op) op("0") op("1") op("2") op("3") op("4") op("5") op("6") op("7")
#define PRODUCT_16(r) "pclmulqdq $0, %%xmm8, %%xmm" r "\n"
#define PRODUCT_32(r) "vpclmulqdq $0, %%ymm8, %%ymm" r ", %%ymm" r "\n"
#define PRODUCT_64(r) "vpclmulqdq $0, %%zmm8, %%zmm" r ", %%zmm" r "\n"
#define AFFINE_64(r) "vgf2p8affineqb $0, %%zmm8, %%zmm" r ", %%zmm" r "\n"
#define LOAD_16(r) "movdqu 16*" r "(%0), %%xmm" r "\n"
#define LOAD_32(r) "vmovdqu 32*" r "(%0), %%ymm" r "\n"
#define LOAD_64(r) "vmovdqu64 64*" r "(%0), %%zmm" r "\n"
#define STORE_16(r) "movdqu %%xmm" r ", 16*" r "(%1)\n"
#define STORE_32(r) "vmovdqu %%ymm" r ", 32*" r "(%1)\n"
#define STORE_64(r) "vmovdqu64 %%zmm" r ", 64*" r "(%1)\n"
#define REGISTERS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"

typedef void unit_fn(void);

#define UNIT_FN(name, op) \
static void name(void) \
{ \
	for (int i = 0; i < FLOOR_STEPS; i++) \
		__asm__ volatile(EIGHT(op) : : : REGISTERS); \
}

UNIT_FN(product_16, PRODUCT_16)
UNIT_FN(product_32, PRODUCT_32)
UNIT_FN(product_64, PRODUCT_64)
UNIT_FN(affine_64, AFFINE_64)

static void crc32_8(void)
{
	uint64_t r[8] = { 0 };

	for (int i = 0; i < FLOOR_STEPS; i++)
		__asm__ volatile("crc32q %8, %0\n crc32q %8, %1\n crc32q %8, %2\n crc32q %8, %3\n"
				 "crc32q %8, %4\n crc32q %8, %5\n crc32q %8, %6\n crc32q %8, %7\n"
				 : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3]), "+r"(r[4]),
				   "+r"(r[5]), "+r"(r[6]), "+r"(r[7]) : "r"(1ULL));
}

struct tries {
	unsigned	nr;
	double		seconds[FLOOR_TRIES], hz[FLOOR_TRIES];
};

static void note(struct tries *t, double seconds)
{
	t->seconds[t->nr] = seconds;
	t->hz[t->nr++] = frequency();
}

/* Medians, as of the cases: on a busy machine, both the least and the longest time can be wrong. */
static double cycles_of(struct tries *t)
{
	return median(t->seconds, t->nr) * median(t->hz, t->nr);
}

/* Returns the cycles of one instruction. */
static double cycles_of_unit(unit_fn *run)
{
	struct tries tries = { 0 };

	for (int i = 0; i < FLOOR_TRIES; i++) {
		const double t = now();

		run();
		note(&tries, now() - t);
	}
	leave_wide_registers();
	return cycles_of(&tries) / (8.0 * FLOOR_STEPS);
}

static void measure_units(void)
{
	unit.measured = true;
	if (!__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.2"))
		return;
	unit.product[0] = cycles_of_unit(product_16);
	unit.crc32 = cycles_of_unit(crc32_8);
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq"))
		unit.product[1] = cycles_of_unit(product_32);
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"))
		unit.product[2] = cycles_of_unit(product_64);
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("gfni"))
		unit.affine = cycles_of_unit(affine_64);
}

/* Load, or copy, @bytes by registers of a width; eight registers at a time. */
#define STREAM_FN(width) \
static void load_##width(const uint8_t *from, uint8_t *to, size_t bytes) \
{ \
	(void)to; \
	for (size_t i = 0; i + 8 * (width) <= bytes; i += 8 * (width)) \
		__asm__ volatile(EIGHT(LOAD_##width) : : "r"(from + i) : REGISTERS); \
} \
static void copy_##width(const uint8_t *from, uint8_t *to, size_t bytes) \
{ \
	for (size_t i = 0; i + 8 * (width) <= bytes; i += 8 * (width)) \
		__asm__ volatile(EIGHT(LOAD_##width) EIGHT(STORE_##width) \
				 : : "r"(from + i), "r"(to + i) : REGISTERS, "memory"); \
}

STREAM_FN(16)
STREAM_FN(32)
STREAM_FN(64)

/* Returns the cycles of a block of the case that are loads alone, or a copy. */
static double cycles_of_stream(const struct work *w, bool copies, int width)
{
	static void (*const streams[2][WIDTHS])(const uint8_t *, uint8_t *, size_t) = {
		{ load_16, load_32, load_64 }, { copy_16, copy_32, copy_64 },
	};
	const size_t bytes = (size_t)w->windows * w->nr * w->layout.data_size;
	const unsigned times = (unsigned)(1e6 / (double)bytes) + 1;
	struct tries tries = { 0 };

	for (int i = 0; i < (bytes > 1e7 ? 5 : FLOOR_TRIES); i++) {
		const double t = now();

		for (unsigned k = 0; k < times; k++)
			streams[copies][width](w->data, w->to, bytes);
		note(&tries, now() - t);
	}
	leave_wide_registers();
	return cycles_of(&tries) / times * w->layout.data_size / (double)bytes;
}

/* Returns the cycles of the products of a block's data, and which instruction they are. */
static struct bound products(unsigned guard, double bytes, int width, bool gfni)
{
	double clmul = 2 * unit.product[width] * bytes / (16 << width);
	double crc32 = unit.crc32 * bytes / 8;

	if (guard == 0 && gfni)
		return (struct bound){ 2 * unit.affine * bytes / 64, "gfni" };
	if (guard == 1)		/* both at the same time, each on a part of the block */
		return (struct bound){ 1 / (1 / clmul + 1 / crc32), "clmul+crc32" };
	return (struct bound){ clmul, "clmul" };
}

/* Returns the floor of a block under the kernel that is selected. */
static struct bound floor_of(const struct work *w, bool copies)
{
	const char *name = guard_selected();
	const int width = !strncmp(name, "avx512", 6) ? 2 : !strcmp(name, "avx2") ? 1 : 0;
	struct bound b = { 0 };
	double stream;

	if (!strcmp(name, "portable"))
		return b;
	if (!unit.measured)
		measure_units();
	b = products(w->guard, w->layout.data_size, width, strstr(name, "gfni"));
	stream = cycles_of_stream(w, copies, width);
	return stream > b.cycles ? (struct bound){ stream, copies ? "copy" : "load" } : b;
}

static void print_units(void)
{
	measure_units();
	printf("unit clmul-16 %.2f clmul-32 %.2f clmul-64 %.2f gfni-64 %.2f crc32-8 %.2f cycles\n",
	       unit.product[0], unit.product[1], unit.product[2], unit.affine, unit.crc32);
}
#else
static struct bound floor_of(const struct work *w, bool copies)
{
	(void)w;
	(void)copies;
	return (struct bound){ 0 };
}

static void print_units(void)
{
}
#endif

#endif
