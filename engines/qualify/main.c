// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - nvmepi-qualify: does this controller implement end-to-end data protection as the
 * specification says?
 *
 *	args.[ch]	the command line
 *	session.[ch]	a target opened and closed
 *	run.[ch]	the cases, one after another
 *	case.[ch]	which apply; cases-*.c are the tables of them
 *	lab.[ch]	commands sent, and judged by the model
 *	model.[ch]	the model: what commands may return, and blocks may hold (expect.c,
 *			effect.c, copy.c, tuple.c, guard.c)
 *	selftest.[ch]	would the suite notice? defects are tried (trial.c) and counted
 *	matrix.[ch]	all formats, one after another
 *	report*.[ch]	what came of it; script.[ch]: a failed case as nvme-cli lines
 *
 * Nothing of the engine, and nothing of the embedded controller but what target.h has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "args.h"
#include "matrix.h"
#include "selftest.h"
#include "session.h"

/* A device's blocks are overwritten only where its serial number says so. */
static void check_destroy(const struct args *a, struct lab *l)
{
	if (l->ns->ops != &ring_target) {
		if (a->destroy)
			args_die("--destroy is for devices: %s is an image", l->path);
		return;
	}
	if (!a->destroy)
		args_die("%s is overwritten: say so by --destroy=%s, the drive's serial number",
			 l->path, l->id.serial);
	if (strcmp(a->destroy, l->id.serial))
		args_die("--destroy=%s: %s is the drive with the serial number %s", a->destroy,
			 l->path, l->id.serial);
}

static void list(const struct args *a)
{
	const struct run r = { .only = a->only, .without = a->without, .like = a->like };
	const struct qcase *c;

	for (unsigned i = 0; (c = qcase_at(i)); i++)
		if (run_wants(&r, c))
			printf("%-30s %s [%s]\n", c->name, c->requirement, c->section);
}

/* --- reports --- */

static struct report report_of(const struct args *a, const struct run *r)
{
	const struct lab *l = r->l;
	struct report report = {
		.run = r, .target = a->target ? a->target : "a new image", .kind = l->ns->ops->name,
		.model = l->id.model, .firmware = l->id.firmware,
		.serial = a->target ? l->id.serial : "(of a new image)", .folder = a->scripts,
	};

	lab_format_name(&l->f, report.format);
	report_here(&report);
	return report;
}

/* Returns the options and the target that a run needs to fail as this one, or NULL; to be freed. */
static char *again_of(const struct args *a)
{
	const struct {
		const char *name, *value;
	} words[] = {
		{ "--format=", a->words }, { "--ns_fault=", a->fault }, { "--ns_defect=", a->defect },
		{ "--range=", a->range }, { "--strict", a->strict ? "" : NULL },
		{ "--like=", a->like ? "readback" : NULL }, { "--destroy=", a->destroy },
		{ "", a->target },
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].value) {
			fprintf(out, " %s", words[i].name);
			report_quote(out, words[i].value);
		}
	if (a->blocks)
		fprintf(out, " --blocks=%llu", (unsigned long long)a->blocks);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* False: something could not be written, and a line says what. */
static bool write_reports(const struct args *a, const struct run *r)
{
	char *again = again_of(a);
	struct report report = report_of(a, r);
	char why[WHY_MAX];
	bool good = true;

	report.again = again;
	report.one_case = !a->fault;	/* which writes go wrong depends on all before them */
	if (a->scripts && report_scripts(&report, a->scripts, why)) {
		fprintf(stderr, "nvmepi-qualify: %s\n", why);
		good = false;
	}
	for (unsigned i = 0; i < a->nr_outputs; i++)
		if (report_write(a->outputs[i].writer, a->outputs[i].path, &report, why)) {
			fprintf(stderr, "nvmepi-qualify: %s\n", why);
			good = false;
		}
	free(again);
	return good;
}

static int status_of(const struct run *r, bool told)
{
	if (r->gone)
		fprintf(stderr, "nvmepi-qualify: %s: the drive, or the namespace, is gone: "
			"%u cases did not run\n", r->l->path, r->counts[VERDICT_NOT_RUN]);
	if (r->counts[VERDICT_FAIL])
		return 1;
	if (r->interrupted && !r->gone)
		fputs("nvmepi-qualify: interrupted: nothing failed so far, not all cases ran\n",
		      stderr);
	return told && !r->interrupted && !r->counts[VERDICT_ERROR] && r->counts[VERDICT_PASS] ? 0
											       : 2;
}

int main(int argc, char **argv)
{
	const struct args a = args_parse(argc, argv);
	char *path = a.target || a.list || a.selftest ? NULL : session_image(getpid());
	struct lab l = { 0 };
	struct run r = {
		.l = &l,
		.only = a.only,
		.without = a.without,
		.like = a.like,
		.seed = a.seed,
		.repeat = a.repeat,
		.time = a.time,
		.progress = !a.quiet,
		.before = a.resume ? args_json(&a) : NULL,
	};
	char why[WHY_MAX];
	int status = 2;

	if (a.list) {
		list(&a);
		return 0;
	}
	if (a.selftest)
		return selftest(&a);
	session_open(&a, &l, a.target ? a.target : path);
	check_destroy(&a, &l);
	if (a.all_formats) {
		status = matrix(&a, &l);
		session_close(&l, false);
		return status;
	}
	session_range(&a, &l);
	if (lab_start(&l, why) || run_cases(&r, why))
		fprintf(stderr, "nvmepi-qualify: %s\n", why);
	else
		status = status_of(&r, write_reports(&a, &r));
	run_free(&r);
	lab_end(&l);
	session_close(&l, path);
	free(path);
	return status;
}
