/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job.h - what a job asks for, settled against the format a namespace has
 *
 * Everything that can be refused is refused here, before any I/O, in one line.
 * What is left afterwards is a struct job_ns: plain numbers for the way of an
 * I/O, so that nothing needs deciding there.  Nothing here knows fio.
 */
#ifndef JOB_H
#define JOB_H

#include "verify/verify.h"
#include "verify/written.h"
#include "engines/nvme/nvme.h"
#include "option-words.h"

/* Whose blocks are in fio's buffers of an extended namespace. */
enum job_buffer { JOB_BUFFER_AUTO, JOB_BUFFER_DATA, JOB_BUFFER_EXTENDED };

/* Which I/Os have that size, or'ed. */
enum job_size_kind {
	JOB_SIZE_ALIGN		= 0,	/* none: an offset, or what I/Os are aligned to */
	JOB_SIZE_TRANSFER	= 1,	/* those that move so much: reads */
	JOB_SIZE_WRITE		= 2,	/* writes, and whatever write_mode makes of them */
	JOB_SIZE_TRIM		= 4,
};

/* A size or an offset of the job that has to be whole blocks. */
struct job_size {
	const char		*option;	/* "bs": for messages */
	uint64_t		bytes;
	unsigned		kind;		/* enum job_size_kind */
};

/* What becomes of a block that was read and that escapes its checks: pi_escape. */
enum job_escape {
	JOB_ESCAPE_ALLOW,	/* it is counted */
	JOB_ESCAPE_OWN,		/* a mismatch where this run wrote the block */
	JOB_ESCAPE_REJECT,	/* a mismatch */
};

/* The options of a job, parsed; "given" tells a default from a wish. */
struct job_opts {
	bool			pract;
	bool			prchk_given, verify_given, apptag_given, ref_given, storage_given;
	unsigned		prchk;		/* pi_chk: PI_* the device checks */
	unsigned		verify;		/* pi_verify: PI_*, VFY_METADATA the host checks */
	unsigned		unknown;	/* PI_*: nobody gave a value, so nobody checks it */
	int			storage_check;	/* pi_storage_check; -1: where there is a tag */
	uint16_t		apptag, apptag_mask;
	uint64_t		ref;		/* pi_ref: reference tag of LBA 0 */
	uint64_t		storage;	/* pi_storage_tag */
	enum job_buffer		buffer;
	uint32_t		md_per_io;	/* md_per_io_size; 0: as needed */
	struct words_mix	write_mode;
	bool			compare;	/* verify_mode=compare */
	bool			readfua, writefua, deac;
	unsigned		ranges;		/* num_range; 0: 1 */
	bool			looks;		/* the caller wants to see the blocks of all reads */
	bool			remembers;	/* job_ns->written will tell which blocks are */
	bool			reads_own;	/* every block that is read was written by the job */
	enum job_escape		escape;

	/* From fio's own options. */
	bool			reads;		/* it sends Read commands, */
	bool			compares;	/* Compare commands */
	bool			writes, trims;
	bool			only_verifies;	/* it has writes and trims, and sends none of them */
	bool			fio_verify;	/* verify=, with headers in the data */
	struct target_open	open;		/* path left out */
	const struct job_size	*sizes;
	unsigned		nr_sizes;
};

/* One namespace as one job uses it. */
struct job_ns {
	struct target_ns	*target;
	struct nvme_ns_info	info;
	const char		*path;		/* a copy of its own */
	int			index;		/* in the job's list of files */
	void			*owner;		/* the caller's */
	bool			pract, readfua, writefua, deac;
	unsigned		prchk;		/* PI_* for the device, in writes */
	unsigned		prchk_read;	/* and in Read, Compare and Verify */
	unsigned		verify;		/* PI_* for the host, on tuples that cross */
	bool			verify_md;	/* and the bytes beyond them */
	bool			guard_alone;	/* the host checks no reference tag: a guard may fit by chance */
	unsigned		unknown;	/* PI_*: nobody gave a value */
	unsigned		own_only;	/* of both, what is checked only where this run wrote */
	bool			told_differs;	/* said: those are not, as other jobs write other ones */
	enum job_escape		escape;
	struct vfy_written	*written;	/* the caller's; NULL: nobody remembers */
	uint64_t		kind;		/* of the blocks it writes, there */
	struct vfy_written	*spoiled;	/* those that this run made uncorrectable; NULL: unknown */
	unsigned		remark_on;	/* PI_*: the field of ->remark */
	char			remark[WHY_MAX]; /* what can't be checked; "": nothing */
	/*
	 * Nothing is generated or moved for such an I/O: only the command is built, and read
	 * tuples are checked.  A caller with a plugin or injection clears both.
	 */
	bool			fast_reads, fast_writes;
	struct pi_tags		tags;		/* ref: that of LBA 0 */
	struct nvme_wire	wire;		/* of Read and Write */
	struct nvme_template	read, write;	/* as most commands of the job are */
	struct pi_series	tuples;		/* from LBA 0 on, with the host's checks */
	struct pi_series	poison;		/* what is in their place before a read that is checked */
	struct pi_series	others;		/* the same, in blocks that this run did not write */
	struct pi_series	plain;		/* the same blocks, their tuples somebody else's */
	uint32_t		host_block;	/* bytes of fio's buffer a block */
	unsigned		host_shift;	/* the same as a power of two; 0: it is none */
	uint32_t		max_blocks;	/* of the job's largest I/O */
	uint32_t		bounce_size;	/* bytes an I/O needs of the engine's own: */
	uint32_t		md_size;	/* extended blocks; separate metadata */
	bool			auto_extended;	/* pi_buffer=auto took extended: say so */
	struct vfy_ns		seen;		/* all that, for verify/ */
};

/*
 * Open @path on @ops, identify it, and settle @o against its format.  0, or
 * -errno with one line in @why.
 */
int job_ns_open(const struct target_ops *ops, const char *path, const struct job_opts *o,
		struct job_ns *ns, char why[WHY_MAX]);
void job_ns_close(struct job_ns *ns);

/* Bytes of fio's buffers that are a block in the format @l, by @o's pract, buffer and sizes. */
uint32_t job_host_block(const struct job_opts *o, const struct pi_layout *l);

/* Do some of the job's writes become the command @opcode? */
bool job_uses(const struct job_opts *o, uint8_t opcode);

/* Does the job change blocks, by whatever command? */
bool job_changes(const struct job_opts *o);

/* --- job-limits.c: what the controller takes; each 0, or -EINVAL with one line in @why --- */

/* Does every command of the job that is as long as @s keep to its limits?  Raises ->max_blocks. */
int job_check_size(struct job_ns *ns, const struct job_opts *o, const struct job_size *s,
		   char why[WHY_MAX]);

/* Does the controller have every command of the job, and can the namespace be written that way? */
int job_check_commands(const struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX]);

/* The most that any command of the job sends a block: Compare has no PRACT. */
struct nvme_wire job_widest_wire(const struct job_ns *ns, const struct job_opts *o);

/* Is there the guard kernel that NVMEPI_GUARD names, if it does?  0, or -EINVAL with one line in @why. */
int job_check_guard(char why[WHY_MAX]);

/* "PATH (FORMAT): ..." in @why; -EINVAL. */
int refuse_ns(const struct job_ns *ns, char why[WHY_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The second half alone, for an @ns whose info is filled in. */
int job_settle(struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX]);

#endif
