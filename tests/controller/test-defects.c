// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-defects.c - each defect of the embedded controller (ns_defect) shows: of two controllers that
 * get the same commands, the broken one answers some of them differently; and without a defect that
 * concerns the format, no answer differs
 */
#include "defect-commands.h"
#include "engines/controller/defect-parts.h"

#ifdef __SANITIZE_ADDRESS__
enum { TRIED = 8 };				/* with sanitizers every eighth defect */
#else
enum { TRIED = 1 };
#endif
enum { BATCHES = 2500, EACH = 200 };

static char seen[200];				/* the first difference */

/* --- two controllers --- */

static bool open_side(struct side *s, const char *name, const char *defect)
{
	const struct target_open o = { .path = in_folder(name), .write = true, .format = shape->f,
				       .size = (uint64_t)shape->blocks * shape->f.lbs, .defect = defect };
	const int ret = controller_target.open(&o, &s->ns, why);

	return UNIT_CHECK(!ret, "%s: %s", defect ? defect : "none", why);
}

static bool open_queue(struct side *s)
{
	const struct target_queue_opts o = { .depth = MOST, .ns = &s->ns, .nr_ns = 1 };

	return UNIT_CHECK(!controller_target.queue_open(&o, &s->q, why), "%s", why);
}

static void close_side(struct side *s, const char *name)
{
	controller_target.queue_close(s->q);
	controller_target.close(s->ns);
	remove_image(name);
}

static bool differs(const char *what, const struct nvme_uring_cmd *cmd, int is, int should)
{
	snprintf(seen, sizeof(seen), "%s: opcode %02x cdw10 %x cdw12 %x: %x, not %x", what, cmd->opcode,
		 cmd->cdw10, cmd->cdw12, is, should);
	return true;
}

/* --- Identify --- */

/* Clear what tells the images apart. */
static void clear_identity(unsigned cns, uint8_t *page)
{
	struct nvme_id_ctrl *ctrl = (void *)page;
	struct nvme_id_ns *ns = (void *)page;

	if (cns == 1) {
		memset(ctrl->sn, 0, sizeof(ctrl->sn));
		memset(ctrl->subnqn, 0, sizeof(ctrl->subnqn));
	} else if (cns == 0) {
		memset(ns->eui64, 0, sizeof(ns->eui64));
	}
}

static bool identify_differs(void)
{
	static const uint8_t pages[] = { 0, 1, 5, 6 };
	static _Alignas(8) uint8_t a[4096], b[4096];

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		struct nvme_uring_cmd cmd = { .opcode = 6, .nsid = pages[i] == 1 || pages[i] == 6 ? 0 : 1,
					      .data_len = 4096, .cdw10 = pages[i] };
		int is, should;

		cmd.addr = (uintptr_t)a;
		should = controller_target.admin(good.ns, &cmd);
		cmd.addr = (uintptr_t)b;
		is = controller_target.admin(bad.ns, &cmd);
		clear_identity(pages[i], a);
		clear_identity(pages[i], b);
		if (is != should || memcmp(a, b, sizeof(a)))
			return differs("Identify", &cmd, is, should);
	}
	return false;
}

/* Both report deallocated blocks as errors. */
static void set_dulbe(void)
{
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_admin_set_features, .nsid = 1, .cdw10 = 5, .cdw11 = 1 << 16,
	};

	UNIT_CHECK(!controller_target.admin(good.ns, &cmd) &&
		   !controller_target.admin(bad.ns, &cmd), "DULBE can't be set");
}

/* Only a power loss shows the defects of the cache: nvmepi-qualify's cases cut/... look for them. */
static bool needs_a_cut(const char *name)
{
	for (unsigned i = 0; i < ctl_defects_cache.nr; i++)
		if (!strcmp(ctl_defects_cache.rows[i].name, name))
			return true;
	return false;
}

/* --- commands --- */

/* A command of a batch, and its buffers: offset in the slot, bytes that it may use and that it uses. */
struct planned {
	struct nvme_uring_cmd	cmd;
	unsigned		offset;
	size_t			room, len;
};

/* Send @p to a side, in slot @slot. */
static void place(struct side *s, unsigned slot, const struct planned *p)
{
	struct nvme_uring_cmd *to = controller_target.command(s->q, slot);

	*to = p->cmd;
	if (has_buffers(to)) {
		to->addr = (uintptr_t)(s->data + slot * SLOT + p->offset);
		to->data_len = p->room;
		to->metadata = (uintptr_t)(s->md + slot * SLOT);
		to->metadata_len = p->room;
	}
	controller_target.push(s->q, s->ns, slot, 0, -1);
}

static void reap(struct side *s, unsigned nr)
{
	struct target_cqe cqes[MOST];
	const int n = controller_target.reap(s->q, cqes, nr, MOST, NULL);

	UNIT_CHECK(n == (int)nr, "%d completions of %u", n, nr);
	for (int i = 0; i < n; i++)
		s->res[cqes[i].tag] = cqes[i].res;
}

/* A Compare mostly compares with what a Read returned, and sometimes with nearly that. */
static void take_what_is(const struct planned *p)
{
	const struct pi_tags t = layout.type ? tags_of(p->cmd.cdw10) : (struct pi_tags){ 0 };
	struct planned read = *p;

	read.cmd.opcode = 2;
	read.cmd.cdw12 &= 0xffff;
	place(&good, 0, &read);
	reap(&good, 1);
	if (layout.type && p->len < p->room && chance(30))	/* tuples as they should be */
		pi_generate(&layout, &t, good.data + p->offset, layout.extended ? NULL : good.md,
			    (p->cmd.cdw12 & 0xffff) + 1);
	else if (chance(25))
		good.data[p->offset + unit_random_below(p->len)] ^= 1 << unit_random_below(8);
	else if (chance(20))
		good.md[unit_random_below(p->len)] ^= 1;
	else if (chance(20))
		good.data[p->offset + layout.data_size - 1] ^= 1;
}

static struct planned plan(unsigned slot, bool alone)
{
	struct planned p = {
		.cmd = some_command(slot, alone), .offset = chance(70) ? 0 : 512,
		.room = alone ? ROOM - 512 : SLOT - 512,
	};
	const uint32_t n = (p.cmd.cdw12 & 0xffff) + 1;
	const size_t len = n * (size_t)(layout.data_size + layout.md_size);
	uint8_t *data = good.data + slot * SLOT + p.offset, *md = good.md + slot * SLOT;

	p.len = len < p.room ? len : p.room;
	if (!has_buffers(&p.cmd))
		return p;
	if (p.cmd.opcode != 2 && len < p.room)
		fill(data, md, (uint64_t)p.cmd.cdw11 << 32 | p.cmd.cdw10, n, layout.type);
	if (p.cmd.opcode == 5 && alone && chance(90))
		take_what_is(&p);
	memcpy(bad.data + slot * SLOT + p.offset, data, p.len);
	memcpy(bad.md + slot * SLOT, md, p.len);
	return p;
}

/* Send the same commands to both, with @nr in flight.  Returns true if an answer differs. */
static bool batch_differs(unsigned nr)
{
	struct planned plans[MOST];

	for (unsigned i = 0; i < nr; i++)
		plans[i] = plan(i, nr == 1);
	for (unsigned i = 0; i < nr; i++) {
		place(&good, i, &plans[i]);
		place(&bad, i, &plans[i]);
	}
	reap(&good, nr);
	reap(&bad, nr);
	for (unsigned i = 0; i < nr; i++) {
		const size_t at = i * SLOT + plans[i].offset;

		if (good.res[i] != bad.res[i])
			return differs("status", &plans[i].cmd, bad.res[i], good.res[i]);
		if (plans[i].cmd.opcode != 2)
			continue;
		if (memcmp(good.data + at, bad.data + at, plans[i].len) ||
		    memcmp(good.md + i * SLOT, bad.md + i * SLOT, plans[i].len))
			return differs("blocks", &plans[i].cmd, 0, 0);
	}
	return false;
}

static bool batches_differ(unsigned nr)
{
	static const unsigned depths[] = { 1, 1, 1, 1, 1, 1, 2, 3, 9, 33 };

	for (unsigned i = 0; i < nr; i++)
		if (batch_differs(PICK(depths)))
			return true;
	return false;
}

/* Format NVM with the other position and another type, as DPS only: both must agree on all that. */
static bool format_differs(unsigned batches)
{
	const unsigned type = shape->f.pi == 3 ? 1 : 3, index = shape->f.pi ? 0 : 64;
	struct nvme_uring_cmd cmd = { .opcode = 0x80, .nsid = 1 };
	struct nvme_id_ns id;
	struct nvme_uring_cmd identify = { .opcode = 6, .nsid = 1, .addr = (uintptr_t)&id, .data_len = 4096 };
	bool found;
	int is, should;

	if (index == 64)
		return false;
	controller_target.queue_close(good.q);
	controller_target.queue_close(bad.q);
	controller_target.admin(good.ns, &identify);
	cmd.cdw10 = (id.flbas & 0xf) | (id.flbas & 0x60) << 7 | (id.flbas & 0x10) | type << 5 |
		    !shape->f.pil << 8;
	should = controller_target.admin(good.ns, &cmd);
	is = controller_target.admin(bad.ns, &cmd);
	UNIT_CHECK(!should, "%s: Format NVM: %x", name_of(&shape->f), should);
	found = is != should ? differs("Format NVM", &cmd, is, should) : identify_differs();
	layout.type = type;
	layout.first = !shape->f.pil;
	if (open_queue(&good) && open_queue(&bad))
		found = found || batches_differ(batches);
	return found;
}

/* Run both controllers with shape @i; returns true if the one with @defect answers differently. */
static bool shows(const char *defect, unsigned i, unsigned batches)
{
	bool found;

	shape = &shapes[i];
	layout = layout_of_format(&shape->f);
	if (!open_side(&good, "good.img", NULL) || !open_side(&bad, "bad.img", defect) ||
	    !open_queue(&good) || !open_queue(&bad))
		exit(1);
	if (defect && !strncmp(defect, "dulbe-", 6))
		set_dulbe();
	found = identify_differs() || batches_differ(batches);
	found = found || format_differs(batches / 5);
	close_side(&good, "good.img");
	close_side(&bad, "bad.img");
	return found;
}

/* --- cases --- */

static void allocate(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = i ? &bad : &good;

		s->data = s->data ? s->data : aligned_alloc(4096, ROOM);
		s->md = s->md ? s->md : aligned_alloc(4096, ROOM);
		if (!s->data || !s->md)
			exit(2);
		memset(s->data, 0, ROOM);
		memset(s->md, 0, ROOM);
	}
}

/* Two honest controllers answer alike; and so does the engine of defects that concern other formats. */
static void honest(void)
{
	allocate();
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++)
		UNIT_CHECK(!shows(NULL, i, EACH), "%s: %s", name_of(&shapes[i].f), seen);
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		const char *elsewhere = !shapes[i].f.sts ? "storage-32-bits,made-storage-zero,zeroes-storage-zero" :
					shapes[i].f.pi != 2 ? "type-2-ref-unchecked,made-ref-of-lba-type-2" :
					shapes[i].blocks < 65536 ? "lba-64k-unchecked" : NULL;

		UNIT_CHECK(!elsewhere || !shows(elsewhere, i, 4 * EACH), "%s with %s: %s",
			   name_of(&shapes[i].f), elsewhere, seen);
	}
}

static void each_shows(void)
{
	/* For developers: the defect to try, or "all", whose first difference is printed. */
	const char *name, *what, *only = getenv("DEFECT");
	const bool all = !only || !strcmp(only, "all");
	unsigned i = 0;

	allocate();
	for (; ctl_defects(i, &name, &what); i++) {
		bool found = false;

		if (needs_a_cut(name) || (all ? i % TRIED != 0 : strcmp(name, only) != 0))
			continue;
		for (unsigned k = 0; k < 3 * ARRAY_SIZE(shapes) && !found; k++) {
			const unsigned at = k % ARRAY_SIZE(shapes);

			found = ctl_defect_shows(name, &shapes[at].f) &&
				shows(name, at, k < ARRAY_SIZE(shapes) ? EACH : BATCHES);
		}
		UNIT_CHECK(found, "%s: no answer differs (%s)", name, what);
		if (only || !found)
			printf("# %s: %s\n", name, found ? seen : "shows nowhere");
	}
	UNIT_CHECK(i >= 120, "there are only %u defects", i);
	printf("# %u defects\n", i);
}

static void names(void)
{
	const char *name, *what, *other, *text;
	unsigned halves[2] = { 0 }, i = 0;

	for (; ctl_defects(i, &name, &what); i++) {
		const char *half = ctl_defect_half(name);

		UNIT_CHECK(half && (!strcmp(half, "first") || !strcmp(half, "second")), "%s: no half", name);
		halves[half && !strcmp(half, "second")]++;
		UNIT_CHECK(!strpbrk(name, ", ") && strlen(what) > 10, "%s: %s", name, what);
		for (unsigned k = 0; k < i; k++)
			UNIT_CHECK(ctl_defects(k, &other, &text) && strcmp(other, name) && strcmp(text, what),
				   "%s is there twice, or means the same as %s", name, other);
	}
	UNIT_CHECK(halves[0] * 10 > halves[1] * 9 && halves[1] * 10 > halves[0] * 9, "halves of %u and %u",
		   halves[0], halves[1]);
	UNIT_CHECK(!ctl_defect_half("none"), "an unknown name has a half");
}

static void refused(void)
{
	static const struct { const char *defect, *says; } cases[] = {
		{ "no-such", "ns_defect=no-such: there is no such defect; ns_defect=list lists all" },
		{ "dnr-missing,", "ns_defect=: there is no such defect; ns_defect=list lists all" },
		{ "dnr-missing,odd", "ns_defect=odd: there is no such defect; ns_defect=list lists all" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct target_open o = { .path = in_folder("no.img"), .write = true,
					       .format = shapes[0].f, .size = 1 << 20, .defect = cases[i].defect };
		struct target_ns *ns;
		const int ret = controller_target.open(&o, &ns, why);

		UNIT_CHECK(ret == -22 && !strcmp(why, cases[i].says), "%s: %d %s", cases[i].defect, ret, why);
		UNIT_CHECK(access(in_folder("no.img"), F_OK), "%s: an image was made", cases[i].defect);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "names", names }, { "refused", refused }, { "honest", honest },
		{ "each_shows", each_shows },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
