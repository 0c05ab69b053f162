/* SPDX-License-Identifier: GPL-2.0-only */
/* test-job-checks.c - what is checked of a job, and the tags its blocks carry */
#include "job-trial.h"

/* --- what is checked --- */

/* What is checked; @read and @own are the device's part in reads, and what hangs on who wrote. */
struct checks {
	unsigned	prchk, read, verify;
	bool		md;
	unsigned	own;
};

static void checks_are(struct job *j, const char *what, struct checks want)
{
	struct job_ns ns = configured(j);

	UNIT_CHECK(ns.prchk == want.prchk, "%s: the device checks %x, wanted %x", what, ns.prchk, want.prchk);
	UNIT_CHECK(ns.prchk_read == want.read, "%s: the device checks %x in reads, wanted %x", what,
		   ns.prchk_read, want.read);
	UNIT_CHECK(ns.verify == want.verify, "%s: the host checks %x, wanted %x", what, ns.verify,
		   want.verify);
	UNIT_CHECK(ns.verify_md == want.md, "%s: the host checks metadata: %d", what, ns.verify_md);
	UNIT_CHECK(ns.own_only == want.own, "%s: %x only where this run wrote, wanted %x", what,
		   ns.own_only, want.own);
}

enum {
	GR = PI_GUARD | PI_REF, GA = PI_GUARD | PI_APP, GAR = GR | PI_APP, GARS = GAR | PI_STORAGE,
	AS = PI_APP | PI_STORAGE, M = VFY_METADATA,
};

/* What others wrote has their tags and their metadata: it is neither blamed nor let pass as a whole. */
static void checks_by_default(void)
{
	static const struct {
		const char			*name;
		const struct oracle_format	*f;
		bool				pract;
		struct checks			want;
	} rows[] = {
		{ "no metadata", &none, false, { 0, 0, 0, false, 0 } },
		{ "metadata alone", &bare_md, false, { 0, 0, 0, true, M } },
		{ "type 1", &separate, false, { GAR, GR, GAR, false, PI_APP } },
		{ "type 1 extended", &extended, false, { GAR, GR, GAR, false, PI_APP } },
		{ "type 2", &type2, false, { GAR, GR, GAR, false, PI_APP } },
		{ "type 3", &type3, false, { GA, PI_GUARD, GA, false, PI_APP } },
		{ "storage tags", &storage, false, { GARS, GR, GARS, false, AS } },
		{ "more metadata", &wide, false, { GAR, GR, GAR, true, PI_APP | M } },
		{ "PRACT", &separate, true, { GAR, GR, 0, false, 0 } },
		{ "PRACT, extended", &extended, true, { GAR, GR, 0, false, 0 } },
		{ "PRACT, more metadata", &wide, true, { GAR, GR, GAR, true, PI_APP | M } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(rows[i].f);

		j.o.pract = rows[i].pract;
		j.o.remembers = true;
		checks_are(&j, rows[i].name, rows[i].want);
		UNIT_CHECK(configured(&j).pract == rows[i].pract, "%s: PRACT is lost", rows[i].name);
	}
}

/* A tag whose value is given is checked everywhere; so is all, where only own blocks are read. */
static void checks_what_is_known(void)
{
	struct job j = job_on(&storage);

	j.o.remembers = true;
	j.o.apptag_given = true;
	checks_are(&j, "apptag", (struct checks){ GARS, GAR, GARS, false, PI_STORAGE });
	set_storage(&j, 1);
	checks_are(&j, "apptag, pi_storage_tag", (struct checks){ GARS, GARS, GARS, false, 0 });
	j = job_on(&storage);
	j.o.remembers = true;
	j.o.reads_own = true;
	checks_are(&j, "reads its own", (struct checks){ GARS, GARS, GARS, false, AS });
	j = job_on(&wide);
	checks_are(&j, "nobody remembers", (struct checks){ GAR, GR, GR, false, 0 });
}

/* The device's and the host's checks are separate choices. */
static void checks_as_asked(void)
{
	for (unsigned set = 0; set <= GAR; set++) {
		struct job j = job_on(&wide);

		j.o.remembers = true;
		set_prchk(&j, set);
		checks_are(&j, "pi_chk", (struct checks){ set, set, GAR, true, PI_APP | M });
		set_verify(&j, PI_APP);
		checks_are(&j, "pi_chk, pi_verify=APPTAG", (struct checks){ set, set, PI_APP, false, 0 });
		set_verify(&j, set | VFY_METADATA);
		set_prchk(&j, 0);
		checks_are(&j, "pi_chk=none, pi_verify", (struct checks){ 0, 0, set, true, 0 });
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
		set_verify(&j, host);
		checks_are(&j, rows[i].name,
			   (struct checks){ rows[i].want, rows[i].want, rows[i].want, rows[i].md, 0 });
		set_prchk(&j, 0);
		checks_are(&j, rows[i].name, (struct checks){ 0, 0, rows[i].want, rows[i].md, 0 });
	}
}

static void checks_of_metadata_alone(void)
{
	struct job j = job_on(&bare_md);

	set_verify(&j, 0);
	checks_are(&j, "pi_verify=none", (struct checks){ 0 });
	set_verify(&j, VFY_METADATA);
	checks_are(&j, "pi_verify=METADATA", (struct checks){ .md = true });
	j = job_on(&separate);
	set_verify(&j, GAR | VFY_METADATA);
	refused(&j, "pi_verify: METADATA", "none beyond the tuple");
	set_verify(&j, GARS | VFY_METADATA | WORDS_ALL);
	checks_are(&j, "pi_verify=all", (struct checks){ GAR, GR, GAR, false, 0 });
	j = job_on(&none);
	set_verify(&j, VFY_METADATA);
	refused(&j, "pi_verify: METADATA", "there is none;");
}

/* STC: as pi_storage_check says; a list is the list; else wherever there is a storage tag. */
static void checks_of_storage(void)
{
	static const struct {
		bool		given;
		unsigned	prchk;
		int		check;
		unsigned	want;
	} rows[] = {
		{ false, 0, -1, GARS }, { false, 0, 0, GAR }, { false, 0, 1, GARS },
		{ true, PI_GUARD, -1, PI_GUARD }, { true, PI_GUARD, 0, PI_GUARD },
		{ true, PI_GUARD, 1, PI_GUARD | PI_STORAGE }, { true, PI_STORAGE, -1, PI_STORAGE },
		{ true, GARS | WORDS_ALL, -1, GARS }, { true, GARS | WORDS_ALL, 0, GAR },
		{ true, 0, -1, 0 }, { true, 0, 0, 0 }, { true, 0, 1, PI_STORAGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(&storage);
		struct job_ns ns;

		if (rows[i].given)
			set_prchk(&j, rows[i].prchk);
		j.o.storage_check = rows[i].check;
		ns = configured(&j);
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
	checks_are(&j, "pi_verify=none", (struct checks){ GAR, GR, 0, false, 0 });
	set_verify(&j, VFY_METADATA);
	refused(&j, "pi_verify: METADATA", "none beyond the tuple");
}

/* What leaves nothing to check: asked for by name it is refused, else there is a remark. */
static void refuses_what_cannot_be(void)
{
	static const struct oracle_format
		no_ref = { .data_size = 4096, .md_size = 8, .type = 1, .sts = 32 };
	static const struct {
		const char			*name;
		const struct oracle_format	*f;
		uint16_t			app, mask;
		uint64_t			ref;
		bool				lbstm;
		unsigned			word, can;
		const char			*words;
	} rows[] = {
		{ "apptag=0xffff", &separate, 0xffff, 0xffff, 0, true, PI_GUARD, GR, "apptag=FFFFh" },
		{ "apptag=0xffff", &separate, 0xffff, 0xffff, 0, true, PI_APP, GR, "apptag=FFFFh" },
		{ "apptag=0xffff, type 3", &type3, 0xffff, 0xffff, 0xffffffff, true, PI_GUARD, PI_GUARD,
		  "apptag=FFFFh" },
		{ "apptag_mask=0", &separate, 0x1234, 0, 0, true, PI_APP, GR, "apptag_mask=0" },
		{ "LBSTM 0", &storage, 0x1234, 0xffff, 0, false, PI_STORAGE, GAR, "LBSTM" },
		{ "no reference tag", &no_ref, 0x1234, 0xffff, 0, true, PI_REF,
		  PI_GUARD | PI_APP | PI_STORAGE, "leaves no bit" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job j = job_on(rows[i].f);
		struct job_ns ns;

		j.o.apptag = rows[i].app;
		j.o.apptag_mask = rows[i].mask;
		j.o.remembers = true;
		if (rows[i].ref)
			set_ref(&j, rows[i].ref);
		if (!rows[i].lbstm)
			j.info.storage_mask = 0;
		else
			j.info.storage_mask = ~0ULL;
		ns = configured(&j);
		UNIT_CHECK(strstr(ns.remark, rows[i].words), "%s: the remark is '%s'", rows[i].name, ns.remark);
		UNIT_CHECK(ns.verify == rows[i].can && ns.prchk == rows[i].can, "%s: %x and %x are checked",
			   rows[i].name, ns.verify, ns.prchk);
		set_prchk(&j, rows[i].word);
		refused(&j, "pi_chk:", rows[i].words);
		j.o.prchk_given = false;
		set_verify(&j, rows[i].word);
		refused(&j, "pi_verify:", rows[i].words);
		set_verify(&j, GARS | VFY_METADATA | WORDS_ALL);
		UNIT_CHECK(configured(&j).verify == rows[i].can, "%s: pi_verify=all", rows[i].name);
	}
	struct job j = job_on(&type3);

	j.o.apptag = 0xffff;			/* another reference tag: no escape */
	set_verify(&j, PI_GUARD);
	UNIT_CHECK(!*configured(&j).remark, "type 3, apptag=0xffff alone");
}

static void refuses_escapes(void)
{
	struct job j = job_on(&separate);

	j.o.escape = JOB_ESCAPE_REJECT;
	UNIT_CHECK(configured(&j).escape == JOB_ESCAPE_REJECT, "pi_escape is lost");
	set_verify(&j, 0);
	refused(&j, "pi_escape:", "pi_verify");
	j.o.verify_given = false;
	j.o.pract = true;
	refused(&j, "pi_escape:", "pi_act=0");
	j = job_on(&bare_md);
	j.o.escape = JOB_ESCAPE_OWN;
	refused(&j, "pi_escape", "no protection information");
}

static void refuses_protection(void)
{
	static const struct oracle_format *const bare[] = { &none, &bare_md };

	for (size_t i = 0; i < ARRAY_SIZE(bare); i++) {
		const char *words = "no protection information";
		struct job j = job_on(bare[i]);

		/* What io_uring_cmd has as well is as good as not said. */
		for (unsigned k = 0; k < 4; k++) {
			const struct checks none_but_md = { .md = bare[i]->md_size, .own = bare[i]->md_size ? M : 0 };

			j = job_on(bare[i]);
			j.o.remembers = true;
			j.o.pract = k == 3;
			set_prchk(&j, (const unsigned[]){ 0, PI_GUARD, GARS | WORDS_ALL, GARS }[k]);
			checks_are(&j, "pi_act, pi_chk", none_but_md);
			UNIT_CHECK(!configured(&j).pract, "pi_act=1 is still there");
		}
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

static void tags_configured(void)
{
	struct job j = job_on(&storage);
	struct job_ns ns;

	set_ref(&j, 0xffffffff);
	set_storage(&j, 0xffff);
	j.o.apptag = 0xabcd;
	j.o.apptag_mask = 0x0ff0;
	ns = configured(&j);
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
	configured(&j);
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

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "checks_by_default", checks_by_default },
		{ "checks_what_is_known", checks_what_is_known },
		{ "checks_as_asked", checks_as_asked },
		{ "checks_all", checks_all },
		{ "checks_of_metadata_alone", checks_of_metadata_alone },
		{ "checks_of_storage", checks_of_storage },
		{ "refuses_checks", refuses_checks },
		{ "refuses_verify_of_nothing", refuses_verify_of_nothing },
		{ "refuses_what_cannot_be", refuses_what_cannot_be },
		{ "refuses_escapes", refuses_escapes },
		{ "refuses_protection", refuses_protection },
		{ "tags_configured", tags_configured },
		{ "refuses_tags", refuses_tags },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
