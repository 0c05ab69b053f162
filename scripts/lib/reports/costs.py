# SPDX-License-Identifier: GPL-2.0-only
"""What protection costs: points beside their base lines, and medians over formats."""
import math
from dataclasses import dataclass
from statistics import median

from shared import measures
from reports import readings

GUARDS = ("16b", "32b", "64b")
# Who checks, from the most to the least: the summary is of the first that was measured.
STRICTEST = ("both", "host", "device", "unchecked", "pract")
# What the host does with a tuple, and the column that counts blocks it was done to.
WAYS = {"generate": "blocks_generated", "check": "blocks_checked"}
# The way a format stands in memory and on the wire, by which nothing else differs.
FACTORS = {"pi_type": "type", "placement": "tuple", "transfer": "metadata",
           "sts": "storage tag bits"}


@dataclass
class Middle:
    """A median; low and high are the repeats' extremes, None where there is one repeat."""

    value: float
    low: float = None
    high: float = None


class Source:
    """One target of a folder (of one host, or of all together), whose numbers belong together."""

    def __init__(self, folder, label, points):
        self.folder, self.label = folder, label
        self.kind, self.target, self.host = points[0].target_kind, points[0].target, points[0].host
        self.points = {p.id: p for p in points}

    def all(self, **words):
        """The points with these attributes."""
        return [p for p in self.points.values()
                if all(getattr(p, name) == value for name, value in words.items())]

    def base(self, point):
        """Its base line: itself, if it is one."""
        return self.points.get(point.base) if point.base else point

    def stand_ins(self):
        """Is PRACT=1 the base line of any point?"""
        return any(p.base_kind == "pract" for p in self.points.values())

    def repeats(self):
        """(fewest, most) repeats of a point."""
        counts = [len(p.runs) for p in self.points.values()]
        return min(counts), max(counts)

    def cores(self):
        """The CPUs of its host, or of each of all hosts; no limit where that is not told."""
        hosts = self.folder.hosts()
        facts = list(hosts.values()) if self.host == measures.TOTAL else \
            [hosts.get(self.host, next(iter(hosts.values())))]
        return [cores if isinstance(cores := one.get("cores"), int) and cores > 0 else math.inf
                for one in facts]

    # --- {repeat: value} of a point ---

    def beside_base(self, point, column):
        """
        (value, its base line's) by repeat: the base line's median in the same boot and round, or in
        the same boot where that round has none. Runs of a boot without a base line are left out.
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
        """Of its base line's."""
        return {r: value / other for r, (value, other) in self.beside_base(point, column).items()}

    def extra(self, point):
        """
        Nanoseconds a job takes longer for an I/O than at the base line. Jobs beyond the CPUs of a
        host wait for one: so many as there are CPUs work at a time.
        """
        jobs = sum(min(point.numjobs, cores) for cores in self.cores())
        return {r: jobs * 1e9 * (1 / value - 1 / other)
                for r, (value, other) in self.beside_base(point, "iops").items()}


def spent(way):
    """Nanoseconds an I/O, 0 where the engine reported and did no such work."""
    def read(point):
        return {r: run[f"{way}_ns_per_io"] or 0 for r, run in point.runs.items()
                if run["iops"] and run[WAYS[way]] is not None}
    return read


def column(name, unit=1):
    """A way to read a column of a point, in other units."""
    return lambda point: {r: value / unit for r, value in point.by_repeat(name).items()}


def middle(points, values):
    """The Middle of the points' medians in each repeat, or None."""
    found = [values(p) for p in points]
    rounds = {r for one in found for r in one}
    medians = [median(one[r] for one in found if r in one) for r in sorted(rounds)]
    if not medians:
        return None
    spans = (min(medians), max(medians)) if len(medians) > 1 else ()
    return Middle(median(medians), *spans)


# --- what there is ---

def sources(folders):
    """Every target of every folder; of several hosts, first all together."""
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
    Ways of protection that were measured beside a base line, cheapest first; of one kind
    of I/O, or of all.
    """
    return sorted({p.variant() for p in source.points.values()
                   if p.base and kind in (None, p.kind_of_io())}, key=variant_order)


def strictest(source):
    """The one that checks the most."""
    found = variants(source)
    return next((v for v in STRICTEST if v in found), found[-1] if found else None)


def kinds_of_io(source):
    return list(dict.fromkeys(p.kind_of_io() for p in source.points.values()))


def format_key(point):
    """What a row of the summary is: data size, guard, metadata size."""
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
    """(block size, depth, jobs) that were measured."""
    return sorted({(p.bs, p.iodepth, p.numjobs) for p in source.points.values()})


def least_load(source):
    """The smallest block, the least depth, the fewest jobs: what latency is shown of."""
    return loads(source)[0]


def busiest_load(source):
    """The smallest block at the greatest depth with the fewest jobs: what costs are shown of."""
    return min(loads(source), key=lambda load: (load[0], -load[1], load[2]))


def load_label(load):
    bs, depth, jobs = load
    return f"{bs} bytes an I/O, depth {depth}, {jobs} job{'s' * (jobs != 1)}"


def of_load(points, load):
    return [p for p in points if (p.bs, p.iodepth, p.numjobs) == load]


# --- summaries ---

def share_of(source, key, kind, variant):
    """What a format keeps of its base line's IOPS: a Middle, or None."""
    return middle([p for p in source.points.values() if p.base and format_key(p) == key
                   and p.kind_of_io() == kind and p.variant() == variant], source.share)


def share_of_guard(source, guard, variant, kind=None):
    return middle([p for p in source.points.values() if p.base and p.guard == guard
                   and p.variant() == variant and kind in (None, p.kind_of_io())], source.share)


def ranked(source, variant):
    """[(share kept, format)], the dearest first."""
    found = [(middle([p for p in source.points.values() if p.base and format_key(p) == key
                      and p.variant() == variant], source.share), key)
             for key in format_keys(source)]
    return sorted((one.value, key) for one, key in found if one)


def per_block(source, guard, size, way):
    """Nanoseconds the host takes a block to generate or check: a Middle, or None."""
    points = [p for p in source.points.values() if p.guard == guard and p.data_size == size
              and p.total(WAYS[way])]
    return middle(points, column(f"{way}_ns_per_block"))


def split(source, points):
    """(generating, checking, the rest) of what an I/O takes longer: Middles, or None each."""
    ways = [middle(points, spent(way)) for way in WAYS]
    whole = middle(points, source.extra)
    rest = whole and Middle(whole.value - sum(one.value for one in ways if one))
    return *ways, rest


def factors(source):
    """
    [(factor, value, other value, Middle)]: IOPS of points with the other value by those
    of points that are equal in all else.
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
    """{repeat: IOPS by the other's}."""
    others = other.by_repeat("iops")
    return {r: v / others[r] for r, v in point.by_repeat("iops").items() if r in others}


def totals(source, columns):
    """Sums over all runs."""
    return sum(p.total(c) for p in source.points.values() for c in columns)


def unrest(source):
    """How far apart the repeats of a base line are, by its median: that of the middle one."""
    found = []
    for p in source.points.values():
        values = list(p.by_repeat("iops").values())
        if not p.base and len(values) > 1:
            found.append((max(values) - min(values)) / median(values))
    return median(found) if found else 0


def failed(source):
    """Runs of which there is no result."""
    return sum(len(p.failed()) for p in source.points.values())


def cut_short(source):
    """Runs that ended before their time."""
    return sum(len(p.cut_short()) for p in source.points.values())


def unpaired(source):
    """Runs that went well, and have no base line of their boot."""
    return sum(len(p.by_repeat("iops")) - len(source.beside_base(p, "iops"))
               for p in source.points.values() if p.base)


def escaped(source):
    """(blocks that escaped checks that were asked for, blocks read in those runs)."""
    told = [p.escaped() for p in source.points.values() if p.escaped()]
    return sum(one for one, _ in told), sum(read for _, read in told)
