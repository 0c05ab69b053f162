// SPDX-License-Identifier: GPL-2.0-only
/* defect-when.c - for which commands and blocks a defect holds; see defect-parts.h */
#include "defect-parts.h"

#define WHEN(name) bool ctl_when_##name(const struct ctl_act *a, uint32_t i, uint64_t at)

/* --- blocks, by their index in the command --- */

WHEN(first)
{
	(void)a, (void)at;
	return i == 0;
}

/* The last block of several. */
WHEN(last)
{
	(void)at;
	return i && i == a->r.nr - 1;
}

WHEN(middle)
{
	(void)at;
	return i && i + 1 < a->r.nr;
}

WHEN(index)
{
	(void)a;
	return i == at;
}

WHEN(from)
{
	(void)a;
	return i >= at;
}

/* The block in the data buffer that begins a unit of @at bytes, but for the first. */
WHEN(after_bytes)
{
	const uint64_t from = (uint64_t)i * a->img->media.data_size;

	return from && from / at != (from - a->img->media.data_size) / at;
}

WHEN(lba_multiple)
{
	return (a->r.lba + i) % at == 0;
}

WHEN(lba_from)
{
	return a->r.lba + i >= at;
}

/* Blocks past a count of blocks that has lost its upper byte. */
WHEN(beyond_low_byte)
{
	(void)at;
	return a->r.nr > 256 && i >= (a->r.nr & 0xff);
}

/* --- commands, by size and flags --- */

WHEN(nr)
{
	(void)i;
	return a->r.nr == at;
}

/* A power of two of at least @at blocks. */
WHEN(nr_power)
{
	(void)i;
	return a->r.nr >= at && !(a->r.nr & (a->r.nr - 1));
}

/* Data as large as MDTS allows. */
WHEN(nr_most)
{
	(void)i, (void)at;
	return ((uint64_t)a->r.nr + 1) * a->img->media.data_size > CTL_MAX_TRANSFER;
}

/* An odd number of blocks, at least @at. */
WHEN(nr_odd)
{
	(void)i;
	return a->r.nr >= at && a->r.nr & 1;
}

/* The bits @at of CDW12 are set, or none of them is. */
WHEN(flag)
{
	(void)i;
	return a->cmd.cdw12 & at;
}

WHEN(no_flag)
{
	(void)i;
	return !(a->cmd.cdw12 & at);
}

WHEN(depth)
{
	(void)i;
	return a->flight >= at;
}

WHEN(every)
{
	(void)i;
	return a->all->commands % at == 0;
}

/* The data buffer does not begin at a multiple of @at bytes. */
WHEN(unaligned)
{
	(void)i;
	return a->cmd.addr % at;
}

WHEN(ends_namespace)
{
	(void)i, (void)at;
	return a->r.lba + a->r.nr == a->img->format.nr_blocks;
}

/* --- formats --- */

WHEN(extended)
{
	(void)i, (void)at;
	return a->img->format.layout.extended;
}

WHEN(type)
{
	(void)i;
	return a->img->media.type == at;
}

/* There is metadata beside the tuple. */
WHEN(more_metadata)
{
	(void)i, (void)at;
	return ctl_has_pi(a->img) && a->img->media.md_size > a->img->media.format->tuple_size;
}

WHEN(data_size)
{
	(void)i;
	return a->img->media.data_size == at;
}

/* --- what happened before --- */

WHEN(after_bad)
{
	(void)i, (void)at;
	return a->all->after_bad;
}

WHEN(after_flush)
{
	(void)i, (void)at;
	return a->all->after_flush;
}

WHEN(after_fail)
{
	(void)i, (void)at;
	return a->all->after_fail;
}

WHEN(after_format)
{
	(void)i, (void)at;
	return a->all->after_format;
}
