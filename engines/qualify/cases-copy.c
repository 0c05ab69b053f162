// SPDX-License-Identifier: GPL-2.0-only
/* cases-copy.c - tests Copy; see case.h */
#include <string.h>
#include "case.h"

enum { MAX_SOURCES = 256, STCR = 1 << 25 };

/* A source range, and the tags that its blocks are expected to have. */
struct source {
	uint64_t	lba;
	uint32_t	nr;
	struct qm_tags	tags;
	uint32_t	nsid;
};

static void put_le(uint8_t *p, unsigned len, uint64_t value)
{
	for (; len; len--, value >>= 8)
		*p++ = value;
}

static void put_be32(uint8_t *p, uint32_t value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		p[i] = value;
}

/* Stores a source range entry, figures 39 and 40. */
static void put_source(struct lab *l, unsigned format, const struct source *s, uint8_t *p)
{
	struct nvme_uring_cmd tags = { 0 };
	uint8_t *at;

	qm_put_tags(&l->f, &s->tags, &tags);
	memset(p, 0, qm_source_size(format));
	if (format & 2)
		put_le(p, 4, s->nsid);
	put_le(p + 8, 8, s->lba);
	put_le(p + 16, 2, s->nr - 1);
	if (format & 1) {
		at = p + 36;
		p[26] = tags.cdw2 >> 8;
		p[27] = tags.cdw2;
		put_be32(p + 28, tags.cdw3);
		put_be32(p + 32, tags.cdw14);
	} else {
		at = p + 28;
		put_le(p + 24, 4, tags.cdw14);
	}
	put_le(at, 2, s->tags.app);
	put_le(at + 2, 2, s->tags.app_mask);
}

static unsigned own_format(const struct lab *l)
{
	return l->f.type && l->f.pif ? 1 : 0;
}

/*
 * Returns a Copy command. @read and @write are enum qm_check and LAB_PRACT; ->tags are those of the
 * destination.
 */
static struct nvme_uring_cmd copy_command(struct lab *l, unsigned format, const struct source *from,
					  unsigned nr, uint64_t to, unsigned read, unsigned write)
{
	struct nvme_uring_cmd cmd = lab_command(l, nvme_cmd_copy, to, 1, write);
	const size_t size = qm_source_size(format) ? qm_source_size(format) : 32;

	for (unsigned i = 0; i < nr; i++)
		put_source(l, qm_source_size(format) ? format : 0, &from[i],
			   l->bufs->data + i * size);
	cmd.cdw12 &= ~0xffffu;
	cmd.cdw12 |= (nr - 1) | format << 8 | (read & 7) << 12 | (read & LAB_PRACT ? 1 << 15 : 0) |
		     (read & QM_STORAGE ? STCR : 0);
	cmd.addr = (uintptr_t)l->bufs->data;
	cmd.data_len = nr * size;
	return cmd;
}

static bool copy(struct lab *l, const struct source *from, unsigned nr, uint64_t to, unsigned read,
		 unsigned write)
{
	const struct nvme_uring_cmd cmd = copy_command(l, own_format(l), from, nr, to, read, write);

	return lab_do(l, &cmd);
}

/* Returns the blocks that one Copy may copy and whose descriptors fit into the buffers. */
static uint32_t copy_most(const struct lab *l)
{
	uint32_t most = l->most;

	if (l->f.copy_range < most)
		most = l->f.copy_range;
	return l->f.copy_blocks < most ? l->f.copy_blocks : most;
}

static uint32_t some_blocks(struct lab *l, uint32_t limit)
{
	const uint32_t most = copy_most(l);

	return 1 + lab_below(l, most < limit ? most : limit);
}

/* Writes a source; returns a destination that does not overlap it. */
static uint64_t prepare(struct lab *l, struct source *s, uint32_t nr)
{
	uint64_t place = lab_place(l, 2 * nr + 1);

	lab_new_tags(l, place);
	*s = (struct source){ place, nr, l->tags, l->f.nsid };
	lab_write(l, place, nr);
	place += nr + 1;
	if (l->f.type == 1)
		l->tags.ref = place & qm_ones(qm_ref_bits(&l->f));
	return place;
}

/*
 * Returns the checks that tuples pass after a copy: those of type 1 are wrong at the new LBA,
 * unless they are generated again.
 */
static unsigned passing(const struct lab *l)
{
	return l->f.type == 1 ? case_checks(l) & ~QM_REF : case_checks(l);
}

static void run_pass(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (int i = 0; i < 12 && !l->failed; i++) {
		struct source s;
		const uint64_t to = prepare(l, &s, some_blocks(l, i < 6 ? 4 : 4096));

		copy(l, &s, 1, to, case_checks(l), 0);
		copy(l, &s, 1, to, 0, passing(l));
		copy(l, &s, 1, to, case_checks(l), passing(l));
		case_send(l, nvme_cmd_read, to, s.nr, 0);
	}
}

static void run_replace(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (int i = 0; i < 12 && !l->failed; i++) {
		struct source s;
		const uint64_t to = prepare(l, &s, some_blocks(l, i < 6 ? 4 : 4096));

		lab_new_tags(l, to);
		copy(l, &s, 1, to, case_checks(l) | LAB_PRACT, LAB_PRACT | (i & 1 ? QM_ALL : 0));
		case_send(l, nvme_cmd_read, to, s.nr, case_checks(l));
	}
}

/*
 * Several ranges are copied to one, in their order; the destination's tags count across all of
 * them.
 */
static void run_ranges(struct lab *l, const struct qcase *c)
{
	const unsigned limit = l->f.copy_ranges < 8 ? l->f.copy_ranges : 8;

	for (int n = 0; n < 6 && !l->failed; n++) {
		struct source from[8];
		const unsigned nr = 1 + lab_below(l, limit);
		uint64_t place = lab_place(l, 64), to = place + 40;

		for (unsigned i = 0; i < nr; i++) {
			const uint64_t lba = place + 5 * (nr - 1 - i);

			lab_new_tags(l, lba);
			from[i] = (struct source){ lba, 1 + lab_below(l, 3), l->tags, l->f.nsid };
			lab_write(l, lba, from[i].nr);
		}
		if (copy_most(l) < 24)
			return;
		lab_new_tags(l, to);
		copy(l, from, nr, to, case_checks(l) | c->arg, c->arg);
		case_send(l, nvme_cmd_read, to, 3, c->arg ? case_checks(l) : 0);
	}
}

/* A wrong block of the source is found by PRINFOR, one that does not match the tags by PRINFOW. */
static void run_bad_source(struct lab *l, const struct qcase *c)
{
	static const unsigned fields[] = { QM_GUARD, QM_APP, QM_STORAGE, QM_REF };

	for (int n = 0; n < 16 && !l->failed; n++) {
		const unsigned field = fields[n % 4];
		struct nvme_uring_cmd cmd;
		struct source s;
		uint64_t to;

		if (!case_bits(l, field))
			continue;
		to = prepare(l, &s, some_blocks(l, 6));
		cmd = lab_command(l, nvme_cmd_write, s.lba, s.nr, 0);
		case_flip(l, &cmd, lab_below(l, s.nr), field, case_bit(l, field));
		lab_do(l, &cmd);
		lab_fill(l, s.nr, false);
		lab_store(l, to, s.nr);
		copy(l, &s, 1, to, c->arg ? 0 : field & case_checks(l),
		     c->arg ? field & case_checks(l) : 0);
		copy(l, &s, 1, to, c->arg ? 0 : (case_checks(l) & ~field) | LAB_PRACT,
		     c->arg ? 0 : LAB_PRACT);
	}
}

/* Type 1: the tuples of each side must match its own LBA. */
static void run_mismatch(struct lab *l, const struct qcase *c)
{
	struct source s;
	const uint64_t to = prepare(l, &s, some_blocks(l, 4));
	const struct qm_tags right = l->tags;
	struct source wrong = s;

	(void)c;
	wrong.tags.ref ^= 1;
	copy(l, &wrong, 1, to, QM_REF, 0);
	copy(l, &wrong, 1, to, 0, 0);
	l->tags.ref ^= 1;
	copy(l, &s, 1, to, 0, QM_REF);
	copy(l, &s, 1, to, LAB_PRACT, LAB_PRACT | QM_REF);
	l->tags = right;
	copy(l, &s, 1, to, 0, QM_REF);		/* the tuples are those of the source's LBA */
}

static void run_pract(struct lab *l, const struct qcase *c)
{
	struct source s;
	const uint64_t to = prepare(l, &s, some_blocks(l, 4));

	(void)c;
	copy(l, &s, 1, to, LAB_PRACT, 0);
	copy(l, &s, 1, to, 0, LAB_PRACT);
	copy(l, &s, 1, to, 0, 0);
}

/*
 * Every descriptor format: a normal copy, a copy onto its own source, and namespaces that do not
 * exist.
 */
static void run_formats(struct lab *l, const struct qcase *c)
{
	static const uint32_t nsids[] = { 0, 0xfffffffe, NVME_NSID_ALL };
	struct source s, other;
	uint64_t to;

	(void)c;
	if (!lab_has(l, nvme_cmd_copy)) {
		l->skip = "the controller does not report that it supports Copy";
		return;
	}
	to = prepare(l, &s, some_blocks(l, 4));
	for (unsigned format = 0; format < 16 && !l->failed; format++) {
		struct nvme_uring_cmd cmd = copy_command(l, format, &s, 1, to, 0, 0);

		lab_do(l, &cmd);
		cmd = copy_command(l, format, &s, 1, s.lba + s.nr - 1, 0, 0);
		lab_do(l, &cmd);
		for (int i = 0; i < 3 && format & 2; i++) {
			other = s;
			other.nsid = nsids[i];
			cmd = copy_command(l, format, &other, 1, to, 0, 0);
			lab_do(l, &cmd);
		}
		to = prepare(l, &s, some_blocks(l, 4));
	}
}

/* Uncorrectable and deallocated blocks as sources. */
static void run_states(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = copy_most(l) < 4 ? copy_most(l) : 4;
	struct source s;
	uint64_t to = prepare(l, &s, nr);

	(void)c;
	if (lab_has(l, nvme_cmd_write_uncor)) {
		case_send(l, nvme_cmd_write_uncor, s.lba + nr - 1, 1, 0);
		copy(l, &s, 1, to, 0, 0);
		lab_write(l, to, nr);
	}
	to = prepare(l, &s, nr);
	if (lab_has(l, nvme_cmd_write_zeroes)) {
		case_send(l, nvme_cmd_write_zeroes, s.lba, nr, LAB_DEAC);
		copy(l, &s, 1, to, 0, 0);
		case_send(l, nvme_cmd_read, to, nr, 0);
		lab_write(l, to, nr);
	}
}

/* As many blocks as MCL, in sources as large as MSSRL. */
static void copy_all(struct lab *l, const struct source *one, struct source from[MAX_SOURCES])
{
	const uint32_t range = l->f.copy_range, blocks = l->f.copy_blocks;
	const unsigned nr = range ? blocks / range : 0;

	if (!nr || nr > MAX_SOURCES || nr > l->f.copy_ranges || range > copy_most(l) ||
	    blocks > l->near / 4 || blocks % range)
		return;
	for (unsigned i = 0; i < nr; i++) {
		from[i] = *one;
		from[i].nr = range;
	}
	copy(l, from, nr, lab_place(l, blocks), 0, 0);
}

/* Each limit, and one more. */
static void run_limits(struct lab *l, const struct qcase *c)
{
	const uint32_t most = copy_most(l);
	struct source from[MAX_SOURCES], s;
	uint64_t to = prepare(l, &s, most);
	unsigned nr;

	(void)c;
	copy(l, &s, 1, to, 0, 0);
	s.nr++;
	if (most == l->f.copy_range || most == l->f.copy_blocks)
		copy(l, &s, 1, to, 0, 0);
	s.nr = 1;
	for (nr = 0; nr < MAX_SOURCES; nr++)
		from[nr] = s;
	if (l->f.copy_ranges <= most)
		copy(l, from, l->f.copy_ranges, to, 0, 0);
	if (l->f.copy_ranges < MAX_SOURCES && l->f.copy_ranges <= 64 + most)
		copy(l, from, l->f.copy_ranges + 1, to, 0, 0);
	copy_all(l, &s, from);
	s.lba = l->f.nr_blocks;
	copy(l, &s, 1, to, 0, 0);
	s.lba = UINT64_MAX;
	copy(l, &s, 1, to, 0, 0);
}

/* Sources that the destination overlaps: each block has one of its possible contents. */
static void run_overlap(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = copy_most(l) < 6 ? copy_most(l) : 6;
	struct source s;

	(void)c;
	prepare(l, &s, nr);
	copy(l, &s, 1, s.lba + 1, 0, 0);
	lab_new_tags(l, s.lba);
	lab_write(l, s.lba, nr);
}

void case_copies(struct lab *l, uint64_t lba, uint32_t nr)
{
	struct source s = { .lba = lba, .nr = nr, .nsid = l->f.nsid };
	uint64_t to;

	if (!lab_has(l, nvme_cmd_copy) || !(l->f.copy_formats >> own_format(l) & 1) ||
	    copy_most(l) < nr)
		return;
	do
		to = lab_place(l, nr);
	while (to < lba + nr && lba < to + nr);
	copy(l, &s, 1, to, 0, 0);
	for (s.nr = 1; s.lba < lba + nr; s.lba++)
		copy(l, &s, 1, to, 0, 0);
}

static const struct qcase list[] = {
	{ "copy/pass-through",
	  "With PRACT cleared on both sides Copy moves data and metadata as they are, and both sides check.",
	  "3.3.2, 5.3.2.5", NEED_COPY, .run = run_pass },
	{ "copy/replace",
	  "With PRACT set on both sides Copy generates the tuples of the destination.", "5.3.2.5.1",
	  NEED_COPY | NEED_PI, .run = run_replace },
	{ "copy/ranges", "Several ranges become one, in their order.", "3.3.2", NEED_COPY,
	  .run = run_ranges },
	{ "copy/ranges-pract", "The reference tags of the destination rise over all ranges.",
	  "3.3.2, 5.3.3", NEED_COPY | NEED_PI, run_ranges, .arg = LAB_PRACT },
	{ "copy/bad-source", "A wrong tuple of the source is found where PRINFOR asks for it.",
	  "5.3.2.5", NEED_COPY | NEED_PI, .run = run_bad_source },
	{ "copy/bad-destination",
	  "A tuple that passes through is checked where PRINFOW asks for it.", "5.3.2.5",
	  NEED_COPY | NEED_PI, run_bad_source, .arg = 1 },
	{ "copy/type1",
	  "With type 1 both sides are refused a reference tag that is not of their LBA, where it is checked.",
	  "5.3.2.5, 5.3.3", NEED_COPY | NEED_TYPE1 | NEED_REF, .run = run_mismatch },
	{ "copy/pract",
	  "Copy with PRACT set on one side alone is refused with Invalid Field in Command.",
	  "3.3.2.3", NEED_COPY | NEED_PI, .run = run_pract },
	{ "copy/formats",
	  "Descriptor formats that are not supported, not enabled or not of this guard are refused.",
	  "3.3.2", 0, .run = run_formats },
	{ "copy/states",
	  "Uncorrectable sources end a Copy; deallocated ones are copied as they read.", "3.3.2",
	  NEED_COPY, .run = run_states },
	{ "copy/limits",
	  "Copies as large as MSSRL, MCL and MSRC allow succeed, larger ones and those out of range are refused.",
	  "3.3.2", NEED_COPY, .run = run_limits },
	{ "copy/overlap", "Copy onto some of its own source succeeds.", "3.3.2", NEED_COPY,
	  .run = run_overlap },
};

const struct qcase_table cases_copy = QCASE_TABLE(list);
