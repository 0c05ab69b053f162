# SPDX-License-Identifier: GPL-2.0-only
"""
A results folder: what a sweep was asked, did, and found.

  plan.json          the points, and how they are measured
  environment.json   the machine and the targets
  raw/NAME.json      fio's own JSON; NAME.fio its job, NAME.log its messages
  pi/RUN.json        the engine's pi_report of a run
  state.jsonl        a line for what was done, as it was done; all that a resumed sweep needs
  points.csv         made from these: a row a point, repeat and host

A run is a repeat of a point; its name is ID.rN. A file is there whole or not at all:
it is written in tmp/ and renamed.
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
from sweeps import planfile
from shared import textlines
from shared.command import Refusal, about
from shared.points import Point

VERSION = 1
FOLDERS = "raw", "pi", "tmp"
OURS = re.compile(r"\.?(plan\.json|environment\.json|state\.jsonl|points\.csv)(\.new)?|"
                  r"report\.(md|html)|plots|raw|pi|tmp|images\.\w{8}")


class Refused(Refusal):
    """Why a folder can't be used, in one line."""


def run_name(point_id, repeat):
    return f"{point_id}.r{repeat}"


def write_whole(path, text):
    """The file is there with all of the text, or as it was before; never through a link."""
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
    """What is new in a folder is there after a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:             # a file system that can't do that
        pass
    finally:
        os.close(descriptor)


def read_json(path):
    """A file of this version of ours."""
    try:
        found = json.loads(textlines.plain(path, Refused).decode("utf-8"))
        version = found["version"]
    except FileNotFoundError:
        raise Refused(f"{path.parent} has no {path.name}: it is no folder of a sweep's "
                      "results") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(f"{path} is damaged or half-written: sweep again into another folder") \
            from None
    if version != VERSION:
        raise Refused(f"{path} is of version {version}, this program knows {VERSION}: use the "
                      "program that wrote it, or sweep again")
    return found


def hold(path):
    """A descriptor that keeps other sweeps off a folder, as long as this program runs."""
    path.mkdir(parents=True, exist_ok=True)
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(f"{path} is in use by another sweep") from None
    return held


def as_text(plan):
    return json.dumps(plan, indent=1) + "\n"


def nothing_done(state):
    """Was nothing measured, and no drive formatted?"""
    return not state.exists() or all(line.startswith(b'{"token":')
                                     for line in textlines.plain(state, Refused).splitlines())


def end_of_lines(file):
    """Where the whole lines of a file end; what is behind them was cut off as it was written."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    if file.read(1) in (b"", b"\n"):
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1


class Folder:
    """
    One folder, held by one sweep at a time. @runs are those that ended, @originals what
    drives that are not put back yet were before, @left_out why points can't be measured.
    """

    def __init__(self, path, plan, held):
        self.path, self.plan, self.held = Path(path), plan, held
        self.nameless = {}
        self.runs, self.originals, self.left_out, self.known_token = {}, [], {}, ""
        for name in FOLDERS:
            place = self.path / name
            place.mkdir(exist_ok=True)
            if place.is_symlink():
                raise Refused(f"{place} is a link: a sweep's results are all in one folder")
        self.read_state()

    @classmethod
    def create(cls, path, plan):
        """A new one; one that has the same plan already is gone on with."""
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
        """One that is there; not @alone, its holder is who started this program."""
        if not path.is_dir():
            raise Refused(f"{path} is no folder")
        planfile.check(read_json(path / "plan.json"), path / "plan.json")
        held = hold(path) if alone else None
        return cls(path, read_json(path / "plan.json"), held)

    def tidy(self):
        """What fios left that is no result."""
        for path in (self.path / "tmp").iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    # --- state ---

    @property
    def state(self):
        return self.path / "state.jsonl"

    def read_state(self):
        """
        What was done; a line that was cut off by a kill or a full disk is none. One that is
        damaged is told of: all that the others say is kept.
        """
        text = textlines.plain(self.state, Refused) if self.state.exists() else b""
        for at, line in enumerate(text.split(b"\n")[:-1], 1):
            try:
                self.take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                print(f"sweep: {self.state}, line {at}, is damaged and left out: "
                      f"{line[:60]!r}", file=sys.stderr)

    def open_state(self):
        """Not in append mode: with that a guest's 9p writes whole pages to the end."""
        return os.open(self.state, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)

    def take(self, record):
        """What a line of the state says."""
        if "run" in record:
            self.runs[planfile.run_record(record)["run"]] = record
        elif "formatted" in record and "drive" not in record:   # of an older program
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
        elif "token" in record:
            self.known_token = planfile.token_record(record)
        elif "left_out" in record:
            self.left_out |= dict.fromkeys(record["left_out"], str(record["why"]))

    def append(self, *records, sync=False):
        """
        Note what was done; with @sync it is on disk when this returns. Where there is no
        room for all of it, none of it is there.
        """
        new = not self.state.exists()
        text = "".join(f"{json.dumps(record)}\n" for record in records).encode()
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
        """A word that names of files elsewhere have in them, of this folder alone."""
        if not self.known_token:
            self.append({"token": secrets.token_hex(8)}, sync=True)
        return self.known_token

    # --- drives ---

    def original(self, known):
        """What a namespace was before a sweep of this folder formatted it; None while it is so."""
        return next((setting for one, setting in self.originals if one.same(known)), None)

    def note_formatted(self, known, path, setting):
        """It will be formatted, and was so before."""
        self.append({"formatted": path, "drive": known._asdict(), "original": setting.as_json()},
                    sync=True)

    def note_restored(self, known):
        """It is as it was."""
        self.append({"restored": known.text(), "drive": known._asdict()}, sync=True)

    def leave_out(self, tag, fmt, why):
        """Points of a format that a target does not take, and those of which it is the base line."""
        points = [(columns, Point.from_columns(columns)) for columns in planfile.points(self.plan)]
        gone = {p.id for _, p in points if (p.tag, p.fmt) == (tag, fmt)}
        gone |= {p.id for _, p in points if p.base in gone}
        self.append({"left_out": sorted(gone - set(self.left_out)), "why": why}, sync=True)

    def settle_plan(self):
        """plan.json has what can be measured, and says what can't and why."""
        if self.left_out:
            plan = planfile.without(self.plan, self.left_out)
            write_whole(self.path / "plan.json", as_text(plan))
            self.plan = read_json(self.path / "plan.json")

    def done(self, point_id, repeat):
        """
        Has this run ended on all hosts, and is what it left whole? Runs of one fio have their results
        in one file, which is written anew for all of them.
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
        """The engine's pi_report of a run."""
        return self.path / "pi" / f"{name}.json"

    def raw(self, name, kind):
        return self.path / "raw" / f"{name}.{kind}"

    def environment(self):
        """What was written of the machine when something was measured; {} before that."""
        path = self.path / "environment.json"
        try:
            return read_json(path) if self.runs and path.exists() else {}
        except Refused:         # it is written anew
            return {}

    def write_environment(self, environment):
        write_whole(self.path / "environment.json",
                    json.dumps({"version": VERSION, **environment}, indent=1) + "\n")

    def write_points(self):
        """points.csv of all that is done; its rows."""
        rows, text = list(self.rows()), io.StringIO(newline="")
        table = csv.DictWriter(text, measures.COLUMNS, restval="")
        table.writeheader()
        table.writerows(rows)
        write_whole(self.path / "points.csv", text.getvalue())
        return rows

    def rows(self):
        """A row for each point, repeat and host, in the order of the runs."""
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
                       "exit_status": record["status"], "round": record.get("round"),
                       "boot": record.get("boot")}
            report = self.report(name)
            for host, job in measures.jobs_of_run(raws[record["raw"]], name, record):
                yield common | {"host": host} | measures.of_job(job) | \
                    measures.of_report(report, point, job)
