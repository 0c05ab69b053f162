// SPDX-License-Identifier: GPL-2.0-only
/* controller.c - see controller.h */
#include "io.h"	/* must be first: libnvme replaces a header of the kernel */
#include <errno.h>
#include <stdlib.h>
#include "cache.h"
#include "controller.h"
#include "defect.h"
#include "fault.h"
#include "image.h"

/* --- the namespace --- */

struct ctl_ns {
	struct target_ns	ns;
	struct ctl_image	*image;
	struct ctl_fault	*fault;
	struct ctl_defects	*defects;
	bool			may_write;
};

static struct ctl_ns *ctl_ns(struct target_ns *ns)
{
	return (struct ctl_ns *)ns;
}

static int ctl_open(const struct target_open *o, struct target_ns **ns, char why[WHY_MAX])
{
	struct ctl_ns *new = malloc(sizeof(*new));
	int ret;

	if (!new)
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	*new = (struct ctl_ns) {
		.ns = { .ops = &controller_target, .nsid = 1, .fd = -1 },
		.may_write = o->write,
	};
	ret = ctl_fault_open(o, &new->ns.fault_err, &new->fault, why);
	ret = ret ? ret : ctl_defects_open(o, &new->defects, why);
	ret = ret ? ret : ctl_image_open(o, &new->image, &new->ns.created, why);
	if (ret) {
		ctl_fault_close(new->fault);
		ctl_defects_close(new->defects);
		free(new);
	} else {
		*ns = &new->ns;
	}
	return ret;
}

/* The last writer ends: what is in a volatile write cache gets to media. */
static void settle_cache(const struct ctl_image *img)
{
	const uint64_t now = img->cache ? ctl_cache_now(img) : 0;

	if (img->cache && !ctl_port_any_alive(img))
		ctl_cache_commit(img, now);
}

static void ctl_close(struct target_ns *ns)
{
	if (ctl_ns(ns)->may_write)
		settle_cache(ctl_ns(ns)->image);
	if (ns->refused)
		ctl_image_discard(ctl_ns(ns)->image);
	ctl_image_close(ctl_ns(ns)->image);
	ctl_fault_close(ctl_ns(ns)->fault);
	ctl_defects_close(ctl_ns(ns)->defects);
	free(ns);
}

static int ctl_remove(struct target_ns *ns, char why[WHY_MAX])
{
	return ctl_image_remove(ctl_ns(ns)->image, why);
}

static int ctl_admin_cmd(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	const struct ctl_ns *c = ctl_ns(ns);

	if (c->defects)
		return ctl_defects_admin(c->defects, c->image, cmd, c->may_write);
	return ctl_admin(c->image, cmd, c->may_write);
}

/* Open a port of @ns, with its faults and defects; NULL: out of memory. */
static struct ctl_port *open_port(const struct ctl_ns *ns)
{
	struct ctl_port *port = ctl_port_open(ns->image);

	if (port) {
		port->fault = ns->fault;
		port->defects = ns->defects;
		port->misbehaves = ns->fault || ns->defects;
	}
	return port;
}

/* Execute a command with a fault, a delay or a defect; @flight commands are in flight. */
__attribute__((cold, noinline))
static int misbehave(struct ctl_port *port, const struct nvme_uring_cmd *cmd, bool may_write,
		     unsigned flight)
{
	const int res = port->defects ? ctl_defects_io(port->defects, port, cmd, may_write, flight) :
			ctl_io(port, cmd, may_write);

	if (port->fault)
		ctl_fault_wait(port->fault);
	return res;
}

static int ctl_io_cmd(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	struct ctl_port *port = open_port(ctl_ns(ns));
	int ret;

	if (!port)
		return -ENOMEM;
	ret = port->defects ? misbehave(port, cmd, ctl_ns(ns)->may_write, 1) :
	      ctl_io(port, cmd, ctl_ns(ns)->may_write);
	cmd->rsvd2 = port->result;
	ctl_port_close(port);
	return ret;
}

/* --- the queue: a ring of commands that are executed when they are reaped --- */

struct entry {
	struct nvme_uring_cmd	cmd;
	struct ctl_port		*port;		/* NULL: out of memory */
	bool			may_write;
};

struct target_queue {
	unsigned	mask;			/* ring size (a power of two) - 1 */
	unsigned	head, ready, tail;	/* to execute next; ends of committed, pushed */
	struct ctl_port	**ports;		/* one for each image used so far */
	unsigned	nr_ports;
	unsigned	*ring;			/* tags in the order of push() */
	uint64_t	*results;		/* as in struct target_queue_opts */
	struct entry	entries[];		/* indexed by tag */
};

static struct ctl_port *add_port(struct target_queue *q, const struct ctl_ns *ns)
{
	struct ctl_port **ports = realloc(q->ports, (q->nr_ports + 1) * sizeof(*ports));
	struct ctl_port *port = ports ? open_port(ns) : NULL;

	if (ports)
		q->ports = ports;
	if (port)
		ports[q->nr_ports++] = port;
	return port;
}

static struct ctl_port *port_of(struct target_queue *q, const struct ctl_ns *ns)
{
	for (unsigned i = 0; i < q->nr_ports; i++)
		if (q->ports[i]->image == ns->image)
			return q->ports[i];
	return add_port(q, ns);
}

static void ctl_queue_close(struct target_queue *q)
{
	for (unsigned i = 0; i < q->nr_ports; i++)
		ctl_port_close(q->ports[i]);
	free(q->ports);
	free(q->ring);
	free(q);
}

/* Do the one-time work of an I/O now, for a namespace that is known when the queue is opened. */
static int prepare(struct target_queue *q, struct ctl_ns *ns, char *why)
{
	struct ctl_port *port = port_of(q, ns);

	if (!port)
		return refuse(why, ENOMEM, "%s: out of memory", ns->image->path);
	return ns->may_write ? ctl_port_claim(port, why) : 0;
}

static int ctl_queue_open(const struct target_queue_opts *o, struct target_queue **q,
			  char why[WHY_MAX])
{
	struct target_queue *new;
	unsigned size = 1;
	int ret = 0;

	while (size < o->depth)
		size *= 2;
	new = calloc(1, sizeof(*new) + o->depth * sizeof(new->entries[0]));
	if (!new)
		return refuse(why, ENOMEM, "out of memory for a queue of %u", o->depth);
	new->mask = size - 1;
	new->results = o->results;
	new->ring = calloc(size, sizeof(*new->ring));
	if (!new->ring)
		ret = refuse(why, ENOMEM, "out of memory for a queue of %u", o->depth);
	for (unsigned i = 0; i < o->nr_ns && !ret; i++)
		ret = prepare(new, ctl_ns(o->ns[i]), why);
	if (ret)
		ctl_queue_close(new);
	else
		*q = new;
	return ret;
}

static struct nvme_uring_cmd *ctl_command(struct target_queue *q, unsigned tag)
{
	return &q->entries[tag].cmd;
}

static void ctl_push(struct target_queue *q, struct target_ns *ns, unsigned tag, int ns_index,
		     int buf_index)
{
	struct entry *e = &q->entries[tag];

	(void)ns_index;
	(void)buf_index;
	e->port = port_of(q, ctl_ns(ns));
	e->may_write = ctl_ns(ns)->may_write;
	if (e->port)
		ctl_expect(e->port, &e->cmd);
	q->ring[q->tail++ & q->mask] = tag;
}

static int ctl_commit(struct target_queue *q)
{
	q->ready = q->tail;
	return 0;
}

static int execute(const struct target_queue *q, const struct entry *e)
{
	if (!e->port)
		return -ENOMEM;
	if (e->port->misbehaves)
		return misbehave(e->port, &e->cmd, e->may_write, q->ready - q->head);
	return ctl_io(e->port, &e->cmd, e->may_write);
}

static int ctl_reap(struct target_queue *q, struct target_cqe *cqes, unsigned min, unsigned max,
		    const struct timespec *timeout)
{
	unsigned n;

	(void)min;
	(void)timeout;
	ctl_commit(q);
	for (n = 0; n < max && q->head != q->ready; n++, q->head++) {
		unsigned tag = q->ring[q->head & q->mask];

		cqes[n] = (struct target_cqe){ .tag = tag, .res = execute(q, &q->entries[tag]) };
		if (q->results && q->entries[tag].port)
			q->results[tag] = q->entries[tag].port->result;
	}
	return n;
}

const struct target_ops controller_target = {
	.name		= "embedded controller",
	.open		= ctl_open,
	.close		= ctl_close,
	.remove		= ctl_remove,
	.admin		= ctl_admin_cmd,
	.io		= ctl_io_cmd,
	.queue_open	= ctl_queue_open,
	.queue_close	= ctl_queue_close,
	.command	= ctl_command,
	.push		= ctl_push,
	.commit		= ctl_commit,
	.reap		= ctl_reap,
};
