/* SPDX-License-Identifier: GPL-2.0-only */
/* say.c - see say.h */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "say.h"

static void put_line(const struct session *s, void (*to)(const char *line), const char *fmt, va_list ap)
{
	char line[1024];
	size_t n;

	snprintf(line, sizeof(line), "%.*s: ", (int)sizeof(line) / 4, s->opts.job);
	n = strlen(line);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	to(line);
}

void session_say(const struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(s, s->opts.say, fmt, ap);
	va_end(ap);
}

/* Prints a line that informs and is no complaint. */
static __attribute__((format(printf, 2, 3))) void session_inform(const struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(s, s->opts.inform ? s->opts.inform : s->opts.say, fmt, ap);
	va_end(ap);
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

/* Prints for example "guard, reference tag; WHERE: application tag". */
static void say_fields(const struct session *s, const struct job_ns *ns, const char *who, unsigned always,
		       const char *where, unsigned there)
{
	char a[128], b[128];

	put_fields(a, sizeof(a), always);
	put_fields(b, sizeof(b), there);
	session_inform(s, "%s: checked by the %s: %s%s%s%s%s", ns->path, who, *a || *b ? a : "nothing",
	    *a && *b ? "; " : "", *b ? where : "", *b ? ": " : "", b);
}

void session_say_differs(struct session *s)
{
	char text[128];

	for (unsigned i = 0; i < s->nr_ns; i++) {
		struct job_ns *ns = &s->ns[i];

		if (!s->opts.first || !s->opts.tell_checks || !s->opts.reads || ns->told_differs ||
		    !ns->own_only || !ns->written || !vfy_written_differs(ns->written, ns->kind))
			continue;
		ns->told_differs = true;
		put_fields(text, sizeof(text), ns->own_only);
		session_inform(s, "%s: not checked where this run wrote: %s, because jobs of this run write different ones",
		    ns->path, text);
	}
}

void session_say_checks(struct session *s)
{
	session_say_differs(s);
	for (unsigned i = 0; i < s->nr_ns; i++) {
		const struct job_ns *ns = &s->ns[i];
		unsigned host = ns->verify | (ns->verify_md ? VFY_METADATA : 0);
		const bool looks = s->opts.reads || s->opts.compares;
		unsigned device = ns->pract && !looks ? 0 : ns->prchk_read;

		if (!looks)
			device = ns->pract ? 0 : ns->prchk;
		if (*ns->remark)
			session_inform(s, "%s: %s", ns->path, ns->remark);
		if (!s->opts.tell_checks)
			continue;
		say_fields(s, ns, "host", s->opts.reads ? host & ~ns->own_only : 0, "where this run wrote",
			   s->opts.reads && !ns->told_differs ? ns->own_only : 0);
		say_fields(s, ns, "device", device, "in writes",
			   s->opts.writes && looks && !ns->pract ? ns->prchk & ~device : 0);
	}
}

/* --- findings and costs --- */

/*
 * Returns whether the job has something to print: one without special options that finds nothing
 * has not.
 */
static bool has_asked(const struct session *s)
{
	const struct session_opts *o = &s->opts;

	return s->recorder.counts.total || o->plugin || o->log || o->report || o->dump || o->inject;
}

static void say_costs(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;
	double generate = ticks_to_ns(&s->from, ticks_of_all(&st->generating));
	double check = ticks_to_ns(&s->from, ticks_of_all(&st->checking));

	uint64_t looked = io_looked_at(st);
	char make[48] = "", look[48] = "";

	if (!has_asked(s) || !st->ios || !(st->written[IO_BY_HOST] + looked))
		return;
	if (st->written[IO_BY_HOST])
		snprintf(make, sizeof(make), "%.1f ns per block to generate, ", generate / st->written[IO_BY_HOST]);
	if (looked)
		snprintf(look, sizeof(look), "%.1f ns per block to check, ", check / looked);
	session_inform(s, "host: %s%s%.0f ns per I/O", make, look, (generate + check) / st->ios);
}

static const char *const rule_text[] = {
	"application tag FFFFh", "application tag FFFFh and reference tag all ones",
};

static const char *const unchecked_text[IO_NR_UNCHECKED] = {
	[IO_NOT_ASKED]	= "pi_verify=none",
	[IO_PRACT]	= "pi_act=1, no tuple is transferred",
	[IO_NO_PI]	= "no protection information",
	[IO_FAILED]	= "the read failed",
	[IO_PLUGIN]	= "left to the plugin",
	[IO_NOT_OURS]	= "not written by this run",
	[IO_BLANK]	= "all zero, and no tuple",
};

/* Formats counts such as "12 (rule 8, rule 4)"; @text are the names of the counts @n. */
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

static const char *const written_text[IO_NR_MAKERS] = {
	[IO_BY_HOST]	= "tuples generated for",
	[IO_BY_DEVICE]	= "tuples generated by the device for",
	[IO_WITHOUT]	= "written without tuples",
};

static const char *const changed_text[IO_NR_CHANGES] = {
	[IO_DEALLOCATED]   = "deallocated",
	[IO_ZEROED]	   = "zeroed",
	[IO_UNCORRECTABLE] = "made uncorrectable",
};

/* Appends "; TEXT N" to @buf for each count of @n that is not 0. Returns the new length. */
static size_t put_each(char *buf, size_t size, size_t len, const uint64_t *n, const char *const *text, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (n[i] && len < size)
			len += snprintf(buf + len, size - len, "; %s %" PRIu64, text[i], n[i]);
	return len;
}

/*
 * Prints what was checked of all blocks. It is printed even if nothing was found, so that a user
 * sees that blocks were checked.
 */
static void say_blocks(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;
	char escaped[96], unchecked[200], written[256] = "", read[400] = "", line[800];
	uint64_t blocks = io_blocks_read(st);
	size_t n;

	n = put_each(written, sizeof(written), 0, st->written, written_text, IO_NR_MAKERS);
	n = put_each(written, sizeof(written), n, st->changed, changed_text, IO_NR_CHANGES);
	if (!st->ios && !n) {
		session_inform(s, "blocks: none: the job has done no read, write or trim");
		return;
	}
	put_counts(escaped, sizeof(escaped), st->escaped, rule_text, 2);
	put_counts(unchecked, sizeof(unchecked), st->unchecked, unchecked_text, IO_NR_UNCHECKED);
	if (blocks)
		snprintf(read, sizeof(read), "; read %" PRIu64 ": checked by the host %" PRIu64
			 ", escaped %s, not checked %s", blocks, st->checked, escaped, unchecked);
	snprintf(line, sizeof(line), "%s%s; the device was asked to check %" PRIu64, written, read, st->asked);
	session_inform(s, "blocks: %s", line + 2);
}

/*
 * If many tags have the same value, or count from 0, they are not damaged: something else wrote the
 * blocks.  Prints that.
 */
static void say_hint(const struct session *s)
{
	const struct vfy_alike *a = &s->recorder.alike;
	const struct job_ns *ns = &s->ns[0];
	char host[64], device[64], checks[160];

	if (a->nr < 2 || a->fields_differ || !(a->field & (PI_APP | PI_STORAGE | PI_REF | VFY_METADATA)))
		return;
	words_of(((ns->verify | (ns->verify_md ? VFY_METADATA : 0)) & ~a->field), host, sizeof(host));
	words_of(ns->prchk_read & ~a->field, device, sizeof(device));
	snprintf(checks, sizeof(checks), "%s%s%s", host, a->device ? " pi_chk=" : "", a->device ? device : "");
	if (!a->differ)
		session_say(s, "all %" PRIu64 " %s%s are %04" PRIx64 "h: written by something else? pi_verify=%s",
			    a->nr, vfy_field_name(a->field), a->field == VFY_METADATA ? " bytes" : "s", a->got,
			    checks);
	else if (a->field == PI_REF && a->zeros && !a->jump)
		session_say(s, "all %" PRIu64 " reference tags count from 0: written by commands with ILBRT 0, as "
			    "io_uring_cmd's are without pi_chk=REFTAG? pi_verify=%s", a->nr, checks);
}

void session_say_summary(const struct session *s)
{
	const struct vfy_counts *c = &s->recorder.counts;
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
		session_say(s, "mismatches: %s%s%s%s", vfy_counts_text(c, text, sizeof(text)), classes, injected,
		    s->recorder.say_rate.suppressed ? "; not all were shown" : "");
	say_hint(s);
	if (st->damaged)
		session_inform(s, "damaged on purpose: %" PRIu64 " blocks: rejected %" PRIu64 ", accepted %" PRIu64
		    ", unexpected %" PRIu64, st->damaged, st->rejected, st->accepted, st->unexpected);
	if (st->not_damaged)
		session_inform(s, "damaged on purpose: %" PRIu64 " more were not damaged: the table of injected blocks "
		    "is full", st->not_damaged);
	if (s->job->plugin.nonsense)
		session_say(s, "pi_plugin: %" PRIu64 " results were invalid and were ignored",
		    s->job->plugin.nonsense);
	if (s->dump.left_out)
		session_say(s, "pi_dump=%s: %" PRIu64 " more blocks were not dumped%s%s", s->opts.dump,
		    s->dump.left_out, s->dump.err ? ": " : "", s->dump.err ? strerror(s->dump.err) : "");
	say_blocks(s);
	say_costs(s);
}

/* --- findings --- */

/*
 * Returns whether fio's verify may have found data that was damaged on purpose: fio cannot tell
 * that from other mismatches, so they are not counted as findings.
 */
static bool may_be_injected(const struct session *s)
{
	const struct io_stats *st = &s->job->stats;

	/* What was rejected was sent again undamaged. */
	return st->damaged != st->rejected || io_has_injected(s->job);
}

void session_findings(const struct session *s, bool fio_found, char *text, size_t size)
{
	const struct vfy_counts *c = &s->recorder.counts;
	uint64_t wrong = s->job->stats.unexpected, nonsense = s->job->plugin.nonsense;
	/* A wrong answer of the device to damage is recorded as injected, but is a finding. */
	uint64_t found = c->total - c->injected;
	size_t n = 0;

	text[0] = '\0';
	if (found)
		n += snprintf(text + n, size - n, "mismatches %" PRIu64, found);
	if (wrong)
		n += snprintf(text + n, size - n, "%swrong answers to damaged writes %" PRIu64,
			      n ? ", " : "", wrong);
	if (nonsense)
		n += snprintf(text + n, size - n, "%sinvalid results of the plugin %" PRIu64,
			      n ? ", " : "", nonsense);
	if (!n && fio_found && !c->total && !may_be_injected(s))
		snprintf(text, size, "mismatches of fio's own verify");
}
