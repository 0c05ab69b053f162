/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args.h - the command line of nvmepi-scan
 *
 * Whatever is wrong with it ends the program: one line on stderr, exit 2.
 */
#ifndef SCAN_ARGS_H
#define SCAN_ARGS_H

#include <stdbool.h>
#include <stdint.h>

enum scan_option {
	RANGE, THREADS, DEPTH, BS, CHECK, DEVICE_CHECK, APPTAG, APPTAG_MASK, STORAGE_TAG, REF,
	ESCAPE, DECODE, INFO, LIST, JSON, LOG, QUIET, HELP, NS_LBS, NS_MS, NS_MSET, NS_PI, NS_PIL, NS_PIF, NS_STS,
	NR_OPTIONS,
};

struct scan_args {
	const char	*target, *range, *bs, *check, *device_check, *escape, *json, *log;
	uint64_t	threads, depth, list, decode, apptag, apptag_mask, storage, ref;
	uint64_t	ns[7];			/* ns_* options, as in struct ns_format */
	uint64_t	quiet, help, info;	/* 1: given */
	uint64_t	given;			/* bits by enum scan_option */
};

/* --help is answered here, and ends the program well. */
struct scan_args scan_args(int argc, char **argv);

static inline bool scan_given(const struct scan_args *a, enum scan_option id)
{
	return a->given & 1ULL << id;
}

/* "--range" */
const char *scan_option_name(enum scan_option id);

/* Bytes a read: "128k". */
uint64_t scan_bs(const struct scan_args *a);

/* The words of CHECK or DEVICE_CHECK, as words_checks() has them. */
unsigned scan_checks(const struct scan_args *a, enum scan_option id);

/* What becomes of blocks that escape, as enum job_escape has it. */
unsigned scan_escape(const struct scan_args *a);

/* The LBAs asked for, of the @nr that there are: from *@first up to, without, *@end. */
void scan_range(const struct scan_args *a, uint64_t nr, uint64_t *first, uint64_t *end);

/* "nvmepi-scan: ..." on stderr, exit 2. */
void scan_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
