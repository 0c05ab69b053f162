// SPDX-License-Identifier: GPL-2.0-only
/* args.c - see args.h */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "args.h"

static const char usage[] =
	"usage: nvmepi-qualify [options] TARGET\n"
	"       nvmepi-qualify [options] --format=WORDS\n"
	"       nvmepi-qualify --list [--only=TEXT]\n"
	"\n"
	"Tests whether a controller implements end-to-end data protection as the NVM Command Set\n"
	"Specification says. TARGET is an NVMe generic device (/dev/ngXnY) or an image of the\n"
	"embedded controller: its blocks are OVERWRITTEN. --format= without TARGET makes a new image,\n"
	"tests it and removes it.\n"
	"\n"
	"  --destroy=SERIAL      confirms that the data of this device may be lost\n"
	"  --range=FIRST-LAST    only these LBAs are overwritten (default: the first 131072\n"
	"                        blocks of an image, the first 8192 of a device)\n"
	"  --format=WORDS        the format of a new image, or the one that TARGET must have:\n"
	"                        lbs,ms,mset,pi,pil,pif,sts=NUMBER, with the meanings of the engine's\n"
	"                        ns_* options (a new image: lbs 4096, ms as the tuple, pi 1 by default)\n"
	"  --formats=all         test every format that the controller offers, one after another, and\n"
	"                        restore the first one; needs --results\n"
	"  --results=FOLDER      keep a report of each format; skip formats that have a report\n"
	"  --blocks=N            size of a new image (default: 67584)\n"
	"What is tested:\n"
	"  --list                test nothing: list the cases, what each requires, and the section\n"
	"  --only=TEXT           only cases whose name contains TEXT\n"
	"  --without=TEXT        no cases whose name contains TEXT\n"
	"  --seed=N              selects data, LBAs and damage (default: 1)\n"
	"  --repeat=N            run all cases N times, each time with the next seed (default: 1)\n"
	"  --strict              of several errors the first block's must be reported, in the order guard,\n"
	"                        application, storage, reference tag: the specification leaves it open\n"
	"  --like=readback       run a simple test that writes and reads back, instead of the suite\n"
	"  --continue            skip cases that passed or were skipped in the JSON report of --output\n"
	"  --time=SECONDS        repeat all cases for at least SECONDS\n"
	"Output:\n"
	"  --output=KIND[:FILE]  people, tap, junit, json or html, on stdout or into a file; may be\n"
	"                        given several times (default: people)\n"
	"  --scripts=FOLDER      a shell script of 'nvme io-passthru' lines for each failed case\n"
	"  --quiet               no progress on stderr\n"
	"  --version             print the versions of this program, of its fio and of its cases\n"
	"  -h, --help            this text\n"
	"Images:\n"
	"  --ns_fault=KIND[/N]   some writes go wrong, as with the engine's ns_fault\n"
	"  --ns_defect=NAMES     the controller has these defects, as with the engine's ns_defect\n"
	"  --self-test=NAMES     report whether the suite catches each of these defects: names with\n"
	"                        commas between them, all, or first or second (half of them);\n"
	"                        fault:KIND/N is a fault of ns_fault\n"
	"  --every-format        run the cases in every format in which the defect shows, instead of\n"
	"                        stopping at the first in which it is caught\n"
	"  --every-case          report which cases catch each defect, instead of only the first\n"
	"  --sample=N            only N of these defects, chosen by --seed\n"
	"\n"
	"If it is interrupted (SIGINT, SIGTERM), it reports the results up to then.\n"
	"exit status: 0 all cases that apply passed, 1 some failed, 2 could not run, or not to the\n"
	"end with nothing failed so far\n";

void args_die(const char *fmt, ...)
{
	va_list ap;

	fputs("nvmepi-qualify: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static uint64_t number(const char *name, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (!*text || *end || *text == '-' || *text == '+' || *text == ' ' || errno)
		args_die("%s: '%s' is no number", name, text);
	if (value < min || value > max)
		args_die("%s: '%s' is not within %llu and %llu", name, text,
			 (unsigned long long)min, (unsigned long long)max);
	return value;
}

/* Parses lbs=4096,ms=8,... */
static void parse_format(struct args *a, char *text)
{
	struct ns_format *f = &a->format;
	const struct {
		const char *name;
		int *at;
		uint64_t max;
	} words[] = {
		{ "lbs", &f->lbs, 1 << 20 }, { "ms", &f->ms, 65535 }, { "mset", &f->mset, 1 },
		{ "pi", &f->pi, 3 },	     { "pil", &f->pil, 1 },   { "pif", &f->pif, 2 },
		{ "sts", &f->sts, 64 },
	};

	a->formatted = true;
	for (char *word; (word = strsep(&text, ",")); ) {
		char *value = strchr(word, '=');
		size_t i = 0;

		if (!value)
			args_die("--format: '%s' has no value: give lbs=4096,ms=8,...", word);
		*value++ = 0;
		while (i < 7 && strcmp(words[i].name, word))
			i++;
		if (i == 7)
			args_die(
				"--format: '%s' is unknown: give lbs, ms, mset, pi, pil, pif or sts",
				word);
		*words[i].at = number("--format", value, 0, words[i].max);
	}
}

/* Parses KIND or KIND:FILE. */
static void parse_output(struct args *a, const char *text)
{
	const size_t len = strcspn(text, ":");
	const char *path = text[len] ? text + len + 1 : "-";
	char why[WHY_MAX];

	if (a->nr_outputs == MAX_OUTPUTS)
		args_die("--output: no more than %d reports", MAX_OUTPUTS);
	if (!report_writer(text, len))
		args_die("--output: '%.*s' is unknown: give %s", (int)len, text, report_writers());
	if (!*path)
		args_die("--output=%s names no file", text);
	if (report_check(path, why))
		args_die("%s", why);
	a->outputs[a->nr_outputs].writer = report_writer(text, len);
	a->outputs[a->nr_outputs++].path = path;
}

static void take_help(struct args *a, const char *text)
{
	(void)a;
	(void)text;
	fputs(usage, stdout);
	exit(0);
}

static void take_version(struct args *a, const char *text)
{
	char suite[REPORT_SUITE];

	(void)a;
	(void)text;
	printf("nvmepi-qualify " VERSION_TEXT "\n%s\n", report_suite(suite));
	exit(0);
}

void args_format(struct args *a, const char *text)
{
	char words[256];

	if (snprintf(words, sizeof(words), "%s", text) >= (int)sizeof(words))
		args_die("--format: '%s' is too long", text);
	a->words = text;
	parse_format(a, words);
}

static void take_like(struct args *a, const char *text)
{
	if (strcmp(text, "readback"))
		args_die("--like: '%s' is unknown: give readback", text);
	a->like = true;
}

static void take_formats(struct args *a, const char *text)
{
	if (strcmp(text, "all"))
		args_die("--formats: '%s' is unknown: give all", text);
	a->all_formats = true;
}

#define AT(member) offsetof(struct args, member)

/* An option is handled by a function, or stored as a string, a number or a flag. */
static const struct {
	const char	*name;
	enum { CALL, TEXT, NUMBER, FLAG } kind;
	void		(*call)(struct args *a, const char *text);
	size_t		at;		/* offset in struct args */
	uint64_t	min, max;	/* range of a number */
} known[] = {
	{ "--help", CALL, take_help, 0, 0, 0 },
	{ "--version", CALL, take_version, 0, 0, 0 },
	{ "--list", FLAG, NULL, AT(list), 0, 0 },
	{ "--quiet", FLAG, NULL, AT(quiet), 0, 0 },
	{ "--strict", FLAG, NULL, AT(strict), 0, 0 },
	{ "--only", TEXT, NULL, AT(only), 0, 0 },
	{ "--without", TEXT, NULL, AT(without), 0, 0 },
	{ "--continue", FLAG, NULL, AT(resume), 0, 0 },
	{ "--seed", NUMBER, NULL, AT(seed), 0, UINT64_MAX },
	{ "--repeat", NUMBER, NULL, AT(repeat), 1, UINT32_MAX },
	{ "--time", NUMBER, NULL, AT(time), 1, UINT32_MAX },
	{ "--range", TEXT, NULL, AT(range), 0, 0 },
	{ "--destroy", TEXT, NULL, AT(destroy), 0, 0 },
	{ "--format", CALL, args_format, 0, 0, 0 },
	{ "--formats", CALL, take_formats, 0, 0, 0 },
	{ "--results", TEXT, NULL, AT(results), 0, 0 },
	{ "--blocks", NUMBER, NULL, AT(blocks), 256, 1 << 24 },
	{ "--output", CALL, parse_output, 0, 0, 0 },
	{ "--scripts", TEXT, NULL, AT(scripts), 0, 0 },
	{ "--like", CALL, take_like, 0, 0, 0 },
	{ "--self-test", TEXT, NULL, AT(selftest), 0, 0 },
	{ "--every-format", FLAG, NULL, AT(every_format), 0, 0 },
	{ "--every-case", FLAG, NULL, AT(every_case), 0, 0 },
	{ "--sample", NUMBER, NULL, AT(sample), 1, UINT32_MAX },
	{ "--ns_fault", TEXT, NULL, AT(fault), 0, 0 },
	{ "--ns_defect", TEXT, NULL, AT(defect), 0, 0 },
};

enum { NR_KNOWN = sizeof(known) / sizeof(known[0]), FIRST_ID = 256 };

static void take(struct args *a, unsigned i, const char *text)
{
	char *at = (char *)a + known[i].at;

	switch (known[i].kind) {
	case CALL:
		known[i].call(a, text);
		break;
	case TEXT:
		*(const char **)at = text;
		break;
	case NUMBER:
		*(uint64_t *)at = number(known[i].name, text, known[i].min, known[i].max);
		break;
	case FLAG:
		*(bool *)at = true;
		break;
	}
}

static bool has_value(unsigned i)
{
	return known[i].kind != FLAG && known[i].call != take_help &&
	       known[i].call != take_version;
}

/* Returns what is wrong with an option that getopt reports. */
static const char *complaint(int id)
{
	if (id == ':')
		return "needs a value";
	return optopt >= FIRST_ID ? "has a value, and takes none" : "is no option";
}

static void parse_options(struct args *a, int argc, char **argv)
{
	struct option options[NR_KNOWN + 1] = { 0 };
	int id;

	for (int i = 0; i < NR_KNOWN; i++) {
		options[i].name = known[i].name + 2;
		options[i].has_arg = has_value(i) ? required_argument : no_argument;
		options[i].val = FIRST_ID + i;
	}
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		if (id == ':' || id == '?')
			args_die("'%s' %s (see --help)", argv[optind - 1], complaint(id));
		take(a, id == 'h' ? 0 : id - FIRST_ID, optarg);
	}
}

const char *args_json(const struct args *a)
{
	for (unsigned i = 0; i < a->nr_outputs; i++)
		if (a->outputs[i].writer->write == report_json && strcmp(a->outputs[i].path, "-"))
			return a->outputs[i].path;
	return NULL;
}

/* Refuses options that contradict each other or that are not sufficient. */
static void check(const struct args *a)
{
	if (a->selftest && (a->target || a->formatted))
		args_die("--self-test makes images of its own: no TARGET, and no --format");
	if ((a->every_format || a->every_case || a->sample) && !a->selftest)
		args_die("--every-format, --every-case and --sample go with --self-test");
	if (!a->target && !a->formatted && !a->list && !a->selftest)
		args_die(
			"TARGET is missing: /dev/ngXnY or an image, or --format= for a new image (see --help)");
	if (a->all_formats != (a->results != NULL))
		args_die("--formats=all and --results=FOLDER go together");
	if (a->all_formats && !a->target)
		args_die("--formats=all needs a TARGET, a device or an image");
	for (unsigned i = 0; a->all_formats && i < a->nr_outputs; i++)
		if (a->outputs[i].writer->write != report_html)
			args_die("--formats=all has no report but --output=html:FILE, and those in --results");
	if (a->resume && !args_json(a))
		args_die("--continue needs --output=json:FILE, a report of the same target");
	if (a->target && a->blocks)
		args_die("--blocks is for a new image, without TARGET");
}

struct args args_parse(int argc, char **argv)
{
	struct args a = { .seed = 1, .repeat = 1, .format = NS_FORMAT_ANY };

	parse_options(&a, argc, argv);
	if (optind < argc)
		a.target = argv[optind++];
	if (optind < argc)
		args_die("'%s': one TARGET is enough (see --help)", argv[optind]);
	check(&a);
	if (!a.nr_outputs) {
		a.outputs[a.nr_outputs].writer = report_writer("people", 6);
		a.outputs[a.nr_outputs++].path = "-";
	}
	return a;
}

void args_range(const struct args *a, uint64_t nr, uint64_t *first, uint64_t *last)
{
	const size_t len = strcspn(a->range, "-");
	char digits[32];

	snprintf(digits, sizeof(digits), "%.*s", (int)len, a->range);
	*first = number("--range", digits, 0, UINT64_MAX);
	if (!a->range[len])
		args_die("--range=%s: give FIRST-LAST", a->range);
	*last = number("--range", a->range + len + 1, 0, UINT64_MAX);
	if (*last < *first)
		args_die("--range=%s ends before it begins", a->range);
	if (*last >= nr)
		args_die("--range=%s: there are LBAs 0 to %llu", a->range,
			 (unsigned long long)(nr - 1));
}
