/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.h - mismatches and counts as JSON, with the same names in logs, reports and scans
 */
#ifndef VFY_JSON_H
#define VFY_JSON_H

#include <json-c/json.h>
#include "mismatch.h"

/*
 * Returns @text as a JSON string.  Names and paths can hold any bytes, but JSON is UTF-8: each
 * byte that is not part of valid UTF-8 is replaced by a question mark.
 */
struct json_object *vfy_json_text(const char *text);

/*
 * Returns a 64-bit value as a string such as "0x1a2b", because many JSON readers keep only 53
 * bits of a number.
 */
struct json_object *vfy_json_hex(uint64_t value);

/* Returns the names of @fields (a mask of PI_* and VFY_*) as an array. */
struct json_object *vfy_json_fields(unsigned fields);

/*
 * Returns a record as an object: "file", "lba", "blocks" (if above 1), "index", "opcode",
 * "field", "offset" (for metadata and data), "wanted", "got" and "mask" (if known), "by",
 * "status" (if there is one), "class" and "from_lba" (if they apply), "injected".
 */
struct json_object *vfy_json_mismatch(const struct vfy_mismatch *r);

/*
 * Returns the counts as an object: "total", "injected", "by_field", "by_side", "by_class";
 * these list all names, also those whose count is 0.
 */
struct json_object *vfy_json_counts(const struct vfy_counts *c);

#endif
