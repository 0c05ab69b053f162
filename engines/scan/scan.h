/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.h - nvmepi-scan: every block of a namespace, read and checked
 *
 *	main.c		the program
 *	args.c		its command line
 *	run.c		threads that read and check
 *	show.c		progress, summary, JSON
 *	info.c		--info: what the namespace is, and could be
 */
#ifndef SCAN_H
#define SCAN_H

#include <pthread.h>
#include <stdatomic.h>
#include "verify/judge.h"
#include "verify/ranges.h"
#include "engines/job.h"

struct scan {
	/* What to do. */
	struct job_ns		ns;
	uint64_t		first, end;	/* LBAs from, and up to but without */
	uint32_t		io_blocks;	/* of a read, at most */
	unsigned		threads, depth;
	unsigned		list;		/* findings and ranges a field to show, at most */
	bool			text, progress;
	double			shown;		/* when progress was, last */

	/* Called while it runs, one at a time: for each finding, and a few times a second. */
	void			(*on_finding)(const struct scan *s, const struct vfy_record *r);
	void			(*on_progress)(struct scan *s, double seconds);

	/* How far it is: blocks before @next are taken, @done of them checked. */
	_Atomic uint64_t	next, done;
	_Atomic bool		stop;

	/* What was found.  @lock is for what follows. */
	pthread_mutex_t		lock;
	pthread_cond_t		ended;		/* ->running has become 0 */
	unsigned		running;	/* threads */
	struct vfy_judge	judge;
	struct vfy_ranges	bad, field[VFY_NR_FIELDS];	/* by bit number */
	struct json_object	*findings;	/* the first @list */
	uint64_t		escaped;	/* blocks */
	uint64_t		unfinished;	/* the lowest LBA taken and not checked */
	int			err;		/* -errno that ended it early, */
	char			why[WHY_MAX]; /* with a line about it */
	double			seconds;
};

/*
 * Read one block, the device checking @checks: @data has room for data and, where
 * that is extended, metadata; @md for separate metadata.  A result as in target.h.
 */
int scan_read_block(const struct job_ns *ns, uint64_t lba, unsigned checks, void *data, void *md);

/* Run to the end, or till ->stop.  0, or -errno with ->why filled in. */
int scan_run(struct scan *s);

/* From where on there is more to do; ->end: nowhere. */
uint64_t scan_next(const struct scan *s);

/* --- show.c --- */

void scan_show_start(const struct scan *s);
void scan_show_finding(const struct scan *s, const struct vfy_record *r);
void scan_show_progress(struct scan *s, double seconds);
void scan_show_summary(const struct scan *s);
struct json_object *scan_json(const struct scan *s);

/* --- info.c --- */

/* What @id, of the namespace @target at @path, says; and that as text on stdout. */
struct json_object *scan_info(struct target_ns *target, const char *path,
			      const struct nvme_identify *id);
void scan_info_text(struct json_object *info);

/* A field's name; VFY_DATA, of which a scan knows nothing else, is "unrecovered". */
const char *scan_field_name(unsigned field);

#endif
