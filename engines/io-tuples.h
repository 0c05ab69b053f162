/* SPDX-License-Identifier: GPL-2.0-only */
/* io-tuples.h - the tuples of an I/O: generated before it is sent, checked after it was read */
#ifndef IO_TUPLES_H
#define IO_TUPLES_H

#include "blocks.h"

/* Result of the host's checks of a read. */
struct io_found {
	uint32_t	bad;		/* mismatches */
	uint32_t	escaped;	/* blocks whose tuples escape all checks */
	uint32_t	blank;		/* blocks without a tuple that are all zero */
};

/* Generates the tuples that are sent, if not PRACT=1, and copies data into the bounce buffer. */
void io_generate(const struct io *io);

/* Checks @fields of the tuples that were read, and copies data from the bounce buffer. */
struct io_found io_check_tuples(const struct io *io, unsigned fields);

#endif
