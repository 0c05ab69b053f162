// SPDX-License-Identifier: GPL-2.0-only
/* report.c - see report.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "report.h"

static const struct report_writer writers[] = {
	{ "people", report_people }, { "tap", report_tap }, { "junit", report_junit },
	{ "json", report_json }, { "html", report_html },
};

const struct report_writer *report_writer(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		if (strlen(writers[i].name) == len && !strncmp(writers[i].name, name, len))
			return &writers[i];
	return NULL;
}

const char *report_writers(void)
{
	return "people, tap, junit, json or html";
}

void report_here(struct report *r)
{
	report_kernel(r->kernel);
	report_suite(r->suite);
}

/* --- files --- */

/* Every report has this near its beginning. */
static const char mark[] = "nvmepi-qualify";

int report_check(const char *path, char why[WHY_MAX])
{
	char head[512] = "";
	struct stat st;
	FILE *f;

	if (!strcmp(path, "-") || stat(path, &st))
		return 0;
	if (!S_ISREG(st.st_mode))
		return S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode) ? 0 :
		       refuse(why, EINVAL, "--output: %s is no ordinary file", path);
	f = fopen(path, "re");
	if (!f)
		return refuse(why, errno, "--output: %s: %s", path, strerror(errno));
	head[fread(head, 1, sizeof(head) - 1, f)] = 0;
	fclose(f);
	return !st.st_size || strstr(head, mark)
		       ? 0
		       : refuse(why, EEXIST,
				"--output: %s is no report of nvmepi-qualify: give another name",
				path);
}

/* Takes @f.  0, or errno. */
static int finish(FILE *f, const char *new, const char *path)
{
	int err = ferror(f) ? EIO : 0;

	if (f == stdout)
		return fflush(f) ? errno : err;
	if (fclose(f) && !err)
		err = errno;
	if (!err && new && rename(new, path))
		err = errno;
	if (err && new)
		unlink(new);
	return err;
}

int report_write(const struct report_writer *w, const char *path, const struct report *r,
		 char why[WHY_MAX])
{
	char new[PATH_MAX];
	struct stat st;
	const bool plain = strcmp(path, "-") && (stat(path, &st) || S_ISREG(st.st_mode));
	FILE *f = stdout;
	int err, fd;

	if (plain && snprintf(new, sizeof(new), "%s.nvmepi-new", path) >= (int)sizeof(new))
		return refuse(why, ENAMETOOLONG, "--output: %s: the name is too long", path);
	if (strcmp(path, "-")) {
		/* Do not wait for the reader of a FIFO. */
		fd = open(plain ? new : path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
		f = fd < 0 || fcntl(fd, F_SETFL, 0) ? NULL : fdopen(fd, "w");
	}
	if (!f)
		return refuse(why, errno, "--output: %s: %s", path, errno == ENXIO ? "nobody reads it" :
			      strerror(errno));
	w->write(f, r);
	err = finish(f, plain ? new : NULL, path);
	return err ? refuse(why, err, "--output: %s: no report was written: %s", path,
			    strerror(err))
		   : 0;
}

int report_scripts(const struct report *r, const char *folder, char why[WHY_MAX])
{
	char path[PATH_MAX], name[80];

	if (mkdir(folder, 0777) && errno != EEXIST)
		return refuse(why, errno, "--scripts=%s: %s", folder, strerror(errno));
	for (unsigned i = 0; i < r->run->nr; i++) {
		const struct result *x = &r->run->results[i];
		FILE *f;

		if (!x->finding.script)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, report_script_name(x->c, name));
		f = fopen(path, "we");
		if (!f || fputs(x->finding.script, f) < 0 || fclose(f))
			return refuse(why, errno, "--scripts: %s: %s", path, strerror(errno));
	}
	return 0;
}
