/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff-lab.h - two sides that receive the same commands, a device and an image of the embedded
 * controller, and helpers to compare them
 */
#ifndef DIFF_LAB_H
#define DIFF_LAB_H

#include "diff-known.h"
#include "engines/controller/controller.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct side {
	const char	*name;
	const char	*path;
	struct target_ns *ns;
	uint8_t		*data, *md;	/* DIFF_BUFFER bytes each */
};

struct lab {
	struct side		sides[SIDES];
	struct nvme_ns_info	info;
	bool			broken;		/* --break */
	bool			verbose;
	bool			quiet;		/* sequences are being reduced */
	bool			without[DIFF_KINDS]; /* commands of this kind are skipped */
	bool			*deallocated;	/* indexed by LBA */
	struct diff_command	command;
	struct diff_outcome	outcome;
};

__attribute__((format(printf, 1, 2), noreturn))
static inline void die(const char *fmt, ...)
{
	va_list args;

	fputs("differential: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static inline uint8_t *make_buffer(void)
{
	uint8_t *p = mmap(NULL, DIFF_BUFFER, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("no memory for buffers");
	return p;
}

/* --- the two sides --- */

static inline void identify(struct side *s, struct nvme_ns_info *info)
{
	struct nvme_identify id;
	char why[WHY_MAX];

	if (nvme_identify_all(s->ns, &id))
		die("%s: Identify fails", s->path);
	if (nvme_decode(&id, s->ns->nsid, info, why))
		die("%s: %s", s->path, why);
	if (info->layout.type == PI_NONE)
		die("%s: has no protection information", s->path);
}

static inline void open_device(struct lab *lab)
{
	struct side *s = &lab->sides[SIDE_QEMU];
	const struct target_open o = { .path = s->path, .write = true, .format = NS_FORMAT_ANY };
	char why[WHY_MAX];
	struct stat st;
	const bool image = !stat(s->path, &st) && S_ISREG(st.st_mode);

	if ((image ? &controller_target : &ring_target)->open(&o, &s->ns, why))
		die("%s", why);
	identify(s, &lab->info);
	if (lab->info.nr_blocks < 2 * DIFF_BLOCKS || lab->info.nr_blocks > 1 << 20)
		die("%s: %llu blocks: commands need %u to %u", s->path,
		    (unsigned long long)lab->info.nr_blocks, 2 * DIFF_BLOCKS, 1 << 20);
}

static inline void remove_image(const char *path)
{
	static const char *const parts[] = { "", ".format", ".state" };
	char name[PATH_MAX];

	for (int i = 0; i < 3; i++)
		if (snprintf(name, sizeof(name), "%s%s", path, parts[i]) < (int)sizeof(name))
			unlink(name);
}

/* Create an image with the format and size of the device. */
static inline void open_image(struct lab *lab)
{
	const struct pi_layout *l = &lab->info.layout;
	struct side *s = &lab->sides[SIDE_OWN];
	const struct target_open o = {
		.path = s->path, .write = true, .size = lab->info.nr_blocks * l->data_size,
		.format = { l->data_size, l->md_size, l->extended, l->type, l->first,
			    lab->info.pif, l->sts },
	};
	char why[WHY_MAX];

	remove_image(s->path);
	if (controller_target.open(&o, &s->ns, why))
		die("%s", why);
}

/* --- send commands to one side or to both --- */

static inline void copy_in(struct lab *lab, struct side *s)
{
	const struct diff_command *c = &lab->command;

	memcpy(s->data, c->data, c->cmd.data_len);
	memcpy(s->md, c->md, c->cmd.metadata_len);
}

static inline int send_to(struct lab *lab, enum diff_side side, struct nvme_uring_cmd cmd)
{
	struct side *s = &lab->sides[side];

	cmd.nsid = s->ns->nsid;
	cmd.addr = cmd.data_len ? (uintptr_t)s->data : 0;
	cmd.metadata = cmd.metadata_len ? (uintptr_t)s->md : 0;
	if (lab->broken && side == SIDE_OWN)
		cmd.cdw15 |= 0xffff0000;
	return s->ns->ops->io(s->ns, &cmd);
}

/* Run a set-up command on one side; end the program if it fails. */
static inline void must(struct lab *lab, enum diff_side side, const struct nvme_uring_cmd *cmd,
		 const char *what)
{
	const int ret = send_to(lab, side, *cmd);
	char name[NVME_STATUS_MAX];

	if (ret)
		die("%s: %s fails: %s", lab->sides[side].path, what, nvme_result_name(ret, name));
}

static inline struct nvme_uring_cmd plain(const struct lab *lab, uint8_t opcode, uint64_t lba, uint32_t nr)
{
	const struct nvme_wire wire = nvme_wire(&lab->info.layout, false);
	struct nvme_uring_cmd cmd = { .opcode = opcode };

	diff_set_range(&cmd, lba, nr);
	cmd.data_len = nr * wire.data;
	cmd.metadata_len = nr * wire.md;
	return cmd;
}

/* Return the offset of the first difference of two buffers, or @len. */
static inline size_t first_difference(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;

	if (!memcmp(a, b, len))
		return len;
	while (a[i] == b[i])
		i++;
	return i;
}

/* Compare the buffers after @cmd.  Returns false and the position in @why if they differ. */
static inline bool same_buffers(struct lab *lab, const struct nvme_uring_cmd *cmd, char *why, size_t size)
{
	const struct side *q = &lab->sides[SIDE_QEMU], *o = &lab->sides[SIDE_OWN];
	const size_t data = first_difference(q->data, o->data, cmd->data_len);
	const size_t md = first_difference(q->md, o->md, cmd->metadata_len);
	const bool in_data = data < cmd->data_len;
	uint8_t *byte = lab->outcome.byte;

	if (!in_data && md == cmd->metadata_len)
		return true;
	byte[SIDE_QEMU] = in_data ? q->data[data] : q->md[md];
	byte[SIDE_OWN] = in_data ? o->data[data] : o->md[md];
	snprintf(why, size, "from LBA %llu on, byte %zu of %s: %s %02x, %s %02x",
		 (unsigned long long)diff_get_range(cmd).lba, in_data ? data : md,
		 in_data ? "data" : "metadata", q->name, byte[SIDE_QEMU], o->name, byte[SIDE_OWN]);
	return false;
}

/* --- ranges of blocks: limited to the namespace, and split into commands --- */

static inline struct diff_range on_media(const struct lab *lab, struct diff_range r)
{
	if (r.lba >= lab->info.nr_blocks)
		return (struct diff_range){ 0 };
	if (r.nr > lab->info.nr_blocks - r.lba)
		r.nr = lab->info.nr_blocks - r.lba;
	return r;
}

static inline uint32_t next_part(const struct lab *lab, const struct diff_range *r)
{
	const uint32_t most = diff_most_blocks(&lab->info);

	return r->nr < most ? r->nr : most;
}

/* Compare what unchecked reads of the blocks return on both sides. */
static inline bool same_media(struct lab *lab, struct diff_range r, char *why, size_t size)
{
	bool same = true;

	for (r = on_media(lab, r); r.nr && same; ) {
		const uint32_t n = next_part(lab, &r);
		const struct nvme_uring_cmd cmd = plain(lab, nvme_cmd_read, r.lba, n);
		int status[SIDES];

		for (int i = 0; i < SIDES; i++)
			status[i] = send_to(lab, i, cmd);
		same = status[SIDE_QEMU] == status[SIDE_OWN];
		if (!same)
			snprintf(why, size, "reading LBA %llu on: %s %03xh, %s %03xh",
				 (unsigned long long)r.lba, lab->sides[0].name, status[0],
				 lab->sides[1].name, status[1]);
		same = same && (status[SIDE_OWN] || same_buffers(lab, &cmd, why, size));
		r.lba += n;
		r.nr -= n;
	}
	return same;
}

/* Write new, correct blocks, the same on both sides. */
static inline void write_anew(struct lab *lab, struct diff_range r)
{
	struct diff_random random = { lab->command.seed ^ r.lba };

	for (r = on_media(lab, r); r.nr; ) {
		const uint32_t n = next_part(lab, &r);
		struct diff_command c = {
			.info = &lab->info, .seed = lab->command.seed,
			.data = lab->sides[0].data, .md = lab->sides[0].md,
		};

		c.cmd = plain(lab, nvme_cmd_write, r.lba, n);
		diff_fill_blocks(&random, &c, r.lba, n);
		memcpy(lab->sides[1].data, c.data, c.cmd.data_len);
		memcpy(lab->sides[1].md, c.md, c.cmd.metadata_len);
		for (int i = 0; i < SIDES; i++)
			must(lab, i, &c.cmd, "a plain Write");
		memset(lab->deallocated + r.lba, 0, n);
		r.lba += n;
		r.nr -= n;
	}
}

/* --- pages: QEMU tracks deallocated blocks by the pages of its file --- */

static inline struct diff_range whole_pages(const struct lab *lab, struct diff_range r)
{
	const uint64_t page = diff_small_blocks(&lab->info) ? 4096 / lab->info.layout.data_size : 1;
	const uint64_t first = r.lba - r.lba % page;

	r = on_media(lab, r);
	if (!r.nr)
		return r;
	r.nr = (r.lba + r.nr + page - 1) / page * page - first;
	r.lba = first;
	return on_media(lab, r);
}

static inline bool any_deallocated(const struct lab *lab, struct diff_range r)
{
	r = on_media(lab, r);
	return memchr(lab->deallocated + r.lba, 1, r.nr);
}

/*
 * Writing one block makes QEMU regard the other blocks of its page as allocated, so write them on
 * both sides first.  A Copy may fail in the middle of a page.
 */
static inline void settle(struct lab *lab)
{
	const struct diff_command *c = &lab->command;
	const bool copy = c->cmd.opcode == nvme_cmd_copy;

	if (c->cmd.opcode == nvme_cmd_dsm || !diff_small_blocks(&lab->info))
		return;
	for (unsigned i = 0; i < c->nr_changes; i++) {
		const struct diff_range r = on_media(lab, c->changes[i]);
		const struct diff_range pages = whole_pages(lab, r);

		if ((pages.nr != r.nr || copy) && any_deallocated(lab, pages))
			write_anew(lab, pages);
	}
}

static inline void note_deallocated(struct lab *lab)
{
	const struct diff_command *c = &lab->command;
	const bool zeroes = c->cmd.opcode == nvme_cmd_write_zeroes && !DIFF_PRACT(&c->cmd);
	const bool dsm = c->cmd.opcode == nvme_cmd_dsm;

	if (lab->outcome.status[SIDE_OWN] || (dsm && !(c->cmd.cdw11 & NVME_DSMGMT_AD)))
		return;
	for (unsigned i = 0; i < c->nr_changes; i++) {
		const struct diff_range r = on_media(lab, c->changes[i]);

		memset(lab->deallocated + r.lba, zeroes || dsm, r.nr);
	}
}

#endif
