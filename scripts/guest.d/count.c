// SPDX-License-Identifier: GPL-2.0-only
/*
 * count.c - a QEMU plugin that counts the instructions of the guest
 *
 * Under emulation time depends on the addresses of code; the number of instructions does
 * not.  Whenever a program in the guest executes the mark (mark.c), the plugin writes the
 * number of instructions that all CPUs have executed so far to the file of the argument
 * out=, as a line 'USER KERNEL'.
 *
 * Debian has no package with QEMU's header for plugins, so the declarations that are used
 * are repeated here.  Source: QEMU's documentation for developers, "QEMU TCG Plugins",
 * version 7.2.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "mark.h"

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned cpu, void *arg), int flags, void *arg);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

/* Counters per CPU, each in a cache line of its own. */
static struct count {
	uint64_t	user, kernel;
} __attribute__((aligned(64))) counts[64];

static FILE *out;

static void count_user(unsigned cpu, void *nr)
{
	counts[cpu].user += (uintptr_t)nr;
}

static void count_kernel(unsigned cpu, void *nr)
{
	counts[cpu].kernel += (uintptr_t)nr;
}

static void write_counts(unsigned cpu, void *arg)
{
	struct count sum = { 0 };

	(void)cpu;
	(void)arg;
	for (unsigned i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		sum.user += counts[i].user;
		sum.kernel += counts[i].kernel;
	}
	fprintf(out, "%llu %llu\n", (unsigned long long)sum.user, (unsigned long long)sum.kernel);
	fflush(out);
}

static bool has_mark(const struct qemu_plugin_tb *tb)
{
	static const uint8_t mark[] = { MARK };

	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_size(insn) == sizeof(mark) &&
		    !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark)))
			return true;
	}
	return false;
}

/* Called when a block of code was translated: registers what to do at each execution. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	const bool kernel = qemu_plugin_tb_vaddr(tb) >> 63;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, kernel ? count_kernel : count_user, 0,
					     (void *)qemu_plugin_tb_n_insns(tb));
	if (has_mark(tb))
		qemu_plugin_register_vcpu_tb_exec_cb(tb, write_counts, 0, NULL);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "count: wants one argument, out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		fprintf(stderr, "count: %s: %s\n", argv[0] + 4, strerror(errno));
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
