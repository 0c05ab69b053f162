/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what came of a run, for people and for tools
 *
 * Whatever a writer puts out is the same for the same run but for times.
 */
#ifndef QUALIFY_REPORT_H
#define QUALIFY_REPORT_H

#include <stdio.h>
#include "run.h"

/* What was qualified, and by what. */
struct report {
	const struct run	*run;
	const char		*target;	/* as it was named; a fresh image: "a new image" */
	const char		*kind;		/* "embedded controller", ... */
	const char		*model, *serial, *firmware;
	char			format[80];
	char			kernel[160], suite[80];
	bool			scripts;	/* people's report tells of files in */
	const char		*folder;	/* this one */
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

/* NULL: there is none of that name. */
const struct report_writer *report_writer(const char *name, size_t len);

/* Which suite this is, in @buf: the number of its cases, and a sum of what they require. */
enum { REPORT_SUITE = 80 };
char *report_suite(char buf[REPORT_SUITE]);

/* "People, tap, ...", for messages. */
const char *report_writers(void);

/*
 * Write a report to @path, "-" being stdout.  A file is whole before it takes the place of an
 * earlier report; nothing else is overwritten.  0, or -errno with one line in @why.
 */
int report_write(const struct report_writer *w, const char *path, const struct report *r,
		 char why[WHY_MAX]);

/* Would report_write() overwrite something that is no report?  The same results. */
int report_check(const char *path, char why[WHY_MAX]);

/* Write the script of each failed case into @folder.  The same results. */
int report_scripts(const struct report *r, const char *folder, char why[WHY_MAX]);

/* A case's name as one of a file, in @buf: "check-write-guard.sh". */
char *report_script_name(const struct qcase *c, char buf[80]);

/* Fill in what is of this host and program: ->kernel and ->suite. */
void report_here(struct report *r);

/* --- for the writers --- */

/* What was qualified, by what, as pairs; the first is the target. */
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

/* @text with what XML and HTML have a meaning for replaced. */
void report_escape(FILE *out, const char *text);

#endif
