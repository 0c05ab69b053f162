# SPDX-License-Identifier: GPL-2.0-only
"""Does the runs of a sweep in their order, one fio after another, and keeps the results."""
import collections
import os
import shutil
import time

from shared import boots
from shared.command import Refusal
from sweeps import doors
from sweeps.drive import NotTaken
from shared.fioprocess import Fio, moved
from shared.measures import is_short, time_of_run
from sweeps.schedule import batches
from sweeps.sweepjobs import fill_limit, not_filled, split_cpus

POLL = 0.005        # seconds
SLACK = 120         # seconds that fio may take beyond its runtime
FILL_AT_ONCE = 32   # namespaces
TRIES = 3           # of a run that fio ends too early


class Failed(Refusal):
    """The reason why the sweep cannot continue."""


class Sweeper:
    """Does the runs of a schedule that are left. @say is called with the runs that ended."""

    def __init__(self, folder, jobs, settings, host, say):
        self.folder, self.jobs, self.settings = folder, jobs, settings
        self.host, self.say, self.boot = host, say, boots.this()
        self.exclusive = settings["overlap"] > 1
        self.cpus = split_cpus()
        self.cpu = self.cpus and {self.cpus.own}
        self.running, self.filled, self.tried = [], set(), collections.Counter()
        self.doors = set()      # (tag, format) of the runs that use the block device

    def sweep(self, runs):
        """Does all of @runs that are not done and not left out."""
        left = [run for run in runs if not self.folder.done(run.point.id, run.repeat)
                and run.point.id not in self.folder.left_out]
        self.doors = {(run.target.tag, run.point.fmt) for run in left if run.point.door}
        token = self.folder.path / "tmp" / "token"
        try:
            if self.exclusive:
                self.make_token(token)
            self.fill_ahead(left)
            self.say(())
            for batch in batches(left, self.settings):
                self.wait_until(self.settings["overlap"] - 1)
                self.prepare(batch[0])
                gone = [run for run in batch if run.point.id in self.folder.left_out]
                if gone:
                    self.say(gone)
                if len(gone) < len(batch):
                    self.start([run for run in batch if run not in gone])
            self.wait_until(0)
        finally:
            for _, fio in self.running:
                fio.kill()
            if self.exclusive:
                os.close(self.token)
                token.unlink()

    def start(self, batch):
        """Starts a fio for these runs."""
        job = {"job.fio": self.jobs.text(batch, self.exclusive, self.cpus)}
        batch[0].target.check()
        for target, fmt in dict.fromkeys((run.target, run.point.fmt) for run in batch if run.point.door):
            target.open_block(fmt)
        self.tried[batch[0].name] += 1
        program = doors.program_of(batch[0].point.mode, self.folder.plan["asked"])
        self.running.append((batch, Fio(self.folder, batch[0].name, job, cpu=self.cpu, program=program)))

    def make_token(self, path):
        """Makes a pipe with one byte in it, the token; only the run that has it does I/O."""
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        self.token = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        os.write(self.token, b"x")

    # --- preconditioning ---

    def fill_ahead(self, runs):
        """
        Writes all namespaces that keep their format once in full, before anything is measured.
        """
        places = list(dict.fromkeys((run.target, run.point.fmt) for run in runs
                                    if not run.target.one_format))
        for first in range(0, len(places), FILL_AT_ONCE):
            self.fill(places[first:first + FILL_AT_ONCE])

    def fill(self, places):
        """Writes these namespaces once in full, and the part that the block device's modes use."""
        for target in dict.fromkeys(target for target, _ in places):
            target.check()
        self.write(places, self.jobs.fill(places))
        protected = [place for place in places if (place[0].tag, place[1]) in self.doors
                     and self.is_protected(*place)]
        if protected:
            self.write(protected, self.jobs.fill_block(protected))

    def is_protected(self, target, fmt):
        """
        Returns whether the kernel protects the data of a block device; if not, the points that use it
        are left out.
        """
        try:
            target.open_block(fmt)
        except doors.Closed as error:
            self.folder.leave_out(target.tag, fmt, str(error), doors=True)
            print(f"note: left out: kernel, kernel-user: {error}", flush=True)
            return False
        return True

    def write(self, places, job):
        """Runs a job file that writes these places in full."""
        fio = Fio(self.folder, "fill", {"job.fio": job}, cpu=self.cpu)
        try:
            while not fio.ended():
                if fio.seconds() > fill_limit(self.jobs.settings, len(places)):
                    raise Failed(f"{places[0][0].name}: fio did not end in time: {fio.complaint()}")
                time.sleep(POLL)
            jobs = fio.jobs()
            if fio.process.returncode or len(jobs) != len(places):
                raise Failed(f"{places[0][0].name} could not be written: {fio.complaint()}" + (
                    "" if fio.process.returncode else
                    f"; it reported {len(jobs)} of {len(places)} jobs"))
            if not_filled(jobs, self.jobs.settings):
                raise Failed(f"{places[0][0].name}: fio did not write all "
                             f"{self.jobs.settings['size']} bytes: is the namespace smaller? Give "
                             "a smaller --set=size")
            shutil.rmtree(fio.place)
        finally:
            fio.kill()

    def prepare(self, run):
        """
        Gives a target that has one format at a time the format of @run, and writes it in full. If the
        drive refuses the format its points are left out and the sweep continues.
        """
        if run.point.id in self.folder.left_out:
            return
        if run.target.one_format and self.filled != {(run.target.tag, run.point.fmt)}:
            self.wait_until(0)
            self.filled = set()
            try:
                run.target.prepare(run.point.fmt)
            except NotTaken as error:
                self.folder.leave_out(run.point.tag, run.point.fmt, str(error))
                print(f"note: left out: {error}", flush=True)
                return
            self.fill([(run.target, run.point.fmt)])
            self.filled = {(run.target.tag, run.point.fmt)}

    # --- ends ---

    def wait_until(self, few):
        """Waits until at most @few fios are running."""
        while len(self.running) > few:
            for one in [one for one in self.running if one[1].ended()]:
                self.running.remove(one)
                self.ended(*one)
            self.end_late_ones()
            time.sleep(POLL)

    def end_late_ones(self):
        """Kills a fio that exceeds its time, and fails."""
        each = self.settings["runtime"] + self.settings["ramp"] + 1
        for batch, fio in self.running:
            if fio.seconds() > each * len(batch) * self.settings["overlap"] + SLACK:
                fio.kill()
                raise Failed(f"{batch[0].name}: fio did not end in time")

    def ended(self, batch, fio):
        """Keeps the results of a fio that ended; raises Failed if it has none."""
        jobs = {job["jobname"]: job for job in fio.jobs()}
        if self.exclusive and fio.holds_token([run.name for run in batch]):
            os.write(self.token, b"x")
        missing = [run for run in batch if run.name not in jobs]
        if missing or not any(moved(jobs[run.name]) for run in batch):
            raise Failed(f"{batch[0].target.name}: fio failed: {fio.complaint()}")
        seconds = time_of_run(self.folder.plan)
        short = [run for run in batch if is_short(jobs[run.name], seconds)]
        if short:
            self.again(batch, short[0], fio)
            return
        if fio.process.returncode and not any(job["error"] for job in jobs.values()):
            raise Failed(f"{batch[0].target.name}: fio failed: {fio.complaint()}")
        raw, reported = batch[0].name, set()
        for run in batch:
            report = fio.place / f"{run.name}.pi"
            if report.exists():
                report.rename(self.folder.report(run.name))
                reported.add(run.name)
        fio.keep(self.folder, raw)
        records = []
        for run in batch:
            job = jobs[run.name]
            records.append({"run": run.name, "id": run.point.id, "repeat": run.repeat,
                            "order": run.order, "round": run.round, "boot": self.boot,
                            "host": self.host, "raw": raw,
                            "report": run.name in reported,
                            "status": int(bool(job["error"]))})
        self.folder.append(*records)
        self.say(batch)

    def again(self, batch, run, fio):
        """
        fio ended before the time of @run, so its results are invalid: repeats the whole batch.
        """
        if self.tried[batch[0].name] == TRIES:
            raise Failed(f"{run.name}: fio ended too early, {TRIES} times: {fio.complaint()}")
        print(f"note: {run.name}: fio ended too early; it runs again", flush=True)
        self.start(batch)
