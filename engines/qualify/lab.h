/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab.h - a namespace under test beside its model: commands are sent, and what comes back is
 * judged by the model
 *
 *	lab.c		buffers, commands, judging
 *	identify.c	what Identify says
 */
#ifndef QUALIFY_LAB_H
#define QUALIFY_LAB_H

#include "model.h"
#include "engines/nvme/target.h"

/* Host memory of one command; both parts start on a page. */
struct lab_bufs {
	uint8_t	*data, *md;
};

/* Identify, as far as it goes into reports, or limits cases. */
struct lab_identity {
	char		model[41], serial[21], firmware[9];
	uint32_t	version;
	struct nvme_id_ctrl	ctrl;
	struct nvme_id_ns	ns;
	struct nvme_nvm_id_ns	nvm;
	struct nvme_id_ctrl_nvm	nvm_ctrl;
};

/* What is wrong: the first thing in a case. */
struct lab_finding {
	char			command[160];	/* "Write, LBA 8, 4 blocks, PRCHK guard" */
	char			expected[QM_TEXT_MAX], got[QM_TEXT_MAX];
	uint64_t		lba;
	struct nvme_uring_cmd	cmd;
	bool			sent;		/* ->cmd is what shows it */
	char			*script;	/* see script.h; NULL: there was no memory */
};

struct lab {
	struct target_ns	*ns;
	const char		*path;
	struct lab_identity	id;
	struct qm		model;
	struct qm_format	f;		/* ->model.f */
	uint64_t		first, last;	/* blocks that may be destroyed */
	uint32_t		most;		/* blocks of a command that moves data, at most */
	uint32_t		cap;		/* blocks that the buffers take */
	bool			fresh;		/* the image is new: no block has been written */
	uint64_t		rng;
	struct qm_tags		tags;		/* of the next command */
	struct lab_bufs *bufs, *in; /* of the next command: what it sends; what it reads */
	struct lab_bufs		own, input, raw; /* ->bufs and ->in by default; to look at media */
	uint64_t		near;		/* most places are in so many blocks from ->first on */
	uint64_t		quiet, nr_quiet; /* blocks that no case writes */
	uint64_t		commands;	/* sent for the case that runs */
	uint64_t		all_commands;
	const struct nvme_uring_cmd *cause;	/* its blocks are looked at; NULL: none's */
	bool			cause_good;	/* it was successful */
	int			status;		/* of the last command: a word, or -errno */
	bool			failed;		/* ->finding is filled in */
	bool			broken;		/* a command could not be sent */
	const char		*skip;		/* why the case does not apply */
	struct lab_finding	finding;
};

/* --- opening --- */

/* Identify the namespace that ->ns is, into ->id and ->f.  0, or -errno with one line in @why. */
int lab_identify(struct lab *l, char why[WHY_MAX]);

/*
 * Make buffers and the model, for the blocks ->first to ->last.  0, or -errno with one line in
 * @why.
 */
int lab_start(struct lab *l, char why[WHY_MAX]);
void lab_end(struct lab *l);

struct lab_bufs lab_bufs(const struct lab *l);	/* NULLs: out of memory */
void lab_bufs_free(struct lab_bufs *b);

/* --- chance, the same for the same seed --- */

uint64_t lab_random(struct lab *l);
uint64_t lab_below(struct lab *l, uint64_t n);	/* 0..@n - 1 */
void lab_random_bytes(struct lab *l, void *p, size_t len);

/* --- what a command carries --- */

/* An LBA from which @nr blocks, and one more on each side, may be written. */
uint64_t lab_place(struct lab *l, uint64_t nr);

/* Fresh tags for a command at @lba, which escape nothing: into ->tags. */
void lab_new_tags(struct lab *l, uint64_t lba);

/* Random data and metadata for @nr blocks into ->bufs, with tuples for ->tags where they cross. */
void lab_fill(struct lab *l, uint32_t nr, bool pract);

/*
 * A command at @lba for @nr blocks, from ->tags and ->bufs, or a Read into ->in.  @prinfo: enum
 * qm_check, LAB_PRACT and others or'ed.
 */
enum {
	LAB_PRACT = 1 << 4, LAB_FUA = 1 << 5, LAB_LR = 1 << 6, LAB_DEAC = 1 << 7,
};

struct nvme_uring_cmd lab_command(const struct lab *l, uint8_t opcode, uint64_t lba, uint32_t nr,
				  unsigned prinfo);

/* --- sending --- */

/*
 * Send @cmd and judge what comes of it: the status, what was read, and what its blocks and
 * their neighbours hold afterwards.  False: something is not as it should be (also where
 * something was not before in this case), and ->finding says so.
 */
bool lab_do(struct lab *l, const struct nvme_uring_cmd *cmd);

/* The same without a look at media; takes @cmd by value, for what nobody needs afterwards. */
bool lab_send(struct lab *l, struct nvme_uring_cmd cmd);

/* The same of a command that was sent otherwise, and came back with @res; @e was before. */
bool lab_judge(struct lab *l, const struct nvme_uring_cmd *cmd, const struct qm_expect *e, int res);

/* Fill a Read's buffers with a pattern, so that what is not transferred shows. */
void lab_poison(struct lab *l, const struct nvme_uring_cmd *cmd);

/* Read @nr blocks as they are on media: do they hold what they may? */
bool lab_look(struct lab *l, uint64_t lba, uint64_t nr);

/* Write blocks that hold right tuples for ->tags; nothing is checked. */
bool lab_write(struct lab *l, uint64_t lba, uint32_t nr);

/* Write those that are in ->bufs by now. */
bool lab_store(struct lab *l, uint64_t lba, uint32_t nr);

/* The case fails for something that no status shows.  Returns false. */
bool lab_fail(struct lab *l, const struct nvme_uring_cmd *cmd, const char *expected,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Is @opcode one of the commands that the controller says it has? */
bool lab_has(const struct lab *l, uint8_t opcode);

const char *lab_opcode_name(uint8_t opcode);

/* "4096+8 16b type 1, last, separate" in @buf; returns it. */
char *lab_format_name(const struct qm_format *f, char buf[80]);

#endif
