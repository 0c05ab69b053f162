// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvme-replay - 'nvme io-passthru' for an image of the embedded controller
 *
 * The scripts of nvmepi-qualify call nvme-cli; with a link of that name to this program first in
 * PATH they run on an image.  REPLAY_DEFECT is the controller's ns_defect.  One line is printed:
 * the status, and a sum of what was read.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engines/nvme/target.h"

enum { PAGE = 4096, DWORDS = 16 };

static const char usage[] =
	"usage: nvme-replay [options of nvme io-passthru] io-passthru IMAGE\n"
	"Sends one command to an image of the embedded controller, as 'nvme io-passthru' does to a\n"
	"device, and prints the status and a sum of the data that was read. Options: --opcode,\n"
	"--namespace-id, --data-len, --metadata-len, --cdw0 to --cdw15, --input-file, --metadata,\n"
	"--read, --write, --help. REPLAY_DEFECT in the environment is the ns_defect.\n"
	"exit status: 0 the command was sent, 2 it was not.\n";

struct call {
	unsigned long	opcode, nsid, data_len, md_len, dwords[DWORDS];
	const char	*data, *md;		/* files; NULL: none */
	bool		write;
};

static void die(const char *what, const char *which)
{
	fprintf(stderr, "nvme-replay: %s: %s\n", what, which);
	exit(2);
}

static void parse(struct call *c, int argc, char **argv)
{
	enum { WRITE = 1000, READ, INPUT, METADATA, HELP, OPCODE, NSID, DATA, MD };
	struct option options[DWORDS + 10] = {
		{ "write", no_argument, NULL, WRITE }, { "read", no_argument, NULL, READ },
		{ "input-file", required_argument, NULL, INPUT },
		{ "metadata", required_argument, NULL, METADATA },
		{ "opcode", required_argument, NULL, OPCODE },
		{ "namespace-id", required_argument, NULL, NSID },
		{ "data-len", required_argument, NULL, DATA },
		{ "metadata-len", required_argument, NULL, MD },
		{ "help", no_argument, NULL, HELP },
	};
	unsigned long *const numbers[] = { &c->opcode, &c->nsid, &c->data_len, &c->md_len };
	char names[DWORDS][8];
	int id;

	for (int i = 0; i < DWORDS; i++) {
		snprintf(names[i], sizeof(names[i]), "cdw%d", i);
		options[9 + i] = (struct option){ names[i], required_argument, NULL, 1 + i };
	}
	opterr = 0;
	while ((id = getopt_long_only(argc, argv, "", options, NULL)) >= 0) {
		if (id == HELP) {
			fputs(usage, stdout);
			exit(0);
		} else if (id == WRITE)
			c->write = true;
		else if (id == INPUT)
			c->data = optarg;
		else if (id == METADATA)
			c->md = optarg;
		else if (id >= OPCODE)
			*numbers[id - OPCODE] = strtoul(optarg, NULL, 0);
		else if (id >= 1 && id <= DWORDS)
			c->dwords[id - 1] = strtoul(optarg, NULL, 0);
		else if (id != READ)
			die("unknown option, or its value is missing (see --help)", argv[optind - 1]);
	}
}

/* @len bytes, those of the file @path where it has some. */
static uint8_t *load(const char *path, size_t len)
{
	uint8_t *p = aligned_alloc(PAGE, (len / PAGE + 1) * PAGE);
	FILE *f = path ? fopen(path, "rbe") : NULL;

	if (!p || (path && !f))
		die("can't be read", path ? path : "memory");
	memset(p, 0, len);
	if (f && fread(p, 1, len, f) != len && ferror(f))
		die("can't be read", path);
	if (f)
		fclose(f);
	return p;
}

static unsigned sum(unsigned of, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		of = (of ^ p[i]) * 16777619u;
	return of;
}

int main(int argc, char **argv)
{
	struct call c = { 0 };
	struct target_open o = { .write = true, .format = NS_FORMAT_ANY,
				 .defect = getenv("REPLAY_DEFECT") };
	struct nvme_uring_cmd cmd;
	struct target_ns *ns;
	char why[WHY_MAX];
	uint8_t *data, *md;
	int res;

	parse(&c, argc, argv);
	if (argc - optind != 2 || strcmp(argv[optind], "io-passthru"))
		die("give", "io-passthru IMAGE");
	o.path = argv[optind + 1];
	if (target_of(o.path)->open(&o, &ns, why))
		die("open", why);
	data = load(c.data, c.data_len);
	md = load(c.write ? c.md : NULL, c.md_len);
	cmd = (struct nvme_uring_cmd) {
		.opcode = c.opcode, .nsid = c.nsid, .cdw2 = c.dwords[2], .cdw3 = c.dwords[3],
		.addr = c.data_len ? (uintptr_t)data : 0, .data_len = c.data_len,
		.metadata = c.md_len ? (uintptr_t)md : 0, .metadata_len = c.md_len,
		.cdw10 = c.dwords[10], .cdw11 = c.dwords[11], .cdw12 = c.dwords[12],
		.cdw13 = c.dwords[13], .cdw14 = c.dwords[14], .cdw15 = c.dwords[15],
	};
	res = ns->ops->io(ns, &cmd);
	printf("%03x %08x\n", res & 0x7ff, c.write ? 0 : sum(sum(0, data, c.data_len), md, c.md_len));
	ns->ops->close(ns);
	free(data);
	free(md);
	return 0;
}
