// SPDX-License-Identifier: GPL-2.0-only
/* script.c - see script.h */
#include <stdio.h>
#include <stdlib.h>
#include "lab.h"
#include "script.h"

/* A script being written. */
struct script {
	FILE		*out;
	const struct lab *l;
	unsigned	files;		/* written so far */
};

static void put_base64(FILE *out, const uint8_t *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		const size_t left = len - i;
		const uint32_t v =
			p[i] << 16 | (left > 1 ? p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);

		fputc(digits[v >> 18], out);
		fputc(digits[v >> 12 & 63], out);
		fputc(left > 1 ? digits[v >> 6 & 63] : '=', out);
		fputc(left > 2 ? digits[v & 63] : '=', out);
		if (i % 57 == 54 || left <= 3)
			fputc('\n', out);
	}
}

/* Adds a file with these bytes to the script's folder; returns its number. */
static unsigned put_file(struct script *s, const void *p, size_t len)
{
	fprintf(s->out, "base64 -d >\"$dir/%u\" <<'END'\n", ++s->files);
	put_base64(s->out, p, len);
	fputs("END\n", s->out);
	return s->files;
}

static bool sends_data(const struct nvme_uring_cmd *cmd)
{
	return cmd->opcode & 1;		/* opcode bits 1:0: 01b is host to controller */
}

/* Writes one line that sends @cmd. */
static void put_command(struct script *s, const struct nvme_uring_cmd *cmd, const char *before)
{
	const bool write = sends_data(cmd) && cmd->data_len;
	const uint32_t dwords[] = { cmd->cdw2, cmd->cdw3, cmd->cdw10, cmd->cdw11, cmd->cdw12,
				    cmd->cdw13, cmd->cdw14, cmd->cdw15 };
	static const int numbers[] = { 2, 3, 10, 11, 12, 13, 14, 15 };
	unsigned data = 0, md = 0;

	if (write)
		data = put_file(s, (void *)(uintptr_t)cmd->addr, cmd->data_len);
	if (write && cmd->metadata_len)
		md = put_file(s, (void *)(uintptr_t)cmd->metadata, cmd->metadata_len);
	fprintf(s->out, "%snvme io-passthru \"$dev\" --opcode=0x%02x --namespace-id=%u", before,
		cmd->opcode, cmd->nsid);
	for (int i = 0; i < 8; i++)
		if (dwords[i])
			fprintf(s->out, " --cdw%d=0x%x", numbers[i], dwords[i]);
	if (cmd->data_len)
		fprintf(s->out, " --data-len=%u %s", cmd->data_len, write ? "--write" : "--read");
	if (cmd->metadata_len)
		fprintf(s->out, " --metadata-len=%u", cmd->metadata_len);
	if (data)
		fprintf(s->out, " --input-file=\"$dir/%u\"", data);
	if (md)
		fprintf(s->out, " --metadata=\"$dir/%u\"", md);
	else if (cmd->metadata_len)
		fputs(" --metadata=\"$dir/metadata\"", s->out);
	fputs("\n", s->out);
}

/* --- earlier content of blocks --- */

/* Writes a block with its earlier content, without checks. */
static void put_bytes(struct script *s, uint64_t lba, const uint8_t *bytes)
{
	const struct qm_format *f = &s->l->f;
	const struct qm_wire w = qm_wire(f, false);
	const struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_write, .nsid = f->nsid, .cdw10 = lba, .cdw11 = lba >> 32,
		.addr = (uintptr_t)bytes, .data_len = w.data,
		.metadata = w.md ? (uintptr_t)(bytes + f->data_size) : 0, .metadata_len = w.md,
	};

	put_command(s, &cmd, "");
}

static void put_deallocate(struct script *s, uint64_t lba)
{
	struct nvme_dsm_range range = { .nlb = 1, .slba = lba };
	const struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_dsm, .nsid = s->l->f.nsid, .cdw11 = NVME_DSMGMT_AD,
		.addr = (uintptr_t)&range, .data_len = sizeof(range),
	};

	put_command(s, &cmd, "");
}

static void put_uncorrectable(struct script *s, uint64_t lba)
{
	const struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_write_uncor, .nsid = s->l->f.nsid,
		.cdw10 = lba, .cdw11 = lba >> 32,
	};

	put_command(s, &cmd, "");
}

static void put_block(struct script *s, uint64_t lba)
{
	const struct qm_block *b = qm_block(&s->l->model, lba);

	if (!b || b->may & QM_ANY)
		return;
	if (b->may & QM_BYTES)
		put_bytes(s, lba, b->bytes);
	else if (b->may & QM_OTHER)
		put_bytes(s, lba, b->other);
	else if (b->may & QM_BLANK)
		put_bytes(s, lba, qm_content(&s->l->model, b, QM_BLANK));
	else if (b->may & QM_UNCOR)
		put_uncorrectable(s, lba);
	else
		put_deallocate(s, lba);
}

/* --- all of it --- */

/*
 * The blocks that @cmd meets.  Those that it has written by now the model knows as they are
 * afterwards, so they are left out.
 */
static void put_setup(struct script *s, const struct nvme_uring_cmd *cmd, bool written)
{
	const struct qm_range r = qm_range(&s->l->f, cmd);

	if (cmd->opcode == nvme_cmd_flush)
		return;
	if (cmd->opcode == nvme_cmd_copy && qm_source_size(cmd->cdw12 >> 8 & 0xf)) {
		for (unsigned i = 0; i <= (cmd->cdw12 & 0xff); i++) {
			const struct qm_range from = qm_source(&s->l->f, cmd, i).range;

			for (uint32_t j = 0; j < from.nr; j++)
				put_block(s, from.lba + j);
		}
		return;
	}
	for (uint32_t i = 0; !written && i < r.nr && i < s->l->cap; i++)
		put_block(s, r.lba + i);
}

/* May @cause have changed the block so that the model knows it no more as it was? */
static bool is_changed(const struct qm_format *f, const struct nvme_uring_cmd *cause, uint64_t lba)
{
	const struct qm_range r = qm_range(f, cause);
	const uint64_t nr = cause->opcode == nvme_cmd_copy ? qm_copy_length(f, cause) : r.nr;

	return cause->opcode != nvme_cmd_dsm && cause->opcode != nvme_cmd_flush && lba - r.lba < nr;
}

/* Blocks that are looked at after @cause, which should have left them alone. */
static void put_beside(struct script *s, const struct nvme_uring_cmd *cause,
		       const struct nvme_uring_cmd *look)
{
	const struct qm_range r = qm_range(&s->l->f, look);

	for (uint32_t i = 0; i < r.nr && i < s->l->cap; i++)
		if (!is_changed(&s->l->f, cause, r.lba + i))
			put_block(s, r.lba + i);
}

static void put_head(struct script *s, const struct lab_finding *x)
{
	char name[80];

	fprintf(s->out,
		"#!/bin/sh\n"
		"# Found by nvmepi-qualify on %s, firmware %s, in format %s.\n"
		"# %s\n# expected: %s\n# got: %s\n"
		"# It overwrites the blocks that it names. It needs nvme-cli and base64.\n"
		"dev=${1:?usage: sh SCRIPT DEVICE}\n"
		"dir=$(mktemp -d) || exit 2\n"
		"trap 'rm -rf \"$dir\"' EXIT\n: >\"$dir/metadata\"\n",
		s->l->id.model, s->l->id.firmware, lab_format_name(&s->l->f, name), x->command,
		x->expected, x->got);
}

char *script_make(struct lab *l, const struct lab_finding *x, const struct nvme_uring_cmd *last)
{
	char *text = NULL;
	size_t size;
	struct script s = { .out = x->sent ? open_memstream(&text, &size) : NULL, .l = l };

	if (!s.out)
		return NULL;
	put_head(&s, x);
	fputs("# The contents of the blocks before the command:\n", s.out);
	put_setup(&s, &x->cmd, l->cause && l->cause_good);
	if (l->cause)
		put_beside(&s, l->cause, last);
	fputs("# The command that shows the error:\n", s.out);
	if (l->cause)
		put_command(&s, l->cause, "");
	put_command(&s, last, "");
	fprintf(s.out, "echo 'expected: %s'\n", x->expected);
	if (fclose(s.out)) {
		free(text);
		return NULL;
	}
	return text;
}
