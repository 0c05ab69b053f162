/* SPDX-License-Identifier: MIT */
/*
 * guard-x86-avx512.c - the guards with AVX-512 and VPCLMULQDQ, 64 bytes per vector
 *
 * For CPUs that have both, for example Intel Ice Lake and AMD Zen 4 and their
 * successors: one instruction multiplies four lanes, and masked loads replace the
 * special code for the ends of blocks.  If the CPU also has GFNI, guard-x86-gfni.c
 * computes the 16b guard, and this file the other two.
 */
#if defined(__x86_64__)
#include "guard-x86.h"

GUARD_TARGET("avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmul,sse4.2,bmi2,prfchw")

#include "guard-x86-512.h"

GUARD_KERNEL(avx512)

GUARD_TARGET_END
#endif
