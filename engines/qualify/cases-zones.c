// SPDX-License-Identifier: GPL-2.0-only
/*
 * cases-zones.c - tests zones: write pointers, boundaries, and Zone Append; see case.h
 *
 * "Zoned" is the Zoned Namespace Command Set Specification. The cases keep the write pointer
 * themselves: the model only knows the contents of the blocks.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include "case.h"

/* Zone Append, CDW12: reference tags are remapped. */
enum { PIREMAP = 1 << 25, TRIES = 16 };

struct zone {
	uint64_t	start, end, wp;	/* @end: behind its last block that can be written */
};

/* --- commands --- */

static bool send(struct lab *l, const struct nvme_uring_cmd *cmd, uint32_t allowed,
		 uint64_t *result)
{
	const struct qm_expect e = { .allowed = allowed, .any_dnr = allowed & QM_ZONE_ERRORS };
	struct nvme_uring_cmd copy = *cmd;

	if (l->failed)
		return false;
	l->cause = NULL;
	l->status = l->ns->ops->io(l->ns, &copy);
	if (result)
		*result = copy.rsvd2;
	return lab_judge(l, cmd, &e, l->status);
}

/* Zone Management Send for one zone. */
static bool act(struct lab *l, const struct zone *z, unsigned action)
{
	const struct nvme_uring_cmd cmd = {
		.opcode = nvme_zns_cmd_mgmt_send, .nsid = l->f.nsid, .cdw10 = z->start,
		.cdw11 = z->start >> 32, .cdw13 = action,
	};

	return send(l, &cmd, QS(QS_OK), NULL);
}

/* Zone Management Receive: what it says of the zone at @start. */
static bool report(struct lab *l, uint64_t start, struct zone *z)
{
	_Alignas(8) uint8_t page[sizeof(struct nvme_zone_report) + sizeof(struct nvme_zns_desc)] = { 0 };
	const struct nvme_zns_desc *d = (const void *)(page + sizeof(struct nvme_zone_report));
	const struct nvme_uring_cmd cmd = {
		.opcode = nvme_zns_cmd_mgmt_recv, .nsid = l->f.nsid, .cdw10 = start,
		.cdw11 = start >> 32, .cdw12 = sizeof(page) / 4 - 1, .cdw13 = 1 << 16,
		.addr = (uintptr_t)page, .data_len = sizeof(page),
	};

	if (!send(l, &cmd, QS(QS_OK), NULL))
		return false;
	*z = (struct zone){ start, start + le64toh(d->zcap), le64toh(d->wp) };
	return le64toh(d->zslba) == start ||
	       lab_fail(l, &cmd, "the zone of the LBA", "zone %llu",
			(unsigned long long)le64toh(d->zslba));
}

static bool empty(struct lab *l, struct zone *z)
{
	if (!act(l, z, NVME_ZNS_ZSA_RESET) || !report(l, z->start, z))
		return false;
	for (uint64_t lba = z->start; lba < z->end; lba++)
		qm_block(&l->model, lba)->may = qm_deallocated(&l->f);
	return z->wp == z->start ||
	       lab_fail(l, NULL, "a write pointer at the start after Reset Zone", "LBA %llu",
			(unsigned long long)z->wp);
}

/* The zone that was taken before is emptied: few zones may be active. */
static bool give_back(struct lab *l)
{
	struct zone z;

	return !l->zone_taken || (report(l, l->zone_taken - 1, &z) && empty(l, &z));
}

/* Takes a zone inside the range, and empties it. */
static bool take(struct lab *l, struct zone *z)
{
	const uint64_t size = l->zone_blocks, first = (l->first + size - 1) / size;
	const uint64_t nr = (l->last + 1) / size > first ? (l->last + 1) / size - first : 0;

	if (!nr) {
		l->skip = "no zone lies in the range";
		return false;
	}
	if (!give_back(l) || !report(l, (first + lab_below(l, nr)) * size, z))
		return false;
	if (z->end < z->start + 16 || z->end > z->start + size)
		return lab_fail(l, NULL, "a zone capacity of at most the zone's size",
				"%llu blocks", (unsigned long long)(z->end - z->start));
	l->zone_taken = z->start + 1;
	return empty(l, z);
}

/* --- Zone Append --- */

/* The most blocks that one may have: ZASL. */
static uint32_t most_of_append(struct lab *l)
{
	struct nvme_zns_id_ctrl page = { 0 };
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_identify, .addr = (uintptr_t)&page, .data_len = sizeof(page),
		.cdw10 = NVME_IDENTIFY_CNS_CSI_CTRL, .cdw11 = NVME_CSI_ZNS << 24,
	};
	uint64_t most = l->most;

	if (!l->ns->ops->admin(l->ns, &cmd) && page.zasl && page.zasl < 20)
		most = (4096ULL << page.zasl) / l->f.data_size;
	return most < l->most ? most : l->most;
}

static struct nvme_uring_cmd append_command(struct lab *l, const struct zone *z, uint32_t nr,
					    unsigned prinfo)
{
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, z->start);
	lab_fill(l, nr, prinfo & LAB_PRACT);
	cmd = lab_command(l, nvme_cmd_write, z->start, nr, prinfo);
	cmd.opcode = nvme_zns_cmd_append;
	/* Zoned, Zone Append: it has to be set with type 1, and cleared with type 3. */
	if (l->f.type == 1 || (l->f.type == 2 && lab_below(l, 2)))
		cmd.cdw12 |= PIREMAP;
	return cmd;
}

/* What an Append left: the host's blocks, with remapped reference tags, or made tuples. */
static bool note(struct lab *l, const struct zone *z, const struct nvme_uring_cmd *cmd)
{
	const struct qm_format *f = &l->f;
	const struct qm_range r = qm_range(f, cmd);
	const uint64_t moved = cmd->cdw12 & PIREMAP ? z->wp - z->start : 0;
	uint8_t *md = calloc(1, f->md_size + 1);

	for (uint32_t i = 0; md && i < r.nr; i++) {
		const struct qm_place p = qm_place(f, cmd, r.pract, i);
		struct qm_tags tags = r.tags;

		tags.ref = qm_ref_at(f, tags.ref, moved);
		if (p.md)
			memcpy(md, p.md, f->md_size);
		if (r.pract) {
			qm_protect(f, &tags, i, p.data, md);
		} else if (f->type && moved) {
			struct qm_tuple t = qm_unpack(f, md);

			t.ref = qm_ref_at(f, tags.ref, i);
			qm_pack(f, &t, md);
		}
		qm_set(&l->model, z->wp + i, p.data, f->md_size ? md : NULL);
	}
	l->skip = md ? NULL : "out of memory";
	free(md);
	return !l->skip;
}

/* Sends one that succeeds, and looks at its blocks, without checks and with all of them. */
static bool append(struct lab *l, struct zone *z, uint32_t nr, unsigned prinfo)
{
	const struct nvme_uring_cmd cmd = append_command(l, z, nr, prinfo);
	struct nvme_uring_cmd read;
	uint64_t alba;

	if (!send(l, &cmd, QS(QS_OK), &alba))
		return false;
	if ((uint32_t)alba != (uint32_t)z->wp)
		return lab_fail(l, &cmd, "the LBA of the write pointer in dword 0", "LBA %llu",
				(unsigned long long)alba);
	if (!note(l, z, &cmd) || !lab_look(l, z->start, z->wp + nr - z->start))
		return false;
	l->tags.ref = qm_ref_at(&l->f, l->tags.ref, cmd.cdw12 & PIREMAP ? z->wp - z->start : 0);
	read = lab_command(l, nvme_cmd_read, z->wp, nr, case_checks(l));
	z->wp += nr;
	return lab_send(l, read);
}

/* Appends of several sizes until the zone is full; .field: the bits of PRINFO. */
static void run_append(struct lab *l, const struct qcase *c)
{
	const unsigned prinfo = c->field | (c->field & LAB_PRACT ? 0 : case_checks(l));
	const uint32_t most = most_of_append(l);
	struct zone z;

	if (!take(l, &z))
		return;
	for (uint32_t nr = 1; z.wp < z.end; nr = nr < most ? nr + 1 + lab_below(l, nr) : most) {
		uint32_t n = nr < most ? nr : most;

		n = n < z.end - z.wp ? n : z.end - z.wp;
		if (!append(l, &z, n, prinfo))
			return;
		if (z.wp - z.start > TRIES * (uint64_t)most)
			break;
	}
	act(l, &z, NVME_ZNS_ZSA_RESET);
}

/* One that has to fail as @allowed says, and changes nothing. */
static bool refused(struct lab *l, const struct zone *z, const struct nvme_uring_cmd *cmd,
		    uint32_t allowed)
{
	return send(l, cmd, allowed, NULL) && lab_look(l, z->start, z->wp - z->start);
}

static void run_append_checks(struct lab *l, const struct qcase *c)
{
	static const unsigned fields[] = { QM_GUARD, QM_APP, QM_STORAGE, QM_REF };
	static const uint8_t errors[] = { QS_GUARD, QS_APP, QS_STORAGE, QS_REF };
	const uint32_t nr = most_of_append(l) < 5 ? 1 : 5;
	struct zone z;

	(void)c;
	for (int i = 0; i < 4; i++)
		for (uint32_t at = 0; at < nr && case_checks(l) & fields[i]; at += 2) {
			struct nvme_uring_cmd cmd;

			if (!take(l, &z) || !append(l, &z, 1, case_checks(l)))
				return;
			cmd = append_command(l, &z, nr, fields[i]);
			case_flip(l, &cmd, at, fields[i], case_bit(l, fields[i]));
			if (!refused(l, &z, &cmd, QS(errors[i])))
				return;
		}
}

static void run_append_refused(struct lab *l, const struct qcase *c)
{
	struct nvme_uring_cmd cmd;
	struct zone z;

	(void)c;
	if (!take(l, &z) || !append(l, &z, 1, 0))
		return;
	cmd = append_command(l, &z, 1, 0);
	cmd.cdw10++;			/* not the first block of a zone */
	refused(l, &z, &cmd, QS(QS_FIELD) | (l->f.type == 1 ? QS(QS_PI) : 0));
	cmd = append_command(l, &z, 1, LAB_PRACT);
	cmd.cdw12 ^= PIREMAP;
	if (l->f.type == 1 || l->f.type == 3)
		refused(l, &z, &cmd, QS(QS_PI));
	cmd = append_command(l, &z, 1, QM_REF);
	l->tags.ref ^= 1;
	qm_put_tags(&l->f, &l->tags, &cmd);
	if (l->f.type == 1)
		refused(l, &z, &cmd, QS(QS_PI));
	append(l, &z, 1, 0);
}

/* --- boundaries --- */

static bool write(struct lab *l, const struct zone *z, uint64_t lba, uint32_t nr, uint32_t allowed)
{
	struct nvme_uring_cmd cmd;

	lab_new_tags(l, lba);
	lab_fill(l, nr, false);
	cmd = lab_command(l, nvme_cmd_write, lba, nr, case_checks(l));
	return send(l, &cmd, allowed, NULL) &&
	       lab_look(l, z->start, z->wp - z->start + (allowed == QS(QS_OK) ? nr : 0));
}

static void run_pointer(struct lab *l, const struct qcase *c)
{
	struct zone z, now;

	(void)c;
	if (!take(l, &z))
		return;
	write(l, &z, z.start + 1, 1, QS(QS_ZONE_WRITE));
	write(l, &z, z.start, 3, QS(QS_OK));
	z.wp += 3;
	write(l, &z, z.start, 1, QS(QS_ZONE_WRITE));
	write(l, &z, z.wp - 1, 2, QS(QS_ZONE_WRITE));
	write(l, &z, z.wp + 1, 2, QS(QS_ZONE_WRITE));
	write(l, &z, z.wp, 1, QS(QS_OK));
	z.wp++;
	if (!l->failed && report(l, z.start, &now) && now.wp != z.wp)
		lab_fail(l, NULL, "the write pointer behind what was written", "LBA %llu",
			 (unsigned long long)now.wp);
}

/* Fills the zone but for one block; then what goes past its end fails, by Write and Zone Append. */
static void run_end(struct lab *l, const struct qcase *c)
{
	const uint32_t most = most_of_append(l);
	struct nvme_uring_cmd cmd;
	struct zone z;

	(void)c;
	if (!take(l, &z))
		return;
	for (uint32_t n; z.wp < z.end - 1; z.wp += n) {
		n = z.end - 1 - z.wp < l->most ? z.end - 1 - z.wp : l->most;
		if (!write(l, &z, z.wp, n, QS(QS_OK)))
			return;
	}
	write(l, &z, z.wp, 2, QS(QS_ZONE_BOUNDARY));
	cmd = append_command(l, &z, 2, 0);
	if (most >= 2)
		refused(l, &z, &cmd, QS(QS_ZONE_BOUNDARY));
	append(l, &z, 1, 0);
	write(l, &z, z.end - 1, 1, QS(QS_ZONE_FULL));
	cmd = append_command(l, &z, 1, 0);
	refused(l, &z, &cmd, QS(QS_ZONE_FULL));
	act(l, &z, NVME_ZNS_ZSA_RESET);
}

/* Of a zone that is finished early the rest is deallocated; Reset Zone deallocates all. */
static void run_finish(struct lab *l, const struct qcase *c)
{
	struct zone z;

	(void)c;
	if (!take(l, &z) || !append(l, &z, 2, case_checks(l)) || !act(l, &z, NVME_ZNS_ZSA_FINISH))
		return;
	write(l, &z, z.wp, 1, QS(QS_ZONE_FULL));
	if (!act(l, &z, NVME_ZNS_ZSA_RESET))
		return;
	for (uint64_t lba = z.start; lba < z.end; lba++)
		qm_block(&l->model, lba)->may = qm_deallocated(&l->f);
	lab_look(l, z.start, 16);
	z.wp = z.start;
	append(l, &z, 2, case_checks(l));
}

static const struct qcase list[] = {
	{ "zones/write-pointer",
	  "A Write that does not begin at the write pointer is aborted, and writes nothing.",
	  "Zoned, Sequential Write Required zones", NEED_ZONES, .run = run_pointer },
	{ "zones/end",
	  "A Write or Zone Append past the end of a zone, or to a full one, is aborted.",
	  "Zoned, Sequential Write Required zones", NEED_ZONES, .run = run_end },
	{ "zones/finish", "A finished zone is full; Reset Zone deallocates its blocks.",
	  "Zoned, Zone Management Send", NEED_ZONES, .run = run_finish },
	{ "zones/append",
	  "Zone Append checks tuples from ILBRT on, and stores those of the LBAs that it assigns.",
	  "Zoned, Zone Append", NEED_ZONES, .run = run_append },
	{ "zones/append-insert",
	  "Zone Append with PRACT makes the tuples of the LBAs that it assigns.",
	  "Zoned, Zone Append", NEED_ZONES | NEED_PI, .run = run_append, .field = LAB_PRACT },
	{ "zones/append-checks",
	  "Zone Append with a wrong tuple is aborted, and earlier blocks stay.",
	  "Zoned, Zone Append; 5.3.3", NEED_ZONES | NEED_PI, .run = run_append_checks },
	{ "zones/append-refused",
	  "Zone Append to another block than a zone's first, or with a PIREMAP that the type does "
	  "not allow, is aborted.", "Zoned, Zone Append", NEED_ZONES, .run = run_append_refused },
};

const struct qcase_table cases_zones = QCASE_TABLE(list);
