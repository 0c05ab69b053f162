/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocks.h - the types of an I/O and the facts about its blocks: where they are, which tags they
 * carry, which checks apply to them and who makes them, and how they are counted
 *
 * io.h, diagnose.h and inject.h build on it.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include <errno.h>
#include "verify/injected.h"
#include "verify/inject.h"
#include "verify/plugin.h"
#include "job.h"
#include "engines/nvme/ticks.h"

/*
 * Blocks in the layout that is transferred, from one block on. @md is NULL if no metadata is
 * transferred.
 */
struct io_blocks {
	uint8_t	*data;
	size_t	data_stride;
	uint8_t	*md;
	size_t	md_stride;
};

/* How an I/O is done: IO_FAST_CHECKED is a read whose tuples the host checks. */
enum io_path { IO_WHOLE, IO_FAST, IO_FAST_CHECKED };

/* One I/O in flight. */
struct io {
	const struct job_ns	*ns;
	unsigned		tag;		/* used by one I/O at a time */
	uint64_t		slba;
	uint32_t		nr_blocks;	/* a count, not 0's based */
	uint8_t			opcode;		/* enum nvme_io_opcode */
	bool			pract;
	bool			bounced;	/* blocks are transferred from or to @bounce */
	/* of writes, see struct nvme_io; the caller sets it before each, or never */
	uint32_t		directive;
	struct io_blocks	blocks;		/* where the blocks are */
	void			*buf;		/* fio's buffer, nr_blocks * ns->host_block bytes */
	/* the engine's buffer, up to ns->bounce_size bytes */
	void			*bounce;
	/* the engine's metadata buffer, up to ns->md_size bytes */
	void			*md;

	struct vfy_expect	expect;		/* tags that its blocks carry */
	/* the plugin's view of the I/O, if there is a plugin */
	struct vfy_io		plugin_io;
	/* tags are the namespace's: no plugin changed them */
	bool			default_tags;
	/* on a fast path io_start() leaves blocks, expect and checks unset */
	enum io_path		fast_path;
	/* time of its start, from vfy_written_*_starts() */
	uint64_t		started_at;
	unsigned		given;		/* PI_*: tags whose values the plugin has set */
	unsigned		checks;		/* PI_* that the device has to check */

	/* Injected errors: */
	/* space for each field of each block; NULL without injection */
	struct vfy_injection	*damage;
	unsigned		nr_injections;
	/* index of the first block in the job's sequence of blocks */
	uint64_t		seq;
	/* the damaged copy that is sent; sizes as @bounce and @md */
	void			*copy, *copy_md;
};

/* What the device must answer to a damaged write: pi_expect. */
enum io_answer { IO_ANSWER_AUTO, IO_ANSWER_REJECT, IO_ANSWER_ACCEPT, IO_ANSWER_ANY };

/* Why the host checked nothing in a block that was read. */
enum io_unchecked {
	IO_NOT_ASKED,		/* pi_verify=none */
	IO_PRACT,		/* pi_act=1: no tuple is transferred */
	IO_NO_PI,		/* the namespace has no protection information */
	IO_FAILED,		/* the read failed, and the block was not read again */
	IO_PLUGIN,		/* the plugin checked it instead */
	IO_NOT_OURS,		/* this run did not write it, so its tags are unknown */
	IO_BLANK,		/* it has no tuple and is all zero: not written, or zeroed */
	IO_NR_UNCHECKED,
};

/* What became of blocks of successful commands that change them without transferring data. */
enum io_change { IO_DEALLOCATED, IO_ZEROED, IO_UNCORRECTABLE, IO_NR_CHANGES };

/* Who made the tuples of blocks that were written. */
enum io_maker { IO_BY_HOST, IO_BY_DEVICE, IO_WITHOUT, IO_NR_MAKERS };

/*
 * Costs and counts of the host. Each block that was read is either checked, escaped, or not
 * checked. The blocks of the fast path are counted apart, in @fast_read and @fast_written, until
 * io_count_fast() adds them to the other counts.
 */
struct io_stats {
	/* I/Os that transferred blocks or had them checked */
	uint64_t	ios;
	uint64_t	written[IO_NR_MAKERS];	/* blocks, injected ones included */
	uint64_t	checked;		/* blocks, by the host */
	uint64_t	escaped[2];		/* blocks: of types 1 and 2, and of type 3 */
	uint64_t	unchecked[IO_NR_UNCHECKED];
	uint64_t	changed[IO_NR_CHANGES];	/* blocks */
	uint64_t	fast_read, fast_written; /* blocks */
	/* blocks that the device was asked to check, and for which it answered */
	uint64_t	asked;
	struct ticks_sum generating, checking;
	/* blocks with injected errors, and the device's answers to them */
	uint64_t	damaged, rejected, accepted, unexpected;
	/* fields that were not damaged, because the table of injected blocks was full */
	uint64_t	not_damaged;
};

/* Return the blocks of reads that the host looked at, and all blocks of reads. */
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

/*
 * State that all I/Os of a job share, and callbacks for findings. Only @record is mandatory;
 * everything else may be zero.
 */
struct io_job {
	struct io_stats		stats;
	/* space for one block of the largest format, data and metadata */
	void			*scratch;
	struct vfy_use		plugin;
	struct vfy_inject	inject;
	bool			inject_reads, inject_writes;
	enum io_answer		answer;
	bool			media_apart;	/* the caller reports media errors itself */
	/* table of injected blocks; NULL: no job of this fio injects errors */
	struct vfy_injected	*faults;

	void			(*record)(void *ctx, const struct vfy_mismatch *r);
	/*
	 * Called with the block of a mismatch as it was transferred; @md is NULL if no metadata
	 * was. May be NULL.
	 */
	void			(*bad_block)(void *ctx, const struct io *io, const struct vfy_mismatch *r,
					     const void *data, const void *md);
	/* Called for a damaged block and its result. May be NULL. */
	void			(*injected)(void *ctx, const struct io *io, const struct vfy_injection *d,
					    const char *outcome);
	/* Called for each status word (above 0) of the device. May be NULL. */
	void			(*status)(void *ctx, int status);
	/*
	 * Called when a result says that a namespace no longer exists, or that the driver cancelled
	 * the command. May be NULL.
	 */
	void			(*lost)(void *ctx, const struct job_ns *ns, int res);
	void			*ctx;
};

/* Tells the job of a command's result. */
static inline void io_tell_result(const struct job_ns *ns, int res, struct io_job *job)
{
	if (res > 0 && job->status)
		job->status(job->ctx, res);
	if (res && job->lost && (res == -EINTR || nvme_result_meaning(res) == NVME_GONE))
		job->lost(job->ctx, ns, res);
}

/* Returns whether there are blocks with injected errors, which a table records. */
static inline bool io_has_injected(const struct io_job *job)
{
	return job->faults && !vfy_injected_none(job->faults);
}

/* Returns the fields in which @a and @b differ. */
unsigned io_tags_differ(const struct pi_tags *a, const struct pi_tags *b);

/*
 * Returns the fields that the device cannot check in this command: their values differ between
 * blocks, and a command carries one value of each.
 */
unsigned io_beyond_device(const struct io *io);

/* Returns the tags of the blocks from @lba on, as the options say. */
static inline struct pi_tags io_tags(const struct job_ns *ns, uint64_t lba)
{
	struct pi_tags t = ns->tags;

	if (ns->info.layout.type != PI_NONE)
		t.ref = pi_ref_at(&ns->info.layout, &ns->tags, lba);
	return t;
}

/*
 * Returns the number of blocks of @io, from block @first on, whose tags one command can carry, and
 * in *@t those tags.
 */
uint32_t io_run(const struct io *io, uint32_t first, struct pi_tags *t);

/* Returns the blocks of @io from block @first on. */
static inline struct io_blocks io_blocks(const struct io *io, uint32_t first)
{
	struct io_blocks b = io->blocks;

	b.data += first * b.data_stride;
	if (b.md)
		b.md += first * b.md_stride;
	return b;
}

/*
 * io_poison(): before a read of @nr blocks from @lba on into @b that will be checked, fills the
 * memory of their tuples, and of metadata beyond them, with values that cannot be right. @b.md is
 * not NULL. The usual checks then find blocks that the target did not transfer. If only the guard
 * is checked, io_poisoned() finds them: it returns how many tuples still have the poison.
 */
void io_poison(const struct job_ns *ns, uint64_t lba, struct io_blocks b, uint32_t nr);
uint32_t io_poisoned(const struct job_ns *ns, uint64_t lba, struct io_blocks b, uint32_t nr);

/* Returns the command of @io for @nr of its blocks from block @first on. */
struct nvme_io io_command(const struct io *io, uint32_t first, uint32_t nr);

/* Returns whether the command reads or compares blocks on media without changing them. */
static inline bool io_looks(uint8_t opcode)
{
	return opcode == nvme_cmd_read || opcode == nvme_cmd_compare || opcode == nvme_cmd_verify;
}

/* Returns the name of a command for messages: "read", "write" and so on. */
const char *io_command_name(uint8_t opcode);

/*
 * Returns what the host checks in a read (PI_*, VFY_METADATA), without what a plugin checks itself.
 */
unsigned io_host_checks(const struct io *io, const struct io_job *job);

/*
 * Returns those of @checks that apply to block @i of a read: some apply only to blocks that this
 * run wrote.
 */
unsigned io_checks_of(const struct io *io, unsigned checks, uint32_t i);

/* Returns whether this run wrote any block of @io, as far as that matters. */
static inline bool io_some_ours(const struct io *io)
{
	const struct job_ns *ns = io->ns;

	return ns->own_only && ns->written && vfy_written_any(ns->written, io->slba, io->nr_blocks);
}

/*
 * Returns whether this run certainly wrote block @i of a read, and nothing changed it since in
 * another way.
 */
bool io_is_ours(const struct io *io, uint32_t i);

/*
 * Returns whether @status is a media error that has to be reported: it is about a block, but not
 * about a check. Errors that this run caused itself, by Write Uncorrectable to one of the @nr
 * blocks of @io from block @first on, are not reported.
 */
bool io_is_media_error(const struct io *io, uint32_t first, uint32_t nr, int status,
		       const struct io_job *job);

/*
 * Counts @nr blocks that were read. The host found @escaped of them to escape, and @blank to be all
 * zero without a tuple. @checks is 0 if it looked at none, or if the plugin checks them instead.
 */
void io_count_read(const struct io *io, unsigned checks, uint32_t nr, uint32_t escaped, uint32_t blank,
		   struct io_job *job);

/* Returns who makes the tuples of blocks that are written to @ns. */
enum io_maker io_maker_of(const struct job_ns *ns);

/* Counts @nr blocks that a Dataset Management, Write Zeroes or Write Uncorrectable changed. */
void io_count_change(uint8_t opcode, uint64_t nr, struct io_stats *st);

/* Returns the reason for which the host would check nothing in the blocks of @ns. */
enum io_unchecked io_unchecked_of(const struct job_ns *ns);

/* Adds the blocks of @ns's fast path to the other counts, at the end of the job. */
void io_count_fast(const struct job_ns *ns, struct io_stats *st);

#endif
