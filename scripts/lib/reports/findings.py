# SPDX-License-Identifier: GPL-2.0-only
"""Describes the results of a sweep in sentences and in tables of text."""
from reports import costs
from reports import makers
from reports.tableau import Table, nanoseconds, percent
from shared import measures

# Headings that say on what kind of target the numbers were measured.
KINDS = {
    "embedded": ("costs of the host, not of a drive",
                 "Costs of the host, not of a drive: the target was the embedded controller, which "
                 "runs on the same cores as fio and computes guards there."),
    "guest": ("under emulation, relative only",
              "Under emulation, relative only: the target was QEMU's NVMe controller. Use these "
              "numbers only to compare formats with each other; they are not those of a drive."),
    "device": ("on a drive", "Measured on a drive."),
}
MODES = {
    "none": "no protection",
    "pract": "PRACT=1: the controller inserts and strips the tuples",
    "unchecked": "PRACT=0: the host generates the tuples, nobody checks",
    "device": "PRACT=0: the device checks",
    "host": "PRACT=0: the host checks",
    "both": "PRACT=0: device and host check",
    "kernel": "block device: the kernel makes and checks the tuples",
    "kernel-user": "block device: the application makes the tuples, the device checks",
}


READ_COLUMNS = "blocks_read", "blocks_checked", "blocks_escaped", "blocks_not_checked"
# largest range of a baseline's repeats, relative to its median, on a quiet machine
QUIET = 0.1


def title(sources):
    """Returns the heading of the report."""
    kinds = list(dict.fromkeys(KINDS[s.kind][0] for s in sources))
    return "What protection costs: " + "; ".join(kinds)


def share(kept):
    return f"{100 * kept:.0f} %"


def repeats(source):
    """Returns a sentence about how often points were measured, and what follows from that."""
    low, high = source.repeats()
    if high == 1:
        return ("Each point was measured once: there are no error bars, and small differences "
                "mean nothing.")
    often = f"{low} times" if low == high else f"{low} to {high} times"
    if low == 1:
        return (f"Points were measured {often}. Points that were measured once have no error bars, "
                "and their small differences mean nothing.")
    return f"Each point was measured {often}; error bars and brackets span all repeats."


def base_line(source):
    """Returns a sentence about what the costs are relative to."""
    if source.stand_ins():
        return ("Baseline: PRACT=1 in the same format, as the target can't be formatted without "
                "protection; the costs of PRACT=1 itself are not visible.")
    return "Baseline: the same data size and I/O, formatted without protection."


def headlines(source):
    """Returns the most important sentences."""
    variant = costs.strictest(source)
    ranked = costs.ranked(source, variant) if variant else []
    if not ranked:
        return [*fault_sentences(source),
                "No point with protection has a baseline to be compared with."]
    (least, expensive), (most, cheapest) = ranked[0], ranked[-1]
    found = fault_sentences(source)
    if expensive != cheapest:
        found.append(f"Cheapest format: {costs.format_label(cheapest)} has {share(most)} of the "
                     f"baseline's IOPS; most expensive: {costs.format_label(expensive)} has "
                     f"{share(least)} ({variant_label(variant)}).")
    else:
        found.append(f"{costs.format_label(cheapest)} has {share(most)} of the baseline's IOPS "
                     f"({variant_label(variant)}).")
    return found + makers.sentences(source) + host_sentences(source)


def variant_label(variant):
    """Returns a mode as text."""
    mode, _, checks = variant.partition(": ")
    return MODES[mode] + (f" ({checks} only)" if checks else "")


def host_sentences(source):
    """Returns a sentence about the time that the host takes, if the engine reported it."""
    size, parts = costs.sizes(source)[-1], []
    for guard in costs.guards(source):
        ways = [(word, costs.per_block(source, guard, size, way))
                for way, word in zip(costs.WAYS, ("to generate", "to check"))]
        known = [f"{nanoseconds(one)} {word}" for word, one in ways if one]
        if known:
            parts.append(f"{guard} {', '.join(known)}")
    return [f"The host's time for a tuple, with blocks of {size} bytes: {'; '.join(parts)}."] if parts else \
        ["The engine reported no times, so the host's share of the costs is unknown."]


def fault_sentences(source):
    """Returns sentences about what makes the results unreliable."""
    found, unrest = [], costs.unrest(source)
    if unrest > QUIET:
        found.append(f"The repeats of a baseline are {share(unrest)} apart: this machine or "
                     "target was not quiet, and smaller differences may be noise.")
    for columns, name in ((("pi_errors",), "PI errors"), (("io_errors",), "I/O errors")):
        number = costs.totals(source, columns)
        if number:
            found.append(f"{number} {name}: see points.csv; costs of runs with errors are unreliable.")
    missing = len(source.folder.missing)
    for number, what in ((costs.failed(source), "did no I/O"),
                         (costs.cut_short(source), "ended too early"),
                         (costs.fio_failed(source), "ended with an error of fio, such as a mismatch "
                          "of its own verify,"),
                         (costs.unpaired(source), "have no baseline of their boot")):
        if number:
            found.append(f"{number} {'run' if number == 1 else 'runs'} {singular(what, number)} and "
                         f"{'is' if number == 1 else 'are'} left out: see fio's messages in raw/.")
    escaped, read = costs.escaped(source)
    if escaped:
        found.append(f"{escaped} of {read} blocks escaped the checks that were asked for: their "
                     "application tag (FFFFh) disables all checks.")
    dropped = source.folder.partial_totals if source.host == measures.TOTAL else 0
    if dropped:
        found.append(f"{dropped} totals are left out, because not all hosts took part in these "
                     "runs.")
    if missing:
        found.append(f"The sweep is not finished: {missing} of its runs are missing.")
    return found


def singular(what, number):
    """Returns the verb phrase @what for a number of runs."""
    return what.replace("have", "has").replace("their", "its") if number == 1 else what


def kept_table(source, kind):
    """Returns the table of IOPS relative to the baseline by format."""
    variants = costs.variants(source)
    rows = []
    for key in costs.format_keys(source):
        found = [costs.share_of(source, key, kind, v) for v in variants]
        if any(found):
            rows.append([costs.format_label(key), *map(percent, found)])
    return Table(f"IOPS compared with the baseline: {kind}", ["format", *variants], rows,
                 "Change of IOPS relative to the baseline of the same round; medians over all "
                 "repeats, types, tuple positions, transfer modes and loads. Brackets: the repeats "
                 "with the lowest and with the highest median.")


def host_table(source):
    """Returns the table of the host's time to generate and to check a block."""
    rows = []
    for size in costs.sizes(source):
        for guard in costs.guards(source):
            ways = [costs.per_block(source, guard, size, way) for way in costs.WAYS]
            if any(ways):
                rows.append([f"{size}", guard, *map(nanoseconds, ways)])
    return Table("The host's time for a block", ["data bytes", "guard", *costs.WAYS], rows,
                 "Wall-clock time that the engine itself measured, in a sample of the I/Os; medians over "
                 "all formats and repeats. It includes page faults and preemption, so short runs show more.")


def split_table(source):
    """Returns the table of additional time per I/O, host and device apart."""
    load = costs.busiest_load(source)
    rows = []
    for size in costs.sizes(source):
        for guard in costs.guards(source):
            for variant in costs.own_variants(source):
                for kind in costs.kinds_of_io(source):
                    same = source.all(data_size=size, guard=guard)
                    points = [p for p in costs.of_load(same, load)
                              if p.base and p.variant() == variant and p.kind_of_io() == kind]
                    generate, check, rest = costs.split(source, points)
                    if rest:
                        rows.append([f"{size}", guard, variant, kind,
                                     *map(nanoseconds, (generate, check, rest))])
    return Table("Additional time per I/O compared with the baseline",
                 ["data bytes", "guard", "mode", "I/O", "host: generate", "host: check",
                  "device and the rest"], rows,
                 f"At {costs.load_label(load)}; medians over formats. 'The rest' is the time of the "
                 "device and of copying metadata; values below zero are noise.")


def block_table(source):
    """
    Returns the table of blocks that were read and how many of them were checked, if the engine
    reported it.
    """
    rows = []
    for guard in costs.guards(source):
        for variant in costs.variants(source):
            points = [p for p in source.all(guard=guard) if p.variant() == variant]
            told = [run for p in points for run in p.runs.values() if run["blocks_read"]]
            if told:
                rows.append([guard, variant, *(
                    "-" if any(run[column] is None for run in told)
                    else str(sum(run[column] for run in told)) for column in READ_COLUMNS)])
    return Table("Blocks that were read",
                 ["guard", "mode", "read", "checked by the host", "escaped", "not checked"], rows,
                 "All runs together, with their warm-up. The application tag of an escaped block "
                 "(FFFFh) disables its checks.")


def factor_table(source):
    """Returns the table of the effects of type, placement, transfer and storage tag."""
    rows = [[f"{name} {other} instead of {first}", percent(one)]
            for name, first, other, one in costs.factors(source)]
    return Table("Effect of type, tuple position, transfer mode and storage tag",
                 ["change", "IOPS"], rows,
                 "Computed between points that differ in nothing else.")


def tables(source):
    """Returns all tables of a source."""
    found = [kept_table(source, kind) for kind in costs.kinds_of_io(source)]
    return [t for t in [*found, makers.table(source), host_table(source), split_table(source), block_table(source),
                        factor_table(source)] if t.rows]
