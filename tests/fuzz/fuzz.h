/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - run one function with inputs that nobody thought of
 *
 * A target is a source test-NAME.c here with fuzz_one() and FUZZ_MAIN(), and a file NAME.seeds: one input a line,
 * with C's escapes \n, \\ and \xHH; lines that start with # are comments. What an input once broke
 * is kept there.
 *
 * As a test, it runs all seeds, and then inputs that are made of them at random, always the same
 * ones. Compiled with -DFUZZER (make fuzz), libFuzzer chooses the inputs instead. An input that
 * breaks something is printed as a line for NAME.seeds.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what a target reads its input with: past its end there are zeroes --- */

struct fuzz_in {
	const uint8_t	*at;
	size_t		left;
};

static inline uint64_t fuzz_take(struct fuzz_in *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->at++, in->left--)
		v |= (uint64_t)*in->at << 8 * i;
	return v;
}

/* Overwrite @to with records of the input: where (2 bytes), how many bytes, the bytes. */
static inline void fuzz_patch(struct fuzz_in *in, void *to, size_t size)
{
	while (in->left) {
		size_t at = fuzz_take(in, 2) % size, n = fuzz_take(in, 1) % 17;

		for (; n && at < size; n--)
			((uint8_t *)to)[at++] = fuzz_take(in, 1);
	}
}

/* Copy the rest of the input to a new string. */
static inline char *fuzz_text(const struct fuzz_in *in)
{
	char *text = malloc(in->left + 1);

	if (!text)
		exit(2);
	memcpy(text, in->at, in->left);
	text[in->left] = '\0';
	return text;
}

/* Ends the program: this must hold whatever the input is. */
#define FUZZ_CHECK(cond) \
	((cond) ? (void)0 : (fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond), abort()))

/* Of a message there must be one line. */
#define FUZZ_ONE_LINE(why) FUZZ_CHECK(*(why) && !strchr(why, '\n'))

/* Overwrite a file at places that the input names, and perhaps cut or extend it, if it is there. */
static inline void fuzz_damage_file(struct fuzz_in *in, const char *name)
{
	const int fd = open(name, O_RDWR);
	struct stat st;

	if (fd < 0)
		return;
	FUZZ_CHECK(!fstat(fd, &st));
	while (in->left) {
		const uint64_t at = fuzz_take(in, 3) % (st.st_size + 1), value = fuzz_take(in, 8);
		const unsigned n = fuzz_take(in, 1) % 10;

		if (n == 9)
			FUZZ_CHECK(!ftruncate(fd, at));
		else
			FUZZ_CHECK(pwrite(fd, &value, n, at) == n);
	}
	close(fd);
}

/* --- a folder to work in --- */

static char fuzz_folder[PATH_MAX];
static pid_t fuzz_pid;

static inline int fuzz_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fuzz_leave(void)
{
	if (*fuzz_folder && fuzz_pid == getpid())
		nftw(fuzz_folder, fuzz_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Make a folder the first time, and work in it. */
static inline void fuzz_enter(void)
{
	const char *tmp = getenv("TMPDIR");

	if (*fuzz_folder)
		return;
	snprintf(fuzz_folder, sizeof(fuzz_folder), "%.3800s/nvmepi-fuzz.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(fuzz_folder) || chdir(fuzz_folder)) {
		perror(fuzz_folder);
		exit(2);
	}
	fuzz_pid = getpid();
	atexit(fuzz_leave);
}

/* Write a file of the folder. */
static inline void fuzz_file(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(name, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		perror(name);
		exit(2);
	}
}

void fuzz_one(const uint8_t *data, size_t size);

#ifdef FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MAIN(name, inputs) \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
	{ \
		fuzz_one(data, size); \
		return 0; \
	}
#else
#include "fuzz-test.h"
#define FUZZ_MAIN(name, inputs) \
	int main(int argc, char **argv) \
	{ \
		return fuzz_test(argc, argv, name, inputs); \
	}
#endif

#endif
