/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.h - what the running kernel cannot do: one table, by the version that can */
#ifndef NVME_KERNEL_H
#define NVME_KERNEL_H

enum kernel_feature {
	KERNEL_PASSTHROUGH,	/* NVMe commands through io_uring */
	KERNEL_POLLED_DATALESS,	/* polled commands that transfer no data */
	KERNEL_ATTRIBUTE,	/* I/Os of a block device that carry tuples of the caller */
	KERNEL_PROFILE,		/* FS_IOC_GETLBMD_CAP: the layout of any block device's metadata */
	KERNEL_NR_FEATURES,
};

/*
 * Return NULL if the running kernel has the feature, else why it has not: "kernels before 6.13 take
 * no ...".  The text is valid until the next call in the same thread.
 */
const char *kernel_lacks(enum kernel_feature f);

#endif
