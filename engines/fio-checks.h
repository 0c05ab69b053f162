/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-checks.h - refuses some of fio's own options, and prints which have no effect here
 *
 * A part of fio.c: included there once, after fio-options.h. fio-options.md is the table of all of
 * fio's options and their effect with this engine.
 */
#ifndef FIO_CHECKS_H
#define FIO_CHECKS_H

/* Returns whether the job asks for placement identifiers; fdp=1 means dataplacement=fdp. */
static bool wants_placement(const struct thread_options *o)
{
#ifdef FIO_PLACEMENT
	return o->FIO_PLACEMENT;
#else
	(void)o;
	return false;
#endif
}

/* Returns whether fio would verify data although the job only trims. */
static bool verifies_trims(struct thread_data *td)
{
	return td_trim(td) && !td_trimwrite(td) && td->o.verify != VERIFY_NONE && td->o.experimental_verify;
}

/* Returns whether trim_backlog= would make this version of fio abort at trims. 3.41 does not. */
static bool aborts_at_trims(struct thread_data *td)
{
#ifndef FIO_TRIM_VERIFY
	return td->flags & TD_F_TRIM_BACKLOG && td->o.trim_percentage && td->o.verify != VERIFY_NONE &&
	       !td_trim(td);
#else
	(void)td;
	return false;
#endif
}

static int number_at(const struct options *eo, size_t offset)
{
	int number;

	memcpy(&number, (const char *)eo + offset, sizeof(number));
	return number;
}

/* Refuses what is neither 0 nor 1, and negative numbers for reads and for writes: fio takes both. */
static int check_switches(const struct options *eo, char *why)
{
	for (const struct fio_option *o = options; o->name; o++) {
		const bool is_switch = o->type == FIO_OPT_BOOL || o->type == FIO_OPT_STR_SET;

		if (is_switch && number_at(eo, o->off1) >> 1)
			return refuse(why, EINVAL, "%s: give 0 or 1, and no other number", o->name);
		if (o->type == FIO_OPT_INT && o->off1 && (number_at(eo, o->off1) < 0 || number_at(eo, o->off2) < 0) &&
		    o->off2 == o->off1 + sizeof(int))
			return refuse(why, EINVAL, "%s: give one number, or one for reads and one for writes, and none "
				      "that is negative", o->name);
	}
	return 0;
}

/*
 * Refuses negative numbers, and a second number, which would have no effect. -1 is a value of
 * options whose smallest value it is, and two of them are what fio has if an ns_* option is not given.
 */
static int check_numbers(const struct options *eo, char *why)
{
	const size_t again = offsetof(struct options, again) - offsetof(struct options, nonvectored);

	for (const struct fio_option *o = options; o->name; o++) {
		int number, second;

		if (o->off2 != o->off1 + again)
			continue;
		number = number_at(eo, o->off1);
		second = number_at(eo, o->off2);
		if (number == -1 && o->minval == -1 && second == (strcmp(o->def, NOT_GIVEN) ? 1 : -1))
			continue;
		if (number < 0 || number != second)
			return refuse(why, EINVAL, "%s: give one number, and none that is negative", o->name);
	}
	return eo->apptag_bad ? refuse(why, EINVAL, "apptag: give one number, and none that is negative") : 0;
}

/* Returns whether fio would move a write pointer by writes of its own. */
static bool recovers_zones(const struct thread_options *o)
{
#ifdef FIO_MOVE_ZONE_WP
	return o->zone_mode == ZONE_MODE_ZBD && o->recover_zbd_write_error;
#else
	(void)o;
	return false;
#endif
}

/* Checks fio's own options against each other and against the engine. */
static int check_fio_options(struct thread_data *td, const struct job_opts *j, char *why)
{
	const struct thread_options *o = &td->o;
	const struct options *eo = td->eo;
	const struct {
		bool		given;
		const char	*why;
	} refused[] = {
		{ eo->ns_delay > NUMBER_MAX, "ns_delay: give a number of nanoseconds from 0 to 1000000000" },
		{ eo->pi_log_rate > NUMBER_MAX, "pi_log_rate: give a number of lines from 0, for all, to 1000000000" },
		{ o->bs_unaligned, "bs_unaligned: I/Os have to be whole blocks; leave it out" },
		{ recovers_zones(o), "recover_zbd_write_error: this engine does not write again what a zone has not "
		  "got; leave it out" },
		{ o->oatomic, "atomic: bs is not compared with what the drive writes atomically (AWUPF); leave it "
		  "out" },
		{ td_trimwrite(td) && num_range(td) > 1, "num_range: a write that follows its trim has one range; "
		  "leave it out, or give rw=trim" },
		{ o->file_append, "file_append: a namespace has no end that moves; leave it out, or give offset=" },
		{ aborts_at_trims(td), "trim_backlog= and trim_percentage=: this version of fio aborts at the "
		  "first trim that they make; leave them out, or use a newer fio (3.41 does not)" },
		{ verifies_trims(td), "experimental_verify: it looks for the data of verify= in blocks that the job "
		  "trims; leave it out" },
		{ verifies_others(td, j) && (o->verify_only || o->experimental_verify),
		  "verify_only and experimental_verify look for data that this write_mode does not write; "
		  "give write_mode=write, or leave them out" },
		{ verifies_others(td, j) && trims(td),
		  "verify= can't check a job that both trims and uses this write_mode; give write_mode=write, "
		  "or leave out verify=" },
		{ j->compare && eo->pi_plugin && strcmp(eo->pi_plugin, "pi"),
		  "verify_mode=compare: the device would compare metadata that only the plugin knows; leave out "
		  "pi_plugin" },
		{ j->appends && (eo->pi_inject || (eo->pi_plugin && strcmp(eo->pi_plugin, "pi"))),
		  "write_mode=zone_append: only the controller knows where blocks are, and what pi_plugin and "
		  "pi_inject do depends on it; leave out one of them" },
		{ j->compare && o->verify != VERIFY_PATTERN_NO_HDR,
		  "verify_mode=compare needs data that is known beforehand: give verify=pattern and "
		  "verify_pattern=" },
	};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].given)
			return refuse(why, EINVAL, "%s", refused[i].why);
	return check_switches(eo, why) ? -EINVAL : check_numbers(eo, why);
}

static bool gives_priority(const struct options *o)
{
	bool given = o->cmdprio_bssplit;

	for (unsigned i = 0; i < 2; i++)
		given |= o->cmdprio_percentage[i] || o->cmdprio_class[i] || o->cmdprio[i] || o->cmdprio_hint[i];
	return given;
}

static bool uses_block_layer(const struct thread_data *td)
{
	return td->o.nr_files && target_of(td->files[0]->file_name) == &block_target;
}

/* Prints a line for each option that was given but has no effect. */
static void say_without_effect(struct thread_data *td)
{
	struct thread_options *o = &td->o;
	const struct options *eo = td->eo;
	const struct {
		bool		given;
		const char	*line;
	} lines[] = {
		{ eo->nowait, "nowait has no effect: passthrough commands have no such flag" },
		{ eo->uncached, "uncached has no effect: commands do not use the page cache" },
		{ gives_priority(eo), "cmdprio_* has no effect: passthrough commands have no I/O priority" },
		{ fio_option_is_set(o, odirect) && !o->odirect,
		  "direct=0 (buffered=1) has no effect: commands do not use the page cache" },
		{ o->pre_read, "pre_read has no effect: commands do not use the page cache" },
		{ o->ioscheduler && !uses_block_layer(td), "ioscheduler has no effect: passthrough commands have no scheduler" },
		{ o->barrier_blocks, "write_barrier has no effect: there is no command for it; give fsync=" },
		{ fio_option_is_set(o, write_hint) && o->write_hint,
		  "write_hint has no effect: no command of this engine carries it" },
		{ fio_option_is_set(o, fadvise_hint) && o->fadvise_hint,
		  "fadvise_hint has no effect: passthrough commands have no such hint" },
		{ fio_option_is_set(o, fallocate_mode) && o->fallocate_mode != FIO_FALLOCATE_NONE,
		  "fallocate has no effect: images are created sparse, by the engine" },
		{ eo->ns_fault && !(td_write(td) && strcasestr(eo->write_mode, "write")),
		  "ns_fault has no effect: the job writes no data" },
		{ o->create_on_open, "create_on_open has no effect: images are created before jobs run" },
	};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]) && !td->subjob_number; i++)
		if (lines[i].given)
			inform(lines[i].line);
}

#endif
