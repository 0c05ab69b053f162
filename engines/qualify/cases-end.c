// SPDX-License-Identifier: GPL-2.0-only
/* cases-end.c - see end.h; cases that run last: what must not have changed */
#include <errno.h>
#include <stdlib.h>
#include "case.h"
#include "end.h"
#include "guard.h"

/*
 * The largest number of blocks outside the range: next to it on both sides, and spread over the
 * rest.
 */
enum { BESIDE = 512, SPREAD = 1024 };

struct outside {
	uint64_t	lba;
	int		res;
	uint64_t	sum;		/* of data and metadata */
};

static struct outside *outside;
static unsigned nr_outside;

/* Reads a block without checks: returns the status and a checksum. */
static struct outside read_outside(struct lab *l, uint64_t lba)
{
	struct outside o = { .lba = lba };
	struct nvme_uring_cmd cmd;

	l->tags = (struct qm_tags){ 0 };
	cmd = lab_command(l, nvme_cmd_read, lba, 1, 0);
	lab_poison(l, &cmd);
	o.res = l->ns->ops->io(l->ns, &cmd);
	if (!o.res)
		o.sum = qm_guard(2, l->in->data, cmd.data_len, l->in->md, cmd.metadata_len);
	return o;
}

static void add(struct lab *l, uint64_t lba)
{
	if (lba < l->f.nr_blocks && (lba < l->first || lba > l->last))
		outside[nr_outside++] = read_outside(l, lba);
}

void end_quiet(struct lab *l)
{
	for (uint64_t i = 0; i < l->nr_quiet; i++) {
		lab_new_tags(l, l->quiet + i);
		lab_write(l, l->quiet + i, 1);
	}
}

int end_prepare(struct lab *l, char why[WHY_MAX])
{
	const uint64_t step = l->f.nr_blocks / SPREAD + 1;

	nr_outside = 0;
	outside = calloc(2 * BESIDE + SPREAD, sizeof(*outside));
	if (!outside)
		return refuse(why, ENOMEM, "%s: out of memory", l->path);
	for (uint64_t i = 1; i <= BESIDE; i++) {
		add(l, l->last + i);
		if (i <= l->first)
			add(l, l->first - i);
	}
	for (uint64_t lba = 0; lba < l->f.nr_blocks; lba += step)
		add(l, lba);
	end_quiet(l);
	return 0;
}

void end_free(void)
{
	free(outside);
	outside = NULL;
}

static void run_quiet(struct lab *l, const struct qcase *c)
{
	(void)c;
	lab_look(l, l->quiet, l->nr_quiet);
}

static void run_all(struct lab *l, const struct qcase *c)
{
	(void)c;
	lab_look(l, l->first, l->last - l->first + 1);
}

static void run_outside(struct lab *l, const struct qcase *c)
{
	(void)c;
	if (!nr_outside)
		l->skip = "the range is the whole namespace: no block is outside it";
	for (unsigned i = 0; i < nr_outside && !l->failed; i++) {
		const struct outside now = read_outside(l, outside[i].lba);

		l->commands++;
		if (now.res != outside[i].res || now.sum != outside[i].sum) {
			lab_fail(l, NULL, "blocks outside the range as they were before",
				 "LBA %llu is another", (unsigned long long)now.lba);
			l->finding.lba = now.lba;
		}
	}
}

static const struct qcase list[] = {
	{ "end/quiet", "Blocks that no command named have not changed.", "3.3.6", 0,
	  .run = run_quiet },
	{ "end/all", "All blocks of the range hold what the last command for each left there.",
	  "3.3.6", 0, .run = run_all },
	{ "end/outside", "Nothing outside the range has changed.", "3.3.6", 0, .run = run_outside },
};

const struct qcase_table cases_end = QCASE_TABLE(list);
