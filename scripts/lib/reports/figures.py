# SPDX-License-Identifier: GPL-2.0-only
"""Chooses the pictures that show the results of a sweep."""
import re
from dataclasses import dataclass, field

from reports import costs
from reports import makers
from reports import plots
from reports.findings import host_table, share

PERCENTILES = {"50 %": "lat_p50_ns", "90 %": "lat_p90_ns", "99 %": "lat_p99_ns",
               "99.9 %": "lat_p999_ns"}
SCALES = (("bs", "bytes per I/O"), ("iodepth", "queue depth"), ("numjobs", "jobs"))


@dataclass
class Figure:
    """
    Pictures that belong together; @across is their number in a row of the page. A picture may be
    None.
    """

    title: str
    text: str
    pictures: list
    across: int = 2
    tables: list = field(default_factory=list)

    def __post_init__(self):
        self.pictures = [picture for picture in self.pictures if picture]


def slug(*words):
    return re.sub(r"[^a-z0-9]+", "-", " ".join(map(str, words)).lower()).strip("-")


def panels(sources):
    """
    Returns (source, kind of I/O, end of a file name, title) for each pair that was measured; the
    sources of one kind of I/O follow each other.
    """
    kinds = dict.fromkeys(kind for s in sources for kind in costs.kinds_of_io(s))
    return [(s, kind, slug(i, kind), f"{kind}: {s.label}" if s.label else kind)
            for kind in kinds for i, s in enumerate(sources, 1)
            if costs.variants(s, kind)]


def size_breaks(keys):
    """Returns the indices of a list of tuples at which the first item changes."""
    return [i for i in range(1, len(keys)) if keys[i][0] != keys[i - 1][0]]


def scaled(middle, factor):
    """Returns a Middle multiplied by @factor."""
    if middle is None:
        return None
    return costs.Middle(*(None if v is None else v * factor
                          for v in (middle.value, middle.low, middle.high)))


# --- IOPS relative to the baseline ---

def kept_series(source, kind):
    keys = costs.format_keys(source)
    return [(v, v, [scaled(costs.share_of(source, key, kind, v), 100) for key in keys])
            for v in costs.variants(source, kind)]


def ends(keys, series):
    """Returns text with the smallest and the largest value of a panel."""
    found = sorted((m.value, costs.format_label(key), label) for label, _, values in series
                   for key, m in zip(keys, values) if m)
    if not found:
        return "nothing was measured"
    return "; ".join(f"{name}, {mode}: {value:.0f} per cent" for value, name, mode in
                     (found[0], found[-1]))


def kept(sources):
    drawn = [(panel, kept_series(panel[0], panel[1])) for panel in panels(sources)]
    xrange = plots.percent_range([m for _, series in drawn for _, _, v in series for m in v])
    pictures = []
    for (source, kind, name, title), series in drawn:
        keys = costs.format_keys(source)
        pictures.append(plots.dots(
            f"kept-{name}", title, f"IOPS at {title} as a percentage of the baseline, by format and "
            f"mode. Minimum and maximum: {ends(keys, series)}.",
            "per cent of the baseline's IOPS and bandwidth", [costs.format_label(k) for k in keys],
            series, xrange, size_breaks(keys), 100))
    return Figure("IOPS and bandwidth as a percentage of the baseline",
                  "100 % is the same data size and I/O without protection. I/O sizes are equal, so "
                  "the percentages hold for bandwidth, too. Medians over types, tuple positions, "
                  "transfer modes and loads.", pictures)


# --- heat maps ---

def heat_map(source, kind, name, title):
    lbafs = sorted({(size, ms) for size, _, ms in costs.format_keys(source)})
    rows = [(v, g) for v in costs.variants(source, kind) for g in costs.guards(source)]
    values = []
    for variant, guard in rows:
        found = [costs.share_of(source, (size, guard, ms), kind, variant) for size, ms in lbafs]
        values.append([m and m.value for m in found])
    known = [v for row in values for v in row if v is not None]
    alt = f"Heat map of IOPS lost at {title}, by data and metadata size, guard and mode"
    alt += f": from {share(1 - max(known))} to {share(1 - min(known))}." if known else "."
    return plots.cells(f"heat-{name}", title, alt, [f"{size}+{ms}" for size, ms in lbafs],
                       [f"{v}, {g}" for v, g in rows], values,
                       size_breaks(rows) if len(costs.guards(source)) > 1 else ())


def heat(sources):
    return Figure("Data size, metadata size and guard",
                  "Loss of IOPS of each combination, in per cent of the baseline. Grey: there is "
                  "no such format, or it was not measured.",
                  [heat_map(*panel) for panel in panels(sources)])


# --- latency ---

def latency_series(source, points):
    """Returns the series of the baseline and of the modes. All guards have the same baseline."""
    found = []
    for variant in ["none", *costs.variants(source)]:
        own = [p for p in points if p.variant() == variant]
        found.append((variant, variant, [costs.middle(own, costs.column(c, 1000))
                                         for c in PERCENTILES.values()]))
    return found


def latency(sources):
    drawn, loads = [], []
    for source, kind, name, title in panels(sources):
        load = costs.least_load(source)
        loads.append(costs.load_label(load))
        for size in costs.sizes(source):
            for guard in costs.guards(source):
                points = [p for p in costs.of_load(source.all(data_size=size), load)
                          if p.kind_of_io() == kind and p.guard in (guard, "none")]
                if any(p.guard == guard for p in points):
                    drawn.append((f"latency-{name}-{size}-{guard}", f"{title}, {size}, {guard}",
                                  latency_series(source, points)))
    scale = plots.log_scale([m for *_, series in drawn for _, _, v in series for m in v])
    pictures = [plots.lines(name, title, f"Completion latency by percentile at {title}.", "",
                            "microseconds", list(PERCENTILES), series, scale)
                for name, title, series in drawn]
    return Figure("Latency",
                  f"Completion latency by percentile, at {'; '.join(dict.fromkeys(loads))}. It "
                  "ends when the device completes the command. The host's checks come later and "
                  "are not included.",
                  pictures, 3)


# --- CPU ---

def cpu_series(source, kind, load):
    keys, found = costs.format_keys(source), []
    for variant in ["none", *costs.variants(source)]:
        values = []
        for size, guard, ms in keys:
            same = source.all(data_size=size, guard=guard, ms=ms) if variant != "none" else \
                source.all(data_size=size, guard="none")
            points = [p for p in costs.of_load(same, load)
                      if p.variant() == variant and p.kind_of_io() == kind]
            values.append(costs.middle(points, costs.column("cpu_ns_per_io", 1000)))
        found.append((variant, variant, values))
    return found


def cpu(sources):
    drawn = [(panel, cpu_series(panel[0], panel[1], costs.busiest_load(panel[0])))
             for panel in panels(sources)]
    xrange = plots.range_from_zero([m for _, series in drawn for _, _, v in series for m in v])
    pictures = []
    for (source, _, name, title), series in drawn:
        keys = costs.format_keys(source)
        pictures.append(plots.dots(
            f"cpu-{name}", title, f"CPU time per I/O at {title}, by format and mode.",
            "CPU microseconds per I/O, all jobs together", [costs.format_label(k) for k in keys],
            series, xrange, size_breaks(keys)))
    loads = dict.fromkeys(costs.load_label(costs.busiest_load(s)) for s in sources)
    return Figure("CPU time per I/O",
                  f"User and system time of fio's jobs, at {'; '.join(loads)}. With the embedded "
                  "controller this includes the work of the controller.", pictures)


# --- host and device apart ---

def apart_panel(source, kind, size, name, title):
    load = costs.busiest_load(source)
    rows, parts = [], []
    for guard in costs.guards(source):
        for variant in costs.own_variants(source):
            points = [p for p in costs.of_load(source.all(data_size=size, guard=guard), load)
                      if p.base and p.kind_of_io() == kind and p.variant() == variant]
            split = costs.split(source, points)
            if split[2]:
                rows.append((guard, f"{guard}, {variant}"))
                parts.append([m.value if m else 0 for m in split])
    labels = (("generate", "host: generate"), ("check", "host: check"),
              ("rest", "device and the rest"))
    bars = [(label, plots.PART_COLOURS[key], [row[i] for row in parts])
            for i, (key, label) in enumerate(labels)]
    longest = max(parts, key=sum, default=None)
    alt = f"Additional time per I/O compared with the baseline, split into host and device, at {title}."
    if longest:
        alt += f" Longest: {rows[parts.index(longest)][1]}, {sum(longest):.0f} ns."
    return plots.stack(f"apart-{name}-{size}", f"{title}, blocks of {size}", alt,
                       "additional nanoseconds per I/O",
                       [label for _, label in rows], bars, size_breaks(rows)) if rows else None


def apart(sources):
    drawn = panels(sources)
    kinds = list(dict.fromkeys(kind for _, kind, _, _ in drawn))
    order = sorted(((kinds.index(panel[1]), size, panel) for panel in drawn
                    for size in costs.sizes(panel[0])), key=lambda item: item[:2])
    pictures = [apart_panel(panel[0], panel[1], size, *panel[2:]) for _, size, panel in order]
    told = any(costs.totals(s, costs.WAYS.values()) for s in sources)
    loads = dict.fromkeys(costs.load_label(costs.busiest_load(s)) for s in sources)
    text = (f"Additional time of a job per I/O, compared with the baseline, at {'; '.join(loads)}. "
            "The engine measures its time for generating and checking tuples; the rest is time of "
            "the device and of copying metadata. Values below zero are noise and are not drawn.")
    if not told:
        text += " This engine reported no times, so the rest includes the host's part."
    return Figure("Costs of the host and costs of the device", text, pictures)


def per_block(sources):
    pictures = []
    for i, source in enumerate(sources, 1):
        rows = [(size, way) for size in costs.sizes(source) for way in costs.WAYS]
        series = [(g, g, [costs.per_block(source, g, size, way) for size, way in rows])
                  for g in costs.guards(source)]
        pictures.append(plots.dots(
            f"block-{i}", source.label or "generate and check",
            "Host time to generate and to check a block, by data size and guard.",
            "nanoseconds per block", [f"{size}: {way}" for size, way in rows], series,
            plots.range_from_zero([m for _, _, v in series for m in v]), size_breaks(rows)))
    return Figure("The host's time for a block",
                  "Time for generating a tuple and for checking one, on the CPU that runs the job, "
                  "measured by the engine.", pictures,
                  tables=[host_table(source) for source in sources])


# --- who makes the tuples ---

def maker_series(found, labels, value):
    """Returns the series of the modes; @found are makers.rows(), @value(points, label) a Middle."""
    modes = sorted({mode for _, mode, _ in found}, key=costs.variant_order)
    here = {(key, mode): points for key, mode, points in found}
    return [(mode, mode, [value(here[key, mode], one) if (key, mode) in here else None
                          for key, one in labels]) for mode in modes]


def maker_panel(source, kind, name, title):
    """Returns the pictures of IOPS, CPU time and latency by who makes the tuples; [] if there are none."""
    found = list(makers.rows(source, kind))
    keys = list(dict.fromkeys(key for key, _, _ in found))
    rows = [(key, one) for key in keys for one in makers.LATENCIES]
    shares = [row for row in maker_series(found, [(key, 0) for key in keys], lambda points, _: scaled(
        costs.middle(points, source.share), 100)) if row[0] != "none"]
    times = maker_series(found, rows, lambda points, one: costs.middle(
        points, costs.column(makers.LATENCIES[one], 1000)))
    ways = makers.parts(source)
    parts = [[costs.middle(points, way) for way in ways.values()] for *_, points in found]
    bars = [(name, plots.PART_COLOURS[name], [row[i].value / 1000 if row[i] else 0 for row in parts])
            for i, name in enumerate((*makers.CPU, "rest"))]
    labels = [costs.format_label(key) for key in keys]
    return [] if not found else [
        plots.dots(f"doors-iops-{name}", f"{title}: IOPS", f"IOPS at {title} by who makes the tuples.",
                   "per cent of the baseline's IOPS", labels, shares,
                   plots.percent_range([m for *_, v in shares for m in v]), size_breaks(keys), 100),
        plots.stack(f"doors-cpu-{name}", f"{title}: host and device", "User time, system time and the rest of "
                    f"the time of an I/O at {title} by who makes the tuples.", "microseconds per I/O",
                    [f"{costs.format_label(key)}, {mode}" for key, mode, _ in found], bars,
                    [i for i in range(1, len(found)) if found[i][0] != found[i - 1][0]]),
        plots.dots(f"doors-latency-{name}", f"{title}: latency", f"Completion latency at {title} by who "
                   "makes the tuples.", "microseconds",
                   [f"{costs.format_label(key)}, {one}" for key, one in rows], times,
                   plots.range_from_zero([m for *_, v in times for m in v]))]


def doors(sources):
    """Returns the figure of all modes beside those of the block device; without these it is empty."""
    pictures = [p for panel in panels(sources) if makers.compared(panel[0]) for p in maker_panel(*panel)]
    seen = dict.fromkeys(v for s in sources for v in makers.variants(makers.compared(s)))
    loads = dict.fromkeys(costs.load_label(costs.busiest_load(s)) for s in sources)
    return Figure("Doors: who makes the tuples",
                  f"{'; '.join(map(makers.maker, seen))}. On the same namespaces, at "
                  f"{'; '.join(loads)}. {makers.NOTE}", pictures, 3)


# --- loads ---

def scaling(sources):
    pictures = []
    for source, kind, name, title in panels(sources):
        for attribute, label in SCALES:
            values = sorted({getattr(p, attribute) for p in source.points.values()})
            if len(values) < 2:
                continue
            series = [(v, v, [scaled(costs.middle(
                [p for p in source.all(**{attribute: value}) if p.base and p.variant() == v
                 and p.kind_of_io() == kind], source.share), 100) for value in values])
                for v in costs.variants(source, kind)]
            scale = f"set yrange [{plots.percent_range([m for *_, v in series for m in v])}]"
            pictures.append(plots.lines(
                f"load-{name}-{attribute}", f"{title}, by {label}",
                f"IOPS at {title} as a percentage of the baseline, by {label}.", label,
                "per cent of the baseline's IOPS",
                list(map(str, values)), series, scale))
    return Figure("Loads", "IOPS as a percentage of the baseline, by I/O size, queue depth and "
                  "number of jobs; medians over everything else.", pictures, 3)


def figures(sources):
    """Returns all figures that have pictures, the most important first."""
    found = [kept(sources), heat(sources), doors(sources), apart(sources), per_block(sources), cpu(sources),
             latency(sources), scaling(sources)]
    return [f for f in found if f.pictures]
