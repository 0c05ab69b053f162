/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recorder-fixture.h - a recorder of mismatches, its log and its report, for tests
 *
 * Files are created in a temporary folder under TMPDIR (/tmp by default).
 */
#ifndef JUDGE_FIXTURE_H
#define JUDGE_FIXTURE_H

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "verify/recorder.h"
#include "verify/json.h"
#include "tests/lib/pi-format.h"
#include "tests/lib/folder.h"
#include "tests/lib/unit.h"

static const struct vfy_mismatch guard_record = {
	.path = "x.img", .command = "read", .lba = 77, .index = 13, .field = PI_GUARD,
	.known = true,
	.want = 0x7322, .got = 0x7323, .mask = 0xffff, .side = VFY_HOST,
};

/* --- files --- */

static inline char *read_file(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return f ? text : NULL;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	UNIT_CHECK(f && fputs(text, f) >= 0 && !fclose(f), "%s can't be written", path);
}

static inline bool is_there(const char *path)
{
	return !access(path, F_OK);
}

/* Returns NULL if @text is not JSON in UTF-8 from end to end. */
static inline struct json_object *parse(const char *text)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, strlen(text) + 1);
	json_tokener_free(tok);
	return o;
}

/* Returns member @name as text, or "-" if there is none. */
static inline const char *member(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_object_get_string(value) : "-";
}

/* Returns the number of jobs in the report at @path; -1: the file is no report. */
static inline int nr_jobs(const char *path)
{
	const char *text = read_file(path);
	struct json_object *o = text ? parse(text) : NULL, *jobs;
	int nr = -1;

	if (o && json_object_object_get_ex(o, "jobs", &jobs))
		nr = json_object_array_length(jobs);
	json_object_put(o);
	return nr;
}

/* Call @visit for each line of the log, parsed.  Returns the number of lines. */
static inline int each_line(const char *path, void (*visit)(struct json_object *line, void *ctx),
			    void *ctx)
{
	char *rest = read_file(path), *line;
	int nr = 0;

	UNIT_CHECK(rest && (!*rest || rest[strlen(rest) - 1] == '\n'), "the last line is torn");
	while (rest && (line = strsep(&rest, "\n")) && rest) {
		struct json_object *o = parse(line);

		if (UNIT_CHECK(o, "no JSON: '%s'", line))
			visit(o, ctx);
		json_object_put(o);
		nr++;
	}
	return nr;
}

/* --- a recorder --- */

static char why[VFY_WHY_MAX];

static struct {
	unsigned	lines;
	char		last[512];
} said;

static inline void say(void *ctx, const char *line)
{
	UNIT_CHECK(ctx == &said, "the context is lost");
	said.lines++;
	snprintf(said.last, sizeof(said.last), "%s", line);
}

static inline struct vfy_recorder_opts opts(const char *log, const char *report)
{
	memset(&said, 0, sizeof(said));
	return (struct vfy_recorder_opts){
		.job = "job", .thread = 3, .run = "run 1", .log = log, .report = report, .say = say,
		.ctx = &said,
	};
}

static inline struct vfy_recorder open_judge(struct vfy_recorder_opts o)
{
	struct vfy_recorder j;

	*why = '\0';
	UNIT_CHECK(!vfy_recorder_open(&j, &o, why), "refused: %s", why);
	return j;
}

#endif
