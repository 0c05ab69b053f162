/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nvme.h - NVMe commands and Identify data: decode Identify structures to a layout of blocks, and
 * build a command for an I/O.  Nothing here uses file descriptors or fio.
 *
 * "Spec" is the NVM Command Set Specification, "Base" the NVM Express Base Specification.
 */
#ifndef NVME_H
#define NVME_H

#include <libnvme.h>
#include "pi/pi.h"
#include "status.h"
#include "target.h"

/*
 * The controller's limits for one command; 0: it reports no limit.  Sizes in bytes count data, and
 * metadata if that is extended, unless @data_only.  Limits that ONCS declares as recommended are
 * applied as well: beyond them a controller may execute only a part of a Dataset Management
 * command. Base: MDTS.  Spec: I/O Command Set Specific Identify Controller, Dataset Management
 * Processing Limits.
 */
struct nvme_limits {
	uint64_t	verify, zeroes, uncor;	/* VSL, WZSL, WUSL: bytes */
	uint32_t	ranges;		/* DMRL: ranges of a Dataset Management command */
	uint32_t	range_blocks;	/* DMRSL: blocks of one such range */
	uint64_t	trim_blocks;	/* DMSL: blocks of all ranges of the command */
	bool		data_only;	/* CTRATT.MEM: metadata is not counted here or in MDTS */
};

/* Values of a deallocated block's data and metadata, except its tuple.  Spec: DLFEAT. */
enum nvme_dlfeat {
	NVME_READS_EITHER	= 0,	/* not reported: all bytes are 00h or all are FFh */
	NVME_READS_ZEROES	= 1,
	NVME_READS_ONES		= 2,
	NVME_READS_MASK		= 7,
	NVME_DLFEAT_ZEROES	= 1 << 3,	/* Write Zeroes can deallocate */
	NVME_DLFEAT_GUARD	= 1 << 4,	/* the guard matches the data, else it is FFh */
};

/* Zones: blocks of each, limits of zones (0: none) and of a Zone Append, bytes (0: MDTS). */
struct nvme_zones {
	uint64_t	blocks;		/* ZSZE; 0: the namespace is not zoned */
	uint32_t	max_open;	/* MOR */
	uint32_t	max_active;	/* MAR */
	uint32_t	append;		/* ZASL */
	bool		cross;		/* a Read may cross the end of a zone */
};

/* A namespace and its controller, decoded from the Identify data. */
struct nvme_ns_info {
	uint32_t		nsid;
	uint64_t		nr_blocks;	/* NSZE */
	struct pi_layout	layout;
	uint64_t		storage_mask;	/* LBSTM */
	uint8_t			pif;		/* guard format: 0 16b, 1 32b, 2 64b */
	uint8_t			lbaf;		/* index of the format in use */
	uint8_t			csi;		/* I/O command set: NVME_CSI_NVM or NVME_CSI_ZNS */
	uint8_t			dlfeat;		/* the raw byte; see enum nvme_dlfeat */
	uint32_t		max_transfer;	/* MDTS, bytes; 0: no limit */
	struct nvme_limits	limits;		/* of commands that transfer no data */
	struct nvme_zones	zones;
	uint16_t		oncs;		/* supported optional commands, NVME_CTRL_ONCS_* */
	const char		*remark;	/* a warning from pi_layout_check(); NULL: none */
	char			model[41];
	char			serial[21];
	char			firmware[9];
	uint8_t			eui64[8], nguid[16];	/* all zero: none */
};

/*
 * Raw Identify data, 4096 bytes per structure, and the Commands Supported and Effects log, which
 * lists commands that ONCS does not report.
 */
struct nvme_identify {
	struct nvme_id_ctrl	ctrl;		/* CNS 01h */
	uint8_t			descriptors[NVME_IDENTIFY_DATA_SIZE]; /* CNS 03h; version 1.3 */
	struct nvme_id_ns	ns;		/* CNS 00h */
	struct nvme_nvm_id_ns	nvm;		/* CNS 05h, CSI 0; if CTRATT.ELBAS */
	struct nvme_id_ctrl_nvm	nvm_ctrl;	/* CNS 06h, CSI 0; version 1.2 */
	struct nvme_zns_id_ns	zns;		/* CNS 05h, CSI 2; of a zoned namespace */
	struct nvme_zns_id_ctrl	zns_ctrl;	/* CNS 06h, CSI 2 */
	struct nvme_cmd_effects_log effects;	/* if LPA reports the log */
};

/*
 * Read all structures of *@id from the target.  Optional structures that the controller does not
 * have stay zero; for a namespace of an unsupported command set, so do the structures of the NVM
 * Command Set.  Returns 0, or a result as in target.h. Base: Identify command, Commands Supported
 * and Effects.
 */
int nvme_identify_all(struct target_ns *ns, struct nvme_identify *id);

/*
 * Decode @id into *@info.  Returns 0, or -EINVAL with one line in @why if this library does not
 * support the namespace's format, or if its command set is neither the NVM nor the Zoned Namespace
 * Command Set. Spec: Identify Namespace data structures, LBA Format List Structure.
 */
int nvme_decode(const struct nvme_identify *id, uint32_t nsid, struct nvme_ns_info *info,
		char why[WHY_MAX]);

/* Return the number of LBA formats (1..64).  A format with a data size of 0 is not available. */
unsigned nvme_nr_lbafs(const struct nvme_id_ns *ns);

/*
 * Check that the namespace has the format @want of the job.  Returns 0, or -EINVAL with one line
 * in @why that names every field that differs.  Without protection information the position, guard
 * format and storage tag size are not compared.
 */
int nvme_expect(const struct nvme_ns_info *info, const struct ns_format *want,
		char why[WHY_MAX]);

/* Write a name like "4096+8 separate, 16b type 1 last" to @buf.  Returns @buf. */
#define NVME_FORMAT_MAX 64
char *nvme_format_name(const struct nvme_ns_info *info, char buf[NVME_FORMAT_MAX]);

/* The bytes per block that are transferred between host and controller.  Spec: PRACT. */
struct nvme_wire {
	uint32_t	data;	/* in the data buffer: data, plus metadata if extended */
	uint32_t	md;	/* in the metadata buffer */
	bool		pi;	/* tuples are transferred */
};

/*
 * Return the transfer sizes of a layout.  With @pract, and metadata that is exactly the tuple, the
 * controller inserts and strips the tuple, so no metadata is transferred.
 */
struct nvme_wire nvme_wire(const struct pi_layout *l, bool pract);

/*
 * Where the controller is to put what a command writes: DTYPE (1 streams, 2 data placement) and
 * DSPEC, the stream or the placement identifier. Base: Directives.
 */
#define NVME_DIRECTIVE(dtype, dspec) ((uint32_t)(dtype) << 16 | ((dspec) & 0xffff))

/* One I/O: the fields of all commands that carry PRINFO. */
struct nvme_io {
	uint8_t		opcode;		/* enum nvme_io_opcode */
	bool		pract;
	bool		fua;
	bool		deac;		/* Write Zeroes: deallocate */
	uint32_t	directive;	/* of writes: NVME_DIRECTIVE(); 0: none */
	unsigned	checks;		/* PI_*: the PRCHK bits and STC */
	uint64_t	slba;
	uint32_t	nr_blocks;	/* 1..65536 */
	struct pi_tags	tags;
	void		*data;		/* nr_blocks * wire.data bytes; NULL: no data buffer */
	void		*md;		/* nr_blocks * wire.md bytes */
};

/*
 * A command template: everything that commands of one type have in common on a namespace.
 * nvme_template() builds it once for any number of I/Os.
 */
struct nvme_template {
	struct nvme_uring_cmd	cmd;	/* without LBA range, buffers and reference tag */
	struct nvme_wire	wire;	/* its transfer sizes; zero if it has no buffers */
	unsigned		checks;
	bool			tagged;
	uint64_t		zone_blocks;	/* of a Zone Append; 0: it is another command */
	uint64_t		ref_mask;	/* of one with PIREMAP: the bits of a reference tag */
};

/*
 * Return the template for @io's opcode, flags, checks and tags.  The reference tag, LBA range and
 * buffers of @io are ignored.
 */
struct nvme_template nvme_template(const struct nvme_ns_info *info, const struct nvme_io *io);

/*
 * Return the template of a Zone Append in place of a Write.  The controller assigns the LBA and
 * gives the tuples on media its reference tag (PIREMAP); it is not asked to check the host's, which
 * are those of the LBA that the host expects.
 */
struct nvme_template nvme_append_template(const struct nvme_ns_info *info, const struct nvme_io *io);

/* Make *@cmd, which is filled for @io, an append to its zone. */
void nvme_to_append(struct nvme_uring_cmd *cmd, const struct nvme_template *k, const struct nvme_io *io);

/* Add a directive to *@cmd, which is filled and has none: a write of any kind. */
static inline void nvme_direct(struct nvme_uring_cmd *cmd, uint32_t directive)
{
	cmd->cdw12 |= directive >> 16 << 20;
	cmd->cdw13 |= directive << 16;
}

/*
 * Fill *@cmd from template @k; the LBA range, buffer addresses and reference tag are @io's.
 * Inline, because every I/O calls it.
 */
static inline void nvme_fill(struct nvme_uring_cmd *cmd, const struct nvme_template *k,
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
	if (k->tagged) {			/* the storage tag is above: pi_tags_pack() */
		cmd->cdw3 |= io->tags.ref >> 32;
		cmd->cdw14 |= io->tags.ref;
	}
	if (__builtin_expect(k->zone_blocks != 0, 0))
		nvme_to_append(cmd, k, io);
}

/*
 * Fill *@cmd for @io without a template.  PRINFO and tags are set only if the command has these
 * fields and the namespace has protection information.  Spec: Read, Write, Compare, Verify, Write
 * Zeroes, Write Uncorrectable.
 */
void nvme_build_io(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		   const struct nvme_io *io);

/*
 * Build a Dataset Management command that deallocates @nr ranges (1..256).  @ranges are
 * little-endian as in the specification; they must stay valid until the command completes. Spec:
 * Dataset Management.
 */
void nvme_build_dsm(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info,
		    struct nvme_dsm_range *ranges, unsigned nr);

void nvme_build_flush(struct nvme_uring_cmd *cmd, const struct nvme_ns_info *info);

/*
 * Report the zones from that of @slba on, as many as fit in *@report, of @size bytes: ->nr_zones
 * says how many.  Returns a result as in target.h. Zoned: Zone Management Receive.
 */
int nvme_report_zones(struct target_ns *ns, uint64_t slba, struct nvme_zone_report *report,
		      uint32_t size);

/*
 * Read the status of the namespace's placement handles into *@status, @size bytes: ->nruhsd says
 * how many there are, also if they do not fit. Returns a result as in target.h. Base: I/O Management
 * Receive, Reclaim Unit Handle Status.
 */
int nvme_handle_status(struct target_ns *ns, struct nvme_fdp_ruh_status *status, uint32_t size);

/* Send Zone Management Send for the zone that starts at @slba. @action: enum nvme_zns_send_action. */
int nvme_send_zone(struct target_ns *ns, uint64_t slba, unsigned action);

#endif
