// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-queue.c - the embedded controller's queue: full depth, several images, completions reaped
 * in parts
 */
#include "tests/lib/controller-image.h"
#include "model.h"

static void queue(void)
{
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);
	struct target_ns *ns = must_open("q.img", &f, 1 << 20), *two = must_open("q2.img", &f,
										 1 << 20);
	struct target_queue_opts o = { .depth = 5, .ns = &ns, .nr_ns = 1 };
	struct target_cqe cqes[8];
	struct target_queue *q;
	uint8_t data[5][512];
	int ret = controller_target.queue_open(&o, &q, why);

	UNIT_CHECK(!ret, "%s", why);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 5; i++) {
			const unsigned tag = (i + round) % 5;

			memset(data[i], round + i, 512);
			*controller_target.command(q, tag) = rw(1, i == 4 ? 5000 : i, 1, data[i], 512);
			controller_target.push(q, i & 1 ? two : ns, tag, i & 1, -1);
		}
		if (round & 1)
			controller_target.commit(q);	/* otherwise reap() submits it */
		ret = controller_target.reap(q, cqes, 1, 2, NULL);
		ret += controller_target.reap(q, cqes + 2, 1, 6, NULL);
		UNIT_CHECK(ret == 5, "%d of 5", ret);
		for (unsigned i = 0; i < 5; i++)
			UNIT_CHECK(cqes[i].tag == (i + round) % 5 &&
				   cqes[i].res == (i == 4 ? (int)MODEL_RANGE : 0),
				   "tag %u: %x", cqes[i].tag, cqes[i].res);
		memset(data, 0, sizeof(data));
		UNIT_CHECK(!run(two, rw(2, 1, 1, data, 512)) && data[0][9] == round + 1,
			   "the other image");
	}
	controller_target.queue_close(q);
	controller_target.close(ns);
	controller_target.close(two);
	remove_image("q.img");
	remove_image("q2.img");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "queue", queue },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
