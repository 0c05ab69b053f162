/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nvme.h - the NVMe side of an I/O: Identify bytes to a layout, an I/O to a
 * command.  No file descriptors, no fio.
 *
 * "Spec" is the NVM Command Set Specification, "Base" the NVM Express Base
 * Specification.
 */
#ifndef NVME_H
#define NVME_H

#include <libnvme.h>
#include "pi/pi.h"
#include "status.h"
#include "target.h"

/*
 * The most that one command may name or move, as the controller has it; 0: no limit is
 * told.  Bytes are data, and metadata where that is extended, unless @data_only.  Limits that ONCS
 * calls recommended count as well: beyond them a Dataset Management command is executed in part.
 * Base: MDTS.  Spec: I/O Command Set Specific Identify Controller, Dataset Management Processing
 * Limits.
 */
struct nvme_limits {
	uint64_t	verify, zeroes, uncor;	/* VSL, WZSL, WUSL: bytes */
	uint32_t	ranges;		/* DMRL: ranges of a Dataset Management command, */
	uint32_t	range_blocks;	/* DMRSL: blocks of each, */
	uint64_t	trim_blocks;	/* DMSL: and of all */
	bool		data_only;	/* CTRATT.MEM: metadata does not count, here and in MDTS */
};

/* What reading a deallocated block gives, data and metadata beyond the tuple.  Spec: DLFEAT. */
enum nvme_dlfeat {
	NVME_READS_EITHER	= 0,	/* all bytes 00h or all FFh: the namespace does not say */
	NVME_READS_ZEROES	= 1,
	NVME_READS_ONES		= 2,
	NVME_READS_MASK		= 7,
	NVME_DLFEAT_ZEROES	= 1 << 3,	/* Write Zeroes can deallocate */
	NVME_DLFEAT_GUARD	= 1 << 4,	/* the guard is that of the bytes, not FFh in each byte */
};

/* What Identify says of a namespace and its controller, decoded. */
struct nvme_ns_info {
	uint32_t		nsid;
	uint64_t		nr_blocks;	/* NSZE */
	struct pi_layout	layout;
	uint64_t		storage_mask;	/* LBSTM */
	uint8_t			pif;		/* guard format: 0 16b, 1 32b, 2 64b */
	uint8_t			lbaf;		/* index of the format in use */
	uint8_t			csi;		/* I/O command set: NVME_CSI_NVM or _ZNS */
	uint8_t			dlfeat;		/* as it is; see enum nvme_dlfeat */
	uint32_t		max_transfer;	/* MDTS, bytes; 0: no limit */
	struct nvme_limits	limits;		/* of commands that move nothing */
	uint16_t		oncs;		/* optional commands there are, NVME_CTRL_ONCS_* */
	const char		*remark;	/* pi_layout_check()'s, NULL: none */
	char			model[41];
	char			serial[21];
	char			firmware[9];
	uint8_t			eui64[8], nguid[16];	/* zeroes: none */
};

/*
 * The Identify structures as they came, 4096 bytes each, and the log that tells
 * of commands a controller has although its ONCS keeps quiet about them.
 */
struct nvme_identify {
	struct nvme_id_ctrl	ctrl;		/* CNS 01h */
	uint8_t			descriptors[NVME_IDENTIFY_DATA_SIZE]; /* CNS 03h; from version 1.3 on */
	struct nvme_id_ns	ns;		/* CNS 00h */
	struct nvme_nvm_id_ns	nvm;		/* CNS 05h, CSI 0; when CTRATT.ELBAS */
	struct nvme_id_ctrl_nvm	nvm_ctrl;	/* CNS 06h, CSI 0; from version 1.2 on */
	struct nvme_cmd_effects_log effects;	/* when LPA says there is one */
};

/*
 * Ask the target for them; those it does not have stay zero, and so does all that is of the NVM
 * Command Set where the namespace is of another one.  0, or a result as in target.h.
 * Base: Identify command, Commands Supported and Effects.
 */
int nvme_identify_all(struct target_ns *ns, struct nvme_identify *id);

/*
 * Decode @id into *@info.  0, or -EINVAL with one line in @why when the
 * namespace's format is none this library can work on, or its command set is neither the NVM
 * nor the Zoned Namespace Command Set.
 * Spec: Identify Namespace data structures, LBA Format List Structure.
 */
int nvme_decode(const struct nvme_identify *id, uint32_t nsid, struct nvme_ns_info *info,
		char why[WHY_MAX]);

/* How many LBA formats does it have?  Some of them may have a data size of 0: not available. */
unsigned nvme_nr_lbafs(const struct nvme_id_ns *ns);

/*
 * Does the namespace have the format that the job expects?  0, or -EINVAL with
 * one line in @why naming every field that differs.  Without protection there is
 * no tuple that could be elsewhere or larger.
 */
int nvme_expect(const struct nvme_ns_info *info, const struct ns_format *want,
		char why[WHY_MAX]);

/* "4096+8 16b type 1, last, separate" in @buf; returns @buf. */
#define NVME_FORMAT_MAX 64
char *nvme_format_name(const struct nvme_ns_info *info, char buf[NVME_FORMAT_MAX]);

/* What crosses the interface, bytes a block.  Spec: PRACT. */
struct nvme_wire {
	uint32_t	data;	/* in the data buffer: data, and metadata when extended */
	uint32_t	md;	/* in the metadata buffer */
	bool		pi;	/* do tuples cross? */
};

/*
 * With @pract and metadata no larger than the tuple the controller inserts and
 * strips it, and no metadata crosses.
 */
struct nvme_wire nvme_wire(const struct pi_layout *l, bool pract);

/* One I/O, as every command that carries PRINFO has it. */
struct nvme_io {
	uint8_t		opcode;		/* enum nvme_io_opcode */
	bool		pract;
	bool		fua;
	bool		deac;		/* Write Zeroes: deallocate */
	unsigned	checks;		/* PI_*: PRCHK and STC */
	uint64_t	slba;
	uint32_t	nr_blocks;	/* a count: 1..65536 */
	struct pi_tags	tags;
	void		*data;		/* nr_blocks * wire.data bytes; NULL: none crosses */
	void		*md;		/* nr_blocks * wire.md bytes */
};

/*
 * What all commands of one kind have in common on a namespace: made once by
 * nvme_kind(), for as many I/Os as there are.
 */
struct nvme_kind {
	struct nvme_uring_cmd	cmd;	/* but for place, buffers and reference tag */
	struct nvme_wire	wire;	/* what its buffers hold; zero where it has none */
	unsigned		checks;
	bool			tagged;
};

/* Of @io count the opcode, the flags, the checks and all tags but the reference tag. */
struct nvme_kind nvme_kind(const struct nvme_ns_info *info, const struct nvme_io *io);

/*
 * Fill *@cmd for an I/O of kind @k: place, buffers and reference tag are @io's.
 * Inline, because every I/O comes this way.
 */
static inline void nvme_place(struct nvme_uring_cmd *cmd, const struct nvme_kind *k,
			      const struct nvme_io *io)
{
	*cmd = k->cmd;
	cmd->cdw10 = io->slba;
	cmd->cdw11 = io->slba >> 32;
	cmd->cdw12 |= io->nr_blocks - 1;	/* NLB is 0's based */
	if (k->wire.data) {
		cmd->addr = (uintptr_t)io->data;
		cmd->data_len = io->nr_blocks * k->wire.data;
	}
	if (k->wire.md) {
		cmd->metadata = (uintptr_t)io->md;
		cmd->metadata_len = io->nr_blocks * k->wire.md;
	}
	if (k->tagged) {			/* the storage tag is above it, see pi_tags_pack() */
		cmd->cdw3 |= io->tags.ref >> 32;
		cmd->cdw14 |= io->tags.ref;
	}
}

/*
 * Both in one: fill *@cmd.  PRINFO and tags go only where the command has them and
 * the namespace has protection information.  Spec: Read, Write, Compare, Verify,
 * Write Zeroes, Write Uncorrectable.
 */
void nvme_build_io(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		   const struct nvme_io *io);

/* Dataset Management, deallocate @nr ranges (1..256) at @ranges. */
void nvme_build_dsm(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		    struct nvme_dsm_range *ranges, unsigned nr);

void nvme_build_flush(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info);

#endif
