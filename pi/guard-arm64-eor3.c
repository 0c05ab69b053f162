/* SPDX-License-Identifier: MIT */
/*
 * guard-arm64-eor3.c - the guards with PMULL, CRC32 and EOR3 of AArch64
 *
 * For CPUs with FEAT_SHA3, for example Arm Neoverse V1 and Apple M1: EOR3 computes the
 * XOR of three vectors in one instruction, which each fold step needs.
 */
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#pragma GCC target("arch=armv8.2-a+crypto+crc+sha3")

#include "guard-arm64.h"

GUARD_KERNEL(eor3)
#endif
