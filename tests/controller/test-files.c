// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-files.c - the files of the embedded controller: which images are opened or refused, and
 * which space they allocate and release
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/lib/controller-image.h"
#include "model.h"

enum { ANY = -1 };

/* Return true if an open failed with one line that contains @words. */
static bool refused(int ret, const char *words)
{
	return ret < 0 && strstr(why, words) && !strchr(why, '\n');
}

/* --- which images are opened or refused --- */

static void write_file(const char *name, const char *text)
{
	FILE *out = fopen(in_folder(name), "w");

	fputs(text, out);
	fclose(out);
}

#define TITLE "nvmepi image format 1\n"
#define LINES "blocks 256\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 0\nsts 0\n"

static void sidecar(void)
{
	static const struct { const char *text, *words; } cases[] = {
		{ "", "line 1" }, { "MZ\x90", "line 1" },
		{ "nvmepi image format 5\n", "newer" },
		{ "nvmepi image format 3\nid 7\n" LINES, "missing" },
		{ TITLE "blocks 256\n", "missing" },
		{ TITLE LINES "sts 0\n", "line 10" }, { TITLE LINES "colour 3\n", "line 10" },
		{ TITLE "blocks 256\nlbs 4k\n", "line 3" },
		{ TITLE "blocks 256\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 1\nsts 0\n",
		  "smaller than the tuple" },
		{ TITLE "blocks 256\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 0\nsts 272\n",
		  "ns_sts=272, at most 64" },
		{ TITLE "blocks 256\nlbs 4096\nms 8\nmset 2\npi 1\npil 0\npif 0\nsts 0\n",
		  "ns_mset=2, at most 1" },
		{ TITLE "blocks 256\nlbs 4096\nms 8\nmset 0\npi 1\npil 2\npif 0\nsts 0\n",
		  "ns_pil=2, at most 1" },
		{ TITLE "blocks 255\nlbs 4096\nms 8\nmset 0\npi 1\npil 0\npif 0\nsts 0\n",
		  "hold 256 blocks" },
		{ TITLE "blocks 256\nlbs 4096\nms 16\nmset 0\npi 1\npil 0\npif 0\nsts 0\n",
		  "hold 255 blocks" },
	};
	struct target_ns *ns;

	write_file("side.img", "");
	UNIT_CHECK(!truncate(in_folder("side.img"), 256 * 4104), "truncate");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		write_file("side.img.format", cases[i].text);
		UNIT_CHECK(refused(try_open(&ns, "side.img", &any_format, 0, true), cases[i].words),
			   "case %u: \"%s\"", i, why);
		UNIT_CHECK(access(in_folder("side.img.state"), F_OK), "case %u left a state", i);
	}
	write_file("side.img.format", TITLE "# a remark\n\n" LINES);
	ns = must_open("side.img", &any_format, 0);
	controller_target.close(ns);
	UNIT_CHECK(!truncate(in_folder("side.img"), 256 * 4104 - 1), "truncate");
	UNIT_CHECK(refused(try_open(&ns, "side.img", &any_format, 0, true), "cut short"), "\"%s\"",
		   why);
	remove_image("side.img");
}

static void refusals(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0), other = F(512, ANY, ANY, ANY, ANY,
									ANY, ANY),
			       none = F(4096, 4, 0, 1, 0, 0, 0), type = F(4096, 8, 0, 4, 0, 0, 0),
			       guard = F(4096, 8, 0, 1, 0, 3, 0);
	struct target_ns *ns;

	mkdir(in_folder("folder"), 0777);
	UNIT_CHECK(refused(try_open(&ns, "folder", &f, 1 << 20, true), "is a folder"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "nowhere/x.img", &f, 1 << 20, true), "no such folder"),
		   "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 0, true), "is the name right?"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &any_format, 1 << 20, true), "ns_lbs="), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 1 << 20, false), "that writes"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 5000, true), "size=5000"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 1ULL << 63, true), "size="), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &none, 1 << 20, true), "smaller"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &type, 1 << 20, true), "ns_pi=4"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &guard, 1 << 20, true), "ns_pif=3"), "\"%s\"",
		   why);
	UNIT_CHECK(access(in_folder("x.img"), F_OK) && access(in_folder("x.img.format"), F_OK) &&
		   access(in_folder("x.img.state"), F_OK), "a refused image left files");
	ns = must_open("x.img", &f, 1 << 20);
	controller_target.close(ns);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &other, 0, true), "ns_lbs=512"), "\"%s\"", why);
	UNIT_CHECK(refused(try_open(&ns, "x.img", &f, 2 << 20, true), "size=2097152"), "\"%s\"",
		   why);
	remove_image("x.img");
}

/* In a format without tuples, the fields of the tuple are ignored. */
static void no_tuple(void)
{
	const struct ns_format f = F(4096, 16, 0, 0, 1, 2, 16), other = F(ANY, ANY, ANY, 0, 0, 1, 32),
			       large = F(4096, 16, 0, 0, 0, 0, 272);
	struct target_ns *ns = must_open("x.img", &f, 1 << 20);
	struct nvme_identify id;
	struct nvme_ns_info info;

	UNIT_CHECK(!nvme_identify_all(ns, &id) && !nvme_decode(&id, 1, &info, why) &&
		   !nvme_expect(&info, &f, why) && !nvme_expect(&info, &other, why), "%s", why);
	controller_target.close(ns);
	controller_target.close(must_open("x.img", &other, 0));
	UNIT_CHECK(refused(try_open(&ns, "y.img", &large, 1 << 20, true), "ns_sts=272"), "\"%s\"",
		   why);
	remove_image("x.img");
}

/* A job that only reads must not write, even if the file permits it. */
static void read_only(void)
{
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);
	static uint8_t data[512];
	struct target_ns *ns = must_open("ro.img", &f, 1 << 20);

	controller_target.close(ns);
	UNIT_CHECK(!try_open(&ns, "ro.img", &any_format, 0, false), "open: %s", why);
	UNIT_CHECK(run(ns, rw(1, 0, 1, data, 512)) == -EACCES, "a write is done");
	UNIT_CHECK(!run(ns, rw(2, 0, 1, data, 512)), "a read is not");
	controller_target.close(ns);
	remove_image("ro.img");
}

/* Permissions do not apply to root, so a child runs as nobody. */
static void no_permission(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[512], md[8];
	struct nvme_uring_cmd cmd = rw(1, 3, 1, data, 512);
	struct target_ns *ns = must_open("perm.img", &f, 1 << 20);
	int status;

	memset(data, 9, sizeof(data));
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	UNIT_CHECK(!run(ns, cmd), "write");
	controller_target.close(ns);
	chmod(in_folder("perm.img"), 0444);
	chmod(in_folder("perm.img.state"), 0400);
	if (!fork()) {
		bool bad;

		if (geteuid() == 0 && (chmod(folder, 0755) || setuid(65534)))
			_exit(9);
		if (!refused(try_open(&ns, "perm.img", &any_format, 0, true), "ermission denied"))
			_exit(1);
		if (try_open(&ns, "perm.img", &any_format, 0, false))
			_exit(2);
		data[0] = 0;
		cmd.opcode = 2;
		bad = run(ns, cmd) || data[0] != 9;
		cmd.cdw10 = 4;
		_exit(bad || run(ns, cmd) || data[0] || md[0] != 0xff ? 3 : 0);
	}
	wait(&status);
	UNIT_CHECK(status == 0, "step %d fails", WEXITSTATUS(status));
	remove_image("perm.img");
}

static void names(void)
{
	static const char *const all[] = { "a:b.img", "with blank.img", ".img", "-x",
					  "\xc3\xa4.img" };
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct target_ns *ns = must_open(all[i], &f, 1 << 20);

		controller_target.close(ns);
		UNIT_CHECK(!access(in_folder(all[i]), R_OK), "\"%s\" is not there", all[i]);
		remove_image(all[i]);
	}
}

/* An image of another controller can be opened only if its format is given. */
static void bare_image(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, ANY), part = F(4096, 8, 0, 1, ANY, ANY,
									 ANY);
	const struct oracle_format of = { .type = 1, .data_size = 4096, .md_size = 8 };
	const struct oracle_tuple t = { { [ORACLE_APP] = 7, [ORACLE_REF] = 5 } };
	static uint8_t data[4096], md[8];
	struct nvme_uring_cmd cmd = rw(2, 5, 1, data, 4096);
	struct target_ns *ns;
	int fd = open(in_folder("bare.img"), O_RDWR | O_CREAT, 0666);

	memset(data, 0x42, sizeof(data));
	oracle_generate(&of, data, md, &t);
	UNIT_CHECK(!ftruncate(fd, 100 * 4104) && pwrite(fd, data, 4096, 5 * 4096) == 4096 &&
		   pwrite(fd, md, 8, 100 * 4096 + 5 * 8) == 8, "can't make an image");
	UNIT_CHECK(refused(try_open(&ns, "bare.img", &any_format, 0, true), "ns_lbs"), "\"%s\"",
		   why);
	UNIT_CHECK(refused(try_open(&ns, "bare.img", &part, 0, true), "ns_pil"), "\"%s\"", why);
	UNIT_CHECK(!try_open(&ns, "bare.img", &f, 0, false), "\"%s\"", why);
	UNIT_CHECK(access(in_folder("bare.img.format"), F_OK), "a reader wrote a format");
	memset(md, 0, 8);
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	cmd.cdw12 |= PRCHK_GUARD | PRCHK_APP | PRCHK_REF;
	cmd.cdw14 = 5;
	cmd.cdw15 = 0xffff0007;
	UNIT_CHECK(!run(ns, cmd) && md[7] == 5, "read: %x", run(ns, cmd));
	controller_target.close(ns);

	/* The other controller deallocates one block and writes another. */
	UNIT_CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * 4096, 4096) &&
		   pwrite(fd, data, 4096, 6 * 4096) == 4096, "can't change it");
	close(fd);
	UNIT_CHECK(!try_open(&ns, "bare.img", &f, 0, true), "\"%s\"", why);
	UNIT_CHECK(!run(ns, cmd) && md[7] == 0xff && !data[0], "deallocated: %x, %02x", run(ns,
											    cmd),
											    md[7]);
	cmd.cdw10 = cmd.cdw14 = 6;
	UNIT_CHECK(run(ns, cmd) == MODEL_GUARD, "without a tuple: %x", run(ns, cmd));
	UNIT_CHECK(access(in_folder("bare.img.format"), F_OK), "a format without a write");
	controller_target.close(ns);
	remove_image("bare.img");
}

/* An image without .format gets it from the first job that writes, not from one that is refused. */
static void bare_image_kept(void)
{
	const struct ns_format wrong = F(4096, 16, 0, 1, 0, 0, ANY), f = F(4096, 8, 0, 1, 0, 0, ANY);
	static uint8_t data[4096];
	struct nvme_uring_cmd cmd = rw(1, 5, 1, data, 4096);
	struct target_ns *ns, *reader;

	cmd.cdw12 |= PRACT;
	write_file("bare.img", "");
	UNIT_CHECK(!truncate(in_folder("bare.img"), 100 * 4104), "truncate");
	UNIT_CHECK(!try_open(&ns, "bare.img", &wrong, 0, true), "\"%s\"", why);
	ns->refused = true;
	controller_target.close(ns);
	UNIT_CHECK(!access(in_folder("bare.img"), F_OK) &&
		   access(in_folder("bare.img.format"), F_OK) &&
		   access(in_folder("bare.img.state"), F_OK), "a refused job left files");
	if (!UNIT_CHECK(!try_open(&reader, "bare.img", &f, 0, false) &&
			!try_open(&ns, "bare.img", &f, 0, true), "\"%s\"", why))
		return;
	UNIT_CHECK(!run(ns, cmd) && !access(in_folder("bare.img.format"), F_OK),
		   "a writer after a reader wrote no format");
	controller_target.close(ns);
	controller_target.close(reader);
	UNIT_CHECK(refused(try_open(&ns, "bare.img", &wrong, 0, true), "the image has 8"),
		   "\"%s\"", why);
	remove_image("bare.img");
}

/* Temporary files that killed processes left behind do not disturb. */
static void left_behind(void)
{
	const struct ns_format f = F(512, 0, 0, 0, 0, 0, 0);
	char name[64];

	snprintf(name, sizeof(name), "left.img.new-%d", getpid());
	write_file(name, "half of it");
	mkdir(in_folder("left.img.format.new"), 0777);	/* as if another process were writing it */
	controller_target.close(must_open("left.img", &f, 1 << 20));
	UNIT_CHECK(access(in_folder(name), F_OK), "it is still there");
	rmdir(in_folder("left.img.format.new"));
	remove_image("left.img");
}

/* --- the content of images --- */

/* Read one block: 0 zeroes with a tuple of ones, 1 zeroes with another tuple, 2 an error. */
static int look(struct target_ns *ns, uint64_t lba)
{
	static uint8_t data[512], md[8];
	struct nvme_uring_cmd cmd = rw(2, lba, 1, data, 512);

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	return run(ns, cmd) == MODEL_UNREAD ? 2 : md[7] == 0xff ? 0 : 1;
}

/* The set of deallocated blocks is exact, after reopening and for blocks that share a page. */
static void deallocated(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[512], md[8];
	struct target_ns *ns = must_open("holes.img", &f, 1 << 20);
	struct nvme_uring_cmd cmd = rw(1, 2, 1, data, 512);

	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	UNIT_CHECK(!run(ns, cmd), "write");
	UNIT_CHECK(!run(ns, rw(4, 4, 1, NULL, 0)), "spoil");
	for (int i = 0; i < 3; i++) {
		UNIT_CHECK(look(ns, 1) == 0 && look(ns, 2) == 1 && look(ns, 3) == 0,
			   "open %d: %d %d %d", i,
			   look(ns, 1), look(ns, 2), look(ns, 3));
		UNIT_CHECK(look(ns, 4) == 2, "open %d: the uncorrectable block reads", i);
		controller_target.close(ns);
		ns = must_open("holes.img", &any_format, 0);
	}
	controller_target.close(ns);
	unlink(in_folder("holes.img.state"));	/* loses which blocks were written as zeroes */
	ns = must_open("holes.img", &any_format, 0);
	UNIT_CHECK(look(ns, 2) == 0 && look(ns, 4) == 0, "without a state: %d %d", look(ns, 2),
		   look(ns, 4));
	controller_target.close(ns);
	remove_image("holes.img");
}

/* Deallocating releases disk space: with the last small block of a page. */
static void gives_back(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[1024 * 512];
	struct target_ns *ns = must_open("room.img", &f, 1 << 20);
	struct nvme_uring_cmd cmd = rw(1, 0, 1024, data, sizeof(data));
	struct stat before, after;

	cmd.cdw12 |= PRACT;
	memset(data, 1, sizeof(data));
	UNIT_CHECK(!run(ns, cmd), "write");
	stat(in_folder("room.img"), &before);
	for (unsigned i = 0; i < 1024; i++) {
		const uint64_t range[2] = { (uint64_t)1 << 32, i };
		struct nvme_uring_cmd dsm = rw(9, 0, 1, (void *)range, 16);

		dsm.cdw11 = 4;
		UNIT_CHECK(!run(ns, dsm), "deallocate %u", i);
	}
	stat(in_folder("room.img"), &after);
	UNIT_CHECK(before.st_blocks >= 1024 && after.st_blocks <= 16, "%lld sectors, %lld after",
		   (long long)before.st_blocks, (long long)after.st_blocks);
	controller_target.close(ns);
	remove_image("room.img");
}

/* With very high LBAs the image and its state are sparse. */
static void far_away(void)
{
	const struct ns_format f = F(512, 8, 0, 1, 0, 0, 0);
	static uint8_t data[512], md[8];
	const uint64_t lba = (1ULL << 32) + 5;
	struct nvme_uring_cmd cmd = rw(1, lba, 1, data, 512);
	struct target_ns *ns;
	struct stat st;
	int ret = try_open(&ns, "far.img", &f, (lba + 10) * 512, true);

	if (ret == -EFBIG) {
		unit_skip("the file system has no files of 2 TiB");
		return;
	}
	UNIT_CHECK(!ret, "%s", why);
	memset(data, 3, sizeof(data));
	cmd.metadata = (uintptr_t)md;
	cmd.metadata_len = 8;
	cmd.cdw12 |= PRACT | PRCHK_REF;
	cmd.cdw14 = 5;
	UNIT_CHECK(!run(ns, cmd), "write: %x", run(ns, cmd));
	controller_target.close(ns);
	ns = must_open("far.img", &any_format, 0);
	cmd.opcode = 2;
	cmd.cdw12 = PRCHK_REF | PRCHK_GUARD;
	UNIT_CHECK(!run(ns, cmd) && md[7] == 5, "read: %x", run(ns, cmd));
	cmd.cdw14 = 6;
	UNIT_CHECK(run(ns, cmd) == MODEL_PI_DNR, "another reference tag: %x", run(ns, cmd));
	stat(in_folder("far.img.state"), &st);
	UNIT_CHECK(st.st_blocks < 16384, "the state takes %lld sectors", (long long)st.st_blocks);
	controller_target.close(ns);
	remove_image("far.img");
}

/* A full disk fails the write that needs space, and no other. */
static void full_disk(void)
{
	const struct ns_format f = F(4096, 8, 0, 1, 0, 0, 0);
	static uint8_t data[4096];
	struct target_ns *ns;
	unsigned done = 0;
	int ret = 0;

	mkdir(in_folder("small"), 0777);
	if (mount("none", in_folder("small"), "tmpfs", 0, "size=4m")) {
		unit_skip("needs to mount a small tmpfs");
		return;
	}
	ns = must_open("small/x.img", &f, 64 << 20);
	for (uint64_t lba = 0; lba < 4096 && !ret; lba++) {
		struct nvme_uring_cmd cmd = rw(1, lba * 3, 1, data, 4096);

		memset(data, lba | 1, sizeof(data));
		cmd.cdw12 |= PRACT | PRCHK_REF;
		cmd.cdw14 = lba * 3;
		ret = run(ns, cmd);
		done += !ret;
	}
	UNIT_CHECK(ret == -ENOSPC && done > 100, "%d after %u blocks", ret, done);
	for (uint64_t lba = 0; lba < 3 * (done + 10); lba++) {
		struct nvme_uring_cmd cmd = rw(2, lba, 1, data, 4096);

		cmd.cdw12 |= PRACT | PRCHK_REF | PRCHK_GUARD;
		cmd.cdw14 = lba;
		ret = run(ns, cmd);
		if (!UNIT_CHECK(!ret && data[7] == (lba % 3 ||
						    lba / 3 >= done ? 0 : (uint8_t)(lba / 3 | 1)),
				"LBA %u of %u written ones: %x, %02x", (unsigned)lba, done, ret,
					data[7]))
			break;
	}
	controller_target.close(ns);
	UNIT_CHECK(refused(try_open(&ns, "small/y.img", &f, 64 << 20, true), "No space"), "\"%s\"",
		   why);
	umount(in_folder("small"));
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "sidecar", sidecar },
		{ "refusals", refusals },
		{ "no_tuple", no_tuple },
		{ "read_only", read_only },
		{ "no_permission", no_permission },
		{ "names", names },
		{ "bare_image", bare_image },
		{ "bare_image_kept", bare_image_kept },
		{ "left_behind", left_behind },
		{ "deallocated", deallocated },
		{ "gives_back", gives_back },
		{ "far_away", far_away },
		{ "full_disk", full_disk },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
