/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diagnose.c - after an error: which blocks, which fields, wanted and got
 *
 * The fast path only counts.  Here time does not matter, so the buffers are gone
 * through again in small runs, and where the device found the error, which names
 * neither block nor values, every block is asked for again by itself.
 */
#include <errno.h>
#include "verify/metadata.h"
#include "damage.h"
#include "diagnose.h"

/* Tell of @r, which is of block @index of @io, as it lies at @b. */
static void tell(const struct io *io, struct io_job *job, struct vfy_record *r, uint32_t index,
		 struct io_blocks b)
{
	r->index = index;
	r->injected = damage_explains(io, index, r->field, job);
	job->record(job->ctx, r);
	if (job->bad_block)
		job->bad_block(job->ctx, io, r, b.data, b.md);
}

static uint64_t mask_of(const struct io *io, unsigned field)
{
	const struct pi_layout *l = &io->ns->info.layout;

	switch (field) {
	case PI_GUARD:		return pi_ones(l->format->guard_size * 8);
	case PI_APP:		return io->expect.tags.app_mask;
	case PI_STORAGE:	return io->expect.tags.storage_mask;
	case PI_REF:		return pi_ones(pi_ref_bits(l));
	default:		return 0xff;	/* a byte */
	}
}

static struct vfy_record record_of(const struct io *io, enum vfy_side side, const char *status)
{
	return (struct vfy_record){
		.path = io->ns->path, .command = io_command_name(io->opcode), .lba = io->slba,
		.side = side, .status = status,
	};
}

/* --- in the buffers --- */

enum { RUN = 16, FIELDS = 4 };

/* A few consecutive blocks whose tags one command can carry. */
struct run {
	uint32_t		first, nr;	/* in the I/O */
	struct pi_tags		tags;
	struct io_blocks	at;
	unsigned		found[RUN];	/* fields told of, by block */
};

static void tell_of(struct run *run, uint32_t block, struct vfy_record *r, const struct io *io,
		    struct io_job *job)
{
	struct io_blocks b = run->at;

	b.data += block * b.data_stride;
	b.md += b.md ? block * b.md_stride : 0;
	r->lba = io->slba + run->first + block;
	r->mask = mask_of(io, r->field);
	run->found[block] |= r->field;
	tell(io, job, r, run->first + block, b);
}

/* Blocks of which nothing was transferred have no field that could be told of. */
static unsigned list_untransferred(const struct io *io, struct run *run, struct io_job *job)
{
	unsigned bad = 0;

	for (uint32_t i = 0; i < run->nr && run->at.md; i++) {
		struct vfy_record r = record_of(io, VFY_HOST, "the tuple was not transferred");
		struct io_blocks b = run->at;

		b.data += i * b.data_stride;
		b.md += i * b.md_stride;
		if (!io_poisoned(io->ns, io->slba + run->first + i, b, 1))
			continue;
		r.field = PI_GUARD;
		tell_of(run, i, &r, io, job);
		run->found[i] = ~0u;
		bad++;
	}
	return bad;
}

/* Must the block not escape, and does? */
static bool escapes_wrongly(const struct io *io, const struct run *run, uint32_t block)
{
	const struct job_ns *ns = io->ns;
	const struct pi_layout *l = &ns->info.layout;
	struct pi_fields f;

	if (!ns->escape || io->opcode != nvme_cmd_read || !run->at.md)
		return false;
	f = pi_tuple_get(l, run->at.md + block * run->at.md_stride + pi_tuple_offset(l));
	return pi_escapes(l, &f) &&
	       (ns->escape == JOB_ESCAPE_REJECT || io_is_ours(io, run->first + block));
}

/* The escapes among the run's blocks that are mismatches. */
static unsigned list_escapes(const struct io *io, struct run *run, const struct vfy_record *template,
			     struct io_job *job)
{
	struct vfy_record r = *template;
	unsigned bad = 0;

	r.known = !(io->ns->unknown & PI_APP);
	r.field = PI_APP;
	r.class = VFY_ESCAPED;
	r.want = run->tags.app;
	r.got = 0xffff;
	for (uint32_t i = 0; i < run->nr; i++)
		if (escapes_wrongly(io, run, i)) {
			tell_of(run, i, &r, io, job);
			bad++;
		}
	return bad;
}

/* Every wrong field of the run's blocks. */
static unsigned list_run(const struct io *io, struct run *run, const struct vfy_record *template,
			 unsigned checks, struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const unsigned fields = checks & ~VFY_METADATA;
	struct vfy_md_error md_errs[RUN];
	struct pi_error errs[RUN * FIELDS];
	struct vfy_record r = *template;
	unsigned bad = 0, md_bad = 0, told = 0;

	if (io->opcode == nvme_cmd_read && template->side == VFY_HOST)
		told = list_untransferred(io, run, job);
	if (fields)
		bad = pi_verify(l, &run->tags, fields, run->at.data, l->extended ? NULL : run->at.md, run->nr,
				errs, RUN * FIELDS).bad;
	if (checks & VFY_METADATA)
		md_bad = vfy_md_check(l, io->slba + run->first, run->at.data, run->at.data_stride,
				      run->at.md, run->at.md_stride, run->nr, md_errs, RUN).bad;
	r.known = true;
	for (unsigned i = 0; i < bad; i++) {
		if (run->found[errs[i].block] == ~0u ||
		    !(errs[i].field & io_checks_of(io, checks, run->first + errs[i].block)))
			continue;
		told++;
		r.field = errs[i].field;
		r.want = errs[i].want;
		r.got = errs[i].got;
		tell_of(run, errs[i].block, &r, io, job);
	}
	for (unsigned i = 0; i < md_bad; i++) {
		if (run->found[md_errs[i].block] == ~0u ||
		    !(VFY_METADATA & io_checks_of(io, checks, run->first + md_errs[i].block)))
			continue;
		told++;
		r.field = VFY_METADATA;
		r.offset = md_errs[i].offset;
		r.want = md_errs[i].want;
		r.got = md_errs[i].got;
		tell_of(run, md_errs[i].block, &r, io, job);
	}
	return told + (checks ? list_escapes(io, run, template, job) : 0);
}

/* Damage done on purpose has to be there, all of it that the host can see. */
static unsigned list_gone(const struct io *io, struct run *run, unsigned checks, struct io_job *job)
{
	unsigned gone = 0;

	for (uint32_t i = 0; i < run->nr; i++) {
		struct vfy_fault_block b = vfy_faults_get(job->faults, io->ns->seen.id,
							  io->slba + run->first + i);
		unsigned asked = io_checks_of(io, checks, run->first + i);
		unsigned missing = b.shows & asked & ~run->found[i];
		struct vfy_record r = record_of(io, VFY_HOST, "damage done on purpose is gone");

		if (b.state != VFY_DAMAGED || !missing)
			continue;
		r.field = missing & -missing;
		tell_of(run, i, &r, io, job);
		gone++;
	}
	return gone;
}

unsigned diagnose_host(const struct io *io, enum vfy_side side, const char *status, unsigned checks,
		       struct io_job *job)
{
	const struct vfy_record template = record_of(io, side, status);
	bool book = side == VFY_HOST && io_has_faults(job);
	unsigned bad = 0;
	struct run run;

	for (uint32_t i = 0; i < io->nr_blocks; i += run.nr) {
		run = (struct run){ .first = i, .at = io_blocks(io, i) };
		run.nr = io_run(io, i, &run.tags);
		run.nr = run.nr < RUN ? run.nr : RUN;
		bad += list_run(io, &run, &template, checks, job);
		if (book)
			bad += list_gone(io, &run, checks, job);
	}
	return bad;
}

/* --- by the plugin --- */

/* Of block @index of @io, which lies at @b. */
static void tell_finding(const struct io *io, const struct vfy_finding *f, uint32_t index,
			 struct io_blocks b, struct io_job *job)
{
	struct vfy_record r = record_of(io, VFY_PLUGIN, NULL);

	r.lba = io->slba + index;
	r.field = f->field;
	r.offset = f->offset;
	r.known = f->known;
	r.want = f->want;
	r.got = f->got;
	r.mask = f->mask;
	r.class = f->class;
	r.from = f->from;
	tell(io, job, &r, index, b);
}

void diagnose_plugin(const struct io *io, unsigned nr, struct io_job *job)
{
	for (unsigned i = 0; i < nr; i++) {
		const struct vfy_finding *f = &job->plugin.findings[i];

		tell_finding(io, f, f->index, io_blocks(io, f->index), job);
	}
}

/* --- on the device --- */

static int execute(const struct job_ns *ns, const struct nvme_io *io)
{
	struct nvme_uring_cmd cmd = { 0 };

	nvme_build_io(&cmd, &ns->info, io);
	return nvme_execute(ns->target, &cmd);
}

/* The block in the scratch memory, laid out as it crosses unstripped. */
static struct io_blocks scratch(const struct io *io, const struct io_job *job)
{
	return (struct io_blocks){
		.data = job->scratch,
		.md = (uint8_t *)job->scratch + io->ns->info.layout.data_size,
	};
}

/* Read block @lba as it is, unchecked, into the scratch block. */
static int read_raw(const struct io *io, uint64_t lba, struct io_job *job)
{
	struct io_blocks b = scratch(io, job);

	if (io->ns->info.layout.md_size)
		io_poison(io->ns, lba, b, 1);
	return execute(io->ns, &(struct nvme_io){
		.opcode = nvme_cmd_read, .slba = lba, .nr_blocks = 1, .data = b.data, .md = b.md,
	});
}

/* The device blames a field: what is in it, and what should be? */
static void look_at_tuple(const struct io *io, const struct pi_tags *tags, struct vfy_record *r,
			  struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct io_blocks b = scratch(io, job);
	struct pi_error e;

	if (!read_raw(io, r->lba, job) &&
	    pi_verify(l, tags, r->field, b.data, l->extended ? NULL : b.md, 1, &e, 1).bad) {
		r->known = true;
		r->want = e.want;
		r->got = e.got;
		r->mask = mask_of(io, r->field);
	}
}

/* The first of bytes [@i, @end) that differs; @end if none does. */
static uint32_t first_difference(const uint8_t *a, const uint8_t *b, uint32_t i, uint32_t end)
{
	while (i < end && a[i] == b[i])
		i++;
	return i;
}

/* Of metadata, Compare compares what is beside the tuple. */
static uint32_t md_difference(const struct pi_layout *l, const uint8_t *a, const uint8_t *b)
{
	const uint32_t tuple = l->type == PI_NONE ? l->md_size : pi_tuple_offset(l);
	const uint32_t i = first_difference(a, b, 0, tuple);

	if (i < tuple || l->type == PI_NONE)
		return i;
	return first_difference(a, b, tuple + l->format->tuple_size, l->md_size);
}

/* The device finds block and buffer different: where? */
static void look_at_data(const struct nvme_io *c, const struct io *io, struct vfy_record *r,
			 struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const uint8_t *want = c->data, *got = job->scratch;
	uint32_t i;

	r->field = VFY_DATA;
	if (read_raw(io, r->lba, job))
		return;
	i = first_difference(want, got, 0, l->data_size);
	if (i == l->data_size) {
		want = c->md;
		got += i;
		i = want ? md_difference(l, want, got) : l->md_size;
		if (i == l->md_size)
			return;			/* of the data: it may have changed since */
		r->field = VFY_METADATA;
	}
	r->known = true;
	r->offset = i;
	r->want = want[i];
	r->got = got[i];
	r->mask = 0xff;
}

/* Have the plugin judge one block of a read that is in the scratch memory; how much it finds. */
static unsigned judge_scratch(const struct io *io, uint32_t block, struct io_job *job)
{
	struct io_blocks b = scratch(io, job);
	struct vfy_expect e = io->expect;
	struct vfy_io seen = {
		.ns = &io->ns->seen, .tag = io->tag, .opcode = io->opcode, .lba = io->slba + block, .nr = 1,
		.data = b.data, .md = io->blocks.md ? b.md : NULL,	/* where it crosses */
	};

	if (!vfy_plugged(&job->plugin))
		return 0;
	io_run(io, block, &e.tags);
	e.block += e.each ? block : 0;
	return vfy_plugin_judge(&job->plugin, &seen, &e);
}

/* Tell of those of the first @nr findings that are not of @field, which was told of already. */
static unsigned tell_others(const struct io *io, uint32_t block, unsigned nr, unsigned field,
			    struct io_job *job)
{
	unsigned told = 0;

	for (unsigned i = 0; i < nr; i++) {
		const struct vfy_finding *f = &job->plugin.findings[i];

		if (f->field == field)
			continue;
		tell_finding(io, f, block, scratch(io, job), job);
		told++;
	}
	return told;
}

static void count_scratch(const struct io *io, const struct run *run, unsigned checks, struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct pi_fields f;
	bool escapes = false;

	if (io->ns->wire.pi) {
		f = pi_tuple_get(l, run->at.md + pi_tuple_offset(l));
		escapes = pi_escapes(l, &f);
	}
	io_count_read(io, checks, 1, escapes, 0, job);
}

/*
 * What the device lets through of a read that it failed, the host still looks at: all of its
 * checks but @told, which was told of already.  The block counts as checked by all of them.
 */
static unsigned check_scratch(const struct io *io, uint32_t block, unsigned told, struct io_job *job)
{
	const unsigned checks = io_host_checks(io, job);
	struct vfy_record template = record_of(io, VFY_HOST, NULL);
	struct run run = { .first = block, .nr = 1, .at = scratch(io, job) };
	unsigned bad;

	io_run(io, block, &run.tags);
	count_scratch(io, &run, checks, job);
	bad = list_run(io, &run, &template, checks & ~told, job);
	if (io_has_faults(job))
		bad += list_gone(io, &run, checks & ~told, job);
	return bad;
}

/* The device fails one block with @status: tell of that, and of what else is wrong with it. */
static unsigned tell_failed(const struct io *io, uint32_t block, int status, const struct nvme_io *c,
			    struct io_job *job)
{
	char name[NVME_STATUS_MAX];
	struct vfy_record r = record_of(io, VFY_DEVICE, nvme_result_name(status, name));
	unsigned found;

	r.lba = c->slba;
	r.field = nvme_status_field(status);
	if (r.field)
		look_at_tuple(io, &c->tags, &r, job);
	else
		look_at_data(c, io, &r, job);
	if (io->opcode != nvme_cmd_read || !r.known) {
		tell(io, job, &r, block, scratch(io, job));
		return 1;
	}
	found = judge_scratch(io, block, job);
	for (unsigned i = 0; i < found; i++)
		if (job->plugin.findings[i].field == r.field) {
			r.class = job->plugin.findings[i].class;
			r.from = job->plugin.findings[i].from;
		}
	tell(io, job, &r, block, scratch(io, job));
	tell_others(io, block, found, r.field, job);
	return 1 + check_scratch(io, block, r.field, job);
}

/* There is no value to tell of, and no block to dump. */
static void tell_media_error(const struct io *io, uint32_t first, uint32_t nr, int status,
			     struct io_job *job)
{
	char name[NVME_STATUS_MAX];
	struct vfy_record r = record_of(io, VFY_DEVICE, nvme_result_name(status, name));

	r.lba = io->slba + first;
	r.blocks = nr;
	r.index = first;
	r.field = VFY_DATA;
	r.class = VFY_MEDIA_ERROR;
	job->record(job->ctx, &r);
}

/* Ask for one block again; returns how much is wrong with it. */
static unsigned ask_again(const struct io *io, uint32_t block, struct io_job *job)
{
	struct nvme_io c = io_command(io, block, 1);
	int status;

	if (io->opcode == nvme_cmd_read) {
		c.data = scratch(io, job).data;
		c.md = scratch(io, job).md;
		if (io->blocks.md)
			io_poison(io->ns, c.slba, scratch(io, job), 1);
	}
	status = execute(io->ns, &c);
	if (!status && io->opcode == nvme_cmd_read)
		return tell_others(io, block, judge_scratch(io, block, job), 0, job) +
		       check_scratch(io, block, 0, job);
	if (nvme_result_errno(status) == EILSEQ)
		return tell_failed(io, block, status, &c, job);
	if (!io_is_media_error(io, block, 1, status, job))
		return 0;
	tell_media_error(io, block, 1, status, job);
	return 1;
}

/*
 * A rejected write is never sent again: the buffers still hold what the device
 * refused.
 */
static unsigned look_again(const struct io *io, unsigned field, const char *status, struct io_job *job)
{
	unsigned found = 0;

	if (io->opcode == nvme_cmd_write)
		return io->ns->wire.pi ? diagnose_host(io, VFY_DEVICE, status, field, job) : 0;
	for (uint32_t i = 0; i < io->nr_blocks; i++)
		found += ask_again(io, i, job);
	return found;
}

void diagnose_device(const struct io *io, int status, struct io_job *job)
{
	char name[NVME_STATUS_MAX];
	unsigned field = nvme_status_field(status);
	struct vfy_record r = record_of(io, VFY_DEVICE, nvme_result_name(status, name));

	if (look_again(io, field, r.status, job))
		return;
	r.field = field ? field : VFY_DATA;	/* gone: all that is known is where */
	r.blocks = io->nr_blocks;
	job->record(job->ctx, &r);
}

void diagnose_media(const struct io *io, int status, struct io_job *job)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < io->nr_blocks && io->nr_blocks > 1 && io_looks(io->opcode); i++)
		found += ask_again(io, i, job);
	if (!found)
		tell_media_error(io, 0, io->nr_blocks, status, job);
}
