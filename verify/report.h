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
	VFY_STAMP	= 1 << 6,	/* which write it is from (stamp.c) */
};

#define VFY_NR_FIELDS 7

/* Who found it. */
enum vfy_side { VFY_HOST, VFY_DEVICE, VFY_PLUGIN, VFY_NR_SIDES };

/* What became of a block, where that can be told. */
enum vfy_class {
	VFY_UNCLASSED,
	VFY_LOST,		/* the last write never arrived */
	VFY_STALE,		/* it holds an older write than the last but one */
	VFY_MISDIRECTED,	/* it holds a write meant for another LBA */
	VFY_TORN,		/* parts of it are from different writes */
	VFY_ESCAPED,		/* its tuple turns off every check, and must not */
	VFY_MEDIA_ERROR,	/* the device can't read or write it: there is no value to compare */
	VFY_NR_CLASSES,
};

struct vfy_record {
	const char	*path;		/* of the namespace */
	const char	*command;	/* "read" */
	uint64_t	lba;
	uint32_t	blocks;		/* above 1: somewhere in so many from @lba on */
	uint32_t	index;		/* of the block in its I/O */
	unsigned	field;		/* one of PI_* or VFY_* */
	uint32_t	offset;		/* of the byte, for VFY_METADATA and VFY_DATA */
	bool		known;		/* are want and got? */
	uint64_t	want, got;
	uint64_t	mask;		/* the bits of them that were compared */
	enum vfy_side	side;
	const char	*status;	/* the device's words, for VFY_DEVICE */
	bool		injected;	/* done on purpose (inject.h) */
	enum vfy_class	class;
	uint64_t	from;		/* the LBA meant, for VFY_MISDIRECTED */
};

/* "guard", "application tag", ...; @field is one of PI_* or VFY_*. */
const char *vfy_field_name(unsigned field);

/* "host", "device", "plugin"; "lost", "stale", ... ("" for VFY_UNCLASSED). */
const char *vfy_side_name(enum vfy_side side);
const char *vfy_class_name(enum vfy_class class);

/*
 * One line without its newline, cut at @size bytes; returns @buf.
 * "/dev/ng0n1: read: LBA 7: guard: wanted 1a2bh, got 0000h (found by the host)"
 * "/dev/ng0n1: read: LBA 8-15: guard (found by the device: ...)"
 * "x.img: read: LBA 9: stamp: misdirected from LBA 8: wanted 0003h, got 0002h
 * (found by the plugin)"
 */
char *vfy_record_text(const struct vfy_record *r, char *buf, size_t size);

/* Counts by class, exact however many lines are shown. */
struct vfy_counts {
	uint64_t	total, injected;
	uint64_t	field[VFY_NR_FIELDS];	/* by bit number of the field */
	uint64_t	side[VFY_NR_SIDES];
	uint64_t	class[VFY_NR_CLASSES];
};

void vfy_count(struct vfy_counts *c, const struct vfy_record *r);

/* "guard 3, reference tag 1" in @buf; returns @buf. */
char *vfy_counts_text(const struct vfy_counts *c, char *buf, size_t size);

#endif
