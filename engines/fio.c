/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio.c - the ioengine: fio's options, hooks and io_us, to a job, I/Os and back
 *
 * The only file that includes fio's headers; it exports one symbol.  What it
 * does is bookkeeping: which namespace a file is, which I/O an io_u is, which
 * completion belongs to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fio.h"
#include "optgroup.h"
#include "verify.h"

#include "controller.h"
#include "io.h"
#include "words.h"

/* --- options --- */

struct options {
	void *pad;		/* fio takes an offset of 0 for none */
	unsigned int hipri, fixedbufs, registerfiles;
	unsigned int sqthread_poll, sqthread_poll_cpu, sqthread_poll_cpu_set;
	int nonvectored;
	unsigned int force_async, nowait;
	unsigned int cmd_type;
	unsigned int pi_act, apptag, apptag_mask, md_per_io_size;
	char *pi_chk, *pi_verify, *pi_ref, *pi_storage_tag;
	int pi_storage_check;
	unsigned int pi_buffer;
	unsigned int readfua, writefua, deac;
	char *write_mode;
	unsigned int verify_mode;
	unsigned int num_range;
	struct ns_format format;
};

enum { VERIFY_MODE_READ = 1, VERIFY_MODE_COMPARE };
enum { CMD_TYPE_NVME = 1 };

static int set_poll_cpu(void *data, unsigned long long *val)
{
	struct options *o = data;

	o->sqthread_poll_cpu = *val;
	o->sqthread_poll_cpu_set = 1;
	return 0;
}

#define OPTION(_name, _field, _type, _help, ...) { \
	.name = _name, .lname = _name, .type = _type, .help = _help, \
	.off1 = offsetof(struct options, _field), \
	.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING, __VA_ARGS__ }

#define WORD(_word, _value, _help) { .ival = _word, .oval = _value, .help = _help }

static struct fio_option options[] = {
	OPTION("hipri", hipri, FIO_OPT_STR_SET, "Poll for completions (IOPOLL)"),
	OPTION("fixedbufs", fixedbufs, FIO_OPT_STR_SET, "Register buffers with the ring"),
	OPTION("registerfiles", registerfiles, FIO_OPT_STR_SET, "Register files with the ring"),
	OPTION("sqthread_poll", sqthread_poll, FIO_OPT_STR_SET, "A kernel thread submits (SQPOLL)"),
	{	/* a callback, so no offset */
		.name = "sqthread_poll_cpu", .lname = "sqthread_poll_cpu", .type = FIO_OPT_INT,
		.cb = set_poll_cpu, .help = "CPU of the submitting kernel thread",
		.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING,
	},
	OPTION("nonvectored", nonvectored, FIO_OPT_INT, "Flat buffers (1), or one iovec (0)", .def = "-1"),
	OPTION("force_async", force_async, FIO_OPT_INT, "IOSQE_ASYNC on every Nth command"),
	OPTION("nowait", nowait, FIO_OPT_BOOL, "Taken, without effect on passthrough commands"),
	OPTION("cmd_type", cmd_type, FIO_OPT_STR, "Type of passthrough command", .def = "nvme",
	       .posval = { WORD("nvme", CMD_TYPE_NVME, "NVMe") }),
	OPTION("pi_act", pi_act, FIO_OPT_BOOL, "PRACT: the controller inserts and strips tuples",
	       .def = "0"),
	OPTION("pi_chk", pi_chk, FIO_OPT_STR_STORE,
	       "What the device checks: GUARD,APPTAG,REFTAG,STTAG (default: all the type allows)"),
	OPTION("pi_verify", pi_verify, FIO_OPT_STR_STORE,
	       "What the host checks: none, or words as in pi_chk and METADATA (default: as pi_chk)"),
	OPTION("apptag", apptag, FIO_OPT_INT, "Application tag", .def = "0x1234", .maxval = 0xffff),
	OPTION("apptag_mask", apptag_mask, FIO_OPT_INT, "Its bits that are checked", .def = "0xffff",
	       .maxval = 0xffff),
	OPTION("pi_ref", pi_ref, FIO_OPT_STR_STORE,
	       "Types 2 and 3: reference tag of LBA 0, or lba (default: lba, which is 0)"),
	OPTION("pi_storage_tag", pi_storage_tag, FIO_OPT_STR_STORE, "Storage tag (default: 0)"),
	OPTION("pi_storage_check", pi_storage_check, FIO_OPT_INT,
	       "Does the device check the storage tag? (default: where there is one)", .def = "-1",
	       .minval = -1, .maxval = 1),
	OPTION("pi_buffer", pi_buffer, FIO_OPT_STR, "Extended namespaces: what bs counts", .def = "auto",
	       .posval = {
		       WORD("auto", JOB_BUFFER_AUTO + 1, "extended when bs fits only that, else data"),
		       WORD("data", JOB_BUFFER_DATA + 1, "data bytes; the engine interleaves"),
		       WORD("extended", JOB_BUFFER_EXTENDED + 1, "data and metadata, as in bs=4104"),
	       }),
	OPTION("md_per_io_size", md_per_io_size, FIO_OPT_INT,
	       "Bytes of separate metadata an I/O (default 0: as many as needed)", .def = "0"),
	OPTION("readfua", readfua, FIO_OPT_BOOL, "FUA in reads", .def = "0"),
	OPTION("writefua", writefua, FIO_OPT_BOOL, "FUA in writes", .def = "0"),
	OPTION("deac", deac, FIO_OPT_BOOL, "Deallocate in Write Zeroes", .def = "0"),
	OPTION("write_mode", write_mode, FIO_OPT_STR_STORE,
	       "What a write is: write, zeroes, uncor, verify, or a mix: write/80:zeroes/20",
	       .def = "write"),
	OPTION("verify_mode", verify_mode, FIO_OPT_STR, "Command of the verify phase", .def = "read",
	       .posval = {
		       WORD("read", VERIFY_MODE_READ, "Read, and fio compares"),
		       WORD("compare", VERIFY_MODE_COMPARE, "Compare; needs verify=pattern"),
	       }),
#ifndef FIO_MULTI_RANGE
	OPTION("num_range", num_range, FIO_OPT_INT,
	       "Trims in one Dataset Management command, at most", .def = "1", .minval = 1, .maxval = 256),
#endif
	OPTION("ns_lbs", format.lbs, FIO_OPT_INT, "Expected data size, bytes", .def = "-1"),
	OPTION("ns_ms", format.ms, FIO_OPT_INT, "Expected metadata size, bytes", .def = "-1"),
	OPTION("ns_mset", format.mset, FIO_OPT_INT, "Expected: 1 extended, 0 separate", .def = "-1"),
	OPTION("ns_pi", format.pi, FIO_OPT_INT, "Expected protection type, 0..3", .def = "-1"),
	OPTION("ns_pil", format.pil, FIO_OPT_INT, "Expected: 1 tuple first, 0 last", .def = "-1"),
	OPTION("ns_pif", format.pif, FIO_OPT_INT, "Expected guard: 0 16b, 1 32b, 2 64b", .def = "-1"),
	OPTION("ns_sts", format.sts, FIO_OPT_INT, "Expected storage tag size, bits", .def = "-1"),
	{ .name = NULL },
};

/* --- what the engine keeps --- */

struct engine;

/* One fio file: a namespace, and the way back for hooks that get no thread_data. */
struct file {
	struct job_ns	ns;
	struct engine	*engine;
};

/* One io_u, by its index, which is the command's tag. */
struct slot {
	struct io		io;
	struct io_u		*io_u;
	struct slot		*next;		/* another trim of the same command */
	struct nvme_dsm_range	*ranges;	/* room for num_range of them */
	unsigned		nr_ranges;
	int			res;
};

/* No more lines about mismatches than this a second; counts stay exact. */
enum { LINES_A_SECOND = 20 };

struct engine {
	struct thread_data	*td;
	const struct target_ops	*target;
	struct target_queue	*queue;
	struct job_opts		opts;
	struct file		*files;
	unsigned		nr_files;

	struct slot		*slots;		/* iodepth of them */
	void			*buffers;	/* bounce and metadata of all slots */
	struct nvme_dsm_range	*ranges;
	struct target_cqe	*cqes;
	struct slot		**pushed;	/* since the last commit */
	unsigned		nr_pushed;
	struct slot		**done;		/* reaped, in order */
	unsigned		done_first, nr_done;
	struct slot		*trim;		/* collects ranges, not pushed yet */
	uint64_t		mix;		/* state of the write_mode draw */

	struct io_judge		judge;
	time_t			second;
	unsigned		lines;		/* in that second */
	uint64_t		unshown;
};

static int complain(const char *why)
{
	log_err("nvmepi: %s\n", why);
	return 1;
}

static void show_record(void *ctx, const struct vfy_record *r)
{
	struct engine *e = ctx;
	struct timespec now;
	char line[512];

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec != e->second) {
		e->second = now.tv_sec;
		e->lines = 0;
	}
	if (++e->lines > LINES_A_SECOND)
		e->unshown++;
	else
		log_err("nvmepi: %s: %s\n", e->td->o.name, vfy_record_text(r, line, sizeof(line)));
}

/* --- setup: options and namespaces, before any I/O --- */

static unsigned collect_sizes(struct thread_data *td, struct job_size *sizes)
{
	struct thread_options *o = &td->o;
	unsigned n = 0;

	for (int d = DDIR_READ; d <= DDIR_TRIM; d++) {
		enum job_size_kind kind = d == DDIR_TRIM ? JOB_SIZE_TRIM : JOB_SIZE_TRANSFER;

		if (!(td->o.td_ddir & (1 << d)))
			continue;
		for (unsigned i = 0; i < o->bssplit_nr[d]; i++)
			if (o->bssplit[d][i].perc)
				sizes[n++] = (struct job_size){ "bssplit", o->bssplit[d][i].bs, kind };
		if (!o->bssplit_nr[d] && o->min_bs[d] != o->max_bs[d])
			sizes[n++] = (struct job_size){ "bsrange", o->min_bs[d], kind };
		if (!o->bssplit_nr[d])
			sizes[n++] = (struct job_size){ o->min_bs[d] != o->max_bs[d] ? "bsrange" : "bs",
							o->max_bs[d], kind };
		if (o->ba[d])
			sizes[n++] = (struct job_size){ "blockalign", o->ba[d], JOB_SIZE_ALIGN };
	}
	if (!o->start_offset_percent)
		sizes[n++] = (struct job_size){ "offset", o->start_offset, JOB_SIZE_ALIGN };
	if (!o->offset_increment_percent)
		sizes[n++] = (struct job_size){ "offset_increment", o->offset_increment, JOB_SIZE_ALIGN };
	if (fio_option_is_set(o, start_offset_align))
		sizes[n++] = (struct job_size){ "offset_align", o->start_offset_align, JOB_SIZE_ALIGN };
	return n;
}

/* The most that collect_sizes() stores. */
static unsigned max_sizes(struct thread_data *td)
{
	unsigned n = 3;

	for (int d = DDIR_READ; d <= DDIR_TRIM; d++)
		n += td->o.bssplit_nr[d] + 3;
	return n;
}

static int parse_words(const struct options *o, struct job_opts *j, char *why)
{
	const unsigned can = PI_GUARD | PI_APP | PI_REF | PI_STORAGE;
	int ret = 0;

	j->prchk_given = o->pi_chk;
	j->verify_given = o->pi_verify;
	j->ref_given = o->pi_ref && strcmp(o->pi_ref, "lba");
	j->storage_given = o->pi_storage_tag;
	if (j->prchk_given)
		ret = words_checks("pi_chk", o->pi_chk, can, &j->prchk, why);
	if (!ret && j->verify_given)
		ret = words_checks("pi_verify", o->pi_verify, can | VFY_METADATA, &j->verify, why);
	if (!ret && j->ref_given)
		ret = words_number("pi_ref", o->pi_ref, -1ULL, &j->ref, why);
	if (!ret && j->storage_given)
		ret = words_number("pi_storage_tag", o->pi_storage_tag, -1ULL, &j->storage, why);
	if (!ret)
		ret = words_write_mode(o->write_mode, &j->write_mode, why);
	return ret;
}

static bool plain_writes(const struct job_opts *j)
{
	return j->write_mode.nr == 1 && j->write_mode.part[0].opcode == nvme_cmd_write;
}

/* What only fio's own options can contradict. */
static int check_fio_options(struct thread_data *td, const struct job_opts *j, char *why)
{
	const struct thread_options *o = &td->o;

	if (o->bs_unaligned)
		return refuse(why, EINVAL, "bs_unaligned: I/Os have to be whole blocks; leave it out");
	if (j->fio_verify && td_write(td) && !plain_writes(j))
		return refuse(why, EINVAL, "verify= needs data where write_mode puts none; give write_mode=write, "
			      "or leave out verify=");
	if (j->compare && o->verify != VERIFY_PATTERN_NO_HDR)
		return refuse(why, EINVAL, "verify_mode=compare needs data that is known beforehand: give "
			      "verify=pattern and verify_pattern=");
	return 0;
}

/* Data bytes of each image that has to be created; size= counts as bs does. */
static uint64_t image_size(struct thread_data *td)
{
	const struct options *o = td->eo;
	uint64_t size = td->o.size / td->o.nr_files;

	if (o->pi_buffer == JOB_BUFFER_EXTENDED + 1 && o->format.lbs > 0 && o->format.ms > 0)
		size = size / (o->format.lbs + o->format.ms) * o->format.lbs;
	return size;
}

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
		.apptag = o->apptag,
		.apptag_mask = o->apptag_mask,
		.buffer = o->pi_buffer - 1,
		.md_per_io = o->md_per_io_size,
		.compare = o->verify_mode == VERIFY_MODE_COMPARE,
		.readfua = o->readfua,
		.writefua = o->writefua,
		.deac = o->deac,
		.reads = td_read(td) || td->o.verify != VERIFY_NONE,
		.writes = td_write(td),
		.trims = td_trim(td),
		.fio_verify = td->o.verify != VERIFY_NONE && td->o.verify != VERIFY_NULL,
		.open = {
			.write = td_write(td) || td_trim(td),
			.in_use_ok = td->o.allow_mounted_write,
			.iopoll = o->hipri,
			.format = o->format,
			.size = image_size(td),
		},
		.sizes = sizes,
		.nr_sizes = collect_sizes(td, sizes),
	};
	ret = parse_words(o, j, why);
	return ret ? ret : check_fio_options(td, j, why);
}

/*
 * A device is the kernel's, anything else an image for the embedded controller.
 * A name in /dev that is not there is a missing device, not an image to create.
 */
static const struct target_ops *target_of(const char *path)
{
	struct stat st;

	if (!stat(path, &st))
		return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? &ring_target : &controller_target;
	return !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9) ? &ring_target :
	       &controller_target;
}

static int open_file(struct engine *e, struct fio_file *f, unsigned i, char *why)
{
	const struct target_ops *target = target_of(f->file_name);
	struct file *file = &e->files[i];
	int ret;

	if (e->target && e->target != target)
		return refuse(why, EINVAL, "%s: a job's files are either all devices or all images; give them "
			      "jobs of their own", f->file_name);
	e->target = target;
	ret = job_ns_open(target, f->file_name, &e->opts, &file->ns, why);
	if (ret)
		return ret;
	file->engine = e;
	file->ns.index = i;
	e->nr_files = i + 1;
	f->real_file_size = file->ns.info.nr_blocks * file->ns.host_block;
	f->filetype = FIO_TYPE_CHAR;		/* never laid out or extended by fio */
	fio_file_set_size_known(f);
	FILE_SET_ENG_DATA(f, file);
	if (file->ns.auto_extended && !e->td->subjob_number)
		log_err("nvmepi: %s: block sizes fit data and metadata together only: pi_buffer=extended\n",
			f->file_name);
	return 0;
}

static int open_files(struct engine *e, char *why)
{
	struct fio_file *f;
	unsigned i;
	int ret;

	e->files = calloc(e->td->o.nr_files, sizeof(*e->files));
	if (!e->files)
		return refuse(why, ENOMEM, "out of memory");
	for_each_file(e->td, f, i) {
		ret = open_file(e, f, i, why);
		if (ret)
			return ret;
	}
	return 0;
}

/* Also called by post_init(), which comes first with create_serialize=0. */
static int engine_setup(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;
	char why[TARGET_WHY_MAX];

	if (e)
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return complain("out of memory");
	td->io_ops_data = e;
	e->td = td;
	e->mix = td->thread_number;
	if (digest_options(e, why) || open_files(e, why))
		return complain(why);
	if (((struct options *)td->eo)->nowait && !td->subjob_number)
		log_err("nvmepi: nowait has no effect: passthrough commands have no such flag\n");
	return 0;
}

/* --- init: buffers and the queue, in the job's own thread --- */

static size_t round_up_page(size_t size)
{
	return (size + page_mask) & ~(size_t)page_mask;
}

/* Bytes of the engine's own that one I/O may need, over all files. */
static void own_sizes(const struct engine *e, size_t *bounce, size_t *md, size_t *scratch)
{
	*bounce = *md = *scratch = 0;
	for (unsigned i = 0; i < e->nr_files; i++) {
		const struct job_ns *ns = &e->files[i].ns;
		size_t block = ns->info.layout.data_size + ns->info.layout.md_size;

		*bounce = max(*bounce, round_up_page(ns->bounce_size));
		*md = max(*md, round_up_page(ns->md_size));
		*scratch = max(*scratch, round_up_page(block));
	}
}

static bool allocate_buffers(struct engine *e, unsigned depth)
{
	size_t bounce, md, scratch;
	uint8_t *p;

	own_sizes(e, &bounce, &md, &scratch);
	if (posix_memalign(&e->buffers, page_size, depth * (bounce + md) + scratch))
		return false;
	memset(e->buffers, 0, depth * (bounce + md) + scratch);
	p = e->buffers;
	for (unsigned i = 0; i < depth; i++) {
		e->slots[i].io.bounce = p + i * bounce;
		e->slots[i].io.md = p + depth * bounce + i * md;
	}
	e->judge = (struct io_judge){
		.scratch = p + depth * (bounce + md), .record = show_record, .ctx = e,
	};
	return true;
}

static unsigned num_range(struct thread_data *td)
{
#ifdef FIO_MULTI_RANGE
	return td->o.num_range;
#else
	return ((struct options *)td->eo)->num_range;
#endif
}

static bool allocate(struct engine *e)
{
	unsigned depth = e->td->o.iodepth, ranges = num_range(e->td);

	e->slots = calloc(depth, sizeof(*e->slots));
	e->cqes = calloc(depth, sizeof(*e->cqes));
	e->pushed = calloc(depth, sizeof(*e->pushed));
	e->done = calloc(depth, sizeof(*e->done));
	e->ranges = calloc((size_t)depth * ranges, sizeof(*e->ranges));
	if (!e->slots || !e->cqes || !e->pushed || !e->done || !e->ranges)
		return false;
	for (unsigned i = 0; i < depth; i++)
		e->slots[i].ranges = e->ranges + (size_t)i * ranges;
	return allocate_buffers(e, depth);
}

static int engine_init(struct thread_data *td)
{
	int ret = engine_setup(td);
	struct engine *e = td->io_ops_data;

	if (!ret && !allocate(e))
		ret = complain("out of memory for I/O buffers");
	return ret;
}

static int engine_io_u_init(struct thread_data *td, struct io_u *io_u)
{
	struct engine *e = td->io_ops_data;

	e->slots[io_u->index].io_u = io_u;
	return 0;
}

/* fio's buffers first, ours behind them; see buf_index(). */
static struct iovec *list_buffers(struct engine *e, unsigned *nr)
{
	unsigned depth = e->td->o.iodepth;
	size_t bounce, md, scratch;
	struct iovec *iov = calloc(2 * depth, sizeof(*iov));

	own_sizes(e, &bounce, &md, &scratch);
	*nr = bounce ? 2 * depth : depth;
	for (unsigned i = 0; iov && i < depth; i++) {
		iov[i] = (struct iovec){ e->slots[i].io_u->buf, td_max_bs(e->td) };
		iov[depth + i] = (struct iovec){ e->slots[i].io.bounce, bounce };
	}
	return iov;
}

static struct target_ns **list_files(struct engine *e)
{
	struct target_ns **ns = calloc(e->nr_files, sizeof(*ns));

	for (unsigned i = 0; ns && i < e->nr_files; i++)
		ns[i] = e->files[i].ns.target;
	return ns;
}

static int engine_post_init(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;
	const struct options *o = td->eo;
	struct iovec *bufs = NULL;
	struct target_ns **ns = list_files(e);
	char why[TARGET_WHY_MAX];
	struct target_queue_opts q = {
		.depth = td->o.iodepth,
		.iopoll = o->hipri,
		.sqpoll = o->sqthread_poll,
		.sqpoll_cpu = o->sqthread_poll_cpu_set ? (int)o->sqthread_poll_cpu : -1,
		.vectored = o->nonvectored == 0 && !o->fixedbufs,	/* fixed buffers are flat */
		.force_async = o->force_async,
		.ns = ns,
		.nr_ns = e->nr_files,
		.register_ns = o->registerfiles,
	};
	int ret;

	if (o->fixedbufs)
		q.bufs = bufs = list_buffers(e, &q.nr_bufs);
	if ((o->fixedbufs && !bufs) || !ns)
		ret = refuse(why, ENOMEM, "out of memory");
	else
		ret = e->target->queue_open(&q, &e->queue, why);
	if (ret)
		e->queue = NULL;
	free(bufs);
	free(ns);
	return ret ? complain(why) : 0;
}

/* --- the way of an io_u --- */

static const struct file *file_of(const struct io_u *io_u)
{
	return FILE_ENG_DATA(io_u->file);
}

/* By percentage; a draw of its own, so that fio's random streams stay as they are. */
static uint8_t draw_write(struct engine *e)
{
	const struct words_mix *m = &e->opts.write_mode;
	unsigned i = 0, left;

	if (m->nr == 1)
		return m->part[0].opcode;
	e->mix = e->mix * 6364136223846793005ULL + 1442695040888963407ULL;
	left = (e->mix >> 33) % 100;
	while (left >= m->part[i].percent)
		left -= m->part[i++].percent;
	return m->part[i].opcode;
}

static uint8_t draw_opcode(struct engine *e, struct io_u *io_u)
{
	if (io_u->ddir == DDIR_WRITE)
		return draw_write(e);
	if (!e->opts.compare || !(io_u->flags & IO_U_F_VER_LIST))
		return nvme_cmd_read;
	populate_verify_io_u(e->td, io_u);	/* Compare sends what should be there */
#ifdef FIO_VER_IN_DEV
	io_u_set(e->td, io_u, IO_U_F_VER_IN_DEV);
#endif
	return nvme_cmd_compare;
}

/* Sizes were checked at setup; what fio makes of percentages and logs was not. */
static bool whole_blocks(const struct io_u *io_u)
{
	uint32_t block = file_of(io_u)->ns.host_block;

	return io_u->offset % block == 0 && io_u->xfer_buflen % block == 0 && io_u->xfer_buflen;
}

static enum fio_q_status reject(struct io_u *io_u)
{
	log_err("nvmepi: %s: %s of %llu bytes at %llu is not whole blocks of %u bytes\n",
		io_u->file->file_name, io_ddir_name(io_u->ddir), (unsigned long long)io_u->xfer_buflen,
		(unsigned long long)io_u->offset, file_of(io_u)->ns.host_block);
	io_u->error = EINVAL;
	return FIO_Q_COMPLETED;
}

static int buf_index(struct engine *e, const struct slot *s)
{
	const struct options *o = e->td->eo;

	if (!o->fixedbufs)
		return -1;
	return s->io_u->index + (io_bounces(&s->io) ? e->td->o.iodepth : 0);
}

static struct nvme_uring_cmd *get_command(struct engine *e, struct slot *s, int buf)
{
	const struct options *o = e->td->eo;
	const struct job_ns *ns = &file_of(s->io_u)->ns;

	return e->target->slot(e->queue, &(struct target_io){
		.ns = ns->target, .tag = s->io_u->index,
		.ns_index = o->registerfiles ? ns->index : -1, .buf_index = buf,
	});
}

static void push(struct engine *e, struct slot *s)
{
	e->target->push(e->queue);
	e->pushed[e->nr_pushed++] = s;
}

static enum fio_q_status queue_blocks(struct engine *e, struct slot *s)
{
	struct io_u *io_u = s->io_u;
	const struct job_ns *ns = &file_of(io_u)->ns;
	struct nvme_uring_cmd *cmd;

	s->io.ns = ns;
	s->io.slba = io_u->offset / ns->host_block;
	s->io.nr_blocks = io_u->xfer_buflen / ns->host_block;
	s->io.buf = io_u->xfer_buf;
	s->io.opcode = draw_opcode(e, io_u);
	cmd = get_command(e, s, buf_index(e, s));
	if (!cmd)
		return FIO_Q_BUSY;
	io_start(&s->io, cmd);
	push(e, s);
	return FIO_Q_QUEUED;
}

static enum fio_q_status queue_flush(struct engine *e, struct slot *s)
{
	struct nvme_uring_cmd *cmd = get_command(e, s, -1);

	if (!cmd)
		return FIO_Q_BUSY;
	nvme_build_flush(cmd, &file_of(s->io_u)->ns.info);
	push(e, s);
	return FIO_Q_QUEUED;
}

/* --- trims: several io_us, or several ranges of one, in a command --- */

static void add_range(struct slot *s, const struct job_ns *ns, uint64_t offset, uint64_t len)
{
	s->ranges[s->nr_ranges++] = (struct nvme_dsm_range){
		.slba = cpu_to_le64(offset / ns->host_block),
		.nlb = cpu_to_le32(len / ns->host_block),
	};
}

/* Push the trim that has been collecting; false when the queue is full. */
static bool flush_trim(struct engine *e)
{
	struct slot *s = e->trim;
	struct nvme_uring_cmd *cmd = s ? get_command(e, s, -1) : NULL;

	if (!cmd)
		return !s;
	nvme_build_dsm(cmd, &file_of(s->io_u)->ns.info, s->ranges, s->nr_ranges);
	e->trim = NULL;
	push(e, s);
	return true;
}

#ifdef FIO_MULTI_RANGE
static enum fio_q_status queue_trim(struct engine *e, struct slot *s)
{
	const struct job_ns *ns = &file_of(s->io_u)->ns;
	const struct trim_range *r = (const struct trim_range *)s->io_u->xfer_buf;

	s->nr_ranges = 0;
	s->next = NULL;
	if (num_range(e->td) == 1)
		add_range(s, ns, s->io_u->offset, s->io_u->xfer_buflen);
	for (unsigned i = 0; num_range(e->td) > 1 && i < s->io_u->number_trim; i++)
		add_range(s, ns, r[i].start, r[i].len);
	e->trim = s;
	if (flush_trim(e))
		return FIO_Q_QUEUED;
	e->trim = NULL;
	return FIO_Q_BUSY;
}
#else
/* Join the command that is collecting, or become the next one. */
static enum fio_q_status queue_trim(struct engine *e, struct slot *s)
{
	const struct job_ns *ns = &file_of(s->io_u)->ns;

	if (e->trim && (e->trim->nr_ranges == num_range(e->td) || &file_of(e->trim->io_u)->ns != ns) &&
	    !flush_trim(e))
		return FIO_Q_BUSY;
	s->next = NULL;
	s->nr_ranges = 0;
	if (e->trim) {
		s->next = e->trim->next;
		e->trim->next = s;
	} else {
		e->trim = s;
	}
	add_range(e->trim, ns, s->io_u->offset, s->io_u->xfer_buflen);
	if (e->trim->nr_ranges == num_range(e->td))
		flush_trim(e);		/* when it can't, getevents() does */
	return FIO_Q_QUEUED;
}
#endif

static enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u)
{
	struct engine *e = td->io_ops_data;
	struct slot *s = &e->slots[io_u->index];

	fio_ro_check(td, io_u);
	s->next = NULL;
	if (ddir_sync(io_u->ddir))
		return queue_flush(e, s);
#ifdef FIO_MULTI_RANGE
	if (io_u->ddir == DDIR_TRIM && num_range(td) > 1)
		return queue_trim(e, s);
#endif
	if (!whole_blocks(io_u))
		return reject(io_u);
	return io_u->ddir == DDIR_TRIM ? queue_trim(e, s) : queue_blocks(e, s);
}

/* Every io_u of the commands that were just started. */
static void mark_issued(struct engine *e)
{
	struct thread_data *td = e->td;
	struct timespec now;

	if (!fio_fill_issue_time(td))
		return;
	fio_gettime(&now, NULL);
	for (unsigned i = 0; i < e->nr_pushed; i++)
		for (struct slot *s = e->pushed[i]; s; s = s->next) {
			s->io_u->issue_time = now;
			io_u_queued(td, s->io_u);
		}
	if (td->o.read_iolog_file)
		td->last_issue = now;
}

static int engine_commit(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;
	int ret;

	if (!e->nr_pushed)
		return 0;
	ret = e->target->commit(e->queue);
	if (ret) {
		td_verror(td, -ret, "io_uring_submit");
		return ret;
	}
	mark_issued(e);
	io_u_mark_submit(td, e->nr_pushed);
	e->nr_pushed = 0;
	return 0;
}

static void add_done(struct engine *e, const struct target_cqe *cqe)
{
	for (struct slot *s = &e->slots[cqe->tag]; s; s = s->next) {
		s->res = cqe->res;
		e->done[(e->done_first + e->nr_done++) % e->td->o.iodepth] = s;
	}
}

static int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			    const struct timespec *t)
{
	struct engine *e = td->io_ops_data;
	unsigned wait = td->o.iodepth_batch_complete_min ? min : 0;
	int ret;

	flush_trim(e);
	ret = engine_commit(td);
	do {
		unsigned more = e->nr_done < wait ? 1 : 0;

		if (ret)
			return ret;
		ret = e->target->reap(e->queue, e->cqes, more, td->o.iodepth, t);
		if (ret < 0) {
			td_verror(td, -ret, "io_uring_enter");
			return ret;
		}
		for (int i = 0; i < ret; i++)
			add_done(e, &e->cqes[i]);
		ret = flush_trim(e) ? engine_commit(td) : 0;
	} while (e->nr_done < min && !t);
	return e->nr_done < max ? e->nr_done : max;
}

static struct io_u *engine_event(struct thread_data *td, int event)
{
	struct engine *e = td->io_ops_data;
	struct slot *s = e->done[e->done_first];
	struct io_u *io_u = s->io_u;

	(void)event;		/* fio asks for them in order */
	e->done_first = (e->done_first + 1) % td->o.iodepth;
	e->nr_done--;
	if (io_u->ddir == DDIR_READ || io_u->ddir == DDIR_WRITE)
		io_u->error = io_end(&s->io, s->res, &e->judge);
	else
		io_u->error = nvme_result_errno(s->res);
	return io_u;
}

static char *details(const struct io_u *io_u)
{
	const struct slot *s = &file_of(io_u)->engine->slots[io_u->index];
	char name[NVME_STATUS_MAX];

	return strdup(s->res ? nvme_result_name(s->res, name) :
		      "nvmepi: what was read does not agree with its protection information");
}

#ifdef FIO_ERRDETAILS_TD
static char *engine_errdetails(struct thread_data *td, struct io_u *io_u)
{
	(void)td;
	return details(io_u);
}
#else
static char *engine_errdetails(struct io_u *io_u)
{
	return details(io_u);
}
#endif

/* --- files are open from setup to cleanup --- */

static int engine_open_file(struct thread_data *td, struct fio_file *f)
{
	(void)td;
	f->fd = ((struct file *)FILE_ENG_DATA(f))->ns.target->fd;
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
	return 0;		/* nothing is cached on this side */
}

static void summarize(struct engine *e)
{
	char text[256];

	if (vfy_counts_total(&e->judge.counts))
		log_err("nvmepi: %s: mismatches: %s%s\n", e->td->o.name,
			vfy_counts_text(&e->judge.counts, text, sizeof(text)),
			e->unshown ? "; not all were shown" : "");
}

static void engine_cleanup(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;

	if (!e)
		return;
	summarize(e);
	if (e->queue)
		e->target->queue_close(e->queue);
	for (unsigned i = 0; i < e->nr_files; i++)
		job_ns_close(&e->files[i].ns);
	free((void *)e->opts.sizes);
	free(e->files);
	free(e->slots);
	free(e->cqes);
	free(e->pushed);
	free(e->done);
	free(e->ranges);
	free(e->buffers);
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
	.options		= options,
	.option_struct_size	= sizeof(struct options),
};
