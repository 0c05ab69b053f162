// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-controller.c - send random commands to the embedded controller
 *
 * Any 64 bytes are sent, with buffers of any size that end at an inaccessible page.  Each command
 * must return a valid result, and the image must keep its size and its format.  Best run with
 * sanitizers.
 */
#include "engines/nvme/nvme.h"
#include "engines/controller/controller.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"usage: fuzz-controller [--seed N] [--commands N]\n"
	"Sends N random commands (200000) to images of several formats, made under TMPDIR.\n"
	"Exits 0 when all is well, 1 when it is not, 2 when it could not run.\n";

enum { BLOCKS = 500, BUFFER = 1 << 20 };

static const struct ns_format formats[] = {
	{ 512, 0, 0, 0, 0, 0, 0 }, { 512, 8, 0, 1, 0, 0, 0 }, { 4096, 16, 1, 2, 1, 2, 16 },
	{ 4096, 64, 0, 3, 0, 1, 32 }, { 512, 9, 1, 1, 0, 0, 5 }, { 65536, 65535, 0, 2, 0, 2, 0 },
};
enum { NR_FORMATS = sizeof(formats) / sizeof(formats[0]) };

static char path[PATH_MAX];
static uint8_t *data_end, *md_end;	/* ends of the buffers; inaccessible pages follow */
static uint64_t state;

static uint64_t draw(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool one_in(unsigned n)
{
	return draw() % n == 0;
}

static uint8_t *make_buffer(void)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, BUFFER + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (p == MAP_FAILED || mprotect(p + BUFFER, page, PROT_NONE)) {
		perror("fuzz-controller: mmap");
		exit(2);
	}
	return p + BUFFER;
}

static uint32_t length(void)
{
	static const uint32_t some[] = { 0, 1, 511, 512, 4096, 4104, 4160, 8, 16, 64, BUFFER };

	return one_in(2) ? some[draw() % 11] : draw() % (BUFFER >> draw() % 12);
}

/* Return the address of a buffer whose last byte is the last accessible one, or sometimes 0. */
static uint64_t place(uint8_t *end, uint32_t len)
{
	return one_in(30) ? 0 : (uintptr_t)(end - len);
}

static void sprinkle(uint8_t *p, size_t len)
{
	const size_t n = len < 4096 ? len : 4096;

	for (size_t i = 0; i < n; i += 8)
		*(p + draw() % n) = one_in(3) ? 0xff : draw();
}

static struct nvme_uring_cmd command(void)
{
	static const uint8_t known[] = { 0, 1, 2, 4, 5, 8, 9, 0xc, 0x19 };
	struct nvme_uring_cmd cmd;
	uint8_t *bytes = (uint8_t *)&cmd;

	for (size_t i = 0; i < sizeof(cmd); i++)
		bytes[i] = draw();
	if (!one_in(10))
		cmd.opcode = known[draw() % sizeof(known)];
	if (!one_in(20))
		cmd.flags = 0;
	if (!one_in(20))
		cmd.nsid = 1;
	if (!one_in(5)) {
		cmd.cdw10 = draw() % (BLOCKS + 2);
		cmd.cdw11 = one_in(8) ? cmd.cdw11 : 0;
		cmd.cdw14 = one_in(3) ? cmd.cdw14 : cmd.cdw10;
	}
	if (!one_in(5))
		cmd.cdw12 = (cmd.cdw12 & 0xffff0000) | draw() % 20;
	if (one_in(2))
		cmd.cdw12 &= ~0xdf000000;
	cmd.data_len = length();
	cmd.metadata_len = length();
	cmd.addr = place(data_end, cmd.data_len);
	cmd.metadata = place(md_end, cmd.metadata_len);
	if (cmd.opcode == 9)
		cmd.cdw11 |= 4;
	return cmd;
}

static bool sane(int ret)
{
	return ret > -4096 && ret <= 0x7fff;
}

static bool image_is_whole(struct target_ns *ns, uint64_t size)
{
	struct nvme_identify id;
	struct nvme_ns_info info;
	char why[WHY_MAX];
	struct stat st;

	return !stat(path, &st) && (uint64_t)st.st_size == size && !nvme_identify_all(ns, &id) &&
	       !nvme_decode(&id, 1, &info, why) &&
	       info.nr_blocks == size / (info.layout.data_size + info.layout.md_size);
}

static void remove_image(void)
{
	char name[PATH_MAX + 8];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, (const char *[]){ "", ".format",
									    ".state" }[i]);
		unlink(name);
	}
}

static struct target_ns *create(const struct ns_format *f)
{
	const struct target_open o = {
		.path = path, .write = true, .format = *f, .size = (uint64_t)BLOCKS * f->lbs,
	};
	char why[WHY_MAX];
	struct target_ns *ns;

	if (!controller_target.open(&o, &ns, why))
		return ns;
	fprintf(stderr, "fuzz-controller: %s\n", why);
	exit(2);
}

/* Set or get random Host Behavior Support; set LBAFEE again, without which all I/O is refused. */
static int behave(struct target_ns *ns)
{
	uint8_t page[512] = { [2] = draw() % 3, [4] = one_in(2) ? draw() & 0xc : draw() };
	struct nvme_uring_cmd cmd = {
		.opcode = one_in(2) ? 10 : 9, .cdw10 = 0x16, .addr = (uintptr_t)page,
		.data_len = sizeof(page),
	};
	const int ret = controller_target.admin(ns, &cmd);

	page[2] = 1;
	cmd.opcode = 9;
	controller_target.admin(ns, &cmd);
	return ret;
}

/* Send one random I/O command, or once in 500 an admin command. */
static int send(struct target_ns *ns)
{
	struct nvme_uring_cmd cmd = command();

	sprinkle((uint8_t *)(uintptr_t)cmd.addr, cmd.addr ? cmd.data_len : 0);
	sprinkle((uint8_t *)(uintptr_t)cmd.metadata, cmd.metadata ? cmd.metadata_len : 0);
	if (!one_in(500))
		return controller_target.io(ns, &cmd);
	if (one_in(4))
		return behave(ns);
	cmd.opcode = one_in(4) ? 0x80 : one_in(4) ? draw() : 6;
	if (one_in(2))
		cmd.cdw10 = draw() % 0x200;
	return controller_target.admin(ns, &cmd);
}

static bool fuzz(const struct ns_format *f, unsigned long commands)
{
	struct target_ns *ns = create(f);
	const uint64_t size = (uint64_t)BLOCKS * (f->lbs + f->ms);
	bool good = true;

	for (unsigned long i = 0; i < commands && good; i++) {
		int ret = send(ns);

		good = sane(ret) && (i % 1000 || image_is_whole(ns, size));
		if (!good)
			printf("not ok fuzz_%d+%d: command %lu: result %d, or a broken image\n",
			       f->lbs, f->ms, i, ret);
	}
	if (good)
		printf("ok fuzz_%d+%d\n", f->lbs, f->ms);
	controller_target.close(ns);
	remove_image();
	return good;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (*end || end == text) {
		fprintf(stderr, "fuzz-controller: \"%s\" is not a number; see --help\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", 1, NULL, 's' }, { "commands", 1, NULL, 'c' }, { "help", 0, NULL, 'h' },
			{ 0 },
	};
	const char *tmp = getenv("TMPDIR");
	unsigned long commands = 200000;
	bool good = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return printf("%s", usage) < 0;
		if (c == '?')
			return 2;
		*(c == 's' ? (unsigned long *)&state : &commands) = number(optarg);
	}
	snprintf(path, sizeof(path), "%.3800s/nvmepi-fuzz.%d.img", tmp ? tmp : "/tmp", getpid());
	data_end = make_buffer();
	md_end = make_buffer();
	for (int i = 0; i < NR_FORMATS; i++)
		good = fuzz(&formats[i], commands / NR_FORMATS) && good;
	return !good;
}
