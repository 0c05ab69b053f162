// SPDX-License-Identifier: GPL-2.0-only
/* report-text.c - reports as lines: for people, and as TAP; see report.h */
#include "report.h"

/* --- people --- */

static void put_command(FILE *out, const struct lab_finding *f)
{
	const struct nvme_uring_cmd *c = &f->cmd;

	fprintf(out, "  command      %s\n", f->command);
	fprintf(out,
		"  dwords       opcode %02xh, CDW2 %xh, CDW3 %xh, CDW10 %xh, CDW11 %xh, CDW12 %xh, CDW13 %xh, CDW14 %xh, CDW15 %xh\n",
		c->opcode, c->cdw2, c->cdw3, c->cdw10, c->cdw11, c->cdw12, c->cdw13, c->cdw14,
		c->cdw15);
	if (*f->look)
		fprintf(out, "  shown by     %s\n", f->look);
}

static void put_again(FILE *out, const struct report *r, const struct result *x)
{
	fprintf(out, "  repeat with ");
	if (r->one_case)
		fprintf(out, " --only=%s", x->c->name);
	fprintf(out, " --seed=%llu%s\n", (unsigned long long)x->seed, r->again);
}

static void put_failure(FILE *out, const struct report *r, const struct result *x)
{
	char name[80];

	fprintf(out, "\n%s %s\n  requirement  %s\n  section      %s\n",
		x->verdict == VERDICT_FAIL ? "FAIL " : "ERROR", x->c->name, x->c->requirement,
		x->c->section);
	if (x->finding.sent)
		put_command(out, &x->finding);
	fprintf(out, "  expected     %s\n  got          %s\n", x->finding.expected, x->finding.got);
	if (r->again)
		put_again(out, r, x);
	if (x->finding.script && r->folder)
		fprintf(out, "  script       %s/%s\n", r->folder, report_script_name(x->c, name));
	else if (x->finding.script)
		fputs("  script       --scripts=FOLDER leaves one of 'nvme io-passthru' lines\n",
		      out);
}

/* Cases that were skipped, by reason: the same reason once. */
static void put_skipped(FILE *out, const struct run *run)
{
	for (unsigned i = 0; i < run->nr; i++) {
		const struct result *x = &run->results[i];
		unsigned nr = 0, before = 0;

		if (x->verdict != VERDICT_SKIP)
			continue;
		for (unsigned j = 0; j < run->nr; j++)
			if (run->results[j].verdict == VERDICT_SKIP &&
			    run->results[j].why == x->why) {
				nr++;
				before += j < i;
			}
		if (!before)
			fprintf(out, "  %u skipped: %s\n", nr, x->why);
	}
}

void report_people(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	fprintf(out, "nvmepi-qualify: %s (%s)\n", r->target, r->kind);
	fprintf(out, "  drive    %s, serial number %s, firmware %s\n", r->model, r->serial,
		r->firmware);
	fprintf(out, "  format   %s, %llu blocks; LBA %llu to %llu were overwritten\n", r->format,
		(unsigned long long)run->l->f.nr_blocks, (unsigned long long)run->l->first,
		(unsigned long long)run->l->last);
	fprintf(out, "  suite    %s\n  host     %s\n  seed     %llu, %u time%s\n", r->suite, r->kernel,
		(unsigned long long)run->seed, run->passes, run->passes == 1 ? "" : "s");
	for (unsigned i = 0; i < run->nr; i++)
		if (report_failed(&run->results[i]))
			put_failure(out, r, &run->results[i]);
	fprintf(out,
		"\n%u case%s, %llu commands, %.1f s: %u passed, %u failed, %u error%s, %u skipped, %u not run\n",
		run->nr, run->nr == 1 ? "" : "s", (unsigned long long)run->l->all_commands,
		run->seconds, run->counts[VERDICT_PASS], run->counts[VERDICT_FAIL],
		run->counts[VERDICT_ERROR], run->counts[VERDICT_ERROR] == 1 ? "" : "s",
		run->counts[VERDICT_SKIP], run->counts[VERDICT_NOT_RUN]);
	put_skipped(out, run);
	if (run->gone)
		fputs("the drive, or the namespace, is gone: the report has the results up to then\n", out);
	else if (run->interrupted)
		fputs("interrupted: the report has the results up to then\n", out);
}

/* --- TAP --- */

static void put_yaml(FILE *out, const char *key, const char *text)
{
	fprintf(out, "  %s: '", key);
	for (; *text; text++)
		fputs(*text == '\'' ? "''" : (char[]){ *text == '\n' ? ' ' : *text, 0 }, out);
	fputs("'\n", out);
}

static void put_tap(FILE *out, const struct result *x, unsigned number)
{
	fprintf(out, "%sok %u - %s",
		report_failed(x) || x->verdict == VERDICT_NOT_RUN ? "not " : "", number,
		x->c->name);
	if (x->verdict == VERDICT_SKIP)
		fprintf(out, " # SKIP %s", x->why);
	fputc('\n', out);
	if (!report_failed(x) && x->verdict != VERDICT_NOT_RUN)
		return;
	fputs("  ---\n", out);
	put_yaml(out, "verdict", verdict_names[x->verdict]);
	put_yaml(out, "requirement", x->c->requirement);
	put_yaml(out, "section", x->c->section);
	put_yaml(out, "command", x->finding.command);
	put_yaml(out, "expected", x->finding.expected);
	put_yaml(out, "got", x->finding.got);
	fputs("  ...\n", out);
}

void report_tap(FILE *out, const struct report *r)
{
	fprintf(out,
		"TAP version 13\n# nvmepi-qualify: %s (%s), %s, serial number %s, firmware %s\n# %s, %s\n# %s\n1..%u\n",
		r->target, r->kind, r->model, r->serial, r->firmware, r->format, r->kernel,
		r->suite, r->run->nr);
	for (unsigned i = 0; i < r->run->nr; i++)
		put_tap(out, &r->run->results[i], i + 1);
}
