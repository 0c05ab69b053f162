/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-queue.h - a job's I/Os between being asked for and being told of
 *
 * Owns the queue, the memory that I/Os need beside the caller's buffers, and the
 * book of what is in flight.  An I/O is known by its tag, 0..depth - 1, which the
 * caller uses for one at a time.  One thread; nothing here knows fio, and nothing
 * is allocated between io_queue_start() and io_queue_close().
 */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "io.h"

/* One I/O, by its tag. */
struct io_queue_slot {
	struct io		io;
	struct nvme_uring_cmd	*cmd;		/* the target's, of this tag */
	bool			checked;	/* ends in io_end(): it moves blocks */
	struct io_queue_slot	*next;		/* another trim of the same command, until it is told of */
	struct nvme_dsm_range	*ranges;	/* of the command, in its first trim */
	unsigned		nr_ranges;
	int			res;		/* of the command, as in target.h */
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
	struct vfy_block_tags	*tags;		/* the same, NULL: no plugin */
	size_t			bounce_size, md_size;	/* bytes each slot has of them */
	struct target_cqe	*cqes;		/* completed; told of up to ->first */
	unsigned		first, nr_cqes;
	unsigned		nr_done;	/* I/Os of theirs not told of */
	unsigned		*pushed;	/* tags of I/Os not started yet */
	unsigned		nr_pushed;
	unsigned		nr_out;		/* I/Os taken and not told of */
	struct io_queue_slot	*trim;		/* collects ranges, not pushed yet */
	bool			attended;	/* something may come ahead of an I/O: that trim, or damage */
	struct io_queue_slot	*trims;		/* of a completed command, not told of */
	bool			has_joined;	/* some trims came as parts of another's command */

	struct io_job		job;		/* but for its scratch, the caller's */
	/* Called when the I/Os in ->pushed have been started, or are about to be. */
	void			(*issued)(struct io_queue *f);
	void			*ctx;
};

/*
 * Memory for @depth I/Os on @nr_ns namespaces at @ns, up to @max_ranges (1..256)
 * trims a command.  0, or -ENOMEM; io_queue_close() cleans up in any case.
 */
int io_queue_alloc(struct io_queue *f, struct job_ns *ns, unsigned nr_ns, unsigned depth,
		 unsigned max_ranges);

/*
 * Open the queue, with @o's modes; the lists in it are filled in here.
 * @user_bufs: the caller's buffers by tag, to register (fixedbufs), or NULL.
 * 0, or -errno with one line in @why.
 */
int io_queue_start(struct io_queue *f, struct target_queue_opts o, const struct iovec *user_bufs,
		 char why[WHY_MAX]);
void io_queue_close(struct io_queue *f);

struct io_queue_range {
	uint64_t	slba;
	uint32_t	nr_blocks;
};

/*
 * Each puts an I/O into the batch, and commands leave in the order of these calls.  A trim of
 * @nr ranges (1..max_ranges) waits for others of its namespace to share its command, until that
 * has max_ranges of them, anything else is asked for, or somebody has to wait for I/Os to finish.
 * False: a write of the same blocks that was damaged on purpose has to end first; ask again once
 * I/Os have been told of.
 *
 * A target is free to execute commands that are under way at once in another order (NVMe Base
 * Specification, Command Ordering Requirements): of two that overlap, the later one can only
 * be relied on to come last where it is asked for after the earlier one was told of.
 */
bool io_queue_io(struct io_queue *f, unsigned tag, const struct job_ns *ns, uint8_t opcode,
	       uint64_t slba, uint32_t nr_blocks, void *buf);
void io_queue_flush(struct io_queue *f, unsigned tag, const struct job_ns *ns);
bool io_queue_trim(struct io_queue *f, unsigned tag, const struct job_ns *ns,
		 const struct io_queue_range *ranges, unsigned nr);

/*
 * Start the batch.  How many I/Os, or -errno.  With every tag in use the
 * caller can only wait next, and io_queue_reap() starts the batch as it begins to
 * wait: one system call in place of two.
 */
int io_queue_commit(struct io_queue *f);

/*
 * Start the batch and wait for @min finished I/Os, no longer than @timeout where that is not NULL;
 * @spin: by asking again and again.  How many can be told of, at most @max, or
 * -errno; -EPROTO: the target completed a command that was not under way.
 */
int io_queue_reap(struct io_queue *f, unsigned min, unsigned max, bool spin,
		const struct timespec *timeout);

/* The next finished I/O: returns its tag, and in *@err the errno it ended with. */
unsigned io_queue_next(struct io_queue *f, int *err);

#endif
