// SPDX-License-Identifier: GPL-2.0-only
/* report-names.c - names and texts as files and pages take them; see report.h */
#include "report.h"

void report_escape(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text < ' ' && *text != '\n' ? '?' : *text, out);
		}
}

char *report_script_name(const struct qcase *c, char buf[80])
{
	snprintf(buf, 80, "%s.sh", c->name);
	for (char *p = buf; *p; p++)
		if (*p == '/')
			*p = '-';
	return buf;
}
