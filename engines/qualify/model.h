/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h - a namespace as the specification describes it
 *
 * It answers two questions about a command: which statuses may it return, and what may the
 * blocks hold afterwards.  Where the specification allows several answers it has all of
 * them.  It owes nothing to the embedded controller, to the engine or to pi/: what crosses
 * the interface is struct nvme_uring_cmd with its buffers, and this file decodes it.
 *
 * Numbers of sections and figures are those of the NVM Command Set Specification 1.2.
 * "Base" is the NVM Express Base Specification.
 */
#ifndef QUALIFY_MODEL_H
#define QUALIFY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libnvme.h>		/* ahead of the kernel's header: both define some of it */
#include <linux/nvme_ioctl.h>

/* What Identify says, decoded by identify.c. */
struct qm_format {
	uint32_t	nsid;
	uint32_t	data_size, md_size;	/* bytes of a block */
	unsigned	type;			/* 0: no protection information */
	unsigned	pif;			/* 0: 16b, 1: 32b, 2: 64b */
	unsigned	sts;			/* storage tag size, bits */
	bool		first, extended;
	uint64_t	storage_mask;		/* LBSTM */
	uint64_t	nr_blocks;		/* NSZE */
	uint64_t	max_bytes;		/* MDTS, bytes; 0: no limit */
	bool		data_only;		/* metadata does not count there */
	unsigned	drb;			/* DLFEAT.DRB: 0 either, 1 zeroes, 2 ones */
	bool gds; /* DLFEAT.GDS: guards of deallocated blocks are right */
	uint16_t	oncs;			/* optional commands there are: NVME_CTRL_ONCS_* */
	uint64_t	verify_max, zeroes_max, uncor_max; /* data of one, bytes; 0: no limit */
	unsigned	dsm_ranges;		/* DMRL; 0: no limit */
	unsigned	flush_all;		/* VWC.FB, of all namespaces: 2 fails, 3 flushes, 0 either */
	uint16_t	copy_formats;		/* formats that are supported and enabled, by bit */
	uint32_t	copy_range, copy_blocks, copy_ranges;	/* MSSRL, MCL, MSRC + 1 */
	/*
	 * The specification leaves open which of several errors is reported.  Set: it must be that of
	 * the first bad block, in the order guard, application, storage, reference tag, as most
	 * controllers have it; and Write Zeroes with PRACT deallocates nothing.
	 */
	bool		strict;
	bool		copy_stcr;		/* PIC.STCRS */
};

/* --- tuples --- */

enum qm_check { QM_REF = 1, QM_APP = 2, QM_GUARD = 4, QM_STORAGE = 8, QM_ALL = 15 };

struct qm_tags {
	uint64_t	ref, storage;
	uint16_t	app, app_mask;
};

struct qm_tuple {
	uint64_t	guard, storage, ref;
	uint16_t	app;
};

uint64_t qm_ones(unsigned bits);
unsigned qm_guard_bytes(const struct qm_format *f);
unsigned qm_tuple_size(const struct qm_format *f);	/* 0 without protection information */
unsigned qm_tuple_offset(const struct qm_format *f);	/* in the metadata */
unsigned qm_ref_bits(const struct qm_format *f);

/* Reference tag of the block @i after the one that has @first.  5.3.3. */
uint64_t qm_ref_at(const struct qm_format *f, uint64_t first, uint64_t i);

struct qm_tuple qm_unpack(const struct qm_format *f, const uint8_t *md);
void qm_pack(const struct qm_format *f, const struct qm_tuple *t, uint8_t *md);

/* The guard that the block should have. */
uint64_t qm_guard_of(const struct qm_format *f, const uint8_t *data, const uint8_t *md);

/* Store the tuple that belongs to the block @i of a command with @tags. */
void qm_protect(const struct qm_format *f, const struct qm_tags *tags, uint64_t i,
		const uint8_t *data, uint8_t *md);

/* --- statuses --- */

enum qm_status {
	QS_OK, QS_OPCODE, QS_FIELD, QS_NS, QS_LBA, QS_PI, QS_SIZE, QS_INCOMPATIBLE, QS_OVERLAP,
	QS_UNRECOVERED, QS_GUARD, QS_APP, QS_REF, QS_COMPARE, QS_UNWRITTEN, QS_STORAGE, QS_NR,
};

#define QS(status) (1u << (status))

/* A status word to the model's number; QS_NR: another one. */
enum qm_status qm_status(int word);

/* "End-to-end Guard Check Error (282h)", of any status word, in @buf; returns @buf. */
#define QM_NAME_MAX 96
char *qm_status_name(int word, char buf[QM_NAME_MAX]);

/* The status word of @s, without DNR. */
int qm_status_word(enum qm_status s);

/* --- commands --- */

/* What crosses the interface, bytes a block. */
struct qm_wire {
	uint32_t	data;		/* from one block to the next in the data buffer */
	uint32_t	md;		/* the same of separate metadata; 0: none crosses there */
	bool		crosses;	/* metadata crosses, in either place */
};

struct qm_wire qm_wire(const struct qm_format *f, bool pract);

struct qm_range {
	uint64_t	lba;
	uint32_t	nr;
	bool		pract;
	unsigned	checks;		/* enum qm_check */
	struct qm_tags	tags;
};

struct qm_range qm_range(const struct qm_format *f, const struct nvme_uring_cmd *cmd);

/* Put tags into a command's dwords.  5.3.1.4.1. */
void qm_put_tags(const struct qm_format *f, const struct qm_tags *t, struct nvme_uring_cmd *cmd);

/* Where the parts of block @i of a command are in the host's memory; @md NULL: no metadata. */
struct qm_place {
	uint8_t	*data, *md;
};

struct qm_place qm_place(const struct qm_format *f, const struct nvme_uring_cmd *cmd, bool pract,
			 uint32_t i);

/* --- the namespace --- */

/* What a block may be; several bits: any of these. */
enum qm_may {
	QM_BYTES	= 1,	/* holds ->bytes */
	QM_OTHER	= 2,	/* holds ->other */
	QM_ZEROES	= 4,	/* deallocated, and reads as zeroes */
	QM_FFS		= 8,	/* deallocated, and reads as bytes of FFh */
	QM_BLANK	= 16,	/* written with zeroes, the tuple too */
	QM_UNCOR	= 32,	/* uncorrectable */
	QM_ANY		= 64,	/* nothing is known */
};

struct qm_block {
	uint8_t		may;
	bool		guarded;	/* ->guard is that of ->bytes */
	uint64_t	guard;
	uint8_t		*bytes, *other;	/* data, then metadata */
};

struct qm {
	struct qm_format	f;
	uint64_t		first, nr;	/* the blocks that are known */
	struct qm_block		*blocks;
	uint8_t			*scratch;	/* one block */
	uint8_t			*constant;	/* three: what QM_ZEROES, QM_FFS and QM_BLANK hold */
	uint64_t		guards[3];	/* of them */
};

/* All blocks may be @may.  False: out of memory. */
bool qm_open(struct qm *m, const struct qm_format *f, uint64_t first, uint64_t nr, unsigned may);
void qm_close(struct qm *m);

/* NULL: it is not among those that are known. */
struct qm_block *qm_block(const struct qm *m, uint64_t lba);

/* What a deallocated block may read as: QM_ZEROES, QM_FFS or both.  3.3.3.2.1. */
unsigned qm_deallocated(const struct qm_format *f);

/*
 * The bytes of @b if it is @as, one of the first five of enum qm_may: data, then metadata.
 */
const uint8_t *qm_content(const struct qm *m, const struct qm_block *b, enum qm_may as);

/* The guard that they should have; of a namespace with protection information. */
uint64_t qm_content_guard(const struct qm *m, struct qm_block *b, enum qm_may as);

/* The block holds these bytes from now on.  @md may be NULL without metadata. */
void qm_set(struct qm *m, uint64_t lba, const uint8_t *data, const uint8_t *md);

/* --- expectations --- */

struct qm_expect {
	uint32_t	allowed;	/* QS() or'ed */
	bool		any_dnr;	/* either value of DNR will do */
};

/* Before it is sent: what may @cmd return? */
struct qm_expect qm_expect(struct qm *m, const struct nvme_uring_cmd *cmd);

/* May the command return this status word?  DNR is part of it. */
bool qm_allows(const struct qm_expect *e, int word);

/* In words, in @buf. */
#define QM_TEXT_MAX 400
void qm_expect_text(const struct qm_expect *e, char buf[QM_TEXT_MAX]);

/* --- effects --- */

/* A block that is not as it may be. */
struct qm_diff {
	uint64_t	lba;
	uint32_t	index;		/* of the command's block */
	uint32_t	offset;		/* in the block: data, then metadata */
	const char	*part;		/* "data", "guard", ... */
	char		text[QM_TEXT_MAX];	/* expected and got, in words */
	char		want[64], got[64];
};

/*
 * @cmd, a Read, was successful: is what it read what the blocks may hold?  What they may be
 * is narrowed to that.  False: @d says what differs.
 */
bool qm_read(struct qm *m, const struct nvme_uring_cmd *cmd, struct qm_diff *d);

/* @cmd completed, successfully or not: what blocks may be now. */
void qm_done(struct qm *m, const struct nvme_uring_cmd *cmd, bool good);

/* --- for the parts of the model --- */

/* The statuses of checks, and of a block that is read. */
#define QM_TAG_ERRORS (QS(QS_GUARD) | QS(QS_APP) | QS(QS_REF) | QS(QS_STORAGE))
#define QM_MEDIA_ERRORS (QS(QS_UNRECOVERED) | QM_TAG_ERRORS)

/* Statuses that the checks of one block in memory may end with. */
uint32_t qm_check_block(const struct qm_format *f, const struct qm_range *r, uint32_t i,
			const uint8_t *data, const uint8_t *md, const uint64_t *guard);

/* Of the blocks on media: QS_OK is among them if no block need stop the command. */
uint32_t qm_check_media(struct qm *m, const struct qm_range *r);

/* What PRINFO and tags may be refused with; 0: nothing; *@may: that is up to the controller. */
uint32_t qm_admit(const struct qm_format *f, const struct qm_range *r, bool *may);

/* Copy. */
struct qm_source {
	uint32_t	nsid;
	struct qm_range	range;
};

struct qm_source qm_source(const struct qm_format *f, const struct nvme_uring_cmd *cmd, unsigned i);
unsigned qm_source_size(unsigned format);	/* bytes; 0: no such format */
uint64_t qm_copy_length(const struct qm_format *f, const struct nvme_uring_cmd *cmd); /* blocks */
struct qm_expect qm_expect_copy(struct qm *m, const struct nvme_uring_cmd *cmd);
void qm_done_copy(struct qm *m, const struct nvme_uring_cmd *cmd, bool good);

#endif
