# SPDX-License-Identifier: GPL-2.0-only
"""Runs steps in the guest (scripts/guest): the output and exit status of each."""
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "scripts" / "lib"))
from shared import fiojob       # noqa: E402

# Steps are files NAME.sh; each leaves NAME.log and, when it has ended, NAME.status.
RUNNER = """cd "$1" && xargs -P "$2" -n 1 sh -c '
	sh "$1.sh" >"$1.log" 2>&1
	echo $? >"$1.new"
	mv "$1.new" "$1.status"' - <steps"""

# Of scripts/guest. An emulated kernel dies now and then while it patches itself as it
# boots; nothing has run by then, so it is tried again.
NOT_STARTED, TIMED_OUT, GUEST_FAILED = 2, 124, 125
BOOTS = 3


class GuestFailed(Exception):
    """The guest did not run all steps; a line to say."""


class Step(NamedTuple):
    """A shell command; with a job file, the command runs that by default."""

    name: str
    command: str = ""
    job: str = ""


class Result(NamedTuple):
    """How a step ended: exit status, all output, and fio's jobs where it reported any."""

    status: int
    log: str
    jobs: dict

    def engine_lines(self):
        """What the engine complained of."""
        return fiojob.engine_lines(self.log)


class Lab:
    """A folder with namespaces' images, and guests that use them one after another."""

    def __init__(self, folder, rows):
        self.folder = Path(folder).resolve()
        self.images = self.folder / "images"
        self.images.mkdir(parents=True, exist_ok=True)
        self.rows = self.folder / "rows"
        self.rows.write_text("".join(f"{row}\n" for row in rows), encoding="ascii")

    def image(self, nsid):
        """The image of a namespace."""
        return self.images / f"ns{nsid}.img"

    def device(self, nsid):
        """What fio has to be given as filename."""
        return device(nsid)

    def boot(self, steps, kernel="6.12", parallel=2, timeout=850, progress=None, qemu=None):
        """
        Run the steps, @parallel at a time; {name: Result} in their order. The guest has two CPUs: with
        one, QEMU 7.2's controller stops to take commands of any engine (scripts/guest --help).
        """
        run = Path(tempfile.mkdtemp(prefix="boot.", dir=self.folder))
        os.chmod(run, 0o755)
        for step in steps:
            self.write_step(run, step)
        (run / "steps").write_text("".join(f"{s.name}\n" for s in steps), encoding="ascii")
        for _ in range(BOOTS):
            command = self.command(run, kernel, parallel, timeout, qemu)
            status = self.run_steps(run, command, progress)
            if status != GUEST_FAILED or list(run.glob("*.log")) != [run / "guest.log"]:
                break
        if status in (NOT_STARTED, TIMED_OUT, GUEST_FAILED):
            log = (run / "guest.log").read_text(encoding="utf-8", errors="replace")
            raise GuestFailed(log.strip() or f"the steps ended with status {status}")
        missing = [s.name for s in steps if not (run / f"{s.name}.status").exists()]
        if missing:
            raise GuestFailed(f"{len(missing)} of {len(steps)} steps did not end, {missing[0]} first")
        return {s.name: self.read_result(run, s) for s in steps}

    @staticmethod
    def write_step(run, step):
        """The files that a step needs."""
        command = step.command or "fio --output-format=json --output={0}.json {0}.fio".format(step.name)
        (run / f"{step.name}.sh").write_text(f"{command}\n", encoding="utf-8")
        if step.job:
            (run / f"{step.name}.fio").write_text(step.job, encoding="utf-8")

    @staticmethod
    def read_result(run, step):
        """What the step left."""
        status = int((run / f"{step.name}.status").read_text(encoding="ascii"))
        log = fiojob.messages_of(run / f"{step.name}.log", run / f"{step.name}.json")
        jobs = {job["jobname"]: job for job in fiojob.read_jobs(run / f"{step.name}.json")}
        return Result(status, log, jobs)

    def command(self, run, kernel, parallel, timeout, qemu):
        """What runs all steps of a folder, and exits as scripts/guest does."""
        return [str(TOP / "scripts/guest"), f"--kernel={kernel}", f"--namespaces={self.rows}",
                f"--keep={self.images}", f"--share={run}", f"--timeout={timeout}",
                *([f"--qemu={qemu}"] if qemu else []), "--",
                "sh", "-c", RUNNER, "-", str(run), str(parallel)]

    @staticmethod
    def run_steps(run, command, progress):
        """One boot, its exit status; @progress is told now and then how many steps have ended."""
        with open(run / "guest.log", "w", encoding="utf-8") as log, \
                subprocess.Popen(command, stdout=log, stderr=log) as guest:
            try:
                while guest.poll() is None:
                    time.sleep(0.2)
                    if progress:
                        progress(len(list(run.glob("*.status"))))
            except BaseException:
                guest.send_signal(signal.SIGTERM)
                raise
        return guest.returncode


def engine_lines(*lines):
    """The first lines of every job."""
    return [f"ioengine=external:{fiojob.ENGINE}", "verify_state_save=0", *lines]


def device(nsid):
    """The node of a namespace in the guest."""
    return f"/dev/nvmepi/ng{nsid}"
