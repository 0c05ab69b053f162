// SPDX-License-Identifier: GPL-2.0-only
/* expect.c - what a command may return; see model.h */
#include <string.h>
#include "model.h"

/* Returns the possible results of the checks of blocks in the host's memory. */
static uint32_t check_host(const struct qm_format *f, const struct nvme_uring_cmd *cmd,
			   const struct qm_range *r)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; r->checks && i < r->nr && !(f->strict && wrong); i++) {
		const struct qm_place p = qm_place(f, cmd, r->pract, i);

		wrong |= qm_check_block(f, r, i, p.data, p.md, NULL);
	}
	return wrong;
}

/* --- checks of every command --- */

static bool out_of_range(const struct qm_format *f, uint64_t lba, uint64_t nr)
{
	return lba >= f->nr_blocks || nr > f->nr_blocks - lba;
}

/*
 * Base, MDTS: limits the data, and metadata that is interleaved with it unless CTRATT.MEM is set.
 */
static bool too_large(const struct qm_format *f, const struct qm_range *r)
{
	const uint64_t block = f->data_only ? f->data_size : qm_wire(f, r->pract).data;

	return f->max_bytes && r->nr * block > f->max_bytes;
}

/*
 * 3.3.5, 3.3.7, 3.3.8: VSL, WUSL and WZSL are limits if the command's bit in ONCS is clear. If it
 * is set they are recommendations, and the limit here is 0.
 */
static uint32_t check_limit(const struct qm_format *f, const struct qm_range *r, uint64_t limit)
{
	return limit && (uint64_t)r->nr * f->data_size > limit ? QS(QS_FIELD) : 0;
}

static uint32_t check_fields(const struct qm_format *f, const struct qm_range *r, bool moves)
{
	uint32_t wrong = 0;

	if (out_of_range(f, r->lba, r->nr))
		wrong |= QS(QS_LBA);
	if (moves && too_large(f, r))
		wrong |= QS(QS_FIELD);
	return wrong;
}

static struct qm_expect only(uint32_t allowed)
{
	return (struct qm_expect){ .allowed = allowed };
}

/* --- one function per command --- */

static struct qm_expect expect_read(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const struct qm_range r = qm_range(&m->f, cmd);
	uint32_t wrong = check_fields(&m->f, &r, true);
	bool may;
	const uint32_t admit = qm_admit(&m->f, &r, &may);

	if (wrong || (admit && !may))
		return only(wrong | admit);
	return (struct qm_expect){ qm_check_media(m, &r) | admit, .any_dnr = may };
}

static struct qm_expect expect_verify(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const struct qm_range r = qm_range(&m->f, cmd);
	uint32_t wrong = check_fields(&m->f, &r, false), media;
	const bool pract = cmd->cdw12 >> 29 & 1;
	bool may;
	const uint32_t admit = qm_admit(&m->f, &r, &may);

	wrong |= check_limit(&m->f, &r, m->f.verify_max);
	if (pract && m->f.type)		/* figure 61 */
		wrong |= QS(QS_FIELD);
	if (wrong || (admit && !may))
		return only(wrong | admit);
	media = qm_check_media(m, &r);
	/* 3.3.5: the error may differ from the one with which a Read would end. */
	if (media & QM_MEDIA_ERRORS && !(media & QS(QS_UNWRITTEN)))
		media |= QM_MEDIA_ERRORS;
	return (struct qm_expect){ media | admit | (pract ? QS(QS_FIELD) : 0), .any_dnr = may };
}

static struct qm_expect expect_write(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	struct qm_range r = qm_range(&m->f, cmd);
	uint32_t wrong = check_fields(&m->f, &r, true), admit;
	bool may;

	if (r.pract)			/* 5.3.2.1: PRCHK and STC are ignored */
		r.checks = 0;
	admit = qm_admit(&m->f, &r, &may);
	if (wrong || (admit && !may))
		return only(wrong | admit);
	wrong = check_host(&m->f, cmd, &r);
	return (struct qm_expect){ (wrong ? wrong : QS(QS_OK)) | admit, .any_dnr = may };
}

/*
 * 3.3.1: returns whether the host's block @i differs from this content, apart from protection
 * information.
 */
static bool differs(const struct qm_format *f, const struct qm_place *p, const uint8_t *bytes)
{
	const unsigned at = f->type ? qm_tuple_offset(f) : f->md_size, end = at + qm_tuple_size(f);
	const uint8_t *md = bytes + f->data_size;

	if (memcmp(p->data, bytes, f->data_size))
		return true;
	return p->md && (memcmp(p->md, md, at) || memcmp(p->md + end, md + end, f->md_size - end));
}

static uint32_t compare_blocks(struct qm *m, const struct nvme_uring_cmd *cmd,
			       const struct qm_range *r)
{
	uint32_t all = QS(QS_OK);

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct qm_place p = qm_place(&m->f, cmd, false, i);
		const struct qm_block *b = qm_block(m, r->lba + i);
		bool same = !b || b->may & (QM_ANY | QM_UNCOR), other = !b || b->may & QM_ANY;

		for (unsigned as = QM_BYTES; b && as <= QM_BLANK; as <<= 1)
			if (m->f.dulbe && b->may & as & QM_DEALLOCATED)
				same = true;	/* it is not compared */
			else if (b->may & as)
				*(differs(&m->f, &p, qm_content(m, b, as)) ? &other : &same) = true;
		if (other)
			all |= QS(QS_COMPARE);
		if (!same)
			all &= ~QS(QS_OK);
	}
	return all;
}

/*
 * 5.3.2.4: checks of what comes from the host and of what is on media, and the comparison.
 * ILBRT that is not of SLBA is Invalid Protection Information (5.3.3), any miscompare is Compare
 * Failure (3.3.1): where both hold, neither section goes first.
 */
static struct qm_expect expect_compare(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	struct qm_range r = qm_range(&m->f, cmd);
	const bool pract = r.pract;
	uint32_t wrong, host, media, same;
	bool may;
	const uint32_t admit = qm_admit(&m->f, &r, &may);

	r.pract = false;
	wrong = check_fields(&m->f, &r, true);
	if (pract)			/* figure 26: a reserved value of a defined field */
		wrong |= QS(QS_FIELD) | QS(QS_PI);
	if (wrong)
		return only(wrong | admit);
	if (admit && !may)
		r.checks = 0;
	host = check_host(&m->f, cmd, &r);
	media = qm_check_media(m, &r);
	same = compare_blocks(m, cmd, &r);
	wrong = (host | media | same) & ~QS(QS_OK);
	if (admit && !may)
		return only(wrong | admit);
	if (!host && media & same & QS(QS_OK))
		wrong |= QS(QS_OK);
	return (struct qm_expect){ wrong | admit, .any_dnr = may };
}

/* Figure 82: PRCHK and STC shall be cleared. */
static struct qm_expect expect_zeroes(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const struct qm_range r = qm_range(&m->f, cmd);
	const uint32_t refused = QS(QS_PI) | QS(QS_FIELD);
	uint32_t wrong = check_fields(&m->f, &r, false);

	wrong |= check_limit(&m->f, &r, m->f.zeroes_max);
	if (r.checks)
		wrong |= refused;
	if (wrong)
		return only(wrong);
	/* Bits of checks without a meaning in this format. */
	return only(QS(QS_OK) | (cmd->cdw12 & (7u << 26 | 1u << 24) ? refused : 0));
}

/* CDW12 bits 31:24 are reserved: a controller need not check them. */
static struct qm_expect expect_uncorrectable(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const struct qm_range r = qm_range(&m->f, cmd);
	const uint32_t wrong = check_fields(&m->f, &r, false) |
			       check_limit(&m->f, &r, m->f.uncor_max);

	if (wrong)
		return only(wrong | (cmd->cdw12 >> 24 ? QS(QS_FIELD) : 0));
	return only(QS(QS_OK) | (cmd->cdw12 >> 24 ? QS(QS_FIELD) : 0));
}

/*
 * 3.3.3, figure 17: advisory, but a range beyond the end is one; beyond DMRL nobody need look
 * at it (3.3.3.1).
 */
static struct qm_expect expect_dsm(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const struct nvme_dsm_range *ranges = (const void *)(uintptr_t)cmd->addr;
	uint32_t all = QS(QS_OK);

	for (unsigned i = 0; i <= (cmd->cdw10 & 0xff); i++)
		if (ranges[i].nlb && out_of_range(&m->f, ranges[i].slba, ranges[i].nlb)) {
			all |= QS(QS_LBA);
			if (!m->f.dsm_ranges || i < m->f.dsm_ranges)
				all &= ~QS(QS_OK);
		}
	if (cmd->cdw12 | cmd->cdw13 | cmd->cdw14 | cmd->cdw15)
		all |= QS(QS_FIELD);
	return only(all);
}

/* Base, Identify Controller, VWC.FB: what NSID FFFFFFFFh does. */
static struct qm_expect expect_flush(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	const bool all = cmd->nsid == NVME_NSID_ALL;
	const uint32_t refused = all && m->f.flush_all < 3 ? QS(QS_NS) : 0;
	const uint32_t good = all && m->f.flush_all == 2 ? 0 : QS(QS_OK);

	return only(good | refused | (cmd->cdw10 | cmd->cdw11 | cmd->cdw12 | cmd->cdw13 | cmd->cdw14 |
				 cmd->cdw15 ? QS(QS_FIELD) : 0));
}

/* Commands, and their bit in ONCS; 0: every controller has the command. */
static const struct {
	struct qm_expect (*expect)(struct qm *m, const struct nvme_uring_cmd *cmd);
	uint16_t	oncs;
} commands[256] = {
	[nvme_cmd_flush]	= { expect_flush, 0 },
	[nvme_cmd_write]	= { expect_write, 0 },
	[nvme_cmd_read]		= { expect_read, 0 },
	[nvme_cmd_write_uncor]	= { expect_uncorrectable, NVME_CTRL_ONCS_WRITE_UNCORRECTABLE },
	[nvme_cmd_compare]	= { expect_compare, NVME_CTRL_ONCS_COMPARE },
	[nvme_cmd_write_zeroes]	= { expect_zeroes, NVME_CTRL_ONCS_WRITE_ZEROES },
	[nvme_cmd_dsm]		= { expect_dsm, NVME_CTRL_ONCS_DSM },
	[nvme_cmd_verify]	= { expect_verify, NVME_CTRL_ONCS_VERIFY },
	[nvme_cmd_copy]		= { qm_expect_copy, NVME_CTRL_ONCS_COPY },
};

struct qm_expect qm_expect(struct qm *m, const struct nvme_uring_cmd *cmd)
{
	struct qm_expect e;

	if (!commands[cmd->opcode].expect)
		return only(QS(QS_OPCODE));
	if (cmd->nsid != m->f.nsid &&
	    !(cmd->opcode == nvme_cmd_flush && cmd->nsid == NVME_NSID_ALL))
		return only(QS(QS_NS) | QS(QS_FIELD));
	e = commands[cmd->opcode].expect(m, cmd);
	/* Base, Identify Controller, ONCS: a command that it does not have is none. */
	if (commands[cmd->opcode].oncs & ~m->f.oncs)
		e.allowed = (e.allowed & ~QS(QS_OK)) | QS(QS_OPCODE);
	return e;
}
