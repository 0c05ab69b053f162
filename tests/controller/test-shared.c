// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-shared.c - many threads and processes use one image of the embedded controller concurrently
 *
 * All of them write and read everywhere.  Each block is filled with one byte, with tuples by the
 * controller.  A block is torn if its bytes differ or if it does not match its tuple.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/lib/controller-image.h"

enum { SHARED_BLOCKS = 200, WORKERS = 4, SHARED_SECONDS = 2, SHARED_MAX = 24 };

static const struct ns_format shared_format = F(4096, 64, 1, 1, 0, 0, 0);

struct worker {
	unsigned	seed;
	unsigned	torn, failed, done;
};

static void check_shared(struct worker *w, const uint8_t *data, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		const uint8_t *block = data + i * (4096 + 64);

		w->torn += memcmp(block, block + 1, 4095) != 0;
	}
}

static void *work(void *arg)
{
	const struct timespec *now = &(struct timespec){ 0 };
	struct worker *w = arg;
	uint8_t *data = malloc(SHARED_MAX * (4096 + 64));
	struct target_ns *ns = must_open("shared.img", &shared_format, SHARED_BLOCKS * 4096);
	time_t end = time(NULL) + SHARED_SECONDS;
	struct target_queue_opts o = { .depth = 1 };
	struct target_queue *q;
	struct target_cqe cqe;

	if (controller_target.queue_open(&o, &q, why))
		exit(1);
	for (; time(NULL) <= end; w->done++) {
		const uint32_t nr = 1 + rand_r(&w->seed) % SHARED_MAX;
		const uint64_t lba = rand_r(&w->seed) % (SHARED_BLOCKS - nr + 1);
		const bool write = rand_r(&w->seed) % 2;
		struct nvme_uring_cmd *cmd = controller_target.command(q, 0);

		*cmd = rw(write ? 1 : 2, lba, nr, data, nr * (4096 + 64));
		cmd->cdw12 |= (write ? PRACT : PRCHK_GUARD) | PRCHK_REF;
		cmd->cdw14 = lba;
		if (write)
			memset(data, rand_r(&w->seed), nr * (4096 + 64));
		controller_target.push(q, ns, 0, 0, -1);
		controller_target.commit(q);
		controller_target.reap(q, &cqe, 1, 1, now);
		w->failed += cqe.res != 0;
		if (!write)
			check_shared(w, data, nr);
	}
	controller_target.queue_close(q);
	controller_target.close(ns);
	free(data);
	return NULL;
}

static void check_worker(const struct worker *w, const char *kind, unsigned i)
{
	UNIT_CHECK(!w->torn && !w->failed && w->done, "%s %u: %u torn, %u failed of %u", kind, i,
		   w->torn, w->failed, w->done);
}

static void threads(void)
{
	struct worker workers[WORKERS] = { 0 };
	pthread_t ids[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].seed = i;
		pthread_create(&ids[i], NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(ids[i], NULL);
		check_worker(&workers[i], "thread", i);
	}
	remove_image("shared.img");
}

static void processes(void)
{
	struct worker *workers = mmap(NULL, sizeof(*workers) * WORKERS, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].seed = i;
		if (!fork()) {
			work(&workers[i]);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < WORKERS; i++)
		wait(NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		check_worker(&workers[i], "process", i);
	munmap(workers, sizeof(*workers) * WORKERS);
	remove_image("shared.img");
}

/* A process that opens the image while another creates it finds a complete image or none. */
static void created_at_once(void)
{
	enum { ROUNDS = 400 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned refused = 0;
		int status;

		for (unsigned i = 0; i < WORKERS; i++) {
			struct target_open o = {
				.path = in_folder("at-once.img"), .write = true, .format = shared_format,
				.size = SHARED_BLOCKS * 4096,
			};
			struct target_ns *ns;

			if (!fork()) {
				if (controller_target.open(&o, &ns, why)) {
					printf("# %s\n", why);
					fflush(stdout);
					_exit(1);
				}
				controller_target.close(ns);
				_exit(0);
			}
		}
		for (unsigned i = 0; i < WORKERS; i++) {
			wait(&status);
			refused += status != 0;
		}
		if (!UNIT_CHECK(!refused, "round %u: %u of %u were refused", round, refused, WORKERS))
			break;
		remove_image("at-once.img");
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "threads", threads },
		{ "processes", processes },
		{ "created_at_once", created_at_once },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
