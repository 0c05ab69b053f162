/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * info.c - what a namespace is, and what it could be; see scan.h
 *
 * The facts are put together as JSON, and text is a walk through that.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verify/json.h"
#include "scan.h"

static void add_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, vfy_json_text(text));
}

static void add_number(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

/* 0 is null: there is no limit. */
static void add_limit(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, value ? json_object_new_uint64(value) : NULL);
}

/* The names of the bits of @bits that are set. */
struct bit {
	unsigned	bit;
	const char	*name;
};

static void add_bits(struct json_object *o, const char *name, unsigned bits, const struct bit *names,
		     unsigned nr)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < nr; i++)
		if (bits & names[i].bit)
			json_object_array_add(list, json_object_new_string(names[i].name));
	json_object_object_add(o, name, list);
}

#define ADD_BITS(o, name, bits, names) add_bits(o, name, bits, names, sizeof(names) / sizeof(names[0]))

/* --- the facts --- */

static void add_controller(struct json_object *o, const struct nvme_identify *id,
			   const struct nvme_ns_info *info)
{
	const uint32_t version = le32toh(id->ctrl.ver);
	char text[32];

	add_text(o, "model", info->model);
	add_text(o, "serial", info->serial);
	add_text(o, "firmware", info->firmware);
	snprintf(text, sizeof(text), "%u.%u", version >> 16, version >> 8 & 0xff);
	add_text(o, "nvme_version", version ? text : "below 1.2");
}

/* One LBA format that there is. */
static struct json_object *lba_format(const struct nvme_identify *id, unsigned i)
{
	const struct nvme_lbaf *f = &id->ns.lbaf[i];
	const bool extended = le32toh(id->ctrl.ctratt) & NVME_CTRL_CTRATT_ELBAS;
	const uint32_t elbaf = extended ? le32toh(id->nvm.elbaf[i]) : 0;
	const struct pi_format *guard = pi_format_of(elbaf >> 7 & 3, elbaf >> 9 & 0xf,
						     id->nvm.pic & 1 << 3);
	struct json_object *o = json_object_new_object();

	add_number(o, "index", i);
	add_number(o, "ns_lbs", 1ULL << f->ds);
	add_number(o, "ns_ms", le16toh(f->ms));
	if (guard && le16toh(f->ms) >= guard->tuple_size) {
		add_number(o, "ns_pif", guard - pi_formats);
		add_number(o, "ns_sts", elbaf & 0x7f);
		add_text(o, "guard", guard->name);
	}
	return o;
}

static void add_formats(struct json_object *o, const struct nvme_identify *id)
{
	static const struct bit types[] = { { 1, "type 1" }, { 2, "type 2" }, { 4, "type 3" } };
	static const struct bit places[] = { { 8, "first" }, { 16, "last" } };
	static const struct bit transfers[] = { { NVME_NS_MC_EXTENDED, "extended" },
						{ NVME_NS_MC_SEPARATE, "separate" } };
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < nvme_nr_lbafs(&id->ns); i++)
		if (id->ns.lbaf[i].ds && id->ns.lbaf[i].ds < 64)
			json_object_array_add(list, lba_format(id, i));
	json_object_object_add(o, "formats", list);
	ADD_BITS(o, "protection", id->ns.dpc, types);
	ADD_BITS(o, "tuple", id->ns.dpc, places);
	ADD_BITS(o, "metadata", id->ns.mc, transfers);
}

static void add_namespace(struct json_object *o, const struct nvme_identify *id,
			  const struct nvme_ns_info *info)
{
	static const char *const reads[] = { "zeroes or ones", "zeroes", "ones" };
	const unsigned how = info->dlfeat & NVME_READS_MASK;

	add_number(o, "blocks", info->nr_blocks);
	add_number(o, "bytes", info->nr_blocks * info->layout.data_size);
	if (id->ns.ncap != id->ns.nsze)
		add_number(o, "capacity_blocks", le64toh(id->ns.ncap));	/* thin */
	add_text(o, "unwritten_blocks_read_as", how < 3 ? reads[how] : reads[0]);
	json_object_object_add(o, "write_zeroes_deallocates",
			       json_object_new_boolean(info->dlfeat & NVME_DLFEAT_ZEROES));
}

static void add_commands(struct json_object *o, const struct nvme_ns_info *info)
{
	static const struct bit commands[] = {
		{ NVME_CTRL_ONCS_COMPARE, "Compare" },
		{ NVME_CTRL_ONCS_WRITE_UNCORRECTABLE, "Write Uncorrectable" },
		{ NVME_CTRL_ONCS_DSM, "Dataset Management" },
		{ NVME_CTRL_ONCS_WRITE_ZEROES, "Write Zeroes" },
		{ NVME_CTRL_ONCS_VERIFY, "Verify" },
		{ NVME_CTRL_ONCS_COPY, "Copy" },
	};

	ADD_BITS(o, "commands", info->oncs, commands);
}

/* Bytes and blocks a command, by the names of the fields. */
static void add_limits(struct json_object *o, const struct nvme_ns_info *info,
		       const struct target_ns *target)
{
	struct json_object *l = json_object_new_object();

	add_limit(l, "MDTS", info->max_transfer);
	add_limit(l, "max_hw_sectors_kb", target->max_transfer);
	add_limit(l, "VSL", info->limits.verify);
	add_limit(l, "WZSL", info->limits.zeroes);
	add_limit(l, "WUSL", info->limits.uncor);
	add_limit(l, "DMRL", info->limits.ranges);
	add_limit(l, "DMRSL", info->limits.range_blocks);
	add_limit(l, "DMSL", info->limits.trim_blocks);
	json_object_object_add(o, "limits", l);
	json_object_object_add(o, "extended_metadata_counts",
			       json_object_new_boolean(!info->limits.data_only));
}

/* Is the device @target mounted, or held by another driver?  1, 0, or -1: that can't be told. */
static int in_use(const struct target_ns *target, const char *path)
{
	return target_is_device(target->ops) ? target_in_use(path) : 0;
}

/* Of a device: may it be written, and the word of the shell that scripts/sweep asks for. */
static void add_use(struct json_object *o, const struct target_ns *target, int used,
		    const struct nvme_ns_info *info)
{
	const char *quote = info->serial[strspn(info->serial, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						"abcdefghijklmnopqrstuvwxyz0123456789-_.")] ? "'" : "";
	char word[64];

	if (!target_is_device(target->ops))
		return;
	json_object_object_add(o, "in_use", used < 0 ? NULL : json_object_new_boolean(used));
	snprintf(word, sizeof(word), "--destroy=%s%s%s", quote, info->serial, quote);
	add_text(o, "to_overwrite_it", word);
}

/* --- what a job would be refused for --- */

struct refusal {
	bool		refused;
	const char	*what;
};

static void add_refusal(struct json_object *list, const char *what)
{
	json_object_array_add(list, vfy_json_text(what));
}

/* The most data of an I/O; 0: nothing limits it. */
static void add_most(struct json_object *list, const struct nvme_ns_info *info, const struct target_ns *target)
{
	const bool splits = target_lacks(target) & TARGET_LACKS_MDTS;
	const bool kernel = target->max_transfer &&
			    (!info->max_transfer || target->max_transfer < info->max_transfer);
	const uint64_t most = kernel ? target->max_transfer : info->max_transfer;
	char text[96];

	if (!most || splits)
		return;
	snprintf(text, sizeof(text), "an I/O of more than %" PRIu64 " bytes (%s)", most,
		 kernel ? "max_hw_sectors_kb" : "MDTS");
	add_refusal(list, text);
}

/*
 * What of a job's options this namespace rules out, as job.c and job-limits.c do; @why: why no
 * job at all can drive it, or NULL.
 */
static struct json_object *refusals(const struct nvme_ns_info *info, const struct target_ns *target, int used,
				    const char *why)
{
	const struct pi_layout *l = &info->layout;
	const bool pi = l->type != PI_NONE, block = target_lacks(target);
	const struct refusal all[] = {
		{ used > 0, "every job that changes blocks: it is mounted, or held by another driver" },
		{ block && l->md_size && !target->integrity,
		  "every job: the block layer does not carry this format; /dev/ngXnY does" },
		{ block && info->zones.blocks, "every job: the block layer does not carry zones; /dev/ngXnY does" },
		{ block, "pi_act=1, readfua, hipri, num_range above 1, every write_mode but write, "
		  "verify_mode=compare, fdp, dataplacement, apptag_mask with pi_chk: the block layer does not carry "
		  "them; /dev/ngXnY does" },
		{ block && l->type == PI_TYPE2, "pi_ref: the block layer does not carry it; /dev/ngXnY does" },
		{ !pi, "pi_verify, pi_ref, pi_storage_tag, pi_escape: it has no protection information" },
		{ pi && l->type == PI_TYPE1, "pi_ref: the reference tag of type 1 is the LBA" },
		{ pi && l->type == PI_TYPE3, "pi_chk=REFTAG, pi_verify=REFTAG: type 3 does not check it" },
		{ pi && !l->sts, "pi_storage_tag, pi_chk=STTAG, pi_verify=STTAG: it has no storage tag" },
		{ pi && l->sts && !(info->storage_mask & pi_ones(l->sts)),
		  "pi_chk=STTAG, pi_verify=STTAG: the controller compares no bit of the storage tag (LBSTM)" },
		{ !l->extended, "pi_buffer=extended: it is not formatted so" },
		{ !(info->oncs & NVME_CTRL_ONCS_DSM), "rw=trim: no Dataset Management" },
		{ !(info->oncs & NVME_CTRL_ONCS_WRITE_ZEROES), "write_mode=zeroes: no Write Zeroes" },
		{ !(info->oncs & NVME_CTRL_ONCS_WRITE_UNCORRECTABLE), "write_mode=uncor: no Write Uncorrectable" },
		{ !(info->oncs & NVME_CTRL_ONCS_VERIFY), "write_mode=verify: no Verify" },
		{ !(info->oncs & NVME_CTRL_ONCS_COMPARE), "verify_mode=compare: no Compare" },
	};
	struct json_object *list = json_object_new_array();

	if (why) {
		add_refusal(list, "every job: it can't be driven");
		return list;
	}
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].refused)
			add_refusal(list, all[i].what);
	add_most(list, info, target);
	return list;
}

/* Zoned: sizes are those of data. */
static struct json_object *zones(const struct nvme_ns_info *info)
{
	const struct nvme_zones *z = &info->zones;
	struct json_object *o = json_object_new_object();

	add_number(o, "number", info->nr_blocks / z->blocks);
	add_number(o, "blocks", z->blocks);
	add_number(o, "max_open", z->max_open);
	add_number(o, "max_active", z->max_active);
	add_number(o, "zasl", z->append);
	add_number(o, "reads_cross", z->cross);
	return o;
}

/* Placement handles, of which only the drive knows; NULL: it does not tell. */
static struct json_object *handles(struct target_ns *target)
{
	enum { ROOM = 128 };
	const uint32_t size = sizeof(struct nvme_fdp_ruh_status) + ROOM * sizeof(struct nvme_fdp_ruh_status_desc);
	struct nvme_fdp_ruh_status *status = calloc(1, size);
	struct json_object *list = NULL;

	if (!status || nvme_handle_status(target, status, size)) {
		free(status);
		return NULL;
	}
	list = json_object_new_array();
	for (unsigned i = 0; i < le16toh(status->nruhsd) && i < ROOM; i++) {
		const struct nvme_fdp_ruh_status_desc *d = &status->ruhss[i];
		struct json_object *o = json_object_new_object();

		add_number(o, "pid", le16toh(d->pid));
		add_number(o, "ruhid", le16toh(d->ruhid));
		add_number(o, "blocks_left", le64toh(d->ruamw));
		json_object_array_add(list, o);
	}
	free(status);
	return list;
}

struct json_object *scan_info(struct target_ns *target, const char *path, const struct nvme_identify *id)
{
	struct json_object *o = json_object_new_object();
	char why[WHY_MAX], format[NVME_FORMAT_MAX];
	struct nvme_ns_info info;
	const int ret = nvme_decode(id, target->nsid, &info, why);
	const int used = in_use(target, path);

	add_number(o, "version", 1);
	add_text(o, "path", path);
	add_text(o, "target", target->ops->name);
	add_controller(o, id, &info);
	add_number(o, "nsid", target->nsid);
	add_text(o, "command_set", info.csi == NVME_CSI_NVM ? "NVM" :
				   info.csi == NVME_CSI_ZNS ? "Zoned Namespace" : "another");
	add_text(o, "format", ret ? "can't be driven" : nvme_format_name(&info, format));
	if (ret || info.remark)
		add_text(o, "remark", ret ? why : info.remark);
	if (!ret)
		add_number(o, "lba_format", info.lbaf);
	if (!ret)
		add_namespace(o, id, &info);
	if (!ret && info.zones.blocks)
		json_object_object_add(o, "zones", zones(&info));
	if (!ret && le32toh(id->ctrl.ctratt) & NVME_CTRL_CTRATT_FDPS)
		json_object_object_add(o, "placement_handles", handles(target));
	add_formats(o, id);
	add_commands(o, &info);
	add_limits(o, &info, target);
	json_object_object_add(o, "a_job_is_refused_for", refusals(&info, target, used, ret ? why : NULL));
	add_use(o, target, used, &info);
	return o;
}

/* --- as text --- */

/* A name of JSON in words. */
static void put_name(const char *name, int width)
{
	for (; *name; name++, width--)
		putchar(*name == '_' ? ' ' : *name);
	printf("%*s", width > 0 ? width : 0, "");
}

static void put_value(struct json_object *v)
{
	if (!v)
		fputs("not told", stdout);
	else if (json_object_is_type(v, json_type_boolean))
		fputs(json_object_get_boolean(v) ? "yes" : "no", stdout);
	else
		fputs(json_object_get_string(v), stdout);
}

static void put_list(struct json_object *list)
{
	const size_t nr = json_object_array_length(list);

	for (size_t i = 0; i < nr; i++)
		printf("%s%s", i ? ", " : "", json_object_get_string(json_object_array_get_idx(list, i)));
	puts(nr ? "" : "none");
}

static void put_limits(struct json_object *limits)
{
	const char *between = "";

	json_object_object_foreach(limits, name, value) {
		const char *unit = !strcmp(name, "DMRL") ? "ranges" : *name == 'D' ? "blocks" : "bytes";

		if (value)
			printf("%s%s %s %s", between, name, json_object_get_string(value), unit);
		else
			printf("%s%s none", between, name);
		between = ", ";
	}
	putchar('\n');
}

/* A line for each. */
static void put_lines(struct json_object *list)
{
	putchar('\n');
	for (size_t i = 0; i < json_object_array_length(list); i++)
		printf("  %s\n", json_object_get_string(json_object_array_get_idx(list, i)));
}

static uint64_t number_of(struct json_object *o, const char *name)
{
	return json_object_get_uint64(json_object_object_get(o, name));
}

/* A line for each, as the options of the engine name them. */
static void put_formats(struct json_object *list, struct json_object *now)
{
	putchar('\n');
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *f = json_object_array_get_idx(list, i);
		struct json_object *guard = json_object_object_get(f, "guard");
		const bool used = now && number_of(f, "index") == json_object_get_uint64(now);

		printf("  %s%2" PRIu64 "  %" PRIu64 "+%" PRIu64, used ? "*" : " ", number_of(f, "index"),
		       number_of(f, "ns_lbs"), number_of(f, "ns_ms"));
		if (guard)
			printf("  %s", json_object_get_string(guard));
		if (guard && number_of(f, "ns_sts"))
			printf(", storage tag of %" PRIu64 " bits", number_of(f, "ns_sts"));
		putchar('\n');
	}
}

static void put_handles(struct json_object *list)
{
	const size_t nr = json_object_array_length(list);

	printf("%zu%s", nr, nr ? "; identifier (blocks left of its reclaim unit): " : "");
	for (size_t i = 0; i < nr; i++) {
		struct json_object *h = json_object_array_get_idx(list, i);

		printf("%s%" PRIu64 " (%" PRIu64 ")", i ? ", " : "", number_of(h, "pid"), number_of(h, "blocks_left"));
	}
	putchar('\n');
}

static void put_zones(struct json_object *z)
{
	printf("%" PRIu64 " of %" PRIu64 " blocks, open at most ", number_of(z, "number"), number_of(z, "blocks"));
	if (number_of(z, "max_open"))
		printf("%" PRIu64, number_of(z, "max_open"));
	else
		fputs("all", stdout);
	if (number_of(z, "max_active"))
		printf(", active at most %" PRIu64, number_of(z, "max_active"));
	if (number_of(z, "zasl"))
		printf(", Zone Append of at most %" PRIu64 " bytes", number_of(z, "zasl"));
	puts(number_of(z, "reads_cross") ? "; reads may cross their ends" : "; reads may not cross their ends");
}

void scan_info_text(struct json_object *info)
{
	const int width = 26;

	json_object_object_foreach(info, name, value) {
		if (!strcmp(name, "version") || !strcmp(name, "lba_format"))
			continue;
		put_name(name, strcmp(name, "formats") && strcmp(name, "a_job_is_refused_for") ? width : 0);
		if (!strcmp(name, "formats")) {
			put_formats(value, json_object_object_get(info, "lba_format"));
		} else if (!strcmp(name, "a_job_is_refused_for")) {
			put_lines(value);
		} else if (!strcmp(name, "placement_handles") && value) {
			put_handles(value);
		} else if (json_object_is_type(value, json_type_array)) {
			put_list(value);
		} else if (!strcmp(name, "zones")) {
			put_zones(value);
		} else if (json_object_is_type(value, json_type_object)) {
			put_limits(value);
		} else {
			put_value(value);
			putchar('\n');
		}
	}
}
