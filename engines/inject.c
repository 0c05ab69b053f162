/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.c - injected errors: the damage itself, and the required results
 *
 * A damaged write is a copy. The undamaged blocks stay in their buffers, and are sent after the
 * device has rejected the copy, as it should. So in the end the job's data is on media. If the
 * device accepts damage, that is recorded in the table of injected blocks, for every job that reads
 * the block later.
 */
#include <errno.h>
#include <string.h>
#include "inject.h"

static bool tries(const struct io *io, const struct io_job *job)
{
	return (io->opcode == nvme_cmd_write && job->inject_writes) ||
	       (io->opcode == nvme_cmd_read && job->inject_reads);
}

void inject_draw(struct io *io, struct io_job *job)
{
	io->nr_injections = 0;
	if (!tries(io, job))
		return;
	io->seq = job->inject.next;
	io->nr_injections = vfy_inject_draw(&job->inject, io->nr_blocks, io->damage,
					io->nr_blocks * job->inject.nr);
	vfy_inject_pass(&job->inject, io->nr_blocks);
}

/* With PRACT the device inserts its own tuples into what is written. */
static bool tuples_are_ours(const struct io *io)
{
	return io->ns->wire.pi && !(io->ns->pract && io->opcode == nvme_cmd_write);
}

/*
 * Damages the drawn blocks; the first block of the I/O is at @b. A block in which no check could
 * detect the damage, for example one that was never written, stays undamaged and is dropped from
 * the list.
 */
static void inject_blocks(struct io *io, struct io_blocks b, struct io_job *job)
{
	unsigned done = 0;

	for (unsigned i = 0; i < io->nr_injections; i++) {
		struct vfy_injection d = io->damage[i];
		struct pi_tags tags;

		io_run(io, d.index, &tags);
		vfy_inject_damage(&job->inject, &io->ns->info.layout,
				  tuples_are_ours(io) ? &tags : NULL, io->slba + d.index,
				  io->seq + d.index, b.data + d.index * b.data_stride,
				  b.md ? b.md + d.index * b.md_stride : NULL, &d);
		if (d.shows)
			io->damage[done++] = d;
	}
	io->nr_injections = done;
}

/*
 * Returns the fields in which the damage of block @index is detectable: it may have several
 * injections.
 */
static unsigned shows_of(const struct io *io, uint32_t index)
{
	unsigned shows = 0;

	for (unsigned i = 0; i < io->nr_injections; i++)
		if (io->damage[i].index == index)
			shows |= io->damage[i].shows;
	return shows;
}

/* Records the damaged blocks. Returns false if the table is full. */
static bool enter(const struct io *io, enum vfy_injected_state state, struct io_job *job)
{
	for (unsigned i = 0; i < io->nr_injections; i++) {
		uint32_t index = io->damage[i].index;

		if (vfy_injected_set(job->faults, io->ns->seen.id, io->slba + index,
				   (struct vfy_injected_block){ state, shows_of(io, index) }))
			return false;
	}
	return true;
}

void inject_write(struct io *io, struct nvme_io *command, struct io_job *job)
{
	struct io_blocks from = io_blocks(io, 0), to = from;

	memcpy(io->copy, from.data, io->nr_blocks * from.data_stride);
	to.data = io->copy;
	if (command->md && !io->ns->info.layout.extended) {
		memcpy(io->copy_md, from.md, io->nr_blocks * from.md_stride);
		to.md = io->copy_md;
	} else if (from.md) {
		to.md = to.data + (from.md - from.data);
	}
	inject_blocks(io, to, job);
	if (!enter(io, VFY_UNSETTLED, job)) {
		job->stats.not_damaged += io->nr_injections;
		io->nr_injections = 0;		/* no damage is done that cannot be recorded */
	}
	if (!io->nr_injections)
		return;
	command->data = to.data;
	command->md = to.md;
	job->stats.damaged += io->nr_injections;
}

static void tell_outcome(const struct io *io, const char *outcome, struct io_job *job)
{
	for (unsigned i = 0; i < io->nr_injections && job->injected; i++)
		job->injected(job->ctx, io, &io->damage[i], outcome);
}

void inject_read(struct io *io, struct io_job *job)
{
	inject_blocks(io, io_blocks(io, 0), job);
	job->stats.damaged += io->nr_injections;
	tell_outcome(io, "read", job);
}

/* --- the answer to a damaged write --- */

/* Returns the fields that the device was asked to check and in which the damage is detectable. */
static unsigned caught(const struct io *io)
{
	unsigned shows = 0;

	for (unsigned i = 0; i < io->nr_injections; i++)
		shows |= io->damage[i].shows;
	return shows & io->checks;
}

static bool must_reject(const struct io *io, const struct io_job *job)
{
	return job->answer == IO_ANSWER_REJECT || (job->answer == IO_ANSWER_AUTO && caught(io));
}

static bool must_accept(const struct io *io, const struct io_job *job)
{
	return job->answer == IO_ANSWER_ACCEPT || (job->answer == IO_ANSWER_AUTO && !caught(io));
}

/* The device gave an answer that is not allowed: reports each damaged block. */
static int tell_wrong(const struct io *io, const char *status, struct io_job *job)
{
	struct vfy_mismatch r = {
		.path = io->ns->path, .command = io_command_name(io->opcode), .side = VFY_DEVICE,
		.status = status, .known = true, .mask = ~0ULL, .injected = true,
	};

	for (unsigned i = 0; i < io->nr_injections; i++) {
		const struct vfy_injection *d = &io->damage[i];

		r.lba = io->slba + d->index;
		r.index = d->index;
		r.field = d->field;
		r.offset = d->offset;
		r.want = d->was;
		r.got = d->is;
		job->record(job->ctx, &r);
	}
	job->stats.unexpected += io->nr_injections;
	tell_outcome(io, "wrong", job);
	return EILSEQ;
}

static int accepted(struct io *io, struct io_job *job)
{
	vfy_injected_mark(job->faults, io->ns->seen.id, io->slba, io->nr_blocks, VFY_SOUND);
	enter(io, VFY_DAMAGED, job);
	if (must_reject(io, job))
		return tell_wrong(io, "a damaged write was accepted", job);
	job->stats.accepted += io->nr_injections;
	tell_outcome(io, "accepted", job);
	return 0;
}

/* Sends the undamaged blocks, and waits for the result. */
static int send_undamaged(struct io *io)
{
	struct nvme_io command = io_command(io, 0, io->nr_blocks);
	struct nvme_uring_cmd cmd = { 0 };

	nvme_build_io(&cmd, &io->ns->info, &command);
	return nvme_execute(io->ns->target, &cmd);
}

static int rejected(struct io *io, int *res, struct io_job *job)
{
	unsigned field = nvme_status_field(*res);
	char name[NVME_STATUS_MAX], line[NVME_STATUS_MAX + 64];

	if (must_accept(io, job) || (job->answer == IO_ANSWER_AUTO && !(field & caught(io)))) {
		snprintf(line, sizeof(line), "a damaged write was rejected by another check: %s",
			 nvme_result_name(*res, name));
		return tell_wrong(io, must_accept(io, job) ? "a damaged write was rejected" : line, job);
	}
	job->stats.rejected += io->nr_injections;
	tell_outcome(io, "rejected", job);
	*res = send_undamaged(io);
	if (!*res)
		vfy_injected_mark(job->faults, io->ns->seen.id, io->slba, io->nr_blocks, VFY_SOUND);
	return 0;
}

int inject_complete(struct io *io, int *res, struct io_job *job)
{
	if (!*res)
		return accepted(io, job);
	if (*res > 0 && nvme_result_errno(*res) == EILSEQ)
		return rejected(io, res, job);
	tell_outcome(io, "failed", job);
	return 0;
}

bool inject_explains(const struct io *io, uint32_t index, unsigned field, struct io_job *job)
{
	struct vfy_injected_block b;

	if (io->opcode == nvme_cmd_read && shows_of(io, index) & field)
		return true;
	if (!io_has_injected(job))
		return false;
	b = vfy_injected_get(job->faults, io->ns->seen.id, io->slba + index);
	return b.state == VFY_UNSETTLED || (b.state == VFY_DAMAGED && b.shows & field);
}
