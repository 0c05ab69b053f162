# SPDX-License-Identifier: GPL-2.0-only
"""The standard output of a sweep: its progress, or everything that it would do."""
import sys
import time

from shared import environment
from shared import quoting
from sweeps import doors
from sweeps import hosts
from sweeps import schedule
from sweeps import sweepjobs
from sweeps import targets
from shared.command import printable


class Progress:
    """Prints a line from time to time: how many runs are done and how long the rest will take."""

    def __init__(self, total, done):
        self.total, self.done, self.here = total, done, 0
        self(())
        self.every = 0.2 if sys.stdout.isatty() else 5

    def __call__(self, runs):
        """@runs have ended; called without runs when the first one begins."""
        if not runs:
            self.start = self.told = time.monotonic()
            return
        self.done, self.here = self.done + len(runs), self.here + len(runs)
        now = time.monotonic()
        if now - self.told < self.every and self.done < self.total:
            return
        self.told = now
        left = round((now - self.start) / self.here * (self.total - self.done))
        text = f"[{self.done}/{self.total}] {left // 60}:{left % 60:02} left  {runs[-1].point.id}"
        text = printable(text)
        print(f"\r\x1b[K{text[:100]}" if self.every < 1 else text, flush=True,
              end="" if self.every < 1 and self.done < self.total else "\n")


def progress_of(folder, runs):
    return Progress(len(runs), sum(folder.done(run.point.id, run.repeat) for run in runs))


def dry_run(plan, runs, out):
    """Prints all commands and job files of @runs, in order."""
    settings, asked = plan["sizes"], plan["asked"]
    there = hosts.read_hosts(asked["hosts"]) if asked["hosts"] else []
    jobs = sweepjobs.Jobs(settings, asked["fio"], not there and environment.knows_report(), asked["engine"])
    seconds = len(runs) * (settings["runtime"] + settings["ramp"])
    print(f"# {len(runs)} runs of {len(plan['points'])} points, {seconds / 60:.1f} minutes of I/O;"
          f" results: {out}")
    print(f"# preconditioning: {plan['preconditioning']}")
    print("".join(f"# {printable(line)}\n" for line in plan["left_out"]), end="")
    absent = {run.target.name for run in runs if isinstance(run.target, targets.AbsentDevice)}
    for name in sorted(absent):
        print(f"# {name} does not exist now: formats that it does not support will be left out")
    if there:
        print("# HOST and TOKEN in a name of an image stand for each host, and for a word that no other sweep has")
    formatted, cpus = {}, None if there else sweepjobs.split_cpus()
    for batch in ([run] for run in runs) if there else schedule.batches(runs, settings):
        target, fmt = batch[0].target, batch[0].point.fmt
        if target.one_format and formatted.get(target.name) != fmt:
            print(target.format_line(fmt))
            formatted[target.name] = fmt
        name = batch[0].name
        program = quoting.sh(doors.program_of(batch[0].point.mode, asked))
        file = f"{out}/raw/{name}.fio"
        words = " ".join(word for host in there for word in host.client(file)) or file
        print(program, f"--output-format=json --output={out}/raw/{name}.json {words}")
        print("\n".join(f"    {line}" for line in jobs.text(
            batch, not there and settings["overlap"] > 1, cpus).splitlines()))
