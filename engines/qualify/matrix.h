/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * matrix.h - --formats=all: the suite in every format that the controller offers
 *
 * Each format is tried by a process of its own, whose report is a file in --results=FOLDER.
 * What is there by then is not tried again, so a run that was interrupted goes on.  In the end
 * the namespace has its first format again.
 */
#ifndef QUALIFY_MATRIX_H
#define QUALIFY_MATRIX_H

#include <json-c/json.h>
#include <limits.h>
#include "args.h"

/* LBA formats, transfer modes, types and places of the tuple, at most. */
enum { MATRIX_FORMATS = 64 * 2 * 4 * 2 };

/*
 * @l is open and identified, and may be destroyed.  Exit status: 0 all passed, 1 some failed, 2
 * could not run, or not to the end.
 */
int matrix(const struct args *a, struct lab *l);

/* --- report-matrix.c: the results as a page --- */

struct matrix_row {
	char		name[80];	/* of the format, and of its report's file */
	bool		formatted;	/* it could be chosen */
};

struct matrix_rows {
	const struct args	*a;
	struct matrix_row	rows[MATRIX_FORMATS];
	unsigned		nr;
};

/* For report_write(); @r->matrix is what it is about. */
void matrix_page(FILE *out, const struct report *r);

/* --- stored-report.c: the JSON report of one format in --results=FOLDER --- */

/* Store in @path where the report of the format @name is. */
void matrix_path(const struct args *a, const char *name, char path[PATH_MAX]);

/*
 * Returns 0, or -errno with one line in @why if the folder has a report of another drive, firmware,
 * kernel, suite, seed or selection of cases: it would be overwritten, or be taken for one of this run.
 */
int matrix_check_reports(const struct args *a, const struct lab *l, char why[WHY_MAX]);

/* The report of the format @name, if it is a whole one; its owner frees it. */
struct json_object *matrix_report(const struct args *a, const char *name);

/*
 * Returns how many cases of a report have that verdict; and the text @name of @o, "" if there is
 * none.
 */
uint64_t matrix_count(struct json_object *report, const char *verdict);
const char *matrix_text(struct json_object *o, const char *name);

#endif
