/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mismatch.h - the record of a mismatch: which block, which field, expected and found
 * value, and who found it
 */
#ifndef VFY_REPORT_H
#define VFY_REPORT_H

#include "../pi/pi.h"

/* The fields of a block that can be wrong: PI_* of pi.h, and these. */
enum vfy_field {
	VFY_METADATA	= 1 << 4,	/* a metadata byte outside the tuple */
	VFY_DATA	= 1 << 5,	/* a byte of data, if the expected data is known */
	VFY_STAMP	= 1 << 6,	/* the generation of the write (stamp.c) */
};

#define VFY_NR_FIELDS 7

/* Who found the mismatch. */
enum vfy_side { VFY_HOST, VFY_DEVICE, VFY_PLUGIN, VFY_NR_SIDES };

/* What happened to a block, if that is known. */
enum vfy_class {
	VFY_UNCLASSED,
	VFY_LOST,		/* the last write did not reach media */
	VFY_STALE,		/* it holds a write older than the last but one */
	VFY_MISDIRECTED,	/* it holds a write for another LBA */
	VFY_TORN,		/* its parts are from different writes */
	VFY_ESCAPED,		/* its tuple disables all checks, but must not */
	VFY_MEDIA_ERROR,	/* the device can't read or write it; no values */
	VFY_NR_CLASSES,
};

struct vfy_mismatch {
	const char	*path;		/* path of the namespace */
	const char	*command;	/* "read" */
	uint64_t	lba;
	uint64_t	blocks;		/* above 1: it is in one of these blocks from @lba on */
	uint32_t	index;		/* index of the block in its I/O */
	unsigned	field;		/* one of PI_* or VFY_* */
	uint32_t	offset;		/* of the byte, if VFY_METADATA or VFY_DATA */
	bool		known;		/* @want, @got and @mask are valid */
	uint64_t	want, got;
	uint64_t	mask;		/* bits that were compared */
	enum vfy_side	side;
	const char	*status;	/* the device's status as text, if VFY_DEVICE */
	bool		injected;	/* caused by an injected error (inject.h) */
	enum vfy_class	class;
	uint64_t	from;		/* LBA the write was for, if VFY_MISDIRECTED */
};

/* Returns "guard", "application tag", ...; @field is one of PI_* or VFY_*. */
const char *vfy_field_name(unsigned field);

/* Return "host", "device", "plugin"; and "lost", "stale", ... ("" for VFY_UNCLASSED). */
const char *vfy_side_name(enum vfy_side side);
const char *vfy_class_name(enum vfy_class class);

/*
 * Format a record as one line without newline, truncated to @size bytes.  Returns @buf.
 * "/dev/ng0n1: read: LBA 7: guard: wanted 1a2bh, got 0000h (found by the host)"
 * "/dev/ng0n1: read: LBA 8-15: guard (found by the device: ...)"
 * "x.img: read: LBA 9: stamp: misdirected from LBA 8: wanted generation 3, got generation 2 of
 * LBA 8 (found by the plugin)"
 */
char *vfy_mismatch_text(const struct vfy_mismatch *r, char *buf, size_t size);

/* Counts of mismatches; they are exact, however few lines were printed. */
struct vfy_counts {
	uint64_t	total, injected;
	uint64_t	field[VFY_NR_FIELDS];	/* indexed by the field's bit number */
	uint64_t	side[VFY_NR_SIDES];
	uint64_t	class[VFY_NR_CLASSES];
};

void vfy_count(struct vfy_counts *c, const struct vfy_mismatch *r);

/* Format the counts by field, such as "guard 3, reference tag 1".  Returns @buf. */
char *vfy_counts_text(const struct vfy_counts *c, char *buf, size_t size);

#endif
