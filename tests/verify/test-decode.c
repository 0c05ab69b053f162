/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-decode.c - print blocks as text, and dump bad blocks into a folder
 *
 * Files are created in a temporary folder under TMPDIR (/tmp by default).
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "verify/dump.h"
#include "verify/metadata.h"
#include "tests/lib/formats.h"
#include "tests/lib/folder.h"
#include "tests/lib/unit.h"

static const uint64_t lba = 0x123456;

/* A correct block, built by the oracle. */
struct block {
	uint8_t			data[4096], md[64];
	struct oracle_tuple	tuple;
	struct pi_layout	layout;
	struct vfy_block	b;
};

static void make_block(struct block *k, const struct oracle_format *f)
{
	k->layout = layout_of(f);
	unit_random_fill(k->data, f->data_size);
	vfy_md_fill(&k->layout, lba, k->md, f->md_size, 1);
	k->tuple = (struct oracle_tuple){ { [ORACLE_APP] = 0x1234 } };
	k->tuple.field[ORACLE_STORAGE] = 0x9876543210fedcba & pi_ones(f->sts);
	k->b = (struct vfy_block){
		.layout = &k->layout, .format = "some format", .lba = lba, .data = k->data,
		.md = k->md,
		.known = PI_APP | PI_REF | PI_STORAGE | VFY_METADATA,
		.tags = { .app = 0x1234, .app_mask = 0xffff, .storage_mask = UINT64_MAX },
	};
	k->b.tags.storage = k->tuple.field[ORACLE_STORAGE];
	if (!f->type)
		return;
	k->tuple.field[ORACLE_REF] = k->b.tags.ref = lba & pi_ones(pi_ref_bits(&k->layout));
	oracle_generate(f, k->data, k->md, &k->tuple);
	k->tuple = oracle_unpack(f, k->md + oracle_tuple_offset(f));
}

/* Returns the text of a block; *@wrong is the return value of vfy_decode(). */
static const char *decode(const struct vfy_block *b, unsigned *wrong)
{
	static char text[8192];
	FILE *f = fmemopen(text, sizeof(text), "w");

	*wrong = vfy_decode(f, b);
	fclose(f);
	return text;
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

/* --- text --- */

static const unsigned checks[ORACLE_FIELDS] = { PI_GUARD, PI_APP, PI_STORAGE, PI_REF };

/* One flipped bit of a field is reported with both values, and no other field is. */
static void damage_field(const struct oracle_format *f, struct block *k, enum oracle_field field)
{
	unsigned bits = oracle_bits(f, field), wrong;
	struct oracle_tuple bad = k->tuple;
	bool checked = bits && !(field == ORACLE_REF && f->type == 3);
	char want[80];
	const char *text;

	bad.field[field] ^= 1;
	oracle_pack(f, &bad, k->md + oracle_tuple_offset(f));
	text = decode(&k->b, &wrong);
	snprintf(want, sizeof(want), "%0*" PRIx64 "h  WRONG, should be %0*" PRIx64 "h\n",
		 (bits + 3) / 4,
		 bad.field[field], (bits + 3) / 4, k->tuple.field[field]);
	UNIT_CHECK(wrong == (checked ? checks[field] : 0) && count(text, "WRONG") == checked,
		   "%s, %s: %x: %s", format_text(f), oracle_names[field], wrong, text);
	UNIT_CHECK(!checked || strstr(text, want), "%s, %s: no '%s' in: %s", format_text(f),
		   oracle_names[field], want, text);
	oracle_pack(f, &k->tuple, k->md + oracle_tuple_offset(f));
}

static void damage_metadata(const struct oracle_format *f, struct block *k)
{
	uint32_t at = f->type && f->first ? f->md_size - 1 : 0;
	unsigned wrong;
	const char *text;

	if (f->md_size == oracle_tuple_size(f) || (f->type && !f->first))
		return;			/* the guard covers it */
	k->md[at] ^= 1;
	text = decode(&k->b, &wrong);
	UNIT_CHECK(wrong == VFY_METADATA && count(text, "WRONG") == 1 &&
		   strstr(text, "metadata         byte"),
		   "%s: metadata: %x: %s", format_text(f), wrong, text);
	k->md[at] ^= 1;
}

/* The dump has all bytes of the metadata in their order. */
static void check_dump(const struct oracle_format *f, const struct block *k, const char *text)
{
	const char *at = strstr(text, "bytes:\n");
	char hex[4];

	for (uint32_t i = 0; at && i < f->md_size; i++) {
		if (i % 16 == 0)
			at = strchr(at, '\n') + 10;
		snprintf(hex, sizeof(hex), " %02x", k->md[i]);
		if (!UNIT_CHECK(!strncmp(at, hex, 3), "%s: byte %u of: %s", format_text(f), i,
				text))
			return;
		at += 3;
	}
	UNIT_CHECK(at, "%s: no metadata in: %s", format_text(f), text);
}

static void check_format(const struct oracle_format *f)
{
	static struct block k;
	unsigned wrong;
	const char *text;

	make_block(&k, f);
	text = decode(&k.b, &wrong);
	UNIT_CHECK(!wrong && !strstr(text, "WRONG") && strstr(text, "LBA 1193046 (some format)"),
		   "%s: %x: %s",
		   format_text(f), wrong, text);
	check_dump(f, &k, text);
	damage_metadata(f, &k);
	for (enum oracle_field field = 0; f->type && field < ORACLE_FIELDS; field++)
		damage_field(f, &k, field);
}

static void every_format(void)
{
	each_format(check_format);
}

static const struct oracle_format plain = { .type = 1, .data_size = 512, .md_size = 8 };

/*
 * A block that escapes has no wrong fields, the text says why it escapes, and the computed
 * guard is printed.
 */
static void escapes(void)
{
	static struct block k;
	char computed[32];
	unsigned wrong;
	const char *text;

	make_block(&k, &plain);
	snprintf(computed, sizeof(computed), "(computed: %04" PRIx64 "h)",
		 k.tuple.field[ORACLE_GUARD]);
	k.tuple = (struct oracle_tuple){ { 0x5555, 0xffff, 0, 0x77 } };
	oracle_pack(&plain, &k.tuple, k.md);
	text = decode(&k.b, &wrong);
	UNIT_CHECK(!wrong && strstr(text, "application tag FFFFh turns off") &&
		   strstr(text, computed) &&
		   !strstr(text, "as it should be"), "%x: %s", wrong, text);
}

/* Fields without a known value are printed without a verdict, and masks are applied. */
static void unknown_and_masked(void)
{
	static struct block k;
	unsigned wrong;
	const char *text;

	make_block(&k, &plain);
	k.b.known = 0;
	k.b.tags.app = 0x7777;
	text = decode(&k.b, &wrong);
	UNIT_CHECK(!wrong && strstr(text, "1234h\n") && count(text, "as it should be") == 1, "%s",
		   text);
	k.b.known = PI_APP;
	k.b.tags.app_mask = 0;
	text = decode(&k.b, &wrong);
	UNIT_CHECK(!wrong && count(text, "as it should be") == 2, "%s", text);
	k.b.tags.app_mask = 0xff00;
	text = decode(&k.b, &wrong);
	UNIT_CHECK(wrong == PI_APP && strstr(text, "should be 7777h under mask ff00h"), "%s", text);
	k.b.md = NULL;
	text = decode(&k.b, &wrong);
	UNIT_CHECK(!wrong && !strchr(strchr(text, '\n') + 1, '\n'), "without metadata: %s", text);
}

/* --- dumps --- */

static const char *read_file(const char *path, size_t *size)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");

	*size = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[*size] = '\0';
	if (f)
		fclose(f);
	return f ? text : NULL;
}

static struct vfy_dump open_dump(const char *dir, const char *job)
{
	char why[VFY_WHY_MAX] = "";
	struct vfy_dump d;

	UNIT_CHECK(!vfy_dump_open(&d, dir, job, 2, why), "%s", why);
	return d;
}

static void dump_of_a_block(void)
{
	static struct block k[3];
	struct vfy_dump d = open_dump("dumps", "a/b c");
	struct vfy_block b[3];
	const char *got;
	size_t size;

	for (int i = 0; i < 3; i++) {
		make_block(&k[i], &plain);
		b[i] = k[i].b;
		b[i].lba = lba - 1 + i;
	}
	UNIT_CHECK(!vfy_dump_block(&d, 7, b, "what was found"), "failed");
	got = read_file("dumps/a_b c.2-ns7-lba1193046.bin", &size);
	UNIT_CHECK(got && size == 3 * 520, "%zu bytes", size);
	for (int i = 0; got && i < 3; i++)
		UNIT_CHECK(!memcmp(got + 520 * i, k[i].data, 512) &&
			   !memcmp(got + 520 * i + 512, k[i].md, 8),
			   "block %d", i);
	UNIT_CHECK(!vfy_dump_block(&d, 7, b, "what else was found"), "failed");
	got = read_file("dumps/a_b c.2-ns7-lba1193046.txt", &size);
	UNIT_CHECK(got && strstr(got, "LBA 1193045 (") && strstr(got, "LBA 1193046 (") &&
		   strstr(got, "LBA 1193047 (") &&
		   strstr(got, "\nwhat was found\nwhat else was found\n"),
		   "%s", got);
	UNIT_CHECK(d.written == 1 && !d.left_out, "%u written", d.written);
}

static void dump_without_neighbours(void)
{
	static struct block k;
	struct vfy_dump d = open_dump("dumps", "alone");
	struct vfy_block b[3] = { 0 };
	const char *got;
	size_t size;

	make_block(&k, &plain);
	b[1] = k.b;
	b[1].md = NULL;
	UNIT_CHECK(!vfy_dump_block(&d, 0, b, "x"), "failed");
	got = read_file("dumps/alone.2-ns0-lba1193046.bin", &size);
	UNIT_CHECK(got && size == 512 && !memcmp(got, k.data, 512), "%zu bytes", size);
	got = read_file("dumps/alone.2-ns0-lba1193046.txt", &size);
	UNIT_CHECK(got && count(got, "LBA ") == 1, "%s", got);
}

static void dump_limit(void)
{
	static struct block k;
	struct vfy_dump d = open_dump("dumps", "many");
	struct vfy_block b[3] = { 0 };
	char path[80];

	make_block(&k, &plain);
	b[1] = k.b;
	for (unsigned i = 0; i < VFY_DUMP_LIMIT + 3; i++) {
		int want = i < VFY_DUMP_LIMIT ? 0 : -EDQUOT, ret;

		b[1].lba = i;
		ret = vfy_dump_block(&d, 0, b, "x");
		snprintf(path, sizeof(path), "dumps/many.2-ns0-lba%u.txt", i);
		UNIT_CHECK(ret == want && !access(path, F_OK) == !want, "block %u: %d", i, ret);
		UNIT_CHECK(vfy_dump_block(&d, 0, b, "y") == want, "block %u again", i);
	}
	UNIT_CHECK(d.written == VFY_DUMP_LIMIT && d.left_out == 3,
		   "%u written, %" PRIu64 " left out",
		   d.written, d.left_out);
}

static void dump_refused(void)
{
	static const char *const folders[] = { "nowhere/dumps", "/dev/null", "/proc/self/nothing" };
	struct vfy_dump d;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char why[VFY_WHY_MAX] = "";

		UNIT_CHECK(vfy_dump_open(&d, folders[i], "job", 1, why) < 0 &&
			   strstr(why, folders[i]),
			   "%s: '%s'", folders[i], why);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "every_format", every_format },
		{ "escapes", escapes },
		{ "unknown_and_masked", unknown_and_masked },
		{ "dump_of_a_block", dump_of_a_block },
		{ "dump_without_neighbours", dump_without_neighbours },
		{ "dump_limit", dump_limit },
		{ "dump_refused", dump_refused },
	};

	return folder_unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
