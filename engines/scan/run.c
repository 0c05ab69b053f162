/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.c - see scan.h
 *
 * All threads take their next read from one counter.  So they end at about the same time although
 * their speeds differ, and once they have ended, all blocks before the counter are checked: an
 * interrupted scan can say where to continue.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "verify/json.h"
#include "engines/io-queue.h"
#include "scan.h"

/* A thread with a queue of its own. */
struct worker {
	struct scan	*scan;
	pthread_t	thread;
	bool		started;
	struct io_queue	queue;
	uint8_t		*buffers;	/* one per tag */
	size_t		buffer_size;
	unsigned	*free;		/* tags that are not in flight */
	unsigned	nr_free;
	uint64_t	escaped;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- findings --- */

static void take_record(void *ctx, const struct vfy_mismatch *r)
{
	struct scan *s = ctx;
	unsigned bit = __builtin_ctz(r->field);

	pthread_mutex_lock(&s->lock);
	vfy_recorder_take(&s->recorder, r);
	for (uint32_t i = 0; i < (r->blocks ? r->blocks : 1); i++) {
		vfy_ranges_add(&s->field[bit], r->lba + i);
		vfy_ranges_add(&s->bad, r->lba + i);
	}
	if (json_object_array_length(s->findings) < s->list) {
		json_object_array_add(s->findings, vfy_json_mismatch(r));
		s->on_finding(s, r);
	}
	pthread_mutex_unlock(&s->lock);
}

/* Stop all threads.  Blocks from @lba on are not checked.  @err is -errno, @why the reason. */
static void fail(struct scan *s, uint64_t lba, int err, const char *why)
{
	pthread_mutex_lock(&s->lock);
	if (!s->err)
		s->err = refuse(s->why, -err, "%s: %s", s->ns.path, why);
	s->unfinished = least(s->unfinished, lba);
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->stop, true);
}

/* Stop all threads because the read of @lba ended with @res, which says nothing about the block. */
static void fail_read(struct scan *s, uint64_t lba, int res)
{
	char name[NVME_STATUS_MAX], line[NVME_STATUS_MAX + 128], tried[48] = "";
	const char *means = "that says nothing about the block";

	if (nvme_result_meaning(res) == NVME_GONE)
		means = "the drive, or the namespace, is gone";
	else if (nvme_result_meaning(res) == NVME_REFUSED)
		means = "the read was refused, which says nothing about the block";
	if (nvme_result_again(res))
		snprintf(tried, sizeof(tried), ", still so after %d tries", NVME_TRIES);
	snprintf(line, sizeof(line), "LBA %" PRIu64 ": %s%s: %s", lba, nvme_result_name(res, name),
		 tried, means);
	fail(s, lba, -nvme_result_errno(res), line);
}

static uint64_t count_escaped(const struct io *io)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct io_blocks b = io_blocks(io, 0);
	const uint8_t *tuple = b.md + pi_tuple_offset(l);
	uint64_t n = 0;

	for (uint32_t i = 0; i < io->nr_blocks; i++, tuple += b.md_stride) {
		struct pi_fields f = pi_tuple_get(l, tuple);

		n += pi_escapes(l, &f);
	}
	return n;
}

int scan_read_block(const struct job_ns *ns, uint64_t lba, unsigned checks, void *data, void *md)
{
	const struct pi_layout *l = &ns->info.layout;
	struct nvme_uring_cmd cmd = { 0 };
	/* A single block does not need strides. */
	struct io_blocks b = { .data = data, .md = l->extended ? (uint8_t *)data + l->data_size : md };

	if (l->md_size)
		io_poison(ns, lba, b, 1);
	nvme_build_io(&cmd, &ns->info, &(struct nvme_io){
		.opcode = nvme_cmd_read, .checks = checks, .slba = lba, .nr_blocks = 1,
		.tags = io_tags(ns, lba), .data = data, .md = md,
	});
	return nvme_execute(ns->target, &cmd);
}

/* --- slow path: after an error, read block by block --- */

/* Return block @i of @io as an I/O of its own that uses the same buffers. */
static struct io single(const struct io *io, uint32_t i)
{
	struct io one = *io;

	one.slba += i;
	one.nr_blocks = 1;
	one.buf = (uint8_t *)io->buf + i * (size_t)io->ns->host_block;
	one.md = (uint8_t *)io->md + i * (size_t)io->ns->wire.md;
	one.blocks = io_blocks(io, i);
	one.expect.tags = io_tags(io->ns, one.slba);
	return one;
}

static int read_single(const struct io *one, unsigned checks)
{
	struct io_blocks b = io_blocks(one, 0);

	return scan_read_block(one->ns, one->slba, checks, b.data, b.md);
}

static void tell_of_status(struct worker *w, const struct io *one, unsigned field, enum vfy_class class,
			   int status)
{
	char name[NVME_STATUS_MAX];

	take_record(w->scan, &(struct vfy_mismatch){
		.path = one->ns->path, .command = io_command_name(one->opcode), .lba = one->slba,
		.field = field, .class = class, .side = VFY_DEVICE,
		.status = nvme_result_name(status, name),
	});
}

/* Return true if @res says something about the blocks that were read. */
static bool tells_of_blocks(int res)
{
	enum nvme_meaning m = nvme_result_meaning(res);

	return m == NVME_GOOD || m == NVME_VERDICT || m == NVME_UNWRITTEN;
}

/*
 * Read block @one again and record what is wrong with it.  @judged: io_end() has already recorded
 * its protection errors.  Returns 0, or the result of a read that says nothing about the block.
 */
static int look_at(struct worker *w, const struct io *one, bool judged)
{
	int res = read_single(one, judged ? 0 : one->ns->prchk_read);
	struct io copy = *one;

	switch (nvme_result_meaning(res)) {
	case NVME_UNWRITTEN:
		w->escaped++;
		if (one->ns->escape)
			tell_of_status(w, one, PI_APP, VFY_ESCAPED, res);
		return 0;
	case NVME_GOOD:
	case NVME_VERDICT:
		break;
	default:
		return res;
	}
	if (res && nvme_result_errno(res) != EILSEQ)
		tell_of_status(w, one, VFY_DATA, VFY_UNCLASSED, res);
	else if (!judged)
		io_end(&copy, res, &w->queue.job);
	if (!res)
		w->escaped += count_escaped(one);
	return 0;
}

/*
 * The device failed @io with @status; examine its blocks one by one.  If the status is a
 * protection error, io_end() has recorded everything except blocks that cannot be read at all.  A
 * media error or a deallocated block says nothing about the other blocks.  Returns how many of the
 * blocks, from the first, are now known.
 */
static uint32_t look_again(struct worker *w, const struct io *io, int status)
{
	bool judged = nvme_result_errno(status) == EILSEQ;

	if (nvme_result_meaning(status) == NVME_GONE ||
	    (!tells_of_blocks(status) && w->scan->err)) {
		fail_read(w->scan, io->slba, status);
		return 0;
	}
	for (uint32_t i = 0; i < io->nr_blocks; i++) {
		struct io one = single(io, i);
		int res = look_at(w, &one, judged);

		if (!res)
			continue;
		fail_read(w->scan, one.slba, res);
		return i;
	}
	return io->nr_blocks;
}

/* --- the reads of a thread --- */

/* Take the next read from the counter: @lba.  Returns its number of blocks; 0: none are left. */
static uint32_t take_blocks(struct scan *s, uint64_t *lba)
{
	if (atomic_load(&s->stop))
		return 0;
	*lba = atomic_fetch_add(&s->next, s->io_blocks);
	return *lba < s->end ? least(s->io_blocks, s->end - *lba) : 0;
}

static void start_reads(struct worker *w)
{
	struct scan *s = w->scan;
	uint64_t lba;
	uint32_t nr;

	while (w->nr_free && (nr = take_blocks(s, &lba))) {
		unsigned tag = w->free[--w->nr_free];

		io_queue_io(&w->queue, tag, &s->ns, nvme_cmd_read, lba, nr,
			  w->buffers + tag * w->buffer_size);
	}
}

static void end_read(struct worker *w)
{
	int err;
	unsigned tag = io_queue_next(&w->queue, &err);
	const struct io_queue_slot *slot = &w->queue.slots[tag];
	uint32_t known = slot->io.nr_blocks;

	w->free[w->nr_free++] = tag;
	if (slot->res)
		known = look_again(w, &slot->io, slot->res);
	else
		w->escaped += count_escaped(&slot->io);
	atomic_fetch_add(&w->scan->done, known);
}

/* Always wait for reads in flight: they write to our buffers. */
static void read_all(struct worker *w)
{
	unsigned depth = w->scan->depth;
	int n;

	for (start_reads(w); w->nr_free < depth; start_reads(w)) {
		n = io_queue_reap(&w->queue, 1, depth, false, NULL);
		if (n < 0)
			return fail(w->scan, w->scan->first, n, strerror(-n));
		for (int i = 0; i < n; i++)
			end_read(w);
	}
}

static void issued(struct io_queue *f)
{
	(void)f;		/* issue times are not needed */
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct scan *s = w->scan;
	char why[WHY_MAX];
	/* Start the queue here: a ring belongs to the thread that opens it. */
	int ret = io_queue_start(&w->queue, (struct target_queue_opts){ .sqpoll_cpu = -1 }, NULL,
			       why);

	if (ret)
		fail(s, UINT64_MAX, ret, why);
	else
		read_all(w);
	pthread_mutex_lock(&s->lock);
	s->escaped += w->escaped;
	if (!--s->running)
		pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- threads --- */

static int open_worker(struct scan *s, struct worker *w)
{
	w->scan = s;
	w->queue.issued = issued;
	w->queue.job.record = take_record;
	w->queue.job.media_apart = true;	/* look_again() handles media errors */
	w->queue.job.ctx = s;
	w->buffer_size = s->io_blocks * (size_t)s->ns.host_block;
	w->free = calloc(s->depth, sizeof(*w->free));
	if (!w->free || io_queue_alloc(&w->queue, &s->ns, 1, s->depth, 1) ||
	    posix_memalign((void **)&w->buffers, sysconf(_SC_PAGESIZE), s->depth * w->buffer_size))
		return -ENOMEM;
	while (w->nr_free < s->depth) {
		w->free[w->nr_free] = w->nr_free;
		w->nr_free++;
	}
	return 0;
}

static void close_worker(struct worker *w)
{
	io_queue_close(&w->queue);
	free(w->buffers);
	free(w->free);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Report the progress until all threads have ended. */
static void wait_for_end(struct scan *s)
{
	double start = now();
	struct timespec t;

	pthread_mutex_lock(&s->lock);
	while (s->running) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 200 * 1000 * 1000;
		t.tv_sec += t.tv_nsec / 1000000000;
		t.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&s->ended, &s->lock, &t))
			s->on_progress(s, now() - start);
	}
	pthread_mutex_unlock(&s->lock);
	s->seconds = now() - start;
}

static void start_thread(struct scan *s, struct worker *w)
{
	int err = open_worker(s, w);

	if (!err) {
		pthread_mutex_lock(&s->lock);
		err = -pthread_create(&w->thread, NULL, work, w);
		w->started = !err;
		s->running += w->started;
		pthread_mutex_unlock(&s->lock);
	}
	if (err)
		fail(s, UINT64_MAX, err, "a thread or its buffers can't be created");
}

int scan_run(struct scan *s)
{
	struct worker *w = calloc(s->threads, sizeof(*w));

	if (!w) {
		fail(s, UINT64_MAX, -ENOMEM, "out of memory");
		return s->err;
	}
	for (unsigned i = 0; i < s->threads; i++)
		start_thread(s, &w[i]);
	wait_for_end(s);
	for (unsigned i = 0; i < s->threads; i++) {
		if (w[i].started)
			pthread_join(w[i].thread, NULL);
		close_worker(&w[i]);
	}
	free(w);
	return s->err;
}

uint64_t scan_next(const struct scan *s)
{
	return least(least(s->next, s->end), s->unfinished);
}
