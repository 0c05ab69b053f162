// SPDX-License-Identifier: GPL-2.0-only
/* report-names.c - names and texts as files and pages take them; see report.h */
#include <string.h>
#include <sys/utsname.h>
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

void report_quote(FILE *out, const char *text)
{
	const bool plain = !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					      "0123456789_-+=:.,/@")];

	if (!plain)
		fputc('\'', out);
	for (; *text; text++)
		fputs(*text == '\'' ? "'\\''" : (char[]){ *text, 0 }, out);
	if (!plain)
		fputc('\'', out);
}

char *report_script_name(const struct qcase *c, char buf[80])
{
	snprintf(buf, 80, "%s.sh", c->name);
	for (char *p = buf; *p; p++)
		if (*p == '/')
			*p = '-';
	return buf;
}

static uint64_t sum_of(uint64_t sum, const char *text)
{
	for (; *text; text++)
		sum = (sum ^ (uint8_t)*text) * 0x100000001b3;
	return sum;
}

char *report_kernel(char buf[REPORT_KERNEL])
{
	struct utsname u;

	*buf = '\0';
	if (!uname(&u))
		snprintf(buf, REPORT_KERNEL, "%.60s %.60s %.30s", u.sysname, u.release, u.machine);
	return buf;
}

char *report_suite(char buf[REPORT_SUITE])
{
	uint64_t sum = 0xcbf29ce484222325;
	const struct qcase *c;
	unsigned nr = 0;

	for (unsigned i = 0; (c = qcase_at(i)); i++)
		if (!qcase_is_like(c)) {
			sum = sum_of(sum_of(sum_of(sum, c->name), c->requirement), c->section);
			nr++;
		}
	snprintf(buf, REPORT_SUITE, "%u cases of the NVM Command Set Specification 1.2, sum %08x", nr,
		 (unsigned)(sum ^ sum >> 32));
	return buf;
}
