// SPDX-License-Identifier: GPL-2.0-only
/* defect-recovery.c - defects of the error for deallocated blocks (DULBE); see defect-parts.h */
#include "defect-parts.h"

/*
 * What ended because of DULBE is executed again without it; with @p only if the first block was
 * written.
 */
static int ignores_dulbe(struct ctl_act *a, const struct ctl_defect *d, int res)
{
	struct ctl_image *img = a->port->image;
	const uint32_t before = img->recovery;

	if (res <= 0 || (res & NVME_ST_MASK) != CTL_ST_UNWRITTEN)
		return res;
	if (d->p && !ctl_act_is_written(a, a->r.lba))
		return res;
	img->recovery = 0;
	res = ctl_act_honest(a, &a->cmd);
	img->recovery = before;
	return res;
}

#define IGNORES(name, what, op) { name, what, op, .result = ignores_dulbe }

static const struct ctl_defect rows[] = {
	IGNORES("dulbe-read-ignored", "Read of deallocated blocks succeeds although DULBE is set",
		OP_READ),
	IGNORES("dulbe-verify-ignored", "Verify of deallocated blocks succeeds although DULBE is set",
		OP_VERIFY),
	IGNORES("dulbe-compare-ignored", "Compare of deallocated blocks succeeds although DULBE is set",
		OP_COMPARE),
	IGNORES("dulbe-copy-ignored", "Copy of deallocated blocks succeeds although DULBE is set",
		OP_COPY),
	{ "dulbe-first-block-only", "DULBE has an effect only if the first block is deallocated",
	  OP_LOOKS, .result = ignores_dulbe, .p = 1 },
};

const struct ctl_defect_table ctl_defects_recovery = { rows, sizeof(rows) / sizeof(rows[0]) };
