/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args.h - the command line of nvmepi-qualify
 *
 * An error ends the program with one line on stderr and exit status 2.
 */
#ifndef QUALIFY_ARGS_H
#define QUALIFY_ARGS_H

#include "report.h"

enum { MAX_OUTPUTS = 8 };

struct args {
	const char		*target;	/* NULL means a new image */
	bool			list, quiet, like, all_formats, strict, resume;
	bool			every_format, every_case;	/* of --self-test */
	const char *only, *without, *destroy, *range, *scripts, *fault, *defect, *selftest, *results;
	uint64_t		seed, repeat, time, blocks, sample;
	struct ns_format	format;
	bool			formatted;	/* --format was given, with these words: */
	const char		*words;
	struct {
		const struct report_writer *writer;
		const char	*path;		/* "-": stdout */
	}			outputs[MAX_OUTPUTS];
	unsigned		nr_outputs;
};

/* Parses the command line. --help is printed here, and ends the program with status 0. */
struct args args_parse(int argc, char **argv);

/* "lbs=4096,ms=8,..." as --format has it, into @a. */
void args_format(struct args *a, const char *words);

/* The file that --output=json:FILE names; NULL: none. */
const char *args_json(const struct args *a);

/* Returns the blocks that --range names, of the @nr blocks of the namespace. */
void args_range(const struct args *a, uint64_t nr, uint64_t *first, uint64_t *last);

/* Prints "nvmepi-qualify: ..." on stderr and exits with 2. */
void args_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
