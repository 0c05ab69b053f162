/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fork-lock.h - a mutex that a child of fork() never inherits locked
 *
 * fork() copies locks that other threads hold, but not these threads, so that the
 * child would wait for such a lock forever.  Therefore the thread that forks takes the
 * lock before fork(), and both parent and child release it afterwards.
 */
#ifndef VFY_FORK_LOCK_H
#define VFY_FORK_LOCK_H

#include <pthread.h>

/*
 * Declare this for the static pthread_mutex_t @lock of a file.  fork() takes the locks in the
 * order of falling @rank (101 and above).  A thread that holds several must take them in this
 * order too: a lock that is taken while another is held has the lower rank.
 */
#define VFY_HOLD_ACROSS_FORK(lock, rank) \
static void hold_##lock(void) \
{ \
	pthread_mutex_lock(&lock); \
} \
\
static void release_##lock(void) \
{ \
	pthread_mutex_unlock(&lock); \
} \
\
/* Handlers run in the reverse order of registration.  Register before there are threads. */ \
__attribute__((constructor(rank))) static void watch_forks_for_##lock(void) \
{ \
	pthread_atfork(hold_##lock, release_##lock, release_##lock); \
} \
struct vfy_fork_lock_##lock	/* takes the semicolon */

#endif
