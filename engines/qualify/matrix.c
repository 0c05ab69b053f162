// SPDX-License-Identifier: GPL-2.0-only
/* matrix.c - see matrix.h */
#include <endian.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "matrix.h"

extern char **environ;

/* A format as Format NVM chooses it. */
struct choice {
	unsigned	index, mset, type, first;
	uint32_t	data, md;
	unsigned	pif, sts;
};

/* Result of one format. */
enum outcome { TRIED, NOT_FORMATTED, NOT_RUN };

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* --- formats --- */

static struct choice current(const struct lab *l)
{
	const struct nvme_id_ns *ns = &l->id.ns;

	return (struct choice) {
		.index = (ns->flbas & 0xf) | (ns->flbas >> 5 & 3) << 4, .mset = ns->flbas >> 4 & 1,
		.type = ns->dps & 7, .first = ns->dps >> 3 & 1,
	};
}

/* Fills in what Identify offers of LBA format @index in one way. Returns false if nothing. */
static bool offered(const struct lab *l, struct choice *c)
{
	const struct nvme_id_ns *ns = &l->id.ns;
	const uint32_t elbaf = le32toh(l->id.nvm.elbaf[c->index]);
	const unsigned tuple = (elbaf >> 7 & 3) ? 16 : 8;

	if (ns->lbaf[c->index].ds < 9 || ns->lbaf[c->index].ds > 20)
		return false;
	c->data = 1u << ns->lbaf[c->index].ds;
	c->md = le16toh(ns->lbaf[c->index].ms);
	c->pif = elbaf >> 7 & 3;
	c->sts = elbaf & 0x7f;
	if (!c->md)
		return !c->mset && !c->type && !c->first;
	if (!(ns->mc >> (c->mset ? 0 : 1) & 1))
		return false;
	if (!c->type)
		return !c->first;
	return c->md >= tuple && ns->dpc >> (c->type - 1) & 1 && ns->dpc >> (c->first ? 3 : 4) & 1;
}

/* Base, Format NVM, CDW10: LBAFL 3:0, MSET 4, PI 7:5, PIL 8, LBAFU 13:12. */
static int format(struct lab *l, const struct choice *c)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_format_nvm, .nsid = l->ns->nsid, .timeout_ms = 600000,
		.cdw10 = (c->index & 0xf) | c->mset << 4 | c->type << 5 | c->first << 8 |
			 (c->index >> 4 & 3) << 12,
	};

	return l->ns->ops->admin(l->ns, &cmd);
}

static char *name_of(const struct choice *c, char name[80])
{
	static const char *const guards[] = { "16b", "32b", "64b", "qualified" };
	int len = snprintf(name, 80, "%u+%u%s", c->data, c->md,
			   !c->md    ? ""
			   : c->mset ? "-extended"
				     : "-separate");

	if (!c->type)
		snprintf(name + len, 80 - len, "-none");
	else if (c->sts)
		snprintf(name + len, 80 - len, "-%s-type%u-%s-sts%u", guards[c->pif], c->type,
			 c->first ? "first" : "last", c->sts);
	else
		snprintf(name + len, 80 - len, "-%s-type%u-%s", guards[c->pif], c->type,
			 c->first ? "first" : "last");
	return name;
}

/* --- one of them --- */

/* Waits for the process; an interrupt of this run interrupts it, too. */
static void wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (stopped)
			kill(pid, SIGTERM);
}

static void run_suite(const struct args *a, const char *path)
{
	char output[PATH_MAX + 20], seed[40], repeat[40], option[4][PATH_MAX];
	char *argv[13] = { "nvmepi-qualify", a->strict ? "--strict" : "--quiet", "--continue", "--quiet",
			   output, seed, repeat };
	const struct {
		const char *name, *value;
	} given[] = { { "--destroy=", a->destroy },
		      { "--range=", a->range },
		      { "--only=", a->only }, { "--without=", a->without } };
	int n = 7;
	pid_t pid;

	snprintf(output, sizeof(output), "--output=json:%s", path);
	snprintf(seed, sizeof(seed), "--seed=%llu", (unsigned long long)a->seed);
	snprintf(repeat, sizeof(repeat), "--repeat=%llu", (unsigned long long)a->repeat);
	for (int i = 0; i < 4; i++)
		if (given[i].value) {
			snprintf(option[i], sizeof(option[i]), "%s%s", given[i].name,
				 given[i].value);
			argv[n++] = option[i];
		}
	argv[n++] = (char *)a->target;
	argv[n] = NULL;
	if (!posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ))
		wait_for(pid);
}

static void tell_failed(struct json_object *report)
{
	struct json_object *cases;

	if (!json_object_object_get_ex(report, "cases", &cases))
		return;
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *c = json_object_array_get_idx(cases, i);

		if (!strcmp(matrix_text(c, "verdict"), "fail"))
			printf("    %s\n", matrix_text(c, "name"));
	}
}

/* A row of the matrix.  Returns whether some case failed there. */
static bool tell(struct json_object *report, const char *name)
{
	printf("%-44s %6llu %6llu %6llu %6llu\n", name, (unsigned long long)matrix_count(report, "pass"),
	       (unsigned long long)matrix_count(report, "fail"),
	       (unsigned long long)matrix_count(report, "error"),
	       (unsigned long long)matrix_count(report, "skip"));
	tell_failed(report);
	fflush(stdout);
	return matrix_count(report, "fail");
}

/*
 * The other process needs the namespace for itself: it is closed here meanwhile, and opened again.
 */
static void hand_over(struct lab *l, const struct args *a, const char *path)
{
	const struct target_open o = { .path = a->target, .write = true, .format = NS_FORMAT_ANY };
	const struct target_ops *ops = l->ns->ops;
	char why[WHY_MAX];

	ops->close(l->ns);
	run_suite(a, path);
	if (ops->open(&o, &l->ns, why) || lab_identify(l, why))
		args_die("%s; its first format was not put back", why);
}

/* Formats the namespace and runs the suite, or reports an earlier result of that format. */
static enum outcome try_format(const struct args *a, struct lab *l, const struct choice *c,
			       struct matrix_row *row, bool *failed)
{
	char *name = name_of(c, row->name), path[PATH_MAX], status[QM_NAME_MAX];
	struct json_object *report = matrix_report(a, name);

	row->formatted = true;
	matrix_path(a, name, path);
	if (!report) {
		const int res = format(l, c);

		if (res) {
			row->formatted = false;
			printf("%-44s not formatted: %s\n", name, qm_status_name(res, status));
			return NOT_FORMATTED;
		}
		hand_over(l, a, path);
		report = matrix_report(a, name);
	}
	if (!report) {
		printf("%-44s not all cases ran\n", name);
		return NOT_RUN;
	}
	*failed |= tell(report, name);
	json_object_put(report);
	return TRIED;
}

static unsigned nr_formats(const struct lab *l)
{
	return l->id.ns.nlbaf + l->id.ns.nulbaf + 1u;
}

/* Returns choice @i: they enumerate the types and places of each LBA format and transfer mode. */
static struct choice choice_at(unsigned i)
{
	return (struct choice){
		.index = i / 16, .mset = i / 8 % 2, .type = i / 2 % 4, .first = i % 2
	};
}

/* Prints the progress. */
static void show_progress(const struct args *a, unsigned done, unsigned all, double start)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (!a->quiet && done)
		fprintf(stderr, "nvmepi-qualify: %u of %u formats, about %.0f s to go\n", done, all,
			(t.tv_sec - start) / done * (all - done));
}

static void try_all(const struct args *a, struct lab *l, struct matrix_rows *m, unsigned counts[3],
		    bool *failed)
{
	struct choice all[MATRIX_FORMATS];
	unsigned nr = 0;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned i = 0; i < 16 * nr_formats(l) && nr < MATRIX_FORMATS; i++) {
		all[nr] = choice_at(i);
		nr += offered(l, &all[nr]);
	}
	printf("%-44s %6s %6s %6s %6s\n", "format", "pass", "fail", "error", "skip");
	for (unsigned i = 0; i < nr && !stopped; i++) {
		counts[try_format(a, l, &all[i], &m->rows[m->nr++], failed)]++;
		show_progress(a, i + 1, nr, start.tv_sec);
	}
}

/* Returns false after a line if a page could not be written. */
static bool write_pages(const struct args *a, const struct lab *l, const struct matrix_rows *m)
{
	static const struct report_writer page = { "html", matrix_page };
	const struct run run = { .seed = a->seed };
	struct report r = {
		.run = &run, .target = a->target, .kind = l->ns->ops->name, .model = l->id.model,
		.firmware = l->id.firmware, .serial = l->id.serial, .matrix = m,
	};
	char why[WHY_MAX];
	bool good = true;

	report_here(&r);
	for (unsigned i = 0; i < a->nr_outputs; i++)
		if (a->outputs[i].writer->write == report_html &&
		    report_write(&page, a->outputs[i].path, &r, why)) {
			fprintf(stderr, "nvmepi-qualify: %s\n", why);
			good = false;
		}
	return good;
}

int matrix(const struct args *a, struct lab *l)
{
	const struct sigaction sa = { .sa_handler = stop };
	const struct choice before = current(l);
	static struct matrix_rows m;
	unsigned counts[3] = { 0 };
	bool failed = false, good;
	char name[QM_NAME_MAX], why[WHY_MAX];
	int res;

	m.a = a;
	if (mkdir(a->results, 0777) && errno != EEXIST)
		args_die("--results=%s: %s", a->results, strerror(errno));
	if (matrix_check_reports(a, l, why))
		args_die("%s", why);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	try_all(a, l, &m, counts, &failed);
	res = format(l, &before);
	if (res)
		fprintf(stderr, "nvmepi-qualify: %s: the first format could not be put back: %s\n",
			l->path, qm_status_name(res, name));
	printf("%u formats tested, %u could not be chosen, %u not completed%s\n", counts[TRIED],
	       counts[NOT_FORMATTED], counts[NOT_RUN],
	       stopped ? ", interrupted: the same command continues" : "");
	good = write_pages(a, l, &m);
	if (failed)
		return 1;
	return stopped || res || counts[NOT_RUN] || !counts[TRIED] || !good ? 2 : 0;
}
