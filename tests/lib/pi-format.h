/* SPDX-License-Identifier: GPL-2.0-only */
/* pi-format.h - convert a format of the oracle to a layout of pi/ */
#ifndef PI_FORMAT_H
#define PI_FORMAT_H

#include <stdio.h>

#include "pi/pi.h"
#include "oracle.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline struct pi_layout layout_of(const struct oracle_format *f)
{
	return (struct pi_layout) {
		.format		= f->type ? &pi_formats[f->pif] : NULL,
		.type		= f->type,
		.data_size	= f->data_size,
		.md_size	= f->md_size,
		.sts		= f->sts,
		.first		= f->first,
		.extended	= f->extended,
	};
}

/* Return a text for messages; it is overwritten by the next call. */
static inline const char *format_text(const struct oracle_format *f)
{
	static char text[100];

	snprintf(text, sizeof(text), "%u+%u pif %u type %u sts %u %s %s", f->data_size, f->md_size,
		 f->pif, f->type, f->sts, f->first ? "first" : "last",
		 f->extended ? "extended" : "separate");
	return text;
}

#endif
