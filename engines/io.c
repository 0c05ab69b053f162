/* SPDX-License-Identifier: GPL-2.0-only */
/* io.c - see io.h */
#include <errno.h>
#include "../verify/metadata.h"
#include "io.h"

static bool sends_blocks(uint8_t opcode)
{
	return opcode == nvme_cmd_write || opcode == nvme_cmd_compare;
}

/* Compare has no PRACT, and Verify shall not have it set. */
static bool pract_of(const struct io *io)
{
	return io->ns->pract && io->opcode != nvme_cmd_compare && io->opcode != nvme_cmd_verify;
}

struct pi_tags io_tags(const struct job_ns *ns, uint64_t lba)
{
	struct pi_tags t = ns->tags;

	if (ns->info.layout.type != PI_NONE)
		t.ref = pi_ref_at(&ns->info.layout, &ns->tags, lba);
	return t;
}

/* The layout with its tuples left to somebody else: data moves, nothing more. */
static struct pi_layout without_tuples(const struct pi_layout *l)
{
	struct pi_layout plain = *l;

	plain.type = PI_NONE;
	return plain;
}

/* Metadata and tuples of the blocks that are sent, wherever they lie. */
static void prepare(const struct io *io, const struct nvme_wire *wire)
{
	const struct pi_layout *l = &io->ns->info.layout;
	struct pi_tags tags = io_tags(io->ns, io->slba);
	bool generate = wire->pi && !pract_of(io);
	struct pi_layout plain;
	void *blocks = io->bounced ? io->bounce : io->buf;

	if (wire->data + wire->md == l->data_size)
		return;				/* no metadata crosses */
	if (vfy_md_present(l)) {
		if (l->extended)
			vfy_md_fill(l, io->slba, (uint8_t *)blocks + l->data_size, wire->data,
				    io->nr_blocks);
		else
			vfy_md_fill(l, io->slba, io->md, wire->md, io->nr_blocks);
	}
	if (!generate) {
		plain = without_tuples(l);
		l = &plain;
	}
	if (io->bounced)
		pi_insert(l, &tags, io->buf, blocks, io->nr_blocks);
	else
		pi_generate(l, &tags, blocks, l->extended ? NULL : io->md, io->nr_blocks);
}

struct nvme_io io_command(const struct io *io, uint32_t first, uint32_t nr)
{
	const struct job_ns *ns = io->ns;
	struct nvme_wire wire = nvme_wire(&ns->info.layout, pract_of(io));
	uint8_t *blocks = io->bounced ? io->bounce : io->buf;

	return (struct nvme_io) {
		.opcode = io->opcode,
		.pract = pract_of(io),
		.fua = io->opcode == nvme_cmd_read ? ns->readfua : ns->writefua,
		.deac = ns->deac,
		.checks = ns->prchk,
		.slba = io->slba + first,
		.nr_blocks = nr,
		.tags = io_tags(ns, io->slba + first),
		.data = blocks + (size_t)first * wire.data,
		.md = (uint8_t *)io->md + (size_t)first * wire.md,
	};
}

bool io_bounces(const struct io *io)
{
	return nvme_wire(&io->ns->info.layout, pract_of(io)).data != io->ns->host_block;
}

void io_start(struct io *io, struct nvme_uring_cmd *cmd)
{
	struct nvme_wire wire = nvme_wire(&io->ns->info.layout, pract_of(io));
	struct nvme_io command;

	io->bounced = io_bounces(io);
	if (sends_blocks(io->opcode))
		prepare(io, &wire);
	command = io_command(io, 0, io->nr_blocks);
	nvme_build_io(cmd, &io->ns->info, &command);
}

/* How many mismatches are in what was read?  Moves the data to fio's buffer. */
static unsigned check(const struct io *io)
{
	const struct job_ns *ns = io->ns;
	const struct pi_layout *l = &ns->info.layout;
	struct pi_layout plain = without_tuples(l);
	struct pi_tags tags = io_tags(ns, io->slba);
	const uint8_t *blocks = io->bounced ? io->bounce : io->buf;
	unsigned bad = 0;

	if (!ns->verify)
		l = &plain;
	if (io->bounced)
		bad = pi_extract(l, &tags, ns->verify, blocks, io->buf, io->nr_blocks, NULL, 0);
	else if (ns->verify)
		bad = pi_verify(l, &tags, ns->verify, blocks, l->extended ? NULL : io->md,
				io->nr_blocks, NULL, 0);
	if (!ns->verify_md)
		return bad;
	l = &ns->info.layout;
	return bad + vfy_md_check(l, io->slba, blocks, ns->wire.data,
				  l->extended ? blocks + l->data_size : io->md,
				  l->extended ? ns->wire.data : ns->wire.md, io->nr_blocks, NULL, 0);
}

int io_end(struct io *io, int res, struct io_judge *judge)
{
	const struct job_ns *ns = io->ns;

	if (res) {
		if (nvme_result_errno(res) == EILSEQ)
			diagnose_device(io, res, judge);
		return nvme_result_errno(res);
	}
	if (io->opcode != nvme_cmd_read)
		return 0;
	judge->counts.checked += ns->verify || ns->verify_md ? io->nr_blocks : 0;
	if (!check(io))
		return 0;
	diagnose_host(io, VFY_HOST, NULL, ns->verify, ns->verify_md, judge);
	return EILSEQ;
}
