/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-diagnose.c - what a device finds is told block by block, with the values
 * that its status does not tell
 */
#include "diagnose-rig.h"

/* BAD: the blocks that get damaged, the last of them after a gap. */
static const uint32_t bad[] = { 3, 4, 20, BLOCKS - 1 };

/* --- damage on media, found by a command that reads it --- */

static void finds(const struct oracle_format *f, bool pract, uint8_t opcode, const char *name)
{
	struct vfy_mismatch want[ARRAY_SIZE(bad)];
	enum oracle_field field = ORACLE_GUARD;
	struct rig r;

	rig_open(&r, f, pract);
	rig_fill(&r);
	UNIT_CHECK(!io(&r, opcode), "%s: good blocks fail a %s", format_text(f), name);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		want[i] = damage(&r, bad[i], field, i == 0, name);
		do
			field = (field + 1) % ORACLE_FIELDS;
		while (!has_field(f, field));
	}
	UNIT_CHECK(io(&r, opcode) == EILSEQ, "%s: damage passes a %s", format_text(f), name);
	capture_exactly(format_text(f), want, ARRAY_SIZE(want));
	rig_close(&r);
}

static void reads(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (int pract = 0; pract <= 1; pract++)
			finds(&formats[i], pract, nvme_cmd_read, "read");
}

static void verifies(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		finds(&formats[i], false, nvme_cmd_verify, "verify");
}

/* Escaped blocks are silent, they alone: that and the one behind it are damaged. */
static void reads_after_escapes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct oracle_format *f = &formats[i];
		struct oracle_tuple escape = oracle_all;
		struct vfy_mismatch want;
		struct rig r;

		rig_open(&r, f, false);
		rig_fill(&r);
		raw(&r, nvme_cmd_read, 7);
		unit_random_fill(r.scratch, f->data_size);
		escape.field[ORACLE_GUARD] = 1;
		oracle_pack(f, &escape, r.scratch + f->data_size + oracle_tuple_offset(f));
		raw(&r, nvme_cmd_write, 7);
		UNIT_CHECK(!io(&r, nvme_cmd_read), "%s: an escaped block fails", format_text(f));
		capture_exactly(format_text(f), NULL, 0);
		want = damage(&r, 8, ORACLE_APP, false, "read");
		UNIT_CHECK(io(&r, nvme_cmd_read) == EILSEQ, "%s: damage passes", format_text(f));
		capture_exactly(format_text(f), &want, 1);
		rig_close(&r);
	}
}

/* What the device does not check the host does. */
static void host_alone(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct vfy_mismatch want;
		char why[WHY_MAX] = "";
		struct rig r;

		rig_open(&r, &formats[i], false);
		rig_fill(&r);
		want = damage(&r, 9, ORACLE_GUARD, true, "read");
		want.side = VFY_HOST;
		want.status = NULL;
		r.o.prchk_given = r.o.verify_given = true;
		r.o.prchk = 0;
		r.o.verify = WORDS_ALL;
		UNIT_CHECK(!job_configure(&r.ns, &r.o, why), "%s", why);
		UNIT_CHECK(command(&r, nvme_cmd_read) == 0, "the device checks");
		UNIT_CHECK(io(&r, nvme_cmd_read) == EILSEQ, "%s: damage passes",
			   format_text(&formats[i]));
		capture_exactly(format_text(&formats[i]), &want, 1);
		rig_close(&r);
	}
}

/* What is no longer wrong at a second look is told of the whole I/O. */
static void reads_what_is_gone(void)
{
	struct vfy_mismatch want;
	struct rig r;
	int status;

	rig_open(&r, &formats[0], false);
	rig_fill(&r);
	want = damage(&r, 9, ORACLE_GUARD, false, "read");
	want.lba = SLBA;
	want.blocks = BLOCKS;
	want.known = false;
	status = command(&r, nvme_cmd_read);
	damage(&r, 9, ORACLE_GUARD, false, "read");
	raw(&r, nvme_cmd_read, 9);
	oracle_generate(&r.f, r.scratch, r.scratch + 512, &(struct oracle_tuple){ {
		[ORACLE_APP] = 0x1234, [ORACLE_REF] = SLBA + 9 } });
	raw(&r, nvme_cmd_write, 9);
	UNIT_CHECK(capture_end(&r.io, status, r.scratch) == EILSEQ, "status %xh", status);
	capture_exactly("a block that was mended", &want, 1);
	rig_close(&r);
}

static struct vfy_mismatch media_error(const char *command, uint32_t block)
{
	return (struct vfy_mismatch){
		.path = "img", .command = command, .lba = SLBA + block, .field = VFY_DATA,
		.class = VFY_MEDIA_ERROR, .side = VFY_DEVICE, .status = "Unrecovered Read Error (281h)",
	};
}

static void spoil(struct rig *r, uint32_t block)
{
	struct nvme_io uncor = { .opcode = nvme_cmd_write_uncor, .slba = SLBA + block, .nr_blocks = 1 };
	struct nvme_uring_cmd cmd = { 0 };

	nvme_build_io(&cmd, &r->ns.info, &uncor);
	UNIT_CHECK(!r->ns.target->ops->io(r->ns.target, &cmd), "write uncorrectable fails");
}

/* A block that can't be read is told of beside one that is wrong, and by itself. */
static void reads_another_error(void)
{
	struct vfy_mismatch want[2];
	struct rig r;
	int status;

	rig_open(&r, &formats[0], false);
	rig_fill(&r);
	want[0] = damage(&r, 8, ORACLE_GUARD, false, "read");
	want[1] = media_error("read", 9);
	status = command(&r, nvme_cmd_read);
	spoil(&r, 9);
	UNIT_CHECK(capture_end(&r.io, status, r.scratch) == EILSEQ, "status %xh", status);
	capture_exactly("a block that can't be read now", want, 2);
	UNIT_CHECK(io(&r, nvme_cmd_read) == EIO, "an unreadable block is read");
	capture_exactly("an unreadable block", want, 2);
	rig_close(&r);
}

/* Each block of an I/O that can't be read, whatever the format is; the others are looked at. */
static void media_errors(void)
{
	static const struct {
		uint8_t		opcode;
		const char	*name;
	} looks[] = {
		{ nvme_cmd_read, "read" }, { nvme_cmd_verify, "verify" }, { nvme_cmd_compare, "compare" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats) * ARRAY_SIZE(looks); i++) {
		const struct oracle_format *f = &formats[i / ARRAY_SIZE(looks)];
		const size_t l = i % ARRAY_SIZE(looks);
		struct vfy_mismatch want[] = {
			media_error(looks[l].name, 0), media_error(looks[l].name, BLOCKS - 1),
		};
		struct rig r;

		rig_open(&r, f, i & 1);
		rig_fill(&r);
		spoil(&r, 0);
		spoil(&r, BLOCKS - 1);
		UNIT_CHECK(io(&r, looks[l].opcode) == EIO, "%s: %s: unreadable blocks pass", format_text(f),
			   looks[l].name);
		capture_exactly(looks[l].name, want, 2);
		if (looks[l].opcode == nvme_cmd_read && !(i & 1))
			UNIT_CHECK(told.checked == BLOCKS - 2, "%s: %u blocks checked", format_text(f),
				   (unsigned)told.checked);
		rig_close(&r);
	}
}

/* Where the run made blocks uncorrectable itself, that they are is no finding. */
static void media_errors_on_purpose(void)
{
	struct vfy_mismatch want = media_error("read", 30);
	char why[WHY_MAX] = "";
	struct rig r;

	rig_open(&r, &formats[0], false);
	rig_fill(&r);
	r.ns.spoiled = vfy_written_open(1, r.ns.info.nr_blocks, why);
	if (!UNIT_CHECK(r.ns.spoiled, "%s", why))
		return;
	vfy_written_join(r.ns.spoiled, 0);
	r.io.slba = SLBA + 7;
	r.io.nr_blocks = 2;
	UNIT_CHECK(!io(&r, nvme_cmd_write_uncor), "write uncorrectable fails");
	r.io.slba = SLBA;
	r.io.nr_blocks = BLOCKS;
	UNIT_CHECK(io(&r, nvme_cmd_read) == EIO && !told.nr, "what the run did is told of: %u records", told.nr);
	spoil(&r, 30);
	r.io.slba = SLBA + 9;
	r.io.nr_blocks = BLOCKS - 9;
	UNIT_CHECK(io(&r, nvme_cmd_read) == EIO, "an unreadable block is read");
	capture_exactly("what the run has not done", &want, 1);
	vfy_written_close(r.ns.spoiled);
	rig_close(&r);
}

/* A target that is busy with each command at first, and takes it when it is sent again. */
static int busy_once(struct target_ns *ns, struct nvme_uring_cmd *cmd)
{
	static bool again;

	again = !again;
	return again ? 0x021 : controller_target.io(ns, cmd);	/* Command Interrupted */
}

static void reads_while_busy(void)
{
	struct target_ops busy = controller_target;
	struct vfy_mismatch want;
	struct rig r;
	int status;

	rig_open(&r, &formats[0], false);
	rig_fill(&r);
	want = damage(&r, 8, ORACLE_GUARD, false, "read");
	status = command(&r, nvme_cmd_read);
	busy.io = busy_once;
	r.ns.target->ops = &busy;
	UNIT_CHECK(capture_end(&r.io, status, r.scratch) == EILSEQ, "status %xh", status);
	capture_exactly("a device that is busy", &want, 1);
	r.ns.target->ops = &controller_target;
	rig_close(&r);
}

/* --- Compare --- */

/* Change a byte of a block, and its tuple with it. */
static struct vfy_mismatch change(struct rig *r, uint32_t block, unsigned field, uint32_t at)
{
	uint8_t *md = r->scratch + r->f.data_size;
	uint8_t *byte = field == VFY_DATA ? r->scratch + at : md + at;
	struct oracle_tuple tags = tags_of(r, block);
	uint8_t was;

	raw(r, nvme_cmd_read, block);
	was = *byte;
	*byte ^= 0x41;
	oracle_generate(&r->f, r->scratch, md, &tags);
	raw(r, nvme_cmd_write, block);
	return (struct vfy_mismatch){
		.path = "img", .command = "compare", .lba = SLBA + block, .field = field,
		.offset = at, .known = true, .want = was, .got = *byte, .side = VFY_DEVICE,
		.status = "Compare Failure (285h)",
	};
}

/* Give a block a tuple with another application tag, which Compare does not compare. */
static void retag(struct rig *r, uint32_t block)
{
	struct oracle_tuple tags = tags_of(r, block);

	raw(r, nvme_cmd_read, block);
	tags.field[ORACLE_APP] ^= 0x40;
	oracle_generate(&r->f, r->scratch, r->scratch + r->f.data_size, &tags);
	raw(r, nvme_cmd_write, block);
}

/* The first byte that differs is told, of data or else of metadata beside the tuple. */
static void compares(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct oracle_format *f = &formats[i];
		uint32_t beyond = f->first ? oracle_tuple_size(f) + 3 : 3;
		struct vfy_mismatch want[3];
		unsigned nr = 0;
		struct rig r;

		rig_open(&r, f, i & 1);		/* PRACT or not, Compare has none */
		rig_fill(&r);
		UNIT_CHECK(!io(&r, nvme_cmd_compare), "%s: equal blocks fail", format_text(f));
		want[nr++] = change(&r, 0, VFY_DATA, f->data_size - 1);
		want[nr++] = change(&r, 17, VFY_DATA, 0);
		if (f->md_size > oracle_tuple_size(f))
			want[nr++] = change(&r, 30, VFY_METADATA, beyond);
		r.ns.prchk = r.ns.prchk_read = PI_GUARD;
		retag(&r, 5);
		retag(&r, 30);
		UNIT_CHECK(io(&r, nvme_cmd_compare) == EILSEQ, "%s: differences pass",
			   format_text(f));
		capture_exactly(format_text(f), want, nr);
		rig_close(&r);
	}
}

/* A write is refused for what is in the buffer, and media stays as it is. */
static void writes(void)
{
	struct vfy_mismatch want = {
		.path = "img", .command = "write", .lba = SLBA + 2, .field = PI_REF, .known = true,
		.want = SLBA + 2, .side = VFY_DEVICE,
		.status = "End-to-end Reference Tag Check Error (284h)",
	};
	struct nvme_uring_cmd cmd = { 0 };
	struct rig r;
	int status;

	rig_open(&r, &formats[0], false);
	rig_fill(&r);
	r.io.opcode = nvme_cmd_write;
	capture_start(&r.io, &cmd);
	((uint8_t *)r.io.md)[2 * 8 + 5] ^= 0x80;
	want.got = want.want ^ 0x800000;
	status = r.ns.target->ops->io(r.ns.target, &cmd);
	UNIT_CHECK(capture_end(&r.io, status, r.scratch) == EILSEQ, "status %xh", status);
	capture_exactly("a refused write", &want, 1);
	UNIT_CHECK(!io(&r, nvme_cmd_read), "media was changed");
	rig_close(&r);
}

/* --- opening --- */

static void opens(const struct job_opts *o, const char *path, int err, const char *words)
{
	char why[WHY_MAX] = "";
	struct job_ns ns;
	int ret = job_ns_open(&controller_target, path, o, &ns, why);

	UNIT_CHECK(ret == -err, "%s: returned %d: %s", path, ret, why);
	UNIT_CHECK(strstr(why, words) && strstr(why, path), "'%s' without '%s'", why, words);
	if (!ret)
		job_ns_close(&ns);
}

static void open_and_refuse(void)
{
	struct job_opts o = opts_of(&formats[0]);
	struct job_size size = { .option = "bs", .bytes = 700, .kind = JOB_SIZE_TRANSFER };
	struct rig r;

	rig_open(&r, &formats[0], false);
	o.sizes = &size;
	o.nr_sizes = 1;
	opens(&o, "img", EINVAL, "multiple of the 512 bytes");
	UNIT_CHECK(!access("img", F_OK), "an image that was there is gone");
	opens(&o, "new", EINVAL, "multiple of the 512 bytes");
	UNIT_CHECK(access("new", F_OK) && access("new.format", F_OK), "an image was made");
	o.open.size = 0;
	opens(&o, "none", ENOENT, "no such image");
	rig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "reads", reads },
		{ "verifies", verifies },
		{ "reads_after_escapes", reads_after_escapes },
		{ "host_alone", host_alone },
		{ "reads_what_is_gone", reads_what_is_gone },
		{ "reads_another_error", reads_another_error },
		{ "media_errors", media_errors },
		{ "media_errors_on_purpose", media_errors_on_purpose },
		{ "reads_while_busy", reads_while_busy },
		{ "compares", compares },
		{ "writes", writes },
		{ "open_and_refuse", open_and_refuse },
	};

	return folder_unit_main(argc, argv, cases, ARRAY_SIZE(cases));
}
