/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job-trial.h - a job's options and a namespace to settle them on, and what must come
 * of that: a settled namespace, or one line
 */
#ifndef JOB_TRIAL_H
#define JOB_TRIAL_H

#include <errno.h>
#include <inttypes.h>

#include "engines/job.h"
#include "verify/mismatch.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

enum { ALL_ONCS = 0xffff };

static const struct oracle_format
	none	    = { .data_size = 4096 },
	bare_md	    = { .data_size = 4096, .md_size = 16 },
	separate    = { .data_size = 4096, .md_size = 8, .type = 1 },
	extended    = { .data_size = 4096, .md_size = 8, .type = 1, .extended = true },
	wide	    = { .data_size = 4096, .md_size = 64, .type = 1 },
	wide_ext    = { .data_size = 4096, .md_size = 64, .type = 1, .extended = true },
	small_ext   = { .data_size = 512, .md_size = 64, .type = 1, .extended = true },
	type2	    = { .data_size = 4096, .md_size = 8, .type = 2 },
	type3	    = { .data_size = 4096, .md_size = 8, .type = 3 },
	storage     = { .data_size = 4096, .md_size = 16, .type = 2, .pif = 2, .sts = 16 };

/* A job on a namespace. */
struct job {
	struct job_size		sizes[6];
	unsigned		nr;
	struct job_opts		o;
	struct nvme_ns_info	info;
	struct target_ns	target;
};

static inline void add_size(struct job *j, const char *option, uint64_t bytes, enum job_size_kind kind)
{
	j->sizes[j->nr++] = (struct job_size){ option, bytes, kind };
}

/* Every option left out; reads and writes; no block size yet. */
static inline struct job job_without_size(const struct oracle_format *f)
{
	struct job j = {
		.info = info_of(f),
		.o = {
			.storage_check = -1, .apptag = 0x1234, .apptag_mask = 0xffff,
			.write_mode = { 1, { { nvme_cmd_write, 100 } } },
			.reads = true, .writes = true,
			.open.format = NS_FORMAT_ANY,
		},
	};

	j.info.oncs = ALL_ONCS;
	j.info.storage_mask = 0xf0ff;
	return j;
}

static inline struct job job_on(const struct oracle_format *f)
{
	struct job j = job_without_size(f);

	add_size(&j, "bs", f->data_size, JOB_SIZE_TRANSFER);
	return j;
}

static inline int configure(struct job *j, struct job_ns *ns, char *why)
{
	*ns = (struct job_ns){ .path = "/dev/ng0n7", .info = j->info, .target = &j->target };
	j->o.sizes = j->sizes;
	j->o.nr_sizes = j->nr;
	return job_configure(ns, &j->o, why);
}

/* A job that must be taken. */
static inline struct job_ns configured(struct job *j)
{
	char why[WHY_MAX] = "";
	struct job_ns ns;
	int ret = configure(j, &ns, why);

	UNIT_CHECK(!ret, "returned %d: %s", ret, why);
	return ns;
}

/* A job that must be refused, in one line: of this namespace, about @option, saying @words. */
static inline void refused(struct job *j, const char *option, const char *words)
{
	char why[WHY_MAX] = "";
	struct job_ns ns;
	int ret = configure(j, &ns, why);
	const char *rest = strstr(why, "): ");

	UNIT_CHECK(ret == -EINVAL, "returned %d, wanted '%s %s'", ret, option, words);
	UNIT_CHECK(!strncmp(why, "/dev/ng0n7 (", 12) && rest, "no namespace and format: '%s'", why);
	UNIT_CHECK(rest && strstr(rest, option), "not about %s: '%s'", option, why);
	UNIT_CHECK(rest && strstr(rest, words), "does not say '%s': '%s'", words, why);
	UNIT_CHECK(!strchr(why, '\n') && strlen(why) < WHY_MAX - 1,
		   "not one whole line: '%s'", why);
}

static inline void set_prchk(struct job *j, unsigned checks)
{
	j->o.prchk_given = true;
	j->o.prchk = checks;
}

static inline void set_verify(struct job *j, unsigned checks)
{
	j->o.verify_given = true;
	j->o.verify = checks;
}

static inline void set_ref(struct job *j, uint64_t ref)
{
	j->o.ref_given = true;
	j->o.ref = ref;
}

static inline void set_storage(struct job *j, uint64_t tag)
{
	j->o.storage_given = true;
	j->o.storage = tag;
}

#endif
