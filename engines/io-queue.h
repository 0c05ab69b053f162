/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-queue.h - a job's I/O queue: holds each I/O from queueing until its completion is returned
 *
 * It owns the target's queue, the memory that I/Os need in addition to the caller's buffers, and
 * the state of the I/Os in flight. An I/O is known by its tag, 0 to depth - 1, which is used by one
 * I/O at a time. It is used by one thread, does not depend on fio, and allocates nothing between
 * io_queue_start() and io_queue_close().
 */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "io.h"

/* One I/O; the index of its slot is its tag. */
struct io_queue_slot {
	struct io		io;
	struct nvme_uring_cmd	*cmd;		/* the target's command of this tag */
	bool			dataless;	/* a trim or a Flush: it does not end in io_end() */
	/* another trim of the same command, until that is returned */
	struct io_queue_slot	*next;
	/* ranges of the command, in the slot of its first trim */
	struct nvme_dsm_range	*ranges;
	unsigned		nr_ranges;
	int			res;		/* result of the command, as in target.h */
};

struct io_queue {
	const struct target_ops	*target;
	struct target_queue	*queue;
	struct job_ns		*ns;		/* the caller's */
	unsigned		nr_ns, depth;
	unsigned		max_ranges;	/* in one Dataset Management command */
	bool			fixedbufs;

	struct io_queue_slot	*slots;
	struct nvme_dsm_range	*ranges;
	void			*buffers;
	struct vfy_injection	*damage;	/* by slot and block; NULL: no injection */
	struct vfy_block_tags	*tags;		/* by slot and block; NULL: no plugin */
	size_t			bounce_size, md_size;	/* bytes per slot */
	/* completions; those before ->first have been returned */
	struct target_cqe	*cqes;
	unsigned		first, nr_cqes;
	/* I/Os of these completions that have not been returned */
	unsigned		nr_done;
	unsigned		*pushed;	/* tags of I/Os not started yet */
	unsigned		nr_pushed;
	bool			*under_way;	/* by tag: is its command in flight? */
	unsigned		nr_out;		/* I/Os queued and not yet returned */
	uint64_t		*results;	/* by tag: where appends went to; NULL: there are none */
	uint64_t		nr_moved;	/* appends that went elsewhere than expected */
	struct io_queue_slot	*trim;		/* collects ranges and is not pushed yet */
	/* a trim or injection may have to be handled before an I/O */
	bool			attended;
	/* trims of a completed command that have not been returned */
	struct io_queue_slot	*trims;
	/* completions need more than their result: there are such trims, ->settle, or damage on media */
	bool			apart;
	bool			has_joined;	/* some trims share the command of another one */

	/* a copy of the caller's, except for its scratch memory */
	struct io_job		job;
	/* Called when the I/Os in ->pushed were started, or are about to be. */
	void			(*issued)(struct io_queue *f);
	/* Called when an I/O is returned, unless NULL: returns its errno, which was @err. */
	int			(*settle)(struct io_queue *f, unsigned tag, int err);
	void			*ctx;
};

/*
 * Allocates memory for @depth I/Os on the @nr_ns namespaces at @ns, with up to @max_ranges (1 to
 * 256) trims per command. Returns 0, or -ENOMEM; io_queue_close() cleans up in any case.
 */
int io_queue_alloc(struct io_queue *f, struct job_ns *ns, unsigned nr_ns, unsigned depth,
		 unsigned max_ranges);

/*
 * Opens the queue with the modes of @o; the lists in it are filled in here. @user_bufs has the
 * caller's buffers by tag, to be registered (fixedbufs), or is NULL. Returns 0, or -errno with one
 * line in @why.
 */
int io_queue_start(struct io_queue *f, struct target_queue_opts o, const struct iovec *user_bufs,
		 char why[WHY_MAX]);
void io_queue_close(struct io_queue *f);

struct io_queue_range {
	uint64_t	slba;
	uint32_t	nr_blocks;
};

/*
 * Each of these adds an I/O to the batch; commands are sent in the order of the calls.
 *
 * A trim of @nr ranges (1 to max_ranges) waits for others of its namespace to share its command.
 * The command is sent when it has max_ranges ranges, when anything else is asked for, or when the
 * caller has to wait for I/Os.
 *
 * Returns false if a write to the same blocks that was damaged on purpose has to end first: try
 * again when more I/Os were returned.
 *
 * A target may execute commands that are in flight at the same time in another order (NVMe Base
 * Specification, Command Ordering Requirements). If two commands overlap, the later one is certain
 * to take effect last only if it is asked for after the earlier one was returned.
 */
bool io_queue_io(struct io_queue *f, unsigned tag, const struct job_ns *ns, uint8_t opcode,
	       uint64_t slba, uint32_t nr_blocks, void *buf);
void io_queue_flush(struct io_queue *f, unsigned tag, const struct job_ns *ns);
bool io_queue_trim(struct io_queue *f, unsigned tag, const struct job_ns *ns,
		 const struct io_queue_range *ranges, unsigned nr);

/*
 * Starts the batch. Returns the number of I/Os, or -errno. If every tag is in use, the caller can
 * only wait next, so the batch is left to io_queue_reap(), which starts it when it begins to wait:
 * one system call instead of two.
 */
int io_queue_commit(struct io_queue *f);

/*
 * Starts the batch and waits for @min finished I/Os, at most for @timeout if it is not NULL; @spin
 * polls instead of sleeping. Returns the number of I/Os that can be returned, at most @max, or
 * -errno; -EPROTO if the target completed a command that was not in flight.
 */
int io_queue_reap(struct io_queue *f, unsigned min, unsigned max, bool spin,
		const struct timespec *timeout);

/* Returns the tag of the next finished I/O, and its errno in *@err. */
unsigned io_queue_next(struct io_queue *f, int *err);

#endif
