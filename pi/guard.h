/* SPDX-License-Identifier: MIT */
/*
 * guard.h - the guards of protection information: three CRCs over many blocks
 *
 *	guard	CRC		polynomial		check ("123456789")
 *	16b	T10-DIF		8BB7h			D0DBh
 *	32b	CRC-32C		1EDC6F41h		E3069283h
 *	64b	CRC-64/NVME	AD93D23594C93659h	AE8B14860A799888h
 *
 * One call does many blocks at a stride, because that is the shape of an I/O
 * and because a CRC is fast only when several run at once.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>
#include <stdint.h>

/*
 * What to run over: @nr blocks, block i at @data + i * @data_stride, @data_len
 * bytes long (any length, any alignment).  The guard goes on over @md_len bytes
 * at @md + i * @md_stride: the metadata ahead of a tuple that comes last; 0 for
 * none, and then @md is not looked at.  When @copy is not NULL the data of
 * block i is copied to @copy + i * @copy_stride in the same pass; it may not
 * overlap @data or @md.
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

/* Store the guard of block i in @guards[i], host-endian.  Cannot fail. */
typedef void guard_fn(const struct guard_job *job, uint64_t *guards);

guard_fn guard_16b;
guard_fn guard_32b;
guard_fn guard_64b;

/*
 * The implementation that computes them: the best that this CPU runs, chosen by
 * the first call, or the one that the environment variable NVMEPI_GUARD names.
 * A name there that guard_select() would refuse is ignored; who wants to refuse
 * it calls that first.
 *
 * guard_select() returns 0, -EINVAL for a name that this architecture does not
 * have, -ENOTSUP for one that this CPU does not run.  Calls that are under way
 * in other threads end as they began; all give the same guards.
 */
const char *guard_selected(void);
int guard_select(const char *name);

#endif
