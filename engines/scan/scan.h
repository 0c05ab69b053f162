/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.h - nvmepi-scan: read and check every block of a namespace
 *
 * main.c		the program
 * args.c		its command line
 * run.c		threads that read and check
 * show.c		progress, summary, JSON
 * info.c		--info: properties and possible formats of a namespace
 */
#ifndef SCAN_H
#define SCAN_H

#include <pthread.h>
#include <stdatomic.h>
#include "verify/recorder.h"
#include "verify/ranges.h"
#include "engines/job.h"

struct scan {
	/* The job; constant while the threads run. */
	struct job_ns		ns;
	uint64_t		first, end;	/* from @first to @end - 1 */
	uint32_t		io_blocks;	/* maximum blocks per read */
	unsigned		threads, depth;
	unsigned		list;		/* maximum findings, and ranges per field, shown */
	bool			text, progress;
	double			shown;		/* time of the last progress line, seconds */

	/*
	 * Called while the scan runs, never concurrently: on_finding() for each of the first @list
	 * findings, on_progress() every 0.2 s.
	 */
	void			(*on_finding)(const struct scan *s, const struct vfy_mismatch *r);
	void			(*on_progress)(struct scan *s, double seconds);

	/* Progress: blocks below @next have been taken by a thread, @done of them are checked. */
	_Atomic uint64_t	next, done;
	_Atomic bool		stop;

	/* Results.  @lock protects them. */
	pthread_mutex_t		lock;
	pthread_cond_t		ended;		/* ->running has become 0 */
	unsigned		running;	/* number of threads */
	struct vfy_recorder	recorder;
	struct vfy_ranges	bad, field[VFY_NR_FIELDS];	/* @field by bit number */
	struct json_object	*findings;	/* the first @list findings */
	uint64_t		escaped;	/* number of escaped blocks */
	uint64_t		unfinished;	/* lowest LBA that was taken but not checked */
	int			err;		/* -errno if the scan ended early, */
	char			why[WHY_MAX]; /* and the reason, one line */
	double			seconds;
};

/*
 * Read one block.  @checks are the PI_* that the device checks.  @data has room for the data and,
 * if extended, the metadata; @md is for separate metadata.  Returns a result as in target.h.
 */
int scan_read_block(const struct job_ns *ns, uint64_t lba, unsigned checks, void *data, void *md);

/* Run until the end or until ->stop is set.  Returns 0, or -errno with a line in ->why. */
int scan_run(struct scan *s);

/* Return the LBA at which a scan must continue, or ->end if it is complete. */
uint64_t scan_next(const struct scan *s);

/* --- show.c --- */

void scan_show_start(const struct scan *s);
void scan_show_finding(const struct scan *s, const struct vfy_mismatch *r);
void scan_show_progress(struct scan *s, double seconds);
void scan_show_summary(const struct scan *s);
struct json_object *scan_json(const struct scan *s);

/* --- info.c --- */

/*
 * scan_info() describes the namespace @target at @path, from its Identify data @id; the caller
 * owns the object.  scan_info_text() prints it as text on stdout.
 */
struct json_object *scan_info(struct target_ns *target, const char *path,
			      const struct nvme_identify *id);
void scan_info_text(struct json_object *info);

/* Return the name of a field.  VFY_DATA is "unrecovered", a scan's only error of data. */
const char *scan_field_name(unsigned field);

#endif
