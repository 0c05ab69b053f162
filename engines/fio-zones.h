/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-zones.h - the hooks of fio's zonemode=zbd: reports, resets, finishes and limits of zones
 *
 * A part of fio.c: included there once, before fio-queue.h. fio calls them in setup, and in the jobs
 * while commands are in flight; the commands of zones have no buffers of the job's queue, so they
 * are sent one by one. All return what fio expects: a negative errno, which errno has as well.
 */
#ifndef FIO_ZONES_H
#define FIO_ZONES_H

/* Returns -errno for a result of a command, and says which command it was. */
static int zone_error(const struct job_ns *ns, const char *what, uint64_t slba, int res)
{
	char name[NVME_STATUS_MAX];

	if (!res)
		return 0;
	log_err("nvmepi: %s: %s of the zone at LBA %llu failed: %s\n", ns->path, what,
		(unsigned long long)slba, nvme_result_name(res, name));
	errno = nvme_result_errno(res);
	return -errno;
}

static struct job_ns *zoned_ns(struct fio_file *f)
{
	return FILE_ENG_DATA(f);
}

/* Returns whether writes that were damaged on purpose may be rejected while others are behind them. */
static bool rejects_in_line(struct thread_data *td, const struct job_ns *ns)
{
	const struct options *o = td->eo;

	return ns->info.zones.blocks && o->pi_inject && td_write(td) && o->pi_inject_into - 1 != SESSION_INTO_READ &&
	       td->o.iodepth > 1 && ns->prchk;
}

static int engine_get_zoned_model(struct thread_data *td, struct fio_file *f, enum zbd_zoned_model *model)
{
	const struct job_ns *ns = zoned_ns(f);
	const char *why = NULL;

	if (ns->host_block % 512)		/* fio would abort */
		why = "zonemode=zbd needs bs in whole sectors of 512 bytes: give pi_buffer=data";
	else if (rejects_in_line(td, ns))
		why = "pi_inject: what is behind a write that is rejected is not at the write pointer: give iodepth=1, "
		      "or pi_chk=none";
	if (why) {
		log_err("nvmepi: %s: %s\n", ns->path, why);
		errno = EINVAL;
		return -EINVAL;
	}
	*model = ns->info.zones.blocks ? ZBD_HOST_MANAGED : ZBD_NONE;
	return 0;
}

/* Translates a descriptor. A zone that can be neither written nor reset is offline for fio. */
static void take_zone(const struct job_ns *ns, const struct nvme_zns_desc *d, struct zbd_zone *z)
{
	const unsigned state = d->zs >> 4;
	const bool gone = state == NVME_ZNS_ZS_READ_ONLY || state == NVME_ZNS_ZS_OFFLINE;
	const uint64_t start = le64toh(d->zslba), capacity = le64toh(d->zcap);

	*z = (struct zbd_zone){
		.start = start * ns->host_block,
		.len = ns->info.zones.blocks * ns->host_block,
		.capacity = capacity * ns->host_block,
		.wp = (gone ? start : state == NVME_ZNS_ZS_FULL ? start + capacity : le64toh(d->wp)) *
		      ns->host_block,
		.type = ZBD_ZONE_TYPE_SWR,
		.cond = gone ? ZBD_ZONE_COND_OFFLINE : state,	/* fio's values are those of NVMe */
	};
}

static int engine_report_zones(struct thread_data *td, struct fio_file *f, uint64_t offset,
			       struct zbd_zone *zones, unsigned int nr)
{
	enum { ROOM = 63 };			/* a page */
	const uint32_t size = sizeof(struct nvme_zone_report) + ROOM * sizeof(struct nvme_zns_desc);
	const struct job_ns *ns = zoned_ns(f);
	uint64_t slba = offset / ns->host_block, got = ROOM;
	struct nvme_zone_report *report = calloc(1, size);
	unsigned int n = 0;
	int ret = report ? 0 : -ENOMEM;

	(void)td;
	for (; !ret && n < nr && slba < ns->info.nr_blocks && got; slba += got * ns->info.zones.blocks) {
		ret = zone_error(ns, "a report", slba, nvme_report_zones(ns->target, slba, report, size));
		got = ret ? 0 : le64toh(report->nr_zones);
		for (uint64_t i = 0; i < got && i < ROOM && n < nr; i++)
			take_zone(ns, &report->entries[i], &zones[n++]);
	}
	free(report);
	return ret ? ret : (int)n;
}

/* Sends an action to all zones in a range of bytes. */
static int act_on_zones(struct fio_file *f, uint64_t offset, uint64_t length, unsigned action, const char *what)
{
	const struct job_ns *ns = zoned_ns(f);
	const uint64_t end = (offset + length) / ns->host_block;
	int ret = 0;

	for (uint64_t slba = offset / ns->host_block; slba < end && !ret; slba += ns->info.zones.blocks)
		ret = zone_error(ns, what, slba, nvme_send_zone(ns->target, slba, action));
	return ret;
}

/* To whoever records which blocks were written, a reset is a trim. */
static int engine_reset_wp(struct thread_data *td, struct fio_file *f, uint64_t offset, uint64_t length)
{
	struct engine *e = td->io_ops_data;
	const struct job_ns *ns = zoned_ns(f);
	const uint64_t lba = offset / ns->host_block, nr = length / ns->host_block;
	int ret;

	if (e->started)
		io_change_starts(ns, td->o.iodepth, nvme_cmd_dsm, lba, nr, &e->queue.job);
	ret = act_on_zones(f, offset, length, NVME_ZNS_ZSA_RESET, "a reset");
	if (e->started)
		io_change_ends(ns, td->o.iodepth, nvme_cmd_dsm, lba, nr, ret, &e->queue.job);
	return ret;
}

static int engine_get_max_open_zones(struct thread_data *td, struct fio_file *f, unsigned int *most)
{
	(void)td;
	*most = zoned_ns(f)->info.zones.max_open;
	return 0;
}

#ifdef FIO_GET_MAX_ACTIVE_ZONES
static int engine_get_max_active_zones(struct thread_data *td, struct fio_file *f, unsigned int *most)
{
	(void)td;
	*most = zoned_ns(f)->info.zones.max_active;
	return 0;
}
#endif

#ifdef FIO_FINISH_ZONE
static int engine_finish_zone(struct thread_data *td, struct fio_file *f, uint64_t offset, uint64_t length)
{
	(void)td;
	return act_on_zones(f, offset, length, NVME_ZNS_ZSA_FINISH, "a finish");
}
#endif

/* Tells at the end whether fio and the controller agreed about where appends went to. */
static void say_moved(const struct engine *e)
{
	if (e->queue.nr_moved)
		inform_as("write_mode=zone_append: %llu appends are elsewhere in their zones than fio expects: the "
			  "controller chooses their order; with verify= give iodepth=1",
			  (unsigned long long)e->queue.nr_moved);
}

/* fio resets a zone in place of a trim; what was asked for before has to end first. */
static enum fio_q_status trim_zone(struct thread_data *td, struct io_u *io_u)
{
	struct engine *e = td->io_ops_data;
	int ret;

	if (e->queue.nr_out)
		return FIO_Q_BUSY;
	ret = zbd_do_io_u_trim(td, io_u);
	io_u->error = ret < 0 ? -ret : ret == io_u_completed ? 0 : EINVAL;
	return FIO_Q_COMPLETED;
}

#endif
