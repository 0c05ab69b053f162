/* SPDX-License-Identifier: GPL-2.0-only */
/* option-words.c - see option-words.h */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "verify/mismatch.h"
#include "engines/nvme/nvme.h"
#include "option-words.h"

struct word {
	const char	*name;
	unsigned	value;
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static const struct word check_words[] = {
	{ "GUARD", PI_GUARD },
	{ "APPTAG", PI_APP },
	{ "REFTAG", PI_REF },
	{ "STTAG", PI_STORAGE },
	{ "METADATA", VFY_METADATA },
};

static const struct word mode_words[] = {
	{ "write", nvme_cmd_write },
	{ "zeroes", nvme_cmd_write_zeroes },
	{ "uncor", nvme_cmd_write_uncor },
	{ "verify", nvme_cmd_verify },
};

/* An item of a list: @len characters at @text, without surrounding blanks. */
struct item {
	const char	*text;
	size_t		len;
};

static struct item next_item(const char **rest, char separator)
{
	const char *end = strchr(*rest, separator);
	struct item it = { *rest, end ? (size_t)(end - *rest) : strlen(*rest) };

	*rest = end ? end + 1 : NULL;
	while (it.len && strchr(" \t", *it.text))
		it.text++, it.len--;
	while (it.len && strchr(" \t", it.text[it.len - 1]))
		it.len--;
	return it;
}

static bool item_is(struct item it, const char *word)
{
	return strlen(word) == it.len && !strncasecmp(it.text, word, it.len);
}

static const struct word *find(struct item it, const struct word *words, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (item_is(it, words[i].name))
			return &words[i];
	return NULL;
}

static int refuse_check(const char *name, struct item it, unsigned can, char *why)
{
	int n = snprintf(why, WHY_MAX, "%s: unknown word '%.*s'; known are", name,
			 (int)(it.len < 40 ? it.len : 40), it.text);

	for (size_t i = 0; i < NR(check_words); i++)
		if (check_words[i].value & can)
			n += snprintf(why + n, WHY_MAX - n, " %s", check_words[i].name);
	snprintf(why + n, WHY_MAX - n, ", or none, or all");
	return -EINVAL;
}

int words_checks(const char *name, const char *text, unsigned can, unsigned *checks, char *why)
{
	const char *rest = text;
	struct item whole = next_item(&rest, '\0');

	*checks = 0;
	if (item_is(whole, "none"))
		return 0;
	if (item_is(whole, "all")) {
		*checks = can | WORDS_ALL;
		return 0;
	}
	for (rest = text; rest; ) {
		struct item it = next_item(&rest, ',');
		const struct word *w = find(it, check_words, NR(check_words));

		if (!w || !(w->value & can))
			return refuse_check(name, it, can, why);
		*checks |= w->value;
	}
	return 0;
}

char *words_of(unsigned checks, char *buf, size_t size)
{
	size_t n = snprintf(buf, size, "%s", checks ? "" : "none");

	for (size_t i = 0; i < NR(check_words) && n < size; i++)
		if (checks & check_words[i].value)
			n += snprintf(buf + n, size - n, "%s%s", n ? "," : "", check_words[i].name);
	return buf;
}

/* A leading 0 does not make a number octal, as in fio's other options. */
int words_number(const char *name, const char *text, uint64_t max, uint64_t *value, char *why)
{
	int base = strncasecmp(text, "0x", 2) ? 10 : 16;
	char *end;

	errno = 0;
	*value = strtoull(text, &end, base);
	if (!isdigit((unsigned char)*text) || *end || errno || *value > max)
		return refuse(why, EINVAL, "%s: '%.40s' is not a number of 0..%" PRIu64
			      " (decimal, or 0x...)", name, text, max);
	return 0;
}

static int refuse_mode(const char *text, const char *what, char *why)
{
	return refuse(why, EINVAL, "write_mode: '%.60s' %s; known are write, zeroes, uncor, verify, "
		      "alone or mixed as in write/80:zeroes/20, and zone_append, alone", text, what);
}

/*
 * Parses "zeroes/20", "zeroes/" or "zeroes"; *@percent is -1 if it is not given. Returns NULL, and
 * sets *@wrong, if that is none.
 */
static const struct word *parse_part(struct item it, int *percent, const char **wrong)
{
	const char *slash = memchr(it.text, '/', it.len);
	size_t len = slash ? (size_t)(slash - it.text) : it.len;
	const struct word *w = find((struct item){ it.text, len }, mode_words, NR(mode_words));
	int n = 0;

	*percent = -1;
	*wrong = w ? "has a share that is not a number of 0..100" : "has a part that isn't known";
	if (slash && len + 1 < it.len && (sscanf(slash, "/%3d%n", percent, &n) != 1 || len + n != it.len ||
					 !isdigit((unsigned char)slash[1]) || *percent > 100))
		return NULL;
	return w;
}

/* Divides what is left of 100 among the parts without a percentage. */
static bool share_out(struct words_mix *mix, const int *percent)
{
	int left = 100, open = 0;

	for (unsigned i = 0; i < mix->nr; i++) {
		left -= percent[i] < 0 ? 0 : percent[i];
		open += percent[i] < 0;
	}
	if (left < 0 || (left && !open))
		return false;
	const unsigned nr = mix->nr;

	mix->nr = 0;
	for (unsigned i = 0; i < nr; i++) {
		int p = percent[i];

		if (p < 0) {
			p = left / open--;
			left -= p;
		}
		if (p)			/* a part with a share of 0 is ignored */
			mix->part[mix->nr++] = (struct words_part){ mix->part[i].opcode, p };
	}
	return true;
}

int words_write_mode(const char *text, struct words_mix *mix, char *why)
{
	const char *rest = text;
	int percent[NR(mode_words)];

	mix->nr = 0;
	while (rest) {
		struct item it = next_item(&rest, ':');
		const struct word *w;
		const char *wrong;

		if (mix->nr == NR(mode_words))
			return refuse_mode(text, "has too many parts", why);
		w = parse_part(it, &percent[mix->nr], &wrong);
		if (!w)
			return refuse_mode(text, wrong, why);
		mix->part[mix->nr++].opcode = w->value;
	}
	return share_out(mix, percent) ? 0 : refuse_mode(text, "does not add up to 100", why);
}
