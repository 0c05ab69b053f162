/* SPDX-License-Identifier: MIT */
/*
 * guard-arm64.c - the guards with PMULL and CRC32 of AArch64
 */
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#pragma GCC target("arch=armv8-a+crypto+crc")

#include "guard-arm64.h"

GUARD_KERNEL(pmull)
#endif
