/* SPDX-License-Identifier: GPL-2.0-only */
/* image.h - an image of 64 blocks in the folder of a target, and commands for it */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include <errno.h>
#include "engines/controller/controller.h"
#include "engines/nvme/nvme.h"
#include "fuzz.h"

enum { BLOCKS = 64, DATA_MOST = 4096, MD_MOST = 64 };

static const struct ns_format fuzz_formats[] = {
	{ 512, 0, 0, 0, 0, 0, 0 }, { 512, 8, 0, 1, 0, 0, 0 }, { 4096, 16, 1, 2, 1, 2, 16 }, { 4096, 64, 0, 3, 0, 1, 32 },
};
enum { NR_FORMATS = sizeof(fuzz_formats) / sizeof(fuzz_formats[0]) };

static inline int fuzz_open(struct target_open o, struct target_ns **ns)
{
	static char why[WHY_MAX];
	int ret;

	o.path = "x.img";
	*why = '\0';
	ret = controller_target.open(&o, ns, why);
	if (ret)
		FUZZ_ONE_LINE(why);
	return ret;
}

/* Create the image anew. */
static inline struct target_ns *fuzz_create(const struct ns_format *f, const char *cache)
{
	static const char *const files[] = { "x.img", "x.img.format", "x.img.state", "x.img.cache" };
	const struct target_open o = { .write = true, .format = *f, .size = (uint64_t)BLOCKS * f->lbs, .cache = cache };
	struct target_ns *ns = NULL;

	fuzz_enter();
	for (unsigned i = 0; i < 4; i++)
		unlink(files[i]);
	FUZZ_CHECK(!fuzz_open(o, &ns));
	return ns;
}

/* Read or write @nr blocks from @lba on, without checks of the controller. */
static inline int fuzz_blocks(struct target_ns *ns, uint8_t opcode, uint64_t lba, uint32_t nr)
{
	static uint8_t data[BLOCKS * (DATA_MOST + MD_MOST)], md[BLOCKS * MD_MOST];
	struct nvme_identify id;
	struct nvme_ns_info info;
	struct nvme_uring_cmd cmd;
	char why[WHY_MAX];

	FUZZ_CHECK(!nvme_identify_all(ns, &id));
	FUZZ_CHECK(!nvme_decode(&id, 1, &info, why));
	if (info.layout.data_size > DATA_MOST || info.layout.md_size > MD_MOST)
		return 0;
	nvme_build_io(&cmd, &info, &(struct nvme_io){
		.opcode = opcode, .slba = lba, .nr_blocks = nr, .data = data, .md = md });
	return controller_target.io(ns, &cmd);
}

#endif
