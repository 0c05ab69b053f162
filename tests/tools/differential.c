// SPDX-License-Identifier: GPL-2.0-only
/*
 * differential - send the same random commands to a device and to the embedded controller
 *
 * Each command goes to both with copies of the same buffers.  Then the status, the data that was
 * read, and every block that the command may have changed must be equal.  A difference that
 * diff-known.h lists is counted; any other is reduced to a short sequence of commands and
 * reported.
 */
#include "diff-lab.h"

#include <getopt.h>
#include <limits.h>

static const char usage[] =
	"usage: differential --device DEVICE --image FILE [options]\n"
	"Sends the same random commands to a namespace and to an embedded image of its format\n"
	"and size, which is created anew, and compares all that comes of them.\n"
	"All that is on DEVICE is lost.\n\n"
	"  --device DEVICE    /dev/ngXnY, or an image for the embedded controller itself\n"
	"  --image FILE       the embedded image\n"
	"  --seed N           of the commands (1)\n"
	"  --commands N       how many (10000)\n"
	"  --replay FILE      only the commands that FILE names, as a difference leaves them\n"
	"  --known            in place of random commands, those that show the differences of\n"
	"                     QEMU's controller that are known, and tell which are there\n"
	"  --without KIND     leave out such commands (copy, dsm...); repeatable\n"
	"  --table            print that table, and end\n"
	"  --break            let the image's side ignore LBATM, to see that it is found out\n"
	"  --verbose          tell every command\n"
	"  --help             this text\n"
	"Exit status: 0 both agree, 1 they do not, 2 could not run.\n";

/* Number of results by kind of command and status word (15 bits), and of known differences. */
static unsigned long counts[DIFF_KINDS][1 << 15], known_counts[DIFF_KNOWN];

/* --- one command --- */

/* Fill the buffers of a Compare with what is on media, sometimes with one difference. */
static void fill_compare(struct lab *lab)
{
	struct diff_command *c = &lab->command;
	const struct diff_range r = diff_get_range(&c->cmd);
	const struct nvme_uring_cmd cmd = plain(lab, nvme_cmd_read, r.lba, r.nr);
	const struct side *s = &lab->sides[SIDE_OWN];

	memset(c->data, 0, cmd.data_len);
	memset(c->md, 0, cmd.metadata_len);
	if (on_media(lab, r).nr != r.nr || send_to(lab, SIDE_OWN, cmd))
		return;
	memcpy(c->data, s->data, cmd.data_len);
	memcpy(c->md, s->md, cmd.metadata_len);
	if (c->damage_byte)
		diff_md_at(c, 0)[c->md_byte] ^= 1;
	else if (diff_percent(&c->damage, 25))
		diff_damage(&c->damage, c, r.nr);
}

static bool of_command_deallocated(const struct lab *lab)
{
	return any_deallocated(lab, diff_get_range(&lab->command.cmd));
}

/* Compare the blocks that may have changed; those of a good Write are compared by later reads. */
static bool look_back(struct lab *lab, char *why, size_t size)
{
	const struct diff_command *c = &lab->command;
	const int *status = lab->outcome.status;
	bool same = true;

	if (c->cmd.opcode == nvme_cmd_write && status[0] == status[1])
		return true;
	if (status[0] && status[1] && c->cmd.opcode != nvme_cmd_copy)
		return true;
	for (unsigned i = 0; i < c->nr_changes && same; i++)
		same = same_media(lab, whole_pages(lab, c->changes[i]), why, size);
	return same;
}

/* Send the command to both sides.  Returns true if all is equal; else @why names a difference. */
static bool execute(struct lab *lab, char *why, size_t size)
{
	struct diff_outcome *o = &lab->outcome;
	struct diff_command *c = &lab->command;
	bool same = false;

	settle(lab);
	if (c->with_media)
		fill_compare(lab);
	*o = (struct diff_outcome){ .deallocated = of_command_deallocated(lab) };
	for (int i = 0; i < SIDES; i++) {
		copy_in(lab, &lab->sides[i]);
		o->status[i] = send_to(lab, i, c->cmd);
	}
	if (o->status[0] != o->status[1])
		snprintf(why, size, "the status");
	else
		same = same_buffers(lab, &c->cmd, why, size);
	o->same_media = look_back(lab, why, size);
	note_deallocated(lab);
	return same && o->same_media;
}

static const struct diff_known *find_known(const struct lab *lab)
{
	for (int i = 0; i < DIFF_KNOWN; i++)
		if (diff_table[i].can(&lab->info) && diff_table[i].is(&lab->command, &lab->outcome))
			return &diff_table[i];
	return NULL;
}

/* After a failed Copy it is unknown how many of its blocks are still deallocated. */
static bool is_partial(const struct lab *lab)
{
	return lab->command.cmd.opcode == nvme_cmd_copy && lab->outcome.status[SIDE_OWN];
}

/* Write the command's blocks on both sides when their content differs or is unknown. */
static void make_same(struct lab *lab)
{
	const struct diff_command *c = &lab->command;

	for (unsigned i = 0; i < c->nr_changes; i++)
		write_anew(lab, whole_pages(lab, c->changes[i]));
}

static void print_command(const struct lab *lab, const char *why)
{
	const struct diff_command *c = &lab->command;
	const uint32_t *dw = &c->cmd.cdw10;
	char name[NVME_STATUS_MAX];

	printf("  %s, nsid %u, cdw2 %08x, cdw3 %08x, cdw10..15", diff_kind_of(&c->cmd)->name,
	       c->cmd.nsid, c->cmd.cdw2, c->cmd.cdw3);
	for (int i = 0; i < 6; i++)
		printf(" %08x", dw[i]);
	printf(", %u + %u bytes\n", c->cmd.data_len, c->cmd.metadata_len);
	if (c->cmd.opcode != nvme_cmd_flush && c->cmd.opcode != nvme_cmd_dsm)
		printf("  SLBA %llu, PRACT %u, PRCHK %u",
		       (unsigned long long)diff_get_range(&c->cmd).lba, DIFF_PRACT(&c->cmd),
		       DIFF_PRCHK(&c->cmd));
	for (unsigned i = 0; i < c->nr_changes; i++)
		printf("%s%llu+%llu", i ? ", " : "; changes ",
		       (unsigned long long)c->changes[i].lba, (unsigned long long)c->changes[i].nr);
	putchar('\n');
	for (int i = 0; i < SIDES; i++)
		printf("  %s: %s\n", lab->sides[i].name,
		       nvme_result_name(lab->outcome.status[i], name));
	if (why)
		printf("  differs: %s\n", why);
}

static size_t kind_index(const struct lab *lab)
{
	return diff_kind_of(&lab->command.cmd) - diff_kinds;
}

static bool is_left_out(const struct lab *lab)
{
	return lab->without[kind_index(lab)];
}

/* Run command @number.  Returns true if both sides agree or the difference is known. */
static bool step(struct lab *lab, uint64_t number)
{
	char why[200] = "";
	const struct diff_known *known;
	bool same;

	diff_make(&lab->command, number);
	if (is_left_out(lab))
		return true;
	same = execute(lab, why, sizeof(why));
	known = same ? NULL : find_known(lab);
	if (known || (same && is_partial(lab)))
		make_same(lab);
	if (lab->quiet)
		return same || known;
	if (lab->verbose || (!same && !known)) {
		printf("command %llu%s%s\n", (unsigned long long)number, known ? ", known as " : "",
		       known ? known->name : "");
		print_command(lab, same ? NULL : why);
	}
	if (known)
		known_counts[known - diff_table]++;
	else if (lab->outcome.status[SIDE_OWN] >= 0)
		counts[kind_index(lab)][lab->outcome.status[SIDE_OWN]]++;
	return same || known;
}

/* --- sequences --- */

struct sequence {
	uint64_t	*numbers;
	size_t		nr;
};

/* Reset both sides to the initial state: all blocks are deallocated. */
static void start_over(struct lab *lab)
{
	struct side *q = &lab->sides[SIDE_QEMU], *o = &lab->sides[SIDE_OWN];
	struct nvme_uring_cmd cmd = { .opcode = nvme_cmd_dsm, .cdw11 = NVME_DSMGMT_AD,
				      .data_len = sizeof(struct nvme_dsm_range) };

	*(struct nvme_dsm_range *)q->data = (struct nvme_dsm_range) {
		.nlb = htole32(lab->info.nr_blocks),
	};
	must(lab, SIDE_QEMU, &cmd, "deallocating all");
	if (o->ns)
		o->ns->ops->close(o->ns);
	open_image(lab);
	memset(lab->deallocated, true, lab->info.nr_blocks);
}

/* Run a sequence from the initial state.  Returns true at a difference, and ends @s there. */
static bool differs(struct lab *lab, struct sequence *s)
{
	start_over(lab);
	for (size_t i = 0; i < s->nr; i++)
		if (!step(lab, s->numbers[i])) {
			s->nr = i + 1;
			return true;
		}
	return false;
}

static struct sequence without(const struct sequence *s, size_t at, size_t nr)
{
	struct sequence part = { malloc(s->nr * sizeof(*s->numbers)), 0 };

	if (!part.numbers)
		die("no memory for a sequence");
	for (size_t i = 0; i < s->nr; i++)
		if (i < at || i >= at + nr)
			part.numbers[part.nr++] = s->numbers[i];
	return part;
}

/* Remove @nr commands from @s if it still ends in a difference without them. */
static bool try_without(struct lab *lab, struct sequence *s, size_t at, size_t nr)
{
	struct sequence part = without(s, at, nr);

	if (part.nr && differs(lab, &part)) {
		free(s->numbers);
		*s = part;
		return true;
	}
	free(part.numbers);
	return false;
}

/* Shorten a sequence that differs: try to remove smaller and smaller parts. */
static void reduce(struct lab *lab, struct sequence *s)
{
	lab->quiet = true;
	for (size_t keep = 1; keep < s->nr; keep *= 4)
		if (try_without(lab, s, 0, s->nr - keep))
			break;
	for (size_t nr = s->nr / 2; nr; nr /= 2)
		for (size_t at = 0; at < s->nr; )
			if (!try_without(lab, s, at, nr))
				at += nr;
	lab->quiet = false;
}

static void print_sequence(struct lab *lab, struct sequence *s)
{
	char format[NVME_FORMAT_MAX];

	printf("the shortest sequence found, for --replay (%s):\nseed %llu\n",
	       nvme_format_name(&lab->info, format), (unsigned long long)lab->command.seed);
	for (size_t i = 0; i < s->nr; i++)
		printf("command %llu\n", (unsigned long long)s->numbers[i]);
	puts("which does this:");
	lab->verbose = true;
	if (!differs(lab, s))
		puts("nothing different, this time");
}

/* --- what to run --- */

static struct sequence count_up(uint64_t nr)
{
	struct sequence s = { malloc((nr ? nr : 1) * sizeof(*s.numbers)), nr };

	if (!s.numbers)
		die("no memory for %llu commands", (unsigned long long)nr);
	for (uint64_t i = 0; i < nr; i++)
		s.numbers[i] = i;
	return s;
}

static struct sequence read_replay(struct lab *lab, const char *path)
{
	struct sequence s = count_up(1 << 20);
	FILE *f = fopen(path, "r");
	unsigned long long n;
	char line[200];

	if (!f)
		die("%s: %s", path, strerror(errno));
	s.nr = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "seed %llu", &n) == 1)
			lab->command.seed = n;
		else if (sscanf(line, "command %llu", &n) == 1 && s.nr < 1 << 20)
			s.numbers[s.nr++] = n;
	}
	fclose(f);
	if (!s.nr)
		die("%s: names no command", path);
	return s;
}

static void print_counts(void)
{
	for (int k = 0; k < DIFF_KINDS; k++)
		for (int status = 0; status < 1 << 15; status++)
			if (counts[k][status])
				printf("status %s %03x %lu\n", diff_kinds[k].name, status,
				       counts[k][status]);
	for (int i = 0; i < DIFF_KNOWN; i++)
		if (known_counts[i])
			printf("known %s %lu\n", diff_table[i].name, known_counts[i]);
}

/* Compare all blocks once more at the end. */
static bool all_same(struct lab *lab)
{
	char why[200];

	if (same_media(lab, (struct diff_range){ 0, lab->info.nr_blocks }, why, sizeof(why)))
		return true;
	printf("blocks differ in the end: %s\n", why);
	return false;
}

static int run(struct lab *lab, struct sequence *s)
{
	if (!differs(lab, s) && all_same(lab)) {
		print_counts();
		return 0;
	}
	printf("seed %llu\n", (unsigned long long)lab->command.seed);
	reduce(lab, s);
	print_sequence(lab, s);
	return 1;
}

/* --- the known differences --- */

/* Return the result for @k: @found is the known difference that its command showed. */
static const char *verdict(const struct diff_known *k, bool same, const struct diff_known *found)
{
	if (same)
		return k->unless ? k->unless : "not seen";
	if (!found)
		return "something else";
	return found == k ? "seen" : "hidden by another";
}

static bool show_known(struct lab *lab, const struct diff_known *k)
{
	const struct diff_known *found;
	char why[200];
	bool same;

	if (!k->can(&lab->info)) {
		printf("known %s: not in this format\n", k->name);
		return true;
	}
	start_over(lab);
	write_anew(lab, (struct diff_range){ 0, 16 });
	k->show(&lab->command);
	if (is_left_out(lab)) {
		printf("known %s: left out\n", k->name);
		return true;
	}
	same = execute(lab, why, sizeof(why));
	found = same ? NULL : find_known(lab);
	printf("known %s: %s\n", k->name, verdict(k, same, found));
	if (lab->verbose || (!same && !found))
		print_command(lab, same ? NULL : why);
	return same || found;
}

static int show_all(struct lab *lab)
{
	bool good = true;

	for (int i = 0; i < DIFF_KNOWN; i++)
		good = show_known(lab, &diff_table[i]) && good;
	return !good;
}

static int print_table(void)
{
	for (int i = 0; i < DIFF_KNOWN; i++)
		printf("%s: %s.\n", diff_table[i].name, diff_table[i].what);
	return 0;
}

static void leave_out(struct lab *lab, const char *kind)
{
	int i = 0;

	while (i < DIFF_KINDS && strcmp(diff_kinds[i].name, kind))
		i++;
	if (i == DIFF_KINDS)
		die("--without: there are no commands '%s'; see --help", kind);
	lab->without[i] = true;
}

static uint64_t number(const char *option, const char *text)
{
	char *end;
	const unsigned long long n = strtoull(text, &end, 0);

	if (*end || end == text)
		die("--%s: '%s' is not a number; see --help", option, text);
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", 1, NULL, 'd' }, { "image", 1, NULL, 'i' }, { "seed", 1, NULL, 's' },
		{ "commands", 1, NULL, 'c' }, { "replay", 1, NULL, 'r' }, { "known", 0, NULL, 'k' },
		{ "without", 1, NULL, 'w' }, { "table", 0, NULL, 't' }, { "break", 0, NULL, 'b' },
		{ "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' }, { 0 },
	};
	struct lab lab = { .sides = { { .name = "device" }, { .name = "embedded" } },
			   .command = { .info = &lab.info, .seed = 1 } };
	const char *replay = NULL;
	uint64_t commands = 10000;
	struct sequence sequence;
	bool known = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'd': lab.sides[SIDE_QEMU].path = optarg; break;
		case 'i': lab.sides[SIDE_OWN].path = optarg; break;
		case 's': lab.command.seed = number("seed", optarg); break;
		case 'c': commands = number("commands", optarg); break;
		case 'r': replay = optarg; break;
		case 'k': known = true; break;
		case 'w': leave_out(&lab, optarg); break;
		case 't': return print_table();
		case 'b': lab.broken = true; break;
		case 'v': lab.verbose = true; break;
		case 'h': return fputs(usage, stdout) < 0;
		default: return 2;
		}
	if (argc != optind || !lab.sides[0].path || !lab.sides[1].path)
		die("--device and --image are needed, and no more than options; see --help");
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < SIDES; i++) {
		lab.sides[i].data = make_buffer();
		lab.sides[i].md = make_buffer();
	}
	lab.command.data = make_buffer();
	lab.command.md = make_buffer();
	open_device(&lab);
	lab.deallocated = calloc(lab.info.nr_blocks, sizeof(*lab.deallocated));
	if (!lab.deallocated)
		die("no memory");
	sequence = replay ? read_replay(&lab, replay) : count_up(known ? 0 : commands);
	ret = known ? show_all(&lab) : run(&lab, &sequence);
	for (int i = 0; i < SIDES; i++)
		lab.sides[i].ns->ops->close(lab.sides[i].ns);
	free(lab.deallocated);
	free(sequence.numbers);
	return ret;
}
