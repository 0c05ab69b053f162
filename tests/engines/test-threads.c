// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-threads.c - four threads on one image, each with a queue of its own, as with thread=1
 *
 * What they do to each other's blocks is by chance; what each reads is whole, and is checked.
 * Its worth is in the build with ThreadSanitizer: see check-threads.
 */
#include <pthread.h>

#include "engines/io-queue.h"
#include "tests/lib/controller-image.h"

enum { BLOCKS = 256, THREADS = 4, DEPTH = 8, IOS = 1500, MOST = 4 };

struct worker {
	unsigned	seed;
	unsigned	nr_bad;
	uint8_t		*data;
	struct job_ns	ns;
	struct io_queue	flight;
};

static unsigned draw(struct worker *w, unsigned below)
{
	return rand_r(&w->seed) % below;
}

static void count_record(void *ctx, const struct vfy_mismatch *r)
{
	(void)r;
	((struct worker *)ctx)->nr_bad++;
}

static void ignore_issued(struct io_queue *f)
{
	(void)f;
}

static void ask(struct worker *w, unsigned tag)
{
	const uint32_t nr = 1 + draw(w, MOST);
	const uint64_t lba = draw(w, BLOCKS - MOST);
	const unsigned kind = draw(w, 8);
	uint8_t *data = w->data + tag * MOST * 4096;

	if (kind == 0)
		io_queue_trim(&w->flight, tag, &w->ns, &(struct io_queue_range){ lba, nr }, 1);
	else if (kind == 1 && !draw(w, 16))
		io_queue_flush(&w->flight, tag, &w->ns);
	else
		io_queue_io(&w->flight, tag, &w->ns, kind < 5 ? nvme_cmd_read : kind == 5 ?
			  nvme_cmd_write_zeroes : nvme_cmd_write, lba, nr, data);
}

static void take(struct worker *w, bool *out, int n)
{
	while (n-- > 0) {
		int err;

		out[io_queue_next(&w->flight, &err)] = false;
		w->nr_bad += err != 0;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	bool out[DEPTH] = { false };

	for (unsigned i = 0; i < IOS; i++) {
		const unsigned tag = i % DEPTH;

		while (out[tag])
			take(w, out, io_queue_reap(&w->flight, 1, DEPTH, false, NULL));
		out[tag] = true;
		ask(w, tag);
	}
	for (unsigned tag = 0; tag < DEPTH; tag++)
		while (out[tag])
			take(w, out, io_queue_reap(&w->flight, 1, DEPTH, false, NULL));
	return NULL;
}

static void open_worker(struct worker *w, unsigned i)
{
	const struct job_size sizes[] = { { "bs", MOST * 4096, JOB_SIZE_TRANSFER } };
	const struct job_opts o = {
		.apptag = 0x1234, .apptag_mask = 0xffff, .storage_check = -1, .reads = true, .writes = true,
		.trims = true, .write_mode = { 1, { { nvme_cmd_write, 100 } } }, .sizes = sizes, .nr_sizes = 1,
		.open = { .write = true, .size = BLOCKS * 4096, .format = { 4096, 8, 0, 1, 0, 0, 0 } },
	};

	w->seed = i + 1;
	w->data = calloc(DEPTH * MOST, 4096);
	w->flight = (struct io_queue){ .issued = ignore_issued, .job = { .record = count_record, .ctx = w } };
	UNIT_CHECK(!job_ns_open(&controller_target, in_folder("threads.img"), &o, &w->ns, why), "%s", why);
	UNIT_CHECK(!io_queue_alloc(&w->flight, &w->ns, 1, DEPTH, 4), "memory");
	UNIT_CHECK(!io_queue_start(&w->flight, (struct target_queue_opts){ 0 }, NULL, why), "%s", why);
}

static void one_image(void)
{
	static struct worker workers[THREADS];
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		open_worker(&workers[i], i);
	for (unsigned i = 0; i < THREADS && !unit_nr_failed; i++)
		pthread_create(&threads[i], NULL, work, &workers[i]);
	for (unsigned i = 0; i < THREADS && !unit_nr_failed; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		UNIT_CHECK(!workers[i].nr_bad, "thread %u: %u findings", i, workers[i].nr_bad);
		io_queue_close(&workers[i].flight);
		job_ns_close(&workers[i].ns);
		free(workers[i].data);
	}
	remove_image("threads.img");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = { { "one_image", one_image } };

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
