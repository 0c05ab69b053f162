// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail-call.c - for LD_PRELOAD: one call of one object fails
 *
 * FAIL_STATE is a file of three numbers of eight bytes: how many calls were counted so far, in all
 * processes that inherit the environment; which of them fails (0: none); and where in the object it
 * returned to, for addr2line.  Calls count that the
 * object FAIL_IN makes (a part of its path), and that allocate memory (FAIL_WHAT=memory: they fail
 * with ENOMEM) or need space in a file system (FAIL_WHAT=space: ENOSPC).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static struct { _Atomic uint64_t counted, fails, where; } *state;
static const char *object;
static bool memory;
static uintptr_t base, from, to;	/* where it is, and its code */

static int find(struct dl_phdr_info *info, size_t size, void *own)
{
	const char *name = *info->dlpi_name ? info->dlpi_name : own;

	(void)size;
	if (!strstr(name, object))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
			base = info->dlpi_addr;
			from = base + info->dlpi_phdr[i].p_vaddr;
			to = from + info->dlpi_phdr[i].p_memsz;
		}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("FAIL_STATE"), *what = getenv("FAIL_WHAT");
	const int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	object = getenv("FAIL_IN");
	memory = what && !strcmp(what, "memory");
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED && object)
		state = p;
}

/* Returns whether this call, which is going to return to @caller, fails. */
static bool fails(bool for_memory, void *caller)
{
	static char own[4096];

	if (!state || memory != for_memory)
		return false;
	if (!from) {
		if (!*own && readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
			return false;
		dl_iterate_phdr(find, own);
	}
	if ((uintptr_t)caller < from || (uintptr_t)caller >= to)
		return false;
	if (atomic_fetch_add(&state->counted, 1) + 1 != atomic_load(&state->fails))
		return false;
	atomic_store(&state->where, (uintptr_t)caller - base);
	errno = memory ? ENOMEM : ENOSPC;
	return true;
}

#define CALLER __builtin_return_address(0)
#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

/* glibc's own names, because dlsym() itself may allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size)
{
	return fails(true, CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t nr, size_t size)
{
	return fails(true, CALLER) ? NULL : __libc_calloc(nr, size);
}

void *realloc(void *p, size_t size)
{
	return fails(true, CALLER) ? NULL : __libc_realloc(p, size);
}

int posix_memalign(void **p, size_t align, size_t size)
{
	if (fails(true, CALLER))
		return ENOMEM;
	*p = __libc_memalign(align, size);
	return *p ? 0 : ENOMEM;
}

char *strndup(const char *s, size_t n)
{
	const size_t len = strnlen(s, n);
	char *copy = fails(true, CALLER) ? NULL : __libc_malloc(len + 1);

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

char *strdup(const char *s)
{
	const size_t size = strlen(s) + 1;
	char *copy = fails(true, CALLER) ? NULL : __libc_malloc(size);

	return copy ? memcpy(copy, s, size) : NULL;
}

ssize_t write(int fd, const void *buf, size_t size)
{
	return fd > 2 && fails(false, CALLER) ? -1 : REAL(ssize_t, "write", int, const void *, size_t)(fd, buf, size);
}

ssize_t pwrite(int fd, const void *buf, size_t size, off_t at)
{
	return fails(false, CALLER) ? -1 : REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, buf, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int nr)
{
	return fails(false, CALLER) ? -1 : REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, parts, nr);
}

int fsync(int fd)
{
	return fails(false, CALLER) ? -1 : REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd)
{
	return fails(false, CALLER) ? -1 : REAL(int, "fdatasync", int)(fd);
}

int rename(const char *from, const char *to)
{
	return fails(false, CALLER) ? -1 : REAL(int, "rename", const char *, const char *)(from, to);
}

int ftruncate(int fd, off_t size)
{
	return fails(false, CALLER) ? -1 : REAL(int, "ftruncate", int, off_t)(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
	return fails(false, CALLER) ? -1 : REAL(int, "fallocate", int, int, off_t, off_t)(fd, mode, at, size);
}

int mkdir(const char *path, mode_t mode)
{
	return fails(false, CALLER) ? -1 : REAL(int, "mkdir", const char *, mode_t)(path, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (flags & O_CREAT && fails(false, CALLER))
		return -1;
	return REAL(int, "open", const char *, int, ...)(path, flags, mode);
}

/* Returns whether a file is being written, that is not for the user to look at. */
static bool is_written(FILE *f)
{
	return f && fileno(f) > 2 && (fcntl(fileno(f), F_GETFL) & O_ACCMODE) != O_RDONLY;
}

int fflush(FILE *f)
{
	return is_written(f) && fails(false, CALLER) ? EOF : REAL(int, "fflush", FILE *)(f);
}

int fclose(FILE *f)
{
	const bool failed = is_written(f) && fails(false, CALLER);
	const int ret = REAL(int, "fclose", FILE *)(f);

	if (failed)
		errno = ENOSPC;
	return failed ? EOF : ret;
}
