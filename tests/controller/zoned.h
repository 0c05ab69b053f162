/* SPDX-License-Identifier: GPL-2.0-only */
/* zoned.h - a zoned image of the embedded controller, and its commands, for tests */
#ifndef ZONED_H
#define ZONED_H

#include <endian.h>

#include "tests/lib/controller-image.h"

enum { ZONE = 64, WRITABLE = 48, ZONES = 8, BLOCKS = ZONE * ZONES, DATA = 4096 };
enum { WRITE = 1, READ = 2, ZEROES = 8, SEND = 0x79, RECEIVE = 0x7a, APPEND = 0x7d };
enum { EMPTY = 1, IMPLICIT, EXPLICIT, CLOSED, FULL = 14 };
enum { CLOSE = 1, FINISH, OPEN, RESET, OFFLINE };

#define PIREMAP (1u << 25)
#define DNR(status) ((status) | 0x4000)

__attribute__((unused))
static const struct ns_format pi1 = F(DATA, 8, 0, 1, 0, 0, 0), pi2 = F(DATA, 16, 1, 2, 0, 2, 16),
			      pi3 = F(DATA, 8, 0, 3, 0, 0, 0), no_pi = F(DATA, 0, 0, 0, 0, 0, 0);

static uint8_t data[ZONE * (DATA + 16)], md[ZONE * 16];

static inline struct target_open zoned(const struct ns_format *f)
{
	static char path[PATH_MAX];

	strcpy(path, in_folder("z.img"));
	return (struct target_open) {
		.path = path, .write = true, .format = *f, .size = (uint64_t)BLOCKS * DATA,
		.zones = { .zone_size = ZONE * DATA, .zone_capacity = WRITABLE * DATA },
	};
}

static inline struct target_ns *open_as(const struct target_open *o)
{
	struct target_ns *ns = NULL;
	int ret = controller_target.open(o, &ns, why);

	if (!ret)
		return ns;
	printf("not ok open: %s (%d)\n", why, ret);
	exit(1);
}

static inline struct target_ns *make(const struct ns_format *f)
{
	const struct target_open o = zoned(f);

	remove_image("z.img");
	return open_as(&o);
}

/* A command on @nr blocks of the buffers. */
static inline struct nvme_uring_cmd on(uint8_t opcode, uint64_t lba, uint32_t nr, uint32_t cdw12)
{
	struct nvme_uring_cmd cmd = rw(opcode, lba, nr, data, sizeof(data));

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = sizeof(md);
	cmd.cdw12 |= cdw12;
	cmd.cdw14 = lba;
	return cmd;
}

static inline int write_at(struct target_ns *ns, uint64_t lba, uint32_t nr)
{
	return run(ns, on(WRITE, lba, nr, PRACT));
}

static inline int send(struct target_ns *ns, uint64_t zone, unsigned action)
{
	return run(ns, (struct nvme_uring_cmd) {
		.opcode = SEND, .nsid = 1, .cdw10 = zone * ZONE, .cdw13 = action,
	});
}

enum { ALL = 1 << 8 };

/* A report of the whole namespace; NULL: it failed. */
static inline const struct nvme_zone_report *report(struct target_ns *ns, uint32_t options, size_t room)
{
	static uint64_t page[(64 + ZONES * 64) / 8];
	struct nvme_uring_cmd cmd = {
		.opcode = RECEIVE, .nsid = 1, .addr = (uintptr_t)page, .data_len = sizeof(page),
		.cdw12 = (64 + room * 64) / 4 - 1, .cdw13 = options,
	};

	memset(page, 0xee, sizeof(page));
	return run(ns, cmd) ? NULL : (void *)page;
}

static inline void zone_is(struct target_ns *ns, unsigned zone, unsigned state, uint64_t wp, const char *when)
{
	const struct nvme_zone_report *r = report(ns, 0, ZONES);
	const struct nvme_zns_desc *z = r ? &r->entries[zone] : NULL;

	if (!UNIT_CHECK(r, "%s: no report", when))
		return;
	UNIT_CHECK(z->zs >> 4 == (int)state && z->zt == 2 && le64toh(z->zslba) == zone * ZONE &&
		   le64toh(z->zcap) == WRITABLE &&
		   le64toh(z->wp) == (state == FULL ? UINT64_MAX : zone * ZONE + wp),
		   "%s: zone %u is in state %x, at %lld, not %x at %llu", when, zone, z->zs >> 4,
		   (long long)le64toh(z->wp) - zone * ZONE, state, (unsigned long long)wp);
}

static inline void refused(int is, int want, const char *what)
{
	UNIT_CHECK(is == DNR(want), "%s: %x, not %x", what, is, DNR(want));
}

#endif
