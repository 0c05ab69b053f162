/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fork-lock.h - a lock that no child of fork() inherits as held
 *
 * fork() copies the locks that other threads hold, and none of these threads: a child
 * would wait for such a lock for ever.  So the thread that forks takes the lock first,
 * and parent and child both let it go.
 */
#ifndef VFY_FORK_LOCK_H
#define VFY_FORK_LOCK_H

#include <pthread.h>

/*
 * For the static pthread_mutex_t @lock of a file.  Locks are taken in the order of falling
 * @rank (101 and up), as those do that hold several: a lock that is taken while another
 * is held has the lower rank.
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
/* Handlers run in the reverse order of being asked for: before there can be threads. */ \
__attribute__((constructor(rank))) static void watch_forks_for_##lock(void) \
{ \
	pthread_atfork(hold_##lock, release_##lock, release_##lock); \
} \
struct vfy_fork_lock_##lock	/* takes the semicolon */

#endif
