/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab.h - a namespace under test, together with its model: sends commands, and checks their results
 * against the model
 *
 * lab.c       buffers, commands, checks of results
 * identify.c  Identify data
 */
#ifndef QUALIFY_LAB_H
#define QUALIFY_LAB_H

#include "model.h"
#include "engines/nvme/target.h"

/* Host memory of one command; both parts start on a page. */
struct lab_bufs {
	uint8_t	*data, *md;
};

/* Identify data that reports show or that limits the cases. */
struct lab_identity {
	char		model[41], serial[21], firmware[9];
	uint32_t	version;
	struct nvme_id_ctrl	ctrl;
	struct nvme_id_ns	ns;
	struct nvme_nvm_id_ns	nvm;
	struct nvme_id_ctrl_nvm	nvm_ctrl;
};

/* The first error of a case. */
struct lab_finding {
	char			command[160];	/* ->cmd: "Write, LBA 8, 4 blocks, checks guard" */
	char			look[160];	/* the Read after it that shows the error; or "" */
	char			expected[QM_TEXT_MAX], got[QM_TEXT_MAX];
	uint64_t		lba;
	struct nvme_uring_cmd	cmd;
	bool			sent;		/* there is a ->cmd */
	char			*script;	/* see script.h; NULL: out of memory */
};

struct lab {
	struct target_ns	*ns;
	const char		*path;
	struct target_open	how;		/* as it was opened */
	struct lab_identity	id;
	struct qm		model;
	struct qm_format	f;		/* ->model.f */
	uint64_t		first, last;	/* blocks that may be destroyed */
	/* blocks of a command that transfers data, at most */
	uint32_t		most;
	uint32_t		cap;		/* blocks that fit into the buffers */
	uint64_t		zone_blocks;	/* blocks of a zone; 0: it is not zoned */
	uint64_t		zone_taken;	/* start of the zone that a case used last, and 1; 0: none */
	bool			fresh;		/* the image is new: no block has been written */
	uint64_t		rng;
	struct qm_tags		tags;		/* of the next command */
	/* buffers of the next command: what it sends, and what it reads */
	struct lab_bufs *bufs, *in;
	/* default of ->bufs and ->in, and a buffer for reading the media */
	struct lab_bufs		own, input, raw;
	/* most cases use this many blocks from ->first on */
	uint64_t		near;
	uint64_t		quiet, nr_quiet; /* blocks that no case writes */
	uint64_t		commands;	/* commands sent by the current case */
	uint64_t		all_commands;
	/* command whose blocks are being read; NULL: no command's */
	const struct nvme_uring_cmd *cause;
	bool			cause_good;	/* that command was successful */
	/* result of the last command: a status word, or -errno */
	int			status;
	bool			failed;		/* ->finding is filled in */
	bool			broken;		/* a command could not be sent */
	const char		*skip;		/* why the case does not apply */
	struct lab_finding	finding;
};

/* --- opening --- */

/* Reads Identify data of ->ns into ->id and ->f. Returns 0, or -errno with one line in @why. */
int lab_identify(struct lab *l, char why[WHY_MAX]);

/*
 * Allocates buffers and the model for the blocks ->first to ->last. Returns 0, or -errno with one
 * line in @why.
 */
int lab_start(struct lab *l, char why[WHY_MAX]);
void lab_end(struct lab *l);

struct lab_bufs lab_bufs(const struct lab *l);	/* pointers are NULL if out of memory */
void lab_bufs_free(struct lab_bufs *b);

/* --- random numbers, which depend only on the seed --- */

uint64_t lab_random(struct lab *l);
uint64_t lab_below(struct lab *l, uint64_t n);	/* 0..@n - 1 */
void lab_random_bytes(struct lab *l, void *p, size_t len);

/* --- what a command carries --- */

/* Returns a random LBA where @nr blocks, and one more on each side, may be written. */
uint64_t lab_place(struct lab *l, uint64_t nr);

/* Sets ->tags to random tags for a command at @lba that do not escape. */
void lab_new_tags(struct lab *l, uint64_t lba);

/*
 * Fills ->bufs with random data and metadata for @nr blocks, with tuples for ->tags if tuples are
 * transferred.
 */
void lab_fill(struct lab *l, uint32_t nr, bool pract);

/*
 * Returns a command at @lba for @nr blocks from ->tags and ->bufs, or a Read into ->in. @prinfo:
 * enum qm_check, LAB_PRACT and others or'ed.
 */
enum {
	LAB_PRACT = 1 << 4, LAB_FUA = 1 << 5, LAB_LR = 1 << 6, LAB_DEAC = 1 << 7,
};

struct nvme_uring_cmd lab_command(const struct lab *l, uint8_t opcode, uint64_t lba, uint32_t nr,
				  unsigned prinfo);

/* --- sending --- */

/*
 * Sends @cmd and checks the result: the status, the data that was read, and the content of its
 * blocks and their neighbours afterwards. Returns false if something is wrong, or was wrong before
 * in this case; ->finding describes it.
 */
bool lab_do(struct lab *l, const struct nvme_uring_cmd *cmd);

/*
 * Like lab_do() without reading the media. @cmd is passed by value, for commands that are not
 * needed afterwards.
 */
bool lab_send(struct lab *l, struct nvme_uring_cmd cmd);

/*
 * Like lab_send() for a command that was sent in another way and returned @res; @e was computed
 * before.
 */
bool lab_judge(struct lab *l, const struct nvme_uring_cmd *cmd, const struct qm_expect *e, int res);

/* Fills a Read's buffers with a pattern that shows what was not transferred. */
void lab_poison(struct lab *l, const struct nvme_uring_cmd *cmd);

/* Reads @nr blocks without checks. Returns whether they contain what the model allows. */
bool lab_look(struct lab *l, uint64_t lba, uint64_t nr);

/* Writes blocks with correct tuples for ->tags, without checks. */
bool lab_write(struct lab *l, uint64_t lba, uint32_t nr);

/* Writes the blocks that are in ->bufs. */
bool lab_store(struct lab *l, uint64_t lba, uint32_t nr);

/* Fails the case for something that no status shows. Returns false. */
bool lab_fail(struct lab *l, const struct nvme_uring_cmd *cmd, const char *expected,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Returns whether the controller reports the command @opcode. */
bool lab_has(const struct lab *l, uint8_t opcode);

const char *lab_opcode_name(uint8_t opcode);

/* Formats for example "4096+8 16b type 1, last, separate" in @buf, and returns it. */
char *lab_format_name(const struct qm_format *f, char buf[80]);

#endif
