/* SPDX-License-Identifier: GPL-2.0-only */
/* io-tuples.c - see io-tuples.h */
#include "io-tuples.h"

/* Consecutive blocks whose tuples follow from one pi_series. */
struct run {
	const struct pi_series	*series;
	uint64_t		first;		/* index of the run's first block in the series */
	uint32_t		nr;
	/* used if the tags are not those of the namespace */
	struct pi_series	own;
};

/* Finds the next blocks that share a series: the namespace's unless a plugin changed tags. */
static void next_run(const struct io *io, const struct pi_series *ns_series, uint32_t i, struct run *run)
{
	struct pi_tags t;

	run->series = ns_series;
	run->first = io->slba + i;
	run->nr = io->nr_blocks - i;
	if (io->default_tags || ns_series->layout.type == PI_NONE)
		return;
	run->nr = io_run(io, i, &t);
	run->own = pi_series_of(&ns_series->layout, &t, ns_series->checks);
	run->series = &run->own;
	run->first = 0;
}

void io_generate(const struct io *io)
{
	const struct pi_series *ns_series = io->pract ? &io->ns->plain : &io->ns->tuples;
	struct io_blocks b = io->blocks;
	size_t host = io->ns->host_block;
	struct run run;

	for (uint32_t i = 0; i < io->nr_blocks; i += run.nr) {
		uint8_t *blocks = b.data + i * b.data_stride;

		next_run(io, ns_series, i, &run);
		if (io->bounced)
			pi_insert_at(run.series, run.first, (uint8_t *)io->buf + i * host, blocks, run.nr);
		else
			pi_generate_at(run.series, run.first, blocks,
				       ns_series->layout.extended ? NULL : b.md + i * b.md_stride, run.nr);
	}
}

struct io_found io_check_tuples(const struct io *io, unsigned fields)
{
	const struct pi_layout *l = &io->ns->info.layout;
	const struct pi_series *ns_series = &io->ns->tuples;
	struct io_blocks b = io->blocks;
	struct io_found found = { 0 };
	struct pi_series other;
	struct run run;

	if (fields == io->ns->others.checks)
		ns_series = &io->ns->others;
	else if (fields != ns_series->checks) {
		other = pi_series_of(l, &io->ns->tags, fields);
		ns_series = &other;
	}
	for (uint32_t i = 0; i < io->nr_blocks; i += run.nr) {
		const uint8_t *blocks = b.data + i * b.data_stride;
		struct pi_verdict v;

		next_run(io, ns_series, i, &run);
		if (io->bounced)
			v = pi_extract_at(run.series, run.first, blocks,
					  (uint8_t *)io->buf + i * (size_t)io->ns->host_block,
					  run.nr, NULL, 0);
		else
			v = pi_verify_at(run.series, run.first, blocks,
					 l->extended ? NULL : b.md + i * b.md_stride, run.nr, NULL, 0);
		found.bad += v.bad;
		found.escaped += v.escaped;
	}
	return found;
}
