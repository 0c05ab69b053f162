/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - what a job opens to verify: the judge, the plugin, injection
 *
 * Opened before any I/O, so that everything that can be refused is; closed at the
 * job's end, with its summary and its report.  Nothing here knows fio.
 */
#ifndef SESSION_H
#define SESSION_H

#include "verify/dump.h"
#include "verify/recorder.h"
#include "io.h"
#include "engines/nvme/ticks.h"

/* Where pi_inject damages blocks. */
enum session_into { SESSION_INTO_AUTO, SESSION_INTO_WRITE, SESSION_INTO_READ };

/* What has fio exit with an error beside what fio itself thinks is one: pi_exit. */
enum session_exit { SESSION_EXIT_MISMATCH, SESSION_EXIT_FIO };

struct session_opts {
	const char		*job;		/* name */
	unsigned		thread;		/* fio's number of it */
	const char		*run;		/* names this run of fio */
	bool			reads, writes;	/* blocks cross so */
	bool			compares, verifies;	/* Compare, Verify: the device alone looks at blocks */
	bool			spoils;		/* by Write Uncorrectable */
	bool			changes;	/* blocks change, also by commands without data */
	bool			first;		/* of its clones (numjobs), which speaks for them */
	bool			tell_checks;	/* who checks what was asked for: say it */
	unsigned		depth;
	const char		*plugin;	/* options as given; NULL: not given */
	const char		*log, *report, *dump;
	unsigned		log_rate;
	const char		*inject, *inject_file;
	enum session_into	into;
	enum io_answer		answer;
	enum session_exit	exit;
	void			(*say)(const char *line);	/* to the user */
	void			(*inform)(const char *line);	/* what is no complaint; NULL: as say */
};

enum { SESSION_STATUSES = 32 };

struct session {
	struct session_opts	opts;
	struct vfy_recorder	judge;
	struct vfy_dump		dump;
	struct vfy_job		plugin_job;
	struct vfy_host		host;		/* of ->plugin_job */
	struct vfy_ns		*seen;		/* one a namespace */
	struct job_ns		*ns;
	unsigned		nr_ns;
	struct ticks_from	from;
	struct {
		int		status;
		uint64_t	count;
	} status[SESSION_STATUSES];
	unsigned		nr_status;
	bool			judging;	/* is ->judge open? */
	struct io_job		*job;
};

/*
 * Open what @o asks for, on the @nr namespaces at @ns, and have @job use it.  0,
 * or -errno with one line in @why; session_close() cleans up in any case.
 */
int session_open(struct session *s, const struct session_opts *o, struct job_ns *ns, unsigned nr,
		 struct io_job *job, char why[WHY_MAX]);

/*
 * Say what was found and what it took, and write the report.  Returns the errno
 * that the job ends with: 0; EILSEQ for a finding that nobody made on purpose; EIO
 * where the report, which would tell of it, could not be written.  A job that goes
 * on after mismatches (continue_on_error=verify) has no other.
 *
 * @fio: what fio itself ends the job with so far, 0 for nothing; @fio_found: a
 * mismatch was counted by fio, its own verify's or one of ours.
 */
int session_end(struct session *s, int fio, bool fio_found);
void session_close(struct session *s);

#endif
