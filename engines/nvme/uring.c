/* SPDX-License-Identifier: GPL-2.0-only */
/* uring.c - see uring.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "uring.h"

/*
 * Does what io_uring_queue_init_params() does, but keeps the array of submission indexes: newer
 * versions of liburing omit it if they can.
 */
static int init_ring(struct uring *u, unsigned depth, struct io_uring_params *p)
{
	int fd = syscall(__NR_io_uring_setup, depth, p), ret;

	if (fd < 0)
		return -errno;
	ret = io_uring_queue_mmap(fd, p, &u->ring);
	if (ret) {
		close(fd);
		u->ring.ring_fd = 0;
	}
	u->ring.features = p->features;
	return ret;
}

/*
 * One thread submits and reaps, so completions need not interrupt the task and can wait until it
 * asks for them.  A kernel that does not know one of these flags refuses all of them; then use
 * none.
 */
static int setup_ring(struct uring *u, const struct target_queue_opts *o)
{
	struct io_uring_params p = { .flags = u->wide ? IORING_SETUP_SQE128 | IORING_SETUP_CQE32 : 0 };
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
	ret = init_ring(u, o->depth, &p);
	if (ret == -EINVAL && quiet) {
		p = (struct io_uring_params){ .flags = p.flags & ~quiet };
		ret = init_ring(u, o->depth, &p);
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
static void limit_workers(struct uring *u)
{
	unsigned bounded_and_unbounded[] = { 1, 1 };

	io_uring_register_iowq_max_workers(&u->ring, bounded_and_unbounded);
}

static int register_files(struct uring *u, const struct target_queue_opts *o)
{
	int *fds = calloc(o->nr_ns, sizeof(*fds));
	int ret;

	if (!fds)
		return -ENOMEM;
	for (unsigned i = 0; i < o->nr_ns; i++)
		fds[i] = o->ns[i]->fd;
	ret = io_uring_register_files(&u->ring, fds, o->nr_ns);
	free(fds);
	return ret;
}

int uring_open(struct uring *u, const struct target_queue_opts *o, bool wide, const char *lacks,
	       char why[WHY_MAX])
{
	int ret;

	u->wide = wide;
	ret = setup_ring(u, o);
	if (ret)
		return refuse(why, -ret, "io_uring can't be set up: %s%s%s", strerror(-ret),
			      ret == -EPERM ? " (see kernel.io_uring_disabled)" : lacks ? ": " : "",
			      ret != -EPERM && lacks ? lacks : "");
	limit_workers(u);
	u->registered = o->register_ns;
	u->results = o->results;
	u->force_async = o->force_async;
	u->plain = !o->vectored && !o->bufs && !o->force_async;
	ret = o->bufs ? io_uring_register_buffers(&u->ring, o->bufs, o->nr_bufs) : 0;
	if (ret)
		return refuse(why, -ret, "fixedbufs: %u buffers can't be registered: %s%s", o->nr_bufs,
			      strerror(-ret), ret == -ENOMEM ? " (raise ulimit -l)" : "");
	/* Avoids a lookup of the ring's file in each call; older kernels do not support it. */
	if (io_uring_register_ring_fd(&u->ring) == 1)
		u->enter_flags = IORING_ENTER_REGISTERED_RING;
	ret = o->register_ns ? register_files(u, o) : 0;
	if (ret)
		return refuse(why, -ret, "registerfiles: %u files can't be registered: %s", o->nr_ns,
			      strerror(-ret));
	return 0;
}

void uring_close(struct uring *u)
{
	if (u->ring.ring_fd > 0)
		io_uring_queue_exit(&u->ring);
}

/* Slow path: io_uring_enter() submitted only @ret of the batch, or failed.  Submit the rest. */
__attribute__((noinline)) int uring_insist(struct uring *u, int ret, unsigned wait)
{
	while (ret != (int)u->ready) {
		if (ret == -EAGAIN || ret == -EBUSY || ret == -EINTR)
			ret = io_uring_get_events(&u->ring) < 0 ? ret : 0;
		else if (ret < 0)
			return ret;
		else if (u->ring.flags & IORING_SETUP_SQPOLL)
			break;		/* @ret counts what the kernel thread has not taken yet */
		u->ready -= ret > 0 ? ret : 0;
		ret = uring_submit(u, wait, true);
	}
	u->ready = 0;
	return 0;
}

static int wait_for(struct uring *u, unsigned nr, const struct timespec *timeout)
{
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;

	if (!timeout)
		return io_uring_wait_cqe_nr(&u->ring, &cqe, nr);
	ts = (struct __kernel_timespec){ timeout->tv_sec, timeout->tv_nsec };
	return io_uring_wait_cqes(&u->ring, &cqe, nr, &ts, NULL);
}

/* Polled and deferred completions are posted only in a system call that asks for them. */
static bool has_to_ask(const struct uring *u)
{
	return u->ring.flags & IORING_SETUP_IOPOLL ||
	       IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/*
 * Slow path: @n completions were reaped, which are not enough.  Ask the kernel for more. Not
 * inline, so that the fast path saves no registers for it.
 */
__attribute__((noinline)) int
uring_ask(struct uring *u, struct target_cqe *cqes, unsigned n, unsigned min, unsigned max,
	  const struct timespec *timeout)
{
	if (!min && has_to_ask(u)) {
		io_uring_get_events(&u->ring);
		n = uring_harvest(u, cqes, max, u->wide);
	}
	while (n < min) {
		int ret = wait_for(u, min - n, timeout);

		if (ret == -ETIME)
			break;
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			return ret;
		n += uring_harvest(u, cqes + n, max - n, u->wide);
	}
	return n;
}
