/* SPDX-License-Identifier: GPL-2.0-only */
/* job.c - see job.h */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "verify/metadata.h"
#include "verify/hash.h"
#include "verify/mismatch.h"
#include "job.h"

/* --- what is checked --- */

/* Returns whether every block that carries the job's tags escapes. */
static bool tags_escape(const struct job_ns *ns)
{
	const struct pi_layout *l = &ns->info.layout;

	return ns->tags.app == 0xffff &&
	       (l->type != PI_TYPE3 || ns->tags.ref == pi_ones(pi_ref_bits(l)));
}

/* Returns why @field cannot be checked on this namespace, or NULL if it can. */
static const char *cannot(const struct job_ns *ns, unsigned field)
{
	const struct pi_layout *l = &ns->info.layout;

	if (field == PI_REF && l->type == PI_TYPE3)
		return "the reference tag of type 3 is not defined";
	if (field == PI_REF && !pi_ref_bits(l))
		return "the storage tag leaves no bit for a reference tag";
	if (field == PI_STORAGE && !l->sts)
		return "there is no storage tag (STS 0)";
	if (field == PI_STORAGE && !(ns->info.storage_mask & pi_ones(l->sts)))
		return "the controller compares no bit of it (LBSTM 0)";
	if (field == PI_APP && !ns->tags.app_mask)
		return "apptag_mask=0 leaves no bit of it";
	if (field == PI_APP && tags_escape(ns))
		return "blocks with apptag=FFFFh escape all checks";
	if (field == VFY_METADATA && !vfy_md_present(l))
		return l->type == PI_NONE ? "there is none" : "there is none beyond the tuple";
	return NULL;
}

static const struct {
	unsigned	field;
	const char	*word;
} check_fields[] = {
	{ PI_GUARD, "GUARD" }, { PI_APP, "APPTAG" }, { PI_REF, "REFTAG" }, { PI_STORAGE, "STTAG" },
	{ VFY_METADATA, "METADATA" },
};

enum { NR_CHECK_FIELDS = sizeof(check_fields) / sizeof(check_fields[0]) };

/* Refuses a check that is impossible and was asked for by name. */
static int check_words(const struct job_ns *ns, const char *option, unsigned words, char *why)
{
	if (words & WORDS_ALL)
		return 0;
	for (int i = 0; i < NR_CHECK_FIELDS; i++) {
		const char *reason = words & check_fields[i].field ? cannot(ns, check_fields[i].field) : NULL;

		if (reason)
			return refuse_ns(ns, why, "%s: %s can't be checked, %s; leave it out", option,
					 check_fields[i].word, reason);
	}
	if (words & ~VFY_METADATA && tags_escape(ns))
		return refuse_ns(ns, why, "%s: blocks with apptag=FFFFh escape all checks: give another "
				 "apptag, or %s=none", option, option);
	return 0;
}

static unsigned all_checks(const struct job_ns *ns)
{
	unsigned fields = 0;

	if (ns->info.layout.type == PI_NONE)
		return cannot(ns, VFY_METADATA) ? 0 : VFY_METADATA;
	for (int i = 0; i < NR_CHECK_FIELDS; i++)
		fields |= cannot(ns, check_fields[i].field) ? 0 : check_fields[i].field;
	return fields;
}

/* Replaces "all" by everything that can be checked; other words stay unchanged. */
static unsigned resolve(const struct job_ns *ns, unsigned words)
{
	return words & WORDS_ALL ? all_checks(ns) : words;
}

/* Writes a line about a field that cannot be checked because of an option or a mask. */
static void put_remark(struct job_ns *ns)
{
	const struct pi_layout *l = &ns->info.layout;

	ns->remark_on = tags_escape(ns) || !ns->tags.app_mask ? PI_APP :
			l->sts && cannot(ns, PI_STORAGE) ? PI_STORAGE : PI_REF;
	if (tags_escape(ns))
		snprintf(ns->remark, WHY_MAX, "blocks with apptag=FFFFh%s escape all checks: "
			 "nothing of them can be checked", l->type == PI_TYPE3 ? " and that pi_ref" : "");
	else if (!ns->tags.app_mask)
		snprintf(ns->remark, WHY_MAX, "the application tag can't be checked: %s",
			 cannot(ns, PI_APP));
	else if (l->sts && cannot(ns, PI_STORAGE))
		snprintf(ns->remark, WHY_MAX, "the storage tag can't be checked: %s",
			 cannot(ns, PI_STORAGE));
	else if (l->type != PI_TYPE3 && !pi_ref_bits(l))
		snprintf(ns->remark, WHY_MAX, "the reference tag can't be checked: %s",
			 cannot(ns, PI_REF));
}

/* Returns the tags that no option sets: only blocks of this run are known to carry defaults. */
static unsigned tags_not_given(const struct job_opts *o)
{
	return (o->apptag_given ? 0 : PI_APP) | (o->storage_given ? 0 : PI_STORAGE);
}

static int configure_prchk(struct job_ns *ns, const struct job_opts *o, char *why)
{
	unsigned want = resolve(ns, o->prchk_given ? o->prchk : WORDS_ALL) & ~VFY_METADATA;
	int ret = 0;

	if (o->prchk_given)
		ret = check_words(ns, "pi_chk", o->prchk, why);
	if (!ret && o->storage_check > 0)
		ret = check_words(ns, "pi_storage_check", PI_STORAGE, why);
	ns->prchk = want;
	ns->prchk_read = o->prchk_given || o->reads_own ? want : want & ~tags_not_given(o);
	if (o->storage_check > 0) {
		ns->prchk |= PI_STORAGE;
		ns->prchk_read |= PI_STORAGE;
	} else if (!o->storage_check) {
		ns->prchk &= ~PI_STORAGE;
		ns->prchk_read &= ~PI_STORAGE;
	}
	return ret;
}

/* Returns the host's default checks, and sets which of them only apply to blocks of this run. */
static unsigned usual_checks(struct job_ns *ns, const struct job_opts *o)
{
	const unsigned unsure = tags_not_given(o) | VFY_METADATA;
	unsigned all = all_checks(ns);

	if (!o->remembers)
		return all & ~unsure;
	ns->own_only = all & unsure;
	return all;
}

static int configure_verify(struct job_ns *ns, const struct job_opts *o, char *why)
{
	unsigned want = o->verify_given ? resolve(ns, o->verify) : usual_checks(ns, o);

	if (o->verify_given && want & ~VFY_METADATA && !ns->wire.pi)
		return refuse_ns(ns, why, "pi_verify: with pi_act=1 no protection information crosses the "
			      "interface; give pi_act=0, or pi_verify=none");
	ns->verify = ns->wire.pi ? want & ~VFY_METADATA : 0;
	ns->verify_md = want & VFY_METADATA;
	ns->own_only &= ns->verify | (ns->verify_md ? VFY_METADATA : 0);
	return o->verify_given ? check_words(ns, "pi_verify", o->verify, why) : 0;
}

static int configure_escape(struct job_ns *ns, const struct job_opts *o, char *why)
{
	ns->escape = o->escape;
	if (!o->escape)
		return 0;
	if (!ns->wire.pi)
		return refuse_ns(ns, why, "pi_escape: with pi_act=1 no protection information crosses the "
				 "interface; give pi_act=0, or leave it out");
	if (tags_escape(ns))
		return refuse_ns(ns, why, "pi_escape: blocks with apptag=FFFFh escape by themselves; give another "
				 "apptag, or leave out pi_escape");
	if (!ns->verify)
		return refuse_ns(ns, why, "pi_escape: the host checks no tuple; give pi_verify=GUARD or "
				 "more, or leave out pi_escape");
	return 0;
}

static int configure_tags(struct job_ns *ns, const struct job_opts *o, char *why)
{
	const struct pi_layout *l = &ns->info.layout;

	if (o->ref_given && l->type == PI_TYPE1)
		return refuse_ns(ns, why, "pi_ref: the reference tag of type 1 is the LBA; leave it out");
	if (o->ref > pi_ones(pi_ref_bits(l)))
		return refuse_ns(ns, why, "pi_ref=%" PRIu64 " does not fit its %u bits", o->ref, pi_ref_bits(l));
	if (o->storage_given && !l->sts)
		return refuse_ns(ns, why, "pi_storage_tag: there is no storage tag (STS 0); leave it out");
	if (o->storage > pi_ones(l->sts))
		return refuse_ns(ns, why, "pi_storage_tag=%" PRIu64 " does not fit its %u bits", o->storage,
			      l->sts);
	ns->tags = (struct pi_tags){
		.ref = o->ref, .storage = o->storage, .storage_mask = ns->info.storage_mask,
		.app = o->apptag, .app_mask = o->apptag_mask,
	};
	return 0;
}

static int configure_protection(struct job_ns *ns, const struct job_opts *o, char *why)
{
	const struct pi_layout *l = &ns->info.layout;
	/*
	 * pi_act, pi_chk and apptag are not refused: io_uring_cmd has them, too, and ignores them
	 * there.
	 */
	bool asked = o->ref_given || o->storage_given || o->storage_check > 0 || o->escape ||
		     (o->verify_given && o->verify & ~VFY_METADATA);
	int ret;

	ns->wire = nvme_wire(l, o->pract);
	ns->own_only = 0;
	ns->remark[0] = '\0';
	if (l->type == PI_NONE && asked)
		return refuse_ns(ns, why, "the namespace has no protection information; leave out pi_verify, "
			      "pi_ref, pi_storage_* and pi_escape, or format it with --pi");
	if (l->type == PI_NONE) {
		ns->verify_md = (o->verify_given ? resolve(ns, o->verify) : usual_checks(ns, o)) & VFY_METADATA;
		ns->own_only = ns->verify_md ? ns->own_only & VFY_METADATA : 0;
		return o->verify_given ? check_words(ns, "pi_verify", o->verify, why) : 0;
	}
	ns->pract = o->pract;
	ret = configure_tags(ns, o, why);
	if (!ret)
		ret = configure_prchk(ns, o, why);
	if (!ret)
		ret = configure_verify(ns, o, why);
	ns->unknown = o->unknown;
	ns->prchk &= ~o->unknown;
	ns->prchk_read &= ~o->unknown;
	ns->verify &= ~o->unknown;
	if (!ret)
		ret = configure_escape(ns, o, why);
	if (!ret)
		put_remark(ns);
	return ret;
}

/* --- the layout of fio's buffers, and the job's sizes --- */

/* Returns whether all sizes count data and metadata, and at least one does not fit data alone. */
static bool extended_only(const struct job_opts *o, const struct pi_layout *l)
{
	bool other = false;

	for (unsigned i = 0; i < o->nr_sizes; i++) {
		const struct job_size *s = &o->sizes[i];

		if (s->kind == JOB_SIZE_ALIGN)
			continue;
		if (s->bytes % pi_block_size(l))
			return false;
		other |= s->bytes % l->data_size != 0;
	}
	return other;
}

/* *@automatic is set if that was chosen because not all sizes fit data alone. */
static uint32_t host_block(const struct job_opts *o, const struct pi_layout *l, bool *automatic)
{
	*automatic = false;
	if (nvme_wire(l, o->pract).data == l->data_size)
		return l->data_size;
	*automatic = o->buffer == JOB_BUFFER_AUTO && extended_only(o, l);
	return *automatic || o->buffer == JOB_BUFFER_EXTENDED ? pi_block_size(l) : l->data_size;
}

uint32_t job_host_block(const struct job_opts *o, const struct pi_layout *l)
{
	bool automatic;

	return host_block(o, l, &automatic);
}

static void configure_buffer(struct job_ns *ns, const struct job_opts *o)
{
	ns->host_block = host_block(o, &ns->info.layout, &ns->auto_extended);
	if (!(ns->host_block & (ns->host_block - 1)))
		ns->host_shift = __builtin_ctz(ns->host_block);
}

/*
 * Refuses pi_buffer=extended if there would be no metadata in the job's buffers. With pi_act=1 an
 * extended namespace may transfer none. fio's own engine accepts that as well, so that the same job
 * can run with it.
 */
static int check_buffer(const struct job_ns *ns, const struct job_opts *o, char *why)
{
	const struct pi_layout *l = &ns->info.layout;

	if (o->buffer != JOB_BUFFER_EXTENDED || l->extended)
		return 0;
	return refuse_ns(ns, why, "pi_buffer=extended: %s; leave it out",
			 l->md_size ? "metadata has a buffer of its own here" : "there is no metadata");
}

static int refuse_size(const struct job_ns *ns, const struct job_size *s, char *why)
{
	const struct pi_layout *l = &ns->info.layout;

	if (ns->wire.data == l->data_size)
		return refuse_ns(ns, why, "%s=%" PRIu64 " is not a multiple of the %u bytes of a block",
			      s->option, s->bytes, l->data_size);
	return refuse_ns(ns, why, "%s=%" PRIu64 " fits no block: give a multiple of %u (data alone, pi_buffer=data) "
		      "or of %zu (with metadata, pi_buffer=extended)", s->option, s->bytes, l->data_size,
		      pi_block_size(l));
}

static int configure_sizes(struct job_ns *ns, const struct job_opts *o, char *why)
{
	for (unsigned i = 0; i < o->nr_sizes; i++) {
		const struct job_size *s = &o->sizes[i];
		int ret;

		if (s->bytes % ns->host_block || (s->kind != JOB_SIZE_ALIGN && !s->bytes))
			return refuse_size(ns, s, why);
		ret = job_check_size(ns, o, s, why);
		if (ret)
			return ret;
	}
	return 0;
}

/* Sets what is the same in all I/Os. */
static void configure_common(struct job_ns *ns, const struct job_opts *o)
{
	struct pi_layout plain = ns->info.layout;
	struct nvme_io io = {
		.opcode = nvme_cmd_read, .pract = ns->pract, .fua = ns->readfua, .checks = ns->prchk_read,
		.tags = ns->tags,
	};

	ns->read = nvme_template(&ns->info, &io);
	io.opcode = nvme_cmd_write;
	io.fua = ns->writefua;
	io.checks = ns->prchk;
	ns->appends = o->appends;
	if (ns->appends)
		ns->prchk &= ~PI_REF;
	ns->write = ns->appends ? nvme_append_template(&ns->info, &io) : nvme_template(&ns->info, &io);
	ns->guard_alone = ns->wire.pi && (!(ns->verify & PI_REF) || plain.type == PI_TYPE3 ||
					  !pi_ref_bits(&plain));
	ns->fast_reads = !o->looks && !ns->verify_md && ns->wire.data == ns->host_block;
	ns->fast_writes = !ns->wire.md && ns->wire.data == plain.data_size;
	plain.type = PI_NONE;
	ns->tuples = pi_series_of(&ns->info.layout, &ns->tags, ns->verify);
	ns->others = pi_series_of(&ns->info.layout, &ns->tags, ns->verify & ~ns->own_only);
	ns->poison = pi_poison_of(&ns->info.layout, &ns->tags);
	ns->plain = pi_series_of(&plain, &ns->tags, 0);
}

/* --- sizes of the engine's buffers --- */

static void size_buffers(struct job_ns *ns, const struct job_opts *o)
{
	struct nvme_wire wire = job_widest_wire(ns, o);

	ns->bounce_size = wire.data == ns->host_block ? 0 : ns->max_blocks * wire.data;
	ns->md_size = ns->max_blocks * wire.md;
	if (ns->md_size && ns->md_size < o->md_per_io)
		ns->md_size = o->md_per_io;
}

int job_configure(struct job_ns *ns, const struct job_opts *o, char why[WHY_MAX])
{
	char text[WHY_MAX];
	int ret;

	if (nvme_expect(&ns->info, &o->open.format, text))
		return refuse_ns(ns, why, "not the format the job expects: %s", text);
	ns->readfua = o->readfua;
	ns->writefua = o->writefua;
	ns->deac = o->deac;
	ret = configure_protection(ns, o, why);
	if (!ret)
		ret = job_check_target(ns, o, why);
	if (ret)
		return ret;
	ret = check_buffer(ns, o, why);
	if (ret)
		return ret;
	configure_buffer(ns, o);
	if (o->fio_verify && ns->host_block != ns->info.layout.data_size)
		return refuse_ns(ns, why, "verify= can't check blocks whose metadata is in the buffer: the tuple "
			      "overwrites data of verify=; give pi_buffer=data and a multiple of %u as bs",
			      ns->info.layout.data_size);
	ret = configure_sizes(ns, o, why);
	if (!ret)
		ret = job_check_commands(ns, o, why);
	if (!ret) {
		configure_common(ns, o);
		size_buffers(ns, o);
	}
	return ret;
}

static int identify(struct job_ns *ns, char *why)
{
	struct nvme_identify id;
	char text[WHY_MAX], name[NVME_STATUS_MAX];
	int ret = nvme_identify_all(ns->target, &id);

	if (ret)
		return refuse(why, ret < 0 ? -ret : EIO, "%s: Identify failed: %s%s", ns->path,
			      nvme_result_name(ret, name),
			      ret == -EACCES || ret == -EPERM ? ": run as root" : "");
	ret = nvme_decode(&id, ns->target->nsid, &ns->info, text);
	if (target_lacks(ns->target) & TARGET_LACKS_MDTS)
		ns->info.max_transfer = 0;
	return ret ? refuse(why, -ret, "%s: %s", ns->path, text) : 0;
}

static bool put_hex(char *to, const char *name, const uint8_t *bytes, size_t nr)
{
	static const uint8_t none[16];

	if (!memcmp(bytes, none, nr))
		return false;
	to += sprintf(to, "%s ", name);
	for (size_t i = 0; i < nr; i++)
		to += sprintf(to, "%02x", bytes[i]);
	return true;
}

/* Formats text that identifies this namespace, and no other, on any host. */
static void identify_text(const struct nvme_ns_info *info, char text[64])
{
	if (!put_hex(text, "NGUID", info->nguid, sizeof(info->nguid)) &&
	    !put_hex(text, "EUI64", info->eui64, sizeof(info->eui64)))
		snprintf(text, 64, "serial number %s, namespace %u", info->serial, info->nsid);
}

/* Returns a number that identifies the namespace in every job; a copy of an image has another. */
static uint64_t id_of(const char *path, const char *identity)
{
	struct stat st;
	uint64_t id = 0;

	while (*identity)
		id = vfy_hash(id) + (uint8_t)*identity++;
	if (!stat(path, &st) && S_ISREG(st.st_mode))
		id = vfy_hash(vfy_hash(id) + st.st_ino) + st.st_dev;
	return vfy_hash(id);
}

static void show(struct job_ns *ns)
{
	ns->seen = (struct vfy_ns){
		.path = ns->path,
		.index = ns->index,
		.nr_blocks = ns->info.nr_blocks,
		.layout = ns->info.layout,
		.tags = ns->tags,
		.device_checks = ns->prchk,
		.host_checks = (ns->verify | (ns->verify_md ? VFY_METADATA : 0)) & ~ns->own_only,
		.tuples_cross = ns->wire.pi,
		.md_crosses = ns->wire.data + ns->wire.md > ns->info.layout.data_size,
	};
	identify_text(&ns->info, ns->seen.identity);
	ns->seen.id = id_of(ns->path, ns->seen.identity);
}

int job_ns_open(const struct target_ops *ops, const char *path, const struct job_opts *o,
		struct job_ns *ns, char why[WHY_MAX])
{
	struct target_open open = o->open;
	int ret = job_check_guard(why);

	if (ret)
		return ret;
	*ns = (struct job_ns){ .path = strdup(path) };
	open.path = path;
	ret = ns->path ? ops->open(&open, &ns->target, why) : refuse(why, ENOMEM, "%s: out of memory", path);
	if (ret) {
		free((void *)ns->path);
		return ret;
	}
	ret = identify(ns, why);
	if (!ret)
		ret = job_configure(ns, o, why);
	if (ret) {
		ns->target->refused = true;
		job_ns_close(ns);
	} else {
		show(ns);
	}
	return ret;
}

void job_ns_close(struct job_ns *ns)
{
	if (ns->target)
		ns->target->ops->close(ns->target);
	free((void *)ns->path);
	ns->target = NULL;
	ns->path = NULL;
}
