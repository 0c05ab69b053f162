// SPDX-License-Identifier: GPL-2.0-only
/* session.c - see session.h */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "session.h"

enum {
	NEW_BLOCKS = 65536 + 2048,
	DEVICE_BLOCKS = 8192,
	IMAGE_BLOCKS = 131072,
	DEFAULT_LBS = 4096
};

static uint64_t new_blocks;		/* as --blocks says; 0: it does not */

static int extent(const struct target_open *o, const struct pi_layout *layout, uint64_t *blocks,
		  char why[WHY_MAX])
{
	(void)o;
	(void)layout;
	(void)why;
	*blocks = new_blocks ? new_blocks : NEW_BLOCKS;
	return 0;
}

char *session_image(pid_t pid)
{
	const char *folder = getenv("TMPDIR");
	char *path = NULL;

	if (!access("/dev/shm", W_OK))
		folder = "/dev/shm";
	if (asprintf(&path, "%s/nvmepi-qualify-%d.img", folder ? folder : "/tmp", (int)pid) <
	    0)
		args_die("out of memory");
	return path;
}

/* What --format does not say of a new image is what most drives have. */
static struct ns_format format_of(const struct args *a)
{
	struct ns_format f = a->format;

	if (a->target)
		return f;
	f.lbs = f.lbs < 0 ? DEFAULT_LBS : f.lbs;
	f.pi = f.pi < 0 ? 1 : f.pi;
	f.ms = f.ms < 0 ? (f.pi ? f.pif > 0 ? 16 : 8 : 0) : f.ms;
	return f;
}

bool session_try(const struct args *a, struct lab *l, const char *path, char why[WHY_MAX])
{
	const bool device = target_is_device(target_of(path));
	/* The block layer does not carry its commands: passthrough says what to give instead. */
	const struct target_ops *ops = device ? &ring_target : target_of(path);
	struct target_open o = {
		.path = path, .write = true, .format = format_of(a), .fault = a->fault,
		.extent = a->target ? NULL : extent,
	};

	new_blocks = a->blocks;
	if ((a->fault || a->defect) && device)
		args_die("--ns_fault and --ns_defect are for images");
#if HAVE_DEFECTS
	o.defect = a->defect;
#else
	if (a->defect)
		args_die("--ns_defect=%s: this build has no defects", a->defect);
#endif
	l->path = path;
	l->how = o;
	if (ops->open(&o, &l->ns, why))
		args_die("%s", why);
	l->fresh = l->ns->created;
	l->f.strict = a->strict;
	if (!lab_identify(l, why))
		return true;
	l->ns->refused = true;
	l->ns->ops->close(l->ns);
	return false;
}

void session_open(const struct args *a, struct lab *l, const char *path)
{
	char why[WHY_MAX];

	if (!session_try(a, l, path, why))
		args_die("%s", why);
}

void session_range(const struct args *a, struct lab *l)
{
	const uint64_t nr = l->f.nr_blocks;
	const uint64_t most = l->ns->ops == &ring_target ? DEVICE_BLOCKS : IMAGE_BLOCKS;

	l->first = 0;
	l->last = nr - 1;
	if (a->range)
		args_range(a, nr, &l->first, &l->last);
	else if (nr > most)
		l->last = most - 1;
	if (l->last - l->first >= 1 << 24)
		args_die("--range: at most %d blocks", 1 << 24);
}

void session_close(struct lab *l, bool remove)
{
	char why[WHY_MAX];

	if (remove && l->ns->ops->remove && l->ns->ops->remove(l->ns, why))
		fprintf(stderr, "nvmepi-qualify: %s\n", why);
	l->ns->ops->close(l->ns);
}
