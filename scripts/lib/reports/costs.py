# SPDX-License-Identifier: GPL-2.0-only
"""Computes what protection costs: points relative to their baselines, and medians over formats."""
import math
from dataclasses import dataclass
from statistics import median

from shared import measures
from shared.points import BLOCK_MODES
from reports import readings

GUARDS = ("16b", "32b", "64b")
# Check modes, strictest first. The summary uses the first one that was measured.
STRICTEST = ("both", "host", "device", "unchecked", "pract")
# The host's two steps on a tuple, and the column that counts the blocks of each.
WAYS = {"generate": "blocks_generated", "check": "blocks_checked"}
# Attributes of a format whose effect is shown separately, between points that differ in nothing
# else.
FACTORS = {"pi_type": "type", "placement": "tuple", "transfer": "metadata",
           "sts": "storage tag bits"}


@dataclass
class Middle:
    """A median. low and high are the extremes of the repeats, None if there is one repeat."""

    value: float
    low: float = None
    high: float = None


class Source:
    """
    One target of a results folder, on one host or on all hosts together. Its numbers are
    comparable.
    """

    def __init__(self, folder, label, points):
        self.folder, self.label = folder, label
        self.kind, self.target, self.host = points[0].target_kind, points[0].target, points[0].host
        self.points = {p.id: p for p in points}

    def all(self, **words):
        """Returns the points with these attributes."""
        return [p for p in self.points.values()
                if all(getattr(p, name) == value for name, value in words.items())]

    def base(self, point):
        """Returns the baseline of a point; a baseline is its own."""
        return self.points.get(point.base) if point.base else point

    def stand_ins(self):
        """Returns whether PRACT=1 is the baseline of any point."""
        return any(p.base_kind == "pract" for p in self.points.values())

    def repeats(self):
        """Returns (fewest, most) repeats of a point."""
        counts = [len(p.runs) for p in self.points.values()]
        return min(counts), max(counts)

    def cores(self):
        """
        Returns the number of CPUs of the host, or of each of all hosts; infinity if it is unknown.
        """
        hosts = self.folder.hosts()
        facts = list(hosts.values()) if self.host == measures.TOTAL else \
            [hosts.get(self.host, next(iter(hosts.values())))]
        return [cores if isinstance(cores := one.get("cores"), int) and cores > 0 else math.inf
                for one in facts]

    # --- {repeat: value} of a point ---

    def beside_base(self, point, column):
        """
        Returns {repeat: (value, baseline's value)}. The baseline's value is its median in the
        same boot and round, or in the same boot if that round has none. Runs of a boot without a
        baseline are left out.
        """
        base = self.base(point)
        others = base.by_round(column) if base else {}
        usual = {boot: median(value for (there, _), value in others.items() if there == boot)
                 for boot, _ in others}
        found = {}
        for repeat, value in point.by_repeat(column).items():
            other = others.get(point.place(repeat)) or usual.get(point.place(repeat)[0])
            if other:
                found[repeat] = value, other
        return found

    def share(self, point, column="iops"):
        """Returns {repeat: value / baseline's value}."""
        return {r: value / other for r, (value, other) in self.beside_base(point, column).items()}

    def extra(self, point):
        """
        Returns {repeat: nanoseconds that a job takes longer per I/O than at the baseline}. Only as
        many jobs as the host has CPUs work at the same time; the others wait.
        """
        jobs = sum(min(point.numjobs, cores) for cores in self.cores())
        return {r: jobs * 1e9 * (1 / value - 1 / other)
                for r, (value, other) in self.beside_base(point, "iops").items()}


def spent(way):
    """
    Returns a function of a point: {repeat: nanoseconds per I/O}, 0 if the engine reported but did
    no such work.
    """
    def read(point):
        return {r: run[f"{way}_ns_per_io"] or 0 for r, run in point.runs.items()
                if point.whole(run) and run[WAYS[way]] is not None}
    return read


def column(name, unit=1):
    """Returns a function of a point that reads a column and divides it by @unit."""
    return lambda point: {r: value / unit for r, value in point.by_repeat(name).items()}


def middle(points, values):
    """Returns the Middle of the points' medians per repeat, or None."""
    found = [values(p) for p in points]
    rounds = {r for one in found for r in one}
    medians = [median(one[r] for one in found if r in one) for r in sorted(rounds)]
    if not medians:
        return None
    spans = (min(medians), max(medians)) if len(medians) > 1 else ()
    return Middle(median(medians), *spans)


# --- what there is ---

def sources(folders):
    """Returns every target of every folder. If there are several hosts, all together come first."""
    found = []
    for folder in folders:
        groups = {}
        for p in folder.points:
            groups.setdefault((p.host, p.target_kind, p.target), []).append(p)
        hosts = {host for host, _, _ in groups}
        targets = {target for _, _, target in groups}
        ordered = sorted(groups.items(), key=lambda item: item[0][0] != measures.TOTAL)
        for (host, _, target), points in ordered:
            named = [folder.name] * (len(folders) > 1) + [target] * (len(targets) > 1)
            if len(hosts) > 1:
                named.append("all hosts" if host == measures.TOTAL else host)
            found.append(Source(folder, ", ".join(named), points))
    return found


def variant_order(variant):
    mode, _, words = variant.partition(": ")
    return readings.MODES.index(mode), words


def variants(source, kind=None):
    """
    Returns the modes that were measured besides a baseline, cheapest first; of one kind of I/O, or
    of all.
    """
    return sorted({p.variant() for p in source.points.values()
                   if p.base and kind in (None, p.kind_of_io())}, key=variant_order)


def own_variants(source):
    """Returns the modes of variants() that use this engine."""
    return [v for v in variants(source) if v.partition(": ")[0] not in BLOCK_MODES]


def strictest(source):
    """Returns the mode that checks the most."""
    found = variants(source)
    return next((v for v in STRICTEST if v in found), found[-1] if found else None)


def kinds_of_io(source):
    return list(dict.fromkeys(p.kind_of_io() for p in source.points.values()))


def format_key(point):
    """Returns what a row of the summary stands for: data size, guard, metadata size."""
    return point.data_size, point.guard, point.ms


def format_keys(source):
    return sorted({format_key(p) for p in source.points.values() if p.guard != "none"})


def format_label(key):
    return f"{key[0]}+{key[2]} {key[1]}"


def guards(source):
    return [g for g in GUARDS if any(p.guard == g for p in source.points.values())]


def sizes(source):
    return sorted({p.data_size for p in source.points.values()})


def loads(source):
    """Returns the (block size, depth, jobs) that were measured."""
    return sorted({(p.bs, p.iodepth, p.numjobs) for p in source.points.values()})


def least_load(source):
    """
    Returns the load for latency: the smallest block size, the smallest depth, the fewest jobs.
    """
    return loads(source)[0]


def busiest_load(source):
    """Returns the load for costs: the smallest block size, the greatest depth, the fewest jobs."""
    return min(loads(source), key=lambda load: (load[0], -load[1], load[2]))


def load_label(load):
    bs, depth, jobs = load
    return f"{bs} bytes an I/O, depth {depth}, {jobs} job{'s' * (jobs != 1)}"


def of_load(points, load):
    return [p for p in points if (p.bs, p.iodepth, p.numjobs) == load]


# --- summaries ---

def share_of(source, key, kind, variant):
    """Returns a format's IOPS relative to the baseline, a Middle or None."""
    return middle([p for p in source.points.values() if p.base and format_key(p) == key
                   and p.kind_of_io() == kind and p.variant() == variant], source.share)


def share_of_guard(source, guard, variant, kind=None):
    return middle([p for p in source.points.values() if p.base and p.guard == guard
                   and p.variant() == variant and kind in (None, p.kind_of_io())], source.share)


def ranked(source, variant):
    """Returns [(IOPS relative to the baseline, format)], the most expensive format first."""
    found = [(middle([p for p in source.points.values() if p.base and format_key(p) == key
                      and p.variant() == variant], source.share), key)
             for key in format_keys(source)]
    return sorted((one.value, key) for one, key in found if one)


def per_block(source, guard, size, way):
    """
    Returns the nanoseconds per block that the host takes to generate or to check, a Middle or None.
    """
    points = [p for p in source.points.values() if p.guard == guard and p.data_size == size
              and p.total(WAYS[way])]
    return middle(points, column(f"{way}_ns_per_block"))


def split(source, points):
    """
    Returns (generating, checking, the rest) of the additional time per I/O: each a Middle or None.
    """
    ways = [middle(points, spent(way)) for way in WAYS]
    whole = middle(points, source.extra)
    rest = whole and Middle(whole.value - sum(one.value for one in ways if one))
    return *ways, rest


def factors(source):
    """
    Returns [(factor, value, other value, Middle)]: IOPS of points with the other value divided by
    IOPS of points that are equal in everything else.
    """
    found = []
    for name, label in FACTORS.items():
        by_value = {}
        for p in source.points.values():
            if p.guard != "none" and getattr(p, name) not in (None, ""):
                definition = list(p.definition())
                definition[readings.DEFINING.index(name)] = None
                by_value.setdefault(getattr(p, name), {})[tuple(definition)] = p
        values = sorted(by_value, key=lambda v: (v not in ("separate", "last"), v))
        for other in values[1:]:
            pairs = {id(p): by_value[values[0]][key] for key, p in by_value[other].items()
                     if key in by_value[values[0]]}
            points = [p for p in by_value[other].values() if id(p) in pairs]
            one = middle(points, lambda p, pairs=pairs: ratio(p, pairs[id(p)]))
            if one:
                found.append((label, values[0], other, one))
    return found


def ratio(point, other):
    """Returns {repeat: IOPS divided by those of the other point}."""
    others = other.by_repeat("iops")
    return {r: v / others[r] for r, v in point.by_repeat("iops").items() if r in others}


def totals(source, columns):
    """Returns the sum of these columns over all runs."""
    return sum(p.total(c) for p in source.points.values() for c in columns)


def unrest(source):
    """
    Returns the range of the repeats of a baseline relative to its median; the median of all
    baselines.
    """
    found = []
    for p in source.points.values():
        values = list(p.by_repeat("iops").values())
        if not p.base and len(values) > 1:
            found.append((max(values) - min(values)) / median(values))
    return median(found) if found else 0


def failed(source):
    """Returns the number of runs without a result."""
    return sum(len(p.failed()) for p in source.points.values())


def cut_short(source):
    """Returns the number of runs that ended too early."""
    return sum(len(p.cut_short()) for p in source.points.values())


def fio_failed(source):
    """Returns the number of runs in which fio ended with an error that is not counted elsewhere."""
    return sum(len(p.fio_failed()) for p in source.points.values())


def not_good(source):
    """Returns (runs that failed, ended too early, had errors or are missing; all that were planned)."""
    missing = sum(p.missing() for p in source.points.values())
    return (sum(p.not_good() for p in source.points.values()) + missing,
            sum(len(p.runs) for p in source.points.values()) + missing)


def unpaired(source):
    """Returns the number of good runs that have no baseline of their boot."""
    return sum(len(p.by_repeat("iops")) - len(source.beside_base(p, "iops"))
               for p in source.points.values() if p.base)


def escaped(source):
    """Returns (blocks that escaped the requested checks, blocks read in those runs)."""
    told = [p.escaped() for p in source.points.values() if p.escaped()]
    return sum(one for one, _ in told), sum(read for _, read in told)
