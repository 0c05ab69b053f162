/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify.h - the plugin interface: what each block should carry, and how to tell
 *
 * A plugin says which tags and metadata the blocks of a write carry, and judges
 * the blocks of a read, beside or instead of the built-in check.  It is a struct
 * vfy_plugin: a built-in one by its name (pi_plugin=stamp), any other from a
 * shared object (pi_plugin=./mine.so,arguments) that exports it under the name
 * VFY_PLUGIN_SYMBOL.  verify/example/ has one, with its Makefile.
 *
 * The way of an I/O, as a plugin sees it:
 *
 *	write	prepare()  metadata and tags of its blocks; then the engine
 *			   generates tuples and sends the command
 *		done()	   with the command's result
 *	read	prepare()  what its blocks should carry
 *		judge()	   the blocks that came; only when the command was good
 *		done()
 *	others	prepare()  of what changes blocks: Write Zeroes, Write
 *		done()	   Uncorrectable, each range of Dataset Management; there is
 *			   nothing to expect (NULL)
 *
 * Compare and Verify are prepared, and no more.  Where the device fails a read, its
 * blocks are read again one by one, unchecked, and judge() gets each by itself.
 *
 * One open() and close() a job; open() in fio's process, the rest in the job's own
 * thread or process, one call at a time.  Between jobs a plugin shares memory itself.
 * What a plugin returns is checked: nonsense is dropped, counted and told of.
 */
#ifndef VFY_VERIFY_H
#define VFY_VERIFY_H

#include "report.h"

#define VFY_PLUGIN_VERSION	3
#define VFY_PLUGIN_SYMBOL	nvmepi_verify_plugin
#define VFY_WHY_MAX		400		/* bytes of a reason, one line */

/* A namespace as a job uses it. */
struct vfy_ns {
	const char		*path;
	unsigned		index;		/* in the job's list of files */
	uint64_t		id;		/* the same in every job, and only here */
	uint64_t		nr_blocks;
	struct pi_layout	layout;
	struct pi_tags		tags;		/* by the options; ref: that of LBA 0 */
	unsigned		device_checks;	/* PI_* */
	unsigned		host_checks;	/* PI_* and VFY_METADATA, where they cross */
	bool			tuples_cross;	/* false: PRACT, or no protection */
	bool			md_crosses;	/* does any metadata? */
	char			identity[64];	/* NGUID or EUI64, else serial number and NSID */
};

/* Functions of the engine, so that a plugin need not be linked with any. */
struct vfy_host {
	struct pi_verdict (*verify)(const struct pi_layout *l, const struct pi_tags *t,
				    unsigned checks, const void *data, const void *md, uint32_t nr,
				    struct pi_error *errs, unsigned max);	/* pi_verify() */

	/* The same, worked out once where tags are always as the options say: struct pi_series. */
	struct pi_series (*series_of)(const struct pi_layout *l, const struct pi_tags *t,
				      unsigned checks);
	struct pi_verdict (*verify_at)(const struct pi_series *s, uint64_t first, const void *data,
				       const void *md, uint32_t nr, struct pi_error *errs,
				       unsigned max);

	struct pi_fields (*tuple_get)(const struct pi_layout *l, const void *tuple);
	bool (*escapes)(const struct pi_layout *l, const struct pi_fields *f);
	uint64_t (*ref_at)(const struct pi_layout *l, const struct pi_tags *t, uint64_t i);
	void (*say)(const char *line);	/* to the user, at open() and close() */
};

struct vfy_job {
	const char		*name;
	unsigned		thread;		/* fio's number of it, from 1 */
	bool			reads;
	bool			writes;		/* or changes blocks by other commands */
	unsigned		depth;		/* I/Os under way, at most */
	uint32_t		max_blocks;	/* of one I/O */
	const struct vfy_ns	*ns;
	unsigned		nr_ns;
	const struct vfy_host	*host;
};

/*
 * Blocks of one I/O.  Block i's data is data_size bytes at @data + i *
 * @data_stride, its metadata md_size bytes at @md + i * @md_stride (NULL: none
 * crosses).  In prepare() of a read, and in done(), they hold nothing of use.
 */
struct vfy_io {
	const struct vfy_ns	*ns;
	unsigned		tag;		/* 0..depth - 1, one I/O's at a time */
	uint8_t			opcode;		/* enum nvme_io_opcode */
	uint64_t		lba;
	uint64_t		nr;		/* blocks, a count */
	const uint8_t		*data;
	size_t			data_stride;
	uint8_t			*md;
	size_t			md_stride;
};

struct vfy_block_tags {
	uint64_t	ref, storage;
	uint16_t	app;
};

/*
 * What the blocks of an I/O carry.  prepare() finds it as the options say and
 * changes it.  Where tags differ from block to block, the device, which knows one
 * value a command, is not asked to check them in that command; the host is.
 */
struct vfy_expect {
	struct pi_tags		tags;		/* ref: of the I/O's first block */
	unsigned		each;		/* PI_APP, PI_REF, PI_STORAGE: from @block */
	struct vfy_block_tags	*block;		/* room for the I/O's blocks, unset */
	unsigned		free;		/* PI_*: checked by nobody in this I/O */
};

/* One thing that is wrong with one block; the rest as in struct vfy_record. */
struct vfy_finding {
	uint32_t	index;		/* of the block in the I/O */
	unsigned	field;		/* one of PI_* or VFY_* */
	enum vfy_class	class;
	uint64_t	from;
	uint32_t	offset;
	bool		known;
	uint64_t	want, got, mask;
};

/* What open() answers. */
struct vfy_session {
	void		*ctx;
	unsigned	owns;	/* PI_* and VFY_METADATA: judge() checks, the engine does not */
};

struct vfy_plugin {
	unsigned	version;	/* VFY_PLUGIN_VERSION */
	unsigned	size;		/* sizeof(struct vfy_plugin) */
	const char	*name;
	const char	*help;		/* one line: what for, and its arguments */

	/*
	 * @args: what followed the comma, "" if nothing did.  0 with *@s filled in;
	 * or -errno with a line in @why, and then no I/O is done.
	 */
	int (*open)(const struct vfy_job *job, const char *args, struct vfy_session *s,
		    char why[VFY_WHY_MAX]);
	void (*close)(void *ctx);

	/* Each of these may be NULL. */
	void (*prepare)(void *ctx, const struct vfy_io *io, struct vfy_expect *e);

	/* How many findings there are; the first @max are stored in @f. */
	unsigned (*judge)(void *ctx, const struct vfy_io *io, const struct vfy_expect *e,
			  struct vfy_finding *f, unsigned max);

	/* @res: 0 good, above 0 the NVMe status word, below 0 -errno. */
	void (*done)(void *ctx, const struct vfy_io *io, const struct vfy_expect *e, int res);
};

#endif
