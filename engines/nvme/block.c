/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * block.c - the block layer as a target: /dev/nvmeXnY, and other block devices that have an
 * integrity profile
 *
 * Reads and writes go through io_uring with the caller's tuples (IORING_RW_ATTR_FLAG_PI).  The
 * kernel passes the tuples on as they are, and asks the drive for the checks; it checks nothing
 * itself.  The block layer has an errno in place of a status: a failed check is EILSEQ, whatever the
 * field.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "block.h"
#include "device.h"
#include "kernel.h"
#include "status.h"
#include "uring.h"

/* Newer headers have these. */
struct pi_attribute {			/* struct io_uring_attr_pi */
	uint16_t	flags;		/* CHECK_*: IO_INTEGRITY_CHK_* */
	uint16_t	app_tag;
	uint32_t	len;
	uint64_t	addr;
	uint64_t	seed;		/* the reference tag of the first block */
	uint64_t	reserved;
};

enum { CHECK_GUARD = 1, CHECK_REF = 2, CHECK_APP = 4, ATTRIBUTE_PI = 1 };
enum { DISCARD = _IO(0x12, 0) };	/* BLOCK_URING_CMD_DISCARD; start in addr, bytes in addr3 */
enum { INVALID_OPCODE = 255 };		/* of io_uring, which answers with EINVAL */

/* Bits of command dword 12. */
enum { NLB = 0xffff, PRCHK_REF = 1 << 26, PRCHK_APP = 1 << 27, PRCHK_GUARD = 1 << 28, FUA = 1 << 30 };

/* --- the device --- */

static bool sysfs_file(const struct stat *st, const char *what, char *text, size_t size)
{
	char name[64], path[128];
	FILE *f;

	text[0] = '\0';
	if (!device_sysfs_name(st, name, sizeof(name)))
		return false;
	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, what);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(text, size, f))
		text[strcspn(text, "\n")] = '\0';
	fclose(f);
	return true;
}

static int check_node(const struct target_open *o, const struct stat *st, char *why)
{
	const char *lacks = kernel_lacks(KERNEL_ATTRIBUTE);
	char name[64] = "", text[32];

	device_sysfs_name(st, name, sizeof(name));
	if (sysfs_file(st, "partition", text, sizeof(text)))
		return refuse(why, EINVAL, "%s is a partition: give the whole block device", o->path);
	if (lacks && !strncmp(name, "nvme", 4))
		return refuse(why, EOPNOTSUPP, "%s is a block device: %s; use its generic device, /dev/ng%s",
			      o->path, lacks, name + 4);
	if (lacks)
		return refuse(why, EOPNOTSUPP, "%s is a block device: %s; give an NVMe generic device, /dev/ngXnY",
			      o->path, lacks);
	if (o->iopoll)
		return refuse(why, EOPNOTSUPP, "%s: hipri: the block layer does not poll for I/Os with protection "
			      "information; leave it out, or give the generic device", o->path);
	return device_check_options(o, st, why);
}

/* Fill @b, whose descriptor is open. */
static int look_at(struct block_ns *b, const struct stat *st, const char *path, char *why)
{
	char text[64];
	uint64_t bytes;
	int size;

	if (ioctl(b->ns.fd, BLKSSZGET, &size) || ioctl(b->ns.fd, BLKGETSIZE64, &bytes))
		return refuse(why, errno, "%s: %s", path, strerror(errno));
	b->shift = __builtin_ctz(size);
	b->nr_blocks = bytes >> b->shift;
	b->ns.integrity = device_integrity(st);
	device_sysfs_name(st, text, sizeof(text));
	b->nvme = !strncmp(text, "nvme", 4);
	b->ns.nsid = b->nvme ? ioctl(b->ns.fd, NVME_IOCTL_ID) : 1;
	if (b->nvme)
		return (int)b->ns.nsid > 0 ? 0 : refuse(why, EINVAL, "%s is not an NVMe namespace: give a generic "
						     "device, /dev/ngXnY", path);
	if (sysfs_file(st, "queue/zoned", text, sizeof(text)) && strcmp(text, "none"))
		return refuse(why, EOPNOTSUPP, "%s has zones: the block layer does not carry zones; give a zoned "
			      "namespace's generic device, /dev/ngXnY", path);
	if (!sysfs_file(st, "dm/name", text, sizeof(text)))
		device_sysfs_name(st, text, sizeof(text));
	snprintf(b->name, sizeof(b->name), "%.20s", text);
	b->discards = sysfs_file(st, "queue/discard_max_bytes", text, sizeof(text)) && strcmp(text, "0");
	return block_read_profile(b, path, why);
}

static int block_open(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX])
{
	struct block_ns *b;
	struct stat st;
	int ret;

	if (stat(o->path, &st))
		return refuse(why, errno, "%s: %s", o->path, strerror(errno));
	ret = check_node(o, &st, why);
	if (ret)
		return ret;
	b = calloc(1, sizeof(*b));
	if (!b)
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	b->ns = (struct target_ns){ .ops = &block_target };
	b->ns.fd = open(o->path, (o->write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (b->ns.fd < 0)
		ret = refuse(why, errno, "%s: %s%s", o->path, strerror(errno),
			     errno == EACCES ? ": run as root, or give yourself access to it" : "");
	if (!ret)
		ret = look_at(b, &st, o->path, why);
	if (!ret)
		ret = device_check_use(o, &st, b->ns.fd, why);
	if (!ret) {
		*ns = &b->ns;
		return 0;
	}
	if (b->ns.fd >= 0)
		close(b->ns.fd);
	free(b);
	return ret;
}

static void block_close(struct target_ns *ns)
{
	close(ns->fd);
	free(ns);
}

static int block_admin(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	const struct block_ns *b = (struct block_ns *)ns;
	int ret;

	if (!b->nvme)
		return block_identify(b, cmd);
	ret = ioctl(ns->fd, NVME_IOCTL_ADMIN_CMD, cmd);
	return ret < 0 ? -errno : ret;
}

/* --- the queue --- */

struct target_queue {
	struct uring		u;
	struct nvme_uring_cmd	*cmd;		/* by tag, as the following */
	struct pi_attribute	*attribute;
	struct iovec		*iovecs;	/* for vectored commands; NULL: they are not */
};

static int setup_queue(struct target_queue *q, const struct target_queue_opts *o, char *why)
{
	q->cmd = calloc(o->depth, sizeof(*q->cmd));
	q->attribute = calloc(o->depth, sizeof(*q->attribute));
	if (o->vectored)
		q->iovecs = calloc(o->depth, sizeof(*q->iovecs));
	if (!q->cmd || !q->attribute || (o->vectored && !q->iovecs))
		return refuse(why, ENOMEM, "out of memory for a queue");
	return uring_open(&q->u, o, false, kernel_lacks(KERNEL_ATTRIBUTE), why);
}

static void block_queue_close(struct target_queue *q)
{
	uring_close(&q->u);
	free(q->cmd);
	free(q->attribute);
	free(q->iovecs);
	free(q);
}

static int block_queue_open(const struct target_queue_opts *o, struct target_queue **q, char why[WHY_MAX])
{
	int ret;

	*q = calloc(1, sizeof(**q));
	if (!*q)
		return refuse(why, ENOMEM, "out of memory for a queue");
	ret = setup_queue(*q, o, why);
	if (ret)
		block_queue_close(*q);
	return ret;
}

static struct nvme_uring_cmd *block_command(struct target_queue *q, unsigned tag)
{
	return &q->cmd[tag];
}

static uint64_t slba_of(const struct nvme_uring_cmd *cmd)
{
	return cmd->cdw10 | (uint64_t)cmd->cdw11 << 32;
}

/*
 * A read or a write that asks for nothing else than an I/O of the block layer can.  Jobs that would ask
 * for more (lacks, below) are refused, so this is no path of theirs; nothing is left out in silence.
 */
static bool carried(const struct nvme_uring_cmd *cmd)
{
	const uint32_t can = NLB | PRCHK_REF | PRCHK_APP | PRCHK_GUARD | (cmd->opcode == nvme_cmd_write ? FUA : 0);

	return !(cmd->cdw12 & ~can);
}

/* The block layer numbers reference tags from the seed on; the drive is asked for those of the LBA. */
static void put_attribute(struct target_queue *q, struct io_uring_sqe *sqe, const struct nvme_uring_cmd *cmd,
			  unsigned tag)
{
	q->attribute[tag] = (struct pi_attribute){
		.flags = (cmd->cdw12 & PRCHK_GUARD ? CHECK_GUARD : 0) |
			 (cmd->cdw12 & PRCHK_REF ? CHECK_REF : 0) | (cmd->cdw12 & PRCHK_APP ? CHECK_APP : 0),
		.app_tag = cmd->cdw15, .len = cmd->metadata_len, .addr = cmd->metadata, .seed = slba_of(cmd),
	};
	sqe->addr3 = (uintptr_t)&q->attribute[tag];	/* attr_ptr, and */
	sqe->__pad2[0] = ATTRIBUTE_PI;			/* attr_type_mask of newer headers */
}

static void put_transfer(struct target_queue *q, struct io_uring_sqe *sqe, const struct nvme_uring_cmd *cmd,
			 unsigned tag, int buf_index)
{
	const bool writes = cmd->opcode == nvme_cmd_write;

	sqe->opcode = writes ? IORING_OP_WRITE : IORING_OP_READ;
	sqe->addr = cmd->addr;
	sqe->len = cmd->data_len;
	sqe->rw_flags = writes && cmd->cdw12 & FUA ? RWF_DSYNC : 0;
	if (q->iovecs) {
		q->iovecs[tag] = (struct iovec){ (void *)(uintptr_t)cmd->addr, cmd->data_len };
		sqe->opcode = writes ? IORING_OP_WRITEV : IORING_OP_READV;
		sqe->addr = (uintptr_t)&q->iovecs[tag];
		sqe->len = 1;			/* number of iovecs */
	} else if (buf_index >= 0) {
		sqe->opcode = writes ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
		sqe->buf_index = buf_index;
	}
	if (cmd->metadata_len)
		put_attribute(q, sqe, cmd, tag);
}

/* One range; a job with more of them is refused. */
static void put_discard(struct io_uring_sqe *sqe, const struct nvme_uring_cmd *cmd, unsigned shift)
{
	const struct nvme_dsm_range *range = (const struct nvme_dsm_range *)(uintptr_t)cmd->addr;

	sqe->opcode = cmd->cdw10 ? INVALID_OPCODE : IORING_OP_URING_CMD;
	sqe->cmd_op = DISCARD;
	sqe->addr = le64toh(range->slba) << shift;
	sqe->addr3 = (uint64_t)le32toh(range->nlb) << shift;
}

static void block_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index, int buf_index)
{
	const unsigned shift = ((struct block_ns *)ns)->shift;
	struct io_uring_sqe *sqe = uring_entry(&q->u, tag, false);
	const struct nvme_uring_cmd *cmd = &q->cmd[tag];

	*sqe = (struct io_uring_sqe){
		.fd = q->u.registered ? ns_index : ns->fd,
		.flags = q->u.registered ? IOSQE_FIXED_FILE : 0, .user_data = tag,
	};
	switch (cmd->opcode) {
	case nvme_cmd_read:
	case nvme_cmd_write:
		sqe->off = slba_of(cmd) << shift;
		put_transfer(q, sqe, cmd, tag, buf_index);
		if (!carried(cmd))
			sqe->opcode = INVALID_OPCODE;
		break;
	case nvme_cmd_flush:
		sqe->opcode = IORING_OP_FSYNC;
		break;
	case nvme_cmd_dsm:
		put_discard(sqe, cmd, shift);
		break;
	default:
		sqe->opcode = INVALID_OPCODE;
	}
	if (q->u.force_async)
		uring_force(&q->u, sqe);
	uring_push(&q->u, tag);
}

static int block_commit(struct target_queue *q)
{
	return uring_commit(&q->u);
}

/* Return the result of @cmd, for which the kernel returned @res: bytes of a transfer, or -errno. */
static int result_of(const struct nvme_uring_cmd *cmd, int res)
{
	if (res == -EILSEQ)
		return NVME_ST_BLOCK;
	if (res < 0)
		return res;
	if (cmd->opcode == nvme_cmd_read || cmd->opcode == nvme_cmd_write)
		return (uint32_t)res == cmd->data_len ? 0 : -EIO;
	return 0;
}

static int block_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		      const struct timespec *timeout)
{
	const int n = uring_reap(&q->u, cqes, min, max, timeout, false);

	for (int i = 0; i < n; i++)
		cqes[i].res = result_of(&q->cmd[cqes[i].tag], cqes[i].res);
	return n;
}

/* --- one command --- */

static int execute(struct target_ns *ns, const struct nvme_uring_cmd *cmd)
{
	struct target_cqe cqe = { 0 };
	struct target_queue *q;
	char why[WHY_MAX];
	int ret = block_queue_open(&(struct target_queue_opts){ .depth = 1, .ns = &ns, .nr_ns = 1 }, &q, why);

	if (ret)
		return ret;
	q->cmd[0] = *cmd;
	block_push(q, ns, 0, 0, -1);
	ret = block_reap(q, &cqe, 1, 1, NULL);
	block_queue_close(q);
	return ret < 0 ? ret : cqe.res;
}

/*
 * The errno does not say which check failed.  A read is repeated with each check alone, in the order
 * in which a controller makes them.
 */
static int block_io(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	static const struct {
		uint32_t	bit;
		int		status;
	} checks[] = { { PRCHK_GUARD, NVME_ST_GUARD }, { PRCHK_APP, NVME_ST_APP }, { PRCHK_REF, NVME_ST_REF } };
	const uint32_t all = PRCHK_GUARD | PRCHK_APP | PRCHK_REF;
	const int res = execute(ns, cmd);

	for (unsigned i = 0; res == NVME_ST_BLOCK && cmd->opcode == nvme_cmd_read && i < 3; i++) {
		struct nvme_uring_cmd alone = *cmd;

		alone.cdw12 &= ~all | checks[i].bit;
		if (cmd->cdw12 & checks[i].bit && execute(ns, &alone) == NVME_ST_BLOCK)
			return NVME_ST_BLOCK | checks[i].status;
	}
	return res;
}

const struct target_ops block_target = {
	.name		= "block layer",
	.lacks		= TARGET_LACKS_EXTENDED | TARGET_LACKS_PRACT | TARGET_LACKS_STORAGE | TARGET_LACKS_TAGS |
			  TARGET_LACKS_COMMANDS | TARGET_LACKS_RANGES | TARGET_LACKS_READ_FUA | TARGET_LACKS_MDTS |
			  TARGET_LACKS_DIRECTIVES,
	.open		= block_open,
	.close		= block_close,
	.admin		= block_admin,
	.io		= block_io,
	.queue_open	= block_queue_open,
	.queue_close	= block_queue_close,
	.command	= block_command,
	.push		= block_push,
	.commit		= block_commit,
	.reap		= block_reap,
};
