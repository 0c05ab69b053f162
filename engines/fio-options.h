/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-options.h - the engine's options, for fio's parser
 *
 * A part of fio.c: included there once, after fio's headers.
 */
#ifndef FIO_OPTIONS_H
#define FIO_OPTIONS_H

/*
 * The largest value of ns_delay and pi_log_rate. fio accepts negative numbers if the smallest value
 * is 0.
 */
#define NUMBER_MAX 1000000000U

/*
 * The options that are one number. fio takes "-8" for a list of nothing and 8: it drops the first
 * and goes on. So the second number of a list is kept as well, which is the first if there is one
 * alone, and check_numbers() compares them.
 */
#define NUMBERS \
	int nonvectored; \
	unsigned int force_async, uncached, apptag_mask, md_per_io_size; \
	int pi_storage_check; \
	unsigned int num_range; \
	struct ns_format format; \
	unsigned int ns_delay, pi_log_rate;

struct options {
	void *pad;		/* fio takes an offset of 0 as "no offset", so no option is here */
	struct { NUMBERS };
	struct { NUMBERS } again;
	unsigned int hipri, fixedbufs, registerfiles;
	unsigned int sqthread_poll, sqthread_poll_cpu, sqthread_poll_cpu_set;
	unsigned int nowait;
	/* For reads and for writes, as in io_uring_cmd. */
	unsigned int cmdprio_percentage[2], cmdprio_class[2], cmdprio_hint[2], cmdprio[2];
	char *cmdprio_bssplit;
	unsigned int cmd_type;
	unsigned int pi_act, apptag, apptag_given;
	bool apptag_bad;
	char *pi_chk, *pi_verify, *pi_ref, *pi_storage_tag;
	unsigned int pi_buffer;
	unsigned int readfua, writefua, deac;
	char *write_mode;
	unsigned int verify_mode;
	struct ns_zones zones;
	unsigned long long ns_ruhs;
	char *ns_cache, *ns_fault, *ns_fault_log, *ns_defect;
	char *pi_plugin, *pi_log, *pi_report, *pi_dump, *pi_inject, *pi_inject_file;
	unsigned int pi_inject_into, pi_expect, pi_exit, pi_escape;
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

	o->apptag_bad |= *val > UINT16_MAX;	/* it is negative */
	o->apptag = *val;
	o->apptag_given = 1;
	return 0;
}

#define OPTION(_name, _field, _type, _help, ...) { \
	.name = _name, .lname = _name, .type = _type, .help = _help, \
	.off1 = offsetof(struct options, _field), \
	.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING, __VA_ARGS__ }

#define NUMBER(_name, _field, _help, ...) \
	OPTION(_name, _field, FIO_OPT_INT, _help, .off2 = offsetof(struct options, again._field), __VA_ARGS__)

#define WORD(_word, _value, _help) { .ival = _word, .oval = _value, .help = _help }

/*
 * The required format of a namespace. The default accepts any: both numbers are -1, which no single
 * number that a user gives leads to.
 */
#define NOT_GIVEN "-1,-1"
#define NS(_what, _range, _default) \
	_what ": a device or image must have it, a new image gets it (" _range "; default: " _default ")"
#define NS_RANGE(_most) .def = NOT_GIVEN, .minval = -1, .maxval = _most

/* An option for reads and for writes, accepted because jobs for io_uring_cmd have it. */
#define OPTION_OF_TWO(_name, _most) \
	OPTION(#_name, _name[0], FIO_OPT_INT, \
	       "Accepted, without effect: passthrough commands have no I/O priority (0 to " #_most "; default: 0)", \
	       .off2 = offsetof(struct options, _name[1]), .maxval = _most)

/*
 * Each option has a line of help: what it does, for devices and for images if that differs, and at
 * its end (RANGE; default: DEFAULT). nvmepi.1 has the same words, which check-manuals checks.
 */
static struct fio_option options[] = {
	OPTION("hipri", hipri, FIO_OPT_STR_SET,
	       "Devices: poll for completions (IOPOLL); images: no effect (0 or 1; default: 0)"),
	OPTION("fixedbufs", fixedbufs, FIO_OPT_STR_SET,
	       "Devices: register buffers with the ring; images: no effect (0 or 1; default: 0)"),
	OPTION("registerfiles", registerfiles, FIO_OPT_STR_SET,
	       "Devices: register files with the ring; images: no effect (0 or 1; default: 0)"),
	OPTION("sqthread_poll", sqthread_poll, FIO_OPT_STR_SET,
	       "Devices: a kernel thread submits (SQPOLL); images: no effect (0 or 1; default: 0)"),
	{	/* a callback, so no offset */
		.name = "sqthread_poll_cpu", .lname = "sqthread_poll_cpu", .type = FIO_OPT_INT,
		.cb = set_poll_cpu,
		.help = "Devices: CPU of the submitting kernel thread (a CPU number; default: any)",
		.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING,
	},
	NUMBER("nonvectored", nonvectored,
	       "Devices: 1 passes plain buffers, 0 an iovec, -1: same as 1 (-1 to 1; default: -1)", .def = "-1",
	       .minval = -1, .maxval = 1),
	NUMBER("force_async", force_async,
	       "Devices: set IOSQE_ASYNC in every Nth command, 0: in none (a number; default: 0)", .def = "0"),
	OPTION("nowait", nowait, FIO_OPT_BOOL,
	       "Accepted, without effect: passthrough commands have no such flag (0 or 1; default: 0)"),
	NUMBER("uncached", uncached,
	       "Accepted, without effect: commands do not use the page cache (a number; default: 0)", .def = "0"),
	OPTION_OF_TWO(cmdprio_percentage, 100),
	OPTION_OF_TWO(cmdprio_class, 3),
	OPTION_OF_TWO(cmdprio_hint, 1023),
	OPTION_OF_TWO(cmdprio, 7),
	OPTION("cmdprio_bssplit", cmdprio_bssplit, FIO_OPT_STR_STORE,
	       "Accepted, without effect: passthrough commands have no I/O priority (a text; default: none)"),
	OPTION("cmd_type", cmd_type, FIO_OPT_STR, "Type of passthrough command (nvme; default: nvme)",
	       .def = "nvme",
	       .posval = { WORD("nvme", CMD_TYPE_NVME, "NVMe") }),
	OPTION("pi_act", pi_act, FIO_OPT_BOOL,
	       "PRACT: the controller inserts and strips tuples (0 or 1; default: 0)",
	       .def = "0"),
	OPTION("pi_chk", pi_chk, FIO_OPT_STR_STORE,
	       "PRCHK: what the device checks (none, all, or words of GUARD,APPTAG,REFTAG,STTAG; "
	       "default: all that the type allows; in reads, tags only if their value is given)"),
	OPTION("pi_verify", pi_verify, FIO_OPT_STR_STORE,
	       "What the host checks, whatever pi_chk is (none, all, or words of "
	       "GUARD,APPTAG,REFTAG,STTAG,METADATA; default: all that the type allows; METADATA, and "
	       "tags whose value is not given, only in blocks that this run wrote)"),
	OPTION("pi_escape", pi_escape, FIO_OPT_STR,
	       "How blocks that escape their checks are counted (allow, own, or reject; default: allow)",
	       .def = "allow",
	       .posval = {
		       WORD("allow", JOB_ESCAPE_ALLOW + 1, "as escaped"),
		       WORD("own", JOB_ESCAPE_OWN + 1, "as mismatches if this run wrote them"),
		       WORD("reject", JOB_ESCAPE_REJECT + 1, "as mismatches"),
	       }),
	{	/* a callback, so no offset */
		.name = "apptag", .lname = "apptag", .type = FIO_OPT_INT, .cb = set_apptag,
		.help = "Application tag (0 to 0xffff; default: 0x1234 in writes; any in blocks that this run did not write)",
		.maxval = 0xffff, .category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING,
	},
	NUMBER("apptag_mask", apptag_mask,
	       "Bits of the application tag that are checked (0 to 0xffff; default: 0xffff)", .def = "0xffff",
	       .maxval = 0xffff),
	OPTION("pi_ref", pi_ref, FIO_OPT_STR_STORE,
	       "Types 2 and 3: reference tag of LBA 0; lba means 0 (lba or a number that the reference "
	       "tag can hold; default: lba)"),
	OPTION("pi_storage_tag", pi_storage_tag, FIO_OPT_STR_STORE,
	       "Storage tag (a number of as many bits as the storage tag has; default: 0)"),
	NUMBER("pi_storage_check", pi_storage_check,
	       "Does the device check the storage tag? 1 yes, 0 no, -1 yes if the format has one "
	       "(-1 to 1; default: -1)", .def = "-1",
	       .minval = -1, .maxval = 1),
	OPTION("pi_buffer", pi_buffer, FIO_OPT_STR,
	       "Extended namespaces: what bs counts (auto, data, or extended; default: auto)", .def = "auto",
	       .posval = {
		       WORD("auto", JOB_BUFFER_AUTO + 1, "extended if bs fits only that, else data"),
		       WORD("data", JOB_BUFFER_DATA + 1, "data bytes; the engine interleaves"),
		       WORD("extended", JOB_BUFFER_EXTENDED + 1, "data and metadata, as in bs=4104"),
	       }),
	NUMBER("md_per_io_size", md_per_io_size,
	       "Separate metadata: bytes of its buffer per I/O, 0: as many as needed (0 or more bytes; default: 0)",
	       .def = "0"),
	OPTION("readfua", readfua, FIO_OPT_BOOL,
	       "FUA in Read, Compare and Verify commands (0 or 1; default: 0)", .def = "0"),
	OPTION("writefua", writefua, FIO_OPT_BOOL,
	       "FUA in Write and Write Zeroes commands (0 or 1; default: 0)", .def = "0"),
	OPTION("deac", deac, FIO_OPT_BOOL,
	       "With write_mode=zeroes: deallocate the blocks, DEAC (0 or 1; default: 0)", .def = "0"),
	OPTION("write_mode", write_mode, FIO_OPT_STR_STORE,
	       "Command of a write, such as write/80:zeroes/20 (write, zeroes, uncor, verify, a mix of them, or "
	       "zone_append; default: write)",
	       .def = "write"),
	OPTION("verify_mode", verify_mode, FIO_OPT_STR,
	       "Command that fio's verify= sends (read or compare; default: read)", .def = "read",
	       .posval = {
		       WORD("read", VERIFY_MODE_READ, "Read, and fio compares"),
		       WORD("compare", VERIFY_MODE_COMPARE, "Compare; needs verify=pattern"),
	       }),
#ifndef FIO_MULTI_RANGE
	NUMBER("num_range", num_range,
	       "Trims in one Dataset Management command, at most (1 to 256; default: 1)", .def = "1",
	       .minval = 1, .maxval = 256),
#endif
	NUMBER("ns_lbs", format.lbs,
	       NS("Data bytes of a block", "512 to 65536", "4096"), NS_RANGE(65536)),
	NUMBER("ns_ms", format.ms,
	       NS("Metadata bytes of a block", "0 to 65535", "as large as the tuple, 0 without ns_pi"),
	       NS_RANGE(65535)),
	NUMBER("ns_mset", format.mset,
	       NS("Transfer of metadata, 1 extended, 0 separate", "0 to 1", "0"), NS_RANGE(1)),
	NUMBER("ns_pi", format.pi,
	       NS("Type of protection, 0: none", "0 to 3", "0"), NS_RANGE(3)),
	NUMBER("ns_pil", format.pil,
	       NS("Position of the tuple in the metadata, 1 first, 0 last", "0 to 1", "0"), NS_RANGE(1)),
	NUMBER("ns_pif", format.pif,
	       NS("Guard format, 0 is 16b, 1 is 32b, 2 is 64b", "0 to 2", "0"), NS_RANGE(2)),
	NUMBER("ns_sts", format.sts,
	       NS("Bits of the storage tag", "0 to 64", "the fewest that the guard allows"), NS_RANGE(64)),
	OPTION("ns_zone_size", zones.zone_size, FIO_OPT_STR_VAL,
	       "Images: data bytes of a zone, an image must have it, a new one gets it (0, or whole blocks; "
	       "default: 0, not zoned)"),
	OPTION("ns_zone_capacity", zones.zone_capacity, FIO_OPT_STR_VAL,
	       "Images: data bytes that can be written in a zone (0, or whole blocks; default: 0, ns_zone_size)"),
	OPTION("ns_max_open", zones.max_open, FIO_OPT_STR_VAL,
	       "Images: zones that can be open (0 to 4294967294; default: 0, ns_max_active)"),
	OPTION("ns_max_active", zones.max_active, FIO_OPT_STR_VAL,
	       "Images: zones that can be open or closed (0 to 4294967294; default: 0, any number)"),
	OPTION("ns_zasl", zones.zasl, FIO_OPT_STR_VAL,
	       "Images: bytes of a Zone Append, ZASL (0, or a power of two from 4096 to 524288; default: 0, only "
	       "MDTS is a limit)"),
	OPTION("ns_ruhs", ns_ruhs, FIO_OPT_STR_VAL,
	       "Images: placement handles (FDP), an image must have as many, a new one gets them (0 to 128; default: 0, "
	       "any for an image that is there)"),
	NUMBER("ns_delay", ns_delay,
	       "Images: additional nanoseconds for each command (0 to 1000000000; default: 0)", .def = "0",
	       .maxval = NUMBER_MAX),
	OPTION("ns_cache", ns_cache, FIO_OPT_STR_STORE,
	       "Images: volatile write cache; killing all writers simulates a power loss (none, or volatile, "
	       "as volatile[@SEED]; default: none)"),
	OPTION("ns_fault", ns_fault, FIO_OPT_STR_STORE,
	       "Images: one write in N (1000 if N is not given) is executed wrongly (lost, stale, misdirected, "
	       "or torn, as KIND[/N][@SEED]; default: none)"),
	OPTION("ns_fault_log", ns_fault_log, FIO_OPT_STR_STORE,
	       "Images: file to append each fault of ns_fault to, as JSON lines (a path; default: none)"),
	OPTION("ns_defect", ns_defect, FIO_OPT_STR_STORE,
	       "Images: defects that the controller has (NAME[,NAME...], or list; default: none)"),
	OPTION("pi_plugin", pi_plugin, FIO_OPT_STR_STORE,
	       "Plugin that sets and checks tags and metadata (pi, stamp, or PATH.so, and arguments after a "
	       "comma; default: pi)"),
	OPTION("pi_log", pi_log, FIO_OPT_STR_STORE,
	       "File to append mismatches to, as JSON lines (a path; default: none)"),
	NUMBER("pi_log_rate", pi_log_rate,
	       "At most so many lines per second in pi_log, 0: all (0 to 1000000000; default: 1000)",
	       .def = "1000", .maxval = NUMBER_MAX),
	OPTION("pi_report", pi_report, FIO_OPT_STR_STORE,
	       "File for counts and times of all jobs, as JSON (a path; default: none)"),
	OPTION("pi_dump", pi_dump, FIO_OPT_STR_STORE,
	       "Folder for bad blocks and their neighbours, raw and decoded (a path; default: none)"),
	OPTION("pi_inject", pi_inject, FIO_OPT_STR_STORE,
	       "Damage one block in N (1000 if N is not given) on purpose (guard, app, ref, storage, data, or md, "
	       "as FIELD[:bit|:all][/N][@SEED]; default: none)"),
	OPTION("pi_inject_into", pi_inject_into, FIO_OPT_STR,
	       "What pi_inject damages (auto, write, or read; default: auto)", .def = "auto",
	       .posval = {
		       WORD("auto", SESSION_INTO_AUTO + 1, "write if the job writes, else read"),
		       WORD("write", SESSION_INTO_WRITE + 1, "a copy of what is written"),
		       WORD("read", SESSION_INTO_READ + 1, "what was read"),
	       }),
	OPTION("pi_inject_file", pi_inject_file, FIO_OPT_STR_STORE,
	       "File that records which blocks pi_inject damaged, for later runs (a path; default: none)"),
	OPTION("pi_expect", pi_expect, FIO_OPT_STR,
	       "What the device must answer to a write that pi_inject damaged "
	       "(auto, reject, accept, or any; default: auto)",
	       .def = "auto", .posval = {
		       WORD("auto", IO_ANSWER_AUTO + 1, "reject if pi_chk covers the damage, else accept"),
		       WORD("reject", IO_ANSWER_REJECT + 1, "it rejects the write"),
		       WORD("accept", IO_ANSWER_ACCEPT + 1, "it accepts the write"),
		       WORD("any", IO_ANSWER_ANY + 1, "both are allowed"),
	       }),
	OPTION("pi_exit", pi_exit, FIO_OPT_STR,
	       "What makes fio exit with an error (mismatch or fio; default: mismatch)", .def = "mismatch",
	       .posval = {
		       WORD("mismatch", SESSION_EXIT_MISMATCH + 1,
			    "any mismatch that was not injected, even if the job continued"),
		       WORD("fio", SESSION_EXIT_FIO + 1, "only errors that fio itself counts"),
	       }),
	{ .name = NULL },
};

#endif
