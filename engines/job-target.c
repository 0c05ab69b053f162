/* SPDX-License-Identifier: GPL-2.0-only */
/* job-target.c - checks that a job's target carries all that the job asks for; see job.h */
#include <stdio.h>
#include "job.h"

/* Returns a command of the job other than Read, Write, Dataset Management and Flush; NULL: none. */
static const char *other_command(const struct job_opts *o)
{
	return o->appends ? "write_mode=zone_append" :
	       job_uses(o, nvme_cmd_write_zeroes) ? "write_mode=zeroes" :
	       job_uses(o, nvme_cmd_write_uncor) ? "write_mode=uncor" :
	       job_uses(o, nvme_cmd_verify) ? "write_mode=verify" : o->compare ? "verify_mode=compare" : NULL;
}

int job_check_target(const struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX])
{
	const unsigned lacks = target_lacks(ns->target);
	const struct pi_layout *l = &ns->info.layout;
	const char *command = other_command(o);
	const struct {
		unsigned	lacks;		/* TARGET_LACKS_* that matter, if */
		bool		asked;
		const char	*what;
	} rows[] = {
		{ TARGET_LACKS_EXTENDED, l->extended, "extended blocks" },
		{ TARGET_LACKS_STORAGE, l->type != PI_NONE && ns->info.pif == 1, "32b guards" },
		{ TARGET_LACKS_STORAGE, l->sts, "storage tags" },
		{ TARGET_LACKS_COMMANDS, ns->info.zones.blocks, "zones" },
		{ TARGET_LACKS_EXTENDED, l->md_size && ns->target && !ns->target->integrity,
		  "this format, for which the kernel has no integrity profile" },
		{ TARGET_LACKS_PRACT, o->pract && l->type != PI_NONE, "pi_act=1" },
		{ TARGET_LACKS_TAGS, ns->tags.app_mask != 0xffff && (ns->prchk | ns->prchk_read) & PI_APP,
		  "apptag_mask where the device checks the tag (pi_chk)" },
		{ TARGET_LACKS_TAGS, o->ref && l->type == PI_TYPE2, "a pi_ref of its own" },
		{ TARGET_LACKS_READ_FUA, o->readfua, "readfua" },
		{ TARGET_LACKS_RANGES, o->trims && o->ranges > 1, "more than one range (num_range)" },
		{ TARGET_LACKS_COMMANDS, command, command },
		{ TARGET_LACKS_DIRECTIVES, o->places, "placement (fdp, dataplacement)" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (lacks & rows[i].lacks && rows[i].asked)
			return refuse_ns(ns, why, "the block layer does not carry %s; give the generic device, "
					 "/dev/ngXnY", rows[i].what);
	return 0;
}
