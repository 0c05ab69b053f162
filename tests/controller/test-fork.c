// SPDX-License-Identifier: GPL-2.0-only
// check: limit=120
/*
 * test-fork.c - fork() while another thread works: the child can use images, too
 *
 * fio does this if one job is a thread and another is a process.  The process starts as a copy of
 * fio with the locks that any thread held at that moment, and without the thread that would
 * release them.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "verify/injected.h"
#include "verify/recorder.h"
#include "verify/report-file.h"
#include "tests/lib/controller-image.h"

enum { FORKS = 100, LIMIT = 60 };		/* children; time limit of each, seconds */

static const struct ns_format format = F(512, 8, 0, 1, 0, 0, 0);
static atomic_bool over;

static struct nvme_uring_cmd flush(void)
{
	return (struct nvme_uring_cmd){ .opcode = nvme_cmd_flush, .nsid = 1 };
}

/* Open an image (create it if necessary), use it, and close it. */
static bool use_image(const char *name)
{
	struct target_ns *ns;
	char text[WHY_MAX] = "";
	struct target_open o = { .path = in_folder(name), .write = true, .format = format, .size = 1 << 20 };
	bool good;

	if (controller_target.open(&o, &ns, text)) {
		fprintf(stderr, "%s\n", text);
		return false;
	}
	good = !run(ns, flush());
	controller_target.close(ns);
	return good;
}

static bool make_image(const char *name)
{
	bool good = use_image(name);

	remove_image(name);
	return good;
}

static bool use_report(const char *name)
{
	char text[WHY_MAX];

	return !report_file_begin(in_folder(name), "a run", text) &&
	       !report_file_add(in_folder(name), "a run", json_object_new_object());
}

static bool use_faults(const char *name)
{
	char text[WHY_MAX];
	struct vfy_injected *f = vfy_injected_open(in_folder(name), true, text);

	if (!f)
		return false;
	vfy_injected_set(f, 1, getpid(), (struct vfy_injected_block){ VFY_DAMAGED, 1 });
	vfy_injected_mark(f, 1, getpid(), 1, VFY_SOUND);
	vfy_injected_close(f);
	return true;
}

typedef bool use_fn(const char *name);

struct busy {
	use_fn		*use;
	const char	*name;
};

static void *go_on(void *arg)
{
	const struct busy *b = arg;

	while (!atomic_load(&over))
		if (!b->use(b->name))
			return (void *)b->name;
	return NULL;
}

/*
 * Run @use in a child.  Returns its exit status, or minus the number of the signal that killed it:
 * SIGALRM if it did not finish.
 */
static int in_child(use_fn *use, const char *name)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(LIMIT);
		_exit(use(name) ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void fork_beside(use_fn *use, const char *thread_name, const char *child_name)
{
	struct busy busy = { use, thread_name };
	pthread_t thread;
	void *failed;

	atomic_store(&over, false);
	if (!UNIT_CHECK(!pthread_create(&thread, NULL, go_on, &busy), "no thread"))
		return;
	for (unsigned i = 0; i < unit_rounds(FORKS) && !unit_nr_failed; i++) {
		int ret = in_child(use, child_name);

		UNIT_CHECK(!ret, "child %u %s (%d)", i, ret == -SIGALRM ? "waits for ever" : "failed", ret);
		usleep(unit_random() % 1000);
	}
	atomic_store(&over, true);
	pthread_join(thread, &failed);
	UNIT_CHECK(!failed, "the thread failed beside them");
}

static void images(void)
{
	fork_beside(make_image, "thread.img", "child.img");
}

static void one_image(void)
{
	fork_beside(use_image, "both.img", "both.img");
}

static void report(void)
{
	fork_beside(use_report, "report.json", "report.json");
}

static void faults(void)
{
	fork_beside(use_faults, "faults", "faults");
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		{ "images", images },
		{ "one_image", one_image },
		{ "report", report },
		{ "faults", faults },
	};

	return folder_main(argc, argv, cases, ARRAY_SIZE(cases));
}
