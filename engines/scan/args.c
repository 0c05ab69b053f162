/* SPDX-License-Identifier: GPL-2.0-only */
/* args.c - see args.h */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verify/mismatch.h"
#include "verify/refuse.h"
#include "args.h"
#include "engines/job.h"
#include "engines/option-words.h"

static const char usage[] =
	"usage: nvmepi-scan [options] TARGET\n"
	"\n"
	"Reads every block of a namespace with protection information and checks it. TARGET is\n"
	"an NVMe generic device (/dev/ngXnY), a block device (/dev/nvmeXnY) or an image of the\n"
	"embedded controller; it is only read.\n"
	"\n"
	"  --range=A-B | A+N | A- | A  LBAs A to B, N from A on, all from A on, A alone\n"
	"                        (default: all)\n"
	"  --threads=N           threads, each with its own queue (default: CPUs, but at most 4)\n"
	"  --depth=N             reads in flight per thread (default: 8)\n"
	"  --bs=SIZE             data bytes per read, k and m as units (default: 128k, or less if\n"
	"                        the device does not accept that)\n"
	"What is checked:\n"
	"  --check=WORDS         by the host: GUARD,APPTAG,REFTAG,STTAG,METADATA, none or all\n"
	"                        (default: GUARD,REFTAG, and tags that are given; METADATA:\n"
	"                        fio-nvmepi's pattern beyond the tuple)\n"
	"  --device-check=WORDS  by the device: the first four, none or all (default: none)\n"
	"  --apptag=VALUE        application tag; without it, application tags are not checked\n"
	"  --apptag-mask=VALUE   its bits that are checked (default: 0xffff)\n"
	"  --storage-tag=VALUE   storage tag; without it, storage tags are not checked\n"
	"  --ref=VALUE           types 2 and 3: reference tag of LBA 0 (default: 0)\n"
	"  --escape=WHAT         blocks that escape their checks: allow (count them), or reject\n"
	"                        (they are bad, as all blocks were written) (default: allow)\n"
	"Output:\n"
	"  --decode=LBA          scan nothing; show that block: its tuple, the guard computed from\n"
	"                        the data, its metadata\n"
	"  --info                scan nothing; show what the namespace is, the formats it can have,\n"
	"                        the commands it supports and their limits; --json=-: as JSON\n"
	"  --list=N              show at most N findings, and N ranges of each field (default: 20)\n"
	"  --json=FILE           results as JSON; - is stdout, then no text is printed\n"
	"  --log=FILE            append every finding to FILE, one line of JSON each\n"
	"  --quiet               no text and no progress\n"
	"  --version             print the versions of this program and of its fio\n"
	"  -h, --help            print this text\n"
	"For an image without a .format file, give the format:\n"
	"  --ns_lbs= --ns_ms= --ns_mset= --ns_pi= --ns_pil= --ns_pif= --ns_sts=\n"
	"                        the same as the engine's options of these names\n"
	"\n"
	"If it is interrupted (SIGINT, SIGTERM), it reports the results so far, and how to continue.\n"
	"exit status: 0 no bad block, 1 a bad block was found, 2 could not run, or did not finish\n"
	"without a bad block so far\n";

enum { MAX_THREADS = 256, MAX_DEPTH = 4096 };

#define AT(member) offsetof(struct scan_args, member)

static const struct {
	const char	*name;
	enum { TEXT, NUMBER, FLAG } kind;
	size_t		at;			/* in struct scan_args */
	uint64_t	min, max;		/* limits of a NUMBER */
	bool		of_scan;		/* without effect on --decode */
} known[NR_OPTIONS] = {
	[RANGE]		= { "--range", TEXT, AT(range), 0, 0, true },
	[THREADS]	= { "--threads", NUMBER, AT(threads), 1, MAX_THREADS, true },
	[DEPTH]		= { "--depth", NUMBER, AT(depth), 1, MAX_DEPTH, true },
	[BS]		= { "--bs", TEXT, AT(bs), 0, 0, true },
	[CHECK]		= { "--check", TEXT, AT(check), 0, 0, false },
	[DEVICE_CHECK]	= { "--device-check", TEXT, AT(device_check), 0, 0, false },
	[APPTAG]	= { "--apptag", NUMBER, AT(apptag), 0, UINT16_MAX, false },
	[APPTAG_MASK]	= { "--apptag-mask", NUMBER, AT(apptag_mask), 0, UINT16_MAX, false },
	[STORAGE_TAG]	= { "--storage-tag", NUMBER, AT(storage), 0, UINT64_MAX, false },
	[REF]		= { "--ref", NUMBER, AT(ref), 0, UINT64_MAX, false },
	[ESCAPE]	= { "--escape", TEXT, AT(escape), 0, 0, true },
	[DECODE]	= { "--decode", NUMBER, AT(decode), 0, UINT64_MAX, false },
	[INFO]		= { "--info", FLAG, AT(info), 0, 0, false },
	[LIST]		= { "--list", NUMBER, AT(list), 0, UINT32_MAX, true },
	[JSON]		= { "--json", TEXT, AT(json), 0, 0, true },
	[LOG]		= { "--log", TEXT, AT(log), 0, 0, true },
	[QUIET]		= { "--quiet", FLAG, AT(quiet), 0, 0, true },
	[VERSION]	= { "--version", FLAG, AT(version), 0, 0, false },
	[HELP]		= { "--help", FLAG, AT(help), 0, 0, false },
	[NS_LBS]	= { "--ns_lbs", NUMBER, AT(ns[0]), 0, INT32_MAX, false },
	[NS_MS]		= { "--ns_ms", NUMBER, AT(ns[1]), 0, INT32_MAX, false },
	[NS_MSET]	= { "--ns_mset", NUMBER, AT(ns[2]), 0, 1, false },
	[NS_PI]		= { "--ns_pi", NUMBER, AT(ns[3]), 0, 3, false },
	[NS_PIL]	= { "--ns_pil", NUMBER, AT(ns[4]), 0, 1, false },
	[NS_PIF]	= { "--ns_pif", NUMBER, AT(ns[5]), 0, 2, false },
	[NS_STS]	= { "--ns_sts", NUMBER, AT(ns[6]), 0, 64, false },
};

void scan_die(const char *fmt, ...)
{
	va_list ap;

	fputs("nvmepi-scan: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

const char *scan_option_name(enum scan_option id)
{
	return known[id].name;
}

static uint64_t number(const char *name, const char *text, uint64_t min, uint64_t max)
{
	char why[WHY_MAX];
	uint64_t value;

	if (words_number(name, text, max, &value, why) || value < min)
		scan_die("%s: '%.40s' is not a number of %" PRIu64 "..%" PRIu64 " (decimal, or 0x...)", name,
			 text, min, max);
	return value;
}

static void take(struct scan_args *a, enum scan_option id, const char *text)
{
	char *at = (char *)a + known[id].at;

	a->given |= 1ULL << id;
	if (known[id].kind == TEXT)
		*(const char **)at = text;
	else
		*(uint64_t *)at = known[id].kind == FLAG ? 1 :
				  number(known[id].name, text, known[id].min, known[id].max);
}

static void parse(struct scan_args *a, int argc, char **argv)
{
	struct option options[NR_OPTIONS + 1] = { 0 };
	int id;

	for (int i = 0; i < NR_OPTIONS; i++) {
		options[i].name = known[i].name + 2;
		options[i].has_arg = known[i].kind == FLAG ? no_argument : required_argument;
		options[i].val = i;
	}
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		if (id == 'h')
			id = HELP;
		if (id == ':')
			scan_die("%s needs a value (see --help)", argv[optind - 1]);
		if (id == '?')		/* for an option without value, optopt is its index */
			scan_die("'%s' %s (see --help)", argv[optind - 1],
				 optopt > 0 && optopt < NR_OPTIONS ? "has a value, and takes none" :
								     "is no option");
		take(a, id, optarg);
	}
}

struct scan_args scan_args(int argc, char **argv)
{
	struct scan_args a = {
		.bs = "128k", .depth = 8, .list = 20, .check = "all", .device_check = "none",
		.apptag_mask = UINT16_MAX, .escape = "allow",
	};

	parse(&a, argc, argv);
	if (a.help) {
		fputs(usage, stdout);
		exit(0);
	}
	if (a.version) {
		puts("nvmepi-scan " VERSION_TEXT);
		exit(0);
	}
	if (optind != argc - 1)
		scan_die("one TARGET is needed, /dev/ngXnY or an image (see --help)");
	a.target = argv[optind];
	if (a.info && a.given & ~(1ULL << INFO | 1ULL << JSON | -1ULL << NS_LBS))
		scan_die("--info can be combined with --json and --ns_* only: it scans nothing");
	for (int i = 0; scan_given(&a, DECODE) && i < NR_OPTIONS; i++)
		if (scan_given(&a, i) && known[i].of_scan)
			scan_die("--decode can't be combined with %s: it scans nothing", known[i].name);
	if (scan_given(&a, APPTAG_MASK) && !scan_given(&a, APPTAG))
		scan_die("--apptag-mask needs --apptag: give that, too");
	return a;
}

uint64_t scan_bs(const struct scan_args *a)
{
	size_t len = strlen(a->bs);
	char unit = len ? a->bs[len - 1] | 0x20 : 0, digits[32];
	unsigned shift = unit == 'k' ? 10 : unit == 'm' ? 20 : 0;

	snprintf(digits, sizeof(digits), "%.*s", (int)(len - !!shift), a->bs);
	return number("--bs", digits, 1, UINT32_MAX >> shift) << shift;
}

/* Application and storage tags are compared with a value, so that option must be given, too. */
unsigned scan_checks(const struct scan_args *a, enum scan_option id)
{
	const unsigned can = PI_GUARD | PI_APP | PI_REF | PI_STORAGE |
			     (id == CHECK ? VFY_METADATA : 0);
	char why[WHY_MAX];
	unsigned words;

	if (words_checks(known[id].name, id == CHECK ? a->check : a->device_check, can, &words,
			 why))
		scan_die("%s", why);
	if (words & WORDS_ALL)
		return words;
	if (words & PI_APP && !scan_given(a, APPTAG))
		scan_die("%s: APPTAG is compared with a value: give --apptag, too", known[id].name);
	if (words & PI_STORAGE && !scan_given(a, STORAGE_TAG))
		scan_die("%s: STTAG is compared with a value: give --storage-tag, too",
			 known[id].name);
	return words;
}

unsigned scan_escape(const struct scan_args *a)
{
	if (!strcmp(a->escape, "own"))
		scan_die("--escape=own: a scan does not know which blocks were written; give reject, or "
			 "have fio read with pi_plugin=stamp, which knows");
	if (strcmp(a->escape, "allow") && strcmp(a->escape, "reject"))
		scan_die("--escape: '%s' is unknown; give allow or reject", a->escape);
	return strcmp(a->escape, "allow") ? JOB_ESCAPE_REJECT : JOB_ESCAPE_ALLOW;
}

/* Parse A-B, A+N, A- or A. */
void scan_range(const struct scan_args *a, uint64_t nr, uint64_t *first, uint64_t *end)
{
	const char *text = scan_given(a, RANGE) ? a->range : "0-";
	const char *rest = text + strcspn(text, "-+");
	uint64_t last = nr - 1;
	char digits[32];

	snprintf(digits, sizeof(digits), "%.*s", (int)(rest - text), text);
	*first = number("--range", digits, 0, UINT64_MAX);
	if (*rest == '+')
		last = *first + number("--range", rest + 1, 1, UINT64_MAX - *first) - 1;
	else if (!*rest)
		last = *first;
	else if (rest[1])
		last = number("--range", rest + 1, 0, UINT64_MAX);
	if (*first >= nr || last >= nr)
		scan_die("--range=%s: %s has LBAs 0-%" PRIu64, text, a->target, nr - 1);
	if (last < *first)
		scan_die("--range=%s ends before it begins", text);
	*end = last + 1;
}
