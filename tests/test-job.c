/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-job.c - what a job asks for against the format a namespace has: what is
 * settled, and everything that is refused, by the words of the line
 */
#include <errno.h>
#include <inttypes.h>

#include "../engines/job.h"
#include "../verify/report.h"
#include "formats.h"
#include "unit.h"

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

static void add_size(struct job *j, const char *option, uint64_t bytes, enum job_size_kind kind)
{
	j->sizes[j->nr++] = (struct job_size){ option, bytes, kind };
}

/* Every option left out; reads and writes; no block size yet. */
static struct job job_without_size(const struct oracle_format *f)
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

static struct job job_on(const struct oracle_format *f)
{
	struct job j = job_without_size(f);

	add_size(&j, "bs", f->data_size, JOB_SIZE_TRANSFER);
	return j;
}

static int settle(struct job *j, struct job_ns *ns, char *why)
{
	*ns = (struct job_ns){ .path = "/dev/ng0n7", .info = j->info, .target = &j->target };
	j->o.sizes = j->sizes;
	j->o.nr_sizes = j->nr;
	return job_settle(ns, &j->o, why);
}

/* A job that must be taken. */
static struct job_ns settled(struct job *j)
{
	char why[WHY_MAX] = "";
	struct job_ns ns;
	int ret = settle(j, &ns, why);

	UNIT_CHECK(!ret, "returned %d: %s", ret, why);
	return ns;
}

/* A job that must be refused, in one line: of this namespace, about @option, saying @words. */
static void refused(struct job *j, const char *option, const char *words)
{
	char why[WHY_MAX] = "";
	struct job_ns ns;
	int ret = settle(j, &ns, why);
	const char *rest = strstr(why, "): ");

	UNIT_CHECK(ret == -EINVAL, "returned %d, wanted '%s %s'", ret, option, words);
	UNIT_CHECK(!strncmp(why, "/dev/ng0n7 (", 12) && rest, "no namespace and format: '%s'", why);
	UNIT_CHECK(rest && strstr(rest, option), "not about %s: '%s'", option, why);
	UNIT_CHECK(rest && strstr(rest, words), "does not say '%s': '%s'", words, why);
	UNIT_CHECK(!strchr(why, '\n') && strlen(why) < WHY_MAX - 1,
		   "not one whole line: '%s'", why);
}

static void set_prchk(struct job *j, unsigned checks)
{
	j->o.prchk_given = true;
	j->o.prchk = checks;
}

static void set_verify(struct job *j, unsigned checks)
{
	j->o.verify_given = true;
	j->o.verify = checks;
}

static void set_ref(struct job *j, uint64_t ref)
{
	j->o.ref_given = true;
	j->o.ref = ref;
}

static void set_storage(struct job *j, uint64_t tag)
{
	j->o.storage_given = true;
	j->o.storage = tag;
}

/* --- what is checked --- */

static void checks_are(struct job *j, const char *what, unsigned prchk, unsigned verify, bool md)
{
	struct job_ns ns = settled(j);

	UNIT_CHECK(ns.prchk == prchk, "%s: the device checks %x, wanted %x", what, ns.prchk, prchk);
	UNIT_CHECK(ns.verify == verify, "%s: the host checks %x, wanted %x", what, ns.verify,
		   verify);
	UNIT_CHECK(ns.verify_md == md, "%s: the host checks metadata: %d", what, ns.verify_md);
}

enum { GAR = PI_GUARD | PI_APP | PI_REF, GA = PI_GUARD | PI_APP, GARS = GAR | PI_STORAGE };

static void checks_by_default(void)
{
	static const struct {
		const char			*name;
		const struct oracle_format	*f;
		bool				pract;
		unsigned			prchk, verify;
		bool				md;
	} rows[] = {
		{ "no metadata", &none, false, 0, 0, false },
		{ "metadata alone", &bare_md, false, 0, 0, true },
		{ "type 1", &separate, false, GAR, GAR, false },
		{ "type 1 extended", &extended, false, GAR, GAR, false },
		{ "type 2", &type2, false, GAR, GAR, false },
		{ "type 3", &type3, false, GA, GA, false },
		{ "storage tags", &storage, false, GARS, GARS, false },
		{ "more metadata", &wide, false, GAR, GAR, true },
		{ "PRACT", &separate, true, GAR, 0, false },
		{ "PRACT, extended", &extended, true, GAR, 0, false },
		{ "PRACT, more metadata", &wide, true, GAR, GAR, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(rows[i].f);

		j.o.pract = rows[i].pract;
		checks_are(&j, rows[i].name, rows[i].prchk, rows[i].verify, rows[i].md);
		UNIT_CHECK(settled(&j).pract == rows[i].pract, "%s: PRACT is lost", rows[i].name);
	}
}

/* The device's and the host's checks are separate choices; the host's default is the device's. */
static void checks_as_asked(void)
{
	for (unsigned set = 0; set <= GAR; set++) {
		struct job j = job_on(&wide);

		set_prchk(&j, set);
		checks_are(&j, "pi_chk", set, set, true);
		set_verify(&j, PI_APP);
		checks_are(&j, "pi_chk, pi_verify=APPTAG", set, PI_APP, false);
		set_verify(&j, set | VFY_METADATA);
		set_prchk(&j, 0);
		checks_are(&j, "pi_chk=none, pi_verify", 0, set, true);
	}
}

/* "all" is what the format has: nothing of it is refused. */
static void checks_all(void)
{
	const unsigned device = GARS | WORDS_ALL, host = device | VFY_METADATA;
	static const struct {
		const char			*name;
		const struct oracle_format	*f;
		unsigned			want;
		bool				md;
	} rows[] = {
		{ "type 1", &separate, GAR, false }, { "type 3", &type3, GA, false },
		{ "storage tags", &storage, GARS, false }, { "more metadata", &wide, GAR, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(rows[i].f);

		set_prchk(&j, device);
		checks_are(&j, rows[i].name, rows[i].want, rows[i].want, rows[i].md);
		set_verify(&j, host);
		set_prchk(&j, 0);
		checks_are(&j, rows[i].name, 0, rows[i].want, rows[i].md);
	}
}

static void checks_of_metadata_alone(void)
{
	struct job j = job_on(&bare_md);

	set_verify(&j, 0);
	checks_are(&j, "pi_verify=none", 0, 0, false);
	set_verify(&j, VFY_METADATA);
	checks_are(&j, "pi_verify=METADATA", 0, 0, true);
	j = job_on(&separate);
	set_verify(&j, GAR | VFY_METADATA);
	checks_are(&j, "nothing beyond the tuple", GAR, GAR, false);
}

/* STC: as pi_storage_check says; else wherever there is a storage tag and anything is checked. */
static void checks_of_storage(void)
{
	static const struct {
		bool		given;
		unsigned	prchk;
		int		check;
		unsigned	want;
	} rows[] = {
		{ false, 0, -1, GARS }, { false, 0, 0, GAR }, { false, 0, 1, GARS },
		{ true, PI_GUARD, -1, PI_GUARD | PI_STORAGE }, { true, PI_GUARD, 0, PI_GUARD },
		{ true, PI_GUARD, 1, PI_GUARD | PI_STORAGE }, { true, PI_STORAGE, -1, PI_STORAGE },
		{ true, 0, -1, 0 }, { true, 0, 0, 0 }, { true, 0, 1, PI_STORAGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(&storage);
		struct job_ns ns;

		if (rows[i].given)
			set_prchk(&j, rows[i].prchk);
		j.o.storage_check = rows[i].check;
		ns = settled(&j);
		UNIT_CHECK(ns.prchk == rows[i].want, "row %zu: %x, wanted %x", i, ns.prchk,
			   rows[i].want);
	}
}

static void refuses_checks(void)
{
	struct job j = job_on(&type3);

	set_prchk(&j, GAR);
	refused(&j, "pi_chk:", "REFTAG");
	j.o.storage_check = 1;			/* the line is about the word, not that option */
	refused(&j, "pi_chk:", "REFTAG");
	j = job_on(&type3);
	set_verify(&j, PI_REF);
	refused(&j, "pi_verify:", "REFTAG");
	j = job_on(&separate);
	set_prchk(&j, PI_STORAGE);
	refused(&j, "pi_chk:", "STTAG");
	j.o.storage_check = 0;
	refused(&j, "pi_chk:", "STTAG");
	j = job_on(&separate);
	set_verify(&j, PI_STORAGE);
	refused(&j, "pi_verify:", "STTAG");
	j = job_on(&separate);
	j.o.storage_check = 1;
	refused(&j, "pi_storage_check:", "STTAG");
}

/* With PRACT=1 and no more metadata than the tuple there is nothing for the host to check. */
static void refuses_verify_of_nothing(void)
{
	struct job j = job_on(&separate);

	j.o.pract = true;
	set_verify(&j, PI_GUARD);
	refused(&j, "pi_verify:", "pi_act=0");
	set_verify(&j, 0);
	checks_are(&j, "pi_verify=none", GAR, 0, false);
	set_verify(&j, VFY_METADATA);
	checks_are(&j, "pi_verify=METADATA", GAR, 0, false);
}

static void refuses_protection(void)
{
	static const struct oracle_format *const bare[] = { &none, &bare_md };

	for (size_t i = 0; i < ARRAY_SIZE(bare); i++) {
		const char *words = "no protection information";
		struct job j = job_on(bare[i]);

		j.o.pract = true;
		refused(&j, "pi_act", words);
		j = job_on(bare[i]);
		set_prchk(&j, PI_GUARD);
		refused(&j, "pi_chk", words);
		set_prchk(&j, GARS | WORDS_ALL);
		refused(&j, "pi_chk", words);
		set_prchk(&j, 0);
		checks_are(&j, "pi_chk=none", 0, 0, bare[i]->md_size);
		j = job_on(bare[i]);
		set_verify(&j, PI_APP);
		refused(&j, "pi_verify", words);
		j = job_on(bare[i]);
		set_ref(&j, 0);
		refused(&j, "pi_ref", words);
		j = job_on(bare[i]);
		set_storage(&j, 0);
		refused(&j, "pi_storage_", words);
		j = job_on(bare[i]);
		j.o.storage_check = 1;
		refused(&j, "pi_storage_", words);
	}
}

/* --- tags --- */

static void tags_settled(void)
{
	struct job j = job_on(&storage);
	struct job_ns ns;

	set_ref(&j, 0xffffffff);
	set_storage(&j, 0xffff);
	j.o.apptag = 0xabcd;
	j.o.apptag_mask = 0x0ff0;
	ns = settled(&j);
	UNIT_CHECK(ns.tags.ref == 0xffffffff, "reference tag %" PRIx64 "h", ns.tags.ref);
	UNIT_CHECK(ns.tags.storage == 0xffff, "storage tag %" PRIx64 "h", ns.tags.storage);
	UNIT_CHECK(ns.tags.storage_mask == 0xf0ff, "LBSTM %" PRIx64 "h", ns.tags.storage_mask);
	UNIT_CHECK(ns.tags.app == 0xabcd && ns.tags.app_mask == 0x0ff0, "application tag %x of %x",
		   ns.tags.app, ns.tags.app_mask);
}

static void refuses_tags(void)
{
	struct job j = job_on(&separate);

	set_ref(&j, 0);
	refused(&j, "pi_ref:", "LBA");
	j = job_on(&type2);
	set_ref(&j, 1ULL << 32);
	refused(&j, "pi_ref=4294967296", "32 bits");
	set_ref(&j, 0xffffffff);
	settled(&j);
	j = job_on(&storage);				/* 48 bits, 16 of them storage tag */
	set_ref(&j, 1ULL << 32);
	refused(&j, "pi_ref=4294967296", "32 bits");
	j = job_on(&storage);
	set_storage(&j, 0x10000);
	refused(&j, "pi_storage_tag=65536", "16 bits");
	j = job_on(&type2);
	set_storage(&j, 0);
	refused(&j, "pi_storage_tag", "no storage tag");
}

/* --- whose blocks are in the buffer --- */

static void buffer_is(struct job *j, const char *what, uint32_t host_block, bool by_itself)
{
	struct job_ns ns = settled(j);

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
		{ &small_ext, { 576 }, JOB_SIZE_TRANSFER, true },
		{ &small_ext, { 576 * 7, 576 * 9 }, JOB_SIZE_TRANSFER, true },
		{ &small_ext, { 4608 }, JOB_SIZE_TRANSFER, false },	/* 8 * 576, 9 * 512 */
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

/* Nothing but data is in the buffer where nothing but data crosses in it. */
static void buffer_without_metadata(void)
{
	static const struct {
		const struct oracle_format	*f;
		bool				pract;
	} rows[] = {
		{ &none, false }, { &separate, false }, { &wide, true }, { &extended, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int b = JOB_BUFFER_AUTO; b <= JOB_BUFFER_EXTENDED; b++) {
			struct job j = job_on(rows[i].f);

			j.o.pract = rows[i].pract;
			j.o.buffer = b;
			buffer_is(&j, format_text(rows[i].f), 4096, false);
		}
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
		{ &separate, JOB_BUFFER_EXTENDED, "bs", 4104, JOB_SIZE_TRANSFER,
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
		settled(&j);
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
	UNIT_CHECK(settled(&j).max_blocks == 65536, "%u blocks", settled(&j).max_blocks);
	j.sizes[0].bytes += 512;
	refused(&j, "bs=33554944", "65537 blocks");
	j.sizes[0].kind = JOB_SIZE_TRIM;		/* the length of a range is wider */
	settled(&j);
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
			char words[60];

			add_size(&j, "bs", 8 * 4096, JOB_SIZE_TRANSFER);
			j.o.pract = rows[i].pract;
			j.o.compare = rows[i].compare;
			j.info.max_transfer = by_target ? UINT32_MAX : limit;
			j.target.max_transfer = by_target ? limit : 0;
			settled(&j);
			j.sizes[0].bytes += 4096;
			snprintf(words, sizeof(words), "the most is %u (MDTS", limit);
			refused(&j, "bs=36864", words);
			j.sizes[0].kind = JOB_SIZE_TRIM;
			settled(&j);
		}
}

/* A command's length has 32 bits, so there is a limit even where the device has none. */
static void limit_of_length(void)
{
	struct job j = job_without_size(&none);

	j.info.layout.data_size = 65536;
	add_size(&j, "bs", 65535ULL * 65536, JOB_SIZE_TRANSFER);
	settled(&j);
	j.sizes[0].bytes += 65536;
	refused(&j, "bs=4294967296", "the most is 4294967295");
}

static void md_per_io_size(void)
{
	struct job j = job_without_size(&separate);

	add_size(&j, "bs", 4096, JOB_SIZE_TRANSFER);
	add_size(&j, "bs", 16 * 4096, JOB_SIZE_TRANSFER);
	UNIT_CHECK(settled(&j).md_size == 16 * 8, "sized %u", settled(&j).md_size);
	j.o.md_per_io = 16 * 8;
	UNIT_CHECK(settled(&j).md_size == 16 * 8, "as needed: %u", settled(&j).md_size);
	j.o.md_per_io = 4096;
	UNIT_CHECK(settled(&j).md_size == 4096, "larger: %u", settled(&j).md_size);
	j.o.md_per_io = 16 * 8 - 1;
	refused(&j, "md_per_io_size=127", "128 bytes of metadata");

	j.o.pract = true;			/* none moves: not looked at */
	UNIT_CHECK(settled(&j).md_size == 0, "with PRACT: %u", settled(&j).md_size);
	j.o.compare = true;			/* but with Compare it does */
	refused(&j, "md_per_io_size=127", "128 bytes of metadata");
	j = job_on(&extended);
	j.o.md_per_io = 1;
	UNIT_CHECK(settled(&j).md_size == 0, "extended: %u", settled(&j).md_size);
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
		ns = settled(&j);
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
		settled(&j);
		if (rows[i].opcode)		/* the second part of a mix */
			j.o.write_mode = (struct words_mix){
				2, { { nvme_cmd_write, 90 }, { rows[i].opcode, 10 } } };
		j.o.compare = rows[i].compare;
		j.o.trims = rows[i].trims;
		refused(&j, rows[i].option, rows[i].words);
		j.info.oncs = 1 << rows[i].oncs;
		settled(&j);
	}
}

/* What write_mode says matters only to a job that writes. */
static void reads_need_no_commands(void)
{
	struct job j = job_on(&separate);

	j.info.oncs = 0;
	j.o.writes = false;
	j.o.write_mode = (struct words_mix){ 1, { { nvme_cmd_write_zeroes, 100 } } };
	settled(&j);
}

static void command_flags(void)
{
	for (unsigned set = 0; set < 8; set++) {
		struct job j = job_on(&separate);
		struct job_ns ns;

		j.o.readfua = set & 1;
		j.o.writefua = set & 2;
		j.o.deac = set & 4;
		ns = settled(&j);
		UNIT_CHECK(ns.readfua == !!(set & 1) && ns.writefua == !!(set & 2) &&
			   ns.deac == !!(set & 4), "set %u is lost", set);
	}
}

static void refuses_other_format(void)
{
	struct job j = job_on(&separate);

	j.o.open.format.lbs = 4096;
	j.o.open.format.pi = 1;
	settled(&j);
	j.o.open.format.ms = 16;
	j.o.open.format.pif = 2;
	refused(&j, "not the format", "ns_ms=16, but it is 8; ns_pif=2, but it is 0");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "checks_by_default", checks_by_default },
		{ "checks_as_asked", checks_as_asked },
		{ "checks_all", checks_all },
		{ "checks_of_metadata_alone", checks_of_metadata_alone },
		{ "checks_of_storage", checks_of_storage },
		{ "refuses_checks", refuses_checks },
		{ "refuses_verify_of_nothing", refuses_verify_of_nothing },
		{ "refuses_protection", refuses_protection },
		{ "tags_settled", tags_settled },
		{ "refuses_tags", refuses_tags },
		{ "buffer_auto", buffer_auto },
		{ "buffer_as_asked", buffer_as_asked },
		{ "buffer_without_metadata", buffer_without_metadata },
		{ "refuses_fio_verify", refuses_fio_verify },
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
