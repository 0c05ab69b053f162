# SPDX-License-Identifier: GPL-2.0-only
"""
Results folders with a known truth: the time of an I/O is a formula, noise is drawn from a
seed. They test statistics and pages by the hundred; tests that run a sweep check what it
really writes.
"""
import csv
import itertools
import json
import math
import random
from dataclasses import dataclass, field
from pathlib import Path

from shared import formats
from shared import measures
from shared.results import VERSION

CHECKED = {"pract": ("all", "none"), "unchecked": ("none", "none"), "device": ("all", "none"),
           "host": ("none", "all"), "both": ("all", "all")}
GUARD_NS = {0: 0.045, 1: 0.03, 2: 0.036}        # a byte, by PIF
PLAIN_NS, COPY_NS, TUPLE_NS = 900, 0.06, 25     # an I/O, a byte, a block
PERCENTILES = {"lat_mean_ns": 1, "lat_p50_ns": 0.95, "lat_p90_ns": 1.2, "lat_p99_ns": 1.9,
               "lat_p999_ns": 4}


@dataclass
class Noise:
    """Natural logarithms: what a run, a round, and the whole folder are off by."""

    run: float = 0.005
    round: float = 0
    whole: float = 0
    drift: float = 0            # from the first round to the last
    outliers: float = 0         # share of runs that something else slowed down, by up to 2


@dataclass
class Fake:
    """What to write."""

    formats: list = field(default_factory=lambda: [formats.Format(4096, 8, 0, 1, 0, 0)])
    modes: tuple = ("pract", "unchecked", "device", "host", "both")
    loads: tuple = (("randwrite", 4096, 32, 1), ("randread", 4096, 32, 1))
    repeats: int = 5
    base_repeats: int = 0       # those of baselines, where they have more
    modes_of: dict = field(default_factory=dict)        # rw to its modes, where they differ
    kind: str = "embedded"
    target: str = "image"
    base: str = "no-pi"
    host: str = "testhost"
    boot: str = ""
    fio: list = field(default_factory=list)             # lines that were added to all jobs
    seed: int = 1
    noise: Noise = field(default_factory=Noise)
    slower: float = 1           # every I/O takes so many times as long
    slower_only: str = ""       # where the id has this
    reported: bool = True       # the engine tells time spent generating and checking
    errors: dict = field(default_factory=dict)          # id to PI errors in its first run


def name_of(fmt, mode, load):
    rw, bs, depth, jobs = load
    guard = f"{formats.GUARDS[fmt.pif]}-t{fmt.pi}-{fmt.pil}{fmt.mset}-s{fmt.sts}" if fmt.pi else "plain"
    return f"{fmt.lbs}+{fmt.ms}-{guard}-{mode}-{rw}-{bs}-{depth}-{jobs}"


def definition(fmt, mode, load):
    """The columns that define a point, but for the baseline."""
    rw, bs, depth, jobs = load
    prchk, verify = CHECKED.get(mode, ("", ""))
    return {
        "id": name_of(fmt, mode, load), "data_size": fmt.lbs, "ms": fmt.ms,
        "guard": formats.GUARDS[fmt.pif] if fmt.pi else "none", "pi_type": fmt.pi,
        "placement": ("last", "first")[fmt.pil] if fmt.pi else "",
        "transfer": ("separate", "extended")[fmt.mset] if fmt.ms else "",
        "sts": fmt.sts if fmt.pi else "", "pract": "" if mode == "none" else int(mode == "pract"),
        "prchk": prchk, "pi_verify": verify, "mode": mode, "rw": rw,
        "rwmixread": 70 if rw == "randrw" else "", "bs": bs, "iodepth": depth, "numjobs": jobs,
    }


def points_of(fake):
    """Definitions, baselines first."""
    points = {}
    for fmt, load in itertools.product(fake.formats, fake.loads):
        plain = formats.Format(fmt.lbs, 0, 0, 0, 0, 0)
        base = definition(plain, "none", load) if fake.base == "no-pi" else \
            definition(fmt, "pract", load)
        points.setdefault(base["id"], base | {"base": "", "base_kind": fake.base,
                                              "repeats": max(fake.repeats, fake.base_repeats)})
        for mode in fake.modes_of.get(load[0], fake.modes):
            point = definition(fmt, mode, load)
            points.setdefault(point["id"], point | {"base": base["id"], "base_kind": "",
                                                    "repeats": fake.repeats})
    return list(points.values())


def cost(point):
    """(ns an I/O, of them generating, of them checking in the host)."""
    blocks = point["bs"] // point["data_size"]
    pif = {name: number for number, name in formats.GUARDS.items()}.get(point["guard"])
    guard = 0 if pif is None else TUPLE_NS + GUARD_NS[pif] * point["data_size"]
    writes = 1 if "write" in point["rw"] else 0.3 if point["rw"] == "randrw" else 0
    generate = blocks * guard * writes * (point["mode"] not in ("none", "pract"))
    check = blocks * guard * (1 - writes) * (point["pi_verify"] == "all")
    device = blocks * guard * (point["prchk"] == "all") * 0.9
    time = PLAIN_NS + (COPY_NS + 0.01 * (point["placement"] == "first")) * point["bs"]
    time += blocks * point["ms"] * (0.4 if point["transfer"] == "extended" else 0.2)
    time += 2500 / point["iodepth"]
    return time + generate + check + device, generate, check


def measure(fake, point, rng, off):
    """One run of a point as columns; @off is what its round is off by."""
    time, generate, check = cost(point)
    noise = off + rng.gauss(0, fake.noise.run)
    if rng.random() < fake.noise.outliers:
        noise += math.log(rng.uniform(1.1, 2))
    if fake.slower_only in point["id"]:
        noise += math.log(fake.slower)
    time *= math.exp(noise)
    iops = point["numjobs"] * 1e9 / time
    blocks = point["bs"] // point["data_size"]
    reads = 1 - (1 if "write" in point["rw"] else 0.3 if point["rw"] == "randrw" else 0)
    row = {
        "iops": iops, "read_iops": iops * reads, "write_iops": iops * (1 - reads),
        "bw_bytes": iops * point["bs"], "usr_cpu": 71.5, "sys_cpu": 21.25,
        "cpu_ns_per_io": time * 0.93, "ios": int(iops), "pi_errors": 0, "io_errors": 0,
        "exit_status": 0, "runtime_s": 1,
    }
    row |= {column: time * point["iodepth"] * factor * math.exp(rng.gauss(0, fake.noise.run))
            for column, factor in PERCENTILES.items()}
    if fake.reported and point["guard"] != "none":
        row |= {"generate_ns_per_io": generate, "check_ns_per_io": check,
                "generate_ns_per_block": generate / blocks / (1 - reads or 1),
                "check_ns_per_block": check / blocks / (reads or 1),
                "blocks_generated": int(iops * (1 - reads)) * blocks if generate else 0,
                "blocks_checked": int(iops * reads) * blocks if check else 0}
    return row


def rows_of(fake, points):
    """A row a point and repeat, in the order run."""
    rng = random.Random(fake.seed)
    order = itertools.count(1)
    whole = rng.gauss(0, fake.noise.whole)
    for repeat in range(1, max(point["repeats"] for point in points) + 1):
        off = whole + rng.gauss(0, fake.noise.round)
        off += fake.noise.drift * (repeat - 1) / max(1, fake.repeats - 1)
        due = [point for point in points if repeat <= point["repeats"]]
        for point in rng.sample(due, len(due)):
            row = {name: value for name, value in point.items() if name in measures.COLUMNS}
            row |= measure(fake, point, rng, off)
            if repeat == 1:
                row["pi_errors"] = fake.errors.get(point["id"], 0)
            yield row | {"host": fake.host, "target": fake.target, "target_kind": fake.kind,
                         "repeat": repeat, "order": next(order), "boot": fake.boot}


def environment(fake):
    target = {"name": fake.target, "kind": fake.kind, "model": "fio-nvmepi embedded controller",
              "serial": "0001", "firmware": "1.0", "format": "4096+8 16b type 1", "scheduler": "none",
              "irq_affinity": "0-1", "filesystem": "ext4"}
    return {"version": VERSION, "host": fake.host, "cpu": "Example CPU 3.0 GHz", "cores": 2,
            "governor": "performance", "kernel": "6.1.0-20-amd64", "fio": "fio-3.33",
            "liburing": "2.3", "engine": "1.0-1-g1234567", "targets": [target],
            "notes": ["Each image was written once before it was measured."]}


def write(folder, fake):
    """The folder, as scripts/sweep leaves it, without raw/ and pi/."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    points = points_of(fake)
    plan = {"version": VERSION, "name": "fake", "seed": fake.seed, "repeats": fake.repeats,
            "sizes": {"runtime": 1}, "points": points, "asked": {"fio": fake.fio}}
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps(environment(fake)), encoding="utf-8")
    with open(folder / "points.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, measures.COLUMNS)
        table.writeheader()
        table.writerows(rows_of(fake, points))
    return folder


# --- folders that can't be used, and what has to be said of them ---

def change_json(path, **words):
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | words), encoding="utf-8")


def change_lines(path, change):
    """@change takes the list of lines and returns another."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(change(lines)), encoding="utf-8")


def cut_column(lines, name):
    at = lines[0].rstrip("\n").split(",").index(name)
    return [",".join(c for i, c in enumerate(line.rstrip("\n").split(",")) if i != at) + "\n"
            for line in lines]


BAD = {
    "empty folder": (lambda f: [p.unlink() for p in f.iterdir()], "plan.json"),
    "no folder": (lambda f: f.rename(f"{f}.away"), "no such folder"),
    "no environment": (lambda f: (f / "environment.json").unlink(), "environment.json"),
    "no points": (lambda f: (f / "points.csv").unlink(), "incomplete points.csv"),
    "empty points": (lambda f: (f / "points.csv").write_text(""), "incomplete points.csv column"),
    "only the columns": (lambda f: change_lines(f / "points.csv", lambda lines: lines[:1]),
                         "incomplete rows"),
    "half a plan": (lambda f: (f / "plan.json").write_text(
        (f / "plan.json").read_text(encoding="utf-8")[:99]), "incomplete plan.json"),
    "plan of another version": (lambda f: change_json(f / "plan.json", version=7), "version 7 1"),
    "environment of another version": (lambda f: change_json(f / "environment.json", version=2),
                                       "environment.json version 2 1"),
    "plan without points": (lambda f: change_json(f / "plan.json", points=None), "plan.json points"),
    "no such column": (lambda f: change_lines(f / "points.csv", lambda lines: cut_column(lines, "bs")),
                       "column 'bs'"),
    "half a row": (lambda f: change_lines(f / "points.csv",
                                          lambda lines: lines[:4] + [lines[4][:30] + "\n"]),
                   "line 5 incomplete"),
    "a run is missing": (lambda f: change_lines(f / "points.csv", lambda lines: lines[:-1]),
                         "incomplete 1 repeat 5 --partial"),
    "a run twice": (lambda f: change_lines(f / "points.csv", lambda lines: lines + lines[-1:]), "twice"),
    "a word for a number": (lambda f: change_lines(f / "points.csv", lambda lines: [
        line.replace(",32,1,1,", ",32,one,1,") for line in lines]), "line 2 numjobs 'one'"),
    "not text": (lambda f: (f / "points.csv").write_bytes(b"\xff\xfe\0\1" * 99), "points.csv damaged"),
}
