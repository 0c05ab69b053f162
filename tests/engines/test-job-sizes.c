/* SPDX-License-Identifier: GPL-2.0-only */
/* test-job-sizes.c - sizes that fit, the buffers they take, and commands that the drive must have */
#include "job-trial.h"

/* --- sizes --- */

static void refuses_sizes(void)
{
	static const struct {
		const struct oracle_format	*f;
		enum job_buffer			buffer;
		const char			*option;
		uint64_t			bytes;
		enum job_size_kind		kind;
		const char			*words;
	} rows[] = {
		{ &none, 0, "bs", 512, JOB_SIZE_TRANSFER, "multiple of the 4096 bytes" },
		{ &none, 0, "bs", 4104, JOB_SIZE_TRANSFER, "multiple of the 4096 bytes" },
		{ &separate, 0, "bs", 4104, JOB_SIZE_TRANSFER, "multiple of the 4096 bytes" },
		{ &separate, JOB_BUFFER_DATA, "bs", 4104, JOB_SIZE_TRANSFER,
		  "multiple of the 4096 bytes" },
		{ &separate, 0, "bsrange", 0, JOB_SIZE_TRANSFER, "multiple of the 4096 bytes" },
		{ &separate, 0, "bs", 2048, JOB_SIZE_TRIM, "multiple of the 4096 bytes" },
		{ &separate, 0, "bssplit", 0, JOB_SIZE_TRIM, "multiple of the 4096 bytes" },
		{ &separate, 0, "blockalign", 512, JOB_SIZE_ALIGN, "multiple of the 4096 bytes" },
		{ &separate, 0, "offset", 1, JOB_SIZE_ALIGN, "multiple of the 4096 bytes" },
		{ &extended, 0, "bs", 4100, JOB_SIZE_TRANSFER, "multiple of 4096 (data" },
		{ &extended, 0, "bs", 4100, JOB_SIZE_TRANSFER, "4104 (with metadata" },
		{ &extended, JOB_BUFFER_DATA, "bs", 4104, JOB_SIZE_TRANSFER,
		  "multiple of 4096 (data" },
		{ &extended, JOB_BUFFER_EXTENDED, "bs", 4096, JOB_SIZE_TRANSFER,
		  "4104 (with metadata" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_without_size(rows[i].f);
		char value[40];

		j.o.buffer = rows[i].buffer;
		add_size(&j, rows[i].option, rows[i].bytes, rows[i].kind);
		snprintf(value, sizeof(value), "%s=%" PRIu64 " ", rows[i].option, rows[i].bytes);
		refused(&j, value, rows[i].words);
	}
}

/* One size that is wrong is found wherever it stands; of an offset, 0 is right. */
static void refuses_any_size(void)
{
	for (unsigned wrong = 0; wrong < 4; wrong++) {
		struct job j = job_without_size(&separate);

		add_size(&j, "bssplit", 4096, JOB_SIZE_TRANSFER);
		add_size(&j, "bsrange", 65536, JOB_SIZE_TRIM);
		add_size(&j, "blockalign", 4096, JOB_SIZE_ALIGN);
		add_size(&j, "offset", 0, JOB_SIZE_ALIGN);
		configured(&j);
		j.sizes[wrong].bytes += 512;
		refused(&j, j.sizes[wrong].option, "multiple of the 4096 bytes");
	}
}

/* NLB has 16 bits. */
static void limit_of_blocks(void)
{
	struct job j = job_without_size(&none);

	j.info.layout.data_size = 512;
	add_size(&j, "bs", 65536 * 512, JOB_SIZE_TRANSFER);
	UNIT_CHECK(configured(&j).max_blocks == 65536, "%u blocks", configured(&j).max_blocks);
	j.sizes[0].bytes += 512;
	refused(&j, "bs=33554944", "65537 blocks");
	j.sizes[0].kind = JOB_SIZE_TRIM;		/* the length of a range is wider */
	configured(&j);
}

/*
 * What crosses in the data buffer counts: metadata does where it is in it, and
 * that of its own buffer does not.
 */
static void limit_of_transfer(void)
{
	static const struct {
		const struct oracle_format	*f;
		bool				pract, compare;
		uint32_t			block;	/* that counts, bytes */
	} rows[] = {
		{ &none, false, false, 4096 }, { &separate, false, false, 4096 },
		{ &extended, false, false, 4104 }, { &extended, true, false, 4096 },
		{ &wide_ext, true, false, 4160 },
		{ &extended, true, true, 4104 },	/* Compare has no PRACT */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int by_target = 0; by_target <= 1; by_target++) {
			struct job j = job_without_size(rows[i].f);
			uint32_t limit = 8 * rows[i].block;
			char words[80];

			add_size(&j, "bs", 8 * 4096, JOB_SIZE_TRANSFER);
			j.o.pract = rows[i].pract;
			j.o.compare = rows[i].compare;
			j.info.max_transfer = by_target ? UINT32_MAX : limit;
			j.target.max_transfer = by_target ? limit : 0;
			configured(&j);
			j.sizes[0].bytes += 4096;
			snprintf(words, sizeof(words), "the limit is %u (%s)", limit,
				 by_target ? "the kernel's max_hw_sectors_kb" : "MDTS");
			refused(&j, "bs=36864", words);
			j.sizes[0].kind = JOB_SIZE_TRIM;
			configured(&j);
		}
}

/* A command's length has 32 bits, so there is a limit even where the device has none. */
static void limit_of_length(void)
{
	struct job j = job_without_size(&none);

	j.info.layout.data_size = 65536;
	add_size(&j, "bs", 65535ULL * 65536, JOB_SIZE_TRANSFER);
	configured(&j);
	j.sizes[0].bytes += 65536;
	refused(&j, "bs=4294967296", "the limit is 4294967295");
}

static void md_per_io_size(void)
{
	struct job j = job_without_size(&separate);

	add_size(&j, "bs", 4096, JOB_SIZE_TRANSFER);
	add_size(&j, "bs", 16 * 4096, JOB_SIZE_TRANSFER);
	UNIT_CHECK(configured(&j).md_size == 16 * 8, "sized %u", configured(&j).md_size);
	j.o.md_per_io = 16 * 8;
	UNIT_CHECK(configured(&j).md_size == 16 * 8, "as needed: %u", configured(&j).md_size);
	j.o.md_per_io = 4096;
	UNIT_CHECK(configured(&j).md_size == 4096, "larger: %u", configured(&j).md_size);
	j.o.md_per_io = 16 * 8 - 1;
	refused(&j, "md_per_io_size=127", "128 bytes of metadata");
	j.o.md_per_io = 65536 * 8;
	UNIT_CHECK(configured(&j).md_size == 65536 * 8, "the largest: %u", configured(&j).md_size);
	j.o.md_per_io++;
	refused(&j, "md_per_io_size=524289 is too large", "524288 bytes");
	j.o.md_per_io = 16 * 8 - 1;

	j.o.pract = true;			/* none moves: not looked at */
	UNIT_CHECK(configured(&j).md_size == 0, "with PRACT: %u", configured(&j).md_size);
	j.o.compare = true;			/* but with Compare it does */
	refused(&j, "md_per_io_size=127", "128 bytes of metadata");
	j = job_on(&extended);
	j.o.md_per_io = 1;
	UNIT_CHECK(configured(&j).md_size == 0, "extended: %u", configured(&j).md_size);
}

/* --- the engine's own buffers --- */

static void own_buffers(void)
{
	static const struct {
		const struct oracle_format	*f;
		bool				pract, compare;
		uint64_t			bs;
		uint32_t			bounce, md;
	} rows[] = {
		{ &none, false, false, 65536, 0, 0 },
		{ &bare_md, false, false, 65536, 0, 16 * 16 },
		{ &separate, false, false, 65536, 0, 16 * 8 },
		{ &separate, true, false, 65536, 0, 0 },
		{ &separate, true, true, 65536, 0, 16 * 8 },
		{ &wide, true, false, 65536, 0, 16 * 64 },
		{ &extended, false, false, 65536, 16 * 4104, 0 },
		{ &extended, false, false, 41040, 0, 0 },
		{ &extended, true, false, 65536, 0, 0 },
		{ &extended, true, true, 65536, 16 * 4104, 0 },
		{ &wide_ext, true, false, 65536, 16 * 4160, 0 },
		{ &wide_ext, false, false, 41600, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_without_size(rows[i].f);
		struct job_ns ns;

		j.o.pract = rows[i].pract;
		j.o.compare = rows[i].compare;
		add_size(&j, "bs", rows[i].bs, JOB_SIZE_TRANSFER);
		ns = configured(&j);
		UNIT_CHECK(ns.bounce_size == rows[i].bounce,
			   "row %zu: bounce buffer of %u, wanted %u", i, ns.bounce_size,
			   rows[i].bounce);
		UNIT_CHECK(ns.md_size == rows[i].md, "row %zu: metadata buffer of %u, wanted %u", i,
			   ns.md_size, rows[i].md);
		UNIT_CHECK(ns.max_blocks == rows[i].bs / ns.host_block, "row %zu: %u blocks", i,
			   ns.max_blocks);
	}
}

/* --- commands --- */

static void refuses_missing_commands(void)
{
	static const struct {
		unsigned	oncs;		/* bit of ONCS */
		uint8_t		opcode;		/* in write_mode, 0: none */
		bool		compare, trims;
		const char	*option, *words;
	} rows[] = {
		{ 3, nvme_cmd_write_zeroes, false, false, "write_mode:", "Write Zeroes" },
		{ 1, nvme_cmd_write_uncor, false, false, "write_mode:", "Write Uncorrectable" },
		{ 7, nvme_cmd_verify, false, false, "write_mode:", "Verify" },
		{ 0, 0, true, false, "verify_mode:", "Compare" },
		{ 2, 0, false, true, "rw=trim:", "Dataset Management" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(&separate);

		j.info.oncs = ALL_ONCS & ~(1 << rows[i].oncs);
		configured(&j);
		if (rows[i].opcode)		/* the second part of a mix */
			j.o.write_mode = (struct words_mix){
				2, { { nvme_cmd_write, 90 }, { rows[i].opcode, 10 } } };
		j.o.compare = rows[i].compare;
		j.o.trims = rows[i].trims;
		refused(&j, rows[i].option, rows[i].words);
		j.info.oncs = 1 << rows[i].oncs;
		configured(&j);
	}
}

/* What write_mode says matters only to a job that writes. */
static void reads_need_no_commands(void)
{
	struct job j = job_on(&separate);

	j.info.oncs = 0;
	j.o.writes = false;
	j.o.write_mode = (struct words_mix){ 1, { { nvme_cmd_write_zeroes, 100 } } };
	configured(&j);
}

static void command_flags(void)
{
	for (unsigned set = 0; set < 8; set++) {
		struct job j = job_on(&separate);
		struct job_ns ns;

		j.o.readfua = set & 1;
		j.o.writefua = set & 2;
		j.o.deac = set & 4;
		ns = configured(&j);
		UNIT_CHECK(ns.readfua == !!(set & 1) && ns.writefua == !!(set & 2) &&
			   ns.deac == !!(set & 4), "set %u is lost", set);
	}
}

static void refuses_other_format(void)
{
	struct job j = job_on(&separate);

	j.o.open.format.lbs = 4096;
	j.o.open.format.pi = 1;
	configured(&j);
	j.o.open.format.ms = 16;
	j.o.open.format.pif = 2;
	refused(&j, "not the format", "ns_ms=16, but it is 8; ns_pif=2, but it is 0");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "refuses_sizes", refuses_sizes },
		{ "refuses_any_size", refuses_any_size },
		{ "limit_of_blocks", limit_of_blocks },
		{ "limit_of_transfer", limit_of_transfer },
		{ "limit_of_length", limit_of_length },
		{ "md_per_io_size", md_per_io_size },
		{ "own_buffers", own_buffers },
		{ "refuses_missing_commands", refuses_missing_commands },
		{ "reads_need_no_commands", reads_need_no_commands },
		{ "command_flags", command_flags },
		{ "refuses_other_format", refuses_other_format },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
