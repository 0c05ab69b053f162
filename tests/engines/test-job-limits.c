/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-job-limits.c - what a controller takes of each command is that command's limit, and
 * no other's; what is too much is refused by the limit's name
 */
#include "job-trial.h"

/* A job that writes @bytes an I/O, by @opcode. */
static struct job job_of(const struct oracle_format *f, uint8_t opcode, uint64_t bytes)
{
	struct job j = job_without_size(f);

	add_size(&j, "bs", bytes, JOB_SIZE_WRITE);
	j.o.write_mode = (struct words_mix){ 1, { { opcode, 100 } } };
	j.o.reads = false;
	return j;
}

static const struct {
	uint8_t		opcode;
	const char	*name, *limit;
	size_t		at;
} named[] = {
	{ nvme_cmd_verify, "Verify", "(VSL)", offsetof(struct nvme_limits, verify) },
	{ nvme_cmd_write_zeroes, "Write Zeroes", "(WZSL)", offsetof(struct nvme_limits, zeroes) },
	{ nvme_cmd_write_uncor, "Write Uncorrectable", "(WUSL)", offsetof(struct nvme_limits, uncor) },
};

static uint64_t *limit_at(struct job *j, size_t i)
{
	return (uint64_t *)((char *)&j->info.limits + named[i].at);
}

/* Neither MDTS nor what the kernel allows is about a command that moves nothing. */
static void not_by_transfers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		struct job j = job_of(&separate, named[i].opcode, 4 << 20);

		j.info.max_transfer = 512 << 10;
		j.target.max_transfer = 128 << 10;
		configured(&j);
		j.o.fio_verify = true;			/* reads it back */
		refused(&j, "bs=4194304", "MDTS");
		j.o.fio_verify = false;
		j.o.write_mode = (struct words_mix){
			2, { { named[i].opcode, 50 }, { nvme_cmd_write, 50 } },
		};
		refused(&j, "bs=4194304", "MDTS");
		j.sizes[0].bytes = 128 << 10;
		configured(&j);
		j.sizes[0].bytes += 4096;
		refused(&j, "bs=135168", "the kernel's max_hw_sectors_kb");
	}
}

/* Each has a limit of its own, and those of the others are none of it. */
static void by_own_name(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		for (size_t k = 0; k < ARRAY_SIZE(named); k++) {
			struct job j = job_of(&separate, named[i].opcode, 64 << 10);

			*limit_at(&j, k) = 64 << 10;
			configured(&j);
			j.sizes[0].bytes += 4096;
			if (i != k) {
				configured(&j);
				continue;
			}
			refused(&j, "bs=69632", named[i].limit);
			refused(&j, named[i].name, "65536");
			j.o.write_mode.nr = 2;		/* some of the I/Os alone */
			j.o.write_mode.part[1].opcode = nvme_cmd_write;
			refused(&j, "bs=69632", named[i].limit);
			j.sizes[0].kind = JOB_SIZE_TRANSFER;	/* reads are no longer than they were */
			configured(&j);
		}
}

/* Metadata counts where it is extended, unless CTRATT.MEM is set. */
static void metadata_counts(void)
{
	static const struct {
		const struct oracle_format	*f;
		bool				data_only;
		uint32_t			block;
	} rows[] = {
		{ &none, false, 4096 }, { &separate, false, 4096 }, { &wide, false, 4096 },
		{ &extended, false, 4104 }, { &wide_ext, false, 4160 },
		{ &extended, true, 4096 }, { &wide_ext, true, 4096 }, { &wide, true, 4096 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k <= ARRAY_SIZE(named); k++) {
			uint8_t opcode = k < ARRAY_SIZE(named) ? named[k].opcode : nvme_cmd_write;
			struct job j = job_of(rows[i].f, opcode, 8 * 4096);

			j.info.limits.data_only = rows[i].data_only;
			j.info.max_transfer = 8 * rows[i].block;
			if (k < ARRAY_SIZE(named))
				*limit_at(&j, k) = 8 * rows[i].block;
			configured(&j);
			j.sizes[0].bytes += 4096;
			refused(&j, "bs=36864", k < ARRAY_SIZE(named) ? named[k].limit : "(MDTS)");
			j.sizes[0].bytes -= 4096;
			j.info.max_transfer = 8 * rows[i].block - 1;
			if (k < ARRAY_SIZE(named))
				*limit_at(&j, k) = 8 * rows[i].block - 1;
			refused(&j, "bs=32768", k < ARRAY_SIZE(named) ? named[k].limit : "(MDTS)");
		}
}

/* The kernel counts the bytes that cross, whatever the controller counts. */
static void kernel_counts_all(void)
{
	struct job j = job_of(&wide_ext, nvme_cmd_write, 8 * 4096);

	j.info.limits.data_only = true;
	j.target.max_transfer = 8 * 4160;
	configured(&j);
	j.target.max_transfer--;
	refused(&j, "bs=32768", "max_hw_sectors_kb");
}

static void trims(void)
{
	static const struct {
		unsigned		ranges;
		uint64_t		blocks;
		struct nvme_limits	l;
		const char		*option, *words;	/* NULL: taken */
	} rows[] = {
		{ 256, 1 << 20, { .ranges = 0 }, NULL, NULL },
		{ 8, 16, { .ranges = 8, .range_blocks = 16, .trim_blocks = 128 }, NULL, NULL },
		{ 0, 16, { .ranges = 1, .range_blocks = 16, .trim_blocks = 16 }, NULL, NULL },
		{ 9, 1, { .ranges = 8, .range_blocks = 16, .trim_blocks = 128 }, "num_range=9", "(DMRL)" },
		{ 1, 17, { .ranges = 8, .range_blocks = 16, .trim_blocks = 128 }, "bs=69632", "(DMRSL)" },
		{ 8, 16, { .ranges = 8, .range_blocks = 16, .trim_blocks = 127 }, "num_range=8", "(DMSL)" },
		{ 8, 16, { .ranges = 8, .range_blocks = 16, .trim_blocks = 127 }, "bs=65536", "128 blocks" },
		{ 8, 16, { .ranges = 255, .range_blocks = -1U, .trim_blocks = 127 }, "bs", "(DMSL)" },
		{ 1, 1ULL << 32, { .ranges = 0 }, "bs", "(DMRSL)" },
		{ 1, (1ULL << 32) - 1, { .ranges = 0 }, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_without_size(&wide_ext);

		j.o.trims = true;
		j.o.ranges = rows[i].ranges;
		j.info.limits = rows[i].l;
		add_size(&j, "bs", rows[i].blocks * 4096, JOB_SIZE_TRIM);
		if (rows[i].words)
			refused(&j, rows[i].option, rows[i].words);
		else
			configured(&j);
	}
}

/* What follows a trim and is as long is held against the limits of both. */
static void trims_that_write(void)
{
	struct job j = job_without_size(&separate);

	j.o.trims = true;
	j.info.limits = (struct nvme_limits){ .ranges = 1, .range_blocks = 64, .trim_blocks = 64 };
	j.info.max_transfer = 32 * 4096;
	add_size(&j, "bs", 32 * 4096, JOB_SIZE_TRIM | JOB_SIZE_WRITE);
	configured(&j);
	j.sizes[0].bytes += 4096;
	refused(&j, "bs=135168", "MDTS");
	j.info.max_transfer = 0;
	j.info.limits.range_blocks = 32;
	refused(&j, "bs=135168", "DMRSL");
}

/* What follows write pointers is fio's zonemode; the commands are the same. */
static void zoned(void)
{
	struct job j = job_on(&separate);

	j.info.csi = NVME_CSI_ZNS;
	configured(&j);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "not_by_transfers", not_by_transfers },
		{ "by_own_name", by_own_name },
		{ "metadata_counts", metadata_counts },
		{ "kernel_counts_all", kernel_counts_all },
		{ "trims", trims },
		{ "trims_that_write", trims_that_write },
		{ "zoned", zoned },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
