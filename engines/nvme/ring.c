/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring.c - the io_uring passthrough target: /dev/ngXnY
 *
 * Commands are passed to the driver in 128-byte submission entries; their statuses are returned in
 * 32-byte completions.  Each queue has one ring, and each thread has one queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "device.h"
#include "kernel.h"
#include "uring.h"

/* --- the namespace --- */

static int check_node(const struct target_open *o, const struct stat *st, char *why)
{
	const char *lacks;
	char name[64];
	int ret;

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
	ret = device_check_options(o, st, why);
	if (ret)
		return ret;
	lacks = o->iopoll && o->dataless ? kernel_lacks(KERNEL_POLLED_DATALESS) : NULL;
	if (lacks)
		return refuse(why, EOPNOTSUPP, "%s: hipri with %s: %s; leave out either", o->path, o->dataless,
			      lacks);
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
	int fd, ret, nsid;

	if (stat(o->path, &st))
		return refuse(why, errno, "%s: %s%s", o->path, strerror(errno), errno == ENOENT ?
			      ": is the drive there? See 'ls /dev/ng*' and 'nvme list'" : "");
	ret = check_node(o, &st, why);
	if (ret)
		return ret;
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
	nsid = ret;
	ret = device_check_use(o, &st, fd, why);
	if (ret) {
		close(fd);
		return ret;
	}
	*ns = malloc(sizeof(**ns));
	if (!*ns) {
		close(fd);
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	}
	**ns = (struct target_ns){
		.ops = &ring_target, .nsid = nsid, .fd = fd,
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
	struct uring		u;
	struct iovec		*iovecs;	/* one per tag, for vectored commands */
};

static struct nvme_uring_cmd *command_in(struct io_uring_sqe *sqe)
{
	return (struct nvme_uring_cmd *)sqe->cmd;
}

static struct nvme_uring_cmd *ring_command(struct target_queue *q, unsigned tag)
{
	return command_in(uring_entry(&q->u, tag, true));
}

/* Set the fields that are equal in all commands of a tag; all others are zero. */
static void fill_entries(struct target_queue *q, unsigned depth)
{
	for (unsigned tag = 0; tag < depth; tag++) {
		struct io_uring_sqe *sqe = uring_entry(&q->u, tag, true);

		sqe->opcode = IORING_OP_URING_CMD;
		sqe->cmd_op = NVME_URING_CMD_IO;
		sqe->flags = q->u.registered ? IOSQE_FIXED_FILE : 0;
		sqe->user_data = tag;
	}
}

static int setup_queue(struct target_queue *q, const struct target_queue_opts *o, char *why)
{
	int ret = uring_open(&q->u, o, true, kernel_lacks(KERNEL_PASSTHROUGH), why);

	if (ret)
		return ret;
	fill_entries(q, o->depth);
	if (o->vectored)
		q->iovecs = calloc(o->depth, sizeof(*q->iovecs));
	return o->vectored && !q->iovecs ? refuse(why, ENOMEM, "out of memory for %u iovecs", o->depth) : 0;
}

static void ring_queue_close(struct target_queue *q)
{
	uring_close(&q->u);
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
	uring_force(&q->u, sqe);
}

static void ring_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index,
		      int buf_index)
{
	struct io_uring_sqe *sqe = uring_entry(&q->u, tag, true);

	sqe->fd = q->u.registered ? ns_index : ns->fd;
	if (!q->u.plain)
		dress(q, sqe, buf_index);
	uring_push(&q->u, tag);
}

static int ring_commit(struct target_queue *q)
{
	return uring_commit(&q->u);
}

static int ring_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		     const struct timespec *timeout)
{
	return uring_reap(&q->u, cqes, min, max, timeout, true);
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
