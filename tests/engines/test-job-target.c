/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-job-target.c - what the block layer does not carry is refused there, and only there; what
 * the running kernel lacks follows from its version
 */
#include <stdio.h>
#include <sys/utsname.h>
#include "engines/nvme/kernel.h"
#include "job-trial.h"

static const struct oracle_format
	guard32	    = { .data_size = 4096, .md_size = 16, .type = 1, .pif = 1, .sts = 16 },
	guard64	    = { .data_size = 4096, .md_size = 16, .type = 1, .pif = 2 };

/* A job on the block device of a namespace, of which the kernel has a profile. */
static struct job block_job(const struct oracle_format *f)
{
	struct job j = job_on(f);

	j.target = (struct target_ns){ .ops = &block_target, .integrity = true };
	return j;
}

/* The same job is taken by passthrough. */
static void only_here(struct job j, const char *what)
{
	refused(&j, "the block layer does not carry", what);
	j.target = (struct target_ns){ .ops = &ring_target };
	configured(&j);
}

static void formats(void)
{
	static const struct oracle_format *const carried[] = { &none, &bare_md, &separate, &wide, &type2, &type3, &guard64 };
	struct job j;

	for (size_t i = 0; i < ARRAY_SIZE(carried); i++) {
		j = block_job(carried[i]);
		configured(&j);
	}
	only_here(block_job(&extended), "extended blocks");
	only_here(block_job(&storage), "storage tags");
	only_here(block_job(&guard32), "32b guards");
	j = block_job(&separate);
	j.target.integrity = false;
	only_here(j, "integrity profile");
	j = block_job(&none);
	j.target.integrity = false;		/* without metadata none is needed */
	configured(&j);
	j = block_job(&separate);
	j.info.zones.blocks = 1024;
	only_here(j, "zones");
}

static void options(void)
{
	static const uint8_t opcodes[] = { nvme_cmd_write_zeroes, nvme_cmd_write_uncor, nvme_cmd_verify };
	struct job j = block_job(&separate);

	j.o.pract = true;
	only_here(j, "pi_act=1");
	j = block_job(&separate);
	j.o.readfua = true;
	only_here(j, "readfua");
	j = block_job(&separate);
	j.o.compare = true;
	only_here(j, "verify_mode=compare");
	j = block_job(&separate);
	j.o.trims = true;
	j.o.ranges = 2;
	only_here(j, "num_range");
	j.o.ranges = 1;
	configured(&j);
	j.o.appends = true;
	refused(&j, "the block layer does not carry", "write_mode=zone_append");
	j = block_job(&separate);
	j.o.places = true;
	only_here(j, "placement (fdp, dataplacement)");
	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		j = block_job(&separate);
		j.o.write_mode = (struct words_mix){ 2, { { nvme_cmd_write, 50 }, { opcodes[i], 50 } } };
		only_here(j, "write_mode=");
	}
}

static void tags(void)
{
	struct job j = block_job(&separate);

	j.o.apptag_mask = 0xff;
	only_here(j, "apptag_mask");
	j.o.prchk_given = true;
	j.o.prchk = PI_GUARD | PI_REF;		/* then the host alone compares the tag */
	configured(&j);
	j = block_job(&type2);
	j.o.ref_given = true;
	j.o.ref = 7;
	only_here(j, "pi_ref");
	j = block_job(&type3);
	j.o.ref_given = true;
	j.o.ref = 7;				/* nobody checks it */
	configured(&j);
}

static void kernels(void)
{
	static const unsigned from[KERNEL_NR_FEATURES] = {
		[KERNEL_PASSTHROUGH] = 600, [KERNEL_POLLED_DATALESS] = 605, [KERNEL_ATTRIBUTE] = 613,
		[KERNEL_PROFILE] = 617,
	};
	unsigned version, patch;
	struct utsname u;
	char words[32];

	if (!UNIT_CHECK(!uname(&u) && sscanf(u.release, "%u.%u", &version, &patch) == 2, "%s", u.release))
		return;
	for (unsigned f = 0; f < KERNEL_NR_FEATURES; f++) {
		const char *lacks = kernel_lacks(f);

		snprintf(words, sizeof(words), "kernels before %u.%u ", from[f] / 100, from[f] % 100);
		UNIT_CHECK(!lacks == (version * 100 + patch >= from[f]), "feature %u: %s", f, lacks);
		UNIT_CHECK(!lacks || !strncmp(lacks, words, strlen(words)), "'%s', wanted '%s...'", lacks, words);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "formats", formats },
		{ "options", options },
		{ "tags", tags },
		{ "kernels", kernels },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
