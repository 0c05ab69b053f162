// SPDX-License-Identifier: GPL-2.0-only
/* io.c - see io.h; "Spec" as there */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "io.h"
#include "fault.h"

/* --- what commands have in common --- */

static bool has_pi(const struct ctl_image *img)
{
	return img->media.type != PI_NONE;
}

unsigned ctl_checks(const struct ctl_image *img, unsigned prinfo, bool storage)
{
	if (!has_pi(img))
		return 0;
	prinfo &= PI_REF | PI_APP | PI_GUARD;
	return prinfo | (storage && img->media.sts ? PI_STORAGE : 0);
}

struct pi_tags ctl_tags_of(const struct ctl_image *img, const struct pi_dwords *d)
{
	if (!has_pi(img))
		return (struct pi_tags){ 0 };
	return pi_tags_unpack(&img->media, d, pi_ones(img->media.sts));
}

struct pi_tags ctl_tags(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	return ctl_tags_of(img, &(struct pi_dwords) {
		cmd->cdw2, cmd->cdw3, cmd->cdw14, cmd->cdw15,
	});
}

static struct ctl_range range_of(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	const unsigned prinfo = cmd->cdw12 >> 26 & 0xf;

	return (struct ctl_range) {
		.lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
		.nr = (cmd->cdw12 & 0xffff) + 1,
		.pract = has_pi(img) && prinfo & CTL_PRACT,
		.checks = ctl_checks(img, prinfo, cmd->cdw12 >> 24 & 1),
		.tags = ctl_tags(img, cmd),
	};
}

int ctl_in_range(const struct ctl_image *img, uint64_t lba, uint64_t nr)
{
	if (lba >= img->format.nr_blocks || nr > img->format.nr_blocks - lba)
		return CTL_ST_LBA_RANGE | NVME_ST_DNR;
	return 0;
}

int ctl_admit(const struct ctl_image *img, const struct ctl_range *r)
{
	if (!(r->checks & PI_REF) || !pi_ref_bits(&img->media))
		return 0;
	if (img->media.type == PI_TYPE1 &&
	    r->tags.ref != (r->lba & pi_ones(pi_ref_bits(&img->media))))
		return NVME_ST_INVALID_PI | NVME_ST_DNR;
	return img->media.type == PI_TYPE3 ? NVME_ST_INVALID_PI : 0;
}

/* With PRACT, tuples that are all of the metadata stay in the controller. */
static bool md_crosses(const struct ctl_image *img, const struct ctl_range *r)
{
	return img->media.md_size &&
	       !(r->pract && img->media.md_size == img->media.format->tuple_size);
}

static size_t block_on_wire(const struct ctl_image *img, const struct ctl_range *r)
{
	const bool both = img->format.layout.extended && md_crosses(img, r);

	return img->media.data_size + (both ? img->media.md_size : 0);
}

/* Spec: MDTS; Base: Identify Controller. */
static int transfer_allowed(const struct ctl_image *img, const struct ctl_range *r)
{
	const size_t len = r->nr * block_on_wire(img, r);

	return len > CTL_MAX_TRANSFER ? CTL_ST_INVALID_FIELD | NVME_ST_DNR : 0;
}

/*
 * The command's buffers, which must be large enough.  A drive would go on into
 * whatever comes behind a short one; here that is not to be.
 */
static int host_blocks(const struct ctl_image *img, const struct nvme_uring_cmd *cmd,
		       const struct ctl_range *r, struct ctl_blocks *b)
{
	const struct pi_layout *l = &img->media;
	const size_t stride = block_on_wire(img, r);
	const bool separate = md_crosses(img, r) && !img->format.layout.extended;

	*b = (struct ctl_blocks){ .data = (uint8_t *)(uintptr_t)cmd->addr, .data_stride = stride };
	if (cmd->data_len < r->nr * stride || (separate && cmd->metadata_len < r->nr * l->md_size))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!cmd->addr || (separate && !cmd->metadata))
		return -EFAULT;
	if (separate)
		b->md = (uint8_t *)(uintptr_t)cmd->metadata;
	else if (stride > l->data_size)
		b->md = b->data + l->data_size;
	b->md_stride = separate ? l->md_size : stride;
	return 0;
}

static struct ctl_blocks blocks_from(const struct ctl_blocks *b, uint32_t i)
{
	struct ctl_blocks from = *b;

	from.data += i * b->data_stride;
	if (b->md)
		from.md += i * b->md_stride;
	return from;
}

static void copy_blocks(uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride,
			size_t len, uint32_t nr)
{
	if (to_stride == len && from_stride == len) {
		memcpy(to, from, nr * len);
		return;
	}
	for (; nr; nr--, to += to_stride, from += from_stride)
		memcpy(to, from, len);
}

/* The range from its block @i on, @nr blocks. */
static struct ctl_range part_of(const struct ctl_image *img, const struct ctl_range *r, uint32_t i,
				uint32_t nr)
{
	struct ctl_range part = *r;

	part.lba += i;
	part.nr = nr;
	if (has_pi(img))
		part.tags.ref = pi_ref_at(&img->media, &r->tags, i);
	return part;
}

/* --- checks --- */

static int status_of(enum pi_check field)
{
	switch (field) {
	case PI_GUARD:
		return NVME_ST_GUARD;
	case PI_APP:
		return NVME_ST_APP;
	case PI_STORAGE:
		return NVME_ST_STORAGE;
	default:
		return NVME_ST_REF;
	}
}

int ctl_check_blocks(const struct ctl_image *img, const struct pi_layout *l,
		     const struct ctl_range *r, const uint8_t *data, const uint8_t *md)
{
	struct pi_error err;
	unsigned wrong = 0;

	if (has_pi(img) && r->checks)
		wrong = pi_verify(l, &r->tags, r->checks, data, md, r->nr, &err, 1).bad;
	return wrong ? status_of(err.field) : 0;
}

/* Spec: Protection Information and Write Commands: with PRACT, PRCHK and STC are ignored. */
int ctl_check_written(const struct ctl_image *img, const struct pi_layout *l,
		      const struct ctl_range *r, const uint8_t *data, const uint8_t *md)
{
	int ret = r->pract ? 0 : ctl_admit(img, r);

	return ret || r->pract ? ret : ctl_check_blocks(img, l, r, data, md);
}

/* Blocks that were written, as they lie on media. */
static int check_media(const struct ctl_image *img, const struct ctl_range *r)
{
	return ctl_check_blocks(img, &img->media, r, ctl_data_at(img, r->lba),
				ctl_md_at(img, r->lba));
}

/* Write Uncorrectable left nothing to be read. */
static int readable(const struct ctl_image *img, const struct ctl_range *r)
{
	bool hit;

	return ctl_map_run(&img->bad, r->lba, r->nr, &hit) < r->nr || hit ? CTL_ST_UNRECOVERED : 0;
}

static int check_range(const struct ctl_image *img, const struct ctl_range *r)
{
	bool written;
	int ret = 0;

	for (uint32_t i = 0, n; r->checks && i < r->nr && !ret; i += n) {
		struct ctl_range run;

		n = ctl_map_run(&img->written, r->lba + i, r->nr - i, &written);
		run = part_of(img, r, i, n);
		if (written)
			ret = check_media(img, &run);
	}
	return ret;
}

/* --- Read, Verify, Compare --- */

/* Metadata of a deallocated block: the tuple is all ones, so that it escapes. */
static void blank_md(const struct ctl_image *img, const struct ctl_blocks *to, uint32_t i)
{
	uint8_t *md = to->md + i * to->md_stride;

	memset(md, 0, img->media.md_size);
	if (has_pi(img))
		memset(md + pi_tuple_offset(&img->media), 0xff, img->media.format->tuple_size);
}

static void put_blank(const struct ctl_image *img, const struct ctl_blocks *to, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		memset(to->data + i * to->data_stride, 0, img->media.data_size);
		if (to->md)
			blank_md(img, to, i);
	}
}

static void put_written(const struct ctl_image *img, const struct ctl_blocks *to, uint64_t lba,
			uint32_t nr)
{
	const struct pi_layout *l = &img->media;

	copy_blocks(to->data, to->data_stride, ctl_data_at(img, lba), l->data_size,
		    l->data_size, nr);
	if (to->md)
		copy_blocks(to->md, to->md_stride, ctl_md_at(img, lba), l->md_size, l->md_size, nr);
}

static void put_range(const struct ctl_image *img, const struct ctl_range *r,
		      const struct ctl_blocks *to)
{
	for (uint32_t i = 0, n; i < r->nr; i += n) {
		const struct ctl_blocks part = blocks_from(to, i);
		bool written;

		n = ctl_map_run(&img->written, r->lba + i, r->nr - i, &written);
		if (written)
			put_written(img, &part, r->lba + i, n);
		else
			put_blank(img, &part, n);
	}
}

static int read_once(const struct ctl_image *img, const struct ctl_range *r,
		     const struct ctl_blocks *to)
{
	int ret = readable(img, r);

	ret = ret ? ret : check_range(img, r);
	if (!ret && to)
		put_range(img, r, to);
	return ret;
}

int ctl_read(struct ctl_port *port, const struct ctl_range *r, const struct ctl_blocks *to)
{
	uint64_t seen;
	int ret;

	do {
		int err = ctl_read_begin(port, r->lba, r->nr, &seen);

		if (err)
			return err;
		ret = read_once(port->image, r, to);
	} while (!ctl_read_end(port, r->lba, r->nr, seen));
	return ret;
}

/* Spec: Read command. */
static int do_read(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = range_of(img, cmd);
	struct ctl_blocks to;
	int ret = transfer_allowed(img, &r);

	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	ret = ret ? ret : host_blocks(img, cmd, &r, &to);
	ret = ret ? ret : ctl_admit(img, &r);
	return ret ? ret : ctl_read(port, &r, &to);
}

/* Checking a lot at once would often be disturbed by who writes to it. */
#define VERIFY_BLOCKS 1024u

/* Spec: Verify command; PRACT in it is an invalid field. */
static int do_verify(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = range_of(img, cmd);
	int ret = ctl_admit(img, &r);

	if (!ret && r.pract)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	for (uint32_t i = 0; i < r.nr && !ret; i += VERIFY_BLOCKS) {
		const uint32_t n = r.nr - i < VERIFY_BLOCKS ? r.nr - i : VERIFY_BLOCKS;
		const struct ctl_range part = part_of(img, &r, i, n);

		ret = ctl_read(port, &part, NULL);
	}
	return ret;
}

static bool same_data(const struct ctl_image *img, uint64_t lba, bool written, const uint8_t *data)
{
	const size_t len = img->media.data_size;

	return written ? !memcmp(ctl_data_at(img, lba), data, len) : ctl_is_zero(data, len);
}

/* Protection information is checked, not compared: all that is beside the tuple. */
static bool same_md(const struct ctl_image *img, uint64_t lba, bool written, const uint8_t *md)
{
	const struct pi_layout *l = &img->media;
	const uint8_t *is = ctl_md_at(img, lba);
	const size_t head = has_pi(img) ? pi_tuple_offset(l) : l->md_size;
	const size_t tail = has_pi(img) ? head + l->format->tuple_size : l->md_size;

	if (!written)
		return ctl_is_zero(md, head) && ctl_is_zero(md + tail, l->md_size - tail);
	return !memcmp(is, md, head) && !memcmp(is + tail, md + tail, l->md_size - tail);
}

typedef bool same_fn(const struct ctl_image *img, uint64_t lba, bool written, const uint8_t *part);

static bool all_same(const struct ctl_image *img, const struct ctl_range *r, same_fn *same,
		     const uint8_t *part, size_t stride)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		bool written;

		ctl_map_run(&img->written, r->lba + i, 1, &written);
		if (!same(img, r->lba + i, written, part + i * stride))
			return false;
	}
	return true;
}

static int compare_once(const struct ctl_image *img, const struct ctl_range *r,
			const struct ctl_blocks *with)
{
	int ret = readable(img, r);

	if (!ret && !all_same(img, r, same_data, with->data, with->data_stride))
		return NVME_ST_COMPARE;
	ret = ret ? ret : ctl_admit(img, r);
	ret = ret ? ret : check_range(img, r);
	ret = ret ? ret : ctl_check_blocks(img, &img->format.layout, r, with->data, with->md);
	if (!ret && with->md && !all_same(img, r, same_md, with->md, with->md_stride))
		return NVME_ST_COMPARE;
	return ret;
}

/* Spec: Compare command, and Protection Information and Compare. */
static int do_compare(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = range_of(img, cmd);
	struct ctl_blocks with;
	uint64_t seen;
	int ret = r.pract ? NVME_ST_INVALID_PI | NVME_ST_DNR : transfer_allowed(img, &r);

	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	ret = ret ? ret : host_blocks(img, cmd, &r, &with);
	if (ret)
		return ret;
	do {
		int err = ctl_read_begin(port, r.lba, r.nr, &seen);

		if (err)
			return err;
		ret = compare_once(img, &r, &with);
	} while (!ctl_read_end(port, r.lba, r.nr, seen));
	return ret;
}

/* --- Write and what else changes blocks --- */

static int write_chunk(struct ctl_port *port, const struct ctl_range *r,
		       const struct ctl_blocks *from)
{
	const struct pi_layout *l = &port->image->media;
	uint8_t *data = ctl_journal_data(port), *md = ctl_journal_md(port, r->nr);

	copy_blocks(data, l->data_size, from->data, from->data_stride, l->data_size, r->nr);
	if (from->md)
		copy_blocks(md, l->md_size, from->md, from->md_stride, l->md_size, r->nr);
	if (r->pract)
		pi_generate(l, &r->tags, data, md, r->nr);
	if (port->fault)
		return ctl_fault_write(port, r->lba, r->nr);
	return ctl_change(port, CTL_WRITE, r->lba, r->nr);
}

/* Spec: Write command.  A check that fails leaves all blocks as they were. */
static int do_write(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = range_of(img, cmd);
	struct ctl_blocks from;
	int ret = transfer_allowed(img, &r);

	ret = ret ? ret : ctl_in_range(img, r.lba, r.nr);
	ret = ret ? ret : host_blocks(img, cmd, &r, &from);
	ret = ret ? ret : ctl_check_written(img, &img->format.layout, &r, from.data, from.md);
	for (uint32_t i = 0, n; i < r.nr && !ret; i += n) {
		const struct ctl_blocks part = blocks_from(&from, i);
		struct ctl_range chunk;

		n = r.nr - i < img->chunk_blocks ? r.nr - i : img->chunk_blocks;
		chunk = part_of(img, &r, i, n);
		ret = write_chunk(port, &chunk, &part);
	}
	return ret;
}

static int change_all(struct ctl_port *port, enum ctl_change change, uint64_t lba, uint64_t nr)
{
	int ret = 0;

	while (nr && !ret) {
		/* A chunk never ends within a page of small blocks. */
		const uint64_t limit = CTL_CHANGE_BLOCKS - lba % CTL_STRIPE_BLOCKS;
		const uint64_t n = nr < limit ? nr : limit;

		ret = ctl_change(port, change, lba, n);
		lba += n;
		nr -= n;
	}
	return ret;
}

/* Zeroes with metadata of zeroes but for the tuple, which is generated. */
static int write_zeroes(struct ctl_port *port, const struct ctl_range *r)
{
	const struct ctl_image *img = port->image;
	const size_t block = img->media.data_size + img->media.md_size;
	uint8_t *data = ctl_journal_data(port);
	int ret = 0;

	for (uint32_t i = 0, n; i < r->nr && !ret; i += n) {
		struct ctl_range chunk;

		n = r->nr - i < img->chunk_blocks ? r->nr - i : img->chunk_blocks;
		chunk = part_of(img, r, i, n);
		memset(data, 0, n * block);
		pi_generate(&img->media, &chunk.tags, data, ctl_journal_md(port, n), n);
		ret = ctl_change(port, CTL_WRITE, chunk.lba, n);
	}
	return ret;
}

/*
 * Spec: Write Zeroes command.  Nothing is there to be checked.  Without PRACT a
 * deallocated block is what was asked for, DEAC or not.
 */
static int do_write_zeroes(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const struct ctl_range r = range_of(img, cmd);
	int ret = ctl_in_range(img, r.lba, r.nr);

	if (!ret && r.checks)
		return NVME_ST_INVALID_PI | NVME_ST_DNR;
	if (ret)
		return ret;
	return r.pract ? write_zeroes(port, &r) : change_all(port, CTL_DEALLOCATE, r.lba, r.nr);
}

/* Spec: Write Uncorrectable command. */
static int do_write_uncorrectable(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_range r = range_of(port->image, cmd);
	int ret = ctl_in_range(port->image, r.lba, r.nr);

	return ret ? ret : change_all(port, CTL_SPOIL, r.lba, r.nr);
}

/* Spec: Dataset Management command; of its attributes only Deallocate has effect. */
static int do_dsm(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const unsigned nr = (cmd->cdw10 & 0xff) + 1;
	struct nvme_dsm_range ranges[256];
	int ret = 0;

	if (cmd->data_len < nr * sizeof(*ranges))
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (!cmd->addr)
		return -EFAULT;
	memcpy(ranges, (void *)(uintptr_t)cmd->addr, nr * sizeof(*ranges));
	for (unsigned i = 0; i < nr && !ret; i++)
		ret = ctl_in_range(port->image, le64toh(ranges[i].slba), le32toh(ranges[i].nlb));
	for (unsigned i = 0; i < nr && !ret && cmd->cdw11 & NVME_DSMGMT_AD; i++)
		ret = change_all(port, CTL_DEALLOCATE, le64toh(ranges[i].slba),
				 le32toh(ranges[i].nlb));
	return ret;
}

/* --- the table --- */

static int do_flush(struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	(void)cmd;
	return ctl_image_sync(port->image);
}

static const struct command {
	int	(*run)(struct ctl_port *port, const struct nvme_uring_cmd *cmd);
	bool	changes;		/* needs a journal, and leave to write */
	bool	user_data;		/* accesses it, so that its format must be enabled */
	bool	has_fua;
} commands[256] = {
	[nvme_cmd_flush]		= { do_flush, false, false, false },
	[nvme_cmd_write]		= { do_write, true, true, true },
	[nvme_cmd_read]			= { do_read, false, true, true },
	[nvme_cmd_write_uncor]		= { do_write_uncorrectable, true, true, false },
	[nvme_cmd_compare]		= { do_compare, false, true, true },
	[nvme_cmd_write_zeroes]		= { do_write_zeroes, true, true, true },
	[nvme_cmd_dsm]			= { do_dsm, true, false, false },
	[nvme_cmd_verify]		= { do_verify, false, true, true },
	[nvme_cmd_copy]			= { ctl_copy, true, true, true },
};

/* Spec: NVM Command Set Commands, LBAFEE. */
static bool is_disabled(const struct ctl_image *img)
{
	return !img->behavior[CTL_LBAFEE] && has_pi(img) && (img->format.ns.pif || img->media.sts);
}

/* Most often its queue has done so by now, and said why if it could not. */
static int claim(struct ctl_port *port)
{
	char why[WHY_MAX];

	return ctl_port_claim(port, why);
}

/* Spec: what is read is committed before, what is written is so after. */
#define FUA(cmd) ((cmd)->cdw12 >> 30 & 1)

/* So much of a write's place is asked for early, bytes; the CPU sees by itself how it goes on. */
#define AHEAD 4096u

void ctl_expect(const struct ctl_port *port, const struct nvme_uring_cmd *cmd)
{
	const struct ctl_image *img = port->image;
	const uint64_t lba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10, nr = (cmd->cdw12 & 0xffff) + 1;
	const size_t size = nr * img->media.data_size;

	if (cmd->opcode != nvme_cmd_write || ctl_in_range(img, lba, nr))
		return;
	for (size_t i = 0; i < size && i < AHEAD; i += 64)
		__builtin_prefetch(ctl_data_at(img, lba) + i, 1, 2);
	if (img->media.md_size)
		__builtin_prefetch(ctl_md_at(img, lba), 1, 2);
}

int ctl_io(struct ctl_port *port, const struct nvme_uring_cmd *cmd, bool may_write)
{
	const struct command *c = &commands[cmd->opcode];
	const bool all = cmd->opcode == nvme_cmd_flush && cmd->nsid == NVME_NSID_ALL;
	const bool fua = c->has_fua && FUA(cmd);
	int ret;

	if (cmd->flags)				/* as the kernel: FUSE and PSDT are its own */
		return -EINVAL;
	if (cmd->nsid != 1 && !all)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (!c->run)
		return CTL_ST_INVALID_OPCODE | NVME_ST_DNR;
	if (c->user_data && is_disabled(port->image))
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (c->changes && !may_write)
		return -EACCES;
	ret = c->changes ? claim(port) : 0;
	if (!ret && fua && !c->changes)
		ret = ctl_image_sync(port->image);
	ret = ret ? ret : c->run(port, cmd);
	if (!ret && fua && c->changes)
		ret = ctl_image_sync(port->image);
	return ret;
}
