/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz-test.h - a target as a test: its seeds, and inputs that are made of them at random
 *
 * usage: test-NAME [--inputs N] [--seed N] [--export FOLDER] [CASE...]
 */
#ifndef FUZZ_TEST_H
#define FUZZ_TEST_H

#include <getopt.h>

enum { FUZZ_MOST = 4096 };		/* bytes of an input */

struct fuzz_input {
	uint8_t		data[FUZZ_MOST];
	size_t		size;
};

static struct fuzz_input *fuzz_seeds, fuzz_now;
static unsigned fuzz_nr_seeds;
static uint64_t fuzz_state;

/* Called when an input breaks something: print it as a line for the file of seeds. */
static void fuzz_show(void)
{
	fprintf(stderr, "input: ");
	for (size_t i = 0; i < fuzz_now.size; i++) {
		const uint8_t c = fuzz_now.data[i];

		fprintf(stderr, c >= ' ' && c < 127 && c != '\\' && (i || c != '#') ? "%c" : "\\x%02x", c);
	}
	fprintf(stderr, "\n");
	fuzz_leave();
}

static void fuzz_died(int sig)
{
	fuzz_show();
	signal(sig, SIG_DFL);
	raise(sig);
}

__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void fuzz_catch(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGALRM };

	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(fuzz_show);
	for (unsigned i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		struct sigaction old;

		if (!sigaction(fatal[i], NULL, &old) && old.sa_handler == SIG_DFL)
			signal(fatal[i], fuzz_died);
	}
}

static void fuzz_do(void)
{
	alarm(30);		/* an input that takes so long has found an endless loop */
	fuzz_one(fuzz_now.data, fuzz_now.size);
	alarm(0);
}

/* --- seeds --- */

static struct fuzz_input fuzz_parse(const char *line)
{
	struct fuzz_input in = { .size = 0 };
	unsigned byte;

	for (; *line && *line != '\n' && in.size < FUZZ_MOST; line++) {
		if (line[0] == '\\' && line[1] == 'x' && sscanf(line + 2, "%2x", &byte) == 1) {
			in.data[in.size++] = byte;
			line += 3;
		} else if (line[0] == '\\' && line[1]) {
			in.data[in.size++] = *++line == 'n' ? '\n' : *line;
		} else {
			in.data[in.size++] = *line;
		}
	}
	return in;
}

static bool fuzz_load(const char *name)
{
	char path[PATH_MAX], line[4 * FUZZ_MOST + 2];
	struct fuzz_input *more;
	FILE *f;

	snprintf(path, sizeof(path), "tests/fuzz/%s.seeds", name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (*line == '#')
			continue;
		more = realloc(fuzz_seeds, (fuzz_nr_seeds + 1) * sizeof(*more));
		if (!more)
			return false;
		fuzz_seeds = more;
		fuzz_seeds[fuzz_nr_seeds++] = fuzz_parse(line);
	}
	return f && !fclose(f) && fuzz_nr_seeds;
}

static int fuzz_export(const char *folder)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < fuzz_nr_seeds; i++) {
		snprintf(path, sizeof(path), "%.3900s/seed-%u", folder, i);
		fuzz_file(path, fuzz_seeds[i].data, fuzz_seeds[i].size);
	}
	return 0;
}

/* --- random inputs --- */

static uint64_t fuzz_draw(uint64_t below)
{
	uint64_t z = fuzz_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

/* Replace @drop bytes at @at by the @nr bytes of @with. */
static void fuzz_splice(struct fuzz_input *in, size_t at, size_t drop, const uint8_t *with, size_t nr)
{
	const size_t rest = in->size - at - drop;

	if (at + nr + rest > FUZZ_MOST)
		return;
	memmove(in->data + at + nr, in->data + at + drop, rest);
	if (nr)
		memcpy(in->data + at, with, nr);
	in->size = at + nr + rest;
}

static void fuzz_change(struct fuzz_input *in)
{
	static const uint64_t some[] = { 0, 1, 7, 8, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1ULL << 63,
					 ~0ULL };
	static const char *const words[] = { "0", "-1", "18446744073709551615", "99999999999999999999", ",", ":",
					     "/", "@", "\n", "%s", "0x" };
	const struct fuzz_input *other = &fuzz_seeds[fuzz_draw(fuzz_nr_seeds)];
	const size_t at = fuzz_draw(in->size + 1), left = in->size - at;
	const uint64_t value = fuzz_draw(2) ? some[fuzz_draw(12)] : fuzz_draw(~0ULL);
	const size_t nr = 1 << fuzz_draw(4), from = other->size ? fuzz_draw(other->size) : 0;
	const char *word = words[fuzz_draw(sizeof(words) / sizeof(words[0]))];

	switch (fuzz_draw(6)) {
	case 0:
		if (left)
			in->data[at] ^= 1 << fuzz_draw(8);
		break;
	case 1:
		fuzz_splice(in, at, nr < left ? nr : left, (const uint8_t *)&value, nr);
		break;
	case 2:
		fuzz_splice(in, at, 0, (const uint8_t *)&value, nr);
		break;
	case 3:
		fuzz_splice(in, at, left ? fuzz_draw(left) + 1 : 0, NULL, 0);
		break;
	case 4:
		fuzz_splice(in, at, 0, other->data + from, fuzz_draw(other->size - from + 1));
		break;
	default:
		fuzz_splice(in, at, 0, (const uint8_t *)word, strlen(word));
	}
}

static int fuzz_test(int argc, char **argv, const char *name, unsigned long inputs)
{
	static const struct option options[] = { { "inputs", 1, NULL, 'i' }, { "seed", 1, NULL, 's' },
						 { "export", 1, NULL, 'e' }, { 0 } };
	const char *export = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return 2;
		if (c == 'e')
			export = optarg;
		else
			*(c == 's' ? (unsigned long *)&fuzz_state : &inputs) = strtoul(optarg, NULL, 0);
	}
	if (!fuzz_load(name)) {
		fprintf(stderr, "tests/fuzz/%s.seeds: no seeds\n", name);
		return 2;
	}
	if (export)
		return fuzz_export(export);
	fuzz_catch();
	for (unsigned i = 0; i < fuzz_nr_seeds; i++) {
		fuzz_now = fuzz_seeds[i];
		fuzz_do();
	}
	printf("ok %s: seeds\n", name);
	for (unsigned long i = 0; i < inputs; i++) {
		fuzz_now = fuzz_seeds[fuzz_draw(fuzz_nr_seeds)];
		for (unsigned n = 1 + fuzz_draw(6); n; n--)
			fuzz_change(&fuzz_now);
		fuzz_do();
	}
	printf("ok %s: inputs made of them\n", name);
	return 0;
}

#endif
