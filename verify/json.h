/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.h - facts as JSON: one set of names for logs, reports and scans
 */
#ifndef VFY_JSON_H
#define VFY_JSON_H

#include <json-c/json.h>
#include "report.h"

/*
 * Names and paths are any bytes, JSON is UTF-8: each byte of @text that is not
 * becomes a question mark.
 */
struct json_object *vfy_json_text(const char *text);

/* A 64-bit value as "0x1a2b": few readers of JSON keep more than 53 bits of a number. */
struct json_object *vfy_json_hex(uint64_t value);

/* The names of @fields (PI_*, VFY_* or'ed), a list. */
struct json_object *vfy_json_fields(unsigned fields);

/*
 * A record: "file", "lba", "blocks" (above 1), "index", "opcode", "field", "offset"
 * (of metadata and data), "wanted", "got" and "mask" (where known), "by", "status"
 * (where there is one), "class" and "from_lba" (where they apply), "injected".
 */
struct json_object *vfy_json_record(const struct vfy_record *r);

/* "total", "injected", "by_field", "by_side", "by_class": all of the names, 0 or not. */
struct json_object *vfy_json_counts(const struct vfy_counts *c);

#endif
