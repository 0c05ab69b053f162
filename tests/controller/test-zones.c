// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-zones.c - zoned images of the embedded controller: what may be written where, the states of
 * zones and their limits, Zone Append and its tags, and reports
 */
#include "zoned.h"

/* --- Identify --- */

static int identify(struct target_ns *ns, unsigned cns, unsigned csi, void *page)
{
	struct nvme_uring_cmd cmd = {
		.opcode = 6, .nsid = 1, .addr = (uintptr_t)page, .data_len = 4096, .cdw10 = cns,
		.cdw11 = csi << 24,
	};

	return controller_target.admin(ns, &cmd);
}

static void identifies(void)
{
	struct target_open o = zoned(&pi1);
	static uint8_t page[4096];
	const struct nvme_zns_id_ns *id = (void *)page;
	struct target_ns *ns;
	int ret;

	o.zones.max_open = 3;
	o.zones.max_active = 5;
	o.zones.zasl = 4 * 4096;
	ns = open_as(&o);
	ret = identify(ns, 3, 0, page);
	UNIT_CHECK(!ret && page[12] == 4 && page[16] == 2, "descriptors: %x, CSI %u", ret, page[16]);
	ret = identify(ns, 5, 2, page);
	UNIT_CHECK(!ret && le32toh(id->mar) == 4 && le32toh(id->mor) == 2 && le16toh(id->ozcs) == 1 &&
		   le64toh(id->lbafe[5].zsze) == ZONE, "namespace: %x, MAR %u, MOR %u, ZSZE %llu", ret,
		   le32toh(id->mar), le32toh(id->mor), (unsigned long long)le64toh(id->lbafe[5].zsze));
	ret = identify(ns, 6, 2, page);
	UNIT_CHECK(!ret && page[0] == 2, "controller: %x, ZASL %u", ret, page[0]);
	refused(run(ns, on(APPEND, 0, 5, PRACT | PIREMAP)), 2, "an append above ZASL");
	UNIT_CHECK(!run(ns, on(APPEND, 0, 4, PRACT | PIREMAP)), "an append of ZASL");
	controller_target.close(ns);
	remove_image("z.img");
	ns = must_open("z.img", &pi1, BLOCKS * DATA);
	refused(identify(ns, 5, 2, page), 2, "of a plain image");
	refused(run(ns, on(SEND, 0, 1, 0)), 1, "Zone Management Send to a plain image");
	controller_target.close(ns);
	remove_image("z.img");
}

/* --- writes --- */

static void writes_at_the_write_pointer(void)
{
	struct target_ns *ns = make(&pi1);

	refused(write_at(ns, ZONE + 1, 1), 0x1bc, "not at the write pointer");
	zone_is(ns, 1, EMPTY, 0, "after that");
	UNIT_CHECK(!write_at(ns, ZONE, 8), "the first write");
	zone_is(ns, 1, IMPLICIT, 8, "after a write");
	refused(write_at(ns, ZONE, 8), 0x1bc, "the same again");
	refused(write_at(ns, ZONE + 8, WRITABLE - 7), 0x1b8, "past the capacity");
	memset(md, 0x11, sizeof(md));
	UNIT_CHECK(run(ns, on(WRITE, ZONE + 8, 1, PRCHK_GUARD)) == 0x282, "a bad guard");
	zone_is(ns, 1, IMPLICIT, 8, "after a bad guard");
	UNIT_CHECK(!run(ns, on(ZEROES, ZONE + 8, 2, PRACT)), "Write Zeroes");
	UNIT_CHECK(!run(ns, on(ZEROES, ZONE + 10, 2, 0)), "Write Zeroes that deallocates");
	UNIT_CHECK(!run(ns, on(4, ZONE + 12, 1, 0)), "Write Uncorrectable");
	zone_is(ns, 1, IMPLICIT, 13, "after these");
	UNIT_CHECK(!write_at(ns, ZONE + 13, WRITABLE - 13), "the rest");
	zone_is(ns, 1, FULL, 0, "at the capacity");
	refused(write_at(ns, ZONE + WRITABLE, 1), 0x1b9, "a full zone");
	refused(write_at(ns, BLOCKS, 1), 0x80, "past the namespace");
	controller_target.close(ns);
}

/* Blocks past the write pointer are deallocated: zeroes, and tuples that escape. */
static void blank(struct target_ns *ns, uint64_t lba, const char *what)
{
	int ret = run(ns, on(READ, lba, 1, PRCHK_GUARD | PRCHK_REF | PRCHK_APP));

	UNIT_CHECK(!ret && !data[0] && md[0] == 0xff && md[7] == 0xff, "%s: %x, %02x, %02x", what, ret, data[0],
		   md[7]);
}

static void reads_past_the_write_pointer(void)
{
	struct target_ns *ns = make(&pi1);

	memset(data, 0x5a, sizeof(data));
	UNIT_CHECK(!write_at(ns, 0, 8), "a write");
	UNIT_CHECK(!run(ns, on(READ, 7, 1, PRCHK_GUARD | PRCHK_REF)) && data[0] == 0x5a, "a written block");
	blank(ns, 8, "past the write pointer");
	UNIT_CHECK(!run(ns, on(READ, WRITABLE - 1, ZONE - WRITABLE + 2, 0)), "across the end of a zone");
	UNIT_CHECK(!send(ns, 0, RESET), "a reset");
	zone_is(ns, 0, EMPTY, 0, "after a reset");
	blank(ns, 0, "after a reset");
	UNIT_CHECK(!write_at(ns, 0, 1), "a write after it");
	controller_target.close(ns);
}

/* --- Zone Append --- */

/* Append @nr blocks to zone 1; returns the status, and where they are in *@lba. */
static int append(struct target_ns *ns, uint32_t nr, uint32_t cdw12, uint32_t ref, uint64_t *lba)
{
	struct nvme_uring_cmd cmd = on(APPEND, ZONE, nr, cdw12);
	int ret;

	cmd.cdw14 = ref;
	ret = controller_target.io(ns, &cmd);
	*lba = cmd.rsvd2;
	return ret;
}

/* Write correct tuples from reference tag @ref on into the buffers, for a format of 8 bytes. */
static void fill(const struct ns_format *f, uint32_t nr, uint32_t ref)
{
	const struct pi_layout l = {
		.format = &pi_formats[f->pif], .type = f->pi, .data_size = DATA, .md_size = f->ms,
	};

	unit_random_fill(data, nr * DATA);
	pi_generate(&l, &(struct pi_tags){ .ref = ref, .app = 0x77 }, data, md, nr);
}

/* What an append has put on media has the tags of where it is, whoever made the tuples. */
static void appends(void)
{
	struct target_ns *ns = make(&pi1);
	uint64_t lba;
	int ret;

	for (unsigned i = 0; i < 4; i++) {
		fill(&pi1, 3, ZONE);
		ret = append(ns, 3, PIREMAP | (i % 2 ? PRACT : PRCHK_GUARD | PRCHK_REF), ZONE, &lba);
		UNIT_CHECK(!ret && lba == ZONE + 3 * i, "append %u: %x, at %llu", i, ret,
			   (unsigned long long)lba);
		ret = run(ns, on(READ, lba, 3, PRCHK_GUARD | PRCHK_REF));
		UNIT_CHECK(!ret, "reading append %u: %x", i, ret);
		UNIT_CHECK(i % 2 || (md[2] == 0 && md[3] == 0x77), "the application tag is %02x%02x", md[2], md[3]);
	}
	zone_is(ns, 1, IMPLICIT, 12, "after appends");
	refused(append(ns, 1, PRACT, ZONE, &lba), 0x181, "type 1 without PIREMAP");
	refused(append(ns, 1, PIREMAP | PRCHK_REF, ZONE + 1, &lba), 0x181, "another ILBRT");
	fill(&pi1, 1, ZONE + 12);
	ret = append(ns, 1, PIREMAP | PRCHK_REF, ZONE, &lba);
	UNIT_CHECK(ret == 0x284, "tuples of where it goes to: %x", ret);
	zone_is(ns, 1, IMPLICIT, 12, "after failures");
	refused(run(ns, on(APPEND, ZONE + 12, 1, PRACT | PIREMAP)), 2, "not the start of a zone");
	refused(append(ns, WRITABLE, PIREMAP | PRACT, ZONE, &lba), 0x1b8, "more than fits");
	UNIT_CHECK(!append(ns, WRITABLE - 12, PIREMAP | PRACT, ZONE, &lba), "the rest");
	refused(append(ns, 1, PIREMAP | PRACT, ZONE, &lba), 0x1b9, "a full zone");
	controller_target.close(ns);
}

/* Type 2 may keep its tags; type 3 must. */
static void appends_of_other_types(void)
{
	struct target_ns *ns = make(&pi2);
	struct nvme_uring_cmd cmd;
	uint64_t lba;

	for (unsigned remaps = 0; remaps < 2; remaps++) {
		UNIT_CHECK(!append(ns, 2, PRACT | (remaps ? PIREMAP : 0), 1000, &lba), "type 2");
		cmd = on(READ, lba, 2, PRCHK_REF);
		cmd.cdw14 = 1000 + (remaps ? lba - ZONE : 0);
		UNIT_CHECK(!run(ns, cmd), "type 2, PIREMAP %u: other tags", remaps);
	}
	controller_target.close(ns);
	ns = make(&pi3);
	refused(append(ns, 1, PRACT | PIREMAP, 0, &lba), 0x181, "type 3 with PIREMAP");
	UNIT_CHECK(!append(ns, 1, PRACT, 0, &lba), "type 3 without");
	controller_target.close(ns);
	ns = make(&no_pi);
	UNIT_CHECK(!append(ns, 5, PIREMAP, 7, &lba) && !append(ns, 1, 0, 0, &lba) && lba == ZONE + 5,
		   "without protection information");
	controller_target.close(ns);
}

/* A queue hands out where an append went to. */
static void appends_in_a_queue(void)
{
	struct target_ns *ns = make(&pi1);
	uint64_t results[4] = { 0 };
	struct target_queue_opts o = { .depth = 4, .ns = &ns, .nr_ns = 1, .results = results };
	struct target_cqe cqes[4];
	struct target_queue *q;

	if (!UNIT_CHECK(!controller_target.queue_open(&o, &q, why), "%s", why))
		return;
	for (unsigned tag = 0; tag < 4; tag++) {
		*controller_target.command(q, tag) = on(APPEND, 2 * ZONE, 2, PRACT | PIREMAP);
		controller_target.push(q, ns, tag, 0, -1);
	}
	UNIT_CHECK(controller_target.reap(q, cqes, 4, 4, NULL) == 4, "four completions");
	for (unsigned tag = 0; tag < 4; tag++)
		UNIT_CHECK(results[tag] == 2 * ZONE + 2 * tag, "tag %u is at %llu", tag,
			   (unsigned long long)results[tag]);
	controller_target.queue_close(q);
	controller_target.close(ns);
}

/* --- states --- */

/* Bring zone 0 into @state. */
static void bring(struct target_ns *ns, unsigned state)
{
	int ret = send(ns, 0, RESET);

	ret |= state == IMPLICIT || state == CLOSED ? write_at(ns, 0, 1) : 0;
	ret |= state == EXPLICIT ? send(ns, 0, OPEN) : 0;
	ret |= state == CLOSED ? send(ns, 0, CLOSE) : 0;
	ret |= state == FULL ? send(ns, 0, FINISH) : 0;
	UNIT_CHECK(!ret, "bringing zone 0 into state %u", state);
}

/* Zoned: Zone Send Actions; the state after each, 0: refused. */
static void transitions(void)
{
	static const struct {
		unsigned	action, from[5];	/* EMPTY IMPLICIT EXPLICIT CLOSED FULL */
	} rows[] = {
		{ CLOSE,	{ 0, CLOSED, CLOSED, CLOSED, 0 } },
		{ FINISH,	{ FULL, FULL, FULL, FULL, FULL } },
		{ OPEN,		{ EXPLICIT, EXPLICIT, EXPLICIT, EXPLICIT, 0 } },
		{ RESET,	{ EMPTY, EMPTY, EMPTY, EMPTY, EMPTY } },
		{ OFFLINE,	{ 0 } },
	};
	static const unsigned states[5] = { EMPTY, IMPLICIT, EXPLICIT, CLOSED, FULL };
	struct target_ns *ns = make(&pi1);

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned j = 0; j < 5; j++) {
			const unsigned to = rows[i].from[j];
			char what[60];
			int ret;

			bring(ns, states[j]);
			ret = send(ns, 0, rows[i].action);
			snprintf(what, sizeof(what), "action %u in state %u", rows[i].action, states[j]);
			UNIT_CHECK(ret == (to ? 0 : DNR(0x1bf)), "%s: %x", what, ret);
			zone_is(ns, 0, to ? to : states[j],
				(states[j] == IMPLICIT || states[j] == CLOSED) && to != EMPTY, what);
		}
	refused(send(ns, 0, 0), 2, "action 0");
	refused(send(ns, 0, 6), 2, "action 6");
	refused(send(ns, 0, 0x10), 2, "Set Zone Descriptor Extension");
	refused(send(ns, ZONES, RESET), 0x80, "a zone past the last");
	refused(run(ns, (struct nvme_uring_cmd){ .opcode = SEND, .nsid = 1, .cdw10 = 1, .cdw13 = RESET }), 2,
		"not the start of a zone");
	controller_target.close(ns);
}

static void all_zones(void)
{
	struct target_ns *ns = make(&pi1);

	UNIT_CHECK(!write_at(ns, 0, 1) && !write_at(ns, ZONE, 1) && !send(ns, 2, OPEN) && !send(ns, 3, FINISH),
		   "four zones");
	UNIT_CHECK(!send(ns, 0, CLOSE), "closing one");
	UNIT_CHECK(!send(ns, 99, OPEN | ALL), "opening all");
	zone_is(ns, 0, EXPLICIT, 1, "a closed zone");
	zone_is(ns, 1, IMPLICIT, 1, "an open zone");
	UNIT_CHECK(!send(ns, 0, CLOSE | ALL), "closing all");
	zone_is(ns, 1, CLOSED, 1, "closing all");
	zone_is(ns, 2, CLOSED, 0, "closing all");
	UNIT_CHECK(!send(ns, 0, FINISH | ALL), "finishing all");
	zone_is(ns, 2, FULL, 0, "finishing all");
	zone_is(ns, 4, EMPTY, 0, "finishing all");
	UNIT_CHECK(!send(ns, 0, RESET | ALL), "resetting all");
	zone_is(ns, 3, EMPTY, 0, "resetting all");
	UNIT_CHECK(!send(ns, 0, OFFLINE | ALL), "no zone is Read Only");
	controller_target.close(ns);
}

static void limits(void)
{
	struct target_open o = zoned(&pi1);
	struct target_ns *ns;

	o.zones.max_open = 2;
	o.zones.max_active = 3;
	remove_image("z.img");
	ns = open_as(&o);
	UNIT_CHECK(!write_at(ns, 0, 1) && !write_at(ns, ZONE, 1) && !write_at(ns, 2 * ZONE, 1), "three zones");
	zone_is(ns, 0, CLOSED, 1, "the zone that was open for longest");
	zone_is(ns, 1, IMPLICIT, 1, "the next");
	refused(write_at(ns, 3 * ZONE, 1), 0x1bd, "a fourth active zone");
	UNIT_CHECK(!send(ns, 0, OPEN) && !send(ns, 1, OPEN), "opening two");
	zone_is(ns, 2, CLOSED, 1, "an implicitly open one");
	refused(write_at(ns, 2 * ZONE + 1, 1), 0x1be, "a third open zone");
	refused(send(ns, 2, OPEN), 0x1be, "opening a third");
	UNIT_CHECK(!send(ns, 0, FINISH) && !write_at(ns, 3 * ZONE, 1), "after one is full");
	UNIT_CHECK(!send(ns, 3, OPEN), "opening it");
	refused(send(ns, 0, OPEN | ALL), 0x1be, "opening all, too many");
	zone_is(ns, 2, CLOSED, 1, "after that");
	UNIT_CHECK(!send(ns, 1, RESET) && !send(ns, 0, OPEN | ALL), "opening all");
	zone_is(ns, 2, EXPLICIT, 1, "after that");
	controller_target.close(ns);
	remove_image("z.img");
}

/* --- reports --- */

static void reports(void)
{
	struct target_ns *ns = make(&pi1);
	const struct nvme_zone_report *r;
	struct nvme_uring_cmd cmd = { .opcode = RECEIVE, .nsid = 1, .addr = (uintptr_t)data,
				      .data_len = sizeof(data), .cdw12 = 64 / 4 - 1 };

	UNIT_CHECK(!write_at(ns, 3 * ZONE, 1) && !send(ns, 5, FINISH), "two zones");
	r = report(ns, 0, 2);
	UNIT_CHECK(r && le64toh(r->nr_zones) == ZONES, "the number of all zones");
	r = report(ns, 1 << 16, 2);
	UNIT_CHECK(r && le64toh(r->nr_zones) == 2, "a partial report");
	r = report(ns, 1 << 8, ZONES);
	UNIT_CHECK(r && le64toh(r->nr_zones) == ZONES - 2 && le64toh(r->entries[3].zslba) == 4 * ZONE, "empty ones");
	r = report(ns, 5 << 8, ZONES);
	UNIT_CHECK(r && le64toh(r->nr_zones) == 1 && le64toh(r->entries[0].zslba) == 5 * ZONE, "full ones");
	cmd.cdw10 = 3 * ZONE + 9;
	UNIT_CHECK(!run(ns, cmd) && data[0] == ZONES - 3, "from a zone on");
	cmd.cdw13 = 1;
	refused(run(ns, cmd), 2, "an extended report");
	cmd.cdw13 = 8 << 8;
	refused(run(ns, cmd), 2, "a reserved option");
	cmd.cdw13 = 0;
	cmd.cdw12 = 14;
	refused(run(ns, cmd), 2, "no room for the header");
	cmd.cdw10 = BLOCKS;
	refused(run(ns, cmd), 0x80, "past the namespace");
	controller_target.close(ns);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "identifies", identifies },
		{ "writes_at_the_write_pointer", writes_at_the_write_pointer },
		{ "reads_past_the_write_pointer", reads_past_the_write_pointer },
		{ "appends", appends },
		{ "appends_of_other_types", appends_of_other_types },
		{ "appends_in_a_queue", appends_in_a_queue },
		{ "transitions", transitions },
		{ "all_zones", all_zones },
		{ "limits", limits },
		{ "reports", reports },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
