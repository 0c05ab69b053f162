/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-jobs.h - looks at all jobs of the run before the first of them opens a file
 *
 * A part of fio.c: included there once, after fio's headers. fio sets up one job after the other,
 * or each in its own process. But an image has to be large enough for all jobs together, and no
 * output may be a file that a later job uses.
 */
#ifndef FIO_JOBS_H
#define FIO_JOBS_H

__attribute__((visibility("default"))) extern struct ioengine_ops ioengine;

/* --- the sizes of a job that must be multiples of the block size --- */

/*
 * Returns the kind of the sizes in direction @d. The write that follows a trim has the size of the
 * trim.
 */
static unsigned kind_of_sizes(struct thread_data *td, int d)
{
	if (d == DDIR_TRIM)
		return JOB_SIZE_TRIM | (td_trimwrite(td) ? JOB_SIZE_WRITE : 0);
	if (td->o.bs_is_seq_rand)
		return (td_read(td) ? JOB_SIZE_TRANSFER : 0) | (td_write(td) ? JOB_SIZE_WRITE : 0);
	return d == DDIR_READ ? JOB_SIZE_TRANSFER : JOB_SIZE_WRITE;
}

static unsigned collect_sizes(struct thread_data *td, struct job_size *sizes)
{
	struct thread_options *o = &td->o;
	/*
	 * By enum fio_ddir. With bs_is_seq_rand the size of reads is that of sequential I/Os, and
	 * the size of writes that of random I/Os.
	 */
	const bool used[] = { td_read(td) || o->bs_is_seq_rand, td_write(td) || o->bs_is_seq_rand,
			      td_trim(td) };
	unsigned n = 0;

	for (int d = DDIR_READ; d <= DDIR_TRIM; d++) {
		unsigned kind = kind_of_sizes(td, d);

		if (!used[d])
			continue;
		for (unsigned i = 0; i < o->bssplit_nr[d]; i++)
			if (o->bssplit[d][i].perc)
				sizes[n++] = (struct job_size){ "bssplit", o->bssplit[d][i].bs, kind };
		/* When fio replays a log, it knows the largest I/O. */
		if (!o->bssplit_nr[d] && o->min_bs[d] != o->max_bs[d] && !o->read_iolog_file)
			sizes[n++] = (struct job_size){ "bsrange", o->min_bs[d], kind };
		if (!o->bssplit_nr[d])
			sizes[n++] = (struct job_size){ o->min_bs[d] != o->max_bs[d] ? "bsrange" : "bs",
							o->max_bs[d], kind };
		if (o->ba[d])
			sizes[n++] = (struct job_size){ "blockalign", o->ba[d], JOB_SIZE_ALIGN };
	}
	if (!o->start_offset_percent)
		sizes[n++] = (struct job_size){ "offset", o->start_offset, JOB_SIZE_ALIGN };
	if (!o->offset_increment_percent)
		sizes[n++] = (struct job_size){ "offset_increment", o->offset_increment, JOB_SIZE_ALIGN };
	if (fio_option_is_set(o, start_offset_align))
		sizes[n++] = (struct job_size){ "offset_align", o->start_offset_align, JOB_SIZE_ALIGN };
	return n;
}

/* Returns the largest number of sizes that collect_sizes() stores. */
static unsigned max_sizes(struct thread_data *td)
{
	unsigned n = 3;

	for (int d = DDIR_READ; d <= DDIR_TRIM; d++)
		n += td->o.bssplit_nr[d] + 3;
	return n;
}

/* --- what a job needs of its files, as fio lays out files (setup_files()) --- */

/* What a job needs of a file. */
struct need {
	char			*path;
	/* options of the job, which say what is in its buffers */
	const struct job_opts	*shape;
	/* start and end of its I/O in the file, in bytes as bs= counts */
	uint64_t		start, end;
	/* its size was given and must be a multiple of the block size */
	bool			exact;
	/* why @end is unknown without an image; NULL: it is known */
	const char		*unknown;
	bool			fills;		/* fill_device=1 without a size */
};

static struct {
	bool		done, failed;
	struct need	*needs;
	size_t		nr, room;
} all_jobs;

static pthread_mutex_t all_jobs_lock = PTHREAD_MUTEX_INITIALIZER;
VFY_HOLD_ACROSS_FORK(all_jobs_lock, 102);

static bool fills_device(const struct thread_options *o)
{
	return o->fill_device && o->size == -1ULL;
}

/* Returns the size of file number @i; 0: that of the existing file. */
static uint64_t size_of(const struct thread_data *td, unsigned i)
{
	const struct thread_options *o = &td->o;
	const unsigned nr = o->nr_files ? o->nr_files : 1;
	const uint64_t bs = td_min_bs((struct thread_data *)td);
	const uint64_t each = o->size / nr;

	if (fills_device(o))
		return 0;
	return each + (bs && i < (o->size - each * nr) / bs ? bs : 0);
}

/* Returns a size in the range of filesize=, the same one in all jobs. */
static uint64_t file_size_of(const struct thread_data *td, const char *path)
{
	const struct thread_options *o = &td->o;
	const uint64_t bs = td_min_bs((struct thread_data *)td);
	uint64_t hash = 0;

	if (!bs || o->file_size_high <= o->file_size_low)
		return o->file_size_low;
	while (*path)
		hash = vfy_hash(hash) + (unsigned char)*path++;
	return o->file_size_low + vfy_hash(hash) % ((o->file_size_high - o->file_size_low) / bs + 1) * bs;
}

/*
 * Returns the end in file @i of the I/O of the log that is replayed, or of the first part of the
 * log; 0: the log was not read yet.
 */
static uint64_t end_of_log(struct thread_data *td, unsigned i)
{
	struct flist_head *entry;
	uint64_t end = 0;

	if (!td->io_log_list.next)
		return 0;
	flist_for_each(entry, &td->io_log_list) {
		const struct io_piece *io = flist_entry(entry, struct io_piece, list);

		if (ddir_rw(io->ddir) && io->fileno == (int)i && io->offset + io->len > end)
			end = io->offset + io->len;
	}
	return end;
}

/* Returns why the end of the I/O is unknown as long as there is no image; NULL: it is known. */
static const char *unknown_end(const struct thread_data *td)
{
	const struct thread_options *o = &td->o;

	if (o->read_iolog_file)
		return o->read_iolog_chunked ? "with read_iolog_chunked=1 the end of the log's I/O is unknown" : NULL;
	if (o->file_size_low)
		return NULL;
	if (o->size_percent)
		return "size= in percent needs the size of an image";
	if (o->start_offset_percent)
		return "offset= in percent needs the size of an image";
	return o->offset_increment_percent && (o->numjobs > 1 || td->subjob_number) ?
	       "offset_increment= in percent needs the size of an image" : NULL;
}

/*
 * Returns the end of the I/O, as far as it is known, if the file has @f->real_file_size bytes; 0:
 * it uses the whole file.
 */
static uint64_t end_of(struct thread_data *td, struct fio_file *f, unsigned i)
{
	uint64_t size = size_of(td, i);

	if (td->o.read_iolog_file)
		return end_of_log(td, i);
	if (td->o.file_size_low)
		return f->real_file_size >= td->o.file_size_low &&
		       f->real_file_size <= td->o.file_size_high ? 0 : file_size_of(td, f->file_name);
	return size ? get_start_offset(td, f) + size : 0;
}

static bool add_need(struct need n)
{
	struct need *more = all_jobs.needs;

	if (all_jobs.nr == all_jobs.room) {
		all_jobs.room = 2 * all_jobs.room + 16;
		more = realloc(more, all_jobs.room * sizeof(*more));
	}
	if (!more || !n.path)
		return false;
	all_jobs.needs = more;
	more[all_jobs.nr++] = n;
	return true;
}

static const struct job_opts *shape_of(struct thread_data *td, const struct options *o)
{
	struct job_size *sizes = calloc(max_sizes(td), sizeof(*sizes));
	struct job_opts *shape = calloc(1, sizeof(*shape));

	if (!sizes || !shape) {
		free(sizes);
		free(shape);
		return NULL;
	}
	shape->pract = o->pi_act;
	shape->buffer = o->pi_buffer - 1;
	shape->sizes = sizes;
	shape->nr_sizes = collect_sizes(td, sizes);
	return shape;
}

/* --- all jobs --- */

/* @f is file number @i of the job; td->files may be NULL by now, as the job may end meanwhile. */
static bool add_need_of(struct thread_data *td, const struct job_opts *shape, struct fio_file *f, unsigned i)
{
	const char *unknown = unknown_end(td);

	return shape && add_need((struct need){
		.path = strdup(f->file_name), .shape = shape, .unknown = unknown,
		.start = unknown ? 0 : get_start_offset(td, f), .end = unknown ? 0 : end_of(td, f, i), .fills = fills_device(&td->o),
		.exact = td->o.nr_files == 1 && !td->o.file_size_low && !td->o.read_iolog_file,
	});
}

/* @ours are the engine's options, or NULL for a job of another engine. */
static bool look_at_files(struct thread_data *td, const struct options *ours)
{
	const struct job_opts *shape = ours ? shape_of(td, ours) : NULL;
	struct fio_file **files = td->files;

	for (unsigned i = 0; files && i < td->files_index; i++) {
		struct fio_file *f = files[i];

		if (ours ? vfy_output_note_target(f->file_name) :
			   vfy_output_note(VFY_USE_TARGET, f->file_name))
			return false;
		if (ours && !add_need_of(td, shape, f, i))
			return false;
	}
	return true;
}

/*
 * Returns whether the options of another job can be read: a job that has started may end meanwhile.
 * A job of this engine that is a thread has to wait for the lock that is held here; one that is a
 * process frees only its own memory. But a thread of another engine frees what would be read here.
 * And the files of a log are known only to its own process.
 */
static bool can_be_looked_at(const struct thread_data *td, const struct thread_data *self)
{
	if (td == self || td->runstate == TD_NOT_CREATED)
		return true;
	return td->runstate < TD_FINISHING && !td->o.read_iolog_file &&
	       (td->io_ops == &ioengine || !td->o.use_thread);
}

static bool look_at(struct thread_data *td)
{
	const bool ours = td->io_ops == &ioengine;
	const struct options *o = td->eo;

	if (!note_outputs_of_fio(td))
		return false;
	if (!td->io_ops || (ours && !o) || (!ours && td_ioengine_flagged(td, FIO_DISKLESSIO)))
		return true;
	return look_at_files(td, ours ? o : NULL) && (!ours || note_outputs(o));
}

static void look_at_others(const struct thread_data *self)
{
	for (unsigned i = 0; i < thread_number && !all_jobs.done; i++) {
		struct thread_data *td = tnumber_to_td(i);

		if (td != self && can_be_looked_at(td, self))
			all_jobs.failed |= !look_at(td);
	}
}

static bool starts_job(void)
{
	for (unsigned i = 0; i < thread_number; i++)
		if (tnumber_to_td(i)->runstate == TD_CREATED)
			return true;
	return false;
}

/*
 * fio frees the options of a job once the process of the job is there. With create_serialize=0 all
 * processes are started before one of them calls the engine, and none could read the options of
 * those before it. So they are read before the first fork().
 */
static void look_before_fork(void)
{
	pthread_mutex_lock(&all_jobs_lock);
	if (!all_jobs.done && starts_job()) {
		look_at_others(NULL);
		all_jobs.done = true;
	}
	pthread_mutex_unlock(&all_jobs_lock);
}

/* Its rank is above those of all locks (VFY_HOLD_ACROSS_FORK), so fork() calls it before it takes them. */
__attribute__((constructor(104))) static void watch_forks_of_jobs(void)
{
	pthread_atfork(look_before_fork, NULL, NULL);
}

/* Does its work once in each process. Returns 0, or -ENOMEM with a line in @why. */
static int look_at_all_jobs(struct thread_data *self, char *why)
{
	pthread_mutex_lock(&all_jobs_lock);
	look_at_others(self);
	/*
	 * The job itself is completely known by now, including its log. When the other jobs were
	 * looked at, it may not have been.
	 */
	all_jobs.failed |= (!all_jobs.done || self->o.read_iolog_file) && !look_at(self);
	all_jobs.done = true;
	pthread_mutex_unlock(&all_jobs_lock);
	return all_jobs.failed ? refuse(why, ENOMEM, "out of memory") : 0;
}

static bool is_of_file(const struct need *n, const char *path)
{
	const char *slash = strrchr(path, '/'), *its = strrchr(n->path, '/');

	if (!strcmp(n->path, path))
		return true;
	return !strcmp(slash ? slash + 1 : path, its ? its + 1 : n->path) && vfy_output_same(n->path, path);
}

/* Finds the number of blocks of a new image: up to the end of the I/O of all jobs. */
static int find_extent(const struct target_open *o, const struct pi_layout *l, uint64_t *blocks,
		       char *why)
{
	const char *unknown = NULL;
	bool fills = false;

	*blocks = 0;
	for (size_t i = 0; i < all_jobs.nr; i++) {
		const struct need *n = &all_jobs.needs[i];
		uint64_t unit, nr;

		if (!is_of_file(n, o->path))
			continue;
		unit = job_host_block(n->shape, l);
		nr = n->end / unit + !!(n->end % unit);
		if (n->end % unit && n->exact && n->start)
			return refuse(why, EINVAL, "%s: offset=%llu and size=%llu do not end at the end of a "
				      "block of %llu bytes", o->path, (unsigned long long)n->start,
				      (unsigned long long)(n->end - n->start), (unsigned long long)unit);
		if (n->end % unit && n->exact)
			return refuse(why, EINVAL, "%s: size=%llu is not a number of blocks of %llu bytes",
				      o->path, (unsigned long long)n->end, (unsigned long long)unit);
		*blocks = nr > *blocks ? nr : *blocks;
		fills |= n->fills;
		unknown = n->unknown ? n->unknown : unknown;
	}
	if (!*blocks && unknown)
		return refuse(why, EINVAL, "%s: %s, and there is no image yet: create it first, by a job with "
			      "size= in bytes", o->path, unknown);
	if (!*blocks && fills)
		return refuse(why, EINVAL, "%s: fill_device=1 writes to the end of the image, and there is none yet: "
			      "give size= to create it", o->path);
	return 0;
}

/* The callback of struct target_open. */
static int extent_of_image(const struct target_open *o, const struct pi_layout *l, uint64_t *blocks,
			   char *why)
{
	int ret;

	pthread_mutex_lock(&all_jobs_lock);
	ret = find_extent(o, l, blocks, why);
	pthread_mutex_unlock(&all_jobs_lock);
	return ret;
}

/* --- one file of a job --- */

/* Refuses the files that are beside an image, which opendir= would use as well. */
static int check_beside(const struct thread_data *td, const char *path, char *why)
{
	const size_t len = vfy_output_beside(path);
	char image[PATH_MAX];

	if (!len || len >= sizeof(image))
		return 0;
	snprintf(image, sizeof(image), "%.*s", (int)len, path);
	if (access(image, F_OK))
		return 0;
	return refuse(why, EINVAL, "%.200s: it belongs to the image %.200s, and is not an image: %s", path, image,
		      td->o.opendir ? "opendir= takes every file of a folder; give images as filename=" :
		      "give that image as filename=");
}

/* Checks that fio's options and the rest of the run allow to open and to create the file. */
static int check_path(const struct thread_data *td, const char *path, char *why)
{
	const bool image = !target_is_device(target_of(path));

	if (check_beside(td, path, why))
		return -EINVAL;
	if (image && !td->o.allow_create && access(path, F_OK) && errno == ENOENT)
		return refuse(why, ENOENT, "%s: no such image, and allow_file_create=0 forbids to create it", path);
	if (image && td->o.unlink_each_loop)
		return refuse(why, EINVAL, "%s: unlink_each_loop=1: an image is open from the first loop to the "
			      "last; leave it out, or give unlink=1", path);
	return vfy_output_conflict(VFY_USE_TARGET, path, why);
}

/* With unlink=1 the images of a job that ran are removed at its end. */
static void remove_file(const struct thread_data *td, const struct job_ns *ns)
{
	char why[WHY_MAX];

	if (td->o.unlink && ns->target->ops->remove && ns->target->ops->remove(ns->target, why))
		log_err("nvmepi: %s\n", why);
}

/* An image does not grow: formats what is too large for it. */
static int refuse_extent(struct thread_data *td, struct fio_file *f, uint64_t end, char *why)
{
	const unsigned long long real = f->real_file_size, offset = get_start_offset(td, f);

	if (td->o.file_size_low)
		return refuse(why, EINVAL, "%s: filesize=%llu, the image holds %llu bytes: give less, or size= "
			      "alone, or another name, or remove it to create it again", f->file_name,
			      (unsigned long long)end, real);
	return refuse(why, EINVAL, "%s: size=%llu and offset=%llu end at byte %llu, the image holds "
		      "%llu bytes: give less, or another name, or remove it to create it again",
		      f->file_name, (unsigned long long)end - offset, offset, (unsigned long long)end, real);
}

/*
 * Checks after the file was opened that the job does I/O, and that the file is large enough for it.
 */
static int check_extent(struct thread_data *td, struct fio_file *f, unsigned i, char *why)
{
	const uint64_t real = f->real_file_size, end = end_of(td, f, i);
	uint64_t offset;

	if (td->o.read_iolog_file && end > real)
		return refuse(why, EINVAL, "%s: the log's I/O ends at byte %llu, there are %llu bytes: give another "
			      "name, or replay_redirect= to another", f->file_name,
			      (unsigned long long)end, (unsigned long long)real);
	if (td->o.read_iolog_file)
		return 0;
	if (!target_is_device(target_of(f->file_name)) && end > real)
		return refuse_extent(td, f, end, why);
	offset = get_start_offset(td, f);
	if (offset < real && real - offset < td_min_bs(td))
		return refuse(why, EINVAL, "%s: offset=%llu leaves %llu of its %llu bytes, and bs=%llu is more: the job "
			      "would do no I/O", f->file_name, (unsigned long long)offset,
			      (unsigned long long)(real - offset), (unsigned long long)real,
			      (unsigned long long)td_min_bs(td));
	if (offset >= real)
		return refuse(why, EINVAL, "%s: offset=%llu leaves nothing of its %llu bytes: the job would do no "
			      "I/O", f->file_name, (unsigned long long)offset, (unsigned long long)real);
	return 0;
}

/* --- another fio --- */

/*
 * The structures of fio differ between versions, also between those that take each other's
 * engines by number.  fio then refuses the engine, but does not say what would fit.
 */
__attribute__((constructor)) static void refuse_other_fio(void)
{
	if (!strcmp(fio_version_string, FIO_BUILT_FOR))
		return;
	log_err("nvmepi: this engine is built for %s, and this is %s: install the package of nvmepi for "
		"it, or build the engine with ./configure --with-fio=DIR, its source\n",
		FIO_BUILT_FOR, fio_version_string);
	ioengine.version = 0;
}

#endif
