// SPDX-License-Identifier: GPL-2.0-only
/*
 * test-durable.c - what the embedded controller makes durable, and when
 *
 * This program replaces the functions that make files durable: they record the file and the
 * content on media at that time, and then call the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "tests/lib/controller-image.h"
#include "model.h"

/* --- the record --- */

static char seen[4096];			/* names of synced or renamed files, one per line */
static const uint8_t *watched;		/* a byte of memory, */
static uint64_t watched_at;		/* and the offset of one in x.img */
static int then_memory, then_media;	/* their values at the first sync; -1: no sync yet */
static int fail_syncs;			/* number of syncs that shall fail */

static void look_back(void)
{
	seen[0] = '\0';
	then_memory = then_media = -1;
}

static int media_byte(void)
{
	int fd = open(in_folder("x.img"), O_RDONLY);
	uint8_t byte = 0;
	ssize_t n = pread(fd, &byte, 1, watched_at);

	close(fd);
	return n == 1 ? byte : -1;
}

/* Record the last component of an open file's name; "." for the folder itself. */
static void note(int fd)
{
	char link[64], name[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	name[n < 0 ? 0 : n] = '\0';
	if (then_memory < 0 && watched) {
		then_memory = *watched;
		then_media = media_byte();
	}
	strncat(seen, !strcmp(name, folder) ? "." : strrchr(name, '/') + 1,
		sizeof(seen) - strlen(seen) - 2);
	strcat(seen, "\n");
}

static int sync_it(int fd, long call)
{
	note(fd);
	if (fail_syncs) {
		fail_syncs--;
		errno = EIO;
		return -1;
	}
	return syscall(call, fd);
}

int fsync(int fd)
{
	return sync_it(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_it(fd, SYS_fdatasync);
}

int rename(const char *from, const char *to)
{
	strcat(seen, "rename\n");
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Return the position of the first record of a name, or -1. */
static int at(const char *name)
{
	char line[300];
	const char *p = seen;

	for (int i = 0; *p; i++, p = strchr(p, '\n') + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)(strchr(p, '\n') - p), p);
		if (!strcmp(line, name))
			return i;
	}
	return -1;
}

/* --- Flush --- */

static struct nvme_uring_cmd flush_command(void)
{
	return (struct nvme_uring_cmd){ .opcode = 0, .nsid = 1 };
}

static void write_block(struct target_ns *ns, uint64_t lba, uint8_t byte)
{
	static uint8_t data[4096];
	struct nvme_uring_cmd cmd = rw(1, lba, 1, data, sizeof(data));

	memset(data, byte, sizeof(data));
	cmd.cdw12 |= PRACT;
	UNIT_CHECK(!run(ns, cmd), "write");
}

static const struct ns_format format = F(4096, 8, 0, 1, 0, 0, 0);

/* A Flush makes all files of an image durable, their contents and their names. */
static void flush_keeps_all(void)
{
	static const char *const files[] = { "x.img", "x.img.state", "x.img.format", "." };
	struct target_ns *ns = must_open("x.img", &format, 1 << 20);

	for (int user = 0; user < 2; user++) {		/* its creator, and a later user */
		write_block(ns, 3, user + 1);
		look_back();
		UNIT_CHECK(!run(ns, flush_command()), "flush");
		for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
			UNIT_CHECK(at(files[i]) >= 0, "user %d: %s is not synced", user, files[i]);
		look_back();
		UNIT_CHECK(!run(ns, flush_command()), "flush");
		UNIT_CHECK(at("x.img") >= 0 && at("x.img.state") >= 0 && at(".") < 0,
			   "user %d: a second Flush syncs\n%s", user, seen);
		controller_target.close(ns);
		ns = must_open("x.img", &any_format, 0);
	}
	controller_target.close(ns);
	remove_image("x.img");
}

/* A failed Flush returns an error, and the next one syncs what is left. */
static void flush_fails(void)
{
	for (int failed = 1; failed <= 4; failed++) {
		struct target_ns *ns = must_open("x.img", &format, 1 << 20);
		int ret, tries = 0;

		write_block(ns, 3, 1);
		do {
			fail_syncs = tries < failed;
			look_back();
			ret = run(ns, flush_command());
			UNIT_CHECK(ret == (tries < failed ? -EIO : 0), "try %d of %d: %d", tries,
				   failed, ret);
		} while (tries++ < failed);
		UNIT_CHECK(at(".") >= 0 && at("x.img.format") >= 0, "names are not synced:\n%s",
			   seen);
		fail_syncs = 0;
		controller_target.close(ns);
		remove_image("x.img");
	}
}

/* A job that only reads can flush what others have written. */
static void reader_flushes(void)
{
	struct target_ns *ns = must_open("x.img", &format, 1 << 20);

	write_block(ns, 3, 1);
	controller_target.close(ns);
	UNIT_CHECK(!try_open(&ns, "x.img", &any_format, 0, false), "open: %s", why);
	look_back();
	UNIT_CHECK(!run(ns, flush_command()), "flush");
	UNIT_CHECK(at("x.img") >= 0 && at("x.img.state") >= 0, "a reader's Flush syncs\n%s", seen);
	controller_target.close(ns);
	remove_image("x.img");
}

/* --- files that replace others --- */

/* A format file is durable before it gets its name, so a complete one exists at any time. */
static void format_before_name(void)
{
	struct target_ns *ns;
	char temporary[64];

	snprintf(temporary, sizeof(temporary), "x.img.format.new-%d", getpid());
	look_back();
	ns = must_open("x.img", &format, 1 << 20);
	UNIT_CHECK(at(temporary) >= 0 && at(temporary) < at("rename"), "a new image:\n%s", seen);
	controller_target.close(ns);
	remove_image("x.img");
}

/* Format NVM discards the old blocks durably before the new format becomes valid. */
static void format_nvm(void)
{
	struct target_ns *ns = must_open("x.img", &format, 1 << 20);
	struct nvme_uring_cmd cmd = { .opcode = 0x80, .nsid = 1, .cdw10 = 5 };
	char temporary[64];

	snprintf(temporary, sizeof(temporary), "x.img.format.new-%d", getpid());
	write_block(ns, 3, 1);
	look_back();
	UNIT_CHECK(!controller_target.admin(ns, &cmd), "format");
	UNIT_CHECK(at(temporary) >= 0 && at(temporary) < at("rename") && at("x.img") >= 0 &&
		   at("x.img") < at("rename") && at("x.img.state") >= 0 && at("rename") < at("."),
		   "Format NVM does\n%s", seen);
	controller_target.close(ns);
	remove_image("x.img");
}

/* --- FUA --- */

/*
 * 3.3.1, 3.3.4, 3.3.5: with FUA Compare, Read and Verify commit the blocks before they read them;
 * 3.3.2, 3.3.6, 3.3.8: Copy, Write and Write Zeroes commit what they have written.  Without FUA
 * nothing is committed, and Write Uncorrectable and Dataset Management do not have FUA.
 */
static void force_unit_access(void)
{
	enum { NEVER, BEFORE, AFTER };
	static const struct { uint8_t opcode; const char *name; int when; } rows[] = {
		{ 1, "Write", AFTER }, { 2, "Read", BEFORE }, { 4, "Write Uncorrectable", NEVER },
		{ 5, "Compare", BEFORE }, { 8, "Write Zeroes", AFTER },
		{ 9, "Dataset Management", NEVER },
		{ 12, "Verify", BEFORE }, { 0x19, "Copy", AFTER },
	};
	static uint8_t data[4096], md[8];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned fua = 0; fua < 2; fua++) {
			struct target_ns *ns = must_open("x.img", &format, 1 << 20);
			struct nvme_uring_cmd cmd = rw(rows[i].opcode, 8, 1, data, sizeof(data));
			const bool copy = cmd.opcode == 0x19, zeroes = cmd.opcode == 8;
			int ret;

			write_block(ns, 8, 7);
			write_block(ns, 20, 5);
			memset(data, cmd.opcode == 5 ? 7 : cmd.opcode == 1 ? 5 : 0, sizeof(data));
			memset(md, 0, sizeof(md));
			if (copy)
				data[8] = 20;
			cmd.metadata = (uintptr_t)md;
			cmd.metadata_len = sizeof(md);
			cmd.cdw12 |= fua << 30 | (cmd.opcode == 1 || zeroes ? PRACT : 0);
			if (copy)
				cmd.cdw12 = fua << 30 | PRACT | 8 << 12;
			cmd.cdw14 = 8;
			watched = data;
			watched_at = 8 * 4096;
			look_back();
			ret = run(ns, cmd);
			UNIT_CHECK(!ret, "%s: %x", rows[i].name, ret);
			if (!fua || rows[i].when == NEVER)
				UNIT_CHECK(then_media < 0, "%s, FUA %u: syncs\n%s", rows[i].name, fua, seen);
			else
				UNIT_CHECK(at("x.img") >= 0 && at("x.img.state") >= 0 && at(".") >= 0,
					   "%s: syncs\n%s", rows[i].name, seen);
			if (fua && rows[i].when == AFTER)
				UNIT_CHECK(then_media == (zeroes ? 0 : 5), "%s: synced %d", rows[i].name,
					   then_media);
			if (fua && cmd.opcode == 2)
				UNIT_CHECK(then_memory == 0 && data[0] == 7, "Read: synced after it");
			watched = NULL;
			controller_target.close(ns);
			remove_image("x.img");
		}
}

/* A Read with FUA fails if the block cannot be committed. */
static void fua_fails(void)
{
	static uint8_t data[4096];
	struct target_ns *ns = must_open("x.img", &format, 1 << 20);
	struct nvme_uring_cmd cmd = rw(2, 8, 1, data, sizeof(data));
	int ret;

	write_block(ns, 8, 7);
	memset(data, 0, sizeof(data));
	cmd.cdw12 |= 1 << 30 | PRACT;
	fail_syncs = 1;
	ret = run(ns, cmd);
	UNIT_CHECK(ret == -EIO && !data[0], "read: %d", ret);
	fail_syncs = 0;
	controller_target.close(ns);
	remove_image("x.img");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "flush_keeps_all", flush_keeps_all },
		{ "flush_fails", flush_fails },
		{ "reader_flushes", reader_flushes },
		{ "format_before_name", format_before_name },
		{ "format_nvm", format_nvm },
		{ "force_unit_access", force_unit_access },
		{ "fua_fails", fua_fails },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
