// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-zone-users.c - the users of a zoned image of the embedded controller: one after the other,
 * several at once, killed ones, and those that are refused
 */
#include <sys/wait.h>
#include <time.h>

#include "zoned.h"

/* --- opened again --- */

static void stays(void)
{
	const struct target_open o = zoned(&pi1);
	struct target_ns *ns = make(&pi1);

	UNIT_CHECK(!write_at(ns, 0, 5) && !send(ns, 1, OPEN) && !send(ns, 2, FINISH) && !write_at(ns, 3 * ZONE, 2),
		   "four zones");
	controller_target.close(ns);
	ns = open_as(&o);
	zone_is(ns, 0, CLOSED, 5, "opened again");
	zone_is(ns, 1, EMPTY, 0, "opened again");
	zone_is(ns, 2, FULL, 0, "opened again");
	controller_target.close(ns);
	unlink(in_folder("z.img.state"));
	ns = open_as(&o);
	zone_is(ns, 0, CLOSED, 5, "without its state");
	zone_is(ns, 2, EMPTY, 0, "without its state");
	zone_is(ns, 3, CLOSED, 2, "without its state");
	UNIT_CHECK(!write_at(ns, 5, 1), "a write after that");
	refused(run(ns, (struct nvme_uring_cmd){ .opcode = 0xff, .nsid = 1 }), 1, "an unknown opcode");
	controller_target.close(ns);
}

/* --- several processes --- */

enum { USERS = 3, ROUNDS = 40 };

/* Append to all zones, and reset those that are full, until killed, or @most times. */
static void use(unsigned seed, unsigned most)
{
	const struct target_open o = zoned(&pi1);
	struct target_ns *ns = open_as(&o);

	while (most--) {
		const unsigned zone = rand_r(&seed) % 2;
		const int ret = run(ns, on(APPEND, zone * ZONE, 1 + rand_r(&seed) % 40, PRACT | PIREMAP));

		if (ret == DNR(0x1b9) || ret == DNR(0x1b8))
			run(ns, (struct nvme_uring_cmd) {
				.opcode = SEND, .nsid = 1, .cdw10 = zone * ZONE, .cdw13 = RESET,
			});
		else if (ret)
			_exit(1);
	}
	_exit(0);
}

/* Blocks before the write pointer are whole, those from it on are deallocated. */
static bool is_consistent(struct target_ns *ns, unsigned zone)
{
	const struct nvme_zone_report *r = report(ns, 0, ZONES);
	uint64_t end = r ? le64toh(r->entries[zone].wp) : 0;

	if (r && r->entries[zone].zs >> 4 == FULL)
		end = zone * ZONE + WRITABLE;
	for (uint64_t lba = zone * ZONE; lba < zone * ZONE + WRITABLE; lba++) {
		const int ret = run(ns, on(READ, lba, 1, PRCHK_GUARD | PRCHK_REF));

		if (!UNIT_CHECK(!ret && (md[7] == 0xff) == (lba >= end),
				"LBA %u: %x, tag %02x, the write pointer is at %u", (unsigned)lba, ret, md[7],
				(unsigned)end))
			return false;
	}
	return end == zone * ZONE + WRITABLE || !write_at(ns, end, 1) ||
	       UNIT_CHECK(false, "a write at the write pointer %u", (unsigned)end);
}

static void killed(void)
{
	struct target_ns *ns = make(&pi1);
	pid_t pids[USERS];
	int status;

	for (unsigned round = 0; round < ROUNDS; round++) {
		const struct timespec t = { .tv_nsec = 3000000 + unit_random_below(9000000) };

		for (unsigned i = 0; i < USERS; i++) {
			pids[i] = fork();
			if (!pids[i])
				use(round * USERS + i, ~0u);
		}
		nanosleep(&t, NULL);
		for (unsigned i = 0; i < USERS; i++) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], &status, 0);
			UNIT_CHECK(WIFSIGNALED(status), "round %u: a user ended", round);
		}
		if (round % 4 == 0) {		/* sometimes as the first user */
			const struct target_open o = zoned(&pi1);

			controller_target.close(ns);
			ns = open_as(&o);
		}
		if (!is_consistent(ns, 0) || !is_consistent(ns, 1))
			break;
	}
	controller_target.close(ns);
}

/* What all of them append is there, once. */
static void together(void)
{
	struct target_open o = zoned(&pi1);
	struct target_ns *ns;
	int status;

	o.size = 4096ull * DATA;
	o.zones.zone_size = o.zones.zone_capacity = o.size;
	remove_image("z.img");
	ns = open_as(&o);
	for (unsigned i = 0; i < USERS; i++)
		if (!fork()) {
			struct target_ns *own = open_as(&o);
			int ret = 0;

			for (unsigned n = 0; n < 400; n++)
				ret |= run(own, on(APPEND, 0, 3, PRACT | PIREMAP));
			_exit(ret != 0);
		}
	for (unsigned i = 0; i < USERS; i++) {
		wait(&status);
		UNIT_CHECK(!status, "a user failed");
	}
	UNIT_CHECK(!write_at(ns, USERS * 400 * 3, 1), "the write pointer is somewhere else");
	controller_target.close(ns);
	remove_image("z.img");
}

/* --- what there is not --- */

/* Each is refused with a line that has these words. */
static void refusals(void)
{
	const struct target_open good = zoned(&pi1);
	struct target_open o[9];
	static const char *const words[9] = {
		"whole blocks", "more than", "number of zones", "ns_max_open", "power of two", "ns_zone_size",
		"ns_cache", "ns_fault", "ns_defect",
	};
	struct target_ns *ns = NULL;

	for (unsigned i = 0; i < 9; i++)
		o[i] = good;
	o[0].zones.zone_size++;
	o[1].zones.zone_capacity = ZONE * DATA + DATA;
	o[2].size += DATA;
	o[3].zones.max_open = 2, o[3].zones.max_active = 1;
	o[4].zones.zasl = 12288;
	o[5].zones.zone_size = 0;
	o[6].cache = "volatile";
	o[7].fault = "lost";
	o[8].defect = "guard-skip";
	remove_image("z.img");
	for (unsigned i = 0; i < 9; i++) {
		UNIT_CHECK(controller_target.open(&o[i], &ns, why) && strstr(why, words[i]), "%s: %s", words[i], why);
		UNIT_CHECK(access(in_folder("z.img"), F_OK), "%s: an image was created", words[i]);
	}
	ns = make(&pi1);
	o[0] = good;
	o[0].zones.zone_capacity = ZONE * DATA;
	UNIT_CHECK(controller_target.open(&o[0], &ns, why) && strstr(why, "was asked for, the zones of the image have 196608"),
		   "another capacity: %s", why);
	refused(controller_target.admin(ns, &(struct nvme_uring_cmd){ .opcode = 0x80, .nsid = 1, .cdw10 = 5 }),
		0x10a, "Format NVM");
	controller_target.close(ns);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "stays", stays },
		{ "killed", killed },
		{ "together", together },
		{ "refusals", refusals },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
