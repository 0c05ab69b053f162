/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-guard.c - the guards and the jobs of pi.h against their peers
 *
 * A case runs this project's code and a peer's in turns, many times, on one CPU
 * and the same bytes; it reports the median speeds and the median of the ratios
 * of neighbours, which noise from outside hits alike.  Peers: ISA-L's CRCs
 * called a block at a time, as it offers them; memcpy() of the data; a table of
 * 256 entries.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench-floor.h"

enum { MAX_REPEATS = 501 };

static size_t cached = 128 << 10;	/* bytes of data of a call, and of most cases */
static size_t uncached = 256 << 20;	/* of those that go to memory */
static unsigned repeats = 41;
static bool json, sizes;

static const struct bench {
	const char		*name;
	unsigned		guard;
	uint32_t		data_size, md_size;
	enum { CACHED, UNCACHED, BULK, ONE_IO, ONE_BLOCK } where;
	work_fn			*run;
	const struct peer	*peer;
	const char		*kernel;	/* NULL: the best */
	const struct isal_class	*class;
} benches[] = {
	{ "16b-512-guard", 0, 512, 8, CACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-4096-guard", 0, 4096, 8, CACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "32b-512-guard", 1, 512, 16, CACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "32b-4096-guard", 1, 4096, 16, CACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "64b-512-guard", 2, 512, 16, CACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "64b-4096-guard", 2, 4096, 16, CACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-8x512-io", 0, 512, 8, ONE_IO, our_guard, &isa_l, NULL, &isal_best },
	{ "32b-8x512-io", 1, 512, 16, ONE_IO, our_guard, &isa_l, NULL, &isal_best },
	{ "64b-8x512-io", 2, 512, 16, ONE_IO, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-1x512-io", 0, 512, 8, ONE_BLOCK, our_guard, &isa_l, NULL, &isal_best },
	{ "32b-1x512-io", 1, 512, 16, ONE_BLOCK, our_guard, &isa_l, NULL, &isal_best },
	{ "64b-1x512-io", 2, 512, 16, ONE_BLOCK, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-1x4096-io", 0, 4096, 8, ONE_BLOCK, our_guard, &isa_l, NULL, &isal_best },
	{ "32b-1x4096-io", 1, 4096, 16, ONE_BLOCK, our_guard, &isa_l, NULL, &isal_best },
	{ "64b-1x4096-io", 2, 4096, 16, ONE_BLOCK, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-512-generate", 0, 512, 8, CACHED, our_generate, &isa_l_generate, NULL, &isal_best },
	{ "16b-512-verify", 0, 512, 8, CACHED, our_verify, &isa_l_verify, NULL, &isal_best },
	{ "16b-512-insert", 0, 512, 8, CACHED, our_insert, &memory_copy, NULL, NULL },
	{ "16b-512-extract", 0, 512, 8, CACHED, our_extract, &memory_copy, NULL, NULL },
	{ "16b-4096-insert", 0, 4096, 8, CACHED, our_insert, &memory_copy, NULL, NULL },
	{ "16b-4096-extract", 0, 4096, 8, CACHED, our_extract, &memory_copy, NULL, NULL },
	{ "32b-4096-insert", 1, 4096, 16, CACHED, our_insert, &memory_copy, NULL, NULL },
	{ "32b-4096-extract", 1, 4096, 16, CACHED, our_extract, &memory_copy, NULL, NULL },
	{ "64b-4096-insert", 2, 4096, 16, CACHED, our_insert, &memory_copy, NULL, NULL },
	{ "64b-4096-extract", 2, 4096, 16, CACHED, our_extract, &memory_copy, NULL, NULL },
	{ "16b-512-guard-dram", 0, 512, 8, UNCACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-4096-guard-dram", 0, 4096, 8, UNCACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "32b-4096-guard-dram", 1, 4096, 16, UNCACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "64b-4096-guard-dram", 2, 4096, 16, UNCACHED, our_guard, &isa_l, NULL, &isal_best },
	{ "16b-4096-verify-dram", 0, 4096, 8, UNCACHED, our_verify, &isa_l_verify, NULL,
	  &isal_best },
	{ "16b-4096-insert-dram", 0, 4096, 8, UNCACHED, our_insert, &memory_copy, NULL, NULL },
	{ "16b-4096-extract-dram", 0, 4096, 8, UNCACHED, our_extract, &memory_copy, NULL, NULL },
	{ "64b-4096-insert-dram", 2, 4096, 16, UNCACHED, our_insert, &memory_copy, NULL, NULL },
	{ "64b-4096-extract-dram", 2, 4096, 16, UNCACHED, our_extract, &memory_copy, NULL, NULL },
	{ "16b-4096-insert-bulk", 0, 4096, 8, BULK, our_insert, &memory_copy, NULL, NULL },
	{ "16b-4096-extract-bulk", 0, 4096, 8, BULK, our_extract, &memory_copy, NULL, NULL },
	{ "16b-512-guard-avx512", 0, 512, 8, CACHED, our_guard, &isa_l, "avx512", &isal_by16 },
	{ "16b-4096-guard-avx512", 0, 4096, 8, CACHED, our_guard, &isa_l, "avx512", &isal_by16 },
	{ "16b-512-guard-avx2", 0, 512, 8, CACHED, our_guard, &isa_l, "avx2", &isal_avx },
	{ "16b-4096-guard-avx2", 0, 4096, 8, CACHED, our_guard, &isa_l, "avx2", &isal_avx },
	{ "32b-512-guard-avx2", 1, 512, 16, CACHED, our_guard, &isa_l, "avx2", &isal_avx },
	{ "32b-4096-guard-avx2", 1, 4096, 16, CACHED, our_guard, &isa_l, "avx2", &isal_avx },
	{ "64b-512-guard-avx2", 2, 512, 16, CACHED, our_guard, &isa_l, "avx2", &isal_avx },
	{ "64b-4096-guard-avx2", 2, 4096, 16, CACHED, our_guard, &isa_l, "avx2", &isal_avx },
	{ "16b-512-guard-sse42", 0, 512, 8, CACHED, our_guard, &isa_l, "sse42", &isal_sse },
	{ "16b-4096-guard-sse42", 0, 4096, 8, CACHED, our_guard, &isa_l, "sse42", &isal_sse },
	{ "32b-512-guard-sse42", 1, 512, 16, CACHED, our_guard, &isa_l, "sse42", &isal_sse },
	{ "32b-4096-guard-sse42", 1, 4096, 16, CACHED, our_guard, &isa_l, "sse42", &isal_sse },
	{ "64b-512-guard-sse42", 2, 512, 16, CACHED, our_guard, &isa_l, "sse42", &isal_sse },
	{ "64b-4096-guard-sse42", 2, 4096, 16, CACHED, our_guard, &isa_l, "sse42", &isal_sse },
	{ "16b-4096-guard-portable", 0, 4096, 8, CACHED, our_guard, &table, "portable", NULL },
	{ "32b-4096-guard-portable", 1, 4096, 16, CACHED, our_guard, &table, "portable", NULL },
	{ "64b-4096-guard-portable", 2, 4096, 16, CACHED, our_guard, &table, "portable", NULL },
	{ "16b-4096-guard-table", 0, 4096, 8, CACHED, our_guard, &table, NULL, NULL },
	{ "16b-4096-guard-memcpy", 0, 4096, 8, CACHED, our_guard, &memory_copy, NULL, NULL },
};

enum { NR_BENCHES = sizeof(benches) / sizeof(benches[0]) };

/*
 * Memory in large pages, where there are any, so that no case is about page
 * walks.  @skew bytes into it: two buffers at the same place in a page slow
 * each other down, and the jobs measured should differ in nothing else.
 */
static uint8_t *buffer(size_t size, size_t skew)
{
	const size_t large = 2 << 20;
	uint8_t *p = mmap(NULL, size + skew + 2 * large, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("cannot have", "memory", strerror(errno));
	p = (uint8_t *)(((uintptr_t)p + large - 1) & ~(uintptr_t)(large - 1));
	madvise(p, size + skew + large, MADV_HUGEPAGE);
	p += skew;
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t v = (i + 1) * 0x9e3779b97f4a7c15;

		memcpy(p + i, &v, 8);
	}
	return p;
}

static void next_window(struct work *w)
{
	size_t bytes = (size_t)w->nr * w->layout.data_size, md = (size_t)w->nr * w->layout.md_size;

	w->data += bytes;
	w->md += md;
	w->ext += bytes + md;
	w->to += bytes;
}

static void run_windows(work_fn *run, struct work w)
{
	for (uint32_t i = 0; i < w.windows; i++, next_window(&w))
		run(&w);
}

/*
 * Nothing but the call is in the loop for a case of one window: after a peer
 * that does not leave wide registers, copying a struct would cost it dearly.
 */
static double time_of(work_fn *run, const struct work *w, unsigned times)
{
	double t;

	leave_wide_registers();
	t = now();

	if (w->windows == 1)
		for (unsigned i = 0; i < times; i++)
			run(w);
	else
		for (unsigned i = 0; i < times; i++)
			run_windows(run, *w);
	return (now() - t) / times;
}

static void best_kernel(void)
{
	for (size_t k = 0; guard_select(guard_kernels[k].name); k++)
		;
}

/* Ours and the peer's must agree before their speeds are compared. */
static void cross_check(const struct bench *b, const struct work *w)
{
	uint64_t ours[8];

	if (b->run != our_guard || b->peer == &memory_copy)
		return;
	our_guard(w);
	memcpy(ours, guards, sizeof(ours));
	b->peer->run(w);
	if (memcmp(ours, guards, (w->nr < 8 ? w->nr : 8) * sizeof(ours[0])))
		die("guards of", b->name, "ours are not the peer's");
}

static struct work work_of(const struct bench *b)
{
	const bool is_large = b->where == UNCACHED || b->where == BULK;
	const size_t bytes = is_large ? uncached : cached;
	const size_t call = b->where == BULK ? uncached : b->where == ONE_IO ? 4096 :
			    b->where == ONE_BLOCK ? b->data_size : cached;
	struct work w = {
		.layout = { .format = &pi_formats[b->guard], .type = PI_TYPE1,
			    .data_size = b->data_size, .md_size = b->md_size,
			    .sts = pi_formats[b->guard].sts_min,
			    .extended = b->run == our_insert || b->run == our_extract },
		.guard = b->guard, .nr = (uint32_t)(call / b->data_size),
		.windows = is_large ? (uint32_t)(bytes / call) : 1,
	};
	static struct buffers {
		uint8_t *data, *md, *ext, *to;
	} small, large;
	struct buffers *in = is_large ? &large : &small;

	if (!in->data) {
		in->data = buffer(bytes, 0);
		in->md = buffer(bytes / 16, 1024);
		in->ext = buffer(bytes + bytes / 16, 2048);
		in->to = buffer(bytes, 3072);
	}
	w.data = in->data, w.md = in->md, w.ext = in->ext, w.to = in->to;
	if (b->run == our_verify)
		run_windows(our_generate, w);
	if (b->run == our_extract)
		run_windows(our_insert, w);
	return w;
}

struct result {
	double gbs, peer_gbs, ratio, cycles;
	struct bound floor;
};

static struct result measure(const struct bench *b, const struct work *w)
{
	double ours[MAX_REPEATS], peers[MAX_REPEATS], ratios[MAX_REPEATS], hz[MAX_REPEATS];
	double bytes = (double)w->windows * w->nr * b->data_size;
	unsigned times = (unsigned)(40e6 / bytes) + 1, n = repeats;

	if (b->peer == &table)
		times = times / 20 + 1;
	if (bytes > 40e6)
		n = repeats / 4 + 1;
	time_of(b->run, w, times);
	time_of(b->peer->run, w, times);
	for (unsigned i = 0; i < n; i++) {
		hz[i] = frequency();
		ours[i] = time_of(b->run, w, times);
		peers[i] = time_of(b->peer->run, w, times);
		ratios[i] = peers[i] / ours[i];
	}
	return (struct result){
		.gbs = 1e-9 * bytes / median(ours, n),
		.peer_gbs = 1e-9 * bytes / median(peers, n),
		.ratio = median(ratios, n),
		.cycles = median(ours, n) * b->data_size / bytes * median(hz, n),
	};
}

static void report(const struct bench *b, const struct result *r)
{
	static const char *const text = "case=%s gbs=%.1f cycles=%.0f floor=%.0f limit=%s share=%.2f "
					"peer=%s peer_gbs=%.1f ratio=%.2f kernel=%s\n";
	static const char *const object = "{\"case\": \"%s\", \"gbs\": %.1f, \"cycles\": %.0f, "
					  "\"floor\": %.0f, \"limit\": \"%s\", \"share\": %.2f, "
					  "\"peer\": \"%s\", \"peer_gbs\": %.1f, "
					  "\"ratio\": %.2f, \"kernel\": \"%s\"}\n";
	const char *limit = r->floor.resource ? r->floor.resource : "unknown";

	printf(json ? object : text, b->name, r->gbs, r->cycles, r->floor.cycles, limit,
	       r->floor.cycles / r->cycles, b->peer->name, r->peer_gbs, r->ratio, guard_selected());
	fflush(stdout);
}

static void run(const struct bench *b)
{
	const char *why = b->class ? load_isal(b->class) : NULL;
	struct work w;
	struct result r;

	best_kernel();
	if (!why && b->kernel && guard_select(b->kernel))
		why = "this CPU does not run that kernel";
	if (why) {
		if (!json)
			printf("skip %s: %s\n", b->name, why);
		return;
	}
	w = work_of(b);
	cross_check(b, &w);
	r = measure(b, &w);
	r.floor = floor_of(&w, b->run == our_insert || b->run == our_extract);
	report(b, &r);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot run on", "that CPU", strerror(errno));
}

static unsigned long number(const char *option, const char *s, unsigned long max)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*end || !*s || v > max)
		die(option, s, "not a number in range");
	return v;
}

static void help(void)
{
	puts("usage: bench-guard [OPTION...] [CASE...]\n"
	     "Measure guards and protection information jobs against their peers.\n"
	     "A CASE may end in *; without any, all run.  Cycles are a block's, estimated.\n"
	     "floor: the fewest cycles of a block on this CPU, measured: those of the\n"
	     "instructions that every byte needs, or of its loads or copy; limit: which.\n"
	     "  --json       one JSON object a line\n"
	     "  --cpu=N      run there (the CPU it starts on)\n"
	     "  --kib=N      data of a call: all of most cases, which stay in the cache (128)\n"
	     "  --mib=N      data of -dram cases, by calls, and of -bulk cases, in one (256)\n"
	     "  --repeats=N  of each measurement (41)\n"
	     "  --isal=FILE  ISA-L (build/deps/isal/libisal.so)\n"
	     "  --sizes      instead, the guards of blocks of 512 bytes to 16 KiB\n"
	     "  --list       the cases");
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "cpu", required_argument, NULL, 'c' },
		{ "kib", required_argument, NULL, 'k' }, { "mib", required_argument, NULL, 'm' },
		{ "repeats", required_argument, NULL, 'r' },
		{ "isal", required_argument, NULL, 'i' }, { "list", no_argument, NULL, 'l' },
		{ "sizes", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	int cpu = sched_getcpu(), c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j': json = true; break;
		case 'c': cpu = (int)number("--cpu", optarg, CPU_SETSIZE - 1); break;
		case 'k': cached = number("--kib", optarg, 32768) << 10; break;
		case 'm': uncached = number("--mib", optarg, 256) << 20; break;
		case 'r': repeats = (unsigned)number("--repeats", optarg, MAX_REPEATS); break;
		case 'i': isal_path = optarg; break;
		case 's': sizes = true; break;
		case 'l':
			for (int i = 0; i < NR_BENCHES; i++)
				puts(benches[i].name);
			exit(0);
		case 'h': help(); exit(0);
		default: exit(2);
		}
	}
	if (cached < 4096 || uncached < cached || !repeats)
		die("sizes", "and repeats", "too small");
	return cpu;
}

static bool wanted(const char *name, char **patterns)
{
	bool all = !*patterns;

	for (; *patterns; patterns++) {
		size_t len = strlen(*patterns);

		if (len && (*patterns)[len - 1] == '*' ? !strncmp(name, *patterns, len - 1) :
							 !strcmp(name, *patterns))
			return true;
	}
	return all;
}

static void run_sizes(void)
{
	char name[40];

	for (unsigned guard = 0; guard < 3; guard++)
		for (uint32_t size = 512; size <= 16384; size *= 2) {
			snprintf(name, sizeof(name), "%s-%u-guard", pi_formats[guard].name, size);
			run(&(struct bench){ name, guard, size, 16, CACHED, our_guard, &isa_l,
					     NULL, &isal_best });
		}
}

int main(int argc, char **argv)
{
	unsigned ran = 0;

	pin(parse(argc, argv));
	fill_tables();
	if (!json)
		print_units();
	if (sizes) {
		run_sizes();
		return 0;
	}
	for (int i = 0; i < NR_BENCHES; i++)
		if (wanted(benches[i].name, argv + optind)) {
			run(&benches[i]);
			ran++;
		}
	if (!ran)
		die("no case", argv[optind], "--list shows them");
	return 0;
}
