/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - an error is a fact with an address: which block, which field,
 * wanted and got, and which side said so
 */
#ifndef VFY_REPORT_H
#define VFY_REPORT_H

#include "../pi/pi.h"

/* What can be wrong with a block: PI_* of pi.h, and these. */
enum vfy_field {
	VFY_METADATA	= 1 << 4,	/* a byte of it beyond the tuple */
	VFY_DATA	= 1 << 5,	/* a byte of data, where the data is known */
};

/* Who found it. */
enum vfy_side { VFY_HOST, VFY_DEVICE };

struct vfy_record {
	const char	*path;		/* of the namespace */
	const char	*command;	/* "read" */
	uint64_t	lba;
	uint32_t	blocks;		/* above 1: somewhere in so many from @lba on */
	unsigned	field;		/* one of PI_* or VFY_* */
	uint32_t	offset;		/* of the byte, for VFY_METADATA and VFY_DATA */
	bool		known;		/* are want and got? */
	uint64_t	want, got;
	enum vfy_side	side;
	const char	*status;	/* the device's words, for VFY_DEVICE */
};

/* "guard", "application tag", ...; @field is one of PI_* or VFY_*. */
const char *vfy_field_name(unsigned field);

/*
 * One line without its newline, cut at @size bytes; returns @buf.
 * "/dev/ng0n1: read: LBA 7: guard: wanted 1a2bh, got 0000h (found by the host)"
 * "/dev/ng0n1: read: LBA 8-15: guard (found by the device: ...)"
 */
char *vfy_record_text(const struct vfy_record *r, char *buf, size_t size);

/* Counts by class, exact however many lines are shown. */
struct vfy_counts {
	uint64_t	checked;	/* blocks the host looked at */
	uint64_t	field[6];	/* records by bit number of their field */
};

void vfy_count(struct vfy_counts *c, const struct vfy_record *r);
uint64_t vfy_counts_total(const struct vfy_counts *c);

/* "guard 3, reference tag 1" in @buf; returns @buf. */
char *vfy_counts_text(const struct vfy_counts *c, char *buf, size_t size);

#endif
