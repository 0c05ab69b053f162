/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.h - what takes NVMe commands: one small interface, two targets
 *
 *	ring.c		io_uring passthrough to a character device, /dev/ngXnY
 *	controller.c	the embedded controller: the same commands, from a file
 *
 * A target takes the very struct nvme_uring_cmd that the kernel takes, and
 * answers with the status word of the completion, so whatever passes on one can
 * be compared with the other.  Nothing here knows fio.
 *
 * Results, everywhere below: 0 good; above 0 the NVMe status word (SC, SCT,
 * More and DNR: bits 0..14) as the kernel hands it back; below 0 -errno.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <time.h>
#include <libnvme.h>		/* ahead of the kernel's header: both define some of it */
#include <linux/nvme_ioctl.h>
#include "verify/refuse.h"

struct target_ops;

/*
 * An open namespace.  Each target embeds this as the first member of its own.
 * One may be used by many queues and threads at once.
 */
struct target_ns {
	const struct target_ops	*ops;
	uint32_t		nsid;
	int			fd;	/* -1 where there is none to register */
	uint32_t		max_transfer; /* what the way to it allows, bytes; 0: any */
	bool			created; /* an image: by this open(), with the format told of */
	bool			refused; /* by its user: close() removes what open() created */
};

/*
 * The format a job asks for, in the words of the ns_* options; -1: no opinion.
 * A device must agree with it, an image is created by it or must agree.
 */
struct ns_format {
	int	lbs;		/* data size, bytes */
	int	ms;		/* metadata size, bytes */
	int	mset;		/* 1: extended, 0: separate */
	int	pi;		/* type 0..3 */
	int	pil;		/* 1: tuple first, 0: last */
	int	pif;		/* 0: 16b, 1: 32b, 2: 64b */
	int	sts;		/* storage tag size, bits */
};

#define NS_FORMAT_ANY { -1, -1, -1, -1, -1, -1, -1 }

struct target_open {
	const char		*path;
	bool			write;	/* will be written, zeroed or trimmed */
	bool			in_use_ok; /* do so even where it is mounted */
	bool			iopoll;	/* completions will be polled for */
	const char		*dataless; /* what sends commands without data, for a message; NULL: nothing */
	struct ns_format	format;
	uint64_t		size;	/* data bytes of an image to create; 0: don't, but for: */
	/*
	 * How many blocks an image to create shall have in the layout that it gets (0: no
	 * image is created).  0, or -errno with a line in @why.  NULL: by ->size.
	 */
	int			(*extent)(const struct target_open *o, const struct pi_layout *l,
					  uint64_t *blocks, char why[WHY_MAX]);
	/* Misbehaviour of the embedded controller (fault.h); NULL, 0: none. */
	const char		*fault, *fault_log;
	uint64_t		delay_ns;
};

struct target_queue_opts {
	unsigned		depth;		/* commands in flight, at most */
	bool			iopoll;		/* hipri */
	bool			sqpoll;		/* sqthread_poll */
	int			sqpoll_cpu;	/* -1: any */
	bool			vectored;	/* hand buffers over as one iovec */
	unsigned		force_async;	/* every so many commands; 0: never */
	const struct iovec	*bufs;		/* to register; NULL: none */
	unsigned		nr_bufs;
	struct target_ns *const	*ns;		/* all that the queue will be used with */
	unsigned		nr_ns;
	bool			register_ns;	/* registerfiles */
};

struct target_cqe {
	unsigned	tag;
	int		res;	/* see "Results" above */
};

struct target_queue;

struct target_ops {
	const char *name;	/* for reports */

	/*
	 * Open what @o describes.  0 with *@ns set, or -errno with one line in
	 * @why, and then nothing has been written or created.
	 */
	int (*open)(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX]);
	void (*close)(struct target_ns *ns);

	/*
	 * Remove the files that the namespace is kept in; it can be used until it is closed.  0,
	 * or -errno with one line in @why.  NULL: there are none.
	 */
	int (*remove)(struct target_ns *ns, char why[WHY_MAX]);

	/* Execute one command and wait for it.  @cmd->addr is a flat buffer. */
	int (*admin)(struct target_ns *ns, struct nvme_uring_cmd *cmd);
	int (*io)(struct target_ns *ns, struct nvme_uring_cmd *cmd);

	/*
	 * A queue belongs to one thread.  command() tells where the command of @tag,
	 * 0..depth - 1, is: the same place as long as the queue is open, the caller's
	 * to fill, all of it, from one command's completion to the push() of the next.
	 * That adds it to the batch, for @ns; @ns_index and @buf_index are positions in
	 * the lists of struct target_queue_opts (-1: the buffer is not registered).
	 * commit() starts the batch.  reap() does so too, in the same system call where
	 * it waits; it stores 0..@max completions, waits for @min of them (no longer
	 * than @timeout when not NULL), and returns how many, or -errno.
	 */
	int (*queue_open)(const struct target_queue_opts *o, struct target_queue **q,
			  char why[WHY_MAX]);
	void (*queue_close)(struct target_queue *q);
	struct nvme_uring_cmd *(*command)(struct target_queue *q, unsigned tag);
	void (*push)(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index,
		     int buf_index);
	int (*commit)(struct target_queue *q);
	int (*reap)(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		    const struct timespec *timeout);
};

extern const struct target_ops ring_target;

/* Is the device @path mounted, or held by another driver?  1, 0, or -1: can't be told. */
int ring_in_use(const char *path);

/*
 * What takes the commands for @path: a device is the kernel's, anything else an
 * image for the embedded controller.  A name in /dev that is not there is a missing
 * device, not an image to create.
 */
const struct target_ops *target_of(const char *path);

#endif
