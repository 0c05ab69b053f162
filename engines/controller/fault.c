// SPDX-License-Identifier: GPL-2.0-only
/* fault.c - see fault.h */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "verify/hash.h"
#include "verify/output.h"
#include "engines/nvme/ticks.h"
#include "fault.h"
#include "map.h"

/* Capacity for extents whose writes are dropped (stale); further ones are not recorded. */
#define MAX_STUCK 1024

struct run {
	uint64_t	lba;
	uint32_t	nr;
};

/* Apply a fault to write @w, using the random number @draw.  Returns 0, or -errno. */
typedef int fault_fn(struct ctl_port *port, struct run w, uint64_t draw);

struct ctl_fault {
	uint64_t	delay;		/* ns per command */
	const char	*kind;		/* NULL: none */
	fault_fn	*misdo;
	uint64_t	every, seed;
	uint64_t	writes;		/* so far */
	int		log;		/* a descriptor; -1: none */
	int		*log_err;	/* of the namespace */
	char		*log_path, *image;
	void		(*say)(const char *line);
	uint8_t		*blocks;	/* a copy of the journal's blocks */
	struct run	stuck[MAX_STUCK];
	unsigned	nr_stuck;
};

/* --- the log --- */

/* After the log has failed no write goes wrong: there would be no record of it. */
static void end_faults(struct ctl_fault *f, int err)
{
	char line[WHY_MAX];

	snprintf(line, sizeof(line), "%.150s: ns_fault_log=%.150s: %s: ns_fault ends here", f->image,
		 f->log_path, strerror(err));
	f->kind = NULL;
	*f->log_err = err;
	if (f->say)
		f->say(line);
}

/* Called before the fault.  Returns false if the line can't be written: the fault must not be injected. */
static bool tell(struct ctl_fault *f, struct run r, const char *more)
{
	char line[160];
	int len, ret;

	if (f->log < 0 || !f->kind)
		return f->kind;
	len = snprintf(line, sizeof(line),
		       "{\"kind\":\"%s\",\"lba\":%" PRIu64 ",\"nr\":%u%s}\n", f->kind, r.lba, r.nr, more);
	ret = vfy_output_line(f->log, &(struct iovec){ line, len }, 1);
	if (!ret)
		return true;
	end_faults(f, -ret);
	return false;
}

/* --- the faults --- */

static int lose(struct ctl_port *port, struct run w, uint64_t draw)
{
	(void)draw;
	return tell(port->fault, w, "") ? 0 : ctl_change(port, CTL_WRITE, w.lba, w.nr);
}

/* Write to another range of LBAs that does not overlap; if there is none, write correctly. */
static int misdirect(struct ctl_port *port, struct run w, uint64_t draw)
{
	const uint64_t places = port->image->format.nr_blocks - w.nr + 1;
	const uint64_t before = w.lba >= w.nr ? w.lba - w.nr + 1 : 0;
	const uint64_t after = w.lba + w.nr < places ? places - w.lba - w.nr : 0;
	uint64_t other;
	char more[40];

	if (!(before + after))
		return ctl_change(port, CTL_WRITE, w.lba, w.nr);
	other = draw % (before + after);
	if (other >= before)
		other += w.lba + w.nr - before;
	snprintf(more, sizeof(more), ",\"other\":%" PRIu64, other);
	return ctl_change(port, CTL_WRITE, tell(port->fault, w, more) ? other : w.lba, w.nr);
}

/* Read the second half of a block's data on media into f->blocks.  Returns 0, or -errno. */
static int read_half(struct ctl_port *port, uint64_t lba)
{
	const uint32_t half = port->image->media.data_size / 2;
	uint64_t seen;
	bool written;
	int ret;

	do {
		ret = ctl_read_begin(port, lba, 1, &seen);
		if (ret)
			return ret;
		ctl_map_run(&port->image->written, lba, 1, &written);
		if (written)
			memcpy(port->fault->blocks, ctl_data_at(port->image, lba) + half, half);
		else
			memset(port->fault->blocks, 0, half);
	} while (!ctl_read_end(port, lba, 1, seen));
	return 0;
}

/* Keep the old second half of one block.  It is not logged if both halves are equal. */
static int tear(struct ctl_port *port, struct run w, uint64_t draw)
{
	const uint32_t half = port->image->media.data_size / 2;
	const uint32_t i = draw % w.nr;
	uint8_t *new = ctl_journal_data(port) + (2 * (size_t)i + 1) * half;
	const struct run torn = { w.lba + i, 1 };
	int ret = read_half(port, torn.lba);

	if (ret)
		return ret;
	if (memcmp(new, port->fault->blocks, half) && tell(port->fault, torn, ""))
		memcpy(new, port->fault->blocks, half);
	return ctl_change(port, CTL_WRITE, w.lba, w.nr);
}

/* Return how many blocks at the start of @w are all stuck (*@stuck is true), or all not (false). */
static uint32_t stuck_run(const struct ctl_fault *f, struct run w, bool *stuck)
{
	uint64_t end = w.lba + w.nr;

	*stuck = false;
	for (unsigned i = 0; i < f->nr_stuck; i++) {
		const struct run *s = &f->stuck[i];

		if (s->lba <= w.lba && w.lba < s->lba + s->nr) {
			*stuck = true;
			return s->lba + s->nr < end ? s->lba + s->nr - w.lba : w.nr;
		}
		if (s->lba > w.lba && s->lba < end)
			end = s->lba;
	}
	return end - w.lba;
}

/* Write the blocks that are not stuck, extent by extent, from a copy of the journal. */
static int write_around(struct ctl_port *port, struct run w)
{
	const size_t data = port->image->media.data_size, md = port->image->media.md_size;
	struct ctl_fault *f = port->fault;
	int ret = 0;

	memcpy(f->blocks, ctl_journal_data(port), w.nr * (data + md));
	for (uint32_t i = 0, n; i < w.nr && !ret; i += n) {
		struct run part = { w.lba + i, w.nr - i };
		bool stuck;

		n = part.nr = stuck_run(f, part, &stuck);
		if (stuck && tell(f, part, ""))
			continue;
		memcpy(ctl_journal_data(port), f->blocks + i * data, n * data);
		memcpy(ctl_journal_md(port, n), f->blocks + w.nr * data + i * md, n * md);
		ret = ctl_change(port, CTL_WRITE, part.lba, n);
	}
	return ret;
}

static int stick(struct ctl_port *port, struct run w, uint64_t draw)
{
	struct ctl_fault *f = port->fault;

	(void)draw;
	if (f->nr_stuck < MAX_STUCK)
		f->stuck[f->nr_stuck++] = w;
	return write_around(port, w);
}

int ctl_fault_write(struct ctl_port *port, uint64_t lba, uint32_t nr)
{
	struct ctl_fault *f = port->fault;
	const struct run w = { lba, nr };
	uint64_t draw;

	if (!f->kind)
		return ctl_change(port, CTL_WRITE, lba, nr);
	draw = vfy_hash(vfy_hash(f->seed) + f->writes++);
	if (draw % f->every == 0)
		return f->misdo(port, w, vfy_hash(draw));
	return f->nr_stuck ? write_around(port, w) : ctl_change(port, CTL_WRITE, lba, nr);
}

/* Wait actively: a sleep would take longer than such a delay. */
void ctl_fault_wait(const struct ctl_fault *f)
{
	const uint64_t from = f->delay ? ticks_ns() : 0;

	while (f->delay && ticks_ns() - from < f->delay)
		;
}

/* --- options --- */

static const struct {
	const char	*name;
	fault_fn	*misdo;
} kinds[] = {
	{ "lost", lose }, { "stale", stick }, { "misdirected", misdirect }, { "torn", tear },
};

/*
 * Parse the number after @mark if **@text is @mark.  Returns false if the number is missing or
 * bad.
 */
static bool take_number(const char **text, char mark, uint64_t *value)
{
	char *end;

	if (**text != mark)
		return true;
	if ((*text)[1] < '0' || (*text)[1] > '9')
		return false;
	errno = 0;
	*value = strtoull(*text + 1, &end, 10);
	*text = end;
	return !errno;
}

static int parse(const char *text, struct ctl_fault *f, char *why)
{
	const size_t len = strcspn(text, "/@");
	const char *rest = text + len;

	f->every = 1000;
	f->seed = 1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == len && !strncmp(kinds[i].name, text, len)) {
			f->kind = kinds[i].name;
			f->misdo = kinds[i].misdo;
		}
	if (!f->kind || !take_number(&rest, '/', &f->every) || !take_number(&rest, '@', &f->seed) ||
	    *rest || !f->every)
		return refuse(why, EINVAL, "ns_fault=%s: give lost, stale, misdirected or torn, then "
			      "/N for one write in N, and optionally @SEED", text);
	return 0;
}

static bool has_fault_lines(int fd)
{
	return vfy_output_has_lines(fd, "kind", "lba");
}

static int open_log(const char *path, struct ctl_fault *f, char *why)
{
	const struct vfy_output o = {
		.use = VFY_USE_FAULT_LOG, .path = path, .streams = true, .ours = has_fault_lines,
	};
	int ret;

	if (!path)
		return 0;
	if (!f->kind)
		return refuse(why, EINVAL, "ns_fault_log=%s: there is nothing to log; give ns_fault, too",
			      path);
	ret = vfy_output_check(&o, why);
	if (ret)
		return ret;
	f->log_path = strdup(path);
	f->log = vfy_output_open(path, O_WRONLY | O_CREAT | O_APPEND);
	return f->log < 0 ? refuse(why, errno, "ns_fault_log=%s: %s", path, vfy_output_error(errno)) : 0;
}

int ctl_fault_open(const struct target_open *o, int *err, struct ctl_fault **f, char *why)
{
	struct ctl_fault *new;
	int ret = 0;

	*f = NULL;
	if (!o->fault && !o->fault_log && !o->delay_ns)
		return 0;
	new = calloc(1, sizeof(*new));
	if (!new)
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	new->delay = o->delay_ns;
	new->log = -1;
	new->log_err = err;
	new->say = o->say;
	new->image = strdup(o->path);
	if (o->fault)
		ret = parse(o->fault, new, why);
	ret = ret ? ret : open_log(o->fault_log, new, why);
	new->blocks = new->kind ? malloc(CTL_JOURNAL_BYTES) : NULL;
	if (!ret && (!new->image || (new->log >= 0 && !new->log_path) || (new->kind && !new->blocks)))
		ret = refuse(why, ENOMEM, "%s: out of memory", o->path);
	if (ret)
		ctl_fault_close(new);
	else
		*f = new;
	return ret;
}

void ctl_fault_close(struct ctl_fault *f)
{
	if (!f)
		return;
	if (f->log >= 0)
		close(f->log);
	free(f->log_path);
	free(f->image);
	free(f->blocks);
	free(f);
}
