// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-command.c - defects: limits, PRINFO that is refused or accepted wrongly, and statuses; see
 * defect.h
 */
#include "defect-parts.h"

#define LATER CTL_GO_ON		/* the command goes on */

/* --- commands that are changed or answered --- */

static int answer(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)a;
	return d->p;
}

static int refuse_all(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return a->cmd.nsid == NVME_NSID_ALL ? CTL_ST_INVALID_NS | NVME_ST_DNR : LATER;
}

static int clear_lba_high(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	a->cmd.cdw11 = 0;
	return LATER;
}

/* NLB keeps the bits @p. */
static int mask_nlb(struct ctl_act *a, const struct ctl_defect *d)
{
	a->cmd.cdw12 &= ~0xffffu | d->p;
	return LATER;
}

static int any_namespace(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	a->cmd.nsid = 1;
	return LATER;
}

/* Blocks past the end of the namespace are left out: up to @p of them. */
static int past_end(struct ctl_act *a, const struct ctl_defect *d)
{
	const uint64_t size = a->img->format.nr_blocks, end = a->r.lba + a->r.nr;

	if (end <= size || end - size > d->p || a->r.lba > size)
		return LATER;
	if (a->r.lba == size)
		return 0;
	a->cmd.cdw12 -= end - size;
	return LATER;
}

/* The range check computes the end of the range in 64 bits, which wrap. */
static int wrapping_end(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return a->r.lba + a->r.nr < a->r.lba ? 0 : LATER;
}

static int refuse_last_lba(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return a->r.lba + a->r.nr == a->img->format.nr_blocks ? CTL_ST_LBA_RANGE | NVME_ST_DNR : LATER;
}

/* A transfer of more than @p bytes of data is refused. */
static int small_mdts(struct ctl_act *a, const struct ctl_defect *d)
{
	return (uint64_t)a->r.nr * a->img->media.data_size > d->p ? CTL_ST_INVALID_FIELD | NVME_ST_DNR :
	       LATER;
}

/* A command of more than @p blocks is refused. */
static int small_nlb(struct ctl_act *a, const struct ctl_defect *d)
{
	return a->r.nr > d->p ? CTL_ST_INVALID_FIELD | NVME_ST_DNR : LATER;
}

/* MDTS does not count metadata that is extended. */
static int data_mdts(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	if ((uint64_t)a->r.nr * a->img->media.data_size <= CTL_MAX_TRANSFER)
		a->lax |= LAX_MDTS | NEEDS_ENGINE;
	return LATER;
}

/* MDTS counts metadata, even if it is separate. */
static int full_mdts(struct ctl_act *a, const struct ctl_defect *d)
{
	const uint64_t block = a->img->media.data_size + a->img->media.md_size;

	(void)d;
	return a->r.nr * block > CTL_MAX_TRANSFER ? CTL_ST_INVALID_FIELD | NVME_ST_DNR : LATER;
}

/* A command that has any of the bits @p in CDW12 is refused with the status @q. */
static int refuse_bits(struct ctl_act *a, const struct ctl_defect *d)
{
	return a->cmd.cdw12 & d->p ? (int)d->q | NVME_ST_DNR : LATER;
}

/* --- PRINFO and tags --- */

#define REF_BIT (1u << 26)
#define PRCHK_BITS (7u << 26)
#define PRACT_BIT (1u << 29)
#define PRINFO_BITS (15u << 26)

/* The reference tag of a type 1 command is replaced by the right one: any is accepted. */
static int right_ref(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct pi_layout *l = &a->img->media;
	struct pi_tags tags = a->r.tags;
	struct pi_dwords w;

	if (l->type != PI_TYPE1 || !pi_ref_bits(l))
		return LATER;
	if (((tags.ref ^ a->r.lba) & pi_ones(pi_ref_bits(l)) & d->p))
		return LATER;
	tags.ref = a->r.lba & pi_ones(pi_ref_bits(l));
	w = pi_tags_pack(l, &tags);
	a->cmd.cdw2 = w.cdw2;
	a->cmd.cdw3 = w.cdw3;
	a->cmd.cdw14 = w.cdw14;
	return LATER;
}

/* Type 3 with a check of the reference tag is accepted. */
static int type_3_ref(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	if (a->img->media.type == PI_TYPE3)
		a->cmd.cdw12 &= ~REF_BIT;
	return LATER;
}

/* A write with PRACT is refused if its reference tag would be with PRACT clear. */
static int admit_made(struct ctl_act *a, const struct ctl_defect *d)
{
	const int ret = a->r.pract ? ctl_admit(a->img, &a->r) : 0;

	(void)d;
	return ret ? ret : LATER;
}

/* A reference tag other than SLBA is refused though it is not to be checked, or with type 2 (@p). */
static int strict_ref(struct ctl_act *a, const struct ctl_defect *d)
{
	const struct pi_layout *l = &a->img->media;
	const bool wrong = ctl_has_pi(a->img) && a->r.tags.ref != (a->r.lba & pi_ones(pi_ref_bits(l)));

	if (a->r.pract || l->type != (enum pi_type)d->p || (l->type == PI_TYPE2 && !(a->r.checks & PI_REF)))
		return LATER;
	return wrong ? NVME_ST_INVALID_PI | NVME_ST_DNR : LATER;
}

static int refuse_zero_mask(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return a->r.checks & PI_APP && !a->r.tags.app_mask ? NVME_ST_INVALID_PI | NVME_ST_DNR : LATER;
}

/* STC is refused without a storage tag. */
static int refuse_stc(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return ctl_has_pi(a->img) && !a->img->media.sts && a->cmd.cdw12 & 1u << 24 ?
	       CTL_ST_INVALID_FIELD | NVME_ST_DNR : LATER;
}

/* PRINFO is refused on a namespace without protection. */
static int refuse_unprotected(struct ctl_act *a, const struct ctl_defect *d)
{
	(void)d;
	return !ctl_has_pi(a->img) && a->cmd.cdw12 & PRINFO_BITS ? NVME_ST_INVALID_PI | NVME_ST_DNR :
	       LATER;
}

/* --- statuses --- */

/* DNR (or another bit, @p) is clear, or set, in the status @q (0: in each that is not good). */
static int without_bit(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)a;
	return res > 0 && (!d->q || (res & NVME_ST_MASK) == (int)d->q) ? res & ~(int)d->p : res;
}

static int with_bit(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)a;
	return res > 0 && (!d->q || (res & NVME_ST_MASK) == (int)d->q) ? res | (int)d->p : res;
}

/* The status @p is reported as @q. */
static int renamed(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	(void)a;
	return res > 0 && (res & NVME_ST_MASK) == (int)d->p ?
	       (d->q ? (int)d->q | (res & ~NVME_ST_MASK) : 0) : res;
}

#define DNR NVME_ST_DNR
#define RENAMED(name, what, from, to) name, what, OP_ALL, .result = renamed, .p = from, .q = to

static const struct ctl_defect rows[] = {
	{ "dnr-missing", "DNR is clear in each status", OP_ALL, .result = without_bit, .p = DNR },
	{ "dnr-missing-invalid-pi", "DNR is clear in Invalid Protection Information", OP_ALL,
	  .result = without_bit, .p = DNR, .q = NVME_ST_INVALID_PI, .on = ON_TYPE1, .min_ref = 1 },
	{ "dnr-missing-lba-range", "DNR is clear in LBA Out of Range", OP_ALL, .result = without_bit,
	  .p = DNR, .q = CTL_ST_LBA_RANGE },
	{ RENAMED("status-guard-as-app", "a guard error is reported as one of the application tag",
		  NVME_ST_GUARD, NVME_ST_APP), .on = ON_PI },
	{ RENAMED("status-app-as-ref", "an application tag error is reported as one of the reference tag",
		  NVME_ST_APP, NVME_ST_REF), .on = ON_PI },
	{ RENAMED("status-ref-as-guard", "a reference tag error is reported as one of the guard",
		  NVME_ST_REF, NVME_ST_GUARD), .on = ON_COUNTED, .min_ref = 1 },
	{ RENAMED("status-storage-as-ref", "a storage tag error is reported as one of the reference tag",
		  NVME_ST_STORAGE, NVME_ST_REF), .min_sts = 1 },
	{ RENAMED("status-guard-as-unread", "a guard error is reported as Unrecovered Read Error",
		  NVME_ST_GUARD, CTL_ST_UNRECOVERED), .on = ON_PI },
	{ RENAMED("status-unread-as-guard", "Unrecovered Read Error is reported as a guard error",
		  CTL_ST_UNRECOVERED, NVME_ST_GUARD) },
	{ RENAMED("status-ref-success", "a reference tag error is reported as success", NVME_ST_REF, 0),
	  .on = ON_COUNTED, .min_ref = 1 },
	{ RENAMED("status-app-success", "an application tag error is reported as success", NVME_ST_APP,
		  0), .on = ON_PI },
	{ RENAMED("status-compare-as-guard", "Compare Failure is reported as a guard error",
		  NVME_ST_COMPARE, NVME_ST_GUARD) },
	{ RENAMED("status-invalid-pi-as-field", "Invalid Protection Information is reported as Invalid "
		  "Field", NVME_ST_INVALID_PI, CTL_ST_INVALID_FIELD), .on = ON_TYPE1, .min_ref = 1 },
	{ RENAMED("status-invalid-pi-as-ref", "Invalid Protection Information is reported as a reference "
		  "tag error", NVME_ST_INVALID_PI, NVME_ST_REF), .on = ON_TYPE1, .min_ref = 1 },
	{ RENAMED("status-range-as-field", "LBA Out of Range is reported as Invalid Field",
		  CTL_ST_LBA_RANGE, CTL_ST_INVALID_FIELD) },
	{ RENAMED("status-range-success", "a command past the end of the namespace does nothing and "
		  "succeeds", CTL_ST_LBA_RANGE, 0) },
	{ RENAMED("status-opcode-as-field", "an unknown opcode is reported as Invalid Field",
		  CTL_ST_INVALID_OPCODE, CTL_ST_INVALID_FIELD) },
	{ RENAMED("opcode-unknown-accepted", "an unknown opcode succeeds", CTL_ST_INVALID_OPCODE, 0) },
	{ "status-write-app-success", "a Write that fails the application tag check writes nothing and "
	  "succeeds", OP_WRITE, .result = renamed, .p = NVME_ST_APP, .on = ON_PI },
	{ "status-verify-guard-success", "Verify reports no guard error", OP_VERIFY, .result = renamed,
	  .p = NVME_ST_GUARD, .on = ON_PI },
	{ "last-lba-refused", "a command that ends at the last LBA is refused", OP_CHECKS | OP_MAKES,
	  .command = refuse_last_lba },
	{ "end-plus-one-accepted", "a command that ends one block past the namespace is accepted",
	  OP_CHECKS | OP_MAKES, .command = past_end, .p = 1 },
	{ "end-plus-7-accepted", "a Write that ends up to 7 blocks past the namespace is cut short",
	  OP_WRITE, .command = past_end, .p = 7 },
	{ "verify-past-end-accepted", "Verify past the end of the namespace stops at the end", OP_VERIFY,
	  .command = past_end, .p = 65536 },
	{ "range-end-wraps", "a range whose end passes 2^64 is accepted", OP_CHECKS | OP_MAKES | OP_UNCOR,
	  .command = wrapping_end },
	{ "lba-32-bits", "the upper 32 bits of SLBA are ignored", OP_CHECKS | OP_MAKES | OP_UNCOR,
	  .command = clear_lba_high },
	{ "nlb-8-bits", "the upper byte of NLB is ignored", OP_CHECKS | OP_MAKES, .command = mask_nlb,
	  .p = 0x00ff },
	{ "nlb-12-bits", "Verify and Write Zeroes ignore the upper 4 bits of NLB",
	  OP_VERIFY | OP_ZEROES, .command = mask_nlb, .p = 0x0fff },
	{ "nlb-most-refused", "a command of 65536 blocks is refused", OP_VERIFY | OP_ZEROES | OP_UNCOR,
	  .command = small_nlb, .p = 65535 },
	{ "nlb-256-refused", "a transfer of more than 256 blocks is refused", OP_READ | OP_WRITE,
	  .command = small_nlb, .p = 256, .max_lbs = 1024 },
	{ "mdts-half", "a transfer of more than half of MDTS is refused", OP_READ | OP_WRITE | OP_COMPARE,
	  .command = small_mdts, .p = CTL_MAX_TRANSFER / 2 },
	{ "mdts-less-one", "a transfer of as much as MDTS is refused", OP_READ | OP_WRITE | OP_COMPARE,
	  .command = small_mdts, .p = CTL_MAX_TRANSFER - 1 },
	{ "mdts-not-enforced", "a transfer above MDTS is accepted", OP_READ | OP_WRITE | OP_COMPARE,
	  .command = ctl_act_relax, .p = LAX_MDTS },
	{ "mdts-data-only", "MDTS does not count metadata of extended blocks",
	  OP_READ | OP_WRITE | OP_COMPARE, .command = data_mdts, .on = ON_EXTENDED },
	{ "mdts-with-separate", "MDTS counts separate metadata", OP_READ | OP_WRITE, .command = full_mdts,
	  .on = ON_SEPARATE | ON_MD },
	{ "mdts-limits-verify", "MDTS limits Verify, which transfers nothing", OP_VERIFY,
	  .command = small_mdts, .p = CTL_MAX_TRANSFER },
	{ "mdts-limits-zeroes", "MDTS limits Write Zeroes, which transfers nothing", OP_ZEROES,
	  .command = small_mdts, .p = CTL_MAX_TRANSFER },
	{ "ilbrt-any-accepted", "type 1 takes any ILBRT, and checks with the LBA", OP_CHECKS,
	  .command = right_ref, .on = ON_TYPE1, .min_ref = 1 },
	{ "ilbrt-16-bits-held", "type 1 holds only 16 bits of ILBRT against SLBA", OP_CHECKS,
	  .command = right_ref, .p = 0xffff, .on = ON_TYPE1, .min_ref = 17 },
	{ "ilbrt-32-bits-held", "type 1 holds only 32 bits of ILBRT against SLBA", OP_CHECKS,
	  .command = right_ref, .p = 0xffffffff, .on = ON_TYPE1, .min_ref = 33 },
	{ "ilbrt-not-held", "type 1 does not hold ILBRT against SLBA", OP_CHECKS,
	  .command = ctl_act_relax, .p = LAX_ADMIT, .on = ON_TYPE1, .min_ref = 1 },
	{ "type-3-ref-accepted", "type 3 accepts a check of the reference tag, and does none", OP_CHECKS,
	  .command = type_3_ref, .on = ON_TYPE3, .min_ref = 1, .excuse = "5.3.3 asks for no comparison" },
	{ "ilbrt-held-unasked", "type 1 refuses a wrong ILBRT although it is not to be checked", OP_CHECKS,
	  .command = strict_ref, .p = PI_TYPE1, .on = ON_TYPE1, .min_ref = 1 },
	{ "ilbrt-held-type-2", "type 2 refuses an ILBRT other than SLBA", OP_CHECKS,
	  .command = strict_ref, .p = PI_TYPE2, .on = ON_TYPE2, .min_ref = 1 },
	{ "pract-ref-held", "a Write with PRACT is refused for its PRCHK and ILBRT", OP_WRITE,
	  .command = admit_made, .on = ON_TYPE1, .min_ref = 1 },
	{ "pract-write-checks", "a Write with PRACT checks the host's tuples, too", OP_WRITE,
	  .command = ctl_act_relax, .p = CHECKS_MADE, .when = ctl_when_more_metadata, .on = ON_MORE },
	{ "pract-prchk-refused", "a Write with PRACT and PRCHK is refused", OP_WRITE,
	  .command = refuse_bits, .p = PRCHK_BITS, .q = NVME_ST_INVALID_PI, .when = ctl_when_flag,
	  .at = PRACT_BIT, .on = ON_PI },
	{ "verify-pract-accepted", "Verify accepts PRACT", OP_VERIFY, .command = ctl_act_relax,
	  .p = LAX_PRACT },
	{ "compare-pract-accepted", "Compare accepts PRACT", OP_COMPARE, .command = ctl_act_relax,
	  .p = LAX_PRACT },
	{ "zeroes-prchk-accepted", "Write Zeroes accepts PRCHK", OP_ZEROES, .command = ctl_act_relax,
	  .p = LAX_PRCHK, .on = ON_PI },
	{ "app-mask-zero-refused", "an LBATM of 0 is refused", OP_CHECKS, .command = refuse_zero_mask,
	  .on = ON_PI },
	{ "stc-refused", "STC is refused without a storage tag", OP_CHECKS, .command = refuse_stc,
	  .on = ON_PI | ON_NO_STORAGE },
	{ "prinfo-unprotected-refused", "PRINFO is refused without protection information",
	  OP_CHECKS | OP_ZEROES, .command = refuse_unprotected, .on = ON_NO_PI },
	{ "flush-prinfo-refused", "Flush is refused with bits in the place of PRINFO", OP_FLUSH,
	  .command = refuse_bits, .p = PRINFO_BITS, .q = NVME_ST_INVALID_PI },
	{ "dsm-prinfo-refused", "Dataset Management is refused with bits in the place of PRINFO", OP_DSM,
	  .command = refuse_bits, .p = PRINFO_BITS, .q = NVME_ST_INVALID_PI },
	{ "uncor-prinfo-refused", "Write Uncorrectable is refused with bits in the place of PRINFO",
	  OP_UNCOR, .command = refuse_bits, .p = PRINFO_BITS, .q = NVME_ST_INVALID_PI },
	{ "fua-refused", "Read with FUA is refused", OP_READ, .command = refuse_bits, .p = 1u << 30,
	  .q = CTL_ST_INVALID_FIELD },
	{ "lr-refused", "a command with LR is refused", OP_READ | OP_WRITE, .command = refuse_bits,
	  .p = 1u << 31, .q = CTL_ST_INVALID_FIELD },
	{ "namespace-any", "I/O commands take any namespace", OP_ALL, .command = any_namespace },
	{ "flush-all-refused", "Flush of all namespaces is refused", OP_FLUSH, .command = refuse_all },
	{ "busy-at-depth", "a command fails with Internal Error while 4 are in flight",
	  OP_READ | OP_WRITE, .command = answer, .p = 0x006, .when = ctl_when_depth, .at = 4 },
	{ "dnr-on-check", "a failed check of a Read has DNR, so that nobody tries again", OP_READ,
	  .result = with_bit, .p = DNR, .q = NVME_ST_GUARD, .on = ON_PI,
	  .excuse = "Base leaves it open whether a failed check fails again" },
	{ "more-without-log", "Unrecovered Read Error has the bit More, and there is no log entry", OP_ALL,
	  .result = with_bit, .p = 0x2000, .q = CTL_ST_UNRECOVERED },
};

const struct ctl_defect_table ctl_defects_command = { rows, sizeof(rows) / sizeof(rows[0]) };
