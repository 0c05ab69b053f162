/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-queue.h - converts each io_u to an I/O, and its result back
 *
 * A part of fio.c: included there once, after the job and its namespaces.
 */
#ifndef FIO_QUEUE_H
#define FIO_QUEUE_H

static const struct job_ns *ns_of(const struct io_u *io_u)
{
	return FILE_ENG_DATA(io_u->file);
}

/*
 * Draws a command by percentage, with a generator of its own, so that fio's random sequences do not
 * change.
 */
static __attribute__((noinline)) uint8_t draw_of_mix(struct engine *e)
{
	const struct words_mix *m = &e->opts.write_mode;
	unsigned i = 0, left;

	e->mix = e->mix * 6364136223846793005ULL + 1442695040888963407ULL;
	left = (e->mix >> 33) % 100;
	while (left >= m->part[i].percent)
		left -= m->part[i++].percent;
	return m->part[i].opcode;
}

static uint8_t draw_write(struct engine *e)
{
	return e->opts.write_mode.nr == 1 ? e->opts.write_mode.part[0].opcode : draw_of_mix(e);
}

static __attribute__((noinline)) uint8_t draw_verifying(struct engine *e, struct io_u *io_u)
{
	/* fio expects zeroes in blocks that it trimmed meanwhile, and checks that itself. */
	if (!(io_u->flags & IO_U_F_VER_LIST) || io_u->flags & IO_U_F_TRIMMED)
		return nvme_cmd_read;
	io_u->buf_filled_len = 0;		/* the buffer may contain data of a read */
	populate_verify_io_u(e->td, io_u);	/* Compare sends the expected data */
#ifdef FIO_VER_IN_DEV
	io_u_set(e->td, io_u, IO_U_F_VER_IN_DEV);
#endif
	return nvme_cmd_compare;
}

static uint8_t draw_opcode(struct engine *e, struct io_u *io_u)
{
	if (io_u->ddir == DDIR_WRITE) {
		if (e->places)
			set_directive(e, io_u);
		return draw_write(e);
	}
	return e->opts.compare ? draw_verifying(e, io_u) : nvme_cmd_read;
}

#ifdef FIO_MULTI_RANGE
static uint64_t blocks_of(const struct job_ns *ns, uint64_t bytes)
{
	return ns->host_shift ? bytes >> ns->host_shift : bytes / ns->host_block;
}

static struct io_queue_range range_of(const struct job_ns *ns, uint64_t offset, uint64_t len)
{
	return (struct io_queue_range){ blocks_of(ns, offset), blocks_of(ns, len) };
}
#endif

/*
 * Finds the blocks of @io_u. Returns false if it is not a multiple of the block size, or larger
 * than the buffers. Sizes were checked at setup, and the buffers fit the largest; but sizes that
 * fio computes from percentages and logs were not.
 */
static inline bool range_of_io(const struct job_ns *ns, const struct io_u *io_u, struct io_queue_range *r)
{
	uint64_t slba, nr, rest;

	if (ns->host_shift) {		/* needs neither a division nor a multiplication */
		rest = (io_u->offset | io_u->xfer_buflen) & (ns->host_block - 1);
		slba = io_u->offset >> ns->host_shift;
		nr = io_u->xfer_buflen >> ns->host_shift;
	} else {
		rest = io_u->offset % ns->host_block | io_u->xfer_buflen % ns->host_block;
		slba = io_u->offset / ns->host_block;
		nr = io_u->xfer_buflen / ns->host_block;
	}
	*r = (struct io_queue_range){ slba, nr };
	return !rest && (nr - 1 < ns->max_blocks || (io_u->ddir == DDIR_TRIM && nr - 1 < UINT32_MAX));
}

static __attribute__((noinline)) enum fio_q_status reject(struct io_u *io_u)
{
	const struct job_ns *ns = ns_of(io_u);

	log_err("nvmepi: %s: %s of %llu bytes at %llu is not a whole number of blocks (1 to %u blocks of %u bytes)\n",
		io_u->file->file_name, io_ddir_name(io_u->ddir), (unsigned long long)io_u->xfer_buflen,
		(unsigned long long)io_u->offset, ns->max_blocks, ns->host_block);
	io_u->error = EINVAL;
	return FIO_Q_COMPLETED;
}

/*
 * What fio's verify= has to expect after a write that became another command. fio keeps a list of
 * what it has to read back. It has a flag for blocks that read as zeroes, but none for blocks that
 * must not be readable: they get the same flag, and are told apart by this value, which is the
 * number of the write for all others.
 */
enum { READS_AS_ZEROES, IS_UNCORRECTABLE };

static __attribute__((noinline)) void tell_verify(struct thread_data *td, struct io_u *io_u, uint8_t opcode)
{
	if (!io_u->ipo || opcode == nvme_cmd_write)
		return;
	if (opcode == nvme_cmd_verify) {
		unlog_io_piece(td, io_u);	/* nothing is written, so nothing is verified */
		return;
	}
	io_u->ipo->flags |= IP_F_TRIMMED;
	io_u->ipo->numberio = opcode == nvme_cmd_write_uncor ? IS_UNCORRECTABLE : READS_AS_ZEROES;
}

static inline bool queue_blocks(struct engine *e, struct io_u *io_u, struct io_queue_range r)
{
	uint8_t opcode = io_u->ddir == DDIR_WRITE ? nvme_cmd_write : nvme_cmd_read;

	if (e->draws)
		opcode = draw_opcode(e, io_u);
	if (!io_queue_io(&e->queue, io_u->index, ns_of(io_u), opcode, r.slba, r.nr_blocks, io_u->xfer_buf))
		return false;
	if (e->draws && e->verifies_others && io_u->ddir == DDIR_WRITE)
		tell_verify(e->td, io_u, opcode);
	return true;
}

/* Newer versions of fio have several ranges per io_u, which are in its buffer. */
static bool ranges_in_buffer(struct thread_data *td, const struct io_u *io_u)
{
#ifdef FIO_MULTI_RANGE
	return io_u->ddir == DDIR_TRIM && num_range(td) > 1;
#else
	(void)td;
	(void)io_u;
	return false;
#endif
}

static bool queue_trim(struct engine *e, struct io_u *io_u, struct io_queue_range r)
{
	const struct job_ns *ns = ns_of(io_u);

#ifdef FIO_MULTI_RANGE
	if (ranges_in_buffer(e->td, io_u)) {
		const struct trim_range *from = io_u->xfer_buf;
		struct io_queue_range ranges[256];

		for (unsigned i = 0; i < io_u->number_trim; i++)
			ranges[i] = range_of(ns, from[i].start, from[i].len);
		return io_queue_trim(&e->queue, io_u->index, ns, ranges, io_u->number_trim);
	}
#endif
	return io_queue_trim(&e->queue, io_u->index, ns, &r, 1);
}

static __attribute__((noinline)) enum fio_q_status queue_other(struct engine *e, struct io_u *io_u)
{
	const struct job_ns *ns = ns_of(io_u);
	struct io_queue_range r;

	if (ddir_sync(io_u->ddir)) {
		io_queue_flush(&e->queue, io_u->index, ns);
		return FIO_Q_QUEUED;
	}
	if (e->td->o.zone_mode == ZONE_MODE_ZBD && ns->info.zones.blocks)
		return trim_zone(e->td, io_u);
	if (!range_of_io(ns, io_u, &r) && !ranges_in_buffer(e->td, io_u))
		return reject(io_u);
	return queue_trim(e, io_u, r) ? FIO_Q_QUEUED : FIO_Q_BUSY;
}

static enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u)
{
	struct engine *e = td->io_ops_data;
	struct io_queue_range r;

	fio_ro_check(td, io_u);
	if (io_u->ddir != DDIR_READ && io_u->ddir != DDIR_WRITE)
		return queue_other(e, io_u);
	if (!range_of_io(ns_of(io_u), io_u, &r))
		return reject(io_u);
	return queue_blocks(e, io_u, r) ? FIO_Q_QUEUED : FIO_Q_BUSY;
}

/* Not inlined: it is rarely used, and fio's macro is long. */
static __attribute__((noinline)) int fail(struct thread_data *td, int err, const char *what)
{
	td_verror(td, -err, what);
	return err;
}

static int engine_commit(struct thread_data *td)
{
	struct engine *e = td->io_ops_data;
	int ret = io_queue_commit(&e->queue);

	return ret < 0 ? fail(td, ret, "io_uring_submit") : 0;
}

/* Not inlined, nor the next: with one caller each, the queue's functions are inlined here. */
static __attribute__((noinline)) int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			    const struct timespec *t)
{
	struct engine *e = td->io_ops_data;
	int ret = io_queue_reap(&e->queue, min, max, !td->o.iodepth_batch_complete_min, t);

	if (ret < 0)
		fail(td, ret, ret == -EPROTO ? "a command completed that was not in flight" : "io_uring_enter");
	return ret;
}

/*
 * Judges blocks that must be uncorrectable and were read for verify=. Returns the errno for fio: a
 * successful read is the error.
 */
static int judge_uncorrectable(struct io_queue *f, unsigned tag, int err)
{
	const struct engine *e = f->ctx;
	struct io_u *io_u = e->io_us[tag];
	const int res = f->slots[tag].res;

	if (!(io_u->flags & IO_U_F_TRIMMED) || !(io_u->flags & IO_U_F_VER_LIST) || io_u->numberio != IS_UNCORRECTABLE)
		return err;
	if (!err) {
		log_err("nvmepi: %s: %llu bytes at %llu can be read after Write Uncorrectable\n", io_u->file->file_name,
			(unsigned long long)io_u->xfer_buflen, (unsigned long long)io_u->offset);
		return EILSEQ;
	}
	if (nvme_result_meaning(res) != NVME_VERDICT || err == EILSEQ)
		return err;
	memset(io_u->buf, 0, io_u->buflen);	/* what fio expects */
	return 0;
}

static __attribute__((noinline)) struct io_u *engine_event(struct thread_data *td, int event)
{
	struct engine *e = td->io_ops_data;
	struct io_u *io_u;
	int err;

	(void)event;		/* fio asks for events in order */
	io_u = e->io_us[io_queue_next(&e->queue, &err)];
	io_u->error = err;
	return io_u;
}

/*
 * Waits for I/Os that fio started and does not wait for: td_io_getevents() returns at once when a
 * replayed log is at its end. fio counts none of them.
 */
static __attribute__((noinline)) void wait_for_rest(struct thread_data *td, struct engine *e)
{
	const unsigned rest = e->queue.nr_out;

	e->queue.settle = NULL;			/* fio has closed the files */
	while (e->queue.nr_out) {
		const int nr = engine_getevents(td, 1, e->queue.nr_out, NULL);

		if (nr < 0)
			return;
		for (int i = 0; i < nr; i++) {
			const int err = engine_event(td, i)->error;

			/* What does not agree with its protection information is a finding of the session. */
			if (err && err != EILSEQ && !td->error && !td->o.continue_on_error)
				td_verror(td, err, "io_u error");
		}
	}
	inform_as("%s: I/Os for which fio does not wait, and which it does not count: %u; the engine waited for them",
		  td->o.name, rest);
}

/* fio calls it for each io_u that is not in flight, before it frees the buffers of all. */
static void engine_io_u_free(struct thread_data *td, struct io_u *io_u)
{
	struct engine *e = td->io_ops_data;

	(void)io_u;
	if (e && e->started && e->queue.nr_out)
		wait_for_rest(td, e);
}

static char *details(const struct io_u *io_u)
{
	const struct engine *e = ns_of(io_u)->owner;
	int res = e->queue.slots[io_u->index].res;
	char name[NVME_STATUS_MAX];

	return strdup(res ? nvme_result_name(res, name) :
		      "nvmepi: the data does not agree with its protection information");
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

#endif
