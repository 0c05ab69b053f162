// SPDX-License-Identifier: GPL-2.0-only
/*
 * defect-identify.c - defects: Identify says what the controller does not do, or not what it does;
 * see defect.h.  In these rows .q is the CNS, and .p and .at are the parameters.
 */
#include <endian.h>
#include <stddef.h>
#include <string.h>
#include "defect-parts.h"

#define PAGE(name) static void name(const struct ctl_defects *all, const struct ctl_image *img, \
				    const struct ctl_defect *d, unsigned cns, uint8_t *page)

/* --- one field, at offset @p --- */

PAGE(set_byte)
{
	(void)all, (void)img, (void)cns;
	page[d->p] = d->at;
}

PAGE(clear_byte_bits)
{
	(void)all, (void)img, (void)cns;
	page[d->p] &= ~d->at;
}

PAGE(flip_byte_bits)
{
	(void)all, (void)img, (void)cns;
	page[d->p] ^= d->at;
}

PAGE(add_to_byte)
{
	(void)all, (void)img, (void)cns;
	page[d->p] += d->at;
}

PAGE(add_to_u64)
{
	uint64_t v;

	(void)all, (void)img, (void)cns;
	memcpy(&v, page + d->p, sizeof(v));
	v = htole64(le64toh(v) + d->at);
	memcpy(page + d->p, &v, sizeof(v));
}

PAGE(double_u16)
{
	uint16_t v;

	(void)all, (void)img, (void)cns;
	memcpy(&v, page + d->p, sizeof(v));
	v = htole16(2 * le16toh(v));
	memcpy(page + d->p, &v, sizeof(v));
}

PAGE(swap_u16)
{
	const uint8_t low = page[d->p];

	(void)all, (void)img, (void)cns;
	page[d->p] = page[d->p + 1];
	page[d->p + 1] = low;
}

PAGE(clear_page)
{
	(void)all, (void)img, (void)cns;
	memset(page + d->p, 0, NVME_IDENTIFY_DATA_SIZE - d->p);
}

/* --- the LBA formats --- */

static uint8_t *lbaf_of(uint8_t *page, unsigned index)
{
	return page + offsetof(struct nvme_id_ns, lbaf) + index * sizeof(struct nvme_lbaf);
}

/* Metadata size (@p 0), or data size (@p 2), of the format in use is another. */
PAGE(other_lbaf)
{
	(void)all, (void)cns;
	lbaf_of(page, ctl_lbaf_current(img))[d->p] += d->at;
}

/* The index of the format in use is another, @at further. */
PAGE(other_index)
{
	const unsigned index = (ctl_lbaf_current(img) + d->at) % (page[offsetof(struct nvme_id_ns, nlbaf)] + 1);
	uint8_t *flbas = page + offsetof(struct nvme_id_ns, flbas);

	(void)all, (void)cns;
	*flbas = (*flbas & 0x10) | (index & 0xf) | (index >> 4 & 3) << 5;
}

/* Bits of ELBAF of the format in use are changed: storage tag size, guard. */
PAGE(other_elbaf)
{
	uint8_t *elbaf = page + offsetof(struct nvme_nvm_id_ns, elbaf) + 4 * ctl_lbaf_current(img);
	uint32_t v;

	(void)all, (void)cns;
	memcpy(&v, elbaf, sizeof(v));
	v = d->p ? htole32((le32toh(v) & ~d->p) | ((le32toh(v) + d->at) & d->p)) : 0;
	memcpy(elbaf, &v, sizeof(v));
}

/* The mask of storage tags is one bit (or @p bits) shorter than these. */
PAGE(other_lbstm)
{
	const unsigned bits = img->media.sts > d->p ? img->media.sts - d->p : 0;
	const uint64_t v = htole64(pi_ones(bits));

	(void)all, (void)cns;
	memcpy(page, &v, sizeof(v));
}

/* The page is that of the first Identify, whatever Format NVM did since. */
PAGE(stale)
{
	(void)img, (void)d, (void)cns;
	memcpy(page, all->page, sizeof(all->page));
}

/* DPS is that of the first Identify. */
PAGE(stale_dps)
{
	(void)img, (void)d, (void)cns;
	page[offsetof(struct nvme_id_ns, dps)] = all->page[offsetof(struct nvme_id_ns, dps)];
}

#define OF_NS(field) .p = offsetof(struct nvme_id_ns, field), .q = 0
#define OF_CTRL(field) .p = offsetof(struct nvme_id_ctrl, field), .q = 1
#define OF_NVM(field) .p = offsetof(struct nvme_nvm_id_ns, field), .q = 5
#define OF_LIMIT(field) .p = offsetof(struct nvme_id_ctrl_nvm, field), .q = 6
#define ID(name, what, fn) name, what, .page = fn
#define RECOMMENDED "where ONCS has the command this limit is a recommendation"

static const struct ctl_defect rows[] = {
	{ ID("id-nsze-plus-one", "NSZE is one block too large", add_to_u64), OF_NS(nsze), .at = 1 },
	{ ID("id-nsze-minus-one", "NSZE is one block too small", add_to_u64), OF_NS(nsze), .at = -1ull },
	{ ID("id-ncap-above-nsze", "NCAP is larger than NSZE", add_to_u64), OF_NS(ncap), .at = 64 },
	{ ID("id-nuse-above-ncap", "NUSE is larger than NCAP", add_to_u64), OF_NS(nuse), .at = 64 },
	{ ID("id-dpc-without-type-1", "DPC denies type 1", clear_byte_bits), OF_NS(dpc), .at = 1,
	  .on = ON_TYPE1 },
	{ ID("id-dpc-without-type-2", "DPC denies type 2", clear_byte_bits), OF_NS(dpc), .at = 2,
	  .on = ON_TYPE2 },
	{ ID("id-dpc-without-type-3", "DPC denies type 3", clear_byte_bits), OF_NS(dpc), .at = 4,
	  .on = ON_TYPE3 },
	{ ID("id-dpc-without-first", "DPC denies tuples that are first", clear_byte_bits), OF_NS(dpc),
	  .at = 8, .on = ON_FIRST },
	{ ID("id-dpc-without-last", "DPC denies tuples that are last", clear_byte_bits), OF_NS(dpc),
	  .at = 16, .on = ON_LAST },
	{ ID("id-mc-without-extended", "MC denies extended blocks", clear_byte_bits), OF_NS(mc), .at = 1,
	  .on = ON_EXTENDED },
	{ ID("id-mc-without-separate", "MC denies separate metadata", clear_byte_bits), OF_NS(mc), .at = 2,
	  .on = ON_SEPARATE },
	{ ID("id-dps-type", "DPS names another type", flip_byte_bits), OF_NS(dps), .at = 1, .on = ON_PI },
	{ ID("id-dps-first", "DPS names the other end of the metadata", flip_byte_bits), OF_NS(dps),
	  .at = 8, .on = ON_PI },
	{ ID("id-dps-none", "DPS says that there is no protection", set_byte), OF_NS(dps), .at = 0,
	  .on = ON_PI },
	{ ID("id-flbas-extended", "FLBAS names the other way to transfer metadata", flip_byte_bits),
	  OF_NS(flbas), .at = 16, .on = ON_MD },
	{ ID("id-flbas-index", "FLBAS names another LBA format than the one in use", other_index),
	  .q = 0, .at = 1 },
	{ ID("id-nlbaf-more", "NLBAF counts formats that do not exist", add_to_byte), OF_NS(nlbaf), .at = 2 },
	{ ID("id-nlbaf-fewer", "NLBAF leaves out all formats but the first", set_byte), OF_NS(nlbaf),
	  .at = 0 },
	{ ID("id-lbaf-metadata", "the LBA format in use has a wrong metadata size", other_lbaf), .p = 0,
	  .q = 0, .at = 8 },
	{ ID("id-lbaf-data", "the LBA format in use has a wrong data size", other_lbaf), .p = 2, .q = 0,
	  .at = 1 },
	{ ID("id-dlfeat-ones", "DLFEAT says that deallocated blocks read as FFh", set_byte), OF_NS(dlfeat),
	  .at = 0x0a },
	{ ID("id-dlfeat-guard", "DLFEAT says that deallocated blocks have a guard of their data",
	     flip_byte_bits), OF_NS(dlfeat), .at = 0x10, .on = ON_PI },
	{ ID("id-mssrl-byte-order", "MSSRL is big-endian", swap_u16), OF_NS(mssrl) },
	{ ID("id-mssrl-too-large", "MSSRL is twice what Copy accepts", double_u16), OF_NS(mssrl) },
	{ ID("id-mcl-too-large", "MCL is twice what Copy accepts", double_u16), OF_NS(mcl) },
	{ ID("id-msrc-too-large", "MSRC allows one range more than Copy accepts", add_to_byte), OF_NS(msrc),
	  .at = 1, .excuse = "so many ranges would exceed MCL" },
	{ ID("id-stale", "after Format NVM, Identify still describes the former format", stale), .q = 0 },
	{ ID("id-stale-dps", "after Format NVM, DPS is still the former one", stale_dps), .q = 0 },
	{ ID("id-mdts-double", "MDTS is twice what is accepted", add_to_byte), OF_CTRL(mdts), .at = 1 },
	{ ID("id-mdts-half", "MDTS is half of what is accepted", add_to_byte), OF_CTRL(mdts), .at = 0xff },
	{ ID("id-mdts-none", "MDTS says that there is no limit", set_byte), OF_CTRL(mdts), .at = 0 },
	{ ID("id-oncs-without-compare", "ONCS denies Compare", clear_byte_bits), OF_CTRL(oncs), .at = 1 },
	{ ID("id-oncs-without-uncor", "ONCS denies Write Uncorrectable", clear_byte_bits), OF_CTRL(oncs),
	  .at = 2 },
	{ ID("id-oncs-without-zeroes", "ONCS denies Write Zeroes", clear_byte_bits), OF_CTRL(oncs), .at = 8 },
	{ ID("id-oncs-without-verify", "ONCS denies Verify", clear_byte_bits), OF_CTRL(oncs), .at = 128 },
	{ ID("id-oncs-save", "ONCS says that features can be saved", flip_byte_bits), OF_CTRL(oncs),
	  .at = 16 },
	{ ID("id-oncs-timestamp", "ONCS claims the Timestamp feature", flip_byte_bits), OF_CTRL(oncs),
	  .at = 64 },
	{ ID("id-oncs-reservations", "ONCS claims reservations", flip_byte_bits), OF_CTRL(oncs), .at = 32 },
	{ ID("id-oncs-byte-order", "ONCS is big-endian", swap_u16), OF_CTRL(oncs) },
	{ ID("id-ocfs-without-0", "OCFS denies Copy Descriptor Format 0h", clear_byte_bits), OF_CTRL(ocfs),
	  .at = 1 },
	{ ID("id-ocfs-format-4", "OCFS claims Copy Descriptor Format 4h", flip_byte_bits), OF_CTRL(ocfs),
	  .at = 16 },
	{ ID("id-elbas-clear", "CTRATT.ELBAS is clear although there are extended LBA formats",
	     flip_byte_bits), .p = offsetof(struct nvme_id_ctrl, ctratt) + 1, .q = 1, .at = 0x80,
	  .on = ON_ELBAF },
	{ ID("id-mem-set", "CTRATT.MEM says that MDTS does not count metadata", flip_byte_bits),
	  .p = offsetof(struct nvme_id_ctrl, ctratt) + 2, .q = 1, .at = 1, .on = ON_EXTENDED },
	{ ID("id-fuse-claimed", "FUSES claims the fused Compare and Write", set_byte), OF_CTRL(fuses),
	  .at = 1, .excuse = "the kernel carries no fused commands" },
	{ ID("id-elbaf-sts-more", "the storage tag size of the format in use is one too large",
	     other_elbaf), .p = 0x7f, .q = 5, .at = 1, .on = ON_PI },
	{ ID("id-elbaf-sts-fewer", "the storage tag size of the format in use is one too small",
	     other_elbaf), .p = 0x7f, .q = 5, .at = 0x7f, .on = ON_PI },
	{ ID("id-elbaf-guard", "the guard format of the format in use is another", other_elbaf),
	  .p = 0x180, .q = 5, .at = 0x80, .on = ON_PI },
	{ ID("id-elbaf-zero", "ELBAF of the format in use is 0", other_elbaf), .p = 0, .q = 5,
	  .on = ON_ELBAF },
	{ ID("id-lbstm-short", "LBSTM is one bit shorter than the storage tag", other_lbstm), .p = 1,
	  .q = 5, .min_sts = 1 },
	{ ID("id-lbstm-zero", "LBSTM is 0 although storage tags are compared", other_lbstm), .p = 64,
	  .q = 5, .min_sts = 1 },
	{ ID("id-pic-16b-storage", "PIC denies storage tags with a 16b guard", clear_byte_bits), OF_NVM(pic),
	  .at = 1, .on = ON_PI | ON_GUARD_16, .min_sts = 1 },
	{ ID("id-pic-mask", "PIC denies masks of storage tags with a 16b guard", clear_byte_bits), OF_NVM(pic),
	  .at = 2, .min_sts = 1,
	  .excuse = "LBSTM masks nothing here" },
	{ ID("id-pic-read-check", "PIC denies the check of storage tags by Read", clear_byte_bits),
	  OF_NVM(pic), .at = 4, .min_sts = 1 },
	{ ID("id-nvm-empty", "the NVM Command Set's Identify Namespace is empty", clear_page), .p = 0,
	  .q = 5, .on = ON_ELBAF },
	{ ID("id-vsl", "VSL limits Verify to 4 KiB, which is not so", set_byte), OF_LIMIT(vsl), .at = 1,
	  .excuse = RECOMMENDED },
	{ ID("id-wzsl", "WZSL limits Write Zeroes to 4 KiB, which is not so", set_byte), OF_LIMIT(wzsl),
	  .at = 1,
	  .excuse = RECOMMENDED },
	{ ID("id-wusl", "WUSL limits Write Uncorrectable to 4 KiB, which is not so", set_byte),
	  OF_LIMIT(wusl), .at = 1,
	  .excuse = RECOMMENDED },
	{ ID("id-dmrl", "DMRL limits Dataset Management to one range, which is not so", set_byte),
	  OF_LIMIT(dmrl), .at = 1 },
};

const struct ctl_defect_table ctl_defects_identify = { rows, sizeof(rows) / sizeof(rows[0]) };
