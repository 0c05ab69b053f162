// SPDX-License-Identifier: GPL-2.0-only
/* defect-copy.c - defects: the Copy command; see defect.h */
#include <endian.h>
#include <string.h>
#include "defect-parts.h"

#define DESCRIPTOR(cmd) ((cmd)->cdw12 >> 8 & 0xf)

/* A list of ranges that may be changed; NULL: there is none.  @size: of a descriptor. */
static uint8_t *ranges_of(struct ctl_act *a, unsigned *nr, size_t *size)
{
	*nr = (a->cmd.cdw12 & 0xff) + 1;
	*size = DESCRIPTOR(&a->cmd) & 1 ? 40 : 32;
	if (!a->cmd.addr || a->cmd.data_len < *nr * *size)
		return NULL;
	memcpy(a->buf, (void *)(uintptr_t)a->cmd.addr, *nr * *size);
	a->cmd.addr = (uintptr_t)a->buf;
	return a->buf;
}

static uint64_t lba_of(const uint8_t *range)
{
	uint64_t lba;

	memcpy(&lba, range + 8, sizeof(lba));
	return le64toh(lba);
}

static uint32_t nr_of(const uint8_t *range)
{
	uint16_t nlb;

	memcpy(&nlb, range + 16, sizeof(nlb));
	return le16toh(nlb) + 1;
}

static uint32_t total_of(const uint8_t *ranges, unsigned nr, size_t size)
{
	uint32_t total = 0;

	for (unsigned i = 0; ranges && i < nr; i++)
		total += nr_of(ranges + i * size);
	return total;
}

/* --- PRINFO of both sides --- */

static int clear_bits(struct ctl_act *a, const struct ctl_defect *d)
{
	a->cmd.cdw12 &= ~(uint32_t)d->p;
	return CTL_GO_ON;
}

/* PRCHK of PRINFOR and PRINFOW change places; PRACT stays. */
static int swap_prinfo(struct ctl_act *a, const struct ctl_defect *d)
{
	const uint32_t w = a->cmd.cdw12, write = w >> 26 & 7, read = w >> 12 & 7;

	(void)d;
	a->cmd.cdw12 = (w & ~(7u << 26 | 7u << 12)) | read << 26 | write << 12;
	return CTL_GO_ON;
}

/* --- ranges --- */

static int only_ranges(struct ctl_act *a, const struct ctl_defect *d)
{
	const unsigned nr = (a->cmd.cdw12 & 0xff) + 1, keep = d->p ? d->p : nr - 1;

	if (keep && keep < nr && nr <= CTL_COPY_RANGES)
		a->cmd.cdw12 = (a->cmd.cdw12 & ~0xffu) | (keep - 1);
	return CTL_GO_ON;
}

/* Each range is one block shorter, if it has several. */
static int shorter(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	size_t size;
	uint8_t *r = ranges_of(a, &nr, &size);
	uint8_t *last = r ? r + (nr - 1) * size : NULL;
	const uint16_t nlb = last ? htole16(nr_of(last) - 2) : 0;

	(void)d;
	if (last && nr_of(last) > 1)
		memcpy(last + 16, &nlb, sizeof(nlb));
	return CTL_GO_ON;
}

/* All ranges have the tags of the first one: @q bytes of them, @p bytes before its end. */
static int tags_of_first(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	size_t size;
	uint8_t *r = ranges_of(a, &nr, &size);

	for (unsigned i = 1; r && i < nr; i++)
		memcpy(r + (i + 1) * size - d->p, r + size - d->p, d->q);
	return CTL_GO_ON;
}

/* Type 1, PRACT: the reference tags of each range start as those of the first. */
static int restart_made(struct ctl_act *a, const uint8_t *r, unsigned nr, size_t size)
{
	const struct pi_layout *l = &a->img->media;
	uint64_t to = a->r.lba;
	const int ret = ctl_act_honest(a, &a->cmd);

	for (unsigned i = 0; !ret && r && i < nr && a->cmd.cdw12 >> 29 & 1; to += nr_of(r + i++ * size))
		for (uint32_t j = 0; j < nr_of(r + i * size); j++) {
			struct pi_fields f;

			if (ctl_act_fetch(a, to + j, 1, a->all->data, a->all->md))
				return ret;
			f = pi_tuple_get(l, a->all->md + pi_tuple_offset(l));
			f.ref = (a->r.lba + j) & pi_ones(pi_ref_bits(l));
			pi_tuple_put(l, a->all->md + pi_tuple_offset(l), &f);
			ctl_act_store(a, to + j, 1, a->all->data, a->all->md);
		}
	return ret;
}

/* The command is executed range by range, each as a command of its own: each starts with the tags. */
static int range_by_range(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	size_t size;
	const uint8_t *r = ranges_of(a, &nr, &size);
	uint64_t to = a->r.lba;
	int ret = 0;

	(void)d;
	if (a->cmd.data_len > sizeof(a->buf))
		return CTL_GO_ON;
	if (a->img->media.type != PI_TYPE2)
		return restart_made(a, r, nr, size);
	for (unsigned i = 0; r && i < nr && !ret; i++) {
		struct nvme_uring_cmd cmd = a->cmd;

		cmd.cdw10 = to;
		cmd.cdw11 = to >> 32;
		cmd.cdw12 &= ~0xffu;
		cmd.addr = (uintptr_t)(r + i * size);
		cmd.data_len = size;
		ret = ctl_act_honest(a, &cmd);
		to += nr_of(r + i * size);
	}
	return ret;
}

/* Limits: more than @p blocks (@q 0) or ranges are refused. */
static int limited(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	size_t size;
	const uint8_t *r = ranges_of(a, &nr, &size);
	const uint32_t value = d->q ? nr : total_of(r, nr, size);

	return value > d->p ? CTL_ST_SIZE_LIMIT | NVME_ST_DNR : CTL_GO_ON;
}

/* More ranges than there may be: the first 128 are executed. */
static int unlimited(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr = (a->cmd.cdw12 & 0xff) + 1;

	if (nr > d->p)
		a->cmd.cdw12 = (a->cmd.cdw12 & ~0xffu) | ((uint32_t)d->p - 1);
	return CTL_GO_ON;
}

/* A format of another guard, or one that is not enabled, is taken as the one that fits. */
static int any_format(struct ctl_act *a, const struct ctl_defect *d)
{
	const unsigned format = DESCRIPTOR(&a->cmd), fits = format & 1;

	(void)d;
	if (format == 2 || format == 3)
		a->cmd.cdw12 = (a->cmd.cdw12 & ~0xf00u) | fits << 8;
	return CTL_GO_ON;
}

static int refuse_format(struct ctl_act *a, const struct ctl_defect *d)
{
	return DESCRIPTOR(&a->cmd) == d->p ? CTL_ST_INVALID_FIELD | NVME_ST_DNR : CTL_GO_ON;
}

/* PRACT of only one side is accepted: both are taken as set (@p 1) or clear. */
static int any_pract(struct ctl_act *a, const struct ctl_defect *d)
{
	const uint32_t both = 1u << 29 | 1u << 15;

	if ((a->cmd.cdw12 & both) && (a->cmd.cdw12 & both) != both)
		a->cmd.cdw12 = d->p ? a->cmd.cdw12 | both : a->cmd.cdw12 & ~both;
	return CTL_GO_ON;
}

/* --- what arrives --- */

/* Change each block that was copied. */
static int patched(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	uint8_t *const data = a->all->data, *const md = a->all->md;
	const struct pi_layout *l = &a->img->media;
	const uint32_t at = ctl_has_pi(a->img) ? pi_tuple_offset(l) : 0;
	const uint32_t size = ctl_has_pi(a->img) ? l->format->tuple_size : 0;
	unsigned nr;
	size_t len;
	const uint8_t *r = ranges_of(a, &nr, &len);
	const uint32_t total = total_of(r, nr, len);

	for (uint32_t i = d->q ? total - 1 : 0; !res && i < total; i++) {
		if (ctl_act_fetch(a, a->r.lba + i, 1, data, md))
			return res;
		if (d->p == 0)			/* no tuple */
			memset(md + at, 0, size);
		else if (d->p == 1)		/* a tuple that escapes */
			memset(md + at, 0xff, size);
		else if (d->p == 2)		/* no other metadata */
			memset(at ? md : md + size, 0, l->md_size - size);
		else				/* no data */
			memset(data, 0, l->data_size);
		ctl_act_store(a, a->r.lba + i, 1, data, md);
	}
	return res;
}

static int does_nothing(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)a, (void)d;
	return 0;
}

/* The blocks before the first failure of a check are copied: the checks of sources are dropped. */
static int failed_copies(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	struct nvme_uring_cmd cmd = a->cmd;

	(void)d;
	cmd.cdw12 &= ~(7u << 26 | 7u << 12 | 3u << 24);
	if (res > 0 && res >> 8 == 2)
		ctl_act_honest(a, &cmd);
	return res;
}

static int bad_passes(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)a, (void)d;
	return res > 0 && (res & NVME_ST_MASK) == CTL_ST_UNRECOVERED ? 0 : res;
}

/* A source past the end of the namespace is left out. */
static int past_end(struct ctl_act *a, const struct ctl_defect *d)
{
	unsigned nr;
	size_t size;
	const uint8_t *r = ranges_of(a, &nr, &size);

	(void)d;
	for (unsigned i = 0; r && i < nr; i++)
		if (ctl_in_range(a->img, lba_of(r + i * size), nr_of(r + i * size)))
			return 0;
	return CTL_GO_ON;
}

#define COPY(name, what, fn) name, what, OP_COPY, .command = fn
#define AFTER(name, what, fn) name, what, OP_COPY, .result = fn

static const struct ctl_defect rows[] = {
	{ COPY("copy-prinfor-ignored", "Copy does not check the sources", clear_bits), .p = 7u << 12,
	  .on = ON_PI },
	{ COPY("copy-prinfow-ignored", "Copy does not check what it writes", clear_bits), .p = 7u << 26,
	  .on = ON_PI },
	{ COPY("copy-read-guard-unchecked", "Copy ignores PRCHK for the guard of sources", clear_bits),
	  .p = 1u << 14, .on = ON_PI },
	{ COPY("copy-read-app-unchecked", "Copy ignores PRCHK for the application tag of sources",
	       clear_bits), .p = 1u << 13, .on = ON_PI },
	{ COPY("copy-read-ref-unchecked", "Copy ignores PRCHK for the reference tag of sources",
	       clear_bits), .p = 1u << 12, .on = ON_COUNTED, .min_ref = 1 },
	{ COPY("copy-write-app-unchecked", "Copy ignores PRCHK for the application tag it writes",
	       clear_bits), .p = 1u << 27, .on = ON_PI },
	{ COPY("copy-write-ref-unchecked", "Copy ignores PRCHK for the reference tag it writes",
	       clear_bits), .p = 1u << 26, .on = ON_COUNTED, .min_ref = 1 },
	{ COPY("copy-stcr-ignored", "Copy does not check the storage tag of sources", clear_bits),
	  .p = 1u << 25, .min_sts = 1 },
	{ COPY("copy-stcw-ignored", "Copy does not check the storage tag it writes", clear_bits),
	  .p = 1u << 24, .min_sts = 1 },
	{ COPY("copy-pract-ignored", "Copy ignores PRACT: the tuples of the sources arrive", clear_bits),
	  .p = 1u << 29 | 1u << 15, .on = ON_PI },
	{ COPY("copy-prinfo-swapped", "Copy confuses PRCHK of PRINFOR and PRINFOW", swap_prinfo),
	  .on = ON_PI },
	{ COPY("copy-first-range-only", "Copy copies the first range only", only_ranges), .p = 1 },
	{ COPY("copy-last-range-lost", "Copy leaves out the last of several ranges", only_ranges) },
	{ COPY("copy-last-block-lost", "Copy leaves out the last block", shorter) },
	{ COPY("copy-app-of-first-range", "Copy checks all ranges by ELBAT and ELBATM of the first",
	       tags_of_first), .p = 4, .q = 4, .on = ON_PI },
	{ COPY("copy-ref-of-first-range", "Copy checks all ranges by the reference tag of the first",
	       tags_of_first), .p = 8, .q = 4, .on = ON_COUNTED, .min_ref = 1 },
	{ COPY("copy-ref-restarts", "Copy starts the reference tag that it writes again at each range",
	       range_by_range), .on = ON_COUNTED, .min_ref = 1 },
	{ COPY("copy-32-blocks", "Copy refuses more than 32 blocks", limited), .p = 32 },
	{ COPY("copy-127-blocks", "Copy refuses as many blocks as MCL", limited), .p = 127 },
	{ COPY("copy-16-ranges", "Copy refuses more than 16 ranges", limited), .p = 16, .q = 1 },
	{ COPY("copy-msrc-exceeded", "Copy executes the first 128 of too many ranges", unlimited),
	  .p = 128 },
	{ COPY("copy-format-not-enabled", "Copy accepts descriptor formats that are not enabled",
	       any_format) },
	{ COPY("copy-format-1-refused", "Copy refuses descriptor format 1h", refuse_format), .p = 1,
	  .on = ON_WIDE_GUARD },
	{ COPY("copy-one-pract-set", "Copy takes PRACT of one side as set on both", any_pract), .p = 1,
	  .on = ON_PI },
	{ COPY("copy-one-pract-clear", "Copy takes PRACT of one side as clear on both", any_pract),
	  .p = 0, .on = ON_PI },
	{ COPY("copy-does-nothing", "Copy succeeds without copying", does_nothing) },
	{ COPY("copy-source-past-end", "Copy succeeds, without copying, if a source is past the end",
	       past_end) },
	{ AFTER("copy-tuple-lost", "Copy leaves tuples of zero", patched), .p = 0, .on = ON_PI },
	{ AFTER("copy-tuple-escapes", "Copy leaves tuples that escape", patched), .p = 1, .on = ON_PI },
	{ AFTER("copy-other-metadata-lost", "Copy loses the metadata beside the tuple", patched), .p = 2,
	  .on = ON_OTHER },
	{ AFTER("copy-last-tuple-lost", "Copy leaves a tuple of zero at its last block", patched), .p = 0,
	  .q = 1, .on = ON_PI },
	{ AFTER("copy-last-data-lost", "Copy leaves zeroes at its last block", patched), .p = 3, .q = 1 },
	{ AFTER("copy-failed-copies", "Copy that fails a check has copied all the same", failed_copies),
	  .on = ON_PI, .excuse = "3.3.2.5 allows a Copy that fails to have copied some or all" },
	{ AFTER("copy-bad-source-passes", "Copy of an uncorrectable block succeeds", bad_passes) },
};

const struct ctl_defect_table ctl_defects_copy = { rows, sizeof(rows) / sizeof(rows[0]) };
