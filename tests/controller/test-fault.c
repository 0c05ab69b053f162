/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-fault.c - the faults of the embedded controller do and log what is documented, and nothing
 * else
 *
 * The image is 512+8 without protection information, in a folder under the current one.
 */
#include "engines/nvme/nvme.h"
#include "engines/controller/controller.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/unit.h"

enum { DATA = 512, MD = 8, MOST = 64 };

static char folder[] = "test-ctl-fault.XXXXXX";
static char image[64], log_file[64];

struct block {
	uint8_t	data[DATA], md[MD];
};

/* The namespace and its expected content. */
static struct {
	struct target_ns	*ns;
	uint64_t		blocks;
	struct block		should[MOST];
} dev;

static void remove_files(void)
{
	static const char *const tails[] = { "", ".format", ".state" };
	char path[80];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", image, tails[i]);
		unlink(path);
	}
	unlink(log_file);
}

static void set_up(const char *fault, uint64_t blocks, uint64_t delay)
{
	const struct target_open o = {
		.path = image, .write = true, .size = blocks * DATA,
		.format = { .lbs = DATA, .ms = MD, .mset = 0, .pi = 0, .pil = 0, .pif = 0, .sts = 0 },
		.fault = fault, .fault_log = fault ? log_file : NULL, .delay_ns = delay,
	};
	char why[WHY_MAX];

	remove_files();
	memset(&dev, 0, sizeof(dev));
	dev.blocks = blocks;
	if (controller_target.open(&o, &dev.ns, why)) {
		printf("not ok open: %s\n", why);
		exit(1);
	}
}

static void tear_down(void)
{
	controller_target.close(dev.ns);
}

static int command(uint8_t opcode, uint64_t lba, uint32_t nr, uint8_t *data, uint8_t *md)
{
	struct nvme_uring_cmd cmd = {
		.opcode = opcode, .nsid = 1, .addr = (uintptr_t)data, .data_len = nr * DATA,
		.metadata = (uintptr_t)md, .metadata_len = nr * MD,
		.cdw10 = lba, .cdw11 = lba >> 32, .cdw12 = nr - 1,
	};

	return controller_target.io(dev.ns, &cmd);
}

/* Write random blocks; @sent gets a copy of them. */
static void write_blocks(uint64_t lba, uint32_t nr, struct block *sent)
{
	static uint8_t data[MOST * DATA], md[MOST * MD];

	for (uint32_t i = 0; i < nr; i++) {
		unit_random_fill(&sent[i], sizeof(sent[i]));
		memcpy(data + i * DATA, sent[i].data, DATA);
		memcpy(md + i * MD, sent[i].md, MD);
	}
	UNIT_CHECK(!command(nvme_cmd_write, lba, nr, data, md), "a write is not acknowledged");
}

static void holds_what_it_should(const char *when)
{
	static uint8_t data[MOST * DATA], md[MOST * MD];

	UNIT_CHECK(!command(nvme_cmd_read, 0, dev.blocks, data, md), "%s: read", when);
	for (uint64_t i = 0; i < dev.blocks; i++)
		UNIT_CHECK(!memcmp(data + i * DATA, dev.should[i].data, DATA) &&
			   !memcmp(md + i * MD, dev.should[i].md, MD), "%s: block %" PRIu64 " is another", when, i);
}

/* Return what was logged since the last call. */
static const char *said(void)
{
	static char text[4096];
	FILE *f = fopen(log_file, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	if (truncate(log_file, 0))
		text[0] = '\0';
	return text;
}

static void says(const char *when, const char *want)
{
	const char *got = said();

	UNIT_CHECK(!strcmp(got, want), "%s: it says '%s' instead of '%s'", when, got, want);
}

/* --- kinds of faults --- */

static void lost(void)
{
	struct block sent[MOST];

	set_up("lost/1", MOST, 0);
	write_blocks(3, 5, sent);
	holds_what_it_should("lost");
	says("lost", "{\"kind\":\"lost\",\"lba\":3,\"nr\":5}\n");
	tear_down();
}

/* The blocks are anywhere except at their LBAs, as if they had been written there. */
static void misdirected(void)
{
	bool hit[MOST] = { false };
	char want[100];

	set_up("misdirected/1", MOST, 0);
	for (int i = 0; i < 500; i++) {
		struct block sent[4];
		unsigned lba, nr, other, at = unit_random_below(MOST - 4);
		const char *text;

		write_blocks(at, 4, sent);
		text = said();
		if (!UNIT_CHECK(sscanf(text, "{\"kind\":\"misdirected\",\"lba\":%u,\"nr\":%u,\"other\":%u}", &lba, &nr,
				       &other) == 3, "it says '%s'", text))
			break;
		snprintf(want, sizeof(want), "{\"kind\":\"misdirected\",\"lba\":%u,\"nr\":4,\"other\":%u}\n", at, other);
		UNIT_CHECK(!strcmp(text, want), "it says '%s' instead of '%s'", text, want);
		UNIT_CHECK(other + 4 <= MOST && (other + 4 <= at || at + 4 <= other), "from %u to %u", at, other);
		memcpy(&dev.should[other], sent, sizeof(sent));
		hit[other] = true;
	}
	holds_what_it_should("misdirected");
	for (int i = 0; i <= MOST - 4; i++)
		UNIT_CHECK(hit[i], "it never goes to %d", i);
	tear_down();
}

/* If no other range exists, the write is correct and nothing is logged. */
static void misdirected_nowhere(void)
{
	struct block sent[4];

	set_up("misdirected/1", 4, 0);
	write_blocks(1, 3, sent);
	memcpy(&dev.should[1], sent, 3 * sizeof(*sent));
	write_blocks(0, 4, sent);
	memcpy(dev.should, sent, sizeof(sent));
	holds_what_it_should("no room");
	says("no room", "");
	tear_down();
}

static void torn(void)
{
	struct block sent[4];
	unsigned lba, torn = 0;

	set_up("torn/1", MOST, 0);
	for (int i = 0; i < 200; i++) {
		const char *text;

		write_blocks(8, 4, sent);
		text = said();
		if (!UNIT_CHECK(sscanf(text, "{\"kind\":\"torn\",\"lba\":%u,\"nr\":1}", &lba) == 1 && lba - 8 < 4,
				"it says '%s'", text))
			break;
		torn |= 1u << (lba - 8);
		memcpy(sent[lba - 8].data + DATA / 2, dev.should[lba].data + DATA / 2, DATA / 2);
		memcpy(&dev.should[8], sent, sizeof(sent));
		holds_what_it_should("torn");
	}
	UNIT_CHECK(torn == 0xf, "only blocks %x are ever torn", torn);
	tear_down();
}

/* If the second halves are equal, nothing is torn and nothing is logged. */
static void torn_alike(void)
{
	uint8_t data[DATA] = { 1 }, md[MD] = { 2 };

	set_up("torn/1", MOST, 0);
	UNIT_CHECK(!command(nvme_cmd_write, 9, 1, data, md), "write");
	memcpy(dev.should[9].data, data, DATA);
	memcpy(dev.should[9].md, md, MD);
	holds_what_it_should("alike");
	says("alike", "");
	tear_down();
}

/* A stuck extent accepts no writes; its neighbours in the same write do. */
static void stale(void)
{
	struct block sent[8];

	set_up("stale/1", MOST, 0);
	write_blocks(10, 2, sent);
	says("stuck", "{\"kind\":\"stale\",\"lba\":10,\"nr\":2}\n");
	holds_what_it_should("stuck");
	tear_down();

	set_up("stale/4@0", MOST, 0);		/* the first of these three writes is selected */
	write_blocks(10, 2, sent);
	says("stuck", "{\"kind\":\"stale\",\"lba\":10,\"nr\":2}\n");
	write_blocks(8, 8, sent);
	says("around", "{\"kind\":\"stale\",\"lba\":10,\"nr\":2}\n");
	memcpy(&dev.should[8], sent, 2 * sizeof(*sent));
	memcpy(&dev.should[12], sent + 4, 4 * sizeof(*sent));
	holds_what_it_should("around");
	write_blocks(11, 3, sent);
	says("its end", "{\"kind\":\"stale\",\"lba\":11,\"nr\":1}\n");
	memcpy(&dev.should[12], sent + 1, 2 * sizeof(*sent));
	holds_what_it_should("its end");
	tear_down();
}

/* --- selection and delay --- */

/* Determine which of 800 writes are lost, one bit each.  Returns their number. */
static unsigned draw(const char *fault, uint8_t lost[100])
{
	struct block sent;
	unsigned nr = 0;

	memset(lost, 0, 100);
	set_up(fault, MOST, 0);
	for (int i = 0; i < 800; i++) {
		write_blocks(i % MOST, 1, &sent);
		if (*said()) {
			lost[i / 8] |= 1 << i % 8;
			nr++;
		}
	}
	tear_down();
	return nr;
}

static void draws(void)
{
	uint8_t one[100], two[100], three[100], none[100] = { 0 };
	unsigned nr = draw("lost/8@3", one);

	UNIT_CHECK(nr > 60 && nr < 145, "%u of 800 instead of about 100", nr);
	draw("lost/8@3", two);
	UNIT_CHECK(!memcmp(one, two, sizeof(one)), "the same seed draws others");
	draw("lost/8@4", three);
	UNIT_CHECK(memcmp(one, three, sizeof(one)), "another seed draws the same");
	draw("lost/8", two);
	draw("lost/8@1", three);
	UNIT_CHECK(!memcmp(two, three, sizeof(two)), "the seed is not 1");
	UNIT_CHECK(draw("lost", one) < 10, "one in fewer than 1000");
	draw("lost/1000000000", one);
	UNIT_CHECK(!memcmp(one, none, sizeof(one)), "one in a thousand million");
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Commands take longer by the delay when they are reaped; measure the shortest of many. */
static void delay(void)
{
	static uint8_t data[DATA], md[MD];
	const uint64_t wait = 300000;
	uint64_t least = UINT64_MAX;
	struct target_queue *q;
	char why[WHY_MAX];

	set_up(NULL, MOST, wait);
	UNIT_CHECK(!controller_target.queue_open(&(struct target_queue_opts){ .depth = 1, .ns = &dev.ns, .nr_ns = 1 },
						 &q, why), "%s", why);
	for (int i = 0; i < 200; i++) {
		struct nvme_uring_cmd *cmd = controller_target.command(q, 0);
		struct target_cqe cqe;
		uint64_t from;

		*cmd = (struct nvme_uring_cmd){
			.opcode = nvme_cmd_read, .nsid = 1, .addr = (uintptr_t)data, .data_len = DATA,
			.metadata = (uintptr_t)md, .metadata_len = MD,
		};
		controller_target.push(q, dev.ns, 0, 0, -1);
		controller_target.commit(q);
		from = now();
		UNIT_CHECK(controller_target.reap(q, &cqe, 1, 1, NULL) == 1 && !cqe.res, "a read");
		least = now() - from < least ? now() - from : least;
	}
	UNIT_CHECK(least >= wait && least < wait * 11 / 10, "%" PRIu64 " ns instead of %" PRIu64, least, wait);
	controller_target.queue_close(q);
	tear_down();
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "lost", lost },
		{ "misdirected", misdirected },
		{ "misdirected_nowhere", misdirected_nowhere },
		{ "torn", torn },
		{ "torn_alike", torn_alike },
		{ "stale", stale },
		{ "draws", draws },
		{ "delay", delay },
	};
	int status;

	if (!mkdtemp(folder)) {
		perror("test-ctl-fault: a folder for its files");
		return 2;
	}
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(log_file, sizeof(log_file), "%s/log", folder);
	status = unit_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
	remove_files();
	rmdir(folder);
	return status;
}
