// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - nvmepi-qualify: does this controller implement end-to-end data protection as the
 * specification says?
 *
 *	args.[ch]	the command line
 *	run.[ch]	the cases, one after another
 *	case.[ch]	which apply; cases-*.c are the tables of them
 *	lab.[ch]	commands sent, and judged by the model
 *	model.[ch]	the model: what commands may return, and blocks may hold (expect.c,
 *			effect.c, copy.c, tuple.c, guard.c)
 *	report*.[ch]	what came of it; script.[ch]: a failed case as nvme-cli lines
 *
 * Nothing of the engine, and nothing of the embedded controller but what target.h has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "args.h"
#include "matrix.h"
#include "selftest.h"

enum {
	NEW_BLOCKS = 65536 + 2048,
	DEVICE_BLOCKS = 8192,
	IMAGE_BLOCKS = 131072,
	DEFAULT_LBS = 4096
};

static uint64_t new_blocks;		/* as --blocks says; 0: it does not */

static int extent(const struct target_open *o, const struct pi_layout *layout, uint64_t *blocks,
		  char why[WHY_MAX])
{
	(void)o;
	(void)layout;
	(void)why;
	*blocks = new_blocks ? new_blocks : NEW_BLOCKS;
	return 0;
}

/* A name for a new image, in memory where that can be; the caller's to free. */
static char *new_image(void)
{
	const char *folder = getenv("TMPDIR");
	char *path = NULL;

	if (!access("/dev/shm", W_OK))
		folder = "/dev/shm";
	if (asprintf(&path, "%s/nvmepi-qualify-%d.img", folder ? folder : "/tmp", (int)getpid()) <
	    0)
		args_die("out of memory");
	return path;
}

/* What --format does not say of a new image is what most drives have. */
static struct ns_format format_of(const struct args *a)
{
	struct ns_format f = a->format;

	if (a->target)
		return f;
	f.lbs = f.lbs < 0 ? DEFAULT_LBS : f.lbs;
	f.pi = f.pi < 0 ? 1 : f.pi;
	f.ms = f.ms < 0 ? (f.pi ? f.pif > 0 ? 16 : 8 : 0) : f.ms;
	return f;
}

static void open_target(const struct args *a, struct lab *l, const char *path)
{
	const struct target_ops *ops = target_of(path);
	struct target_open o = {
		.path = path, .write = true, .format = format_of(a), .fault = a->fault,
		.extent = a->target ? NULL : extent,
	};
	char why[WHY_MAX];

	new_blocks = a->blocks;
	if ((a->fault || a->defect) && ops == &ring_target)
		args_die("--ns_fault and --ns_defect are for images");
#if HAVE_DEFECTS
	o.defect = a->defect;
#else
	if (a->defect)
		args_die("--ns_defect=%s: this build has no defects", a->defect);
#endif
	l->path = path;
	if (ops->open(&o, &l->ns, why))
		args_die("%s", why);
	l->fresh = l->ns->created;
	l->f.strict = a->strict;
	if (lab_identify(l, why)) {
		l->ns->refused = true;
		l->ns->ops->close(l->ns);
		args_die("%s", why);
	}
}

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

static void choose_range(const struct args *a, struct lab *l)
{
	const uint64_t nr = l->f.nr_blocks;
	const uint64_t most = l->ns->ops == &ring_target ? DEVICE_BLOCKS : IMAGE_BLOCKS;

	l->first = 0;
	l->last = nr - 1;
	if (a->range)
		args_range(a, nr, &l->first, &l->last);
	else if (nr > most)
		l->last = most - 1;
	if (l->last - l->first >= 1 << 24)
		args_die("--range: no more than %d blocks", 1 << 24);
}

static void list(const struct args *a)
{
	const struct run r = { .only = a->only, .like = a->like };
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
	struct utsname u;

	lab_format_name(&l->f, report.format);
	if (!uname(&u))
		snprintf(report.kernel, sizeof(report.kernel), "%.60s %.60s %.30s", u.sysname,
			 u.release, u.machine);
	return report;
}

/* False: something could not be written, and a line says what. */
static bool write_reports(const struct args *a, const struct run *r)
{
	const struct report report = report_of(a, r);
	char why[WHY_MAX];
	bool good = true;

	if (a->scripts && report_scripts(&report, a->scripts, why)) {
		fprintf(stderr, "nvmepi-qualify: %s\n", why);
		good = false;
	}
	for (unsigned i = 0; i < a->nr_outputs; i++)
		if (report_write(a->outputs[i].writer, a->outputs[i].path, &report, why)) {
			fprintf(stderr, "nvmepi-qualify: %s\n", why);
			good = false;
		}
	return good;
}

static int status_of(const struct run *r, bool told)
{
	if (r->counts[VERDICT_FAIL])
		return 1;
	if (r->interrupted)
		fputs("nvmepi-qualify: interrupted: nothing failed so far, not all cases ran\n",
		      stderr);
	return told && !r->interrupted && !r->counts[VERDICT_ERROR] && r->counts[VERDICT_PASS] ? 0
											       : 2;
}

/* A new image is nobody's. */
static void remove_image(struct lab *l)
{
	char why[WHY_MAX];

	if (l->ns->ops->remove && l->ns->ops->remove(l->ns, why))
		fprintf(stderr, "nvmepi-qualify: %s\n", why);
}

int main(int argc, char **argv)
{
	const struct args a = args_parse(argc, argv);
	char *path = a.target || a.list || a.selftest ? NULL : new_image();
	struct lab l = { 0 };
	struct run r = {
		.l = &l,
		.only = a.only,
		.like = a.like,
		.seed = a.seed,
		.repeat = a.repeat,
		.time = a.time,
		.progress = !a.quiet,
	};
	char why[WHY_MAX];
	int status = 2;

	if (a.list) {
		list(&a);
		return 0;
	}
	if (a.selftest)
		return selftest(&a);
	open_target(&a, &l, a.target ? a.target : path);
	check_destroy(&a, &l);
	if (a.all_formats) {
		status = matrix(&a, &l);
		l.ns->ops->close(l.ns);
		return status;
	}
	choose_range(&a, &l);
	if (lab_start(&l, why) || run_cases(&r, why))
		fprintf(stderr, "nvmepi-qualify: %s\n", why);
	else
		status = status_of(&r, write_reports(&a, &r));
	run_free(&r);
	lab_end(&l);
	if (path)
		remove_image(&l);
	l.ns->ops->close(l.ns);
	free(path);
	return status;
}
