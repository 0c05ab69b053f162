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
import json
import os
import shutil
from pathlib import Path

import fiojob
import measures
from command import Refusal

VERSION = 1


class Refused(Refusal):
    """Why a folder can't be used, in one line."""


def run_name(point_id, repeat):
    return f"{point_id}.r{repeat}"


def write_whole(path, text):
    """The file is there with all of the text, or as it was before."""
    new = path.with_name(f".{path.name}.new")
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def read_json(path):
    """A file of this version of ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version = found["version"]
    except FileNotFoundError:
        raise Refused(f"{path.parent} has no {path.name}: it is no folder of a sweep's "
                      "results") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{path} is damaged or half-written: remove the folder and sweep again") \
            from None
    if version != VERSION:
        raise Refused(f"{path} is of version {version}, this program knows {VERSION}: use the "
                      "program that wrote it, or sweep again")
    return found


def hold(path):
    """A descriptor that keeps other sweeps off a folder, as long as this program runs."""
    (path / "tmp").mkdir(parents=True, exist_ok=True)
    held = os.open(path / "tmp", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(f"{path} is in use by another sweep") from None
    return held


class Folder:
    """One folder, held by one sweep at a time."""

    def __init__(self, path, plan, held):
        self.path, self.plan, self.held = Path(path), plan, held
        self.runs, self.originals = {}, {}
        for name in ("raw", "pi", "tmp"):
            (self.path / name).mkdir(exist_ok=True)
        self.read_state()

    @staticmethod
    def check(path):
        """Refuse what is no folder with a finished sweep's results."""
        if not path.is_dir():
            raise Refused(f"{path} is no folder")
        read_json(path / "plan.json")
        if not (path / "points.csv").exists():
            raise Refused(f"{path} has no points.csv: its sweep did not come to an end, "
                          "--resume it")

    @classmethod
    def create(cls, path, plan):
        """A new one; one that has the same plan already is gone on with."""
        if path.exists() and not path.is_dir() or \
                path.is_dir() and any(path.iterdir()) and not (path / "plan.json").exists():
            raise Refused(f"{path} is not an empty folder: name another")
        held = hold(path)
        if not (path / "state.jsonl").exists():         # nothing was done in it
            write_whole(path / "plan.json", json.dumps(plan, indent=1) + "\n")
        if read_json(path / "plan.json") != json.loads(json.dumps(plan)):
            raise Refused(f"{path} holds another sweep's results: name another folder, or "
                          "go on with that one by --resume")
        return cls(path, plan, held)

    @classmethod
    def open(cls, path, alone=True):
        """One that is there; not @alone, its holder is who started this program."""
        if not path.is_dir():
            raise Refused(f"{path} is no folder")
        plan = read_json(path / "plan.json")
        return cls(path, plan, hold(path) if alone else None)

    def tidy(self):
        """What fios left that is no result."""
        for path in (self.path / "tmp").iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    # --- state ---

    @property
    def state(self):
        return self.path / "state.jsonl"

    def read_state(self):
        """What was done; a line that was cut off by a kill is none."""
        text = self.state.read_bytes() if self.state.exists() else b""
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(self.state, whole)
        try:
            for line in text[:whole].splitlines():
                self.take(json.loads(line))
        except ValueError:
            raise Refused(f"{self.state} is damaged: remove the folder and sweep again") from None

    def take(self, record):
        """What a line of the state says."""
        if "run" in record:
            self.runs[record["run"]] = record
        elif "formatted" in record:
            self.originals.setdefault(record["formatted"], record["original"])
        elif "restored" in record:
            self.originals.pop(record["restored"], None)

    def append(self, *records, sync=False):
        """Note what was done; with @sync it is on disk when this returns."""
        # Not in append mode: with that a guest's 9p writes whole pages to the end.
        with open(os.open(self.state, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write("".join(f"{json.dumps(record)}\n" for record in records).encode())
            file.flush()
            if sync:
                os.fsync(file.fileno())
        for record in records:
            self.take(record)

    def done(self, point_id, repeat):
        """Has this run ended on all hosts, and is what it left whole?"""
        record = self.runs.get(run_name(point_id, repeat))
        return bool(record) and not record.get("lost") and \
            bool(fiojob.read_jobs(self.path / "raw" / f"{record['raw']}.json"))

    # --- what comes of it ---

    def raw(self, name, kind):
        return self.path / "raw" / f"{name}.{kind}"

    def environment(self):
        """What was written of the machine when something was measured; {} before that."""
        path = self.path / "environment.json"
        return read_json(path) if self.runs and path.exists() else {}

    def write_environment(self, environment):
        write_whole(self.path / "environment.json",
                    json.dumps({"version": VERSION, **environment}, indent=1) + "\n")

    def write_points(self):
        """points.csv of all that is done; its rows."""
        rows = list(self.rows())
        new = self.path / ".points.csv.new"
        with open(new, "w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, measures.COLUMNS, restval="")
            table.writeheader()
            table.writerows(rows)
        new.rename(self.path / "points.csv")
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
                       "exit_status": record["status"]}
            report = self.path / "pi" / f"{name}.json"
            for host, job in measures.jobs_of_run(raws[record["raw"]], name, record):
                yield common | {"host": host} | measures.of_job(job) | \
                    measures.of_report(report, point, job)
