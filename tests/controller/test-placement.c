// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-placement.c - placement handles of the embedded controller: which writes are counted for
 * which handle, the status of handles, updates, and directives that there are not
 */
#include <endian.h>
#include "tests/lib/controller-image.h"

enum { DATA = 4096, BLOCKS = 30000, HANDLES = 5, UNIT = (96 << 20) / DATA };
enum { WRITE = 1, READ = 2, UNCORRECTABLE = 4, ZEROES = 8, RECEIVE = 0x12, SEND = 0x1d };
enum { STREAMS = 1, PLACEMENT = 2 };

#define DNR(status) ((status) | 0x4000)

static const struct ns_format pi1 = F(DATA, 8, 0, 1, 0, 0, 0);
static uint8_t data[8 * DATA], md[8 * 8];

static struct target_open placed(uint64_t ruhs)
{
	static char path[PATH_MAX];

	strcpy(path, in_folder("p.img"));
	return (struct target_open) {
		.path = path, .write = true, .format = pi1, .size = (uint64_t)BLOCKS * DATA, .ruhs = ruhs,
	};
}

static struct target_ns *open_as(const struct target_open *o)
{
	struct target_ns *ns = NULL;

	if (!controller_target.open(o, &ns, why))
		return ns;
	printf("not ok open: %s\n", why);
	exit(1);
}

static struct target_ns *make(uint64_t ruhs)
{
	const struct target_open o = placed(ruhs);

	remove_image("p.img");
	return open_as(&o);
}

/* Send a command on @nr blocks with a directive. */
static int send(struct target_ns *ns, uint8_t opcode, uint32_t nr, uint32_t cdw12, unsigned dtype, unsigned dspec)
{
	struct nvme_uring_cmd cmd = rw(opcode, 0, nr, data, sizeof(data));

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = sizeof(md);
	cmd.cdw12 |= cdw12 | dtype << 20;
	cmd.cdw13 = dspec << 16;
	return run(ns, cmd);
}

static struct nvme_uring_cmd receive(void *page, uint32_t size)
{
	return (struct nvme_uring_cmd) {
		.opcode = RECEIVE, .nsid = 1, .addr = (uintptr_t)page, .data_len = size, .cdw10 = 1,
		.cdw11 = size / 4 - 1,
	};
}

/* Check how many blocks are left of the reclaim unit of each handle. */
static void left_is(struct target_ns *ns, const uint64_t left[HANDLES], const char *when)
{
	static uint64_t page[(16 + (HANDLES + 1) * 32) / 8];
	const struct nvme_fdp_ruh_status *s = (void *)page;
	int ret;

	memset(page, 0xee, sizeof(page));
	ret = run(ns, receive(page, sizeof(page)));
	UNIT_CHECK(!ret && le16toh(s->nruhsd) == HANDLES, "%s: %x, %u handles", when, ret, le16toh(s->nruhsd));
	for (unsigned i = 0; i < HANDLES; i++)
		UNIT_CHECK(le16toh(s->ruhss[i].pid) == i && le16toh(s->ruhss[i].ruhid) == i &&
			   le64toh(s->ruhss[i].ruamw) == left[i], "%s: handle %u has %llu blocks left, not %llu",
			   when, i, (unsigned long long)le64toh(s->ruhss[i].ruamw), (unsigned long long)left[i]);
	for (unsigned i = 0; i < 4; i++)
		UNIT_CHECK(!page[(16 + HANDLES * 32) / 8 + i], "%s: what is past the status is not zero", when);
}

#define LEFT(...) (const uint64_t[HANDLES]){ __VA_ARGS__ }

static void counts_writes(void)
{
	const struct target_open o = placed(0);
	struct target_ns *ns = make(HANDLES);

	left_is(ns, LEFT(UNIT, UNIT, UNIT, UNIT, UNIT), "a new image");
	UNIT_CHECK(!send(ns, WRITE, 3, PRACT, PLACEMENT, 4), "a Write");
	UNIT_CHECK(!send(ns, ZEROES, 2, PRACT, PLACEMENT, 1), "Write Zeroes");
	UNIT_CHECK(!send(ns, ZEROES, 4, 0, PLACEMENT, 1), "Write Zeroes that deallocates");
	UNIT_CHECK(!send(ns, UNCORRECTABLE, 1, 0, PLACEMENT, 2), "Write Uncorrectable");
	left_is(ns, LEFT(UNIT, UNIT - 6, UNIT - 1, UNIT, UNIT - 3), "after writes");
	UNIT_CHECK(!send(ns, WRITE, 1, PRACT, 0, 3), "without a directive its value says nothing");
	UNIT_CHECK(!send(ns, WRITE, 1, PRACT, PLACEMENT, HANDLES), "no such handle: another one");
	left_is(ns, LEFT(UNIT - 2, UNIT - 6, UNIT - 1, UNIT, UNIT - 3), "handle 0");
	memset(md, 0x11, sizeof(md));
	UNIT_CHECK(send(ns, WRITE, 1, PRCHK_GUARD, PLACEMENT, 3) == 0x282, "a bad guard");
	UNIT_CHECK(!send(ns, READ, 1, 0, PLACEMENT, 3), "a Read");
	left_is(ns, LEFT(UNIT - 2, UNIT - 6, UNIT - 1, UNIT, UNIT - 3), "neither is counted");
	controller_target.close(ns);
	ns = open_as(&o);
	left_is(ns, LEFT(UNIT - 2, UNIT - 6, UNIT - 1, UNIT, UNIT - 3), "opened again");
	controller_target.close(ns);
}

static int update(struct target_ns *ns, unsigned nr, const uint16_t *pids)
{
	return run(ns, (struct nvme_uring_cmd) {
		.opcode = SEND, .nsid = 1, .addr = (uintptr_t)pids, .data_len = nr * 2, .cdw10 = (nr - 1) << 16 | 1,
	});
}

static void begins_units(void)
{
	const uint16_t pids[] = { htole16(2), htole16(3) }, wrong[] = { htole16(0), htole16(HANDLES) };
	struct target_ns *ns = make(HANDLES);

	UNIT_CHECK(!send(ns, ZEROES, 7, 0, PLACEMENT, 0), "a write");
	UNIT_CHECK(!send(ns, ZEROES, UNIT - 1, 0, PLACEMENT, 2), "a unit but for a block");
	left_is(ns, LEFT(UNIT - 7, UNIT, 1, UNIT, UNIT), "a unit but for a block");
	UNIT_CHECK(!send(ns, ZEROES, 3, 0, PLACEMENT, 2), "past its end");
	left_is(ns, LEFT(UNIT - 7, UNIT, UNIT - 2, UNIT, UNIT), "the next unit");
	UNIT_CHECK(!update(ns, 2, pids), "an update");
	left_is(ns, LEFT(UNIT - 7, UNIT, UNIT, UNIT, UNIT), "after an update");
	UNIT_CHECK(update(ns, 2, wrong) == DNR(2), "an update of no handle");
	left_is(ns, LEFT(UNIT - 7, UNIT, UNIT, UNIT, UNIT), "nothing was updated");
	controller_target.close(ns);
}

static void refuses(void)
{
	struct target_ns *ns = make(HANDLES);
	uint64_t page[4];
	struct nvme_uring_cmd cmd = receive(page, sizeof(page));

	UNIT_CHECK(send(ns, WRITE, 1, PRACT, STREAMS, 1) == DNR(2), "streams are not enabled");
	UNIT_CHECK(send(ns, ZEROES, 1, 0, 15, 1) == DNR(2), "nor is a directive of vendors");
	UNIT_CHECK(!run(ns, cmd), "the start of the status");
	cmd.cdw10 = 2;
	UNIT_CHECK(run(ns, cmd) == DNR(2), "another operation");
	cmd = receive(page, sizeof(page));
	cmd.cdw11++;
	UNIT_CHECK(run(ns, cmd) == DNR(2), "more than the buffer");
	cmd = receive(NULL, sizeof(page));
	UNIT_CHECK(run(ns, cmd) == -EFAULT, "no buffer");
	cmd.nsid = NVME_NSID_ALL;
	UNIT_CHECK(run(ns, cmd) == DNR(0xb), "all namespaces");
	controller_target.close(ns);
	ns = make(0);
	UNIT_CHECK(!send(ns, WRITE, 1, PRACT, STREAMS, 1), "without any directive enabled it is ignored");
	UNIT_CHECK(run(ns, receive(page, sizeof(page))) == DNR(1), "a plain image has no such command");
	controller_target.close(ns);
}

static void identifies(void)
{
	static uint8_t page[4096];
	struct nvme_uring_cmd cmd = { .opcode = 6, .nsid = 1, .addr = (uintptr_t)page, .data_len = 4096, .cdw10 = 1 };

	for (unsigned ruhs = 0; ruhs < 2; ruhs++) {
		struct target_ns *ns = make(ruhs);

		cmd.cdw10 = 1;
		UNIT_CHECK(!controller_target.admin(ns, &cmd) && (page[98] >> 3 & 1) == ruhs,
			   "CTRATT.FDPS with %u handles", ruhs);
		cmd.cdw10 = 0;
		UNIT_CHECK(!controller_target.admin(ns, &cmd) && page[102] == ruhs, "ENDGID with %u handles", ruhs);
		controller_target.close(ns);
	}
}

/* Each is refused with a line that has these words; the image has 5 handles. */
static void refused_formats(void)
{
	static const char *const words[] = { "the image has 5", "from 1 to 128", "leave out one" };
	struct target_open o[] = { placed(4), placed(129), placed(3) };
	struct target_ns *ns = make(HANDLES);

	controller_target.close(ns);
	o[2].zones.zone_size = 1000 * DATA;
	for (unsigned i = 0; i < ARRAY_SIZE(o); i++) {
		if (i)
			remove_image("p.img");
		UNIT_CHECK(controller_target.open(&o[i], &ns, why) == -EINVAL && strstr(why, words[i]),
			   "%s: %s", words[i], why);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "counts_writes", counts_writes },
		{ "begins_units", begins_units },
		{ "refuses", refuses },
		{ "identifies", identifies },
		{ "refused_formats", refused_formats },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
