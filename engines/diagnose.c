/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diagnose.c - finds the blocks and fields with mismatches in the buffers of an I/O, and the values
 * wanted and got
 *
 * The fast path only counts mismatches. Time does not matter here, so the buffers are checked again
 * in small runs.
 */
#include "verify/metadata.h"
#include "inject.h"
#include "diagnose-again.h"
#include "diagnose-list.h"

static void tell_as_is(const struct io *io, struct io_job *job, struct vfy_mismatch *r, uint32_t index,
		       struct io_blocks b)
{
	r->index = index;
	job->record(job->ctx, r);
	if (job->bad_block)
		job->bad_block(job->ctx, io, r, b.data, b.md);
}

/* Reports @r about block @index of @io, whose content is at @b. */
void diagnose_tell(const struct io *io, struct io_job *job, struct vfy_mismatch *r, uint32_t index,
		 struct io_blocks b)
{
	r->injected = inject_explains(io, index, r->field, job);
	tell_as_is(io, job, r, index, b);
}

uint64_t diagnose_mask(const struct io *io, unsigned field)
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

struct vfy_mismatch diagnose_record(const struct io *io, enum vfy_side side, const char *status)
{
	return (struct vfy_mismatch){
		.path = io->ns->path, .command = io_command_name(io->opcode), .lba = io->slba,
		.side = side, .status = status,
	};
}

/* --- in the buffers --- */

enum { FIELDS = 4 };

static void tell_of(struct diagnose_run *run, uint32_t block, struct vfy_mismatch *r, const struct io *io,
		    struct io_job *job)
{
	struct io_blocks b = run->at;

	b.data += block * b.data_stride;
	b.md += b.md ? block * b.md_stride : 0;
	r->lba = io->slba + run->first + block;
	r->mask = diagnose_mask(io, r->field);
	run->found[block] |= r->field;
	diagnose_tell(io, job, r, run->first + block, b);
}

/* Reports blocks that were not transferred; they have no values that could be reported. */
static unsigned list_untransferred(const struct io *io, struct diagnose_run *run, struct io_job *job)
{
	unsigned bad = 0;

	for (uint32_t i = 0; i < run->nr && run->at.md; i++) {
		struct vfy_mismatch r = diagnose_record(io, VFY_HOST, "the tuple was not transferred");
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

/* Returns whether a block escapes although pi_escape makes that a mismatch. */
static bool escapes_wrongly(const struct io *io, const struct diagnose_run *run, uint32_t block)
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

/* Reports the escapes of the run's blocks that are mismatches. */
static unsigned list_escapes(const struct io *io, struct diagnose_run *run,
			     const struct vfy_mismatch *template,
			     struct io_job *job)
{
	struct vfy_mismatch r = *template;
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

/* Reports every wrong field of the run's blocks. */
unsigned diagnose_list(const struct io *io, struct diagnose_run *run, const struct vfy_mismatch *template,
			 unsigned checks, struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const unsigned fields = checks & ~VFY_METADATA;
	struct vfy_md_error md_errs[DIAGNOSE_RUN];
	struct pi_error errs[DIAGNOSE_RUN * FIELDS];
	struct vfy_mismatch r = *template;
	unsigned bad = 0, md_bad = 0, told = 0;

	if (io->opcode == nvme_cmd_read && template->side == VFY_HOST)
		told = list_untransferred(io, run, job);
	if (fields)
		bad = pi_verify(l, &run->tags, fields, run->at.data, l->extended ? NULL : run->at.md, run->nr,
				errs, DIAGNOSE_RUN * FIELDS).bad;
	if (checks & VFY_METADATA)
		md_bad = vfy_md_check(l, io->slba + run->first, run->at.data, run->at.data_stride,
				      run->at.md, run->at.md_stride, run->nr, md_errs, DIAGNOSE_RUN).bad;
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

/*
 * Reports injected errors that are gone, though nothing that this run knows of has written the block:
 * that is no injected mismatch. The block is read again, because the I/O may have read it before it
 * was damaged.
 */
unsigned diagnose_list_gone(const struct io *io, struct diagnose_run *run, unsigned checks,
			    struct io_job *job)
{
	unsigned gone = 0;

	for (uint32_t i = 0; i < run->nr; i++) {
		struct vfy_injected_block b = vfy_injected_get(job->faults, io->ns->seen.id,
							  io->slba + run->first + i);
		unsigned asked = io_checks_of(io, checks, run->first + i);
		unsigned missing = b.shows & asked & ~run->found[i];
		struct vfy_mismatch r = diagnose_record(io, VFY_HOST, "damage done on purpose is gone");
		struct io_blocks at = run->at;
		struct pi_tags tags;

		if (b.state != VFY_DAMAGED || !missing)
			continue;
		r.lba = io->slba + run->first + i;
		io_run(io, run->first + i, &tags);
		missing &= diagnose_sound_again(io, r.lba, &tags, missing, job);
		b = vfy_injected_get(job->faults, io->ns->seen.id, r.lba);
		if (b.state != VFY_DAMAGED || !missing)
			continue;
		r.field = missing & -missing;
		r.mask = diagnose_mask(io, r.field);
		run->found[i] |= r.field;
		at.data += i * at.data_stride;
		at.md += at.md ? i * at.md_stride : 0;
		tell_as_is(io, job, &r, run->first + i, at);
		gone++;
	}
	return gone;
}

unsigned diagnose_host(const struct io *io, enum vfy_side side, const char *status, unsigned checks,
		       struct io_job *job)
{
	const struct vfy_mismatch template = diagnose_record(io, side, status);
	bool injected = side == VFY_HOST && io_has_injected(job);
	unsigned bad = 0;
	struct diagnose_run run;

	for (uint32_t i = 0; i < io->nr_blocks; i += run.nr) {
		run = (struct diagnose_run){ .first = i, .at = io_blocks(io, i) };
		run.nr = io_run(io, i, &run.tags);
		run.nr = run.nr < DIAGNOSE_RUN ? run.nr : DIAGNOSE_RUN;
		bad += diagnose_list(io, &run, &template, checks, job);
		if (injected)
			bad += diagnose_list_gone(io, &run, checks, job);
	}
	return bad;
}

/* --- by the plugin --- */

/* Reports a finding about block @index of @io, whose content is at @b. */
void diagnose_tell_finding(const struct io *io, const struct vfy_finding *f, uint32_t index,
			 struct io_blocks b, struct io_job *job)
{
	struct vfy_mismatch r = diagnose_record(io, VFY_PLUGIN, NULL);

	r.lba = io->slba + index;
	r.field = f->field;
	r.offset = f->offset;
	r.known = f->known;
	r.want = f->want;
	r.got = f->got;
	r.mask = f->mask;
	r.class = f->class;
	r.from = f->from;
	diagnose_tell(io, job, &r, index, b);
}

void diagnose_plugin(const struct io *io, unsigned nr, struct io_job *job)
{
	for (unsigned i = 0; i < nr; i++) {
		const struct vfy_finding *f = &job->plugin.findings[i];

		diagnose_tell_finding(io, f, f->index, io_blocks(io, f->index), job);
	}
}
