// SPDX-License-Identifier: GPL-2.0-only
/* admin.c - the admin commands: Identify, Get and Set Features, Format NVM; see io.h */
#include <errno.h>
#include <string.h>
#include "io.h"
#include "image.h"

static int do_identify(const struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	_Alignas(8) uint8_t page[NVME_IDENTIFY_DATA_SIZE];	/* the host's may be unaligned */
	int ret;

	if (!cmd->addr || cmd->data_len < sizeof(page))
		return -EFAULT;
	ret = ctl_identify(img, cmd, page);
	if (!ret)
		memcpy((void *)(uintptr_t)cmd->addr, page, sizeof(page));
	return ret;
}

/* Spec: Format NVM command: a 32b or 64b guard, or a storage tag; LBAFEE enables them. */
static bool is_extended(const struct ns_format *ns)
{
	return ns->pif || ns->sts;
}

/* May the namespace be formatted to LBA format @index (@ns)?  Storage tag sizes cannot change. */
static bool format_allowed(const struct ctl_image *img, unsigned index, const struct ns_format *ns)
{
	const struct ns_format *now = &img->format.ns;

	if (!img->behavior[CTL_LBAFEE] && (is_extended(ns) || (now->pi && is_extended(now))))
		return false;
	return !ns->sts || index == ctl_lbaf_current(img);
}

/*
 * CDW10: LBAF index [3:0] and [13:12], MSET 4, PI [7:5], PIL 8, SES [11:9].
 * Base: Format NVM command.
 */
static int do_format(struct ctl_image *img, const struct nvme_uring_cmd *cmd)
{
	const unsigned index = (cmd->cdw10 & 0xf) | (cmd->cdw10 >> 12 & 3) << 4;
	const unsigned type = cmd->cdw10 >> 5 & 7, erase = cmd->cdw10 >> 9 & 7;
	struct ns_format ns;
	int ret;

	if (cmd->nsid != 1 && cmd->nsid != NVME_NSID_ALL)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (img->zones || !ctl_lbaf(img, index, &ns))
		return CTL_ST_INVALID_FORMAT | NVME_ST_DNR;
	if (!format_allowed(img, index, &ns))
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (type && (unsigned)ns.ms < pi_formats[ns.pif].tuple_size)
		return CTL_ST_INVALID_FORMAT | NVME_ST_DNR;
	if (type > PI_TYPE3 || erase > 1)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	ns.mset = ns.ms ? cmd->cdw10 >> 4 & 1 : 0;
	ns.pi = type;
	ns.pil = type ? cmd->cdw10 >> 8 & 1 : 0;
	ret = ctl_image_reformat(img, &ns);
	return ret == -EBUSY ? CTL_ST_DENIED : ret;
}

/* The Copy Descriptor Formats that must be enabled: 2h and 3h; no others exist. */
#define NEED_ENABLING 0x000c

/* Only LBAFEE and CDFE have an effect; the other bytes are stored for Get Features. */
static int set_behavior(struct ctl_image *img, const uint8_t *page)
{
	if (page[CTL_LBAFEE] > 1 || page[CTL_CDFE] & ~NEED_ENABLING || page[CTL_CDFE + 1])
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	memcpy(img->behavior, page, CTL_BEHAVIOR_SIZE);
	return 0;
}

/* Spec: Error Recovery: DULBE 16, TLER [15:0], which has no effect. */
#define RECOVERY_BITS 0x1ffff

static int do_recovery(struct ctl_image *img, struct nvme_uring_cmd *cmd)
{
	if (cmd->nsid != 1 && cmd->nsid != NVME_NSID_ALL)
		return CTL_ST_INVALID_NS | NVME_ST_DNR;
	if (cmd->opcode == nvme_admin_set_features)
		img->recovery = cmd->cdw11 & RECOVERY_BITS;
	else
		cmd->rsvd2 = img->recovery;
	return 0;
}

/* CDW10: Feature Identifier [7:0], Save 31. Base: Get Features and Set Features commands. */
static int do_features(struct ctl_image *img, struct nvme_uring_cmd *cmd)
{
	const bool set = cmd->opcode == nvme_admin_set_features;
	const unsigned feature = cmd->cdw10 & 0xff;
	uint8_t *page = (uint8_t *)(uintptr_t)cmd->addr;

	if (feature != NVME_FEAT_FID_HOST_BEHAVIOR && feature != NVME_FEAT_FID_ERR_RECOVERY)
		return CTL_ST_INVALID_FIELD | NVME_ST_DNR;
	if (set && cmd->cdw10 >> 31)
		return CTL_ST_NOT_SAVEABLE | NVME_ST_DNR;
	if (feature == NVME_FEAT_FID_ERR_RECOVERY)
		return do_recovery(img, cmd);
	if (!page || cmd->data_len < CTL_BEHAVIOR_SIZE)
		return -EFAULT;
	if (set)
		return set_behavior(img, page);
	memcpy(page, img->behavior, CTL_BEHAVIOR_SIZE);
	return 0;
}

int ctl_admin(struct ctl_image *img, struct nvme_uring_cmd *cmd, bool may_write)
{
	if (cmd->flags)
		return -EINVAL;
	switch (cmd->opcode) {
	case nvme_admin_identify:
		return do_identify(img, cmd);
	case nvme_admin_get_features:
	case nvme_admin_set_features:
		return do_features(img, cmd);
	case nvme_admin_format_nvm:
		return may_write ? do_format(img, cmd) : -EACCES;
	default:
		return CTL_ST_INVALID_OPCODE | NVME_ST_DNR;
	}
}
