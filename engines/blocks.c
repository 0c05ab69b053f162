/* SPDX-License-Identifier: GPL-2.0-only */
/* blocks.c - see blocks.h */
#include <errno.h>
#include "verify/metadata.h"
#include "blocks.h"

const char *io_command_name(uint8_t opcode)
{
	switch (opcode) {
	case nvme_cmd_read:		return "read";
	case nvme_cmd_write:		return "write";
	case nvme_cmd_compare:		return "compare";
	case nvme_cmd_verify:		return "verify";
	case nvme_cmd_write_zeroes:	return "write zeroes";
	case nvme_cmd_write_uncor:	return "write uncorrectable";
	case nvme_cmd_dsm:		return "dataset management";
	case nvme_cmd_flush:		return "flush";
	default:			return "command";
	}
}

/* --- tags --- */

/* Returns the tags of block @i of @io. */
static struct pi_tags tags_at(const struct io *io, uint32_t i)
{
	const struct vfy_expect *e = &io->expect;
	struct pi_tags t = e->tags;

	if (i)
		t.ref = pi_ref_at(&io->ns->info.layout, &e->tags, i);
	if (e->each & PI_REF)
		t.ref = e->block[i].ref;
	if (e->each & PI_APP)
		t.app = e->block[i].app;
	if (e->each & PI_STORAGE)
		t.storage = e->block[i].storage;
	return t;
}

unsigned io_tags_differ(const struct pi_tags *a, const struct pi_tags *b)
{
	return (a->ref != b->ref ? PI_REF : 0) | (a->app != b->app ? PI_APP : 0) |
	       (a->storage != b->storage ? PI_STORAGE : 0);
}

/* Returns the fields of block @i whose values do not follow from @t, the tags of block @first. */
static unsigned breaks(const struct io *io, const struct pi_tags *t, uint32_t first, uint32_t i)
{
	struct pi_tags want = *t, is = tags_at(io, i);

	want.ref = pi_ref_at(&io->ns->info.layout, t, i - first);
	return io_tags_differ(&want, &is);
}

uint32_t io_run(const struct io *io, uint32_t first, struct pi_tags *t)
{
	uint32_t i = first + 1;

	if (io->ns->info.layout.type == PI_NONE) {
		*t = io->expect.tags;
		return io->nr_blocks - first;
	}
	*t = tags_at(io, first);
	if (!io->expect.each)
		return io->nr_blocks - first;
	while (i < io->nr_blocks && !breaks(io, t, first, i))
		i++;
	return i - first;
}

/*
 * Returns the fields that the target cannot ask the device to check in @io, as their tags, which a
 * plugin may have chosen, are not those that it carries.
 */
static unsigned beyond_target(const struct io *io)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const struct pi_tags *t = &io->expect.tags;

	if (l->type == PI_NONE || !(target_lacks(io->ns->target) & TARGET_LACKS_TAGS))
		return 0;
	return (t->app_mask != 0xffff ? PI_APP : 0) |
	       (t->ref != (io->slba & pi_ones(pi_ref_bits(l))) ? PI_REF : 0);
}

unsigned io_beyond_device(const struct io *io)
{
	struct pi_tags first;
	unsigned fields = io->expect.free | beyond_target(io);

	if (!io->expect.each)
		return fields;
	first = tags_at(io, 0);
	for (uint32_t i = 1; i < io->nr_blocks; i++)
		fields |= breaks(io, &first, 0, i);
	return fields;
}

struct nvme_io io_command(const struct io *io, uint32_t first, uint32_t nr)
{
	const struct job_ns *ns = io->ns;
	struct io_blocks b = io_blocks(io, first);
	struct nvme_io command = {
		.opcode = io->opcode,
		.pract = io->pract,
		.fua = io_looks(io->opcode) ? ns->readfua : ns->writefua,
		.deac = ns->deac,
		.directive = io->directive,
		.checks = io->checks,
		.slba = io->slba + first,
		.nr_blocks = nr,
		.data = b.data,
		.md = b.md,
	};

	io_run(io, first, &command.tags);
	return command;
}

/* --- checks --- */

bool io_is_ours(const struct io *io, uint32_t i)
{
	const struct job_ns *ns = io->ns;

	return ns->written && vfy_written_throughout(ns->written, io->slba, io->nr_blocks, io->started_at,
						     io->slba + i);
}

unsigned io_checks_of(const struct io *io, unsigned checks, uint32_t i)
{
	const struct job_ns *ns = io->ns;
	const unsigned own_only = ns->own_only & ~io->given;

	if (!(checks & own_only) || io->opcode != nvme_cmd_read)
		return checks;
	return io_is_ours(io, i) && vfy_written_alike(ns->written, ns->kind) ? checks : checks & ~own_only;
}

unsigned io_host_checks(const struct io *io, const struct io_job *job)
{
	unsigned checks = io->ns->verify | (io->ns->verify_md ? VFY_METADATA : 0);

	if (io->ns->own_only && !io_some_ours(io))
		checks &= ~io->ns->own_only | io->given;
	return checks & ~job->plugin.session.owns & ~io->expect.free;
}

/* --- poison: values that a read has to replace --- */

void io_poison(const struct job_ns *ns, uint64_t lba, struct io_blocks b, uint32_t nr)
{
	const struct pi_layout *l = &ns->info.layout;

	pi_poison_at(&ns->poison, lba, b.data, l->extended ? NULL : b.md, nr);
	if (vfy_md_present(l))
		vfy_md_poison(l, b.md, b.md_stride, nr);
}

uint32_t io_poisoned(const struct job_ns *ns, uint64_t lba, struct io_blocks b, uint32_t nr)
{
	return pi_poisoned_at(&ns->poison, lba, b.data, ns->info.layout.extended ? NULL : b.md, nr);
}

/* --- counts --- */

enum io_unchecked io_unchecked_of(const struct job_ns *ns)
{
	if (ns->info.layout.type == PI_NONE && !ns->verify_md)
		return IO_NO_PI;
	if (ns->info.layout.type != PI_NONE && !ns->wire.pi)
		return IO_PRACT;
	return ns->verify || ns->verify_md ? IO_NOT_OURS : IO_NOT_ASKED;
}

void io_count_read(const struct io *io, unsigned checks, uint32_t nr, uint32_t escaped, uint32_t blank,
		   struct io_job *job)
{
	struct io_stats *st = &job->stats;

	if (!checks && !vfy_plugin_checks(&job->plugin)) {
		st->unchecked[io_unchecked_of(io->ns)] += nr;
		return;
	}
	st->escaped[io->ns->info.layout.type == PI_TYPE3] += escaped;
	if (!checks) {
		st->unchecked[IO_PLUGIN] += nr - escaped;
		return;
	}
	st->unchecked[IO_BLANK] += blank;
	st->checked += nr - escaped - blank;
}

enum io_maker io_maker_of(const struct job_ns *ns)
{
	return ns->info.layout.type == PI_NONE ? IO_WITHOUT : ns->pract ? IO_BY_DEVICE : IO_BY_HOST;
}

void io_count_change(uint8_t opcode, uint64_t nr, struct io_stats *st)
{
	st->changed[opcode == nvme_cmd_dsm ? IO_DEALLOCATED : opcode == nvme_cmd_write_zeroes ? IO_ZEROED :
		    IO_UNCORRECTABLE] += nr;
}

void io_count_fast(const struct job_ns *ns, struct io_stats *st)
{
	st->written[io_maker_of(ns)] += st->fast_written;
	if (!ns->verify)
		st->unchecked[io_unchecked_of(ns)] += st->fast_read;
	st->asked += ns->prchk_read ? st->fast_read : 0;
	st->fast_read = st->fast_written = 0;
}

bool io_is_media_error(const struct io *io, uint32_t first, uint32_t nr, int status,
		       const struct io_job *job)
{
	const struct vfy_written *spoiled = io_looks(io->opcode) ? io->ns->spoiled : NULL;

	return !job->media_apart && nvme_result_meaning(status) == NVME_VERDICT &&
	       nvme_result_errno(status) != EILSEQ &&
	       !(spoiled && vfy_written_any(spoiled, io->slba + first, nr));
}
