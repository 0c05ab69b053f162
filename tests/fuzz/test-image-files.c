// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-image-files.c - whatever is in x.img.format, .state and .cache, the image is opened or refused
 * in one line, its size does not change, and commands end
 */
#include <fcntl.h>
#include "image.h"

/* Overwrite, and perhaps cut or extend, a file that is mostly holes. */
static void damage(const char *name, struct fuzz_in *in)
{
	int fd = open(name, O_RDWR);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return;
	}
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
		damage(names[which], &in);
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
