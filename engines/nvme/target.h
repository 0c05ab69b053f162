/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.h - the interface to whatever executes NVMe commands; it has three implementations:
 *
 * ring.c		io_uring passthrough to a character device, /dev/ngXnY
 * block.c		the block layer: /dev/nvmeXnY, and block devices with an integrity profile
 * controller.c	the embedded controller: the same commands on an image file
 *
 * All take the kernel's struct nvme_uring_cmd.  The first and the last return the status word of the
 * completion, so the results of one can be compared with the other's.  Nothing here knows fio.
 *
 * Results, in all functions below: 0 good; above 0 the NVMe status word (SC, SCT, More and DNR:
 * bits 0..14) as the kernel returns it, or one with NVME_ST_BLOCK (status.h) for what the block
 * layer says of a check; below 0 -errno.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <time.h>
#include <libnvme.h>		/* before the kernel's header: both define some names */
#include <linux/nvme_ioctl.h>
#include "verify/refuse.h"

struct target_ops;

/*
 * An open namespace.  Each target embeds it as the first member of its own structure. Many queues
 * and threads may use one namespace concurrently.
 */
struct target_ns {
	const struct target_ops	*ops;
	uint32_t		nsid;
	int			fd;	/* for registering with io_uring; -1: none */
	uint32_t		max_transfer; /* transport's limit, bytes; 0: none */
	int			fault_err; /* errno with which ns_fault_log, and so ns_fault, ended; 0: it did not */
	bool			integrity; /* block layer: the kernel has an integrity profile of it */
	bool			created; /* this open() created the image */
	bool			refused; /* set by the caller: close() removes a created image */
};

/*
 * The format a job asks for, named as the ns_* options; -1: not specified. A device must match it.
 * An existing image must match it, too; a new one is created with it.
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

/* Zones of an image, named as the ns_* options; 0: not specified.  Sizes are bytes of data. */
struct ns_zones {
	uint64_t	zone_size;
	uint64_t	zone_capacity;
	uint64_t	max_open;	/* zones that can be open; 0 in an image: any number */
	uint64_t	max_active;
	uint64_t	zasl;		/* of a Zone Append; 0 in an image: only MDTS is a limit */
};

struct target_open {
	const char		*path;
	bool			write;	/* the job writes, zeroes or trims */
	/*
	 * The job sends Compare, or may send Flush.  Of a user who is not root the kernel takes these
	 * only through a descriptor that is open for writing (Flush where the drive's effects log says
	 * that it changes blocks).
	 */
	bool			compares, flushes;
	bool			identifies; /* for Identify alone: a cut of power is left to the next user */
	bool			in_use_ok; /* open it even if it is mounted */
	bool			iopoll;	/* completions are polled */
	const char		*dataless; /* option that sends commands without data; NULL: none */
	struct ns_format	format;
	struct ns_zones		zones;
	uint64_t		ruhs;	/* ns_ruhs: placement handles of an image; 0: not specified */
	uint64_t		size;	/* data bytes of a new image; 0: see extent() */
	/*
	 * Set *@blocks to the number of blocks of a new image with layout @l (0: create no image).
	 * Returns 0, or -errno with one line in @why.  NULL: the number follows from ->size.
	 */
	int			(*extent)(const struct target_open *o, const struct pi_layout *l,
					  uint64_t *blocks, char why[WHY_MAX]);
	/* Misbehaviour of the embedded controller (fault.h); NULL, 0: none. */
	const char		*fault, *fault_log;
	void			(*say)(const char *line);	/* where the log ended; NULL: to nobody */
	uint64_t		delay_ns;
	const char		*cache;	/* its write cache: "volatile[@SEED]"; NULL or "none": none */
	/* What it does wrong, as NAME[,NAME...]: see ctl_defects(); NULL: nothing. */
	const char		*defect;
};

struct target_queue_opts {
	unsigned		depth;		/* maximum number of commands in flight */
	bool			iopoll;		/* hipri */
	bool			sqpoll;		/* sqthread_poll */
	int			sqpoll_cpu;	/* -1: any */
	bool			vectored;	/* pass each buffer as an iovec of one entry */
	unsigned		force_async;	/* IOSQE_ASYNC for every n-th command; 0: never */
	const struct iovec	*bufs;		/* buffers to register; NULL: none */
	unsigned		nr_bufs;
	struct target_ns *const	*ns;		/* all that the queue will be used with */
	unsigned		nr_ns;
	bool			register_ns;	/* registerfiles */
	uint64_t		*results;	/* by tag: DW0 and 1 of completions; NULL: not wanted */
};

struct target_cqe {
	unsigned	tag;
	int		res;	/* see "Results" above */
};

struct target_queue;

/* What a target cannot carry, of the things that NVMe commands have.  Jobs with it are refused. */
enum target_lacks {
	TARGET_LACKS_EXTENDED	= 1 << 0,	/* extended blocks */
	TARGET_LACKS_PRACT	= 1 << 1,	/* tuples that the controller inserts and strips */
	TARGET_LACKS_STORAGE	= 1 << 2,	/* storage tags, and the guards that have them (32b) */
	TARGET_LACKS_TAGS	= 1 << 3,	/* LBATM, and reference tags that are not the LBA's */
	TARGET_LACKS_COMMANDS	= 1 << 4,	/* all but Read, Write, Flush, Dataset Management; zones */
	TARGET_LACKS_RANGES	= 1 << 5,	/* more than one range of Dataset Management */
	TARGET_LACKS_READ_FUA	= 1 << 6,
	TARGET_LACKS_MDTS	= 1 << 7,	/* a limit of an I/O: the kernel splits what is larger */
	TARGET_LACKS_DIRECTIVES	= 1 << 8,	/* DTYPE and DSPEC: placement, streams */
};

struct target_ops {
	const char *name;	/* the name in reports */
	unsigned lacks;		/* enum target_lacks, or'ed */

	/*
	 * Open the namespace of @o.  Returns 0 with *@ns set, or -errno with one line in @why; on
	 * failure nothing has been written or created.
	 */
	int (*open)(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX]);
	void (*close)(struct target_ns *ns);

	/*
	 * Remove the namespace's files; it remains usable until it is closed.  Returns 0, or
	 * -errno with one line in @why.  NULL: this target has no files.
	 */
	int (*remove)(struct target_ns *ns, char why[WHY_MAX]);

	/*
	 * Execute one command synchronously.  @cmd->addr is a flat buffer.  An I/O command returns
	 * dword 0 of its completion in @cmd->rsvd2.
	 */
	int (*admin)(struct target_ns *ns, struct nvme_uring_cmd *cmd);
	int (*io)(struct target_ns *ns, struct nvme_uring_cmd *cmd);

	/*
	 * A queue belongs to one thread.
	 *
	 * command() returns the command of @tag, 0..depth - 1.  Its address does not change while
	 * the queue is open; the caller may fill it (all fields) between the completion of one
	 * command and the push() of the next.
	 *
	 * push() adds the command to the batch, for @ns.  @ns_index and @buf_index are indexes
	 * into the lists of struct target_queue_opts (-1: not registered).
	 *
	 * commit() submits the batch.  Returns 0, or -errno.
	 *
	 * reap() submits the batch, too, in the same system call in which it waits.  It stores up
	 * to @max completions in @cqes, waits for at least @min of them (no longer than @timeout
	 * unless that is NULL), and returns their number, or -errno.
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

extern const struct target_ops ring_target, block_target;

/*
 * The defects that the embedded controller can have (->defect).  ctl_defects() stores the name of
 * defect @i and one line of what is wrong, and returns false past the last one.
 * ctl_defect_half() returns "first" or "second", the half that a defect belongs to, or NULL.
 * ctl_defect_shows() tells whether it can be seen on a namespace of the format @f, whose lbs, ms
 * and pi are set; of an unknown name that is true.  ctl_defect_excuse() returns why no suite need
 * catch it: the specification allows it, though most controllers do not behave so, or nobody can see
 * it; NULL: a suite should.
 */
bool ctl_defects(unsigned i, const char **name, const char **what);
const char *ctl_defect_half(const char *name);
bool ctl_defect_shows(const char *name, const struct ns_format *f);
const char *ctl_defect_excuse(const char *name);

/* Return 1 if the device @path is mounted or held by another driver, 0 if not, -1 if unknown. */
int target_in_use(const char *path);

/* A device, not an image of the embedded controller? */
static inline bool target_is_device(const struct target_ops *ops)
{
	return !ops->remove;
}

/* Return what the target of a namespace lacks; without a target (NULL) nothing. */
static inline unsigned target_lacks(const struct target_ns *ns)
{
	return ns && ns->ops ? ns->ops->lacks : 0;
}

/*
 * Return the target for @path: the block layer for a block device, io_uring passthrough for any other
 * device, the embedded controller for anything else.  A missing name in /dev (except /dev/shm) is treated as a device that does not
 * exist, not as an image to create.
 */
const struct target_ops *target_of(const char *path);

#endif
