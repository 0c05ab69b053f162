/* SPDX-License-Identifier: MIT */
/*
 * guard.c - select the implementation that computes the guards
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "guard-kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* The compiler's check also covers the operating system's support (XCR0). */
#define HAS(feature)	__builtin_cpu_supports(feature)

static bool runs_sse42(void)
{
	return HAS("sse4.2") && HAS("pclmul");
}

static bool runs_avx2(void)
{
	return runs_sse42() && HAS("avx2") && HAS("vpclmulqdq");
}

static bool runs_avx512(void)
{
	return runs_avx2() && HAS("bmi2") && HAS("avx512f") && HAS("avx512bw") &&
	       HAS("avx512dq") && HAS("avx512vl");
}

static bool runs_gfni(void)
{
	return runs_avx512() && HAS("gfni");
}

#define HYPERVISOR		(1u << 31)	/* leaf 1, ECX */
#define HYPERVISOR_LEAF		0x40000000	/* hypervisor name in EBX, ECX, EDX */

/*
 * QEMU without hardware virtualisation (TCG) emulates carry-less multiplication bit by bit.
 * There the portable kernel is 1.6 (16b) to 6 (32b) times as fast as the vector kernels.
 */
static bool products_are_slow(void)
{
	unsigned eax, name[3], edx;

	if (!__get_cpuid(1, &eax, &name[0], &name[1], &edx) || !(name[1] & HYPERVISOR))
		return false;
	__cpuid(HYPERVISOR_LEAF, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}
#else
static bool products_are_slow(void)
{
	return false;
}
#endif

#if defined(__aarch64__) && !defined(__AARCH64EB__)
#include <sys/auxv.h>

#define HAS(feature)	((getauxval(AT_HWCAP) & (feature)) == (feature))
#define PMULL		(1UL << 4)	/* bit numbers as in Linux' <asm/hwcap.h> */
#define CRC32		(1UL << 7)
#define SHA3		(1UL << 17)

static bool runs_pmull(void)
{
	return HAS(PMULL | CRC32);
}

static bool runs_eor3(void)
{
	return HAS(PMULL | CRC32 | SHA3);
}
#endif

static bool runs_everywhere(void)
{
	return true;
}

const struct guard_kernel guard_kernels[] = {
#if defined(__x86_64__)
	{ "avx512-gfni", runs_gfni, guard_16b_gfni, guard_32b_avx512, guard_64b_avx512 },
	{ "avx512", runs_avx512, guard_16b_avx512, guard_32b_avx512, guard_64b_avx512 },
	{ "avx2", runs_avx2, guard_16b_avx2, guard_32b_avx2, guard_64b_avx2 },
	{ "sse42", runs_sse42, guard_16b_sse42, guard_32b_sse42, guard_64b_sse42 },
#endif
#if defined(__aarch64__) && !defined(__AARCH64EB__)
	{ "pmull-eor3", runs_eor3, guard_16b_eor3, guard_32b_eor3, guard_64b_eor3 },
	{ "pmull", runs_pmull, guard_16b_pmull, guard_32b_pmull, guard_64b_pmull },
#endif
	{ "portable", runs_everywhere,
	  guard_16b_portable, guard_32b_portable, guard_64b_portable },
};

const size_t guard_nr_kernels = sizeof(guard_kernels) / sizeof(guard_kernels[0]);

/*
 * The selected functions; before the first call, those that select.  Threads that race there all
 * store the same values, and the kernel tables are constant, so relaxed order is sufficient.
 */
static guard_fn first_16b, first_32b, first_64b;
static _Atomic(guard_fn *) of_16b = first_16b, of_32b = first_32b, of_64b = first_64b;
static _Atomic(const struct guard_kernel *) selected;

static void use(const struct guard_kernel *k)
{
	guard_set_ahead();
	atomic_store_explicit(&selected, k, memory_order_relaxed);
	atomic_store_explicit(&of_16b, k->of_16b, memory_order_relaxed);
	atomic_store_explicit(&of_32b, k->of_32b, memory_order_relaxed);
	atomic_store_explicit(&of_64b, k->of_64b, memory_order_relaxed);
}

static const struct guard_kernel *best(void)
{
	const struct guard_kernel *k = guard_kernels;

	if (products_are_slow())
		return &guard_kernels[guard_nr_kernels - 1];
	while (!k->runs())
		k++;
	return k;
}

int guard_select(const char *name)
{
	const struct guard_kernel *k = guard_kernels;

	while (strcmp(k->name, name))
		if (++k == guard_kernels + guard_nr_kernels)
			return -EINVAL;
	if (!k->runs())
		return -ENOTSUP;
	use(k);
	return 0;
}

static void choose(void)
{
	const char *name = getenv("NVMEPI_GUARD");

	if (!name || guard_select(name))
		use(best());
}

const char *guard_selected(void)
{
	if (!atomic_load_explicit(&selected, memory_order_relaxed))
		choose();
	return atomic_load_explicit(&selected, memory_order_relaxed)->name;
}

#define SELECTED_FN(guard) \
void guard_##guard(const struct guard_job *job, uint64_t *guards) \
{ \
	atomic_load_explicit(&of_##guard, memory_order_relaxed)(job, guards); \
} \
static void first_##guard(const struct guard_job *job, uint64_t *guards) \
{ \
	choose(); \
	guard_##guard(job, guards); \
}

SELECTED_FN(16b)
SELECTED_FN(32b)
SELECTED_FN(64b)
