# SPDX-License-Identifier: GPL-2.0-only
"""What a finished sweep measured: its folder read whole, or a line on what is wrong with it."""
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
from shared.points import CHECKS, RW
from shared.quoting import all_printable
from shared.results import VERSION

# What makes a point the point it is; two points alike in these measure the same thing.
DEFINING = ("data_size", "ms", "guard", "pi_type", "placement", "transfer", "sts", "pract",
            "prchk", "pi_verify", "mode", "rw", "rwmixread", "bs", "iodepth", "numjobs")
LABELS = ("host", "target", "target_kind", "id", "base", "base_kind")

KINDS = ("embedded", "device", "guest")
MODES = ("none", "pract", "unchecked", "device", "host", "both")
WHAT_IS_CHECKED = re.compile("|none|all|(?:{0})(?:[,+](?:{0}))*".format("|".join(CHECKS)))
# Columns that hold words: those that there are, or None where they are names.
WORDS = {
    **dict.fromkeys(LABELS), "target_kind": KINDS, "base_kind": ("", "no-pi", "pract"),
    "guard": ("none", *PIF), "placement": ("", "first", "last"),
    "transfer": ("", "separate", "extended"), "mode": MODES, "rw": RW, "boot": None,
    "prchk": WHAT_IS_CHECKED, "pi_verify": WHAT_IS_CHECKED}
# Columns with whole numbers: (least, most). Others hold numbers from 0 to MOST.
WHOLE = {
    "repeat": (1, 10**6), "round": (1, 10**6), "order": (1, 10**9), "data_size": (1, 2**32),
    "ms": (0, 2**16), "pi_type": (0, 3), "sts": (0, 64), "pract": (0, 1), "rwmixread": (0, 100),
    "bs": (1, 2**40), "iodepth": (1, 2**32), "numjobs": (1, 2**20)}
NEEDED = ("repeat", "data_size", "ms", "pi_type", "bs", "iodepth", "numjobs", "ios", "pi_errors",
          "io_errors", "exit_status")
MOST = 1e19
NUMBER = r"[0-9]{1,25}(?:\.[0-9]{1,25})?(?:e[+-]?[0-9]{1,3})?"


class Unusable(Refusal):
    """A line that says which folder can't be used, and why."""

    def __init__(self, line):
        super().__init__(printable(line))


class Point:
    """What was measured once a repeat: definition and labels as attributes, runs by repeat."""

    def __init__(self, row):
        for column in LABELS + DEFINING:
            setattr(self, column, row[column])
        self.runs, self.runtime, self.planned = {}, 0, 0
        self.base_point, self.parts = None, frozenset()

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
                if self.whole(run) and run[column] is not None}

    def by_round(self, column):
        """{(boot, round): the median of its values there}: a round can have several repeats."""
        found = {}
        for repeat, value in self.by_repeat(column).items():
            found.setdefault(self.place(repeat), []).append(value)
        return {place: median(values) for place, values in found.items()}

    def place(self, repeat):
        """(boot, round) of a run: what ran there with it met the same machine."""
        return self.runs[repeat]["boot"], self.runs[repeat]["round"]

    def boots(self):
        return {run["boot"] for run in self.runs.values()}

    def whole(self, run):
        """Did it do I/O, and for as long as the plan says?"""
        return bool(run["iops"]) and not self.is_short(run)

    def is_short(self, run):
        return bool(run["iops"]) and run["runtime_s"] is not None and \
            run["runtime_s"] < measures.LEAST_RUNTIME * self.runtime

    def total(self, column):
        """The sum over the runs."""
        return sum(run[column] or 0 for run in self.runs.values())

    def tells(self, column):
        """Does any of its runs have this column?"""
        return any(run[column] is not None for run in self.runs.values())

    def untold(self, column):
        """The number of runs that have a result, but not this column."""
        return sum(bool(run["iops"]) and run[column] is None for run in self.runs.values())

    def ended_badly(self):
        """The number of runs in which fio ended with an error."""
        return sum(bool(run["exit_status"]) for run in self.runs.values())

    def failed(self):
        """The repeats of which there is no result."""
        return [repeat for repeat, run in self.runs.items() if not run["iops"]]

    def missing(self):
        """So many of its runs were planned and are not there."""
        return max(self.planned - len(self.runs), 0)

    def cut_short(self):
        """The repeats that ended before their time."""
        return [repeat for repeat, run in self.runs.items() if self.is_short(run)]

    def is_checked(self):
        """Does the device or the host check something of it?"""
        return any(words not in ("", "none") for words in (self.prchk, self.pi_verify))

    def escaped(self):
        """(blocks that escaped checks that were asked for, blocks read); None where not told."""
        told = [run for run in self.runs.values() if run["blocks_escaped"] is not None]
        if not told or not self.is_checked():
            return None
        return tuple(sum(run[column] or 0 for run in told)
                     for column in ("blocks_escaped", "blocks_read"))


class Folder:
    """A results folder that was read: plan, environment, and points in the plan's order."""

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
            raise Unusable(f"{path}: half-written: {len(self.missing)} of its runs are missing, "
                           f"the first is {self.missing[0]}; let scripts/sweep finish it, or "
                           "take what there is by --partial")

    def settle(self):
        """
        Give runs the boot and the round that folders of before have not noted, and points what
        the plan says of them and their base lines; leave out totals of some hosts alone.
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
        """What to call it beside others."""
        return printable(self.path.resolve().name)

    def hosts(self):
        """{name: environment of that host}."""
        return self.environment.get("hosts") or {self.environment.get("host", ""): self.environment}

    def targets(self):
        """What the environment says of each target, of all hosts."""
        return [target for host in self.hosts().values() for target in host.get("targets", ())]


def read_json(path):
    """An object of this version; its strings as they can be shown."""
    folder, name = path.parent, path.name
    try:
        data = all_printable(json.loads(textlines.plain(path, Unusable).decode("utf-8")))
    except FileNotFoundError:
        raise Unusable(f"{folder}: no results of a sweep: there is no {name}") from None
    except OSError as error:
        raise Unusable(f"{folder}: {name} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Unusable(f"{folder}: half-written: {name} is not whole") from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise Unusable(f"{folder}: {name} is of version {str(version)[:80]}, this program reads "
                       f"version {VERSION}: use the program that wrote it")
    return data


def check_shapes(folder):
    """Refuse a plan or an environment in which something is not of the kind that a sweep writes."""
    def of_kind(name, value, kinds):
        if not isinstance(value, kinds):
            raise Unusable(f"{folder.path}: {name} is not what a sweep writes there: the file is "
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
    """The rows of points.csv, numbers as numbers and empty cells as None."""
    folder = path.parent
    try:
        text = textlines.plain(path, Unusable).decode("utf-8")
        table = csv.DictReader(io.StringIO(text, newline=""), restkey="more", strict=True)
        there = table.fieldnames or ()
        lost = [c for c in measures.COLUMNS if c not in there and c not in measures.LATER]
        if lost:
            raise Unusable(f"{folder}: points.csv has no column '{lost[0]}': "
                           "it is half-written, or of another version")
        if len(set(there)) < len(there):
            raise Unusable(f"{folder}: points.csv is damaged: it has a column twice")
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
    """The row, with its numbers as such and its words as they can be shown."""
    if None in row.values() or "more" in row:
        raise Unusable(f"{where}: half-written: it has not as many cells as there are columns")
    read = {}
    for column in measures.COLUMNS:
        text, place = row.get(column, ""), f"{where}: {column}"
        read[column] = word(column, text, place) if column in WORDS else \
            number(text, place, *WHOLE.get(column, ()))
    lacking = [column for column in NEEDED if read[column] is None]
    if lacking:
        raise Unusable(f"{where}: a row needs a {lacking[0]}")
    return read


def word(column, text, where):
    """A name, or one of the words that a column can have."""
    known = WORDS[column]
    good = known is None or (text in known if isinstance(known, tuple) else known.fullmatch(text))
    if not good:
        raise Unusable(f"{where} '{text[:80]}' is none of the words that a sweep writes there")
    return printable(text)


def number(text, where, least=0, most=None):
    """None for an empty cell; whole where @most is given."""
    if text == "":
        return None
    whole = re.fullmatch("[0-9]{1,19}", text)
    if not whole and (most is not None or not re.fullmatch(NUMBER, text)):
        raise Unusable(f"{where} '{text[:80]}' is no number")
    value = int(text) if whole else float(text)
    if not least <= value <= (MOST if most is None else most):
        raise Unusable(f"{where} {text[:80]} is no number that a sweep writes there")
    return value


def gather(folder, rows):
    """Points of rows; each run once."""
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
    """A number of repeats."""
    if not isinstance(value, int) or not 0 < value <= 10**6:
        raise ValueError
    return value


def missing_runs(folder, rows):
    """Runs that the plan has and the table hasn't, as text."""
    try:
        usual = often(folder.plan["repeats"])
        wanted = [(point["id"], often(point.get("repeats", usual)))
                  for point in folder.plan["points"]]
        if sum(repeats for _, repeats in wanted) > 10**7 or len(dict(wanted)) < len(wanted):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unusable(f"{folder.path}: plan.json has no points, or not how often each is "
                       "repeated") from None
    there = {(row["host"], row["id"], row["repeat"]) for row in rows}
    hosts = sorted({host for host, _, _ in there} | set(folder.environment.get("hosts") or ()))
    return [f"{name} repeat {repeat}" + (f" on {host}" if len(hosts) > 1 else "")
            for host in hosts if host != measures.TOTAL for name, repeats in wanted
            for repeat in range(1, repeats + 1) if (host, name, repeat) not in there]


def drop_partial_totals(folder):
    """
    Take runs out of the totals of all hosts that not every host has: with other hosts a sum
    is another thing. Returns how many.
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
