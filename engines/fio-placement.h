/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-placement.h - placement identifiers and streams: fdp=, dataplacement=, plids=, plid_select=
 *
 * A part of fio.c: included there once, before fio-queue.h. fio chooses a placement identifier for
 * each write, from those that the hook fetches; the engine puts it into the command. The version of
 * fio that has no such option has nothing of this file.
 */
#ifndef FIO_PLACEMENT_H
#define FIO_PLACEMENT_H

#ifdef FIO_PLACEMENT

/* Sets where the controller is to put a write that is queued next. */
static void set_directive(struct engine *e, const struct io_u *io_u)
{
	e->queue.slots[io_u->index].io.directive = NVME_DIRECTIVE(io_u->dtype, io_u->dspec);
}

/* Reads the status of the placement handles of @ns. Returns 0, or -errno, which errno has, too. */
static int fetch_handles(struct target_ns *ns, const char *path, struct fio_ruhs_info *to)
{
	const uint32_t size = sizeof(struct nvme_fdp_ruh_status) +
			      to->nr_ruhs * sizeof(struct nvme_fdp_ruh_status_desc);
	struct nvme_fdp_ruh_status *status = calloc(1, size);
	int ret = status ? nvme_handle_status(ns, status, size) : -ENOMEM;
	char name[NVME_STATUS_MAX];

	if (ret) {
		log_err("nvmepi: %s: dataplacement=fdp, fdp=1: no placement handles can be fetched: %s\n", path,
			nvme_result_name(ret, name));
		errno = ret > 0 ? EINVAL : -ret;	/* the job does not fit the namespace */
		free(status);
		return -errno;
	}
	/* fio calls it twice: the first time with no room, to know how many there are. */
	for (unsigned i = 0; i < to->nr_ruhs && i < le16toh(status->nruhsd); i++)
		to->plis[i] = le16toh(status->ruhss[i].pid);
	to->nr_ruhs = le16toh(status->nruhsd);
	free(status);
	return 0;
}

/* fio calls it at setup, and where a log that is replayed opens a file, which may be before that. */
static int engine_fetch_ruhs(struct thread_data *td, struct fio_file *f, struct fio_ruhs_info *to)
{
	const struct target_ops *target = target_of(f->file_name);
	const struct job_ns *ns = FILE_ENG_DATA(f) ? FILE_ENG_DATA(f) : named(td->io_ops_data, f->file_name);
	struct engine *e = td->io_ops_data;
	struct target_ns *opened;
	char why[WHY_MAX];
	int ret;

	if (ns) {
		ret = fetch_handles(ns->target, ns->path, to);
		if (ret && !e->started)
			undo_files(e);		/* fio ends the job without cleanup() */
		return ret;
	}
	ret = target->lacks & TARGET_LACKS_DIRECTIVES ?
	      refuse(why, EINVAL, "%s: the block layer does not carry placement (fdp, dataplacement); give the "
		     "generic device, /dev/ngXnY", f->file_name) :
	      target->open(&(struct target_open){ .path = f->file_name, .format = NS_FORMAT_ANY }, &opened, why);
	if (ret) {
		complain(why);
		errno = -ret;
		return ret;
	}
	ret = fetch_handles(opened, f->file_name, to);
	target->close(opened);
	return ret;
}

#else

static void set_directive(struct engine *e, const struct io_u *io_u)
{
	(void)e;
	(void)io_u;
}

#endif

#endif
