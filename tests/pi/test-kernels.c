/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-kernels.c - compare every guard kernel that this CPU supports with long division
 *
 *	test-kernels [--blocks=N] [CASE...]
 *
 * Buffers begin or end at an inaccessible page, and the memory around the blocks in
 * them is compared too.  The program needs only the C library, so that it also runs
 * where only a cross compiler and an emulator are installed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels-reference.h"

static char why[300];		/* first failure of the current case */

static bool check(bool ok, const char *fmt, ...)
{
	va_list args;

	if (ok || why[0])
		return ok;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return false;
}

static guard_fn *fn_of(const struct guard_kernel *k, unsigned guard)
{
	return guard == 0 ? k->of_16b : guard == 1 ? k->of_32b : k->of_64b;
}

static void run_one(const struct guard_kernel *k, unsigned guard, const struct guard_job *job,
		    const uint64_t *want)
{
	uint64_t got[MAX_NR + 1];

	if (job->copy)
		memset(copy_arena.start, 0x5a, copy_arena.size);
	memset(got, 0xa5, sizeof(got));
	fn_of(k, guard)(job, got);
	for (size_t i = 0; i < job->nr; i++)
		check(got[i] == want[i], "%s %s, block %zu of %zu, %zu + %zu bytes: %llx, not %llx",
		      k->name, guard_names[guard], i, job->nr, job->data_len, job->md_len,
		      (unsigned long long)got[i], (unsigned long long)want[i]);
	check(got[job->nr] == 0xa5a5a5a5a5a5a5a5, "%s %s stored more than %zu guards", k->name,
	      guard_names[guard], job->nr);
	if (job->copy)
		check(copied(job), "%s %s, %zu blocks of %zu bytes: the copy is not the data alone",
		      k->name, guard_names[guard], job->nr, job->data_len);
}

/* Compute all guards with all kernels for one shape. */
static void run_shape(const struct shape *s)
{
	struct guard_job job = job_of(s);

	for (unsigned guard = 0; guard < GUARDS; guard++) {
		uint64_t want[MAX_NR];

		for (size_t i = 0; i < s->nr; i++)
			want[i] = expected(&job, guard, i);
		for (size_t k = 0; k < guard_nr_kernels; k++)
			if (guard_kernels[k].runs())
				run_one(&guard_kernels[k], guard, &job, want);
	}
}

/* Run the shape at both ends of the arena, with and without a copy. */
static void run_shapes(struct shape s)
{
	for (int i = 0; i < 4; i++) {
		s.at_end = i & 1;
		s.copy = i & 2;
		run_shape(&s);
	}
}

static void check_values(void)
{
	static const uint64_t want[GUARDS] = { 0xd0db, 0xe3069283, 0xae8b14860a799888 };
	const struct guard_job job = { .data = "123456789", .data_len = 9, .nr = 1 };

	for (unsigned guard = 0; guard < GUARDS; guard++) {
		check(expected(&job, guard, 0) == want[guard], "this test's own %s",
		      guard_names[guard]);
		for (size_t k = 0; k < guard_nr_kernels; k++)
			if (guard_kernels[k].runs())
				run_one(&guard_kernels[k], guard, &job, &want[guard]);
	}
}

static void lengths(void)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		struct shape s = {
			.len = len, .stride = len + below(64), .nr = 1,
			.copy_stride = len + below(64), .at_end = len & 1, .copy = len & 2,
		};

		run_shape(&s);
		s.nr = len % 5 + 1;
		s.at_end = !s.at_end;
		run_shape(&s);
		s.copy = !s.copy;
		run_shape(&s);
	}
}

static void metadata(void)
{
	static const size_t lens[] = { 0, 1, 8, 15, 16, 17, 63, 64, 65, 100, 448, 511, 512, 513,
				       520, 1000, 4096, 4104 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t md = 1; md <= MAX_MD; md += md < 80 ? 1 : 13)
			run_shape(&(struct shape){
				.len = lens[i], .stride = lens[i] + below(9), .md_len = md,
				.md_stride = md + below(17), .nr = 1 + below(6),
				.copy_stride = lens[i] + below(9), .copy = below(2),
				.at_end = below(2),
			});
}

static void numbers(void)
{
	static const size_t lens[] = { 0, 33, 512, 520, 1024 };

	for (size_t nr = 0; nr <= MAX_NR; nr++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			run_shapes((struct shape){
				.len = lens[i], .stride = lens[i] + 8, .nr = nr,
				.copy_stride = lens[i] + 16,
			});
}

/* Test blocks that overlap (a stride of 0), and every offset from the start of a cache line. */
static void alignments(void)
{
	for (size_t stride = 0; stride < 130; stride++)
		run_shapes((struct shape){
			.len = 512 + stride % 3, .stride = stride, .nr = 5,
			.md_len = stride % 7, .md_stride = stride % 5, .copy_stride = 515 + stride,
		});
}

/* Of random_blocks(), unless --blocks= says another number, or TESTS_ALL is set: a million. */
#ifdef __SANITIZE_ADDRESS__
static unsigned long nr_blocks = 50000;
#else
static unsigned long nr_blocks = 250000;
#endif

/* Test random shapes; usual shapes are more frequent. */
static void random_blocks(void)
{
	static const size_t usual[] = { 512, 520, 1024, 4096, 4104 };
	unsigned long left = nr_blocks;
	uint64_t got[MAX_NR];

	while (left) {
		size_t len = below(8) ? below(below(16) ? 600 : MAX_LEN) : usual[below(5)];
		struct shape s = { .len = len, .stride = len + below(80), .nr = 1 + below(MAX_NR),
				   .md_len = below(2) ? 0 : below(80), .at_end = below(2) };
		struct guard_job job;

		s.md_stride = s.md_len + below(20);
		s.nr = s.nr < left ? s.nr : left;
		left -= s.nr;
		job = job_of(&s);
		data_arena.start[below(data_arena.size)] ^= (uint8_t)next_random();
		for (unsigned guard = 0; guard < GUARDS; guard++) {
			const struct crc *crc = &crcs[guard];
			uint64_t want[MAX_NR];

			for (size_t i = 0; i < s.nr; i++) {
				uint64_t reg = crc->high_first ? crc->start << 48 : crc->start;

				reg = divide_quickly(guard, reg, (const uint8_t *)job.data +
						     i * s.stride, s.len);
				if (s.md_len)
					reg = divide_quickly(guard, reg, (const uint8_t *)job.md +
							     i * s.md_stride, s.md_len);
				want[i] = finish(crc, reg);
			}
			for (size_t k = 0; k < guard_nr_kernels; k++) {
				if (!guard_kernels[k].runs())
					continue;
				fn_of(&guard_kernels[k], guard)(&job, got);
				check(!memcmp(got, want, s.nr * sizeof(got[0])),
				      "%s %s, %zu blocks of %zu + %zu bytes",
				      guard_kernels[k].name, guard_names[guard], s.nr, s.len,
				      s.md_len);
			}
		}
	}
}

/* A flipped bit must change the guard of its own block only. */
static void one_bit(void)
{
	struct shape s = { .len = 512, .stride = 520, .md_len = 8, .md_stride = 16, .nr = 12 };
	struct guard_job job = job_of(&s);

	for (size_t k = 0; k < guard_nr_kernels; k++) {
		for (unsigned guard = 0; guard < GUARDS && guard_kernels[k].runs(); guard++) {
			size_t block = below(s.nr), bit = below(8 * (s.len + s.md_len));
			uint8_t *p = bit / 8 < s.len ?
				     (uint8_t *)job.data + block * s.stride + bit / 8 :
				     (uint8_t *)job.md + block * s.md_stride + bit / 8 - s.len;
			uint64_t before[MAX_NR], after[MAX_NR];

			fn_of(&guard_kernels[k], guard)(&job, before);
			*p ^= 1u << bit % 8;
			fn_of(&guard_kernels[k], guard)(&job, after);
			*p ^= 1u << bit % 8;
			for (size_t i = 0; i < s.nr; i++)
				check((before[i] != after[i]) == (i == block),
				      "%s %s: bit %zu of block %zu and guard %zu",
				      guard_kernels[k].name, guard_names[guard], bit, block, i);
		}
	}
}

/*
 * Test the kernels' names, the environment variable, and that the three functions call the
 * selected kernel.
 */
static void selection(void)
{
	static guard_fn *const calls[GUARDS] = { guard_16b, guard_32b, guard_64b };
	struct shape s = { .len = 100, .stride = 100, .nr = 3 };
	struct guard_job job = job_of(&s);

	setenv("NVMEPI_GUARD", "portable", 1);
	check(!strcmp(guard_selected(), "portable"), "NVMEPI_GUARD=portable selects %s",
	      guard_selected());
	check(guard_select("no-such-kernel") == -EINVAL, "an unknown name is not refused");
	check(!strcmp(guard_selected(), "portable"), "a name refused changes the selection");
	for (size_t k = guard_nr_kernels; k--;) {
		const char *name = guard_kernels[k].name;
		int err = guard_select(name);

		check(err == (guard_kernels[k].runs() ? 0 : -ENOTSUP), "guard_select(%s) is %d",
		      name, err);
		check(err || !strcmp(guard_selected(), name), "%s selects %s", name,
		      guard_selected());
		for (unsigned guard = 0; guard < GUARDS; guard++) {
			uint64_t got[3];

			calls[guard](&job, got);
			check(got[2] == expected(&job, guard, 2), "guard_%s() under %s",
			      guard_names[guard], name);
		}
	}
}

static const struct {
	const char	*name;
	void		(*run)(void);
} cases[] = {
	{ "selection", selection },	/* must be first: the environment is read once */
	{ "check_values", check_values },
	{ "lengths", lengths },
	{ "metadata", metadata },
	{ "numbers", numbers },
	{ "alignments", alignments },
	{ "one_bit", one_bit },
	{ "random_blocks", random_blocks },
};

enum { NR_CASES = sizeof(cases) / sizeof(cases[0]) };

static bool wanted(const char *name, char **names)
{
	bool all = !*names;

	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return all;
}

static void help(void)
{
	puts("usage: test-kernels [--blocks=N] [CASE...]\n"
	     "Hold every guard kernel that this CPU runs against long division.\n"
	     "  --blocks=N   of random_blocks; otherwise 250000, with sanitizers 50000, or\n"
	     "               1000000 if TESTS_ALL is set in the environment\n"
	     "Cases:");
	for (int i = 0; i < NR_CASES; i++)
		printf("  %s\n", cases[i].name);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "blocks", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			exit(0);
		}
		if (c != 'b')
			exit(2);
		nr_blocks = strtoul(optarg, &end, 10);
		if (*end || !*optarg) {
			fprintf(stderr, "test-kernels: --blocks=%s is not a number\n", optarg);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	bool failed = false;

	if (getenv("TESTS_ALL"))
		nr_blocks = 1000000;
	parse(argc, argv);
	arena_init(&data_arena, MAX_NR * (MAX_LEN + 80));
	arena_init(&md_arena, MAX_NR * (MAX_MD + 20));
	arena_init(&copy_arena, 6 * (MAX_LEN + 80) + MAX_NR * 1100);
	for (size_t k = 0; k < guard_nr_kernels; k++)
		if (!guard_kernels[k].runs())
			printf("skip %s: this CPU lacks it\n", guard_kernels[k].name);
	for (int i = 0; i < NR_CASES; i++) {
		if (!wanted(cases[i].name, argv + optind))
			continue;
		why[0] = '\0';
		cases[i].run();
		printf("%s %s%s%s\n", why[0] ? "not ok" : "ok", cases[i].name,
		       why[0] ? ": " : "", why);
		fflush(stdout);
		failed |= why[0];
	}
	return failed;
}
