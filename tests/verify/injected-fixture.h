/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * injected-fixture.h - the table of damaged blocks, for its tests; its files are created in a
 * temporary folder under TMPDIR (/tmp by default)
 */
#ifndef FAULTS_FIXTURE_H
#define FAULTS_FIXTURE_H

#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "verify/injected.h"
#include "verify/verify.h"
#include "tests/lib/unit.h"

#define DAMAGED(what)	((struct vfy_injected_block){ VFY_DAMAGED, what })
#define UNSETTLED(what)	((struct vfy_injected_block){ VFY_UNSETTLED, what })
#define SOUND		((struct vfy_injected_block){ VFY_SOUND, 0 })

static char folder[4000];

static inline const char *in_folder(const char *name)
{
	static char path[sizeof(folder) + 100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static inline struct vfy_injected *book(const char *path)
{
	char why[VFY_WHY_MAX] = "";
	struct vfy_injected *f = vfy_injected_open(path, true, why);

	if (!f) {
		printf("not ok %s: %s\n", CU_get_current_test()->pName, why);
		exit(1);
	}
	return f;
}

static inline void is(struct vfy_injected *f, uint64_t ns, uint64_t lba, struct vfy_injected_block want)
{
	struct vfy_injected_block got = vfy_injected_get(f, ns, lba);

	UNIT_CHECK(got.state == want.state && got.shows == want.shows,
		   "block %" PRIu64 ":%" PRIu64 " is %d %x, wanted %d %x", ns, lba, got.state,
		   got.shows, want.state, want.shows);
}

static inline void set(struct vfy_injected *f, uint64_t ns, uint64_t lba, struct vfy_injected_block b)
{
	int err = vfy_injected_set(f, ns, lba, b);

	UNIT_CHECK(!err, "block %" PRIu64 ":%" PRIu64 ": %d", ns, lba, err);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

/* Run unit_main() with a temporary folder, and remove it with its contents afterwards. */
static inline int faults_unit_main(int argc, char **argv, const struct unit_case *cases, size_t nr)
{
	const char *tmp = getenv("TMPDIR");
	int status;

	snprintf(folder, sizeof(folder), "%.3800s/test-faults.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		return 2;
	}
	status = unit_main(argc, argv, cases, nr);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}

#endif
