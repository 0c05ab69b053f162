/* SPDX-License-Identifier: GPL-2.0-only */
/* main.c - nvmepi-scan, the program; see scan.h */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "verify/decode.h"
#include "verify/output.h"
#include "engines/io-queue.h"
#include "scan.h"
#include "args.h"

/* --- set up the scan --- */

/* Messages of job.c name the engine's options; replace them by those of this program, and exit. */
static void die_of_job(const char *why)
{
	static const char *const words[][2] = {
		{ "pi_verify", "--check" }, { "pi_chk", "--device-check" }, { "pi_ref", "--ref" },
		{ "pi_storage_tag", "--storage-tag" }, { "pi_escape", "--escape" },
		{ "apptag_mask", "--apptag-mask" }, { "apptag", "--apptag" },
	};
	const size_t nr = sizeof(words) / sizeof(words[0]);
	char line[2 * WHY_MAX] = "";
	size_t i, n = 0;

	while (*why) {
		for (i = 0; i < nr && strncmp(why, words[i][0], strlen(words[i][0])); )
			i++;
		if (i == nr)
			line[n++] = *why++;
		else
			n += sprintf(line + n, "%s", words[i][1]);
		why += i == nr ? 0 : strlen(words[i][0]);
	}
	scan_die("%s", line);
}

/* Return the ns_* options as a format. */
static struct ns_format format_of(const struct scan_args *a)
{
	struct ns_format f = NS_FORMAT_ANY;
	int *const format[] = { &f.lbs, &f.ms, &f.mset, &f.pi, &f.pil, &f.pif, &f.sts };

	for (int i = 0; i < 7; i++)
		if (scan_given(a, NS_LBS + i))
			*format[i] = a->ns[i];
	return f;
}

static void say(const char *line)
{
	fprintf(stderr, "nvmepi-scan: %s\n", line);
}

/* Open the target without other options, so that its format is known before they are checked. */
static void open_target(const struct scan_args *a, struct job_ns *ns)
{
	struct job_opts any = { .verify_given = true, .open = { .format = format_of(a), .say = say } };
	char why[WHY_MAX], name[NVME_FORMAT_MAX];

	if (job_ns_open(target_of(a->target), a->target, &any, ns, why))
		scan_die("%s", why);
	if (ns->info.layout.type == PI_NONE)
		scan_die("%s (%s): there is no protection information to check", a->target,
			 nvme_format_name(&ns->info, name));
}

/* Return the blocks per read: --bs, or by default 128 KiB limited to what the device accepts. */
static uint32_t blocks_of_read(const struct scan_args *a, const struct job_ns *ns)
{
	const struct pi_layout *l = &ns->info.layout;
	uint64_t bytes = scan_bs(a), blocks = bytes / l->data_size;
	const struct {
		uint64_t bytes, block;
	} limits[] = {
		{ ns->info.max_transfer,
		  ns->info.limits.data_only ? l->data_size : pi_block_size(l) },
		{ ns->target->max_transfer, pi_block_size(l) },
	};

	if (scan_given(a, BS) && bytes % l->data_size)
		scan_die("--bs=%s is not a multiple of the %u bytes of a block", a->bs,
			 l->data_size);
	for (int i = 0; i < 2 && !scan_given(a, BS); i++)
		if (limits[i].bytes && blocks > limits[i].bytes / limits[i].block)
			blocks = limits[i].bytes / limits[i].block;
	return blocks ? blocks : 1;
}

static void configure_checks(const struct scan_args *a, struct job_ns *ns, uint32_t blocks)
{
	const struct job_size read = { "--bs", blocks * (uint64_t)pi_block_size(&ns->info.layout),
				       JOB_SIZE_TRANSFER };
	struct job_opts o = {
		.prchk_given = true, .prchk = scan_checks(a, DEVICE_CHECK),
		.verify_given = scan_given(a, CHECK), .verify = scan_checks(a, CHECK),
		.apptag_given = scan_given(a, APPTAG), .apptag = a->apptag, .apptag_mask = a->apptag_mask,
		.ref_given = scan_given(a, REF), .ref = a->ref,
		.storage_given = scan_given(a, STORAGE_TAG), .storage = a->storage,
		.unknown = (scan_given(a, APPTAG) ? 0 : PI_APP) |
			   (scan_given(a, STORAGE_TAG) ? 0 : PI_STORAGE),
		.buffer = ns->info.layout.extended ? JOB_BUFFER_EXTENDED : JOB_BUFFER_DATA,
		.reads = true,
		.looks = true,		/* at the buffers, to count escaped blocks */
		.escape = scan_escape(a),
		.open.format = NS_FORMAT_ANY, .sizes = &read, .nr_sizes = 1,
	};
	char why[WHY_MAX];

	o.storage_check = o.prchk & PI_STORAGE ? -1 : 0;
	if (job_configure(ns, &o, why))
		die_of_job(why);
	if (*ns->remark && ((ns->remark_on == PI_APP && scan_given(a, APPTAG)) ||
			    (ns->remark_on == PI_STORAGE && scan_given(a, STORAGE_TAG))))
		die_of_job(ns->remark);
}

static unsigned default_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 1 ? 1 : cpus < 4 ? cpus : 4;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		const uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Where a read may not cross the end of a zone, all reads end there: they have a divisor of it. */
static uint32_t blocks_in_zone(const struct nvme_zones *z, uint64_t first, uint32_t blocks)
{
	const uint64_t ends = common_divisor(z->blocks, first);

	if (!z->blocks || z->cross)
		return blocks;
	while (ends % blocks)
		blocks--;
	return blocks;
}

static void configure(const struct scan_args *a, struct scan *s)
{
	open_target(a, &s->ns);
	s->io_blocks = blocks_of_read(a, &s->ns);
	configure_checks(a, &s->ns, s->io_blocks);
	scan_range(a, s->ns.info.nr_blocks, &s->first, &s->end);
	s->io_blocks = blocks_in_zone(&s->ns.info.zones, s->first, s->io_blocks);
	s->next = s->first;
	s->unfinished = UINT64_MAX;
	s->threads = scan_given(a, THREADS) ? a->threads : default_threads();
	s->depth = a->depth;
	s->list = a->list;
	s->text = !a->quiet && !(a->json && !strcmp(a->json, "-"));
	s->progress = !a->quiet;
}

/* --- decode one block --- */

static int decode(const struct scan *s, uint64_t lba)
{
	const struct job_ns *ns = &s->ns;
	const struct pi_layout *l = &ns->info.layout;
	char format[NVME_FORMAT_MAX], name[NVME_STATUS_MAX];
	uint8_t *data = calloc(1, l->data_size + l->md_size);
	struct vfy_block b = {
		.layout = l, .format = nvme_format_name(&ns->info, format), .lba = lba,
		.data = data, .md = data + l->data_size, .tags = io_tags(ns, lba),
		.known = ns->verify | (ns->verify_md ? VFY_METADATA : 0),
	};
	enum nvme_meaning meaning;
	unsigned wrong;
	int res;

	if (lba >= ns->info.nr_blocks)
		scan_die("--decode=%" PRIu64 ": %s has LBAs 0-%" PRIu64, lba, ns->path,
			 ns->info.nr_blocks - 1);
	if (!data)
		scan_die("out of memory");
	res = scan_read_block(ns, lba, 0, data, data + l->data_size);
	meaning = nvme_result_meaning(res);
	if (meaning != NVME_GOOD && meaning != NVME_VERDICT && meaning != NVME_UNWRITTEN)
		scan_die("%s: LBA %" PRIu64 ": %s: that says nothing about the block", ns->path,
			 lba, nvme_result_name(res, name));
	if (res)
		printf("LBA %" PRIu64 " (%s)\n  %s: %s\n", lba, b.format,
		       meaning == NVME_VERDICT ? "unrecovered" : "deallocated, or never written",
		       nvme_result_name(res, name));
	wrong = res ? meaning == NVME_VERDICT : vfy_decode(stdout, &b);
	free(data);
	return wrong ? 1 : 0;
}

/* --- scan all blocks --- */

static struct scan scan = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER,
	.on_finding = scan_show_finding, .on_progress = scan_show_progress,
};

/* Stop at the first signal.  The second one ends the program, in case reads do not complete. */
static void interrupt(int sig)
{
	(void)sig;
	atomic_store(&scan.stop, true);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* Return true if the file is a complete result of an earlier scan. */
static bool is_result(int fd)
{
	static const char start[] = "{ \"version\": 1, \"target\": \"";
	char text[sizeof(start) - 1], end[2];
	off_t size = lseek(fd, 0, SEEK_END);

	return size > (off_t)sizeof(text) && pread(fd, text, sizeof(text), 0) == sizeof(text) &&
	       !memcmp(text, start, sizeof(text)) && pread(fd, end, 2, size - 2) == 2 &&
	       end[0] == '}' && end[1] == '\n';
}

/* The JSON output.  It is written to @new, which replaces @real when it is complete. */
struct result {
	const char	*path;
	FILE		*file;
	bool		renamed;
	char		real[PATH_MAX], new[PATH_MAX];
};

static void open_new(struct result *r)
{
	char why[WHY_MAX];

	r->renamed = true;
	if (vfy_output_real(r->path, r->real) ||
	    snprintf(r->new, sizeof(r->new), "%s.nvmepi-new", r->real) >= (int)sizeof(r->new))
		scan_die("--json=%s: %s", r->path, strerror(ENAMETOOLONG));
	if (vfy_output_conflict(VFY_USE_JSON, r->new, why))
		scan_die("%s", why);
	/* rename() would replace a read-only file, too, so refuse it here. */
	if (!access(r->real, F_OK) && access(r->real, W_OK))
		return;
	r->file = fopen(r->new, "we");
}

static void open_json(struct result *r, const char *path)
{
	const struct vfy_output o = {
		.use = VFY_USE_JSON, .path = path, .streams = true, .ours = is_result,
	};
	char why[WHY_MAX];
	struct stat st;
	int fd;

	*r = (struct result){ .path = path };
	if (!strcmp(path, "-"))
		r->file = stdout;
	else if (vfy_output_check(&o, why))
		scan_die("%s", why);
	else if (stat(path, &st) || S_ISREG(st.st_mode))
		open_new(r);
	else if ((fd = vfy_output_open(path, O_WRONLY | O_TRUNC)) >= 0)
		r->file = fdopen(fd, "w");
	if (!r->file)
		scan_die("--json=%s: %s", path, vfy_output_error(errno));
}

/* Write and close the file, and rename it.  Returns 0, or errno. */
static int put_json(struct result *r, const char *text)
{
	int err = 0;

	if (fprintf(r->file, "%s\n", text) < 0 || fflush(r->file))
		err = errno;
	if (fclose(r->file) && !err)
		err = errno;
	if (!err && r->renamed && rename(r->new, r->real))
		err = errno;
	return err;
}

/* Write @o and release it.  Returns false after a message if that failed. */
static bool write_json(struct result *r, struct json_object *o)
{
	int err = put_json(r, json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED |
							     JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(o);
	if (err && r->renamed)
		unlink(r->new);
	if (err)
		fprintf(stderr, "nvmepi-scan: --json=%s: %s: no result was written\n", r->path, strerror(err));
	return !err;
}

/* Say why the scan is incomplete, and how to continue it. */
static void tell_of_rest(void)
{
	uint64_t next = scan_next(&scan);
	char last[24] = "";

	if (scan.err)
		fprintf(stderr, "nvmepi-scan: %s\n", scan.why);
	if (next == scan.end)
		return;
	if (scan.end != scan.ns.info.nr_blocks)
		snprintf(last, sizeof(last), "%" PRIu64, scan.end - 1);
	fprintf(stderr, "nvmepi-scan: incomplete: continue with --range=%" PRIu64 "-%s\n", next,
		last);
}

static int run(const struct scan_args *a)
{
	struct vfy_recorder_opts o = { .job = "nvmepi-scan", .run = "", .log = a->log };
	char why[WHY_MAX];
	struct result json;
	bool told;		/* all results were written */

	if (a->json)
		open_json(&json, a->json);
	if (vfy_recorder_open(&scan.recorder, &o, why)) {
		if (a->json && json.renamed)
			unlink(json.new);
		scan_die("--log%s", why + strlen("pi_log"));	/* the option here */
	}
	scan.findings = json_object_new_array();
	catch_signals();
	scan_show_start(&scan);
	scan_run(&scan);
	scan_show_summary(&scan);
	tell_of_rest();
	told = !a->log || scan.recorder.log_fd >= 0;
	if (!told)
		fprintf(stderr, "nvmepi-scan: --log=%s: could not be written completely\n", a->log);
	vfy_recorder_close(&scan.recorder);
	if (a->json)
		told &= write_json(&json, scan_json(&scan));
	if (scan.bad.blocks)
		return 1;
	return told && scan_next(&scan) == scan.end && !scan.err ? 0 : 2;
}

/* --- describe a namespace --- */

static int tell_info(const struct scan_args *a)
{
	const struct target_ops *ops = target_of(a->target);
	const struct target_open open = {
		.path = a->target, .format = format_of(a), .identifies = true,
	};
	char why[WHY_MAX], name[NVME_STATUS_MAX];
	struct nvme_identify id;
	struct target_ns *ns;
	struct json_object *o;
	struct result json = { 0 };
	bool told = true;
	int res;

	if (ops->open(&open, &ns, why))
		scan_die("%s", why);
	res = nvme_identify_all(ns, &id);
	if (res)
		scan_die("%s: Identify failed: %s", a->target, nvme_result_name(res, name));
	if (a->json)
		open_json(&json, a->json);
	o = scan_info(ns, a->target, &id);
	if (json.file != stdout)
		scan_info_text(o);
	if (a->json)
		told = write_json(&json, json_object_get(o));
	json_object_put(o);
	ns->ops->close(ns);
	return told ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct scan_args a = scan_args(argc, argv);
	int status;

	if (vfy_output_note_target(a.target) || vfy_output_note_open(VFY_USE_PRINTED, STDOUT_FILENO))
		scan_die("out of memory");
	if (a.info)
		return tell_info(&a);
	configure(&a, &scan);
	status = scan_given(&a, DECODE) ? decode(&scan, a.decode) : run(&a);
	job_ns_close(&scan.ns);
	return status;
}
