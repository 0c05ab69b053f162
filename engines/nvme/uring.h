/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uring.h - a ring of io_uring whose entries belong to tags: what the two targets that use io_uring
 * have in common
 *
 * Each tag has its own submission entry, which is not changed until its command completes.  An
 * entry should be reusable as soon as io_uring_enter() returns, but on Linux 6.12 a worker that
 * submits a passthrough command later reads the entry again, and would then execute the next
 * command in it.
 */
#ifndef URING_H
#define URING_H

#include <liburing.h>
#include "target.h"

struct uring {
	struct io_uring		ring;
	unsigned		ready;		/* pushed but not submitted */
	unsigned		force_async;
	unsigned		pushed;		/* since the last forced command */
	unsigned		enter_flags;
	bool			registered;	/* files are given by their index */
	bool			plain;		/* simple buffers, and no forced commands */
	bool			wide;		/* entries of 128 bytes, completions of 32 */
	uint64_t		*results;	/* as in struct target_queue_opts; if wide */
};

/*
 * Set up the ring of a queue with the modes of @o, and register its buffers and files.  @lacks says
 * why this kernel may refuse the ring, see kernel_lacks().  Returns 0, or -errno with one line in @why; uring_close() cleans up in any case.
 */
int uring_open(struct uring *u, const struct target_queue_opts *o, bool wide, const char *lacks,
	       char why[WHY_MAX]);
void uring_close(struct uring *u);

/* Slow paths of the functions below. */
int uring_insist(struct uring *u, int ret, unsigned wait);
int uring_ask(struct uring *u, struct target_cqe *cqes, unsigned n, unsigned min, unsigned max,
	      const struct timespec *timeout);

/* Return the entry of @tag.  @wide is a constant, that of uring_open(). */
static inline struct io_uring_sqe *uring_entry(struct uring *u, unsigned tag, bool wide)
{
	return &u->ring.sq.sqes[wide ? 2 * tag : tag];
}

/* Have every n-th command executed by a worker (force_async). */
static inline void uring_force(struct uring *u, struct io_uring_sqe *sqe)
{
	sqe->flags &= ~IOSQE_ASYNC;
	if (u->force_async && ++u->pushed == u->force_async) {
		u->pushed = 0;
		sqe->flags |= IOSQE_ASYNC;
	}
}

/* Add the entry of @tag to the batch. */
static inline void uring_push(struct uring *u, unsigned tag)
{
	struct io_uring_sq *sq = &u->ring.sq;

	/* Never full: it has space for all tags, and contains each only once. */
	sq->array[sq->sqe_tail++ & sq->ring_mask] = tag;
	u->ready++;
}

/*
 * Submit the batch with one io_uring_enter().  With @events the kernel posts available completions
 * and waits for @wait of them.
 */
static inline int uring_submit(struct uring *u, unsigned wait, bool events)
{
	struct io_uring_sq *sq = &u->ring.sq;

	if (u->ring.flags & IORING_SETUP_SQPOLL)
		return io_uring_submit_and_wait(&u->ring, wait);
	/* Publishes the entries and the array; pairs with the kernel's acquire load of the tail. */
	io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	return io_uring_enter(u->ring.enter_ring_fd, u->ready, wait,
			      u->enter_flags | (events ? IORING_ENTER_GETEVENTS : 0), NULL);
}

/* Submit the batch.  Returns 0, or -errno. */
static inline int uring_start(struct uring *u, unsigned wait, bool events)
{
	int ret = uring_submit(u, wait, events);

	if (ret != (int)u->ready)
		return uring_insist(u, ret, wait);
	u->ready = 0;
	return 0;
}

static inline int uring_commit(struct uring *u)
{
	return u->ready ? uring_start(u, 0, false) : 0;
}

/* Store up to @max completions that are there, with the kernel's results.  Returns their number. */
static inline __attribute__((always_inline)) unsigned
uring_harvest(struct uring *u, struct target_cqe *cqes, unsigned max, bool wide)
{
	const struct io_uring_cq *cq = &u->ring.cq;
	const unsigned first = *cq->khead, mask = cq->ring_mask;
	/* Pairs with the kernel's release store after it has filled the completions. */
	unsigned n = io_uring_smp_load_acquire(cq->ktail) - first;

	if (n > max)
		n = max;
	for (unsigned i = 0; i < n; i++) {
		const unsigned at = (first + i) & mask;
		const struct io_uring_cqe *cqe = &cq->cqes[wide ? 2 * at : at];

		cqes[i] = (struct target_cqe){ .tag = cqe->user_data, .res = cqe->res };
		if (wide && u->results)
			u->results[cqe->user_data] = cqe->big_cqe[0];
	}
	/* The completions have been copied before the kernel may reuse their entries. */
	io_uring_smp_store_release(cq->khead, first + n);
	return n;
}

/* reap() of struct target_ops, with the kernel's results. */
static inline __attribute__((always_inline)) int
uring_reap(struct uring *u, struct target_cqe *cqes, unsigned min, unsigned max,
	   const struct timespec *timeout, bool wide)
{
	int err = u->ready ? uring_start(u, timeout ? 0 : min, true) : 0;
	unsigned n;

	if (err)
		return err;
	n = uring_harvest(u, cqes, max, wide);
	return n && n >= min ? (int)n : uring_ask(u, cqes, n, min, max, timeout);
}

#endif
