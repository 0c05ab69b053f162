# SPDX-License-Identifier: GPL-2.0-only
"""What a finished sweep measured: its folder read whole, or a line on what is wrong with it."""
import csv
import json
from pathlib import Path

import measures
from command import Refusal
from results import VERSION

# What makes a point the point it is; two points alike in these measure the same thing.
DEFINING = ("data_size", "ms", "guard", "pi_type", "placement", "transfer", "sts", "pract",
            "prchk", "pi_verify", "mode", "rw", "rwmixread", "bs", "iodepth", "numjobs")
LABELS = ("host", "target", "target_kind", "id", "base", "base_kind")
WORDS = {*LABELS, "guard", "placement", "transfer", "prchk", "pi_verify", "mode", "rw"}

KINDS = ("embedded", "device", "guest")
MODES = ("none", "pract", "unchecked", "device", "host", "both")


class Unusable(Refusal):
    """A line that says which folder can't be used, and why."""


class Point:
    """What was measured once a repeat: definition and labels as attributes, runs by repeat."""

    def __init__(self, row):
        for column in LABELS + DEFINING:
            setattr(self, column, row[column])
        self.runs = {}

    def definition(self):
        return tuple(getattr(self, column) for column in DEFINING)

    def format(self):
        """data+metadata, guard, type..., as the engine's messages have it."""
        text = f"{self.data_size}+{self.ms}" + (f" {self.transfer}" if self.ms else "")
        if self.guard == "none":
            return text + ", no PI"
        text += f", {self.guard} type {self.pi_type} {self.placement}"
        return text + (f", STS {self.sts}" if self.sts else "")

    def variant(self):
        """The mode, and what is checked where that is not all: 'device: guard'."""
        words = {w for w in (self.prchk, self.pi_verify) if w not in ("", "none", "all")}
        return ": ".join([self.mode, *sorted(words)])

    def workload(self):
        """The I/O: 'randrw 70/30 4096 bytes, depth 32, 4 jobs'."""
        jobs = f", {self.numjobs} jobs" if self.numjobs != 1 else ""
        return f"{self.kind_of_io()} {self.bs} bytes, depth {self.iodepth}{jobs}"

    def kind_of_io(self):
        """rw, and how much of a mix is read."""
        mix = self.rwmixread
        return self.rw if mix is None else f"{self.rw} {mix}/{100 - mix}"

    def by_repeat(self, column):
        """{repeat: value}, where the run went well and has one."""
        return {repeat: run[column] for repeat, run in self.runs.items()
                if run["iops"] and run[column] is not None}

    def total(self, column):
        """The sum over the runs."""
        return sum(run[column] or 0 for run in self.runs.values())

    def failed(self):
        """The repeats of which there is no result."""
        return [repeat for repeat, run in self.runs.items() if not run["iops"]]


class Folder:
    """A results folder that was read: plan, environment, and points in the plan's order."""

    def __init__(self, path, partial=False):
        self.path = Path(path)
        if not self.path.is_dir():
            raise Unusable(f"{path}: there is no such folder")
        self.plan = read_json(self.path / "plan.json")
        self.environment = read_json(self.path / "environment.json")
        rows = read_rows(self.path / "points.csv")
        self.points = gather(self.path, rows)
        self.missing = missing_runs(self, rows)
        if self.missing and not partial:
            raise Unusable(f"{path}: half-written: {len(self.missing)} of its runs are missing, "
                           f"the first is {self.missing[0]}; let scripts/sweep finish it, or "
                           "take what there is by --partial")

    @property
    def name(self):
        """What to call it beside others."""
        return self.path.resolve().name

    def hosts(self):
        """{name: environment of that host}."""
        return self.environment.get("hosts") or {self.environment.get("host", ""): self.environment}

    def targets(self):
        """What the environment says of each target, of all hosts."""
        return [target for host in self.hosts().values() for target in host.get("targets", ())]


def read_json(path):
    """An object of this version."""
    folder, name = path.parent, path.name
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unusable(f"{folder}: no results of a sweep: there is no {name}") from None
    except OSError as error:
        raise Unusable(f"{folder}: {name} can't be read: {error.strerror}") from None
    except ValueError:
        raise Unusable(f"{folder}: half-written: {name} is not whole") from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise Unusable(f"{folder}: {name} is of version {version}, this program reads version "
                       f"{VERSION}: use the program that wrote it")
    return data


def read_rows(path):
    """The rows of points.csv, numbers as numbers and empty cells as None."""
    folder = path.parent
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, restkey="more")
            lost = [c for c in measures.COLUMNS if c not in (table.fieldnames or ())]
            if lost:
                raise Unusable(f"{folder}: points.csv has no column '{lost[0]}': "
                               "it is half-written, or of another version")
            rows = [typed(row, f"{folder}: points.csv, line {table.line_num}") for row in table]
    except FileNotFoundError:
        raise Unusable(f"{folder}: half-written: there is no points.csv") from None
    except OSError as error:
        raise Unusable(f"{folder}: points.csv can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise Unusable(f"{folder}: points.csv is damaged: it is not a table of text") from None
    if not rows:
        raise Unusable(f"{folder}: half-written: points.csv has no rows")
    return rows


def typed(row, where):
    """The row, with its numbers as such."""
    if None in row.values() or "more" in row:
        raise Unusable(f"{where}: half-written: it has not as many cells as there are columns")
    for column in measures.COLUMNS:
        if column not in WORDS:
            row[column] = number(row[column], f"{where}: {column}")
    if row["repeat"] is None or row["target_kind"] not in KINDS or row["mode"] not in MODES:
        raise Unusable(f"{where}: a row needs a repeat, a target_kind of {', '.join(KINDS)}, "
                       f"and a mode of {', '.join(MODES)}")
    return row


def number(text, where):
    try:
        return None if text == "" else int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise Unusable(f"{where} '{text}' is no number") from None


def gather(folder, rows):
    """Points of rows; each run once."""
    points = {}
    for row in rows:
        point = points.setdefault((row["host"], row["target"], row["id"]), Point(row))
        if row["repeat"] in point.runs:
            raise Unusable(f"{folder}: points.csv has {row['id']} repeat {row['repeat']} twice")
        point.runs[row["repeat"]] = row
    return list(points.values())


def missing_runs(folder, rows):
    """Runs that the plan has and the table hasn't, as text."""
    try:
        wanted = [(point["id"], repeat) for point in folder.plan["points"]
                  for repeat in range(1, point.get("repeats", folder.plan["repeats"]) + 1)]
    except (KeyError, TypeError):
        raise Unusable(f"{folder.path}: plan.json has no points, or not how often each is "
                       "repeated") from None
    there = {(row["host"], row["id"], row["repeat"]) for row in rows}
    hosts = sorted({host for host, _, _ in there} | set(folder.environment.get("hosts", ())))
    return [f"{name} repeat {repeat}" + (f" on {host}" if len(hosts) > 1 else "")
            for host in hosts if host != measures.TOTAL for name, repeat in wanted
            if (host, name, repeat) not in there]
