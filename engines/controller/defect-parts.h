/* SPDX-License-Identifier: GPL-2.0-only */
/* defect-parts.h - what the files of the broken controller share; see defect.h */
#ifndef CTL_DEFECT_PARTS_H
#define CTL_DEFECT_PARTS_H

#include <limits.h>
#include "commands.h"

/* I/O commands, as a mask of those that a defect concerns. */
enum {
	OP_READ = 1 << 0, OP_WRITE = 1 << 1, OP_COMPARE = 1 << 2, OP_VERIFY = 1 << 3,
	OP_ZEROES = 1 << 4, OP_UNCOR = 1 << 5, OP_DSM = 1 << 6, OP_COPY = 1 << 7,
	OP_FLUSH = 1 << 8, OP_OTHER = 1 << 9,
	OP_LOOKS = OP_READ | OP_COMPARE | OP_VERIFY,
	OP_CHECKS = OP_LOOKS | OP_WRITE,
	OP_MAKES = OP_WRITE | OP_ZEROES,
	OP_ALL = (1 << 10) - 1,
};

/* What the engine leaves out, by a defect. */
enum {
	LAX_ADMIT	= 1 << 0,	/* the reference tag of the command is not held against SLBA */
	LAX_MDTS	= 1 << 1,	/* any transfer size is allowed */
	LAX_PRACT	= 1 << 2,	/* Verify and Compare accept PRACT */
	LAX_PRCHK	= 1 << 3,	/* Write Zeroes accepts PRCHK */
	CHECKS_MADE	= 1 << 4,	/* a write with PRACT is checked, too */
	NEEDS_ENGINE	= 1 << 5,	/* nothing, but the engine executes the command */
};

/* On which formats a defect can be seen: all of these hold. */
enum {
	ON_PI		= 1 << 0,	/* protection information, of */
	ON_NO_PI	= 1 << 1,
	ON_TYPE1	= 1 << 2,
	ON_TYPE2	= 1 << 3,
	ON_TYPE3	= 1 << 4,
	ON_COUNTED	= 1 << 5,	/* type 1 or 2 */
	ON_GUARD_16	= 1 << 6,
	ON_GUARD_64	= 1 << 7,
	ON_WIDE_GUARD	= 1 << 8,	/* 32b or 64b */
	ON_NO_STORAGE	= 1 << 9,	/* no storage tag */
	ON_FIRST	= 1 << 18,	/* the tuple comes first, or */
	ON_LAST		= 1 << 19,	/* last */
	ON_ELBAF	= 1 << 17,	/* what ELBAF has to tell: a wide guard, or a storage tag */
	ON_MD		= 1 << 10,	/* metadata, */
	ON_OTHER	= 1 << 11,	/* outside the tuple, */
	ON_MORE		= 1 << 12,	/* beside a tuple, */
	ON_BEFORE	= 1 << 13,	/* before it, */
	ON_BEHIND	= 1 << 14,	/* behind it */
	ON_EXTENDED	= 1 << 15,
	ON_SEPARATE	= 1 << 16,
};

/* One command that is being executed. */
struct ctl_act {
	struct ctl_defects	*all;
	struct ctl_port		*port;
	const struct ctl_image	*img;
	struct nvme_uring_cmd	cmd;		/* may be changed */
	bool			may_write;
	unsigned		op;		/* OP_* */
	unsigned		flight;		/* commands in flight, with this one */
	unsigned		lax;		/* LAX_* */
	bool			silent;		/* no later block of the command is checked */
	struct ctl_range	r;		/* of @cmd */
	/* Packed blocks, while the engine has them: the host's, and those of media. */
	uint8_t			*data, *md, *media, *media_md;
	uint32_t		first, nr;	/* which of the command's blocks they are */
	uint8_t			buf[256 * 40];	/* for a changed list of ranges */
};

/* The blocks of a command that is checked, or whose tuple is made: one of them. */
struct ctl_tuple {
	struct ctl_act		*a;
	const struct pi_layout	*l;
	uint32_t		i;		/* index in the command */
	bool			making;
	bool			host;		/* from the host's buffer; else from media */
	const uint8_t		*data;
	uint8_t			*md;
	uint32_t		offset;		/* of the tuple in @md */
	struct pi_fields	is, want, mask;	/* in the tuple; expected or to make; compared */
	unsigned		checks;		/* PI_* */
	bool			escapes;
	const char		*order;		/* of the checks: letters g, a, s, r */
};

/* When .block and .blocks take part. */
enum {
	AT_CHECK	= 1 << 0,	/* .block: a tuple is checked */
	AT_MAKE		= 1 << 1,	/* .block: a tuple is made */
	AT_FETCH	= 1 << 2,	/* .blocks: before the check */
	AT_DELIVER	= 1 << 3,	/* .blocks: after it, before they reach host or media */
};

/* A command hook returns this to go on with the command; otherwise the command's result. */
#define CTL_GO_ON INT_MIN

/* A row of a table. */
struct ctl_defect {
	const char	*name;
	const char	*what;			/* one sentence */
	unsigned	ops;			/* OP_*; 0 for .page alone */
	unsigned	stages;			/* AT_* */
	bool		(*when)(const struct ctl_act *a, uint32_t i, uint64_t at); /* NULL: always */
	uint64_t	at;
	int		(*command)(struct ctl_act *a, const struct ctl_defect *d);
	void		(*block)(struct ctl_tuple *t, const struct ctl_defect *d);
	void		(*blocks)(struct ctl_act *a, const struct ctl_defect *d);
	int		(*result)(struct ctl_act *a, const struct ctl_defect *d, int res);
	void		(*page)(const struct ctl_defects *all, const struct ctl_image *img,
				const struct ctl_defect *d, unsigned cns, uint8_t *page);
	uint64_t	p, q;			/* parameters of these functions */
	unsigned	on;			/* ON_*; a .block implies ON_PI */
	unsigned	min_ref, min_sts;	/* tags of at least so many bits imply it, too */
	unsigned	min_lbs, max_lbs;	/* bytes of data; 0: any */
	unsigned	min_other;		/* bytes of metadata outside the tuple */
	const char	*excuse;		/* why no suite need catch it; NULL: it should */
};

struct ctl_defect_table {
	const struct ctl_defect	*rows;
	unsigned		nr;
};

extern const struct ctl_defect_table ctl_defects_check, ctl_defects_field, ctl_defects_tuple,
	ctl_defects_data, ctl_defects_command, ctl_defects_media, ctl_defects_copy,
	ctl_defects_identify, ctl_defects_cache, ctl_defects_recovery;

/* Defects in use, and what they remember between commands. */
enum { CTL_MAX_ACTIVE = 32 };

struct ctl_defects {
	pthread_mutex_t		lock;		/* one command at a time */
	atomic_uint		inside;		/* commands that are here or wait for @lock */
	unsigned		nr;
	const struct ctl_defect	*active[CTL_MAX_ACTIVE];
	uint64_t		commands;	/* I/O commands so far */
	bool			after_bad;	/* a command met an uncorrectable block */
	bool			after_flush;	/* the command before was a Flush */
	bool			after_fail;	/* the command before failed a check */
	bool			after_format;	/* there was a Format NVM */
	struct nvme_uring_cmd	last;		/* the command before */
	struct ctl_range	last_write;	/* nr 0: none */
	unsigned		last_flight;	/* commands in flight at that write */
	uint64_t		last_write_at;	/* @commands at that write */
	uint64_t		cache_mark;	/* of defect-cache.c: a number of a record */
	struct pi_layout	old;		/* the layout before Format NVM */
	uint8_t			page[NVME_IDENTIFY_DATA_SIZE]; /* the first CNS 00h; see @has_page */
	bool			has_page;
	uint8_t			data[CTL_DATA_MAX], md[UINT16_MAX]; /* one block, for a row's function */
};

/* Does @d concern block @i of the command (CTL_WHOLE: the command)? */
#define CTL_WHOLE UINT32_MAX
static inline bool ctl_defect_holds(const struct ctl_act *a, const struct ctl_defect *d, uint32_t i)
{
	return d->ops & a->op && (!d->when || d->when(a, i, d->at));
}

/* --- defect-engine.c --- */

/* Execute @a with its defects of .block and .blocks. */
int ctl_act_run(struct ctl_act *a);

/* Execute a changed @cmd as the honest controller does. */
int ctl_act_honest(struct ctl_act *a, const struct nvme_uring_cmd *cmd);

/* Read or write packed blocks of media, unchecked.  They return 0, or a result as in target.h. */
int ctl_act_fetch(struct ctl_act *a, uint64_t lba, uint32_t nr, uint8_t *data, uint8_t *md);
int ctl_act_store(struct ctl_act *a, uint64_t lba, uint32_t nr, const uint8_t *data,
		  const uint8_t *md);

/* The guard of @len bytes of data and @md_len bytes of metadata. */
uint64_t ctl_act_guard(const struct pi_layout *l, const void *data, size_t len, const void *md,
		       size_t md_len);

/* A defect's .command: execute by the engine, with LAX_* @d->p. */
int ctl_act_relax(struct ctl_act *a, const struct ctl_defect *d);

/* Is block @lba marked by Write Uncorrectable; was it written? */
bool ctl_act_is_bad(const struct ctl_act *a, uint64_t lba);
bool ctl_act_is_written(const struct ctl_act *a, uint64_t lba);

/* --- defect-shows.c --- */

bool ctl_defect_is_on(const struct ctl_defect *d, const struct ns_format *f);

/* --- defect-when.c: predicates of commands and blocks; @at is their parameter --- */

typedef bool ctl_when(const struct ctl_act *a, uint32_t i, uint64_t at);
ctl_when ctl_when_first, ctl_when_last, ctl_when_middle, ctl_when_index, ctl_when_from,
	 ctl_when_after_bytes, ctl_when_lba_multiple, ctl_when_lba_from,
	 ctl_when_nr, ctl_when_nr_power, ctl_when_nr_most, ctl_when_nr_odd, ctl_when_beyond_low_byte,
	 ctl_when_flag, ctl_when_no_flag, ctl_when_depth, ctl_when_every, ctl_when_unaligned,
	 ctl_when_extended, ctl_when_after_bad, ctl_when_after_flush, ctl_when_after_fail,
	 ctl_when_after_format, ctl_when_type, ctl_when_more_metadata, ctl_when_data_size,
	 ctl_when_ends_namespace;

#endif
