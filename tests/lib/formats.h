/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * formats.h - the formats that tests of engines/ and verify/ iterate over, and the conversion from
 * the oracle's description of a format
 */
#ifndef FORMATS_H
#define FORMATS_H

#include <stdlib.h>

#include "engines/nvme/nvme.h"
#include "pi-format.h"

/* Return what nvme_decode() would return for namespace 7 in that format. */
static inline struct nvme_ns_info info_of(const struct oracle_format *f)
{
	return (struct nvme_ns_info) {
		.nsid = 7, .nr_blocks = 1 << 20, .layout = layout_of(f), .storage_mask = UINT64_MAX,
		.pif = f->type ? f->pif : 0,
	};
}

typedef void visit_format(const struct oracle_format *f);

/* Call @visit with @f for data of 512 and 4096 bytes, and separate and extended metadata. */
static inline void each_block_of(struct oracle_format f, visit_format *visit)
{
	for (f.data_size = 512; f.data_size <= 4096; f.data_size *= 8)
		for (int extended = 0; extended <= (f.md_size ? 1 : 0); extended++) {
			f.extended = extended;
			if (!oracle_objection(&f))
				visit(&f);
		}
}

/* Call @visit for all of these with types 1 to 3 and the tuple first and last. */
static inline void each_type_of(struct oracle_format f, visit_format *visit)
{
	for (f.type = 1; f.type <= 3; f.type++)
		for (int first = 0; first <= 1; first++) {
			f.first = first;
			each_block_of(f, visit);
		}
}

/*
 * Call @visit for every combination of: no protection and all three guards; the smallest, an odd
 * and the largest storage tag; metadata of size 0, of the tuple, larger, and odd; and the
 * properties that the two functions above vary.
 */
static inline void each_format(visit_format *visit)
{
	static const uint32_t md_sizes[] = { 0, 8, 13, 16, 24, 64 };
	static const unsigned sts[3][3] = { { 0, 13, 32 }, { 16, 37, 64 }, { 0, 21, 48 } };

	for (size_t m = 0; m < ARRAY_SIZE(md_sizes); m++) {
		struct oracle_format f = { .md_size = md_sizes[m] };

		each_block_of(f, visit);
		for (f.pif = 0; f.pif < 3; f.pif++)
			for (size_t i = 0; i < 3; i++) {
				f.sts = sts[f.pif][i];
				each_type_of(f, visit);
			}
	}
}

static inline void *allocate(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p) {
		perror("test: malloc");
		exit(2);
	}
	return p;
}

#endif
