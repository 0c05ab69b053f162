/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-option-words.c - option values that are words: every spelling that is taken, and
 * those that are refused with the option and the word in the line
 */
#include <errno.h>
#include <inttypes.h>

#include "engines/option-words.h"
#include "verify/mismatch.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

enum {
	DEVICE_CAN = PI_GUARD | PI_APP | PI_REF | PI_STORAGE,
	HOST_CAN = DEVICE_CAN | VFY_METADATA,
};

#define HOST_ALL (HOST_CAN | WORDS_ALL)

/* A refusal is one line that names the option and what it did not understand. */
static void refused(int ret, const char *why, const char *option, const char *word)
{
	UNIT_CHECK(ret == -EINVAL, "%s=%s returns %d", option, word, ret);
	UNIT_CHECK(!strncmp(why, option, strlen(option)) && why[strlen(option)] == ':',
		   "%s=%s: the line does not start with the option: '%s'", option, word, why);
	UNIT_CHECK(strstr(why, word), "%s=%s: the line does not say so: '%s'", option, word, why);
	UNIT_CHECK(!strchr(why, '\n'), "more than one line: '%s'", why);
}

/* --- pi_chk and pi_verify --- */

static void checks_taken(void)
{
	static const struct {
		const char	*text;
		unsigned	want;
	} rows[] = {
		{ "GUARD", PI_GUARD }, { "APPTAG", PI_APP }, { "REFTAG", PI_REF },
		{ "STTAG", PI_STORAGE }, { "METADATA", VFY_METADATA },
		{ "guard", PI_GUARD }, { "gUaRd", PI_GUARD }, { "refTag", PI_REF },
		{ "GUARD,APPTAG", PI_GUARD | PI_APP }, { "apptag,guard", PI_GUARD | PI_APP },
		{ "GUARD,GUARD", PI_GUARD },
		{ "GUARD,APPTAG,REFTAG,STTAG", DEVICE_CAN },
		{ "GUARD,APPTAG,REFTAG,STTAG,METADATA", HOST_CAN },
		{ " GUARD , \tREFTAG ", PI_GUARD | PI_REF },
		{ "none", 0 }, { "NONE", 0 }, { " none ", 0 },
		{ "all", HOST_ALL }, { "All", HOST_ALL }, { " all\t", HOST_ALL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[WHY_MAX] = "";
		unsigned got = -1;
		int ret = words_checks("pi_verify", rows[i].text, HOST_CAN, &got, why);

		UNIT_CHECK(!ret && got == rows[i].want, "'%s' is %xh, wanted %xh: %s", rows[i].text,
			   got, rows[i].want, why);
	}
}

/* Every set, spelled out. */
static void checks_every_set(void)
{
	static const char *const names[] = { "reftag", "apptag", "guard", "sttag", "metadata" };

	for (unsigned set = 0; set < 32; set++) {
		char text[80] = "", why[WHY_MAX] = "";
		unsigned got = -1;

		for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
			if (set >> i & 1)
				strcat(strcat(text, *text ? "," : ""), names[i]);
		UNIT_CHECK(!words_checks("pi_verify", set ? text : "none", HOST_CAN, &got, why) && got == set,
			   "'%s' is %xh: %s", text, got, why);
	}
}

static void checks_refused(void)
{
	static const struct {
		const char	*text;
		const char	*word;
	} rows[] = {
		{ "CRC", "'CRC'" }, { "GUARD,CRC", "'CRC'" }, { "CRC,GUARD", "'CRC'" },
		{ "GUARDS", "'GUARDS'" }, { "GUAR", "'GUAR'" }, { "G", "'G'" },
		{ "GUARD APPTAG", "'GUARD APPTAG'" }, { "GUARD;APPTAG", "'GUARD;APPTAG'" },
		{ "GUARD|APPTAG", "'GUARD|APPTAG'" }, { "7", "'7'" }, { "0", "'0'" },
		{ "none,GUARD", "'none'" }, { "GUARD,none", "'none'" }, { "GUARD,all", "'all'" },
		{ ",GUARD", "''" }, { "GUARD,", "''" }, { "GUARD,,REFTAG", "''" },
		{ "", "''" }, { " ", "''" }, { ",", "''" }, { " , ", "''" },
		{ "METADATA", "'METADATA'" }, { "GUARD,metadata", "'metadata'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[WHY_MAX] = "";
		unsigned got;
		int ret = words_checks("pi_chk", rows[i].text, DEVICE_CAN, &got, why);

		refused(ret, why, "pi_chk", rows[i].word);
		UNIT_CHECK(strstr(why, " GUARD APPTAG REFTAG STTAG, or none, or all"),
			   "no word on what is known: '%s'", why);
		UNIT_CHECK(!strstr(why, " METADATA"),
			   "METADATA offered although not taken: '%s'", why);
	}
}

static void checks_refused_long(void)
{
	char text[2000], why[WHY_MAX] = "";
	unsigned got;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(words_checks("pi_verify", text, HOST_CAN, &got, why), why, "pi_verify", "'xxxxx");
	UNIT_CHECK(strstr(why, "METADATA"), "no word on what is known: '%s'", why);
}

/* "all" is what the option can do, no more, and says that it was "all". */
static void checks_all_is_what_can_be(void)
{
	char why[WHY_MAX];
	unsigned got = -1;

	UNIT_CHECK(!words_checks("pi_chk", "all", DEVICE_CAN, &got, why) &&
		   got == (DEVICE_CAN | WORDS_ALL), "all is %xh", got);
}

/* --- numbers --- */

static void numbers_taken(void)
{
	static const struct {
		const char	*text;
		uint64_t	max, want;
	} rows[] = {
		{ "0", 0, 0 }, { "1", 1, 1 }, { "65535", 65535, 65535 },
		{ "0x1234", 65535, 0x1234 }, { "0XaBcD", 65535, 0xabcd },
		{ "0xffff", 65535, 65535 }, { "0x0", 0, 0 },
		{ "010", 65535, 10 }, { "0089", 65535, 89 },	/* never octal: fio has none */
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX },
		{ "0xffffffffffffffff", UINT64_MAX, UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[WHY_MAX] = "";
		uint64_t got = 0x5a5a;
		int ret;

		errno = ERANGE;			/* left from something else */
		ret = words_number("pi_ref", rows[i].text, rows[i].max, &got, why);
		UNIT_CHECK(!ret && got == rows[i].want, "'%s' is %" PRIu64 ", wanted %" PRIu64
			   ": %s", rows[i].text, got, rows[i].want, why);
	}
}

static void numbers_refused(void)
{
	static const struct {
		const char	*text;
		uint64_t	max;
	} rows[] = {
		{ "", 10 }, { "-1", 10 }, { "+1", 10 }, { " 1", 10 }, { "1 ", 10 }, { "x", 10 },
		{ "0x", 10 }, { "0xg", 10 }, { "0x 1", 10 }, { "0x-1", 10 }, { "0x+1", 10 },
		{ "0x0x1", 10 },
		{ "1k", 5000 }, { "1.0", 10 }, { "1e1", 10 }, { "12h", 100 }, { "abc", 65535 },
		{ "11", 10 }, { "0xb", 10 }, { "65536", 65535 },
		{ "18446744073709551616", UINT64_MAX }, { "0x10000000000000000", UINT64_MAX },
		{ "99999999999999999999999", 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[WHY_MAX] = "", word[64], range[40];
		uint64_t got;
		int ret = words_number("pi_ref", rows[i].text, rows[i].max, &got, why);

		snprintf(word, sizeof(word), "'%s'", rows[i].text);
		snprintf(range, sizeof(range), "0..%" PRIu64, rows[i].max);
		refused(ret, why, "pi_ref", word);
		UNIT_CHECK(strstr(why, range), "no word on the range %s: '%s'", range, why);
	}
}

/* --- write_mode --- */

enum { WRITE = 0x01, UNCOR = 0x04, ZEROES = 0x08, VERIFY = 0x0c };

static void modes_taken(void)
{
	static const struct {
		const char		*text;
		struct words_mix	want;
	} rows[] = {
		{ "write", { 1, { { WRITE, 100 } } } },
		{ "zeroes", { 1, { { ZEROES, 100 } } } },
		{ "uncor", { 1, { { UNCOR, 100 } } } },
		{ "verify", { 1, { { VERIFY, 100 } } } },
		{ "Write", { 1, { { WRITE, 100 } } } },
		{ " zeroes ", { 1, { { ZEROES, 100 } } } },
		{ "write/100", { 1, { { WRITE, 100 } } } },
		{ "write/80:zeroes/20", { 2, { { WRITE, 80 }, { ZEROES, 20 } } } },
		{ "write/80 : zeroes/20", { 2, { { WRITE, 80 }, { ZEROES, 20 } } } },
		{ "write/80:zeroes", { 2, { { WRITE, 80 }, { ZEROES, 20 } } } },
		{ "write:zeroes/20", { 2, { { WRITE, 80 }, { ZEROES, 20 } } } },
		{ "write:zeroes", { 2, { { WRITE, 50 }, { ZEROES, 50 } } } },
		{ "write:zeroes:verify", { 3, { { WRITE, 33 }, { ZEROES, 33 }, { VERIFY, 34 } } } },
		{ "write/1:zeroes:uncor:verify",
		  { 4, { { WRITE, 1 }, { ZEROES, 33 }, { UNCOR, 33 }, { VERIFY, 33 } } } },
		{ "write/25:zeroes/25:uncor/25:verify/25",
		  { 4, { { WRITE, 25 }, { ZEROES, 25 }, { UNCOR, 25 }, { VERIFY, 25 } } } },
		{ "write/80:zeroes/", { 2, { { WRITE, 80 }, { ZEROES, 20 } } } },
		{ "write/:zeroes/", { 2, { { WRITE, 50 }, { ZEROES, 50 } } } },
		{ "write/", { 1, { { WRITE, 100 } } } },
		{ "write/100:zeroes", { 1, { { WRITE, 100 } } } },
		{ "write/0:zeroes/100", { 1, { { ZEROES, 100 } } } },
		{ "write/0:zeroes/:uncor/0", { 1, { { ZEROES, 100 } } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct words_mix *want = &rows[i].want;
		char why[WHY_MAX] = "";
		struct words_mix got;
		int ret = words_write_mode(rows[i].text, &got, why);

		if (!UNIT_CHECK(!ret && got.nr == want->nr, "'%s' returns %d: %s", rows[i].text,
				ret, why))
			continue;
		for (unsigned p = 0; p < want->nr; p++)
			UNIT_CHECK(got.part[p].opcode == want->part[p].opcode && got.part[p].percent
				   == want->part[p].percent,
				   "'%s', part %u: opcode %02xh, %u%%, wanted %02xh, %u%%",
				   rows[i].text, p, got.part[p].opcode, got.part[p].percent,
				   want->part[p].opcode, want->part[p].percent);
	}
}

static void modes_refused(void)
{
	static const struct {
		const char *text, *what;
	} rows[] = {
		{ "", "isn't known" }, { ":", "isn't known" }, { "write:", "isn't known" },
		{ ":write", "isn't known" }, { "erase", "isn't known" },
		{ "writes", "isn't known" }, { "write,zeroes", "isn't known" },
		{ "/100", "isn't known" }, { "/", "isn't known" }, { "write//", "of 0..100" },
		{ "write/x", "of 0..100" },
		{ "write/50%:zeroes/50", "of 0..100" },
		{ "write/-1:zeroes", "of 0..100" }, { "write/+50:zeroes", "of 0..100" },
		{ "write/ 50:zeroes", "of 0..100" }, { "write /50:zeroes", "isn't known" },
		{ "write/101", "of 0..100" }, { "write/1000", "of 0..100" },
		{ "write/50/50", "of 0..100" }, { "write/5.5:zeroes", "of 0..100" },
		{ "write/99", "add up" }, { "write/0", "add up" },
		{ "write/60:zeroes/60", "add up" },
		{ "write/60:zeroes/60:uncor", "add up" }, { "write/50:zeroes/49", "add up" },
		{ "write:zeroes:uncor:verify:write", "too many" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[WHY_MAX] = "", word[64];
		struct words_mix got;
		int ret = words_write_mode(rows[i].text, &got, why);

		snprintf(word, sizeof(word), "'%s' ", rows[i].text);
		refused(ret, why, "write_mode", word);
		UNIT_CHECK(strstr(why, rows[i].what), "'%s': not '%s' but '%s'", rows[i].text,
			   rows[i].what, why);
		UNIT_CHECK(strstr(why, "write, zeroes, uncor, verify"),
			   "no word on what is known: '%s'", why);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "checks_taken", checks_taken },
		{ "checks_every_set", checks_every_set },
		{ "checks_refused", checks_refused },
		{ "checks_refused_long", checks_refused_long },
		{ "checks_all_is_what_can_be", checks_all_is_what_can_be },
		{ "numbers_taken", numbers_taken },
		{ "numbers_refused", numbers_refused },
		{ "modes_taken", modes_taken },
		{ "modes_refused", modes_refused },
	};

	return unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
