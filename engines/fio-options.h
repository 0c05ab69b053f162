/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-options.h - the engine's options, as fio parses them
 *
 * A part of fio.c: included there once, behind fio's headers.
 */
#ifndef FIO_OPTIONS_H
#define FIO_OPTIONS_H

struct options {
	void *pad;		/* fio takes an offset of 0 for none */
	unsigned int hipri, fixedbufs, registerfiles;
	unsigned int sqthread_poll, sqthread_poll_cpu, sqthread_poll_cpu_set;
	int nonvectored;
	unsigned int force_async, nowait;
	unsigned int cmd_type;
	unsigned int pi_act, apptag, apptag_given, apptag_mask, md_per_io_size;
	char *pi_chk, *pi_verify, *pi_ref, *pi_storage_tag;
	int pi_storage_check;
	unsigned int pi_buffer;
	unsigned int readfua, writefua, deac;
	char *write_mode;
	unsigned int verify_mode;
	unsigned int num_range;
	struct ns_format format;
	unsigned int ns_delay;
	char *ns_fault, *ns_fault_log;
	char *pi_plugin, *pi_log, *pi_report, *pi_dump, *pi_inject, *pi_inject_file;
	unsigned int pi_log_rate, pi_inject_into, pi_expect, pi_exit, pi_escape;
};

enum { DEFAULT_APPTAG = 0x1234 };
enum { VERIFY_MODE_READ = 1, VERIFY_MODE_COMPARE };
enum { CMD_TYPE_NVME = 1 };

static int set_poll_cpu(void *data, unsigned long long *val)
{
	struct options *o = data;

	o->sqthread_poll_cpu = *val;
	o->sqthread_poll_cpu_set = 1;
	return 0;
}

static int set_apptag(void *data, unsigned long long *val)
{
	struct options *o = data;

	o->apptag = *val;
	o->apptag_given = 1;
	return 0;
}

#define OPTION(_name, _field, _type, _help, ...) { \
	.name = _name, .lname = _name, .type = _type, .help = _help, \
	.off1 = offsetof(struct options, _field), \
	.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING, __VA_ARGS__ }

#define WORD(_word, _value, _help) { .ival = _word, .oval = _value, .help = _help }

static struct fio_option options[] = {
	OPTION("hipri", hipri, FIO_OPT_STR_SET, "Poll for completions (IOPOLL)"),
	OPTION("fixedbufs", fixedbufs, FIO_OPT_STR_SET, "Register buffers with the ring"),
	OPTION("registerfiles", registerfiles, FIO_OPT_STR_SET, "Register files with the ring"),
	OPTION("sqthread_poll", sqthread_poll, FIO_OPT_STR_SET, "A kernel thread submits (SQPOLL)"),
	{	/* a callback, so no offset */
		.name = "sqthread_poll_cpu", .lname = "sqthread_poll_cpu", .type = FIO_OPT_INT,
		.cb = set_poll_cpu, .help = "CPU of the submitting kernel thread",
		.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING,
	},
	OPTION("nonvectored", nonvectored, FIO_OPT_INT, "Flat buffers (1), or one iovec (0)", .def = "-1"),
	OPTION("force_async", force_async, FIO_OPT_INT, "IOSQE_ASYNC on every Nth command"),
	OPTION("nowait", nowait, FIO_OPT_BOOL, "Taken, without effect on passthrough commands"),
	OPTION("cmd_type", cmd_type, FIO_OPT_STR, "Type of passthrough command", .def = "nvme",
	       .posval = { WORD("nvme", CMD_TYPE_NVME, "NVMe") }),
	OPTION("pi_act", pi_act, FIO_OPT_BOOL, "PRACT: the controller inserts and strips tuples",
	       .def = "0"),
	OPTION("pi_chk", pi_chk, FIO_OPT_STR_STORE,
	       "What the device checks: GUARD,APPTAG,REFTAG,STTAG (default: all the type allows, in "
	       "reads without tags whose values are not given)"),
	OPTION("pi_verify", pi_verify, FIO_OPT_STR_STORE,
	       "What the host checks: none, or words as in pi_chk and METADATA (default: all the type "
	       "allows; METADATA and tags whose values are not given only where this run wrote)"),
	OPTION("pi_escape", pi_escape, FIO_OPT_STR, "Blocks that escape their checks", .def = "allow",
	       .posval = {
		       WORD("allow", JOB_ESCAPE_ALLOW + 1, "are counted"),
		       WORD("own", JOB_ESCAPE_OWN + 1, "are mismatches where this run wrote them"),
		       WORD("reject", JOB_ESCAPE_REJECT + 1, "are mismatches"),
	       }),
	{	/* a callback, so no offset */
		.name = "apptag", .lname = "apptag", .type = FIO_OPT_INT, .cb = set_apptag,
		.help = "Application tag (default: 0x1234, and what others wrote may have any)",
		.maxval = 0xffff, .category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING,
	},
	OPTION("apptag_mask", apptag_mask, FIO_OPT_INT, "Its bits that are checked", .def = "0xffff",
	       .maxval = 0xffff),
	OPTION("pi_ref", pi_ref, FIO_OPT_STR_STORE,
	       "Types 2 and 3: reference tag of LBA 0, or lba (default: lba, which is 0)"),
	OPTION("pi_storage_tag", pi_storage_tag, FIO_OPT_STR_STORE, "Storage tag (default: 0)"),
	OPTION("pi_storage_check", pi_storage_check, FIO_OPT_INT,
	       "Does the device check the storage tag? (default: where there is one)", .def = "-1",
	       .minval = -1, .maxval = 1),
	OPTION("pi_buffer", pi_buffer, FIO_OPT_STR, "Extended namespaces: what bs counts", .def = "auto",
	       .posval = {
		       WORD("auto", JOB_BUFFER_AUTO + 1, "extended when bs fits only that, else data"),
		       WORD("data", JOB_BUFFER_DATA + 1, "data bytes; the engine interleaves"),
		       WORD("extended", JOB_BUFFER_EXTENDED + 1, "data and metadata, as in bs=4104"),
	       }),
	OPTION("md_per_io_size", md_per_io_size, FIO_OPT_INT,
	       "Bytes of separate metadata an I/O (default 0: as many as needed)", .def = "0"),
	OPTION("readfua", readfua, FIO_OPT_BOOL, "FUA in reads, compares and verifies", .def = "0"),
	OPTION("writefua", writefua, FIO_OPT_BOOL, "FUA in writes, also of zeroes", .def = "0"),
	OPTION("deac", deac, FIO_OPT_BOOL, "Deallocate in Write Zeroes", .def = "0"),
	OPTION("write_mode", write_mode, FIO_OPT_STR_STORE,
	       "What a write is: write, zeroes, uncor, verify, or a mix: write/80:zeroes/20",
	       .def = "write"),
	OPTION("verify_mode", verify_mode, FIO_OPT_STR, "Command of the verify phase", .def = "read",
	       .posval = {
		       WORD("read", VERIFY_MODE_READ, "Read, and fio compares"),
		       WORD("compare", VERIFY_MODE_COMPARE, "Compare; needs verify=pattern"),
	       }),
#ifndef FIO_MULTI_RANGE
	OPTION("num_range", num_range, FIO_OPT_INT,
	       "Trims in one Dataset Management command, at most", .def = "1", .minval = 1, .maxval = 256),
#endif
	OPTION("ns_lbs", format.lbs, FIO_OPT_INT, "Expected data size, bytes", .def = "-1"),
	OPTION("ns_ms", format.ms, FIO_OPT_INT, "Expected metadata size, bytes", .def = "-1"),
	OPTION("ns_mset", format.mset, FIO_OPT_INT, "Expected: 1 extended, 0 separate", .def = "-1"),
	OPTION("ns_pi", format.pi, FIO_OPT_INT, "Expected protection type, 0..3", .def = "-1"),
	OPTION("ns_pil", format.pil, FIO_OPT_INT, "Expected: 1 tuple first, 0 last", .def = "-1"),
	OPTION("ns_pif", format.pif, FIO_OPT_INT, "Expected guard: 0 16b, 1 32b, 2 64b", .def = "-1"),
	OPTION("ns_sts", format.sts, FIO_OPT_INT, "Expected storage tag size, bits", .def = "-1"),
	OPTION("ns_delay", ns_delay, FIO_OPT_INT,
	       "Images: nanoseconds that each command takes longer", .def = "0"),
	OPTION("ns_fault", ns_fault, FIO_OPT_STR_STORE,
	       "Images: KIND[/N][@SEED]: one write in N is lost, stale, misdirected or torn"),
	OPTION("ns_fault_log", ns_fault_log, FIO_OPT_STR_STORE, "Where ns_fault tells what it did"),
	OPTION("pi_plugin", pi_plugin, FIO_OPT_STR_STORE,
	       "What verifies: pi, stamp, or PATH.so; arguments after a comma (default: pi)"),
	OPTION("pi_log", pi_log, FIO_OPT_STR_STORE, "File to append mismatches to, as JSON lines"),
	OPTION("pi_log_rate", pi_log_rate, FIO_OPT_INT, "Its lines a second, at most; 0: all",
	       .def = "1000"),
	OPTION("pi_report", pi_report, FIO_OPT_STR_STORE, "File for counts and times of all jobs, as JSON"),
	OPTION("pi_dump", pi_dump, FIO_OPT_STR_STORE, "Folder for bad blocks and their neighbours"),
	OPTION("pi_inject", pi_inject, FIO_OPT_STR_STORE,
	       "Damage on purpose: guard, app, ref, storage, data or md, as FIELD[:bit|:all][/N][@SEED]"),
	OPTION("pi_inject_into", pi_inject_into, FIO_OPT_STR, "What is damaged", .def = "auto",
	       .posval = {
		       WORD("auto", SESSION_INTO_AUTO + 1, "what is written, where the job writes"),
		       WORD("write", SESSION_INTO_WRITE + 1, "a copy of what is written"),
		       WORD("read", SESSION_INTO_READ + 1, "what was read"),
	       }),
	OPTION("pi_inject_file", pi_inject_file, FIO_OPT_STR_STORE,
	       "Keeps which blocks are damaged, for later runs"),
	OPTION("pi_expect", pi_expect, FIO_OPT_STR, "The drive's answer to a damaged write",
	       .def = "auto", .posval = {
		       WORD("auto", IO_ANSWER_AUTO + 1, "rejected where pi_chk covers the damage"),
		       WORD("reject", IO_ANSWER_REJECT + 1, "rejected"),
		       WORD("accept", IO_ANSWER_ACCEPT + 1, "accepted"),
		       WORD("any", IO_ANSWER_ANY + 1, "either will do"),
	       }),
	OPTION("pi_exit", pi_exit, FIO_OPT_STR, "What has fio exit with an error", .def = "mismatch",
	       .posval = {
		       WORD("mismatch", SESSION_EXIT_MISMATCH + 1,
			    "any finding that nobody injected, also where the job went on"),
		       WORD("fio", SESSION_EXIT_FIO + 1, "what fio itself takes for one"),
	       }),
	{ .name = NULL },
};

#endif
