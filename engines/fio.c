/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio.c - the ioengine: translates fio's options, hooks and io_us to a job and I/Os, and results
 * back
 *
 * This is the only file that includes fio's headers, and it exports one symbol. It only keeps track
 * of which namespace a file is, which I/O an io_u is, and which completion belongs to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fio.h"
#include "optgroup.h"
#include "verify.h"
#include "zbd.h"

#include "verify/fork-lock.h"
#include "verify/hash.h"
#include "verify/output.h"
#include "io-queue.h"
#include "session.h"
#include "option-words.h"
#include "fio-say.h"		/* last, because these need all headers above */
#include "fio-options.h"
#include "fio-digest.h"
#include "fio-checks.h"
#include "fio-outputs.h"
#include "fio-jobs.h"

/* --- state of the engine --- */

/* Identifies this run of fio. The engine is loaded before jobs become separate processes. */
static char run_name[48];

__attribute__((constructor)) static void name_run(void)
{
	snprintf(run_name, sizeof(run_name), "%d-%lld", (int)getpid(), (long long)time(NULL));
}

struct engine {
	struct thread_data	*td;
	struct job_opts		opts;
	const struct target_ops	*target;
	struct job_ns		*ns;		/* one per file */
	unsigned		nr_ns;
	bool			opened;
	struct session		session;
	struct io_queue		queue;
	struct io_u		**io_us;	/* by index, which is the tag */
	uint64_t		mix;		/* state of the random generator for write_mode */
	bool			verifies_others; /* verify= of what other commands than Write left */
	bool			places;		/* writes have directives: fdp=, dataplacement= */
	/* an I/O needs more than its direction: reads are not all Read, writes not all Write, or ->places */
	bool			draws;
	bool			started;	/* the queue was started */
};

/* --- setup: options and namespaces, before any I/O --- */

static int digest_options(struct engine *e, char *why)
{
	struct thread_data *td = e->td;
	const struct options *o = td->eo;
	struct job_size *sizes = calloc(max_sizes(td), sizeof(*sizes));
	struct job_opts *j = &e->opts;
	int ret;

	if (!sizes)
		return refuse(why, ENOMEM, "out of memory");
	*j = (struct job_opts){
		.pract = o->pi_act,
		.storage_check = o->pi_storage_check,
		.apptag_given = o->apptag_given,
		.apptag = o->apptag_given ? o->apptag : DEFAULT_APPTAG,
		.apptag_mask = o->apptag_mask,
		.buffer = o->pi_buffer - 1,
		.md_per_io = o->md_per_io_size,
		.compare = o->verify_mode == VERIFY_MODE_COMPARE,
		.readfua = o->readfua,
		.writefua = o->writefua || td->o.sync_io,	/* sync=: a write ends when it is on media */
		.deac = o->deac,
		.ranges = num_range(td),
		.places = e->places,
		.writes = td_write(td),
		.trims = trims(td),
		.only_verifies = only_verifies(td),
		.fio_verify = td->o.verify != VERIFY_NONE && td->o.verify != VERIFY_NULL,
		.open = {
			.in_use_ok = td->o.allow_mounted_write,
			.iopoll = o->hipri,
			.format = o->format,
			.zones = o->zones,
			.ruhs = o->ns_ruhs,
			.extent = extent_of_image,
			.delay_ns = o->ns_delay,
			.fault = o->ns_fault,
			.fault_log = o->ns_fault_log,
			.say = say,
			.defect = o->ns_defect,
			.cache = o->ns_cache,
		},
		.sizes = sizes,
		.nr_sizes = collect_sizes(td, sizes),
	};
	ret = parse_words(o, j, why);
	j->reads = sends_reads(td, j);
	j->compares = j->compare && td->o.verify != VERIFY_NONE;
	j->remembers = true;
	j->escape = o->pi_escape - 1;
	j->reads_own = reads_own(td, j);
	j->open.dataless = ret ? NULL : dataless(td, j);
	e->verifies_others = verifies_others(td, j);
	e->draws = e->places || e->verifies_others || j->compare || j->write_mode.nr > 1 ||
		   (j->write_mode.nr && j->write_mode.part[0].opcode != nvme_cmd_write);
	if (e->verifies_others)
		td->o.trim_zero = 1;	/* fio looks into what is to read as zeroes */
	/* The commands in a log are unknown before the job runs. */
	j->open.write = job_changes(j);
	j->open.compares = j->compares && td_write(td);
	j->open.flushes = td_write(td);
	return ret ? ret : check_fio_options(td, j, why);
}

/*
 * Finds a file that was opened already: a log may name a file that the job or the log of another
 * job names as well.
 */
static struct job_ns *named(struct engine *e, const char *name)
{
	for (unsigned i = 0; i < e->nr_ns; i++)
		if (!strcmp(e->ns[i].path, name))
			return &e->ns[i];
	return NULL;
}

static int take_file(struct fio_file *f, struct job_ns *ns)
{
	f->real_file_size = ns->info.nr_blocks * ns->host_block;
	f->filetype = FIO_TYPE_CHAR;		/* so that fio neither lays it out nor extends it */
	fio_file_set_size_known(f);
	FILE_SET_ENG_DATA(f, ns);
	return 0;
}

/* Returns whether the job asks for protection by an option that io_uring_cmd has, too. */
static bool gives_protection(const struct job_opts *o)
{
	return o->pract || (o->prchk_given && o->prchk) || o->apptag_given;
}

/* Prints decisions about a file that the user may not have expected. */
static void say_of_file(const struct engine *e, const struct job_ns *ns)
{
	const struct ns_format *want = &e->opts.open.format;
	char format[NVME_FORMAT_MAX];

	if (ns->target->created && (want->lbs < 0 || want->ms < 0 || want->pi < 0))
		inform_as("%s: created as %s, by default where%s%s%s does not say", ns->path,
			  nvme_format_name(&ns->info, format), want->lbs < 0 ? " ns_lbs" : "",
			  want->ms < 0 ? " ns_ms" : "", want->pi < 0 ? " ns_pi" : "");
	if (e->td->subjob_number)
		return;
	if (ns->auto_extended)
		inform_as("%s: not all block sizes fit data alone, all fit data and metadata: pi_buffer=extended",
			  ns->path);
	if (ns->info.layout.type == PI_NONE && gives_protection(&e->opts))
		inform_as("%s:%s%s%s has no effect: the namespace has no protection information", ns->path,
			  e->opts.pract ? " pi_act" : "", e->opts.prchk_given && e->opts.prchk ? " pi_chk" : "",
			  e->opts.apptag_given ? " apptag" : "");
	if (e->opts.md_per_io && !ns->md_size)
		inform_as("%s: md_per_io_size has no effect: no metadata has a buffer of its own", ns->path);
}

static int open_file(struct engine *e, struct fio_file *f, unsigned i, char *why)
{
	const struct target_ops *target = target_of(f->file_name);
	struct job_ns *ns = named(e, f->file_name);
	int ret;

	if (ns)
		return take_file(f, ns);
	ns = &e->ns[i];
	if (e->target && e->target != target)
		return refuse(why, EINVAL, "%s: a job's files must be all generic devices, all block devices or "
			      "all images; use a job for each kind", f->file_name);
	e->target = target;
	ret = check_path(e->td, f->file_name, why);
	if (ret)
		return ret;
	ret = job_ns_open(target, f->file_name, &e->opts, ns, why);
	if (ret)
		return ret;
	ns->fast_writes &= !e->places;
	ns->index = ns->seen.index = i;
	ns->owner = e;
	e->nr_ns = i + 1;
	take_file(f, ns);
	ret = check_extent(e->td, f, i, why);
	if (ret)
		return ret;
	say_of_file(e, ns);
	return 0;
}

static int open_files(struct engine *e, char *why)
{
	struct fio_file *f;
	unsigned i;
	int ret;

	if (!e->td->o.nr_files)
		return refuse(why, EINVAL, "the job has no file: %s", replays(e->td) ?
			      "the log names no file, and filename= is not used with one" : "opendir= has no file in it; give filename=");
	e->ns = calloc(e->td->o.nr_files, sizeof(*e->ns));
	if (!e->ns)
		return refuse(why, ENOMEM, "out of memory");
	for_each_file(e->td, f, i) {
		ret = open_file(e, f, e->nr_ns, why);
		if (ret)
			return ret;
	}
	return 0;
}

/* Removes everything of a job that was refused, because it will be set up again in another way. */
static void undo_files(struct engine *e)
{
	for (unsigned i = 0; i < e->nr_ns; i++) {
		e->ns[i].target->refused = true;
		job_ns_close(&e->ns[i]);
	}
	e->nr_ns = 0;
}

static int open_session(struct engine *e, char *why)
{
	struct thread_data *td = e->td;
	const struct options *o = td->eo;

	return session_open(&e->session, &(struct session_opts){
		.job = td->o.name, .thread = td->thread_number, .run = run_name,
		.reads = e->opts.reads, .compares = e->opts.compares,
		.writes = job_changes(&e->opts) && job_uses(&e->opts, nvme_cmd_write),
		.verifies = job_uses(&e->opts, nvme_cmd_verify),
		.spoils = job_uses(&e->opts, nvme_cmd_write_uncor), .changes = job_changes(&e->opts),
		.first = !td->subjob_number, .tell_checks = e->opts.prchk_given || e->opts.verify_given,
		.depth = td->o.iodepth + 1,	/* one more: a zone that fio resets */
		.plugin = o->pi_plugin,
		.log = o->pi_log, .log_rate = o->pi_log_rate, .report = o->pi_report, .dump = o->pi_dump,
		.inject = o->pi_inject, .inject_file = o->pi_inject_file,
		.into = o->pi_inject_into - 1, .answer = o->pi_expect - 1,
		.exit = o->pi_exit - 1, .say = say, .inform = inform,
	}, e->ns, e->nr_ns, &e->queue.job, why);
}

static int open_job(struct engine *e)
{
	struct thread_data *td = e->td;
	char why[WHY_MAX];
	int ret;

	if (e->opened)
		return 0;
	e->opened = true;
	ret = look_at_all_jobs(td, why);
	if (!ret)
		ret = check_iolog(td, why);
	if (!ret)
		ret = digest_options(e, why);
	if (!ret)
		ret = open_files(e, why);
	if (!ret)
		ret = open_session(e, why);
	if (ret) {
		undo_files(e);
		td_verror(td, -ret, "setup");	/* also for fio's JSON */
		return complain(why);
	}
	say_without_effect(td);
	return 0;
}

/* With create_serialize=0 fio calls it after init(), so init() calls it itself. */
static int engine_setup(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;

	if (e)
		return 0;
	log_info_flush();	/* what is in the buffer as jobs part would be there twice */
	e = calloc(1, sizeof(*e));
	if (!e)
		return complain("out of memory");
	td->io_ops_data = e;
	e->td = td;
	e->mix = td->thread_number;
	e->places = wants_placement(&td->o);
	return replays(td) ? 0 : open_job(e);
}

#include "fio-zones.h"		/* these three need everything above */
#include "fio-placement.h"
#include "fio-queue.h"

/* --- init: memory and the queue, in the job's own thread --- */

/* Marks all I/Os that were just started as issued. */
static void mark_issued(struct io_queue *f)
{
	struct engine *e = f->ctx;
	struct thread_data *td = e->td;
	struct timespec now;

	io_u_mark_submit(td, f->nr_pushed);
	if (!fio_fill_issue_time(td))
		return;
	fio_gettime(&now, NULL);
	for (unsigned i = 0; i < f->nr_pushed; i++) {
		struct io_u *io_u = e->io_us[f->pushed[i]];

		io_u->issue_time = now;
		io_u_queued(td, io_u);
	}
	if (td->o.read_iolog_file)
		td->last_issue = now;
}

static int engine_init(struct thread_data *td)
{
	int ret = engine_setup(td);
	struct engine *e = td->io_ops_data;

	ret = ret ? ret : open_job(e);
	if (ret)
		return ret;
	e->queue.issued = mark_issued;
	e->queue.settle = e->verifies_others ? judge_uncorrectable : NULL;
	e->queue.ctx = e;
	e->io_us = calloc(td->o.iodepth, sizeof(*e->io_us));
	if (!e->io_us || io_queue_alloc(&e->queue, e->ns, e->nr_ns, td->o.iodepth, num_range(td)))
		return complain("out of memory for I/O buffers");
	return 0;
}

static int engine_io_u_init(struct thread_data *td, struct io_u *io_u)
{
	struct engine *e = td->io_ops_data;

	e->io_us[io_u->index] = io_u;
	return 0;
}

static struct iovec *fio_buffers(struct engine *e)
{
	unsigned depth = e->td->o.iodepth;
	struct iovec *iov = calloc(depth, sizeof(*iov));

	for (unsigned i = 0; iov && i < depth; i++)
		iov[i] = (struct iovec){ e->io_us[i]->buf, td_max_bs(e->td) };
	return iov;
}

static int engine_post_init(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;
	const struct options *o = td->eo;
	struct iovec *bufs = o->fixedbufs ? fio_buffers(e) : NULL;
	char why[WHY_MAX];
	struct target_queue_opts q = {
		.iopoll = o->hipri,
		.sqpoll = o->sqthread_poll,
		.sqpoll_cpu = o->sqthread_poll_cpu_set ? (int)o->sqthread_poll_cpu : -1,
		/* fixed buffers are not vectored */
		.vectored = o->nonvectored == 0 && !o->fixedbufs,
		.force_async = o->force_async,
		.register_ns = o->registerfiles,
	};
	int ret;

	if (o->fixedbufs && !bufs)
		ret = refuse(why, ENOMEM, "out of memory");
	else
		ret = io_queue_start(&e->queue, q, bufs, why);
	free(bufs);
	e->started = !ret;
	if (!ret)
		return 0;
	/* the returned value does not reach fio's exit status */
	td_verror(td, -ret, "post_init");
	return complain(why);
}

/* --- files are open from setup to cleanup --- */

static int engine_open_file(struct thread_data *td, struct fio_file *f)
{
	struct job_ns *ns = FILE_ENG_DATA(f);

	if (!ns)
		ns = named(td->io_ops_data, f->file_name);
	if (!ns) {
		log_err("nvmepi: %s: the log names it in a later part: name all files at its start, or leave out "
			"read_iolog_chunked\n", f->file_name);
		return 1;
	}
	FILE_SET_ENG_DATA(f, ns);
	f->fd = ns->target->fd;
	return 0;
}

static int engine_close_file(struct thread_data *td, struct fio_file *f)
{
	(void)td;
	f->fd = -1;
	return 0;
}

static int engine_invalidate(struct thread_data *td, struct fio_file *f)
{
	(void)td;
	(void)f;
	return 0;		/* the engine caches nothing */
}

/* fio calls cleanup() before it reads td->error for the last time. */
static void end_session(struct thread_data *td, struct engine *e)
{
	int err = session_end(&e->session, td->error, td->total_err_count && td->first_error == EILSEQ);

	if (err && !td->error)
		td_verror(td, err, "nvmepi");
}

static void engine_cleanup(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;

	if (!e)
		return;
	say_moved(e);
	end_session(td, e);
	io_queue_close(&e->queue);
	session_close(&e->session);
	for (unsigned i = 0; i < e->nr_ns; i++) {
		if (e->started)
			remove_file(td, &e->ns[i]);
		job_ns_close(&e->ns[i]);
	}
	free((void *)e->opts.sizes);
	free(e->ns);
	free(e->io_us);
	free(e);
	td->io_ops_data = NULL;
}

__attribute__((visibility("default"))) struct ioengine_ops ioengine = {
	.name			= "nvmepi",
	.version		= FIO_IOOPS_VERSION,
	.flags			= FIO_RAWIO | FIO_MEMALIGN | FIO_NO_OFFLOAD |
				  FIO_ASYNCIO_SETS_ISSUE_TIME
#ifdef FIO_MULTI_RANGE
				  | FIO_MULTI_RANGE_TRIM
#endif
				  ,
	.setup			= engine_setup,
	.init			= engine_init,
	.io_u_init		= engine_io_u_init,
	.io_u_free		= engine_io_u_free,
	.post_init		= engine_post_init,
	.queue			= engine_queue,
	.commit			= engine_commit,
	.getevents		= engine_getevents,
	.event			= engine_event,
	.errdetails		= engine_errdetails,
	.cleanup		= engine_cleanup,
	.open_file		= engine_open_file,
	.close_file		= engine_close_file,
	.invalidate		= engine_invalidate,
	.get_zoned_model	= engine_get_zoned_model,
	.report_zones		= engine_report_zones,
	.reset_wp		= engine_reset_wp,
	.get_max_open_zones	= engine_get_max_open_zones,
#ifdef FIO_GET_MAX_ACTIVE_ZONES
	.get_max_active_zones	= engine_get_max_active_zones,
#endif
#ifdef FIO_FINISH_ZONE
	.finish_zone		= engine_finish_zone,
#endif
#ifdef FIO_PLACEMENT
	.fdp_fetch_ruhs		= engine_fetch_ruhs,
#endif
	.options		= options,
	.option_struct_size	= sizeof(struct options),
};
