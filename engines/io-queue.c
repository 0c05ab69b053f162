/* SPDX-License-Identifier: GPL-2.0-only */
/* io-queue.c - see io-queue.h */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "diagnose.h"
#include "inject.h"
#include "io-queue.h"

/* --- memory --- */

static size_t rounded(size_t size, size_t to)
{
	return (size + to - 1) / to * to;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Each buffer starts on a page of its own. */
static int alloc_buffers(struct io_queue *f)
{
	size_t page = sysconf(_SC_PAGESIZE), scratch = 0, copy = 0, size;
	uint8_t *p;

	for (unsigned i = 0; i < f->nr_ns; i++) {
		const struct pi_layout *l = &f->ns[i].info.layout;

		f->bounce_size = larger(f->bounce_size, rounded(f->ns[i].bounce_size, page));
		f->md_size = larger(f->md_size, rounded(f->ns[i].md_size, page));
		scratch = larger(scratch, rounded(l->data_size + l->md_size, page));
		copy = larger(copy, rounded(f->ns[i].max_blocks * f->ns[i].wire.data, page));
	}
	copy = f->job.inject_writes ? copy + f->md_size : 0;
	size = f->depth * (f->bounce_size + f->md_size + copy) + scratch;
	if (posix_memalign(&f->buffers, page, size))
		return -ENOMEM;
	/*
	 * Touches all of the memory: for a read Linux 6.12 pins the metadata buffer read-only, and
	 * untouched anonymous memory is the shared page of zeroes.
	 */
	memset(f->buffers, 0, size);
	p = f->buffers;
	for (unsigned i = 0; i < f->depth; i++) {
		struct io *io = &f->slots[i].io;

		io->bounce = p + i * f->bounce_size;
		io->md = p + f->depth * f->bounce_size + i * f->md_size;
		io->copy_md = p + f->depth * (f->bounce_size + f->md_size) + i * copy;
		io->copy = (uint8_t *)io->copy_md + f->md_size;
	}
	f->job.scratch = p + size - scratch;
	return 0;
}

static uint32_t max_blocks(const struct io_queue *f)
{
	uint32_t most = 0;

	for (unsigned i = 0; i < f->nr_ns; i++)
		most = f->ns[i].max_blocks > most ? f->ns[i].max_blocks : most;
	return most;
}

/*
 * Allocates the lists with an entry for each block of an I/O, if injection or a plugin needs them.
 */
static int alloc_by_block(struct io_queue *f)
{
	size_t blocks = max_blocks(f), damages = blocks * f->job.inject.nr;
	bool injects = inject_wanted(&f->job);

	if (injects)
		f->damage = calloc(f->depth * damages, sizeof(*f->damage));
	if (vfy_plugged(&f->job.plugin))
		f->tags = calloc(f->depth * blocks, sizeof(*f->tags));
	if ((injects && !f->damage) || (vfy_plugged(&f->job.plugin) && !f->tags))
		return -ENOMEM;
	for (unsigned i = 0; i < f->depth; i++) {
		f->slots[i].io.damage = f->damage ? f->damage + i * damages : NULL;
		f->slots[i].io.expect.block = f->tags ? f->tags + i * blocks : NULL;
	}
	return 0;
}

int io_queue_alloc(struct io_queue *f, struct job_ns *ns, unsigned nr_ns, unsigned depth,
		 unsigned max_ranges)
{
	f->ns = ns;
	f->nr_ns = nr_ns;
	f->depth = depth;
	f->max_ranges = max_ranges;
	f->attended = inject_wanted(&f->job);
	f->slots = calloc(depth, sizeof(*f->slots));
	f->cqes = calloc(depth, sizeof(*f->cqes));
	f->pushed = calloc(depth, sizeof(*f->pushed));
	f->under_way = calloc(depth, sizeof(*f->under_way));
	f->ranges = calloc((size_t)depth * max_ranges, sizeof(*f->ranges));
	if (ns->appends)
		f->results = calloc(depth, sizeof(*f->results));
	if (!f->slots || !f->cqes || !f->pushed || !f->under_way || !f->ranges || (ns->appends && !f->results))
		return -ENOMEM;
	for (unsigned i = 0; i < depth; i++) {
		f->slots[i].ranges = f->ranges + (size_t)i * max_ranges;
		f->slots[i].io.tag = i;
	}
	if (alloc_by_block(f))
		return -ENOMEM;
	return alloc_buffers(f);
}

/* --- the queue --- */

/* Lists the caller's buffers by tag, followed by the engine's; see buf_index(). */
static struct iovec *list_buffers(const struct io_queue *f, const struct iovec *user_bufs)
{
	struct iovec *iov = calloc(2 * f->depth, sizeof(*iov));

	for (unsigned i = 0; iov && i < f->depth; i++) {
		iov[i] = user_bufs[i];
		iov[f->depth + i] = (struct iovec){ f->slots[i].io.bounce, f->bounce_size };
	}
	return iov;
}

static struct target_ns **list_namespaces(const struct io_queue *f)
{
	struct target_ns **ns = calloc(f->nr_ns, sizeof(*ns));

	for (unsigned i = 0; ns && i < f->nr_ns; i++)
		ns[i] = f->ns[i].target;
	return ns;
}

int io_queue_start(struct io_queue *f, struct target_queue_opts o, const struct iovec *user_bufs,
		 char why[WHY_MAX])
{
	struct iovec *bufs = user_bufs ? list_buffers(f, user_bufs) : NULL;
	struct target_ns **ns = list_namespaces(f);
	int ret;

	f->target = f->ns[0].target->ops;
	f->apart = f->settle;
	f->fixedbufs = user_bufs;
	o.depth = f->depth;
	o.bufs = bufs;
	o.nr_bufs = f->bounce_size ? 2 * f->depth : f->depth;
	o.ns = ns;
	o.nr_ns = f->nr_ns;
	o.results = f->results;
	if (!ns || (user_bufs && !bufs))
		ret = refuse(why, ENOMEM, "out of memory");
	else
		ret = f->target->queue_open(&o, &f->queue, why);
	if (ret)
		f->queue = NULL;
	for (unsigned i = 0; i < f->depth && !ret; i++)
		f->slots[i].cmd = f->target->command(f->queue, i);
	free(bufs);
	free(ns);
	return ret;
}

void io_queue_close(struct io_queue *f)
{
	if (f->queue)
		f->target->queue_close(f->queue);
	free(f->slots);
	free(f->results);
	free(f->cqes);
	free(f->pushed);
	free(f->under_way);
	free(f->ranges);
	free(f->damage);
	free(f->tags);
	free(f->buffers);
}

/* --- start of I/Os --- */

static inline void push(struct io_queue *f, struct io_queue_slot *s, int buf_index)
{
	f->under_way[s->io.tag] = true;
	f->target->push(f->queue, s->io.ns->target, s->io.tag, s->io.ns->index, buf_index);
	f->pushed[f->nr_pushed++] = s->io.tag;
}

/* Returns the slot of @tag. Its list and its ranges are empty, except for trims. */
static struct io_queue_slot *take(struct io_queue *f, unsigned tag, const struct job_ns *ns)
{
	struct io_queue_slot *s = &f->slots[tag];

	s->io.ns = ns;
	return s;
}

/* The same for a trim or a Flush; it stays so until the I/O is returned. */
static struct io_queue_slot *take_dataless(struct io_queue *f, unsigned tag, const struct job_ns *ns)
{
	struct io_queue_slot *s = take(f, tag, ns);

	s->dataless = true;
	return s;
}

/*
 * Pushes the trim that is being collected. Commands that are asked for after it are also sent after
 * it, and prepared only then, so that a plugin sees both in order.
 */
static __attribute__((noinline)) void push_trim(struct io_queue *f)
{
	struct io_queue_slot *s = f->trim;

	for (unsigned i = 0; i < s->nr_ranges; i++)
		io_change_starts(s->io.ns, s->io.tag, nvme_cmd_dsm, le64toh(s->ranges[i].slba),
				 le32toh(s->ranges[i].nlb), &f->job);
	nvme_build_dsm(s->cmd, &s->io.ns->info, s->ranges, s->nr_ranges);
	f->trim = NULL;
	f->attended = inject_wanted(&f->job);
	push(f, s, -1);
	while ((s = s->next))
		f->pushed[f->nr_pushed++] = s->io.tag;
}

static int buf_index(const struct io_queue *f, const struct io_queue_slot *s)
{
	if (!f->fixedbufs || s->io.nr_injections)	/* a damaged copy is sent instead */
		return -1;
	return s->io.tag + (io_bounces(&s->io) ? f->depth : 0);
}

/*
 * Returns whether a damaged write to any of these blocks is in flight. If it is rejected, it will
 * be sent again undamaged, which must not happen after a later command.
 */
static bool is_unsettled(const struct io_queue *f, const struct job_ns *ns, uint64_t slba, uint32_t nr)
{
	for (const struct io_queue_slot *s = f->slots; s < f->slots + f->depth && f->job.inject_writes; s++)
		if (!s->dataless && s->io.nr_injections && s->io.opcode == nvme_cmd_write && s->io.ns == ns &&
		    s->io.slba < slba + nr && slba < s->io.slba + s->io.nr_blocks)
			return true;
	return false;
}

/*
 * Slow path of io_queue_io(): handles a pending trim and injection. Returns false if the I/O has to
 * wait.
 */
static __attribute__((noinline)) bool attend(struct io_queue *f, struct io_queue_slot *s)
{
	if (is_unsettled(f, s->io.ns, s->io.slba, s->io.nr_blocks))
		return false;
	if (f->trim)
		push_trim(f);
	if (inject_wanted(&f->job))
		inject_draw(&s->io, &f->job);
	return true;
}

bool io_queue_io(struct io_queue *f, unsigned tag, const struct job_ns *ns, uint8_t opcode,
	       uint64_t slba, uint32_t nr_blocks, void *buf)
{
	struct io_queue_slot *s = take(f, tag, ns);

	s->io.opcode = opcode;
	s->io.slba = slba;
	s->io.nr_blocks = nr_blocks;
	s->io.buf = buf;
	if (f->attended && !attend(f, s))
		return false;
	io_start(&s->io, &f->job, s->cmd);
	push(f, s, buf_index(f, s));
	f->nr_out++;
	return true;
}

/* A Flush, as a plugin sees it. */
#define flush_of(s) (struct vfy_io){ .ns = &(s)->io.ns->seen, .tag = (s)->io.tag, .opcode = nvme_cmd_flush }

void io_queue_flush(struct io_queue *f, unsigned tag, const struct job_ns *ns)
{
	struct io_queue_slot *s;

	if (f->trim)
		push_trim(f);
	s = take_dataless(f, tag, ns);
	s->io.opcode = nvme_cmd_flush;
	if (f->job.plugin.session.flushes)
		vfy_plugin_prepare(&f->job.plugin, &flush_of(s), NULL);
	nvme_build_flush(s->cmd, &ns->info);
	push(f, s, -1);
	f->nr_out++;
}

static bool joins(const struct io_queue *f, const struct job_ns *ns, unsigned nr)
{
	return f->trim->io.ns == ns && f->trim->nr_ranges + nr <= f->max_ranges;
}

bool io_queue_trim(struct io_queue *f, unsigned tag, const struct job_ns *ns,
		 const struct io_queue_range *ranges, unsigned nr)
{
	struct io_queue_slot *s;

	for (unsigned i = 0; i < nr; i++)
		if (is_unsettled(f, ns, ranges[i].slba, ranges[i].nr_blocks))
			return false;
	if (f->trim && !joins(f, ns, nr))
		push_trim(f);
	s = take_dataless(f, tag, ns);
	s->io.opcode = nvme_cmd_dsm;
	if (f->trim) {
		s->next = f->trim->next;
		f->trim->next = s;
		f->has_joined = true;
	} else {
		f->trim = s;
		f->attended = true;
	}
	for (unsigned i = 0; i < nr; i++)
		f->trim->ranges[f->trim->nr_ranges++] = (struct nvme_dsm_range){
			.slba = htole64(ranges[i].slba), .nlb = htole32(ranges[i].nr_blocks),
		};
	if (f->trim->nr_ranges == f->max_ranges)
		push_trim(f);
	f->nr_out++;
	return true;
}

/* Not inlined, to keep the usual path short, in which reaping starts the batch. */
static __attribute__((noinline)) int commit(struct io_queue *f)
{
	int nr = f->nr_pushed;
	int ret = nr ? f->target->commit(f->queue) : 0;

	if (ret)
		return ret;
	if (nr)
		f->issued(f);
	f->nr_pushed = 0;
	return nr;
}

int io_queue_commit(struct io_queue *f)
{
	return f->nr_out == f->depth ? 0 : commit(f);
}

/* --- end of I/Os --- */

/* Returns the number of I/Os of the completed commands at @cqes, beyond one per command. */
static __attribute__((noinline)) unsigned joined(const struct io_queue *f, const struct target_cqe *cqes,
						 unsigned nr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr; i++)
		for (const struct io_queue_slot *s = f->slots[cqes[i].tag].next; s; s = s->next)
			n++;
	return n;
}

/* Counts appends that went elsewhere than expected. */
static __attribute__((noinline)) void count_moved(struct io_queue *f, const struct target_cqe *cqes, unsigned nr)
{
	for (const struct target_cqe *c = cqes; c < cqes + nr; c++) {
		const struct io_queue_slot *s = &f->slots[c->tag];

		if (!c->res && s->io.opcode == nvme_cmd_write)
			f->nr_moved += f->results[c->tag] != s->io.slba;
	}
}

/*
 * Notes that @nr commands have ended. Returns -EPROTO if a command is not in flight: its buffers
 * may belong to another I/O by now, so no check of them would be valid.
 */
static int note_ends(struct io_queue *f, const struct target_cqe *cqes, unsigned nr)
{
	for (const struct target_cqe *c = cqes; c < cqes + nr; c++) {
		if (!f->under_way[c->tag])
			return -EPROTO;
		f->under_way[c->tag] = false;
	}
	if (f->results)
		count_moved(f, cqes, nr);
	return nr;
}

/*
 * Appends new completions to those that have not been returned yet. Returns their number, or
 * -errno. With @min I/Os missing it waits for a command that ends at least one of them.
 */
static int reap(struct io_queue *f, unsigned min, const struct timespec *timeout)
{
	unsigned left = f->nr_cqes - f->first;
	int n;

	if (left)
		memmove(f->cqes, f->cqes + f->first, left * sizeof(*f->cqes));
	f->first = 0;
	f->nr_cqes = left;
	if (min > 1 && f->has_joined)
		min = 1;
	n = f->target->reap(f->queue, f->cqes + left, min, f->depth - left, timeout);
	n = n < 0 ? n : note_ends(f, f->cqes + left, n);
	if (n <= 0)
		return n;
	/* Damage that is done to media, or gone from it, from here on does not concern them. */
	if (io_has_injected(&f->job))
		f->apart = true;
	else if (f->apart && !left)
		f->apart = f->trims || f->settle;
	f->nr_cqes += n;
	f->nr_done += n + (f->has_joined ? joined(f, f->cqes + left, n) : 0);
	return n;
}

int io_queue_reap(struct io_queue *f, unsigned min, unsigned max, bool spin,
		const struct timespec *timeout)
{
	int ret;

	if (f->trim && f->nr_done < (min ? min : 1))	/* otherwise more trims may join it */
		push_trim(f);
	if (f->nr_pushed)
		f->issued(f);
	f->nr_pushed = 0;
	if (f->nr_done >= max) {			/* enough I/Os can be returned */
		ret = f->target->commit(f->queue);
		return ret ? ret : (int)max;
	}
	do
		ret = reap(f, f->nr_done < min && !spin ? min - f->nr_done : 0, timeout);
	while (ret >= 0 && f->nr_done < min && !timeout);
	return ret < 0 ? ret : f->nr_done < max ? (int)f->nr_done : (int)max;
}

/* Returns the slot of the next completed command, which is that of its first I/O, with its result. */
static struct io_queue_slot *next_command(struct io_queue *f)
{
	const struct target_cqe *c = &f->cqes[f->first++];
	struct io_queue_slot *s = &f->slots[c->tag];

	s->res = c->res;
	return s;
}

/* Ends a Flush, which concerns all blocks, or all trims of a command: they are returned one by one. */
static __attribute__((noinline)) void end_dataless(struct io_queue *f, struct io_queue_slot *s)
{
	const struct job_ns *ns = s->io.ns;

	io_tell_result(ns, s->res, &f->job);
	if (s->res && s->io.opcode == nvme_cmd_flush)
		diagnose_dataless(ns, nvme_cmd_flush, 0, ns->info.nr_blocks, s->res, &f->job);
	if (s->io.opcode == nvme_cmd_flush && f->job.plugin.session.flushes)
		vfy_plugin_done(&f->job.plugin, &flush_of(s), NULL, s->res);
	for (unsigned i = 0; i < s->nr_ranges; i++)
		io_change_ends(ns, s->io.tag, nvme_cmd_dsm, le64toh(s->ranges[i].slba),
			       le32toh(s->ranges[i].nlb), s->res, &f->job);
	s->nr_ranges = 0;
	for (struct io_queue_slot *t = s->next; t; t = t->next)
		t->res = s->res;
}

/* Slow path of io_queue_next(). */
static __attribute__((noinline)) int end_apart(struct io_queue *f, struct io_queue_slot *s)
{
	int err;

	if (!s->dataless) {
		err = io_end_whole(&s->io, s->res, &f->job);
	} else {
		if (s->nr_ranges || s->io.opcode == nvme_cmd_flush)
			end_dataless(f, s);
		f->trims = s->next;
		f->apart = f->trims || f->settle || io_has_injected(&f->job);
		s->next = NULL;
		s->dataless = false;
		err = nvme_result_errno(s->res);
	}
	return f->settle ? f->settle(f, s->io.tag, err) : err;
}

unsigned io_queue_next(struct io_queue *f, int *err)
{
	struct io_queue_slot *s = f->apart && f->trims ? f->trims : next_command(f);

	f->nr_done--;
	f->nr_out--;
	*err = f->apart || s->dataless ? end_apart(f, s) : io_end_clean(&s->io, s->res, &f->job);
	return s->io.tag;
}
