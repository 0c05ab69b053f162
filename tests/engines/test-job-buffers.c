/* SPDX-License-Identifier: GPL-2.0-only */
/* test-job-buffers.c - whose blocks are in fio's buffer */
#include "job-trial.h"

/* --- whose blocks are in the buffer --- */

static void buffer_is(struct job *j, const char *what, uint32_t host_block, bool by_itself)
{
	struct job_ns ns = configured(j);

	UNIT_CHECK(ns.host_block == host_block, "%s: blocks of %u, wanted %u", what, ns.host_block,
		   host_block);
	UNIT_CHECK(ns.auto_extended == by_itself, "%s: extended by itself: %d", what,
		   ns.auto_extended);
}

/* Rows of up to three block sizes, on 4096+8 and 512+64 extended. */
static void buffer_auto(void)
{
	static const struct {
		const struct oracle_format	*f;
		uint64_t			bs[3];
		enum job_size_kind		kind;
		bool				want;	/* extended */
	} rows[] = {
		{ &extended, { 4096 }, JOB_SIZE_TRANSFER, false },
		{ &extended, { 65536, 4096, 1 << 20 }, JOB_SIZE_TRANSFER, false },
		{ &extended, { 4104 }, JOB_SIZE_TRANSFER, true },
		{ &extended, { 4104, 8208, 41040 }, JOB_SIZE_TRANSFER, true },
		{ &extended, { 4096 }, JOB_SIZE_TRIM, false },
		{ &extended, { 4104 }, JOB_SIZE_TRIM, true },
		{ &extended, { 4104 * 512 }, JOB_SIZE_TRANSFER, false }, /* both fit */
		{ &extended, { 4104 * 512, 4104 }, JOB_SIZE_TRANSFER, true },
		{ &extended, { 4104, 4104 * 512 }, JOB_SIZE_TRIM, true },
		{ &extended, { 4104 * 512, 4096 }, JOB_SIZE_TRANSFER, false },
		{ &small_ext, { 576 }, JOB_SIZE_TRANSFER, true },
		{ &small_ext, { 576 * 7, 576 * 9 }, JOB_SIZE_TRANSFER, true },
		{ &small_ext, { 4608 }, JOB_SIZE_TRANSFER, false },	/* 8 * 576, 9 * 512 */
		{ &small_ext, { 576, 4608 }, JOB_SIZE_TRANSFER, true },
		{ &small_ext, { 512 }, JOB_SIZE_TRANSFER, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t data = rows[i].f->data_size;
		struct job j = job_without_size(rows[i].f);
		char what[20];

		for (size_t n = 0; n < 3 && rows[i].bs[n]; n++)
			add_size(&j, "bs", rows[i].bs[n], rows[i].kind);
		add_size(&j, "offset", 0, JOB_SIZE_ALIGN);	/* has no say */
		snprintf(what, sizeof(what), "row %zu", i);
		buffer_is(&j, what, data + (rows[i].want ? rows[i].f->md_size : 0), rows[i].want);
	}
}

static void buffer_as_asked(void)
{
	struct job j = job_without_size(&extended);

	add_size(&j, "bs", 4096 * 4104, JOB_SIZE_TRANSFER);	/* both fit */
	buffer_is(&j, "auto", 4096, false);
	j.o.buffer = JOB_BUFFER_EXTENDED;
	buffer_is(&j, "extended", 4104, false);
	j.o.buffer = JOB_BUFFER_DATA;
	buffer_is(&j, "data", 4096, false);
}

/*
 * Nothing but data is in the buffer where nothing but data crosses in it, and whoever
 * wants more there is told why not.
 */
static void buffer_without_metadata(void)
{
	static const struct {
		const struct oracle_format	*f;
		bool				pract;
		const char			*why;
	} rows[] = {
		{ &none, false, "no metadata; leave it out" },
		{ &separate, false, "buffer of its own" },
		{ &wide, true, "buffer of its own" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(rows[i].f);

		j.o.pract = rows[i].pract;
		for (j.o.buffer = JOB_BUFFER_AUTO; j.o.buffer < JOB_BUFFER_EXTENDED; j.o.buffer++)
			buffer_is(&j, format_text(rows[i].f), 4096, false);
		refused(&j, "pi_buffer=extended", rows[i].why);
	}
	/* With pi_act=1 the tuple stays away, and what is left is data. */
	struct job j = job_on(&extended);

	j.o.pract = true;
	for (j.o.buffer = JOB_BUFFER_AUTO; j.o.buffer <= JOB_BUFFER_EXTENDED; j.o.buffer++)
		buffer_is(&j, "extended, pi_act=1", 4096, false);
}

static void refuses_fio_verify(void)
{
	struct job j = job_without_size(&extended);

	add_size(&j, "bs", 4104, JOB_SIZE_TRANSFER);
	j.o.fio_verify = true;
	refused(&j, "verify=", "pi_buffer=data");
	refused(&j, "verify=", "multiple of 4096");
	j.nr = 0;
	add_size(&j, "bs", 4096, JOB_SIZE_TRANSFER);
	buffer_is(&j, "verify= of data", 4096, false);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "buffer_auto", buffer_auto },
		{ "buffer_as_asked", buffer_as_asked },
		{ "buffer_without_metadata", buffer_without_metadata },
		{ "refuses_fio_verify", refuses_fio_verify },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
