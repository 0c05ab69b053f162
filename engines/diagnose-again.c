/* SPDX-License-Identifier: GPL-2.0-only */
/* diagnose-again.c - see diagnose-again.h */
#include "verify/metadata.h"
#include "diagnose-again.h"

enum { FIELDS = 4 };

struct io_blocks diagnose_scratch(const struct io *io, const struct io_job *job)
{
	return (struct io_blocks){
		.data = job->scratch,
		.md = (uint8_t *)job->scratch + io->ns->info.layout.data_size,
	};
}

int diagnose_execute(const struct job_ns *ns, const struct nvme_io *io)
{
	struct nvme_uring_cmd cmd = { 0 };

	nvme_build_io(&cmd, &ns->info, io);
	return nvme_execute(ns->target, &cmd);
}

int diagnose_read_again(const struct io *io, uint64_t lba, struct io_job *job)
{
	struct io_blocks b = diagnose_scratch(io, job);

	if (io->ns->info.layout.md_size)
		io_poison(io->ns, lba, b, 1);
	return diagnose_execute(io->ns, &(struct nvme_io){
		.opcode = nvme_cmd_read, .slba = lba, .nr_blocks = 1, .data = b.data, .md = b.md,
	});
}

unsigned diagnose_sound_again(const struct io *io, uint64_t lba, const struct pi_tags *tags, unsigned fields,
			      struct io_job *job)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const struct io_blocks b = diagnose_scratch(io, job);
	struct pi_error errs[FIELDS];
	struct vfy_md_error md_err;
	unsigned bad;

	if (diagnose_read_again(io, lba, job))
		return 0;
	bad = fields & ~VFY_METADATA ? pi_verify(l, tags, fields & ~VFY_METADATA, b.data, l->extended ? NULL : b.md,
						 1, errs, FIELDS).bad : 0;
	for (unsigned i = 0; i < bad; i++)
		fields &= ~errs[i].field;
	if (fields & VFY_METADATA && vfy_md_check(l, lba, b.data, l->data_size, b.md, l->md_size, 1, &md_err, 1).bad)
		fields &= ~VFY_METADATA;
	return fields;
}
