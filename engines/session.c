/* SPDX-License-Identifier: GPL-2.0-only */
/* session.c - see session.h */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verify/metadata.h"
#include "verify/hash.h"
#include "inject.h"
#include "job-report.h"
#include "say.h"
#include "session.h"

/* limit of lines about mismatches per second; counts remain exact */
enum { LINES_A_SECOND = 20 };

/* --- callbacks of I/Os --- */

static void take(void *ctx, const struct vfy_mismatch *r)
{
	struct session *s = ctx;

	vfy_recorder_take(&s->recorder, r);
}

static void say_record(void *ctx, const char *line)
{
	session_say(ctx, "%s", line);
}

static void dump(void *ctx, const struct io *io, const struct vfy_mismatch *r, const void *data,
		 const void *md)
{
	struct session *s = ctx;

	report_dump(s, io, r, data, md);
}

static void count_status(void *ctx, int status)
{
	struct session *s = ctx;
	unsigned i = 0;

	while (i < s->nr_status && s->status[i].status != status)
		i++;
	if (i == SESSION_STATUSES)
		return;
	if (i == s->nr_status)
		s->status[s->nr_status++].status = status;
	s->status[i].count++;
}

/* fio's own lines repeat it for each I/O; the job says it once. */
static void say_lost(void *ctx, const struct job_ns *ns, int res)
{
	struct session *s = ctx;
	char name[NVME_STATUS_MAX];

	if (res != -EINTR && !s->told_gone) {
		session_say(s, "%s: the drive, or the namespace, is gone: %s", ns->path,
			    nvme_result_name(res, name));
		s->told_gone = true;
	} else if (res == -EINTR && !s->told_cancelled) {
		session_say(s, "%s: the driver cancelled a command, because the controller is reset, "
			    "or does not answer: %s", ns->path, nvme_result_name(res, name));
		s->told_cancelled = true;
	}
}

static void log_injected(void *ctx, const struct io *io, const struct vfy_injection *d, const char *outcome)
{
	struct session *s = ctx;

	vfy_recorder_log(&s->recorder, "injected", report_damage(io, d, outcome));
}

/* --- opening --- */

/*
 * The table of injected blocks that all jobs of this fio share. It is created when the engine is
 * loaded, because with create_serialize=0 jobs become separate processes before they open anything.
 */
static struct vfy_injected *common_table;
static char no_common_table[WHY_MAX];

__attribute__((constructor)) static void open_common_table(void)
{
	common_table = vfy_injected_open(NULL, true, no_common_table);
}

static int open_table(struct session *s, char *why)
{
	const char *path = s->opts.inject_file;

	s->job->faults = path ? vfy_injected_open(path, s->opts.changes, why) : common_table;
	if (!s->job->faults && !path)
		strcpy(why, no_common_table);
	return s->job->faults ? 0 : -EINVAL;
}

/* Checks that each namespace has the fields that will be damaged. */
static int check_inject(struct session *s, char *why)
{
	char text[WHY_MAX];

	for (unsigned i = 0; i < s->nr_ns; i++) {
		const struct job_ns *ns = &s->ns[i];
		bool md = s->seen[i].md_crosses && vfy_md_present(&ns->info.layout);
		/* With PRACT the device inserts its own tuples into what is written. */
		bool tuples = ns->wire.pi && !(ns->pract && s->job->inject_writes);

		if (vfy_inject_check(&s->job->inject, &ns->info.layout, &ns->tags, tuples, md, text))
			return refuse(why, EINVAL, "%s: %s", ns->path, text);
	}
	return 0;
}

static int open_inject(struct session *s, char *why)
{
	const struct session_opts *o = &s->opts;
	struct io_job *job = s->job;
	int ret;

	if (!o->inject)
		return o->answer == IO_ANSWER_AUTO && o->into == SESSION_INTO_AUTO ? 0 :
		       refuse(why, EINVAL, "pi_expect and pi_inject_into go with pi_inject: give that too");
	if (!o->reads && !o->writes)
		return refuse(why, EINVAL, "pi_inject: the job neither reads nor writes data");
	if (o->into == SESSION_INTO_WRITE && !o->writes)
		return refuse(why, EINVAL, "pi_inject_into=write: the job writes no data");
	if (o->into == SESSION_INTO_READ && !o->reads)
		return refuse(why, EINVAL, "pi_inject_into=read: the job reads no data");
	ret = vfy_inject_parse(o->inject, &job->inject, why);
	if (ret)
		return ret;
	for (unsigned i = 0; i < job->inject.nr; i++)
		job->inject.fault[i].seed += o->thread - 1;	/* each job has its own sequence */
	job->inject_writes = o->into == SESSION_INTO_WRITE || (o->into == SESSION_INTO_AUTO && o->writes);
	job->inject_reads = !job->inject_writes;
	job->answer = o->answer;
	return check_inject(s, why);
}

static int open_plugin(struct session *s, char *why)
{
	s->host = (struct vfy_host){
		.verify = pi_verify,
		.series_of = pi_series_of,
		.verify_at = pi_verify_at,
		.tuple_get = pi_tuple_get,
		.escapes = pi_escapes,
		.ref_at = pi_ref_at,
		.say = s->opts.say,
	};
	s->plugin_job = (struct vfy_job){
		.name = s->opts.job, .thread = s->opts.thread,
		.reads = s->opts.reads, .writes = s->opts.changes,
		.depth = s->opts.depth, .ns = s->seen, .nr_ns = s->nr_ns, .host = &s->host,
	};
	for (unsigned i = 0; i < s->nr_ns; i++)
		if (s->ns[i].max_blocks > s->plugin_job.max_blocks)
			s->plugin_job.max_blocks = s->ns[i].max_blocks;
	return vfy_plugin_open(s->opts.plugin, &s->plugin_job, &s->job->plugin, why);
}

static int open_judge(struct session *s, char *why)
{
	int ret = vfy_recorder_open(&s->recorder, &(struct vfy_recorder_opts){
		.job = s->opts.job, .thread = s->opts.thread, .run = s->opts.run,
		.log = s->opts.log, .report = s->opts.report, .log_rate = s->opts.log_rate,
		.say_rate = LINES_A_SECOND, .say = say_record, .ctx = s,
	}, why);

	s->recording = !ret;
	return ret;
}

/*
 * Refuses pi_escape where a job checks blocks but pi_escape could not find anything. A job that
 * only writes or trims may have the option, because it may share options with other jobs.
 */
static int check_escape(const struct session *s, char *why)
{
	const struct session_opts *o = &s->opts;

	for (unsigned i = 0; i < s->nr_ns; i++) {
		const struct job_ns *ns = &s->ns[i];

		if (!ns->escape)
			continue;
		if (!o->reads && (o->compares || o->verifies))
			return refuse(why, EINVAL, "%s: pi_escape: the host sees no tuple, because the job sends no "
				      "Read command; leave it out", ns->path);
		if (ns->verify && !(ns->verify & ~s->job->plugin.session.owns))
			return refuse(why, EINVAL, "%s: pi_escape: pi_plugin=%.100s looks at the tuples, not the "
				      "engine; leave out one of the two", ns->path, o->plugin);
	}
	return 0;
}

/* --- the blocks that this run writes --- */

static uint64_t mixed(uint64_t sum, uint64_t value)
{
	return vfy_hash(sum + value);
}

/* Returns a hash of the tags and metadata that the blocks of this job carry. */
static uint64_t kind_of(const struct session *s, const struct job_ns *ns)
{
	const char *plugin = s->opts.plugin ? s->opts.plugin : "pi";
	uint64_t kind = mixed(mixed(mixed(0, ns->tags.app), ns->tags.storage), ns->tags.ref);

	while (*plugin)
		kind = mixed(kind, *plugin++);
	return kind;
}

/*
 * Opens the map of blocks that this run made uncorrectable, under another id than that of written
 * blocks.
 */
static int open_spoiled(struct session *s, struct job_ns *ns, char *why)
{
	ns->spoiled = vfy_written_open(vfy_hash(ns->seen.id), ns->info.nr_blocks, why);
	if (!ns->spoiled)
		return -ENOMEM;
	if (s->opts.spoils)
		vfy_written_join(ns->spoiled, 0);
	return 0;
}

/* Opens the map of written blocks. Without metadata nothing in a block depends on who wrote it. */
static int open_written(struct session *s, struct job_ns *ns, char *why)
{
	if (!ns->info.layout.md_size)
		return 0;
	ns->written = vfy_written_open(ns->seen.id, ns->info.nr_blocks, why);
	if (!ns->written)
		return -ENOMEM;
	ns->kind = kind_of(s, ns);
	if (s->opts.writes)
		vfy_written_join(ns->written, ns->kind);
	return 0;
}

static bool counts_as(const struct job_ns *a, const struct job_ns *b)
{
	return a->fast_reads == b->fast_reads && a->fast_writes == b->fast_writes && a->pract == b->pract &&
	       !a->verify == !b->verify &&
	       !a->prchk_read == !b->prchk_read && io_unchecked_of(a) == io_unchecked_of(b);
}

/*
 * I/Os on the fast path support neither a plugin nor injection, and are counted for all namespaces
 * together, so namespaces that count differently do not use it.
 */
static void choose_fast_paths(struct session *s)
{
	unsigned i = 1;

	while (i < s->nr_ns && counts_as(&s->ns[0], &s->ns[i]))
		i++;
	if (vfy_plugged(&s->job->plugin) || inject_wanted(s->job))
		i = 0;
	for (unsigned j = 0; i < s->nr_ns && j < s->nr_ns; j++)
		s->ns[j].fast_reads = s->ns[j].fast_writes = false;
}

int session_open(struct session *s, const struct session_opts *o, struct job_ns *ns, unsigned nr,
		 struct io_job *job, char why[WHY_MAX])
{
	int ret;

	*s = (struct session){ .opts = *o, .ns = ns, .nr_ns = nr, .job = job, .from = ticks_start() };
	s->seen = calloc(nr, sizeof(*s->seen));
	if (!s->seen)
		return refuse(why, ENOMEM, "out of memory");
	for (unsigned i = 0; i < nr; i++) {
		s->seen[i] = ns[i].seen;
		s->seen[i].index = i;
	}
	job->record = take;
	job->injected = log_injected;
	job->status = count_status;
	job->lost = say_lost;
	job->ctx = s;
	ret = open_table(s, why);
	if (!ret)
		ret = open_inject(s, why);
	if (!ret && o->plugin)
		ret = open_plugin(s, why);
	if (!ret)
		ret = check_escape(s, why);
	if (!ret && o->dump)
		ret = vfy_dump_open(&s->dump, o->dump, o->job, o->thread, why);
	if (!ret && o->dump)
		job->bad_block = dump;
	for (unsigned i = 0; i < nr && !ret; i++)
		ret = open_written(s, &ns[i], why);
	for (unsigned i = 0; i < nr && !ret; i++)
		ret = open_spoiled(s, &ns[i], why);
	if (!ret)
		ret = open_judge(s, why);
	if (ret)
		return ret;
	choose_fast_paths(s);
	if (o->first)
		session_say_checks(s);
	return 0;
}

/* --- the result of the job --- */

static int verdict(const struct session *s, int fio, bool fio_found)
{
	char text[200];

	session_findings(s, fio_found, text, sizeof(text));
	if (!*text || s->opts.exit == SESSION_EXIT_FIO)
		return 0;
	if (!fio)
		session_say(s, "the job fails because of %s (pi_exit=fio leaves that to fio)", text);
	return EILSEQ;
}

/* Returns the errno of a file that could not be written completely, which was printed, or 0. */
static int incomplete(struct session *s)
{
	int err = s->recorder.log_err ? s->recorder.log_err : s->dump.err;
	char why[WHY_MAX];

	for (unsigned i = 0; i < s->nr_ns && !err; i++)
		err = s->ns[i].target->fault_err;
	if (vfy_plugin_end(&s->job->plugin, why)) {
		session_say(s, "%s", why);
		return EIO;
	}
	return err;
}

int session_end(struct session *s, int fio, bool fio_found)
{
	int ret, err;

	if (!s->recording)
		return 0;
	vfy_recorder_end(&s->recorder);
	io_count_fast(&s->ns[0], &s->job->stats);
	session_say_differs(s);
	session_say_summary(s);
	err = verdict(s, fio, fio_found);
	ret = incomplete(s);
	err = err ? err : ret;
	ret = s->opts.report ? vfy_recorder_report(&s->recorder, report_job(s)) : 0;
	if (!ret)
		return err;
	session_say(s, "pi_report=%s could not be written: %s", s->opts.report, strerror(-ret));
	return err ? err : EIO;
}

void session_close(struct session *s)
{
	if (s->recording)
		vfy_recorder_close(&s->recorder);
	s->recording = false;
	if (s->job)
		vfy_plugin_close(&s->job->plugin);
	if (s->job && s->opts.inject_file && s->job->faults)
		vfy_injected_close(s->job->faults);
	for (unsigned i = 0; s->ns && i < s->nr_ns; i++) {
		vfy_written_close(s->ns[i].written);
		vfy_written_close(s->ns[i].spoiled);
		s->ns[i].written = s->ns[i].spoiled = NULL;
	}
	free(s->seen);
	s->seen = NULL;
}
