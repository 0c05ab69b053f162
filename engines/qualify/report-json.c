// SPDX-License-Identifier: GPL-2.0-only
/* report-json.c - a report as one JSON object; see report.h */
#include <json-c/json.h>
#include "report.h"

static void add(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

static struct json_object *json_command(const struct nvme_uring_cmd *cmd)
{
	struct json_object *o = json_object_new_object();
	const struct {
		const char *name;
		uint32_t value;
	} parts[] = {
		{ "opcode", cmd->opcode },     { "nsid", cmd->nsid },
		{ "cdw2", cmd->cdw2 },	       { "cdw3", cmd->cdw3 },
		{ "cdw10", cmd->cdw10 },       { "cdw11", cmd->cdw11 },
		{ "cdw12", cmd->cdw12 },       { "cdw13", cmd->cdw13 },
		{ "cdw14", cmd->cdw14 },       { "cdw15", cmd->cdw15 },
		{ "data_len", cmd->data_len }, { "metadata_len", cmd->metadata_len },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		add_number(o, parts[i].name, parts[i].value);
	return o;
}

static struct json_object *json_finding(const struct result *x)
{
	struct json_object *o = json_object_new_object();

	add(o, "expected", x->finding.expected);
	add(o, "got", x->finding.got);
	add_number(o, "seed", x->seed);
	if (x->finding.sent) {
		add(o, "command", x->finding.command);
		add_number(o, "lba", x->finding.lba);
		json_object_object_add(o, "dwords", json_command(&x->finding.cmd));
	}
	if (x->finding.script)
		add(o, "script", x->finding.script);
	return o;
}

static struct json_object *json_case(const struct result *x)
{
	struct json_object *o = json_object_new_object();

	add(o, "name", x->c->name);
	add(o, "requirement", x->c->requirement);
	add(o, "section", x->c->section);
	add(o, "verdict", verdict_names[x->verdict]);
	add_number(o, "commands", x->commands);
	json_object_object_add(o, "seconds", json_object_new_double(x->seconds));
	if (x->verdict == VERDICT_SKIP)
		add(o, "reason", x->why);
	if (report_failed(x))
		json_object_object_add(o, "finding", json_finding(x));
	return o;
}

static struct json_object *json_target(const struct report *r)
{
	const struct qm_format *f = &r->run->l->f;
	struct json_object *o = json_object_new_object();
	struct report_fact facts[REPORT_FACTS];

	report_facts(r, facts);
	for (int i = 0; i < REPORT_FACTS; i++)
		add(o, i ? facts[i].name : "name", facts[i].value);
	add_number(o, "blocks", f->nr_blocks);
	add_number(o, "first", r->run->l->first);
	add_number(o, "last", r->run->l->last);
	return o;
}

void report_json(FILE *out, const struct report *r)
{
	const struct run *run = r->run;
	struct json_object *o = json_object_new_object(), *cases = json_object_new_array(),
			   *counts = json_object_new_object();

	add(o, "program", "nvmepi-qualify");
	add_number(o, "version", 1);
	json_object_object_add(o, "target", json_target(r));
	add_number(o, "seed", run->seed);
	add(o, "only", run->only ? run->only : "");
	add(o, "without", run->without ? run->without : "");
	add_number(o, "passes", run->passes);
	json_object_object_add(o, "interrupted", json_object_new_boolean(run->interrupted));
	json_object_object_add(o, "seconds", json_object_new_double(run->seconds));
	add_number(o, "commands", run->l->all_commands);
	for (int v = 0; v < NR_VERDICTS; v++)
		add_number(counts, verdict_names[v], run->counts[v]);
	json_object_object_add(o, "counts", counts);
	for (unsigned i = 0; i < run->nr; i++)
		json_object_array_add(cases, json_case(&run->results[i]));
	json_object_object_add(o, "cases", cases);
	fprintf(out, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}
