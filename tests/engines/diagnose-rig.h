/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diagnose-rig.h - a namespace of the embedded controller, one I/O on it, and blocks that are
 * damaged by writing them unchecked, one thing wrong in each
 */
#ifndef DIAGNOSE_RIG_H
#define DIAGNOSE_RIG_H

#include <errno.h>
#include <unistd.h>

#include "engines/controller/controller.h"
#include "tests/lib/formats.h"
#include "tests/lib/folder.h"
#include "tests/lib/capture.h"

enum { BLOCKS = 40, SLBA = 5 };

static const struct oracle_format formats[] = {
	{ .data_size = 512, .md_size = 8, .type = 1 },
	{ .data_size = 512, .md_size = 24, .type = 2, .sts = 12, .extended = true },
	{ .data_size = 4096, .md_size = 64, .type = 1, .first = true, .extended = true },
	{ .data_size = 4096, .md_size = 16, .type = 2, .pif = 2, .sts = 16, .extended = true },
	{ .data_size = 4096, .md_size = 32, .type = 1, .pif = 1, .sts = 32, .first = true },
	{ .data_size = 4096, .md_size = 16, .type = 3, .pif = 2 },
};

/* A namespace with good blocks, opened as a job does, and one I/O's buffers. */
struct rig {
	struct oracle_format	f;
	struct job_opts		o;
	struct job_size		size;
	struct job_ns		ns;
	struct io		io;
	uint8_t			*scratch;
};

static inline struct job_opts opts_of(const struct oracle_format *f)
{
	return (struct job_opts){
		.storage_check = -1, .apptag = 0x1234, .apptag_mask = 0xffff,
		.apptag_given = true, .remembers = true,
		.ref_given = f->type != 1, .ref = f->type != 1 ? 0xabc : 0,
		.storage_given = f->sts, .storage = f->sts ? 0x5a5 : 0, .compare = true,
		.write_mode = { 1, { { nvme_cmd_write, 100 } } }, .reads = true, .writes = true,
		.open = {
			.write = true, .size = 64 * f->data_size,
			.format = { f->data_size, f->md_size, f->extended, f->type, f->first,
				    f->pif, f->sts },
		},
	};
}

static inline void rig_open(struct rig *r, const struct oracle_format *f, bool pract)
{
	char why[WHY_MAX] = "";
	size_t block = f->data_size + f->md_size;

	*r = (struct rig){ .f = *f, .o = opts_of(f), .scratch = allocate(block) };
	r->size = (struct job_size){ .option = "bs", .bytes = BLOCKS * f->data_size,
				       .kind = JOB_SIZE_TRANSFER };
	r->o.pract = pract;
	r->o.sizes = &r->size;
	r->o.nr_sizes = 1;
	if (!UNIT_CHECK(!job_ns_open(&controller_target, "img", &r->o, &r->ns, why), "%s", why))
		exit(1);
	r->ns.own_only = 0;			/* as if this run had written every block */
	r->io = (struct io){
		.ns = &r->ns, .slba = SLBA, .nr_blocks = BLOCKS, .buf = allocate(BLOCKS * block),
		.bounce = allocate(r->ns.bounce_size), .md = allocate(r->ns.md_size),
	};
}

static inline void rig_close(struct rig *r)
{
	free(r->io.buf);
	free(r->io.bounce);
	free(r->io.md);
	free(r->scratch);
	job_ns_close(&r->ns);
	unlink("img");
	unlink("img.format");
	unlink("img.state");
}

/* Start a command on all blocks and execute it; its status. */
static inline int command(struct rig *r, uint8_t opcode)
{
	struct nvme_uring_cmd cmd = { 0 };

	r->io.opcode = opcode;
	capture_start(&r->io, &cmd);
	return r->ns.target->ops->io(r->ns.target, &cmd);
}

/* A command from start to end, as an engine has it; its errno. */
static inline int io(struct rig *r, uint8_t opcode)
{
	return capture_end(&r->io, command(r, opcode), r->scratch);
}

static inline void rig_fill(struct rig *r)
{
	unit_random_fill(r->io.buf, BLOCKS * r->f.data_size);
	UNIT_CHECK(!io(r, nvme_cmd_write), "%s: good blocks can't be written", format_text(&r->f));
}

/* --- one block as it is on media --- */

/* In the scratch block: data, then metadata, in every format. */
static inline void raw(struct rig *r, uint8_t opcode, uint32_t block)
{
	struct nvme_io io = {
		.opcode = opcode, .slba = SLBA + block, .nr_blocks = 1, .data = r->scratch,
		.md = r->scratch + r->f.data_size,
	};
	struct nvme_uring_cmd cmd = { 0 };
	int res;

	nvme_build_io(&cmd, &r->ns.info, &io);
	res = r->ns.target->ops->io(r->ns.target, &cmd);
	UNIT_CHECK(!res, "%s: raw command %02xh: %xh", format_text(&r->f), opcode, res);
}

static inline struct oracle_tuple tags_of(const struct rig *r, uint32_t block)
{
	return (struct oracle_tuple){ {
		[ORACLE_APP] = r->o.apptag, [ORACLE_STORAGE] = r->o.storage,
		[ORACLE_REF] = oracle_ref(&r->f, r->o.ref, SLBA + block),
	} };
}

static const struct {
	const char	*status;
	unsigned	field;
} of_field[ORACLE_FIELDS] = {
	{ "End-to-end Guard Check Error (282h)", PI_GUARD },
	{ "End-to-end Application Tag Check Error (283h)", PI_APP },
	{ "End-to-End Storage Tag Check Error (288h)", PI_STORAGE },
	{ "End-to-end Reference Tag Check Error (284h)", PI_REF },
};

/* Flip a bit of @field of a block, or of its data; what must be told of it. */
static inline struct vfy_mismatch damage(struct rig *r, uint32_t block, enum oracle_field field, bool data,
				       const char *name)
{
	uint8_t *md = r->scratch + r->f.data_size, *at = md + oracle_tuple_offset(&r->f);
	struct oracle_tuple want = tags_of(r, block), tuple;

	raw(r, nvme_cmd_read, block);
	tuple = oracle_unpack(&r->f, at);
	if (data)
		r->scratch[unit_random_below(r->f.data_size)] ^= 0x20;
	else
		tuple.field[field] ^= 1ULL << unit_random_below(oracle_bits(&r->f, field));
	oracle_pack(&r->f, &tuple, at);
	raw(r, nvme_cmd_write, block);
	want.field[ORACLE_GUARD] = oracle_guard(&r->f, r->scratch, md);
	return (struct vfy_mismatch){
		.path = "img", .command = name, .lba = SLBA + block, .field = of_field[field].field,
		.known = true, .want = want.field[field], .got = tuple.field[field],
		.side = VFY_DEVICE, .status = of_field[field].status,
	};
}

static inline bool has_field(const struct oracle_format *f, enum oracle_field field)
{
	return oracle_bits(f, field) && !(f->type == 3 && field == ORACLE_REF);
}

#endif
