/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify.h - the interface of verification plugins
 *
 * A plugin decides which tags and metadata the blocks of a write carry, and checks the
 * blocks of a read, in addition to the built-in check or instead of it.  It is a struct
 * vfy_plugin: a built-in plugin is selected by its name (pi_plugin=stamp), any other is
 * loaded from a shared object (pi_plugin=./mine.so,arguments) that exports it as the
 * symbol VFY_PLUGIN_SYMBOL.  verify/example/ has one, with its Makefile.
 *
 * The functions that are called for an I/O, in order:
 *
 *	write	prepare()  decide metadata and tags of its blocks; then the engine
 *			   generates tuples and sends the command
 *		done()	   with the command's result
 *	read	prepare()  decide what its blocks should carry
 *		check()	   check the blocks that were read; only if the command succeeded
 *		done()
 *	others	prepare()  for commands that change blocks: Write Zeroes, Write
 *		done()	   Uncorrectable, each range of Dataset Management; blocks have no
 *			   expected contents (the struct vfy_expect pointer is NULL)
 *
 * For Compare and Verify only prepare() is called.  If a plugin asks for it (struct
 * vfy_session), prepare() and done() are also called for each Flush, with no blocks.  If the
 * device fails a read, its blocks are read again one by one, unchecked, and check() is called
 * for each.
 *
 * There is one open() and one close() per job.  open() runs in fio's main process, the
 * other functions in the job's own thread or process, one call at a time.  A plugin that
 * shares data between jobs has to set up shared memory itself.  What a plugin returns is
 * validated: invalid values are dropped, counted and reported.
 */
#ifndef VFY_VERIFY_H
#define VFY_VERIFY_H

#include "mismatch.h"

#define VFY_PLUGIN_VERSION	5
#define VFY_PLUGIN_SYMBOL	nvmepi_verify_plugin
#define VFY_WHY_MAX		400		/* bytes of a message, one line */

/* A namespace, as a job uses it. */
struct vfy_ns {
	const char		*path;
	unsigned		index;		/* index in the job's list of files */
	uint64_t		id;		/* identifies the namespace in all jobs */
	uint64_t		nr_blocks;
	struct pi_layout	layout;
	struct pi_tags		tags;		/* set by the job's options; ref is that of LBA 0 */
	unsigned		device_checks;	/* PI_* */
	unsigned		host_checks;	/* PI_* and VFY_METADATA, if they are transferred */
	/* Tuples are transferred; not with PRACT=1 if the metadata is the tuple alone. */
	bool			tuples_cross;
	bool			md_crosses;	/* any metadata is transferred */
	char			identity[64];	/* NGUID or EUI64; else serial number and NSID */
};

/* Functions of the engine, so that a plugin need not be linked with any library.  See pi.h. */
struct vfy_host {
	struct pi_verdict (*verify)(const struct pi_layout *l, const struct pi_tags *t,
				    unsigned checks, const void *data, const void *md, uint32_t nr,
				    struct pi_error *errs, unsigned max);	/* pi_verify() */

	/* pi_series_of() and pi_verify_at(): faster if tags are always as the options say. */
	struct pi_series (*series_of)(const struct pi_layout *l, const struct pi_tags *t,
				      unsigned checks);
	struct pi_verdict (*verify_at)(const struct pi_series *s, uint64_t first, const void *data,
				       const void *md, uint32_t nr, struct pi_error *errs,
				       unsigned max);

	struct pi_fields (*tuple_get)(const struct pi_layout *l, const void *tuple);
	bool (*escapes)(const struct pi_layout *l, const struct pi_fields *f);
	uint64_t (*ref_at)(const struct pi_layout *l, const struct pi_tags *t, uint64_t i);
	void (*say)(const char *line);	/* print a line; in open() and close() only */
};

struct vfy_job {
	const char		*name;
	unsigned		thread;		/* fio's thread number, from 1 */
	bool			reads;
	bool			writes;		/* it writes, or changes blocks by other commands */
	unsigned		depth;		/* maximum number of I/Os in flight */
	uint32_t		max_blocks;	/* maximum number of blocks per I/O */
	const struct vfy_ns	*ns;
	unsigned		nr_ns;
	const struct vfy_host	*host;
};

/*
 * The blocks of one I/O.  The data of block i is the data_size bytes at @data + i *
 * @data_stride, its metadata the md_size bytes at @md + i * @md_stride (@md is NULL if no
 * metadata is transferred).  Strides are in bytes.  In prepare() of a read, and in done(), the
 * contents of both buffers are undefined.
 */
struct vfy_io {
	const struct vfy_ns	*ns;
	unsigned		tag;		/* 0..depth - 1, unique among the I/Os in flight */
	uint8_t			opcode;		/* enum nvme_io_opcode */
	uint64_t		lba;
	uint64_t		nr;		/* number of blocks */
	const uint8_t		*data;
	size_t			data_stride;
	uint8_t			*md;
	size_t			md_stride;
	bool			fua;		/* with FUA: a write is on media when it ends */
};

struct vfy_block_tags {
	uint64_t	ref, storage;
	uint16_t	app;
};

/*
 * The expected tags of one I/O.  On entry to prepare() they are those of the job's options; the
 * plugin may change them.  If tags differ between blocks, the device does not check them in
 * this command, because a command has only one value; the host checks them instead.
 */
struct vfy_expect {
	struct pi_tags		tags;		/* ref is that of the first block */
	unsigned		each;		/* PI_APP, PI_REF, PI_STORAGE: use @block's */
	struct vfy_block_tags	*block;		/* array for @nr blocks of the I/O, uninitialised */
	unsigned		free;		/* PI_* that neither device nor host checks here */
};

/* One error of one block; the other members are as in struct vfy_mismatch. */
struct vfy_finding {
	uint32_t	index;		/* of the block in the I/O */
	unsigned	field;		/* one of PI_* or VFY_* */
	enum vfy_class	class;
	uint64_t	from;
	uint32_t	offset;
	bool		known;
	uint64_t	want, got, mask;
};

/* The result of open(). */
struct vfy_session {
	void		*ctx;
	unsigned	owns;	/* PI_* and VFY_METADATA that check() checks, not the engine */
	bool		flushes; /* prepare() and done() are called for Flush, too */
};

struct vfy_plugin {
	unsigned	version;	/* VFY_PLUGIN_VERSION */
	unsigned	size;		/* sizeof(struct vfy_plugin) */
	const char	*name;
	const char	*help;		/* one line: the purpose, and the arguments */

	/*
	 * Start a job.  @args is the text after the comma, or "".  Returns 0 with *@s filled
	 * in, or -errno with a line in @why; the job then fails before any I/O.
	 */
	int (*open)(const struct vfy_job *job, const char *args, struct vfy_session *s,
		    char why[VFY_WHY_MAX]);
	void (*close)(void *ctx);	/* end a job, free @ctx */

	/*
	 * The functions below may be NULL.
	 *
	 * Called before a command is built.  Writes: fill in @io->md outside the tuples, and
	 * change *@e.  Other commands that change blocks: @e is NULL.
	 */
	void (*prepare)(void *ctx, const struct vfy_io *io, struct vfy_expect *e);

	/*
	 * Check the blocks of a read.  Returns the number of findings; the first @max are stored
	 * in @f.
	 */
	unsigned (*check)(void *ctx, const struct vfy_io *io, const struct vfy_expect *e,
			  struct vfy_finding *f, unsigned max);

	/* The command has ended.  @res: 0 success, above 0 the NVMe status word, below 0 -errno. */
	void (*done)(void *ctx, const struct vfy_io *io, const struct vfy_expect *e, int res);

	/*
	 * The job has ended; close() follows.  Returns 0, or -errno with a line in @why that says what
	 * the plugin could not do: the job then fails.
	 */
	int (*end)(void *ctx, char why[VFY_WHY_MAX]);
};

#endif
