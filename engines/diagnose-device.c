/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diagnose-device.c - finds the blocks for which the device failed a command: its status names
 * neither the block nor values, so each block is accessed again by itself
 */
#include <errno.h>
#include "verify/metadata.h"
#include "diagnose-again.h"
#include "diagnose-list.h"

/* Fills in what the field that the device reported contains, and what it should contain. */
static void look_at_tuple(const struct io *io, const struct pi_tags *tags, struct vfy_mismatch *r,
			  struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct io_blocks b = diagnose_scratch(io, job);
	struct pi_error e;

	if (!diagnose_read_again(io, r->lba, job) &&
	    pi_verify(l, tags, r->field, b.data, l->extended ? NULL : b.md, 1, &e, 1).bad) {
		r->known = true;
		r->want = e.want;
		r->got = e.got;
		r->mask = diagnose_mask(io, r->field);
	}
}

/* Returns the first byte in [@i, @end) that differs; @end if none does. */
static uint32_t first_difference(const uint8_t *a, const uint8_t *b, uint32_t i, uint32_t end)
{
	while (i < end && a[i] == b[i])
		i++;
	return i;
}

/* Like first_difference() for metadata: Compare ignores the tuple. */
static uint32_t md_difference(const struct pi_layout *l, const uint8_t *a, const uint8_t *b)
{
	const uint32_t tuple = l->type == PI_NONE ? l->md_size : pi_tuple_offset(l);
	const uint32_t i = first_difference(a, b, 0, tuple);

	if (i < tuple || l->type == PI_NONE)
		return i;
	return first_difference(a, b, tuple + l->format->tuple_size, l->md_size);
}

/* Compare failed: finds the first byte in which the block differs from the buffer. */
static void look_at_data(const struct nvme_io *c, const struct io *io, struct vfy_mismatch *r,
			 struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const uint8_t *want = c->data, *got = job->scratch;
	uint32_t i;

	r->field = VFY_DATA;
	if (diagnose_read_again(io, r->lba, job))
		return;
	i = first_difference(want, got, 0, l->data_size);
	if (i == l->data_size) {
		want = c->md;
		got += i;
		i = want ? md_difference(l, want, got) : l->md_size;
		if (i == l->md_size)
			/* no difference in the data: the block may have changed meanwhile */
			return;
		r->field = VFY_METADATA;
	}
	r->known = true;
	r->offset = i;
	r->want = want[i];
	r->got = got[i];
	r->mask = 0xff;
}

/*
 * Lets the plugin check a block of a read in the scratch memory. Returns the number of its
 * findings.
 */
static unsigned judge_scratch(const struct io *io, uint32_t block, struct io_job *job)
{
	struct io_blocks b = diagnose_scratch(io, job);
	struct vfy_expect e = io->expect;
	struct vfy_io seen = {
		.ns = &io->ns->seen, .tag = io->tag, .opcode = io->opcode, .lba = io->slba + block, .nr = 1,
		/* if metadata is transferred */
		.data = b.data, .md = io->blocks.md ? b.md : NULL,
	};

	if (!vfy_plugged(&job->plugin))
		return 0;
	io_run(io, block, &e.tags);
	e.block += e.each ? block : 0;
	return vfy_plugin_check(&job->plugin, &seen, &e);
}

/*
 * Reports those of the first @nr findings of the plugin that are not of @field, which was reported
 * already. Returns their number.
 */
static unsigned tell_others(const struct io *io, uint32_t block, unsigned nr, unsigned field,
			    struct io_job *job)
{
	unsigned told = 0;

	for (unsigned i = 0; i < nr; i++) {
		const struct vfy_finding *f = &job->plugin.findings[i];

		if (f->field == field)
			continue;
		diagnose_tell_finding(io, f, block, diagnose_scratch(io, job), job);
		told++;
	}
	return told;
}

static void count_scratch(const struct io *io, const struct diagnose_run *run, unsigned checks, struct io_job *job)
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
 * Checks a block of a failed read on the host, too: all of the host's checks except @told, the
 * field that was reported already. The block counts as checked. Returns the number of mismatches.
 */
static unsigned check_scratch(const struct io *io, uint32_t block, unsigned told, struct io_job *job)
{
	const unsigned checks = io_host_checks(io, job);
	struct vfy_mismatch template = diagnose_record(io, VFY_HOST, NULL);
	struct diagnose_run run = { .first = block, .nr = 1, .at = diagnose_scratch(io, job) };
	unsigned bad;

	io_run(io, block, &run.tags);
	count_scratch(io, &run, checks, job);
	bad = diagnose_list(io, &run, &template, checks & ~told, job);
	if (io_has_injected(job))
		bad += diagnose_list_gone(io, &run, checks & ~told, job);
	return bad;
}

/*
 * The device failed a single block with @status: reports that, and what else is wrong with the
 * block. Returns the number of mismatches.
 */
static unsigned tell_failed(const struct io *io, uint32_t block, int status, const struct nvme_io *c,
			    struct io_job *job)
{
	char name[NVME_STATUS_MAX];
	struct vfy_mismatch r = diagnose_record(io, VFY_DEVICE, nvme_result_name(status, name));
	unsigned found;

	r.lba = c->slba;
	r.field = nvme_status_field(status);
	if (r.field)
		look_at_tuple(io, &c->tags, &r, job);
	else
		look_at_data(c, io, &r, job);
	if (io->opcode != nvme_cmd_read || !r.known) {
		diagnose_tell(io, job, &r, block, diagnose_scratch(io, job));
		return 1;
	}
	found = judge_scratch(io, block, job);
	for (unsigned i = 0; i < found; i++)
		if (job->plugin.findings[i].field == r.field) {
			r.class = job->plugin.findings[i].class;
			r.from = job->plugin.findings[i].from;
		}
	diagnose_tell(io, job, &r, block, diagnose_scratch(io, job));
	tell_others(io, block, found, r.field, job);
	return 1 + check_scratch(io, block, r.field, job);
}

/* Reports blocks that cannot be read or written: there is no value, and no block to dump. */
static void tell_media_error(const struct io *io, uint32_t first, uint64_t nr, int status,
			     struct io_job *job)
{
	char name[NVME_STATUS_MAX];
	struct vfy_mismatch r = diagnose_record(io, VFY_DEVICE, nvme_result_name(status, name));

	r.lba = io->slba + first;
	r.blocks = nr;
	r.index = first;
	r.field = VFY_DATA;
	r.class = VFY_MEDIA_ERROR;
	job->record(job->ctx, &r);
}

/* Accesses one block again. Returns the number of mismatches. */
static unsigned ask_again(const struct io *io, uint32_t block, struct io_job *job)
{
	struct nvme_io c = io_command(io, block, 1);
	int status;

	if (io->opcode == nvme_cmd_read) {
		c.data = diagnose_scratch(io, job).data;
		c.md = diagnose_scratch(io, job).md;
		if (io->blocks.md)
			io_poison(io->ns, c.slba, diagnose_scratch(io, job), 1);
	}
	status = diagnose_execute(io->ns, &c);
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
 * Finds the blocks of a failed command. A rejected write is never sent again, because the buffers
 * still contain what the device rejected.
 */
static unsigned look_again(const struct io *io, unsigned field, const char *status, struct io_job *job)
{
	unsigned found = 0;

	if (io->opcode == nvme_cmd_write)
		return io->ns->wire.pi ? diagnose_host(io, VFY_DEVICE, status, field & io->checks, job) : 0;
	for (uint32_t i = 0; i < io->nr_blocks; i++)
		found += ask_again(io, i, job);
	return found;
}

void diagnose_device(const struct io *io, int status, struct io_job *job)
{
	char name[NVME_STATUS_MAX];
	unsigned field = nvme_status_field(status);
	struct vfy_mismatch r = diagnose_record(io, VFY_DEVICE, nvme_result_name(status, name));

	if (look_again(io, field, r.status, job))
		return;
	/* no block fails any more: only the range is known, and of a block device not the field */
	r.field = field && !(field & (field - 1)) ? field : VFY_DATA;
	r.blocks = io->nr_blocks;
	job->record(job->ctx, &r);
}

void diagnose_dataless(const struct job_ns *ns, uint8_t opcode, uint64_t lba, uint64_t nr, int status,
		       struct io_job *job)
{
	const struct io io = { .ns = ns, .opcode = opcode, .slba = lba };

	if (!job->media_apart && nvme_result_meaning(status) == NVME_VERDICT)
		tell_media_error(&io, 0, nr, status, job);
}

void diagnose_media(const struct io *io, int status, struct io_job *job)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < io->nr_blocks && io->nr_blocks > 1 && io_looks(io->opcode); i++)
		found += ask_again(io, i, job);
	if (!found)
		tell_media_error(io, 0, io->nr_blocks, status, job);
}
