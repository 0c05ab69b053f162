/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diagnose.c - after an error: which blocks, which fields, wanted and got
 *
 * The fast path only counts.  Here time does not matter, so the buffers are gone
 * through again in small runs, and where the device found the error, which names
 * neither block nor values, every block is asked for again by itself.
 */
#include <errno.h>
#include "../verify/metadata.h"
#include "io.h"

static const char *command_name(uint8_t opcode)
{
	switch (opcode) {
	case nvme_cmd_read:		return "read";
	case nvme_cmd_write:		return "write";
	case nvme_cmd_compare:		return "compare";
	case nvme_cmd_verify:		return "verify";
	case nvme_cmd_write_zeroes:	return "write zeroes";
	default:			return "command";
	}
}

static void tell(struct io_judge *judge, struct vfy_record *r)
{
	vfy_count(&judge->counts, r);
	judge->record(judge->ctx, r);
}

/* --- in the buffers --- */

enum { RUN = 16, FIELDS = 4 };

/* Blocks @first.. of @io, at most RUN of them. */
static unsigned list_run(const struct io *io, const struct vfy_record *template, unsigned checks,
			 bool metadata, uint32_t first, uint32_t nr, struct io_judge *judge)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct nvme_io c = io_command(io, first, nr);
	size_t stride = l->extended ? pi_block_size(l) : l->md_size;
	const uint8_t *md = l->extended ? (uint8_t *)c.data + l->data_size : c.md;
	struct pi_error errs[RUN * FIELDS];
	struct vfy_md_error md_errs[RUN];
	struct vfy_record r = *template;
	unsigned bad = 0, md_bad = 0;

	if (checks)
		bad = pi_verify(l, &c.tags, checks, c.data, l->extended ? NULL : c.md, nr, errs,
				RUN * FIELDS);
	if (metadata)
		md_bad = vfy_md_check(l, c.slba, c.data, pi_block_size(l), md, stride, nr, md_errs, RUN);
	for (unsigned i = 0; i < bad; i++) {
		r.lba = c.slba + errs[i].block;
		r.field = errs[i].field;
		r.want = errs[i].want;
		r.got = errs[i].got;
		tell(judge, &r);
	}
	for (unsigned i = 0; i < md_bad; i++) {
		r.lba = c.slba + md_errs[i].block;
		r.field = VFY_METADATA;
		r.offset = md_errs[i].offset;
		r.want = md_errs[i].want;
		r.got = md_errs[i].got;
		tell(judge, &r);
	}
	return bad + md_bad;
}

unsigned diagnose_host(const struct io *io, enum vfy_side side, const char *status, unsigned checks,
		       bool metadata, struct io_judge *judge)
{
	const struct vfy_record template = {
		.path = io->ns->path, .command = command_name(io->opcode), .known = true,
		.side = side, .status = status,
	};
	unsigned bad = 0;

	for (uint32_t i = 0; i < io->nr_blocks; i += RUN) {
		uint32_t nr = io->nr_blocks - i < RUN ? io->nr_blocks - i : RUN;

		bad += list_run(io, &template, checks, metadata, i, nr, judge);
	}
	return bad;
}

/* --- on the device --- */

static int execute(const struct job_ns *ns, const struct nvme_io *io)
{
	struct nvme_uring_cmd cmd = { 0 };

	nvme_build_io(&cmd, &ns->info, io);
	return ns->target->ops->io(ns->target, &cmd);
}

/* Read block @lba as it is, unchecked, into the scratch block. */
static int read_raw(const struct job_ns *ns, uint64_t lba, struct io_judge *judge)
{
	return execute(ns, &(struct nvme_io){
		.opcode = nvme_cmd_read, .slba = lba, .nr_blocks = 1, .data = judge->scratch,
		.md = (uint8_t *)judge->scratch + ns->info.layout.data_size,
	});
}

/* The device blames a field: what is in it, and what should be? */
static void look_at_tuple(const struct io *io, struct vfy_record *r, struct io_judge *judge)
{
	const struct pi_layout *l = &io->ns->info.layout;
	uint8_t *md = (uint8_t *)judge->scratch + l->data_size;
	struct pi_tags tags = io_tags(io->ns, r->lba);
	struct pi_error e;

	if (!read_raw(io->ns, r->lba, judge) &&
	    pi_verify(l, &tags, r->field, judge->scratch, l->extended ? NULL : md, 1, &e, 1)) {
		r->known = true;
		r->want = e.want;
		r->got = e.got;
	}
}

/* The device finds block and buffer different: where? */
static void look_at_data(const struct nvme_io *c, const struct io *io, struct vfy_record *r,
			 struct io_judge *judge)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const uint8_t *want = c->data, *got = judge->scratch;
	uint32_t i = 0;

	r->field = VFY_DATA;
	if (read_raw(io->ns, r->lba, judge))
		return;
	while (i < l->data_size && want[i] == got[i])
		i++;
	if (i == l->data_size) {
		want = l->extended ? want + i : c->md;
		got += i;
		r->field = VFY_METADATA;
		for (i = 0; i < l->md_size && want[i] == got[i]; )
			i++;
		if (i == l->md_size)
			return;
	}
	r->known = true;
	r->offset = i;
	r->want = want[i];
	r->got = got[i];
}

/* Ask for one block again; tell of it if the device fails it again. */
static bool ask_again(const struct io *io, uint32_t block, struct vfy_record *r, struct io_judge *judge)
{
	struct nvme_io c = io_command(io, block, 1);
	char name[NVME_STATUS_MAX];
	int status;

	if (io->opcode == nvme_cmd_read) {
		c.data = judge->scratch;
		c.md = (uint8_t *)judge->scratch + io->ns->info.layout.data_size;
	}
	status = execute(io->ns, &c);
	if (status <= 0 || nvme_result_errno(status) != EILSEQ)
		return false;
	r->lba = c.slba;
	r->field = nvme_status_field(status);
	r->status = nvme_result_name(status, name);
	r->known = false;
	if (r->field)
		look_at_tuple(io, r, judge);
	else
		look_at_data(&c, io, r, judge);
	tell(judge, r);
	return true;
}

/*
 * A rejected write is never sent again: the buffers still hold what the device
 * refused.
 */
static unsigned look_again(const struct io *io, unsigned field, struct vfy_record *r,
			   struct io_judge *judge)
{
	unsigned found = 0;

	if (io->opcode == nvme_cmd_write)
		return io->ns->wire.pi ? diagnose_host(io, VFY_DEVICE, r->status, field, false, judge) : 0;
	for (uint32_t i = 0; i < io->nr_blocks; i++)
		found += ask_again(io, i, r, judge);
	return found;
}

void diagnose_device(const struct io *io, int status, struct io_judge *judge)
{
	char name[NVME_STATUS_MAX];
	unsigned field = nvme_status_field(status);
	struct vfy_record r = {
		.path = io->ns->path, .command = command_name(io->opcode), .lba = io->slba,
		.field = field ? field : VFY_DATA, .side = VFY_DEVICE,
		.status = nvme_result_name(status, name),
	};

	if (!look_again(io, field, &r, judge)) {	/* gone: all that is known is where */
		r.lba = io->slba;
		r.blocks = io->nr_blocks;
		tell(judge, &r);
	}
}
