/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.h - the guard CRCs as the specification defines them, for the model only
 *
 * This implementation shares no code with pi/, so that the suite does not depend on the library for
 * what a guard is.
 */
#ifndef QUALIFY_GUARD_H
#define QUALIFY_GUARD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Returns the guard of @len bytes at @data followed by @more_len bytes at @more (may be
 * NULL when that is 0).  @pif: 0 is 16b, 1 is 32b, 2 is 64b.
 * NVM Command Set Specification, 5.3.1.1, 5.3.1.2, 5.3.1.3.
 */
uint64_t qm_guard(unsigned pif, const void *data, size_t len, const void *more, size_t more_len);

#endif
