// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-crash.c - kill the users of an image with SIGKILL, a hundred times: completed writes must
 * persist, others must be there completely or not at all, and no block may be torn
 *
 * Each writer owns every Nth extent of blocks.  A shared table has the generation of each block
 * that is complete, and the one that is being written.  A generation is data that fills the whole
 * block, with tuples by the controller; every eighth is a deallocation.  Afterwards a block must
 * be one of the two, complete, and pass all checks.
 *
 * TEST_CRASH_ROUNDS sets the number of rounds.  The image is created under TMPDIR (default /tmp).
 */
#include "engines/nvme/nvme.h"
#include "engines/controller/controller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/lib/unit.h"

enum { WRITERS = 3, BLOCKS = 960, RUN = 8, DATA = 4096, MS = 16 };

static const struct ns_format format = { 4096, MS, 0, 1, 0, 2, 0 };

static char path[PATH_MAX], why[WHY_MAX];

/* The state of a block; only its writer changes it. */
struct progress {
	uint32_t begun, complete;
};

static struct progress *table;

static struct target_ns *must_open(void)
{
	const struct target_open o = {
		.path = path, .write = true, .format = format, .size = (uint64_t)BLOCKS * DATA,
	};
	struct target_ns *ns;

	if (!controller_target.open(&o, &ns, why))
		return ns;
	printf("not ok open: %s\n", why);
	exit(1);
}

static bool is_deallocation(uint32_t generation)
{
	return generation % 8 == 0;
}

/* Fill a block with its generation and LBA. */
static void stamp(uint64_t *data, uint32_t generation, uint64_t lba)
{
	for (unsigned i = 0; i < DATA / sizeof(*data); i++)
		data[i] = is_deallocation(generation) ? 0 : (uint64_t)generation << 32 | lba;
}

static void execute(struct target_queue *q, struct target_ns *ns, const struct nvme_uring_cmd *cmd)
{
	struct target_cqe cqe;

	*controller_target.command(q, 0) = *cmd;
	controller_target.push(q, ns, 0, 0, -1);
	controller_target.commit(q);
	if (controller_target.reap(q, &cqe, 1, 1, NULL) != 1 || cqe.res)
		_exit(3);
}

static void change(struct target_queue *q, struct target_ns *ns, uint64_t lba, uint32_t nr)
{
	static uint64_t data[RUN * DATA / 8];
	const uint32_t generation = table[lba].begun + 1;
	const uint64_t range[2] = { (uint64_t)nr << 32, lba };
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_write, .nsid = 1, .addr = (uintptr_t)data, .data_len = nr * DATA,
		.cdw10 = lba, .cdw12 = (nr - 1) | 1u << 29 | 1u << 26, .cdw14 = lba,
	};

	if (is_deallocation(generation))
		cmd = (struct nvme_uring_cmd) {
			.opcode = nvme_cmd_dsm, .nsid = 1, .addr = (uintptr_t)range, .data_len = 16,
			.cdw11 = NVME_DSMGMT_AD,
		};
	for (uint32_t i = 0; i < nr; i++) {
		stamp(data + i * DATA / 8, generation, lba + i);
		__atomic_store_n(&table[lba + i].begun, generation, __ATOMIC_SEQ_CST);
	}
	execute(q, ns, &cmd);
	for (uint32_t i = 0; i < nr; i++)
		__atomic_store_n(&table[lba + i].complete, generation, __ATOMIC_SEQ_CST);
}

/* The blocks of an extent are always changed together, so that their generations are equal. */
static void write_on(unsigned writer, unsigned seed)
{
	struct target_ns *ns = must_open();
	struct target_queue_opts o = { .depth = 1, .ns = &ns, .nr_ns = 1 };
	struct target_queue *q;

	if (controller_target.queue_open(&o, &q, why))
		_exit(2);
	for (;;) {
		const unsigned runs = BLOCKS / RUN / WRITERS;
		const uint64_t run = rand_r(&seed) % runs * WRITERS + writer;

		change(q, ns, run * RUN, RUN);
	}
}

static bool check_block(struct target_ns *ns, uint64_t lba, unsigned round)
{
	static uint64_t data[DATA / 8], want[DATA / 8];
	uint8_t md[MS] = { 0 };
	struct nvme_uring_cmd cmd = {
		.opcode = nvme_cmd_read, .nsid = 1, .addr = (uintptr_t)data, .data_len = DATA,
		.metadata = (uintptr_t)md, .metadata_len = MS,
		.cdw10 = lba, .cdw12 = 1u << 28 | 1u << 26, .cdw14 = lba,
	};
	const struct progress p = table[lba];
	int ret = controller_target.io(ns, &cmd);

	if (!UNIT_CHECK(!ret, "round %u, LBA %u: %x", round, (unsigned)lba, ret))
		return false;
	for (uint32_t g = p.complete; g <= p.begun; g++) {
		stamp(want, g, lba);
		if (!memcmp(data, want, DATA) && (!is_deallocation(g) || md[8] == 0xff))
			return true;
	}
	return UNIT_CHECK(false, "round %u, LBA %u: generation %u is complete, %u is begun; there "
				 "is %u (%s)",
			  round, (unsigned)lba, p.complete, p.begun, (unsigned)(data[0] >> 32),
			  memcmp(data, data + 1, DATA - 8) ? "torn" : "whole");
}

/* Check all blocks; the next round starts from their present content. */
static void check_all(struct target_ns *ns, unsigned round)
{
	bool good = true;

	for (uint64_t lba = 0; lba < BLOCKS && good; lba++) {
		good = check_block(ns, lba, round);
		table[lba].complete = table[lba].begun;
	}
	for (uint64_t lba = 0; lba < BLOCKS && good; lba += RUN) {
		/* Parts of an interrupted extent may be older, so write it completely. */
		struct target_queue_opts o = { .depth = 1 };
		struct target_queue *q;

		if (controller_target.queue_open(&o, &q, why))
			exit(2);
		change(q, ns, lba, RUN);
		controller_target.queue_close(q);
	}
}

static void pause_for(unsigned microseconds)
{
	const struct timespec t = { .tv_nsec = microseconds * 1000L };

	nanosleep(&t, NULL);
}

static unsigned rounds(void)
{
	const char *env = getenv("TEST_CRASH_ROUNDS");

	return env ? (unsigned)atoi(env) : unit_rounds(100);
}

static void start(pid_t *pids, unsigned round)
{
	for (unsigned i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			write_on(i, round * WRITERS + i);
			_exit(0);
		}
	}
}

/* Kill a writer; it must still be running. */
static void end(pid_t pid, unsigned round)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	UNIT_CHECK(WIFSIGNALED(status), "round %u: a writer ended, %d", round, WEXITSTATUS(status));
}

/* Kill all writers, and open the image again. */
static void kill_all(void)
{
	pid_t pids[WRITERS];

	for (unsigned round = 0; round < rounds(); round++) {
		struct target_ns *ns;

		start(pids, round);
		pause_for(2000 + unit_random_below(20000));
		for (unsigned i = 0; i < WRITERS; i++)
			end(pids[i], round);
		ns = must_open();
		check_all(ns, round);
		controller_target.close(ns);
	}
}

/* Kill one writer while the others and a reader continue. */
static void kill_one(void)
{
	struct target_ns *ns = must_open();
	pid_t pids[WRITERS];

	for (unsigned round = 0; round < rounds(); round++) {
		start(pids, 1000 + round);
		pause_for(2000 + unit_random_below(10000));
		end(pids[round % WRITERS], round);
		pause_for(unit_random_below(10000));
		for (unsigned i = 0; i < WRITERS; i++)
			if (i != round % WRITERS)
				end(pids[i], round);
		check_all(ns, round);
	}
	controller_target.close(ns);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = { { "kill_all", kill_all }, { "kill_one",
									     kill_one } };
	const char *tmp = getenv("TMPDIR");
	char other[PATH_MAX + 8];
	int ret;

	snprintf(path, sizeof(path), "%.3800s/nvmepi-crash.%d.img", tmp ? tmp : "/tmp", getpid());
	table = mmap(NULL, BLOCKS * sizeof(*table), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED) {
		perror("test-crash");
		return 2;
	}
	ret = unit_main(argc, argv, cases, 2);
	unlink(path);
	for (int i = 0; i < 2; i++) {
		snprintf(other, sizeof(other), "%s%s", path, i ? ".state" : ".format");
		unlink(other);
	}
	return ret;
}
