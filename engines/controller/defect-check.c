// SPDX-License-Identifier: GPL-2.0-only
/* defect-check.c - defects: which checks are done, for which blocks and commands; see defect.h */
#include "defect-parts.h"

/* The checks @p are not done. */
static void drop(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->checks &= ~d->p;
}

/* The checks @p are done unasked. */
static void add(struct ctl_tuple *t, const struct ctl_defect *d)
{
	t->checks |= d->p & ~(t->l->type == PI_TYPE3 ? PI_REF : 0u) & ~(t->l->sts ? 0u : PI_STORAGE);
}

/* The checks @p and @q are confused. */
static void swap(struct ctl_tuple *t, const struct ctl_defect *d)
{
	const unsigned asked = t->checks;

	t->checks &= ~(d->p | d->q);
	t->checks |= (asked & d->p ? d->q : 0) | (asked & d->q ? d->p : 0);
}

/* With several checks, only those of @p are done. */
static void only_of_several(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->checks & (t->checks - 1))
		t->checks &= d->p;
}

/* The check @p needs the check @q, too. */
static void needs(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (!(t->checks & d->q))
		t->checks &= ~d->p;
}

/* The check @p takes the check @q with it. */
static void takes(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->checks & d->p)
		add(t, &(struct ctl_defect){ .p = d->q });
}

/* Of a Compare, the tuples of one side are not checked: @p 1 the host's, 0 those of media. */
static void drop_side(struct ctl_tuple *t, const struct ctl_defect *d)
{
	if (t->host == d->p)
		t->checks = 0;
}

static void reorder(struct ctl_tuple *t, const struct ctl_defect *d)
{
	static const char *const orders[] = { "agsr", "rgas", "gras", "sgar" };

	t->order = orders[d->p];
}

/* A block that passes ends the checks of the command. */
static void end_after_good(struct ctl_tuple *t, const struct ctl_defect *d)
{
	(void)d;
	if (t->is.guard == t->want.guard && t->i >= 1)
		t->a->silent = true;
}

/* CDW12: flags of commands. */
enum { PRACT = 1u << 29, FUA = 1u << 30, LR = 1u << 31 };
#define EVERY_CHECK (PI_GUARD | PI_APP | PI_REF | PI_STORAGE)
#define ORDER "5.3.3 leaves the order of checks open"
#define DROP .stages = AT_CHECK, .block = drop
#define DROP_ALL DROP, .p = EVERY_CHECK

static const struct ctl_defect rows[] = {
	{ "read-guard-unchecked", "Read ignores PRCHK for the guard", OP_READ, DROP, .p = PI_GUARD },
	{ "read-app-unchecked", "Read ignores PRCHK for the application tag", OP_READ, DROP, .p = PI_APP },
	{ "read-ref-unchecked", "Read ignores PRCHK for the reference tag", OP_READ, DROP, .p = PI_REF,
	  .on = ON_COUNTED, .min_ref = 1 },
	{ "read-storage-unchecked", "Read ignores STC", OP_READ, DROP, .p = PI_STORAGE, .min_sts = 1 },
	{ "write-guard-unchecked", "Write ignores PRCHK for the guard", OP_WRITE, DROP, .p = PI_GUARD },
	{ "write-app-unchecked", "Write ignores PRCHK for the application tag", OP_WRITE, DROP, .p = PI_APP },
	{ "write-ref-unchecked", "Write ignores PRCHK for the reference tag", OP_WRITE, DROP, .p = PI_REF,
	  .on = ON_COUNTED, .min_ref = 1 },
	{ "write-storage-unchecked", "Write ignores STC", OP_WRITE, DROP, .p = PI_STORAGE, .min_sts = 1 },
	{ "verify-guard-unchecked", "Verify ignores PRCHK for the guard", OP_VERIFY, DROP, .p = PI_GUARD },
	{ "verify-app-unchecked", "Verify ignores PRCHK for the application tag", OP_VERIFY, DROP,
	  .p = PI_APP },
	{ "verify-ref-unchecked", "Verify ignores PRCHK for the reference tag", OP_VERIFY, DROP,
	  .p = PI_REF, .on = ON_COUNTED, .min_ref = 1 },
	{ "verify-storage-unchecked", "Verify ignores STC", OP_VERIFY, DROP, .p = PI_STORAGE,
	  .min_sts = 1 },
	{ "compare-guard-unchecked", "Compare ignores PRCHK for the guard", OP_COMPARE, DROP,
	  .p = PI_GUARD },
	{ "compare-app-unchecked", "Compare ignores PRCHK for the application tag", OP_COMPARE, DROP,
	  .p = PI_APP },
	{ "compare-ref-unchecked", "Compare ignores PRCHK for the reference tag", OP_COMPARE, DROP,
	  .p = PI_REF, .on = ON_COUNTED, .min_ref = 1 },
	{ "compare-storage-unchecked", "Compare ignores STC", OP_COMPARE, DROP, .p = PI_STORAGE,
	  .min_sts = 1 },
	{ "compare-host-unchecked", "Compare checks only the tuples of media", OP_COMPARE,
	  AT_CHECK, .block = drop_side, .p = 1 },
	{ "compare-media-unchecked", "Compare checks only the tuples of the host", OP_COMPARE,
	  AT_CHECK, .block = drop_side, .p = 0 },
	{ "guard-always-checked", "the guard is checked although PRCHK does not ask for it", OP_CHECKS,
	  AT_CHECK, .block = add, .p = PI_GUARD },
	{ "app-always-checked", "the application tag is checked although PRCHK does not ask for it",
	  OP_CHECKS, AT_CHECK, .block = add, .p = PI_APP },
	{ "ref-always-checked", "the reference tag is checked although PRCHK does not ask for it",
	  OP_CHECKS, AT_CHECK, .block = add, .p = PI_REF, .on = ON_COUNTED, .min_ref = 1 },
	{ "storage-always-checked", "the storage tag is checked although STC is clear", OP_CHECKS,
	  AT_CHECK, .block = add, .p = PI_STORAGE, .min_sts = 1 },
	{ "prchk-guard-app-swapped", "the PRCHK bits of guard and application tag are confused", OP_CHECKS,
	  AT_CHECK, .block = swap, .p = PI_GUARD, .q = PI_APP },
	{ "prchk-app-ref-swapped", "the PRCHK bits of application and reference tag are confused",
	  OP_CHECKS, AT_CHECK, .block = swap, .p = PI_APP, .q = PI_REF, .on = ON_COUNTED, .min_ref = 1 },
	{ "prchk-only-guard", "of several checks only that of the guard is done", OP_CHECKS,
	  AT_CHECK, .block = only_of_several, .p = PI_GUARD },
	{ "prchk-all-or-no-ref", "of several checks that of the reference tag is left out", OP_CHECKS,
	  AT_CHECK, .block = only_of_several, .p = PI_GUARD | PI_APP | PI_STORAGE,
	  .on = ON_COUNTED, .min_ref = 1 },
	{ "stc-needs-ref", "STC has an effect only if PRCHK asks for the reference tag", OP_CHECKS,
	  AT_CHECK, .block = needs, .p = PI_STORAGE, .q = PI_REF, .min_sts = 1 },
	{ "ref-check-takes-storage", "the check of the reference tag compares the storage tag, too",
	  OP_CHECKS, AT_CHECK, .block = takes, .p = PI_REF, .q = PI_STORAGE, .min_sts = 1 },
	{ "app-needs-guard", "the application tag is checked only if the guard is", OP_CHECKS,
	  AT_CHECK, .block = needs, .p = PI_APP, .q = PI_GUARD },
	{ "order-app-before-guard", "the application tag is checked before the guard", OP_CHECKS,
	  AT_CHECK, .block = reorder, .p = 0, .excuse = ORDER },
	{ "order-ref-first", "the reference tag is checked before all other fields", OP_CHECKS,
	  AT_CHECK, .block = reorder, .p = 1, .on = ON_COUNTED, .min_ref = 1, .excuse = ORDER },
	{ "order-ref-before-app", "the reference tag is checked before the application tag", OP_CHECKS,
	  AT_CHECK, .block = reorder, .p = 2, .on = ON_COUNTED, .min_ref = 1, .excuse = ORDER },
	{ "good-block-ends-checks", "a good second block ends the checks of the command", OP_CHECKS,
	  AT_CHECK, .block = end_after_good },
	{ "first-block-unchecked", "the first block of a command is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_first },
	{ "last-block-unchecked", "the last of several blocks is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_last },
	{ "middle-blocks-unchecked", "only the first and the last block are checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_middle },
	{ "second-block-unchecked", "the second block of a command is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_index, .at = 1 },
	{ "blocks-from-8-unchecked", "only the first 8 blocks of a command are checked", OP_CHECKS,
	  DROP_ALL, .when = ctl_when_from, .at = 8 },
	{ "blocks-from-64-unchecked", "only the first 64 blocks of a command are checked", OP_CHECKS,
	  DROP_ALL, .when = ctl_when_from, .at = 64 },
	{ "block-127-unchecked", "the 128th block of a command is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_index, .at = 127 },
	{ "block-128-unchecked", "the 129th block of a command is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_index, .at = 128 },
	{ "verify-from-256-unchecked", "Verify checks only 256 blocks", OP_VERIFY, DROP_ALL,
	  .when = ctl_when_from, .at = 256 },
	{ "page-start-unchecked", "a block that begins a page of 4 KiB of the transfer is not checked",
	  OP_READ | OP_WRITE, DROP_ALL, .when = ctl_when_after_bytes, .at = 4096 },
	{ "64k-start-unchecked", "the block after each 64 KiB of the transfer is not checked",
	  OP_READ | OP_WRITE, DROP_ALL, .when = ctl_when_after_bytes, .at = 65536 },
	{ "count-low-byte-checked", "only NLB's low byte counts the blocks to check", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_beyond_low_byte },
	{ "lba-multiple-16-unchecked", "LBAs that are multiples of 16 are not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_lba_multiple, .at = 16 },
	{ "lba-64k-unchecked", "LBAs from 2^16 on are not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_lba_from, .at = 65536 },
	{ "one-block-unchecked", "commands of one block are not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_nr, .at = 1 },
	{ "two-blocks-unchecked", "commands of two blocks are not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_nr, .at = 2 },
	{ "power-of-two-unchecked", "commands of 4, 8, 16 and so on blocks are not checked", OP_CHECKS,
	  DROP_ALL, .when = ctl_when_nr_power, .at = 4 },
	{ "odd-number-unchecked", "commands of 3, 5, 7 and so on blocks are not checked", OP_CHECKS,
	  DROP_ALL, .when = ctl_when_nr_odd, .at = 3 },
	{ "largest-unchecked", "a transfer of the maximum size is not checked", OP_READ | OP_WRITE, DROP_ALL,
	  .when = ctl_when_nr_most },
	{ "fua-unchecked", "a command with FUA is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_flag, .at = FUA },
	{ "lr-unchecked", "a command with LR is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_flag, .at = LR },
	{ "depth-unchecked", "nothing is checked while another command is in flight", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_depth, .at = 2 },
	{ "depth-32-ref-unchecked", "the reference tag is not checked with 32 commands in flight",
	  OP_READ | OP_WRITE, DROP, .p = PI_REF, .when = ctl_when_depth, .at = 32,
	  .on = ON_COUNTED, .min_ref = 1 },
	{ "each-16th-unchecked", "one command in 16 is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_every, .at = 16 },
	{ "unaligned-unchecked", "a buffer that does not begin a page turns the checks off",
	  OP_READ | OP_WRITE | OP_COMPARE, DROP_ALL, .when = ctl_when_unaligned, .at = 4096 },
	{ "read-pract-unchecked", "Read with PRACT does not check", OP_READ, DROP_ALL,
	  .when = ctl_when_flag, .at = PRACT },
	{ "read-pract-guard-unchecked", "Read with PRACT does not check the guard", OP_READ, DROP,
	  .p = PI_GUARD, .when = ctl_when_flag, .at = PRACT },
	{ "namespace-end-unchecked", "a command that ends at the last LBA is not checked", OP_CHECKS,
	  DROP_ALL, .when = ctl_when_ends_namespace },
	{ "type-2-ref-unchecked", "the reference tag is not checked with type 2", OP_CHECKS, DROP,
	  .p = PI_REF, .when = ctl_when_type, .at = PI_TYPE2, .on = ON_TYPE2, .min_ref = 1 },
	{ "type-3-unchecked", "nothing is checked with type 3", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_type, .at = PI_TYPE3, .on = ON_TYPE3 },
	{ "extended-unchecked", "extended blocks are not checked by Read", OP_READ, DROP_ALL,
	  .when = ctl_when_extended, .on = ON_EXTENDED },
	{ "more-metadata-unchecked", "the guard is not checked if there is other metadata", OP_CHECKS, DROP,
	  .p = PI_GUARD, .when = ctl_when_more_metadata, .on = ON_MORE },
	{ "after-bad-unchecked", "nothing is checked after a command met an uncorrectable block", OP_CHECKS,
	  DROP_ALL, .when = ctl_when_after_bad },
	{ "after-flush-unchecked", "the command after a Flush is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_after_flush },
	{ "after-failure-unchecked", "the command after a failed check is not checked", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_after_fail },
	{ "after-format-unchecked", "nothing is checked after a Format NVM", OP_CHECKS, DROP_ALL,
	  .when = ctl_when_after_format },
};

const struct ctl_defect_table ctl_defects_check = { rows, sizeof(rows) / sizeof(rows[0]) };
