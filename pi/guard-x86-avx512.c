/* SPDX-License-Identifier: MIT */
/*
 * guard-x86-avx512.c - the guards with AVX-512 and VPCLMULQDQ
 */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmul,sse4.2,bmi2,prfchw")

#include "guard-x86-512.h"

GUARD_KERNEL(avx512)
#endif
