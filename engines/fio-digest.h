/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-digest.h - facts about a job that follow from its options and that several places need
 *
 * A part of fio.c: included there once, after fio-options.h.
 */
#ifndef FIO_DIGEST_H
#define FIO_DIGEST_H

/*
 * Returns whether the job replays a log that fio has already read. fio reads it before init(), and
 * then knows files, sizes and directions.
 */
static bool replays(const struct thread_data *td)
{
	return td->o.read_iolog_file;
}

static int parse_words(const struct options *o, struct job_opts *j, char *why)
{
	const unsigned can = PI_GUARD | PI_APP | PI_REF | PI_STORAGE;
	int ret = 0;

	j->prchk_given = o->pi_chk;
	j->verify_given = o->pi_verify;
	j->ref_given = o->pi_ref && strcmp(o->pi_ref, "lba");
	j->storage_given = o->pi_storage_tag;
	if (j->prchk_given)
		ret = words_checks("pi_chk", o->pi_chk, can, &j->prchk, why);
	if (!ret && j->verify_given)
		ret = words_checks("pi_verify", o->pi_verify, can | VFY_METADATA, &j->verify, why);
	if (!ret && j->ref_given)
		ret = words_number("pi_ref", o->pi_ref, -1ULL, &j->ref, why);
	if (!ret && j->storage_given)
		ret = words_number("pi_storage_tag", o->pi_storage_tag, -1ULL, &j->storage, why);
	j->appends = !strcmp(o->write_mode, "zone_append");
	if (!ret)
		ret = words_write_mode(j->appends ? "write" : o->write_mode, &j->write_mode, why);
	return ret;
}

/*
 * Returns whether the job trims; with trim_backlog= it trims some of what it wrote, whatever rw=
 * says.
 */
static bool trims(const struct thread_data *td)
{
	return td_trim(td) || td->flags & TD_F_TRIM_BACKLOG;
}

/* With verify_only= fio goes through the writes (and trims) of a job without sending one. */
static bool only_verifies(const struct thread_data *td)
{
	return td->o.verify_only && td_write(td);
}

/*
 * Returns the option that makes the job send commands without data, Flush or another one instead of
 * Write; NULL if there is none.
 */
static const char *dataless(const struct thread_data *td, const struct job_opts *j)
{
	const struct thread_options *o = &td->o;

	for (unsigned i = 0; td_write(td) && i < j->write_mode.nr; i++)
		if (j->write_mode.part[i].opcode != nvme_cmd_write)
			return "write_mode=";
	if (td->flags & TD_F_SYNCS || (replays(td) && o->read_iolog_chunked))
		return "read_iolog=, whose syncs are Flush";
	if (o->fsync_blocks || o->fdatasync_blocks || td->sync_file_range_nr)
		return "fsync=, fdatasync= or sync_file_range=";
	return o->end_fsync || o->fsync_on_close ? "end_fsync= or fsync_on_close=" : NULL;
}

/* Returns whether the job reads only what it wrote, to verify it. */
static bool reads_own(const struct thread_data *td, const struct job_opts *j)
{
	return td_write(td) && !td_read(td) && !td_trim(td) && !replays(td) && !td->o.verify_only &&
	       td->o.verify != VERIFY_NONE && j->write_mode.nr == 1 && job_uses(j, nvme_cmd_write);
}

/* Returns whether verify= has to expect the result of other commands than Write. */
static bool verifies_others(const struct thread_data *td, const struct job_opts *j)
{
	return j->fio_verify && td_write(td) && (j->write_mode.nr > 1 || !job_uses(j, nvme_cmd_write));
}

/*
 * Returns whether the job sends Read commands. With verify_mode=compare verify= sends none, except
 * for trimmed blocks.
 */
static bool sends_reads(struct thread_data *td, const struct job_opts *j)
{
	return td_read(td) ||
	       (td->o.verify != VERIFY_NONE && (!j->compare || trims(td) || verifies_others(td, j)));
}

static unsigned num_range(struct thread_data *td)
{
#ifdef FIO_MULTI_RANGE
	return td->o.num_range;
#else
	return ((struct options *)td->eo)->num_range;
#endif
}

#endif
