/* SPDX-License-Identifier: GPL-2.0-only */
/* session.c - see session.h */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verify/metadata.h"
#include "verify/mix.h"
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

/*
 * Where a job looks at blocks and pi_escape can find nothing.  A job that only writes or trims has
 * it from the options that it shares with others.
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

/* --- which blocks this run writes --- */

static uint64_t mixed(uint64_t sum, uint64_t value)
{
	return vfy_mix(sum + value);
}

/* What the blocks that this job writes carry besides their data. */
static uint64_t kind_of(const struct session *s, const struct job_ns *ns)
{
	const char *plugin = s->opts.plugin ? s->opts.plugin : "pi";
	uint64_t kind = mixed(mixed(mixed(0, ns->tags.app), ns->tags.storage), ns->tags.ref);

	while (*plugin)
		kind = mixed(kind, *plugin++);
	return kind;
}

/* A name for the map of these, apart from that of what was written. */
static int open_spoiled(struct session *s, struct job_ns *ns, char *why)
{
	ns->spoiled = vfy_written_open(vfy_mix(ns->seen.id), ns->info.nr_blocks, why);
	if (!ns->spoiled)
		return -ENOMEM;
	if (s->opts.spoils)
		vfy_written_join(ns->spoiled, 0);
	return 0;
}

/* Only metadata can tell what wrote a block. */
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
	return a->bare_reads == b->bare_reads && a->bare_writes == b->bare_writes && a->pract == b->pract &&
	       !a->verify == !b->verify &&
	       !a->prchk_read == !b->prchk_read && io_unchecked_of(a) == io_unchecked_of(b);
}

/* Bare I/Os are counted for all namespaces together: those that differ have none. */
static void settle_bare(struct session *s)
{
	unsigned i = 1;

	while (i < s->nr_ns && counts_as(&s->ns[0], &s->ns[i]))
		i++;
	for (unsigned j = 0; i < s->nr_ns && j < s->nr_ns; j++)
		s->ns[j].bare_reads = s->ns[j].bare_writes = false;
}

/* --- who checks what --- */

static size_t put_fields(char *text, size_t size, unsigned fields)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned bit = 0; bit < VFY_NR_FIELDS; bit++)
		if (fields & 1u << bit && n < size)
			n += snprintf(text + n, size - n, "%s%s", n ? ", " : "", vfy_field_name(1u << bit));
	return n;
}

/* "guard, reference tag; WHERE: application tag" */
static void say_fields(const struct session *s, const struct job_ns *ns, const char *who, unsigned always,
		       const char *where, unsigned there)
{
	char a[128], b[128];

	put_fields(a, sizeof(a), always);
	put_fields(b, sizeof(b), there);
	say(s, "%s: checked by the %s: %s%s%s%s%s", ns->path, who, *a || *b ? a : "nothing",
	    *a && *b ? "; " : "", *b ? where : "", *b ? ": " : "", b);
}

/*
 * What would be checked where this run wrote is not, where its jobs write different things.  Jobs
 * that are set up later may be of that kind: then it is said at the end.
 */
static void say_differs(struct session *s)
{
	char text[128];

	for (unsigned i = 0; i < s->nr_ns; i++) {
		struct job_ns *ns = &s->ns[i];

		if (!s->opts.first || !s->opts.tell_checks || !s->opts.reads || ns->told_differs ||
		    !ns->own_only || !ns->written || !vfy_written_differs(ns->written, ns->kind))
			continue;
		ns->told_differs = true;
		put_fields(text, sizeof(text), ns->own_only);
		say(s, "%s: not checked where this run wrote: %s, because jobs of this run write different ones",
		    ns->path, text);
	}
}

static void say_checks(struct session *s)
{
	say_differs(s);
	for (unsigned i = 0; i < s->nr_ns; i++) {
		const struct job_ns *ns = &s->ns[i];
		unsigned host = ns->verify | (ns->verify_md ? VFY_METADATA : 0);
		const bool looks = s->opts.reads || s->opts.compares;
		unsigned device = ns->pract && !looks ? 0 : ns->prchk_read;

		if (!looks)
			device = ns->pract ? 0 : ns->prchk;
		if (*ns->remark)
			say(s, "%s: %s", ns->path, ns->remark);
		if (!s->opts.tell_checks)
			continue;
		say_fields(s, ns, "host", s->opts.reads ? host & ~ns->own_only : 0, "where this run wrote",
			   s->opts.reads && !ns->told_differs ? ns->own_only : 0);
		say_fields(s, ns, "device", device, "in writes",
			   s->opts.writes && looks && !ns->pract ? ns->prchk & ~device : 0);
	}
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
	job->ctx = s;
	ret = open_book(s, why);
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
	settle_bare(s);
	if (o->first)
		say_checks(s);
	return 0;
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
	double generate = ticks_to_ns(&s->from, ticks_of_all(&st->generating));
	double check = ticks_to_ns(&s->from, ticks_of_all(&st->checking));

	uint64_t looked = io_looked_at(st);
	char make[48] = "", look[48] = "";

	if (!has_asked(s) || !st->ios || !(st->generated + looked))
		return;
	if (st->generated)
		snprintf(make, sizeof(make), "%.1f ns to generate a block, ", generate / st->generated);
	if (looked)
		snprintf(look, sizeof(look), "%.1f ns to check a block, ", check / looked);
	say(s, "host: %s%s%.0f ns an I/O", make, look, (generate + check) / st->ios);
}

static const char *const rule_text[] = {
	"application tag FFFFh", "application tag FFFFh and reference tag all ones",
};

static const char *const unchecked_text[IO_NR_UNCHECKED] = {
	[IO_NOT_ASKED]	= "pi_verify=none",
	[IO_PRACT]	= "pi_act=1, no tuple crosses",
	[IO_NO_PI]	= "no protection information",
	[IO_FAILED]	= "the read failed",
	[IO_PLUGIN]	= "left to the plugin",
	[IO_NOT_OURS]	= "not written by this run",
	[IO_BLANK]	= "all zero, and no tuple",
};

/* "12 (rule 8, rule 4)": of so many counts @n, what @text says. */
static void put_counts(char *buf, size_t size, const uint64_t *n, const char *const *text, unsigned nr)
{
	uint64_t sum = 0;
	size_t len;
	bool first = true;

	for (unsigned i = 0; i < nr; i++)
		sum += n[i];
	len = snprintf(buf, size, "%" PRIu64, sum);
	for (unsigned i = 0; i < nr; i++) {
		if (!n[i] || len >= size)
			continue;
		len += snprintf(buf + len, size - len, "%s%s", first ? " (" : ", ", text[i]);
		if (n[i] != sum && len < size)
			len += snprintf(buf + len, size - len, " %" PRIu64, n[i]);
		first = false;
	}
	if (!first && len < size)
		snprintf(buf + len, size - len, ")");
}

/* "generated 8 blocks", and who did. */
static void put_written(const struct session *s, char *buf, size_t size)
{
	const struct io_stats *st = &s->job->stats;
	size_t n = 0;

	buf[0] = '\0';
	if (st->generated)
		n = snprintf(buf, size, "; tuples generated for %" PRIu64, st->generated);
	if (st->bare_written && n < size)
		snprintf(buf + n, size - n, "; %s %" PRIu64, s->ns[0].pract ?
			 "tuples generated by the device for" : "written without tuples", st->bare_written);
}

/* One line on what became of all blocks: also where nothing was found, for silence is no sign of it. */
static void say_blocks(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;
	char escaped[96], unchecked[200], written[96], read[400] = "", line[600];
	int n;
	uint64_t blocks = io_blocks_read(st);

	if (!st->ios)
		return;
	put_counts(escaped, sizeof(escaped), st->escaped, rule_text, 2);
	put_counts(unchecked, sizeof(unchecked), st->unchecked, unchecked_text, IO_NR_UNCHECKED);
	put_written(s, written, sizeof(written));
	if (blocks)
		snprintf(read, sizeof(read), "; read %" PRIu64 ": checked by the host %" PRIu64
			 ", escaped %s, not checked %s", blocks, st->checked, escaped, unchecked);
	n = snprintf(line, sizeof(line), "%s%s; the device was asked to check %" PRIu64, written, read,
		     st->asked);
	if (n > 2)
		say(s, "blocks: %s", line + 2);
}

/* Many tags of one value are not damage: something else wrote the blocks. */
static void say_hint(const struct session *s)
{
	const struct vfy_alike *a = &s->judge.alike;
	const struct job_ns *ns = &s->ns[0];
	char host[64], device[64];

	if (a->nr < 2 || a->differ || !(a->field & (PI_APP | PI_STORAGE | PI_REF | VFY_METADATA)))
		return;
	words_of(((ns->verify | (ns->verify_md ? VFY_METADATA : 0)) & ~a->field), host, sizeof(host));
	words_of(ns->prchk_read & ~a->field, device, sizeof(device));
	say(s, "all %" PRIu64 " %s%s are %04" PRIx64 "h: written by something else? pi_verify=%s%s%s", a->nr,
	    vfy_field_name(a->field), a->field == VFY_METADATA ? " bytes" : "s", a->got, host,
	    a->device ? " pi_chk=" : "", a->device ? device : "");
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
	say_hint(s);
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
		say(s, "pi_dump=%s: %" PRIu64 " more blocks were not dumped%s%s", s->opts.dump,
		    s->dump.left_out, s->dump.err ? ": " : "", s->dump.err ? strerror(s->dump.err) : "");
	say_blocks(s);
	say_costs(s);
}

/* --- what becomes of a finding --- */

/* fio can't tell mismatches of damaged data from others: its verify's are not ours to judge then. */
static bool may_be_injected(const struct session *s)
{
	return s->opts.inject || io_has_faults(s->job);
}

/* What nobody did on purpose, as text; an empty one: there is no such finding. */
static void put_findings(const struct session *s, bool fio_found, char *text, size_t size)
{
	const struct vfy_counts *c = &s->judge.counts;
	uint64_t wrong = s->job->stats.wrong, nonsense = s->job->plugin.nonsense;
	/* A wrong answer to damage is a record of what was made on purpose, and yet a finding. */
	uint64_t found = c->total - c->injected;
	size_t n = 0;

	text[0] = '\0';
	if (found)
		n += snprintf(text + n, size - n, "mismatches %" PRIu64, found);
	if (wrong)
		n += snprintf(text + n, size - n, "%swrong answers to damaged writes %" PRIu64,
			      n ? ", " : "", wrong);
	if (nonsense)
		n += snprintf(text + n, size - n, "%ssenseless answers of the plugin %" PRIu64,
			      n ? ", " : "", nonsense);
	if (!n && fio_found && !c->total && !may_be_injected(s))
		snprintf(text, size, "mismatches of fio's own verify");
}

static int verdict(const struct session *s, int fio, bool fio_found)
{
	char text[200];

	put_findings(s, fio_found, text, sizeof(text));
	if (!*text || s->opts.exit == SESSION_EXIT_FIO)
		return 0;
	if (!fio)
		say(s, "the job fails for what was found: %s (pi_exit=fio leaves that to fio)", text);
	return EILSEQ;
}

int session_end(struct session *s, int fio, bool fio_found)
{
	int ret, err;

	if (!s->judging)
		return 0;
	io_count_bare(&s->ns[0], &s->job->stats);
	say_differs(s);
	say_summary(s);
	err = verdict(s, fio, fio_found);
	ret = s->opts.report ? vfy_judge_report(&s->judge, report_job(s)) : 0;
	if (!ret)
		return err;
	say(s, "pi_report=%s could not be written: %s", s->opts.report, strerror(-ret));
	return err ? err : EIO;
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
	for (unsigned i = 0; s->ns && i < s->nr_ns; i++) {
		vfy_written_close(s->ns[i].written);
		vfy_written_close(s->ns[i].spoiled);
		s->ns[i].written = s->ns[i].spoiled = NULL;
	}
	free(s->seen);
	s->seen = NULL;
}
