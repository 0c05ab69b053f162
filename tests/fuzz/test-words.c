// SPDX-License-Identifier: GPL-2.0-only
/* test-words.c - any value of an option that is words is understood, or refused in one line */
#include "engines/controller/fault.h"
#include "engines/controller/defect.h"
#include "engines/option-words.h"
#include "verify/inject.h"
#include "verify/plugin.h"
#include "fuzz.h"

static const struct pi_layout layout = {
	.format = &pi_formats[0], .type = PI_TYPE1, .data_size = 512, .md_size = 16,
};

static void checks(const char *text, char *why)
{
	char buf[100], small[4];
	unsigned found = 0, again = 0;

	if (words_checks("pi_verify", text, ~0u, &found, why)) {
		FUZZ_ONE_LINE(why);
		return;
	}
	found &= ~WORDS_ALL & (PI_GUARD | PI_APP | PI_REF | PI_STORAGE | VFY_METADATA);
	FUZZ_CHECK(!words_checks("x", words_of(found, buf, sizeof(buf)), ~0u, &again, why) && again == found);
	FUZZ_CHECK(strlen(words_of(found, small, sizeof(small))) < sizeof(small));
}

static void number(const char *text, char *why)
{
	uint64_t value;

	if (words_number("ns_sts", text, 64, &value, why))
		FUZZ_ONE_LINE(why);
	else
		FUZZ_CHECK(value <= 64);
}

static void mix(const char *text, char *why)
{
	struct words_mix mix;
	unsigned sum = 0;

	if (words_write_mode(text, &mix, why)) {
		FUZZ_ONE_LINE(why);
		return;
	}
	for (unsigned i = 0; i < mix.nr; i++)
		sum += mix.part[i].percent;
	FUZZ_CHECK(mix.nr && mix.nr <= 4 && sum == 100);
}

static void inject(const char *text, char *why)
{
	const struct pi_tags tags = { .ref = 7, .app = 1, .app_mask = 0xffff };
	struct vfy_injection d[16];
	struct vfy_inject in;
	uint8_t data[512] = { 0 }, md[16] = { 0 };
	unsigned n;

	if (vfy_inject_parse(text, &in, why) || vfy_inject_check(&in, &layout, &tags, true, true, why)) {
		FUZZ_ONE_LINE(why);
		return;
	}
	FUZZ_CHECK(in.nr <= VFY_MAX_FAULTS);
	pi_generate(&layout, &tags, data, md, 1);
	n = vfy_inject_draw(&in, 4, d, 16);
	for (unsigned i = 0; i < n && i < 16; i++) {
		FUZZ_CHECK(d[i].index < 4);
		vfy_inject_damage(&in, &layout, &tags, d[i].index, in.next + d[i].index, data, md, &d[i]);
	}
	vfy_inject_pass(&in, 4);
}

static void target(const char *text, char *why)
{
	const struct target_open o = { .path = "x.img", .fault = text, .defect = text };
	struct ctl_defects *defects = NULL;
	struct ctl_fault *fault = NULL;
	int err;

	if (ctl_fault_open(&o, &err, &fault, why))
		FUZZ_ONE_LINE(why);
	ctl_fault_close(fault);
	if (ctl_defects_open(&o, &defects, why))
		FUZZ_ONE_LINE(why);
	ctl_defects_close(defects);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	char *text = fuzz_text(&in), why[WHY_MAX] = "";

	/* A value that is refused is repeated: it comes from the user, in one line. */
	for (char *c = text; *c; c++)
		*c = *c == '\n' ? ' ' : *c;

	checks(text, why);
	number(text, why);
	mix(text, why);
	inject(text, why);
	target(text, why);
	free(text);
}

FUZZ_MAIN("words", 30000)
