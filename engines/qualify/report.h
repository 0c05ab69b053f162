/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - results of a run, for people and for programs
 *
 * For the same run every writer produces the same output, except for times.
 */
#ifndef QUALIFY_REPORT_H
#define QUALIFY_REPORT_H

#include <stdio.h>
#include "run.h"

/* What was qualified, and with which program. */
struct report {
	const struct run	*run;
	/* as the user named it; "a new image" for a new one */
	const char		*target;
	const char		*kind;		/* "embedded controller", ... */
	const char		*model, *serial, *firmware;
	char			format[80];
	char			kernel[160], suite[80];
	bool			scripts;	/* the report for people names files */
	const char		*folder;	/* in this folder */
	/* The options and the target of a run that fails in the same way; NULL: not known. */
	const char		*again;
	bool			one_case;	/* and --only= of one case does not change that */
	const struct matrix_rows *matrix;	/* of --formats=all */
};

void report_people(FILE *out, const struct report *r);
void report_tap(FILE *out, const struct report *r);
void report_junit(FILE *out, const struct report *r);
void report_json(FILE *out, const struct report *r);
void report_html(FILE *out, const struct report *r);

struct report_writer {
	const char	*name;
	void		(*write)(FILE *out, const struct report *r);
};

/* Returns the writer of that name, or NULL if there is none. */
const struct report_writer *report_writer(const char *name, size_t len);

/*
 * The kernel of this host; and which suite this is: the number of its cases, and a sum of what they
 * require.  Both return @buf.
 */
enum { REPORT_KERNEL = 160, REPORT_SUITE = 80 };
char *report_kernel(char buf[REPORT_KERNEL]);
char *report_suite(char buf[REPORT_SUITE]);

/* Returns the names "people, tap, ..." for messages. */
const char *report_writers(void);

/*
 * Writes a report to @path; "-" is stdout. A file is complete before it replaces an earlier report,
 * and nothing else is overwritten. Returns 0, or -errno with one line in @why.
 */
int report_write(const struct report_writer *w, const char *path, const struct report *r,
		 char why[WHY_MAX]);

/* Checks that report_write() would not overwrite anything but a report. Returns the same. */
int report_check(const char *path, char why[WHY_MAX]);

/* Writes the script of each failed case into @folder. Returns the same. */
int report_scripts(const struct report *r, const char *folder, char why[WHY_MAX]);

/* Formats a case's name as a file name in @buf: "check-write-guard.sh". */
char *report_script_name(const struct qcase *c, char buf[80]);

/* Fill in what is of this host and program: ->kernel and ->suite. */
void report_here(struct report *r);

/* --- shared by the writers --- */

/* What was qualified and with which program, as pairs; the first is the target. */
struct report_fact {
	const char	*name, *value;
};

enum { REPORT_FACTS = 8 };
void report_facts(const struct report *r, struct report_fact facts[REPORT_FACTS]);

static inline bool report_failed(const struct result *x)
{
	return x->verdict == VERDICT_FAIL || x->verdict == VERDICT_ERROR;
}

/* The beginning of a page, up to what the target is. */
void report_html_head(FILE *out, const struct report *r);

/* Writes @text with the characters escaped that have a meaning in XML and HTML. */
void report_escape(FILE *out, const char *text);

/* Writes @text as one word of a shell, in quotes where it needs them. */
void report_quote(FILE *out, const char *text);

#endif
