// SPDX-License-Identifier: GPL-2.0-only
/*
 * zone-differential - send the same random commands of zones to a zoned device and to a zoned image
 * of the embedded controller
 *
 * Each command goes to both with copies of the same buffers.  The status, the data that was read or
 * reported, where an append went to, and after each change the report of all zones must be equal.
 *
 * What QEMU's controller does otherwise than the specification is left out:
 * - A write whose protection information is refused leaves the zone unusable; here it is reset.
 * - Zone Append with PIREMAP and without PRACT checks the tuples as those of where they will be, and
 *   writes them as they are: such an append is sent only at the start of a zone.
 * - Open Zone with Select All opens zones until there are too many: it is sent only if there are not.
 * - A guard that is wrong on LBA 0 is let pass: the first block of several is never damaged.
 * - A block of zeroes that was written counts as deallocated: data is never zero, and Write Zeroes
 *   deallocates.
 * - Reads may not cross the end of a zone, where it says so; the embedded controller's may.
 */
#include <endian.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diff-random.h"
#include "engines/nvme/nvme.h"
#include "engines/controller/controller.h"

static const char usage[] =
	"usage: zone-differential --device DEVICE --image FILE [options]\n"
	"Sends the same random commands to a zoned namespace and to an embedded image of its format,\n"
	"size and zones, which is created anew, and compares all that comes of them.\n"
	"All that is on DEVICE is lost.\n\n"
	"  --device DEVICE    /dev/ngXnY, or an image for the embedded controller itself\n"
	"  --image FILE       the embedded image\n"
	"  --seed N           of the commands (1)\n"
	"  --commands N       how many (10000)\n"
	"  --break            let the image's side close no zone, to see that it is found out\n"
	"  --verbose          tell every command\n"
	"  --help             this text\n"
	"Exit status: 0 both agree, 1 they do not, 2 could not run.\n";

enum { SIDES = 2, OWN = 1, MOST = 24, BUFFER = 512 << 10 };
enum { READ = 2, WRITE = 1, ZEROES = 8, SEND = 0x79, RECEIVE = 0x7a, APPEND = 0x7d };
enum { OPEN = 3, RESET = 4, CLOSE = 1, ALL = 1 << 8 };

#define PRACT (1u << 29)
#define PIREMAP (1u << 25)

struct lab {
	struct target_ns	*ns[SIDES];
	uint8_t			*data[SIDES], *md[SIDES];
	struct nvme_ns_info	info;
	struct diff_random	random;
	struct nvme_zone_report	*report;	/* of the embedded side, from before the command */
	uint32_t		report_size;
	uint64_t		nr_zones;
	bool			breaks, verbose;
	unsigned long		counts[256][1 << 15];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "zone-differential: %s: %s\n", what, why);
	exit(2);
}

static uint64_t below(struct lab *lab, uint64_t n)
{
	return diff_below(&lab->random, n);
}

static bool percent(struct lab *lab, unsigned n)
{
	return diff_percent(&lab->random, n);
}

static int send_to(struct lab *lab, int side, struct nvme_uring_cmd *cmd)
{
	cmd->nsid = lab->ns[side]->nsid;
	cmd->addr = cmd->data_len ? (uintptr_t)lab->data[side] : 0;
	cmd->metadata = cmd->metadata_len ? (uintptr_t)lab->md[side] : 0;
	if (lab->breaks && side == OWN && cmd->opcode == SEND && (cmd->cdw13 & 0xff) == CLOSE)
		return 0;
	return lab->ns[side]->ops->io(lab->ns[side], cmd);
}

/* --- the state of zones --- */

static const struct nvme_zns_desc *zone(const struct lab *lab, uint64_t i)
{
	return &lab->report->entries[i];
}

static unsigned state_of(const struct lab *lab, uint64_t i)
{
	return zone(lab, i)->zs >> 4;
}

static uint64_t wp_of(const struct lab *lab, uint64_t i)
{
	return state_of(lab, i) == NVME_ZNS_ZS_FULL ? le64toh(zone(lab, i)->zslba) : le64toh(zone(lab, i)->wp);
}

static bool all_can_be_opened(const struct lab *lab)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < lab->nr_zones; i++)
		nr += state_of(lab, i) == NVME_ZNS_ZS_CLOSED || state_of(lab, i) == NVME_ZNS_ZS_EXPL_OPEN ||
		      state_of(lab, i) == NVME_ZNS_ZS_IMPL_OPEN;
	return !lab->info.zones.max_open || nr <= lab->info.zones.max_open;
}

/* Report all zones of both sides; the embedded side's stays in ->report. */
static bool same_zones(struct lab *lab)
{
	struct nvme_zone_report *theirs = calloc(1, lab->report_size);
	bool same;

	memset(lab->report, 0, lab->report_size);
	if (!theirs || nvme_report_zones(lab->ns[0], 0, theirs, lab->report_size) ||
	    nvme_report_zones(lab->ns[OWN], 0, lab->report, lab->report_size))
		die("reports", "a side gives none");
	same = !memcmp(theirs, lab->report, lab->report_size);
	for (uint64_t i = 0; i < lab->nr_zones && !same; i++)
		if (memcmp(&theirs->entries[i], zone(lab, i), sizeof(*zone(lab, i))))
			printf("zone %llu: state %x, wp %llu; embedded: state %x, wp %llu\n", (unsigned long long)i,
			       theirs->entries[i].zs >> 4, (unsigned long long)le64toh(theirs->entries[i].wp),
			       state_of(lab, i), (unsigned long long)le64toh(zone(lab, i)->wp));
	free(theirs);
	return same;
}

/* --- commands --- */

/* Fill the buffers of both sides with @nr blocks and correct tuples from reference tag @ref on. */
static void fill(struct lab *lab, uint32_t nr, uint64_t ref)
{
	const struct pi_layout *l = &lab->info.layout;
	const size_t stride = l->data_size + (l->extended ? l->md_size : 0), data = nr * stride;

	diff_fill(&lab->random, lab->data[0], data);
	diff_fill(&lab->random, lab->md[0], nr * l->md_size);
	pi_generate(l, &(struct pi_tags){ .ref = ref, .app = 0x1234 }, lab->data[0], l->extended ? NULL : lab->md[0],
		    nr);
	if (nr > 1 && percent(lab, 4))
		lab->data[0][(nr - 1) * stride + below(lab, l->data_size)] ^= 1;
	memcpy(lab->data[1], lab->data[0], data);
	memcpy(lab->md[1], lab->md[0], nr * l->md_size);
}

/* A command on blocks, with tags from @ref on and checks that the type allows. */
static struct nvme_uring_cmd on_blocks(struct lab *lab, uint8_t opcode, uint64_t lba, uint32_t nr, uint64_t ref,
				       bool pract)
{
	const struct pi_layout *l = &lab->info.layout;
	const struct nvme_wire wire = nvme_wire(l, pract);
	struct nvme_uring_cmd cmd = {
		.opcode = opcode, .cdw10 = lba, .cdw11 = lba >> 32, .cdw12 = nr - 1, .cdw14 = ref,
		.cdw15 = 0xffff1234, .data_len = nr * wire.data, .metadata_len = nr * wire.md,
	};

	if (pract)
		cmd.cdw12 |= PRACT;
	else
		cmd.cdw12 |= below(lab, 8) << 26 & ~(l->type == PI_TYPE3 ? 1u << 26 : 0);
	return cmd;
}

static struct nvme_uring_cmd make_write(struct lab *lab, uint64_t i)
{
	const bool there = percent(lab, 85), pract = percent(lab, 50);
	const uint64_t lba = there ? wp_of(lab, i) : below(lab, lab->info.nr_blocks);
	const uint32_t nr = 1 + below(lab, MOST);
	const uint64_t ref = lab->info.layout.type == PI_TYPE1 ? lba : 7 + lba;

	fill(lab, nr, ref);
	return on_blocks(lab, WRITE, lba, nr, ref, pract);
}

static struct nvme_uring_cmd make_zeroes(struct lab *lab, uint64_t i)
{
	struct nvme_uring_cmd cmd = on_blocks(lab, ZEROES, wp_of(lab, i) + !below(lab, 8), 1 + below(lab, MOST), 0,
					      false);

	cmd.cdw12 &= 0xffff;
	cmd.data_len = cmd.metadata_len = 0;
	return cmd;
}

static struct nvme_uring_cmd make_append(struct lab *lab, uint64_t i)
{
	const uint64_t start = le64toh(zone(lab, i)->zslba), at = start + !below(lab, 16);
	const bool remaps = lab->info.layout.type == PI_TYPE3 ? !below(lab, 16) : percent(lab, 90);
	const bool pract = (remaps && wp_of(lab, i) != start) || percent(lab, 50);
	const uint32_t nr = 1 + below(lab, MOST);
	const uint64_t ref = lab->info.layout.type == PI_TYPE1 ? start : 99 + start;
	struct nvme_uring_cmd cmd;

	fill(lab, nr, ref);
	cmd = on_blocks(lab, APPEND, at, nr, ref, pract);
	cmd.cdw12 |= remaps ? PIREMAP : 0;
	return cmd;
}

static struct nvme_uring_cmd make_send(struct lab *lab, uint64_t i)
{
	static const uint8_t actions[] = { 1, 2, 3, 3, 4, 4, 5, 0, 6, 0x10 };
	struct nvme_uring_cmd cmd = { .opcode = SEND, .cdw10 = i * lab->info.zones.blocks,
				      .cdw13 = actions[below(lab, sizeof(actions))] };

	if (percent(lab, 5))
		cmd.cdw10 = below(lab, lab->info.nr_blocks + lab->info.zones.blocks);
	if (percent(lab, 8) && (cmd.cdw13 != OPEN || all_can_be_opened(lab)))
		cmd.cdw13 |= ALL;
	return cmd;
}

static struct nvme_uring_cmd make_receive(struct lab *lab)
{
	struct nvme_uring_cmd cmd = {
		.opcode = RECEIVE, .cdw10 = below(lab, lab->info.nr_blocks + 9),
		.cdw12 = (64 + 64 * below(lab, lab->nr_zones + 3)) / 4 - 1 - !below(lab, 16),
		.cdw13 = below(lab, 9) << 8 | below(lab, 2) << 16 | !below(lab, 16),
	};

	cmd.data_len = (cmd.cdw12 + 1) * 4;
	memset(lab->data[0], 0xaa, cmd.data_len);
	memset(lab->data[1], 0xaa, cmd.data_len);
	return cmd;
}

static struct nvme_uring_cmd make_read(struct lab *lab, uint64_t i)
{
	const uint64_t lba = le64toh(zone(lab, i)->zslba) + below(lab, lab->info.zones.blocks);
	const uint64_t rest = lab->info.zones.blocks - lba % lab->info.zones.blocks;
	const uint32_t most = lab->info.zones.cross || rest > MOST ? MOST : rest;
	struct nvme_uring_cmd cmd = on_blocks(lab, READ, lba, 1 + below(lab, most), lba, percent(lab, 30));

	memset(lab->data[0], 0, BUFFER), memset(lab->md[0], 0, BUFFER);
	memset(lab->data[1], 0, BUFFER), memset(lab->md[1], 0, BUFFER);
	return cmd;
}

static struct nvme_uring_cmd make(struct lab *lab)
{
	const uint64_t i = below(lab, lab->nr_zones), kind = below(lab, 100);

	return kind < 30 ? make_write(lab, i) : kind < 35 ? make_zeroes(lab, i) : kind < 60 ? make_append(lab, i) :
	       kind < 75 ? make_send(lab, i) : kind < 80 ? make_receive(lab) : make_read(lab, i);
}

/* --- one step --- */

static void print_command(const struct nvme_uring_cmd *cmd, const int *status)
{
	char name[NVME_STATUS_MAX];

	printf("  opcode %02x, cdw10..15 %08x %08x %08x %08x %08x %08x\n", cmd->opcode, cmd->cdw10, cmd->cdw11,
	       cmd->cdw12, cmd->cdw13, cmd->cdw14, cmd->cdw15);
	printf("  device: %s\n", nvme_result_name(status[0], name));
	printf("  embedded: %s\n", nvme_result_name(status[1], name));
}

/* A refused write may have left QEMU's zone unusable: reset it on both sides. */
static bool mend(struct lab *lab, const struct nvme_uring_cmd *cmd, int status)
{
	const uint64_t i = cmd->cdw10 / lab->info.zones.blocks;
	const unsigned sc = status & 0x7ff;
	bool good = true;

	if ((cmd->opcode != WRITE && cmd->opcode != ZEROES && cmd->opcode != APPEND) || sc < 0x181 || sc == 0x1b8 ||
	    (sc > 0x181 && sc < 0x280) || i >= lab->nr_zones)
		return true;
	for (int side = 0; side < SIDES; side++)
		good = !nvme_send_zone(lab->ns[side], i * lab->info.zones.blocks, RESET) && good;
	return good;
}

static bool step(struct lab *lab, uint64_t number)
{
	struct nvme_uring_cmd cmd = make(lab), sent[SIDES];
	const bool looks = cmd.opcode == READ || cmd.opcode == RECEIVE;
	const char *what = NULL;
	int status[SIDES];

	for (int side = 0; side < SIDES; side++) {
		sent[side] = cmd;
		status[side] = send_to(lab, side, &sent[side]);
	}
	if (status[0] != status[1])
		what = "the status";
	else if (!status[0] && cmd.opcode == APPEND && sent[0].rsvd2 != sent[1].rsvd2)
		what = "where it went to";
	else if (!status[0] && looks && (memcmp(lab->data[0], lab->data[1], cmd.data_len) ||
					 memcmp(lab->md[0], lab->md[1], cmd.metadata_len)))
		what = "what was read";
	if (!what && !mend(lab, &cmd, status[0]))
		what = "the reset after it";
	if (!what && !looks && !same_zones(lab))
		what = "the zones after it";
	if (what || lab->verbose) {
		printf("command %llu%s%s\n", (unsigned long long)number, what ? " differs in " : "", what ? what : "");
		print_command(&cmd, status);
	}
	if (status[0] >= 0)
		lab->counts[cmd.opcode][status[0] & 0x7fff]++;
	return !what;
}

/* --- set-up --- */

static void open_device(struct lab *lab, const char *path)
{
	const struct target_open o = { .path = path, .write = true, .format = NS_FORMAT_ANY };
	static struct nvme_identify id;
	char why[WHY_MAX];
	struct stat st;

	if ((!stat(path, &st) && S_ISREG(st.st_mode) ? &controller_target : &ring_target)->open(&o, &lab->ns[0], why))
		die(path, why);
	if (nvme_identify_all(lab->ns[0], &id) || nvme_decode(&id, lab->ns[0]->nsid, &lab->info, why))
		die(path, "can't be identified");
	if (!lab->info.zones.blocks || lab->info.layout.type == PI_NONE)
		die(path, "needs zones and protection information");
	lab->nr_zones = lab->info.nr_blocks / lab->info.zones.blocks;
	lab->report_size = sizeof(*lab->report) + lab->nr_zones * sizeof(lab->report->entries[0]);
	lab->report = calloc(1, lab->report_size);
	if (nvme_send_zone(lab->ns[0], 0, RESET | ALL) ||
	    nvme_report_zones(lab->ns[0], 0, lab->report, lab->report_size))
		die(path, "has no zones to report");
}

static void open_image(struct lab *lab, const char *path)
{
	static const char *const parts[] = { "", ".format", ".state" };
	const struct nvme_zones *z = &lab->info.zones;
	const struct pi_layout *l = &lab->info.layout;
	const struct target_open o = {
		.path = path, .write = true, .size = lab->info.nr_blocks * l->data_size,
		.format = { l->data_size, l->md_size, l->extended, l->type, l->first, lab->info.pif, l->sts },
		.zones = {
			.zone_size = z->blocks * l->data_size,
			.zone_capacity = le64toh(zone(lab, 0)->zcap) * l->data_size,
			.max_open = z->max_open, .max_active = z->max_active, .zasl = z->append,
		},
	};
	char why[WHY_MAX], name[4096];

	for (int i = 0; i < 3; i++)
		if (snprintf(name, sizeof(name), "%s%s", path, parts[i]) < (int)sizeof(name))
			unlink(name);
	if (controller_target.open(&o, &lab->ns[OWN], why))
		die(path, why);
}

static int run(struct lab *lab, uint64_t seed, uint64_t commands)
{
	lab->random.state = seed * 0x9e3779b97f4a7c15;
	if (!same_zones(lab))
		return 1;
	for (uint64_t n = 0; n < commands; n++)
		if (!step(lab, n)) {
			printf("seed %llu\n", (unsigned long long)seed);
			return 1;
		}
	for (int opcode = 0; opcode < 256; opcode++)
		for (int status = 0; status < 1 << 15; status++)
			if (lab->counts[opcode][status])
				printf("status %02x %03x %lu\n", opcode, status, lab->counts[opcode][status]);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", 1, NULL, 'd' }, { "image", 1, NULL, 'i' }, { "seed", 1, NULL, 's' },
		{ "commands", 1, NULL, 'n' }, { "break", 0, NULL, 'b' }, { "verbose", 0, NULL, 'v' },
		{ "help", 0, NULL, 'h' }, { 0 },
	};
	const char *device = NULL, *image = NULL;
	uint64_t seed = 1, commands = 10000;
	static struct lab lab;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(usage, stdout) == EOF;
		if (c == '?')
			return 2;
		device = c == 'd' ? optarg : device;
		image = c == 'i' ? optarg : image;
		seed = c == 's' ? strtoull(optarg, NULL, 0) : seed;
		commands = c == 'n' ? strtoull(optarg, NULL, 0) : commands;
		lab.breaks |= c == 'b';
		lab.verbose |= c == 'v';
	}
	if (!device || !image || optind != argc)
		die("options", "give --device and --image; see --help");
	for (int side = 0; side < SIDES; side++) {
		lab.data[side] = aligned_alloc(4096, BUFFER);
		lab.md[side] = aligned_alloc(4096, BUFFER);
		if (!lab.data[side] || !lab.md[side])
			die("buffers", "no memory");
	}
	open_device(&lab, device);
	open_image(&lab, image);
	return run(&lab, seed, commands);
}
