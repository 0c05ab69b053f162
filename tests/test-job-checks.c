/* SPDX-License-Identifier: GPL-2.0-only */
/* test-job-checks.c - what is checked of a job, and the tags its blocks carry */
#include "job-trial.h"

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
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
