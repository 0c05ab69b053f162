/* SPDX-License-Identifier: GPL-2.0-only */
/* json.c - see json.h */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"

/* Returns whether UTF-8 allows the second byte of a sequence after its first byte. */
static bool second_allowed(const uint8_t *s)
{
	switch (s[0]) {
	case 0xe0:	return s[1] >= 0xa0;	/* else the encoding is overlong */
	case 0xed:	return s[1] <= 0x9f;	/* else it is a UTF-16 surrogate */
	case 0xf0:	return s[1] >= 0x90;
	case 0xf4:	return s[1] <= 0x8f;
	default:	return true;
	}
}

/* Returns the length in bytes of the UTF-8 character at @s, or 0 if it is invalid. */
static size_t utf8_len(const uint8_t *s)
{
	/*
	 * The length follows from the first byte; C0h, C1h and F5h to FFh are never a first
	 * byte.
	 */
	size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 :
		   *s < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n > 2 && !second_allowed(s) ? 0 : n;
}

/* Returns how many bytes of the text are valid UTF-8, from its start. */
static size_t valid_bytes(const char *text)
{
	size_t at = 0;

	for (size_t n; text[at] && (n = utf8_len((const uint8_t *)text + at)); at += n)
		;
	return at;
}

struct json_object *vfy_json_text(const char *text)
{
	size_t at = valid_bytes(text);
	struct json_object *o;
	char *copy;

	if (!text[at])
		return json_object_new_string(text);
	copy = strdup(text);
	if (!copy)		/* what is valid of it */
		return json_object_new_string_len(text, at);
	for (; copy[at]; at += valid_bytes(copy + at))
		copy[at] = '?';
	o = json_object_new_string(copy);
	free(copy);
	return o;
}

struct json_object *vfy_json_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_object_new_string(text);
}

static void add_number(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

struct json_object *vfy_json_fields(unsigned fields)
{
	struct json_object *list = json_object_new_array();

	for (unsigned bit = 0; bit < VFY_NR_FIELDS; bit++)
		if (fields & 1u << bit)
			json_object_array_add(list, json_object_new_string(vfy_field_name(1u << bit)));
	return list;
}

struct json_object *vfy_json_mismatch(const struct vfy_mismatch *r)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "file", vfy_json_text(r->path));
	add_number(o, "lba", r->lba);
	if (r->blocks > 1)
		add_number(o, "blocks", r->blocks);
	add_number(o, "index", r->index);
	json_object_object_add(o, "opcode", vfy_json_text(r->command));
	json_object_object_add(o, "field", vfy_json_text(vfy_field_name(r->field)));
	if (r->known && r->field & (VFY_METADATA | VFY_DATA))
		add_number(o, "offset", r->offset);
	if (r->known) {
		json_object_object_add(o, "wanted", vfy_json_hex(r->want));
		json_object_object_add(o, "got", vfy_json_hex(r->got));
		json_object_object_add(o, "mask", vfy_json_hex(r->mask));
	}
	json_object_object_add(o, "by", vfy_json_text(vfy_side_name(r->side)));
	if (r->status)
		json_object_object_add(o, "status", vfy_json_text(r->status));
	if (r->class)
		json_object_object_add(o, "class", vfy_json_text(vfy_class_name(r->class)));
	if (r->class == VFY_MISDIRECTED)
		add_number(o, "from_lba", r->from);
	json_object_object_add(o, "injected", json_object_new_boolean(r->injected));
	return o;
}

struct json_object *vfy_json_counts(const struct vfy_counts *c)
{
	struct json_object *o = json_object_new_object(), *fields = json_object_new_object();
	struct json_object *sides = json_object_new_object(), *classes = json_object_new_object();

	for (unsigned i = 0; i < VFY_NR_FIELDS; i++)
		add_number(fields, vfy_field_name(1u << i), c->field[i]);
	for (unsigned i = 0; i < VFY_NR_SIDES; i++)
		add_number(sides, vfy_side_name(i), c->side[i]);
	for (unsigned i = VFY_UNCLASSED + 1; i < VFY_NR_CLASSES; i++)
		add_number(classes, vfy_class_name(i), c->class[i]);
	add_number(o, "total", c->total);
	add_number(o, "injected", c->injected);
	json_object_object_add(o, "by_field", fields);
	json_object_object_add(o, "by_side", sides);
	json_object_object_add(o, "by_class", classes);
	return o;
}
