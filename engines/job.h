/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job.h - validates a job's options against the format of a namespace
 *
 * Everything that cannot work is refused here, before any I/O, in one line. The result is a struct
 * job_ns: plain numbers for the path of an I/O, so that nothing has to be decided there. It does
 * not depend on fio.
 */
#ifndef JOB_H
#define JOB_H

#include "verify/verify.h"
#include "verify/written.h"
#include "engines/nvme/nvme.h"
#include "option-words.h"

/* What fio's buffers contain on an extended namespace. */
enum job_buffer { JOB_BUFFER_AUTO, JOB_BUFFER_DATA, JOB_BUFFER_EXTENDED };

/* Which I/Os have a size, or'ed. */
enum job_size_kind {
	JOB_SIZE_ALIGN		= 0,	/* none: an offset or an alignment */
	JOB_SIZE_TRANSFER	= 1,	/* I/Os that transfer that much: reads */
	/* writes, and the commands that write_mode turns them into */
	JOB_SIZE_WRITE		= 2,
	JOB_SIZE_TRIM		= 4,
};

/* A size or an offset of the job that must be a multiple of the block size. */
struct job_size {
	const char		*option;	/* name for messages, such as "bs" */
	uint64_t		bytes;
	unsigned		kind;		/* enum job_size_kind */
};

/* What happens if a block that was read escapes its checks: pi_escape. */
enum job_escape {
	JOB_ESCAPE_ALLOW,	/* it is only counted */
	JOB_ESCAPE_OWN,		/* it is a mismatch if this run wrote the block */
	JOB_ESCAPE_REJECT,	/* it is a mismatch */
};

/* The parsed options of a job. "given" tells an option that was given from a default. */
struct job_opts {
	bool			pract;
	bool			prchk_given, verify_given, apptag_given, ref_given, storage_given;
	unsigned		prchk;		/* pi_chk: PI_* that the device checks */
	/* pi_verify: PI_*, VFY_METADATA that the host checks */
	unsigned		verify;
	unsigned		unknown;	/* PI_* without a value, which are not checked */
	/* pi_storage_check; -1: check it if there is a storage tag */
	int			storage_check;
	uint16_t		apptag, apptag_mask;
	uint64_t		ref;		/* pi_ref: the reference tag of LBA 0 */
	uint64_t		storage;	/* pi_storage_tag */
	enum job_buffer		buffer;
	uint32_t		md_per_io;	/* md_per_io_size; 0: as needed */
	struct words_mix	write_mode;
	bool			appends;	/* write_mode=zone_append: its writes are Zone Appends */
	bool			places;		/* writes have directives: fdp=, dataplacement= */
	bool			compare;	/* verify_mode=compare */
	bool			readfua, writefua, deac;
	unsigned		ranges;		/* num_range; 0: 1 */
	bool			looks;		/* the caller looks at the blocks of all reads */
	/* job_ns->written will record which blocks this run writes */
	bool			remembers;
	/* every block that the job reads was written by it */
	bool			reads_own;
	enum job_escape		escape;

	/* From fio's own options: */
	bool			reads;		/* the job sends Read commands */
	bool			compares;	/* the job sends Compare commands */
	bool			writes, trims;
	bool			only_verifies;	/* it has writes and trims, and sends none of them */
	bool			fio_verify;	/* verify=, which puts headers into the data */
	struct target_open	open;		/* everything except the path */
	const struct job_size	*sizes;
	unsigned		nr_sizes;
};

/* A namespace as a job uses it. */
struct job_ns {
	struct target_ns	*target;
	struct nvme_ns_info	info;
	const char		*path;		/* a copy that the struct owns */
	int			index;		/* index in the job's list of files */
	void			*owner;		/* belongs to the caller */
	bool			pract, readfua, writefua, deac, appends;
	unsigned		prchk;		/* PI_* that the device checks in writes */
	unsigned		prchk_read;	/* and those in Read, Compare and Verify */
	/* PI_* that the host checks in tuples that are transferred */
	unsigned		verify;
	/* the host also checks the metadata beyond the tuples */
	bool			verify_md;
	/* the host checks the guard only, which may be right by chance */
	bool			guard_alone;
	unsigned		unknown;	/* PI_* without a value */
	/* checks of device and host that apply only to blocks this run wrote */
	unsigned		own_only;
	/* printed: those checks are not made, as jobs write different tags */
	bool			told_differs;
	enum job_escape		escape;
	/* the caller's map of written blocks; NULL: there is none */
	struct vfy_written	*written;
	/* kind of the blocks that the job writes, in that map */
	uint64_t		kind;
	/* blocks that this run made uncorrectable; NULL: unknown */
	struct vfy_written	*spoiled;
	unsigned		remark_on;	/* PI_*: the field that ->remark is about */
	char			remark[WHY_MAX]; /* what cannot be checked; "" if everything can */
	/*
	 * The fast path: nothing is generated or copied for such an I/O; only the command is built,
	 * and tuples that were read are checked. A caller with a plugin or injection clears both, one
	 * whose writes have directives the second.
	 */
	bool			fast_reads, fast_writes;
	struct pi_tags		tags;		/* tags; ref is the reference tag of LBA 0 */
	struct nvme_wire	wire;		/* layout of the blocks of Read and Write */
	struct nvme_template	read, write;	/* templates of most commands of the job */
	struct pi_series	tuples;		/* tuples from LBA 0 on, with the host's checks */
	struct pi_series	poison;		/* what a read that is checked must replace */
	/* checks of tuples in blocks that this run did not write */
	struct pi_series	others;
	/* the same layout if the controller inserts the tuples */
	struct pi_series	plain;
	uint32_t		host_block;	/* bytes of fio's buffer per block */
	unsigned		host_shift;	/* its logarithm; 0: it is no power of two */
	uint32_t		max_blocks;	/* blocks of the job's largest I/O */
	uint32_t		bounce_size;	/* bytes of the engine's buffers per I/O: */
	uint32_t		md_size;	/* extended blocks; separate metadata */
	/* pi_buffer=auto chose extended, which is printed */
	bool			auto_extended;
	struct vfy_ns		seen;		/* the same facts for verify/ */
};

/*
 * Opens @path on @ops, identifies it, and validates @o against its format. Returns 0, or -errno
 * with one line in @why.
 */
int job_ns_open(const struct target_ops *ops, const char *path, const struct job_opts *o,
		struct job_ns *ns, char why[WHY_MAX]);
void job_ns_close(struct job_ns *ns);

/*
 * Returns the bytes of fio's buffers per block in the format @l, which follow from the pract,
 * buffer and sizes of @o.
 */
uint32_t job_host_block(const struct job_opts *o, const struct pi_layout *l);

/* Returns whether some of the job's writes become the command @opcode. */
bool job_uses(const struct job_opts *o, uint8_t opcode);

/* Returns whether the job changes blocks, by any command. */
bool job_changes(const struct job_opts *o);

/*
 * Checks that the target carries all that the job asks for: what the block layer lacks is refused.
 * Returns 0, or -EINVAL with one line in @why.  @ns: its tags and checks are set.  (job-target.c)
 */
int job_check_target(const struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX]);

/*
 * --- job-limits.c: limits of the controller; each returns 0, or -EINVAL with one line in @why ---
 */

/* Checks every command of the job that is as long as @s. Raises ->max_blocks. */
int job_check_size(struct job_ns *ns, const struct job_opts *o, const struct job_size *s,
		   char why[WHY_MAX]);

/* Checks that the controller supports every command of the job. */
int job_check_commands(const struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX]);

/* Returns the largest block that any command of the job transfers: Compare has no PRACT. */
struct nvme_wire job_widest_wire(const struct job_ns *ns, const struct job_opts *o);

/*
 * Checks that the guard kernel that NVMEPI_GUARD names exists. Returns 0, or -EINVAL with one line
 * in @why.
 */
int job_check_guard(char why[WHY_MAX]);

/* Writes "PATH (FORMAT): ..." to @why; returns -EINVAL. */
int refuse_ns(const struct job_ns *ns, char why[WHY_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The second half of job_ns_open(), for an @ns whose info is filled in. */
int job_configure(struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX]);

#endif
