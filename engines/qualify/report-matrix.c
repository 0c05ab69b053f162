// SPDX-License-Identifier: GPL-2.0-only
/* report-matrix.c - the reports of all formats as one HTML page; see matrix.h */
#include <stdlib.h>
#include <string.h>
#include "matrix.h"
#include "report.h"

/* A sign for each verdict, in the row of a format. */
static char sign_of(const char *verdict)
{
	static const struct {
		const char	*verdict;
		char		sign;
	} signs[] = { { "pass", '.' }, { "skip", '-' }, { "fail", 'F' }, { "error", 'E' } };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (!strcmp(signs[i].verdict, verdict))
			return signs[i].sign;
	return '?';
}

static bool is_bad(const char *verdict)
{
	return !strcmp(verdict, "fail") || !strcmp(verdict, "error");
}

/* All cases of one format, a letter each. */
static void put_signs(FILE *out, struct json_object *cases)
{
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *c = json_object_array_get_idx(cases, i);
		const char *verdict = matrix_text(c, "verdict");

		if (is_bad(verdict))
			fprintf(out, "<b class=\"fail\" title=\"%s\">%c</b>", matrix_text(c, "name"),
				sign_of(verdict));
		else
			fputc(sign_of(verdict), out);
	}
}

static void put_failed(FILE *out, struct json_object *cases)
{
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *c = json_object_array_get_idx(cases, i), *x;

		if (!is_bad(matrix_text(c, "verdict")))
			continue;
		if (!json_object_object_get_ex(c, "finding", &x))
			x = NULL;
		fprintf(out, "<details><summary class=\"fail\">%s</summary><p>",
			matrix_text(c, "name"));
		report_escape(out, matrix_text(c, "requirement"));
		fputs(" [", out);
		report_escape(out, matrix_text(c, "section"));
		fputs("]</p><p>", out);
		report_escape(out, matrix_text(x, "command"));
		fputs("</p><p>Expected: ", out);
		report_escape(out, matrix_text(x, "expected"));
		fputs("</p><p>Got: ", out);
		report_escape(out, matrix_text(x, "got"));
		fputs("</p><pre>", out);
		report_escape(out, matrix_text(x, "script"));
		fputs("</pre></details>\n", out);
	}
}

static void put_format(FILE *out, const struct matrix_row *row, struct json_object *report)
{
	static const char *const verdicts[] = { "pass", "fail", "error", "skip" };
	struct json_object *cases;

	fprintf(out, "<tr><td>%s</td>", row->name);
	for (int i = 0; report && i < 4; i++)
		fprintf(out, "<td>%llu</td>", (unsigned long long)matrix_count(report, verdicts[i]));
	if (report && json_object_object_get_ex(report, "cases", &cases)) {
		fputs("<td><code>", out);
		put_signs(out, cases);
		fputs("</code>\n", out);
		put_failed(out, cases);
		fputs("</td>", out);
	} else {
		fprintf(out, "<td colspan=\"5\">%s</td>", row->formatted ? "not all cases ran" : "not formatted");
	}
	fputs("</tr>\n", out);
}

void matrix_page(FILE *out, const struct report *r)
{
	const struct matrix_rows *m = r->matrix;

	report_html_head(out, r);
	fputs("<p>Of each format a letter a case, in the order of <code>--list</code>: . passed, F failed, E error, "
	      "- skipped, ? not run.</p>\n<table><thead><tr><th>Format</th><th>Passed</th><th>Failed</th>"
	      "<th>Errors</th><th>Skipped</th><th>Cases</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < m->nr; i++) {
		struct json_object *report = matrix_report(m->a, m->rows[i].name);

		put_format(out, &m->rows[i], report);
		json_object_put(report);
	}
	fputs("</tbody></table>\n</body></html>\n", out);
}
