/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - what a job opens to verify blocks: recorder, plugin, injection
 *
 * It is opened before any I/O, so that everything that cannot work is refused, and closed at the
 * end of the job, with its summary and its report. It does not depend on fio.
 */
#ifndef SESSION_H
#define SESSION_H

#include "verify/dump.h"
#include "verify/recorder.h"
#include "io.h"
#include "engines/nvme/ticks.h"

/* Which blocks pi_inject damages. */
enum session_into { SESSION_INTO_AUTO, SESSION_INTO_WRITE, SESSION_INTO_READ };

/* What makes fio exit with an error in addition to fio's own errors: pi_exit. */
enum session_exit { SESSION_EXIT_MISMATCH, SESSION_EXIT_FIO };

struct session_opts {
	const char		*job;		/* name of the job */
	unsigned		thread;		/* fio's number of the job */
	const char		*run;		/* identifies this run of fio */
	bool			reads, writes;	/* the job reads, writes data */
	/* Compare, Verify: only the device looks at the blocks */
	bool			compares, verifies;
	bool			spoils;		/* the job sends Write Uncorrectable */
	/* the job changes blocks, also by commands without data */
	bool			changes;
	/* the first of its clones (numjobs), which prints for all */
	bool			first;
	/* print who checks what, because an option asked for it */
	bool			tell_checks;
	unsigned		depth;
	const char		*plugin;	/* options as given; NULL: not given */
	const char		*log, *report, *dump;
	unsigned		log_rate;
	const char		*inject, *inject_file;
	enum session_into	into;
	enum io_answer		answer;
	enum session_exit	exit;
	void			(*say)(const char *line);	/* prints for the user */
	void			(*inform)(const char *line);	/* what is no complaint; NULL: as say */
};

enum { SESSION_STATUSES = 32 };

struct session {
	struct session_opts	opts;
	struct vfy_recorder	recorder;
	struct vfy_dump		dump;
	struct vfy_job		plugin_job;
	struct vfy_host		host;		/* of ->plugin_job */
	struct vfy_ns		*seen;		/* one per namespace */
	struct job_ns		*ns;
	unsigned		nr_ns;
	struct ticks_from	from;
	struct {
		int		status;
		uint64_t	count;
	} status[SESSION_STATUSES];
	unsigned		nr_status;
	bool			recording;	/* ->recorder is open */
	bool			told_gone, told_cancelled;
	struct io_job		*job;
};

/*
 * Opens what @o asks for, on the @nr namespaces at @ns, and makes @job use it. Returns 0, or -errno
 * with one line in @why; session_close() cleans up in any case.
 */
int session_open(struct session *s, const struct session_opts *o, struct job_ns *ns, unsigned nr,
		 struct io_job *job, char why[WHY_MAX]);

/*
 * Prints the findings and the costs, and writes the report. Returns the errno with which the job
 * ends: 0; EILSEQ for a mismatch that was not injected; another if a file could not be written. A
 * job that continues after mismatches (continue_on_error=verify) has no other error. @fio is the
 * error with which fio itself ends the job so far, or 0. @fio_found: fio counted a mismatch, found
 * by its own verify or by the engine.
 */
int session_end(struct session *s, int fio, bool fio_found);
void session_close(struct session *s);

#endif
