/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h - a simple model of a controller: what each command must do
 *
 * A namespace in memory that handles one block at a time and uses the bitwise implementation of
 * protection information (oracle.h).  It shares no code with the embedded controller, whose
 * results are compared with it: the status, the host's buffers, and finally the image.  "Spec" is
 * the NVM Command Set Specification.
 */
#ifndef CTL_MODEL_H
#define CTL_MODEL_H

#include <stdlib.h>
#include <string.h>
#include <linux/nvme_ioctl.h>

#include "tests/lib/oracle.h"

enum model_status {
	MODEL_OPCODE = 0x4001, MODEL_FIELD = 0x4002, MODEL_NS = 0x400b, MODEL_RANGE = 0x4080,
	MODEL_PI_DNR = 0x4181, MODEL_PI = 0x181, MODEL_SIZE = 0x4183,
	MODEL_OVERLAP = 0x4187, MODEL_UNREAD = 0x281, MODEL_GUARD = 0x282, MODEL_APP = 0x283,
	MODEL_REF = 0x284, MODEL_COMPARE = 0x285, MODEL_STORAGE = 0x288,
};

struct model {
	struct oracle_format	f;
	uint32_t		nr_blocks;
	unsigned		copy_formats;	/* CDFE: bits of formats 2h and 3h */
	uint8_t			*data;
	uint8_t			*md;
	bool			*written;
	bool			*bad;
};

static inline void model_init(struct model *m, const struct oracle_format *f, uint32_t nr_blocks)
{
	*m = (struct model){ .f = *f, .nr_blocks = nr_blocks };
	m->data = calloc(nr_blocks, f->data_size);
	m->md = calloc(nr_blocks, f->md_size + 1);
	m->written = calloc(nr_blocks, sizeof(bool));
	m->bad = calloc(nr_blocks, sizeof(bool));
	if (!m->data || !m->md || !m->written || !m->bad) {
		perror("model: calloc");
		exit(2);
	}
}

static inline void model_free(struct model *m)
{
	free(m->data);
	free(m->md);
	free(m->written);
	free(m->bad);
}

/* PRINFO and tags of a command. */
struct model_pi {
	unsigned		prchk;		/* 1 reference, 2 application, 4 guard */
	bool			storage;	/* STC; false without a storage tag */
	bool			pract;
	struct oracle_tuple	tags;
	uint16_t		app_mask;
};

static inline struct model_pi model_pi(const struct model *m, unsigned prinfo, bool stc,
				       const struct oracle_dwords *d)
{
	struct model_pi p = { 0 };

	if (!m->f.type)
		return p;
	p.prchk = prinfo & 7;
	p.pract = prinfo & 8;
	p.storage = stc && m->f.sts;
	p.tags = oracle_tags(&m->f, d, &p.app_mask);
	return p;
}

/* Spec: the rules of PRCHK that apply before data is transferred. */
static inline int model_admit(const struct model *m, const struct model_pi *p, uint64_t lba)
{
	const unsigned bits = oracle_bits(&m->f, ORACLE_REF);

	if (!(p->prchk & 1) || !bits)
		return 0;
	if (m->f.type == 1 && p->tags.field[ORACLE_REF] != oracle_ref(&m->f, lba, 0))
		return MODEL_PI_DNR;
	return m->f.type == 3 ? MODEL_PI : 0;
}

/* Return the status of a check of block @i of a command, with that data and metadata. */
static inline int model_check(const struct model *m, const struct model_pi *p, unsigned i,
			      const uint8_t *data, const uint8_t *md)
{
	static const int status[] = { MODEL_GUARD, MODEL_APP, MODEL_STORAGE, MODEL_REF };
	const struct oracle_tuple is = oracle_unpack(&m->f, md + oracle_tuple_offset(&m->f));
	const struct oracle_tuple mask = { {
		[ORACLE_GUARD] = p->prchk & 4 ? UINT64_MAX : 0,
		[ORACLE_APP] = p->prchk & 2 ? p->app_mask : 0,
		[ORACLE_STORAGE] = p->storage ? UINT64_MAX : 0,
		[ORACLE_REF] = p->prchk & 1 && m->f.type != 3 ? UINT64_MAX : 0,
	} };
	struct oracle_diff diffs[ORACLE_FIELDS];
	struct oracle_tuple want = p->tags;

	want.field[ORACLE_REF] = oracle_ref(&m->f, p->tags.field[ORACLE_REF], i);
	if (oracle_escapes(&m->f, &is) || !oracle_check(&m->f, data, md, &want, &mask, diffs))
		return 0;
	return status[diffs[0].field];
}

/* Read and check block @lba into @data and @md.  Returns a status. */
static inline int model_see(const struct model *m, const struct model_pi *p, unsigned i,
			    uint64_t lba,
			    uint8_t *data, uint8_t *md)
{
	const struct oracle_format *f = &m->f;
	uint8_t *tuple = md + (f->type ? oracle_tuple_offset(f) : 0);

	memcpy(data, m->data + lba * f->data_size, f->data_size);
	memcpy(md, m->md + lba * f->md_size, f->md_size);
	if (!m->written[lba]) {
		memset(data, 0, f->data_size);
		memset(md, 0, f->md_size);
	}
	if (!f->type)
		return 0;
	if (!m->written[lba])
		memset(tuple, 0xff, oracle_tuple_size(f));
	return model_check(m, p, i, data, md);
}

/* Read and check all blocks of a range into packed @data and @md.  Returns a status. */
static inline int model_see_all(const struct model *m, const struct model_pi *p, uint64_t lba,
				uint32_t nr, uint8_t *data, uint8_t *md)
{
	int ret = 0;

	for (uint32_t i = 0; i < nr; i++)
		if (m->bad[lba + i])
			return MODEL_UNREAD;
	for (uint32_t i = 0; i < nr && !ret; i++)
		ret = model_see(m, p, i, lba + i, data + (size_t)i * m->f.data_size,
				md + (size_t)i * m->f.md_size);
	return ret;
}

static inline void model_put(struct model *m, const struct model_pi *p, unsigned i, uint64_t lba,
			     const uint8_t *data, const uint8_t *md)
{
	const struct oracle_format *f = &m->f;
	uint8_t *to = m->md + lba * f->md_size;
	struct oracle_tuple tags = p->tags;

	memcpy(m->data + lba * f->data_size, data, f->data_size);
	memcpy(to, md, f->md_size);
	tags.field[ORACLE_REF] = oracle_ref(f, tags.field[ORACLE_REF], i);
	if (p->pract)
		oracle_generate(f, m->data + lba * f->data_size, to, &tags);
	m->written[lba] = true;
	m->bad[lba] = false;
}

static inline void model_deallocate(struct model *m, uint64_t lba, uint64_t nr)
{
	for (; nr; nr--, lba++) {
		m->written[lba] = m->bad[lba] = false;
		memset(m->data + lba * m->f.data_size, 0, m->f.data_size);
		memset(m->md + lba * m->f.md_size, 0, m->f.md_size);
	}
}

/* The decoded fields that most commands share. */
struct model_cmd {
	uint64_t	lba;
	uint32_t	nr;
	struct model_pi	pi;
	bool		md_crosses;
	uint8_t		*data, *md;		/* packed, nr blocks each */
};

static inline bool model_in_range(const struct model *m, uint64_t lba, uint64_t nr)
{
	return lba < m->nr_blocks && nr <= m->nr_blocks - lba;
}

/* Copy the host's buffers to packed blocks (@in), or back. */
static inline void model_transfer(const struct model *m, const struct model_cmd *c,
				  const struct nvme_uring_cmd *cmd, bool in)
{
	const bool both = m->f.extended && c->md_crosses;
	uint8_t *host = (uint8_t *)(uintptr_t)cmd->addr,
		*host_md = (uint8_t *)(uintptr_t)cmd->metadata;
	const size_t ds = m->f.data_size, ms = m->f.md_size, stride = ds + (both ? ms : 0);

	for (uint32_t i = 0; i < c->nr; i++) {
		uint8_t *d = host + i * stride, *h = both ? d + ds : host_md + i * ms;

		memcpy(in ? c->data + i * ds : d, in ? d : c->data + i * ds, ds);
		if (c->md_crosses)
			memcpy(in ? c->md + i * ms : h, in ? h : c->md + i * ms, ms);
	}
}

static inline int model_read(struct model *m, struct model_cmd *c, const struct nvme_uring_cmd *cmd)
{
	int ret = model_admit(m, &c->pi, c->lba);

	ret = ret ? ret : model_see_all(m, &c->pi, c->lba, c->nr, c->data, c->md);
	if (!ret)
		model_transfer(m, c, cmd, false);
	return ret;
}

static inline int model_write(struct model *m, struct model_cmd *c,
			      const struct nvme_uring_cmd *cmd)
{
	int ret = c->pi.pract ? 0 : model_admit(m, &c->pi, c->lba);
	const size_t ds = m->f.data_size, ms = m->f.md_size;

	model_transfer(m, c, cmd, true);
	for (uint32_t i = 0; i < c->nr && !ret && m->f.type && !c->pi.pract; i++)
		ret = model_check(m, &c->pi, i, c->data + i * ds, c->md + i * ms);
	for (uint32_t i = 0; i < c->nr && !ret; i++)
		model_put(m, &c->pi, i, c->lba + i, c->data + i * ds, c->md + i * ms);
	return ret;
}

static inline int model_write_zeroes(struct model *m, struct model_cmd *c)
{
	if (c->pi.prchk || c->pi.storage)
		return MODEL_PI_DNR;
	if (!c->pi.pract)
		model_deallocate(m, c->lba, c->nr);
	for (uint32_t i = 0; i < c->nr && c->pi.pract; i++)
		model_put(m, &c->pi, i, c->lba + i, c->data, c->md);
	return 0;
}

/* Compare metadata except the tuple, which Compare checks instead. */
static inline bool model_same_md(const struct model *m, const uint8_t *a, const uint8_t *b)
{
	const size_t at = m->f.type ? oracle_tuple_offset(&m->f) : m->f.md_size;
	const size_t end = at + oracle_tuple_size(&m->f);

	return !memcmp(a, b, at) && (end >= m->f.md_size || !memcmp(a + end, b + end,
								    m->f.md_size - end));
}

static inline int model_compare(struct model *m, struct model_cmd *c,
				const struct nvme_uring_cmd *cmd)
{
	const size_t ds = m->f.data_size, ms = m->f.md_size;
	uint8_t *data = malloc(c->nr * ds), *md = malloc(c->nr * ms + 1);
	int ret = 0;

	for (uint32_t i = 0; i < c->nr; i++)
		if (m->bad[c->lba + i])
			ret = MODEL_UNREAD;
	model_transfer(m, c, cmd, true);
	for (uint32_t i = 0; i < c->nr && !ret; i++) {
		const uint64_t lba = c->lba + i;
		const uint8_t *is = m->data + lba * ds;

		ret = memcmp(c->data + i * ds, is, ds) ? MODEL_COMPARE : 0;
	}
	ret = ret ? ret : model_admit(m, &c->pi, c->lba);
	ret = ret ? ret : model_see_all(m, &c->pi, c->lba, c->nr, data, md);
	for (uint32_t i = 0; i < c->nr && !ret && m->f.type; i++)
		ret = model_check(m, &c->pi, i, c->data + i * ds, c->md + i * ms);
	for (uint32_t i = 0; i < c->nr && !ret; i++)
		ret = model_same_md(m, c->md + i * ms, md + i * ms) ? 0 : MODEL_COMPARE;
	free(data);
	free(md);
	return ret;
}

static inline int model_dsm(struct model *m, const struct nvme_uring_cmd *cmd)
{
	const uint8_t *p = (const uint8_t *)(uintptr_t)cmd->addr;
	const unsigned nr = (cmd->cdw10 & 0xff) + 1;
	uint64_t lba;
	uint32_t len;

	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < nr; i++) {
			memcpy(&len, p + 16 * i + 4, 4);
			memcpy(&lba, p + 16 * i + 8, 8);
			if (!model_in_range(m, lba, len))
				return MODEL_RANGE;
			if (pass && cmd->cdw11 & 4)
				model_deallocate(m, lba, len);
		}
	return 0;
}

/* Execute one range of Copy; @done is the number of blocks of the ranges before it. */
static inline int model_copy_range(struct model *m, const struct nvme_uring_cmd *cmd,
				   const uint8_t *desc, uint64_t to, uint32_t done)
{
	const unsigned format = cmd->cdw12 >> 8 & 0xf, size = format & 1 ? 40 : 32;
	const size_t ds = m->f.data_size, ms = m->f.md_size;
	struct oracle_dwords d = { 0 }, dest = { cmd->cdw2, cmd->cdw3, cmd->cdw14, cmd->cdw15 };
	struct model_pi from, put;
	uint8_t *data, *md;
	uint16_t nlb;
	uint64_t lba;
	int ret;

	memcpy(&lba, desc + 8, 8);
	memcpy(&nlb, desc + 16, 2);
	memcpy(&d.cdw15, desc + size - 4, 4);
	if (format & 1) {
		d.cdw2 = desc[26] << 8 | desc[27];
		d.cdw3 = (uint32_t)desc[28] << 24 | desc[29] << 16 | desc[30] << 8 | desc[31];
		d.cdw14 = (uint32_t)desc[32] << 24 | desc[33] << 16 | desc[34] << 8 | desc[35];
	} else {
		memcpy(&d.cdw14, desc + 24, 4);
	}
	from = model_pi(m, cmd->cdw12 >> 12, cmd->cdw12 >> 25 & 1, &d);
	put = model_pi(m, cmd->cdw12 >> 26, cmd->cdw12 >> 24 & 1, &dest);
	if (m->f.type)
		put.tags.field[ORACLE_REF] = oracle_ref(&m->f, put.tags.field[ORACLE_REF], done);
	if (!model_in_range(m, lba, nlb + 1))
		return MODEL_RANGE;
	data = malloc((nlb + 1) * ds);
	md = malloc((nlb + 1) * ms + 1);
	ret = model_admit(m, &from, lba);
	ret = ret ? ret : model_see_all(m, &from, lba, nlb + 1, data, md);
	if (!ret && !put.pract)
		ret = model_admit(m, &put, to);
	for (uint32_t i = 0; i <= nlb && !ret && m->f.type && !put.pract; i++)
		ret = model_check(m, &put, i, data + i * ds, md + i * ms);
	if (!ret && !model_in_range(m, to, nlb + 1))
		ret = MODEL_RANGE;
	for (uint32_t i = 0; i <= nlb && !ret; i++)
		model_put(m, &put, i, to + i, data + i * ds, md + i * ms);
	free(data);
	free(md);
	return ret;
}

/*
 * Check the sources with formats 2h and 3h: their namespaces, and their overlap with the
 * destination.
 */
static inline int model_copy_sources(const uint8_t *desc, unsigned nr, unsigned size, uint64_t to,
				     uint32_t total)
{
	for (unsigned i = 0; i < nr; i++, desc += size) {
		uint32_t nsid;
		uint16_t nlb;
		uint64_t lba;

		memcpy(&nsid, desc, 4);
		memcpy(&lba, desc + 8, 8);
		memcpy(&nlb, desc + 16, 2);
		if (nsid != 1)
			return MODEL_NS;
		if (lba == to || (lba < to && to - lba <= nlb) || (lba > to && lba - to < total))
			return MODEL_OVERLAP;
	}
	return 0;
}

static inline int model_copy(struct model *m, const struct nvme_uring_cmd *cmd)
{
	const unsigned format = cmd->cdw12 >> 8 & 0xf, size = format & 1 ? 40 : 32;
	const uint8_t *desc = (const uint8_t *)(uintptr_t)cmd->addr;
	const unsigned nr = (cmd->cdw12 & 0xff) + 1;
	uint64_t to = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10;
	uint32_t total = 0, done = 0;
	uint16_t nlb;
	int ret = 0;

	if (format > 3 || (format > 1 && !(m->copy_formats >> format & 1)))
		return MODEL_FIELD;
	if (m->f.type && (format & 1) != (m->f.pif != 0))
		return MODEL_NS;
	if (nr > 128)
		return MODEL_SIZE;
	for (unsigned i = 0; i < nr; i++) {
		memcpy(&nlb, desc + i * size + 16, 2);
		total += nlb + 1;
	}
	if (total > 128)
		return MODEL_SIZE;
	if (m->f.type && (cmd->cdw12 >> 15 & 1) != (cmd->cdw12 >> 29 & 1))
		return MODEL_FIELD;
	if (format > 1)
		ret = model_copy_sources(desc, nr, size, to, total);
	for (unsigned i = 0; i < nr && !ret; i++, desc += size) {
		ret = model_copy_range(m, cmd, desc, to + done, done);
		memcpy(&nlb, desc + 16, 2);
		done += nlb + 1;
	}
	return ret;
}

/* Verify refuses PRACT. */
static inline int model_verify(struct model *m, struct model_cmd *c)
{
	int ret = model_admit(m, &c->pi, c->lba);

	if (!ret && c->pi.pract)
		ret = MODEL_FIELD;
	if (!ret && !model_in_range(m, c->lba, c->nr))
		ret = MODEL_RANGE;
	return ret ? ret : model_see_all(m, &c->pi, c->lba, c->nr, c->data, c->md);
}

static inline int model_run(struct model *m, struct model_cmd *c, const struct nvme_uring_cmd *cmd)
{
	const size_t wire = m->f.data_size + (m->f.extended && c->md_crosses ? m->f.md_size : 0);
	const bool moves = cmd->opcode == 1 || cmd->opcode == 2 || cmd->opcode == 5;

	if (cmd->opcode == 0x0c)
		return model_verify(m, c);
	if (cmd->opcode == 5 && c->pi.pract)
		return MODEL_PI_DNR;
	if (moves && c->nr * wire > 512 << 10)
		return MODEL_FIELD;
	if (!model_in_range(m, c->lba, c->nr))
		return MODEL_RANGE;
	switch (cmd->opcode) {
	case 0x01:
		return model_write(m, c, cmd);
	case 0x02:
		return model_read(m, c, cmd);
	case 0x05:
		return model_compare(m, c, cmd);
	case 0x08:
		return model_write_zeroes(m, c);
	default:
		memset(m->bad + c->lba, true, c->nr);
		return 0;
	}
}

/*
 * Execute @cmd, whose buffers must be large enough.  Returns the status word; data that is read
 * goes to the command's buffers.
 */
static inline int model_execute(struct model *m, const struct nvme_uring_cmd *cmd)
{
	const struct oracle_dwords d = { cmd->cdw2, cmd->cdw3, cmd->cdw14, cmd->cdw15 };
	struct model_cmd c = {
		.lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
		.nr = (cmd->cdw12 & 0xffff) + 1,
		.pi = model_pi(m, cmd->cdw12 >> 26, cmd->cdw12 >> 24 & 1, &d),
	};
	int ret;

	if (cmd->opcode == 0)
		return cmd->nsid == 1 || cmd->nsid == UINT32_MAX ? 0 : MODEL_NS;
	if (cmd->nsid != 1)
		return MODEL_NS;
	if (cmd->opcode == 0x09)
		return model_dsm(m, cmd);
	if (cmd->opcode == 0x19)
		return model_copy(m, cmd);
	if (!strchr("\x01\x02\x04\x05\x08\x0c", cmd->opcode))
		return MODEL_OPCODE;
	c.md_crosses = m->f.md_size && !(c.pi.pract && m->f.md_size == oracle_tuple_size(&m->f));
	c.data = calloc(c.nr, m->f.data_size);
	c.md = calloc(c.nr, m->f.md_size + 1);
	ret = model_run(m, &c, cmd);
	free(c.data);
	free(c.md);
	return ret;
}

#endif
