# SPDX-License-Identifier: GPL-2.0-only
"""
Who makes the tuples: the drive, this engine, the kernel, or the application by the kernel. Compares
the modes in the formats in which a mode of the block device was measured.
"""
from reports import costs
from reports.tableau import Table, nanoseconds, percent
from shared.points import BLOCK_MODES

MAKERS = {"none": "nobody", "pract": "the drive", "unchecked": "this engine", "device": "this engine",
          "host": "this engine", "both": "this engine", "kernel": "the kernel",
          "kernel-user": "the application, by the kernel"}
FORMAT = ("data_size", "ms", "guard", "pi_type", "placement", "transfer", "sts")
CPU = {"user": "usr_cpu", "system": "sys_cpu"}
LATENCIES = {"50 %": "lat_p50_ns", "99 %": "lat_p99_ns"}
NOTE = ("kernel and kernel-user use fio's own engine io_uring on the block device, so the block layer "
        "is in their costs. User and system time are those of fio's jobs; the rest of the time of an "
        "I/O is that of the device, and of what the kernel does in threads of its own, such as "
        "checking the tuples of reads.")
REST = "device and the rest"


def maker(variant):
    """Returns who makes the tuples in a mode, and the mode: 'the kernel (kernel)'."""
    return f"{MAKERS[variant.partition(': ')[0]]} ({variant})"


def format_of(point):
    return tuple(getattr(point, name) for name in FORMAT)


def compared(source):
    """
    Returns the points with protection that are compared: all modes of the formats that were
    measured by the block device.
    """
    formats = {format_of(p) for p in source.points.values() if p.mode in BLOCK_MODES}
    return [p for p in source.points.values() if p.base and format_of(p) in formats]


def baselines(source, points):
    """Returns the baselines of points, each once."""
    return list({base.id: base for p in points if (base := source.base(p))}.values())


def variants(points):
    return sorted({p.variant() for p in points}, key=costs.variant_order)


def keys(points):
    return sorted({costs.format_key(p) for p in points})


def chosen(points, kind, load, key=None):
    """Returns the points of a kind of I/O and a load, of one format of the summary or of all."""
    return [p for p in costs.of_load(points, load) if p.kind_of_io() == kind
            and key in (None, costs.format_key(p))]


def cpu(name):
    """Returns a function of a point: {repeat: nanoseconds of user or of system time per I/O}."""
    def read(point):
        found = {}
        for repeat, whole in point.by_repeat("cpu_ns_per_io").items():
            run = point.runs[repeat]
            both = (run["usr_cpu"] or 0) + (run["sys_cpu"] or 0)
            if both:
                found[repeat] = whole * (run[CPU[name]] or 0) / both
        return found
    return read


def rest(source):
    """
    Returns a function of a point: {repeat: nanoseconds per I/O in which its jobs had no CPU}. As
    many jobs as the host has CPUs work at the same time.
    """
    def read(point):
        jobs = sum(min(point.numjobs, cores) for cores in source.cores())
        busy = point.by_repeat("cpu_ns_per_io")
        return {repeat: max(0, jobs * 1e9 / iops - busy[repeat])
                for repeat, iops in point.by_repeat("iops").items() if iops and repeat in busy}
    return read


def parts(source):
    """Returns {part of the time of an I/O: its function of a point}: the host's two, and the rest."""
    return {**{f"{name} time": cpu(name) for name in CPU}, REST: rest(source)}


def rows(source, kind):
    """
    Yields (format of the summary, mode, its points) of a kind of I/O, at the load for costs, format
    by format with the baseline first.
    """
    points, load = compared(source), costs.busiest_load(source)
    for key in keys(points):
        own = chosen(points, kind, load, key)
        bases = baselines(source, own)
        if bases:
            yield key, bases[0].variant(), bases
        for variant in variants(own):
            yield key, variant, [p for p in own if p.variant() == variant]


def sentences(source):
    """Returns a sentence per kind of I/O, none if no mode of the block device was measured."""
    found, load = [], costs.busiest_load(source)
    for kind in costs.kinds_of_io(source):
        points = chosen(compared(source), kind, load)
        shares = [(v, costs.middle([p for p in points if p.variant() == v], source.share))
                  for v in variants(points)]
        words = [f"{maker(v)} {100 * one.value:.0f} %" for v, one in shares if one]
        if words:
            found.append(f"Who makes the tuples, {kind}: {', '.join(words)} of the baseline's IOPS.")
    return found


def table(source):
    """Returns the table of who makes the tuples."""
    lines = []
    for kind in costs.kinds_of_io(source):
        for key, variant, points in rows(source, kind):
            share = percent(costs.middle(points, source.share)) if points[0].base else "baseline"
            lines.append([costs.format_label(key), kind, maker(variant), share, *(
                nanoseconds(costs.middle(points, part)) for part in parts(source).values()), *(
                nanoseconds(costs.middle(points, costs.column(column)))
                for column in LATENCIES.values())])
    return Table("Who makes the tuples", ["format", "I/O", "made by (mode)", "IOPS", *parts(source),
        *(f"latency {name}" for name in LATENCIES)], lines,
        f"At {costs.load_label(costs.busiest_load(source))}. {NOTE}")
