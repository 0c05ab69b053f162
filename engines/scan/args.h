/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args.h - the command line of nvmepi-scan
 *
 * Any error in it ends the program: one line on stderr, exit status 2.
 */
#ifndef SCAN_ARGS_H
#define SCAN_ARGS_H

#include <stdbool.h>
#include <stdint.h>

enum scan_option {
	RANGE, THREADS, DEPTH, BS, CHECK, DEVICE_CHECK, APPTAG, APPTAG_MASK, STORAGE_TAG, REF,
	ESCAPE, DECODE, INFO, LIST, JSON, LOG, QUIET, VERSION, HELP,
	NS_LBS, NS_MS, NS_MSET, NS_PI, NS_PIL, NS_PIF, NS_STS,
	NR_OPTIONS,
};

struct scan_args {
	const char	*target, *range, *bs, *check, *device_check, *escape, *json, *log;
	uint64_t	threads, depth, list, decode, apptag, apptag_mask, storage, ref;
	uint64_t	ns[7];			/* ns_* options, as in struct ns_format */
	uint64_t	quiet, version, help, info;	/* 1: the option was given */
	uint64_t	given;			/* one bit per enum scan_option */
};

/* Parse and check the command line.  --help and --version print it and exit with status 0. */
struct scan_args scan_args(int argc, char **argv);

static inline bool scan_given(const struct scan_args *a, enum scan_option id)
{
	return a->given & 1ULL << id;
}

/* Return the name with its dashes, such as "--range". */
const char *scan_option_name(enum scan_option id);

/* Return the data bytes per read; units such as in "128k" are applied. */
uint64_t scan_bs(const struct scan_args *a);

/* Return the fields of CHECK or DEVICE_CHECK, as words_checks() does. */
unsigned scan_checks(const struct scan_args *a, enum scan_option id);

/* Return the value of --escape, one of enum job_escape. */
unsigned scan_escape(const struct scan_args *a);

/*
 * Return the requested LBAs of a namespace of @nr blocks: from *@first up to, but not including,
 * *@end.
 */
void scan_range(const struct scan_args *a, uint64_t nr, uint64_t *first, uint64_t *end);

/* Print "nvmepi-scan: " and the message on stderr, and exit with status 2. */
void scan_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
