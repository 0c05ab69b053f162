/* SPDX-License-Identifier: MIT */
/*
 * guard.h - compute the guards (CRCs) of many blocks in one call
 *
 *	guard	CRC		polynomial		check ("123456789")
 *	16b	T10-DIF		8BB7h			D0DBh
 *	32b	CRC-32C		1EDC6F41h		E3069283h
 *	64b	CRC-64/NVME	AD93D23594C93659h	AE8B14860A799888h
 *
 * Spec: NVM Command Set Specification, section "Protection Information Formats".
 *
 * One call processes many blocks at a constant stride.  This is the shape of an I/O,
 * and a CRC is fast only if several of them are computed at the same time.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef NVMEPI_EXPORT		/* libnvmepi is being compiled */
#pragma GCC visibility push(default)
#endif

/*
 * The input of a guard function: @nr blocks.  Block i is the @data_len bytes (any length, any
 * alignment) at @data + i * @data_stride.  Its guard also covers the @md_len bytes at @md + i *
 * @md_stride: the metadata in front of a tuple that is last in the metadata.  If @md_len is 0,
 * @md is not used.
 *
 * If @copy is not NULL, the data of block i is copied to @copy + i * @copy_stride in the same
 * pass; this memory must not overlap @data or @md.  All lengths and strides are in bytes.
 */
struct guard_job {
	const void	*data;
	size_t		data_len;
	size_t		data_stride;
	const void	*md;
	size_t		md_len;
	size_t		md_stride;
	void		*copy;
	size_t		copy_stride;
	size_t		nr;
};

/* Store the guard of block i, host-endian, in @guards[i] for all job->nr blocks.  Cannot fail. */
typedef void guard_fn(const struct guard_job *job, uint64_t *guards);

guard_fn guard_16b;
guard_fn guard_32b;
guard_fn guard_64b;

/*
 * Return or set the name of the implementation that computes the guards.  The first call of any
 * function here selects the one named by the environment variable NVMEPI_GUARD, or else the
 * best that this CPU supports.  A name in NVMEPI_GUARD that guard_select() would refuse is
 * ignored; a caller that wants to report it calls guard_select() first.
 *
 * guard_select() returns 0, -EINVAL if this architecture has no implementation of that name, or
 * -ENOTSUP if this CPU does not support it.  Calls in progress in other threads finish with the
 * implementation they started with; all implementations give the same guards.
 */
const char *guard_selected(void);
int guard_select(const char *name);

#ifdef NVMEPI_EXPORT
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
