// SPDX-License-Identifier: GPL-2.0-only
/*
 * coverage-exit.c - counts of lines from processes that end by _exit(), as fio's jobs do
 *
 * scripts/dev/coverage links this with everything that it builds. There each part registers the
 * function that writes its counts. Compiled with -DPRELOAD it is the library, for LD_PRELOAD, where
 * they are registered and that calls them in _exit().
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef void dump_fn(void);

#ifdef PRELOAD
enum { MAX = 64 };

static dump_fn *registered[MAX];

void coverage_replace(dump_fn *old, dump_fn *new);
void coverage_replace(dump_fn *old, dump_fn *new)
{
	for (unsigned i = 0; i < MAX; i++) {
		if (registered[i] == old) {
			registered[i] = new;
			return;
		}
	}
}

void _exit(int status)
{
	for (unsigned i = 0; i < MAX; i++)
		if (registered[i])
			registered[i]();
	syscall(SYS_exit_group, status);
	abort();
}
#else
extern dump_fn __gcov_dump;

static void replace(dump_fn *old, dump_fn *new)
{
	void (*call)(dump_fn *, dump_fn *) = (void (*)(dump_fn *, dump_fn *))dlsym(RTLD_DEFAULT, "coverage_replace");

	if (call)
		call(old, new);
}

__attribute__((constructor)) static void loaded(void)
{
	replace(NULL, __gcov_dump);
}

__attribute__((destructor)) static void unloaded(void)
{
	replace(__gcov_dump, NULL);
}
#endif
