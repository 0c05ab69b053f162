/* SPDX-License-Identifier: MIT */
/*
 * guard-x86.h - compile the functions of a file for CPUs that have more instructions
 *
 * GUARD_TARGET("avx2,...") before the functions, GUARD_TARGET_END behind them: GCC and clang
 * have different pragmas for it.  Clang's must stand behind the intrinsics, which have their own.
 */
#ifndef GUARD_X86_H
#define GUARD_X86_H

#include <immintrin.h>

#define GUARD_PRAGMA(text)	_Pragma(#text)
#ifdef __clang__
#define GUARD_TARGET(names)	\
	GUARD_PRAGMA(clang attribute push(__attribute__((target(names))), apply_to = function))
#define GUARD_TARGET_END	GUARD_PRAGMA(clang attribute pop)
#else
#define GUARD_TARGET(names)	GUARD_PRAGMA(GCC target(names))
#define GUARD_TARGET_END
#endif

#endif
