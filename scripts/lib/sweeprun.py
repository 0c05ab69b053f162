# SPDX-License-Identifier: GPL-2.0-only
"""Goes over the runs of a sweep in their order, fio by fio, and keeps what they leave."""
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
from typing import NamedTuple

import fiojob
from points import Point
from results import run_name

POLL = 0.005        # seconds
SLACK = 120         # seconds that fio may take beyond its runtime
FILL_AT_ONCE = 32   # namespaces
FILL_SIZE = 65536   # bytes of an I/O


class Failed(Exception):
    """Why the sweep can't go on, in one line."""


class Run(NamedTuple):
    """A repeat of a point; order is its place in the whole sweep."""

    point: Point
    target: object
    repeat: int
    order: int

    @property
    def name(self):
        return run_name(self.point.id, self.repeat)


def repeats_of(point, settings):
    """Base lines, which all others are held against, may have repeats of their own."""
    return (not point.base and settings["base_repeats"]) or settings["repeats"]


def rounds_of(points, settings):
    """
    [(target, point, repeat)] of each round: every point comes once a round (A B A B),
    those with more repeats more often; within a round the order is random, by the
    seed. Where a target has one format at a time, its points of a format stay together.
    """
    for turn in range(settings["repeats"]):
        dice = random.Random(f"{settings['seed']}/{turn}")
        chosen = [(target, point, repeat + 1) for target, point in points
                  for repeat in range(repeats_of(point, settings))
                  if repeat * settings["repeats"] // repeats_of(point, settings) == turn]
        dice.shuffle(chosen)
        rank = {}
        for target, point, _ in chosen:
            rank.setdefault((target.tag, point.fmt), len(rank) if target.one_format else 0)
        yield sorted(chosen, key=lambda one: rank[one[0].tag, one[1].fmt])


def schedule(points, settings):
    """All runs, in order, of [(target, point)]."""
    chosen = itertools.chain.from_iterable(rounds_of(points, settings))
    return [Run(point, target, repeat, order)
            for order, (target, point, repeat) in enumerate(chosen, 1)]


def batches(runs, settings):
    """Runs that share a fio: up to 'batch' of them, of one format where a target has one."""
    def place(run):
        return run.target.tag, run.point.fmt if run.target.one_format else None
    for _, same in itertools.groupby(runs, place):
        same = list(same)
        for first in range(0, len(same), settings["batch"]):
            yield same[first:first + settings["batch"]]


# --- fio jobs ---

class Jobs:
    """Job files for runs."""

    def __init__(self, settings, extra, report, engine=fiojob.ENGINE):
        self.settings, self.extra = settings, extra
        self.report, self.engine = report, engine

    def common(self):
        """The first lines of every job."""
        return [f"ioengine=external:{self.engine}", "thread=1", "pi_buffer=data",
                "continue_on_error=verify", "verify_state_save=0", f"size={self.settings['size']}",
                *self.extra]

    def measured(self):
        """For how long, after what warm-up."""
        milliseconds = {key: round(self.settings[key] * 1000) for key in ("runtime", "ramp")}
        lines = ["group_reporting", "stonewall", "time_based",
                 f"runtime={milliseconds['runtime']}ms"]
        if milliseconds["ramp"]:
            lines.append(f"ramp_time={milliseconds['ramp']}ms")
        return lines

    def section(self, run, exclusive, cpus):
        """
        One run, on CPUs that fio itself does not use; an exclusive one waits for the
        token, a byte in a pipe, and hands it on.
        """
        point = run.point
        lines = [f"filename={run.target.filename(point.fmt)}", *point.fmt.options(),
                 *point.load.lines(), *point.options()]
        if self.report:
            lines.append(f"pi_report={run.name}.pi")
        if exclusive:
            lines += ["exec_prerun=head -c 1 ../token", "exec_postrun=printf x | tee ../token"]
        if cpus and point.load.jobs <= len(cpus):
            lines.append(f"cpus_allowed={','.join(map(str, cpus))}")
        return run.name, lines

    def text(self, runs, exclusive=False, cpus=()):
        """A job file for runs one after another."""
        return fiojob.job_file(self.common() + self.measured(),
                               [self.section(run, exclusive, cpus) for run in runs])

    def fill(self, places):
        """A job file that writes namespaces, (target, format) each, once in full."""
        size = min(FILL_SIZE, self.settings["size"])
        sections = [(f"fill{number}", [f"filename={target.filename(fmt)}", *fmt.options(),
                                       f"bs={size}", "iodepth=4", "rw=write"])
                    for number, (target, fmt) in enumerate(places)]
        return fiojob.job_file(self.common(), sections)


def split_cpus():
    """(fio's own CPU, those of its jobs); nothing to tell apart where there is one."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[0]}, cpus[1:]) if len(cpus) > 1 else (None, [])


# --- fio processes ---

def moved(job):
    """Did a job, an entry of fio's JSON or None, do any I/O?"""
    return bool(job) and any(job[way]["total_ios"] for way in ("read", "write"))


class Fio:
    """A fio that runs, in a folder of its own under tmp/; it dies with this program."""

    def __init__(self, folder, name, files, words=("job.fio",), cpu=None, style="json"):
        self.place = folder.path / "tmp" / name
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        for file, text in files.items():
            (self.place / file).write_text(text, encoding="utf-8")
        self.start = time.monotonic()
        with open(self.place / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "fio", f"--output-format={style}",
                 "--output=json", *words], cwd=self.place, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=cpu and (lambda: os.sched_setaffinity(0, cpu)))

    def ended(self):
        return self.process.poll() is not None

    def seconds(self):
        return time.monotonic() - self.start

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def jobs(self):
        return fiojob.read_jobs(self.place / "json")

    def output(self):
        """All that it said."""
        return "".join((self.place / name).read_text(encoding="utf-8", errors="replace")
                       for name in ("log", "json") if (self.place / name).exists())

    def complaint(self):
        """The line that says most: the engine's own, else fio's first."""
        lines = [line for line in self.output().partition("\n{")[0].splitlines()
                 if line.strip() and ": host: generated" not in line]
        ours = [line for line in lines if "nvmepi:" in line]
        return (ours or lines or [f"no message, status {self.process.returncode}"])[0]

    def keep(self, folder, name):
        """
        What it left, into raw/; the JSON, which makes it count, at last, without the
        notes that fio puts around it: those are messages.
        """
        text = (self.place / "json").read_text(encoding="utf-8")
        start = text.index("{")
        _, end = json.JSONDecoder().raw_decode(text, start)
        with open(self.place / "log", "a", encoding="utf-8") as log:
            log.write(text[:start] + text[end:].lstrip("\n"))
        (self.place / "json").write_text(text[start:end] + "\n", encoding="utf-8")
        for left, kind in (("job.fio", "fio"), ("log", "log"), ("json", "json")):
            (self.place / left).rename(folder.raw(name, kind))
        shutil.rmtree(self.place)

    def holds_token(self, names):
        """Did a run take the token and end without handing it on?"""
        taken, given = ([(self.place / f"{name}.{kind}.txt") for name in names]
                        for kind in ("prerun", "postrun"))
        return any(a.exists() and a.stat().st_size and not b.exists()
                   for a, b in zip(taken, given))


class Sweeper:
    """Runs what is left of a schedule; @say is told which runs have ended."""

    def __init__(self, folder, jobs, settings, host, say):
        self.folder, self.jobs, self.settings = folder, jobs, settings
        self.host, self.say = host, say
        self.exclusive = settings["overlap"] > 1
        self.cpu, self.cpus = split_cpus()
        self.running, self.filled = [], set()

    def sweep(self, runs):
        """All of @runs that are not done."""
        left = [run for run in runs if not self.folder.done(run.point.id, run.repeat)]
        token = self.folder.path / "tmp" / "token"
        try:
            if self.exclusive:
                self.make_token(token)
            self.fill_ahead(left)
            self.say(())
            for batch in batches(left, self.settings):
                self.wait_until(self.settings["overlap"] - 1)
                self.prepare(batch[0])
                text = self.jobs.text(batch, self.exclusive, self.cpus)
                name = batch[0].name
                self.running.append((batch, Fio(self.folder, name, {"job.fio": text}, cpu=self.cpu)))
            self.wait_until(0)
        finally:
            for _, fio in self.running:
                fio.kill()
            if self.exclusive:
                os.close(self.token)
                token.unlink()

    def make_token(self, path):
        """A pipe with one byte in it: who has that may move data."""
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        self.token = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        os.write(self.token, b"x")

    # --- preconditioning ---

    def fill_ahead(self, runs):
        """Namespaces that keep their format are written in full before anything is measured."""
        places = list(dict.fromkeys((run.target, run.point.fmt) for run in runs
                                    if not run.target.one_format))
        for first in range(0, len(places), FILL_AT_ONCE):
            self.fill(places[first:first + FILL_AT_ONCE])

    def fill(self, places):
        fio = Fio(self.folder, "fill", {"job.fio": self.jobs.fill(places)}, cpu=self.cpu)
        try:
            while not fio.ended():
                time.sleep(POLL)
            jobs = fio.jobs()
            if fio.process.returncode or len(jobs) != len(places):
                raise Failed(f"{places[0][0].name} can't be written: {fio.complaint()}")
            shutil.rmtree(fio.place)
        finally:
            fio.kill()

    def prepare(self, run):
        """Where there is one format at a time: this one, and written in full."""
        if run.target.one_format and self.filled != {(run.target.tag, run.point.fmt)}:
            self.wait_until(0)
            run.target.prepare(run.point.fmt)
            self.fill([(run.target, run.point.fmt)])
            self.filled = {(run.target.tag, run.point.fmt)}

    # --- ends ---

    def wait_until(self, few):
        """Until no more than so many fios run."""
        while len(self.running) > few:
            for one in [one for one in self.running if one[1].ended()]:
                self.running.remove(one)
                self.ended(*one)
            self.end_late_ones()
            time.sleep(POLL)

    def end_late_ones(self):
        each = self.settings["runtime"] + self.settings["ramp"] + 1
        for batch, fio in self.running:
            if fio.seconds() > each * len(batch) * self.settings["overlap"] + SLACK:
                fio.kill()
                raise Failed(f"{batch[0].name}: fio does not end")

    def ended(self, batch, fio):
        """Keep what a fio left, or say why it left nothing."""
        jobs = {job["jobname"]: job for job in fio.jobs()}
        if self.exclusive and fio.holds_token([run.name for run in batch]):
            os.write(self.token, b"x")
        missing = [run for run in batch if run.name not in jobs]
        if missing or not any(moved(jobs[run.name]) for run in batch):
            raise Failed(f"{batch[0].target.name}: fio failed: {fio.complaint()}")
        raw = batch[0].name
        for run in batch:
            report = fio.place / f"{run.name}.pi"
            if report.exists():
                report.rename(self.folder.path / "pi" / f"{run.name}.json")
        fio.keep(self.folder, raw)
        records = []
        for run in batch:
            job = jobs[run.name]
            records.append({"run": run.name, "id": run.point.id, "repeat": run.repeat,
                            "order": run.order, "host": self.host, "raw": raw,
                            "status": int(bool(job["error"]))})
        self.folder.append(*records)
        self.say(batch)
