/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-outputs.h - the files that fio and the engine write: none of them may be another, or a target
 *
 * A part of fio.c: included there once, after fio-options.h.
 */
#ifndef FIO_OUTPUTS_H
#define FIO_OUTPUTS_H

static bool note_outputs(const struct options *o)
{
	static const char stamp_file[] = "stamp,file=";
	const bool stamps = o->pi_plugin && !strncmp(o->pi_plugin, stamp_file, strlen(stamp_file));
	const struct {
		enum vfy_file_use	use;
		const char	*path;
	} outputs[] = {
		{ VFY_USE_LOG, o->pi_log }, { VFY_USE_REPORT, o->pi_report },
		{ VFY_USE_FAULT_LOG, o->ns_fault_log }, { VFY_USE_BOOK, o->pi_inject_file },
		{ VFY_USE_DUMP, o->pi_dump },
		{ VFY_USE_STAMP, stamps ? o->pi_plugin + strlen(stamp_file) : NULL },
	};

	for (unsigned i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
		if (outputs[i].path && vfy_output_note(outputs[i].use, outputs[i].path))
			return false;
	return true;
}

/* Records what fio itself writes: its results, and the logs of the job. */
static bool note_outputs_of_fio(const struct thread_data *td)
{
	const struct io_log *const logs[] = {
		td->lat_log, td->slat_log, td->clat_log, td->clat_hist_log, td->bw_log, td->iops_log,
	};

	for (unsigned i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
		if (logs[i] && logs[i]->filename && vfy_output_note(VFY_USE_FIO_LOG, logs[i]->filename))
			return false;
	if (f_out && vfy_output_note_open(VFY_USE_PRINTED, fileno(f_out)))
		return false;
	return !td->o.write_iolog_file || !vfy_output_note(VFY_USE_IOLOG, td->o.write_iolog_file);
}

static bool is_iolog(int fd)
{
	static const char start[] = "fio version ";
	char text[sizeof(start) - 1];

	return pread(fd, text, sizeof(text), 0) == sizeof(text) && !memcmp(text, start, sizeof(text));
}

/*
 * With create_serialize=0 fio has opened the log (write_iolog=) before it calls the engine. Its
 * content is still in a buffer, which is discarded here.
 */
static void drop_iolog(struct thread_data *td)
{
	int null = td->iolog_f ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

	if (null < 0)
		return;
	dup2(null, fileno(td->iolog_f));
	close(null);
}

/*
 * fio appends its log to any existing file: refuses one that is an image of this or another run, or
 * a file beside an image.
 */
static int check_iolog(struct thread_data *td, char *why)
{
	const struct vfy_output o = {
		.use = VFY_USE_IOLOG, .path = td->o.write_iolog_file, .streams = true, .ours = is_iolog,
	};
	int ret = o.path ? vfy_output_check(&o, why) : 0;

	if (ret)
		drop_iolog(td);
	return ret;
}

#endif
