/* SPDX-License-Identifier: GPL-2.0-only */
/* session.c - see session.h */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../verify/metadata.h"
#include "report.h"
#include "session.h"

/* No more lines about mismatches than this a second for the user; counts stay exact. */
enum { LINES_A_SECOND = 20 };

static __attribute__((format(printf, 2, 3)))
void say(const struct session *s, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	size_t n;

	snprintf(line, sizeof(line), "%.*s: ", (int)sizeof(line) / 4, s->opts.job);
	n = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	s->opts.say(line);
}

/* --- what the I/Os call --- */

static void take(void *ctx, const struct vfy_record *r)
{
	struct session *s = ctx;

	vfy_judge_take(&s->judge, r);
}

static void say_record(void *ctx, const char *line)
{
	say(ctx, "%s", line);
}

static void dump(void *ctx, const struct io *io, const struct vfy_record *r, const void *data,
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

static void log_injected(void *ctx, const struct io *io, const struct vfy_damage *d, const char *outcome)
{
	struct session *s = ctx;

	vfy_judge_log(&s->judge, "injected", report_damage(io, d, outcome));
}

/* --- opening --- */

/*
 * The book for all jobs of this fio: opened as the engine is loaded, because with
 * create_serialize=0 jobs are processes of their own before they open anything.
 */
static struct vfy_faults *common_book;
static char no_common_book[WHY_MAX];

__attribute__((constructor)) static void open_common_book(void)
{
	common_book = vfy_faults_open(NULL, no_common_book);
}

static int open_book(struct session *s, char *why)
{
	const char *path = s->opts.inject_file;

	s->job->faults = path ? vfy_faults_open(path, why) : common_book;
	if (!s->job->faults && !path)
		strcpy(why, no_common_book);
	return s->job->faults ? 0 : -EINVAL;
}

/* Can each of the namespaces be damaged so? */
static int check_inject(struct session *s, char *why)
{
	char text[WHY_MAX];

	for (unsigned i = 0; i < s->nr_ns; i++) {
		const struct job_ns *ns = &s->ns[i];
		bool md = s->seen[i].md_crosses && vfy_md_present(&ns->info.layout);
		/* With PRACT the device lays its own over what is written. */
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
		job->inject.fault[i].seed += o->thread - 1;	/* each job its own sequence */
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
	int ret = vfy_judge_open(&s->judge, &(struct vfy_judge_opts){
		.job = s->opts.job, .thread = s->opts.thread, .run = s->opts.run,
		.log = s->opts.log, .report = s->opts.report, .log_rate = s->opts.log_rate,
		.say_rate = LINES_A_SECOND, .say = say_record, .ctx = s,
	}, why);

	s->judging = !ret;
	return ret;
}

int session_open(struct session *s, const struct session_opts *o, const struct job_ns *ns, unsigned nr,
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
	job->ctx = s;
	ret = open_book(s, why);
	if (!ret)
		ret = open_inject(s, why);
	if (!ret && o->plugin)
		ret = open_plugin(s, why);
	if (!ret && o->dump)
		ret = vfy_dump_open(&s->dump, o->dump, o->job, o->thread, why);
	if (!ret && o->dump)
		job->bad_block = dump;
	return ret ? ret : open_judge(s, why);
}

/* --- the end --- */

/* A job that does nothing special and finds nothing wrong has nothing to say. */
static bool has_asked(const struct session *s)
{
	const struct session_opts *o = &s->opts;

	return s->judge.counts.total || o->plugin || o->log || o->report || o->dump || o->inject;
}

static void say_costs(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;
	double generate = ticks_to_ns(&s->from, st->generating.ticks);
	double check = ticks_to_ns(&s->from, st->checking.ticks);

	if (!has_asked(s) || !st->ios || !(st->generated + st->checked))
		return;
	say(s, "host: generated %" PRIu64 " blocks at %.1f ns, checked %" PRIu64 " at %.1f ns; "
	    "%.0f ns an I/O", st->generated, st->generated ? generate / st->generated : 0, st->checked,
	    st->checked ? check / st->checked : 0, (generate + check) / st->ios);
}

static void say_summary(const struct session *s)
{
	const struct vfy_counts *c = &s->judge.counts;
	const struct io_stats *st = &s->job->stats;
	char text[256], classes[160] = "", injected[64] = "";
	size_t n = 0;

	for (unsigned i = VFY_UNCLASSED + 1; i < VFY_NR_CLASSES; i++)
		if (c->class[i])
			n += snprintf(classes + n, sizeof(classes) - n, "; %s %" PRIu64, vfy_class_name(i),
				      c->class[i]);
	if (c->injected)
		snprintf(injected, sizeof(injected), "; of them injected %" PRIu64, c->injected);
	if (c->total)
		say(s, "mismatches: %s%s%s%s", vfy_counts_text(c, text, sizeof(text)), classes, injected,
		    s->judge.say_rate.suppressed ? "; not all were shown" : "");
	if (st->damaged)
		say(s, "damaged on purpose: %" PRIu64 " blocks: rejected %" PRIu64 ", accepted %" PRIu64
		    ", answered wrongly %" PRIu64, st->damaged, st->rejected, st->accepted, st->wrong);
	if (st->spared)
		say(s, "damaged on purpose: %" PRIu64 " more were left as they are: the book of what is damaged "
		    "is full", st->spared);
	if (s->job->plugin.nonsense)
		say(s, "pi_plugin: %" PRIu64 " answers made no sense and were dropped",
		    s->job->plugin.nonsense);
	if (s->dump.left_out)
		say(s, "pi_dump: %" PRIu64 " more blocks were not dumped", s->dump.left_out);
	say_costs(s);
}

void session_end(struct session *s)
{
	int ret;

	if (!s->judging)
		return;
	say_summary(s);
	ret = s->opts.report ? vfy_judge_report(&s->judge, report_job(s)) : 0;
	if (ret)
		say(s, "pi_report=%s could not be written: %s", s->opts.report, strerror(-ret));
}

void session_close(struct session *s)
{
	if (s->judging)
		vfy_judge_close(&s->judge);
	s->judging = false;
	if (s->job)
		vfy_plugin_close(&s->job->plugin);
	if (s->job && s->opts.inject_file && s->job->faults)
		vfy_faults_close(s->job->faults);
	free(s->seen);
	s->seen = NULL;
}
