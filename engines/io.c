/* SPDX-License-Identifier: GPL-2.0-only */
/* io.c - see io.h */
#include <errno.h>
#include "verify/metadata.h"
#include "inject.h"
#include "diagnose.h"
#include "io.h"
#include "io-tuples.h"

static bool sends_blocks(uint8_t opcode)
{
	return opcode == nvme_cmd_write || opcode == nvme_cmd_compare;
}

static bool changes_blocks(uint8_t opcode)
{
	return opcode == nvme_cmd_write || opcode == nvme_cmd_write_zeroes ||
	       opcode == nvme_cmd_write_uncor;
}

/* Compare has no PRACT, and Verify must not have it set. */
static bool pract_of(const struct io *io)
{
	return io->ns->pract && io->opcode != nvme_cmd_compare && io->opcode != nvme_cmd_verify;
}

static struct nvme_wire wire_of(const struct io *io)
{
	return pract_of(io) == io->ns->pract ? io->ns->wire : nvme_wire(&io->ns->info.layout, false);
}

/* --- where the blocks are --- */

/* Sets where the blocks are in memory, in the layout that is transferred. */
static void lay_out(struct io *io)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct nvme_wire wire = wire_of(io);

	io->pract = pract_of(io);
	io->bounced = wire.data != io->ns->host_block;
	io->blocks = (struct io_blocks){
		.data = io->bounced ? io->bounce : io->buf, .data_stride = wire.data,
	};
	if (wire.data > l->data_size) {
		io->blocks.md = io->blocks.data + l->data_size;
		io->blocks.md_stride = wire.data;
	} else if (wire.md) {
		io->blocks.md = io->md;
		io->blocks.md_stride = wire.md;
	}
}

/* Fills the plugin's view. Data that will be interleaved is still in fio's buffer. */
static void show(struct io *io)
{
	const struct io_blocks *b = &io->blocks;
	const bool here = io->bounced && sends_blocks(io->opcode);

	io->plugin_io = (struct vfy_io){
		.ns = &io->ns->seen, .tag = io->tag, .opcode = io->opcode,
		.lba = io->slba, .nr = io->nr_blocks,
		.data = here ? io->buf : b->data, .data_stride = here ? io->ns->host_block : b->data_stride,
		.md = b->md, .md_stride = b->md_stride,
		.fua = io_looks(io->opcode) ? io->ns->readfua : io->ns->writefua,
	};
}

/* --- start of an I/O --- */

static void ask_what_to_carry(struct io *io, struct io_job *job)
{
	const struct vfy_expect *e = &io->expect;
	const struct pi_tags t = e->tags;

	vfy_plugin_prepare(&job->plugin, &io->plugin_io, &io->expect);
	io->given = e->each | io_tags_differ(&t, &e->tags);
	io->default_tags = !io->given && !e->free && t.storage_mask == e->tags.storage_mask &&
		    t.app_mask == e->tags.app_mask;
}

/* Returns whether anything checks the metadata of blocks that are read. */
static bool is_checked(const struct io *io, const struct io_job *job)
{
	return io->ns->verify || io->ns->verify_md || vfy_plugged(&job->plugin) || io_has_injected(job);
}

/* Fills the metadata and the tuples of the blocks that are sent, in whatever layout. */
static void prepare(struct io *io, struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct io_blocks b = io->blocks;

	ticks_begin(&job->stats.generating);
	if (b.md && vfy_md_present(l))
		vfy_md_fill(l, io->slba, b.md, b.md_stride, io->nr_blocks);
	if (vfy_plugged(&job->plugin))
		ask_what_to_carry(io, job);
	if (b.md)
		io_generate(io);
	/* A Compare writes nothing, but has tuples of the host, also with pi_act=1. */
	if (io->opcode == nvme_cmd_write)
		job->stats.written[io_maker_of(io->ns)] += io->nr_blocks;
	else if (io->ns->info.layout.type != PI_NONE)
		job->stats.written[IO_BY_HOST] += io->nr_blocks;
	ticks_end(&job->stats.generating);
}

bool io_bounces(const struct io *io)
{
	return wire_of(io).data != io->ns->host_block;
}

void io_change_starts(const struct job_ns *ns, unsigned tag, uint8_t opcode, uint64_t lba, uint64_t nr,
		      struct io_job *job)
{
	if (vfy_plugged(&job->plugin) && opcode != nvme_cmd_write)
		vfy_plugin_prepare(&job->plugin, &(struct vfy_io){
			.ns = &ns->seen, .tag = tag, .opcode = opcode, .lba = lba, .nr = nr,
		}, NULL);
	if (io_has_injected(job))
		vfy_injected_mark(job->faults, ns->seen.id, lba, nr, VFY_UNSETTLED);
	if (opcode != nvme_cmd_write && ns->written)
		vfy_written_change_starts(ns->written, lba, nr);
	if (opcode == nvme_cmd_write_uncor && ns->spoiled)
		/* blocks are never removed from this map */
		vfy_written_put(ns->spoiled, lba, nr, 0);
}

static inline void place(const struct io *io, const struct nvme_template *kind, uint64_t ref, void *data,
			 void *md, struct nvme_uring_cmd *cmd)
{
	const struct nvme_io command = {
		.slba = io->slba, .nr_blocks = io->nr_blocks, .tags.ref = ref, .data = data, .md = md,
	};

	nvme_fill(cmd, kind, &command);
}

static void build(struct io *io, struct io_job *job, struct nvme_uring_cmd *cmd)
{
	struct nvme_io command = io_command(io, 0, io->nr_blocks);

	if (io->nr_injections && io->opcode == nvme_cmd_write)
		inject_write(io, &command, job);
	nvme_build_io(cmd, &io->ns->info, &command);
}

/* Sets layout, tags and checks of an I/O that no plugin changes. */
static void set_out(struct io *io)
{
	lay_out(io);
	io->expect.tags = io_tags(io->ns, io->slba);
	io->expect.each = 0;
	io->expect.free = 0;
	io->given = 0;
	io->default_tags = true;
	io->checks = io->opcode == nvme_cmd_write ? io->ns->prchk : io->ns->prchk_read;
}

/* Prepares everything but the command: metadata, tuples, the plugin's tags, poison of reads. */
static void make_ready(struct io *io, struct io_job *job)
{
	set_out(io);
	io->default_tags = !vfy_plugged(&job->plugin);
	if (vfy_plugged(&job->plugin))
		show(io);
	if (sends_blocks(io->opcode) && (io->blocks.md || vfy_plugged(&job->plugin)))
		prepare(io, job);
	else if (vfy_plugged(&job->plugin) && !changes_blocks(io->opcode))
		ask_what_to_carry(io, job);
	if (io->opcode == nvme_cmd_read && io->blocks.md && is_checked(io, job))
		io_poison(io->ns, io->slba, io->blocks, io->nr_blocks);
	io->checks &= ~io_beyond_device(io);
}

/* Returns the namespace's template of the command, NULL if there is none. */
static inline const struct nvme_template *kind_of(const struct io *io)
{
	return io->opcode == nvme_cmd_read ? &io->ns->read :
	       io->opcode == nvme_cmd_write ? &io->ns->write : NULL;
}

/* Returns whether it matters for reads which blocks this run wrote. */
static inline bool reads_differ(const struct job_ns *ns)
{
	return ns->written && (ns->own_only || ns->escape == JOB_ESCAPE_OWN);
}

static inline void note_start(struct io *io)
{
	const struct job_ns *ns = io->ns;

	if (io->opcode == nvme_cmd_read && reads_differ(ns))
		io->started_at = vfy_written_read_starts(ns->written, io->slba, io->nr_blocks);
	else if (io->opcode == nvme_cmd_write && ns->written)
		io->started_at = vfy_written_write_starts(ns->written, io->slba, io->nr_blocks);
}

/* Prepares a read on the fast path whose tuples will be checked. */
static void start_checked(struct io *io)
{
	const struct job_ns *ns = io->ns;

	if (reads_differ(ns))
		io->started_at = vfy_written_read_starts(ns->written, io->slba, io->nr_blocks);
	pi_poison_at(&ns->poison, io->slba, io->buf, io->md, io->nr_blocks);
}

/* Slow path of io_start(). Not inlined, so that the fast path saves no registers. */
static __attribute__((noinline)) void start_whole(struct io *io, struct io_job *job,
						  struct nvme_uring_cmd *cmd)
{
	const struct nvme_template *kind = kind_of(io);

	io->fast_path = IO_WHOLE;
	make_ready(io, job);
	note_start(io);
	if (changes_blocks(io->opcode))
		io_change_starts(io->ns, io->tag, io->opcode, io->slba, io->nr_blocks, job);
	if (!kind || !io->default_tags || io->nr_injections) {
		build(io, job, cmd);
		return;
	}
	place(io, kind, io->expect.tags.ref, io->blocks.data, io->blocks.md, cmd);
	if (io->opcode == nvme_cmd_write)
		nvme_direct(cmd, io->directive);
}

void io_start(struct io *io, struct io_job *job, struct nvme_uring_cmd *cmd)
{
	const struct job_ns *ns = io->ns;
	const struct nvme_template *kind = kind_of(io);
	const bool reads = io->opcode == nvme_cmd_read;

	if (!kind || !(reads ? ns->fast_reads : ns->fast_writes)) {
		start_whole(io, job, cmd);
		return;
	}
	io->fast_path = IO_FAST;
	if (reads && ns->verify) {
		io->fast_path = IO_FAST_CHECKED;
		start_checked(io);
	}
	if (!reads && io_has_injected(job))
		io_change_starts(ns, io->tag, io->opcode, io->slba, io->nr_blocks, job);
	place(io, kind, kind->tagged ? io_tags(ns, io->slba).ref : 0, io->buf, io->md, cmd);
}

/* --- end of an I/O --- */

/* Checks the tuples and the metadata of blocks that were read. */
static struct io_found check(const struct io *io, unsigned checks)
{
	const bool tuples = checks && io->ns->wire.pi;		/* such blocks may escape */
	struct io_found found = { 0 };
	struct io_blocks b = io->blocks;
	struct vfy_md_found md;

	if (io->bounced || tuples)
		found = io_check_tuples(io, checks & ~VFY_METADATA);
	if (!(checks & VFY_METADATA))
		return found;
	md = vfy_md_check(&io->ns->info.layout, io->slba, b.data, b.data_stride, b.md, b.md_stride,
			  io->nr_blocks, NULL, 0);
	found.bad += md.bad;
	found.blank = tuples ? 0 : md.blank;
	return found;
}

/* Returns how many blocks of a read have a tuple that escapes all checks, the plugin's among them. */
static uint32_t escapes_of(const struct io *io)
{
	const struct pi_layout *l = &io->ns->info.layout;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < io->nr_blocks && io->ns->wire.pi && io->blocks.md; i++) {
		struct pi_fields f = pi_tuple_get(l, io->blocks.md + i * io->blocks.md_stride + pi_tuple_offset(l));

		nr += pi_escapes(l, &f);
	}
	return nr;
}

/* Counts the blocks of a read. Those that are only checked if they are ours may be unchecked. */
static void count_read(const struct io *io, unsigned checks, const struct io_found *found, struct io_job *job)
{
	uint32_t others = 0;

	if (checks && io->ns->own_only && !(checks & ~io->ns->own_only))
		for (uint32_t i = 0; i < io->nr_blocks; i++)
			others += !io_checks_of(io, checks, i);
	if (!checks && vfy_plugin_checks(&job->plugin)) {
		io_count_read(io, 0, io->nr_blocks, escapes_of(io), 0, job);
		return;
	}
	if (others)
		io_count_read(io, 0, others, 0, 0, job);
	io_count_read(io, checks, io->nr_blocks - others, found->escaped,
		      others ? 0 : found->blank, job);
}

/* Checks the blocks that were read. Returns the errno for fio. */
static int judge_read(struct io *io, struct io_job *job)
{
	unsigned checks = io_host_checks(io, job), bad, found = 0;
	struct io_found host;

	if (io->nr_injections)
		inject_read(io, job);
	if (!checks && !io->bounced && !vfy_plugged(&job->plugin)) {
		io_count_read(io, 0, io->nr_blocks, 0, 0, job);
		return 0;
	}
	ticks_begin(&job->stats.checking);
	host = check(io, checks);
	if (io->blocks.md && (io->ns->guard_alone || vfy_plugged(&job->plugin)))
		host.bad += io_poisoned(io->ns, io->slba, io->blocks, io->nr_blocks);
	if (vfy_plugged(&job->plugin))
		found = vfy_plugin_check(&job->plugin, &io->plugin_io, &io->expect);
	ticks_end(&job->stats.checking);
	count_read(io, checks, &host, job);
	bad = host.bad;
	if (bad || io_has_injected(job) || (host.escaped && io->ns->escape))
		bad = diagnose_host(io, VFY_HOST, NULL, checks, job);
	if (found)
		diagnose_plugin(io, found, job);
	return bad || found ? EILSEQ : 0;
}

void io_change_ends(const struct job_ns *ns, unsigned tag, uint8_t opcode, uint64_t lba, uint64_t nr,
		    int res, struct io_job *job)
{
	struct vfy_io seen = {
		.ns = &ns->seen, .tag = tag, .opcode = opcode, .lba = lba, .nr = nr,
	};

	if (!res && io_has_injected(job))
		vfy_injected_mark(job->faults, ns->seen.id, lba, nr, VFY_SOUND);
	if (res)
		diagnose_dataless(ns, opcode, lba, nr, res, job);
	else
		io_count_change(opcode, nr, &job->stats);
	if (ns->written && opcode != nvme_cmd_write)
		vfy_written_change_ends(ns->written, lba, nr);
	if (vfy_plugged(&job->plugin))
		vfy_plugin_done(&job->plugin, &seen, NULL, res);
}

/* A command failed: a second access to its blocks, one by one, shows which ones are bad. */
static int complete_failed(struct io *io, int res, struct io_job *job)
{
	uint64_t before = io_blocks_read(&job->stats);

	if (nvme_result_errno(res) == EILSEQ)
		diagnose_device(io, res, job);
	else if (io_is_media_error(io, 0, io->nr_blocks, res, job))
		diagnose_media(io, res, job);
	if (io->opcode == nvme_cmd_read)
		job->stats.unchecked[IO_FAILED] += io->nr_blocks - (io_blocks_read(&job->stats) - before);
	return nvme_result_errno(res);
}

static int complete(struct io *io, int res, struct io_job *job)
{
	/* With PRACT=1 the device checks nothing of a write. */
	const bool asked = io->opcode == nvme_cmd_write ? !io->pract : io_looks(io->opcode);

	if (io->checks && asked && (!res || nvme_result_errno(res) == EILSEQ))
		job->stats.asked += io->nr_blocks;
	if (res)
		return complete_failed(io, res, job);
	return io->opcode == nvme_cmd_read ? judge_read(io, job) : 0;
}

/* Returns whether a read on the fast path has no mismatch; else the slow path lists them. */
static bool sound(const struct io *io, struct io_job *job)
{
	const struct job_ns *ns = io->ns;
	const struct pi_series *s = ns->own_only && !io_some_ours(io) ? &ns->others : &ns->tuples;
	struct pi_verdict v;

	ticks_begin(&job->stats.checking);
	v = pi_verify_at(s, io->slba, io->buf, io->md, io->nr_blocks, NULL, 0);
	if (ns->guard_alone)
		v.bad += pi_poisoned_at(&ns->poison, io->slba, io->buf, io->md, io->nr_blocks);
	ticks_end(&job->stats.checking);
	if (v.bad || (v.escaped && ns->escape))
		return false;
	io_count_read(io, s->checks, io->nr_blocks, v.escaped, 0, job);
	return true;
}

/* Records which blocks this run has written, after the command changed them. */
static void note_end(const struct io *io, int res)
{
	struct vfy_written *w = io->ns->written;

	if (!w || !changes_blocks(io->opcode))
		return;
	if (io->opcode != nvme_cmd_write)
		vfy_written_change_ends(w, io->slba, io->nr_blocks);
	else if (!res)
		vfy_written_put(w, io->slba, io->nr_blocks, io->started_at);
}

__attribute__((noinline)) int io_end_whole(struct io *io, int res, struct io_job *job)
{
	int err = 0;

	job->stats.ios++;
	if (io->fast_path)
		set_out(io);
	io_tell_result(io->ns, res, job);
	if (io->nr_injections && io->opcode == nvme_cmd_write)
		err = inject_complete(io, &res, job);
	else if (!res && changes_blocks(io->opcode) && io_has_injected(job))
		vfy_injected_mark(job->faults, io->ns->seen.id, io->slba, io->nr_blocks, VFY_SOUND);
	if (!io->fast_path)
		note_end(io, res);
	if (!res && changes_blocks(io->opcode) && io->opcode != nvme_cmd_write)
		io_count_change(io->opcode, io->nr_blocks, &job->stats);
	if (!err)
		err = complete(io, res, job);
	if (vfy_plugged(&job->plugin) && io->opcode != nvme_cmd_compare && io->opcode != nvme_cmd_verify)
		vfy_plugin_done(&job->plugin, &io->plugin_io, &io->expect, res);
	if (io->opcode == nvme_cmd_write)
		io->nr_injections = 0;		/* injection is complete */
	return err;
}

int io_end(struct io *io, int res, struct io_job *job)
{
	return io_has_injected(job) ? io_end_whole(io, res, job) : io_end_clean(io, res, job);
}

/* Not inlined, so that I/Os without checks save no registers for it. */
static __attribute__((noinline)) int end_checked(struct io *io, int res, struct io_job *job)
{
	if (io->fast_path != IO_FAST_CHECKED || res || !sound(io, job))
		return io_end_whole(io, res, job);
	job->stats.ios++;
	job->stats.fast_read += io->nr_blocks;
	return 0;
}

int io_end_clean(struct io *io, int res, struct io_job *job)
{
	if (io->fast_path != IO_FAST || res)
		return end_checked(io, res, job);
	job->stats.ios++;
	if (io->opcode != nvme_cmd_read)
		job->stats.fast_written += io->nr_blocks;
	else
		job->stats.fast_read += io->nr_blocks;
	return 0;
}
