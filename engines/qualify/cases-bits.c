// SPDX-License-Identifier: GPL-2.0-only
/* cases-bits.c - tests every bit of every field and mask, and the widths; see case.h */
#include <string.h>
#include "case.h"

/* Writes and reads one block whose @field is wrong in @bit only. */
static void one_bit(struct lab *l, const struct qcase *c, unsigned bit)
{
	const uint64_t lba = lab_place(l, 1);
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, lba);
	lab_fill(l, 1, false);
	cmd = lab_command(l, nvme_cmd_write, lba, 1, c->field & QM_ALL ? c->field : QM_GUARD);
	case_flip(l, &cmd, 0, c->field, bit);
	lab_do(l, &cmd);
	lab_store(l, lba, 1);
	case_send(l, nvme_cmd_read, lba, 1, c->field & QM_ALL ? c->field : QM_GUARD);
	case_send(l, nvme_cmd_read, lba, 1, case_checks(l) & ~c->field);
}

static void run_field(struct lab *l, const struct qcase *c)
{
	const unsigned bits = case_bits(l, c->field);

	for (unsigned bit = 0; bit < bits && bit < 80 && !l->failed; bit++)
		one_bit(l, c, bit);
}

/* Tests the first and the last bytes of data, those around powers of two, and some others. */
static void run_data(struct lab *l, const struct qcase *c)
{
	const unsigned bits = case_bits(l, c->field);

	for (unsigned i = 0; i < 8 && i < bits && !l->failed; i++) {
		one_bit(l, c, i);
		one_bit(l, c, bits - 1 - i);
	}
	for (unsigned two = 16; two < bits && !l->failed; two *= 2) {
		one_bit(l, c, two - 1);
		one_bit(l, c, two);
	}
	for (int i = 0; i < 16 && !l->failed; i++)
		one_bit(l, c, lab_below(l, bits));
}

/* The expected tag differs from the block's in one bit, which the mask includes or not. */
static void one_mask_bit(struct lab *l, uint64_t lba, uint32_t nr, uint16_t wrong, uint16_t mask)
{
	const struct qm_tags right = l->tags;

	l->tags.app ^= wrong;
	l->tags.app_mask = mask;
	case_send(l, nvme_cmd_read, lba, nr, QM_APP);
	if (lab_has(l, nvme_cmd_verify))
		case_send(l, nvme_cmd_verify, lba, nr, QM_APP);
	case_send(l, nvme_cmd_write, lba, nr, QM_APP);
	l->tags = right;
}

static void run_mask(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = 2;
	const uint64_t lba = case_prepare(l, nr);

	(void)c;
	for (unsigned bit = 0; bit < 16 && !l->failed; bit++) {
		const uint16_t one = 1u << bit;

		one_mask_bit(l, lba, nr, one, one);
		one_mask_bit(l, lba, nr, one, ~one);
		one_mask_bit(l, lba, nr, ~one, one);
		one_mask_bit(l, lba, nr, one, lab_random(l));
	}
	one_mask_bit(l, lba, nr, 0xffff, 0);
	one_mask_bit(l, lba, nr, 0, 0xffff);
}

/* PRACT: the mask does not affect the inserted tag. */
static void run_mask_insert(struct lab *l, const struct qcase *c)
{
	static const uint16_t masks[] = { 0, 0xff, 0xff00, 0xffff };

	(void)c;
	for (int i = 0; i < 4 && !l->failed; i++) {
		const uint64_t lba = lab_place(l, 2);

		lab_new_tags(l, lba);
		l->tags.app_mask = masks[i];
		lab_fill(l, 2, true);
		case_send(l, nvme_cmd_write, lba, 2, LAB_PRACT);
		l->tags.app_mask = 0xffff;
		case_send(l, nvme_cmd_read, lba, 2, case_checks(l));
	}
}

/* The expected tag differs from the stored one in one bit. */
static void run_expected(struct lab *l, const struct qcase *c)
{
	const uint32_t nr = 2;
	const uint64_t lba = case_prepare(l, nr);
	const struct qm_tags right = l->tags;
	const unsigned bits = case_bits(l, c->field);

	for (unsigned bit = 0; bit < bits && !l->failed; bit++) {
		*(c->field == QM_STORAGE ? &l->tags.storage : &l->tags.ref) ^= 1ULL << bit;
		case_send(l, nvme_cmd_read, lba, nr, c->field);
		case_send(l, nvme_cmd_read, lba, nr, QM_ALL & ~c->field & ~QM_REF);
		case_send(l, nvme_cmd_write, lba, nr, c->field);
		l->tags = right;
		lab_store(l, lba, nr);
	}
}

/* The expected or the stored tag is 0 or all ones: it is compared like any other value. */
static void run_special(struct lab *l, const struct qcase *c)
{
	static const uint64_t values[] = { 0, ~0ULL, 1, 0x8000 };
	const unsigned bits = case_bits(l, c->field);

	for (int n = 0; n < 16 && !l->failed; n++) {
		const uint64_t lba = lab_place(l, 2);
		uint64_t *const tag = c->field == QM_REF ? &l->tags.ref : &l->tags.storage;
		const uint64_t ones = qm_ones(bits);

		lab_new_tags(l, lba);
		l->tags.app = c->field == QM_APP ? values[n / 4] & 0xfffe : l->tags.app;
		*tag = c->field == QM_APP ? *tag : values[n / 4] & ones;
		lab_write(l, lba, 2);
		l->tags.app = c->field == QM_APP ? values[n % 4] : l->tags.app;
		*tag = c->field == QM_APP ? *tag : values[n % 4] & ones;
		case_send(l, nvme_cmd_read, lba, 2, c->field);
		case_send(l, nvme_cmd_read, lba, 2, c->field | LAB_PRACT);
		case_send(l, nvme_cmd_write, lba, 2, c->field);
		if (lab_has(l, nvme_cmd_verify))
			case_send(l, nvme_cmd_verify, lba, 2, c->field);
	}
}

/* --- values of all widths, inserted and stored --- */

static void run_values(struct lab *l, const struct qcase *c)
{
	static const uint64_t values[] = {
		0, 1, 0x80, 0xff, 0x100, 0x8000, 0xffff, 0x10000, 0x80000000, 0xffffffff,
		0x100000000, 0x8000000000000000, ~0ULL, 0x0123456789abcdef, 0xaaaaaaaaaaaaaaaa,
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && !l->failed; i++) {
		const uint64_t lba = lab_place(l, 3);

		lab_new_tags(l, lba);
		if (c->field == QM_STORAGE)
			l->tags.storage = values[i] & qm_ones(l->f.sts);
		else if (l->f.type != 1)
			l->tags.ref = values[i] & qm_ones(qm_ref_bits(&l->f));
		l->tags.app = c->field == QM_APP ? values[i] : l->tags.app;
		lab_fill(l, 3, true);
		case_send(l, nvme_cmd_write, lba, 3, LAB_PRACT);
		case_send(l, nvme_cmd_read, lba, 3, case_checks(l));
	}
}

/* Guards of special contents: zeroes, ones, counting, a single bit. */
static void fill_special(struct lab *l, int kind)
{
	const struct qm_wire w = qm_wire(&l->f, true);

	memset(l->bufs->data, kind == 1 ? 0xff : 0, w.data);
	memset(l->bufs->md, kind == 1 ? 0xff : 0, w.md);
	for (uint32_t i = 0; kind > 1 && kind < 4 && i < w.data; i++)
		l->bufs->data[i] = kind == 2 ? i : ~i;
	if (kind == 4)
		l->bufs->data[0] = 0x80;
	if (kind == 5)
		l->bufs->data[l->f.data_size - 1] = 1;
}

static void run_contents(struct lab *l, const struct qcase *c)
{
	(void)c;
	for (int kind = 0; kind < 6 && !l->failed; kind++) {
		const uint64_t lba = lab_place(l, 1);

		lab_new_tags(l, lba);
		fill_special(l, kind);
		case_send(l, nvme_cmd_write, lba, 1, LAB_PRACT);
		case_send(l, nvme_cmd_read, lba, 1, case_checks(l));
		case_send(l, nvme_cmd_read, lba, 1, case_checks(l) | LAB_PRACT);
	}
}

static const struct qcase list[] = {
	{ "bits/guard", "Each bit of the guard is compared.", "5.3.3", NEED_PI, run_field,
	  .field = QM_GUARD },
	{ "bits/app", "Each bit of the application tag is compared.", "5.3.3", NEED_PI, run_field,
	  .field = QM_APP },
	{ "bits/storage",
	  "Each bit of the storage tag that LBSTM does not mask is compared, with STC alone.",
	  "5.3.3", NEED_STORAGE, run_field, .field = QM_STORAGE },
	{ "bits/ref", "Each bit of the reference tag is compared, for types 1 and 2.", "5.3.3",
	  NEED_COUNTED | NEED_REF, run_field, .field = QM_REF },
	{ "bits/data", "The guard covers all data.", "5.3.1", NEED_PI, run_data,
	  .field = FIELD_DATA },
	{ "bits/metadata",
	  "The guard covers the metadata ahead of a tuple that comes last, and no other.", "5.3",
	  NEED_MORE, run_data, .field = FIELD_MD },
	{ "bits/app-mask",
	  "A bit of the application tag that LBATM clears is not compared, any other is.", "5.3.3",
	  NEED_PI, .run = run_mask },
	{ "bits/app-mask-insert", "An inserted application tag is LBAT, whatever LBATM is.",
	  "5.3.3", NEED_PI, .run = run_mask_insert },
	{ "bits/expected-storage", "Each bit of the storage tag in the command counts.",
	  "5.3.1.4.1", NEED_STORAGE, run_expected, .field = QM_STORAGE },
	{ "bits/expected-ref", "Each bit of the reference tag in the command counts.",
	  "5.3.1.4.1, 5.3.3", NEED_COUNTED | NEED_REF, run_expected, .field = QM_REF },
	{ "bits/special-app", "Application tags of 0 and all ones in the command are compared like any other.",
	  "5.3.3", NEED_PI, run_special, .field = QM_APP },
	{ "bits/special-storage", "Storage tags of 0 and all ones are compared like any other.", "5.3.3",
	  NEED_STORAGE, run_special, .field = QM_STORAGE },
	{ "bits/special-ref", "Reference tags of 0 and all ones are compared like any other.", "5.3.3",
	  NEED_TYPE2 | NEED_REF, run_special, .field = QM_REF },
	{ "bits/values-storage", "Storage tags of every value are inserted as they are.",
	  "5.3.1.4, 5.3.3", NEED_STORAGE, run_values, .field = QM_STORAGE },
	{ "bits/values-ref",
	  "Reference tags of every value are inserted as they are, and rise as the type says.",
	  "5.3.1.4, 5.3.3", NEED_PI | NEED_REF, run_values, .field = QM_REF },
	{ "bits/values-app", "Application tags of every value are inserted as they are.", "5.3.3",
	  NEED_PI, run_values, .field = QM_APP },
	{ "bits/contents", "The guard is right for zeroes, ones, counting bytes and single bits.",
	  "5.3.1.2.1, 5.3.1.3.5", NEED_PI, .run = run_contents },
};

const struct qcase_table cases_bits = QCASE_TABLE(list);
