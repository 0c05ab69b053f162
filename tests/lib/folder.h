/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * folder.h - run a test program in a folder of its own
 *
 * Tests run concurrently and start in the top folder of the tree, where files that they create by
 * relative names could collide.
 */
#ifndef FOLDER_H
#define FOLDER_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "unit.h"

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Run unit_main() in a new folder, and remove the folder with its contents afterwards. */
static inline int folder_unit_main(int argc, char **argv, const struct unit_case *cases, size_t nr)
{
	const char *tmp = getenv("TMPDIR");
	char folder[4096];
	int status;

	snprintf(folder, sizeof(folder), "%.3800s/nvmepi-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || chdir(folder)) {
		fprintf(stderr, "%s: no folder to work in: ", argv[0]);
		perror(folder);
		return 2;
	}
	status = unit_main(argc, argv, cases, nr);
	nftw(folder, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}

#endif
