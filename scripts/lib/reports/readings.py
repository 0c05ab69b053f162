# SPDX-License-Identifier: GPL-2.0-only
"""Reads the results folder of a sweep, completely, or refuses it with a line on what is wrong."""
import csv
import io
import json
import re
from pathlib import Path
from statistics import median

from shared import boots
from shared import measures
from shared import textlines
from shared.command import Refusal, printable
from shared.formats import PIF
from shared.points import BLOCK_MODES, CHECKS, RW
from shared.quoting import all_printable
from shared.results import VERSION

# Columns that define a point: two points that are equal in these measure the same thing.
DEFINING = ("data_size", "ms", "guard", "pi_type", "placement", "transfer", "sts", "pract",
            "prchk", "pi_verify", "mode", "rw", "rwmixread", "bs", "iodepth", "numjobs")
LABELS = ("host", "target", "target_kind", "id", "base", "base_kind")

KINDS = ("embedded", "device", "guest")
MODES = ("none", "pract", "unchecked", "device", "host", "both", *BLOCK_MODES)
WHAT_IS_CHECKED = re.compile("|none|all|(?:{0})(?:[,+](?:{0}))*".format("|".join(CHECKS)))
# Columns of text: the allowed words, or None for names.
WORDS = {
    **dict.fromkeys(LABELS), "target_kind": KINDS, "base_kind": ("", "no-pi", "pract"),
    "guard": ("none", *PIF), "placement": ("", "first", "last"),
    "transfer": ("", "separate", "extended"), "mode": MODES, "rw": RW, "boot": None,
    "prchk": WHAT_IS_CHECKED, "pi_verify": WHAT_IS_CHECKED}
# Columns of integers: (least, most). All other columns are numbers from 0 to MOST.
WHOLE = {
    "repeat": (1, 10**6), "round": (1, 10**6), "order": (1, 10**9), "data_size": (1, 2**32),
    "ms": (0, 2**16), "pi_type": (0, 3), "sts": (0, 64), "pract": (0, 1), "rwmixread": (0, 100),
    "bs": (1, 2**40), "iodepth": (1, 2**32), "numjobs": (1, 2**20)}
NEEDED = ("repeat", "data_size", "ms", "pi_type", "bs", "iodepth", "numjobs", "ios", "pi_errors",
          "io_errors", "exit_status")
MOST = 1e19
NUMBER = r"[0-9]{1,25}(?:\.[0-9]{1,25})?(?:e[+-]?[0-9]{1,3})?"


class Unusable(Refusal):
    """A line that says which folder cannot be used, and why."""

    def __init__(self, line):
        super().__init__(printable(line))


class Point:
    """
    A point of the results: its definition and labels are attributes, its runs are stored by repeat.
    """

    def __init__(self, row):
        for column in LABELS + DEFINING:
            setattr(self, column, row[column])
        self.runs, self.runtime, self.planned = {}, 0, 0
        self.base_point, self.parts = None, frozenset()

    def definition(self):
        return tuple(getattr(self, column) for column in DEFINING)

    def format(self):
        """Returns data+metadata, guard, type and so on, as the engine's messages write it."""
        text = f"{self.data_size}+{self.ms}" + (f" {self.transfer}" if self.ms else "")
        if self.guard == "none":
            return text + ", no PI"
        text += f", {self.guard} type {self.pi_type} {self.placement}"
        return text + (f", STS {self.sts}" if self.sts else "")

    def variant(self):
        """Returns the mode, and what is checked if that is not everything: 'device: guard'."""
        words = {w for w in (self.prchk, self.pi_verify) if w not in ("", "none", "all")}
        return ": ".join([self.mode, *sorted(words)])

    def workload(self):
        """Returns the I/O: 'randrw 70/30 4096 bytes, depth 32, 4 jobs'."""
        jobs = f", {self.numjobs} jobs" if self.numjobs != 1 else ""
        return f"{self.kind_of_io()} {self.bs} bytes, depth {self.iodepth}{jobs}"

    def kind_of_io(self):
        """Returns rw, and the percentages of a mix."""
        mix = self.rwmixread
        return self.rw if mix is None else f"{self.rw} {mix}/{100 - mix}"

    def by_repeat(self, column):
        """Returns {repeat: value} of the good runs that have a value."""
        return {repeat: run[column] for repeat, run in self.runs.items()
                if self.whole(run) and run[column] is not None}

    def by_round(self, column):
        """Returns {(boot, round): median of its values}: a round can have several repeats."""
        found = {}
        for repeat, value in self.by_repeat(column).items():
            found.setdefault(self.place(repeat), []).append(value)
        return {place: median(values) for place, values in found.items()}

    def place(self, repeat):
        """Returns (boot, round) of a run; runs with the same ones had the same conditions."""
        return self.runs[repeat]["boot"], self.runs[repeat]["round"]

    def boots(self):
        return {run["boot"] for run in self.runs.values()}

    def whole(self, run):
        """Returns whether a run did I/O for as long as the plan says, and fio did not fail."""
        return bool(run["iops"]) and not self.is_short(run) and not measures.fio_failed(run)

    def is_short(self, run):
        return bool(run["iops"]) and run["runtime_s"] is not None and \
            not measures.fio_failed(run) and run["runtime_s"] < measures.LEAST_RUNTIME * self.runtime

    def total(self, column):
        """Returns the sum over the runs."""
        return sum(run[column] or 0 for run in self.runs.values())

    def tells(self, column):
        """Returns whether any run has a value in this column."""
        return any(run[column] is not None for run in self.runs.values())

    def untold(self, column):
        """Returns the number of runs that have a result but no value in this column."""
        return sum(bool(run["iops"]) and run[column] is None for run in self.runs.values())

    def ended_badly(self):
        """Returns the number of runs in which fio ended with an error."""
        return sum(bool(run["exit_status"]) for run in self.runs.values())

    def failed(self):
        """Returns the repeats that have no result."""
        return [repeat for repeat, run in self.runs.items() if not run["iops"]]

    def not_good(self):
        """Returns the number of runs that failed, ended too early, or had errors."""
        return sum(not self.whole(run) or bool(run["pi_errors"] or run["io_errors"])
                   for run in self.runs.values())

    def missing(self):
        """Returns the number of runs that were planned and do not exist."""
        return max(self.planned - len(self.runs), 0)

    def cut_short(self):
        """Returns the repeats that ended too early."""
        return [repeat for repeat, run in self.runs.items() if self.is_short(run)]

    def fio_failed(self):
        """Returns the repeats in which fio ended with an error that is not counted elsewhere."""
        return [repeat for repeat, run in self.runs.items()
                if run["iops"] and measures.fio_failed(run)]

    def is_checked(self):
        """Returns whether the device or the host checks anything."""
        return any(words not in ("", "none") for words in (self.prchk, self.pi_verify))

    def escaped(self):
        """
        Returns (blocks that escaped the requested checks, blocks read), or None if this is not
        known.
        """
        told = [run for run in self.runs.values() if run["blocks_escaped"] is not None]
        if not told or not self.is_checked():
            return None
        return tuple(sum(run[column] or 0 for run in told)
                     for column in ("blocks_escaped", "blocks_read"))


class Folder:
    """A results folder in memory: plan, environment, and points in the order of the plan."""

    def __init__(self, path, partial=False):
        self.path = Path(path)
        if not self.path.is_dir():
            raise Unusable(f"{path}: there is no such folder")
        self.plan = read_json(self.path / "plan.json")
        self.environment = read_json(self.path / "environment.json")
        check_shapes(self)
        rows = read_rows(self.path / "points.csv")
        self.points = gather(self.path, rows)
        self.missing = missing_runs(self, rows)
        self.settle()
        if self.missing and not partial:
            raise Unusable(f"{path}: incomplete: {len(self.missing)} of its runs are missing, "
                           f"the first is {self.missing[0]}; let scripts/sweep finish it, or "
                           "accept what there is by --partial")

    def settle(self):
        """
        Completes the data: boot and round of runs, which older folders did not record, and the base
        lines and planned repeats of points. Leaves out totals of only some of the hosts.
        """
        planned = {point["id"]: point.get("repeats", self.plan["repeats"])
                   for point in self.plan["points"]}
        runtime = measures.time_of_run(self.plan)
        names = {(p.host, p.target, p.id): p for p in self.points}
        for point in self.points:
            point.runtime = runtime
            point.planned = planned.get(point.id, 0)
            point.base_point = names.get((point.host, point.target, point.base))
            if point.host == measures.TOTAL:
                point.parts = frozenset(self.hosts())
            for repeat, run in point.runs.items():
                run["boot"] = run["boot"] or ""
                if run["round"] is None:
                    usual = self.plan["repeats"]
                    run["round"] = (repeat - 1) * usual // max(planned.get(point.id, usual), 1) + 1
        boots.note(self)
        self.partial_totals = drop_partial_totals(self)

    @property
    def name(self):
        """The name of the folder, for reports of several."""
        return printable(self.path.resolve().name)

    def hosts(self):
        """Returns {name: environment of that host}."""
        return self.environment.get("hosts") or {self.environment.get("host", ""): self.environment}

    def targets(self):
        """Returns what the environment says about each target of all hosts."""
        return [target for host in self.hosts().values() for target in host.get("targets", ())]


def read_json(path):
    """Returns a JSON object of the supported version, with printable strings."""
    folder, name = path.parent, path.name
    try:
        data = all_printable(json.loads(textlines.plain(path, Unusable).decode("utf-8")))
    except FileNotFoundError:
        raise Unusable(f"{folder}: not the results of a sweep: there is no {name}") from None
    except OSError as error:
        raise Unusable(f"{folder}: {name} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Unusable(f"{folder}: incomplete: {name} is damaged") from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise Unusable(f"{folder}: {name} has version {str(version)[:80]}, this program reads "
                       f"version {VERSION}: use the program that wrote it")
    return data


def check_shapes(folder):
    """
    Raises Unusable if a value of the plan or the environment has another type than a sweep writes.
    """
    def of_kind(name, value, kinds):
        if not isinstance(value, kinds):
            raise Unusable(f"{folder.path}: {name} has another type than a sweep writes: the file "
                           "is "
                           "damaged")
        return value

    of_kind("plan.json: sizes", folder.plan.get("sizes") or {}, dict)
    asked = of_kind("plan.json: asked", folder.plan.get("asked") or {}, dict)
    of_kind("plan.json: fio", asked.get("fio") or [], list)
    hosts = of_kind("environment.json: hosts", folder.environment.get("hosts") or {}, dict)
    for facts in hosts.values() if hosts else [folder.environment]:
        of_kind("environment.json: a host", facts, dict)
        of_kind("environment.json: notes", facts.setdefault("notes", []), list)
        for target in of_kind("environment.json: targets", facts.setdefault("targets", []), list):
            of_kind("environment.json: a target", target, dict)
    if not hosts:
        of_kind("environment.json: host", folder.environment.get("host", ""), str)


def read_rows(path):
    """Returns the rows of points.csv with numbers converted and None for empty cells."""
    folder = path.parent
    try:
        text = textlines.plain(path, Unusable).decode("utf-8")
        table = csv.DictReader(io.StringIO(text, newline=""), restkey="more", strict=True)
        there = table.fieldnames or ()
        lost = [c for c in measures.COLUMNS if c not in there and c not in measures.LATER]
        if lost:
            raise Unusable(f"{folder}: points.csv has no column '{lost[0]}': "
                           "it is incomplete, or of another version")
        if len(set(there)) < len(there):
            raise Unusable(f"{folder}: points.csv is damaged: it has a column twice")
        rows = [typed(row, f"{folder}: points.csv, line {table.line_num}") for row in table]
    except FileNotFoundError:
        raise Unusable(f"{folder}: incomplete: there is no points.csv") from None
    except OSError as error:
        raise Unusable(f"{folder}: points.csv can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise Unusable(f"{folder}: points.csv is damaged: it is not a table of text") from None
    if not rows:
        raise Unusable(f"{folder}: incomplete: points.csv has no rows")
    return rows


def typed(row, where):
    """Returns a row with its numbers converted and its text made printable."""
    if None in row.values() or "more" in row:
        raise Unusable(f"{where}: incomplete: the number of its cells is not that of the columns")
    read = {}
    for column in measures.COLUMNS:
        text, place = row.get(column, ""), f"{where}: {column}"
        read[column] = word(column, text, place) if column in WORDS else \
            number(text, place, *WHOLE.get(column, ()))
    lacking = [column for column in NEEDED if read[column] is None]
    if lacking:
        raise Unusable(f"{where}: the row has no {lacking[0]}")
    return read


def word(column, text, where):
    """Returns the text of a cell if it is allowed in this column."""
    known = WORDS[column]
    good = known is None or (text in known if isinstance(known, tuple) else known.fullmatch(text))
    if not good:
        raise Unusable(f"{where} '{text[:80]}' is not a valid value")
    return printable(text)


def number(text, where, least=0, most=None):
    """Returns a number, None for an empty cell. With @most it must be an integer."""
    if text == "":
        return None
    whole = re.fullmatch("[0-9]{1,19}", text)
    if not whole and (most is not None or not re.fullmatch(NUMBER, text)):
        raise Unusable(f"{where} '{text[:80]}' is not a number")
    value = int(text) if whole else float(text)
    if not least <= value <= (MOST if most is None else most):
        raise Unusable(f"{where} {text[:80]} is out of range")
    return value


def gather(folder, rows):
    """Returns the points of the rows; refuses a run that is there twice."""
    points = {}
    for row in rows:
        new = Point(row)
        point = points.setdefault((row["host"], row["target"], row["id"]), new)
        if point.definition() != new.definition() or point.base != new.base:
            raise Unusable(f"{folder}: points.csv has two points that are called {row['id']}")
        if row["repeat"] in point.runs:
            raise Unusable(f"{folder}: points.csv has {row['id']} repeat {row['repeat']} twice")
        point.runs[row["repeat"]] = row
    return list(points.values())


def often(value):
    """Returns a number of repeats if it is valid."""
    if not isinstance(value, int) or not 0 < value <= 10**6:
        raise ValueError
    return value


def missing_runs(folder, rows):
    """Returns the runs that the plan has and the table does not have, as text."""
    try:
        usual = often(folder.plan["repeats"])
        wanted = [(point["id"], often(point.get("repeats", usual)))
                  for point in folder.plan["points"]]
        if sum(repeats for _, repeats in wanted) > 10**7 or len(dict(wanted)) < len(wanted):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unusable(f"{folder.path}: plan.json has no points, or lacks their "
                       "repeats") from None
    there = {(row["host"], row["id"], row["repeat"]) for row in rows}
    hosts = sorted({host for host, _, _ in there} | set(folder.environment.get("hosts") or ()))
    return [f"{name} repeat {repeat}" + (f" on {host}" if len(hosts) > 1 else "")
            for host in hosts if host != measures.TOTAL for name, repeats in wanted
            for repeat in range(1, repeats + 1) if (host, name, repeat) not in there]


def drop_partial_totals(folder):
    """
    Removes runs from the totals of all hosts if some host does not have them: a sum over other
    hosts is not comparable. Returns how many were removed.
    """
    hosts = set(folder.hosts()) | {p.host for p in folder.points} - {measures.TOTAL}
    whole = {(p.host, p.target, p.id, repeat) for p in folder.points
             for repeat, run in p.runs.items() if p.whole(run)}
    dropped = 0
    for point in folder.points:
        if point.host == measures.TOTAL:
            for repeat in list(point.runs):
                if any((host, point.target, point.id, repeat) not in whole for host in hosts):
                    del point.runs[repeat]
                    dropped += 1
    folder.points = [point for point in folder.points if point.runs]
    return dropped
