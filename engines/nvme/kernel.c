/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.c - see kernel.h */
#include <stdio.h>
#include <sys/utsname.h>
#include "kernel.h"

static const struct {
	unsigned	version, patch;		/* the first that has it */
	const char	*others;		/* what older ones do */
} table[KERNEL_NR_FEATURES] = {
	[KERNEL_PASSTHROUGH]	 = { 6, 0, "have no io_uring passthrough" },
	/* They use the buffers of the last command for that, and panic in bio_poll(). */
	[KERNEL_POLLED_DATALESS] = { 6, 5, "crash when they poll for a command without data" },
	[KERNEL_ATTRIBUTE]	 = { 6, 13, "take no protection information of a program for a block device" },
	[KERNEL_PROFILE]	 = { 6, 17, "say of NVMe alone how a block device's metadata is laid out" },
};

const char *kernel_lacks(enum kernel_feature f)
{
	static _Thread_local char text[160];
	unsigned version = 0, patch = 0;
	struct utsname u;

	if (!uname(&u) && sscanf(u.release, "%u.%u", &version, &patch) == 2 &&
	    (version > table[f].version || (version == table[f].version && patch >= table[f].patch)))
		return NULL;
	snprintf(text, sizeof(text), "kernels before %u.%u %s", table[f].version, table[f].patch, table[f].others);
	return text;
}
