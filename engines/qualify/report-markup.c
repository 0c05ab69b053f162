// SPDX-License-Identifier: GPL-2.0-only
/* report-markup.c - reports as JUnit XML and as one HTML page; see report.h */
#include <string.h>
#include "report.h"

/* --- JUnit --- */

/* name="value" */
static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	report_escape(out, value);
	fputc('"', out);
}

static void put_property(FILE *out, const char *name, const char *value)
{
	fputs("    <property", out);
	put_attribute(out, "name", name);
	put_attribute(out, "value", value);
	fputs("/>\n", out);
}

static void put_problem(FILE *out, const struct result *x)
{
	const char *tag = x->verdict == VERDICT_FAIL ? "failure" : "error";

	fprintf(out, "      <%s", tag);
	put_attribute(out, "message", x->finding.got);
	fputs(">", out);
	report_escape(out, x->c->requirement);
	fputs("\nsection: ", out);
	report_escape(out, x->c->section);
	fputs("\ncommand: ", out);
	report_escape(out, x->finding.command);
	fputs("\nexpected: ", out);
	report_escape(out, x->finding.expected);
	fputs("\ngot: ", out);
	report_escape(out, x->finding.got);
	fprintf(out, "\n</%s>\n", tag);
	if (x->finding.script) {
		fputs("      <system-out>", out);
		report_escape(out, x->finding.script);
		fputs("</system-out>\n", out);
	}
}

static void put_junit_case(FILE *out, const struct result *x)
{
	const char *slash = strchr(x->c->name, '/');
	char group[40];

	snprintf(group, sizeof(group), "%.*s", (int)(slash - x->c->name), x->c->name);
	fputs("    <testcase", out);
	put_attribute(out, "classname", group);
	put_attribute(out, "name", x->c->name);
	fprintf(out, " time=\"%.3f\">\n", x->seconds);
	if (report_failed(x)) {
		put_problem(out, x);
	} else if (x->verdict != VERDICT_PASS) {
		fputs("      <skipped", out);
		put_attribute(out, "message",
			      x->verdict == VERDICT_SKIP ? x->why : "interrupted before it ran");
		fputs("/>\n", out);
	}
	fputs("    </testcase>\n", out);
}

void report_junit(FILE *out, const struct report *r)
{
	const struct run *run = r->run;
	struct report_fact facts[REPORT_FACTS];

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites name=\"nvmepi-qualify\">\n"
		"  <testsuite name=\"nvmepi-qualify\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\">\n"
		"  <properties>\n",
		run->nr, run->counts[VERDICT_FAIL], run->counts[VERDICT_ERROR],
		run->counts[VERDICT_SKIP] + run->counts[VERDICT_NOT_RUN], run->seconds);
	report_facts(r, facts);
	for (int i = 0; i < REPORT_FACTS; i++)
		put_property(out, facts[i].name, facts[i].value);
	fputs("  </properties>\n", out);
	for (unsigned i = 0; i < run->nr; i++)
		put_junit_case(out, &run->results[i]);
	fputs("  </testsuite>\n</testsuites>\n", out);
}

/* --- HTML --- */

static const char style[] =
	"body{font:15px/1.45 sans-serif;margin:2em auto;max-width:68em;padding:0 1em;color:#222;background:#fff}"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25em .6em;"
	"border-bottom:1px solid #ddd}.pass{color:#18692b}.fail,.error{color:#a4161a;font-weight:bold}"
	".skip,.not{color:#666}pre{background:#f4f4f4;padding:.6em;overflow:auto;max-height:24em;font-size:12px}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}dd{margin:0}"
	"@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}td,th{border-color:#444}"
	"pre{background:#242424}.pass{color:#7bd88f}.fail,.error{color:#ff7b72}.skip,.not{color:#999}}";

static void put_cell(FILE *out, const char *tag, const char *text)
{
	fprintf(out, "<%s>", tag);
	report_escape(out, text);
	fprintf(out, "</%s>", tag);
}

static void put_term(FILE *out, const char *term, const char *text)
{
	put_cell(out, "dt", term);
	put_cell(out, "dd", text);
	fputc('\n', out);
}

static void put_html_failure(FILE *out, const struct result *x)
{
	fputs("<section><h3 class=\"fail\">", out);
	report_escape(out, x->c->name);
	fputs("</h3><dl>\n", out);
	put_term(out, "Requirement", x->c->requirement);
	put_term(out, "Section", x->c->section);
	put_term(out, "Command", x->finding.command);
	put_term(out, "Expected", x->finding.expected);
	put_term(out, "Got", x->finding.got);
	fputs("</dl>\n", out);
	if (x->finding.script) {
		fputs("<details><summary>Script of nvme-cli lines that shows it</summary><pre>",
		      out);
		report_escape(out, x->finding.script);
		fputs("</pre></details>\n", out);
	}
	fputs("</section>\n", out);
}

static void put_row(FILE *out, const struct result *x)
{
	fputs("<tr>", out);
	put_cell(out, "td", x->c->name);
	fprintf(out, "<td class=\"%s\">%s</td>", verdict_names[x->verdict],
		verdict_names[x->verdict]);
	put_cell(out, "td", x->c->requirement);
	put_cell(out, "td", x->c->section);
	fprintf(out, "<td>%llu</td>", (unsigned long long)x->commands);
	put_cell(out, "td",
		 x->verdict == VERDICT_SKIP ? x->why
		 : report_failed(x)	    ? x->finding.got
					    : "");
	fputs("</tr>\n", out);
}

void report_html_head(FILE *out, const struct report *r)
{
	char text[64];

	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<title>nvmepi-qualify</title><style>%s</style></head><body>\n"
		"<h1>Qualification of end-to-end data protection</h1>\n<dl>\n", style);
	put_term(out, "Target", r->target);
	put_term(out, "Kind", r->kind);
	put_term(out, "Drive", r->model);
	put_term(out, "Serial number", r->serial);
	put_term(out, "Firmware", r->firmware);
	if (*r->format)
		put_term(out, "Format", r->format);
	put_term(out, "Host", r->kernel);
	put_term(out, "Suite", r->suite);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)r->run->seed);
	put_term(out, "Seed", text);
	fputs("</dl>\n", out);
}

void report_html(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	report_html_head(out, r);
	fprintf(out,
		"<p><b class=\"pass\">%u passed</b>, <b class=\"%s\">%u failed</b>, %u errors, %u skipped, %u not run; %llu commands in %.1f s.</p>\n",
		run->counts[VERDICT_PASS], run->counts[VERDICT_FAIL] ? "fail" : "pass",
		run->counts[VERDICT_FAIL], run->counts[VERDICT_ERROR], run->counts[VERDICT_SKIP],
		run->counts[VERDICT_NOT_RUN], (unsigned long long)run->l->all_commands,
		run->seconds);
	for (unsigned i = 0; i < run->nr; i++)
		if (report_failed(&run->results[i]))
			put_html_failure(out, &run->results[i]);
	fputs("<h2>All cases</h2>\n<table><thead><tr><th>Case</th><th>Verdict</th><th>Requirement</th><th>Section</th><th>Commands</th><th></th></tr></thead><tbody>\n",
	      out);
	for (unsigned i = 0; i < run->nr; i++)
		put_row(out, &run->results[i]);
	fputs("</tbody></table>\n</body></html>\n", out);
}
