/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring.c - the io_uring passthrough target: /dev/ngXnY
 *
 * Commands are passed to the driver in 128-byte submission entries; their statuses are returned in
 * 32-byte completions.  Each queue has one ring, and each thread has one queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "device.h"
#include "target.h"

/* --- the namespace --- */

static int check_node(const struct target_open *o, const struct stat *st, char *why)
{
	char name[64];

	if (S_ISBLK(st->st_mode)) {
		if (device_sysfs_name(st, name, sizeof(name)) && !strncmp(name, "nvme", 4))
			return refuse(why, EINVAL, "%s is a block device: use its generic device, /dev/ng%s",
				      o->path, name + 4);
		return refuse(why, EINVAL, "%s is a block device: give an NVMe generic device, /dev/ngXnY",
			      o->path);
	}
	if (!S_ISCHR(st->st_mode))
		return refuse(why, EINVAL, "%s is not a device: give an NVMe generic device, /dev/ngXnY",
			      o->path);
	if (o->iopoll && !device_queue_attribute(st, "io_poll", 1))
		return refuse(why, EOPNOTSUPP, "%s has no poll queues: leave out hipri, or load the nvme driver "
			      "with poll_queues=N", o->path);
	if (o->iopoll && o->dataless && !device_polls_without_data())
		return refuse(why, EOPNOTSUPP, "%s: hipri with %s: kernels before 6.5 crash when they poll for a "
			      "command without data; leave out either", o->path, o->dataless);
	return 0;
}

static int open_node(const struct target_open *o)
{
	const bool write = o->write || o->compares;
	int fd = open(o->path, (write || o->flushes ? O_RDWR : O_RDONLY) | O_CLOEXEC);

	if (fd < 0 && !write && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(o->path, O_RDONLY | O_CLOEXEC);
	return fd;
}

static int ring_open(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX])
{
	struct stat st;
	int fd, ret;

	if (stat(o->path, &st))
		return refuse(why, errno, "%s: %s%s", o->path, strerror(errno), errno == ENOENT ?
			      ": is the drive there? See 'ls /dev/ng*' and 'nvme list'" : "");
	ret = check_node(o, &st, why);
	if (ret)
		return ret;
	if (o->fault || o->fault_log || o->delay_ns || o->defect ||
	    (o->cache && strcmp(o->cache, "none")))
		return refuse(why, EINVAL, "%s: ns_cache, ns_fault, ns_defect and ns_delay are for images: "
			      "only the embedded controller supports them", o->path);
	if (o->zones.zone_size || o->zones.zone_capacity || o->zones.max_open || o->zones.max_active ||
	    o->zones.zasl)
		return refuse(why, EINVAL, "%s: ns_zone_size, ns_zone_capacity, ns_max_open, ns_max_active and "
			      "ns_zasl are for images: leave them out, a drive has its zones", o->path);
	if (o->ruhs)
		return refuse(why, EINVAL, "%s: ns_ruhs is for images: leave it out, a drive has its placement handles",
			      o->path);
	fd = open_node(o);
	if (fd < 0)
		return refuse(why, errno, "%s: %s%s", o->path, strerror(errno),
			      errno == EACCES ? ": run as root, or give yourself access to it" : "");
	ret = ioctl(fd, NVME_IOCTL_ID);
	if (ret <= 0) {
		close(fd);
		return refuse(why, EINVAL, "%s is not an NVMe namespace: give a generic device, /dev/ngXnY",
			      o->path);
	}
	if (o->write && !o->in_use_ok && device_in_use(&st, fd) > 0) {
		close(fd);
		return refuse(why, EBUSY, "%s is in use (mounted, or held by another driver): not written; "
			      "unmount it, or give allow_mounted_write=1", o->path);
	}
	*ns = malloc(sizeof(**ns));
	if (!*ns) {
		close(fd);
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	}
	**ns = (struct target_ns){
		.ops = &ring_target, .nsid = ret, .fd = fd,
		.max_transfer = device_queue_attribute(&st, "max_hw_sectors_kb", 0) * 1024,
	};
	return 0;
}

static void ring_ns_close(struct target_ns *ns)
{
	close(ns->fd);
	free(ns);
}

/*
 * struct nvme_uring_cmd and struct nvme_passthru_cmd differ only in the last dword, the result, so
 * the same command can be executed synchronously.
 */
static int execute(struct target_ns *ns, unsigned long request, struct nvme_uring_cmd *cmd)
{
	_Static_assert(sizeof(*cmd) == sizeof(struct nvme_passthru_cmd), "one layout");
	int ret = ioctl(ns->fd, request, cmd);

	return ret < 0 ? -errno : ret;
}

static int ring_admin(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	return execute(ns, NVME_IOCTL_ADMIN_CMD, cmd);
}

static int ring_io(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	return execute(ns, NVME_IOCTL_IO_CMD, cmd);
}

/* --- the queue --- */

struct target_queue {
	struct io_uring		ring;
	struct iovec		*iovecs;	/* one per tag, for vectored commands */
	unsigned		ready;		/* pushed but not submitted */
	unsigned		force_async;
	unsigned		pushed;		/* since the last forced command */
	unsigned		enter_flags;
	bool			registered;	/* files are given by their index */
	bool			plain;		/* simple buffers, and no forced commands */
	uint64_t		*results;	/* as in struct target_queue_opts */
};

/*
 * Each tag has its own entry, which is not changed until its command completes.  An entry should
 * be reusable as soon as io_uring_enter() returns, but on Linux 6.12 a worker that submits the
 * command later reads the entry again, and would then execute the next command in it.
 */
static struct io_uring_sqe *entry_of(struct target_queue *q, unsigned tag)
{
	return &q->ring.sq.sqes[2 * tag];	/* SQE128: two entries each */
}

static struct nvme_uring_cmd *command_in(struct io_uring_sqe *sqe)
{
	return (struct nvme_uring_cmd *)sqe->cmd;
}

static struct nvme_uring_cmd *ring_command(struct target_queue *q, unsigned tag)
{
	return command_in(entry_of(q, tag));
}

/* Set the fields that are equal in all commands of a tag; all others are zero. */
static void fill_entries(struct target_queue *q, unsigned depth)
{
	for (unsigned tag = 0; tag < depth; tag++) {
		struct io_uring_sqe *sqe = entry_of(q, tag);

		sqe->opcode = IORING_OP_URING_CMD;
		sqe->cmd_op = NVME_URING_CMD_IO;
		sqe->flags = q->registered ? IOSQE_FIXED_FILE : 0;
		sqe->user_data = tag;
	}
}

/*
 * Does what io_uring_queue_init_params() does, but keeps the array of submission indexes: newer
 * versions of liburing omit it if they can.
 */
static int init_ring(struct target_queue *q, unsigned depth, struct io_uring_params *p)
{
	int fd = syscall(__NR_io_uring_setup, depth, p), ret;

	if (fd < 0)
		return -errno;
	ret = io_uring_queue_mmap(fd, p, &q->ring);
	if (ret) {
		close(fd);
		q->ring.ring_fd = 0;
	}
	q->ring.features = p->features;
	return ret;
}

/*
 * One thread submits and reaps, so completions need not interrupt the task and can wait until it
 * asks for them.  A kernel that does not know one of these flags refuses all of them; then use
 * none.
 */
static int setup_ring(struct target_queue *q, const struct target_queue_opts *o)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 };
	unsigned quiet = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG;
	int ret;

	if (o->iopoll)
		p.flags |= IORING_SETUP_IOPOLL;
	if (o->sqpoll) {
		quiet = 0;
		p.flags |= IORING_SETUP_SQPOLL;
		if (o->sqpoll_cpu >= 0) {
			p.flags |= IORING_SETUP_SQ_AFF;
			p.sq_thread_cpu = o->sqpoll_cpu;
		}
	}
	p.flags |= quiet;
	ret = init_ring(q, o->depth, &p);
	if (ret == -EINVAL && quiet) {
		p = (struct io_uring_params){ .flags = p.flags & ~quiet };
		ret = init_ring(q, o->depth, &p);
	}
	return ret;
}

/*
 * Work around a kernel bug (CONFIG_X86_X32_ABI): an io-wq worker that is created on return from an
 * interrupt is treated as an x32 task, and user addresses are truncated to 32 bits.  If the driver
 * has no free request, a worker submits the command.  The first worker is created within
 * io_uring_enter(), further ones when the task runs again.  One is sufficient, since workers only
 * wait for requests.
 */
static void limit_workers(struct target_queue *q)
{
	unsigned bounded_and_unbounded[] = { 1, 1 };

	io_uring_register_iowq_max_workers(&q->ring, bounded_and_unbounded);
}

static int register_files(struct target_queue *q, const struct target_queue_opts *o)
{
	int *fds = calloc(o->nr_ns, sizeof(*fds));
	int ret;

	if (!fds)
		return -ENOMEM;
	for (unsigned i = 0; i < o->nr_ns; i++)
		fds[i] = o->ns[i]->fd;
	ret = io_uring_register_files(&q->ring, fds, o->nr_ns);
	free(fds);
	return ret;
}

static int setup_queue(struct target_queue *q, const struct target_queue_opts *o, char *why)
{
	int ret = setup_ring(q, o);

	if (ret)
		return refuse(why, -ret, "io_uring can't be set up: %s%s", strerror(-ret),
			      ret == -EPERM ? " (see kernel.io_uring_disabled)" :
			      ret == -EINVAL ? " (passthrough needs Linux 6.0 or newer)" : "");
	limit_workers(q);
	q->registered = o->register_ns;
	q->results = o->results;
	q->force_async = o->force_async;
	q->plain = !o->vectored && !o->bufs && !o->force_async;
	fill_entries(q, o->depth);
	if (o->vectored)
		q->iovecs = calloc(o->depth, sizeof(*q->iovecs));
	if (o->vectored && !q->iovecs)
		return refuse(why, ENOMEM, "out of memory for %u iovecs", o->depth);
	ret = o->bufs ? io_uring_register_buffers(&q->ring, o->bufs, o->nr_bufs) : 0;
	if (ret)
		return refuse(why, -ret, "fixedbufs: %u buffers can't be registered: %s%s", o->nr_bufs,
			      strerror(-ret), ret == -ENOMEM ? " (raise ulimit -l)" : "");
	/* Avoids a lookup of the ring's file in each call; older kernels do not support it. */
	if (io_uring_register_ring_fd(&q->ring) == 1)
		q->enter_flags = IORING_ENTER_REGISTERED_RING;
	ret = o->register_ns ? register_files(q, o) : 0;
	if (ret)
		return refuse(why, -ret, "registerfiles: %u files can't be registered: %s", o->nr_ns,
			      strerror(-ret));
	return 0;
}

static void ring_queue_close(struct target_queue *q)
{
	if (q->ring.ring_fd > 0)
		io_uring_queue_exit(&q->ring);
	free(q->iovecs);
	free(q);
}

static int ring_queue_open(const struct target_queue_opts *o, struct target_queue **q,
			   char why[WHY_MAX])
{
	int ret;

	*q = calloc(1, sizeof(**q));
	if (!*q)
		return refuse(why, ENOMEM, "out of memory for a queue");
	ret = setup_queue(*q, o, why);
	if (ret)
		ring_queue_close(*q);
	return ret;
}

/* Pass the buffer as an iovec or a registered buffer, or force the command to a worker. */
static void dress(struct target_queue *q, struct io_uring_sqe *sqe, int buf_index)
{
	struct nvme_uring_cmd *cmd = command_in(sqe);
	bool data = cmd->data_len;		/* false: no buffer to map */
	bool fixed = data && buf_index >= 0;

	sqe->uring_cmd_flags = fixed ? IORING_URING_CMD_FIXED : 0;
	sqe->buf_index = fixed ? buf_index : 0;
	sqe->cmd_op = data && q->iovecs ? NVME_URING_CMD_IO_VEC : NVME_URING_CMD_IO;
	if (data && q->iovecs) {
		struct iovec *iov = &q->iovecs[sqe->user_data];

		*iov = (struct iovec){ (void *)(uintptr_t)cmd->addr, cmd->data_len };
		cmd->addr = (uintptr_t)iov;
		cmd->data_len = 1;		/* number of iovecs */
	}
	sqe->flags &= ~IOSQE_ASYNC;
	if (q->force_async && ++q->pushed == q->force_async) {
		q->pushed = 0;
		sqe->flags |= IOSQE_ASYNC;
	}
}

static void ring_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index,
		      int buf_index)
{
	struct io_uring_sqe *sqe = entry_of(q, tag);
	struct io_uring_sq *sq = &q->ring.sq;

	sqe->fd = q->registered ? ns_index : ns->fd;
	if (!q->plain)
		dress(q, sqe, buf_index);
	/* Never full: it has space for all tags, and contains each only once. */
	sq->array[sq->sqe_tail++ & sq->ring_mask] = tag;
	q->ready++;
}

/*
 * Submit the batch with one io_uring_enter().  With @events the kernel posts available completions
 * and waits for @wait of them.
 */
static int submit(struct target_queue *q, unsigned wait, bool events)
{
	struct io_uring_sq *sq = &q->ring.sq;

	if (q->ring.flags & IORING_SETUP_SQPOLL)
		return io_uring_submit_and_wait(&q->ring, wait);
	/* Publishes the entries and the array; pairs with the kernel's acquire load of the tail. */
	io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	return io_uring_enter(q->ring.enter_ring_fd, q->ready, wait,
			      q->enter_flags | (events ? IORING_ENTER_GETEVENTS : 0), NULL);
}

/* Slow path: io_uring_enter() submitted only @ret of the batch, or failed.  Submit the rest. */
static __attribute__((noinline)) int insist(struct target_queue *q, int ret, unsigned wait)
{
	while (ret != (int)q->ready) {
		if (ret == -EAGAIN || ret == -EBUSY || ret == -EINTR)
			ret = io_uring_get_events(&q->ring) < 0 ? ret : 0;
		else if (ret < 0)
			return ret;
		else if (q->ring.flags & IORING_SETUP_SQPOLL)
			break;		/* @ret counts what the kernel thread has not taken yet */
		q->ready -= ret > 0 ? ret : 0;
		ret = submit(q, wait, true);
	}
	q->ready = 0;
	return 0;
}

/* Submit the batch.  Returns 0, or -errno. */
static inline int start(struct target_queue *q, unsigned wait, bool events)
{
	int ret = submit(q, wait, events);

	if (ret != (int)q->ready)
		return insist(q, ret, wait);
	q->ready = 0;
	return 0;
}

static int ring_commit(struct target_queue *q)
{
	return q->ready ? start(q, 0, false) : 0;
}

static inline __attribute__((always_inline)) unsigned
harvest(struct target_queue *q, struct target_cqe *cqes, unsigned max)
{
	const struct io_uring_cq *cq = &q->ring.cq;
	const unsigned first = *cq->khead, mask = cq->ring_mask;
	/* Pairs with the kernel's release store after it has filled the completions. */
	unsigned n = io_uring_smp_load_acquire(cq->ktail) - first;

	if (n > max)
		n = max;
	for (unsigned i = 0; i < n; i++) {
		const struct io_uring_cqe *cqe = &cq->cqes[2 * ((first + i) & mask)];	/* CQE32 */

		cqes[i] = (struct target_cqe){ .tag = cqe->user_data, .res = cqe->res };
		if (q->results)
			q->results[cqe->user_data] = cqe->big_cqe[0];
	}
	/* The completions have been copied before the kernel may reuse their entries. */
	io_uring_smp_store_release(cq->khead, first + n);
	return n;
}

static int wait_for(struct target_queue *q, unsigned nr, const struct timespec *timeout)
{
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;

	if (!timeout)
		return io_uring_wait_cqe_nr(&q->ring, &cqe, nr);
	ts = (struct __kernel_timespec){ timeout->tv_sec, timeout->tv_nsec };
	return io_uring_wait_cqes(&q->ring, &cqe, nr, &ts, NULL);
}

/* Polled and deferred completions are posted only in a system call that asks for them. */
static bool has_to_ask(const struct target_queue *q)
{
	return q->ring.flags & IORING_SETUP_IOPOLL ||
	       IO_URING_READ_ONCE(*q->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/*
 * Slow path: @n completions were reaped, which are not enough.  Ask the kernel for more. Not
 * inline, so that the fast path saves no registers for it.
 */
static __attribute__((noinline)) int
ask(struct target_queue *q, struct target_cqe *cqes, unsigned n, unsigned min, unsigned max,
    const struct timespec *timeout)
{
	if (!min && has_to_ask(q)) {
		io_uring_get_events(&q->ring);
		n = harvest(q, cqes, max);
	}
	while (n < min) {
		int ret = wait_for(q, min - n, timeout);

		if (ret == -ETIME)
			break;
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			return ret;
		n += harvest(q, cqes + n, max - n);
	}
	return n;
}

static int ring_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		     const struct timespec *timeout)
{
	int err = q->ready ? start(q, timeout ? 0 : min, true) : 0;
	unsigned n;

	if (err)
		return err;
	n = harvest(q, cqes, max);
	return n && n >= min ? (int)n : ask(q, cqes, n, min, max, timeout);
}

const struct target_ops ring_target = {
	.name		= "io_uring passthrough",
	.open		= ring_open,
	.close		= ring_ns_close,
	.admin		= ring_admin,
	.io		= ring_io,
	.queue_open	= ring_queue_open,
	.queue_close	= ring_queue_close,
	.command	= ring_command,
	.push		= ring_push,
	.commit		= ring_commit,
	.reap		= ring_reap,
};
