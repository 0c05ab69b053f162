// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-image-files.c - whatever is in x.img.format, .state and .cache, the image is opened or refused
 * in one line, its size does not change, and commands end
 */
#include "image.h"

static void prepare(const struct ns_format *f, bool cached)
{
	struct target_ns *ns = fuzz_create(f, cached ? "volatile@1" : NULL);

	FUZZ_CHECK(!fuzz_blocks(ns, nvme_cmd_write, 3, 5));
	controller_target.close(ns);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "x.img.format", "x.img.state", "x.img.cache" };
	struct fuzz_in in = { data, size };
	const unsigned which = fuzz_take(&in, 1) % 3, how = fuzz_take(&in, 1);
	const struct ns_format *f = &fuzz_formats[how % NR_FORMATS];
	struct target_open o = { .write = how & 16, .format = NS_FORMAT_ANY };
	struct stat before, after;
	struct target_ns *ns;

	prepare(f, which == 2);
	FUZZ_CHECK(!stat("x.img", &before));
	if (which)
		fuzz_damage_file(&in, names[which]);
	else
		fuzz_file(names[which], in.at, in.left);
	o.cache = how & 32 ? "volatile@2" : NULL;
	if (!fuzz_open(o, &ns)) {
		for (uint64_t lba = 0; lba < BLOCKS; lba += 8) {
			const int ret = fuzz_blocks(ns, nvme_cmd_read, lba, 8);

			FUZZ_CHECK(ret > -4096 && ret <= 0x7fff);
		}
		if (o.write)
			fuzz_blocks(ns, nvme_cmd_write, 60, 8);
		controller_target.close(ns);
	}
	FUZZ_CHECK(!stat("x.img", &after) && after.st_size == before.st_size);
}

FUZZ_MAIN("image-files", 1000)
