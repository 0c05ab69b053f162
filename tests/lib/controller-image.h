/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * controller-image.h - images of the embedded controller in a temporary folder, and helpers to
 * open them and to send commands
 *
 * The folder is created under TMPDIR (default /tmp) and removed at the end.
 */
#ifndef CTL_IMAGE_H
#define CTL_IMAGE_H

#include <ftw.h>
#include <limits.h>
#include <stdlib.h>

#include "engines/nvme/nvme.h"
#include "engines/controller/controller.h"
#include "unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static char folder[PATH_MAX];
static _Thread_local char why[WHY_MAX];

/* Return the path of a file in the folder; the string is valid until the fourth next call. */
static inline const char *in_folder(const char *name)
{
	static _Thread_local char paths[4][PATH_MAX];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 4];

	if (snprintf(path, PATH_MAX, "%.3900s/%s", folder, name) < 0)
		abort();
	return path;
}

static inline void remove_image(const char *name)
{
	char path[PATH_MAX];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%.200s%s", name,
			 (const char *[]){ "", ".format", ".state" }[i]);
		unlink(in_folder(path));
	}
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

/* Create the folder, run unit_main(), and remove the folder. */
static inline int folder_main(int argc, char **argv, const struct unit_case *cases, size_t nr)
{
	const char *tmp = getenv("TMPDIR");
	int ret;

	snprintf(folder, sizeof(folder), "%.3800s/nvmepi-controller.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		perror(argv[0]);
		return 2;
	}
	ret = unit_main(argc, argv, cases, nr);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return ret;
}

/* --- formats --- */

#define F(lbs, ms, mset, pi, pil, pif, sts) { lbs, ms, mset, pi, pil, pif, sts }

static const struct ns_format formats[] = {
	F(512, 0, 0, 0, 0, 0, 0),	F(4096, 0, 0, 0, 0, 0, 0),
	F(512, 8, 0, 0, 0, 0, 0),	F(4096, 64, 1, 0, 0, 0, 0),
	F(512, 8, 0, 1, 0, 0, 0),	F(512, 8, 1, 1, 1, 0, 0),
	F(512, 8, 0, 2, 0, 0, 0),	F(512, 8, 1, 3, 0, 0, 0),
	F(512, 16, 0, 1, 0, 0, 0),	F(512, 16, 1, 1, 1, 0, 0),
	F(512, 64, 1, 2, 0, 0, 0),	F(512, 64, 0, 3, 1, 0, 0),
	F(512, 8, 0, 1, 0, 0, 16),	F(512, 8, 1, 2, 0, 0, 32),
	F(512, 12, 0, 3, 0, 0, 8),	F(4096, 8, 0, 1, 0, 0, 0),
	F(4096, 8, 1, 2, 1, 0, 0),	F(4096, 16, 0, 1, 0, 2, 0),
	F(4096, 16, 1, 2, 1, 2, 16),	F(4096, 64, 0, 3, 0, 2, 0),
	F(512, 16, 0, 1, 0, 2, 0),	F(512, 16, 1, 1, 1, 2, 48),
	F(512, 24, 0, 2, 0, 2, 24),	F(512, 64, 1, 3, 1, 2, 0),
	F(4096, 16, 0, 1, 0, 1, 16),	F(512, 16, 1, 1, 1, 1, 64),
	F(512, 32, 0, 2, 0, 1, 40),	F(512, 64, 1, 3, 0, 1, 16),
	F(1024, 9, 0, 1, 0, 0, 0),	F(2048, 128, 1, 1, 0, 0, 31),
};

/* Return a text for messages; it is overwritten by the next call. */
static inline const char *name_of(const struct ns_format *n)
{
	static char text[100];

	snprintf(text, sizeof(text), "%d+%d %s type %d %s pif %d sts %d", n->lbs, n->ms,
		 n->mset ? "extended" : "separate", n->pi, n->pil ? "first" : "last", n->pif,
		 n->sts);
	return text;
}

/* --- open images and send commands --- */

static inline int try_open(struct target_ns **ns, const char *name, const struct ns_format *f,
			   uint64_t size, bool write)
{
	const struct target_open o = { .path = in_folder(name), .write = write, .format = *f,
				      .size = size };

	*why = '\0';
	return controller_target.open(&o, ns, why);
}

static const struct ns_format any_format = NS_FORMAT_ANY;

/* Open or create an image for writing; exit with a message if that fails. */
static inline struct target_ns *must_open(const char *name, const struct ns_format *f,
					  uint64_t size)
{
	struct target_ns *ns;
	int ret = try_open(&ns, name, f, size, true);

	if (!ret)
		return ns;
	printf("not ok open: %s (%d)\n", why, ret);
	exit(1);
}

static inline struct nvme_uring_cmd rw(uint8_t opcode, uint64_t lba, uint32_t nr, void *data,
				       size_t len)
{
	return (struct nvme_uring_cmd) {
		.opcode = opcode, .nsid = 1, .addr = (uintptr_t)data, .data_len = len,
		.cdw10 = lba, .cdw11 = lba >> 32, .cdw12 = nr - 1,
	};
}

static inline int run(struct target_ns *ns, struct nvme_uring_cmd cmd)
{
	return controller_target.io(ns, &cmd);
}

#define PRACT (1u << 29)
#define PRCHK_GUARD (1u << 28)
#define PRCHK_APP (1u << 27)
#define PRCHK_REF (1u << 26)
#define STC (1u << 24)

#endif
