/* SPDX-License-Identifier: MIT */
/*
 * guard-arm64.c - the guards with PMULL and CRC32 of AArch64, 16 bytes per vector
 *
 * For Armv8-A CPUs with the cryptographic and CRC32 extensions but without FEAT_SHA3,
 * for example Arm Cortex-A72 and Neoverse N1.
 */
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#pragma GCC target("arch=armv8-a+crypto+crc")

#include "guard-arm64.h"

GUARD_KERNEL(pmull)
#endif
