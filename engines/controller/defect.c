// SPDX-License-Identifier: GPL-2.0-only
/* defect.c - the option ns_defect, and the way of a command through the defects; see defect.h */
#include "io.h"	/* must be first: libnvme replaces a header of the kernel */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "defect.h"
#include "defect-parts.h"

/* New rows go to the end of the last table: a row's number decides to which half it belongs. */
static const struct ctl_defect_table *const tables[] = {
	&ctl_defects_check, &ctl_defects_field, &ctl_defects_tuple, &ctl_defects_data,
	&ctl_defects_command, &ctl_defects_media, &ctl_defects_copy, &ctl_defects_identify,
	&ctl_defects_cache, &ctl_defects_recovery,
};
enum { NR_TABLES = sizeof(tables) / sizeof(tables[0]) };

/* Row @i of all tables; *@second: it belongs to the second half.  NULL past the last one. */
static const struct ctl_defect *row(unsigned i, bool *second)
{
	for (unsigned t = 0; t < NR_TABLES; i -= tables[t++]->nr)
		if (i < tables[t]->nr) {
			*second = i & 1;
			return &tables[t]->rows[i];
		}
	return NULL;
}

bool ctl_defects(unsigned i, const char **name, const char **what)
{
	bool second;
	const struct ctl_defect *d = row(i, &second);

	if (!d)
		return false;
	*name = d->name;
	*what = d->what;
	return true;
}

const char *ctl_defect_half(const char *name)
{
	const struct ctl_defect *d;
	bool second;

	for (unsigned i = 0; (d = row(i, &second)); i++)
		if (!strcmp(d->name, name))
			return second ? "second" : "first";
	return NULL;
}

/* --- the option --- */

static bool is_named(const struct ctl_defect *d, const char *name, size_t len)
{
	return strlen(d->name) == len && !memcmp(d->name, name, len);
}

static const struct ctl_defect *find(const char *name, size_t len)
{
	const struct ctl_defect *d;
	bool second;

	for (unsigned i = 0; (d = row(i, &second)); i++)
		if (is_named(d, name, len))
			return d;
	return NULL;
}

bool ctl_defect_shows(const char *name, const struct ns_format *f)
{
	const struct ctl_defect *d = find(name, strlen(name));
	struct ns_format all = *f;

	all.pif = f->pif < 0 ? 0 : f->pif;
	all.pil = f->pil < 0 ? 0 : f->pil;
	all.sts = f->sts < 0 ? 0 : f->sts;
	all.mset = f->mset < 0 ? 0 : f->mset;
	return !d || ctl_defect_is_on(d, &all);
}

const char *ctl_defect_excuse(const char *name)
{
	const struct ctl_defect *d = find(name, strlen(name));

	return d ? d->excuse : NULL;
}

static bool is_of_cache(const struct ctl_defect *d)
{
	return d >= ctl_defects_cache.rows && d < ctl_defects_cache.rows + ctl_defects_cache.nr;
}

static int list(const char *path, char *why)
{
	const struct ctl_defect *d;
	unsigned i = 0;
	bool second;

	for (; (d = row(i, &second)); i++)
		printf("%-28s %-6s  %s%s\n", d->name, second ? "second" : "first", d->what,
		       is_of_cache(d) ? " (power loss)" : "");
	fflush(stdout);
	return refuse(why, EINVAL, "%s: ns_defect=list: the %u names are listed, nothing was done; give some "
		      "of them, separated by commas", path, i);
}

static int add(struct ctl_defects *all, const char *name, size_t len, char *why)
{
	const struct ctl_defect *d = find(name, len);

	if (!d)
		return refuse(why, EINVAL, "ns_defect=%.*s: there is no such defect; ns_defect=list lists all",
			      (int)(len < 40 ? len : 40), name);
	if (all->nr == CTL_MAX_ACTIVE)
		return refuse(why, EINVAL, "ns_defect=: give at most %d names", CTL_MAX_ACTIVE);
	all->active[all->nr++] = d;
	return 0;
}

int ctl_defects_open(const struct target_open *o, struct ctl_defects **all, char *why)
{
	const char *name = o->defect;
	struct ctl_defects *new;
	int ret = 0;

	*all = NULL;
	if (!name)
		return 0;
	if (!strcmp(name, "list"))
		return list(o->path, why);
	new = calloc(1, sizeof(*new));
	if (!new)
		return refuse(why, ENOMEM, "%s: out of memory", o->path);
	pthread_mutex_init(&new->lock, NULL);
	for (size_t len; !ret; name += len + 1) {
		len = strcspn(name, ",");
		ret = add(new, name, len, why);
		if (!name[len])
			break;
	}
	if (ret)
		ctl_defects_close(new);
	else
		*all = new;
	return ret;
}

void ctl_defects_close(struct ctl_defects *all)
{
	if (all)
		pthread_mutex_destroy(&all->lock);
	free(all);
}

/* --- I/O commands --- */

static unsigned op_of(uint8_t opcode)
{
	static const struct {
		uint8_t		opcode;
		unsigned	op;
	} ops[] = {
		{ nvme_cmd_flush, OP_FLUSH }, { nvme_cmd_write, OP_WRITE }, { nvme_cmd_read, OP_READ },
		{ nvme_cmd_write_uncor, OP_UNCOR }, { nvme_cmd_compare, OP_COMPARE },
		{ nvme_cmd_write_zeroes, OP_ZEROES }, { nvme_cmd_dsm, OP_DSM },
		{ nvme_cmd_verify, OP_VERIFY }, { nvme_cmd_copy, OP_COPY },
	};

	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].opcode == opcode)
			return ops[i].op;
	return OP_OTHER;
}

static int execute(struct ctl_act *a)
{
	const struct ctl_defects *all = a->all;
	int ret = CTL_GO_ON;

	for (unsigned i = 0; i < all->nr && ret == CTL_GO_ON; i++) {
		a->r = ctl_range_of(a->img, &a->cmd);
		if (all->active[i]->command && ctl_defect_holds(a, all->active[i], CTL_WHOLE))
			ret = all->active[i]->command(a, all->active[i]);
	}
	if (ret == CTL_GO_ON)
		ret = ctl_act_run(a);
	for (unsigned i = 0; i < all->nr; i++)
		if (all->active[i]->result && ctl_defect_holds(a, all->active[i], CTL_WHOLE))
			ret = all->active[i]->result(a, all->active[i], ret);
	return ret;
}

static bool is_failed_check(int res)
{
	const int status = res > 0 ? res & NVME_ST_MASK : 0;

	return (status >= NVME_ST_GUARD && status <= NVME_ST_REF) || status == NVME_ST_STORAGE;
}

static void remember(struct ctl_defects *all, const struct ctl_act *a,
		     const struct nvme_uring_cmd *cmd, int res)
{
	all->after_bad |= res > 0 && (res & NVME_ST_MASK) == CTL_ST_UNRECOVERED;
	all->after_flush = a->op == OP_FLUSH;
	all->after_fail = is_failed_check(res);
	all->last = *cmd;
	if (a->op == OP_WRITE && !res) {
		all->last_write = a->r;
		all->last_flight = a->flight;
		all->last_write_at = all->commands;
	}
}

int ctl_defects_io(struct ctl_defects *all, struct ctl_port *port, const struct nvme_uring_cmd *cmd,
		   bool may_write, unsigned flight)
{
	const unsigned others = atomic_fetch_add(&all->inside, 1);
	struct ctl_act *a = calloc(1, sizeof(*a));
	int ret = -ENOMEM;

	pthread_mutex_lock(&all->lock);
	if (a) {
		a->all = all;
		a->port = port;
		a->img = port->image;
		a->cmd = *cmd;
		a->may_write = may_write;
		a->op = op_of(cmd->opcode);
		a->flight = flight + others;
		all->commands++;
		ret = execute(a);
		remember(all, a, cmd, ret);
		free(a->data);
		free(a->md);
		free(a->media);
		free(a->media_md);
	}
	pthread_mutex_unlock(&all->lock);
	atomic_fetch_sub(&all->inside, 1);
	free(a);
	return ret;
}

/* --- admin commands --- */

static void damage_page(struct ctl_defects *all, const struct ctl_image *img,
			const struct nvme_uring_cmd *cmd)
{
	const unsigned cns = cmd->cdw10 & 0xff;
	uint8_t *page = (uint8_t *)(uintptr_t)cmd->addr;

	if (cns == NVME_IDENTIFY_CNS_NS && !all->has_page) {
		memcpy(all->page, page, sizeof(all->page));
		all->has_page = true;
	}
	for (unsigned i = 0; i < all->nr; i++)
		if (all->active[i]->page && all->active[i]->q == cns)
			all->active[i]->page(all, img, all->active[i], cns, page);
}

int ctl_defects_admin(struct ctl_defects *all, struct ctl_image *img,
		      struct nvme_uring_cmd *cmd, bool may_write)
{
	const struct pi_layout before = img->media;
	int ret;

	pthread_mutex_lock(&all->lock);
	ret = ctl_admin(img, cmd, may_write);
	if (!ret && cmd->opcode == nvme_admin_identify)
		damage_page(all, img, cmd);
	if (!ret && cmd->opcode == nvme_admin_format_nvm) {
		all->after_format = true;
		all->old = before;
	}
	pthread_mutex_unlock(&all->lock);
	return ret;
}
