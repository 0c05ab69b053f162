/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocks.h - the types of an I/O, and what is known of its blocks: where they are, which
 * tags they carry, what is checked of them and by whom, and how they are counted
 *
 * io.h, diagnose.h and inject.h are built on it.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "verify/injected.h"
#include "verify/inject.h"
#include "verify/plugin.h"
#include "job.h"
#include "engines/nvme/ticks.h"

/* Blocks as they cross the interface, from one on; @md NULL: no metadata does. */
struct io_blocks {
	uint8_t	*data;
	size_t	data_stride;
	uint8_t	*md;
	size_t	md_stride;
};

/* One I/O in flight. */
struct io {
	const struct job_ns	*ns;
	unsigned		tag;		/* one I/O's at a time */
	uint64_t		slba;
	uint32_t		nr_blocks;	/* a count */
	uint8_t			opcode;		/* enum nvme_io_opcode */
	bool			pract;
	bool			bounced;	/* the wire's blocks are in @bounce */
	struct io_blocks	blocks;		/* where they are */
	void			*buf;		/* fio's: nr_blocks * ns->host_block bytes */
	void			*bounce;	/* ours, up to ns->bounce_size bytes */
	void			*md;		/* ours, up to ns->md_size bytes */

	struct vfy_expect	expect;		/* what its blocks carry */
	struct vfy_io		plugin_io;		/* as a plugin sees it, where there is one */
	bool			default_tags;	/* the namespace's: no plugin changed them */
	bool			fast_path;		/* so is the I/O: what follows from the rest is not set */
	uint64_t		started_at;		/* when it started, as vfy_written_*_starts() has it */
	unsigned		given;		/* PI_*: tags whose values the plugin has set */
	unsigned		checks;		/* PI_* the device is asked for */

	/* Done on purpose: */
	struct vfy_injection	*damage;	/* room for each field of each block, where there is injection */
	unsigned		nr_injections;
	uint64_t		seq;		/* of the first block in the job's sequence */
	void			*copy, *copy_md; /* what is sent then; as @bounce and @md */
};

/* What the drive must answer to a damaged write: pi_expect. */
enum io_answer { IO_ANSWER_AUTO, IO_ANSWER_REJECT, IO_ANSWER_ACCEPT, IO_ANSWER_ANY };

/* Why the host checked nothing of a block that was read. */
enum io_unchecked {
	IO_NOT_ASKED,		/* pi_verify=none */
	IO_PRACT,		/* pi_act=1: no tuple crosses */
	IO_NO_PI,		/* the namespace has no protection information */
	IO_FAILED,		/* the read did, and the block was not looked at again */
	IO_PLUGIN,		/* the plugin judged it instead */
	IO_NOT_OURS,		/* only what this run wrote would be checked */
	IO_BLANK,		/* no tuple, and all zero: not written, or zeroed */
	IO_NR_UNCHECKED,
};

/*
 * Costs and counts, of the host.  A block that was read is checked, escaped or
 * unchecked, and nothing else; those of bare I/Os for which there was nothing to do
 * but the command are in @bare.
 */
struct io_stats {
	uint64_t	ios;			/* that moved blocks, or had them checked */
	uint64_t	generated, checked;	/* blocks, by the host */
	uint64_t	escaped[2];		/* blocks: of types 1 and 2; of type 3 */
	uint64_t	unchecked[IO_NR_UNCHECKED];
	uint64_t	fast_read, fast_written; /* blocks */
	uint64_t	asked;			/* blocks that the device was asked to check, and answered of */
	struct ticks_sum generating, checking;
	uint64_t	damaged, rejected, accepted, wrong;	/* blocks, on purpose */
	uint64_t	spared;			/* fields that would have been, but for a full book */
};

/* Blocks of reads that the host looked at; all blocks of reads. */
static inline uint64_t io_looked_at(const struct io_stats *st)
{
	return st->checked + st->escaped[0] + st->escaped[1] + st->unchecked[IO_PLUGIN] +
	       st->unchecked[IO_BLANK];
}

static inline uint64_t io_blocks_read(const struct io_stats *st)
{
	uint64_t n = st->checked + st->escaped[0] + st->escaped[1];

	for (int i = 0; i < IO_NR_UNCHECKED; i++)
		n += st->unchecked[i];
	return n;
}

/* What the I/Os of a job share, and where findings go.  All zero will do, but for @record. */
struct io_job {
	struct io_stats		stats;
	void			*scratch;	/* one block of the largest format, data and metadata */
	struct vfy_use		plugin;
	struct vfy_inject	inject;
	bool			inject_reads, inject_writes;
	enum io_answer		answer;
	bool			media_apart;	/* the caller tells of media errors itself */
	struct vfy_injected	*faults;	/* NULL: there is no injection in this fio */

	void			(*record)(void *ctx, const struct vfy_mismatch *r);
	/* Of a block that a record is of: as it came; @md NULL: no metadata did.  May be NULL. */
	void			(*bad_block)(void *ctx, const struct io *io, const struct vfy_mismatch *r,
					     const void *data, const void *md);
	/* A damaged block, and what came of it.  May be NULL. */
	void			(*injected)(void *ctx, const struct io *io, const struct vfy_injection *d,
					    const char *outcome);
	/* The device answered with this status word (above 0).  May be NULL. */
	void			(*status)(void *ctx, int status);
	void			*ctx;
};

/* Are there blocks damaged on purpose, of which somebody keeps book? */
static inline bool io_has_injected(const struct io_job *job)
{
	return job->faults && !vfy_injected_none(job->faults);
}

/* The fields in which @a and @b differ. */
unsigned io_tags_differ(const struct pi_tags *a, const struct pi_tags *b);

/*
 * The fields that the device cannot check in this command: their values differ between
 * blocks, and a command carries one value of each.
 */
unsigned io_beyond_device(const struct io *io);

/* The tags that the blocks from @lba on carry, as the options say. */
static inline struct pi_tags io_tags(const struct job_ns *ns, uint64_t lba)
{
	struct pi_tags t = ns->tags;

	if (ns->info.layout.type != PI_NONE)
		t.ref = pi_ref_at(&ns->info.layout, &ns->tags, lba);
	return t;
}

/*
 * How many blocks of @io, from block @first on, have tags that one command can
 * carry, and *@t, those tags.
 */
uint32_t io_run(const struct io *io, uint32_t first, struct pi_tags *t);

/* The blocks of @io from block @first on. */
static inline struct io_blocks io_blocks(const struct io *io, uint32_t first)
{
	struct io_blocks b = io->blocks;

	b.data += first * b.data_stride;
	if (b.md)
		b.md += first * b.md_stride;
	return b;
}

/*
 * Before a read of @nr blocks from @lba on into @b, which will be checked: the place of
 * their tuples, and of metadata beyond them, gets what can't be right.  @b.md is not
 * NULL.  What a target does not transfer is found so, by the usual checks, or where
 * those are for the guard alone by io_poisoned(): how many tuples were left as they were.
 */
void io_poison(const struct job_ns *ns, uint64_t lba, struct io_blocks b, uint32_t nr);
uint32_t io_poisoned(const struct job_ns *ns, uint64_t lba, struct io_blocks b, uint32_t nr);

/* The command of @io as it is on @nr blocks from block @first of it on. */
struct nvme_io io_command(const struct io *io, uint32_t first, uint32_t nr);

/* Does the command look at what is on media, and change nothing of it? */
static inline bool io_looks(uint8_t opcode)
{
	return opcode == nvme_cmd_read || opcode == nvme_cmd_compare || opcode == nvme_cmd_verify;
}

/* "read", "write", ... for people. */
const char *io_command_name(uint8_t opcode);

/* What the host checks of a read, less what a plugin does itself: PI_*, VFY_METADATA. */
unsigned io_host_checks(const struct io *io, const struct io_job *job);

/* Those of @checks that are of block @i of a read: some are, only where this run wrote it. */
unsigned io_checks_of(const struct io *io, unsigned checks, uint32_t i);

/* Did this run write any of the blocks of @io, as far as that matters? */
static inline bool io_some_ours(const struct io *io)
{
	const struct job_ns *ns = io->ns;

	return ns->own_only && ns->written && vfy_written_any(ns->written, io->slba, io->nr_blocks);
}

/* Is it certain that this run wrote block @i of a read, and nothing changed it otherwise since? */
bool io_is_ours(const struct io *io, uint32_t i);

/*
 * Is @status about a block, but of no check: a media error that is to be told of?  Not what
 * this run made itself, by Write Uncorrectable in any of the @nr blocks of @io from block
 * @first on.
 */
bool io_is_media_error(const struct io *io, uint32_t first, uint32_t nr, int status,
		       const struct io_job *job);

/*
 * Count @nr blocks that were read, the host having found @escaped of them to escape and
 * @blank all zero without a tuple.  @checks of 0: it looked at none.
 */
void io_count_read(const struct io *io, unsigned checks, uint32_t nr, uint32_t escaped, uint32_t blank,
		   struct io_job *job);

/* Why would the host check nothing of @ns's blocks? */
enum io_unchecked io_unchecked_of(const struct job_ns *ns);

/* Add what is known of @ns's bare I/Os to the other counts: at the end. */
void io_count_bare(const struct job_ns *ns, struct io_stats *st);

#endif
