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

/* Identify data, decoded by identify.c. */
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
	bool		data_only;		/* metadata does not count for MDTS */
	unsigned	drb;			/* DLFEAT.DRB: 0 either, 1 zeroes, 2 ones */
	bool gds; /* DLFEAT.GDS: guards of deallocated blocks are right */
	uint16_t	oncs;			/* optional commands that exist */
	uint64_t	verify_max, zeroes_max, uncor_max; /* data of one, bytes; 0: no limit */
	unsigned	dsm_ranges;		/* DMRL; 0: no limit */
	unsigned	flush_all;		/* VWC.FB, of all namespaces: 2 fails, 3 flushes, 0 either */
	uint16_t	copy_formats;		/* formats that are supported and enabled, by bit */
	uint32_t	copy_range, copy_blocks, copy_ranges;	/* MSSRL, MCL, MSRC + 1 */
	/*
	 * The specification does not define which of several errors is reported. If set, it must be
	 * the error of the first bad block, in the order guard, application, storage, reference
	 * tag, as in most controllers; Write Zeroes with PRACT must not deallocate; and a Copy of one
	 * range that fails must not have copied.
	 */
	bool		strict;
	bool		copy_stcr;		/* PIC.STCRS */
	bool		dulbe;			/* Error Recovery: deallocated blocks can't be read */
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
unsigned qm_tuple_offset(const struct qm_format *f);	/* offset in the metadata */
unsigned qm_ref_bits(const struct qm_format *f);

/* Returns the reference tag of block @i after the block with the tag @first. 5.3.3. */
uint64_t qm_ref_at(const struct qm_format *f, uint64_t first, uint64_t i);

struct qm_tuple qm_unpack(const struct qm_format *f, const uint8_t *md);
void qm_pack(const struct qm_format *f, const struct qm_tuple *t, uint8_t *md);

/* Returns the correct guard of the block. */
uint64_t qm_guard_of(const struct qm_format *f, const uint8_t *data, const uint8_t *md);

/* Stores the tuple of block @i of a command with @tags. */
void qm_protect(const struct qm_format *f, const struct qm_tags *tags, uint64_t i,
		const uint8_t *data, uint8_t *md);

/* --- statuses --- */

enum qm_status {
	QS_OK, QS_OPCODE, QS_FIELD, QS_NS, QS_LBA, QS_PI, QS_SIZE, QS_INCOMPATIBLE, QS_OVERLAP,
	QS_UNRECOVERED, QS_GUARD, QS_APP, QS_REF, QS_COMPARE, QS_UNWRITTEN, QS_STORAGE,
	QS_ZONE_BOUNDARY, QS_ZONE_FULL, QS_ZONE_WRITE, QS_NR,
};

#define QS(status) (1u << (status))

/* Converts a status word to the model's number; QS_NR is any other one. */
enum qm_status qm_status(int word);

/*
 * Formats any status word, for example "End-to-end Guard Check Error (282h)", in @buf; returns
 * @buf.
 */
#define QM_NAME_MAX 96
char *qm_status_name(int word, char buf[QM_NAME_MAX]);

/* Returns the status word of @s, without DNR. */
int qm_status_word(enum qm_status s);

/* --- commands --- */

/* What is transferred, in bytes per block. */
struct qm_wire {
	uint32_t	data;		/* distance of blocks in the data buffer */
	/* distance in a separate metadata buffer; 0: there is none */
	uint32_t	md;
	bool		crosses;	/* metadata is transferred, in either buffer */
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

/* Stores tags in a command's dwords. 5.3.1.4.1. */
void qm_put_tags(const struct qm_format *f, const struct qm_tags *t, struct nvme_uring_cmd *cmd);

/* The parts of block @i of a command in the host's memory; @md is NULL without metadata. */
struct qm_place {
	uint8_t	*data, *md;
};

struct qm_place qm_place(const struct qm_format *f, const struct nvme_uring_cmd *cmd, bool pract,
			 uint32_t i);

/* --- the namespace --- */

/* Possible contents of a block; several bits mean that any of these is possible. */
enum qm_may {
	QM_BYTES	= 1,	/* contains ->bytes */
	QM_OTHER	= 2,	/* contains ->other */
	QM_ZEROES	= 4,	/* deallocated, and reads as zeroes */
	QM_FFS		= 8,	/* deallocated, and reads as bytes of FFh */
	QM_BLANK	= 16,	/* written with zeroes, the tuple too */
	QM_UNCOR	= 32,	/* uncorrectable */
	QM_ANY		= 64,	/* nothing is known */
	QM_DEALLOCATED	= QM_ZEROES | QM_FFS,
};

struct qm_block {
	uint8_t		may;
	bool		guarded;	/* ->guard is that of ->bytes */
	uint64_t	guard;
	uint8_t		*bytes, *other;	/* data, then metadata */
};

struct qm {
	struct qm_format	f;
	uint64_t		first, nr;	/* the blocks that the model tracks */
	struct qm_block		*blocks;
	uint8_t			*scratch;	/* one block */
	/* three blocks: contents of QM_ZEROES, QM_FFS and QM_BLANK */
	uint8_t			*constant;
	uint64_t		guards[3];	/* guards of these three */
	bool			no_memory;	/* for what a block should hold: nothing is known of it */
};

/* Opens a model in which all blocks may be @may. Returns false if out of memory. */
bool qm_open(struct qm *m, const struct qm_format *f, uint64_t first, uint64_t nr, unsigned may);
void qm_close(struct qm *m);

/* Returns the block at @lba, or NULL if the model does not track it. */
struct qm_block *qm_block(const struct qm *m, uint64_t lba);

/* Returns what a deallocated block may read as: QM_ZEROES, QM_FFS or both. 3.3.3.2.1. */
unsigned qm_deallocated(const struct qm_format *f);

/*
 * Returns the bytes of @b, data followed by metadata, if its content is @as, one of the first five
 * of enum qm_may.
 */
const uint8_t *qm_content(const struct qm *m, const struct qm_block *b, enum qm_may as);

/* Returns the correct guard of that content, on a namespace with protection information. */
uint64_t qm_content_guard(const struct qm *m, struct qm_block *b, enum qm_may as);

/* Sets the content of the block. @md may be NULL without metadata. */
void qm_set(struct qm *m, uint64_t lba, const uint8_t *data, const uint8_t *md);

/* --- expectations --- */

struct qm_expect {
	uint32_t	allowed;	/* QS() or'ed */
	bool		any_dnr;	/* either value of DNR will do */
};

/* Returns what @cmd may return; called before it is sent. */
struct qm_expect qm_expect(struct qm *m, const struct nvme_uring_cmd *cmd);

/* Returns whether the command may return this status word, which includes DNR. */
bool qm_allows(const struct qm_expect *e, int word);

/* Formats it as text in @buf. */
#define QM_TEXT_MAX 400
void qm_expect_text(const struct qm_expect *e, char buf[QM_TEXT_MAX]);

/* --- effects --- */

/* A block with a content that the model does not allow. */
struct qm_diff {
	uint64_t	lba;
	uint32_t	index;		/* index of the block in the command */
	uint32_t	offset;		/* in the block: data, then metadata */
	const char	*part;		/* "data", "guard", ... */
	char		text[QM_TEXT_MAX];	/* expected and got, as text */
	char		want[64], got[64];
};

/*
 * Called after a successful Read: returns whether it read what the model allows, to which the model
 * is then narrowed. If it returns false, @d describes the difference.
 */
bool qm_read(struct qm *m, const struct nvme_uring_cmd *cmd, struct qm_diff *d);

/* Updates the model after @cmd completed, successfully or not. */
void qm_done(struct qm *m, const struct nvme_uring_cmd *cmd, bool good);

/* --- shared by the parts of the model --- */

/* The statuses of failed checks, and of blocks that cannot be read. */
#define QM_TAG_ERRORS (QS(QS_GUARD) | QS(QS_APP) | QS(QS_REF) | QS(QS_STORAGE))
#define QM_ZONE_ERRORS (QS(QS_ZONE_BOUNDARY) | QS(QS_ZONE_FULL) | QS(QS_ZONE_WRITE))
#define QM_MEDIA_ERRORS (QS(QS_UNRECOVERED) | QM_TAG_ERRORS)

/* Returns the statuses with which the checks of one block in memory may end. */
uint32_t qm_check_block(const struct qm_format *f, const struct qm_range *r, uint32_t i,
			const uint8_t *data, const uint8_t *md, const uint64_t *guard);

/* Returns those of the blocks on media, with QS_OK if no block has to stop the command. */
uint32_t qm_check_media(struct qm *m, const struct qm_range *r);

/*
 * Returns the statuses with which PRINFO and tags may be refused, 0 if they are valid. *@may is set
 * if the controller may also accept them.
 */
uint32_t qm_admit(const struct qm_format *f, const struct qm_range *r, bool *may);

/* A source range of Copy. */
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
