/* SPDX-License-Identifier: GPL-2.0-only */
/* decode.c - see decode.h */
#include <ctype.h>
#include <inttypes.h>
#include "decode.h"
#include "metadata.h"

enum { DUMP_WIDTH = 16 };

static void hex_dump(FILE *to, const uint8_t *p, size_t len)
{
	for (size_t at = 0; at < len; at += DUMP_WIDTH) {
		size_t n = len - at < DUMP_WIDTH ? len - at : DUMP_WIDTH;

		fprintf(to, "    %04zx ", at);
		for (size_t i = 0; i < DUMP_WIDTH; i++)
			fprintf(to, i < n ? " %02x" : "   ", i < n ? p[at + i] : 0);
		fputs("  ", to);
		for (size_t i = 0; i < n; i++)
			fputc(isprint(p[at + i]) ? p[at + i] : '.', to);
		fputc('\n', to);
	}
}

/* A field of a tuple, and its expected value. */
struct line {
	unsigned	field;		/* PI_* */
	unsigned	bits;		/* its width; 0: the format does not have the field */
	uint64_t	got, want, mask;
};

/*
 * Returns the guard's line; the expected value is computed from the data and the metadata in
 * front of the tuple.
 */
static struct line guard_line(const struct vfy_block *b, uint64_t got)
{
	const struct pi_layout *l = b->layout;
	struct line line = { .field = PI_GUARD, .bits = l->format->guard_size * 8, .got = got };
	struct guard_job job = {
		.data = b->data, .data_len = l->data_size, .md = b->md,
		.md_len = pi_tuple_offset(l), .nr = 1,
	};

	l->format->guard(&job, &line.want);
	line.mask = pi_ones(line.bits);
	return line;
}

/* Print a line.  Returns line->field if the value is wrong, else 0. */
static unsigned put_line(FILE *to, const struct line *line, bool known, bool escapes)
{
	const int digits = (line->bits + 3) / 4;
	bool wrong = known && !escapes && (line->got ^ line->want) & line->mask;

	if (!line->bits)
		return 0;
	fprintf(to, "  %-16s %0*" PRIx64 "h", vfy_field_name(line->field), digits, line->got);
	if (wrong)
		fprintf(to, "  WRONG, should be %0*" PRIx64 "h", digits, line->want);
	else if (escapes && line->field == PI_GUARD)
		fprintf(to, "  (computed: %0*" PRIx64 "h)", digits, line->want);
	else if (known && !escapes)
		fputs("  as it should be", to);
	if (wrong && line->mask != pi_ones(line->bits))
		fprintf(to, " under mask %0*" PRIx64 "h", digits, line->mask);
	fputc('\n', to);
	return wrong ? line->field : 0;
}

static unsigned put_fields(FILE *to, const struct vfy_block *b, const struct pi_fields *f,
			   bool escapes)
{
	const struct pi_layout *l = b->layout;
	const struct pi_tags *t = &b->tags;
	const struct line lines[] = {
		guard_line(b, f->guard),
		{ PI_APP, 16, f->app, t->app, t->app_mask },
		{ PI_STORAGE, l->sts, f->storage, t->storage, t->storage_mask & pi_ones(l->sts) },
		{ PI_REF, pi_ref_bits(l), f->ref, t->ref, pi_ones(pi_ref_bits(l)) },
	};
	unsigned known = b->known | PI_GUARD, wrong = 0;

	if (l->type == PI_TYPE3)
		known &= ~PI_REF;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		wrong |= put_line(to, &lines[i], known & lines[i].field, escapes);
	return wrong;
}

/* Print the first wrong byte outside the tuple.  Returns VFY_METADATA if there is one. */
static unsigned put_pattern(FILE *to, const struct vfy_block *b)
{
	const struct pi_layout *l = b->layout;
	struct vfy_md_error e;

	if (!(b->known & VFY_METADATA) || !vfy_md_present(l) ||
	    !vfy_md_check(l, b->lba, b->data, l->data_size, b->md, l->md_size, 1, &e, 1).bad)
		return 0;
	fprintf(to, "  metadata         byte %u is %02xh  WRONG, should be %02xh\n", e.offset,
		e.got, e.want);
	return VFY_METADATA;
}

/* Print the tuple as fields, then as bytes.  Returns the wrong fields. */
static unsigned put_tuple(FILE *to, const struct vfy_block *b)
{
	const struct pi_layout *l = b->layout;
	const uint8_t *tuple = (const uint8_t *)b->md + pi_tuple_offset(l);
	struct pi_fields f = pi_tuple_get(l, tuple);
	bool escapes = pi_escapes(l, &f);
	unsigned wrong;

	if (escapes)
		fprintf(to, "  escapes: application tag FFFFh%s turns off every check of this "
			"block\n",
			l->type == PI_TYPE3 ? " and reference tag of ones" : "");
	wrong = put_fields(to, b, &f, escapes);
	fputs("  tuple           ", to);
	for (unsigned i = 0; i < l->format->tuple_size; i++)
		fprintf(to, " %02x", tuple[i]);
	fprintf(to, " (from byte %u of the metadata on)\n", pi_tuple_offset(l));
	return wrong;
}

unsigned vfy_decode(FILE *to, const struct vfy_block *b)
{
	unsigned wrong = 0;

	fprintf(to, "LBA %" PRIu64 " (%s)\n", b->lba, b->format);
	if (!b->md)
		return 0;
	if (b->layout->type != PI_NONE)
		wrong = put_tuple(to, b);
	wrong |= put_pattern(to, b);
	fprintf(to, "  metadata, %u bytes:\n", b->layout->md_size);
	hex_dump(to, b->md, b->layout->md_size);
	return wrong;
}
