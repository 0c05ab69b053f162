# SPDX-License-Identifier: GPL-2.0-only
"""
A results folder: what a sweep was asked to do, what it did, and what it measured.

  plan.json          the points, and how they are measured
  environment.json   the machine and the targets
  raw/NAME.json      fio's JSON; NAME.fio is its job file, NAME.log its messages
  pi/RUN.json        the engine's pi_report of a run
  state.jsonl        a line for each step, written when it is done; a resumed sweep reads it
  points.csv         made from these: a row per point, repeat and host

A run is one repeat of a point; its name is ID.rN. Files are complete or absent: each is written in
tmp/ and renamed.
"""
import csv
import fcntl
import io
import json
import os
import re
import secrets
import shutil
import sys
from pathlib import Path

from shared import fiojob
from shared import identity
from shared import measures
from shared import quoting
from sweeps import planfile
from shared import textlines
from shared.command import Refusal, about
from shared.points import Point

VERSION = 1
FOLDERS = "raw", "pi", "tmp"
OURS = re.compile(r"\.?(plan\.json|environment\.json|state\.jsonl|points\.csv)(\.new)?|"
                  r"report\.(md|html)|plots|raw|pi|tmp|images\.\w{8}")


class Refused(Refusal):
    """The reason why a folder cannot be used."""


def run_name(point_id, repeat):
    return f"{point_id}.r{repeat}"


def write_whole(path, text):
    """
    Writes a file so that it has either all of the text or its previous content, also after a crash.
    Does not follow links.
    """
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with about(path), open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "w",
                               encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path):
    """Makes new entries of a folder survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:             # some file systems do not support it
        pass
    finally:
        os.close(descriptor)


def read_json(path):
    """Returns a JSON file of the supported version."""
    try:
        found = json.loads(textlines.plain(path, Refused).decode("utf-8"))
        version = found["version"]
    except FileNotFoundError:
        raise Refused(f"{path.parent} has no {path.name}: it is not a results folder of "
                      "sweep") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(f"{path} is damaged or incomplete: sweep again into another folder") \
            from None
    if version != VERSION:
        raise Refused(f"{path} has version {version}, this program supports {VERSION}: use the "
                      "program that wrote it, or sweep again")
    return found


def hold(path):
    """
    Returns a descriptor that locks a folder against other sweeps for as long as this program runs.
    """
    path.mkdir(parents=True, exist_ok=True)
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(f"{path} is in use by another sweep") from None
    return held


def as_text(plan):
    return quoting.as_json(plan, indent=1) + "\n"


def nothing_done(state):
    """Returns whether nothing was measured and no drive was formatted."""
    return not state.exists() or all(line.startswith(b'{"token":')
                                     for line in textlines.plain(state, Refused).splitlines())


def end_of_lines(file):
    """
    Returns the offset after the last complete line of a file; an incomplete line is left of an
    interrupted write.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    if file.read(1) in (b"", b"\n"):
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1


class Folder:
    """
    A results folder, locked by one sweep. @runs are the runs that ended. @originals are the formats
    to which drives still have to be restored, @switches the kernel's settings for block devices that
    have to be. @left_out maps points that cannot be measured to the reason.
    """

    def __init__(self, path, plan, held):
        self.path, self.plan, self.held = Path(path), plan, held
        self.nameless = {}
        self.runs, self.originals, self.left_out, self.known_token = {}, [], {}, ""
        self.switches = []
        for name in FOLDERS:
            place = self.path / name
            place.mkdir(exist_ok=True)
            if place.is_symlink():
                raise Refused(f"{place} is a link: all results must be in one folder")
        self.read_state()

    @classmethod
    def create(cls, path, plan):
        """Creates a new folder, or continues with one that has the same plan."""
        if path.exists() and not path.is_dir():
            raise Refused(f"{path} is not an empty folder: name another")
        held = hold(path)
        there = set(os.listdir(path))
        if there - {".plan.json.new"} and "plan.json" not in there or \
                any(not OURS.fullmatch(name) for name in there):
            raise Refused(f"{path} is not an empty folder: name another")
        if "plan.json" in there:
            planfile.check(read_json(path / "plan.json"), path / "plan.json")
        if nothing_done(path / "state.jsonl"):
            write_whole(path / "plan.json", as_text(plan))
        planfile.refuse_other(read_json(path / "plan.json"), json.loads(as_text(plan)), path)
        return cls(path, read_json(path / "plan.json"), held)

    @classmethod
    def open(cls, path, alone=True):
        """
        Opens an existing folder. Without @alone it is not locked: the program that started this one
        holds the lock.
        """
        if not path.is_dir():
            raise Refused(f"{path} is not a folder")
        planfile.check(read_json(path / "plan.json"), path / "plan.json")
        held = hold(path) if alone else None
        return cls(path, read_json(path / "plan.json"), held)

    def tidy(self):
        """Removes the files that fio processes left and that are no results."""
        for path in (self.path / "tmp").iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def check(self):
        """
        Refuses a folder that was moved or removed since it was opened: fio would make a folder with its
        name anew.
        """
        try:
            there = self.held is None or os.path.samestat(os.stat(self.path), os.fstat(self.held))
        except FileNotFoundError:
            there = False
        if not there:
            raise Refused(f"{self.path} was moved or removed during the sweep: move it back, or go on where "
                          "it is now, by --resume=")

    # --- state ---

    @property
    def state(self):
        return self.path / "state.jsonl"

    def read_state(self):
        """
        Reads what was done. A last line without its end, left of a kill or a full disk, is ignored.
        A damaged line is reported and left out; all others are used.
        """
        text = textlines.plain(self.state, Refused) if self.state.exists() else b""
        for at, line in enumerate(text.split(b"\n")[:-1], 1):
            try:
                self.take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                print(f"sweep: {self.state}, line {at}, is damaged and left out: "
                      f"{line[:60]!r}", file=sys.stderr)

    def open_state(self):
        """
        Opens the state file. It is not opened in append mode, because 9p in a guest would then
        append whole pages.
        """
        return os.open(self.state, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)

    def take(self, record):
        """Applies one record of the state."""
        if "run" in record:
            self.runs[planfile.run_record(record)["run"]] = record
        elif "formatted" in record and "drive" not in record:   # written by an older program
            self.nameless.setdefault(str(record["formatted"]),
                                     planfile.setting(record["original"]))
        elif "restored" in record and "drive" not in record:
            self.nameless.pop(str(record["restored"]), None)
        elif "formatted" in record:
            known, setting = planfile.formatted_record(record)
            if not self.original(known):
                self.originals.append((known, setting))
        elif "restored" in record:
            gone = identity.Identity.from_json(record["drive"])
            self.originals = [one for one in self.originals if not one[0].same(gone)]
        elif "switched" in record:
            known, path, settings = planfile.switched_record(record)
            if not self.switched(known):
                self.switches.append((known, path, settings))
        elif "switched_back" in record:
            gone = identity.Identity.from_json(record["drive"])
            self.switches = [one for one in self.switches if not one[0].same(gone)]
        elif "token" in record:
            self.known_token = planfile.token_record(record)
        elif "left_out" in record:
            self.left_out |= dict.fromkeys(record["left_out"], str(record["why"]))

    def append(self, *records, sync=False):
        """
        Appends records of what was done; with @sync they are on disk when this returns. If there is
        no space for all of them, none is written.
        """
        new = not self.state.exists()
        text = "".join(f"{quoting.as_json(record)}\n" for record in records).encode()
        with about(self.state), open(self.open_state(), "r+b", buffering=0) as file:
            end = end_of_lines(file)
            file.seek(end)
            file.truncate()
            try:
                while text:
                    text = text[file.write(text):]
                if sync:
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
        if new and sync:
            sync_folder(self.path)
        for record in records:
            self.take(record)

    def token(self):
        """Returns a random word of this folder alone, used in names of files outside of it."""
        if not self.known_token:
            self.append({"token": secrets.token_hex(8)}, sync=True)
        return self.known_token

    # --- drives ---

    def original(self, known):
        """
        Returns the setting of a namespace before a sweep of this folder formatted it; None if it
        has not been formatted since.
        """
        return next((setting for one, setting in self.originals if one.same(known)), None)

    def note_formatted(self, known, path, setting):
        """Records, before a namespace is formatted, the setting that it has."""
        self.append({"formatted": path, "drive": known._asdict(), "original": setting.as_json()},
                    sync=True)

    def note_restored(self, known):
        """Records that a namespace has its original setting again."""
        self.append({"restored": known.text(), "drive": known._asdict()}, sync=True)

    def switched(self, known):
        """Returns the kernel's settings for a block device before a sweep, None if they are as then."""
        return next((settings for one, _, settings in self.switches if one.same(known)), None)

    def note_switched(self, known, path, settings):
        """Records, before they are changed, the kernel's settings for a block device."""
        self.append({"switched": path, "drive": known._asdict(), "settings": settings}, sync=True)

    def note_switched_back(self, known):
        """Records that the kernel has the original settings for a block device again."""
        self.append({"switched_back": known.text(), "drive": known._asdict()}, sync=True)

    def leave_out(self, tag, fmt, why, doors=False):
        """
        Leaves out the points of a format that a target refuses, and those that have one of them as
        baseline. With @doors only the points that use the block device.
        """
        points = [Point.from_columns(columns) for columns in planfile.points(self.plan)]
        gone = {p.id for p in points if (p.tag, p.fmt) == (tag, fmt) and (p.door or not doors)}
        gone |= {p.id for p in points if p.base in gone}
        self.append({"left_out": sorted(gone - set(self.left_out)), "why": why}, sync=True)

    def settle_plan(self):
        """Updates plan.json: points that cannot be measured are moved apart, with the reason."""
        if self.left_out:
            plan = planfile.without(self.plan, self.left_out)
            write_whole(self.path / "plan.json", as_text(plan))
            self.plan = read_json(self.path / "plan.json")

    def done(self, point_id, repeat):
        """
        Returns whether a run ended on all hosts and left complete results. Runs that shared a fio
        have their results in one file, so they are repeated together.
        """
        name = run_name(point_id, repeat)
        record = self.runs.get(name)
        if not record or record.get("lost"):
            return False
        jobs = fiojob.read_jobs(self.raw(record["raw"], "json"))
        return any(job.get("jobname") == name for job in jobs) and all(
            measures.read_report(self.report(one)) for one, other in self.runs.items()
            if other["raw"] == record["raw"] and other.get("report"))

    # --- what comes of it ---

    def report(self, name):
        """Returns the path of the engine's pi_report of a run."""
        return self.path / "pi" / f"{name}.json"

    def raw(self, name, kind):
        return self.path / "raw" / f"{name}.{kind}"

    def environment(self):
        """Returns environment.json, or {} if nothing was measured yet."""
        path = self.path / "environment.json"
        try:
            return read_json(path) if self.runs and path.exists() else {}
        except Refused:         # it will be written again
            return {}

    def write_environment(self, environment):
        write_whole(self.path / "environment.json",
                    quoting.as_json({"version": VERSION, **environment}, indent=1) + "\n")

    def write_points(self):
        """Writes points.csv of all runs that are done; returns its rows."""
        self.check()
        rows, text = list(self.rows()), io.StringIO(newline="")
        table = csv.DictWriter(text, measures.COLUMNS, restval="")
        table.writeheader()
        table.writerows(rows)
        write_whole(self.path / "points.csv", text.getvalue())
        return rows

    def rows(self):
        """Yields a row per point, repeat and host, in the order of the runs."""
        points = {point["id"]: point for point in self.plan["points"]}
        raws = {}
        for name, record in sorted(self.runs.items(), key=lambda item: item[1]["order"]):
            point = points.get(record["id"])
            if not point or not self.raw(record["raw"], "json").exists():
                continue
            if record["raw"] not in raws:
                raws = {record["raw"]: fiojob.read_jobs(self.raw(record["raw"], "json"))}
            common = {key: value for key, value in point.items() if key in measures.COLUMNS}
            common |= {"repeat": record["repeat"], "order": record["order"],
                       "round": record.get("round"), "boot": record.get("boot")}
            report, told = self.report(name), fiojob.tells_mismatches(self.raw(record["raw"], "log"), name)
            for host, job in measures.jobs_of_run(raws[record["raw"]], name, record):
                failed = int(bool(job.get("error")))
                yield common | {"host": host, "exit_status": failed} | measures.of_job(job, told) | \
                    measures.of_report(report, point, job)
