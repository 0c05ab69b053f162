/* SPDX-License-Identifier: GPL-2.0-only */
/* stamp.c - see stamp.h */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "refuse.h"
#include "stamp-layout.h"
#include "stamp.h"

/* Opcodes as in libnvme's enum nvme_io_opcode; a plugin does not include that header. */
enum { FLUSH = 0x00, WRITE = 0x01, READ = 0x02, COMPARE = 0x05, VERIFY = 0x0c };

/* An I/O in flight; the array is indexed by its tag. */
struct under_way {
	uint64_t	lba;
	bool		kept;		/* write: its generation was recorded, */
	uint32_t	gen;		/* this one */
	uint64_t	nr_cached;	/* Flush: ->nr_cached of the job when it began */
	uint64_t	*then;		/* read: a snapshot of each block from before it */
};

/* A write that has ended, and may be in the drive's cache. */
struct cached {
	const struct stamp_layout *p;
	uint64_t	lba, nr;
	uint32_t	gen;
};

/* A job remembers so many; older ones are never taken for durable. */
enum { MAX_CACHED = 1 << 16 };

struct job {
	const struct vfy_host	*host;
	unsigned		nr_ns;
	struct stamp_layout	*plan;		/* one per namespace */
	struct under_way	*ios;
	uint64_t		*then;		/* memory for the @then of all I/Os */
	struct stamp		author;		/* the members that are equal in all its stamps */
	struct cached		*cached;	/* a ring; NULL: writes are on media when they end */
	uint64_t		nr_cached, nr_durable;	/* so many were put in, and taken out */
	bool			syncs;		/* the machine may lose its power with the drive */
	uint64_t		unkept;		/* writes that were not recorded: no disk space */
};

/* --- writes and reads --- */

static const struct stamp_layout *plan_of(const struct job *job, const struct vfy_io *io)
{
	return &job->plan[io->ns->index];
}

static void put_stamps(const struct stamp_layout *p, const struct vfy_io *io, struct stamp s)
{
	const bool sums = stamp_has(STAMP_SUMS, p->room);
	const size_t size = p->ns->layout.data_size;

	for (uint64_t i = 0; i < io->nr; i++) {
		s.lba = io->lba + i;
		if (sums)
			s.sums = stamp_sums(io->data + i * io->data_stride, size);
		stamp_put(&s, io->md + i * io->md_stride + p->at, p->room);
	}
}

static void carry(const struct stamp_layout *p, uint32_t gen, struct pi_tags *t)
{
	if (p->field == PI_STORAGE)
		t->storage = (t->storage & ~p->mask) | stamp_to_tag(p, gen);
	else if (p->field == PI_APP)
		t->app = (t->app & ~p->mask) | stamp_to_tag(p, gen);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void prepare_write(struct job *job, const struct vfy_io *io, struct vfy_expect *e)
{
	const struct stamp_layout *p = plan_of(job, io);
	struct stamp s;

	if (!job->author.process)
		job->author.process = getpid();	/* open() can run in another process */
	s = job->author;
	s.when = now_ms();
	job->ios[io->tag].kept = vfy_gens_write(p->gens, io->lba, io->nr, &s.gen);
	if (!job->ios[io->tag].kept) {
		job->unkept++;
		vfy_gens_change(p->gens, io->lba, io->nr);
		return;
	}
	job->ios[io->tag].gen = s.gen;
	carry(p, s.gen, &e->tags);
	if (p->room)
		put_stamps(p, io, s);
}

static void prepare_read(struct job *job, const struct vfy_io *io)
{
	struct under_way *u = &job->ios[io->tag];

	u->lba = io->lba;
	for (uint64_t i = 0; i < io->nr; i++)
		u->then[i] = vfy_gens_look(plan_of(job, io)->gens, io->lba + i);
}

static void stamp_prepare(void *ctx, const struct vfy_io *io, struct vfy_expect *e)
{
	const struct stamp_layout *p = plan_of(ctx, io);

	switch (io->opcode) {
	case FLUSH:
		((struct job *)ctx)->ios[io->tag].nr_cached = ((struct job *)ctx)->nr_cached;
		break;
	case WRITE:
		prepare_write(ctx, io, e);
		break;
	case READ:
		prepare_read(ctx, io);
		/* fall through */
	case COMPARE:
	case VERIFY:
		e->free |= p->field;
		break;
	default:
		vfy_gens_change(p->gens, io->lba, io->nr);
	}
}

/* @io can be a part of the I/O that was prepared. */
static unsigned check_read(void *ctx, const struct vfy_io *io, const struct vfy_expect *e,
		      struct vfy_finding *f, unsigned max)
{
	const struct under_way *u = &((struct job *)ctx)->ios[io->tag];

	(void)e;
	return stamp_judge(plan_of(ctx, io), io, u->then + (io->lba - u->lba), f, max);
}

/* A write succeeded. */
static void written(struct job *job, const struct vfy_io *io)
{
	const struct stamp_layout *p = plan_of(job, io);

	if (job->cached && !io->fua) {
		if (vfy_gens_cached(p->gens, io->lba, io->nr))
			job->cached[job->nr_cached++ % MAX_CACHED] = (struct cached){
				.p = p, .lba = io->lba, .nr = io->nr, .gen = job->ios[io->tag].gen,
			};
		return;
	}
	vfy_gens_written(p->gens, io->lba, io->nr, true);
	if (job->syncs)
		vfy_gens_sync(p->gens);
}

/* A Flush of @p's namespace succeeded: what had ended before it began is on media. */
static void flushed(struct job *job, const struct stamp_layout *p, uint64_t nr_cached)
{
	if (job->nr_cached - job->nr_durable > MAX_CACHED)
		job->nr_durable = job->nr_cached - MAX_CACHED;
	for (uint64_t i = job->nr_durable; i < nr_cached; i++) {
		const struct cached *c = &job->cached[i % MAX_CACHED];

		if (c->p == p)
			vfy_gens_durable(p->gens, c->lba, c->nr, c->gen);
	}
	if (job->nr_ns == 1 && job->nr_durable < nr_cached)
		job->nr_durable = nr_cached;
	if (job->syncs)
		vfy_gens_sync(p->gens);
}

static void done(void *ctx, const struct vfy_io *io, const struct vfy_expect *e, int res)
{
	struct job *job = ctx;
	struct vfy_gens *gens = plan_of(job, io)->gens;

	(void)e;
	switch (io->opcode) {
	case FLUSH:
		if (!res)
			flushed(job, plan_of(job, io), job->ios[io->tag].nr_cached);
		break;
	case READ:
	case COMPARE:
	case VERIFY:
		break;
	case WRITE:
		if (job->ios[io->tag].kept && !res) {
			written(job, io);
			break;
		} else if (job->ios[io->tag].kept) {
			vfy_gens_written(gens, io->lba, io->nr, false);
			break;
		}
		/* fall through */
	default:
		vfy_gens_changed(gens, io->lba, io->nr);
	}
}

/* --- a job --- */

static int stamp_end(void *ctx, char why[WHY_MAX])
{
	struct job *job = ctx;
	int ret = 0;

	for (unsigned i = 0; i < job->nr_ns; i++) {
		const int err = vfy_gens_end(job->plan[i].gens);

		if (err && !ret)
			ret = refuse(why, -err, "stamp: %.250s: %s: the generations of %" PRIu64 " writes were "
				     "not recorded, and their blocks are not checked",
				     vfy_gens_path(job->plan[i].gens), strerror(-err), job->unkept);
	}
	return ret;
}

static void stamp_close(void *ctx)
{
	struct job *job = ctx;

	for (unsigned i = 0; job->plan && i < job->nr_ns; i++)
		vfy_gens_close(job->plan[i].gens);
	free(job->plan);
	free(job->ios);
	free(job->then);
	free(job->cached);
	free(job);
}

static bool is_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

/*
 * Write the path of @ns's file of generations, according to the arguments, to the @size bytes
 * at @path.  Returns 0, or -EINVAL with a line in @why.
 */
static int name_file(const struct vfy_job *job, const struct vfy_ns *ns, const char *args,
		     char *path, size_t size, char *why)
{
	int n;

	if (*args && strncmp(args, "file=", 5))
		return refuse(why, EINVAL, "unknown argument '%.100s': give file=PATH, volatile, or none", args);
	if (*args && job->nr_ns > 1)
		return refuse(why, EINVAL, "file= is for one namespace, the job has %u: give them jobs "
			      "of their own", job->nr_ns);
	if (!*args && is_device(ns->path))
		return refuse(why, EINVAL, "%s is a device: name a file for its generations, "
			      "pi_plugin=stamp,file=PATH", ns->path);
	n = snprintf(path, size, "%s%s", *args ? args + 5 : ns->path, *args ? "" : ".stamp");
	if (*path && n >= 0 && (size_t)n < size)
		return 0;
	return refuse(why, EINVAL, "%s", *path ? "the path is too long" : "file= needs a path");
}

static int open_ns(struct job *job, const struct vfy_job *j, unsigned i, const char *args,
		   char *why)
{
	struct stamp_layout *p = &job->plan[i];
	char path[4096], text[VFY_GEN_TEXT], line[STAMP_LINE_MAX];
	int ret = stamp_layout(&j->ns[i], p, why);

	if (!ret)
		ret = name_file(j, p->ns, args, path, sizeof(path), why);
	if (ret)
		return ret;
	if (stamp_owns(p) != stamp_owns(&job->plan[0]))
		return refuse(why, EINVAL, "%s and %s are of different formats: give them jobs of "
			      "their own", j->ns[0].path, p->ns->path);
	stamp_text(p, text);
	p->gens = vfy_gens_open(path, text, p->ns->nr_blocks, p->apart, j->writes, why);
	if (!p->gens)
		return -EINVAL;
	stamp_describe(p, path, line);
	job->host->say(line);
	if (vfy_gens_behind(p->gens)) {
		snprintf(line, sizeof(line), "stamp: %s: the machine crashed while it was written "
			 "to: generations that %.200s does not have are accepted until their "
			 "blocks are written again", p->ns->path, path);
		job->host->say(line);
	}
	return 0;
}

static int allocate(struct job *job, const struct vfy_job *j, bool is_volatile, char *why)
{
	job->cached = is_volatile ? calloc(MAX_CACHED, sizeof(*job->cached)) : NULL;
	job->plan = calloc(j->nr_ns, sizeof(*job->plan));
	job->ios = calloc(j->depth, sizeof(*job->ios));
	job->then = calloc((size_t)j->depth * j->max_blocks + 1, sizeof(*job->then));
	if (!job->plan || !job->ios || !job->then || (is_volatile && !job->cached))
		return refuse(why, ENOMEM, "out of memory");
	for (unsigned i = 0; i < j->depth; i++)
		job->ios[i].then = job->then + (size_t)i * j->max_blocks;
	return 0;
}

static int stamp_open(const struct vfy_job *j, const char *args, struct vfy_session *s,
		      char why[WHY_MAX])
{
	static const char word[] = "volatile";
	const size_t len = strncmp(args, word, strlen(word)) ? 0 : strlen(word);
	const bool is_volatile = len && (!args[len] || args[len] == ',');
	struct job *job = calloc(1, sizeof(*job));
	int ret;

	if (!job)
		return -ENOMEM;
	if (is_volatile)
		args += len + (args[len] == ',');
	*job = (struct job){
		.host = j->host, .nr_ns = j->nr_ns, .author = { .thread = j->thread },
	};
	for (unsigned i = 0; i < 6 && j->name[i]; i++)
		job->author.job |= (uint64_t)(uint8_t)j->name[i] << 8 * i;
	ret = allocate(job, j, is_volatile, why);
	for (unsigned i = 0; i < j->nr_ns && !ret; i++)
		ret = open_ns(job, j, i, args, why);
	for (unsigned i = 0; i < j->nr_ns && !ret; i++)
		job->syncs |= is_volatile && is_device(j->ns[i].path);
	if (ret) {
		stamp_close(job);
		return ret;
	}
	*s = (struct vfy_session){
		.ctx = job, .owns = stamp_owns(&job->plan[0]), .flushes = job->cached,
	};
	return 0;
}

const struct vfy_plugin vfy_stamp = {
	.version	= VFY_PLUGIN_VERSION,
	.size		= sizeof(struct vfy_plugin),
	.name		= "stamp",
	.help		= "finds lost, stale, misdirected and torn writes; file=PATH: where it keeps "
			  "generations; volatile: a write counts once it is flushed",
	.open		= stamp_open,
	.close		= stamp_close,
	.prepare	= stamp_prepare,
	.check		= check_read,
	.done		= done,
	.end		= stamp_end,
};
